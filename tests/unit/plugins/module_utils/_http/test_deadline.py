"""A deadline shuts down what it guards, also what it is given too late."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.deadline import Deadline


def test_a_socket_that_is_silent_is_ended_in_time() -> None:
    deadline = Deadline()
    ours, theirs = socket.socketpair()
    with ours, theirs, deadline.running(0.05):
        deadline.guard(ours)
        assert ours.recv(1) == b""
    assert deadline.has_expired


def test_a_socket_that_comes_too_late_is_not_used() -> None:
    deadline = Deadline()
    ours, theirs = socket.socketpair()
    with ours, theirs, deadline.running(0.01):
        while not deadline.has_expired:
            time.sleep(0.005)
        with pytest.raises(TimeoutError):
            deadline.guard(ours)
        with pytest.raises(TimeoutError):
            deadline.remaining()


def test_what_ends_by_itself_is_left_alone() -> None:
    deadline = Deadline()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with deadline.running(300):
            deadline.guard(ours)
            assert 0 < deadline.remaining() <= 300
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
    assert not deadline.has_expired
