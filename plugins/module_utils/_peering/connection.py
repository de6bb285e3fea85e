# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a VPC peering connection, and the requests that change it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._clouds.cloud import Peer

# Asks for all connections of the project: a list.
LIST_PEERS = "peers"
# What a removal comes after: the new connection has to be there as far as the task waits for it.
REACHED = "reached"


@dataclass(frozen=True)
class PeerState:
    """The connection that the options mean.

    Attributes:
        peer: The connection; None if it is not there. One that is being removed only if there is no other.
        dying: The connections with its identity that are being removed; empty if there is a live one.
        listed: All connections of the project; None where they were not listed.
        template: What was being removed when the task came, for what the options leave open.
        needs_id: Whether nothing but the connection with `peer_id` will do.
        old: The connection with `peer_id` that will be replaced by one with another identity; None if there is none.
    """

    peer: Peer | None
    dying: tuple[Peer, ...] = ()
    listed: tuple[Peer, ...] | None = None
    template: Peer | None = None
    needs_id: bool = False
    old: Peer | None = None


class CreatePeer(t.NamedTuple):
    """Request a connection.

    Attributes:
        fields: What it is made of; what the reply says differs from it in the region.
        home_region: The region of its container, if it is known.
    """

    fields: t.Mapping[str, t.Any]
    home_region: str | None


class UpdatePeer(t.NamedTuple):
    """Change fields of a connection; the whole object goes along."""

    id: str
    fields: t.Mapping[str, t.Any]


class DeletePeer(t.NamedTuple):
    """Ask for the removal of a connection."""

    id: str
