"""The server below the API: TLS, many connections at once, and nothing on them that waits without a reason."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests
import trustme
from ansible_collections.cloudpeer.atlas.tests.emulator import app
from requests.auth import HTTPDigestAuth

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
