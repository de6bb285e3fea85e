# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a declared list, and the order of its requests: what each of them has to wait for."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import block_of, cloud_of, is_leaving, is_pending
from .._engine.plan import Change, Step
from .._http.errors import TaskError
from .._resources.peers import MOST_PEERS
from .._values.blocks import do_overlap
from .connection import CreatePeer, DeletePeer, PeerState, UpdatePeer
from .container_choice import ContainerChoice
from .match import find_holders, find_twins


@dataclass(frozen=True)
class PeerSetState:
    """The connections of the project, and what the task has done so far.

    Attributes:
        listed: All connections of the project.
        first: The connections when the task began.
        entries: The connection that each entry means, by key; an entry whose connection is unclear is missing.
        unclear: The error of each entry whose connection is unclear, by key.
        done: The changes made, by the keys of entries and the ids of undeclared connections.
        failures: The errors, by the same keys.
        pruned: The connections whose removal was accepted because the list does not declare them.
        counts_at_limit: The highest counts of pending and of all connections since a refusal at Atlas's limit; None without one.
        free_slots: How many more connections Atlas can take after such a refusal.
        refused: When the creation of an entry was first refused for lack of rights (clock, in seconds), by key.
    """

    listed: tuple[Peer, ...]
    first: tuple[Peer, ...] = ()
    entries: t.Mapping[str, PeerState] = field(default_factory=dict)
    unclear: t.Mapping[str, TaskError] = field(default_factory=dict)
    done: t.Mapping[str, Change] = field(default_factory=dict)
    failures: t.Mapping[str, TaskError] = field(default_factory=dict)
    pruned: tuple[Peer, ...] = ()
    counts_at_limit: tuple[int, int] | None = None
    free_slots: int = 0
    refused: t.Mapping[str, float] = field(default_factory=dict)

    def find(self, peer_id: str) -> Peer:
        """Return a connection by its id, as it was last seen."""
        return next(peer for peer in (*self.listed, *self.first) if peer["id"] == peer_id)

    def without_places(self) -> PeerSetState:
        """Return the state after a refusal for lack of a place."""
        return replace(self, counts_at_limit=(0, 0)).with_listed(self.listed)

    def with_listed(self, listed: t.Collection[Peer]) -> PeerSetState:
        """Return the state with connections that were read; after a refusal for lack of a place, with the free places counted."""
        if self.counts_at_limit is None:
            return replace(self, listed=(*listed,))
        pending = sum(map(is_pending, listed))
        # The limit is at least as high as any count that was seen.
        counts = (max(self.counts_at_limit[0], pending), max(self.counts_at_limit[1], len(listed)))
        free_slots = max(counts[0] - pending, counts[1] - len(listed))
        return replace(self, listed=(*listed,), counts_at_limit=counts, free_slots=free_slots)

    def removed_for(self, step: Step) -> Fields | None:
        """Return the connection that was removed for a creation; None if there is none."""
        removal = self.done.get(str(step.owner)) if isinstance(step.request, CreatePeer) else None
        return None if removal is None else removal.before

    def with_written(self, key: str, peer: Peer) -> PeerSetState:
        """Return the state after the connection of an entry was created or changed."""
        earlier = self.done.get(key)
        before = next((fields_of(one) for one in self.first if one["id"] == peer["id"]), None)
        change = Change("create" if before is None else "update", key, before, peer)
        if earlier is not None:
            # The removal was the first half of a replacement.
            change = Change("recreate", key, earlier.before, peer)
        return replace(
            self,
            listed=(*[one for one in self.listed if one["id"] != peer["id"]], peer),
            entries={**self.entries, key: PeerState(peer, listed=())},
            done={**self.done, key: change},
            free_slots=max(0, self.free_slots - (before is None)),
            refused={one: since for one, since in self.refused.items() if one != key},
        )

    def with_leaving(self, key: str, peer_id: str) -> PeerSetState:
        """Return the state after Atlas accepted the removal of an entry's connection, or of an undeclared one."""
        before = self.find(peer_id)
        leaving: Peer = {**before, "status_name": cloud_of(before).terminating}
        done = {**self.done, key: Change("delete", key, before, None)}
        state = replace(self, listed=tuple(leaving if peer["id"] == peer_id else peer for peer in self.listed), done=done)
        if key not in self.entries:
            return replace(state, pruned=(*self.pruned, leaving))
        return replace(state, entries={**self.entries, key: PeerState(leaving, (leaving,), (), leaving)})


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
    removals = [step for step in steps if isinstance(step.request, DeletePeer)]
    leaving = {step.request.id for step in removals} | {peer["id"] for peer in listed if is_leaving(peer)}
    changed = {step.request.id for step in steps if isinstance(step.request, UpdatePeer)}
    others = [_with_after(step, listed, leaving, changed) for step in steps if not isinstance(step.request, DeletePeer)]
    changes = [step for step in others if isinstance(step.request, UpdatePeer)]
    creations = _with_places([step for step in others if isinstance(step.request, CreatePeer)], listed, leaving)
    needed = {peer_id for step in (*changes, *creations) for peer_id in step.after.gone}
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


def _with_after(step: Step, listed: t.Sequence[Peer], leaving: t.Collection[str], changed: t.Collection[str]) -> Step:
    """Return a creation or a change with what has to be out of its way: whatever has the block that it needs."""
    fields, own, container_id = step.request.fields, None, step.request.fields.get("container_id")
    if isinstance(step.request, UpdatePeer):
        own = step.request.id
        container_id = next(peer["container_id"] for peer in listed if peer["id"] == own)
    block = block_of(fields)
    ids = {peer["id"] for peer in find_holders(block, container_id, listed, own)}
    gone = {peer["id"] for peer in step.after or ()}
    return step._replace(after=After(frozenset(gone | (ids & set(leaving))), frozenset(ids & set(changed)), block))


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
