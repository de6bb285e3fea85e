# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Waiting for all connections of a declared list at once. Pure, but for the clock."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import Clock, WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import NO_PLACE, VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer, fields_of

from .entries import Entry
from .failures import failure, removed_by_others, too_late
from .match import PeerMatch
from .order import After
from .set_state import PeerSetState
from .state import CreatePeer, PeerState
from .waiter import NEW_FOR

# How many ids one line of progress names.
_MOST_IDS = 5


class PeerSetWaiter:
    """Tells from the list of all connections what the entries have come to.

    Args:
        matches: Which connection each entry means, by key.
        entries: The entries.
        peers: The connections of the project.
        waits: Whether the task waits for the entries.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        matches: t.Mapping[str, PeerMatch],
        entries: t.Sequence[Entry],
        peers: VpcPeers,
        clock: Clock,
        *,
        waits: bool,
    ) -> None:
        self._entries = entries
        self._peers = peers
        self._provider = peers.provider
        self._matches = matches
        self._clock = clock
        self._waits = waits
        # Until when Atlas may not list yet what this task has created.
        self._new_until: dict[str, float] = {}

    def record_creation(self, peer: Peer) -> None:
        """Take down that this task has just created a connection."""
        self._new_until[peer["id"]] = self._clock() + NEW_FOR

    def poll(self, state: PeerSetState) -> PeerSetState:
        """Read all connections, and return what each entry has come to, what has failed, and how many places are free."""
        by_id = {peer["id"]: peer for peer in self._peers.list_peers()}
        for peer in state.listed:
            if peer["id"] not in by_id and self._clock() < self._new_until.get(peer["id"], -math.inf):
                by_id[peer["id"]] = peer
        entries, failures = dict(state.entries), dict(state.failures)
        # What is to become of these was decided at first.
        dead = {peer["id"] for peer in state.first if peer["status_name"] == self._provider.failed}
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is None or own.peer is None:
                continue
            entries[entry.key], error = self._seen(entry, own, by_id.get(own.peer["id"]))
            if error is not None and entry.key not in failures and own.peer["id"] not in dead:
                failures[entry.key] = entry.named(error)
        pending, full = self._pending(by_id.values()), state.full
        if full is not None:
            # More than that were there once, so the limit is not lower.
            full = (max(full[0], pending), max(full[1], len(by_id)))
            state = replace(state, full=full, places=max(full[0] - pending, full[1] - len(by_id)))
        return replace(state, listed=tuple(by_id.values()), entries=entries, failures=failures)

    def hold(self, step: Step, error: AtlasError, state: PeerSetState) -> PeerSetState | None:
        """Return the state in which a creation waits for a place, if the task waits; None for any other refusal."""
        if not self._waits or error.error_code != NO_PLACE:
            return None
        return replace(state, full=(self._pending(state.listed), len(state.listed)), places=0)

    def _pending(self, peers: t.Iterable[Peer]) -> int:
        """Return how many connections wait to be accepted or set up."""
        return sum(peer["status_name"] in self._provider.progress[:-1] for peer in peers)

    def is_settled(self, state: PeerSetState) -> bool:
        """Return whether all that is waited for is there, is gone, or has failed."""
        if not self._waits:
            return True
        listed = {peer["id"] for peer in state.listed}
        return not self._missing(state) and not any(peer["id"] in listed - state.failures.keys() for peer in state.pruned)

    def late(self, state: PeerSetState, error: WaitTimeoutError) -> PeerSetState:
        """Return the state when the time is up: what is not there by now has failed."""
        for entry in self._missing(state):
            peer = t.cast("Peer", state.entries[entry.key].peer)
            task = None
            if self._provider.waits_for_customer(peer, entry.goal):
                task = self._provider.customer_task(peer, self._matches[entry.key].choice.known_region_of(peer), None)
            late = too_late(peer, entry.goal, error, task)
            state = state.with_failure(entry.key, entry.named(late))
        listed = {peer["id"]: peer for peer in state.listed}
        for gone in state.pruned:
            if gone["id"] in listed:
                state = state.with_failure(gone["id"], too_late(listed[gone["id"]], "gone", error, None))
        return state

    def blocked(self, step: Step, state: PeerSetState, error: WaitTimeoutError) -> AtlasError:
        """Return the error of a step that could not be sent until the time was up."""
        blockers = step.after.blockers(state.listed) if isinstance(step.after, After) else []
        if not blockers:
            return AtlasError(
                f"Atlas had no place for another VPC peering connection within {error.waited:.0f} seconds.",
                hint="Have pending ones accepted in AWS, or remove some, then run the task again.",
            )
        names = ", ".join(f"{peer['id']} ({peer['status_name']})" for peer in blockers)
        return AtlasError(
            f"VPC peering connection {names} is still in the way after {error.waited:.0f} seconds.",
            hint="Raise wait_timeout, or run the task again later.",
        )

    def is_ready(self, step: Step, state: PeerSetState, running: t.Sequence[Step]) -> bool:
        """Return whether nothing is in the way of a step.

        Raises:
            AtlasError: If its entry has failed, or if what is in its way will not go, because that has failed.
        """
        after, failed_before = step.after, state.failures.get(step.keys[0])
        if failed_before is not None:
            raise failed_before
        if isinstance(after, After):
            failed = {own.peer["id"] for key, own in state.entries.items() if key in state.failures and own.peer is not None}
            blockers = after.blockers(state.listed)
            for peer in blockers:
                if peer["id"] in failed | state.failures.keys():
                    raise AtlasError(
                        f"It needs what VPC peering connection {peer['id']} has, and that could not be changed or removed.",
                        hint="Correct that first, then run the task again.",
                    )
            if blockers:
                return False
        creations = sum(isinstance(one.request, CreatePeer) for one in running)
        return state.full is None or not isinstance(step.request, CreatePeer) or creations < state.places

    def line(self, state: PeerSetState) -> str:
        """Return how far the entries have come, in one line."""
        waiting = [
            str(fields_of(own.peer)[self._provider.accepted_id or "id"])
            for entry in self._entries
            if (own := state.entries.get(entry.key)) is not None
            and own.peer
            and self._provider.waits_for_customer(own.peer, entry.goal)
        ]
        missing = len(self._missing(state)) + len(state.failures.keys() & {entry.key for entry in self._entries})
        goals = {entry.goal.lower().replace("_", " ") for entry in self._entries}
        line = f"{len(self._entries) - missing} of {len(self._entries)} {goals.pop() if len(goals) == 1 else 'there'}"
        if waiting:
            ids = ", ".join(waiting[:_MOST_IDS]) + (", …" if len(waiting) > _MOST_IDS else "")
            line += f", {len(waiting)} {'waits' if len(waiting) == 1 else 'wait'} for acceptance: {ids}"
        leaving = sum(peer["status_name"] == self._provider.terminating for peer in state.listed)
        return f"{line}, {leaving} being removed" if leaving else line

    def _missing(self, state: PeerSetState) -> list[Entry]:
        """Return the entries whose connection is not there yet and has not failed."""
        return [
            entry
            for entry in self._entries
            if entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and (own.peer is None or not self._provider.has_reached(own.peer, entry.goal))
        ]

    def _seen(self, entry: Entry, own: PeerState, present: Peer | None) -> tuple[PeerState, AtlasError | None]:
        """Return what an entry has come to when its connection is seen or gone, and what has failed if the task waits for it."""
        if own.dying:
            return (replace(own, peer=present, dying=(present,)) if present else replace(own, peer=None, dying=())), None
        is_gone = present is None or present["status_name"] == self._provider.terminating
        error = None
        if self._waits and is_gone:
            error = removed_by_others(own.peer["id"] if own.peer else "", entry.goal)
        elif self._waits and present is not None and present["status_name"] == self._provider.failed:
            error = failure(self._provider, entry.params, present)
        return replace(own, peer=present), error
