# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on GCP: each entry's network has a peering with Atlas's network, the mirror of Atlas's own."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.credentials import gcp_credentials_of, gcp_names
from .._accounts.session import CheckSession
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.gcp import GCP, network_path
from .._engine.operation import ModuleBase
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.wait import WaitTimeoutError, time_is_up
from .._gcp.credentials import DEFAULT_SCOPES
from .._gcp.errors import GcpDeniedError
from .._gcp.network import ACTIVE
from .._gcp.networks import Networks, list_networks, list_subnets
from .._gcp.options import name_networks
from .._gcp.plan import NetworkState, find_mirror, inactive_error, is_active, plan_absent, plan_present, state_after
from .._http.errors import AuthError, InvalidOptionError, NotFoundError, TaskError
from .._http.pauses import unbounded
from .._resources.containers import Containers
from .entries import PathEntry
from .entry_containers import with_containers
from .part import Answers, Common, PathPart, Ran, task_of
from .path_state import ACTING, SIDES, PathState, Task, What

# What stands for Atlas's project and network before Atlas has made them: no network can have these names.
_UNKNOWN = ("p-000000000000000000000000", "nt-000000000000000000000000-00000000")
# The name of the step in results.
_MIRROR = "mirror"
_ABSENT = NetworkState(exists=False)
# Credentials, as text, and a project.
_Key = tuple[str, str]
# Networks by name; one that does not exist may be missing.
_Networks = t.Mapping[str, NetworkState]


class GcpPart(PathPart):
    """Makes the mirrors, or removes them.

    Args:
        common: What all parts get, with the entries whose networks it changes.
        session: The services that the task talks to.
        containers: The network containers of the project; None if the task leaves Atlas alone.
        operation: The front of one mirror.
    """

    name = "gcp"

    def __init__(
        self,
        common: Common,
        session: CheckSession,
        containers: Containers | None,
        operation: type[ModuleBase[t.Any]],
    ) -> None:
        super().__init__(common)
        self._entries = {entry.key: entry for entry in common.entries}
        self._session = session
        self._containers = containers
        self._operation = operation
        self._is_present = not self._is_absent
        # The entries of each list of networks, and the list as it was read first.
        self._groups: dict[_Key, list[PathEntry]] = {}
        self._listed: dict[_Key, _Networks] = {}
        # The credentials and projects whose networks may not be listed.
        self._unlisted: set[_Key] = set()
        # The names of the mirrors as far as they were known at first: later plans say the same.
        self._names: dict[str, str] = {}
        for entry in common.entries:
            self._groups.setdefault(_group_of(entry), []).append(entry)

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return a call for each project and its credentials, which lists the networks."""
        return {
            key: partial(self._read, key[1], group[0].gcp_credentials(), _names(group)) for key, group in self._groups.items()
        }

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the entries whose networks are in a list."""
        return [entry.key for entry in self._groups[key]]

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Return the state with the network of each entry."""
        self._listed.update(answers)
        found = {entry.key: _find(self._listed[key], entry) for key, group in self._groups.items() for entry in group}
        self._names = {key: self._name_of(entry, state) for key, entry in self._entries.items()}
        return replace(state, gcp={**state.gcp, **found})

    def names_of(self, entry: PathEntry, state: PathState) -> tuple[str, str] | None:
        """Return Atlas's project and network in GCP for an entry; None if they are not known (yet)."""
        if self._containers is None:
            return _pair(entry.params)
        home = state.homes.get(entry.key)
        return None if home is None else _pair(home)

    def is_known(self, entry: PathEntry, state: PathState) -> bool:
        """Return whether it is known which peering of an entry's network is the mirror."""
        return self.names_of(entry, state) is not None or entry.params["gcp_peering_name"] is not None

    def plan(self, state: PathState) -> Plan:
        """Plan the mirrors that are missing, or their removal."""
        changes, steps, warnings, refusals = list[Change](), list[Step](), list[str](), dict[str, TaskError]()
        for key, entry in self._entries.items():
            try:
                plan = self._plan_entry(entry, state)
            except TaskError as error:
                refusals[key] = entry.named(error)
                continue
            warnings += [entry.named(TaskError(one)).message for one in plan.warnings]
            for change in plan.changes:
                what = self._what(key, str((change.before or {}).get("name", self._names[key])))
                # What is not made yet has no names.
                after = change.after if change.after is None or self.names_of(entry, state) is not None else {}
                changes.append(change._replace(key=what.key, after=after))
                task = Task(self.name, ACTING if self._is_present else SIDES, key, change.action)
                steps.append(Step("create" if self._is_present else "delete", task, (what.key,), is_run=True))
        return Plan(tuple(changes), tuple(steps), tuple(warnings), {}, refusals)

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state with the mirrors as they will be. One to a network that Atlas has not made yet is not shown."""
        found = {}
        for key, entry in self._entries.items():
            if key in state.failures:
                continue
            if self.names_of(entry, state) is not None or (not self._is_present and self.is_known(entry, state)):
                params = self._params_of(entry, state)
                # A prediction counts on the waits.
                found[key] = state_after({**params, "wait": True}, state.gcp[key], self._plan_entry(entry, state))
        return replace(state, gcp={**state.gcp, **found})

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return whether Atlas waits for a mirror, or has ended its half, and no other mirror of its network is changed now."""
        key = task_of(step).owner
        if self._is_present and not self._is_asked_for(self._entries[key], state):
            return False
        others = [task_of(one).owner for one in running if task_of(one).part == self.name]
        return self._remote_of(key, state) not in [self._remote_of(other, state) for other in others]

    def send(self, step: Step, state: PathState) -> Ran:
        """Make a mirror, or remove it, and wait for GCP. The network was read at first; a removal reads it again."""
        key = task_of(step).owner
        known = state.gcp[key] if self._is_present else None
        return self._run(self._entries[key].gcp_credentials(), self._params_of(self._entries[key], state), known)

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state with the network as it is now. What another task has done meanwhile is no change of this one."""
        key, ran = task_of(step).owner, t.cast(Ran, reply)
        mirror = find_mirror(self._params_of(self._entries[key], state), ran.state if self._is_present else state.gcp[key])
        name, shown = (self._names[key], None) if mirror is None else (mirror.name, mirror.to_result())
        before, after = (None, shown) if self._is_present else (shown, None)
        change = Change(t.cast("t.Any", step.action), self._what(key, name).key, before, after)
        return replace(state, gcp={**state.gcp, key: ran.state}).with_done([change] if ran.has_changed else [])

    def blocked(self, step: Step, state: PathState, error: WaitTimeoutError) -> TaskError:
        """Return the error of a mirror that could not be changed before the time was up: what it has waited for."""
        entry = self._entries[task_of(step).owner]
        if self._is_present and self._containers is not None and not self._has_half_of_atlas(entry, state):
            own = state.peers.entries.get(entry.key)
            shown = "not there yet" if own is None or own.peer is None else own.peer["status_name"]
            return time_is_up(error, f"Atlas waited for the peering in {GCP.name} (the connection is {shown})")
        if self._is_present and self.names_of(entry, state) is None:
            return time_is_up(error, f"Atlas had named its project and network in {GCP.name}")
        return time_is_up(error, f"the other peerings with Atlas's network in {GCP.name} were changed, one after the other")

    def poll(self, state: PathState) -> PathState:
        """Read Atlas's names once they are needed, and the networks with mirrors that are not active: one list a project."""
        if state.stage != ACTING or not self._is_present:
            return state
        state = self._read_names(state)
        for key, group in self._groups.items():
            waiting = [entry for entry in group if self._waits(entry, state) and self._is_asked_for(entry, state)]
            if waiting:
                state = self._poll_group(key, waiting, state)
        return state

    def is_settled(self, state: PathState) -> bool:
        """Return whether all mirrors are active that there are."""
        return state.stage != ACTING or not any(self._waits(entry, state) for entry in self._entries.values())

    def late(self, state: PathState, error: WaitTimeoutError) -> PathState:
        """Return the state in which the entries have failed whose mirrors are not active."""
        for entry in self._entries.values() if state.stage == ACTING else ():
            if self._waits(entry, state):
                state = _failed(entry, inactive_error(self._params_of(entry, state), state.gcp[entry.key], error), state)
        return state

    def line(self, state: PathState) -> str:
        """Return how many mirrors are active."""
        if state.stage != ACTING or not self._is_present:
            return ""
        wanted = [entry for key, entry in self._entries.items() if key not in state.failures]
        active = [entry for entry in wanted if self._is_active(entry, state)]
        return "" if len(active) == len(wanted) else f"{len(active)} of {len(wanted)} peerings in {GCP.name} active"

    # The mirror of a connection that is pruned, which no entry means.

    def look_at_pruned(self, peer: Peer) -> NetworkState | None:
        """Return the network of a pruned connection; None if no credentials of the task are those of its project.

        Raises:
            TaskError: If it cannot be read for another reason.
        """
        fields = fields_of(peer)
        project, name = fields["gcp_project_id"], fields["network_name"]
        whole = (found for key, found in self._listed.items() if key[1] == project and key not in self._unlisted)
        listed = next(whole, None)
        if listed is None:
            try:
                listed = self._read(project, self._credentials_for(project), (name,))
            except (AuthError, InvalidOptionError, NotFoundError):
                return None
        return listed.get(name, _ABSENT)

    def plan_pruned(self, peer: Peer, found: NetworkState, state: PathState) -> tuple[Change, ...]:
        """Return the removal of the mirror of a pruned connection, with the id of that in its key; none if there is no mirror."""
        params = self._params_of_pruned(peer, state)
        mirror = None if params is None else find_mirror(params, found)
        if mirror is None:
            return ()
        return (Change("delete", self._what(peer["id"], mirror.name, "delete").key, mirror.to_result(), None),)

    def send_pruned(self, peer: Peer, state: PathState) -> NetworkState:
        """Remove the mirror of a pruned connection, which its plan has, and return its network. Runs in a thread.

        Raises:
            TaskError: If it fails.
        """
        params = t.cast(Parameters, self._params_of_pruned(peer, state))
        return t.cast(NetworkState, self._run(self._credentials_for(params["gcp_project_id"]), params, None).state)

    def _params_of_pruned(self, peer: Peer, state: PathState) -> dict[str, t.Any] | None:
        container = next((one for one in state.containers if one["id"] == peer["container_id"]), None)
        pair = None if container is None else _pair(container)
        return None if pair is None else self._make_params(fields_of(peer), pair, None, "absent")

    def _credentials_for(self, project: str) -> dict[str, t.Any]:
        """Return the credentials of an entry in a project, or else those of the task."""
        entry = next((one for one in self._entries.values() if one.params["gcp_project_id"] == project), None)
        return gcp_credentials_of(self._params, {}, DEFAULT_SCOPES) if entry is None else entry.gcp_credentials()

    def read_blocks(self, network: Fields) -> dict[str, tuple[str, ...]]:
        """Return the ranges of the subnets of all networks in the project of one, by name. Runs in a thread.

        Raises:
            TaskError: If they cannot be read.
        """
        project = network["gcp_project_id"]
        credentials = self._credentials_for(project)
        with gcp_names():
            found = list_subnets(self._session.open_gcp(credentials), project)
        return {name: tuple(one.cidr_block for one in ranges) for name, ranges in found.items()}

    # What both need.

    def _read(self, project: str, credentials: Parameters, names: t.Iterable[str]) -> _Networks:
        """Return the networks of a project. Who may not list all of them may still read one.

        Raises:
            TaskError: If they cannot be read.
        """
        key = _key_of(credentials, project)
        with gcp_names():
            session = self._session.open_gcp(credentials)
            if key not in self._unlisted:
                try:
                    listed = list_networks(session, project)
                    return {name: NetworkState(exists=True, peerings=one.peerings) for name, one in listed.items()}
                except GcpDeniedError:
                    self._unlisted.add(key)
            params = {name: {"network_name": name, "local": network_path(project, name)} for name in names}
            return {name: Networks(session, one).look(may_be_missing=True) for name, one in params.items()}

    def _run(self, credentials: Parameters, params: Parameters, known: NetworkState | None) -> Ran:
        """Run the front of one mirror. Its waits have their own end."""
        with gcp_names(), unbounded():
            operation = self._operation(params, self._session.open_gcp(credentials), self._clock)
            return self._run_to_end(operation, known)

    def _params_of(self, entry: PathEntry, state: PathState) -> dict[str, t.Any]:
        """Return the options of the front for the mirror of an entry."""
        pair = self.names_of(entry, state) or (_UNKNOWN if self._is_present else None)
        return self._make_params(entry.params, pair, entry.params["gcp_peering_name"], self._params["state"])

    def _make_params(
        self, network: t.Mapping[str, t.Any], pair: tuple[str, str] | None, name: str | None, wanted: str
    ) -> dict[str, t.Any]:
        project, atlas_network = pair or (None, None)
        params = {
            **{one: network[one] for one in GCP.identity},
            "atlas_gcp_project_id": project,
            "atlas_network_name": atlas_network,
            "name": name,
            "state": wanted,
            # One poll serves all mirrors that have to become active.
            "wait": False,
            "wait_timeout": self._params["wait_timeout"],
            "wait_sleep": self._params["wait_sleep"],
        }
        return {**params, **name_networks(params, "gcp_peering_name")}

    def _plan_entry(self, entry: PathEntry, state: PathState) -> Plan:
        """Plan the mirror of an entry.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        network = state.gcp[entry.key]
        if self._is_present and not network.exists:
            name, project = entry.params["network_name"], entry.params["gcp_project_id"]
            raise InvalidOptionError(
                f"There is no VPC network {name} in the project {project}.", hint="Check gcp_project_id and network_name."
            )
        if self._is_present:
            return plan_present(self._params_of(entry, state), network)
        if not self.is_known(entry, state):
            return Plan()
        try:
            return plan_absent(self._params_of(entry, state), network)
        except InvalidOptionError:
            raise
        except TaskError as error:
            raise error.with_hint("Correct gcp_peering_name, or leave it out.") from None

    def _what(self, owner: str, name: str, action: str = "") -> What:
        return What(owner, _MIRROR, GCP.name, action or ("create" if self._is_present else "delete"), _MIRROR, name)

    def _name_of(self, entry: PathEntry, state: PathState) -> str:
        """Return the name of the mirror to make; empty if Atlas's network, after which it is called, is not known yet."""
        if not self._is_present or (self.names_of(entry, state) is None and entry.params["gcp_peering_name"] is None):
            return ""
        return str(self._params_of(entry, state)["name"])

    def _remote_of(self, key: str, state: PathState) -> str | None:
        """Return Atlas's network of an entry."""
        params = self._params_of(self._entries[key], state)
        mirror = find_mirror(params, state.gcp[key])
        return params["remote"] or (None if mirror is None else mirror.network)

    def _is_asked_for(self, entry: PathEntry, state: PathState) -> bool:
        """Return whether Atlas waits for the mirror of an entry, or did so before, and its names are known."""
        if self._containers is not None and not self._has_half_of_atlas(entry, state):
            return False
        return self.names_of(entry, state) is not None

    def _has_half_of_atlas(self, entry: PathEntry, state: PathState) -> bool:
        own = state.peers.entries.get(entry.key)
        return own is not None and own.peer is not None and GCP.has_reached(own.peer, t.cast(str, GCP.pending))

    def _read_names(self, state: PathState) -> PathState:
        """Read the containers once Atlas has made its half of a connection, and its names are not known."""
        waiting = [
            entry
            for key, entry in self._entries.items()
            if key not in state.failures and self._has_half_of_atlas(entry, state) and self.names_of(entry, state) is None
        ]
        if self._containers is None or not waiting:
            return state
        try:
            found = self._containers.list_containers(GCP.name)
        except TaskError as error:
            return self._unread(waiting, error, state)
        others = [one for one in state.containers if one["provider_name"] != GCP.name]
        return with_containers([*others, *found], state)

    def _poll_group(self, key: _Key, waiting: t.Sequence[PathEntry], state: PathState) -> PathState:
        try:
            listed = self._read(key[1], waiting[0].gcp_credentials(), _names(waiting))
        except TaskError as error:
            return self._unread(waiting, error, state)
        for entry in waiting:
            state = replace(state, gcp={**state.gcp, entry.key: _find(listed, entry)})
            try:
                is_active(self._params_of(entry, state), state.gcp[entry.key])
            except TaskError as error:
                # It was removed meanwhile.
                state = _failed(entry, error, state)
        return state

    def _unread(self, waiting: t.Iterable[PathEntry], error: TaskError, state: PathState) -> PathState:
        """Return the state after a poll without an answer, which the next one may have; other errors are failures."""
        for entry in () if error.is_transient or error.is_unanswered else waiting:
            state = _failed(entry, error, state)
        return state

    def _is_active(self, entry: PathEntry, state: PathState) -> bool:
        mirror = find_mirror(self._params_of(entry, state), state.gcp[entry.key])
        return mirror is not None and mirror.state == ACTIVE

    def _waits(self, entry: PathEntry, state: PathState) -> bool:
        """Return whether there is a mirror that is not active yet."""
        if not self._is_present or entry.key in state.failures:
            return False
        mirror = find_mirror(self._params_of(entry, state), state.gcp[entry.key])
        return mirror is not None and mirror.state != ACTIVE


def _group_of(entry: PathEntry) -> _Key:
    return _key_of(entry.gcp_credentials(), str(entry.params["gcp_project_id"]))


def _key_of(credentials: Parameters, project: str) -> _Key:
    return json.dumps(dict(credentials), sort_keys=True, default=str), project


def _names(entries: t.Iterable[PathEntry]) -> list[str]:
    return [entry.params["network_name"] for entry in entries]


def _find(listed: _Networks, entry: PathEntry) -> NetworkState:
    return listed.get(entry.params["network_name"], _ABSENT)


def _pair(fields: t.Mapping[str, t.Any]) -> tuple[str, str] | None:
    """Return Atlas's project and network in a container, or in an entry; None if one of them is not known."""
    project, network = (fields.get(name) for name in GCP.atlas_network)
    return (project, network) if project and network else None


def _failed(entry: PathEntry, error: TaskError, state: PathState) -> PathState:
    return state.with_failure(entry.key, _MIRROR, entry.named(error))
