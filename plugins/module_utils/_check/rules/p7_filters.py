# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""P7: network ACLs and security groups let requests out, and replies back in."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import typing as t
from dataclasses import dataclass

from ..._aws.objects import AclRule, GroupRule, Interface, NetworkAcl, Ports, SecurityGroup
from ..._clouds.aws import AWS
from ..._values.blocks import Area, blocks_of, ends_of, merge_ranges, shared_of, without
from ..facts import ConnectionFacts, Unread, known, known_or, named, unnamed
from .common import (
    FixLines,
    atlas_block_of,
    aws,
    before_text,
    free_before,
    listed,
    need_subnets,
    ports_text,
    together,
    weigh,
    with_ipv4,
)
from .interfaces import (
    SENDS_FIRST,
    are_clients_named,
    clients_of,
    declared_subnets,
    is_in_client_blocks,
    named_interfaces,
    senders_of,
)
from .judged_clusters import ATLAS_PORTS, judge_single_addresses, needed_ports
from .prefixes import blocks_of_list
from .rule import Finding, Findings, Level, Severity, check, not_looked_at, not_read, skip

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


def _is_single(rule: AclRule) -> bool:
    return rule.allows and rule.cidr_block.endswith("/32")


# Cached: a rule is judged for several ranges of ports.
@functools.lru_cache(maxsize=4096)
def _area_of(rule: AclRule) -> Area:
    ports = rule.ports or _ALL_PORTS
    return ends_of(ipaddress.IPv4Network(rule.cidr_block)), (ports.first, ports.last)


Ranges = t.Sequence[tuple[int, int]]
# The ports that replies go to: the ephemeral ports of Linux, and those of all other systems.
# Source: /proc/sys/net/ipv4/ip_local_port_range, and "Ephemeral ports" in the Amazon VPC user guide.
_CLIENT_PORTS: Ranges = ((32768, 60999),)
_OTHER_CLIENT_PORTS: Ranges = ((1024, 32767), (61000, 65535))
# Rules that close so few ports (a service such as 3389) rarely hit a client's port, and its next attempt uses another one.
_FEW = 10
_ORDER = ("fail", "warn", "info")
# The number of the rule that AWS shows for what no other rule matches.
_DEFAULT_RULE = 32767
_FIRST_RULE = 1
# What replies may go to.
_ALL_CLIENT_PORTS: Ranges = ((1024, 65535),)
# Security groups name protocols, and network ACLs have their numbers.
_NUMBERS = {"tcp": "6"}


@dataclass(frozen=True)
class Need:
    """Ports that have to be open, and the severity if they are not."""

    level: Level
    is_egress: bool
    ranges: Ranges


@check("P701", weigh=weigh)
def find_closed_acls(facts: ConnectionFacts) -> Findings:
    """The network ACL of each judged subnet lets requests out to the block of the container, and replies back in.

    There is at most one finding for each ACL and direction: the worst.
    """
    ids = [subnet.id for subnet in with_ipv4(need_subnets(facts))]
    acls, block = known(facts.aws.network_acls), atlas_block_of(facts)
    needs = [Need(level, True, ranges) for level, ranges in needed_ports(facts)]
    needs += [Need("fail", False, _CLIENT_PORTS), Need("warn", False, _OTHER_CLIENT_PORTS)]
    for subnet_id in ids:
        if not any(subnet_id in acl.subnet_ids for acl in acls):
            message = f"AWS does not show a network ACL for {named(subnet_id)}."
            yield Finding("unknown", subnet_id, message, subnet_ids=(subnet_id,))
    for acl in acls:
        guarded = tuple(subnet_id for subnet_id in ids if subnet_id in acl.subnet_ids)
        singles = _open_addresses(acl, needs, block) if guarded else []
        for is_egress in (True, False) if guarded else ():
            found = [_judge(acl, need, block, guarded, singles, facts) for need in needs if need.is_egress == is_egress]
            yield from sorted(filter(None, found), key=lambda finding: _ORDER.index(finding.severity))[:1]


@check("P702")
def find_closed_groups(facts: ConnectionFacts) -> Findings:
    """Each named security group alone lets requests out: which of them a client combines is not known.

    P703 judges the groups of named instances, which add up.
    """
    if not facts.selection.security_group_ids:
        raise skip("No security_group_ids are given.")
    combined = {group_id for one in named_interfaces(facts) for group_id in one.security_group_ids}
    alone = [group_id for group_id in facts.selection.security_group_ids if group_id not in combined]
    if not alone:
        raise skip("All groups are on instances of instance_ids, see P703.")
    for group_id, group in _groups_of(alone, facts).items():
        if group is None:
            yield _missing_group(group_id)
        else:
            more = "If clients have other groups, too, give instance_ids: the groups of an instance add up."
            yield from _judge_egress(group_id, f"{named(group_id)} does", [group], facts, more=more)


@check("P703")
def find_closed_interfaces(facts: ConnectionFacts) -> Findings:
    """The groups of each named instance let requests out together; other checks judge its subnet.

    If no client is named, these are the groups of all interfaces in the judged subnets but those of AWS's services.
    """
    if facts.selection.instance_ids:
        interfaces = named_interfaces(facts)
        for instance_id in dict.fromkeys(one.instance_id for one in interfaces):
            yield from _judge_instance([one for one in interfaces if one.instance_id == instance_id], facts)
    elif facts.selection.security_group_ids:
        raise skip("No instance_ids are given.")
    else:
        yield from _judge_all(facts)


@not_looked_at(AWS.name)
def not_looked_at_of_clients(facts: ConnectionFacts) -> t.Iterator[str]:
    """Say what depends on network interfaces that could not be read."""
    known(facts.aws.vpc)
    unread = facts.aws.interfaces
    if isinstance(unread, Unread):
        why = f"{unread.permission} is missing" if unread.permission else "network interfaces could not be read"
        if not are_clients_named(facts):
            yield f"No security group was looked at: no client is named, and {why}."
        yield f"Which subnets have no clients was not looked at, so that all are judged alike: {why}."


def _judge_instance(interfaces: t.Sequence[Interface], facts: ConnectionFacts) -> Findings:
    """Yield what closes the first interface of an instance. A further interface that is closed is only mentioned.

    It is unknown if only another one is open, or may be. Of those with which tasks of ECS send, one is enough for a warning.
    """
    senders = senders_of(interfaces)
    found = [[*_judge_interface(one, facts)] for one in senders]
    others = [[*_judge_interface(one, facts)] for one in interfaces if one not in senders]
    is_open, other = _is_one_open(found), _is_one_open(others)
    for one in (one for findings in found for one in findings):
        if one.severity == "fail" and is_open is not False:
            message = f"{one.message} Another interface of it {'is open' if is_open else 'may be open'}."
            yield dataclasses.replace(one, severity="warn", message=message)
        elif one.severity == "fail" and other is not False:
            message = f"{one.message} Another interface of it {'is open' if other else 'may be open'}. {SENDS_FIRST}"
            yield dataclasses.replace(one, severity="unknown", message=message)
        else:
            yield dataclasses.replace(one, decides=one.decides and not is_open)
    for one in (one for findings in others for one in findings):
        if one.severity == "unknown":
            yield dataclasses.replace(one, decides=False)
        else:
            yield dataclasses.replace(one, severity="info", message=f"{one.message} {SENDS_FIRST}", commands=())


def _is_one_open(found: t.Iterable[t.Sequence[Finding]]) -> bool | None:
    """Whether one interface lets out what others close; None if that depends on what could not be read."""
    worst = [{one.severity for one in findings} for findings in found]
    if any(not severities & {"fail", "unknown"} for severities in worst):
        return True
    return None if any("unknown" in severities for severities in worst) else False


def _judge_interface(interface: Interface, facts: ConnectionFacts) -> Findings:
    groups = _groups_of(interface.security_group_ids, facts)
    for group_id in (group_id for group_id, group in groups.items() if group is None):
        yield _missing_group(group_id)
    present = [group for group in groups.values() if group is not None]
    if len(present) == len(groups):
        name = f"{named(interface.id)} of {named(interface.instance_id)}" if interface.instance_id else interface.id
        who = f"{listed(groups)} on {named(name)} {'does' if len(groups) == 1 else 'do'}"
        if not groups:
            who = f"{named(name)} has no security group, and does"
        yield from _judge_egress(interface.id, who, present, facts, subnet_ids=(interface.subnet_id,))


def _judge_all(facts: ConnectionFacts) -> Findings:
    """Yield one finding on the interfaces of all clients: which of them need Atlas is not known."""
    judged = {subnet.id for subnet in need_subnets(facts)}
    if isinstance(facts.aws.interfaces, Unread):
        raise skip("No client is named, and network interfaces could not be read.")
    there = [one for one in clients_of(facts) if one.subnet_id in judged and one.security_group_ids]
    clients = [one for one in there if is_in_client_blocks(one, facts)]
    # In subnets that the options name, pods send with interfaces of their own, and so do instances whose first one is elsewhere.
    certain, firsts = declared_subnets(facts), {one.instance_id for one in clients if one.is_first}
    senders = [
        one
        for one in clients
        if not one.is_second or (one.subnet_id in certain and (one.is_of_pods or one.instance_id not in firsts))
    ]
    if not senders:
        raise skip("No client is named, and no network interface in the judged subnets is one of a client.")
    if isinstance(facts.aws.security_groups, Unread):
        yield dataclasses.replace(not_read(facts.aws.security_groups, facts.entry.network_id), decides=False)
        return
    # Interfaces with the same groups are judged once.
    alike = {one.security_group_ids: one for one in clients}
    worst = {groups: _worst_of(_judge_interface(one, facts)) for groups, one in alike.items()}
    found = [worst[one.security_group_ids] for one in senders]
    unread = next((one for one in found if one is not None and one.severity == "unknown"), None)
    closed = [one for one, finding in zip(senders, found) if finding is not None and finding.severity == "fail"]
    if unread is not None:
        yield dataclasses.replace(unread, decides=False, subnet_ids=None)
    if len(closed) == len(senders):
        others = [one for one in clients if one not in senders]
        is_open = any(one is None or one.severity == "unknown" for one in (worst[each.security_group_ids] for each in others))
        yield _all_closed_finding(closed, facts, is_other_open=is_open)
    elif closed:
        yield _some_closed_finding(closed, len(senders), facts)


def _worst_of(findings: Findings) -> Finding | None:
    """Return the finding that is unknown, or else one that fails; None if there is neither."""
    found = {one.severity: one for one in findings}
    return found.get("unknown") or found.get("fail")


def _some_closed_finding(closed: t.Sequence[Interface], number: int, facts: ConnectionFacts) -> Finding:
    """Return the finding on clients' interfaces whose groups are closed while others' are not."""
    message = f"The security groups of {len(closed)} of {number} network interfaces of clients do not let {_ports_out(facts)}."
    fix = "Name the clients with instance_ids or security_group_ids to check them."
    return Finding("info", facts.entry.network_id, message, fix, _evidence_on(closed))


def _all_closed_finding(closed: t.Sequence[Interface], facts: ConnectionFacts, *, is_other_open: bool) -> Finding:
    """Return the finding if the groups of all clients' interfaces are closed: nothing in the judged subnets reaches Atlas.

    It is unknown if further interfaces of instances are open, or may be.
    """
    whose = "the only network interface of a client" if len(closed) == 1 else f"the {len(closed)} network interfaces of clients"
    message = f"No security group of {listed(one.id for one in closed)}, {whose}, lets {_ports_out(facts)}."
    begin = (
        f"Allow TCP to {ports_text(ATLAS_PORTS)} of {named(atlas_block_of(facts))} outbound in a security group of each client."
    )
    fix = f"{begin} If these are no clients, name the clients with instance_ids or security_group_ids."
    subnet_ids = tuple(dict.fromkeys(one.subnet_id for one in closed))
    if is_other_open:
        message += f" Another interface of an instance is open, or may be. {SENDS_FIRST}"
    severity: Severity = "unknown" if is_other_open else "fail"
    groups = dict.fromkeys(one.security_group_ids[0] for one in closed)
    lines = together(*(_group_line(one, facts) for one in groups))
    return Finding(severity, facts.entry.network_id, message, fix, _evidence_on(closed), subnet_ids, commands=lines)


def _ports_out(facts: ConnectionFacts) -> str:
    return f"{ports_text(dict(needed_ports(facts))['fail'])} out to {named(atlas_block_of(facts))}"


def _evidence_on(closed: t.Sequence[Interface]) -> dict[str, object]:
    groups = sorted({group for one in closed for group in one.security_group_ids})
    return {"interfaces": [one.id for one in closed], "security_group_ids": groups}


def _open_addresses(acl: NetworkAcl, needs: t.Iterable[Need], block: ipaddress.IPv4Network) -> list[ipaddress.IPv4Network]:
    """Return the single addresses that a network ACL allows, and that requests reach and replies come from."""
    needed = [(need, [rule for rule in acl.rules if rule.is_egress == need.is_egress]) for need in needs if need.level == "fail"]
    found = single_addresses(acl.rules, block)
    return [one for one in found if not any(closed_by(rules, one, need.ranges) for need, rules in needed)]


def _judge(
    acl: NetworkAcl,
    need: Need,
    block: ipaddress.IPv4Network,
    guarded: tuple[str, ...],
    singles: t.Sequence[ipaddress.IPv4Network],
    facts: ConnectionFacts,
) -> Finding | None:
    """Return what a network ACL closes of a need; `singles` are the single addresses that it opens."""
    rules = [rule for rule in acl.rules if rule.is_egress == need.is_egress]
    closed = closed_by(rules, block, need.ranges)
    if not closed:
        return None
    ports = merge_ranges(ports for one in closed for ports in one.ports)
    is_minor = need.ranges == _OTHER_CLIENT_PORTS and sum(last - first + 1 for first, last in ports) <= _FEW
    level: Level = "info" if is_minor else need.level
    clauses = "; ".join(_clause_of(one, acl, need) for one in closed)
    fix, free = _advice_on(acl, need, block)
    evidence = {
        "network_acl_id": acl.id,
        "direction": "egress" if need.is_egress else "ingress",
        "subnet_ids": list(guarded),
        "closed": [_evidence_of(one) for one in closed],
        "free_rule_number": free,
    }
    message = f"{clauses[0].upper()}{clauses[1:]}. It guards {listed(guarded)}."
    if level == "fail":
        level, sentence = judge_single_addresses(map(ends_of, singles), facts)
        message = f"{message} {sentence}".rstrip()
    line = _acl_line(acl, need, block, free, facts)
    return Finding(level, acl.id, message, fix, evidence, guarded, commands=line)


def _acl_line(acl: NetworkAcl, need: Need, block: ipaddress.IPv4Network, number: int | None, facts: ConnectionFacts) -> FixLines:
    """Return the line that adds the rule of the fix."""
    [(first, last)] = merge_ranges(ATLAS_PORTS if need.is_egress else _ALL_CLIENT_PORTS)
    direction = {"egress" if need.is_egress else "ingress": True}
    ports = {"protocol": "6", "port_range": f"From={first},To={last}", "cidr_block": str(block)}
    names = {"network_acl_id": acl.id, "rule_number": number, "rule_action": "allow"}
    return aws("ec2 create-network-acl-entry", facts, **names, **ports, **direction)


def _clause_of(closed: Closed, acl: NetworkAcl, need: Need) -> str:
    ports = ports_text(closed.ports)
    blocks = f"{'to' if need.is_egress else 'from'} {listed(closed.blocks)}"
    if closed.rule is None or closed.rule.number == _DEFAULT_RULE:
        return f"no rule of {named(acl.id)} allows {ports} {blocks}"
    return f"rule {closed.rule.number} of {named(acl.id)} denies {ports} {blocks}"


def _advice_on(acl: NetworkAcl, need: Need, block: ipaddress.IPv4Network) -> tuple[str, int | None]:
    """Return the rule to add, for all ports at once, before the first rule that denies one of them, and a number for it."""
    ports = ATLAS_PORTS if need.is_egress else _ALL_CLIENT_PORTS
    what = f"Allow TCP from {named(block)} to {ports_text(ports)}, to which replies come back, inbound in {named(acl.id)}"
    if need.is_egress:
        what = f"Allow TCP to {ports_text(ports)} of {named(block)} outbound in {named(acl.id)}"
    closed = closed_by([rule for rule in acl.rules if rule.is_egress == need.is_egress], block, ports)
    first = min((one.rule.number for one in closed if one.rule is not None), default=_DEFAULT_RULE)
    free = free_before(first, acl.taken(is_egress=need.is_egress), _FIRST_RULE)
    if first == _DEFAULT_RULE:
        return f"{what}.", free
    return f"{what} by a rule{before_text(f'rule {first}', 'number', first, free)}", free


def _evidence_of(closed: Closed) -> dict[str, object]:
    return {
        "rule_number": closed.rule.number if closed.rule else None,
        "cidr_blocks": [str(block) for block in closed.blocks],
        "ports": [list(ports) for ports in closed.ports],
    }


def _judge_egress(
    subject: str,
    who: str,
    groups: t.Sequence[SecurityGroup],
    facts: ConnectionFacts,
    *,
    more: str = "",
    subnet_ids: tuple[str, ...] | None = None,
) -> Findings:
    """Yield the ports that groups together do not let out. Their rules add up, and none denies.

    Args:
        subject: The id of the group or interface.
        who: The subject of the sentence, with its verb: "sg-… does".
        groups: The groups.
        facts: All facts.
        more: A sentence to add to the fix.
        subnet_ids: As in `Finding`.
    """
    block = atlas_block_of(facts)
    rules, unread = _rules_of(groups, facts)
    for level, ranges in needed_ports(facts):
        closed = closed_by(rules, block, ranges)
        if not closed:
            continue
        singles = [one for one in single_addresses(rules, block) if not closed_by(rules, one, ranges)]
        severity, sentence = level, ""
        if level == "fail":
            severity, sentence = judge_single_addresses(map(ends_of, singles), facts)
        for reason in unread:
            yield dataclasses.replace(not_read(reason, subject, subnet_ids), decides=severity == "fail")
        if not unread:
            # Rules of groups only allow, so whatever is closed is closed by the default.
            [default] = closed
            message = f"{who} not let {ports_text(default.ports)} out to {listed(default.blocks)}. {sentence}".rstrip()
            one_of = "one of " if len(groups) > 1 else ""
            begin = f"Allow TCP to {ports_text(ATLAS_PORTS)} of {named(block)} outbound in"
            fix = f"{begin} {one_of}{listed(group.id for group in groups)}."
            if not groups:
                fix = f"Give it a security group that allows TCP to {ports_text(ATLAS_PORTS)} of {named(block)} outbound."
            evidence = {"security_group_ids": [group.id for group in groups]}
            line = _group_line(groups[0].id, facts) if groups else ()
            yield Finding(severity, subject, message, f"{fix} {more}".rstrip(), evidence, subnet_ids, commands=line)
        return


def _group_line(group_id: str, facts: ConnectionFacts) -> FixLines:
    """Return the line that lets requests out in a group."""
    [(first, last)] = merge_ranges(ATLAS_PORTS)
    rule = {"protocol": "tcp", "port": f"{first}-{last}", "cidr": str(atlas_block_of(facts))}
    return aws("ec2 authorize-security-group-egress", facts, group_id=group_id, **rule)


def _rules_of(groups: t.Iterable[SecurityGroup], facts: ConnectionFacts) -> tuple[list[AclRule], list[Unread]]:
    """Return the rules of groups as rules of a network ACL, and the prefix lists in them that could not be read."""
    rules: list[AclRule] = []
    unread: list[Unread] = []
    # Of public addresses, which no block of Atlas has.
    public = {one for table in known_or(facts.aws.route_tables, ()) for one in table.endpoint_lists}
    for rule in (rule for group in groups for rule in group.egress):
        rules += [_to_acl_rule(rule, block) for block in rule.cidr_blocks]
        for list_id in rule.prefix_list_ids:
            blocks = blocks_of_list(list_id, facts.aws.prefix_lists)
            if isinstance(blocks, Unread):
                unread += [blocks] if list_id not in public else []
            else:
                rules += [_to_acl_rule(rule, block) for block in blocks]
    return rules, unread


def _to_acl_rule(rule: GroupRule, block: str) -> AclRule:
    return AclRule(1, True, True, _NUMBERS.get(rule.protocol, rule.protocol), block, rule.ports)


def _groups_of(group_ids: t.Iterable[str], facts: ConnectionFacts) -> dict[str, SecurityGroup | None]:
    """Return groups by their ids; None for those that AWS does not show."""
    groups = known(facts.aws.security_groups)
    return {group_id: groups.get(group_id) for group_id in group_ids}


def _missing_group(group_id: str) -> Finding:
    fix = "Check again in a minute. A group of another account is shown to that account alone."
    return Finding("unknown", group_id, f"AWS does not show the security group {unnamed(group_id)}.", fix)
