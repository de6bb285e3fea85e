"""Service accounts: tokens are given out, used, revoked and limited."""

from __future__ import annotations

import base64
import json
import socket
from urllib.parse import quote_plus, urlsplit

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.oauth import TokenServer, TooManyError, parse_basic, parse_bearer
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import VERSIONED
from hypothesis import given, settings
from hypothesis import strategies as st

GRANT = {"grant_type": "client_credentials"}
FORM = "application/x-www-form-urlencoded"


def ask(api, data=None, auth=None, path="token", method="POST", **arguments):
    """Send a request for a token, by default a right one."""
    settings = api.emulator.settings
    auth = auth or (settings.client_id, settings.client_secret)
    url = f"{api.emulator.base_url}/api/oauth/{path}"
    return requests.request(method, url, data=GRANT if data is None else data, auth=auth, timeout=10, **arguments)


def use(api, token, scheme="Bearer", path="/peers"):
    """Use a token."""
    headers = {"Authorization": f"{scheme} {token}", "Accept": VERSIONED}
    return requests.get(api.group + path, headers=headers, timeout=10)


def test_from_request_to_revocation(api):
    """A token opens what the key opens, until it is revoked."""
    response = ask(api)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.headers["Cache-Control"] == "no-store"
    content = response.json()
    assert content.keys() == {"access_token", "expires_in", "token_type"}
    assert (content["expires_in"], content["token_type"]) == (3600, "Bearer")
    token = content["access_token"]
    assert use(api, token).json()["results"] == []
    assert use(api, token, scheme="bearer").status_code == 200
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(api.emulator.base_url + "/api/atlas/v1.0", headers=headers, timeout=10).status_code == 200
    revoked = ask(api, {"token": token, "token_type_hint": "access_token"}, path="revoke")
    assert (revoked.status_code, revoked.content) == (200, b"")
    refused = use(api, token)
    assert (refused.status_code, refused.json()["errorCode"]) == (401, "USER_UNAUTHORIZED")
    assert token not in refused.text
    assert ask(api, {"token": token}, path="revoke").status_code == 200


def test_absolute_target(api):
    """A target with scheme and host, as clients of a proxy send it, is served as one without."""
    settings, address = api.emulator.settings, urlsplit(api.emulator.base_url)
    basic = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
    lines = ["POST http://localhost/api/oauth/token HTTP/1.0", f"Authorization: Basic {basic}", f"Content-Type: {FORM}"]
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall("\r\n".join([*lines, "Content-Length: 29", "", "grant_type=client_credentials"]).encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_digest_beside(api):
    """The key goes on being good, and a peer made with the one is seen with the other."""
    peer = api.make_peer()
    assert use(api, ask(api).json()["access_token"], path=f"/peers/{peer['id']}").json()["id"] == peer["id"]


def test_expiry(start):
    """A token that has ended is refused like one that never was."""
    api, now = start(token_seconds=0.3), [1000.0]
    api.emulator.tokens._clock = lambda: now[0]
    response = ask(api)
    assert response.json()["expires_in"] == 0
    token = response.json()["access_token"]
    now[0] += 0.2
    assert use(api, token).status_code == 200
    now[0] += 0.2
    for wrong in (token, "never-was"):
        refused = use(api, wrong)
        assert (refused.status_code, refused.json()["errorCode"]) == (401, "USER_UNAUTHORIZED")


def test_reset_forgets(api):
    """Also tokens."""
    token = ask(api).json()["access_token"]
    api.control("POST", "/reset")
    assert use(api, token).status_code == 401


@pytest.mark.parametrize("path", ["token", "revoke"])
@pytest.mark.parametrize("auth", [("wrong", None), (None, "wrong"), ("", ""), ("\u00fc", "\u20ac"), (None, "")], ids=ascii)
def test_wrong_client(api, path, auth):
    """RFC 6749, 5.2: 401 with a challenge of the scheme that was used."""
    settings = api.emulator.settings
    user, password = (
        given if given is not None else right for given, right in zip(auth, (settings.client_id, settings.client_secret))
    )
    response = ask(api, auth=(user.encode(), password.encode()), path=path)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.json()["error_description"]
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize(
    "header", [None, "", "Basic", "Basic !", "Basic YQ==", "Basic /w==", "Bearer abc", 'Digest a="b"', "basic \x80"]
)
def test_no_client(api, header):
    """Anything that is no Basic of an id and a secret; the API key opens nothing here."""
    headers = {"Content-Type": FORM}
    if header is not None:
        headers["Authorization"] = header.encode("latin-1")
    response = requests.post(
        f"{api.emulator.base_url}/api/oauth/token", b"grant_type=client_credentials", headers=headers, timeout=10
    )
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    key = (api.emulator.settings.public_key, api.emulator.settings.private_key)
    assert ask(api, auth=key).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (b"grant_type=\xff", "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(200)), "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type=CLIENT_CREDENTIALS", "unsupported_grant_type"),
        ("grant_type=%ff", "unsupported_grant_type"),
        ('{"grant_type": "client_credentials"}', "invalid_request"),
    ],
)
def test_wrong_forms(api, data, error):
    """RFC 6749, 5.2."""
    response = ask(api, data, headers={"Content-Type": FORM})
    assert (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "", "multipart/form-data"])
def test_wrong_types(api, content_type):
    """The body has to be a form, and to say so."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    for path in ("token", "revoke"):
        response = ask(api, b"grant_type=client_credentials&token=a", path=path, headers=headers)
        assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_revoking_nothing(api):
    """A request without a token is not right; one with an unknown token is (RFC 7009, 2.2)."""
    assert ask(api, {"token": ""}, path="revoke").json()["error"] == "invalid_request"
    assert ask(api, {"token": "unknown"}, path="revoke").status_code == 200


def test_large_body(api):
    """It is bounded."""
    for path in ("token", "revoke"):
        response = ask(api, b"a" * (2 << 20), path=path, headers={"Content-Type": FORM})
        assert (response.status_code, response.json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_methods(api, method):
    """Only POST."""
    response = ask(api, method=method)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert ask(api, path="nothing").status_code == 401


def test_limit_of_live_tokens(start):
    """The one too many is refused until another one is revoked, with the error in docs/mcp-server/remote-mcp/rate-limits."""
    api = start(max_tokens=3, token_seconds=1000)
    tokens = [ask(api).json()["access_token"] for unused in range(3)]
    refused = ask(api)
    assert (refused.status_code, refused.json()["error"]) == (403, "access_denied")
    assert refused.json()["error_description"]
    assert "Retry-After" not in refused.headers
    ask(api, {"token": tokens[1]}, path="revoke")
    assert ask(api).status_code == 200
    assert ask(api).status_code == 403
    assert [use(api, token).status_code for token in tokens] == [200, 401, 200]


def test_limit_of_requests(start):
    """Those that come to nothing count too; revoking does not."""
    api = start(max_token_requests=3)
    token = ask(api).json()["access_token"]
    assert ask(api, auth=("a", "b")).status_code == 401
    for unused in range(5):
        ask(api, {"token": "x"}, path="revoke")
    assert ask(api).status_code == 200
    refused = ask(api)
    assert (refused.status_code, refused.json()["errorCode"]) == (429, "RATE_LIMITED")
    assert 50 < int(refused.headers["Retry-After"]) <= 60
    assert use(api, token).status_code == 200


def server(clock, **options):
    """Return a server of tokens on a clock that stands still."""
    options = {"lifetime": 3600, "max_tokens": 100, "max_requests": 50, **options}
    return TokenServer(("id", "a secret+%"), clock=clock, **options)


def test_windows(clock):
    """A request counts for a minute, for its own address."""
    tokens = server(clock, max_requests=2)
    for pause in (0, 30):
        clock.sleep(pause)
        tokens.count_request("192.0.2.1")
    with pytest.raises(TooManyError) as caught:
        tokens.count_request("192.0.2.1")
    assert caught.value.retry_after == 30
    tokens.count_request("192.0.2.2")
    clock.sleep(30)
    tokens.count_request("192.0.2.1")
    with pytest.raises(TooManyError):
        tokens.count_request("192.0.2.1")


def test_lives(clock):
    """A hundred at a time; the oldest ends first."""
    tokens = server(clock)
    first = tokens.issue()
    clock.sleep(3000)
    for unused in range(99):
        tokens.issue()
    with pytest.raises(TooManyError) as caught:
        tokens.issue()
    assert caught.value.retry_after == 600
    clock.sleep(599.9)
    assert tokens.is_live(first)
    clock.sleep(0.1)
    assert not tokens.is_live(first)
    assert tokens.is_live(tokens.issue())
    none = server(clock, max_tokens=0, max_requests=0)
    for refused in (none.issue, lambda: none.count_request("192.0.2.1")):
        with pytest.raises(TooManyError):
            refused()


def test_encoded_credentials(clock):
    """RFC 6749, 2.3.1, has them form-encoded inside Basic; many clients send them as they are."""
    for pair in (("id", "a secret+%"), (quote_plus("id"), quote_plus("a secret+%"))):
        assert server(clock).is_client(parse_basic("Basic " + base64.b64encode(":".join(pair).encode()).decode()))
    assert not server(clock).is_client(("id", "a%20secret"))


@settings(deadline=None)
@given(
    st.text()
    | st.binary().map(lambda data: "Basic " + base64.b64encode(data).decode())
    | st.text().map(lambda text: f"Bearer {text}")
)
def test_any_header(header):
    """It is read, or it is not."""
    tokens = server(lambda: 0.0)
    assert not tokens.is_client(parse_basic(header))
    assert not tokens.is_live(parse_bearer(header) or "")


def test_nothing_is_remembered(api, capfd):
    """Neither tokens nor secrets are in the log, which does count the requests."""
    settings = api.emulator.settings
    token = ask(api).json()["access_token"]
    use(api, token)
    ask(api, {"token": token}, path="revoke")
    ask(api, auth=(settings.client_id, "canary-5b1e"))
    log = api.control("GET", "/requests").json()
    assert [(entry["method"], entry["path"], entry["status"], entry["authenticated"]) for entry in log] == [
        ("POST", "/api/oauth/token", 200, True),
        ("GET", urlsplit(api.group).path + "/peers", 200, True),
        ("POST", "/api/oauth/revoke", 200, True),
        ("POST", "/api/oauth/token", 401, False),
    ]
    for secret in (token, settings.client_secret, "canary-5b1e", settings.client_id):
        assert secret not in json.dumps(log)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["/api/oauth/token", "/api/oauth/revoke", "/emulator/faults"])
@pytest.mark.parametrize(
    "rest",
    [
        b"\r\n",
        b"Content-Length: 3\r\n\r\n\x00\xff=",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Content-Length: 10\r\n\r\na",
        b"Authorization: Basic a\r\nAuthorization: Basic b\r\n\r\n",
        b"Authorization: \xff\xfe\r\nContent-Type: \xff\r\n\r\n",
        b"Content-Type: application/x-www-form-urlencoded; charset=\x80\r\nContent-Length: 5\r\n\r\n%=%&;",
    ],
    ids=range(8),
)
def test_any_bytes(api, path, rest, capfd):
    """No bytes are a fault of the emulator."""
    address = urlsplit(api.emulator.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(f"POST {path}?\xff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode("latin-1") + rest)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert received.split(b" ")[1:2] in ([], [b"400"], [b"401"]), received
    assert ask(api).status_code == 200
    assert capfd.readouterr() == ("", "")
