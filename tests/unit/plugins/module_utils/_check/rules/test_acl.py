from __future__ import annotations

from ipaddress import IPv4Network

from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import AclRule, Ports
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.p7_filters import closed_by
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import merge_ranges

BLOCK = IPv4Network("192.168.248.0/21")
DEFAULT = None


def rule(number: int, *, allows: bool, block: str = "0.0.0.0/0", ports: Ports | None = None, protocol: str = "6") -> AclRule:
    return AclRule(number, True, allows, protocol, block, ports)


def closed(
    *rules: AclRule, ranges: tuple[tuple[int, int], ...] = ((27015, 27017),)
) -> dict[int | None, tuple[list[str], object]]:
    """Return what is closed, by the number of the rule: blocks and ranges of ports."""
    found = closed_by(rules, BLOCK, ranges)
    return {one.rule.number if one.rule else DEFAULT: ([str(block) for block in one.blocks], one.ports) for one in found}


def test_the_first_rule_by_number_decides() -> None:
    allow, deny = rule(100, allows=True), rule(90, allows=False)
    assert closed(allow) == {}
    assert closed(allow, deny) == {90: ([str(BLOCK)], [(27015, 27017)])}
    assert closed(rule(110, allows=False), allow) == {}


def test_what_no_rule_matches_is_closed() -> None:
    assert closed() == {DEFAULT: ([str(BLOCK)], [(27015, 27017)])}
    assert closed(rule(100, allows=True, ports=Ports(27017, 27017))) == {DEFAULT: ([str(BLOCK)], [(27015, 27016)])}
    assert closed(rule(100, allows=True, block="192.168.248.0/22")) == {DEFAULT: (["192.168.252.0/22"], [(27015, 27017)])}


def test_a_hole_of_one_address_and_one_port_is_found() -> None:
    hole = rule(90, allows=False, block="192.168.250.7/32", ports=Ports(27016, 27016))
    assert closed(hole, rule(100, allows=True)) == {90: (["192.168.250.7/32"], [(27016, 27016)])}


def test_only_rules_for_tcp_and_for_all_protocols_count() -> None:
    everything = rule(100, allows=True, protocol="-1")
    assert closed(rule(90, allows=False, protocol="17"), everything) == {}
    assert DEFAULT in closed(rule(100, allows=True, protocol="17"))
    assert closed(rule(90, allows=False, protocol="-1"), everything) == {90: ([str(BLOCK)], [(27015, 27017)])}


def test_several_rules_share_what_is_closed() -> None:
    found = closed(
        rule(80, allows=False, block="192.168.248.0/24"),
        rule(90, allows=False, block="192.168.248.0/22", ports=Ports(27017, 27020)),
        rule(100, allows=True, block="192.168.248.0/22"),
        ranges=((27017, 27017), (30000, 30010)),
    )
    assert found == {
        80: (["192.168.248.0/24"], [(27017, 27017), (30000, 30010)]),
        90: (["192.168.249.0/24", "192.168.250.0/23"], [(27017, 27017)]),
        DEFAULT: (["192.168.252.0/22"], [(27017, 27017), (30000, 30010)]),
    }


def test_ranges_that_overlap_or_touch_become_one() -> None:
    assert merge_ranges([(5, 6), (1, 2), (3, 3), (6, 9), (11, 11)]) == [(1, 3), (5, 9), (11, 11)]
    assert merge_ranges([(1, 9), (2, 3)]) == [(1, 9)]
