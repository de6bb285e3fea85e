# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for a VPC peering connection, and what to say when it does not come to the wanted state."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from .._clouds.cloud import CustomerTask, Peer
from .._engine.operation import Session, Status
from .._engine.wait import GONE, Wait, WaitTimeoutError
from .._http.errors import AtlasError
from .._resources.containers import fields_of
from .failures import failure, not_removed, removed_by_others, too_late
from .handover import needs_names
from .match import PeerMatch
from .state import PeerState

# Seconds after a creation in which a read that does not know the connection yet is not taken for its removal.
NEW_FOR = 10.0
# Seconds for finding out the region of a VPC, which is only told.
_REGION_TIME = 5.0
# Seconds after a request for removal in which Atlas may still show that an earlier removal has failed.
OLD_FAILURE_FOR = 60.0


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
        self._goal = self._peers.provider.goal(self._params["wait_for"])
        # Until when Atlas may not show yet what this task has created.
        self._new_until: dict[str, float] = {}
        self._tasks: dict[str, CustomerTask] = {}
        # When this task has asked for the removal of what could not be removed before.
        self._retried: dict[str, float] = {}

    def record_creation(self, peer: Peer) -> None:
        """Take down that this task has just created a connection."""
        self._new_until[peer["id"]] = self._clock() + NEW_FOR

    def record_removal(self, peer: Peer) -> None:
        """Take down that this task has just asked for the removal of a connection."""
        if peer["status_name"] == self._peers.provider.removal_failed:
            self._retried[peer["id"]] = self._clock()

    def until_reached(self, peer: Peer) -> Wait[PeerState]:
        """Return the wait for a connection to be in the state `wait_for`, or beyond it."""
        provider = self._peers.provider

        def is_done(state: PeerState) -> bool:
            present = state.peer
            if present is None or present["status_name"] == provider.terminating:
                raise removed_by_others(peer["id"], self._goal)
            if provider.has_failed(present):
                raise failure(provider, self._params, present)
            return provider.has_reached(present, self._goal)

        def poll(state: PeerState) -> PeerState:
            present = self._peers.get_peer(peer["id"])
            if present is None and self._clock() < self._new_until.get(peer["id"], -math.inf):
                present = peer
            if present is not None and needs_names(self._match.choice, present):
                self._match.choice.reread(present["container_id"])
            return replace(state, peer=present)

        def late(state: PeerState, error: WaitTimeoutError) -> AtlasError:
            present = t.cast("Peer", state.peer)
            return too_late(present, self._goal, error, self._customer_task(present))

        return Wait(self._goal, poll, is_done, late)

    def until_gone(self, peers: t.Sequence[Peer]) -> Wait[PeerState]:
        """Return the wait for connections to be no longer there."""

        left, awaited, is_asked = list(peers), [peer["id"] for peer in peers], False

        def poll(state: PeerState) -> PeerState:
            nonlocal is_asked
            is_asked = True
            left[:] = [one for one in map(self._peers.get_peer, awaited) if one is not None]
            if not left:
                self._match.forget(peers)
            # What only has the block is not shown, and what is to be changed stays.
            stays = state.peer is not None and state.peer["id"] not in awaited
            own = state.peer if stays else next(iter(self._match.with_identity(left)), None)
            return replace(state, peer=own, dying=tuple(left))

        def late(state: PeerState, error: WaitTimeoutError) -> AtlasError:
            return too_late(left[0], GONE, error, None)

        def is_done(state: PeerState) -> bool:
            for one in left if is_asked else ():
                self._check_removal(one)
            return not left

        return Wait(GONE, poll, is_done, late)

    def status(self, state: PeerState, wait: Wait[PeerState] | None) -> Status:
        """Return how far the connection has come, and what somebody has to do for the wait to go on."""
        peer = state.peer
        if peer is None:
            return Status(GONE)
        task = self._customer_task(peer) if wait is not None and wait.goal == self._goal else None
        return Status(peer["status_name"], task.to_do if task is not None else "")

    def _check_removal(self, peer: Peer) -> None:
        """Check that a removal has not failed; right after a second request for it, the failure may be that of the first one.

        Raises:
            AtlasError: If it has.
        """
        provider = self._peers.provider
        is_old = self._clock() < self._retried.get(peer["id"], -math.inf) + OLD_FAILURE_FOR
        if peer["status_name"] != provider.removal_failed:
            self._retried.pop(peer["id"], None)
        elif not is_old:
            raise not_removed(provider, peer)

    def _customer_task(self, peer: Peer) -> CustomerTask | None:
        """Return what somebody has to do in the customer's cloud for the wait to go on; None for nothing."""
        provider, choice = self._peers.provider, self._match.choice
        if not provider.waits_for_customer(peer, self._goal):
            return None
        if provider.region is None:
            container = choice.known(peer["container_id"])
            return provider.customer_task(peer, None, fields_of(container) if container else None)
        if peer["id"] not in self._tasks:
            try:
                with self._session.within(self._clock() + min(_REGION_TIME, self._params["wait_timeout"] / 4)):
                    region = choice.region_of(peer)
            except AtlasError:
                # Where to accept it is worth telling without the region, too.
                region = None
            self._tasks[peer["id"]] = provider.customer_task(peer, region, None)
        return self._tasks[peer["id"]]
