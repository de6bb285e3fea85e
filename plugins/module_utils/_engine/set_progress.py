# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run on a set has come: the states of each entry, and one line for all of them."""

from __future__ import annotations

import typing as t

from .outcome import REPORT_INTERVAL, Outcome, Progress, Report, StatusHistory
from .set_operation import SetOperation
from .wait import Clock, Wait


class SetProgress(Progress):
    """What was seen of a set, for the outcome and for the user.

    Args:
        operation: What runs.
        outcome: Takes what results show.
        report: Takes a line for the user.
        clock: A monotonic clock, in seconds.
    """

    _operation: SetOperation[t.Any, t.Any]

    def __init__(self, operation: SetOperation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(operation, outcome, report, clock)
        self._clock = clock
        self._entries: list[StatusHistory] = []
        self._line, self._told = "", clock()
        self._unplanned = self.plan

    def see(self, state: t.Any, wait: Wait[t.Any] | None = None) -> None:
        """Take down the present state. While the task waits, tell the user of changes, and once a minute that there are none."""
        self.state = state
        for index, status in enumerate(self._operation.summary.statuses(state)):
            if index == len(self._entries):
                self._entries.append(StatusHistory("", lambda line: None, self._clock))
            self._entries[index].record(status)
        line = self._operation.waiter.line(state) if wait is not None else ""
        if line and (line != self._line or self._clock() - self._told >= REPORT_INTERVAL):
            self._line, self._told = line, self._clock()
            self.tell(f"{self._operation.name}: {line}")
        self.show()

    def show(self) -> None:
        """Let the result show the present state, once there is a plan: without one, nothing can be counted."""
        if self.plan is not self._unplanned:
            super().show()

    def _compare(self) -> None:
        """Let diff mode show each change."""
        self._outcome.diff = self._operation.summary.diff(self.state, self.plan)

    def end(self, state: t.Any) -> None:
        """Let the result show the last state, and which states were seen of each entry if the user wants that."""
        super().end(state)
        if self._operation.params["wait"]:
            self._outcome.values["status_history"] = [history.entries for history in self._entries]

    def stop(self) -> None:
        """Tell the user what was done so far, for a task that is ended from outside: no result may tell it."""
        self.tell(f"{self._operation.name}: {self._operation.summary.stopped(self.state)}")
