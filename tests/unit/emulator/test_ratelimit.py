"""Token buckets: on a clock that stands still, and over HTTP."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.emulator.ratelimit import HEADERS, Allowance, Rate, TokenBucket, parse_rate
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(("text", "rate"), [("10/5", Rate(10, 5, 1)), ("100/30/60", Rate(100, 30, 60)), ("1/1/1", Rate(1, 1, 1))])
def test_rates(text, rate):
    """Without a period it is one second."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "10", "10/", "/5", "0/5", "10/0", "10/5/0", "-1/5", "1.5/5", "a/b", "10/5/1/1", "\u0661/1", "1" * 10 + "/1"]
)
def test_wrong_rates(text):
    """The message says what is wanted."""
    with pytest.raises(ValueError, match="capacity/refill"):
        parse_rate(text)


def test_bucket(clock):
    """It is full at first, and filled at the end of each period; nobody waits longer than is said."""
    bucket = TokenBucket(Rate(3, 2, 60), clock)
    assert [bucket.take() for unused in range(4)] == [Allowance(True, left) for left in (2, 1, 0)] + [Allowance(False, 0, 60)]
    clock.sleep(4.5)
    assert bucket.take() == Allowance(False, 0, 56)
    clock.sleep(55.4)
    assert bucket.take() == Allowance(False, 0, 1)
    clock.sleep(0.2)
    assert [bucket.take() for unused in range(3)] == [Allowance(True, 1), Allowance(True, 0), Allowance(False, 0, 60)]
    clock.sleep(100_000)
    assert bucket.take() == Allowance(True, 2)
    bucket.take()
    bucket.reset()
    assert bucket.take() == Allowance(True, 2)


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 60), st.lists(st.floats(0, 100), max_size=100))
def test_bucket_never_gives_too_much(capacity, refill, period, pauses):
    """Over any length of time: what was in it, and what was added; and who waits as long as is said gets a token."""
    now = [1000.0]
    bucket = TokenBucket(Rate(capacity, refill, period), lambda: now[0])
    for granted, pause in enumerate(pauses, 1):
        now[0] += pause
        allowance = bucket.take()
        assert 0 <= allowance.remaining < capacity
        if not allowance.granted:
            assert 1 <= allowance.retry_after <= period
            now[0] += allowance.retry_after
            assert bucket.take().granted
        assert granted <= capacity + refill * ((now[0] - 1000) // period + 1)


def test_headers_and_refusal(start):
    """Every authenticated reply says what is left; a refusal when to come back. The challenge costs nothing."""
    api = start(rate_limit="3/2/60")
    remaining = []
    for status, path in ((200, "/peers"), (404, "/peers/" + "0" * 24), (404, "/nothing")):
        response = api.call("GET", path)
        assert (response.status_code, response.headers["RateLimit-Limit"]) == (status, "3")
        remaining.append(response.headers["RateLimit-Remaining"])
        assert "Retry-After" not in response.headers
        assert all("RateLimit-Limit" not in before.headers for before in response.history)
    assert remaining == ["2", "1", "0"]
    response = api.call("POST", "/peers", json=api.new_peer())
    assert response.status_code == 429
    error = response.json()
    wait = int(response.headers["Retry-After"])
    assert 58 <= wait <= 60
    assert error["errorCode"] == response.headers["X-Error-Code"] == "RATE_LIMITED_TOKEN_BUCKET"
    assert error["parameters"] == [f"api/atlas/v2/groups/{api.emulator.settings.group_id}/peers", wait, 3, 2, 60]
    assert error["reason"] == "Too Many Requests"
    assert (response.headers["RateLimit-Limit"], response.headers["RateLimit-Remaining"]) == ("3", "0")
    api.control("POST", "/reset")
    assert api.call("GET", "/peers").json()["results"] == []


def test_refill(start):
    """Waiting as long as is said is enough."""
    api = start(rate_limit="2/1")
    statuses = [api.call("GET").status_code for unused in range(2)]
    while (response := api.call("GET")).status_code == 200:
        statuses.append(200)
    time.sleep(int(response.headers["Retry-After"]))
    assert api.call("GET").status_code == 200
    assert statuses[:2] == [200, 200]


def test_unauthenticated_requests_are_free(start):
    """Nor do wrong keys empty anybody's bucket."""
    api = start(rate_limit="2/1/600")
    for unused in range(5):
        response = requests.get(api.group, timeout=10)
        assert (response.status_code, response.headers.get("RateLimit-Limit")) == (401, None)
    assert api.call("GET").headers["RateLimit-Remaining"] == "1"


def test_no_limit(api):
    """By default there are no such headers, but for the limits that Atlas's documentation has for lists of projects and such."""
    org_id = api.emulator.settings.org_ids[0]
    paths = ("/groups", "/orgs", f"/orgs/{org_id}", f"/orgs/{org_id}/groups", "/groups/byName/none", f"/orgs/{'0' * 24}")
    headers = [api.call("GET", api.root + path).headers for path in paths]
    found = [(one.get("RateLimit-Limit"), one.get("RateLimit-Remaining")) for one in headers]
    expected = [("1200", "1199"), ("300", "299"), ("500", "499"), ("500", "498"), ("1200", "1198"), (None, None)]
    assert found == expected
    assert "RateLimit-Limit" not in api.call("GET").headers


def test_many_at_once(start):
    """No token is given out twice."""
    api = start(rate_limit="10/1/600")
    token = api.emulator.tokens.issue()
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.atlas.2023-01-01+json"}
    statuses = []
    threads = [
        threading.Thread(target=lambda: statuses.append(requests.get(api.group, headers=headers, timeout=10).status_code))
        for unused in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] * 10 + [429] * 10


def test_a_bucket_of_ten_with_two_a_second(clock):
    """Ten at once, then two at the end of each second, however many ask."""
    bucket = TokenBucket(parse_rate("10/2"), clock)
    assert [allowance.granted for allowance in (bucket.take() for unused in range(16))] == [True] * 10 + [False] * 6
    for unused in range(3):
        clock.sleep(0.5)
        assert bucket.take() == Allowance(False, 0, 1)
        clock.sleep(0.5)
        assert [bucket.take() for unused in range(4)] == [Allowance(True, 1), Allowance(True, 0)] + [Allowance(False, 0, 1)] * 2


def test_many_connections_share_a_bucket(start):
    """What is left goes down by one with each request, whichever connection it comes on; then all are refused alike."""
    api = start(rate_limit="10/2/600")
    headers = {"Authorization": f"Bearer {api.emulator.tokens.issue()}", "Accept": "application/vnd.atlas.2023-01-01+json"}
    number, rounds = 16, 2
    together = threading.Barrier(number)

    def ask(unused_number):
        with requests.Session() as session:
            session.trust_env = False
            together.wait()
            return [session.get(api.group, headers=headers, timeout=30) for unused in range(rounds)]

    with ThreadPoolExecutor(number) as threads:
        replies = [reply for found in threads.map(ask, range(number)) for reply in found]
    granted = [reply for reply in replies if reply.status_code == 200]
    assert sorted(int(reply.headers["RateLimit-Remaining"]) for reply in granted) == list(range(10))
    refused = [reply for reply in replies if reply.status_code == 429]
    assert len(refused) == number * rounds - 10
    assert {reply.headers["RateLimit-Remaining"] for reply in refused} == {"0"}
    assert all(1 <= int(reply.headers["Retry-After"]) <= 600 for reply in refused)
    assert len({entry["connection"] for entry in api.emulator.requests.entries()}) == number


@pytest.mark.parametrize("without", [*([one] for one in HEADERS), list(HEADERS)], ids=" ".join)
def test_any_header_may_be_missing(start, without):
    """From replies and from refusals."""
    api = start(rate_limit="1/1/600", rate_limit_without=tuple(without))
    statuses = []
    for expected in ({"RateLimit-Limit": "1", "RateLimit-Remaining": "0"}, dict.fromkeys(HEADERS)):
        reply = api.call("GET", "/peers")
        statuses.append(reply.status_code)
        assert {name for name in HEADERS if name in reply.headers} == {*expected} - {*without}
    assert statuses == [200, 429]


def test_old_scheme(api):
    """Its refusal is had by a fault."""
    rule = {"fault": {"kind": "status", "status": 429, "retry_after": 7}, "authenticated": True}
    requests.post(f"{api.emulator.base_url}/emulator/faults", json=rule, timeout=10)
    response = api.call("GET")
    assert (response.status_code, response.json()["errorCode"]) == (429, "RATE_LIMITED")
    assert response.headers["Retry-After"] == "7"


NEWER = {"Accept": "application/vnd.atlas.2025-03-12+json"}


def test_inspection(start):
    """The limit that there is, in the form of the published description."""
    api = start(rate_limit="100/30/60")
    url = f"{api.root}/rateLimits"
    response = api.call("GET", url, headers=NEWER)
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{NEWER['Accept']};charset=utf-8")
    [limit] = response.json()["results"]
    figures = (limit["capacity"], limit["refillRate"], limit["refillDurationSeconds"])
    assert [figure["value"] for figure in figures] == [100, 30, 60]
    assert limit["scope"] == "GROUP"
    assert {"method": "POST", "path": "/api/atlas/v2/groups/{groupId}/peers"} in limit["endpoints"]
    group = api.emulator.settings.group_id
    assert len(api.call("GET", f"{url}?groupId={group}", headers=NEWER).json()["results"]) == 1
    assert api.call("GET", f"{url}?orgId={group}", headers=NEWER).json()["results"] == []
    assert api.call("GET", f"{url}?groupId={'0' * 24}", headers=NEWER).json()["errorCode"] == "GROUP_NOT_FOUND"
    assert api.call("GET", f"{url}?surprise=1", headers=NEWER).status_code == 400
    for query, number in (
        ("name=Everything", 1),
        ("name=Nothing&name=Everything", 1),
        ("name=Nothing", 0),
        ("endpointPath=%2Fapi%2Fatlas%2Fv2%2Fgroups%2F%7BgroupId%7D%2Fpeers", 1),
        ("endpointPath=%2Fapi%2Fatlas%2Fv2%2Fclusters&name=Everything", 0),
    ):
        assert len(api.call("GET", f"{url}?{query}", headers=NEWER).json()["results"]) == number, query


def test_inspection_elsewhere(api, old_api):
    """It is of a later version than everything else, and not in v1.0; without a limit it is empty."""
    assert api.call("GET", f"{api.root}/rateLimits", headers=NEWER).json()["results"] == []
    assert api.call("GET", f"{api.root}/rateLimits").status_code == 406
    assert old_api.call("GET", f"{old_api.root}/rateLimits").status_code == 404
    assert api.call("GET", "/peers?groupId=1").status_code == 400
