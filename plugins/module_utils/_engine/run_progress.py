# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of a front, for the outcome and for the user."""

from __future__ import annotations

import math
import typing as t

from .._http.pauses import Clock
from .outcome import Lines, Outcome, Report, StatusHistory
from .side import Target, Waiting

if t.TYPE_CHECKING:
    from .front import AnyFront, States


class RunProgress(Lines):
    """The progress of a front about one object.

    Args:
        front: The front that runs.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(front, report, clock)
        self._front, self._outcome = front, outcome
        self._history = StatusHistory(front.name, clock)
        self._first: States = {}

    def begin(self) -> None:
        """Record the states at the start of the run, with which diff mode compares."""
        self._first = self._states()
        self.see()

    def see(self, changed: t.Collection[Target] = (), waiting: Waiting | None = None, until: float | None = None) -> None:
        """Record and report an event.

        Args:
            changed: The owners whose states have changed.
            waiting: What the task waits for; None for nothing.
            until: When it stops waiting, on the clock.
        """
        status = self._front.status(waiting)
        if status is not None:
            line = self._history.record(status.name, status.to_do, waiting.goal if waiting is not None else "", until)
            if line:
                self.tell(line)
        self.show(changed)

    def show(self, changed: t.Collection[Target] = ()) -> None:
        """Let the result and diff mode show the current states."""
        self._outcome.show(self._front.show(changed))
        self._outcome.before = self._front.compare(self._first)
        self._outcome.after = self._front.compare(self._states())

    def wakes_at(self) -> float:
        """Return when a line is due although nothing happens, on the clock; infinity for never."""
        return math.inf

    def wake(self) -> None:
        """Report that nothing has happened."""

    def end(self) -> None:
        """Let the result show the last states and, if the front keeps it and waits, the history of states."""
        self.show()
        if self._front.keeps_history and self._front.params["wait"]:
            self._outcome.values["status_history"] = self._history.entries

    def _states(self) -> States:
        return {side.name: dict(side.states) for side in self._front.sides}
