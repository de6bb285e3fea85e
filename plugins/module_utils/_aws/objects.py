# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of AWS (VPCs, peering connections, routes, filters), as plain data.

The functions here parse leniently: a missing field is unknown. `replies` parses strictly, for the survey.
"""

from __future__ import annotations

import datetime
import re
import typing as t
from dataclasses import dataclass, field

Reply = t.Mapping[str, t.Any]
RouteAction = t.Literal["create", "replace", "delete"]

# The states of a connection.
# Source: "VPC peering connection lifecycle" in Amazon's VPC peering guide.
ACTIVE = "active"
INITIATING = "initiating-request"
PENDING = "pending-acceptance"
PROVISIONING = "provisioning"
# The states from which a connection never becomes active, and what each means. AWS drops it after some hours.
ENDED = {
    "deleted": "it was deleted",
    "deleting": "it is being deleted",
    "rejected": "the request was rejected",
    "expired": "nobody accepted the request within seven days",
    "failed": "AWS could not set it up",
}
# AWS's name of each DNS attribute, by its name in results, in the order in which they can be enabled.
DNS_ATTRIBUTES = {"enable_dns_support": "EnableDnsSupport", "enable_dns_hostnames": "EnableDnsHostnames"}
# AWS's codes of quotas (how many connections a VPC may have, and how many routes a table), and their defaults.
# Source: "Amazon VPC quotas" in the Amazon VPC user guide.
CONNECTIONS_QUOTA, ROUTES_QUOTA = "L-7E9ECCDB", "L-93826ACB"
DEFAULT_QUOTAS = {CONNECTIONS_QUOTA: 50, ROUTES_QUOTA: 500}
# The error of a quota that the account has no value of its own for.
NO_QUOTA = "NoSuchResourceException"
LOCAL = "local"
# What the ids of prefix lists, and of VPC endpoints, begin with.
LIST, _ENDPOINT = "pl-", "vpce-"
UNKNOWN_TARGET = "a target that this version of botocore does not know"
# Any other text field of a route is a target, even one that this collection does not know.
_NOT_A_TARGET = (
    "DestinationCidrBlock",
    "DestinationIpv6CidrBlock",
    "DestinationPrefixListId",
    "InstanceOwnerId",
    "Origin",
    "State",
)
# A route has one target, but a route to an instance also names its network interface.
_TARGETS_IN_ORDER = ("VpcPeeringConnectionId", "InstanceId", "NetworkInterfaceId")
# The types of the interfaces of AWS's services that open no connection by themselves. Lambda, Fargate and unknown types are
# clients. Source: `interface-type` among the filters of DescribeNetworkInterfaces, and botocore's model, which has natGateway.
_SERVICE_TYPES = (
    "api_gateway_managed",
    "aws_codestar_connections_managed",
    "ec2_instance_connect_endpoint",
    "efs",
    "gateway_load_balancer",
    "gateway_load_balancer_endpoint",
    "global_accelerator_managed",
    "iot_rules_managed",
    "load_balancer",
    "nat_gateway",
    "natGateway",
    "network_load_balancer",
    "transit_gateway",
    "vpc_endpoint",
)
# The services whose interfaces have the type of an ordinary one, by their requester.
# Source: "Requester-managed network interfaces" in the Amazon EC2 user guide.
_SERVICE_REQUESTERS = ("amazon-elasticache", "amazon-elb", "amazon-rds", "amazon-redshift")
# Other services whose interfaces have the type of an ordinary one, by how AWS describes these: EKS's control plane, OpenSearch,
# Route 53 Resolver, Directory Service and FSx. Everybody can describe an interface of an instance so, which is a client's.
# Source: "Identify network interfaces" of these services in Amazon's documentation, and replies of AWS that the tests name.
_SERVICE_DESCRIPTIONS = (
    "Amazon EKS ",
    "ES ",
    "Route 53 Resolver: ",
    "AWS created network interface for directory ",
    "AWS created network interface for fs-",
)
# The interfaces that plugins of Kubernetes add to a node, for pods. By default, the node sends for these with its own address to
# whatever is outside of the VPC. Source: AWS_VPC_K8S_CNI_EXTERNALSNAT and eniDescriptionPrefix of aws/amazon-vpc-cni-k8s, and
# "AWS ENI" and "Masquerading" in the documentation of Cilium.
_OF_PODS = ("aws-k8s-", "cilium-cni (")
# ECS adds an interface to an instance for each task that sends with it.
# Source: "Allocate a network interface for an Amazon ECS task" in the ECS developer guide.
_OF_TASKS = re.compile(r"arn:[a-z-]+:ecs:")
# The origins of routes that AWS propagates, and that cannot be replaced.
_PROPAGATED = ("EnableVgwRoutePropagation", "Advertisement")


@dataclass(frozen=True)
class Side:
    """One side of a peering connection; what AWS does not show is None or empty."""

    vpc_id: str | None
    account_id: str | None
    region: str | None
    cidr_blocks: list[str]
    # Whether it resolves names of the other side to private addresses.
    allows_remote_dns: bool | None = None


@dataclass(frozen=True)
class PeeringConnection:
    """A VPC peering connection as one of its two accounts sees it."""

    id: str
    status: str
    status_message: str | None
    expiration_time: str | None
    requester: Side
    accepter: Side
    tags: t.Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Vpc:
    """A VPC with its blocks, the primary one first; DNS attributes that were not read are None.

    `refuses_peerings` says whether AWS enforces that all is encrypted, by the settings with the id `encryption_id`. `name` is the
    tag Name; None without one.
    """

    id: str
    account_id: str | None
    cidr_blocks: list[str]
    enable_dns_support: bool | None = None
    enable_dns_hostnames: bool | None = None
    dhcp_options_id: str | None = None
    refuses_peerings: bool = False
    encryption_id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Route:
    """A route; `destination` is an IPv4 block, or the id of a prefix list."""

    destination: str
    target: str
    is_peering: bool = False
    is_propagated: bool = False
    is_blackhole: bool = False

    @property
    def is_of_endpoint(self) -> bool:
        """Whether it is a gateway endpoint's, over a prefix list of an AWS service, whose addresses are public."""
        return self.destination.startswith(LIST) and self.target.startswith(_ENDPOINT)


@dataclass(frozen=True)
class RouteTable:
    """A route table with its routes for IPv4.

    Attributes:
        routes: The routes to blocks.
        gateways: The gateways that it is associated with, instead of subnets.
        subnet_ids: The subnets that it is associated with.
        is_main: Whether it is the main table of its VPC, for the subnets without a table of their own.
        list_routes: The routes to prefix lists.
    """

    id: str
    vpc_id: str | None
    tags: t.Mapping[str, str]
    routes: tuple[Route, ...]
    gateways: tuple[str, ...] = ()
    subnet_ids: tuple[str, ...] = ()
    is_main: bool = False
    list_routes: tuple[Route, ...] = ()

    @property
    def all_routes(self) -> tuple[Route, ...]:
        """The routes to blocks, and those to prefix lists."""
        return (*self.routes, *self.list_routes)

    @property
    def endpoint_lists(self) -> set[str]:
        """The prefix lists of gateway endpoints that it has routes to."""
        return {one.destination for one in self.list_routes if one.is_of_endpoint}

    @property
    def is_idle(self) -> bool:
        """Whether it serves nothing: no subnet, and no gateway either."""
        return not (self.is_main or self.subnet_ids or self.gateways)

    @property
    def number_of_routes(self) -> int:
        """How many routes count for AWS's quota: propagated ones do not."""
        return sum(not one.is_propagated for one in self.all_routes)


@dataclass(frozen=True)
class Subnet:
    """A subnet; one for IPv6 alone has no `cidr_block`. `name` is the tag Name; None without one."""

    id: str
    vpc_id: str
    cidr_block: str | None
    name: str | None = None


@dataclass(frozen=True)
class Ports:
    """A range of ports, both ends included."""

    first: int
    last: int


@dataclass(frozen=True)
class AclRule:
    """A rule of a network ACL for an IPv4 block; `protocol` is AWS's number as text, `-1` for all, and `ports` None for all."""

    number: int
    is_egress: bool
    allows: bool
    protocol: str
    cidr_block: str
    ports: Ports | None


@dataclass(frozen=True)
class NetworkAcl:
    """A network ACL, with its rules for IPv4 and the subnets that it guards.

    `others` has the numbers of its rules for IPv6, each with whether it is for egress: they cannot be given once more.
    """

    id: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    rules: tuple[AclRule, ...]
    others: frozenset[tuple[bool, int]] = frozenset()

    def taken(self, *, is_egress: bool) -> set[int]:
        """Return the numbers that its rules of one direction have."""
        own = {one.number for one in self.rules if one.is_egress == is_egress}
        return own | {number for for_egress, number in self.others if for_egress == is_egress}


@dataclass(frozen=True)
class GroupRule:
    """An egress rule of a security group; `protocol` is `-1` for all, `tcp`, `udp` or a number, and `ports` None for all."""

    protocol: str
    ports: Ports | None
    cidr_blocks: tuple[str, ...]
    prefix_list_ids: tuple[str, ...]


@dataclass(frozen=True)
class SecurityGroup:
    """A security group, with its egress rules."""

    id: str
    vpc_id: str
    egress: tuple[GroupRule, ...]


@dataclass(frozen=True)
class Interface:
    """A network interface in a VPC.

    Attributes:
        instance_id: The instance that it is attached to; None if it is attached to none.
        addresses: Its private IPv4 addresses, the primary one first, and then the blocks that are delegated to it.
        type: AWS's name of its type; empty if AWS does not report it.
        requester_id: The service or account that created it; None if AWS does not report it.
        status: `available` if it is attached to nothing, so that nothing is sent from it.
        description: What AWS, or the owner, says that it is.
        is_first: Whether it is the first one of its instance, with which the system sends by default.
    """

    id: str
    instance_id: str | None
    vpc_id: str
    subnet_id: str
    security_group_ids: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    type: str = "interface"
    requester_id: str | None = None
    status: str = "in-use"
    description: str = ""
    is_first: bool = True

    @property
    def is_used(self) -> bool:
        """Whether it is attached to something, or being attached."""
        return self.status != "available"

    @property
    def is_service(self) -> bool:
        """Whether it is one of AWS's services that open no connection, such as a load balancer."""
        if self.type == "interface" and self.instance_id is None and self.description.startswith(_SERVICE_DESCRIPTIONS):
            return True
        return self.type in _SERVICE_TYPES or (self.type == "interface" and self.requester_id in _SERVICE_REQUESTERS)

    @property
    def is_client(self) -> bool:
        """Whether something may send from it: it is used, and by none of these services."""
        return self.is_used and not self.is_service

    @property
    def is_second(self) -> bool:
        """Whether its instance sends with another one, its first, by default. Tasks of ECS send with theirs."""
        return self.instance_id is not None and not self.is_first and not _OF_TASKS.match(self.description)

    @property
    def is_of_pods(self) -> bool:
        """Whether a plugin of Kubernetes has added it to its instance, for pods."""
        return self.is_second and self.description.lower().startswith(_OF_PODS)


@dataclass(frozen=True)
class DhcpOptions:
    """A set of DHCP options; `AmazonProvidedDNS` among the servers is the resolver of the VPC."""

    id: str
    domain_name_servers: tuple[str, ...]


@dataclass(frozen=True)
class ResolverRule:
    """A rule of Route 53 Resolver that is associated with a VPC."""

    id: str
    domain_name: str
    rule_type: t.Literal["FORWARD", "SYSTEM", "RECURSIVE", "DELEGATE"] | str


@dataclass(frozen=True)
class HostedZone:
    """A private hosted zone of a VPC; `owner` is an account, or the service of AWS that has made it."""

    id: str
    name: str
    owner: str

    @property
    def title(self) -> str:
        """The name for people; that of the root is empty."""
        return self.name or "."


@dataclass(frozen=True)
class Record:
    """A record set of a hosted zone: its name without a dot at the end, its type, and its values.

    An alias has none: it leads to another name, or to a resource of AWS.
    """

    name: str
    type: str
    values: tuple[str, ...] = ()
    is_alias: bool = False


def to_connection(reply: Reply) -> PeeringConnection:
    """Return a connection from its object in a reply."""
    status = reply.get("Status") or {}
    return PeeringConnection(
        id=str(reply.get("VpcPeeringConnectionId")),
        status=str(status.get("Code")),
        status_message=status.get("Message") or None,
        expiration_time=_to_text(reply.get("ExpirationTime")),
        requester=_to_side(reply.get("RequesterVpcInfo") or {}),
        accepter=_to_side(reply.get("AccepterVpcInfo") or {}),
        tags=_to_tags(reply),
    )


def _to_side(reply: Reply) -> Side:
    blocks = [one.get("CidrBlock") for one in reply.get("CidrBlockSet") or []] or [reply.get("CidrBlock")]
    allows_remote_dns = (reply.get("PeeringOptions") or {}).get("AllowDnsResolutionFromRemoteVpc")
    return Side(reply.get("VpcId"), reply.get("OwnerId"), reply.get("Region"), list(filter(None, blocks)), allows_remote_dns)


def to_vpc(reply: Reply) -> Vpc:
    """Return a VPC, with the blocks that are in use, from its object in a reply."""
    blocks = [
        one.get("CidrBlock")
        for one in reply.get("CidrBlockAssociationSet") or []
        if (one.get("CidrBlockState") or {}).get("State") in ("associated", "associating")
    ]
    # The set has any order; Amazon's resolver has an address in the primary block.
    blocks.sort(key=lambda one: one != reply.get("CidrBlock"))
    encryption = reply.get("EncryptionControl") or {}
    return Vpc(
        str(reply.get("VpcId")),
        reply.get("OwnerId"),
        list(filter(None, blocks or [reply.get("CidrBlock")])),
        dhcp_options_id=reply.get("DhcpOptionsId"),
        refuses_peerings=_refuses_peerings(encryption),
        encryption_id=encryption.get("VpcEncryptionControlId"),
        name=name_of(reply),
    )


def _refuses_peerings(control: Reply) -> bool:
    """Whether VPC encryption controls are enforced, and peering connections are not excluded from them."""
    exclusion = (control.get("ResourceExclusions") or {}).get("VpcPeering") or {}
    is_enforced = control.get("Mode") == "enforce" and control.get("State") == "available"
    return is_enforced and exclusion.get("State") != "enabled"


def to_route_table(reply: Reply) -> RouteTable:
    """Return a route table from its object in a reply."""
    associations = [
        one
        for one in reply.get("Associations") or []
        if (one.get("AssociationState") or {}).get("State") not in ("disassociated", "failed")
    ]
    routes = reply.get("Routes") or []
    return RouteTable(
        str(reply.get("RouteTableId")),
        reply.get("VpcId"),
        _to_tags(reply),
        tuple(_to_route(one, "DestinationCidrBlock") for one in routes if one.get("DestinationCidrBlock")),
        gateways=tuple(one["GatewayId"] for one in associations if one.get("GatewayId")),
        subnet_ids=tuple(one["SubnetId"] for one in associations if one.get("SubnetId")),
        is_main=any(one.get("Main") for one in associations),
        list_routes=tuple(_to_route(one, "DestinationPrefixListId") for one in routes if one.get("DestinationPrefixListId")),
    )


def _to_route(reply: Reply, destination: str) -> Route:
    targets = [name for name, value in reply.items() if name not in _NOT_A_TARGET and isinstance(value, str) and value]
    name = next((name for name in (*_TARGETS_IN_ORDER, *targets) if name in targets), None)
    return Route(
        destination=reply[destination],
        target=reply[name] if name else UNKNOWN_TARGET,
        is_peering=name == "VpcPeeringConnectionId",
        is_propagated=reply.get("Origin") in _PROPAGATED,
        is_blackhole=reply.get("State") == "blackhole",
    )


def name_of(reply: Reply) -> str | None:
    """Return the tag Name of an object in a reply; None if it has none, or an empty one."""
    return _to_tags(reply).get("Name") or None


def _to_tags(reply: Reply) -> dict[str, str]:
    return {str(one.get("Key")): str(one.get("Value") or "") for one in reply.get("Tags") or []}


def _to_text(moment: object) -> str | None:
    """Return a moment in ISO 8601, in UTC."""
    if not isinstance(moment, datetime.datetime):
        return str(moment) if moment else None
    return moment.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
