# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Peering connections: their life on a clock, and the rules between them."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Iterator, Mapping

from .attributes import Body
from .clouds import ACCEPTED, CloudRefusalError, Clouds, CloudUnreachableError
from .containers import Container
from .errors import ApiError
from .peer import Peer
from .providers import Provider


class Peers:
    """The connections of one project, in the order in which they were made.

    Nothing happens in the background: :meth:`advance` brings every connection to where it has to be by now.

    :param clock: a monotonic clock in seconds.
    :param step: seconds that a connection stays in a state that passes by itself.
    :param auto_accept: whether the owner of the other side accepts by itself, one step after being asked.
    :param clouds: what stands behind each provider.
    """

    def __init__(
        self,
        group_id: str,
        clock: Callable[[], float],
        step: float,
        auto_accept: bool,
        clouds: Clouds,
    ) -> None:
        """Start with no connection."""
        self._group_id = group_id
        self._clock = clock
        self._step = step
        self._auto_accept = auto_accept
        self._clouds = clouds
        self._by_id: dict[str, Peer] = {}

    def __iter__(self) -> Iterator[Peer]:
        """Iterate over all connections."""
        return iter(list(self._by_id.values()))

    def advance(self) -> None:
        """Let the time pass that has passed, and notice what has happened on the other side."""
        for name, cloud in self._clouds.items():
            connected = [peer for peer in self.of(name) if peer.connection_id and not peer.deleting and not peer.dead]
            if connected:
                with contextlib.suppress(CloudUnreachableError):
                    self._hear(cloud.look(connected))
        now = self._clock()
        for peer in self:
            while peer.id in self._by_id and now - peer.since >= self._step and self._next(peer):
                pass

    def _next(self, peer: Peer) -> bool:
        try:
            following = self._following(peer)
        except CloudUnreachableError:
            return False
        except CloudRefusalError:
            # What AWS says of an unknown VPC or account, and of blocks that overlap.
            peer.error, following = "INVALID_ARGUMENT", "FAILED"
        if following is None:
            return False
        # From when the last state ended and not from now: else a rarely asked connection would live more slowly.
        self._enter(peer, following, peer.since + self._step)
        return True

    def _following(self, peer: Peer) -> str | None:
        """Do what a connection's state is there for, and return the state that follows; None if there is none."""
        provider, cloud = peer.provider, self._clouds[peer.provider.name]
        following = provider.steps.get(peer.status)
        if peer.deleting:
            cloud.disconnect(peer)
            del self._by_id[peer.id]
        elif peer.status == provider.waiting:
            following = provider.accepted if self._auto_accept and cloud.accept(peer) else None
        elif following and following == provider.waiting:
            peer.connection_id = cloud.connect(peer)
        return following

    def _hear(self, news: Mapping[str, str]) -> None:
        for peer_id, word in news.items():
            peer = self._by_id[peer_id]
            if word != ACCEPTED:
                peer.error = word
                self._enter(peer, "FAILED", self._clock())
            elif peer.status == peer.provider.waiting and peer.provider.accepted is not None:
                self._enter(peer, peer.provider.accepted, self._clock())

    def _enter(self, peer: Peer, status: str, since: float) -> None:
        peer.status, peer.since = status, since

    def of(self, provider: str) -> list[Peer]:
        """Return the connections of one provider, those that are being deleted too."""
        return [peer for peer in self if peer.provider.name == provider]

    def users_of(self, container: Container) -> list[Peer]:
        """Return the connections that use a container."""
        return [peer for peer in self if peer.container is container]

    def get(self, peer_id: str) -> Peer:
        """Return one connection.

        :raises ApiError: PEER_NOT_FOUND.
        """
        try:
            return self._by_id[peer_id]
        except KeyError:
            raise ApiError("PEER_NOT_FOUND", peer_id, self._group_id) from None

    def create(self, provider: Provider, fields: Body, container: Container, limits: tuple[int, int]) -> Peer:
        """Make a connection.

        A dead (FAILED) connection still holds its pair and its block; one that is being deleted holds neither.

        :param limits: how many connections there may be, and how many of them pending.
        :raises ApiError: for a second connection of a pair, overlapping blocks, or one too many.
        """
        peer = Peer(provider, fields, container, provider.initial, self._clock())
        live = [other for other in self if not other.deleting]
        if any(other.identity == peer.identity for other in live):
            raise ApiError(provider.duplicate_code, *peer.identity[1:])
        self._check_block(peer, peer.block)
        if len(live) >= limits[0]:
            raise ApiError("PEER_MAXIMUM_REACHED", limits[0])
        if sum(other.pending for other in live) >= limits[1]:
            raise ApiError("PEER_MAXIMUM_REACHED", limits[1])
        self._by_id[peer.id] = peer
        return peer

    def drop(self, peer: Peer) -> None:
        """Let a connection be gone at once."""
        self._by_id.pop(peer.id, None)

    def put_first(self, peer: Peer) -> None:
        """Put a connection in front of all others, unchecked."""
        self._by_id = {peer.id: peer, **self._by_id}

    def update(self, peer: Peer, changes: Body) -> Peer:
        """Change the routed block; every other field may only be repeated.

        :raises ApiError: PEER_INVALID_STATE while it is being deleted; INVALID_ATTRIBUTE for a field that needs a new
            connection; overlapping blocks.
        """
        if peer.deleting:
            raise ApiError("PEER_INVALID_STATE", peer.id, self._group_id)
        current = {**peer.fields, "containerId": peer.container.id, "providerName": peer.provider.name}
        for name, value in changes.items():
            if name != "routeTableCidrBlock" and value != current.get(name):
                raise ApiError("INVALID_ATTRIBUTE", name)
        if "routeTableCidrBlock" in changes:
            self._check_block(peer, ipaddress.IPv4Network(changes["routeTableCidrBlock"]))
            peer.fields["routeTableCidrBlock"] = changes["routeTableCidrBlock"]
        return peer

    def delete(self, peer: Peer) -> None:
        """Ask for a connection's deletion.

        :raises ApiError: PEER_ALREADY_REQUESTED_DELETION.
        """
        if peer.deleting:
            raise ApiError("PEER_ALREADY_REQUESTED_DELETION", peer.id)
        self._enter(peer, peer.provider.deleting, self._clock())
        # Tried again before it is gone.
        with contextlib.suppress(CloudUnreachableError):
            self._clouds[peer.provider.name].disconnect(peer)

    def accept(self, peer: Peer) -> bool:
        """Accept a connection on the other side; False if it is not waiting for that.

        :raises CloudUnreachableError: when the other side cannot be reached.
        """
        if peer.status != peer.provider.waiting or peer.provider.accepted is None:
            return False
        if not self._clouds[peer.provider.name].accept(peer):
            return False
        self._enter(peer, peer.provider.accepted, self._clock())
        return True

    def fail(self, peer: Peer, error: str, only_waiting: bool) -> bool:
        """Let a connection fail for a reason; False if it is in no state that can.

        :raises CloudUnreachableError: when the other side cannot be reached.
        """
        if peer.deleting or peer.dead or (only_waiting and peer.status != peer.provider.waiting):
            return False
        if not self._clouds[peer.provider.name].end(peer, error):
            return False
        peer.error = error
        self._enter(peer, "FAILED", self._clock())
        return True

    def _check_block(self, peer: Peer, block: ipaddress.IPv4Network | None) -> None:
        if block is None:
            return
        if block.overlaps(peer.container.block):
            raise ApiError("OVERLAPPING_ATLAS_CIDR_BLOCK", str(block))
        for other in self.users_of(peer.container):
            if other.id != peer.id and not other.deleting and other.block is not None and block.overlaps(other.block):
                raise ApiError("OVERLAPPING_CIDR_BLOCK", str(block))
