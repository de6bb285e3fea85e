"""HTTP without a network, for properties that run a task hundreds of times: a function of the test answers, or breaks off."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.app import CloudApp, error_body
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import Azure
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import Entra
from ansible_collections.cloudpeer.atlas.tests.clouds.gcp import Gcp
from ansible_collections.cloudpeer.atlas.tests.clouds.tokens import Tokens
from ansible_collections.cloudpeer.atlas.tests.properties.replies import message
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import AzureSite
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import GcpSite
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done, Site
from ansible_collections.cloudpeer.atlas.tests.support.memory import serve_app
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, Sent
from urllib3.connection import HTTPConnection, HTTPSConnection


class EndlessError(BaseException):
    """More requests than any task has a reason for; no handler of the code under test takes it for a failure."""


def parse(raw: bytes, host: str) -> Sent:
    """Read a request that arrived on a connection to a host."""
    head, unused, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    fields = {name.lower(): value for name, unused, value in (line.partition(": ") for line in rest)}
    return Sent(method, target, {"host": host, **fields}, body, 0)


@dataclass
class Line:
    """Where every connection leads.

    Attributes:
        answer: Returns the raw reply to a request; an exception breaks the connection.
        most: How many requests there may be.
    """

    answer: Callable[[Sent], bytes]
    most: int = 3000
    received: list[Sent] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def reply(self, raw: bytes, host: str) -> bytes:
        """Take a request and return the reply."""
        self.received.append(parse(raw, host))
        if len(self.received) > self.most:
            raise EndlessError(f"more than {self.most} requests")
        return self.answer(self.received[-1])


class _Socket:
    """As much of a socket as http.client uses."""

    def __init__(self, line: Line, host: str) -> None:
        self._line, self._host, self._sent = line, host, bytearray()
        # The watch over a request wants a descriptor of its own.
        self._real = socket.socket()

    def fileno(self) -> int:
        return self._real.fileno()

    def settimeout(self, seconds: float | None) -> None:
        if seconds is not None and seconds > threading.TIMEOUT_MAX:
            # As a real one does.
            raise OverflowError("timeout doesn't fit into C timeval")

    def setsockopt(self, *arguments: Any) -> None:
        """Take an option."""

    def sendall(self, data: bytes) -> None:
        self._sent += data

    def makefile(self, *arguments: Any) -> io.BytesIO:
        raw, self._sent = bytes(self._sent), bytearray()
        return io.BytesIO(self._line.reply(raw, self._host))

    def close(self) -> None:
        self._real.close()

    shutdown = setsockopt


class _Timer:
    """A timer that never goes off: nothing takes time here, and a thread for each request would."""

    daemon = False

    def __init__(self, interval: float, function: Callable[[], Any]) -> None:
        self._interval = interval

    def start(self) -> None:
        if self._interval > threading.TIMEOUT_MAX:
            # As a real one does, in its thread.
            raise OverflowError("timestamp too large to convert to C PyTime_t")

    def cancel(self) -> None:
        """Do nothing."""


@contextmanager
def leading(line: Line) -> Iterator[None]:
    """Have every connection of urllib3 lead to a line, and to nothing else, for the length of a with statement."""

    def connect(self: Any) -> None:
        line.hosts.add(self.host.lower())
        self.sock = _Socket(line, self.host)
        self.sock.settimeout(self.timeout)
        self.is_verified = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "Timer", _Timer)
        for connection in (HTTPConnection, HTTPSConnection):
            patch.setattr(connection, "connect", connect)
            # urllib3 1.26 has none, and looks at the socket.
            patch.setattr(connection, "is_connected", property(lambda self: self.sock is not None), raising=False)
        yield


def raw_reply(reply: Reply) -> bytes:
    """Return a reply as it stands on the wire."""
    return message(reply.status, reply.headers, reply.body)


@dataclass
class MemoryClouds:
    """As much of `RunningClouds` as a site needs."""

    gcp: Gcp = field(default_factory=Gcp)
    tokens: Tokens = field(default_factory=Tokens)
    azure: Azure = field(default_factory=lambda: Azure(Entra()))

    def __post_init__(self) -> None:
        """Make what answers."""
        self.app = CloudApp(self.gcp, self.tokens, self.azure, lambda: None)

    def serve(self, request: Sent) -> bytes:
        """Answer one request."""
        return raw_reply(serve_app(self.app, request, "https"))


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong with a request.

    Attributes:
        reply: Makes what comes back of the reply that there would be; an exception breaks the connection.
        is_applied: Whether the request is carried out.
        passes: Whether a task gets over it if it happens once, whatever the request.
        passes_writes: Whether it does if it happens to a change.
        cause: What a failure has to say.
    """

    reply: Callable[[bytes], bytes]
    is_applied: bool = False
    passes: bool = True
    passes_writes: bool = True
    cause: str = ""


def _breaking(error: Exception) -> Callable[[bytes], bytes]:
    def reply(unused: bytes) -> bytes:
        raise error

    return reply


def _answering(status: int, content: Any = None) -> Callable[[bytes], bytes]:
    is_text = isinstance(content, bytes)
    body = content if is_text else json.dumps(content).encode()
    kind = "text/html" if is_text else "application/json"

    def reply(unused: bytes) -> bytes:
        return message(status, [("content-type", kind), ("location", "https://elsewhere.example/")], body)

    return reply


def _half(whole: bytes) -> bytes:
    head, unused, body = whole.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    return message(status, [("content-type", "application/json")], body[: len(body) // 2])


PAGE = b"<html>Sign in</html>"
_BROKE, _SILENT, _NO_JSON = "the connection broke to", "no answer in time from", "is not a JSON object"
FAULTS: dict[str, Fault] = {
    "reset before": Fault(_breaking(ConnectionResetError()), cause=_BROKE),
    "lost reply": Fault(_breaking(ConnectionResetError()), is_applied=True, cause=_BROKE),
    "closed": Fault(lambda unused: b"", cause=_BROKE),
    "truncated": Fault(lambda whole: whole[:-5], is_applied=True, cause=_BROKE),
    "silence": Fault(_breaking(TimeoutError("timed out")), cause=_SILENT),
    "silence, applied": Fault(_breaking(TimeoutError("timed out")), is_applied=True, cause=_SILENT),
    **{
        f"{status}{', applied' * is_applied}": Fault(
            _answering(status, error_body(status, "backendError", "Oops")), is_applied, cause=f"HTTP {status}"
        )
        for status in (500, 502, 503, 504)
        for is_applied in (False, True)
    },
    "503 without an object": Fault(_answering(503, PAGE), cause="HTTP 503"),
    "too many requests": Fault(
        _answering(429, error_body(429, "rateLimitExceeded", "Slow down")), passes_writes=False, cause="rateLimitExceeded"
    ),
    "rate limit": Fault(
        _answering(403, error_body(403, "rateLimitExceeded", "Slow down")), passes_writes=False, cause="rateLimitExceeded"
    ),
    "page": Fault(_answering(200, PAGE), passes=False, passes_writes=False, cause=_NO_JSON),
    "page, applied": Fault(_answering(200, PAGE), is_applied=True, passes=False, cause=_NO_JSON),
    "half JSON": Fault(_half, is_applied=True, passes=False, cause=_NO_JSON),
    "redirect": Fault(_answering(302, {}), passes=False, passes_writes=False, cause="HTTP 302"),
    "refusal": Fault(_answering(403, error_body(403, "forbidden", "No")), passes=False, passes_writes=False, cause="HTTP 403"),
    "sign in": Fault(_answering(401, error_body(401, "authError", "No")), passes=False, passes_writes=False, cause="HTTP 401"),
}


@dataclass
class InMemory(Site):
    """What makes a site one whose requests go through no network; it stands before the site among the bases.

    Attributes:
        fault: What goes wrong.
        numbers: With which requests, from 0.
    """

    clouds: Any = field(default_factory=MemoryClouds)
    fault: Fault | None = None
    numbers: Any = ()
    received: list[Sent] = field(default_factory=list)

    def run(self, task: Any = None, **options: Any) -> Done:
        """Run a task; see `Site`."""
        self.received = []
        with leading(Line(self._answer, most=2000)):
            return super().run(task, **options)

    def _answer(self, request: Sent) -> bytes:
        number = len(self.received)
        self.received.append(request)
        if self.fault is None or number not in self.numbers:
            return cast("MemoryClouds", self.clouds).serve(request)
        whole = cast("MemoryClouds", self.clouds).serve(request) if self.fault.is_applied else b""
        return self.fault.reply(whole)


@dataclass
class MemorySite(InMemory, GcpSite):
    """A site with GCP whose requests go through no network."""

    def look(self) -> Any:
        """Return all there is: the networks with their peerings, without the moment of each."""
        return {
            (one["project"], one["name"]): self.clouds.gcp.peerings(one["project"], one["name"])
            for one in self.clouds.gcp.show_all()
        }


@dataclass
class MemoryAzureSite(InMemory, AzureSite):
    """A site with AZURE whose requests go through no network."""
