"""A connection that is there already: updates, differences that cannot be made good, peer_id, removal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page, reply

OTHER = "10.99.0.0/16"


@pytest.mark.usefixtures("on_sockets")
def test_another_block_is_changed_in_place_for_four_requests(atlas: Atlas) -> None:
    first = atlas.create()
    done = atlas.run(**PAIR, route_table_cidr_block=OTHER, accepter_region_name="us-east-1")
    assert (done.changed, atlas.wire()) == (True, [("GET", 401), ("GET", 200), ("GET", 200), ("PATCH", 200)])
    assert atlas.tcp_connections() == 1
    assert (done.peer["id"], done.peer["route_table_cidr_block"]) == (first["id"], OTHER)
    assert (done.before["route_table_cidr_block"], done.after["route_table_cidr_block"]) == (CIDR, OTHER)
    assert not atlas.run(**PAIR, route_table_cidr_block=OTHER).changed


@pytest.mark.parametrize("version", ["v2", "v1.0"])
def test_a_patch_carries_the_whole_object_and_its_provider(atlas: Atlas, wire: Wire, version: str) -> None:
    atlas.create(accepter_region_name="eu-west-1")
    assert atlas.run(**PAIR, route_table_cidr_block=OTHER, api_version=version).changed
    assert wire.sent("PATCH")[0].json == {
        "providerName": "AWS",
        "vpcId": VPC,
        "awsAccountId": ACCOUNT,
        "routeTableCidrBlock": OTHER,
        "containerId": atlas.container_id,
        "accepterRegionName": "eu-west-1",
    }


@pytest.mark.parametrize("status", ["PENDING_ACCEPTANCE", "AVAILABLE"])
def test_a_block_is_changed_in_any_live_state(atlas: Atlas, status: str) -> None:
    peer = atlas.create(wait=True)
    if status == "AVAILABLE":
        atlas.act("accept", peer["id"])
        atlas.clock.now += 1
    done = atlas.run(**PAIR, route_table_cidr_block=OTHER)
    assert (done.changed, done.peer["status_name"]) == (True, status)


def test_a_block_that_overlaps_is_refused_with_a_way_out(atlas: Atlas) -> None:
    atlas.create()
    done = atlas.run(**PAIR, route_table_cidr_block="192.168.248.0/24")
    # The container is known, so Atlas is not asked.
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert "route_table_cidr_block" in done.msg
    assert atlas.peers()[0]["routeTableCidrBlock"] == CIDR


def test_another_region_needs_a_new_connection(atlas: Atlas) -> None:
    atlas.create(accepter_region_name="eu-west-1")
    done = atlas.run(**PEERING, accepter_region_name="eu-west-2")
    assert "accepter_region_name is eu-west-1, not eu-west-2" in done.msg
    assert atlas.writes() == []
    assert not atlas.run(**PEERING, accepter_region_name="EU_WEST_1").failed


def test_the_options_that_are_left_out_are_left_as_they_are(atlas: Atlas) -> None:
    atlas.create(accepter_region_name="eu-west-1")
    done = atlas.run(**PAIR)
    assert (done.changed, done.failed, len(atlas.wire())) == (False, False, 3)


def test_peer_id_alone_finds_and_changes_the_connection(atlas: Atlas) -> None:
    peer = atlas.create()
    done = atlas.run(peer_id=peer["id"])
    assert (done.changed, done.peer["vpc_id"], len(atlas.wire())) == (False, VPC, 3)
    assert atlas.run(peer_id=peer["id"], route_table_cidr_block=OTHER).changed
    assert atlas.run(peer_id=peer["id"], state="absent").changed
    assert atlas.writes() == ["PATCH", "DELETE"]


def test_a_peer_id_that_is_not_there_is_not_made_anew(atlas: Atlas) -> None:
    done = atlas.run(peer_id="0" * 24, **PEERING)
    assert done.missing("0" * 24, "peer_id") == []
    assert (atlas.writes(), done.changed) == ([], False)


def test_a_peer_id_of_another_pair_is_a_difference(atlas: Atlas) -> None:
    peer = atlas.create()
    done = atlas.run(peer_id=peer["id"], vpc_id="vpc-0000000000000beef", aws_account_id=ACCOUNT)
    assert f"vpc_id is {VPC}, not vpc-0000000000000beef" in done.msg
    assert atlas.writes() == []


def test_a_peer_id_of_another_pair_removes_nothing(atlas: Atlas) -> None:
    """The options contradict each other: removing either one may be the wrong one."""
    peer = atlas.create()
    done = atlas.run(peer_id=peer["id"], vpc_id="vpc-0000000000000beef", aws_account_id=ACCOUNT, state="absent")
    assert (done.failed, atlas.writes()) == (True, [])


@pytest.mark.usefixtures("on_sockets")
def test_a_removal_costs_three_requests(atlas: Atlas) -> None:
    atlas.create()
    done = atlas.run(**PAIR, state="absent")
    assert (done.changed, done.peer) == (True, None)
    assert (atlas.wire(), atlas.tcp_connections()) == ([("GET", 401), ("GET", 200), ("DELETE", 202)], 1)
    assert (done.before["vpc_id"], done.after) == (VPC, {})


@pytest.mark.parametrize("which", [PAIR, {"peer_id": "0" * 24}])
@pytest.mark.parametrize("wait", [False, True])
def test_absent_and_not_there_is_nothing_to_do(atlas: Atlas, which: dict[str, Any], wait: bool) -> None:
    done = atlas.run(**which, state="absent", wait=wait)
    assert (done.changed, done.failed, done.peer) == (False, False, None)
    assert [method for method, status in atlas.wire()] == ["GET", "GET"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_absent_and_being_removed_is_nothing_to_do(atlas: Atlas, check_mode: bool) -> None:
    atlas.act("delete", atlas.create()["id"])
    done = atlas.run(**PAIR, state="absent", check_mode=check_mode)
    assert (done.changed, done.peer, atlas.writes()) == (False, None, [])
    assert (done.before, done.after) == ({}, {})


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize(
    ("status", "code"), [(404, "PEER_NOT_FOUND"), (404, "INVALID_PEER_ID"), (409, "PEER_ALREADY_REQUESTED_DELETION")]
)
def test_what_others_removed_meanwhile_counts_as_gone(atlas: Atlas, wire: Wire, status: int, code: str, wait: bool) -> None:
    peer = atlas.create()
    refusal = reply({"error": status, "errorCode": code, "detail": "Gone."}, status)
    wire.faults.append(Fault("DELETE", refusal, before=lambda: atlas.act("delete", peer["id"])))
    done = atlas.run(**PAIR, state="absent", wait=wait)
    assert (done.failed, done.peer, len(wire.sent("DELETE"))) == (False, None, 1)


@pytest.mark.parametrize("code", ["GROUP_NOT_FOUND", "RESOURCE_NOT_FOUND", "CLOUD_PROVIDER_CONTAINER_NOT_FOUND", None])
@pytest.mark.parametrize("which", [PAIR, {"peer_id": "0" * 24}])
def test_another_404_is_never_taken_for_absence(atlas: Atlas, code: str | None, which: dict[str, Any]) -> None:
    atlas.fault("GET", "status", status=404, code=code, times=9)
    for state in ("absent", "present"):
        done = atlas.run(**which, state=state)
        assert (done.failed, done.changed, done.result["http_status"]) == (True, False, 404)


@pytest.mark.parametrize("code", ["GROUP_NOT_FOUND", "RESOURCE_NOT_FOUND", None])
def test_another_404_for_a_delete_is_a_failure(atlas: Atlas, wire: Wire, code: str | None) -> None:
    atlas.create()
    wire.faults.append(Fault("DELETE", reply({"error": 404, "errorCode": code}, 404)))
    done = atlas.run(**PAIR, state="absent")
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, code)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 409, 500])
def test_an_error_of_a_read_is_never_taken_for_absence(atlas: Atlas, status: int) -> None:
    atlas.create()
    atlas.fault("GET", "status", status=status, code="X", times=99)
    for options in (PEERING, {**PAIR, "state": "absent"}):
        done = atlas.run(**options)
        assert (done.failed, done.changed, done.result["http_status"]) == (True, False, status)
    assert atlas.writes() == []


def test_two_live_matches_are_a_failure_that_names_them(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create()
    twin = {**peer, "id": "1" * 24}
    wire.faults.append(Fault("GET", page(peer, twin), times=9))
    for state in ("present", "absent"):
        assert atlas.run(**PEERING, state=state).missing(peer["id"], twin["id"], "peer_id") == []
    assert atlas.writes() == []


def test_one_being_removed_beside_a_live_one_does_not_count(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create()
    dying = {**peer, "id": "1" * 24, "statusName": "TERMINATING"}
    for both in ((dying, peer), (peer, dying)):
        wire.faults.append(Fault("GET", page(*both)))
        done = atlas.run(**PEERING)
        assert (done.failed, done.changed, done.peer["id"]) == (False, False, peer["id"])


@pytest.mark.parametrize("version", ["v2", "v1.0"])
@pytest.mark.parametrize("which", ["pair", "peer_id"])
def test_a_patch_has_the_region_of_the_container_by_default(atlas: Atlas, wire: Wire, which: str, version: str) -> None:
    """The description of the API requires it."""
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    peer = atlas.create(container_id=other)
    assert peer["accepterRegionName"] is None
    options = PAIR if which == "pair" else {"peer_id": peer["id"]}
    assert atlas.run(**options, route_table_cidr_block=OTHER, api_version=version).changed
    assert wire.sent("PATCH")[0].json["accepterRegionName"] == "eu-west-1"
    assert [one.method for one in wire.requests] == ["GET", "GET", "GET", "PATCH"]
    assert wire.requests[2].path.endswith(f"/containers/{other}")


def test_a_container_that_cannot_be_read_stops_the_patch(atlas: Atlas) -> None:
    atlas.create()
    atlas.fault("GET", "status", status=403, code="X", skip=1)
    done = atlas.run(**PAIR, route_table_cidr_block=OTHER)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])


def test_a_patch_has_the_region_of_the_options(atlas: Atlas, wire: Wire) -> None:
    assert atlas.create()["accepterRegionName"] is None
    assert atlas.run(**PAIR, route_table_cidr_block=OTHER, accepter_region_name="US_EAST_1").changed
    assert wire.sent("PATCH")[0].json["accepterRegionName"] == "us-east-1"
