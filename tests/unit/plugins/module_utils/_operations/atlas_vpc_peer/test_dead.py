"""Connections that are dead or dying: FAILED for each reason, recreate, TERMINATING with and without wait."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, VPC, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Wire, reply

REASONS = [("reject", "REJECTED"), ("expire", "EXPIRED"), ("fail", "INVALID_ARGUMENT")]


@pytest.mark.parametrize(("action", "reason"), REASONS)
@pytest.mark.parametrize("which", ["pair", "peer_id"])
def test_a_dead_connection_is_a_failure_with_its_reason(atlas: Atlas, action: str, reason: str, which: str) -> None:
    peer = atlas.create(wait=True)
    atlas.act(action, peer["id"])
    done = atlas.run(**({"peer_id": peer["id"]} if which == "peer_id" else PEERING))
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, reason)
    assert done.missing(peer["id"], "FAILED", reason, "state: absent") == []
    # With peer_id alone, recreate would be refused; and AWS would refuse the same request again.
    is_advised = which == "pair" and reason != "INVALID_ARGUMENT"
    assert ("recreate: dead" in done.msg, atlas.writes(), len(atlas.wire())) == (is_advised, [], 3)
    assert (done.peer["status_name"], done.peer["error_state_name"]) == ("FAILED", reason)


@pytest.mark.parametrize("reason", [None, "SOMETHING_NEW"])
def test_a_reason_that_nobody_knows_is_no_trouble(atlas: Atlas, wire: Wire, reason: str | None) -> None:
    peer = {**atlas.create(), "statusName": "FAILED", "errorStateName": reason}
    wire.faults.append(Fault("GET", reply(peer)))
    done = atlas.run(peer_id=peer["id"])
    assert (reason or "no reason given") in done.msg


@pytest.mark.parametrize(("action", "reason"), REASONS)
def test_recreate_removes_the_dead_one_and_makes_it_anew(atlas: Atlas, action: str, reason: str) -> None:
    peer = atlas.create(wait=True)
    atlas.act(action, peer["id"])
    done = atlas.run(**PEERING, recreate="dead")
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["DELETE", "POST"])
    assert [one["id"] for one in atlas.peers()] == [done.peer["id"]]
    assert done.peer["id"] != peer["id"]
    assert done.before["error_state_name"] == reason
    assert done.after["error_state_name"] is None


def test_recreate_creates_what_the_options_describe(atlas: Atlas) -> None:
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    options = {**PEERING, "accepter_region_name": "eu-west-2", "container_id": other}
    peer = atlas.create(**options)
    atlas.act("fail", peer["id"])
    done = atlas.run(**options, recreate="dead")
    assert not done.failed
    kept = ("route_table_cidr_block", "container_id", "accepter_region_name")
    assert [done.peer[name] for name in kept] == [CIDR, other, "eu-west-2"]
    assert (done.changed, atlas.writes()) == (True, ["DELETE", "POST"])


@pytest.mark.parametrize("version", ["v2", "v1.0"])
@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("made_with", "options", "parts"),
    [
        ({}, PAIR, ["route_table_cidr_block is required", CIDR]),
        ({}, {**PAIR, "route_table_cidr_block": "10.99.0.0/16"}, [f"route_table_cidr_block is {CIDR}, not 10.99.0.0/16"]),
        ({}, {**PEERING, "accepter_region_name": "eu-west-2"}, ["accepter_region_name is us-east-1, not eu-west-2"]),
        ({"accepter_region_name": "eu-west-2"}, PEERING, ["accepter_region_name is eu-west-2, not us-east-1"]),
    ],
)
def test_recreate_keeps_what_the_options_do_not_create_again(
    atlas: Atlas, made_with: dict[str, Any], options: dict[str, Any], parts: list[str], check_mode: bool, version: str
) -> None:
    peer = atlas.create(**made_with)
    atlas.act("fail", peer["id"])
    done = atlas.run(**options, recreate="dead", check_mode=check_mode, api_version=version)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing(peer["id"], "recreate: dead", *parts) == []
    assert "set recreate" not in done.msg


def test_recreate_does_not_move_a_connection_to_a_new_container(atlas: Atlas) -> None:
    peer = atlas.create(accepter_region_name="eu-west-1")
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    atlas.act("reject", peer["id"])
    done = atlas.run(**PEERING, accepter_region_name="eu-west-1", recreate="dead")
    assert (done.failed, atlas.writes()) == (True, [])
    assert f"container_id is {atlas.container_id}, not {other}" in done.msg
    assert atlas.run(**PEERING, accepter_region_name="eu-west-1", container_region_name="us-east-1", recreate="dead").changed


@pytest.mark.parametrize("more", [{}, {"route_table_cidr_block": CIDR}])
def test_recreate_by_peer_id_alone_is_refused_unsent(atlas: Atlas, more: dict[str, Any]) -> None:
    """Ended between removal and creation, the id would lead nowhere."""
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    done = atlas.run(peer_id=peer["id"], recreate="dead", **more)
    assert (done.failed, done.changed, atlas.wire()) == (True, False, [])
    assert done.missing("recreate: dead", "vpc_id", "aws_account_id", "peer_id") == []
    assert atlas.run(peer_id=peer["id"], recreate="dead", state="absent", **more).changed


def test_recreate_by_peer_id_and_the_rest_finds_the_new_one(atlas: Atlas) -> None:
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    options = {**PEERING, "peer_id": peer["id"], "recreate": "dead"}
    done = atlas.run(**options)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["DELETE", "POST"])
    again = atlas.run(**options)
    assert (again.failed, again.changed, again.peer["id"]) == (False, False, done.peer["id"])
    # What is to go is named by its id alone.
    absent = atlas.run(**options, state="absent")
    assert (absent.failed, absent.changed, len(atlas.peers())) == (False, False, 1)


@pytest.mark.parametrize("is_gone", [False, True])
def test_recreate_goes_on_after_a_run_that_ended_in_between(atlas: Atlas, is_gone: bool) -> None:
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    atlas.act("delete", peer["id"])
    atlas.clock.now += 5 if is_gone else 0
    assert len(atlas.peers()) == (0 if is_gone else 1)
    done = atlas.run(**PEERING, recreate="dead")
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["POST"])
    assert [one["id"] for one in atlas.peers()] == [done.peer["id"]]


@pytest.mark.parametrize("status", ["INITIATING", "PENDING_ACCEPTANCE", "AVAILABLE"])
def test_recreate_leaves_the_living_alone(atlas: Atlas, status: str) -> None:
    peer = atlas.create(wait=status != "INITIATING")
    if status == "AVAILABLE":
        atlas.act("accept", peer["id"])
        atlas.clock.now += 5
    done = atlas.run(**PEERING, recreate="dead")
    assert (done.changed, done.peer["status_name"], atlas.writes()) == (False, status, [])


def test_a_dead_connection_is_removed_like_any_other(atlas: Atlas) -> None:
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    assert (atlas.run(**PAIR, state="absent").changed, atlas.writes()) == (True, ["DELETE"])


def test_a_dead_one_that_stays_fails_and_counts_as_changed(make_atlas: Any) -> None:
    atlas = make_atlas(step_seconds=3600)
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    done = atlas.run(**PEERING, recreate="dead", wait_timeout=60)
    assert (done.failed, done.changed, atlas.writes()) == (True, True, ["DELETE"])
    assert "TERMINATING after 60 seconds" in done.msg
    assert done.peer["status_name"] == "TERMINATING"


def test_a_creation_that_fails_after_the_removal_is_a_change(atlas: Atlas) -> None:
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    atlas.fault("POST", "status", status=409, code="PEER_MAXIMUM_REACHED")
    done = atlas.run(**PEERING, recreate="dead")
    assert (done.failed, done.changed, done.result["error_code"]) == (True, True, "PEER_MAXIMUM_REACHED")
    assert atlas.peers() == []


def test_what_is_being_removed_is_waited_out_without_wait_too(atlas: Atlas) -> None:
    peer = atlas.create()
    atlas.act("delete", peer["id"])
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["POST"])
    assert (done.peer["id"] != peer["id"], done.peer["status_name"]) == (True, "INITIATING")
    assert [one["id"] for one in atlas.peers()] == [done.peer["id"]]


@pytest.mark.parametrize("state", ["present", "changed"])
def test_a_block_of_what_is_being_removed_is_waited_for(atlas: Atlas, state: str) -> None:
    going = atlas.create()
    other = {"vpc_id": "vpc-0f9e8d7c6b5a43210", "aws_account_id": PEERING["aws_account_id"]}
    if state == "changed":
        atlas.create(**other, route_table_cidr_block="10.99.0.0/16")
    atlas.act("delete", going["id"])
    done = atlas.run(**other, route_table_cidr_block=CIDR)
    assert (done.failed, done.changed) == (False, True)
    assert (done.peer["vpc_id"], done.peer["route_table_cidr_block"]) == (other["vpc_id"], CIDR)
    assert [one["id"] for one in atlas.peers()] == [done.peer["id"]]


def test_a_removal_is_waited_out_and_its_connection_made_again(atlas: Atlas) -> None:
    peer = atlas.create()
    atlas.act("delete", peer["id"])
    done = atlas.run(**PEERING, wait=True)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["POST"])
    assert done.peer["id"] != peer["id"]
    assert done.peer["status_name"] == "PENDING_ACCEPTANCE"
    # The other one was gone before this one was requested.
    seen = [one["status"] for one in done.result["status_history"]]
    assert (seen[:2], seen[-1]) == (["TERMINATING", "gone"], "PENDING_ACCEPTANCE")
    assert [one["id"] for one in atlas.peers()] == [done.peer["id"]]


@pytest.mark.parametrize("forward", [None, True, False])
def test_what_is_removed_by_id_is_made_again_in_its_container(atlas: Atlas, wire: Wire, forward: bool | None) -> None:
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    peer = atlas.create(container_id=other)
    untouched = atlas.create(container_id=atlas.container_id)
    atlas.act("delete", peer["id"])
    if forward is not None:
        wire.faults.append(Fault("POST", DROP, forward=forward))
    done = atlas.run(peer_id=peer["id"], wait=True)
    assert (done.failed, done.changed) == (False, True)
    assert (done.peer["vpc_id"], done.peer["container_id"]) == (VPC, other)
    expected = (peer["awsAccountId"], peer["routeTableCidrBlock"])
    assert (done.peer["aws_account_id"], done.peer["route_table_cidr_block"]) == expected
    assert done.peer["id"] != peer["id"]
    assert {one["id"] for one in atlas.peers()} == {untouched["id"], done.peer["id"]}
    # A creation that is lost on its way is sent again, and one that was made is not.
    assert len(wire.sent("POST")) == (2 if forward is False else 1)
    assert wire.sent("DELETE") == wire.sent("PATCH") == []


@pytest.mark.parametrize("options", [PEERING, {**PAIR, "state": "absent"}])
def test_all_that_are_being_removed_are_waited_for(make_atlas: Any, options: dict[str, Any]) -> None:
    atlas = make_atlas(step_seconds=10)
    first = atlas.create()
    atlas.act("delete", first["id"])
    atlas.clock.now += 5
    second = atlas.create(container_id=atlas.add_container("EU_WEST_1", "10.8.0.0/21"))
    atlas.act("delete", second["id"])
    done = atlas.run(**options, accepter_region_name="us-east-1", wait=True)
    assert (done.failed, done.changed) == (False, "state" not in options)
    # The first is gone after five seconds.
    assert next(one["seconds"] for one in done.result["status_history"] if one["status"] == "gone") >= 10
    assert {first["id"], second["id"]} & {one["id"] for one in atlas.peers()} == set()


def test_a_late_removal_fails_before_anything_is_made(make_atlas: Any) -> None:
    atlas = make_atlas(step_seconds=3600)
    peer = atlas.create()
    atlas.act("delete", peer["id"])
    done = atlas.run(**PEERING, wait=True, wait_timeout=60)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("TERMINATING", "60 seconds", "gone", "wait_timeout") == []


@pytest.mark.parametrize("wait", [False, True])
@pytest.mark.parametrize("forward", [True, False])
def test_a_removal_with_a_lost_reply_counts_as_changed(atlas: Atlas, wait: bool, forward: bool) -> None:
    peer = atlas.create()
    atlas.act("fail", peer["id"])
    atlas.fault("DELETE", "lost_reply" if forward else "close")
    done = atlas.run(**PEERING, recreate="dead", retries=0, wait=wait)
    assert (done.failed, done.changed, atlas.sent("DELETE")) == (True, forward, 1)


def test_a_dead_one_removed_by_another_meanwhile_is_made_again(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.act("reject", peer["id"])
    atlas.fault("DELETE", "status", status=404, code="PEER_NOT_FOUND", applied=True)
    done = atlas.run(**PEERING, recreate="dead", wait=True)
    assert (done.failed, done.changed) == (False, True)
    assert done.peer["id"] != peer["id"]


def test_a_refusal_of_version_1_is_in_the_words_of_atlas(atlas: Atlas) -> None:
    atlas.fault("POST", "status", status=400, code="INVALID_ROUTE_TABLE_CIDR")
    done = atlas.run(**PEERING, api_version="v1.0")
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "INVALID_ROUTE_TABLE_CIDR")
