# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which entries of the access list let the judged subnets in. Pure."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import typing as t

from .._aws.objects import Subnet
from .._clouds.checked import AWS
from .._resources.access_list import key_of
from .._values.blocks import ends_of, parts_outside
from .._values.moments import to_moment
from .._values.regions import same_region
from .facts import AtlasObject, Facts, SkippedError, Unread, UnreadError, known
from .judge import judged_subnets
from .ranges import client_ranges

Entries = t.Sequence[AtlasObject]
# The parts of a subnet that no entry covers, by the subnet.
Gaps = t.Mapping[Subnet, t.Sequence[ipaddress.IPv4Network]]


def entries_in_force(facts: Facts) -> list[AtlasObject]:
    """Return the entries whose time is not over.

    Raises:
        UnreadError, SkippedError: If the access list is not known, or the end of an entry.
    """
    moments = [(one, expires_at(one)) for one in known(facts.atlas.access_list)]
    return [one for one, moment in moments if moment is None or moment > facts.now]


def expires_at(entry: AtlasObject) -> datetime.datetime | None:
    """Return when an entry ends; None for one that stays.

    Raises:
        UnreadError: If Atlas tells something else than a date.
    """
    date = entry["delete_after_date"]
    try:
        return None if date is None else to_moment(date)
    except ValueError:
        raise UnreadError(Unread(f"Atlas does not tell when {key_of(entry)} ends, but {date!r}.")) from None


def deciding_entries(facts: Facts) -> list[AtlasObject]:
    """Return the entries by which the judged subnets are covered, and whose status therefore counts.

    If an entry covers a subnet as a whole, those that cover parts of it do not count: a list may have hundreds of addresses.
    Without the access list or the subnets, there are none.
    """
    try:
        subnets = judged_networks(facts)
        entries = entries_in_force(facts)
        gaps = find_gaps(subnets, entries)
        groups = covering_groups(facts, entries) if gaps else frozenset()
    except (SkippedError, UnreadError):
        return []
    ranges = [(one, *ends_of(network)) for one in entries if (network := network_of(one)) is not None]
    deciding = [one for one in entries if group_of(one) in groups]
    for start, end in (ends_of(block) for subnet, block in subnets.items() if subnet not in gaps):
        whole = [one for one, first, last in ranges if first <= start and last >= end]
        deciding += whole or [one for one, first, last in ranges if first <= end and last >= start]
    return list({key_of(one): one for one in deciding}.values())


def judged_networks(facts: Facts) -> dict[Subnet, ipaddress.IPv4Network]:
    """Return the blocks of the judged subnets, without those for IPv6 alone; on other clouds, each block of clients is one.

    Raises:
        UnreadError, SkippedError: If the subnets are not known.
    """
    if facts.entry.cloud is not AWS:
        return {Subnet(str(one), facts.entry.network, str(one)): one for one in client_ranges(facts)}
    return {one: ipaddress.IPv4Network(one.cidr_block) for one in judged_subnets(facts) if one.cidr_block is not None}


def find_gaps(subnets: t.Mapping[Subnet, ipaddress.IPv4Network], entries: Entries) -> Gaps:
    """Return the parts of subnets that no block and no address of the entries covers."""
    networks = list(filter(None, map(network_of, entries)))
    outside = parts_outside(subnets.values(), networks)
    return {subnet: outside[block] for subnet, block in subnets.items() if outside[block]}


def find_uncovered(facts: Facts, entries: Entries) -> Gaps:
    """Return the parts of the judged subnets that entries do not cover, neither by blocks nor by security groups.

    Raises:
        UnreadError, SkippedError: If the subnets, the groups or the interfaces are not known.
    """
    gaps = find_gaps(judged_networks(facts), entries)
    return {} if gaps and covering_groups(facts, entries) else gaps


def covering_groups(facts: Facts, entries: Entries) -> frozenset[str]:
    """Return the security groups among the entries that let the clients in, or that may, if the options name no clients.

    If the connection itself names the group of its clients, no other one counts. Only AWS has security groups.

    Raises:
        UnreadError, SkippedError: If the groups or interfaces are not known.
    """
    if facts.entry.cloud is not AWS:
        return frozenset()
    listed = {group for one in entries if (group := group_of(one)) is not None}
    clients = client_groups(facts)
    if not listed or clients is not None:
        return frozenset(listed & (clients or frozenset()))
    own = group_id(facts.entry.aws_security_group)
    if own is not None:
        return frozenset(listed & {own})
    groups = known(facts.aws.security_groups)
    here = {name for name in listed if name in groups and groups[name].vpc_id == facts.entry.vpc_id}
    return frozenset(set() if is_across_regions(facts) else here)


def client_groups(facts: Facts) -> frozenset[str] | None:
    """Return the security groups of the clients that the options name; None if they name neither groups nor instances.

    Raises:
        UnreadError, SkippedError: If the interfaces of the instances are not known.
    """
    asked = facts.asked
    if asked.security_group_ids is None and asked.instance_ids is None:
        return None
    interfaces = known(facts.aws.interfaces) if asked.instance_ids is not None else ()
    return frozenset((*(asked.security_group_ids or ()), *(group for one in interfaces for group in one.security_group_ids)))


def is_across_regions(facts: Facts) -> bool:
    """Whether the VPC is in another region than the container: the access list knows no groups across regions."""
    peer, container = facts.atlas.peer, known(facts.atlas.container)
    told = known(peer)["accepter_region_name"] if isinstance(peer, dict) else facts.entry.region
    return container is not None and told is not None and not same_region(told, container["region_name"])


def group_id(name: t.Any) -> str | None:
    """Return the id of a security group without the account that may stand before it."""
    return str(name).rpartition("/")[2] if name else None


def group_of(entry: AtlasObject) -> str | None:
    """Return the security group of an entry, without its account; None for a block or an address."""
    return group_id(entry["aws_security_group"])


def network_of(entry: AtlasObject) -> ipaddress.IPv4Network | None:
    """Return the IPv4 block of an entry; None for a security group, for IPv6, and for what is not a block."""
    return _to_network(key_of(entry) or "")


@functools.lru_cache(maxsize=1024)
def _to_network(key: str) -> ipaddress.IPv4Network | None:
    """Return a block of the access list, which is the same for all connections of the project."""
    try:
        return ipaddress.IPv4Network(key)
    except ValueError:
        return None
