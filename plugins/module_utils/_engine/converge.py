# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the current state to the wanted one: look, decide, apply step by step, wait. It knows no resource and no client."""

from __future__ import annotations

import typing as t

from .._http.errors import AtlasError
from .failed import may_pass, pauses_before_look
from .operation import Operation, Session
from .outcome import Outcome, Progress, Report
from .plan import Needs, Plan, Step
from .wait import Clock, Sleep, Wait
from .waiter import Waiter

Result = t.TypeVar("Result")


class Convergence:
    """One run of an Operation.

    A step whose reply is lost, or that somebody else has overtaken, is never simply sent again: the state is read, and a new
    plan is made from what is there then, right before that is sent.

    Args:
        operation: What to do.
        outcome: Takes what comes of it.
        report: Takes a line for the user while the run waits.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    _progress_class: t.ClassVar[type[Progress]] = Progress

    def __init__(self, operation: Operation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> None:
        self._operation = operation
        self._session: Session = operation.session
        self._outcome = outcome
        self._progress = self._progress_class(operation, outcome, report, clock)
        self._waiter = Waiter(self._progress, operation, clock, sleep)
        self._sleep = sleep
        self._retries: int = operation.params["retries"] if operation.retries is None else operation.retries
        # The last step of which nobody knows whether it took effect.
        self._lost: Step | None = None

    def predict(self) -> None:
        """Look and decide, and let the outcome show what would come of it.

        Raises:
            AtlasError: If something cannot be read, or would be refused.
        """
        operation, progress = self._operation, self._progress
        progress.begin(operation.look())
        self._decide()
        state = self._with_facts(lambda: operation.predict(progress.state, progress.plan, operation.facts))
        self._outcome.changed = bool(progress.plan.steps)
        progress.end(state)

    def carry_out(self) -> None:
        """Look, decide, apply and wait.

        Raises:
            AtlasError: If it fails; the outcome shows how far it has come.
        """
        operation, progress = self._operation, self._progress
        progress.begin(operation.look())
        first = operation.wait_first(progress.state)
        if first is not None:
            self._waiter.wait_for(first)
            progress.begin(operation.look())
        self._decide()
        self._take_steps()
        last = operation.wait(progress.state)
        if last is not None:
            self._waiter.wait_for(last)
        progress.end(operation.end(progress.state))

    def _decide(self) -> None:
        progress, warnings = self._progress, self._outcome.warnings
        progress.plan = self._with_facts(lambda: self._operation.decide(progress.state, self._operation.facts))
        warnings += [one for one in progress.plan.warnings if one not in warnings]
        progress.show()
        self._refuse(progress.plan)

    def _refuse(self, plan: Plan) -> None:
        """Check that a plan may be carried out; the outcome shows it by now.

        Raises:
            AtlasError: If it may not.
        """
        for error in plan.refusals.values():
            raise error

    def _with_facts(self, decide: t.Callable[[], Result]) -> Result:
        """Decide, and read what that asks for, until it asks for nothing more."""
        while True:
            try:
                return decide()
            except Needs as needs:
                self._operation.ask(needs.need)

    def _take_steps(self) -> None:
        """Take the steps, one after the other."""
        steps, failures = list(self._progress.plan.steps), 0
        while steps:
            sent = len(self._session.calls)
            try:
                self._take(steps[0])
            except AtlasError as error:
                failures += 1
                self._look_again(steps[0], error, failures)
                steps = list(self._progress.plan.steps)
            except Exception:
                # A defect, or a lack of memory or threads. What hits a request itself after it was sent is an AtlasError.
                calls = self._session.calls[sent:]
                self._outcome.changed |= any(call.method != "GET" and call.status is not None for call in calls)
                raise
            else:
                # Of many steps, each may fail now and then.
                steps, failures, self._lost = steps[1:], 0, None

    def _take(self, step: Step) -> None:
        """Wait for what has to come before a step, and apply it."""
        progress = self._progress
        wait = self._operation.wait(progress.state, step) if step.after is not None else None
        if wait is not None and wait.refused is not None:
            self._waiter.wait_for(wait, lambda: self._try(step, wait))
            return
        if wait is not None:
            self._waiter.wait_for(wait)
        try:
            self._apply(step)
        except AtlasError as error:
            # A refused request has done nothing, so that it may be sent again.
            again = None if error.outcome_unknown else self._operation.wait_refused(step, error, progress.state)
            if again is None:
                raise
            self._waiter.wait_for(again, lambda: self._try(step, again), pauses_first=True)

    def _try(self, step: Step, wait: Wait[t.Any]) -> bool:
        """Apply a step if its time has come, and return whether that was done."""
        if not wait.is_done(self._progress.state):
            return False
        try:
            self._apply(step)
        except AtlasError as error:
            refused = wait.refused(self._progress.state, error) if wait.refused is not None else None
            if refused is None:
                raise
            self._progress.see(refused, wait)
            return False
        return True

    def _apply(self, step: Step) -> None:
        state = self._operation.apply(step, self._progress.state)
        self._outcome.changed = True
        self._progress.see(state)

    def _look_again(self, step: Step, error: AtlasError, failures: int) -> None:
        """Look and decide again after a step failed.

        Raises:
            AtlasError: If that is of no use: the step was refused, or would have to be sent too often.
        """
        operation, progress, outcome = self._operation, self._progress, self._outcome
        passes = may_pass(step, error)
        if not error.outcome_unknown and not passes:
            raise operation.explain(step, error, progress.state) from error.__cause__
        if error.outcome_unknown:
            self._lost = step
        for pause in pauses_before_look(step, error, failures, self._retries):
            if pause:
                self._sleep(pause)
            try:
                progress.see(operation.look())
                self._decide()
            except Exception:
                outcome.changed = outcome.changed or self._lost is not None
                raise
            if not progress.plan.still_needs(step):
                break
        if self._lost is not None and not progress.plan.still_needs(self._lost):
            # It took effect, at least in part.
            outcome.changed, self._lost = True, None
        if progress.plan.still_needs(step):
            better = operation.explain(step, error, progress.state)
            if better is not error:
                raise better from error
        if progress.plan.steps and (failures > self._retries or not passes):
            raise error
