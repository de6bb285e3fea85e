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

# Ranks of routes to the same block: AWS uses the greatest. A more specific route takes precedence over all of them. Of several
# lists with the same block and different targets, AWS takes any.
# Source: "How route priority works" in the Amazon VPC user guide.
_STATIC, _LIST, _PROPAGATED = 2, 1, 0


@dataclass(frozen=True)
class Way:
    """A route to one block, whose ends are numbers; a route to a prefix list is a way to each block of the list."""

    first: int
    last: int
    route: Route
    rank: int

    @property
    def block(self) -> Network:
        """The block."""
        (only,) = ipaddress.summarize_address_range(ipaddress.IPv4Address(self.first), ipaddress.IPv4Address(self.last))
        return only

    @property
    def is_of_list(self) -> bool:
        """Whether its route is to a prefix list that has the block."""
        return self.rank == _LIST


@dataclass(frozen=True)
class Part:
    """Addresses that a table treats alike; `route` is None if it has no route for them.

    `rivals` has the routes with other targets that AWS may take as well: those to lists with the same block.
    """

    blocks: tuple[Network, ...]
    route: Route | None
    rivals: tuple[Route, ...] = ()


def static_way(block: Network, target: str) -> Way:
    """Return the way of a static route, such as one to add."""
    return Way(*ends_of(block), Route(str(block), target), _STATIC)


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
    pieces: dict[tuple[Route | None, tuple[Route, ...]], list[Network]] = {}
    for first, last, route, rivals in _split(*ends_of(block), ordered):
        found = ipaddress.summarize_address_range(*map(ipaddress.IPv4Address, (first, last)))
        pieces.setdefault((route, rivals), []).extend(found)
    parts = [Part(tuple(ipaddress.collapse_addresses(blocks)), *routes) for routes, blocks in pieces.items()]
    return sorted(parts, key=lambda part: part.blocks[0])


def _split(first: int, last: int, ways: t.Sequence[Way]) -> t.Iterator[tuple[int, int, Route | None, tuple[Route, ...]]]:
    """Yield the parts of a block that no way divides, each with its route and the rivals of that.

    If two CIDR blocks overlap, one contains the other.
    """
    ways = [way for way in ways if way.first <= last and way.last >= first]
    if any(way.last - way.first < last - first for way in ways):
        middle = (first + last) // 2
        yield from _split(first, middle, ways)
        yield from _split(middle + 1, last, ways)
        return
    best = max(ways, key=lambda way: (way.first - way.last, way.rank), default=None)
    if best is None:
        yield first, last, None, ()
        return
    alike = [way.route for way in ways if (way.first, way.rank) == (best.first, best.rank) and way.last == best.last]
    rivals = (route for route in alike if best.rank == _LIST and route.target != best.route.target)
    yield first, last, best.route, tuple(dict.fromkeys(rivals))


# Cached: one list is in many tables of a VPC.
@functools.lru_cache(maxsize=4096)
def _ends_of(block: str) -> tuple[int, int]:
    return ends_of(Network(block))
