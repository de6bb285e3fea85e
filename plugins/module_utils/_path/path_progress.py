# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of the whole path: a line for each stage that waits and, with `-v`, one for each entry as it ends."""

from __future__ import annotations

import typing as t

from .._engine.outcome import REPORT_INTERVAL, Outcome, Report
from .._engine.set_operation import SetOperation
from .._engine.set_run import SetProgress
from .._engine.wait import Wait
from .._http.pauses import Clock


class PathProgress(SetProgress):
    """The progress of a run over all stages. The result is made when a plan is, and at the end, not after each step.

    Args:
        operation: The Operation that runs; its summary is a PathSummary.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, operation: SetOperation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(operation, outcome, report, clock)
        self._goal = ""
        # The keys of the entries whose ends were reported.
        self._ended: set[str] = set()
        # What others have to do that was known when the plan was made, or was reported since.
        self._noted: t.Sequence[str] | None = None

    def see(self, state: t.Any, wait: Wait[t.Any] | None = None) -> None:
        """Record the current state, and report it.

        Args:
            state: The state.
            wait: The wait of a stage: a line says what that waits for when it begins, and then once a minute.
        """
        self.state = state
        self._report_notes()
        self._report_ended()
        line = self._operation.waiter.line(state) if wait is not None else ""
        if wait is None or not line:
            return
        now = self._clock()
        if wait.goal != self._goal or now - self._reported >= REPORT_INTERVAL:
            self._goal, self._reported = wait.goal, now
            self._tell_waiting(line)

    def _report_notes(self) -> None:
        """Report what others have to do as soon as it is known: the task may wait for it."""
        if not self.has_plan:
            return
        known, self._noted = self._noted, self.state.notes
        for note in () if known is None else [one for one in self.state.notes if one not in known]:
            self.tell(f"{self._operation.name}: {note}")

    def _report_ended(self) -> None:
        """Report, with `-v`, the entries that have ended since the last state."""
        if self._report.detail is None or not self.has_plan:
            return
        summary = t.cast(t.Any, self._operation.summary)
        for key, words in summary.ended(self.state, self.plan, self._ended).items():
            self._ended.add(key)
            self._report.detail(self._cleaned(f"{summary.title(key, self.state)}: {words}"))

    def end(self, state: t.Any) -> None:
        """Let the result show the last state."""
        self.state = state
        self._report_ended()
        self.show()
