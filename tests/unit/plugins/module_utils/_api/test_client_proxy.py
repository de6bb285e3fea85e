"""A real proxy between the client and Atlas: used where the environment says so, and never for this host's plain http."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, UNAUTHORIZED, Wire, certificate, reply

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture
def proxy_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """Run a proxy; give its address, and the file in which it notes each connection."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    log, port = tmp_path / "proxy.log", tmp_path / "port"
    options = ["--hostname", "127.0.0.1", "--port", "0", "--port-file", str(port), "--log-file", str(log)]
    workers = ["--num-workers", "1", "--num-acceptors", "1"]
    process = subprocess.Popen([sys.executable, "-m", "proxy", *options, *workers], stderr=subprocess.DEVNULL)
    try:
        until(lambda: port.exists() and port.read_text().strip().isdecimal())
        yield f"http://127.0.0.1:{port.read_text().strip()}", log
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture
def atlas(serve: Serve, tmp_path: Path) -> tuple[Wire, str]:
    """Run a TLS server; give it, and the certificate to trust."""
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return serve(UNAUTHORIZED, reply({"id": "1"}), tls=certificate(authority)), str(path)


def test_the_proxy_of_the_environment_is_used(
    proxy_url: tuple[str, Path], atlas: tuple[Wire, str], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    (url, log), (wire, ca_path) = proxy_url, atlas
    monkeypatch.setenv("HTTPS_PROXY", url)
    client = connect(wire.base_url, ca_path=ca_path)
    assert client.get(GROUP, "read") == {"id": "1"}
    assert wire.connections == 1
    client.close()
    # It notes a connection when that has ended.
    until(lambda: f"CONNECT {wire.base_url.removeprefix('https://')}" in log.read_text())


def test_a_reply_lost_behind_the_proxy_leaves_the_outcome_open(
    proxy_url: tuple[str, Path], serve: Serve, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 calls it a failure of the proxy, to which nothing would have been sent."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    wire = serve(reply({"id": "1"}), DROP, tls=certificate(authority))
    monkeypatch.setenv("HTTPS_PROXY", proxy_url[0])
    client = connect(wire.base_url, ca_path=str(tmp_path / "ca.pem"), retries=0)
    assert client.get(GROUP, "read") == {"id": "1"}
    with pytest.raises(NoAnswerError, match="broke before a whole reply came") as caught:
        client.post(GROUP, {"a": 1}, "create")
    assert caught.value.outcome_unknown
    assert [one.method for one in wire.requests] == ["GET", "POST"]


def test_no_proxy_is_heeded(
    proxy_url: tuple[str, Path], atlas: tuple[Wire, str], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    (wire, ca_path) = atlas
    # One that would fail if it were asked.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert connect(wire.base_url, ca_path=ca_path).get(GROUP, "read") == {"id": "1"}


def test_plain_http_to_this_host_goes_through_no_proxy(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = serve(UNAUTHORIZED, reply({"id": "1"}))
    for name in VARIABLES[:3]:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:1")
    assert connect(wire.base_url).get(GROUP, "read") == {"id": "1"}
    assert connect(wire.base_url.replace("http", "HTTP")).get(GROUP, "read") == {"id": "1"}


def test_a_socks_proxy_has_its_own_connections(
    atlas: tuple[Wire, str], connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []

    class Connection(urllib3.connection.HTTPSConnection):
        """What takes the place of the connections of PySocks."""

        def __init__(self, *args: Any, _socks_options: Any, **kwargs: Any) -> None:
            self._socks_options = _socks_options
            super().__init__(*args, **kwargs)

        def _new_conn(self) -> Any:
            used.append(dict(self._socks_options)["proxy"])
            return super()._new_conn()

    class Manager(urllib3.PoolManager):
        def __init__(self, url: str, **unused: Any) -> None:
            super().__init__(_socks_options={"proxy": url})
            pool = type("Pool", (urllib3.HTTPSConnectionPool,), {"ConnectionCls": Connection})
            self.pool_classes_by_scheme = {"https": pool}

    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", Manager)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    (wire, ca_path) = atlas
    assert connect(wire.base_url, ca_path=ca_path).get(GROUP, "read") == {"id": "1"}
    assert used == ["socks5://127.0.0.1:1"]


@pytest.mark.parametrize(
    "proxy",
    ["http://user:canary#x@127.0.0.1:1", "http://user:canary[@127.0.0.1:1", "user:canary@127.0.0.1:1", "http://user:canary@:1",
     "http://user:canary@127.0.0.1:port", "socks9://user:canary@127.0.0.1:1", "http://user:canary\u2100@127.0.0.1:1"],
)  # fmt: skip
def test_a_malformed_proxy_is_named_without_its_password(
    atlas: tuple[Wire, str], connect: Connect, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    (wire, ca_path) = atlas
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(NoAnswerError, match="through the proxy") as caught:
        connect(wire.base_url, ca_path=ca_path).post(GROUP, {}, "make it")
    assert "canary" not in f"{caught.value} {caught.value.detail}"
    assert not caught.value.outcome_unknown
    assert wire.connections == 0


def until(condition: Callable[[], bool]) -> None:
    """Fail unless a condition comes true soon."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)
