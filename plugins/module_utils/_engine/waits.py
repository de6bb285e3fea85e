# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the owners of a run wait for: since when, until when, and when each is polled next."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass
from operator import attrgetter

from .._http.errors import TaskError
from .._http.pauses import Clock
from .options import Parameters
from .side import Owner, Target, Waiting
from .wait import INTERVAL_SHARE, SHORTEST_INTERVAL

if t.TYPE_CHECKING:
    from .ledger import Held


@dataclass
class Kept:
    """What an owner waits for.

    Attributes:
        waiting: What it waits for.
        since: When it began, on the clock.
        deadline: When its time is up.
        due: When it has to be polled or has failed, whatever comes first; its deadline if it is polled with the stage.
        is_paced: Whether it is polled with the stage.
        is_polled: Whether it was polled since it was kept.
        unanswered: The error of the last poll; None if it got an answer.
    """

    waiting: Waiting
    since: float
    deadline: float
    due: float
    is_paced: bool = False
    is_polled: bool = False
    unanswered: TaskError | None = None


_due: t.Callable[[Kept], float] = attrgetter("due")


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
        self._kept: dict[str, dict[Owner, Kept]] = {}
        self._since: dict[Target, dict[tuple[str, float | None], float]] = {}
        # Those that a step of another owner may end.
        self._of_steps: dict[Target, None] = {}
        # The waits that have begun with a poll at once.
        self._at_once: set[tuple[Target, str]] = set()
        # When the stage has begun, when it ends, and when it polls next; None without stages.
        self._stage: tuple[float, float] | None = None
        self._seconds: float | None = None
        self._next_poll = math.inf
        self._name, self._is_last = "", True

    def begin(self, name: str, seconds: float | None, held: t.Mapping[Target, Held], *, is_last: bool) -> None:
        """Begin a stage, and drop all waits but those of held steps, which go on in it. Its time begins with `start`.

        Args:
            name: The name of the stage.
            seconds: Its time; None without stages.
            held: The refused steps that are sent again.
            is_last: Whether it is the last one, which waits for all.
        """
        self._name, self._is_last = name, is_last
        self._stage, self._seconds = None if seconds is None else (self._clock(), math.inf), seconds
        self._next_poll = math.inf
        self._kept.clear()
        self._of_steps.clear()
        if seconds is None:
            self._since = {target: since for target, since in self._since.items() if target in held}
            self._at_once.clear()
        for target, one in held.items():
            self.keep(target, one.waiting, is_held=True)

    def start(self) -> Kept | None:
        """Let the time of the stage begin, if it has one that has not begun; return a wait with its pace, a polled one first."""
        if self._stage is None or self._stage[1] < math.inf or self._seconds is None:
            return None
        now = self._clock()
        self._stage = (now, now + self._seconds)
        self._next_poll = now + self._interval(*self._stage)
        paced: Kept | None = None
        for unused, kept in self._all():
            if kept.waiting.polls_at_once and kept.due == kept.since:
                # Its time begins after that poll.
                continue
            deadline = self._deadline(kept.waiting, kept.since)
            kept.due = deadline if kept.due == kept.deadline else kept.due
            kept.deadline = deadline
            if kept.is_paced and (paced is None or (kept.waiting.polls and not paced.waiting.polls)):
                paced = kept
        return paced

    def keep(self, target: Target, waiting: Waiting, *, is_held: bool = False) -> bool:
        """Note what an owner waits for, with a refused step if `is_held`; return whether it is something new."""
        now, (side, owner) = self._clock(), target
        self._of_steps.pop(target, None)
        if waiting.ends_with_steps:
            self._of_steps[target] = None
        kept = self._kept.setdefault(side, {})
        old = kept.get(owner)
        is_same = old is not None and old.waiting == waiting
        if old is not None and is_same and not old.is_polled:
            return False
        goal = (waiting.goal, waiting.seconds)
        if waiting.polls_at_once and (target, waiting.goal) not in self._at_once:
            # The time begins after this poll.
            self._at_once.add((target, waiting.goal))
            kept[owner] = Kept(waiting, now, math.inf, now)
            return True
        since = self._since.setdefault(target, {}).setdefault(goal, now)
        deadline = self._deadline(waiting, since)
        # Other waits end with a step of the task, or not at all.
        is_timed = waiting.polls or waiting.looks_again or is_held
        is_paced = self._stage is not None and is_timed and not waiting.own_pace
        if (
            is_paced
            and self._stage is not None
            and self._next_poll < now
            and not any(one.is_paced for _target, one in self._all())
        ):
            # Nothing was polled for a while.
            self._next_poll = now + self._interval(*self._stage)
        due = now + self._interval(since, deadline) if is_timed and not is_paced else deadline
        unanswered = old.unanswered if old is not None and is_same else None
        kept[owner] = Kept(waiting, since, deadline, due, is_paced, unanswered=unanswered)
        return not is_same

    def drop(self, target: Target) -> None:
        """Note that an owner waits for nothing."""
        side, owner = target
        self._kept.get(side, {}).pop(owner, None)
        self._of_steps.pop(target, None)

    def forget(self, target: Target) -> None:
        """Note that a step of an owner has taken effect: the next wait has its whole time, also for the same goal."""
        self.drop(target)
        self._since.pop(target, None)
        self._at_once = {one for one in self._at_once if one[0] != target} if self._at_once else self._at_once

    def get(self, target: Target) -> Kept | None:
        """Return what an owner waits for; None for nothing."""
        return self._kept.get(target[0], {}).get(target[1])

    def of_steps(self) -> list[Target]:
        """Return the owners whose waits a step of another owner may end."""
        return [*self._of_steps]

    def is_over(self) -> bool:
        """Return whether the stage waits for nothing more."""
        return all(self._name in kept.waiting.outlasts and not self._is_last for target, kept in self._all())

    def due_at(self, without: t.Container[str]) -> float:
        """Return when something is due, on the clock; infinity if nothing is.

        Args:
            without: The sides that are not polled now.
        """
        sides = [kept for side, kept in self._kept.items() if kept and side not in without]
        times = [min(map(_due, kept.values())) for kept in sides]
        if times and self._next_poll < min(times) and any(one.is_paced for kept in sides for one in kept.values()):
            return self._next_poll
        return min(times, default=math.inf)

    def take_due(self, moment: float, without: t.Container[str]) -> dict[Target, Kept]:
        """Return the waits that are due at a moment; those with the pace of the stage together."""
        is_stage_due = self._next_poll <= moment
        found = {}
        for target, kept in self._all():
            if target[0] not in without and (kept.due <= moment or (is_stage_due and kept.is_paced)):
                kept.is_polled = True
                found[target] = kept
        return found

    def set_pace(self, moment: float) -> None:
        """Set when the stage polls next, after it has polled at a moment."""
        if self._stage is not None and self._next_poll <= moment:
            self._next_poll = self._clock() + self._interval(*self._stage)

    def waited(self, kept: Kept, moment: float) -> float:
        """Return how long an owner has waited: since it began or, for what has the time of the stage, since that began."""
        return moment - (kept.since if self._stage is None or kept.waiting.seconds is not None else self._stage[0])

    def end_of(self, kept: Kept) -> float:
        """Return when an owner stops waiting in this stage, on the clock; infinity if it is polled at once."""
        return min(kept.deadline, self._stage[1]) if self._stage is not None and kept.waiting.outlasts else kept.deadline

    def _all(self) -> t.Iterator[tuple[Target, Kept]]:
        for side, kept in self._kept.items():
            for owner, one in kept.items():
                yield (side, owner), one

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
