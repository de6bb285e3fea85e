# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What security groups let out to the block of the container. Pure."""

from __future__ import annotations

import dataclasses
import typing as t

from .._aws.objects import AclRule, GroupRule, SecurityGroup
from .acl import closed_by
from .check import Finding, Findings, not_read
from .facts import Facts, Unread
from .guards import ATLAS_PORTS, needed_ports
from .judge import atlas_block_of
from .prefixes import blocks_of_list
from .wording import listed, ports_text

# Security groups name protocols, and network ACLs have their numbers.
_NUMBERS = {"tcp": "6"}


def judge_egress(
    subject: str,
    who: str,
    groups: t.Sequence[SecurityGroup],
    facts: Facts,
    *,
    more: str = "",
    subnet_ids: tuple[str, ...] | None = None,
) -> Findings:
    """Yield what groups do not let out together: their rules add up, and nothing denies.

    Args:
        subject: The id of what is judged.
        who: The subject of the sentence, with its verb: "sg-… does".
        groups: The groups.
        facts: All facts.
        more: What else could be done.
        subnet_ids: As in findings.
    """
    block = atlas_block_of(facts)
    rules, unread = _rules_of(groups, facts)
    for level, ranges in needed_ports(facts):
        closed = closed_by(rules, block, ranges)
        if not closed:
            continue
        for reason in unread:
            yield dataclasses.replace(not_read(reason, subject, subnet_ids), decides=level == "fail")
        if not unread:
            # Rules of groups only allow, so all that is closed is closed by the default.
            [default] = closed
            message = f"{who} not let {ports_text(default.ports)} out to {listed(default.blocks)}."
            fix = f"Allow TCP to {ports_text(ATLAS_PORTS)} of {block} outbound."
            ids = [group.id for group in groups]
            yield Finding(level, subject, message, f"{fix} {more}".rstrip(), {"security_group_ids": ids}, subnet_ids)
        return


def _rules_of(groups: t.Iterable[SecurityGroup], facts: Facts) -> tuple[list[AclRule], list[Unread]]:
    """Return the rules of groups as rules of a network ACL, and why prefix lists in them are not known."""
    rules: list[AclRule] = []
    unread: list[Unread] = []
    for rule in (rule for group in groups for rule in group.egress):
        rules += [_to_acl_rule(rule, block) for block in rule.cidr_blocks]
        for list_id in rule.prefix_list_ids:
            blocks = blocks_of_list(list_id, facts.aws.prefix_lists)
            if isinstance(blocks, Unread):
                unread.append(blocks)
            else:
                rules += [_to_acl_rule(rule, block) for block in blocks]
    return rules, unread


def _to_acl_rule(rule: GroupRule, block: str) -> AclRule:
    return AclRule(1, True, True, _NUMBERS.get(rule.protocol, rule.protocol), block, rule.ports)
