"""A project by its name: in every module that talks to Atlas, found in one list, and said precisely where it is not found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container_info import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, PAIR, PEERING, VPC, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.operations import ATLAS_MODULES, load
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page

#: Names that a path cannot take, that look like an id, a template or a pattern, and a canary.
NAMES = ("shop/prod", "Köln öst 1", "{{ 7 * 7 }}", "5356823b3794dee37132bb7b", "shop*", " shop ", "<b onload=x>\x1b[31m")
ENTRY = {"vpc_id": VPC, "aws_account_id": ACCOUNT, "cidr_block": "10.15.0.0/16"}
#: What a task of each module needs beside its project.
OPTIONS: dict[str, dict[str, Any]] = {
    "atlas_access_list": {"entries": [{"cidr_block": "10.15.0.0/16"}]},
    "atlas_custom_dns": {"enabled": True},
    "atlas_network_container": {"region_name": "us-east-1"},
    "atlas_peering": {"connections": [ENTRY], "aws": False},
    "atlas_vpc_peer": PEERING,
    "atlas_vpc_peer_check": {"aws": False, "fail_on": "never"},
    "atlas_vpc_peers": {"peers": [PEERING]},
}


@pytest.fixture
def site(make_atlas: Callable[..., Atlas]) -> Atlas:
    """Some projects in two organizations, with these names and two that have the same one."""
    atlas = make_atlas(groups=len(NAMES) + 3, orgs=2)
    for project, name in zip(atlas.emulator.projects, ("shop-dev", *NAMES, "twice", "twice")):
        project.name = name
    return atlas


def run(atlas: Atlas, name: str, **options: Any) -> Done:
    atlas.emulator.requests.clear()
    return atlas.run(OPERATION, **{"group_id": None, "project_name": name, **options})


def asked(atlas: Atlas) -> list[str]:
    """The requests, without challenges: what is in a project has the place of the project."""
    places = {project.id: number for number, project in enumerate(atlas.emulator.projects)}
    found = [one["path"].partition("/groups")[2].split("/") for one in atlas.emulator.requests.entries() if one["authenticated"]]
    return [f"{places[one[1]]}/{one[2]}" if len(one) > 1 else "groups" for one in found]


@pytest.mark.parametrize("module", [one for one in ATLAS_MODULES if one != "atlas_project_info"])
def test_every_module_takes_a_name(site: Atlas, module: str) -> None:
    done = site.run(load(module), group_id=None, project_name="Köln öst 1", check_mode=True, **OPTIONS.get(module, {}))
    assert not done.failed, done.msg
    first, *others = asked(site)
    assert first == "groups"
    assert others
    assert {one.partition("/")[0] for one in others} == {"2"}


def test_a_name_may_be_any_text(site: Atlas) -> None:
    for number, name in enumerate(NAMES):
        done = run(site, name)
        assert not done.failed, done.msg
        assert asked(site) == ["groups", f"{1 + number}/containers"]


def test_the_list_is_read_once_for_all_items_of_a_loop(site: Atlas) -> None:
    pool = ClientPool(site.clock, site.clock.sleep)
    for name in ("shop-dev", "shop/prod", "shop-dev"):
        assert not site.run(OPERATION, pool=pool, group_id=None, project_name=name).failed
    assert asked(site) == ["groups", "0/containers", "1/containers", "0/containers"]
    # One that is not in the list that was read may have been created since.
    site.emulator.projects[3].name = "new"
    assert not site.run(OPERATION, pool=pool, group_id=None, project_name="new").failed
    pool.close()
    assert asked(site)[4:] == ["groups", "3/containers"]


MISSING = {
    "shop-dve": "Perhaps it is 'shop-dev' or ",
    "SHOP-DEV": "Perhaps it is 'shop-dev'",
    "zzz": "They can see 10 projects; atlas_project_info lists them.",
    # A name that looks like an id is a name.
    "5356823b3794dee37132bb7c": "Perhaps it is '5356823b3794dee37132bb7b'.",
    "a\x1b[31m\nb": "They can see 10 projects",
}


def test_a_name_that_is_not_there_is_said_with_the_nearest(site: Atlas) -> None:
    for name, hint in MISSING.items():
        done = run(site, name)
        assert done.msg.startswith(f"project_name: the credentials can see no project {name!r}. {hint}")
        # Nothing of a wrong key, and nothing after the list.
        assert not [word for word in ("key", "401", "access_token") if word in done.msg]
        assert (asked(site), done.result["http_status"]) == (["groups"], None)


def test_without_any_project_the_message_says_so(site: Atlas) -> None:
    for project in site.emulator.projects:
        project.visible = False
    assert run(site, "shop").msg == "project_name: the credentials can see no project 'shop'. They can see none at all."


def test_a_name_of_two_organizations_is_refused_with_both(site: Atlas) -> None:
    first, second = site.emulator.projects[-2:]
    done = run(site, "twice")
    assert done.msg == (
        f"project_name: there are 2 projects 'twice': {first.id} in organization {first.org_id} and {second.id} in organization "
        f"{second.org_id}. Set group_id instead."
    )
    assert first.org_id != second.org_id
    assert asked(site) == ["groups"]


def test_a_name_replaces_the_project_of_the_environment(site: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGODB_ATLAS_PROJECT_ID", site.emulator.projects[5].id)
    assert not run(site, "shop-dev").failed
    assert asked(site) == ["groups", "0/containers"]
    assert not run(site, "shop-dev", project_name=None).failed
    assert asked(site) == ["5/containers"]
    # The action plugin has left the task's own.
    done = run(site, "shop-dev", group_id=site.emulator.projects[1].id)
    assert done.msg == "group_id and project_name are mutually exclusive. Leave one of them out."
    assert asked(site) == []


def test_the_project_of_a_profile_is_beneath_all_others(site: Atlas, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("tomllib")
    settings, file = site.emulator.settings, tmp_path / "atlascli" / "config.toml"
    file.parent.mkdir()
    keys = f'public_api_key = "{settings.public_key}"\nprivate_api_key = "{settings.private_key}"\n'
    file.write_text(f'[work]\nproject_id = "{site.emulator.projects[5].id}"\n{keys}')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    profile = {"profile": "work", "public_key": None, "private_key": None}
    for options, number in (({"project_name": "shop-dev"}, 0), ({"project_name": None}, 5)):
        assert not run(site, "", **profile, **options).failed
        assert asked(site)[-1] == f"{number}/containers"
    assert not run(site, "", **profile, project_name=None, project_names=["shop-dev"]).failed
    assert asked(site) == ["groups", "0/containers"]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ({"kind": "status", "status": 503, "times": None}, 503, "Failed to list the projects that the credentials can see: "),
        ({"kind": "status", "status": 401, "times": None}, 401, "Check public_key and private_key"),
        ({"kind": "status", "status": 403, "code": "IP_ADDRESS_NOT_ON_ACCESS_LIST"}, 403, "access list of the API key"),
    ],
    ids=str,
)
def test_a_list_that_cannot_be_read_is_no_absence(site: Atlas, fault: dict[str, Any], status: int, words: str) -> None:
    site.fault("GET", path="*/groups?*", **fault)
    done = run(site, "shop-dev")
    assert (done.result["http_status"], "can see no project" in done.msg, words in done.msg) == (status, False, True)
    assert set(asked(site)) == {"groups"}


def test_a_rate_limit_is_waited_for(site: Atlas) -> None:
    site.fault("GET", "status", path="*/groups?*", times=2, status=429, code="RATE_LIMITED")
    assert not run(site, "shop-dev").failed


@pytest.mark.parametrize(
    ("project", "what"),
    [
        ({"id": "5" * 24, "orgId": "6" * 24}, "a project without a name"),
        ({"id": "5" * 24, "name": "shop"}, "a project without a orgId"),
        ({"id": "5" * 24, "name": "shop", "orgId": "6" * 24, "tags": [{"value": "x"}]}, "a tag without a key"),
    ],
)
def test_a_reply_that_is_none_of_atlas_is_no_absence(atlas: Atlas, wire: Wire, project: dict[str, Any], what: str) -> None:
    wire.faults.append(Fault("GET", page(project)))
    done = run(atlas, "shop")
    assert done.msg.startswith(f"Failed to list the projects that the credentials can see: the reply has {what}.")


def test_many_pages_are_read(make_atlas: Callable[..., Atlas], monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.cloudpeer.atlas.plugins.module_utils._api import client

    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    atlas = make_atlas(groups=5)
    assert not run(atlas, "emulator-5").failed
    assert asked(atlas) == ["groups", "groups", "groups", "4/containers"]


def test_both_sides_know_the_id(site: Atlas) -> None:
    done = site.run(load("atlas_peering"), group_id=None, project_name="shop-dev", check_mode=True, **OPTIONS["atlas_peering"])
    assert done.result["peering"]["group_id"] == site.emulator.projects[0].id
    entry = {**ENTRY, "container_id": "5" * 24}
    wrong = site.run(load("atlas_peering"), group_id=None, project_name="shop-dev", connections=[entry], aws=False)
    assert f"project {site.emulator.projects[0].id} has no network container {'5' * 24}" in wrong.msg
    # It is named with both wherever a list is planned or refused.
    project = f"in project {site.emulator.projects[0].id} (shop-dev)"
    assert done.result["summary"]["plan"].endswith(f", {project}")
    assert wrong.msg.startswith(f"Nothing was changed {project}. ")


@pytest.mark.parametrize("module", ["atlas_peering", "atlas_vpc_peer_check"])
def test_without_atlas_a_name_has_no_effect(site: Atlas, module: str) -> None:
    entry = {**PAIR, "connection_id": "pcx-0a1b2c3d4e5f67890", "container_cidr_block": "192.168.248.0/21"}
    options = {"connections": [entry], "atlas": False, "aws": True, "group_id": None, "project_name": "nowhere"}
    params = dict.fromkeys(load(module).argument_spec.options)
    defaults = {name: one["default"] for name, one in load(module).argument_spec.options.items() if "default" in one}
    validated, _warnings = load(module).validate({**params, **defaults, **options})
    assert load(module).prepare(validated, type("Session", (), {"atlas": None})()) is validated
