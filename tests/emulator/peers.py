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
from .settings import Settings


class Peers:
    """The connections of one project, in the order in which they were made.

    Nothing happens in the background: `advance` brings every connection to where it has to be by now.

    Args:
        settings: How long states last, who accepts, how many there may be, and which of them are too much alike.
        clock: A monotonic clock in seconds.
        clouds: What stands behind each provider.
        new_id: Makes the id of a new connection.
    """

    def __init__(
        self, group_id: str, settings: Settings, clock: Callable[[], float], clouds: Clouds, new_id: Callable[[], str]
    ) -> None:
        """Start with no connection."""
        self._group_id = group_id
        self._settings = settings
        self._clock = clock
        self._clouds = clouds
        self._new_id = new_id
        self._by_id: dict[str, Peer] = {}

    def __iter__(self) -> Iterator[Peer]:
        """Iterate over all connections."""
        return iter(list(self._by_id.values()))

    def listen(self) -> None:
        """Notice what has happened on the other side."""
        for name, cloud in self._clouds.items():
            connected = [peer for peer in self.of(name) if peer.connection_id and not peer.deleting and not peer.dead]
            if connected:
                with contextlib.suppress(CloudUnreachableError):
                    found = cloud.look(connected)
                    # What was found a moment ago may be about connections that have been asked to go since.
                    news = {peer.id: found[peer.id] for peer in connected if peer.id in found}
                    for peer in connected:
                        if news.get(peer.id) != ACCEPTED:
                            peer.accepted_since = None
                    self._hear(news)

    def advance(self, now: float) -> None:
        """Let the time pass until then."""
        for peer in self:
            while peer.id in self._by_id and now - peer.since >= self._settings.step_seconds and self._next(peer):
                pass

    def next_change(self) -> float | None:
        """Return when a state passes by itself next; None if none does."""
        return min((peer.since + self._settings.step_seconds for peer in self if self._passes(peer)), default=None)

    def _passes(self, peer: Peer) -> bool:
        by_itself = peer.deleting or peer.provider.steps.get(peer.status) is not None
        return by_itself or (peer.status == peer.provider.waiting and self._auto_accept)

    @property
    def _auto_accept(self) -> bool:
        """Whether the owner of the other side accepts by itself, one step after being asked."""
        return self._settings.accept == "auto"

    def _next(self, peer: Peer) -> bool:
        try:
            following = self._following(peer)
        except CloudUnreachableError:
            return False
        except CloudRefusalError as error:
            peer.error = peer.provider.error_for(str(error))
            following = peer.provider.deletion_failed if peer.deleting else "FAILED"
        if following is None:
            return False
        # From when the last state ended and not from now: else a rarely asked connection would live more slowly.
        self._enter(peer, following, peer.since + self._settings.step_seconds)
        return True

    def _following(self, peer: Peer) -> str | None:
        """Do what a connection's state is there for, and return the state that follows; None if there is none."""
        provider, cloud = peer.provider, self._clouds[peer.provider.name]
        following = provider.steps.get(peer.status)
        if peer.deleting:
            if peer.failing_deletions:
                peer.failing_deletions -= 1
                raise CloudRefusalError(peer.deletion_error)
            cloud.disconnect(peer)
            del self._by_id[peer.id]
        elif peer.status == provider.waiting:
            following = provider.accepted if self._auto_accept and cloud.accept(peer) else None
        elif peer.status == provider.initial:
            peer.connection_id = cloud.connect(peer)
        return following

    def _hear(self, news: Mapping[str, str]) -> None:
        for peer_id, word in news.items():
            peer = self._by_id[peer_id]
            if word != ACCEPTED:
                peer.error = word
                self._enter(peer, "FAILED", self._clock())
            elif peer.status == peer.provider.waiting and peer.provider.accepted is not None and self._has_noticed(peer):
                self._enter(peer, peer.provider.accepted, self._clock())

    def _has_noticed(self, peer: Peer) -> bool:
        """Whether Atlas knows by now that the other side has accepted."""
        now = self._clock()
        if peer.accepted_since is None:
            peer.accepted_since = now
        return not peer.provider.notices_late or now - peer.accepted_since >= self._settings.step_seconds

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

        Raises:
            ApiError: PEER_NOT_FOUND.
        """
        try:
            return self._by_id[peer_id]
        except KeyError:
            raise ApiError("PEER_NOT_FOUND", peer_id, self._group_id) from None

    def create(self, provider: Provider, fields: Body, container: Container) -> Peer:
        """Make a connection.

        A dead (FAILED) connection still holds its pair and its block in its container, and its place; so does one that is being
        deleted, unless the settings say that it holds nothing.

        Raises:
            ApiError: For a second connection of a pair in a container, overlapping blocks, one too many, or if the other side
                cannot be reached.
        """
        peer = Peer(provider, fields, container, provider.initial, self._clock(), self._new_id())
        holders = [other for other in self if self._holds(other)]
        if any(self._is_duplicate(peer, other) for other in holders):
            raise ApiError(provider.duplicate_code, *peer.pair)
        self._check_block(peer, peer.block)
        if len(holders) >= self._settings.max_peers:
            raise ApiError("PEER_MAXIMUM_REACHED", self._settings.max_peers)
        if sum(other.pending for other in holders) >= self._settings.max_pending_peers:
            raise ApiError("PEER_MAXIMUM_REACHED", self._settings.max_pending_peers)
        self._clouds[provider.name].begin(peer)
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

        Raises:
            ApiError: PEER_INVALID_STATE while it is being deleted; INVALID_ATTRIBUTE for a field that needs a new
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

        Raises:
            ApiError: PEER_ALREADY_REQUESTED_DELETION.
        """
        if peer.deleting:
            raise ApiError("PEER_ALREADY_REQUESTED_DELETION", peer.id)
        self._enter(peer, peer.provider.deleting, self._clock())
        if not peer.failing_deletions:
            # Tried again before it is gone.
            with contextlib.suppress(CloudUnreachableError, CloudRefusalError):
                self._clouds[peer.provider.name].disconnect(peer)

    def accept(self, peer: Peer) -> bool:
        """Accept a connection on the other side; False if it is not waiting for that.

        Raises:
            CloudUnreachableError: When the other side cannot be reached.
        """
        if peer.status != peer.provider.waiting or peer.provider.accepted is None:
            return False
        if not self._clouds[peer.provider.name].accept(peer):
            return False
        self._enter(peer, peer.provider.accepted, self._clock())
        return True

    def fail(self, peer: Peer, error: str, only_waiting: bool) -> bool:
        """Let a connection fail for a reason; False if it is in no state that can.

        Args:
            only_waiting: Whether only the owner of the other side can do that, and only while their answer is waited for.

        Raises:
            CloudUnreachableError: When the other side cannot be reached.
        """
        can_answer = peer.status == peer.provider.waiting and error in peer.provider.error_names
        if peer.deleting or peer.dead or (only_waiting and not can_answer):
            return False
        if not self._clouds[peer.provider.name].end(peer, error):
            return False
        peer.error = error
        self._enter(peer, "FAILED", self._clock())
        return True

    def fail_deletion(self, peer: Peer, error: str, times: int) -> bool:
        """Let the next deletions of a connection fail; False if there is no such state at its provider."""
        if peer.provider.deletion_failed is None:
            return False
        peer.deletion_error, peer.failing_deletions = error, times
        return True

    def _holds(self, peer: Peer) -> bool:
        """Whether nobody else can have a connection's pair, block and place."""
        return not (peer.deleting and self._settings.terminating_holds_nothing)

    def _is_duplicate(self, peer: Peer, other: Peer) -> bool:
        if self._settings.allow_duplicates or not peer.is_like(other):
            return False
        return self._settings.unique_pairs or peer.container is other.container

    def _check_block(self, peer: Peer, block: ipaddress.IPv4Network | None) -> None:
        if block is None:
            return
        if block.overlaps(peer.container.block):
            raise ApiError("OVERLAPPING_ATLAS_CIDR_BLOCK", str(block))
        for other in self.users_of(peer.container):
            if other.id == peer.id or not self._holds(other) or (self._settings.allow_duplicates and peer.is_like(other)):
                continue
            if other.block is not None and block.overlaps(other.block):
                raise ApiError("OVERLAPPING_CIDR_BLOCK", str(block))
