# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a set on their way: sent side by side, and looked at once together where their outcome is not known."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager
from functools import partial

from .._http.errors import AtlasError
from .._http.pauses import StoppedError
from .._http.threads import Ended, Workers
from .failed import may_pass, pauses_before_look
from .outcome import Outcome
from .plan import Plan, Step
from .set_operation import SetOperation
from .set_progress import SetProgress
from .wait import Sleep


class SetSteps:
    """Sends the steps of one run.

    Args:
        operation: What runs.
        progress: How far it has come.
        outcome: Takes whether something was changed.
        decide: Makes a new plan from the present state.
        sleep: Sleeps that many seconds.

    Attributes:
        pending: The steps that were not sent yet, in their order.
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
        self._workers: Workers[Step, t.Any] = Workers(operation.params["parallel"])
        self._running: list[Step] = []
        # The steps of which nobody knows what became of them, and why.
        self._unsure: list[tuple[Step, AtlasError]] = []
        # How often each step has failed.
        self._tries: dict[tuple[str, ...], int] = {}

    @property
    def blocked(self) -> list[Step]:
        """The steps that wait for something of this task's own, and are not held back by a refusal."""
        return [step for step in self.pending if not self._operation.waiter.is_held(step, self._progress.state)]

    @contextmanager
    def working(self) -> t.Iterator[None]:
        """Have threads for sending. If the run ends in the middle, what was on its way is taken in, so that it is known."""
        with self._workers:
            try:
                yield
            except BaseException as error:
                for ended in self._workers.drain():
                    self._take_in_late(ended)
                self._give_up_rest()
                if not isinstance(error, Exception):
                    self._progress.stop()
                raise

    def send_ready(self) -> None:
        """Send all that can be sent, until nothing is on its way and nobody has to look."""
        while True:
            self._submit_ready()
            if self._running:
                self._take_in()
            elif self._unsure:
                self._look_at_unsure()
            else:
                return

    def give_up(self, keys: tuple[str, ...], error: AtlasError) -> None:
        """Take down that changes have failed for good, and send nothing more for them."""
        self.pending = [step for step in self.pending if step.keys != keys]
        self._see(self._operation.give_up(keys, error, self._progress.state))

    def _submit_ready(self) -> None:
        operation, is_news, limit = self._operation, True, self._operation.params["parallel"]
        while is_news:
            is_news = False
            for step in list(self.pending):
                try:
                    # No more than can run: a refusal may hold back those that come after it.
                    is_ready = (
                        len(self._running) < limit
                        and step in self.pending
                        and operation.waiter.is_ready(step, self._progress.state, self._running)
                    )
                except AtlasError as error:
                    # Others may need what this one will not give up now.
                    self.give_up(step.keys, error)
                    is_news = True
                    continue
                if is_ready:
                    self.pending.remove(step)
                    self._running.append(step)
                    self._workers.submit(step, partial(operation.send, step, self._progress.state))

    def _take_in(self) -> None:
        """Take what came of the next step that ends."""
        operation, progress = self._operation, self._progress
        ended = t.cast("Ended[Step, t.Any]", self._workers.next())
        step, error = ended.key, ended.error
        if error is not None and not isinstance(error, AtlasError):
            raise error
        self._running.remove(step)
        if error is None:
            self._tries.pop(step.keys, None)
            self._outcome.changed = True
            self._see(operation.record(step, ended.result(), progress.state))
            return
        held = operation.waiter.hold(step, error, progress.state)
        if held is not None:
            self.pending.insert(0, step)
            self._see(held)
        elif error.outcome_unknown or may_pass(step, error):
            self._unsure.append((step, error))
        else:
            self.give_up(step.keys, operation.explain(step, error, progress.state))

    def _take_in_late(self, ended: Ended[Step, t.Any]) -> None:
        """Take down what a step has done that was on its way when the run ended."""
        self._running.remove(ended.key)
        if ended.error is None:
            self._outcome.changed = True
            self._see(self._operation.record(ended.key, ended.result(), self._progress.state))
        elif isinstance(ended.error, AtlasError):
            self._unsure.append((ended.key, ended.error))

    def _give_up_rest(self) -> None:
        """Take down that what was not done by now will not be, or is not known to be."""
        for step in (*self._running, *self.pending):
            self.give_up(step.keys, StoppedError())
        for step, error in self._unsure:
            self._outcome.changed |= error.outcome_unknown
            self.give_up(step.keys, error)

    def _look_at_unsure(self) -> None:
        """Look once for all steps that may have taken effect, or may be of no use any more, and decide again."""
        pauses, retries = t.cast("t.Sequence[float]", (0.0,)), self._operation.params["retries"]
        for step, error in self._unsure:
            self._tries[step.keys] = tries = self._tries.get(step.keys, 0) + 1
            pauses = max(pauses, pauses_before_look(step, error, tries, retries), key=sum)
        for pause in pauses:
            if pause:
                self._sleep(pause)
            self._see(self._operation.look_again(self._progress.state))
            self._decide()
            if not any(self._progress.plan.still_needs(step) for step, error in self._unsure):
                break
        unsure, self._unsure = self._unsure, []
        self.pending = list(self._progress.plan.steps)
        for step, error in unsure:
            self._settle(step, error)
        for step in list(self.pending):
            self._check_planned(step)

    def _settle(self, step: Step, error: AtlasError) -> None:
        """Take down what has become of a step, now that its objects were looked at."""
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
        """Take a step of a later plan out if the first plan did not have it: a task does no more than it has shown at first."""
        if not {change.key for change in self.planned.changes}.issuperset(step.keys):
            self.pending.remove(step)
        elif step in self.pending and step.action == "delete" and not self.planned.still_needs(step):
            text = "What is there has changed while this task ran, and would have to be removed now."
            self.give_up(step.keys, AtlasError(text, hint="Run the task again."))
