# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What decides over the traffic that leaves a subnet, as plain data: network security groups and route tables.

Source of the fields: SecurityRule and Route in the models of azure-mgmt-network.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._values.blocks import ends_of
from .._values.json_fields import JsonObject, number_in, objects_in, properties_of, text_in, texts_in

# The first and the last address, or port, as numbers.
Range = tuple[int, int]
# The version of the API for route tables: the first that shows `disablePeeringRoute`.
ROUTE_TABLE_VERSION = "2025-07-01"
_ALL_ADDRESSES: Range = (0, 2**32 - 1)
_ALL_PORTS: Range = (0, 65535)
# The tag for the address space of the VNet, of those that it is peered with, and of networks on premises.
# Source: "Virtual network service tags" in Azure's documentation. All other tags are public ranges of Azure's services, addresses
# of the platform, or the internet, which is all that is outside of the virtual network.
_VIRTUAL_NETWORK = "virtualnetwork"
_TAG = re.compile(r"[A-Za-z][\w.-]*")
_PROTOCOLS = {"*": True, "tcp": True, "udp": False, "icmp": False, "icmpv6": False, "esp": False, "ah": False}


class SecurityRule(t.NamedTuple):
    """A rule of a network security group for TCP that leaves a subnet.

    Attributes:
        name: Its name.
        priority: The lowest of those that match decides.
        allows: Whether it lets through what it matches.
        sources: The addresses of clients in the VNet that it matches.
        destinations: The addresses in a network that the VNet is peered with that it matches.
        source_ports, ports: The ports that it matches.
        is_by_groups: Whether it is about clients in application security groups: `sources` are then those that may be in them.
    """

    name: str
    priority: int
    allows: bool
    sources: tuple[Range, ...]
    destinations: tuple[Range, ...]
    source_ports: tuple[Range, ...]
    ports: tuple[Range, ...]
    is_by_groups: bool = False


@dataclass(frozen=True)
class Nsg:
    """A network security group: its rules for TCP that leaves a subnet, the default ones included, in the order of priorities.

    `taken` has the priorities of all its rules for what leaves a subnet, whatever the protocol: each is there once.
    """

    name: str
    rules: tuple[SecurityRule, ...]
    taken: frozenset[int] = frozenset()


class UserRoute(t.NamedTuple):
    """A route of a route table, with the type of its next hop, and the address of that if it has one."""

    name: str
    prefix: ipaddress.IPv4Network
    hop_type: str
    hop_address: str | None = None


@dataclass(frozen=True)
class UserRouteTable:
    """A route table: its routes to blocks of IPv4, and whether it takes away those of peerings (`disablePeeringRoute: All`)."""

    name: str
    routes: tuple[UserRoute, ...]
    disables_peerings: bool = False


def parse_nsg(reply: JsonObject) -> Nsg:
    """Return a network security group from Azure's reply.

    Raises:
        ValueError: If it is not one, or lacks what Azure always sends.
    """
    properties = properties_of(reply, "security group")
    keys = ("securityRules", "defaultSecurityRules")
    shown = [one for key in keys for one in objects_in(properties, key, is_always_there=True)]
    rules = [one for one in map(_parse_rule, shown) if one is not None]
    outbound = [one for one in (properties_of(each, "rule") for each in shown) if str(one["direction"]).lower() == "outbound"]
    taken = frozenset(number_in(one, "priority", "rule") for one in outbound)
    return Nsg(text_in(reply, "name", "security group"), tuple(sorted(rules, key=lambda one: one.priority)), taken)


def parse_route_table(reply: JsonObject) -> UserRouteTable:
    """Return a route table from Azure's reply.

    Raises:
        ValueError: If it is not one, or lacks what Azure always sends.
    """
    properties = properties_of(reply, "route table")
    disabled = str(properties.get("disablePeeringRoute") or "None").lower()
    if disabled not in ("none", "all"):
        raise ValueError(f"has an unknown disablePeeringRoute: {disabled!r}")
    routes = [_parse_route(one) for one in objects_in(properties, "routes", is_always_there=True)]
    return UserRouteTable(text_in(reply, "name", "route table"), tuple(filter(None, routes)), disabled == "all")


def _parse_rule(rule: JsonObject) -> SecurityRule | None:
    """Return a rule; None if it is not about TCP that leaves the subnet."""
    properties = properties_of(rule, "rule")
    name, priority = text_in(rule, "name", "rule"), number_in(properties, "priority", "rule")
    direction, access = text_in(properties, "direction", "rule").lower(), text_in(properties, "access", "rule").lower()
    protocol = _PROTOCOLS.get(text_in(properties, "protocol", "rule").lower())
    if direction not in ("inbound", "outbound") or access not in ("allow", "deny"):
        raise ValueError(f"has a rule {name} with an unknown direction or access")
    if direction == "inbound":
        return None
    if protocol is None:
        raise ValueError(f"has a rule {name} with an unknown protocol")
    if not protocol:
        return None
    # The members of such a group are network interfaces of one VNet, and those of Atlas are in another one.
    # Source: "Application security groups" in Azure's documentation.
    to_groups = bool(objects_in(properties, "destinationApplicationSecurityGroups"))
    by_groups = bool(objects_in(properties, "sourceApplicationSecurityGroups"))
    return SecurityRule(
        name,
        priority,
        access == "allow",
        (_ALL_ADDRESSES,) if by_groups else _ranges_of(properties, "sourceAddressPrefix", _addresses),
        () if to_groups else _ranges_of(properties, "destinationAddressPrefix", _addresses),
        _ranges_of(properties, "sourcePortRange", _ports),
        _ranges_of(properties, "destinationPortRange", _ports),
        by_groups,
    )


def _parse_route(route: JsonObject) -> UserRoute | None:
    """Return a route; None if it is to a service tag, or for IPv6."""
    properties = properties_of(route, "route")
    name, prefix = text_in(route, "name", "route"), text_in(properties, "addressPrefix", "route")
    hop_type, address = text_in(properties, "nextHopType", "route"), properties.get("nextHopIpAddress")
    if _TAG.fullmatch(prefix):
        return None
    network = ipaddress.ip_network(prefix, strict=False)
    if not isinstance(network, ipaddress.IPv4Network):
        return None
    return UserRoute(name, network, hop_type, str(address) if address else None)


def _ranges_of(properties: JsonObject, field: str, parse: t.Callable[[str], Range | None]) -> tuple[Range, ...]:
    """Return the ranges of a field and of its plural, which augmented rules have in its place."""
    plural = f"{field}es" if field.endswith("x") else f"{field}s"
    # One of both is empty, or not there.
    values = [*([text_in(properties, field, "rule")] if properties.get(field) else []), *texts_in(properties, plural)]
    if not values:
        raise ValueError(f"has a rule without {field}")
    return tuple(found for one in values if (found := parse(one)) is not None)


def _addresses(prefix: str) -> Range | None:
    """Return the addresses of a prefix in a VNet and those that it is peered with; None for a tag of others, and for IPv6."""
    if prefix == "*" or prefix.lower() == _VIRTUAL_NETWORK:
        return _ALL_ADDRESSES
    if _TAG.fullmatch(prefix):
        return None
    network = ipaddress.ip_network(prefix, strict=False)
    return ends_of(network) if isinstance(network, ipaddress.IPv4Network) else None


def _ports(text: str) -> Range:
    """Return a range of ports, written as `*`, a number, or two numbers."""
    if text == "*":
        return _ALL_PORTS
    first, _dash, last = text.partition("-")
    return int(first), int(last or first)
