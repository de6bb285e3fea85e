# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results of lists share, and the result of a declared list: actions, failures, sums and the diff."""

from __future__ import annotations

import typing as t
from operator import attrgetter, itemgetter

from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import cloud_of, name_of, with_request_times
from .._engine.lists import nothing_changed
from .._engine.options import name_project
from .._engine.plan import Change, to_done
from .._engine.side import Context, Failure
from .._engine.wait import GONE
from .._entries.parser import FIELDS, PeerEntry
from .._http.errors import TaskError
from .._sides.set_state import PeerSetState
from .causes import Failed, by_cause, joined

T = t.TypeVar("T")
Counts = t.Mapping[str, int]


class ListSummary:
    """What the results of all lists of connections share: the order of their entries, and the failures by cause.

    Args:
        option: The name of the list.
        project: The project, for the user; empty if there is none.
        entries: The entries of the list.
    """

    def __init__(self, option: str, project: str, entries: t.Sequence[PeerEntry]) -> None:
        self._option, self._project, self._entries = option, project, entries
        self._by_key = {entry.key: entry for entry in entries}

    def _in_order(self, things: t.Iterable[T], owner_of: t.Callable[[T], str], peers: PeerSetState) -> list[T]:
        """Sort things in the order of the entries, then as Atlas has them; `owner_of` returns the key or id of a thing."""
        places = {name: place for place, name in enumerate([*self._by_key, *(peer["id"] for peer in peers.first)])}
        return sorted(things, key=lambda thing: places.get(owner_of(thing), len(places)))

    def _failures(self, failures: t.Mapping[str, Failure], peers: PeerSetState) -> list[dict[str, t.Any]]:
        """Return the failures with one element for each cause, in the order of the entries."""
        ordered = self._in_order(failures.items(), itemgetter(0), peers)
        # Most runs have none.
        return by_cause(self._option, [self._failed(owner, failure, peers) for owner, failure in ordered]) if ordered else []

    def _failed(self, owner: str, failure: Failure, peers: PeerSetState) -> Failed:
        entry, own = self._by_key.get(owner), peers.entries.get(owner)
        fields = removed_peer(owner, peers) if entry is None else fields_of(own.peer) if own is not None and own.peer else {}
        return Failed(entry, failure.error, fields, failure.step)


class PeerSetSummary(ListSummary):
    """Makes the results of a declared list.

    Args:
        context: Has the options, the plan, and what has failed.
        entries: The entries of the list.
        split_undeclared: Returns the undeclared connections of a state: those to ignore, and the others.
    """

    def __init__(
        self,
        context: Context,
        entries: t.Sequence[PeerEntry],
        split_undeclared: t.Callable[[PeerSetState], tuple[list[Peer], list[Peer]]],
    ) -> None:
        super().__init__("peers", name_project(context.params), entries)
        self._context, self._split_undeclared = context, split_undeclared

    def show(self, state: PeerSetState) -> dict[str, object]:
        """Return the fields of the result: what was done, or, if the plan is refused, what it would do."""
        changes, failures = self._outcome(state)
        sums = self._sums(changes, failures, state)
        own = [(entry, state.entries.get(key)) for key, entry in self._by_key.items()]
        peers: list[t.Any] = [_missing(entry) if one is None or one.peer is None else one.peer for entry, one in own]
        return {
            "vpc_peers": [*map(with_request_times, peers)],
            "pruned": [*map(with_request_times, self._in_order(state.pruned, itemgetter("id"), state))],
            "actions": [self._action(change, state) for change in self._in_order(changes, attrgetter("key"), state)],
            "failures": self._failures(failures, state),
            "summary": {**sums, "done": self._done_line(sums, state) if state.done else None},
        }

    def _done_line(self, sums: t.Mapping[str, int], state: PeerSetState) -> str:
        """Return what was done in one line, by the numbers of a result.

        Connections that the task has requested count as such unless it waits for them: check mode cannot know how far they get.
        """
        words = {"created": "new", "updated": "changed", "recreated": "replaced", "deleted": "removed"}
        counts = {word: sums[name] for name, word in words.items()} | {name: sums[name] for name in ("unchanged", "failed")}
        left_out = {*self._context.failures}
        if not self._context.params["wait"]:
            left_out.update(key for key, change in state.done.items() if change.action != "update")
        peers = [one.peer for key, one in state.entries.items() if key not in left_out]
        return to_done_line(self._project, len(self._by_key), sum(map(is_available, peers)), counts, {"Atlas": len(state.done)})

    def diff(self, state: PeerSetState) -> list[dict[str, object]]:
        """Return the diff: one element for each changed connection, with a line of its changed fields before and after."""
        diff: list[dict[str, object]] = []
        for change in self._in_order(self._outcome(state)[0], attrgetter("key"), state):
            header = f"{name_of(change.after or change.before or {})} ({change.action})"
            before, after = compared(change)
            diff.append({"before_header": header, "after_header": header, "before": before, "after": after})
        return diff

    def statuses(self, state: PeerSetState) -> list[str]:
        """Return the state of each entry's connection, in the order of the entries."""
        own = [state.entries.get(key) for key in self._by_key]
        return [one.peer["status_name"] if one is not None and one.peer is not None else GONE for one in own]

    def refusal(self, state: PeerSetState) -> TaskError:
        """Return one error with all refusals and failures of a plan."""
        return joined(nothing_changed(self._project), self._failures(self._outcome(state)[1], state))

    def failure(self, state: PeerSetState) -> TaskError | None:
        """Return one error with all failures; None if there are none."""
        failures = self._context.failures
        return joined("", self._failures(failures, state)) if failures else None

    def stopped(self, state: PeerSetState) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, for a task that is stopped from outside."""
        done = [f"{change.action} {name_of(change.after or change.before or {})}" for change in state.done.values()]
        unsure = {key: one for key, one in self._context.failures.items() if one.error.outcome_unknown}
        return done, [name for failure in self._failures(unsure, state) for name in failure["names"]]

    def _outcome(self, state: PeerSetState) -> tuple[list[Change], t.Mapping[str, Failure]]:
        """Return the changes made or, if the plan is refused, those it would make; and the failures by key."""
        plan = self._context.plan
        if not plan.refusals:
            return [*state.done.values()], self._context.failures
        failures = {key: Failure("", error) for key, error in {**plan.failures, **plan.refusals}.items()}
        return [change for change in plan.changes if change.key not in failures], failures

    def _action(self, change: Change, state: PeerSetState) -> dict[str, t.Any]:
        entry, own, shown = self._by_key.get(change.key), state.entries.get(change.key), change.after or change.before or {}
        known = (own and change.after and own.peer) or change.before or {}
        # Without the state, which changes by itself.
        fields = {name: shown[name] for name in FIELDS if name in shown}
        differing = cloud_of(shown).differing(fields, change.before) if change.after and change.before else ()
        return {
            "action": change.action,
            "index": entry.index if entry is not None else None,
            "id": known.get("id"),
            "name": name_of(shown),
            "container_id": shown["container_id"],
            "differing": list(differing),
        }

    def _sums(self, changes: t.Iterable[Change], failures: t.Container[str], state: PeerSetState) -> dict[str, int]:
        """Count each entry once, and one that has failed as failed."""
        failed = [key for key in self._by_key if key in failures]
        actions = {change.key: change.action for change in changes}
        done = [actions[key] for key in self._by_key if key in actions and key not in failed]
        ignored, undeclared = self._split_undeclared(state)
        return {
            "created": done.count("create"),
            "updated": done.count("update"),
            "recreated": done.count("recreate"),
            "unchanged": len(self._by_key) - len(done) - len(failed),
            "failed": len(failed),
            "deleted": len(actions.keys() - self._by_key.keys()),
            "ignored": len(ignored),
            "undeclared": len({peer["id"] for peer in (*undeclared, *state.pruned)}),
        }


def _missing(entry: PeerEntry) -> Fields:
    """Return the fields of a connection that is not there: those of its entry, and null for what only Atlas says."""
    return {**dict.fromkeys(entry.provider.read_only), **entry.named_fields, "provider_name": entry.provider.name}


def removed_peer(owner: str, peers: PeerSetState) -> Fields:
    """Return the fields of the connection with an id when the task began; empty if there was none."""
    return next((fields_of(peer) for peer in peers.first if peer["id"] == owner), {})


def is_available(peer: Peer | None) -> bool:
    """Whether there is a connection, and Atlas reports that it works."""
    return peer is not None and peer["status_name"] == cloud_of(peer).available


def to_done_line(project: str, entries: int, reached: int, counts: Counts, sides: Counts, *, is_absent: bool = False) -> str:
    """Return what was done in one line: `Connected 3 networks of project 1`, and what `to_done` returns.

    Args:
        project: The project, for the user; empty if there is none.
        entries: How many entries the list has.
        reached: How many of them are connected or, with `is_absent`, disconnected.
        counts, sides: As `to_done` takes them; `failed` counts those of the list.
        is_absent: Whether those of the list are removed.
    """
    late, of = entries - counts["failed"] - reached, f" of {project}" if project else ""
    number, noun = (late, "connection") if late and not reached else (reached, "network")
    verb = "Requested" if noun == "connection" else "Disconnected" if is_absent else "Connected"
    what = f"{verb} {number}{'' if number == entries else f' of {entries}'} {noun}{'' if entries == 1 else 's'}{of}"
    if late and reached:
        what += f", and {late} more {'is' if late == 1 else 'are'} requested"
    return f"{what if entries else f'Connections{of}'}: {to_done(counts, sides)}"


def compared(change: Change) -> tuple[str, str]:
    """Return the fields of a change that people compare, before and after: one line each, or an empty text.

    A change shows the fields that differ, a creation those of the options, and a removal the old ones, all without those in the
    name of the connection. Ids and states follow from them, and are in the result.
    """
    before, after = change.before or {}, change.after or {}
    provider = cloud_of(after or before)
    if before and after:
        names = [name for name in provider.writable if not provider.is_same(before.get(name), after.get(name))]
    else:
        names = [name for name in provider.writable if name not in (provider.names or provider.identity)]
    ended = () if change.action == "update" else ("id", "status_name")
    return _to_line(before, (*ended, *names)), _to_line(after, names)


def _to_line(fields: Fields, names: t.Iterable[str]) -> str:
    text = to_text(fields, names)
    return f"{text}\n" if text else ""


def to_text(fields: Fields, names: t.Iterable[str], without: t.Container[object] = (None,)) -> str:
    """Return fields as people compare them, without some values."""
    return ", ".join(f"{name}: {fields[name]}" for name in names if fields.get(name) not in without)
