# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strict parsers for the survey: a field that AWS always sends must be there, so that nothing counts as empty by mistake."""

from __future__ import annotations

import ipaddress
import typing as t

from .._http.errors import TaskError
from .objects import (
    DEFAULT_QUOTAS,
    NO_QUOTA,
    AclRule,
    DhcpOptions,
    GroupRule,
    HostedZone,
    Interface,
    NetworkAcl,
    PeeringConnection,
    Ports,
    Record,
    Reply,
    ResolverRule,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    name_of,
    to_connection,
    to_route_table,
    to_vpc,
)

Parsed = t.TypeVar("Parsed")
# The numbers and names of the protocols that have ports.
_WITH_PORTS = ("6", "17", "tcp", "udp")
_EVERY_PORT = ((-1, -1), (0, 65535))


class OddReplyError(ValueError):
    """A reply lacks a field that AWS always sends, or has an invalid one."""


def parse_all(pages: t.Iterable[Reply], name: str, parse: t.Callable[[Reply], Parsed]) -> list[Parsed]:
    """Return the parsed objects of all pages of a reply; one that is on two pages counts once.

    Args:
        pages: The pages.
        name: The name of the list in each page.
        parse: Parses one object.

    Raises:
        ValueError: If a page has no such list, or an object in it is malformed.
    """
    parsed = [parse(one) for page in pages for one in member(page, name, list)]
    # Some objects have no hash, and a comparison of each with all takes long for thousands.
    return list({repr(one): one for one in parsed}.values())


def member(reply: object, name: str, kind: type[Parsed]) -> Parsed:
    """Return a member of an object in a reply.

    Raises:
        OddReplyError: If it is missing, empty text, or of another kind.
    """
    value = reply.get(name) if isinstance(reply, t.Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or value == "":
        raise OddReplyError(f"no {name}")
    return value


def ask_quota(code: str, send: t.Callable[..., Reply]) -> int:
    """Return a quota of Amazon VPC: AWS's default if the account has none of its own.

    Args:
        code: The code of the quota.
        send: Sends the request, and returns its reply.

    Raises:
        TaskError: What `send` raises.
        OverflowError, ValueError: If the reply is malformed.
    """
    try:
        reply = send(f"read the quota {code}", "service-quotas", "GetServiceQuota", {"ServiceCode": "vpc", "QuotaCode": code})
    except TaskError as error:
        if error.error_code == NO_QUOTA:
            return DEFAULT_QUOTAS[code]
        raise
    return int(member(member(reply, "Quota", dict), "Value", float))


def _check_texts(reply: Reply, *names: str) -> None:
    """Check that members are texts, if they are there."""
    for name in names:
        if not isinstance(reply.get(name), (str, type(None))):
            raise OddReplyError(f"{name} is not a text")


def _parse_block(block: object) -> str:
    """Return an IPv4 block; anything else raises a ValueError."""
    if not isinstance(block, str):
        raise OddReplyError("no block")
    return str(ipaddress.IPv4Network(block))


def parse_connection(reply: Reply) -> PeeringConnection:
    """Return a peering connection. Its sides may have no blocks: AWS shows them only for active connections."""
    member(member(reply, "Status", dict), "Code", str)
    member(reply, "VpcPeeringConnectionId", str)
    _check_texts(reply["Status"], "Message")
    for name in ("RequesterVpcInfo", "AccepterVpcInfo"):
        _check_texts(reply.get(name) or {}, "VpcId", "OwnerId", "Region", "CidrBlock")
    connection = to_connection(reply)
    for block in (*connection.requester.cidr_blocks, *connection.accepter.cidr_blocks):
        _parse_block(block)
    return connection


def parse_vpc(reply: Reply) -> Vpc:
    """Return a VPC."""
    member(reply, "VpcId", str)
    _check_texts(reply, "OwnerId", "DhcpOptionsId")
    vpc = to_vpc(reply)
    if not vpc.cidr_blocks:
        raise OddReplyError("no CidrBlock")
    for block in vpc.cidr_blocks:
        _parse_block(block)
    return vpc


def parse_subnet(reply: Reply) -> Subnet:
    """Return a subnet; only one with an IPv6 block may have no IPv4 block."""
    block = reply.get("CidrBlock") or None
    if block is not None:
        _parse_block(block)
    elif not reply.get("Ipv6CidrBlockAssociationSet") and not reply.get("Ipv6Native"):
        raise OddReplyError("no CidrBlock")
    return Subnet(member(reply, "SubnetId", str), member(reply, "VpcId", str), block, name_of(reply))


def parse_route_table(reply: Reply) -> RouteTable:
    """Return a route table; each has at least the local route of its VPC."""
    member(reply, "RouteTableId", str)
    member(reply, "VpcId", str)
    if not member(reply, "Routes", list):
        raise OddReplyError("no Routes")
    for one in member(reply, "Associations", list):
        _check_texts(one, "GatewayId", "SubnetId")
    table = to_route_table(reply)
    for route in table.routes:
        _parse_block(route.destination)
    return table


def parse_acl(reply: Reply) -> NetworkAcl:
    """Return a network ACL with its rules for IPv4; each has at least the final rule that denies all."""
    entries = member(reply, "Entries", list)
    rules = [_parse_acl_rule(one) for one in entries if one.get("Ipv6CidrBlock") is None]
    others = [one for one in entries if one.get("Ipv6CidrBlock") is not None]
    if not rules:
        raise OddReplyError("no Entries")
    subnet_ids = tuple(member(one, "SubnetId", str) for one in member(reply, "Associations", list))
    numbers = frozenset((member(one, "Egress", bool), member(one, "RuleNumber", int)) for one in others)
    return NetworkAcl(member(reply, "NetworkAclId", str), member(reply, "VpcId", str), subnet_ids, tuple(rules), numbers)


def _parse_acl_rule(reply: Reply) -> AclRule:
    action, protocol = member(reply, "RuleAction", str), member(reply, "Protocol", str)
    if action not in ("allow", "deny"):
        raise OddReplyError("no RuleAction")
    block = _parse_block(member(reply, "CidrBlock", str))
    span = reply.get("PortRange")
    ports = Ports(member(span, "From", int), member(span, "To", int)) if span is not None else None
    if protocol not in _WITH_PORTS:
        ports = None
    number, is_egress = member(reply, "RuleNumber", int), member(reply, "Egress", bool)
    return AclRule(number, is_egress, action == "allow", protocol, block, ports)


def parse_group(reply: Reply) -> SecurityGroup:
    """Return a security group with its egress rules; there may be none."""
    rules = tuple(_parse_group_rule(one) for one in member(reply, "IpPermissionsEgress", list))
    return SecurityGroup(member(reply, "GroupId", str), member(reply, "VpcId", str), rules)


def _parse_group_rule(reply: Reply) -> GroupRule:
    protocol = member(reply, "IpProtocol", str)
    first, last = reply.get("FromPort"), reply.get("ToPort")
    if protocol not in _WITH_PORTS or (first, last) in _EVERY_PORT:
        ports = None
    else:
        ports = Ports(member(reply, "FromPort", int), member(reply, "ToPort", int))
    blocks = tuple(_parse_block(member(one, "CidrIp", str)) for one in reply.get("IpRanges") or [])
    lists = tuple(member(one, "PrefixListId", str) for one in reply.get("PrefixListIds") or [])
    return GroupRule(protocol, ports, blocks, lists)


def parse_interface(reply: Reply) -> Interface:
    """Return a network interface; one without IPv4 has no addresses."""
    attachment = reply.get("Attachment") or {}
    _check_texts(attachment, "InstanceId")
    _check_texts(reply, "InterfaceType", "RequesterId", "Status", "Description")
    shown = sorted(reply.get("PrivateIpAddresses") or [], key=lambda one: one.get("Primary") is not True)
    addresses = [str(ipaddress.IPv4Address(one["PrivateIpAddress"])) for one in shown if one.get("PrivateIpAddress")]
    # Pods may have addresses of these blocks.
    addresses += [_parse_block(member(one, "Ipv4Prefix", str)) for one in reply.get("Ipv4Prefixes") or []]
    # An instance with several network cards has more than one with the index 0.
    places = [member(attachment, name, int) for name in ("DeviceIndex", "NetworkCardIndex") if attachment.get(name) is not None]
    own, vpc_id, subnet_id = (member(reply, name, str) for name in ("NetworkInterfaceId", "VpcId", "SubnetId"))
    return Interface(
        own,
        attachment.get("InstanceId"),
        vpc_id,
        subnet_id,
        tuple(member(one, "GroupId", str) for one in member(reply, "Groups", list)),
        tuple(addresses),
        reply.get("InterfaceType") or "",
        reply.get("RequesterId"),
        reply.get("Status") or "",
        reply.get("Description") or "",
        is_first=not any(places),
    )


def parse_dhcp_options(reply: Reply) -> DhcpOptions:
    """Return a set of DHCP options; without name servers, the VPC's resolver applies."""
    found = member(reply, "DhcpConfigurations", list)
    values = [one for pair in found if member(pair, "Key", str) == "domain-name-servers" for one in member(pair, "Values", list)]
    return DhcpOptions(member(reply, "DhcpOptionsId", str), tuple(member(one, "Value", str) for one in values))


def parse_resolver_rule(reply: Reply) -> ResolverRule:
    """Return a rule of Route 53 Resolver."""
    kind = member(reply, "RuleType", str)
    # A rule that delegates has no domain: it is used for names that a zone delegates to it.
    domain = reply.get("DomainName") or "" if kind == "DELEGATE" else member(reply, "DomainName", str)
    return ResolverRule(member(reply, "Id", str), domain, kind)


def parse_association(reply: Reply) -> tuple[str, str, str]:
    """Return an association as the ids of the VPC and of the resolver rule, and its status; a missing one is COMPLETE."""
    return member(reply, "VPCId", str), member(reply, "ResolverRuleId", str), str(reply.get("Status") or "COMPLETE")


def parse_zone(reply: Reply) -> HostedZone:
    """Return a hosted zone, with its name without a dot at the end. The root has an empty name."""
    owner = member(reply, "Owner", dict)
    of = member(owner, "OwningAccount" if owner.get("OwningAccount") is not None else "OwningService", str)
    return HostedZone(member(reply, "HostedZoneId", str), member(reply, "Name", str).rstrip("."), of)


def parse_record(reply: Reply) -> Record:
    """Return a record set of a hosted zone. Route 53 writes the star of a wildcard as a number."""
    name, kind = member(reply, "Name", str).rstrip(".").replace("\\052", "*").lower(), member(reply, "Type", str)
    is_alias = reply.get("AliasTarget") is not None
    values = () if is_alias else tuple(member(one, "Value", str) for one in member(reply, "ResourceRecords", list))
    if kind in ("A", "AAAA"):
        values = tuple(str(ipaddress.ip_address(one)) for one in values)
    return Record(name, kind, values, is_alias)


def parse_fallback(reply: Reply) -> bool:
    """Return whether names that a hosted zone lacks are asked of public DNS; off where the reply does not report it."""
    features = reply.get("Features") or {}
    status = features.get("PublicDNSFallbackStatus") or "DISABLED"
    if status not in ("ENABLED", "DISABLED"):
        raise OddReplyError(f"the public DNS fallback is {status}")
    return bool(status == "ENABLED")


def parse_list_block(reply: Reply) -> str:
    """Return a block of a prefix list, for IPv4 or IPv6."""
    block = member(reply, "Cidr", str)
    ipaddress.ip_network(block)
    return block
