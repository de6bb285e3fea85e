# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The seam between the resources and the shells: a Task, the service it talks to, and what comes out of it."""

from __future__ import annotations

import time
import traceback
import typing as t
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.redact import redacted
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.reply import ApiCall
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.retry import LONGEST_BACKOFF

from .argspec import ArgumentSpec
from .wait import State, WaitTimeoutError, wait_until

Parameters = t.Mapping[str, t.Any]
Warn = t.Callable[[str], None]


class Session(t.Protocol):
    """What a task talks to while it runs."""

    @property
    def calls(self) -> list[ApiCall]:
        """The requests that this task has sent so far; the list grows."""

    @property
    def secrets(self) -> t.Iterable[str]:
        """What must not be shown, as far as it is known by now."""

    def within(self, deadline: float) -> AbstractContextManager[None]:
        """Bound the requests inside the block: each gets the time that is left, at least a second, and none is repeated later.

        Args:
            deadline: The end, on the monotonic clock of the task.
        """


S = t.TypeVar("S", bound=Session)


@dataclass(frozen=True)
class Library:
    """A Python package that a service needs.

    Attributes:
        name: Its name on the package index.
        import_error: The traceback of the failed import; None if it is there.
    """

    name: str
    import_error: str | None


@dataclass(frozen=True)
class Service(t.Generic[S]):
    """What tasks talk to: Atlas, or AWS.

    Attributes:
        library: The package that it needs; None for the standard library alone.
        validate: Checks its own options without the network and returns warnings; raises AtlasError.
        connect: Returns a context manager that gives a session for the options; its second argument takes a warning.
    """

    library: Library | None
    validate: t.Callable[[Parameters], list[str]]
    connect: t.Callable[[Parameters, Warn], AbstractContextManager[S]]


@dataclass
class Outcome:
    """What a task has come to; it is filled in as the task goes on, so that a failure tells how far it got.

    Attributes:
        changed: Whether something was changed, would be changed (check mode), or may have been changed when no answer came.
        values: The resources, by the noun under which they are returned.
        before: The resource as it was, for diff mode.
        after: The resource as it is, or will be.
        warnings: Sentences for the user.
        api_calls: The HTTP requests that were sent.
        failure: The fields of the failure, if it is one.
        secrets: What the shells must not show beside the secrets among the options: tokens, and what a profile has.
    """

    changed: bool = False
    values: dict[str, t.Any] = field(default_factory=dict)
    before: t.Mapping[str, t.Any] | None = None
    after: t.Mapping[str, t.Any] | None = None
    warnings: list[str] = field(default_factory=list)
    api_calls: list[ApiCall] = field(default_factory=list)
    failure: dict[str, t.Any] | None = None
    secrets: set[str] = field(default_factory=set)

    def to_result(self, *, diff: bool, verbosity: int) -> dict[str, t.Any]:
        """Return Ansible's result, without C(failed) and the warnings, for which each shell has a way of its own.

        Args:
            diff: Whether the user asked for diff mode.
            verbosity: How many times the user said C(-v); from 2 on the result tells the HTTP requests.
        """
        result: dict[str, t.Any] = {"changed": self.changed, **self.values, **(self.failure or {})}
        if diff and not self.failure and (self.before is not None or self.after is not None):
            result["diff"] = {"before": self.before or {}, "after": self.after or {}}
        if verbosity >= 2:
            result["api_calls"] = [asdict(call) for call in self.api_calls]
        return result


@dataclass
class Context(t.Generic[S]):
    """What a task runs with.

    Attributes:
        params: The options, validated and with their defaults.
        check_mode: Whether to plan only.
        client: The session with the service of the task.
        outcome: To be filled in.
        report: Takes a line for the user while the task waits.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    params: Parameters
    check_mode: bool
    client: S
    outcome: Outcome
    report: t.Callable[[str], None]
    clock: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep

    def wait_until(
        self,
        poll: t.Callable[[], State],
        is_done: t.Callable[[State], bool],
        last: State,
        begin: t.Callable[[], None] = lambda: None,
    ) -> State:
        """Wait as the options say; see C(_wait.wait_until).

        Args:
            poll: Returns the present state. If Atlas does not answer shortly before the time is up, that is what the wait ends
                with, after the last state that was seen.
            is_done: Whether a state will do. It is asked about the last one again where there is no answer.
            last: The state that was seen before the wait.
            begin: Called first. The requests in it are bounded by the time of the wait, too.

        Raises:
            WaitTimeoutError: When the time is up.
        """
        started = self.clock()
        deadline = started + self.params["wait_timeout"]
        seen, unanswered = last, None

        def ask() -> State:
            nonlocal seen, unanswered
            try:
                seen, unanswered = poll(), None
            except AtlasError as error:
                # Earlier, the client has tried as often as it may. By now, it has less time than that.
                if not error.is_unanswered or self.clock() + LONGEST_BACKOFF < deadline:
                    raise
                unanswered = error
            return seen

        with self.client.within(deadline):
            begin()
            try:
                return wait_until(
                    ask,
                    is_done,
                    timeout=max(0.0, deadline - self.clock()),
                    longest_interval=self.params["wait_sleep"],
                    clock=self.clock,
                    sleep=self.sleep,
                )
            except WaitTimeoutError as error:
                error.waited, error.unanswered = self.clock() - started, unanswered
                raise


@dataclass(frozen=True)
class Task(t.Generic[S]):
    """One kind of task: what a module does, whichever shell runs it.

    Attributes:
        argument_spec: Its options.
        service: What it talks to.
        validate: Checks the options without the network and returns warnings, given the options and whether this is check mode;
            raises AtlasError.
        run: Reads the current state, plans, applies unless in check mode, waits, and fills in the outcome.
    """

    argument_spec: ArgumentSpec
    service: Service[S]
    validate: t.Callable[[Parameters, bool], list[str]]
    run: t.Callable[[Context[S]], None]

    def execute(self, params: Parameters, *, check_mode: bool, report: t.Callable[[str], None] = lambda line: None) -> Outcome:
        """Run the task with validated options; a failure is an outcome, too, and not an exception.

        Args:
            params: The options, validated and with their defaults.
            check_mode: Whether to plan only.
            report: Takes a line for the user while the task waits.
        """
        outcome = Outcome()
        try:
            outcome.warnings += self.service.validate(params)
            outcome.warnings += self.validate(params, check_mode)
            with self.service.connect(params, outcome.warnings.append) as session:
                outcome.api_calls = session.calls
                try:
                    self.run(Context(params, check_mode, session, outcome, lambda line: report(_clean(line, session.secrets))))
                finally:
                    outcome.secrets.update(session.secrets)
        except AtlasError as error:
            outcome.failure = error.to_result()
        except Exception as error:
            # No thread could be started, no memory was left, or there is a defect here: the result still tells what was changed.
            failure = AtlasError(
                f"The task ended unexpectedly: {type(error).__name__}: {error}.",
                hint="Run it again. If this stays, report it with the traceback (-vvv).",
            )
            outcome.failure = {**failure.to_result(), "exception": traceback.format_exc()}
        return outcome


def _clean(line: str, secrets: t.Iterable[str]) -> str:
    """Return a line for the user's terminal: without secrets, and without characters that a terminal would act on."""
    return "".join(one if one.isprintable() else "�" for one in redacted(line, secrets))
