# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front of a module, with its options, wording and result; and the engine that runs it, from the first look on."""

from __future__ import annotations

import typing as t
from contextlib import nullcontext

from .._http.errors import TaskError
from .._http.pauses import Clock, Sleep
from .operation import ModuleBase, S_co, Session, Status
from .options import Parameters
from .outcome import Lines, Outcome, Report, RunProgress
from .plan import ChangeKey, Plan, Planning, Step
from .side import BEFORE, ONLY, AnySide, AnyState, Context, Failure, Owner, Purpose, Waiting
from .state_reader import StateReader, Wanted

if t.TYPE_CHECKING:
    from .lists import ListProgress
    from .loop import Loop
    from .saved_plan import SavedPlan


class Engine:
    """One run of a front.

    It reads all sides, waits for what must come before a plan, plans, runs the stages, and shows the result. The code that sends
    and waits is imported only when it is needed: Ansible compiles each file that a task imports.

    Args:
        front: The front to run.
        outcome: Receives the result.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, front: AnyFront, outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> None:
        self._front, self._outcome, self._sleep = front, outcome, sleep
        self._progress = _progress_of(front, outcome, report, clock)
        self._reader = StateReader(front)
        self._planning = Planning(front, self._reader, self._progress, outcome, _saved_plan_of(front))
        self._loop: Loop | None = None

    def predict(self) -> None:
        """Look and plan, and let the outcome show the predicted result.

        Raises:
            TaskError: If something cannot be read, or would be refused.
        """
        context = self._front.context
        context.is_prediction = True
        self._look()
        plan = self._decide()
        for side in self._front.sides:
            self._reader.take(side, side.predict([step for step in plan.steps if step.side == side.name]))
        changes = {change.key: change for change in plan.changes}
        for step in self._front.predicted_steps(plan):
            self._outcome.changed = True
            context.done.record(changes[key] for key in step.keys if key in changes)
        self._end()
        self._planning.save(plan)

    def carry_out(self) -> None:
        """Look, plan, send and wait.

        Raises:
            TaskError: If something fails; the outcome shows what was done before.
        """
        front = self._front
        self._look()
        if front.waits_first:
            self._go_through(BEFORE, None, is_last=True)
            if self._loop and self._loop.intake.has_waited:
                self._reader.look(self._all(), Purpose.AGAIN)
                self._progress.begin()
        self._decide()
        try:
            with nullcontext() if front.is_single else self._reader.side_by_side():
                for stage in front.stages:
                    seconds = front.seconds_of(stage) if stage else None
                    self._go_through(stage, seconds, is_last=stage == front.stages[-1])
                    if front.plans_again_after(stage):
                        self._decide()
        except BaseException as error:
            if front.is_single:
                raise
            rest = front.fail_rest(error) if isinstance(error, TaskError) else {}
            front.context.failures.update(rest)
            if self._loop is not None:
                self._loop.drain()
            self._progress.show()
            if not rest:
                raise
            self._end(is_cut=True)
        else:
            self._end()

    def _decide(self) -> Plan:
        plan = self._planning.decide()
        if plan.failures:
            self._begin()
        return plan

    def _begin(self) -> Loop:
        """Return the loop that runs the stages."""
        if self._loop is None:
            from .loop import begin_loop

            self._loop = begin_loop(self._front, self._reader, self._planning, self._progress, self._outcome, self._sleep)
        return self._loop

    def _go_through(self, stage: str, seconds: float | None, *, is_last: bool) -> None:
        self._front.context.stage = stage
        if self._loop is not None or not self._is_quiet():
            self._begin().run(stage, seconds, is_last=is_last)
            self._progress.end_stage()

    def _is_quiet(self) -> bool:
        """Return whether there is nothing to send, and nothing to wait for in this stage."""
        if self._front.context.plan.steps:
            return False
        try:
            return all(side.wait(owner, None) is None for side in self._front.sides for owner in side.states)
        except TaskError:
            # The loop handles it like any other failure.
            return False

    def _look(self) -> None:
        sides: t.Sequence[AnySide] = ()
        while sides is not self._front.sides:
            sides = self._front.sides
            self._reader.look(self._all(), Purpose.FIRST)
        self._progress.begin()

    def _all(self) -> Wanted:
        return {side.name: side.owners for side in self._front.sides}

    def _end(self, *, is_cut: bool = False) -> None:
        self._progress.end()
        failure = self._front.failure()
        if failure is not None:
            raise failure.of_list(False) if is_cut else failure

    @property
    def lines(self) -> Lines:
        """The reporter of lines for the user."""
        return self._progress

    def stop(self) -> None:
        """Report what was done so far: a signal has ended the run."""
        ledger = None if self._loop is None else self._loop.ledger
        done, unsure = ((), ()) if ledger is None else (ledger.applied, ledger.unsure())
        self._progress.stop(*self._front.stopped(done, unsure))


def _progress_of(front: AnyFront, outcome: Outcome, report: Report, clock: Clock) -> RunProgress:
    if front.is_single:
        return RunProgress(front, outcome, report, clock)
    # Imported late: a module's process compiles each file again.
    from .lists import ListProgress

    return (front.progress or ListProgress)(front, outcome, report, clock)


def _saved_plan_of(front: AnyFront) -> SavedPlan | None:
    """Return the saved plan of a front; None if it has none.

    Raises:
        InvalidOptionError: If it is not for this task, or is too old.
    """
    review = front.review() if front.params.get("plan_file") else None
    if review is None:
        return None
    # Few tasks have one.
    from .saved_plan import SavedPlan

    return SavedPlan(front.params, front.argument_spec, review)


# The value of a field of a result.
ResultValue = object
# The states of all sides, by the name of the side.
States = t.Mapping[str, t.Mapping[Owner, AnyState]]


class Front(ModuleBase[S_co]):
    """The front of a module: its options, its wording and its result. All else is in its sides.

    The engine makes one front for each run, and runs its sides: it reads, asks `plans` for the plan of each side, shows
    them as one, sends the steps, waits, and shows the result after each event.

    A front must have `argument_spec`, `noun`, a constructor that sets `sides`, and `show_state` or `show`. A list must have
    `entries_of`, `failure` and `refusal`, too. `context` is made by the base class, for the sides.

        class AtlasSwitch(Front[Api]):
            argument_spec = CONNECTION
            noun = "switch"

            def __init__(self, params, session, clock):
                super().__init__(params, session, clock)
                self.sides = (Switch(self.context, session),)

            def show_state(self, state):
                return {"on": state}

    Attributes:
        stages: The stages, in order: the steps of one are sent when those before have ended. Each has its whole time.
        is_single: Whether it is about one object: a failure ends the run, and steps are sent in this thread. Otherwise it is a
            list, whose steps are sent side by side, whose failures stop their entries alone, and whose later plans may only do
            what the first one has shown.
        is_strict: Whether the run ends at once if something cannot be read.
        waits_first: Whether something may be waited for before there can be a plan.
        threads: The most steps of a list that are sent at the same time; None for the option `parallel`.
        progress: The class of a list's progress; None for the usual one.
        keeps_history: Whether results have `status_history` if the task waits.

    Attributes:
        context: What all sides share.
        sides: The sides, in the order of their plans. If a front makes new ones during the first look, they look again.
    """

    progress: t.ClassVar[type[ListProgress] | None] = None
    stages: t.Sequence[str] = ("",)
    is_single: t.ClassVar[bool] = True
    is_strict: t.ClassVar[bool] = True
    waits_first: t.ClassVar[bool] = False
    threads: t.ClassVar[int | None] = None
    keeps_history: t.ClassVar[bool] = False
    sides: t.Sequence[AnySide] = ()

    def __init__(self, params: Parameters, session: S_co, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self.context = Context(params, clock)

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield the plan of each side, in order. What a side needs of the plans before it is set here.

        Raises:
            TaskError: If there is no allowed plan.
        """
        for side in self.sides:
            yield side, side.plan([*side.states])

    def plans_again_after(self, stage: str) -> bool:
        """Return whether a stage has revealed what was not known when the plan was made."""
        return False

    def seconds_of(self, stage: str) -> float:
        """Return the time of a stage, in seconds."""
        return float(self.params["wait_timeout"])

    def entries_of(self, side: str, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries of a list that fail, and are stopped, with an owner or one of its steps."""
        return (str(owner),)

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Return the failure of an entry, with its name in the error, which is final."""
        key = step.keys[0] if step is not None else None
        return Failure(key.step if isinstance(key, ChangeKey) else side, error)

    def predicted_steps(self, plan: Plan) -> t.Iterable[Step]:
        """Return the steps of a plan that will take effect; the states are predicted already."""
        return plan.steps

    def fail_rest(self, error: TaskError) -> t.Mapping[str, Failure]:
        """Return the failures of all entries of a list that have not ended, since their progress can no longer be read.

        Args:
            error: The cause. The run ends with it if there are no such failures.
        """
        return {}

    def refusal(self, plan: Plan) -> TaskError:
        """Return the error of a plan with refusals."""
        return next(iter(plan.refusals.values()))

    def failure(self) -> TaskError | None:
        """Return the error that the run ends with; None if nothing has failed."""
        return None

    def stopped(self, done: t.Sequence[Step], unsure: t.Sequence[Step]) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, in words, for a run that is interrupted."""
        return [*map(_in_words, done)], [*map(_in_words, unsure)]

    def line(self, plan: Plan) -> str | None:
        """Return the first plan in one line for people; empty if there is nothing to do, None for no such line."""
        return None

    def status(self, waiting: Waiting | None) -> Status | None:
        """Return the progress to report while the front of one object waits; None for none."""
        return None

    def begin(self, outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> Engine:
        """Return the run."""
        return Engine(self, outcome, report, clock, sleep)

    @property
    def state(self) -> AnyState:
        """The state of the only owner of the only side; None if it is unknown."""
        return self.sides[0].states.get(ONLY)

    def show_state(self, state: AnyState) -> t.Mapping[str, ResultValue] | None:
        """Return the state of the only owner as results show it, in the field `noun`."""
        raise NotImplementedError

    def show(self) -> dict[str, ResultValue]:
        """Return the fields of the result."""
        return {self.noun: self.show_state(self.state)}

    def compare(self, states: States) -> t.Mapping[str, ResultValue] | None:
        """Return what diff mode compares of some states: the object in the field `noun`, or a dictionary with the list there."""
        return self.show_state(states[self.sides[0].name].get(ONLY))

    def diff(self) -> list[dict[str, ResultValue]]:
        """Return the list that diff mode shows of a list's changes."""
        raise NotImplementedError

    def statuses(self) -> t.Sequence[str]:
        """Return the state of each entry of a list that keeps a history, in order."""
        return ()


AnyFront = Front[Session]


def _in_words(step: Step) -> str:
    return f"{step.action} {', '.join(step.keys)}"
