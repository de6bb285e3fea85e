# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIDR blocks and areas of ranges: parsing, overlaps, and the parts of one outside others."""

from __future__ import annotations

import bisect
import functools
import ipaddress
import itertools
import typing as t

from .patterns import InvalidValueError

# The first and the last number.
Range = tuple[int, int]

# RFC 1918: Atlas refuses every other range (INVALID_ROUTE_TABLE_CIDR, ATLAS_INVALID_CIDR_RANGE).
_PRIVATE_NETWORKS = tuple(ipaddress.IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))

Block = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def network_in(text: str) -> Block | None:
    """Return the network that a text is; None if it is none, or has host bits."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def address_in(text: str) -> Address | None:
    """Return the address that a text is; None if it is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def parse_block(value: str, hint: str) -> Block:
    """Return a CIDR block; it must be written in canonical form, without host bits, as Atlas returns it.

    Args:
        value: The text of the block.
        hint: What to do if the text is not a block.

    Raises:
        InvalidValueError: If the text is not a block, or not canonical; the hint then gives the canonical form.
    """
    try:
        network = ipaddress.ip_network(value, strict=False)
        address = ipaddress.ip_address(value.partition("/")[0])
    except ValueError:
        raise InvalidValueError(f"is not a CIDR block: {value!r}", hint) from None
    if "/" not in value:
        raise InvalidValueError(f"is an address without a prefix length: {value!r}", hint)
    if address != network.network_address:
        raise InvalidValueError(f"has host bits set: {value!r}", f"The block is {network}.")
    if str(network) != value:
        raise InvalidValueError(f"is not in its canonical form: {value!r}", f"Write {network}.")
    return network


def parse_private_block(value: str) -> ipaddress.IPv4Network:
    """Return the CIDR block of a network in AWS or Atlas, which must be IPv4 and private.

    Raises:
        InvalidValueError: If the text is not such a block.
    """
    hint = "Give an IPv4 CIDR block, such as 10.0.0.0/16."
    if ":" in value:
        raise InvalidValueError(f"is an IPv6 block: {value!r}; Atlas peers IPv4 only", hint)
    network = parse_block(value, hint)
    if not isinstance(network, ipaddress.IPv4Network) or not is_private(network):
        raise InvalidValueError(f"is not private: {value!r}", f"Atlas takes blocks within {private_blocks_text()} only.")
    return network


def parse_client_block(value: str) -> str:
    """Return a block of clients, private or public.

    Raises:
        InvalidValueError: If it is not a block for IPv4.
    """
    hint = "Give an IPv4 CIDR block, such as 10.0.0.0/16."
    network = parse_block(value, hint)
    if not isinstance(network, ipaddress.IPv4Network):
        raise InvalidValueError(f"is an IPv6 block: {value!r}; Atlas peers IPv4 only", hint)
    return str(network)


def is_private(block: ipaddress.IPv4Network) -> bool:
    """Whether a block is one that Atlas takes: within the private networks of RFC 1918."""
    return any(block.subnet_of(private) for private in _PRIVATE_NETWORKS)


def private_blocks_text() -> str:
    """Return the private networks, for a message."""
    return ", ".join(map(str, _PRIVATE_NETWORKS))


# Each block is compared with many others.
_network_of = functools.lru_cache(4096)(ipaddress.ip_network)


def do_overlap(block: str | None, other: str | None) -> bool:
    """Whether two CIDR blocks overlap. False if either is missing or not a block: Atlas decides then."""
    try:
        return block is not None and other is not None and _network_of(block).overlaps(_network_of(other))
    except (TypeError, ValueError):
        return False


def is_part(block: str | None, other: str | None) -> bool:
    """Whether a CIDR block is a part of another one, or equal. False if either is missing or not a block."""
    if block is None or not do_overlap(block, other):
        return False
    return _network_of(block).prefixlen >= _network_of(str(other)).prefixlen


def ends_of(block: ipaddress.IPv4Network) -> Range:
    """Return the first and last address of a block as numbers: these compare much faster than blocks."""
    return int(block.network_address), int(block.broadcast_address)


def merge_ranges(ranges: t.Iterable[Range]) -> list[Range]:
    """Return ranges of numbers in order; those that overlap or touch are merged."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def parts_outside(
    blocks: t.Iterable[ipaddress.IPv4Network], others: t.Iterable[ipaddress.IPv4Network]
) -> dict[ipaddress.IPv4Network, list[ipaddress.IPv4Network]]:
    """Return, by block, the parts outside all `others`: as few blocks as possible, in ascending order."""
    return parts_outside_ranges(blocks, merge_ranges(map(ends_of, others)))


def parts_outside_ranges(
    blocks: t.Iterable[ipaddress.IPv4Network], ranges: t.Sequence[Range]
) -> dict[ipaddress.IPv4Network, list[ipaddress.IPv4Network]]:
    """Do what `parts_outside` does, for ranges as `merge_ranges` returns them: most are not looked at."""
    found = {}
    for block in blocks:
        first, last = ends_of(block)
        start = max(0, bisect.bisect_right(ranges, (first, last)) - 1)
        found[block] = list(_outside(first, last, itertools.islice(ranges, start, None)))
    return found


def is_within(block: ipaddress.IPv4Network, others: t.Iterable[ipaddress.IPv4Network]) -> bool:
    """Whether `others` together contain every address of a block."""
    return not parts_outside([block], others)[block]


def _outside(position: int, end: int, ranges: t.Iterable[Range]) -> t.Iterator[ipaddress.IPv4Network]:
    """Yield the blocks from `position` to `end`, both included, outside `ranges`; these are sorted."""
    for first, last in ranges:
        if first > end:
            break
        if first > position:
            yield from _blocks_between(position, first - 1)
        position = max(position, last + 1)
    if position <= end:
        yield from _blocks_between(position, end)


def _blocks_between(first: int, last: int) -> t.Iterator[ipaddress.IPv4Network]:
    return ipaddress.summarize_address_range(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last))


# A range in each dimension. Two areas that meet have the same dimensions.
Area = tuple[Range, ...]


def shared_of(area: Area, other: Area) -> Area | None:
    """Return the part that two areas share; None if they do not meet."""
    shared = tuple((max(one[0], two[0]), min(one[1], two[1])) for one, two in zip(area, other))
    return None if any(first > last for first, last in shared) else shared


def without(area: Area, other: Area) -> list[Area]:
    """Return the parts of an area outside another one: at most two for each dimension."""
    shared = shared_of(area, other)
    if shared is None:
        return [area]
    pieces: list[Area] = []
    for index, (own, common) in enumerate(zip(area, shared)):
        for rest in ((own[0], common[0] - 1), (common[1] + 1, own[1])):
            if rest[0] <= rest[1]:
                pieces.append((*shared[:index], rest, *area[index + 1 :]))
    return pieces


def blocks_of(ranges: t.Iterable[Range]) -> list[ipaddress.IPv4Network]:
    """Return ranges of IPv4 addresses as blocks, in order."""
    return [block for ends in merge_ranges(ranges) for block in _blocks_between(*ends)]
