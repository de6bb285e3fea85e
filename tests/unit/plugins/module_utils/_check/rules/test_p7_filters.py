from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import (
    AclRule,
    GroupRule,
    NetworkAcl,
    Ports,
    Route,
    SecurityGroup,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding, run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACL_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    GROUP_ID,
    INSTANCE_ID,
    MAIN_TABLE_ID,
    SUBNET_BLOCKS,
    SUBNET_IDS,
    TABLE_ID,
    acl,
    cluster,
    entry,
    found,
    group,
    healthy,
    interface,
    only,
    peer,
    severities,
    table,
)

OUT, IN = True, False
ANYWHERE = "0.0.0.0/0"


def rule(number: int, is_egress: bool, *ports: int, allows: bool = True, block: str = ANYWHERE) -> AclRule:
    return AclRule(number, is_egress, allows, "6" if ports else "-1", block, Ports(ports[0], ports[-1]) if ports else None)


DEFAULTS = (rule(32767, OUT, allows=False), rule(32767, IN, allows=False))


def with_acl(*rules: AclRule, **changes: Any) -> ConnectionFacts:
    """Return healthy facts with an ACL of these rules, and the rules for what nothing matches, as AWS shows them."""
    return healthy(network_acls=[acl(*rules, *DEFAULTS)], **changes)


ALL_OUT, ALL_IN = rule(100, OUT), rule(100, IN)


def test_an_acl_that_lets_everything_through_is_fine() -> None:
    assert severities(with_acl(ALL_OUT, ALL_IN)) == {}
    # A cluster uses 27017 alone, but the documentation of Atlas asks for all three ports.
    assert (
        severities(with_acl(rule(100, OUT, 27015, 27017, block=ATLAS_BLOCK), rule(100, IN, 1024, 65535, block=ATLAS_BLOCK))) == {}
    )


def test_a_rule_that_denies_the_port_of_the_clusters_is_named() -> None:
    finding = only(with_acl(rule(90, OUT, 27017, allows=False, block="192.168.0.0/16"), ALL_OUT, ALL_IN), "P701")
    text = f"Rule 90 of {ACL_ID} denies port 27017 to 192.168.248.0/21. It guards {SUBNET_IDS[0]} and {SUBNET_IDS[1]}."
    assert (finding.message, finding.subnet_ids) == (text, SUBNET_IDS)
    assert finding.evidence["closed"] == [{"rule_number": 90, "cidr_blocks": [ATLAS_BLOCK], "ports": [[27017, 27017]]}]


OPEN_OUT = f"Allow TCP to ports 27015 to 27017 of {ATLAS_BLOCK} outbound in {ACL_ID}"
OPEN_IN = f"Allow TCP from {ATLAS_BLOCK} to ports 1024 to 65535, to which replies come back, inbound in {ACL_ID}"
NO_NUMBER = "No number is free before it: move the deny, or take a number from another rule."


@pytest.mark.parametrize(
    ("rules", "others", "fix"),
    [
        ((rule(90, OUT, allows=False),), (), f"{OPEN_OUT} by a rule with a number below 90, such as 89."),
        # Source: `RuleNumber` of CreateNetworkAclEntry: each from 1 on is there once in a direction, whatever it is about.
        (
            (rule(90, OUT, allows=False), rule(89, OUT, 443)),
            ((OUT, 88), (IN, 87)),
            f"{OPEN_OUT} by a rule with a number below 90, such as 87.",
        ),
        ((rule(1, OUT, allows=False),), (), f"{OPEN_OUT} by a rule before rule 1. {NO_NUMBER}"),
        ((rule(2, OUT, allows=False),), ((OUT, 1),), f"{OPEN_OUT} by a rule before rule 2. {NO_NUMBER}"),
        # The first rule that denies any of the three ports.
        (
            (rule(90, OUT, 27017, allows=False), rule(20, OUT, 27015, allows=False)),
            (),
            f"{OPEN_OUT} by a rule with a number below 20, such as 19.",
        ),
        ((rule(100, OUT, 443),), (), f"{OPEN_OUT}."),
        ((ALL_OUT, rule(90, IN, allows=False)), (), f"{OPEN_IN} by a rule with a number below 90, such as 89."),
    ],
)
def test_the_fix_of_an_acl_has_a_number_that_is_free(
    rules: tuple[AclRule, ...], others: tuple[tuple[bool, int], ...], fix: str
) -> None:
    allowed = [
        one for one in (ALL_OUT, ALL_IN) if not any(each.number == 100 and each.is_egress == one.is_egress for each in rules)
    ]
    facts = healthy(network_acls=[acl(*rules, *allowed, *DEFAULTS, others=frozenset(others))])
    assert only(facts, "P701").fix == fix


@pytest.mark.parametrize("rules", [DEFAULTS, (rule(100, OUT, 443),)])
def test_what_no_rule_allows_has_no_rule_to_name(rules: tuple[AclRule, ...]) -> None:
    facts = healthy(network_acls=[acl(*rules, ALL_IN)])
    assert found(facts)["P701"].message.startswith(f"No rule of {ACL_ID} allows port 27017 to 192.168.248.0/21.")


def test_the_first_rule_that_matches_decides() -> None:
    deny = rule(110, OUT, 27017, allows=False)
    assert severities(with_acl(ALL_OUT, deny, ALL_IN)) == {}
    assert severities(with_acl(rule(120, OUT), deny, ALL_IN)) == {"P701": "fail"}


def test_a_part_of_the_block_is_enough() -> None:
    facts = with_acl(rule(90, OUT, 27000, 28000, allows=False, block="192.168.250.0/28"), ALL_OUT, ALL_IN)
    assert "denies port 27017 to 192.168.250.0/28." in found(facts)["P701"].message


def test_only_the_ports_that_the_clusters_use_are_a_failure() -> None:
    rules = (rule(100, OUT, 27017), ALL_IN)
    assert "allows ports 27015 to 27016 to" in only(with_acl(*rules), "P701", "warn").message
    sharded = cluster(members=["a.mongodb.net:27016"])
    assert severities(with_acl(*rules, clusters=[sharded])) == {"P701": "fail"}
    # Which ports they use is not known.
    assert found(with_acl(*rules, clusters=Unread("No.")))["P701"].severity == "warn"


@pytest.mark.parametrize(
    ("ports", "severity"),
    [
        ((1024, 65535), None),
        ((32768, 60999), "warn"),
        ((32768, 65535), "warn"),
        ((49152, 65535), "fail"),
        ((1024, 60000), "fail"),
        ((27017, 27017), "fail"),
    ],
)
def test_replies_have_to_come_back_in(ports: tuple[int, int], severity: str | None) -> None:
    facts = with_acl(ALL_OUT, rule(100, IN, *ports))
    assert severities(facts) == ({"P701": severity} if severity else {})
    if severity:
        assert f"from {ATLAS_BLOCK}" in found(facts)["P701"].message


@pytest.mark.parametrize("ports", [(3389, 3389), (5900, 5909)])
def test_a_rule_that_closes_a_service_is_no_warning(ports: tuple[int, int]) -> None:
    facts = with_acl(ALL_OUT, rule(90, IN, *ports, allows=False), ALL_IN)
    assert severities(facts) == {}
    assert f"rule 90 of {ACL_ID} denies" in found(facts, "info")["P701"].message.lower()


@pytest.mark.parametrize(
    ("port", "severity"),
    [(1023, None), (1024, "info"), (32767, "info"), (32768, "fail"), (60999, "fail"), (61000, "info"), (65535, "info")],
)
def test_a_closed_port_matters_more_if_linux_uses_it(port: int, severity: str | None) -> None:
    findings = run_checks(with_acl(ALL_OUT, rule(90, IN, port, allows=False), ALL_IN))
    assert [one.severity for one in findings if one.code == "P701"] == [severity or "ok"]


def test_more_than_a_few_closed_ports_are_a_warning() -> None:
    assert severities(with_acl(ALL_OUT, rule(90, IN, 5900, 5910, allows=False), ALL_IN)) == {"P701": "warn"}


def test_both_directions_of_an_acl_are_findings_of_their_own() -> None:
    findings = [one for one in run_checks(with_acl()) if one.code == "P701"]
    assert [(one.severity, one.evidence["direction"]) for one in findings] == [("fail", "egress"), ("fail", "ingress")]


def test_an_acl_of_other_subnets_does_not_matter() -> None:
    other = NetworkAcl("acl-2", "vpc-1", ("subnet-other",), DEFAULTS)
    assert severities(healthy(network_acls=[acl(), other])) == {}
    closed = acl(*DEFAULTS, id="acl-2", subnet_ids=SUBNET_IDS[1:])
    facts = healthy(network_acls=[acl(subnet_ids=SUBNET_IDS[:1]), closed])
    assert found(facts)["P701"].subnet_ids == SUBNET_IDS[1:]
    assert (
        severities(healthy(selection={"subnet_ids": SUBNET_IDS[:1]}, network_acls=[acl(subnet_ids=SUBNET_IDS[:1]), closed])) == {}
    )


def test_a_subnet_without_an_acl_is_unknown() -> None:
    assert only(healthy(network_acls=[acl(subnet_ids=SUBNET_IDS[:1])]), "P701", "unknown").subject == SUBNET_IDS[1]


def egress(
    protocol: str = "tcp", first: int = 27015, last: int = 27017, block: str | None = ATLAS_BLOCK, *lists: str
) -> GroupRule:
    return GroupRule(protocol, Ports(first, last), (block,) if block else (), lists)


HTTPS = egress("tcp", 443, 443, ANYWHERE)


def with_groups(*groups: SecurityGroup, **changes: Any) -> ConnectionFacts:
    """Return healthy facts with groups, all named."""
    selection = {"security_group_ids": tuple(one.id for one in groups)}
    return healthy(
        selection={**selection, **changes.pop("selection", {})}, security_groups={one.id: one for one in groups}, **changes
    )


def test_without_named_groups_and_instances_nothing_is_judged() -> None:
    skipped = found(healthy(selection={"security_group_ids": ()}), "skipped")
    no_client = "No client is named, and no network interface in the judged subnets is one of a client."
    expected = ("No security_group_ids are given.", no_client)
    assert (skipped["P702"].message, skipped["P703"].message) == expected


@pytest.mark.parametrize(
    "rules",
    [
        (),
        (egress(),),
        (egress("6"),),
        (GroupRule("-1", None, (ANYWHERE,), ()),),
        (egress(block="192.168.248.0/22"), egress(block="192.168.252.0/22")),
        (egress("tcp", 27015, 27016), egress("tcp", 27017, 27017)),
    ],
)
def test_a_group_that_lets_the_ports_out_is_fine(rules: tuple[GroupRule, ...]) -> None:
    assert severities(with_groups(group(*rules))) == {}


def test_a_group_that_does_not_is_a_failure() -> None:
    facts = with_groups(group(HTTPS))
    assert only(facts, "P702").message == f"{GROUP_ID} does not let port 27017 out to 192.168.248.0/21."
    assert severities(with_groups(group(egress("udp")))) == {"P702": "fail"}
    assert severities(with_groups(group(egress("tcp", 27017, 27017)))) == {"P702": "warn"}
    half = found(with_groups(group(egress(block="192.168.248.0/22"))))["P702"]
    assert half.message.endswith("out to 192.168.252.0/22.")


def test_each_named_group_is_judged_by_itself() -> None:
    facts = with_groups(group(), group(HTTPS, id="sg-2"))
    assert [one.subject for one in run_checks(facts) if one.code == "P702" and one.severity == "fail"] == ["sg-2"]


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"pl-1": [ATLAS_BLOCK]}, None),
        ({"pl-1": ["192.168.0.0/16"]}, None),
        ({"pl-1": ["192.168.248.0/22"]}, "fail"),
        ({"pl-1": Unread("No.", "ec2:GetManagedPrefixListEntries")}, "unknown"),
        (Missing("No."), "unknown"),
    ],
)
def test_rules_may_name_prefix_lists(lists: Any, expected: str | None) -> None:
    facts = with_groups(group(egress("tcp", 27015, 27017, None, "pl-1")), prefix_lists=lists)
    assert severities(facts) == ({"P702": expected} if expected else {})


def test_an_unread_list_in_a_rule_names_the_permission() -> None:
    finding = found(with_groups(group(egress("tcp", 27015, 27017, None, "pl-1"))))["P702"]
    assert finding.message == "The entries of pl-1 are not known."
    assert finding.fix == "Allow ec2:GetManagedPrefixListEntries to these credentials."
    assert finding.evidence == {"permission": "ec2:GetManagedPrefixListEntries"}


def test_the_list_of_a_gateway_endpoint_has_no_address_of_atlas() -> None:
    """A group that lets nothing out but to S3 does not reach Atlas, whether the list can be read or not."""
    tables = [table(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table(MAIN_TABLE_ID, is_main=True)]
    tables[0] = dataclasses.replace(tables[0], list_routes=(Route("pl-s3", "vpce-1"),))
    facts = with_groups(group(egress("tcp", 1, 65535, None, "pl-s3")), route_tables=tables)
    assert severities(facts) == {"P702": "fail"}
    facts = with_groups(group(egress(), egress("tcp", 1, 65535, None, "pl-s3")), route_tables=tables)
    assert severities(facts) == {}


def test_an_unread_list_does_not_matter_if_other_rules_suffice() -> None:
    assert severities(with_groups(group(egress(), egress("tcp", 1, 9, None, "pl-1")))) == {}


def test_an_unread_list_about_unused_ports_does_not_decide() -> None:
    facts = with_groups(group(egress("tcp", 27017, 27017), egress("tcp", 27015, 27016, None, "pl-1")))
    [finding] = [one for one in run_checks(facts) if one.code == "P702"]
    assert (finding.severity, finding.decides) == ("unknown", False)


def test_a_group_that_aws_does_not_show_is_unknown() -> None:
    facts = healthy(selection={"security_group_ids": ("sg-gone",)})
    # P301 does not find it, either.
    assert found(facts)["P702"].severity == "unknown"


def with_instance(*groups: SecurityGroup, selection: Any = None, **changes: Any) -> ConnectionFacts:
    """Return healthy facts with a named instance that has these groups."""
    known = {one.id: one for one in groups}
    changes.setdefault("interfaces", [interface(security_group_ids=tuple(known))])
    return healthy(selection={"instance_ids": (INSTANCE_ID,), **(selection or {})}, security_groups=known, **changes)


def test_the_groups_of_an_instance_add_up() -> None:
    first, second = group(egress("tcp", 27017, 27017)), group(egress("tcp", 27015, 27016), id="sg-2")
    assert severities(with_instance(first, second)) == {}
    # Each of them is named, too; what counts is what the instance has.
    assert severities(with_instance(first, second, selection={"security_group_ids": (GROUP_ID, "sg-2")})) == {}


def test_an_instance_whose_groups_are_closed_is_one_failure() -> None:
    facts = with_instance(group(HTTPS), group(HTTPS, id="sg-2"), selection={"security_group_ids": (GROUP_ID,)})
    finding = only(facts, "P703")
    text = f"{GROUP_ID} and sg-2 on eni-0a1b2c3d4e5f60001 of {INSTANCE_ID} do not let port 27017 out to 192.168.248.0/21."
    assert (finding.message, finding.subnet_ids) == (text, SUBNET_IDS[:1])
    assert found(facts, "skipped")["P702"].message == "All groups are on instances of instance_ids, see P703."


def test_an_interface_with_a_group_that_is_not_shown_is_unknown() -> None:
    facts = with_instance(group(), interfaces=[interface(security_group_ids=(GROUP_ID, "sg-gone"))])
    assert severities(facts) == {"P703": "unknown"}


def closed_first_subnet() -> dict[str, Any]:
    own = table(TABLE_ID, Route("0.0.0.0/0", "nat-1"), subnet_ids=SUBNET_IDS[:1])
    main = next(one for one in healthy().aws.route_tables if one.is_main)  # type: ignore[union-attr]
    acls = [acl(*DEFAULTS, subnet_ids=SUBNET_IDS[:1]), acl(id="acl-2", subnet_ids=SUBNET_IDS[1:])]
    return {"route_tables": [own, main], "network_acls": acls}


def test_the_subnet_of_an_instance_is_judged_once() -> None:
    assert severities(with_instance(group(), **closed_first_subnet())) == {"P601": "fail", "P701": "fail"}


def test_an_instance_s_subnet_is_judged_even_if_left_out() -> None:
    facts = with_instance(group(), selection={"subnet_ids": SUBNET_IDS[1:]}, **closed_first_subnet())
    assert severities(facts) == {"P601": "fail", "P701": "fail"}
    assert found(facts)["P601"].subnet_ids == SUBNET_IDS[:1]


@pytest.mark.parametrize("chosen", [{"selection": {"subnet_ids": SUBNET_IDS[1:]}}, {"entry": {"cidr_block": SUBNET_BLOCKS[1]}}])
def test_an_instance_needs_an_access_list_entry_and_a_way_back(chosen: dict[str, Any]) -> None:
    facts = with_instance(group(), **chosen, access_list=[entry(SUBNET_BLOCKS[1])])
    assert only(facts, "P301").subnet_ids == SUBNET_IDS[:1]
    assert not any("outside of" in one.message for one in run_checks(facts))
    assert severities(with_instance(group(), **chosen, peer=peer(route_table_cidr_block=SUBNET_BLOCKS[1]))) == {"P607": "fail"}


def test_unread_interfaces_hide_no_fault_of_other_subnets() -> None:
    unread = Unread("No.", "ec2:DescribeNetworkInterfaces")
    facts = with_instance(group(), interfaces=unread, **closed_first_subnet())
    assert severities(facts).items() >= {"P601": "fail", "P701": "fail", "P703": "unknown"}.items()


def test_a_prefix_list_may_decide_on_the_subnet_of_an_instance() -> None:
    unread = Unread("No.", "ec2:GetManagedPrefixListEntries")
    over_list = Route("pl-1", CONNECTION_ID, is_peering=True)
    own = table(TABLE_ID, Route("0.0.0.0/0", "nat-1"), subnet_ids=SUBNET_IDS[:1], list_routes=(over_list,))
    changes = {"route_tables": [own, closed_first_subnet()["route_tables"][1]], "prefix_lists": unread}
    facts = with_instance(group(), selection={"subnet_ids": SUBNET_IDS[1:]}, **changes)
    assert severities(facts) == {"P603": "unknown"}


def test_evidence_is_plain_json() -> None:
    facts = [with_acl(), with_groups(group(HTTPS)), with_instance(group(HTTPS), **closed_first_subnet())]
    findings: list[Finding] = [one for each in facts for one in run_checks(each)]
    assert json.loads(json.dumps([dict(one.evidence) for one in findings])) == [dict(one.evidence) for one in findings]
