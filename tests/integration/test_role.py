"""The role itself, in real plays: its four tasks, its variables and its fact. What it does is tested with `atlas_peering`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds, running
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support import azure_site
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.paths import INTEGRATION, ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_clouds import ATLAS_BLOCK as GCP_BLOCK
from ansible_collections.cloudpeer.atlas.tests.support.role_clouds import CLIENTS, ENTRY, NETWORK, PROJECT, CloudSite
from ansible_collections.cloudpeer.atlas.tests.support.role_site import (
    ATLAS_ACCOUNT,
    ATLAS_BLOCK,
    BLOCK,
    ROLE,
    RoleRunner,
    Vpc,
    as_text,
    lines,
    message,
    result,
    role_variables,
    said,
)
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

CONNECT, VERIFY, KEEP, SHOW, FAIL = TASKS = [
    "Connect the networks",
    "Verify that clients can reach the clusters",
    "Keep the result",
    "Show what is left to do",
    "Fail if something has failed",
]
KEYS = {
    "failures",
    "state",
    "changed",
    "group_id",
    "containers",
    "connections",
    "access_list",
    "pruned",
    "left",
    "remaining",
    "check",
}
# The role's examples as release 2.4.0 had them.
EXAMPLES = INTEGRATION / "examples_2_4_0"


def test_from_nothing(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    first = run(connections=[site.connection], container_region="us-east-1")
    connection = site.assert_connected()
    assert (lines(first), first.changed, first.warnings) == (TASKS, 1, [])
    returned = result(first)
    assert set(returned) == KEYS
    assert (returned["changed"], returned["state"], returned["remaining"], returned["check"]) == (True, "present", [], None)
    assert [container["atlas_cidr_block"] for container in returned["containers"]] == [ATLAS_BLOCK]
    (peering,) = returned["connections"]
    assert (peering["connection_id"], peering["vpc_peer"]["status_name"]) == (connection, "AVAILABLE")
    assert peering["route_table_ids"] == [site.table["RouteTableId"]]
    assert [entry["cidr_block"] for entry in returned["access_list"]] == [BLOCK]
    assert run.access_list == {BLOCK: f"VPC peering with {site.vpc_id}"}


@pytest.mark.full
def test_a_preview_and_a_second_run_change_nothing(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    foreseen = run("--check", connections=[site.connection], container_region="us-east-1")
    assert (run.writes, site.atlas, site.aws, run.access_list) == ([], {}, {}, {})
    assert (foreseen.changed, result(foreseen)["changed"]) == (1, True)
    (peering,) = result(run(connections=[site.connection], container_region="us-east-1"))["connections"]

    # The module comes out the same in both ways; here the role does.
    again = run("--check", connections=[site.connection], way="module")
    assert (again.changed, run.writes, result(again)["changed"]) == (0, [], False)
    assert result(again)["connections"][0]["vpc_peer"] == peering["vpc_peer"]


@pytest.mark.full
def test_flags_and_numbers_may_be_text(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    """On the command line, and in an inventory."""
    site = make_site()
    connections = [{**site.connection, "aws_account_id": int(site.account.id)}]

    def use(source: str, status: int = 0, **variables: str) -> PlaybookRun:
        options = as_text({"wait_timeout": "20", "wait_sleep": "1", "parallel": "2", "dns": "ignore", **variables})
        if source == "inventory":
            inventory = tmp_path / "inventory.ini"
            inventory.write_text("\n".join(["[all]", "localhost ansible_connection=local", "[all:vars]", *options[1::2]]))
            options = ["-i", str(inventory)]
        kept = {"wait_timeout": None, "dns": None, "atlas_aws_account_ids": [int(ATLAS_ACCOUNT)]}
        return run(*options, status=status, connections=connections, **kept)

    use("inventory", aws="false", access_list="no", replace_routes="False")
    assert (list(site.atlas.values()), site.routes, run.access_list) == (["PENDING_ACCEPTANCE"], {}, {})
    site.route(GatewayId=site.gateway())
    assert "needs connection_id" in message(use("command line", 2, atlas="false"))
    assert site.table["RouteTableId"] in message(use("inventory", 2, replace_routes="no"))
    use("command line", replace_routes="yes", aws="true", atlas="yes", access_list="on")
    connection = site.assert_connected()
    assert list(run.access_list) == [BLOCK]

    # Nothing that comes from a cloud is taken for a template.
    with run.emulator.project.now() as project:
        project.access_list.delete(*project.access_list)
    site.allow("The {{ 6 * 7 }} hosts")
    gone = use("command line", state="absent", remove_container="false")
    assert (site.atlas, site.aws[connection], site.routes, list(run.containers)) == ({}, "deleted", {}, ["US_EAST_1"])
    assert ["The {{ 6 * 7 }} hosts" in line for line in said(gone)] == [True]
    assert ([*result(gone)["remaining"]], "The 42 hosts" in gone.output) == (said(gone), False)
    assert (lines(gone)[0], result(gone)["connections"], result(gone)["state"]) == ("Disconnect the networks", [], "absent")
    assert (use("inventory", state="absent", remove_container="true", container_region="us-east-1").changed, run.containers) == (
        1,
        {},
    )


def test_empty_texts_of_a_survey_are_not_set(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    page = yaml.safe_load((ROOT / "roles" / "vpc_peering" / "meta" / "argument_specs.yml").read_text())
    names = [name.removeprefix("vpc_peering_") for name in page["argument_specs"]["main"]["options"]]
    empty = dict.fromkeys(names, "")
    entry = {**site.connection, "vpc_id": f" {site.vpc_id} ", "route_table_ids": "", "route_table_tags": " "}
    given = {"connections": [entry], "container_region": " us-east-1 ", "verify": " yes ", "verify_fail_on": " never "}
    named = run(**{**empty, **given}, status=2)
    # It would leave the project to the environment.
    assert (message(named), run.sent) == ("project_name is empty. Give the name of the project, or leave it out.", [])
    done = run(**{**empty, **given, "group_id": f" {run.emulator.settings.group_id} "})
    site.assert_connected()
    assert (lines(done)[:3], result(done)["state"], run.access_list != {}) == (TASKS[:3], "present", True)
    assert result(done)["check"] is not None


@pytest.mark.full
def test_four_hosts_side_by_side(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    """Of four hosts with a VPC each, one has a mistake, which ends the role for that host alone."""
    sites = [make_site(block=f"10.{number}.0.0/16") for number in range(30, 34)]
    sites[3].route("192.168.248.0/22", GatewayId=sites[3].gateway())
    hosts = {f"host{number}": {"vpc_peering_connections": [site.connection]} for number, site in enumerate(sites)}
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}))
    delegated = {"delegate_to": "localhost", "delegate_facts": True}
    use = {"ansible.builtin.include_role": {"name": ROLE, "apply": delegated}, "vars": role_variables({})}

    done = run.play([use], "-i", str(inventory), hosts="all", status=2)
    for site in sites[:3]:
        site.assert_connected()
    assert (sites[3].atlas, sites[3].table["RouteTableId"] in message(done)) == ({}, True)
    assert len(run.access_list) == 3
    shown = [one["result"]["vpc_peering_result"] for one in done.records if one["task"] == "Result"]
    assert [len(one["connections"]) for one in shown] == [1, 1, 1], "each host has its own, whatever is delegated"
    posts = [entry for entry in run.sent if entry[1] == "/accessList" or entry[1].endswith("/status")]
    ends = [number for number, one in enumerate(posts) if one[0] == "POST"]
    # Atlas takes no two POSTs at once: between them, the list is read again.
    assert all(("GET", "/accessList") in posts[before:after] for before, after in pairwise(ends))


@pytest.mark.full
def test_a_failure_is_told_once_and_the_result_is_kept(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    site = make_site()
    wrong = run(connections=[{**site.connection, "region": "nowhere"}, {"vpc_id": site.vpc_id}], parallel=99, status=2)
    assert (lines(wrong), set(result_of_the_fact(wrong))) == ([CONNECT, KEEP, SHOW, FAIL], KEYS)
    text = message(wrong)
    for word in (
        "parallel must be",
        f"connections[0] ({site.vpc_id}): region is not an AWS region",
        "connections[1]",
        "lacks aws_account_id",
    ):
        assert word in text
    assert len([one for one in wrong.records if one["verdict"] == "failed"]) == 1
    assert (run.sent, result_of_the_fact(wrong)["connections"], result_of_the_fact(wrong)["changed"]) == ([], [], False)

    nowhere = run(connections=[site.connection], verify="yes", report=str(tmp_path / "none" / "report.md"), status=2)
    assert (
        message(nowhere)
        == f"vpc_peering_report: the folder {tmp_path / 'none'} does not exist on the controller. Create it first."
    )
    assert run.sent == []

    # What is not about the list fails the task itself, and no other one after it.
    run.fault("GET", "status", status=403, path="*/peers*")
    unread = run(connections=[site.connection], status=2)
    assert ("HTTP 403" in message(unread), len([one for one in unread.records if one["verdict"] == "failed"])) == (True, 1)
    assert result_of_the_fact(unread)["failures"][0]["step"] == "read"

    # One entry fails after others have been requested. Atlas's half needs no boto3.
    (tmp_path / "boto3.py").write_text("raise ImportError", encoding="utf-8")
    run.environment["PYTHONPATH"] = str(tmp_path)
    run.fault("POST", "status", status=400, code="INVALID_ATTRIBUTE")
    other = make_site(block="10.16.0.0/16")
    half = run(connections=[site.connection, other.connection], aws=False, parallel=1, status=2)
    del run.environment["PYTHONPATH"]
    assert ("INVALID_ATTRIBUTE" in message(half), site.vpc_id in message(half)) == (True, True)
    (connection,) = other.atlas
    assert [f"Accept {connection}" in line for line in said(half)] == [True]
    kept = result_of_the_fact(half)
    assert (kept["remaining"], kept["changed"], kept["connections"][1]["connection_id"]) == (said(half), True, connection)

    # The check at the end fails for what the role does not manage.
    run.put_cluster("shop", "AWS", "US_EAST_1")
    site.ec2.create_subnet(VpcId=site.vpc_id, CidrBlock="10.15.1.0/24")
    site.close_mongodb()
    report = tmp_path / "report.md"
    more = {
        "connections": [site.connection],
        "container_region": "us-east-1",
        "dns": "enable",
        "verify": "yes",
        "project_name": "emulator",
    }
    foreseen = run("--check", **more)
    assert result(foreseen)["check"] is None, "what is not there yet cannot be checked"
    # What was really done is checked, although `--check` was given.
    failed = run.play([{"block": [run.use(**more, report=str(report))], "check_mode": False}], "--check", status=2)
    site.assert_connected()
    assert ("P701" in message(failed), "P701" in report.read_text()) == (True, True)
    kept = result_of_the_fact(failed)
    assert (kept["check"], kept["changed"], len(kept["connections"])) == ("not_reachable", True, 1)
    never = run(**more, verify_fail_on="never")
    # The name is looked up once: the verification takes the id.
    asked = [one["path"] for one in run.emulator.requests.entries() if one["authenticated"]]
    assert [path for path in asked if path.endswith("/groups")] == ["/api/atlas/v2/groups"]
    assert (result(never)["check"], result(never)["changed"]) == ("not_reachable", False)


def result_of_the_fact(run: PlaybookRun) -> dict[str, Any]:
    """Return the fact of a run that ended before it could be shown."""
    return dict([one for one in run.records if one["task"].endswith(KEEP)][-1]["result"]["ansible_facts"]["vpc_peering_result"])


@pytest.mark.full
def test_credentials_are_those_of_the_role_s_variables(run: RoleRunner, aws: Aws, make_site: Callable[..., Vpc]) -> None:
    """They reach both tasks. An entry has its own, in which a value may be omit; module_defaults are those of both modules."""
    site, other = make_site(), make_site(owner="444455556666", block="10.16.0.0/16")
    run.put_cluster("shop", "AWS", "US_EAST_1")
    keys = {
        "aws_access_key": "aws_access_key_id",
        "aws_secret_key": "aws_secret_access_key",
        "aws_session_token": "aws_session_token",
    }
    names = [*run.account.environment()]
    mine = {name: run.account.keys[key] for name, key in keys.items()}
    theirs = {name: other.account.keys[key] for name, key in keys.items()}
    endpoint = run.environment["AWS_ENDPOINT_URL"]
    run.environment |= dict.fromkeys((*names, "AWS_ENDPOINT_URL"))
    entries = [{**site.connection, "comment": "{{ omit }}", "aws_profile": "{{ omit }}"}, {**other.connection, **theirs}]
    defaults = {
        "cloudpeer.atlas.atlas_peering": {"aws_endpoint_url": endpoint},
        "cloudpeer.atlas.atlas_vpc_peer_check": {"aws_endpoint_url": endpoint},
        # These have no effect.
        "group/cloudpeer.atlas.aws": {"endpoint_url": "http://127.0.0.1:1"},
        "cloudpeer.atlas.atlas_vpc_peers": {"peers": "nothing"},
    }
    use = run.use(connections=entries, container_region="us-east-1", dns="enable", verify=True, **mine)
    done = run.plays([{"hosts": "localhost", "module_defaults": defaults, "tasks": [use]}], "-vvvv")
    for one in (site, other):
        one.assert_connected()
    assert run.access_list[BLOCK] == f"VPC peering with {site.vpc_id}"
    assert result_of_the_fact(done)["check"] == "reachable_by_design"
    secrets = [one[name] for one in (mine, theirs) for name in ("aws_secret_key", "aws_session_token")]
    assert [one for one in secrets if one in done.output] == []


@pytest.mark.full
def test_the_list_may_be_the_only_one_of_the_project(run: RoleRunner, make_site: Callable[..., Vpc], tmp_path: Path) -> None:
    listed, gone = (make_site(block=f"10.{number}.0.0/16") for number in (15, 16))
    old = gone.connect()
    inventory = tmp_path / "inventory.yml"

    def use(*projects: str | None, status: int = 0, **variables: Any) -> PlaybookRun:
        """Prune in a play of hosts, each with its project in the inventory."""
        hosts = {f"host{number}": {"vpc_peering_group_id": one} if one else {} for number, one in enumerate(projects)}
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}))
        more = role_variables({"connections": [listed.connection], "prune": "yes", **variables})
        task = {"ansible.builtin.include_role": {"name": ROLE}, "vars": more}
        return run.play([task], "-i", str(inventory), hosts="all", status=status)

    both = use(None, None, status=2)
    texts = [one["result"]["msg"] for one in both.records if one["verdict"] == "failed"]
    assert sorted(name in text for name in (" host0", " host1") for text in texts) == [False, False, True, True]
    assert (run.sent, "would remove everything" in message(use(None, connections=[], status=2))) == ([], True)
    assert "No entry of the list has a connection in the project" in message(use(None, status=2))
    done = use(None, max_deletions="1")
    assert [peer["connection_id"] for peer in result(done)["pruned"]] == [old]
    assert (gone.atlas, gone.routes, list(run.access_list)) == ({}, {}, [BLOCK])
    assert listed.assert_connected()
    assert use(None).changed == 0


def once(*texts: str) -> list[str]:
    """Return playbooks, those that say the same once: most examples have not changed."""
    return [text for number, text in enumerate(texts) if yaml.safe_load(text) not in map(yaml.safe_load, texts[:number])]


def since_2_4_0(name: str) -> list[str]:
    """Return an example of 2.4.0, and that of today if it is another one."""
    return once(*((folder / f"{name}.yml").read_text(encoding="utf-8") for folder in (EXAMPLES, ROOT / "docs" / "examples")))


@pytest.mark.full
def test_the_examples_of_2_4_0_connect_and_disconnect(run: RoleRunner, make_site: Callable[..., Vpc]) -> None:
    site = make_site()
    run.environment |= {"VPC_ID": site.vpc_id, "AWS_ACCOUNT_ID": site.account.id}
    for connect, disconnect in product(since_2_4_0("whole_path"), since_2_4_0("disconnect")):
        assert run.playbook(connect).changed == 1
        site.assert_connected()
        assert run.playbook(connect).changed == 0
        assert run.playbook(disconnect).changed == 1
        assert (site.atlas, site.routes, run.access_list) == ({}, {}, {})
    page = yaml.safe_load((ROOT / "roles" / "vpc_peering" / "meta" / "argument_specs.yml").read_text())
    for example in once((EXAMPLES / "page_of_the_role.yml").read_text(), page["argument_specs"]["main"]["examples"]):
        text = example.replace("vpc-0a1b2c3d4e5f67890", site.vpc_id).replace("123456789012", site.account.id)
        run.playbook(text)
        site.assert_connected()
    # It explains what the connection lacks, and changes nothing.
    run.put_cluster("shop", "AWS", "US_EAST_1")
    checked = run.playbook(ROOT / "docs" / "examples" / "check.yml")
    assert (checked.changed, run.writes) == (0, [])


@pytest.mark.full
def test_the_half_of_2_4_0_leaves_aws_to_others(emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    done = playbook(EXAMPLES / "atlas_half.yml", emulator)
    (text,) = said(done)
    assert [word for word in ("Accept pcx-", "123456789012", "eu-west-1", ATLAS_BLOCK) if word not in text] == []


@pytest.mark.full
def test_the_examples_of_2_4_0_connect_the_other_clouds(
    playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds
) -> None:
    run = CloudSite(playbook, cloud_atlas, clouds)
    clouds.azure.add_vnet(*VNET, prefixes=["10.0.0.0/24"])
    variables = {"GCP_PROJECT": PROJECT, "GCP_NETWORK": NETWORK, "VNET_ID": VNET_ID}
    run.environment |= {**azure_site.variables(clouds), **variables}
    for name in ("gcp", "azure"):
        examples = since_2_4_0(f"whole_path_{name}")
        assert run.playbook(examples[0]).changed == 1
        assert run.statuses(name.upper()) == ["AVAILABLE"]
        for example in examples:
            assert run.playbook(example).changed == 0


@pytest.mark.full
def test_one_list_has_entries_on_three_clouds(aws: Aws, start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> None:
    account = aws.account()
    with running() as clouds:
        emulator = start(step_seconds=0.1, clouds_url=clouds.control_url, aws_endpoint_url=aws.url)
        run, site = CloudSite(playbook, emulator, clouds), Vpc(emulator, account)
        clouds.azure.add_vnet(*VNET, prefixes=["10.0.0.0/24"])
        run.environment |= {**account.environment(), "AWS_ENDPOINT_URL": aws.url, **azure_site.variables(clouds)}
        vnet = {
            "azure_directory_id": clouds.azure.entra.variables["AZURE_TENANT"],
            "vnet_resource_id": VNET_ID,
            "container_region": "westeurope",
            "container_cidr_block": azure_site.ATLAS_BLOCK,
        }
        entries = [{**ENTRY, "container_cidr_block": GCP_BLOCK}, {**site.connection, "provider_name": "AWS"}, vnet]
        wanted = {"connections": entries, "container_cidr_block": None, "container_region": "us-east-1"}
        done = run(**wanted)
        site.assert_connected()
        returned = result(done)
        assert [one["provider_name"] for one in returned["connections"]] == ["GCP", "AWS", "AZURE"]
        assert [one["status_name"] for one in returned["connections"]] == ["AVAILABLE"] * 3
        assert [set(one) for one in returned["connections"]] == [set(returned["connections"][0])] * 3
        assert {one["provider_name"] for one in returned["containers"]} == {"AWS", "AZURE", "GCP"}
        assert set(run.access_list) == {CLIENTS, site.block, "10.0.0.0/24"}
        # The same list is checked, with the container in us-east-1 for the entry on AWS alone.
        for cloud, region in (("AWS", "US_EAST_1"), ("AZURE", "EUROPE_WEST"), ("GCP", "CENTRAL_US")):
            run.put_cluster(f"on-{cloud.lower()}", cloud, region)
        again = run(**wanted, verify=True, verify_fail_on="never")
        assert (again.changed, result(again)["changed"], lines(again)) == (0, False, TASKS)
        assert result(again)["check"] is not None
        gone = run(**{**wanted, "container_region": None}, state="absent")
        assert (site.atlas, site.routes, run.status, run.peerings, run.access_list) == ({}, {}, [], {}, {})
        assert {one["provider_name"] for one in result(gone)["containers"]} == {"AWS", "AZURE", "GCP"}
        emulator.reset()
