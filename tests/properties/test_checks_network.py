"""What the checks of networks compute in ranges is what comes out address by address and port by port."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import AclRule, Ports, Route, RouteTable
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.acl import closed_by, merge_ranges
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.prefixes import parts_of, ways_of
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from hypothesis import event, given
from hypothesis import strategies as st

# Small enough to try each address.
BLOCK = IPv4Network("192.168.248.0/29")
OURS = "pcx-1"
#: All blocks in it, what is around it, and what is beside it.
BLOCKS = [
    *(str(part) for length in range(29, 33) for part in BLOCK.subnets(new_prefix=length)),
    "192.168.248.0/28",
    "192.168.0.0/16",
    "0.0.0.0/0",
    "192.168.248.8/29",
    "192.168.247.248/29",
]
# Few, so that two lists often have the same block.
LISTED = [BLOCKS[0], BLOCKS[1], BLOCKS[4], "192.168.248.0/28"]
TARGETS = st.sampled_from([OURS, "tgw-1", "local"])
PORTS = range(6)
RANGES = [(first, last) for first in PORTS for last in PORTS if first <= last]
#: What a rule says, but for its number. One value is drawn for each rule: values drawn one by one are much alike.
RULES = [
    (allows, protocol, block, ports)
    for allows in (True, False)
    for protocol in ("6", "6", "6", "-1", "17")
    for block in BLOCKS
    for ports in (None, *(Ports(*ends) for ends in RANGES))
]


@st.composite
def tables(draw: st.DrawFn) -> tuple[RouteTable, dict[str, list[str]]]:
    """Return a table as AWS allows it: a block has one static and one propagated route at most."""
    static = draw(st.dictionaries(st.sampled_from(BLOCKS), TARGETS, min_size=1, max_size=6))
    propagated = draw(st.dictionaries(st.sampled_from(BLOCKS), TARGETS, max_size=3))
    lists = draw(st.dictionaries(st.sampled_from(["pl-1", "pl-2"]), st.lists(st.sampled_from(LISTED), max_size=3), max_size=2))
    routes = [Route(block, target) for block, target in static.items()]
    routes += [Route(block, target, is_propagated=True) for block, target in propagated.items()]
    over_lists = tuple(Route(name, draw(TARGETS)) for name in lists)
    return RouteTable("rtb-1", "vpc-1", {}, tuple(draw(st.permutations(routes))), list_routes=over_lists), lists


def targets_by_hand(address: IPv4Address, table: RouteTable, lists: dict[str, list[str]]) -> set[str | None]:
    """Return where a table may send one address: lists that tie leave the choice to AWS."""
    found = [(IPv4Network(one.destination), 0 if one.is_propagated else 2, one.target) for one in table.routes]
    found += [(IPv4Network(block), 1, one.target) for one in table.list_routes for block in lists[one.destination]]
    matching = [(block.prefixlen, rank, target) for block, rank, target in found if address in block]
    if not matching:
        return {None}
    best = max(matching)[:2]
    return {target for *order, target in matching if tuple(order) == best}


@examples(150)
@given(tables())
def test_each_address_goes_where_the_longest_prefix_sends_it(made: tuple[RouteTable, dict[str, list[str]]]) -> None:
    table, lists = made
    parts = parts_of(BLOCK, ways_of(table, lists).known, OURS)
    sent = {address: part.route.target if part.route else None for part in parts for block in part.blocks for address in block}
    assert sum(block.num_addresses for part in parts for block in part.blocks) == len(sent) == BLOCK.num_addresses
    for address, target in sent.items():
        allowed = targets_by_hand(address, table, lists)
        assert target in allowed
        # What may go elsewhere is not taken for ours.
        assert target != OURS or allowed == {OURS}
    event(f"{len(parts)} parts")


@st.composite
def rule_lists(draw: st.DrawFn) -> list[AclRule]:
    """Return the rules of one direction, each with a number of its own, in any order."""
    drawn = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=7))
    numbers = draw(st.permutations(range(len(drawn))))
    return [AclRule(number, True, *rule) for number, rule in zip(numbers, drawn)]


def decision_by_hand(rules: list[AclRule], address: IPv4Address, port: int) -> tuple[bool, int | None]:
    """Return whether TCP to one port of one address passes, and the number of the rule that says so."""
    for rule in sorted(rules, key=lambda rule: rule.number):
        is_port = rule.ports is None or rule.ports.first <= port <= rule.ports.last
        if rule.protocol in ("6", "-1") and is_port and address in IPv4Network(rule.cidr_block):
            return rule.allows, rule.number
    return False, None


@examples(250)
@given(rule_lists(), st.sampled_from(RANGES), st.sampled_from(RANGES))
def test_rules_close_what_they_close_address_by_address(
    rules: list[AclRule], asked: tuple[int, int], more: tuple[int, int]
) -> None:
    ranges = merge_ranges([asked, more])
    found = closed_by(rules, BLOCK, ranges)
    closed = {
        (number, port): one.rule.number if one.rule else None
        for one in found
        for area in one.areas
        for number in range(area.first_address, area.last_address + 1)
        for port in range(area.first_port, area.last_port + 1)
    }
    expected = {}
    for address in BLOCK:
        for port in (port for first, last in ranges for port in range(first, last + 1)):
            passes, number = decision_by_hand(rules, address, port)
            if not passes:
                expected[int(address), port] = number
    assert closed == expected
    for one in found:
        touched = [place for place, number in closed.items() if number == (one.rule.number if one.rule else None)]
        assert {int(address) for block in one.blocks for address in block} == {address for address, _port in touched}
        assert {port for first, last in one.ports for port in range(first, last + 1)} == {port for _address, port in touched}
    event(f"closed by {len(found)} rules")
