# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Clients that are used again: by the same options only, by the same process only, and not after they went bad."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._pool import ClientPool
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.harness import Atlas

GROUP = ("groups", "5356823b3794dee37132bb7b")


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
        with pool.lease({**params, "vpc_id": number}, print) as client:
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
    with pool.lease(params, print) as one, pool.lease({**params, **other}, print) as two:
        assert one is not two


def test_a_child_process_does_not_share_its_parents_socket(
    pool: ClientPool, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pool.lease(params, print) as parents:
        pass
    monkeypatch.setattr(os, "getpid", lambda: -1)
    with pool.lease(params, print) as childs:
        assert childs is not parents


def read_with(pool: ClientPool, params: dict[str, Any], clients: list[AtlasClient]) -> None:
    with pool.lease(params, print) as client:
        clients.append(client)
        client.get(GROUP, "read")


def test_a_client_whose_credentials_were_refused_is_not_used_again(
    atlas: Atlas, pool: ClientPool, params: dict[str, Any]
) -> None:
    clients: list[AtlasClient] = []
    for unused in range(2):
        with pytest.raises(AtlasError):
            read_with(pool, {**params, "private_key": "wrong"}, clients)
    assert clients[0] is not clients[1]
    assert atlas.wire() == [("GET", 401)] * 4


def test_another_failure_leaves_the_client_in_use(atlas: Atlas, pool: ClientPool, params: dict[str, Any]) -> None:
    with pytest.raises(AtlasError), pool.lease(params, print) as one:
        one.get(("groups", "f" * 24), "read")
    with pool.lease(params, print) as two:
        assert two is one


def test_each_task_gets_its_own_record_of_requests(atlas: Atlas, pool: ClientPool, params: dict[str, Any]) -> None:
    records = []
    for unused in range(2):
        with pool.lease(params, print) as client, client.recording() as calls:
            client.get(GROUP, "read")
            records.append(calls)
    assert [len(calls) for calls in records] == [2, 1]


def test_options_that_cannot_be_right_leave_nothing_behind(pool: ClientPool, params: dict[str, Any]) -> None:
    for unused in range(2):
        with pytest.raises(AtlasError, match="private_key"), pool.lease({**params, "private_key": None}, print):
            pass
