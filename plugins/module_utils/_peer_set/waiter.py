# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One question a poll for all of it."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace

from .._clouds.cloud import CustomerTask, Peer, cloud_of, fields_of, is_failed, is_leaving
from .._engine.wait import GONE, WaitTimeoutError
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._peering.connection import PeerState
from .._peering.life import NEW_FOR, OLD_FAILURE_FOR, failure, not_removed, removed_by_others, too_late
from .._peering.match import PeerMatch
from .gate import PeerGate, counted
from .options import PeerEntry
from .state import PeerLists, PeerSetState


class Removals:
    """Takes down which connections this task has removed, and tells which of these removals have failed.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Until when a failure may be that of an earlier removal.
        self._old_until: dict[str, float] = {}

    def record(self, peer: Peer) -> None:
        """Take down that this task has just asked for the removal of a connection, which was like this before."""
        has_failed_before = peer["status_name"] == cloud_of(peer).removal_failed
        self._old_until[peer["id"]] = self._clock() + (OLD_FAILURE_FOR if has_failed_before else 0)

    def failed(self, listed: t.Iterable[Peer], leaving: t.Container[str]) -> dict[str, TaskError]:
        """Return why removals have failed, by the ids of the connections.

        Args:
            listed: The connections that are there.
            leaving: The ids of those that were being removed when the task began.
        """
        found: dict[str, TaskError] = {}
        for peer in listed:
            provider = cloud_of(peer)
            until = self._old_until.get(peer["id"], 0 if peer["id"] in leaving else None)
            if until is None:
                continue
            if peer["status_name"] != provider.removal_failed:
                self._old_until[peer["id"]] = 0
            elif self._clock() >= until:
                found[peer["id"]] = not_removed(provider, peer)
        return found


# How many connections one line names for each reason to wait.
_MOST_NAMES = 5


def to_line(entries: t.Sequence[PeerEntry], missing: int, state: PeerSetState) -> str:
    """Return how far the entries have come, and which of them somebody has to do something for.

    Args:
        entries: The entries.
        missing: How many of them are not there yet.
        state: What is there.
    """
    goals = {entry.goal.lower().replace("_", " ") for entry in entries}
    line = f"{len(entries) - missing} of {len(entries)} {goals.pop() if len(goals) == 1 else 'there'}"
    for words, names in _waiting(entries, state).items():
        shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
        line += f", {len(names)} {'waits' if len(names) == 1 else 'wait'} for {words}: {shown}"
    leaving = sum(map(is_leaving, state.listed))
    return f"{line}, {leaving} being removed" if leaving else line


def _waiting(entries: t.Iterable[PeerEntry], state: PeerSetState) -> dict[str, list[str]]:
    """Return the connections that somebody has to do something for, by what that is."""
    waiting: dict[str, list[str]] = {}
    for entry in entries:
        own, provider = state.entries.get(entry.key), entry.provider
        if entry.key in state.refused and entry.key not in state.failures:
            waiting.setdefault(f"the role of Atlas in {provider.name}", []).append(entry.name)
        elif own is not None and own.peer is not None and provider.waits_for_customer(own.peer, entry.goal):
            if provider.accepted_id is None:
                waiting.setdefault(f"its peering in {provider.name}", []).append(entry.name)
            else:
                waiting.setdefault("acceptance", []).append(str(fields_of(own.peer)[provider.accepted_id]))
    return waiting


class PeerSetWaiter(PeerGate):
    """Tells from the list of all connections what the entries have come to.

    Args:
        matches: Which connection each entry means, by key.
        entries: The entries.
        lists: The connections of the project.
        clock: A monotonic clock, in seconds.
        waits: Whether the task waits for the entries.
        role_timeout: For how many seconds a creation is sent again for lack of rights.
    """

    def __init__(
        self,
        matches: t.Mapping[str, PeerMatch],
        entries: t.Sequence[PeerEntry],
        lists: PeerLists,
        clock: Clock,
        *,
        waits: bool,
        role_timeout: float,
    ) -> None:
        super().__init__(entries, clock, waits=waits, role_timeout=role_timeout)
        self._entries = entries
        self._lists = lists
        self._matches = matches
        # Until when Atlas may not list yet what this task has created.
        self._new_until: dict[str, float] = {}
        self._removals = Removals(clock)

    def record_creation(self, peer: Peer) -> None:
        """Take down that this task has just created a connection."""
        self._new_until[peer["id"]] = self._clock() + NEW_FOR

    def record_removal(self, peer: Peer) -> None:
        """Take down that this task has just asked for the removal of a connection, which was like this before."""
        self._removals.record(peer)

    def poll(self, state: PeerSetState) -> PeerSetState:
        """Read the connections that are waited for, and return what each entry has come to, and what has failed."""
        return self.look(state, self._awaited(state))

    def look(self, state: PeerSetState, names: t.Collection[str] | None = None) -> PeerSetState:
        """Read the connections with the named clouds, or with all, and return the state as `poll` does."""
        by_id = {peer["id"]: peer for peer in self._lists.list_peers(names)}
        if names is not None:
            by_id.update({peer["id"]: peer for peer in state.listed if cloud_of(peer).name not in names})
        for peer in state.listed:
            if peer["id"] not in by_id and self._clock() < self._new_until.get(peer["id"], -math.inf):
                by_id[peer["id"]] = peer
        leaving = {peer["id"] for peer in state.first if is_leaving(peer)}
        entries, failed = dict(state.entries), self._removals.failed(by_id.values(), leaving)
        failures = {**{peer["id"]: failed[peer["id"]] for peer in state.pruned if peer["id"] in failed}, **state.failures}
        # What is to become of these was decided at first.
        dead = {peer["id"] for peer in state.first if is_failed(peer)}
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is None or own.peer is None:
                continue
            entries[entry.key], error = self._seen(entry, own, by_id.get(own.peer["id"]))
            if own.dying:
                error = failed.get(own.peer["id"])
            elif own.peer["id"] in dead:
                error = None
            if error is not None and entry.key not in failures:
                failures[entry.key] = entry.named(error)
        self._read_names(entries)
        return replace(counted(state, by_id.values()), listed=tuple(by_id.values()), entries=entries, failures=failures)

    def _read_names(self, entries: t.Mapping[str, PeerState]) -> None:
        """Read the names of Atlas's own network, which whoever has to act in the customer's cloud needs."""
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is not None and own.peer is not None:
                self._matches[entry.key].choice.read_names(own.peer, again=True)

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
            late = too_late(peer, entry.goal, error, self._customer_task(entry, peer))
            state = state.with_failure(entry.key, entry.named(late))
        listed = {peer["id"]: peer for peer in state.listed}
        for gone in state.pruned:
            if gone["id"] in listed:
                state = state.with_failure(gone["id"], too_late(listed[gone["id"]], GONE, error, None))
        return state

    def _customer_task(self, entry: PeerEntry, peer: Peer) -> CustomerTask | None:
        """Return what somebody has to do in the customer's cloud for the wait to go on; None for nothing."""
        provider, choice = entry.provider, self._matches[entry.key].choice
        if not provider.waits_for_customer(peer, entry.goal):
            return None
        region = choice.known_region_of(peer) if provider.region is not None else None
        container = choice.known(peer["container_id"])
        return provider.customer_task(peer, region, container)

    def line(self, state: PeerSetState) -> str:
        """Return how far the entries have come, in one line."""
        missing = len(self._missing(state)) + len(state.failures.keys() & {entry.key for entry in self._entries})
        return to_line(self._entries, missing, state)

    def _awaited(self, state: PeerSetState) -> frozenset[str]:
        """Return the clouds whose connections can still come to something, or all if places are counted."""
        entries = {entry.provider.name for entry in self._missing(state)}
        pruned = {peer["id"] for peer in state.pruned}
        leaving = {cloud_of(peer).name for peer in state.listed if is_leaving(peer) or peer["id"] in pruned}
        found = entries | leaving
        return frozenset(found) if found and state.full is None else self._lists.names

    def _missing(self, state: PeerSetState) -> list[PeerEntry]:
        """Return the entries whose connection is not there yet and has not failed."""
        return [
            entry
            for entry in self._entries
            if entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and (own.peer is None or not entry.provider.has_reached(own.peer, entry.goal))
        ]

    def _seen(self, entry: PeerEntry, own: PeerState, present: Peer | None) -> tuple[PeerState, TaskError | None]:
        """Return what an entry has come to when its connection is seen or gone, and what has failed if the task waits for it."""
        if own.dying:
            return (replace(own, peer=present, dying=(present,)) if present else replace(own, peer=None, dying=())), None
        is_gone = present is None or is_leaving(present)
        error = None
        if self._waits and is_gone:
            error = removed_by_others(own.peer["id"] if own.peer else "", entry.goal)
        elif self._waits and present is not None and is_failed(present):
            worked = own.peer is not None and own.peer["status_name"] == entry.provider.progress[-1]
            error = failure(entry.provider, entry.params, present, worked=worked)
        return replace(own, peer=present), error
