# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections of a declared list in Atlas as a side, which requests, changes, replaces, prunes and waits for them."""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Peer
from .._clouds.clouds import cloud_of, for_pending
from .._engine.plan import Plan, Step
from .._engine.side import SEEN, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import GONE, WaitTimeoutError
from .._http.errors import TaskError, as_name, as_option
from .._resources.peers import NO_PLACE
from .connection import (
    ROLE,
    CreatePeer,
    DeletePeer,
    PeerState,
    explain_removal,
    has_removal_failed,
    may_repeat,
    request_peer,
    with_removal,
)
from .peer_set import LIST_QUERY, PeerSet
from .set_state import After, PeerSetState

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
        peers: Reads and plans the list.
        stages: The stages of the front.
    """

    name = "peers"
    looks_together = True
    has_short_steps = True

    def __init__(self, context: Context, peers: PeerSet, stages: PeerStages = _OF_SETS) -> None:
        super().__init__(context, [*peers.entries])
        self._set, self._stages = peers, stages
        # The project as a whole: Atlas's list belongs to no owner, and neither do its places.
        self._project = PeerSetState(())
        # The last refusal for lack of a place.
        self._no_place: TaskError | None = None
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
        planned, first = {change.key for change in self.context.plan.changes}, self._set.first_changes
        errors = {key: error for key, error in {**plan.failures, **plan.refusals}.items() if first.key_of(key) in planned}
        keys = {*map(first.key_of, owners)}
        changes = tuple(change for change in plan.changes if change.key in keys)
        steps = tuple(step for step in plan.steps if step.owner in owners)
        return replace(plan, changes=changes, steps=steps, failures=errors, refusals={})

    def _to_steps(self, plan: Plan) -> Plan:
        """Return a plan of the list with owners and stages, and the keys of results."""
        first, stages = self._set.first_changes, self._stages
        steps = (step._replace(owner=step.keys[0], stage=stages.requests, lanes=stages.lanes) for step in plan.steps)
        keyed = tuple(step._replace(keys=(first.key_of(step.owner),)) for step in steps)
        return replace(plan, changes=tuple(map(first.shown, plan.changes)), steps=keyed)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for what is in the way of a request, and at the end for connections to reach their goals or be gone.

        Raises:
            TaskError: If waiting is useless.
        """
        failed = self.context.failures.get(self._set.entry_of(owner))
        error = self._final_errors.get(owner) if failed is None else failed.error
        if error is not None:
            raise error
        if step is not None:
            return self._wait_before(step)
        stage, awaited, peer = self.context.stage, self._stages.awaited, self.states[owner].peer
        if stage not in awaited or peer is None or not self._set.params["wait"]:
            return None
        entry = self._set.entries.get(str(owner))
        if entry is None:
            return Waiting(GONE) if stage == awaited[-1] and self._set.awaits_removal(owner, self._project) else None
        return Waiting(self._set.goal(entry)) if self._set.awaits(entry, peer) else None

    def _wait_before(self, step: Step) -> Waiting | None:
        """Wait for what is in the way of a request and, after a refusal for lack of a place, for as many places as creations."""
        project, is_creation = self._project, isinstance(step.request, CreatePeer)
        is_refused = is_creation and (project.counts_at_limit is not None or step.owner in project.refused)
        blockers = step.after.blockers(project.listed) if isinstance(step.after, After) else []
        if blockers:
            check_blockers(blockers, self.project)
            return self._until(GONE, is_held=is_refused)
        if project.counts_at_limit is None or not is_creation:
            return None
        if sum(isinstance(other.request, CreatePeer) for other in self.context.running.values()) < project.free_slots:
            return None
        return self._until_place(step)

    def _until_place(self, step: Step) -> Waiting:
        """Wait for a place for a refused creation.

        Raises:
            TaskError: If there will be none.
        """
        is_sending = any(side == self.name for side, _owner in self.context.running)
        if self._no_place is not None and not (self._project.free_slots or is_sending or self._set.frees_places(self._project)):
            raise self.explain(step, self._no_place)
        return self._until(_PLACE, is_held=True)

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
            return blocked(step, self._project, error)
        return self._set.late_error(self._set.entries.get(str(owner)), t.cast(Peer, self.states[owner].peer), error)

    def request(self, step: Step) -> Call:
        """Request, change or remove a connection; the call returns Atlas's reply, or None for a removal."""
        request, project = step.request, self._project
        if isinstance(request, DeletePeer):
            self._set.sent.removals.add(request.id)
            return partial(self._set.lists.with_cloud(cloud_of(project.find(request.id))).delete_peer, request.id)
        peers = self._set.lists.with_cloud(self._set.entries[str(step.owner)].provider)
        if isinstance(request, CreatePeer):
            return partial(request_peer, peers, request, project.removed_for(step))
        return partial(peers.update_peer, project.find(request.id), request.fields)

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record a request. The removal and the creation of a replacement are one change, which begins with the removal."""
        key, project, request = str(step.owner), self._project, step.request
        own = project.entries.get(key)
        peer = reply if reply is not SEEN else None if own is None else own.peer
        if isinstance(request, DeletePeer):
            self._set.sent.record_removal(project.find(request.id))
            project = project.with_leaving(key, request.id)
        elif peer is not None:
            if isinstance(request, CreatePeer):
                self._set.sent.record_creation(peer)
            project = project.with_written(key, self._set.lists.complete(peer))
        self._keep(project, key)
        change, own = project.done.get(key), project.entries.get(key)
        if own is None:
            # It is pruned, or the connection of the entry is no longer clear.
            own = self.states[key] if key in self._set.entries else PeerState(project.find(key))
        return Effect({key: own}, () if change is None else (self._set.first_changes.shown(change),))

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for a place, or for the role that Atlas needs if it may be too new."""
        key, project, timeout = str(step.owner), self._project, self.context.params["azure_role_timeout"]
        choice, is_replaced = self._set.choices.get(key), project.removed_for(step) is not None
        if choice is not None and may_repeat(choice, step.request, error, replaces=is_replaced):
            now = self.context.clock()
            since = project.refused.get(key, now)
            if now - since >= timeout:
                return None
            self._keep(replace(project, refused={**project.refused, key: since}))
            self._set.note_commands(key, self.explain(step, error))
            return Waiting(ROLE, timeout, outlasts=(self._stages.requests,))
        if error.error_code != NO_PLACE or not self._set.params["wait"]:
            return None
        self._no_place = error
        self._keep(project.without_places())
        try:
            return self._until_place(step)
        except TaskError:
            return None

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        project, request, key = self._project, step.request, str(step.owner)
        if isinstance(request, DeletePeer):
            better = explain_removal(project.find(request.id), error)
        elif error.error_code == NO_PLACE:
            way_out = for_pending(project.listed, "Accept pending ones in AWS", "Have pending ones completed in")
            better = error.with_hint(f"{way_out}, then run the task again.")
        else:
            match, since = self._set.matches[key], project.refused.get(key)
            listed = tuple(peer for peer in project.listed if cloud_of(peer) is match.choice.provider)
            own = replace(project.entries.get(key, PeerState(None)), listed=listed)
            better = match.explain(request, error, own, None if since is None else self.context.clock() - since)
        return self._set.worded(key, error, with_removal(better, project.removed_for(step)))

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, PeerState]:
        """Return the connections after the plan and all waits."""
        self._project = self._set.planner.predict(self.project, self.context.plan)
        return dict(self._project.entries.items())

    def progress_line(self) -> str:
        """Return how many connections are in which state, and what they wait for."""
        return self._set.line(self.project)


def check_blockers(blockers: t.Iterable[Peer], project: PeerSetState) -> None:
    """Check that the connections in the way of a step can still be removed or changed.

    Raises:
        TaskError: If the change or removal of one has failed.
    """
    failed = {own.peer["id"] for key, own in project.entries.items() if key in project.failures and own.peer is not None}
    for peer in blockers:
        if peer["id"] in failed | project.failures.keys():
            raise TaskError(
                f"It needs what VPC peering connection {as_name(peer['id'])} has, and that could not be changed or removed.",
                hint="Correct that first, then run the task again.",
            )


def blocked(step: Step, project: PeerSetState, error: WaitTimeoutError) -> TaskError:
    """Return the error of a step that could not be sent in time."""
    blockers = step.after.blockers(project.listed) if isinstance(step.after, After) else []
    if not blockers:
        way_out = for_pending(project.listed, "Have pending ones accepted in AWS", "Have pending ones completed in")
        return TaskError(
            f"Atlas had no place for another VPC peering connection within {error.span}.",
            hint=f"{way_out}, or remove some, then run the task again.",
        )
    advice = {cloud_of(peer).removal_advice for peer in blockers if has_removal_failed(peer)}
    names = ", ".join(f"{as_name(peer['id'])} ({peer['status_name']})" for peer in blockers)
    return TaskError(
        f"VPC peering connection {names} is still in the way after {error.span}.",
        hint=" ".join([*advice, f"Raise {as_option('wait_timeout')}, or run the task again later."]),
    )
