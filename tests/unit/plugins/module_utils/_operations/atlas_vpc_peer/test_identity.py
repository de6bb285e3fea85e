"""A connection is identified by its account, its VPC and its container: which one is meant when a VPC has several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peer as _vpc_peer_task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peer_info as _vpc_peer_info_task
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Reply, Wire, page, reply

OTHER_CIDR = "10.99.0.0/16"
FIRST, SECOND = "us-east-1", "eu-west-1"
PRESENT_AND_ABSENT = pytest.mark.parametrize("options", [PEERING, {**PAIR, "state": "absent"}], ids=["present", "absent"])


def add_second_container(atlas: Atlas) -> str:
    return atlas.add_container("EU_WEST_1", "10.8.0.0/21")


def two_peers(atlas: Atlas) -> tuple[Any, Any]:
    """Make a connection of the one VPC to each of two containers."""
    add_second_container(atlas)
    peers = [atlas.create(container_region_name=region, accepter_region_name=FIRST) for region in (FIRST, SECOND)]
    return peers[0], peers[1]


def info(atlas: Atlas, **options: Any) -> Done:
    return atlas.run(_vpc_peer_info_task.OPERATION, **options)


@pytest.mark.parametrize("version", ["v2", "v1.0"])
def test_a_vpc_is_peered_once_with_each_container(atlas: Atlas, version: str) -> None:
    other = add_second_container(atlas)
    form = {"accepter_region_name": FIRST, "api_version": version}
    first = atlas.run(**PEERING, **form)
    second = atlas.run(**PEERING, **form, container_id=other)
    assert (first.failed, second.failed, second.changed) == (False, False, True)
    assert [one["containerId"] for one in atlas.peers()] == [atlas.container_id, other]
    # Each is found again by its container.
    assert atlas.run(**PEERING, **form, container_id=other).peer["id"] == second.peer["id"]
    assert atlas.run(**PEERING, **form, container_id=atlas.container_id).peer["id"] == first.peer["id"]
    assert atlas.writes() == ["POST", "POST"]


@PRESENT_AND_ABSENT
def test_several_and_no_choice_is_a_failure_that_lists_them(atlas: Atlas, options: dict[str, Any]) -> None:
    first, second = two_peers(atlas)
    for check_mode in (True, False):
        done = atlas.run(**options, check_mode=check_mode)
        assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
        for peer, region in ((first, FIRST), (second, SECOND)):
            assert f"{peer['id']} (INITIATING, network container {peer['containerId']} in {region})" in done.msg
        assert "container_region_name or container_id" in done.msg


@PRESENT_AND_ABSENT
def test_the_list_does_not_need_the_regions(atlas: Atlas, options: dict[str, Any]) -> None:
    first, second = two_peers(atlas)
    atlas.fault("GET", "close", skip=1, times=99)
    done = atlas.run(**options)
    assert done.missing(f"{first['id']} (INITIATING, network container {first['containerId']})", second["containerId"]) == []


@pytest.mark.parametrize("how", ["container_id", "aws region", "atlas region", "peer_id"])
def test_a_choice_means_that_one_alone(atlas: Atlas, how: str) -> None:
    first, second = two_peers(atlas)
    choice = {
        "container_id": {"container_id": second["containerId"]},
        "aws region": {"container_region_name": "eu-west-1"},
        "atlas region": {"container_region_name": "EU_WEST_1"},
        "peer_id": {"peer_id": second["id"]},
    }[how]
    done = atlas.run(**PEERING, **choice)
    assert (done.failed, done.changed, done.peer["id"]) == (False, False, second["id"])
    assert len(atlas.wire()) == 3
    changed = atlas.run(**PAIR, route_table_cidr_block=OTHER_CIDR, **choice)
    assert (changed.failed, changed.peer["id"]) == (False, second["id"])
    assert [one["routeTableCidrBlock"] for one in atlas.peers()] == [CIDR, OTHER_CIDR]
    absent = atlas.run(**PAIR, **choice, state="absent", wait=True)
    assert (absent.failed, absent.changed) == (False, True)
    assert [one["id"] for one in atlas.peers()] == [first["id"]]
    again = atlas.run(**PAIR, **choice, state="absent", wait=True)
    assert (again.failed, again.changed, len(atlas.peers())) == (False, False, 1)


def test_without_a_choice_the_only_one_is_used(atlas: Atlas) -> None:
    other = add_second_container(atlas)
    peer = atlas.create(container_id=other)
    done = atlas.run(**PEERING, accepter_region_name=SECOND)
    assert (done.failed, done.changed, done.peer["id"], len(atlas.wire())) == (False, False, peer["id"], 3)
    assert atlas.run(**PAIR, state="absent").changed


def test_a_creation_by_container_region_costs_four_requests(atlas: Atlas) -> None:
    other = add_second_container(atlas)
    done = atlas.run(**PEERING, container_region_name="EU_WEST_1", accepter_region_name=FIRST)
    assert (done.changed, done.peer["container_id"], done.peer["accepter_region_name"]) == (True, other, FIRST)
    assert [method for method, status in atlas.wire()] == ["GET", "GET", "GET", "POST"]


def test_a_creation_by_container_region_is_in_its_region_too(atlas: Atlas, wire: Wire) -> None:
    other = add_second_container(atlas)
    done = atlas.run(**PEERING, container_region_name=SECOND)
    assert (done.peer["container_id"], done.peer["accepter_region_name"]) == (other, SECOND)
    assert wire.sent("POST")[0].json["accepterRegionName"] == SECOND


def test_version_1_gets_the_container_of_the_chosen_region(atlas: Atlas, wire: Wire) -> None:
    other = add_second_container(atlas)
    assert atlas.run(**PEERING, container_region_name=SECOND, api_version="v1.0").changed
    assert wire.sent("POST")[0].json["containerId"] == other


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_region_without_container_is_a_failure_that_says_so(atlas: Atlas, check_mode: bool) -> None:
    atlas.create()
    done = atlas.run(**PEERING, container_region_name=SECOND, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    for part in ("container_region_name", "no network container", SECOND, FIRST, atlas.container_id, "atlas_network_container"):
        assert part in done.msg


def test_a_region_without_container_has_nothing_to_remove(atlas: Atlas) -> None:
    atlas.create()
    done = atlas.run(**PAIR, state="absent", container_region_name=SECOND)
    assert (done.failed, done.changed, atlas.writes()) == (False, False, [])
    assert info(atlas, **PAIR, container_region_name=SECOND).result["vpc_peers"] == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_error_is_not_taken_for_a_region_without_container(atlas: Atlas, wire: Wire, state: str) -> None:
    atlas.create()
    wire.faults += [Fault("GET"), Fault("GET", DROP, times=99)]
    done = atlas.run(**PAIR, state=state, container_region_name=SECOND)
    assert (done.failed, done.changed) == (True, False)
    assert "list the network containers" in done.msg
    wire.faults[:] = [Fault("GET"), Fault("GET", DROP, times=99)]
    assert info(atlas, container_region_name=SECOND).failed


@pytest.mark.parametrize("task", [_vpc_peer_task.OPERATION, _vpc_peer_info_task.OPERATION])
def test_container_id_and_region_name_exclude_each_other(task: type[Operation[Any, Any]]) -> None:
    options = {**PAIR, "group_id": "0" * 24, "container_id": "0" * 24, "container_region_name": FIRST}
    (message,) = ArgumentSpecValidator(**task.argument_spec.to_kwargs()).validate(options).error_messages
    assert message == "parameters are mutually exclusive: container_id|container_region_name"


def test_two_containers_in_one_region_need_an_id(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(allow_duplicates=True)
    other = atlas.add_container("US_EAST_1", "10.8.0.0/21")
    done = atlas.run(**PEERING, container_region_name=FIRST)
    assert (done.failed, atlas.writes()) == (True, [])
    assert done.missing(other, atlas.container_id, "Set container_id") == []


@PRESENT_AND_ABSENT
@pytest.mark.parametrize("named", ["container_id", "container_region_name"])
def test_a_peer_id_in_another_container_is_refused(atlas: Atlas, named: str, options: dict[str, Any]) -> None:
    first, second = two_peers(atlas)
    choice = {"container_id": second["containerId"]} if named == "container_id" else {named: SECOND}
    done = atlas.run(**options, peer_id=first["id"], **choice)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("peer_id", first["id"], first["containerId"], named) == []
    # What is set already is not advised.
    assert "state: absent" not in done.msg
    mine = atlas.run(**options, peer_id=second["id"], **choice)
    assert (mine.failed, mine.changed) == (False, "state" in options)


@PRESENT_AND_ABSENT
def test_one_being_removed_in_another_container_does_not_count(atlas: Atlas, options: dict[str, Any]) -> None:
    first, second = two_peers(atlas)
    atlas.act("delete", first["id"])
    done = atlas.run(**options)
    assert (done.failed, done.changed, done.before["id"]) == (False, "state" in options, second["id"])


def test_a_dead_one_in_another_container_does_count(atlas: Atlas) -> None:
    first, second = two_peers(atlas)
    atlas.act("fail", first["id"])
    done = atlas.run(**PEERING)
    assert [part for part in (f"{first['id']} (FAILED", second["id"]) if part not in done.msg] == []
    assert not atlas.run(**PEERING, container_region_name=SECOND).failed


@PRESENT_AND_ABSENT
@pytest.mark.parametrize("choice", [{}, {"container_region_name": FIRST}])
def test_two_of_one_container_need_ids(make_atlas: Callable[..., Atlas], options: dict[str, Any], choice: dict[str, str]) -> None:
    atlas = make_atlas(allow_duplicates=True)
    ids = [atlas.add_peer(), atlas.add_peer()]
    done = atlas.run(**options, **choice)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing(*ids, "Set peer_id") == []
    assert "container_id" not in done.msg


def test_a_connection_without_a_container_is_not_touched(atlas: Atlas, wire: Wire) -> None:
    peer = {**atlas.create(), "containerId": None}
    for options in (PEERING, {**PAIR, "state": "absent"}):
        wire.faults.append(Fault("GET", page(peer)))
        done = atlas.run(**options, container_id=atlas.container_id)
        assert (done.failed, peer["id"] in done.msg, "peer_id" in done.msg) == (True, True, True)
    assert atlas.writes() == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_server_with_unique_pairs_names_the_existing_one(make_atlas: Callable[..., Atlas], check_mode: bool) -> None:
    atlas = make_atlas(unique_pairs=True)
    other = add_second_container(atlas)
    peer = atlas.create(container_id=other)
    done = atlas.run(**PEERING, container_id=atlas.container_id, accepter_region_name=FIRST, check_mode=check_mode)
    if check_mode:
        # Whether Atlas refuses it is not known.
        assert (done.failed, done.changed) == (False, True)
        return
    assert (done.failed, done.changed) == (True, False)
    assert (done.result["http_status"], done.result["error_code"]) == (409, "PEER_ALREADY_EXISTS")
    assert done.missing(peer["id"], other, SECOND, "PENDING_ACCEPTANCE") == []
    # Looked for twice, and not tried again.
    assert [method for method, status in atlas.wire()] == ["GET", "GET", "GET", "POST", "GET", "GET", "GET"]
    assert atlas.clock.pauses == [2.0, 4.0]


def test_a_server_with_unique_pairs_refuses_no_lost_creation(make_atlas: Callable[..., Atlas]) -> None:
    """It appears in this container after the 409: somebody else was faster here, and nothing is said of the other one."""
    atlas = make_atlas(unique_pairs=True, terminating_holds_nothing=True)
    other = add_second_container(atlas)
    peer_id = atlas.create(container_id=other)["id"]

    def move() -> None:
        atlas.act("delete", peer_id)
        atlas.add_peer()

    atlas.clock.after(5, move)
    done = atlas.run(**PEERING, container_id=atlas.container_id)
    assert (done.failed, done.changed, done.peer["container_id"]) == (False, False, atlas.container_id)


@pytest.mark.parametrize("lost", [DROP, Reply(500)], ids=["close", "500"])
def test_one_in_another_container_does_not_explain_other_errors(atlas: Atlas, wire: Wire, lost: Reply) -> None:
    other = add_second_container(atlas)
    peer = atlas.create(container_id=other)
    wire.faults.append(Fault("POST", lost, times=99))
    done = atlas.run(**PEERING, container_id=atlas.container_id)
    assert (done.failed, peer["id"] in done.msg) == (True, False)
    assert done.msg.startswith("Failed to create")


def test_one_in_another_container_does_not_hide_a_faster_one(atlas: Atlas, wire: Wire) -> None:
    other = add_second_container(atlas)
    atlas.create(container_id=other)
    refused = reply({"error": 409, "errorCode": "PEER_ALREADY_EXISTS"}, 409)
    wire.faults.append(Fault("POST", refused, before=lambda: atlas.add_peer(routeTableCidrBlock=OTHER_CIDR)))
    done = atlas.run(**PEERING, container_id=atlas.container_id)
    assert (done.failed, done.changed, done.peer["container_id"]) == (False, True, atlas.container_id)
    assert [one["routeTableCidrBlock"] for one in atlas.peers()] == [CIDR, CIDR]


def test_a_block_that_overlaps_the_container_is_refused_unsent(atlas: Atlas) -> None:
    """The container has been read already."""
    other = add_second_container(atlas)
    options = {"container_region_name": SECOND, "accepter_region_name": FIRST}
    done = atlas.run(**PAIR, route_table_cidr_block="10.8.0.0/16", **options)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert f"overlaps 10.8.0.0/21 of network container {other}" in done.msg


def test_info_returns_all_matches_and_selects_by_each_option(atlas: Atlas) -> None:
    first, second = two_peers(atlas)
    atlas.add_peer(vpcId="vpc-0000000000000beef", routeTableCidrBlock=OTHER_CIDR)
    atlas.clock.now += 1
    connections = {one["id"]: one["connectionId"] for one in atlas.peers()}

    def ids(**options: Any) -> list[str]:
        return [one["id"] for one in info(atlas, **options).result["vpc_peers"]]

    assert ids(**PAIR) == [first["id"], second["id"]]
    assert ids(**PAIR, container_id=second["containerId"]) == [second["id"]]
    assert ids(**PAIR, container_region_name="EU_WEST_1") == ids(container_region_name=SECOND) == [second["id"]]
    assert ids(connection_id=connections[second["id"]]) == [second["id"]]
    assert ids(connection_id=connections[second["id"]], container_region_name=FIRST) == []
    assert ids(connection_id="pcx-00000000") == []
    assert (ids(peer_id=first["id"], container_region_name=SECOND), len(ids())) == ([], 3)


def test_info_reads_the_containers_only_if_anything_matches(atlas: Atlas) -> None:
    info(atlas, **PAIR, container_region_name=FIRST)
    assert len(atlas.wire()) == 2
    atlas.create()
    info(atlas, **PAIR, container_region_name=FIRST)
    assert len(atlas.wire()) == 3
