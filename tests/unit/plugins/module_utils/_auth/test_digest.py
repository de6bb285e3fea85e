"""HTTP digest against the published vectors, and the many forms in which servers write a challenge."""

from __future__ import annotations

import hashlib
import re

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.api_key import (
    Challenge,
    DigestSession,
    parse_challenge,
    parse_next_nonce,
)

RFC_7616 = {
    "realm": "http-auth@example.org",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "qop": ("auth", "auth-int"),
    "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
}
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
NEEDS_SHA512_256 = pytest.mark.skipif("sha512_256" not in hashlib.algorithms_available, reason="this OpenSSL has no SHA-512/256")


def fields(header: str) -> dict[str, str]:
    """Read an Authorization header strictly: the scheme, then name=value with or without quotes, and nothing else."""
    scheme, rest = header.split(" ", 1)
    assert scheme == "Digest"
    parameter = r'([a-z]+)=("(?:[^"\\]|\\.)*"|[^",\s]+)'
    assert re.fullmatch(f"{parameter}(, {parameter})*", rest)
    return {match[0]: match[1] for match in re.findall(parameter, rest)}


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        (None, "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_vectors_of_rfc_7616_come_out(algorithm: str | None, response: str) -> None:
    session = DigestSession(Challenge(algorithm=algorithm, **RFC_7616), "Mufasa", "Circle of Life", CNONCE)
    got = fields(session.authorization("GET", "/dir/index.html"))
    assert got["response"] == f'"{response}"'
    assert got.get("algorithm") == algorithm
    assert (got["qop"], got["nc"], got["cnonce"]) == ("auth", "00000001", f'"{CNONCE}"')
    assert (got["opaque"], got["uri"]) == (f'"{RFC_7616["opaque"]}"', '"/dir/index.html"')


@NEEDS_SHA512_256
def test_the_vector_with_a_hashed_user_name_follows_the_erratum() -> None:
    challenge = Challenge(
        "api@example.org",
        "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
        "SHA-512-256",
        ("auth",),
        "HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS",
        userhash=True,
    )
    session = DigestSession(challenge, "J\u00e4s\u00f8n Doe", "Secret, or not?", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v")
    got = fields(session.authorization("GET", "/doe.json"))
    assert got["username"] == '"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"'
    assert got["response"] == '"3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"'
    assert got["userhash"] == "true"


def test_a_server_of_rfc_2069_gets_a_response_without_count() -> None:
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    got = fields(DigestSession(challenge, "Mufasa", "Circle Of Life", "c").authorization("GET", "/dir/index.html"))
    assert got["response"] == '"670fd8c2df070c60b045671b8b24ff02"'
    assert not {"qop", "nc", "cnonce", "algorithm", "opaque"} & set(got)


def test_the_vector_of_rfc_2617_comes_out() -> None:
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=("auth",))
    got = fields(DigestSession(challenge, "Mufasa", "Circle Of Life", "0a4f113b").authorization("GET", "/dir/index.html"))
    assert got["response"] == '"6629fae49393a05397450978507c4ef1"'


def test_auth_int_covers_the_body() -> None:
    session = DigestSession(Challenge("r", "n", qop=("auth-int",)), "u", "p", "c")
    got = fields(session.authorization("POST", "/x?y=1", b"body"))
    expected = md5(f"{md5('u:r:p')}:n:00000001:c:auth-int:{md5('POST:/x?y=1:' + md5('body'))}")
    assert (got["qop"], got["response"]) == ("auth-int", f'"{expected}"')


def test_auth_int_without_a_body_covers_the_empty_body() -> None:
    got = fields(DigestSession(Challenge("r", "n", qop=("auth-int",)), "u", "p", "c").authorization("GET", "/"))
    assert got["response"] == f'"{md5(md5("u:r:p") + ":n:00000001:c:auth-int:" + md5("GET:/:" + md5("")))}"'


@pytest.mark.parametrize("qop", [("auth",), ()])
def test_a_sess_algorithm_keeps_the_client_nonce_of_its_key(qop: tuple[str, ...]) -> None:
    session = DigestSession(Challenge("r", "n", "MD5-sess", qop), "u", "p", "c")
    key = md5(md5("u:r:p") + ":n:c")
    for count in ("00000001", "00000002"):
        got = fields(session.authorization("GET", "/"))
        middle = f"n:{count}:c:auth" if qop else "n"
        expected = md5(key + ":" + middle + ":" + md5("GET:/"))
        assert (got["response"], got["cnonce"]) == (f'"{expected}"', '"c"')


def test_the_key_of_a_sess_algorithm_outlives_a_next_nonce() -> None:
    """RFC 7616, 3.4.2: it is made once, of the nonce of the challenge and the first client nonce."""
    session = DigestSession(Challenge("r", "n", "MD5-sess", ("auth",)), "u", "p", "c")
    session.authorization("GET", "/")
    session.use_nonce("n2")
    got = fields(session.authorization("GET", "/"))
    assert got["response"] == '"' + md5(md5(md5("u:r:p") + ":n:c") + ":n2:00000001:c:auth:" + md5("GET:/")) + '"'


def test_the_count_is_hexadecimal_and_starts_with_each_nonce() -> None:
    session = DigestSession(Challenge("r", "n", qop=("auth",)), "u", "p")
    counts = [fields(session.authorization("GET", "/"))["nc"] for unused in range(17)]
    assert counts == [f"{count:08x}" for count in range(1, 18)]
    session.use_nonce("n")
    assert fields(session.authorization("GET", "/"))["nc"] == "00000012"
    session.use_nonce("other")
    got = fields(session.authorization("GET", "/"))
    assert (got["nc"], got["nonce"]) == ("00000001", '"other"')


def test_two_sessions_do_not_share_a_client_nonce() -> None:
    nonces = {
        fields(DigestSession(Challenge("r", "n", qop=("auth",)), "u", "p").authorization("GET", "/"))["cnonce"]
        for unused in range(20)
    }
    assert len(nonces) == 20


def test_quotes_are_escaped_and_other_scripts_are_utf_8() -> None:
    challenge = Challenge('a "b" \\ c', "n", qop=("auth",))
    header = DigestSession(challenge, "J\u00e4s\u00f8n", "p", "c").authorization("GET", "/")
    assert 'realm="a \\"b\\" \\\\ c"' in header
    assert header.encode("latin-1").decode().startswith('Digest username="J\u00e4s\u00f8n", ')
    expected = md5(md5('J\u00e4s\u00f8n:a "b" \\ c:p') + ":n:00000001:c:auth:" + md5("GET:/"))
    assert f'response="{expected}"' in header


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_what_a_server_writes_goes_back_byte_for_byte(encoding: str) -> None:
    """Apache and lighttpd write the bytes of their settings, whatever those are, and hash the same bytes."""
    realm, opaque = "Z\u00fcrich".encode(encoding), "\u00fc\u00b0".encode(encoding)
    challenge = b'Digest realm="' + realm + b'", nonce="n", opaque="' + opaque + b'", qop="auth", charset=UTF-8'
    found = parse_challenge(challenge.decode("latin-1"))
    assert found is not None
    header = DigestSession(found, "J\u00fcrg", "p", "c").authorization("GET", "/").encode("latin-1")
    assert b'realm="' + realm + b'"' in header
    assert b'opaque="' + opaque + b'"' in header
    secret = hashlib.md5("J\u00fcrg".encode() + b":" + realm + b":p").hexdigest()
    assert f'response="{md5(secret + ":n:00000001:c:auth:" + md5("GET:/"))}"'.encode() in header


@pytest.mark.parametrize(
    ("header", "nonce"),
    [
        (None, None),
        ("", None),
        ('nextnonce="abc"', "abc"),
        ('qop=auth, nextnonce="a,b", nc=00000001', "a,b"),
        ("nextnonce=t", "t"),
        ('rspauth="nextnonce=x"', None),
        ('nextnonce=""', None),
        (",,,", None),
        ('NextNonce = "abc"', "abc"),
    ],
)
def test_the_next_nonce_is_found(header: str | None, nonce: str | None) -> None:
    assert parse_next_nonce(header) == nonce


def test_the_challenge_of_atlas_is_read() -> None:
    header = 'Digest realm="MMS Public API", domain="", nonce="abc+/=", algorithm=MD5, qop="auth", stale=false'
    assert parse_challenge(header) == Challenge("MMS Public API", "abc+/=", "MD5", ("auth",))
