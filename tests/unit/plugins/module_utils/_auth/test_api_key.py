"""The API key as a credential: which refusals are worth another try, and which mean that the key is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.api_key import ApiKey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.exchange import Reply


@dataclass
class Outgoing:
    """A request before it is sent."""

    method: str = "GET"
    path_url: str = "/"
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def challenge(nonce: str, more: str = "") -> Reply:
    return Reply(401, {"WWW-Authenticate": f'Digest realm="r", nonce="{nonce}", qop="auth"{more}'}, b"")


def accepted(info: str = "") -> Reply:
    return Reply(200, {"Authentication-Info": info} if info else {}, b"{}")


def sent(key: ApiKey, *replies: Reply) -> list[str | None]:
    """Send one request, which gets these replies in turn; return its `Authorization` header each time."""
    request, headers = Outgoing(), []
    flow = key.sign_in(request, lambda: 1.0)
    next(flow)
    for reply in replies:
        headers.append(request.headers.get("Authorization"))
        try:
            flow.send(reply)
        except StopIteration:
            return headers
    raise AssertionError("it wants to be sent once more")


def nonces(headers: list[str | None]) -> list[str | None]:
    found = [re.search('nonce="([^"]*)"', header or "") for header in headers]
    return [match and match[1] for match in found]


@pytest.fixture
def key() -> ApiKey:
    return ApiKey("public", "private")


def test_nothing_is_sent_before_the_first_challenge(key: ApiKey) -> None:
    assert sent(key, accepted()) == [None]


def test_the_nonce_is_used_again_while_it_is_accepted(key: ApiKey) -> None:
    headers = [*sent(key, challenge("one"), accepted())[1:], *sent(key, accepted()), *sent(key, accepted())]
    for header, count in zip(headers, ("00000001", "00000002", "00000003"), strict=True):
        assert header is not None
        assert [word for word in ('nonce="one"', f"nc={count}") if word not in header] == []


def test_a_fresh_nonce_that_is_refused_means_a_wrong_key(key: ApiKey) -> None:
    assert len(sent(key, challenge("one"), challenge("two"), accepted())) == 2
    assert sent(key, accepted()) == [None]


def test_a_nonce_that_worked_is_replaced_whatever_stale_says(key: ApiKey) -> None:
    for nonce, more in (("one", ""), ("two", ", stale=false"), ("three", ", stale=true")):
        unused, header = sent(key, challenge(nonce, more), accepted())
        assert f'nonce="{nonce}"' in (header or "")


@pytest.mark.parametrize("headers", [{}, {"WWW-Authenticate": "Basic realm=x"}, {"WWW-Authenticate": ""}])
def test_a_refusal_without_a_digest_challenge_is_final(key: ApiKey, headers: dict[str, str]) -> None:
    assert sent(key, Reply(401, headers, b""), accepted()) == [None]
    assert sent(key, accepted()) == [None]


def test_the_next_nonce_is_used_where_the_server_names_one(key: ApiKey) -> None:
    sent(key, challenge("one"), accepted('nextnonce="two", qop=auth'))
    header = sent(key, accepted())[0] or ""
    assert [word for word in ('nonce="two"', "nc=00000001") if word not in header] == []


def test_the_secret_never_stands_in_the_header(key: ApiKey) -> None:
    header = sent(key, challenge("one"), accepted())[1]
    assert header
    assert "private" not in header


def test_a_reply_without_a_challenge_before_it_teaches_nothing(key: ApiKey) -> None:
    sent(key, accepted('nextnonce="two"'))
    assert sent(key, accepted()) == [None]


def test_a_nonce_that_is_stale_at_once_is_replaced_a_few_times(key: ApiKey) -> None:
    assert 3 <= len(sent(key, *[challenge("n", ", stale=true")] * 20)) <= 10


def test_connections_share_a_nonce_and_its_count(key: ApiKey) -> None:
    one, other = key.for_connection(), key.for_connection()
    sent(one, challenge("a"), accepted())
    (header,) = sent(other, accepted())
    assert 'nonce="a"' in (header or "")
    assert "nc=00000002" in (header or "")


def test_after_a_refused_nonce_each_connection_has_its_own(key: ApiKey) -> None:
    one, other, third = key.for_connection(), key.for_connection(), key.for_connection()
    sent(one, challenge("a"), accepted())
    assert nonces(sent(other, challenge("b"), accepted())) == ["a", "b"]
    assert nonces(sent(one, accepted())) == ["a"]
    assert nonces(sent(other, accepted())) == ["b"]
    assert nonces(sent(third, challenge("c"), accepted())) == [None, "c"]
    assert nonces(sent(one, challenge("d"), accepted())) == ["a", "d"]
    assert nonces(sent(other, accepted())) == ["b"]


def test_a_nonce_that_ages_is_replaced_for_all_connections(key: ApiKey) -> None:
    one, other = key.for_connection(), key.for_connection()
    sent(one, challenge("a"), accepted())
    sent(one, challenge("b"), accepted())
    assert nonces(sent(other, accepted())) == ["b"]


def test_a_wrong_key_is_tried_as_often_on_several_connections(key: ApiKey) -> None:
    one, other = key.for_connection(), key.for_connection()
    assert len(sent(one, challenge("a"), challenge("b"), accepted())) == 2
    assert len(sent(other, challenge("c"), challenge("d"), accepted())) == 2
