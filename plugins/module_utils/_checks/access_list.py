# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the access list of the project lets the clients in. Pure.

Its rules are in https://www.mongodb.com/docs/atlas/security/ip-access-list/.
"""

from __future__ import annotations

import datetime

from .._aws.objects import Vpc
from .._clouds.checked import ALL
from .._resources.access_list import key_of
from .check import Finding, Findings, Severity, check, skip
from .coverage import (
    Entries,
    Gaps,
    client_groups,
    covering_groups,
    deciding_entries,
    entries_in_force,
    expires_at,
    find_gaps,
    find_uncovered,
    group_id,
    group_of,
    is_across_regions,
    judged_networks,
    network_of,
)
from .facts import AtlasObject, Facts, Unread, UnreadError, known
from .judge import to_network
from .wording import listed, span_text

SUBJECT = "access list"
# An entry that ends within this time is worth a warning.
_SOON = datetime.timedelta(days=1)
# The status of an entry that Atlas has applied everywhere.
_IN_FORCE = "ACTIVE"
_STATUSES = (_IN_FORCE, "PENDING", "FAILED")
_EVERYWHERE = ("0.0.0.0/0", "::/0")


@check("P301", clouds=ALL)
def find_subnets_without_entry(facts: Facts) -> Findings:
    """Each judged subnet is covered: by blocks and addresses together, or by a security group of the clients."""
    entries = entries_in_force(facts)
    networks = judged_networks(facts)
    if not networks:
        raise skip("There is no subnet to judge.")
    gaps = find_gaps(networks, entries)
    if not gaps:
        return
    groups = covering_groups(facts, entries)
    are_clients_named = client_groups(facts) is not None
    if groups and are_clients_named:
        return
    evidence = {"subnets": {subnet.id: [str(part) for part in parts] for subnet, parts in gaps.items()}, "groups": sorted(groups)}
    where = _parts_text(gaps)
    if groups:
        message = f"Only members of {listed(sorted(groups))} may connect from {where}."
        fix = "Name the clients with security_group_ids or instance_ids to check them."
        yield Finding("info", SUBJECT, message, fix, evidence)
        return
    message = f"No entry covers {where}."
    if are_clients_named and any(map(group_of, entries)):
        message = f"No entry covers {where}, and the clients are in none of the groups of the access list."
    elif facts.entry.aws_security_group is not None and not are_clients_named:
        message = f"No entry covers {where}, and {facts.entry.aws_security_group} of the connection is not in the access list."
    fix = f"Add {_missing_blocks(gaps, facts)} to the access list: atlas_access_list, or the role."
    yield Finding("fail", SUBJECT, message, fix, evidence, tuple(subnet.id for subnet in gaps))


@check("P302", clouds=ALL)
def find_entries_out_of_force(facts: Facts) -> Findings:
    """The entries that cover the judged subnets are in force, and stay so."""
    uncovered = find_uncovered(facts, entries_in_force(facts))
    if not judged_networks(facts):
        raise skip("There is no subnet to judge.")
    deciding = deciding_entries(facts)
    if not deciding:
        raise skip("No entry covers a judged subnet.", "P301")
    soon = {str(key_of(one)): left for one in deciding if (left := _time_left(one, facts)) is not None and left <= _SOON}
    if _difference(find_uncovered(facts, [one for one in deciding if key_of(one) not in soon]), uncovered):
        for key, left in soon.items():
            fix = "Replace it by an entry without delete_after_date, if the clients need it longer."
            yield Finding("warn", key, f"{key} expires in {span_text(left)}.", fix, {"seconds_left": int(left.total_seconds())})
    yield from _find_inactive(deciding, uncovered, facts)


@check("P303")
def find_wrong_groups(facts: Facts) -> Findings:
    """The security groups that let the clients in exist in the VPC, which is in the region of the container."""
    clients = client_groups(facts) or frozenset()
    concerned = {group_id(facts.entry.aws_security_group), *clients}
    entries = entries_in_force(facts)
    names = sorted({group for one in entries if (group := group_of(one)) is not None and group in concerned})
    if not names:
        raise skip("No entry of the access list names a security group of these clients.")
    # Blocks that cover everything make up for it.
    severity: Severity = "fail" if find_gaps(judged_networks(facts), entries) else "warn"
    groups = known(facts.aws.security_groups)
    for name in names:
        found = groups.get(name)
        fix = "Correct the entry of the access list, or add the block of the VPC."
        if found is None:
            message = f"{name} does not exist in the account and region of the VPC."
        elif found.vpc_id != facts.entry.vpc_id:
            message = f"{name} is in {found.vpc_id}, not in {facts.entry.vpc_id}."
        elif is_across_regions(facts):
            message = f"{name} is in another region than the network container: groups cannot be named across regions."
            fix = "Add the block of the VPC to the access list instead."
        else:
            continue
        yield Finding(severity, name, message, fix, {"vpc_id": found.vpc_id if found else None})


@check("P304", "info", clouds=ALL)
def find_entry_for_everybody(facts: Facts) -> Findings:
    """The access list does not let everybody in."""
    for one in entries_in_force(facts):
        if key_of(one) in _EVERYWHERE:
            message = f"{key_of(one)} is in the access list: every address on the internet may connect."
            yield Finding("info", str(key_of(one)), message, "Allow the blocks of your own networks instead.")


def _time_left(entry: AtlasObject, facts: Facts) -> datetime.timedelta | None:
    moment = expires_at(entry)
    return moment - facts.now if moment is not None else None


def _find_inactive(deciding: Entries, uncovered: Gaps, facts: Facts) -> Findings:
    """Yield the entries that are not in force yet, if subnets are not covered without them.

    Raises:
        UnreadError: If it depends on entries whose status could not be read.
    """
    statuses = {str(key_of(one)): known(facts.atlas.access_status).get(str(key_of(one))) for one in deciding}
    told = [one for one in deciding if statuses[str(key_of(one))] in _STATUSES]
    inactive = [one for one in told if statuses[str(key_of(one))] != _IN_FORCE]
    lost = _difference(find_uncovered(facts, [one for one in deciding if one not in inactive]), uncovered)
    for one in inactive:
        network, key = network_of(one), str(key_of(one))
        touched = [
            subnet.id for subnet, parts in lost.items() if network is None or any(part.overlaps(network) for part in parts)
        ]
        if touched:
            message = f"{key} is {statuses[key]}: Atlas does not let these clients in."
            fix = "Wait until it is ACTIVE; if it has failed, remove it and add it again."
            yield Finding("fail", key, message, fix, {"status": statuses[key]}, tuple(touched))
    active = [one for one in told if one not in inactive]
    if _difference(find_uncovered(facts, active), {**uncovered, **lost}):
        unread = next((fact for fact in statuses.values() if isinstance(fact, Unread)), None)
        raise UnreadError(unread or Unread("The status of an entry is not known."))


def _difference(gaps: Gaps, others: Gaps) -> Gaps:
    """Return the gaps in subnets that have none otherwise."""
    return {subnet: parts for subnet, parts in gaps.items() if subnet not in others}


def _missing_blocks(gaps: Gaps, facts: Facts) -> str:
    """Return the block of the entry if it makes up for all that is not covered, and else those of the VPC that do."""
    parts = [part for some in gaps.values() for part in some]
    own, vpc = facts.entry.cidr_block, facts.aws.vpc
    if own is not None and all(part.subnet_of(to_network(own, "cidr_block")) for part in parts):
        return own
    blocks = vpc.cidr_blocks if isinstance(vpc, Vpc) else []
    return listed(one for one in blocks if any(part.subnet_of(to_network(one, facts.entry.vpc_id)) for part in parts)) or listed(
        parts
    )


def _parts_text(gaps: Gaps) -> str:
    """Return what no entry covers in words."""
    texts = []
    for subnet, parts in gaps.items():
        blocks = [str(part) for part in parts]
        is_whole = blocks == [subnet.cidr_block]
        name = f" ({subnet.id})" if subnet.id != subnet.cidr_block else ""
        texts.append(f"{subnet.cidr_block}{name}" if is_whole else f"{listed(blocks)} of {subnet.id}")
    return listed(texts)
