# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections that a task removes."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Peer
from .._clouds.clouds import is_leaving
from .path_state import PathState


class Leaving:
    """The connections that the task removes, with the key of the entry or, where no entry means them, their id.

    Args:
        find: Returns them for a state.
        foresee: Returns a state with the network containers as they will be.

    Attributes:
        peers: Each with its owner, by id.
    """

    def __init__(
        self, find: t.Callable[[PathState], t.Iterable[tuple[str, Peer]]], foresee: t.Callable[[PathState], PathState]
    ) -> None:
        self._find = find
        self._foresee = foresee
        self.peers: dict[str, tuple[str, Peer]] = {}

    def foresee(self, state: PathState) -> None:
        """Find them before there is a plan."""
        self.find(self._foresee(state))

    def find(self, state: PathState) -> None:
        """Find them in a state in which the containers are known. What is leaving already is still one of them."""
        live = {peer["id"] for peer in state.peers.listed if not is_leaving(peer)}
        gone = {id_: one for id_, one in self.peers.items() if id_ not in live}
        self.peers = {**gone, **{peer["id"]: (owner, peer) for owner, peer in self._find(state)}}

    @property
    def pruned(self) -> list[Peer]:
        """Those that no entry means."""
        return [peer for id_, (owner, peer) in self.peers.items() if owner == id_]
