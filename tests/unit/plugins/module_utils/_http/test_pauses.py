"""Pauses: how long they are, and that they end as soon as their thread has to stop; deadlines; and what is asked once."""

from __future__ import annotations

import contextvars
import math
import threading
import time
from typing import Any

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
    Inquiry,
    Limits,
    Retry,
    backoff,
    check_stopped,
    stoppable_sleep,
    unbounded,
    within,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
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


def failing(error: TaskError) -> Any:
    def call() -> Any:
        raise error

    return call


def test_a_question_of_many_threads_is_asked_once() -> None:
    inquiry, asked = Inquiry[str](), list[str]()

    def call() -> str:
        time.sleep(0.02)
        asked.append("x")
        return f"answer {len(asked)}"

    with Workers[int, str](8) as workers:
        for number in range(8):
            workers.submit(number, lambda: inquiry.ask("it", call))
        assert {ended.result() for ended in workers.results()} == {"answer 1"}
    inquiry.forget("it")
    assert (inquiry.ask("it", call), inquiry.answers) == ("answer 2", {"it": "answer 2"})


def test_a_failure_is_an_answer_as_well() -> None:
    inquiry, error = Inquiry[str](), TaskError("No.")
    assert inquiry.answer("it", failing(error)) is error
    assert inquiry.answer("it", lambda: "yes") is error
    with pytest.raises(TaskError) as caught:
        inquiry.ask("it", lambda: "yes")
    assert caught.value is error
    assert inquiry.ask("another", lambda: "yes") == "yes"


def test_a_general_failure_is_the_answer_to_all_later_questions() -> None:
    inquiry = Inquiry[str](lambda error: isinstance(error, NoAnswerError))
    error, own = NoAnswerError("Nothing."), TaskError("Of one.")
    assert inquiry.answer("a", failing(own)) is own
    assert inquiry.answer("b", lambda: inquiry.answer("c", failing(error)) and "on its way") == "on its way"
    assert inquiry.answer("d", lambda: "yes") is error


def test_failures_in_a_row_end_it_until_one_is_answered() -> None:
    refusal, error = TaskError("Not asked."), NoAnswerError("Nothing.")
    inquiry = Inquiry[int](lambda one: one.is_unanswered, 2, lambda: refusal)
    assert [inquiry.answer(1, failing(error)), inquiry.answer(2, lambda: "yes")] == [error, "yes"]

    def on_its_way() -> str:
        assert [inquiry.answer(one, failing(error)) for one in (3, 4, 5)] == [error, error, refusal]
        return "yes"

    assert [inquiry.answer(6, on_its_way), inquiry.answer(7, lambda: "yes")] == ["yes", "yes"]


def test_until_one_is_answered_questions_are_asked_one_by_one() -> None:
    """So credentials that are refused are refused once."""
    inquiry, error = Inquiry[int](lambda one: True, first_alone=True), TaskError("No.")
    asked: list[int] = []

    def call(number: int) -> Any:
        asked.append(number)
        time.sleep(0.02)
        raise error

    with Workers[int, Any](8) as workers:
        for number in range(8):
            workers.submit(number, lambda number=number: inquiry.answer(number, lambda: call(number)))  # type: ignore[misc]
        assert [ended.result() for ended in workers.results()] == [error] * 8
    assert len(asked) == 1
