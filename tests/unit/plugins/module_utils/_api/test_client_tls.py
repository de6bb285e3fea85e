"""TLS: whom the client trusts, and that nothing is sent to anybody else."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path

import pytest
import trustme
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, RESET, UNAUTHORIZED, Reply, certificate, reply


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(scope="module")
def ca_path(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def refused(client: AtlasClient, verb: str = "get") -> NoAnswerError:
    with pytest.raises(NoAnswerError) as caught:
        client.get(GROUP, "read it") if verb == "get" else client.post(GROUP, {}, "make it")
    assert not caught.value.outcome_unknown
    return caught.value


def test_an_authority_that_is_named_is_trusted(serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str) -> None:
    wire = serve(UNAUTHORIZED, reply({"id": "1"}), tls=certificate(authority))
    assert connect(wire.base_url, ca_path=ca_path).get(GROUP, "read") == {"id": "1"}
    assert wire.connections == 1


@pytest.mark.parametrize("verb", ["get", "post"])
def test_an_unknown_authority_is_not_trusted_nor_asked_twice(
    serve: Serve, connect: Connect, clock: FakeClock, authority: trustme.CA, verb: str
) -> None:
    wire = serve(reply({}), tls=certificate(authority))
    error = refused(connect(wire.base_url), verb)
    assert f"cannot trust {wire.base_url}" in str(error)
    assert "ca_path" in str(error)
    assert "unable to get local issuer certificate" in str(error)
    assert (wire.requests, clock.pauses) == ([], [])


def test_another_authority_than_the_named_one_is_not_trusted(serve: Serve, connect: Connect, ca_path: str) -> None:
    wire = serve(reply({}), tls=certificate(trustme.CA()))
    assert "cannot trust" in str(refused(connect(wire.base_url, ca_path=ca_path)))
    assert wire.requests == []


def test_a_certificate_of_another_host_is_refused(serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str) -> None:
    wire = serve(reply({}), tls=certificate(authority, "cloud.mongodb.com"))
    error = str(refused(connect(wire.base_url, ca_path=ca_path)))
    assert "cannot trust" in error
    assert "IP address mismatch" in error or "'127.0.0.1' doesn't match 'cloud.mongodb.com'" in error
    assert wire.requests == []


def test_an_expired_certificate_is_not_trusted(serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str) -> None:
    expired = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    wire = serve(reply({}), tls=certificate(authority, expires=expired))
    assert "expired" in str(refused(connect(wire.base_url, ca_path=ca_path)))
    assert wire.requests == []


def test_validate_certs_false_wins_over_the_environment(
    serve: Serve, connect: Connect, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(bundle))
    wire = serve(UNAUTHORIZED, reply({"id": "1"}), tls=certificate(authority))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert connect(wire.base_url, validate_certs=False).get(GROUP, "read") == {"id": "1"}


def test_validate_certs_false_prints_nothing_of_its_own(serve: Serve, connect: Connect, authority: trustme.CA) -> None:
    """The task warns once, in Ansible's way; urllib3 would add a warning for every request on stderr."""
    wire = serve(reply({}), tls=certificate(authority))
    client = connect(wire.base_url, validate_certs=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client.get(GROUP, "read")
    assert [one.message for one in caught] == []


def test_the_bundle_of_the_environment_is_used(
    serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_path)
    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    assert connect(wire.base_url).get(GROUP, "read") == {"id": "1"}


def test_ca_path_wins_over_the_bundle_of_the_environment(
    serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    wire = serve(reply({"id": "1"}), tls=certificate(authority))
    assert connect(wire.base_url, ca_path=ca_path).get(GROUP, "read") == {"id": "1"}


def test_a_ca_path_without_a_certificate_is_named(serve: Serve, connect: Connect, authority: trustme.CA, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing\n")
    wire = serve(reply({}), tls=certificate(authority))
    with pytest.raises(TaskError, match="ca_path") as caught:
        connect(wire.base_url, ca_path=str(tmp_path / "no.pem")).post(GROUP, {}, "make it")
    assert not caught.value.outcome_unknown
    assert wire.requests == []


def test_https_to_a_server_without_tls_is_refused(serve: Serve, connect: Connect) -> None:
    wire = serve(reply({}))
    error = refused(connect(wire.base_url.replace("http:", "https:"), retries=0))
    assert "wrong version number" in str(error).lower()
    assert wire.requests == []


def test_http_to_a_server_with_tls_is_a_broken_connection(serve: Serve, connect: Connect, authority: trustme.CA) -> None:
    wire = serve(reply({}), tls=certificate(authority))
    with pytest.raises(NoAnswerError, match="broke before a whole reply came"):
        connect(wire.base_url.replace("https:", "http:"), retries=0).get(GROUP, "read")


@pytest.mark.parametrize("broken", [DROP, RESET, Reply(200, b"{", length=50)], ids=["close", "reset", "truncated"])
def test_a_write_whose_reply_is_lost_inside_tls_is_in_doubt(
    serve: Serve, connect: Connect, authority: trustme.CA, ca_path: str, broken: Reply
) -> None:
    wire = serve(broken, tls=certificate(authority))
    with pytest.raises(NoAnswerError, match="broke before a whole reply came") as caught:
        connect(wire.base_url, ca_path=ca_path).post(GROUP, {}, "make it")
    assert caught.value.outcome_unknown
    assert len(wire.requests) == 1
