# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The waits of the connections of a list: what comes before a request, what a refusal means, and when an entry is done."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .._clouds.cloud import Peer
from .._clouds.clouds import block_of, cloud_of, for_pending, is_failed, is_leaving, is_pending
from .._engine.options import Parameters
from .._engine.plan import Step, listed
from .._engine.wait import GONE, WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError, as_option
from .._http.pauses import Clock
from .._resources.peers import MOST_PEERS, NO_PLACE
from .._values.blocks import do_overlap
from .connection import CreatePeer, DeletePeer, PeerState, UpdatePeer
from .container_choice import ContainerChoice
from .life import SentRequests, customer_task, failure, has_removal_failed, may_repeat, removed_by_others, too_late, with_removal
from .match import PeerMatch, find_holders, find_twins
from .set_state import PeerLists, PeerSetState

# How many connections a status line names for each reason to wait.
_MOST_NAMES = 5


@dataclass(frozen=True)
class After:
    """What has to be out of the way before a request is sent.

    Attributes:
        gone: The ids of connections that have to be gone, because of their identity, block or place.
        moved: The ids of connections that need another block, or have to be gone.
        block: The block that the request needs.
    """

    gone: frozenset[str]
    moved: frozenset[str]
    block: str | None

    def blockers(self, listed: t.Iterable[Peer]) -> list[Peer]:
        """Return the listed connections that are still in the way."""
        if not self.gone and not self.moved:
            return []
        return [
            peer
            for peer in listed
            if peer["id"] in self.gone or (peer["id"] in self.moved and do_overlap(self.block, block_of(peer)))
        ]


def order(steps: t.Sequence[Step], listed: t.Sequence[Peer]) -> tuple[Step, ...]:
    """Return the steps in the order in which they can be sent, each with the connections that it waits for.

    Removals that others need come first, then changes, creations, and the other removals. Another step removes or changes
    whatever is in the way of a step: the planner has refused all other cases.

    Args:
        steps: The removals, changes and creations of a set, as the planner of one connection makes them.
        listed: All connections of the project.
    """
    removed = {step.request.id for step in steps if isinstance(step.request, DeletePeer)}
    leaving = removed | {peer["id"] for peer in listed if is_leaving(peer)}
    changed = {step.request.id for step in steps if isinstance(step.request, UpdatePeer)}
    changes = [
        _with_after(step, _holders_for(step, listed), leaving, changed) for step in steps if isinstance(step.request, UpdatePeer)
    ]
    creations = [
        _with_after(step, _holders_for(step, listed), leaving, changed) for step in steps if isinstance(step.request, CreatePeer)
    ]
    creations = _with_places(creations, listed, leaving)
    needed = {peer_id for step in (*changes, *creations) for peer_id in step.after.gone}
    removals = [step for step in steps if isinstance(step.request, DeletePeer)]
    return (
        *(step for step in removals if step.request.id in needed),
        *changes,
        *creations,
        *(step for step in removals if step.request.id not in needed),
    )


def after_twins(step: Step, leaving: t.Iterable[Peer], choices: t.Mapping[str, ContainerChoice]) -> Step:
    """Return a step. A creation also waits for leaving connections that its cloud does not allow beside it.

    Args:
        step: The step, as the planner of one connection makes it.
        leaving: The connections that are being removed, or that the plan removes.
        choices: The container of each entry, by key; all containers are read if the network has such a connection.
    """
    if not isinstance(step.request, CreatePeer):
        return step
    twins = find_twins(choices[step.keys[0]], step.request.fields, leaving)
    return step._replace(after=(*(step.after or ()), *twins)) if twins else step


def find_cycle(steps: t.Iterable[Step]) -> tuple[Step, ...]:
    """Return the changes that wait for each other's blocks in a cycle, so that none can be sent; empty if there is no cycle."""
    waiting = {step.request.id: step for step in steps if isinstance(step.request, UpdatePeer)}
    while True:
        needed = {peer_id for step in waiting.values() for peer_id in step.after.moved}
        # A step that waits for nothing can be sent. A step that no other waits for is in no cycle.
        others = [peer_id for peer_id, step in waiting.items() if peer_id not in needed or not step.after.moved & waiting.keys()]
        if not others:
            return tuple(waiting.values())
        for peer_id in others:
            del waiting[peer_id]


def _holders_for(step: Step, listed: t.Sequence[Peer]) -> list[Peer]:
    """Return the connections that have the block that a creation or a change needs."""
    fields, own, container_id = step.request.fields, None, step.request.fields.get("container_id")
    if isinstance(step.request, UpdatePeer):
        own = step.request.id
        container_id = next(peer["container_id"] for peer in listed if peer["id"] == own)
    return find_holders(block_of(fields), container_id, listed, own)


def _with_after(step: Step, holders: t.Sequence[Peer], leaving: t.Collection[str], changed: t.Collection[str]) -> Step:
    ids = {peer["id"] for peer in holders}
    gone = {peer["id"] for peer in step.after or ()}
    after = After(frozenset(gone | (ids & set(leaving))), frozenset(ids & set(changed)), block_of(step.request.fields))
    return step._replace(after=after)


def _with_places(creations: t.Sequence[Step], listed: t.Sequence[Peer], leaving: t.Collection[str]) -> list[Step]:
    """Return the creations. Those beyond the free places also wait for the removal of a connection each."""
    free = MOST_PEERS - len(listed)
    # A new connection takes the place of the one that it replaces.
    given = {peer_id for step in creations for peer_id in step.after.gone}
    places = [peer["id"] for peer in listed if peer["id"] in leaving and peer["id"] not in given]
    placed = []
    for step in creations:
        needed: set[str] = set()
        if not step.after.gone & set(leaving):
            free -= 1
            if free < 0 and places:
                needed = {places.pop(0)}
        placed.append(step._replace(after=replace(step.after, gone=step.after.gone | needed)))
    return placed


class PeerGate:
    """Decides when a request can be sent, and which refusals to wait out: no place for a connection, or missing rights.

    Args:
        params: The options of the task.
        matches: Finds the connection of each entry, by key.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, params: Parameters, matches: t.Mapping[str, PeerMatch], clock: Clock) -> None:
        self._matches = matches
        self._clock = clock
        self._waits: bool = params["wait"]
        self._role_timeout: int = params["azure_role_timeout"]

    def hold(self, step: Step, error: TaskError, state: PeerSetState) -> PeerSetState | None:
        """Return the state in which a refused creation waits for the next poll; None if the refusal is a failure."""
        key = str(step.owner)
        match = self._matches.get(key)
        if match is not None and may_repeat(match.choice, step.request, error, replaces=key in state.done):
            since = state.refused.get(key, self._clock())
            is_over = self._clock() - since >= self._role_timeout
            return None if is_over else replace(state, refused={**state.refused, key: since})
        if not self._waits or error.error_code != NO_PLACE:
            return None
        return replace(state, full=(count_pending(state.listed), len(state.listed)), places=0)

    def is_held(self, step: Step, state: PeerSetState) -> bool:
        """Return whether an earlier refusal holds back a step."""
        return isinstance(step.request, CreatePeer) and (state.full is not None or step.owner in state.refused)

    def check(self, blockers: t.Iterable[Peer], state: PeerSetState) -> None:
        """Check that the connections in the way of a step can still be removed or changed.

        Raises:
            TaskError: If the change or removal of one has failed.
        """
        failed = {own.peer["id"] for key, own in state.entries.items() if key in state.failures and own.peer is not None}
        for peer in blockers:
            if peer["id"] in failed | state.failures.keys():
                raise TaskError(
                    f"It needs what VPC peering connection {peer['id']} has, and that could not be changed or removed.",
                    hint="Correct that first, then run the task again.",
                )

    def has_place(self, step: Step, state: PeerSetState, running: t.Iterable[Step]) -> bool:
        """Return whether Atlas may accept a step: after a refusal for lack of a place, as many creations as there are places."""
        if state.full is None or not isinstance(step.request, CreatePeer):
            return True
        return bool(state.places) and sum(isinstance(other.request, CreatePeer) for other in running) < state.places

    def blocked(self, step: Step, state: PeerSetState, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that could not be sent in time."""
        blockers = step.after.blockers(state.listed) if isinstance(step.after, After) else []
        if not blockers:
            way_out = for_pending(state.listed, "Have pending ones accepted in AWS", "Have pending ones completed in")
            return TaskError(
                f"Atlas had no place for another VPC peering connection within {error.span}.",
                hint=f"{way_out}, or remove some, then run the task again.",
            )
        advice = {cloud_of(peer).removal_advice for peer in blockers if has_removal_failed(peer)}
        names = ", ".join(f"{peer['id']} ({peer['status_name']})" for peer in blockers)
        return TaskError(
            f"VPC peering connection {names} is still in the way after {error.span}.",
            hint=" ".join([*advice, f"Raise {as_option('wait_timeout')}, or run the task again later."]),
        )

    def explain(self, step: Step, error: TaskError, state: PeerSetState) -> TaskError:
        """Return the error to show for a creation or a change that was refused.

        Args:
            step: What was refused.
            error: The refusal.
            state: The state in which it was sent.
        """
        if error.error_code == NO_PLACE:
            way_out = for_pending(state.listed, "Accept pending ones in AWS", "Have pending ones completed in")
            better = error.with_hint(f"{way_out}, then run the task again.")
        else:
            key = str(step.owner)
            match, since = self._matches[key], state.refused.get(key)
            listed = tuple(peer for peer in state.listed if cloud_of(peer) is match.choice.provider)
            own = replace(state.entries.get(key, PeerState(None)), listed=listed)
            better = match.explain(step.request, error, own, None if since is None else self._clock() - since)
        return with_removed(step, better, state)


def counted(state: PeerSetState, listed: t.Collection[Peer]) -> PeerSetState:
    """Return the state after a poll, with the free places counted."""
    if state.full is None:
        return state
    pending = count_pending(listed)
    # The limit is at least as high as any count that was seen.
    full = (max(state.full[0], pending), max(state.full[1], len(listed)))
    return replace(state, full=full, places=max(full[0] - pending, full[1] - len(listed)))


def count_pending(peers: t.Iterable[Peer]) -> int:
    """Return how many connections wait to be accepted or set up."""
    return sum(map(is_pending, peers))


def with_removed(step: Step, error: TaskError, state: PeerSetState) -> TaskError:
    """Return the error of a step; that of a creation also names the connection that was removed for it."""
    removal = state.done.get(str(step.owner))
    if not isinstance(step.request, CreatePeer) or removal is None or removal.before is None:
        return error
    return with_removal(error, removal.before)


class PeerSetWaiter:
    """Polls the connections, and records the progress of each entry.

    Args:
        entries: The entries.
        choices: The container of each entry, by key.
        lists: The connections of the project.
        sent: The requests that this task has sent.
        waits: Whether the task waits for the entries.
    """

    def __init__(
        self,
        entries: t.Sequence[PeerEntry],
        choices: t.Mapping[str, ContainerChoice],
        lists: PeerLists,
        sent: SentRequests,
        *,
        waits: bool,
    ) -> None:
        self._entries = entries
        self._choices = choices
        self._lists = lists
        self._sent = sent
        self._waits = waits

    def poll(self, state: PeerSetState) -> PeerSetState:
        """Read the connections that the task waits for, and return the state with new failures."""
        return self.look(state, self._awaited(state))

    def look(self, state: PeerSetState, names: t.Collection[str] | None = None) -> PeerSetState:
        """Read the connections with the named clouds, or with all, and return the state as `poll` does."""
        by_id = {peer["id"]: peer for peer in self._lists.list_peers(names)}
        if names is not None:
            by_id.update({peer["id"]: peer for peer in state.listed if cloud_of(peer).name not in names})
        for peer in state.listed:
            if peer["id"] not in by_id and self._sent.is_new(peer["id"]):
                by_id[peer["id"]] = peer
        entries, failures = dict(state.entries), dict(state.failures)
        for gone in state.pruned:
            error = self._removal_failure(by_id.get(gone["id"]))
            if error is not None:
                failures.setdefault(gone["id"], error)
        # These had failed when the task began, and the plan handles them.
        dead = {peer["id"] for peer in state.first if is_failed(peer)}
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is None or own.peer is None:
                continue
            entries[entry.key], error = self._seen(entry, own, by_id.get(own.peer["id"]))
            if own.peer["id"] in dead and not own.dying:
                error = None
            if error is not None and entry.key not in failures:
                failures[entry.key] = entry.named(error)
        self._read_names(entries)
        return replace(counted(state, by_id.values()), listed=tuple(by_id.values()), entries=entries, failures=failures)

    def _removal_failure(self, peer: Peer | None) -> TaskError | None:
        return None if peer is None else self._sent.removal_failure(peer)

    def _read_names(self, entries: t.Mapping[str, PeerState]) -> None:
        """Read the names of Atlas's network where the customer needs them to set up the peering, once for all entries."""
        again = True
        for entry in self._entries:
            own = entries.get(entry.key)
            if own is not None and own.peer is not None and self._choices[entry.key].read_names(own.peer, again=again):
                again = False

    def goal(self, entry: PeerEntry) -> str:
        """Return the state that the task waits for, as Atlas calls it."""
        return entry.goal

    def awaits(self, entry: PeerEntry, peer: Peer) -> bool:
        """Return whether the connection of an entry has to be waited for."""
        return not entry.provider.has_reached(peer, self.goal(entry))

    def late_error(self, entry: PeerEntry | None, peer: Peer, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that has not reached its goal in time or, without an entry, is not gone."""
        if entry is None:
            return too_late(peer, GONE, error, None)
        return too_late(peer, self.goal(entry), error, customer_task(self._choices[entry.key], peer, entry.goal))

    def line(self, state: PeerSetState) -> str:
        """Return the progress of the entries in one line: how many have reached their goal, and what the others wait for."""
        reached = sum(
            entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and own.peer is not None
            and entry.provider.has_reached(own.peer, entry.goal)
            for entry in self._entries
        )
        # A later state than the goal counts, too.
        words = "available" if all(entry.goal == entry.provider.available for entry in self._entries) else "there"
        counts = [f"{reached} of {len(self._entries)} {words}"] if self._entries else []
        counts += [
            f"{len(names)} {'waits' if len(names) == 1 else 'wait'}{before}{listed(names, _MOST_NAMES)}{behind}"
            for (before, behind), names in self._waiting(state).items()
        ]
        leaving = sum(map(is_leaving, state.listed))
        return ", ".join([*counts, f"{leaving} being removed"] if leaving else counts)

    def _waiting(self, state: PeerSetState) -> dict[tuple[str, str], list[str]]:
        """Return the names of connections that wait for the customer, by the words before and after them."""
        waiting: dict[tuple[str, str], list[str]] = {}
        for entry in self._entries:
            own, provider = state.entries.get(entry.key), entry.provider
            if entry.key in state.refused and entry.key not in state.failures:
                waiting.setdefault((f" for the role of Atlas in {provider.name}: ", ""), []).append(entry.name)
            elif own is not None and own.peer is not None and provider.waits_for_customer(own.peer, entry.goal):
                name, words = entry.name, (f" for its peering in {provider.name}: ", "")
                task = customer_task(self._choices[entry.key], own.peer, entry.goal)
                if provider.accepted_id is not None and task is not None:
                    name, words = task.subject, (f": {task.verb} ", f" {task.where}")
                waiting.setdefault(words, []).append(name)
        return waiting

    def _awaited(self, state: PeerSetState) -> frozenset[str]:
        """Return the names of the clouds that the task waits for; all of them if there are none, or if places are counted."""
        entries = {entry.provider.name for entry in self.missing(state)}
        pruned = {peer["id"] for peer in state.pruned}
        leaving = {cloud_of(peer).name for peer in state.listed if is_leaving(peer) or peer["id"] in pruned}
        found = entries | leaving
        return frozenset(found) if found and state.full is None else self._lists.names

    def missing(self, state: PeerSetState) -> list[PeerEntry]:
        """Return the entries whose connection has neither reached its goal nor failed."""
        return [
            entry
            for entry in self._entries
            if entry.key not in state.failures
            and (own := state.entries.get(entry.key)) is not None
            and (own.peer is None or self.awaits(entry, own.peer))
        ]

    def _seen(self, entry: PeerEntry, own: PeerState, present: Peer | None) -> tuple[PeerState, TaskError | None]:
        """Return the new state of an entry, and the error if the task waits for a connection that has failed or is gone."""
        if own.dying:
            seen = replace(own, peer=present, dying=(present,)) if present else replace(own, peer=None, dying=())
            return seen, self._removal_failure(present)
        is_gone = present is None or is_leaving(present)
        error = None
        if self._waits and is_gone:
            error = removed_by_others(own.peer["id"] if own.peer else "", self.goal(entry))
        elif self._waits and present is not None and is_failed(present):
            worked = own.peer is not None and own.peer["status_name"] == entry.provider.progress[-1]
            error = failure(entry.provider, entry.options, present, worked=worked)
        return replace(own, peer=present), error
