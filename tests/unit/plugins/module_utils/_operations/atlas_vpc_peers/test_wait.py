"""Waiting for a list: one question a poll, a line for the user, and each failure with its entry."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Lines
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK, SetSite, block, entries, entry, vpc
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Wire, page


def statuses(atlas: SetSite) -> set[str]:
    return {str(one["statusName"]) for one in atlas.peers()}


def test_all_are_waited_for_by_one_list_a_poll(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(accept="auto", max_pending_peers=50)
    done = atlas.apply([entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(50)], wait=True)
    assert not done.failed
    assert statuses(atlas) <= {"PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE"}
    after = atlas.wire()[len(LOOK) + 50 :]
    assert after == [("GET", 200)] * len(atlas.clock.pauses)
    assert done.result["status_history"][0][0]["status"] == "INITIATING"
    assert len(done.result["status_history"]) == 50


def test_with_nothing_to_wait_for_there_is_no_poll(atlas: SetSite) -> None:
    atlas.apply(entries(2), wait=True)
    atlas.clear()
    atlas.apply(entries(2), wait=True)
    assert (atlas.wire(), atlas.lines, atlas.clock.pauses) == (LOOK, [], [])


def test_one_line_tells_how_far_all_are(atlas: SetSite) -> None:
    atlas.apply(entries(2), parallel=1)
    atlas.clock.now += 9
    atlas.act("accept", atlas.id_of(0))
    atlas.clock.after(9, lambda: atlas.act("accept", atlas.id_of(1)))
    pcx = next(one["connectionId"] for one in atlas.peers() if one["vpcId"] == vpc(1))
    assert not atlas.apply(entries(2), wait=True, wait_for="available").failed
    project = f"project {atlas.emulator.settings.group_id}"
    waits = f"1 waits: accept {pcx} in AWS account {ACCOUNT}, region us-east-1"
    assert [line.partition("; ")[0] for line in atlas.lines] == [
        f"{project}: 0 of 2 available, {waits}",
        f"{project}: 1 of 2 available, {waits}",
        f"{project}: 1 of 2 available",
        f"{project}: 2 of 2 available",
    ]
    times = [[float(word) for word in re.findall(r"(\d+) s", line)] for line in atlas.lines]
    assert times[0] == [0, 1800]
    assert all(abs(waited + left - 1800) <= 1 for waited, left in times)
    assert times == sorted(times)


def test_a_later_state_has_reached_the_goal_too(atlas: SetSite) -> None:
    atlas.apply(entries(2), parallel=1)
    atlas.clock.now += 9
    atlas.act("accept", atlas.id_of(0))
    atlas.clock.now += 9
    atlas.apply(entries(3), wait=True)
    counts = [line.partition(": ")[2].partition("; ")[0] for line in atlas.lines]
    assert counts == ["2 of 3 there", "3 of 3 there"]


def test_a_line_names_five_ids_and_comes_once_a_minute(atlas: SetSite) -> None:
    peers = [*entries(7), entry(7, aws_account_id="210987654321", accepter_region_name="eu-west-1")]
    atlas.apply(peers, wait=True)
    atlas.clear()
    done = atlas.apply(peers, wait=True, wait_for="available", wait_timeout=125, wait_sleep=1)
    assert (done.failures.keys(), len(atlas.lines), atlas.lines[0].count("pcx-")) == (set(range(8)), 3, 6)
    assert ", 7 wait: accept pcx-" in atlas.lines[0]
    assert f" and 2 more in AWS account {ACCOUNT}, region us-east-1, 1 waits: accept pcx-" in atlas.lines[0]
    assert " in AWS account 210987654321, region eu-west-1; 0 s waited, 125 s left" in atlas.lines[0]


def test_threads_that_pause_say_so_once_in_the_main_thread(atlas: SetSite, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()
    monkeypatch.setattr(Lines, "tell", lambda self, line: threads.add((threading.current_thread(), line)))
    atlas.fault("POST", "status", status=429, retry_after=20, times=4)
    assert not atlas.apply(entries(8), parallel=4).failed
    atlas.fault("PATCH", "close", times=None)
    assert atlas.apply([entry(0, route_table_cidr_block="10.77.0.0/16")], retries=5).failed
    project, main = f"project {atlas.emulator.settings.group_id}", threading.main_thread()
    assert threads == {
        (main, f"{project}: Atlas limits the rate (429), trying again"),
        (main, f"{project}: Atlas does not answer (no reply), trying again"),
    }


def test_an_entry_has_a_state_of_its_own_to_wait_for(atlas: SetSite) -> None:
    atlas.clock.after(30, lambda: atlas.act("accept", atlas.id_of(1)))
    done = atlas.apply([entry(0), entry(1, wait_for="available")], wait=True)
    assert [one["status_name"] for one in done.result["vpc_peers"]] == ["PENDING_ACCEPTANCE", "AVAILABLE"]
    assert ": 0 of 2 there" in atlas.lines[0]


def test_what_is_late_fails_by_entry_with_where_to_accept_it(atlas: SetSite) -> None:
    atlas.clock.after(5, lambda: atlas.act("accept", atlas.id_of(1)))
    done = atlas.apply(entries(2), wait=True, wait_for="available", wait_timeout=60)
    assert (done.sums, done.changed) == ({"created": 1, "failed": 1}, True)
    peer = done.result["vpc_peers"][0]
    assert done.failures == {
        0: f"peers[0] (123456789012/{vpc(0)}): VPC peering connection {peer['id']} is still PENDING_ACCEPTANCE after 60 seconds "
        f"of waiting for it to be AVAILABLE. Have {peer['connection_id']} accepted in AWS account 123456789012, region "
        "us-east-1, then run the task again."
    }
    assert done.result["detail"] == "last status PENDING_ACCEPTANCE"


def test_what_is_rejected_fails_and_the_others_are_awaited(atlas: SetSite) -> None:
    atlas.clock.after(9, lambda: atlas.act("reject", atlas.id_of(0)))
    atlas.clock.after(20, lambda: atlas.act("accept", atlas.id_of(1)))
    done = atlas.apply(entries(2), wait=True, wait_for="available")
    assert done.failures.keys() == {0}
    assert "is FAILED (REJECTED" in done.msg
    assert [one["status_name"] for one in done.result["vpc_peers"]] == ["FAILED", "AVAILABLE"]


@pytest.mark.parametrize("again", [True, False])
def test_what_another_removes_fails_even_if_it_comes_again(atlas: SetSite, again: bool) -> None:
    def replace() -> None:
        with atlas.emulator.project.now() as project:
            project.peers.drop(project.peers.get(atlas.id_of(0)))
        if again:
            atlas.add_peer(vpcId=vpc(0), routeTableCidrBlock=block(0))

    atlas.clock.after(15, replace)
    atlas.clock.after(30, lambda: atlas.act("accept", atlas.id_of(1)))
    done = atlas.apply(entries(2), wait=True, wait_for="available")
    assert done.failures.keys() == {0}
    assert "was removed by somebody else while this task waited for AVAILABLE" in done.msg
    assert [one and one["status_name"] for one in done.result["vpc_peers"]] == [None, "AVAILABLE"]


def test_a_pruned_one_that_another_creates_again_is_not_ours(atlas: SetSite) -> None:
    atlas.apply(entries(2))

    def create() -> None:
        atlas.add_peer(vpcId=vpc(1), routeTableCidrBlock=block(1))

    atlas.clock.after(5, create)
    atlas.clock.after(9, lambda: atlas.act("accept", atlas.id_of(0)))
    done = atlas.apply(entries(1), prune=True, wait=True, wait_for="available")
    assert (done.failed, done.pruned) == (False, {vpc(1)})
    assert vpc(1) in atlas.there()
    assert atlas.writes().count("DELETE") == 1


def test_a_change_that_waits_is_not_sent_once_its_peer_is_gone(atlas: SetSite) -> None:
    atlas.apply(entries(3), parallel=1)
    atlas.act("delete", atlas.id_of(2))
    atlas.clear()

    def remove() -> None:
        with atlas.emulator.project.now() as project:
            project.peers.drop(project.peers.get(atlas.id_of(0)))

    atlas.clock.after(0.4, remove)
    done = atlas.apply([entry(0, route_table_cidr_block=block(2)), entry(1)], wait=True)
    assert done.failures.keys() == {0}
    assert "removed by somebody else" in done.msg
    assert atlas.writes() == []


def test_a_lagging_list_does_not_hide_what_was_just_created(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(list_lag_seconds=8)
    done = atlas.apply(entries(5), wait=True)
    assert (done.failed, done.sums, len(atlas.peers())) == (False, {"created": 5}, 5)


def test_a_poll_that_fails_ends_the_task_with_what_was_done(atlas: SetSite) -> None:
    atlas.fault("GET", "status", status=403, skip=2, times=None)
    done = atlas.apply(entries(3), wait=True)
    assert (done.failed, done.changed, done.sums) == (True, True, {"created": 3})
    assert "HTTP 403" in done.msg


def test_what_was_not_sent_when_a_poll_fails_has_failed(atlas: SetSite) -> None:
    atlas.apply(entries(2), parallel=1)
    atlas.act("delete", atlas.id_of(1))
    atlas.fault("GET", "status", status=403, skip=2, times=None)
    done = atlas.apply([entry(0), entry(9, route_table_cidr_block=block(1)), entry(5)])
    assert done.sums == {"created": 1, "unchanged": 1, "failed": 1}
    assert "The task was stopped before the request was sent." in done.failures[1]
    assert "HTTP 403" in done.msg


def test_a_silent_atlas_at_the_end_of_the_time_is_told(atlas: SetSite, wire: Wire) -> None:
    atlas.apply(entries(1))
    listed = atlas.peers()
    wire.faults += [Fault("GET", page(*listed), times=3), Fault("GET", DROP, times=99)]
    done = atlas.apply(entries(1), wait=True, wait_timeout=20, retries=0)
    assert "was INITIATING when Atlas last answered" in done.failures[0]
