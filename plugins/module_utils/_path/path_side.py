# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of the whole path as one side of the engine, until each of them is a side; and the progress of their run."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Peer, fields_of
from .._engine.lists import ListProgress
from .._engine.outcome import REPORT_INTERVAL, Outcome, Report
from .._engine.plan import Plan, Step
from .._engine.side import (
    ONLY,
    SEEN,
    AnySide,
    Call,
    Context,
    Effect,
    Failure,
    NoReply,
    Owner,
    Purpose,
    Query,
    Replies,
    ReplyValue,
    Side,
    Target,
    Waiting,
)
from .._engine.wait import SHORTEST_INTERVAL, WaitTimeoutError
from .._http.errors import TaskError
from .._http.pauses import Clock, value_or_error
from .entries import PathEntry
from .entry_containers import EntryContainers
from .part import Chooser, PathPart, one_line, task_of, without
from .path_state import PathState, What

if t.TYPE_CHECKING:
    from .._engine.front import AnyFront
    from .path_summary import PathSummary

# What cannot be read refuses the whole list.
_READ = "read"
_AGAIN, _POLL = "again", "poll"
# What a step waits for that is not ready. Polls are the business of the stage: each may end it, as other steps may.
_OTHERS = Waiting("what comes first", polls=False, ends_with_steps=True)


class PathReader:
    """Reads both sides, side by side; again, once, if another run has meanwhile requested what is in the way here.

    Args:
        make_parts: Makes the parts, which have read nothing yet, by their names.
        entries: The entries, by key.
        stage: The first stage.
        list_peers: Lists the connections with AWS; None if the task leaves Atlas alone.

    Attributes:
        parts: The parts, in the order of their plans.
        state: The state. What could not be read is a failure of its entries.
    """

    def __init__(
        self,
        make_parts: t.Callable[[], t.Mapping[str, PathPart]],
        entries: t.Mapping[str, PathEntry],
        stage: str,
        list_peers: t.Callable[[], list[Peer]] | None,
    ) -> None:
        self._make_parts, self._entries, self._stage, self._list_peers = make_parts, entries, stage, list_peers
        # How often it has begun, and the connections that Atlas's list may not have had yet.
        self._turn, self._unlisted = 0, frozenset[str]()
        self._begin()

    def _begin(self) -> None:
        self._turn += 1
        self.parts = self._make_parts()
        self.state = PathState(stage=self._stage)
        self._answers: dict[str, dict[t.Any, t.Any]] = {name: {} for name in self.parts}
        self._calls = {name: part.reads() for name, part in self.parts.items()}
        self._is_read = False

    def queries(self) -> list[Query]:
        """Return what has to be asked next; nothing once all is read."""
        if self._unlisted and self._list_peers is not None:
            return [Query(self._turn, self._list_peers)]
        found = [Query((self._turn, name, key), partial(_or_error, call)) for name, key, call in self._open()]
        # A part may have nothing to read.
        return found or ([] if self._is_read else [Query((self._turn,), list)])

    def _open(self) -> t.Iterator[tuple[str, t.Any, Call]]:
        for name, calls in self._calls.items():
            for key, call in calls.items():
                yield name, key, call

    def take(self, replies: Replies) -> None:
        """Take in what the queries have returned."""
        if self._unlisted:
            is_overtaken = any(fields_of(peer)["connection_id"] in self._unlisted for peer in replies[self._turn])
            self._unlisted = frozenset()
            if is_overtaken:
                self._list_peers = None
                self._begin()
            return
        for name, key, unused in self._open():
            (answer,) = replies[self._turn, name, key]
            self._answers[name][key] = answer
            for owner in self.parts[name].owners(key) if isinstance(answer, TaskError) else ():
                entry = self._entries.get(owner)
                self.state = self.state.with_failure(owner, _READ, answer if entry is None else entry.named(answer))
        self._is_read, self._calls = True, {}
        if self.state.failures:
            return
        for name, part in self.parts.items():
            self.state = part.begin(self._answers[name], self.state)
        self._calls = {name: part.reads_more(self.state) for name, part in self.parts.items()}
        if not any(self._calls.values()) and self._list_peers is not None:
            self._unlisted = frozenset(id_ for part in self.parts.values() for id_ in part.find_unlisted(self.state))


class PathSide(Side[PathState]):
    """All parts of the whole path, and their common state.

    Its owners are the queues of steps, which `PathPart.queue_of` names, and the stages: a stage waits until all its steps have
    ended and no part waits for anything in it. A part writes the state when it changes; the engine keeps what it was last.

    Args:
        context: What all sides share.
        entries: The entries of the list.
        stages: The stages, in order.
        make_parts: Makes the parts; see `PathReader`.
        list_peers: Lists the connections with AWS; see `PathReader`.

    Attributes:
        state: The state of the whole path.
        last: The last plan, which has what was left to do.
    """

    name = "path"
    looks_together = True

    def __init__(
        self,
        context: Context,
        entries: t.Sequence[PathEntry],
        stages: t.Sequence[str],
        make_parts: t.Callable[[], t.Mapping[str, PathPart]],
        list_peers: t.Callable[[], list[Peer]] | None,
    ) -> None:
        super().__init__(context)
        self._entries = {entry.key: entry for entry in entries}
        self._places = {stage: place for place, stage in enumerate(stages)}
        self._reader = PathReader(make_parts, self._entries, stages[0], list_peers)
        self.state = self._reader.state
        self.last = Plan()
        # The plan of each part, for predictions; and whom the first plan is about.
        self._plans: dict[str, Plan] = {}
        self._planned: set[str] = set()
        # The steps that are not being sent, by the identity of their requests; and who fails with each queue.
        self._pending: dict[int, Step] = {}
        self._entry_of: dict[Owner, str] = {}
        # What steps wait for that were refused for now, by their stage.
        self._held = {stage: _OTHERS._replace(outlasts=(stage,)) for stage in stages}
        # Why the last poll got no answer; and what is shown of errors that need no explanation, by their identity.
        self._unanswered: TaskError | None = None
        self._final: dict[int, TaskError] = {}

    @property
    def parts(self) -> t.Mapping[str, PathPart]:
        """The parts, by name, in the order of their plans."""
        return self._reader.parts

    def entry_of(self, owner: Owner) -> str:
        """Return the entry or pruned connection that fails with an owner; what is for several entries fails for itself."""
        return self._entry_of.get(owner, str(owner))

    # Reading.

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> list[Query]:
        """Return what to ask: all parts in turn, but for the first look."""
        if purpose is Purpose.FIRST:
            return self._reader.queries()
        return [Query(_POLL, self._poll) if purpose is Purpose.POLL else Query(_AGAIN, self._look_again)]

    def _poll(self) -> PathState:
        state = self.state
        try:
            for part in self.parts.values():
                state = part.poll(state)
        except TaskError as error:
            self._unanswered = error
            raise
        self._unanswered = None
        return state

    def _look_again(self) -> PathState:
        state = self.state
        for part in self.parts.values():
            state = part.look_again(state)
        return state

    def observe(self, replies: Replies) -> dict[Owner, PathState]:
        """Return the state that replies show, for the owners that it concerns."""
        for key in (_POLL, _AGAIN):
            if key in replies:
                return self._take(replies[key])
        self._reader.take(replies)
        self.state = self._reader.state
        return {ONLY: self.state}

    def _take(self, state: PathState) -> dict[Owner, PathState]:
        """Take a state, and return it for its owner and the queues whose entries have failed since."""
        before, self.state = self.state, state
        changed: dict[Owner, PathState] = {} if state is before else {ONLY: state}
        if state.failures is not before.failures and len(state.failures) > len(before.failures):
            changed.update({step.owner: state for step in self._pending.values() if task_of(step).owner in state.failures})
            changed.update(dict.fromkeys(state.failures.keys() - before.failures.keys(), state))
        return changed

    def take_from(self, side: AnySide, owner: Owner) -> None:
        """Take in what another side has read or changed."""
        chooser = t.cast(Chooser, self.parts[side.name])
        self.state = chooser.take(owner, side.states[owner], self.context.done, self.state)

    # Planning.

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan both sides of all entries; for some owners, return what is left of their steps."""
        plan = self.decide()
        steps = tuple(map(self._placed, plan.steps))
        if ONLY not in owners:
            # It refuses nothing but entries of the first one, each for itself.
            self._pending = {key: step for key, step in self._pending.items() if step.owner not in owners}
            failures = {key: error for key, error in {**plan.failures, **plan.refusals}.items() if key in self._planned}
            told = () if plan.refusals else plan.consequences
            plan = replace(plan, failures=failures, refusals={}, consequences=told)
            steps = tuple(step for step in steps if step.owner in owners)
        else:
            self._pending, self._planned = {}, {What.of(change.key).owner for change in plan.changes}
        for step in steps:
            self._pending[id(step.request)] = step
            self.states.setdefault(step.owner, self.state)
        # What is late fails before its stage.
        self.states.update({stage: self.states.pop(stage, self.state) for stage in self._places})
        return replace(plan, steps=steps)

    def _placed(self, step: Step) -> Step:
        task = task_of(step)
        owner = self.parts[task.part].queue_of(step)
        self._entry_of[owner] = task.owner or owner
        return step._replace(owner=owner, stage=task.stage)

    def decide(self) -> Plan:
        """Plan what is left to do on all sides."""
        self.last = self._decide()
        return self.last

    def _decide(self) -> Plan:
        state = self.state
        unread = {owner: failure.error for owner, failure in state.failures.items() if failure.step == _READ}
        if unread:
            return Plan(refusals=unread)
        plans: dict[str, Plan] = {}
        for name, part in self.parts.items():
            plans[name] = part.plan(state)
            if name == EntryContainers.name:
                # All other parts plan with the containers as they will be, which have no ids yet.
                state = part.predict(state, plans[name])
            for owner, error in plans[name].failures.items():
                # What has failed already goes no further on the other sides.
                state = state.with_failure(owner, "plan", error)
        failures: dict[str, TaskError] = {}
        refusals: dict[str, TaskError] = {}
        for plan in reversed(plans.values()):
            # The first part that refuses an entry says why.
            failures.update(plan.failures)
            refusals.update(plan.refusals)
        # Of a VPC whose block the entry leaves open, AWS says first what is wrong: it may not know the VPC.
        in_aws = plans.get(AWS.half[0], Plan()).refusals
        refusals.update({key: error for key, error in in_aws.items() if self._entries[key].params["cidr_block"] is None})
        # An entry that has failed goes no further, on no side.
        self._plans = plans = {name: without(failures, plan) for name, plan in plans.items()}
        return Plan(
            tuple(change for plan in plans.values() for change in plan.changes),
            tuple(step for name, plan in plans.items() if not isinstance(self.parts[name], Chooser) for step in plan.steps),
            tuple(dict.fromkeys(warning for plan in plans.values() for warning in plan.warnings)),
            failures,
            refusals,
            notes=tuple(note for plan in plans.values() for note in plan.notes),
            consequences=tuple(one for plan in plans.values() for one in plan.consequences),
        )

    def steps_of(self, side: str) -> tuple[Step, ...]:
        """Return the steps of the last plan that another side sends."""
        return self._plans.get(side, Plan()).steps

    def predict(self, steps: t.Iterable[Step]) -> dict[Owner, PathState]:
        """Return the state after the plans of all parts; what is known to fail is not done."""
        plan, state = self.last, self.state
        failures = {owner: Failure("plan", error) for owner, error in plan.failures.items()}
        state = replace(state, failures={**failures, **state.failures})
        for name, part in self.parts.items():
            state = part.predict(state, self._plans[name])
        return self._take(state.with_done(change for change in plan.changes if change.key not in state.failures))

    # Sending and waiting.

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Return what a queue or a stage waits for.

        Raises:
            TaskError: If the entry of the step has failed, or what it needs.
        """
        if self.state.stage != self.context.stage:
            self.state = replace(self.state, stage=self.context.stage)
        if owner == self.context.stage:
            return None if self._is_over() else Waiting(self.context.stage, ends_with_steps=True)
        if step is None:
            return None
        # Asked for each step after each event: what can be a call less is one.
        state, task = self.state, step.request
        failure = state.failures.get(task.owner)
        if failure is not None:
            raise failure.error
        part = self._reader.parts[task.part]
        if part.is_ready(step, state, self._running()):
            return None
        return self._held[step.stage] if part.is_held(step, state) else _OTHERS

    def _running(self) -> list[Step]:
        """Return the steps of parts that are being sent; other sides have requests of their own."""
        return [step for (side, _owner), step in self.context.running.items() if side == self.name]

    def _is_over(self) -> bool:
        """Whether all steps up to this stage have ended, and nothing is waited for.

        Requests that Atlas refuses for want of a place wait in the stage after theirs: what is done there makes places free.
        """
        if self.context.running:
            return False
        state, place = self.state, self._places[self.state.stage]
        for step in self._pending.values():
            is_open = self._places[step.stage] < place or step.stage == state.stage
            if is_open and (step.stage != state.stage or not self.parts[task_of(step).part].is_held(step, state)):
                return False
        return all(part.is_settled(state) for part in self.parts.values())

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not ready before the time was up; of a stage, all that it waits for has failed."""
        late = WaitTimeoutError(error.waited, self._unanswered, error.refusal)
        if step is not None:
            blocked = self.parts[task_of(step).part].blocked(step, self.state, late)
            return self._final.setdefault(id(blocked), blocked)
        for part in self.parts.values():
            self.state = part.late(self.state, late)
        return TaskError(f"The time was up before {owner}.")

    def request(self, step: Step) -> Call:
        """Return the call that sends a step; one of an entry that has failed meanwhile is not sent."""
        task = task_of(step)
        self._pending.pop(id(task), None)
        failure = self.state.failures.get(task.owner)
        if failure is not None:
            return partial(_fail, failure.error)
        return partial(self.parts[task.part].send, step, self.state)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Return what a step has done. A run of its own may have found that nothing was left to do."""
        task, before = task_of(step), self.state
        self._pending.pop(id(task), None)
        after = self.parts[task.part].record(step, None if reply is SEEN else reply, before)
        made = [] if after.done is before.done else [one for key, one in after.done.items() if before.done.get(key) is not one]
        return Effect(self._take(after), made if made or step.is_run else None)

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Return what a refused step waits for; None if the refusal is final, or nothing can change it any more."""
        part = self.parts[task_of(step).part]
        held = part.hold(step, error, self.state)
        if held is None:
            return None
        self.state = held
        try:
            part.is_ready(step, held, self._running())
        except TaskError as final:
            self._final[id(error)] = final
            return None
        self._pending[id(step.request)] = step
        return self._held[step.stage]

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Return the error to show for a failed step, with the options of this task."""
        if id(error) in self._final:
            return self._final.pop(id(error))
        task = task_of(step)
        better = self.parts[task.part].explain(step, error, self.state)
        if step.is_run and task.owner in self.state.failures:
            # It is no failure of its own for the engine.
            self._give_up(step.keys, better)
        return better

    def fail(self, entry: str, step: Step | None, error: TaskError, key: str = "") -> Failure:
        """Take in the failure of an entry, or of a step for several entries: what is left of it goes no further.

        Args:
            entry: What `entry_of` returns.
            step: The step; None for a failure of the plan.
            error: The error.
            key: The key of the change that has failed without a step; empty for the entry itself.
        """
        if entry in self._places:
            return Failure("", error)
        self._give_up((key or entry,) if step is None else step.keys, error)
        for other in [one for one in self._pending.values() if self.entry_of(one.owner) == entry]:
            del self._pending[id(other.request)]
            if step is None or other.request is not step.request:
                self._give_up(other.keys, self.state.failures[entry].error)
        return Failure("", error)

    def _give_up(self, keys: t.Iterable[str], error: TaskError) -> None:
        state = self.state
        for what in map(What.of, keys):
            entry = self._entries.get(what.owner)
            # Of what is for several entries, each failure is one of its own.
            state = state.with_failure(what.owner or what.key, what.step, error if entry is None else entry.named(error))
            for part in self.parts.values():
                state = part.record_failure(what, error, state)
        self.state = state

    def progress_line(self) -> str:
        """Return what the parts wait for, in one line."""
        return one_line(part.line(self.state) for part in self.parts.values())


def _or_error(call: Call) -> tuple[ReplyValue]:
    """Return what a call returns, or its TaskError: that what could not be read is a failure of its entries."""
    return (value_or_error(call),)


def _fail(error: TaskError) -> t.NoReturn:
    raise error


class PathProgress(ListProgress):
    """The progress of the whole path. Results are made when a plan is, and at the end, not after each step.

    Args:
        front: The front that runs. Its side is a PathSide, and it has a `summary`.
        outcome: Receives what results show.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> None:
        super().__init__(front, outcome, report, clock)
        self._sides = {side.name: side for side in front.sides}
        self._path = t.cast(PathSide, self._sides[PathSide.name])
        self._summary: PathSummary = t.cast("t.Any", front).summary
        self._stage = ""
        # The stage in which a step was found to last, and since when.
        self._lasting = ("", 0.0)
        # The keys of the entries whose ends were reported.
        self._ended: set[str] = set()
        # What others have to do that was known when the plan was made, or was reported since; None without a plan.
        self._noted: t.Sequence[str] | None = None

    def see(self, changed: t.Collection[Target] = (), waiting: Waiting | None = None, until: float | None = None) -> None:
        """Report an event. With a `waiting` that polls, a line says what its stage waits for, and then once a minute."""
        for side, owner in changed:
            if side != self._path.name:
                self._path.take_from(self._sides[side], owner)
        if waiting is not None and not waiting.polls:
            return
        self._report_notes()
        self._report_ended()
        if waiting is not None:
            self._tell_line(until)

    def _tell_line(self, until: float | None, sides: t.Iterable[AnySide] | None = None) -> None:
        now, stage = self._clock(), self._front.context.stage
        if until is None or (stage == self._stage and now - self._reported < REPORT_INTERVAL):
            return
        line = one_line(side.progress_line() for side in sides or self._front.sides)
        if line:
            self._stage, self._reported = stage, now
            self.tell_named(f"{line}; {self._times(until - now)}")

    def wakes_at(self) -> float:
        """Return when a line is due although nothing is polled, on the clock: while a step may wait for its turn."""
        return self._clock() + SHORTEST_INTERVAL if self._in_turn() else math.inf

    def wake(self) -> None:
        """Report whose turn it is before, once a stage and a minute."""
        stage, sides = self._front.context.stage, self._in_turn()
        if stage != self._lasting[0]:
            self._lasting = stage, self._clock()
        if sides:
            self._tell_line(self._lasting[1] + self._front.seconds_of(stage), sides)

    def _in_turn(self) -> list[AnySide]:
        """Return the sides that are sending a step which may wait for its turn."""
        sides = (self._sides[side] for side, _owner in self._front.context.running)
        return [side for side in sides if side.takes_turns]

    def _report_notes(self) -> None:
        """Report what others have to do as soon as it is known: the task may wait for it."""
        known, notes = self._noted, self._path.state.notes
        if known is None or notes is known:
            return
        self._noted = notes
        for note in [one for one in notes if one not in known]:
            self.tell_named(note)

    def _report_ended(self) -> None:
        """Report, with `-v`, the entries that have ended since the last event."""
        if self._report.detail is None or not self._has_plan:
            return
        path, summary = self._path, self._summary
        for key, words in summary.ended(path.state, path.last, self._ended).items():
            self._ended.add(key)
            self._report.detail(self._cleaned(f"{summary.title(key, path.state)}: {words}"))

    def show(self, changed: t.Collection[Target] = ()) -> None:
        """Let the result show the current state, and the warnings that are known only once it is done, or predicted."""
        super().show(changed)
        if self._noted is None:
            self._noted = self._path.state.notes
        self._outcome.warnings += [one for one in self._path.state.warnings if one not in self._outcome.warnings]

    def end(self) -> None:
        """Let the result show the last state."""
        self._report_ended()
        super().end()
