"""How long requests take at most: within a deadline, on the test's own clock, and among the addresses of a host."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.tokens import ServiceAccount, TokenCache
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import deadline as _deadline
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, RateLimitError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.transport import Transport, TransportError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.harness import PEERING, Atlas, FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.wire import UNAUTHORIZED, Reply, reply
from urllib3.util import connection


@dataclass
class Silence:
    """Takes the place of the network: every request takes all the time that it is given, and is not answered."""

    clock: FakeClock
    #: What each was given.
    given: list[float] = field(default_factory=list)

    def send(self, *request: Any) -> Any:
        self.given.append(request[-1])
        self.clock.now += request[-1]
        raise TransportError("silent") from TimeoutError("timed out")


@pytest.fixture
def silence(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Silence:
    silence = Silence(clock)
    monkeypatch.setattr(Transport, "send", lambda self, *request: silence.send(*request))
    return silence


@pytest.mark.parametrize(("seconds", "given"), [(100, 5), (5, 5), (4.5, 4.5), (2, 2), (1, 1), (0.3, 1), (0, 1), (-7, 1)])
def test_a_request_gets_the_time_left_and_at_least_a_second(
    connect: Connect, clock: FakeClock, silence: Silence, seconds: float, given: float
) -> None:
    client = connect("http://127.0.0.1:9", timeout=5.0, retries=0)
    with client.within(clock() + seconds), pytest.raises(NoAnswerError, match="no answer in time"):
        client.get(GROUP, "read it")
    assert silence.given == [given]


def test_no_time_limit_of_a_request_is_lengthened(connect: Connect, clock: FakeClock, silence: Silence) -> None:
    client = connect("http://127.0.0.1:9", timeout=0.2, retries=0)
    with client.within(clock() + 60), pytest.raises(NoAnswerError):
        client.get(GROUP, "read it")
    assert silence.given == [0.2]


@pytest.mark.parametrize("verb", ["get", "delete"])
@pytest.mark.parametrize(("seconds", "most"), [(2, 1), (7, 2), (20, 4), (1000, 4)])
def test_nothing_is_sent_again_after_the_deadline(
    connect: Connect, clock: FakeClock, silence: Silence, seconds: float, most: int, verb: str
) -> None:
    client, started = connect("http://127.0.0.1:9", timeout=5.0, retries=4), clock()
    with client.within(started + seconds), pytest.raises(NoAnswerError):
        getattr(client, verb)(GROUP, "do it")
    # The last one may begin when there is no second left.
    assert clock() - started <= min(seconds + 1, client.settings.limits.total_time + 5)
    assert 1 <= len(silence.given) <= most
    assert len(clock.pauses) == len(silence.given) - 1


def test_the_deadline_of_a_block_ends_with_it(connect: Connect, clock: FakeClock, silence: Silence) -> None:
    client = connect("http://127.0.0.1:9", timeout=5.0, retries=0)

    def ask() -> None:
        with pytest.raises(NoAnswerError):
            client.get(GROUP, "read it")

    with client.within(clock() + 6):
        with client.within(clock() + 100):
            ask()
        ask()
    for seconds in (4, 3):
        with client.within(clock() + seconds):
            ask()
    ask()
    assert silence.given == [5, 1, 4, 3, 5]


@pytest.mark.parametrize("asked", ["3", "60", "99999999"])
def test_no_pause_that_atlas_asks_for_exceeds_the_deadline(serve: Serve, connect: Connect, clock: FakeClock, asked: str) -> None:
    wire = serve(reply({}, 429, ("Retry-After", "1")), reply({}, 429, ("Retry-After", asked)))
    client = connect(wire.base_url, retries=9, timeout=60)
    with client.within(clock() + 3), pytest.raises(RateLimitError):
        client.post(GROUP, {}, "make it")
    assert (clock.pauses, len(wire.requests)) == ([1], 2)


def test_no_wait_in_the_parameters_exceeds_the_deadline(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    """MongoDB's documentation: docs/atlas/api/api-rate-limit."""
    wire = serve(reply({"errorCode": "RATE_LIMITED_TOKEN_BUCKET", "parameters": ["api/atlas/v2/orgs", 55, 10, 5, 60]}, 429))
    client = connect(wire.base_url)
    with client.within(clock() + 50), pytest.raises(RateLimitError):
        client.post(GROUP, {}, "make it")
    assert (clock.pauses, len(wire.requests)) == ([], 1)


def test_no_pause_for_an_empty_bucket_goes_beyond_the_deadline(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(reply({}, 200, ("RateLimit-Remaining", "0")))
    client = connect(wire.base_url)
    client.get(GROUP, "read it")
    with client.within(clock() + 0.25):
        client.get(GROUP, "read it")
        client.get(GROUP, "read it")
    client.get(GROUP, "read it")
    assert clock.pauses == [0.25, 0, 1]


def test_the_deadline_bounds_the_request_for_a_token_too(clock: FakeClock, silence: Silence) -> None:
    client = AtlasClient(
        ApiSettings(base_url="http://127.0.0.1:9", timeout=30, retries=4),
        ServiceAccount("id", "secret", TokenCache([], None, print)),
        clock=clock,
        sleep=clock.sleep,
    )
    started = clock()
    with client.within(started + 2), pytest.raises(NoAnswerError, match="for which an access token is needed"):
        client.get(GROUP, "read it")
    client.close()
    assert silence.given == [2]
    assert clock() - started == 2


def test_another_process_is_waited_for_as_long_as_a_request(
    clock: FakeClock, silence: Silence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience: list[float] = []

    @contextlib.contextmanager
    def locked(self: TokenCache, seconds: float) -> Iterator[None]:
        patience.append(seconds)
        yield

    monkeypatch.setattr(TokenCache, "locked", locked)
    cache = TokenCache(["x"], str(tmp_path), print)
    client = AtlasClient(
        ApiSettings(base_url="http://127.0.0.1:9", timeout=30, retries=0),
        ServiceAccount("id", "secret", cache),
        clock=clock,
        sleep=clock.sleep,
    )
    for seconds in (2, 100):
        with client.within(clock() + seconds), pytest.raises(NoAnswerError):
            client.get(GROUP, "read it")
    client.close()
    assert patience == [2, 30]


def test_a_new_nonce_is_answered_although_the_time_is_up(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    """It is the same request; without this, a key that is right would be called wrong."""
    wire = serve(UNAUTHORIZED, reply({"id": "1"}))
    client = connect(wire.base_url)
    with client.within(clock() - 1):
        assert client.get(GROUP, "read it") == {"id": "1"}


@pytest.mark.parametrize("options", [{"wait_for": "available"}, {"state": "absent"}])
def test_a_wait_ends_with_its_time_although_nobody_answers(
    atlas: Atlas, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    atlas.create()
    silence, send, within = Silence(clock), Transport.send, AtlasClient.within
    began: list[float] = []

    def begin(self: AtlasClient, deadline: float) -> Any:
        began.append(clock())
        return within(deadline)

    def send_until_the_wait_begins(self: Transport, *request: Any) -> Any:
        return silence.send(*request) if began else send(self, *request)

    monkeypatch.setattr(AtlasClient, "within", begin)
    monkeypatch.setattr(Transport, "send", send_until_the_wait_begins)
    done = atlas.run(**{**PEERING, "wait": True, "wait_timeout": 2, "timeout": 30, "retries": 4, **options})
    assert (done.failed, len(began)) == (True, 1)
    assert clock() - began[0] <= 3
    # After the first pause, of half a second.
    assert silence.given == [1.5]


def addresses(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Have every name lead to these addresses."""
    look_up = socket.getaddrinfo

    def look_up_here(host: str, *args: Any, **kwargs: Any) -> Any:
        names = [host] if host in hosts else hosts
        return [found for name in names for found in look_up(name, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)


@contextlib.contextmanager
def nobody_answers(address: str, port: int) -> Iterator[None]:
    """Have connections to an address neither taken nor refused: the queue of the server is full."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(socket.create_server((address, port), backlog=0))
        for unused in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


def test_a_host_is_reached_past_a_silent_first_address(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = serve(reply({"id": "1"}))
    port = int(wire.base_url.rpartition(":")[2])
    addresses(monkeypatch, "127.0.0.2", "127.0.0.1")
    with nobody_answers("127.0.0.2", port):
        client = connect(f"http://localhost:{port}", retries=0, timeout=8)
        assert client.get(GROUP, "read") == {"id": "1"}
    assert client.get(GROUP, "read") == {"id": "1"}
    assert wire.connections == 1


def test_the_share_of_an_address_is_for_connecting_alone(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = serve(reply({"id": "1"}))
    made: list[socket.socket] = []
    create = connection.create_connection

    def note(*args: Any, **more: Any) -> socket.socket:
        made.append(create(*args, **more))
        return made[-1]

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        if self in made:
            given.append(seconds)
        real(self, seconds)

    given: list[float | None] = []
    real = socket.socket.settimeout
    addresses(monkeypatch, "127.0.0.1", "127.0.0.2")
    monkeypatch.setattr(connection, "create_connection", note)
    monkeypatch.setattr(socket.socket, "settimeout", settimeout)
    connect(wire.base_url.replace("127.0.0.1", "localhost"), timeout=60).get(GROUP, "read")
    assert (len(made), given[0]) == (1, 60)


def test_an_address_that_refuses_is_passed_over(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = serve(reply({"id": "1"}))
    addresses(monkeypatch, "127.0.0.2", "127.0.0.1")
    assert connect(wire.base_url.replace("127.0.0.1", "localhost"), retries=0).get(GROUP, "read") == {"id": "1"}


@pytest.mark.parametrize("count", [1, 2, 5])
def test_addresses_of_a_host_share_the_time_of_a_request(connect: Connect, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    clock, given = FakeClock(), []

    def never(address: tuple[str, int], timeout: float, *unused: Any, **more: Any) -> socket.socket:
        given.append((address[0], timeout))
        clock.now += timeout
        raise socket.timeout("timed out")

    hosts = [f"127.0.0.{number + 1}" for number in range(count)]
    addresses(monkeypatch, *hosts)
    monkeypatch.setattr(connection, "create_connection", never)
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=clock))
    with pytest.raises(NoAnswerError, match=r"(cannot reach|no answer in time from) https://atlas\.invalid") as caught:
        connect("https://atlas.invalid", timeout=60, retries=0).post(GROUP, {}, "make it")
    assert not caught.value.outcome_unknown
    assert given == [(host, pytest.approx(60 / count)) for host in hosts]


def test_the_rest_of_the_share_of_an_address_goes_to_the_next(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, given = FakeClock(), []

    def refuse(address: tuple[str, int], timeout: float, *unused: Any, **more: Any) -> socket.socket:
        given.append(timeout)
        clock.now += 6
        raise ConnectionRefusedError("refused")

    addresses(monkeypatch, "127.0.0.1", "127.0.0.2", "127.0.0.3")
    monkeypatch.setattr(connection, "create_connection", refuse)
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=clock))
    with pytest.raises(NoAnswerError, match="cannot reach"):
        connect("https://atlas.invalid", timeout=60, retries=0).get(GROUP, "read it")
    assert given == [20, 27, 48]


@pytest.mark.parametrize("odd", [Reply(503), Reply(drop="close")])
def test_a_last_try_begins_before_the_deadline(serve: Serve, connect: Connect, clock: FakeClock, odd: Reply) -> None:
    wire, started = serve(odd), clock()
    client = connect(wire.base_url, retries=1000, timeout=60)
    with client.within(started + 30), pytest.raises(TaskError):
        client.get(GROUP, "read it")
    assert 5 <= len(wire.requests) <= 6
    assert clock() - started <= 30
