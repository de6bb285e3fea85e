"""Reading the connections of one cloud, or of all."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import PAIR, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import (
    AZURE,
    GCP,
    NETWORK,
    SUBSCRIPTION,
    VNET,
    azure_site,
    gcp_site,
)


@pytest.fixture
def made(atlas: Atlas) -> dict[str, str]:
    """The ids of three connections, by their clouds."""
    aws = str(atlas.create()["id"])
    return {"AWS": aws, "AZURE": azure_site(atlas).create(), "GCP": gcp_site(atlas).create()}


def read(atlas: Atlas, **options: Any) -> Done:
    atlas.emulator.requests.clear()
    return atlas.run(OPERATION, **options)


def ids(done: Done) -> list[str]:
    assert not done.failed, done.result
    return [one["id"] for one in done.result["vpc_peers"]]


def test_all_clouds_cost_a_request_each(atlas: Atlas, made: dict[str, str]) -> None:
    done = read(atlas, provider_name="all")
    assert (ids(done), len(atlas.wire()), done.warnings) == (list(made.values()), 4, [])
    assert [one["provider_name"] for one in done.result["vpc_peers"]] == list(made)


@pytest.mark.parametrize("cloud", ["AWS", "AZURE", "GCP"])
def test_one_cloud_costs_one(atlas: Atlas, made: dict[str, str], cloud: str) -> None:
    done = read(atlas, provider_name=cloud)
    assert (ids(done), len(atlas.wire())) == ([made[cloud]], 2)


def test_a_list_that_is_refused_is_named_with_its_cloud(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=404, code="RESOURCE_NOT_FOUND")
    assert "list the VPC peering connections on GCP of project" in read(atlas, provider_name="GCP").msg


def test_aws_alone_is_asked_if_nobody_chooses(atlas: Atlas, made: dict[str, str]) -> None:
    done = read(atlas)
    assert (ids(done), len(atlas.wire()), done.warnings) == ([made["AWS"]], 2, [])


def test_a_region_of_azure_needs_its_cloud(atlas: Atlas, made: dict[str, str]) -> None:
    refused = read(atlas, container_region_name="northeurope")
    assert "is a region of AZURE" in refused.msg
    assert "Set provider_name: AZURE." in refused.msg
    assert ids(read(atlas, container_region_name="northeurope", provider_name="all")) == [made["AZURE"]]


def test_an_empty_list_says_that_other_clouds_were_not_asked(atlas: Atlas) -> None:
    azure_site(atlas).create()
    (warning,) = read(atlas).warnings
    assert "no VPC peering connections on AWS; AZURE and GCP were not asked. Set provider_name" in warning
    (warning,) = read(atlas, group_id=None, group_ids=[atlas.emulator.settings.group_id]).warnings
    assert warning.startswith("The projects have no VPC peering connections on AWS")
    (warning,) = read(atlas, status_name=["WAITING_FOR_USER"]).warnings
    assert "no VPC peering connections on AWS in these states; AZURE and GCP were not asked" in warning
    for options in (
        {"provider_name": "AWS"},
        {"provider_name": "all", "status_name": ["FAILED"]},
        {"status_name": ["FAILED"]},
        {"status_name": ["FAILED", "WAITING_FOR_USER"]},
        {"status_name": []},
        {"vpc_id": PAIR["vpc_id"]},
        {"container_id": atlas.container_id},
        {"api_version": "v1.0"},
    ):
        done = read(atlas, **options)
        assert (ids(done), done.warnings) == ([], [])


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"azure_subscription_id": SUBSCRIPTION}, ["AZURE"]),
        ({"azure_subscription_id": SUBSCRIPTION.upper(), "vnet_name": VNET.upper()}, ["AZURE"]),
        ({"vnet_name": "other"}, []),
        ({"gcp_project_id": GCP["gcp_project_id"]}, ["GCP"]),
        ({"network_name": NETWORK, "provider_name": "all"}, ["GCP"]),
        ({"vpc_id": PAIR["vpc_id"], "provider_name": "all"}, ["AWS"]),
        ({"status_name": ["AVAILABLE", "FINALIZING"], "provider_name": "all"}, ["AWS", "AZURE", "GCP"]),
        ({"status_name": ["FAILED", "WAITING_FOR_USER", "DELETION_FAILED"], "provider_name": "all"}, []),
        ({"container_region_name": "northeurope", "provider_name": "AZURE"}, ["AZURE"]),
        ({"container_region_name": "EUROPE_NORTH", "vnet_name": VNET}, ["AZURE"]),
        ({"container_region_name": "us-east-1", "provider_name": "all"}, ["AWS"]),
        ({"container_region_name": "northeurope", "provider_name": "all"}, ["AZURE"]),
        ({"container_region_name": "westeurope", "provider_name": "AZURE"}, []),
    ],
)
def test_filters_choose_the_cloud(atlas: Atlas, made: dict[str, str], options: dict[str, Any], found: list[str]) -> None:
    assert ids(read(atlas, **options)) == [made[cloud] for cloud in found]


@pytest.mark.parametrize("cloud", ["AWS", "AZURE", "GCP"])
def test_an_id_tells_its_cloud(atlas: Atlas, made: dict[str, str], cloud: str) -> None:
    assert ids(read(atlas, peer_id=made[cloud])) == [made[cloud]]
    assert ids(read(atlas, peer_id=made[cloud], provider_name="all")) == [made[cloud]]
    other = "GCP" if cloud == "AWS" else "AWS"
    assert ids(read(atlas, peer_id=made[cloud], provider_name=other)) == []
    fields = {"AWS": PAIR, "AZURE": AZURE, "GCP": GCP}[cloud]
    assert set(fields) <= set(read(atlas, peer_id=made[cloud]).result["vpc_peers"][0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vnet_name": VNET, "network_name": NETWORK}, ["vnet_name is for AZURE", "network_name is for GCP"]),
        ({"vnet_name": VNET, "provider_name": "GCP"}, ["vnet_name is for AZURE", "provider_name is GCP"]),
        ({"provider_name": "all", "api_version": "v1.0"}, ["api_version must be v2 with provider_name all"]),
        ({"provider_name": "GCP", "container_region_name": "x"}, ["container_region_name is for AWS and AZURE"]),
        ({"provider_name": "all", "container_region_name": " "}, ["container_region_name is empty"]),
    ],
)
def test_options_that_do_not_go_together_are_named(atlas: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = read(atlas, **options)
    assert done.failed
    assert [word for word in words if word not in done.msg] == []


def test_several_projects_are_read_with_all_clouds(atlas: Atlas, made: dict[str, str]) -> None:
    done = read(atlas, group_id=None, group_ids=[atlas.emulator.settings.group_id], provider_name="all")
    assert ids(done) == list(made.values())
