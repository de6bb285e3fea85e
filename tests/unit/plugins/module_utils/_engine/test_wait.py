"""Waiting, on a clock of the test's own: when it looks, how fast it reacts, when it gives up."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import ONLY, Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import NameSide, OneFront, World, run


class Waits:
    """What came of a wait: when it looked, in seconds from the start, and how long it says that it has waited; None if not."""

    def __init__(self) -> None:
        self.looks: list[float] = []
        self.waited: float | None = None
        self.message = ""


def wait_for(clock: FakeClock, moment: float, *, timeout: float = 1800, longest: float = 10, takes: float = 0) -> Waits:
    """Wait for something that happens some time from now."""
    started, waits = clock.now, Waits()

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        return None if waits.looks and waits.looks[-1] >= moment else Waiting("quiet")

    def timeout_error(self: NameSide, owner: Any, step: Any, waiting: Any, error: WaitTimeoutError) -> TaskError:
        waits.waited = error.waited
        return TaskError("Late.")

    one = World({ONLY: set()}, {ONLY: ()}, wait=wait)
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "poll":
            clock.now += takes
            waits.looks.append(clock.now - started)
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    side = type("Waiter", (NameSide,), {"timeout_error": timeout_error})
    outcome = run(type("Front", (OneFront,), {"side": side}), one, clock=clock, wait_timeout=timeout, wait_sleep=longest)
    waits.message = "" if outcome.failure is None else str(outcome.failure["msg"])
    return waits


def looks_until(clock: FakeClock, moment: float, **options: Any) -> list[float]:
    """Wait for something that comes in time; return when it was looked at."""
    waits = wait_for(clock, moment, **options)
    assert not waits.message
    return waits.looks


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
    assert max(clock.pauses) == pytest.approx(longest)


def test_a_long_wait_does_not_need_many_looks(clock: FakeClock) -> None:
    assert len(looks_until(clock, 1800, longest=10)) < 250


def test_the_last_look_is_at_the_deadline_and_still_counts(clock: FakeClock) -> None:
    looks = looks_until(clock, 47, timeout=47)
    assert looks[-1] == pytest.approx(47)


@pytest.mark.parametrize("timeout", [0, 1, 30, 1800])
def test_the_time_out_tells_the_time_waited(clock: FakeClock, timeout: int) -> None:
    started = clock.now
    waits = wait_for(clock, 10**6, timeout=timeout)
    assert waits.message == "Late."
    assert waits.looks[-1] == pytest.approx(timeout)
    assert waits.waited == pytest.approx(timeout)
    assert clock.now - started == pytest.approx(timeout)
    assert len(clock.pauses) in (len(waits.looks), len(waits.looks) - 1)


def test_slow_answers_count_as_time_waited(clock: FakeClock) -> None:
    waits = wait_for(clock, 10**6, timeout=60, takes=25)
    assert waits.waited is not None
    assert 60 <= waits.looks[-1] < 60 + 25 + 25
    assert len(clock.pauses) <= 3


def test_an_answer_that_comes_after_the_deadline_counts(clock: FakeClock) -> None:
    assert looks_until(clock, 100, timeout=60, takes=120) == [pytest.approx(120.5, abs=0.5)]


def test_what_ends_a_wait_with_an_error_ends_the_waiting(clock: FakeClock) -> None:
    def refuse(side: NameSide, owner: str, step: Step | None) -> Waiting:
        if "poll" in side.world.log:
            raise TaskError("In vain.")
        return Waiting("quiet")

    outcome = run(OneFront, World({ONLY: set()}, {ONLY: ()}, wait=refuse), clock=clock)
    assert outcome.failure is not None
    assert (outcome.failure["msg"], len(clock.pauses)) == ("In vain.", 1)
