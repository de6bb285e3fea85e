"""What Atlas limits, requests in a time and what a project holds, and the end of a reply that never ends by itself."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.ratelimit import TokenBucket, parse_rate
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.reliability.children import HANG, Nursery, Run, options_for
from ansible_collections.cloudpeer.atlas.tests.reliability.matrix import WAYS
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import add_peer, peers_of
from ansible_collections.cloudpeer.atlas.tests.support.harness import PEERING

Start = Callable[..., RunningEmulator]
SCALE = 8.0
ROOM = {"max_peers": 100, "max_pending_peers": 100, "step_seconds": 3600}
CREATIONS = 50


def limited(start: Start, rate: str) -> RunningEmulator:
    """Start an emulator with a bucket whose time goes by as fast as that of the runs."""
    emulator = start(rate_limit=rate, **ROOM)
    emulator._buckets[emulator.settings.group_id] = TokenBucket(parse_rate(rate), lambda: time.monotonic() * SCALE)
    return emulator


def creations(emulator: RunningEmulator, count: int) -> list[dict[str, Any]]:
    """Return the options of connections that have nothing in common."""
    return [
        options_for(
            emulator,
            vpc_id=f"vpc-0a1b2c3d4e5f6{number:04d}",
            aws_account_id="123456789012",
            route_table_cidr_block=f"10.{number + 10}.0.0/16",
            container_id=emulator.project.first_container_id,
            accepter_region_name="us-east-1",
            # So long that no machine is too busy.
            timeout=int(HANG * SCALE),
            retries=10,
        )
        for number in range(count)
    ]


def statuses(emulator: RunningEmulator) -> list[int]:
    return [entry["status"] for entry in emulator.requests.entries()]


def test_fifty_creations_heed_a_bucket_before_it_is_empty(nursery: Nursery, start: Start) -> None:
    emulator = limited(start, "10/10")
    first, *more = creations(emulator, CREATIONS)
    run = Run("atlas_vpc_peer", first, "in process", tuple(more), scale=SCALE)
    ran = nursery.run(run)
    assert [one["msg"] for one in ran.results if one["failed"]] == []
    assert [one["changed"] for one in ran.results] == [True] * CREATIONS
    assert len(emulator.project.list_peers()) == CREATIONS
    assert statuses(emulator).count(429) <= 2
    # A hundred requests at ten a second, of which ten are there at once: longer pauses would help nobody.
    assert sum(ran.pauses) <= 10


def test_fifty_runs_at_once_share_a_bucket_of_ten_and_end_well(nursery: Nursery, start: Start) -> None:
    emulator = limited(start, "10/10")
    wanted = [Run("atlas_vpc_peer", options, scale=SCALE) for options in creations(emulator, CREATIONS)]
    ran = nursery.run_all(wanted)
    assert [one.msg for one in ran if one.failed] == []
    assert len(emulator.project.list_peers()) == CREATIONS
    # The connections, the container, and the creation.
    assert sum(status == 200 or status == 201 for status in statuses(emulator)) == 3 * CREATIONS


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_that_lasts_longer_than_the_retries_is_named(way: str, nursery: Nursery, start: Start) -> None:
    emulator = start(rate_limit="1/1/3600")
    ran = nursery.run(Run("atlas_vpc_peer", options_for(emulator, **PEERING), way))
    assert ran.failed
    assert not ran.changed
    assert "HTTP 429" in ran.msg
    assert "retries" in ran.msg
    assert peers_of(emulator) == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("limit", "settings"), [("25", {}), ("50", {"max_pending_peers": 50})], ids=["pending", "all"])
def test_a_project_that_is_full_says_its_limit(
    limit: str, settings: dict[str, int], way: str, nursery: Nursery, start: Start
) -> None:
    emulator = start(step_seconds=3600, **settings)
    with emulator.project.now() as project:
        for number in range(int(limit)):
            add_peer(project, f"vpc-0a1b2c3d4e5f6{number:04d}", f"10.{number + 50}.0.0/16")
    ran = nursery.run(Run("atlas_vpc_peer", options_for(emulator, **PEERING), way))
    assert ran.failed
    assert not ran.changed
    assert "PEER_MAXIMUM_REACHED" in ran.msg
    assert limit in ran.msg
    assert peers_of(emulator) == []
    assert [entry["method"] for entry in emulator.requests.entries()].count("POST") == 1


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
    "interim replies that http.client takes for final": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
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
