# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run asks its sides, and when: looks and polls, and what owners wait for, since when and until when."""

from __future__ import annotations

import math
import typing as t
from contextlib import contextmanager, nullcontext
from functools import partial
from operator import attrgetter

from .._http.errors import TaskError
from .._http.pauses import LONGEST_PAUSE, STOP, Clock, Limits, value_or_error
from .options import Parameters
from .side import AnySide, AnyState, Call, Owner, Purpose, Query, ReplyValue, Target, Waiting
from .wait import INTERVAL_SHARE, SHORTEST_INTERVAL

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .ledger import Held, Ledger
    from .operation import SideBySide


# The owners to look at, by the name of their side.
Wanted = t.Mapping[str, t.Sequence[Owner]]
_Asked = tuple[str, t.Hashable]


class Polled(t.NamedTuple):
    """What came of a poll.

    Attributes:
        changed: The owners whose states have changed.
        unanswered: The queries without an answer that may go unanswered, by side, with their errors.
        failed: All other queries without an answer.
    """

    changed: list[Target]
    unanswered: list[tuple[str, Query, TaskError]]
    failed: list[tuple[str, Query, TaskError]]


class Looks:
    """Looks at the owners of a run.

    Args:
        front: The front that runs.
        ledger: Gets the entries whose owners cannot be read.
    """

    def __init__(self, front: AnyFront, ledger: Ledger) -> None:
        self._front, self._ledger = front, ledger
        self._sides = {side.name: side for side in front.sides}
        # The errors of entries that could not be read at first, each with the name of the side.
        self.unread: dict[str, tuple[str, TaskError]] = {}
        # Whether several threads may send already.
        self._is_inside = False

    def look(self, wanted: Wanted, purpose: Purpose) -> list[Target]:
        """Read some owners, and return those whose states have changed.

        Raises:
            TaskError: If an answer is missing without which the task cannot go on.
        """
        asked: set[_Asked] = set()
        replies: dict[str, dict[t.Hashable, ReplyValue]] = {name: {} for name in wanted}
        changed: list[Target] = []
        while queries := {key: query for key, query in self._queries(wanted, purpose).items() if key not in asked}:
            asked |= queries.keys()
            for (name, key), reply in self._ask(queries).items():
                if isinstance(reply, TaskError):
                    self._leave(name, queries[name, key], reply)
                else:
                    replies[name][key] = reply
            for name in dict.fromkeys(name for name, key in queries):
                changed += self.take(self._sides[name], self._sides[name].observe(replies[name]))
        return changed

    def poll(self, wanted: Wanted, deadline: float) -> Polled:
        """Ask about some owners once: each side after those before it, since what these show decides what it asks.

        Args:
            wanted: The owners.
            deadline: When their time is up; the requests end with it. Infinity for a poll at once.
        """
        polled = Polled([], [], [])
        for name, side in self._sides.items():
            if name in wanted:
                self._poll_side(side, wanted[name], deadline, polled)
        return polled

    def _poll_side(self, side: AnySide, owners: t.Sequence[Owner], deadline: float, polled: Polled) -> None:
        answered: dict[t.Hashable, ReplyValue] = {}
        queries = self._queries({side.name: owners}, Purpose.POLL)
        replies: dict[_Asked, ReplyValue] = self.within(deadline, partial(self._ask, queries))
        is_near = self._front.clock() + LONGEST_PAUSE >= deadline
        for (name, key), reply in replies.items():
            if not isinstance(reply, TaskError):
                answered[key] = reply
                continue
            # Before, the client has used all its retries. Near the end, it has no time for them, so that a missing answer is no
            # failure. If the poll may have changed something, the task must look.
            is_late = is_near and reply.is_unanswered and not reply.outcome_unknown
            # A poll at once, which has no deadline, is the first look at something.
            is_waited_through = side.is_patient and reply.is_transient and deadline < math.inf
            (polled.unanswered if is_late or is_waited_through else polled.failed).append((name, queries[name, key], reply))
        if answered:
            polled.changed.extend(self.take(side, side.observe(answered)))

    def within(self, deadline: float, call: Call) -> ReplyValue:
        """Make a call whose requests end at a deadline, on the clock; infinity for none."""
        if deadline == math.inf:
            return call()
        with self._front.session.within(deadline):
            return call()

    def fail_unread(self) -> list[Target]:
        """Let entries fail that could not be read again, and return their owners."""
        unread, self.unread = self.unread, {}
        return [target for entry, (side, error) in unread.items() for target in self._ledger.fail_entries({entry: error}, side)]

    def take(self, side: AnySide, states: t.Mapping[Owner, AnyState]) -> list[Target]:
        """Store states of a side, and return the owners whose states have changed."""
        known = side.states
        changed = [owner for owner, state in states.items() if owner not in known or known[owner] is not state]
        new = [owner for owner in changed if owner not in known]
        known.update(states)
        self._ledger.know(side.name, new)
        return [(side.name, owner) for owner in changed]

    def _queries(self, wanted: Wanted, purpose: Purpose) -> dict[_Asked, Query]:
        return {
            (name, query.key): query for name, owners in wanted.items() for query in self._sides[name].queries(owners, purpose)
        }

    def _ask(self, queries: t.Mapping[_Asked, Query]) -> dict[_Asked, ReplyValue]:
        """Ask all queries, and return the reply or TaskError of each. A single one needs no thread, and no thread starts one."""
        if len(queries) <= 1 or STOP.get() is not None:
            return {key: value_or_error(query.call) for key, query in queries.items()}
        # Imported late: few tasks need it, and a module's process compiles each file again.
        from .._http.threads import READERS, call_all

        calls = {key: partial(value_or_error, query.call) for key, query in queries.items()}
        params = self._front.params
        # A pause for a rate limit may take as long as all tries of a request.
        longest_pause = Limits(params["timeout"], params["retries"]).total_time
        with nullcontext() if self._is_inside else _parallel(self._front).side_by_side(READERS, longest_pause):
            return call_all(calls, READERS)

    @contextmanager
    def side_by_side(self) -> t.Iterator[None]:
        """Let steps be sent side by side inside the block, in which these looks need none of their own."""
        params = self._front.params
        with _parallel(self._front).side_by_side(params["parallel"], float(params["wait_timeout"])):
            self._is_inside = True
            try:
                yield
            finally:
                self._is_inside = False

    def _leave(self, name: str, query: Query, error: TaskError) -> None:
        """Note that a query has no answer.

        Raises:
            TaskError: If the task cannot go on without.
        """
        if self._front.is_strict or not query.owners:
            raise error
        entries = [entry for owner in query.owners for entry in self._front.entries_of(name, owner, None)]
        self.unread.update({entry: (name, error) for entry in entries if entry not in self.unread})


def _parallel(front: AnyFront) -> SideBySide:
    """Return the session of a front that asks or sends several things at the same time."""
    return t.cast("SideBySide", front.session)


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

    is_polled = False

    def __init__(self, waiting: Waiting, since: float, deadline: float, due: float, *, is_paced: bool = False) -> None:
        self.waiting, self.since, self.deadline, self.due, self.is_paced = waiting, since, deadline, due, is_paced
        self.unanswered: TaskError | None = None


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
        """Let the time of the stage begin, if it has one that has not begun; return its longest wait, a polled one first."""
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
            rank = (kept.waiting.polls, self.end_of(kept))
            if kept.is_paced and (paced is None or rank > (paced.waiting.polls, self.end_of(paced))):
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
        kept[owner] = new = Kept(waiting, since, deadline, due, is_paced=is_paced)
        if old is not None and is_same:
            new.unanswered = old.unanswered
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

    def deadline_of(self, target: Target) -> float:
        """Return when the time of an owner that waits is up."""
        return self._kept[target[0]][target[1]].deadline

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

    def shown_end_of(self, kept: Kept) -> float:
        """Return when users see that an owner stops waiting, on the clock: with its stage, however short its own wait is."""
        return self.end_of(kept) if self._stage is None or kept.waiting.outlasts else self._stage[1]

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
