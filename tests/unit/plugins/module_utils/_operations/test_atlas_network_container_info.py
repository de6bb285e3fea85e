"""Which network containers are returned, of which clouds, and what is said of those that were not asked for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done

AZURE = {"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": "10.8.0.0/21"}
GCP = {"providerName": "GCP", "regions": ["US_EAST_4"], "atlasCidrBlock": "10.8.0.0/24"}
SECOND = {"providerName": "AWS", "regionName": "US_EAST_2", "atlasCidrBlock": "10.9.0.0/21"}


def run(atlas: Atlas, **options: Any) -> Done:
    return atlas.run(OPERATION, **options)


def ids(done: Done) -> list[str]:
    assert not done.failed, done.msg
    return [one["id"] for one in done.result["containers"]]


@pytest.fixture
def made(atlas: Atlas) -> dict[str, str]:
    """Return the ids of containers on all clouds."""
    with atlas.emulator.project.now() as project:
        rest = {name: project.containers.create(body).id for name, body in (("azure", AZURE), ("gcp", GCP), ("aws2", SECOND))}
    return {"aws": atlas.container_id, **rest}


@pytest.mark.parametrize(
    ("options", "found", "path"),
    [
        ({}, ["aws", "azure", "gcp", "aws2"], "all"),
        ({"api_version": "v1.0"}, ["aws", "aws2"], "containers"),
        ({"provider_name": "AWS"}, ["aws", "aws2"], "containers"),
        ({"provider_name": "AZURE"}, ["azure"], "all"),
        ({"provider_name": "GCP"}, ["gcp"], "all"),
        ({"provider_name": "all"}, ["aws", "azure", "gcp", "aws2"], "all"),
        ({"region_name": "us-east-2"}, ["azure", "aws2"], "all"),
        ({"region_name": "northeurope"}, [], "all"),
        ({"region_name": "us-east-2", "provider_name": "AWS"}, ["aws2"], "containers"),
        ({"region_name": "us-east-2", "api_version": "v1.0"}, ["aws2"], "containers"),
        ({"provider_name": "AZURE", "region_name": "eastus2"}, ["azure"], "all"),
        ({"provider_name": "AZURE", "region_name": "US_EAST_2"}, ["azure"], "all"),
        ({"provider_name": "AZURE", "region_name": "westeurope"}, [], "all"),
        ({"provider_name": "all", "region_name": "eastus2"}, ["azure"], "all"),
        ({"provider_name": "all", "region_name": "us-east-2"}, ["azure", "aws2"], "all"),
        ({"provider_name": "all", "region_name": "us-east-1"}, ["aws"], "all"),
        ({"region_name": "eu-west-1"}, [], "all"),
    ],
    ids=str,
)
def test_they_are_selected_by_cloud_and_region_with_one_request(
    atlas: Atlas, made: dict[str, str], options: dict[str, Any], found: list[str], path: str
) -> None:
    done = run(atlas, **options)
    assert (ids(done), done.warnings) == ([made[name] for name in found], [])
    answered = [entry["path"].rpartition("/")[2] for entry in atlas.emulator.requests.entries() if entry["status"] == 200]
    assert answered == [path]


@pytest.mark.parametrize("provider", ["AWS", "AZURE", "GCP", "all", None])
def test_one_is_read_by_its_id_on_its_cloud(atlas: Atlas, made: dict[str, str], provider: str | None) -> None:
    for name in ("azure", "gcp", "aws"):
        done = run(atlas, provider_name=provider, container_id=made[name])
        assert (ids(done), done.warnings) == ([made[name]] if provider in ("all", None, name.upper()) else [], [])
    assert ids(run(atlas, provider_name=provider, container_id="0" * 24)) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"provider_name": "GCP", "region_name": "us-east4"}, ["region_name is for AWS and AZURE, and provider_name is GCP"]),
        ({"provider_name": "all", "region_name": " "}, ["region_name is empty"]),
        ({"provider_name": "AZURE", "region_name": ""}, ["region_name is empty"]),
        ({"region_name": " "}, ["region_name is empty"]),
        ({"region_name": "northeurope", "provider_name": "AWS"}, ["is not an AWS region"]),
        ({"region_name": "northeurope", "api_version": "v1.0"}, ["is not an AWS region"]),
        *(
            ({"provider_name": name, "api_version": "v1.0"}, [f"api_version must be v2 with provider_name {name}"])
            for name in ("AZURE", "GCP", "all")
        ),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_refused(atlas: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = run(atlas, **options)
    assert done.failed
    assert done.missing(*words) == []
    assert atlas.wire() == []


@pytest.mark.parametrize(("provider", "clouds"), [("AZURE", "AZURE"), ("all", "AWS or AZURE"), (None, "AWS or AZURE")])
def test_a_region_that_is_not_known_is_warned_about(atlas: Atlas, provider: str | None, clouds: str) -> None:
    done = run(atlas, provider_name=provider, region_name="MOON_NORTH")
    assert ids(done) == []
    assert [warning.partition(" that ")[0] for warning in done.warnings] == [
        f"region_name 'MOON_NORTH' is not a region of {clouds}"
    ]
