# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends HTTP requests with the library requests over kept connections, and classifies connection failures.

TLS contexts are as urllib3 makes them, with the certificates read once per process.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import ssl
import traceback
import typing as t
from urllib.parse import urlsplit

from .._version import VERSION
from .deadline import Deadline, guarded
from .errors import ConnectionFailure, root_cause
from .exchange import ApiCall, BodyError, Reply, read_body
from .pauses import Clock

try:
    import requests
    from requests.adapters import HTTPAdapter
    from requests.exceptions import ConnectTimeout, InvalidProxyURL, InvalidSchema, ProxyError, RequestException, Timeout
    from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
    from urllib3.connection import CertificateError  # type: ignore[attr-defined]
    from urllib3.exceptions import HTTPError, NewConnectionError, ProxySchemeUnknown, ReadTimeoutError
    from urllib3.util.ssl_ import create_urllib3_context
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
    # The session of a task says so to the user before anything here is used.
    DEFAULT_CA_BUNDLE_PATH = ""
else:
    REQUESTS_IMPORT_ERROR = None

    class _Session(requests.Session):
        """A session that never resolves redirects: requests raises on a malformed Location."""

        def get_redirect_target(self, resp: requests.Response) -> None:
            return None

    class _GuardedAdapter(HTTPAdapter):
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

        def proxy_manager_for(self, proxy: str, **kwargs: object) -> object:
            """Return the manager of connections through a proxy."""
            is_new = proxy not in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if is_new:
                self._guard_all(manager)
            return manager

        def cert_verify(self, conn: t.Any, url: str, verify: object, cert: object) -> None:
            """Set how the connections of the pool `conn` verify the server: as in requests, but with the shared TLS contexts.

            Connections through a proxy read the certificates each time, as in requests.
            """
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
            if url.lower().startswith("https:") and conn.proxy is None and "_socks_options" not in conn.conn_kw:
                conn.conn_kw["ssl_context"] = trusting(conn.ca_certs or conn.ca_cert_dir) if verify else trusting_anybody()
                conn.ca_certs = conn.ca_cert_dir = None

        def _guard_all(self, manager: t.Any) -> None:
            manager.pool_classes_by_scheme = guarded(manager.pool_classes_by_scheme, lambda: self._deadline)


if t.TYPE_CHECKING:
    # A request as it goes out. A digest signs the target as the library has rewritten it.
    Prepared = requests.PreparedRequest
else:
    Prepared = object

USER_AGENT = f"cloudpeer.atlas/{VERSION} (Ansible collection)"
# Empty for an address without a scheme.
PROXY_SCHEMES = ("", "http", "https", "socks4", "socks4a", "socks5", "socks5h")


class TransportError(Exception):
    """No complete reply came; `failure` says how the connection failed, and `__cause__` why."""

    def __init__(self, failure: ConnectionFailure) -> None:
        super().__init__(failure)
        self.failure = failure


class Transport:
    """Sends requests to one server, one at a time.

    Args:
        clock: A monotonic clock, in seconds.
        record: Receives each request that was sent.
        verify: Whether to verify the server's certificate, or the file or folder with the certificates to trust.
    """

    def __init__(self, clock: Clock, record: t.Callable[[ApiCall], None], verify: bool | str = True) -> None:
        self._clock = clock
        self._record = record
        self._verify = verify
        self._deadline = Deadline()
        self._session = _Session()
        # Each request brings its credentials; without this, requests would look for others in ~/.netrc.
        self._session.auth = lambda request: request
        # A compressed body can grow a thousandfold; see `read_body`.
        self._session.headers.update({"Accept-Encoding": "identity", "User-Agent": USER_AGENT})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _GuardedAdapter(self._deadline))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def was_sent(self) -> bool:
        """Whether the last request went out, at least in part."""
        return self._deadline.was_sent

    def prepare(self, method: str, url: str, data: object, headers: t.Mapping[str, str]) -> Prepared:
        """Return a request as it goes out, without the credentials."""
        return self._session.prepare_request(requests.Request(method, url, data=data, headers=dict(headers)))

    def exchange(self, prepared: Prepared, timeout: float, path: str) -> Reply:
        """Send one request as `send` does, and record it under a path.

        Raises:
            TransportError: If no complete reply comes in time.
        """
        started, status = self._clock(), None
        try:
            reply = self.send(prepared, timeout)
            status = reply.status
        finally:
            self._record(ApiCall(str(prepared.method), path, status, round((self._clock() - started) * 1000)))
        return reply

    def send(self, prepared: Prepared, timeout: float) -> Reply:
        """Send one request and return the reply, whatever its status; redirects are not followed.

        Args:
            prepared: The request; it may have been sent before.
            timeout: The most seconds until the reply is complete.

        Raises:
            TransportError: If no complete reply comes by then.
        """
        url = str(prepared.url)
        try:
            # Send the cookies that were set after the request was prepared, too.
            prepared.headers.pop("Cookie", None)
            prepared.prepare_cookies(self._session.cookies)
            options = self._session.merge_environment_settings(url, {}, True, self._verify, None)
            if urlsplit(url).scheme == "http":
                # Plain http is allowed for this host only, and a proxy would be another host.
                options["proxies"] = {}
            proxy = select_proxy(url, options["proxies"])
            if proxy is not None:
                _check_proxy(proxy)
            with self._deadline.running(timeout):
                reply = _read(self._session.send(prepared, timeout=timeout, **options))
        except (RequestException, HTTPError, OSError, ValueError) as error:
            # After the deadline has shut the connection down, the library's error is not the cause.
            if not self._deadline.has_expired:
                raise TransportError(_failure_of(error, was_sent=self.was_sent)) from error
        except BaseException:
            # Interrupted in the middle of an exchange: a late reply must not be read as the next one.
            self._session.close()
            raise
        if self._deadline.has_expired:
            raise TransportError("silent") from TimeoutError("timed out")
        return reply


def _read(reply: requests.Response) -> Reply:
    """Read the body of a reply."""
    # By default, urllib3 before version 2 accepts a truncated body.
    reply.raw.enforce_content_length = True
    content, flaw = b"", ""
    # Closing a reply that is not read to its end drops the connection.
    with reply:
        # A reply with 101 has no body, and what follows is not HTTP: the connection is dropped.
        if reply.status_code // 100 != 1:
            try:
                read = functools.partial(reply.raw.read, decode_content=False)
                content = read_body(read, reply.headers.get("Content-Encoding", ""))
            except BodyError as error:
                flaw = str(error)
    return Reply(reply.status_code, reply.headers, content, flaw)


def _check_proxy(proxy: str) -> None:
    """Reject a malformed proxy address: the library's message may leak its password.

    Raises:
        TransportError: If it is malformed.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(proxy if "://" in proxy else f"//{proxy}")
        if parts.hostname and parts.port != 0 and parts.scheme in PROXY_SCHEMES:
            return
    raise TransportError("no proxy") from ValueError("its address is malformed")


def _failure_of(error: Exception, *, was_sent: bool) -> ConnectionFailure:
    """Return how the connection failed, by the library's exception and whether the request was sent."""
    wrapped = error.args[0] if error.args else None
    root = root_cause(error)
    if isinstance(root, OSError) and root.errno in (errno.EMFILE, errno.ENFILE) and not was_sent:
        return "no files"
    # urllib3 before version 2 checks the host name of a certificate itself, and takes the user of a proxy for its scheme.
    if isinstance(root, (ssl.SSLCertVerificationError, CertificateError)):
        return "untrusted"
    # urllib3 blames the proxy whenever a connection through it ends, even in the middle of a reply.
    if not was_sent and (isinstance(error, (ProxyError, InvalidProxyURL, InvalidSchema)) or isinstance(root, ProxySchemeUnknown)):
        return "no proxy"
    if isinstance(error, ConnectTimeout) or isinstance(getattr(wrapped, "reason", wrapped), NewConnectionError):
        return "unreachable"
    return "silent" if isinstance(error, (Timeout, ReadTimeoutError)) else "broken"


def trusting(path: str) -> ssl.SSLContext:
    """Return the context that trusts only the certificates of a file or folder.

    Contexts are safe for threads and forks: each connection has its state to itself.

    Raises:
        OSError: If `path` cannot be read; an SSLError if it is a file without certificates.
        ValueError: If it is not a path.
    """
    # With the time of the last change, so that a replaced file is read again.
    return _read_certificates(path, os.stat(path).st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read_certificates(path: str, unused_time: int) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(path)
    return context


@functools.lru_cache(maxsize=1)
def trusting_anybody() -> ssl.SSLContext:
    """Return the context that verifies nothing."""
    return create_urllib3_context(cert_reqs=ssl.CERT_NONE)


def preload() -> None:
    """Read the default certificates before a process forks: its workers share the context."""
    # A task that needs them reports the error.
    with contextlib.suppress(OSError):
        trusting(DEFAULT_CA_BUNDLE_PATH)
