# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes that pruned connections leave in AWS, as a side: they are removed before Atlas forgets the connections."""

from __future__ import annotations

import typing as t

from .._engine.plan import Plan, Step, joined
from .._engine.side import AnyState, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side


class PrunedChoice(t.Protocol):
    """What is known of the connections that are pruned, and of the routes to them."""

    def look(self, owner: str) -> Call:
        """Return the call that reads the routes to a connection; it returns their removals, by connection."""

    def plan_again(self, owner: str) -> Plan:
        """Plan what is left to do for a connection."""

    def removal(self, step: Step) -> Call:
        """Return the call that removes a route."""


class PrunedSide(Side[AnyState]):
    """Pruned connections with AWS, each an owner; the state has the removals of the routes to it. Each reads its route again.

    Args:
        context: What all sides of the run share.
        choice: Returns what is known of the connections.
    """

    name = "pruned"
    # The session with AWS repeats no change.
    retries = 3
    polls_while_sending = True

    def __init__(self, context: Context, choice: t.Callable[[], PrunedChoice]) -> None:
        super().__init__(context, ())
        self._choice = choice

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for routes after a step whose outcome is unknown; nothing is polled."""
        return [Query(owner, self._choice().look(str(owner)), (owner,)) for owner in owners if purpose is Purpose.AGAIN]

    def observe(self, replies: Replies) -> t.Mapping[Owner, AnyState]:
        """Return the removals of the routes to connections."""
        return {owner: found for reply in replies.values() for owner, found in reply.items()}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to remove of some connections."""
        return joined([self._choice().plan_again(str(owner)) for owner in owners])

    def request(self, step: Step) -> Call:
        """Remove a route."""
        return self._choice().removal(step)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record that a route is gone."""
        # A list is a new state, even if a look has shown it.
        return Effect({step.owner: [one for one in self.states[step.owner] if one != step.request]})

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, AnyState]:
        """Return nothing: what is gone is foreseen by the changes."""
        return {}
