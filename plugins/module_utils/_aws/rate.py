# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS's rate limits: a request that is refused because there are too many is sent again, after a pause."""

from __future__ import annotations

import math
import threading
import time
import typing as t
from contextlib import AbstractContextManager

from .._http.errors import TaskError, as_count
from .._http.pauses import Clock, Limits, Policy, Retry, Sleep, backoff, stoppable_sleep
from .._http.threads import Governor

# In seconds.
LONGEST_PAUSE = 20.0
SHORTEST_PAUSE = 0.001
# How many requests that read are sent at the same time.
READERS = 8
# The service that counts all requests of an account together. EC2 counts them by region and action.
_OF_AN_ACCOUNT = "route53"
_Result = t.TypeVar("_Result")


class Limit(t.NamedTuple):
    """How many requests a bucket lets through at once, and how many in a second after these."""

    at_once: int
    a_second: float


# What AWS takes, of all programs of an account: 50 and 10 of Route 53; of EC2, for each action in a region, 100 and 20 that
# read, 100 and 10 for CreateTags, and 50 and 5 of others that write. A part of what it takes at once is left to the others.
# Sources: "Throttling for Amazon Route 53 API requests" and "Request throttling for the Amazon EC2 API" in AWS's manuals.
_ROUTE_53, _READING, _TAGGING, _WRITING = Limit(40, 8), Limit(90, 20), Limit(90, 10), Limit(45, 5)


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
        # Less is a rounding error.
        if pause > SHORTEST_PAUSE:
            self._sleep(pause)


class RateGovernor:
    """Keeps the requests to AWS below its limits, and sends those again that it refuses for their rate. Thread-safe.

    AWS refuses a request without carrying it out, so that any may be repeated. Its limits are those of an account in a region.
    A refusal of a request that reads holds back those of all threads and sessions there for the same action. A refusal of one
    that writes holds back all that write there: half as many are sent at a time afterwards, and one more after every ten.

    Args:
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
        parallel: How many requests that write are sent at the same time in each account and region.

    Attributes:
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, clock: Clock = time.monotonic, sleep: Sleep = stoppable_sleep, parallel: int = READERS) -> None:
        self.clock = clock
        self.sleep = sleep
        self._parallel = parallel
        # A refusal for the rate uses up no retry, and after anything else, the session decides.
        self._retry = Retry("AWS", Limits(retries=0), clock, sleep)
        self._lock = threading.Lock()
        self._governors: dict[tuple[str, ...], Governor] = {}
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        # When AWS took the last request that writes, by account and region.
        self._taken: dict[tuple[str, str], float] = {}

    def send(self, account: str, region: str, action: str, request: t.Callable[[], _Result], patience: float) -> _Result:
        """Send a request until it is not refused for its rate, and return what it returns.

        Args:
            account: Whose limit it is.
            region: Where.
            action: The action, as IAM policies name it: `ec2:CreateRoute`.
            request: Sends it once.
            patience: After how many seconds it is sent for the last time; for one that writes, seconds in which AWS has taken
                no other one there.

        Raises:
            RateLimitError: If it is refused then, too; the message says how often and how long.
            Exception: What the request raised else.
        """
        governor, bucket = self._governor(account, region, action), self._bucket(account, region, action)
        is_write, place, started = _is_write(action), (account, region), self.clock()
        refused: list[float] = []

        def turn() -> AbstractContextManager[float]:
            if bucket is not None:
                bucket.wait()
            return governor.slot()

        def hold(error: TaskError) -> float:
            refused.append(self.clock())
            taken = self._taken.get(place, started) if is_write else started
            left = max(started, taken) + patience - refused[-1]
            if left <= 0:
                raise _exhausted(error, action, refused) from error.__cause__
            return governor.pause(None, most=left)

        result = self._retry.send(request, Policy(math.inf, turn=turn, hold=hold))
        if is_write:
            self._taken[place] = self.clock()
        return result

    def _governor(self, account: str, region: str, action: str) -> Governor:
        service, is_write = action.partition(":")[0], _is_write(action)
        key = (account, service) if service == _OF_AN_ACCOUNT else (account, region, "" if is_write else action)
        with self._lock:
            if key not in self._governors:
                parallel = self._parallel if is_write else READERS
                self._governors[key] = Governor(parallel, math.inf, self.clock, self.sleep, _longer)
            return self._governors[key]

    def _bucket(self, account: str, region: str, action: str) -> Bucket | None:
        """Return what spaces the requests for an action; None where the limit is not known."""
        service = action.partition(":")[0]
        key = (account, service) if service == _OF_AN_ACCOUNT else (account, region, action)
        limit = _limit_of(action)
        if limit is None:
            return None
        with self._lock:
            return self._buckets.setdefault(key, Bucket(*limit, self.clock, self.sleep))


def _is_write(action: str) -> bool:
    service, unused, name = action.partition(":")
    return service == "ec2" and not name.startswith(("Describe", "Get"))


def _limit_of(action: str) -> Limit | None:
    service = action.partition(":")[0]
    if service != "ec2":
        return _ROUTE_53 if service == _OF_AN_ACCOUNT else None
    if not _is_write(action):
        return _READING
    return _TAGGING if action == "ec2:CreateTags" else _WRITING


def _longer(before: int) -> float:
    """Return the seconds of a pause after so many others, with jitter."""
    return backoff(before, LONGEST_PAUSE)


def _exhausted(error: TaskError, action: str, refused: t.Sequence[float]) -> TaskError:
    times = "once" if len(refused) == 1 else f"{len(refused)} times in {refused[-1] - refused[0]:.0f} seconds"
    # A write that has read first is not refused by that.
    used_up = error.with_outcome(unknown=False, is_transient=error.is_transient)
    return used_up.with_sentence(f"AWS has refused {action} {as_count(times)}.")
