"""The text of a check: what is said, in which order, and with which colours."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from ansible.utils import color as _color
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._check_text import MOST_LINES, lines_of
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import to_markdown
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import to_html
from ansible_collections.cloudpeer.atlas.tests.support.checked import (
    NOT_LOOKED_AT,
    SEVERITIES,
    TODAY,
    connection,
    faulty,
    finding,
    on_azure,
    on_gcp,
    peering_check,
)
from ansible_collections.cloudpeer.atlas.tests.support.organization import organization

CODES = re.compile(r"\bP\d\d\d\b")


def text_of(*connections: dict, verbosity: int = 0, **fields: str) -> str:
    return "\n".join(lines_of(peering_check(*connections, **fields), verbosity=verbosity, color=False))


def test_the_worst_comes_first_with_its_advice_below() -> None:
    lines = lines_of(peering_check(faulty()), verbosity=0, color=False)
    found = [match.groups() for line in lines if (match := re.match(r"  (\w+) +(P\d\d\d) ", line))]
    assert found == [
        ("fail", "P301"),
        ("fail", "P601"),
        ("unknown", "P503"),
        ("warn", "P205"),
        ("warn", "P402"),
        ("info", "P304"),
    ]
    place = next(index for index, line in enumerate(lines) if "P301" in line)
    assert lines[place + 1].strip() == "Add 10.15.1.0/24 to the access list."
    # The advice stands below the message.
    assert lines[place + 1].index("Add") == lines[place].index("No entry")


def test_a_connection_has_a_line() -> None:
    first = lines_of(peering_check(faulty(7)), verbosity=0, color=False)[1]
    assert first.startswith("not reachable: vpc-0a1b2c3d4e5f60007 (123456789012, us-east-1)")
    for part in ("pcx-0a1b2c3d4e5f60007", "192.168.248.0/21", "shop, reporting"):
        assert part in first


def test_what_is_not_known_of_a_connection_is_left_out() -> None:
    fields = dict.fromkeys(("aws_account_id", "region", "connection_id", "atlas_cidr_block"))
    first = text_of(connection(cluster_names=[], verdict="unknown", **fields)).splitlines()[1]
    assert first == "unknown: vpc-0a1b2c3d4e5f60000 by a connection without an id in AWS"


def test_a_request_says_when_it_expires() -> None:
    assert "; it expires at 2026-12-01T12:00:00Z" in text_of(connection(expires_at="2026-12-01T12:00:00Z"))


def test_a_subject_that_the_message_names_is_not_said_twice() -> None:
    text = text_of(faulty())
    assert "P301 No entry covers 10.15.1.0/24 (subnet-0a1b2c3d4e5f60001)." in text
    assert "P205 shop: Your DHCP options" in text


def test_what_is_well_is_counted_and_listed_on_request() -> None:
    usual, verbose = text_of(connection()), text_of(connection(), verbosity=1)
    assert CODES.findall(usual) == []
    assert "5 checks passed, and 1 had nothing to judge; -v lists them." in usual
    assert "  ok       P101 P103 P301 P601 P607\n" in verbose
    assert "  skipped  P702 security_group_ids is not set.\n" in verbose
    assert "-v lists" not in verbose


def test_what_a_check_that_passed_says_is_shown_on_request() -> None:
    shown = connection(checks=[finding("P405", "ok", "pcx-1", "Your side does not.")])
    assert "Your side" not in text_of(shown)
    assert "  ok       P405\n  ok       P405 Your side does not.\n" in text_of(shown, verbosity=1)


@pytest.mark.parametrize("connections", [[], [connection()], [connection(), faulty(1)]])
@pytest.mark.parametrize("verbosity", [0, 1])
def test_the_limits_and_the_summary_come_last(connections: list[dict], verbosity: int) -> None:
    checked = peering_check(*connections)
    lines = lines_of(checked, verbosity=verbosity, color=False)
    assert lines[-3].startswith("Atlas's own routes and security groups cannot be seen.")
    assert lines[-2] == NOT_LOOKED_AT
    assert lines[-1] == checked["summary"]


def test_colours_are_those_of_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_color, "ANSIBLE_COLOR", True)
    checked = peering_check(faulty(), connection(1))
    colored, plain = (lines_of(checked, verbosity=1, color=color) for color in (True, False))
    assert "\033[0;31mfail\033[0m     P301" in "\n".join(colored)
    assert "\033[0;32mreachable by design\033[0m: vpc-" in "\n".join(colored)
    assert colored[-1] == f"\033[0;31m{checked['summary']}\033[0m"
    assert not any("\033" in line for line in plain)
    # The colours change nothing else.
    assert [re.sub(r"\033\[[\d;]*m", "", line) for line in colored] == plain
    monkeypatch.setattr(_color, "ANSIBLE_COLOR", False)
    assert lines_of(checked, verbosity=1, color=True) == plain


def test_a_terminal_acts_on_nothing_that_others_have_written() -> None:
    hostile = "\033[2J\r\nfail P999 \u202e\x07"
    bad = connection(
        cluster_names=[hostile],
        checks=[
            finding("P205", "warn", hostile, hostile, hostile),
            finding("P206", "warn", "shop", hostile),
            finding("P702", "skipped", hostile, hostile),
        ],
    )
    lines = lines_of(peering_check(bad, summary=hostile), verbosity=1, color=False)
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("fail") for line in lines)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (
            on_azure(),
            "not reachable: VNet shop-vnet (fd01adff-b37e-4693-8497-83ecf183a145, network-group) by 5a1b2c3d4e5f6a7b8c9d0000 to"
            " 192.168.248.0/21 for shop, reporting",
        ),
        (
            on_gcp(),
            "not reachable: VPC network my-network (my-project) by 5a1b2c3d4e5f6a7b8c9d0000 to 192.168.248.0/21"
            " for shop, reporting",
        ),
        (
            on_azure(resource_group_name=None, peer_id=None, atlas_cidr_block=None, cluster_names=[]),
            "not reachable: VNet shop-vnet (fd01adff-b37e-4693-8497-83ecf183a145) by a connection without an id in Atlas",
        ),
    ],
)
def test_a_network_of_another_cloud_is_called_what_it_is(result: dict, line: str) -> None:
    assert text_of(result).splitlines()[1] == line


def test_a_finding_of_several_networks_is_shown_once() -> None:
    zone = finding("P503", "fail", "mongodb.net", "The zone lacks all.", "Add them.")
    own = finding("P601", "fail", "rtb-1", "There is no route.")
    several = [connection(number, "not_reachable", checks=[zone, own] if number == 1 else [zone]) for number in range(8)]
    found = text_of(*several).splitlines()
    place = next(index for index, line in enumerate(found) if "P503" in line)
    assert found[place : place + 3] == [
        "  fail     P503 mongodb.net: The zone lacks all.",
        "                Add them.",
        "                8 connections: vpc-0a1b2c3d4e5f60000; vpc-0a1b2c3d4e5f60001; vpc-0a1b2c3d4e5f60002; "
        "vpc-0a1b2c3d4e5f60003; and 4 more",
    ]
    assert "\n".join(found).count("Add them.") == 1
    assert found[place + 3 :][:2] == [
        "  fail     P601 rtb-1: There is no route.",
        "                1 connection: vpc-0a1b2c3d4e5f60001",
    ]
    verbose = text_of(*several, verbosity=1)
    assert all(f"                - vpc-0a1b2c3d4e5f6{number:04}" in verbose for number in range(8))


def test_a_finding_of_many_projects_has_its_first_names() -> None:
    """Its message leaves them out, and there is no room for those of each project."""
    checked = organization(40)
    text = "\n".join(lines_of(checked, verbosity=0, color=False))
    assert re.search(r", the table of the subnet\. \(rtb-\w+, rtb-\w+, rtb-\w+ and \d+ more\)\n", text)
    # The connections stand below, and a list is no name.
    assert "(access list" not in text
    assert not re.search(r"P101 .*\(65", text)
    # With -v, each connection has its own.
    assert "the table of the subnet. (" not in "\n".join(lines_of(checked, verbosity=1, color=False))


def test_two_connections_of_one_network_have_their_regions() -> None:
    """The network, its account and its own region are the same."""
    one = connection(
        1, "not_reachable", checks=[finding("P601", "fail", "rtb-1", "There is no route.")], container_region="US_EAST_1"
    )
    two = {
        **one,
        "container_id": "6a1b2c3d4e5f6a7b8c9d0009",
        "peer_id": "5a1b2c3d4e5f6a7b8c9d0009",
        "container_region": "EU_WEST_1",
    }
    lines = lines_of(peering_check(one, two), verbosity=0, color=False)
    assert sorted(line.partition(" (")[0] for line in lines if line.startswith("not reachable")) == [
        "not reachable: vpc-0a1b2c3d4e5f60001 to EU_WEST_1",
        "not reachable: vpc-0a1b2c3d4e5f60001 to US_EAST_1",
    ]
    place = next(line.strip() for line in lines if "2 connections: " in line)
    assert place == "2 connections: vpc-0a1b2c3d4e5f60001 to US_EAST_1; vpc-0a1b2c3d4e5f60001 to EU_WEST_1"
    # What an older report says of others has no region.
    (alone,) = [line for line in lines_of(peering_check(one), verbosity=0, color=False) if line.startswith("not reachable")]
    assert " to US_EAST_1" not in alone


def test_a_subject_that_the_advice_names_is_not_said_twice() -> None:
    found = finding("P301", "fail", "access list", "No entry covers subnet-1.", "Add the block to the access list.")
    checked = peering_check(connection(0, "not_reachable", checks=[found]), connection(1))
    checked["findings"][0]["connections"][0]["subnet_ids"] = ["subnet-1"]
    lines = [line.strip() for line in lines_of(checked, verbosity=0, color=False)]
    assert "1 connection: vpc-0a1b2c3d4e5f60000" in lines


def test_each_table_of_one_connection_has_its_advice() -> None:
    """As one finding they have one message, which has nouns in place of their names."""
    tables = [finding("P601", "fail", f"rtb-{n}", f"rtb-{n} has no route.", f"Route it in rtb-{n}.") for n in range(6)]
    checked = peering_check(connection(verdict="not_reachable", checks=tables))
    places = [place for one in checked["findings"] for place in one["connections"]]
    one = {"message": "The route table has no route.", "fix": "Route it in the route table.", "connections": places}
    checked["findings"] = [{**checked["findings"][0], **one}]
    lines = lines_of(checked, verbosity=0, color=False)[2:]
    assert [line.strip() for line in lines[:2]] == ["fail     P601 rtb-0 has no route.", "Route it in rtb-0."]
    assert lines[8].strip() == "and 2 more like these; -v lists them."
    assert "Route it in rtb-5." in "\n".join(lines_of(checked, verbosity=1, color=False))


def test_a_finding_of_an_earlier_day_says_since_when() -> None:
    checked = peering_check(faulty())
    first, second, third, fourth = checked["findings"][:4]
    first["first_seen"] = third["first_seen"] = "2026-11-20T09:30:00Z"
    second["is_new"], third["is_kept"], fourth["is_new"] = True, True, False
    second["connections"][0]["is_new"] = True
    lines = lines_of(checked, moment="2026-11-26T07:00:00Z", verbosity=0, color=False)
    ends = [re.sub(r".*\. (?=(Since|This|It was))", "", line) for line in lines if re.match(r"  (fail|unknown|warn) ", line)]
    assert ends[:3] == ["Since 2026-11-20.", "This is new.", "It was so before, since 2026-11-20, and could not be read now."]
    assert ends[3].endswith("Your DHCP options name own DNS servers.")


def _as_text(checked: dict, moment: str) -> str:
    return "\n".join(lines_of(checked, moment=moment, verbosity=0, color=False))


@pytest.mark.parametrize("to_text", [_as_text, to_html, to_markdown])
def test_what_is_new_on_one_connection_alone_is_named_first(to_text: Callable[[dict, str], str]) -> None:
    """An old finding has got another connection, which is the one to look at."""
    checked = peering_check(*(connection(n, checks=[finding("P601", "fail", "rtb-1", "There is no route.")]) for n in range(8)))
    found = checked["findings"][0]
    found.update(first_seen="2026-11-20T09:30:00Z", is_new=True)
    for place in found["connections"]:
        place["is_new"] = place["vpc_id"].endswith("7")
    shown = re.sub(r"<[^>]+>|\\", "", to_text(checked, TODAY)).partition("There is no route.")[2]
    assert "Partly new; the rest is known since 2026-11-20." in shown
    assert re.findall(r"(vpc-\w+)(?: \(?(new)\b)?", shown)[:2] == [
        ("vpc-0a1b2c3d4e5f60007", "new"),
        ("vpc-0a1b2c3d4e5f60000", ""),
    ]


@pytest.mark.parametrize("projects", [3, 40, 200])
def test_a_text_has_forty_lines_at_most_for_any_number(projects: int) -> None:
    checked = organization(projects, hostile=True, unread=30)
    # As many findings as there are messages.
    checked["findings"] += [{**checked["findings"][0], "severity": "info", "message": f"It is {n}."} for n in range(projects)]
    lines = lines_of(checked, verbosity=0, color=False)
    assert len(lines) <= MOST_LINES == 40
    assert all(line.isprintable() for line in lines)
    assert lines[-1] == checked["summary"]
    assert "and 27 more projects that could not be read; -v lists them." in lines
    severities = [line.split()[0] for line in lines if re.match(r"  (fail|unknown|warn|info) ", line)]
    assert severities == sorted(severities, key=SEVERITIES.index)
    assert severities[0] == "fail"
    if projects == 200:
        assert re.search(r"^  and \d+ more findings \(.*2\d\d info\); -v lists them\.$", "\n".join(lines), re.MULTILINE)
        assert "29 connections in 17 projects: " in "\n".join(lines)


def test_a_project_that_could_not_be_read_may_have_no_name() -> None:
    for name, shown in ((None, "5356823b3794dee37132bb7b"), ("shop", "shop (5356823b3794dee37132bb7b)")):
        failure = {"group_id": "5356823b3794dee37132bb7b", "project_name": name, "msg": "It is away."}
        checked = {**peering_check(connection()), "projects": [], "failures": [failure]}
        lines = lines_of(checked, verbosity=0, color=False)
        assert lines[:2] == [f"1 project: {shown}", f"not read: {shown}: It is away."]


@pytest.mark.parametrize(
    ("organizations", "end"), [(["a"], " of organization a"), (["a", "b"], " of 2 organizations"), ([None], "")], ids=str
)
def test_a_text_begins_with_what_it_is_about(organizations: list[str | None], end: str) -> None:
    checked = organization(109, unread=30)
    for number, project in enumerate(checked["projects"]):
        project["org_id"] = organizations[number % len(organizations)]
    assert lines_of(checked, verbosity=0, color=False)[0] == f"139 projects{end}"


def test_the_only_project_has_its_name_and_its_id() -> None:
    one = connection(project_name="shop", group_id="5356823b3794dee37132bb7b")
    assert text_of(one).startswith("1 project: shop (5356823b3794dee37132bb7b)\n")
    # Without a connection, the result has neither; without Atlas, nobody knows it.
    nothing = {**peering_check(connection()), "connections": [], "findings": []}
    assert lines_of(nothing, verbosity=0, color=False, project="sh\x1bop")[0] == "1 project: sh\\x1bop"
    assert not lines_of(nothing, verbosity=0, color=False)[0].startswith("1 project")
    assert "1 project" not in text_of(connection(group_id=None))


def test_a_verbose_text_has_all() -> None:
    checked = organization(200, hostile=True, unread=30)
    text = "\n".join(lines_of(checked, verbosity=1, color=False))
    assert "-v lists" not in text
    assert not re.search(r"and \d+ more (finding|project|thing)", text)
    assert all(visible(one["name"]) in text for one in checked["projects"] if one["count"])
    assert all(one["group_id"] in text for one in checked["failures"])
    where = [place for one in checked["findings"] for place in one["connections"]]
    assert all(place["subject"] in text for place in where if not place["subject"].isspace())
    assert text.count("\n                - ") == sum(
        len({(one["group_id"], one["peer_id"]) for one in found["connections"]}) for found in checked["findings"]
    )
