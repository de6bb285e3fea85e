# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's rate limits: a request that is refused because there are too many is sent again, after a pause."""

from __future__ import annotations

import math
import threading
import time
import typing as t

from .._http.errors import RateLimitError
from .._http.pauses import Clock, Sleep, announce, backoff, stoppable_sleep
from .._http.threads import Governor

# In seconds.
LONGEST_PAUSE = 20.0
# How many requests are sent at the same time.
READERS = 8
# The services that count all requests of an account together. EC2 counts them by region and action.
# Source: "Request throttling for the Amazon EC2 API" and "Throttling for Amazon Route 53 API requests" in AWS's manuals.
_OF_AN_ACCOUNT = frozenset(("route53",))
# How many of their requests are sent at once, and then in a second. AWS takes 50 and then 10, of all programs of the account.
_AT_ONCE, _A_SECOND = 40, 8

_Result = t.TypeVar("_Result")


class Bucket:
    """Spaces the requests to a service whose limit is known, so that it refuses none. Thread-safe.

    Args:
        at_once: How many requests are sent without a pause.
        a_second: How many are sent in a second after these; as many become free again.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, at_once: int, a_second: float, clock: Clock, sleep: Sleep) -> None:
        self._interval = 1 / a_second
        self._head_start = (at_once - 1) * self._interval
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        # When the next request would be due if all were sent at the same distance, on the clock.
        self._due = -math.inf

    def wait(self) -> None:
        """Wait until the next request may be sent."""
        with self._lock:
            now = self._clock()
            due = max(self._due, now)
            self._due = due + self._interval
        pause = due - self._head_start - now
        if pause > 0:
            self._sleep(pause)


class RateGovernor:
    """Holds back the requests that AWS refuses for their rate, and sends them again. Thread-safe.

    AWS refuses a request without carrying it out, so that any may be repeated. Its limits are those of an account in a region,
    so a refusal holds back the requests of all threads and sessions there for the same action, and no others.

    Attributes:
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, clock: Clock = time.monotonic, sleep: Sleep = stoppable_sleep) -> None:
        self.clock = clock
        self.sleep = sleep
        self._lock = threading.Lock()
        self._governors: dict[tuple[str, ...], Governor] = {}
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def send(
        self,
        account: str,
        region: str,
        action: str,
        request: t.Callable[[], _Result],
        until: float,
        before: t.Callable[[], None] = lambda: None,
    ) -> _Result:
        """Send a request until it is not refused for its rate, and return what it returns.

        Args:
            account: Whose limit it is.
            region: Where.
            action: The action, as IAM policies name it: `ec2:CreateRoute`.
            request: Sends it once.
            until: When it is sent for the last time, on the clock.
            before: Called each time right before it is sent. What it raises ends all, a refusal of its own requests too.

        Raises:
            RateLimitError: If it is refused then, too; the message says how often and how long.
            Exception: What `before` raised, or the request raised else.
        """
        governor, bucket = self._governor(account, region, action), self._bucket(account, action)
        refusals, since = 0, 0.0
        while True:
            if bucket is not None:
                bucket.wait()
            with governor.slot():
                before()
                try:
                    return request()
                except RateLimitError as error:
                    now = self.clock()
                    refusals, since = refusals + 1, since or now
                    if now >= until:
                        raise _exhausted(error, action, refusals, now - since) from error.__cause__
                    pause = min(backoff(refusals - 1, LONGEST_PAUSE), until - now)
                    governor.pause(pause)
                    announce("AWS", error, pause)

    def _governor(self, account: str, region: str, action: str) -> Governor:
        service = action.partition(":")[0]
        key = (account, service) if service in _OF_AN_ACCOUNT else (account, region, action)
        with self._lock:
            if key not in self._governors:
                self._governors[key] = Governor(READERS, math.inf, self.clock, self.sleep)
            return self._governors[key]

    def _bucket(self, account: str, action: str) -> Bucket | None:
        """Return what spaces the requests of an account to a service with a known limit; None for other services."""
        service = action.partition(":")[0]
        if service not in _OF_AN_ACCOUNT:
            return None
        with self._lock:
            return self._buckets.setdefault((account, service), Bucket(_AT_ONCE, _A_SECOND, self.clock, self.sleep))


def _exhausted(error: RateLimitError, action: str, refusals: int, seconds: float) -> RateLimitError:
    times = "once" if refusals == 1 else f"{refusals} times in {seconds:.0f} seconds"
    return error.with_message(f"{error.message} AWS has refused {action} {times}.")
