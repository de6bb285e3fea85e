# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast several threads may send: one governor for all of them."""

from __future__ import annotations

import math
import threading
import typing as t
from contextlib import contextmanager

from .stopping import Clock, Sleep, check_stopped

LONGEST_DOUBLED_PAUSE = 30.0
SUCCESSES_FOR_ONE_MORE = 10


class Governor:
    """Slows all requests of a client down as soon as Atlas refuses one for its rate, and lets them be faster again later.

    Safe for threads.

    Args:
        parallel: How many requests may run at the same time at the most.
        longest_pause: The seconds that all pauses together may last.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, parallel: int, longest_pause: float, clock: Clock, sleep: Sleep) -> None:
        self._parallel = self._allowed = parallel
        self._left = longest_pause
        self._clock = clock
        self._sleep = sleep
        self._changed = threading.Condition()
        self._running = 0
        # Since the last pause.
        self._successes = 0
        # Pauses since the last success.
        self._in_a_row = 0
        # When the last pause ends, on the clock.
        self._end = -math.inf

    @contextmanager
    def slot(self) -> t.Iterator[float]:
        """Wait until a request may be sent, and keep its place inside the block. Yields the seconds that it has waited.

        Raises:
            StoppedError: If this thread is to stop.
        """
        started = self._clock()
        self._enter()
        try:
            yield self._clock() - started
            self._succeed()
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _enter(self) -> None:
        while True:
            check_stopped()
            with self._changed:
                pause = self._end - self._clock()
                if pause <= 0 and self._running < self._allowed:
                    self._running += 1
                    return
                if pause <= 0:
                    self._changed.wait()
            if pause > 0:
                self._sleep(pause)

    def _succeed(self) -> None:
        with self._changed:
            if self._clock() < self._end:
                # It was sent before the pause, and says nothing of what comes after it.
                return
            self._in_a_row = 0
            self._successes += 1
            if self._successes % SUCCESSES_FOR_ONE_MORE == 0:
                self._allowed = min(self._allowed + 1, self._parallel)

    def pause(self, seconds: float | None, *, was_served: bool = False) -> float:
        """Let nobody send for a while, and return when that ends, on the clock; infinity if the pauses would last too long.

        Args:
            seconds: What Atlas asks for; None or 0 for 1, 2, 4 and up to 30 seconds, one after the other.
            was_served: Whether the request that says so was carried out: the next one would not be.
        """
        with self._changed:
            now = self._clock()
            is_new = now >= self._end
            if is_new and was_served:
                self._in_a_row = 0
            # Zero would let it be refused again and again without an end.
            if not seconds:
                seconds = min(2.0**self._in_a_row, LONGEST_DOUBLED_PAUSE) if is_new else 0.0
            longer = max(0.0, now + seconds - max(now, self._end))
            if longer > self._left:
                return math.inf
            self._left -= longer
            self._end = max(now, self._end) + longer
            if is_new:
                self._allowed = max(1, self._allowed // 2)
                self._successes = 0
                self._in_a_row = min(self._in_a_row + 1, 10)
            return self._end
