# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wait for a declared list: each poll reads the connections of all entries at once, by cloud."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import replace

from .._clouds.cloud import Peer, fields_of
from .._clouds.clouds import cloud_of, is_failed, is_leaving
from .._engine.plan import listed
from .._engine.wait import GONE, WaitTimeoutError
from .._http.errors import TaskError
from .connection import PeerState
from .container_choice import ContainerChoice
from .gate import counted
from .life import SentRequests, customer_task, failure, removed_by_others, too_late
from .set_options import PeerEntry
from .set_state import PeerLists, PeerSetState

# How many connections a status line names for each reason to wait.
_MOST_NAMES = 5
_NAMES = "{names}"


class PeerSetWaiter:
    """Polls the connections, and records how far each entry has come.

    Args:
        entries: The entries.
        choices: The container of each entry, by key.
        lists: The connections of the project.
        sent: The requests that this task has sent.
        waits: Whether the task waits for the entries.
    """

    def __init__(
        self,
        entries: t.Sequence[PeerEntry],
        choices: t.Mapping[str, ContainerChoice],
        lists: PeerLists,
        sent: SentRequests,
        *,
        waits: bool,
    ) -> None:
        self._entries = entries
        self._choices = choices
        self._lists = lists
        self._sent = sent
        self._waits = waits

    def poll(self, state: PeerSetState) -> PeerSetState:
        """Read the connections that the task waits for, and return the state with new failures."""
        return self.look(state, self._awaited(state))

    def look(self, state: PeerSetState, names: t.Collection[str] | None = None) -> PeerSetState:
        """Read the connections with the named clouds, or with all, and return the state as `poll` does."""
        by_id = {peer["id"]: peer for peer in self._lists.list_peers(names)}
        if names is not None:
            by_id.update({peer["id"]: peer for peer in state.listed if cloud_of(peer).name not in names})
        for peer in state.listed:
            if peer["id"] not in by_id and self._sent.is_new(peer["id"]):
                by_id[peer["id"]] = peer
        entries, failures = dict(state.entries), dict(state.failures)
        for gone in state.pruned:
            error = self._removal_failure(by_id.get(gone["id"]))
            if error is not None:
                failures.setdefault(gone["id"], error)
        # These had failed when the task began, and the plan has dealt with them.
        dead = {peer["id"] for peer in state.first if is_failed(peer)}
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is None or own.peer is None:
                continue
            entries[entry.key], error = self._seen(entry, own, by_id.get(own.peer["id"]))
            if own.peer["id"] in dead and not own.dying:
                error = None
            if error is not None and entry.key not in failures:
                failures[entry.key] = entry.named(error)
        self._read_names(entries)
        return replace(counted(state, by_id.values()), listed=tuple(by_id.values()), entries=entries, failures=failures)

    def _removal_failure(self, peer: Peer | None) -> TaskError | None:
        return None if peer is None else self._sent.removal_failure(peer)

    def _read_names(self, entries: t.Mapping[str, PeerState]) -> None:
        """Read the names of Atlas's network where the customer needs them to set up the peering, once for all entries."""
        again = True
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is not None and own.peer is not None and self._choices[entry.key].read_names(own.peer, again=again):
                again = False

    def goal(self, entry: PeerEntry) -> str:
        """Return the state that the task waits for, as Atlas calls it."""
        return entry.goal

    def awaits(self, entry: PeerEntry, peer: Peer) -> bool:
        """Return whether the connection of an entry has to be waited for."""
        return not entry.provider.has_reached(peer, self.goal(entry))

    def late_error(self, entry: PeerEntry | None, peer: Peer, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that has not reached its goal in time; without an entry, that it is not gone."""
        if entry is None:
            return too_late(peer, GONE, error, None)
        return too_late(peer, self.goal(entry), error, customer_task(self._choices[entry.key], peer, entry.goal))

    def line(self, state: PeerSetState) -> str:
        """Return the progress of the entries in one line: how many there are in which state, and what they wait for."""
        reached = Counter(
            str(own.peer["status_name"])
            for entry in self._entries
            if entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and own.peer is not None
            and entry.provider.has_reached(own.peer, entry.goal)
        )
        goals = {entry.goal for entry in self._entries}
        if len(goals) == 1:
            (goal,) = goals
            counts = [f"{reached.pop(goal, 0)} of {len(self._entries)} {_in_words(goal)}"]
            # A later state than the goal counts under its own name.
            counts += [f"{number} {_in_words(name)}" for name, number in sorted(reached.items())]
        else:
            counts = [f"{sum(reached.values())} of {len(self._entries)} there"]
        counts += [
            f"{len(names)} {'waits' if len(names) == 1 else 'wait'}{words.replace(_NAMES, listed(names, _MOST_NAMES))}"
            for words, names in self._waiting(state).items()
        ]
        leaving = sum(map(is_leaving, state.listed))
        return ", ".join([*counts, f"{leaving} being removed"] if leaving else counts)

    def _waiting(self, state: PeerSetState) -> dict[str, list[str]]:
        """Return the names of connections that wait for the customer, by what they wait for, with `_NAMES` for the names."""
        waiting: dict[str, list[str]] = {}
        for entry in self._entries:
            own, provider = state.entries.get(entry.key), entry.provider
            if entry.key in state.refused and entry.key not in state.failures:
                waiting.setdefault(f" for the role of Atlas in {provider.name}: {_NAMES}", []).append(entry.name)
            elif own is not None and own.peer is not None and provider.waits_for_customer(own.peer, entry.goal):
                name, words = entry.name, f" for its peering in {provider.name}: {_NAMES}"
                task = customer_task(self._choices[entry.key], own.peer, entry.goal)
                if provider.accepted_id is not None and task is not None:
                    name = str(fields_of(own.peer)[provider.accepted_id])
                    words = f": {task.to_do.replace(name, _NAMES)}"
                waiting.setdefault(words, []).append(name)
        return waiting

    def _awaited(self, state: PeerSetState) -> frozenset[str]:
        """Return the names of the clouds that the task waits for; of all clouds if there are none, or if places are counted."""
        entries = {entry.provider.name for entry in self.missing(state)}
        pruned = {peer["id"] for peer in state.pruned}
        leaving = {cloud_of(peer).name for peer in state.listed if is_leaving(peer) or peer["id"] in pruned}
        found = entries | leaving
        return frozenset(found) if found and state.full is None else self._lists.names

    def missing(self, state: PeerSetState) -> list[PeerEntry]:
        """Return the entries whose connection has neither reached its goal nor failed."""
        return [
            entry
            for entry in self._entries
            if entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and (own.peer is None or self.awaits(entry, own.peer))
        ]

    def _seen(self, entry: PeerEntry, own: PeerState, present: Peer | None) -> tuple[PeerState, TaskError | None]:
        """Return the new state of an entry, and the error if its connection has failed or is gone while the task waits for it."""
        if own.dying:
            seen = replace(own, peer=present, dying=(present,)) if present else replace(own, peer=None, dying=())
            return seen, self._removal_failure(present)
        is_gone = present is None or is_leaving(present)
        error = None
        if self._waits and is_gone:
            error = removed_by_others(own.peer["id"] if own.peer else "", self.goal(entry))
        elif self._waits and present is not None and is_failed(present):
            worked = own.peer is not None and own.peer["status_name"] == entry.provider.progress[-1]
            error = failure(entry.provider, entry.params, present, worked=worked)
        return replace(own, peer=present), error


def _in_words(status: str) -> str:
    return status.lower().replace("_", " ")
