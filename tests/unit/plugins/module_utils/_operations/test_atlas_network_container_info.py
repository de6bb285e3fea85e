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
        ({}, ["aws", "aws2"], "containers"),
        ({"provider_name": "AWS"}, ["aws", "aws2"], "containers"),
        ({"provider_name": "AZURE"}, ["azure"], "all"),
        ({"provider_name": "GCP"}, ["gcp"], "all"),
        ({"provider_name": "all"}, ["aws", "azure", "gcp", "aws2"], "all"),
        ({"region_name": "us-east-2"}, ["aws2"], "containers"),
        ({"provider_name": "AZURE", "region_name": "eastus2"}, ["azure"], "all"),
        ({"provider_name": "AZURE", "region_name": "US_EAST_2"}, ["azure"], "all"),
        ({"provider_name": "AZURE", "region_name": "westeurope"}, [], "all"),
        ({"provider_name": "all", "region_name": "eastus2"}, ["azure"], "all"),
        ({"provider_name": "all", "region_name": "us-east-2"}, ["azure", "aws2"], "all"),
        ({"provider_name": "all", "region_name": "us-east-1"}, ["aws"], "all"),
        ({"region_name": "eu-west-1"}, [], "containers"),
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


@pytest.mark.parametrize("provider", ["AZURE", "GCP", "all"])
def test_one_is_read_by_its_id_on_its_cloud(atlas: Atlas, made: dict[str, str], provider: str) -> None:
    for name in ("azure", "gcp", "aws"):
        found = ids(run(atlas, provider_name=provider, container_id=made[name]))
        assert found == ([made[name]] if provider in ("all", name.upper()) else [])
    assert ids(run(atlas, provider_name=provider, container_id="0" * 24)) == []


def test_an_id_of_another_cloud_is_refused_with_the_cloud(atlas: Atlas, made: dict[str, str]) -> None:
    done = run(atlas, container_id=made["gcp"])
    assert ids(done) == []
    (warning,) = done.warnings
    assert [word for word in (made["gcp"], "us-east4", "GCP", "provider_name") if word not in warning] == []
    assert run(atlas, container_id=made["aws"]).warnings == []
    assert run(atlas, container_id="0" * 24).warnings == []


def test_an_empty_list_says_that_other_clouds_were_not_asked(atlas: Atlas) -> None:
    with atlas.emulator.project.now() as project:
        project.containers.delete(project.containers.get(atlas.container_id), [])
    done = run(atlas)
    assert ids(done) == []
    (warning,) = done.warnings
    assert "only AWS was read, and nothing was found there. Set it to the clouds that you mean, or to all, which 3.0.0" in warning
    assert atlas.emulator.settings.group_id not in warning
    # Whoever has chosen knows what was asked, and with v1.0 there is no choice.
    for options in ({"provider_name": "AWS"}, {"provider_name": "all"}, {"region_name": "us-east-1"}, {"api_version": "v1.0"}):
        done = run(atlas, **options)
        assert (ids(done), done.warnings) == ([], [])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"provider_name": "GCP", "region_name": "us-east4"}, ["region_name is for AWS and AZURE, and provider_name is GCP"]),
        ({"provider_name": "all", "region_name": " "}, ["region_name is empty"]),
        ({"provider_name": "AZURE", "region_name": ""}, ["region_name is empty"]),
        ({"region_name": "northeurope"}, ["is a region of AZURE", "provider_name: AZURE"]),
        ({"region_name": "nowhere"}, ["is not an AWS region"]),
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


def test_a_region_that_is_not_known_is_warned_about(atlas: Atlas) -> None:
    done = run(atlas, provider_name="AZURE", region_name="MOON_NORTH")
    assert ids(done) == []
    assert [warning.partition(" that ")[0] for warning in done.warnings] == ["region_name 'MOON_NORTH' is not a region of AZURE"]
