# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what a list of rules closes, in ranges of addresses and ports. The first rule that matches decides."""

from __future__ import annotations

import functools
import ipaddress
import typing as t
from dataclasses import dataclass

from ..._aws.objects import AclRule, Ports
from ..._values.blocks import ends_of, merge_ranges
from .areas import Area, blocks_of, shared_of, without

# AWS's numbers for all protocols, and for TCP.
_MATCHES_TCP = ("-1", "6")
_ALL_PORTS = Ports(0, 65535)


@dataclass(frozen=True)
class Closed:
    """What one rule closes.

    Attributes:
        rule: The rule; None if no rule matches, so that the default closes it.
        areas: What is closed, each a range of addresses and one of ports; no two of them overlap.
    """

    rule: AclRule | None
    areas: tuple[Area, ...]

    @property
    def blocks(self) -> list[ipaddress.IPv4Network]:
        """The addresses that are closed on any port."""
        return blocks_of(addresses for addresses, _ports in self.areas)

    @property
    def ports(self) -> list[tuple[int, int]]:
        """The ranges of ports that are closed for any address, in order, without overlaps."""
        return merge_ranges(ports for _addresses, ports in self.areas)


def closed_by(rules: t.Iterable[AclRule], block: ipaddress.IPv4Network, ranges: t.Iterable[tuple[int, int]]) -> list[Closed]:
    """Return what rules close for TCP: one element for each rule that denies, in order; the default comes last.

    Args:
        rules: The rules of one direction, in any order.
        block: The addresses that should be let through.
        ranges: The ports that should be let through, as first and last ones.
    """
    left: list[Area] = [(ends_of(block), ports) for ports in ranges]
    closed: list[Closed] = []
    for rule in sorted(rules, key=lambda rule: rule.number):
        if rule.protocol not in _MATCHES_TCP:
            continue
        own = _area_of(rule)
        matched = tuple(shared for area in left if (shared := shared_of(area, own)) is not None)
        left = [rest for area in left for rest in without(area, own)]
        if matched and not rule.allows:
            closed.append(Closed(rule, matched))
    return [*closed, Closed(None, tuple(left))] if left else closed


def single_addresses(rules: t.Iterable[AclRule], block: ipaddress.IPv4Network) -> list[ipaddress.IPv4Network]:
    """Return the addresses of a block that rules allow one by one, whatever the ports."""
    found = [ipaddress.IPv4Network(rule.cidr_block) for rule in rules if _is_single(rule)]
    return [one for one in dict.fromkeys(found) if one != block and one.subnet_of(block)]


def opens_single_addresses_alone(
    rules: t.Iterable[AclRule], block: ipaddress.IPv4Network, ranges: t.Sequence[tuple[int, int]]
) -> bool:
    """Whether rules for wider blocks let nothing of a block through on all of the ports."""
    closed = closed_by([rule for rule in rules if not _is_single(rule)], block, ranges)
    return blocks_of(addresses for one in closed for addresses, _ports in one.areas) == [block]


def _is_single(rule: AclRule) -> bool:
    return rule.allows and rule.cidr_block.endswith("/32")


# Cached: a rule is judged for several ranges of ports.
@functools.lru_cache(maxsize=4096)
def _area_of(rule: AclRule) -> Area:
    ports = rule.ports or _ALL_PORTS
    return ends_of(ipaddress.IPv4Network(rule.cidr_block)), (ports.first, ports.last)
