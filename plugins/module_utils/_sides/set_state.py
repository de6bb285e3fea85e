# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a declared list: the connections of the project, and that of each entry."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .._clouds.cloud import Cloud, Peer, fields_of
from .._clouds.clouds import cloud_of, identity_of
from .._engine.plan import Change, Facts
from .._http.errors import ApiError, NoAnswerError, TaskError
from .._resources.peers import VpcPeers
from .connection import PeerState
from .container_choice import complete_from_list
from .match import PeerMatch


@dataclass(frozen=True)
class PeerSetState:
    """The connections of the project, and what the task has done so far.

    Attributes:
        listed: All connections of the project.
        first: The connections when the task began.
        entries: The connection that each entry means, by key; an entry whose connection is unclear is missing.
        unclear: The error of each entry whose connection is unclear, by key.
        done: The changes made, by the keys of entries and the ids of undeclared connections.
        failures: The errors, by the same keys.
        pruned: The connections whose removal was accepted because the list does not declare them.
        full: The highest counts of pending and of all connections since a refusal for lack of a place; None without one.
        places: How many more connections Atlas can take after such a refusal.
        refused: When the creation of an entry was first refused for lack of rights (clock, in seconds), by key.
    """

    listed: tuple[Peer, ...]
    first: tuple[Peer, ...] = ()
    entries: t.Mapping[str, PeerState] = field(default_factory=dict)
    unclear: t.Mapping[str, TaskError] = field(default_factory=dict)
    done: t.Mapping[str, Change] = field(default_factory=dict)
    failures: t.Mapping[str, TaskError] = field(default_factory=dict)
    pruned: tuple[Peer, ...] = ()
    full: tuple[int, int] | None = None
    places: int = 0
    refused: t.Mapping[str, float] = field(default_factory=dict)

    def find(self, peer_id: str) -> Peer:
        """Return a connection by its id, as it was last seen."""
        return next(peer for peer in (*self.listed, *self.first) if peer["id"] == peer_id)

    def with_written(self, key: str, peer: Peer) -> PeerSetState:
        """Return the state after the connection of an entry was created or changed."""
        earlier = self.done.get(key)
        before = next((fields_of(one) for one in self.first if one["id"] == peer["id"]), None)
        change = Change("create" if before is None else "update", key, before, peer)
        if earlier is not None:
            # The removal was the first half of a replacement.
            change = Change("recreate", key, earlier.before, peer)
        return replace(
            self,
            listed=(*[one for one in self.listed if one["id"] != peer["id"]], peer),
            entries={**self.entries, key: PeerState(peer, listed=())},
            done={**self.done, key: change},
            places=max(0, self.places - (before is None)),
            refused={one: since for one, since in self.refused.items() if one != key},
        )

    def with_leaving(self, key: str, peer_id: str) -> PeerSetState:
        """Return the state after Atlas accepted the removal of an entry's connection, or of an undeclared one."""
        before = self.find(peer_id)
        leaving: Peer = {**before, "status_name": cloud_of(before).terminating}
        done = {**self.done, key: Change("delete", key, before, None)}
        state = replace(self, listed=tuple(leaving if peer["id"] == peer_id else peer for peer in self.listed), done=done)
        if key not in self.entries:
            return replace(state, pruned=(*self.pruned, leaving))
        return replace(state, entries={**self.entries, key: PeerState(leaving, (leaving,), (), leaving)})


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
    for key, match in matches.items():
        if key in state.done and state.done[key].after is not None:
            continue
        earlier = entries.pop(key, None)
        try:
            own = match.choose([peer for peer in of_network.get(match.identity, ()) if cloud_of(peer) is match.peers.provider])
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
