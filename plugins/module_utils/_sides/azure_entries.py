# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on AZURE of the entries: Atlas needs a role on each VNet. Its side gives it, or takes it away."""

from __future__ import annotations

import typing as t
from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial

from .._accounts.credentials import azure_credentials_of, azure_names
from .._accounts.session import CheckSession
from .._azure.access import Access
from .._azure.plan import (
    AccessState,
    ending_peerings,
    peerings_with_atlas,
    plan_absent,
    plan_present,
    removal_lines,
    state_after,
)
from .._azure.vnets import Vnet, get_vnet
from .._clouds.azure import AZURE, VnetId, is_atlas_network, parse_vnet_id, role_name, vnet_id
from .._clouds.cloud import BLOCK, Fields, Peer, fields_of
from .._clouds.clouds import cloud_of
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, Plan, Step, joined
from .._engine.side import Owner
from .._entries.parser import PeerEntry
from .._http.errors import AuthError, InvalidOptionError, NotFoundError, TaskError
from .._resources.containers import Container
from .._values.blocks import do_overlap
from .part import Answers, Common, PathPart
from .path_state import AVAILABLE, ROLES, SIDES, PathState

# The name of the step in results.
_ROLE = "role"
_Action = t.Literal["create", "update", "delete"]


class VnetAccess(Access):
    """Requests about the VNet of entries, whose errors name the options of the list."""

    look = azure_names()(Access.look)
    look_at_vnet = azure_names()(Access.look_at_vnet)
    send = azure_names()(Access.send)


class PrunedRole(t.NamedTuple):
    """The role on a VNet that no entry means.

    Attributes:
        peer: The pruned connection that it goes with, which is its owner.
        beside: The ids of all pruned connections to the VNet, until whose end Atlas needs the role.
        params: The options of the removal.
        access: The requests about the VNet.
    """

    peer: Peer
    beside: t.Sequence[str]
    params: Parameters
    access: Access


class AzureEntries(PathPart):
    """The roles of the entries, of which those with the same VNet share one: it reads the VNets, and plans; the side does it.

    Those that pruned connections leave, which no entry means, are removed in the same way.

    Args:
        common: What all parts get, with the entries whose VNets it changes.
        session: The services that the task talks to.
        states: The states of the side, which get what is read first.
        now: Returns the current state.
    """

    name = "azure"

    def __init__(
        self,
        common: Common,
        session: CheckSession,
        states: MutableMapping[Owner, AccessState],
        now: t.Callable[[], PathState],
    ) -> None:
        super().__init__(common)
        self._session = session
        self._states, self._now = states, now
        self._is_present = not self._is_absent
        # The entries of each VNet, by its resource id in lower case; and the requests about it.
        self._groups: dict[str, list[PeerEntry]] = {}
        self._accesses: dict[str, Access] = {}
        # The change of each VNet, as it was planned first, and what Atlas had there then.
        self._changes: dict[str, Change] = {}
        self._planned: dict[str, AccessState] = {}
        # Atlas's networks whose peerings with a VNet end because this task removes their connections.
        self._ending: dict[str, tuple[str, ...]] = {}
        # The roles that pruned connections leave, by the ids of those.
        self._pruned: dict[str, PrunedRole] = {}
        for entry in common.entries:
            self._groups.setdefault(_scope_of(entry.params).lower(), []).append(entry)
        self._directories = {key: self._find_directory(group, PathState()) for key, group in self._groups.items()}

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return a call for each VNet that reads it, and what Atlas may do there."""
        return {key: partial(self._look, key) for key in self._groups if self._directories[key] or not self._params["atlas"]}

    def reads_more(self, state: PathState) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return a call for each VNet whose directory only Atlas's connection says, if anything does."""
        found = {key: group for key, group in self._groups.items() if group[0].key not in state.azure}
        self._directories.update({key: self._find_directory(group, state) for key, group in found.items()})
        return {key: partial(self._look, key) for key in found}

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the entries of a VNet."""
        return [entry.key for entry in self._groups[key]]

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Return the state with the VNet of each entry."""
        self._ending = {key: _find_ending([entry.key for entry in group], state) for key, group in self._groups.items()}
        found = {entry.key: access for key, access in answers.items() for entry in self._groups[key]}
        return replace(state, azure={**state.azure, **found})

    def plan(self, state: PathState) -> Plan:
        """Plan the roles that Atlas lacks, or their removal, and refuse blocks that overlap."""
        self._states.update({key: self._access_of(key, state) for key in self._groups})
        plans, warnings, refusals = list[Plan](), list[str](), dict[str, TaskError]()
        for key, group in self._groups.items():
            try:
                plan = self._plan_vnet(key, self._access_of(key, state), state)
            except TaskError as error:
                refusals.update({entry.key: entry.named(error) for entry in group})
                continue
            warnings += [group[0].named(TaskError(one)).message for one in plan.warnings]
            for entry in group if self._is_present else ():
                problems = self._find_overlaps(entry, state)
                if problems:
                    refusals[entry.key] = entry.named(TaskError(" ".join(problems)))
            if plan.steps and any(entry.key not in state.failures for entry in group):
                self._changes[key] = self._to_change(group[0], plan, state)
                self._planned[key] = self._access_of(key, state)
                plans.append(self._in_list(key, plan))
        return replace(joined(plans), warnings=tuple(warnings), refusals=refusals)

    def _in_list(self, key: str, plan: Plan) -> Plan:
        """Return the plan of a role as a part of that of the list."""
        change = self._changes.get(key)
        if change is None:
            # What was not planned first is not done.
            return Plan()
        self._shown[change.key] = change
        stage, lanes = ROLES if self._is_present else SIDES, ((self.name, int(self._params["parallel"])),)
        stage = AVAILABLE if key in self._pruned else stage
        return Plan(
            (change,),
            tuple(step._replace(keys=(change.key,), owner=key, stage=stage, lanes=lanes) for step in plan.steps),
        )

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state with the roles as they will be; what is not made yet has no id."""
        found = {
            entry.key: _after(self._plan_vnet(key, state.azure[entry.key], state), state.azure[entry.key])
            for key, group in self._groups.items()
            for entry in group
            if any(one.key not in state.failures for one in group)
        }
        return replace(state, azure={**state.azure, **found})

    # What the side asks, and returns.

    def role(self, owner: Owner) -> tuple[Parameters, Access]:
        """Return what the role on a VNet should be, and the requests about it."""
        key, state = str(owner), self._now()
        if key in self._pruned:
            return self._pruned[key].params, self._pruned[key].access
        group = self._groups[key]
        # A connection that could not be removed keeps its peering, which is not waited for then.
        ending = () if any(entry.key in state.failures for entry in group) else self._ending[key]
        params = self._make_params(_scope_of(group[0].params), self._params["state"], ending)
        if key not in self._accesses:
            # The session is open since the VNet was read.
            session = self._session.open_azure(azure_credentials_of(group[0].task, group[0].params), self._directories[key])
            self._accesses[key] = VnetAccess(session, params)
        return params, self._accesses[key]

    def plan_role(self, owner: Owner, access: AccessState) -> Plan:
        """Plan what is left to do for a role."""
        params, unused = self.role(owner)
        wanted = plan_present if params["state"] == "present" else plan_absent
        return self._in_list(str(owner), wanted(params, access))

    def changes_of(self, owner: Owner, access: AccessState) -> t.Sequence[Change]:
        """Return the change of a role once all its steps are done."""
        change = self._changes[str(owner)]
        return () if self.plan_role(owner, access).steps else (change._replace(after=access.to_result()),)

    def entries_of(self, owner: Owner, step: Step | None = None) -> t.Sequence[str]:
        """Return the entries with a VNet, or the pruned connection whose role it is."""
        return [entry.key for entry in self._groups[str(owner)]] if owner in self._groups else [str(owner)]

    def failure_of(self, owner: Owner) -> TaskError | None:
        """Return why the first entry with a VNet has failed if all have; None if one has not."""
        failures, entries = self._now().failures, self.entries_of(owner)
        return failures[entries[0]].error if all(entry in failures for entry in entries) else None

    def is_free(self, owner: Owner) -> bool:
        """Return whether Atlas needs a role no more that a pruned connection leaves; True for the roles of entries.

        Raises:
            TaskError: If Atlas goes on needing it, because another connection was not removed.
        """
        pruned, state = self._pruned.get(str(owner)), self._now()
        there = {one["id"] for one in state.peers.listed}
        left = [one for one in pruned.beside if one in there] if pruned is not None else []
        stays = next((one for one in left if one in state.failures), None)
        if stays is not None:
            text = f"The role of Atlas on the {AZURE.noun} stays, because the connection {stays} was not removed."
            raise TaskError(text, hint="Run the task again.")
        return not left

    def directory_of(self, owner: Owner) -> str:
        """Return the directory of a VNet, in lower case."""
        return str(self._directories[str(owner)]).lower()

    def step_of(self, entry: str) -> str:
        """Return what has failed for an entry: its role."""
        return _ROLE

    def is_begun(self, entry: str, state: PathState) -> bool:
        """Return whether some of the steps for a role were done, and not all."""
        key = self._scope_of_entry(entry)
        before, now = self._planned.get(key), self._states.get(key)
        if before is None or now is None or self._changes[key].key in state.done:
            return False
        return (before.chosen, before.held, before.own) != (now.chosen, now.held, now.own)

    def _scope_of_entry(self, entry: str) -> str:
        return next((key for key, group in self._groups.items() if entry in [one.key for one in group]), entry)

    def take(self, owner: Owner, found: AccessState, state: PathState) -> PathState:
        """Return the state with what Atlas may do at a VNet."""
        return replace(state, azure={**state.azure, **dict.fromkeys(self.entries_of(owner), found)})

    def record_failure(self, entry: str, step: str, error: TaskError, state: PathState) -> PathState:
        """Return the state that says how to remove a role that stays."""
        if step != _ROLE:
            return state
        key = self._scope_of_entry(entry)
        pruned, group = self._pruned.get(key), self._groups.get(key, [])
        if pruned is not None:
            return self._with_kept_role(fields_of(pruned.peer), pruned.params, self._states[key], "No later run finds it:", state)
        if not group or not self._is_absent:
            return state
        fields = group[0].params
        params = self._make_params(_scope_of(fields), "absent", self._ending.get(key, ()))
        access = self._access_of(key, state)
        again = "Run the task again with azure_directory_id in the entry, or"
        return self._with_kept_role(fields, params, access, again, state)

    def _with_kept_role(self, fields: Fields, params: Parameters, access: AccessState, again: str, state: PathState) -> PathState:
        """Return the state with a sentence on a role that was not removed; the same if Atlas still has a connection for it.

        Args:
            fields: The names of the VNet.
            params: The options of the removal.
            access: What Atlas may still do there.
            again: How the sentence goes on before the commands.
            state: The state.
        """
        lines = removal_lines(plan_absent(params, access), access)
        if not lines or any(_is_at(one, fields) for one in state.peers.listed):
            return state
        ending = "".join(f" once the peering {one.name} has ended" for one in ending_peerings(params, access)[:1])
        text = (
            f"The role {role_name(_names_of(fields))} of Atlas in {AZURE.name} was to be removed and is still there, and Atlas "
            f"no longer has its connection. {again} remove it yourself{ending}: {'; '.join(lines)}"
        )
        return replace(state, kept_roles=(*(one for one in state.kept_roles if one != text), text))

    def is_settled(self, state: PathState) -> bool:
        """Return whether all roles are given that are planned, so that the stage needs no line."""
        wanted = self._groups.keys() & self._changes.keys() if state.stage == ROLES else ()
        return all(
            self._changes[key].key in state.done or self._access_of(key, state).is_enough or self.failure_of(key) is not None
            for key in wanted
        )

    def line(self, state: PathState) -> str:
        """Return how many VNets Atlas has its role on."""
        if state.stage != ROLES:
            return ""
        wanted = [key for key, group in self._groups.items() if any(entry.key not in state.failures for entry in group)]
        given = [key for key in wanted if self._access_of(key, state).is_enough]
        return "" if len(given) == len(wanted) else f"{len(given)} of {len(wanted)} roles on {AZURE.noun}s given"

    # The role on the VNet of a connection that is pruned, which no entry means.

    def look_at_pruned(self, peer: Peer) -> AccessState | None:
        """Return what Atlas may do at the VNet of a pruned connection; None if no credentials are those of its subscription.

        Raises:
            TaskError: If it cannot be read for another reason.
        """
        fields = fields_of(peer)
        params = self._make_params(_scope_of(fields), "absent", ())
        try:
            return self._read(self._credentials_for(fields), fields["azure_directory_id"], params)
        except (AuthError, InvalidOptionError, NotFoundError):
            return None

    def plan_pruned(self, peer: Peer, found: AccessState, leaving: t.Sequence[Peer], state: PathState) -> Plan:
        """Plan the removal of the role that a pruned connection leaves: after that has gone.

        Args:
            peer: The connection.
            found: What Atlas may do at its VNet.
            leaving: All connections that are pruned; the role goes with the first one of a VNet.
            state: The state.
        """
        id_, fields = peer["id"], fields_of(peer)
        access = self._states.get(id_, found)
        plan = self._plan_of_pruned(peer, access, leaving, state)
        if plan.steps and id_ not in self._pruned:
            params, directory = self._params_of_pruned(peer, leaving, state), fields["azure_directory_id"]
            # The session is open since the VNet was read.
            requests = VnetAccess(self._session.open_azure(self._credentials_for(fields), directory), params)
            beside = [one["id"] for one in leaving if _is_at(one, fields)]
            self._pruned[id_] = PrunedRole(peer, beside, params, requests)
            self._states[id_], self._planned[id_], self._directories[id_] = found, found, directory
            self._changes[id_] = _to_change("delete", "delete", id_, fields, found, plan)
        return self._in_list(id_, plan)

    def warn_of_pruned(self, peer: Peer, found: AccessState, leaving: t.Sequence[Peer], state: PathState) -> t.Sequence[str]:
        """Return why the role that a pruned connection leaves stays, in sentences: another peering, or others' assignments."""
        return () if found.vnet is None else self._plan_of_pruned(peer, found, leaving, state).warnings

    def _plan_of_pruned(self, peer: Peer, found: AccessState, leaving: t.Sequence[Peer], state: PathState) -> Plan:
        fields = fields_of(peer)
        first = next(one for one in leaving if _is_at(one, fields))
        is_meant = _scope_of(fields).lower() in self._groups
        ids = [one["id"] for one in leaving]
        if first["id"] != peer["id"] or is_meant or _find_staying(fields, ids, state) is not None:
            return Plan()
        return plan_absent(self._params_of_pruned(peer, leaving, state), found)

    def _params_of_pruned(self, peer: Peer, leaving: t.Sequence[Peer], state: PathState) -> dict[str, t.Any]:
        used = {one["container_id"] for one in leaving if _is_at(one, fields_of(peer))}
        networks = tuple(name for one in state.containers if one["id"] in used and (name := _atlas_network(one)))
        return self._make_params(_scope_of(fields_of(peer)), "absent", networks)

    def _credentials_for(self, fields: Fields) -> dict[str, t.Any]:
        """Return the credentials of an entry in the same subscription, or else those of the task."""
        wanted = str(fields[AZURE.owner]).lower()
        groups = (group for group in self._groups.values() if str(group[0].params[AZURE.owner]).lower() == wanted)
        entry = next((group[0] for group in groups), None)
        return azure_credentials_of(self._params, {} if entry is None else entry.params)

    def read_blocks(self, network: Fields) -> dict[str, tuple[str, ...]]:
        """Return the blocks of a VNet, by its name in lower case; none if it does not exist. Runs in a thread.

        Raises:
            TaskError: If it cannot be read.
        """
        credentials = self._credentials_for(network)
        with azure_names():
            vnet = get_vnet(self._session.open_azure(credentials, network["azure_directory_id"]), _scope_of(network))
        return {} if vnet is None else {vnet.name.lower(): vnet.prefixes}

    # What both need.

    def _look(self, key: str) -> AccessState:
        group = self._groups[key]
        params = self._make_params(_scope_of(group[0].params), self._params["state"], ())
        return self._read(azure_credentials_of(group[0].task, group[0].params), self._directories[key], params)

    def _read(self, credentials: Parameters, directory: str | None, params: Parameters) -> AccessState:
        with azure_names():
            return Access(self._session.open_azure(credentials, directory), params).look()

    def _make_params(self, scope: str, wanted: str, ending: tuple[str, ...]) -> dict[str, t.Any]:
        """Return the options of the front of one VNet."""
        return {
            "state": wanted,
            "scope": scope,
            "role_name": role_name(parse_vnet_id(scope)),
            "role": None,
            "atlas_vnet_names": ending,
            "wait_timeout": self._params["wait_timeout"],
            "wait_sleep": self._params["wait_sleep"],
        }

    def _access_of(self, key: str, state: PathState) -> AccessState:
        return state.azure[self._groups[key][0].key]

    def _find_directory(self, group: t.Sequence[PeerEntry], state: PathState) -> str | None:
        """Return the directory of a VNet, which an entry or Atlas's connection says; None if neither does."""
        own = (entry.params["azure_directory_id"] for entry in group)
        of_atlas = (fields_of(one)["azure_directory_id"] for one in state.peers.listed if _is_at(one, group[0].params))
        return next(filter(None, (*own, *of_atlas)), None)

    def _plan_vnet(self, key: str, access: AccessState, state: PathState) -> Plan:
        """Plan the role on a VNet.

        Raises:
            TaskError: If a role that others have made has its name.
        """
        group = self._groups[key]
        params = self._make_params(_scope_of(group[0].params), self._params["state"], self._ending.get(key, ()))
        if self._is_present:
            return plan_present(params, access)
        # A connection that stays may not show in AZURE yet.
        stays = find_staying(group[0], state) is not None
        return Plan() if stays else plan_absent(params, access)

    def _to_change(self, entry: PeerEntry, plan: Plan, state: PathState) -> Change:
        """Return one change for all that is done for a role."""
        access = state.azure[entry.key]
        action: _Action = "create" if self._is_present else "delete"
        if self._is_present and any(change.action == "update" for change in plan.changes):
            action = "update"
        verb = "change" if action == "update" else action
        return _to_change(action, verb, entry.key, entry.params, access, plan)

    def _find_overlaps(self, entry: PeerEntry, state: PathState) -> list[str]:
        """Return a sentence for each block of the VNet, and of its peerings, that overlaps the block of Atlas's network."""
        home = state.homes.get(entry.key)
        block = entry.params["container_cidr_block"] if home is None else home.get(BLOCK)
        own = None if home is None else _atlas_network(home)
        found = _blocks_of(t.cast(Vnet, state.azure[entry.key].vnet), own, is_known=bool(self._params["atlas"]))
        return [
            f"The block {one} {words} overlaps the block {block} of the network container, so they cannot be peered. "
            "Use a network container with another block."
            for one, words in found
            if do_overlap(one, block)
        ]


def _to_change(action: _Action, verb: str, owner: str, fields: Fields, access: AccessState, plan: Plan) -> Change:
    """Return one change for all that is done for the role on a VNet."""
    key = ChangeKey(owner, _ROLE, AZURE.name, _ROLE)
    return Change(action, key, access.to_result(), _after(plan, access).to_result(), verb, role_name(_names_of(fields)))


def _names_of(fields: Fields) -> VnetId:
    return VnetId(*(str(fields[name]) for name in VnetId._fields))


def _scope_of(fields: Fields) -> str:
    """Return the resource id of the VNet of an entry, or of a connection."""
    return vnet_id(*_names_of(fields))


def _is_at(peer: Peer, fields: Fields) -> bool:
    """Whether a connection is one to the VNet of an entry, or of another connection."""
    return cloud_of(peer) is AZURE and AZURE.is_same_network(fields_of(peer), fields)


def _atlas_network(container: Container) -> str | None:
    return fields_of(container).get("atlas_vnet_name")


def _find_ending(keys: t.Iterable[str], state: PathState) -> tuple[str, ...]:
    """Return the networks of Atlas whose peerings with a VNet end because this task removes their connections.

    Args:
        keys: The entries with the VNet.
        state: The state.
    """
    owns = [key for key in keys if (own := state.peers.entries.get(key)) is not None and own.peer is not None]
    homes = [state.homes[key] for key in owns if key in state.homes]
    return tuple(name for home in homes if (name := _atlas_network(home)))


def _after(plan: Plan, access: AccessState) -> AccessState:
    """Return what Atlas may do after a plan."""
    for step in plan.steps:
        access = state_after(access, step.request)
    return access


def _blocks_of(vnet: Vnet, own: str | None, *, is_known: bool) -> list[tuple[str, str]]:
    """Return the blocks of a VNet and of its peerings, each with its place in a sentence; but for those of Atlas's own network.

    Args:
        vnet: The VNet.
        own: The name of Atlas's network; None if there is none yet.
        is_known: Whether the task knows Atlas's network; otherwise any network of Atlas may be it.
    """
    found = [(block, "of the VNet") for block in vnet.prefixes]
    for peering in vnet.peerings:
        name = peering.remote_name
        is_own = name.lower() == (own or "").lower() != "" if is_known else is_atlas_network(name)
        words = f"of {name or 'a network that is not known'}, with which the VNet has the peering {peering.name},"
        found += [] if is_own else [(block, words) for block in peering.prefixes]
    return found


def _find_staying(fields: Fields, leaving: t.Container[str], state: PathState) -> Peer | None:
    """Return a connection of the project to a VNet that stays, and needs the role; None if there is none."""
    ended = (AZURE.failed, AZURE.terminating)
    listed = (one for one in state.peers.listed if _is_at(one, fields) and one["id"] not in leaving)
    return next((one for one in listed if one["status_name"] not in ended), None)


def find_staying(entry: PeerEntry, state: PathState) -> Peer | None:
    """Return a connection to the VNet of an entry that no entry means, and which stays; None if there is none."""
    leaving = {one["id"] for own in state.peers.entries.values() for one in (own.peer, *own.dying) if one is not None}
    return _find_staying(entry.params, leaving, state)


def why_role_stays(entry: PeerEntry, state: PathState) -> str | None:
    """Return why Atlas still may peer with the VNet of an entry that was disconnected, in a sentence; None if it may not."""
    access, title = state.azure.get(entry.key), f"The role of Atlas on {entry.name} in {AZURE.name} stays, because"
    if access is None or access.to_result() is None:
        return None
    user = find_staying(entry, state)
    if user is not None:
        return f"{title} the connection {user['id']} of this project still needs it."
    at_vnet = [key for key, one in state.azure.items() if one.vnet is not None and one.vnet == access.vnet]
    here = [key for key in at_vnet if key not in state.failures]
    ended = {name.lower() for name in _find_ending(here, state)}
    names = [f"{one.name} ({one.state})" for one in peerings_with_atlas(access) if one.remote_name.lower() not in ended]
    if names:
        return f"{title} the peering {', '.join(names)} of the VNet still needs it."
    return f"{title} this collection has not made it, or not its assignment above the VNet."
