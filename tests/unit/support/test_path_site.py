"""The site of the whole path: accounts, counts and faults are what the tests on it take them for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import running
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.operations import load
from ansible_collections.cloudpeer.atlas.tests.support.path_site import (
    ACCOUNTS,
    ATLAS_BLOCK,
    AUTHS,
    AUTOMATION,
    REGION,
    PathSite,
    RealClock,
    running_path,
)
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner
from botocore.config import Config


@pytest.fixture
def aws(_aws: Aws) -> Aws:
    return _aws


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    clean_environment(monkeypatch, tmp_path)
    return tmp_path


@pytest.fixture
def site(aws: Aws, folder: Path) -> Iterator[PathSite]:
    with running_path(aws, folder) as site:
        yield site


def accept(site: PathSite, entry: dict[str, Any], connection_id: str) -> Done:
    """Accept the connection of an entry, and route to Atlas."""
    given = {name.removeprefix("aws_"): value for name, value in entry.items() if name not in ("aws_account_id", "cidr_block")}
    unset = dict.fromkeys([*site.usual, "vpc_id"])
    options = {**unset, **given, "connection_id": connection_id, "dns": "ignore", "atlas_cidr_block": ATLAS_BLOCK}
    return site.run(load("atlas_vpc_peer_accepter"), **options)


@pytest.mark.parametrize("auth", AUTHS)
def test_counts_the_requests_of_each_account(site: PathSite, auth: str) -> None:
    entries = site.make_vpcs(3, accounts=2, auth=auth)
    assert [one["aws_account_id"] for one in entries] == [ACCOUNTS[0], ACCOUNTS[1], ACCOUNTS[0]]
    connections = site.request(entries)
    done = accept(site, entries[1], connections[1])
    assert not done.failed, done.msg
    assert site.connected == {entries[1]["vpc_id"]}
    assert site.to_account(ACCOUNTS[1])["CreateRoute"] == site.to_aws["CreateRoute"] == 1
    assert not site.to_account(ACCOUNTS[0])
    assert site.to_account(AUTOMATION) == ({"AssumeRole": 1} if auth == "role" else {})
    assert site.writes == ["AcceptVpcPeeringConnection", "CreateRoute"]
    assert {one.service for one in site.front.calls} <= {"ec2", "sts"}


def test_denies_and_refuses_for_one_account(site: PathSite) -> None:
    entries = site.make_vpcs(2, accounts=2, auth="keys")
    connections = site.request(entries)
    site.front.deny(ACCOUNTS[0], "Describe*")
    site.throttle("AcceptVpcPeeringConnection", 2, ACCOUNTS[1])
    before = site.state()
    assert accept(site, entries[0], connections[0]).result["error_code"] == "UnauthorizedOperation"
    assert site.state() == before
    assert not accept(site, entries[1], connections[1]).failed
    assert site.to_aws["AcceptVpcPeeringConnection"] == 3


def test_loses_a_reply_on_both_sides(site: PathSite) -> None:
    entries = site.make_vpcs(1)
    site.lose("AWS", 0, "CreateRoute")
    assert not accept(site, entries[0], site.request(entries)[0]).failed
    assert site.to_aws["CreateRoute"] == 1
    assert site.connected == {entries[0]["vpc_id"]}
    site.lose("Atlas", 0, "POST")
    fields = ("vpc_id", "aws_account_id", "cidr_block")
    peers = [{name: one[name] for name in fields} for one in entries]
    unset = {"atlas_aws_account_ids": None, "dns": None}
    assert not site.run(load("atlas_vpc_peers"), peers=peers, **unset).failed
    assert site.to_atlas == {"GET peers": 2, "GET containers": 1, "POST peers": 1}
    assert site.challenges == 1


def test_takes_so_many_requests_a_second(site: PathSite) -> None:
    entries = site.make_vpcs(1, auth="keys")
    site.front.limits["DescribeVpcs"] = (1, 1)
    once = Config(retries={"total_max_attempts": 1})
    keys = site.accounts[ACCOUNTS[0]].keys
    far = boto3.client("ec2", region_name=REGION, endpoint_url=site.front.url, config=once, **keys)
    far.describe_vpcs()
    with pytest.raises(far.exceptions.ClientError, match="RequestLimitExceeded"):
        far.describe_vpcs()
    site.clock.sleep(1)
    assert entries[0]["vpc_id"] in {one["VpcId"] for one in far.describe_vpcs()["Vpcs"]}


def test_all_clouds_may_be_far_away(aws: Aws, folder: Path) -> None:
    unset = {"atlas_aws_account_ids": None, "dns": None}
    with running() as clouds, running_path(aws, folder, clouds=clouds, clock=RealClock(), round_trip=0.05) as site:
        (network,) = site.make_networks(1)
        (vnet,) = site.make_vnets(1)
        started = time.monotonic()
        assert not site.run(load("atlas_network_container_info"), **unset).failed
        assert time.monotonic() - started >= 0.15
        fields = {name: network[name] for name in ("gcp_project_id", "network_name")}
        foreign = {
            "atlas_gcp_project_id": "p-abcdefghijklmnopqrstuvwx",
            "atlas_network_name": "nt-5356823b3794dee37132bb7b-abcdefgh",
        }
        other = dict.fromkeys(site.usual)
        assert not site.run(load("atlas_gcp_peering"), **other, **fields, **foreign, check_mode=True).failed
        assert site.to_gcp["GET network-0"] == 1
        named = {name: vnet[name] for name in ("azure_directory_id", "vnet_resource_id")}
        assert not site.run(load("atlas_azure_role"), **other, **named).failed
        assert site.to_azure["PUT roleAssignments"] == 1
        assert "PUT roleAssignments" in site.writes


@pytest.mark.full
def test_a_playbook_runs_on_the_same_clouds(aws: Aws, folder: Path) -> None:
    with running_path(aws, folder, clock=RealClock(), step_seconds=0) as site:
        entries = site.make_vpcs(2, accounts=2, auth="profile")
        done = site.play(PlaybookRunner(folder), connections=entries)
        assert done.result["summary"]["changed"] == 2, done.output
        assert site.connected == {one["vpc_id"] for one in entries}
        assert site.to_atlas["POST peers"] == 2
        assert not site.play(PlaybookRunner(folder), connections=entries).result["changed"]
