"""What an earlier report knows of findings, and what stays of it where nothing could be read."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.earlier import compare, parse_since
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError

YESTERDAY, TODAY = "2026-11-27T09:30:00Z", "2026-11-28T09:30:00Z"
PROJECT = "5a1b2c3d4e5f6a7b8c9d0001"
CONTAINER = "5a1b2c3d4e5f6a7b8c9d2001"
NETWORK = {
    "group_id": PROJECT,
    "project_name": "shop",
    "provider_name": "AWS",
    "vpc_id": "vpc-0a1b2c3d4e5f60001",
    "vpc_name": None,
    "aws_account_id": "111122223333",
    "region": "us-east-1",
    "connection_id": "pcx-0a1b2c3d4e5f60001",
    "peer_id": "5a1b2c3d4e5f6a7b8c9d1001",
    "container_id": CONTAINER,
}


def finding(severity: str = "fail", *, seen: str = TODAY, codes: tuple[str, ...] = ("P601",), **changes: Any) -> dict[str, Any]:
    """Return a finding on one connection."""
    item = {**NETWORK, "subject": "rtb-0a1b2c3d4e5f60001", "subnet_ids": None, "first_seen": seen, **changes}
    made = {
        "code": codes[0],
        "codes": [*codes],
        "severity": severity,
        "message": "It is so.",
        "fix": "Do it.",
        "first_seen": seen,
    }
    return {**made, "is_new": None, "is_kept": False, "connections": [item]}


def row(*checks: tuple[str, str, str | None], **changes: Any) -> dict[str, Any]:
    """Return a connection with the severities of its checks, and what they wait for."""
    listed = [{"code": code, "severity": severity, "waits_for": waits_for} for code, severity, waits_for in checks]
    return {**NETWORK, "checks": listed, **changes}


def report(*findings: dict[str, Any]) -> dict[str, Any]:
    return {"version": 1, "time": YESTERDAY, "peering_check": {"findings": list(findings)}}


def compared(
    today: list[dict[str, Any]], before: list[dict[str, Any]], *rows: dict[str, Any], failed: tuple[Any, ...] = ()
) -> Any:
    """Return the severity of each finding, when it was seen first, whether it is new, and whether it is kept."""
    found = compare(copy.deepcopy(today), parse_since(report(*before)), rows, failed)
    return [(one["severity"], one["first_seen"], one["is_new"], one["is_kept"]) for one in found]


KNOWN = ("fail", YESTERDAY, False, False)
NEW = ("fail", TODAY, True, False)
KEPT = ("fail", YESTERDAY, False, True)


@pytest.mark.parametrize(
    ("changes", "comes_to"),
    [
        ({}, KNOWN),
        # Neither names of people nor what comes later tell findings apart.
        ({"project_name": "other", "connection_id": None, "peer_id": "5a1b2c3d4e5f6a7b8c9d1009", "vpc_name": "net"}, KNOWN),
        ({"group_id": "5a1b2c3d4e5f6a7b8c9d0009"}, NEW),
        ({"vpc_id": "vpc-0a1b2c3d4e5f60009"}, NEW),
        ({"container_id": "5a1b2c3d4e5f6a7b8c9d2009"}, NEW),
        ({"subject": "rtb-0a1b2c3d4e5f60009"}, NEW),
        ({"codes": ("P602",)}, NEW),
        ({"severity": "warn"}, NEW),
    ],
)
def test_what_a_finding_is_known_by(changes: dict[str, Any], comes_to: tuple[Any, ...]) -> None:
    before = finding(**{"seen": YESTERDAY, **changes})
    assert compared([finding()], [before], row(("P601", "fail", None))) == [comes_to]


def test_a_finding_on_one_more_connection_is_new() -> None:
    """Since when it is known, the first of them says."""
    both = finding()
    both["connections"].append({**both["connections"][0], "vpc_id": "vpc-0a1b2c3d4e5f60009"})
    assert compared([both], [finding(seen=YESTERDAY)]) == [("fail", YESTERDAY, True, False)]
    (found,) = compare([both], parse_since(report(finding(seen=YESTERDAY))), [], ())
    assert [one["is_new"] for one in found["connections"]] == [False, True]


def test_what_is_unread_is_known_by_any_of_its_codes() -> None:
    """Today's cause may keep more checks from being made."""
    before = finding("unknown", seen=YESTERDAY, codes=("P503",))
    assert compared([finding("unknown", codes=("P401", "P503"))], [before]) == [("unknown", YESTERDAY, False, False)]


@pytest.mark.parametrize(
    ("rows", "failed", "comes_to"),
    [
        # It was read, and is gone; or the connection is.
        ([row(("P601", "ok", None))], (), []),
        ([], (), []),
        ([row(("P601", "skipped", "P101"), ("P101", "fail", None))], (), []),
        # It could not be read: the project, what the check needs, or what that waits for.
        ([], ((PROJECT, "AWS"),), [KEPT]),
        ([], ((PROJECT, "GCP"),), []),
        ([row(("P601", "unknown", None))], (), [KEPT]),
        ([row(("P401", "unknown", None), ("P404", "skipped", "P401"), ("P601", "skipped", "P404"))], (), [KEPT]),
        ([row(("P601", "unknown", None), container_id=None)], (), [KEPT]),
        ([row(("P602", "unknown", None))], (), []),
    ],
)
def test_what_could_not_be_read_stays_as_it_was(rows: list[dict[str, Any]], failed: tuple[Any, ...], comes_to: list[Any]) -> None:
    assert compared([], [finding(seen=YESTERDAY)], *rows, failed=failed) == comes_to


def test_what_was_unread_before_is_unread_as_today_says() -> None:
    before = finding("unknown", seen=YESTERDAY, subject="other")
    unread = row(("P601", "unknown", None))
    assert compared([finding("unknown")], [before], unread) == [("unknown", TODAY, True, False)]
    assert compared([], [before], failed=((PROJECT, "AWS"),)) == [("unknown", YESTERDAY, False, True)]


def test_what_is_kept_stays_as_it_was_from_day_to_day() -> None:
    """But for its lines: what they would change may be another thing now."""
    before = finding(seen=YESTERDAY, owner="AWS account 1", commands=["aws 1"])
    for unused in range(2):
        (kept,) = compare([], parse_since(report(before)), (), ((PROJECT, "AWS"),))
        items = [{**before["connections"][0], "is_new": False, "commands": []}]
        # A report of an earlier release has no owner.
        assert kept == {**before, "owner": "", "is_new": False, "is_kept": True, "connections": items}
        before = kept


def test_what_is_kept_stands_where_its_severity_does() -> None:
    today = [finding("warn", subject="other")]
    assert [one[0] for one in compared(today, [finding(seen=YESTERDAY)], failed=((PROJECT, "AWS"),))] == ["fail", "warn"]


def _without(value: dict[str, Any], *path: Any) -> dict[str, Any]:
    changed = copy.deepcopy(value)
    inner: Any = changed
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return changed


FIRST = ("peering_check", "findings", 0)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("yesterday.json", "a value has another type than in a report."),
        ([], "a value has another type than in a report."),
        ({**report(), "time": 5}, "5 is not a text"),
        ({}, "'version' is missing"),
        ({**report(), "version": 2}, "its version is 2, not 1"),
        ({**report(), "time": "yesterday"}, "Invalid isoformat string"),
        ({**report(), "peering_check": None}, "a value has another type than in a report."),
        (_without(report(finding()), *FIRST, "codes"), "'codes' is missing"),
        (_without(report(finding()), *FIRST, "connections", 0, "vpc_id"), "'vpc_id' is missing"),
        (report({**finding(), "severity": "bad"}), "a severity is 'bad'"),
        (report({**finding(), "codes": []}), "a code is 'P601'"),
        (report(finding(codes=("](http://b.example)",))), "a code is '](http"),
        (report({**finding(), "message": {"{{": "}}"}}), "is not a text"),
        (report(finding(provider_name="MOON")), "a provider_name is 'MOON'"),
        (report(finding(container_id=["x"])), "is not a text"),
        (report(finding(seen="never")), "Invalid isoformat string"),
    ],
)
def test_a_file_that_is_no_such_report_is_refused(content: Any, why: str) -> None:
    with pytest.raises(InvalidOptionError) as caught:
        parse_since(content)
    assert caught.value.message.startswith("since is not a JSON report of atlas_vpc_peer_check: ")
    assert why in caught.value.message
