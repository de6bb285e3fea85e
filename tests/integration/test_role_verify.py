"""The check at the end of the role: what was built is reachable by design, and what is missing has its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.test_role_azure import BLOCK, AzureSite
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_clouds import CLIENTS, ENTRY, NETWORK, PROJECT, CloudSite
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc, lines, message, result
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

CHECK = "Check that nothing keeps the VPCs from reaching Atlas"

pytestmark = pytest.mark.full


@pytest.fixture
def site(run: RoleRunner, make_site: Callable[..., Vpc]) -> Vpc:
    """Return a VPC with two subnets, one of which has a route table of its own; the project has a cluster."""
    with run.emulator.project.now() as project:
        project.put_cluster({"name": "shop", "regions": [{"region_name": "US_EAST_1"}]})
    site = make_site()
    for number in (1, 2):
        subnet = site.ec2.create_subnet(VpcId=site.vpc_id, CidrBlock=f"10.15.{number}.0/24")["Subnet"]["SubnetId"]
    table = site.ec2.create_route_table(VpcId=site.vpc_id)["RouteTable"]["RouteTableId"]
    site.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    return site


def checks_of(done: PlaybookRun) -> list[dict[str, Any]]:
    """Return what the checks of the role have returned."""
    found = [one["result"] for one in done.records if one["action"].endswith("atlas_vpc_peer_check")]
    return [one["peering_check"] for one in found if "peering_check" in one]


def checked(done: PlaybookRun) -> dict[str, Any]:
    """Return what the last of them has returned."""
    return checks_of(done)[-1]


def codes(connection: dict[str, Any], *severities: str) -> set[str]:
    """Return the codes of the findings of these severities."""
    return {one["code"] for one in connection["checks"] if one["severity"] in severities}


@pytest.mark.parametrize("some_tables", [False, True], ids=["all tables", "one table"])
def test_what_the_role_has_built_is_reachable_by_design(run: RoleRunner, aws_front: Front, site: Vpc, some_tables: bool) -> None:
    connection = site.connection
    if some_tables:
        found = site.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [site.vpc_id]}])["RouteTables"]
        (table,) = [one["RouteTableId"] for one in found if not any(each["Main"] for each in one["Associations"])]
        connection = {**connection, "route_table_ids": [table]}
    foreseen = run("--check", connections=[connection], dns="enable", verify=True)
    assert not [one for one in foreseen.records if one["action"].endswith("atlas_vpc_peer_check") and one["verdict"] != "skipped"]

    first = run(connections=[connection], dns="enable", verify=True)
    assert lines(first)[-1] == CHECK
    (found,) = checked(first)["connections"]
    assert (found["verdict"], found["cluster_names"]) == ("reachable_by_design", ["shop"])
    assert codes(found, "fail", "unknown") == set()
    assert len(found["subnets"]) == (1 if some_tables else 2)

    aws_front.forget()
    again = run("--check", connections=[connection], dns="enable", verify="yes")
    assert (again.changed, run.writes, aws_front.writes) == (0, [], [])
    assert checked(again)["verdict"] == "reachable_by_design"


def test_the_role_fails_for_what_it_does_not_manage(run: RoleRunner, site: Vpc) -> None:
    site.close_mongodb()
    done = run(connections=[site.connection], dns="enable", verify=True, status=2)
    (found,) = checked(done)["connections"]
    assert codes(found, "fail") == {"P701"}
    site.assert_connected()
    assert "P701" in message(done)
    never = run(connections=[site.connection], dns="enable", verify=True, verify_fail_on="never")
    assert (checked(never)["verdict"], result(never)["changed"]) == ("not_reachable", False)


def test_every_half_done_point_has_its_codes(run: RoleRunner, make_site: Callable[..., Vpc], site: Vpc) -> None:
    requested, accepted, without_route, without_entry = sites = [
        make_site(block=f"10.{number}.0.0/16") for number in range(16, 20)
    ]
    for one in sites:
        one.ec2.create_subnet(VpcId=one.vpc_id, CidrBlock=one.block.replace(".0.0/16", ".1.0/24"))
        one.ec2.modify_vpc_attribute(VpcId=one.vpc_id, EnableDnsHostnames={"Value": True})
    requested.request()
    accepted.accept()
    without_route.accept()
    without_route.allow()
    without_entry.route(VpcPeeringConnectionId=without_entry.accept())
    task = {
        "cloudpeer.atlas.atlas_vpc_peer_check": {
            "connections": [one.connection for one in (site, *sites)],
            "container_region": "us-east-1",
            "fail_on": "never",
        }
    }
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [task]}
    done = run.playbook(yaml.safe_dump([play]))
    found = [codes(one, "fail") for one in checked(done)["connections"]]
    assert [one - {"P501"} for one in found] == [{"P101", "P301"}, {"P101", "P301", "P601"}, {"P301", "P601"}, {"P601"}, {"P301"}]
    example = run.playbook(ROOT / "docs" / "examples" / "check.yml")
    assert (run.writes, example.changed) == ([], 0)
    assert [codes(one, "fail") - {"P501"} for one in checked(example)["connections"]] == [one - {"P501"} for one in found[1:]]


def test_what_the_role_builds_on_gcp_is_reachable_by_design(
    playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds
) -> None:
    run = CloudSite(playbook, cloud_atlas, clouds)
    clouds.gcp.add_subnet(PROJECT, NETWORK, "apps", "us-central1", CLIENTS, {"pods": "10.40.0.0/14"})
    foreseen = run("--check", verify=True)
    assert checks_of(foreseen) == []
    first = run(verify=True, status=2)
    (connection,) = checked(first)["connections"]
    # The role makes no clusters.
    assert codes(connection, "fail", "unknown") == {"P201"}
    run.put_cluster("shop", "GCP", "CENTRAL_US")
    again = run("--check", verify="yes")
    (connection,) = checked(again)["connections"]
    assert (connection["verdict"], connection["cluster_names"]) == ("reachable_by_design", ["shop"])
    assert codes(connection, "fail", "unknown", "warn") == set()
    assert (again.changed, run.writes) == (0, [])
    # What another team does is not read.
    assert checked(run(verify=True, gcp=False))["verdict"] == "unknown"
    ranges = [{**ENTRY, "cidr_blocks": ["10.40.0.0/14"]}]
    assert checked(run(verify=True, connections=ranges))["verdict"] == "reachable_by_design"


def test_what_the_role_builds_on_azure_is_reachable_by_design(
    playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds
) -> None:
    run = AzureSite(playbook, cloud_atlas, clouds)
    clouds.azure.add_subnet(*VNET, "apps", [BLOCK])
    run.put_cluster("shop", "AZURE", "EUROPE_WEST")
    with cloud_atlas.project.now() as project:
        block = next(iter(project.containers.of("AZURE"))).block
    first = run(verify=True, container_cidr_block=str(block))
    (connection,) = checked(first)["connections"]
    assert (connection["verdict"], connection["cluster_names"]) == ("reachable_by_design", ["shop"])
    assert codes(connection, "fail", "unknown", "warn") == set()
    subscription, group, name = (connection[field] for field in ("azure_subscription_id", "resource_group_name", "vnet_name"))
    (peering,) = clouds.azure.list_peerings(subscription, group, name)["value"]
    clouds.azure.set_peering(subscription, group, name, peering["name"], peeringState="Disconnected")
    broken = run("--check", verify=True, container_cidr_block=str(block), status=2)
    (connection,) = checked(broken)["connections"]
    assert codes(connection, "fail") <= {"A401", "P102"}
    assert codes(connection, "fail")
