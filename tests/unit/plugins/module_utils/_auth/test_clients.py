"""Clients that are used again: by the same options only, by the same process only, and not after they went bad."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import MOST_CLIENTS, ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import Wire, reply


@pytest.fixture
def pool() -> Iterator[ClientPool]:
    pool = ClientPool()
    yield pool
    pool.close()


@pytest.fixture
def params(atlas: Atlas) -> dict[str, Any]:
    settings = atlas.emulator.settings
    return {
        **dict.fromkeys(("profile", "client_id", "client_secret", "access_token")),
        "token_cache": False,
        "base_url": atlas.base_url,
        "api_version": "v2",
        "envelope": False,
        "validate_certs": True,
        "ca_path": None,
        "timeout": 5,
        "retries": 0,
        "public_key": settings.public_key,
        "private_key": settings.private_key,
    }


def test_the_same_options_share_a_connection_and_a_nonce(atlas: Atlas, pool: ClientPool, params: dict[str, Any]) -> None:
    for number in range(3):
        with pool.client_for({**params, "vpc_id": number}, print) as client:
            client.get(GROUP, "read")
    assert atlas.wire() == [("GET", 401)] + [("GET", 200)] * 3
    assert atlas.tcp_connections() == 1


@pytest.mark.parametrize(
    "other",
    [
        {"public_key": "x"},
        {"private_key": "x"},
        {"api_version": "v1.0"},
        {"envelope": True},
        {"validate_certs": False},
        {"timeout": 6},
        {"retries": 1},
        {"base_url": "http://127.0.0.1:9"},
    ],
)
def test_other_options_never_share(pool: ClientPool, params: dict[str, Any], other: dict[str, Any]) -> None:
    with pool.client_for(params, print) as one, pool.client_for({**params, **other}, print) as two:
        assert one is not two


def test_a_child_process_has_its_own_socket(pool: ClientPool, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pool.client_for(params, print) as parents:
        pass
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pool.client_for(params, print) as childs:
        assert childs is not parents


def read_with(pool: ClientPool, params: dict[str, Any], clients: list[AtlasClient]) -> None:
    with pool.client_for(params, print) as client:
        clients.append(client)
        client.get(GROUP, "read")


def test_a_client_with_refused_credentials_is_not_used_again(atlas: Atlas, pool: ClientPool, params: dict[str, Any]) -> None:
    clients: list[AtlasClient] = []
    for unused in range(2):
        with pytest.raises(TaskError):
            read_with(pool, {**params, "private_key": "wrong"}, clients)
    assert clients[0] is not clients[1]
    assert atlas.wire() == [("GET", 401)] * 4


def test_another_failure_leaves_the_client_in_use(atlas: Atlas, pool: ClientPool, params: dict[str, Any]) -> None:
    with pytest.raises(TaskError), pool.client_for(params, print) as one:
        one.get(("groups", "f" * 24), "read")
    with pool.client_for(params, print) as two:
        assert two is one


def test_each_task_gets_its_own_record_of_requests(atlas: Atlas, pool: ClientPool, params: dict[str, Any]) -> None:
    records = []
    for unused in range(2):
        with pool.client_for(params, print) as client, client.recording() as calls:
            client.get(GROUP, "read")
            records.append(calls)
    assert [len(calls) for calls in records] == [2, 1]


def test_options_that_cannot_be_right_leave_nothing_behind(pool: ClientPool, params: dict[str, Any]) -> None:
    for unused in range(2):
        with pytest.raises(TaskError, match="private_key"), pool.client_for({**params, "private_key": None}, print):
            pass


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def connections_to(base_url: str) -> int:
    """Count the sockets of this process that lead to a server."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            one = socket.socket(fileno=int(name))
            try:
                count += one.getpeername() == ("127.0.0.1", urlsplit(base_url).port)
            finally:
                # It belongs to somebody else.
                one.detach()
    return count


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="only Linux tells which files are open")


@needs_proc
@pytest.mark.full
def test_many_credentials_keep_a_few_connections(serve: Callable[..., Wire], pool: ClientPool, params: dict[str, Any]) -> None:
    params["base_url"] = serve(reply({"id": "1"})).base_url
    numbers = []
    for number in range(1000):
        with pool.client_for({**params, "public_key": str(number)}, print) as client:
            assert client.get(GROUP, "read") == {"id": "1"}
        if number < 3 or number % 100 == 0:
            numbers.append(connections_to(params["base_url"]))
    assert numbers[:3] == [1, 2, 3]
    assert max(numbers) == MOST_CLIENTS


def closed_clients(monkeypatch: pytest.MonkeyPatch) -> list[AtlasClient]:
    """Return a list to which each client is added that is closed."""
    closed: list[AtlasClient] = []

    def close(self: AtlasClient) -> None:
        closed.append(self)

    monkeypatch.setattr(AtlasClient, "close", close)
    return closed


def test_the_clients_used_last_are_kept(pool: ClientPool, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    closed = closed_clients(monkeypatch)

    def use(number: int) -> AtlasClient:
        with pool.client_for({**params, "public_key": str(number)}, print) as client:
            return client

    made = [use(number) for number in range(MOST_CLIENTS)]
    assert use(0) is made[0]
    use(-1)
    assert closed == [made[1]]
    assert use(0) is made[0]
    assert use(2) is made[2]
    use(1)
    assert closed == [made[1], made[3]]


def test_no_client_is_closed_while_it_is_used(pool: ClientPool, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    closed = closed_clients(monkeypatch)
    with ExitStack() as stack:
        used = [
            stack.enter_context(pool.client_for({**params, "public_key": str(number)}, print))
            for number in range(MOST_CLIENTS + 5)
        ]
        assert stack.enter_context(pool.client_for({**params, "public_key": "0"}, print)) is used[0]
        assert closed == []
    with pool.client_for({**params, "public_key": "x"}, print):
        assert len(closed) == 6
        assert used[0] not in closed


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TimeoutError("Ansible's"), MemoryError(), RuntimeError("a defect")])
def test_a_client_left_in_the_middle_is_not_used_again(pool: ClientPool, params: dict[str, Any], error: BaseException) -> None:
    clients: list[AtlasClient] = []

    def end_badly() -> None:
        with pool.client_for(params, print) as outer, pool.client_for(params, print) as inner:
            clients.extend((outer, inner))
            raise error

    with pytest.raises(type(error)):
        end_badly()
    with pool.client_for(params, print) as other:
        assert other not in clients


@pytest.fixture
def few_files() -> Iterator[Callable[[], None]]:
    """Lets this process open no more files than it has, from a moment on."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []

    def take_the_rest() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], open_files() + 64), before[1]))
        with suppress(OSError):
            while True:
                taken.append(os.dup(0))

    yield take_the_rest
    for one in taken:
        os.close(one)
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@needs_proc
@pytest.mark.parametrize("connected", [False, True])
def test_too_many_open_files_are_named_and_nothing_is_sent(
    serve: Callable[..., Wire], pool: ClientPool, params: dict[str, Any], few_files: Callable[[], None], connected: bool
) -> None:
    wire = serve(reply({"id": "1"}))
    params.update(base_url=wire.base_url, retries=3)
    with ExitStack() as stack:
        client = stack.enter_context(pool.client_for(params, print))
        if connected:
            client.get(GROUP, "read")
        few_files()
        with pytest.raises(NoAnswerError) as caught:
            client.post(GROUP, {}, "make it")
    assert str(caught.value) == (
        f"Failed to make it: this host has too many files open to reach {wire.base_url} (Too many open files). The request was "
        "not sent. Raise the limit of open files (ulimit -n), or run fewer tasks at once."
    )
    assert not caught.value.outcome_unknown
    assert caught.value.to_result()["detail"] == "Too many open files"
    assert [one.method for one in wire.requests] == ["GET"] * connected


def test_too_many_open_files_of_the_whole_host_are_the_same(
    serve: Callable[..., Wire], pool: ClientPool, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*unused: Any) -> int:
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    params["base_url"] = serve(reply({"id": "1"})).base_url
    with pool.client_for(params, print) as client:
        monkeypatch.setattr(os, "dup", refuse)
        with pytest.raises(NoAnswerError, match="too many files open"):
            client.get(GROUP, "read it")
        monkeypatch.undo()
        assert client.get(GROUP, "read it") == {"id": "1"}
