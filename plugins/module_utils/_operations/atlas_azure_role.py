# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_azure_role does: it lets Atlas peer with a VNet in Azure, or ends that."""

from __future__ import annotations

import typing as t

from .._azure import options, session
from .._azure.access import ROLE_ABSENT, Access
from .._azure.errors import AzureDeniedError
from .._azure.plan import (
    AccessState,
    PutAssignment,
    PutRole,
    ending_peerings,
    or_another_role,
    plan_absent,
    plan_present,
    state_after,
)
from .._clouds.azure import AZURE
from .._engine.operation import Operation, Status
from .._engine.options import Parameters
from .._engine.plan import Plan, Step
from .._engine.wait import Wait, WaitTimeoutError, time_is_up
from .._http.errors import TaskError
from .._http.pauses import Clock

_NO_PRINCIPAL = "PrincipalNotFound"
_NAME_TAKEN = "RoleDefinitionWithSameNameExists"


class AtlasAzureRole(Operation[session.AzureSession, AccessState]):
    """Gives Atlas's application a role on a VNet, or takes it away."""

    argument_spec = options.ARGUMENT_SPEC
    libraries = session.LIBRARIES
    connect = staticmethod(session.connect)
    service = AZURE.name
    noun = "azure_role"
    # How often a change is repeated after its reply was lost, or after it was overtaken.
    retries = 3

    def __init__(self, params: Parameters, azure: session.AzureSession, clock: Clock) -> None:
        super().__init__(params, azure, clock)
        self._access = Access(azure, params)
        self._is_absent = params["state"] == "absent"
        # Whether this task has made the role, so that Azure may not know it everywhere yet.
        self._has_made_role = False
        # A prediction does not wait for the end of a peering, and counts on it; after a wait, one that is there counts.
        self._will_end = True

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options."""
        return options.validate(params), []

    @property
    def name(self) -> str:
        """The VNet, for the user."""
        return f"Atlas's role on {self.params['scope'].rpartition('/')[2]}"

    def look(self) -> AccessState:
        """Read the VNet, and what Atlas may do there."""
        return self._access.look()

    def wait_first(self, state: AccessState) -> Wait[AccessState] | None:
        """Wait until the peerings with `atlas_vnet_names` have ended, if there is something to remove then."""
        self._will_end = False
        if not self._is_absent or not ending_peerings(self.params, state) or not plan_absent(self.params, state).steps:
            return None

        def late(last: AccessState, error: WaitTimeoutError) -> TaskError | None:
            (peering, *unused) = ending_peerings(self.params, last)
            shown = f"{peering.name} with {peering.remote_name} had ended (it is {peering.state})"
            return time_is_up(error, f"the peering {shown}")

        return Wait(
            "its end",
            poll=self._access.look_at_vnet,
            is_done=lambda last: not ending_peerings(self.params, last),
            late=late,
        )

    def decide(self, state: AccessState) -> Plan:
        """Plan what Atlas lacks, or what is removed."""
        if self._is_absent:
            return plan_absent(self.params, state, will_end=self._will_end)
        return plan_present(self.params, state)

    def predict(self, state: AccessState, plan: Plan) -> AccessState:
        """Return the state after the change, in which what is not made yet has no id."""
        for step in plan.steps:
            state = state_after(state, step.request)
        return state

    def apply(self, step: Step, state: AccessState) -> AccessState:
        """Send the request of a step."""
        self._has_made_role = self._has_made_role or isinstance(step.request, PutRole)
        return state_after(state, step.request, self._access.send(step.request, state))

    def explain(self, step: Step, error: TaskError, state: AccessState) -> TaskError:
        """Say how to do without a role of our own, if it is refused."""
        if isinstance(step.request, PutRole) and isinstance(error, AzureDeniedError):
            way = or_another_role(self.params, "set role_definition_id to a role that exists.")
            return error.with_hint(f"{error.hint} Or {way}" if error.hint and way else error.hint or way.capitalize() or None)
        if error.error_code == _NAME_TAKEN:
            way = or_another_role(self.params, ", or set role_definition_id")
            return error.with_hint(f"A role of this name exists, and cannot be assigned at the VNet. Remove it{way}.")
        return error

    def wait_refused(self, step: Step, error: TaskError, state: AccessState) -> Wait[AccessState] | None:
        """Wait until Azure knows the service principal and our role everywhere: until then, it may refuse the assignment."""
        if not self._is_too_early(step, error):
            return None
        refusals = [error]

        def refused(last: AccessState, again: TaskError) -> AccessState | None:
            refusals.append(again)
            return last if self._is_too_early(step, again) else None

        def late(last: AccessState, timeout: WaitTimeoutError) -> TaskError | None:
            refusal = refusals[-1].with_message(
                f"{refusals[-1].message} It was still refused after {timeout.waited:.0f} seconds."
            )
            return refusal.with_hint("Run the task again in some minutes, or raise wait_timeout.")

        return Wait("Azure to know it", poll=lambda last: last, is_done=lambda last: True, late=late, refused=refused)

    def _is_too_early(self, step: Step, error: TaskError) -> bool:
        is_unknown = error.error_code == _NO_PRINCIPAL or (self._has_made_role and error.error_code in ROLE_ABSENT)
        return isinstance(step.request, PutAssignment) and is_unknown

    def status(self, state: AccessState, wait: Wait[AccessState] | None) -> Status | None:
        """Return what the task waits for."""
        if wait is None:
            return None
        ending = ending_peerings(self.params, state) if self._is_absent else []
        return Status(f"the peering {ending[0].name} is {ending[0].state}" if ending else "not known everywhere")

    def show(self, state: AccessState, plan: Plan) -> dict[str, t.Any]:
        """Show what Atlas may do at the VNet, null for nothing; and the VNet, null if there is none."""
        vnet = None if state.vnet is None else state.vnet.to_result()
        return {"azure_role": state.to_result(), "vnet": vnet, "notes": state.notes}


OPERATION = AtlasAzureRole
