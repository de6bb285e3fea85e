# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections of a declared list in Atlas as a side, which requests, changes, replaces, prunes and waits for them."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Peer
from .._engine.plan import Plan, Step
from .._engine.side import SEEN, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import GONE, WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .connection import PeerState
from .gate import After
from .life import ROLE
from .peer_requests import LIST_QUERY, PeerSet
from .set_state import PeerSetState

_PLACE = "a place for another connection"


class PeerStages(t.NamedTuple):
    """The stages of a front for connections.

    Attributes:
        requests: The stage of all requests.
        outlasted: The stages that may end while a refused creation waits for a place, or for what is in its way.
        awaited: The stages that wait for the connections of entries; the last one also waits until pruned ones are gone.
        lanes: What a request shares with others; see `Step.lanes`.
        frees_places: Whether steps of other sides may end the wait for a place, or make it useless.
    """

    requests: str
    outlasted: tuple[str, ...]
    awaited: tuple[str, ...]
    lanes: tuple[tuple[t.Hashable, int], ...] = ()
    frees_places: bool = False


_REQUESTS, _TAKEN, _REACHED = "requests", "taken", "reached"
# Requests are sent once nothing is in their way; creations refused for lack of a role are accepted; all reach their goals.
STAGES = (_REQUESTS, _TAKEN, _REACHED)
_OF_SETS = PeerStages(_REQUESTS, (_REQUESTS, _TAKEN), (_REACHED,))


class PeerSide(Side[PeerState]):
    """The connections of a list: each entry is an owner, by its key, and so is each connection that is pruned, by its id.

    A look and a poll are one list of the connections with each cloud. A request is sent once what it needs is free. A creation
    that Atlas refuses is sent again: for lack of a place once there may be one, and for lack of a role in AZURE until the role
    takes effect. Neither keeps the first stage from ending.

    Args:
        context: The options, what was done, and what has failed.
        entries: The entries of the list.
        peers: Reads, plans and sends for the list.
        stages: The stages of the front.
    """

    name = "peers"
    looks_together = True
    has_short_steps = True

    def __init__(self, context: Context, entries: t.Sequence[PeerEntry], peers: PeerSet, stages: PeerStages = _OF_SETS) -> None:
        super().__init__(context, [entry.key for entry in entries])
        self._set, self._stages = peers, stages
        # The project as a whole: Atlas's list belongs to no owner, and neither do its places.
        self._project = PeerSetState(())
        # The errors of owners whose wait is useless after the last poll.
        self._final_errors: dict[Owner, TaskError] = {}

    @property
    def project(self) -> PeerSetState:
        """All connections of the project, what was done, and what has failed."""
        return replace(self._project, failures={key: failure.error for key, failure in self.context.failures.items()})

    def begin(self, project: PeerSetState, plan: Plan) -> Plan:
        """Take the connections that the front has read, and return its plan for them as this side carries it out."""
        self._project = project
        self.states.update(self._states_of(project, self._set.undeclared(project)))
        return self._to_steps(plan)

    def _states_of(self, project: PeerSetState, others: t.Iterable[Owner]) -> dict[Owner, PeerState]:
        """Return the states of the entries, and of other connections."""
        listed = {peer["id"]: peer for peer in project.listed}
        found: dict[Owner, PeerState] = {one: PeerState(listed.get(str(one))) for one in others}
        found.update(project.entries.items())
        return found

    def _keep(self, project: PeerSetState, owner: str | None = None) -> None:
        self._project = project
        self._set.keep(project, owner)

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list of connections; in a poll, only of those with clouds that are waited for."""
        return self._set.queries(self.project, purpose)

    def observe(self, replies: Replies) -> t.Mapping[Owner, PeerState]:
        """Return the connections of entries, and those that are pruned, as far as they have changed."""
        ((key, project),) = replies.items()
        seen: PeerSetState = project
        self._keep(seen)
        others = {owner for owner in self.states if owner not in self._set.entries}
        found = self._states_of(seen, others.union(self._set.undeclared(seen) if key == LIST_QUERY else ()))
        self._final_errors = {owner: error for owner, error in seen.failures.items() if owner not in self.context.failures}
        for owner in self._final_errors:
            # It is evaluated even if it looks the same.
            found[owner] = replace(found.get(owner, PeerState(None)))
        return {one: state for one, state in found.items() if one in self._final_errors or state != self.states.get(one)}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the whole list at first, and later what is left to do for some owners."""
        plan = self._to_steps(self._set.plan(self.project))
        if not self.context.stage:
            return plan
        # A later refusal fails, if the change was planned at first.
        planned, key_of = {change.key for change in self.context.plan.changes}, self._set.key_of
        errors = {key: error for key, error in {**plan.failures, **plan.refusals}.items() if key_of(key) in planned}
        keys = {*map(key_of, owners)}
        changes = tuple(change for change in plan.changes if change.key in keys)
        steps = tuple(step for step in plan.steps if step.owner in owners)
        return replace(plan, changes=changes, steps=steps, failures=errors, refusals={})

    def _to_steps(self, plan: Plan) -> Plan:
        """Return a plan of the list with owners and stages, and the keys of results."""
        key_of, stages = self._set.key_of, self._stages
        changes = tuple(map(self._set.shown, plan.changes))
        steps = (step._replace(owner=step.keys[0], stage=stages.requests, lanes=stages.lanes) for step in plan.steps)
        return replace(plan, changes=changes, steps=tuple(step._replace(keys=(key_of(step.owner),)) for step in steps))

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for what is in the way of a request, and at the end for connections to reach their goals or be gone.

        Raises:
            TaskError: If waiting is useless.
        """
        failed = self._final_errors.get(owner) or self._set.failure_of(owner)
        if failed is not None:
            raise failed
        if step is not None:
            return self._wait_before(step)
        stage, awaited, peer = self.context.stage, self._stages.awaited, self.states[owner].peer
        if stage not in awaited or peer is None or not self._set.params["wait"]:
            return None
        entry, waiter = self._set.entries.get(str(owner)), self._set.waiter
        if entry is None:
            return Waiting(GONE) if stage == awaited[-1] and self._set.must_go(owner, self._project) else None
        return Waiting(waiter.goal(entry)) if waiter.awaits(entry, peer) else None

    def _wait_before(self, step: Step) -> Waiting | None:
        gate, state = self._set.gate, self._project
        blockers = step.after.blockers(state.listed) if isinstance(step.after, After) else []
        if blockers:
            gate.check(blockers, self.project)
            return self._until(GONE, is_held=gate.is_held(step, state))
        if gate.has_place(step, state, self.context.running.values()):
            return None
        error = self._set.without_hope(step, state, self._running())
        if error is not None:
            raise error
        return self._until(_PLACE, is_held=True)

    def _running(self) -> list[Step]:
        return [step for (side, _owner), step in self.context.running.items() if side == self.name]

    def _until(self, goal: str, *, is_held: bool) -> Waiting:
        """Return a wait; that of a refused step (`is_held`) may outlast some stages."""
        # Changes of other entries may free what it needs.
        ends, outlasted = goal == GONE or self._stages.frees_places, self._stages.outlasted
        if not is_held or self.context.stage not in outlasted:
            return Waiting(goal, ends_with_steps=ends, only_of_side=ends)
        return Waiting(goal, math.inf, ends_with_steps=ends, only_of_side=ends, outlasts=outlasted)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a request that could not be sent, or of a connection that is not reached or not gone."""
        if waiting.goal == ROLE and error.refusal is not None:
            return error.refusal
        if step is not None:
            return self._set.gate.blocked(step, self._project, error)
        return self._set.waiter.late_error(self._set.entries.get(str(owner)), t.cast(Peer, self.states[owner].peer), error)

    def request(self, step: Step) -> Call:
        """Request, change or remove a connection; the call returns Atlas's reply, or None for a removal."""
        return partial(self._set.send, step, self._project)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record a request. The removal and the creation of a replacement are one change, which begins with the removal."""
        key = str(step.owner)
        self._keep(self._set.record(step, None if reply is SEEN else reply, self._project), key)
        change, own = self._project.done.get(key), self._project.entries.get(key)
        if own is None:
            # It is pruned, or the connection of the entry is no longer clear.
            own = self.states[key] if key in self._set.entries else PeerState(self._project.find(key))
        return Effect({key: own}, () if change is None else (self._set.shown(change),))

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for a place, or for the role that Atlas needs if it may be too new."""
        held = self._set.hold(step, error, self._project)
        if held is None:
            return None
        self._keep(held)
        if step.owner in held.refused:
            return Waiting(ROLE, self.context.params["azure_role_timeout"], outlasts=(self._stages.requests,))
        return None if self._set.without_hope(step, held, self._running()) is not None else self._until(_PLACE, is_held=True)

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        return self._set.explain(step, error, self._project)

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, PeerState]:
        """Return the connections after the plan and all waits."""
        self._project = self._set.predict(self.project, self.context.plan)
        return dict(self._project.entries.items())

    def progress_line(self) -> str:
        """Return how many connections are in which state, and what they wait for."""
        return self._set.line(self.project)
