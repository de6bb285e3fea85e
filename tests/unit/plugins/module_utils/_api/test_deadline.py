# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch ends what it is shown, also when it is shown it too late."""

from __future__ import annotations

import socket
import time

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.deadline import Watch


def test_a_socket_that_is_silent_is_ended_in_time() -> None:
    watch = Watch()
    ours, theirs = socket.socketpair()
    with ours, theirs, watch.over(0.05):
        watch.hold(ours)
        assert ours.recv(1) == b""
    assert watch.has_expired


def test_a_socket_that_comes_too_late_is_not_used() -> None:
    watch = Watch()
    ours, theirs = socket.socketpair()
    with ours, theirs, watch.over(0.01):
        while not watch.has_expired:
            time.sleep(0.005)
        with pytest.raises(TimeoutError):
            watch.hold(ours)
        with pytest.raises(TimeoutError):
            watch.remaining()


def test_what_ends_by_itself_is_left_alone() -> None:
    watch = Watch()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with watch.over(300):
            watch.hold(ours)
            assert 0 < watch.remaining() <= 300
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
    assert not watch.has_expired
