# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a run: which are queued, held, running or in doubt, and what they have done."""

from __future__ import annotations

import bisect
import itertools
import typing as t
from collections import Counter, deque

from .._http.errors import StoppedError, TaskError, UndoneError
from .plan import Change, Plan, Step
from .side import BEFORE, Effect, Owner, Target, Waiting

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .outcome import Outcome


class Held(t.NamedTuple):
    """What a refused step waits for, and its refusal."""

    waiting: Waiting
    refusal: TaskError


class Doubt(t.NamedTuple):
    """A step that another look has to decide about, and its error."""

    step: Step
    error: TaskError


class Ledger:
    """The steps of a run, by their owners.

    The steps of an owner form a queue. The first one stays in it until it has taken effect, while it is sent, held back after a
    refusal, or in doubt after a lost reply.

    Args:
        front: The front that runs.
        outcome: Receives whether something was changed.
        limit: The most steps that are sent at the same time.

    Attributes:
        held: The refused steps that are sent again, by their owners.
        doubts: The steps in doubt, by their owners.
        lost: The last step of each owner whose outcome is unknown, until it is known or the next one has taken effect.
        tries: How often the steps of each owner have failed in a row.
        failed: The owners that have failed, of which nothing is sent any more.
        applied: The steps that took effect, in order.
        outcome: Receives whether something was changed.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, limit: int) -> None:
        self.held: dict[Target, Held] = {}
        self.doubts: dict[Target, Doubt] = {}
        self.tries: Counter[Target] = Counter()
        self.failed: set[Target] = set()
        self.applied: list[Step] = []
        self._front, self._context, self.outcome = front, front.context, outcome
        self.lost = front.context.lost
        self._limit = limit
        self._stages = {stage: number for number, stage in enumerate((BEFORE, *front.stages))}
        self._queues: dict[Target, deque[tuple[int, Step]]] = {}
        self._numbers = itertools.count()
        # What the plans so far have shown, by key.
        self._changes: dict[t.Hashable, Change] = {}
        self._planned: Plan | None = None
        # The owners of each entry.
        self._targets: dict[str, set[Target]] = {}
        self._changed: set[Target] = set()

    def fill(self, plan: Plan) -> None:
        """Queue the steps of a plan in place of all that were not sent; it is what later plans may do."""
        self._queues.clear()
        self.held.clear()
        self._planned = plan
        for side in self._front.sides:
            # A list may have added owners.
            self.know(side.name, side.states)
        self._add(plan)

    def replace(self, targets: t.Iterable[Target], plan: Plan) -> dict[Target, tuple[Step, TaskError]]:
        """Queue the steps of a later plan for some owners in place of those that they have.

        Steps whose changes no plan has shown are dropped.

        Returns:
            For owners for which the later plan has a removal that no plan has shown, that step and the error.
        """
        planned = t.cast(Plan, self._planned)
        errors: dict[Target, tuple[Step, TaskError]] = {}
        for target in targets:
            self._queues.pop(target, None)
            self.held.pop(target, None)
        kept = []
        for step in plan.steps:
            if not self._changes.keys() >= {*step.keys}:
                continue
            if step.action == "delete" and not planned.still_needs(step):
                text = "What is there has changed while this task ran, and would have to be removed now."
                errors[step.side, step.owner] = step, TaskError(text, hint="Run the task again.")
            kept.append(step)
        known = {key for step in kept for key in step.keys}
        changes = tuple(change for change in plan.changes if change.key in known)
        self._add(Plan(changes, tuple(kept)))
        return errors

    def _add(self, plan: Plan) -> None:
        self._changes.update({change.key: change for change in plan.changes})
        for step in plan.steps:
            target = (step.side, step.owner)
            # A plan may bring owners of its own.
            self.know(step.side, [step.owner])
            self._queues.setdefault(target, deque()).append((next(self._numbers), step))

    def know(self, side: str, owners: t.Iterable[Owner]) -> None:
        """Note which entries some owners belong to."""
        for owner in () if self._front.is_one else owners:
            for entry in self._front.entries_of(side, owner, None):
                self._targets.setdefault(entry, set()).add((side, owner))

    def next_step(self, target: Target) -> Step | None:
        """Return the step of an owner that is sent next; None if it has none in the stages that have begun."""
        queue = self._queues.get(target)
        if not queue or self._stages[queue[0][1].stage] > self._stages[self._context.stage]:
            return None
        return queue[0][1]

    def number(self, target: Target) -> int:
        """Return the number of an owner's next step in the order of the plan."""
        return self._queues[target][0][0]

    @property
    def is_full(self) -> bool:
        """Whether as many steps are being sent as may be."""
        return len(self._context.running) >= self._limit

    def has_room(self, step: Step) -> bool:
        """Return whether a step can be sent beside those that are being sent."""
        running = self._context.running.values()
        return all(sum((lane, most) in other.lanes for other in running) < most for lane, most in step.lanes)

    def is_idle(self, target: Target) -> bool:
        """Return whether nothing of an owner is sent, held or in doubt."""
        return not (target in self._context.running or target in self.held or target in self.doubts or target in self.failed)

    def doubt(self, target: Target, step: Step, error: TaskError) -> None:
        """Record that another look has to decide about a failed step."""
        self.tries[target] += 1
        self.doubts[target] = Doubt(step, error)

    def record(self, step: Step, effect: Effect, *, is_seen: bool) -> None:
        """Record that a step took effect: what its reply says or, if `is_seen`, another look has shown."""
        target = (step.side, step.owner)
        queue = self._queues.get(target)
        if queue and queue[0][1] is step:
            queue.popleft()
        changes = self._planned_for(step) if effect.changes is None else effect.changes
        self._context.done.update({change.key: change for change in changes})
        # A change that takes several steps is counted with the last, and has begun with the first. What a lost step has done may
        # be more than is seen of it.
        is_part = any(key in later.keys for number, later in queue or () for key in step.keys)
        if changes or is_part or is_seen:
            self._changed.add(target)
            self.outcome.changed = True
        self.applied.append(step)
        if not is_seen:
            self.tries.pop(target, None)
        self.lost.pop(target, None)

    def foresee(self, step: Step) -> None:
        """Record that a step would take effect."""
        self.applied.append(step)
        self._context.done.update({change.key: change for change in self._planned_for(step)})

    def _planned_for(self, step: Step) -> list[Change]:
        return [self._changes[key] for key in step.keys if key in self._changes]

    def fail(self, target: Target, step: Step | None, error: TaskError, cause: BaseException | None = None) -> list[Target]:
        """Record that an owner has finally failed, and stop its entries on all sides.

        Args:
            target: The owner.
            step: Its step; None if it has failed without one.
            error: The error.
            cause: What the error explains.

        Returns:
            The owners that are stopped.

        Raises:
            TaskError: The error, if the front is about one object.
        """
        if isinstance(error, UndoneError) and not (step is not None and step.is_run):
            self._changed.discard(target)
            self.outcome.changed = bool(self._changed)
        if self._front.is_one:
            raise error from (cause or error.__cause__)
        self.doubts.pop(target, None)
        entries = self._front.entries_of(*target, step)
        return self.fail_entries(dict.fromkeys(entries, error), target[0], step) + self._stop([target])

    def fail_entries(self, errors: t.Mapping[str, TaskError], side: str, step: Step | None = None) -> list[Target]:
        """Record the failures of entries, and return the owners that are stopped: all of whose entries have failed."""
        failures = self._context.failures
        for entry, error in errors.items():
            if entry not in failures:
                failures[entry] = self._front.failed(side, entry, step, error)
        targets = [target for entry in errors for target in self._targets.get(entry, ())]
        return self._stop([one for one in targets if failures.keys() >= {*self._front.entries_of(*one, None)}])

    def _stop(self, targets: t.Iterable[Target]) -> list[Target]:
        stopped = [target for target in dict.fromkeys(targets) if target not in self.failed]
        for target in stopped:
            self.failed.add(target)
            self._queues.pop(target, None)
            self.held.pop(target, None)
            self.doubts.pop(target, None)
        return stopped

    def unsent(self) -> list[tuple[Target, Step]]:
        """Return the owners with steps that were not sent, or are not known to have taken effect, each with the first one."""
        return [(target, queue[0][1]) for target, queue in self._queues.items() if queue]

    def fail_open(self) -> None:
        """Fail the owners with steps that are in doubt, on their way or not sent, because the run is stopped."""
        for target, doubt in [*self.doubts.items()]:
            if doubt.error.outcome_unknown:
                self.lost[target] = doubt.step
                self.outcome.changed = True
            self.fail(target, doubt.step, doubt.error)
        text = "The task was stopped before the reply came."
        on_its_way = TaskError(text, hint="Run it again.", outcome_unknown=True)
        for target, step in self._context.running.items():
            self.fail(target, step, on_its_way)
        for target, step in self.unsent():
            if target not in self.failed:
                self.fail(target, step, StoppedError())

    def unsure(self) -> list[Step]:
        """Return the steps that may have taken effect: those that are being sent, and those whose reply was lost."""
        running = self._context.running
        return [*running.values(), *(step for target, step in self.lost.items() if target not in running)]


class Ready:
    """The steps that can be sent, in the order of the plan.

    Args:
        ledger: Has the steps.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._order: list[tuple[int, Target]] = []
        # The step of each owner, and how many were sent before it was found ready.
        self._steps: dict[Target, tuple[Step, int]] = {}

    def add(self, target: Target, step: Step, sent: int) -> None:
        """Add the next step of an owner; `sent` says how many steps were sent before."""
        if target not in self._steps:
            bisect.insort(self._order, (self._ledger.number(target), target))
        self._steps[target] = (step, sent)

    def remove(self, target: Target) -> None:
        """Remove the step of an owner, if there is one."""
        if self._steps.pop(target, None) is not None:
            self._order = [one for one in self._order if one[1] != target]

    def take(self) -> tuple[Target, Step, int] | None:
        """Remove and return the first step that there is room for; None if there is none."""
        full: set[t.Hashable] = set()
        for index, (unused, target) in enumerate(() if self._ledger.is_full else self._order):
            step, sent = self._steps[target]
            if step.lanes and not full.isdisjoint(step.lanes):
                continue
            if step.lanes and not self._ledger.has_room(step):
                full.update(step.lanes)
                continue
            del self._order[index], self._steps[target]
            return target, step, sent
        return None

    def has_side(self, side: str) -> bool:
        """Return whether a step of a side can be sent that is not a run of its own."""
        return any(target[0] == side and not step.is_run for target, (step, _sent) in self._steps.items())
