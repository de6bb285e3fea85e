# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which block of a connection, to which Atlas routes replies, would hold all clients: `route_table_cidr_block`."""

from __future__ import annotations

import ipaddress
import typing as t

from ..._aws.objects import Subnet
from ..._values.blocks import is_private, private_blocks_text
from ..facts import ConnectionFacts, or_none
from .common import atlas_block_of, need_subnets, vpc_blocks_of, with_ipv4

_Network = ipaddress.IPv4Network
_SET = "Set route_table_cidr_block (cidr_block in the role) to"


def advice_for(subnet: Subnet, current: _Network, facts: ConnectionFacts) -> str:
    """Return what to do about a subnet to which Atlas has no way back.

    Args:
        subnet: The subnet.
        current: The block of the connection.
        facts: All facts.
    """
    snat = f"se SNAT to addresses of {current}, as for pods, and leave this subnet out with subnet_ids"
    if not is_private(_Network(subnet.cidr_block or "")):
        return f"U{snat}: Atlas routes blocks within {private_blocks_text()} only."
    block = block_of_vpc(facts)
    if block is not None:
        lost = "" if current.subnet_of(block) else f" Atlas then has no way back to the rest of {current}."
        return f"{_SET} {block}, the block of the VPC with all these subnets.{lost} Or u{snat}."
    wider = _around([*_clients(facts), current])
    if wider is None or wider.overlaps(atlas_block_of(facts)):
        return f"U{snat}: no private block has all of these subnets, and not {atlas_block_of(facts)} of Atlas itself."
    more = (
        ""
        if [*ipaddress.collapse_addresses(_clients(facts))] == [wider]
        else (f": it overlaps every VPC within {wider} that this network container may get, and shuts these out")
    )
    return f"U{snat}. Or set{_SET[3:]} {wider}{more}."


def block_of_vpc(facts: ConnectionFacts) -> _Network | None:
    """Return the block of the VPC that holds all clients' subnets, but for those that Atlas does not take; None if none does."""
    clients = _clients(facts)
    blocks = [one for one in or_none(lambda: vpc_blocks_of(facts)) or () if is_private(one)]
    return next((one for one in blocks if clients and all(each.subnet_of(one) for each in clients)), None)


def _clients(facts: ConnectionFacts) -> list[_Network]:
    """Return the blocks of the judged subnets that Atlas may route to."""
    blocks = [_Network(one.cidr_block or "") for one in with_ipv4(or_none(lambda: need_subnets(facts)) or ())]
    return [one for one in blocks if is_private(one)]


def _around(blocks: t.Sequence[_Network]) -> _Network | None:
    """Return the smallest block that has several others, if it is private."""
    first, last = min(int(one.network_address) for one in blocks), max(int(one.broadcast_address) for one in blocks)
    wider = _Network((first, 32 - (first ^ last).bit_length()), strict=False)
    return wider if is_private(wider) else None
