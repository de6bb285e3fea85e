"""A side of its own for tests of the engine: sets of names that a forgetful server keeps, one set for each owner."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, NamedTuple

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.front import Front
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Status, execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome, Report
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import (
    ONLY,
    SEEN,
    Effect,
    Purpose,
    Query,
    Side,
    Waiting,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

Names = frozenset[str]


class Sent(NamedTuple):
    """A request that the session has sent."""

    is_write: bool = True
    status: int | None = 200


@dataclass
class World:
    """The server, what happened there in order, and how the side behaves in a test.

    Attributes:
        names: The names that are there, by owner.
        wanted: Those that there should be.
        faults: What goes wrong with the next requests, by what the log says of them; they take effect where that is True.
        gates: What a request waits for, in its thread.
        wait, retry_wait, explain, record: What the side returns, with itself first.
        more: What the second round of a look asks, by owner.
        traits: Fields of steps by name, such as `{"a": {"action": "create"}}`.
        refusals, failures, told: Parts of all plans.
        later: What is wanted in plans after the first, by owner.
        bounds: The deadlines of requests that have one.
        blocks: How many requests may run at once, in each block in which several do.
    """

    names: dict[str, set[str]] = field(default_factory=lambda: {ONLY: set()})
    wanted: dict[str, Sequence[str]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    faults: dict[str, list[tuple[bool, BaseException]]] = field(default_factory=dict)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    wait: Callable[[Any, str, Step | None], Waiting | None] = lambda side, owner, step: None
    retry_wait: Callable[[Any, Step, TaskError], Waiting | None] = lambda side, step, error: None
    explain: Callable[[Any, Step, TaskError], TaskError] = lambda side, step, error: error
    record: Callable[[Any, Step, Any], Effect | None] = lambda side, step, reply: None
    more: dict[str, Sequence[str]] = field(default_factory=dict)
    traits: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: dict[str, TaskError] = field(default_factory=dict)
    failures: dict[str, TaskError] = field(default_factory=dict)
    told: dict[str, tuple[str, ...]] = field(default_factory=dict)
    later: dict[str, Sequence[str]] = field(default_factory=dict)
    calls: list[Sent] = field(default_factory=list)
    secrets: tuple[str, ...] = ()
    bounds: list[float] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def within(self, deadline: float) -> Iterator[None]:
        self.bounds.append(deadline)
        yield

    @contextlib.contextmanager
    def side_by_side(self, parallel: int, seconds: float) -> Iterator[None]:
        self.blocks.append(parallel)
        yield

    def do(self, what: str, effect: Callable[[], Any] = lambda: None) -> Any:
        with self.lock:
            self.log.append(what)
        if what in self.gates:
            assert self.gates[what].wait(10)
        with self.lock:
            for takes_effect, error in self.faults.get(what, [])[:1]:
                self.faults[what].pop(0)
                if takes_effect:
                    effect()
                raise error
            return effect()

    def sent(self, *verbs: str) -> list[str]:
        """Return what the log has of some verbs."""
        return [one for one in self.log if one.partition(" ")[0] in verbs]


class NameSide(Side[Names]):
    """Has the wanted names in the server, and no others."""

    name = "names"

    def __init__(self, context: Any, world: World, owners: Sequence[str]) -> None:
        super().__init__(context, owners)
        self.world = world
        self.plans = 0

    def queries(self, owners: Sequence[Any], purpose: Purpose) -> Iterable[Query]:
        verb = "poll" if purpose is Purpose.POLL else "look"
        for owner in owners:
            yield Query(owner, partial(self._read, verb, owner), (owner,))
            if owner in self.states and purpose is not Purpose.POLL:
                yield from (
                    Query((owner, one), partial(self.world.do, f"more {one}"), (owner,)) for one in self.world.more.get(owner, ())
                )

    def _read(self, verb: str, owner: str) -> Names:
        read: Names = self.world.do(f"{verb} {owner}".strip(), lambda: frozenset(self.world.names[owner]))
        return read

    def observe(self, replies: Mapping[Any, Any]) -> Mapping[Any, Names]:
        found = {owner: names for owner, names in replies.items() if isinstance(owner, str)}
        return {owner: names for owner, names in found.items() if self.states.get(owner) != names}

    def plan(self, owners: Sequence[Any]) -> Plan:
        self.plans += 1
        changes, steps = list[Change](), list[Step]()
        for owner in owners:
            wanted = self.world.later.get(owner, self.world.wanted[owner]) if self.plans > 1 else self.world.wanted[owner]
            for name in [name for name in wanted if name not in self.states[owner]]:
                changes.append(Change("create", f"{owner}/{name}", None, {"name": name}))
                traits = {"action": "update", **self.world.traits.get(name, {})}
                steps.append(Step(request=name, keys=(f"{owner}/{name}",), owner=owner, **traits))
            for name in sorted(self.states[owner] - {*wanted}):
                changes.append(Change("delete", f"{owner}/{name}", {"name": name}, None))
                steps.append(Step("delete", name, (f"{owner}/{name}",), owner=owner, **self.world.traits.get(name, {})))
        return Plan(tuple(changes), tuple(steps), failures=self.world.failures, refusals=self.world.refusals, **self.world.told)

    def wait(self, owner: Any, step: Step | None) -> Waiting | None:
        return self.world.wait(self, owner, step)

    def timeout_error(self, owner: Any, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        unanswered = "" if error.unanswered is None else f" {error.unanswered}"
        return TaskError(f"{owner} waits for {waiting.goal} after {error.waited:.0f} s.{unanswered}")

    def request(self, step: Step) -> Callable[[], Any]:
        names, verb = self.world.names[str(step.owner)], "remove" if step.action == "delete" else "add"
        change = partial(names.discard if verb == "remove" else names.add, step.request)
        return partial(self.world.do, f"{verb} {step.owner} {step.request}".replace("  ", " "), change)

    def record(self, step: Step, reply: Any) -> Effect:
        effect = self.world.record(self, step, reply)
        if effect is not None:
            return effect
        names = self.states[step.owner]
        after = names - {step.request} if step.action == "delete" else names | {step.request}
        return Effect({} if reply is SEEN else {step.owner: after})

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        return self.world.retry_wait(self, step, error)

    def explain(self, step: Step, error: TaskError) -> TaskError:
        return self.world.explain(self, step, error)

    def progress_line(self) -> str:
        return f"{len(self.context.running)} running"


class OneFront(Front[World]):
    """A front about one set of names."""

    argument_spec = ArgumentSpec({})
    noun = "names"
    keeps_history = True
    world: ClassVar[World]
    side: ClassVar[type[NameSide]] = NameSide

    def __init__(self, params: Any, session: World, clock: Any) -> None:
        super().__init__(params, session, clock)
        self.sides = (self.side(self.context, session, [ONLY]),)

    @staticmethod
    @contextlib.contextmanager
    def connect(unused_params: Any, unused_warn: Any, /) -> Iterator[World]:
        yield OneFront.world

    def line(self, plan: Plan) -> str:
        return f"{len(plan.steps)} steps"

    def status(self, waiting: Waiting | None) -> Status:
        return Status("unknown" if self.state is None else f"{len(self.state)} names")

    def show_state(self, state: Names | None) -> Any:
        return None if state is None else {"names": sorted(state)}


class ListFront(OneFront):
    """A front about a set of names for each entry of a list."""

    is_single = is_strict = False
    threads = None

    def __init__(self, params: Any, session: World, clock: Any) -> None:
        super().__init__(params, session, clock)
        self.sides = (self.side(self.context, session, [*session.wanted]),)

    def show(self) -> dict[str, Any]:
        names = {owner: sorted(names) for owner, names in self.sides[0].states.items()}
        return {"names": names, "failed": {key: str(one.error) for key, one in self.context.failures.items()}}

    def diff(self) -> list[dict[str, Any]]:
        return [{"done": [*self.context.done]}]

    def failure(self) -> TaskError | None:
        failures = self.context.failures
        return TaskError(f"Failed: {', '.join(failures)}.") if failures else None

    def refusal(self, plan: Plan) -> TaskError:
        return TaskError(f"Refused: {', '.join(plan.refusals)}.")


def run(front: type[OneFront], world: World, *, check_mode: bool = False, lines: list[str] | None = None, **more: Any) -> Outcome:
    """Run a front on a clock that only sleeps move on."""
    OneFront.world = world
    clock = more.pop("clock", None) or FakeClock()
    params = {"wait": True, "wait_timeout": 60, "wait_sleep": 10, "retries": 2, "timeout": 5, "parallel": 4, **more}
    report = Report((lines if lines is not None else []).append)
    return execute(front, params, check_mode=check_mode, report=report, clock=clock, sleep=clock.sleep)


def lost(takes_effect: bool) -> tuple[bool, TaskError]:
    """Return a fault: the reply is lost, after the effect or before it."""
    return takes_effect, TaskError("Lost.", outcome_unknown=True, is_transient=True)


def refused(text: str = "Refused.", **fields: Any) -> tuple[bool, TaskError]:
    """Return a fault: the request is refused."""
    return False, TaskError(text, **fields)
