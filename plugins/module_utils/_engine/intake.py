# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handles the results of steps, waits and looks, from which the next events of a run follow."""

from __future__ import annotations

import bisect
import math
import typing as t
from collections import deque

from .._http.errors import TaskError
from .ledger import Waits
from .operation import may_pass, pauses_before_look
from .plan import Change, Plan, Step, grouped, stamped
from .side import SEEN, AnySide, Purpose, ReplyValue, Target, Waiting
from .wait import WaitTimeoutError

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .ledger import Ledger, PendingWait
    from .outcome import RunProgress
    from .plan import Planning
    from .state_reader import StateReader


class RefusedStep(t.NamedTuple):
    """What a refused step waits for, and its refusal."""

    waiting: Waiting
    refusal: TaskError


class Search:
    """A search for the effects of steps in doubt.

    Attributes:
        targets: Their owners.
        pauses: The pauses before further looks, if one has not shown the effect.
        due: When the next look is due, on the clock.
    """

    due = 0.0

    def __init__(self, targets: list[Target], pauses: deque[float]) -> None:
        self.targets, self.pauses = targets, pauses


class Searches:
    """The searches for the effects of steps in doubt.

    Args:
        front: The front that runs.
        ledger: Has the steps in doubt.
        progress: Announces the pauses.
    """

    def __init__(self, front: AnyFront, ledger: Ledger, progress: RunProgress) -> None:
        self._front, self._ledger, self._progress = front, ledger, progress
        self._sides = {side.name: side for side in front.sides}
        self._open: list[Search] = []

    def __bool__(self) -> bool:
        """Whether a search is open."""
        return bool(self._open)

    def retries(self, target: Target) -> int:
        """Return how often a step of an owner is sent again after another look."""
        retries = self._sides[target[0]].retries
        return int(self._front.params["retries"]) if retries is None else retries

    def begin(self, is_busy: t.Callable[[AnySide], bool]) -> None:
        """Begin a search for each step in doubt; a side that looks together gets one for all, once it is not busy."""
        doubts = self._ledger.doubts
        known = {target for search in self._open for target in search.targets}
        targets = [target for target in doubts if target not in known]
        groups: dict[t.Hashable, list[Target]] = {}
        for target in targets:
            side = self._sides[target[0]]
            if not (side.looks_together and is_busy(side)):
                groups.setdefault(side.name if side.looks_together else target, []).append(target)
        for group in groups.values():
            found = [self._pauses(target) for target in group]
            search = Search(group, deque(max(found, key=sum)))
            self.schedule(search)
            self._open.append(search)

    def _pauses(self, target: Target) -> t.Sequence[float]:
        doubt = self._ledger.doubts[target]
        return pauses_before_look(doubt.step, doubt.error, self._ledger.tries[target], self.retries(target))

    def schedule(self, search: Search) -> None:
        """Set when a search looks next, and announce the pause before it."""
        pause = search.pauses.popleft()
        doubts = [self._ledger.doubts[target] for target in search.targets]
        if pause and doubts:
            self._progress.announce(self._front.service, doubts[-1].error, pause)
        search.due = self._front.clock() + pause

    def due_at(self) -> float:
        """Return when a look is due, on the clock; infinity if there is none."""
        return min((search.due for search in self._open), default=math.inf)

    def take_due(self, moment: float) -> list[Search]:
        """Return the searches that are due at a moment, with the owners that are still in doubt."""
        for search in self._open:
            search.targets = [target for target in search.targets if target in self._ledger.doubts]
        self._open = [search for search in self._open if search.targets]
        return [search for search in self._open if search.due <= moment]

    def end(self, search: Search) -> None:
        """End a search."""
        self._open.remove(search)


class Ready:
    """The steps that can be sent, in the order of the plan.

    Args:
        ledger: Has the steps.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._order: list[tuple[int, Target]] = []
        # The step of each owner, and how many steps had been sent when it became ready.
        self._steps: dict[Target, tuple[Step, int]] = {}

    def add(self, target: Target, step: Step, sent: int) -> None:
        """Add the next step of an owner; `sent` is the number of steps sent so far."""
        if target not in self._steps:
            bisect.insort(self._order, (self._ledger.number(target), target))
        self._steps[target] = (step, sent)

    def remove(self, target: Target) -> None:
        """Remove the step of an owner, if there is one."""
        if self._steps.pop(target, None) is not None:
            self._order = [numbered for numbered in self._order if numbered[1] != target]

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
        """Return whether a step of a side can be sent."""
        return any(target[0] == side for target in self._steps)


class Intake:
    """Handles the results of steps, waits and looks.

    A step whose reply is lost is never blindly repeated: its owner is read and planned again.

    Args:
        front: The front that runs.
        ledger: Has the steps.
        reader: Reads the owners.
        planning: Plans again.
        progress: Shows each event.

    Attributes:
        waits: What the owners wait for.
        ready: The steps that can be sent.
        searches: The looks for steps in doubt.
        news: The owners that have changed, and have to be evaluated.
        deadlines: The ends of the waits of steps that are sent again after a refusal, by owner.
        has_waited: Whether anything was waited for.
    """

    def __init__(self, front: AnyFront, ledger: Ledger, reader: StateReader, planning: Planning, progress: RunProgress) -> None:
        self.news: dict[Target, None] = {}
        self.deadlines: dict[Target, float] = {}
        self.has_waited = False
        self._front, self._clock = front, front.clock
        self._sides: dict[str, AnySide] = {side.name: side for side in front.sides}
        self.ledger, self.reader, self._planning, self.progress = ledger, reader, planning, progress
        self.waits, self.ready, self.searches = Waits(front.params, front.clock), Ready(ledger), Searches(front, ledger, progress)

    def record(self, step: Step, reply: ReplyValue) -> None:
        """Record that a step took effect; `reply` is what its call has returned, or SEEN."""
        side, target = self._sides[step.side], (step.side, step.owner)
        effect = side.record(step, reply)
        changed = self.reader.take(side, effect.states)
        self.ledger.record(step, effect, is_seen=reply is SEEN)
        self.deadlines.pop(target, None)
        self.waits.forget(target)
        self.note([target, *changed])
        if effect.failures:
            self.stop(self.ledger.fail_entries(effect.failures, side.name, step))
        self.progress.see(changed)

    def handle_refusal(self, target: Target, step: Step, error: TaskError) -> None:
        """Hold a refused step back, or let another look find its outcome."""
        side = self._sides[target[0]]
        # A request whose outcome is unknown must not be sent again before another look, and one of a failed entry not at all.
        is_final = error.outcome_unknown or target in self.ledger.failed
        waiting = None if is_final else side.retry_wait(step, error)
        deadline = self.deadlines.pop(target, math.inf)
        if waiting is None:
            self._doubt(target, step, error)
            return
        self.ledger.refused[target] = RefusedStep(waiting, error)
        self.keep(target, waiting, is_refused=True)
        if not self._front.is_single:
            # It may be known now what others have to do.
            self.progress.see([target])
        # What it occupied is free for other steps.
        self.news.update({other: None for other in self.waits.of_steps({target[0]}) if other not in self.ledger.refused})
        if deadline <= self._clock():
            self.fail_late(target, self.waits.pending(target), self._clock())

    def keep(self, target: Target, waiting: Waiting, *, is_refused: bool = False) -> None:
        """Record and show what an owner waits for, with a refused step if `is_refused`."""
        self.has_waited = True
        is_new = self.waits.keep(target, waiting, is_refused=is_refused)
        if target in self.deadlines:
            # It is not sent again yet.
            self.deadlines[target] = self.waits.pending(target).deadline
        # What is polled at once is shown with its state.
        end = self.waits.shown_end_of(self.waits.pending(target)) if is_new else math.inf
        if end < math.inf:
            self.progress.see((), waiting, end)

    def note(self, targets: t.Collection[Target]) -> None:
        """Mark changed owners to be evaluated on all sides, and with them the waits that a step may end."""
        for unused, owner in targets:
            self.news.update({(name, owner): None for name, side in self._sides.items() if owner in side.states})
        for target in self.waits.of_steps({side for side, _owner in targets}):
            if target in self.ledger.refused:
                self.release(target)
            self.news[target] = None

    def release(self, target: Target) -> None:
        """Let a refused step be sent again, until the end of its wait."""
        self.deadlines[target] = self.waits.pending(target).deadline
        del self.ledger.refused[target]
        self.waits.drop(target)

    def fail(self, target: Target, step: Step | None, error: TaskError, cause: BaseException | None = None) -> None:
        """Fail because of a wait. With one object, another look decides about the next step, if that can help."""
        if self._front.is_single and step is not None:
            self.ledger.refused.pop(target, None)
            self._doubt(target, step, error)
        else:
            self.stop(self.ledger.fail(target, step, error, cause))

    def fail_late(self, target: Target, pending: PendingWait, moment: float) -> None:
        """Fail because a wait had timed out at a moment."""
        side, step = self._sides[target[0]], self.ledger.next_step(target)
        refused = self.ledger.refused.pop(target, None)
        refusal = refused.refusal if refused is not None else None
        late = WaitTimeoutError(self.waits.waited(pending, moment), pending.unanswered, refusal)
        error = side.timeout_error(target[1], step, pending.waiting, late)
        if refused is not None and step is not None and not self._front.is_single:
            error = side.explain(step, error)
        self.fail(target, step, error, late)

    def stop(self, targets: t.Iterable[Target]) -> None:
        """Stop waiting for owners that have failed; others may have waited for them."""
        stopped = [*targets]
        for target in stopped:
            self.waits.drop(target)
            self.ready.remove(target)
        self.note(stopped)
        if stopped:
            self.progress.see(stopped)

    def read_again(self, targets: t.Sequence[Target]) -> Plan:
        """Read and plan some owners again, and return the plan.

        Raises:
            TaskError: If they cannot be read, or the plan must not be carried out.
        """
        try:
            changed = self.reader.look(grouped(targets), Purpose.AGAIN)
            self.progress.see(changed)
            plan, stopped = self._plan_again(targets)
        except Exception:
            self.ledger.record_lost(targets)
            raise
        self.stop(stopped + self._fail_unread())
        self.note(changed)
        return plan

    def _plan_again(self, targets: t.Sequence[Target]) -> tuple[Plan, list[Target]]:
        """Plan again for owners whose steps are in doubt; for a list, the plan that people see stays.

        Returns:
            The plan, and the owners that have failed with it.

        Raises:
            TaskError: If the plan is about one object, and must not be carried out.
        """
        if self._front.is_single:
            return self._planning.decide(), []
        changes: list[Change] = []
        steps: list[Step] = []
        stopped: list[Target] = []
        wanted = grouped(targets)
        for side in self._front.sides:
            if side.name not in wanted:
                continue
            plan = stamped(side.plan(wanted[side.name]), side)
            self.ledger.outcome.warn(plan)
            stopped += self.ledger.fail_entries({**plan.failures, **plan.refusals}, side.name)
            changes += plan.changes
            steps += plan.steps
        plan = Plan(tuple(changes), tuple(steps))
        for target, (step, error) in self._planning.unreviewed(plan).items():
            stopped += self.ledger.fail(target, step, error)
        for target, (step, error) in self.ledger.replace([one for one in targets if one not in stopped], plan).items():
            stopped += self.ledger.fail(target, step, error)
        return plan, stopped

    def _fail_unread(self) -> list[Target]:
        """Fail the entries that could not be read again, and return their owners."""
        unread, self.reader.unread = self.reader.unread, {}
        return [target for entry, (side, error) in unread.items() for target in self.ledger.fail_entries({entry: error}, side)]

    def settle(self, target: Target, plan: Plan) -> None:
        """Decide about a step in doubt after another look: done, failed, or sent again."""
        step, error = self.ledger.doubts.pop(target)
        lost, tries = self.ledger.lost.get(target), self.ledger.tries[target]
        if lost is not None and not plan.still_needs(lost):
            # It took effect, at least in part.
            self.record(lost, SEEN)
        is_needed = plan.still_needs(step)
        better = self._sides[step.side].explain(step, error) if is_needed else error
        is_left = bool(plan.steps) if self._front.is_single else is_needed
        if better is not error:
            self.stop(self.ledger.fail(target, step, better, error))
        elif is_left and (tries > self.searches.retries(target) or not may_pass(step, error)):
            self.stop(self.ledger.fail(target, step, error))
        else:
            self.note([target])

    def _doubt(self, target: Target, step: Step, error: TaskError) -> None:
        """Let another look decide about a failed step, or fail with it if that cannot help."""
        passes = may_pass(step, error) and target not in self.ledger.failed
        if not error.outcome_unknown and not passes:
            better = self._sides[target[0]].explain(step, error)
            self.stop(self.ledger.fail(target, step, better, error.__cause__))
            return
        if error.outcome_unknown:
            self.ledger.lost[target] = step
        # After another look, its waits start over.
        self.waits.forget(target)
        self.ledger.doubt(target, step, error)
