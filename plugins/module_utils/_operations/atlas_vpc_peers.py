# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peers does: it brings the connections of a project into the state of a declared list."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import ALL, CLOUDS, Peer, cloud_of, to_clouds, with_request_times
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.options import Parameters, check_parallel, check_version
from .._engine.plan import Plan, Step
from .._engine.prune import PRUNE, parse_prune
from .._engine.set_operation import SetOperation
from .._engine.set_run import SetConvergence
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._peer_set.draft import PeerSetPlanner
from .._peer_set.gate import PeerGate, with_removed
from .._peer_set.options import GOALS, PEERS, ignored_options, parse_entries, pattern_forms, to_entries
from .._peer_set.state import PeerLists, PeerSetState, choose_entries
from .._peer_set.summary import PeerSetSummary
from .._peer_set.waiter import PeerSetWaiter
from .._peering.connection import CreatePeer, DeletePeer
from .._peering.container_choice import LIST_CONTAINERS, ContainerChoice, make_handover
from .._peering.life import SentRequests, explain_removal
from .._peering.match import PeerMatch
from .._peering.options import check_role_timeout
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .atlas import AtlasOperation


class AtlasVpcPeers(AtlasOperation[PeerSetState], SetOperation[AtlasClient, PeerSetState]):
    """Creates, changes and removes the VPC peering connections of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + PRUNE
        + ArgumentSpec(
            {
                "peers": PEERS,
                "provider_name": {"type": "str", "choices": [*CLOUDS, ALL]},
                "azure_role_timeout": {"type": "int", "default": 300},
                "recreate": {"type": "str", "choices": ["never", "dead", "changed"], "default": "never"},
                "wait_for": {"type": "str", "choices": GOALS, "default": GOALS[0]},
                "parallel": {"type": "int", "default": 4},
            }
        )
    )
    noun = "vpc_peers"
    lists = ("vpc_peers", "handover")
    convergence = SetConvergence

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        # The URL decides about Atlas for Government, and may come from a profile.
        params = {**params, "base_url": session.settings.base_url}
        super().__init__(params, session, clock)
        self._entries = to_entries(params)
        self._by_key = {entry.key: entry for entry in self._entries}
        group_id = params["group_id"]
        clouds = to_clouds(params["provider_name"])
        self._lists = PeerLists({cloud.name: VpcPeers(session, group_id, cloud) for cloud in clouds}, self.facts)
        self._containers = Containers(session, params["group_id"])
        self._matches = {
            entry.key: PeerMatch(
                self._lists.with_cloud(entry.provider), ContainerChoice(entry.params, entry.provider, self.facts)
            )
            for entry in self._entries
        }
        self._choices = {key: match.choice for key, match in self._matches.items()}
        self._planner = PeerSetPlanner(params, self._entries, self._choices)
        self._sent = SentRequests(clock)
        self.gate: PeerGate = PeerGate(params, self._matches, clock)
        self.waiter: PeerSetWaiter = PeerSetWaiter(self._entries, self._choices, self._lists, self._sent, waits=params["wait"])
        self.summary = PeerSetSummary(self._entries, self._planner.split_undeclared)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and parse the entries and the patterns of `ignore`."""
        params, warnings = super().validate(params)
        check_parallel(params)
        check_version(params, params["provider_name"] or AWS.name)
        check_role_timeout(params)
        patterns = parse_prune(params, "peers", pattern_forms(params["provider_name"]))
        entries, unknown = parse_entries(params)
        return {**params, "peers": entries, "ignore": patterns}, warnings + unknown

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of unchecked entries that only the check and the role use."""
        return ignored_options(args)

    @property
    def name(self) -> str:
        """The project, for the user."""
        return f"project {self.params['group_id']}"

    def look(self) -> PeerSetState:
        """Read all connections of the project."""
        listed = tuple(self._lists.list_peers())
        return choose_entries(self._matches, PeerSetState(listed, first=listed))

    def look_again(self, state: PeerSetState) -> PeerSetState:
        """Read the connections again, and keep what was done so far."""
        return choose_entries(self._matches, self.waiter.look(state))

    def read(self, key: str) -> t.Any:
        """Read a fact: the list of containers, or one container by its id, from that list if possible."""
        if key != LIST_CONTAINERS:
            listed = {one["id"]: one for one in self.facts[LIST_CONTAINERS]}
            # Only connections on AWS read by id. A container that is not listed was deleted meanwhile, and no option named it.
            choice = ContainerChoice({**self.params, "container_id": None}, AWS, self.facts)
            return listed[key] if key in listed else choice.read(key, self._containers)
        is_on_aws = self._lists.names == {AWS.name}
        return self._containers.list_containers(AWS.name) if is_on_aws else self._containers.list_all_containers()

    def decide(self, state: PeerSetState) -> Plan:
        """Plan the whole list."""
        if any(entry.provider.region is not None for entry in self._entries):
            # For the hand-over, which has the blocks.
            self.facts[LIST_CONTAINERS]
        plan = self._planner.plan(state)
        for key, own in state.entries.items():
            if own.peer is not None:
                self._choices[key].read_names(own.peer)
        return plan

    def unchanged(self, state: PeerSetState, plan: Plan) -> int:
        """Count the entries without a change that are neither refused nor failed."""
        return len(self._by_key.keys() - {change.key for change in plan.changes} - plan.failures.keys() - plan.refusals.keys())

    def show(self, state: PeerSetState, plan: Plan) -> dict[str, t.Any]:
        """Show the connections, what was done, and the hand-over of each entry."""
        own = {key: state.entries.get(key) for key in self._by_key}
        handover = [make_handover(self._choices[key], one.peer if one is not None else None) for key, one in own.items()]
        shown = self.summary.show(state, plan)
        timed = {name: [*map(with_request_times, shown[name])] for name in ("vpc_peers", "pruned")}
        return {**shown, **timed, "handover": handover}

    def predict(self, state: PeerSetState, plan: Plan) -> PeerSetState:
        """Return the state after a plan and its waits."""
        return self._planner.predict(state, plan)

    def send(self, step: Step, state: PeerSetState) -> Peer | None:
        """Request, change or remove one connection, and return Atlas's reply; None for a removal."""
        request = step.request
        if isinstance(request, DeletePeer):
            self._lists.with_cloud(cloud_of(state.find(request.id))).delete_peer(request.id)
            return None
        peers = self._lists.with_cloud(self._by_key[step.keys[0]].provider)
        if isinstance(request, CreatePeer):
            try:
                return peers.create_peer(request.fields, request.home_region)
            except TaskError as error:
                # A request refused for lack of a role is repeated first. If that fails, the error is explained.
                if error.error_code in peers.provider.role_codes:
                    raise
                raise with_removed(step, error, state) from error.__cause__
        current = state.find(request.id)
        return peers.update_peer(current, request.fields)

    def record(self, step: Step, reply: t.Any, state: PeerSetState) -> PeerSetState:
        """Return the state after a request took effect."""
        key = step.keys[0]
        if isinstance(step.request, DeletePeer):
            self._sent.record_removal(state.find(step.request.id))
            return state.with_leaving(key, step.request.id)
        own = state.entries.get(key)
        peer = reply if reply is not None else own.peer if own is not None else None
        if peer is None:
            return state
        if isinstance(step.request, CreatePeer):
            self._sent.record_creation(peer)
        return state.with_written(key, self._lists.complete(peer))

    def explain(self, step: Step, error: TaskError, state: PeerSetState) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        if isinstance(step.request, DeletePeer):
            return explain_removal(state.find(step.request.id), error)
        return self.gate.explain(step, error, state)

    def give_up(self, keys: t.Iterable[str], error: TaskError, state: PeerSetState) -> PeerSetState:
        """Return the state after entries or removals have failed."""
        for key in keys:
            entry = self._by_key.get(key)
            is_named = entry is None or str(error).startswith(key)
            state = state.with_failure(key, error if is_named or entry is None else entry.named(error))
        return state


OPERATION = AtlasVpcPeers
