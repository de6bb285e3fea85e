"""The service account as a credential: how long its token is used, and which replies have none."""

from __future__ import annotations

import fcntl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings, Request
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.tokens import ServiceAccount, TokenCache
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ApiError
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, serving


@pytest.mark.parametrize(
    ("reply", "lifetime"),
    [
        ({"expires_in": 1800}, 1800),
        ({"expires_in": 1800.5, "token_type": "bearer"}, 1800.5),
        ({"expires_in": "1800"}, 1800),
        ({}, 3600),
        ({"expires_in": None}, 3600),
        ({"expires_in": 3601}, 3600),
        ({"expires_in": "31536000"}, 3600),
        ({"expires_in": float("inf")}, 3600),
        ({"expires_in": 10**400}, 3600),
    ],
    ids=range(9),
)
def test_a_token_lasts_as_long_as_is_said_and_at_most_an_hour(reply: dict[str, Any], lifetime: float) -> None:
    """RFC 6749, 5.1, leaves the lifetime to the documentation; the Go library of OAuth reads it from text as well."""
    now, fetched = 1000.0, []
    account = ServiceAccount("id", "secret", TokenCache([], None, print), lambda: now)
    for moment in (1000.0, 1000.0 + lifetime - 301, 1000.0 + lifetime - 299):
        now = moment
        outgoing: Any = SimpleNamespace(headers={})
        flow = account.sign_in(outgoing, lambda: 1.0)
        wanted = next(flow)
        if isinstance(wanted, Request):
            fetched.append(wanted)
            wanted = flow.send({"access_token": "token", **reply})
        assert wanted is outgoing
        assert outgoing.headers == {"Authorization": "Bearer token"}
    assert len(fetched) == 2


@pytest.mark.parametrize(
    "reply",
    [
        {},
        *({"access_token": token} for token in (5, "", "a b", "a\nb", "\u00fc", "\ud800", "t\x7f", "x" * 100_000, ["t"])),
        *({"access_token": "t", "expires_in": end} for end in ("soon", 0, -1, float("nan"), "nan", [3600], {})),
    ],
    ids=range(17),
)
def test_a_reply_that_is_no_token_is_told(reply: dict[str, Any]) -> None:
    outgoing: Any = SimpleNamespace(headers={})
    flow = ServiceAccount("id", "secret", TokenCache([], None, print)).sign_in(outgoing, lambda: 1.0)
    assert isinstance(next(flow), Request)
    with pytest.raises(ApiError, match="the reply of Atlas has none"):
        flow.send(reply)


def test_the_lock_of_the_cache_is_given_back_when_the_flow_ends(tmp_path: Path) -> None:
    """Otherwise every other process would wait for it."""
    cache = TokenCache(["x"], str(tmp_path / "cache"), print)
    outgoing: Any = SimpleNamespace(headers={})
    flow = ServiceAccount("id", "secret", cache).sign_in(outgoing, lambda: 1.0)
    assert isinstance(next(flow), Request)
    (path,) = (tmp_path / "cache").glob("*.lock")
    with path.open() as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        flow.close()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_token_that_atlas_does_not_give_leaves_the_lock_free(tmp_path: Path) -> None:
    cache = TokenCache(["x"], str(tmp_path / "cache"), print)
    with serving(Reply(400, b"{}")) as wire:
        client = AtlasClient(ApiSettings(base_url=wire.base_url, retries=0), ServiceAccount("id", "secret", cache))
        with pytest.raises(ApiError) as caught:
            client.get(("groups", "x"), "read it")
        client.close()
    (path,) = (tmp_path / "cache").glob("*.lock")
    # The traceback is still here, and with it whatever its frames hold.
    assert caught.value.__traceback__ is not None
    with path.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
