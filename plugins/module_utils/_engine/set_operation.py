# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An Operation on many objects at once: its requests go side by side, and what fails does not stop the others."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager

from .._http.errors import TaskError
from .operation import Operation, Session
from .plan import Plan, Step
from .wait import State, WaitTimeoutError


class SetSession(Session, t.Protocol):
    """What an Operation on a set talks to while it runs; several threads may."""

    def side_by_side(self, parallel: int, longest_pause: float, /) -> AbstractContextManager[None]:
        """Let several threads send inside the block.

        Args:
            parallel: How many requests may run at the same time at the most.
            longest_pause: The seconds that all pauses for the rate together may last.
        """


class SetWaiter(t.Protocol):
    """What a set waits for: before a step, and in the end."""

    def poll(self, state: t.Any) -> t.Any:
        """Ask one question for all that is waited for, and return the state then."""

    def is_ready(self, step: Step, state: t.Any, running: t.Sequence[Step]) -> bool:
        """Return whether a step can be sent now, beside those that are on their way.

        Raises:
            TaskError: If it never can be, because what it needs has failed.
        """

    def hold(self, step: Step, error: TaskError, state: t.Any) -> t.Any | None:
        """Return the state in which a refused step waits for a later poll; None if the refusal is a failure."""

    def is_held(self, step: Step, state: t.Any) -> bool:
        """Return whether a refusal holds back a step, and not something that this task removes or changes."""

    def repeats(self, state: t.Any) -> float:
        """Return for how many seconds refused steps are sent again, apart from all other waiting; 0 if none are."""

    def is_settled(self, state: t.Any) -> bool:
        """Return whether nothing is left to wait for in the end."""

    def blocked(self, step: Step, state: t.Any, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that something was in the way of until the time was up."""

    def late(self, state: t.Any, error: WaitTimeoutError) -> t.Any:
        """Return the state when the time is up: what is not there by now has failed."""

    def line(self, state: t.Any) -> str:
        """Return how far the set has come, in one line for the user."""


class SetSummary(t.Protocol):
    """What the result of a set says."""

    def show(self, state: t.Any, plan: Plan) -> dict[str, t.Any]:
        """Return what the result shows: what was done, or if the plan is refused what it would do."""

    def diff(self, state: t.Any, plan: Plan) -> list[dict[str, t.Any]]:
        """Return what diff mode shows of what was done, or would be."""

    def statuses(self, state: t.Any) -> t.Sequence[str]:
        """Return the state of each entry of the set, in order."""

    def refusal(self, state: t.Any, plan: Plan) -> TaskError:
        """Return the error of a plan that has refusals."""

    def failure(self, state: t.Any) -> TaskError | None:
        """Return the error that the task ends with; None if nothing has failed."""

    def stopped(self, state: t.Any) -> str:
        """Return what was done, for a task that is ended from outside."""


S = t.TypeVar("S", bound=SetSession)


class SetOperation(Operation[S, State]):
    """What a module does with a set of objects.

    Its plan has the `refusals` that forbid the whole, and the `failures` that concern single entries. `send` runs in threads, and
    all else in the main thread.

    Attributes:
        waiter: What it waits for.
        summary: What its result says.
    """

    waiter: SetWaiter
    summary: SetSummary

    def look_again(self, state: State) -> State:
        """Read the current state anew, and keep what the task has done so far."""
        raise NotImplementedError

    def send(self, step: Step, state: State) -> t.Any:
        """Send the request of a step and return what came of it, for `record`. Runs in a thread, and reads the state alone.

        Raises:
            TaskError: As `apply` does.
        """
        raise NotImplementedError

    def record(self, step: Step, reply: t.Any, state: State) -> State:
        """Return the state after a step took effect.

        Args:
            step: The step.
            reply: What `send` returned; None if a look has shown that it took effect.
            state: The state before.
        """
        raise NotImplementedError

    def give_up(self, keys: t.Iterable[str], error: TaskError, state: State) -> State:
        """Return the state after changes, by their keys, have failed for good."""
        raise NotImplementedError

    def show(self, state: State, plan: Plan) -> dict[str, t.Any]:
        """Return what a result shows."""
        return self.summary.show(state, plan)

    def compare(self, state: State, plan: Plan) -> None:
        """Compare nothing: the summary has a diff of its own."""
