# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peers does: from a declared list to the connections of a project as they should be."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import (
    AtlasError,
    InvalidOptionError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Facts, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.prune import PRUNE, parse_prune
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.set_converge import SetConvergence
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.set_operation import SetOperation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.containers import ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.entries import PATTERN_FORMS, parse_entries, to_entries
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.match import PeerMatch
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.preflight import find_cause
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.refusals import with_reply_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.set_match import PeerSetMatch
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.set_planner import PeerSetPlanner
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.set_state import PeerSetState
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.set_waiter import PeerSetWaiter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.state import CreatePeer, DeletePeer, PeerState, UpdatePeer
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.summary import PeerSetSummary
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import NO_PLACE, VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer

from .atlas import AtlasOperation

MOST_PARALLEL = 16


class AtlasVpcPeers(AtlasOperation[PeerSetState], SetOperation[AtlasClient, PeerSetState]):
    """Creates, changes and removes the VPC peering connections of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + PRUNE
        + ArgumentSpec(
            {
                "peers": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": {
                        "vpc_id": {"type": "str", "required": True},
                        "aws_account_id": {"type": "str", "required": True},
                        "route_table_cidr_block": {"type": "str"},
                        "accepter_region_name": {"type": "str"},
                        "container_id": {"type": "str"},
                        "container_region_name": {"type": "str"},
                        "wait_for": {"type": "str", "choices": ["pending_acceptance", "available"]},
                    },
                    "mutually_exclusive": [("container_id", "container_region_name")],
                },
                "recreate": {"type": "str", "choices": ["never", "dead"], "default": "never"},
                "wait_for": {"type": "str", "choices": ["pending_acceptance", "available"], "default": "pending_acceptance"},
                "parallel": {"type": "int", "default": 4},
            }
        )
    )
    noun = "vpc_peers"
    convergence = SetConvergence

    def __init__(self, params: Parameters, session: AtlasClient, *clock: t.Callable[[], float]) -> None:
        super().__init__(params, session, *clock)
        self._entries = to_entries(params)
        self._by_key = {entry.key: entry for entry in self._entries}
        self._peers = VpcPeers(session, params["group_id"])
        self._containers = Containers(session, params["group_id"])
        provider = self._peers.provider
        choices = {entry.key: ContainerChoice(entry.params, provider, self.facts, self.ask) for entry in self._entries}
        self._matches = {key: PeerMatch(self._peers, choice) for key, choice in choices.items()}
        self._match = PeerSetMatch(self._matches)
        self._planner = PeerSetPlanner(params, self._entries, provider, self.facts)
        self.waiter: PeerSetWaiter = PeerSetWaiter(self._matches, self._entries, self._peers, self.clock, waits=params["wait"])
        self.summary = PeerSetSummary(self._entries, self._planner.split_undeclared)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and give back the patterns of `ignore` as patterns."""
        params, warnings = super().validate(params)
        if not 1 <= params["parallel"] <= MOST_PARALLEL:
            raise InvalidOptionError(f"parallel must be from 1 to {MOST_PARALLEL}.")
        patterns = parse_prune(params, "peers", PATTERN_FORMS)
        entries, unknown = parse_entries(params)
        return {**params, "peers": entries, "ignore": patterns}, warnings + unknown

    @property
    def name(self) -> str:
        """The project."""
        return f"project {self.params['group_id']}"

    def look(self) -> PeerSetState:
        """Read all connections of the project."""
        listed = tuple(self._peers.list_peers())
        return self._match.choose(PeerSetState(listed, first=listed))

    def look_again(self, state: PeerSetState) -> PeerSetState:
        """Read them anew."""
        return self._match.choose(self.waiter.poll(state))

    def read(self, need: t.Hashable) -> t.Any:
        """Read containers."""
        params = {**self.params, "container_id": None}
        return ContainerChoice(params, self._peers.provider, self.facts, self.ask).read(str(need), self._containers)

    def decide(self, state: PeerSetState, facts: Facts) -> Plan:
        """Decide for the whole list."""
        return self._planner.plan(state)

    def predict(self, state: PeerSetState, plan: Plan, facts: Facts) -> PeerSetState:
        """Return the state in which all is done."""
        return self._planner.predict(state, plan)

    def send(self, step: Step, state: PeerSetState) -> Peer | None:
        """Request, change or remove one connection."""
        request = step.request
        if isinstance(request, CreatePeer):
            return self._peers.create_peer(request.fields, request.home_region)
        if isinstance(request, UpdatePeer):
            # Atlas leaves the region out of its replies where it is the container's, but wants it in the whole object.
            current = state.find(request.id)
            region = self._matches[step.keys[0]].choice.region_of(current)
            return self._peers.update_peer({**current, "accepter_region_name": region}, request.fields)
        self._peers.delete_peer(request.id)
        return None

    def record(self, step: Step, reply: t.Any, state: PeerSetState) -> PeerSetState:
        """Return the state after a request took effect."""
        key = step.keys[0]
        if isinstance(step.request, DeletePeer):
            return state.with_leaving(key, step.request.id, self._peers.provider.terminating)
        own = state.entries.get(key)
        peer = reply if reply is not None else own.peer if own is not None else None
        if peer is None:
            return state
        if isinstance(step.request, CreatePeer):
            self.waiter.record_creation(peer)
        return state.with_written(key, peer)

    def explain(self, step: Step, error: AtlasError, state: PeerSetState) -> AtlasError:
        """Tell which option is at fault where Atlas has refused a connection, or what is in its way."""
        match = self._matches.get(step.keys[0])
        if isinstance(step.request, DeletePeer) or match is None:
            return error
        if error.error_code == NO_PLACE:
            better = AtlasError(error.without_hint, hint="Accept pending ones in AWS, then run the task again.")
            return with_reply_of(error, better)
        own = replace(state.entries.get(step.keys[0], PeerState(None)), listed=state.listed)
        return find_cause(error, step.request, own, match.choice) or match.explain(error, own)

    def give_up(self, keys: t.Iterable[str], error: AtlasError, state: PeerSetState) -> PeerSetState:
        """Return the state after entries or removals have failed."""
        for key in keys:
            entry = self._by_key.get(key)
            is_named = entry is None or str(error).startswith(key)
            state = state.with_failure(key, error if is_named or entry is None else entry.named(error))
        return state


OPERATION = AtlasVpcPeers
