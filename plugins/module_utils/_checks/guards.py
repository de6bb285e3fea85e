# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What network ACLs close between subnets and the block of the container. Pure."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from .._aws.objects import NetworkAcl, Subnet
from .acl import Closed, closed_by, merge_ranges
from .check import Finding, Findings, Level
from .cluster_facts import ports_of
from .facts import Facts, known
from .judge import atlas_block_of
from .tables import with_ipv4
from .wording import listed, ports_text

Ranges = t.Sequence[tuple[int, int]]

# The ports of mongod, of mongos, and of the BI connector; which of them a cluster needs is in its connection strings.
# Source: "Troubleshoot Connection Issues" in the documentation of Atlas.
ATLAS_PORTS: Ranges = ((27015, 27017),)
# Where replies go: the ports that Linux gives to clients, and those that any other system does.
# Source: /proc/sys/net/ipv4/ip_local_port_range, and "Ephemeral ports" in the Amazon VPC user guide.
_CLIENT_PORTS: Ranges = ((32768, 60999),)
_OTHER_CLIENT_PORTS: Ranges = ((1024, 32767), (61000, 65535))
# A rule that closes a service, such as 3389, rarely meets a client that uses this port, and its next attempt uses another one.
_FEW = 10
_ORDER = ("fail", "warn", "info")
# The rule that AWS shows for what no other rule matches.
_DEFAULT_RULE = 32767


@dataclass(frozen=True)
class Need:
    """Ports that have to be open, and what it means if they are not."""

    level: Level
    is_egress: bool
    ranges: Ranges


def needed_ports(facts: Facts) -> list[tuple[Level, Ranges]]:
    """Return the ports of clusters: those that the judged clusters use, and the others that one may use one day."""
    ports = ports_of(facts)
    if ports is None:
        return [("fail", ATLAS_PORTS)]
    others = [port for first, last in ATLAS_PORTS for port in range(first, last + 1) if port not in ports]
    needed: list[tuple[Level, Ranges]] = [("fail", merge_ranges((port, port) for port in ports))]
    return [*needed, ("warn", merge_ranges((port, port) for port in others))] if others else needed


def judge_acls(subnets: t.Iterable[Subnet], facts: Facts) -> Findings:
    """Yield what network ACLs close, at most one finding for each ACL and direction: the worst."""
    acls, block = known(facts.aws.network_acls), atlas_block_of(facts)
    needs = [Need(level, True, ranges) for level, ranges in needed_ports(facts)]
    needs += [Need("fail", False, _CLIENT_PORTS), Need("warn", False, _OTHER_CLIENT_PORTS)]
    ids = [subnet.id for subnet in with_ipv4(subnets)]
    for subnet_id in ids:
        if not any(subnet_id in acl.subnet_ids for acl in acls):
            message = f"AWS does not show a network ACL for {subnet_id}."
            yield Finding("unknown", subnet_id, message, subnet_ids=(subnet_id,))
    for acl in acls:
        guarded = tuple(subnet_id for subnet_id in ids if subnet_id in acl.subnet_ids)
        for is_egress in (True, False) if guarded else ():
            found = [_judge(acl, need, block, guarded) for need in needs if need.is_egress == is_egress]
            yield from sorted(filter(None, found), key=lambda finding: _ORDER.index(finding.severity))[:1]


def _judge(acl: NetworkAcl, need: Need, block: ipaddress.IPv4Network, guarded: tuple[str, ...]) -> Finding | None:
    rules = [rule for rule in acl.rules if rule.is_egress == need.is_egress]
    closed = closed_by(rules, block, need.ranges)
    if not closed:
        return None
    ports = merge_ranges(ports for one in closed for ports in one.ports)
    is_minor = need.ranges == _OTHER_CLIENT_PORTS and sum(last - first + 1 for first, last in ports) <= _FEW
    level: Level = "info" if is_minor else need.level
    clauses = "; ".join(_clause_of(one, acl, need) for one in closed)
    evidence = {
        "network_acl_id": acl.id,
        "direction": "egress" if need.is_egress else "ingress",
        "subnet_ids": list(guarded),
        "closed": [_evidence_of(one) for one in closed],
    }
    message = f"{clauses[0].upper()}{clauses[1:]}. It guards {listed(guarded)}."
    return Finding(level, acl.id, message, _advice_on(need, block), evidence, guarded)


def _clause_of(closed: Closed, acl: NetworkAcl, need: Need) -> str:
    ports = ports_text(closed.ports)
    blocks = f"{'to' if need.is_egress else 'from'} {listed(closed.blocks)}"
    if closed.rule is None or closed.rule.number == _DEFAULT_RULE:
        return f"no rule of {acl.id} allows {ports} {blocks}"
    return f"rule {closed.rule.number} of {acl.id} denies {ports} {blocks}"


def _advice_on(need: Need, block: ipaddress.IPv4Network) -> str:
    if need.is_egress:
        return f"Allow TCP to {ports_text(ATLAS_PORTS)} of {block} outbound, before rules that deny it."
    return f"Allow TCP from {block} to ports 1024 to 65535 inbound, before rules that deny it: replies come back to these."


def _evidence_of(closed: Closed) -> dict[str, t.Any]:
    return {
        "rule_number": closed.rule.number if closed.rule else None,
        "cidr_blocks": [str(block) for block in closed.blocks],
        "ports": [list(ports) for ports in closed.ports],
    }
