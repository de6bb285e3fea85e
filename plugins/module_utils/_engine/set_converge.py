# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the current state of a set to the wanted one: look once, decide for the whole, send side by side, wait for all at once."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .converge import Convergence
from .outcome import Outcome, Report
from .plan import Plan
from .set_operation import SetOperation
from .set_progress import SetProgress
from .set_steps import SetSteps
from .wait import GONE, Clock, Sleep, Wait, WaitTimeoutError

# What refused steps are waited for: that they are taken.
REPEATED = "taken"


class SetConvergence(Convergence):
    """One run of an Operation on a set.

    Args:
        operation: What to do.
        outcome: Takes what comes of it.
        report: Takes a line for the user.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    _progress_class = SetProgress
    _operation: SetOperation[t.Any, t.Any]
    _progress: SetProgress

    def __init__(
        self, operation: SetOperation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock, sleep: Sleep
    ) -> None:
        super().__init__(operation, outcome, report, clock, sleep)
        self._steps = SetSteps(operation, self._progress, outcome, self._decide, sleep)

    def predict(self) -> None:
        """Look and decide, and let the outcome show what would come of it.

        Raises:
            AtlasError: If something cannot be read, or is refused, or something has failed already.
        """
        super().predict()
        self._raise_failure()

    def carry_out(self) -> None:
        """Look, decide, send and wait.

        Raises:
            AtlasError: If the whole is refused, or something fails. All else is done then, and the outcome shows it.
        """
        operation, progress, steps = self._operation, self._progress, self._steps
        progress.begin(operation.look())
        self._decide()
        steps.planned, steps.pending = progress.plan, list(progress.plan.steps)
        for key, error in progress.plan.failures.items():
            steps.give_up((key,), error)
        params = operation.params
        with operation.session.side_by_side(params["parallel"], float(params["wait_timeout"])), steps.working():
            self._wait(GONE, lambda: not steps.blocked)
            seconds = operation.waiter.repeats(progress.state)
            if seconds:
                self._wait(REPEATED, lambda: not operation.waiter.repeats(progress.state), seconds)
            self._wait(params["wait_for"].upper(), lambda: not steps.pending and operation.waiter.is_settled(progress.state))
        progress.end(operation.end(progress.state))
        self._raise_failure()

    def _refuse(self, plan: Plan) -> None:
        """Check that a plan may be carried out.

        Raises:
            AtlasError: If the first plan is refused. What a later one refuses, or what has failed by then, has failed.
        """
        progress, planned = self._progress, {change.key for change in self._steps.planned.changes}
        if plan.refusals and not planned:
            raise self._operation.summary.refusal(progress.state, plan)
        progress.plan = replace(plan, refusals={})
        errors = {**plan.failures, **plan.refusals}
        for key in planned & errors.keys():
            self._steps.give_up((key,), errors[key])
        progress.show()

    def _raise_failure(self) -> None:
        failure = self._operation.summary.failure(self._progress.state)
        if failure is not None:
            raise failure

    def _wait(self, goal: str, is_done: t.Callable[[], bool], seconds: float | None = None) -> None:
        """Send what can be sent, and ask for all that is waited for, until that is done or the time is up."""
        operation, progress, steps = self._operation, self._progress, self._steps

        def advance() -> bool:
            steps.send_ready()
            return is_done()

        def late(state: t.Any, error: WaitTimeoutError) -> None:
            if goal == REPEATED:
                # Each of them ends with its last refusal.
                return
            for step in steps.blocked if goal == GONE else steps.pending:
                steps.give_up(step.keys, operation.waiter.blocked(step, progress.state, error))
            if goal != GONE:
                progress.see(operation.waiter.late(progress.state, error))

        self._waiter.wait_for(Wait(goal, operation.waiter.poll, operation.waiter.is_settled, late, seconds), advance)
