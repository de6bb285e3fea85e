# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A6, A7: what the subnets of a VNet do with traffic to Atlas.

Routes to Atlas come with the peering, and a route table can override them. Network security groups have to let requests out;
replies come back by themselves.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import typing as t
from dataclasses import dataclass

from ..._azure.objects import ROUTE_TABLE_VERSION, Nsg, SecurityRule, UserRoute, UserRouteTable
from ..._clouds.azure import AZURE
from ..._values.blocks import Area, Range, blocks_of, ends_of, is_within, merge_ranges, shared_of, without
from ..facts import ConnectionFacts, Fact, Missing, Unread, known, named
from .a4_vnet import VnetSide, sides_of
from .client_ranges import ClientRange, client_subnets, left_out_subnets
from .common import az, before_text, free_before, group_and_subscription, listed, ports_text
from .judged_clusters import ATLAS_PORTS, judge_single_addresses, needed_ports
from .rule import Finding, Findings, Level, Severity, check, not_read

_Value = t.TypeVar("_Value")
_HERE = "vnetlocal"
# The ports that clients send from: the ephemeral ports of Linux. Those of Windows, 49152 to 65535, are only in part among them.
_CLIENT_PORTS: Range = (32768, 60999)
_ORDER: tuple[Severity, ...] = ("fail", "unknown", "warn")
# The priorities that rules of customers have. Source: "Network security groups overview" in Azure's documentation.
_FIRST_PRIORITY, _LAST_PRIORITY = 100, 4096


class Stray(t.NamedTuple):
    """A route that takes a part of a block away from the peering."""

    route: UserRoute
    blocks: tuple[ipaddress.IPv4Network, ...]


@check("A601", clouds=(AZURE.name,))
def find_stray_user_routes(facts: ConnectionFacts) -> Findings:
    """No user route of a subnet with clients takes the traffic to Atlas away from the peering."""
    left_out = left_out_subnets(facts)
    if left_out:
        has = "has" if len(left_out) == 1 else "have"
        message = f"{listed(left_out)} {has} services of Azure alone, and no clients to judge."
        fix = "Name clients there with client_cidr_blocks to judge such subnets, too."
        yield Finding("info", facts.entry.network_id, message, fix, {"subnets": left_out})
    tables: dict[str, list[str]] = {}
    for subnet in client_subnets(facts):
        if subnet.route_table_id is not None:
            tables.setdefault(subnet.route_table_id.lower(), []).append(subnet.name)
    ids = {one.route_table_id.lower(): one.route_table_id for one in client_subnets(facts) if one.route_table_id is not None}
    sides, read = sides_of(facts), known(facts.network.vnet_tables)
    for table_id, names in tables.items():
        found = _read_of(read, table_id, "route table")
        if isinstance(found, Unread):
            yield not_read(found, table_id.rpartition("/")[2], tuple(names))
        elif found.disables_peerings:
            message = f"{named(found.name)} of {listed(names)} takes away the routes of peerings: disablePeeringRoute is All."
            fix = f"Set disablePeeringRoute of {named(found.name)} to None."
            # `az network route-table` does not know the property yet.
            change = {"api_version": ROUTE_TABLE_VERSION, "set": "properties.disablePeeringRoute=None"}
            _group, subscription = group_and_subscription(ids[table_id])
            line = az("resource update", subscription, ids=ids[table_id], **change, force_string=True)
            yield Finding("fail", found.name, message, fix, {"disable_peering_route": "All"}, tuple(names), commands=line)
        else:
            for side in sides:
                yield from _judge_table(found, ids[table_id], side, names)


def strays_of(
    routes: t.Iterable[UserRoute], block: ipaddress.IPv4Network, prefixes: t.Iterable[ipaddress.IPv4Network]
) -> list[Stray]:
    """Return the user routes that take parts of a block away from a peering.

    Of the routes to an address, that with the longest prefix counts; of the same length, a user route counts before that of the
    peering. Source: "How Azure selects a route" in Azure's documentation.

    Args:
        routes: The user routes.
        block: The block of Atlas.
        prefixes: The prefixes of the peering, which have system routes; the block itself stands for what they do not cover.
    """
    ordered = sorted(routes, key=lambda one: -one.prefix.prefixlen)
    left: list[tuple[Area, int]] = []
    rest: list[Area] = [(ends_of(block),)]
    for one in sorted(prefixes, key=lambda each: -each.prefixlen):
        left += [(shared, one.prefixlen) for area in rest if (shared := shared_of(area, (ends_of(one),))) is not None]
        rest = [piece for area in rest for piece in without(area, (ends_of(one),))]
    left += [(area, block.prefixlen) for area in rest]
    strays = []
    for route in ordered:
        own: Area = (ends_of(route.prefix),)
        taken = [
            shared for area, length in left if route.prefix.prefixlen >= length and (shared := shared_of(area, own)) is not None
        ]
        left = [
            (piece, length)
            for area, length in left
            for piece in (without(area, own) if route.prefix.prefixlen >= length else [area])
        ]
        if taken and route.hop_type.lower() != _HERE:
            strays.append(Stray(route, tuple(blocks_of(area[0] for area in taken))))
    return strays


def _judge_table(table: UserRouteTable, table_id: str, side: VnetSide, names: t.Sequence[str]) -> Findings:
    prefixes = [ipaddress.IPv4Network(one) for one in side.peering.prefixes] if side.peering is not None else []
    lengths = [one.prefixlen for one in prefixes if one.overlaps(side.block)]
    # A route of the same length comes before that of the peering.
    shortest = min(lengths if is_within(side.block, prefixes) else [*lengths, side.block.prefixlen])
    for route, blocks in strays_of(table.routes, side.block, prefixes):
        hop = f"{route.hop_type} {route.hop_address}" if route.hop_address else route.hop_type
        begin = f"{listed(blocks)} goes to {hop} by the route {route.name} of {named(table.name)}, and not to Atlas,"
        message = f"{begin} from {listed(names)}."
        fix = f"Remove the route {route.name} from {named(table.name)}, or make it less specific (at most /{shortest - 1})."
        evidence = {
            "route_table": table.name,
            "route": route.name,
            "address_prefix": str(route.prefix),
            "next_hop_type": route.hop_type,
            "cidr_blocks": [str(one) for one in blocks],
        }
        group, subscription = group_and_subscription(table_id)
        place = {"name": route.name, "route_table_name": table.name, "resource_group": group}
        line = az("network route-table route delete", subscription, **place)
        yield Finding(side.level, table.name, message, fix, evidence, tuple(names), commands=line)


def _read_of(read: t.Mapping[str, Fact[_Value]], resource_id: str, noun: str) -> _Value | Unread:
    """Return what was read of a resource that a subnet names; `Unread` if it is not known."""
    found = read.get(resource_id.lower(), Unread(f"Azure does not show the {noun} {named(resource_id)}."))
    return Unread(found.reason) if isinstance(found, Missing) else found


class Passage(t.NamedTuple):
    """What rules do with areas; an area has addresses of clients, addresses of Atlas, ports of clients, and ports of Atlas.

    Attributes:
        closed: What is closed, with the rule that closes it; None if no rule matches.
        opened: The rules that let something through.
    """

    closed: list[tuple[SecurityRule | None, Area]]
    opened: list[SecurityRule]


@dataclass(frozen=True)
class Demand:
    """What has to get out of a subnet: its sources, and the ports of one side.

    Attributes:
        side: Atlas's side.
        level: How bad it is if that is closed.
        ports: The ports.
        sources: The addresses of clients.
        are_declared: Whether `client_cidr_blocks` names them, so that each one counts.
    """

    side: VnetSide
    level: Severity
    ports: tuple[Range, ...]
    sources: tuple[Range, ...]
    are_declared: bool

    @property
    def areas(self) -> list[Area]:
        """What has to be open."""
        return [(one, ends_of(self.side.block), _CLIENT_PORTS, ports) for one in self.sources for ports in self.ports]


class _OfSubnets(t.NamedTuple):
    """A finding before all subnets are known that it is about; `begin` and their names stand before its message."""

    begin: str
    finding: Finding


@check("A701", clouds=(AZURE.name,))
def find_closed_nsgs(facts: ConnectionFacts) -> Findings:
    """The network security group of each subnet with clients lets requests out to the blocks of Atlas.

    There is at most one finding for each subnet and block: the worst. Findings alike are one.
    """
    sides, ports, read = sides_of(facts), needed_ports(facts), known(facts.network.vnet_nsgs)
    together: dict[tuple[object, ...], tuple[_OfSubnets, list[str]]] = {}
    for subnet, ranges in client_subnets(facts).items():
        if subnet.nsg_id is None:
            continue
        nsg = _read_of(read, subnet.nsg_id, "security group")
        if isinstance(nsg, Unread):
            yield not_read(nsg, subnet.nsg_id.rpartition("/")[2], (subnet.name,))
            continue
        for side in sides:
            found = [one for demand in _needs(ranges, side, ports) for one in _judge_nsg(nsg, subnet.nsg_id, demand, facts)]
            for worst in sorted(found, key=lambda one: _ORDER.index(one.finding.severity))[:1]:
                # Groups of two resource groups may have one name.
                key = (worst.finding.severity, worst.finding.subject, worst.begin, worst.finding.message, worst.finding.commands)
                together.setdefault(key, (worst, []))[1].append(subnet.name)
    for (begin, finding), names in together.values():
        message = f"{begin} {listed(names)} {finding.message}"
        yield dataclasses.replace(finding, message=message, subnet_ids=tuple(names))


def passage_of(rules: t.Iterable[SecurityRule], areas: t.Iterable[Area], *, are_groups_open: bool) -> Passage:
    """Return what rules do with areas: the first rule that matches decides.

    Args:
        rules: The rules, in the order of their priorities.
        areas: The areas.
        are_groups_open: Who is in application security groups is not known. True to assume what lets most through: clients are in
            the groups of rules that allow, and not in those of rules that deny; False for the opposite.
    """
    left, closed, opened = list(areas), [], []
    for rule in rules:
        if rule.is_by_groups and rule.allows != are_groups_open:
            continue
        matched: list[Area] = []
        for own in itertools.product(rule.sources, rule.destinations, rule.source_ports, rule.ports):
            matched += [shared for area in left if (shared := shared_of(area, own)) is not None]
            left = [rest for area in left for rest in without(area, own)]
        if matched and rule.allows:
            opened.append(rule)
        elif matched:
            closed += [(rule, area) for area in matched]
    return Passage([*closed, *((None, area) for area in left)], opened)


def _needs(
    ranges: t.Sequence[ClientRange], side: VnetSide, ports: t.Iterable[tuple[Level, t.Sequence[Range]]]
) -> t.Iterator[Demand]:
    """Yield what has to get out of the addresses of clients in a subnet, the worst first."""
    declared = [(ends_of(one.block),) for one in ranges if one.is_declared]
    others = tuple(merge_ranges(ends_of(one.block) for one in ranges if not one.is_declared))
    for level, some in ports:
        own: Severity = side.level if level == "fail" else level
        for sources in [*declared, *([others] if others else [])]:
            yield Demand(side, own, tuple(some), sources, sources in declared)


def _judge_nsg(nsg: Nsg, nsg_id: str, demand: Demand, facts: ConnectionFacts) -> t.Iterator[_OfSubnets]:
    surely = passage_of(nsg.rules, demand.areas, are_groups_open=True)
    severity, sentence = _severity(nsg, surely, demand, facts)
    if severity is not None:
        yield _finding(nsg, nsg_id, demand, surely, severity, sentence)
    perhaps = passage_of(nsg.rules, demand.areas, are_groups_open=False)
    if severity != demand.level and _severity(nsg, perhaps, demand, facts)[0] != severity:
        names = [f"{one.name} ({one.priority})" for one in nsg.rules if one.is_by_groups]
        begin = f"lets {ports_text(demand.ports)} out to {named(demand.side.block)} depends on application security groups,"
        message = f"{begin} whose members were not read: {listed(names)}."
        advice, free = _advice_on(nsg, demand)
        fix = f"Check that the clients are in those that rules allow, and in none that they deny. Or {advice}"
        evidence = {"rules": names, "free_priority": free}
        finding = Finding("unknown", nsg.name, message, fix, evidence, decides=demand.level == "fail")
        yield _OfSubnets(f"Whether {named(nsg.name)} of", finding)


def _severity(nsg: Nsg, passage: Passage, demand: Demand, facts: ConnectionFacts) -> tuple[Severity | None, str]:
    """Return how bad it is what rules close, and a sentence if single addresses are open; None if nothing is closed."""
    if not passage.closed:
        return None, ""
    level, sentence = judge_single_addresses(_single_addresses(nsg, passage, demand), facts, demand.side.region_name)
    sources = merge_ranges(area[0] for _rule, area in passage.closed)
    if sources != merge_ranges(demand.sources) and not demand.are_declared:
        return "warn", sentence
    return (demand.level if level == "fail" else "warn"), sentence


def _single_addresses(nsg: Nsg, passage: Passage, demand: Demand) -> list[Range]:
    """Return the open addresses of Atlas that rules allow one by one, such as those of the present nodes."""
    block, sources = (ends_of(demand.side.block),), merge_ranges(demand.sources)
    shown = [one for rule in nsg.rules if rule.allows for one in rule.destinations if one[0] == one[1]]
    inside = [one for one in shown if shared_of((one,), block) is not None]
    closed = {one: merge_ranges(area[0] for _rule, area in passage.closed if shared_of((area[1],), (one,))) for one in inside}
    return [one for one in closed if closed[one] != sources]


def _advice_on(nsg: Nsg, demand: Demand) -> tuple[str, int | None]:
    """Return the rule to add, for all ports of Atlas at once, before the first that denies one of them to some client.

    The second value is a priority for it; None if none is free.
    """
    ports = tuple(ATLAS_PORTS)
    closed = passage_of(nsg.rules, dataclasses.replace(demand, ports=ports).areas, are_groups_open=False).closed
    rules = [rule for rule, _area in closed if rule is not None and rule.priority <= _LAST_PRIORITY]
    first = min(rules, key=lambda rule: rule.priority, default=None)
    what = f"allow TCP to {ports_text(ports)} of {named(demand.side.block)} outbound in {named(nsg.name)}"
    free = free_before(first.priority if first is not None else _LAST_PRIORITY + 1, nsg.taken, _FIRST_PRIORITY)
    if first is None:
        return f"{what}.", free
    return f"{what} by a rule{before_text(f'{first.name} ({first.priority})', 'priority', first.priority, free)}", free


def _finding(nsg: Nsg, nsg_id: str, demand: Demand, passage: Passage, severity: Severity, sentence: str) -> _OfSubnets:
    closed = passage.closed
    rules = {rule.name: f"{rule.name} ({rule.priority})" for rule, _area in closed if rule is not None}
    blocks = blocks_of(area[1] for _rule, area in closed)
    ports, sources = merge_ranges(area[3] for _rule, area in closed), merge_ranges(area[0] for _rule, area in closed)
    message = f"does not let {ports_text(ports)} out to {listed(blocks)}"
    if sources != merge_ranges(demand.sources) or demand.are_declared:
        message += f" from {listed(blocks_of(sources))}"
    message += f", by {'rule' if len(rules) == 1 else 'rules'} {listed(rules.values())}." if rules else ": no rule allows it."
    if sentence:
        message += f" {sentence}"
    advice, free = _advice_on(nsg, demand)
    fix, block = f"{advice[0].upper()}{advice[1:]}", demand.side.block
    evidence = {
        "free_priority": free,
        "rules": [*rules],
        "cidr_blocks": [str(one) for one in blocks],
        "source_cidr_blocks": [str(one) for one in blocks_of(sources)],
        "ports": [list(one) for one in ports],
    }
    group, subscription = group_and_subscription(nsg_id)
    # `az` replaces a rule of the same name.
    name = f"allow-atlas-{block.network_address}-{block.prefixlen}-{free}"
    rule = {"name": name.replace(".", "-"), "priority": free}
    what = {"direction": "Outbound", "access": "Allow", "protocol": "Tcp", "destination_address_prefixes": str(block)}
    what["destination_port_ranges"] = "-".join(map(str, ATLAS_PORTS[0]))
    place = {"nsg_name": nsg.name, "resource_group": group}
    line = az("network nsg rule create", subscription, **rule, **place, **what)
    return _OfSubnets(f"{named(nsg.name)} of", Finding(severity, nsg.name, message, fix, evidence, commands=line))
