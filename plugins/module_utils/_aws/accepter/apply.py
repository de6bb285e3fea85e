# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making one change of atlas_vpc_peer_accepter: a route's target is read again right before it is replaced or deleted."""

from __future__ import annotations

import typing as t

from ..._http.errors import OvertakenError
from ..network import Network
from ..objects import PeeringConnection, Vpc
from .requests import Accept, AddTags, EnableDns, Request, RouteChange, view_after, with_status
from .view import PENDING, PROVISIONING, View, route_to


def make_change(network: Network, view: View, request: Request) -> View:
    """Make a change, and return the view after it.

    Raises:
        AtlasError: If it is refused or lost, or if a route is another one by now.
    """
    if isinstance(request, Accept):
        return _accept(network, view)
    if isinstance(request, AddTags):
        network.add_tags(t.cast(PeeringConnection, view.connection).id, dict(request.tags))
    elif isinstance(request, EnableDns):
        network.enable_dns(t.cast(Vpc, view.vpc).id, request.name)
    else:
        _change_route(network, request)
    return view_after(view, request)


def _accept(network: Network, view: View) -> View:
    accepted = network.accept(t.cast(PeeringConnection, view.connection).id)
    if accepted is None or accepted.status == PENDING:
        return with_status(view, PROVISIONING)
    return with_status(view, accepted.status, accepted.status_message)


def _change_route(network: Network, change: RouteChange) -> None:
    """Change a route whose target is still the one that was read.

    Raises:
        OvertakenError: If it is another one by now.
    """
    if change.action != "create":
        routes = [route_to(table, change.block) for table in network.find_route_tables([change.table_id])]
        target = next((route.target for route in routes if route is not None), None)
        if target != change.before:
            raise OvertakenError(
                f"The route to {change.block} in {change.table_id} has changed meanwhile: "
                f"it led to {change.before}, and now leads to {target}.",
                hint="Run the task again.",
            )
    network.change_route(change.action, change.table_id, change.block, change.target)
