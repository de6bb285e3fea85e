"""Each fault, as a plain client sees it: on a raw socket, or with requests."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

TOKENS = "/api/oauth/token"


@pytest.fixture
def bearer(api):
    """Return a token, so that a raw request needs no digest."""
    return api.emulator.tokens.issue()


def add(api, kind, **rule):
    """Add a rule; what is no part of a rule is a parameter of the fault."""
    parts = ("method", "path", "path_glob", "authenticated", "times", "skip")
    fault = {"kind": kind, **{name: value for name, value in rule.items() if name not in parts}}
    rule = {"authenticated": True, **{name: value for name, value in rule.items() if name in parts}, "fault": fault}
    response = requests.post(f"{api.emulator.base_url}/emulator/faults", json=rule, timeout=10)
    assert response.status_code == 201, response.text


def connect(api, timeout=5):
    """Return a connection to the emulator."""
    address = urlsplit(api.emulator.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=timeout)


def request_bytes(api, bearer, method="GET", path="/peers", body=None):
    """Return a whole request."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = [
        f"{method} {urlsplit(api.group).path}{path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {bearer}",
        "Accept: application/vnd.atlas.2023-01-01+json",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def exchange(api, data):
    """Send bytes; return everything that comes until the end, and whether the end was a reset."""
    received = b""
    with connect(api) as connection:
        connection.sendall(data)
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            return received, True
    return received, False


def last(api):
    """Return what the emulator remembers of the last request."""
    entry = api.emulator.requests.entries()[-1]
    return {name: entry.get(name) for name in ("status", "fault", "applied")}


@pytest.mark.parametrize(
    ("kind", "reset", "applied"),
    [("reset_before", True, None), ("close", False, None), ("reset_after", True, 200), ("lost_reply", False, 200)],
)
def test_no_reply(api, bearer, kind, reset, applied):
    """The connection ends by FIN or by RST, with or without the peer having been made."""
    add(api, kind, method="POST")
    assert exchange(api, request_bytes(api, bearer, "POST", body=api.new_peer())) == (b"", reset)
    assert last(api) == {"status": None, "fault": kind, "applied": applied}
    assert len(api.call("GET", "/peers").json()["results"]) == bool(applied)


def test_no_reply_with_requests(api):
    """A usual client raises, also on a connection that it has used before."""
    api.call("GET")
    for kind in ("reset_before", "reset_after", "close", "lost_reply"):
        add(api, kind, times=1)
        with pytest.raises(requests.ConnectionError):
            api.call("GET")
        assert api.call("GET").status_code == 200


@pytest.mark.parametrize("applied", [False, True])
def test_silence(api, bearer, applied):
    """Nothing comes, the connection stays, and it ends when the client goes."""
    add(api, "silence", applied=applied, method="POST")
    with connect(api, timeout=0.5) as connection:
        connection.sendall(request_bytes(api, bearer, "POST", body=api.new_peer()))
        with pytest.raises(socket.timeout):
            connection.recv(1)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert last(api) == {"status": None, "fault": "silence", "applied": 200 if applied else None}
    assert len(api.call("GET", "/peers").json()["results"]) == applied


def test_silence_is_left_alone_at_the_end(start):
    """Who still waits for it does not keep the emulator from stopping."""
    api = start()
    add(api, "silence", authenticated=False)
    with connect(api) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while not api.emulator.requests.entries():
            time.sleep(0.01)
        # It would wait for ever.
        api.emulator.stop()


def test_latency(api):
    """The right answer, late."""
    api.call("GET")
    add(api, "latency", ms=300)
    began = time.monotonic()
    assert api.call("GET").status_code == 200
    assert time.monotonic() - began >= 0.3
    assert last(api) == {"status": 200, "fault": "latency", "applied": 200}


def test_truncated(api, bearer):
    """Content-Length promises more than comes."""
    add(api, "truncated", method="POST")
    received, reset = exchange(api, request_bytes(api, bearer, "POST", body=api.new_peer()))
    head, unused, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    assert 0 < len(body) < length
    assert not reset
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.call("POST", "/peers", json=api.new_peer())
    api.control("DELETE", "/faults")
    assert len(api.call("GET", "/peers").json()["results"]) == 2


def test_truncated_chunks(api, bearer):
    """The last chunk never comes."""
    add(api, "truncated", chunked=True)
    received, _reset = exchange(api, request_bytes(api, bearer))
    head, unused, body = received.lower().partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert body
    assert b"\r\n0\r\n" not in body
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.call("GET", "/peers")


def test_truncated_without_a_body(api, bearer):
    """Where there is nothing to cut, something is promised: also of a reply to DELETE."""
    add(api, "truncated", method="HEAD")
    assert exchange(api, request_bytes(api, bearer, "HEAD"))[0].endswith(b"\r\n\r\n")
    for chunked in (False, True):
        add(api, "truncated", path=TOKENS.replace("token", "revoke"), chunked=chunked, times=1)
        settings = api.emulator.settings
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.post(
                api.emulator.base_url + "/api/oauth/revoke",
                {"token": "x"},
                auth=(settings.client_id, settings.client_secret),
                timeout=5,
            )


def test_half_json(api):
    """Nothing is wrong but the JSON, and the connection is kept."""
    api.call("GET")
    add(api, "half_json", times=1)
    response = api.call("GET", "/peers")
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content) > 0
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()
    assert api.call("GET", "/peers").json()["results"] == []
    assert {entry["connection"] for entry in api.emulator.requests.entries()} == {1}


def arrivals(api, data):
    """Return when the request was sent and when each piece of the answer arrived, and the answer."""
    times, received = [time.monotonic()], b""
    with connect(api) as connection:
        connection.sendall(data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        while chunk := connection.recv(65536):
            times.append(time.monotonic())
            received += chunk
    return times, received


@pytest.mark.parametrize("part", ["body", "headers"])
def test_drip(api, bearer, part):
    """It is all there in the end, a byte at a time."""
    right = exchange(api, request_bytes(api, bearer).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))[0]
    add(api, "drip", part=part, ms=10)
    times, received = arrivals(api, request_bytes(api, bearer))
    head, unused, body = received.partition(b"\r\n\r\n")
    slow = {"body": body, "headers": head}[part]
    assert body == right.partition(b"\r\n\r\n")[2]
    # A client that is not always awake finds many of them together.
    assert len(times) > 3
    assert times[-1] - times[0] >= 0.01 * (len(slow) - 1)
    assert api.call("GET", "/peers").json()["results"] == []


@pytest.mark.parametrize("part", ["body", "headers"])
def test_drip_to_nobody(api, bearer, part):
    """A client that has gone is not waited for."""
    add(api, "drip", part=part, ms=20, times=1)
    with connect(api) as connection:
        connection.sendall(request_bytes(api, bearer))
        connection.recv(1)
    assert api.call("GET", "/peers").status_code == 200


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("applied", [False, True])
def test_status(api, status, applied):
    """An error in Atlas's form, and the peer made or not."""
    add(api, "status", status=status, applied=applied, method="POST")
    response = api.call("POST", "/peers", json=api.new_peer())
    assert response.status_code == response.json()["error"] == status
    assert (
        response.json()["errorCode"]
        == response.headers["X-Error-Code"]
        == ("RATE_LIMITED" if status == 429 else "UNEXPECTED_ERROR")
    )
    assert response.headers["Content-Type"] == "application/json"
    assert "Retry-After" not in response.headers
    assert len(api.call("GET", "/peers").json()["results"]) == applied
    log = [entry for entry in api.emulator.requests.entries() if entry.get("fault")]
    assert [(entry["status"], entry["applied"]) for entry in log] == [(status, 200 if applied else None)]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (3, "3"),
        ("3", "3"),
        ("99999999", "99999999"),
        (-1, "-1"),
        ("soon", "soon"),
        ("", ""),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"),
    ],
)
def test_retry_after(api, given, sent):
    """As it was given."""
    add(api, "status", status=429, retry_after=given)
    assert api.call("GET").headers["Retry-After"] == sent


def test_retry_after_date(api):
    """A date that is so many seconds away."""
    add(api, "status", status=503, retry_after={"date_in_seconds": 60})
    date = parsedate_to_datetime(api.call("GET").headers["Retry-After"])
    assert 57 < date.timestamp() - time.time() < 62


def test_other_errors(api):
    """Any error can be had, such as the one during an upgrade of the service, or 401 for good credentials."""
    add(api, "status", status=405, times=1)
    assert api.call("GET").json()["errorCode"] == "WRITES_NOT_ALLOWED_DURING_APP_UPGRADES"
    add(api, "status", status=409, code="PEER_INVALID_STATE", times=1)
    assert api.call("GET").json()["errorCode"] == "PEER_INVALID_STATE"


@pytest.mark.parametrize("status", [200, 403, 503])
def test_html(api, status):
    """A page instead of an answer; it tells on the client if it is to."""
    add(api, "html", status=status, times=1)
    response = api.call("GET", "/peers")
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "Digest" not in response.text
    add(api, "html", status=status, echo_authorization=True)
    response = api.call("GET", "/peers")
    assert "Authorization: Digest username=&quot;emulator&quot;" in response.text


@pytest.mark.parametrize("value", ["text/plain", "application/octet-stream", "", "nonsense", None])
def test_content_type(api, value):
    """The right body under a wrong name, or none."""
    add(api, "content_type", value=value)
    response = api.call("GET", "/peers")
    assert response.headers.get("Content-Type") == value
    assert response.json()["results"] == []


def test_stale_nonce(api):
    """Each nonce is stale when it comes back, for as long as the rule says."""
    api.call("GET")
    add(api, "stale_nonce", times=1)
    seen = []
    response = api.call("GET", hooks={"response": lambda answer, **unused: seen.append(answer)})
    assert [answer.status_code for answer in [*response.history, response]] == [401, 200]
    assert "stale=true" in response.history[0].headers["WWW-Authenticate"]
    assert response.history[0].json()["errorCode"] == "UNEXPECTED_ERROR"
    add(api, "stale_nonce", method="POST")
    assert api.call("POST", "/peers", json=api.new_peer()).status_code == 401
    assert api.call("GET", "/peers").json()["results"] == []
    assert api.emulator.faults.to_json()[1]["happened"] == 2


def pages(api, path):
    """Return the elements of all pages of two."""
    found, number = [], 1
    while True:
        page = api.call("GET", f"{path}itemsPerPage=2&pageNum={number}").json()
        found += page["results"]
        if not any(link["rel"] == "next" for link in page["links"]):
            return found
        number += 1


@pytest.mark.parametrize(
    ("path", "key"),
    [("/peers?", "id"), ("/containers?providerName=AWS&", "id"), ("/containers/all?", "id"), ("/accessList?", "cidrBlock")],
)
@pytest.mark.parametrize("change", ["remove", "add"])
def test_moving_page(api, path, key, change):
    """Who pages a list that gets shorter misses elements, who pages one that gets longer sees some twice."""
    for region in ("EU_WEST_1", "EU_WEST_2", "EU_CENTRAL_1", "US_WEST_1"):
        api.call("POST", "/containers", json={"providerName": "AWS", "regionName": region})
    for unused in range(5):
        api.make_peer()
    assert api.call("POST", "/accessList", json=[{"cidrBlock": f"10.{n}.0.0/16"} for n in range(5)]).status_code == 201
    before = [element[key] for element in pages(api, path)]
    assert len(before) == len(set(before)) == 5
    add(api, "moving_page", change=change, times=2)
    seen = [element[key] for element in pages(api, path)]
    after = [element[key] for element in pages(api, path)]
    if change == "remove":
        assert len(seen) < 5
        assert after == before[2:]
    else:
        assert len(seen) > len(set(seen))
        assert after[2:] == before
        assert len(set(after)) == 7


def test_moving_pages_of_other_providers(api):
    """Their peers and containers move too; an empty list stays as it is."""
    ids = {}
    for name, more in (("AZURE", {"region": "EUROPE_WEST"}), ("GCP", {})):
        body = {"providerName": name, "atlasCidrBlock": "10.8.0.0/18" if name == "GCP" else "10.8.0.0/21", **more}
        response = api.call("POST", "/containers", json=body)
        ids[name] = response.json().get("id")
        assert ids[name], response.text
    peer = {"providerName": "GCP", "containerId": ids["GCP"], "gcpProjectId": "project-1", "networkName": "net"}
    assert api.call("POST", "/peers", json=peer).status_code == 200
    add(api, "moving_page", change="add", times=1)
    api.call("GET", "/peers?providerName=GCP")
    names = [one["networkName"] for one in api.call("GET", "/peers?providerName=GCP").json()["results"]]
    assert (len(set(names)), names[1]) == (2, "net")
    for change in ("add", "remove"):
        add(api, "moving_page", change=change)
        for path in ("/peers?providerName=AZURE", "/peers", "/accessList", "/peers?providerName=nonsense", "/x/peers"):
            assert api.call("GET", path).status_code in (200, 400, 404)
        api.control("DELETE", "/faults")


def test_halves_of_a_digest(api):
    """A rule can be about the challenge only, or about the answer to it only, or about both."""
    add(api, "status", status=503, authenticated=False, times=1)
    assert api.call("GET").status_code == 503
    assert api.call("GET").status_code == 200
    api.control("POST", "/reset")
    add(api, "status", status=503, authenticated=True)
    assert api.call("GET").status_code == 503
    assert api.emulator.requests.entries()[0]["status"] == 401
    api.control("POST", "/reset")
    add(api, "status", status=503, authenticated=None, skip=1)
    assert api.call("GET").status_code == 503


def test_faults_of_oauth(api):
    """The path of tokens has them too, and there the client's secret is what authenticates."""
    settings = api.emulator.settings
    url, form = api.emulator.base_url + TOKENS, {"grant_type": "client_credentials"}
    add(api, "status", status=503, path=TOKENS, times=1)
    answers = [
        requests.post(url, form, auth=(settings.client_id, secret), timeout=5) for secret in ("x", *[settings.client_secret] * 2)
    ]
    assert [answer.status_code for answer in answers] == [401, 503, 200]
    add(api, "lost_reply", path=TOKENS, times=1)
    with pytest.raises(requests.ConnectionError):
        requests.post(url, form, auth=(settings.client_id, settings.client_secret), timeout=5)
    assert last(api) == {"status": None, "fault": "lost_reply", "applied": 200}


def test_nothing_on_the_terminal(api, bearer, capfd):
    """No fault is one of the emulator's own, whatever request it happens to."""
    kinds = [("reset_before", {}), ("reset_after", {}), ("close", {}), ("lost_reply", {}), ("truncated", {"chunked": True})]
    kinds += [
        ("half_json", {}),
        ("drip", {"ms": 0}),
        ("drip", {"ms": 0, "part": "headers"}),
        ("html", {"echo_authorization": True}),
    ]
    kinds += [("content_type", {}), ("stale_nonce", {}), ("moving_page", {}), ("status", {"status": 500, "applied": True})]
    for kind, parameters in kinds:
        add(api, kind, authenticated=None, **parameters)
        for method, path in (("GET", "/peers"), ("HEAD", "/peers"), ("DELETE", "/accessList/10.0.0.0%2F8"), ("POST", "/peers")):
            data = request_bytes(api, bearer, method, path, body={}).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
            received, _reset = exchange(api, data)
            assert b"Traceback" not in received
        with contextlib.suppress(requests.RequestException):
            api.call("GET", "/peers")
        api.control("DELETE", "/faults")
        assert api.call("GET").status_code == 200
    assert capfd.readouterr() == ("", "")
