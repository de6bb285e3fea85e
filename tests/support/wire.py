"""A server that answers what a test writes: for replies that Atlas never gives. For faults of any reply, use `Site.fault`."""

from __future__ import annotations

import dataclasses
import datetime
import http.client
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import trustme

CHALLENGE = 'Digest realm="MMS Public API", domain="", nonce="n0", algorithm=MD5, qop="auth", stale=false'


@dataclass
class Sent:
    """One request that arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    #: Which of the server's connections it came on; in memory, whatever sends the requests that would share one.
    connection: Any

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")

    @property
    def host(self) -> str:
        return self.headers.get("host", "").partition(":")[0]


@dataclass
class Reply:
    """A reply; `length` tells another length than the body has, `drop` (`close` or `reset`) sends nothing.

    `interim` is sent in front of it as it is; the reply itself then comes only when there is another request on the connection.
    With `drip`, so many seconds pass before each byte of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    drop: str = ""
    interim: bytes = b""
    drip: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether it is a reply and nothing else: what HTTP says, all of it, at once."""
        return self.status >= 200 and self.length is None and not (self.drop or self.interim or self.drip)


def reply(content: Any, status: int = 200, *headers: tuple[str, str]) -> Reply:
    """Return a JSON reply."""
    return Reply(status, json.dumps(content).encode(), (("Content-Type", "application/json"), *headers))


def page(*results: Any, following: str | None = None) -> Reply:
    """Return a page of a list."""
    links = [{"rel": "next", "href": following}] if following else []
    return reply({"links": links, "results": list(results), "totalCount": len(results)})


DROP = Reply(drop="close")
RESET = Reply(drop="reset")
UNAUTHORIZED = reply({"error": 401, "errorCode": "UNEXPECTED_ERROR", "detail": "Who?"}, 401, ("WWW-Authenticate", CHALLENGE))


@dataclass
class Fault:
    """What happens to the next requests with a method, in front of an emulator. Challenges pass untouched.

    Attributes:
        reply: Sent in place of the emulator's; None lets the emulator's through.
        forward: Whether the emulator is asked at all.
        before: Called before it is asked.
    """

    method: str
    reply: Reply | None = None
    forward: bool = False
    times: int = 1
    before: Callable[[], Any] = lambda: None


@dataclass
class Wire:
    """A server that answers from a list of replies, the last one again and again, or passes requests on to an emulator."""

    replies: list[Reply] = field(default_factory=list)
    upstream: str | None = None
    requests: list[Sent] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    base_url: str = ""
    connections: int = 0

    def sent(self, method: str) -> list[Sent]:
        """Return the requests with a method that carried credentials."""
        return [one for one in self.requests if one.method == method and one.authorization]

    def answer_in_memory(self, sent: Sent) -> Reply | None:
        """Answer a request as `answer` does; None if its reply has to take the wire."""
        fault = self._fault(sent)
        coming = fault.reply if fault is not None else self.replies[0] if self.replies else None
        return self.answer(sent) if coming is None or coming.is_whole else None

    def _fault(self, sent: Sent) -> Fault | None:
        return next((one for one in self.faults if one.method == sent.method and one.times and sent.authorization), None)

    def answer(self, sent: Sent) -> Reply:
        """Record a request and return its reply."""
        self.requests.append(sent)
        if self.upstream is None:
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        fault = self._fault(sent)
        if fault is None:
            return forward(self.upstream, sent)
        fault.times -= 1
        fault.before()
        passed = forward(self.upstream, sent) if fault.forward or fault.reply is None else None
        return fault.reply or passed or DROP


#: What answers in memory for the servers of this process, by the host and port at which a client would connect. It gives no
#: reply to a request that has to take the wire, and has done nothing with it then.
IN_MEMORY: dict[str, Callable[[Sent], Reply | None]] = {}


@contextmanager
def answered_in_memory(url: str, answer: Callable[[Sent], Reply | None]) -> Iterator[None]:
    """Have something answer in memory for the server, or the proxy, at an address."""
    host = urlsplit(url).netloc
    IN_MEMORY[host] = answer
    try:
        yield
    finally:
        del IN_MEMORY[host]


def forward(upstream: str, sent: Sent) -> Reply:
    """Send a request on to another server, and return what that replies."""
    kept = ("www-authenticate", "content-type", "x-error-code")
    host = urlsplit(upstream).netloc
    answer = IN_MEMORY.get(host)
    found = answer(sent) if answer is not None else None
    if found is not None:
        return dataclasses.replace(found, headers=tuple(one for one in found.headers if one[0].lower() in kept))
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.request(sent.method, sent.target, sent.body or None, sent.headers)
        got = connection.getresponse()
        return Reply(got.status, got.read(), tuple((name, value) for name, value in got.getheaders() if name.lower() in kept))
    finally:
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet a reply: else Nagle's algorithm and delayed acknowledgements cost 40 ms each.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    wire: Wire
    number = 0
    late: Reply | None = None

    def setup(self) -> None:
        super().setup()
        self.wire.connections += 1
        self.number = self.wire.connections

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.wire.answer(Sent(self.command, self.path, headers, body, self.number))
        if answer.drop:
            if answer.drop == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        if self.late is not None:
            self._send(self.late)
        if answer.interim:
            self.late = answer
            self.wfile.write(answer.interim)
        else:
            self._send(answer)

    def _send(self, answer: Reply) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
        self.end_headers()
        for start in range(len(answer.body)) if answer.drip else ():
            self.wfile.flush()
            time.sleep(answer.drip)
            self.wfile.write(answer.body[start : start + 1])
        self.wfile.write(b"" if answer.drip else answer.body)
        if answer.length is not None:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *arguments: Any) -> None:
        """Say nothing: clients that go away in the middle are what is tested."""


def certificate(authority: trustme.CA, *names: str, expires: datetime.datetime | None = None) -> ssl.SSLContext:
    """Return the TLS of a server with a certificate for names; for 127.0.0.1 without any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1",)), not_after=expires, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context


@contextmanager
def serving(*replies: Reply, upstream: str | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Run a server on loopback."""
    wire = Wire(list(replies), upstream)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"wire": wire}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    wire.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()

    def answer_in_memory(sent: Sent) -> Reply | None:
        return wire.answer_in_memory(sent)

    try:
        with nullcontext() if tls else answered_in_memory(wire.base_url, answer_in_memory):
            yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
