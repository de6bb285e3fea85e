# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of the whole path: its lines while it runs, and the times of its results."""

from __future__ import annotations

import math
import typing as t
from operator import attrgetter

from .._engine.lists import ListProgress, in_words, one_line
from .._engine.outcome import REPORT_INTERVAL, Outcome, Report
from .._engine.plan import Change, ChangeKey, Plan
from .._engine.side import AnySide, Failure, Target, Waiting
from .._engine.wait import SHORTEST_INTERVAL
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._sides.path_state import Notes, PathState
from .entry_view import EntryView

if t.TYPE_CHECKING:
    from .._engine.front import AnyFront
    from .._sides.peering import PathPlans


class PathEnds:
    """How the entries of the whole path have ended, in words.

    Args:
        entries: The entries of the list.
        order_of: Returns the sort key of a change of an entry.

    Attributes:
        entries: The entries, by key.
    """

    def __init__(self, entries: t.Iterable[PeerEntry], order_of: t.Callable[[Change], t.Any]) -> None:
        self.entries = {entry.key: entry for entry in entries}
        self._order_of = order_of
        # The changes of the last plan, by owner, kept because they are read after each event.
        self._planned: tuple[Plan, t.Mapping[str, t.AbstractSet[ChangeKey]]] = (Plan(), {})

    def of(self, state: PathState, plan: Plan, keys: t.AbstractSet[str]) -> dict[str, str]:
        """Return how those of some entries that are done have ended, in words, by key.

        Args:
            state: The state.
            plan: The last plan.
            keys: The keys of the entries; those of pruned connections count for nothing.
        """
        if self._planned[0] is not plan:
            planned: dict[str, set[ChangeKey]] = {}
            for change in plan.changes:
                planned.setdefault(change.key.owner, set()).add(change.key)
            self._planned = plan, planned
        ended = {}
        for entry in sorted([self.entries[key] for key in keys & self.entries.keys()], key=attrgetter("index")):
            failure = state.failures.get(entry.key)
            words = in_words("failed", failure.step) if failure is not None else self._end_of(entry, state)
            if words:
                ended[entry.key] = words
        return ended

    def _end_of(self, entry: PeerEntry, state: PathState) -> str:
        """Return what was done for an entry whose plan is done; empty before that."""
        done = state.made_for(entry.key)
        is_done = self._planned[1].get(entry.key, set()) <= {change.key for change in done}
        if not is_done or not EntryView(entry, state).is_reached:
            return ""
        ordered = sorted(done, key=self._order_of)
        texts = [in_words(one.verb, one.key.kind, "" if one.key.kind == "connection" else one.name) for one in ordered]
        return ", ".join(texts) or "unchanged"

    def unread(self, state: PathState, plan: Plan, error: TaskError) -> dict[str, Failure]:
        """Return the failures of all entries that have not ended, since their progress cannot be read.

        Args:
            state: The last state.
            plan: The last plan.
            error: Why not; it is a failure of the whole if all entries have ended.
        """
        ended = self.of(state, plan, self.entries.keys())
        failures = {key: Failure("read", entry.named(error)) for key, entry in self.entries.items() if key not in ended}
        return failures or {"": Failure("read", error)}


class PathProgress(ListProgress):
    """The progress of the whole path. Results are made when a plan is, and at the end, not after each step.

    Args:
        front: The front that runs. It has the plans of both sides in `path`, and the `ends` of the entries.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(front, outcome, report, clock)
        whole: t.Any = front
        self._whole = whole
        self._ends: PathEnds = whole.ends
        self._stage = ""
        # The stage in which a step was found to last, and since when.
        self._lasting = ("", 0.0)
        # The keys of the entries whose ends were reported; the owners changed, and the plan, since the last report.
        self._ended: set[str] = set()
        self._changed: set[Target] = set()
        self._plan: Plan | None = None
        # The tasks for others that were known when the plan was made, or reported since; None without a plan.
        self._noted: Notes | None = None

    @property
    def _path(self) -> PathPlans:
        path: PathPlans = self._whole.path
        return path

    def see(self, changed: t.Collection[Target] = (), waiting: Waiting | None = None, until: float | None = None) -> None:
        """Report an event. With a `waiting` that polls, also report what its stage waits for, and again once a minute."""
        path = self._path
        for side, owner in changed:
            path.take(side, owner)
        self._changed.update(changed)
        if waiting is not None and not waiting.polls:
            return
        self._report_notes(path.state.notes)
        self._report_ended()
        if waiting is not None:
            self._tell_line(until)

    def _tell_line(self, until: float | None, sides: t.Iterable[AnySide] | None = None) -> None:
        now, stage = self._clock(), self._front.context.stage
        if until is None or (stage == self._stage and now - self._reported < REPORT_INTERVAL):
            return
        line = one_line(side.progress_line() for side in sides or self._front.sides)
        if line:
            self._line, self._stage, self._reported = line, stage, now
            self.tell_named(f"{line}; {self._times(until - now)}")

    def end_stage(self) -> None:
        """Report the last state of a stage that had a line."""
        if self._stage == self._front.context.stage:
            line = one_line(side.progress_line() for side in self._front.sides)
            if line not in ("", self._line):
                self.tell_named(line)

    def wakes_at(self) -> float:
        """Return when a line is due although nothing is polled, on the clock: while a step may wait for its turn."""
        return self._clock() + SHORTEST_INTERVAL if self._in_turn() else math.inf

    def wake(self) -> None:
        """Report that another task has its turn first, once a stage and a minute."""
        stage, sides = self._front.context.stage, self._in_turn()
        if stage != self._lasting[0]:
            self._lasting = stage, self._clock()
        if sides:
            self._tell_line(self._lasting[1] + self._front.seconds_of(stage), sides)

    def _in_turn(self) -> list[AnySide]:
        """Return the sides that are sending a step that may wait for its turn."""
        sending = {side for side, _owner in self._front.context.running}
        return [side for side in self._front.sides if side.takes_turns and side.name in sending]

    def _report_notes(self, notes: Notes) -> None:
        """Report what others have to do as soon as known: the task may wait for it."""
        known = self._noted
        if known is None or notes is known:
            return
        self._noted = notes
        for note in [note for about, note in notes.items() if known.get(about) != note]:
            self.tell_named(note)

    def _report_ended(self, *, is_last: bool = False) -> None:
        """Report, with `-v`, which changed entries have ended; after another plan and at the end, check all entries."""
        if self._report.detail is None or not self._has_plan:
            return
        path = self._path
        keys: t.AbstractSet[str] = {key for target in self._changed for key in self._front.entries_of(*target, None)}
        if is_last or path.last is not self._plan:
            keys = self._ends.entries.keys()
        self._changed, self._plan = set(), path.last
        for key, words in self._ends.of(path.state, path.last, keys - self._ended).items():
            self._ended.add(key)
            self._report.detail(self._cleaned(f"{self._ends.entries[key].title}: {words}"))

    def show(self) -> None:
        """Let the result show the current state, and the warnings that are known only once it is done, or predicted."""
        super().show()
        if self._noted is None:
            self._noted = self._path.state.notes
        self._outcome.warnings += [one for one in self._path.state.warnings.values() if one not in self._outcome.warnings]

    def end(self) -> None:
        """Let the result show the last state."""
        self._report_ended(is_last=True)
        super().end()
