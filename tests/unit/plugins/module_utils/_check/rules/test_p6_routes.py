from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Route, RouteTable, Subnet, Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of, verdict_of_subnet
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    ATLAS_BLOCK,
    CONNECTION_ID,
    MAIN_TABLE_ID,
    SUBNET_IDS,
    TABLE_ID,
    VPC_BLOCK,
    VPC_ID,
    acl,
    connection,
    container,
    entry,
    found,
    healthy,
    only,
    peer,
    severities,
    table,
)

OWN = table(TABLE_ID, subnet_ids=SUBNET_IDS[:1])
TO_ATLAS = Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True)
UNREAD = Unread("AWS refuses the entries.", "ec2:GetManagedPrefixListEntries")


def with_main(*routes: Route, **changes: Any) -> ConnectionFacts:
    """Return healthy facts, with these routes in the main table, which is that of the second subnet."""
    lists = changes.pop("list_routes", ())
    return healthy(route_tables=[OWN, table(MAIN_TABLE_ID, *routes, is_main=True, list_routes=lists)], **changes)


def local_only(table_id: str, **changes: Any) -> RouteTable:
    return table(table_id, Route("10.99.0.0/16", "vgw-1"), **changes)


def test_a_healthy_connection_has_no_fault() -> None:
    assert severities(healthy()) == {}
    assert severities(with_main(Route("192.168.248.0/22", CONNECTION_ID), Route("192.168.252.0/22", CONNECTION_ID))) == {}


def test_a_more_specific_route_takes_its_part() -> None:
    finding = only(with_main(TO_ATLAS, Route("192.168.248.0/24", "tgw-1")), "P601")
    assert finding.message == f"192.168.248.0/24 goes to tgw-1 by {MAIN_TABLE_ID} (main), the table of {SUBNET_IDS[1]}."
    assert finding.fix == f"Remove the route to 192.168.248.0/24, or point it at {CONNECTION_ID} in {MAIN_TABLE_ID}."
    assert (finding.subject, finding.subnet_ids) == (MAIN_TABLE_ID, SUBNET_IDS[1:])
    expected = [{"cidr_blocks": ["192.168.248.0/24"], "destination": "192.168.248.0/24", "target": "tgw-1", "either": []}]
    assert finding.evidence["parts"] == expected


def test_only_the_subnets_of_the_table_are_not_reachable() -> None:
    findings = run_checks(with_main(Route("0.0.0.0/0", "nat-1")))
    verdicts = [verdict_of_subnet(subnet, findings, both_halves=True) for subnet in SUBNET_IDS]
    assert verdicts == ["reachable_by_design", "not_reachable"]


@pytest.mark.parametrize(
    ("routes", "message", "fix"),
    [
        ((Route("10.99.0.0/16", "vgw-1"),), "192.168.248.0/21 has no route in", f"Route {ATLAS_BLOCK} to {CONNECTION_ID} in"),
        ((Route("0.0.0.0/0", "nat-1"),), "192.168.248.0/21 goes to nat-1 by 0.0.0.0/0 in rtb-", f"Route {ATLAS_BLOCK} to"),
        (
            (Route("192.168.0.0/16", "tgw-1"),),
            "192.168.248.0/21 goes to tgw-1 by 192.168.0.0/16 in rtb-",
            f"Route {ATLAS_BLOCK} to",
        ),
        # Without it, the block would have no route.
        (
            (Route(ATLAS_BLOCK, "tgw-1"),),
            "192.168.248.0/21 goes to tgw-1 by rtb-",
            f"Point the route to {ATLAS_BLOCK} at {CONNECTION_ID}",
        ),
        (
            (Route(ATLAS_BLOCK, "pcx-old", is_peering=True, is_blackhole=True),),
            "192.168.248.0/21 goes to pcx-old (black hole) by",
            f"Point the route to {ATLAS_BLOCK} at {CONNECTION_ID} in {MAIN_TABLE_ID}.",
        ),
        (
            (Route("192.168.252.0/22", CONNECTION_ID), Route("192.168.248.0/24", "tgw-1")),
            "192.168.248.0/24 goes to tgw-1; 192.168.249.0/24 and 192.168.250.0/23 have no route by rtb-",
            f"Remove the route to 192.168.248.0/24, or point it at {CONNECTION_ID} in {MAIN_TABLE_ID}. Route 192.168.248.0/21 to",
        ),
    ],
)
def test_the_whole_block_has_to_go_to_the_connection(routes: tuple[Route, ...], message: str, fix: str) -> None:
    facts = with_main(*routes)
    assert only(facts, "P601").message.startswith(message)
    assert found(facts)["P601"].fix.startswith(fix)


def test_a_connection_in_place_of_this_one_has_its_status() -> None:
    facts = with_main(Route(ATLAS_BLOCK, "pcx-old", is_peering=True), statuses={"pcx-old": "deleted"})
    assert "goes to pcx-old (deleted) by" in only(facts, "P601").message


def test_many_subnets_with_one_table_are_one_finding() -> None:
    subnets = [Subnet(f"subnet-{number}", VPC_ID, f"10.15.{number}.0/24") for number in range(60)]
    facts = healthy(subnets=subnets, route_tables=[local_only(MAIN_TABLE_ID, is_main=True)], network_acls=[])
    findings = [one for one in run_checks(facts) if one.code == "P601"]
    assert len(findings) == 1
    assert findings[0].message.endswith(" (main), the table of subnet-0, subnet-1, subnet-2 and 57 more.")
    assert len(findings[0].evidence["subnet_ids"]) == len(findings[0].subnet_ids or ()) == 60


@pytest.mark.parametrize(
    ("fields", "selection"),
    [
        ({"route_table_ids": (TABLE_ID,)}, {}),
        ({"route_table_tags": {"atlas": "yes"}}, {}),
        ({}, {"subnet_ids": SUBNET_IDS[:1]}),
        ({"cidr_block": "10.15.1.0/24"}, {}),
    ],
)
def test_tables_left_out_on_purpose_are_no_fault(fields: dict[str, Any], selection: dict[str, Any]) -> None:
    own = table(TABLE_ID, subnet_ids=SUBNET_IDS[:1])
    tagged = RouteTable(own.id, own.vpc_id, {"atlas": "yes"}, own.routes, subnet_ids=own.subnet_ids)
    facts = healthy(fields, selection, route_tables=[tagged, local_only(MAIN_TABLE_ID, is_main=True)])
    assert severities(facts) == {}
    everything = " ".join(one.message for one in run_checks(facts))
    assert (SUBNET_IDS[1] in everything) == ("cidr_block" in fields)


def test_subnets_outside_the_entry_s_block_are_not_judged() -> None:
    facts = healthy({"cidr_block": "10.15.1.0/24"}, route_tables=[OWN, local_only(MAIN_TABLE_ID, is_main=True)])
    finding = found(facts, "info")["P601"]
    assert finding.message == f"{SUBNET_IDS[1]} is outside of 10.15.1.0/24, the cidr_block of the connection, and not judged."


def test_a_vpc_without_subnets_is_told_and_does_not_decide() -> None:
    facts = healthy(subnets=[])
    assert found(facts, "info")["P601"].message == f"{VPC_ID} has no subnet, so nothing in it was judged."
    assert verdict_of(run_checks(facts), both_halves=True) == "reachable_by_design"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"route_table_ids": ("rtb-edge",)}, "has one of the route tables that the connection names"),
        ({"route_table_tags": {"tier": "none"}}, "has one of the route tables that the connection names"),
        ({"cidr_block": "10.15.200.0/24"}, "that is meant is in 10.15.200.0/24, the cidr_block of the connection"),
        ({"cidr_block": "10.77.0.0/24"}, "that is meant is in 10.77.0.0/24, the cidr_block of the connection"),
    ],
)
def test_an_entry_that_means_no_subnet_is_unknown(fields: dict[str, Any], message: str) -> None:
    edge = table("rtb-edge", gateways=("igw-1",))
    facts = healthy(fields, route_tables=[OWN, table(MAIN_TABLE_ID, is_main=True), edge])
    assert message in only(facts, "P601", "unknown").message
    assert verdict_of(run_checks(facts), both_halves=True) == "unknown"


def test_without_subnets_nothing_is_judged() -> None:
    skipped = found(healthy(subnets=[]), "skipped")
    assert {"P602", "P603", "P604", "P605", "P606", "P607", "P608", "P701"} <= skipped.keys()


def test_a_subnet_without_a_table_is_unknown() -> None:
    assert only(healthy(route_tables=[OWN]), "P601", "unknown").subject == SUBNET_IDS[1]


def test_while_the_connection_is_not_active_routes_are_judged() -> None:
    waiting = {"peer": peer(status_name="PENDING_ACCEPTANCE"), "connection": connection(status="pending-acceptance")}
    assert severities(with_main(Route("0.0.0.0/0", "nat-1"), **waiting)) == {"P101": "fail", "P601": "fail"}


def test_a_black_hole_to_the_connection_is_p602_alone() -> None:
    facts = with_main(Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True, is_blackhole=True))
    assert only(facts, "P602").subnet_ids == SUBNET_IDS[1:]


def test_a_black_hole_of_an_ended_connection_is_p402_alone() -> None:
    hole = Route(ATLAS_BLOCK, CONNECTION_ID, is_peering=True, is_blackhole=True)
    facts = with_main(hole, connection=connection(status="deleted"))
    assert severities(facts) == {"P402": "fail"}
    assert found(facts, "skipped")["P602"].waits_for == "P402"


def test_a_container_with_addresses_of_the_vpc_is_p105_alone() -> None:
    shared = container(atlas_cidr_block="10.15.0.0/21")
    requester = connection().requester
    facts = healthy(container=shared, connection=connection(requester=type(requester)(None, None, None, ["10.15.0.0/21"], True)))
    assert severities(facts) == {"P105": "fail"}


OVER_LIST = Route("pl-1", CONNECTION_ID, is_peering=True)
ELSEWHERE = Route("pl-1", "tgw-1")
OTHER = Route("10.99.0.0/16", "vgw-1")


def test_a_route_over_a_prefix_list_is_fine() -> None:
    facts = with_main(OTHER, list_routes=(OVER_LIST,), prefix_lists={"pl-1": [ATLAS_BLOCK, "2001:db8::/32"]})
    assert severities(facts) == {}
    assert [one.message for one in run_checks(facts) if one.code == "P603"] == [f"{MAIN_TABLE_ID} (main) routes over pl-1."]


def test_a_prefix_list_can_take_a_part_away() -> None:
    facts = with_main(TO_ATLAS, list_routes=(ELSEWHERE,), prefix_lists={"pl-1": ["192.168.248.0/24"]})
    finding = only(facts, "P601")
    assert finding.message.startswith("192.168.248.0/24 goes to tgw-1 by ")
    # The list may have the blocks of others, too.
    assert finding.fix == (
        f"Route 192.168.248.0/24 to {CONNECTION_ID} in {MAIN_TABLE_ID}: a route to a block wins over one to a list that has it."
    )


def test_of_two_lists_with_the_same_block_none_is_said_to_win() -> None:
    """Source: "How route priority works" in the Amazon VPC user guide: AWS takes any of both, and goes on to take that."""
    facts = with_main(
        OTHER,
        list_routes=(Route("pl-2", "tgw-1"), Route("pl-1", CONNECTION_ID, is_peering=True)),
        prefix_lists={"pl-1": [ATLAS_BLOCK], "pl-2": [ATLAS_BLOCK]},
    )
    finding = only(facts, "P601")
    assert finding.message.startswith(
        f"{ATLAS_BLOCK} goes to {CONNECTION_ID} or tgw-1 (AWS takes any of pl-1 and pl-2, which have the same block)"
    )
    (part,) = finding.evidence["parts"]
    assert (part["destination"], part["target"]) == (None, None)
    assert [one["destination"] for one in part["either"]] == ["pl-1", "pl-2"]


@pytest.mark.parametrize(
    ("routes", "over_list", "expected"),
    [
        # It could be what is missing.
        ((OTHER,), OVER_LIST, {"P603": "unknown"}),
        # It could take a part away.
        ((TO_ATLAS,), ELSEWHERE, {"P603": "unknown"}),
        # All goes to the connection already.
        ((TO_ATLAS,), OVER_LIST, {}),
        # It can only make it worse.
        ((OTHER,), ELSEWHERE, {"P601": "fail"}),
    ],
)
def test_unread_entries_matter_if_they_may_decide(routes: tuple[Route, ...], over_list: Route, expected: dict[str, str]) -> None:
    for lists in ({"pl-1": UNREAD}, {"pl-1": Missing("None.")}, {}, UNREAD):
        assert severities(with_main(*routes, list_routes=(over_list,), prefix_lists=lists)) == expected


def test_the_list_of_a_gateway_endpoint_decides_nothing() -> None:
    """Every VPC with S3's endpoint has one."""
    of_s3 = Route("pl-s3", "vpce-0a1b2c3d4e5f60001")
    for lists in ({}, UNREAD):
        assert severities(with_main(TO_ATLAS, list_routes=(of_s3,), prefix_lists=lists)) == {}
        assert severities(with_main(OTHER, list_routes=(of_s3,), prefix_lists=lists)) == {"P601": "fail"}
    # Another route over a list is one of customers.
    assert severities(with_main(TO_ATLAS, list_routes=(of_s3, ELSEWHERE), prefix_lists=UNREAD)) == {"P603": "unknown"}


def test_unknown_entries_name_the_permission_and_the_subnets() -> None:
    facts = with_main(OTHER, list_routes=(OVER_LIST,), prefix_lists=UNREAD)
    finding = found(facts)["P603"]
    assert finding.message == (
        f"{MAIN_TABLE_ID} (main) has a route to the prefix list pl-1, which leads to {CONNECTION_ID} and could not be read: "
        f"whether it takes {ATLAS_BLOCK} there is not known."
    )
    assert finding.evidence["reason"] == "AWS refuses the entries."
    assert finding.fix == "Allow ec2:GetManagedPrefixListEntries to these credentials."
    findings = run_checks(facts)
    assert verdict_of(findings, both_halves=True) == "unknown"
    assert verdict_of_subnet(SUBNET_IDS[0], findings, both_halves=True) == "reachable_by_design"


def test_a_propagated_route_with_the_same_destination_is_told() -> None:
    facts = with_main(TO_ATLAS, Route(ATLAS_BLOCK, "vgw-1", is_propagated=True))
    assert severities(facts) == {}
    assert f"propagated route to {ATLAS_BLOCK} by vgw-1" in found(facts, "info")["P604"].message
    assert "P604" not in found(with_main(TO_ATLAS, Route("0.0.0.0/0", "vgw-1", is_propagated=True)), "info")


def many(number: int, **changes: Any) -> list[Route]:
    """Return so many routes, with those to Atlas and to the VPC."""
    return [TO_ATLAS, *(Route(f"100.64.{index}.0/24", "tgw-1", **changes) for index in range(number - 2))]


def test_a_table_that_is_nearly_full_is_a_warning() -> None:
    assert severities(with_main(*many(39))) == {}
    assert only(with_main(*many(40)), "P605", "warn").message == f"{MAIN_TABLE_ID} (main) has 40 of at most 50 routes."
    assert severities(with_main(*many(40), routes_quota=100)) == {}
    assert severities(with_main(*many(60, is_propagated=True))) == {}


def test_tables_of_gateways_are_left_out() -> None:
    edge = table("rtb-edge", *many(60), Route("10.98.0.0/16", "pcx-gone", is_peering=True), gateways=("igw-1",))
    assert severities(healthy(route_tables=[*healthy().aws.route_tables, edge])) == {}  # type: ignore[misc]


@pytest.mark.parametrize("status", ["deleted", "rejected", "expired", "failed", None])
def test_routes_to_connections_that_have_ended_are_left_over(status: str | None) -> None:
    old = Route("10.98.0.0/16", "pcx-old", is_peering=True, is_blackhole=status is None)
    routes = (TO_ATLAS, old, replace(old, destination="10.97.0.0/16"))
    finding = only(with_main(*routes, statuses={"pcx-old": status} if status else {}), "P606", "warn")
    assert finding.message == (
        f"pcx-old {f'is {status}' if status else 'does not exist'}, but routes still lead to it:"
        f" 10.98.0.0/16 in {MAIN_TABLE_ID} (main) and 10.97.0.0/16 in {MAIN_TABLE_ID} (main)."
    )


@pytest.mark.parametrize("status", ["active", "pending-acceptance", "provisioning", None])
def test_routes_to_other_live_connections_are_fine(status: str | None) -> None:
    """AWS may not list a new one yet; and those of the owner of a shared VPC are hidden from others, whose routes are active.

    Source: State of a route in EC2's API reference: `blackhole` says that the target is not available.
    """
    routes = (TO_ATLAS, Route("10.98.0.0/16", "pcx-2", is_peering=True))
    assert severities(with_main(*routes, statuses={"pcx-2": status} if status else {})) == {}


def test_atlas_needs_a_way_back_to_each_judged_subnet() -> None:
    pods = Subnet("subnet-pods", VPC_ID, "100.64.1.0/24")
    changes: dict[str, Any] = {
        "subnets": [*healthy().aws.subnets, pods],  # type: ignore[misc]
        "network_acls": [acl(subnet_ids=(*SUBNET_IDS, pods.id))],
        "access_list": [entry(VPC_BLOCK), entry("100.64.0.0/16")],
        "access_status": {VPC_BLOCK: "ACTIVE", "100.64.0.0/16": "ACTIVE"},
    }
    facts = healthy({"cidr_block": None}, **changes)
    assert severities(facts) == {"P607": "fail"}
    text = f"Atlas has no way back to 100.64.1.0/24 of subnet-pods: it routes only {VPC_BLOCK} to the VPC."
    assert found(facts)["P607"].message == text
    assert found(facts)["P607"].subnet_ids == ("subnet-pods",)
    # The block of the entry leaves the pods out on purpose.
    assert severities(healthy(**changes)) == {}


SNAT = "se SNAT to addresses of {}, as for pods, and leave this subnet out with subnet_ids"


@pytest.mark.parametrize(
    ("blocks", "vpc_blocks", "current", "fix"),
    [
        # Source: "Network Peering" in the documentation of Atlas, whose API refuses others: INVALID_ROUTE_TABLE_CIDR.
        (
            ["10.15.1.0/24", "100.64.1.0/24"],
            [VPC_BLOCK, "100.64.0.0/16"],
            VPC_BLOCK,
            f"U{SNAT.format(VPC_BLOCK)}: Atlas routes blocks within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 only.",
        ),
        (
            ["10.15.1.0/24", "10.15.2.0/24"],
            [VPC_BLOCK],
            "10.15.1.0/24",
            f"Set route_table_cidr_block (cidr_block in the role) to {VPC_BLOCK}, the block of the VPC with all these subnets."
            f" Or u{SNAT.format('10.15.1.0/24')}.",
        ),
        (
            ["10.16.1.0/24"],
            [VPC_BLOCK, "10.16.0.0/16"],
            VPC_BLOCK,
            "Set route_table_cidr_block (cidr_block in the role) to 10.16.0.0/16, the block of the VPC with all these subnets."
            f" Atlas then has no way back to the rest of {VPC_BLOCK}. Or u{SNAT.format(VPC_BLOCK)}.",
        ),
        (
            ["10.15.1.0/24", "10.200.1.0/24"],
            [VPC_BLOCK, "10.200.0.0/16"],
            VPC_BLOCK,
            f"U{SNAT.format(VPC_BLOCK)}. Or set route_table_cidr_block (cidr_block in the role) to 10.0.0.0/8: it overlaps every "
            "VPC within 10.0.0.0/8 that this network container may get, and shuts these out.",
        ),
        (
            ["10.14.0.0/16", "10.15.0.0/16"],
            [VPC_BLOCK, "10.14.0.0/16"],
            VPC_BLOCK,
            f"U{SNAT.format(VPC_BLOCK)}. Or set route_table_cidr_block (cidr_block in the role) to 10.14.0.0/15.",
        ),
        # 192.168.0.0/16 would have the network container itself.
        (
            ["192.168.1.0/24", "192.168.128.0/24"],
            ["192.168.0.0/17", "192.168.128.0/18"],
            "192.168.0.0/17",
            f"U{SNAT.format('192.168.0.0/17')}: no private block has all of these subnets, and not {ATLAS_BLOCK} of Atlas "
            "itself.",
        ),
    ],
)
def test_a_block_for_the_way_back_is_no_wider_than_it_has_to_be(
    blocks: list[str], vpc_blocks: list[str], current: str, fix: str
) -> None:
    facts = healthy(
        {"cidr_block": None},
        subnets=[Subnet(f"subnet-{number}", VPC_ID, block) for number, block in enumerate(blocks)],
        vpc=Vpc(VPC_ID, ACCOUNT_ID, vpc_blocks, True, True),
        peer=peer(route_table_cidr_block=current),
    )
    assert found(facts)["P607"].fix == fix


def test_a_subnet_partly_in_the_block_lacks_a_way_back() -> None:
    assert severities(healthy(peer=peer(route_table_cidr_block="10.15.0.0/23"))) == {"P607": "fail"}
    assert found(healthy(peer=peer(route_table_cidr_block="10.15.1.0/25")))["P607"].severity == "fail"


def test_replies_for_another_block_are_p103_alone() -> None:
    facts = healthy(peer=peer(route_table_cidr_block="10.99.0.0/16"))
    assert severities(facts) == {"P103": "fail"}
    assert found(facts, "skipped")["P607"].waits_for == "P103"


def test_a_subnet_for_ipv6_alone_is_p608_alone() -> None:
    subnets = [Subnet(SUBNET_IDS[0], VPC_ID, None), Subnet(SUBNET_IDS[1], VPC_ID, "10.15.2.0/24")]
    facts = healthy(
        subnets=subnets, route_tables=[local_only(TABLE_ID, subnet_ids=SUBNET_IDS[:1]), table(MAIN_TABLE_ID, is_main=True)]
    )
    assert only(facts, "P608").subnet_ids == SUBNET_IDS[:1]
