# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first reads of a list for both sides, as a side, and the plans of all choosers as one."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Peer, fields_of
from .._engine.plan import Notice, Plan, Step, joined
from .._engine.side import AnySide, Call, Context, Failure, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import value_or_error
from .entry_containers import EntryContainers
from .path_state import Chooser, PathState, without

if t.TYPE_CHECKING:
    # Read only where the list has the cloud.
    from .entry_aws import AwsNetworks

# The step of a failed read, which refuses the whole list.
_READ = "read"


class PathPlans:
    """The plans of all choosers as one, and its effects.

    Args:
        entries: The entries of the list.
        say: Turns warnings about entries into sentences.
        path: What is known of both sides.

    Attributes:
        state: What is known of both sides.
        choosers: The choosers by name, in the order of their plans, as `PathReader` has made them.
        unread: The failed reads, as failures of their entries.
        last: The last plan, of the remaining changes.
    """

    def __init__(self, entries: t.Sequence[PeerEntry], say: t.Callable[[t.Iterable[Notice]], list[str]], path: PathState) -> None:
        self._entries = {entry.key: entry for entry in entries}
        self._say, self.state = say, path
        self.choosers: t.Mapping[str, Chooser] = {}
        self.unread: dict[str, Failure] = {}
        self.last = Plan()
        # The plan of each chooser, for predictions and for the sides; and the changes that are predicted to fail.
        self._plans: dict[str, Plan] = {}
        self._failing: set[t.Hashable] = set()

    def decide(self) -> Plan:
        """Plan what is left to do on all sides."""
        with self.state.kept():
            self.last = self._decide()
        return self.last

    def _decide(self) -> Plan:
        unread = {owner: failure.error for owner, failure in self.unread.items()}
        if unread:
            return Plan(refusals=unread)
        plans: dict[str, Plan] = {}
        for name, chooser in self.choosers.items():
            plans[name] = chooser.plan()
            if name == EntryContainers.name:
                # All other choosers plan with the future containers, which have no ids yet.
                chooser.predict(plans[name])
            for owner, error in plans[name].failures.items():
                # An owner that has failed already is stopped on the other sides.
                self.state.fail(owner, "plan", error)
        # The first chooser that refuses an entry gives the reason.
        failures = joined([*plans.values()]).failures
        # A failed entry is stopped on all sides.
        self._plans = plans = {name: without(failures, plan) for name, plan in plans.items()}
        whole = joined([*plans.values()])
        # If cidr_block is not set, AWS's error comes first: the VPC may not exist.
        in_aws = plans.get(AWS.half[0], Plan()).refusals
        first = {key: error for key, error in in_aws.items() if self._entries[key].params["cidr_block"] is None}
        # The other sides have the steps.
        warnings = (*whole.warnings, *self._say(whole.notices))
        return replace(whole, steps=(), warnings=warnings, refusals={**whole.refusals, **first})

    def steps_of(self, side: str) -> tuple[Step, ...]:
        """Return the steps of the last plan that a side sends."""
        return tuple(step for name, plan in self._plans.items() for step in plan.steps if (step.side or name) == side)

    def predict(self) -> None:
        """Assume the state after the plans of all choosers, without the steps that are predicted to fail."""
        failures = {owner: Failure("plan", error) for owner, error in self.last.failures.items()}
        self.state.failures = {**failures, **self.state.failures}
        for name, chooser in self.choosers.items():
            chooser.predict(self._plans[name])
        for name, chooser in self.choosers.items():
            for step in self._plans[name].steps:
                # A container that others use stays.
                entries = chooser.entries_of(step.owner, step)
                self._failing.update(step.keys if entries and self.state.failures.keys() >= {*entries} else ())

    def is_foreseen(self, step: Step) -> bool:
        """Return whether a step is predicted to take effect."""
        return not self._failing.issuperset(step.keys)

    def fail(self, entry: str, step: str, error: TaskError) -> Failure:
        """Record the failure of an entry, which stops it.

        Args:
            entry: The key of an entry or the id of a pruned connection, or a placeholder for something of several entries.
            step: What has failed, as results call it.
            error: The error.
        """
        own = self._entries.get(entry)
        # A step shared by entries keeps its own failure.
        failure = Failure(step, error if own is None else own.named(error))
        before = self.state.failures
        self.state.fail(entry, *failure)
        for chooser in self.choosers.values():
            chooser.record_failure(entry, step, error)
        self.state.failures = before
        return failure

    def unreadable(self, owners: t.Iterable[str], error: TaskError) -> None:
        """Record a failed first read, which refuses the whole list."""
        for owner in owners:
            entry = self._entries.get(owner)
            self.unread.setdefault(owner, Failure(_READ, error if entry is None else entry.named(error)))
        # It does not count as a failure of the run.
        self.state.failures = self.unread

    def take(self, side: AnySide, owner: Owner) -> None:
        """Take what a side has read or changed."""
        chooser = self.choosers.get(side.name)
        if chooser is not None:
            chooser.take(owner, side.states[owner])


class PathReader(Side[PathState]):
    """Reads both sides first, in parallel; once more if another run has meanwhile requested a connection that is in the way.

    Its owners are the stages: for the lines of progress, one lasts until nothing is sent and no chooser waits for anything in it.

    Args:
        context: What all sides share.
        plans: Receives the choosers and failed reads.
        stages: The stages, in order.
        make_choosers: Makes the choosers, which have read nothing yet, by their names.
        list_peers: Lists the connections with AWS; None if the task leaves Atlas alone.
    """

    name = "path"

    def __init__(
        self,
        context: Context,
        plans: PathPlans,
        stages: t.Sequence[str],
        make_choosers: t.Callable[[], t.Mapping[str, Chooser]],
        list_peers: t.Callable[[], list[Peer]] | None,
    ) -> None:
        super().__init__(context)
        self._plans, self._stages, self._make_choosers, self._list_peers = plans, stages, make_choosers, list_peers
        # How often it has begun, and the connections that may be missing in Atlas's list.
        self._round, self._unlisted = 0, frozenset[str]()
        self._begin()

    def _begin(self) -> None:
        self._round += 1
        self._plans.state.forget()
        self._plans.choosers = self._make_choosers()
        self._answers: dict[str, dict[t.Any, t.Any]] = {name: {} for name in self._plans.choosers}
        self._calls = {name: chooser.reads() for name, chooser in self._plans.choosers.items()}
        self._is_read = False

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> list[Query]:
        """Return the next queries; none once all is read. The other sides look again, and poll."""
        if purpose is not Purpose.FIRST:
            return []
        if self._unlisted and self._list_peers is not None:
            return [Query(self._round, self._list_peers)]
        found = [Query((self._round, name, key), partial(_or_error, call)) for name, key, call in self._open()]
        # A chooser may have nothing to read.
        return found or ([] if self._is_read else [Query((self._round,), list)])

    def _open(self) -> t.Iterator[tuple[str, t.Any, Call]]:
        for name, calls in self._calls.items():
            for key, call in calls.items():
                yield name, key, call

    def observe(self, replies: Replies) -> dict[Owner, PathState]:
        """Take the replies."""
        self._take(replies)
        return dict.fromkeys(self._stages, self._plans.state)

    def _take(self, replies: Replies) -> None:
        if self._unlisted:
            is_overtaken = any(fields_of(peer)["connection_id"] in self._unlisted for peer in replies[self._round])
            self._unlisted = frozenset()
            if is_overtaken:
                self._list_peers = None
                self._begin()
            return
        for name, key, unused in self._open():
            (answer,) = replies[self._round, name, key]
            self._answers[name][key] = answer
            if isinstance(answer, TaskError):
                self._plans.unreadable(self._plans.choosers[name].owners(key), answer)
        self._is_read, self._calls = True, {}
        if self._plans.unread:
            return
        for name, chooser in self._plans.choosers.items():
            chooser.begin(self._answers[name])
        self._calls = {name: chooser.follow_up_reads() for name, chooser in self._plans.choosers.items()}
        in_aws = self._plans.choosers.get(AWS.half[0])
        if not any(self._calls.values()) and self._list_peers is not None and in_aws is not None:
            self._unlisted = frozenset(t.cast("AwsNetworks", in_aws).terms.find_unlisted())

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan nothing: see `PathPlans`."""
        return Plan()

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Return what a stage waits for."""
        is_over = not self.context.running and all(chooser.is_settled() for chooser in self._plans.choosers.values())
        return None if is_over or owner != self.context.stage else Waiting(self.context.stage, ends_with_steps=True)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a stage; what it waits for has its own errors."""
        return TaskError(f"The time was up before {owner}.")


def _or_error(call: Call) -> tuple[ReplyValue]:
    """Return what a call returns, or its TaskError: a failed read is a failure of its entries."""
    return (value_or_error(call),)
