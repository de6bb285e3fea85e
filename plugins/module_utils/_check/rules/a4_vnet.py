# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A4: the customer's half of a connection on AZURE. It is a peering of the VNet, which Atlas makes."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._azure.vnets import VnetPeering
from ..._clouds.azure import AZURE
from ..._values.blocks import is_within
from ..facts import ConnectionFacts, Missing, known
from .common import atlas_block_of, listed, status_of, to_network
from .rule import Finding, Findings, check, not_looked_at, skip

_CONNECTED, _DISCONNECTED = "Connected", "Disconnected"
_IN_SYNC = "FullyInSync"
_LEFT_OVER = (
    "Remove the left-over from the VNet (azure_rm_virtualnetworkpeering, state: absent), and request the connection anew."
)
# The meaning of each state but `Connected`, and what to do.
# Source: "Create, change, or delete a virtual network peering" in Azure's documentation.
_STATES = {
    _DISCONNECTED: (": Atlas's side is gone", _LEFT_OVER),
    "Initiated": (
        ": Atlas's side is not there yet",
        "Check again in a minute. If it stays, remove the connection in Atlas with state: absent, and request it anew.",
    ),
}


@check("A401", clouds=(AZURE.name,))
def find_no_peering(facts: ConnectionFacts) -> Findings:
    """The VNet has a peering with the block of the network container, and Azure calls it Connected."""
    block = atlas_block_of(facts)
    found = _peerings(facts, block)
    left_over = [one for one in found if one.state == _DISCONNECTED]
    if not _is_available(facts):
        # Another check reports the cause. But a left-over peering would also break the next connection.
        for one in left_over:
            yield Finding("warn", one.name, _message(one, block), _LEFT_OVER, _evidence(one))
        if not left_over:
            raise skip("The connection in Atlas is not AVAILABLE.", "P102" if status_of(facts) == AZURE.failed else "P101")
        return
    if not found:
        message = f"{facts.entry.title} has no peering with {block}."
        fix = "Atlas has made one that is gone. Remove the connection in Atlas with state: absent, and request it anew."
        yield Finding("fail", facts.entry.network, message, fix, {"atlas_cidr_block": str(block)})
    elif not any(one.state == _CONNECTED for one in found):
        for one in found:
            fix = _STATES.get(one.state, ("", "Look at the peering of the VNet in Azure."))[1]
            yield Finding("fail", one.name, _message(one, block), fix, _evidence(one))
    else:
        for one in left_over:
            yield Finding("info", one.name, _message(one, block), "Remove the left-over from the VNet.", _evidence(one))


@check("A402", "warn", waits_for=("P101", "P102", "A401"), clouds=(AZURE.name,))
def find_out_of_sync(facts: ConnectionFacts) -> Findings:
    """Both sides of the peering know each other's addresses."""
    block = atlas_block_of(facts)
    for one in _peerings(facts, block):
        if one.state == _CONNECTED and one.sync_level not in (_IN_SYNC, None):
            message = f"The peering {one.name} is {one.sync_level}: addresses that were added later are not reachable."
            fix = "Sync the peering in Azure (az network vnet peering sync), or remove the connection and request it anew."
            yield Finding("warn", one.name, message, fix, _evidence(one))


@check("A403", clouds=(AZURE.name,))
def find_shared_addresses(facts: ConnectionFacts) -> Findings:
    """The blocks of the VNet and of the network container do not overlap."""
    prefixes, block = known(facts.network.vnet_prefixes), atlas_block_of(facts)
    shared = [one for one in prefixes if to_network(one, facts.entry.title).overlaps(block)]
    if shared:
        message = f"The network container has {block}, and {facts.entry.title} {listed(shared)}: Azure does not peer them."
        fix = "Connect a network container with another block, or another VNet."
        evidence = {"atlas_cidr_block": str(block), "address_prefixes": list(prefixes)}
        yield Finding("fail", facts.entry.network, message, fix, evidence)


@not_looked_at(AZURE.name)
def say_what_of_filters(facts: ConnectionFacts) -> t.Iterator[str]:
    """Say which filters are not among those of subnets."""
    known(facts.network.vnet_peerings)
    yield "Network security groups of single network interfaces were not looked at: they filter beside those of subnets."
    yield "Admin rules of Virtual Network Manager were not looked at: they come before network security groups."


def _peerings(facts: ConnectionFacts, block: ipaddress.IPv4Network) -> list[VnetPeering]:
    """Return the peerings of the VNet whose other side has the block of the network container."""
    return [one for one in known(facts.network.vnet_peerings) if is_within(block, map(ipaddress.IPv4Network, one.prefixes))]


def _is_available(facts: ConnectionFacts) -> bool:
    """Whether the peering has to be there: the connection is AVAILABLE, or Atlas was not read."""
    return isinstance(facts.atlas.peer, Missing) or status_of(facts) == AZURE.available


def _message(peering: VnetPeering, block: ipaddress.IPv4Network) -> str:
    meaning = _STATES.get(peering.state, ("", ""))[0]
    return f"The peering {peering.name} of VNet {peering.vnet.name} with {block} is {peering.state}{meaning}."


def _evidence(peering: VnetPeering) -> dict[str, t.Any]:
    return {
        "name": peering.name,
        "peering_state": peering.state,
        "peering_sync_level": peering.sync_level,
        "remote_address_prefixes": list(peering.prefixes),
    }
