"""Reading projects: which of them the options select, what is said of them, and by how many requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_project_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done

#: A canary.
HOSTILE = "{{ 7 * 7 }} <b onload=x>\x1b[31m"
PROJECTS = (
    ("shop-prod", {"env": "prod", "team": "shop"}),
    ("shop-dev", {"env": "dev", "team": "shop"}),
    (HOSTILE, {"env": "prod", HOSTILE: HOSTILE}),
    ("empty", {}),
)
UNKNOWN = "5356823b3794dee37132bbff"


@pytest.fixture
def site(make_atlas: Callable[..., Atlas]) -> Atlas:
    """Four projects in two organizations."""
    atlas = make_atlas(groups=4, orgs=2)
    for project, (name, tags) in zip(atlas.emulator.projects, PROJECTS):
        project.name, project.tags = name, dict(tags)
    return atlas


def run(atlas: Atlas, **options: Any) -> Done:
    atlas.emulator.requests.clear()
    return atlas.run(OPERATION, **{"group_id": None, **options})


def names(done: Done) -> list[str]:
    assert not done.failed, done.msg
    return [one["name"] for one in done.result["projects"]]


def test_all_is_said_of_all_projects(site: Atlas) -> None:
    """The fields are those of Group and of AtlasOrganization in the API's description."""
    done = run(site)
    assert names(done) == [name for name, _tags in PROJECTS]
    projects, orgs = site.emulator.projects, site.emulator.organizations
    assert done.result["projects"][2] == {
        "id": projects[2].id,
        "name": HOSTILE,
        "org_id": orgs[0].id,
        "org_name": orgs[0].name,
        "created": projects[2].created,
        "cluster_count": 0,
        "tags": {"env": "prod", HOSTILE: HOSTILE},
        "region_usage_restrictions": None,
    }
    assert [one["org_name"] for one in done.result["projects"]] == [orgs[0].name, orgs[1].name] * 2
    assert (done.changed, done.warnings) == (False, [])


NARROWED: list[tuple[dict[str, Any], list[int]]] = [
    ({"project_names": ["shop-*"]}, [0, 1]),
    ({"project_names": ["empty", "shop-?ev"]}, [1, 3]),
    ({"group_ids": [3, 0]}, [3, 0]),
    ({"org_id": 1}, [1, 3]),
    ({"tags": {"env": "prod"}}, [0, 2]),
    ({"tags": {"env": "prod", "team": "shop"}}, [0]),
    ({"tags": {"env": "PROD"}}, []),
    ({"tags": {"env": "p*"}}, []),
    ({"tags": {}}, [0, 1, 2, 3]),
    ({"org_id": 1, "project_names": ["*"], "group_ids": [3, 1], "tags": {"team": "shop"}}, [1]),
]


def test_options_narrow_each_other(site: Atlas) -> None:
    ids = [one.id for one in site.emulator.projects]
    for options, found in NARROWED:
        given = dict(options)
        if "group_ids" in given:
            given["group_ids"] = [ids[one] for one in given["group_ids"]]
        if "org_id" in given:
            given["org_id"] = site.emulator.settings.org_ids[given["org_id"]]
        assert names(run(site, **given)) == [PROJECTS[one][0] for one in found], options


def test_two_hundred_projects_cost_three_requests(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(groups=200, orgs=3)
    done = run(atlas)
    assert len(names(done)) == 200
    # The challenge, the projects and the organizations.
    assert [one["path"].rpartition("/")[2].partition("?")[0] for one in atlas.emulator.requests.entries()] == [
        "groups",
        "groups",
        "orgs",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_ids": [UNKNOWN]}, f"group_ids[0]: the credentials can see no project {UNKNOWN}."),
        ({"project_names": ["shop-*", "shp-dev"]}, "project_names[1]: 'shp-dev' fits no project that the credentials can see."),
        ({"org_id": UNKNOWN}, f"org_id: the credentials can see no project in organization {UNKNOWN}."),
    ],
)
def test_what_fits_nothing_is_a_failure_that_names_it(site: Atlas, options: dict[str, Any], message: str) -> None:
    done = run(site, **options)
    assert done.msg.startswith(message)
    assert site.sent("GET") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_id": UNKNOWN}, "group_id is for modules that are about one project. Set group_ids."),
        ({"project_name": "x"}, "project_name is for modules that are about one project. Set project_names."),
        ({"project_names": []}, "project_names is empty."),
        ({"org_id": "x"}, "org_id is malformed: 'x'."),
        ({"tags": {"env": True}}, "tags.env is not a text: True. Put the value in quotes."),
        ({"tags": {"env": ["a"]}}, "tags.env is not a text: ['a']."),
        # Project of go-client-mongodb-atlas, the client of that version, has none.
        ({"tags": {"env": "prod"}, "api_version": "v1.0"}, "api_version must be v2 for tags."),
    ],
)
def test_options_that_cannot_be_right_are_refused(options: dict[str, Any], message: str) -> None:
    checked = ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate(options)
    with pytest.raises(InvalidOptionError) as caught:
        OPERATION.validate(checked.validated_parameters)
    assert str(caught.value).startswith(message)


def test_the_project_of_the_environment_does_not_count(site: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", "not even an id")
    assert len(names(run(site))) == 4


def test_credentials_that_see_little_get_little(site: Atlas) -> None:
    for project in site.emulator.projects[1:]:
        project.visible = False
    site.emulator.organizations.clear()
    (project,) = run(site).result["projects"]
    assert (project["name"], project["org_name"]) == ("shop-prod", None)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("*/groups*", 503, "Failed to list the projects that the credentials can see: "),
        ("*/orgs*", 403, "Failed to list the organizations that the credentials can see: "),
        ("*/orgs*", 401, "Check public_key and private_key"),
    ],
)
def test_what_cannot_be_read_is_a_failure(site: Atlas, path: str, status: int, words: str) -> None:
    site.fault("GET", "status", path=path, times=None, status=status)
    done = run(site)
    assert (done.result["http_status"], words in done.msg, "projects" in done.result) == (status, True, False)
