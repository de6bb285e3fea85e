"""A reply that never ends is ended when its time is up, in whichever form it comes; an emulator's fault has one form only."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery, Run
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import WAYS
from ansible_collections.cloudpeer.atlas.tests.support.harness import PEERING

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n"
#: What comes first, and what then comes again and again.
ENDLESS = {
    "a body until the connection ends": (OK + b"Connection: close\r\n\r\n", b" "),
    "a body of a length, before the connection ends": (OK + b"Connection: close\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "a body of a length": (OK + b"Content-Length: 1000000\r\n\r\n", b" "),
    "a reply of HTTP/1.0": (OK.replace(b"1.1", b"1.0") + b"\r\n", b" "),
    "chunks": (OK + CHUNKS, b"1\r\n \r\n"),
    "chunks, before the connection ends": (OK + b"Connection: close\r\n" + CHUNKS, b"1\r\n \r\n"),
    "a status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (OK, b"X"),
    "interim replies": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
_PAUSE = 0.02
#: After so many pieces, the time is up.
PIECES = 5
TIMEOUT = 17


@dataclass
class Endless:
    """What a server sends first, and what then again and again; how often it has done so, and where it is."""

    first: bytes
    again: bytes
    sent: int = 0
    base_url: str = ""

    def ended(self) -> set[int]:
        """Tell whether the time of the only request is up."""
        return {1} if self.sent >= PIECES else set()


@pytest.fixture
def serve() -> Iterator[Callable[[bytes, bytes], Endless]]:
    """Starts a server that sends something first, and then something again and again."""
    ended, threads = threading.Event(), []

    def answer(connection: socket.socket, endless: Endless) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(endless.first)
            while not ended.wait(_PAUSE):
                connection.sendall(endless.again)
                endless.sent += 1

    def listen(server: socket.socket, endless: Endless) -> None:
        with server, contextlib.suppress(OSError):
            while not ended.is_set():
                begin(answer, server.accept()[0], endless)

    def begin(target: Callable[..., None], *arguments: object) -> None:
        threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        threads[-1].start()

    servers = []

    def start(first: bytes, again: bytes) -> Endless:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        endless = Endless(first, again, base_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        begin(listen, server, endless)
        return endless

    yield start
    ended.set()
    for server in servers:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("way", WAYS)
def test_a_reply_without_an_end_is_ended_in_time(way: str, nursery: Nursery, serve: Callable[[bytes, bytes], Endless]) -> None:
    """Each is ended in its middle, and the task with it, on a clock of its own after exactly the seconds that it had."""
    key = {"group_id": Settings().group_id, "public_key": Settings().public_key, "private_key": Settings().private_key}
    served = [serve(*one) for one in ENDLESS.values()]
    options = [{**key, **PEERING, "base_url": one.base_url, "timeout": TIMEOUT, "retries": 0} for one in served]
    ran = nursery.run_all([Run("atlas_vpc_peer", one, way) for one in options], [one.ended for one in served])
    found = {name: "not ended in time" if one.overdue else one.msg for name, one in zip(ENDLESS, ran)}
    assert {name: told for name, told in found.items() if "no answer in time from http://127.0.0.1" not in told} == {}
    assert [one.seconds for one in ran] == [TIMEOUT] * len(ENDLESS)
