# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which subnets of a VNet have no clients, because services of Azure alone, or nothing, are in them."""

from __future__ import annotations

import ipaddress

from ..._azure.vnets import VnetSubnet
from ..facts import ConnectionFacts, known_or


def service_vnet_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the names of the subnets in which only services of Azure are, if the VNet has a client elsewhere."""
    return {one.name for one in _without_clients(facts) if not one.is_empty}


def empty_vnet_subnets(facts: ConnectionFacts) -> set[str]:
    """Return the names of the subnets in which nothing is, if the VNet has a client elsewhere."""
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
