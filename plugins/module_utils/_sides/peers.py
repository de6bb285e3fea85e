# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections of a declared list in Atlas as a side: they are requested, changed, replaced, pruned, and waited for."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Peer
from .._engine.plan import Plan, Step
from .._engine.side import SEEN, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import GONE, WaitTimeoutError
from .._http.errors import TaskError
from .._peer_set.gate import After
from .._peer_set.options import PeerEntry
from .._peer_set.requests import PeerSet
from .._peer_set.state import PeerSetState
from .._peering.azure_role import ROLE
from .._peering.connection import PeerState
from .._peering.container_choice import LIST_CONTAINERS

_LIST, _POLL = "list", "poll"
_PLACE = "a place for another connection"
_REQUESTS, _TAKEN, _REACHED = "requests", "taken", "reached"
# What is in the way of requests goes; creations that were refused for lack of a role are taken; all are as the task waits for.
STAGES = (_REQUESTS, _TAKEN, _REACHED)


class PeerSide(Side[PeerState]):
    """The connections of a list: each entry is an owner, by its key, and so is each connection that is pruned, by its id.

    A look and a poll are one list of the connections with each cloud. A request is sent once what it needs is free. A creation
    that Atlas refuses is sent again: for lack of a place once there may be one, and for lack of a role in AZURE until that holds
    there. Neither keeps the first stage from ending.

    Args:
        context: The options, what was done, and what has failed.
        entries: The entries of the list.
        peers: Reads, plans and sends for the list.
    """

    name = "peers"
    looks_together = True
    has_short_steps = True

    def __init__(self, context: Context, entries: t.Sequence[PeerEntry], peers: PeerSet) -> None:
        super().__init__(context, [entry.key for entry in entries])
        self._by_key = {entry.key: entry for entry in entries}
        self._set = peers
        # The project as a whole: Atlas's list belongs to no owner, and neither do its places.
        self._project = PeerSetState(())
        # The errors of owners that wait in vain, by the last poll.
        self._in_vain: dict[Owner, TaskError] = {}

    @property
    def project(self) -> PeerSetState:
        """All connections of the project, what was done, and what has failed."""
        return replace(self._project, failures={key: failure.error for key, failure in self.context.failures.items()})

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list of connections; in a poll, only of those with clouds that are waited for."""
        if purpose is Purpose.POLL:
            return [Query(_POLL, partial(self._set.waiter.poll, self.project))]
        look = self._set.look if purpose is Purpose.FIRST else partial(self._set.look_again, self.project)
        return [Query(_LIST, look)]

    def observe(self, replies: Replies) -> t.Mapping[Owner, PeerState]:
        """Return the connections of entries, and those that are pruned, as far as they have changed."""
        ((key, project),) = replies.items()
        seen = t.cast(PeerSetState, project)
        self._project = seen
        found: dict[Owner, PeerState] = dict(seen.entries.items())
        others = {owner for owner in self.states if owner not in self._by_key}
        if key == _LIST and self.context.params["prune"]:
            others.update(peer["id"] for peer in self._set.planner.split_undeclared(seen)[1])
        if others:
            listed = {peer["id"]: peer for peer in seen.listed}
            found.update({one: PeerState(listed.get(str(one))) for one in others})
        self._in_vain = {owner: error for owner, error in seen.failures.items() if owner not in self.context.failures}
        for owner in self._in_vain:
            # It is evaluated even if it looks the same.
            found[owner] = replace(found.get(owner, PeerState(None)))
        return {one: state for one, state in found.items() if one in self._in_vain or state != self.states.get(one)}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the whole list at first, and later what is left to do for some owners."""
        state, planner, choices = self.project, self._set.planner, self._set.choices
        if any(entry.provider.region is not None for entry in self._by_key.values()):
            # For the hand-over, which has the blocks.
            self._set.facts[LIST_CONTAINERS]
        plan = planner.plan(state)
        for key, own in state.entries.items():
            if own.peer is not None:
                choices[key].read_names(own.peer)
        steps = tuple(step._replace(owner=step.keys[0], stage=_REQUESTS) for step in plan.steps)
        plan = replace(plan, steps=steps, warnings=(*plan.warnings, *planner.warnings(plan, state)))
        if not self.context.stage:
            return plan
        # What is refused later fails, as far as the task set out to do it.
        planned = {change.key for change in self.context.plan.changes}
        errors = {key: error for key, error in {**plan.failures, **plan.refusals}.items() if key in planned}
        changes = tuple(change for change in plan.changes if change.key in owners)
        steps = tuple(step for step in steps if step.owner in owners)
        return replace(plan, changes=changes, steps=steps, failures=errors, refusals={})

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for what is in the way of a request, and at the end for connections to be reached or gone.

        Raises:
            TaskError: If that is in vain.
        """
        if owner in self._in_vain:
            raise self._in_vain[owner]
        if step is not None:
            return self._wait_before(step)
        if self.context.stage != _REACHED or not self.context.params["wait"]:
            return None
        entry, peer = self._by_key.get(str(owner)), self.states[owner].peer
        if entry is None:
            return Waiting(GONE) if peer is not None and owner in self._project.done else None
        return None if peer is None or entry.provider.has_reached(peer, entry.goal) else Waiting(entry.goal)

    def _wait_before(self, step: Step) -> Waiting | None:
        gate, state = self._set.gate, self._project
        blockers = step.after.blockers(state.listed) if isinstance(step.after, After) else []
        if blockers:
            gate.check(blockers, self.project)
            return self._until(GONE, is_held=gate.is_held(step, state))
        return None if gate.has_place(step, state, self.context.running.values()) else self._until(_PLACE, is_held=True)

    def _until(self, goal: str, *, is_held: bool) -> Waiting:
        """Return a wait; if a refusal `is_held`, it has no end before that of the last stage."""
        is_last = self.context.stage == _REACHED
        if not is_held or is_last:
            # A change of another entry may free what it needs.
            return Waiting(goal, ends_with_steps=goal == GONE)
        return Waiting(goal, math.inf, ends_with_steps=goal == GONE, outlasts=(_REQUESTS, _TAKEN))

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a request that could not be sent, or of a connection that is not reached or not gone."""
        if waiting.goal == ROLE and error.refusal is not None:
            return error.refusal
        if step is not None:
            return self._set.gate.blocked(step, self._project, error)
        return self._set.waiter.late_error(self._by_key.get(str(owner)), t.cast(Peer, self.states[owner].peer), error)

    def request(self, step: Step) -> Call:
        """Request, change or remove a connection; the call returns Atlas's reply, or None for a removal."""
        return partial(self._set.send, step, self._project)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record a request. The removal and the creation of a replacement are one change, which begins with the removal."""
        key = step.keys[0]
        self._project = self._set.record(step, None if reply is SEEN else reply, self._project)
        change, own = self._project.done.get(key), self._project.entries.get(key)
        if own is None:
            # It is pruned, or it is not clear any more which connection the entry means.
            own = self.states[key] if key in self._by_key else PeerState(self._project.find(key))
        return Effect({key: own}, () if change is None else (change,))

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for a place, or for the role that Atlas needs if it may be too new."""
        held = self._set.gate.hold(step, error, self._project)
        if held is None:
            return None
        self._project = held
        if step.owner not in held.refused:
            return self._until(_PLACE, is_held=True)
        return Waiting(ROLE, self.context.params["azure_role_timeout"], outlasts=(_REQUESTS,))

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        return self._set.explain(step, error, self._project)

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, PeerState]:
        """Return the connections after the plan and all waits."""
        self._project = self._set.planner.predict(self.project, self.context.plan)
        return dict(self._project.entries.items())

    def progress_line(self) -> str:
        """Return how many connections are in which state, and what they wait for."""
        return self._set.waiter.line(self.project)
