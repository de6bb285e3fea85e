# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Waiting for a VPC peering connection, and what to say when it does not come to the wanted state."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Session, Status
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import GONE, Wait, WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer, Provider, fields_of

from .match import PeerMatch
from .state import PeerState

# Seconds after a creation in which a read that does not know the connection yet is not taken for its removal.
NEW_FOR = 10.0
# Seconds for finding out the region of a VPC, which is only told.
_REGION_TIME = 5.0


class PeerWaiter:
    """Waits by asking for the connection again and again.

    Args:
        match: Which connection the options mean.
        session: Atlas.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, match: PeerMatch, session: Session, clock: t.Callable[[], float]) -> None:
        self._match = match
        self._peers = match.peers
        self._params = match.choice.params
        self._session = session
        self._clock = clock
        self._goal: str = self._params["wait_for"].upper()
        # Until when Atlas may not show yet what this task has created.
        self._new_until: dict[str, float] = {}
        self._places: dict[str, str] = {}

    def record_creation(self, peer: Peer) -> None:
        """Take down that this task has just created a connection."""
        self._new_until[peer["id"]] = self._clock() + NEW_FOR

    def until_reached(self, peer: Peer) -> Wait[PeerState]:
        """Return the wait for a connection to be in the state `wait_for`, or beyond it."""
        provider = self._peers.provider

        def is_done(state: PeerState) -> bool:
            present = state.peer
            if present is None or present["status_name"] == provider.terminating:
                raise removed_by_others(peer["id"], self._goal)
            if present["status_name"] == provider.failed:
                raise failure(provider, self._params, present)
            return provider.has_reached(present, self._goal)

        def poll(state: PeerState) -> PeerState:
            present = self._peers.get_peer(peer["id"])
            if present is None and self._clock() < self._new_until.get(peer["id"], -math.inf):
                present = peer
            return replace(state, peer=present)

        def late(state: PeerState, error: WaitTimeoutError) -> AtlasError:
            present = t.cast("Peer", state.peer)
            return too_late(provider, present, self._goal, error, self._place(present))

        return Wait(self._goal, poll, is_done, late)

    def until_gone(self, peers: t.Sequence[Peer]) -> Wait[PeerState]:
        """Return the wait for connections to be no longer there."""

        left, awaited = list(peers), [peer["id"] for peer in peers]

        def poll(state: PeerState) -> PeerState:
            left[:] = [one for one in map(self._peers.get_peer, awaited) if one is not None]
            if not left:
                self._match.forget(peers)
            # What only has the block is not shown, and what is to be changed stays.
            stays = state.peer is not None and state.peer["id"] not in awaited
            own = state.peer if stays else next(iter(self._match.with_identity(left)), None)
            return replace(state, peer=own, dying=tuple(left))

        def late(state: PeerState, error: WaitTimeoutError) -> AtlasError:
            return too_late(self._peers.provider, left[0], GONE, error, "")

        return Wait(GONE, poll, lambda state: not left, late)

    def status(self, state: PeerState, wait: Wait[PeerState] | None) -> Status:
        """Return how far the connection has come, and what somebody has to do for the wait to go on."""
        peer = state.peer
        if peer is None:
            return Status(GONE)
        place = self._place(peer) if wait is not None and wait.goal == self._goal else ""
        return Status(
            peer["status_name"], f"accept {fields_of(peer)[self._peers.provider.accepted_id]} in {place}" if place else ""
        )

    def _place(self, peer: Peer) -> str:
        """Return where somebody has to accept the connection for the wait to go on; empty if nobody has to."""
        provider = self._peers.provider
        if not provider.waits_for_customer(peer, self._goal):
            return ""
        if peer["id"] not in self._places:
            try:
                with self._session.within(self._clock() + min(_REGION_TIME, self._params["wait_timeout"] / 4)):
                    region = self._match.choice.region_of(peer)
            except AtlasError:
                # Where to accept it is worth telling without the region, too.
                region = None
            self._places[peer["id"]] = provider.place(peer, region)
        return self._places[peer["id"]]


def removed_by_others(peer_id: str, goal: str) -> AtlasError:
    """Return the error for a connection that has gone while the task waited for it."""
    return AtlasError(
        f"VPC peering connection {peer_id} was removed by somebody else while this task waited for {goal}.",
        hint="Find out who removes it, then run the task again.",
    )


def too_late(provider: Provider, peer: Peer, goal: str, error: WaitTimeoutError, place: str) -> AtlasError:
    """Return the error for a connection that is not where it should be when the time is up.

    Args:
        provider: The cloud provider.
        peer: The connection as it was last seen.
        goal: The state that was waited for.
        error: How long it took, and whether Atlas answered in the end.
        place: Where somebody has to accept it; empty if nobody has to.
    """
    hint = "Raise wait_timeout, or run the task again later: it goes on from there."
    if place:
        hint = f"Have {fields_of(peer)[provider.accepted_id]} accepted in {place}, then run the task again."
    status, cause = peer["status_name"], error.unanswered
    if not isinstance(cause, AtlasError):
        return AtlasError(
            f"VPC peering connection {peer['id']} is still {status} after {error.waited:.0f} seconds of waiting for it "
            f"to be {goal}.",
            detail=f"last status {status}",
            hint=hint,
        )
    return AtlasError(
        f"VPC peering connection {peer['id']} was {status} when Atlas last answered. Then Atlas did not answer until the "
        f"{error.waited:.0f} seconds of waiting for it to be {goal} were over. "
        f"{cause.without_hint}",
        http_status=cause.http_status,
        error_code=cause.error_code,
        detail=f"last status {status}; {cause.detail or 'no reason given'}",
        hint=hint,
    )


def failure(provider: Provider, params: Parameters, peer: Peer) -> AtlasError:
    """Return the error that tells why a connection has failed, and what to do."""
    removal = "atlas_vpc_peer and state: absent" if "peers" in params else "state: absent"
    hint = f"Set recreate: dead to remove it and request the same again, or remove it with {removal}."
    if params["recreate"] == "dead":
        hint = "Run the task again to remove it and request the same again."
    elif params["vpc_id"] is None:
        hint = "Remove it with state: absent, then request a new one with vpc_id and aws_account_id."
    return AtlasError(
        f"VPC peering connection {peer['id']} is {provider.failure_in_words(peer)}.",
        error_code=peer["error_state_name"],
        hint=hint,
    )
