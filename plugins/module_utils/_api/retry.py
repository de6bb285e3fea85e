# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Which failures are worth another try, and when. Pure: clock and sleep are handed in."""

from __future__ import annotations

import math
import random
import typing as t

from .errors import AtlasError
from .request import Json, Request
from .settings import ApiSettings

Clock = t.Callable[[], float]
Sleep = t.Callable[[float], None]

SHORTEST_TIMEOUT = 1.0
# Seconds: the longest pause that is chosen here, and the longest that Atlas may ask for.
LONGEST_BACKOFF = 60.0
LONGEST_PAUSE = 60.0


def backoff(attempt: int) -> float:
    """Return the seconds to pause after failed attempt number `attempt`, counted from 0: doubling, with jitter."""
    return random.uniform(0.5, 1) * min(2.0 ** min(attempt, 10), LONGEST_BACKOFF)  # noqa: S311 - jitter is no secret


class Retry:
    """When the requests of a client are sent again, and how long each may take.

    Args:
        settings: The time of a try, and how often a request is sent again.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Attributes:
        deadline: The moment after which nothing is sent again, on the clock.
    """

    def __init__(self, settings: ApiSettings, clock: Clock, sleep: Sleep) -> None:
        self.deadline = math.inf
        self.clock = clock
        self.sleep = sleep
        self._settings = settings

    def time_left(self) -> float:
        """Return the seconds that one try of a request gets."""
        return min(self._settings.timeout, max(SHORTEST_TIMEOUT, self.deadline - self.clock()))

    def until_answered(self, request: Request, exchange: t.Callable[[], Json]) -> Json:
        """Call `exchange` until there is an answer, and return it.

        A refusal for the rate (429) was not carried out and may always be sent again. Any other failure leaves open whether
        the request was carried out: only what can be repeated without harm is sent again.

        Args:
            request: The request.
            exchange: Sends it once and reads the reply.

        Raises:
            AtlasError: If the last try fails. Its `outcome_unknown` covers the tries before.
        """
        deadline = min(self.clock() + self._settings.total_time, self.deadline)
        may_be_done = False
        for attempt in range(self._settings.retries + 1):
            try:
                return exchange()
            except AtlasError as error:
                failure = error
            failure.outcome_unknown = failure.outcome_unknown or may_be_done
            pause = backoff(attempt) if failure.retry_after is None else min(failure.retry_after, LONGEST_PAUSE)
            may_repeat = failure.was_refused_unread or (request.is_repeatable and failure.is_transient)
            if not may_repeat or attempt == self._settings.retries or self.clock() + pause > deadline:
                # Retries are used up; callers must not add their own.
                failure.is_transient = failure.is_transient and not request.is_repeatable
                raise failure
            may_be_done = failure.outcome_unknown
            self.sleep(pause)
        raise AssertionError("the loop returns or raises")
