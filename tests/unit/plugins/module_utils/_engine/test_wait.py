"""Waiting, on a clock of the test's own: when it looks, how fast it reacts, when it gives up."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError, wait_until
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


def looks_until(clock: FakeClock, moment: float, *, timeout: float = 1800, longest: float = 10, takes: float = 0) -> list[float]:
    """Wait for something that happens some time from now; return when it was looked at, in seconds from the start."""
    started, looks = clock.now, []

    def poll() -> bool:
        clock.now += takes
        looks.append(clock.now - started)
        return clock.now - started >= moment

    wait_until(poll, timeout=timeout, longest_interval=longest, clock=clock, sleep=clock.sleep)
    return looks


def test_what_is_there_already_is_seen_at_the_first_look(clock: FakeClock) -> None:
    assert len(looks_until(clock, 0)) == 1
    assert clock.pauses[0] <= 1


@pytest.mark.parametrize("tenths", range(1, 101))
def test_in_the_first_ten_seconds_a_change_is_seen_soon(clock: FakeClock, tenths: int) -> None:
    assert looks_until(clock, tenths / 10)[-1] - tenths / 10 <= 1.5


def test_intervals_start_short_and_grow_to_the_longest(clock: FakeClock) -> None:
    looks_until(clock, 600, longest=10)
    assert clock.pauses[0] <= 1
    assert clock.pauses == sorted(clock.pauses)
    assert max(clock.pauses) == 10
    assert clock.pauses.count(10) > 30


@pytest.mark.parametrize("longest", [1, 3, 60])
def test_no_interval_is_longer_than_asked_for(clock: FakeClock, longest: int) -> None:
    looks_until(clock, 1200, longest=longest)
    assert max(clock.pauses) == longest


def test_a_long_wait_does_not_need_many_looks(clock: FakeClock) -> None:
    assert len(looks_until(clock, 1800, longest=10)) < 250


def test_the_last_look_is_at_the_deadline_and_still_counts(clock: FakeClock) -> None:
    looks = looks_until(clock, 47, timeout=47)
    assert looks[-1] == pytest.approx(47)


@pytest.mark.parametrize("timeout", [0, 1, 30, 1800])
def test_the_time_out_tells_the_time_waited(clock: FakeClock, timeout: int) -> None:
    looks: list[float] = []
    started = clock.now

    def never() -> bool:
        looks.append(clock.now)
        return False

    with pytest.raises(WaitTimeoutError) as caught:
        wait_until(never, timeout=timeout, longest_interval=10, clock=clock, sleep=clock.sleep)
    assert looks[-1] - started == pytest.approx(timeout)
    assert caught.value.waited == pytest.approx(timeout)
    assert clock.now - started == pytest.approx(timeout)
    assert len(clock.pauses) == len(looks)


def test_slow_answers_count_as_time_waited(clock: FakeClock) -> None:
    with pytest.raises(WaitTimeoutError) as caught:
        looks_until(clock, 10**6, timeout=60, takes=25)
    assert 60 <= caught.value.waited < 60 + 25 + 25
    assert len(clock.pauses) <= 3


def test_an_answer_that_comes_after_the_deadline_counts(clock: FakeClock) -> None:
    assert looks_until(clock, 100, timeout=60, takes=120) == [pytest.approx(120.5, abs=0.5)]


def test_what_is_done_raises_ends_the_waiting(clock: FakeClock) -> None:
    def refuse() -> bool:
        raise LookupError

    with pytest.raises(LookupError):
        wait_until(refuse, timeout=60, longest_interval=10, clock=clock, sleep=clock.sleep)
    assert len(clock.pauses) == 1
