# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer_info does: its options, and which connections they select."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.container_choice import ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import AWS, VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import check_aws_ids, check_object_id, check_regions

ARGUMENT_SPEC = CONNECTION + ArgumentSpec(
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
FILTERS = ("vpc_id", "aws_account_id", "connection_id")


def validate(params: Parameters, unused_check_mode: bool) -> list[str]:
    """Check the options without the network.

    Returns:
        Warnings about values that Atlas will have to decide on.

    Raises:
        InvalidOptionError: When an option cannot be right.
    """
    for option in ("peer_id", "container_id"):
        if params[option] is not None:
            check_object_id(option, params[option])
    return check_aws_ids(params) + check_regions(params, "container_region_name")


def run(context: Context[AtlasClient]) -> None:
    """Read the connections and select those that fit every option."""
    params = context.params
    peers = VpcPeers(context.client, params["group_id"])
    if params["peer_id"] is not None:
        peer = peers.get_peer(params["peer_id"])
        found = [peer] if peer is not None else []
    else:
        found = peers.list_peers()
    matches = [
        peer
        for peer in found
        if all(params[name] in (None, peer[name]) for name in FILTERS)
        and (params["status_name"] is None or peer["status_name"] in params["status_name"])
    ]
    context.outcome.values["vpc_peers"] = ContainerChoice(context).select(matches)


TASK = Task(argument_spec=ARGUMENT_SPEC, service=ATLAS, validate=validate, run=run)
