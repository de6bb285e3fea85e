"""Plans: what differs, what a step that failed comes to, and what is read for a decision."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import (
    Change,
    Facts,
    Plan,
    Step,
    find_differences,
    to_line,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError

CURRENT = {"id": "1", "a": 1, "b": 2, "state": "OK"}


@pytest.mark.parametrize(
    ("wanted", "differing"),
    [
        ({}, ()),
        ({"a": 1, "b": 2}, ()),
        ({"a": 5, "b": 2}, ("a",)),
        ({"b": 7, "a": 5}, ("a", "b")),
        ({"c": 1}, ("c",)),
        ({"a": None}, ("a",)),
    ],
)
def test_only_what_is_wanted_can_differ(wanted: dict[str, Any], differing: tuple[str, ...]) -> None:
    before = copy.deepcopy((wanted, CURRENT))
    assert find_differences(wanted, CURRENT) == differing
    assert find_differences(wanted, {**CURRENT, **wanted}) == ()
    assert (wanted, CURRENT) == before


def test_a_step_is_still_needed_if_its_request_would_be_sent() -> None:
    step = Step("create", ("POST", {"a": 1}), ("1",))
    assert Plan((), (step,)).still_needs(step)
    # What it has to wait for has come meanwhile.
    assert Plan((), (step,)).still_needs(Step("create", ("POST", {"a": 1}), ("1",), after="gone"))
    assert not Plan((), (step,)).still_needs(Step("create", ("POST", {"a": 2}), ("1",)))
    assert not Plan().still_needs(step)


def test_a_fact_is_read_when_it_is_asked_for_and_once() -> None:
    asked: list[str] = []

    def read(key: str) -> list[str]:
        asked.append(key)
        return [key]

    facts = Facts(read)
    assert facts.get("containers") is None
    assert (facts["peers"], facts["peers"], asked) == (["peers"], ["peers"], ["peers"])


@pytest.mark.parametrize(
    ("actions", "line"),
    [
        ("", ""),
        ("create", "Plan: 1 to create, 0 to change, 0 to remove, 7 unchanged"),
        ("create create update delete", "Plan: 2 to create, 1 to change, 1 to remove, 7 unchanged"),
        ("recreate update", "Plan: 0 to create, 1 to change, 1 to replace, 0 to remove, 7 unchanged"),
    ],
)
def test_a_plan_is_said_in_a_line(actions: str, line: str) -> None:
    changes = [Change(action, str(number), {}, {}) for number, action in enumerate(actions.split())]  # type: ignore[arg-type]
    assert to_line(Plan(tuple(changes)), 7) == line
    # What is refused or has failed is not what the task would do.
    others = {"a": TaskError("No."), "b": TaskError("No.")}
    more = [*changes, Change("create", "a", None, {}), Change("delete", "b", {}, None)]
    assert to_line(Plan(tuple(more), failures={"a": others["a"]}, refusals={"b": others["b"]}), 7) == line
