"""Plans: what differs, what a step that failed comes to, and what is read for a decision."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Facts, Plan, Step, find_differences

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
