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

_Result = t.TypeVar("_Result")


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
        governor = self._governor(account, region, action)
        refusals, since = 0, 0.0
        while True:
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


def _exhausted(error: RateLimitError, action: str, refusals: int, seconds: float) -> RateLimitError:
    times = "once" if refusals == 1 else f"{refusals} times in {seconds:.0f} seconds"
    return error.with_message(f"{error.message} AWS has refused {action} {times}.")
