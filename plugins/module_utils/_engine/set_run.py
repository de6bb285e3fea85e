# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of a SetOperation: its progress, its steps in parallel, and the waits in between."""

from __future__ import annotations

import time
import typing as t
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from .._http.errors import StoppedError, TaskError
from .._http.pauses import Clock, Sleep
from .._http.threads import Ended, Workers
from .outcome import REPORT_INTERVAL, Outcome, Progress, Report, StatusHistory
from .plan import Plan, Step
from .run import Convergence, may_pass, pauses_before_look
from .set_operation import SetHistory, SetOperation
from .wait import GONE, Wait, WaitTimeoutError

# The error of a step whose request was on its way when a signal ended the run.
_ON_ITS_WAY = TaskError("The task was stopped before the reply came.", hint="Run it again.", outcome_unknown=True)
# The goal of the wait in which refused steps are sent again.
REPEATED = "taken"


class SetProgress(Progress):
    """The progress of a set, for the outcome and for the user.

    Args:
        operation: The Operation that runs.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    _operation: SetOperation[t.Any, t.Any]

    def __init__(self, operation: SetOperation[t.Any, t.Any], outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(operation, outcome, report, clock)
        self._entries: list[StatusHistory] = []
        self._line, self._reported = "", clock()
        self._unplanned = self.plan

    def see(self, state: t.Any, wait: Wait[t.Any] | None = None) -> None:
        """Record the current state. With a `wait`, report changes, and once a minute that there are none."""
        self.state = state
        for index, status in enumerate(t.cast(SetHistory, self._operation.summary).statuses(state)):
            if index == len(self._entries):
                self._entries.append(StatusHistory("", self._clock))
            self._entries[index].record(status)
        line = self._operation.waiter.line(state) if wait is not None else ""
        now = self._clock()
        if line and (line != self._line or now - self._reported >= REPORT_INTERVAL):
            self._line, self._reported = line, now
            self._tell_waiting(line)
        self.show()

    def _tell_waiting(self, line: str) -> None:
        """Report what the task waits for, and for how long."""
        now, (since, until) = self._clock(), self.times
        self.tell(f"{self._operation.name}: {line}; {now - since:.0f} s waited, {max(0.0, until - now):.0f} s left")

    @property
    def has_plan(self) -> bool:
        """Whether there is a plan."""
        return self.plan is not self._unplanned

    def show(self) -> None:
        """Let the result show the current state, once there is a plan."""
        if self.has_plan:
            super().show()

    def _compare(self) -> None:
        """Let diff mode show each change."""
        self._outcome.diff = self._operation.summary.diff(self.state, self.plan)

    def end(self, state: t.Any) -> None:
        """Let the result show the last state and, with the option `wait`, the history of each entry's states."""
        super().end(state)
        if self._operation.params["wait"]:
            self._outcome.values["status_history"] = [history.entries for history in self._entries]


class SetSteps:
    """Sends the steps of one run.

    Args:
        operation: The Operation that runs.
        progress: Its progress, with the current state and plan.
        outcome: Receives whether something was changed.
        decide: Makes a new plan from the current state.
        sleep: Sleeps that many seconds.

    Attributes:
        pending: The steps that are not sent yet, in order.
        planned: The first plan.
    """

    def __init__(
        self,
        operation: SetOperation[t.Any, t.Any],
        progress: SetProgress,
        outcome: Outcome,
        decide: t.Callable[[], None],
        sleep: Sleep,
    ) -> None:
        self.pending: list[Step] = []
        self.planned = Plan()
        self._operation = operation
        self._progress = progress
        self._see: t.Callable[[t.Any], None] = progress.see
        self._outcome = outcome
        self._decide, self._sleep = decide, sleep
        self._limit: int = operation.threads or operation.params["parallel"]
        self._workers: Workers[Step, t.Any] = Workers(self._limit)
        self._running: list[Step] = []
        # The steps whose outcome is unknown, and why.
        self._unsure: list[tuple[Step, TaskError]] = []
        # How often each step has failed.
        self._tries: dict[tuple[str, ...], int] = {}

    @property
    def blocked(self) -> list[Step]:
        """The pending steps that wait for other steps of this task, and not because of a refusal."""
        return [step for step in self.pending if not self._operation.gate.is_held(step, self._progress.state)]

    @contextmanager
    def working(self) -> t.Iterator[None]:
        """Start the threads for sending. If the run ends early, record the results of the steps that were running."""
        with self._workers:
            try:
                yield
            except BaseException:
                for ended in self._workers.drain():
                    self._take_in_late(ended)
                self._give_up_rest()
                raise

    @property
    def running(self) -> t.Sequence[Step]:
        """The steps that are being sent."""
        return self._running

    def send_ready(self) -> None:
        """Send all steps that are ready, until only runs of their own are running and no outcome is unknown."""
        while True:
            self._submit_ready()
            if not all(step.is_run for step in self._running):
                self._take_in()
            elif self._running and self._take_in(0.0):
                continue
            elif self._unsure:
                self._look_at_unsure()
            else:
                return

    def pause(self, seconds: float, is_done: t.Callable[[], bool]) -> None:
        """Pause before a poll. While steps are running, record their results, and send what becomes ready.

        Args:
            seconds: How long to pause.
            is_done: Whether there is nothing to pause for any more; asked after each step that has ended.
        """
        until = time.monotonic() + seconds
        while self._running:
            left = until - time.monotonic()
            if left <= 0 or not self._take_in(left):
                return
            self.send_ready()
            if is_done():
                return
        self._sleep(seconds)

    def give_up(self, keys: tuple[str, ...], error: TaskError) -> None:
        """Record that the changes with these keys have finally failed, and drop their steps."""
        self.pending = [step for step in self.pending if step.keys != keys]
        self._see(self._operation.give_up(keys, error, self._progress.state))

    def _submit_ready(self) -> None:
        operation, is_news, limit = self._operation, True, self._limit
        while is_news:
            is_news = False
            # To compare steps, and not their keys, takes seconds for a list of hundreds.
            dropped: set[tuple[str, ...]] = set()
            for step in list(self.pending):
                if len(self._running) >= limit:
                    # Submit no more than can run at once: a refusal may hold back the steps after it.
                    break
                if step.keys in dropped:
                    continue
                try:
                    is_ready = operation.gate.is_ready(step, self._progress.state, self._running)
                except TaskError as error:
                    # Other steps may have waited for this one.
                    self.give_up(step.keys, error)
                    dropped.add(step.keys)
                    is_news = True
                    continue
                if is_ready:
                    self.pending = [one for one in self.pending if one is not step]
                    self._running.append(step)
                    self._workers.submit(step, partial(operation.send, step, self._progress.state), is_long=step.is_run)

    def _take_in(self, seconds: float | None = None) -> bool:
        """Wait for the next step to end, and record its result; return whether one has ended in time (None for no limit)."""
        operation, progress = self._operation, self._progress
        ended = self._workers.next(seconds)
        if ended is None:
            return False
        step, error = ended.key, ended.error
        if error is not None and not isinstance(error, TaskError):
            raise error
        self._running.remove(step)
        if error is None:
            self._tries.pop(step.keys, None)
            self._record(step, ended.result())
            return True
        held = operation.gate.hold(step, error, progress.state)
        if held is not None:
            self.pending.insert(0, step)
            self._see(held)
        elif not step.is_run and (error.outcome_unknown or may_pass(step, error)):
            self._unsure.append((step, error))
        else:
            self._outcome.changed |= error.outcome_unknown
            self.give_up(step.keys, operation.explain(step, error, progress.state))
        return True

    def _record(self, step: Step, reply: t.Any) -> None:
        """Record the reply to a step. A run of its own may have found that nothing was left to do."""
        before = self._progress.state
        after = self._operation.record(step, reply, before)
        self._outcome.changed |= not step.is_run or after.done != before.done
        self._see(after)

    def _take_in_late(self, ended: Ended[Step, t.Any]) -> None:
        """Record the result of a step that was running when the run ended."""
        self._running.remove(ended.key)
        if ended.error is None:
            self._record(ended.key, ended.result())
        elif isinstance(ended.error, TaskError):
            self._unsure.append((ended.key, ended.error))

    def _give_up_rest(self) -> None:
        """Record all other steps as failed: they were not sent, or their outcome is unknown."""
        for step in (*self._running, *self.pending):
            self.give_up(step.keys, _ON_ITS_WAY if step is self._workers.interrupted else StoppedError())
        for step, error in self._unsure:
            self._outcome.changed |= error.outcome_unknown
            self.give_up(step.keys, error)

    def _look_at_unsure(self) -> None:
        """Look and decide again, for all steps with an unknown outcome or a transient failure together."""
        pauses, retries = t.cast("t.Sequence[float]", (0.0,)), self._operation.params["retries"]
        for step, error in self._unsure:
            self._tries[step.keys] = tries = self._tries.get(step.keys, 0) + 1
            pauses = max(pauses, pauses_before_look(step, error, tries, retries), key=sum)
        for pause in pauses:
            if pause:
                self._progress.announce(self._operation.service, self._unsure[-1][1], pause)
                self._sleep(pause)
            self._see(self._operation.look_again(self._progress.state))
            self._decide()
            if not any(self._progress.plan.still_needs(step) for step, error in self._unsure):
                break
        unsure, self._unsure = self._unsure, []
        running = {step.keys for step in self._running}
        self.pending = [step for step in self._progress.plan.steps if step.keys not in running]
        for step, error in unsure:
            self._settle(step, error)
        for step in list(self.pending):
            self._check_planned(step)

    def _settle(self, step: Step, error: TaskError) -> None:
        """Record the result of a failed step after another look: done, failed, or still pending."""
        operation, progress = self._operation, self._progress
        if not progress.plan.still_needs(step):
            if error.outcome_unknown:
                self._outcome.changed = True
                self._see(operation.record(step, None, progress.state))
            return
        better = operation.explain(step, error, progress.state)
        if better is not error or self._tries[step.keys] > operation.params["retries"] or not may_pass(step, error):
            self.give_up(step.keys, better)

    def _check_planned(self, step: Step) -> None:
        """Drop a step of a later plan whose changes are not in the first one: a task does no more than that has shown."""
        if not {change.key for change in self.planned.changes}.issuperset(step.keys):
            self.pending.remove(step)
        elif step in self.pending and step.action == "delete" and not self.planned.still_needs(step):
            text = "What is there has changed while this task ran, and would have to be removed now."
            self.give_up(step.keys, TaskError(text, hint="Run the task again."))


class SetConvergence(Convergence):
    """One run of a SetOperation.

    Args:
        operation: The Operation to run.
        outcome: Receives the result.
        report: Takes lines for the user.
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
        # Whether the current wait is over.
        self._is_over: t.Callable[[], bool] = lambda: False

    def predict(self) -> None:
        """Look and decide, and let the outcome show the predicted result.

        Raises:
            TaskError: If something cannot be read, the plan is refused, or an entry has failed already.
        """
        super().predict()
        self._raise_failure()

    def carry_out(self, known: t.Any = None) -> None:
        """Look, decide, send and wait.

        Args:
            known: The state if it has been read already; None to read it.

        Raises:
            TaskError: If the plan is refused; or, after all else is done and in the outcome, if an entry has failed.
        """
        operation, progress, steps = self._operation, self._progress, self._steps
        progress.begin(operation.look() if known is None else known)
        self._decide()
        steps.planned, steps.pending = progress.plan, list(progress.plan.steps)
        for key, error in progress.plan.failures.items():
            steps.give_up((key,), error)
        params = operation.params
        with operation.session.side_by_side(params["parallel"], float(params["wait_timeout"])), steps.working():
            self._go_through()
        progress.end(progress.state)
        self._raise_failure()

    def _go_through(self) -> None:
        """Send the steps and wait: first for what is in the way of some, then for refused ones to be taken, then for the goal."""
        gate, progress, steps = self._operation.gate, self._progress, self._steps
        self._wait(GONE, lambda: not steps.blocked)
        seconds = gate.repeats(progress.state)
        if seconds:
            self._wait(REPEATED, lambda: not gate.repeats(progress.state), seconds)
        goal = self._operation.params["wait_for"].upper()
        self._wait(goal, lambda: not steps.pending and self._operation.waiter.is_settled(progress.state))

    def _pause(self, seconds: float) -> None:
        """Pause before a poll; meanwhile, steps that are running go on."""
        self._steps.pause(seconds, self._is_over)

    def stopped(self) -> tuple[list[str], list[str]]:
        """Return what was done so far, and what may have been done, in words."""
        state = self._progress.state
        return ([], []) if state is None else self._operation.summary.stopped(state)

    def _refuse(self, plan: Plan) -> None:
        """Check that a plan may be carried out. In a later plan, refused and failed entries of the first one are given up.

        Raises:
            TaskError: If the first plan is refused.
        """
        progress, planned = self._progress, self._owners(self._steps.planned)
        if plan.refusals and not planned:
            raise self._operation.summary.refusal(progress.state, plan)
        progress.plan = replace(plan, refusals={})
        errors = {**plan.failures, **plan.refusals}
        for key in planned & errors.keys():
            self._steps.give_up((key,), errors[key])
        progress.show()

    def _owners(self, plan: Plan) -> set[str]:
        """Return the keys under which refusals and failures concern the changes of a plan."""
        return {change.key for change in plan.changes}

    def _raise_failure(self) -> None:
        failure = self._operation.summary.failure(self._progress.state)
        if failure is not None:
            raise failure

    def _wait(self, goal: str, is_done: t.Callable[[], bool], seconds: float | None = None) -> None:
        """Send the ready steps and poll, until `is_done` or the time is up (`seconds`, or `wait_timeout` if None)."""

        def advance() -> bool:
            self._steps.send_ready()
            return is_done()

        self._is_over = is_done

        def late(state: t.Any, error: WaitTimeoutError) -> None:
            self._give_up_late(goal, error)

        waiter = self._operation.waiter
        self._wait_for(Wait(goal, waiter.poll, waiter.is_settled, late, seconds), advance)

    def _give_up_late(self, goal: str, error: WaitTimeoutError) -> None:
        """Give up on what a wait has not reached, when its time is up."""
        operation, progress, steps = self._operation, self._progress, self._steps
        if goal == REPEATED:
            # Each refused step fails with its last refusal.
            return
        for step in steps.blocked if goal == GONE else steps.pending:
            steps.give_up(step.keys, operation.gate.blocked(step, progress.state, error))
        if goal != GONE:
            progress.see(operation.waiter.late(progress.state, error))
