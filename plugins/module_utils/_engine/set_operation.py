# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of an Operation on many objects: its requests run in parallel, and a failed object does not stop the others."""

from __future__ import annotations

import typing as t

from .._http.errors import TaskError
from .operation import Operation, S
from .plan import Plan, Step
from .wait import State, WaitTimeoutError


class SetGate(t.Protocol):
    """Decides which steps can be sent now, and which refused steps wait."""

    def is_ready(self, step: Step, state: t.Any, running: t.Sequence[Step]) -> bool:
        """Return whether a step can be sent now, in parallel to the running ones.

        Raises:
            TaskError: If it never can be, because something that it needs has failed.
        """

    def hold(self, step: Step, error: TaskError, state: t.Any) -> t.Any | None:
        """Return the state in which a refused step waits for a later poll; None if the refusal is final."""

    def is_held(self, step: Step, state: t.Any) -> bool:
        """Return whether a step waits because of a refusal, and not for another step of this task."""

    def repeats(self, state: t.Any) -> float:
        """Return for how many seconds refused steps are sent again, in a separate wait; 0 if there are none."""

    def blocked(self, step: Step, state: t.Any, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that was not ready before the time was up."""


class SetWaiter(t.Protocol):
    """Polls the entries of the set."""

    def poll(self, state: t.Any) -> t.Any:
        """Read all awaited entries in one poll, and return the new state."""

    def is_settled(self, state: t.Any) -> bool:
        """Return whether nothing is left to wait for."""

    def late(self, state: t.Any, error: WaitTimeoutError) -> t.Any:
        """Return the state when the time is up: unfinished entries have failed."""

    def line(self, state: t.Any) -> str:
        """Return the progress of the set, in one line for the user."""


class SetSummary(t.Protocol):
    """Makes the result of a set."""

    def show(self, state: t.Any, plan: Plan) -> dict[str, t.Any]:
        """Return the fields of the result: what was done or, for a refused plan, what it would do."""

    def diff(self, state: t.Any, plan: Plan) -> list[dict[str, t.Any]]:
        """Return the list that diff mode shows of the changes that were or would be made."""

    def refusal(self, state: t.Any, plan: Plan) -> TaskError:
        """Return the error of a plan with refusals."""

    def failure(self, state: t.Any) -> TaskError | None:
        """Return the error that the task ends with; None if nothing has failed."""

    def stopped(self, state: t.Any) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, in words, for a task that is interrupted."""


class SetHistory(t.Protocol):
    """What a summary has, too, if results have `status_history`."""

    def statuses(self, state: t.Any) -> t.Sequence[str]:
        """Return the state of each entry of the set, in order."""


class SetOperation(Operation[S, State]):
    """What a module does with a set of objects.

    In its plan, `refusals` forbid the whole plan, and `failures` concern single entries. `send` runs in threads, and all other
    methods in the main thread.

    Attributes:
        gate: Decides what can be sent.
        waiter: Polls the entries.
        summary: Makes the result.
        threads: The most steps that are sent at the same time; None for the option `parallel`.
    """

    gate: SetGate
    waiter: SetWaiter
    summary: SetSummary
    threads: t.ClassVar[int | None] = None

    def look_again(self, state: State) -> State:
        """Read the state again, and keep in it what the task has done so far."""
        raise NotImplementedError

    def send(self, step: Step, state: State) -> t.Any:
        """Send the request of a step and return the reply for `record`. Runs in a thread, and must not write anything shared.

        Raises:
            TaskError: As `apply` does.
        """
        raise NotImplementedError

    def record(self, step: Step, reply: t.Any, state: State) -> State:
        """Return the state after a step took effect.

        Args:
            step: The step.
            reply: The return value of `send`; None if another look has shown the effect.
            state: The state before.
        """
        raise NotImplementedError

    def give_up(self, keys: t.Iterable[str], error: TaskError, state: State) -> State:
        """Return the state after the changes with these keys have finally failed."""
        raise NotImplementedError
