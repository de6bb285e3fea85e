"""Token buckets, as the service has limited requests since 2026; no HTTP in here."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

#: What replies say of a bucket.
HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "Retry-After")
_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})(?:/([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True)
class Rate:
    """How many requests there may be.

    The three figures are those that the service names in its refusals and under /rateLimits.
    """

    capacity: int
    #: How many tokens are added at the end of each period.
    refill: int
    period_seconds: int = 1


@dataclass(frozen=True)
class Allowance:
    """What a bucket says to one request."""

    granted: bool
    #: Whole tokens that are left after it.
    remaining: int
    #: Whole seconds until there is a token again, at least 1; only for a refusal.
    retry_after: int = 0


def parse_rate(text: str) -> Rate:
    """Read a rate of the form capacity/refill or capacity/refill/seconds; a period has one second unless it says otherwise.

    Raises:
        ValueError: When it is none.
    """
    match = _FORM.fullmatch(text)
    figures = [int(figure) for figure in match.groups() if figure is not None] if match else [0]
    if not all(figures):
        raise ValueError("a rate has the form capacity/refill or capacity/refill/seconds, such as 10/5/60, all of them above 0")
    return Rate(*figures)


class TokenBucket:
    """One bucket, full at the start.

    Tokens come all at once at the end of each period and not one by one: the service's own example has a client wait 55 seconds
    for 5 tokens in 60 seconds.

    Args:
        clock: A monotonic clock in seconds.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        """Fill the bucket."""
        self.rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Fill it again; the first period begins now."""
        with self._lock:
            self._tokens = self.rate.capacity
            self._period_began = self._clock()

    def take(self) -> Allowance:
        """Take one token for a request, if there is one."""
        with self._lock:
            now, period = self._clock(), self.rate.period_seconds
            periods = int((now - self._period_began) // period)
            self._tokens = min(self.rate.capacity, self._tokens + periods * self.rate.refill)
            self._period_began += periods * period
            if self._tokens:
                self._tokens -= 1
                return Allowance(True, self._tokens)
            return Allowance(False, 0, max(1, math.ceil(self._period_began + period - now)))
