# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the route tables, and plans the changes of their routes to Atlas."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from ..._engine.options import Parameters
from ..._http.errors import TaskError
from ..objects import ACTIVE, LOCAL, Route, RouteAction, RouteTable, Vpc
from .options import to_tags
from .requests import RouteChange
from .view import View, may_lead, route_to

# The blocks of each prefix list, by its id; None for one that the credentials may not read.
Lists = t.Mapping[str, t.Optional[t.Collection[str]]]

ENDPOINT = "vpce-"
_ANOTHER_BLOCK = (
    "One route can serve one of them: give the new container another block (next_free_blocks) before anything uses it"
)


def choose_tables(params: Parameters, view: View, vpc: Vpc) -> tuple[RouteTable, ...]:
    """Return the route tables that the options choose. With state absent, those that are gone are left out.

    Raises:
        TaskError: If one is missing, belongs to another VPC or to a gateway, or no table has the tags.
    """
    is_absent = params["state"] == "absent"
    wanted = list(dict.fromkeys(params["route_table_ids"] or []))
    tags = to_tags("route_table_tags", params["route_table_tags"])
    if wanted:
        for one in view.elsewhere:
            raise TaskError(
                f"The route table {one.id} belongs to {one.vpc_id}, not to {vpc.id}.", hint="Correct route_table_ids."
            )
        tables = {one.id: one for one in view.tables}
        missing = [one for one in wanted if one not in tables]
        if missing and not is_absent:
            raise TaskError(
                f"The VPC {vpc.id} does not have these route tables: {', '.join(missing)}.",
                hint="Correct route_table_ids, or leave it out for all route tables of the VPC.",
            )
        chosen = [tables[one] for one in wanted if one in tables]
    elif tags:
        chosen = [one for one in view.tables if all(one.tags.get(key) == value for key, value in tags.items())]
        if not chosen and not is_absent:
            shown = ", ".join(f"{key}={value}" for key, value in tags.items())
            raise TaskError(
                f"No route table of the VPC {vpc.id} has the tags {shown}.",
                hint="Correct route_table_tags, or leave it out for all route tables of the VPC.",
            )
    else:
        return tuple(one for one in view.tables if not one.gateways)
    for one in chosen:
        if one.gateways:
            raise TaskError(
                f"The route table {one.id} belongs to the gateway {', '.join(one.gateways)}, not to subnets.",
                hint="Traffic to Atlas does not pass through it: leave it out of route_table_ids or route_table_tags.",
            )
    return tuple(chosen)


def missing_tables(params: Parameters, view: View) -> list[str]:
    """Return the ids in `route_table_ids` that AWS does not know."""
    there = {one.id for one in (*view.tables, *view.elsewhere)}
    return [one for one in dict.fromkeys(params["route_table_ids"] or []) if one not in there]


def peers_of(tables: t.Iterable[RouteTable], block: str, connection_id: str | None) -> set[str]:
    """Return the ids of the other connections that the routes to exactly a block lead to."""
    routes = [route_to(one, block) for one in tables]
    return {one.target for one in routes if one is not None and one.is_peering and one.target != connection_id}


def plan_routes(
    params: Parameters, view: View, tables: t.Iterable[RouteTable], block: str, lists: Lists, warnings: list[str]
) -> list[RouteChange]:
    """Return the changes that give each table a route to the block through the connection.

    Args:
        params: The options.
        view: What was read.
        tables: The tables.
        block: Atlas's block.
        lists: The prefix lists; one is read when it is looked up.
        warnings: Receives a sentence for each list that cannot be read.

    Raises:
        TaskError: If a table routes the block, or a part of it, elsewhere; the message names all such routes.
    """
    changes, is_replaceable = [], True
    refused: list[tuple[RouteTable, Route]] = []
    network, connection_id = ipaddress.IPv4Network(block), params["connection_id"]
    for table in tables:
        for route in table.routes:
            part = ipaddress.IPv4Network(route.destination)
            if part != network and part.subnet_of(network) and route.target != connection_id:
                refused.append((table, route))
                is_replaceable = False
        own, propagated = route_to(table, block), route_to(table, block, propagated=True)
        blocking = own or propagated
        if blocking is None and not params["replace_routes"]:
            blocking = _route_over_list(table, block, connection_id, lists, warnings)
        if blocking is None:
            changes.append(RouteChange("create", table.id, block, None, connection_id))
        elif own is not None and own.target == connection_id:
            continue
        elif own is not None and own.is_peering and view.has_ended(own):
            changes.append(RouteChange("replace", table.id, block, own.target, connection_id))
        elif params["replace_routes"] and blocking.target != LOCAL:
            # A propagated route cannot be replaced, nor one over a prefix list, but one made beside it takes precedence.
            action: RouteAction = "replace" if own is not None else "create"
            changes.append(RouteChange(action, table.id, block, own.target if own is not None else None, connection_id))
        else:
            refused.append((table, blocking))
            is_replaceable = is_replaceable and blocking.target != LOCAL
    if refused:
        networks = _describe_networks(view, (route.target for _table, route in refused), block)
        first = _ANOTHER_BLOCK if networks else "Remove them, if nothing needs them"
        last = " Set replace_routes to true to replace them, if nothing needs them any more." if is_replaceable else ""
        shown = "; ".join(_describe(table, route) for table, route in refused)
        raise TaskError(
            f"There are routes to {block}, or to a part of it, that lead elsewhere: {shown}.{networks}",
            hint=f"{first}, or choose other route tables (route_table_ids, route_table_tags).{last}",
        )
    return changes


def _describe_networks(view: View, targets: t.Iterable[str], block: str) -> str:
    """Return a sentence for each target that is an active connection of the VPC, and not one of the project, with the block."""
    others = [view.others[one] for one in sorted({*targets}) if one in view.others and one not in (view.listed or ())]
    return "".join(
        f" {one.id} connects this VPC with another network that has {', '.join(one.requester.cidr_blocks)} as well, probably "
        "another project's container."
        for one in others
        if view.listed is not None and one.status == ACTIVE and one.requester.cidr_blocks and may_lead(one, view.vpc, block)
    )


def _route_over_list(table: RouteTable, block: str, connection_id: str | None, lists: Lists, warnings: list[str]) -> Route | None:
    """Return a route over a prefix list that has exactly the block, and leads elsewhere; None if a table has none.

    Gateway endpoints have lists of AWS's own services. A static route to a block takes precedence over one with a list.
    Source: "Route priority" in Amazon's VPC guide.
    """
    for route in table.list_routes:
        if route.target == connection_id or route.target.startswith(ENDPOINT):
            continue
        blocks = lists[route.destination]
        if blocks is None:
            warning = (
                f"The prefix list {route.destination} could not be read: if {block} is in it, there is a route to "
                f"{route.target}, and the new one takes precedence. Allow ec2:GetManagedPrefixListEntries to these credentials."
            )
            warnings += [warning] if warning not in warnings else []
        elif block in blocks:
            return replace(route, destination=f"{block} (prefix list {route.destination})")
    return None


def plan_removal(view: View, tables: t.Iterable[RouteTable], block: str, connection_id: str | None) -> list[RouteChange]:
    """Return the changes that remove the routes to the block through the connection, or through one that has ended."""
    found = [(one.id, route_to(one, block)) for one in tables]
    return [
        RouteChange("delete", table_id, block, route.target, None)
        for table_id, route in found
        if route is not None and route.is_peering and (route.target == connection_id or view.has_ended(route))
    ]


def plan_unrouting(tables: t.Iterable[RouteTable], connection_id: str) -> list[RouteChange]:
    """Return the changes that remove all routes through a connection, whatever their block."""
    return [
        RouteChange("delete", table.id, route.destination, route.target, None)
        for table in tables
        for route in table.routes
        if route.target == connection_id and not route.is_propagated
    ]


def leftovers(tables: t.Iterable[RouteTable], connection_id: str | None, removed: t.Iterable[RouteChange] = ()) -> list[str]:
    """Describe the routes to the connection that stay, as `<block> in <route table>`."""
    gone = {(one.table_id, one.block) for one in removed}
    return [
        f"{route.destination} in {table.id}"
        for table in tables
        for route in table.routes
        if connection_id is not None and route.target == connection_id and (table.id, route.destination) not in gone
    ]


def _describe(table: RouteTable, route: Route) -> str:
    marks = ",".join([*(["propagated"] if route.is_propagated else []), *(["a black hole"] if route.is_blackhole else [])])
    return f"{table.id} routes {route.destination} to {route.target}" + (f" ({marks})" if marks else "")
