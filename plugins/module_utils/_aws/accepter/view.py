# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read for atlas_vpc_peer_accepter, and how a result shows it."""

from __future__ import annotations

import typing as t
from dataclasses import asdict, dataclass, field

from ..._values.blocks import do_overlap
from ..objects import DNS_ATTRIBUTES, ENDED, PeeringConnection, Route, RouteTable, Vpc

_NOT_SHOWN = ("refuses_peerings", "encryption_id", "allows_remote_dns", "dhcp_options_id", "name")


@dataclass(frozen=True)
class View:
    """The state of one account's network in one region, as far as the accepter needs it.

    Attributes:
        region: The region.
        account_id: The account of the credentials; None if AWS does not say.
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
            return f"region {self.region} (AWS does not say whose credentials these are: the owner of the VPC was not checked)"
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
    """Return the route of a table to exactly a block: the static or the propagated one; None if there is none."""
    return next((one for one in table.routes if one.destination == block and one.is_propagated == propagated), None)


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
