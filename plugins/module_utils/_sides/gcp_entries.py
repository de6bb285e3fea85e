# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on GCP of the entries: which mirror each one has, and what is read for them; its side changes them."""

from __future__ import annotations

import json
import typing as t
from collections.abc import MutableMapping
from dataclasses import replace
from functools import partial

from .._accounts.credentials import gcp_credentials_of, gcp_names
from .._accounts.session import CheckSession
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.gcp import GCP, network_path
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, Plan, Step, joined
from .._engine.side import Owner
from .._engine.wait import WaitTimeoutError, time_is_up
from .._entries.parser import PeerEntry
from .._gcp.credentials import DEFAULT_SCOPES
from .._gcp.errors import GcpDeniedError
from .._gcp.network import ACTIVE
from .._gcp.networks import Networks, list_networks, list_subnets
from .._gcp.options import name_networks
from .._gcp.plan import NetworkState, find_mirror, plan_absent, plan_present, state_after
from .._http.errors import AuthError, InvalidOptionError, NotFoundError, TaskError
from .._resources.containers import Containers
from .entry_containers import with_containers
from .part import Answers, Common, PathPart
from .path_state import ACTING, CLEANING, MIRROR, SIDES, PathState

# What stands for Atlas's project and network before Atlas has made them: no network can have these names.
_UNKNOWN = ("p-000000000000000000000000", "nt-000000000000000000000000-00000000")
_ABSENT = NetworkState(exists=False)
# Credentials, as text, and a project.
_Key = tuple[str, str]
# Networks by name; one that does not exist may be missing.
_Networks = t.Mapping[str, NetworkState]


class EntryNetworks(Networks):
    """Requests about the network of an entry, whose errors name the options of the list."""

    look = gcp_names()(Networks.look)
    change = gcp_names()(Networks.change)
    follow = gcp_names()(Networks.follow)


class GcpEntries(PathPart):
    """The mirrors of the entries: it reads their networks, and plans them; the side changes them, and waits.

    Those of pruned connections, which no entry means, are removed in the same way; their owners are the connections.

    Args:
        common: What all parts get, with the entries whose networks it changes.
        session: The services that the task talks to.
        containers: The network containers of the project; None if the task leaves Atlas alone.
        states: The states of the side, which get what is read first.
        now: Returns the current state.
    """

    name = "gcp"

    def __init__(
        self,
        common: Common,
        session: CheckSession,
        containers: Containers | None,
        states: MutableMapping[Owner, NetworkState],
        now: t.Callable[[], PathState],
    ) -> None:
        super().__init__(common)
        self._entries = {entry.key: entry for entry in common.entries}
        self._session = session
        self._containers = containers
        self._states, self._now = states, now
        self._is_present = not self._is_absent
        self.stage = ACTING if self._is_present else SIDES
        # The entries of each list of networks, and the list as it was read first.
        self._groups: dict[_Key, list[PeerEntry]] = {}
        self._listed: dict[_Key, _Networks] = {}
        # The credentials and projects whose networks may not be listed.
        self._unlisted: set[_Key] = set()
        # The names of the mirrors as far as they were known at first, and their changes: later plans say the same.
        self._names: dict[str, str] = {}
        self._changes: dict[str, Change] = {}
        self._credentials = {entry.key: gcp_credentials_of(entry.task, entry.params, DEFAULT_SCOPES) for entry in common.entries}
        # The options of mirrors, by their entries and Atlas's names.
        self._options: dict[tuple[str, tuple[str, str] | None], dict[str, t.Any]] = {}
        # The mirrors of pruned connections, by the ids of those.
        self._pruned: dict[str, tuple[Parameters, Networks]] = {}
        for entry in common.entries:
            self._groups.setdefault(self._group_of(entry), []).append(entry)

    def _group_of(self, entry: PeerEntry) -> _Key:
        return _key_of(self._credentials[entry.key], str(entry.params["gcp_project_id"]))

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return a call for each project and its credentials, which lists the networks."""
        return {
            key: partial(self._read, key[1], self._credentials[group[0].key], _names(group))
            for key, group in self._groups.items()
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

    def plan(self, state: PathState) -> Plan:
        """Plan the mirrors that are missing, or their removal."""
        # Where the mirror of an entry is not known, nothing is removed.
        known = [key for key, entry in self._entries.items() if self._is_present or self._is_known(entry, state)]
        self._states.update({key: state.gcp[key] for key in known})
        plans, refusals = list[Plan](), dict[str, TaskError]()
        for key, entry in self._entries.items():
            try:
                plan = self._plan_in_list(entry, state.gcp[key], state)
            except TaskError as error:
                refusals[key] = entry.named(error)
                continue
            for change in plan.changes:
                self._changes[key] = change
            plans.append(plan if key not in state.failures else Plan(warnings=plan.warnings))
        return replace(joined(plans), refusals=refusals)

    def plan_mirror(self, owner: Owner, network: NetworkState) -> Plan:
        """Plan the mirror of an entry again, with the change of the first plan, which has warned, too."""
        key = str(owner)
        if key in self._pruned:
            return self._plan_pruned(key)
        plan, change = self._plan_in_list(self._entries[key], network, self._now()), self._changes.get(key)
        if not plan.steps or change is None:
            return Plan()
        return Plan((change,), tuple(step._replace(keys=(change.key,)) for step in plan.steps))

    def changes_of(self, owner: Owner, network: NetworkState) -> t.Sequence[Change]:
        """Return the change of a mirror, with what is known of it by now."""
        change = self._changes[str(owner)]
        if change.action != "create":
            return (change,)
        params = self._params_of(self._entries[str(owner)], self._now())
        made = plan_present(params, network).changes
        mirror = find_mirror(params, network)
        fields = made[0].after if mirror is None else mirror.to_result()
        return (change._replace(name=str((fields or params)["name"]), after=fields),)

    def _plan_in_list(self, entry: PeerEntry, network: NetworkState, state: PathState) -> Plan:
        """Return the plan of one mirror as a part of that of the list.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        plan = self._plan_entry(entry, network, state)
        warnings = tuple(entry.named(TaskError(one)).message for one in plan.warnings)
        if not plan.steps:
            return replace(plan, warnings=warnings)
        (change,), (step,) = plan.changes, plan.steps
        name = str((change.before or {}).get("name", self._names[entry.key]))
        key, verb = ChangeKey(entry.key, MIRROR, GCP.name, MIRROR), "create" if self._is_present else "delete"
        # What is not made yet has no names.
        after = change.after if change.after is None or self._names_of(entry, state) is not None else {}
        request = None if step.action == "create" else step.request
        step = step._replace(request=request, keys=(key,), owner=entry.key, stage=self.stage)
        return Plan((change._replace(key=key, after=after, verb=verb, name=name),), (step,), warnings)

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state with the mirrors as they will be. One to a network that Atlas has not made yet is not shown."""
        found = {}
        for key, entry in self._entries.items():
            if key in state.failures:
                continue
            if self._names_of(entry, state) is not None or (not self._is_present and self._is_known(entry, state)):
                found[key] = state_after(
                    self._params_of(entry, state), state.gcp[key], self._plan_entry(entry, state.gcp[key], state)
                )
        return replace(state, gcp={**state.gcp, **found})

    # What the side asks, and returns.

    def mirror(self, owner: Owner) -> tuple[Parameters, Networks]:
        """Return what the mirror of an entry should be, as far as Atlas has named its network, and the requests about it."""
        if owner in self._pruned:
            return self._pruned[str(owner)]
        entry = self._entries[str(owner)]
        params = self._params_of(entry, self._now())
        # The session is open since the networks were read.
        return params, EntryNetworks(self._session.open_gcp(self._credentials[entry.key]), params)

    def failure_of(self, owner: Owner) -> TaskError | None:
        """Return why an entry has failed, on whichever side; None if it has not."""
        failure = self._now().failures.get(str(owner))
        return None if failure is None else failure.error

    def is_asked_for(self, owner: Owner) -> bool:
        """Return whether Atlas waits for the mirror of an entry, or did so before, and its names are known."""
        if not self._is_present or owner in self._pruned:
            return True
        known = self._entries[str(owner)], self._now()
        return self._has_half_of_atlas(*known) and self._names_of(*known) is not None

    def list_of(self, owner: Owner) -> _Key:
        """Return the credentials of an entry, and the project of its network."""
        return self._group_of(self._entries[str(owner)])

    def read(self, owners: t.Sequence[Owner]) -> dict[Owner, NetworkState]:
        """Return the networks of entries with the same credentials and project, by their keys. Runs in a thread."""
        entries = [self._entries[str(owner)] for owner in owners]
        listed = self._read(self.list_of(owners[0])[1], self._credentials[entries[0].key], _names(entries))
        return {entry.key: _find(listed, entry) for entry in entries}

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a mirror that could not be changed before the time was up: what it has waited for."""
        state = self._now()
        if self.is_asked_for(step.owner):
            return time_is_up(error, f"the other peerings with Atlas's network in {GCP.name} were changed, one after the other")
        if self._has_half_of_atlas(self._entries[str(step.owner)], state):
            return time_is_up(error, f"Atlas had named its project and network in {GCP.name}")
        own = state.peers.entries.get(str(step.owner))
        shown = "not there yet" if own is None or own.peer is None else own.peer["status_name"]
        return time_is_up(error, f"Atlas waited for the peering in {GCP.name} (the connection is {shown})")

    def step_of(self, entry: str) -> str:
        """Return what has failed for an entry: its mirror."""
        return MIRROR

    def is_begun(self, entry: str, state: PathState) -> bool:
        """Return whether GCP's operation for an entry has not shown its end so far."""
        return entry in self._states and self._states[entry].running is not None

    def take(self, owner: Owner, found: NetworkState, state: PathState) -> PathState:
        """Return the state with a network."""
        return replace(state, gcp={**state.gcp, str(owner): found})

    # What Atlas does meanwhile.

    def poll(self, state: PathState) -> PathState:
        """Read Atlas's names once they are needed."""
        waiting = self._nameless(state)
        if self._containers is None or not waiting:
            return state
        try:
            found = self._containers.list_containers(GCP.name)
        except TaskError as error:
            # The next poll may have an answer; other errors are failures.
            for entry in () if error.is_transient or error.is_unanswered else waiting:
                state = state.with_failure(entry.key, MIRROR, entry.named(error))
            return state
        others = [one for one in state.containers if one["provider_name"] != GCP.name]
        return with_containers([*others, *found], state)

    def _nameless(self, state: PathState) -> list[PeerEntry]:
        """Return the entries whose connection has Atlas's half, and whose names are not known."""
        return [
            entry
            for key, entry in (self._entries.items() if self._is_present and state.stage == ACTING else ())
            if key not in state.failures and self._has_half_of_atlas(entry, state) and self._names_of(entry, state) is None
        ]

    def is_settled(self, state: PathState) -> bool:
        """Return whether no names are missing."""
        return not self._nameless(state)

    def line(self, state: PathState) -> str:
        """Return how many mirrors are active."""
        if state.stage != ACTING or not self._is_present:
            return ""
        wanted = [entry for key, entry in self._entries.items() if key not in state.failures]
        mirrors = [find_mirror(self._params_of(entry, state), state.gcp[entry.key]) for entry in wanted]
        active = [one for one in mirrors if one is not None and one.state == ACTIVE]
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

    def plan_pruned(self, peer: Peer, found: NetworkState, leaving: t.Sequence[Peer], state: PathState) -> Plan:
        """Plan the removal of the mirror of a pruned connection: before that goes."""
        id_, used = peer["id"], [one for one in state.containers if one["id"] == peer["container_id"]]
        if id_ not in self._pruned and used and (pair := _pair(used[0])) is not None:
            params = self._make_params(fields_of(peer), pair, None, "absent")
            # The session is open since the network was read.
            session = self._session.open_gcp(self._credentials_for(params["gcp_project_id"]))
            self._pruned[id_] = params, EntryNetworks(session, params)
            self._states[id_] = found
        return self._plan_pruned(id_) if id_ in self._pruned else Plan()

    def _plan_pruned(self, id_: str) -> Plan:
        plan = plan_absent(self._pruned[id_][0], self._states[id_])
        for change in plan.changes:
            name = str((change.before or {})["name"])
            self._changes[id_] = change._replace(key=ChangeKey(id_, MIRROR, GCP.name, MIRROR), verb="delete", name=name)
        steps = (one._replace(keys=(self._changes[id_].key,), owner=id_, stage=CLEANING) for one in plan.steps)
        return Plan((self._changes[id_],), (*steps,)) if plan.steps else Plan()

    def is_clean(self, owner: str) -> bool:
        """Return whether the mirror of a pruned connection is gone, or there was none."""
        return owner not in self._pruned or not (self._plan_pruned(owner).steps or self.is_begun(owner, self._now()))

    def _credentials_for(self, project: str) -> dict[str, t.Any]:
        """Return the credentials of an entry in a project, or else those of the task."""
        entry = next((one for one in self._entries.values() if one.params["gcp_project_id"] == project), None)
        return gcp_credentials_of(self._params, {}, DEFAULT_SCOPES) if entry is None else self._credentials[entry.key]

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

    def _params_of(self, entry: PeerEntry, state: PathState) -> dict[str, t.Any]:
        """Return the options of the front for the mirror of an entry."""
        pair = self._names_of(entry, state) or (_UNKNOWN if self._is_present else None)
        found = self._options.get((entry.key, pair))
        if found is None:
            found = self._make_params(entry.params, pair, entry.params["gcp_peering_name"], self._params["state"])
            self._options[entry.key, pair] = found
        return found

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
            "wait": True,
            "wait_timeout": self._params["wait_timeout"],
            "wait_sleep": self._params["wait_sleep"],
        }
        return {**params, **name_networks(params, "gcp_peering_name")}

    def _plan_entry(self, entry: PeerEntry, network: NetworkState, state: PathState) -> Plan:
        """Plan the mirror of an entry.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        if self._is_present and not network.exists:
            name, project = entry.params["network_name"], entry.params["gcp_project_id"]
            raise InvalidOptionError(
                f"There is no VPC network {name} in the project {project}.", hint="Check gcp_project_id and network_name."
            )
        if self._is_present:
            return plan_present(self._params_of(entry, state), network)
        if not self._is_known(entry, state):
            return Plan()
        try:
            return plan_absent(self._params_of(entry, state), network)
        except InvalidOptionError:
            raise
        except TaskError as error:
            raise error.with_hint("Correct gcp_peering_name, or leave it out.") from None

    def _names_of(self, entry: PeerEntry, state: PathState) -> tuple[str, str] | None:
        """Return Atlas's project and network in GCP for an entry; None if they are not known (yet)."""
        if self._containers is None:
            return _pair(entry.params)
        home = state.homes.get(entry.key)
        return None if home is None else _pair(home)

    def _is_known(self, entry: PeerEntry, state: PathState) -> bool:
        """Return whether it is known which peering of an entry's network is the mirror."""
        return self._names_of(entry, state) is not None or entry.params["gcp_peering_name"] is not None

    def _name_of(self, entry: PeerEntry, state: PathState) -> str:
        """Return the name of the mirror to make; empty if Atlas's network, after which it is called, is not known yet."""
        if not self._is_present or not self._is_known(entry, state):
            return ""
        return str(self._params_of(entry, state)["name"])

    def _has_half_of_atlas(self, entry: PeerEntry, state: PathState) -> bool:
        """Return whether Atlas has made its half of a connection, or the task leaves Atlas alone."""
        if self._containers is None:
            return True
        own = state.peers.entries.get(entry.key)
        return own is not None and own.peer is not None and GCP.has_reached(own.peer, t.cast(str, GCP.pending))


def _key_of(credentials: Parameters, project: str) -> _Key:
    return json.dumps(dict(credentials), sort_keys=True, default=str), project


def _names(entries: t.Iterable[PeerEntry]) -> list[str]:
    return [entry.params["network_name"] for entry in entries]


def _find(listed: _Networks, entry: PeerEntry) -> NetworkState:
    return listed.get(entry.params["network_name"], _ABSENT)


def _pair(fields: t.Mapping[str, t.Any]) -> tuple[str, str] | None:
    """Return Atlas's project and network in a container, or in an entry; None if one of them is not known."""
    project, network = (fields.get(name) for name in GCP.atlas_network)
    return (project, network) if project and network else None
