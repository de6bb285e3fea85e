# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""From options to outcome: look, decide, apply step by step, wait. The engine: it knows no resource and no client."""

from __future__ import annotations

import time
import traceback
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.redact import redacted
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.retry import LONGEST_BACKOFF, backoff

from .operation import Operation, Session, Wait
from .options import Parameters
from .outcome import Outcome
from .plan import Needs, Plan, Step
from .wait import StatusHistory, WaitTimeoutError, wait_until

# The seconds to pause before each look after a creation that got no clear answer: what lists show may lag behind.
CREATION_PAUSES = (2.0, 4.0)

Report = t.Callable[[str], None]
Clock = t.Callable[[], float]
Sleep = t.Callable[[float], None]
Result = t.TypeVar("Result")


def execute(
    operation: type[Operation[t.Any, t.Any]],
    params: Parameters,
    *,
    check_mode: bool,
    report: Report = lambda line: None,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Outcome:
    """Run an Operation; a failure is an outcome, too, and not an exception.

    Args:
        operation: What to do.
        params: The options, validated against its argument spec and with their defaults.
        check_mode: Whether to predict only.
        report: Takes a line for the user while the task waits.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """
    outcome = Outcome()
    try:
        validate = operation.validate_prediction if check_mode else operation.validate
        params, outcome.warnings = validate(params)
        with operation.connect(params, outcome.warnings.append) as session:
            outcome.api_calls = session.calls
            try:
                _Run(operation(params, session, clock), outcome, report, clock, sleep).run(check_mode=check_mode)
            finally:
                outcome.secrets.update(session.secrets)
    except AtlasError as error:
        outcome.failure = error.to_result()
    except Exception as error:
        # No thread could be started, no memory was left, or there is a defect here: the result still tells what was changed.
        failure = AtlasError(
            f"The task ended unexpectedly: {type(error).__name__}: {error}.",
            hint="Run it again. If this stays, report it with the traceback (-vvv).",
        )
        outcome.failure = {**failure.to_result(), "exception": traceback.format_exc()}
    return outcome


class _Run:
    """One run of an Operation. It alone writes the outcome.

    A step whose reply is lost, or that somebody else has overtaken, is never simply sent again: the state is read, and a new
    plan is made from what is there then, right before that is sent.
    """

    def __init__(self, operation: Operation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> None:
        self._operation = operation
        self._session: Session = operation.session
        self._outcome = outcome
        self._clock = clock
        self._sleep = sleep
        self._history = StatusHistory(operation.name, lambda line: report(_clean(line, self._session.secrets)), clock)
        self._plan = Plan()
        self._state: t.Any = None
        self._first: t.Any = None
        # The last step of which nobody knows whether it took effect.
        self._lost: Step | None = None

    def run(self, *, check_mode: bool) -> None:
        operation, outcome = self._operation, self._outcome
        self._look_and_decide(operation.look_ahead if check_mode else operation.look)
        if check_mode:
            self._state = self._with_facts(lambda: operation.predict(self._state, self._plan, operation.facts))
            outcome.changed = bool(self._plan.steps)
            self._publish()
        else:
            self._carry_out()
            last = operation.wait(self._state)
            if last is not None:
                self._wait_for(last)
            self._state = operation.end(self._state)
            self._publish()
        if operation.keeps_history and operation.params["wait"]:
            outcome.values["status_history"] = self._history.entries

    def _look_and_decide(self, look: t.Callable[[], t.Any]) -> None:
        state = look()
        self._first = state if self._first is None else self._first
        self._see(state)
        self._plan = self._with_facts(lambda: self._operation.decide(self._state, self._operation.facts))
        warnings = self._outcome.warnings
        warnings += [one for one in self._plan.warnings if one not in warnings]
        self._publish()

    def _with_facts(self, decide: t.Callable[[], Result]) -> Result:
        """Decide, and read what that asks for, until it asks for nothing more."""
        while True:
            try:
                return decide()
            except Needs as needs:
                self._operation.ask(needs.need)

    def _see(self, state: t.Any, wait: Wait[t.Any] | None = None) -> None:
        """Take down the present state, so that a failure tells how far the task got."""
        self._state = state
        status = self._operation.status(state, wait)
        if status is not None:
            self._history.record(status.name, status.to_do, wait.goal if wait is not None else "")
        self._publish()

    def _publish(self) -> None:
        operation, outcome = self._operation, self._outcome
        outcome.values = operation.show(self._state, self._plan)
        if operation.has_diff:
            outcome.before = _comparable(operation.noun, operation.show(self._first, self._plan))
            outcome.after = _comparable(operation.noun, outcome.values)

    def _carry_out(self) -> None:
        """Send the steps, one after the other."""
        steps, failures = list(self._plan.steps), 0
        while steps:
            sent = len(self._session.calls)
            try:
                self._send(steps[0])
            except AtlasError as error:
                failures += 1
                self._look_again(steps[0], error, failures)
                steps = list(self._plan.steps)
            except Exception:
                # A defect, or a lack of memory or threads. What hits a request itself after it was sent is an AtlasError.
                calls = self._session.calls[sent:]
                self._outcome.changed |= any(call.method != "GET" and call.status is not None for call in calls)
                raise
            else:
                # Of many steps, each may fail now and then.
                steps, failures, self._lost = steps[1:], 0, None

    def _send(self, step: Step) -> None:
        wait = self._operation.wait(self._state, step) if step.after is not None else None
        if wait is None or wait.refused is None:
            if wait is not None:
                self._wait_for(wait)
            self._apply(step)
            return
        self._wait_for(wait, lambda: self._try(step, wait))

    def _try(self, step: Step, wait: Wait[t.Any]) -> bool:
        """Send a step if its time has come, and return whether it was carried out."""
        if not wait.is_done(self._state):
            return False
        try:
            self._apply(step)
        except AtlasError as error:
            refused = wait.refused(self._state, error) if wait.refused is not None else None
            if refused is None:
                raise
            self._see(refused, wait)
            return False
        return True

    def _apply(self, step: Step) -> None:
        state = self._operation.apply(step, self._state)
        self._outcome.changed = True
        self._see(state)

    def _look_again(self, step: Step, error: AtlasError, failures: int) -> None:
        """Look and decide again after a step failed.

        Raises:
            AtlasError: If that is of no use: the step was refused, or would have to be sent too often.
        """
        operation, outcome = self._operation, self._outcome
        # A removal that got an odd answer can be asked for again; one that got none has been, by the client.
        is_odd_removal = step.action == "delete" and error.outcome_unknown and not error.is_unanswered
        may_pass = error.is_transient or error.is_lost_race or is_odd_removal
        if not error.outcome_unknown and not may_pass:
            raise operation.explain(step, error, self._state) from error.__cause__
        if error.outcome_unknown:
            self._lost = step
        pauses: t.Sequence[float] = (backoff(failures - 1) if may_pass and failures <= operation.retries else 0.0,)
        if step.action == "create" and (error.outcome_unknown or error.is_lost_race):
            pauses = CREATION_PAUSES
        for pause in pauses:
            if pause:
                self._sleep(pause)
            try:
                self._look_and_decide(operation.look)
            except Exception:
                outcome.changed = outcome.changed or self._lost is not None
                raise
            if not self._plan.still_needs(step):
                break
        if self._lost is not None and not self._plan.still_needs(self._lost):
            # It took effect, at least in part.
            outcome.changed, self._lost = True, None
        if self._plan.still_needs(step):
            better = operation.explain(step, error, self._state)
            if better is not error:
                raise better from error
        if self._plan.steps and (failures > operation.retries or not may_pass):
            raise error

    def _wait_for(self, wait: Wait[t.Any], is_done: t.Callable[[], bool] | None = None) -> None:
        """Wait until the state will do.

        If nobody answers shortly before the time is up, that is what the wait ends with, after the last state that was seen.

        Args:
            wait: What to wait for.
            is_done: Whether to end the wait; None for what the wait itself says.

        Raises:
            AtlasError: If the time is up, or waiting on is in vain.
        """
        is_done = is_done or (lambda: wait.is_done(self._state))
        if wait.polls_at_once:
            self._see(wait.poll(self._state))
        if is_done():
            return
        params, clock, started = self._operation.params, self._clock, self._clock()
        deadline = started + (params["wait_timeout"] if wait.seconds is None else wait.seconds)
        unanswered: AtlasError | None = None

        def ask() -> bool:
            nonlocal unanswered
            try:
                self._see(wait.poll(self._state), wait)
                unanswered = None
                return is_done()
            except AtlasError as error:
                # Earlier, the client has tried as often as it may. By now, it has less time than that.
                is_late = error.is_unanswered and clock() + LONGEST_BACKOFF >= deadline
                if not is_late and not (wait.is_patient and error.is_transient):
                    raise
                unanswered = error
            return False

        with self._session.within(deadline):
            # Where somebody has to act is told at once.
            self._see(self._state, wait)
            try:
                wait_until(
                    ask,
                    bool,
                    timeout=max(0.0, deadline - clock()),
                    longest_interval=params["wait_sleep"],
                    clock=clock,
                    sleep=self._sleep,
                )
            except WaitTimeoutError as error:
                error.waited, error.unanswered = clock() - started, unanswered
                late = wait.late(self._state, error)
                if late is not None:
                    raise late from error


def _comparable(noun: str, values: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any] | None:
    """Return what diff mode compares: an object as it is, and a list under its noun."""
    value = values.get(noun)
    return value if value is None or isinstance(value, dict) else {noun: value}


def _clean(line: str, secrets: t.Iterable[str]) -> str:
    """Return a line for the user's terminal: without secrets, and without characters that a terminal would act on."""
    return "".join(one if one.isprintable() else "�" for one in redacted(line, secrets))
