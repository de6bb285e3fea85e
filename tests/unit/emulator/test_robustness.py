"""Odd, broken and oversized requests, and the connections they come on."""

from __future__ import annotations

import contextlib
import itertools
import socket
from urllib.parse import urlsplit

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.digest import response_digest
from requests.utils import parse_dict_header

VERSIONED = "application/vnd.atlas.2023-01-01+json"


def error(response):
    """Return status and code of an error."""
    return response.status_code, response.json()["errorCode"]


def raw_exchange(api, data, end=True):
    """Send bytes and return what comes back before the server closes."""
    address = urlsplit(api.emulator.base_url)
    received = b""
    # A server that has seen enough may close before it was sent everything.
    seen_enough = contextlib.suppress(ConnectionError)
    with seen_enough, socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(data)
        if end:
            with contextlib.suppress(OSError):
                # ENOTCONN, where it has closed already.
                connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_fault_of_the_emulator(api, monkeypatch, capfd):
    """It looks as Atlas's own faults do: an error in JSON, and nothing on the terminal."""
    monkeypatch.setattr(api.emulator.project, "peers", None)
    response = api.call("GET", "/peers")
    assert error(response) == (500, "UNEXPECTED_ERROR")
    assert "Traceback" not in response.text
    assert capfd.readouterr() == ("", "")


def test_large_body(api):
    """It is bounded, and the answer still arrives."""
    api.call("GET")
    response = api.call("POST", "/peers", data=b" " * (2 << 20), headers={"Content-Type": "application/json"})
    assert error(response) == (413, "REQUEST_ENTITY_TOO_LARGE")
    assert api.call("GET").status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Digest a=1\r\nAuthorization: Digest b=2\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost/api/atlas/v2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=range(13),
)
def test_odd_bytes(api, data, capfd):
    """They end in a refusal, with nothing on the terminal, and the next client is served."""
    status = raw_exchange(api, data).split(b"\r\n")[0]
    assert status.split(b" ")[1] in (b"400", b"401", b"431"), status
    assert api.call("GET").status_code == 200
    assert capfd.readouterr() == ("", "")


def test_endless_header(api):
    """It is cut off."""
    received = raw_exchange(api, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 2_000_000)
    assert received.split(b" ")[1:2] in ([], [b"400"])
    assert api.call("GET").status_code == 200


def test_endless_body(api):
    """After some more than the limit it is answered unread, and the connection closed."""
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    received = raw_exchange(api, head + b"x" * (20 << 20), end=False)
    assert received == b"" or (received.startswith(b"HTTP/1.1 401") and b"connection: close" in received)
    assert api.emulator.requests.entries()[-1]["status"] == 401
    assert api.call("GET").status_code == 200


def test_half_a_body(api):
    """A client that goes away leaves nothing behind."""
    data = b"POST /api/atlas/v2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc"
    assert raw_exchange(api, data).split(b" ")[1:2] in ([], [b"400"])
    assert api.call("GET").status_code == 200


def test_absolute_target(api):
    """A target with scheme and host is served as one without, and the digest may cover either, whichever was sent."""
    challenge = parse_dict_header(requests.get(api.root, timeout=10).headers["WWW-Authenticate"].removeprefix("Digest "))
    forms = ("/api/atlas/v2", api.root)
    for count, (target, uri) in enumerate(itertools.product(forms, forms), 1):
        params = {**challenge, "nc": f"{count:08x}", "cnonce": "c", "uri": uri, "username": "emulator"}
        params["response"] = response_digest("MD5", "emulator", api.emulator.settings.private_key, "GET", params)
        header = ", ".join(f'{name}="{value}"' for name, value in params.items())
        request = f"GET {target} HTTP/1.0\r\nAccept: {VERSIONED}\r\nAuthorization: Digest {header}\r\n\r\n"
        assert raw_exchange(api, request.encode()).startswith(b"HTTP/1.1 200 OK")


def test_connections_are_kept(api):
    """The first request, its repetition and everything after it share one connection, bodies or not."""
    api.call("POST", "/peers", json=api.new_peer())
    api.call("GET", "/peers")
    api.call("PUT", "/peers", data=b"x" * 1000)
    log = api.emulator.requests.entries()
    assert [entry["status"] for entry in log] == [401, 200, 200, 405]
    assert {entry["connection"] for entry in log} == {1}
