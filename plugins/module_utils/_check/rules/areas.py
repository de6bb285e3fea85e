# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Areas of ranges, such as addresses and ports: what two of them share, and what is left of one without another."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._values.blocks import Range, merge_ranges

# A range in each dimension. Two areas that meet have the same dimensions.
Area = tuple[Range, ...]


def shared_of(area: Area, other: Area) -> Area | None:
    """Return what two areas share; None if that is nothing."""
    shared = tuple((max(one[0], two[0]), min(one[1], two[1])) for one, two in zip(area, other))
    return None if any(first > last for first, last in shared) else shared


def without(area: Area, other: Area) -> list[Area]:
    """Return what is left of an area without another one, in at most two pieces for each dimension."""
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
    ends = [(ipaddress.IPv4Address(first), ipaddress.IPv4Address(last)) for first, last in merge_ranges(ranges)]
    return [block for one in ends for block in ipaddress.summarize_address_range(*one)]
