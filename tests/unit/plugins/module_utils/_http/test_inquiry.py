"""Inquiries: each question is asked once, and none after general failures."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.inquiry import Inquiry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers


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
