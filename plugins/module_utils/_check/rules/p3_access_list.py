# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P3: the access list lets the clients in: by blocks, by addresses, or by security groups."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t
from dataclasses import dataclass, replace

from ..._aws.objects import Interface, Subnet
from ..._clouds.aws import same_region
from ..._clouds.clouds import ALL_CLOUDS
from ..._resources.access_list import AccessEntry, key_of
from ..._values.blocks import is_within, parts_outside_ranges
from ..facts import (
    ConnectionFacts,
    Fact,
    ListedEntries,
    Missing,
    SkippedError,
    Unread,
    UnreadError,
    block_of,
    expires_at,
    group_of,
    group_without_account,
    if_known,
    known,
    known_or,
    named,
)
from .client_ranges import client_ranges, limit_without_subnets, network_blocks_of, ranges_of_services
from .common import all_of, judged_subnets, listed, span_text, to_network, weigh
from .interfaces import SENDS_FIRST, are_clients_named, clients_of, named_interfaces, senders_of
from .rule import Ending, Finding, Findings, Severity, check, not_read, skip

_Network = ipaddress.IPv4Network
_SUBJECT = "access list"
# A check warns of an entry that expires within this time.
_SOON = datetime.timedelta(days=1)
# The status of an entry that Atlas has applied everywhere, and those of others.
_IN_FORCE, _NOT_IN_FORCE = "ACTIVE", ("PENDING", "FAILED")
# How many blocks are proposed before that of the network is, and how many at most.
_FEW, _MOST = 3, 20


@dataclass(frozen=True)
class _Client:
    """What the access list has to let in.

    Attributes:
        kind: A `subnet`, or a part of one; an `instance` or a `group` that the options name; or `unread`, named instances whose
            interfaces could not be read, so that they may be in any subnet.
        name: Its id.
        networks: Its blocks. An instance gets in by one of them; all others need an entry for each.
        subnet_ids: The judged subnets that are cut off if it does not get in.
        groups: The security groups, one of which is enough in the access list; None for any group of the VPC.
        others: The addresses of an instance that it does not send with by default.
        other_groups: The groups of its interfaces that it does not send with by default.
    """

    kind: t.Literal["subnet", "instance", "group", "unread"]
    name: str
    networks: tuple[_Network, ...]
    subnet_ids: tuple[str, ...]
    groups: frozenset[str] | None = None
    others: tuple[_Network, ...] = ()
    other_groups: frozenset[str] = frozenset()


# The parts of the blocks of a client that no block and no address of the access list covers.
_Gaps = t.Mapping[_Client, t.Sequence[_Network]]


@check("P301", clouds=ALL_CLOUDS)
def find_clients_without_entry(facts: ConnectionFacts) -> Findings:
    """The clients get in: the named instances and security groups, or else each judged subnet."""
    entries = _entries_in_force(facts)
    is_empty = not any(map(block_of, entries)) and not (entries.groups and facts.entry.provider.has_security_groups)
    clients = if_known(lambda: _clients(facts)) if is_empty else _clients(facts)
    if is_empty and not clients:
        fix = "Add the blocks of the clients to the access list: atlas_access_list, or atlas_peering."
        what = "has no block of addresses" if entries else "is empty"
        yield Finding("fail", _SUBJECT, f"The access list {what}: Atlas lets no client in.", fix)
        return
    limit = limit_without_subnets(facts) if not clients else []
    if limit:
        message = (
            f"No subnet of {named(facts.entry.network_title)} for clients is in {listed(limit)}, so nothing in it was judged."
        )
        fix = "Correct cidr_block and cidr_blocks of the connection."
        yield Finding("unknown", facts.entry.network_id, message, fix, {"cidr_blocks": limit})
        return
    if not clients:
        raise skip("There is no subnet to judge.")
    services = ranges_of_services(facts)
    if services:
        message = f"{listed(services)} {'is a range' if len(services) == 1 else 'are ranges'} of GKE's Services, and not judged."
        fix = "Name blocks of clients in client_cidr_blocks to judge them."
        yield Finding("info", facts.entry.network_id, message, fix, {"ranges": services}, ())
    gaps, listed_groups = _find_gaps(clients, entries), entries.groups
    found = {client: _admitting_groups(client, facts, listed_groups) for client in gaps}
    shut_out = {client: parts for client, parts in gaps.items() if not found[client]}
    subnets = {client: parts for client, parts in shut_out.items() if client.kind == "subnet"}
    if subnets:
        yield from weigh([_uncovered_finding(subnets, facts, entries)], facts)
    for client in shut_out:
        if client.kind in ("instance", "group"):
            yield _shut_out_finding(client, shut_out[client], facts, entries)
    _need_interfaces(shut_out, facts)
    groups = frozenset(name for one in found.values() for name in known(one))
    if groups and not are_clients_named(facts):
        yield _by_groups_finding(gaps, groups, facts)


@check("P302", clouds=ALL_CLOUDS)
def find_entries_out_of_force(facts: ConnectionFacts) -> Findings:
    """The entries that let the clients in are in force, and stay so."""
    uncovered = _find_uncovered(facts, _entries_in_force(facts))
    if not _clients(facts):
        raise skip("There is no subnet to judge.")
    _need_interfaces(uncovered, facts)
    deciding = deciding_entries(facts)
    if not deciding:
        raise skip("No entry lets a client in.", "P301")
    ends = {str(key_of(one)): end - facts.now for one in deciding if (end := expires_at(one)) is not None}
    soon = {key: left for key, left in ends.items() if left <= _SOON}
    if _difference(_find_uncovered(facts, ListedEntries(one for one in deciding if key_of(one) not in soon)), uncovered):
        for key, left in soon.items():
            fix = "Replace it by an entry without delete_after_date, if the clients need it longer."
            ending = Ending("entries expire", facts.now + left)
            message, evidence = f"{named(key)} expires in {span_text(left)}.", {"seconds_left": int(left.total_seconds())}
            yield Finding("warn", key, message, fix, evidence, ending=ending)
    yield from _find_inactive(deciding, uncovered, facts)


@check("P303", waits_for=("P301",))
def find_wrong_groups(facts: ConnectionFacts) -> Findings:
    """The security groups that let the clients in exist in the VPC, which is in the region of the container."""
    entries = _entries_in_force(facts)
    listed_groups = entries.groups
    if not listed_groups:
        raise skip("No entry of the access list names a security group.")
    # If blocks cover all clients, wrong groups do no harm.
    gaps = _find_gaps(_clients(facts), entries)
    severity: Severity = "fail" if gaps else "warn"
    concerned = {group_without_account(facts.entry.params["aws_security_group"]), *(facts.selection.security_group_ids or ())}
    try:
        concerned |= {group for one in senders_of(named_interfaces(facts)) for group in one.security_group_ids}
    except UnreadError as error:
        yield replace(not_read(error.unread, _SUBJECT), decides=severity == "fail")
    names = sorted(listed_groups & concerned)
    if not names:
        raise skip("No entry of the access list names a security group of these clients.")
    groups, hidden = known(facts.aws.security_groups), facts.aws.hidden
    for name in names:
        found = groups.get(name)
        instead = f"replace it by {_missing_blocks(gaps, facts)}" if gaps else "remove it: blocks let all clients in"
        fix = f"Correct the entry of the access list, or {instead}."
        if found is None and hidden is not None:
            yield replace(not_read(hidden, name), decides=severity == "fail")
            continue
        if found is None:
            message = f"{named(name)} does not exist in the account and region of the VPC."
        elif found.vpc_id != facts.entry.network_id:
            message = f"{named(name)} is in {named(found.vpc_id)}, not in {named(facts.entry.network_id)}."
        elif _is_across_regions(facts):
            message = f"{named(name)} is in another region than the network container: groups cannot be named across regions."
            fix = f"{instead[0].upper()}{instead[1:]}."
        else:
            continue
        yield Finding(severity, name, message, fix, {"vpc_id": found.vpc_id if found else None})


@check("P304", "info", clouds=ALL_CLOUDS)
def find_entry_for_everybody(facts: ConnectionFacts) -> Findings:
    """The access list does not let all addresses in."""
    for name in _entries_in_force(facts).for_everybody:
        message = f"{named(name)} is in the access list: every address on the internet may connect."
        yield Finding("info", name, message, "Allow the blocks of your own networks instead.")


def deciding_entries(facts: ConnectionFacts) -> ListedEntries:
    """Return the entries that let the clients in, so that their status counts.

    If an entry covers a whole block, entries for parts of it do not count: a list may have hundreds of addresses. The result
    is empty if the access list or the clients are not known.
    """
    try:
        clients = _clients(facts)
        entries = _entries_in_force(facts)
        gaps, listed_groups = _find_gaps(clients, entries), entries.groups
        groups = {group for client in gaps for group in known(_admitting_groups(client, facts, listed_groups))}
    except (SkippedError, UnreadError):
        return ListedEntries()
    deciding = [one for one in entries if group_of(one) in groups] if groups else []
    for network in (network for client in clients if client not in gaps for network in client.networks):
        deciding += entries.admitting(network)
    return ListedEntries({key_of(one): one for one in deciding}.values())


def _entries_in_force(facts: ConnectionFacts) -> ListedEntries:
    """Return the entries that have not expired."""
    return known(facts.atlas.access_list).in_force(facts.now)


def _find_inactive(deciding: ListedEntries, uncovered: _Gaps, facts: ConnectionFacts) -> Findings:
    """Yield a failure for each entry that is not in force, if a client does not get in without it.

    It raises an UnreadError if a client may depend on an entry whose status could not be read.
    """
    entries = {str(key_of(one)): one for one in deciding}
    statuses = {key: known(facts.atlas.access_status).get(key) for key in entries}
    active = ListedEntries(one for key, one in entries.items() if statuses[key] == _IN_FORCE)
    inactive = {key: one for key, one in entries.items() if statuses[key] in _NOT_IN_FORCE}
    others = ListedEntries(one for key, one in entries.items() if key not in inactive)
    lost = _difference(_find_uncovered(facts, others), uncovered)
    found = []
    for key, one in inactive.items():
        concerned = [client for client, parts in lost.items() if client.kind != "unread" and _concerns(one, client, parts)]
        touched = {name: None for client in concerned for name in client.subnet_ids}
        if touched:
            message = f"{named(key)} is {statuses[key]}: Atlas does not let these clients in."
            fix = "Wait until it is ACTIVE; if it has failed, remove it and add it again."
            found.append(Finding("fail", key, message, fix, {"status": statuses[key]}, tuple(touched)))
    # Entries for named clients are about these, and not about their subnets.
    yield from found if are_clients_named(facts) else weigh(found, facts)
    _need_interfaces(lost, facts)
    if _difference(_find_uncovered(facts, active), {**uncovered, **lost}):
        unread = next((fact for fact in statuses.values() if isinstance(fact, Unread)), None)
        raise UnreadError(unread or Unread("The status of an entry is not known."))


def _judged_networks(facts: ConnectionFacts) -> dict[Subnet, ipaddress.IPv4Network]:
    """Return the IPv4 blocks of the judged subnets, or else the blocks of the clients."""
    if not facts.entry.provider.judges_subnets:
        return {Subnet(one.name, facts.entry.network_id, str(one.block)): one.block for one in client_ranges(facts)}
    return {one: ipaddress.IPv4Network(one.cidr_block) for one in judged_subnets(facts) if one.cidr_block is not None}


def _clients(facts: ConnectionFacts) -> list[_Client]:
    """Return what the access list has to let in: the named instances and groups, and blocks of clients; or else the subnets.

    Raises:
        UnreadError, SkippedError: If the subnets, or the interfaces of named instances, are not known.
    """
    networks = _narrowed(_judged_networks(facts), facts)
    subnets = [_Client("subnet", one.id, (network,), (one.id,)) for one, network in networks.items()]
    if not facts.entry.provider.has_security_groups or not are_clients_named(facts):
        return subnets
    named = facts.selection.security_group_ids or ()
    if facts.selection.instance_ids and isinstance(facts.aws.interfaces, Unread):
        everywhere = [one for one in known(facts.aws.subnets) if one.cidr_block is not None]
        blocks = tuple(_Network(one.cidr_block or "") for one in everywhere)
        return [_Client("unread", "", blocks, tuple(one.id for one in everywhere), frozenset())]
    interfaces = named_interfaces(facts)
    by_instance = {name: [one for one in interfaces if one.instance_id == name] for name in facts.selection.instance_ids or ()}
    # An instance without interfaces may be in another VPC that could not be read.
    found = [_instance(name, own, networks) for name, own in by_instance.items() if own]
    on_instances = {group for one in interfaces for group in one.security_group_ids}
    ids = tuple(dict.fromkeys(one.id for one in networks))
    blocks = tuple(networks.values())
    found += [_Client("group", one, blocks, ids, frozenset((one,))) for one in named if one not in on_instances and blocks]
    declared = facts.selection.client_blocks
    inside = [one for one in subnets if any(one.networks[0].subnet_of(block) for block in declared)]
    # Whether clients in a block are members of a named group is not known.
    return [*found, *(replace(one, groups=frozenset(named)) for one in inside)]


def _need_interfaces(clients: t.Iterable[_Client], facts: ConnectionFacts) -> None:
    """Raise an UnreadError if one of the clients is an instance whose interfaces could not be read."""
    if any(client.kind == "unread" for client in clients):
        known(facts.aws.interfaces)


def _instance(name: str, interfaces: t.Sequence[Interface], subnets: t.Mapping[Subnet, _Network]) -> _Client:
    """Return a named instance. Without an address that AWS shows, an entry has to cover the whole subnet of an interface."""
    senders = senders_of(interfaces)
    ids = tuple(dict.fromkeys(one.subnet_id for one in senders))
    addresses = [_Network(address) for one in senders for address in one.addresses[:1]]
    networks = addresses or [network for subnet, network in subnets.items() if subnet.id in ids]
    others = [_Network(address) for one in interfaces for address in one.addresses[one in senders :]]
    groups = frozenset(group for one in senders for group in one.security_group_ids)
    other_groups = frozenset(group for one in interfaces for group in one.security_group_ids) - groups
    return _Client("instance", name, tuple(networks), ids, groups, tuple(others), other_groups)


def _narrowed(networks: t.Mapping[Subnet, _Network], facts: ConnectionFacts) -> dict[Subnet, _Network]:
    """Return the parts of subnets in which `client_cidr_blocks` lie, and all other subnets as they are."""
    if not facts.entry.provider.judges_subnets:
        return dict(networks)
    blocks = facts.selection.client_blocks
    found: dict[Subnet, _Network] = {}
    for subnet, network in networks.items():
        parts = [one if one.subnet_of(network) else network for one in blocks if one.overlaps(network)] or [network]
        found.update({replace(subnet, cidr_block=str(part)): part for part in parts})
    return found


def _find_gaps(clients: t.Iterable[_Client], entries: ListedEntries) -> _Gaps:
    """Return the parts of the clients' blocks that no block and no address of the entries covers."""
    listed_clients = list(clients)
    outside = parts_outside_ranges({network for one in listed_clients for network in one.networks}, entries.ranges)
    found = {}
    for client in listed_clients:
        gaps = [outside[network] for network in client.networks]
        if all(gaps) if client.kind == "instance" else any(gaps):
            found[client] = [part for parts in gaps for part in parts]
    return found


def _find_uncovered(facts: ConnectionFacts, entries: ListedEntries) -> _Gaps:
    """Return the clients that entries do not let in, neither by blocks nor by security groups.

    Raises:
        UnreadError: If groups may let a client in, and the groups of the VPC are not known.
    """
    gaps, listed_groups = _find_gaps(_clients(facts), entries), entries.groups
    return {client: parts for client, parts in gaps.items() if not known(_admitting_groups(client, facts, listed_groups))}


def _difference(gaps: _Gaps, others: _Gaps) -> _Gaps:
    """Return the gaps of clients that have none in `others`."""
    return {client: parts for client, parts in gaps.items() if client not in others}


def _concerns(entry: AccessEntry, client: _Client, parts: t.Iterable[_Network]) -> bool:
    """Whether an entry could let a client in, or a part of its blocks."""
    network, group = block_of(entry), group_of(entry)
    if group is not None:
        return client.groups is None or group in client.groups
    return network is not None and any(part.overlaps(network) for part in parts)


def _admitting_groups(client: _Client, facts: ConnectionFacts, listed_groups: frozenset[str]) -> Fact[frozenset[str]]:
    """Return the security groups of the access list that let a client in, or may do so if the options name no clients.

    A group counts if it is in this VPC, which has to be in the region of the container. If no clients are named and
    `aws_security_group` of the connection names their group, only that counts.
    """
    named = listed_groups if client.groups is None else listed_groups & client.groups
    own = group_without_account(facts.entry.params["aws_security_group"])
    if client.groups is None and own is not None:
        return named & {own}
    if not named or not facts.entry.provider.has_security_groups or _is_across_regions(facts):
        return frozenset()
    groups = facts.aws.security_groups
    if isinstance(groups, (Missing, Unread)):
        return groups
    found = frozenset(name for name in named if name in groups and groups[name].vpc_id == facts.entry.network_id)
    return found if found or facts.aws.hidden is None or named <= groups.keys() else facts.aws.hidden


def _is_across_regions(facts: ConnectionFacts) -> bool:
    """Whether the VPC is in another region than the container: the access list allows no groups across regions."""
    peer, container = facts.atlas.peer, known(facts.atlas.container)
    region = peer["accepter_region_name"] if isinstance(peer, dict) else facts.entry.region
    return container is not None and region is not None and not same_region(region, container["region_name"])


def _uncovered_finding(gaps: _Gaps, facts: ConnectionFacts, entries: ListedEntries) -> Finding:
    """Return the finding about the subnets, or parts of them, that no entry covers."""
    where, own = _parts_text(gaps), facts.entry.params["aws_security_group"]
    message = f"No entry covers {where}."
    if are_clients_named(facts) and entries.groups:
        message = f"No entry covers {where}, and the clients are in none of the groups of the access list."
    elif own is not None and not are_clients_named(facts):
        message = f"No entry covers {where}, and {named(own)} of the connection is not in the access list."
    else:
        message += _why_not(entries.groups, facts)
    fix = f"Add {_missing_blocks(gaps, facts)} to the access list: atlas_access_list, or atlas_peering"
    ranges = if_known(lambda: network_blocks_of(facts))
    if ranges is not None and not all(is_within(part, ranges) for parts in gaps.values() for part in parts):
        fix += ", unless these clients leave with an address of the network: then name that"
    subnet_ids = tuple(dict.fromkeys(name for client in gaps for name in client.subnet_ids))
    return Finding("fail", _SUBJECT, message, f"{fix}.", _evidence(gaps), subnet_ids)


def _shut_out_finding(client: _Client, gaps: t.Sequence[_Network], facts: ConnectionFacts, entries: ListedEntries) -> Finding:
    """Return the finding about a named instance or group that no entry lets in; `gaps` are the parts of its blocks."""
    groups = client.groups or frozenset()
    evidence = {"security_group_ids": sorted(groups), "groups": []}
    reasons = _why_not(groups & entries.groups, facts)
    if client.kind == "group":
        message = f"{named(client.name)} is not in the access list, and blocks do not cover all judged subnets."
        if reasons:
            message = f"Blocks of the access list do not cover all judged subnets.{reasons}"
        what = _missing_blocks({client: gaps}, facts) if reasons else named(client.name)
        fix = f"Add {what} to the access list: atlas_access_list, or atlas_peering."
        return Finding("fail", client.name, message, fix, evidence, client.subnet_ids)
    addresses = [str(one.network_address) for one in client.networks if one.prefixlen == one.max_prefixlen]
    if not addresses:
        message = f"AWS does not show an IPv4 address of {named(client.name)}, and no entry has one of its groups."
        return Finding("unknown", client.name, message, evidence=evidence, subnet_ids=client.subnet_ids)
    others = _others_in(client, facts, entries)
    if others:
        message = f"Of {named(client.name)}, the access list has {listed(others)} alone. {SENDS_FIRST}"
        fix = f"Add {named(addresses[0])} to the access list, or see with which address its system sends to Atlas (ip route get)."
        return Finding("unknown", client.name, message, fix, {**evidence, "addresses": addresses}, client.subnet_ids)
    parts = [f"{listed(addresses)} of {named(client.name)}", *([f"its groups ({listed(sorted(groups))})"] if groups else [])]
    message = f"No entry covers {' or has one of '.join(parts)}.{reasons}"
    or_group = "" if reasons or not groups else ", or a group of the instance,"
    fix = f"Add {named(addresses[0])}{or_group} to the access list."
    return Finding("fail", client.name, message, fix, {**evidence, "addresses": addresses}, client.subnet_ids)


def _others_in(client: _Client, facts: ConnectionFacts, entries: ListedEntries) -> list[str]:
    """Return the addresses and groups of an instance in the access list that it does not send with by default."""
    blocks = [block for block in map(block_of, entries) if block is not None]
    found = [one for one in client.others if any(one.overlaps(block) for block in blocks)]
    in_list = entries.groups
    # Those that could not be read may count.
    names = known_or(
        _admitting_groups(replace(client, groups=client.other_groups), facts, in_list), client.other_groups & in_list
    )
    return [*(str(one.network_address if one.prefixlen == one.max_prefixlen else one) for one in found), *sorted(names)]


def _why_not(names: t.Iterable[str], facts: ConnectionFacts) -> str:
    """Return why groups of the access list let no client in; empty if that is not known, or there are none."""
    found, groups = sorted(names), known_or(facts.aws.security_groups, None)
    if not found or groups is None:
        return ""
    gone = [name for name in found if name not in groups]
    elsewhere = [f"{named(name)} is in {named(groups[name].vpc_id)}" for name in found if name in groups]
    if _is_across_regions(facts):
        return f" {listed(found)} cannot count: the VPC is in another region than the network container."
    texts = [f"{listed(gone)} {'does' if len(gone) == 1 else 'do'} not exist in this account and region"] if gone else []
    return f" Of the groups in the access list, {', and '.join([*texts, *([listed(elsewhere)] if elsewhere else [])])}."


def _by_groups_finding(gaps: _Gaps, groups: frozenset[str], facts: ConnectionFacts) -> Finding:
    """Return the finding if no clients are named, and security groups alone let them in."""
    message = f"Only members of {listed(sorted(groups))} may connect from {_parts_text(gaps)}"
    fix = "Name the clients with security_group_ids or instance_ids to check them."
    clients = if_known(lambda: clients_of(facts))
    members = [one for one in clients or () if groups.intersection(one.security_group_ids)]
    if not clients or any(not one.is_second for one in members):
        return Finding("info", _SUBJECT, f"{message}.", fix, {**_evidence(gaps), "groups": sorted(groups)})
    if members:
        message += f", and no first interface of an instance there is one. {SENDS_FIRST}"
        return Finding("unknown", _SUBJECT, message, fix, {**_evidence(gaps), "groups": sorted(groups)})
    message += f", and no network interface in {named(facts.entry.network_id)} has {'it' if len(groups) == 1 else 'one of them'}."
    fix = "Give the clients such a group, or add their blocks to the access list."
    return Finding("warn", _SUBJECT, message, fix, {**_evidence(gaps), "groups": sorted(groups)})


def _evidence(gaps: _Gaps) -> dict[str, object]:
    parts_of: dict[str, list[str]] = {}
    for client, parts in gaps.items():
        parts_of.setdefault(client.name, []).extend(map(str, parts))
    return {"subnets": parts_of, "groups": []}


def _missing_blocks(gaps: _Gaps, facts: ConnectionFacts) -> str:
    """Return the blocks to add: that of the connection if it contains all gaps, or else a few gaps, or else those of the network.

    Where the options say in which blocks the clients are, the list need not have more than these.
    """
    parts = list(ipaddress.collapse_addresses(part for some in gaps.values() for part in some))
    own, are_declared = facts.entry.params["cidr_block"], bool(facts.selection.client_cidr_blocks)
    if own is not None and not are_declared and all(part.subnet_of(to_network(own, "cidr_block")) for part in parts):
        return named(own)
    blocks = if_known(lambda: network_blocks_of(facts)) or []
    if len(parts) > _FEW and not are_declared and all(is_within(part, blocks) for part in parts):
        parts = [one for one in blocks if any(part.overlaps(one) for part in parts)]
    if len(parts) > _MOST:
        return f"{listed(parts)} (all of them are in the evidence)"
    return all_of(parts)


def _parts_text(gaps: _Gaps) -> str:
    """Describe what no entry covers."""
    texts = []
    for client, parts in gaps.items():
        blocks, own = [str(part) for part in parts], str(client.networks[0])
        name = f" ({named(client.name)})" if client.name != own else ""
        texts.append(f"{named(own)}{name}" if blocks == [own] else f"{listed(blocks)} of {named(client.name)}")
    return listed(texts)
