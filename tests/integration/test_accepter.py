"""atlas_vpc_peer_accepter in real playbooks, both ways of running: life cycle, examples, credentials, secrets, imports."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.test_documentation import differences, own_fields
from ansible_collections.cloudpeer.atlas.tests.support.aws import Account, Aws
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRun, PlaybookRunner, plain_interpreter
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, serving

MODULE = "cloudpeer.atlas.atlas_vpc_peer_accepter"
ATLAS_ACCOUNT, OTHER_ACCOUNT = "700000000007", "444444444444"
BLOCK, ATLAS_BLOCK = "10.15.0.0/16", "192.168.248.0/21"


class World:
    """Two accounts of users, Atlas's account, and what runs playbooks as the first of them."""

    def __init__(self, aws: Aws, emulator: RunningEmulator, runner: PlaybookRunner, folder: Path) -> None:
        self.aws = aws
        self.emulator = emulator
        self.folder = folder
        self.account, self.other, self.atlas = aws.account(), aws.account(OTHER_ACCOUNT), aws.account(ATLAS_ACCOUNT)
        self.vpc_id = self.account.make_vpc(BLOCK)
        self.environment = {**self.account.environment(), "AWS_EC2_METADATA_DISABLED": "true"}
        self._runner = runner

    def request(self, account: Account | None = None, vpc_id: str | None = None) -> str:
        """Let Atlas's account request a connection, and return its id."""
        owner = account or self.account
        made = self.atlas.ec2().create_vpc_peering_connection(
            VpcId=self.atlas.make_vpc(ATLAS_BLOCK), PeerVpcId=vpc_id or self.vpc_id, PeerOwnerId=owner.id, PeerRegion="us-east-1"
        )
        return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])

    def tasks(self, *tasks: dict[str, Any], options: tuple[str, ...] = (), **how: Any) -> PlaybookRun:
        """Run tasks with the credentials of the first account in the environment."""
        keywords = how.pop("play", {})
        variables = {**self.environment, **how.pop("variables", {})}
        play = {"hosts": "localhost", "gather_facts": False, **keywords, "tasks": list(tasks)}
        return self._runner(yaml.safe_dump([play], sort_keys=False), self.emulator, *options, **how, **variables)

    def run(self, *options: str, **how: Any) -> PlaybookRun:
        """Run the module once."""
        status, way = how.pop("status", 0), how.pop("way", "in process")
        variables = how.pop("variables", {})
        return self.tasks({MODULE: how}, options=options, status=status, way=way, variables=variables)


@pytest.fixture
def world(aws: Aws, start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path) -> World:
    emulator = start(step_seconds=0.1, aws_endpoint_url=aws.url, aws_account_id=ATLAS_ACCOUNT)
    return World(aws, emulator, playbook, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_a_life_cycle_comes_out_the_same_both_ways(way: str, world: World) -> None:
    connection_id = world.request()
    there, gone = ({MODULE: {"connection_id": connection_id, "state": state}} for state in ("present", "absent"))
    there[MODULE] |= {"atlas_cidr_block": ATLAS_BLOCK, "atlas_aws_account_ids": [ATLAS_ACCOUNT], "dns": "enable", "wait": True}
    foreseen = world.tasks(there, options=("--check", "--diff"), way=way)
    assert world.account.connections() == {connection_id: "pending-acceptance"}
    run = world.tasks(there, there, options=("--diff",), way=way)
    assert world.account.connections() == {connection_id: "active"}
    assert world.account.routes(world.vpc_id) == {ATLAS_BLOCK: connection_id}
    expected, (done, again) = foreseen.result, run.results
    assert [one["changed"] for one in (expected, done, again)] == [True, True, False]
    for one in (expected, done):
        one["accepter"]["connection"]["status_message"] = None
    assert expected["accepter"] == done["accepter"]
    diff, line = done["diff"], done["summary"]["plan"]
    assert diff["before"]["connection"]["status"] == "pending-acceptance"
    assert {*diff["after"]["routes"].values()} == {connection_id}
    assert line == expected["summary"]["plan"]
    # On the standard error in check mode; the task that found nothing to do has no plan.
    assert [one.output.count(line) for one in (foreseen, run)] == [1, 0]
    assert [one.warnings for one in (foreseen, run)] == [[], []]

    removed = world.tasks(gone, gone, way=way)
    assert world.account.routes(world.vpc_id) == {}
    assert [one["changed"] for one in removed.results] == [True, False]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.full
def test_a_failure_has_the_same_fields_both_ways(way: str, world: World) -> None:
    page = documentation()["return"]
    connection_id = world.request()
    table = world.account.ec2().describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [world.vpc_id]}])["RouteTables"][0]
    gateway = world.account.ec2().create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    world.account.ec2().create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock=ATLAS_BLOCK, GatewayId=gateway)
    before = world.account.connections()
    wrong = [
        {"connection_id": "pcx-0123456789abcdef0"},
        {"connection_id": connection_id, "atlas_cidr_block": ATLAS_BLOCK},
        {"connection_id": connection_id, "region": "nowhere"},
        {"connection_id": connection_id, "endpoint_url": "http://127.0.0.1:1"},
        {"connection_id": connection_id, "assume_role_arn": "arn"},
        {"connection_id": "pcx-x"},
    ]
    run = world.tasks(*({MODULE: options, "ignore_errors": True} for options in wrong), options=("-vv",), way=way)
    for options, returned in zip(wrong, run.results, strict=True):
        result = own_fields(returned)
        assert "msg" in returned, options
        assert set(result) == {"http_status", "error_code", "detail", "requests", "api_calls"}, options
        assert [one for key, value in result.items() for one in differences(value, page[key], key)] == []
        assert result["error_code"] is None
    assert world.account.connections() == before
    assert before[connection_id] == "pending-acceptance"


def documentation() -> dict[str, Any]:
    """Return what ansible-doc says of the module."""
    done = subprocess.run([sys.executable, "-m", "ansible", "doc", "--json", MODULE], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout)[MODULE])


@pytest.mark.full
def test_the_examples_run_and_return_what_is_documented(world: World) -> None:
    page = documentation()
    ec2 = world.account.ec2()
    table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [world.vpc_id]}])["RouteTables"][0]["RouteTableId"]
    ec2.create_tags(Resources=[table], Tags=[{"Key": "Tier", "Value": "application"}])
    group = ec2.create_security_group(GroupName="app", Description="app", VpcId=world.vpc_id)["GroupId"]
    certificates = world.folder / "company-proxy.pem"
    trustme.CA().cert_pem.write_to_path(certificates)
    profiles = world.folder / "credentials"
    profiles.write_text("[production]\n" + "".join(f"{name} = {value}\n" for name, value in world.account.keys.items()))
    examples = page["examples"]
    for shown, here in (
        ("https://vpce-0a1b2c3d4e5f67890.ec2.us-east-1.vpce.amazonaws.com", world.aws.url),
        ("vpc-0a1b2c3d4e5f67890", world.vpc_id),
        ("rtb-0a1b2c3d4e5f67890", table),
        ("sg-0a1b2c3d4e5f67890", group),
        ("123456789012", world.account.id),
        ("222222222222", ATLAS_ACCOUNT),
        ("/etc/pki/tls/certs/company-proxy.pem", str(certificates)),
    ):
        assert shown in examples
        examples = examples.replace(shown, here)
    keys = ("access_key", "aws_access_key_id"), ("secret_key", "aws_secret_access_key"), ("session_token", "aws_session_token")
    run = world.tasks(
        *yaml.safe_load(examples),
        play={"vars": {f"aws_{option}": world.account.keys[name] for option, name in keys}},
        options=("-vv", "--diff"),
        variables={"AWS_SHARED_CREDENTIALS_FILE": str(profiles), "AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    )
    results = [one["result"] for one in run.records if one["action"] == MODULE]
    assert len(results) == 8
    assert [one["changed"] for one in results] == [True, True, True, False, False, False, True, False]
    for result in map(own_fields, results):
        assert set(result) == {"accepter", "requests", "api_calls", "summary"}
        assert [one for key, value in result.items() for one in differences(value, page["return"][key], key)] == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.full
def test_each_item_of_a_loop_uses_its_own_credentials(way: str, world: World) -> None:
    theirs = world.other.make_vpc("10.44.0.0/16")
    mine, other = world.request(), world.request(world.other, theirs)
    names = {"access_key": "aws_access_key_id", "secret_key": "aws_secret_access_key", "session_token": "aws_session_token"}
    items = [
        {"id": connection_id, "account": account.id, **{option: account.keys[name] for option, name in names.items()}}
        for connection_id, account in ((mine, world.account), (other, world.other), (mine, world.account))
    ]
    options = {option: f"{{{{ item.{option} }}}}" for option in names}
    task = {
        MODULE: {
            **options,
            "connection_id": "{{ item.id }}",
            "aws_account_id": "{{ item.account }}",
            "atlas_cidr_block": ATLAS_BLOCK,
            "atlas_aws_account_ids": [ATLAS_ACCOUNT],
            "dns": "ignore",
        },
        "loop": "{{ items }}",
        "loop_control": {"label": "{{ item.id }}"},
    }
    # One without credentials of its own fails, and gets no other's.
    alone = {MODULE: {"connection_id": mine}, "ignore_errors": True}
    variables = {name.upper(): "" for name in world.account.keys}
    run = world.tasks(task, alone, play={"vars": {"items": items}}, way=way, variables=variables)
    *looped, failed = run.results
    assert [one["changed"] for one in looped] == [True, True, False]
    assert world.account.connections()[mine] == world.other.connections()[other] == "active"
    assert "Unable to locate credentials" in failed["msg"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.full
def test_credentials_and_region_of_the_task_itself(way: str, world: World) -> None:
    """The keyword environment, and the action group; the defaults for Atlas reach the others alone."""
    without = {MODULE: {"connection_id": world.request(), "dns": "ignore"}}
    task = {**without, "environment": {"AWS_REGION": "us-east-1", **world.environment}}
    play = {
        "module_defaults": {
            "group/cloudpeer.atlas.aws": {"atlas_cidr_block": ATLAS_BLOCK, "atlas_aws_account_ids": [ATLAS_ACCOUNT]},
            "group/cloudpeer.atlas.atlas": {"timeout": 5, "base_url": world.emulator.base_url},
        }
    }
    nothing = dict.fromkeys(world.environment, "")
    run = world.tasks(task, {**without, "ignore_errors": True}, play=play, way=way, variables=nothing)
    done, failed = run.results
    assert done["changed"]
    assert failed["msg"].startswith("No region for AWS.")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.full
def test_no_secret_is_shown_at_any_verbosity(way: str, world: World) -> None:
    connection_id = world.request()
    keys = {
        "access_key": world.account.keys["aws_access_key_id"],
        "secret_key": world.account.keys["aws_secret_access_key"],
        "session_token": world.account.keys["aws_session_token"],
    }
    usual = {"connection_id": connection_id, "atlas_cidr_block": ATLAS_BLOCK, "dns": "ignore"}
    templated = {option: f"{{{{ lookup('env', '{option}') }}}}" for option in keys}
    given = [
        {**usual, **templated},
        usual,
        {**usual, "assume_role_arn": f"arn:aws:iam::{world.account.id}:role/x"},
        {**usual, "connection_id": "pcx-0123456789abcdef0", **templated},
        {**usual, **templated, "session_token": "", "profile": "x"},
    ]
    run = world.tasks(*({MODULE: one, "ignore_errors": True} for one in given), options=("-vvvv",), way=way, variables=keys)
    assert ["msg" in one for one in run.results] == [False, False, False, True, True]
    shown = run.output + json.dumps(run.records)
    # Older releases of ansible-core print the environment of a module. The id of a key is no secret.
    assert [name for name, value in keys.items() if name != "access_key" and value in shown] == []


@pytest.mark.full
def test_boto3_is_imported_once_and_only_for_what_talks_to_aws(world: World) -> None:
    watching, seen = world.folder / "watching", world.folder / "imports"
    watching.mkdir()
    # Python runs this file when it starts; it notes which process looks for what.
    (watching / "sitecustomize.py").write_text(
        f"""
import importlib.abc, os, sys

class Watch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("boto3", "botocore", "requests"):
            with open({str(seen)!r}, "a") as file:
                print(name, os.getpid(), file=file)

sys.meta_path.insert(0, Watch())
"""
    )
    atlas = {"cloudpeer.atlas.atlas_vpc_peer_info": {}}
    aws = {MODULE: {"connection_id": world.request(), "atlas_cidr_block": ATLAS_BLOCK}, "loop": [1, 2, 3]}
    variables = {"PYTHONPATH": str(watching)}
    world.tasks(atlas, atlas, variables=variables)
    assert [line.split()[0] for line in seen.read_text().splitlines()] == ["requests"]
    seen.unlink()
    run = world.tasks(aws, aws, options=("-vvv",), variables=variables)
    assert run.output.count("runs in this process") == 6
    found = [line.split() for line in seen.read_text().splitlines()]
    # In the process that forks the others, so that they have it already; and nothing of Atlas's client.
    assert sorted(name for name, unused in found) == ["boto3", "botocore"]
    assert len({process for unused, process in found}) == 1


def without_boto3(folder: Path) -> str:
    """Return a folder that makes the import of boto3 fail for a Python that has it on its path."""
    broken = folder / "without-boto3"
    broken.mkdir(exist_ok=True)
    (broken / "boto3.py").write_text("raise ImportError(\"No module named 'boto3'\")\n")
    return str(broken)


@pytest.mark.full
def test_a_controller_without_boto3_runs_modules_and_says_so(world: World) -> None:
    interpreter = world.folder / "python-with-boto3"
    interpreter.write_text(f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(stat.S_IRWXU)
    task = {MODULE: {"connection_id": world.request(), "atlas_cidr_block": ATLAS_BLOCK, "atlas_aws_account_ids": [ATLAS_ACCOUNT]}}
    task[MODULE]["dns"] = "ignore"
    run = world.tasks(
        task,
        task,
        way=None,
        options=("-vvv", "-e", f"ansible_python_interpreter={interpreter}"),
        variables={"PYTHONPATH": without_boto3(world.folder)},
    )
    assert [one["changed"] for one in run.results] == [True, False]
    assert len([warning for warning in run.warnings if "boto3" in warning]) == len(run.warnings) == 1
    assert run.output.count("runs as a module: Ansible's own Python has no boto3") == 2


@pytest.mark.full
def test_a_host_without_boto3_fails_and_atlas_needs_none(world: World) -> None:
    variables = {"PYTHONPATH": without_boto3(world.folder)}
    tasks: list[dict[str, Any]] = [
        {MODULE: {"connection_id": "pcx-0123456789abcdef0"}, "ignore_errors": True},
        {"cloudpeer.atlas.atlas_vpc_peer_info": {}},
    ]
    failed, read = world.tasks(*tasks, way="module", variables=variables).results
    assert failed["msg"].startswith("Failed to import the required Python library (boto3) on ")
    assert "msg" not in read


@pytest.mark.full
def test_a_task_that_waits_says_how_it_goes(world: World) -> None:
    connection_id = world.request()
    task = {MODULE: {"connection_id": connection_id, "atlas_cidr_block": ATLAS_BLOCK, "wait": True, "wait_timeout": 60}}
    run = world.tasks({**task, "no_log": True}, task)
    assert run.records[-1]["result"]["accepter"]["connection"]["status"] == "active"


@pytest.mark.full
def test_the_example_runs(world: World) -> None:
    text = (ROOT / "docs" / "examples" / "accept_and_route.yml").read_text(encoding="utf-8")
    (play,) = yaml.safe_load(text.replace("vpc-0a1b2c3d4e5f67890", world.vpc_id).replace("123456789012", world.account.id))
    for changed in (2, 0):
        run = world.tasks(*play["tasks"], play={"vars": play["vars"]})
        assert run.changed == changed
    assert list(world.account.connections().values()) == ["active"]


@pytest.mark.skipif("ATLAS_TARGET_PYTHON" not in os.environ, reason="no other Python was prepared (make matrix does)")
def test_it_runs_on_the_oldest_python_with_the_oldest_boto3(world: World) -> None:
    interpreter = plain_interpreter(world.folder, os.environ["ATLAS_TARGET_PYTHON"])
    connection_id = world.request()
    options = {"connection_id": connection_id, "atlas_cidr_block": ATLAS_BLOCK, "wait": True}
    tasks: list[dict[str, Any]] = [{MODULE: {**options, "state": state}} for state in ("present", "present", "absent", "absent")]
    html = Reply(200, b"<html><body>Please sign in</body></html>")
    with serving(html) as wire:
        tasks.append({MODULE: {**options, "state": "absent", "endpoint_url": wire.base_url}, "ignore_errors": True})
        run = world.tasks(*tasks, options=("-e", f"ansible_python_interpreter={interpreter}"), way="module")
    *done, failed = run.results
    assert [one["changed"] for one in done] == [True, False, True, False]
    assert "the reply is not one of AWS" in failed["msg"]


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_the_commands_of_a_hand_over_do_as_much(world: World) -> None:
    """The real AWS CLI takes the text as it is, with the route table in the environment."""
    connection_id = world.request()
    known = {"connection_id": connection_id, "aws_account_id": world.account.id, "vpc_id": world.vpc_id}
    container = {"region_name": "US_EAST_1", "atlas_cidr_block": ATLAS_BLOCK}
    text = AWS.handover(known, container, False)["aws"]
    tables = world.account.ec2().describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [world.vpc_id]}])["RouteTables"]
    # Another region than that of the text.
    variables = {**world.environment, **world.account.environment("eu-west-1"), "ROUTE_TABLE_ID": tables[0]["RouteTableId"]}
    done = subprocess.run(["sh", "-e", "-c", text], env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert world.account.connections() == {connection_id: "active"}
    assert world.account.routes(world.vpc_id) == {ATLAS_BLOCK: connection_id}
