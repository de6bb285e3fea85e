# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long to pause between tries, until when this thread may send, and whether it may go on."""

from __future__ import annotations

import contextvars
import math
import random
import threading
import time
import typing as t
from contextlib import contextmanager

from .errors import InvalidOptionError, StoppedError, TaskError

Clock = t.Callable[[], float]
Sleep = t.Callable[[float], None]
_Result = t.TypeVar("_Result")

# In seconds, the longest pause between two tries, whatever the service asks for.
LONGEST_PAUSE = 60.0
# In seconds, the least time of a try, also after the deadline.
SHORTEST_TIMEOUT = 1.0
_LONGEST_TIMEOUT = 86400
_MOST_RETRIES = 1000
# When the requests of this thread end, on the clock of the task; a thread inherits it from the one that submitted its call.
_DEADLINE: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=math.inf)
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
    """Report that a request to a service which has failed is sent again after a pause of so many seconds."""
    report = ANNOUNCE.get()
    if report is not None:
        report(service, error, seconds)


def backoff(attempt: int, longest: float = LONGEST_PAUSE) -> float:
    """Return the seconds to pause after a failed attempt, numbered from 0: they double up to the longest, with jitter."""
    return random.uniform(0.5, 1) * min(2.0 ** min(attempt, 10), longest)  # noqa: S311 - jitter is no secret


def repeat(service: str, request: t.Callable[[], _Result], limits: Limits, until: float, clock: Clock, sleep: Sleep) -> _Result:
    """Send a request that changes nothing, and again after transient failures.

    Args:
        service: The name of the service, for the user.
        request: Sends it once.
        limits: How often it is sent again, and for how long; a refusal for the rate is waited for, and has only the number.
        until: When it is sent for the last time, on the clock.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Raises:
        TaskError: The last failure.
    """
    last_try = clock() + limits.total_time
    for attempt in range(limits.retries):
        try:
            return request()
        except TaskError as error:
            pause = backoff(attempt) if error.retry_after is None else min(error.retry_after, LONGEST_PAUSE)
            end = until if error.was_refused_unread else min(until, last_try)
            if not error.is_transient or clock() + pause >= end:
                raise
            announce(service, error, pause)
        sleep(pause)
    return request()


@contextmanager
def within(deadline: float) -> t.Iterator[None]:
    """Bound the requests inside the block by a deadline, on the clock of the task, whichever service they go to.

    Each gets the time that is left, at least a second and at most its `timeout`. After the deadline, there are no retries and no
    pauses. Blocks may be nested; the earliest deadline counts. A thread inherits the deadline of the thread that submitted its
    call.
    """
    before = _DEADLINE.set(min(deadline, _DEADLINE.get()))
    try:
        yield
    finally:
        _DEADLINE.reset(before)


@contextmanager
def unbounded() -> t.Iterator[None]:
    """Let the requests inside the block have time of their own, although the block around it has a deadline."""
    before = _DEADLINE.set(math.inf)
    try:
        yield
    finally:
        _DEADLINE.reset(before)


def current_deadline() -> float:
    """Return the deadline of this thread; infinity if there is none."""
    return _DEADLINE.get()


def time_left(clock: Clock) -> float:
    """Return the seconds that a try gets if it starts now: until the deadline, and a second even after it."""
    return max(SHORTEST_TIMEOUT, _DEADLINE.get() - clock())


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
