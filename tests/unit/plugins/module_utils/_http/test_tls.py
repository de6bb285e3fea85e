"""TLS contexts: read once, shared by connections, threads and forks, and set up as requests would have."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import transport as _tls
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.wire import certificate, reply


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def ca_path(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Which certificates were read, each time."""
    found: list[str] = []
    load = ssl.SSLContext.load_verify_locations

    def count(self: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        found.append(cafile or capath)
        load(self, cafile, capath, cadata)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", count)
    yield found
    _tls._read_certificates.cache_clear()


def test_a_bundle_is_read_once_for_all_clients_and_connections(
    serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str, read: list[str]
) -> None:
    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    for unused in range(2):
        client = connect(wire.base_url, ca_path=ca_path)
        for _other in range(2):
            assert client.get(GROUP, "read") == {"id": "1"}
            client.close()
    assert (wire.connections, read) == (4, [ca_path])


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_is_read_once(
    serve: Serve,
    connect: Connect,
    authority: trustme.CA,
    ca_path: str,
    read: list[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, ca_path)
    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    client = connect(wire.base_url)
    for unused in range(2):
        client.get(GROUP, "read")
        client.close()
    assert read == [ca_path]


def test_the_environment_of_each_request_counts(
    serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    client = connect(wire.base_url)
    with pytest.raises(NoAnswerError, match="cannot trust"):
        client.get(GROUP, "read")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_path)
    assert client.get(GROUP, "read") == {"id": "1"}


def test_the_usual_bundle_is_not_read_again(serve: Serve, connect: Connect, authority: trustme.CA, read: list[str]) -> None:
    _tls.trusting(_tls.DEFAULT_CA_BUNDLE_PATH)
    read.clear()
    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    with pytest.raises(NoAnswerError, match="cannot trust"):
        connect(wire.base_url).get(GROUP, "read")
    assert connect(wire.base_url, validate_certs=False).get(GROUP, "read") == {"id": "1"}
    assert read == []


def test_a_bundle_that_was_replaced_is_read_again(authority: trustme.CA, ca_path: str, read: list[str]) -> None:
    first = _tls.trusting(ca_path)
    assert _tls.trusting(ca_path) is first
    trustme.CA().cert_pem.write_to_path(ca_path)
    os.utime(ca_path, (1, 1))
    assert _tls.trusting(ca_path) is not first
    assert read == [ca_path, ca_path]


def test_a_folder_of_certificates_is_a_folder(authority: trustme.CA, tmp_path: Path, read: list[str]) -> None:
    _tls.trusting(str(tmp_path))
    assert read == [str(tmp_path)]


def described(context: ssl.SSLContext) -> dict[str, Any]:
    names = (
        "minimum_version",
        "maximum_version",
        "options",
        "verify_flags",
        "verify_mode",
        "check_hostname",
        "post_handshake_auth",
    )
    return {
        **{name: getattr(context, name, None) for name in names},
        "ciphers": [one["name"] for one in context.get_ciphers()],
        "protocol": context.protocol,
        "common_name": getattr(context, "hostname_checks_common_name", None),
        "authorities": context.cert_store_stats(),
    }


@pytest.mark.parametrize("verified", [True, False])
def test_contexts_are_set_up_as_requests_does(
    serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str, monkeypatch: pytest.MonkeyPatch, verified: bool
) -> None:
    used: list[ssl.SSLContext] = []
    wrap = ssl.SSLContext.wrap_socket

    def remember(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        if not kwargs.get("server_side"):
            used.append(self)
        return wrap(self, *args, **kwargs)

    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", remember)
    connect(wire.base_url, ca_path=ca_path, validate_certs=verified).get(GROUP, "read")
    warned = pytest.warns() if not verified else contextlib.nullcontext()
    with warned, requests.Session() as session:
        session.get(wire.base_url, verify=ca_path if verified else False, timeout=30)
    ours, theirs = (described(context) for context in used[-2:])
    if not verified:
        # They read authorities that they do not ask then.
        theirs["authorities"] = ours["authorities"]
    assert ours == theirs


def test_a_fork_has_the_context_of_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "fork.py"
    script.write_text(
        """
import os, ssl, sys
from ansible_collections.cloudpeer.atlas.plugins.action import atlas_vpc_peer
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http import transport
def fail(*unused, **more):
    raise AssertionError("read again")
ssl.SSLContext.load_verify_locations = fail
child = os.fork()
if not child:
    try:
        assert transport.trusting(transport.DEFAULT_CA_BUNDLE_PATH).cert_store_stats()["x509_ca"] > 10
    except BaseException:
        os._exit(1)
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    assert subprocess.run([sys.executable, str(script)], env=environment, check=False, timeout=60).returncode == 0
