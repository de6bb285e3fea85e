# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a stage: sends the steps that are ready, waits, polls, looks again, and passes on the results."""

from __future__ import annotations

import math
import typing as t
from functools import partial

from .._http.errors import TaskError
from .._http.pauses import CompletedCall, Sleep
from .intake import Intake
from .ledger import Ledger
from .plan import Step, grouped
from .side import AnySide, Call, Owner, ReplyValue, Target

if t.TYPE_CHECKING:
    from .._http.threads import Workers
    from .front import AnyFront
    from .intake import Search
    from .ledger import PendingWait
    from .outcome import Outcome, RunProgress
    from .plan import Planning
    from .state_reader import StateReader

    Jobs = t.Union["InTurn", Workers[Target, ReplyValue]]


class InTurn:
    """Sends one step at a time, in this thread."""

    def __init__(self) -> None:
        self._job: tuple[Target, Call] | None = None

    def submit(self, target: Target, call: Call, *, is_long: bool) -> None:
        """Keep a call for `next`."""
        self._job = (target, call)

    def next(self, seconds: float | None = None) -> CompletedCall[Target, ReplyValue] | None:
        """Make the call, and return how it has ended; None if there is none."""
        if self._job is None:
            return None
        (target, call), self._job = self._job, None
        return CompletedCall(target, call)

    def drain(self) -> list[CompletedCall[Target, ReplyValue]]:
        """Return nothing: the only call is over, or was interrupted."""
        return []


class Loop:
    """Runs the stages of a run.

    In each turn, it evaluates the owners that have changed, sends the steps that are ready, and passes on the result of one that
    has ended; if none is running, it sleeps until something is due.

    Args:
        front: The front that runs.
        intake: Its parts are this loop's, too.
        jobs: Sends steps.
        sleep: Sleeps that many seconds.

    Attributes:
        intake: Handles the results.
        ledger: Has the steps.
    """

    def __init__(self, front: AnyFront, intake: Intake, jobs: Jobs, sleep: Sleep) -> None:
        self._front, self._context, self._clock = front, front.context, front.clock
        self._sides: dict[str, AnySide] = {side.name: side for side in front.sides}
        self.ledger, self._waits, self._reader = intake.ledger, intake.waits, intake.reader
        self._ready, self._searches, self._progress = intake.ready, intake.searches, intake.progress
        self.intake, self._jobs, self._sleep = intake, jobs, sleep
        self._are_long = len(front.sides) > 1 or not front.sides[0].has_short_steps
        # How many steps were sent, and how many requests before those that are running.
        self._sent = self._calls = 0

    def run(self, stage: str, seconds: float | None, *, is_last: bool) -> None:
        """Run a stage until nothing is being sent or in doubt, and every wait has ended that may not outlast it.

        Args:
            stage: The name of the stage.
            seconds: Its time; None if each wait has its own.
            is_last: Whether all waits end with it.
        """
        self._waits.begin(stage, seconds, self.ledger.refused, is_last=is_last)
        self.intake.deadlines = dict.fromkeys(self.intake.deadlines, math.inf)
        self.intake.news = {(side.name, owner): None for side in self._front.sides for owner in side.states}
        while True:
            self._advance()
            running = self._context.running
            if not running and not self._searches and self._waits.is_over():
                return
            busy = self._busy()
            if not self._searches and not busy:
                # What is sent before may take long: a list of hundreds, or the pauses for a rate limit.
                self._start()
            due = min(self._waits.due_at(busy), self._searches.due_at())
            wakes = min(due, self._progress.wakes_at()) if running and self._are_long else due
            if running:
                sent = self._jobs.next(None if wakes == math.inf else max(0.0, wakes - self._clock()))
                if sent is not None:
                    self._take(sent)
                    continue
                self._progress.wake()
            elif due > self._clock():
                self._sleep(due - self._clock())
            # A clock of a test need not agree with what sleeps.
            self._act(max(self._clock(), wakes))

    def _start(self) -> None:
        """Start the time of the stage, and show what is waited for."""
        pending = self._waits.start()
        if pending is not None:
            self._progress.see((), pending.waiting, self._waits.shown_end_of(pending))

    def drain(self) -> None:
        """Start no more steps, and record those that have ended or are still running."""
        for sent in self._jobs.drain():
            step = self._context.running.pop(sent.key)
            if sent.error is None:
                self.intake.record(step, sent.result())
            elif isinstance(sent.error, TaskError):
                self.ledger.doubt(sent.key, step, sent.error)
        self.ledger.fail_open()

    # Sending.

    def _advance(self) -> None:
        """Evaluate the owners that have changed, and send the steps that are ready."""
        while True:
            while self.intake.news:
                news, self.intake.news = self.intake.news, {}
                for target in news:
                    self._ready.remove(target)
                    step = self._evaluate(target)
                    if step is not None:
                        self._ready.add(target, step, self._sent)
            taken = self._ready.take()
            if taken is None:
                break
            target, step, sent = taken
            # A step sent since may have taken the last place.
            if sent == self._sent or self._evaluate(target) is step:
                self._send(target, step)
        if self.ledger.doubts:
            self._searches.begin(self._is_busy)

    def _evaluate(self, target: Target) -> Step | None:
        """Return the step of an owner that can be sent now; None if it waits for something, or has none."""
        side, owner = self._sides[target[0]], target[1]
        ledger, is_sent = self.ledger, target in self._context.running
        if owner not in side.states or is_sent or target in ledger.refused or target in ledger.doubts or target in ledger.failed:
            return None
        step = ledger.next_step(target)
        try:
            waiting = side.wait(owner, step)
        except TaskError as error:
            self.intake.fail(target, step, error)
            return None
        if waiting is None:
            self._waits.drop(target)
            return step
        self.intake.keep(target, waiting)
        return None

    def _send(self, target: Target, step: Step) -> None:
        call = self._sides[target[0]].request(step)
        if not self._context.running:
            self._calls = len(self._front.session.calls)
        if target in self.intake.deadlines:
            call = partial(self._reader.within, self.intake.deadlines[target], call)
        self._context.running[target] = step
        self._sent += 1
        self._jobs.submit(target, call, is_long=self._are_long)

    def _is_busy(self, side: AnySide) -> bool:
        return side.name in {name for name, _owner in self._context.running} or self._ready.has_side(side.name)

    def _busy(self) -> set[str]:
        """Return the sides that are not polled now, because steps of theirs are being sent."""
        return {name for name, _owner in self._context.running if not self._sides[name].polls_while_sending}

    # Results.

    def _take(self, sent: CompletedCall[Target, ReplyValue]) -> None:
        step = self._context.running.pop(sent.key)
        try:
            if sent.error is None:
                self.intake.record(step, sent.result())
            elif isinstance(sent.error, TaskError):
                self.intake.handle_refusal(sent.key, step, sent.error)
            else:
                raise sent.error
        except BaseException as error:
            if not isinstance(error, TaskError):
                # A defect, or a lack of memory or threads.
                calls = self._front.session.calls[self._calls :]
                self.ledger.outcome.changed |= any(call.is_write and call.status is not None for call in calls)
            if not isinstance(error, Exception) and step not in self.ledger.applied:
                # A signal before the reply was recorded.
                self._context.running[sent.key] = step
            raise

    # Looks, polls and timeouts.

    def _act(self, moment: float) -> None:
        """Do the looks and polls that are due at a moment, and fail the waits that have timed out."""
        for search in self._searches.take_due(moment):
            self._search(search)
        due = self._waits.take_due(moment, self._busy())
        if not due:
            return
        silent = self._poll(due)
        self._waits.set_pace(moment)
        for target in [one for one in due if one in self.ledger.refused]:
            if target in silent:
                self.intake.keep(target, due[target].waiting, is_refused=True)
            else:
                self.intake.release(target)
        # A poll that has taken until the end was the last one.
        self._evaluate_due(due, max(moment, self._clock()))

    def _evaluate_due(self, due: t.Mapping[Target, PendingWait], moment: float) -> None:
        """Evaluate owners after a poll, and fail those whose time is up: first those with a step that was not sent."""
        late: list[tuple[bool, int, Target, PendingWait]] = []
        owners = grouped(due)
        for target in [(side, owner) for side in self._sides for owner in owners.get(side, ())]:
            step, pending = self._evaluate(target), due[target]
            if step is not None:
                self._ready.add(target, step, self._sent)
            self.intake.news.pop(target, None)
            now = self._waits.get(target)
            if now is not None and max(pending.deadline, now.deadline) <= moment:
                late.append((self.ledger.next_step(target) is None, len(late), target, now))
        for unused, unused_number, target, now in sorted(late, key=lambda item: item[:2]):
            if target not in self.ledger.failed:
                self.intake.fail_late(target, now, moment)

    def _poll(self, due: t.Mapping[Target, PendingWait]) -> set[Target]:
        """Ask about what is waited for, and return the owners without an answer."""
        again = [target for target, pending in due.items() if pending.waiting.looks_again]
        if again:
            self.intake.read_again(again)
        polled = {target: pending for target, pending in due.items() if pending.waiting.polls and not pending.waiting.looks_again}
        if not polled:
            return set()
        end = max(map(self._waits.end_of, polled.values()))
        result = self._reader.poll(grouped(polled), end)
        silent: set[Target] = set()
        for pending in polled.values():
            pending.unanswered = None
        for name, query, error in result.unanswered:
            for target in _owners_of(name, query.owners, polled):
                polled[target].unanswered = error
                silent.add(target)
        if result.changed or len(silent) < len(polled):
            waiting, shown = next(iter(polled.values())).waiting, max(map(self._waits.shown_end_of, polled.values()))
            self._progress.see(result.changed, waiting, None if shown == math.inf else shown)
        self.intake.note(result.changed)
        for name, query, error in result.failed:
            if not query.owners and not self._front.is_single:
                raise error
            for target in _owners_of(name, query.owners, polled):
                self.intake.fail(target, self.ledger.next_step(target), error)
        return silent

    def _search(self, search: Search) -> None:
        """Look for steps in doubt, and decide about them."""
        plan = self.intake.read_again(search.targets)
        # Others have failed with that plan.
        search.targets = [target for target in search.targets if target in self.ledger.doubts]
        if search.pauses and any(plan.still_needs(self.ledger.doubts[target].step) for target in search.targets):
            self._searches.schedule(search)
            return
        self._searches.end(search)
        for target in search.targets:
            self.intake.settle(target, plan)


def begin_loop(
    front: AnyFront, reader: StateReader, planning: Planning, progress: RunProgress, outcome: Outcome, sleep: Sleep
) -> Loop:
    """Return the loop that runs the stages of a run.

    Args:
        front: The front that runs; its context has the plan, if there is one.
        reader: Reads the owners, and gets the ledger.
        planning: Plans again.
        progress: Shows each event.
        outcome: Receives whether something was changed.
        sleep: Sleeps that many seconds.
    """
    jobs: Jobs = InTurn()
    limit = 1
    if not front.is_single:
        # Imported late: a module's process compiles each file again.
        from .._http.threads import Workers

        limit = front.threads or int(front.params["parallel"])
        jobs = Workers(limit)
    ledger = reader.ledger = Ledger(front, outcome, limit)
    ledger.fill(front.context.plan)
    ledger.fail_entries(front.context.plan.failures, "plan")
    return Loop(front, Intake(front, ledger, reader, planning, progress), jobs, sleep)


def _owners_of(side: str, owners: t.Collection[Owner], targets: t.Iterable[Target]) -> list[Target]:
    """Return those of some targets that a query of a side is about; all of that side if it names no owners."""
    return [target for target in targets if target[0] == side and (not owners or target[1] in owners)]
