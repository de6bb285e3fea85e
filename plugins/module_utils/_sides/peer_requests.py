# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared list in Atlas: its reads, its plan, and its requests."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Peer
from .._clouds.clouds import CLOUDS, cloud_of
from .._engine.options import Parameters
from .._engine.plan import Change, Facts, Plan, Step
from .._engine.side import Owner, Purpose, Query
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._resources.containers import Container, Containers
from .._resources.peers import VpcPeers
from .connection import CreatePeer, DeletePeer
from .container_choice import LIST_CONTAINERS, ContainerChoice, read_containers
from .draft import PeerSetPlanner
from .gate import PeerGate, PeerSetWaiter, with_removed
from .life import SentRequests, explain_removal
from .match import PeerMatch
from .set_state import PeerLists, PeerSetState, choose_entries

# The keys of the queries for a look, and for a poll.
LIST_QUERY, POLL_QUERY = "list", "poll"


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


class PeerSet:
    """The connections of a list, on all its clouds. `send` runs in threads, and all other methods in the main thread.

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
        choices: The container of each entry, by key.
        planner: Plans the list.
        gate: Decides what can be sent.
        waiter: Polls the connections.
    """

    def __init__(self, params: Parameters, peers: t.Mapping[str, VpcPeers], containers: Containers, clock: Clock) -> None:
        self.params, self._clock = params, clock
        self.facts: Facts = _ContainerFacts(params, peers.keys(), containers)
        self.lists = PeerLists(peers, self.facts)
        self.sent = SentRequests(clock)
        self.use(())

    def use(self, entries: t.Sequence[PeerEntry], declared: t.Collection[str] = ()) -> None:
        """Take the entries of the list.

        Args:
            entries: The entries.
            declared: The names of the clouds whose connections the list declares; empty for all that are read.
        """
        self.entries = {entry.key: entry for entry in entries}
        self._declared = declared or self.lists.names
        self._matches = {
            entry.key: PeerMatch(
                self.lists.with_cloud(entry.provider), ContainerChoice(entry.options, entry.provider, self.facts)
            )
            for entry in entries
        }
        self.choices = {key: match.choice for key, match in self._matches.items()}
        self.planner = PeerSetPlanner(self.params, entries, self.choices, self._declared)
        self.gate = PeerGate(self.params, self._matches, self._clock)
        self.waiter = PeerSetWaiter(entries, self.choices, self.lists, self.sent, waits=self.params["wait"])

    def queries(self, state: PeerSetState, purpose: Purpose) -> list[Query]:
        """Return the queries of the side: each look and each poll is one list of the connections with each cloud."""
        if purpose is Purpose.POLL:
            return [Query(POLL_QUERY, partial(self.waiter.poll, state))]
        return [Query(LIST_QUERY, self._look if purpose is Purpose.FIRST else partial(self._look_again, state))]

    def _look(self) -> PeerSetState:
        """Read all connections of the project."""
        listed = tuple(self.lists.list_peers())
        return self.choose(PeerSetState(listed, first=listed))

    def _look_again(self, state: PeerSetState) -> PeerSetState:
        """Read the connections again, and keep what was done so far."""
        return self.choose(self.waiter.look(state, self._declared))

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

    def predict(self, state: PeerSetState, plan: Plan) -> PeerSetState:
        """Return the state after a plan and all waits."""
        return self.planner.predict(state, plan)

    def key_of(self, owner: Owner) -> t.Hashable:
        """Return the key of the change of an entry or a pruned connection."""
        return str(owner)

    def shown(self, change: Change) -> Change:
        """Return a change as results show it."""
        return change

    def failure_of(self, owner: Owner) -> TaskError | None:
        """Return why an entry or a pruned connection has failed on another side; None if it has not."""
        return None

    def hold(self, step: Step, error: TaskError, state: PeerSetState) -> PeerSetState | None:
        """Return the state in which a refused creation waits; None if the refusal is a failure."""
        return self.gate.hold(step, error, state)

    def without_hope(self, step: Step, state: PeerSetState, running: t.Collection[Step]) -> TaskError | None:
        """Return the error of a creation for which there will be no place; None if others may free one.

        Args:
            step: The creation.
            state: The state.
            running: The steps that are being sent.
        """
        return None

    def must_go(self, owner: Owner, state: PeerSetState) -> bool:
        """Return whether the task waits at its end for an undeclared connection to be gone."""
        return owner in state.done

    def keep(self, state: PeerSetState, owner: str | None) -> None:
        """Record a new state; `owner` is set if its request has led to it."""

    def line(self, state: PeerSetState) -> str:
        """Return how many connections are in which state, and what they wait for."""
        return self.waiter.line(state)

    def choose(self, state: PeerSetState) -> PeerSetState:
        """Return the state with the connection that each entry means now; see `choose_entries`."""
        return choose_entries(self._matches, state)

    def send(self, step: Step, state: PeerSetState) -> Peer | None:
        """Request, change or remove one connection, and return Atlas's reply; None for a removal."""
        request = step.request
        if isinstance(request, DeletePeer):
            self.lists.with_cloud(cloud_of(state.find(request.id))).delete_peer(request.id)
            return None
        peers = self.lists.with_cloud(self.entries[str(step.owner)].provider)
        if isinstance(request, CreatePeer):
            try:
                return peers.create_peer(request.fields, request.home_region)
            except TaskError as error:
                # A request refused for lack of a role is repeated first. If that fails, the error is explained.
                if error.error_code in peers.provider.role_codes:
                    raise
                raise with_removed(step, error, state) from error.__cause__
        current = state.find(request.id)
        return peers.update_peer(current, request.fields)

    def record(self, step: Step, reply: t.Any, state: PeerSetState) -> PeerSetState:
        """Return the state after a request took effect."""
        key = str(step.owner)
        if isinstance(step.request, DeletePeer):
            self.sent.record_removal(state.find(step.request.id))
            return state.with_leaving(key, step.request.id)
        own = state.entries.get(key)
        peer = reply if reply is not None else own.peer if own is not None else None
        if peer is None:
            return state
        if isinstance(step.request, CreatePeer):
            self.sent.record_creation(peer)
        return state.with_written(key, self.lists.complete(peer))

    def explain(self, step: Step, error: TaskError, state: PeerSetState) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        if isinstance(step.request, DeletePeer):
            return explain_removal(state.find(step.request.id), error)
        return self.gate.explain(step, error, state)
