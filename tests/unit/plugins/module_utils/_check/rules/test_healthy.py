"""A connection that carries traffic gives no finding, and each check looks at something."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AtlasFacts,
    AwsFacts,
    ConnectionFacts,
    Missing,
    Unread,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import verdict_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import CHECKS, run_checks
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import NOW, found, healthy, severities

CODES = {
    *("P101", "P102", "P103", "P104", "P105", "P106", "P107", "P201", "P202", "P203", "P204", "P205"),
    *("P301", "P302", "P303", "P304", "P401", "P402", "P403", "P404", "P405", "P406", "P501", "P502", "P503"),
    *("P601", "P602", "P603", "P604", "P605", "P606", "P607", "P608", "P701", "P702", "P703", "P801", "P901", "P902"),
}
#: Of connections on AZURE and GCP alone.
CODES_ELSEWHERE = {
    *("A401", "A402", "A403", "A404", "A501", "A601", "A701"),
    *("G401", "G402", "G403", "G501", "G601", "G701"),
}
#: They judge what the options name.
WITH_INPUT = {"P303", "P702", "P703", "P801", "P901", "P902"}


def test_all_checks_are_registered() -> None:
    """Codes are stable: people look for them in the guide, and playbooks compare them."""
    assert set(CHECKS) == CODES | CODES_ELSEWHERE


def test_a_connection_that_carries_traffic_has_no_finding() -> None:
    facts = healthy()
    assert severities(facts) == {}
    assert found(facts, "ok").keys() == CODES - WITH_INPUT
    assert found(facts, "skipped").keys() == WITH_INPUT
    assert verdict_of(run_checks(facts), both_halves=True) == "reachable_by_design"


def test_nothing_that_cannot_be_read_is_fine() -> None:
    facts = healthy()
    unread = Unread("AWS refuses it.", "ec2:DescribeEverything")
    nothing = ConnectionFacts(facts.entry, NOW, AtlasFacts.none(unread), AwsFacts.none(unread))
    assert found(nothing, "ok", "info", "fail", "warn") == {}
    assert found(nothing, "unknown").keys() >= CODES - WITH_INPUT - {"P403", "P602"}
    assert verdict_of(run_checks(nothing), both_halves=True) == "unknown"


def test_what_is_switched_off_is_skipped() -> None:
    off = Missing("This half is off.")
    nothing = ConnectionFacts(healthy().entry, NOW, AtlasFacts.none(off), AwsFacts.none(off))
    assert found(nothing, "skipped").keys() == CODES
    assert verdict_of(run_checks(nothing), both_halves=False) == "unknown"
