"""The check of all connections of several projects: what is read, how often, and what is said of what could not be read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import pauses
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.check_site import Done
from ansible_collections.cloudpeer.atlas.tests.support.memory import running
from ansible_collections.cloudpeer.atlas.tests.support.organization_site import OrganizationSite, account_of, fill, vpc_of
from ansible_collections.cloudpeer.atlas.tests.support.scripted_aws import scripted_aws

PROJECTS = 12
ACCOUNT = "999988887777"
TIME = "2026-11-27T09:30:00Z"


@pytest.fixture(scope="module")
def _projects() -> Iterator[RunningEmulator]:
    with running(Settings(step_seconds=0, groups=PROJECTS)) as emulator:
        yield emulator


@pytest.fixture
def organization(_projects: RunningEmulator) -> Iterator[OrganizationSite]:
    _projects.reset()
    with scripted_aws(fill(_projects, [ACCOUNT])) as aws:
        yield OrganizationSite(_projects, aws)


def lock_out(organization: OrganizationSite, *numbers: int) -> None:
    """Empty the access lists of projects."""
    for number in numbers:
        with organization.project(number) as project:
            for entry in list(project.access_list):
                project.access_list.delete(entry)


def report_of(done: Done) -> dict[str, Any]:
    """Return what a JSON report of a run would have, as if it was written yesterday."""
    text = json.dumps({"version": 1, "time": TIME, "peering_check": done.check})
    return dict(json.loads(re.sub(r'"first_seen": "[^"]+"', f'"first_seen": "{TIME}"', text)))


def test_all_connections_of_all_projects_are_checked(organization: OrganizationSite) -> None:
    done = organization.run()
    check = done.check
    assert check["findings"] == []
    assert [one["group_id"] for one in check["connections"]] == organization.ids
    assert check["connections"][1]["project_name"] == "emulator-2"
    assert {one["verdict"] for one in check["connections"]} == {check["verdict"]} == {"reachable_by_design"}
    # What is well is not listed for hundreds of connections.
    assert [one["checks"] for one in check["connections"]] == [[]] * PROJECTS
    assert check["summary"] == "12 connections: 12 reachable by design. 12 projects read."
    assert check["failures"] == []
    assert check["projects"][0] == {
        "id": organization.ids[0],
        "name": "emulator",
        "org_id": organization.emulator.settings.org_ids[0],
        "count": 1,
        "states": {"AVAILABLE": 1},
        "verdict": "reachable_by_design",
    }


def test_each_thing_is_read_once(organization: OrganizationSite) -> None:
    organization.empty(3)
    done = organization.run()
    assert done.check["projects"][3]["verdict"] is None
    counts = Counter(path.partition("?")[0] for path in organization.paths())
    others = PROJECTS - 1
    statuses = sum(counts.pop(path) for path in list(counts) if path.endswith("/status"))
    assert counts == {"groups": 1, "containers/all": PROJECTS, "peers": others, "clusters": others, "accessList": others}
    # Of each entry that decides.
    assert statuses == others
    # The account and its region are surveyed once: ten reads, and three more for each VPC.
    vpcs = {"DescribeVpcAttribute": 2 * others, "ListHostedZonesByVPC": others}
    assert {key[2]: number for key, number in organization.aws.asked.items() if key[2] in vpcs} == vpcs
    assert sum(organization.aws.asked.values()) == 3 * others + 13


def test_one_finding_for_all_that_is_alike(organization: OrganizationSite) -> None:
    lock_out(organization, 2, 5)
    done = organization.run()
    (finding,) = done.check["findings"]
    assert (finding["code"], finding["severity"], finding["message"]) == (
        "P301",
        "fail",
        "No entry covers the block (the subnet).",
    )
    assert [one["project_name"] for one in finding["connections"]] == ["emulator-3", "emulator-6"]
    assert done.msg == (
        "12 connections: 10 reachable by design, 2 not reachable (P301). 12 projects read. P301 No entry covers the block (the "
        "subnet). Add the block to the access list: atlas_access_list, or atlas_peering. 2 connections: "
        f"emulator-3 {vpc_of(2)} (net), emulator-6 {vpc_of(5)} (net). What is not shown here is in the file that the option "
        "report names, and in the result with fail_on: never."
    )
    assert [one["verdict"] for one in done.check["projects"]].count("not_reachable") == 2


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_a_project_that_cannot_be_read_is_named(organization: OrganizationSite, status: int) -> None:
    """The others are checked, and the task fails, whatever they come to."""
    hidden = organization.ids[4]
    organization.fault("GET", "status", times=None, path=f"*/groups/{hidden}/containers/*", status=status)
    done = organization.run(retries=0)
    assert done.failed
    assert f"Project emulator-5 ({hidden}): Failed to " in done.msg
    assert len(done.check["connections"]) == PROJECTS - 1
    assert (done.check["verdict"], done.check["projects"][4]["verdict"]) == ("unknown", "unknown")
    assert "12 projects, of which 1 could not be read." in done.check["summary"]
    (failure,) = done.check["failures"]
    assert (failure["group_id"], failure["project_name"], failure["http_status"]) == (hidden, "emulator-5", status)
    assert not organization.run(retries=0, fail_on="never").failed


def test_of_an_unread_list_of_one_cloud_others_count(organization: OrganizationSite) -> None:
    organization.fault("GET", "status", times=None, path=f"*/groups/{organization.ids[0]}/peers*", status=403)
    done = organization.run()
    assert [one["group_id"] for one in done.check["failures"]] == [organization.ids[0]]
    assert len(done.check["connections"]) == PROJECTS - 1


@pytest.fixture
def larger_organization() -> Iterator[OrganizationSite]:
    """More projects than eight threads can have begun with when the last of eight requests in a row is not answered."""
    with running(Settings(step_seconds=0, groups=2 * PROJECTS)) as emulator, scripted_aws(fill(emulator, [ACCOUNT])) as aws:
        yield OrganizationSite(emulator, aws)


def test_an_atlas_that_is_away_is_not_asked_again_and_again(larger_organization: OrganizationSite) -> None:
    """What was read until then is shown, and what was not is named."""
    organization = larger_organization
    organization.fault("GET", "status", times=None, path="*/groups/*", status=503, skip=12)
    done = organization.run(retries=0)
    check = done.check
    sent = [path for path in organization.paths() if path != "groups"]
    # Other threads have sent some already when the last of eight in a row is not answered.
    assert 12 + 8 <= len(sent) <= 12 + 8 + 15
    read = {one["group_id"] for one in check["connections"]}
    failed = {one["group_id"]: one["msg"] for one in check["failures"]}
    assert {*read, *failed} == {*organization.ids}
    text = "This was not asked, because Atlas has not answered 8 requests in a row. Run the task again when Atlas answers."
    assert text in failed.values()
    assert done.failed


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"connections": [{"vpc_id": vpc_of(0)}]}, "connections is about one project, and org_id chooses several."),
        ({"clusters": ["shop"], "probes": []}, "clusters and probes are about one project, and org_id chooses several."),
        (
            {"compare_group_ids": ["5a1b2c3d4e5f6a7b8c9d0001"]},
            "compare_group_ids is about one project, and org_id chooses several.",
        ),
        ({"atlas": False}, "atlas: false is about one project, and org_id chooses several."),
        ({"fail_on": "new"}, "fail_on is new, and since is not set."),
        ({"group_id": "5a1b2c3d4e5f6a7b8c9d0001"}, "group_id and org_id are mutually exclusive."),
    ],
)
def test_options_of_one_project_are_refused_by_name(organization: OrganizationSite, options: dict[str, Any], names: str) -> None:
    done = organization.run(**options)
    assert done.failed
    assert done.msg.startswith(names)
    assert organization.paths() == []


def test_a_run_fails_for_what_is_new(organization: OrganizationSite) -> None:
    """What an earlier report has is no failure, and is known since then."""
    lock_out(organization, 2)
    since = report_of(organization.run())
    same = organization.run(since=since, fail_on="new")
    assert not same.failed
    (finding,) = same.check["findings"]
    assert (finding["first_seen"], finding["is_new"]) == (TIME, False)
    assert organization.run(since=since, fail_on="fail").failed
    lock_out(organization, 5)
    more = organization.run(since=since, fail_on="new")
    assert "P301 No entry covers the block (the subnet)." in more.msg
    # It names the one that is new, and not the other.
    assert f" New: emulator-6 {vpc_of(5)} (net). " in more.msg
    assert "emulator-3" not in more.msg
    (finding,) = more.check["findings"]
    assert (finding["first_seen"], finding["is_new"]) == (TIME, True)
    assert [one["first_seen"] == TIME for one in finding["connections"]] == [True, False]


def test_new_findings_in_projects_of_one_name_have_their_ids(organization: OrganizationSite) -> None:
    since = report_of(organization.run())
    for number in (2, 5):
        with organization.project(number) as project:
            project.name = "web"
    lock_out(organization, 2, 5)
    done = organization.run(since=since, fail_on="new")
    first, second = (f"web ({organization.ids[number]}) {vpc_of(number)} (net)" for number in (2, 5))
    assert f" New: {first}, {second}. " in done.msg


def test_what_was_known_of_an_unread_project_stays(organization: OrganizationSite) -> None:
    lock_out(organization, 2, 5)
    since = report_of(organization.run())
    organization.fault("GET", "status", times=None, path=f"*/groups/{organization.ids[2]}/containers/*", status=403)
    done = organization.run(since=since, fail_on="never")
    kept = {one["is_kept"]: [each["project_name"] for each in one["connections"]] for one in done.check["findings"]}
    assert kept == {True: ["emulator-3"], False: ["emulator-6"]}
    assert organization.run(since=since, fail_on="fail").msg.count("This was found before, and could not be read now.") == 1


def test_a_project_that_is_no_longer_read_is_named(organization: OrganizationSite) -> None:
    """What was found there is not shown, and is not gone either: the key may have lost the project."""
    lock_out(organization, 2, 5)
    since = report_of(organization.run())
    hidden = [one for number, one in enumerate(organization.ids) if number != 2]
    done = organization.run(since=since, org_id=None, group_ids=hidden, fail_on="new")
    assert not done.failed
    (warning,) = done.warnings
    assert f"not shown: Project emulator-3 ({organization.ids[2]}). Check the options" in warning
    assert organization.run(since=since, fail_on="fail").warnings == []
    # It is said of a failure, too.
    assert organization.run(since=since, org_id=None, group_ids=hidden, fail_on="fail").warnings == [warning]
    # A report is a file that others may have written.
    for item in (item for one in since["peering_check"]["findings"] for item in one["connections"]):
        item.update(group_id="\x1b[2J", project_name=None)
    (warning,) = organization.run(since=since, fail_on="never").warnings
    assert "not shown: Project \\x1b[2J. Check" in warning


def test_what_was_known_of_an_unread_account_stays(organization: OrganizationSite) -> None:
    """What could not be read today is new, and what it hides is not gone."""
    organization.aws.networks[2] = replace(organization.aws.networks[2], is_routed=False)
    since = report_of(organization.run())
    organization.aws.denied.add("DescribeRouteTables")
    done = organization.run(since=since, fail_on="new")
    assert done.failed
    found = {(one["severity"], one["is_kept"], one["is_new"]) for one in done.check["findings"]}
    assert found == {("fail", True, False), ("unknown", False, True)}
    (unread,) = [one for one in done.check["findings"] if one["severity"] == "unknown"]
    assert len(unread["connections"]) == PROJECTS
    assert unread["fix"] == "Allow ec2:DescribeRouteTables to these credentials."


def test_of_one_project_an_earlier_report_counts_too(organization: OrganizationSite) -> None:
    lock_out(organization, 0)
    alone = {"org_id": None, "group_id": organization.ids[0]}
    since = report_of(organization.run(**alone))
    assert not organization.run(**alone, since=since, fail_on="new").failed
    organization.aws.networks[0] = replace(organization.aws.networks[0], is_routed=False)
    done = organization.run(**alone, since=since, fail_on="new")
    assert " P601 " in done.msg
    assert " P301 " not in done.msg


def test_accounts_are_read_once_by_their_roles(organization: OrganizationSite) -> None:
    """A role that may not be assumed is one finding with its account."""
    aws, accounts = organization.aws, [account_of(number) for number in range(4)]
    organization.emulator.reset()
    aws.networks[:] = fill(organization.emulator, accounts)
    aws.refused.add(accounts[1])
    done = organization.run(aws_assume_role_arn="arn:aws:iam::{account}:role/network")
    (finding,) = done.check["findings"]
    assert (finding["severity"], finding["fix"]) == ("unknown", "Allow sts:AssumeRole to these credentials.")
    assert f"arn:aws:iam::{accounts[1]}:role/network" in finding["message"]
    assert len(finding["connections"]) == PROJECTS // len(accounts)
    assert aws.count("AssumeRole") == len(accounts)
    assert aws.count("DescribeVpcs") == len(accounts) - 1
    assert {one["verdict"] for one in done.check["connections"]} == {"reachable_by_design", "unknown"}


def test_credentials_that_have_expired_are_one_finding(organization: OrganizationSite) -> None:
    """Whatever could not be read with them."""
    organization.aws.is_expired = True
    (finding,) = organization.run().check["findings"]
    assert (finding["severity"], len(finding["connections"])) == ("unknown", PROJECTS)
    assert {"P401", "P501", "P503", "P601", "P605", "P701"} <= {*finding["codes"]}
    assert finding["message"].startswith("Failed to read the VPC peering connections: ")


def test_an_aws_without_a_way_to_it_is_one_finding_a_service(
    organization: OrganizationSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Requests are repeated without pauses.
    monkeypatch.setattr(pauses, "backoff", lambda *unused: 0.0)
    found = organization.run(aws_endpoint_url="http://127.0.0.1:9").check["findings"]
    # For the stand-in, all services are at one address, but Route 53 has a path of its own.
    assert [one["severity"] for one in found] == ["unknown"] * 2
    assert sorted(one["message"].partition(":")[0] for one in found) == [
        "Failed to list the private hosted zones of the VPC",
        "Failed to read the VPC peering connections",
    ]


def test_an_aws_that_cannot_be_read_hides_no_findings_of_atlas(organization: OrganizationSite) -> None:
    with organization.project(1) as project:
        project.peers.fail(next(iter(project.peers)), "INVALID_ARGUMENT", only_waiting=False)
    done = organization.run(aws_access_key=None, aws_secret_key=None)
    assert done.msg.startswith(f"{PROJECTS} connections: 1 not reachable, {PROJECTS - 1} unknown (P102).")
    assert [one["severity"] for one in done.check["findings"]][:2] == ["fail", "unknown"]


@pytest.mark.parametrize("name", ["<b onload=alert(1)>", "{{ 7 * 7 }}", "a\x1b[31mb", "5356823b3794dee37132bb7b"])
def test_names_of_projects_are_text(organization: OrganizationSite, name: str) -> None:
    with organization.project(0) as project:
        project.name = name
    lock_out(organization, 0)
    organization.fault("GET", "status", times=None, path=f"*/groups/{organization.ids[1]}/containers/*", status=403)
    done = organization.run()
    assert done.check["findings"][0]["connections"][0]["project_name"] == name
    assert done.check["projects"][0]["name"] == name
    assert "\x1b" not in done.msg


def test_vpcs_of_two_projects_are_compared(organization: OrganizationSite) -> None:
    """P106 compares all projects that are read: a VPC can reach only one of two containers with the same block."""
    first, second = organization.emulator.projects[:2]
    with first.now():
        (peer,) = list(first.peers)
    with second.now():
        (other,) = list(second.peers)
        other.fields["vpcId"] = peer.fields["vpcId"]
    done = organization.run(fail_on="never")
    shared = [one for one in done.check["findings"] if one["code"] == "P106"]
    assert [(one["severity"], len(one["connections"])) for one in shared] == [("fail", 2)]
    assert (
        shared[0]["message"]
        == "Project … has connection … with this VPC, and both are Atlas's block; one route can serve one of them."
    )


def test_a_rate_limit_is_waited_for(organization: OrganizationSite) -> None:
    organization.fault("GET", "status", times=3, path="*/containers/*", status=429, retry_after=1)
    done = organization.run()
    assert not done.failed
    assert len(done.check["connections"]) == PROJECTS


@pytest.mark.parametrize("kind", ["html", "half_json", "close"])
def test_a_reply_that_is_not_of_atlas_is_no_empty_project(organization: OrganizationSite, kind: str) -> None:
    hidden = organization.ids[7]
    organization.fault("GET", kind, times=None, path=f"*/groups/{hidden}/containers/*")
    done = organization.run(retries=0)
    assert [one["group_id"] for one in done.check["failures"]] == [hidden]
    assert done.check["projects"][7]["verdict"] == "unknown"
    assert done.failed


def test_a_project_that_cannot_be_seen_is_named_by_its_id(organization: OrganizationSite) -> None:
    hidden = "5a1b2c3d4e5f6a7b8c9d0001"
    done = organization.run(org_id=None, group_ids=[organization.ids[0], hidden])
    assert f" Project {hidden}: Failed to list the network containers of project {hidden}: " in done.msg
    assert [(one["id"], one["name"], one["verdict"]) for one in done.check["projects"]] == [
        (organization.ids[0], "emulator", "reachable_by_design"),
        (hidden, None, "unknown"),
    ]
