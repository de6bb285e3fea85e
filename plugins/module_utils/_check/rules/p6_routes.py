# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P6: where the routes of the judged subnets send the block of the container, and the way back to them."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, replace

from ..._aws.objects import ENDED, PeeringConnection, Route, RouteTable, Subnet
from ..._values.blocks import is_private, private_blocks_text
from ..._values.ids import written
from ..facts import ConnectionFacts, Unread, known, known_or, named, unnamed
from .common import (
    NEARLY,
    FixLines,
    all_of,
    are_all_judged,
    atlas_block_of,
    aws,
    block_of_vpc,
    chosen_subnets,
    client_blocks,
    connection_id_of,
    is_outside_entry,
    judged_subnets,
    listed,
    need_subnets,
    peer_of,
    table_of,
    to_network,
    together,
    weigh,
    with_ipv4,
)
from .interfaces import service_subnets
from .prefixes import Part, Way, parts_of, static_way, ways_of
from .rule import Finding, Findings, FixOwner, check, not_read

_SET_BLOCK = "Set route_table_cidr_block (cidr_block in the role) to"


@dataclass(frozen=True)
class TableView:
    """A route table, and where it sends the block of the container.

    Attributes:
        table: The table.
        subnet_ids: The judged subnets that use it.
        inside: The parts of the block that go to the connection.
        strays: The parts that have no route, or another target.
        unread: The routes to unread prefix lists that could change where the block goes, with the reasons; empty if it is known.
    """

    table: RouteTable
    subnet_ids: tuple[str, ...]
    inside: tuple[Part, ...]
    strays: tuple[Part, ...]
    unread: tuple[tuple[Route, Unread], ...]

    @property
    def name(self) -> str:
        """The table for messages."""
        return name_of(self.table)


def name_of(table: RouteTable) -> str:
    """Return a table for messages, such as `rtb-0a1b (main)`."""
    return named(table.id, f"{table.id} (main)" if table.is_main else "")


def without_table(subnets: t.Iterable[Subnet], facts: ConnectionFacts) -> list[str]:
    """Return the ids of subnets whose table AWS did not show.

    Raises:
        UnreadError, SkippedError: If the tables are not known.
    """
    tables = known(facts.aws.route_tables)
    return [subnet.id for subnet in subnets if table_of(subnet, tables) is None]


def tables_of(subnets: t.Iterable[Subnet], facts: ConnectionFacts) -> list[TableView]:
    """Return the tables of the subnets that have IPv4 addresses, each once, in the order of the subnets.

    Raises:
        UnreadError, SkippedError: If the tables, the connection's id or the block of the container are not known.
    """
    tables = known(facts.aws.route_tables)
    connection_id, block = connection_id_of(facts), atlas_block_of(facts)
    found: dict[str, tuple[RouteTable, list[str]]] = {}
    for subnet in with_ipv4(subnets):
        table = table_of(subnet, tables)
        if table is not None:
            found.setdefault(table.id, (table, []))[1].append(subnet.id)
    views = []
    for table, ids in found.values():
        ways = ways_of(table, facts.aws.prefix_lists)
        parts = parts_of(block, ways.known, connection_id)
        inside = tuple(part for part in parts if part.route is not None and part.route.target == connection_id)
        strays = tuple(part for part in parts if part not in inside)
        # A list that leads to the connection matters only if parts stray, and any other one only if none do.
        unread = tuple(one for one in ways.unread if (one[0].target == connection_id) == bool(strays))
        views.append(TableView(table, tuple(ids), inside, strays, unread))
    return views


@check("P601", waits_for=("P102", "P105"), weigh=weigh)
def find_stray_routes(facts: ConnectionFacts) -> Findings:
    """The table of each judged subnet sends the whole block to the connection."""
    subnets = judged_subnets(facts)
    if not subnets:
        yield _nothing_judged(facts)
        return
    block = facts.entry.params["cidr_block"]
    outside = [subnet.id for subnet in chosen_subnets(facts) if is_outside_entry(subnet, facts)]
    if outside:
        are_outside = f"{listed(outside)} {'is' if len(outside) == 1 else 'are'} outside of {named(block)}"
        message = f"{are_outside}, the cidr_block of the connection, and not judged."
        yield Finding("info", facts.entry.network_id, message, evidence={"subnet_ids": outside})
    yield from _say_left_out(facts)
    for subnet_id in without_table(subnets, facts):
        yield Finding("unknown", subnet_id, f"AWS does not show a route table for {named(subnet_id)}.", subnet_ids=(subnet_id,))
    views = tables_of(subnets, facts)
    yield from (_stray_finding(view, facts) for view in views if view.strays and not view.unread)
    for one in _unread_lists(views, facts):
        yield Finding("skipped", one.subject, f"What {one.subject} does depends on a prefix list.", waits_for="P603")


@check("P602", waits_for=("P101", "P102", "P401", "P402"), weigh=weigh)
def find_black_holes(facts: ConnectionFacts) -> Findings:
    """No route to the connection is a black hole."""
    for view in tables_of(need_subnets(facts), facts):
        holes = [part for part in view.inside if part.route is not None and part.route.is_blackhole]
        if holes:
            blocks = [str(block) for part in holes for block in part.blocks]
            active = ", though the connection is active" if isinstance(facts.aws.connection, PeeringConnection) else ""
            message = f"The route to {listed(blocks)} in {view.name} is a black hole{active}."
            fix = f"Delete the route to {named(connection_id_of(facts))}, and create it again."
            evidence = {"route_table_id": view.table.id, "cidr_blocks": blocks, "subnet_ids": list(view.subnet_ids)}
            names = list(dict.fromkeys(part.route.destination for part in holes if part.route is not None))
            lines = together(
                *(_route_line("delete", view.table, name, facts) for name in names),
                *(_route_line("create", view.table, name, facts) for name in names),
            )
            yield Finding("fail", view.table.id, message, fix, evidence, view.subnet_ids, commands=lines)


@check("P603", weigh=weigh)
def find_routes_over_lists(facts: ConnectionFacts) -> Findings:
    """The entries of prefix lists are known, if they could decide where the block goes."""
    views = tables_of(need_subnets(facts), facts)
    yield from _unread_lists(views, facts)
    for view in views:
        lists = {part.route.destination for part in view.inside if part.route in view.table.list_routes and part.route}
        if lists and not view.unread:
            message = f"{view.name} routes over {listed(sorted(lists))}."
            yield Finding("ok", view.table.id, message, evidence={"prefix_list_ids": sorted(lists)})


@check("P604", "info")
def find_propagated_routes(facts: ConnectionFacts) -> Findings:
    """No propagated route has the destination of a route to the connection."""
    for view in tables_of(need_subnets(facts), facts):
        used = {part.route.destination for part in view.inside if part.route is not None}
        for route in view.table.routes:
            if route.is_propagated and route.destination in used:
                yield Finding(
                    "info",
                    view.table.id,
                    f"{view.name} has a propagated route to {named(route.destination)} by {route.target}, too. "
                    "It is not used: a static route wins.",
                    evidence={"route_table_id": view.table.id, "destination": route.destination, "target": route.target},
                )


@check("P605", "warn")
def find_full_tables(facts: ConnectionFacts) -> Findings:
    """The tables of the judged subnets have room for more routes."""
    quota = known(facts.aws.routes_quota)
    for view in tables_of(need_subnets(facts), facts):
        number = view.table.number_of_routes
        if number >= NEARLY * quota:
            message = f"{view.name} has {number} of at most {quota} routes."
            fix = "Remove routes that nobody needs, or request a higher quota (L-93826ACB)."
            yield Finding(
                "warn", view.table.id, message, fix, {"route_table_id": view.table.id, "routes": number, "quota": quota}
            )


@check("P606", "warn")
def find_left_over_routes(facts: ConnectionFacts) -> Findings:
    """No table of the VPC has routes to another connection that has ended; P601 reports those that take a part of the block."""
    own, statuses = connection_id_of(facts), known(facts.aws.statuses)
    strays = {(view.table.id, part.route) for view in tables_of(need_subnets(facts), facts) for part in view.strays}
    found: dict[str, list[tuple[RouteTable, str]]] = {}
    for table in (one for one in known(facts.aws.route_tables) if not one.gateways):
        for route in table.all_routes:
            if route.is_peering and route.target != own and _has_ended(route, statuses) and (table.id, route) not in strays:
                found.setdefault(route.target, []).append((table, route.destination))
    for connection_id, routes in found.items():
        places = [f"{named(destination)} in {name_of(table)}" for table, destination in routes]
        status = statuses.get(connection_id)
        yield Finding(
            "warn",
            connection_id,
            f"{named(connection_id)} {f'is {status}' if status else 'does not exist'}, but routes still lead to "
            f"it: {listed(places)}.",
            "Delete these routes.",
            {"routes": [{"route_table_id": table.id, "destination": destination} for table, destination in routes]},
            commands=together(*(_route_line("delete", table, destination, facts) for table, destination in routes)),
        )


@check("P607", waits_for=("P103",), weigh=weigh)
def find_missing_ways_back(facts: ConnectionFacts) -> Findings:
    """Atlas sends replies to each judged subnet through the connection."""
    peer = peer_of(facts)
    block = to_network(peer["route_table_cidr_block"], f"connection {unnamed(peer['id'])}")
    for subnet in with_ipv4(need_subnets(facts)):
        if not ipaddress.IPv4Network(subnet.cidr_block or "").subnet_of(block):
            begin = f"Atlas has no way back to {named(subnet.cidr_block)} of {named(subnet.id)}:"
            message = f"{begin} it routes only {named(block)} to the VPC."
            fix = _advice_on_way_back(subnet, block, facts)
            evidence = {"cidr_block": subnet.cidr_block, "route_table_cidr_block": str(block)}
            owner: FixOwner = "playbook" if "route_table_cidr_block" in fix else "network"
            yield Finding("fail", subnet.id, message, fix, evidence, (subnet.id,), owner=owner)


@check("P608", weigh=weigh)
def find_ipv6_subnets(facts: ConnectionFacts) -> Findings:
    """Each judged subnet has IPv4 addresses."""
    for subnet in need_subnets(facts):
        if subnet.cidr_block is None:
            message = f"{named(subnet.id)} has IPv6 addresses alone, and Atlas peers IPv4."
            fix = "Use a subnet with IPv4 addresses, or leave this one out with subnet_ids."
            yield Finding("fail", subnet.id, message, fix, subnet_ids=(subnet.id,))


def _has_ended(route: Route, statuses: t.Mapping[str, str]) -> bool:
    # An active route to a connection that AWS does not show leads to a new one, or to one of the owner of a shared VPC.
    return statuses[route.target] in ENDED if route.target in statuses else route.is_blackhole


def _left_out(facts: ConnectionFacts) -> list[str]:
    """Return the ids of the subnets that would be judged if they had more than interfaces of AWS's services."""
    services = service_subnets(facts)
    return [subnet.id for subnet in chosen_subnets(facts) if subnet.id in services and not is_outside_entry(subnet, facts)]


def _say_left_out(facts: ConnectionFacts) -> Findings:
    ids = _left_out(facts)
    if ids:
        begin = f"{listed(ids)} {'has' if len(ids) == 1 else 'have'} interfaces of AWS's services alone,"
        message = f"{begin} and no clients to judge."
        fix = "Use subnet_ids to judge such subnets, too."
        yield Finding("info", facts.entry.network_id, message, fix, {"subnet_ids": ids})


def _nothing_judged(facts: ConnectionFacts) -> Finding:
    """Return the finding if there is no subnet to judge: `info` for a VPC without subnets, `unknown` for an empty choice."""
    vpc_id, block = facts.entry.network_id, facts.entry.params["cidr_block"]
    if are_all_judged(facts) and not known(facts.aws.subnets):
        return Finding("info", vpc_id, f"{named(vpc_id)} has no subnet, so nothing in it was judged.")
    if _left_out(facts):
        message = f"The subnets that are meant have interfaces of AWS's services alone, so nothing in {named(vpc_id)} was judged."
        left_out = {"subnet_ids": _left_out(facts)}
        return Finding("unknown", vpc_id, message, "Use subnet_ids to judge them.", left_out, owner="playbook")
    if chosen_subnets(facts):
        begin = f"No subnet that is meant is in {named(block)}, the cidr_block of the connection,"
        message = f"{begin} so nothing in {named(vpc_id)} was judged."
        fix = "Correct cidr_block of the connection."
        return Finding("unknown", vpc_id, message, fix, {"cidr_block": block}, owner="playbook")
    how = (
        "has one of the route tables that the connection names" if facts.selection.subnet_ids is None else "is one of subnet_ids"
    )
    message = f"No subnet of {named(vpc_id)} {how}, so nothing in it was judged."
    fix = "Name the tables of subnets with route_table_ids or route_table_tags, or leave both out to judge all subnets."
    tables = {name: facts.entry.params[name] for name in ("route_table_ids", "route_table_tags")}
    evidence: dict[str, object] = {name: one for name, one in tables.items() if one}
    return Finding("unknown", vpc_id, message, fix, evidence, owner="playbook")


def _unread_lists(views: t.Iterable[TableView], facts: ConnectionFacts) -> Findings:
    """Yield the unread prefix lists that decide whether a table sends the whole block to the connection."""
    block = atlas_block_of(facts)
    for view in views:
        for route, unread in view.unread:
            finding = not_read(unread, view.table.id, view.subnet_ids)
            message = (
                f"{view.name} has a route to the prefix list {route.destination}, which leads to "
                f"{named(route.target)} and could not be read: whether it takes {named(block)} there is not known."
            )
            evidence = {"prefix_list_id": route.destination, "target": route.target, "reason": written(unread.message)}
            yield replace(finding, message=message, evidence={**finding.evidence, **evidence})


def _stray_finding(view: TableView, facts: ConnectionFacts) -> Finding:
    clauses = "; ".join(_clause_of(part, facts) for part in view.strays)
    is_named = any(map(_route_text, view.strays)) or not any(part.route for part in view.strays)
    by = "in" if is_named else "by"
    parts = [
        {
            "cidr_blocks": [str(block) for block in part.blocks],
            "destination": part.route.destination if part.route and not part.rivals else None,
            "target": part.route.target if part.route and not part.rivals else None,
            "either": [{"destination": one.destination, "target": one.target} for one in _either(part) if part.rivals],
        }
        for part in view.strays
    ]
    fix, routes = _advice_on(view, facts)
    verbs = {"create": routes["routes_to_add"], "replace": routes["routes_to_point"]}
    lines = [_route_line(verb, view.table, one, facts) for verb, names in verbs.items() for one in names]
    # A route that works may serve others: there are no lines before its owner was asked.
    old = [one for one in view.table.routes if one.destination in verbs["replace"] and not one.is_propagated]
    are_free = all(_has_ended(one, known_or(facts.aws.statuses, {})) for one in old)
    return Finding(
        "fail",
        view.table.id,
        f"{clauses} {by} {view.name}, the table of {listed(view.subnet_ids)}.",
        fix,
        {"route_table_id": view.table.id, "subnet_ids": list(view.subnet_ids), "parts": parts, **routes},
        view.subnet_ids,
        commands=together(*lines) if are_free else (),
    )


def _route_line(verb: str, table: RouteTable, destination: str, facts: ConnectionFacts) -> FixLines:
    """Return the line that creates a route to the connection, points one at it, or deletes one."""
    kind = "destination_cidr_block" if "/" in destination else "destination_prefix_list_id"
    target = {} if verb == "delete" else {"vpc_peering_connection_id": connection_id_of(facts)}
    return aws(f"ec2 {verb}-route", facts, route_table_id=table.id, **{kind: destination}, **target)


def _clause_of(part: Part, facts: ConnectionFacts) -> str:
    blocks = listed(part.blocks)
    verb = ("goes", "has") if len(part.blocks) == 1 else ("go", "have")
    if part.route is None:
        return f"{blocks} {verb[1]} no route"
    if part.rivals:
        targets, names = ([getattr(one, name) for one in _either(part)] for name in ("target", "destination"))
        any_of = f"AWS takes any of {listed(names)}, which have the same block"
        return f"{blocks} {verb[0]} to {' or '.join(map(named, targets))} ({any_of})"
    status = "black hole" if part.route.is_blackhole else known_or(facts.aws.statuses, {}).get(part.route.target)
    return f"{blocks} {verb[0]} to {named(part.route.target)}{f' ({status})' if status else ''}{_route_text(part)}"


def _either(part: Part) -> list[Route]:
    """Return the routes of which AWS takes any, in the order of their lists."""
    return sorted((*([part.route] if part.route else ()), *part.rivals), key=lambda one: one.destination)


def _route_text(part: Part) -> str:
    """Return which route takes a part, if its destination is more than the part: a wider block, or a list."""
    if part.route is None or part.route.destination in map(str, part.blocks):
        return ""
    return f" by {named(part.route.destination)}"


def _advice_on(view: TableView, facts: ConnectionFacts) -> tuple[str, dict[str, list[str]]]:
    """Return the fix, and the destinations of the routes to add, and of those to point at the connection.

    A route for the whole block does not override routes that are as specific or more so. A route to a list stays, since the list
    has other blocks, too: a route to a block itself wins. A propagated route cannot be removed from a table: a static one wins.
    Where a route is removed, the block may have none.
    """
    block, own = atlas_block_of(facts), connection_id_of(facts)
    where = f"{named(own)} in {named(view.table.id)}"
    ways = ways_of(view.table, facts.aws.prefix_lists).known
    narrow = [one for one in ways if one.block.subnet_of(block) and any(_takes(one, part) for part in view.strays)]
    propagated = [one.route.destination for one in narrow if one.route.is_propagated]
    static = [one for one in narrow if not one.is_of_list and not one.route.is_propagated]
    routed = {one.block: None for one in narrow if one.is_of_list}
    if any(not any(_takes(one, part) for one in narrow) for part in view.strays):
        routed[block] = None
    advice = []
    if propagated:
        ones = named(min(propagated), ", ".join(sorted(propagated)))
        advice.append(f"Add a static route to {ones} by {where}: it wins over the propagated one.")
    if static:
        one, it = ("route", "it") if len(static) == 1 else ("routes", "them")
        ones = all_of(sorted(each.route.destination for each in static))
        new = [static_way(each, own) for each in (*routed, *map(ipaddress.IPv4Network, propagated))]
        left = parts_of(block, [*(each for each in ways if each not in static), *new], own)
        is_enough = all(part.route is not None and part.route.target == own for part in left)
        both = f"Remove the {one} to {ones}, or point {it} at {where}."
        advice.append(both if is_enough else f"Point the {one} to {ones} at {where}.")
    if routed:
        over = ": a route to a block wins over one to a list that has it" if any(one.is_of_list for one in narrow) else ""
        blocks = named(min(routed), ", ".join(map(str, sorted(routed))))
        advice.append(f"Route {blocks} to {where}{over}.")
    added = sorted({*map(str, routed), *propagated})
    return " ".join(advice), {"routes_to_add": added, "routes_to_point": sorted(each.route.destination for each in static)}


def _takes(way: Way, part: Part) -> bool:
    """Whether a part goes by the route of a way."""
    return way.route in (part.route, *part.rivals) and any(block.subnet_of(way.block) for block in part.blocks)


def _advice_on_way_back(subnet: Subnet, current: ipaddress.IPv4Network, facts: ConnectionFacts) -> str:
    """Return what to do about a subnet to which Atlas has no way back.

    Args:
        subnet: The subnet.
        current: The block of the connection.
        facts: All facts.
    """
    snat = f"se SNAT to addresses of {named(current)}, as for pods, and leave this subnet out with subnet_ids"
    if not is_private(ipaddress.IPv4Network(subnet.cidr_block or "")):
        return f"U{snat}: Atlas routes blocks within {private_blocks_text()} only."
    block = block_of_vpc(facts)
    if block is not None:
        lost = "" if current.subnet_of(block) else f" Atlas then has no way back to the rest of {named(current)}."
        return f"{_SET_BLOCK} {named(block)}, the block of the VPC with all these subnets.{lost} Or u{snat}."
    wider = _around([*client_blocks(facts), current])
    if wider is None or wider.overlaps(atlas_block_of(facts)):
        return f"U{snat}: no private block has all of these subnets, and not {named(atlas_block_of(facts))} of Atlas itself."
    more = (
        ""
        if [*ipaddress.collapse_addresses(client_blocks(facts))] == [wider]
        else (f": it overlaps every VPC within {named(wider)} that this network container may get, and shuts these out")
    )
    return f"U{snat}. Or set{_SET_BLOCK[3:]} {named(wider)}{more}."


def _around(blocks: t.Sequence[ipaddress.IPv4Network]) -> ipaddress.IPv4Network | None:
    """Return the smallest block that has several others, if it is private."""
    first, last = min(int(one.network_address) for one in blocks), max(int(one.broadcast_address) for one in blocks)
    wider = ipaddress.IPv4Network((first, 32 - (first ^ last).bit_length()), strict=False)
    return wider if is_private(wider) else None
