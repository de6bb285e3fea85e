"""Waiting with the whole task: for which states, how often it asks, what it says when it is in vain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, PAIR, PEERING, VPC, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Reply, Wire, reply


def test_without_wait_nothing_is_asked_after_the_change(atlas: Atlas) -> None:
    done = atlas.run(**PEERING)
    assert done.peer["status_name"] == "INITIATING"
    assert (atlas.wire()[-1], atlas.clock.pauses) == (("POST", 200), [])
    assert "status_history" not in done.result


@pytest.mark.usefixtures("on_sockets")
def test_a_new_connection_is_awaited_until_it_can_be_accepted(atlas: Atlas) -> None:
    done = atlas.run(**PEERING, wait=True)
    assert (done.changed, done.peer["status_name"]) == (True, "PENDING_ACCEPTANCE")
    assert done.peer["connection_id"].startswith("pcx-")
    assert done.after.items() < done.peer.items()
    assert 1 <= sum(atlas.clock.pauses) <= 2
    assert atlas.wire()[4:] == [("GET", 200)] * len(atlas.clock.pauses)
    assert atlas.tcp_connections() == 1


def test_a_state_beyond_the_wanted_one_costs_no_request(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.act("accept", peer["id"])
    atlas.clock.now += 1
    done = atlas.run(**PEERING, wait=True)
    assert (done.changed, done.peer["status_name"], len(atlas.wire())) == (False, "AVAILABLE", 3)


def test_it_goes_on_to_available_when_somebody_accepts(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.clock.pauses.clear()
    atlas.clock.after(30, lambda: atlas.act("accept", peer["id"]))
    done = atlas.run(**PEERING, wait=True, wait_for="available")
    assert (done.failed, done.changed, done.peer["status_name"]) == (False, False, "AVAILABLE")
    assert 31 <= sum(atlas.clock.pauses) <= 31 + 6
    assert atlas.clock.pauses[0] <= 1
    assert max(atlas.clock.pauses) <= 10
    assert [entry["status"] for entry in done.result["status_history"]][-1] == "AVAILABLE"


def test_wait_sleep_bounds_the_intervals(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.clock.after(100, lambda: atlas.act("accept", peer["id"]))
    assert atlas.run(**PEERING, wait=True, wait_for="available", wait_sleep=2).peer["status_name"] == "AVAILABLE"
    assert max(atlas.clock.pauses) <= 2


def test_a_creation_with_an_accepting_owner_ends_available(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(accept="auto")
    done = atlas.run(**PEERING, wait=True, wait_for="available")
    assert (done.changed, done.peer["status_name"]) == (True, "AVAILABLE")
    assert done.result["status_history"][0]["status"] == "INITIATING"


def test_the_time_out_tells_the_state_the_time_and_what_to_do(atlas: Atlas) -> None:
    done = atlas.run(**PEERING, wait=True, wait_for="available", wait_timeout=90)
    assert (done.failed, done.changed) == (True, True)
    peer = atlas.peers()[0]
    for part in ("PENDING_ACCEPTANCE", "90 seconds", "AVAILABLE", peer["connectionId"], ACCOUNT, "accepted", peer["id"]):
        assert part in done.msg
    assert done.peer["status_name"] == "PENDING_ACCEPTANCE"
    assert sum(atlas.clock.pauses) == pytest.approx(90)
    assert len(atlas.wire()) < 40


def test_a_time_out_without_a_change_is_no_change(atlas: Atlas) -> None:
    atlas.create(wait=True)
    done = atlas.run(**PEERING, wait=True, wait_for="available", wait_timeout=5)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])


def test_a_time_out_before_aws_answers_has_no_connection_id(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(step_seconds=3600)
    done = atlas.run(**PEERING, wait=True, wait_timeout=20)
    assert "INITIATING" in done.msg
    assert "None" not in done.msg
    assert done.changed


@pytest.mark.parametrize(("action", "reason"), [("reject", "REJECTED"), ("expire", "EXPIRED"), ("fail", "INVALID_ARGUMENT")])
def test_a_failure_while_waiting_ends_it_with_the_reason(atlas: Atlas, action: str, reason: str) -> None:
    peer = atlas.create(wait=True)
    atlas.clock.after(7, lambda: atlas.act(action, peer["id"]))
    done = atlas.run(**PEERING, wait=True, wait_for="available")
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, reason)
    assert (done.peer["status_name"], done.peer["error_state_name"]) == ("FAILED", reason)


def test_a_new_connection_that_fails_counts_as_changed(atlas: Atlas) -> None:
    atlas.clock.after(1.2, lambda: atlas.act("fail", atlas.peers()[0]["id"]))
    done = atlas.run(**PEERING, wait=True, wait_for="available")
    assert (done.failed, done.changed, done.result["error_code"]) == (True, True, "INVALID_ARGUMENT")


def test_a_removal_by_somebody_else_while_waiting_is_told(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.clock.after(7, lambda: atlas.act("delete", peer["id"]))
    done = atlas.run(**PEERING, wait=True, wait_for="available")
    assert (done.failed, done.changed) == (True, False)
    assert done.missing(peer["id"], "removed") == []
    assert atlas.writes() == []


def test_a_removal_is_waited_for_until_it_is_gone(atlas: Atlas) -> None:
    atlas.create()
    done = atlas.run(**PAIR, state="absent", wait=True)
    assert (done.changed, done.peer, atlas.peers()) == (True, None, [])
    assert atlas.wire()[-1] == ("GET", 404)


def test_a_removal_that_somebody_else_began_is_waited_for(atlas: Atlas) -> None:
    atlas.act("delete", atlas.create()["id"])
    done = atlas.run(**PAIR, state="absent", wait=True)
    assert (done.failed, done.changed, atlas.writes(), atlas.peers()) == (False, False, [], [])


def test_a_removal_that_takes_too_long_is_told(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(step_seconds=3600)
    atlas.create()
    done = atlas.run(**PAIR, state="absent", wait=True, wait_timeout=30)
    assert (done.failed, done.changed) == (True, True)
    assert done.missing("TERMINATING", "30 seconds", "wait_timeout") == []


def test_an_update_is_waited_for_too(atlas: Atlas) -> None:
    atlas.create()
    done = atlas.run(**PAIR, route_table_cidr_block="10.99.0.0/16", wait=True)
    assert (done.changed, done.peer["status_name"]) == (True, "PENDING_ACCEPTANCE")
    assert done.peer["route_table_cidr_block"] == "10.99.0.0/16"


def test_a_state_that_nobody_knows_is_waited_through(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create(wait=True)
    wire.faults.append(Fault("GET", reply({**peer, "statusName": "SOMETHING_NEW"})))
    done = atlas.run(peer_id=peer["id"], wait=True)
    assert (done.failed, done.peer["status_name"]) == (False, "PENDING_ACCEPTANCE")


def test_a_hiccup_while_waiting_is_survived(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create(wait=True)
    atlas.clock.after(20, lambda: atlas.act("accept", peer["id"]))
    wire.faults += [Fault("GET", None), Fault("GET", Reply(503)), Fault("GET", Reply(drop="reset")), Fault("GET", Reply(502))]
    done = atlas.run(**PEERING, wait=True, wait_for="available", retries=3)
    assert (done.failed, done.peer["status_name"]) == (False, "AVAILABLE")


def test_an_error_while_waiting_is_not_taken_for_gone(atlas: Atlas) -> None:
    atlas.create()
    atlas.fault("GET", "status", status=404, code="GROUP_NOT_FOUND", skip=1, times=9)
    done = atlas.run(**PAIR, state="absent", wait=True)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, True, "GROUP_NOT_FOUND")


def test_a_long_wait_reports_now_and_then(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.lines.clear()
    atlas.clock.after(300, lambda: atlas.act("accept", peer["id"]))
    atlas.run(**PEERING, wait=True, wait_for="available")
    assert 3 <= len(atlas.lines) <= 10
    assert all(VPC in line for line in atlas.lines)
    assert "AVAILABLE" in atlas.lines[-1]


WAITING = {"wait": True, "wait_for": "available"}


class _Told(list[str]):
    """Lines, and when they came."""

    def __init__(self, time: Callable[[], float]) -> None:
        super().__init__()
        self.times: list[float] = []
        self._time = time

    def append(self, line: str) -> None:
        self.times.append(self._time())
        super().append(line)


def test_what_is_awaited_is_reported_with_account_and_region(atlas: Atlas) -> None:
    began = atlas.clock.now
    told = atlas.lines = _Told(lambda: atlas.clock.now - began)
    done = atlas.run(**PEERING, **WAITING, wait_timeout=20)
    assert done.failed
    peer = atlas.peers()[0]
    where = f"{peer['connectionId']} in AWS account {ACCOUNT}, region us-east-1"
    assert told == [f"{VPC}: INITIATING → PENDING_ACCEPTANCE after 1 s, 19 s left; accept {where}"]
    # The connection is known to AWS after one second.
    assert told.times[0] <= 1.5
    assert f"Have {where.replace(' in ', ' accepted in ')}" in done.msg


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_a_pending_connection_is_reported_before_any_pause(atlas: Atlas, region: str | None) -> None:
    peer = atlas.create(wait=True, accepter_region_name=region)
    atlas.lines.clear()
    atlas.clock.pauses.clear()
    told: list[int] = []
    atlas.clock.after(0.1, lambda: told.append(len(atlas.lines)))
    assert atlas.run(**PEERING, **WAITING, wait_timeout=30).failed
    assert told == [1]
    where = f"accept {peer['connectionId']} in AWS account {ACCOUNT}, region {region or 'us-east-1'}"
    assert atlas.lines == [f"{VPC}: PENDING_ACCEPTANCE after 0 s, 30 s left; {where}"]
    reads = [entry["path"] for entry in atlas.emulator.requests.entries() if "/containers" in entry["path"]]
    assert len(reads) == 1


def test_the_region_is_left_out_where_it_cannot_be_read(atlas: Atlas) -> None:
    """With API v1.0, the container of a new connection is known only afterwards, and the creation does not fail for it."""
    # The challenge and the list are first.
    atlas.fault("GET", "status", status=403, code="X", skip=1)
    done = atlas.run(**PEERING, **WAITING, api_version="v1.0", wait_timeout=30)
    assert (done.result["error_code"], done.changed, done.peer["accepter_region_name"]) == (None, True, None)
    (peer,) = atlas.peers()
    assert atlas.lines[-1].endswith(f"; accept {peer['connectionId']} in AWS account {ACCOUNT}")


def test_one_whose_region_cannot_be_read_is_not_waited_for(atlas: Atlas) -> None:
    """Whether it is the right one is not known."""
    atlas.create(wait=True)
    atlas.fault("GET", "status", status=403, code="X", skip=1)
    done = atlas.run(**PEERING, **WAITING, wait_timeout=30)
    assert (done.result["error_code"], done.changed) == ("X", False)
    assert done.msg.startswith(f"Failed to read network container {atlas.container_id} ")


def test_a_pause_of_an_atlas_that_does_not_answer_is_said(atlas: Atlas) -> None:
    atlas.create()
    atlas.fault("GET", "status", status=503, times=5)
    assert not atlas.run(**PEERING, retries=5).failed
    # The pauses double, so some are longer than five seconds; all are within a minute.
    assert atlas.lines == [f"{VPC}: Atlas does not answer (503), trying again"]


@pytest.mark.parametrize(("seconds", "is_said"), [(5, False), (6, True)])
def test_a_short_pause_for_the_rate_is_not_said(atlas: Atlas, seconds: int, is_said: bool) -> None:
    atlas.fault("GET", "status", status=429, retry_after=seconds)
    atlas.run(**PEERING)
    assert atlas.lines == [f"{VPC}: Atlas limits the rate (429), trying again"] * is_said


def test_a_change_without_answer_is_said(atlas: Atlas) -> None:
    atlas.create()
    atlas.fault("PATCH", "close", times=None)
    assert atlas.run(**{**PEERING, "route_table_cidr_block": "10.77.0.0/16"}, retries=5).failed
    assert atlas.lines[1:] == [f"{VPC}: Atlas does not answer (no reply), trying again"]


def test_nobody_is_asked_to_accept_what_is_not_waited_for(atlas: Atlas) -> None:
    atlas.create(wait=True)
    atlas.lines.clear()
    atlas.run(**PEERING, wait=True)
    atlas.run(**PEERING, wait_for="available")
    atlas.run(**PEERING, **WAITING, check_mode=True)
    atlas.run(**PAIR, **WAITING, state="absent")
    assert not any("accept" in line for line in atlas.lines)


def test_a_long_wait_for_something_else_says_for_what(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(step_seconds=3600)
    atlas.run(**PEERING, wait=True, wait_timeout=100)
    (line,) = atlas.lines
    assert line == f"{VPC}: still INITIATING after 66 s, 34 s left; waiting for PENDING_ACCEPTANCE"
    atlas.lines.clear()
    atlas.run(**PAIR, wait=True, wait_timeout=100, state="absent")
    assert atlas.lines[-1].endswith("; waiting for gone")


UNANSWERED = pytest.mark.parametrize(
    ("silence", "part"),
    [(Reply(drop="close"), "broke"), (Reply(503), "HTTP 503"), (reply({"error": 429}, 429), "HTTP 429")],
    ids=["close", "503", "429"],
)


@UNANSWERED
@pytest.mark.parametrize("wait_timeout", [2, 40])
def test_an_unanswered_wait_has_the_last_state(atlas: Atlas, wire: Wire, silence: Reply, part: str, wait_timeout: int) -> None:
    peer = atlas.create(wait=True)
    began = atlas.clock.now
    wire.faults += [Fault("GET"), Fault("GET"), Fault("GET"), Fault("GET", silence, times=999)]
    done = atlas.run(**PEERING, **WAITING, wait_timeout=wait_timeout)
    assert (done.failed, done.changed) == (True, False)
    assert wait_timeout <= atlas.clock.now - began <= wait_timeout + 1
    for words in (peer["id"], "PENDING_ACCEPTANCE", f"{wait_timeout} seconds", "did not answer", "AVAILABLE", "accepted in"):
        assert words in done.msg
    assert part in done.msg
    assert done.peer["status_name"] == "PENDING_ACCEPTANCE"
    assert done.result["detail"].startswith("last status PENDING_ACCEPTANCE; ")


def test_a_wait_that_gets_no_answer_has_the_state_before_it(atlas: Atlas, wire: Wire) -> None:
    atlas.create()
    wire.faults += [Fault("GET"), Fault("GET"), Fault("GET", Reply(503), times=999)]
    done = atlas.run(**PEERING, wait=True, wait_timeout=3)
    assert "was INITIATING when Atlas last answered" in done.msg
    assert done.result["http_status"] == 503
    wire.faults[:] = [Fault("GET"), Fault("GET", Reply(503), times=999)]
    done = atlas.run(**PAIR, state="absent", wait=True, wait_timeout=3)
    assert (done.failed, done.changed) == (True, True)
    assert "to be gone were over" in done.msg


@UNANSWERED
def test_a_failure_long_before_the_end_of_a_wait_stays_as_it_is(atlas: Atlas, wire: Wire, silence: Reply, part: str) -> None:
    atlas.create(wait=True)
    began = atlas.clock.now
    wire.faults += [Fault("GET"), Fault("GET"), Fault("GET", silence, times=999)]
    done = atlas.run(**PEERING, **WAITING, accepter_region_name="us-east-1", wait_timeout=600)
    assert done.msg.startswith("Failed to read VPC peering connection ")
    assert part in done.msg
    assert atlas.clock.now - began < 200


def test_an_answer_in_the_end_counts(atlas: Atlas) -> None:
    peer = atlas.create(wait=True)
    atlas.clock.after(1, lambda: atlas.act("accept", peer["id"]))
    atlas.fault("GET", "status", status=503, skip=2, times=3)
    done = atlas.run(**PEERING, **WAITING, accepter_region_name="us-east-1", wait_timeout=30, retries=0)
    assert (done.failed, done.peer["status_name"]) == (False, "AVAILABLE")


def test_an_error_that_is_an_answer_ends_the_wait_at_any_time(atlas: Atlas) -> None:
    atlas.create(wait=True)
    atlas.fault("GET", "status", status=403, code="X", skip=2, times=9)
    done = atlas.run(**PEERING, **WAITING, accepter_region_name="us-east-1", wait_timeout=3)
    assert (done.failed, done.result["http_status"]) == (True, 403)
    assert done.msg.startswith("Failed to read VPC peering connection")


NOT_FOUND = reply({"error": 404, "errorCode": "PEER_NOT_FOUND", "detail": "Not there."}, 404)


@pytest.mark.parametrize("times", [1, 5])
def test_early_reads_that_do_not_know_it_are_not_its_removal(atlas: Atlas, wire: Wire, times: int) -> None:
    # The list of the peers, and that of the containers: the reads of the wait are next.
    wire.faults += [Fault("GET", None), Fault("GET", None), Fault("GET", NOT_FOUND, times=times)]
    done = atlas.run(**PEERING, wait=True)
    assert (done.failed, done.changed, done.peer["status_name"]) == (False, True, "PENDING_ACCEPTANCE")
    assert [one["status"] for one in done.result["status_history"]] == ["INITIATING", "PENDING_ACCEPTANCE"]


def test_reads_that_still_do_not_know_it_later_are_its_removal(atlas: Atlas, wire: Wire) -> None:
    wire.faults += [Fault("GET", None), Fault("GET", None), Fault("GET", NOT_FOUND, times=99)]
    done = atlas.run(**PEERING, wait=True)
    assert (done.failed, done.changed) == (True, True)
    assert "removed by somebody else" in done.msg
    assert 10 <= atlas.clock.now - 1000 <= 20


def test_an_older_one_is_not_awaited_when_it_is_gone(atlas: Atlas, wire: Wire) -> None:
    atlas.create()
    wire.faults += [Fault("GET", None), Fault("GET", None), Fault("GET", NOT_FOUND)]
    assert "removed by somebody else" in atlas.run(**PEERING, wait=True).msg
