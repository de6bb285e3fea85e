# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls in parallel: a governor that keeps their requests below the service's rate limit, and the threads that run them."""

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

from .errors import TaskError
from .pauses import ANNOUNCE, LONGEST_PAUSE, STOP, Clock, CompletedCall, Sleep, announce, check_stopped

# How many requests to Atlas that only read run in parallel.
READERS = 8
# In seconds.
LONGEST_DOUBLED_PAUSE = 30.0
SUCCESSES_FOR_ONE_MORE = 10

_Key = t.TypeVar("_Key")
_Result = t.TypeVar("_Result")
_Pause = tuple[str, TaskError, float]
_Job = tuple[_Key, t.Callable[[], _Result], contextvars.Context, bool]


def doubled(before: int) -> float:
    """Return the seconds of a pause after so many others: they double from 1 to 30."""
    return min(2.0**before, LONGEST_DOUBLED_PAUSE)


class Governor:
    """Slows down all requests of a client after a rate limit error (429), and speeds up again after successes.

    Thread-safe.

    Args:
        parallel: The most requests that may run at once.
        longest_pause: The most seconds that all pauses together may last.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
        longer: Returns the seconds of a pause for which the service asks no time, given how many came right before it.
    """

    def __init__(
        self, parallel: int, longest_pause: float, clock: Clock, sleep: Sleep, longer: t.Callable[[int], float] = doubled
    ) -> None:
        self._longer = longer
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
        """Wait until a request may be sent, and hold its slot inside the block. Yields the seconds waited.

        Raises:
            StoppedError: If this thread must stop.
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
                # The request was sent before the pause: its success does not show that the rate is fine now.
                return
            self._in_a_row = 0
            self._successes += 1
            if self._successes % SUCCESSES_FOR_ONE_MORE == 0:
                self._allowed = min(self._allowed + 1, self._parallel)

    def pause(self, seconds: float | None, *, was_served: bool = False, most: float = LONGEST_PAUSE) -> float:
        """Hold all requests for a while, and return the end of the pause, on the clock; infinity if pauses would last too long.

        Args:
            seconds: What the service asks for; None or 0 for a pause that gets longer each time.
            was_served: Whether this request was served, and the next one would be refused.
            most: The most seconds that count of it.
        """
        with self._changed:
            now = self._clock()
            is_new = now >= self._end
            if is_new and was_served:
                self._in_a_row = 0
            # Without a pause, the service could refuse the request for ever.
            if not seconds:
                seconds = self._longer(self._in_a_row) if is_new else 0.0
            longer = max(0.0, now + min(seconds, most) - max(now, self._end))
            if longer > self._left:
                return math.inf
            self._left -= longer
            self._end = max(now, self._end) + longer
            if is_new:
                self._allowed = max(1, self._allowed // 2)
                self._successes = 0
                self._in_a_row = min(self._in_a_row + 1, 10)
            return self._end


class Workers(t.Generic[_Key, _Result]):
    """Runs calls in parallel, and hands their results to the main thread.

    A context manager. On exit, also by an exception, it starts no more calls, ends the pauses of the client, and waits for the
    running calls, which end within the time of one request. Calls see the context variables of the thread that submits
    them. Only the main thread may use the methods.

    Args:
        limit: The most calls that run at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._waiting: deque[_Job[_Key, _Result]] = deque()
        # How calls have ended, and the pauses that the main thread announces: only it may call Ansible.
        self._ended: queue.SimpleQueue[CompletedCall[_Key, _Result] | _Pause] = queue.SimpleQueue()
        # Threads that are running, and look for another call.
        self._alive = 0
        # Calls that run in threads.
        self._running = 0
        # Calls that were submitted, and that `next` has not returned yet.
        self._open = 0

    def __enter__(self) -> Workers[_Key, _Result]:
        """Return self."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Stop, and wait for the running calls."""
        self.stop()
        self._wait()

    def submit(self, key: _Key, call: t.Callable[[], _Result], *, is_long: bool = False) -> None:
        """Queue a call. It starts when a thread is free and the main thread calls `next`. A long call never runs in that one."""
        self._waiting.append((key, call, contextvars.copy_context(), is_long))
        self._open += 1

    def next(self, seconds: float | None = None) -> CompletedCall[_Key, _Result] | None:
        """Wait until a call ends, and return how; None if none is left, none ended in time, or after `stop`.

        A single call runs in this thread, unless it is long. Pauses of other threads are announced in this one.

        Args:
            seconds: How long to wait; None for no limit.
        """
        if not self._open or self._stop.is_set():
            return None
        job = self._start(may_run_here=self._ended.empty())
        if job is not None:
            self._open -= 1
            return CompletedCall(job[0], job[1])
        try:
            while not isinstance(found := self._ended.get(timeout=seconds), CompletedCall):
                announce(*found)
        except queue.Empty:
            return None
        self._open -= 1
        return found

    def results(self) -> t.Iterator[CompletedCall[_Key, _Result]]:
        """Yield how each call ended, until none is left. More may be submitted meanwhile."""
        while (ended := self.next()) is not None:
            yield ended

    def stop(self) -> None:
        """Start no more calls, and stop the running ones before their next request."""
        self._stop.set()

    def drain(self) -> list[CompletedCall[_Key, _Result]]:
        """Stop, wait for the running calls, and return those that `next` has not. All others never started."""
        self.stop()
        self._wait()
        self._open = 0
        left = [self._ended.get() for unused in range(self._ended.qsize())]
        return [one for one in left if isinstance(one, CompletedCall)]

    def _start(self, *, may_run_here: bool) -> _Job[_Key, _Result] | None:
        """Start missing threads. Return a call to run in this thread if it is the only one, or if no thread can start."""
        with self._changed:
            wanted = min(self._limit - self._alive, len(self._waiting))
            if self._alive or wanted > 1 or not may_run_here or (self._waiting and self._waiting[0][3]):
                for unused in range(wanted):
                    self._alive += 1
                    try:
                        threading.Thread(target=self._work, daemon=True).start()
                    except RuntimeError:
                        # The system has no more threads.
                        self._alive -= 1
                        break
            return self._waiting.popleft() if self._waiting and not self._alive else None

    def _work(self) -> None:
        # Only the main thread handles signals, and one that arrives here would not wake it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            with self._changed:
                if self._stop.is_set() or not self._waiting:
                    self._alive -= 1
                    return
                key, call, context, unused = self._waiting.popleft()
                self._running += 1
            context.run(STOP.set, self._stop)
            context.run(ANNOUNCE.set, lambda *pause: self._ended.put(pause))
            try:
                self._ended.put(CompletedCall(key, functools.partial(context.run, call)))
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()

    def _wait(self) -> None:
        """Wait for the running calls."""
        with self._changed:
            while self._running:
                self._changed.wait()


def call_all(calls: t.Mapping[_Key, t.Callable[[], _Result]], limit: int) -> dict[_Key, _Result]:
    """Make calls in parallel, at most `limit` at once, and return what each returns, by the same keys in the same order.

    Raises:
        Exception: What a call raises; `value_or_error` keeps TaskErrors as values.
    """
    with Workers[_Key, _Result](limit) as workers:
        for key, call in calls.items():
            workers.submit(key, call)
        found = {ended.key: ended.result() for ended in workers.results()}
    return {key: found[key] for key in calls}
