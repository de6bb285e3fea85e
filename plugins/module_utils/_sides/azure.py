# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half of peerings in AZURE as a side: the role of Atlas on VNets, which it peers with itself."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._azure.access import ROLE_ABSENT, Access
from .._azure.plan import (
    AccessState,
    CreatePrincipal,
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
from .._engine.plan import Plan, Step, plan_each
from .._engine.side import (
    BEFORE,
    FORESEEN,
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

if t.TYPE_CHECKING:
    # Read only for a list.
    from .azure_entries import AzureEntries

_NO_PRINCIPAL = "PrincipalNotFound"
_NAME_TAKEN = "RoleDefinitionWithSameNameExists"
_ENDED, _KNOWN = "its end", "Azure to know it"
# In a list, a role waits for the service principal that another one creates.
_PRINCIPAL = Waiting("the service principal", polls=False, ends_with_steps=True)
# The role of a pruned connection waits until its connections are gone: Atlas needs it until then.
_FREE = Waiting("the connections to be gone", polls=False, ends_with_steps=True)
# A role is removed after another look, and after a further one if its peerings had to end.
_LOOK, _LOOK_LATER = (Waiting(goal, polls_at_once=True, looks_again=True) for goal in ("another look", "a look after its end"))


class VnetRole(t.NamedTuple):
    """What the role on one VNet should be: the options of its module, and the requests about the VNet."""

    params: Parameters
    access: Access


class AzureSide(Side[AccessState]):
    """The role of Atlas on VNets, each an owner: a service principal, a role, and its assignment.

    Before a role is removed, the peerings with `atlas_vnet_names` have to end. Azure refuses an assignment until its role and
    service principal are known everywhere: it is sent again.

    In a list, the steps of a VNet are one change, counted with the last one. The first VNet of a directory creates the service
    principal for all; a role is removed after another look at its VNet.

    Args:
        context: What all sides of the run share.
        roles: What each role should be, by its owner; empty for a list.

    Attributes:
        entries: What a list sets for its roles, each for the entries with one VNet; None if there is no list.
    """

    name = "azure"
    retries = 3
    polls_while_sending = True

    def __init__(self, context: Context, roles: t.Mapping[Owner, VnetRole]) -> None:
        super().__init__(context, [*roles])
        self.entries: AzureEntries | None = None
        self._roles = roles
        # The owners whose role was sent, so that Azure may not know it everywhere yet.
        self._with_new_role: set[Owner] = set()
        # In a list: the owner that creates the service principal of each directory, and whether an owner's last read was a look.
        self._makers: dict[str, Owner] = {}
        self._had_full_look: dict[Owner, bool] = {}

    def _role(self, owner: Owner) -> VnetRole:
        return self._roles[owner] if self.entries is None else self.entries.role(owner)

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the VNet and what Atlas may do there or, in a poll, for the VNet alone."""
        for owner in owners:
            access = self._role(owner).access
            is_poll = purpose is Purpose.POLL
            self._had_full_look[owner] = not is_poll
            yield Query(owner, partial(access.look_at_vnet, self.states[owner]) if is_poll else access.look, (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, AccessState]:
        """Return what was read."""
        return {owner: state for owner, state in replies.items() if state != self.states.get(owner)}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what Atlas lacks, or the removal. A prediction assumes the end of the peerings that a run waits for.

        Raises:
            TaskError: If the role of the options does not grant what Atlas needs. In a list, it fails for its entries.
        """
        self._makers = {directory: maker for directory, maker in self._makers.items() if maker not in owners}
        return plan_each(owners, self._plan, lambda owner: None if self.entries is None else self.entries.entries_of(owner))

    def _plan(self, owner: Owner) -> Plan:
        state = self.states[owner]
        if self.entries is not None:
            return self.entries.plan_role(owner, state)
        params = self._role(owner).params
        if params["state"] == "absent":
            return plan_absent(params, state, will_end=self.context.is_prediction).of_owner(owner)
        return plan_present(params, state).of_owner(owner)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait before a plan until the peerings with `atlas_vnet_names` have ended, if there is something to remove then.

        A list waits before each step: for that end, between two looks, or for the service principal that another VNet creates;
        and, with the role of pruned connections, until these are gone in Atlas.

        Raises:
            TaskError: If all entries with the VNet have failed, or a pruned connection was not removed.
        """
        if self.entries is not None:
            return None if step is None else self._wait_in_list(owner, step, self.entries)
        params, state = self._role(owner).params, self.states[owner]
        if self.context.stage != BEFORE or params["state"] != "absent" or not ending_peerings(params, state):
            return None
        return Waiting(_ENDED) if plan_absent(params, state).steps else None

    def _wait_in_list(self, owner: Owner, step: Step, entries: AzureEntries) -> Waiting | None:
        failure = entries.failure_of(owner)
        if failure is not None:
            raise failure
        if not entries.is_free(owner):
            return _FREE
        params, state = self._role(owner).params, self.states[owner]
        if params["state"] == "present":
            maker = self._makers.get(self._directory_of(owner), owner)
            is_made = maker != owner and entries.failure_of(maker) is None
            return _PRINCIPAL if isinstance(step.request, CreatePrincipal) and is_made else None
        if owner not in self._had_full_look:
            return _LOOK
        if ending_peerings(params, state):
            return Waiting(_ENDED, own_pace=True)
        return None if self._had_full_look[owner] else _LOOK_LATER

    def _directory_of(self, owner: Owner) -> str:
        return "" if self.entries is None else str(self.entries.directories[owner]).lower()

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a peering that has not ended, or of an assignment that is still refused."""
        if error.refusal is not None:
            hint = f"Run the task again in some minutes, or raise {as_option('wait_timeout')}."
            return still_refused(error, error.refusal, hint)
        if self.entries is not None and step is not None and waiting in (_PRINCIPAL, _FREE):
            return self.entries.late_error(step, error)
        peering = ending_peerings(self._role(owner).params, self.states[owner])[0]
        return time_is_up(error, f"the peering {peering.name} with {peering.remote_name} had ended (it is {peering.state})")

    def request(self, step: Step) -> Call:
        """Send a step; the call returns what its reply shows. What another VNet has created meanwhile is not created again."""
        owner, state = step.owner, self.states[step.owner]
        if isinstance(step.request, CreatePrincipal) and self.entries is not None:
            if state.principal_id is not None:
                return partial(str, state.principal_id)
            self._makers[self._directory_of(owner)] = owner
        if isinstance(step.request, PutRole):
            self._with_new_role.add(owner)
        return partial(self._role(owner).access.send, step.request, state)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record what was created or removed; in a prediction, a new object has no id."""
        owner, made = step.owner, None if reply is FORESEEN else reply
        if self.entries is None and reply is SEEN:
            return Effect({})
        # A list takes only new states.
        after = replace(self.states[owner]) if reply is SEEN else state_after(self.states[owner], step.request, made)
        states, directory = {owner: after}, self._directory_of(owner)
        if isinstance(step.request, CreatePrincipal):
            self._makers.pop(directory, None)
            for other, state in self.states.items():
                if other != owner and state.principal_id is None and self._directory_of(other) == directory:
                    states[other] = replace(state, principal_id=after.principal_id)
        return Effect(states, None if self.entries is None else self.entries.changes_of(owner, after))

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait until Azure knows the service principal and our role everywhere: until then, it may refuse the assignment."""
        is_unknown = error.error_code == _NO_PRINCIPAL or (step.owner in self._with_new_role and error.error_code in ROLE_ABSENT)
        return Waiting(_KNOWN, polls=False, own_pace=True) if isinstance(step.request, PutAssignment) and is_unknown else None

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Add how to do without a role of our own, if it is refused."""
        params = self._role(step.owner).params
        if isinstance(step.request, PutRole) and isinstance(error, AzureDeniedError):
            way = or_another_role(params, "set role_definition_id to a role that exists.")
            return error.with_hint(f"{error.hint} Or {way}" if error.hint and way else error.hint or way.capitalize() or None)
        if error.error_code == _NAME_TAKEN:
            way = or_another_role(params, ", or set role_definition_id")
            return error.with_hint(f"A role of this name exists, and cannot be assigned at the VNet. Remove it{way}.")
        return error

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, AccessState]:
        """Return the roles after some steps; a list predicts its own."""
        return super().predict(steps) if self.entries is None else {}

    def progress_line(self) -> str:
        """Return how many roles of a list are given."""
        return "" if self.entries is None else self.entries.line()
