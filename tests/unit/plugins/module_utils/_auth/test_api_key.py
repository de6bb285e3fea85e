# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The API key as a credential: which refusals are worth another try, and which mean that the key is wrong."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.api_key import ApiKey


def challenge(nonce: str, more: str = "") -> dict[str, str]:
    return {"WWW-Authenticate": f'Digest realm="r", nonce="{nonce}", qop="auth"{more}'}


@pytest.fixture
def key() -> ApiKey:
    return ApiKey("public", "private")


def test_nothing_is_sent_before_the_first_challenge(key: ApiKey) -> None:
    assert key.authorization("GET", "/", b"") is None


def test_the_nonce_is_used_again_while_it_is_accepted(key: ApiKey) -> None:
    assert key.accept_challenge(challenge("one"), 1)
    for count in ("00000001", "00000002", "00000003"):
        header = key.authorization("GET", "/", b"")
        assert header is not None
        assert 'nonce="one"' in header
        assert f"nc={count}" in header
        key.accept_reply({})


def test_a_fresh_nonce_that_is_refused_means_a_wrong_key(key: ApiKey) -> None:
    assert key.accept_challenge(challenge("one"), 1)
    assert not key.accept_challenge(challenge("two"), 2)
    assert key.authorization("GET", "/", b"") is None


def test_a_nonce_that_once_worked_is_replaced_whatever_the_server_says_of_stale(key: ApiKey) -> None:
    for nonce, more in (("one", ""), ("two", ", stale=false"), ("three", ", stale=true")):
        assert key.accept_challenge(challenge(nonce, more), 1)
        assert f'nonce="{nonce}"' in (key.authorization("GET", "/", b"") or "")
        key.accept_reply({})


@pytest.mark.parametrize("headers", [{}, {"WWW-Authenticate": "Basic realm=x"}, {"WWW-Authenticate": ""}])
def test_a_refusal_without_a_digest_challenge_is_final(key: ApiKey, headers: dict[str, str]) -> None:
    assert not key.accept_challenge(headers, 1)
    assert key.authorization("GET", "/", b"") is None


def test_the_next_nonce_is_used_where_the_server_names_one(key: ApiKey) -> None:
    assert key.accept_challenge(challenge("one"), 1)
    key.accept_reply({"Authentication-Info": 'nextnonce="two", qop=auth'})
    header = key.authorization("GET", "/", b"") or ""
    assert 'nonce="two"' in header
    assert "nc=00000001" in header


def test_the_secret_never_stands_in_the_header(key: ApiKey) -> None:
    assert key.accept_challenge(challenge("one"), 1)
    assert "private" not in (key.authorization("GET", "/", b"") or "")


def test_a_reply_without_a_challenge_before_it_teaches_nothing(key: ApiKey) -> None:
    key.accept_reply({"Authentication-Info": 'nextnonce="two"'})
    assert key.authorization("GET", "/", b"") is None


def test_a_nonce_that_was_stale_at_once_is_no_wrong_key_but_not_for_ever(key: ApiKey) -> None:
    answers = [key.accept_challenge(challenge("n", ", stale=true"), refusals) for refusals in range(1, 20)]
    assert answers[:2] == [True, True]
    assert answers == sorted(answers, reverse=True)
    assert not answers[9]
