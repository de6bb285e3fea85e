# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The looks and polls of a run."""

from __future__ import annotations

import math
import typing as t
from contextlib import contextmanager, nullcontext
from functools import partial

from .._http.errors import TaskError
from .._http.pauses import LONGEST_PAUSE, Limits, value_or_error
from .side import AnySide, AnyState, Call, Owner, Purpose, Query, ReplyValue, Target

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .ledger import Ledger
    from .operation import SideBySide


# The owners to look at, by the name of their side.
Wanted = t.Mapping[str, t.Sequence[Owner]]
_QueryKey = tuple[str, t.Hashable]


class PollResult(t.NamedTuple):
    """The result of a poll.

    Attributes:
        changed: The owners whose states have changed.
        unanswered: The queries that may go without an answer, by side, with their errors.
        failed: All other queries without an answer.
    """

    changed: list[Target]
    unanswered: list[tuple[str, Query, TaskError]]
    failed: list[tuple[str, Query, TaskError]]


class StateReader:
    """Looks at the owners of a run.

    Args:
        front: The front that runs.

    Attributes:
        unread: The errors of entries that could not be read, each with the name of the side.
        ledger: Receives new owners; None until something is sent or waited for.
    """

    def __init__(self, front: AnyFront) -> None:
        self._front = front
        self.ledger: Ledger | None = None
        self._sides: t.Mapping[str, AnySide] = {}
        self.unread: dict[str, tuple[str, TaskError]] = {}
        # Whether several threads may already send.
        self._is_inside = False

    def look(self, wanted: Wanted, purpose: Purpose) -> list[Target]:
        """Read some owners, and return those whose states have changed.

        Raises:
            TaskError: If an answer is missing without which the task cannot go on.
        """
        self._sides = {side.name: side for side in self._front.sides}
        asked: set[_QueryKey] = set()
        replies: dict[str, dict[t.Hashable, ReplyValue]] = {name: {} for name in wanted}
        changed: list[Target] = []
        while queries := {key: query for key, query in self._queries(wanted, purpose).items() if key not in asked}:
            asked |= queries.keys()
            for (name, key), reply in self._ask(queries).items():
                if isinstance(reply, TaskError):
                    self._record_unread(name, queries[name, key], reply)
                else:
                    replies[name][key] = reply
            if self.unread and purpose is Purpose.FIRST:
                break
            for name in wanted:
                changed += self.take(self._sides[name], self._sides[name].observe(replies[name]))
        return changed

    def poll(self, wanted: Wanted, deadline: float) -> PollResult:
        """Poll some owners once, one side after the other: what one shows decides what the next asks.

        Args:
            wanted: The owners.
            deadline: When they time out; the requests end with it. Infinity for a poll at once.
        """
        polled = PollResult([], [], [])
        for name, side in self._sides.items():
            if name in wanted:
                self._poll_side(side, wanted[name], deadline, polled)
        return polled

    def _poll_side(self, side: AnySide, owners: t.Sequence[Owner], deadline: float, polled: PollResult) -> None:
        answered: dict[t.Hashable, ReplyValue] = {}
        queries = self._queries({side.name: owners}, Purpose.POLL)
        replies: dict[_QueryKey, ReplyValue] = self.within(deadline, partial(self._ask, queries))
        is_near = self._front.clock() + LONGEST_PAUSE >= deadline
        for (name, key), reply in replies.items():
            if not isinstance(reply, TaskError):
                answered[key] = reply
                continue
            # Near the deadline, the client has no time for its retries, so a missing answer is no failure; earlier, it has used
            # them all. If the poll may have changed something, the task must look.
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

    def take(self, side: AnySide, states: t.Mapping[Owner, AnyState]) -> list[Target]:
        """Store states of a side, and return the owners whose states have changed."""
        known = side.states
        changed = [owner for owner, state in states.items() if owner not in known or known[owner] is not state]
        new = [owner for owner in changed if owner not in known]
        known.update(states)
        if self.ledger is not None:
            self.ledger.know(side.name, new)
        return [(side.name, owner) for owner in changed]

    def _queries(self, wanted: Wanted, purpose: Purpose) -> dict[_QueryKey, Query]:
        return {
            (name, query.key): query for name, owners in wanted.items() for query in self._sides[name].queries(owners, purpose)
        }

    def _ask(self, queries: t.Mapping[_QueryKey, Query]) -> dict[_QueryKey, ReplyValue]:
        """Ask all queries, and return the reply or TaskError of each. A single one needs no thread."""
        if len(queries) <= 1:
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
        """Let several threads send steps inside the block; looks there need no such block of their own."""
        params = self._front.params
        with _parallel(self._front).side_by_side(params["parallel"], float(params["wait_timeout"])):
            self._is_inside = True
            try:
                yield
            finally:
                self._is_inside = False

    def _record_unread(self, name: str, query: Query, error: TaskError) -> None:
        """Record that a query has no answer.

        Raises:
            TaskError: If the task cannot go on without one.
        """
        owners = () if self._front.is_strict else query.owners
        entries = [entry for owner in owners for entry in self._front.entries_of(name, owner, None)]
        if not entries:
            raise error
        self.unread.update({entry: (name, error) for entry in entries if entry not in self.unread})


def _parallel(front: AnyFront) -> SideBySide:
    """Return the session of a front that sends several requests at the same time."""
    return t.cast("SideBySide", front.session)
