"""P3: whether the access list lets the clients in."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.objects import Subnet, Vpc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Missing, Unread
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.p3_access_list import deciding_entries
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ACCOUNT_ID,
    GROUP_ID,
    INSTANCE_ID,
    NOW,
    SUBNET_BLOCKS,
    SUBNET_IDS,
    VPC_BLOCK,
    VPC_ID,
    entry,
    found,
    group,
    healthy,
    interface,
    only,
    peer,
    severities,
)

OTHER_GROUP_ID = "sg-0a1b2c3d4e5f6ffff"
BOTH = {"access_list": [entry(block) for block in SUBNET_BLOCKS]}


def with_entries(*subjects: str, **changes: Any) -> ConnectionFacts:
    return healthy(access_list=[entry(subject) for subject in subjects], **changes)


@pytest.mark.parametrize(
    "subjects",
    [
        ["10.15.0.0/16"],
        ["0.0.0.0/0"],
        ["10.15.1.0/24", "10.15.2.0/24"],
        ["10.15.1.0/25", "10.15.1.128/25", "10.15.2.0/23"],
        ["10.15.1.128/25", "10.15.1.64/26", "10.15.1.0/26", "10.15.2.0/24"],
        [*(f"10.15.1.{number}" for number in range(256)), "10.15.2.0/24"],
        ["10.15.0.0/16", "2001:db8::/32", "nonsense"],
    ],
)
def test_blocks_and_addresses_cover_subnets_together(subjects: list[str]) -> None:
    assert severities(with_entries(*subjects)) == {}


@pytest.mark.parametrize(
    ("subjects", "where", "subnets"),
    [
        ([], "10.15.1.0/24 (subnet-0a1b2c3d4e5f60001) and 10.15.2.0/24 (subnet-0a1b2c3d4e5f60002)", SUBNET_IDS),
        (["10.15.1.0/24"], "10.15.2.0/24 (subnet-0a1b2c3d4e5f60002)", SUBNET_IDS[1:]),
        (["10.15.2.0/23", "10.15.1.0/25"], "10.15.1.128/25 of subnet-0a1b2c3d4e5f60001", SUBNET_IDS[:1]),
        (
            ["10.15.2.0/23", "10.15.1.0"],
            "10.15.1.1/32, 10.15.1.2/31, 10.15.1.4/30 and 5 more of subnet-0a1b2c3d4e5f60001",
            SUBNET_IDS[:1],
        ),
        (["::/0", "2001:db8::1", "nonsense", "10.15.1.0/24"], "10.15.2.0/24 (subnet-0a1b2c3d4e5f60002)", SUBNET_IDS[1:]),
    ],
)
def test_what_no_entry_covers_is_told_in_one_finding(subjects: list[str], where: str, subnets: tuple[str, ...]) -> None:
    finding = only(with_entries(*subjects), "P301")
    assert (finding.message, finding.subnet_ids) == (f"No entry covers {where}.", subnets)


PODS = "100.64.0.0/16"


@pytest.mark.parametrize(
    ("cidr_block", "vpc_blocks", "subjects", "missing"),
    [
        (VPC_BLOCK, [VPC_BLOCK], [], "10.15.0.0/16"),
        ("10.15.0.0/22", [VPC_BLOCK], [], "10.15.0.0/22"),
        # A few gaps are no more than the clients need.
        (None, [VPC_BLOCK, PODS], [], "10.15.1.0/24, 10.15.2.0/24 and 100.64.1.0/24"),
        (None, [VPC_BLOCK, PODS], [VPC_BLOCK], "100.64.1.0/24"),
        (None, None, [VPC_BLOCK], "100.64.1.0/24"),
    ],
)
def test_the_fix_has_the_blocks(cidr_block: str | None, vpc_blocks: list[str] | None, subjects: list[str], missing: str) -> None:
    pods = Subnet("subnet-0a1b2c3d4e5f60003", VPC_ID, "100.64.1.0/24")
    subnets = [Subnet(name, VPC_ID, block) for name, block in zip(SUBNET_IDS, SUBNET_BLOCKS)]
    facts = healthy(
        {"cidr_block": cidr_block},
        access_list=[entry(subject) for subject in subjects],
        subnets=[*subnets, pods],
        vpc=Vpc(VPC_ID, ACCOUNT_ID, vpc_blocks, True, True) if vpc_blocks else Unread("AWS refuses it."),
    )
    assert found(facts, "fail")["P301"].fix == f"Add {missing} to the access list: atlas_access_list, or atlas_peering."


@pytest.mark.parametrize(
    ("numbers", "vpc_blocks", "missing"),
    [
        ((1, 2, 3), [VPC_BLOCK], "10.15.1.0/24 and 10.15.2.0/23"),
        ((0, 1, 2, 3), [VPC_BLOCK], "10.15.0.0/22"),
        ((1, 3, 5), [VPC_BLOCK], "10.15.1.0/24, 10.15.3.0/24 and 10.15.5.0/24"),
        ((1, 3, 5, 7), [VPC_BLOCK], VPC_BLOCK),
        ((1, 3, 5, 7), [PODS, "10.15.0.0/21"], "10.15.0.0/21"),
        ((1, 3, 5, 7, 9), None, "10.15.1.0/24, 10.15.3.0/24, 10.15.5.0/24, 10.15.7.0/24 and 10.15.9.0/24"),
        (range(0, 60, 2), None, "10.15.0.0/24, 10.15.2.0/24, 10.15.4.0/24 and 27 more (all of them are in the evidence)"),
    ],
)
def test_more_gaps_than_a_few_are_the_block_of_the_vpc(
    numbers: tuple[int, ...], vpc_blocks: list[str] | None, missing: str
) -> None:
    facts = healthy(
        {"cidr_block": None},
        access_list=[entry("10.99.0.0/16")],
        subnets=[Subnet(f"subnet-{number}", VPC_ID, f"10.15.{number}.0/24") for number in numbers],
        vpc=Vpc(VPC_ID, ACCOUNT_ID, vpc_blocks, True, True) if vpc_blocks else Unread("AWS refuses it."),
    )
    assert found(facts, "fail")["P301"].fix == f"Add {missing} to the access list: atlas_access_list, or atlas_peering."


@pytest.mark.parametrize("subnets", [[], [Subnet(SUBNET_IDS[0], VPC_ID, None)]])
def test_without_a_subnet_for_ipv4_nothing_is_judged(subnets: list[Subnet]) -> None:
    assert "P301" in found(healthy(subnets=subnets), "skipped")


def test_only_judged_subnets_count() -> None:
    facts = healthy(selection={"subnet_ids": SUBNET_IDS[:1]}, access_list=[entry("10.15.1.0/24")])
    assert severities(facts) == {}
    outside = healthy({"cidr_block": "10.15.1.0/24"}, peer=peer(), access_list=[entry("10.15.1.0/24")])
    assert severities(outside) == {}


@pytest.mark.parametrize("seconds", [0, 1])
def test_an_entry_whose_time_is_over_covers_nothing(seconds: int) -> None:
    past = (NOW - datetime.timedelta(seconds=seconds)).isoformat()
    assert severities(healthy(access_list=[entry(VPC_BLOCK, delete_after_date=past)])) == {"P301": "fail"}


@pytest.mark.parametrize("date", ["garbage", ""])
def test_an_entry_with_an_unreadable_end_is_not_permanent(date: str) -> None:
    facts = healthy(access_list=[entry(VPC_BLOCK, delete_after_date=date)])
    assert severities(facts).items() >= {"P301": "unknown", "P302": "unknown"}.items()
    assert found(facts)["P301"].message == f"Atlas reports {date!r} as the end of {VPC_BLOCK}, which is not a time."


def test_the_group_that_a_connection_names_has_to_be_listed() -> None:
    """Other groups of the VPC do not stand in for it."""
    other = "sg-0a1b2c3d4e5f60002"
    groups = {name: group(id=name) for name in (GROUP_ID, other)}
    facts = with_entries(other, entry={"aws_security_group": GROUP_ID}, security_groups=groups)
    assert only(facts, "P301").message.endswith(f"and {GROUP_ID} of the connection is not in the access list.")
    facts = with_entries(other, GROUP_ID, entry={"aws_security_group": f"{ACCOUNT_ID}/{GROUP_ID}"}, security_groups=groups)
    assert severities(facts) == {}
    assert found(facts, "info")["P301"].message.startswith(f"Only members of {GROUP_ID} may connect")


@pytest.mark.parametrize("account", ["", "123456789012/"])
def test_a_group_of_the_clients_covers_their_subnets(account: str) -> None:
    facts = with_entries(
        f"{account}{GROUP_ID}", selection={"security_group_ids": (GROUP_ID,)}, security_groups={GROUP_ID: group()}
    )
    assert severities(facts) == {}
    facts = with_entries(
        f"{account}{GROUP_ID}",
        selection={"instance_ids": (INSTANCE_ID,)},
        security_groups={GROUP_ID: group()},
        interfaces=[interface()],
    )
    assert severities(facts) == {}


def test_a_group_that_the_clients_are_not_in_is_a_failure() -> None:
    facts = with_entries(
        OTHER_GROUP_ID,
        selection={"security_group_ids": (GROUP_ID,)},
        security_groups={GROUP_ID: group(), OTHER_GROUP_ID: group(id=OTHER_GROUP_ID)},
    )
    text = f"{GROUP_ID} is not in the access list, and blocks do not cover all judged subnets."
    assert (only(facts, "P301").subject, only(facts, "P301").message) == (GROUP_ID, text)


def test_a_group_without_named_clients_is_worth_a_word() -> None:
    facts = with_entries(OTHER_GROUP_ID, GROUP_ID, "10.15.1.0/24", security_groups={GROUP_ID: group()})
    assert severities(facts) == {}
    info = found(facts, "info")["P301"]
    assert info.message == f"Only members of {GROUP_ID} may connect from 10.15.2.0/24 ({SUBNET_IDS[1]})."
    # The entry says that it is meant, so nothing has to be read for that.
    facts = with_entries(GROUP_ID, entry={"aws_security_group": f"123456789012/{GROUP_ID}"}, security_groups={GROUP_ID: group()})
    assert severities(facts) == {}
    assert "P301" in found(facts, "info")


@pytest.mark.parametrize(
    "groups", [{}, {GROUP_ID: group(vpc_id="vpc-0a1b2c3d4e5f6ffff")}], ids=["in another account, or gone", "in another VPC"]
)
def test_a_group_of_another_vpc_covers_nothing_here(groups: dict[str, Any]) -> None:
    assert severities(with_entries(GROUP_ID, security_groups=groups)) == {"P301": "fail"}


def test_a_group_in_another_region_covers_nothing_here() -> None:
    facts = with_entries(GROUP_ID, security_groups={GROUP_ID: group()}, peer=peer(accepter_region_name="eu-west-1"))
    assert severities(facts) == {"P301": "fail"}


def test_unread_groups_are_no_covered_subnets() -> None:
    unread = Unread("AWS refuses it.", "ec2:DescribeSecurityGroups")
    assert severities(with_entries(GROUP_ID, security_groups=unread)) == {"P301": "unknown", "P302": "unknown"}
    facts = with_entries(GROUP_ID, selection={"instance_ids": (INSTANCE_ID,)}, interfaces=unread, security_groups={})
    assert severities(facts).items() >= {"P301": "unknown", "P302": "unknown"}.items()


@pytest.mark.parametrize("status", ["PENDING", "FAILED"])
def test_an_entry_that_is_not_in_force_is_a_failure(status: str) -> None:
    finding = only(healthy(**BOTH, access_status={SUBNET_BLOCKS[0]: "ACTIVE", SUBNET_BLOCKS[1]: status}), "P302")
    assert (finding.subject, finding.subnet_ids) == (SUBNET_BLOCKS[1], SUBNET_IDS[1:])
    assert status in finding.message


def test_an_entry_not_in_force_matters_only_without_another_one() -> None:
    facts = with_entries(VPC_BLOCK, "0.0.0.0/0", access_status={VPC_BLOCK: "ACTIVE", "0.0.0.0/0": "PENDING"})
    assert severities(facts) == {}
    facts = with_entries(VPC_BLOCK, "0.0.0.0/0", access_status={VPC_BLOCK: "FAILED", "0.0.0.0/0": "PENDING"})
    assert severities(facts) == {"P302": "fail"}


@pytest.mark.parametrize(
    "statuses",
    [{}, {VPC_BLOCK: Unread("Atlas refuses it.")}, {VPC_BLOCK: Missing("It is gone.")}, {VPC_BLOCK: ""}, {VPC_BLOCK: "NEW"}],
)
def test_a_status_that_is_not_known_is_not_in_force(statuses: dict[str, Any]) -> None:
    assert severities(healthy(access_status=statuses)) == {"P302": "unknown"}
    assert severities(healthy(access_status=Unread("Atlas refuses it."))) == {"P302": "unknown"}
    # It does not matter if another entry covers the same.
    assert severities(with_entries(VPC_BLOCK, "10.0.0.0/8", access_status={**statuses, "10.0.0.0/8": "ACTIVE"})) == {}


def test_a_failure_of_one_subnet_hides_no_unknown_of_another() -> None:
    facts = healthy(**BOTH, access_status={SUBNET_BLOCKS[0]: "FAILED"})
    assert {one.severity for one in found(facts, "fail").values()} == {"fail"}
    assert "P302" in found(facts, "unknown")


def test_a_group_that_is_not_in_force_is_a_failure() -> None:
    facts = with_entries(
        GROUP_ID,
        selection={"security_group_ids": (GROUP_ID,)},
        security_groups={GROUP_ID: group()},
        access_status={GROUP_ID: "PENDING"},
    )
    assert only(facts, "P302").subnet_ids == SUBNET_IDS


@pytest.mark.parametrize(("left", "severity"), [({"hours": 5}, "warn"), ({"hours": 24}, "warn"), ({"hours": 25}, None)])
def test_an_entry_that_expires_soon_is_a_warning(left: dict[str, int], severity: str | None) -> None:
    date = (NOW + datetime.timedelta(**left)).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts = healthy(access_list=[entry(VPC_BLOCK, delete_after_date=date)])
    assert severities(facts) == ({"P302": severity} if severity else {})
    # Another entry stays.
    lasting = [entry(VPC_BLOCK, delete_after_date=date), entry("10.0.0.0/8")]
    assert severities(healthy(access_list=lasting)) == {}


def test_it_is_said_when_an_entry_expires() -> None:
    date = (NOW + datetime.timedelta(hours=5, minutes=30)).isoformat()
    text = f"{VPC_BLOCK} expires in 5 h 30 min."
    assert found(healthy(access_list=[entry(VPC_BLOCK, delete_after_date=date)]))["P302"].message == text


@pytest.mark.parametrize(
    ("subjects", "deciding"),
    [
        ([VPC_BLOCK, "10.15.1.5", "10.99.0.0/16"], {VPC_BLOCK}),
        ([VPC_BLOCK, "0.0.0.0/0"], {VPC_BLOCK, "0.0.0.0/0"}),
        (["10.15.1.0/25", "10.15.1.128/25", "10.15.2.0/24"], {"10.15.1.0/25", "10.15.1.128/25", "10.15.2.0/24"}),
        (["10.15.1.0/25", "10.15.2.0/24"], {"10.15.2.0/24"}),
        ([GROUP_ID, VPC_BLOCK], {VPC_BLOCK}),
        ([GROUP_ID, "10.15.1.0/24"], {GROUP_ID, "10.15.1.0/24"}),
        ([], set()),
    ],
)
def test_only_entries_that_cover_a_subnet_decide(subjects: list[str], deciding: set[str]) -> None:
    entries = deciding_entries(with_entries(*subjects, security_groups={GROUP_ID: group()}))
    assert {one["aws_security_group"] or one["cidr_block"] for one in entries} == deciding


def test_without_the_list_or_the_subnets_no_entry_decides() -> None:
    assert deciding_entries(healthy(access_list=Unread("Atlas refuses it."))) == []
    assert deciding_entries(healthy(subnets=Missing("The AWS half is off."))) == []


def groups_fault(found_group: Any, **changes: Any) -> ConnectionFacts:
    """Return facts in which the entry's group is in the access list, and AWS says this of it."""
    groups = {} if found_group is None else {GROUP_ID: found_group}
    return healthy({"aws_security_group": GROUP_ID}, security_groups=groups, **changes)


@pytest.mark.parametrize("listed", [[entry(GROUP_ID)], [entry(GROUP_ID), entry(VPC_BLOCK)]])
def test_a_group_has_to_be_in_the_vpc_unless_blocks_cover_all(listed: list[dict[str, Any]]) -> None:
    severity = "fail" if len(listed) == 1 else "warn"
    assert severities(groups_fault(group(), access_list=listed)) == {}
    gone = groups_fault(None, access_list=listed)
    assert severities(gone) == {"P303": severity}
    assert "does not exist" in found(gone)["P303"].message
    foreign = groups_fault(group(vpc_id="vpc-0a1b2c3d4e5f6ffff"), access_list=listed)
    assert severities(foreign) == {"P303": severity}
    far = groups_fault(group(), access_list=listed, peer=peer(accepter_region_name="eu-west-1"))
    assert severities(far) == {"P303": severity}
    instead = f"eplace it by {VPC_BLOCK}." if len(listed) == 1 else "emove it: blocks let all clients in."
    assert found(far)["P303"].fix in (f"R{instead}", f"r{instead}")
    assert found(gone)["P303"].fix == f"Correct the entry of the access list, or r{instead}"


def test_groups_of_others_in_the_list_are_not_judged() -> None:
    assert severities(with_entries(VPC_BLOCK, OTHER_GROUP_ID)) == {}


def test_an_entry_for_everybody_is_worth_a_word() -> None:
    facts = with_entries(VPC_BLOCK, "0.0.0.0/0")
    assert severities(facts) == {}
    assert found(facts, "info")["P304"].subject == "0.0.0.0/0"
    assert "P304" in found(with_entries(VPC_BLOCK, "::/0"), "info")
    assert "P304" not in found(with_entries(VPC_BLOCK, "0.0.0.0/1"), "info")
