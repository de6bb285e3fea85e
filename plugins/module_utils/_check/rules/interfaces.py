# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who the clients are: in a VPC the named instances, or else the used interfaces that are not those of AWS's services.

In a VNet, subnets with nothing but services of Azure have none.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ..._aws.objects import Interface, Subnet
from ..._azure.vnets import VnetSubnet
from ..facts import ConnectionFacts, known, known_or

SENDS_FIRST = "An instance sends with the primary address of its first interface, unless its system has routes of its own."


def named_interfaces(facts: ConnectionFacts) -> list[Interface]:
    """Return the network interfaces of the named instances.

    Raises:
        UnreadError, SkippedError: If instances are named, and the interfaces are not known.
    """
    named = facts.selection.instance_ids or ()
    return [one for one in known(facts.aws.interfaces) if one.instance_id in named] if named else []


def named_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the ids of the subnets of the named instances; empty if the interfaces are not known, which P703 reports."""
    named = facts.selection.instance_ids or ()
    return {one.subnet_id for one in known_or(facts.aws.interfaces, ()) if one.instance_id in named}


def senders_of(interfaces: t.Collection[Interface]) -> list[Interface]:
    """Return those of an instance's interfaces that it sends with; all if its first one is not among them, as in another VPC."""
    return [one for one in interfaces if not one.is_second] or [*interfaces]


def are_clients_named(facts: ConnectionFacts) -> bool:
    """Whether the options name instances or security groups of this VPC as the clients."""
    return facts.selection.security_group_ids is not None or facts.selection.instance_ids is not None


def clients_of(facts: ConnectionFacts) -> list[Interface]:
    """Return the network interfaces of the VPC that may be clients.

    Raises:
        UnreadError, SkippedError: If the interfaces are not known.
    """
    return [one for one in known(facts.aws.interfaces) if one.is_client]


def _used_interfaces(facts: ConnectionFacts) -> list[Interface]:
    """Return the interfaces in use; none if others may have interfaces that these credentials do not see."""
    if facts.aws.hidden is not None:
        return []
    return [one for one in known_or(facts.aws.interfaces, ()) if one.is_used]


def service_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the ids of the subnets in which only AWS's services use interfaces, if the VPC has a client elsewhere."""
    interfaces = _used_interfaces(facts)
    with_clients = {one.subnet_id for one in interfaces if one.is_client}
    services = {one.subnet_id for one in interfaces} - with_clients
    return services - declared_subnets(facts) if with_clients else set()


def empty_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the ids of the subnets without any interface in use, if the VPC has a client elsewhere."""
    interfaces = _used_interfaces(facts)
    if not any(one.is_client for one in interfaces):
        return set()
    used = {one.subnet_id for one in interfaces}
    return {one.id for one in known_or(facts.aws.subnets, ())} - used - declared_subnets(facts)


def declared_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the ids of the subnets that have clients as the options say: `subnet_ids`, and those around client blocks."""
    subnets = known_or(facts.aws.subnets, ()) if facts.selection.client_blocks else ()
    return {one.id for one in subnets if is_around_clients(one, facts)} | set(facts.selection.subnet_ids or ())


def is_around_clients(subnet: Subnet, facts: ConnectionFacts) -> bool:
    """Whether a client block is in a subnet."""
    blocks = facts.selection.client_blocks
    if not blocks or subnet.cidr_block is None:
        return False
    own = ipaddress.IPv4Network(subnet.cidr_block)
    return any(block.subnet_of(own) for block in blocks)


def is_in_client_blocks(interface: Interface, facts: ConnectionFacts) -> bool:
    """Whether an interface has an address in `client_cidr_blocks`; True if none of these lies in its subnet."""
    subnet = next((one.cidr_block for one in known_or(facts.aws.subnets, ()) if one.id == interface.subnet_id), None)
    blocks = [one for one in facts.selection.client_blocks if subnet is not None and one.subnet_of(ipaddress.IPv4Network(subnet))]
    return not blocks or any(ipaddress.IPv4Network(own).overlaps(one) for own in interface.addresses for one in blocks)


def service_vnet_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the names of the subnets in which only services of Azure are, if the VNet has a client elsewhere."""
    return {one.name for one in _without_clients(facts) if not one.is_empty}


def empty_vnet_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the names of the empty subnets, if the VNet has a client elsewhere."""
    return {one.name for one in _without_clients(facts) if one.is_empty}


def _without_clients(facts: ConnectionFacts) -> list[VnetSubnet]:
    """Return the subnets without clients, but for those in which `client_cidr_blocks` are; none if no subnet has any."""
    subnets = known_or(facts.network.vnet_subnets, ())
    if not any(one.has_clients for one in subnets):
        return []
    declared = facts.selection.client_blocks
    others = [one for one in subnets if not one.has_clients and not one.is_reserved]
    return [one for one in others if not _is_around(one, declared)]


def _is_around(subnet: VnetSubnet, blocks: list[ipaddress.IPv4Network]) -> bool:
    return any(block.subnet_of(ipaddress.IPv4Network(one)) for one in subnet.prefixes for block in blocks)
