"""What differs only in names is one finding, with the connections that it holds for."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import named, unnamed
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.findings import Found, group
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Ending, Finding, Severity
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import written
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.moments import to_moment

NOW = "2026-11-28T09:30:00Z"


def found(number: int, *findings: Finding, **fields: Any) -> Found:
    """Return what was found on a connection, whose names end in its number."""
    network = {"vpc_id": f"vpc-0a1b2c3d4e5f6000{number}", "aws_account_id": f"11112222333{number}", "region": "us-east-1"}
    row = {
        "group_id": f"5a1b2c3d4e5f6a7b8c9d000{number}",
        "project_name": f"shop-{number}",
        "provider_name": "AWS",
        **network,
        "connection_id": f"pcx-0a1b2c3d4e5f6000{number}",
        "peer_id": f"5a1b2c3d4e5f6a7b8c9d100{number}",
        "container_id": f"5a1b2c3d4e5f6a7b8c9d200{number}",
        "container_region": "US_EAST_1",
        "atlas_cidr_block": f"192.168.{8 * number}.0/21",
        **fields,
    }
    return Found(row, [*network, "connection_id"], str(network["vpc_id"]), findings)


def finding(
    number: int, message: str, *, severity: Severity = "fail", subject: str = "rtb-0a1b2c3d4e5f6000{0}", **more: Any
) -> Finding:
    """Return a finding, in whose texts `{0}` is the number of its connection, and `{1}` Atlas's block there.

    Names are in brackets, and so is what has no name behind a star.
    """
    names = (number, f"192.168.{8 * number}.0/21")
    marked = (mark(message.format(*names)), more.pop("fix", "").format(*names))
    code = more.pop("code", "P601")
    return Finding(severity, subject.format(*names), written(marked[0]), marked[1], code=code, marked=marked, **more)


def mark(text: str) -> str:
    """Return a text with marks in place of its brackets."""
    return re.sub(r"\[(\*?)(.*?)\]", lambda one: unnamed(one[2]) if one[1] else named(one[2].split()[0].strip(","), one[2]), text)


@pytest.mark.parametrize(
    ("message", "general"),
    [
        ("[rtb-0a1b2c3d4e5f6000{0} (main)] has no route to [{1}].", "The route table has no route to Atlas's block."),
        ("No entry covers [10.{0}.1.0/24] ([subnet-0a1b2c3d4e5f6000{0}]).", "No entry covers the block (the subnet)."),
        ("Accept [pcx-0a1b2c3d4e5f6000{0}] in AWS account [*11112222333{0}].", "Accept the connection in AWS account …."),
        ("Project [5a1b2c3d4e5f6a7b8c9d900{0}] has [5a1b2c3d4e5f6a7b8c9d100{0}].", "Project … has the connection."),
        ("PENDING_ACCEPTANCE for [*{0} d 3 h]; about [*4 d {0} h] left.", "PENDING_ACCEPTANCE for …; about … left."),
        ("Names of [shop-{0}.abcde.mongodb.net] resolve in [vpc-0a1b2c3d4e5f6000{0}].", "Names of the host resolve in the VPC."),
        (
            "[sg-0a1b2c3d4e5f6000{0}, sg-0a1b2c3d4e5f6001{0} and 3 more] let [10.9.8.{0}] in.",
            "The security group let the address in.",
        ),
    ],
)
def test_names_make_no_finding_of_their_own(message: str, general: str) -> None:
    """Of one connection alone, a finding says what the check says."""
    several = group([found(number, finding(number, message)) for number in (1, 2)], NOW)
    assert [one["message"] for one in several] == [general]
    assert [one["group_id"][-1] for one in several[0]["connections"]] == ["1", "2"]
    alone = group([found(1, finding(1, message))], NOW)
    assert [one["message"] for one in alone] == [re.sub(r"[\[\]*]", "", message.format(1, "192.168.8.0/21"))]


def test_the_number_of_objects_makes_no_other_finding() -> None:
    one, two = "[subnet-0a1b2c3d4e5f60001]", "[subnet-0a1b2c3d4e5f60001 and subnet-0a1b2c3d4e5f60002]"
    made = group([found(1, finding(1, f"It cuts off {one}.")), found(2, finding(2, f"It cuts off {two}."))], NOW)
    assert [one["message"] for one in made] == ["It cuts off the subnet."]


def test_whether_a_table_is_the_main_one_makes_no_other_finding() -> None:
    tables = ("[rtb-0a1b2c3d4e5f60001 (main)]", "[rtb-0a1b2c3d4e5f60002]")
    made = group([found(number, finding(number, f"{name} has no route.")) for number, name in enumerate(tables, start=1)], NOW)
    assert [one["message"] for one in made] == ["The route table has no route."]
    alone = group([found(1, finding(1, f"{tables[0]} has no route."))], NOW)
    assert [one["message"] for one in alone] == ["rtb-0a1b2c3d4e5f60001 (main) has no route."]


def ends_in(days: int, what: str = "wait for acceptance") -> Ending:
    return Ending(what, to_moment(NOW) + datetime.timedelta(days=days, hours=3))


def test_of_what_ends_the_number_and_the_soonest_are_said() -> None:
    texts = [
        (1, "PENDING_ACCEPTANCE for 2 d; about 4 d 3 h left.", 4),
        (2, "PENDING_ACCEPTANCE for 4 d; about 2 d 3 h left.", 2),
        # Where AWS was not read, the words are others.
        (3, "PENDING_ACCEPTANCE.", 6),
    ]
    waiting = [
        found(number, finding(number, text, subject="5a1b2c3d4e5f6a7b8c9d100{0}", code="P101", ending=ends_in(days)))
        for number, text, days in texts
    ]
    (made,) = group(waiting, NOW)
    assert made["message"] == "3 wait for acceptance; the first ends in 2 d 3 h."
    assert len(made["connections"]) == 3
    (alone,) = group(waiting[:1], NOW)
    assert alone["message"] == texts[0][1]


def test_an_entry_that_several_connections_need_is_one() -> None:
    """All connections of a project have one access list."""
    same = {"group_id": "5a1b2c3d4e5f6a7b8c9d0001"}
    entries = [
        finding(1, f"{name} expires in {days} d 3 h.", subject=name, code="P302", ending=ends_in(days, "entries expire"))
        for name, days in (("10.1.0.0/16", 1), ("10.2.0.0/16", 0))
    ]
    (made,) = group([found(number, *entries, **same) for number in (1, 2)], NOW)
    assert made["message"] == "2 entries expire; the first ends in 3 h 0 min."


def test_several_tables_of_a_connection_are_one_finding() -> None:
    tables = [
        finding(
            1,
            f"[rtb-0a1b2c3d4e5f600{number}] has no route.",
            subject=f"rtb-0a1b2c3d4e5f600{number}",
            subnet_ids=(f"subnet-{number}",),
        )
        for number in (11, 12)
    ]
    (made,) = group([found(1, *tables)], NOW)
    assert [(one["subject"], one["subnet_ids"]) for one in made["connections"]] == [
        ("rtb-0a1b2c3d4e5f60011", ["subnet-11"]),
        ("rtb-0a1b2c3d4e5f60012", ["subnet-12"]),
    ]
    # The message is about all of them.
    assert made["message"] == "The route table has no route."


def test_what_differs_otherwise_is_another_finding() -> None:
    made = group(
        [
            found(1, finding(1, "It goes elsewhere."), finding(1, "It goes elsewhere.", code="P602")),
            found(2, finding(2, "It is too small."), finding(2, "It goes elsewhere.", severity="warn")),
        ],
        NOW,
    )
    assert [(one["code"], one["severity"], one["message"]) for one in made] == [
        ("P601", "fail", "It goes elsewhere."),
        ("P601", "fail", "It is too small."),
        ("P602", "fail", "It goes elsewhere."),
        ("P601", "warn", "It goes elsewhere."),
    ]


def test_what_could_not_be_read_is_one_finding_for_each_cause() -> None:
    """Whichever checks need it; the account whose role is refused stays in its message."""
    refusal = "Failed to assume the role arn:aws:iam::111122223333:role/network: denied (HTTP 403 AccessDenied)."
    permission = "Allow sts:AssumeRole to these credentials."

    def unread(number: int, text: str) -> list[Finding]:
        options: dict[str, Any] = {"severity": "unknown", "subject": "vpc-0a1b2c3d4e5f6000{0}", "fix": permission}
        return [finding(number, text, code=code, **options) for code in ("P401", "P601", "P301")]

    other = refusal.replace("1111", "4444")
    made = group([*(found(number, *unread(number, refusal)) for number in (1, 2)), found(3, *unread(3, other))], NOW)
    assert [(one["message"], one["fix"], one["code"], one["codes"]) for one in made] == [
        (refusal, permission, "P301", ["P301", "P401", "P601"]),
        (other, permission, "P301", ["P301", "P401", "P601"]),
    ]
    assert [len(one["connections"]) for one in made] == [2, 1]


def test_the_worst_is_first_and_what_is_well_is_left_out() -> None:
    severities: list[Severity] = ["ok", "info", "warn", "skipped", "unknown", "fail"]
    made = group([found(1, *(finding(1, "It is so.", severity=one) for one in severities))], NOW)
    assert [one["severity"] for one in made] == ["fail", "unknown", "warn", "info"]
    widespread = group(
        [found(1, finding(1, "A.", code="P101")), *(found(number, finding(number, "B.")) for number in (2, 3))], NOW
    )
    assert [one["code"] for one in widespread] == ["P601", "P101"]


def test_a_finding_has_the_fields_of_its_connection() -> None:
    (made,) = group([found(1, finding(1, "It is so.", subnet_ids=("subnet-1",)))], NOW)
    assert made == {
        "code": "P601",
        "codes": ["P601"],
        "severity": "fail",
        "message": "It is so.",
        "fix": "",
        "owner": "AWS account 111122223331",
        "first_seen": NOW,
        "is_new": None,
        "is_kept": False,
        "connections": [
            {
                "group_id": "5a1b2c3d4e5f6a7b8c9d0001",
                "project_name": "shop-1",
                "provider_name": "AWS",
                "vpc_id": "vpc-0a1b2c3d4e5f60001",
                "aws_account_id": "111122223331",
                "region": "us-east-1",
                "connection_id": "pcx-0a1b2c3d4e5f60001",
                "peer_id": "5a1b2c3d4e5f6a7b8c9d1001",
                "container_id": "5a1b2c3d4e5f6a7b8c9d2001",
                "container_region": "US_EAST_1",
                "subject": "rtb-0a1b2c3d4e5f60001",
                "subnet_ids": ["subnet-1"],
                "owner": "AWS account 111122223331",
                "commands": [],
                "first_seen": NOW,
                "is_new": None,
            }
        ],
    }


@pytest.mark.parametrize("name", ["{{ 7 * 7 }}", "<b onload=x>", "a", "(main)", "\\1", "VNet", "1112222b3bf99403840e8934"])
def test_hostile_names_stay_within_their_connection(name: str) -> None:
    """A network that is called like a pattern, a word of the message or an id changes no other text."""
    names = {"provider_name": "AZURE", "azure_subscription_id": "s", "resource_group_name": "g"}
    both = [
        Found(
            {**found(number).row, **names, "vnet_name": own},
            [*names, "vnet_name"],
            own,
            (
                Finding(
                    "fail",
                    own,
                    f"VNet {own} has no peering.",
                    code="A401",
                    marked=(f"{named(f'VNet {own}')} has no peering.", ""),
                ),
            ),
        )
        for number, own in ((1, name), (2, "shop"))
    ]
    assert [one["message"] for one in group(both, NOW)] == ["The VNet has no peering."]


def test_each_place_has_its_lines_and_its_owner() -> None:
    several = [found(number, finding(number, "It has no route.", commands=(f"aws {number}",))) for number in (1, 2)]
    [made] = group(several, NOW)
    assert [one["commands"] for one in made["connections"]] == [["aws 1"], ["aws 2"]]
    assert [one["owner"] for one in made["connections"]] == ["AWS account 111122223331", "AWS account 111122223332"]
    assert made["owner"] == "AWS account 111122223331 and AWS account 111122223332"


def test_lines_about_one_subject_are_together_each_once() -> None:
    both = [finding(1, "It has no route.", commands=lines) for lines in (("aws 1", "aws 2"), ("aws 2", "aws 3"))]
    [made] = group([found(1, *both)], NOW)
    assert [one["commands"] for one in made["connections"]] == [["aws 1", "aws 2", "aws 3"]]


def test_what_is_not_known_has_no_line() -> None:
    [made] = group([found(1, finding(1, "It could not be read.", severity="unknown", commands=("aws 1",)))], NOW)
    assert [one["commands"] for one in made["connections"]] == [[]]


@pytest.mark.parametrize(
    ("code", "more", "owner"),
    [
        ("P301", {}, "Atlas project shop-1 (5a1b2c3d4e5f6a7b8c9d0001)"),
        ("P301", {"evidence": {"permission": "ec2:DescribeSubnets"}}, "AWS account 111122223331"),
        ("P601", {"evidence": {"permission": "Project Read Only"}}, "Atlas project shop-1 (5a1b2c3d4e5f6a7b8c9d0001)"),
        ("G701", {"owner": "organization"}, "the organization or folder"),
        ("P104", {"owner": "playbook"}, "the playbook"),
    ],
)
def test_the_owner_is_who_can_do_it(code: str, more: dict[str, Any], owner: str) -> None:
    [made] = group([found(1, finding(1, "It is wrong.", code=code, **more))], NOW)
    assert (made["owner"], made["connections"][0]["owner"]) == (owner, owner)
