# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Goes through the stages of the whole path: which steps can be sent, what is polled, and when a stage is over."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._engine.plan import Plan, Step
from .._engine.set_run import SetConvergence
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError
from .part import PathPart, line_of, task_of
from .path_progress import PathProgress
from .path_state import CONTAINERS, PathState, What


class PathGate:
    """Decides which steps can be sent: those of the stages that have begun, of entries that have not failed.

    Args:
        parts: The parts, by name.
        stages: The stages, in order.
    """

    def __init__(self, parts: t.Mapping[str, PathPart], stages: t.Sequence[str]) -> None:
        self._parts = parts
        self._places = {stage: place for place, stage in enumerate(stages)}

    def has_begun(self, step: Step, state: PathState) -> bool:
        """Whether the stage of a step has begun."""
        return self._places[task_of(step).stage] <= self._places[state.stage]

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return whether a step can be sent now; see `SetGate`."""
        task = task_of(step)
        failure = state.failures.get(task.owner)
        if failure is not None:
            raise failure.error
        return self.has_begun(step, state) and self._parts[task.part].is_ready(step, state, running)

    def hold(self, step: Step, error: TaskError, state: PathState) -> PathState | None:
        """Return the state in which a refused step waits for a later poll; None if the refusal is final."""
        return self._parts[task_of(step).part].hold(step, error, state)

    def is_held(self, step: Step, state: PathState) -> bool:
        """Return whether a step waits because of a refusal."""
        return self._parts[task_of(step).part].is_held(step, state)

    def repeats(self, state: PathState) -> float:
        """Return 0: refused steps are sent again in the stage in which they are, and the next ones."""
        return 0.0

    def blocked(self, step: Step, state: PathState, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not ready before the time of its stage was up."""
        return self._parts[task_of(step).part].blocked(step, state, error)


class PathWaiter:
    """Polls all parts.

    Args:
        parts: The parts, in the order of their polls.
    """

    def __init__(self, parts: t.Sequence[PathPart]) -> None:
        self._parts = parts

    def poll(self, state: PathState) -> PathState:
        """Let each part ask about what it waits for."""
        for part in self._parts:
            state = part.poll(state)
        return state

    def is_settled(self, state: PathState) -> bool:
        """Return whether no part waits for anything more in the stage."""
        return all(part.is_settled(state) for part in self._parts)

    def late(self, state: PathState, error: WaitTimeoutError) -> PathState:
        """Return the state when the time of the stage is up."""
        for part in self._parts:
            state = part.late(state, error)
        return state

    def line(self, state: PathState) -> str:
        """Return what the parts wait for, in one line."""
        return line_of(self._parts, state)


class StagedOperation(t.Protocol):
    """What `PathConvergence` needs of its Operation beside what a set has: the stages in order, and when to plan again."""

    stages: t.Sequence[str]

    def must_plan_again(self, state: PathState) -> bool:
        """Whether what was made in the first stage tells what was not known when the plan was made."""


class PathConvergence(SetConvergence):
    """One run over all stages, each with the whole `wait_timeout`."""

    _progress_class = PathProgress

    # The error of a question about what is there that ends the run; None if there was none.
    _unread: TaskError | None = None

    def carry_out(self, known: t.Any = None) -> None:
        """Do what `SetConvergence` does, and let the outcome show the last state, however the run ends."""
        try:
            super().carry_out(known)
        except TaskError as error:
            if error is not self._unread:
                raise
            self._raise_failure()
        finally:
            self._progress.show()
            self._warn()

    def _warn(self) -> None:
        """Let the outcome have the warnings of the last state."""
        state = self._progress.state
        self._outcome.warnings += [] if state is None else state.warnings

    def _wait(self, goal: str, is_done: t.Callable[[], bool], seconds: float | None = None) -> None:
        """Do what `SetConvergence` does. If what is there cannot be read any more, all that has not ended has failed."""
        progress, summary = self._progress, t.cast(t.Any, self._operation.summary)
        try:
            super()._wait(goal, is_done, seconds)
        except TaskError as error:
            self._unread = error
            progress.see(summary.with_unread(progress.state, progress.plan, error))
            raise

    def predict(self) -> None:
        """Do what `SetConvergence` does; what is known to fail is no change."""
        try:
            super().predict()
        finally:
            state = self._progress.state
            self._outcome.changed = state is not None and bool(state.done)
            self._warn()

    def _go_through(self) -> None:
        progress, steps = self._progress, self._steps
        operation = t.cast(StagedOperation, self._operation)
        for stage in operation.stages:
            progress.see(replace(progress.state, stage=stage))
            self._wait(stage, self._is_stage_over)
            if stage == CONTAINERS and stage != operation.stages[-1] and operation.must_plan_again(progress.state):
                # Now the blocks of new containers are known. What needs them may be refused.
                steps.planned = Plan()
                self._decide()
                steps.planned, steps.pending = progress.plan, list(progress.plan.steps)
        steps.end_running()

    def _is_stage_over(self) -> bool:
        """Whether all steps up to this stage have ended, and nothing is waited for.

        Requests that Atlas refuses for want of a place wait in the stage after theirs: what is done there makes places free.
        """
        state, gate = self._progress.state, t.cast(PathGate, self._operation.gate)
        waiting = (step for step in self._steps.pending if gate.has_begun(step, state))
        is_open = any(state.stage != task_of(step).stage or not gate.is_held(step, state) for step in waiting)
        return not is_open and not self._steps.running and self._operation.waiter.is_settled(state)

    def _give_up_late(self, goal: str, error: WaitTimeoutError) -> None:
        """Give up on what the stage has not reached. Steps that are running have their own end."""
        progress, steps, gate = self._progress, self._steps, t.cast(PathGate, self._operation.gate)
        for step in [one for one in steps.pending if gate.has_begun(one, progress.state)]:
            steps.give_up(step.keys, gate.blocked(step, progress.state, error))
        progress.see(self._operation.waiter.late(progress.state, error))

    def _owners(self, plan: Plan) -> set[str]:
        return {What.of(change.key).owner for change in plan.changes}
