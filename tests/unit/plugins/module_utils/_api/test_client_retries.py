"""What is sent again and what is not: by verb, by status, by what broke, and within which time."""

from __future__ import annotations

import email.utils
import socket
import time
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, RateLimitError, TaskError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.environment import free_port
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, RESET, UNAUTHORIZED, Reply, reply

LIMITED = {"error": 429, "errorCode": "RATE_LIMITED", "detail": "Slow down."}


def call(client: AtlasClient, verb: str) -> Any:
    if verb in ("post", "patch"):
        return getattr(client, verb)(GROUP, {"a": 1}, f"{verb} it")
    return getattr(client, verb)(GROUP, f"{verb} it")


def limited(*value: str) -> Reply:
    return reply(LIMITED, 429, *(("Retry-After", one) for one in value))


def emptied(parameters: object, *value: str) -> Reply:
    error = {**LIMITED, "errorCode": "RATE_LIMITED_TOKEN_BUCKET", "parameters": parameters}
    return reply(error, 429, *(("Retry-After", one) for one in value))


@pytest.mark.parametrize("verb", ["get", "post", "patch", "delete"])
def test_a_limited_rate_is_waited_out_for_every_verb(serve: Serve, connect: Connect, clock: FakeClock, verb: str) -> None:
    wire = serve(limited("7"), limited("3"), reply({}))
    call(connect(wire.base_url), verb)
    assert (len(wire.requests), clock.pauses) == (3, [7, 3])
    assert len({one.body for one in wire.requests}) == 1


def test_retry_after_as_a_date_is_honoured(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(limited(email.utils.formatdate(time.time() + 5, usegmt=True)), reply({}))
    connect(wire.base_url, timeout=60).get(GROUP, "read")
    assert len(wire.requests) == 2
    assert 0 < clock.pauses[0] <= 5


@pytest.mark.parametrize("value", ["99999999", "9" * 400, email.utils.formatdate(4_000_000_000, usegmt=True)])
def test_an_absurd_retry_after_is_capped(serve: Serve, connect: Connect, clock: FakeClock, value: str) -> None:
    wire = serve(limited(value), reply({}))
    connect(wire.base_url, timeout=60).get(GROUP, "read")
    assert (len(wire.requests), clock.pauses) == (2, [60])


@pytest.mark.parametrize("value", [(), ("",), ("soon",), ("-1",), ("1.5",)])
def test_without_retry_after_the_pauses_grow(serve: Serve, connect: Connect, clock: FakeClock, value: tuple[str, ...]) -> None:
    wire = serve(*[limited(*value)] * 4, reply({}))
    connect(wire.base_url, retries=4).get(GROUP, "read")
    assert len(wire.requests) == 5
    assert all(2**n / 2 <= pause <= 2**n for n, pause in enumerate(clock.pauses))


@pytest.mark.parametrize(
    ("header", "wait", "pause"),
    [((), 55, 55), ((), 2.5, 2.5), ((), 10**400, 60), ((), float("inf"), 60), (("7",), 55, 7), (("soon",), 55, 55)],
    ids=["whole", "part", "huge", "infinite", "header", "odd header"],
)
def test_a_wait_in_the_parameters_is_honoured(
    serve: Serve, connect: Connect, clock: FakeClock, header: tuple[str, ...], wait: float, pause: float
) -> None:
    """The error is the example in MongoDB's documentation, by which headers may be missing: docs/atlas/api/api-rate-limit."""
    wire = serve(emptied(["api/atlas/v2/orgs", wait, 10, 5, 60], *header), reply({}))
    connect(wire.base_url).post(GROUP, {}, "make")
    assert (len(wire.requests), clock.pauses) == (2, [pause])


@pytest.mark.parametrize(
    "parameters", [None, 5, {"1": 5}, [], ["x"], *(["x", wait] for wait in (True, "55", -1, None, float("nan")))]
)
def test_odd_parameters_name_no_wait(serve: Serve, connect: Connect, clock: FakeClock, parameters: object) -> None:
    wire = serve(emptied(parameters), reply({}))
    connect(wire.base_url).get(GROUP, "read")
    assert len(wire.requests) == 2
    assert clock.pauses[0] <= 12


def test_other_refusals_have_other_parameters(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    """The error of requests for tokens names their number: terraform-provider-mongodbatlas, pull request 3791."""
    limit = {**LIMITED, "parameters": ["/api/oauth/token", 50, 1]}
    wire = serve(reply(limit, 429), reply({}))
    connect(wire.base_url).get(GROUP, "read")
    assert clock.pauses[0] <= 12


def test_a_limit_that_stays_is_told_in_the_end(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(limited("1"))
    with pytest.raises(RateLimitError, match=r"Slow down \(HTTP 429 RATE_LIMITED\).*retries"):
        connect(wire.base_url, retries=3).post(GROUP, {}, "make")
    assert (len(wire.requests), clock.pauses) == (4, [1, 1, 1])


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("verb", ["get", "delete"])
def test_a_failing_gateway_is_tried_again(serve: Serve, connect: Connect, clock: FakeClock, status: int, verb: str) -> None:
    wire = serve(Reply(status, b"<html>"), Reply(status), reply({}))
    call(connect(wire.base_url), verb)
    assert (len(wire.requests), len(clock.pauses)) == (3, 2)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("verb", ["post", "patch"])
def test_a_write_of_unknown_fate_is_sent_once(serve: Serve, connect: Connect, clock: FakeClock, status: int, verb: str) -> None:
    wire = serve(reply({}, status))
    with pytest.raises(TaskError, match=f"HTTP {status}") as caught:
        call(connect(wire.base_url), verb)
    assert (len(wire.requests), clock.pauses) == (1, [])
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 408, 409, 410, 501])
@pytest.mark.parametrize("verb", ["get", "delete"])
def test_other_errors_are_final(serve: Serve, connect: Connect, clock: FakeClock, status: int, verb: str) -> None:
    wire = serve(reply({}, status))
    with pytest.raises(TaskError, match=f"HTTP {status}"):
        call(connect(wire.base_url), verb)
    assert (len(wire.requests), clock.pauses) == (1, [])


@pytest.mark.parametrize("broken", [DROP, RESET, Reply(200, b'{"a":', length=100)], ids=["close", "reset", "truncated"])
@pytest.mark.parametrize("verb", ["get", "delete"])
def test_a_lost_read_or_delete_is_repeated(serve: Serve, connect: Connect, clock: FakeClock, broken: Reply, verb: str) -> None:
    wire = serve(UNAUTHORIZED, broken, broken, reply({}))
    call(connect(wire.base_url), verb)
    assert (len(wire.requests), len(clock.pauses)) == (4, 2)


@pytest.mark.parametrize("broken", [DROP, RESET, Reply(200, b'{"a":', length=100)], ids=["close", "reset", "truncated"])
@pytest.mark.parametrize("verb", ["post", "patch"])
def test_a_write_whose_reply_broke_is_sent_once_and_in_doubt(serve: Serve, connect: Connect, broken: Reply, verb: str) -> None:
    wire = serve(broken, reply({}))
    with pytest.raises(NoAnswerError, match=f"^Failed to {verb} it: the connection to {wire.base_url} broke") as caught:
        call(connect(wire.base_url), verb)
    assert len(wire.requests) == 1
    assert caught.value.outcome_unknown


def test_a_connection_closed_while_idle_costs_no_write(serve: Serve, connect: Connect) -> None:
    """The server closed the keep-alive connection: that is noticed before a POST is sent on it."""
    wire = serve(reply({}, 200, ("Connection", "close")), reply({"id": "1"}))
    client = connect(wire.base_url)
    client.get(GROUP, "read")
    assert client.post(GROUP, {}, "make") == {"id": "1"}
    assert (len(wire.requests), wire.connections) == (2, 2)


@pytest.mark.parametrize("verb", ["get", "post", "patch", "delete"])
def test_a_missing_host_is_named_and_nothing_is_in_doubt(connect: Connect, clock: FakeClock, verb: str) -> None:
    base_url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NoAnswerError, match=rf"^Failed to {verb} it: cannot reach {base_url} \(Connection refused\)") as caught:
        call(connect(base_url, retries=1), verb)
    assert not caught.value.outcome_unknown
    assert len(clock.pauses) == (1 if verb in ("get", "delete") else 0)


def test_what_does_not_speak_http_is_quoted_in_one_line(serve: Serve, connect: Connect) -> None:
    wire = serve(Reply(interim=b"SSH-2.0-OpenSSH_9.6\r\n"))
    with pytest.raises(
        NoAnswerError, match=r"broke before a whole reply came \(SSH-2\.0-OpenSSH_9\.6\)\. Run the task"
    ) as caught:
        connect(wire.base_url, retries=0).get(GROUP, "read")
    assert caught.value.detail == "SSH-2.0-OpenSSH_9.6"


def test_a_name_that_nobody_knows_is_named(connect: Connect) -> None:
    with pytest.raises(NoAnswerError, match=r"cannot reach https://atlas\.invalid.*base_url"):
        connect("https://atlas.invalid", retries=0).get(GROUP, "read")


def test_a_missing_proxy_is_not_called_a_broken_connection(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NoAnswerError, match=r"cannot reach .*proxy") as caught:
        connect("https://atlas.invalid", retries=0).post(GROUP, {}, "make")
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_server_that_is_silent_is_given_up_after_the_timeout(connect: Connect, verb: str, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        base_url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        told = rf"no answer in time from {scheme}://127\.0\.0\.1:\d+ \(.*timed out\).*raise timeout"
        with pytest.raises(NoAnswerError, match=told) as caught:
            call(connect(base_url, timeout=0.05, retries=0), verb)
    assert caught.value.outcome_unknown == (verb == "post")


def test_nothing_is_sent_again_after_the_total_time(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(limited("60"))
    with pytest.raises(RateLimitError):
        connect(wire.base_url, timeout=10, retries=9).get(GROUP, "read")
    assert (len(wire.requests), clock.pauses) == (2, [60])


def test_no_retries_means_none(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(Reply(503), reply({}))
    with pytest.raises(TaskError, match="HTTP 503"):
        connect(wire.base_url, retries=0).get(GROUP, "read")
    assert (len(wire.requests), clock.pauses) == (1, [])


def test_a_nonce_survives_a_failure_in_between(serve: Serve, connect: Connect) -> None:
    wire = serve(UNAUTHORIZED, Reply(503), reply({}))
    connect(wire.base_url).get(GROUP, "read")
    assert [bool(one.authorization) for one in wire.requests] == [False, True, True]
    assert "nc=00000002" in (wire.requests[2].authorization or "")


def test_an_empty_bucket_is_given_a_second_to_fill_up(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(reply({}, 200, ("RateLimit-Remaining", "0")), reply({}, 200, ("RateLimit-Remaining", "1")), reply({}))
    client = connect(wire.base_url)
    for pauses in ([], [1], [1]):
        client.get(GROUP, "get it")
        assert clock.pauses == pauses
