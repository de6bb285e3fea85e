"""The engine with a side of its own, about one object: how a run goes, and what is made of faults."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Status
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import SILENT, Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import ONLY, PREDICTED, Effect, Waiting
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import threads as _threads
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError, UndoneError
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.toy_side import NameSide, OneFront, Sent, World, lost, refused, run

CREATE = {"action": "create"}


def world(*wanted: str, there: Any = (), **more: Any) -> World:
    return World(names={ONLY: {*there}}, wanted={ONLY: wanted}, **more)


def failed(outcome: Outcome) -> str:
    assert outcome.failure is not None, outcome.values
    return str(outcome.failure["msg"])


def names(outcome: Outcome) -> Any:
    return outcome.values["names"]["names"]


# Look, decide, send.


def test_it_looks_decides_and_sends_in_order() -> None:
    one = world("b", "a", there="z")
    outcome = run(OneFront, one)
    assert (outcome.failure, outcome.changed, names(outcome)) == (None, True, ["a", "b"])
    assert one.log == ["look", "add b", "add a", "remove z"]
    assert (outcome.before, outcome.after, outcome.plan) == ({"names": ["z"]}, {"names": ["a", "b"]}, "3 steps")
    assert [state["status"] for state in outcome.values["status_history"]] == ["1 names", "2 names", "3 names", "2 names"]


def test_a_refused_plan_has_no_consequences() -> None:
    told: Any = {"warnings": ("Odd.",), "notes": ("It is new.",), "consequences": ("It will be there.",)}
    outcome = run(OneFront, world("a", told=told))
    assert (outcome.plan, outcome.warnings) == ("1 steps. It is new.", ["Odd.", "It will be there."])
    refused_plan = run(OneFront, world("a", told=told, refusals={"a": TaskError("No.")}))
    assert (failed(refused_plan), refused_plan.warnings) == ("No.", ["Odd."])


def test_it_asks_until_there_is_no_new_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single query needs no thread, and each is asked once."""
    monkeypatch.setattr(_threads, "call_all", None)
    one = world(more={ONLY: ["x"]})
    assert run(OneFront, one).failure is None
    assert one.log == ["look", "more x"]


def test_queries_of_one_round_are_asked_side_by_side() -> None:
    one = world(more={ONLY: ["x", "y"]})
    barrier = threading.Barrier(2, timeout=10)
    do = one.do

    def meet(what: str, *effect: Any) -> Any:
        if what.startswith("more"):
            barrier.wait()
        return do(what, *effect)

    one.do = meet  # type: ignore[method-assign]
    assert run(OneFront, one).failure is None
    assert one.blocks == [8]


def test_what_cannot_be_read_ends_the_run() -> None:
    one = world("a", faults={"look": [refused("Unread.")]})
    outcome = run(OneFront, one)
    assert (failed(outcome), outcome.changed, outcome.plan, one.log) == ("Unread.", False, None, ["look"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_refused_plan_is_shown_and_nothing_is_sent(check_mode: bool) -> None:
    one = world("a", there="z", refusals={"": TaskError("Too many.")})
    outcome = run(OneFront, one, check_mode=check_mode)
    assert (failed(outcome), outcome.changed, outcome.plan, names(outcome)) == ("Too many.", False, "2 steps", ["z"])
    assert one.log == ["look"]


def test_check_mode_foresees_on_a_copy() -> None:
    replies = []

    def record(side: NameSide, step: Step, reply: Any) -> None:
        replies.append((reply, side.context.is_prediction, sorted(side.states[ONLY])))

    one = world("a", "b", there="z", record=record, wait=lambda *unused: Waiting("ever"))
    outcome = run(OneFront, one, check_mode=True)
    assert (outcome.failure, outcome.changed, names(outcome), one.log) == (None, True, ["a", "b"], ["look"])
    # Each step finds what those before have done.
    assert replies == [(PREDICTED, True, ["z"]), (PREDICTED, True, ["a", "z"]), (PREDICTED, True, ["a", "b", "z"])]
    side = NameSide(OneFront({}, one, FakeClock()).context, one, [ONLY])
    side.states = {ONLY: frozenset("z")}
    side.predict(side.plan([ONLY]).steps)
    assert side.states == {ONLY: frozenset("z")}


def test_nothing_to_do_is_not_changed() -> None:
    outcome = run(OneFront, world("a", there="a"))
    assert (outcome.failure, outcome.changed) == (None, False)


class Patient(OneFront):
    """A front that may wait before there is a plan."""

    waits_first = True


@pytest.mark.parametrize(("polls", "looks"), [(0, 1), (2, 2)])
def test_before_the_plan_it_waits_and_looks_again_if_it_has(polls: int, looks: int) -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        is_over = side.context.stage == "" or one.log.count("poll") >= polls
        return None if is_over else Waiting("quiet")

    one = world("a", wait=wait)
    assert run(Patient, one).failure is None
    assert one.log == ["look", *["poll"] * polls, *["look"] * (looks - 1), "add a"]
    one = world("a", wait=wait)
    assert run(Patient, one, check_mode=True).changed
    assert one.log == ["look"]


# Lost and refused replies.


@pytest.mark.parametrize(("takes_effect", "log"), [(True, ["look"]), (False, ["look", "look", "add a"])])
def test_a_lost_creation_is_looked_for_after_two_pauses(takes_effect: bool, log: list[str]) -> None:
    """The next request comes right after the last look."""
    one, clock = world("a", "b", traits={"a": CREATE}, faults={"add a": [lost(takes_effect)]}), FakeClock()
    outcome = run(OneFront, one, clock=clock)
    assert (outcome.failure, outcome.changed, names(outcome), outcome.plan) == (None, True, ["a", "b"], "2 steps")
    assert one.log == ["look", "add a", *log, "add b"]
    assert clock.pauses == [2.0, 4.0][: 1 if takes_effect else 2]


def test_a_step_that_stays_lost_fails_without_a_change() -> None:
    one, clock = world("a", faults={"add a": [lost(False)] * 9}), FakeClock()
    outcome = run(OneFront, one, clock=clock)
    assert (failed(outcome), outcome.changed, 0.5 <= clock.pauses[0] <= 1) == ("Lost.", False, True)
    # It is sent as often as `retries` says, and looked for once more.
    assert (one.log.count("add a"), one.log[-1]) == (3, "look")


def test_progress_begins_the_count_again() -> None:
    one = world("a", "b", "c", faults={f"add {name}": [lost(False), lost(False)] for name in "abc"})
    assert run(OneFront, one).failure is None
    assert one.names[ONLY] == {*"abc"}


def test_lost_then_refused_and_shown_later_is_changed() -> None:
    one = world("a", faults={"add a": [lost(False), refused(is_transient=True)]})
    looks = one.do

    def do(what: str, *effect: Any) -> Any:
        # The effect of the first request shows after the second one.
        if what == "look" and one.log.count("add a") == 2:
            one.names[ONLY].add("a")
        return looks(what, *effect)

    one.do = do  # type: ignore[method-assign]
    outcome = run(OneFront, one)
    assert (outcome.failure, outcome.changed, one.log.count("add a")) == (None, True, 2)


def test_a_refusal_is_explained_and_not_repeated() -> None:
    better = TaskError("Better.")
    one = world("a", "b", faults={"add b": [refused()]}, explain=lambda side, step, error: better)
    outcome = run(OneFront, one)
    assert (failed(outcome), outcome.changed, names(outcome), one.log.count("look")) == ("Better.", True, ["a"], 1)


def test_a_lost_step_with_an_explanation_is_not_repeated() -> None:
    one = world("a", faults={"add a": [lost(False)]}, explain=lambda side, step, error: TaskError("Better."))
    assert (failed(run(OneFront, one)), one.log) == ("Better.", ["look", "add a", "look"])


@pytest.mark.parametrize("error", [TaskError("Unread."), KeyError("a defect")])
def test_a_failed_look_leaves_changed_open(error: Exception) -> None:
    one = world("a", faults={"add a": [lost(True)], "look": []})
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "look" and "add a" in one.log:
            raise error
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    assert run(OneFront, one).changed


def test_one_stops_after_a_lost_removal_if_more_is_to_do() -> None:
    """An odd removal may be repeated. Lost with another error, and although it took effect, it ends the task."""
    odd = (False, TaskError("Odd.", outcome_unknown=True, http_status=400))
    one = world(there="yz", faults={"remove y": [odd]})
    assert run(OneFront, one).failure is None
    assert one.sent("remove") == ["remove y", "remove y", "remove z"]
    gone = (True, NoAnswerError("Gone.", outcome_unknown=True))
    one = world(there="yz", faults={"remove y": [gone]})
    outcome = run(OneFront, one)
    assert (failed(outcome), outcome.changed, one.sent("remove")) == ("Gone.", True, ["remove y"])


@pytest.mark.parametrize("status", [None, 200])
def test_a_defect_is_a_change_if_a_write_was_answered(status: int | None) -> None:
    one = world("a", faults={"add a": [(False, AttributeError("a defect"))]})
    # What was answered before says nothing of this one.
    one.calls.append(Sent(True, 409))
    do = one.do

    def send(what: str, *effect: Any) -> Any:
        if what == "add a":
            one.calls.append(Sent(True, status))
        return do(what, *effect)

    one.do = send  # type: ignore[method-assign]
    outcome = run(OneFront, one)
    assert ("AttributeError" in failed(outcome), outcome.changed) == (True, status is not None)


def test_what_others_have_made_is_no_change() -> None:
    one = world("a", record=lambda side, step, reply: Effect({ONLY: frozenset("a")}, ()))
    outcome = run(OneFront, one)
    assert (outcome.failure, outcome.changed) == (None, False)


def test_a_lost_step_is_a_change_however_little_is_seen() -> None:
    one = world("a", faults={"add a": [lost(True)]}, record=lambda side, step, reply: Effect({}, ()))
    outcome = run(OneFront, one)
    assert (outcome.failure, outcome.changed) == (None, True)


def test_a_change_of_two_steps_has_begun_with_the_first() -> None:
    def plan(side: NameSide, owners: Any) -> Any:
        found = NameSide.plan(side, owners)
        steps = tuple(Step("update", name, ("/a",)) for name in "ab")
        return type(found)(found.changes, steps)

    class Twice(OneFront):
        """A front with two steps of one change."""

        side = type("TwiceSide", (NameSide,), {"plan": plan})

    one = world("a", faults={"add b": [refused()]}, record=lambda side, step, reply: Effect({}, ()))
    outcome = run(Twice, one)
    assert (failed(outcome), outcome.changed) == ("Refused.", True)


# Waits.


def until_polled(times: int, goal: str = "quiet", **fields: Any) -> Any:
    """Return a `wait` that ends after some polls, before steps with `after` and at the end."""

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if step is not None and step.after is None:
            return None
        return Waiting(goal, **fields) if side.world.log.count("poll") < times else None

    return wait


def test_a_step_waits_for_what_comes_first() -> None:
    one, clock = world("a", traits={"a": {"after": "quiet"}}, wait=until_polled(2)), FakeClock()
    assert run(OneFront, one, clock=clock).failure is None
    assert (one.log, clock.pauses) == (["look", "poll", "poll", "add a"], [0.5, 0.5])
    # The requests of a wait end with it.
    assert one.bounds == [1060.0, 1060.0]


def test_intervals_grow_and_the_last_poll_is_at_the_end() -> None:
    clock = FakeClock()
    text = failed(run(OneFront, world(wait=until_polled(999)), clock=clock, wait_sleep=5))
    assert text == " waits for quiet after 60 s."
    assert (clock.pauses[0], max(clock.pauses), sum(clock.pauses)) == (0.5, 5, 60)
    assert clock.pauses[:-1] == sorted(clock.pauses[:-1])


def test_seconds_of_a_wait_end_it() -> None:
    clock = FakeClock()
    assert "after 7 s" in failed(run(OneFront, world(wait=until_polled(999, seconds=7)), clock=clock))


def test_a_second_wait_for_the_same_goal_has_its_whole_time() -> None:
    """The first one took most of the time; a step has taken effect since."""

    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        begun = [1000, 1040] if step is None else [1000]
        return Waiting("quiet") if side.context.clock() < begun[-1] + 40 else None

    one = world("a", traits={"a": {"after": "quiet"}}, wait=wait)
    assert run(OneFront, one).failure is None


def test_what_is_unknown_is_polled_at_once() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        return Waiting("quiet", polls_at_once=True) if side.world.log.count("poll") < 3 else None

    one, clock = world(wait=wait), FakeClock()
    assert run(OneFront, one, clock=clock).failure is None
    assert (one.log, clock.pauses) == (["look", "poll", "poll", "poll"], [0.5, 0.5])


def test_it_is_polled_at_once_again_after_a_step() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        # A step leaves open what a poll has shown.
        shown = side.world.log.count("poll") > side.world.log.count("add a")
        return None if shown else Waiting("quiet", polls_at_once=True)

    one, clock = world("a", wait=wait), FakeClock()
    assert run(OneFront, one, clock=clock).failure is None
    assert (one.log, clock.pauses) == (["look", "poll", "add a", "poll"], [])


def test_what_to_do_is_said_before_the_first_poll() -> None:
    class Telling(OneFront):
        """A front that says what must be done."""

        def status(self, waiting: Waiting | None) -> Status:
            if waiting is not None:
                one.log.append(waiting.goal)
            return Status("waiting", "accept it" if waiting is not None else "")

    one, lines = world(wait=until_polled(1)), list[str]()
    assert run(Telling, one, lines=lines).failure is None
    assert (one.log, lines) == (["look", "quiet", "poll", "quiet"], [": waiting after 0 s, 60 s left; accept it"])


def test_a_line_says_what_a_poll_has_shown_and_what_is_left() -> None:
    one, lines = world("a", there="a", wait=until_polled(2)), list[str]()
    first = one.do

    def do(what: str, *effect: Any) -> Any:
        if what == "poll":
            one.names[ONLY].add("b")
        return first(what, *effect)

    one.do = do  # type: ignore[method-assign]
    assert run(OneFront, one, lines=lines).failure is None
    assert lines == [": 1 names → 2 names after 0 s, 60 s left"]


def test_a_wait_in_vain_ends_the_run_after_the_result_is_shown() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if step is None:
            raise TaskError("In vain.")
        return None

    outcome = run(OneFront, world("a", wait=wait))
    assert (failed(outcome), outcome.changed, names(outcome)) == ("In vain.", True, ["a"])


def test_a_change_without_an_effect_is_taken_back() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        if step is None:
            raise UndoneError("Undone.")
        return None

    outcome = run(OneFront, world("a", wait=wait))
    assert (failed(outcome), outcome.changed) == ("Undone.", False)


SILENT_POLL = (False, NoAnswerError("Silent.", is_transient=True))


@pytest.mark.parametrize(("timeout", "is_patient", "ends"), [(600, False, "Silent."), (600, True, None), (30, False, None)])
def test_a_poll_may_go_unanswered_near_the_end(timeout: int, is_patient: bool, ends: str | None) -> None:
    one = world(wait=until_polled(2), faults={"poll": [SILENT_POLL]})
    side = type("PatientSide", (NameSide,), {"is_patient": is_patient})
    outcome = run(type("Front", (OneFront,), {"side": side}), one, wait_timeout=timeout)
    assert (outcome.failure or {}).get("msg") == ends


@pytest.mark.parametrize(("wanted", "ends"), [("", "Silent."), ("a", None)])
def test_patience_begins_after_the_poll_at_once(wanted: str, ends: str | None) -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        return Waiting("quiet", polls_at_once=True) if side.world.log.count("poll") < 2 else None

    one = world(*wanted, wait=wait, faults={"poll": [SILENT_POLL]})
    side = type("PatientSide", (NameSide,), {"is_patient": True})
    outcome = run(type("Front", (OneFront,), {"side": side}), one)
    assert (outcome.failure or {}).get("msg") == ends
    # Before a step, it is a reason to look.
    assert one.log == (["look", "poll"] if ends else ["look", "poll", "look", "poll", "add a"])


def test_a_side_knows_which_step_is_lost() -> None:
    seen = []

    class Knowing(NameSide):
        """A side that looks at what is lost when it sends."""

        def request(self, step: Step) -> Any:
            seen.append({target: lost.request for target, lost in self.context.lost.items()})
            return super().request(step)

    one = world("a", "b", faults={"add a": [lost(False), refused(is_transient=True)]})
    assert run(type("Front", (OneFront,), {"side": Knowing}), one).failure is None
    # A refusal does not say what became of it; the next step that takes effect ends it.
    assert seen == [{}, {("names", ONLY): "a"}, {("names", ONLY): "a"}, {}]


def test_the_late_error_has_the_last_missing_answer() -> None:
    one = world(wait=until_polled(999), faults={"poll": [SILENT_POLL] * 99})
    assert failed(run(OneFront, one, wait_timeout=5)) == " waits for quiet after 5 s. Silent."
    # There has been an answer since.
    one = world(wait=until_polled(999), faults={"poll": [SILENT_POLL]})
    assert failed(run(OneFront, one, wait_timeout=5)) == " waits for quiet after 5 s."


def test_a_failed_poll_before_a_step_is_a_reason_to_look() -> None:
    wait = until_polled(3)
    one = world("a", traits={"a": {"after": "quiet"}}, wait=wait, faults={"poll": [SILENT_POLL]})
    assert run(OneFront, one, wait_timeout=600).failure is None
    assert one.log == ["look", "poll", "look", "poll", "poll", "add a"]


def test_a_clock_need_not_agree_with_what_sleeps() -> None:
    """A test runs a clock of its own with a real sleep: what was due when that began is due after it."""
    clock = FakeClock()
    one = world(wait=until_polled(3))
    OneFront.world = one
    front = OneFront({"wait": True, "wait_timeout": 60, "wait_sleep": 10, "retries": 2}, one, clock)
    front.begin(Outcome(), SILENT, clock, lambda seconds: None).carry_out()
    assert one.log.count("poll") == 3


def test_a_wait_before_the_plan_takes_no_time_of_later_ones() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        # It waits for most of its time before there is a plan, and as long again at the end.
        end = 1050 if side.context.stage else 1100
        return Waiting("quiet") if side.context.clock() < end else None

    assert run(Patient, world(wait=wait)).failure is None


# Refused steps are held back.


def hold(side: NameSide, step: Step, error: TaskError) -> Waiting | None:
    return Waiting("room") if error.message == "Full." else None


def test_a_refused_step_is_sent_again_after_a_poll() -> None:
    one, clock = world("a", "b", faults={"add a": [refused("Full.")] * 2}, retry_wait=hold), FakeClock()
    outcome = run(OneFront, one, clock=clock)
    assert (outcome.failure, names(outcome)) == (None, ["a", "b"])
    assert one.log == ["look", "add a", "poll", "add a", "poll", "add a", "add b"]
    # What is sent again ends with the wait, too.
    assert (clock.pauses, one.bounds) == ([0.5, 0.5], [1060.0] * 4)


def test_a_refused_step_is_sent_once_more_at_the_end() -> None:
    one, clock = world("a", faults={"add a": [refused("Full.")] * 99}, retry_wait=hold), FakeClock()
    one.explain = lambda side, step, error: TaskError(f"Explained: {error.message}")
    outcome = run(OneFront, one, clock=clock, wait_timeout=2)
    assert (failed(outcome), outcome.changed) == ("Explained:  waits for room after 2 s.", False)
    assert one.log[-2:] == ["poll", "add a"]
    assert clock.now == 1002


def test_a_refused_step_is_not_sent_while_polls_get_no_answer() -> None:
    one, clock = world("a", faults={"add a": [refused("Full.")], "poll": [SILENT_POLL] * 2}, retry_wait=hold), FakeClock()
    assert run(OneFront, one, clock=clock).failure is None
    assert one.log == ["look", "add a", "poll", "poll", "poll", "add a"]
    assert clock.pauses == [0.5] * 3
    one = world("a", faults={"add a": [refused("Full.")], "poll": [SILENT_POLL] * 99}, retry_wait=hold)
    assert failed(run(OneFront, one)) == " waits for room after 60 s. Silent."


def test_a_lost_step_is_never_held_back() -> None:
    one = world("a", faults={"add a": [(True, TaskError("Full.", outcome_unknown=True, is_transient=True))]}, retry_wait=hold)
    assert run(OneFront, one).failure is None
    assert one.log == ["look", "add a", "look"]


def test_without_a_poll_it_is_sent_again_all_the_same() -> None:
    one, clock = world("a", faults={"add a": [refused("Full.")]}), FakeClock()
    one.retry_wait = lambda side, step, error: Waiting("room", polls=False)
    assert run(OneFront, one, clock=clock).failure is None
    assert (one.log, clock.pauses) == (["look", "add a", "add a"], [0.5])


def test_a_wait_may_look_and_plan_again_in_place_of_a_poll() -> None:
    def wait(side: NameSide, owner: str, step: Step | None) -> Waiting | None:
        return Waiting("another look", looks_again=True) if side.world.log.count("look") < 2 else None

    one = world("a", wait=wait, later={ONLY: ["b"]})
    assert run(OneFront, one).failure is None
    assert one.log == ["look", "look", "add b"]


# Signals, and runs inside of others.


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("look", "nothing"),
        ("add a", "nothing; perhaps also: update /a"),
        ("add b", "update /a; perhaps also: update /b"),
        ("poll", "update /a, update /b"),
    ],
)
def test_a_signal_has_what_was_done_reported(where: str, told: str) -> None:
    one = world("a", "b", wait=until_polled(1), faults={where: [(False, KeyboardInterrupt())]})
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(OneFront, one, lines=lines)
    assert lines[-1] == f"stopped before the end; done so far: {told}"


def test_a_lost_step_is_in_doubt_until_the_next_one() -> None:
    one = world("a", faults={"add a": [lost(False), (False, KeyboardInterrupt())]})
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(OneFront, one, lines=lines)
    assert lines[-1].endswith("done so far: nothing; perhaps also: update /a")
