# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds where a route table sends the addresses of a block: the longest prefix wins."""

from __future__ import annotations

import functools
import ipaddress
import typing as t
from dataclasses import dataclass

from ..._aws.objects import Route, RouteTable
from ..._values.blocks import ends_of
from ..facts import Fact, Missing, Unread

Network = ipaddress.IPv4Network
ListBlocks = t.Mapping[str, Fact[t.Sequence[str]]]

# Ranks of routes to the same block: AWS uses the greatest. A more specific route takes precedence over all of them.
# Source: "Route priority" in the Amazon VPC user guide.
_STATIC, _LIST, _PROPAGATED = 2, 1, 0


@dataclass(frozen=True)
class Way:
    """A route to one block, whose ends are numbers; a route to a prefix list is a way to each block of the list."""

    first: int
    last: int
    route: Route
    rank: int


@dataclass(frozen=True)
class Part:
    """Addresses that a table treats alike; `route` is None if it has no route for them."""

    blocks: tuple[Network, ...]
    route: Route | None


@dataclass(frozen=True)
class Ways:
    """The ways of a table, and its routes to prefix lists whose blocks are not known."""

    known: tuple[Way, ...]
    unread: tuple[tuple[Route, Unread], ...]


def ways_of(table: RouteTable, lists: Fact[ListBlocks]) -> Ways:
    """Return the ways of a table, without those of gateway endpoints: these lead to public addresses.

    Args:
        table: The table.
        lists: The blocks of prefix lists, by id.
    """
    ways = [Way(*_ends_of(one.destination), one, _PROPAGATED if one.is_propagated else _STATIC) for one in table.routes]
    unread = []
    for route in (one for one in table.list_routes if not one.is_of_endpoint):
        blocks = blocks_of_list(route.destination, lists)
        if isinstance(blocks, Unread):
            unread.append((route, blocks))
        else:
            ways += [Way(*_ends_of(block), route, _LIST) for block in blocks]
    return Ways(tuple(ways), tuple(unread))


def blocks_of_list(list_id: str, lists: Fact[ListBlocks]) -> list[str] | Unread:
    """Return the IPv4 blocks of a prefix list; `Unread` if they are not known."""
    blocks = lists if isinstance(lists, (Unread, Missing)) else lists.get(list_id)
    if isinstance(blocks, Unread):
        return blocks
    if blocks is None or isinstance(blocks, Missing):
        return Unread(f"The entries of {list_id} are not known.", "ec2:GetManagedPrefixListEntries")
    return [block for block in blocks if ":" not in block]


def parts_of(block: Network, ways: t.Iterable[Way], wanted: str) -> list[Part]:
    """Return how a table divides a block, in the order of the addresses.

    Args:
        block: The block.
        ways: The ways of the table.
        wanted: The target that the addresses should have. If two prefix lists have the same block, AWS may use either route, so
            the one with another target counts.
    """
    # `max` returns the first of equals, so ways with another target come first.
    ordered = sorted(ways, key=lambda way: way.route.target == wanted)
    pieces: dict[Route | None, list[Network]] = {}
    for first, last, route in _split(*ends_of(block), ordered):
        pieces.setdefault(route, []).extend(ipaddress.summarize_address_range(*map(ipaddress.IPv4Address, (first, last))))
    parts = [Part(tuple(ipaddress.collapse_addresses(found)), route) for route, found in pieces.items()]
    return sorted(parts, key=lambda part: part.blocks[0])


def _split(first: int, last: int, ways: t.Sequence[Way]) -> t.Iterator[tuple[int, int, Route | None]]:
    """Yield the parts of a block that no way divides, each with its route. If two CIDR blocks overlap, one contains the other."""
    ways = [way for way in ways if way.first <= last and way.last >= first]
    if any(way.last - way.first < last - first for way in ways):
        middle = (first + last) // 2
        yield from _split(first, middle, ways)
        yield from _split(middle + 1, last, ways)
        return
    best = max(ways, key=lambda way: (way.first - way.last, way.rank), default=None)
    yield first, last, best.route if best else None


# Cached: one list is in many tables of a VPC.
@functools.lru_cache(maxsize=4096)
def _ends_of(block: str) -> tuple[int, int]:
    return ends_of(Network(block))
