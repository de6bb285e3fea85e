# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run looks and decides: it asks the queries of its sides, takes the states that they observe, and plans."""

from __future__ import annotations

import math
import typing as t
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial

from .._http.errors import TaskError
from .._http.pauses import LONGEST_PAUSE, STOP, Limits
from .options import name_project
from .plan import Change, Plan, Step
from .side import AnySide, AnyState, Call, Owner, Purpose, Query, ReplyValue, Target

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .ledger import Ledger
    from .operation import SideBySide
    from .outcome import Outcome, RunProgress

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
        # The errors of entries that could not be read at first.
        self.unread: dict[str, TaskError] = {}
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
        """Ask about some owners once.

        Args:
            wanted: The owners.
            deadline: When their time is up; the requests end with it. Infinity for a poll at once.
        """
        answered: dict[str, dict[t.Hashable, ReplyValue]] = {}
        polled = Polled([], [], [])
        queries = self._queries(wanted, Purpose.POLL)
        replies: dict[_Asked, ReplyValue] = self.within(deadline, partial(self._ask, queries))
        is_near = self._front.clock() + LONGEST_PAUSE >= deadline
        for (name, key), reply in replies.items():
            if not isinstance(reply, TaskError):
                answered.setdefault(name, {})[key] = reply
                continue
            # Before, the client has used all its retries. Near the end, it has no time for them, so that a missing answer is no
            # failure. If the poll may have changed something, the task must look.
            is_late = is_near and reply.is_unanswered and not reply.outcome_unknown
            # A poll at once, which has no deadline, is the first look at something.
            is_waited_through = self._sides[name].is_patient and reply.is_transient and deadline < math.inf
            (polled.unanswered if is_late or is_waited_through else polled.failed).append((name, queries[name, key], reply))
        for name, found in answered.items():
            polled.changed.extend(self.take(self._sides[name], self._sides[name].observe(found)))
        return polled

    def within(self, deadline: float, call: Call) -> ReplyValue:
        """Make a call whose requests end at a deadline, on the clock; infinity for none."""
        if deadline == math.inf:
            return call()
        with self._front.session.within(deadline):
            return call()

    def fail_unread(self) -> list[Target]:
        """Let entries fail that could not be read again, and return their owners."""
        unread, self.unread = self.unread, {}
        return self._ledger.fail_entries(unread, "read")

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
            replies: dict[_Asked, ReplyValue] = {}
            for key, query in queries.items():
                try:
                    replies[key] = query.call()
                except TaskError as error:
                    replies[key] = error
            return replies
        # Imported late: few tasks need it, and a module's process compiles each file again.
        from .._http.threads import READERS, call_all, value_or_error

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
        self.unread.update({entry: error for entry in entries if entry not in self.unread})


class Planning:
    """Makes the plans of a run.

    Args:
        front: The front that runs.
        ledger: Gets the steps.
        looks: Has the entries that could not be read.
        progress: Shows the plan.
        outcome: Receives the line of the first plan, and warnings.
    """

    def __init__(self, front: AnyFront, ledger: Ledger, looks: Looks, progress: RunProgress, outcome: Outcome) -> None:
        self._front, self._ledger, self._looks = front, ledger, looks
        self._progress, self._outcome = progress, outcome

    def decide(self) -> Plan:
        """Plan for all owners in place of all that was not sent, and show the plan.

        Raises:
            TaskError: If the plan must not be carried out; the outcome already shows it.
        """
        front, unread = self._front, self._looks.unread
        plan = Plan(refusals=dict(unread)) if unread else front.plan_of([_stamped(plan, side) for side, plan in front.plans()])
        front.context.plan = plan
        if self._outcome.plan is None:
            # People see what the task set out to do; later plans have what is left of it.
            self._outcome.show_line(plan, front.line(plan), name_project(front.params))
        self._ledger.fill(plan)
        self._outcome.warn(plan)
        self._progress.show()
        if plan.refusals:
            raise front.refusal(plan)
        self._ledger.fail_entries(plan.failures, "plan")
        return plan

    def again(self, targets: t.Sequence[Target]) -> tuple[Plan, list[Target]]:
        """Plan again for owners whose steps are in doubt; for a list, the plan that people see stays.

        Returns:
            The plan, and the owners that have failed with it.

        Raises:
            TaskError: If the plan is about one object, and must not be carried out.
        """
        if self._front.is_one:
            return self.decide(), []
        changes: list[Change] = []
        steps: list[Step] = []
        stopped: list[Target] = []
        for side in self._front.sides:
            owners = [owner for name, owner in targets if name == side.name]
            if not owners:
                continue
            plan = _stamped(side.plan(owners), side)
            self._outcome.warn(plan)
            stopped += self._ledger.fail_entries({**plan.failures, **plan.refusals}, side.name)
            changes += plan.changes
            steps += plan.steps
        plan = Plan(tuple(changes), tuple(steps))
        for target, (step, error) in self._ledger.replace([one for one in targets if one not in stopped], plan).items():
            stopped += self._ledger.fail(target, step, error)
        return plan, stopped


def _parallel(front: AnyFront) -> SideBySide:
    """Return the session of a front that asks or sends several things at the same time."""
    return t.cast("SideBySide", front.session)


def _stamped(plan: Plan, side: AnySide) -> Plan:
    """Return a plan whose steps have the name of their side."""
    return replace(plan, steps=tuple(replace(step, side=side.name) for step in plan.steps))
