# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared list in Atlas: its reads, its plan, and what it waits for."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Cloud, Peer, fields_of
from .._clouds.clouds import CLOUDS, cloud_of, identity_of, is_failed, is_leaving
from .._engine.options import Parameters
from .._engine.plan import Change, Facts, Plan, listed
from .._engine.side import Owner, Purpose, Query
from .._engine.wait import GONE, WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import ApiError, NoAnswerError, TaskError
from .._http.pauses import Clock
from .._resources.containers import Container, Containers
from .._resources.peers import VpcPeers
from .connection import SentRequests, customer_task, too_late, wait_failure
from .container_choice import LIST_CONTAINERS, ContainerChoice, complete_from_list, read_containers
from .draft import PeerSetPlanner
from .match import PeerMatch
from .set_state import PeerSetState

# The keys of the queries for a look, and for a poll.
LIST_QUERY, POLL_QUERY = "list", "poll"
# How many connections a status line names for each reason to wait.
MOST_NAMES = 5


class _ContainerFacts(Facts):
    """The list of containers, and each by its id, from that list if possible. It is read at the first use.

    Args:
        params: The options of the task.
        clouds: The names of the clouds whose connections are read.
        containers: The containers.
    """

    def __init__(self, params: Parameters, clouds: t.Collection[str], containers: Containers) -> None:
        super().__init__(partial(_list_containers, clouds, containers))
        self._params, self._containers = params, containers

    def __missing__(self, key: str) -> t.Any:
        """Read a fact at its first use."""
        if key == LIST_CONTAINERS:
            return super().__missing__(key)
        listed = {one["id"]: one for one in self[LIST_CONTAINERS]}
        # Only connections on AWS are read by id. An unlisted container was deleted meanwhile, and no option named it.
        params = {**self._params, "container_id": None}
        self[key] = found = listed[key] if key in listed else read_containers(key, params, AWS, self._containers)
        return found


def _list_containers(clouds: t.Collection[str], containers: Containers, key: str) -> list[Container]:
    first, *others = clouds
    is_own_list = not others and not CLOUDS[first].lists_all
    return containers.list_containers(first) if is_own_list else containers.list_all_containers()


class FirstChanges(dict[str, Change]):
    """The changes of entries and pruned connections in the first plan, as results have them: later plans have what is left."""

    def key_of(self, owner: Owner) -> t.Hashable:
        """Return the key of the change of an entry or a connection; its own where results have no other."""
        return self[str(owner)].key if str(owner) in self else str(owner)

    def shown(self, change: Change) -> Change:
        """Return a change in the words of results. A removal may be the first half of a replacement."""
        shown = change.shown_as(self.get(change.key, change))
        return shown._replace(verb="delete") if change.action == "delete" and change.key in self else shown


class PeerSet:
    """Reads and plans the connections of a list, on all its clouds, for `PeerSide`.

    Args:
        params: The options of the task.
        peers: The connections with each cloud that is read, by its name.
        containers: The containers.
        clock: A monotonic clock, in seconds.

    Attributes:
        params: The options of the task.
        entries: The entries, by key.
        facts: The containers of the project: those of AWS, or all if other clouds are read.
        lists: The connections of the project.
        sent: The requests that this task has sent.
        first_changes: The changes as results have them, where that differs from the plan of the list.
        matches: Finds the connection of each entry, by key.
        choices: The container of each entry, by key.
        planner: Plans the list.
    """

    def __init__(self, params: Parameters, peers: t.Mapping[str, VpcPeers], containers: Containers, clock: Clock) -> None:
        self.params = params
        self.facts: Facts = _ContainerFacts(params, peers.keys(), containers)
        self.lists = PeerLists(peers, self.facts)
        self.sent = SentRequests(clock)
        self.first_changes = FirstChanges()
        self.use(())

    def use(self, entries: t.Sequence[PeerEntry], declared: t.Collection[str] = ()) -> None:
        """Take the entries of the list.

        Args:
            entries: The entries.
            declared: The names of the clouds whose connections the list declares; empty for all that are read.
        """
        self.entries = {entry.key: entry for entry in entries}
        self._declared = declared or self.lists.names
        self.matches = {
            entry.key: PeerMatch(
                self.lists.with_cloud(entry.provider), ContainerChoice(entry.options, entry.provider, self.facts)
            )
            for entry in entries
        }
        self.choices = {key: match.choice for key, match in self.matches.items()}
        self.planner = PeerSetPlanner(self.params, entries, self.choices, self._declared)

    def queries(self, state: PeerSetState, purpose: Purpose) -> list[Query]:
        """Return the queries of the side: each look and each poll is one list of the connections with each cloud."""
        if purpose is Purpose.POLL:
            names = self.awaited(state)
            return [Query(POLL_QUERY, partial(self.poll, state, names) if names else lambda: state)]
        return [Query(LIST_QUERY, partial(self.look, state, purpose))]

    def look(self, state: PeerSetState, purpose: Purpose) -> PeerSetState:
        """Read the connections of the project, and return the state with that of each entry; what was done so far is kept."""
        if purpose is Purpose.FIRST:
            listed = tuple(self.lists.list_peers())
            return choose_entries(self.matches, PeerSetState(listed, first=listed))
        return choose_entries(self.matches, self.poll(state, self._declared))

    def plan(self, state: PeerSetState) -> Plan:
        """Plan what is left to do for the list; the keys of steps are those of entries, or the ids of connections."""
        if any(entry.provider.region is not None for entry in self.entries.values()):
            # The hand-over needs the blocks.
            self.facts[LIST_CONTAINERS]
        plan = self.planner.plan(state)
        for key, own in state.entries.items():
            if own.peer is not None:
                self.choices[key].read_names(own.peer)
        return replace(plan, warnings=(*plan.warnings, *self.planner.warnings(plan, state)))

    def undeclared(self, state: PeerSetState) -> t.Iterable[str]:
        """Return the ids of the connections that are pruned."""
        return (peer["id"] for peer in self.planner.split_undeclared(state)[1]) if self.params["prune"] else ()

    def entry_of(self, owner: Owner) -> str:
        """Return the entry or pruned connection of an owner."""
        return str(owner)

    def frees_places(self, state: PeerSetState) -> bool:
        """Return whether places may become free although this task sends nothing."""
        return True

    def note_commands(self, key: str, error: TaskError) -> None:
        """Record the commands that give Atlas its role, where this task does not."""

    def worded(self, key: str, refusal: TaskError, error: TaskError) -> TaskError:
        """Return the error to show for a refusal in the words of the task."""
        return error

    def awaits_removal(self, owner: Owner, state: PeerSetState) -> bool:
        """Return whether the task waits at its end for an undeclared connection to be gone."""
        return owner in state.done

    def keep(self, state: PeerSetState, owner: str | None) -> None:
        """Record a new state; `owner` is set if its request has led to it."""

    def poll(self, state: PeerSetState, names: t.Collection[str]) -> PeerSetState:
        """Read the connections with the named clouds, and return the state with the progress of entries and new failures."""
        others = [peer for peer in state.listed if cloud_of(peer).name not in names]
        by_id = {peer["id"]: peer for peer in (*self.lists.list_peers(names), *others)}
        by_id.update({peer["id"]: peer for peer in state.listed if peer["id"] not in by_id and self.sent.is_new(peer["id"])})
        entries, failures = dict(state.entries), dict(state.failures)
        for gone in state.pruned:
            error = self.sent.removal_failure(by_id.get(gone["id"]))
            if error is not None:
                failures.setdefault(gone["id"], error)
        # These had failed when the task began, or the task removes them: the plan handles them.
        dead = {peer["id"] for peer in state.first if is_failed(peer)} | self.sent.removals
        # The names of Atlas's network, which the customer needs to set up the peering, are read once for all entries.
        again = True
        for key, entry in self.entries.items():
            own = entries.get(key)
            if own is None or own.peer is None:
                continue
            present = by_id.get(own.peer["id"])
            error = self.sent.removal_failure(present) if own.dying else None
            if self.params["wait"] and not own.dying and own.peer["id"] not in dead:
                error = wait_failure(entry.provider, entry.options, own.peer, present, self.goal(entry))
            if error is not None:
                failures.setdefault(key, error)
            if present is not None and self.choices[key].read_names(present, again=again):
                again = False
            dying = () if present is None or not own.dying else (present,)
            entries[key] = replace(own, peer=present, dying=dying)
        return replace(state.with_listed(by_id.values()), entries=entries, failures=failures)

    def goal(self, entry: PeerEntry) -> str:
        """Return the state that the task waits for, as Atlas calls it."""
        return entry.goal

    def awaits(self, entry: PeerEntry, peer: Peer) -> bool:
        """Return whether the connection of an entry has to be waited for."""
        return not entry.provider.has_reached(peer, self.goal(entry))

    def late_error(self, entry: PeerEntry | None, peer: Peer, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that has not reached its goal in time or, without an entry, is not gone."""
        if entry is None:
            return too_late(peer, GONE, error, None)
        return too_late(peer, self.goal(entry), error, customer_task(self.choices[entry.key], peer, entry.goal))

    def awaited(self, state: PeerSetState) -> frozenset[str]:
        """Return the names of the clouds that the task waits for; all of them if there are none, or if places are counted."""
        entries = {entry.provider.name for entry in self.missing(state)}
        pruned = {peer["id"] for peer in state.pruned}
        leaving = {cloud_of(peer).name for peer in state.listed if is_leaving(peer) or peer["id"] in pruned}
        found = entries | leaving
        return frozenset(found) if found and state.counts_at_limit is None else self.lists.names

    def missing(self, state: PeerSetState) -> list[PeerEntry]:
        """Return the entries whose connection has neither reached its goal nor failed."""
        return [
            entry
            for entry in self.entries.values()
            if entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and (own.peer is None or self.awaits(entry, own.peer))
        ]

    def line(self, state: PeerSetState) -> str:
        """Return the progress of the entries in one line: how many have reached their goal, and what the others wait for."""
        reached = sum(
            entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and own.peer is not None
            and entry.provider.has_reached(own.peer, entry.goal)
            for entry in self.entries.values()
        )
        # A later state than the goal counts, too.
        words = "available" if all(entry.goal == entry.provider.available for entry in self.entries.values()) else "there"
        counts = [f"{reached} of {len(self.entries)} {words}"] if self.entries else []
        counts += [
            f"{len(names)} {'waits' if len(names) == 1 else 'wait'}{before}{listed(names, MOST_NAMES)}{behind}"
            for (before, behind), names in _waiting(self.entries.values(), self.choices, state).items()
        ]
        leaving = sum(map(is_leaving, state.listed))
        return ", ".join([*counts, f"{leaving} being removed"] if leaving else counts)


def _waiting(
    entries: t.Iterable[PeerEntry], choices: t.Mapping[str, ContainerChoice], state: PeerSetState
) -> dict[tuple[str, str], list[str]]:
    """Return the names of connections that wait for the customer, by the words before and after them."""
    waiting: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        own, provider = state.entries.get(entry.key), entry.provider
        if entry.key in state.refused and entry.key not in state.failures:
            waiting.setdefault((f" for the role of Atlas in {provider.name}: ", ""), []).append(entry.name)
        elif own is not None and own.peer is not None and provider.waits_for_customer(own.peer, entry.goal):
            name, words = entry.name, (f" for its peering in {provider.name}: ", "")
            task = customer_task(choices[entry.key], own.peer, entry.goal)
            if provider.accepted_id is not None and task is not None:
                name, words = task.subject, (f": {task.verb} ", f" {task.where}")
            waiting.setdefault(words, []).append(name)
    return waiting


def choose_entries(matches: t.Mapping[str, PeerMatch], state: PeerSetState) -> PeerSetState:
    """Return the state with the connection that each entry means now.

    Connections that this task has created or changed stay, even if the list does not show them yet.

    Args:
        matches: Finds the connection of each entry, by key.
        state: The state, with a list that has just been read.

    Raises:
        TaskError: If the network containers are needed and cannot be read.
    """
    entries, unclear = dict(state.entries), {}
    of_network: dict[tuple[str | None, ...], list[Peer]] = {}
    for peer in state.listed:
        of_network.setdefault(identity_of(fields_of(peer)), []).append(peer)
    # Of these, Atlas does not report with which network they are.
    nameless = [peer for identity, peers in of_network.items() if None in identity for peer in peers]
    for key, match in matches.items():
        if key in state.done and state.done[key].after is not None:
            continue
        earlier = entries.pop(key, None)
        try:
            listed = (*of_network.get(match.identity, ()), *nameless)
            own = match.choose([peer for peer in listed if cloud_of(peer) is match.peers.provider])
        except (ApiError, NoAnswerError):
            raise
        except TaskError as error:
            unclear[key] = error
            continue
        template = earlier.template if earlier is not None else None
        if template is None and len(own.dying) == 1:
            template = own.dying[0]
        entries[key] = replace(own, listed=(), template=template)
    return replace(state, entries=entries, unclear=unclear)


class PeerLists:
    """The connections of one project with some cloud providers.

    Args:
        peers: The connections with each cloud provider, by its name.
        facts: The containers of the project, whose regions Atlas leaves out of connections.
    """

    def __init__(self, peers: t.Mapping[str, VpcPeers], facts: Facts) -> None:
        self._peers = peers
        self._facts = facts

    @property
    def names(self) -> frozenset[str]:
        """The names of the cloud providers."""
        return frozenset(self._peers)

    def with_cloud(self, provider: Cloud) -> VpcPeers:
        """Return the connections with one cloud provider."""
        return self._peers[provider.name]

    def list_peers(self, names: t.Container[str] | None = None) -> list[Peer]:
        """Read the connections with the named cloud providers, or with all of them, and their regions."""
        found = [peer for name, peers in self._peers.items() if names is None or name in names for peer in peers.list_peers()]
        return [self.complete(peer) for peer in found]

    def complete(self, peer: Peer) -> Peer:
        """Return a connection with the region of its network; see `complete_from_list`."""
        return complete_from_list(peer, self._facts)
