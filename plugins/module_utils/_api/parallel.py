# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls side by side, in threads that stop when the main thread does."""

from __future__ import annotations

import contextvars
import functools
import queue
import signal
import threading
import typing as t
from collections import deque

from .stopping import STOP

Key = t.TypeVar("Key")
Result = t.TypeVar("Result")


class Ended(t.Generic[Key, Result]):
    """How a call ended: the `key` that it was submitted under, and the `error` that it raised; None if it returned."""

    def __init__(self, key: Key, call: t.Callable[[], Result]) -> None:
        self.key = key
        self.error: BaseException | None = None
        try:
            self._result = call()
        except Exception as error:
            self.error = error

    def result(self) -> Result:
        """Return what the call returned.

        Raises:
            Exception: What the call raised.
        """
        if self.error is not None:
            raise self.error
        return self._result


_Job = tuple[Key, t.Callable[[], Result], contextvars.Context]


class Workers(t.Generic[Key, Result]):
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
        self._waiting: deque[_Job[Key, Result]] = deque()
        self._ended: queue.SimpleQueue[Ended[Key, Result]] = queue.SimpleQueue()
        # Threads that will look for another call.
        self._alive = 0
        # Calls that run in threads.
        self._running = 0
        # Calls that were submitted, and whose end was not handed over.
        self._open = 0

    def __enter__(self) -> Workers[Key, Result]:
        """Begin."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Stop, and wait for what is running."""
        self.stop()
        self._wait()

    def submit(self, key: Key, call: t.Callable[[], Result]) -> None:
        """Take a call, which begins as soon as a thread is free while the main thread waits in `next`."""
        self._waiting.append((key, call, contextvars.copy_context()))
        self._open += 1

    def next(self, seconds: float | None = None) -> Ended[Key, Result] | None:
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

    def results(self) -> t.Iterator[Ended[Key, Result]]:
        """Yield how each call ended, until none is left; more may be submitted meanwhile."""
        while (ended := self.next()) is not None:
            yield ended

    def stop(self) -> None:
        """Begin no call any more, and let the running ones send no further request."""
        self._stop.set()

    def drain(self) -> list[Ended[Key, Result]]:
        """Stop, wait for the running calls, and return how those ended that were not handed over. The others were not begun."""
        self.stop()
        self._wait()
        self._open = 0
        return [self._ended.get() for unused in range(self._ended.qsize())]

    def _start(self, *, may_run_here: bool) -> _Job[Key, Result] | None:
        """Start the threads that are missing; return a call to run in this thread instead, if no thread is to run, or can."""
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
