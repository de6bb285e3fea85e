# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access list of a project: its state, and the plan for its entries."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from types import MappingProxyType

from .._engine.entry import join_problems, read_entries
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step, find_differences
from .._engine.prune import check_ceiling, check_ignore, split_ignored
from .._engine.wait import WaitTimeoutError
from .._http.errors import InvalidOptionError, TaskError, as_option
from .._resources.access_list import (
    ENTRY_FIELDS,
    ENTRY_FITS,
    MOST_ENTRIES,
    NEVER,
    SUBJECTS,
    AccessEntry,
    find_mistakes,
    in_both_forms,
    is_name,
    key_of,
    merged,
    spelled,
    to_send,
)

Entries = t.Mapping[str, AccessEntry]
# What a removal waits for if the declared entries must be in force first.
IN_FORCE = "in force"
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


@dataclass(frozen=True)
class AccessRequest:
    """What a step sends; two are equal if they send the same.

    Attributes:
        sent: The entries to write, or the name of the one to remove; of a list of connections, the names of all.
        changes: The changes that it makes, from the state in which it is planned.
    """

    sent: tuple[AccessEntry | t.Mapping[str, t.Any] | None, ...] | tuple[str, ...] | str
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


class AccessListPlanner:
    """Plans the changes of an access list.

    Args:
        params: The options as `validate` returns them.
        done: The changes that the task has made.
    """

    def __init__(self, params: Parameters, done: t.Mapping[t.Hashable, Change] = MappingProxyType({})) -> None:
        self._params, self._done = params, done
        self._declared: dict[str, AccessEntry] = {str(key_of(entry)): entry for entry in params["entries"]}

    def declared(self, listed: Entries) -> dict[str, AccessEntry]:
        """Return the entries of the options, by the names that a list has for them."""
        return {spelled(name, listed): entry for name, entry in self._declared.items()}

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
        writes, to_prune = self._writes(state), self.to_prune(state)
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

    def _writes(self, state: AccessListState) -> tuple[Change, ...]:
        """Return the changes that the declared entries need, sorted by name.

        Raises:
            TaskError: If one is not possible.
        """
        writes, listed = [], state.listed
        for name, entry in self.declared(listed).items():
            current = listed.get(name)
            if entry["delete_after_date"] not in (None, NEVER) and current is not None and current["delete_after_date"] is None:
                # PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY; removing it first would shut clients out for a moment.
                raise TaskError(
                    f"{name} is permanent in the access list, and cannot be given a delete_after_date.",
                    hint="Leave delete_after_date out, or remove the entry first (state: absent).",
                )
            after = merged(current, entry, keep_comment=self._params["keep_comment"])
            if after != current:
                writes.append(to_change(name, current, after))
        return tuple(sorted(writes, key=lambda change: change.key))

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
        if expiring := self.expiring(state, None):
            warnings += (
                f"Atlas will remove entries that are declared: {expiring}. Set delete_after_date: never to make them permanent, "
                "or to their dates if they may go.",
            )
        if early:
            names = ", ".join(early)
            warnings += (f"The access list has no room for the new entries, so that these are removed before: {names}.",)
        return warnings

    def expiring(self, state: AccessListState, wanted: str | None) -> str:
        """Return the existing entries that are declared with this `delete_after_date` and expire, with their dates."""
        dates = {
            name: state.listed[name]["delete_after_date"]
            for name, entry in self.declared(state.listed).items()
            if name in state.listed and entry["delete_after_date"] == wanted
        }
        return ", ".join(f"{name} at {date}" for name, date in dates.items() if date)

    def check_permanent(self, state: AccessListState) -> None:
        """Check that no entry expires that the options make permanent.

        Raises:
            TaskError: If one does.
        """
        if expiring := self.expiring(state, NEVER):
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


def check_status(name: str, status: str | TaskError) -> bool:
    """Return whether an entry is in force.

    Args:
        name: The entry.
        status: Its status, or the error of reading it.

    Raises:
        TaskError: If it never will be, or its status could not be read.
    """
    if isinstance(status, TaskError):
        raise status
    if status == "FAILED":
        raise TaskError(f"Atlas could not bring {name} of the access list into force.", hint="Run the task again.")
    return status == "ACTIVE"


def not_in_force(names: t.Iterable[str], error: WaitTimeoutError, kept: str = "") -> TaskError:
    """Return the error of a timeout before entries are in force; `kept` is a sentence for the message."""
    unanswered = " Atlas did not answer in the end." if error.unanswered else ""
    return TaskError(
        f"{', '.join(names)} of the access list is still not in force after {error.span}.{unanswered}{kept}",
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
