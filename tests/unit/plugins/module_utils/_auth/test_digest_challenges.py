"""The forms in which servers write a challenge: several at once, odd blanks, quotes, and what is no challenge at all."""

from __future__ import annotations

import random
import string

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.api_key import Challenge, parse_challenge

FOUND = Challenge("r", "n", None, ("auth",))
DIGEST = 'Digest realm="r", nonce="n", qop="auth"'


@pytest.mark.parametrize(
    "header",
    [
        DIGEST,
        DIGEST.lower().replace("digest", "DIGEST"),
        'digest REALM="r",NONCE="n",QOP="AUTH"',
        'Digest realm=r, nonce=n, qop=auth',
        'Digest\trealm="r"\t,\tnonce="n",\tqop="auth"',
        'Digest realm = "r" , nonce\t=\t"n", qop= "auth"',
        ', ,Digest realm="r",,nonce="n", ,qop="auth",',
        'Digest   realm="r", nonce="n", qop="auth"   ',
        'Digest qop="auth",nonce="n",realm="r"',
        f'Basic realm="simple", {DIGEST}',
        f'Basic realm="a, Digest realm=\\"x\\", nonce=\\"y\\"", {DIGEST}',
        f"{DIGEST}, Basic realm=other",
        f"Negotiate, {DIGEST}",
        f"{DIGEST}, Negotiate",
        f"NTLM TlRMTVNTUAACAAAA==, {DIGEST}",
        f"NTLM TlRMTVNTUAACAAAA== , {DIGEST}",
        f"Bearer, NTLM, {DIGEST}",
        f'Bearer realm="x", error="invalid_token", {DIGEST}, Basic realm="y"',
        f'Newauth realm="apps", type=1, title="Login to \\"apps\\"", {DIGEST}',
        f'Digest realm="r", nonce="n0", algorithm=TOKEN, qop="auth", {DIGEST}',
        f'Digest realm="r", nonce="n0", qop="auth-conf", {DIGEST}',
        f'Digest realm="r", nonce="", {DIGEST}',
        f'Digest nonce="n0", {DIGEST}',
        DIGEST + ', charset=UTF-8, extra="x, y=z"',
        DIGEST + ', nonce="second"',
        DIGEST + ', userhash=false',
    ],
)  # fmt: skip
def test_the_challenge_is_found(header: str) -> None:
    assert parse_challenge(header) == FOUND


@pytest.mark.parametrize(
    ("said", "stale"), [("true", True), ("TRUE", True), ('"true"', True), ("false", False), ("", False), ("yes", False)]
)
def test_stale_is_told(said: str, stale: bool) -> None:
    found = parse_challenge(f"{DIGEST}, stale={said}")
    assert found is not None
    assert found.stale == stale


def test_the_first_of_two_that_can_be_answered_is_taken() -> None:
    header = 'Digest realm="r", nonce="1", algorithm=SHA-256, qop="auth", Digest realm="r", nonce="2", algorithm=MD5, qop="auth"'
    assert parse_challenge(header) == Challenge("r", "1", "SHA-256", ("auth",))


def test_commas_equal_signs_and_escapes_stay_in_quoted_values() -> None:
    header = 'Digest realm="a, b=\\"c\\" \\\\ d", nonce="n,=", opaque="", qop=" auth , auth-int "'
    assert parse_challenge(header) == Challenge('a, b="c" \\ d', "n,=", None, ("auth", "auth-int"), "")


@pytest.mark.parametrize("algorithm", ["MD5", "md5", "MD5-sess", "md5-SESS", "SHA-256", "sha-256", "SHA-256-sess"])
def test_algorithms_are_known_in_any_spelling_and_keep_it(algorithm: str) -> None:
    found = parse_challenge(f'Digest realm="r", nonce="n", algorithm="{algorithm}"')
    assert (found, found.is_session) == (Challenge("r", "n", algorithm), algorithm.lower().endswith("-sess"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        ",",
        "=",
        '"',
        "Digest",
        "Digest realm",
        "Digest realm=",
        'Digest realm="r"',
        'Digest nonce="n"',
        'Digest realm="r", nonce=',
        'Digest realm="r, nonce="n"',
        'Digest realm="unfinished',
        'Digest realm="r\\", nonce="n',
        'Basic realm="Digest"',
        'Basic realm="r", nonce="n"',
        'Digestive realm="r", nonce="n"',
        'Digest realm="r", nonce="n", algorithm=MD4',
        'Digest realm="r", nonce="n", qop="auth-conf"',
        'realm="r", nonce="n", qop="auth"',
        "Digest AAAA==",
        "\x00\x01\x02",
        "<html>",
    ],
)
def test_what_is_no_challenge_that_can_be_answered_is_none(header: str | None) -> None:
    assert parse_challenge(header) is None


def test_noise_never_breaks_the_parser() -> None:
    source = random.Random(7616)
    pieces = ["Digest", "Basic", "realm", "nonce", "=", '"', "\\", ",", " ", "\t", "qop", "auth", "n", "==", "\u00e4"]
    found = 0
    for unused in range(5000):
        header = "".join(source.choice(pieces) for unused in range(source.randrange(25)))
        found += parse_challenge(header) is not None
    for unused in range(2000):
        header = "".join(source.choice(string.printable) for unused in range(source.randrange(60)))
        found += parse_challenge(header) is not None
    assert found < 100


def test_a_long_header_is_read_in_linear_steps() -> None:
    """A server cannot keep the client busy: this would not end if blanks, tokens or quotes were tried in every way."""
    for piece in ('"', "a ", "a=", " ", '\\"', "a", "=", 'a="', "\t,"):
        assert parse_challenge("Digest " + piece * 20000) is None


# The challenges of servers that were tried, as they wrote them, and the algorithm and the qualities of protection that they mean.
SERVERS = {
    "Apache": ('Digest realm="r", nonce="0apK=87e8", algorithm=MD5, domain="/api/ /other", qop="auth"', "MD5", ("auth",)),
    "Apache, one use": ('Digest realm="r", nonce="BwA=37fd", algorithm=MD5, opaque="2", qop="auth"', "MD5", ("auth",)),
    "CherryPy": ('Digest realm="r", nonce="17:71", algorithm="MD5", qop="auth", charset="UTF-8"', "MD5", ("auth",)),
    "Flask-DigestAuth": (
        'Digest realm="r", nonce="MjY.aw.o-Q", opaque="Mz.aw.e", qop="auth,auth-int"',
        None,
        ("auth", "auth-int"),
    ),
    "Flask-HTTPAuth": ('Digest realm="r",nonce="Q+/=",opaque="o==",algorithm="MD5-Sess",qop="auth"', "MD5-Sess", ("auth",)),
    "Jetty": ('Digest realm="r", domain="/", nonce="RJ+w", algorithm=MD5, qop="auth", stale=false', "MD5", ("auth",)),
    "lighttpd": (
        'Digest realm="r", charset="UTF-8", algorithm=SHA-256, nonce="6b:7", qop="auth", '
        'Digest realm="r", charset="UTF-8", algorithm=MD5, nonce="6b:f", qop="auth"',
        "SHA-256",
        ("auth",),
    ),
    "node http-auth": ('Digest realm="r", qop="", nonce="d3", algorithm="MD5", stale="false"', "MD5", ()),
    "passport-http": ('Digest realm="r", domain="/api /x", nonce="CsHw", opaque="a,b=c;/+==", algorithm=MD5', "MD5", ()),
    "PHP's manual": ('Digest realm="r",qop="auth",nonce="6b06",opaque="3071"', None, ("auth",)),
    "Twisted": (
        'basic realm="basic realm", digest nonce="3a", opaque="ce-M2==", qop="auth", algorithm="md5", realm="r"',
        "md5",
        ("auth",),
    ),
    "WEBrick": (
        'Digest realm="r", nonce="MDA=", opaque="IO", stale=false, algorithm=MD5-sess, qop="auth-int"',
        "MD5-sess",
        ("auth-int",),
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_the_challenges_of_other_servers_are_read(name: str) -> None:
    header, algorithm, qop = SERVERS[name]
    found = parse_challenge(header)
    assert found is not None
    assert (found.realm, found.algorithm, found.qop, found.stale) == ("r", algorithm, qop, False)
