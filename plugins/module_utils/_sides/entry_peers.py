# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection in Atlas of each entry, on all clouds as one set, and what the list adds to the side that requests them."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Peer
from .._clouds.clouds import ALL, is_leaving
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, Plan, Step
from .._engine.side import ONLY, Context, Owner, Query, Replies
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._resources.containers import Container, Containers, container_cloud
from .._resources.peers import VpcPeers
from .connection import HolderError, PeerState
from .container_choice import LIST_CONTAINERS
from .entry_containers import EntryContainers, choose_containers, take_containers
from .path_state import AVAILABLE, PathSide, PathState
from .peer_set import PeerSet
from .peers import PeerSide, PeerStages
from .set_state import PeerSetState


class PathPeers(PeerSet):
    """Reads and plans the connections of a list of the whole path, for `EntryPeers`.

    Args:
        context: What all sides of the run share; the options have the `base_url` of the session.
        entries: The entries of the list.
        peers: The connections with each cloud that is read, by its name.
        containers: The containers of the project.
        path: What is known of both sides.
        decide: Plans both sides again.
    """

    def __init__(
        self,
        params: Parameters,
        entries: t.Sequence[PeerEntry],
        peers: t.Mapping[str, VpcPeers],
        containers: Containers,
        context: Context,
        path: PathState,
        decide: t.Callable[[], Plan],
    ) -> None:
        # Without pruning, only `recreate` limits what may be replaced.
        most = params["max_deletions"] if params["prune"] else len(entries)
        params = {**params, "wait": True, "provider_name": ALL, "max_deletions": most}
        self._containers, self._context, self._path, self._decide = containers, context, path, decide
        super().__init__(params, peers, containers, context.clock)
        self.path_entries = {entry.key: entry for entry in entries}
        self._names = frozenset(entry.provider.name for entry in entries) or self.lists.names
        # The containers as last taken from the state, or put into it.
        self._known: t.Sequence[Container] = ()
        # The last plan, with the keys of entries.
        self._last = Plan()

    # What the list declares.

    def choose_all(self) -> PeerSetState:
        """Return the connections of the project, with that of each entry."""
        raise NotImplementedError

    def plan_all(self) -> tuple[PeerSetState, Plan]:
        """Plan the connections, and return them and the plan for the side."""
        raise NotImplementedError

    def predict_all(self) -> PeerSetState:
        """Return the connections as they will be."""
        raise NotImplementedError

    def leaving(self) -> t.Iterator[tuple[str, Peer]]:
        """Yield the connections that the plan removes, each with the key of its entry or, without one, its id."""
        raise NotImplementedError

    def is_settled(self) -> bool:
        """Return whether the connections are in the state that the stage waits for."""
        raise NotImplementedError

    def take_containers(self) -> None:
        """Take the known containers. A container that is still to be created gets a placeholder id, shown in errors."""
        self._known = [{**container, "id": id_of(container)} for container in self._path.containers]
        self.facts[LIST_CONTAINERS] = self._known

    def named(self, key: str, error: TaskError) -> TaskError:
        """Return an error with the options of this task and, if it is about an entry, the name of that."""
        entry, better = self.path_entries.get(key), error.from_project() if isinstance(error, HolderError) else error
        return better if entry is None else entry.named(better)

    def plan(self, state: PeerSetState) -> Plan:
        """Plan the whole path again, and return what is left to do for the list."""
        whole = self._decide()
        told = () if whole.refusals else whole.consequences
        return replace(self._last, warnings=whole.warnings, failures=whole.failures, refusals=whole.refusals, consequences=told)

    def keep(self, state: PeerSetState, owner: str | None) -> None:
        """Let the other sides know the connections, and containers that were read with them."""
        self._path.peers = self._shown(state, owner)
        containers = self.facts[LIST_CONTAINERS]
        if containers is not self._known:
            self._known = containers
            take_containers(containers, self._path)

    def _shown(self, state: PeerSetState, owner: str | None) -> PeerSetState:
        return state


class PeerRemovals:
    """The connections that the task removes, with the key of the entry or, where no entry means them, their id.

    Args:
        path: What is known of both sides.
        find: Finds them.
        containers: Plans the network containers; None if that does not affect them.

    Attributes:
        peers: The connections with their owners, by id.
    """

    def __init__(
        self, path: PathState, find: t.Callable[[], t.Iterable[tuple[str, Peer]]], containers: EntryContainers | None
    ) -> None:
        self._path, self._find, self._containers = path, find, containers
        self.peers: dict[str, tuple[str, Peer]] = {}

    def find_early(self) -> None:
        """Find the connections before there is a plan."""
        with self._path.kept():
            if self._containers is not None:
                self._containers.assume(self._containers.plan_list())
            self.find()

    def find(self) -> None:
        """Find the connections once the containers are known. Those that are leaving already still count."""
        live = {peer["id"] for peer in self._path.peers.listed if not is_leaving(peer)}
        gone = {id_: removal for id_, removal in self.peers.items() if id_ not in live}
        self.peers = {**gone, **{peer["id"]: (owner, peer) for owner, peer in self._find()}}

    @property
    def pruned(self) -> list[Peer]:
        """The connections that no entry means."""
        return [peer for id_, (owner, peer) in self.peers.items() if owner == id_]


class EntryPeers(PathSide[PeerState], PeerSide):
    """The connections of the entries of a list, on all clouds.

    Args:
        context: What all sides of the run share.
        reader: Knows what the list asks for.
        path: What is known of all sides.
        peers: The connections with each cloud that is read, by its name.
        stages: The stages of the whole path.

    Attributes:
        reader: Knows what the list asks for.
    """

    def __init__(
        self, context: Context, reader: PathPeers, path: PathState, peers: t.Mapping[str, VpcPeers], stages: PeerStages
    ) -> None:
        super().__init__(context, reader, stages)
        self.reader, self._path, self._peers = reader, path, peers

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask for the connections in one list for each cloud."""
        return [Query(name, peers.list_peers, (ONLY,)) for name, peers in self._peers.items()]

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, PeerState]:
        """Take the connections, and find the container and the connection of each entry. The plan has the states."""
        self.reader.take_containers()
        found = tuple(self.reader.lists.complete(peer) for listed in replies.values() for peer in listed)
        self._path.peers = PeerSetState(found, first=found)
        choose_containers(self.reader.path_entries.values(), self._path)
        self._path.peers = self.reader.choose_all()
        return {}

    def plan_list(self) -> Plan:
        """Plan the connections as one set."""
        return self.begin(*self.reader.plan_all())

    def assume(self, plan: Plan) -> None:
        """Assume the connections as they will be."""
        self._path.peers = self.reader.predict_all()

    def is_settled(self) -> bool:
        """Return whether the connections are in the state that the stage waits for: queries of other sides depend on it."""
        return self.reader.is_settled()

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entry or pruned connection that fails with an owner."""
        return (self.reader.entry_of(owner),)

    def step_of(self, entry: str) -> str:
        """Return the step that fails for an entry, or a pruned connection."""
        if entry in self.reader.path_entries and self.context.params["state"] == "present":
            return "available" if self.context.stage == AVAILABLE else "request"
        return "remove"

    def record_failure(self, entry: str, step: str, error: TaskError) -> None:
        """Record the commands that give Atlas its role, where this task does not."""
        self.reader.note_commands(entry, error)


def to_removal(owner: str, name: str, change: Change) -> Change:
    """Return the removal of a connection as results show it."""
    key = ChangeKey(owner, "remove", "Atlas", "connection", (change.key,))
    return change._replace(key=key, verb="delete", name=name)


def id_of(container: Container) -> str:
    """Return the id of a container, or a placeholder for one that a plan creates."""
    cloud = container_cloud(container["provider_name"])
    return (
        container["id"]
        or f"{_NEW}{'on ' + cloud.name if cloud.has_one_container else 'in ' + str(cloud.describe_place(container))}"
    )


_NEW = "to create "


def without_words(fields: t.Any) -> t.Any:
    """Return a connection without the placeholder id of a new container."""
    is_new = fields is not None and str(fields.get("container_id")).startswith(_NEW)
    return {**fields, "container_id": None} if is_new else fields
