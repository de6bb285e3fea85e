"""The proxy that makes a server distant: what it delays by how much, what it counts, and that it changes nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.environment import free_port
from ansible_collections.cloudpeer.atlas.tests.support.slow_proxy import HOST, SlowProxy, slow_proxy, started
from requests.auth import HTTPDigestAuth

#: Seconds that only what hangs takes.
HANG = 60
ROUND_TRIP = 0.1


class Time:
    """A clock that only a sleep moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


class Barrier:
    """Sleeps that end when so many of them have begun."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._begun = 0
        self._all = asyncio.Event()

    async def sleep(self, unused_seconds: float) -> None:
        self._begun += 1
        if self._begun >= self._number:
            self._all.set()
        await self._all.wait()


class _Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets; a word at the end of the input, and then its own end."""

    def handle(self) -> None:
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)
        self.request.sendall(b"end")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture
def echo() -> Iterator[int]:
    """Return the port of a server that sends back what it gets."""
    with _Server((HOST, 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def connect(proxy: SlowProxy) -> socket.socket:
    """Return a connection through a proxy."""
    return socket.create_connection((HOST, proxy.port), timeout=HANG)


def receive(client: socket.socket, size: int) -> bytes:
    """Return that many bytes."""
    data = b""
    while len(data) < size:
        more = client.recv(1 << 16)
        assert more, f"it ended after {len(data)} bytes"
        data += more
    return data


def test_bytes_take_half_a_round_trip_and_connecting_a_whole(echo: int) -> None:
    time = Time()
    with started(SlowProxy(echo, ROUND_TRIP, time, time.sleep)) as proxy, connect(proxy) as client:
        for word in (b"one", b"two"):
            client.sendall(word)
            assert receive(client, 3) == word
        half = ROUND_TRIP / 2
        assert time.slept == pytest.approx([ROUND_TRIP + half, half, half, half])
        (passage,) = proxy.passages
        assert passage.senders == ["client", "server", "client", "server"]
        assert passage.round_trips == 3


def test_connections_do_not_wait_for_each_other(echo: int) -> None:
    number = 50
    barrier = Barrier(number)
    with started(SlowProxy(echo, ROUND_TRIP, sleep=barrier.sleep)) as proxy, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(proxy)) for unused in range(number)]
        for client in clients:
            client.sendall(b"word")
        assert [receive(client, 4) for client in clients] == [b"word"] * number
        assert [passage.round_trips for passage in proxy.passages] == [2] * number


def test_what_is_under_way_does_not_keep_more_from_being_sent(echo: int) -> None:
    barrier = Barrier(2)
    with started(SlowProxy(echo, ROUND_TRIP, sleep=barrier.sleep)) as proxy, connect(proxy) as one, connect(proxy) as other:
        # More than one read takes.
        data = bytes(range(256)) * (1 << 12)
        sender = threading.Thread(target=one.sendall, args=[data])
        sender.start()
        other.sendall(b"word")
        assert receive(one, len(data)) == data
        sender.join()


def test_ends_are_handed_on(echo: int) -> None:
    with slow_proxy(echo, 0) as proxy, connect(proxy) as client:
        client.sendall(b"word")
        client.shutdown(socket.SHUT_WR)
        assert receive(client, 7) == b"wordend"
        assert client.recv(1) == b""


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    with slow_proxy(free_port(), 0) as proxy, connect(proxy) as client:
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""
        assert proxy.passages[0].round_trips == 1


def test_a_proxy_that_stops_ends_what_is_open(echo: int) -> None:
    with slow_proxy(echo, 3600) as proxy:
        client = connect(proxy)
        client.sendall(b"word")
    with client, contextlib.suppress(ConnectionResetError):
        assert client.recv(1) == b""


def test_handshakes_cost_what_they_cost(tmp_path: Path) -> None:
    """One round trip each for TCP, for TLS, for the challenge of the digest, and for each request."""
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST).private_key_and_cert_chain_pem
    certificate.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with (
        running(Settings(tls_certificate=str(tmp_path / "server.pem"))) as emulator,
        slow_proxy(emulator.port, ROUND_TRIP) as proxy,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.verify = str(tmp_path / "authority.pem")
        session.auth = HTTPDigestAuth(emulator.settings.public_key, emulator.settings.private_key)
        for round_trips in (4, 5, 6):
            assert session.get(f"https://{HOST}:{proxy.port}/api/atlas/v1.0", timeout=HANG).status_code == 200
            assert [passage.round_trips for passage in proxy.passages] == [round_trips]
