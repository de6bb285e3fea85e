# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base classes of what a module does: what both shells need of it, and an Operation, which looks, decides and sends."""

from __future__ import annotations

import typing as t
import weakref
from contextlib import AbstractContextManager

from .._http.errors import TaskError
from .._http.pauses import Clock
from .argspec import ArgumentSpec
from .options import Parameters
from .plan import Facts, Plan, Step
from .wait import State, Wait

Warn = t.Callable[[str], None]
# The name of a Python package, and the traceback of its failed import (None if it is there).
Library = tuple[str, t.Optional[str]]


class Session(t.Protocol):
    """The client of a service that an Operation uses, such as AtlasClient."""

    @property
    def calls(self) -> t.Sequence[t.Any]:
        """The requests sent so far, each with `method` and `status`; the list grows."""

    @property
    def secrets(self) -> t.Iterable[str]:
        """What must not be shown; new tokens are added while it runs."""

    def within(self, deadline: float) -> AbstractContextManager[None]:
        """Bound the requests inside the block by a deadline on the Operation's clock.

        Each gets the time that is left, at least a second; after the deadline, there are no retries.
        """


S = t.TypeVar("S", bound=Session)


class Status(t.NamedTuple):
    """Progress for the user: the state, and what must be done before it goes on (empty for nothing)."""

    name: str
    to_do: str = ""


class ModuleBase(t.Generic[S]):
    """What the shells need of a module: its options, its libraries and its session. The engine makes one object for each run.

    Attributes:
        argument_spec: Its options.
        libraries: The Python packages that it needs; see `libraries_for`.
        service: The name of the service that it changes, for the user.
        noun: The field of the result, and of diffs, with the state.
        convergence: The class that runs it, imported only by the modules that need it; None for `Convergence`.
        nothing: The fields of the result until there is a plan.
        has_diff: Whether it can change anything, and so has diffs.
        keeps_history: Whether results have `status_history` if the task waits.

    Args:
        params: The options as `validate` returns them.
        session: The session.
        clock: A monotonic clock, in seconds.
    """

    argument_spec: t.ClassVar[ArgumentSpec]
    libraries: t.ClassVar[tuple[Library, ...]] = ()
    service: t.ClassVar[str] = "Atlas"
    noun: t.ClassVar[str]
    convergence: t.ClassVar[t.Any] = None
    nothing: t.ClassVar[t.Mapping[str, t.Any]] = {}
    has_diff: t.ClassVar[bool] = True
    keeps_history: t.ClassVar[bool] = False

    def __init__(self, params: Parameters, session: S, clock: Clock) -> None:
        self.params = params
        self.session = session
        self.clock = clock

    @classmethod
    def libraries_for(cls, args: t.Mapping[str, t.Any]) -> tuple[Library, ...]:
        """Return the packages that a task with these options needs. The options may be unchecked."""
        return cls.libraries

    @classmethod
    def ignored_options(cls, args: t.Mapping[str, t.Any]) -> list[str]:
        """Return the options of entries that have no effect, and are taken for the sake of one list for several modules."""
        return []

    @staticmethod
    def connect(params: Parameters, warn: Warn, /) -> AbstractContextManager[t.Any]:
        """Return a context manager that yields the session for the options; `warn` takes a sentence for the user."""
        raise NotImplementedError

    @classmethod
    def preload(cls) -> None:
        """Import and read what all runs need, before a process forks its workers."""

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options without the network.

        Returns:
            The options with parsed values, and warnings.

        Raises:
            InvalidOptionError: If an option is invalid.
        """
        return params, []

    @classmethod
    def prepare(cls, params: Parameters, session: S) -> Parameters:
        """Return the checked options with what the service alone knows, such as the id of a project that they name.

        Raises:
            TaskError: If it cannot be read, or there is no such object.
        """
        return params

    @property
    def name(self) -> str:
        """What the task waits for, in the words of lines for the user."""
        return ""


class Operation(ModuleBase[S], t.Generic[S, State]):
    """What a module does, in either shell.

    Attributes:
        retries: How often a step is tried again after another look; None for the option `retries`.

    Args:
        params: The options as `validate` returns them.
        session: The session.
        clock: A monotonic clock, in seconds.
    """

    retries: t.ClassVar[int | None] = None

    def __init__(self, params: Parameters, session: S, clock: Clock) -> None:
        super().__init__(params, session, clock)
        # Without a cycle, the state of an item is freed at its end, and not when Python looks for cycles.
        own = weakref.proxy(self)

        def read(key: str) -> t.Any:
            return own.read(key)

        self.facts = Facts(read)

    def read(self, key: str) -> t.Any:
        """Read the fact of a key, for `facts`."""
        raise NotImplementedError

    def look(self) -> State:
        """Read the current state."""
        raise NotImplementedError

    def decide(self, state: State) -> Plan:
        """Return the plan for a state; whatever else it depends on comes from `facts`.

        Raises:
            TaskError: If there is no allowed plan; nothing is changed then.
        """
        return Plan()

    def line(self, state: State, plan: Plan) -> str | None:
        """Return the plan in one line for people; empty if there is nothing to do, None for no such line."""
        return None

    def predict(self, state: State, plan: Plan) -> State:
        """Return the state after a plan and the waiting; it may read `facts` as `decide` does.

        Raises:
            TaskError: If the plan would be refused.
        """
        return state

    def apply(self, step: Step, state: State) -> State:
        """Send the request of a step, and return the state after it.

        Raises:
            TaskError: If it was refused, lost (`outcome_unknown`), or overtaken (OvertakenError).
        """
        raise NotImplementedError

    def explain(self, step: Step, error: TaskError, state: State) -> TaskError:
        """Return the error to show for a failed step: the same, or a better one that names the option at fault."""
        return error

    def wait(self, state: State, step: Step | None = None) -> Wait[State] | None:
        """Return what to wait for before a step with an `after`, or at the end (no step); None for nothing."""
        return None

    def wait_refused(self, step: Step, error: TaskError, state: State) -> Wait[State] | None:
        """Return what to wait for before a refused step is sent again; None if the refusal is final."""

    def status(self, state: State, wait: Wait[State] | None) -> Status | None:
        """Return the progress to report; None for none.

        Args:
            state: The state.
            wait: What the task waits for; None for nothing.
        """
        return None

    def show(self, state: State, plan: Plan) -> dict[str, t.Any]:
        """Return the fields of the result for a state, by noun."""
        raise NotImplementedError

    def compare(self, state: State, plan: Plan) -> t.Mapping[str, t.Any] | None:
        """Return what diff mode compares of a state: the object in the field `noun`, or a dictionary with the list there."""
        value = self.show(state, plan).get(self.noun)
        return value if value is None or isinstance(value, dict) else {self.noun: value}
