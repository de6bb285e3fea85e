"""The engine with a side of its own: what only atlas_peering needs."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.lists import ListProgress
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Failure, Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import ListFront, NameSide, refused, run
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._engine.test_engine_lists import (
    failed,
    staged,
    unless,
    world,
)

# The time of a stage.


def test_the_time_of_a_stage_begins_once_it_may_poll() -> None:
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
    assert lines[:2] == ["1 running", "0 running; 0 s waited, 60 s left"]


def test_a_refused_step_has_the_time_of_the_stage_it_is_sent_in() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if owner == "y":
            return Waiting("quiet") if side.context.stage == "first" and side.context.clock() < 1030 else None
        has_room = side.context.clock() == 1000 or side.context.clock() > 1040
        return None if step is None or has_room else Waiting("room", outlasts=("first",))

    one = world({"x": "a", "y": ""}, traits={"a": {"stage": "first"}}, faults={"add x a": [refused("Full.")]}, wait=wait)
    one.retry_wait = lambda side, step, error: Waiting("room", outlasts=("first",))
    assert run(staged("first", "last"), one).failure is None
    # Those before are of polls, and the second stage has begun after 30 seconds.
    assert one.bounds[-1] > 1090


# What a front says.


def test_a_prediction_counts_what_the_front_foresees() -> None:
    front = type("Blind", (ListFront,), {"predicted_steps": lambda self, plan: ()})
    outcomes = [run(one, world({"x": "a"}), check_mode=True) for one in (ListFront, front)]
    assert [one.changed for one in outcomes] == [True, False]


@pytest.mark.parametrize("is_said", [True, False])
def test_a_list_that_cannot_be_read_any_more_may_say_so_itself(is_said: bool) -> None:
    def fail_rest(self: ListFront, error: TaskError) -> dict[str, Failure]:
        return {"x": Failure("read", error)} if is_said else {}

    def no_owners(self: NameSide, owners: Any, purpose: Any) -> Any:
        return [query._replace(owners=()) for query in NameSide.queries(self, owners, purpose)]

    one = world({"x": ""}, wait=unless(lambda side, owner, step: False), faults={"poll x": [refused("No.")]})
    side = type("All", (NameSide,), {"queries": no_owners})
    outcome = run(type("Said", (ListFront,), {"side": side, "fail_rest": fail_rest}), one, wait_timeout=600)
    assert outcome.failure is not None
    assert outcome.failure["msg"] == ("Failed: x." if is_said else "No.")


def test_an_owner_that_only_a_plan_knows_stops_with_its_entry() -> None:
    class Later(NameSide):
        """Has steps of another owner of the same entry."""

        def plan(self, owners: Any) -> Plan:
            plan = super().plan(owners)
            more = [step._replace(owner="more", request="b") for step in plan.steps]
            self.states["more"] = frozenset()
            self.world.names["more"] = set()
            return replace(plan, steps=(*plan.steps, *more))

    one = world({"x": "a"}, faults={"add x a": [refused("No.")]})
    one.wait = unless(lambda side, owner, step: owner == "x", "a step", polls=False, ends_with_steps=True)
    front, clock = type("Grown", (ListFront,), {"side": Later, "entries_of": lambda self, *target: ("x",)}), FakeClock()
    assert failed(run(front, one, clock=clock)) == {"x": "No."}
    assert (one.sent("add"), clock.pauses) == (["add x a"], [])


def test_a_step_that_was_not_sent_is_named_by_its_failure() -> None:
    steps: list[Any] = []

    def failed_(self: ListFront, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        steps.append((entry, step and step.request))
        return Failure("add", error)

    one = world({"x": "a", "y": "ab"}, traits={"b": {"stage": "last"}, "a": {"stage": "first"}})
    one.faults["add y a"] = [(False, ValueError("a defect"))]
    run(staged("first", "last", failed=failed_), one)
    assert ("y", "a") in steps


def test_a_refusal_that_is_waited_out_is_seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = ListProgress.see

    def see(self: ListProgress, changed: Any = (), *given: Any) -> None:
        seen.extend(changed)
        real(self, changed, *given)

    monkeypatch.setattr(ListProgress, "see", see)
    one = world({"x": "a"}, traits={"a": {"stage": "first"}}, faults={"add x a": [refused("Full.")]})
    one.retry_wait = lambda side, step, error: Waiting("room")
    assert run(staged("first", "last"), one).failure is None
    # The refusal, and the step that has taken effect after it.
    assert seen[-2:] == [("names", "x")] * 2


@pytest.mark.parametrize("is_transient", [False, True])
def test_a_step_of_a_failed_entry_is_not_sent_again(is_transient: bool) -> None:
    gate, clock = threading.Event(), FakeClock()
    one = world({"x": "a", "y": "b"}, gates={"add y b": gate})
    one.faults = {"add x a": [refused("No.")], "add y b": [refused("Full.", is_transient=is_transient)]}
    one.retry_wait = lambda side, step, error: None if is_transient or step.owner == "x" else Waiting("room")

    def failed_(self: ListFront, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        gate.set()
        return Failure("add", error)

    front = type("Shared", (ListFront,), {"entries_of": lambda self, *target: ("one",), "failed": failed_})
    assert failed(run(front, one, clock=clock)) == {"one": "No."}
    assert (one.sent("add"), clock.pauses) == (["add x a", "add y b"], [])


def test_a_stage_begins_to_wait_with_what_is_polled() -> None:
    goals: list[str] = []

    class Goals(ListProgress):
        """Keeps what is waited for when a stage begins to wait, which is before a poll."""

        def see(self, changed: Any = (), waiting: Waiting | None = None, until: float | None = None) -> None:
            goals.extend([waiting.goal] if waiting is not None and "poll y" not in one.log else [])
            super().see(changed, waiting, until)

    one = world({"x": "a", "y": ""}, traits={"a": {"stage": "first"}}, faults={"add x a": [refused("Full.")]})
    one.retry_wait = lambda side, step, error: Waiting("room", polls=False, outlasts=("first",))
    one.wait = unless(lambda side, owner, step: owner == "x" or side.context.stage == "first" or "poll y" in one.log)
    assert run(staged("first", "last", progress=Goals), one).failure is None
    assert goals[-1] == "quiet"
