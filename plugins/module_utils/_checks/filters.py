# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P7: whether network ACLs and security groups let clients and clusters talk to each other. Pure."""

from __future__ import annotations

import typing as t

from .._aws.objects import Interface, SecurityGroup
from .check import Finding, Findings, check, skip
from .egress import judge_egress
from .facts import Facts, known
from .guards import judge_acls
from .tables import need_subnets
from .wording import listed


@check("P701")
def find_closed_acls(facts: Facts) -> Findings:
    """The network ACL of each judged subnet lets requests out to the block of the container, and replies back in."""
    yield from judge_acls(need_subnets(facts), facts)


@check("P702")
def find_closed_groups(facts: Facts) -> Findings:
    """Each named security group lets requests out, by itself: which of them a client combines is not known.

    The groups of named instances add up, and P703 tells of them.
    """
    if not facts.asked.security_group_ids:
        raise skip("No security_group_ids are given.")
    combined = {group_id for one in _named_interfaces(facts) for group_id in one.security_group_ids}
    alone = [group_id for group_id in facts.asked.security_group_ids if group_id not in combined]
    if not alone:
        raise skip("All groups are on instances of instance_ids, so P703 tells of them.")
    for group_id, group in _groups_of(alone, facts).items():
        if group is None:
            yield _missing_group(group_id)
        else:
            more = "If clients have other groups, too, give instance_ids: the groups of an instance add up."
            yield from judge_egress(group_id, f"{group_id} does", [group], facts, more=more)


@check("P703")
def find_closed_interfaces(facts: Facts) -> Findings:
    """The groups of each named instance let requests out together; its subnet is judged by the other checks."""
    if not facts.asked.instance_ids:
        raise skip("No instance_ids are given.")
    for one in _named_interfaces(facts):
        groups = _groups_of(one.security_group_ids, facts)
        for group_id in (group_id for group_id, group in groups.items() if group is None):
            yield _missing_group(group_id)
        present = [group for group in groups.values() if group is not None]
        if len(present) == len(groups):
            name = f"{one.id} of {one.instance_id}" if one.instance_id else one.id
            who = f"{listed(groups)} on {name} {'does' if len(groups) == 1 else 'do'}"
            yield from judge_egress(one.id, who, present, facts, subnet_ids=(one.subnet_id,))


def _named_interfaces(facts: Facts) -> t.Sequence[Interface]:
    return known(facts.aws.interfaces) if facts.asked.instance_ids else ()


def _groups_of(group_ids: t.Iterable[str], facts: Facts) -> dict[str, SecurityGroup | None]:
    """Return groups by their ids; None for those that AWS does not show."""
    groups = known(facts.aws.security_groups)
    return {group_id: groups.get(group_id) for group_id in group_ids}


def _missing_group(group_id: str) -> Finding:
    return Finding("unknown", group_id, f"AWS does not show the security group {group_id}.")
