"""A thread that is to stop sends nothing more, and does not pause any longer; others go on."""

from __future__ import annotations

import contextvars
import threading
import time

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.pauses import (
    STOP,
    StoppedError,
    check_stopped,
    stoppable_sleep,
)


def test_threads_that_nobody_stops_go_on() -> None:
    started = time.monotonic()
    check_stopped()
    stoppable_sleep(0.02)
    assert time.monotonic() - started >= 0.02


def test_a_thread_that_may_be_stopped_goes_on_until_it_is() -> None:
    def run(stop: threading.Event) -> None:
        STOP.set(stop)
        check_stopped()
        stoppable_sleep(0)
        stop.set()
        with pytest.raises(StoppedError, match="before the request was sent"):
            check_stopped()
        with pytest.raises(StoppedError):
            stoppable_sleep(3600)

    contextvars.copy_context().run(run, threading.Event())
    check_stopped()


def test_a_pause_ends_as_soon_as_its_thread_is_to_stop() -> None:
    def run(stop: threading.Event) -> None:
        STOP.set(stop)
        threading.Timer(0.02, stop.set).start()
        with pytest.raises(StoppedError):
            stoppable_sleep(3600)

    contextvars.copy_context().run(run, threading.Event())
