"""The server below the API: TLS, many connections at once, and odd, broken and oversized requests."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import requests
import trustme
from ansible_collections.cloudpeer.atlas.tests.emulator import app
from ansible_collections.cloudpeer.atlas.tests.emulator.digest import response_digest
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import VERSIONED, error
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header

NUMBER = 16


@pytest.fixture
def authority(tmp_path):
    """Return an authority, with the file of its certificate and that of a server's."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    return tmp_path


def test_https(start, authority):
    """The whole API, and the links in its lists, are below an address with https."""
    api = start(tls_certificate=str(authority / "server.pem"))
    assert api.emulator.base_url.startswith("https://")
    assert json.loads(json.dumps(api.emulator.announcement()))["base_url"] == api.emulator.base_url
    api.session.verify = str(authority / "authority.pem")
    peer = api.make_peer()
    assert [one["href"] for one in api.call("GET", "/peers").json()["links"]] == [f"{api.group}/peers?pageNum=1&itemsPerPage=100"]
    assert api.call("GET", f"/peers/{peer['id']}").json()["vpcId"] == peer["vpcId"]
    accepted = f"{api.emulator.base_url}/emulator/peers/{peer['id']}/fail"
    assert requests.post(accepted, verify=api.session.verify, timeout=10).json()["errorStateName"] == "INVALID_ARGUMENT"


def test_https_that_nobody_vouches_for(start, authority):
    """A client that trusts others only does not get through; one that does not, gets through after it."""
    api = start(tls_certificate=str(authority / "server.pem"))
    other = trustme.CA()
    other.cert_pem.write_to_path(str(authority / "other.pem"))
    api.session.verify = str(authority / "other.pem")
    with pytest.raises(requests.exceptions.SSLError):
        api.call("GET")
    api.session.verify = str(authority / "authority.pem")
    assert api.call("GET").status_code == 200


def test_a_connection_that_breaks_over_https(start, authority):
    """Faults of the wire are the same there."""
    api = start(tls_certificate=str(authority / "server.pem"))
    api.session.verify = str(authority / "authority.pem")
    rules = {"authenticated": True, "times": 1, "fault": {"kind": "lost_reply"}}
    requests.post(f"{api.emulator.base_url}/emulator/faults", json=rules, verify=api.session.verify, timeout=10)
    with pytest.raises(requests.exceptions.ConnectionError):
        api.call("GET")
    assert api.call("GET").status_code == 200


def test_replies_are_not_held_back(start):
    """Nagle's algorithm, with the acknowledgements that the other side delays, would hold some back for 40 ms."""
    api = start()
    api.call("GET")
    (connection,) = api.emulator._server.server_state.connections
    assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_latency_is_not_served_one_by_one(start, monkeypatch):
    """So many requests on so many connections wait at the same time: the first is answered when the last has come."""
    api = start(latency_ms=50)
    waiting, all_there = [], asyncio.Event()

    async def sleep(seconds):
        waiting.append(seconds)
        if len(waiting) >= NUMBER:
            all_there.set()
        await all_there.wait()

    monkeypatch.setattr(app, "asyncio", SimpleNamespace(sleep=sleep))
    token = api.emulator.tokens.issue()
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.atlas.2023-01-01+json"}
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(NUMBER) as threads:
        sessions = [stack.enter_context(requests.Session()) for unused in range(NUMBER)]
        sent = [threads.submit(session.get, f"{api.group}/peers", headers=headers, timeout=60) for session in sessions]
        assert [one.result().status_code for one in sent] == [200] * NUMBER
    assert waiting == [0.05] * NUMBER
    assert len({entry["connection"] for entry in api.emulator.requests.entries()}) == NUMBER


def test_one_nonce_on_many_connections(start):
    """A nonce that was issued on one connection can be used on others, with counts in any order."""
    api = start()
    auth = HTTPDigestAuth(api.emulator.settings.public_key, api.emulator.settings.private_key)
    url = f"{api.root}/groups"
    headers = dict(api.session.headers)

    def ask(unused_number):
        with requests.Session() as session:
            session.trust_env = False
            # Each signs with the challenge of the first request, and a count of its own.
            return session.get(url, headers={**headers, "Authorization": signed.pop()}, timeout=30).status_code

    assert requests.get(url, auth=auth, headers=headers, timeout=30).status_code == 200
    signed = [auth.build_digest_header("GET", url) for unused in range(NUMBER)]
    with ThreadPoolExecutor(NUMBER) as threads:
        assert list(threads.map(ask, range(NUMBER))) == [200] * NUMBER


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
