# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access list as a side of a list of connections: requests for several of its entries, and entries that come into force."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from .._engine.plan import Change, Plan, Step
from .._engine.side import SEEN, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import AuthError, NoAnswerError, OvertakenError, StoppedError, TaskError, as_count, as_option
from .._http.pauses import Sleep
from .._resources.access_list import AccessEntry, AccessList, to_send
from .access_plan import (
    IN_FORCE,
    AccessListPlanner,
    AccessListState,
    AccessRequest,
    Entries,
    check_status,
    entries_after,
    not_in_force,
)

_LIST, _STATUSES = "list", "statuses"
# A step that waits for its turn ends this many seconds before its stage.
_MARGIN = 1.0
# Waits for the turn of this task, at most so many seconds; yields False after a timeout.
Turn = t.Callable[[float, Sleep], AbstractContextManager[bool]]
_Changes = t.Sequence[Change]
# The state of a request is the list; that of an entry is whether it is in force, or why it never will be.
_State = t.Union[AccessListState, bool, TaskError]


class Written(t.NamedTuple):
    """The result of a request: the list afterwards, the changes made, and why others could not be made, by name."""

    listed: Entries
    made: _Changes
    failures: t.Mapping[str, TaskError]


class AccessChoice(t.Protocol):
    """What the connections need and leave, as far as known now."""

    def plan_again(self) -> Plan:
        """Plan what is left to do."""

    def is_clear(self, step: Step) -> bool:
        """Return whether nothing has to be removed elsewhere before a step.

        Raises:
            TaskError: If all connections of the step have failed.
        """

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not clear in time."""

    def replacements(self, names: t.Container[str]) -> t.Iterable[str]:
        """Return the replacements of some entries, which have to be in force before these are removed."""

    def planner(self, names: t.Container[str]) -> AccessListPlanner:
        """Return a planner for those of some entries that connections need."""

    def removals(self, names: t.Container[str]) -> t.Callable[[Entries], _Changes]:
        """Return a function that chooses the entries of a list to remove among some. It runs in a thread."""

    def to_changes(self, made: _Changes) -> list[Change]:
        """Return changes of the list as results show them."""

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the connections that fail with an entry of the access list, or with a request."""


class AccessRequests(Side[_State]):
    """Each request to the access list is an owner, and so is each of its entries that is waited for.

    The state of a request is the list, and that of an entry is whether it is in force; an error if it never will be. All
    additions are one request, and removals are sent one by one in one step. Both read the list again, when it is the turn of this
    task among those of its machine. A refusal of Atlas fails for its connections alone.

    Args:
        context: What all sides of the run share.
        access_list: The access list in Atlas.
        choice: Returns what the connections need and leave.
        turn: Waits until no other host of the play changes the same list.
        sleep: Sleeps that many seconds, and ends as soon as the thread must stop.
        stage: The stage in which new entries come into force.
    """

    name = "access"
    polls_while_sending = takes_turns = True

    def __init__(
        self,
        context: Context,
        access_list: AccessList,
        choice: t.Callable[[], AccessChoice],
        turn: Turn,
        sleep: Sleep,
        stage: str,
    ) -> None:
        super().__init__(context, ())
        self._access_list, self._choice = access_list, choice
        self._turn, self._sleep, self._stage = turn, sleep, stage
        self._access = AccessListState({}, {})
        # The keys of the changes that plans have shown, by owner and name.
        self._keys: dict[tuple[Owner, str], str] = {}
        # Whether a step waits for its turn; its thread sets it.
        self._waits_for_turn = False

    def begin(self, steps: t.Iterable[Step], access: AccessListState) -> None:
        """Take the steps of a plan that is shown, and the list, whose `waiting` has older entries that are waited for."""
        self._access = access
        for step in steps:
            self.states[step.owner] = access
            self._keys.update({(step.owner, name): key for name, key in zip(step.request.sent, step.keys)})
        self.states.update({name: False for name in access.waiting or () if name not in self.states})

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list or, in a poll, for the status of one new entry and, once it is in force, of the others."""
        if purpose is Purpose.AGAIN:
            yield Query(_LIST, self._access_list.list_entries, tuple(owners))
        names = [str(owner) for owner in owners if self.states[owner] is False]
        if purpose is Purpose.POLL and names:
            yield Query(_STATUSES, partial(_read_statuses, self._access_list, names, self.context.params["parallel"]))

    def observe(self, replies: Replies) -> t.Mapping[Owner, _State]:
        """Return the list for all requests, and which entries are in force, or never will be."""
        if _LIST not in replies:
            statuses: dict[Owner, _State] = replies[_STATUSES]
            return statuses
        self._access = access = replace(self._access, listed=replies[_LIST])
        return {owner: access for owner, state in self.states.items() if isinstance(state, AccessListState)}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left of some requests, as far as a plan has shown it."""
        plan = self._choice().plan_again()
        steps = (self._as_shown(step) for step in plan.steps if step.owner in owners)
        return Plan(plan.changes, tuple(step for step in steps if step.keys))

    def _as_shown(self, step: Step) -> Step:
        """Return a step with the keys that a plan has shown: some connections of a shared change may have failed since."""
        names = tuple(name for name in step.request.sent if (step.owner, name) in self._keys)
        changes = tuple(change for change in step.request.changes if change.key in names)
        keys = tuple(self._keys[step.owner, name] for name in names)
        return step._replace(request=AccessRequest(names, changes), keys=keys)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for what has to be removed or in force before a request, and until new entries are in force.

        Raises:
            TaskError: If an entry never will be, or all connections of the request have failed.
        """
        if step is None:
            state = self.states[owner]
            if isinstance(state, TaskError):
                raise state
            return Waiting(IN_FORCE) if state is False and self.context.stage == self._stage else None
        if not self._choice().is_clear(step):
            return Waiting("what is removed before", polls=False, ends_with_steps=True)
        return Waiting(IN_FORCE, polls=False, ends_with_steps=True) if self._awaited(step) else None

    def _awaited(self, step: Step) -> list[str]:
        """Return what has to be in force before a step removes wide entries; nothing if these stay after a failure."""
        if step.after is None:
            return []
        names = self._choice().replacements(step.request.sent)
        return [name for name in names if self.states.get(name) is False or name not in self._access.listed]

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of an entry that is not in force, or of a request whose precondition was not met in time."""
        if step is None:
            return not_in_force([str(owner)], error)
        names = self._awaited(step)
        return not_in_force(names, error) if names else self._choice().late_error(step, error)

    def request(self, step: Step) -> Call:
        """Add entries or remove some, when it is the turn of this task."""
        choice, request = self._choice(), step.request
        if any(change.after is not None for change in request.changes):
            return partial(self._in_turn, partial(_add, self._access_list, choice.planner(request.sent)))
        choose = choice.removals(request.sent)
        if not choose(self._access.listed):
            # The connections that no longer needed it have failed since.
            return partial(Written, self._access.listed, (), {})
        return partial(self._in_turn, partial(_remove, self._access_list, choose))

    def _in_turn(self, write: t.Callable[[], Written]) -> Written:
        """Write when it is the turn of this task. Runs in a thread.

        Raises:
            TaskError: If the turn never came, or the outcome of some entries is unknown.
        """
        params = self.context.params
        patience = max(params["wait_timeout"] - _MARGIN, _MARGIN / 2)
        with self._turn(patience, self._wait) as has_turn:
            self._waits_for_turn = False
            if not has_turn:
                raise TaskError(
                    f"Another task on this machine has held the access list of project {params['group_id']} for "
                    f"{as_count(f'{patience:.0f} seconds')}.",
                    hint=f"Run the task again, or raise {as_option('wait_timeout')}.",
                )
            return write()

    def _wait(self, seconds: float) -> None:
        self._waits_for_turn = True
        self._sleep(seconds)

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record the list and the changes made; new entries are waited for. After a lost reply, what the list shows counts."""
        request: AccessRequest = step.request
        listed, choice = self._access.listed, self._choice()
        written: Written = reply
        if reply is SEEN:
            written = Written(listed, [change for change in request.changes if listed.get(change.key) == change.after], {})
        listed, made, failures = written
        shown = choice.to_changes(made)
        self._access = access = replace(self._access, listed=listed)
        new = [change.key for change in made if change.after is not None]
        failed = {entry: error for name, error in failures.items() for entry in choice.entries_of(name, None)}
        return Effect({step.owner: access, **dict.fromkeys(new, False)}, shown, failed)

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, _State]:
        """Return nothing: the choice predicts the list."""
        return {}

    def progress_line(self) -> str:
        """Return how many new entries are in force, or that another task has its turn first."""
        if self._waits_for_turn:
            return "another task on this machine changes the access list"
        are_in_force = [one for one in self.states.values() if isinstance(one, bool)] if self.context.stage == self._stage else []
        return f"{sum(are_in_force)} of {len(are_in_force)} entries of the access list in force" if are_in_force else ""


def _read_statuses(access_list: AccessList, names: t.Sequence[str], parallel: int) -> dict[str, bool | TaskError]:
    """Return whether one entry is in force and, once it is, the others; an error for one that never will be.

    Raises:
        TaskError: If Atlas does not answer.
    """
    from .._http.threads import call_all

    def read(name: str) -> bool | TaskError:
        try:
            return check_status(name, access_list.get_status(name))
        except TaskError as error:
            if error.is_unanswered:
                raise
            return error

    first = read(names[0])
    others = call_all({name: partial(read, name) for name in names[1:]}, parallel) if first is not False else {}
    return {names[0]: first, **others}


def _add(access_list: AccessList, planner: AccessListPlanner) -> Written:
    """Add what is missing: in one request or, if Atlas refuses one entry, one by one.

    Raises:
        TaskError: If all fail for one reason, or the outcome of some is unknown.
    """
    changes, listed = _missing(access_list, planner)
    try:
        if changes:
            access_list.create_entries(_to_send(changes))
        return _written(listed, changes)
    except (StoppedError, AuthError, NoAnswerError):
        raise
    except TaskError as error:
        if len(changes) == 1 or error.outcome_unknown or error.is_unanswered:
            raise
    changes, listed = _missing(access_list, planner)
    return _one_by_one(listed, changes, lambda change: access_list.create_entries(_to_send([change])))


def _missing(access_list: AccessList, planner: AccessListPlanner) -> tuple[_Changes, Entries]:
    """Read the list, and return the additions that it needs, and the list."""
    listed = access_list.list_entries()
    return planner.plan_present(AccessListState(listed, listed)).changes, listed


def _to_send(changes: _Changes) -> list[AccessEntry]:
    return [to_send(entry) for entry in entries_after(changes)]


def _remove(access_list: AccessList, choose: t.Callable[[Entries], _Changes]) -> Written:
    """Remove the chosen entries, one by one.

    Raises:
        TaskError: If the outcome of some is unknown.
    """
    listed = access_list.list_entries()
    return _one_by_one(listed, choose(listed), lambda change: access_list.delete_entry(change.key))


def _one_by_one(listed: Entries, changes: _Changes, write: t.Callable[[Change], None]) -> Written:
    """Write changes one after the other.

    Raises:
        TaskError: If another look has to show the outcome of some, or they may succeed then; it has the errors of all.
    """
    made, gone, failures = list[Change](), list[Change](), dict[str, TaskError]()
    for change in changes:
        try:
            write(change)
        except OvertakenError:
            gone.append(change)
        except TaskError as error:
            # If the task is stopped, earlier changes are recorded, and no more are sent.
            failures[change.key] = error
        else:
            made.append(change)
    lost = next((one for one in failures.values() if one.outcome_unknown), None)
    open_ = lost or next((one for one in failures.values() if one.is_transient), None)
    if open_ is not None:
        is_unknown, is_transient = bool(lost or made), any(one.is_transient for one in failures.values())
        raise open_.with_outcome(unknown=is_unknown, is_transient=is_transient).with_parts(failures) from open_.__cause__
    return _written(listed, made, gone, failures)


def _written(
    listed: Entries, made: _Changes, gone: _Changes = (), failures: t.Mapping[str, TaskError] = MappingProxyType({})
) -> Written:
    """Return the changes written, with the list after them; `gone` has what others have removed meanwhile."""
    after = AccessListState(listed, listed).with_changes((*made, *gone)).listed
    return Written(after, made, failures)
