# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half on GCP of the entries: the mirror of each, which the side changes."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession
from .._clouds.cloud import Peer, fields_of
from .._clouds.gcp import GCP
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, Notice, Plan, Step, joined
from .._engine.side import Owner, Query
from .._engine.wait import WaitTimeoutError, time_is_up
from .._entries.parser import PeerEntry
from .._gcp.network import ACTIVE, NetworkState, find_mirror, plan_absent, plan_present, state_after
from .._gcp.options import name_networks
from .._http.errors import InvalidOptionError, TaskError
from .._resources.containers import Container, Containers
from .entry_containers import take_containers
from .gcp import Mirror
from .gcp_lists import NetworkLists
from .path_state import ACTING, CLEANING, MIRROR, SIDES, Answers, Chooser, Common, PathState, as_one

# Placeholders for Atlas's project and network before Atlas has created them: no network can have these names.
_UNKNOWN = ("p-000000000000000000000000", "nt-000000000000000000000000-00000000")
# Reads Atlas's names.
_NAMES = "names"


class MirrorTerms:
    """What the list and Atlas set for the mirror of each entry.

    Args:
        params: The options of the task.
        path: What is known of both sides.
    """

    def __init__(self, params: Parameters, path: PathState) -> None:
        self._params, self._path = params, path
        self.is_present = params["state"] == "present"
        # The options of mirrors, by their entries and Atlas's names.
        self._options: dict[tuple[str, tuple[str, str] | None], Parameters] = {}

    def names_of(self, entry: PeerEntry) -> tuple[str, str] | None:
        """Return Atlas's project and network in GCP for an entry; None if they are not known yet."""
        if not self._params["atlas"]:
            return _pair(entry.params)
        container = self._path.container_of.get(entry.key)
        return None if container is None else _pair(container)

    def is_known(self, entry: PeerEntry) -> bool:
        """Return whether it is known which peering of an entry's network is the mirror."""
        return self.names_of(entry) is not None or entry.params["gcp_peering_name"] is not None

    def name_of(self, entry: PeerEntry) -> str:
        """Return the name of the mirror to create; empty if Atlas's network, which it is named after, is not known yet."""
        return str(self.params_of(entry)["name"]) if self.is_present and self.is_known(entry) else ""

    def is_requested(self, entry: PeerEntry) -> bool:
        """Return whether Atlas has created its half of a connection, or the task leaves Atlas alone."""
        own = self._path.peers.entries.get(entry.key)
        has_half = own is not None and own.peer is not None and GCP.has_reached(own.peer, t.cast(str, GCP.pending))
        return has_half or not self._params["atlas"]

    def params_of(self, entry: PeerEntry) -> Parameters:
        """Return the options of the front for the mirror of an entry."""
        is_named = not self.is_present and entry.params["gcp_peering_name"] is not None
        pair = self.names_of(entry) or (None if is_named else _UNKNOWN)
        found = self._options.get((entry.key, pair))
        if found is None:
            found = self.make_params(entry.params, pair, entry.params["gcp_peering_name"], self._params["state"])
            self._options[entry.key, pair] = found
        return found

    def make_params(self, network: Parameters, pair: tuple[str, str] | None, name: str | None, wanted: str) -> Parameters:
        """Return the options of the front for a mirror.

        Args:
            network: Has the customer's project and network.
            pair: Those of Atlas; None if they are not known.
            name: The name of the mirror; None for the name that follows from Atlas's network.
            wanted: The `state`.
        """
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

    def plan(self, entry: PeerEntry, network: NetworkState) -> Plan:
        """Plan the mirror of an entry.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        if self.is_present and not network.exists:
            name, project = entry.params["network_name"], entry.params["gcp_project_id"]
            raise InvalidOptionError(
                f"There is no VPC network {name} in the project {project}.", hint="Check gcp_project_id and network_name."
            )
        if self.is_present:
            return plan_present(self.params_of(entry), network)
        if not self.is_known(entry):
            return Plan()
        try:
            return plan_absent(self.params_of(entry), network)
        except InvalidOptionError:
            raise
        except TaskError as error:
            raise error.with_hint("Correct gcp_peering_name, or leave it out.") from None


class PrunedMirrors:
    """The mirrors of pruned connections, which no entry means: they are removed in the same way, before the connections.

    Args:
        lists: Reads networks.
        terms: Makes their options.
        path: What is known of both sides, with the states of the side.

    Attributes:
        name: The name of the side.
        mirrors: The options and the requests of each, by the id of its connection, which is its owner.
        changes: Their changes, by the same ids.
    """

    name = "gcp"

    def __init__(self, lists: NetworkLists, terms: MirrorTerms, path: PathState) -> None:
        self._terms, self._lists, self._path, self._states = terms, lists, path, path.gcp
        self.look_at_pruned = lists.look_at
        self.mirrors: dict[Owner, Mirror] = {}
        self.changes: dict[Owner, Change] = {}

    def plan_pruned(self, peer: Peer, found: NetworkState, leaving: t.Sequence[Peer]) -> Plan:
        """Plan the removal of the mirror of a pruned connection: before the connection."""
        id_, used = peer["id"], [one for one in self._path.containers if one["id"] == peer["container_id"]]
        if id_ not in self.mirrors and used and (pair := _pair(used[0])) is not None:
            params = self._terms.make_params(fields_of(peer), pair, None, "absent")
            self.mirrors[id_] = Mirror(params, self._lists.requests(params))
            self._states[id_] = found
        return self.plan(id_) if id_ in self.mirrors else Plan()

    def plan(self, id_: str) -> Plan:
        """Plan what is left to remove."""
        plan = plan_absent(self.mirrors[id_].params, self._states[id_])
        for change in plan.changes:
            name = str((change.before or {})["name"])
            self.changes[id_] = change._replace(key=_key_of(id_), verb="delete", name=name)
        return as_one(self.changes[id_], plan.steps, id_, CLEANING) if plan.steps else Plan()

    def is_clean(self, owner: str) -> bool:
        """Return whether the mirror of a pruned connection is gone, or there was none."""
        return owner not in self.mirrors or not (self.plan(owner).steps or self._states[owner].running is not None)


class GcpEntries(Chooser):
    """The mirrors of the entries: it plans them, and answers the questions of the side, which changes them and waits.

    Args:
        common: What all choosers get, with the entries whose networks it changes.
        session: The services that the task talks to.
        containers: The network containers of the project; None if the task leaves Atlas alone.

    Attributes:
        reader: Reads their networks.
        pruned: The mirrors of pruned connections.
        stage: The stage in which mirrors are changed.
    """

    name, step = "gcp", MIRROR

    def __init__(self, common: Common, session: CheckSession, containers: Containers | None) -> None:
        super().__init__(common)
        self._entries = {entry.key: entry for entry in common.entries}
        self._containers, self._states = containers, common.path.gcp
        self._terms = MirrorTerms(self._params, common.path)
        self.reader = NetworkLists(self._params, common.entries, session)
        self.pruned = PrunedMirrors(self.reader, self._terms, common.path)
        self.stage = SIDES if self._is_absent else ACTING
        # The names of the mirrors as far as known at first, and their changes, which later plans keep.
        self._names: dict[str, str] = {}
        self._changes: dict[Owner, Change] = {}

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Return a call for each project and its credentials, which lists the networks."""
        return self.reader.reads()

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the entries whose networks are in a list."""
        return [entry.key for entry in self.reader.entries[key]]

    def begin(self, answers: Answers) -> None:
        """Take the network of each entry."""
        self._names = {key: self._terms.name_of(entry) for key, entry in self._entries.items()}
        self._states.update(self.reader.take(answers).items())

    # The plan.

    def plan(self) -> Plan:
        """Plan the mirrors that are missing, or their removal."""
        plans, notices, refusals = list[Plan](), list[Notice](), dict[str, TaskError]()
        for key, entry in self._entries.items():
            try:
                plan = self._plan_in_list(entry, self._states[key])
            except TaskError as error:
                refusals[key] = entry.named(error)
                continue
            self._changes.update(dict.fromkeys([key], plan.changes[0]) if plan.changes else {})
            notices += [Notice(key, one) for one in plan.warnings]
            plans += [plan] if key not in self._path.failures else []
        return replace(joined(plans), warnings=(), notices=tuple(notices), refusals=refusals)

    def _plan_in_list(self, entry: PeerEntry, network: NetworkState) -> Plan:
        """Return the plan of one mirror as a part of that of the list.

        Raises:
            TaskError: If its network does not exist, or its name belongs to another peering.
        """
        plan = self._terms.plan(entry, network)
        if not plan.steps:
            return plan
        (change,), (step,) = plan.changes, plan.steps
        name = str((change.before or {}).get("name", self._names[entry.key]))
        # The network of Atlas that is still to be created has no names.
        after = change.after if change.after is None or self._terms.names_of(entry) is not None else {}
        verb = "delete" if self._is_absent else "create"
        change = change._replace(key=_key_of(entry.key), after=after, verb=verb, name=name)
        step = step._replace(request=None if step.action == "create" else step.request)
        return as_one(change, [step], entry.key, self.stage)

    def predict(self, plan: Plan) -> None:
        """Assume the mirrors as they will be. A mirror to a network that Atlas has not created yet is not shown."""
        states, terms = self._states, self._terms
        for key, entry in self._entries.items():
            is_shown = terms.is_known(entry) if self._is_absent else terms.names_of(entry) is not None
            if is_shown and key not in self._path.failures:
                states[key] = state_after(terms.params_of(entry), states[key], terms.plan(entry, states[key]))

    # Questions of the side.

    def plan_mirror(self, owner: Owner, network: NetworkState) -> Plan:
        """Plan the mirror of an entry again, with the change of the first plan, and without its warnings."""
        if owner in self.pruned.mirrors:
            return self.pruned.plan(str(owner))
        plan, change = self._plan_in_list(self._entries[str(owner)], network), self._changes.get(owner)
        return as_one(change, plan.steps, owner, self.stage) if plan.steps and change is not None else Plan()

    def changes_of(self, owner: Owner, network: NetworkState) -> t.Sequence[Change]:
        """Return the change of a mirror, as far as known now."""
        change = (self.pruned.changes if owner in self.pruned.mirrors else self._changes)[owner]
        if change.action != "create":
            return (change,)
        params = self._terms.params_of(self._entries[str(owner)])
        made = plan_present(params, network).changes
        mirror = find_mirror(params, network)
        fields = made[0].after if mirror is None else mirror.to_result()
        return (change._replace(name=str((fields or params)["name"]), after=fields),)

    def mirror(self, owner: Owner) -> Mirror:
        """Return what the mirror of an entry should be, as far as Atlas has named its network, and the requests about it."""
        if owner in self.pruned.mirrors:
            return self.pruned.mirrors[owner]
        entry = self._entries[str(owner)]
        params = self._terms.params_of(entry)
        return Mirror(params, self.reader.requests(params, entry))

    def is_asked_for(self, owner: Owner) -> bool:
        """Return whether Atlas waits for the mirror of an entry, or did so before, and its names are known."""
        if self._is_absent or owner in self.pruned.mirrors:
            return True
        entry = self._entries[str(owner)]
        return self._terms.is_requested(entry) and self._terms.names_of(entry) is not None

    def list_queries(self, owners: t.Iterable[Owner]) -> t.Iterable[Query]:
        """Return a query for each list of networks that has some of these entries."""
        groups: dict[t.Hashable, list[PeerEntry]] = {}
        for owner in owners:
            entry = self._entries[str(owner)]
            groups.setdefault(self.reader.key_of(entry), []).append(entry)
        return [Query(key, partial(self.reader.read, own), tuple(one.key for one in own)) for key, own in groups.items()]

    def name_queries(self, owners: t.Iterable[Owner]) -> t.Iterable[Query]:
        """Return the query for Atlas's names, if mirrors wait for them; its reply is for `take_names`."""
        terms, entries = self._terms, {owner: self._entries[str(owner)] for owner in owners if owner in self._entries}
        waiting = [owner for owner, one in entries.items() if terms.is_requested(one) and terms.names_of(one) is None]
        ask = None if self._containers is None else self._containers.list_containers
        return [Query(_NAMES, partial(_if_answered, ask), tuple(waiting))] if waiting and ask is not None else []

    def take_names(self, found: t.Sequence[Container]) -> None:
        """Take the network containers, which may have Atlas's names by now."""
        if found:
            others = [one for one in self._path.containers if one["provider_name"] != GCP.name]
            take_containers([*others, *found], self._path)

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a mirror that could not be changed in time, with what it has waited for."""
        if self.is_asked_for(step.owner):
            return time_is_up(error, f"the other peerings with Atlas's network in {GCP.name} were changed, one after the other")
        if self._terms.is_requested(self._entries[str(step.owner)]):
            return time_is_up(error, f"Atlas had named its project and network in {GCP.name}")
        own = self._path.peers.entries.get(str(step.owner))
        shown = "not there yet" if own is None or own.peer is None else own.peer["status_name"]
        return time_is_up(error, f"Atlas waited for the peering in {GCP.name} (the connection is {shown})")

    def is_begun(self, entry: str) -> bool:
        """Return whether GCP's operation for an entry has not ended yet."""
        return entry in self._states and self._states[entry].running is not None

    def line(self) -> str:
        """Return how many mirrors are active."""
        if self._is_absent or self._context.stage != ACTING:
            return ""
        wanted = [entry for key, entry in self._entries.items() if key not in self._path.failures]
        mirrors = [find_mirror(self._terms.params_of(entry), self._states[entry.key]) for entry in wanted]
        active = [one for one in mirrors if one is not None and one.state == ACTIVE]
        return f"{len(active)} of {len(wanted)} peerings in {GCP.name} active" if wanted else ""


def _if_answered(ask: t.Callable[[str], list[Container]]) -> list[Container]:
    """Return the network containers; none if Atlas does not answer, since the next poll may have an answer.

    Raises:
        TaskError: If it refuses.
    """
    try:
        return ask(GCP.name)
    except TaskError as error:
        if error.is_transient or error.is_unanswered:
            return []
        raise


def _key_of(owner: str) -> ChangeKey:
    return ChangeKey(owner, MIRROR, GCP.name, MIRROR)


def _pair(fields: Parameters) -> tuple[str, str] | None:
    """Return Atlas's project and network in a container, or in an entry; None if one of them is not known."""
    project, network = (fields.get(name) for name in GCP.atlas_network)
    return (project, network) if project and network else None
