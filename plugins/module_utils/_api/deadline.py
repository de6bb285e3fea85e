# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""A watch that ends a request when its time is up, in the middle of whatever it does."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import typing as t


class Watch:
    """Ends a request that takes too long. The libraries' own time-outs start anew with every byte.

    Attributes:
        has_expired: Whether the time was up before the request ended.
        was_sent: Whether the request has begun to go out; its connection says so.
    """

    def __init__(self) -> None:
        self._held: socket.socket | None = None
        self._lock = threading.Lock()
        self._deadline = 0.0
        self.has_expired = self.was_sent = False

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: When the time is up already, which looking up a name can take.
        """
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            self.has_expired = True
            raise TimeoutError("timed out")
        return seconds

    def hold(self, used: t.Any) -> None:
        """Take the socket that the request now uses.

        Its descriptor is duplicated: the libraries drop theirs before the body is read when the connection is to end with it,
        and during TLS set-up.

        Raises:
            TimeoutError: When the time is up already.
        """
        with self._lock:
            self._release()
            self._held = socket.socket(fileno=os.dup(used.fileno()))
            if self.has_expired:
                raise TimeoutError("timed out")

    def _release(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    @contextlib.contextmanager
    def over(self, seconds: float) -> t.Iterator[None]:
        """Watch for the length of a with statement."""
        self.has_expired = self.was_sent = False
        self._deadline = time.monotonic() + seconds
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._release()

    def _expire(self) -> None:
        with self._lock:
            self.has_expired = True
            if self._held is not None:
                with contextlib.suppress(OSError):
                    self._held.shutdown(socket.SHUT_RDWR)
