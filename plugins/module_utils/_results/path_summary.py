# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of the whole path: its connections, actions, failures, sums and the diff."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import replace
from operator import attrgetter

from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import CLOUDS, block_of, cloud_of, name_of, with_request_times
from .._engine.entry import name_places
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, ChangeKey, Described, Notice, Plan, in_words, lines_of, listed, nothing_changed
from .._engine.side import Failure
from .._entries.parser import LIST, PeerEntry
from .._http.errors import TaskError, as_option
from .._resources.containers import Container
from .._sides.draft import CEILING
from .._sides.path_state import PathState
from . import remaining
from .causes import Failed, by_cause, joined, to_failed
from .entry_view import EntryView
from .set_summary import compared, is_available, to_done_line

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
_NOTHING: frozenset[ChangeKey] = frozenset()
# How many changes a sentence names.
_MOST_NAMES = 20


class PathSummary:
    """Makes the results of the whole path.

    Args:
        params: The options of the task.
        entries: The entries of the list.

    Attributes:
        keys: The keys of the entries.
    """

    def __init__(self, params: Parameters, entries: t.Sequence[PeerEntry]) -> None:
        self._params = params
        self._entries = entries
        self._by_key = {entry.key: entry for entry in entries}
        self.keys = self._by_key.keys()
        self._is_absent = params["state"] == "absent"
        # The changes of the last plan, by owner, kept because they are read after each event.
        self._planned: tuple[Plan, t.Mapping[str, t.AbstractSet[ChangeKey]]] = (Plan(), {})
        # What was warned of: a later plan may be about some of the same entries.
        self._warned: set[tuple[str, str]] = set()

    def show(self, state: PathState, plan: Plan) -> dict[str, object]:
        """Return the fields of the result: what was done, or, where only `max_deletions` refuses, what the plan would do."""
        failures = _failures_of(state, plan)
        fields: dict[str, object] = {"peering": None, "failures": self._failures(failures, state), "summary": None}
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
        groups: dict[str, list[Change]] = {}
        for change in self._changes(state, plan):
            groups.setdefault(self._header(change, state), []).append(change)
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
        actions = self._actions_of_owners(changes)
        counts = Counter(actions.values())
        words = {"new": "to create", "changed": "to change", "replaced": "to replace", "removed": "to remove"}
        parts = [f"{counts[one]} {words[one]}" for one in words if one != "replaced" or counts[one]]
        sides = Counter(change.key.side for change in changes)
        unchanged = len(self._by_key.keys() - actions.keys() - wrong)
        return f"Plan: {', '.join(parts)}, {unchanged} unchanged ({', '.join(f'{n} in {side}' for side, n in sides.items())})"

    def warnings(self, notices: t.Iterable[Notice]) -> list[str]:
        """Return new warnings about entries in sentences: one for each cause, however many networks it is true for."""
        new = [one for one in notices if (one.entry, one.text) not in self._warned]
        self._warned.update((one.entry, one.text) for one in new)
        return [str(one["msg"]) for one in by_cause(LIST, map(self._noticed, new))]

    def _noticed(self, notice: Notice) -> Failed:
        entry = self._by_key[notice.entry]
        return to_failed(entry.named(TaskError(notice.text)), entry, entry.name, {**entry.network, **notice.fields})

    def _done_line(self, state: PathState, changes: t.Sequence[Change], sums: t.Mapping[str, int]) -> str:
        """Return what was done in one line, counted as the plan is."""
        failed, actions = state.failures, self._actions_of_owners(changes)
        words = Counter(word for owner, word in actions.items() if owner not in failed)
        counts = {word: words[word] for word in ("new", "changed", "replaced", "removed")}
        counts |= {"gone before" if self._is_absent else "unchanged": sums["unchanged"], "failed": sums["failed"]}
        there = [entry for entry in self._entries if entry.key not in failed]
        if self._params["atlas"] and not self._is_absent:
            there = [entry for entry in there if is_available(EntryView(entry, state).peer)]
        project, sides = name_project(self._params), Counter(change.key.side for change in changes)
        return to_done_line(project, len(self._entries), len(there), counts, sides, is_absent=self._is_absent)

    def _actions_of_owners(self, changes: t.Iterable[Change]) -> dict[str, str]:
        """Return what changes do to each connection, in words."""
        verbs: dict[str, set[str]] = {}
        for change in changes:
            if change.key.owner:
                verbs.setdefault(change.key.owner, set()).add(change.verb if change.key.kind == _CONNECTION else "")
        return {owner: self._word(owner, found) for owner, found in verbs.items()}

    def _word(self, owner: str, verbs: set[str]) -> str:
        if self._is_absent or owner not in self._by_key or "delete" in verbs:
            return "removed"
        return "new" if "create" in verbs else "replaced" if "recreate" in verbs else "changed"

    def refusal(self, state: PathState, plan: Plan) -> TaskError:
        """Return one error with all refusals and failures of a plan."""
        project = name_project(self._params)
        text = f"{nothing_changed(project, 'else')} {self._unused(state)}".strip() if state.done else nothing_changed(project)
        return joined(text, self._failures(_failures_of(state, plan), state))

    def failure(self, state: PathState) -> TaskError | None:
        """Return one error with all failures, what each entry has done so far, and what to do next; None if there are none."""
        if not state.failures:
            return None
        more = (self._done_so_far(state), self._open(state), self._removed(state), self._unused(state), *state.kept_roles)
        may_pass = all(_may_pass(one.error) for one in state.failures.values())
        what = "Run" if may_pass else "Correct what is wrong and run"
        but = ", but for what is said of roles" if state.kept_roles else ""
        hint = f"{what} the task again: it continues from here{but}."
        return joined("", self._failures(state.failures, state), *more).with_hint(hint)

    def stopped(self, state: PathState) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, for a task that is stopped from outside."""
        groups: dict[tuple[str, str, str], list[str]] = {}
        for one in state.made:
            groups.setdefault((one.key.side, one.verb, one.key.kind), []).append(one.name)
        done = [
            f"{in_words(action, kind, listed(names, _MOST_NAMES), len(names))} in {side}"
            for (side, action, kind), names in groups.items()
        ]
        unsure: dict[str, list[str]] = {}
        for owner, failure in state.failures.items():
            if failure.error.outcome_unknown:
                unsure.setdefault(failure.step, []).append(self._name(owner, state))
        return done, [f"{in_words('of', step)} {listed(names, _MOST_NAMES)}" for step, names in unsure.items()]

    def ended(self, state: PathState, plan: Plan, keys: t.AbstractSet[str]) -> dict[str, str]:
        """Return how those of some entries that are done have ended, in words, by key.

        Args:
            state: The state.
            plan: The last plan.
            keys: The keys of the entries; those of pruned connections count for nothing.
        """
        if self._planned[0] is not plan:
            self._planned = plan, _by_owner(plan)
        ended = {}
        for entry in sorted([self._by_key[key] for key in keys & self._by_key.keys()], key=attrgetter("index")):
            failure = state.failures.get(entry.key)
            words = in_words("failed", failure.step) if failure is not None else self._end_of(entry, state)
            if words:
                ended[entry.key] = words
        return ended

    def _end_of(self, entry: PeerEntry, state: PathState) -> str:
        """Return what was done for an entry whose plan is done; empty before that."""
        done = state.made_for(entry.key)
        if not self._planned[1].get(entry.key, _NOTHING) <= {change.key for change in done} or not self._is_reached(entry, state):
            return ""
        found = [(one.verb, one.key.kind, one.name) for one in sorted(done, key=self._order_of)]
        return ", ".join([in_words(verb, kind, "" if kind == _CONNECTION else name) for verb, kind, name in found]) or "unchanged"

    def unread(self, state: PathState, plan: Plan, error: TaskError) -> dict[str, Failure]:
        """Return the failures of all entries that have not ended, since their progress cannot be read.

        Args:
            state: The last state.
            plan: The last plan.
            error: Why not; it is a failure of the whole if all entries have ended.
        """
        ended = self.ended(state, plan, self.keys)
        return {entry.key: Failure("read", entry.named(error)) for entry in self._entries if entry.key not in ended} or {
            "": Failure("read", error)
        }

    def describe(self, change: Change, state: PathState) -> Described:
        """Return the description of a change for a saved plan."""
        key: ChangeKey = change.key
        network = self._name(key.owner, state) if key.owner else ""
        tag = self._by_key[key.owner].tag if key.owner in self._by_key else ""
        return Described(key.side, change.verb, key.kind, change.name, network, key.kind == _ACCESS, tag)

    def title(self, owner: str, state: PathState) -> str:
        """Return the place and the name of an entry, or the name of a pruned connection."""
        entry = self._by_key.get(owner)
        return self._name(owner, state) if entry is None else entry.title

    def _is_reached(self, entry: PeerEntry, state: PathState) -> bool:
        """Whether the connection of an entry is as the task leaves it."""
        view = EntryView(entry, state)
        if self._is_absent or not self._params["atlas"]:
            return not view.is_there
        goal = entry.provider.goal("available" if entry.has_half else None)
        return view.peer is not None and entry.provider.has_reached(view.peer, goal)

    def _changes(self, state: PathState, plan: Plan) -> list[Change]:
        """Return the changes made or, if the plan is refused, those it would make, in the order of the entries.

        Network containers are created before, and removed after them.
        """
        changes = plan.changes if plan.refusals else state.made
        places = {owner: place for place, owner in enumerate([*self._by_key, *(peer["id"] for peer in state.peers.first)])}
        places.update({"": -1} if any(one.key.kind == _CONTAINER and one.verb != "delete" for one in changes) else {})
        return sorted(changes, key=lambda one: (places.get(one.key.owner, len(places)), self._order_of(one)))

    def _order_of(self, change: Change) -> tuple[int, bool, str]:
        """Return the sort key of the changes of one owner: their order in time."""
        key: ChangeKey = change.key
        is_pruned = key.owner not in self._by_key and key.owner != ""
        steps = _ABSENT if self._is_absent else _PRUNED if is_pruned else _PRESENT
        # A wide entry of the access list is removed after the narrow one is added.
        return steps.get(key.step, len(steps)), key.kind == _ACCESS and change.verb == "delete", change.name

    def _peering(self, state: PathState, changes: t.Sequence[Change]) -> dict[str, object]:
        actions = self._actions(changes)
        views = [EntryView(entry, state) for entry in self._entries]
        listed_entries = state.access.listed if state.access is not None else {}
        return {
            "group_id": self._params["group_id"],
            "connections": [{**self._connection(view), "actions": actions.get(view.entry.key, [])} for view in views],
            "containers": _containers(views, state) if self._params["atlas"] else [],
            "access_list": [listed_entries[name] for name in state.wanted_entries if name in listed_entries],
            "pruned": [{**with_request_times(peer), "actions": actions.get(peer["id"], [])} for peer in _pruned(state)],
            "left": [
                {**listed_entries[name], "reason": why} for name, why in state.kept_entries.items() if name in listed_entries
            ],
            "remaining": remaining.sentences(self._params, views, state),
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
            "status_name": peer["status_name"] if has_atlas and peer is not None else None,
            "connection_id": view.connection_id,
            "route_table_ids": [one["route_table_id"] for one in routes],
            "routes": routes,
            "gcp_peering": view.mirror,
        }

    def _actions(self, changes: t.Iterable[Change]) -> dict[str, list[dict[str, str | None]]]:
        """Return the actions by the key of the entry, or the id of a pruned connection."""
        actions: dict[str, list[dict[str, str | None]]] = {}
        for one in changes:
            action = {"side": one.key.side, "action": one.verb, "kind": one.key.kind, "name": one.name or None}
            actions.setdefault(one.key.owner, []).append(action)
        return actions

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

    def _failures(self, failures: t.Mapping[str, Failure], state: PathState) -> list[dict[str, object]]:
        """Return the failures with one element for each cause, in the order of the entries."""
        places = {owner: place for place, owner in enumerate(self._by_key)}
        ordered = sorted(failures.items(), key=lambda one: places.get(one[0], len(places)))
        return by_cause(LIST, [self._failed(owner, failure, state) for owner, failure in ordered])

    def _failed(self, owner: str, failure: Failure, state: PathState) -> Failed:
        entry, fields = self._by_key.get(owner), _removed_peer(owner, state)
        if entry is None:
            return to_failed(failure.error, None, name_of(fields) if fields else None, fields, failure.step)
        peer: Fields = EntryView(entry, state).peer or {}
        known = {name: value for name, value in entry.network.items() if value is not None}
        return to_failed(failure.error, entry, entry.name, {**entry.network, **peer, **known}, failure.step)

    def _name(self, owner: str, state: PathState) -> str:
        """Return the name of an entry or a pruned connection; that of the task for anything else."""
        entry, fields = self._by_key.get(owner), _removed_peer(owner, state)
        return entry.name if entry is not None else name_of(fields) if fields else "the list"

    def _header(self, change: Change, state: PathState) -> str:
        """Return the header of a change in the diff."""
        key: ChangeKey = change.key
        entry = self._by_key.get(key.owner)
        if entry is not None:
            return f"{entry.provider.name} {entry.name}"
        fields = _removed_peer(key.owner, state)
        if fields:
            return f"{cloud_of(fields).name} {name_of(fields)}"
        kind = "network container" if key.kind == _CONTAINER else key.kind
        return f"{key.side} {kind} {change.name} ({change.verb})"

    def _done_so_far(self, state: PathState) -> str:
        """Return what failed entries, and pruned connections that stay, have done so far, in a sentence; empty for none."""
        done: dict[str, list[PeerEntry]] = {}
        actions = self._actions(self._changes(state, Plan()))
        for entry in self._entries:
            if entry.key in state.failures:
                done.setdefault(_in_words(actions.get(entry.key, ())), []).append(entry)
        texts = [f"{name_places(LIST, {one.index: one.label for one in entries})}: {words}" for words, entries in done.items()]
        # Of pruned connections that stay.
        others = [owner for owner in state.failures if owner and owner not in self._by_key and owner in actions]
        texts += [f"{self._name(owner, state)}: {_in_words(actions[owner])}" for owner in others]
        return f"Done so far: {'; '.join(texts)}." if texts else ""

    def _open(self, state: PathState) -> str:
        """Return which requests are not accepted yet, in sentences; empty for none."""
        accepted, others = [], []
        for entry in self._entries:
            view, status = EntryView(entry, state), None
            peer, provider = view.peer, entry.provider
            status = peer["status_name"] if peer is not None else None
            if self._is_absent or not self._params["atlas"] or provider.pending is None:
                continue
            if status not in provider.progress[: provider.progress.index(provider.pending) + 1] or view.is_accepted:
                continue
            if provider.accepted_id is None:
                others.append(f"{entry.name} ({status})")
            else:
                place = f"AWS account {entry.params['aws_account_id']}, region {view.region}"
                accepted.append(f"{view.connection_id or (peer and peer['id'])} ({entry.name}, {place})")
        texts = []
        if accepted:
            texts.append(
                f"These connections have been requested and are not accepted yet: {listed(accepted)}. AWS drops a request "
                "that is not accepted within seven days."
            )
        if others:
            texts.append(f"These connections have been requested in Atlas and are not available yet: {listed(others)}.")
        return " ".join(texts)

    def _removed(self, state: PathState) -> str:
        """Return which connections the task has pruned, in a sentence; empty for none."""
        names = [_describe(fields_of(peer)) for peer in state.peers.pruned]
        return f"These connections have been removed from Atlas: {listed(names)}." if names else ""

    def _unused(self, state: PathState) -> str:
        """Return which network containers are new and have no connection yet, in a sentence; empty for none."""
        used = {peer["container_id"] for peer in state.peers.listed}
        new = {
            change.name: (change.after or {}).get("id")
            for change in state.done.values()
            if change.key.kind == _CONTAINER and change.verb == "create"
        }
        names = [name for name, container_id in new.items() if container_id not in used]
        if not names:
            return ""
        if len(names) == 1:
            return f"The network container {names[0]} is new, and nothing uses it yet: it stays."
        return f"The network containers {', '.join(names)} are new, and nothing uses them yet: they stay."


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


def _pruned(state: PathState) -> list[Peer]:
    """Return the connections that are pruned, in the order of Atlas and not of their removals."""
    places = {peer["id"]: place for place, peer in enumerate(state.peers.first)}
    return sorted(state.peers.pruned, key=lambda peer: places.get(peer["id"], len(places)))


def _by_owner(plan: Plan) -> dict[str, set[ChangeKey]]:
    planned: dict[str, set[ChangeKey]] = {}
    for change in plan.changes:
        planned.setdefault(change.key.owner, set()).add(change.key)
    return planned


def _may_pass(error: TaskError) -> bool:
    """Whether there is nothing to correct: after a 500, a time-out, or the end of a wait, whose hint names the option."""
    return error.is_unanswered or error.is_transient or as_option("wait_timeout") in (error.hint or "")


def _failures_of(state: PathState, plan: Plan) -> t.Mapping[str, Failure]:
    """Return the failures of a state and, if the plan is refused, its own."""
    if not plan.refusals:
        return state.failures
    step = "read" if plan.is_unread else "plan"
    planned = {owner: Failure(step, error) for owner, error in {**plan.failures, **plan.refusals}.items()}
    return {**planned, **state.failures}


def _removed_peer(owner: str, state: PathState) -> Fields:
    """Return the fields of the connection with an id when the task began; empty if there was none."""
    return next((fields_of(peer) for peer in state.peers.first if peer["id"] == owner), {})


def _describe(peer: Fields) -> str:
    """Return a connection as sentences name it."""
    provider = cloud_of(peer)
    known = (peer.get(provider.accepted_id or ""), peer.get("id"))
    names = (
        [name_of(peer)] if not provider.has_unique_ids else [str(peer[provider.network]), f"AWS account {peer[provider.owner]}"]
    )
    return f"{known[0] or known[1]} ({', '.join([*names, *filter(None, [block_of(peer)])])})"


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
    return ", ".join(f"{name}: {fields[name]}" for name in names if fields.get(name) not in (None, [], "", change.name))
