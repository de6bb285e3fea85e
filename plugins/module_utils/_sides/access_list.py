# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access list of a project as a side: its state, the requests to it, and what is waited for."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import partial

from .._engine.plan import Change, Plan, Step
from .._engine.side import ONLY, PREDICTED, SEEN, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import AuthError, NoAnswerError, OvertakenError, StoppedError, TaskError, as_name, as_option
from .._resources.access_list import NEVER, AccessEntry, AccessList, merged, spelled, to_send

if t.TYPE_CHECKING:
    # A task needs one of them.
    from .access_plan import DeclaredEntries
    from .entry_access import AccessRequests

_LIST = "list"
# What a removal waits for if other entries must be in force first.
IN_FORCE = "in force"
Entries = t.Mapping[str, AccessEntry]
Changes = t.Sequence[Change]


@dataclass(frozen=True)
class AccessRequest:
    """What a step sends; two are equal if they send the same.

    Attributes:
        sent: The entries to write, or the name of the one to remove; of a list of connections, the names of all.
        changes: The changes that it makes, from the state in which it is planned.
    """

    sent: tuple[AccessEntry | t.Mapping[str, object] | None, ...] | tuple[str, ...] | str
    changes: tuple[Change, ...] = field(compare=False)


@dataclass(frozen=True)
class AccessListState:
    """The access list of a project.

    Attributes:
        listed: All entries, by name.
        first: The entries when the task began; later ones were added by others, and are never pruned.
        waiting: The names of the declared entries that are not in force yet; None if unknown.
    """

    listed: Entries
    first: Entries
    waiting: tuple[str, ...] | None = None


def after_changes(listed: Entries, changes: t.Iterable[Change]) -> Entries:
    """Return the entries of a list after some changes."""
    changed = {change.key: entries_of(change)[1] for change in changes}
    return {name: entry for name, entry in {**listed, **changed}.items() if entry is not None}


def check_status(name: str, status: str) -> bool:
    """Return whether an entry with a status is in force.

    Raises:
        TaskError: If it never will be.
    """
    if status == "FAILED":
        raise TaskError(f"Atlas could not bring {as_name(name)} of the access list into force.", hint="Run the task again.")
    return status == "ACTIVE"


def not_in_force(names: t.Iterable[str], error: WaitTimeoutError, kept: str = "") -> TaskError:
    """Return the error of a timeout before entries are in force; `kept` is a sentence for the message."""
    unanswered = " Atlas did not answer in the end." if error.unanswered else ""
    return TaskError(
        f"{', '.join(map(as_name, names))} of the access list is still not in force after {error.span}.{unanswered}{kept}",
        hint=f"Raise {as_option('wait_timeout')}, or run the task again later.",
    )


def other_comment(name: str, entry: AccessEntry, comment: str | None) -> str:
    """Return why `only_own` keeps an entry: it has another comment than the task would give it."""
    has = "no comment" if entry["comment"] is None else f"the comment {entry['comment']!r}"
    return f"{name} has {has}, not {comment!r}: somebody else uses it, or has changed it."


def to_change(name: str, before: AccessEntry | None, after: AccessEntry | None) -> Change:
    """Return the change of an entry; `before` is None for a new one, and `after` for a removed one."""
    action: t.Literal["create", "update", "delete"] = "update"
    if before is None or after is None:
        action = "create" if before is None else "delete"
    return Change(action, name, None if before is None else {**before}, None if after is None else {**after})


def entries_of(change: Change) -> tuple[AccessEntry | None, AccessEntry | None]:
    """Return the entry before and after a change."""
    return t.cast("AccessEntry | None", change.before), t.cast("AccessEntry | None", change.after)


def to_requests(changes: t.Iterable[Change]) -> list[AccessEntry]:
    """Return the entries as they are after changes, as requests need them."""
    return [to_send(entry) for _before, entry in map(entries_of, changes) if entry is not None]


def as_listed(entries: Entries, listed: Entries) -> dict[str, AccessEntry]:
    """Return entries by the names that a list has for them."""
    return {spelled(name, listed): entry for name, entry in entries.items()}


def find_writes(entries: Entries, listed: Entries, *, keep_comment: bool) -> tuple[Change, ...]:
    """Return the changes that a list needs to have some entries, sorted by name.

    Raises:
        TaskError: If one is not possible.
    """
    writes = []
    for name, entry in as_listed(entries, listed).items():
        current = listed.get(name)
        if entry["delete_after_date"] not in (None, NEVER) and current is not None and current["delete_after_date"] is None:
            # PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY; removing it first would shut clients out for a moment.
            raise TaskError(
                f"{name} is permanent in the access list, and cannot be given a delete_after_date.",
                hint="Leave delete_after_date out, or remove the entry first (state: absent).",
            )
        after = merged(current, entry, keep_comment=keep_comment)
        if after != current:
            writes.append(to_change(name, current, after))
    return tuple(sorted(writes, key=lambda change: change.key))


def find_expiring(entries: Entries, listed: Entries, wanted: str | None) -> str:
    """Return those of some entries in a list that are declared with this `delete_after_date` and expire, with their dates."""
    wanted_so = [name for name, entry in as_listed(entries, listed).items() if entry["delete_after_date"] == wanted]
    dates = ((name, listed[name]["delete_after_date"]) for name in wanted_so if name in listed)
    return ", ".join(f"{name} at {date}" for name, date in dates if date)


# The state of a request is the list; that of an entry that is waited for by itself is whether it is in force, or why it never
# will be.
AccessState = t.Union[AccessListState, bool, TaskError]
AccessStates = t.Mapping[Owner, AccessState]


class WriteResult(t.NamedTuple):
    """What a request has done: the list afterwards, the changes made, and the errors of others, by name."""

    listed: Entries
    made: Changes
    failures: t.Mapping[str, TaskError]

    @classmethod
    def of(
        cls, listed: Entries, made: Changes, gone: Changes = (), failures: t.Mapping[str, TaskError] | None = None
    ) -> WriteResult:
        """Return the result of a request to a list; `gone` has what others have removed meanwhile."""
        return cls(after_changes(listed, (*made, *gone)), made, failures or {})


class AccessListSide(Side[AccessState]):
    """The access list, with an owner for all that a task declares or, in a list of connections, for each request.

    The request of a step also has the changes that it makes. In a list of connections, entries that are waited for are owners,
    too.

    Args:
        context: What all sides of the run share.
        access_list: The access list in Atlas.
        owners: The owners that are known at the start.

    Attributes:
        reader: Plans, writes and waits. It is set before the run.
    """

    name = "access_list"
    polls_while_sending = takes_turns = True
    reader: DeclaredEntries | AccessRequests

    def __init__(self, context: Context, access_list: AccessList, owners: t.Sequence[Owner] = (ONLY,)) -> None:
        super().__init__(context, owners)
        self._access_list = access_list

    def begin(self, owners: t.Iterable[Owner], access: AccessListState) -> None:
        """Take the owners of requests, and the list, whose `waiting` has older entries that are waited for."""
        self.states.update(dict.fromkeys(owners, access))
        self.states.update({name: False for name in access.waiting or () if name not in self.states})

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list or, in a poll, for the status of entries."""
        if purpose is Purpose.POLL:
            return self.reader.polls(owners, self.states)
        return [Query(_LIST, self._access_list.list_entries, tuple(owners))] if owners else []

    def observe(self, replies: Replies) -> AccessStates:
        """Return the list or, after a poll, which entries are in force."""
        if _LIST not in replies:
            return self.reader.observe(replies, self.states)
        listed = replies[_LIST]
        known = next((state for state in self.states.values() if isinstance(state, AccessListState)), None)
        return self._for_all(AccessListState(listed, listed) if known is None else replace(known, listed=listed))

    def _for_all(self, access: AccessListState) -> dict[Owner, AccessState]:
        begun = (owner for owner, state in self.states.items() if isinstance(state, AccessListState))
        return dict.fromkeys((*self.owners, *begun), access)

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan which entries to write or to remove."""
        return self.reader.plan(owners, self.states)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for what comes before a request, and at the end until entries are in force."""
        return self.reader.wait(owner, step, self.states)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of what was not in force in time, or of a request that had to wait too long."""
        return self.reader.late_error(owner, step, error, self.states)

    def request(self, step: Step) -> Call:
        """Add entries or remove some; the call returns what was `WriteResult`."""
        return self.reader.write(step, access_list_in(self.states, step.owner))

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record the list and the changes made; after a lost reply, those that the list shows."""
        access, changes = access_list_in(self.states, step.owner), step.request.changes
        written: WriteResult = reply
        if reply is SEEN:
            seen = [change for change in changes if access.listed.get(change.key) == change.after]
            written = WriteResult(access.listed, seen, {})
        elif reply is PREDICTED:
            written = WriteResult.of(access.listed, changes)
        new = [change.key for change in written.made if change.after is not None]
        # What is in force is unknown after an addition.
        access = replace(access, listed=written.listed, waiting=None if new else access.waiting)
        effect = self.reader.effect(written, new)
        return effect._replace(states={**self._for_all(access), **effect.states})

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, AccessState]:
        """Return the list after some steps."""
        return super().predict(self.reader.predicted([*steps]))

    def progress_line(self) -> str:
        """Return what is waited for."""
        return self.reader.line(self.states)


def access_list_in(states: AccessStates, owner: Owner) -> AccessListState:
    """Return the list, which is the state of each request."""
    return t.cast(AccessListState, states[owner])


def read_statuses(access_list: AccessList, names: t.Sequence[str], parallel: int) -> dict[Owner, AccessState]:
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
    others = names[1:] if first is not False else ()
    return {names[0]: first, **call_all({name: partial(read, name) for name in others}, parallel)}


def add_missing(access_list: AccessList, entries: Entries) -> WriteResult:
    """Add what is missing: in one request or, if Atlas refuses one entry, one by one.

    Raises:
        TaskError: If all fail for one reason, or the outcome of some is unknown.
    """
    changes, listed = _missing(access_list, entries)
    try:
        if changes:
            access_list.create_entries(to_requests(changes))
        return WriteResult.of(listed, changes)
    except (StoppedError, AuthError, NoAnswerError):
        raise
    except TaskError as error:
        if len(changes) == 1 or error.outcome_unknown or error.is_unanswered:
            raise
    changes, listed = _missing(access_list, entries)
    return _one_by_one(listed, changes, lambda change: access_list.create_entries(to_requests([change])))


def _missing(access_list: AccessList, entries: Entries) -> tuple[Changes, Entries]:
    """Read the list, and return the additions that it needs, and the list."""
    listed = access_list.list_entries()
    return find_writes(entries, listed, keep_comment=True), listed


def remove_chosen(access_list: AccessList, choose: t.Callable[[Entries], Changes]) -> WriteResult:
    """Remove the chosen entries, one by one.

    Raises:
        TaskError: If the outcome of some is unknown.
    """
    listed = access_list.list_entries()
    return _one_by_one(listed, choose(listed), lambda change: access_list.delete_entry(change.key))


def _one_by_one(listed: Entries, changes: Changes, write: t.Callable[[Change], None]) -> WriteResult:
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
        raise open_.with_outcome(unknown=is_unknown, is_transient=is_transient, parts=failures) from open_.__cause__
    return WriteResult.of(listed, made, gone, failures)
