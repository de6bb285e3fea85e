# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer does: from the options to a connection as it should be."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Status
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Facts, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import Wait
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.containers import ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.match import PeerMatch
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.planner import PeerPlanner
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.preflight import find_cause
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.state import (
    LIST_PEERS,
    CreatePeer,
    DeletePeer,
    PeerState,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.waiter import PeerWaiter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer

from .atlas import AtlasOperation


class AtlasVpcPeer(AtlasOperation[PeerState]):
    """Requests, changes and removes a VPC peering connection."""

    argument_spec = (
        CONNECTION
        + WAIT
        + ArgumentSpec(
            {
                "vpc_id": {"type": "str"},
                "aws_account_id": {"type": "str"},
                "peer_id": {"type": "str"},
                "route_table_cidr_block": {"type": "str"},
                "accepter_region_name": {"type": "str"},
                "container_id": {"type": "str"},
                "container_region_name": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "recreate": {"type": "str", "choices": ["never", "dead"], "default": "never"},
                "wait_for": {"type": "str", "choices": ["pending_acceptance", "available"], "default": "pending_acceptance"},
            },
            required_together=(("vpc_id", "aws_account_id"),),
            required_one_of=(("vpc_id", "peer_id"),),
            mutually_exclusive=(("container_id", "container_region_name"),),
        )
    )
    noun = "vpc_peer"
    keeps_history = True

    def __init__(self, params: Parameters, session: AtlasClient, *clock: t.Callable[[], float]) -> None:
        super().__init__(params, session, *clock)
        self._is_absent = params["state"] == "absent"
        self._peers = VpcPeers(session, params["group_id"])
        self._containers = Containers(session, params["group_id"])
        self._provider = self._peers.provider
        self._choice = ContainerChoice(params, self._provider, self.facts, self.ask)
        self._match = PeerMatch(self._peers, self._choice)
        self._waiter = PeerWaiter(self._match, session, self.clock)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options; there are warnings about values that Atlas will have to decide on."""
        if params["peer_id"] is None and (params["vpc_id"] is None or params["aws_account_id"] is None):
            # The rules of the argument spec take a null for a value.
            raise InvalidOptionError("vpc_id and aws_account_id, or peer_id, must not be null.")
        if params["recreate"] == "dead" and params["state"] == "present" and params["vpc_id"] is None:
            raise InvalidOptionError(
                "recreate: dead needs vpc_id, aws_account_id and route_table_cidr_block: with peer_id alone, a failed VPC "
                "peering connection could not be created again if the task ended after its removal.",
                hint="Set them, in place of peer_id or beside it.",
            )
        return super().validate(params)

    @property
    def name(self) -> str:
        """The VPC, or the id of the connection."""
        return str(self.params["vpc_id"] or self.params["peer_id"])

    def look(self) -> PeerState:
        """Read the connection, by its id or out of all of the project."""
        return self._match.look()

    def read(self, need: t.Hashable) -> t.Any:
        """Read connections or containers."""
        if need == LIST_PEERS:
            return self._peers.list_peers()
        return self._choice.read(str(need), self._containers)

    def decide(self, state: PeerState, facts: Facts) -> Plan:
        """Decide what becomes of the connection."""
        planner = PeerPlanner(self.params, self._provider, facts)
        return planner.plan_absent(state) if self._is_absent else planner.plan_present(state)

    def predict(self, state: PeerState, plan: Plan, facts: Facts) -> PeerState:
        """Foresee also what Atlas would refuse, and what the connection will have come to after the waiting."""
        after = self.end(PeerPlanner(self.params, self._provider, facts).predict(state, plan))
        goal = self.params["wait_for"].upper()
        if after.peer is None or not self.params["wait"] or self._provider.has_reached(after.peer, goal):
            return after
        return replace(after, peer={**after.peer, "status_name": goal})

    def apply(self, step: Step, state: PeerState) -> PeerState:
        """Request, change or remove the connection."""
        request, peer = step.request, state.peer
        if isinstance(request, DeletePeer):
            self._peers.delete_peer(request.id)
            return replace(state, dying=(t.cast("Peer", peer),))
        if isinstance(request, CreatePeer):
            created = self._peers.create_peer(request.fields, request.home_region)
            self._waiter.record_creation(created)
            return replace(state, peer=created, dying=())
        # Atlas leaves the region out of its replies where it is the container's, but wants it in the whole object.
        current = t.cast("Peer", peer)
        sent: Peer = {**current, "accepter_region_name": self._choice.region_of(current)}
        return replace(state, peer=self._peers.update_peer(sent, request.fields))

    def explain(self, step: Step, error: AtlasError, state: PeerState) -> AtlasError:
        """Tell which option is at fault where Atlas has refused a connection, or what is in its way."""
        if isinstance(step.request, DeletePeer):
            return error
        better = find_cause(error, step.request, state, self._choice)
        return self._match.explain(error, state) if better is None else better

    def wait(self, state: PeerState, step: Step | None = None) -> Wait[PeerState] | None:
        """Wait, before a connection is created, until the old one is gone; and in the end as the options say."""
        if step is not None:
            return self._waiter.until_gone(step.after)
        if not self.params["wait"]:
            return None
        if self._is_absent:
            return self._waiter.until_gone(state.dying) if state.dying else None
        return self._waiter.until_reached(t.cast("Peer", state.peer))

    def end(self, state: PeerState) -> PeerState:
        """Return the state in which what is being removed is as good as gone."""
        return replace(state, peer=None) if self._is_absent else state

    def status(self, state: PeerState, wait: Wait[PeerState] | None) -> Status:
        """Return the state of the connection, and who has to act."""
        return self._waiter.status(state, wait)

    def show(self, state: PeerState, plan: Plan) -> dict[str, t.Any]:
        """Show the connection."""
        return {"vpc_peer": state.peer}


OPERATION = AtlasVpcPeer
