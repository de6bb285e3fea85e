"""The governor: how long all pause, how many may send, and when it is too long."""

from __future__ import annotations

import math
import threading
from contextlib import suppress

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Governor
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


def succeed(governor: Governor, times: int) -> None:
    for unused in range(times):
        with governor.slot():
            pass


def slots(governor: Governor) -> int:
    """Return how many requests may run at the same time."""
    done, threads = threading.Event(), []
    try:
        for number in range(100):
            taken = threading.Event()
            threads.append(threading.Thread(target=take_slot, args=(governor, taken, done)))
            threads[-1].start()
            if not taken.wait(0.2):
                return number
        raise AssertionError("there is no limit")
    finally:
        done.set()
        for thread in threads:
            thread.join()


def take_slot(governor: Governor, taken: threading.Event, done: threading.Event) -> None:
    # A failure is no success, which might raise the limit.
    with suppress(RuntimeError), governor.slot():
        taken.set()
        done.wait(10)
        raise RuntimeError


@pytest.fixture
def governor(clock: FakeClock) -> Governor:
    return Governor(8, 1000, clock, clock.sleep)


def test_pauses_in_a_row_double_up_to_half_a_minute(governor: Governor, clock: FakeClock) -> None:
    lengths = []
    for unused in range(8):
        end = governor.pause(None)
        lengths.append(end - clock())
        clock.now = end
    assert lengths == [1, 2, 4, 8, 16, 30, 30, 30]
    succeed(governor, 1)
    assert governor.pause(None) - clock() == 1


def test_what_atlas_asks_for_comes_first(governor: Governor, clock: FakeClock) -> None:
    assert governor.pause(7) - clock() == 7
    # Refusals of requests that were sent before the pause are the same pause, and may make it longer.
    assert governor.pause(None) - clock() == 7
    assert governor.pause(9) - clock() == 9
    assert slots_after(governor, clock) == 4


@pytest.mark.parametrize("asked", [61, 3600, math.inf])
def test_a_pause_is_never_longer_than_a_minute_at_a_time(governor: Governor, clock: FakeClock, asked: float) -> None:
    for unused in range(3):
        assert governor.pause(asked) - clock() == 60
        clock.now += 60


def slots_after(governor: Governor, clock: FakeClock) -> int:
    clock.now += 100
    return slots(governor)


def test_a_pause_halves_the_number_and_successes_raise_it(governor: Governor, clock: FakeClock) -> None:
    governor.pause(1)
    clock.now += 1
    assert slots(governor) == 4
    succeed(governor, 9)
    assert slots(governor) == 4
    governor.pause(1)
    clock.now += 1
    succeed(governor, 10)
    assert slots(governor) == 3
    succeed(governor, 100)
    assert slots(governor) == 8


def test_one_is_always_allowed(governor: Governor, clock: FakeClock) -> None:
    for unused in range(10):
        governor.pause(1)
        clock.now += 1
    assert slots(governor) == 1


def test_all_wait_for_the_end_of_a_pause_and_learn_how_long(governor: Governor, clock: FakeClock) -> None:
    governor.pause(5)
    with governor.slot() as waited:
        assert (waited, clock.pauses) == (5, [5])


def test_a_success_from_before_the_pause_says_nothing(governor: Governor, clock: FakeClock) -> None:
    with governor.slot():
        governor.pause(None)
    clock.now += 1
    assert governor.pause(None) - clock() == 2


def test_a_request_that_was_served_last_begins_anew(governor: Governor, clock: FakeClock) -> None:
    for unused in range(3):
        assert governor.pause(None, was_served=True) - clock() == 1
        clock.now += 1


def test_pauses_together_have_an_end(clock: FakeClock) -> None:
    governor = Governor(8, 10, clock, clock.sleep)
    assert governor.pause(6) - clock() == 6
    clock.now += 6
    assert governor.pause(6) == math.inf
    # Nobody is kept then.
    succeed(governor, 1)
    assert clock.pauses == []
    assert governor.pause(4) - clock() == 4


def test_a_failure_gives_its_place_back(governor: Governor) -> None:
    for unused in range(20):
        with pytest.raises(RuntimeError), governor.slot():
            raise RuntimeError
    assert slots(governor) == 8
