# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends a request when its time is up, whichever library sends it, and reads over interim replies.

All use of the private parts of urllib3 and http.client is in this file.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import typing as t
from http import HTTPStatus
from http.client import parse_headers

# requests and botocore bring urllib3. Without either of them, nothing here is used.
with contextlib.suppress(ImportError):
    from urllib3.exceptions import HTTPError, NewConnectionError


class Deadline:
    """Ends a request that takes too long: the time-outs of the libraries start again with every byte.

    Attributes:
        has_expired: Whether the time was up before the request ended.
        was_sent: Whether the request has begun to go out; set by its connection.
    """

    def __init__(self) -> None:
        self._guarded: socket.socket | None = None
        self._lock = threading.Lock()
        self._end = 0.0
        self.has_expired = self.was_sent = False

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: If the time is up already, after a slow DNS lookup, for example.
        """
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            self.has_expired = True
            raise TimeoutError("timed out")
        return seconds

    def guard(self, used: t.Any) -> None:
        """Shut down the socket `used`, which the request uses from now on, when the time is up.

        Its descriptor is duplicated: the libraries drop theirs during TLS set-up, and before they read a body that ends with
        the connection.

        Raises:
            TimeoutError: If the time is up already.
        """
        with self._lock:
            self._release()
            self._guarded = socket.socket(fileno=os.dup(used.fileno()))
            if self.has_expired:
                raise TimeoutError("timed out")

    def _release(self) -> None:
        if self._guarded is not None:
            self._guarded.close()
            self._guarded = None

    @contextlib.contextmanager
    def running(self, seconds: float) -> t.Iterator[None]:
        """Start the time: after so many seconds inside the block, the guarded socket is shut down."""
        self.has_expired = self.was_sent = False
        self._end = time.monotonic() + seconds
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
            if self._guarded is not None:
                with contextlib.suppress(OSError):
                    self._guarded.shutdown(socket.SHUT_RDWR)


def guarded(pools: t.Mapping[str, t.Any], deadline_of: t.Callable[[], Deadline]) -> dict[str, object]:
    """Return classes of urllib3's pools whose connections a deadline guards while they are in use.

    Args:
        pools: The classes of a manager, by scheme. They are subclassed, whatever they are: SOCKS and botocore bring their own.
        deadline_of: Returns the deadline of the request that the current thread sends.
    """
    return {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _guarded(pool.ConnectionCls, deadline_of)})
        for scheme, pool in pools.items()
    }


# urllib3 reads `is_verified` only to warn of unverified connections. The user has asked for these, and the task warns once.
_VERIFIED = property(lambda self: True, lambda self, value: None)


def _guarded(base: t.Any, deadline_of: t.Callable[[], Deadline]) -> type:
    """Return a subclass of `base`, a class of urllib3's connections, that the deadlines guard."""

    def new_connection(self: object) -> object:
        deadline = deadline_of()
        # A SOCKS connection does its own lookup.
        used = base._new_conn(self) if hasattr(self, "_socks_options") else _connect(self, base._new_conn, deadline)
        try:
            deadline.guard(used)
        except OSError:
            used.close()
            raise
        return used

    def putrequest(self: t.Any, *args: object, **kwargs: object) -> None:
        if self.sock is not None:
            deadline_of().guard(self.sock)
        base.putrequest(self, *args, **kwargs)

    def endheaders(self: t.Any, *args: object, **kwargs: object) -> None:
        if self.sock is None:
            self.connect()
        # Not earlier: whatever fails before this has sent nothing.
        deadline_of().was_sent = True
        base.endheaders(self, *args, **kwargs)

    changes = {
        "_new_conn": new_connection,
        "putrequest": putrequest,
        "endheaders": endheaders,
        "is_verified": _VERIFIED,
        "response_class": _final(base.response_class),
    }
    return type(base.__name__, (base,), changes)


def _final(base: t.Any) -> type:
    """Return a subclass of `base`, a class of http.client's replies, that reads over interim ones.

    Any number of them may come before the final one (RFC 9110, 15.2). http.client itself reads over 100 only. After 101, no HTTP
    follows.
    """

    def read_status(self: t.Any) -> object:
        found = base._read_status(self)
        while found[1] // 100 == 1 and found[1] != HTTPStatus.SWITCHING_PROTOCOLS:
            parse_headers(self.fp)
            found = base._read_status(self)
        return found

    return type(base.__name__, (base,), {"_read_status": read_status})


def _connect(connection: t.Any, new_socket: t.Callable[[object], t.Any], deadline: Deadline) -> t.Any:
    """Connect to the first address of a host that answers.

    Each address gets its share of the time that is left, so that a silent one leaves some to the next, and at most the time-out
    for connecting. The libraries would give each of them all of that.
    """
    host, timeout = connection._dns_host, connection.timeout
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    failure: Exception | None = None
    for number, address in enumerate(addresses):
        try:
            share = deadline.remaining() / (len(addresses) - number)
            connection._dns_host, connection.timeout = address, min(share, timeout or share)
            used = new_socket(connection)
        except HTTPError as error:
            failure = error
        else:
            # The share was for connecting only.
            used.settimeout(timeout)
            return used
        finally:
            connection._dns_host, connection.timeout = host, timeout
    raise failure or NewConnectionError(connection, "the host has no address")
