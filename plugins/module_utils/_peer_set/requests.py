# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared list in Atlas: what reads and plans it, and the requests that bring it into its state."""

from __future__ import annotations

import typing as t
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Peer
from .._clouds.clouds import CLOUDS, cloud_of
from .._engine.options import Parameters
from .._engine.plan import Facts, Step
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._peering.connection import CreatePeer, DeletePeer
from .._peering.container_choice import LIST_CONTAINERS, ContainerChoice, read_containers
from .._peering.life import SentRequests, explain_removal
from .._peering.match import PeerMatch
from .._resources.containers import Container, Containers
from .._resources.peers import VpcPeers
from .draft import PeerSetPlanner
from .gate import PeerGate, with_removed
from .options import PeerEntry
from .state import PeerLists, PeerSetState, choose_entries
from .waiter import PeerSetWaiter


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
        # Only connections on AWS read by id. A container that is not listed was deleted meanwhile, and no option named it.
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
        facts: The containers of the project: those of AWS, or all if other clouds are read.
        lists: The connections of the project.
        sent: The requests that this task has sent.
        choices: The container of each entry, by key.
        planner: Plans the list.
        gate: Decides what can be sent.
        waiter: Polls the connections.
    """

    def __init__(self, params: Parameters, peers: t.Mapping[str, VpcPeers], containers: Containers, clock: Clock) -> None:
        self._params, self._clock = params, clock
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
        self._by_key = {entry.key: entry for entry in entries}
        self._matches = {
            entry.key: PeerMatch(self.lists.with_cloud(entry.provider), ContainerChoice(entry.params, entry.provider, self.facts))
            for entry in entries
        }
        self.choices = {key: match.choice for key, match in self._matches.items()}
        self.planner = PeerSetPlanner(self._params, entries, self.choices, declared or self.lists.names)
        self.gate = PeerGate(self._params, self._matches, self._clock)
        self.waiter = PeerSetWaiter(entries, self.choices, self.lists, self.sent, waits=self._params["wait"])

    def look(self) -> PeerSetState:
        """Read all connections of the project."""
        listed = tuple(self.lists.list_peers())
        return self.choose(PeerSetState(listed, first=listed))

    def look_again(self, state: PeerSetState, names: t.Collection[str] | None = None) -> PeerSetState:
        """Read the connections with the named clouds, or with all, again, and keep what was done so far."""
        return self.choose(self.waiter.look(state, names))

    def choose(self, state: PeerSetState) -> PeerSetState:
        """Return the state with the connection that each entry means now; see `choose_entries`."""
        return choose_entries(self._matches, state)

    def send(self, step: Step, state: PeerSetState) -> Peer | None:
        """Request, change or remove one connection, and return Atlas's reply; None for a removal."""
        request = step.request
        if isinstance(request, DeletePeer):
            self.lists.with_cloud(cloud_of(state.find(request.id))).delete_peer(request.id)
            return None
        peers = self.lists.with_cloud(self._by_key[step.keys[0]].provider)
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
        key = step.keys[0]
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
