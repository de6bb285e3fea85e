"""Check mode sends reads only, and foretells what the same task then does."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import PAIR, PEERING, Atlas, Done, without_times

OTHER = {**PAIR, "route_table_cidr_block": "10.99.0.0/16"}
ONLY_ATLAS_KNOWS = ("id", "connection_id", "requested_at", "expires_at")


def prepare(atlas: Atlas, start: str) -> None:
    """Bring the emulator into a state of that name."""
    if start == "nothing":
        return
    peer = atlas.create(wait=True)
    if start == "dead":
        atlas.act("reject", peer["id"])
    elif start == "dying":
        atlas.act("delete", peer["id"])
    elif start == "available":
        atlas.act("accept", peer["id"])
        atlas.clock.now += 1


def without(peer: Any) -> Any:
    return peer and {name: value for name, value in peer.items() if name not in ONLY_ATLAS_KNOWS}


CASES: list[tuple[str, dict[str, Any], bool]] = [
    ("nothing", PEERING, True),
    ("nothing", {**PEERING, "accepter_region_name": "US_EAST_1"}, True),
    ("nothing", {**PEERING, "accepter_region_name": "eu-west-1"}, True),
    ("nothing", {**PEERING, "wait": True}, True),
    ("nothing", {**PAIR, "state": "absent"}, False),
    ("pending", PEERING, False),
    ("pending", {**PEERING, "wait": True}, False),
    ("pending", OTHER, True),
    ("pending", {**PAIR, "state": "absent"}, True),
    ("pending", {**PAIR, "state": "absent", "wait": True}, True),
    ("available", OTHER, True),
    ("available", {**PEERING, "wait": True, "wait_for": "available"}, False),
    ("dead", {**PEERING, "recreate": "dead"}, True),
    ("dead", {**PEERING, "recreate": "dead", "wait": True}, True),
    ("dead", {**PAIR, "state": "absent"}, True),
    ("dying", PEERING, True),
    ("dying", {**PEERING, "wait": True}, True),
    ("dying", {**PEERING, "recreate": "dead"}, True),
    ("dying", {**PAIR, "state": "absent"}, False),
    ("dying", {**PAIR, "state": "absent", "wait": True}, False),
]


# With API v1.0, and from any other state: tests/properties/test_check_mode_tells_the_truth.py.
@pytest.mark.parametrize(("start", "options", "changed"), CASES)
def test_it_foretells_what_then_happens(atlas: Atlas, start: str, options: dict[str, Any], changed: bool) -> None:
    prepare(atlas, start)
    before, pauses = atlas.peers(), len(atlas.clock.pauses)
    foretold = atlas.run(**options, check_mode=True)
    assert (foretold.failed, foretold.changed) == (False, changed)
    assert {method for method, status in atlas.wire()} == {"GET"}
    assert len(atlas.wire()) <= 4
    assert (atlas.peers(), len(atlas.clock.pauses)) == (before, pauses)
    assert foretold.after == without_times(foretold.peer or {})

    done = atlas.run(**options)
    assert (done.failed, done.changed) == (False, changed)
    assert without(foretold.peer) == without(done.peer)
    assert foretold.before == done.before


def test_a_creation_has_nulls_for_what_only_atlas_knows(atlas: Atlas) -> None:
    done = atlas.run(**PEERING, check_mode=True)
    assert done.peer["id"] is None
    assert done.peer["connection_id"] is None
    assert (done.peer["status_name"], done.peer["container_id"]) == ("INITIATING", atlas.container_id)
    assert done.before == {}


def same_failure(one: Done, two: Done) -> bool:
    return one.failed and two.failed and one.msg == two.msg and not one.changed and not two.changed


@pytest.mark.parametrize(
    ("start", "options"),
    [
        ("nothing", PAIR),
        ("nothing", {"peer_id": "0" * 24}),
        ("nothing", {**PEERING, "container_id": "0" * 24}),
        ("dead", PEERING),
        ("dead", {**PAIR, "recreate": "dead"}),
        ("dead", {**OTHER, "recreate": "dead"}),
        ("dead", {**PEERING, "recreate": "dead", "accepter_region_name": "eu-west-1"}),
        ("nothing", {**PEERING, "container_region_name": "eu-west-1"}),
        ("pending", {**PEERING, "container_region_name": "eu-west-1"}),
        ("pending", {**PEERING, "container_id": "0" * 24}),
        ("nothing", {**PEERING, "private_key": "wrong"}),
        ("nothing", {**PEERING, "group_id": "0" * 24}),
    ],
)
def test_it_fails_where_the_task_would_fail(atlas: Atlas, start: str, options: dict[str, Any]) -> None:
    prepare(atlas, start)
    assert same_failure(atlas.run(**options, check_mode=True), atlas.run(**options))
    assert atlas.writes() == []


def test_another_region_than_the_container_s_is_foreseen(atlas: Atlas) -> None:
    atlas.create()
    done = atlas.run(**OTHER, accepter_region_name="eu-west-1", check_mode=True)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("accepter_region_name", "us-east-1", "eu-west-1") == []


def test_an_unknown_group_is_told_when_the_container_is_read(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=404, code="GROUP_NOT_FOUND", skip=1)
    done = atlas.run(**PEERING, container_id=atlas.container_id, check_mode=True)
    assert (done.failed, done.result["error_code"]) == (True, "GROUP_NOT_FOUND")


def test_a_change_that_overlaps_a_neighbour_is_foreseen(atlas: Atlas) -> None:
    atlas.create()
    atlas.add_peer(vpcId="vpc-0000000000000beef", routeTableCidrBlock="10.99.0.0/16")
    done = atlas.run(**OTHER, check_mode=True)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert "route_table_cidr_block 10.99.0.0/16 overlaps 10.99.0.0/16" in done.msg
