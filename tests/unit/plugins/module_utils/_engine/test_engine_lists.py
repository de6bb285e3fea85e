"""The engine with a side of its own, about a list: owners side by side, stages, and failures that stop their entries alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.ledger import Waits
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, ChangeKey, Plan, Step, joined
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Effect, Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError, UndoneError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import ListFront, NameSide, World, lost, refused, run

FULL = refused("Full.")


def world(wanted: dict[str, Any], there: dict[str, Any] | None = None, **more: Any) -> World:
    """Return a world in which each owner should have some names."""
    names = {owner: {*(there or {}).get(owner, ())} for owner in wanted}
    return World(names=names, wanted=wanted, **more)


def with_side(**traits: Any) -> type[ListFront]:
    """Return a front whose side has other traits."""
    return type("Front", (ListFront,), {"side": type("TraitSide", (NameSide,), traits)})


def staged(*stages: str, seconds: float = 60, **members: Any) -> type[ListFront]:
    """Return a front with stages, each of which has so many seconds."""
    return type("Staged", (ListFront,), {"stages": stages, "seconds_of": lambda self, stage: float(seconds), **members})


class TwoSides(ListFront):
    """A front with two sides of the same entries, of which the second one wants a name of its own."""

    def __init__(self, params: Any, session: World, clock: Any) -> None:
        super().__init__(params, session, clock)
        more = World(names=session.names, wanted=dict.fromkeys(session.wanted, "b"), wait=session.wait)
        more.do = session.do  # type: ignore[method-assign]
        other = type("OtherSide", (NameSide,), {"name": "others"})
        self.sides = (*self.sides, other(self.context, more, [*session.wanted]))


def failed(outcome: Outcome) -> Any:
    """Return the failures of entries."""
    return outcome.values["failed"]


def unless(is_over: Callable[[Any, str, Step | None], bool], goal: str = "quiet", **fields: Any) -> Any:
    """Return a `wait` that ends as soon as something holds."""

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        return None if is_over(side, owner, step) else Waiting(goal, **fields)

    return wait


# Steps.


def test_owners_go_on_side_by_side_each_in_its_order() -> None:
    one = world({"x": "ab", "y": "cd"})
    barrier, first = threading.Barrier(2, timeout=10), one.do

    def do(what: str, *effect: Any) -> Any:
        if what.startswith("add"):
            barrier.wait()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    outcome = run(ListFront, one)
    assert (outcome.failure, outcome.changed, one.names) == (None, True, {"x": {*"ab"}, "y": {*"cd"}})
    assert [step for step in one.log if step.startswith("add x")] == ["add x a", "add x b"]
    assert outcome.diff is not None
    assert sorted(outcome.diff[0]["done"]) == ["x/a", "x/b", "y/c", "y/d"]


@pytest.mark.parametrize(("traits", "parallel"), [({"lanes": (("one at a time", 1),)}, 4), ({}, 1)])
def test_a_lane_and_the_limit_keep_the_order_of_the_plan(traits: Any, parallel: int) -> None:
    at_once, most = 0, 0
    one = world({"z": "a", "x": "a", "y": "a"}, traits={"a": traits})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        nonlocal at_once, most
        if not what.startswith("add"):
            return first(what, *effect)
        at_once += 1
        most = max(most, at_once)
        done = first(what, *effect)
        at_once -= 1
        return done

    one.do = do  # type: ignore[method-assign]
    assert run(ListFront, one, parallel=parallel).failure is None
    assert (most, one.sent("add")) == (1, ["add z a", "add x a", "add y a"])


def test_a_full_lane_holds_up_no_other_step() -> None:
    gate, lanes = threading.Event(), {"lanes": (("two at a time", 2),)}
    one = world({"w": "a", "x": "a", "y": "a", "z": "b"}, traits={"a": lanes}, gates={"add w a": gate, "add x a": gate})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "add z b":
            gate.set()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    assert run(ListFront, one, parallel=9).failure is None
    assert one.sent("add")[2:] == ["add z b", "add y a"]


def test_ready_is_not_sent() -> None:
    """`wait` is asked again right before a request: the place that was free may be taken."""

    def has_place(side: NameSide, owner: str, step: Step | None) -> bool:
        return step is None or not side.context.running

    def request(self: NameSide, step: Step) -> Any:
        beside.append(len(self.context.running))
        return NameSide.request(self, step)

    beside, clock = list[int](), FakeClock()
    one = world({"x": "a", "y": "a"}, wait=unless(has_place, "a place", polls=False, ends_with_steps=True))
    assert run(with_side(request=request), one, clock=clock).failure is None
    assert (one.sent("add", "poll"), beside, clock.pauses) == (["add x a", "add y a"], [0, 0], [])


def test_an_owner_without_a_state_is_never_evaluated() -> None:
    one = world({"x": "a"}, wait=unless(lambda side, owner, step: owner in side.states))

    class Unread(NameSide):
        """A side that gets no state of an owner."""

        def observe(self, replies: Any) -> Any:
            return {}

    assert run(type("Front", (ListFront,), {"side": Unread}), one).failure is None
    assert one.log == ["look x"]


# Looks and plans of all sides.


def test_all_sides_are_asked_at_once() -> None:
    one = world({"x": "a"})
    barrier, first = threading.Barrier(2, timeout=10), one.do

    def do(what: str, *effect: Any) -> Any:
        if what.startswith("look"):
            barrier.wait()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    assert run(TwoSides, one).failure is None
    assert (one.log[:2], sorted(one.sent("add"))) == (["look x", "look x"], ["add x a", "add x b"])


def test_of_several_refusals_of_an_entry_the_first_counts() -> None:
    first, second = (Plan(refusals={"x": TaskError(text)}, failures={"y": TaskError(text)}) for text in ("First.", "Second."))
    plan = joined([first, second])
    assert (plan.refusals, plan.failures) == (first.refusals, first.failures)


@pytest.mark.parametrize("is_of_no_entry", [False, True])
def test_what_no_entry_fails_with_ends_the_run(is_of_no_entry: bool) -> None:
    one = world({"x": "a", "y": "a"}, faults={"look x": [refused("No.")]})
    of_none = type("OfNone", (ListFront,), {"entries_of": lambda self, *target: ()})
    outcome = run(of_none if is_of_no_entry else with_side(queries=_for_all), one)
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.plan, outcome.changed) == ("No.", None, False)


def _for_all(self: NameSide, owners: Any, purpose: Any) -> Any:
    return [query._replace(owners=()) for query in NameSide.queries(self, owners, purpose)]


# Failures.


def test_what_is_unread_refuses_the_whole_with_all_of_it() -> None:
    one = world({"x": "a", "y": "a", "z": "a"}, faults={"look x": [refused()], "look z": [refused()]})
    outcome = run(ListFront, one)
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.changed, one.sent("add")) == ("Refused: x, z.", False, [])


def test_a_failure_stops_its_entry_alone_on_all_sides() -> None:
    def goes_first(side: NameSide, owner: str, step: Step | None) -> bool:
        return side.name == "names" or "a" in side.world.names[owner]

    one = world({"x": "a", "y": "a"}, wait=unless(goes_first, "a", polls=False), faults={"add x a": [refused("No.")]})
    outcome = run(TwoSides, one, clock=(clock := FakeClock()))
    assert (failed(outcome), outcome.changed) == ({"x": "No."}, True)
    # A new state of an owner has it evaluated on all sides.
    assert (sorted(one.sent("add")), clock.pauses) == (["add x a", "add y a", "add y b"], [])
    assert outcome.failure is not None
    assert outcome.failure["msg"] == "Failed: x."


def test_a_change_without_an_effect_takes_back_its_own_alone() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if step is None and owner == "x" and all(side.states.values()):
            raise UndoneError("Undone.")
        return Waiting("y", polls=False, ends_with_steps=True) if step is None and owner == "x" else None

    assert [run(ListFront, world(wanted, wait=wait)).changed for wanted in ({"x": "a"}, {"x": "a", "y": "a"})] == [False, True]


def test_an_entry_that_has_failed_with_the_plan_is_not_sent() -> None:
    one = world({"x": "a", "y": "a"}, failures={"x": TaskError("No.")})
    assert failed(run(ListFront, one)) == {"x": "No."}
    assert one.sent("add") == ["add y a"]


def test_a_step_for_several_entries_fails_some_of_them() -> None:
    def record(side: NameSide, step: Step, reply: Any) -> Effect:
        return Effect({step.owner: frozenset("a")}, failures={"y": TaskError("Not this one.")})

    one = world({"x": "a", "y": "a"}, record=record)
    one.wait = unless(lambda side, owner, step: owner == "x" or side.states["x"], "x", polls=False, ends_with_steps=True)
    assert failed(run(ListFront, one)) == {"y": "Not this one."}
    assert one.sent("add") == ["add x a"]


def test_a_list_is_shown_once_it_has_a_plan_and_at_the_end() -> None:
    shown: list[Any] = []

    class Counting(ListFront):
        """A front that keeps each result."""

        def show(self) -> dict[str, Any]:
            shown.append(len(self.context.plan.steps))
            return super().show()

    assert run(Counting, world({"x": "ab"})).failure is None
    assert shown == [2, 2]


def test_the_failure_has_the_step_of_the_key() -> None:
    key = ChangeKey("x", "routes", "AWS", "route", ("rtb-1",))
    front = ListFront({}, World(), FakeClock())
    step = Step("delete", "a", (key,))
    assert front.failed("names", "x", step, TaskError("No.")).step == "routes"
    assert front.failed("names", "x", None, TaskError("No.")).step == "names"


def test_a_defect_ends_the_run_and_stops_the_rest() -> None:
    one = world({"x": "a", "y": "a"}, faults={"add x a": [(False, KeyError("a defect"))]})
    outcome = run(ListFront, one, parallel=1)
    assert outcome.failure is not None
    assert "KeyError" in outcome.failure["msg"]
    assert failed(outcome).keys() == {"x", "y"}


# Another look.


def test_a_list_goes_on_where_one_would_stop() -> None:
    """A removal is lost for good although it took effect, and more is to do."""
    gone = (True, NoAnswerError("Gone.", outcome_unknown=True))
    one = world({"x": ""}, {"x": "yz"}, faults={"remove x y": [gone]})
    outcome = run(ListFront, one)
    assert (outcome.failure, one.sent("remove")) == (None, ["remove x y", "remove x z"])


def test_one_look_for_all_unsure_steps_once_nothing_is_sent() -> None:
    gate, clock = threading.Event(), FakeClock()
    wanted = {"x": "a", "y": "a", "z": "a"}
    one = world(wanted, faults={"add x a": [lost(True)], "add y a": [lost(False)]}, gates={"add z a": gate})
    first, early = one.do, list[str]()

    def do(what: str, *effect: Any) -> Any:
        if what.startswith("look") and "add z a" in one.log and not gate.is_set():
            early.append(what)
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    threading.Timer(0.2, gate.set).start()
    outcome = run(with_side(looks_together=True), one, clock=clock)
    assert (outcome.failure, one.log.count("add y a"), early) == (None, 2, [])
    assert [one.log.count(f"look {owner}") for owner in "xyz"] == [2, 2, 1]
    assert len(clock.pauses) == 1


def test_otherwise_each_owner_is_looked_for_alone() -> None:
    """One owner's look does not wait for what another one sends."""
    gate = threading.Event()
    one = world({"x": "a", "y": "a"}, faults={"add x a": [lost(True)]}, gates={"add y a": gate})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "look x" and "add x a" in one.log:
            gate.set()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    clock = FakeClock()

    class Quick(FakeClock):
        """A clock that goes on by itself."""

        def __call__(self) -> float:
            clock.now += 0.2
            return clock.now

    assert run(ListFront, one, clock=Quick()).failure is None
    assert one.log.count("look x") == 2
    # The first look has a block of its own.
    assert one.blocks == [8, 4]


def test_what_no_poll_can_end_is_not_polled() -> None:
    clock = FakeClock()
    one = world({"x": ""}, wait=unless(lambda side, owner, step: False, polls=False))
    assert failed(run(ListFront, one, clock=clock)) == {"x": "x waits for quiet after 60 s."}
    assert (one.log, clock.pauses) == (["look x"], [60.0])


def test_a_later_plan_does_no_more_than_the_first_has_shown() -> None:
    # Not even after another look, which the later plan has not widened.
    one = world({"x": "a"}, faults={"add x a": [lost(False)] * 2}, later={"x": "ba"})
    assert run(ListFront, one).failure is None
    assert one.names["x"] == {"a"}


def test_a_later_plan_may_do_what_was_shown_in_another_way() -> None:
    """A route that was to be replaced may have to be created."""

    class Other(NameSide):
        """A side whose later plans have another request for a key."""

        def plan(self, owners: Any) -> Any:
            plan = super().plan(owners)
            others = tuple(step._replace(action="create", request="another") for step in plan.steps)
            return plan if self.plans == 1 else replace(plan, steps=others)

    one = world({"x": "a"}, faults={"add x a": [lost(False)]})
    assert run(type("Front", (ListFront,), {"side": Other}), one).failure is None
    assert one.names["x"] == {"another"}


@pytest.mark.parametrize(("retries", "sent"), [(0, 1), (3, 4)])
def test_a_side_may_have_retries_of_its_own(retries: int, sent: int) -> None:
    one = world({"x": "a"}, faults={"add x a": [lost(False)] * 9})
    assert failed(run(with_side(retries=retries), one)) == {"x": "Lost."}
    assert one.log.count("add x a") == sent


def test_a_step_may_say_which_changes_it_has_made() -> None:
    change = Change("create", "x/other", None, {})
    one = world({"x": "a"}, record=lambda side, step, reply: Effect({step.owner: frozenset("a")}, [change]))
    outcome = run(ListFront, one)
    assert (outcome.diff, outcome.changed) == ([{"done": ["x/other"]}], True)


def test_an_unplanned_removal_fails_its_owner() -> None:
    class Both(NameSide):
        """A side whose first plan only changes what a later one would remove."""

        def plan(self, owners: Any) -> Any:
            plan = super().plan(owners)
            if self.plans == 1:
                return plan
            steps = tuple(Step("delete", f"no {step.request}", step.keys, owner=step.owner) for step in plan.steps)
            return type(plan)(plan.changes, steps)

    one = world({"x": "a", "y": "a"}, faults={"add x a": [lost(False)]})
    outcome = run(type("Front", (ListFront,), {"side": Both}), one)
    assert failed(outcome).keys() == {"x"}
    assert "has changed while this task ran" in failed(outcome)["x"]


class Refusing(NameSide):
    """A side whose later plans are refused for an entry."""

    def plan(self, owners: Any) -> Any:
        plan = super().plan(owners)
        return plan if self.plans == 1 else type(plan)(plan.changes, plan.steps, refusals={"x": TaskError("Not now.")})


def test_refusals_of_a_later_plan_fail_their_entries_alone() -> None:
    one = world({"x": "a", "y": "a"}, faults={"add x a": [lost(False)]})
    assert failed(run(type("Front", (ListFront,), {"side": Refusing}), one)) == {"x": "Not now."}
    assert one.names == {"x": set(), "y": {"a"}}


def test_one_of_several_lost_steps_may_fail_with_the_later_plan() -> None:
    """The other one, whose creation is not there, gets its second look, and is sent again."""
    wanted, faults = {"x": "a", "y": "a"}, {"add x a": [lost(True)], "add y a": [lost(False)]}
    one = world(wanted, faults=faults, traits={"a": {"action": "create"}})
    outcome = run(type("Front", (ListFront,), {"side": type("Together", (Refusing,), {"looks_together": True})}), one)
    assert failed(outcome) == {"x": "Not now."}
    assert (one.names, one.log.count("add y a"), one.log.count("look y")) == ({"x": {"a"}, "y": {"a"}}, 2, 3)


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_lost_step_counts_if_the_later_plan_is_refused(is_undone: bool) -> None:
    """Also if a change of another owner is taken back afterwards."""

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if step is None and owner == "y" and "x" in side.context.failures:
            raise UndoneError("Undone.")
        return Waiting("x", polls=False, ends_with_steps=True) if step is None and owner == "y" else None

    one = world({"x": "a", **({"y": "a"} if is_undone else {})}, faults={"add x a": [lost(True)]}, wait=wait)
    outcome = run(type("Front", (ListFront,), {"side": Refusing}), one)
    assert outcome.changed
    assert failed(outcome) == {"x": "Not now.", **({"y": "Undone."} if is_undone else {})}


def test_a_lost_step_counts_if_another_side_stops_its_entry() -> None:
    """No look follows then."""
    faults = {"add x a": [lost(True)], "add x b": [refused("No.")]}
    outcome = run(TwoSides, world({"x": "a"}, faults=faults, traits={"a": {"action": "create"}}))
    assert (failed(outcome), outcome.changed) == ({"x": "No."}, True)


def test_an_entry_that_cannot_be_read_again_has_failed() -> None:
    one = world({"x": "a", "y": "a"}, faults={"add x a": [lost(True)]})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "look x" and "add x a" in one.log:
            raise TaskError("Unread.")
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    outcome = run(ListFront, one)
    assert (failed(outcome), outcome.changed) == ({"x": "Unread."}, True)


# Stages and waits.


def test_a_stage_begins_when_the_one_before_has_ended() -> None:
    one = world({"x": "ab", "y": "b"}, traits={"a": {"stage": "first"}, "b": {"stage": "second"}})
    one.wait = unless(lambda side, owner, step: side.context.stage == "second" or one.log.count("poll x") > 1)
    assert run(staged("first", "second"), one).failure is None
    assert one.log.index("add x a") < one.log.index("add y b")
    assert one.log.index("add y b") > one.log.index("poll x")


def test_it_plans_again_after_a_stage() -> None:
    front = staged("first", "second", plans_again_after=lambda self, stage: stage == "first")
    one = world({"x": "a"}, traits={"a": {"stage": "first"}, "b": {"stage": "second"}}, later={"x": "ab"})
    outcome = run(front, one)
    assert (outcome.failure, one.names["x"], outcome.plan) == (None, {*"ab"}, "1 steps")


def test_a_refusal_of_the_plan_after_a_stage_ends_the_run() -> None:
    class Refusing(NameSide):
        """A side whose later plans are refused."""

        def plan(self, owners: Any) -> Any:
            plan = super().plan(owners)
            return plan if self.plans == 1 else replace(plan, refusals={"x": TaskError("Not now.")})

    one = world({"x": "a", "y": "b"}, traits={"a": {"stage": "first"}, "b": {"stage": "second"}})
    outcome = run(staged("first", "second", side=Refusing, plans_again_after=lambda self, stage: stage == "first"), one)
    assert outcome.failure is not None
    assert (outcome.failure["msg"], outcome.changed, one.sent("add")) == ("Refused: x.", True, ["add x a"])


def test_each_stage_has_its_whole_time() -> None:
    one = world({"x": ""}, wait=unless(lambda side, owner, step: side.context.clock() >= _end_of(side)))
    assert run(staged("first", "second"), one).failure is None
    assert failed(run(staged("first", "second", seconds=40), world({"x": ""}, wait=one.wait))) == {
        "x": "x waits for quiet after 40 s."
    }


def _end_of(side: NameSide) -> float:
    """Each stage takes 50 seconds."""
    return 1050 if side.context.stage == "first" else 1100


@pytest.mark.parametrize("polls", [True, False])
def test_a_held_step_may_outlast_its_stage_but_not_the_last(polls: bool) -> None:
    def retry_wait(side: NameSide, step: Step, error: TaskError) -> Waiting:
        return Waiting("room", polls=polls, outlasts=("first", "second"))

    one = world({"x": "a", "y": "b"}, traits={"a": {"stage": "first"}, "b": {"stage": "second"}}, retry_wait=retry_wait)
    one.faults["add x a"] = [FULL] * 4
    assert run(staged("first", "second"), one).failure is None
    # It did not keep the second stage from beginning.
    assert one.sent("add")[:2] == ["add x a", "add y b"]
    assert one.names == {"x": {"a"}, "y": {"b"}}
    one = world({"x": "a"}, traits={"a": {"stage": "first"}}, retry_wait=retry_wait, faults={"add x a": [FULL] * 99})
    one.explain = lambda side, step, error: TaskError(f"Explained: {error.message}")
    assert failed(run(staged("first", "second"), one)) == {"x": "Explained: x waits for room after 60 s."}


def test_what_a_refused_step_took_is_free_for_others() -> None:
    def has_place(side: NameSide, owner: str, step: Step | None) -> bool:
        return owner == "x" or not side.context.running

    one = world({"x": "a", "y": "a"}, wait=unless(has_place, "a place", polls=False, ends_with_steps=True))
    one.faults, one.retry_wait = {"add x a": [FULL]}, lambda side, step, error: Waiting("room")
    assert run(ListFront, one).failure is None
    assert one.sent("add", "poll") == ["add x a", "add y a", "poll x", "add x a"]


def test_a_failed_poll_fails_its_owners_or_ends_the_run() -> None:
    wait = unless(lambda side, owner, step: step is not None or side.world.log.count(f"poll {owner}") > 1)
    one = world({"x": "a", "y": "a"}, wait=wait, faults={"poll x": [refused("No.")]})
    assert failed(run(ListFront, one, wait_timeout=600)) == {"x": "No."}
    one = world({"x": "a", "y": "a"}, wait=wait, faults={"poll x": [refused("No.")]})
    outcome = run(with_side(queries=_for_all), one, wait_timeout=600)
    assert outcome.failure is not None
    assert outcome.failure["msg"] == "No."


def test_of_the_late_those_with_an_unsent_step_come_first() -> None:
    order: list[str] = []

    def timeout_error(self: NameSide, owner: Any, step: Any, waiting: Any, error: WaitTimeoutError) -> TaskError:
        order.append(owner)
        return TaskError(f"Late after {error.waited:.0f} s.")

    one = world({"x": "", "y": "a", "z": ""}, traits={"a": {"stage": "only"}}, wait=unless(lambda side, owner, step: False))
    # Nothing was refused.
    one.explain = lambda side, step, error: TaskError("Better.")
    side = type("Late", (NameSide,), {"timeout_error": timeout_error})
    outcome = run(staged("only", "last", side=side), one)
    assert {*failed(outcome).values()} == {"Late after 60 s."}
    assert order == ["y", "x", "z"]


@pytest.mark.parametrize(("seconds", "waited"), [(7, 7), (100, 20)])
def test_a_wait_ends_with_its_seconds_or_the_stage_before(seconds: float, waited: float) -> None:
    one = world({"x": ""}, wait=unless(lambda side, owner, step: False, seconds=seconds))
    assert failed(run(staged("first", "last", seconds=20), one)) == {"x": f"x waits for quiet after {waited} s."}


def test_a_later_wait_has_the_time_of_its_stage() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting:
        return Waiting("quiet" if side.context.clock() < 1005 else "more quiet")

    assert failed(run(staged("only", seconds=20), world({"x": ""}, wait=wait))) == {"x": "x waits for more quiet after 20 s."}


def test_a_stage_does_not_end_a_wait_that_outlasts_it() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if owner == "x":
            return Waiting("ever")
        return Waiting("quiet", seconds=30, outlasts=("first",)) if side.context.clock() < 1025 else None

    assert failed(run(staged("first", "last", seconds=20), world({"x": "", "y": ""}, wait=wait))).keys() == {"x"}


@pytest.mark.parametrize(("own_pace", "pause"), [(False, 3.0), (True, 0.5)])
def test_an_owner_has_the_pace_of_the_stage_or_its_own(own_pace: bool, pause: float) -> None:
    clock, moments = FakeClock(), list[float]()

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if clock.now < 1020:
            return Waiting("quiet")
        moments.append(clock.now)
        return Waiting("more quiet", own_pace=own_pace) if len(moments) < 2 else None

    assert run(staged("first", "last"), world({"x": ""}, wait=wait), clock=clock).failure is None
    assert moments[1] - moments[0] == pytest.approx(pause, abs=0.5)


def test_an_own_pace_is_for_its_owner_alone() -> None:
    clock = FakeClock()

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if clock.now >= 1030:
            return None
        is_own = owner == "x" and clock.now >= 1020
        return Waiting("more quiet" if is_own else "quiet", own_pace=is_own)

    one = world({"x": "", "y": ""}, wait=wait)
    assert run(staged("first", "last"), one, clock=clock).failure is None
    assert one.log.count("poll x") > one.log.count("poll y") + 5


def test_what_no_poll_can_end_has_no_pace() -> None:
    asked = []

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if owner == "x":
            return Waiting("quiet") if side.context.clock() < 1030 else None
        asked.append(side.context.clock())
        return Waiting("others", polls=False)

    assert failed(run(staged("first", "last"), world({"x": "", "y": ""}, wait=wait))) == {"y": "y waits for others after 60 s."}
    assert asked == [1000, 1060]


def test_the_first_poll_comes_a_while_after_a_wait_has_begun() -> None:
    """The stage has polled nothing for a while, because something was sent."""
    clock, moments = FakeClock(), list[float]()

    def request(self: NameSide, step: Step) -> Any:
        clock.now += 30
        return NameSide.request(self, step)

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if step is not None:
            return Waiting("room") if clock.now == 1000 else None
        moments.append(clock.now)
        return Waiting("quiet") if len(moments) < 2 else None

    front = staged("first", "last", side=type("Slow", (NameSide,), {"request": request}))
    assert run(front, world({"x": "a"}, traits={"a": {"stage": "first"}}, wait=wait), clock=clock).failure is None
    assert moments[1] - moments[0] == pytest.approx(4.5, abs=0.1)


def test_a_step_of_another_owner_may_end_a_wait() -> None:
    gate = threading.Event()
    one = world({"x": "a", "y": "b"}, gates={"add x a": gate})
    one.wait = unless(lambda side, owner, step: owner == "x" or "a" in side.states["x"], "x", polls=False, ends_with_steps=True)
    threading.Timer(0.1, gate.set).start()
    assert run(ListFront, one).failure is None
    assert one.log[2:] == ["add x a", "add y b"]


@pytest.mark.parametrize("goes_on", [False, True])
def test_polls_go_on_meanwhile_where_the_side_says_so(goes_on: bool) -> None:
    gate, early = threading.Event(), list[bool]()
    one = world({"x": "", "y": "a"}, gates={"add y a": gate})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "poll x":
            early.append(not gate.is_set())
            gate.set()
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    one.wait = unless(lambda side, owner, step: owner == "y" or "poll x" in one.log)
    threading.Timer(0.8, gate.set).start()
    assert run(with_side(polls_while_sending=goes_on), one).failure is None
    assert early == [goes_on]


# Lines and signals.


def test_a_line_comes_when_it_changes_and_once_a_minute() -> None:
    lines: list[str] = []
    one = world({"x": ""}, wait=unless(lambda side, owner, step: side.context.clock() > 1150))
    run(ListFront, one, lines=lines, wait_timeout=300)
    assert [line.partition(";")[0] for line in lines] == ["0 running"] * 3


def test_a_long_step_wakes_up_for_lines() -> None:
    gate, clock, lines = threading.Event(), FakeClock(), list[str]()
    one = world({"x": "a"}, gates={"add x a": gate})

    def request(self: NameSide, step: Step) -> Any:
        # Most of a minute has passed since the last line.
        clock.now += 59.9
        threading.Timer(0.5, gate.set).start()
        return NameSide.request(self, step)

    def progress_line(self: NameSide) -> str:
        clock.now += 60
        return f"{len(self.context.running)} running"

    run(with_side(request=request, progress_line=progress_line), one, clock=clock, lines=lines)
    assert lines[0] == "1 running"


def test_a_signal_has_running_steps_recorded() -> None:
    gate, lines = threading.Event(), list[str]()
    one = world({"x": "ab", "y": ""}, gates={"add x a": gate})
    one.wait = unless(lambda side, owner, step: owner == "x" or "poll y" in one.log)
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "poll y":
            threading.Timer(0.1, gate.set).start()
            raise KeyboardInterrupt
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(with_side(polls_while_sending=True), one, lines=lines)
    assert lines[-1] == "stopped before the end; done so far: update x/a"
    assert one.sent("add") == ["add x a"]


def keeping(results: list[dict[str, Any]], **traits: Any) -> type[ListFront]:
    """Return a front whose side has some traits, and whose results are kept, since a signal leaves none."""

    def show(self: ListFront) -> dict[str, Any]:
        results.append(ListFront.show(self))
        return dict(results[-1])

    return type("Kept", (with_side(**traits),), {"show": show})


def test_a_signal_names_what_is_on_its_way_and_what_is_unsent() -> None:
    def request(self: NameSide, step: Step) -> Any:
        if step.owner == "y":
            raise KeyboardInterrupt
        return NameSide.request(self, step)

    results, lines = list[dict[str, Any]](), list[str]()
    with pytest.raises(KeyboardInterrupt):
        run(keeping(results, request=request), world({"x": "a", "y": "a"}), lines=lines)
    texts = {"x": "before the reply came", "y": "before the request was sent"}
    assert results[-1]["failed"] == {key: f"The task was stopped {text}. Run it again." for key, text in texts.items()}
    assert lines[-1] == "stopped before the end; done so far: nothing; perhaps also: update x/a"


@pytest.mark.parametrize(
    ("where", "told"), [((NameSide, "record"), "nothing; perhaps also: update x/a"), ((Waits, "forget"), "update x/a")]
)
def test_a_signal_while_a_reply_is_taken_forgets_no_step(
    where: tuple[type, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*unused: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(*where, stop)
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(ListFront, world({"x": "a"}), lines=lines)
    assert lines[-1] == f"stopped before the end; done so far: {told}"


def test_a_signal_leaves_open_what_was_lost_and_names_refusals() -> None:
    gate = threading.Event()
    one = world({"w": "a", "x": "a", "y": "a", "z": ""}, gates={"add w a": gate, "add x a": gate})
    one.faults = {"add w a": [lost(True)], "add x a": [refused("No.")], "add y a": [refused(is_transient=True)]}
    one.wait = unless(lambda side, owner, step: owner != "z" or "poll z" in one.log)
    first, results = one.do, list[dict[str, Any]]()

    def do(what: str, *effect: Any) -> Any:
        if what == "poll z":
            threading.Timer(0.1, gate.set).start()
            raise KeyboardInterrupt
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(keeping(results, polls_while_sending=True), one, lines=lines)
    assert results[-1]["failed"] == {"w": "Lost.", "x": "No.", "y": "Refused."}
    assert lines[-1] == "stopped before the end; done so far: nothing; perhaps also: update w/a"
