# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P3: the access list lets the clients in: by blocks, by addresses, or by security groups."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import typing as t

from ..._aws.objects import Subnet, Vpc
from ..._clouds.aws import AWS
from ..._clouds.azure import AZURE
from ..._clouds.cloud import ALL_CLOUDS
from ..._resources.access_list import key_of
from ..._values.blocks import ends_of, parts_outside
from ..._values.moments import to_moment
from ..._values.regions import same_region
from ..facts import AtlasObject, ConnectionFacts, Missing, SkippedError, Unread, UnreadError, known
from .common import judged_subnets, listed, span_text, to_network
from .rule import Finding, Findings, Severity, check, skip

_Entries = t.Sequence[AtlasObject]
# The parts of a subnet that no entry covers, by the subnet.
_Gaps = t.Mapping[Subnet, t.Sequence[ipaddress.IPv4Network]]
_SUBJECT = "access list"
# A check warns of an entry that expires within this time.
_SOON = datetime.timedelta(days=1)
# The status of an entry that Atlas has applied everywhere.
_IN_FORCE = "ACTIVE"
_NOT_IN_FORCE = ("PENDING", "FAILED")
_EVERYWHERE = ("0.0.0.0/0", "::/0")


@check("P301", clouds=ALL_CLOUDS)
def find_subnets_without_entry(facts: ConnectionFacts) -> Findings:
    """Each judged subnet is covered: by blocks and addresses together, or by a security group of the clients."""
    entries = _entries_in_force(facts)
    networks = _judged_networks(facts)
    if not networks:
        raise skip("There is no subnet to judge.")
    gaps = _find_gaps(networks, entries)
    if not gaps:
        return
    groups = _covering_groups(facts, entries)
    are_clients_named = _client_groups(facts) is not None
    if groups and are_clients_named:
        return
    evidence = {"subnets": {subnet.id: [str(part) for part in parts] for subnet, parts in gaps.items()}, "groups": sorted(groups)}
    where = _parts_text(gaps)
    if groups:
        message = f"Only members of {listed(sorted(groups))} may connect from {where}."
        fix = "Name the clients with security_group_ids or instance_ids to check them."
        yield Finding("info", _SUBJECT, message, fix, evidence)
        return
    message = f"No entry covers {where}."
    if are_clients_named and any(map(_group_of, entries)):
        message = f"No entry covers {where}, and the clients are in none of the groups of the access list."
    elif facts.entry.aws_security_group is not None and not are_clients_named:
        message = f"No entry covers {where}, and {facts.entry.aws_security_group} of the connection is not in the access list."
    fix = f"Add {_missing_blocks(gaps, facts)} to the access list: atlas_access_list, or the role."
    yield Finding("fail", _SUBJECT, message, fix, evidence, tuple(subnet.id for subnet in gaps))


@check("P302", clouds=ALL_CLOUDS)
def find_entries_out_of_force(facts: ConnectionFacts) -> Findings:
    """The entries that cover the judged subnets are in force, and stay so."""
    uncovered = _find_uncovered(facts, _entries_in_force(facts))
    if not _judged_networks(facts):
        raise skip("There is no subnet to judge.")
    deciding = deciding_entries(facts)
    if not deciding:
        raise skip("No entry covers a judged subnet.", "P301")
    ends = {str(key_of(one)): end - facts.now for one in deciding if (end := _expires_at(one)) is not None}
    soon = {key: left for key, left in ends.items() if left <= _SOON}
    if _difference(_find_uncovered(facts, [one for one in deciding if key_of(one) not in soon]), uncovered):
        for key, left in soon.items():
            fix = "Replace it by an entry without delete_after_date, if the clients need it longer."
            yield Finding("warn", key, f"{key} expires in {span_text(left)}.", fix, {"seconds_left": int(left.total_seconds())})
    yield from _find_inactive(deciding, uncovered, facts)


@check("P303")
def find_wrong_groups(facts: ConnectionFacts) -> Findings:
    """The security groups that let the clients in exist in the VPC, which is in the region of the container."""
    clients = _client_groups(facts) or frozenset()
    concerned = {_group_id(facts.entry.aws_security_group), *clients}
    entries = _entries_in_force(facts)
    names = sorted({group for one in entries if (group := _group_of(one)) is not None and group in concerned})
    if not names:
        raise skip("No entry of the access list names a security group of these clients.")
    # If blocks cover all subnets, wrong groups do no harm.
    severity: Severity = "fail" if _find_gaps(_judged_networks(facts), entries) else "warn"
    groups = known(facts.aws.security_groups)
    for name in names:
        found = groups.get(name)
        fix = "Correct the entry of the access list, or add the block of the VPC."
        if found is None:
            message = f"{name} does not exist in the account and region of the VPC."
        elif found.vpc_id != facts.entry.vpc_id:
            message = f"{name} is in {found.vpc_id}, not in {facts.entry.vpc_id}."
        elif _is_across_regions(facts):
            message = f"{name} is in another region than the network container: groups cannot be named across regions."
            fix = "Add the block of the VPC to the access list instead."
        else:
            continue
        yield Finding(severity, name, message, fix, {"vpc_id": found.vpc_id if found else None})


@check("P304", "info", clouds=ALL_CLOUDS)
def find_entry_for_everybody(facts: ConnectionFacts) -> Findings:
    """The access list does not let all addresses in."""
    for one in _entries_in_force(facts):
        if key_of(one) in _EVERYWHERE:
            message = f"{key_of(one)} is in the access list: every address on the internet may connect."
            yield Finding("info", str(key_of(one)), message, "Allow the blocks of your own networks instead.")


def deciding_entries(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the entries that cover the judged subnets, so that their status counts.

    If an entry covers a whole subnet, entries for parts of it do not count: a list may have hundreds of addresses. The result
    is empty if the access list or the subnets are not known.
    """
    try:
        subnets = _judged_networks(facts)
        entries = _entries_in_force(facts)
        gaps = _find_gaps(subnets, entries)
        groups = _covering_groups(facts, entries) if gaps else frozenset()
    except (SkippedError, UnreadError):
        return []
    ranges = [(one, *ends_of(network)) for one in entries if (network := _network_of(one)) is not None]
    deciding = [one for one in entries if _group_of(one) in groups]
    for start, end in (ends_of(block) for subnet, block in subnets.items() if subnet not in gaps):
        whole = [one for one, first, last in ranges if first <= start and last >= end]
        deciding += whole or [one for one, first, last in ranges if first <= end and last >= start]
    return list({key_of(one): one for one in deciding}.values())


def _entries_in_force(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the entries that have not expired."""
    moments = [(one, _expires_at(one)) for one in known(facts.atlas.access_list)]
    return [one for one, moment in moments if moment is None or moment > facts.now]


def _expires_at(entry: AtlasObject) -> datetime.datetime | None:
    """Return when an entry expires; None for never."""
    date = entry["delete_after_date"]
    try:
        return None if date is None else to_moment(date)
    except ValueError:
        raise UnreadError(Unread(f"Atlas does not tell when {key_of(entry)} ends, but {date!r}.")) from None


def _find_inactive(deciding: _Entries, uncovered: _Gaps, facts: ConnectionFacts) -> Findings:
    """Yield a failure for each entry that is not in force, if a subnet is not covered without it.

    It raises an UnreadError if a subnet may depend on an entry whose status could not be read.
    """
    statuses = {str(key_of(one)): known(facts.atlas.access_status).get(str(key_of(one))) for one in deciding}
    active = [one for one in deciding if statuses[str(key_of(one))] == _IN_FORCE]
    inactive = [one for one in deciding if statuses[str(key_of(one))] in _NOT_IN_FORCE]
    lost = _difference(_find_uncovered(facts, [one for one in deciding if one not in inactive]), uncovered)
    for one in inactive:
        network, key = _network_of(one), str(key_of(one))
        touched = [
            subnet.id for subnet, parts in lost.items() if network is None or any(part.overlaps(network) for part in parts)
        ]
        if touched:
            message = f"{key} is {statuses[key]}: Atlas does not let these clients in."
            fix = "Wait until it is ACTIVE; if it has failed, remove it and add it again."
            yield Finding("fail", key, message, fix, {"status": statuses[key]}, tuple(touched))
    if _difference(_find_uncovered(facts, active), {**uncovered, **lost}):
        unread = next((fact for fact in statuses.values() if isinstance(fact, Unread)), None)
        raise UnreadError(unread or Unread("The status of an entry is not known."))


def _judged_networks(facts: ConnectionFacts) -> dict[Subnet, ipaddress.IPv4Network]:
    """Return the IPv4 blocks of the judged subnets. On other clouds than AWS, each block of clients stands for a subnet."""
    if facts.entry.cloud is not AWS:
        return {Subnet(str(one), facts.entry.network, str(one)): one for one in _client_ranges(facts)}
    return {one: ipaddress.IPv4Network(one.cidr_block) for one in judged_subnets(facts) if one.cidr_block is not None}


def _client_ranges(facts: ConnectionFacts) -> list[ipaddress.IPv4Network]:
    """Return the blocks of the clients: those of the entry, or else of the VNet, and `client_cidr_blocks`."""
    entry, blocks = facts.entry, list(facts.selection.client_cidr_blocks or ())
    own = [*([entry.cidr_block] if entry.cidr_block is not None else ()), *entry.cidr_blocks]
    if own:
        blocks = [*own, *blocks]
    elif entry.cloud is AZURE and not (blocks and isinstance(facts.network.vnet_prefixes, Missing)):
        blocks = [*known(facts.network.vnet_prefixes), *blocks]
    if not blocks:
        raise skip(
            f"Where the clients of {entry.title} are is not known: cidr_block, cidr_blocks and client_cidr_blocks are not given."
        )
    return [to_network(one, entry.title) for one in dict.fromkeys(blocks)]


def _find_gaps(subnets: t.Mapping[Subnet, ipaddress.IPv4Network], entries: _Entries) -> _Gaps:
    """Return the parts of subnets that no block and no address of the entries covers."""
    networks = list(filter(None, map(_network_of, entries)))
    outside = parts_outside(subnets.values(), networks)
    return {subnet: outside[block] for subnet, block in subnets.items() if outside[block]}


def _find_uncovered(facts: ConnectionFacts, entries: _Entries) -> _Gaps:
    """Return the parts of the judged subnets that entries do not cover, neither by blocks nor by security groups."""
    gaps = _find_gaps(_judged_networks(facts), entries)
    return {} if gaps and _covering_groups(facts, entries) else gaps


def _difference(gaps: _Gaps, others: _Gaps) -> _Gaps:
    """Return the gaps in subnets that have none in `others`."""
    return {subnet: parts for subnet, parts in gaps.items() if subnet not in others}


def _covering_groups(facts: ConnectionFacts, entries: _Entries) -> frozenset[str]:
    """Return the security groups in the entries that let the clients in, or may do so if the options name no clients.

    If `aws_security_group` of the connection names the clients' group, only that counts. Only AWS has security groups.
    """
    if facts.entry.cloud is not AWS:
        return frozenset()
    named = frozenset(group for one in entries if (group := _group_of(one)) is not None)
    clients, own = _client_groups(facts), _group_id(facts.entry.aws_security_group)
    if not named or clients is not None:
        return named & (clients or frozenset())
    if own is not None:
        return named & {own}
    groups = known(facts.aws.security_groups)
    here = frozenset(name for name in named if name in groups and groups[name].vpc_id == facts.entry.vpc_id)
    return frozenset() if _is_across_regions(facts) else here


def _client_groups(facts: ConnectionFacts) -> frozenset[str] | None:
    """Return the security groups of the clients that the options name; None if they name neither groups nor instances."""
    group_ids, instance_ids = facts.selection.security_group_ids, facts.selection.instance_ids
    if group_ids is None and instance_ids is None:
        return None
    interfaces = known(facts.aws.interfaces) if instance_ids is not None else ()
    return frozenset((*(group_ids or ()), *(group for one in interfaces for group in one.security_group_ids)))


def _is_across_regions(facts: ConnectionFacts) -> bool:
    """Whether the VPC is in another region than the container: the access list allows no groups across regions."""
    peer, container = facts.atlas.peer, known(facts.atlas.container)
    region = peer["accepter_region_name"] if isinstance(peer, dict) else facts.entry.region
    return container is not None and region is not None and not same_region(region, container["region_name"])


def _group_id(name: t.Any) -> str | None:
    """Return the id of a security group without the account that may stand before it."""
    return str(name).rpartition("/")[2] if name else None


def _group_of(entry: AtlasObject) -> str | None:
    """Return the security group of an entry, without its account; None for a block or an address."""
    return _group_id(entry["aws_security_group"])


def _network_of(entry: AtlasObject) -> ipaddress.IPv4Network | None:
    """Return the IPv4 block of an entry; None for a security group, for IPv6, and for what is not a block."""
    return _to_network(key_of(entry) or "")


@functools.lru_cache(maxsize=1024)
def _to_network(key: str) -> ipaddress.IPv4Network | None:
    """Return the block of a key; cached, since all connections of a project share one access list."""
    try:
        return ipaddress.IPv4Network(key)
    except ValueError:
        return None


def _missing_blocks(gaps: _Gaps, facts: ConnectionFacts) -> str:
    """Return the blocks to add: that of the connection if it contains all gaps, or else those of the VPC, or else the gaps."""
    parts = [part for some in gaps.values() for part in some]
    own, vpc = facts.entry.cidr_block, facts.aws.vpc
    if own is not None and all(part.subnet_of(to_network(own, "cidr_block")) for part in parts):
        return own
    blocks = {one: to_network(one, vpc.id) for one in vpc.cidr_blocks} if isinstance(vpc, Vpc) else {}
    return listed(one for one, block in blocks.items() if any(part.subnet_of(block) for part in parts)) or listed(parts)


def _parts_text(gaps: _Gaps) -> str:
    """Describe what no entry covers."""
    texts = []
    for subnet, parts in gaps.items():
        blocks = [str(part) for part in parts]
        is_whole = blocks == [subnet.cidr_block]
        name = f" ({subnet.id})" if subnet.id != subnet.cidr_block else ""
        texts.append(f"{subnet.cidr_block}{name}" if is_whole else f"{listed(blocks)} of {subnet.id}")
    return listed(texts)
