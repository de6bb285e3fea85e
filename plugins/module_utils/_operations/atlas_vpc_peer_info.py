# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer_info does: which connections the options select."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.containers import ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer, fields_of

from .atlas import AtlasOperation

_FILTERS = ("vpc_id", "aws_account_id", "connection_id")


class AtlasVpcPeerInfo(AtlasOperation["list[Peer]"]):
    """Reads VPC peering connections."""

    argument_spec = CONNECTION + ArgumentSpec(
        {
            "peer_id": {"type": "str"},
            "vpc_id": {"type": "str"},
            "aws_account_id": {"type": "str"},
            "connection_id": {"type": "str"},
            "container_id": {"type": "str"},
            "container_region_name": {"type": "str"},
            "status_name": {"type": "list", "elements": "str", "choices": [*AWS.progress, AWS.failed, AWS.terminating]},
        },
        mutually_exclusive=(("container_id", "container_region_name"),),
    )
    noun = "vpc_peers"
    has_diff = False

    def look(self) -> list[Peer]:
        """Read the connections and select those that fit every option."""
        params, peers = self.params, VpcPeers(self.session, self.params["group_id"])
        if params["peer_id"] is not None:
            peer = peers.get_peer(params["peer_id"])
            found = [peer] if peer is not None else []
        else:
            found = peers.list_peers()
        matches = [
            peer
            for peer in found
            if all(params[name] in (None, fields_of(peer)[name]) for name in _FILTERS)
            and (params["status_name"] is None or peer["status_name"] in params["status_name"])
        ]
        return ContainerChoice(params, peers.provider, self.facts, self.ask).select(matches)

    def read(self, need: t.Hashable) -> t.Any:
        """Read the containers, where their region matters."""
        choice = ContainerChoice(self.params, AWS, self.facts, self.ask)
        return choice.read(str(need), Containers(self.session, self.params["group_id"]))

    def show(self, state: list[Peer], plan: Plan) -> dict[str, t.Any]:
        """Show the connections."""
        return {"vpc_peers": state}


OPERATION = AtlasVpcPeerInfo
