# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""One HTTP request after the other, over kept connections. The only file that knows requests, and urllib3 below it."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import traceback
import typing as t
import warnings
from dataclasses import dataclass

from ansible_collections.cloudpeer.atlas.plugins.module_utils._connection import Connection
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import ConnectionFailure, root_cause

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ConnectTimeout, ProxyError, RequestException, Timeout
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import HTTPError, InsecureRequestWarning, NewConnectionError
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
else:
    REQUESTS_IMPORT_ERROR = None

    class _Session(requests.Session):
        """A session that does not even look where a redirect leads, which fails for addresses that are none."""

        def get_redirect_target(self, resp: requests.Response) -> None:
            return None

    class _WatchedAdapter(HTTPAdapter):
        """An adapter whose connections are known to a watch while they are in use."""

        def __init__(self, watch: Watch) -> None:
            self._pools = {
                "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": _watched(HTTPConnection, watch)}),
                "https": type("Pool", (HTTPSConnectionPool,), {"ConnectionCls": _watched(HTTPSConnection, watch)}),
            }
            super().__init__()

        def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self.poolmanager.pool_classes_by_scheme = self._pools

        def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:
            manager = super().proxy_manager_for(proxy, **kwargs)
            manager.pool_classes_by_scheme = self._pools
            return manager


def _watched(base: t.Any, watch: Watch) -> type:
    """Return a class of connections like I(base) that a watch knows when they are used."""

    def new_connection(self: t.Any) -> t.Any:
        used = base._new_conn(self)
        watch.hold(used)
        return used

    def putrequest(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.sock is not None:
            watch.hold(self.sock)
        base.putrequest(self, *args, **kwargs)

    return type(base.__name__, (base,), {"_new_conn": new_connection, "putrequest": putrequest})


class TransportError(Exception):
    """There was no whole reply; the innermost cause is I(cause)."""

    def __init__(self, failure: ConnectionFailure, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.failure = failure
        self.cause = cause


@dataclass(frozen=True)
class Reply:
    """A reply as it came: status, headers (names in any case) and body."""

    status: int
    headers: t.Mapping[str, str]
    content: bytes


class Watch:
    """Ends a request that takes too long. The libraries' own time-outs start anew with every byte."""

    def __init__(self) -> None:
        self._held: socket.socket | None = None
        self._lock = threading.Lock()
        self.has_expired = False

    def hold(self, used: t.Any) -> None:
        """Take the socket that the request now uses.

        A descriptor of our own: the libraries let theirs go before the body is read when the connection is to end with it,
        and while TLS begins.

        Raises:
            TimeoutError: When the time is up already, which looking up a name can take.
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
        self.has_expired = False
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


class Transport:
    """Sends requests to one Atlas.

    Args:
        connection: How to reach it.
        headers: What every request carries.
    """

    def __init__(self, connection: Connection, headers: t.Mapping[str, str]) -> None:
        self._connection = connection
        self._watch = Watch()
        self._session = _Session()
        # Credentials come with each request; without this, requests would look for others in ~/.netrc.
        self._session.auth = lambda request: request
        self._session.headers.update(headers)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _WatchedAdapter(self._watch))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        data: bytes,
        headers: t.Mapping[str, str],
        authorize: t.Callable[[str], str | None],
    ) -> Reply:
        """Send one request and return the reply to it, whatever its status; redirects are not followed.

        Args:
            method: The HTTP method.
            url: The whole address.
            data: The body; empty for none.
            headers: More headers.
            authorize: Returns the C(Authorization) header for the request target, path and query, as it is sent.

        Raises:
            TransportError: When no whole reply came within the connection's C(timeout).
        """
        connection = self._connection
        try:
            prepared = self._session.prepare_request(requests.Request(method, url, data=data or None, headers=dict(headers)))
            authorization = authorize(prepared.path_url)
            if authorization:
                prepared.headers["Authorization"] = authorization
            verify = connection.validate_certs and (connection.ca_path or True)
            settings = self._session.merge_environment_settings(prepared.url, {}, False, verify, None)
            if url.startswith("http:"):
                # Plain http is for this host alone; a proxy would be another one.
                settings["proxies"] = {}
            with warnings.catch_warnings(), self._watch.over(connection.timeout):
                # The user has asked for it, and is warned once by the task.
                warnings.simplefilter("ignore", InsecureRequestWarning)
                reply = self._session.send(prepared, timeout=connection.timeout, **settings)
        except (RequestException, HTTPError, OSError, ValueError) as error:
            failure = "silent" if self._watch.has_expired else _failure_of(error)
            raise TransportError(failure, root_cause(error)) from error
        if self._watch.has_expired:
            raise TransportError("silent", TimeoutError("timed out"))
        return Reply(reply.status_code, reply.headers, reply.content)


def _failure_of(error: Exception) -> ConnectionFailure:
    """Tell the kinds of failure of the HTTP libraries apart by what they say about the request: was it sent?"""
    wrapped = error.args[0] if error.args else None
    if isinstance(root_cause(error), ssl.SSLCertVerificationError):
        return "untrusted"
    if isinstance(error, ProxyError):
        return "no proxy"
    if isinstance(error, ConnectTimeout) or isinstance(getattr(wrapped, "reason", wrapped), NewConnectionError):
        return "unreachable"
    return "silent" if isinstance(error, Timeout) else "broken"
