# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base classes of what a module does: what both shells need of it, and an Operation, which only reads."""

from __future__ import annotations

import typing as t
from contextlib import AbstractContextManager

from .._http.exchange import ApiCall
from .._http.pauses import Clock
from .argspec import ArgumentSpec
from .options import Parameters
from .plan import Plan
from .wait import State

if t.TYPE_CHECKING:
    from .engine import Engine

Warn = t.Callable[[str], None]
# The name of a Python package, and the traceback of its failed import (None if it is there).
Library = tuple[str, t.Optional[str]]


class Session(t.Protocol):
    """The client of a service that a module uses, such as AtlasClient."""

    @property
    def calls(self) -> t.Sequence[ApiCall]:
        """The requests sent so far, each with `method` and `status`; the list grows."""

    @property
    def secrets(self) -> t.Iterable[str]:
        """What must not be shown; new tokens are added while it runs."""

    def within(self, deadline: float) -> AbstractContextManager[None]:
        """Bound the requests inside the block by a deadline on the clock of the run.

        Each gets the time that is left, at least a second; after the deadline, there are no retries.
        """


class SideBySide(t.Protocol):
    """A session that several threads can send with."""

    def side_by_side(self, parallel: int, longest_pause: float, /) -> AbstractContextManager[None]:
        """Let several threads send inside the block; see `AtlasClient.side_by_side`."""


S = t.TypeVar("S", bound=Session, covariant=True)
_Session = t.TypeVar("_Session", bound=Session)


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
        engine: The class that runs it, imported only by the modules that change something; None for one that only reads.
        nothing: The fields of the result until there is a plan.

    Args:
        params: The options as `validate` returns them.
        session: The session.
        clock: A monotonic clock, in seconds.
    """

    argument_spec: t.ClassVar[ArgumentSpec]
    libraries: t.ClassVar[tuple[Library, ...]] = ()
    service: t.ClassVar[str] = "Atlas"
    noun: t.ClassVar[str]
    engine: t.ClassVar[type[Engine] | None] = None
    nothing: t.ClassVar[t.Mapping[str, object]] = {}

    def __init__(self, params: Parameters, session: S, clock: Clock) -> None:
        self.params = params
        self.session = session
        self.clock = clock

    @classmethod
    def libraries_for(cls, args: Parameters) -> tuple[Library, ...]:
        """Return the packages that a task with these options needs. The options may be unchecked."""
        return cls.libraries

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of entries that have no effect, and are taken for the sake of one list for several modules."""
        return []

    @staticmethod
    def connect(params: Parameters, warn: Warn, /) -> AbstractContextManager[S]:
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
    def prepare(cls: type[ModuleBase[_Session]], params: Parameters, session: _Session) -> Parameters:
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
    """What a module does that only reads, in either shell. What changes something is a Front."""

    def look(self) -> State:
        """Read what there is."""
        raise NotImplementedError

    def decide(self, state: State) -> Plan:
        """Return the warnings about a state, and as refusals what is a failure of the task."""
        return Plan()

    def show(self, state: State, plan: Plan) -> dict[str, object]:
        """Return the fields of the result for a state, by noun."""
        raise NotImplementedError
