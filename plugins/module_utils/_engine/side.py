# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract between the engine and a side: what a side returns, what it gets, and its base class."""

from __future__ import annotations

import enum
import typing as t
from types import MappingProxyType

from .._http.errors import TaskError
from .._http.pauses import Clock
from .options import Parameters
from .plan import Change, ChangeKey, Plan, Step
from .wait import State, WaitTimeoutError

# An object with a state and steps of its own: an entry, a container, an access list.
Owner = t.Hashable
# The name of a side and an owner on it: the subject of steps and waits.
Target = tuple[str, Owner]
# What a call to a service returns, and a side's own state.
ReplyValue = t.Any
AnyState = t.Any
Replies = t.Mapping[t.Hashable, ReplyValue]
Call = t.Callable[[], ReplyValue]
# The only owner of a side that has one.
ONLY = ""
# The stage before there is a plan.
BEFORE = "before the plan"


class Purpose(enum.Enum):
    """Why the engine asks a side for its queries.

    Attributes:
        FIRST: Nothing is known yet.
        AGAIN: The outcome of a step is unknown, or what was known has changed: the owners are planned again.
        POLL: Something is waited for.
    """

    FIRST = "first"
    AGAIN = "again"
    POLL = "poll"


class NoReply(enum.Enum):
    """What `Side.record` gets in place of a reply.

    Attributes:
        SEEN: The reply was lost, and another look has shown the effect: the states have it already.
        PREDICTED: Nothing was sent: the effect is predicted.
    """

    SEEN = "seen"
    PREDICTED = "predicted"


SEEN, PREDICTED = NoReply.SEEN, NoReply.PREDICTED


class Query(t.NamedTuple):
    """A question to a service.

    Attributes:
        key: The key of its answer for `Side.observe`. Each key is asked once in a look.
        call: Asks, with everything bound: it may run in a thread.
        owners: The owners that fail if there is no answer; empty if the task cannot go on without it.
    """

    key: t.Hashable
    call: Call
    owners: tuple[Owner, ...] = ()


class Waiting(t.NamedTuple):
    """What an owner waits for.

    Attributes:
        goal: What it waits for, in words for the user. Its time begins when the owner begins to wait for this goal.
        seconds: The most seconds to wait; None for the option `wait_timeout`, or for the time of the stage.
        polls: Whether a poll may end it; False if another step of the task does or, for a refused step, sending it again.
        polls_at_once: Whether to poll without a pause before, because the state is unknown. There must be a query then, and an
            answer to it, however patient the side is.
        own_pace: Whether to poll when this owner is due, and not at the pace of the stage.
        ends_with_steps: Whether a step of another owner may end it, too.
        only_of_side: Whether such a step is one of the same side.
        outlasts: The stages that may end before it does. The last stage waits for all.
        looks_again: Whether to look and plan again when it is due, as after a lost reply, in place of a poll.
    """

    goal: str
    seconds: float | None = None
    polls: bool = True
    polls_at_once: bool = False
    own_pace: bool = False
    ends_with_steps: bool = False
    only_of_side: bool = False
    outlasts: tuple[str, ...] = ()
    looks_again: bool = False


class Effect(t.NamedTuple):
    """What a step has done.

    Attributes:
        states: The states that it has changed, by owner.
        changes: The changes made; None for those of the plan, and none if others made them or a later step counts them.
        failures: The errors of a step for several entries, by entry.
    """

    states: t.Mapping[Owner, AnyState]
    changes: t.Sequence[Change] | None = None
    failures: t.Mapping[str, TaskError] = MappingProxyType({})


class Failure(t.NamedTuple):
    """The first failure of an entry: the step, as results call it, and the error."""

    step: str
    error: TaskError


class AppliedChanges(dict[t.Hashable, Change]):
    """The changes that took effect, by key, in order; those with a ChangeKey also by its owner."""

    def __init__(self) -> None:
        super().__init__()
        self._of_owners: dict[str, dict[ChangeKey, Change]] = {}

    def record(self, changes: t.Iterable[Change]) -> None:
        """Add changes. One with the key of an earlier one takes its place."""
        for change in changes:
            self[change.key] = change
            if isinstance(change.key, ChangeKey):
                self._of_owners.setdefault(change.key.owner, {})[change.key] = change

    def of(self, owner: str) -> t.Collection[Change]:
        """Return the changes of an owner."""
        return self._of_owners.get(owner, {}).values()


class Context:
    """What all sides and the front of a run share. Only the engine writes it.

    Attributes:
        params: The options.
        clock: A monotonic clock, in seconds.
        is_prediction: Whether nothing is sent or waited for: a plan may count on waits then.
        stage: The current stage.
        plan: The plan that the result shows.
        failures: The first failure of each entry; under an empty key, that of the whole.
        done: The changes that took effect, by key, in order.
        running: The steps that are being sent.
        lost: The last step of each owner whose outcome is unknown, until it is known or the next one has taken effect.
    """

    def __init__(self, params: Parameters, clock: Clock) -> None:
        self.params, self.clock = params, clock
        self.is_prediction, self.stage, self.plan = False, "", Plan()
        self.failures: dict[str, Failure] = {}
        self.done = AppliedChanges()
        self.running: dict[Target, Step] = {}
        self.lost: dict[Target, Step] = {}


class Side(t.Generic[State]):
    """One half of a peering, for any number of owners: what it reads, plans, sends and waits for, once for all modules.

    The engine asks `queries` for calls, makes them, and stores the states that `observe` returns in `states`. `plan` returns
    steps. The steps of an owner are sent in order: before each, `wait` returns what must come first; `request` returns the call,
    and `record` what it has done. When an owner has no more steps, `wait` returns what it still waits for.

    All methods run in the main thread; only calls may run in threads. A side keeps only what it was made with, and sees other
    sides only through that.

    A side must have `queries`, `observe`, `plan`, `request` and `record`. It should have `predict` where the end differs from
    what `record` predicts, `wait` and `timeout_error` where it waits, and `explain` where it knows better what went wrong.

        class Switch(Side[bool]):
            name = "switch"

            def queries(self, owners, purpose):
                return [Query(owner, partial(self._api.is_on, owner)) for owner in owners]

            def observe(self, replies):
                return replies

            def plan(self, owners):
                off = [owner for owner in owners if not self.states[owner]]
                changes = tuple(Change("update", owner, {"on": False}, {"on": True}) for owner in off)
                return Plan(changes, tuple(Step("update", True, (owner,), owner=owner) for owner in off))

            def request(self, step):
                return partial(self._api.turn_on, step.owner)

            def record(self, step, reply):
                return Effect({step.owner: True})

    Attributes:
        name: Its name in steps and failures.
        retries: How often a step is sent again after another look; None for the option `retries`.
        is_patient: Whether polls go on after every transient failure, because its session has no retries.
        polls_while_sending: Whether polls go on while steps of this side are being sent.
        looks_together: Whether there is one look for all steps whose outcome is unknown, once nothing of this side is sent.
        takes_turns: Whether a step may wait for its turn before it sends anything: its side's line is reported meanwhile.
        has_short_steps: Whether a single step of a list is sent without a thread: each is one request, and nothing else goes on
            meanwhile. Only where this side is the only one.

    Args:
        context: What all sides of the run share.
        owners: The owners that are known at the start.

    Attributes:
        context: What all sides of the run share.
        owners: The owners that are known at the start.
        states: The state of each owner that is known. Only the engine writes it; nothing is sent for an owner without one.
    """

    name: t.ClassVar[str]
    retries: t.ClassVar[int | None] = None
    is_patient: t.ClassVar[bool] = False
    polls_while_sending: t.ClassVar[bool] = False
    looks_together: t.ClassVar[bool] = False
    takes_turns: t.ClassVar[bool] = False
    has_short_steps: t.ClassVar[bool] = False

    def __init__(self, context: Context, owners: t.Sequence[Owner] = (ONLY,)) -> None:
        self.context = context
        self.owners = owners
        self.states: dict[Owner, State] = {}

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Return what to ask about some owners.

        Except for polls, the engine asks again after `observe`, until there is no new key: a query may need earlier replies.
        """
        raise NotImplementedError

    def observe(self, replies: Replies) -> t.Mapping[Owner, State]:
        """Return the states that some replies show.

        Except for polls, the engine calls this for all sides of a look, in their order, after each round of queries.

        Args:
            replies: All replies of this look so far, by the key of the query. A poll leaves out what got no answer.
        """
        raise NotImplementedError

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to do for some owners: all of them at first, and later those whose steps are in doubt.

        Raises:
            TaskError: If there is no allowed plan; nothing is changed then.
        """
        raise NotImplementedError

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Return what an owner waits for; None for nothing. Sends nothing.

        Args:
            owner: The owner.
            step: The step that is sent next; None if there is none in this stage.

        Raises:
            TaskError: If waiting is useless.
        """
        return None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a wait that has timed out.

        Args:
            owner: The owner that has waited.
            step: The step that would be sent next; None if there is none.
            waiting: What it has waited for.
            error: How long it has waited, which is less than `waiting.seconds` if its stage has ended first; and the error of the
                last poll or the refusal, if there is one.
        """
        raise NotImplementedError

    def request(self, step: Step) -> Call:
        """Return the call that sends a step, with everything bound. For a step no longer needed, the call does nothing."""
        raise NotImplementedError

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Return what a step has done; `reply` is what its call has returned, SEEN or PREDICTED."""
        raise NotImplementedError

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Return what a refused step waits for before it is sent again; None if the refusal is final."""

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Return the error to show for a failed step: the same or, if the failure is final, a better one."""
        return error

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, State]:
        """Return the states after some steps and all waits; `states` stay as they are.

        Raises:
            TaskError: If a step would be refused.
        """
        found: dict[Owner, State] = {}
        current = self.states
        try:
            for step in steps:
                found.update(self.record(step, PREDICTED).states)
                self.states = {**current, **found}
        finally:
            self.states = current
        return found

    def progress_line(self) -> str:
        """Return what this side waits for, in words for the user; empty for nothing. For lists."""
        return ""


AnySide = Side[AnyState]
