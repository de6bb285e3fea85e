# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of an Operation, from options to outcome: look, decide, apply, wait."""

from __future__ import annotations

import time
import traceback
import typing as t
from contextlib import contextmanager

from .._http.errors import OvertakenError, TaskError, UndoneError
from .._http.pauses import ANNOUNCE, LONGEST_PAUSE, Clock, Sleep, backoff
from .operation import ModuleBase, Operation, Session
from .options import Parameters, name_project
from .outcome import SILENT, Outcome, Progress, Report
from .plan import Plan, Step
from .wait import Wait, WaitTimeoutError, wait_until

# In seconds, the pauses before each look after a creation without a clear reply: Atlas's lists may lag behind.
CREATION_PAUSES = (2.0, 4.0)


def execute(
    operation: type[ModuleBase[t.Any]],
    params: Parameters,
    *,
    check_mode: bool,
    report: Report = SILENT,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Outcome:
    """Run what a module does, and return its outcome. A failure is in the outcome, and not raised.

    Args:
        operation: The Operation, or the front.
        params: The options, validated against its argument spec, with defaults.
        check_mode: Whether to predict only.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """
    outcome = Outcome(values=dict(operation.nothing))
    try:
        params, outcome.warnings = operation.validate(params)
        with operation.connect(params, outcome.warnings.append) as session:
            outcome.api_calls = session.calls
            try:
                task = operation(operation.prepare(params, session), session, clock)
                run = begin_run(task, outcome, report, clock, sleep)
                with run.announcing():
                    if check_mode:
                        run.predict()
                    else:
                        _carry_out(run)
            finally:
                outcome.secrets.update(session.secrets)
    except TaskError as error:
        outcome.failure = error.to_result()
    except Exception as error:
        # No more threads or memory, or a defect: the result still shows what was changed.
        failure = TaskError(
            f"The task ended unexpectedly: {type(error).__name__}: {error}.",
            hint="Run it again. If this stays, report it with the traceback (-vvv).",
        )
        outcome.failure = {**failure.to_result(), "exception": traceback.format_exc()}
    return outcome


def begin_run(module: ModuleBase[t.Any], outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> Convergence:
    """Return the run of an Operation or a front, which has read nothing yet. The arguments are those of Convergence."""
    make: t.Any = module.convergence or Convergence
    run: Convergence = make(module, outcome, report, clock, sleep)
    return run


def _carry_out(run: Convergence) -> None:
    """Carry out a run. If a signal ends it, report what was done so far: Ctrl-C, or the `timeout` of the task."""
    try:
        run.carry_out()
    except BaseException as error:
        if not isinstance(error, Exception):
            run.stop()
        raise


class Convergence:
    """One run of an Operation.

    A step whose reply is lost, or that was overtaken, is never blindly repeated: the state is read again, and a new plan made
    from it.

    Args:
        operation: The Operation to run.
        outcome: Receives the result.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    _progress_class: t.ClassVar[type[Progress]] = Progress

    def __init__(self, operation: Operation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> None:
        self._operation = operation
        self._session: Session = operation.session
        self._outcome = outcome
        self._progress = self._progress_class(operation, outcome, report, clock)
        self._clock, self._sleep = clock, sleep
        self._retries: int = operation.params["retries"] if operation.retries is None else operation.retries
        # The last step with an unknown outcome, the one that is being applied, and those that took effect.
        self._lost: Step | None = None
        self._applying: Step | None = None
        self._applied: list[Step] = []

    def predict(self) -> None:
        """Look and decide, and let the outcome show the predicted result.

        Raises:
            TaskError: If something cannot be read, or would be refused.
        """
        operation, progress = self._operation, self._progress
        progress.begin(operation.look())
        self._decide()
        state = operation.predict(progress.state, progress.plan)
        self._outcome.changed = bool(progress.plan.steps)
        progress.end(state)

    @property
    def state(self) -> t.Any:
        """The last state."""
        return self._progress.state

    @property
    def applied(self) -> tuple[str, ...]:
        """The keys of the changes that took effect."""
        return tuple(key for step in self._applied for key in step.keys)

    def carry_out(self, known: t.Any = None) -> None:
        """Look, decide, apply and wait.

        Args:
            known: The state if it has been read already; None to read it.

        Raises:
            TaskError: If something fails; the outcome shows what was done before.
        """
        operation, progress = self._operation, self._progress
        progress.begin(operation.look() if known is None else known)
        self._decide()
        self._take_steps()
        last = operation.wait(progress.state)
        if last is not None:
            try:
                self._wait_for(last)
            except UndoneError:
                self._outcome.changed = False
                raise
        progress.end(progress.state)

    @contextmanager
    def announcing(self) -> t.Iterator[None]:
        """Report the long pauses of requests that are sent inside the block."""
        token = ANNOUNCE.set(self._progress.announce)
        try:
            yield
        finally:
            ANNOUNCE.reset(token)

    def stop(self) -> None:
        """Report what was done so far."""
        if self._operation.has_diff:
            self._progress.stop(*self.stopped())

    def stopped(self) -> tuple[list[str], list[str]]:
        """Return what was done so far, and what may have been done, in words."""
        unsure = self._applying or self._lost
        return [*map(_in_words, self._applied)], [] if unsure is None else [_in_words(unsure)]

    def _decide(self) -> None:
        progress, outcome, operation = self._progress, self._outcome, self._operation
        progress.plan = plan = operation.decide(progress.state)
        if outcome.plan is None:
            # People see what the task set out to do; later plans have what is left of it.
            outcome.show_line(plan, operation.line(progress.state, plan), name_project(operation.params))
        outcome.warn(plan)
        progress.show()
        self._refuse(progress.plan)

    def _refuse(self, plan: Plan) -> None:
        """Check that a plan may be carried out; the outcome already shows it.

        Raises:
            TaskError: If the plan has refusals.
        """
        for error in plan.refusals.values():
            raise error

    def _take_steps(self) -> None:
        """Take the steps of the plan in order; after a failure, those of a new plan."""
        steps, failures = list(self._progress.plan.steps), 0
        while steps:
            sent = len(self._session.calls)
            try:
                self._take(steps[0])
            except TaskError as error:
                failures += 1
                self._look_again(steps[0], error, failures)
                steps = list(self._progress.plan.steps)
            except Exception:
                # A defect, or a lack of memory or threads. Failures of a request itself are TaskErrors.
                calls = self._session.calls[sent:]
                self._outcome.changed |= any(call.is_write and call.status is not None for call in calls)
                raise
            else:
                # The failures of each step count separately.
                steps, failures, self._lost = steps[1:], 0, None

    def _take(self, step: Step) -> None:
        """Wait for what must come before a step, and apply it."""
        progress = self._progress
        wait = self._operation.wait(progress.state, step) if step.after is not None else None
        if wait is not None and wait.refused is not None:
            self._wait_for(wait, lambda: self._try(step, wait))
            return
        if wait is not None:
            self._wait_for(wait)
        try:
            self._apply(step)
        except TaskError as error:
            # A refused request has changed nothing, and may be sent again.
            again = None if error.outcome_unknown else self._operation.wait_refused(step, error, progress.state)
            if again is None:
                raise
            self._wait_for(again, lambda: self._try(step, again), pauses_first=True)

    def _try(self, step: Step, wait: Wait[t.Any]) -> bool:
        """Apply a step if the wait for it is done; return whether the step was applied."""
        if not wait.is_done(self._progress.state):
            return False
        try:
            self._apply(step)
        except TaskError as error:
            refused = wait.refused(self._progress.state, error) if wait.refused is not None else None
            if refused is None:
                raise
            self._progress.see(refused, wait)
            return False
        return True

    def _apply(self, step: Step) -> None:
        self._applying = step
        try:
            state = self._operation.apply(step, self._progress.state)
        except Exception:
            self._applying = None
            raise
        self._applied.append(step)
        self._applying, self._outcome.changed = None, True
        self._progress.see(state)

    def _look_again(self, step: Step, error: TaskError, failures: int) -> None:
        """Look and decide again after a step has failed `failures` times.

        Raises:
            TaskError: If the step was refused, or is still needed but may not be sent again.
        """
        operation, progress, outcome = self._operation, self._progress, self._outcome
        passes = may_pass(step, error)
        if not error.outcome_unknown and not passes:
            raise operation.explain(step, error, progress.state) from error.__cause__
        if error.outcome_unknown:
            self._lost = step
        for pause in pauses_before_look(step, error, failures, self._retries):
            if pause:
                progress.announce(operation.service, error, pause)
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
            self._applied.append(self._lost)
            outcome.changed, self._lost = True, None
        if progress.plan.still_needs(step):
            better = operation.explain(step, error, progress.state)
            if better is not error:
                raise better from error
        if progress.plan.steps and (failures > self._retries or not passes):
            raise error

    def _wait_for(self, wait: Wait[t.Any], is_done: t.Callable[[], bool] | None = None, *, pauses_first: bool = False) -> None:
        """Wait until the state meets the condition of a wait, and then for what follows it.

        A poll without an answer shortly before the end does not fail: the wait ends with the last state.

        Args:
            wait: What to wait for.
            is_done: Whether the wait is over; None for `wait.is_done`.
            pauses_first: Whether to pause before the first check, because it is known to fail.

        Raises:
            TaskError: If the time is up, or waiting longer is useless.
        """
        progress = self._progress
        done = is_done or (lambda: wait.is_done(progress.state))
        if pauses_first or not done():
            self._wait_until(wait, done, self._operation.params["wait_timeout"] if wait.seconds is None else wait.seconds)
        following = wait.then(progress.state) if wait.then is not None else None
        if following is not None:
            self._wait_for(following)

    def _pause(self, seconds: float) -> None:
        """Pause before a poll."""
        self._sleep(seconds)

    def _wait_until(self, wait: Wait[t.Any], is_done: t.Callable[[], bool], seconds: float) -> None:
        progress, clock, started = self._progress, self._clock, self._clock()
        progress.times = started, started + seconds
        deadline = started + seconds
        unanswered: TaskError | None = None

        def ask() -> bool:
            nonlocal unanswered
            try:
                progress.see(wait.poll(progress.state), wait)
                unanswered = None
                return is_done()
            except TaskError as error:
                # Before, the client has used all its retries. Near the end, it has no time for them, so that a missing answer is
                # no failure. If the poll may have changed something, the caller must look.
                is_late = error.is_unanswered and not error.outcome_unknown and clock() + LONGEST_PAUSE >= deadline
                if not is_late:
                    raise
                unanswered = error
            return False

        with self._session.within(deadline):
            # Show at once what the user must do.
            progress.see(progress.state, wait)
            try:
                wait_until(
                    ask,
                    timeout=max(0.0, deadline - clock()),
                    longest_interval=self._operation.params["wait_sleep"],
                    clock=clock,
                    sleep=self._pause,
                )
            except WaitTimeoutError as error:
                late = wait.late(progress.state, WaitTimeoutError(clock() - started, unanswered))
                if late is not None:
                    raise late from error


def _in_words(step: Step) -> str:
    return f"{step.action} {', '.join(step.keys)}"


def may_pass(step: Step, error: TaskError) -> bool:
    """Whether a failed step may succeed after another look."""
    # A removal with an odd reply may be repeated; the client has already repeated one without any.
    is_odd_removal = step.action == "delete" and error.outcome_unknown and not error.is_unanswered
    return error.is_transient or isinstance(error, OvertakenError) or is_odd_removal


def pauses_before_look(step: Step, error: TaskError, failures: int, retries: int) -> t.Sequence[float]:
    """Return the seconds to pause before each look after a step has failed.

    Args:
        step: The step.
        error: Its error.
        failures: How often it has failed, including this time.
        retries: How often it may be tried again.
    """
    is_overtaken = isinstance(error, OvertakenError)
    if step.action == "create" and (error.outcome_unknown or is_overtaken):
        return CREATION_PAUSES
    if is_overtaken or (failures > retries and not error.outcome_unknown):
        return (0.0,)
    return (backoff(failures - 1),)
