"""Credentials over HTTP, and where they may be used from."""

from __future__ import annotations

import pytest
import requests

VERSIONED = "application/vnd.atlas.2023-01-01+json"


def error(response):
    """Return status and code of an error."""
    return response.status_code, response.json()["errorCode"]


def test_challenge(api):
    """The first 401 is of a kind of its own, and comes before anything else is looked at."""
    for path in ("/api/atlas/v2", "/api/atlas/v9/nothing", "/", "/api/atlas/v2/groups/x/peers"):
        for method in ("GET", "DELETE", "PROPFIND"):
            response = requests.request(method, api.emulator.base_url + path, timeout=10)
            assert error(response) == (401, "UNEXPECTED_ERROR")
            assert response.headers["X-Error-Code"] == "UNEXPECTED_ERROR"
            assert "parameters" not in response.json()
            assert response.headers["WWW-Authenticate"].startswith('Digest realm="MMS Public API", domain="", nonce="')
            assert response.headers["WWW-Authenticate"].endswith('", algorithm=MD5, qop="auth", stale=false')


@pytest.mark.parametrize("header", ["Basic ZW11bGF0b3I6eA==", "Bearer abc", "Digest", 'Digest a="', "\x80\xff"])
def test_other_credentials(api, header):
    """Whatever is no answer to the challenge is refused with a new one."""
    response = requests.get(api.root, headers={"Authorization": header.encode("latin-1")}, timeout=10)
    assert error(response) == (401, "USER_UNAUTHORIZED")
    assert response.json()["parameters"] == []
    assert "stale=false" in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("half", ["username", "password"])
def test_wrong_key(api, half):
    """It costs two requests and is refused with another code than the challenge."""
    setattr(api.session.auth, half, "wrong")
    assert error(api.call("GET")) == (401, "USER_UNAUTHORIZED")
    log = api.emulator.requests.entries()
    assert [(entry["status"], entry["authenticated"]) for entry in log][:2] == [(401, False), (401, False)]


def test_stale_nonce_is_renewed(api):
    """A client that keeps its session goes on after its nonce is forgotten."""
    api.call("GET")
    api.emulator.reset()
    seen = []
    response = api.call("GET", hooks={"response": lambda answer, **_: seen.append(answer)})
    assert response.status_code == 200
    assert [answer.status_code for answer in [*response.history, response]] == [401, 200]
    assert "stale=true" in response.history[0].headers["WWW-Authenticate"]
    assert error(response.history[0]) == (401, "UNEXPECTED_ERROR")


def test_replayed_header(api):
    """The same header opens nothing a second time, nor anything else."""
    header = api.call("GET").request.headers["Authorization"]
    for url in (api.group, api.root):
        response = requests.get(url, headers={"Authorization": header, "Accept": VERSIONED}, timeout=10)
        assert response.status_code == 401


def test_sha_256(start):
    """The government cloud's algorithm."""
    api = start(algorithm="SHA-256")
    response = api.call("GET")
    assert response.status_code == 200
    assert "algorithm=SHA-256," in response.history[0].headers["WWW-Authenticate"]


def test_access_list_of_the_key(start):
    """The refusal says whose address it was, and only to who has the key."""
    api = start(key_access_list=("10.0.0.0/8", "192.0.2.7"))
    response = api.call("GET")
    assert error(response) == (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST")
    assert response.json()["parameters"] == ["127.0.0.1"]
    assert "127.0.0.1" in response.json()["detail"]
    assert requests.get(api.root, headers={"X-Forwarded-For": "10.0.0.1"}, timeout=10).status_code == 401
    assert api.call("GET", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 403
    assert start(key_access_list=("10.0.0.0/8", "127.0.0.0/8")).call("GET").status_code == 200
