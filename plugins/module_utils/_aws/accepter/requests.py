# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes that atlas_vpc_peer_accepter makes, and the view after each."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..._engine.plan import Change
from ..objects import ACTIVE, PROVISIONING, Route, RouteAction, RouteTable
from .view import View, route_to


@dataclass(frozen=True)
class Accept:
    """Accept the connection."""


@dataclass(frozen=True)
class AddTags:
    """Add tags to the connection."""

    tags: tuple[tuple[str, str], ...]


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
        return Change("update", "tags", {}, dict(request.tags))
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
