# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role end to end, on an AWS of its own: from nothing, again, from every half-done point, and back."""

from __future__ import annotations

import configparser
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.role_site import ATLAS_BLOCK, BLOCK, COLLECTIONS, Site
from ansible_collections.cloudpeer.atlas.tests.integration.runner import ROOT, PlaybookRun, PlaybookRunner
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.aws import Aws, running_aws

pytestmark = pytest.mark.skipif(
    not (COLLECTIONS / "ansible_collections" / "amazon" / "aws").is_dir(),
    reason="amazon.aws is not installed beside this Python (scripts/amazon_aws.py)",
)
# Of amazon.aws, with a core that is older or newer than it was made for.
FOREIGN_WARNINGS = ("amazon.aws", "Deprecation warnings can be disabled", "ansible.module_utils._text")


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Aws]:
    with running_aws() as aws:
        yield aws


@pytest.fixture
def make_site(aws_server: Aws, start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> Iterator[Callable[..., Site]]:
    emulator = start(step_seconds=0.1, aws_endpoint_url=aws_server.url)
    yield lambda **wanted: Site(emulator, aws_server.account(), playbook, **wanted)
    emulator.reset()
    aws_server.reset()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


def result(run: PlaybookRun) -> dict[str, Any]:
    """Return the fact that the role returns."""
    (record,) = [one for one in run.records if one["task"] == "Result"]
    return dict(record["result"]["vpc_peering_result"])


def message(run: PlaybookRun) -> str:
    """Return what the last failed task said."""
    return str([one for one in run.records if one["verdict"] in ("failed", "item failed")][-1]["result"]["msg"])


def changes(run: PlaybookRun) -> Counter[str]:
    """Return what has changed something, by the names of the role's tasks."""
    return Counter(
        one["task"].partition(" : ")[2] for one in run.records if one["verdict"] == "ok" and one["result"].get("changed")
    )


def test_from_nothing_and_again(site: Site) -> None:
    first = site.run()
    connection = site.assert_connected()
    assert first.changed > 0
    assert [warning for warning in first.warnings if not any(words in warning for words in FOREIGN_WARNINGS)] == []
    returned = result(first)
    assert returned["container"]["atlas_cidr_block"] == ATLAS_BLOCK
    (peering,) = returned["connections"]
    assert (peering["connection_id"], peering["vpc_peer"]["status_name"]) == (connection, "AVAILABLE")
    assert len(peering["route_table_ids"]) == 1
    assert [entry["cidr_block"] for entry in peering["access_list"]] == [BLOCK]

    # Each module comes out the same in both ways; here the role does.
    for options, way in ((), "module"), (("--check",), "in process"):
        again = site.run(*options, way=way)
        assert (again.changed, site.writes) == (0, [])
        assert result(again)["connections"] == returned["connections"]
    assert site.assert_connected() == connection


def test_check_mode_on_nothing_says_what_cannot_be_foreseen(site: Site) -> None:
    run = site.run("--check")
    assert site.writes == []
    assert run.changed > 0
    assert "cannot be foreseen" in run.output
    assert (site.atlas, site.aws, site.access_list) == ({}, {}, [])
    run = site.run("--check", container_region="eu-central-1")
    assert site.writes == []
    assert "The network container would be created first" in run.output


def test_in_two_regions_and_with_a_container_of_its_own(make_site: Callable[..., Site]) -> None:
    site = make_site(region="eu-west-1")
    run = site.run(container_region="eu-central-1", container_cidr_block="192.168.232.0/21")
    (connection,) = site.atlas
    assert site.aws == {connection: "active"}
    assert site.routes == {"192.168.232.0/21": connection}
    assert result(run)["connections"][0]["region"] == "eu-west-1"
    assert site.run(container_region="EU_CENTRAL_1", container_cidr_block="192.168.232.0/21").changed == 0


def test_from_every_half_done_point(make_site: Callable[..., Site]) -> None:
    requested, accepted, without_route, without_entry = (make_site(block=f"10.{number}.0.0/16") for number in range(15, 19))
    requested.request()
    accepted.accept()
    without_route.accept()
    without_route.allow()
    without_entry.route(without_entry.accept())
    others = [site.connection for site in (accepted, without_route, without_entry)]

    missing = {"Accept the connection in AWS": 1, "Route to Atlas": 3, "Let the VPC connect": 3}
    foreseen = requested.run("--check", more_connections=others)
    assert (changes(foreseen), requested.writes) == (missing, [])
    assert changes(requested.run(more_connections=others)) == missing
    for site in (requested, accepted, without_route, without_entry):
        site.assert_connected()


def test_what_was_connected_by_hand_is_taken_as_it_is(site: Site) -> None:
    connection = site.connect()
    assert (site.run().changed, site.writes) == (0, [])
    assert site.assert_connected() == connection


def test_without_the_aws_half_it_ends_with_what_that_half_needs(site: Site) -> None:
    run = site.run(aws=False, connection={"region": None})
    (connection,) = site.aws
    returned = result(run)
    assert returned["connections"][0]["connection_id"] == connection
    told = [line for line in run.output.splitlines() if "Accept " in line]
    assert all(part in told[0] for part in (connection, site.account.id, "us-east-1", ATLAS_BLOCK, site.vpc_id))
    assert site.aws[connection] == "pending-acceptance"

    other_team = site.run(
        atlas=False,
        container_cidr_block=returned["container"]["atlas_cidr_block"],
        connection={"connection_id": connection},
    )
    assert other_team.changed > 0
    assert site.emulator.requests.entries() == []
    assert site.run(aws=False).changed == 0
    site.assert_connected()


def test_without_amazon_aws_the_role_says_how_to_install_it(site: Site) -> None:
    run = site.run(status=2, without_amazon_aws=True)
    assert "ansible-galaxy collection install amazon.aws" in message(run)
    assert "vpc_peering_aws to false" in message(run)
    assert site.emulator.requests.entries() == []
    assert site.run(aws=False, without_amazon_aws=True).changed > 0


def test_without_the_atlas_half_it_says_what_it_needs(site: Site) -> None:
    run = site.run(status=2, atlas=False)
    assert "connection_id" in message(run)
    assert "vpc_peering_container_cidr_block" in message(run)


def test_rejected_in_aws_and_healed(site: Site) -> None:
    connection = site.request()
    site.account.ec2().reject_vpc_peering_connection(VpcPeeringConnectionId=connection)
    run = site.run(status=2)
    assert "REJECTED" in message(run)
    assert "recreate" in message(run)
    site.run(recreate="dead")
    assert site.assert_connected() != connection


def test_an_expired_request_is_explained(site: Site) -> None:
    site.request()
    (peer,) = site.emulator.project.list_peers()
    requests.post(f"{site.emulator.base_url}/emulator/peers/{peer['id']}/expire", timeout=10).raise_for_status()
    run = site.run(status=2)
    assert "EXPIRED" in message(run)
    assert "7 days" in message(run)


def test_another_block_is_changed_in_place(site: Site) -> None:
    connection = site.connect()
    foreseen = site.run("--check", connection={"cidr_block": "10.15.128.0/17"})
    assert (foreseen.changed > 0, site.writes) == (True, [])
    site.run(connection={"cidr_block": "10.15.128.0/17"})
    assert site.atlas == {connection: "AVAILABLE"}
    assert site.writes == ["PATCH", "POST"]
    assert site.access_list == [BLOCK, "10.15.128.0/17"]


@pytest.mark.parametrize("half", ["both", "aws off"])
def test_absent_undoes_it(site: Site, half: str) -> None:
    site.connect()
    ec2, table = site.account.ec2(), site.table
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=site.vpc_id)
    ec2.create_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    before = site.table["Routes"]
    options = {"state": "absent", "aws": half == "both"}

    foreseen = site.run("--check", **options)
    assert (foreseen.changed > 0, site.writes) == (True, [])
    assert site.table["Routes"] == before
    assert site.run(**options).changed > 0
    assert (site.atlas, site.access_list) == ({}, [])
    if half == "both":
        assert site.table["Routes"] == [route for route in before if "VpcPeeringConnectionId" not in route]
    else:
        assert site.table["Routes"] == before
    assert set(site.aws.values()) <= {"deleted"}
    assert site.run(**options).changed == 0


def test_absent_removes_the_container_if_it_is_told_to(site: Site) -> None:
    site.request()
    assert result(site.run(state="absent", remove_container=True, aws=False))["container"] is None
    with site.emulator.project.now() as project:
        assert list(project.containers) == []


def test_routes_go_into_the_tables_that_are_named(site: Site) -> None:
    ec2 = site.account.ec2()
    tables = [ec2.create_route_table(VpcId=site.vpc_id)["RouteTable"]["RouteTableId"] for unused in range(3)]
    ec2.create_tags(Resources=tables[1:], Tags=[{"Key": "Tier", "Value": "application"}])
    by_id = result(site.run(connection={"route_table_ids": tables[:1]}))["connections"][0]["route_table_ids"]
    assert by_id == tables[:1]
    by_tag = result(site.run(connection={"route_table_tags": {"Tier": "application"}}))["connections"][0]["route_table_ids"]
    assert sorted(by_tag) == sorted(tables[1:])
    run = site.run(status=2, connection={"route_table_ids": ["rtb-00000000000000000"]})
    assert "rtb-00000000000000000" in message(run)


@pytest.mark.parametrize(
    ("connection", "variables", "words"),
    [
        ({"aws_account_id": "999999999999"}, {}, ["aws_account_id 999999999999, the owner of vpc-", "aws_profile"]),
        ({"region": "eu-west-1"}, {}, ["INVALID_ARGUMENT", "accepter_region_name"]),
        ({"cidr_block": "192.168.250.0/24"}, {}, ["192.168.250.0/24", ATLAS_BLOCK, "overlaps"]),
        ({"cidr_block": "10.15.0.1/16"}, {}, ["10.15.0.0/16", "host bits"]),
        ({}, {"container_cidr_block": "192.168.0.0/16"}, ["atlas_cidr_block", "/21"]),
        ({}, {"state": "there"}, ["vpc_peering_state"]),
    ],
    ids=["account", "region", "overlap", "host bits", "container", "argument"],
)
def test_a_mistake_is_told_with_what_to_change(
    site: Site, connection: dict[str, str], variables: dict[str, str], words: list[str]
) -> None:
    run = site.run(status=2, connection=connection, **variables)
    assert [word for word in words if word not in message(run)] == []
    assert "AVAILABLE" not in site.atlas.values()


def test_a_container_in_another_region_is_named(site: Site) -> None:
    site.connect()
    run = site.run(status=2, container_region="eu-west-1")
    assert "container_id is" in message(run)
    site.assert_connected()


def test_several_vpcs_in_one_run_one_of_another_account_with_a_security_group(
    site: Site, aws_server: Aws, tmp_path: Path
) -> None:
    owner = aws_server.account("444455556666")
    profiles = configparser.ConfigParser()
    profiles.read_dict({"default": site.account.keys, "reporting": owner.keys})
    with (tmp_path / "credentials").open("w") as file:
        profiles.write(file)
    site.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "credentials")
    for name in site.account.keys:
        del site.environment[name.upper()]
    vpc_id = owner.make_vpc("10.16.0.0/16")
    group = owner.ec2().create_security_group(GroupName="app", Description="app", VpcId=vpc_id)["GroupId"]
    second = {"vpc_id": vpc_id, "aws_account_id": owner.id, "cidr_block": "10.16.0.0/16"}
    second |= {"aws_profile": "reporting", "aws_security_group": group}

    run = site.run(more_connections=[second])
    assert [one["vpc_peer"]["status_name"] for one in result(run)["connections"]] == ["AVAILABLE", "AVAILABLE"]
    accounts = (site.account, site.vpc_id), (owner, vpc_id)
    for account, vpc in accounts:
        assert set(account.connections().values()) == {"active"}
        assert set(account.routes(vpc)) == {ATLAS_BLOCK}
    assert sorted(site.access_list) == [BLOCK, group]
    assert site.run(more_connections=[second]).changed == 0
    site.run(state="absent", more_connections=[second])
    assert (site.emulator.project.list_peers(), site.access_list) == ([], [])
    for account, vpc in accounts:
        assert set(account.connections().values()) == {"deleted"}
        assert account.routes(vpc) == {}


def test_the_examples_connect_and_disconnect(site: Site) -> None:
    site.account.ec2().create_tags(Resources=[site.vpc_id], Tags=[{"Key": "Name", "Value": "application"}])
    examples = ROOT / "docs" / "examples"
    assert site.play(examples / "whole_path.yml").changed > 0
    site.assert_connected()
    assert site.play(examples / "disconnect.yml").changed > 0
    assert (site.atlas, site.routes, site.access_list) == ({}, {}, [])
