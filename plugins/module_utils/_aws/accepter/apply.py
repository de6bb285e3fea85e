# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Making one change of atlas_vpc_peer_accepter: a route's target is read again right before it is replaced or deleted."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, OvertakenError

from ..network import Network
from ..objects import PeeringConnection, Vpc
from .steps import AddTags, EnableDns, RouteChange, Step
from .view import View, route_to


def make_change(network: Network, view: View, step: Step) -> bool:
    """Make a change, and return whether this task made it."""
    if isinstance(step, AddTags):
        network.add_tags(t.cast(PeeringConnection, view.connection).id, dict(step.tags))
    elif isinstance(step, EnableDns):
        network.enable_dns(t.cast(Vpc, view.vpc).id, step.name)
    elif isinstance(step, RouteChange):
        return _change_route(network, step)
    return True


def _change_route(network: Network, change: RouteChange) -> bool:
    """Change a route whose target is still the one that was read.

    Raises:
        OvertakenError: When it is another one by now.
    """
    if change.action == "create":
        network.create_route(change.table_id, change.block, t.cast("str", change.target))
        return True
    table = next(iter(network.find_route_tables([change.table_id])), None)
    route = route_to(table, change.block) if table is not None else None
    target = route.target if route is not None else None
    if target != change.before:
        raise OvertakenError(
            f"The route to {change.block} in {change.table_id} has changed meanwhile: "
            f"it led to {change.before}, and now leads to {target}.",
            hint="Run the task again.",
        )
    if change.action == "replace":
        network.replace_route(change.table_id, change.block, t.cast("str", change.target))
        return True
    try:
        network.delete_route(change.table_id, change.block)
    except AtlasError as error:
        if error.error_code == "InvalidRoute.NotFound":
            return False
        raise
    return True
