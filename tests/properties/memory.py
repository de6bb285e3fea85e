"""HTTP without a network, for properties that run a task hundreds of times: a function of the test answers, or breaks off."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from urllib3.connection import HTTPConnection, HTTPSConnection


class EndlessError(BaseException):
    """More requests than any task has a reason for; no handler of the code under test takes it for a failure."""


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    host: str

    @classmethod
    def parse(cls, raw: bytes, host: str) -> Received:
        """Read a request."""
        head, unused, body = raw.partition(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        return cls(
            method, target, [(name.lower(), value) for name, unused, value in (line.partition(": ") for line in rest)], body, host
        )


@dataclass
class Line:
    """Where every connection leads.

    Attributes:
        answer: Returns the raw reply to a request; an exception breaks the connection.
        most: How many requests there may be.
    """

    answer: Callable[[Received], bytes]
    most: int = 3000
    received: list[Received] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def reply(self, raw: bytes, host: str) -> bytes:
        """Take a request and return the reply."""
        self.received.append(Received.parse(raw, host))
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
            patch.setattr(connection, "is_connected", property(lambda self: self.sock is not None))
        yield


def serve_app(app: Any, request: Received, scheme: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """Give one request to an ASGI application as a server does, without an event loop: nothing in there waits for anything.

    Returns:
        The status, the headers and the body of the reply.
    """
    path, unused, query = request.target.partition("?")
    scope = {
        "type": "http",
        "method": request.method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in request.headers],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 9),
    }
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(part: MutableMapping[str, Any]) -> None:
        sent.append(part)

    steps = app(scope, receive, send)
    try:
        steps.send(None)
    except StopIteration:
        pass
    else:
        raise AssertionError("the application waits for something")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]]
    return sent[0]["status"], headers, b"".join(part["body"] for part in sent[1:])
