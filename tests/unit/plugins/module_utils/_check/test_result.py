"""What findings come to."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import Missing
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import (
    Verdict,
    judge,
    verdict_of,
    verdict_of_subnet,
    worst_of,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding, Severity
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import healthy, object_id, peer


def finding(severity: Severity, *subnet_ids: str, decides: bool = True) -> Finding:
    return Finding(severity, "it", "", subnet_ids=subnet_ids or None, decides=decides)


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], "reachable_by_design"),
        ([finding("ok"), finding("info"), finding("warn"), finding("skipped")], "reachable_by_design"),
        ([finding("ok"), finding("fail")], "not_reachable"),
        ([finding("ok"), finding("unknown")], "unknown"),
        ([finding("unknown", decides=False)], "reachable_by_design"),
        ([finding("unknown"), finding("fail")], "not_reachable"),
    ],
)
def test_a_failure_decides_and_then_what_is_unknown(findings: list[Finding], verdict: Verdict) -> None:
    assert verdict_of(findings, both_halves=True) == verdict
    # One half alone can prove that it does not work, but not that it does.
    assert verdict_of(findings, both_halves=False) == ("not_reachable" if verdict == "not_reachable" else "unknown")


def test_a_subnet_is_judged_by_what_concerns_it() -> None:
    findings = [finding("fail", "subnet-1"), finding("unknown", "subnet-2", "subnet-3"), finding("warn")]
    verdicts = [verdict_of_subnet(f"subnet-{number}", findings, both_halves=True) for number in range(1, 5)]
    assert verdicts == ["not_reachable", "unknown", "unknown", "reachable_by_design"]
    assert verdict_of_subnet("subnet-4", [*findings, finding("fail")], both_halves=True) == "not_reachable"
    elsewhere = Finding("fail", "10.20.0.0/16", "", subnet_ids=())
    assert verdict_of_subnet("subnet-4", [elsewhere], both_halves=True) == "reachable_by_design"
    assert verdict_of([elsewhere], both_halves=True) == "not_reachable"


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "unknown"),
        (["reachable_by_design"], "reachable_by_design"),
        (["reachable_by_design", "unknown"], "unknown"),
        (["unknown", "not_reachable", "reachable_by_design"], "not_reachable"),
    ],
)
def test_all_connections_together_are_as_good_as_the_worst(verdicts: list[Verdict], worst: Verdict) -> None:
    assert worst_of(verdicts) == worst


@pytest.mark.parametrize(
    ("status", "times"),
    [("PENDING_ACCEPTANCE", ("2026-11-24T12:00:00Z", "2026-12-01T12:00:00Z")), ("AVAILABLE", (None, None))],
)
def test_a_request_that_waits_has_its_time_and_its_end(status: str, times: tuple[str | None, str | None]) -> None:
    """By its id, if AWS is not read: seven days after the request."""
    waiting = peer(id=object_id(datetime.timedelta(days=2)), status_name=status)
    facts = healthy(peer=waiting, connection=Missing("AWS was not read."))
    (shown,) = judge([facts], lambda one: False)["connections"]
    assert (shown["requested_at"], shown["expires_at"]) == times
