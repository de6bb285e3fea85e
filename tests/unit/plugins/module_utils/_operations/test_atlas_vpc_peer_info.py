"""Reading the connections of a project on one cloud or on all, and of several projects, each by itself."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import (
    AZURE,
    GCP,
    NETWORK,
    SUBSCRIPTION,
    VNET,
    azure_site,
    gcp_site,
)
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page

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


def project_ids(atlas: Atlas) -> list[str]:
    return [project.id for project in atlas.emulator.projects]


def blocks(done: Done) -> dict[str, str]:
    return {peer["group_id"]: peer["route_table_cidr_block"] for peer in done.result["vpc_peers"]}


def paths(atlas: Atlas) -> list[str]:
    return [one["path"] for one in atlas.emulator.requests.entries() if one["authenticated"]]


def test_each_connection_has_its_project_in_the_given_order(projects: Atlas) -> None:
    first, second, third = project_ids(projects)
    done = run(projects, third, first, second)
    assert (done.failed, done.changed, done.result["failures"]) == (False, False, [])
    assert list(blocks(done).items()) == [(third, "10.22.0.0/16"), (first, "10.20.0.0/16"), (second, "10.21.0.0/16")]


def test_one_project_alone_is_read_as_before(projects: Atlas) -> None:
    done = projects.run(OPERATION)
    assert sorted(done.result) == ["api_calls", "changed", "declared", "requests", "vpc_peers"]
    assert "group_id" not in done.result["vpc_peers"][0]


def test_a_project_that_is_named_twice_is_read_once(projects: Atlas) -> None:
    first = project_ids(projects)[0]
    assert len(run(projects, first, first).result["vpc_peers"]) == 1
    # The list of projects has its name, and the containers say which clouds there are, and the region that Atlas leaves out.
    assert [path.rpartition("/")[2] for path in paths(projects)] == ["groups", "all", "peers"]


def test_a_project_that_cannot_be_read_does_not_hide_the_others(projects: Atlas) -> None:
    first, unused, third = project_ids(projects)
    done = run(projects, first, NO_SUCH_PROJECT, third)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "GROUP_NOT_FOUND")
    assert done.missing("1 of 3 projects", NO_SUCH_PROJECT, "GROUP_NOT_FOUND") == []
    assert sorted(blocks(done)) == [first, third]
    (failure,) = done.result["failures"]
    assert (failure["group_id"], failure["http_status"], failure["error_code"]) == (NO_SUCH_PROJECT, 404, "GROUP_NOT_FOUND")
    assert sorted(failure) == ["detail", "error_code", "group_id", "http_status", "msg", "project_name"]


def test_of_many_failures_the_message_has_a_few(projects: Atlas) -> None:
    unknown = [f"5356823b3794dee37132bb{number}" for number in range(10, 15)]
    done = run(projects, *unknown)
    assert [one["group_id"] for one in done.result["failures"]] == unknown
    assert (done.result["vpc_peers"], done.result["error_code"]) == ([], None)
    assert [one in done.msg for one in unknown] == [True, True, True, False, False]
    assert "2 more" in done.msg


@pytest.mark.usefixtures("on_sockets")
def test_projects_are_read_side_by_side(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(groups=3, latency_ms=100)
    assert not run(atlas, *project_ids(atlas)).failed
    assert atlas.tcp_connections() > 1


def test_filters_hold_for_each_project(projects: Atlas) -> None:
    first, second, unused = project_ids(projects)
    with projects.emulator.projects[1].now() as project:
        body = {"providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": "172.20.0.0/21"}
        container = project.containers.create(body).id
        peer = {"vpcId": VPC.replace("a", "b"), "awsAccountId": ACCOUNT, "routeTableCidrBlock": CIDR, "containerId": container}
        project.create_peer({**peer, "accepterRegionName": "eu-west-1"}, needs_container=True)
    assert blocks(run(projects, first, second, container_region_name="eu-west-1")) == {second: CIDR}
    expected = {first: "10.20.0.0/16", second: "10.21.0.0/16"}
    assert blocks(run(projects, first, second, container_region_name="us-east-1")) == expected
    assert blocks(run(projects, first, second, container_id=container)) == {second: CIDR}
    assert sorted(blocks(run(projects, first, second, vpc_id=VPC))) == [first, second]


def test_a_connection_is_found_by_its_id_in_whichever_project(projects: Atlas) -> None:
    peer = run(projects, *project_ids(projects)).result["vpc_peers"][1]
    assert run(projects, *project_ids(projects), peer_id=peer["id"]).result["vpc_peers"] == [peer]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"group_ids": []}, ["group_ids is empty"]),
        ({"group_ids": ["x"]}, ["group_ids[0]", "'x'"]),
        ({"group_ids": [NO_SUCH_PROJECT], "group_id": NO_SUCH_PROJECT}, ["group_id and group_ids are mutually exclusive"]),
    ],
)
def test_options_that_cannot_be_right_are_refused_unsent(projects: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = run(projects, **options)
    assert (done.failed, projects.wire()) == (True, [])
    assert done.missing(*words) == []


def test_a_project_in_the_environment_is_replaced(projects: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = project_ids(projects)
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", third)
    assert sorted(blocks(run(projects, first, second))) == [first, second]
    assert len(projects.run(OPERATION, group_id=None).result["vpc_peers"]) == 1


def test_without_a_project_the_failure_names_all_ways() -> None:
    params = {**dict.fromkeys(OPERATION.argument_spec.options), "api_version": "v2"}
    with pytest.raises(InvalidOptionError) as caught:
        OPERATION.validate(params)
    assert str(caught.value) == (
        "group_id is required. Set it (or its alias project_id) or project_name, or the environment variable "
        "MONGODB_ATLAS_PROJECT_ID, or set group_ids."
    )


def test_a_project_that_does_not_answer_is_a_failure_of_its_own(atlas: Atlas) -> None:
    atlas.fault("GET", "status", path="*/containers/*", status=403, code="USER_UNAUTHORIZED")
    done = run(atlas, atlas.emulator.settings.group_id)
    assert (done.failed, done.result["http_status"], done.result["vpc_peers"]) == (True, 403, [])


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


@pytest.mark.parametrize(
    "options", [{"provider_name": "all"}, {}, {"status_name": ["AVAILABLE", "INITIATING", "ADDING_PEER"]}], ids=str
)
def test_all_clouds_are_read_by_default_and_cost_a_request_each(
    atlas: Atlas, made: dict[str, str], options: dict[str, Any]
) -> None:
    done = read(atlas, **options)
    # And one for the region that Atlas leaves out.
    assert (ids(done), len(atlas.wire()), done.warnings) == (list(made.values()), 5, [])
    assert [one["provider_name"] for one in done.result["vpc_peers"]] == list(made)


@pytest.mark.parametrize("options", [{"api_version": "v1.0"}, {"expires_within": "8d"}, {"vpc_id": PAIR["vpc_id"]}], ids=str)
def test_what_is_for_aws_alone_reads_aws_alone(atlas: Atlas, made: dict[str, str], options: dict[str, Any]) -> None:
    done = read(atlas, **options)
    assert (done.failed, {one["provider_name"] for one in done.result["vpc_peers"]} <= {"AWS"}, done.warnings) == (
        False,
        True,
        [],
    )
    lists = [one["path"] for one in atlas.emulator.requests.entries() if one["authenticated"] and one["path"].endswith("peers")]
    assert len(lists) == 1


@pytest.mark.parametrize("cloud", ["AWS", "AZURE", "GCP"])
def test_one_cloud_costs_one(atlas: Atlas, made: dict[str, str], cloud: str) -> None:
    assert (ids(read(atlas, provider_name=cloud)), len(atlas.wire())) == ([made[cloud]], 3 if cloud == "AWS" else 2)


def test_a_list_that_is_refused_is_named_with_its_cloud(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=404, code="RESOURCE_NOT_FOUND")
    assert "list the VPC peering connections on GCP of project" in read(atlas, provider_name="GCP").msg


@pytest.mark.parametrize(("provider", "clouds"), [("AZURE", "AZURE"), ("all", "AWS or AZURE"), (None, "AWS or AZURE")])
def test_a_region_that_is_not_known_is_warned_about(atlas: Atlas, provider: str | None, clouds: str) -> None:
    (warning,) = read(atlas, container_region_name="MOON_NORTH", provider_name=provider).warnings
    assert warning.startswith(f"container_region_name 'MOON_NORTH' is not a region of {clouds} that")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"azure_subscription_id": SUBSCRIPTION}, ["AZURE"]),
        ({"azure_subscription_id": SUBSCRIPTION.upper(), "vnet_name": VNET.upper()}, ["AZURE"]),
        ({"vnet_name": "other"}, []),
        ({"gcp_project_id": GCP["gcp_project_id"]}, ["GCP"]),
        ({"network_name": NETWORK, "provider_name": "all"}, ["GCP"]),
        ({"status_name": ["AVAILABLE", "FINALIZING"]}, ["AWS", "AZURE", "GCP"]),
        ({"container_region_name": "us-east-1"}, ["AWS"]),
        ({"container_region_name": "northeurope"}, ["AZURE"]),
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
        ({"container_region_name": " "}, ["container_region_name is empty"]),
        ({"container_region_name": "northeurope", "provider_name": "AWS"}, ["is not an AWS region"]),
        ({"container_region_name": "northeurope", "api_version": "v1.0"}, ["is not an AWS region"]),
    ],
)
def test_options_that_do_not_go_together_are_named(atlas: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = read(atlas, **options)
    assert done.failed
    assert done.missing(*words) == []


def test_several_projects_are_read_with_all_clouds(atlas: Atlas, made: dict[str, str]) -> None:
    done = read(atlas, group_id=None, group_ids=[atlas.emulator.settings.group_id], provider_name="all")
    assert ids(done) == list(made.values())


def test_a_request_that_waits_has_its_time_and_its_end(atlas: Atlas) -> None:
    """The times in an ObjectId: https://www.mongodb.com/docs/manual/reference/bson-types/#objectid."""
    peer = atlas.create(wait=True)
    requested = datetime.datetime.fromtimestamp(int(peer["id"][:8], 16), datetime.timezone.utc)
    expected = [one.isoformat().replace("+00:00", "Z") for one in (requested, requested + datetime.timedelta(days=7))]
    own = atlas.run(**PEERING)
    declared = atlas.run(atlas_vpc_peers.OPERATION, peers=[PEERING])
    pruned = atlas.run(atlas_vpc_peers.OPERATION, peers=[], prune=True, allow_empty=True, max_deletions=1, check_mode=True)
    read = atlas.run(OPERATION)
    for one in (own.peer, declared.result["vpc_peers"][0], pruned.result["pruned"][0], read.result["vpc_peers"][0]):
        assert [one["requested_at"], one["expires_at"]] == expected
    assert own.peer == read.result["vpc_peers"][0] == declared.result["vpc_peers"][0]
    atlas.act("accept", peer["id"])
    atlas.clock.sleep(5)
    for one in (atlas.run(**PEERING).peer, atlas.run(OPERATION).result["vpc_peers"][0]):
        assert (one["status_name"], one["requested_at"], one["expires_at"]) == ("AVAILABLE", None, None)


@pytest.mark.parametrize("make_site", [azure_site, gcp_site])
def test_a_request_on_another_cloud_does_not_expire(atlas: Atlas, make_site: Callable[..., Any]) -> None:
    site = make_site(atlas)
    foretold = site.run(check_mode=True, wait=True).peer
    assert (foretold["requested_at"], foretold["expires_at"]) == (None, None)
    site.run(wait=True)
    (peer,) = atlas.run(OPERATION, provider_name=site.cloud).result["vpc_peers"]
    assert (peer["requested_at"] is not None, peer["expires_at"]) == (site.cloud == "GCP", None)


@pytest.mark.parametrize(
    ("span", "expected"), [("2d", {1, 2}), ("49h", {1, 2}), ("2879m", {1}), ("0d", {1}), ("7d", {1, 2, 3}), (" 47h ", {1})]
)
def test_requests_that_expire_soon_are_found(atlas: Atlas, wire: Wire, span: str, expected: set[int]) -> None:
    """One is past its end, and one that works has none."""
    peer = atlas.create(wait=True, accepter_region_name="eu-west-1")
    now = int(time.time()) - 7 * 86400
    ends = {1: -60, 2: 48 * 3600 - 20, 3: 6 * 86400, 4: 0}
    made = [{**peer, "id": f"{now + end:08x}{number:016x}", "vpcId": f"vpc-{number:08x}"} for number, end in ends.items()]
    wire.faults.append(Fault("GET", page(*made[:3], {**made[3], "statusName": "AVAILABLE"})))
    done = atlas.run(OPERATION, expires_within=span)
    assert {int(one["vpc_id"][-1]) for one in done.result["vpc_peers"]} == expected
    assert done.warnings == []


@pytest.mark.parametrize("span", ["2", "2 days", "-1d", "1.5h", "", "1w", "999999d"])
def test_a_span_of_time_is_checked(atlas: Atlas, span: str) -> None:
    done = atlas.run(OPERATION, expires_within=span)
    assert done.missing("expires_within is not a span of time", "2d for days", "36h for hours") == []
    assert atlas.wire() == []


def test_what_exists_is_a_list_that_changes_nothing(atlas: Atlas) -> None:
    """With every cloud, a region of its own, one that Atlas leaves out, and two that are not declared."""
    azure, gcp = azure_site(atlas), gcp_site(atlas)
    azure.create()
    gcp.create()
    atlas.create()
    atlas.create(vpc_id="vpc-0000000000000beef", route_table_cidr_block="10.98.0.0/16", accepter_region_name="eu-west-1")
    for number, what in ((1, "fail"), (2, "delete")):
        atlas.act(what, atlas.add_peer(vpcId=f"vpc-{number:08x}", routeTableCidrBlock=f"10.{number}.0.0/16"))
    atlas.emulator.requests.clear()
    done = atlas.run(OPERATION, provider_name="all")
    # A list a cloud, and the containers for the region of null.
    assert len(paths(atlas)) == 4
    declared = done.result["declared"]
    assert declared[0] == {**PEERING, "accepter_region_name": "us-east-1", "container_id": atlas.container_id}
    assert [one.get("accepter_region_name") for one in declared] == ["us-east-1", "eu-west-1", None, None]
    assert declared[2] == {**AZURE, "container_id": azure.container_id}
    assert declared[3] == {**GCP, "container_id": gcp.container_id}
    again = atlas.run(atlas_vpc_peers.OPERATION, peers=declared, provider_name="all", check_mode=True)
    assert (again.failed, again.changed, again.sums) == (False, False, {"unchanged": 4, "undeclared": 1})


def test_only_clouds_with_a_container_are_read(atlas: Atlas) -> None:
    """No connection is without a container: https://www.mongodb.com/docs/atlas/security-vpc-peering/."""
    atlas.create(accepter_region_name="eu-west-1")
    assert len(atlas.run(OPERATION).result["vpc_peers"]) == 1
    assert [path.rpartition("/")[2] for path in paths(atlas)] == ["all", "peers"]
    atlas.emulator.requests.clear()
    with atlas.emulator.project.now() as project:
        for peer in project.peers.of("AWS"):
            project.peers.delete(peer)
    atlas.clock.sleep(60)
    with atlas.emulator.project.now() as project:
        project.containers.delete(project.containers.get(atlas.container_id), [])
    assert atlas.run(OPERATION).result["vpc_peers"] == []
    assert [path.rpartition("/")[2] for path in paths(atlas)] == ["all"]


def test_of_a_named_cloud_containers_are_read_for_null_alone(atlas: Atlas) -> None:
    atlas.create(accepter_region_name="eu-west-1")
    done = atlas.run(OPERATION, provider_name="AWS")
    assert done.result["declared"][0]["accepter_region_name"] == "eu-west-1"
    assert {path.rpartition("/")[2] for path in paths(atlas)} == {"peers"}


def test_of_several_projects_each_has_a_list_of_its_own(projects: Atlas) -> None:
    first, second, unused = project_ids(projects)
    found = run(projects, second, NO_SUCH_PROJECT, first).result["projects"]
    shown = [(one["group_id"], [entry["route_table_cidr_block"] for entry in one["declared"]]) for one in found]
    assert shown == [(second, ["10.21.0.0/16"]), (first, ["10.20.0.0/16"])]
