# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what a list of rules closes, in ranges of addresses and ports. The first rule that matches decides."""

from __future__ import annotations

import functools
import ipaddress
import typing as t
from dataclasses import dataclass

from ..._aws.objects import AclRule, Ports
from ..._values.blocks import ends_of

# AWS's numbers for all protocols, and for TCP.
_MATCHES_TCP = ("-1", "6")
_ALL_PORTS = Ports(0, 65535)


@dataclass(frozen=True)
class Area:
    """A range of addresses, as numbers, and a range of ports; the ends are included."""

    first_address: int
    last_address: int
    first_port: int
    last_port: int


@dataclass(frozen=True)
class Closed:
    """What one rule closes.

    Attributes:
        rule: The rule; None if no rule matches, so that the default closes it.
        areas: What is closed; no two of them overlap.
    """

    rule: AclRule | None
    areas: tuple[Area, ...]

    @property
    def blocks(self) -> list[ipaddress.IPv4Network]:
        """The addresses that are closed on any port."""
        found: list[ipaddress.IPv4Network] = []
        for area in self.areas:
            ends = ipaddress.IPv4Address(area.first_address), ipaddress.IPv4Address(area.last_address)
            found += ipaddress.summarize_address_range(*ends)
        return list(ipaddress.collapse_addresses(found))

    @property
    def ports(self) -> list[tuple[int, int]]:
        """The ranges of ports that are closed for any address, in order, without overlaps."""
        return merge_ranges((area.first_port, area.last_port) for area in self.areas)


def closed_by(rules: t.Iterable[AclRule], block: ipaddress.IPv4Network, ranges: t.Iterable[tuple[int, int]]) -> list[Closed]:
    """Return what rules close for TCP: one element for each rule that denies, in order; the default comes last.

    Args:
        rules: The rules of one direction, in any order.
        block: The addresses that should be let through.
        ranges: The ports that should be let through, as first and last ones.
    """
    left = [Area(*ends_of(block), *ports) for ports in ranges]
    closed: list[Closed] = []
    for rule in sorted(rules, key=lambda rule: rule.number):
        if rule.protocol not in _MATCHES_TCP:
            continue
        own = _area_of(rule)
        matched = tuple(shared for area in left if (shared := _shared(area, own)) is not None)
        left = [rest for area in left for rest in _without(area, own)]
        if matched and not rule.allows:
            closed.append(Closed(rule, matched))
    return [*closed, Closed(None, tuple(left))] if left else closed


def merge_ranges(ranges: t.Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges of numbers in order; those that overlap or touch are merged."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


# Cached: a rule is judged for several ranges of ports.
@functools.lru_cache(maxsize=4096)
def _area_of(rule: AclRule) -> Area:
    ports = rule.ports or _ALL_PORTS
    return Area(*ends_of(ipaddress.IPv4Network(rule.cidr_block)), ports.first, ports.last)


def _shared(area: Area, other: Area) -> Area | None:
    shared = Area(
        max(area.first_address, other.first_address),
        min(area.last_address, other.last_address),
        max(area.first_port, other.first_port),
        min(area.last_port, other.last_port),
    )
    is_empty = shared.first_address > shared.last_address or shared.first_port > shared.last_port
    return None if is_empty else shared


def _without(area: Area, other: Area) -> list[Area]:
    """Return what is left of an area without another one, in at most four pieces."""
    shared = _shared(area, other)
    if shared is None:
        return [area]
    pieces = [
        (area.first_address, shared.first_address - 1, area.first_port, area.last_port),
        (shared.last_address + 1, area.last_address, area.first_port, area.last_port),
        (shared.first_address, shared.last_address, area.first_port, shared.first_port - 1),
        (shared.first_address, shared.last_address, shared.last_port + 1, area.last_port),
    ]
    return [Area(*piece) for piece in pieces if piece[0] <= piece[1] and piece[2] <= piece[3]]
