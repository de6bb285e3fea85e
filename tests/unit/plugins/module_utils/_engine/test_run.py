"""The engine with an Operation of its own: a set of names that a forgetful server keeps."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation, Status
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome, Progress, Report, StatusHistory
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Facts, Plan, Step, to_line
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.run import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import Wait
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


@dataclass
class Server:
    """What the Operation talks to, and what happened there, in order."""

    names: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    #: What goes wrong with the next requests, by what the log says of them; they take effect where that says True.
    faults: dict[str, list[tuple[bool, Exception]]] = field(default_factory=dict)
    calls: list[Any] = field(default_factory=list)
    secrets: tuple[str, ...] = ("s3cret-of-it",)

    @contextlib.contextmanager
    def within(self, deadline: float) -> Iterator[None]:
        self.log.append("within")
        yield

    def do(self, what: str, effect: Any = None) -> None:
        self.log.append(what)
        for takes_effect, error in self.faults.get(what, [])[:1]:
            self.faults[what].pop(0)
            if takes_effect and effect is not None:
                effect()
            raise error
        if effect is not None:
            effect()


class Names(Operation[Server, "frozenset[str]"]):
    """Has the names of the options, and no others, in the server."""

    argument_spec = ArgumentSpec({})
    noun = "names"
    keeps_history = True
    retries = 2
    server: ClassVar[Server]

    @staticmethod
    @contextlib.contextmanager
    def connect(unused_params: Any, unused_warn: Any, /) -> Iterator[Server]:
        yield Names.server

    def look(self) -> frozenset[str]:
        self.session.do("look")
        return frozenset(self.session.names)

    def read(self, key: str) -> Any:
        self.session.do(f"read {key}")
        return "allowed"

    def decide(self, state: frozenset[str]) -> Plan:
        wanted = self.params["names"]
        new = [name for name in wanted if name not in state]
        old = sorted(state - set(wanted))
        if new and (self.facts["rules"], self.facts["more rules"]) != ("allowed", "allowed"):
            raise TaskError("Not allowed.")
        changes = [*(Change("create", one, None, {}) for one in new), *(Change("delete", one, {}, None) for one in old)]
        steps = [Step("update", ("add", one), (one,)) for one in new]
        steps += [Step("delete", ("remove", one), (one,), after="quiet") for one in old]
        refusals = {"": TaskError("Too many.")} if len(wanted) > 3 else {}
        return Plan(tuple(changes), tuple(steps), tuple(f"{one} goes." for one in old), refusals=refusals)

    def predict(self, state: frozenset[str], plan: Plan) -> frozenset[str]:
        return frozenset(self.params["names"])

    def apply(self, step: Step, state: frozenset[str]) -> frozenset[str]:
        verb, name = step.request
        names = self.session.names
        self.session.do(f"{verb} {name}", lambda: names.add(name) if verb == "add" else names.discard(name))
        return state | {name} if verb == "add" else state - {name}

    def wait(self, state: frozenset[str], step: Step | None = None) -> Wait[frozenset[str]] | None:
        def poll(last: frozenset[str]) -> frozenset[str]:
            self.session.do("poll")
            return last

        goal = "quiet" if step is not None else "stable"
        asked = self.session.log.count("poll")
        return Wait(goal, poll, lambda last: self.session.log.count("poll") > asked, lambda last, error: TaskError("Late."))

    def status(self, state: frozenset[str], wait: Any) -> Status:
        return Status(f"{len(state)} names", "s3cret-of-it\n" if wait is not None else "")

    def show(self, state: frozenset[str], plan: Plan) -> dict[str, Any]:
        return {"names": sorted(state), "refused": [change.key for change in plan.changes if plan.refusals]}


@pytest.fixture
def server() -> Server:
    Names.server = Server()
    return Names.server


def run(*names: str, check_mode: bool = False, lines: list[str] | None = None) -> Outcome:
    clock = FakeClock()
    params = {"names": names, "wait": True, "wait_timeout": 60, "wait_sleep": 10, "retries": 2}
    report = Report((lines if lines is not None else []).append)
    return execute(Names, params, check_mode=check_mode, report=report, clock=clock, sleep=clock.sleep)


def lost(takes_effect: bool, **more: Any) -> tuple[bool, Exception]:
    return takes_effect, TaskError("Lost.", outcome_unknown=True, is_transient=True, **more)


def test_each_fact_is_read_when_it_is_asked_for_and_once(server: Server) -> None:
    outcome = run("a", "b")
    assert server.log == ["look", "read rules", "read more rules", "add a", "add b", "within", "poll"]
    assert (outcome.changed, outcome.failure, outcome.values["names"]) == (True, None, ["a", "b"])
    assert (outcome.before, outcome.after) == ({"names": []}, {"names": ["a", "b"]})


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_plan_that_is_refused_is_shown_and_nothing_is_done(server: Server, check_mode: bool) -> None:
    outcome = run("a", "b", "c", "d", check_mode=check_mode)
    assert (outcome.changed, outcome.values["refused"]) == (False, ["a", "b", "c", "d"])
    assert outcome.failure is not None
    assert (outcome.failure["msg"], server.log) == ("Too many.", ["look", "read rules", "read more rules"])


def test_who_counts_what_stays_says_the_first_plan(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Names, "line", lambda self, state, plan: to_line(plan, len(state & {*self.params["names"]})))
    server.names = {"a"}
    # What is left to do after another look is not what the task set out to do.
    server.faults["add c"] = [lost(False)]
    outcome = run("a", "b", "c")
    line = "Plan: 2 to create, 0 to change, 0 to remove, 1 unchanged"
    assert (outcome.values["summary"], server.log.count("look")) == ({"plan": line}, 2)
    comparison = {"before": {"names": ["a"]}, "after": {"names": ["a", "b", "c"]}}
    assert outcome.to_result(diff=True, verbosity=0)["diff"] == [{"prepared": f"{line}\n"}, comparison]
    again = run("a", "b", "c")
    assert again.values["summary"] == {"plan": None}
    assert again.to_result(diff=True, verbosity=0)["diff"] == [{"before": comparison["after"], "after": comparison["after"]}]


def test_nothing_to_do_is_not_changed(server: Server) -> None:
    server.names = {"a"}
    outcome = run("a")
    assert (outcome.changed, server.log) == (False, ["look", "within", "poll"])


def test_check_mode_looks_decides_predicts_and_does_no_more(server: Server) -> None:
    server.names = {"z"}
    outcome = run("a", check_mode=True)
    assert server.log == ["look", "read rules", "read more rules"]
    assert (outcome.changed, outcome.values["names"], outcome.warnings) == (True, ["a"], ["z goes."])
    assert server.names == {"z"}


def test_a_step_waits_for_what_comes_first(server: Server) -> None:
    server.names = {"z"}
    assert run().values["names"] == []
    assert server.log == ["look", "within", "poll", "remove z", "within", "poll"]


@pytest.mark.parametrize("takes_effect", [True, False])
def test_a_lost_step_is_looked_up_before_anything_is_sent_again(server: Server, takes_effect: bool) -> None:
    server.faults["add a"] = [lost(takes_effect)]
    outcome = run("a", "b")
    assert (outcome.changed, outcome.failure, server.names) == (True, None, {"a", "b"})
    again = [] if takes_effect else ["add a"]
    assert server.log[3:] == ["add a", "look", *again, "add b", "within", "poll"]


def test_a_step_that_is_always_lost_is_a_failure_without_change(server: Server) -> None:
    server.faults["add a"] = [lost(False)] * 9
    outcome = run("a")
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.changed) == ("Lost.", False)
    assert (server.log.count("add a"), server.log[-1]) == (3, "look")


def test_what_a_lost_step_did_is_told_although_the_next_fails(server: Server) -> None:
    server.faults["add a"] = [lost(True)]
    server.faults["add b"] = [(False, TaskError("Refused."))]
    outcome = run("a", "b")
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.changed, outcome.values["names"]) == ("Refused.", True, ["a"])


def test_a_failed_look_after_a_lost_step_leaves_changed_open(server: Server) -> None:
    server.faults["add a"] = [lost(True)]
    server.faults["look"] = []
    first = server.do

    def do(what: str, effect: Any = None) -> None:
        if what == "look" and "add a" in server.log:
            raise TaskError("Unreadable.")
        first(what, effect)

    server.do = do  # type: ignore[method-assign]
    outcome = run("a")
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.changed) == ("Unreadable.", True)


def test_progress_makes_the_count_of_failures_start_anew(server: Server) -> None:
    server.faults = {f"add {name}": [lost(False), lost(False)] for name in "abc"}
    assert run("a", "b", "c").failure is None
    assert server.names == {"a", "b", "c"}


def test_a_refusal_is_not_tried_again(server: Server) -> None:
    server.faults["add a"] = [(False, TaskError("Refused."))]
    outcome = run("a")
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.changed, server.log.count("look")) == ("Refused.", False, 1)


def test_a_defect_is_an_outcome_too(server: Server) -> None:
    server.faults["add b"] = [(False, AttributeError("a defect"))]
    outcome = run("a", "b")
    assert outcome.failure is not None
    assert "AttributeError: a defect" in outcome.failure["msg"]
    assert "Traceback" in outcome.failure["exception"]
    assert outcome.changed


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("look", "nothing"),
        ("add a", "nothing; perhaps also: update a"),
        ("add b", "update a; perhaps also: update b"),
        ("poll", "update a, update b"),
    ],
)
def test_a_signal_has_what_was_done_reported(server: Server, where: str, told: str) -> None:
    server.faults[where] = [(False, KeyboardInterrupt())]  # type: ignore[list-item]
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run("a", "b", lines=lines)
    assert lines[-1] == f"stopped before the end; done so far: {told}"


def test_a_lost_step_is_in_doubt_until_the_look(server: Server) -> None:
    server.faults = {"add a": [lost(True)], "add b": [(False, KeyboardInterrupt())]}  # type: ignore[list-item]
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run("a", "b", lines=lines)
    assert lines[-1].endswith("done so far: update a; perhaps also: update b")


def test_in_check_mode_a_signal_has_nothing_to_report(server: Server) -> None:
    server.faults["look"] = [(False, KeyboardInterrupt())]  # type: ignore[list-item]
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run("a", check_mode=True, lines=lines)
    assert lines == []


def test_lines_have_no_secrets_and_no_control_characters(server: Server) -> None:
    lines: list[str] = []
    outcome = run("a", lines=lines)
    assert lines
    assert "s3cret-of-it" not in "".join(lines)
    assert "\n" not in "".join(lines)
    assert [one["status"] for one in outcome.values["status_history"]] == ["0 names", "1 names"]


def _parts() -> list[Any]:
    """Return what belongs to one run."""
    return [one for one in gc.get_objects() if isinstance(one, (Names, Progress, Facts))]


def test_nothing_of_an_item_stays_in_memory(server: Server) -> None:
    """A cycle would keep the state of each item of a loop until Python looks for cycles."""
    gc.collect()
    gc.disable()
    try:
        # Whatever failed earlier in this process, and is kept for its report, may have some.
        before = _parts()
        run("a")
        assert [one for one in _parts() if not any(one is other for other in before)] == []
    finally:
        gc.enable()


def test_a_line_is_not_repeated_within_a_minute() -> None:
    clock, lines = FakeClock(), list[str]()
    history = StatusHistory("vpc-1", clock)
    began = clock.now
    for seconds in range(0, 130, 10):
        clock.now = began + seconds
        # Two waits for the same, with a look in between that waits for nothing.
        lines += [history.record("PENDING", "accept it", "AVAILABLE", began + 200), history.record("PENDING")]
    assert [*filter(None, lines)] == [
        "vpc-1: PENDING after 0 s, 200 s left; accept it",
        "vpc-1: still PENDING after 60 s, 140 s left; accept it",
        "vpc-1: still PENDING after 120 s, 80 s left; accept it",
    ]
    clock.now = began + 131.26
    history.record("AVAILABLE")
    assert history.entries == [{"status": "PENDING", "seconds": 0.0}, {"status": "AVAILABLE", "seconds": 131.3}]
