"""What the user sees while the whole path runs: a line for each stage that waits and, with -v, one for each entry as it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome, Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import Wait
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.path_progress import PathProgress
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


class State(str):
    """A state that is the line of its stage, with what others have to do."""

    notes: tuple[str, ...] = ()


class Run:
    """A progress whose states are the lines of the stage; entries end as the test says."""

    def __init__(self, *, has_detail: bool = True) -> None:
        self.lines: list[str] = []
        self.details: list[str] = []
        self.shown: list[Any] = []
        self.ended: dict[str, str] = {}
        self.clock = FakeClock()
        self.started = self.clock()
        summary = SimpleNamespace(
            ended=lambda state, plan, known: {key: one for key, one in self.ended.items() if key not in known},
            title=lambda key, state: f"{key} (vpc-1)",
            diff=lambda state, plan: [],
        )
        operation: Any = SimpleNamespace(
            name="project 1",
            summary=summary,
            waiter=SimpleNamespace(line=str),
            session=SimpleNamespace(secrets=["s3cret-of-it"]),
            has_diff=True,
            show=lambda state, plan: self.shown.append(state) or {"summary": None},
        )
        report = Report(self.lines.append, self.details.append if has_detail else None)
        self.progress = PathProgress(operation, Outcome(plan=""), report, self.clock)

    def see(self, line: str, goal: str = "", after: float = 0.0, notes: tuple[str, ...] = ()) -> None:
        self.clock.sleep(after)
        wait: Any = Wait(goal, lambda state: state, bool, lambda state, error: None) if goal else None
        self.progress.times = (self.started, self.started + 100.0)
        state = State(line)
        state.notes = notes
        self.progress.see(state, wait)


def test_a_stage_has_a_line_when_it_begins_to_wait() -> None:
    run = Run()
    run.see("0 of 2 accepted")
    run.see("0 of 2 accepted", "both sides")
    run.see("1 of 2 accepted", "both sides", after=10)
    run.see("", "AVAILABLE", after=10)
    run.see("1 of 2 available", "AVAILABLE", after=10)
    run.see("2 of 2 available", "AVAILABLE", after=10)
    assert run.lines == [
        "project 1: 0 of 2 accepted; 0 s waited, 100 s left",
        "project 1: 1 of 2 available; 30 s waited, 70 s left",
    ]


def test_a_stage_that_goes_on_has_a_line_a_minute() -> None:
    run = Run()
    for seconds in (0, 59, 1, 30, 29, 1):
        run.see("0 of 2 accepted", "both sides", after=seconds)
    assert [line.partition("; ")[2] for line in run.lines] == [
        "0 s waited, 100 s left",
        "60 s waited, 40 s left",
        "120 s waited, 0 s left",
    ]


def test_each_entry_has_one_line_when_it_ends() -> None:
    run = Run()
    run.ended = {"connections[0]": "unchanged"}
    run.see("")
    # Before there is a plan, none has ended.
    assert run.details == []
    run.progress.plan = Plan()
    run.see("")
    run.ended = {"connections[0]": "unchanged", "connections[1]": "accept s3cret-of-it\nfailed"}
    run.see("")
    run.ended = {**run.ended, "connections[2]": "unchanged"}
    run.progress.end("")
    assert run.details == [
        "connections[0] (vpc-1): unchanged",
        "connections[1] (vpc-1): accept ********\\nfailed",
        "connections[2] (vpc-1): unchanged",
    ]


def test_without_verbosity_no_entry_is_looked_at() -> None:
    run = Run(has_detail=False)
    run.progress.plan = Plan()
    run.see("")
    run.progress.end("")
    assert run.details == []


def test_the_result_is_made_at_the_end_and_not_for_each_state() -> None:
    run = Run()
    run.progress.plan = Plan()
    for _number in range(3):
        run.see("")
    assert run.shown == []
    run.progress.end("the last state")
    assert run.shown == ["the last state"]


def test_what_others_have_to_do_is_said_once_it_is_known() -> None:
    run = Run()
    run.see("", notes=("known before",))
    run.progress.plan = Plan()
    run.see("", notes=("known before",))
    for notes in (("known before", "give s3cret-of-it"), ("known before", "give s3cret-of-it"), ("known before",)):
        run.see("", notes=notes)
    assert run.lines == ["project 1: give ********"]
