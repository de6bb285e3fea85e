# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An Operation on many objects at once: its requests go side by side, and what fails does not stop the others.

Both sides of all connections in one task (`_path`, 3.0.0) can run on the three Protocols; it was tried on paper. Its gate counts
the steps that are on their way to each account and region, its waiter asks one question in each place that it waits for, and
each of its phases is one more wait of `SetConvergence`. Two things it has to replace: the one bound for all threads, and the one
look for all steps whose outcome is unknown, since there such an entry goes on alone.
"""

from __future__ import annotations

import typing as t

from .._http.errors import TaskError
from .operation import Operation, S
from .plan import Plan, Step
from .wait import State, WaitTimeoutError


class SetGate(t.Protocol):
    """Decides what can be sent now, and which refusals are waited out."""

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

    def blocked(self, step: Step, state: t.Any, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that something was in the way of until the time was up."""


class SetWaiter(t.Protocol):
    """Finds out what the entries have come to."""

    def poll(self, state: t.Any) -> t.Any:
        """Ask one question for all that is waited for, and return the state then."""

    def is_settled(self, state: t.Any) -> bool:
        """Return whether nothing is left to wait for in the end."""

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


class SetOperation(Operation[S, State]):
    """What a module does with a set of objects.

    Its plan has the `refusals` that forbid the whole, and the `failures` that concern single entries. `send` runs in threads, and
    all else in the main thread.

    Attributes:
        gate: What can be sent.
        waiter: What it waits for.
        summary: What its result says.
    """

    gate: SetGate
    waiter: SetWaiter
    summary: SetSummary

    def look_again(self, state: State) -> State:
        """Read the current state again, and keep what the task has done so far."""
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
