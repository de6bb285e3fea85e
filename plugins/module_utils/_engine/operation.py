# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module does, as one class: an Operation says what to read, decide, send and wait for, and the engine does it."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager

from .._http.errors import TaskError
from .._http.pauses import Clock
from .argspec import ArgumentSpec
from .options import Parameters
from .plan import Facts, Plan, Step
from .wait import State, Wait

Warn = t.Callable[[str], None]
# The name of a Python package, and the traceback of its failed import; None if it is there.
Library = tuple[str, t.Optional[str]]


class Session(t.Protocol):
    """What an Operation talks to while it runs."""

    @property
    def calls(self) -> t.Sequence[t.Any]:
        """The requests sent so far, each with `method` and `status`; the list grows."""

    @property
    def secrets(self) -> t.Iterable[str]:
        """What must not be shown, as far as it is known by now."""

    def within(self, deadline: float) -> AbstractContextManager[None]:
        """Bound the requests inside the block by a moment on the Operation's clock.

        Each gets the time that is left, at least a second, and none is repeated later.
        """


S = t.TypeVar("S", bound=Session)


class Status(t.NamedTuple):
    """How far what is waited for has come, for the user: the state, and what has to be done before it goes on."""

    name: str
    to_do: str = ""


class Operation(t.Generic[S, State]):
    """What a module does, whichever shell runs it. The engine makes one for each run.

    Attributes:
        argument_spec: Its options.
        libraries: The Python packages that it cannot do without; see `libraries_for`.
        noun: The name under which results show the state, and under which diffs compare it.
        has_diff: Whether it can change anything, so that there is something to compare.
        retries: How often a step is tried again after a look, if its reply was lost or it was overtaken; None for the option
            of that name.
        convergence: How it is carried out: a subclass of `Convergence`, which a module for one object need not read; None for
            `Convergence`.
        keeps_history: Whether results tell which states were seen, if the task waits.

    Args:
        params: The options as `validate` returns them.
        session: The session.
        clock: A monotonic clock, in seconds.
    """

    argument_spec: t.ClassVar[ArgumentSpec]
    libraries: t.ClassVar[tuple[Library, ...]] = ()
    noun: t.ClassVar[str]
    has_diff: t.ClassVar[bool] = True
    convergence: t.ClassVar[t.Any] = None
    keeps_history: t.ClassVar[bool] = False
    retries: t.ClassVar[int | None] = None

    def __init__(self, params: Parameters, session: S, clock: Clock) -> None:
        self.params = params
        self.session = session
        self.clock = clock
        self.facts = Facts(self.read)

    @classmethod
    def libraries_for(cls, args: t.Mapping[str, t.Any]) -> tuple[Library, ...]:
        """Return the packages that a task with these options cannot do without. The options may not have been checked yet."""
        return cls.libraries

    @staticmethod
    def connect(params: Parameters, warn: Warn, /) -> AbstractContextManager[t.Any]:
        """Return a context manager that gives a session for the options; the second argument takes a warning."""
        raise NotImplementedError

    @classmethod
    def preload(cls) -> None:
        """Read what each run needs, in a process that forks others afterwards."""

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options without the network.

        Returns:
            The options with values in place of texts, and warnings.

        Raises:
            InvalidOptionError: If an option cannot be right.
        """
        return params, []

    @classmethod
    def validate_prediction(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options in place of `validate` where nothing will be changed."""
        return cls.validate(params)

    @property
    def name(self) -> str:
        """What is waited for, for the user."""
        return ""

    def read(self, key: str) -> t.Any:
        """Read what is asked of `facts` for the first time."""
        raise NotImplementedError

    def look(self) -> State:
        """Read the current state."""
        raise NotImplementedError

    def wait_first(self, state: State) -> Wait[State] | None:
        """Return what to wait for before there can be a plan, after which the engine looks again; None for nothing."""
        return None

    def decide(self, state: State) -> Plan:
        """Return what has to be done; what else that depends on is asked of `facts`.

        Raises:
            TaskError: If it must not be done; nothing is changed then.
        """
        return Plan()

    def predict(self, state: State, plan: Plan) -> State:
        """Return the state to which a plan, and the waiting after it, would lead; `facts` are read as by `decide`.

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
        """Return the error to show for a step that failed: a better one that names the option at fault, or the same."""
        return error

    def wait(self, state: State, step: Step | None = None) -> Wait[State] | None:
        """Return what to wait for before a step that has an `after`, or (without a step) in the end; None for nothing."""
        return None

    def wait_refused(self, step: Step, error: TaskError, state: State) -> Wait[State] | None:
        """Return what to wait for before a refused step is sent again; None if the refusal stands."""

    def end(self, state: State) -> State:
        """Return the state that the result shows when all is done: what is leaving, for example, is as good as gone."""
        return state

    def status(self, state: State, wait: Wait[State] | None) -> Status | None:
        """Return how far it has come, for the user; None where that is not shown.

        Args:
            state: The state.
            wait: What is being waited for; None if nothing is.
        """
        return None

    def show(self, state: State, plan: Plan) -> dict[str, t.Any]:
        """Return what a result shows of a state, by nouns."""
        raise NotImplementedError

    def compare(self, state: State, plan: Plan) -> t.Mapping[str, t.Any] | None:
        """Return what diff mode compares of a state: the object under the noun as it is, and a list under its noun."""
        value = self.show(state, plan).get(self.noun)
        return value if value is None or isinstance(value, dict) else {self.noun: value}
