# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half of peerings in AZURE as a side: the role of Atlas on VNets, which it peers with itself."""

from __future__ import annotations

import typing as t
from functools import partial

from .._azure.access import ROLE_ABSENT, Access
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
from .._azure.session import AzureDeniedError
from .._engine.options import Parameters
from .._engine.plan import Plan, Step, joined
from .._engine.side import (
    BEFORE,
    PREDICTED,
    SEEN,
    Call,
    Context,
    Effect,
    NoReply,
    Owner,
    Purpose,
    Query,
    Replies,
    ReplyValue,
    Side,
    Waiting,
)
from .._engine.wait import WaitTimeoutError, still_refused, time_is_up
from .._http.errors import TaskError, as_option

_NO_PRINCIPAL = "PrincipalNotFound"
_NAME_TAKEN = "RoleDefinitionWithSameNameExists"
ENDED, _KNOWN = "its end", "Azure to know it"


class VnetRole(t.NamedTuple):
    """What the role on one VNet should be: the options of its module, and the requests about the VNet."""

    params: Parameters
    access: Access


class AzureSide(Side[AccessState]):
    """The role of Atlas on VNets, each an owner: a service principal, a role, and its assignment.

    Before a role is removed, the peerings with `atlas_vnet_names` have to end. Azure refuses an assignment until its role and
    service principal are known everywhere: it is sent again.

    Args:
        context: What all sides of the run share.
        roles: What each role should be, by its owner; empty for a list.
    """

    name = "azure"
    retries = 3
    polls_while_sending = True

    def __init__(self, context: Context, roles: t.Mapping[Owner, VnetRole]) -> None:
        super().__init__(context, [*roles])
        self._roles = roles
        # The owners whose role was sent, so that Azure may not know it everywhere yet.
        self._with_new_role: set[Owner] = set()

    def role(self, owner: Owner) -> VnetRole:
        """Return what a role should be."""
        return self._roles[owner]

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the VNet and what Atlas may do there or, in a poll, for the VNet alone."""
        for owner in owners:
            access = self.role(owner).access
            is_poll = purpose is Purpose.POLL
            yield Query(owner, partial(access.look_at_vnet, self.states[owner]) if is_poll else access.look, (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, AccessState]:
        """Return what was read."""
        return {owner: state for owner, state in replies.items() if state != self.states.get(owner)}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what Atlas lacks, or the removal. A prediction assumes the end of the peerings that a run waits for.

        Raises:
            TaskError: If the role of the options does not grant what Atlas needs.
        """
        return joined([self._plan(owner) for owner in owners])

    def _plan(self, owner: Owner) -> Plan:
        params, state = self.role(owner).params, self.states[owner]
        if params["state"] == "absent":
            return plan_absent(params, state, will_end=self.context.is_prediction).of_owner(owner)
        return plan_present(params, state).of_owner(owner)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait before a plan until the peerings with `atlas_vnet_names` have ended, if there is something to remove then."""
        params, state = self.role(owner).params, self.states[owner]
        if self.context.stage != BEFORE or params["state"] != "absent" or not ending_peerings(params, state):
            return None
        return Waiting(ENDED) if plan_absent(params, state).steps else None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a peering that has not ended, or of an assignment that is still refused."""
        if error.refusal is not None:
            hint = f"Run the task again in some minutes, or raise {as_option('wait_timeout')}."
            return still_refused(error, error.refusal, hint)
        peering = ending_peerings(self.role(owner).params, self.states[owner])[0]
        return time_is_up(error, f"the peering {peering.name} with {peering.remote_name} had ended (it is {peering.state})")

    def request(self, step: Step) -> Call:
        """Send a step; the call returns what its reply shows."""
        if isinstance(step.request, PutRole):
            self._with_new_role.add(step.owner)
        return partial(self.role(step.owner).access.send, step.request, self.states[step.owner])

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record what was created or removed; in a prediction, a new object has no id."""
        made = None if reply is PREDICTED else reply
        return Effect({} if reply is SEEN else {step.owner: state_after(self.states[step.owner], step.request, made)})

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait until Azure knows the service principal and our role everywhere: until then, it may refuse the assignment."""
        is_unknown = error.error_code == _NO_PRINCIPAL or (step.owner in self._with_new_role and error.error_code in ROLE_ABSENT)
        return Waiting(_KNOWN, polls=False, own_pace=True) if isinstance(step.request, PutAssignment) and is_unknown else None

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Add how to do without a role of our own, if it is refused."""
        params = self.role(step.owner).params
        if isinstance(step.request, PutRole) and isinstance(error, AzureDeniedError):
            way = or_another_role(params, "set role_definition_id to a role that exists.")
            return error.with_hint(f"{error.hint} Or {way}" if error.hint and way else error.hint or way.capitalize() or None)
        if error.error_code == _NAME_TAKEN:
            way = or_another_role(params, ", or set role_definition_id")
            return error.with_hint(f"A role of this name exists, and cannot be assigned at the VNet. Remove it{way}.")
        return error
