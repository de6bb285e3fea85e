# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds where the route tables of subnets send the block of the container."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..._aws.objects import Route, RouteTable, Subnet
from ..facts import ConnectionFacts, Unread, known
from .common import atlas_block_of, connection_id_of, table_of, with_ipv4
from .prefixes import Part, parts_of, ways_of


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
    return f"{table.id} (main)" if table.is_main else table.id


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
