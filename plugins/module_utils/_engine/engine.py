# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a front, from its first look to its result: the phases."""

from __future__ import annotations

import typing as t
from contextlib import nullcontext

from .._http.errors import TaskError
from .._http.pauses import Clock, Sleep
from .intake import Intake, Searches
from .ledger import Ledger, Ready
from .looks import Looks, Planning, Wanted
from .loop import InTurn, Loop
from .outcome import Lines, Outcome, Report, RunProgress
from .side import BEFORE, AnyState, Purpose
from .waits import Waits

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .lists import InThreads


class Engine:
    """One run of a front.

    It reads all sides, waits for what must come before a plan, decides, goes through the stages, and shows the result. A front
    can run inside a step of another run, in a thread: it starts no threads then.

    Args:
        front: The front to run.
        outcome: Receives the result.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> None:
        self._front, self._outcome = front, outcome
        self._progress, jobs, limit = _parts_of(front, outcome, report, clock)
        self._ledger = Ledger(front, outcome, limit)
        self._looks = Looks(front, self._ledger)
        self._planning = Planning(front, self._ledger, self._looks, self._progress, outcome)
        waits, ready = Waits(front.params, clock), Ready(self._ledger)
        searches = Searches(front, self._ledger, self._progress)
        self._intake = Intake(front, self._ledger, waits, self._looks, self._planning, ready, searches, self._progress, outcome)
        self._loop = Loop(
            front, self._ledger, waits, self._looks, ready, searches, self._intake, jobs, self._progress, outcome, sleep
        )

    @property
    def state(self) -> AnyState:
        """The last state of the only owner."""
        return self._front.state

    @property
    def applied(self) -> tuple[t.Hashable, ...]:
        """The keys of the changes that took effect."""
        return tuple(key for step in self._ledger.applied for key in step.keys)

    def predict(self) -> None:
        """Look and decide, and let the outcome show the predicted result.

        Raises:
            TaskError: If something cannot be read, or would be refused.
        """
        self._front.context.is_prediction = True
        self._look()
        plan = self._planning.decide()
        for side in self._front.sides:
            self._looks.take(side, side.predict([step for step in plan.steps if step.side == side.name]))
        for step in self._front.foresee(plan):
            self._ledger.foresee(step)
        self._outcome.changed = bool(self._ledger.applied)
        self._end()

    def carry_out(self, known: AnyState = None) -> None:
        """Look, decide, send and wait.

        Args:
            known: The state of the only owner if it has been read already; None to read it.

        Raises:
            TaskError: If something fails; the outcome shows what was done before.
        """
        front = self._front
        if known is None:
            self._look()
        else:
            side = front.sides[0]
            self._looks.take(side, {side.owners[0]: known})
            self._progress.begin()
        if front.waits_first:
            self._loop.run(BEFORE, None, is_last=True)
            if self._intake.has_waited:
                self._looks.look(self._all(), Purpose.AGAIN)
                self._progress.begin()
        self._planning.decide()
        try:
            with nullcontext() if front.is_one else self._looks.side_by_side():
                self._go_through()
        except BaseException as error:
            if front.is_one:
                raise
            is_said = isinstance(error, TaskError) and front.fail_rest(error)
            self._loop.drain()
            self._progress.show()
            if not is_said:
                raise
        self._end()

    def _go_through(self) -> None:
        front = self._front
        for stage in front.stages:
            seconds = front.seconds_of(stage) if stage else None
            self._loop.run(stage, seconds, is_last=stage == front.stages[-1])
            if front.plans_again_after(stage):
                self._planning.decide()

    def _look(self) -> None:
        self._looks.look(self._all(), Purpose.FIRST)
        self._progress.begin()

    def _all(self) -> Wanted:
        return {side.name: side.owners for side in self._front.sides}

    def _end(self) -> None:
        self._progress.end()
        failure = self._front.failure()
        if failure is not None:
            raise failure

    @property
    def lines(self) -> Lines:
        """What reports lines for the user."""
        return self._progress

    def stop(self) -> None:
        """Report what was done so far: a signal has ended the run."""
        self._progress.stop(*self._front.stopped(self._ledger.applied, self._ledger.unsure()))


def _parts_of(front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> tuple[RunProgress, InTurn | InThreads, int]:
    """Return the progress of a front, how its steps are sent, and how many at the same time."""
    if front.is_one:
        return RunProgress(front, outcome, report, clock), InTurn(), 1
    # Imported late: a module's process compiles each file again.
    from .lists import InThreads, ListProgress

    limit = front.threads or int(front.params["parallel"])
    return (front.progress or ListProgress)(front, outcome, report, clock), InThreads(limit), limit
