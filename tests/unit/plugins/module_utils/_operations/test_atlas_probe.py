"""What atlas_probe finds out, with real sockets on loopback."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import trustme
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import execute
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_probe as _probe
from ansible_collections.cloudpeer.atlas.tests.support.environment import free_port

LOOPBACK = "127.0.0.1"


def run(*members: str, **options: Any) -> dict[str, Any]:
    """Run the task, and return its result."""
    spec = ArgumentSpecValidator(**_probe.OPERATION.argument_spec.to_kwargs())
    checked = spec.validate({"members": list(members), **options})
    assert checked.error_messages == []
    outcome = execute(_probe.OPERATION, checked.validated_parameters, check_mode=False)
    result = outcome.to_result(diff=True, verbosity=0)
    assert result.pop("changed") is False
    return result


def probe(member: str, **options: Any) -> dict[str, Any]:
    """Probe one member, and return what came of it."""
    (found,) = run(member, **options)["probe"]["members"]
    assert list(found) == ["member", "addresses", "local_address", "in_block", "tcp", "tls", "error"]
    return dict(found)


@contextlib.contextmanager
def listening(context: ssl.SSLContext | None = None, answer: bytes = b"") -> Iterator[tuple[str, list[bytes]]]:
    """Listen on loopback for one client; give `host:port`, and what the client has sent after TLS, if that is spoken."""
    received: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, unused = listener.accept()
            with connection:
                connection.settimeout(5)
                if context is None:
                    connection.sendall(answer)
                    received.append(connection.recv(4096))
                    return
                with context.wrap_socket(connection, server_side=True) as encrypted:
                    received.append(encrypted.recv(4096))

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{LOOPBACK}:{listener.getsockname()[1]}", received
        thread.join(10)
        assert not thread.is_alive()


def test_a_member_that_speaks_tls() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Of an authority that nobody here trusts, and for another name.
    trustme.CA().issue_cert("shop.example.com").configure_cert(context)
    with listening(context) as (member, received):
        found = probe(member, atlas_cidr_block="10.0.0.0/8")
    where = {"member": member, "addresses": [LOOPBACK], "local_address": LOOPBACK, "in_block": False}
    assert found == {**where, "tcp": "open", "tls": True, "error": None}
    # Nothing is sent but the handshake.
    assert received in ([], [b""])


def test_a_member_that_does_not_speak_tls() -> None:
    with listening(answer=b"HTTP/1.0 400 Bad Request\r\n\r\n") as (member, received):
        found = probe(member)
    assert (found["tcp"], found["tls"], found["in_block"]) == ("open", False, None)
    assert found["error"].startswith("TLS: ")
    # A ClientHello.
    assert received[0][:1] == b"\x16"


def test_a_member_that_takes_the_connection_and_says_nothing() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        found = probe(f"{LOOPBACK}:{listener.getsockname()[1]}", timeout=1)
    assert (found["tcp"], found["tls"]) == ("open", False)
    assert "timed out" in found["error"]


def test_a_member_that_refuses() -> None:
    found = probe(f"{LOOPBACK}:{free_port()}")
    assert (found["tcp"], found["tls"], found["error"]) == ("refused", None, f"{LOOPBACK}: Connection refused")


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (socket.timeout("timed out"), "timeout", "timed out"),
        (TimeoutError(110, "Connection timed out"), "timeout", "Connection timed out"),
        (OSError(113, "No route to host"), "unreachable", "No route to host"),
        (PermissionError(1, "Operation not permitted"), "unreachable", "Operation not permitted"),
    ],
)
def test_a_member_that_cannot_be_reached(error: OSError, state: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(address: tuple[str, int], timeout: float) -> socket.socket:
        assert (address, timeout) == (("192.168.248.21", 27017), 3)
        raise error

    monkeypatch.setattr(_probe.socket, "create_connection", fail)
    found = probe("192.168.248.21", atlas_cidr_block="192.168.248.0/21", timeout=3)
    assert (found["in_block"], found["tcp"], found["tls"]) == (True, state, None)
    assert found["error"] == f"192.168.248.21: {text}"


def test_a_connection_that_is_reset_at_once_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no access gets this, or who is behind a filter: routes are not to blame."""

    def fail(address: tuple[str, int], timeout: float) -> socket.socket:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(_probe.socket, "create_connection", fail)
    found = probe("192.168.248.21")
    assert (found["tcp"], found["tls"], found["error"]) == ("open", False, "192.168.248.21: Connection reset by peer")


def test_an_empty_block_is_not_set() -> None:
    assert probe(f"{LOOPBACK}:{free_port()}", atlas_cidr_block="")["in_block"] is None


def test_a_name_with_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one that takes a connection counts, and all of them for the block."""
    with listening(answer=b"?") as (member, unused):
        port = int(member.rpartition(":")[2])
        # Two of them, as if for two kinds of sockets.
        addresses = ["127.0.0.2", LOOPBACK, LOOPBACK]
        real = socket.create_connection

        def connect(address: tuple[str, int], timeout: float) -> socket.socket:
            if address[0] != LOOPBACK:
                raise ConnectionRefusedError(111, "Connection refused")
            return real(address, timeout)

        monkeypatch.setattr(_probe.socket, "create_connection", connect)
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
        monkeypatch.setattr(_probe.socket, "getaddrinfo", lambda *args, **kwargs: answer)
        found = probe(f"shop.example.com:{port}", atlas_cidr_block="192.168.248.0/21")
    assert (found["addresses"], found["tcp"], found["in_block"]) == (["127.0.0.2", LOOPBACK], "open", False)


@pytest.mark.parametrize("host", ["shop.invalid", "shop..example", "a" * 70 + ".example"])
def test_a_name_without_an_address(host: str) -> None:
    found = probe(f"{host}:27016", timeout=30)
    assert found["member"] == f"{host}:27016"
    assert (found["addresses"], found["in_block"], found["tcp"], found["tls"]) == ([], None, "unresolved", None)
    assert found["local_address"] is None
    assert found["error"]


def test_a_host_without_names_is_known_by_its_way_to_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the check blames the connections of its network alone."""
    monkeypatch.setattr(_probe, "find_local_address", {"192.168.248.1": "10.15.1.7"}.get)
    found = probe("shop.invalid:27016", atlas_cidr_block="192.168.248.0/21", timeout=30)
    assert (found["addresses"], found["local_address"], found["in_block"], found["tcp"]) == ([], "10.15.1.7", None, "unresolved")


def test_a_name_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def hang(*args: Any, **kwargs: Any) -> Any:
        assert asked.wait(30)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(_probe.socket, "getaddrinfo", hang)
    started = time.monotonic()
    # All of them at the same time.
    results = run(*[f"shop-{number}.example.com" for number in range(20)], timeout=1)["probe"]["members"]
    asked.set()
    assert time.monotonic() - started < 10
    assert {one["tcp"] for one in results} == {"unresolved"}
    assert {one["error"] for one in results} == {"no answer from the name server within 1 s"}
    assert [one["member"] for one in results] == [f"shop-{number}.example.com:27017" for number in range(20)]


@pytest.mark.parametrize(
    ("value", "member"),
    [
        ("shop-shard-00-00.ab1cd.mongodb.net", ("shop-shard-00-00.ab1cd.mongodb.net", 27017)),
        ("10.0.0.5:27015", ("10.0.0.5", 27015)),
        ("[fd00::1]", ("fd00::1", 27017)),
        ("[fd00::1]:1", ("fd00::1", 1)),
    ],
)
def test_members(value: str, member: tuple[str, int]) -> None:
    assert _probe.parse_member("members[0]", value) == member


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert probe("[::1]:1")["member"] == "[::1]:1"


@pytest.mark.parametrize("value", ["", "shop:0", "shop:65536", "shop:", "shop:x", "fd00::1", "a b", "shop/admin", "[fd00::1"])
def test_what_is_no_member(value: str) -> None:
    result = run("shop", value)
    assert result["msg"].startswith(f"members[1] is not a host with a port: {value!r}. Write it like ")


@pytest.mark.parametrize("value", ["mongodb+srv://app:canary@shop.ab1cd.mongodb.net", "app:canary@shop.ab1cd.mongodb.net:27017"])
def test_a_connection_string_is_not_shown(value: str) -> None:
    message = run(value)["msg"]
    assert message.startswith("members[0] is a connection string")
    assert "canary" not in message


@pytest.mark.parametrize(
    ("members", "options", "message"),
    [
        ([], {}, "members is empty."),
        (["shop"], {"timeout": 0}, "timeout must be between 1 and 60 seconds."),
        (["shop"], {"timeout": 61}, "timeout must be between 1 and 60 seconds."),
        (["shop"], {"atlas_cidr_block": "192.168.248.1/21"}, "atlas_cidr_block has host bits set"),
    ],
)
def test_options_that_cannot_be_right(members: list[str], options: dict[str, Any], message: str) -> None:
    assert run(*members, **options)["msg"].startswith(message)


@pytest.mark.parametrize("fail_on", ["never", "unreachable"])
def test_one_member_that_answers_is_enough(fail_on: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("shop.example.com").configure_cert(context)
    with listening(context) as (member, unused):
        result = run(f"{LOOPBACK}:{free_port()}", member, fail_on=fail_on)
    assert (result["probe"]["reachable"], "msg" in result) == (True, False)


def test_no_member_that_answers_is_a_failure_on_demand() -> None:
    """An open port without TLS is none that answers: the access list ends the connections of strangers in this way."""
    closed = [f"{LOOPBACK}:{free_port()}" for unused in range(4)]
    with listening(answer=b"HTTP/1.0 400 Bad Request\r\n\r\n") as (member, unused):
        result = run(member, *closed, fail_on="unreachable")
    found = result["probe"]
    assert (found["reachable"], len(found["members"])) == (False, 5)
    assert result["msg"].startswith(f"{found['host']} reaches no member: {member} (TLS: ")
    assert f"{closed[0]} ({LOOPBACK}: Connection refused), " in result["msg"]
    assert " and 2 more. Give probe to atlas_vpc_peer_check (probes)" in result["msg"]
    assert [result[name] for name in ("http_status", "error_code", "detail")] == [None] * 3
    quiet = run(*closed)
    assert (quiet["probe"]["reachable"], "msg" in quiet) == (False, False)


def test_the_local_address_is_that_of_the_way_to_the_member() -> None:
    """Nothing is sent, and no way is no address."""
    assert _probe.find_local_address(LOOPBACK) == LOOPBACK
    assert _probe.find_local_address("255.255.255.255") is None
    assert _probe.find_local_address("::1") in ("::1", None)
