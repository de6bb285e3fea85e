"""What is read out of a reply beside its content."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.exchange import ApiCall, Reply, count_requests


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("7", 7),
        (" 7 ", 7),
        ("99999999999", 99999999999),
        ("9" * 400, float("inf")),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Fri, 99 Foo 2026", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("\u00b2", None),
    ],
)
def test_retry_after_is_read_or_ignored(value: str | None, seconds: float | None) -> None:
    assert Reply(429, {} if value is None else {"Retry-After": value}, b"").retry_after == seconds


@pytest.fixture(params=["UTC0", "JST-9"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where the host is."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    "date",
    [
        "Tue, 14 Nov 2023 22:13:50 GMT",
        "Tue, 14 Nov 2023 22:13:50 -0000",
        "Tue, 14 Nov 2023 17:13:50 -0500",
        "Tuesday, 14-Nov-23 22:13:50 GMT",
        "Tue Nov 14 22:13:50 2023",
    ],
)
@pytest.mark.usefixtures("zone")
def test_a_date_in_retry_after_is_counted_from_now(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each form that a recipient has to take (RFC 9110, 5.6.7), wherever the host is."""
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    assert Reply(429, {"Retry-After": date}, b"").retry_after == 30


@pytest.mark.parametrize(
    ("method", "path", "is_write"),
    [
        ("GET", "/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers", False),
        ("DELETE", "/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/1", True),
        ("POST", "/api/oauth/token", False),
        ("POST", "oauth2.googleapis.com/token", False),
        ("POST", "iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken", False),
        ("POST", "/compute/v1/projects/example.com:prod/global/networks/app/addPeering", True),
        # AWS's query API sends all actions by POST.
        ("POST", "ec2:DescribeVpcs", False),
        ("POST", "ec2:CreateRoute", True),
        ("POST", "sts:AssumeRole", False),
        ("GET", "route53:ListHostedZonesByVPC", False),
    ],
)
def test_a_request_that_may_change_something_is_a_write(method: str, path: str, is_write: bool) -> None:
    call = ApiCall(method, path, 200, 1)
    assert count_requests([call, call]) == {"sent": 2, "writes": 2 * is_write}
