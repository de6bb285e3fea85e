# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One connection in Atlas as a side: it is requested, changed, replaced and removed, and waited for."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Cloud, Fields, Peer
from .._clouds.clouds import CLOUDS
from .._engine.operation import Status
from .._engine.options import Parameters, check_version
from .._engine.plan import Facts, Plan, Step
from .._engine.side import ONLY, SEEN, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import GONE, WaitTimeoutError
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .connection import (
    LIST_PEERS,
    REACHED,
    ROLE,
    CreatePeer,
    DeletePeer,
    OtherCloudError,
    PeerState,
    SentRequests,
    customer_task,
    explain_removal,
    may_repeat,
    request_peer,
    role_failure,
    role_status,
    too_late,
    wait_failure,
    with_removal,
)
from .container_choice import KNOWN_REGIONS, ContainerChoice, read_containers
from .match import PeerMatch
from .options import check_goal, choose_provider
from .planner import PeerPlanner

_LOOK, _POLL = "look", "poll"


class OnePeer:
    """Reads the one connection that the options mean, by its id or in the list of the project. Its calls run one by one.

    Args:
        params: The options.
        containers: The containers of the project.
        peers_of: Returns the connections of the project with a cloud.
        clock: A monotonic clock, in seconds.

    Attributes:
        provider: The cloud. With `peer_id` alone, the first look finds it.
        peers: The connections with it.
        choice: The container, with the options.
        match: Finds the connection.
        sent: The requests that this task has sent.
    """

    def __init__(self, params: Parameters, containers: Containers, peers_of: t.Callable[[Cloud], VpcPeers], clock: Clock) -> None:
        self._params, self._containers, self._peers_of = params, containers, peers_of
        self.sent = SentRequests(clock)
        provider = choose_provider(params)
        self._is_open = provider is None
        self._use(provider or AWS)

    def _use(self, provider: Cloud) -> None:
        self.provider, self.peers = provider, self._peers_of(provider)
        facts = Facts(partial(_read_fact, self._params, self.peers, self._containers))
        facts[KNOWN_REGIONS] = self._containers.regions_of
        self.choice = ContainerChoice(self._params, provider, facts)
        self.match = PeerMatch(self.peers, self.choice)

    def look(self) -> PeerState:
        """Read the connection and, unless it is removed, its region."""
        state = self._find()
        if self._params["state"] == "absent":
            return state
        own = tuple(peer for peer in (state.peer, state.old) if peer is not None)
        self._containers.record_users(own if state.listed is None else state.listed)
        peer = state.peer and self.choice.complete(state.peer, reads=not state.dying)
        return replace(state, peer=peer, old=state.old and self.choice.complete(state.old))

    def _find(self) -> PeerState:
        try:
            return self.match.look()
        except OtherCloudError as error:
            provider = CLOUDS.get(str(error.peer["provider_name"]))
            if provider is None or not self._is_open:
                raise
            check_version(self._params, provider.name)
            check_goal(self._params, provider)
            self._use(provider)
            return self.match.look(error.peer)

    def follow(self, state: PeerState) -> PeerState:
        """Read the connection by its id, and the names of Atlas's network again if the customer needs them."""
        peer = state.peer
        if peer is None:
            return state
        present = self.peers.get_peer(peer["id"])
        if present is None and self.sent.is_new(peer["id"]):
            present = peer
        if present is not None:
            self.choice.read_names(present, again=True)
            present = self.choice.complete(present, reads=False)
        return replace(state, peer=present)

    def follow_removal(self, state: PeerState, peers: t.Sequence[Peer]) -> PeerState:
        """Read connections that have to be gone by their ids."""
        found = {peer["id"]: self.peers.get_peer(peer["id"]) for peer in peers}
        left = tuple(peer for peer in found.values() if peer is not None)
        self.match.forget(peer for peer in peers if found[peer["id"]] is None)
        # A connection that only holds the block is not shown; one to change stays.
        stays = state.peer is not None and state.peer["id"] not in found
        own = state.peer if stays else next(iter(self.match.with_identity(left)), None)
        return replace(state, peer=own and self.choice.complete(own, reads=False), dying=left)

    def create(self, request: CreatePeer, removed: Peer | None, *, is_user: bool) -> Peer:
        """Request a connection.

        Args:
            request: The connection.
            removed: The connection that was removed for it, and is gone; None if there is none.
            is_user: Whether it counts at once as a user of its container.
        """
        created = request_peer(self.peers, request, removed)
        self.sent.record_creation(created)
        if is_user:
            self._containers.record_new_user(created)
        try:
            # With API v1.0, Atlas may have chosen the container.
            return self.choice.complete(created)
        except TaskError:
            # The connection exists, and unknown fields stay null.
            return self.choice.complete(created, reads=False)


class OnePeerSide(Side[PeerState]):
    """The one connection that the options describe, one owner.

    It is read by its id or in the list of the project, and then followed by its id. A request waits until what is in its way is
    gone, and a connection with another identity is removed after the new one is there. A creation that Atlas refuses for lack of
    a role in AZURE is sent again until the role takes effect.

    Args:
        context: The options, and the plan.
        reader: Reads the connection.
    """

    name = "peers"

    def __init__(self, context: Context, reader: OnePeer) -> None:
        super().__init__(context)
        self._params, self._reader = context.params, reader
        self._is_absent = context.params["state"] == "absent"
        # What is awaited, as last seen: connections that have to be gone, or one that has to reach its goal.
        self._leaving: tuple[Peer, ...] = ()
        self._awaited: Peer | None = None
        # The connection that this task removes for a new one, until the new one is created.
        self._replaced: Peer | None = None
        # The old connection that is being removed after a new one has replaced it.
        self._old_removals: tuple[Peer, ...] = ()
        # The creation that Atlas refuses for lack of a role, since when, and how long to repeat it after the last look.
        self._refused: Fields = {}
        self._refused_since: float | None = None
        self._repeated_for: float | None = None

    @property
    def _peer(self) -> Peer:
        """The connection, where it exists."""
        return t.cast("Peer", self.states[ONLY].peer)

    @property
    def _goal(self) -> str:
        return self._reader.provider.goal(self._params["wait_for"])

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the connection or, in a poll, for the awaited ones."""
        if purpose is not Purpose.POLL:
            return [Query(_LOOK, self._reader.look)]
        state = self.states[ONLY]
        if self._leaving:
            return [Query(_POLL, partial(self._reader.follow_removal, state, self._leaving))]
        return [Query(_POLL, partial(self._reader.follow, state))]

    def observe(self, replies: Replies) -> t.Mapping[Owner, PeerState]:
        """Return the connection that was read."""
        (state,) = replies.values()
        return {} if state == self.states.get(ONLY) else {ONLY: state}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the creation, change, replacement or removal of the connection.

        Raises:
            TaskError: If the options do not allow it.
        """
        self._leaving, self._awaited, self._repeated_for = (), None, None
        state, choice = self.states[ONLY], self._reader.choice
        planner = PeerPlanner(choice)
        if self._is_absent:
            return replace(planner.plan_absent(state), warnings=self._reader.match.warn_of_others(state))
        plan = planner.plan_present(state)
        if state.peer is not None:
            choice.read_names(state.peer)
        return plan

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait before a step until old connections are gone or the new one is reached, and at the end if the task waits.

        Raises:
            TaskError: If the connection has failed, or was removed by others; or if a removal has failed.
        """
        if step is not None and step.after is None:
            return None
        if step is not None and step.after != REACHED:
            return self._until_gone(step.after)
        if not self._params["wait"]:
            return None
        if self._is_absent:
            return self._until_gone(self.states[ONLY].dying)
        reached = self._until_reached()
        return reached if reached is not None or step is not None else self._until_gone(self._old_removals)

    def _until_gone(self, peers: t.Iterable[Peer]) -> Waiting | None:
        seen = {peer["id"]: peer for peer in self.states[ONLY].dying}
        self._leaving = tuple(seen.get(peer["id"], peer) for peer in peers if not self._reader.match.is_gone(peer))
        for peer in self._leaving:
            error = self._reader.sent.removal_failure(peer)
            if error is not None:
                raise error
        return Waiting(GONE) if self._leaving else None

    def _until_reached(self) -> Waiting | None:
        peer, provider, goal = self.states[ONLY].peer, self._reader.provider, self._goal
        before = self._awaited or peer
        if before is None:
            return None
        error = wait_failure(provider, self._params, before, peer, goal)
        if error is not None:
            raise error
        if provider.has_reached(self._peer, goal):
            return None
        self._leaving, self._awaited = (), peer
        return Waiting(goal)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that has not reached its goal, is not gone, or is still refused."""
        choice = self._reader.choice
        if waiting.goal == ROLE and error.refusal is not None:
            waited = self._params["azure_role_timeout"] - (waiting.seconds or 0.0) + error.waited
            return role_failure(choice, self._refused, error.refusal, waited)
        if waiting.goal == GONE:
            return too_late(self._leaving[0], GONE, error, None)
        return too_late(self._peer, waiting.goal, error, customer_task(choice, self._peer, waiting.goal))

    def request(self, step: Step) -> Call:
        """Request, change or remove the connection; the call returns what Atlas replies."""
        request, reader = step.request, self._reader
        if isinstance(request, DeletePeer):
            return partial(reader.peers.delete_peer, request.id)
        if isinstance(request, CreatePeer):
            return partial(reader.create, request, self._removed, is_user=step.after is None)
        return partial(reader.peers.update_peer, self._peer, request.fields)

    @property
    def _removed(self) -> Peer | None:
        """The connection that was removed for a new one, once it is gone."""
        return self._replaced if self._replaced is not None and self._reader.match.is_gone(self._replaced) else None

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record the connection as Atlas shows it, or that it is being removed."""
        state = self.states[ONLY]
        if reply is SEEN:
            return Effect({})
        if isinstance(step.request, DeletePeer):
            return Effect({ONLY: self._with_removal(step.request, state)})
        peer: Peer = reply
        if isinstance(step.request, CreatePeer):
            self._replaced, self._refused = None, {}
            return Effect({ONLY: replace(state, peer=peer, dying=())})
        return Effect({ONLY: replace(state, peer=self._reader.choice.complete(peer, reads=False))})

    def _with_removal(self, request: DeletePeer, state: PeerState) -> PeerState:
        """Return the state after the request to remove the connection, or the old one that it replaces."""
        old = state.old if state.old is not None and state.old["id"] == request.id else None
        peer = old or self._peer
        self._reader.sent.record_removal(peer)
        if old is not None and state.peer is not None and not state.dying:
            self._old_removals = (peer,)
        elif not self._is_absent:
            self._replaced = peer
        return replace(state, old=None) if old is not None else replace(state, dying=(peer,))

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for the role that Atlas needs, if it may be too new. The time counts from the first refusal."""
        if not may_repeat(self._reader.choice, step.request, error, replaces=self._replaced is not None):
            return None
        now = self.context.clock()
        if self._refused_since is None:
            self._refused_since = now
        if self._repeated_for is None:
            # A reply may have been lost in between.
            self._repeated_for = max(0.0, self._params["azure_role_timeout"] - (now - self._refused_since))
        self._refused = step.request.fields
        return Waiting(ROLE, self._repeated_for, polls=False)

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        state = self.states[ONLY]
        if isinstance(step.request, DeletePeer):
            return error if state.peer is None else explain_removal(state.old or state.peer, error)
        return with_removal(self._reader.match.explain(step.request, error, state), self._removed)

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, PeerState]:
        """Return the connection after the plan and the wait, with the checks that Atlas would make.

        Raises:
            TaskError: If Atlas would refuse the plan.
        """
        after = PeerPlanner(self._reader.choice).predict(self.states[ONLY], self.context.plan)
        if self._is_absent:
            # A connection that is leaving already will be gone.
            return {ONLY: replace(after, peer=None)}
        if after.peer is None or not self._params["wait"] or self._reader.provider.has_reached(after.peer, self._goal):
            return {ONLY: after}
        return {ONLY: replace(after, peer={**after.peer, "status_name": self._goal})}

    def status(self, waiting: Waiting | None) -> Status:
        """Return the state of the connection, and what the customer has to do for the wait to go on."""
        peer, choice = self.states[ONLY].peer, self._reader.choice
        if peer is None:
            return role_status(choice, self._refused) if self._refused else Status(GONE)
        # A creation whose reply was lost was carried out.
        self._refused = {}
        task = customer_task(choice, peer, self._goal) if waiting is not None and waiting.goal == self._goal else None
        return Status(peer["status_name"], task.to_do if task is not None else "")


def _read_fact(params: Parameters, peers: VpcPeers, containers: Containers, key: str) -> ReplyValue:
    """Read a fact: the connections of the project, its containers, or one container."""
    return peers.list_peers() if key == LIST_PEERS else read_containers(key, params, peers.provider, containers)
