# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Waiting: ask again and again, at growing intervals, until the answer will do. Pure: clock and sleep are handed in."""

from __future__ import annotations

import time
import typing as t

State = t.TypeVar("State")

SHORTEST_INTERVAL = 0.5
# An interval is this share of the time waited so far: after ten seconds 1.5 s, after a minute 9 s.
INTERVAL_SHARE = 0.15
REPORT_INTERVAL = 60.0
# What something is that is no longer there, in the history of its states.
GONE = "gone"


class WaitTimeoutError(Exception):
    """The time is up.

    Attributes:
        last: The last answer.
        waited: The seconds that passed.
        unanswered: Why the last question got no answer, if it got none.
    """

    def __init__(self, last: t.Any, waited: float, unanswered: Exception | None = None) -> None:
        super().__init__(f"not there after {waited:.0f} seconds")
        self.last = last
        self.waited = waited
        self.unanswered = unanswered


def wait_until(
    poll: t.Callable[[], State],
    is_done: t.Callable[[State], bool],
    *,
    timeout: float,
    longest_interval: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> State:
    """Ask I(poll) until I(is_done) holds for its answer, and return that answer.

    The first question is asked after the first interval: the caller has just looked. The last one is asked when the
    time is up, so that a change in the last interval still counts.

    Args:
        poll: Returns the present state.
        is_done: Whether that state will do; it raises what ends the waiting early.
        timeout: Seconds to wait at the most.
        longest_interval: Seconds between two questions at the most.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.

    Raises:
        WaitTimeoutError: When the time is up.
    """
    started = clock()
    while True:
        waited = clock() - started
        interval = min(max(SHORTEST_INTERVAL, waited * INTERVAL_SHARE), longest_interval, max(0.0, timeout - waited))
        sleep(interval)
        state = poll()
        if is_done(state):
            return state
        waited = clock() - started
        if waited >= timeout:
            raise WaitTimeoutError(state, waited)


class StatusHistory:
    """Which states were seen, and when; tells the user about each change, and that it still waits once a minute.

    Args:
        name: What is waited for, for the lines.
        report: Takes a line.
        clock: A monotonic clock, in seconds.

    Attributes:
        entries: The states, each with the seconds since the task began.
    """

    def __init__(self, name: str, report: t.Callable[[str], None], clock: t.Callable[[], float] = time.monotonic) -> None:
        self.entries: list[dict[str, t.Any]] = []
        self._name = name
        self._report = report
        self._clock = clock
        self._started = self._reported = clock()
        self._to_do = ""

    def record(self, status: str, to_do: str = "", goal: str = "") -> None:
        """Take down the present state.

        Args:
            status: The state. That something is gone is news only of what was there.
            to_do: What somebody has to do before it goes on; the user is told at once.
            goal: What is being waited for; empty for nothing.
        """
        if status == GONE and not self.entries:
            return
        now = self._clock()
        seconds = now - self._started
        last = self.entries[-1]["status"] if self.entries else None
        is_news = to_do not in ("", self._to_do)
        self._to_do = to_do
        if status != last:
            self.entries.append({"status": status, "seconds": round(seconds, 1)})
        if last not in (None, status):
            self._tell(f"{last} → {status} after {seconds:.0f} s", now)
        elif is_news:
            self._tell(status, now)
        elif last is not None and now - self._reported >= REPORT_INTERVAL:
            self._tell(f"still {status} after {seconds:.0f} s", now, f"waiting for {goal}")

    def _tell(self, text: str, now: float, awaited: str = "") -> None:
        self._reported = now
        self._report(": ".join((self._name, "; ".join(filter(None, (text, self._to_do or awaited))))))
