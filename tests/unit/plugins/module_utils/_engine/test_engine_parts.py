"""The engine with a side of its own: what only the parts of atlas_peering need, which have steps that are runs of their own."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import ListFront, NameSide, lost, run
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._engine.test_engine_lists import (
    failed,
    staged,
    unless,
    with_side,
    world,
)


# Runs of their own.


def test_polls_go_on_while_a_run_of_its_own_is_running() -> None:
    gate = threading.Event()
    one = world({"x": "", "y": "a"}, gates={"add y a": gate}, traits={"a": {"is_run": True}})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "poll x":
            gate.set()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    one.wait = unless(lambda side, owner, step: owner == "y" or "poll x" in one.log)
    assert run(ListFront, one).failure is None


@pytest.mark.parametrize("is_unknown", [False, True])
def test_the_error_of_a_run_is_final(is_unknown: bool) -> None:
    error = TaskError("Silence.", outcome_unknown=is_unknown, is_transient=True)
    one = world({"x": "a"}, traits={"a": {"is_run": True}}, faults={"add x a": [(False, error)]})
    outcome = run(ListFront, one)
    assert (failed(outcome), outcome.changed) == ({"x": "Silence."}, is_unknown)
    assert one.log == ["look x", "add x a"]


def test_a_look_for_others_does_not_wait_for_a_run() -> None:
    gate = threading.Event()
    one = world({"x": "a", "y": "b"}, gates={"add x a": gate}, traits={"a": {"is_run": True}}, faults={"add y b": [lost(True)]})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "look y" and "add y b" in one.log:
            gate.set()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    assert run(with_side(looks_together=True), one).failure is None


# The time of a stage.


def test_the_time_of_a_stage_begins_once_nothing_is_sent_that_keeps_it_from_polling() -> None:
    clock, moments, lines = FakeClock(), list[float](), list[str]()

    def request(self: NameSide, step: Step) -> Any:
        # Such as a pause for the rate.
        clock.now += 100
        return NameSide.request(self, step)

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        moments.extend([clock.now] if owner == "x" else [])
        return None if owner == "y" else Waiting("quiet")

    one = world({"x": "", "y": "a"}, traits={"a": {"stage": "only"}}, wait=wait)
    outcome = run(staged("only", "last", side=type("Slow", (NameSide,), {"request": request})), one, clock=clock, lines=lines)
    assert failed(outcome) == {"x": "x waits for quiet after 60 s."}
    assert moments[:2] == [1000, 1100.5]
    assert lines[:2] == ["1 running", "0 running; 60 s left"]
