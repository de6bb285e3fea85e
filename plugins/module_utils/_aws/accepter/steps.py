# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The changes that atlas_vpc_peer_accepter makes, and what each makes of what was read. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..objects import Route, RouteTable
from .view import ACTIVE, View, route_to


@dataclass(frozen=True)
class Accept:
    """Accept the connection."""


@dataclass(frozen=True)
class AddTags:
    """Add tags to the connection."""

    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EnableDns:
    """Enable an attribute for DNS of the VPC."""

    name: str


@dataclass(frozen=True)
class RouteChange:
    """A change of the route to a block in one route table.

    Attributes:
        before: The target that the route has; None if there is none that counts.
        target: The connection that it will lead to; None if it goes, or if the connection is not known yet (check mode).
    """

    action: t.Literal["create", "replace", "delete"]
    table_id: str
    block: str
    before: str | None
    target: str | None


Step = t.Union[Accept, RouteChange, AddTags, EnableDns]


def predict(view: View, steps: t.Iterable[Step]) -> View:
    """Return the view after all steps."""
    for step in steps:
        view = after(view, step)
    return view


def after(view: View, step: Step) -> View:
    """Return the view after a step."""
    if isinstance(step, RouteChange):
        return with_route(view, step)
    if isinstance(step, AddTags):
        return with_tags(view, dict(step.tags))
    if isinstance(step, EnableDns):
        return with_dns(view, step.name)
    return with_status(view, ACTIVE)


def with_status(view: View, status: str, message: str | None = None) -> View:
    """Return the view with the connection in another state; what AWS will say of it is not known before."""
    if view.connection is None:
        return view
    return replace(view, connection=replace(view.connection, status=status, status_message=message, expiration_time=None))


def with_route(view: View, change: RouteChange) -> View:
    """Return the view after a change of a route."""

    def changed(table: RouteTable) -> RouteTable:
        old = route_to(table, change.block)
        routes = [one for one in table.routes if one is not old]
        if change.target is not None:
            routes.append(Route(change.block, change.target, is_peering=True))
        return replace(table, routes=tuple(routes))

    return replace(view, tables=tuple(changed(one) if one.id == change.table_id else one for one in view.tables))


def with_tags(view: View, tags: t.Mapping[str, str]) -> View:
    """Return the view after tags were added to the connection."""
    if view.connection is None:
        return view
    return replace(view, connection=replace(view.connection, tags={**view.connection.tags, **tags}))


def with_dns(view: View, name: str) -> View:
    """Return the view after an attribute for DNS was enabled."""
    return replace(view, vpc=view.vpc.with_dns(**{name: True})) if view.vpc is not None else view
