"""Several threads with one client: connections, nonces, tokens, deadlines, secrets, and the governor of their rate."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.api_key import ApiKey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.tokens import AccessToken, ServiceAccount, TokenCache
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import RateLimitError, StoppedError, TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.threads import Workers
from ansible_collections.cloudpeer.atlas.tests.support.client import GROUP, Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.wire import reply

THREADS = 8


@pytest.fixture(autouse=True)
def _threads_switch_often(monkeypatch: pytest.MonkeyPatch) -> Any:

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def side_by_side(calls: int, call: Callable[[int], Any], threads: int = THREADS) -> dict[int, Any]:
    """Return what each call returned or raised, by its number. The first calls begin at the same moment."""
    gate = threading.Barrier(min(threads, calls))
    found = {}

    def begin(number: int) -> Any:
        if number < gate.parties:
            gate.wait()
        return call(number)

    with Workers[int, Any](threads) as workers:
        for number in range(calls):
            workers.submit(number, lambda number=number: begin(number))  # type: ignore[misc]
        for ended in workers.results():
            found[ended.key] = ended.error or ended.result()
    return found


def test_threads_share_one_nonce_and_have_a_connection_each(atlas: Atlas, connect: Connect) -> None:
    client = connect(atlas.base_url)
    with client.recording() as calls:
        client.get(GROUP, "read")
        found = side_by_side(40, lambda number: client.get(GROUP, "read"))
        assert Counter(call.status for call in calls) == {401: 1, 200: 41}
    assert {one["id"] for one in found.values()} == {GROUP[1]}
    assert 2 <= atlas.tcp_connections() <= THREADS
    # Requests one after the other use one of them.
    connections = [entry["connection"] for entry in atlas.emulator.requests.entries()]
    client.get(GROUP, "read")
    client.get(GROUP, "read")
    after = [entry["connection"] for entry in atlas.emulator.requests.entries()][len(connections) :]
    assert len({*after}) == 1
    assert {*after} <= {*connections}


def test_after_a_task_one_connection_is_left(connect: Connect, serve: Serve) -> None:
    wire = serve(reply({"id": "1"}))
    client = connect(wire.base_url)
    with client.recording():
        side_by_side(THREADS, lambda number: client.get(GROUP, "read"))
        opened = wire.connections
    assert opened >= 2
    assert len(client._free) == 1


@pytest.mark.parametrize("knows_nonce", [True, False])
def test_nonces_of_one_connection_cost_a_challenge(make_atlas: Callable[..., Atlas], connect: Connect, knows_nonce: bool) -> None:
    atlas = make_atlas(nonce_per_connection=True)
    client = connect(atlas.base_url)
    if knows_nonce:
        client.get(GROUP, "read")
    assert {str(one["id"]) for one in side_by_side(60, lambda number: client.get(GROUP, "read")).values()} == {GROUP[1]}
    refused = Counter(entry["connection"] for entry in atlas.emulator.requests.entries() if entry["status"] == 401)
    # One more, where the nonce of another connection was tried first.
    assert max(refused.values()) <= 2
    before = len(atlas.emulator.requests.entries())
    side_by_side(60, lambda number: client.get(GROUP, "read"))
    later = [entry["status"] for entry in atlas.emulator.requests.entries()][before:]
    assert later.count(200) == 60
    assert later.count(401) <= THREADS


def test_a_nonce_that_ages_under_all_threads_is_replaced(make_atlas: Callable[..., Atlas], connect: Connect) -> None:
    atlas = make_atlas(nonce_seconds=0)
    client = connect(atlas.base_url)
    found = side_by_side(40, lambda number: client.get(GROUP, "read"))
    assert {str(one["id"]) for one in found.values()} == {GROUP[1]}


@pytest.mark.parametrize("kept", [True, False])
def test_threads_fetch_one_token_for_all(make_atlas: Callable[..., Atlas], clock: FakeClock, tmp_path: Any, kept: bool) -> None:
    atlas = make_atlas(latency_ms=20)
    settings = atlas.emulator.settings
    cache = TokenCache(["x"], str(tmp_path / "cache") if kept else None, print)
    now = [time.time()]
    account = ServiceAccount(settings.client_id, settings.client_secret, cache, lambda: now[0])
    client = AtlasClient(ApiSettings(base_url=atlas.base_url), account, clock=clock, sleep=clock.sleep)
    found = side_by_side(THREADS, lambda number: client.get(GROUP, "read"))
    assert {str(one["id"]) for one in found.values()} == {GROUP[1]}
    assert [call.path for call in client.calls if call.method == "POST"] == ["/api/oauth/token"]
    # After a while, it is revoked: one new one for all.
    now[0] += 100
    atlas.emulator.tokens.clear()
    found = side_by_side(THREADS, lambda number: client.get(GROUP, "read"))
    assert {str(one["id"]) for one in found.values()} == {GROUP[1]}
    assert len([call.path for call in client.calls if call.method == "POST"]) == 2
    assert len(account.secrets) == 4
    client.close()


def test_a_token_that_cannot_be_had_leaves_no_lock_behind(serve: Serve, clock: FakeClock) -> None:
    wire = serve(reply({"error": "invalid_client"}, 401))
    account = ServiceAccount("id", "secret", TokenCache([], None, print))
    client = AtlasClient(ApiSettings(base_url=wire.base_url, retries=0), account, clock=clock, sleep=clock.sleep)
    found = side_by_side(2 * THREADS, lambda number: client.get(GROUP, "read"))
    assert {type(error).__name__ for error in found.values()} == {"AuthError"}
    client.close()


def test_no_thread_shows_a_secret_that_a_server_sends_back(serve: Serve, clock: FakeClock) -> None:
    wire = serve(reply({"detail": "Not with the-token-of-all", "errorCode": "X"}, 403))
    client = AtlasClient(ApiSettings(base_url=wire.base_url), AccessToken("the-token-of-all"), clock=clock, sleep=clock.sleep)
    found = side_by_side(40, lambda number: client.get(GROUP, f"read {number}"))
    for number, error in found.items():
        assert f"Failed to read {number}: Not with ********" in str(error)
    client.close()


def test_a_deadline_holds_for_its_thread_and_what_it_submits(atlas: Atlas, connect: Connect, clock: FakeClock) -> None:
    client = connect(atlas.base_url)
    inside, outside = threading.Event(), threading.Event()
    seen = {}

    def bounded() -> None:
        with client.within(clock() + 5):
            inside.set()
            outside.wait(10)
            seen["bounded"] = client._retry.time_left()

    def unbounded() -> None:
        inside.wait(10)
        seen["unbounded"] = client._retry.time_left()
        outside.set()

    with Workers[str, None](2) as workers:
        workers.submit("a", bounded)
        workers.submit("b", unbounded)
        assert [ended.error for ended in workers.results()] == [None, None]
        with client.within(clock() + 3):
            workers.submit("c", lambda: seen.update(inherited=client._retry.time_left()))
            workers.submit("d", lambda: None)
        assert [ended.error for ended in workers.results()] == [None, None]
    assert seen == {"bounded": 5, "unbounded": 60, "inherited": 3}
    assert client._retry.time_left() == 60


def test_all_threads_lose_nothing_to_the_rate_limit(make_atlas: Callable[..., Atlas]) -> None:
    """On the real clock, like the bucket. Without a governor, each would use up its retries."""
    atlas = make_atlas(rate_limit="10/20", latency_ms=2)
    key = ApiKey(atlas.emulator.settings.public_key, atlas.emulator.settings.private_key)
    client = AtlasClient(ApiSettings(base_url=atlas.base_url, retries=0), key)
    with client.side_by_side(THREADS, longest_pause=3600):
        found = side_by_side(30, lambda number: client.get(GROUP, "read"))
    assert {str(one["id"]) for one in found.values()} == {GROUP[1]}
    statuses = Counter(entry["status"] for entry in atlas.emulator.requests.entries())
    assert statuses[200] == 30
    assert statuses[429] > 0
    client.close()


def test_pauses_that_last_too_long_together_end_in_the_refusal(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(reply({"errorCode": "RATE_LIMITED", "detail": "Too many"}, 429, ("Retry-After", "20")))
    client = connect(wire.base_url, retries=4)
    with client.side_by_side(THREADS, longest_pause=50):
        found = side_by_side(THREADS, lambda number: client.get(GROUP, "read"))
    assert [type(one) for one in found.values()] == [RateLimitError] * THREADS
    assert sum(clock.pauses) > 0
    assert len(wire.requests) <= 3 * THREADS


def test_a_pause_of_the_governor_is_no_time_of_the_request(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    refusal = reply({"errorCode": "RATE_LIMITED", "detail": "Too many"}, 429, ("Retry-After", "500"))
    wire = serve(*[refusal] * 3, reply({"errorCode": "BUSY", "detail": "Later"}, 503), reply({"id": "1"}))
    client = connect(wire.base_url, retries=1)
    started = clock()
    with client.side_by_side(1, longest_pause=600):
        assert client.get(GROUP, "read") == {"id": "1"}
    assert clock() - started > client.settings.limits.total_time
    # Outside, a refusal uses up a retry as ever.
    wire.requests.clear()
    wire.replies[:] = [refusal]
    with pytest.raises(RateLimitError):
        client.get(GROUP, "read")
    assert len(wire.requests) == 2


def test_a_wait_in_the_parameters_holds_all_threads(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    """MongoDB's documentation: docs/atlas/api/api-rate-limit."""
    refusal = {"errorCode": "RATE_LIMITED_TOKEN_BUCKET", "parameters": ["api/atlas/v2/orgs", 55, 10, 5, 60]}
    wire = serve(reply(refusal, 429), reply({"id": "1"}))
    client = connect(wire.base_url)
    with client.side_by_side(1, longest_pause=600):
        assert client.get(GROUP, "read") == {"id": "1"}
    assert clock.pauses == [55]


def test_a_refused_request_does_not_wait_beyond_its_deadline(serve: Serve, connect: Connect, clock: FakeClock) -> None:
    wire = serve(reply({"errorCode": "RATE_LIMITED", "detail": "Too many"}, 429, ("Retry-After", "20")))
    client = connect(wire.base_url)
    with client.side_by_side(1, longest_pause=600), client.within(clock() + 10), pytest.raises(RateLimitError):
        client.get(GROUP, "read")
    assert (len(wire.requests), clock.pauses) == (1, [])


def test_stopped_workers_end_pauses_and_begin_no_request(serve: Serve) -> None:
    """On the real clock: what pauses would pause for an hour."""
    wire = serve(reply({"errorCode": "RATE_LIMITED", "detail": "Too many"}, 429, ("Retry-After", "3600")))
    client = AtlasClient(ApiSettings(base_url=wire.base_url), AccessToken("token"))
    started = time.monotonic()
    with client.side_by_side(THREADS, longest_pause=7200), Workers[int, Any](THREADS) as workers:
        for number in range(THREADS):
            workers.submit(number, lambda: client.get(GROUP, "read"))
        assert workers.next(0.5) is None
        ended = workers.drain()
    assert 0 < len(wire.requests) <= THREADS
    assert [type(one.error) for one in ended] == [StoppedError] * THREADS
    assert not any(one.error.outcome_unknown for one in ended if isinstance(one.error, TaskError))
    assert time.monotonic() - started < 60
    client.close()


def test_a_lost_removal_that_is_stopped_may_be_done(serve: Serve) -> None:
    wire = serve(reply({"detail": "Broken"}, 503, ("Retry-After", "3600")))
    client = AtlasClient(ApiSettings(base_url=wire.base_url, timeout=3600), AccessToken("token"))
    with Workers[int, Any](2) as workers:
        for number in range(2):
            workers.submit(number, lambda: client.delete(GROUP, "remove"))
        assert workers.next(0.5) is None
        ended = workers.drain()
    assert [getattr(one.error, "outcome_unknown", None) for one in ended] == [True, True]
    client.close()


def test_what_was_perhaps_deleted_is_known_to_all_threads(connect: Connect, serve: Serve) -> None:
    wire = serve(reply({"detail": "Broken"}, 500))
    client = connect(wire.base_url, retries=0)
    with client.recording():
        errors = side_by_side(THREADS, lambda number: client.delete((*GROUP, str(number)), "remove it"))
        assert len(errors) == THREADS
        wire.replies[:] = [reply({"errorCode": "GONE", "detail": "Gone"}, 404)]
        gone = frozenset(("GONE",))
        assert [*side_by_side(THREADS, lambda number: client.delete((*GROUP, str(number)), "it", gone=gone)).values()] == [
            None
        ] * THREADS
