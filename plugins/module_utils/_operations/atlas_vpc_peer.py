# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer does: it brings the connection that the options describe into the wanted state."""

from __future__ import annotations

from functools import partial

from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import Peer
from .._clouds.clouds import CLOUDS, ONE_OF, TOGETHER, with_request_times
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.front import Front, ResultValue, States
from .._engine.operation import Status
from .._engine.options import Parameters, ParseRegion, check_cloud_of_region, parse_region
from .._engine.side import ONLY, Waiting
from .._http.pauses import Clock
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .._sides.connection import PeerState
from .._sides.container_choice import make_handover
from .._sides.one_peer import OnePeer, OnePeerSide
from .._sides.options import NETWORK_OPTIONS, check_goal, check_identity, check_role_timeout, choose_provider, parse_cloud
from .atlas import AtlasModule


class AtlasVpcPeer(AtlasModule, Front[AtlasClient]):
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
        super().__init__({**params, "base_url": session.settings.base_url}, session, clock)
        group_id = params["group_id"]
        self._reader = OnePeer(self.params, Containers(session, group_id), partial(VpcPeers, session, group_id), clock)
        self._side = OnePeerSide(self.context, self._reader)
        self.sides = (self._side,)
        self._is_absent = params["state"] == "absent"

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, with warnings about unknown regions, on which Atlas decides."""
        chosen = choose_provider(params)
        if chosen is None and params["container_region_name"] is not None:
            check_cloud_of_region("container_region_name", params["container_region_name"])
        provider = chosen or AWS
        params = {**params, **parse_cloud(params, provider)}
        check_identity(params, provider)
        check_goal(params, provider)
        check_role_timeout(params)
        return super().validate(params)

    @classmethod
    def region_parser(cls, params: Parameters) -> ParseRegion:
        """Return what parses regions."""
        return partial(parse_region, cloud=choose_provider(params) or AWS)

    @property
    def name(self) -> str:
        """The customer's network, or the id of the connection."""
        return str(self.params[self._reader.provider.identity[-1]] or self.params["peer_id"])

    def status(self, waiting: Waiting | None) -> Status:
        """Return the state of the connection, and what the customer has to do."""
        return self._side.status(waiting)

    def show(self) -> dict[str, ResultValue]:
        """Show the connection, and the hand-over for the customer's cloud."""
        state: PeerState = self.state
        handover = None if self._is_absent else make_handover(self._reader.choice, state.peer)
        peer = None if self._counts_as_gone(state) else state.peer or state.old
        return {self.noun: None if peer is None else with_request_times(peer), "handover": handover}

    def compare(self, states: States) -> Peer | None:
        """Return the connection for the diff, or the old one that is replaced."""
        state: PeerState = states[OnePeerSide.name][ONLY]
        return None if self._counts_as_gone(state) else state.old or state.peer

    def _counts_as_gone(self, state: PeerState) -> bool:
        """Whether the connection is leaving, and the task does not wait for its end."""
        return self._is_absent and bool(state.dying) and not self.params["wait"]


OPERATION = AtlasVpcPeer
