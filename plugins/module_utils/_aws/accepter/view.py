# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read for atlas_vpc_peer_accepter, how a result shows it, and the changes, with the view after each."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field, replace

from ..._engine.plan import Change
from ..._values.blocks import do_overlap
from ..objects import ACTIVE, DNS_ATTRIBUTES, ENDED, LIST, PROVISIONING, PeeringConnection, Route, RouteAction, RouteTable, Vpc

_NOT_SHOWN = ("refuses_peerings", "encryption_id", "allows_remote_dns", "dhcp_options_id", "name")


@dataclass(frozen=True)
class View:
    """The state of one account's network in one region, as far as the accepter needs it.

    Attributes:
        region: The region.
        account_id: The account of the credentials; None if AWS does not report it.
        connection: The connection that the options name; None if they name none, or it is unknown.
        vpc: The VPC; None if it is unknown.
        tables: The route tables of the VPC; without the id of a VPC, those with routes to the connection.
        elsewhere: Route tables that the options name and that belong to another VPC.
        others: The other connections that routes lead to and AWS knows, by id.
        groups: The id of the VPC of each security group that the options name and AWS knows, by the group's id.
        listed: The ids of the connections in Atlas's list of the project; None if that is not known.
        atlas_accounts: The accounts that are known to be Atlas's.
        is_stale: Whether the task has accepted the connection and not read it since.
    """

    region: str
    account_id: str | None = None
    connection: PeeringConnection | None = None
    vpc: Vpc | None = None
    tables: tuple[RouteTable, ...] = ()
    elsewhere: tuple[RouteTable, ...] = ()
    others: t.Mapping[str, PeeringConnection] = field(default_factory=dict)
    groups: t.Mapping[str, str] = field(default_factory=dict)
    listed: t.Collection[str] | None = None
    atlas_accounts: t.Collection[str | None] = ()
    is_stale: bool = False

    @property
    def connection_id(self) -> str:
        """The id of the connection; empty if it is not known."""
        return "" if self.connection is None else self.connection.id

    @property
    def place(self) -> str:
        """The region and the account, in words."""
        if self.account_id is None:
            return f"region {self.region} (AWS does not report whose credentials these are: the owner of the VPC was not checked)"
        return f"region {self.region} of account {self.account_id}"

    def has_ended(self, route: Route) -> bool:
        """Whether another connection that a route leads to has ended.

        AWS drops ended connections from its list after some hours. A route to one is a black hole then. An active route to a
        connection that is not in the list leads to a new one: lists may lag behind.
        """
        other = self.others.get(route.target)
        return route.is_blackhole if other is None else other.status in ENDED


def may_lead(connection: PeeringConnection, vpc: Vpc | None, block: str | None) -> bool:
    """Whether a connection that has not ended may lead from a VPC to a network with a block.

    Args:
        connection: The connection.
        vpc: The VPC.
        block: The block; None for any. AWS shows that of a network only while its connection is active.
    """
    is_here = vpc is not None and connection.accepter.vpc_id == vpc.id and connection.status not in ENDED
    blocks = connection.requester.cidr_blocks
    return is_here and (block is None or not blocks or any(do_overlap(one, block) for one in blocks))


def route_to(table: RouteTable, block: str, *, propagated: bool = False) -> Route | None:
    """Return the route of a table to exactly a block or a prefix list, the static or the propagated one; None without one."""
    routes = table.list_routes if block.startswith(LIST) else table.routes
    return next((one for one in routes if one.destination == block and one.is_propagated == propagated), None)


def to_result(before: View, after: View, table_ids: t.Sequence[str], block: str | None) -> dict[str, object]:
    """Return the fields of a result: the connection and the VPC after the task, and each route before and after it.

    Args:
        before: The view before the task.
        after: The view after it, or the predicted one.
        table_ids: The chosen route tables.
        block: Atlas's block; None if it is not known.
    """
    return {
        "connection": after.connection and _show(after.connection),
        "vpc": after.vpc and {**_show(after.vpc), "region": after.region},
        "routes": [
            {
                "route_table_id": table_id,
                "destination_cidr_block": block,
                "before": target_of(before, table_id, block),
                "after": target_of(after, table_id, block),
            }
            for table_id in table_ids
        ],
    }


def to_diff(view: View, table_ids: t.Sequence[str], block: str | None) -> dict[str, t.Any]:
    """Return what diff mode compares: all that the task can change, with a line for each.

    Args:
        view: The view before or after the task.
        table_ids: The chosen route tables.
        block: Atlas's block; None if it is not known.
    """
    connection, vpc = view.connection, view.vpc
    return {
        "connection": connection and {"id": connection.id, "status": connection.status, "tags": dict(connection.tags)},
        "vpc": vpc and {"id": vpc.id, **{name: getattr(vpc, name) for name in DNS_ATTRIBUTES}},
        "routes": {f"{block} in {table_id}": target_of(view, table_id, block) for table_id in table_ids},
    }


def _show(found: PeeringConnection | Vpc) -> dict[str, object]:
    """Return the documented fields of an object. Only atlas_vpc_peer_check needs the others."""
    shown = asdict(found)
    for one in (shown, shown.get("requester", {}), shown.get("accepter", {})):
        for name in _NOT_SHOWN:
            one.pop(name, None)
    return shown


def target_of(view: View, table_id: str, block: str | None) -> str | None:
    """Return where a table routes a block: the static route first; None if it has no route to exactly that block."""
    table = next((one for one in view.tables if one.id == table_id), None)
    if table is None or block is None:
        return None
    route = route_to(table, block) or route_to(table, block, propagated=True)
    return route.target if route else None


@dataclass(frozen=True)
class Accept:
    """Accept the connection."""


@dataclass(frozen=True)
class AddTags:
    """Add tags to the connection; `before` has the values that they replace, and changes are alike without it."""

    tags: tuple[tuple[str, str], ...]
    before: t.Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class RemoveTags:
    """Remove tags from the connection, each while it has this value."""

    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EnableDns:
    """Enable an attribute for DNS of the VPC."""

    name: str


@dataclass(frozen=True)
class Takeover:
    """What a new route takes from a wider one, which carries the addresses of its block today.

    Attributes:
        block: The block of the new route.
        destination: The wider block, with the prefix list that has it.
        target: Where the wider route leads.
        is_assumed: Whether the block is Atlas's default: the network container that will have one is still to be made.
    """

    block: str
    destination: str
    target: str
    is_assumed: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class RouteChange:
    """A change of the route to a block in one route table.

    Attributes:
        before: The current target of the route; None if the table has no route to the block, or only a propagated one.
        target: The connection that it will lead to; None for a removal, or if the connection is not known yet (check mode).
        takeover: What it takes from a wider route; None for nothing. People see it, and changes are alike without it.
        is_idle: Whether the table serves no subnet, and the options name it; likewise.
        loser: The state of the live connection that loses the route; empty if there is none; likewise.
    """

    action: RouteAction
    table_id: str
    block: str
    before: str | None
    target: str | None
    takeover: Takeover | None = field(default=None, compare=False)
    is_idle: bool = field(default=False, compare=False)
    loser: str = field(default="", compare=False)


Request = t.Union[Accept, RouteChange, AddTags, RemoveTags, EnableDns]


def to_change(request: Request) -> Change:
    """Return the change that a request makes."""
    if isinstance(request, RouteChange):
        action: t.Literal["create", "update", "delete"] = "update" if request.action == "replace" else request.action
        before = {"target": request.before} if request.before is not None else None
        after = {"target": request.target, **replaced_by(request)} if request.action != "delete" else None
        return Change(action, f"route to {request.block} in {request.table_id}", before, after)
    if isinstance(request, AddTags):
        return Change("update", "tags", dict(request.before), dict(request.tags))
    if isinstance(request, RemoveTags):
        return Change("update", "other tags", dict(request.tags), {})
    if isinstance(request, EnableDns):
        return Change("update", request.name, {"enabled": False}, {"enabled": True})
    return Change("update", "status", {}, {"status": ACTIVE})


def replaced_by(change: RouteChange) -> dict[str, str]:
    """Return `replaces` of a change that takes addresses from a wider route, in words; else nothing."""
    taken = change.takeover
    if taken is None:
        return {}
    assumed = f", if Atlas chooses {taken.block}" if taken.is_assumed else ""
    return {"replaces": f"{taken.destination} to {taken.target}{assumed}"}


def view_after(view: View, request: Request) -> View:
    """Return the view after a request."""
    if isinstance(request, RouteChange):
        return _with_route(view, request)
    if isinstance(request, EnableDns):
        enabled: dict[str, t.Any] = {request.name: True}
        return view if view.vpc is None else replace(view, vpc=replace(view.vpc, **enabled))
    if isinstance(request, Accept):
        return with_status(view, ACTIVE)
    connection = view.connection
    if connection is None:
        return view
    if isinstance(request, RemoveTags):
        tags = dict(connection.tags.items() - request.tags)
    else:
        tags = {**connection.tags, **dict(request.tags)}
    return replace(view, connection=replace(connection, tags=tags))


def shows(view: View, request: Request) -> bool:
    """Whether a view shows what a request brings about."""
    connection, vpc = view.connection, view.vpc
    if isinstance(request, RouteChange):
        route = next((route_to(one, request.block) for one in view.tables if one.id == request.table_id), None)
        if request.action == "delete":
            return route is None or route.target != request.before
        return route is not None and connection is not None and route.target == connection.id
    if isinstance(request, EnableDns):
        return vpc is not None and getattr(vpc, request.name) is True
    if isinstance(request, AddTags):
        return connection is not None and all(connection.tags.get(key) == value for key, value in request.tags)
    if isinstance(request, RemoveTags):
        return connection is not None and all(connection.tags.get(key) != value for key, value in request.tags)
    return connection is not None and connection.status in (ACTIVE, PROVISIONING)


def with_status(view: View, status: str, message: str | None = None) -> View:
    """Return the view with another status of the connection, AWS's message if known, and no expiration time."""
    if view.connection is None:
        return view
    return replace(view, connection=replace(view.connection, status=status, status_message=message, expiration_time=None))


def _with_route(view: View, change: RouteChange) -> View:
    def changed(table: RouteTable) -> RouteTable:
        old = route_to(table, change.block)
        routes = [one for one in table.routes if one is not old]
        if change.target is not None:
            routes.append(Route(change.block, change.target, is_peering=True))
        return replace(table, routes=tuple(routes))

    return replace(view, tables=tuple(changed(one) if one.id == change.table_id else one for one in view.tables))
