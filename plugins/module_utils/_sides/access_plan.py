# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of the access list that one task declares: their plan, their requests, and what they wait for."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._engine.entry import join_problems, read_entries
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, Facts, Plan, Step, find_differences
from .._engine.prune import check_ceiling, check_ignore, split_ignored
from .._engine.side import ONLY, Call, Context, Effect, Owner, Query, Replies, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import InvalidOptionError, TaskError
from .._resources.access_list import (
    ENTRY_FIELDS,
    ENTRY_FITS,
    MOST_ENTRIES,
    NEVER,
    SUBJECTS,
    AccessEntry,
    AccessList,
    find_mistakes,
    in_both_forms,
    is_name,
    key_of,
    spelled,
)
from .access_list import (
    IN_FORCE,
    AccessListState,
    AccessRequest,
    AccessStates,
    Changes,
    Entries,
    WriteResult,
    access_list_in,
    as_listed,
    check_status,
    entries_of,
    find_expiring,
    find_writes,
    not_in_force,
    to_change,
    to_requests,
)

_LIVE_PEER = "live peer"
_LOOK = Waiting("another look", polls_at_once=True, looks_again=True)
# The options of an entry.
ENTRY_SPEC: dict[str, dict[str, t.Any]] = {name: {"type": "str"} for name in ENTRY_FIELDS}
# The end of a block that holds every address.
_ANYWHERE = "/0"


def parse_access_entries(params: Parameters) -> tuple[list[AccessEntry], list[str]]:
    """Return the entries of the options, and warnings about those that allow every address.

    Raises:
        InvalidOptionError: If some are invalid or duplicates; the message names all of them.
    """
    seen: set[str] = set()
    warnings: list[str] = []
    entries: list[AccessEntry] = []
    found = read_entries("entries", params["entries"], ENTRY_SPEC)
    for given in found:
        given.values.update({name: None for name, value in given.values.items() if value == ""})
        block, address = given.values["cidr_block"], given.values["ip_address"]
        if block and address and "/" not in address and key_of({"cidr_block": block}) == key_of({"ip_address": address}):
            # Atlas and Terraform show an address beside its own block: both are one subject.
            given.values["ip_address"] = None
        entry, problems = t.cast("AccessEntry", given.values), given.problems
        entries.append(entry)
        if not problems:
            given.exclude(*SUBJECTS)
            mistakes = find_mistakes(entry, params["state"], only_own=params["only_own"])
            problems += [given.named(InvalidOptionError(f"{error}.", hint=error.hint)) for error in mistakes]
        if problems:
            continue
        name = str(key_of(entry))
        if spelled(name, seen) in seen:
            given.add(f"is {name}, which is in the list before. Give each entry once.", " ")
        seen.add(name)
        if params["state"] == "present" and name.endswith(_ANYWHERE):
            warnings.append(
                f"{given.place} is {name}: every address on the internet may then connect to the clusters, and only their "
                "users' passwords keep strangers out. Allow the blocks of your own networks instead."
            )
    problems = [problem for given in found for problem in given.problems]
    if problems:
        raise join_problems(problems)
    return entries, warnings


class AccessListPlanner:
    """Plans the changes of an access list.

    Args:
        params: The options as `validate` returns them.
        done: The changes that the task has made.
    """

    def __init__(self, params: Parameters, done: t.Mapping[t.Hashable, Change]) -> None:
        self._params, self._done = params, done
        self._declared: dict[str, AccessEntry] = {str(key_of(entry)): entry for entry in params["entries"]}

    def declared(self, listed: Entries) -> dict[str, AccessEntry]:
        """Return the entries of the options, by the names that a list has for them."""
        return as_listed(self._declared, listed)

    def plan_absent(self, state: AccessListState) -> Plan:
        """Plan the removal of the declared entries, except those that `left` returns."""
        left = self.left(state)
        to_remove = sorted(name for name in self.declared(state.listed) if name in state.listed and name not in left)
        changes = _removals(state.listed, to_remove)
        return Plan(changes, tuple(map(_to_step, changes)))

    def left(self, state: AccessListState) -> Entries:
        """Return the existing entries that `only_own` leaves to others: declared, but with another comment; empty without it."""
        if not self._params["only_own"]:
            return {}
        return {
            name: state.listed[name]
            for name, entry in self.declared(state.listed).items()
            if name in state.listed and state.listed[name]["comment"] != entry["comment"]
        }

    def plan_present(self, state: AccessListState) -> Plan:
        """Plan the declared entries, and with `prune` the removal of the others.

        As far as there is room, entries are written before others are removed, so that no client is shut out. A plan that must
        not be carried out has `refusals`.

        Raises:
            TaskError: If an entry cannot be written.
        """
        writes, to_prune = (
            find_writes(self._declared, state.listed, keep_comment=self._params["keep_comment"]),
            self.to_prune(state),
        )
        new = sum(change.before is None for change in writes)
        early = max(0, min(len(state.listed) + new - MOST_ENTRIES, len(to_prune))) if new else 0
        removals = _removals(state.listed, to_prune)
        steps = [
            *map(_to_step, removals[:early]),
            # An update, since writing an entry twice does no harm: after a lost reply, it is just written again.
            *([_to_write(writes)] if writes else []),
            *(_to_step(change, after=IN_FORCE) for change in removals[early:]),
        ]
        changes = writes + removals
        unmatched, warnings = self._check_ignore(state, to_prune)
        warnings += self._warn(state, to_prune[:early])
        return Plan(changes, tuple(steps), warnings, refusals=unmatched or self._refusals(state, to_prune, new))

    def to_prune(self, state: AccessListState) -> list[str]:
        """Return the sorted names of the entries to prune: those that could be pruned at the start, and still can."""
        if not self._params["prune"]:
            return []
        now, first = self._prunable(state.listed), self._prunable(state.first)
        return sorted(now & first)

    def _prunable(self, entries: Entries) -> set[str]:
        """Return the names of the undeclared entries that no option protects."""
        return {
            entry["name"]
            for entry in self._split_undeclared(entries)[1]
            # Entries of unknown kinds are left alone.
            if is_name(entry["name"]) and (self._params["prune_temporary"] or entry["delete_after_date"] is None)
        }

    def _split_undeclared(self, entries: Entries) -> tuple[list[t.Any], list[t.Any]]:
        """Return the undeclared entries, each with its name: those to ignore, and the others."""
        declared = self.declared(entries)
        undeclared = [{**in_both_forms(entry), "name": name} for name, entry in entries.items() if name not in declared]
        return split_ignored(self._params["ignore"], undeclared, ENTRY_FITS)

    def count(self, state: AccessListState, changes: t.Collection[Change]) -> dict[str, int]:
        """Return how many entries were changed or, for the changes of a plan, would be, and how many others there are."""
        actions = [change.action for change in changes]
        ignored, others = self._split_undeclared({**state.first, **state.listed})
        return {
            "created": actions.count("create"),
            "updated": actions.count("update"),
            "deleted": actions.count("delete"),
            "unchanged": len(self.declared(state.listed).keys() - {change.key for change in changes}),
            "ignored": len(ignored),
            "undeclared": len(others),
        }

    def _check_ignore(self, state: AccessListState, to_prune: t.Sequence[str]) -> tuple[dict[str, TaskError], tuple[str, ...]]:
        """Return the refusal of a plan that prunes while a pattern matches nothing, and the warnings about patterns."""
        if not self._params["prune"]:
            return {}, ()
        present = list(map(in_both_forms, (*state.first.values(), *self._declared.values())))
        error, warnings = check_ignore(self._params, present, ENTRY_FITS, removes=bool(to_prune))
        return {"": error} if error is not None else {}, warnings

    def _warn(self, state: AccessListState, early: t.Sequence[str]) -> tuple[str, ...]:
        """Return warnings of declared entries that expire although no option says so, and of `early` removals."""
        warnings: tuple[str, ...] = ()
        if expiring := find_expiring(self._declared, state.listed, None):
            warnings += (
                f"Atlas will remove entries that are declared: {expiring}. Set delete_after_date: never to make them permanent, "
                "or to their dates if they may go.",
            )
        if early:
            names = ", ".join(early)
            warnings += (f"The access list has no room for the new entries, so that these are removed before: {names}.",)
        return warnings

    def check_permanent(self, state: AccessListState) -> None:
        """Check that no entry expires that the options make permanent.

        Raises:
            TaskError: If one does.
        """
        if expiring := find_expiring(self._declared, state.listed, NEVER):
            raise TaskError(
                f"Atlas has kept the ends of {expiring}.",
                description="make entries of the access list permanent",
                hint="Remove them first (state: absent), then run the task again.",
            )

    def _refusals(self, state: AccessListState, to_prune: t.Sequence[str], new: int) -> dict[str, TaskError]:
        """Return why the plan must not be carried out, under an empty key; empty if it may."""
        if not self._params["prune"]:
            return {}
        # Earlier removals of this task count, too.
        removals = sorted({*to_prune, *(change.key for change in self._done.values() if change.after is None)})
        error = check_ceiling(self._params, removals)
        too_many = len(state.listed) + new - len(to_prune) - MOST_ENTRIES
        if error is None and new and too_many > 0:
            error = TaskError(
                f"The access list would have {MOST_ENTRIES + too_many} entries, and Atlas allows {MOST_ENTRIES}.",
                hint="Declare fewer entries, or let prune remove more of the others (ignore, prune_temporary).",
            )
        return {"": error} if error is not None else {}


class DeclaredEntries:
    """The entries that one task declares, in one owner.

    They are added in one request, and others removed one by one. They have to be in force before others are pruned and, if the
    task waits, at the end.

    Args:
        context: The options, and what was done.
        access_list: The access list in Atlas.
        planner: Plans its changes.
        has_live_peer: Reads whether the project has a live connection, without which it takes no security groups.
    """

    def __init__(
        self, context: Context, access_list: AccessList, planner: AccessListPlanner, has_live_peer: t.Callable[[], bool]
    ) -> None:
        self._params, self._access_list, self._planner = context.params, access_list, planner
        self._facts = Facts(lambda key: has_live_peer())
        self._is_absent = context.params["state"] == "absent"
        # Whether the task has waited since it read the list.
        self._has_waited = False

    def _awaited(self, state: AccessListState) -> t.Collection[str]:
        """Return the declared entries that are not known to be in force."""
        return self._planner.declared(state.listed) if state.waiting is None else state.waiting

    def polls(self, owners: t.Sequence[Owner], states: AccessStates) -> t.Iterable[Query]:
        """Return a query for the status of each entry that is waited for."""
        names = self._awaited(access_list_in(states, ONLY))
        return [Query(name, partial(self._access_list.get_status, name)) for name in names]

    def observe(self, replies: Replies, states: AccessStates) -> AccessStates:
        """Return which entries are not in force yet.

        Raises:
            TaskError: If Atlas could not bring one into force.
        """
        state = access_list_in(states, ONLY)
        waiting = [name for name in self._awaited(state) if name not in replies or not check_status(name, replies[name])]
        self._has_waited |= bool(waiting)
        return {ONLY: replace(state, waiting=(*waiting,))}

    def plan(self, owners: t.Sequence[Owner], states: AccessStates) -> Plan:
        """Plan which entries to write or to remove.

        Raises:
            TaskError: If one is not possible.
        """
        state, self._has_waited = access_list_in(states, ONLY), False
        if self._is_absent:
            return self._planner.plan_absent(state)
        plan = self._planner.plan_present(state)
        if plan.steps and plan.steps[0].action == "delete":
            # Check before anything is removed: Atlas would refuse the groups afterwards.
            self._check_groups(plan.changes)
        # If the list has changed meanwhile, a refused plan may have been carried out in part.
        where = f"The list is refused for {name_project(self._params)}:"
        return replace(plan, refusals={key: TaskError(f"{where} {error.marked}") for key, error in plan.refusals.items()})

    def _check_groups(self, changes: t.Iterable[Change]) -> None:
        if any(change.after and change.after["aws_security_group"] for change in changes) and not self._facts[_LIVE_PEER]:
            raise TaskError(
                "Security groups can be allowed only beside a VPC peering connection, and there is none.",
                hint="Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead.",
            )

    def predicted(self, steps: t.Sequence[Step]) -> t.Sequence[Step]:
        """Return the steps to predict, after checking that there is a live connection if the list gets security groups."""
        self._check_groups(change for step in steps for change in step.request.changes)
        return steps

    def wait(self, owner: Owner, step: Step | None, states: AccessStates) -> Waiting | None:
        """Wait until all declared entries are in force: at the end if the task waits, and always before others are pruned.

        Raises:
            TaskError: If an entry expires that was to become permanent.
        """
        if step is not None and step.after is None:
            return None
        state = access_list_in(states, ONLY)
        if not self._is_absent:
            self._planner.check_permanent(state)
        is_waited_for = step is not None or (self._params["wait"] and not self._is_absent)
        if is_waited_for and self._awaited(state):
            return Waiting(IN_FORCE, polls_at_once=state.waiting is None)
        # Another client may have protected entries meanwhile.
        return _LOOK if step is not None and self._has_waited else None

    def late_error(self, owner: Owner, step: Step | None, error: WaitTimeoutError, states: AccessStates) -> TaskError:
        """Return the error that names the entries which are not in force, and whether they keep others from being pruned."""
        kept = "" if step is None else " So no entry was pruned yet."
        return not_in_force(access_list_in(states, ONLY).waiting or (), error, kept=kept)

    def write(self, step: Step, state: AccessListState) -> Call:
        """Return a call that writes entries in one request, or removes one."""
        changes: Changes = step.request.changes
        if step.action == "delete":
            return partial(_remove, self._access_list, state.listed, changes)
        return partial(_write, self._access_list, state.listed, changes, partial(self._planner.check_permanent, state))

    def effect(self, written: WriteResult, new: t.Sequence[str]) -> Effect:
        """Return the changes made."""
        return Effect({}, written.made)

    def line(self, states: AccessStates) -> str:
        """Return nothing: a task on one list has no lines."""
        return ""


def to_actions(changes: t.Iterable[Change], declared: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Return changes as results show them: declared entries in their order, then the others by name."""
    places = {name: index for index, name in enumerate(declared)}
    return [
        {
            "action": change.action,
            "index": places.get(change.key),
            "name": change.key,
            "differing": list(find_differences(change.after or {}, change.before or {})) if change.action == "update" else [],
        }
        for change in sorted(changes, key=lambda change: (places.get(change.key, len(places)), change.key))
    ]


def _to_step(removal: Change, after: str | None = None) -> Step:
    return Step("delete", AccessRequest(removal.key, (removal,)), (removal.key,), after)


def _to_write(writes: tuple[Change, ...]) -> Step:
    names = tuple(change.key for change in writes)
    return Step("update", AccessRequest(tuple(change.after for change in writes), writes), names)


def _removals(listed: Entries, names: t.Iterable[str]) -> tuple[Change, ...]:
    return tuple(to_change(name, listed[name], None) for name in names)


def _remove(access_list: AccessList, listed: Entries, changes: Changes) -> WriteResult:
    access_list.delete_entry(changes[0].key)
    return WriteResult.of(listed, changes)


def _write(access_list: AccessList, listed: Entries, changes: Changes, check_permanent: t.Callable[[], None]) -> WriteResult:
    """Write entries, and return the changes as Atlas shows them.

    Whether Atlas makes a temporary entry permanent is not documented, so such an entry is read again.

    Raises:
        TaskError: If the entries are refused, an entry cannot be read, or all of them are unchanged.
    """
    access_list.create_entries(to_requests(changes))
    made = []
    for change in changes:
        found, (before, after) = change, entries_of(change)
        if before and after and before["delete_after_date"] and not after["delete_after_date"]:
            try:
                entry = access_list.get_entry(change.key)
            except TaskError as error:
                raise error.with_outcome(unknown=True) from error.__cause__
            if entry["delete_after_date"]:
                found = to_change(change.key, before, entry)
        if found.after != found.before:
            made.append(found)
    if not made:
        check_permanent()
    return WriteResult.of(listed, made)
