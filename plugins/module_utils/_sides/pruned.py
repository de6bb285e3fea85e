# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pruned connections leave in the customer's clouds, as a side: it is removed before Atlas forgets them."""

from __future__ import annotations

import typing as t

from .._engine.plan import Plan, Step
from .._engine.side import AnyState, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError


class PrunedChoice(t.Protocol):
    """What is known of the connections that are pruned, and of what they leave."""

    def look(self, owner: str) -> Call:
        """Return the call that reads what a connection leaves; it returns that by connection."""

    def plan_again(self) -> Plan:
        """Plan what is left to do."""

    def is_clear(self, step: Step) -> bool:
        """Return whether Atlas needs nothing more of what a step removes.

        Raises:
            TaskError: If it goes on needing it.
        """

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not clear before its time was up."""

    def removal(self, step: Step) -> Call:
        """Return the call that removes something; that of a run returns what is there then."""

    def has_stayed(self, step: Step, found: AnyState) -> bool:
        """Return whether what a run was to remove is still there, because others need it."""


class PrunedSide(Side[AnyState]):
    """Pruned connections, each an owner; the state is what is found of it in its cloud: the removals of routes in AWS.

    In AWS, each route is a step, which reads it again before. In the other clouds, removing what a connection leaves is a run.

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
        """Ask what connections leave, after a step whose outcome is unknown; nothing is polled."""
        return [Query(owner, self._choice().look(str(owner)), (owner,)) for owner in owners if purpose is Purpose.AGAIN]

    def observe(self, replies: Replies) -> t.Mapping[Owner, AnyState]:
        """Return what connections leave."""
        return {owner: found for reply in replies.values() for owner, found in reply.items()}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to remove of some connections."""
        plan = self._choice().plan_again()
        return Plan(plan.changes, tuple(step for step in plan.steps if step.owner in owners))

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for what Atlas needs until a connection is gone.

        Raises:
            TaskError: If that stays.
        """
        if step is None or self._choice().is_clear(step):
            return None
        return Waiting("the connections to be gone", polls=False, ends_with_steps=True)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of what Atlas has needed until the end."""
        return self._choice().late_error(t.cast(Step, step), error)

    def request(self, step: Step) -> Call:
        """Remove what a connection leaves."""
        return self._choice().removal(step)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record what is gone; nothing if it stays because others need it."""
        if step.is_run:
            return Effect({step.owner: reply}, () if self._choice().has_stayed(step, reply) else None)
        # A list is a new state, even if a look has shown it.
        return Effect({step.owner: [one for one in self.states[step.owner] if one != step.request]})

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, AnyState]:
        """Return nothing: what is gone is foreseen by the changes."""
        return {}
