"""What is read out of a reply beside its content."""

from __future__ import annotations

import email.utils
import time

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


def test_a_date_in_retry_after_is_counted_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    for date in (email.utils.formatdate(1_700_000_030, usegmt=True), email.utils.formatdate(1_700_000_030)):
        assert Reply(429, {"Retry-After": date}, b"").retry_after == 30


@pytest.mark.parametrize(
    ("method", "path", "is_write"),
    [
        ("GET", "/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers", False),
        ("DELETE", "/api/atlas/v2/groups/5356823b3794dee37132bb7b/peers/1", True),
        ("POST", "/api/oauth/token", False),
        ("POST", "oauth2.googleapis.com/token", False),
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
