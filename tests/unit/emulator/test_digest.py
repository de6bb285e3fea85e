"""The digest server, without HTTP."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.digest import (
    DigestServer,
    Nonces,
    Verdict,
    parse_authorization,
    response_digest,
)

URI = "/api/atlas/v2/groups?pageNum=1&x=%2F"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
# RFC 7616, 3.9.1.
VECTOR = {
    "realm": "http-auth@example.org",
    "uri": "/dir/index.html",
    "nonce": NONCE,
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
}


@pytest.fixture
def nonces(clock):
    """Return nonces that live for a minute."""
    return Nonces(60, clock)


@pytest.fixture
def server(nonces):
    """Return a server for one user."""
    return DigestServer("user", "secret", nonces)


def answer(server, nonce=None, method="GET", password="secret", algorithm="MD5", **changes):
    """Return the header with which a client answers a challenge, or one with these parameters changed or (None) left out."""
    nonce = nonce or re.search(r'nonce="([^"]+)"', server.challenge())[1]
    params = {"username": "user", "realm": "MMS Public API", "nonce": nonce, "uri": URI, "nc": "00000001", "cnonce": "0a4f113b"}
    params |= {name: value for name, value in changes.items() if name in params and value is not None}
    params["response"] = response_digest(algorithm, params["username"], password, method, params)
    params |= {"qop": "auth", "algorithm": algorithm, **changes}
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in params.items() if value is not None)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_vectors_of_rfc_7616(algorithm, expected):
    """The digest is the one that the RFC computes."""
    assert response_digest(algorithm, "Mufasa", "Circle of Life", "GET", VECTOR) == expected


def test_challenge_has_the_shape_of_atlas(server):
    """Order, spacing and quoting are those seen on the wire."""
    shape = r'Digest realm="MMS Public API", domain="", nonce="[\w-]+", algorithm=MD5, qop="auth", stale=(false|true)'
    assert re.fullmatch(shape, server.challenge())[1] == "false"
    assert re.fullmatch(shape, server.challenge(stale=True))[1] == "true"
    assert server.challenge() != server.challenge()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_right_answer_is_accepted(nonces, algorithm):
    """Both algorithms work."""
    server = DigestServer("user", "secret", nonces, algorithm)
    assert server.check("GET", (URI,), answer(server, algorithm=algorithm)) is Verdict.ACCEPTED


def test_missing_algorithm_means_md5(server, nonces):
    """As RFC 7616, 3.3, has it; a server for another algorithm refuses."""
    assert server.check("GET", (URI,), answer(server)) is Verdict.ACCEPTED
    header = re.sub(', algorithm="MD5"', "", answer(server))
    assert "algorithm" not in header
    assert server.check("GET", (URI,), header) is Verdict.ACCEPTED
    other = DigestServer("user", "secret", nonces, "SHA-256")
    assert other.check("GET", (URI,), re.sub(', algorithm="SHA-256"', "", answer(other, algorithm="SHA-256"))) is Verdict.REFUSED


def test_no_header_is_absent(server):
    """Nothing was refused, since nothing was sent."""
    assert server.check("GET", (URI,), None) is Verdict.ABSENT


def test_method_is_bound(server):
    """An answer for a GET opens no DELETE."""
    assert server.check("DELETE", (URI,), answer(server)) is Verdict.REFUSED


@pytest.mark.parametrize("target", ["/api/atlas/v2/groups", URI + "&y=1", URI.replace("%2F", "/"), URI.replace("%2F", "%2f")])
def test_uri_is_bound_as_it_was_sent(server, target):
    """The target is compared byte for byte, query included."""
    assert server.check("GET", (target,), answer(server)) is Verdict.REFUSED


@pytest.mark.parametrize(
    "changes",
    [
        {"realm": "elsewhere"},
        {"username": "somebody"},
        {"password": "wrong"},
        {"qop": "auth-int"},
        {"qop": None},
        {"cnonce": None},
        {"nc": None},
        {"nc": "1"},
        {"nc": "0000000g"},
        {"nc": "000000001"},
        {"uri": None},
        {"nonce": None},
        {"response": None},
        {"response": "0" * 32},
        {"response": "\udcff"},
        {"algorithm": "MD5-sess"},
        {"algorithm": "SHA-256"},
    ],
    ids=str,
)
def test_wrong_parameters_are_refused(server, changes):
    """Each parameter counts."""
    algorithm = changes.get("algorithm")
    header = answer(server, **changes) if not algorithm else answer(server).replace('"MD5"', f'"{algorithm}"')
    if changes == {"nonce": None}:
        header = re.sub(r'nonce="[^"]+", ', "", answer(server), count=1)
    assert server.check("GET", (URI,), header) is Verdict.REFUSED


def test_count_is_good_once(server):
    """Counts come in any order, since requests on several connections overtake each other; none comes twice."""
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    counts = ("00000001", "00000001", "0000000a", "00000009", "0000000A", "00000000")
    verdicts = [server.check("GET", (URI,), answer(server, nonce, nc=count)) for count in counts]
    assert [verdict is Verdict.ACCEPTED for verdict in verdicts] == [True, False, True, True, False, True]
    assert set(verdicts) == {Verdict.ACCEPTED, Verdict.STALE}


def test_nonce_ages(server, clock):
    """A right answer over an old nonce is stale, a wrong one is refused."""
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    clock.sleep(60)
    assert server.check("GET", (URI,), answer(server, nonce)) is Verdict.ACCEPTED
    clock.sleep(0.1)
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000002")) is Verdict.STALE
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000003", password="wrong")) is Verdict.REFUSED


def test_unknown_nonce_is_stale(server):
    """Somebody else's nonce is told like an old one."""
    assert server.check("GET", (URI,), answer(server, NONCE)) is Verdict.STALE
    assert server.check("GET", (URI,), answer(server, NONCE, password="wrong")) is Verdict.REFUSED


def test_refused_answers_use_up_no_count(server):
    """Who has no key cannot disturb who has it."""
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000009", password="wrong")) is Verdict.REFUSED
    assert server.check("GET", (URI,), answer(server, nonce)) is Verdict.ACCEPTED


def test_nonce_for_a_single_use(clock):
    """A life of no seconds means one request, however late."""
    server = DigestServer("user", "secret", Nonces(0, clock))
    nonce = re.search(r'nonce="([^"]+)"', server.challenge())[1]
    clock.sleep(1000)
    assert server.check("GET", (URI,), answer(server, nonce)) is Verdict.ACCEPTED
    assert server.check("GET", (URI,), answer(server, nonce, nc="00000002")) is Verdict.STALE


def test_nonces_are_bound_in_number(clock):
    """Expired ones go first, then the oldest."""
    nonces = Nonces(60, clock, limit=3)
    old = nonces.issue()
    clock.sleep(61)
    kept = [nonces.issue() for number in range(3)]
    assert len(nonces) == 3
    newest = nonces.issue()
    assert len(nonces) == 3
    assert [nonces.spend(nonce, 1) for nonce in (old, *kept, newest)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Digest a="1", b=2', {"a": "1", "b": "2"}),
        ('dIGEST  A = "1" ,,B=2 , ', {"a": "1", "b": "2"}),
        (r'Digest a="say \"hi\", \\ok"', {"a": r'say "hi", \ok'}),
        ('Digest a="",b="x=y"', {"a": "", "b": "x=y"}),
        ("Digest", {}),
        ("Basic dXNlcjpzZWNyZXQ=", None),
        ("Bearer abc", None),
        ("", None),
        ('Digest a="1', None),
        ("Digest a", None),
        ('Digest a="1" b="2"', None),
        ('Digest a="1", A="2"', None),
        ("Digest =1", None),
    ],
)
def test_parsing(header, expected):
    """Whatever the RFCs allow is read, and nothing else."""
    assert parse_authorization(header) == expected


def test_a_nonce_can_be_bound_to_its_connection(server: DigestServer) -> None:
    nonce = re.search(r'nonce="([^"]+)"', server.challenge(connection="one"))[1]
    assert server.check("GET", (URI,), answer(server, nonce), "two") is Verdict.STALE
    assert server.check("GET", (URI,), answer(server, nonce), "one") is Verdict.ACCEPTED
