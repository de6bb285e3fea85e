"""Changes whose reply is lost, and races: looked up before anything is sent again, and told truly in the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_network_container as _container_task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peer as _vpc_peer_task
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, RESET, Fault, Reply, Wire, reply, serving

OTHER = "10.99.0.0/16"
TRUNCATED = Reply(200, b'{"id":', length=500)
LOST = pytest.mark.parametrize(
    "lost",
    [
        DROP,
        RESET,
        TRUNCATED,
        Reply(301),
        Reply(308),
        Reply(408),
        Reply(502, b"<html>"),
        Reply(503),
        Reply(504),
        Reply(200, b"<html>"),
        Reply(200),
        reply({"odd": 1}),
    ],
    ids=["close", "reset", "truncated", "301", "308", "408", "502", "503", "504", "html", "empty", "shape"],
)
EXISTS = reply({"error": 409, "errorCode": "PEER_ALREADY_EXISTS", "detail": "There is one."}, 409)


def verbs(wire: Wire) -> list[str]:
    """Return the methods of the requests with credentials, without those about containers."""
    return [one.method for one in wire.requests if one.authorization and "containers" not in one.path]


@LOST
def test_a_post_that_was_carried_out_is_not_sent_again(atlas: Atlas, wire: Wire, lost: Reply) -> None:
    wire.faults.append(Fault("POST", lost, forward=True))
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, verbs(wire)) == (False, True, ["GET", "POST", "GET"])
    assert [one["id"] for one in atlas.peers()] == [done.peer["id"]]
    assert (done.before, done.after["id"]) == ({}, done.peer["id"])


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_post_that_is_always_lost_is_given_up_after_retries(atlas: Atlas, wire: Wire, retries: int) -> None:
    wire.faults.append(Fault("POST", DROP, times=99))
    done = atlas.run(**PEERING, retries=retries)
    assert done.failed
    assert verbs(wire) == ["GET"] + ["POST", "GET", "GET"] * (retries + 1)
    # None between the last look and the next creation.
    assert atlas.clock.pauses == [2.0, 4.0] * (retries + 1)
    assert done.msg.startswith("Failed to create the VPC peering connection to ")
    assert atlas.peers() == []


@pytest.mark.parametrize("status", [302, 307, 408, 500])
def test_an_answer_in_place_of_atlas_is_only_looked_up(atlas: Atlas, wire: Wire, status: int) -> None:
    wire.faults.append(Fault("POST", reply({"detail": "Oops."}, status), times=9))
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, done.result["http_status"]) == (True, False, status)
    assert verbs(wire) == ["GET", "POST", "GET", "GET"]


@pytest.mark.parametrize("appears", [1, 5])
@pytest.mark.parametrize("retries", [0, 2])
def test_a_creation_that_is_seen_late_is_found_once_it_is_shown(atlas: Atlas, wire: Wire, appears: float, retries: int) -> None:
    """A list that lags behind its server; this one would make a second connection."""
    wire.faults.append(Fault("POST", DROP, before=lambda: atlas.clock.after(appears, atlas.add_peer)))
    done = atlas.run(**PEERING, retries=retries)
    assert (done.failed, done.changed, len(atlas.peers())) == (False, True, 1)
    looks = 1 if appears < 2 else 2
    assert verbs(wire) == ["GET", "POST", *["GET"] * looks]
    assert atlas.clock.pauses == [2.0, 4.0][:looks]


# With retries on the first two servers: tests/reliability/test_other_servers.py.
@pytest.mark.parametrize(
    ("settings", "retries"),
    [({"allow_duplicates": True}, 0), ({"list_lag_seconds": 1}, 0), ({"list_lag_seconds": 5}, 0), ({"list_lag_seconds": 5}, 2)],
    ids=str,
)
@pytest.mark.parametrize("lost", [DROP, RESET, Reply(503), Reply(200, b"<html>")], ids=["close", "reset", "503", "html"])
@pytest.mark.parametrize("what", ["peer", "container"])
def test_nothing_is_made_twice_on_servers_that_let_it(
    make_atlas: Callable[..., Atlas], settings: dict[str, Any], lost: Reply, retries: int, what: str
) -> None:
    atlas = make_atlas(**{"allow_duplicates": True, **settings})
    with serving(upstream=atlas.emulator.base_url) as wire:
        atlas.base_url = wire.base_url
        wire.faults.append(Fault("POST", lost, forward=True))
        if what == "peer":
            done = atlas.run(**PEERING, retries=retries)
        else:
            done = atlas.run(_container_task.OPERATION, region_name="eu-west-1", retries=retries)
        assert (done.failed, done.changed, len(wire.sent("POST"))) == (False, True, 1)
    assert len(atlas.peers()) == (what == "peer")
    with atlas.emulator.project.now() as project:
        assert len(list(project.containers)) == 1 + (what == "container")


def test_a_longer_lag_is_survived_where_duplicates_are_refused(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(list_lag_seconds=20)
    with serving(upstream=atlas.emulator.base_url) as wire:
        atlas.base_url = wire.base_url
        wire.faults.append(Fault("POST", DROP, forward=True))
        done = atlas.run(**PEERING, retries=4)
    assert (done.failed, done.changed, len(atlas.peers())) == (False, True, 1)


# With retries: tests/reliability/test_matrix.py.
@pytest.mark.parametrize("lost", [DROP, RESET, Reply(503)], ids=["close", "reset", "503"])
@pytest.mark.parametrize("wait", [False, True])
def test_a_delete_that_was_carried_out_counts_without_retries(atlas: Atlas, wire: Wire, lost: Reply, wait: bool) -> None:
    atlas.create()
    wire.faults.append(Fault("DELETE", lost, forward=True))
    done = atlas.run(**PAIR, state="absent", retries=0, wait=wait)
    assert (done.failed, done.changed, done.peer) == (False, True, None)
    assert atlas.peers() == [] or atlas.peers()[0]["statusName"] == "TERMINATING"


@pytest.mark.parametrize("retries", [1, 2])
@pytest.mark.parametrize("lag", [0, 30])
@pytest.mark.parametrize("what", ["peer", "container"])
def test_a_second_delete_after_a_lost_one_succeeds(make_atlas: Callable[..., Atlas], what: str, lag: float, retries: int) -> None:
    """Even where the list still shows it."""
    atlas = make_atlas(list_lag_seconds=lag)
    atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    atlas.add_peer()
    atlas.clock.now += 60
    with serving(upstream=atlas.emulator.base_url) as wire:
        atlas.base_url = wire.base_url
        wire.faults.append(Fault("DELETE", DROP, forward=True))
        if what == "peer":
            done = atlas.run(**PAIR, state="absent", retries=retries)
        else:
            done = atlas.run(_container_task.OPERATION, region_name="eu-west-1", state="absent", retries=retries)
        assert (done.failed, done.changed, len(wire.sent("DELETE"))) == (False, True, 2)
        # The answer was clear, so nothing was looked up.
        assert [one.method for one in wire.requests][-1] == "DELETE"


ODD = reply({"odd": 1})


@pytest.mark.parametrize("what", ["peer", "container"])
@pytest.mark.parametrize(("lag", "forward"), [(0, True), (0, False), (30, True), (30, False)])
def test_a_delete_with_an_odd_reply_is_looked_up(make_atlas: Callable[..., Atlas], lag: float, forward: bool, what: str) -> None:
    atlas = make_atlas(list_lag_seconds=lag)
    atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    atlas.add_peer()
    atlas.clock.now += 60
    task = _vpc_peer_task.OPERATION if what == "peer" else _container_task.OPERATION
    options = PAIR if what == "peer" else {"region_name": "eu-west-1"}
    with serving(upstream=atlas.emulator.base_url) as wire:
        atlas.base_url = wire.base_url
        wire.faults.append(Fault("DELETE", ODD, forward=forward))
        done = atlas.run(task, **options, state="absent")
    assert (done.failed, done.changed) == (False, True)
    # Where the list shows at once that it is gone, that will do.
    noun = "peers" if what == "peer" else "containers"
    sent = [one.method for one in wire.requests if one.authorization and f"/{noun}" in one.path]
    assert sent == ["GET", "DELETE", "GET", *([] if forward and not lag else ["DELETE"])]


@pytest.mark.parametrize("retries", [0, 2])
def test_a_delete_with_an_odd_reply_for_ever_is_given_up(atlas: Atlas, wire: Wire, retries: int) -> None:
    atlas.create()
    wire.faults.append(Fault("DELETE", ODD, times=99))
    done = atlas.run(**PAIR, state="absent", retries=retries)
    assert (done.failed, len(wire.sent("DELETE")), len(atlas.peers())) == (True, retries + 1, 1)
    assert "is not what Atlas answers to a removal" in done.msg


def test_a_failed_look_after_a_lost_reply_counts_as_changed(atlas: Atlas, wire: Wire) -> None:
    broken = Fault("GET", DROP, times=0)
    wire.faults += [Fault("POST", DROP, forward=True, before=lambda: setattr(broken, "times", 99)), broken]
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed) == (True, True)


def test_losing_the_race_for_another_block_leads_to_an_update(atlas: Atlas, wire: Wire) -> None:
    wire.faults.append(Fault("POST", None, before=lambda: atlas.add_peer(routeTableCidrBlock=OTHER)))
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, verbs(wire)) == (False, True, ["GET", "POST", "GET", "PATCH"])
    assert [one["routeTableCidrBlock"] for one in atlas.peers()] == [CIDR]


def test_a_new_one_in_another_container_does_not_matter(atlas: Atlas, wire: Wire) -> None:
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    wire.faults.append(Fault("POST", None, before=lambda: atlas.add_peer(containerId=other)))
    done = atlas.run(**PEERING, container_id=atlas.container_id)
    assert (done.failed, done.changed, done.peer["container_id"]) == (False, True, atlas.container_id)
    assert len(atlas.peers()) == 2


def test_a_conflict_with_what_no_list_shows_ends(atlas: Atlas, wire: Wire) -> None:
    wire.faults.append(Fault("POST", EXISTS, times=99))
    done = atlas.run(**PEERING, retries=2)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "PEER_ALREADY_EXISTS")
    assert verbs(wire) == ["GET"] + ["POST", "GET", "GET"] * 3


@pytest.mark.parametrize("code", ["OVERLAPPING_CIDR_BLOCK", "PEER_MAXIMUM_REACHED", "PEER_INVALID_STATE"])
def test_another_conflict_is_final(atlas: Atlas, wire: Wire, code: str) -> None:
    wire.faults.append(Fault("POST", reply({"error": 409, "errorCode": code, "detail": "No."}, 409), times=9))
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, code)
    assert verbs(wire) == ["GET", "POST"]


def test_a_limited_rate_in_the_middle_is_waited_out(atlas: Atlas, wire: Wire) -> None:
    limited = reply({"error": 429, "errorCode": "RATE_LIMITED", "detail": "x"}, 429, ("Retry-After", "2"))
    wire.faults += [Fault("GET", limited), Fault("POST", limited)]
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, verbs(wire)) == (False, True, ["GET", "GET", "POST", "POST"])
    assert atlas.clock.pauses == [2, 2]
