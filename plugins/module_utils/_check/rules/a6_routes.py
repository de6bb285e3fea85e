# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A6: the routes of the subnets of a VNet. Those to Atlas come with the peering, and a route table can override them."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._azure.objects import ROUTE_TABLE_VERSION, UserRoute, UserRouteTable
from ..._clouds.azure import AZURE
from ..._values.blocks import Area, blocks_of, ends_of, is_within, shared_of, without
from ..facts import ConnectionFacts, Fact, Missing, Unread, known, named
from .a4_vnet import VnetSide, sides_of
from .client_ranges import client_subnets, left_out_subnets
from .common import az, group_and_subscription, listed
from .rule import Finding, Findings, check, not_read

_HERE = "vnetlocal"


class Stray(t.NamedTuple):
    """A route that takes a part of a block away from the peering."""

    route: UserRoute
    blocks: tuple[ipaddress.IPv4Network, ...]


@check("A601", clouds=(AZURE.name,))
def find_stray_user_routes(facts: ConnectionFacts) -> Findings:
    """No user route of a subnet with clients takes the traffic to Atlas away from the peering."""
    left_out = left_out_subnets(facts)
    if left_out:
        has = "has" if len(left_out) == 1 else "have"
        message = f"{listed(left_out)} {has} services of Azure alone, and no clients to judge."
        fix = "Name clients there with client_cidr_blocks to judge such subnets, too."
        yield Finding("info", facts.entry.network_id, message, fix, {"subnets": left_out})
    tables: dict[str, list[str]] = {}
    for subnet in client_subnets(facts):
        if subnet.route_table_id is not None:
            tables.setdefault(subnet.route_table_id.lower(), []).append(subnet.name)
    ids = {one.route_table_id.lower(): one.route_table_id for one in client_subnets(facts) if one.route_table_id is not None}
    sides, read = sides_of(facts), known(facts.network.vnet_tables)
    for table_id, names in tables.items():
        found: Fact[UserRouteTable] = read.get(table_id, Unread(f"Azure does not show the route table {named(table_id)}."))
        if isinstance(found, (Unread, Missing)):
            reason = found if isinstance(found, Unread) else Unread(found.reason)
            yield not_read(reason, table_id.rpartition("/")[2], tuple(names))
        elif found.disables_peerings:
            message = f"{named(found.name)} of {listed(names)} takes away the routes of peerings: disablePeeringRoute is All."
            fix = f"Set disablePeeringRoute of {named(found.name)} to None."
            # `az network route-table` does not know the property yet.
            change = {"api_version": ROUTE_TABLE_VERSION, "set": "properties.disablePeeringRoute=None"}
            _group, subscription = group_and_subscription(ids[table_id])
            line = az("resource update", subscription, ids=ids[table_id], **change, force_string=True)
            yield Finding("fail", found.name, message, fix, {"disable_peering_route": "All"}, tuple(names), commands=line)
        else:
            for side in sides:
                yield from _judge(found, ids[table_id], side, names)


def strays_of(
    routes: t.Iterable[UserRoute], block: ipaddress.IPv4Network, prefixes: t.Iterable[ipaddress.IPv4Network]
) -> list[Stray]:
    """Return the user routes that take parts of a block away from a peering.

    Of the routes to an address, that with the longest prefix counts; of the same length, a user route counts before that of the
    peering. Source: "How Azure selects a route" in Azure's documentation.

    Args:
        routes: The user routes.
        block: The block of Atlas.
        prefixes: The prefixes of the peering, which have system routes; the block itself stands for what they do not cover.
    """
    ordered = sorted(routes, key=lambda one: -one.prefix.prefixlen)
    left: list[tuple[Area, int]] = []
    rest: list[Area] = [(ends_of(block),)]
    for one in sorted(prefixes, key=lambda each: -each.prefixlen):
        left += [(shared, one.prefixlen) for area in rest if (shared := shared_of(area, (ends_of(one),))) is not None]
        rest = [piece for area in rest for piece in without(area, (ends_of(one),))]
    left += [(area, block.prefixlen) for area in rest]
    strays = []
    for route in ordered:
        own: Area = (ends_of(route.prefix),)
        taken = [
            shared for area, length in left if route.prefix.prefixlen >= length and (shared := shared_of(area, own)) is not None
        ]
        left = [
            (piece, length)
            for area, length in left
            for piece in (without(area, own) if route.prefix.prefixlen >= length else [area])
        ]
        if taken and route.hop_type.lower() != _HERE:
            strays.append(Stray(route, tuple(blocks_of(area[0] for area in taken))))
    return strays


def _judge(table: UserRouteTable, table_id: str, side: VnetSide, names: t.Sequence[str]) -> Findings:
    prefixes = [ipaddress.IPv4Network(one) for one in side.peering.prefixes] if side.peering is not None else []
    lengths = [one.prefixlen for one in prefixes if one.overlaps(side.block)]
    # A route of the same length comes before that of the peering.
    shortest = min(lengths if is_within(side.block, prefixes) else [*lengths, side.block.prefixlen])
    for route, blocks in strays_of(table.routes, side.block, prefixes):
        hop = f"{route.hop_type} {route.hop_address}" if route.hop_address else route.hop_type
        begin = f"{listed(blocks)} goes to {hop} by the route {route.name} of {named(table.name)}, and not to Atlas,"
        message = f"{begin} from {listed(names)}."
        fix = f"Remove the route {route.name} from {named(table.name)}, or make it less specific (at most /{shortest - 1})."
        evidence = {
            "route_table": table.name,
            "route": route.name,
            "address_prefix": str(route.prefix),
            "next_hop_type": route.hop_type,
            "cidr_blocks": [str(one) for one in blocks],
        }
        group, subscription = group_and_subscription(table_id)
        place = {"name": route.name, "route_table_name": table.name, "resource_group": group}
        line = az("network route-table route delete", subscription, **place)
        yield Finding(side.level, table.name, message, fix, evidence, tuple(names), commands=line)
