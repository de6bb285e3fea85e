# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of what a module does, from options to outcome; that of an Operation, and what a failed step may still come to."""

from __future__ import annotations

import time
import traceback
import typing as t

from .._http.errors import OvertakenError, TaskError
from .._http.pauses import Clock, Sleep, backoff
from .operation import ModuleBase, Operation, Session
from .options import Parameters
from .outcome import SILENT, Lines, Outcome, Report
from .plan import Plan, Step

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .side import AnyState

# In seconds, the pauses before each look after a creation without a clear reply: Atlas's lists may lag behind.
CREATION_PAUSES = (2.0, 4.0)


def execute(
    operation: type[ModuleBase[Session]],
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
                with run.lines.announcing():
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


class Run(t.Protocol):
    """One run of what a module does."""

    @property
    def lines(self) -> Lines:
        """What reports lines for the user."""

    def predict(self) -> None:
        """Let the outcome show what would be done."""

    def carry_out(self) -> None:
        """Do it, and let the outcome show what was done."""

    def stop(self) -> None:
        """Report what was done so far: a signal has ended the run."""


def begin_run(module: ModuleBase[Session], outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> Run:
    """Return the run of an Operation or a front, which has read nothing yet. The arguments are those of Engine."""
    if module.engine is not None:
        return module.engine(t.cast("AnyFront", module), outcome, report, clock, sleep)
    return ReadingRun(t.cast("Operation[Session, AnyState]", module), outcome, report, clock)


def _carry_out(run: Run) -> None:
    """Carry out a run. If a signal ends it, report what was done so far: Ctrl-C, or the `timeout` of the task."""
    try:
        run.carry_out()
    except BaseException as error:
        if not isinstance(error, Exception):
            run.stop()
        raise


class ReadingRun:
    """One run of an Operation, which only reads: it looks, decides, and shows. Check mode does the same.

    Args:
        operation: The Operation to run.
        outcome: Receives the result.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, operation: Operation[Session, AnyState], outcome: Outcome, report: Report, clock: Clock) -> None:
        self.lines = Lines(operation, report, clock)
        self._operation, self._outcome = operation, outcome

    def carry_out(self) -> None:
        """Look and decide, and let the outcome show what was read.

        Raises:
            TaskError: If something cannot be read, or what was read is a failure of the task.
        """
        operation, outcome = self._operation, self._outcome
        state = operation.look()
        outcome.show(operation.show(state, Plan()))
        plan = operation.decide(state)
        outcome.warn(plan)
        outcome.show(operation.show(state, plan))
        for error in plan.refusals.values():
            raise error

    predict = carry_out

    def stop(self) -> None:
        """Report nothing: nothing was changed."""


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
