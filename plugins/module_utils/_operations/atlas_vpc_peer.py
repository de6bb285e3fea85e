# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer does: it brings the connection that the options describe into the wanted state."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import CLOUDS, ONE_OF, TOGETHER, Cloud, Fields, Peer, with_request_times
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.operation import Status
from .._engine.options import Parameters, check_cloud_of_region, check_version
from .._engine.plan import Plan, Step
from .._engine.wait import Wait
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._peering.azure_role import may_repeat, role_status, until_role_holds
from .._peering.connection import LIST_PEERS, REACHED, CreatePeer, DeletePeer, PeerState
from .._peering.container_choice import KNOWN_REGIONS, ContainerChoice, make_handover
from .._peering.errors import OtherCloudError
from .._peering.life import PeerWaiter, SentRequests, explain_removal, with_removal
from .._peering.match import PeerMatch
from .._peering.options import NETWORK_OPTIONS, check_goal, check_identity, check_role_timeout, choose_provider, parse_cloud
from .._peering.planner import PeerPlanner
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .atlas import AtlasOperation


class AtlasVpcPeer(AtlasOperation[PeerState]):
    """Requests, changes, replaces and removes a peering connection."""

    argument_spec = (
        CONNECTION
        + WAIT
        + ArgumentSpec(
            {
                "provider_name": {"type": "str", "choices": list(CLOUDS)},
                **NETWORK_OPTIONS,
                "peer_id": {"type": "str"},
                "container_id": {"type": "str"},
                "container_region_name": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "recreate": {"type": "str", "choices": ["never", "dead", "changed"], "default": "never"},
                "wait_for": {"type": "str", "choices": ["pending_acceptance", "available"]},
                "azure_role_timeout": {"type": "int", "default": 300},
            },
            required_together=TOGETHER,
            required_one_of=((*ONE_OF, "peer_id"),),
            mutually_exclusive=(("container_id", "container_region_name"),),
        )
    )
    noun = "vpc_peer"
    keeps_history = True

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        # The URL decides about Atlas for Government, and may come from a profile.
        params = {**params, "base_url": session.settings.base_url}
        super().__init__(params, session, clock)
        self._is_absent = params["state"] == "absent"
        self._containers = Containers(session, params["group_id"])
        self.facts[KNOWN_REGIONS] = self._containers.regions_of
        provider = choose_provider(params)
        # With peer_id alone, the connection in the reply has the cloud.
        self._is_open = provider is None
        self._sent = SentRequests(clock)
        # The connection that this task removes for a new one, until the new one is created.
        self._replaced: Peer | None = None
        # The old connection that is being removed after a new one has replaced it.
        self._leaving: tuple[Peer, ...] = ()
        # The fields of a creation that Atlas refuses for lack of a role, and that is repeated; and since when.
        self._refused: Fields = {}
        self._refused_since: float | None = None
        self._use(provider or AWS)

    def _use(self, provider: Cloud) -> None:
        self._provider = provider
        self._peers = VpcPeers(self.session, self.params["group_id"], provider)
        self._choice = ContainerChoice(self.params, provider, self.facts)
        self._match = PeerMatch(self._peers, self._choice)
        self._waiter = PeerWaiter(self._match, self._sent)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, with warnings about unknown regions, on which Atlas decides."""
        chosen = choose_provider(params)
        if chosen is None and params["container_region_name"] is not None:
            check_cloud_of_region("container_region_name", params["container_region_name"])
        provider = chosen or AWS
        cloud, unknown = parse_cloud(params, provider)
        params = {**params, **cloud}
        check_identity(params, provider)
        check_goal(params, provider)
        check_role_timeout(params)
        if provider is AWS:
            return super().validate(params)
        # The base class parses regions as AWS's.
        checked, warnings = super().validate({**params, "container_region_name": None})
        return {**checked, "container_region_name": params["container_region_name"]}, warnings + unknown

    @property
    def name(self) -> str:
        """The customer's network, or the id of the connection."""
        return str(self.params[self._provider.identity[-1]] or self.params["peer_id"])

    def look(self) -> PeerState:
        """Read the connection by its id, or from the list of the project, and its region."""
        state = self._find()
        if self._is_absent:
            return state
        own = tuple(peer for peer in (state.peer, state.old) if peer is not None)
        self._containers.record_users(own if state.listed is None else state.listed)
        peer = state.peer and self._choice.complete(state.peer, reads=not state.dying)
        return replace(state, peer=peer, old=state.old and self._choice.complete(state.old))

    def _find(self) -> PeerState:
        try:
            return self._match.look()
        except OtherCloudError as error:
            provider = CLOUDS[str(error.peer["provider_name"])]
            if not self._is_open:
                raise
            check_version(self.params, provider.name)
            check_goal(self.params, provider)
            self._use(provider)
            return self._match.look(error.peer)

    def read(self, key: str) -> t.Any:
        """Read a fact: the connections of the project, its containers, or one container."""
        return self._peers.list_peers() if key == LIST_PEERS else self._choice.read(key, self._containers)

    def decide(self, state: PeerState) -> Plan:
        """Plan the creation, change, replacement or removal of the connection."""
        planner = PeerPlanner(self._choice)
        if self._is_absent:
            return replace(planner.plan_absent(state), warnings=self._match.warn_of_others(state))
        plan = planner.plan_present(state)
        if state.peer is not None:
            self._choice.read_names(state.peer)
        return plan

    def predict(self, state: PeerState, plan: Plan) -> PeerState:
        """Return the state after a plan and the wait, with the checks that Atlas would make."""
        after = PeerPlanner(self._choice).predict(state, plan)
        if self._is_absent:
            # A connection that is leaving already will be gone.
            return replace(after, peer=None)
        goal = self._provider.goal(self.params["wait_for"])
        if after.peer is None or not self.params["wait"] or self._provider.has_reached(after.peer, goal):
            return after
        return replace(after, peer={**after.peer, "status_name": goal})

    def apply(self, step: Step, state: PeerState) -> PeerState:
        """Request, change or remove the connection."""
        request = step.request
        if isinstance(request, DeletePeer):
            return self._remove(request, state)
        if isinstance(request, CreatePeer):
            return self._create(request, state, has_waited=step.after is not None)
        current = t.cast("Peer", state.peer)
        return replace(state, peer=self._choice.complete(self._peers.update_peer(current, request.fields), reads=False))

    def _create(self, request: CreatePeer, state: PeerState, *, has_waited: bool) -> PeerState:
        try:
            created = self._peers.create_peer(request.fields, request.home_region)
        except TaskError as error:
            # A request refused for lack of a role is repeated first. If that fails, the error is explained.
            if error.error_code in self._provider.role_codes:
                raise
            raise self._with_removal(error) from error.__cause__
        self._replaced, self._refused = None, {}
        self._sent.record_creation(created)
        if not has_waited:
            self._containers.record_new_user(created)
        try:
            # With API v1.0, Atlas may have chosen the container.
            created = self._choice.complete(created)
        except TaskError:
            # The connection is there, and what is not known stays null.
            created = self._choice.complete(created, reads=False)
        return replace(state, peer=created, dying=())

    def _remove(self, request: DeletePeer, state: PeerState) -> PeerState:
        """Request the removal of the connection, or of the old one that it replaces."""
        is_old = state.old is not None and state.old["id"] == request.id
        peer = t.cast("Peer", state.old if is_old else state.peer)
        self._peers.delete_peer(request.id)
        self._sent.record_removal(peer)
        if is_old and state.peer is not None and not state.dying:
            self._leaving = (peer,)
        elif not self._is_absent:
            self._replaced = peer
        return replace(state, old=None) if is_old else replace(state, dying=(peer,))

    def explain(self, step: Step, error: TaskError, state: PeerState) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        if isinstance(step.request, DeletePeer):
            return error if state.peer is None else explain_removal(state.old or state.peer, error)
        return self._with_removal(self._match.explain(step.request, error, state))

    def _with_removal(self, error: TaskError) -> TaskError:
        """Return the error, with a sentence on the connection that was removed for a new one if that is gone."""
        replaced = self._replaced
        return error if replaced is None or not self._match.is_gone(replaced) else with_removal(error, replaced)

    def wait_refused(self, step: Step, error: TaskError, state: PeerState) -> Wait[PeerState] | None:
        """Wait for the role that Atlas needs, if it may be too new."""
        if not may_repeat(self._choice, step.request, error, replaces=self._replaced is not None):
            return None
        # The time counts from the first refusal, even if a reply is lost in between.
        since = self.clock() if self._refused_since is None else self._refused_since
        self._refused, self._refused_since = step.request.fields, since
        return until_role_holds(self._choice, self._refused, error, self.clock() - since)

    def wait(self, state: PeerState, step: Step | None = None) -> Wait[PeerState] | None:
        """Wait before a step until old connections are gone or the new one is reached, and at the end if `wait` is set."""
        if step is not None and step.after != REACHED:
            return self._waiter.until_gone(step.after)
        if not self.params["wait"]:
            return None
        if self._is_absent:
            return self._waiter.until_gone(state.dying) if state.dying else None
        if state.peer is None:
            return None
        reached, leaving = self._waiter.until_reached(state.peer), self._leaving
        if step is not None or not leaving:
            return reached
        return replace(reached, then=lambda last: self._waiter.until_gone(leaving))

    def status(self, state: PeerState, wait: Wait[PeerState] | None) -> Status:
        """Return the state of the connection, and what the customer has to do."""
        if state.peer is not None:
            # A creation whose reply was lost has been carried out.
            self._refused = {}
        return role_status(self._choice, self._refused) if self._refused else self._waiter.status(state, wait)

    def show(self, state: PeerState, plan: Plan) -> dict[str, t.Any]:
        """Show the connection, and the hand-over for the customer's cloud."""
        handover = None if self._is_absent else make_handover(self._choice, state.peer)
        peer = None if self._counts_as_gone(state) else state.peer or state.old
        return {"vpc_peer": None if peer is None else with_request_times(peer), "handover": handover}

    def compare(self, state: PeerState, plan: Plan) -> t.Mapping[str, t.Any] | None:
        """Return the connection for the diff, or the old one that is replaced."""
        return None if self._counts_as_gone(state) else t.cast("t.Mapping[str, t.Any] | None", state.old or state.peer)

    def _counts_as_gone(self, state: PeerState) -> bool:
        """Whether the connection is leaving, and the task does not wait for its end."""
        return self._is_absent and bool(state.dying) and not self.params["wait"]


OPERATION = AtlasVpcPeer
