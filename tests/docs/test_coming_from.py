"""Coming from Terraform, and going back: the line that makes a list of a state, and the playbook that writes import blocks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_access_list, atlas_peering, atlas_vpc_peers
from ansible_collections.cloudpeer.atlas.tests.emulator.azure import Rule
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner

GUIDE = (ROOT / "docs" / "guides" / "coming_from.md").read_text(encoding="utf-8")
GROUP = "5356823b3794dee37132bb7b"
CONTAINERS = {"AWS": "6b0d0fcf32e31084f8c78ba7", "AZURE": "6b0d0fcf32e31084f8c78ba6", "GCP": "6b0d0fcf32e31084f8c78ba5"}
APP = {
    "aws_account_id": "123456789012",
    "vpc_id": "vpc-0a1b2c3d4e5f67890",
    "accepter_region_name": "eu-west-1",
    "route_table_cidr_block": "10.15.0.0/16",
    "container_id": CONTAINERS["AWS"],
}
BATCH = {
    "aws_account_id": "210987654321",
    "vpc_id": "vpc-0fedcba9876543210",
    "accepter_region_name": "us-east-1",
    "route_table_cidr_block": "10.16.0.0/16",
    "container_id": CONTAINERS["AWS"],
}
NETWORK = {"container_id": CONTAINERS["GCP"], "gcp_project_id": "my-sample-project", "network_name": "apps"}
VNET = {
    "container_id": CONTAINERS["AZURE"],
    "azure_directory_id": "e0af2c1d-3b4a-4c5d-8e6f-7a8b9c0d1e2f",
    "azure_subscription_id": "11111111-2222-3333-4444-555555555555",
    "resource_group_name": "rg-apps",
    "vnet_name": "vnet-apps",
}


def part(title: str) -> str:
    """Return a part of the guide."""
    return GUIDE.partition(f"### {title}\n")[2].partition("\n#")[0]


def resource(type_: str, name: str, **values: Any) -> dict[str, Any]:
    return {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name, "values": values}


def listed(*more: dict[str, Any], condition: str = "") -> Any:
    """Return what the line of the guide makes of the state, and of more resources in a module of it.

    Args:
        condition: What is added to the choice of the resources of Atlas.
    """
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    (line,) = re.findall(r"^terraform show -json \| jq '([^']*)' > ", part("From a state to a list"), re.MULTILINE)
    state = json.loads(Path(__file__).with_name("terraform").joinpath("show.json").read_text(encoding="utf-8"))
    state["values"]["root_module"]["child_modules"] = [{"address": "module.aws", "resources": [*more]}]
    line = re.sub(r'select\(\.type == "mongodbatlas_\w+"', rf"\g<0>{condition}", line)
    done = subprocess.run(["jq", line], input=json.dumps(state), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_state_becomes_a_list() -> None:
    """The state is what OpenTofu 1.12.6 shows with Atlas's provider 2.16.0; what it does not set are empty texts."""
    found = listed()
    assert found["connections"] == [APP, BATCH, NETWORK, VNET]
    assert [one["comment"] for one in found["entries"]] == ["Batch", "Office", "VPC app"]


def test_the_tables_of_routes_of_a_connection_are_in_the_list() -> None:
    """Those of other routes are not: a route to a gateway has an empty connection, and so have connections on GCP and AZURE."""
    tables = {"rtb-0b": "pcx-9de5423bf3c778ab9", "rtb-0a": "pcx-9de5423bf3c778ab9", "rtb-0c": ""}
    routes = [
        # As the documentation of the provider for AWS has them.
        resource("aws_route", name, route_table_id=name, destination_cidr_block="10.8.0.0/21", vpc_peering_connection_id=peering)
        for name, peering in tables.items()
    ]
    found = listed(*routes, routes[0])
    assert found["connections"] == [{**APP, "route_table_ids": ["rtb-0a", "rtb-0b"]}, BATCH, NETWORK, VNET]


def test_the_list_of_one_of_several_projects() -> None:
    """Another project of the state has an entry and a connection of its own."""
    other = {"project_id": "5356823b3794dee37132bb7c"}
    more = (
        resource("mongodbatlas_network_peering", "other", **APP, **other, connection_id=""),
        resource("mongodbatlas_project_ip_access_list", "other", cidr_block="10.17.0.0/16", **other),
    )
    (condition,) = re.findall(r'`select\(\.type == "mongodbatlas_network_peering"( and [^`]*"…")\)`', GUIDE)
    assert listed(*more, condition=condition.replace("…", GROUP)) == listed()
    assert len(listed(*more)["entries"]) == len(listed()["entries"]) + 1


@pytest.mark.parametrize(
    ("operation", "option", "made", "more"),
    [
        (atlas_peering.OPERATION, "connections", "connections", {}),
        (atlas_vpc_peers.OPERATION, "peers", "connections", {"provider_name": "all"}),
        (atlas_access_list.OPERATION, "entries", "entries", {}),
    ],
    ids=["atlas_peering", "atlas_vpc_peers", "atlas_access_list"],
)
def test_modules_take_the_list(operation: Any, option: str, made: str, more: dict[str, Any]) -> None:
    found = listed()[made]
    # Also with the empty texts that the state has for what is not set.
    for entries in (found, [{**dict.fromkeys({name for one in found for name in one}, ""), **one} for one in found]):
        given = {"group_id": GROUP, option: entries, **more}
        checked = ArgumentSpecValidator(**operation.argument_spec.to_kwargs()).validate(given)
        assert checked.error_messages == []
        params, warnings = operation.validate(checked.validated_parameters)
        assert (len(params[option]), warnings) == (len(found), [])


@pytest.mark.full
def test_the_playbook_writes_what_terraform_imports(tmp_path: Path) -> None:
    """All that the project has, on three clouds, but for a connection with which no plan of Terraform works."""
    (playbook,) = re.findall(r"```yaml\n(.*?)```", part("Going back"), re.DOTALL)
    with running(Settings()) as emulator:
        with emulator.project.now() as project:
            project.outside.roles.put(None, Rule(given=True, seconds=0.0))
            # As the API has them.
            on_gcp = project.containers.create({"providerName": "GCP", "atlasCidrBlock": "10.128.0.0/18"}).id
            vnet_place = {"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": "10.9.0.0/21"}
            on_azure, on_aws = project.containers.create(vnet_place).id, project.first_container_id
            vpc = {"accepterRegionName": "us-east-1", "awsAccountId": "123456789012", "containerId": on_aws}
            names = ("azureDirectoryId", "azureSubscriptionId", "resourceGroupName", "vnetName")
            bodies = (
                {**vpc, "vpcId": "vpc-0a1b2c3d4e5f67890", "routeTableCidrBlock": "10.15.0.0/16"},
                {**vpc, "vpcId": "vpc-0fedcba9876543210", "routeTableCidrBlock": "10.16.0.0/16"},
                {"providerName": "GCP", "gcpProjectId": "my-sample-project", "networkName": "apps", "containerId": on_gcp},
                {"providerName": "AZURE", **dict(zip(names, [*VNET.values()][1:])), "containerId": on_azure},
            )
            app, expired, network, vnet = (project.create_peer(body, needs_container=True) for body in bodies)
            assert project.peers.fail(expired, "EXPIRED", only_waiting=False)
            subjects = ({"ipAddress": "203.0.113.7"}, {"cidrBlock": "10.15.0.0/16"}, {"awsSecurityGroup": "sg-0a1b2c3d4e5f67890"})
            project.add_access(subjects)
        PlaybookRunner(tmp_path)(playbook, emulator)
    text = (tmp_path / "imports.tf").read_text(encoding="utf-8")
    found = re.findall(r'import \{\n  to = mongodbatlas_([a-z_]+)\.[a-z_0-9]+\n  id = "([^"]*)"\n\}\n', text)
    assert len(found) == text.count("import")
    assert len({*re.findall(r" to = (.*)", text)}) == len(found)
    assert set(found) == {
        *(("network_container", f"{GROUP}-{one}") for one in (on_aws, on_azure, on_gcp)),
        *(("network_peering", f"{GROUP}-{one.id}-{cloud}") for one, cloud in ((app, "AWS"), (network, "GCP"), (vnet, "AZURE"))),
        *(("project_ip_access_list", f"{GROUP}-{one}") for one in ("203.0.113.7/32", "10.15.0.0/16", "sg-0a1b2c3d4e5f67890")),
        ("custom_dns_configuration_cluster_aws", GROUP),
    }
