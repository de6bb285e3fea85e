# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a run: which are queued, refused, running or in doubt, and what they have done; and what their owners wait for."""

from __future__ import annotations

import itertools
import math
import typing as t
from collections import Counter, deque
from operator import attrgetter

from .._http.errors import StoppedError, TaskError, UndoneError
from .plan import Change, Plan, Step
from .side import BEFORE, Effect, Owner, Target, Waiting
from .wait import INTERVAL_SHARE, SHORTEST_INTERVAL

if t.TYPE_CHECKING:
    from .._http.pauses import Clock
    from .front import AnyFront
    from .intake import RefusedStep
    from .options import Parameters
    from .outcome import Outcome


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
        refused: The refused steps that are sent again, by their owners.
        doubts: The steps in doubt, by their owners.
        lost: The last step of each owner whose outcome is unknown, until it is known or the next one has taken effect.
        tries: How often the steps of each owner have failed in a row.
        failed: The owners that have failed; their steps are no longer sent.
        applied: The steps that took effect, in order.
        outcome: Receives whether something was changed.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, limit: int) -> None:
        self.refused: dict[Target, RefusedStep] = {}
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
        # The changes that the plans so far have shown, by key.
        self._changes: dict[t.Hashable, Change] = {}
        self._planned = Plan()
        # The owners of each entry.
        self._targets: dict[str, set[Target]] = {}
        self._changed: set[Target] = set()

    def fill(self, plan: Plan) -> None:
        """Queue the steps of a plan in place of all unsent ones; later plans may do no more."""
        self._queues.clear()
        self.refused.clear()
        self._planned = plan
        for side in self._front.sides:
            # A list may have added owners.
            self.know(side.name, side.states)
        self._add(plan)

    def replace(self, targets: t.Iterable[Target], plan: Plan) -> dict[Target, tuple[Step, TaskError]]:
        """Queue the steps of a later plan for some owners in place of those that they have.

        Steps whose changes no plan has shown are dropped.

        Returns:
            The step and the error of each owner whose later plan has a removal that no plan has shown.
        """
        errors: dict[Target, tuple[Step, TaskError]] = {}
        for target in targets:
            self._queues.pop(target, None)
            self.refused.pop(target, None)
        kept = []
        for step in plan.steps:
            if not self._changes.keys() >= {*step.keys}:
                continue
            if step.action == "delete" and not self._planned.still_needs(step):
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
        """Record which entries some owners belong to."""
        for owner in () if self._front.is_single else owners:
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
        """Whether the limit of steps sent at the same time is reached."""
        return len(self._context.running) >= self._limit

    def has_room(self, step: Step) -> bool:
        """Return whether a step can be sent beside those that are being sent."""
        taken = [lane for other in self._context.running.values() for lane in other.lanes]
        return all(taken.count(lane) < lane[1] for lane in step.lanes)

    def doubt(self, target: Target, step: Step, error: TaskError) -> None:
        """Record that another look has to decide about a failed step."""
        self.tries[target] += 1
        self.doubts[target] = Doubt(step, error)

    def record(self, step: Step, effect: Effect, *, is_seen: bool) -> None:
        """Record that a step took effect, as its reply or, if `is_seen`, another look shows."""
        target = (step.side, step.owner)
        queue = self._queues.get(target)
        if queue and queue[0][1] is step:
            queue.popleft()
        changes = self._planned_for(step) if effect.changes is None else effect.changes
        self._context.done.record(changes)
        # A change of several steps counts with the last one, and begins with the first. A lost step may have done more than a
        # look shows.
        is_part = any(key in later.keys for number, later in queue or () for key in step.keys)
        if changes or is_part or is_seen:
            self._changed.add(target)
            self.outcome.changed = True
        self.applied.append(step)
        if not is_seen:
            self.tries.pop(target, None)
        self.lost.pop(target, None)

    def record_lost(self, targets: t.Iterable[Target]) -> None:
        """Record that steps of some owners may have taken effect, if their replies were lost."""
        lost = [target for target in targets if target in self.lost]
        self._changed.update(lost)
        self.outcome.changed |= bool(lost)

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
        if isinstance(error, UndoneError):
            self._changed.discard(target)
            self.outcome.changed = bool(self._changed)
        if self._front.is_single:
            raise error from (cause or error.__cause__)
        entries = self._front.entries_of(*target, step)
        return self.fail_entries(dict.fromkeys(entries, error), target[0], step) + self._stop([target])

    def fail_entries(self, errors: t.Mapping[str, TaskError], side: str, step: Step | None = None) -> list[Target]:
        """Record the failures of entries, and return the owners that are stopped: all of whose entries have failed."""
        failures = self._context.failures
        for entry, error in errors.items():
            if entry not in failures:
                failures[entry] = self._front.failed(side, entry, step, error)
        targets = [target for entry in errors for target in self._targets.get(entry, ())]
        return self._stop([target for target in targets if failures.keys() >= {*self._front.entries_of(*target, None)}])

    def _stop(self, targets: t.Iterable[Target]) -> list[Target]:
        stopped = [target for target in dict.fromkeys(targets) if target not in self.failed]
        for target in stopped:
            self.failed.add(target)
            self._queues.pop(target, None)
            self.refused.pop(target, None)
            if self.doubts.pop(target, None) is not None:
                self.record_lost([target])
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
        no_reply = TaskError(text, hint="Run it again.", outcome_unknown=True)
        for target, step in self._context.running.items():
            self.fail(target, step, no_reply)
        for target, step in self.unsent():
            if target not in self.failed:
                self.fail(target, step, StoppedError())

    def unsure(self) -> list[Step]:
        """Return the steps that may have taken effect: those that are being sent, and those whose reply was lost."""
        running = self._context.running
        return [*running.values(), *(step for target, step in self.lost.items() if target not in running)]


class PendingWait:
    """A wait of an owner, with its times.

    Attributes:
        waiting: What it waits for.
        since: When it began, on the clock.
        deadline: When its time is up.
        due: When it has to be polled or has failed, whichever comes first; its deadline if it is polled with the stage.
        is_paced: Whether it is polled with the stage.
        is_polled: Whether it was polled since it began.
        unanswered: The error of the last poll; None if it got an answer.
    """

    is_polled = False

    def __init__(self, waiting: Waiting, since: float, deadline: float, due: float, *, is_paced: bool = False) -> None:
        self.waiting, self.since, self.deadline, self.due, self.is_paced = waiting, since, deadline, due, is_paced
        self.unanswered: TaskError | None = None


_due: t.Callable[[PendingWait], float] = attrgetter("due")


class Waits:
    """The waits of a run.

    Without stages, the time of a wait begins with it: with each goal and its seconds, until a step of the owner takes effect.
    With stages, it is the time of the stage, and a wait with seconds of its own ends before that.

    Args:
        params: The options.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, params: Parameters, clock: Clock) -> None:
        self._params, self._clock = params, clock
        # By side, and by owner.
        self._pending: dict[str, dict[Owner, PendingWait]] = {}
        self._since: dict[Target, dict[tuple[str, float | None], float]] = {}
        # Those that a step of another owner may end, with the side of such steps; None for any.
        self._of_steps: dict[Target, str | None] = {}
        # The waits that have begun with a poll at once.
        self._at_once: set[tuple[Target, str]] = set()
        # When the stage has begun, when it ends, and when it polls next; None without stages.
        self._stage: tuple[float, float] | None = None
        self._seconds: float | None = None
        self._next_poll = math.inf
        self._name, self._is_last = "", True

    def begin(self, name: str, seconds: float | None, refused: t.Mapping[Target, RefusedStep], *, is_last: bool) -> None:
        """Begin a stage, and drop all waits except those of refused steps, which continue. Its time begins with `start`.

        Args:
            name: The name of the stage.
            seconds: Its time; None without stages.
            refused: The refused steps that are sent again.
            is_last: Whether it is the last one, which waits for all.
        """
        self._name, self._is_last = name, is_last
        self._stage, self._seconds = None if seconds is None else (self._clock(), math.inf), seconds
        self._next_poll = math.inf
        self._pending.clear()
        self._of_steps.clear()
        if seconds is None:
            self._since = {target: since for target, since in self._since.items() if target in refused}
            self._at_once.clear()
        for target, refused_step in refused.items():
            self.keep(target, refused_step.waiting, is_refused=True)

    def start(self) -> PendingWait | None:
        """Let the time of the stage begin, if it has one that has not begun; return its longest wait, a polled one first."""
        if self._stage is None or self._stage[1] < math.inf or self._seconds is None:
            return None
        now = self._clock()
        self._stage = (now, now + self._seconds)
        self._next_poll = now + self._interval(*self._stage)
        paced: PendingWait | None = None
        for unused, pending in self._all():
            if pending.waiting.polls_at_once and pending.due == pending.since:
                # Its time begins after that poll.
                continue
            deadline = self._deadline(pending.waiting, pending.since)
            pending.due = deadline if pending.due == pending.deadline else pending.due
            pending.deadline = deadline
            rank = (pending.waiting.polls, self.end_of(pending))
            if pending.is_paced and (paced is None or rank > (paced.waiting.polls, self.end_of(paced))):
                paced = pending
        return paced

    def keep(self, target: Target, waiting: Waiting, *, is_refused: bool = False) -> bool:
        """Record what an owner waits for, with a refused step if `is_refused`; return whether it is new."""
        now, (side, owner) = self._clock(), target
        self._of_steps.pop(target, None)
        if waiting.ends_with_steps:
            self._of_steps[target] = side if waiting.only_of_side else None
        pending = self._pending.setdefault(side, {})
        old = pending.get(owner)
        is_same = old is not None and old.waiting == waiting
        if old is not None and is_same and not old.is_polled:
            return False
        goal = (waiting.goal, waiting.seconds)
        if waiting.polls_at_once and (target, waiting.goal) not in self._at_once:
            # The time begins after this poll.
            self._at_once.add((target, waiting.goal))
            pending[owner] = PendingWait(waiting, now, math.inf, now)
            return True
        since = self._since.setdefault(target, {}).setdefault(goal, now)
        deadline = self._deadline(waiting, since)
        # Other waits end with a step of the task, or not at all.
        is_timed = waiting.polls or waiting.looks_again or is_refused
        is_paced = self._stage is not None and is_timed and not waiting.own_pace
        is_late = is_paced and self._next_poll < now
        if self._stage is not None and is_late and not any(wait.is_paced for _target, wait in self._all()):
            # Nothing was polled for a while.
            self._next_poll = now + self._interval(*self._stage)
        due = now + self._interval(since, deadline) if is_timed and not is_paced else deadline
        pending[owner] = new = PendingWait(waiting, since, deadline, due, is_paced=is_paced)
        if old is not None and is_same:
            new.unanswered = old.unanswered
        return not is_same

    def drop(self, target: Target) -> None:
        """Remove the wait of an owner."""
        side, owner = target
        self._pending.get(side, {}).pop(owner, None)
        self._of_steps.pop(target, None)

    def forget(self, target: Target) -> None:
        """Remove the wait of an owner whose step took effect: the next one has its full time, even for the same goal."""
        self.drop(target)
        self._since.pop(target, None)
        self._at_once = {key for key in self._at_once if key[0] != target} if self._at_once else self._at_once

    def get(self, target: Target) -> PendingWait | None:
        """Return the wait of an owner; None if it has none."""
        return self._pending.get(target[0], {}).get(target[1])

    def pending(self, target: Target) -> PendingWait:
        """Return the wait of an owner that has one."""
        return self._pending[target[0]][target[1]]

    def of_steps(self, sides: t.Container[str]) -> list[Target]:
        """Return the owners whose waits may end with a step of another owner on one of these sides."""
        return [target for target, side in self._of_steps.items() if side is None or side in sides]

    def is_over(self) -> bool:
        """Return whether the stage waits for nothing more."""
        return all(self._name in pending.waiting.outlasts and not self._is_last for target, pending in self._all())

    def due_at(self, without: t.Container[str]) -> float:
        """Return when something is due, on the clock; infinity if nothing is.

        Args:
            without: The sides that are not polled now.
        """
        sides = [pending for side, pending in self._pending.items() if pending and side not in without]
        times = [min(map(_due, pending.values())) for pending in sides]
        if times and self._next_poll < min(times) and any(wait.is_paced for pending in sides for wait in pending.values()):
            return self._next_poll
        return min(times, default=math.inf)

    def take_due(self, moment: float, without: t.Container[str]) -> dict[Target, PendingWait]:
        """Return the waits that are due at a moment; those with the pace of the stage together."""
        is_stage_due = self._next_poll <= moment
        found = {}
        for target, pending in self._all():
            if target[0] not in without and (pending.due <= moment or (is_stage_due and pending.is_paced)):
                pending.is_polled = True
                found[target] = pending
        return found

    def set_pace(self, moment: float) -> None:
        """Set when the stage polls next, after it has polled at a moment."""
        if self._stage is not None and self._next_poll <= moment:
            self._next_poll = self._clock() + self._interval(*self._stage)

    def waited(self, pending: PendingWait, moment: float) -> float:
        """Return how long an owner has waited: since it began or, for what has the time of the stage, since that began."""
        return moment - (pending.since if self._stage is None or pending.waiting.seconds is not None else self._stage[0])

    def end_of(self, pending: PendingWait) -> float:
        """Return when an owner stops waiting in this stage, on the clock; infinity if it is polled at once."""
        return min(pending.deadline, self._stage[1]) if self._stage is not None and pending.waiting.outlasts else pending.deadline

    def shown_end_of(self, pending: PendingWait) -> float:
        """Return the end of a wait that users see, on the clock: that of its stage, however short the wait itself is."""
        return self.end_of(pending) if self._stage is None or pending.waiting.outlasts else self._stage[1]

    def _all(self) -> t.Iterator[tuple[Target, PendingWait]]:
        for side, pending in self._pending.items():
            for owner, wait in pending.items():
                yield (side, owner), wait

    def _deadline(self, waiting: Waiting, since: float) -> float:
        if self._stage is None:
            return since + (self._params["wait_timeout"] if waiting.seconds is None else waiting.seconds)
        if waiting.seconds is None:
            return self._stage[1]
        own = since + waiting.seconds
        return own if self._name in waiting.outlasts and not self._is_last else min(own, self._stage[1])

    def _interval(self, since: float, deadline: float) -> float:
        """Return the seconds until the next poll: a share of the time so far, and not after the deadline."""
        now = self._clock()
        longest: float = self._params["wait_sleep"]
        return min(max(SHORTEST_INTERVAL, (now - since) * INTERVAL_SHARE), longest, max(0.0, deadline - now))
