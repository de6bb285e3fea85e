"""One run of an Operation, which only reads, on a server of its own; and the history of states."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Operation, execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Lines, Outcome, Report, StatusHistory
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import ANNOUNCE
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock


@dataclass
class Server:
    """What the Operation reads, and what happened there, in order."""

    names: tuple[str, ...] = ("a",)
    log: list[str] = field(default_factory=list)
    error: BaseException | None = None
    calls: list[Any] = field(default_factory=list)
    secrets: tuple[str, ...] = ("s3cret-of-it",)

    def read(self) -> tuple[str, ...]:
        self.log.append("look")
        announce = ANNOUNCE.get()
        assert announce is not None
        announce("Atlas", TaskError("s3cret-of-it\n", http_status=500), 30.0)
        if self.error is not None:
            raise self.error
        return self.names


class Names(Operation[Server, "tuple[str, ...]"]):
    """Reads the names in the server, and fails without any."""

    argument_spec = ArgumentSpec({})
    noun = "names"
    server: ClassVar[Server]

    @staticmethod
    @contextlib.contextmanager
    def connect(unused_params: Any, unused_warn: Any, /) -> Iterator[Server]:
        yield Names.server

    def look(self) -> tuple[str, ...]:
        return self.session.read()

    def decide(self, state: tuple[str, ...]) -> Plan:
        self.session.log.append("decide")
        if "odd" in state:
            raise TaskError("What is odd?")
        return Plan(warnings=(f"{len(state)} names.",), refusals={} if state else {"": TaskError("There is none.")})

    def show(self, state: tuple[str, ...]) -> dict[str, Any]:
        return {"names": [*state]}


@pytest.fixture
def server() -> Server:
    Names.server = Server()
    return Names.server


def run(*, check_mode: bool = False, lines: list[str] | None = None) -> Outcome:
    clock = FakeClock()
    report = Report((lines if lines is not None else []).append)
    return execute(Names, {}, check_mode=check_mode, report=report, clock=clock, sleep=clock.sleep)


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_is_read_is_shown_and_nothing_has_changed(server: Server, check_mode: bool) -> None:
    outcome = run(check_mode=check_mode)
    assert (outcome.changed, outcome.failure, outcome.values) == (False, None, {"names": ["a"]})
    assert (server.log, outcome.warnings, outcome.plan) == (["look", "decide"], ["1 names."], None)
    assert "diff" not in outcome.to_result(diff=True, verbosity=0)


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_fails_because_of_what_was_read_is_shown(server: Server, check_mode: bool) -> None:
    server.names = ()
    outcome = run(check_mode=check_mode)
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.values, outcome.warnings) == (
        "There is none.",
        {"names": []},
        ["0 names."],
    )
    server.names = ("odd",)
    outcome = run(check_mode=check_mode)
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.values["names"]) == ("What is odd?", ["odd"])


def test_a_defect_is_an_outcome_too(server: Server) -> None:
    server.error = AttributeError("a defect")
    outcome = run()
    assert outcome.failure is not None
    assert "AttributeError: a defect" in outcome.failure["msg"]
    assert "Traceback" in outcome.failure["exception"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_signal_has_nothing_to_report(server: Server, check_mode: bool) -> None:
    server.error = KeyboardInterrupt()
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(check_mode=check_mode, lines=lines)
    assert lines == ["Atlas does not answer (500), trying again"]


def test_lines_have_no_secrets_and_no_control_characters(server: Server) -> None:
    lines: list[str] = []
    Lines(Names({}, server, FakeClock()), Report(lines.append), FakeClock()).tell("s3cret-of-it\n")
    assert lines
    assert "s3cret-of-it" not in lines[0]
    assert "\n" not in lines[0]


def _parts() -> list[Any]:
    """Return what belongs to one run. A proxy of weakref whose object is gone has a type, but no class."""
    return [one for one in gc.get_objects() if issubclass(type(one), (Names, Lines))]


def test_nothing_of_an_item_stays_in_memory(server: Server) -> None:
    """A cycle would keep the state of each item of a loop until Python looks for cycles."""
    gc.collect()
    gc.disable()
    try:
        # Whatever failed earlier in this process, and is kept for its report, may have some.
        before = _parts()
        run()
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
