# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of the whole path: its connections, actions, failures, sums and the diff."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import replace
from operator import itemgetter

from .._clouds.cloud import Fields
from .._clouds.clouds import CLOUDS, cloud_of, name_of, with_request_times
from .._engine.entry import name_places
from .._engine.lists import in_words, lines_of, nothing_changed
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, ChangeDescription, ChangeKey, EntryWarning, Plan, count_actions, grouped, listed
from .._engine.side import Failure
from .._entries.parser import LIST, PeerEntry
from .._http.errors import TaskError, as_option
from .._http.redact import visible
from .._resources.containers import Container
from .._sides.draft import CEILING
from .._sides.path_state import PathState
from .causes import Failed, by_cause, joined, reached, shortened
from .entry_view import EntryView
from .list_summary import ListSummary, compared, is_available, removed_peer, to_done_line, to_text
from .remaining import after_failure, sentences, unused_containers

# The keys of a connection that name its network, on any cloud.
_NAMES = tuple(name for cloud in CLOUDS.values() for name in cloud.names or cloud.identity)
# The order of the steps, and so of the actions: for a connection of the list, for one with `absent`, and for one that is pruned.
_PRESENT, _ABSENT, _PRUNED = (
    {step: place for place, step in enumerate(steps)}
    for steps in (
        ("container", "role", "remove", "request", "accept", "tags", "dns", "routes", "mirror", "access_list"),
        ("routes", "access_list", "remove", "mirror", "role"),
        ("routes", "mirror", "access_list", "remove", "role"),
    )
)
_CONTAINER, _ACCESS, _CONNECTION = "container", "access list entry", "connection"
# The fields of a change that the diff compares, where these are not all: ids and states follow from them.
_COMPARED = {"role": ("role_definition_ids",), "mirror": ("network",)}
# How many changes a sentence names.
_MOST_NAMES = 20


class PathSummary(ListSummary):
    """Makes the results of the whole path.

    Args:
        params: The options of the task.
        entries: The entries of the list.
    """

    def __init__(self, params: Parameters, entries: t.Sequence[PeerEntry]) -> None:
        super().__init__(LIST, name_project(params), entries)
        self._params, self._is_absent = params, params["state"] == "absent"
        # What was warned of: a later plan may be about some of the same entries.
        self._warned: set[tuple[str, str]] = set()

    def show(self, state: PathState, plan: Plan) -> dict[str, object]:
        """Return the fields of the result: what was done, or, where only `max_deletions` refuses, what the plan would do."""
        failures = _failures_of(state, plan)
        fields: dict[str, object] = {"peering": None, "failures": self._failures(failures, state.peers), "summary": None}
        if plan.refusals and plan.refusals.keys() != {CEILING}:
            return fields
        changes = self._changes(state, plan)
        if plan.refusals:
            # The connections that it would prune.
            going = {one.key.owner for one in changes if one.key.kind == _CONNECTION and one.verb == "delete"}
            pruned = tuple(peer for peer in state.peers.first if peer["id"] in going)
            state = replace(state, peers=replace(state.peers, pruned=pruned))
        # A refused plan leaves nothing behind.
        peering = {**self._peering(state, changes), **({"remaining": []} if plan.refusals else {})}
        sums = self._sums(state, changes, failures)
        done = None if plan.refusals or not changes else self._done_line(state, changes, sums)
        return {**fields, "peering": peering, "summary": {**sums, "done": done}}

    def diff(self, state: PathState, plan: Plan) -> list[dict[str, object]]:
        """Return the diff: one element for each network container that has changed, and one for each network, with all sides."""
        groups = grouped([(self._header(change, state), change) for change in self._changes(state, plan)])
        diff: list[dict[str, object]] = []
        for header, changes in groups.items():
            before, after = map("".join, zip(*map(_compared, changes)))
            diff.append({"before_header": header, "after_header": header, "before": before, "after": after})
        return diff

    def line(self, plan: Plan) -> str:
        """Return the plan in one line, counted by connection, and how many changes it makes on each side; empty for no change.

        Changes of entries that it refuses, or that have failed already, do not count.
        """
        wrong = {*plan.failures, *plan.refusals}
        changes = [change for change in plan.changes if change.key.owner not in wrong]
        if not changes:
            return ""
        actions, sides = self._actions_of_owners(changes), Counter(change.key.side for change in changes)
        text = count_actions([*actions.values()], len(self._by_key.keys() - actions.keys() - wrong))
        return f"{text} ({', '.join(f'{number} in {side}' for side, number in sides.items())})"

    def warnings(self, entry_warnings: t.Iterable[EntryWarning]) -> list[str]:
        """Return new warnings about entries in sentences: one for each cause, however many networks it is true for."""
        new = [one for one in entry_warnings if (one.entry, one.text) not in self._warned]
        self._warned.update((one.entry, one.text) for one in new)
        of_entries = [(self._by_key[one.entry], one) for one in new]
        alike = [Failed(entry, entry.named(TaskError(one.text)), one.fields) for entry, one in of_entries]
        return [str(one["msg"]) for one in by_cause(LIST, alike)]

    def _done_line(self, state: PathState, changes: t.Sequence[Change], sums: t.Mapping[str, int]) -> str:
        """Return what was done in one line, counted as the plan is."""
        failed, actions = state.failures, self._actions_of_owners(changes)
        found = Counter(action for owner, action in actions.items() if owner not in failed)
        words = {"create": "new", "update": "changed", "recreate": "replaced", "delete": "removed"}
        counts = {word: found[action] for action, word in words.items()}
        counts |= {"gone before" if self._is_absent else "unchanged": sums["unchanged"], "failed": sums["failed"]}
        there = [entry for entry in self._entries if entry.key not in failed]
        if self._params["atlas"] and not self._is_absent:
            there = [entry for entry in there if is_available(EntryView(entry, state).peer)]
        sides = Counter(change.key.side for change in changes)
        return to_done_line(self._project, len(self._entries), len(there), counts, sides, is_absent=self._is_absent)

    def _actions_of_owners(self, changes: t.Iterable[Change]) -> dict[str, str]:
        """Return what changes do to each connection."""
        verbs: dict[str, set[str]] = {}
        for change in changes:
            if change.key.owner:
                verbs.setdefault(change.key.owner, set()).add(change.verb if change.key.kind == _CONNECTION else "")
        actions = {}
        for owner, found in verbs.items():
            is_removed = self._is_absent or owner not in self._by_key or "delete" in found
            actions[owner] = "delete" if is_removed else next((one for one in ("create", "recreate") if one in found), "update")
        return actions

    def refusal(self, state: PathState, plan: Plan) -> TaskError:
        """Return one error with all refusals and failures of a plan."""
        begin = nothing_changed(self._project, "else" if state.done else "")
        return joined(f"{begin} {unused_containers(state)}".strip(), self._failures(_failures_of(state, plan), state.peers))

    def failure(self, state: PathState) -> TaskError | None:
        """Return one error with all failures, what each entry has done so far, and what to do next; None if there are none."""
        if not state.failures:
            return None
        more = (self._done_so_far(state), *after_failure(self._params, self._views(state), state), *state.kept_roles.values())
        may_pass = all(_may_pass(one.error) for one in state.failures.values())
        what = "Run" if may_pass else "Correct what is wrong and run"
        but = ", but for what is said of roles" if state.kept_roles else ""
        hint = f"{what} the task again: it continues from here{but}."
        return joined("", self._failures(state.failures, state.peers), *more).with_hint(hint)

    def stopped(self, state: PathState) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, for a task that is stopped from outside."""
        groups = grouped([((one.key.side, one.verb, one.key.kind), one.name) for one in state.made])
        done = [
            f"{in_words(action, kind, listed(names, _MOST_NAMES), len(names))} in {side}"
            for (side, action, kind), names in groups.items()
        ]
        unsure: dict[str, list[str]] = {}
        for owner, failure in state.failures.items():
            if failure.error.outcome_unknown:
                unsure.setdefault(failure.step, []).append(self._name(owner, state))
        return done, [f"{in_words('of', step)} {listed(names, _MOST_NAMES)}" for step, names in unsure.items()]

    def describe(self, change: Change, state: PathState) -> ChangeDescription:
        """Return the description of a change for a saved plan."""
        key: ChangeKey = change.key
        network = self._name(key.owner, state) if key.owner else ""
        tag = self._by_key[key.owner].tag if key.owner in self._by_key else ""
        is_complete = key.kind == _ACCESS or change.verb == "tag"
        return ChangeDescription(key.side, change.verb, key.kind, change.name, network, is_complete, tag)

    def _changes(self, state: PathState, plan: Plan) -> list[Change]:
        """Return the changes made or, if the plan is refused, those it would make, in the order of the entries.

        Network containers are created before, and removed after them.
        """
        changes = plan.changes if plan.refusals else state.made
        ordered = self._in_order(sorted(changes, key=self.order_of), lambda one: one.key.owner, state.peers)
        has_new = any(one.key.kind == _CONTAINER and one.verb != "delete" for one in changes)
        return sorted(ordered, key=lambda one: one.key.owner != "") if has_new else ordered

    def order_of(self, change: Change) -> tuple[int, bool, str]:
        """Return the sort key of a change among those of its owner: their order in time."""
        key: ChangeKey = change.key
        is_pruned = key.owner not in self._by_key and key.owner != ""
        steps = _ABSENT if self._is_absent else _PRUNED if is_pruned else _PRESENT
        # A wide entry of the access list is removed after the narrow one is added.
        return steps.get(key.step, len(steps)), key.kind == _ACCESS and change.verb == "delete", change.name

    def _views(self, state: PathState) -> list[EntryView]:
        return [EntryView(entry, state) for entry in self._entries]

    def _peering(self, state: PathState, changes: t.Sequence[Change]) -> dict[str, object]:
        actions = _actions_by_owner(changes)
        views, pruned = self._views(state), self._in_order(state.peers.pruned, itemgetter("id"), state.peers)
        listed_entries = state.access.listed if state.access is not None else {}
        return {
            "group_id": self._params["group_id"],
            "connections": [{**self._connection(view), "actions": actions.get(view.entry.key, [])} for view in views],
            "containers": _containers(views, state) if self._params["atlas"] else [],
            "access_list": [listed_entries[name] for name in state.wanted_entries if name in listed_entries],
            "pruned": [{**with_request_times(peer), "actions": actions.get(peer["id"], [])} for peer in pruned],
            "left": [
                {**listed_entries[name], "reason": why} for name, why in state.kept_entries.items() if name in listed_entries
            ],
            "remaining": sentences(self._params, views, state),
        }

    def _connection(self, view: EntryView) -> dict[str, object]:
        """Return an entry of `connections`, without its actions."""
        entry, peer, routes, has_atlas = view.entry, view.peer, view.routes, self._params["atlas"]
        return {
            "provider_name": entry.provider.name,
            **{name: entry.params[name] if name in entry.provider.own_fields else None for name in _NAMES},
            "region": view.region,
            "container": view.container if has_atlas else None,
            "vpc_peer": with_request_times(peer) if has_atlas and peer is not None else None,
            "status_name": view.status if has_atlas else None,
            "connection_id": view.connection_id,
            "route_table_ids": [one["route_table_id"] for one in routes],
            "routes": routes,
            "gcp_peering": view.mirror,
        }

    def _sums(self, state: PathState, changes: t.Iterable[Change], failures: t.Mapping[str, Failure]) -> dict[str, int]:
        """Count each entry once, and one that has failed as failed."""
        changed = {change.key.owner for change in changes}
        failed = self._by_key.keys() & failures.keys()
        number = len(self._by_key.keys() & changed - failed)
        return {
            "connections": len(self._entries),
            "changed": number,
            "unchanged": len(self._entries) - number - len(failed),
            "failed": len(failed),
            "pruned": len(state.peers.pruned),
            "left": len(state.kept_entries),
        }

    def _name(self, owner: str, state: PathState) -> str:
        """Return the name of an entry or a pruned connection; that of the task for anything else."""
        entry, fields = self._by_key.get(owner), removed_peer(owner, state.peers)
        return entry.name if entry is not None else name_of(fields) if fields else "the list"

    def _header(self, change: Change, state: PathState) -> str:
        """Return the header of a change in the diff."""
        key: ChangeKey = change.key
        entry = self._by_key.get(key.owner)
        if entry is not None:
            return f"{entry.provider.name} {entry.name}"
        fields = removed_peer(key.owner, state.peers)
        if fields:
            return f"{cloud_of(fields).name} {name_of(fields)}"
        kind = "network container" if key.kind == _CONTAINER else key.kind
        return f"{key.side} {kind} {change.name} ({change.verb})"

    def _done_so_far(self, state: PathState) -> str:
        """Return what failed entries, and pruned connections that stay, have done so far, in a sentence; empty for none."""
        actions = _actions_by_owner(self._changes(state, Plan()))
        failed = [entry for entry in self._entries if entry.key in state.failures]
        done = grouped([(_in_words(actions.get(entry.key, ())), entry) for entry in failed])
        texts = [f"{name_places(LIST, {one.index: one.label for one in entries})}: {words}" for words, entries in done.items()]
        # Of pruned connections that stay.
        others = [owner for owner in state.failures if owner and owner not in self._by_key and owner in actions]
        texts += [f"{self._name(owner, state)}: {_in_words(actions[owner])}" for owner in others]
        return f"Done so far: {'; '.join(texts)}." if texts else ""


def in_failure(result: Fields) -> Fields:
    """Return of a failed task's result what has failed, the numbers, and how far the failed entries got."""
    failures, peering = result.get("failures"), result.get("peering")
    if not failures:
        return result
    connections = reached(failures, peering["connections"] if peering else ())
    return {**result, "failures": shortened(failures), "peering": {"connections": connections} if connections else None}


def _actions_by_owner(changes: t.Iterable[Change]) -> dict[str, list[dict[str, str | None]]]:
    """Return the actions by the key of the entry, or the id of a pruned connection."""
    actions: dict[str, list[dict[str, str | None]]] = {}
    for one in changes:
        action = {"side": one.key.side, "action": one.verb, "kind": one.key.kind, "name": one.name or None}
        actions.setdefault(one.key.owner, []).append(action)
    return actions


def _containers(views: t.Iterable[EntryView], state: PathState) -> list[Container]:
    """Return the existing network containers of the entries, each once."""
    found: list[Container] = []
    for home in (view.container for view in views):
        now = (one for one in state.containers if home is not None and one["id"] == home["id"])
        # New ones have no id in a prediction.
        there = home if home in state.containers else next(now, None)
        if there is not None and there not in found:
            found.append(there)
    return found


def _may_pass(error: TaskError) -> bool:
    """Whether there is nothing to correct: after a 500, a time-out, or the end of a wait, whose hint names the option."""
    return error.is_unanswered or error.is_transient or as_option("wait_timeout") in (error.hint or "")


def _failures_of(state: PathState, plan: Plan) -> t.Mapping[str, Failure]:
    """Return the failures of a state and, if the plan is refused, its own."""
    if not plan.refusals:
        return state.failures
    step = "read" if plan.unread else "plan"
    planned = {owner: Failure(step, error) for owner, error in {**plan.failures, **plan.refusals}.items()}
    return {**planned, **state.failures}


def _in_words(actions: t.Iterable[Fields]) -> str:
    """Return what was done to an entry, in words."""
    counts = Counter((one["action"], one["kind"]) for one in actions)
    return ", ".join(in_words(action, kind, number=n) for (action, kind), n in counts.items()) or "nothing"


def _compared(change: Change) -> tuple[str, str]:
    """Return the lines of a change in the diff, before and after; an empty text for nothing."""
    kind = change.key.kind
    if kind == _CONNECTION and change.key.side == "Atlas":
        before, after = (text.strip() for text in compared(change))
        if before and not after and change.after:
            # The new one equals the old one.
            after = compared(change._replace(before=None))[1].strip()
    else:
        before, after = _fields_of(change.before or {}, change), _fields_of(change.after or {}, change)
    if kind == _CONTAINER:
        # The header has its name, and what is done.
        return (f"{before}\n" if change.before else ""), (f"{after}\n" if change.after else "")
    return lines_of(change.verb, kind, "" if kind == _CONNECTION else change.name, before, after)


def _fields_of(fields: Fields, change: Change) -> str:
    """Return the fields that people compare, without empty ones and those that repeat the name."""
    names = _COMPARED.get(change.key.kind, fields)
    # Comments and tags come from other people.
    return visible(to_text(fields, names, (None, [], "", change.name)))
