# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the route tables, and plans the changes of their routes to Atlas."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from ..._engine.options import Parameters
from ..._engine.plan import listed
from ..._http.errors import InvalidOptionError, TaskError, as_name, as_option
from ..objects import ACTIVE, LOCAL, ROUTES_QUOTA, Route, RouteTable, Vpc
from .view import RouteChange, Takeover, View, may_lead, route_to

# The blocks of each prefix list, by its id; None for one that the credentials may not read. And how many routes a table may have,
# by the code of that quota; None if it cannot be read. Each is read when it is looked up.
Facts = t.Mapping[str, t.Any]

# The block that Atlas gives to the first network container of a project on AWS if none is asked for.
DEFAULT_BLOCK = "192.168.248.0/21"
# From how many routes on a table may be full: how many it may have is asked only then.
NEARLY_FULL = 45
# What all other traffic leaves the network by: private addresses get nowhere there, so that a new route takes nothing away.
_WAYS_OUT = ("cagw-", "eigw-", "i-", "igw-", "nat-")
# Of two routes to one block, AWS prefers the static one, then one to a prefix list.
# Source: "Route priority" in Amazon's VPC guide.
_STATIC, _OVER_LIST, _PROPAGATED = 2, 1, 0
_ANOTHER_BLOCK = (
    "One route can serve one of them: give the new container another block (next_free_blocks) before anything uses it"
)
_MOST_TAG_KEY, _MOST_TAG_VALUE = 128, 256


def to_tags(option: str, value: t.Mapping[object, object] | None) -> dict[str, str]:
    """Return the tags of an option as text.

    Raises:
        InvalidOptionError: If a value is not text, or AWS would refuse the tag.
    """
    tags = {}
    for key, content in (value or {}).items():
        if content is None or isinstance(content, (bool, dict, list)):
            # The spelling of a boolean is lost: yes and true are the same by now.
            raise InvalidOptionError(
                f"{as_option(option)} has no text for {key!r}.", hint="Write the value of the tag in quotes; it may be empty."
            )
        name, text = str(key), str(content)
        if not 0 < len(name) <= _MOST_TAG_KEY or len(text) > _MOST_TAG_VALUE:
            raise InvalidOptionError(
                f"{as_option(option)}: {name!r} is too long or empty.",
                hint=f"AWS takes keys of up to {_MOST_TAG_KEY} characters, and values of up to {_MOST_TAG_VALUE}.",
            )
        if option == "tags" and name.lower().startswith("aws:"):
            raise InvalidOptionError(
                f"{as_option('tags')} has {name!r}: names that begin with aws: are AWS's own.", hint="Choose another one."
            )
        tags[name] = text
    return tags


def choose_tables(params: Parameters, view: View, vpc: Vpc, block: str | None) -> tuple[RouteTable, ...]:
    """Return the route tables that the options choose. With state absent, those that are gone are left out.

    Without options, these are the tables that subnets use, and those that have a route already; with state absent, all tables.

    Args:
        params: The options.
        view: What was read.
        vpc: The VPC.
        block: Atlas's block; None if it is not known.

    Raises:
        TaskError: If one is missing, belongs to another VPC or to a gateway, or no table has the tags.
    """
    is_absent = params["state"] == "absent"
    wanted = list(dict.fromkeys(params["route_table_ids"] or []))
    tags = to_tags("route_table_tags", params["route_table_tags"])
    if wanted:
        for one in view.elsewhere:
            raise TaskError(
                f"The route table {one.id} belongs to {as_name(one.vpc_id)}, not to {as_name(vpc.id)}.",
                hint="Correct route_table_ids.",
            )
        tables = {one.id: one for one in view.tables}
        missing = [one for one in wanted if one not in tables]
        if missing and not is_absent:
            raise TaskError(
                f"The VPC {as_name(vpc.id)} does not have these route tables: {', '.join(missing)}.",
                hint="Correct route_table_ids, or leave it out for the main route table and those with a subnet.",
            )
        chosen = [tables[one] for one in wanted if one in tables]
    elif tags:
        chosen = [one for one in view.tables if all(one.tags.get(key) == value for key, value in tags.items())]
        if not chosen and not is_absent:
            shown = ", ".join(f"{key}={value}" for key, value in tags.items())
            raise TaskError(
                f"No route table of the VPC {as_name(vpc.id)} has the tags {shown}.",
                hint="Correct route_table_tags, or leave it out for the main route table and those with a subnet.",
            )
    else:
        tables_of_vpc = (one for one in view.tables if not one.gateways)
        return tuple(one for one in tables_of_vpc if is_absent or not one.is_idle or own_route(params, view, one, block))
    for one in chosen:
        if one.gateways:
            raise TaskError(
                f"The route table {one.id} belongs to the gateway {', '.join(one.gateways)}, not to subnets.",
                hint="Traffic to Atlas does not pass through it: leave it out of route_table_ids or route_table_tags.",
            )
    return tuple(chosen)


def own_route(params: Parameters, view: View, table: RouteTable, block: str | None) -> Route | None:
    """Return the route of a table to the block through the connection, or through one that has ended; None if it has none."""
    route = None if block is None else route_to(table, block)
    is_own = route is not None and route.is_peering and (route.target == params["connection_id"] or view.has_ended(route))
    return route if is_own else None


def missing_tables(params: Parameters, view: View) -> list[str]:
    """Return the ids in `route_table_ids` that AWS does not know."""
    there = {one.id for one in (*view.tables, *view.elsewhere)}
    return [one for one in dict.fromkeys(params["route_table_ids"] or []) if one not in there]


def peers_of(tables: t.Iterable[RouteTable], block: str, connection_id: str | None) -> set[str]:
    """Return the ids of the other connections that the routes to exactly a block lead to."""
    routes = [route_to(one, block) for one in tables]
    return {one.target for one in routes if one is not None and one.is_peering and one.target != connection_id}


def plan_routes(
    params: Parameters, view: View, tables: t.Sequence[RouteTable], block: str, facts: Facts, warnings: list[str]
) -> list[RouteChange]:
    """Return the changes that give each table a route to the block through the connection.

    Args:
        params: The options.
        view: What was read.
        tables: The tables.
        block: Atlas's block.
        facts: The prefix lists and the quota.
        warnings: Receives a sentence for each list that cannot be read.

    Raises:
        TaskError: If a table routes the block, or a part of it, elsewhere, or is full; the message names all such routes, or all
            such tables.
    """
    changes, is_replaceable = list[RouteChange](), True
    refused: list[tuple[RouteTable, Route]] = []
    network, connection_id = ipaddress.IPv4Network(block), params["connection_id"]
    are_named = bool(params["route_table_ids"] or params["route_table_tags"])
    for table in tables:
        is_idle = table.is_idle and are_named
        own, propagated = route_to(table, block), route_to(table, block, propagated=True)
        is_ours = own is not None and own.target == connection_id
        over_lists = [] if is_ours else _ways_elsewhere(table, block, connection_id, facts, warnings)
        for way in (*_ways_to_blocks(table), *over_lists):
            is_part = way.block != network and way.block.subnet_of(network)
            if is_part and (route_to(table, str(way.block)) or way.route).target != connection_id:
                refused.append((table, way.shown))
                is_replaceable = False
        exact = (way.shown for way in over_lists if way.block == network and not params["replace_routes"])
        blocking = own or propagated or next(exact, None)
        if blocking is None:
            changes.append(_new_route(view, table, block, facts, connection_id))
        elif is_ours:
            continue
        elif own is not None and own.is_peering and view.has_ended(own):
            changes.append(RouteChange("replace", table.id, block, own.target, connection_id, None, is_idle))
        elif params["replace_routes"] and own is not None and own.target != LOCAL:
            loser = _status_of(own, view)
            changes.append(RouteChange("replace", table.id, block, own.target, connection_id, None, is_idle, loser))
        elif params["replace_routes"] and blocking.target != LOCAL:
            # A propagated route cannot be replaced, nor one over a prefix list, but one made beside it takes precedence.
            changes.append(RouteChange("create", table.id, block, None, connection_id, None, is_idle))
        else:
            refused.append((table, blocking))
            is_replaceable = is_replaceable and blocking.target != LOCAL
    if refused:
        raise _stray_routes_error(view, refused, block, is_replaceable=is_replaceable)
    check_room(changes, tables, facts)
    return changes


def _stray_routes_error(
    view: View, refused: t.Sequence[tuple[RouteTable, Route]], block: str, *, is_replaceable: bool
) -> TaskError:
    """Return the error for routes to a block, or to a part of it, that lead elsewhere."""
    networks = _describe_networks(view, (route.target for _table, route in refused), block)
    first = _ANOTHER_BLOCK if networks else "Remove them, if nothing needs them"
    last = " Set replace_routes to true to replace them, if nothing needs them any more." if is_replaceable else ""
    shown = "; ".join(_describe(table, route) for table, route in refused)
    return TaskError(
        f"There are routes to {block}, or to a part of it, that lead elsewhere: {shown}.{networks}",
        hint=f"{first}, or choose other route tables (route_table_ids, route_table_tags).{last}",
    )


def plan_new_routes(view: View, tables: t.Sequence[RouteTable], facts: Facts) -> list[RouteChange]:
    """Return the changes that give each table a route to a block that Atlas will choose; they have no block yet.

    Raises:
        TaskError: If a table is full.
    """
    found = [_new_route(view, table, DEFAULT_BLOCK, facts, None) for table in tables]
    changes = [
        replace(one, block="", takeover=None if one.takeover is None else replace(one.takeover, is_assumed=True)) for one in found
    ]
    check_room(changes, tables, facts)
    return changes


def _new_route(view: View, table: RouteTable, block: str, facts: Facts, connection_id: str | None) -> RouteChange:
    takeover = find_takeover(view, table, block, facts, connection_id)
    return RouteChange("create", table.id, block, None, connection_id, takeover, table.is_idle)


class _Way(t.NamedTuple):
    """A route to one block; one to a prefix list is a way to each block of it. The highest rank of AWS's order counts."""

    route: Route
    block: ipaddress.IPv4Network
    rank: int

    @property
    def shown(self) -> Route:
        """The route, with the block beside its prefix list."""
        shown = f"{self.block} (prefix list {self.route.destination})" if self.rank == _OVER_LIST else str(self.block)
        return replace(self.route, destination=shown)


def _ways_to_blocks(table: RouteTable) -> list[_Way]:
    return [
        _Way(one, ipaddress.IPv4Network(one.destination), _PROPAGATED if one.is_propagated else _STATIC) for one in table.routes
    ]


def _ways_over(routes: t.Iterable[Route], facts: Facts) -> list[_Way]:
    """Return the ways of routes to prefix lists; none of a list that cannot be read."""
    blocks: t.Iterable[tuple[Route, str]] = ((route, block) for route in routes for block in facts[route.destination] or ())
    return [_Way(route, ipaddress.IPv4Network(block), _OVER_LIST) for route, block in blocks if ":" not in block]


def _preference(way: _Way) -> tuple[int, int]:
    """Return what AWS prefers a way by to others for the same address."""
    return way.block.prefixlen, way.rank


def find_takeover(view: View, table: RouteTable, block: str, facts: Facts, connection_id: str | None) -> Takeover | None:
    """Return what a new route to a block would take from a wider one: that with the longest prefix carries the block today.

    Args:
        view: What was read.
        table: The table, which has no static route to exactly the block.
        block: The block.
        facts: The prefix lists. One that cannot be read counts for nothing.
        connection_id: The connection that the new route leads to; None if it is not known yet.

    Returns:
        The takeover; None if nothing that works carries the block elsewhere, or only the way to public addresses does.
    """
    network = ipaddress.IPv4Network(block)
    lists = [one for one in table.list_routes if not one.is_of_endpoint]
    ways = _ways_to_blocks(table) + _ways_over([one for one in lists if one.target != connection_id], facts)
    best = max((way for way in ways if network.subnet_of(way.block)), key=_preference, default=None)
    if best is None or best.block == network:
        return None
    route = best.route
    is_dead = view.has_ended(route) if route.is_peering else route.is_blackhole
    is_way_out = best.block.prefixlen == 0 and route.target.startswith(_WAYS_OUT)
    if is_dead or is_way_out or route.target in (LOCAL, connection_id):
        return None
    own = _ways_over([one for one in lists if one.target == connection_id], facts)
    if any(network.subnet_of(way.block) and _preference(way) > _preference(best) for way in own):
        return None
    return Takeover(block, best.shown.destination, route.target)


def say_takeovers(changes: t.Iterable[RouteChange]) -> dict[Takeover, str]:
    """Return a sentence for each wider route from which changes take addresses, with all tables that have it."""
    tables: dict[Takeover, list[str]] = {}
    for one in changes:
        if one.takeover is not None:
            tables.setdefault(one.takeover, []).append(one.table_id)
    found = {}
    for taken, ids in tables.items():
        wider = f"{taken.block} is within {taken.destination}, which goes to {taken.target} in {listed(ids)}"
        assumed = " Atlas has not chosen the block of the new network container yet: this assumes its default."
        found[taken] = f"{wider}: from now on it goes to Atlas.{assumed if taken.is_assumed else ''}"
    return found


def say_notes(changes: t.Iterable[RouteChange]) -> list[str]:
    """Return sentences that people need with the plan: which connections lose routes, and which tables serve no subnet."""
    losing: dict[tuple[str, str, str], list[str]] = {}
    idle = []
    for one in changes:
        if one.loser:
            losing.setdefault((one.block, str(one.before), one.loser), []).append(one.table_id)
        if one.is_idle:
            idle.append(one.table_id)
    notes = [
        f"{other}, which is {status}, loses its route to {block} in {listed(ids)}."
        for (block, other, status), ids in losing.items()
    ]
    if idle:
        are_several = len({*idle}) > 1
        words = "serve no subnet and get the route, too" if are_several else "serves no subnet and gets the route, too"
        notes.append(f"{listed(idle)} {words}.")
    return notes


def _status_of(route: Route, view: View) -> str:
    """Return the state of the connection that a route leads to, which has not ended; empty if it leads to none."""
    other = view.others.get(route.target)
    return "" if not route.is_peering else "not shown by AWS" if other is None else other.status


def check_room(
    changes: t.Iterable[RouteChange], tables: t.Iterable[RouteTable], facts: Facts, more: t.Mapping[str, int] | None = None
) -> None:
    """Check that AWS allows the tables as many routes as they will have. Where the quota cannot be read, AWS says so itself.

    Args:
        changes: The changes.
        tables: The tables.
        facts: The quota.
        more: How many other routes the task makes in a table, by its id; None for none.

    Raises:
        TaskError: If it does not.
    """
    growing = {one.table_id for one in changes if one.action == "create"}
    numbers = {one.id: one.number_of_routes + (more or {}).get(one.id, 0) for one in tables if one.id in growing}
    nearly = {table_id: number for table_id, number in numbers.items() if number >= NEARLY_FULL}
    quota = facts[ROUTES_QUOTA] if nearly else None
    full = [f"{table_id} has {number}" for table_id, number in nearly.items() if quota is not None and number >= quota]
    if full:
        raise TaskError(
            f"There is no room for one more route: AWS allows {quota} in a route table, and {listed(full)}.",
            hint=f"Remove routes that nobody needs, request a higher quota from AWS ({ROUTES_QUOTA}), or choose other route "
            "tables (route_table_ids, route_table_tags).",
        )


def _describe_networks(view: View, targets: t.Iterable[str], block: str) -> str:
    """Return a sentence for each target that is an active connection of the VPC, and not one of the project, with the block."""
    others = [view.others[one] for one in sorted({*targets}) if one in view.others and one not in (view.listed or ())]
    return "".join(
        f" {one.id} connects this VPC with another network that has {', '.join(one.requester.cidr_blocks)} as well, probably "
        "another project's container."
        for one in others
        if view.listed is not None and one.status == ACTIVE and one.requester.cidr_blocks and may_lead(one, view.vpc, block)
    )


def _ways_elsewhere(table: RouteTable, block: str, connection_id: str | None, facts: Facts, warnings: list[str]) -> list[_Way]:
    """Return the ways over prefix lists that do not lead to the connection.

    Gateway endpoints have lists of AWS's own services. A static route to a block takes precedence over one with a list that has
    the block, but not over one with a part of it. Source: "Route priority" in Amazon's VPC guide.
    """
    lists = [one for one in table.list_routes if one.target != connection_id and not one.is_of_endpoint]
    for route in lists:
        if facts[route.destination] is None:
            warning = (
                f"The prefix list {route.destination} could not be read: if {block} is in it, there is a route to "
                f"{route.target}, and the new one takes precedence; if only a part of {block} is in it, that part still goes "
                "there. Allow ec2:GetManagedPrefixListEntries to these credentials."
            )
            warnings += [warning] if warning not in warnings else []
    return _ways_over(lists, facts)


def plan_removal(params: Parameters, view: View, tables: t.Iterable[RouteTable], block: str) -> list[RouteChange]:
    """Return the changes that remove the routes to the block through the connection, or through one that has ended."""
    found = [(one.id, own_route(params, view, one, block)) for one in tables]
    return [RouteChange("delete", table_id, block, route.target, None) for table_id, route in found if route is not None]


def plan_unrouting(tables: t.Iterable[RouteTable], connection_id: str) -> list[RouteChange]:
    """Return the changes that remove all routes through a connection, to whatever block or prefix list."""
    return [
        RouteChange("delete", table.id, route.destination, route.target, None)
        for table in tables
        for route in table.all_routes
        if route.target == connection_id and not route.is_propagated
    ]


def leftovers(tables: t.Iterable[RouteTable], connection_id: str | None, removed: t.Iterable[RouteChange] = ()) -> list[str]:
    """Describe the routes to the connection that stay, as `<block> in <route table>`."""
    gone = {(one.table_id, one.block) for one in removed}
    return [
        f"{route.destination} in {table.id}"
        for table in tables
        for route in table.all_routes
        if connection_id is not None and route.target == connection_id and (table.id, route.destination) not in gone
    ]


def _describe(table: RouteTable, route: Route) -> str:
    marks = ",".join([*(["propagated"] if route.is_propagated else []), *(["a black hole"] if route.is_blackhole else [])])
    return f"{table.id} routes {route.destination} to {route.target}" + (f" ({marks})" if marks else "")
