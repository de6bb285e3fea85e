# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.
"""The state of all VPC peering connections of a project, beside the list that declares them. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer

from .state import PeerState


@dataclass(frozen=True)
class PeerSetState:
    """What is there, and what the task has done so far.

    Attributes:
        listed: All connections of the project.
        entries: What each entry means, by its key; an entry whose connection could not be told is missing.
        unclear: Why the connection of an entry could not be told, by its key.
        done: What was done, by the keys of the changes.
        failures: What has failed, by the keys of the changes.
        pruned: The connections whose removal was accepted because the list does not declare them.
        places: How many more connections Atlas takes, once it has refused one for their number; None for any.
    """

    listed: tuple[Peer, ...]
    entries: t.Mapping[str, PeerState]
    unclear: t.Mapping[str, AtlasError] = field(default_factory=dict)
    done: t.Mapping[str, Change] = field(default_factory=dict)
    failures: t.Mapping[str, AtlasError] = field(default_factory=dict)
    pruned: tuple[Peer, ...] = ()
    places: int | None = None

    def with_peer(self, key: str, peer: Peer) -> PeerSetState:
        """Return the state in which an entry has a connection, new or changed."""
        others = tuple(one for one in self.listed if one["id"] != peer["id"])
        return replace(self, listed=(*others, peer), entries={**self.entries, key: PeerState(peer)})

    def with_leaving(self, peer_id: str, terminating: str) -> PeerSetState:
        """Return the state in which the removal of a connection was accepted: it is on its way out."""
        listed = tuple({**peer, "status_name": terminating} if peer["id"] == peer_id else peer for peer in self.listed)
        return replace(self, listed=t.cast("tuple[Peer, ...]", listed))

    def with_done(self, change: Change) -> PeerSetState:
        """Return the state after a change was made."""
        return replace(self, done={**self.done, change.key: change})

    def with_failure(self, key: str, error: AtlasError) -> PeerSetState:
        """Return the state after a change has failed for good."""
        return replace(self, failures={**self.failures, key: error})
