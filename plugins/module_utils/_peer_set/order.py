# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders the requests of a set: each waits for the connections that hold what it needs."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .._clouds.cloud import Peer, block_of, is_leaving
from .._engine.plan import Step
from .._peering.connection import CreatePeer, DeletePeer, UpdatePeer
from .._peering.container_choice import ContainerChoice
from .._peering.match import find_holders, find_twins
from .._values.blocks import do_overlap
from .._values.limits import MOST_PEERS


@dataclass(frozen=True)
class After:
    """What has to be out of the way before a request is sent.

    Attributes:
        gone: The ids of connections that have to be gone, for their identity, block or place.
        moved: The ids of connections that have to have another block, or to be gone.
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

    Removals that others need come first, then changes, creations, and the other removals. Whatever is in the way of a step is
    removed or changed by another step: the planner has refused all other cases.

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
    needed = {one for step in (*changes, *creations) for one in step.after.gone}
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
        needed = {one for step in waiting.values() for one in step.after.moved}
        # A step that waits for nothing can be sent. One that no other waits for is in no cycle.
        others = [one for one, step in waiting.items() if one not in needed or not step.after.moved & waiting.keys()]
        if not others:
            return tuple(waiting.values())
        for one in others:
            del waiting[one]


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
    after = After(
        frozenset(gone | (ids & set(leaving))),
        frozenset(ids & set(changed)),
        block_of(step.request.fields),
    )
    return step._replace(after=after)


def _with_places(creations: t.Sequence[Step], listed: t.Sequence[Peer], leaving: t.Collection[str]) -> list[Step]:
    """Return the creations. Those beyond the free places also wait for the removal of a connection each."""
    free = MOST_PEERS - len(listed)
    # A new connection takes the place of the one that it replaces.
    given = {one for step in creations for one in step.after.gone}
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
