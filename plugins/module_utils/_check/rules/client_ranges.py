# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the clients are on AZURE and GCP: in the subnets of the network, as far as the options do not say it better."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._azure.vnets import VnetSubnet
from ..._clouds.gcp import GCP
from ..._values.blocks import is_within, parts_outside
from ..facts import ConnectionFacts, Missing, Unread, known, known_or, named
from .common import to_network, vpc_blocks_of
from .interfaces import service_vnet_subnets
from .rule import skip

_Network = ipaddress.IPv4Network


class ClientRange(t.NamedTuple):
    """Addresses of clients.

    Attributes:
        name: The name of their subnet, or the block where no subnet is known.
        block: The addresses.
        is_declared: Whether `client_cidr_blocks` names these clients.
    """

    name: str
    block: _Network
    is_declared: bool = False


def network_blocks_of(facts: ConnectionFacts) -> list[_Network]:
    """Return the ranges of the network: the blocks of a VPC, the prefixes of a VNet, or the ranges of all subnets on GCP.

    Raises:
        UnreadError, SkippedError: If they are not known.
    """
    if facts.entry.provider.judges_subnets:
        return vpc_blocks_of(facts)
    if facts.entry.provider is GCP:
        ranges = [to_network(one.cidr_block, one.title) for one in known(facts.network.gcp_ranges)]
        return [*ranges, *_ranges_of_connectors(facts, ranges)]
    return [to_network(one, facts.entry.network_title) for one in known(facts.network.vnet_prefixes)]


def client_ranges(facts: ConnectionFacts) -> list[ClientRange]:
    """Return where the clients are.

    The entry's `cidr_block` and `cidr_blocks` limit the subnets. Blocks of `client_cidr_blocks` stand in place of the subnets
    in which they lie. If the subnets are not known, the options count alone, or else the prefixes of the VNet.

    Raises:
        UnreadError, SkippedError: If neither the network nor the options say where the clients are.
    """
    entry = facts.entry
    limit = _limit_of(facts)
    declared = facts.selection.client_blocks
    subnets = _subnets_of(facts)
    parts = [part for one in declared for part in _declared_ranges(one, subnets or ())]
    if subnets is None:
        subnets = [(str(one), one) for one in limit or _prefixes_of(facts, declared)]
        if not subnets and not declared:
            begin = f"Where the clients of {named(entry.network_title)} are is not known:"
            raise skip(f"{begin} cidr_block, cidr_blocks and client_cidr_blocks are not given.")
    elif limit:
        subnets = [(name, part) for name, block in subnets for part in _shared(block, limit)]
    found = [ClientRange(name, block) for name, block in subnets if not any(block.overlaps(one) for one in declared)]
    return list(dict.fromkeys([*found, *parts]))


def client_subnets(facts: ConnectionFacts) -> dict[VnetSubnet, list[ClientRange]]:
    """Return the subnets of a VNet in which clients are, with the addresses of these.

    Raises:
        UnreadError, SkippedError: If the subnets are not known, or there is none.
    """
    subnets, ranges = known(facts.network.vnet_subnets), client_ranges(facts)
    found = {subnet: inside for subnet in subnets if (inside := [one for one in ranges if one.name == subnet.name])}
    if not found:
        raise skip(f"{named(facts.entry.network_title)} has no subnet to judge.")
    return found


def client_regions(facts: ConnectionFacts) -> list[str]:
    """Return the regions of GCP in which clients are.

    Raises:
        UnreadError, SkippedError: If the ranges of the subnets are not known.
    """
    blocks = {to_network(one.cidr_block, one.title): one.region for one in known(facts.network.gcp_ranges)}
    clients = client_ranges(facts)
    return sorted({region for block, region in blocks.items() if any(block.overlaps(one.block) for one in clients)})


def left_out_subnets(facts: ConnectionFacts) -> list[str]:
    """Return the names of the subnets of a VNet that would be judged if services of Azure alone were not in them."""
    limit = _limit_of(facts)
    names, subnets = service_vnet_subnets(facts), known_or(facts.network.vnet_subnets, ())
    blocks = {one.name: [to_network(block, one.name) for block in one.prefixes] for one in subnets if one.name in names}
    return [name for name, own in blocks.items() if not limit or any(_shared(block, limit) for block in own)]


def limit_without_subnets(facts: ConnectionFacts) -> list[str]:
    """Return the entry's `cidr_block` and `cidr_blocks` if no clients are found, though the network has subnets for some.

    It is empty if P801 reports one of `cidr_blocks`.

    Raises:
        UnreadError, SkippedError: If the subnets or the ranges of the network are not known.
    """
    if not _subnets_of(facts):
        return []
    own = network_blocks_of(facts)
    are_in_it = all(is_within(to_network(one, "cidr_blocks"), own) for one in facts.entry.params["cidr_blocks"])
    return [*facts.entry.blocks] if are_in_it else []


def _limit_of(facts: ConnectionFacts) -> list[_Network]:
    return [to_network(one, facts.entry.network_title) for one in facts.entry.blocks]


def _subnets_of(facts: ConnectionFacts) -> list[tuple[str, _Network]] | None:
    """Return the blocks in which the subnets may have clients, with the names of the subnets; None if they are not known.

    Raises:
        UnreadError: If they could not be read on GCP, where nothing else tells the blocks.
    """
    if not isinstance(facts.network.gcp_ranges, Missing):
        ranges = {one: to_network(one.cidr_block, one.title) for one in known(facts.network.gcp_ranges)}
        connectors = [(str(one), one) for one in _ranges_of_connectors(facts, ranges.values())]
        return [*((one.title, block) for one, block in ranges.items() if one.has_clients), *connectors]
    subnets = facts.network.vnet_subnets
    if isinstance(subnets, (Missing, Unread)):
        return None
    left_out = service_vnet_subnets(facts)
    meant = [one for one in subnets if not one.is_reserved and one.name not in left_out]
    return [(one.name, to_network(block, one.name)) for one in meant for block in one.prefixes]


def _ranges_of_connectors(facts: ConnectionFacts, ranges: t.Collection[_Network]) -> list[_Network]:
    """Return the blocks that the network has beside the ranges of its subnets: Serverless VPC Access connectors may bring some.

    Source: "IP address ranges" in the documentation of Serverless VPC Access.
    """
    routes = known_or(facts.network.gcp_outgoing, ())
    blocks = [to_network(one.destination, "a route") for one in routes if one.is_of_subnet]
    return [one for one in blocks if not any(one.overlaps(block) for block in ranges)]


def ranges_of_services(facts: ConnectionFacts) -> list[str]:
    """Return the titles of the ranges of GKE's Services, which are left out unless `client_cidr_blocks` names a part of them."""
    limit = _limit_of(facts)
    declared = facts.selection.client_blocks
    unused = [one for one in known_or(facts.network.gcp_ranges, ()) if one.name is not None and not one.has_clients]
    blocks = {one.title: to_network(one.cidr_block, one.title) for one in unused}
    inside = {title: block for title, block in blocks.items() if not limit or _shared(block, limit)}
    return [title for title, block in inside.items() if not any(block.overlaps(one) for one in declared)]


def _prefixes_of(facts: ConnectionFacts, declared: t.Sequence[_Network]) -> list[_Network]:
    """Return the prefixes of a VNet, which stand for its subnets; none if the options say where the clients are."""
    if facts.entry.provider is GCP or (declared and isinstance(facts.network.vnet_prefixes, Missing)):
        return []
    return network_blocks_of(facts)


def _shared(block: _Network, limit: t.Iterable[_Network]) -> list[_Network]:
    """Return the parts of a block inside a limit: of two CIDR blocks that overlap, one contains the other."""
    parts = [block if block.subnet_of(one) else one for one in limit if block.overlaps(one)]
    return list(ipaddress.collapse_addresses(parts))


def _declared_ranges(block: _Network, subnets: t.Collection[tuple[str, _Network]]) -> list[ClientRange]:
    """Return the parts of a declared block: those in each subnet, which the limit does not leave out, and the rest."""
    inside = [ClientRange(name, part, True) for name, other in subnets for part in _shared(other, [block])]
    rest = parts_outside([block], [other for _name, other in subnets])[block]
    return [*inside, *(ClientRange(str(part), part, True) for part in rest)]
