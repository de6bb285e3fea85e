"""Pauses: how long they are, and that they end as soon as their thread has to stop. Deadlines."""

from __future__ import annotations

import contextvars
import math
import threading
import time

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import (
    NoAnswerError,
    RateLimitError,
    StoppedError,
    TaskError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import (
    DEADLINE,
    STOP,
    Limits,
    Retry,
    backoff,
    check_stopped,
    stoppable_sleep,
    unbounded,
    within,
)
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


def test_backoff_doubles_with_jitter_and_is_capped() -> None:
    for attempt in range(12):
        most = min(2.0**attempt, 60)
        pauses = [backoff(attempt) for unused in range(50)]
        assert all(most / 2 <= pause <= most for pause in pauses)
        assert len(set(pauses)) > 40
    assert backoff(1000) <= 60


@pytest.mark.parametrize(("kind", "tries"), [(NoAnswerError, 2), (RateLimitError, 5)])
def test_no_request_is_sent_again_after_the_time_of_all_tries(kind: type[TaskError], tries: int) -> None:
    """But a refusal for the rate, which is waited for."""
    clock, sent = FakeClock(), list[float]()

    def request() -> None:
        sent.append(clock())
        clock.now += 3
        raise kind("x", is_transient=True, retry_after=10.0)

    with pytest.raises(kind):
        Retry("AZURE", Limits(3, 4), clock, clock.sleep).send(request)
    assert len(sent) == tries


def test_a_retry_after_of_no_time_does_not_use_up_all_retries() -> None:
    """Zero is a number of seconds (RFC 9110, 10.2.3), and so is a date that is over by the clock of this host."""
    clock = FakeClock()

    def request() -> None:
        raise RateLimitError("x", retry_after=0.0)

    with pytest.raises(RateLimitError):
        Retry("Atlas", Limits(30, 4), clock, clock.sleep).send(request)
    assert [pause >= 2.0**tries / 2 for tries, pause in enumerate(clock.pauses)] == [True] * 4


def test_threads_that_nobody_stops_go_on() -> None:
    started = time.monotonic()
    check_stopped()
    stoppable_sleep(0.02)
    assert time.monotonic() - started >= 0.02


def test_a_thread_that_may_be_stopped_goes_on_until_it_is() -> None:
    def run(stop: threading.Event) -> None:
        STOP.set(stop)
        check_stopped()
        stoppable_sleep(0)
        stop.set()
        with pytest.raises(StoppedError, match="before the request was sent"):
            check_stopped()
        with pytest.raises(StoppedError):
            stoppable_sleep(3600)

    contextvars.copy_context().run(run, threading.Event())
    check_stopped()


def test_a_pause_ends_as_soon_as_its_thread_is_to_stop() -> None:
    def run(stop: threading.Event) -> None:
        STOP.set(stop)
        threading.Timer(0.02, stop.set).start()
        with pytest.raises(StoppedError):
            stoppable_sleep(3600)

    contextvars.copy_context().run(run, threading.Event())


def test_the_earliest_deadline_counts_unless_a_step_has_its_own() -> None:
    with within(7):
        with within(100):
            assert DEADLINE.get() == 7
        with unbounded(), within(100):
            assert DEADLINE.get() == 100
        with within(3):
            assert DEADLINE.get() == 3
        assert DEADLINE.get() == 7
    assert DEADLINE.get() == math.inf
