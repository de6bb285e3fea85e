# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a list, in one line."""

from __future__ import annotations

import typing as t

from .._http.pauses import Clock
from .outcome import REPORT_INTERVAL, Outcome, Report, RunProgress, StatusHistory
from .side import Target, Waiting

if t.TYPE_CHECKING:
    from .front import AnyFront, ResultValue


class ListProgress(RunProgress):
    """The progress of a front about a list. Results are made with a plan and at the end: after each step, it would take too long.

    Args:
        front: The front that runs.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(front, outcome, report, clock)
        self._line, self._reported = "", clock()
        self._has_plan = False
        # The states of each entry, if the front keeps a history.
        self._entries: list[StatusHistory] = []

    def see(self, changed: t.Collection[Target] = (), waiting: Waiting | None = None, until: float | None = None) -> None:
        """Record an event. With `waiting`, report what is waited for if that has changed, and once a minute."""
        if self._front.keeps_history:
            self._record(self._front.statuses())
        if waiting is not None:
            self._tell_line(until)

    def show(self) -> None:
        """Let the result and diff mode show the current states: with a plan, and at the end, also of a run that was stopped."""
        self._has_plan = True
        self._outcome.show(self._front.show())
        self._outcome.diff = self._front.diff()

    def _record(self, statuses: t.Sequence[str]) -> None:
        self._entries += [StatusHistory("", self._clock) for unused in statuses[len(self._entries) :]]
        for history, status in zip(self._entries, statuses):
            history.record(status)

    def _histories(self) -> list[ResultValue]:
        return [history.entries for history in self._entries]

    def wakes_at(self) -> float:
        """Return when a line is due although nothing happens, on the clock."""
        return self._reported + REPORT_INTERVAL

    def wake(self) -> None:
        """Report what is waited for, if a minute has passed since the last line."""
        self._tell_line(None)

    def _tell_line(self, until: float | None) -> None:
        line = one_line(side.progress_line() for side in self._front.sides)
        now = self._clock()
        if line and (line != self._line or now - self._reported >= REPORT_INTERVAL):
            self._line, self._reported = line, now
            self.tell_named(f"{line}{'' if until is None else f'; {self._times(until - now)}'}")

    def _times(self, left: float) -> str:
        stage = self._front.context.stage
        # Without a negative zero.
        waited = f"{max(0.0, round(self._front.seconds_of(stage) - left, 3)):.0f} s waited, " if stage else ""
        return f"{waited}{max(0.0, left):.0f} s left"


def one_line(lines: t.Iterable[str]) -> str:
    """Join the progress of several sides in one line; empty texts are left out."""
    # Names come last: they have commas of their own.
    return ", ".join(sorted(filter(None, lines), key=lambda line: ": " in line))
