"""Calls side by side: which thread runs them, how they end, and that they stop when the main thread does."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import StoppedError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import check_stopped, stoppable_sleep
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers


class TimeoutOfTheTask(BaseException):
    """As Ansible raises it from a signal."""


def outcomes(workers: Workers[Any, Any]) -> dict[Any, Any]:
    return {ended.key: ended.error or ended.result() for ended in workers.results()}


@pytest.mark.parametrize(("limit", "calls"), [(1, 3), (8, 1)])
def test_what_has_nothing_beside_it_runs_in_the_main_thread(limit: int, calls: int) -> None:
    with Workers[int, Any](limit) as workers:
        for number in range(calls):
            workers.submit(number, threading.current_thread)
        assert outcomes(workers) == dict.fromkeys(range(calls), threading.main_thread())


def test_each_call_is_handed_over_once_whatever_becomes_of_it() -> None:
    def call(number: int) -> int:
        if number % 3 == 0:
            raise ValueError(number)
        return number

    with Workers[int, int](4) as workers:
        for number in range(100):
            workers.submit(number, lambda number=number: call(number))  # type: ignore[misc]
        found = [(ended.key, ended) for ended in workers.results()]
    assert sorted(key for key, unused in found) == [*range(100)]
    for key, ended in found:
        if key % 3:
            assert ended.result() == key
        else:
            with pytest.raises(ValueError, match=str(key)):
                ended.result()


def test_no_more_run_at_the_same_time_than_is_allowed() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def call() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    with Workers[int, None](3) as workers:
        for number in range(30):
            workers.submit(number, call)
        assert len(outcomes(workers)) == 30
    assert most == 3


def test_more_can_be_submitted_while_others_run() -> None:
    gate = threading.Event()
    with Workers[str, str](4) as workers:
        workers.submit("first", lambda: str(gate.wait(10)))
        workers.submit("second", lambda: "2")
        ended = workers.next()
        assert ended is not None
        assert ended.key == "second"
        for name in ("third", "fourth"):
            workers.submit(name, gate.set)  # type: ignore[arg-type]
        assert outcomes(workers) == {"first": "True", "third": None, "fourth": None}
        workers.submit("last", lambda: "5")
        assert outcomes(workers) == {"last": "5"}
        assert workers.next() is None


def test_nothing_that_ends_in_time_is_none() -> None:
    gate = threading.Event()
    with Workers[int, bool](2) as workers:
        for number in range(2):
            workers.submit(number, lambda: gate.wait(10))
        assert workers.next(0.02) is None
        gate.set()
        assert outcomes(workers) == {0: True, 1: True}


@pytest.mark.parametrize("started", [0, 1])
def test_a_system_without_more_threads_is_slower_and_no_failure(monkeypatch: pytest.MonkeyPatch, started: int) -> None:
    start, threads = threading.Thread.start, []

    def start_few(self: threading.Thread) -> None:
        if len(threads) >= started:
            raise RuntimeError("can't start new thread")
        threads.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", start_few)
    with Workers[int, int](8) as workers:
        for number in range(20):
            workers.submit(number, lambda number=number: number)  # type: ignore[misc]
        assert outcomes(workers) == {number: number for number in range(20)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM])
def test_a_signal_in_the_main_thread_ends_all(number: signal.Signals) -> None:
    """Ctrl-C, and the time-out of the task: pauses end, what runs is waited for, and what did not begin never does."""
    began: list[int] = []
    released = threading.Event()

    def pause(key: int) -> None:
        began.append(key)
        if len(began) == 4:
            # Python answers a signal that comes just before the main thread begins to wait when that ends: let it wait.
            time.sleep(0.1)
            os.kill(os.getpid(), number)
        if key == 0:
            # A request: it takes its time.
            released.wait(10)
            return
        stoppable_sleep(3600)

    def end(*unused: Any) -> None:
        # Long enough for the busiest machine to stop the workers first.
        threading.Timer(0.5, released.set).start()
        raise TimeoutOfTheTask

    before = signal.signal(number, end)
    try:
        workers = Workers[int, None](4)
        for key in range(50):
            workers.submit(key, lambda key=key: pause(key))  # type: ignore[misc]
        with pytest.raises(TimeoutOfTheTask), workers:
            outcomes(workers)
        found = {ended.key: ended.error for ended in workers.drain()}
    finally:
        signal.signal(number, before)
    assert sorted(began) == sorted(found) == [0, 1, 2, 3]
    assert found.pop(0) is None
    assert {type(error) for error in found.values()} == {StoppedError}


def test_an_exception_of_the_main_thread_waits_for_what_runs() -> None:
    ended: list[threading.Thread] = []

    def call() -> None:
        time.sleep(0.05)
        ended.append(threading.current_thread())

    workers = Workers[int, None](2)
    for number in range(10):
        workers.submit(number, call)
    with pytest.raises(KeyError), workers:
        raise KeyError(workers.next())
    count = len(ended)
    assert 1 <= count <= 4
    for thread in ended:
        thread.join(10)
    time.sleep(0.1)
    assert (len(ended), [thread for thread in ended if thread.is_alive()]) == (count, [])


def test_a_thread_that_is_stopped_may_not_go_on() -> None:
    begun = threading.Barrier(3)
    stopped = threading.Event()

    def call() -> None:
        begun.wait(10)
        stopped.wait(10)
        check_stopped()

    with Workers[int, None](2) as workers:
        for number in range(2):
            workers.submit(number, call)
        assert workers.next(0.01) is None
        begun.wait(10)
        workers.stop()
        assert workers.next() is None
        stopped.set()
        assert [type(ended.error) for ended in workers.drain()] == [StoppedError] * 2
        assert workers.drain() == []
