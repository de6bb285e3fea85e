# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pruned connections leave in the customer's clouds: it is removed before Atlas forgets them, and all runs with it."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Cloud, Peer, cloud_of, fields_of, is_leaving, name_of
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .part import Answers, PathPart, task_of
from .path_state import ACTING, CLEANING, PathState, Task, What


class Leaving:
    """The connections that the task removes, with the key of the entry or, where no entry means them, their id.

    Args:
        plan: Returns the plan for the connections in Atlas.

    Attributes:
        peers: Each with its owner, by id.
    """

    def __init__(self, plan: t.Callable[[PathState], Plan]) -> None:
        self._plan = plan
        self.peers: dict[str, tuple[str, Peer]] = {}

    def find(self, state: PathState) -> None:
        """Find them in the plan for a state. What is leaving already is in no plan any more, and stays."""
        live = {peer["id"] for peer in state.peers.listed if not is_leaving(peer)}
        found = {id_: one for id_, one in self.peers.items() if id_ not in live}
        for change in self._plan(state).changes:
            what = What.of(change.key)
            if change.before is not None and change.after is None and what.kind == "connection":
                found[str(change.before["id"])] = what.owner, t.cast(Peer, change.before)
        self.peers = found

    @property
    def pruned(self) -> list[Peer]:
        """Those that no entry means."""
        return [peer for id_, (owner, peer) in self.peers.items() if owner == id_]


class Cleaner(t.Protocol):
    """The part of a cloud: what a connection leaves there. Where Atlas needs a role, all pruned connections are an argument."""

    def look_at_pruned(self, peer: Peer) -> t.Any:
        """Return what is there; None if no credentials of the task are those of its owner. Runs in a thread."""

    def plan_pruned(self, peer: Peer, found: t.Any, *more: t.Any) -> t.Sequence[Change]:
        """Return the removals, with the id of the connection in their keys."""

    def send_pruned(self, peer: Peer, *more: t.Any) -> t.Any:
        """Remove it, and return what is there then. Runs in a thread."""


class PrunedPart(PathPart):
    """What pruned connections leave in the customer's clouds, but for the access list.

    Args:
        params: The options of the task.
        leaving: The connections that the task removes.
        cleaners: The parts of the clouds whose half the task does, by the names of the clouds.
    """

    name = "pruned"

    def __init__(self, params: Parameters, leaving: Leaving, cleaners: t.Mapping[str, Cleaner]) -> None:
        self._params = params
        self._leaving = leaving
        self._cleaners = cleaners
        # What was found for each connection, by id; None where it could not be looked for.
        self._found: dict[str, t.Any] = {}
        self._planned: dict[str, tuple[Change, ...]] = {}
        self._cleaned: set[str] = set()

    def reads_more(self, state: PathState) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read what each connection leaves, where the task has credentials."""
        self._leaving.find(state)
        return {
            peer["id"]: partial(cleaner.look_at_pruned, peer)
            for peer in self._leaving.pruned
            if peer["id"] not in self._found and _rest(peer) and (cleaner := self._cleaners.get(cloud_of(peer).name)) is not None
        }

    def owners(self, key: t.Any) -> t.Iterable[str]:
        """Return the id of the connection."""
        return (key,)

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Keep what was found, and say what the task will not remove."""
        self._leaving.find(state)
        self._found.update(answers)
        unknown = [peer for peer in self._leaving.pruned if self._found.get(peer["id"]) is None and _rest(peer)]
        return replace(state, notes=(*state.notes, *(one for one in map(self._note, unknown) if one not in state.notes)))

    def plan(self, state: PathState) -> Plan:
        """Plan what to remove of each connection: before it goes or, where Atlas needs a role until then, after it."""
        self._leaving.find(state)
        changes, steps = list[Change](), list[Step]()
        for peer in self._leaving.pruned:
            owner = peer["id"]
            found = self._found.get(owner)
            if found is None or owner in state.failures or owner in self._cleaned:
                continue
            cleaner, more = self._cleaner(peer)
            self._planned[owner] = planned = (*cleaner.plan_pruned(peer, found, *more, state),)
            if planned:
                changes += planned
                stage = ACTING if _needs_role(cloud_of(peer)) else CLEANING
                keys = tuple(change.key for change in planned)
                steps.append(Step("delete", Task(self.name, stage, owner, owner), keys, is_run=True))
        return Plan(tuple(changes), tuple(steps))

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return whether there is a place for a step, and Atlas needs nothing more of what it removes."""
        owner, peer = task_of(step).owner, self._peer(step)
        others = [self._peer(one) for one in running if task_of(one).part == self.name]
        if len(others) >= self._params["parallel"]:
            return False
        cloud = cloud_of(peer)
        if cloud.has_names and any(cloud_of(one) is cloud for one in others):
            # One at a time for each network of Atlas.
            return False
        return not _needs_role(cloud) or owner not in {one["id"] for one in state.peers.listed}

    def send(self, step: Step, state: PathState) -> t.Any:
        """Remove what a connection leaves.

        Raises:
            TaskError: If it fails: the connection stays then.
        """
        peer = self._peer(step)
        cleaner, more = self._cleaner(peer)
        return cleaner.send_pruned(peer, *more, state)

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state in which it is gone."""
        owner = task_of(step).owner
        self._cleaned.add(owner)
        return state.with_done(self._planned[owner])

    def is_clean(self, owner: str, state: PathState) -> bool:
        """Whether nothing is left of a connection that this part removes before it; True for all other owners."""
        planned = self._planned.get(owner, ())
        return not planned or owner in self._cleaned or _needs_role(cloud_of(self._leaving.peers[owner][1]))

    def _peer(self, step: Step) -> Peer:
        return self._leaving.peers[task_of(step).owner][1]

    def _cleaner(self, peer: Peer) -> tuple[Cleaner, tuple[t.Any, ...]]:
        """Return what cleans up after a connection, and its other arguments."""
        cloud = cloud_of(peer)
        return self._cleaners[cloud.name], (self._leaving.pruned,) if _needs_role(cloud) else ()

    def _note(self, peer: Peer) -> str:
        """Return what the task does not remove, and why, in a sentence."""
        cloud, fields = cloud_of(peer), fields_of(peer)
        owner = f"{cloud.owner_noun} {fields[cloud.owner]}"
        why = f"{cloud.half[0]} is false"
        if cloud.name in self._cleaners:
            why = f"no credentials of the task are those of the {owner}"
        name = fields.get(cloud.accepted_id or "") or peer["id"]
        text = f"{name} ({name_of(fields)}) is pruned, but {_rest(peer)} stays in {cloud.name}, because {why}."
        return f"{text} Remove what is left there."


def _needs_role(cloud: Cloud) -> bool:
    """Whether Atlas needs a role in the customer's cloud until a connection is gone."""
    return bool(cloud.role_codes)


def _rest(peer: Peer) -> str:
    """Return what a connection leaves in the customer's cloud, for users; empty for nothing."""
    cloud, fields = cloud_of(peer), fields_of(peer)
    if cloud.accepted_id is not None:
        return "each route that leads to it" if fields[cloud.accepted_id] else ""
    return f"the role of Atlas on the {cloud.noun}" if _needs_role(cloud) else "its peering with Atlas's network"
