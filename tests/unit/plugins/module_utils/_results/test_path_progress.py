"""What the user sees while the whole path runs: a line for each stage that waits and, with -v, one for each entry as it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.lists import one_line
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome, Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._results.path_progress import PathProgress
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peering import PathPlans
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


class Run:
    """A progress whose states are the lines of the stage; entries end as the test says."""

    def __init__(self, *, has_detail: bool = True) -> None:
        self.lines: list[str] = []
        self.details: list[str] = []
        self.shown: list[Any] = []
        self.ended: dict[str, str] = {}
        self.asked: list[list[str]] = []
        self.line = ""
        self.clock = FakeClock()
        self.started = self.clock()
        keys = [f"connections[{index}]" for index in range(3)]
        entries = {key: SimpleNamespace(title=f"{key} (vpc-1)") for key in keys}
        ends = SimpleNamespace(entries=entries, of=self.find_ended)
        state = SimpleNamespace(notes={}, warnings={})
        self.path = mock.NonCallableMock(spec=PathPlans, state=state, last=Plan())
        side = SimpleNamespace(name="aws", progress_line=lambda: self.line, takes_turns=False)
        self.front: Any = SimpleNamespace(
            name="project 1",
            ends=ends,
            context=SimpleNamespace(stage=""),
            seconds_of=lambda stage: 100.0,
            entries_of=lambda side, owner, step: [f"connections[{owner}]"],
            session=SimpleNamespace(secrets=["s3cret-of-it"]),
            sides=(side,),
            path=self.path,
            is_single=False,
            keeps_history=False,
            show=lambda: self.shown.append(self.line) or {"summary": None},
            diff=list,
        )
        report = Report(self.lines.append, self.details.append if has_detail else None)
        outcome = Outcome()
        outcome.plan = ""
        self.progress = PathProgress(self.front, outcome, report, self.clock)

    def find_ended(self, state: Any, plan: Any, keys: set[str]) -> dict[str, str]:
        self.asked.append(sorted(keys))
        return {key: words for key, words in self.ended.items() if key in keys}

    def plan(self) -> None:
        """Show the plan."""
        self.progress.show()
        self.shown.clear()

    def see(
        self, line: str, goal: str = "", after: float = 0.0, notes: tuple[str, ...] = (), changed: tuple[int, ...] = ()
    ) -> None:
        self.clock.sleep(after)
        self.line, self.front.context.stage = line, goal
        self.path.state.notes = {("note", note): note for note in notes}
        self.progress.see(
            [("aws", owner) for owner in changed], Waiting(goal) if goal else None, self.started + 100.0 if goal else None
        )

    def end(self, line: str) -> None:
        """End the stage."""
        self.line = line
        self.progress.end_stage()


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


def test_a_stage_with_a_line_has_its_last_state_too() -> None:
    run = Run()
    run.see("", "roles")
    run.end("1 of 1 given")
    run.see("0 of 2 accepted", "both sides")
    run.end("2 of 2 accepted")
    run.see("1 of 2 available", "AVAILABLE", after=10)
    # A failure has ended it.
    run.end("1 of 2 available")
    run.see("0 of 1 in force", "the access list")
    run.end("")
    assert run.lines == [
        "project 1: 0 of 2 accepted; 0 s waited, 100 s left",
        "project 1: 2 of 2 accepted",
        "project 1: 1 of 2 available; 10 s waited, 90 s left",
        "project 1: 0 of 1 in force; 10 s waited, 90 s left",
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
    run.plan()
    run.see("")
    run.ended = {"connections[0]": "unchanged", "connections[1]": "accept s3cret-of-it\nfailed"}
    run.see("", changed=(0, 1))
    run.ended = {**run.ended, "connections[2]": "unchanged"}
    run.progress.end()
    assert run.details == [
        "connections[0] (vpc-1): unchanged",
        "connections[1] (vpc-1): accept ********\\nfailed",
        "connections[2] (vpc-1): unchanged",
    ]


def test_only_entries_that_have_changed_are_looked_at() -> None:
    run = Run()
    run.see("", changed=(1,))
    run.plan()
    run.see("")
    run.ended = {"connections[1]": "unchanged"}
    run.see("", changed=(1, 2))
    # A wait that no poll ends shows nothing: what has changed is seen with the next event.
    run.progress.see([("aws", 0)], Waiting("a step", polls=False))
    run.see("", changed=(1,))
    run.see("")
    # What is left to do is another.
    run.path.last = Plan()
    run.see("")
    run.progress.end()
    every, others = [f"connections[{index}]" for index in range(3)], ["connections[0]", "connections[2]"]
    assert run.asked == [every, every[1:], every[:1], [], others, others]


def test_without_verbosity_no_entry_is_looked_at() -> None:
    run = Run(has_detail=False)
    run.plan()
    run.see("")
    run.progress.end()
    assert run.details == []


def test_the_result_is_made_at_the_end_and_not_for_each_state() -> None:
    run = Run()
    run.plan()
    for _number in range(3):
        run.see("")
    assert run.shown == []
    run.line = "the last state"
    run.progress.end()
    assert run.shown == ["the last state"]


def test_what_others_have_to_do_is_said_once_it_is_known() -> None:
    run = Run()
    run.see("", notes=("known before",))
    run.plan()
    run.see("", notes=("known before",))
    for notes in (("known before", "give s3cret-of-it"), ("known before", "give s3cret-of-it"), ("known before",)):
        run.see("", notes=notes)
    assert run.lines == ["project 1: give ********"]


def test_a_line_has_names_last() -> None:
    lines = ("2 wait for Atlas: vpc-1, vpc-2", "0 of 2 accepted in AWS", "")
    assert one_line(lines) == "0 of 2 accepted in AWS, 2 wait for Atlas: vpc-1, vpc-2"
