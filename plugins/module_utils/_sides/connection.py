# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a VPC peering connection, the requests that change it, and errors with more detail than Atlas gives."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._clouds.cloud import Peer
from .._engine.plan import Change
from .._http.errors import InvalidOptionError, TaskError, as_option

# The key of the fact that lists all connections of the project.
LIST_PEERS = "peers"
# The removal of a replaced connection waits until the new one is in the state that the task waits for.
REACHED = "reached"


@dataclass(frozen=True)
class PeerState:
    """The connection that the options mean.

    Attributes:
        peer: The connection; None if there is none. Without a live one, it is one that is being removed.
        dying: The connections with the same identity that are being removed; empty if there is a live one.
        listed: All connections of the project; None where they were not listed.
        template: The one connection that was being removed when the task began: it completes the options of a new one.
        needs_id: Whether only the connection with `peer_id` counts, and no new one may be created.
        old: The connection with `peer_id` that will be replaced by one with another identity; None if there is none.
        seen: The connections that were polled since the last look because they have to be gone, by id; None for one that is gone.
    """

    peer: Peer | None
    dying: tuple[Peer, ...] = ()
    listed: tuple[Peer, ...] | None = None
    template: Peer | None = None
    needs_id: bool = False
    old: Peer | None = None
    seen: t.Mapping[str, Peer | None] = field(default_factory=dict)


def peer_after(change: Change) -> Peer:
    """Return the connection after a change that is not a removal."""
    return t.cast("Peer", change.after)


class CreatePeer(t.NamedTuple):
    """Request a connection.

    Attributes:
        fields: The fields of the request. The reply may differ in the region.
        home_region: The region of its container, if it is known.
    """

    fields: t.Mapping[str, t.Any]
    home_region: str | None


class UpdatePeer(t.NamedTuple):
    """Change fields of a connection. `fields` has only those that change; the whole object is sent."""

    id: str
    fields: t.Mapping[str, t.Any]


class DeletePeer(t.NamedTuple):
    """Ask for the removal of a connection."""

    id: str


class OtherCloudError(TaskError):
    """`peer_id` names a connection on another cloud provider.

    Attributes:
        peer: The connection.
    """

    def __init__(self, peer: Peer, provider_name: str) -> None:
        super().__init__(
            f"peer_id names VPC peering connection {peer['id']} on {peer['provider_name']}, and the other options are for "
            f"{provider_name}.",
            hint="Correct peer_id or the other options, or give peer_id alone.",
        )
        self.peer = peer


class HolderError(InvalidOptionError):
    """A connection that has failed holds a block.

    Attributes:
        peer_id: Its id.
    """

    def __init__(self, text: str, peer_id: str) -> None:
        super().__init__(text)
        self.peer_id = peer_id
        self.hint = self._hint(f"it with {as_option('peer_id')}: {peer_id} and {as_option('state')}: absent")

    def from_project(self) -> HolderError:
        """Return this error for a task without options for one connection."""
        return self.with_hint(self._hint(f"{self.peer_id} from the project"))

    def _hint(self, what: str) -> str:
        return f"If it is no longer needed, remove {what}; then run this again."


class RoleError(TaskError):
    """Atlas has no rights on the customer's network; the message says how to grant them.

    Attributes:
        brief: The text for several networks, for which the message would be long, and its commands wrong.
        commands: The commands to paste; empty for none.
        where: Where results have the commands of each network, to follow `brief`.
    """

    where = " (see handover)"

    def __init__(self, text: str, *, description: str | None, hint: str, brief: str, commands: str) -> None:
        super().__init__(text, description=description, hint=f"{hint} To paste: {commands}" if commands else hint)
        self.brief = brief
        self.commands = commands

    def in_brief(self) -> RoleError:
        """Return this error as one of several networks."""
        return self._with(text=f"{self.brief}{self.where}.", sentences=(), hint=None)

    def with_commands_in(self, where: str) -> RoleError:
        """Return this error for results that have the commands in another place."""
        return self._with(where=where)
