"""Reading many projects in one task: which ones, by how many requests, and what becomes of those that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import (
    atlas_access_list_info,
    atlas_cluster_info,
    atlas_network_container_info,
    atlas_vpc_peer_info,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.clusters import Clusters, to_result
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, VPC, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page

NO_SUCH_PROJECT = "5356823b3794dee37132bbff"
#: A canary that is a project's name: a template, markup and a control character.
HOSTILE = "{{ 7 * 7 }} <b onload=x>\x1b[31m/Ä 5356823b3794dee37132bb7b"
MODULES = {
    "access_list": atlas_access_list_info.OPERATION,
    "clusters": atlas_cluster_info.OPERATION,
    "containers": atlas_network_container_info.OPERATION,
    "vpc_peers": atlas_vpc_peer_info.OPERATION,
}
all_modules = pytest.mark.parametrize("noun", MODULES)


@pytest.fixture
def site(make_atlas: Callable[..., Atlas]) -> Atlas:
    """Four projects: the first two have a connection, an entry of the access list and a cluster each, the last has nothing."""
    atlas = make_atlas(groups=4)
    for project, name in zip(atlas.emulator.projects, ("shop-prod", "shop-dev", HOSTILE, "empty")):
        project.name = name
    for number, project in enumerate(atlas.emulator.projects[:2]):
        with project.now() as now:
            place = {"containerId": project.first_container_id, "accepterRegionName": "us-east-1"}
            block = {"routeTableCidrBlock": f"10.{20 + number}.0.0/16"}
            now.create_peer({"vpcId": VPC, "awsAccountId": ACCOUNT, **block, **place}, needs_container=True)
            now.add_access([{"cidrBlock": f"10.{20 + number}.0.0/16"}])
            now.put_cluster({"name": "main", "regions": [{"region_name": "US_EAST_1"}]})
    with atlas.emulator.projects[3].now() as now:
        now.containers.delete(now.containers.get(now.first_container_id), [])
    return atlas


def run(atlas: Atlas, noun: str, **options: Any) -> Done:
    atlas.emulator.requests.clear()
    return atlas.run(MODULES[noun], **{"group_id": None, **options})


def ids(atlas: Atlas) -> list[str]:
    return [project.id for project in atlas.emulator.projects]


@all_modules
def test_all_projects_of_an_organization_are_read(site: Atlas, noun: str) -> None:
    done = run(site, noun, org_id=site.emulator.settings.org_ids[0])
    assert not done.failed, done.msg
    result, (first, second, hostile) = done.result, ids(site)[:3]
    has_container = noun == "containers"
    expected = [(first, "shop-prod"), (second, "shop-dev")] + ([(hostile, HOSTILE)] if has_container else [])
    assert [(one["group_id"], one["project_name"]) for one in result[noun]] == expected
    assert [(one["id"], one["group_id"], one["name"]) for one in result["projects"]] == list(
        zip(ids(site), ids(site), ("shop-prod", "shop-dev", HOSTILE, "empty"))
    )
    assert [one["count"] for one in result["projects"]] == [1, 1, int(has_container), 0]
    states = {"clusters": "IDLE", "containers": "provisioned", "vpc_peers": "INITIATING"}.get(noun)
    assert result["projects"][0]["states"] == ({states: 1} if states else {})
    assert result["projects"][3]["states"] == {}
    assert (result["failures"], done.warnings, done.changed) == ([], [], False)
    assert [one["declared"] for one in result["projects"]][2:] == [[], []] if noun == "vpc_peers" else "declared" not in result


@pytest.mark.usefixtures("on_sockets")
@all_modules
def test_a_project_costs_a_request_where_no_more_is_needed(make_atlas: Callable[..., Atlas], noun: str) -> None:
    """The challenge, the list of projects, and for connections the containers and a list for each cloud that has one."""
    atlas = make_atlas(groups=20)
    for project in atlas.emulator.projects[10:]:
        with project.now() as now:
            now.containers.delete(now.containers.get(now.first_container_id), [])
    assert not run(atlas, noun, project_names=["*"]).failed
    with_container, without = 10, 10
    cost = {"access_list": 20, "clusters": 40, "containers": 20, "vpc_peers": 2 * with_container + without}[noun]
    assert atlas.sent("GET") == 1 + cost
    assert len(atlas.wire()) - atlas.sent("GET") <= 8
    # Eight at a time.
    assert 1 < atlas.tcp_connections() <= 8


CHOSEN: list[tuple[dict[str, Any], list[int]]] = [
    ({"project_names": ["shop-*"]}, [0, 1]),
    ({"project_names": ["empty", "shop-de?", "shop-dev"]}, [1, 3]),
    ({"project_names": [HOSTILE]}, [2]),
    ({"group_ids": [3, 0]}, [3, 0]),
    ({"group_ids": [1, 1]}, [1]),
    ({"group_ids": [3, 1, 0], "project_names": ["shop-*"]}, [1, 0]),
]


def test_options_choose_projects(site: Atlas) -> None:
    known = ids(site)
    for options, found in CHOSEN:
        given = {name: [known[one] if isinstance(one, int) else one for one in values] for name, values in options.items()}
        done = run(site, "containers", **given)
        assert [one["id"] for one in done.result["projects"]] == [known[one] for one in found]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"project_names": ["shop-*", "shpo-prod"]},
            "project_names[1]: 'shpo-prod' fits no project that the credentials can see. Perhaps it is 'shop-prod' or 'shop-dev",
        ),
        (
            {"project_names": ["zzz*"]},
            "project_names[0]: 'zzz*' fits no project that the credentials can see. They can see 4 projects; atlas_project_info",
        ),
        ({"org_id": NO_SUCH_PROJECT}, f"org_id: the credentials can see no project in organization {NO_SUCH_PROJECT}."),
        (
            {"group_ids": [NO_SUCH_PROJECT], "project_names": ["*"]},
            f"group_ids[0]: the credentials can see no project {NO_SUCH_PROJECT}.",
        ),
        ({"group_ids": ["5356823b3794dee37132bb7b"], "project_names": ["empty"]}, "No project of group_ids has a name that fits"),
    ],
)
def test_what_fits_nothing_is_refused_before_a_project_is_read(site: Atlas, options: dict[str, Any], message: str) -> None:
    done = run(site, "access_list", **options)
    assert done.msg.startswith(message)
    assert (site.sent("GET"), done.result["error_code"]) == (1, None)
    assert "projects" not in done.result


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_ids": []}, "group_ids is empty"),
        ({"project_names": []}, "project_names is empty"),
        ({"project_names": ["a", ""]}, "project_names[1] is empty"),
        ({"group_ids": ["x"]}, "group_ids[0] is malformed: 'x'"),
        ({"org_id": "x"}, "org_id is malformed: 'x'"),
        (
            {"group_ids": [NO_SUCH_PROJECT], "group_id": NO_SUCH_PROJECT},
            "group_id and group_ids are mutually exclusive. Leave one",
        ),
        ({"org_id": NO_SUCH_PROJECT, "project_name": "x"}, "project_name and org_id are mutually exclusive."),
        ({"project_name": "x", "group_id": NO_SUCH_PROJECT}, "group_id and project_name are mutually exclusive."),
        (
            {"project_name": "x", "group_id": NO_SUCH_PROJECT, "org_id": NO_SUCH_PROJECT},
            "group_id and project_name are mutually exclusive.",
        ),
        ({"project_name": " "}, "project_name is empty."),
        ({}, "group_id is required. Set it (or its alias project_id) or project_name, or the environment variable "),
    ],
)
def test_options_that_cannot_be_right_are_refused(options: dict[str, Any], message: str) -> None:
    checked = ArgumentSpecValidator(**MODULES["vpc_peers"].argument_spec.to_kwargs()).validate(options)
    with pytest.raises(InvalidOptionError) as caught:
        MODULES["vpc_peers"].validate(checked.validated_parameters)
    assert str(caught.value).startswith(message)


@all_modules
@pytest.mark.parametrize("status", [403, 503])
def test_a_project_that_is_unread_fails_the_task_at_the_end(site: Atlas, noun: str, status: int) -> None:
    first, hostile = ids(site)[0], ids(site)[2]
    site.fault("GET", "status", times=None, path=f"*/groups/{hostile}/*", status=status, code="USER_UNAUTHORIZED")
    done = run(site, noun, group_ids=[hostile, first])
    assert (done.failed, done.result["http_status"]) == (True, status)
    assert done.msg.startswith("1 of 2 projects could not be read. Failed to list ")
    (failure,) = done.result["failures"]
    assert (failure["group_id"], failure["project_name"], failure["http_status"]) == (hostile, HOSTILE, status)
    assert [one["id"] for one in done.result["projects"]] == [first]
    assert {one["group_id"] for one in done.result[noun]} == {first}


@all_modules
def test_an_id_that_the_key_cannot_see_is_a_failure_of_its_own(site: Atlas, noun: str) -> None:
    done = run(site, noun, group_ids=[NO_SUCH_PROJECT, ids(site)[0]])
    (failure,) = done.result["failures"]
    assert (failure["group_id"], failure["project_name"]) == (NO_SUCH_PROJECT, None)
    assert failure["error_code"] in ("GROUP_NOT_FOUND", "NOT_IN_GROUP", "USER_UNAUTHORIZED")
    assert [one["count"] for one in done.result["projects"]] == [1]


@all_modules
def test_a_project_of_others_is_a_failure_of_its_own(site: Atlas, noun: str) -> None:
    """Atlas refuses it like a wrong key, with 401."""
    site.emulator.projects[1].visible = False
    done = run(site, noun, group_ids=ids(site))
    (failure,) = done.result["failures"]
    assert (failure["group_id"], failure["project_name"], failure["error_code"]) == (ids(site)[1], None, "NOT_IN_GROUP")
    assert [one["name"] for one in done.result["projects"]] == ["shop-prod", HOSTILE, "empty"]
    # By names, it is not even chosen.
    assert [one["name"] for one in run(site, noun, project_names=["*"]).result["projects"]] == ["shop-prod", HOSTILE, "empty"]


def test_an_atlas_that_is_away_is_not_asked_for_each(make_atlas: Callable[..., Atlas]) -> None:
    """With 200 projects, the time-outs of all requests would take an hour."""
    atlas = make_atlas(groups=60)
    atlas.fault("GET", "status", times=None, path="*/containers/*", skip=10, status=503)
    done = run(atlas, "containers", project_names=["*"], retries=0)
    failures = done.result["failures"]
    assert (len(done.result["projects"]), len(failures)) == (10, 50)
    assert "Atlas has not answered 8 requests in a row" in failures[-1]["msg"]
    # The list, those that were answered, eight in a row, and those that were on their way, before and afterwards.
    assert atlas.sent("GET") <= 1 + 10 + 8 + 7 + 7


def test_warnings_name_their_project(site: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [to_result({"id": "1", "name": "main", "stateName": "IDLE"}, "read it")]
    monkeypatch.setattr(Clusters, "list_clusters", lambda self: found)
    done = run(site, "clusters", project_names=[HOSTILE], region_name="US_EAST_1")
    # A control character would reach the terminal.
    name = HOSTILE.replace("\x1b", "\\x1b")
    assert done.warnings == [
        f"Project {name}: Atlas does not report the regions of cluster main, so provider_name and region_name leave it out."
    ]


@pytest.mark.parametrize("options", [{"api_version": "v1.0"}, {"envelope": True}], ids=str)
def test_other_forms_of_the_api_have_projects_too(site: Atlas, options: dict[str, Any]) -> None:
    done = run(site, "vpc_peers", project_names=["shop-*"], **options)
    assert not done.failed, done.msg
    assert [one["states"] for one in done.result["projects"]] == [{"INITIATING": 1}] * 2


def test_a_rate_limit_slows_all_of_them_down(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(groups=30)
    atlas.fault("GET", "status", times=5, path="*/clusters*", status=429, code="RATE_LIMITED")
    done = run(atlas, "clusters", project_names=["*"])
    assert (done.failed, len(done.result["projects"])) == (False, 30)


def test_a_list_of_projects_that_is_none_of_atlas_is_a_failure(atlas: Atlas, wire: Wire) -> None:
    wire.faults.append(Fault("GET", page({"id": "1" * 24})))
    done = atlas.run(MODULES["containers"], group_id=None, project_names=["*"])
    assert done.msg.startswith(
        "Failed to list the projects that the credentials can see: the reply has a project without a name."
    )
