"""The check at the end of the role on AZURE and GCP: what was built is reachable by design, and what is missing has its code."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.test_role_azure import AzureSite, needs_azure
from ansible_collections.cloudpeer.atlas.tests.support.role_clouds import ENTRY, CloudSite
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

pytestmark = pytest.mark.full


def checked(run: PlaybookRun) -> list[dict[str, Any]]:
    """Return what the checks of the role have returned."""
    found = [one for one in run.records if one["action"].endswith("atlas_vpc_peer_check") and "peering_check" in one["result"]]
    return [one["result"]["peering_check"] for one in found]


def codes(connection: dict[str, Any], *severities: str) -> set[str]:
    return {one["code"] for one in connection["checks"] if one["severity"] in severities}


def test_what_the_role_builds_on_gcp_is_reachable_by_design(
    playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds
) -> None:
    run = CloudSite(playbook, cloud_atlas, clouds)
    foreseen = run("--check", verify=True)
    assert checked(foreseen) == []
    first = run(verify=True, status=2)
    (connection,) = checked(first)[0]["connections"]
    # The role makes no clusters.
    assert codes(connection, "fail", "unknown") == {"P201"}
    run.put_cluster("shop", "GCP", "CENTRAL_US")
    again = run("--check", verify="yes")
    (connection,) = checked(again)[0]["connections"]
    assert (connection["verdict"], connection["cluster_names"]) == ("reachable_by_design", ["shop"])
    assert codes(connection, "fail", "unknown", "warn") == set()
    assert (again.changed, run.writes) == (0, [])
    # What another team does is not read.
    assert checked(run(verify=True, gcp=False))[0]["verdict"] == "unknown"
    ranges = [{**ENTRY, "cidr_blocks": ["10.40.0.0/14"]}]
    assert checked(run(verify=True, connections=ranges))[0]["verdict"] == "reachable_by_design"


@needs_azure
def test_what_the_role_builds_on_azure_is_reachable_by_design(
    playbook: PlaybookRunner, cloud_atlas: RunningEmulator, clouds: RunningClouds
) -> None:
    run = AzureSite(playbook, cloud_atlas, clouds)
    run.put_cluster("shop", "AZURE", "EUROPE_WEST")
    with cloud_atlas.project.now() as project:
        block = next(iter(project.containers.of("AZURE"))).block
    first = run(verify=True, container_cidr_block=str(block))
    (connection,) = checked(first)[0]["connections"]
    assert (connection["verdict"], connection["cluster_names"]) == ("reachable_by_design", ["shop"])
    assert codes(connection, "fail", "unknown", "warn", "skipped") == set()
    subscription, group, name = (connection[field] for field in ("azure_subscription_id", "resource_group_name", "vnet_name"))
    (peering,) = clouds.azure.list_peerings(subscription, group, name)["value"]
    clouds.azure.set_peering(subscription, group, name, peering["name"], peeringState="Disconnected")
    broken = run("--check", verify=True, container_cidr_block=str(block), status=2)
    (connection,) = checked(broken)[0]["connections"]
    assert codes(connection, "fail") <= {"A401", "P102"}
    assert codes(connection, "fail")
