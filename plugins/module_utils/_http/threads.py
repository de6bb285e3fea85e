# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls side by side: the governor, which keeps their requests below the rate of the service, and the threads that run them."""

from __future__ import annotations

import contextvars
import functools
import math
import queue
import signal
import threading
import typing as t
from collections import deque
from contextlib import contextmanager

from .pauses import STOP, Clock, Sleep, check_stopped

# Seconds.
LONGEST_DOUBLED_PAUSE = 30.0
SUCCESSES_FOR_ONE_MORE = 10

_Key = t.TypeVar("_Key")
_Result = t.TypeVar("_Result")
_Job = tuple[_Key, t.Callable[[], _Result], contextvars.Context]


class Governor:
    """Slows down all requests of a client when one is refused for its rate, and lets them be faster again later.

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
            StoppedError: If this thread has to stop.
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
        """Hold all requests for a while, and return when that ends, on the clock; infinity if the pauses would last too long.

        Args:
            seconds: What the service asks for; None or 0 for 1, 2, 4 and up to 30 seconds, one after the other.
            was_served: Whether the reply that asks for it was no refusal; the next one would be.
        """
        with self._changed:
            now = self._clock()
            is_new = now >= self._end
            if is_new and was_served:
                self._in_a_row = 0
            # With a pause of zero it could be refused without an end.
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


class Ended(t.Generic[_Key, _Result]):
    """How a call ended: the `key` that it was submitted under, and the `error` that it raised; None if it returned."""

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


class Workers(t.Generic[_Key, _Result]):
    """Runs calls side by side, and hands over how each ended to the main thread.

    A context manager. At its end, also by an exception, no call is begun any more, pauses of the client end at once, and what is
    running is waited for: it ends within the time of one request. Calls see the context variables of the thread that submits
    them. Only one thread, the main thread, may use the methods.

    Args:
        limit: How many calls run at the same time at the most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._waiting: deque[_Job[_Key, _Result]] = deque()
        self._ended: queue.SimpleQueue[Ended[_Key, _Result]] = queue.SimpleQueue()
        # Threads that will look for another call.
        self._alive = 0
        # Calls that run in threads.
        self._running = 0
        # Calls that were submitted, and whose end was not handed over.
        self._open = 0

    def __enter__(self) -> Workers[_Key, _Result]:
        """Begin."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Stop, and wait for what is running."""
        self.stop()
        self._wait()

    def submit(self, key: _Key, call: t.Callable[[], _Result]) -> None:
        """Take a call, which begins as soon as a thread is free while the main thread waits in `next`."""
        self._waiting.append((key, call, contextvars.copy_context()))
        self._open += 1

    def next(self, seconds: float | None = None) -> Ended[_Key, _Result] | None:
        """Wait until a call ends, and return how; None if none is left, or none ended in time.

        A call with nothing beside it runs in this thread.

        Args:
            seconds: How long to wait; None for as long as it takes.
        """
        if not self._open or self._stop.is_set():
            return None
        job = self._start(may_run_here=self._ended.empty())
        if job is not None:
            self._open -= 1
            return Ended(job[0], job[1])
        try:
            ended = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        self._open -= 1
        return ended

    def results(self) -> t.Iterator[Ended[_Key, _Result]]:
        """Yield how each call ended, until none is left; more may be submitted meanwhile."""
        while (ended := self.next()) is not None:
            yield ended

    def stop(self) -> None:
        """Begin no call any more, and let the running ones send no further request."""
        self._stop.set()

    def drain(self) -> list[Ended[_Key, _Result]]:
        """Stop, wait for the running calls, and return how those ended that were not handed over. The others were not begun."""
        self.stop()
        self._wait()
        self._open = 0
        return [self._ended.get() for unused in range(self._ended.qsize())]

    def _start(self, *, may_run_here: bool) -> _Job[_Key, _Result] | None:
        """Start the threads that are missing; return a call to run in this thread instead, if no thread should or can run it."""
        with self._changed:
            wanted = min(self._limit - self._alive, len(self._waiting))
            if self._alive or wanted > 1 or not may_run_here:
                for unused in range(wanted):
                    self._alive += 1
                    try:
                        threading.Thread(target=self._work, daemon=True).start()
                    except RuntimeError:
                        # The system gives no more threads.
                        self._alive -= 1
                        break
            return self._waiting.popleft() if self._waiting and not self._alive else None

    def _work(self) -> None:
        # A signal that comes here would not wake the main thread, which alone answers it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            with self._changed:
                if self._stop.is_set() or not self._waiting:
                    self._alive -= 1
                    return
                key, call, context = self._waiting.popleft()
                self._running += 1
            context.run(STOP.set, self._stop)
            try:
                self._ended.put(Ended(key, functools.partial(context.run, call)))
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _wait(self) -> None:
        """Wait for the calls that run."""
        with self._changed:
            while self._running:
                self._changed.wait()
