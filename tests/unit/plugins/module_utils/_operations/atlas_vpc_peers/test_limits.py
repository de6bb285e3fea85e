"""What Atlas limits: pending connections, which acceptance makes room for, and the rate of requests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, entries

AVAILABLE = {"wait": True, "wait_for": "available"}


def accept_from_now_on(atlas: SetSite) -> None:
    """Accept what waits for it, now and every five seconds."""
    for one in atlas.peers():
        if one["statusName"] == "PENDING_ACCEPTANCE":
            atlas.act("accept", one["id"])
    atlas.clock.after(5, lambda: accept_from_now_on(atlas))


@pytest.mark.parametrize("check_mode", [True, False])
def test_more_than_may_be_pending_are_warned_of_and_not_refused(atlas: SetSite, check_mode: bool) -> None:
    assert atlas.apply(entries(25), check_mode=True).warnings == []
    done = atlas.apply(entries(26), check_mode=check_mode)
    assert [one for one in done.warnings if "would be pending" in one] == [
        "26 VPC peering connections would be pending, and Atlas allows 25. Have them accepted in AWS while the task waits "
        "(wait: true), or accept the first ones and run the task again."
    ]


def test_what_is_pruned_is_not_pending_any_more(atlas: SetSite) -> None:
    atlas.apply(entries(25))
    done = atlas.apply(entries(1, 26), prune=True, provider_name="AWS", check_mode=True)
    assert (done.failed, done.warnings) == (False, [])


@pytest.mark.parametrize("parallel", [1, 8])
def test_without_wait_those_beyond_the_limit_fail_until_then(atlas: SetSite, parallel: int) -> None:
    done = atlas.apply(entries(28), parallel=parallel)
    assert done.sums == {"created": 25, "failed": 3}
    for index, message in done.failures.items():
        assert message.startswith(f"peers[{index}] (")
        assert "PEER_MAXIMUM_REACHED). Accept pending ones in AWS, then run the task again." in message
    assert {one["http_status"] for one in done.result["failures"]} == {409}
    atlas.clock.now += 9
    for one in atlas.peers():
        atlas.act("accept", one["id"])
    atlas.clock.now += 9
    assert atlas.apply(entries(28)).sums == {"created": 3, "unchanged": 25}


@pytest.mark.parametrize("parallel", [1, 16])
def test_with_wait_they_are_held_until_acceptance_makes_room(atlas: SetSite, parallel: int) -> None:
    atlas.clock.after(5, lambda: accept_from_now_on(atlas))
    done = atlas.apply(entries(50), parallel=parallel, **AVAILABLE)
    assert (done.failed, done.sums) == (False, {"created": 50})
    assert {one["status_name"] for one in done.result["vpc_peers"]} == {"AVAILABLE"}
    # Not more are refused than are on their way when the first one is.
    assert atlas.wire().count(("POST", 409)) <= parallel
    assert atlas.wire().count(("POST", 200)) == 50


def test_those_held_back_go_out_one_by_one_as_places_are_seen(atlas: SetSite) -> None:
    atlas.apply(entries(25), wait=True)
    atlas.clear()
    for number in range(3):
        atlas.clock.after(10 * (number + 1), lambda number=number: atlas.act("accept", atlas.id_of(number)))
    done = atlas.apply(entries(28), wait=True)
    assert (done.failed, done.sums) == (False, {"created": 3, "unchanged": 25})
    assert atlas.wire().count(("POST", 409)) <= 4


def test_those_held_back_fail_unsent_when_the_time_is_up(atlas: SetSite) -> None:
    done = atlas.apply(entries(30), wait=True, wait_timeout=60, parallel=2)
    assert done.sums == {"created": 25, "failed": 5}
    for message in done.failures.values():
        assert message.endswith(
            "Atlas had no place for another VPC peering connection within 60 seconds. Have pending ones accepted in AWS, or "
            "remove some, then run the task again."
        )
    assert atlas.wire().count(("POST", 409)) <= 2


def test_those_held_back_do_not_keep_the_others_waiting(atlas: SetSite) -> None:
    atlas.apply(entries(25), wait=True)
    started = atlas.clock.now
    atlas.apply(entries(28), wait=True, wait_timeout=100)
    # All of them wait at the same time.
    assert atlas.clock.now - started < 110


@pytest.mark.parametrize("parallel", [1, 16])
def test_a_refusal_for_the_rate_loses_nothing(make_atlas: Callable[..., SetSite], parallel: int) -> None:
    atlas = make_atlas(max_pending_peers=50)
    atlas.fault("POST", "status", status=429, retry_after=3, skip=5, times=6)
    atlas.fault("POST", "status", status=429, skip=12, times=5)
    done = atlas.apply(entries(50), parallel=parallel, retries=0)
    assert (done.failed, len(atlas.there())) == (False, 50)


@pytest.mark.parametrize("retry_after", [10, 0, None])
def test_pauses_for_the_rate_last_no_longer_than_the_wait(atlas: SetSite, retry_after: int | None) -> None:
    atlas.fault("POST", "status", status=429, retry_after=retry_after, skip=2, times=None)
    started = atlas.clock.now
    done = atlas.apply(entries(5), parallel=1, wait_timeout=30, retries=0)
    assert done.sums == {"created": 2, "failed": 3}
    assert done.failures.keys() == {2, 3, 4}
    assert "HTTP 429" in done.msg
    assert atlas.clock.now - started <= 60
