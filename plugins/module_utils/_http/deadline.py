# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends a request when its time is up. All use of urllib3's private parts is in this file."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import typing as t

from .tls import trusting, trusting_anybody

try:
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import HTTPError, NewConnectionError
except ImportError:
    # The transport says so to the user before anything here is used.
    HTTPAdapter = object  # type: ignore[assignment,misc]


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


class GuardedAdapter(HTTPAdapter):
    """An adapter for a session of requests. A deadline guards its connections while they are in use.

    Args:
        deadline: The deadline of the session's requests.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Make the manager of connections without a proxy."""
        super().init_poolmanager(*args, **kwargs)
        self._guard_all(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:
        """Return the manager of connections through a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._guard_all(manager)
        return manager

    def cert_verify(self, conn: t.Any, url: str, verify: t.Any, cert: t.Any) -> None:
        """Set how the connections of the pool `conn` verify the server: as in requests, but with the shared TLS contexts.

        Connections through a proxy read the certificates each time, as in requests.
        """
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if url.lower().startswith("https:") and conn.proxy is None and "_socks_options" not in conn.conn_kw:
            conn.conn_kw["ssl_context"] = trusting(conn.ca_certs or conn.ca_cert_dir) if verify else trusting_anybody()
            conn.ca_certs = conn.ca_cert_dir = None

    def _guard_all(self, manager: t.Any) -> None:
        """Subclass whatever classes of connections a manager has; SOCKS brings its own."""
        manager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": _guarded(pool.ConnectionCls, self._deadline)})
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


# urllib3 reads `is_verified` only to warn of unverified connections. The user has asked for these, and the task warns once.
_VERIFIED = property(lambda self: True, lambda self, value: None)


def _guarded(base: t.Any, deadline: Deadline) -> type:
    """Return a subclass of `base`, a class of urllib3's connections, that the deadline guards."""

    def new_connection(self: t.Any) -> t.Any:
        # A SOCKS connection does its own lookup.
        used = base._new_conn(self) if hasattr(self, "_socks_options") else _connect(self, base._new_conn, deadline)
        try:
            deadline.guard(used)
        except OSError:
            used.close()
            raise
        return used

    def putrequest(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.sock is not None:
            deadline.guard(self.sock)
        base.putrequest(self, *args, **kwargs)

    def endheaders(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.sock is None:
            self.connect()
        # Not earlier: whatever fails before this has sent nothing.
        deadline.was_sent = True
        base.endheaders(self, *args, **kwargs)

    changes = {"_new_conn": new_connection, "putrequest": putrequest, "endheaders": endheaders, "is_verified": _VERIFIED}
    return type(base.__name__, (base,), changes)


def _connect(connection: t.Any, new_socket: t.Callable[[t.Any], t.Any], deadline: Deadline) -> t.Any:
    """Connect to the first address of a host that answers.

    Each address gets its share of the time that is left, so that a silent one leaves some to the next. The libraries would give
    each of them all the time.
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
            connection._dns_host, connection.timeout = address, deadline.remaining() / (len(addresses) - number)
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
