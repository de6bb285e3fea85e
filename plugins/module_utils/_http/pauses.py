# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a request is sent again, how long it may take, how it ended, and whether this thread may go on."""

from __future__ import annotations

import contextvars
import math
import random
import threading
import time
import typing as t
from contextlib import AbstractContextManager, contextmanager, nullcontext

from .errors import InvalidOptionError, StoppedError, TaskError

if t.TYPE_CHECKING:
    from .threads import Governor

Clock = t.Callable[[], float]
Sleep = t.Callable[[float], None]
_Key = t.TypeVar("_Key", bound=t.Hashable)
_Result = t.TypeVar("_Result")

# In seconds, the longest pause between two tries, whatever the service asks for.
LONGEST_PAUSE = 60.0
# In seconds, the least time of a try, also after the deadline.
SHORTEST_TIMEOUT = 1.0
_LONGEST_TIMEOUT = 86400
_MOST_RETRIES = 1000
# When the requests of this thread end, on the clock of the task; a thread inherits it from the one that submitted its call.
DEADLINE: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=math.inf)
# The event is set when the thread must send nothing more; None in threads that cannot be stopped.
STOP: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("stop", default=None)
Announce = t.Callable[[str, TaskError, float], None]
# Takes a service, its failure, and the seconds of the pause before the request is sent again; None where pauses are not reported.
ANNOUNCE: contextvars.ContextVar[Announce | None] = contextvars.ContextVar("announce", default=None)


class Limits(t.NamedTuple):
    """The options `timeout` and `retries`; the modules of one cloud do not have them, and keep the defaults.

    Attributes:
        timeout: The most seconds that one try of a request may take.
        retries: The most times that a request is sent again.
    """

    timeout: float = 30
    retries: int = 4

    @property
    def total_time(self) -> float:
        """The seconds after which no request is sent again: as many as all tries could take."""
        return self.timeout * (self.retries + 1)

    def validate(self) -> None:
        """Check the options.

        Raises:
            InvalidOptionError: If one is out of range.
        """
        if not 0 < self.timeout <= _LONGEST_TIMEOUT:
            raise InvalidOptionError(f"timeout must be more than 0 seconds, and {_LONGEST_TIMEOUT} at the most.")
        if not 0 <= self.retries <= _MOST_RETRIES:
            raise InvalidOptionError(f"retries must be between 0 and {_MOST_RETRIES}.")


DEFAULT_LIMITS = Limits()


def announce(service: str, error: TaskError, seconds: float) -> None:
    """Report the seconds of the pause before a failed request to a service is sent again."""
    report = ANNOUNCE.get()
    if report is not None:
        report(service, error, seconds)


def backoff(attempt: int, longest: float = LONGEST_PAUSE) -> float:
    """Return the seconds to pause after a failed attempt, numbered from 0: they double up to the longest, with jitter."""
    return random.uniform(0.5, 1) * min(2.0 ** min(attempt, 10), longest)  # noqa: S311 - jitter is no secret


@contextmanager
def setting(variable: contextvars.ContextVar[_Result], value: _Result) -> t.Iterator[None]:
    """Give a variable of this thread a value inside the block."""
    before = variable.set(value)
    try:
        yield
    finally:
        variable.reset(before)


@contextmanager
def within(deadline: float) -> t.Iterator[None]:
    """Bound the requests inside the block by a deadline, on the clock of the task, whichever service they go to.

    Each gets the time that is left, at least a second and at most its `timeout`. After the deadline, there are no retries and no
    pauses. Blocks may be nested; the earliest deadline counts. A thread inherits the deadline of the thread that submitted its
    call.
    """
    with setting(DEADLINE, min(deadline, DEADLINE.get())):
        yield


@contextmanager
def unbounded() -> t.Iterator[None]:
    """Let the requests inside the block have time of their own, although the block around it has a deadline."""
    with setting(DEADLINE, math.inf):
        yield


def check_stopped() -> None:
    """Check that this thread may go on.

    Raises:
        StoppedError: If it must stop.
    """
    stop = STOP.get()
    if stop is not None and stop.is_set():
        raise StoppedError


def stoppable_sleep(seconds: float) -> None:
    """Sleep, as `time.sleep` does.

    Raises:
        StoppedError: As soon as this thread must stop.
    """
    stop = STOP.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise StoppedError


class CompletedCall(t.Generic[_Key, _Result]):
    """How a call ended: its `key`, and the `error` that it raised; None if it returned."""

    def __init__(self, key: _Key, call: t.Callable[[], _Result]) -> None:
        self.key = key
        self.error: BaseException | None = None
        try:
            self._result = call()
        except Exception as error:
            self.error = error

    def result(self) -> _Result:
        """Return what the call returned.

        Raises:
            Exception: What the call raised.
        """
        if self.error is not None:
            raise self.error
        return self._result


def value_or_error(call: t.Callable[[], _Result]) -> _Result | TaskError:
    """Return what a call returns, or its TaskError."""
    try:
        return call()
    except TaskError as error:
        return error


class Policy(t.NamedTuple):
    """When one request is sent again.

    A refusal for the rate (429) has carried out nothing, so any request is sent again after it.

    Attributes:
        until: When it is sent for the last time, on the clock; None for the deadline of the thread.
        is_repeatable: Whether it is sent again after any transient failure.
        waits_for_rate: Whether the tries after a refusal for the rate end with `until` alone, and not with the time of all tries.
        turn: Returns a context manager that waits for the turn of a try, and yields the seconds waited, which do not count; None:
            each try is sent at once.
        hold: Holds all requests after a refusal for the rate, and returns when the pause ends, on the clock. The next turn waits
            for that, and no retry is used up. It may raise the final error. None if each request pauses on its own.
        final: Returns the error to raise for the last one, given whether any try may have been carried out.
    """

    until: float | None = None
    is_repeatable: bool = True
    waits_for_rate: bool = True
    turn: t.Callable[[], AbstractContextManager[float]] | None = None
    hold: t.Callable[[TaskError], float] | None = None
    final: t.Callable[[TaskError, bool], TaskError] = lambda error, unused: error


_USUAL = Policy()


class Retry:
    """Sends the requests of a session until they are answered, and says how long each may take.

    Args:
        service: The name of the service, for the user.
        limits: How often a request is sent again, and for how long.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        clock: The clock.
        sleep: Sleeps that many seconds.
        governor: Slows down parallel requests; None if there are none.
    """

    def __init__(self, service: str, limits: Limits, clock: Clock, sleep: Sleep) -> None:
        self.governor: Governor | None = None
        self.clock = clock
        self.sleep = sleep
        self._service = service
        self._limits = limits

    def time_left(self, most: float = math.inf) -> float:
        """Return the seconds for a try that starts now: at most `most`, and at least one, even after the deadline."""
        return min(self._limits.timeout, most, max(SHORTEST_TIMEOUT, DEADLINE.get() - self.clock()))

    def send(self, request: t.Callable[[], _Result], policy: Policy = _USUAL) -> _Result:
        """Send a request until it is answered, and return what it returns.

        Args:
            request: Sends it once.
            policy: When it is sent again.

        Raises:
            TaskError: If the last try fails.
        """
        until = DEADLINE.get() if policy.until is None else policy.until
        started = self.clock()
        tries, pause, may_be_done = 0, 0.0, False
        while True:
            held: float | None = None
            try:
                if pause:
                    self.sleep(pause)
                with nullcontext(0.0) if policy.turn is None else policy.turn() as waited:
                    started += waited
                    try:
                        return request()
                    except TaskError as error:
                        if policy.hold is not None and error.was_refused_unread:
                            held = policy.hold(error)
                        raise
            except TaskError as error:
                may_be_done = may_be_done or error.outcome_unknown
                if held is not None:
                    pause, silence, may_repeat = 0.0, held - self.clock(), held < until
                else:
                    pause = silence = min(error.retry_after or backoff(tries), LONGEST_PAUSE)
                    may_repeat = error.was_refused_unread or (policy.is_repeatable and error.is_transient)
                    is_bounded = not (error.was_refused_unread and policy.waits_for_rate)
                    end = min(until, started + self._limits.total_time) if is_bounded else until
                    may_repeat = may_repeat and tries < self._limits.retries and self.clock() + pause <= end
                    tries += 1
                if not may_repeat:
                    raise policy.final(error, may_be_done) from error.__cause__
                announce(self._service, error, silence)
