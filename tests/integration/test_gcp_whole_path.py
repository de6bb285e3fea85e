"""A connection on GCP from the container to the last trace of it: real playbooks, Atlas and GCP side by side."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import MINE
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

OURS = "cloudpeer.atlas"
CONNECTION = {"provider_name": "GCP", "gcp_project_id": MINE[0], "network_name": MINE[1]}
WAIT = {"wait": True, "wait_sleep": 1, "wait_timeout": 60}
HANDED_OVER = {
    name: f"{{{{ peering.handover.{name} }}}}"
    for name in ("gcp_project_id", "network_name", "atlas_gcp_project_id", "atlas_network_name")
}
PRESENT: list[dict[str, Any]] = [
    {
        f"{OURS}.atlas_network_container": {"provider_name": "GCP", "atlas_cidr_block": "10.8.0.0/18"},
        "register": "network_container",
    },
    {f"{OURS}.atlas_vpc_peer": {**CONNECTION, **WAIT}, "register": "peering"},
    {
        f"{OURS}.atlas_gcp_peering": {**HANDED_OVER, **WAIT},
        "register": "mirror",
        # What is handed over is for the one who has to act.
        "when": "peering.vpc_peer.status_name == 'WAITING_FOR_USER'",
    },
    {f"{OURS}.atlas_vpc_peer": {**CONNECTION, **WAIT, "wait_for": "available"}},
]
ABSENT: list[dict[str, Any]] = [
    {f"{OURS}.atlas_network_container_info": {"provider_name": "GCP"}, "register": "found"},
    {f"{OURS}.atlas_vpc_peer": {**CONNECTION, **WAIT, "state": "absent"}},
    {
        f"{OURS}.atlas_gcp_peering": {
            "gcp_project_id": MINE[0],
            "network_name": MINE[1],
            "atlas_gcp_project_id": "{{ found.containers[0].atlas_gcp_project_id }}",
            "atlas_network_name": "{{ found.containers[0].atlas_network_name }}",
            "state": "absent",
        },
        "when": "found.containers | length > 0",
    },
    {f"{OURS}.atlas_network_container": {"provider_name": "GCP", "state": "absent"}},
]


@pytest.fixture
def clouds(clouds: RunningClouds) -> RunningClouds:
    clouds.gcp.add_network(*MINE)
    clouds.gcp.add_network(MINE[0], "another-network")
    return clouds


@pytest.fixture
def atlas(start: Callable[..., RunningEmulator], clouds: RunningClouds) -> RunningEmulator:
    return start(step_seconds=0.2, clouds_url=clouds.control_url)


def play(tasks: list[dict[str, Any]]) -> str:
    return json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}])


def statuses(run: PlaybookRun) -> list[str]:
    return [one["vpc_peer"]["status_name"] for one in run.results if one.get("vpc_peer")]


@pytest.mark.full
def test_from_the_container_to_its_removal(clouds: RunningClouds, atlas: RunningEmulator, playbook: PlaybookRunner) -> None:
    variables = {**clouds.environment, "GCP_ACCESS_TOKEN": clouds.tokens.issue()["access_token"]}

    def run(tasks: list[dict[str, Any]], *options: str) -> PlaybookRun:
        done = playbook(play(tasks), atlas, *options, **variables)
        assert done.warnings == []
        return done

    made = run(PRESENT)
    assert [one["changed"] for one in made.results] == [True, True, True, False]
    assert statuses(made) == ["WAITING_FOR_USER", "AVAILABLE"]
    [peering] = clouds.gcp.peerings(*MINE)
    assert peering["state"] == "ACTIVE"
    again = run(PRESENT)
    assert (again.changed, statuses(again)) == (0, ["AVAILABLE", "AVAILABLE"])
    # Not of the container, which is still in use: a task does not know what another one would have removed.
    foretold = run(ABSENT[:3], "--check")
    assert [one["changed"] for one in foretold.results] == [False, True, True]
    gone = run(ABSENT)
    assert [one["changed"] for one in gone.results] == [False, True, True, True]
    assert run(ABSENT).changed == 0
    assert {(one["project"], one["name"], len(one["peerings"])) for one in clouds.gcp.show_all()} == {
        (*MINE, 0),
        (MINE[0], "another-network", 0),
    }
