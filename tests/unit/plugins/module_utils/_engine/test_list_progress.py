"""What a list reports and shows: the states of its entries, the time of its stage, and where its steps are sent."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Waiting
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import ListFront, NameSide, World, refused, run


def staged(**members: Any) -> type[ListFront]:
    """Return a front with two stages of a minute."""
    return type("Staged", (ListFront,), {"stages": ("first", "second"), "seconds_of": lambda self, stage: 60.0, **members})


def world(**more: Any) -> World:
    wanted = more.pop("wanted", {"x": "a", "y": ""})
    return World({owner: set() for owner in wanted}, wanted, traits={"a": {"stage": "first"}}, **more)


def test_each_entry_has_its_states() -> None:
    def statuses(self: ListFront) -> Sequence[str]:
        return [f"{owner} {len(names)}" for owner, names in self.sides[0].states.items()]

    outcome = run(staged(statuses=statuses), world())
    found = [[one["status"] for one in entry] for entry in outcome.values["status_history"]]
    assert found == [["x 0", "x 1"], ["y 0"]]


def test_a_line_has_the_time_of_the_stage() -> None:
    lines, shown = list[str](), list[str]()

    def show(self: ListFront) -> dict[str, Any]:
        shown.append(self.context.stage)
        return ListFront.show(self)

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        return None if step is not None or side.context.clock() >= 1030 else Waiting("quiet")

    run(staged(show=show), world(wait=wait), lines=lines)
    assert lines[0].endswith("0 running; 0 s waited, 60 s left")
    # The plan, and the end.
    assert len(shown) == 2


def test_polls_of_what_outlasts_a_stage_end_with_it() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if owner == "y":
            return Waiting("quiet") if step is None and side.context.stage == "first" and side.context.clock() < 1020 else None
        is_held = side.context.stage == "first"
        return Waiting("room", float("inf"), outlasts=("first",)) if is_held else None

    one = world(wait=wait)
    run(staged(), one)
    assert {*one.bounds} == {1060}
    assert one.names["x"] == {"a"}


@pytest.mark.parametrize(("is_short", "is_alone", "is_main"), [(True, True, True), (False, True, False), (True, False, False)])
def test_a_short_step_that_is_alone_needs_no_thread(is_short: bool, is_alone: bool, is_main: bool) -> None:
    threads: list[threading.Thread] = []
    one = world(wanted={"x": "a"} if is_alone else {"x": "a", "y": "a"})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what.startswith("add"):
            threads.append(threading.current_thread())
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    side = type("Short", (NameSide,), {"has_short_steps": is_short})
    assert run(staged(side=side), one).failure is None
    assert [thread is threading.main_thread() for thread in threads] == [is_main] * len(threads)


def test_a_short_step_does_not_wake_up_for_lines() -> None:
    lines: list[str] = []
    one = world(wanted={"x": "a", "y": "a"}, faults={"add x a": [refused("No.")]})

    def request(self: NameSide, step: Step) -> Any:
        self.context.clock.now += 100  # type: ignore[attr-defined]
        return NameSide.request(self, step)

    run(staged(side=type("Short", (NameSide,), {"has_short_steps": True, "request": request})), one, lines=lines)
    assert lines == []
