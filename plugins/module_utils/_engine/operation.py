# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base class of modules as both shells need it, their run from options to outcome, and Operation, which only reads."""

from __future__ import annotations

import functools
import re
import time
import traceback
import typing as t
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from .._http.errors import OvertakenError, TaskError, shown
from .._http.exchange import ApiCall
from .._http.pauses import Clock, Sleep, backoff
from .argspec import ArgumentSpec
from .options import Parameters
from .outcome import SILENT, Lines, Outcome, Report
from .plan import Plan, Review, Step
from .wait import State

if t.TYPE_CHECKING:
    from .._clouds.cloud import Fields
    from .front import Engine
    from .side import AnyState

    Run = t.Union[Engine, "ReadingRun"]
    from .._clouds.cloud import Cloud


# The oldest versions with which the collection works, and the module of each package.
OLDEST = {"boto3": "1.28", "azure-identity": "1.17", "google-auth": "2.14"}
_MODULES = {"azure-identity": "azure.identity", "google-auth": "google.auth"}


@functools.cache
def find_library(name: str, import_error: str | None = None) -> Library:
    """Return a package with the reason why it cannot be used; None as the reason if it can.

    Args:
        name: The package, one of `OLDEST`.
        import_error: The traceback of its import, if that has failed.
    """
    module = _MODULES.get(name, name)
    try:
        is_there = import_error is None and find_spec(module) is not None
    except (ImportError, ValueError):
        is_there = False
    if not is_there:
        return name, import_error or f"No module named {module!r}"
    try:
        found = version(name)
    except PackageNotFoundError:
        # Installed without metadata, so its version is not known.
        return name, None
    return name, f"{name} {found} instead of {OLDEST[name]} or later" if _numbers(found) < _numbers(OLDEST[name]) else None


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", text)]


def lack_of(name: str, error: str) -> str:
    """Return what a Python has in place of a usable package: `no boto3`, or its version and the oldest supported one."""
    return error if _is_old(name, error) else f"no {name}"


def command_for(name: str, error: str) -> str:
    """Return the command that installs a package, or a newer version of it."""
    return f"pip install {'--upgrade ' if _is_old(name, error) else ''}{name}"


def _is_old(name: str, error: str) -> bool:
    """Whether the reason is the version; others are tracebacks, or Python's messages."""
    return error.startswith(f"{name} ")


def check_libraries(libraries: t.Iterable[Library], cloud: Cloud) -> None:
    """Check that the packages for a cloud can be used.

    Raises:
        TaskError: If one is missing, or too old.
    """
    for name, error in libraries:
        if error is not None:
            raise TaskError(
                f"The host that this task runs on has {lack_of(name, error)}, which is needed to read {cloud.name}.",
                hint=f"Run {command_for(name, error)} for its Python, or set {cloud.switch} to false.",
            )


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


S_co = t.TypeVar("S_co", bound=Session, covariant=True)
_Session = t.TypeVar("_Session", bound=Session)


class Status(t.NamedTuple):
    """Progress for the user: the state, and what must be done before it goes on (empty for nothing)."""

    name: str
    to_do: str = ""


class ModuleBase(t.Generic[S_co]):
    """What the shells need of a module: its options, its libraries and its session. The engine makes one object for each run.

    Attributes:
        argument_spec: Its options.
        libraries: The Python packages that it needs; see `libraries_for`.
        service: The name of the service that it changes, for the user.
        noun: The field of the result, and of diffs, with the state.
        empty_result: The fields of the result until there is a plan.

    Args:
        params: The options as `validate` returns them.
        session: The session.
        clock: A monotonic clock, in seconds.
    """

    argument_spec: t.ClassVar[ArgumentSpec]
    libraries: t.ClassVar[tuple[Library, ...]] = ()
    service: t.ClassVar[str] = "Atlas"
    noun: t.ClassVar[str]
    empty_result: t.ClassVar[t.Mapping[str, object]] = {}

    def __init__(self, params: Parameters, session: S_co, clock: Clock) -> None:
        self.params = params
        self.session = session
        self.clock = clock

    @classmethod
    def in_failure(cls, result: Fields) -> Fields:
        """Return what is shown of the result of a task that has failed, which Ansible prints; by default all of it."""
        return result

    @classmethod
    def libraries_for(cls, args: Parameters) -> tuple[Library, ...]:
        """Return the packages that a task with these options needs. The options may be unchecked."""
        return cls.libraries

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of entries that have no effect, and are accepted so that several modules can share a list."""
        return []

    @staticmethod
    def connect(params: Parameters, warn: Warn, /) -> AbstractContextManager[S_co]:
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
        """Return the checked options with what only the service knows, such as the id of a project that they name.

        Raises:
            TaskError: If it cannot be read, or there is no such object.
        """
        return params

    def begin(self, outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> Run:
        """Return the run of the module, which has read nothing yet. The arguments are those of Engine."""
        raise NotImplementedError

    def review(self) -> Review | None:
        """Return what a saved plan has of the list, and how it describes changes; None if no plan of it can be saved."""
        return None

    @property
    def name(self) -> str:
        """What the task waits for, in the words of lines for the user."""
        return ""


class Operation(ModuleBase[S_co], t.Generic[S_co, State]):
    """A module that only reads, in either shell. One that changes something has a Front."""

    def begin(self, outcome: Outcome, report: Report, clock: Clock, sleep: Sleep) -> ReadingRun:
        """Return the run."""
        return ReadingRun(self, outcome, report, clock)

    def look(self) -> State:
        """Read what there is."""
        raise NotImplementedError

    def decide(self, state: State) -> Plan:
        """Return the warnings about a state, and as refusals the failures of the task."""
        return Plan()

    def show(self, state: State) -> dict[str, object]:
        """Return the fields of the result for a state: by default, the state in the field `noun`."""
        return {self.noun: state}


# In seconds, the pauses before each look after a creation without a clear reply: Atlas's lists may lag behind.
CREATION_PAUSES = (2.0, 4.0)


def execute(
    operation: type[ModuleBase[Session]],
    params: Parameters,
    *,
    check_mode: bool,
    report: Report = SILENT,
    clock: Clock = time.monotonic,
    sleep: Sleep = time.sleep,
) -> Outcome:
    """Run a module, and return its outcome. A failure is in the outcome, and not raised.

    Args:
        operation: The Operation, or the front.
        params: The options, validated against its argument spec, with defaults.
        check_mode: Whether to predict only.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """
    outcome = Outcome()
    outcome.values = dict(operation.empty_result)
    try:
        params, warnings = operation.validate(params)
        outcome.warnings = [*map(shown, warnings)]
        with operation.connect(params, outcome.warnings.append) as session:
            outcome.api_calls = session.calls
            try:
                task = operation(operation.prepare(params, session), session, clock)
                run = task.begin(outcome, report, clock, sleep)
                with run.lines.announcing():
                    if check_mode:
                        run.predict()
                    else:
                        _carry_out(run)
            finally:
                outcome.secrets.update(session.secrets)
    except TaskError as error:
        if params.get("fail_on") == "never" and error.is_of_list:
            # The result has the failures of the list.
            outcome.values = {**outcome.values, **error.to_result()}
        else:
            outcome.failure = error.to_result()
    except Exception as error:
        # No more threads or memory, or a defect: the result still shows what was changed.
        failure = TaskError(
            f"The task ended unexpectedly: {type(error).__name__}: {error}.",
            hint="Run it again. If this stays, report it with the traceback (-vvv).",
        )
        outcome.failure = {**failure.to_result(), "exception": traceback.format_exc()}
    return outcome


def _carry_out(run: Run) -> None:
    """Carry out a run. If the `timeout` of the task ends it, or Ctrl-C before ansible-core 2.19, report what was done."""
    try:
        run.carry_out()
    except BaseException as error:
        if not isinstance(error, Exception):
            run.stop()
        raise


class ReadingRun:
    """One run of an Operation, which only reads: it looks, decides, and shows. Check mode does the same.

    Args:
        operation: The Operation to run.
        outcome: Receives the result.
        report: Takes lines for the user.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, operation: Operation[Session, AnyState], outcome: Outcome, report: Report, clock: Clock) -> None:
        self.lines = Lines(operation, report, clock)
        self._operation, self._outcome = operation, outcome

    def carry_out(self) -> None:
        """Look and decide, and let the outcome show what was read.

        Raises:
            TaskError: If something cannot be read, or what was read is a failure of the task.
        """
        operation, outcome = self._operation, self._outcome
        state = operation.look()
        outcome.show(operation.show(state))
        plan = operation.decide(state)
        outcome.warn(plan)
        for error in plan.refusals.values():
            raise error

    predict = carry_out

    def stop(self) -> None:
        """Report nothing: nothing was changed."""


def may_pass(step: Step, error: TaskError) -> bool:
    """Whether a failed step may succeed after another look."""
    # A removal with an odd reply may be repeated; the client has already repeated one without any.
    is_odd_removal = step.action == "delete" and error.outcome_unknown and not error.is_unanswered
    return error.is_transient or isinstance(error, OvertakenError) or is_odd_removal


def pauses_before_look(step: Step, error: TaskError, failures: int, retries: int) -> t.Sequence[float]:
    """Return the seconds to pause before each look after a step has failed.

    Args:
        step: The step.
        error: Its error.
        failures: How often it has failed, including this time.
        retries: How often it may be tried again.
    """
    is_overtaken = isinstance(error, OvertakenError)
    if step.action == "create" and (error.outcome_unknown or is_overtaken):
        return CREATION_PAUSES
    if is_overtaken or (failures > retries and not error.outcome_unknown):
        return (0.0,)
    return (backoff(failures - 1),)
