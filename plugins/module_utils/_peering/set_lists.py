# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peering connections of a project with several clouds: Atlas has a list for each of them."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Peer, Provider
from .._resources.peers import VpcPeers


class PeerLists:
    """The connections of one project with some cloud providers.

    Args:
        peers: The connections with each cloud provider, by its name.
    """

    def __init__(self, peers: t.Mapping[str, VpcPeers]) -> None:
        self._peers = peers

    @property
    def names(self) -> frozenset[str]:
        """The names of the cloud providers."""
        return frozenset(self._peers)

    def with_cloud(self, provider: Provider) -> VpcPeers:
        """Return the connections with one cloud provider."""
        return self._peers[provider.name]

    def list_peers(self, names: t.Container[str] | None = None) -> list[Peer]:
        """Read the connections with the named cloud providers, or with all of them."""
        return [peer for name, peers in self._peers.items() if names is None or name in names for peer in peers.list_peers()]
