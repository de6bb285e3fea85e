# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a VPC that let traffic to Atlas through, or do not, as plain data. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Subnet:
    """A subnet; one for IPv6 alone has no `cidr_block`."""

    id: str
    vpc_id: str
    cidr_block: str | None


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
    """A network ACL, with its rules for IPv4 and the subnets that it guards."""

    id: str
    vpc_id: str
    subnet_ids: tuple[str, ...]
    rules: tuple[AclRule, ...]


@dataclass(frozen=True)
class GroupRule:
    """A rule of a security group for what goes out; `protocol` is `-1` for all, or `tcp`, `udp` or a number."""

    protocol: str
    ports: Ports | None
    cidr_blocks: tuple[str, ...]
    prefix_list_ids: tuple[str, ...]


@dataclass(frozen=True)
class SecurityGroup:
    """A security group, with its rules for what goes out."""

    id: str
    vpc_id: str
    egress: tuple[GroupRule, ...]


@dataclass(frozen=True)
class Interface:
    """A network interface of an instance that the options name."""

    id: str
    instance_id: str | None
    vpc_id: str
    subnet_id: str
    security_group_ids: tuple[str, ...]


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
    rule_type: t.Literal["FORWARD", "SYSTEM", "RECURSIVE"] | str
