# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS: identity, fields, states and words, its container, hand-over."""

from __future__ import annotations

import typing as t

from .._values.regions import to_atlas_region, to_cloud_region
from .cloud import ContainerKind, CustomerTask, Peer, Provider
from .cloud import Fields_provider as Fields

# What each `error_state_name` of a connection with AWS means, and what to do.
AWS_FAILURE_REASONS = {
    "REJECTED": "the request was rejected in the AWS account; ask its owner to accept the next one",
    "EXPIRED": "nobody accepted the request in the AWS account within 7 days; have it accepted in time",
    "INVALID_ARGUMENT": (
        "AWS does not take the request; check vpc_id, aws_account_id and accepter_region_name, and that the VPC's CIDR "
        "blocks do not overlap the container's"
    ),
}


def _customer_task(peer: Peer, region: str | None, container: Fields | None) -> CustomerTask:
    place = f"AWS account {peer['aws_account_id']}" + (f", region {region}" if region else "")
    return CustomerTask(
        f"accept {peer['connection_id']} in {place}",
        f"Have {peer['connection_id']} accepted in {place}, then run the task again.",
    )


def _handover(peer: Fields, container: Fields | None, is_government: bool) -> dict[str, t.Any]:
    region = peer.get("accepter_region_name")
    if region is None and container is not None:
        region = AWS_CONTAINERS.describe_place(container)
    return {
        "connection_id": peer.get("connection_id"),
        "aws_account_id": peer.get("aws_account_id"),
        "accepter_region_name": region,
        "atlas_cidr_block": container["atlas_cidr_block"] if container is not None else None,
    }


AWS = Provider(
    name="AWS",
    identity=("aws_account_id", "vpc_id"),
    writable={
        "vpc_id": "vpcId",
        "aws_account_id": "awsAccountId",
        "route_table_cidr_block": "routeTableCidrBlock",
        "container_id": "containerId",
        "accepter_region_name": "accepterRegionName",
    },
    read_only={
        "id": "id",
        "connection_id": "connectionId",
        "status_name": "statusName",
        "error_state_name": "errorStateName",
    },
    network="VPC",
    required=("route_table_cidr_block",),
    changeable=frozenset(("route_table_cidr_block",)),
    progress=("INITIATING", "PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE"),
    pending="PENDING_ACCEPTANCE",
    failed="FAILED",
    terminating="TERMINATING",
    failure_reasons=AWS_FAILURE_REASONS,
    accepted_id="connection_id",
    customer_task=_customer_task,
    handover=_handover,
    block="route_table_cidr_block",
    region="accepter_region_name",
    lists_all=False,
)
AWS_CONTAINERS = ContainerKind(
    name="AWS",
    place="region_name",
    writable={"region_name": "regionName", "atlas_cidr_block": "atlasCidrBlock"},
    read_only={"vpc_id": "vpcId"},
    to_atlas=to_atlas_region,
    to_cloud=to_cloud_region,
    # Otherwise Atlas says ATLAS_INVALID_CIDR_RANGE.
    sizes=lambda regions: range(21, 25),
    needs_block=False,
    is_changeable=True,
)
