"""atlas_vpc_peer_check on AZURE and GCP in real playbooks, both ways of running: what people see, and what nobody may see."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import GCP_BLOCK, GCP_PROJECT, NETWORK, VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.check_site import CloudsSite
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner

MODULE = "cloudpeer.atlas.atlas_vpc_peer_check"
ENTRIES = [{"vnet_resource_id": VNET_ID}, {"gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_block": GCP_BLOCK}]


@pytest.fixture
def site(start: Callable[..., RunningEmulator], clouds: RunningClouds) -> CloudsSite:
    return CloudsSite(start(step_seconds=0.01, clouds_url=clouds.control_url), clouds)


def play(site: CloudsSite, **options: Any) -> str:
    """Return a playbook that checks both networks."""
    given = {"connections": ENTRIES, "vnet_peerings": site.vnet_peerings, "virtual_networks": site.virtual_networks, **options}
    return json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [{MODULE: given}]}])


@pytest.mark.parametrize("way", [way if way == "module" else pytest.param(way, marks=pytest.mark.full) for way in WAYS])
def test_both_networks_are_checked_and_shown(site: CloudsSite, playbook: PlaybookRunner, tmp_path: Path, way: str) -> None:
    report = tmp_path / "peering.html"
    key = site.clouds.tokens.service_account_key()
    variables = {**site.clouds.environment, "GCP_SERVICE_ACCOUNT_CONTENTS": json.dumps(key)}
    run = playbook(play(site, report=str(report)), site.emulator, "-vvvvv", way=way, **variables)
    assert run.result["peering_check"]["verdict"] == "reachable_by_design"
    assert f"reachable by design: VNet {VNET} (" in run.output
    assert f"reachable by design: VPC network {NETWORK} ({GCP_PROJECT}) by " in run.output
    page = report.read_text(encoding="utf-8")
    assert f">VNet {VNET}<" in page
    assert 'aria-label="Atlas and the VPC network: reachable by design"' in page
    assert '<th scope="col">network</th>' in page
    text = run.output + json.dumps(run.records) + page
    issued = [one["token"] for one in site.clouds.tokens.issued]
    for secret in (*issued, key["private_key"][60:100], key["private_key_id"]):
        assert secret not in text


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_a_mirror_on_the_wrong_network_is_told(site: CloudsSite, playbook: PlaybookRunner, way: str) -> None:
    site.remove_mirror()
    site.add_mirror("default")
    run = playbook(play(site), site.emulator, way=way, status=2, **site.clouds.environment, GCP_ACCESS_TOKEN=site.token)
    assert f"G402 The peering with Atlas's network is made on default; the connection names {NETWORK}." in run.result["msg"]
    assert site.token not in run.output + json.dumps(run.records)


@pytest.mark.full
def test_without_google_auth_it_says_what_is_missing(site: CloudsSite, playbook: PlaybookRunner, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text('import sys\nsys.modules["google.auth"] = None\n')
    run = playbook(play(site), site.emulator, way=None, status=2, PYTHONPATH=str(tmp_path), GCP_ACCESS_TOKEN=site.token)
    assert run.result["msg"].startswith("The Python package google-auth is missing on the host that this task runs on")
    # What does not read GCP needs none.
    run = playbook(play(site, gcp=False), site.emulator, way=None, PYTHONPATH=str(tmp_path))
    assert run.result["peering_check"]["verdict"] == "unknown"
