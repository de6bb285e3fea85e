"""Network containers: what check mode foresees, somebody who is faster, and waiting until one may be removed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_network_container as _container_task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import (
    atlas_network_container_info as _container_info_task,
)
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page, reply

REGION = {"region_name": "eu-west-1"}
BLOCK = "172.20.0.0/21"
ABSENT = {"region_name": "us-east-1", "state": "absent"}


def run(atlas: Atlas, **options: Any) -> Any:
    return atlas.run(_container_task.OPERATION, **options)


def containers(atlas: Atlas) -> list[str]:
    with atlas.emulator.project.now() as project:
        return [one.region for one in project.containers.of("AWS")]


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_block_that_overlaps_another_container_is_refused(atlas: Atlas, check_mode: bool) -> None:
    done = run(atlas, **REGION, atlas_cidr_block="192.168.252.0/22", check_mode=check_mode)
    assert (done.failed, done.changed, containers(atlas), atlas.writes()) == (True, False, ["US_EAST_1"], [])
    assert done.missing("192.168.252.0/22", "192.168.248.0/21", atlas.container_id) == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_changed_block_that_overlaps_is_refused(atlas: Atlas, check_mode: bool) -> None:
    atlas.add_container("EU_WEST_1", BLOCK)
    done = run(atlas, **REGION, atlas_cidr_block="192.168.252.0/22", check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes(), len(atlas.wire())) == (True, False, [], 2)
    assert f"overlaps 192.168.248.0/21 of network container {atlas.container_id}" in done.msg


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_container_that_was_moved_is_named_with_its_region(atlas: Atlas, check_mode: bool) -> None:
    """Terraform's provider moves an unused one on AWS with a PATCH (TestAccNetworkContainer_basicAWS)."""
    assert not run(atlas, **REGION, atlas_cidr_block=BLOCK).failed
    with atlas.emulator.project.now() as project:
        moved = project.containers.of("AWS")[1]
        body = {"providerName": "AWS", "regionName": "US_EAST_2", "atlasCidrBlock": BLOCK}
        project.containers.update(moved, body, [], needs_all=True)
    atlas.emulator.requests.clear()
    done = run(atlas, **REGION, atlas_cidr_block=BLOCK, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    there = f"overlaps {BLOCK} of network container {moved.id} in us-east-2."
    assert done.missing(there, "If you mean this container, set its region, us-east-2: Terraform can move") == []
    assert not run(atlas, region_name="us-east-2", atlas_cidr_block=BLOCK).changed
    # Another container has the block in full, or a part of it.
    other = run(atlas, **REGION, atlas_cidr_block="172.20.0.0/22", check_mode=check_mode)
    assert (other.failed, "Terraform" in other.msg) == (True, False)


@pytest.mark.parametrize(
    ("missing", "option", "options"),
    [
        ("regionName", "region_name", {"state": "absent"}),
        ("regionName", "region_name", {"atlas_cidr_block": BLOCK}),
        ("atlasCidrBlock", "atlas_cidr_block", {"atlas_cidr_block": BLOCK}),
    ],
)
def test_a_field_that_atlas_leaves_out_is_unknown(
    atlas: Atlas, wire: Wire, missing: str, option: str, options: dict[str, Any]
) -> None:
    """As a difference, it would be changed; and what has no region may be in the region of the options."""
    shown = {"id": "0" * 24, "providerName": "AWS", "regionName": "US_EAST_1", "atlasCidrBlock": BLOCK, "provisioned": False}
    wire.faults.append(Fault("GET", page({**shown, missing: None})))
    done = run(atlas, region_name="us-east-1", **options)
    assert done.missing(f"Atlas does not report the {option} of network container {'0' * 24}") == []
    assert (done.changed, atlas.writes()) == (False, [])


def test_a_block_that_atlas_finds_overlapping_is_in_its_words(atlas: Atlas, wire: Wire) -> None:
    refused = reply({"error": 409, "errorCode": "OVERLAPPING_ATLAS_CIDR_BLOCK", "detail": "It overlaps."}, 409)
    wire.faults.append(Fault("POST", refused))
    done = run(atlas, **REGION, atlas_cidr_block=BLOCK)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "OVERLAPPING_ATLAS_CIDR_BLOCK")
    assert "It overlaps" in done.msg


def test_check_mode_foresees_a_container(atlas: Atlas) -> None:
    foreseen = run(atlas, **REGION, atlas_cidr_block=BLOCK, check_mode=True)
    assert (foreseen.failed, foreseen.changed, atlas.writes()) == (False, True, [])
    done = run(atlas, **REGION, atlas_cidr_block=BLOCK)
    unforeseen = {"id", "vpc_id", "provisioned"}
    expected = {name: value for name, value in foreseen.after.items() if name not in unforeseen}
    assert {name: value for name, value in done.after.items() if name not in unforeseen} == expected


def test_a_container_in_use_is_removed_as_soon_as_it_may_be(atlas: Atlas) -> None:
    peer_id = atlas.add_peer()
    refused = run(atlas, **ABSENT)
    assert (refused.failed, refused.changed) == (True, False)
    assert peer_id in refused.msg
    # Nobody removes it.
    assert "gone" not in refused.msg
    atlas.clock.after(3, lambda: atlas.act("delete", peer_id))
    done = run(atlas, **ABSENT, wait=True)
    assert (done.failed, done.changed, containers(atlas)) == (False, True, [])


def test_what_is_being_removed_can_be_waited_for(atlas: Atlas) -> None:
    atlas.act("delete", atlas.add_peer())
    assert "Remove what uses it, or set wait to true to wait until they are gone." in run(atlas, **ABSENT).msg


def test_a_container_that_stays_in_use_says_so_in_the_end(atlas: Atlas) -> None:
    peer_id = atlas.add_peer()
    done = run(atlas, **ABSENT, wait=True, wait_timeout=7)
    assert (done.failed, done.changed, containers(atlas)) == (True, False, ["US_EAST_1"])
    assert done.missing(peer_id, "7 seconds", "wait_timeout") == []
    assert atlas.writes() == []


def test_a_container_that_is_too_new_is_removed_once_it_can_be(atlas: Atlas) -> None:
    atlas.fault("DELETE", "status", status=409, code="CANNOT_DELETE_RECENTLY_CREATED_CONTAINER", times=3)
    refused = run(atlas, **ABSENT)
    assert (refused.failed, refused.result["error_code"]) == (True, "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER")
    done = run(atlas, **ABSENT, wait=True)
    assert (done.failed, done.changed, containers(atlas)) == (False, True, [])


def test_a_container_that_stays_too_new_says_what_atlas_said(atlas: Atlas, wire: Wire) -> None:
    too_new = reply({"error": 409, "errorCode": "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER", "detail": "Too new."}, 409)
    wire.faults.append(Fault("DELETE", too_new, times=99))
    done = run(atlas, **ABSENT, wait=True, wait_timeout=5)
    assert (done.failed, done.changed) == (True, False)
    assert "Too new" in done.msg


def test_an_unknown_group_is_no_empty_list_of_containers(atlas: Atlas) -> None:
    done = atlas.run(_container_info_task.OPERATION, group_id="0" * 24, container_id=atlas.container_id)
    assert (done.failed, done.result["error_code"]) == (True, "GROUP_NOT_FOUND")


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_a_region_it_is_the_only_container(atlas: Atlas, check_mode: bool) -> None:
    done = run(atlas, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (False, False, [])
    assert (done.result["container"]["id"], done.result["container"]["region_name"]) == (atlas.container_id, "US_EAST_1")
    changed = run(atlas, atlas_cidr_block=BLOCK, check_mode=check_mode)
    assert (changed.changed, changed.after["atlas_cidr_block"]) == (True, BLOCK)


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_a_region_several_containers_are_listed(atlas: Atlas, check_mode: bool) -> None:
    second = atlas.add_container("EU_WEST_1", BLOCK)
    atlas.create_container(providerName="GCP", atlasCidrBlock="10.96.0.0/18")
    done = run(atlas, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    words = [
        atlas.container_id,
        "us-east-1",
        "192.168.248.0/21",
        second,
        "eu-west-1",
        BLOCK,
        "2 network containers",
        "region_name",
    ]
    assert done.missing(*words) == []
    assert run(atlas, **REGION).result["container"]["id"] == second


@pytest.mark.parametrize("check_mode", [False, True])
def test_without_a_region_nothing_is_created(atlas: Atlas, check_mode: bool) -> None:
    assert run(atlas, **ABSENT).changed
    done = run(atlas, atlas_cidr_block=BLOCK, check_mode=check_mode)
    assert (done.failed, done.changed, containers(atlas)) == (True, False, [])
    assert done.missing("no network container on AWS", "region_name") == []


def test_what_is_removed_has_to_be_named(atlas: Atlas) -> None:
    spec = _container_task.OPERATION.argument_spec.to_kwargs()
    for options in ({}, {"region_name": None}):
        given = {"group_id": "0" * 24, "state": "absent", "public_key": "a", "private_key": "b", **options}
        checked = ArgumentSpecValidator(**spec).validate(given)
        outcome = execute(_container_task.OPERATION, checked.validated_parameters, check_mode=False)
        assert "region_name" in (outcome.failure or {}).get("msg", "")
        assert bool(checked.error_messages) == (not options)


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_block_of_a_container_in_use_is_kept(atlas: Atlas, check_mode: bool) -> None:
    peer_id = atlas.add_peer()
    done = run(atlas, region_name="us-east-1", atlas_cidr_block=BLOCK, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing(peer_id, "192.168.248.0/21", BLOCK) == []


def test_another_refusal_ends_the_wait_for_a_container(atlas: Atlas) -> None:
    atlas.fault("DELETE", "status", status=403, code="USER_UNAUTHORIZED")
    done = run(atlas, **ABSENT, wait=True)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "USER_UNAUTHORIZED")
    assert (atlas.clock.pauses, containers(atlas)) == ([], ["US_EAST_1"])
