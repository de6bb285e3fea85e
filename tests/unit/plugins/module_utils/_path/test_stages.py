"""The stages of the whole path, with parts of its own: what is sent when, what is polled meanwhile, what ends a stage."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import begin_run
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import SILENT, Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.part import PathPart, one_line, task_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._path.path_state import (
    ACCESS,
    ACTING,
    CONTAINERS,
    REQUESTS,
    PathState,
    Task,
    What,
)
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.path_parts import Summary, Whole

ONE, TWO = "connections[0]", "connections[1]"


@dataclass
class World:
    """What the parts talk to: what happened there in order, and how steps behave, by their names."""

    log: list[str] = field(default_factory=list)
    #: What a step raises, each time when it is sent.
    errors: dict[str, list[TaskError]] = field(default_factory=dict)
    #: What a step waits for before it ends, in its thread.
    gates: dict[str, threading.Event] = field(default_factory=dict)
    #: How many polls it takes before a stage is settled.
    polls: dict[str, int] = field(default_factory=dict)
    on_poll: Callable[[], None] = lambda: None
    held: set[str] = field(default_factory=set)
    calls: list[Any] = field(default_factory=list)
    secrets: tuple[str, ...] = ()

    @contextlib.contextmanager
    def within(self, deadline: float) -> Iterator[None]:
        yield

    @contextlib.contextmanager
    def side_by_side(self, parallel: int, seconds: float) -> Iterator[None]:
        yield


class FakePart(PathPart):
    """Has steps as the test says: name, stage, entry, and whether it is a run of its own."""

    name = "fake"

    def __init__(self, world: World, steps: list[tuple[str, str, str, bool]]) -> None:
        self.world = world
        self.steps = steps
        self.refusal: TaskError | None = None

    def plan(self, state: PathState) -> Plan:
        left = [one for one in self.steps if what(one).key not in state.done and one[2] not in state.failures]
        changes = tuple(Change("create", what(one).key, None, {}) for one in left)
        steps = tuple(Step("create", Task(self.name, one[1], one[2], one[0]), (what(one).key,), is_run=one[3]) for one in left)
        return Plan(changes, steps, refusals={} if self.refusal is None else {ONE: self.refusal})

    def is_held(self, step: Step, state: PathState) -> bool:
        return task_of(step).request in self.world.held

    def is_ready(self, step: Step, state: PathState, running: Any) -> bool:
        return task_of(step).request not in self.world.held

    def send(self, step: Step, state: PathState) -> Any:
        name = task_of(step).request
        self.world.log.append(name)
        if name in self.world.gates:
            assert self.world.gates[name].wait(10)
        for error in self.world.errors.get(name, [])[:1]:
            self.world.errors[name].pop(0)
            raise error

    def record(self, step: Step, reply: Any, state: PathState) -> PathState:
        self.world.log.append(f"{task_of(step).request} done")
        return state.with_done([Change("create", step.keys[0], None, {})])

    def look_again(self, state: PathState) -> PathState:
        self.world.log.append("look")
        return state

    def poll(self, state: PathState) -> PathState:
        self.world.log.append("poll")
        if state.stage in self.world.polls:
            self.world.polls[state.stage] -= 1
        self.world.on_poll()
        return state

    def is_settled(self, state: PathState) -> bool:
        return self.world.polls.get(state.stage, 0) <= 0

    def late(self, state: PathState, error: Any) -> PathState:
        return state.with_failure(ONE, state.stage, TaskError("late"))


def what(one: tuple[str, str, str, bool]) -> What:
    return What(one[2], "request", "Atlas", "create", "container" if one[1] == CONTAINERS else "connection", one[0])


class Owners(Summary):
    """Says whose step has failed."""

    def failure(self, state: PathState) -> TaskError | None:
        failed = [f"{owner} {one.step}: {one.error}" for owner, one in state.failures.items()]
        return TaskError("; ".join(failed)) if failed else None


class OnePart(Whole):
    """A whole path with one part."""

    def __init__(self, part: FakePart, clock: FakeClock) -> None:
        times = {"timeout": 60, "retries": 2, "wait": False, "wait_timeout": 60, "wait_sleep": 5}
        super().__init__(
            {"state": "present", "atlas": False, "connections": [], "parallel": 4, **times}, part.world, clock, [part]
        )
        self.summary = Owners()

    def plans_again_after(self, stage: str) -> bool:
        return stage == CONTAINERS and any(What.of(key).kind == "container" for key in self.state.done)


class Run:
    """One run of `OnePart`, and what came of it."""

    def __init__(self, world: World, *steps: tuple[str, str, str, bool]) -> None:
        self.clock, self.outcome, self.part = FakeClock(), Outcome(), FakePart(world, [*steps])
        operation = OnePart(self.part, self.clock)
        self.run = begin_run(operation, self.outcome, SILENT, self.clock, self.clock.sleep)

    def go(self) -> str:
        """Carry it out, and return the message of its failure; empty for none."""
        try:
            self.run.carry_out()
        except TaskError as error:
            return str(error)
        return ""


@pytest.fixture
def world() -> World:
    return World()


def test_a_stage_begins_when_the_one_before_has_ended(world: World) -> None:
    run = Run(world, ("access", ACCESS, ONE, False), ("accept", ACTING, ONE, True), ("request", REQUESTS, ONE, False))
    assert run.go() == ""
    assert [one for one in world.log if one != "poll"] == [
        *("request", "request done", "accept", "accept done", "access", "access done"),
    ]
    assert run.outcome.changed


def test_an_entry_that_fails_goes_no_further_and_others_go_on(world: World) -> None:
    world.errors["request one"] = [TaskError("No.")]
    steps = [
        (f"{name} {number}", stage, entry, False)
        for name, stage in (("request", REQUESTS), ("accept", ACTING))
        for number, entry in (("one", ONE), ("two", TWO))
    ]
    run = Run(world, *steps)
    assert run.go() == f"{ONE} request: No."
    assert "accept one" not in world.log
    assert "accept two done" in world.log


def test_polls_go_on_while_a_run_of_its_own_is_running(world: World) -> None:
    mirror = world.gates["mirror"] = threading.Event()
    world.polls[ACTING] = 3
    world.on_poll = lambda: mirror.set() if world.polls[ACTING] == 1 else None
    run = Run(world, ("mirror", ACTING, ONE, True))
    assert run.go() == ""
    assert world.log.index("mirror done") > world.log.index("poll") > world.log.index("mirror")


def test_a_request_without_a_place_waits_in_the_next_stage(world: World) -> None:
    world.held = {"request two"}

    def free() -> None:
        if "accept one done" in world.log:
            world.held.clear()

    world.on_poll, world.polls[ACTING] = free, 1
    run = Run(
        world, ("request one", REQUESTS, ONE, False), ("request two", REQUESTS, TWO, False), ("accept one", ACTING, ONE, True)
    )
    assert run.go() == ""
    assert world.log.index("accept one done") < world.log.index("request two")


def test_a_refused_step_of_a_failed_entry_is_not_waited_for(world: World) -> None:
    world.errors = {"one": [TaskError("No.")], "two": [TaskError("Full.")]}
    gate = world.gates["two"] = threading.Event()
    run = Run(world, ("one", REQUESTS, ONE, False), ("two", REQUESTS, ONE, False))
    run.part.hold = lambda step, error, state: state if error.message == "Full." else None  # type: ignore[method-assign]

    def record_failure(what: What, error: TaskError, state: PathState) -> PathState:
        gate.set()
        return state

    run.part.record_failure = record_failure  # type: ignore[method-assign]
    assert run.go() == f"{ONE} request: No."
    assert run.clock.now < 1060


def test_each_stage_has_the_whole_time(world: World) -> None:
    world.polls[REQUESTS] = world.polls[ACTING] = 24
    run = Run(world, ("request", REQUESTS, ONE, False), ("accept", ACTING, ONE, True))
    assert run.go() == ""
    assert run.clock.now > 1000.0 + 60.0


def test_what_is_late_fails_and_the_next_stages_go_on(world: World) -> None:
    world.polls[REQUESTS] = 1000
    run = Run(world, ("request", REQUESTS, ONE, False), ("accept", ACTING, TWO, True))
    assert run.go() == f"{ONE} {REQUESTS}: late"
    assert "accept done" in world.log


def test_after_new_containers_the_plan_is_made_again(world: World) -> None:
    run = Run(world, ("container", CONTAINERS, ONE, True), ("request", REQUESTS, ONE, False))
    run.part.refusal = None
    world.on_poll = lambda: None
    record = run.part.record

    def refuse(step: Step, reply: Any, state: PathState) -> PathState:
        run.part.refusal = TaskError("Its block overlaps.")
        return record(step, reply, state)

    run.part.record = refuse  # type: ignore[method-assign]
    assert run.go() == "Its block overlaps."
    assert run.outcome.changed
    assert "request" not in world.log


@pytest.mark.parametrize("is_run", [False, True])
def test_only_a_single_request_is_looked_at_again(world: World, is_run: bool) -> None:
    """A run of its own has done that itself, so its error is final."""
    world.errors["request"] = [NoAnswerError("Silence.", outcome_unknown=True, is_transient=True)]
    run = Run(world, ("request", REQUESTS, ONE, is_run))
    assert run.go() == (f"{ONE} request: Silence." if is_run else "")
    assert ("look" in world.log) != is_run
    assert run.outcome.changed


def test_what_is_running_when_its_time_is_up_is_waited_for(world: World) -> None:
    world.gates["add"] = threading.Event()
    run = Run(world, ("add", ACCESS, ONE, True))
    threading.Timer(0.05, world.gates["add"].set).start()
    assert run.go() == ""
    assert "add done" in world.log


def test_a_signal_records_what_was_done(world: World) -> None:
    world.polls[ACTING] = 3

    def interrupt() -> None:
        raise KeyboardInterrupt

    world.on_poll = interrupt
    run = Run(world, ("request", REQUESTS, ONE, False), ("accept", ACTING, ONE, True))
    with pytest.raises(KeyboardInterrupt):
        run.run.carry_out()
    assert Summary().stopped(run.run.state)[0][:1] == ["request"]


def test_a_line_has_names_last() -> None:
    lines = ("2 wait for Atlas: vpc-1, vpc-2", "0 of 2 accepted in AWS", "")
    parts = [FakePart(World(), ()) for _line in lines]
    for part, line in zip(parts, lines, strict=True):
        part.line = lambda state, line=line: line  # type: ignore[misc,assignment]
    assert one_line(part.line(PathState()) for part in parts) == "0 of 2 accepted in AWS, 2 wait for Atlas: vpc-1, vpc-2"
