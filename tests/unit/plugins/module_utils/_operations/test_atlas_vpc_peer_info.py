"""Reading the connections of several projects: each by itself, and one that cannot be read does not hide the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, VPC, Atlas, Done

NO_SUCH_PROJECT = "5356823b3794dee37132bbff"


@pytest.fixture
def projects(make_atlas: Callable[..., Atlas]) -> Atlas:
    """Three projects, with a connection each."""
    atlas = make_atlas(groups=3)
    for number, project in enumerate(atlas.emulator.projects):
        body = {
            "vpcId": VPC,
            "awsAccountId": ACCOUNT,
            "routeTableCidrBlock": f"10.{20 + number}.0.0/16",
            "containerId": project.first_container_id,
            "accepterRegionName": "us-east-1",
        }
        with project.now() as now:
            now.create_peer(body, needs_container=True)
    return atlas


def run(atlas: Atlas, *group_ids: str, **options: Any) -> Done:
    return atlas.run(OPERATION, **{"group_id": None, "group_ids": list(group_ids), **options})


def ids(atlas: Atlas) -> list[str]:
    return [project.id for project in atlas.emulator.projects]


def blocks(done: Done) -> dict[str, str]:
    return {peer["group_id"]: peer["route_table_cidr_block"] for peer in done.result["vpc_peers"]}


def paths(atlas: Atlas) -> list[str]:
    return [one["path"] for one in atlas.emulator.requests.entries() if one["authenticated"]]


def test_each_connection_has_its_project_in_the_given_order(projects: Atlas) -> None:
    first, second, third = ids(projects)
    done = run(projects, third, first, second)
    assert (done.failed, done.changed, done.result["failures"]) == (False, False, [])
    assert list(blocks(done).items()) == [(third, "10.22.0.0/16"), (first, "10.20.0.0/16"), (second, "10.21.0.0/16")]


def test_one_project_alone_is_read_as_before(projects: Atlas) -> None:
    done = projects.run(OPERATION)
    assert sorted(done.result) == ["api_calls", "changed", "vpc_peers"]
    assert "group_id" not in done.result["vpc_peers"][0]


def test_a_project_that_is_named_twice_is_read_once(projects: Atlas) -> None:
    first = ids(projects)[0]
    assert len(run(projects, first, first).result["vpc_peers"]) == 1
    assert len(paths(projects)) == 1


def test_a_project_that_cannot_be_read_does_not_hide_the_others(projects: Atlas) -> None:
    first, unused, third = ids(projects)
    done = run(projects, first, NO_SUCH_PROJECT, third)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "GROUP_NOT_FOUND")
    assert [word for word in ("1 of 3 projects", NO_SUCH_PROJECT, "GROUP_NOT_FOUND") if word not in done.msg] == []
    assert sorted(blocks(done)) == [first, third]
    (failure,) = done.result["failures"]
    assert (failure["group_id"], failure["http_status"], failure["error_code"]) == (NO_SUCH_PROJECT, 404, "GROUP_NOT_FOUND")
    assert sorted(failure) == ["detail", "error_code", "group_id", "http_status", "msg"]


def test_of_many_failures_the_message_has_a_few(projects: Atlas) -> None:
    unknown = [f"5356823b3794dee37132bb{number}" for number in range(10, 15)]
    done = run(projects, *unknown)
    assert [one["group_id"] for one in done.result["failures"]] == unknown
    assert (done.result["vpc_peers"], done.result["error_code"]) == ([], None)
    assert [one in done.msg for one in unknown] == [True, True, True, False, False]
    assert "2 more" in done.msg


def test_projects_are_read_side_by_side(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(groups=3, latency_ms=100)
    assert not run(atlas, *ids(atlas)).failed
    assert atlas.tcp_connections() > 1


def test_filters_hold_for_each_project(projects: Atlas) -> None:
    first, second, unused = ids(projects)
    with projects.emulator.projects[1].now() as project:
        body = {"providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": "172.20.0.0/21"}
        container = project.containers.create(body).id
        peer = {"vpcId": VPC.replace("a", "b"), "awsAccountId": ACCOUNT, "routeTableCidrBlock": CIDR, "containerId": container}
        project.create_peer({**peer, "accepterRegionName": "eu-west-1"}, needs_container=True)
    assert blocks(run(projects, first, second, container_region_name="eu-west-1")) == {second: CIDR}
    assert blocks(run(projects, first, second, container_region_name="us-east-1")) == {
        first: "10.20.0.0/16",
        second: "10.21.0.0/16",
    }
    assert blocks(run(projects, first, second, container_id=container)) == {second: CIDR}
    assert sorted(blocks(run(projects, first, second, vpc_id=VPC))) == [first, second]


def test_a_connection_is_found_by_its_id_in_whichever_project(projects: Atlas) -> None:
    peer = run(projects, *ids(projects)).result["vpc_peers"][1]
    assert run(projects, *ids(projects), peer_id=peer["id"]).result["vpc_peers"] == [peer]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group_ids": []}, ["group_ids is empty"]),
        ({"group_ids": ["x"]}, ["group_ids[0]", "'x'"]),
        ({"group_ids": [NO_SUCH_PROJECT], "group_id": NO_SUCH_PROJECT}, ["group_id and group_ids", "module_defaults"]),
    ],
)
def test_options_that_cannot_be_right_are_refused_unsent(projects: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = run(projects, **options)
    assert (done.failed, projects.wire()) == (True, [])
    assert [word for word in words if word not in done.msg] == []


def test_a_project_in_the_environment_is_replaced(projects: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = ids(projects)
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", third)
    assert sorted(blocks(run(projects, first, second))) == [first, second]
    assert len(projects.run(OPERATION, group_id=None).result["vpc_peers"]) == 1


def test_without_a_project_the_failure_names_both_options() -> None:
    message = "one of the following is required: group_id, group_ids"
    assert OPERATION.argument_spec.explain(message) == (
        f"{message}. Set group_id (or its alias project_id), or the environment variable MONGODB_ATLAS_PROJECT_ID. "
        "Set group_ids (or its alias project_ids)."
    )


def test_a_null_in_place_of_a_project_is_refused() -> None:
    params = {**dict.fromkeys(OPERATION.argument_spec.options), "api_version": "v2"}
    with pytest.raises(InvalidOptionError, match="group_id must not be null"):
        OPERATION.validate(params)


def test_a_project_that_does_not_answer_is_a_failure_of_its_own(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=403, code="USER_UNAUTHORIZED")
    done = run(atlas, atlas.emulator.settings.group_id)
    assert (done.failed, done.result["http_status"], done.result["vpc_peers"]) == (True, 403, [])
