"""The client's credentials on the wire: how many requests a nonce costs, what a wrong key costs, and who gets to see them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import AuthError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, PEERS, Connect
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.wire import UNAUTHORIZED, Reply, Wire, page, reply


def test_many_requests_cost_one_challenge_and_one_connection(atlas: Atlas, connect: Connect) -> None:
    client = connect(atlas.base_url)
    for unused in range(10):
        client.get(GROUP, "read")
    assert atlas.wire() == [("GET", 401)] + [("GET", 200)] * 10
    assert atlas.tcp_connections() == 1


def test_sha_256_is_answered(make_atlas: Callable[..., Atlas], connect: Connect) -> None:
    atlas = make_atlas(algorithm="SHA-256")
    client = connect(atlas.base_url)
    client.get(GROUP, "read")
    client.get(GROUP, "read")
    assert atlas.wire() == [("GET", 401), ("GET", 200), ("GET", 200)]


def test_a_nonce_for_one_use_costs_a_challenge_each_time(make_atlas: Callable[..., Atlas], connect: Connect) -> None:
    atlas = make_atlas(nonce_seconds=0)
    client = connect(atlas.base_url)
    for unused in range(3):
        client.get(GROUP, "read")
    assert atlas.wire() == [("GET", 401), ("GET", 200)] * 3
    assert atlas.tcp_connections() == 1


def test_a_nonce_that_the_server_forgot_is_replaced(atlas: Atlas, connect: Connect) -> None:
    client = connect(atlas.base_url)
    client.get(GROUP, "read")
    atlas.emulator.reset()
    client.get(GROUP, "read")
    client.get(GROUP, "read")
    assert atlas.wire() == [("GET", 401), ("GET", 200), ("GET", 200)]


def test_a_body_is_sent_again_with_the_answer_to_the_challenge(atlas: Atlas, connect: Connect) -> None:
    body = {"providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": "10.8.0.0/21"}
    made = connect(atlas.base_url).post((*GROUP, "containers"), body, "make")
    assert (made["regionName"], atlas.wire()) == ("EU_WEST_1", [("POST", 401), ("POST", 200)])
    assert len(atlas.emulator.project.containers.of("AWS")) == 2


@pytest.mark.parametrize("wrong", [{"private_key": "wrong"}, {"public_key": "nobody"}, {"private_key": "J\u00fcrgen \u2603"}])
def test_a_wrong_key_costs_two_requests_and_is_explained(atlas: Atlas, connect: Connect, wrong: dict[str, str]) -> None:
    with pytest.raises(AuthError, match=r"HTTP 401 USER_UNAUTHORIZED.*public_key and private_key"):
        connect(atlas.base_url, **wrong).get(GROUP, "read")
    assert atlas.wire() == [("GET", 401), ("GET", 401)]


def test_a_wrong_key_is_asked_about_anew_by_the_next_request(atlas: Atlas, connect: Connect) -> None:
    client = connect(atlas.base_url, private_key="wrong")
    for unused in range(2):
        with pytest.raises(AuthError):
            client.get(GROUP, "read")
    assert atlas.wire() == [("GET", 401)] * 4


def test_a_challenge_that_cannot_be_answered_costs_one_request(serve: Callable[..., Wire], connect: Connect) -> None:
    wire = serve(reply({}, 401, ("WWW-Authenticate", 'Basic realm="x"'), ("WWW-Authenticate", "Negotiate")))
    with pytest.raises(AuthError, match="HTTP 401"):
        connect(wire.base_url).get(GROUP, "read")
    assert len(wire.requests) == 1
    assert wire.requests[0].authorization is None


def test_the_challenge_is_found_in_the_second_header(serve: Callable[..., Wire], connect: Connect) -> None:
    digest = dict(UNAUTHORIZED.headers)["WWW-Authenticate"]
    wire = serve(reply({}, 401, ("WWW-Authenticate", 'Basic realm="a, b"'), ("WWW-Authenticate", digest)), reply({"id": "1"}))
    assert connect(wire.base_url).get(GROUP, "read") == {"id": "1"}
    assert (wire.requests[1].authorization or "").startswith("Digest ")


def test_the_next_nonce_of_the_server_is_used(serve: Callable[..., Wire], connect: Connect) -> None:
    wire = serve(UNAUTHORIZED, reply({}, 200, ("Authentication-Info", 'nextnonce="n1"')), reply({}))
    client = connect(wire.base_url)
    client.get(GROUP, "read")
    client.get(GROUP, "read")
    assert [f'nonce="{nonce}"' in (one.authorization or "") for one, nonce in zip(wire.requests[1:], ("n0", "n1"))] == [
        True,
        True,
    ]


def test_a_nonce_that_went_stale_on_the_way_is_no_wrong_key(serve: Callable[..., Wire], connect: Connect) -> None:
    """RFC 7616, 3.3: stale=true says that the digest was right and only the nonce was not good any more."""
    stale = reply({}, 401, ("WWW-Authenticate", 'Digest realm="MMS Public API", nonce="n1", qop="auth", stale=true'))
    wire = serve(UNAUTHORIZED, stale, reply({"id": "1"}))
    assert connect(wire.base_url).get(GROUP, "read") == {"id": "1"}
    assert len(wire.requests) == 3


def test_a_server_that_finds_every_nonce_stale_is_given_up(serve: Callable[..., Wire], connect: Connect) -> None:
    wire = serve(reply({}, 401, ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", stale=true')))
    with pytest.raises(AuthError):
        connect(wire.base_url).get(GROUP, "read")
    assert 2 <= len(wire.requests) <= 10


def test_a_break_between_challenge_and_answer_is_no_wrong_key(serve: Callable[..., Wire], connect: Connect) -> None:
    wire = serve(UNAUTHORIZED, Reply(drop="close"), UNAUTHORIZED, reply({"id": "1"}))
    assert connect(wire.base_url).get(GROUP, "read") == {"id": "1"}
    assert len(wire.requests) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_shows_nothing_to_others(
    serve: Callable[..., Wire], connect: Connect, clock: FakeClock, status: int
) -> None:
    other = serve(reply({}))
    wire = serve(UNAUTHORIZED, reply({}, status, ("Location", other.base_url.replace("127.0.0.1", "localhost") + "/elsewhere")))
    with pytest.raises(Exception, match=rf"redirect to localhost.*not followed \(HTTP {status}\).*base_url"):
        connect(wire.base_url).get(GROUP, "read")
    assert (len(wire.requests), len(other.requests), clock.pauses) == (2, 0, [])


@pytest.mark.parametrize("location", [None, "", "/login", "//[bad", "http://[::1", "http://x:port/", "\u00fc", "javascript:1"])
def test_a_redirect_without_a_target_is_called_that(serve: Callable[..., Wire], connect: Connect, location: str | None) -> None:
    headers = [] if location is None else [("Location", location)]
    wire = serve(reply({}, 302, *headers))
    with pytest.raises(Exception, match=r"redirect.*HTTP 302.*base_url"):
        connect(wire.base_url).post(PEERS, {"a": 1}, "make")
    assert len(wire.requests) == 1


def test_a_next_link_to_another_host_gets_no_request_there(serve: Callable[..., Wire], connect: Connect) -> None:
    other = serve(page())
    wire = serve(UNAUTHORIZED, page({"id": "1"}, following=f"{other.base_url}/api/atlas/v2/evil?pageNum=2"), page({"id": "2"}))
    found = connect(wire.base_url).get_all(PEERS, {"providerName": "AWS"}, "list")
    assert [one["id"] for one in found] == ["1", "2"]
    assert other.requests == []
    assert wire.requests[2].path == "/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers"
    assert wire.requests[2].query == {"providerName": "AWS", "itemsPerPage": "500", "pageNum": "2"}


def test_the_netrc_file_is_neither_used_nor_sent(
    atlas: Atlas, connect: Connect, serve: Callable[..., Wire], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("default login netrc password geheim\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    connect(atlas.base_url).get(GROUP, "read")
    assert atlas.wire() == [("GET", 401), ("GET", 200)]
    wire = serve(UNAUTHORIZED, reply({}))
    connect(wire.base_url).get(GROUP, "read")
    secret = base64.b64encode(b"netrc:geheim").decode()
    sent: list[Any] = [one.headers for one in wire.requests]
    assert "geheim" not in repr(sent)
    assert secret not in repr(sent)
    assert wire.requests[0].authorization is None
