# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which failures are worth another try, and when. Pure: clock and sleep are handed in."""

from __future__ import annotations

import math
import typing as t
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

from .backoff import backoff
from .errors import AtlasError
from .request import Json, Request
from .settings import ApiSettings
from .stopping import Clock, Sleep

if t.TYPE_CHECKING:
    from .governor import Governor

SHORTEST_TIMEOUT = 1.0
# Seconds: the longest pause that Atlas may ask for.
LONGEST_PAUSE = 60.0

# Of the block that this thread, or the one that has submitted its call, is in.
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


class Retry:
    """When the requests of a client are sent again, and how long each may take.

    Args:
        settings: The time of a try, and how often a request is sent again.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        clock: The clock.
        sleep: Sleeps that many seconds.
        governor: What slows down requests that are sent side by side; None if they are not.
    """

    def __init__(self, settings: ApiSettings, clock: Clock, sleep: Sleep) -> None:
        self.governor: Governor | None = None
        self.clock = clock
        self.sleep = sleep
        self._settings = settings

    @property
    def deadline(self) -> float:
        """The moment after which this thread sends nothing again, on the clock."""
        return _DEADLINE.get()

    @contextmanager
    def within(self, deadline: float) -> t.Iterator[None]:
        """Bound the requests inside the block by a deadline, on the clock, or by that of a block around it if it is earlier."""
        before = _DEADLINE.set(min(deadline, _DEADLINE.get()))
        try:
            yield
        finally:
            _DEADLINE.reset(before)

    def time_left(self) -> float:
        """Return the seconds that one try of a request gets."""
        return min(self._settings.timeout, max(SHORTEST_TIMEOUT, self.deadline - self.clock()))

    def until_answered(self, request: Request, exchange: t.Callable[[], Json]) -> Json:
        """Call `exchange` until there is an answer, and return it.

        A refusal for the rate (429) was not carried out and may always be sent again. Any other failure leaves open whether
        the request was carried out: only what can be repeated without harm is sent again. With a governor, a refusal for the
        rate uses up no retry, and what it makes a request wait is not counted as its time.

        Args:
            request: The request.
            exchange: Sends it once and reads the reply.

        Raises:
            AtlasError: If the last try fails. Its `outcome_unknown` covers the tries before.
        """
        # A token, which is fetched for a request that has its place, is not what Atlas counts.
        governor = self.governor if request.root is None else None
        last_try = self.clock() + self._settings.total_time
        retries, pause, may_be_done = self._settings.retries, 0.0, False
        failure: AtlasError
        while True:
            try:
                if pause:
                    self.sleep(pause)
                with governor.slot() if governor is not None else nullcontext(0.0) as waited:
                    last_try += waited
                    return exchange()
            except AtlasError as failure:
                failure.outcome_unknown = may_be_done = failure.outcome_unknown or may_be_done
                if governor is not None and failure.was_refused_unread:
                    pause = 0.0
                    may_repeat = governor.pause(failure.retry_after) < self.deadline
                else:
                    attempt = self._settings.retries - retries
                    pause = backoff(attempt) if failure.retry_after is None else min(failure.retry_after, LONGEST_PAUSE)
                    is_repeatable = failure.was_refused_unread or (request.is_repeatable and failure.is_transient)
                    may_repeat = is_repeatable and retries > 0 and self.clock() + pause <= min(last_try, self.deadline)
                    retries -= 1
                if not may_repeat:
                    # Retries are used up; callers must not add their own.
                    failure.is_transient = failure.is_transient and not request.is_repeatable
                    raise
