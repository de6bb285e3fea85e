"""The wire in memory: an emulator and stand-ins that answer the requests of this process without sockets.

with running(Settings(step_seconds=1)) as emulator, answering():
    # What the collection sends from here on is answered in memory, unless a fault needs a connection that can break.

A request takes the wire if a rule for faults that is not spent is about it, if latency, a rate, nonces that belong to
connections, or TLS is set, and to the emulator's own paths. Servers start when the first connection to them comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import os
import select
import socket
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from http import HTTPStatus
from typing import Any, TypeVar
from unittest import mock
from urllib.parse import unquote, urlsplit

from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import exchange as _exchange
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport
from ansible_collections.cloudpeer.atlas.tests.emulator.app import AtlasApp
from ansible_collections.cloudpeer.atlas.tests.emulator.bodies import MAX_BODY
from ansible_collections.cloudpeer.atlas.tests.emulator.requestlog import Connection
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.emulator.standins import StandIns
from ansible_collections.cloudpeer.atlas.tests.support.wire import IN_MEMORY, Reply, Sent, answered_in_memory
from google.auth.crypt import RSASigner
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict
from urllib3._collections import HTTPHeaderDict
from urllib3.response import HTTPResponse

_Result = TypeVar("_Result")
#: Whether any request is answered in memory; False is for tests about what is between a task and its request.
ENABLED = True
#: How many requests of this process were answered in memory, by the address that they were for.
ANSWERED: Counter[str] = Counter()


def serve_app(app: Any, sent: Sent, scheme: str, **state: Any) -> Reply:
    """Give one request to an ASGI application as a server does, without an event loop: nothing in there waits for anything."""
    path, unused, query = sent.target.partition("?")
    scope = {
        "type": "http",
        "method": sent.method,
        "scheme": scheme,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 9),
        "state": state,
    }
    parts: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(part: MutableMapping[str, Any]) -> None:
        parts.append(part)

    steps = app(scope, receive, send)
    try:
        steps.send(None)
    except StopIteration:
        pass
    else:
        raise AssertionError("the application waits for something")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in parts[0]["headers"])
    return Reply(parts[0]["status"], b"".join(part.get("body", b"") for part in parts[1:]), headers)


def to_environ(sent: Sent) -> dict[str, Any]:
    """Return a request as a WSGI server has it."""
    # A proxy gets the address of the server in it.
    target = urlsplit(sent.target)
    fields = {name.upper().replace("-", "_"): value for name, value in sent.headers.items()}
    server, unused, port = fields["HOST"].partition(":")
    return {
        **{f"HTTP_{name}": value for name, value in fields.items()},
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(target.path) or "/",
        "QUERY_STRING": target.query,
        "RAW_URI": sent.target,
        "CONTENT_TYPE": fields.get("CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(sent.body)),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(sent.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def call_wsgi(application: Callable[..., Iterable[bytes]], sent: Sent) -> Reply:
    """Give one request to a WSGI application as a server does."""
    started: list[Any] = []
    content = b"".join(application(to_environ(sent), lambda status, headers, *unused: started.extend((status, headers))))
    return Reply(int(started[0].split()[0]), content, tuple(started[1]))


class QuietEmulator(RunningEmulator):
    """An emulator that answers in memory. One request is answered at a time, as on the wire, where an event loop sees to that."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._app = AtlasApp(self)
        self._turn = threading.RLock()
        self._connections: weakref.WeakKeyDictionary[Any, Connection] = weakref.WeakKeyDictionary()
        self._end, self._ended = socket.socketpair()
        self._is_called = self._is_over = False
        self._needs_wire = any(
            (settings.latency_ms, settings.rate_limit, settings.nonce_per_connection, settings.tls_certificate)
        )

    def start(self) -> None:
        """Serve when the first connection comes."""
        self._thread = threading.Thread(target=self._serve_when_called, name="atlas-emulator", daemon=True)
        self._thread.start()

    def _serve_when_called(self) -> None:
        select.select([self._socket, self._ended], [], [])
        with self._turn:
            self._is_called = not self._is_over
        if self._is_called:
            asyncio.run(self._server.serve(sockets=[self._socket]))

    def stop(self) -> None:
        """Serve no more, if it does."""
        with self._turn:
            self._is_over = True
        self._end.close()
        if self._is_called:
            self._server.listening.wait()
            self._server.end()
        self._thread.join()
        self._socket.close()
        self._ended.close()

    async def run(self, function: Callable[[], _Result]) -> _Result:
        """Call a function that looks at a project: at once, in the thread of the request, if that came in memory."""

        def in_turn() -> _Result:
            with self._turn:
                return function()

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return function()
        return await super().run(in_turn)

    def answer(self, sent: Sent) -> Reply | None:
        """Answer a request; None if it takes the wire."""
        if self._needs_wire or len(sent.body) > MAX_BODY or sent.path.startswith("/emulator"):
            return None
        if self.faults.may_hit(sent.method, sent.target):
            return None
        with self._turn:
            return serve_app(self._app, sent, "http", connection=self._connection(sent.connection))

    def _connection(self, sender: Any) -> Connection:
        """Return the connection of whatever sends requests."""
        try:
            return self._connections.setdefault(sender, Connection())
        except TypeError:
            # A number of another server's connection.
            return Connection()


@contextlib.contextmanager
def running(settings: Settings | None = None) -> Iterator[RunningEmulator]:
    """Run an emulator as `emulator.server.running` does, which also answers in memory."""
    emulator = QuietEmulator(settings or Settings())
    emulator.start()
    try:
        with answered_in_memory(emulator.base_url, emulator.answer):
            yield emulator
    finally:
        emulator.stop()


@contextlib.contextmanager
def quiet(clouds: Any) -> Iterator[Any]:
    """Let stand-ins of AZURE and GCP answer in memory those who find them by their proxy, and Atlas, which has their address.

    A key of an account is read once: it is the same for all tests, and google-auth looks for each whether it is sound.
    """

    def answer(sent: Sent) -> Reply | None:
        # Whatever is to be lost, the application counts the requests until then itself.
        return None if clouds.app.lose else serve_app(clouds.app, sent, "https")

    def exchange_or_answer(stand_ins: StandIns, method: str, path: str, body: str) -> tuple[int, bytes]:
        found = answer_in_memory(method, f"{stand_ins.url}{path}", (), body)
        return exchange(stand_ins, method, path, body) if found is None else (found.status, found.body)

    exchange = StandIns._exchange
    with (
        answered_in_memory(clouds.proxy.url, answer),
        answered_in_memory(clouds.control_url, lambda sent: serve_app(clouds.control, sent, "http")),
        mock.patch.object(StandIns, "_exchange", exchange_or_answer),
        mock.patch.object(RSASigner, "from_string", functools.cache(RSASigner.from_string)),
    ):
        yield clouds


@contextlib.contextmanager
def _unmeasured() -> Iterator[None]:
    """Stop coverage in this thread: what answers runs nothing of plugins/, and being measured, it takes half as long again."""
    tracer: Any = sys.gettrace()
    # That of a debugger has no such methods.
    if not hasattr(tracer, "stop"):
        yield
        return
    tracer.stop()
    try:
        yield
    finally:
        tracer.start()


def answer_in_memory(method: str, url: str, headers: Iterable[tuple[str, Any]], body: Any, connection: Any = 0) -> Reply | None:
    """Return the reply to a request of this process; None if it takes the wire.

    Args:
        method, url, headers, body: The request, as HTTP libraries have it.
        connection: What stands for the connection that it would come on.
    """
    parts = urlsplit(url)
    # Who is asked over TLS is found by the proxy alone.
    address = parts.netloc if parts.scheme == "http" else urlsplit(os.environ.get("HTTPS_PROXY", "")).netloc
    answer = IN_MEMORY.get(address)
    if answer is None or not ENABLED:
        return None
    content = body.encode() if isinstance(body, str) else body or b""
    fields = {name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value) for name, value in headers}
    target = url.partition(parts.netloc)[2] or "/"
    with _unmeasured():
        found = answer(Sent(method, target, {"host": parts.netloc, **fields}, content, connection))
    ANSWERED[address] += found is not None
    return found


class Adapter(HTTPAdapter):
    """What a session of requests sends with, for clients that know nothing of the collection."""

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        found = answer_in_memory(str(request.method), str(request.url), request.headers.items(), request.body, self)
        if found is None:
            return super().send(request, *arguments, **options)
        # What the body of a reply to HEAD says is left out on the wire, too.
        body = b"" if request.method == "HEAD" or found.status == HTTPStatus.NO_CONTENT else found.body
        return self.build_response(
            request,
            HTTPResponse(
                io.BytesIO(body),
                HTTPHeaderDict(found.headers),
                found.status,
                reason=HTTPStatus(found.status).phrase,
                preload_content=False,
            ),
        )


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Have what the collection sends to Atlas, AZURE and GCP answered in memory where it can be."""
    send = Transport.send

    def send_or_answer(transport: Transport, prepared: Any, timeout: float) -> _exchange.Reply:
        found = answer_in_memory(prepared.method, prepared.url, prepared.headers.items(), prepared.body, transport)
        if found is None:
            return send(transport, prepared, timeout)
        transport._deadline.was_sent = True
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        for name, value in found.headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        body = b"" if found.status == HTTPStatus.NO_CONTENT else found.body
        try:
            content, flaw = _exchange.read_body(io.BytesIO(body).read, headers.get("Content-Encoding", "")), ""
        except _exchange.BodyError as error:
            content, flaw = b"", str(error)
        return _exchange.Reply(found.status, headers, content, flaw)

    with mock.patch.object(Transport, "send", send_or_answer):
        yield
