# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read first, chosen and known of the whole path, as one side of the engine; and the progress of the run."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Peer, fields_of
from .._engine.plan import Notice, Plan, Step, joined
from .._engine.side import (
    ONLY,
    AnySide,
    Call,
    Context,
    Failure,
    Owner,
    Purpose,
    Query,
    Replies,
    ReplyValue,
    Side,
    Waiting,
)
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import value_or_error
from .entry_containers import EntryContainers
from .path_state import PathPart, PathState, without

if t.TYPE_CHECKING:
    # Read only where the list has the cloud.
    from .entry_aws import AwsNetworks

# What cannot be read refuses the whole list.
_READ = "read"


class PathReader:
    """Reads both sides, side by side; again, once, if another run has meanwhile requested what is in the way here.

    Args:
        make_parts: Makes the parts, which have read nothing yet, by their names.
        entries: The entries, by key.
        list_peers: Lists the connections with AWS; None if the task leaves Atlas alone.
        path: What is known of both sides.

    Attributes:
        parts: The parts, in the order of their plans.
        unread: What could not be read, as failures of its entries.
    """

    def __init__(
        self,
        make_parts: t.Callable[[], t.Mapping[str, PathPart]],
        entries: t.Mapping[str, PeerEntry],
        list_peers: t.Callable[[], list[Peer]] | None,
        path: PathState,
    ) -> None:
        self._make_parts, self._entries, self._list_peers, self._path = make_parts, entries, list_peers, path
        self.unread: dict[str, Failure] = {}
        # How often it has begun, and the connections that Atlas's list may not have had yet.
        self._turn, self._unlisted = 0, frozenset[str]()
        self._begin()

    def _begin(self) -> None:
        self._turn += 1
        self._path.forget()
        self.parts = self._make_parts()
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
                self.unread.setdefault(owner, Failure(_READ, answer if entry is None else entry.named(answer)))
        self._is_read, self._calls = True, {}
        if self.unread:
            return
        for name, part in self.parts.items():
            part.begin(self._answers[name])
        self._calls = {name: part.reads_more() for name, part in self.parts.items()}
        in_aws = self.parts.get(AWS.half[0])
        if not any(self._calls.values()) and self._list_peers is not None and in_aws is not None:
            self._unlisted = frozenset(t.cast("AwsNetworks", in_aws).terms.find_unlisted())


class PathSide(Side[PathState]):
    """All parts of the whole path, and their common state.

    It sends nothing: the other sides do, and it takes their states in. Its owners are the stages: a stage waits until no part
    waits for anything in it.

    Args:
        context: What all sides share.
        path: What is known of both sides.
        entries: The entries of the list.
        stages: The stages, in order.
        make_parts: Makes the parts; see `PathReader`.
        list_peers: Lists the connections with AWS; see `PathReader`.
        say: Puts warnings about entries into sentences.

    Attributes:
        last: The last plan, which has what was left to do.
    """

    name = "path"

    def __init__(
        self,
        context: Context,
        path: PathState,
        entries: t.Sequence[PeerEntry],
        stages: t.Sequence[str],
        make_parts: t.Callable[[], t.Mapping[str, PathPart]],
        list_peers: t.Callable[[], list[Peer]] | None,
        say: t.Callable[[t.Iterable[Notice]], list[str]],
    ) -> None:
        super().__init__(context)
        self._say = say
        self._entries = {entry.key: entry for entry in entries}
        self._places = {stage: place for place, stage in enumerate(stages)}
        self.state = path
        self._reader = PathReader(make_parts, self._entries, list_peers, path)
        self.last = Plan()
        # The plan of each part, for predictions and for the other sides.
        self._plans: dict[str, Plan] = {}
        # The changes that a prediction knows not to be made.
        self._undone: set[t.Hashable] = set()

    @property
    def parts(self) -> t.Mapping[str, PathPart]:
        """The parts, by name, in the order of their plans."""
        return self._reader.parts

    # Reading.

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> list[Query]:
        """Return what to ask: all parts in turn, but for the first look. The other sides look again."""
        return self._reader.queries() if purpose is Purpose.FIRST else []

    def observe(self, replies: Replies) -> dict[Owner, PathState]:
        """Take in what was read."""
        if not replies:
            return {}
        self._reader.take(replies)
        if self._reader.unread:
            # What could not be read refuses the plan, and is no failure of the run.
            self.state.failures = self._reader.unread
        return {ONLY: self.state}

    def take_from(self, side: AnySide, owner: Owner) -> None:
        """Take in what another side has read or changed."""
        self.parts[side.name].take(owner, side.states[owner])

    # Planning.

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan both sides of all entries."""
        plan = self.decide()
        self.states.update({stage: self.states.pop(stage, self.state) for stage in self._places})
        return plan

    def decide(self) -> Plan:
        """Plan what is left to do on all sides."""
        with self.state.kept():
            self.last = self._decide()
        return self.last

    def _decide(self) -> Plan:
        unread = {owner: failure.error for owner, failure in self._reader.unread.items()}
        if unread:
            return Plan(refusals=unread)
        plans: dict[str, Plan] = {}
        for name, part in self.parts.items():
            plans[name] = part.plan()
            if name == EntryContainers.name:
                # All other parts plan with the containers as they will be, which have no ids yet.
                part.predict(plans[name])
            for owner, error in plans[name].failures.items():
                # What has failed already goes no further on the other sides.
                self.state.fail(owner, "plan", error)
        # The first part that refuses an entry says why.
        failures = joined([*plans.values()]).failures
        # An entry that has failed goes no further, on no side.
        self._plans = plans = {name: without(failures, plan) for name, plan in plans.items()}
        whole = joined([*plans.values()])
        # Of a VPC whose block the entry leaves open, AWS says first what is wrong: it may not know the VPC.
        in_aws = plans.get(AWS.half[0], Plan()).refusals
        first = {key: error for key, error in in_aws.items() if self._entries[key].params["cidr_block"] is None}
        # The other sides have the steps.
        warnings = (*whole.warnings, *self._say(whole.notices))
        return replace(whole, steps=(), warnings=warnings, refusals={**whole.refusals, **first})

    def steps_of(self, side: str) -> tuple[Step, ...]:
        """Return the steps of the last plan that another side sends."""
        return tuple(step for name, plan in self._plans.items() for step in plan.steps if (step.side or name) == side)

    def predict(self, steps: t.Iterable[Step]) -> dict[Owner, PathState]:
        """Return the state after the plans of all parts; what is known to fail is not done."""
        failures = {owner: Failure("plan", error) for owner, error in self.last.failures.items()}
        self.state.failures = {**failures, **self.state.failures}
        for name, part in self.parts.items():
            part.predict(self._plans[name])
        for name, part in self.parts.items():
            for step in self._plans[name].steps:
                # A container that others use stays.
                entries = part.entries_of(step.owner, step)
                self._undone.update(step.keys if entries and self.state.failures.keys() >= {*entries} else ())
        return {ONLY: self.state}

    def is_foreseen(self, step: Step) -> bool:
        """Return whether a step of a prediction is not known to fail."""
        return not self._undone.issuperset(step.keys)

    # Waiting.

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Return what a stage waits for."""
        if owner != self.context.stage:
            return None
        is_over = not self.context.running and all(part.is_settled() for part in self.parts.values())
        return None if is_over else Waiting(self.context.stage, ends_with_steps=True)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a stage; what it waits for has an error of its own."""
        return TaskError(f"The time was up before {owner}.")

    def fail(self, entry: str, step: str, error: TaskError) -> Failure:
        """Take in the failure of an entry, of which nothing goes any further.

        Args:
            entry: The key of an entry or the id of a pruned connection, or what stands for something of several entries.
            step: What has failed, in the word of results.
            error: The error.
        """
        own = self._entries.get(entry)
        # Of what is for several entries, each failure is one of its own.
        failure = Failure(step, error if own is None else own.named(error))
        self.state.fail(entry, *failure)
        for part in self.parts.values():
            part.record_failure(entry, step, error)
        self.state.failures = self.context.failures
        return failure


def _or_error(call: Call) -> tuple[ReplyValue]:
    """Return what a call returns, or its TaskError: that what could not be read is a failure of its entries."""
    return (value_or_error(call),)
