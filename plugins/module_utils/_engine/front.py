# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of what a module of its own has beside its sides: its options, its words and its result."""

from __future__ import annotations

import typing as t

from .._http.errors import TaskError
from .._http.pauses import Clock
from .engine import Engine
from .operation import ModuleBase, S, Session, Status
from .options import Parameters
from .plan import ChangeKey, Plan, Step
from .side import ONLY, AnySide, AnyState, Context, Failure, Owner, Target, Waiting

if t.TYPE_CHECKING:
    from .lists import ListProgress

# What a field of a result has.
ResultValue = object
# The states of all sides, by the name of the side.
States = t.Mapping[str, t.Mapping[Owner, AnyState]]


class Front(ModuleBase[S]):
    """What a module has of its own: its options, its words and its result. All else is in its sides.

    The engine makes one front for each run, and runs its sides: it reads, asks `plans` for the plan of each side, shows
    `plan_of` them, sends the steps, waits, and shows the result after each event.

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
        is_one: Whether it is about one object: a failure ends the run, and steps are sent in this thread. Otherwise it is a list,
            whose steps are sent side by side, whose failures stop their entries alone, and whose later plans may only do what
            the first one has shown.
        is_strict: Whether the run ends at once if something cannot be read.
        waits_first: Whether something may be waited for before there can be a plan.
        threads: The most steps of a list that are sent at the same time; None for the option `parallel`.
        progress: The class of a list's progress; None for the usual one.
        keeps_history: Whether results have `status_history` if the task waits.

    Attributes:
        context: What all sides share.
        sides: The sides, in the order of their plans.
    """

    engine = Engine
    progress: t.ClassVar[type[ListProgress] | None] = None
    stages: t.Sequence[str] = ("",)
    is_one: t.ClassVar[bool] = True
    is_strict: t.ClassVar[bool] = True
    waits_first: t.ClassVar[bool] = False
    threads: t.ClassVar[int | None] = None
    keeps_history: t.ClassVar[bool] = False
    sides: t.Sequence[AnySide] = ()

    def __init__(self, params: Parameters, session: S, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self.context = Context(params, clock)

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield the plan of each side, in order. What one needs of the plans before is set here.

        Raises:
            TaskError: If there is no allowed plan.
        """
        for side in self.sides:
            yield side, side.plan([*side.states])

    def plan_of(self, plans: t.Sequence[Plan]) -> Plan:
        """Return the plan of all sides together, which users see."""
        return plans[0] if len(plans) == 1 else joined(plans)

    def plans_again_after(self, stage: str) -> bool:
        """Return whether what was done in a stage tells what was not known when the plan was made."""
        return False

    def seconds_of(self, stage: str) -> float:
        """Return the time of a stage, in seconds."""
        return float(self.params["wait_timeout"])

    def entries_of(self, side: str, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries of a list that fail with an owner or one of its steps; all that are left of them are stopped."""
        return (str(owner),)

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Return the failure of an entry, with its name in the error, which is final."""
        key = step.keys[0] if step is not None else None
        return Failure(key.step if isinstance(key, ChangeKey) else side, error)

    def foresee(self, plan: Plan) -> t.Iterable[Step]:
        """Return the steps of a plan that will take effect; the states are predicted already."""
        return plan.steps

    def fail_rest(self, error: TaskError) -> bool:
        """Let all entries of a list fail that have not ended, because it cannot be read any more how far they are.

        Args:
            error: Why not.

        Returns:
            Whether `failure` says it; otherwise the run ends with the error itself.
        """
        return False

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

    @property
    def state(self) -> AnyState:
        """The state of the only owner of the only side; None if it is unknown."""
        return self.sides[0].states.get(ONLY)

    def show_state(self, state: AnyState) -> t.Mapping[str, ResultValue] | None:
        """Return the state of the only owner as results show it, in the field `noun`."""
        raise NotImplementedError

    def show(self, changed: t.Collection[Target]) -> dict[str, ResultValue]:
        """Return the fields of the result; `changed` has the owners whose states have changed since the last time."""
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


def joined(plans: t.Iterable[Plan]) -> Plan:
    """Return plans as one, in their order. Of several refusals or failures under one key, the first counts."""
    found = Plan()
    for plan in plans:
        found = Plan(
            found.changes + plan.changes,
            found.steps + plan.steps,
            found.warnings + plan.warnings,
            {**plan.failures, **found.failures},
            {**plan.refusals, **found.refusals},
            found.notes + plan.notes,
            found.consequences + plan.consequences,
        )
    return found


def _in_words(step: Step) -> str:
    return f"{step.action} {', '.join(step.keys)}"
