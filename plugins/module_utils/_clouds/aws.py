# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS, the default cloud: its regions, states and options."""

from __future__ import annotations

import datetime
import re
import shlex
import typing as t

from .._http.errors import as_name, as_option
from .._values.blocks import parse_private_block
from .._values.ids import parse_account_id, parse_connection_id, parse_vpc_id
from .._values.patterns import InvalidValueError
from .cloud import Cloud, CustomerTask, Fields, Peer, RegionTable

_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_KNOWN = """
    af-south-1 ca-central-1 ca-west-1 mx-central-1 sa-east-1
    ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2
    ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7
    cn-north-1 cn-northwest-1
    eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3
    il-central-1 me-central-1 me-south-1
    us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2
"""
# What objects are called, by the beginnings of their ids.
NOUNS = {
    "acl": "network ACL",
    "dopt": "DHCP options",
    "eni": "network interface",
    "i": "instance",
    "igw": "internet gateway",
    "nat": "NAT gateway",
    "pcx": "connection",
    "pl": "prefix list",
    "rslvr-rr": "resolver rule",
    "rtb": "route table",
    "sg": "security group",
    "subnet": "subnet",
    "tgw": "transit gateway",
    "vgw": "VPN gateway",
    "vpc": "VPC",
}


def to_cloud_region(region: str) -> str:
    """Return a region as AWS writes it, from either spelling: `us-east-1`."""
    return region.lower().replace("_", "-")


def to_atlas_region(region: str) -> str:
    """Return a region as Atlas writes it in containers, from either spelling: `US_EAST_1`."""
    return region.upper().replace("-", "_")


def same_region(region: str | None, other: str | None) -> bool:
    """Whether two regions are the same, in either spelling; False if one is missing."""
    return region is not None and other is not None and to_cloud_region(region) == to_cloud_region(other)


class _Regions(RegionTable):
    """The regions of AWS; unknown ones can be converted between the spellings, too."""

    def __init__(self) -> None:
        super().__init__("AWS", {to_atlas_region(name): name for name in _KNOWN.split()})

    def to_atlas(self, region: str) -> str:
        """Return a region as Atlas writes it, from either spelling."""
        return to_atlas_region(region)

    def to_cloud(self, region: str) -> str:
        """Return a region as AWS writes it, from either spelling."""
        return to_cloud_region(region)

    def parse(self, value: str) -> str:
        """Return a region as AWS writes it, from either spelling.

        Raises:
            InvalidValueError: If it does not look like a region.
        """
        region = to_cloud_region(value.strip())
        if not _REGION.fullmatch(region):
            raise InvalidValueError(f"is not an AWS region: {value!r}", "Write it like us-east-1 or US_EAST_1.")
        return region


AWS_REGIONS = _Regions()


def _customer_task(peer: Peer, region: str | None, container: Fields | None) -> CustomerTask:
    place = f"AWS account {peer['aws_account_id']}" + (f", region {region}" if region else "")
    return CustomerTask(
        "accept",
        str(peer["connection_id"]),
        f"in {place}",
        f"Have {as_name(peer['connection_id'])} accepted in {place}, then run the task again.",
    )


def _handover(peer: Fields, container: Fields | None, is_government: bool) -> dict[str, t.Any]:
    region = peer.get("accepter_region_name")
    if region is None and container is not None:
        region = AWS.describe_place(container)
    block = container["atlas_cidr_block"] if container is not None else None
    names = {name: peer.get(name) for name in ("connection_id", "aws_account_id", "vpc_id")}
    known = {**names, "accepter_region_name": region, "atlas_cidr_block": block}
    if None in known.values():
        return {**known, "aws": None}
    # The user fills in the route table.
    commands = [f'create-route --route-table-id "$ROUTE_TABLE_ID" --destination-cidr-block {shlex.quote(str(block))}']
    if peer.get("status_name") != AWS.progress[-1]:
        commands.insert(0, "accept-vpc-peering-connection")
    which = f"--region {shlex.quote(str(region))} --vpc-peering-connection-id {shlex.quote(str(names['connection_id']))}"
    return {**known, "aws": "\n".join(f"aws ec2 {command} {which}" for command in commands)}


AWS = Cloud(
    name="AWS",
    noun="VPC",
    places={"aws_account_id": "account", "region": "region"},
    identity_noun="the AWS account and the VPC",
    forms={
        "vpc_id": parse_vpc_id,
        "aws_account_id": parse_account_id,
        "route_table_cidr_block": parse_private_block,
        "accepter_region_name": AWS_REGIONS.parse,
        "connection_id": parse_connection_id,
    },
    identity=("aws_account_id", "vpc_id"),
    needed=("route_table_cidr_block",),
    changeable=frozenset(("route_table_cidr_block",)),
    regions=AWS_REGIONS,
    progress=("INITIATING", "PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE"),
    pending="PENDING_ACCEPTANCE",
    pending_life=datetime.timedelta(days=7),
    failed="FAILED",
    terminating="TERMINATING",
    failure_reasons={
        "REJECTED": "the request was rejected in the AWS account; ask its owner to accept the next one",
        "EXPIRED": "nobody accepted the request in the AWS account within 7 days; have it accepted in time",
        "INVALID_ARGUMENT": (
            f"AWS does not take the request; check vpc_id, aws_account_id and {as_option('accepter_region_name')}, and that "
            "the VPC's CIDR blocks do not overlap the container's"
        ),
    },
    futile_reasons=frozenset(("INVALID_ARGUMENT",)),
    customer_task=_customer_task,
    handover=_handover,
    # Atlas refuses other sizes: ATLAS_INVALID_CIDR_BLOCK.
    block_sizes=lambda regions: range(21, 25),
    atlas_network=("vpc_id",),
    half_options=("aws",),
    check_needs=("connection_id", "atlas_cidr_block"),
    check_hint="Set it to the id of the VPC.",
    accepted_id="connection_id",
    block="route_table_cidr_block",
    region="accepter_region_name",
    has_unique_ids=True,
    has_error_codes=True,
    lists_all=False,
    has_security_groups=True,
    judges_subnets=True,
    chooses_block=True,
)
