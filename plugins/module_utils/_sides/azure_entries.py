# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on AZURE of the entries: Atlas needs a role on each VNet, which the side gives or removes."""

from __future__ import annotations

import typing as t
from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession
from .._azure.access import Access
from .._azure.plan import AccessState, CreatePrincipal, ending_peerings, plan_absent, plan_present, removal_lines, state_after
from .._clouds.azure import AZURE
from .._clouds.cloud import Fields, Peer, fields_of
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, EntryWarning, Plan, Step, joined, plan_each
from .._engine.side import PREDICTED, SEEN, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Waiting
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError, as_name, shown
from .azure import ENDED, AzureSide, VnetRole
from .azure_vnets import RoleTerms, VnetReads, atlas_network, is_at, name_of_role, scope_of, staying_at
from .path_state import AVAILABLE, ROLES, SIDES, PathSide, PathState, as_one, late_error_of

# The name of the step in results.
_ROLE = "role"
_Action = t.Literal["create", "update", "delete"]
# A role waits for the service principal that another one creates.
_PRINCIPAL = Waiting("the service principal", polls=False, ends_with_steps=True)
# The role of a pruned connection waits until its connections are gone: Atlas needs it until then.
_FREE = Waiting("the connections to be gone", polls=False, ends_with_steps=True)
# A role is removed after another look, and after a further one if its peerings had to end.
_LOOK, _LOOK_LATER = (Waiting(goal, polls_at_once=True, looks_again=True) for goal in ("another look", "a look after its end"))


class PrunedRole(t.NamedTuple):
    """The role on a VNet that no entry means.

    Attributes:
        peer: The pruned connection that it belongs to, which is its owner.
        beside: The ids of all pruned connections to the VNet: Atlas needs the role until they are gone.
        role: The removal and its requests.
        found: What Atlas may do there at first.
        change: The removal.
    """

    peer: Peer
    beside: t.Sequence[str]
    role: VnetRole
    found: AccessState
    change: Change


class PrunedRoles:
    """The roles that pruned connections leave on VNets that no entry means: each is removed after its connections.

    Args:
        terms: Knows the VNets of the entries.
        reader: Reads VNets.
        lanes: How many roles are changed at the same time.
        states: The states of the side.
        path: What is known of both sides.

    Attributes:
        name: The name of the side.
        roles: The roles, by the id of the connection that each belongs to.
    """

    name = "azure"

    def __init__(
        self,
        terms: RoleTerms,
        reader: VnetReads,
        lanes: tuple[tuple[t.Hashable, int], ...],
        states: MutableMapping[Owner, AccessState],
        path: PathState,
    ) -> None:
        self._terms, self._reader, self._lanes, self._states, self._path = terms, reader, lanes, states, path
        self.look_at_pruned = reader.look_at_pruned
        self.roles: dict[Owner, PrunedRole] = {}

    def plan_pruned(self, peer: Peer, found: AccessState, leaving: t.Sequence[Peer]) -> Plan:
        """Plan the removal of the role that a pruned connection leaves: after the connection.

        Args:
            peer: The connection.
            found: What Atlas may do at its VNet.
            leaving: All connections that are pruned; the role belongs to the first one of a VNet.
        """
        id_, fields = peer["id"], fields_of(peer)
        plan = self._plan_first(peer, self._states.get(id_, found), leaving)
        if plan.steps and id_ not in self.roles:
            params = self._params_of(peer, leaving)
            requests = self._reader.requests(params, fields["azure_directory_id"])
            beside = [other["id"] for other in leaving if is_at(other, fields)]
            self._states[id_], self._terms.directories[id_] = found, fields["azure_directory_id"]
            change = _to_change("delete", id_, fields, found, plan)
            self.roles[id_] = PrunedRole(peer, beside, VnetRole(params, requests), found, change)
        return self.in_list(id_, plan) if id_ in self.roles else Plan()

    def in_list(self, owner: Owner, plan: Plan) -> Plan:
        """Return the plan of a role as a part of that of the list."""
        return as_one(self.roles[owner].change, plan.steps, owner, AVAILABLE, self._lanes)

    def warn_of_pruned(self, peer: Peer, found: AccessState, leaving: t.Sequence[Peer]) -> str:
        """Return why the role that a pruned connection leaves stays: another peering, or others' assignments; or nothing."""
        return "" if found.vnet is None else shown(" ".join(self._plan_first(peer, found, leaving).warnings))

    def _plan_first(self, peer: Peer, found: AccessState, leaving: t.Sequence[Peer]) -> Plan:
        fields, ids = fields_of(peer), [other["id"] for other in leaving]
        first = next(other for other in leaving if is_at(other, fields))
        is_meant = scope_of(fields).lower() in self._terms.groups
        if first["id"] != peer["id"] or is_meant or staying_at(fields, ids, self._path) is not None:
            return Plan()
        return plan_absent(self._params_of(peer, leaving), found)

    def _params_of(self, peer: Peer, leaving: t.Sequence[Peer]) -> Parameters:
        used = {other["container_id"] for other in leaving if is_at(other, fields_of(peer))}
        containers = self._path.containers
        ending = tuple(name for container in containers if container["id"] in used and (name := atlas_network(container)))
        return self._reader.make_params(fields_of(peer), "absent", ending)

    def is_free(self, owner: Owner) -> bool:
        """Return whether Atlas no longer needs a role; True for the roles of entries.

        Raises:
            TaskError: If Atlas still needs it, because another connection was not removed.
        """
        beside = self.roles[owner].beside if owner in self.roles else ()
        there = {peer["id"] for peer in self._path.peers.listed}
        left = [id_ for id_ in beside if id_ in there]
        stays = next((id_ for id_ in left if id_ in self._path.failures), None)
        if stays is not None:
            text = f"The role of Atlas on the {AZURE.noun} stays, because the connection {as_name(stays)} was not removed."
            raise TaskError(text, hint="Run the task again.")
        return not left


class AzureEntries(PathSide[AccessState], AzureSide):
    """The roles of the entries of a list, one for those with the same VNet, and those that pruned connections leave.

    The steps of a VNet are one change, counted with the last one. The first VNet of a directory creates the service principal for
    all; a role is removed after another look at its VNet.

    Args:
        context: What all sides of the run share.
        entries: The entries whose VNets it changes.
        path: What is known of all sides.
        session: The services that the task talks to.

    Attributes:
        reader: Reads the VNets.
        pruned: The roles that pruned connections leave.
    """

    step = _ROLE

    def __init__(self, context: Context, entries: t.Sequence[PeerEntry], path: PathState, session: CheckSession) -> None:
        super().__init__(context, {})
        self._params, self._path = context.params, path
        self._is_absent = self._params["state"] == "absent"
        self._lanes = ((self.name, int(self._params["parallel"])),)
        self.reader = VnetReads(self._params, entries, session)
        self._terms = RoleTerms(self._params, entries, self.reader, path)
        self._groups = self._terms.groups
        self.pruned = PrunedRoles(self._terms, self.reader, self._lanes, self.states, path)
        # The VNet of each entry, and the requests about it.
        self._owner_of = {entry.key: key for key, group in self._groups.items() for entry in group}
        self._accesses: dict[str, Access] = {}
        # The change of each VNet as first planned, and what Atlas had there then.
        self._planned: dict[Owner, tuple[Change, AccessState]] = {}
        # The owner that creates the service principal of each directory, and whether an owner's last read was a look.
        self._makers: dict[str, Owner] = {}
        self._had_full_look: dict[Owner, bool] = {}

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask for each VNet, and what Atlas may do there. Only a connection in Atlas may have its directory."""
        directories = self._terms.directories
        for key, group in self._groups.items():
            if not is_first and key not in self.states:
                directories[key] = self._terms.find_directory(group, self._path.peers.listed)
            if not is_first or directories[key] or not self._params["atlas"]:
                yield Query(key, self._terms.look(key), (key,))

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, AccessState]:
        """Return what was read of each VNet."""
        self._terms.begin()
        for key, access in replies.items():
            self._terms.show(key, access)
        return replies

    # The plan.

    def plan_list(self) -> Plan:
        """Plan the roles that Atlas lacks, or their removal, and refuse blocks that overlap."""
        plans, entry_warnings, refusals = list[Plan](), list[EntryWarning](), dict[str, TaskError]()
        for key, group in self._groups.items():
            try:
                plan = self._terms.plan(key, self.states[key])
            except TaskError as error:
                refusals.update({entry.key: entry.named(error) for entry in group})
                continue
            entry_warnings += [EntryWarning(group[0].key, text) for text in plan.warnings]
            for entry in () if self._is_absent else group:
                problems = self._terms.find_overlaps(entry, self.states[key])
                if problems:
                    refusals[entry.key] = entry.named(TaskError(" ".join(problems)))
            if plan.steps and self.failure_of(key) is None:
                self._planned[key] = _change_for(group[0], plan, self.states[key], is_absent=self._is_absent), self.states[key]
                plans.append(self._in_list(key, plan))
        return replace(joined(plans), entry_warnings=tuple(entry_warnings), refusals=refusals)

    def _in_list(self, key: Owner, plan: Plan) -> Plan:
        """Return the plan of a role as a part of that of the list; empty if the first plan did not have it."""
        if key in self.pruned.roles:
            return self.pruned.in_list(key, plan)
        if key not in self._planned:
            return Plan()
        return as_one(self._planned[key][0], plan.steps, key, SIDES if self._is_absent else ROLES, self._lanes)

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to do for some roles. An impossible one fails for its entries."""
        self._makers = {directory: maker for directory, maker in self._makers.items() if maker not in owners}
        return plan_each(owners, lambda owner: self._plan_role(owner, self.states[owner]), self._terms.entries_of)

    def _plan_role(self, owner: Owner, access: AccessState) -> Plan:
        params = self.role(owner).params
        wanted = plan_present if params["state"] == "present" else plan_absent
        return self._in_list(owner, wanted(params, access))

    def assume(self, plan: Plan) -> None:
        """Assume the roles as they will be; new ones have no id."""
        for key in self._groups:
            if self.failure_of(key) is None:
                self._terms.show(key, _after(self._terms.plan(key, self.states[key]), self.states[key]))

    # What it sends, and waits for.

    def role(self, owner: Owner) -> VnetRole:
        """Return what the role on a VNet should be, as far as known now, and the requests about it."""
        if owner in self.pruned.roles:
            return self.pruned.roles[owner].role
        key, failures = str(owner), self._path.failures
        # A connection that could not be removed keeps its peering, so the end of that is not waited for.
        ending = () if any(entry.key in failures for entry in self._groups[key]) else None
        params = self._terms.params_of(key, ending)
        if key not in self._accesses:
            directory, first = self._terms.directories[key], self._groups[key][0]
            self._accesses[key] = self.reader.requests(params, directory, first)
        return VnetRole(params, self._accesses[key])

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for VNets and what Atlas may do there or, in a poll, for the VNets alone."""
        self._had_full_look.update(dict.fromkeys(owners, purpose is not Purpose.POLL))
        return super().queries(owners, purpose)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait before each step: for what must end before a removal, between two looks, or for the service principal.

        Raises:
            TaskError: If all entries with the VNet have failed, or a pruned connection was not removed.
        """
        if step is None:
            return None
        failure = self.failure_of(owner)
        if failure is not None:
            raise failure
        if not self.pruned.is_free(owner):
            return _FREE
        params, state = self.role(owner).params, self.states[owner]
        if params["state"] == "present":
            maker = self._makers.get(self._terms.directory_of(owner), owner)
            is_made = maker != owner and self.failure_of(maker) is None
            return _PRINCIPAL if isinstance(step.request, CreatePrincipal) and is_made else None
        if owner not in self._had_full_look:
            return _LOOK
        if ending_peerings(params, state):
            return Waiting(ENDED, own_pace=True)
        return None if self._had_full_look[owner] else _LOOK_LATER

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not ready in time."""
        if error.refusal is None and waiting in (_PRINCIPAL, _FREE):
            role = self.pruned.roles.get(owner)
            return late_error_of(self._planned[owner][0] if role is None else role.change, error)
        return super().timeout_error(owner, step, waiting, error)

    def request(self, step: Step) -> Call:
        """Send a step. A service principal that another VNet has created meanwhile is not created again."""
        if isinstance(step.request, CreatePrincipal):
            principal_id = self.states[step.owner].principal_id
            if principal_id is not None:
                return partial(str, principal_id)
            self._makers[self._terms.directory_of(step.owner)] = step.owner
        return super().request(step)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record what was created or removed. The change of a role counts once all its steps are done."""
        owner, made = step.owner, None if reply is PREDICTED else reply
        # The engine takes only new states.
        after = replace(self.states[owner]) if reply is SEEN else state_after(self.states[owner], step.request, made)
        states, directory = {owner: after}, self._terms.directory_of(owner)
        if isinstance(step.request, CreatePrincipal):
            self._makers.pop(directory, None)
            for other, state in self.states.items():
                if other != owner and state.principal_id is None and self._terms.directory_of(other) == directory:
                    states[other] = replace(state, principal_id=after.principal_id)
        plan = self._plan_role(owner, after)
        return Effect(states, () if plan.steps else (plan.changes[0]._replace(after=after.to_result()),))

    # What others see of it.

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries with a VNet, or the pruned connection whose role it is."""
        return self._terms.entries_of(owner)

    def is_begun(self, entry: str) -> bool:
        """Return whether some, but not all, steps of a role were done."""
        key = self._owner_of.get(entry, entry)
        role = self.pruned.roles.get(key)
        planned = self._planned.get(key) if role is None else (role.change, role.found)
        if planned is None or planned[0].key in self._path.done:
            return False
        before, now = planned[1], self.states[key]
        return (before.chosen, before.held, before.own) != (now.chosen, now.held, now.own)

    def take(self, owner: Owner) -> None:
        """Show what Atlas may do at a VNet."""
        self._terms.show(owner, self.states[owner])

    def record_failure(self, entry: str, step: str, error: TaskError) -> None:
        """Record how to remove a role that stays."""
        key, text = self._owner_of.get(entry, entry), ""
        if step == _ROLE and key in self.pruned.roles:
            role = self.pruned.roles[key]
            text = _kept_role(fields_of(role.peer), role.role.params, self.states[key], "No later run finds it:", self._path)
        elif step == _ROLE and key in self._groups and self._is_absent:
            again = "Run the task again with azure_directory_id in the entry, or"
            text = _kept_role(self._groups[key][0].params, self._terms.params_of(key), self.states[key], again, self._path)
        self._path.kept_roles = {**self._path.kept_roles, **({key: text} if text else {})}

    def is_settled(self) -> bool:
        """Return whether all planned roles are given, so that the stage needs no line."""
        wanted = self._planned if self.context.stage == ROLES else ()
        return all(
            self._planned[key][0].key in self._path.done or self.states[key].is_enough or self.failure_of(key) is not None
            for key in wanted
        )

    def progress_line(self) -> str:
        """Return how many VNets Atlas has its role on."""
        wanted = [key for key in self._groups if self.failure_of(key) is None] if self.context.stage == ROLES else []
        given = [key for key in wanted if self.states[key].is_enough]
        return f"{len(given)} of {len(wanted)} roles on {AZURE.noun}s given" if wanted else ""


def _change_for(first: PeerEntry, plan: Plan, access: AccessState, *, is_absent: bool) -> Change:
    """Return one change for all steps of the role of entries, of which the first one counts."""
    action: _Action = "delete" if is_absent else "create"
    if not is_absent and any(change.action == "update" for change in plan.changes):
        action = "update"
    return _to_change(action, first.key, first.params, access, plan)


def _to_change(action: _Action, owner: str, fields: Fields, access: AccessState, plan: Plan) -> Change:
    """Return one change for all steps of the role on a VNet."""
    key, verb = ChangeKey(owner, _ROLE, AZURE.name, _ROLE), "change" if action == "update" else action
    return Change(action, key, access.to_result(), _after(plan, access).to_result(), verb, name_of_role(fields))


def _after(plan: Plan, access: AccessState) -> AccessState:
    """Return what Atlas may do after a plan."""
    for step in plan.steps:
        access = state_after(access, step.request)
    return access


def _kept_role(fields: Fields, params: Parameters, access: AccessState, again: str, state: PathState) -> str:
    """Return a sentence on a role that was not removed; empty if Atlas still has a connection for it.

    Args:
        fields: The names of the VNet.
        params: The options of the removal.
        access: What Atlas may still do there.
        again: How the sentence continues before the commands.
        state: The state.
    """
    lines = removal_lines(plan_absent(params, access), access)
    if not lines or any(is_at(peer, fields) for peer in state.peers.listed):
        return ""
    ending = "".join(f" once the peering {peering.name} has ended" for peering in ending_peerings(params, access)[:1])
    return (
        f"The role {name_of_role(fields)} of Atlas in {AZURE.name} was to be removed and is still there, and Atlas "
        f"no longer has its connection. {again} remove it yourself{ending}: {'; '.join(lines)}"
    )
