# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""One HTTP request after the other, over kept connections. The only file that knows requests, and urllib3 below it."""

from __future__ import annotations

import socket
import ssl
import traceback
import typing as t
import warnings
from urllib.parse import urlsplit

from ansible_collections.cloudpeer.atlas.plugins.module_utils._connection import Connection
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import ConnectionFailure, root_cause
from ansible_collections.cloudpeer.atlas.plugins.module_utils._reply import Reply
from ansible_collections.cloudpeer.atlas.plugins.module_utils._watch import Watch

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ConnectTimeout, InvalidProxyURL, InvalidSchema, ProxyError, RequestException, Timeout
    from requests.utils import select_proxy
    from urllib3.connection import CertificateError  # type: ignore[attr-defined]
    from urllib3.exceptions import HTTPError, InsecureRequestWarning, NewConnectionError, ProxySchemeUnknown
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
            self._watch = watch
            super().__init__()

        def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            self._have_watched(self.poolmanager)

        def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:
            is_new = proxy not in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if is_new:
                self._have_watched(manager)
            return manager

        def _have_watched(self, manager: t.Any) -> None:
            """Replace the classes of connections that a manager has: those to a SOCKS proxy are others."""
            manager.pool_classes_by_scheme = {
                scheme: type(pool.__name__, (pool,), {"ConnectionCls": _watched(pool.ConnectionCls, self._watch)})
                for scheme, pool in manager.pool_classes_by_scheme.items()
            }


def _watched(base: t.Any, watch: Watch) -> type:
    """Return a class of connections like I(base) that a watch knows when they are used."""

    def new_connection(self: t.Any) -> t.Any:
        # What a SOCKS proxy is to connect to, it looks up itself.
        used = base._new_conn(self) if hasattr(self, "_socks_options") else _connect(self, base._new_conn, watch)
        watch.hold(used)
        return used

    def putrequest(self: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        if self.sock is not None:
            watch.hold(self.sock)
        base.putrequest(self, *args, **kwargs)

    return type(base.__name__, (base,), {"_new_conn": new_connection, "putrequest": putrequest})


def _connect(connection: t.Any, new_socket: t.Callable[[t.Any], t.Any], watch: Watch) -> t.Any:
    """Connect to the first address of a host that answers; the libraries would give each of them all the time there is."""
    host, timeout = connection._dns_host, connection.timeout
    try:
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error
    failure: Exception | None = None
    for address in dict.fromkeys(str(one[4][0]) for one in found):
        try:
            connection._dns_host, connection.timeout = address, watch.remaining()
            return new_socket(connection)
        except HTTPError as error:
            failure = error
        finally:
            connection._dns_host, connection.timeout = host, timeout
    raise failure or NewConnectionError(connection, "the host has no address")


# None where the address begins with the host.
PROXY_SCHEMES = ("", "http", "https", "socks4", "socks4a", "socks5", "socks5h")
# A page of 500 objects takes less than one.
MOST_BYTES = 16 << 20


class TransportError(Exception):
    """There was no whole reply; the innermost cause is I(cause)."""

    def __init__(self, failure: ConnectionFailure, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.failure = failure
        self.cause = cause


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
        timeout: float,
    ) -> Reply:
        """Send one request and return the reply to it, whatever its status; redirects are not followed.

        Args:
            method: The HTTP method.
            url: The whole address.
            data: The body; empty for none.
            headers: More headers.
            authorize: Returns the C(Authorization) header for the request target, path and query, as it is sent.
            timeout: The seconds that it may take until the whole reply is there.

        Raises:
            TransportError: When it is not there by then.
        """
        connection = self._connection
        try:
            prepared = self._session.prepare_request(requests.Request(method, url, data=data or None, headers=dict(headers)))
            authorization = authorize(prepared.path_url)
            if authorization:
                prepared.headers["Authorization"] = authorization
            verify = connection.validate_certs and (connection.ca_path or True)
            settings = self._session.merge_environment_settings(prepared.url, {}, True, verify, None)
            if urlsplit(url).scheme == "http":
                # Plain http is for this host alone; a proxy would be another one.
                settings["proxies"] = {}
            _check_proxy(select_proxy(url, settings["proxies"]))
            with warnings.catch_warnings(), self._watch.over(timeout):
                # The user has asked for it, and is warned once by the task.
                warnings.simplefilter("ignore", InsecureRequestWarning)
                reply = self._session.send(prepared, timeout=timeout, **settings)
                content = _read(reply)
        except (RequestException, HTTPError, OSError, ValueError) as error:
            # What the libraries say of a connection that the watch has ended is not the cause.
            if not self._watch.has_expired:
                raise TransportError(_failure_of(error), root_cause(error)) from error
        if self._watch.has_expired:
            raise TransportError("silent", TimeoutError("timed out"))
        return Reply(reply.status_code, reply.headers, content)


def _read(reply: requests.Response) -> bytes:
    """Return the body of a reply.

    Raises:
        ValueError: When there is more than Atlas has to say; it could fill the memory.
    """
    content = bytearray()
    # Before its version 2, urllib3 takes a body that ends too early for a whole one unless it is told otherwise.
    reply.raw.enforce_content_length = True
    with reply:
        if reply.status_code // 100 == 1:
            # Interim, without a body. The final reply may still come: dropped with the connection, it answers no other request.
            return b""
        for chunk in reply.iter_content(1 << 16):
            content += chunk
            if len(content) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES >> 20} MiB")
    return bytes(content)


def _check_proxy(proxy: str | None) -> None:
    """Check the address of the proxy in the environment; what the libraries say of one that is none may tell its password.

    Raises:
        TransportError: When it is none.
    """
    if proxy is not None:
        try:
            parts = urlsplit(proxy if "://" in proxy else f"//{proxy}")
            is_address = bool(parts.hostname) and parts.port != 0 and parts.scheme in PROXY_SCHEMES
        except ValueError:
            is_address = False
        if not is_address:
            raise TransportError("no proxy", ValueError("its address is malformed"))


def _failure_of(error: Exception) -> ConnectionFailure:
    """Tell the kinds of failure of the HTTP libraries apart by what they say about the request: was it sent?"""
    wrapped = error.args[0] if error.args else None
    root = root_cause(error)
    # Before its version 2, urllib3 looks itself whose certificate it is, and takes the user of a proxy for its scheme.
    if isinstance(root, (ssl.SSLCertVerificationError, CertificateError)):
        return "untrusted"
    if isinstance(error, (ProxyError, InvalidProxyURL, InvalidSchema)) or isinstance(root, ProxySchemeUnknown):
        return "no proxy"
    if isinstance(error, ConnectTimeout) or isinstance(getattr(wrapped, "reason", wrapped), NewConnectionError):
        return "unreachable"
    return "silent" if isinstance(error, Timeout) else "broken"
