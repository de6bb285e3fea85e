"""What people see of atlas_vpc_peer_check in real playbooks, in both ways of running, and what they may not see."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import fragments
import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import GCP_BLOCK, GCP_PROJECT, NETWORK, VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.check_site import CloudsSite
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner, environment

VPC = "vpc-0a1b2c3d4e5f67890"
MODULE = "cloudpeer.atlas.atlas_vpc_peer_check"
ENTRIES = [{"vnet_resource_id": VNET_ID}, {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_block": GCP_BLOCK}]
HOSTILE = "<b onload=alert(1)>{{ 7 * 7 }}"
LIMIT = "Atlas's own routes and security groups cannot be seen."


def play(**options: Any) -> str:
    """Return a playbook that requests a connection, which nobody accepts, and checks it without AWS."""
    peer = {"vpc_id": VPC, "aws_account_id": "123456789012", "route_table_cidr_block": "10.15.0.0/16", "wait": True}
    tasks = [
        {"name": "Request", "cloudpeer.atlas.atlas_vpc_peer": peer},
        {"name": "Check", "cloudpeer.atlas.atlas_vpc_peer_check": {"aws": False, **options}, "ignore_errors": True},
    ]
    return json.dumps([{"name": "Check", "hosts": "localhost", "gather_facts": False, "tasks": tasks}])


# The action plugin shows the text and writes the report; as a module, the rest takes three times as long.
@pytest.mark.parametrize("way", [pytest.param(way, marks=pytest.mark.full if way == "module" else ()) for way in WAYS])
def test_the_text_is_beside_the_output_and_a_report_written(way: str, emulator: RunningEmulator, tmp_path: Path) -> None:
    file = tmp_path / "peering.html"
    (tmp_path / "check.yml").write_text(play(report="peering.html"))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "check.yml"), "-e", f"atlas_in_process={WAYS[way]}"],
        cwd=ROOT,
        env={**environment(tmp_path, emulator), "RECORD_FILE": os.devnull},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("[localhost] 1 project: ")) + 1
    assert lines[start].startswith(f"not reachable: {VPC}")
    assert "fail     P101 " in lines[start + 1]
    assert any(line.startswith(LIMIT) for line in lines[start:])
    # What others parse has only what callbacks print.
    assert LIMIT not in done.stdout
    assert "changed=1 " in done.stdout
    assert "P101" in file.read_text()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("peering")] == ["peering.html"]


@pytest.mark.full
def test_check_mode_writes_the_report_and_changes_nothing(
    emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    playbook(play(text=False), emulator)
    run = playbook(play(text=False, report=str(tmp_path / "peering.md")), emulator, "--check")
    result = run.results[-1]
    assert "P101" in result["msg"]
    assert result["changed"] is False
    assert result["peering_check"]["verdict"] == "not_reachable"
    assert LIMIT not in run.output
    assert "[P101](" in (tmp_path / "peering.md").read_text()


@pytest.mark.full
def test_a_report_without_a_folder_fails_before_all_reading(emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    run = playbook(play(report="nowhere/peering.html"), emulator)
    assert run.results[-1]["msg"].endswith("nowhere does not exist on the controller. Create it first.")
    assert "/clusters" not in str([entry["path"] for entry in emulator.requests.entries()])


@pytest.fixture
def site(start: Callable[..., RunningEmulator], clouds: RunningClouds) -> CloudsSite:
    return CloudsSite(start(step_seconds=0.01, clouds_url=clouds.control_url), clouds)


def play_on_clouds(**options: Any) -> str:
    """Return a playbook that checks both networks."""
    return json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [{MODULE: {"connections": ENTRIES, **options}}]}])


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_both_networks_are_checked_and_shown(site: CloudsSite, playbook: PlaybookRunner, tmp_path: Path, way: str) -> None:
    report = tmp_path / "peering.html"
    key = site.clouds.tokens.service_account_key()
    signed_in = {"GCP_SERVICE_ACCOUNT_CONTENTS": json.dumps(key), **site.azure.entra.variables}
    variables = {**site.clouds.environment, **signed_in}
    run = playbook(play_on_clouds(report=str(report)), site.emulator, "-vvvvv", way=way, **variables)
    assert run.result["peering_check"]["verdict"] == "reachable_by_design"
    assert f"reachable by design: VNet {VNET} (" in run.output
    assert f"reachable by design: VPC network {NETWORK} ({GCP_PROJECT}) by " in run.output
    page = report.read_text(encoding="utf-8")
    assert f">VNet {VNET}<" in page
    assert 'aria-label="Atlas and the VPC network: reachable by design"' in page
    assert '<th scope="col">network</th>' in page
    text = run.output + json.dumps(run.records) + page
    issued = [one["token"] for one in (*site.clouds.tokens.issued, *site.azure.entra.issued)]
    for secret in (*issued, site.azure.entra.secret, key["private_key"][60:100], key["private_key_id"]):
        assert secret not in text


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_a_mirror_on_the_wrong_network_is_told(site: CloudsSite, playbook: PlaybookRunner, way: str) -> None:
    site.remove_mirror()
    site.add_mirror("default")
    variables = {**site.clouds.environment, "GCP_ACCESS_TOKEN": site.token}
    run = playbook(play_on_clouds(azure=False), site.emulator, way=way, status=2, **variables)
    assert f"G402 The peering with Atlas's network is made on default; the connection names {NETWORK}." in run.result["msg"]
    assert site.token not in run.output + json.dumps(run.records)


@pytest.mark.full
def test_without_google_auth_it_says_what_is_missing(site: CloudsSite, playbook: PlaybookRunner, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["google.auth"] = None\n')
    variables = {"PYTHONPATH": str(tmp_path), "GCP_ACCESS_TOKEN": site.token}
    run = playbook(play_on_clouds(azure=False), site.emulator, way=None, status=2, **variables)
    assert run.result["msg"].startswith("The host that this task runs on has no google-auth, which is needed to read GCP")
    # What does not read GCP needs none.
    run = playbook(play_on_clouds(azure=False, gcp=False), site.emulator, way=None, PYTHONPATH=str(tmp_path))
    assert run.result["peering_check"]["verdict"] == "unknown"


def test_make_fragments_has_written_the_playbook() -> None:
    """Each option of the module has its variable there."""
    text = (ROOT / "playbooks" / "check.yml").read_text(encoding="utf-8")
    options = load("atlas_vpc_peer_check").argument_spec.options
    assert yaml.safe_load(text)[0]["tasks"][0][MODULE].keys() == options.keys()
    assert fragments.with_options(text, [*options]) == text
    assert fragments.with_options(text, ["text", "aws"]).count("| default(omit)") == 2


def test_the_playbook_checks_an_organization(start: Callable[..., RunningEmulator], tmp_path: Path) -> None:
    """A playbook of two lines imports it, as AWX and AAP need it; the name of a project does nothing."""
    emulator = start(groups=3)
    ask = {"vpcId": VPC, "awsAccountId": "123456789012", "routeTableCidrBlock": "10.15.0.0/16", "accepterRegionName": "us-east-1"}
    with emulator.projects[1].now() as project:
        (container,) = project.containers.of("AWS")
        project.create_peer({**ask, "containerId": container.id}, needs_container=True)
        project.describe({"name": HOSTILE})
    with emulator.projects[2].now() as project:
        project.describe({"visible": False})
    playbook = tmp_path / "check.yml"
    playbook.write_text("- name: Check\n  import_playbook: cloudpeer.atlas.check\n")
    unread = emulator.projects[2].id
    reports = [str(tmp_path / name) for name in ("peering.json", "peering.xml", "peering.html")]
    given = {"group_ids": [one.id for one in emulator.projects], "aws": False, "project_names": "", "report": reports}
    extra = json.dumps({f"peering_check_{name}": value for name, value in given.items()})
    # Variables of an inventory mean something else. One that chooses what is checked is a warning. Localhost is no host of SSH.
    inventory = tmp_path / "hosts.ini"
    inventory.write_text('localhost\n[all:vars]\nclusters=["web", "db"]\nprofile=mine\norg_id=5\n')
    options = ("-e", extra, "-i", str(inventory))
    run = PlaybookRunner(tmp_path)(playbook, emulator, *options, ANSIBLE_SHOW_CUSTOM_STATS="true", status=2)
    stats = json.loads(run.output.rpartition("CUSTOM STATS: ")[2].partition("RUN: ")[2])
    assert stats["peering_check"] == {
        "verdict": "not_reachable",
        "summary": run.result["peering_check"]["summary"],
        "projects": 3,
        "connections": 1,
        "not_reachable": 1,
        "unknown": 0,
        "findings": len(run.result["peering_check"]["findings"]),
        "failures": 1,
    }
    assert run.result["report"] == reports
    # The whole result stands in the reports, and not in the output.
    assert "not_looked_at" not in run.output
    assert run.result["msg"] in json.loads(run.output.partition("FAILED! => ")[2].partition("\n")[0])["msg"]
    report = json.loads((tmp_path / "peering.json").read_text())
    jsonschema.validate(report, json.loads((ROOT / "docs" / "check_report.schema.json").read_text()))
    assert [one["group_id"] for one in report["peering_check"]["failures"]] == [unread]
    page = (tmp_path / "peering.html").read_text()
    for name in (html.escape(HOSTILE), VPC, unread, "P101"):
        assert name in page
    assert HOSTILE not in page
    assert f"{HOSTILE} ({emulator.projects[1].id})" in [
        suite.get("name") for suite in ElementTree.parse(tmp_path / "peering.xml").getroot()
    ]
    assert len(run.warnings) == 1
    # Old releases of ansible-core wrap lines.
    assert "org_id has no effect" in " ".join(run.output.split())
