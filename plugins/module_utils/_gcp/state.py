# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task knows of the network, and which of its peerings is meant. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._engine.options import Parameters
from .network import Peering, Running


@dataclass(frozen=True)
class NetworkState:
    """The network as it was read last.

    Attributes:
        exists: Whether there is such a network.
        peerings: Its peerings.
        running: The operation that a request of this task has begun; None for none.
    """

    exists: bool
    peerings: tuple[Peering, ...] = ()
    running: Running | None = None


def find_named(state: NetworkState, name: str) -> Peering | None:
    """Return the peering that has a name."""
    return next((one for one in state.peerings if one.name == name), None)


def find_mirror(params: Parameters, state: NetworkState) -> Peering | None:
    """Return the peering with Atlas's network, whatever its name; by its name alone only where that network is not known."""
    if params["remote"] is None:
        return find_named(state, t.cast(str, params["name"]))
    return next((one for one in state.peerings if one.network == params["remote"]), None)
