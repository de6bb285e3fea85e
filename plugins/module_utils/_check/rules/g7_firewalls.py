# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""G7: the firewall rules of a VPC network let the clients send to Atlas. Replies to them pass by themselves."""

from __future__ import annotations

import functools
import ipaddress
import itertools
import typing as t
from dataclasses import dataclass, replace

from ..._clouds.gcp import GCP
from ..._gcp.objects import ALLOW, DENY, HIERARCHY, INSPECT, NETWORK, NEXT, SYSTEM, EgressRule, Firewalls
from ..._values.blocks import Area, Range, blocks_of, ends_of, merge_ranges, parts_outside, shared_of, without
from ..facts import ConnectionFacts, if_known, known, named
from .client_ranges import client_ranges, client_regions
from .common import FixLines, atlas_block_of, before_text, free_before, gcloud, listed, ports_text, to_network
from .g4_mirror import atlas_routes
from .judged_clusters import ATLAS_PORTS, judge_single_addresses, needed_ports
from .rule import Finding, Findings, FixOwner, Level, check, skip

# The dimensions of areas.
_SOURCE, _DESTINATION, _PORT = range(3)
_EVERYWHERE: Range = (0, 2**32 - 1)
# The highest priority of a rule.
_FIRST_PRIORITY = 0
# What holds for a client that decides whether a rule is for it: it has one of these tags or accounts.
_Condition = frozenset[str]


@dataclass(frozen=True)
class _Traffic:
    """Traffic on its way through the rules.

    Attributes:
        area: Where it is from and to, and its ports.
        unmet: What does not hold for the clients that send it.
        met: Conditions that hold for them.
        asked: The rules that it depends on whether these are for the client.
    """

    area: Area
    unmet: _Condition = frozenset()
    met: tuple[_Condition, ...] = ()
    asked: tuple[EgressRule, ...] = ()


class Fate(t.NamedTuple):
    """What happens to some traffic: the action, and the rule that decides, which is None for GCP's default."""

    traffic: _Traffic
    action: str
    rule: EgressRule | None


@dataclass(frozen=True)
class Judgement:
    """What rules do with traffic that should pass.

    Attributes:
        closed: The areas that are closed for all clients, by the rule that closes them.
        doubtful: The areas that are closed for some clients, perhaps.
        doubts: The rules that these depend on.
        singles: The single destinations that rules name, and that are open, perhaps.
    """

    closed: t.Mapping[EgressRule, t.Sequence[Area]]
    doubtful: t.Sequence[Area]
    doubts: t.Sequence[EgressRule]
    singles: t.Sequence[Range]


@check("G701", clouds=(GCP.name,))
def find_closed_firewalls(facts: ConnectionFacts) -> Findings:
    """The rules of policies and of the network let TCP out to the block of the container, on the ports of the judged clusters."""
    firewalls, (inside, outside) = known(facts.network.gcp_firewalls), _atlas_ranges(facts)
    clients = if_known(functools.partial(client_ranges, facts))
    if clients is not None and not clients:
        raise skip("There is no subnet to judge.")
    sources = None if clients is None else merge_ranges(ends_of(one.block) for one in clients)
    unused: Level = "warn"
    needs = [each for level, ports in needed_ports(facts) for each in ((level, inside, ports), (unused, outside, ports))]
    for level, destinations, ports in needs:
        found = judge(firewalls, sources, destinations, ports)
        note = " Atlas has no subnet there yet." if destinations is outside else ""
        yield from _closed(level, found, sources, facts, note)
        if found.doubtful:
            yield _doubtful(level, found, facts)
        if found.closed or found.doubtful:
            return


def _atlas_ranges(facts: ConnectionFacts) -> tuple[list[Range], list[Range]]:
    """Return the addresses of Atlas's subnets in the container's block, and the others of the block.

    Each subnet has a route of the peering, and nodes are nowhere else. All addresses count if the routes were not read in some
    region with clients, or if there is none. Source: PeeringRoute (SUBNET_PEERING_ROUTE) in the documentation of Google Cloud.
    """
    block = atlas_block_of(facts)
    routes = if_known(lambda: [one for region in client_regions(facts) for one, _state in atlas_routes(region, facts)])
    rest = parts_outside([block], routes)[block] if routes else []
    return merge_ranges(map(ends_of, routes or [block])), list(map(ends_of, rest))


def judge(
    firewalls: Firewalls, sources: t.Sequence[Range] | None, destinations: t.Sequence[Range], ports: t.Sequence[Range]
) -> Judgement:
    """Return what rules do with traffic.

    A rule for some clients holds for each client or not; traffic is doubtful if that changes what happens to it.

    Args:
        firewalls: The rules.
        sources: Where clients are; None if that is not known.
        destinations: Where they send to.
        ports: To which ports.
    """
    wanted = [_Traffic(area) for area in itertools.product(sources or [_EVERYWHERE], destinations, ports)]
    fates = list(_follow(firewalls, wanted, are_sources_known=sources is not None))
    areas = {
        action: list(dict.fromkeys(one.traffic.area for one in fates if one.action == action))
        for action in (ALLOW, DENY, INSPECT)
    }
    closed: dict[EgressRule, list[Area]] = {}
    for one in fates:
        left = _outside(one.traffic.area, areas[ALLOW] + areas[INSPECT]) if one.action == DENY else []
        if left and one.rule is not None:
            closed.setdefault(one.rule, []).extend(left)
    both = (shared_of(one, other) for one in areas[DENY] for other in areas[ALLOW])
    doubtful = list(dict.fromkeys([*areas[INSPECT], *filter(None, both)]))
    concerned = [one for one in fates if any(shared_of(one.traffic.area, area) for area in doubtful)]
    doubts = [rule for one in concerned for rule in (*one.traffic.asked, *([one.rule] if one.action == INSPECT else ()))]
    lost = merge_ranges(area[_DESTINATION] for areas in closed.values() for area in areas)
    singles = [one for one in _singles(firewalls, destinations) if not any(shared_of((one,), (other,)) for other in lost)]
    return Judgement(closed, doubtful, list(dict.fromkeys(filter(None, doubts))), singles)


def _singles(firewalls: Firewalls, destinations: t.Sequence[Range]) -> list[Range]:
    """Return the destinations that rules which do not deny name one by one."""
    rules = [rule for some in firewalls for rule in some if rule.action != DENY]
    shown = dict.fromkeys(ends_of(to_network(one, rule.name)) for rule in rules for one in rule.destinations or ())
    return [one for one in shown if one[0] == one[1] and any(shared_of((one,), (other,)) for other in destinations)]


def _follow(firewalls: Firewalls, wanted: t.Sequence[_Traffic], *, are_sources_known: bool) -> t.Iterator[Fate]:
    """Yield what happens to traffic, in each case that the conditions of rules leave open."""
    left = list(wanted)
    for rules in firewalls:
        onward: list[_Traffic] = []
        for rule in rules:
            condition = _condition_of(rule, are_sources_known=are_sources_known)
            areas = _areas_of(rule, are_sources_known=are_sources_known)
            rest: list[_Traffic] = []
            for traffic in left:
                matched, missed = _split(traffic, rule, condition, areas)
                rest += missed
                if rule.action == NEXT:
                    onward += matched
                else:
                    yield from (Fate(one, rule.action, rule) for one in matched)
            left = rest
        left += onward
    yield from (Fate(one, ALLOW, None) for one in left)


def _split(
    traffic: _Traffic, rule: EgressRule, condition: _Condition, areas: t.Sequence[Area]
) -> tuple[list[_Traffic], list[_Traffic]]:
    """Return the parts of traffic that a rule decides, and those that the next one is asked for; both if it is not known."""
    open_condition = condition - traffic.unmet
    if condition and not open_condition:
        return [], [traffic]
    shared = list(filter(None, (shared_of(traffic.area, area) for area in areas)))
    missed = [replace(traffic, area=area) for area in _outside(traffic.area, shared)]
    matched = [replace(traffic, area=area) for area in shared]
    if not condition or any(one <= condition for one in traffic.met):
        return matched, missed
    asked = [replace(one, asked=(*one.asked, rule)) for one in matched]
    missed += [replace(one, unmet=one.unmet | condition) for one in asked]
    return [replace(one, met=(*one.met, open_condition)) for one in asked], missed


def _condition_of(rule: EgressRule, *, are_sources_known: bool) -> _Condition:
    """Return what has to hold for a client, or for an address, so that a rule is for it: one of these; empty for all clients."""
    sources = rule.sources if rule.sources is not None and not are_sources_known else ()
    parts = [part for part in (rule.targets, rule.unresolved, sources) if part]
    # Several conditions at once are one of their own.
    return frozenset(parts[0] if len(parts) == 1 else (rule.name,) if parts else ())


def _areas_of(rule: EgressRule, *, are_sources_known: bool) -> list[Area]:
    sources = _ranges_of(rule.sources if are_sources_known else None, rule.name)
    return [*itertools.product(sources, _ranges_of(rule.destinations, rule.name), merge_ranges(rule.ports))]


# Cached: all networks of an organization have its rules, and a rule has up to 5000 blocks.
@functools.lru_cache(maxsize=4096)
def _ranges_of(blocks: tuple[str, ...] | None, name: str) -> tuple[Range, ...]:
    return (_EVERYWHERE,) if blocks is None else (*merge_ranges(ends_of(to_network(one, name)) for one in blocks),)


def _outside(area: Area, others: t.Iterable[Area]) -> list[Area]:
    """Return what is left of an area without several others."""
    left = [area]
    for other in others:
        left = [piece for one in left for piece in without(one, other)]
    return left


def _closed(level: Level, found: Judgement, sources: t.Sequence[Range] | None, facts: ConnectionFacts, note: str) -> Findings:
    """Yield what each rule closes, with a note on where that is."""
    block = atlas_block_of(facts)
    for rule, areas in found.closed.items():
        ports, blocks = merge_ranges(one[_PORT] for one in areas), blocks_of(one[_DESTINATION] for one in areas)
        clients = merge_ranges(one[_SOURCE] for one in areas)
        where = f" from {listed(blocks_of(clients))}" if sources is not None and clients != sources else ""
        message = f"{rule.name[0].upper()}{rule.name[1:]} denies {ports_text(ports)} to {listed(blocks)}{where}.{note}"
        severity = level
        if level == "fail":
            severity, sentence = judge_single_addresses(found.singles, facts, begin="at most" if found.doubtful else "only")
            message = f"{message} {sentence}".rstrip()
        advice = _advice_on(rule, block)
        fix = f"{advice[0].upper()}{advice[1:]}"
        evidence = {
            "rule": rule.name,
            "priority": rule.priority,
            "policy": rule.policy.name if rule.policy is not None else None,
            "free_priority": _free_priority(rule),
            "cidr_blocks": [str(one) for one in blocks],
            "ports": [list(one) for one in ports],
        }
        owner: FixOwner = "network" if rule.policy is None or rule.policy.kind == NETWORK else "organization"
        line = _line_for(rule, block, facts)
        yield Finding(severity, facts.entry.network_id, message, fix, evidence, commands=line, owner=owner)


def _line_for(rule: EgressRule, block: ipaddress.IPv4Network, facts: ConnectionFacts) -> FixLines:
    """Return the line that adds the rule of the fix where a rule decides; none without a free priority, or beyond the project.

    In a policy of an organization or a folder, the rule would hold for all machines there: its owner has to choose the targets.
    """
    policy, free, project = rule.policy, _free_priority(rule), facts.entry.params["gcp_project_id"]
    ports, name = f"tcp:{'-'.join(map(str, ATLAS_PORTS[0]))}", f"allow-atlas-{block.network_address}-{block.prefixlen}-{free}"
    if policy is None:
        what = {"direction": "EGRESS", "action": "ALLOW", "rules": ports, "destination_ranges": str(block), "priority": free}
        network = {"project": project, "network": facts.entry.network_id}
        return gcloud("firewall-rules create", name.replace(".", "-"), **network, **what)
    if policy.kind != NETWORK:
        return ()
    what = {"action": "allow", "direction": "EGRESS", "layer4_configs": ports, "dest_ip_ranges": str(block)}
    where = {"firewall_policy": policy.id, "global_firewall_policy": True, "project": project}
    return gcloud("network-firewall-policies rules create", free, **where, **what)


def _free_priority(rule: EgressRule) -> int | None:
    """Return a priority before a rule that no other has; None if there is none, or no rule can be added there."""
    if rule.policy is not None and rule.policy.kind == SYSTEM:
        return None
    return free_before(rule.priority, rule.policy.taken if rule.policy is not None else (), _FIRST_PRIORITY)


def _advice_on(rule: EgressRule, block: ipaddress.IPv4Network, whom: str = "") -> str:
    """Return the rule to add, for all ports of Atlas at once: where a rule decides, since a later list has no effect.

    Source: "Evaluation order for firewall policies and rules" and "Firewall policy rule components" (each priority of a policy is
    there once) in the documentation of Cloud NGFW, and `priority` of Firewall in that of the Compute Engine API v1.
    """
    what, policy = f"allow TCP to {ports_text(ATLAS_PORTS)} of {named(block)}{whom} by an egress rule", rule.policy
    if policy is not None and policy.kind == SYSTEM:
        return f"{what} in a policy of the organization or a folder: {policy.name} is one of Google's, which nobody else changes."
    place = "of the network" if policy is None else f"in policy {policy.name}"
    free = _free_priority(rule)
    advice = f"{what} {place}{before_text(rule.name, 'priority', rule.priority, free)}"
    if policy is None or policy.kind != HIERARCHY:
        return advice
    onward = " Or goto_next there." if free is not None else ""
    return f"{advice}{onward} The policy is the organization's or a folder's: rules of the network come later."


def _doubtful(level: Level, found: Judgement, facts: ConnectionFacts) -> Finding:
    ports, blocks = merge_ranges(one[_PORT] for one in found.doubtful), blocks_of(one[_DESTINATION] for one in found.doubtful)
    begin = f"Whether clients may send to {ports_text(ports)} of {listed(blocks)}"
    message = f"{begin} depends on {listed(map(_clause, found.doubts))}."
    first = next(one for rules in known(facts.network.gcp_firewalls) for one in rules if one in found.doubts)
    fix = f"See that all clients are let out. Or {_advice_on(first, atlas_block_of(facts), ' for all instances')}"
    evidence = {
        "rules": [one.name for one in found.doubts],
        "cidr_blocks": [str(one) for one in blocks],
        "policy": first.policy.name if first.policy is not None else None,
        "free_priority": _free_priority(first),
    }
    return Finding("unknown", facts.entry.network_id, message, fix, evidence, decides=level == "fail")


def _clause(rule: EgressRule) -> str:
    """Return a rule, and what is not known of it, for a sentence."""
    if rule.action == INSPECT:
        return f"{rule.name}, by which a firewall inspects it"
    whose = [f"for clients with {listed(rule.targets)}" if rule.targets else ""]
    whose.append(f"to {listed(rule.unresolved)}, whose addresses are not known" if rule.unresolved else "")
    whose.append(f"from {listed(rule.sources)}" if rule.sources and not any(whose) else "")
    return f"{rule.name} ({' '.join(filter(None, whose))})"
