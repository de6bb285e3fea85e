"""How checks are registered and run, and what becomes of what they raise."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import ConnectionFacts, Missing, Unread, known, to_fact
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules import rule as core
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import Finding, Findings, check, run_checks, skip
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import NoAnswerError, TaskError
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import VPC_ID, healthy


@pytest.fixture(autouse=True)
def _no_other_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "CHECKS", {})


def run(facts: ConnectionFacts | None = None) -> list[tuple[str, str, str | None, bool]]:
    return [(one.code, one.severity, one.waits_for, one.decides) for one in run_checks(facts or healthy())]


def test_a_check_that_finds_nothing_is_ok() -> None:
    @check("X101")
    def find_nothing(facts: ConnectionFacts) -> Findings:
        yield from ()

    assert run() == [("X101", "ok", None, True)]
    assert run_checks(healthy())[0].subject == VPC_ID


def test_a_code_is_registered_once() -> None:
    def find_nothing(facts: ConnectionFacts) -> Findings:
        yield from ()

    check("X101")(find_nothing)
    with pytest.raises(ValueError, match="There are two checks X101"):
        check("X101")(find_nothing)


def test_checks_run_by_their_codes_and_wait_for_those_that_fail() -> None:
    @check("X202", waits_for=("X101", "X103"))
    def find_effect(facts: ConnectionFacts) -> Findings:
        yield Finding("fail", "effect", "It does not work.")

    @check("X103")
    def find_cause(facts: ConnectionFacts) -> Findings:
        yield Finding("fail", "cause", "It is broken.")
        yield Finding("warn", "cause", "It is ugly, too.")

    @check("X101")
    def find_warning(facts: ConnectionFacts) -> Findings:
        yield Finding("warn", "warning", "A warning is no cause.")

    assert run() == [
        ("X101", "warn", None, True),
        ("X103", "fail", None, True),
        ("X103", "warn", None, True),
        ("X202", "skipped", "X103", True),
    ]


def test_what_is_found_before_something_is_not_known_counts() -> None:
    @check("X101")
    def find_until_unread(facts: ConnectionFacts) -> Findings:
        yield Finding("warn", "first", "This was found.")
        yield Finding("fail", known(facts.aws.account_id), "This is never found.")

    unread = Unread("AWS refuses it.", "sts:GetCallerIdentity")
    assert run(healthy(account_id=unread)) == [("X101", "warn", None, True), ("X101", "unknown", None, True)]
    finding = run_checks(healthy(account_id=unread))[1]
    assert finding.to_result() == {
        "code": "X101",
        "severity": "unknown",
        "subject": VPC_ID,
        "message": "AWS refuses it.",
        "fix": "Allow sts:GetCallerIdentity to these credentials.",
        "evidence": {"permission": "sts:GetCallerIdentity"},
        "waits_for": None,
    }
    assert run(healthy(account_id=Missing("The AWS half is off."))) == [("X101", "warn", None, True)]


def test_a_failure_without_a_permission_says_nothing_of_one() -> None:
    @check("X101")
    def find_account(facts: ConnectionFacts) -> Findings:
        yield Finding("fail", known(facts.aws.account_id), "Never found.")

    finding = run_checks(healthy(account_id=Unread("AWS does not answer.")))[0]
    assert (finding.severity, finding.fix, finding.evidence) == ("unknown", "Check again in a minute.", {})


def test_what_does_not_pass_by_itself_has_its_own_advice() -> None:
    @check("X101")
    def find_account(facts: ConnectionFacts) -> Findings:
        yield Finding("fail", known(facts.aws.account_id), "Never found.")

    def find(error: TaskError) -> tuple[str, str]:
        (finding,) = run_checks(healthy(account_id=to_fact(error)))
        return finding.message, finding.fix

    assert find(TaskError("There are no credentials.", hint="Set them.")) == ("There are no credentials.", "Set them.")
    assert find(NoAnswerError("It is silent.", hint="Try later.")) == ("It is silent. Try later.", "Check again in a minute.")


def add_skipping(code: str, waits_for: str | None) -> None:
    """Register a check that is always skipped."""

    @check(code)
    def find_nothing(facts: ConnectionFacts) -> Findings:
        if known(facts.aws.account_id):
            raise skip("There is nothing to do.", waits_for)
        yield Finding("fail", "it", "Never found.")


def test_what_has_no_input_is_skipped_with_its_cause() -> None:
    @check("X104")
    def find_cause(facts: ConnectionFacts) -> Findings:
        yield Finding("fail", "cause", "It is broken.")

    add_skipping("X101", None)
    add_skipping("X102", "X103")
    add_skipping("X103", "X104")
    assert run() == [
        ("X101", "skipped", None, True),
        ("X102", "skipped", "X103", True),
        ("X103", "skipped", "X104", True),
        ("X104", "fail", None, True),
    ]


def test_what_waits_for_a_cause_that_is_not_there_is_unknown() -> None:
    @check("X101")
    def find_nothing(facts: ConnectionFacts) -> Findings:
        yield from ()

    add_skipping("X102", "X101")
    add_skipping("X103", "X102")
    add_skipping("X104", "X105")
    add_skipping("X105", None)
    assert run() == [
        ("X101", "ok", None, True),
        ("X102", "unknown", None, True),
        ("X103", "unknown", None, True),
        ("X104", "unknown", None, True),
        ("X105", "skipped", None, True),
    ]
    assert run_checks(healthy())[1].message == "There is nothing to do. Unknown why: X101 found nothing."


def test_only_checks_that_can_fail_decide_and_a_finding_may_not() -> None:
    @check("X101", "warn")
    def find_warning(facts: ConnectionFacts) -> Findings:
        yield Finding("unknown", "quota", "It could not be read.")

    @check("X102")
    def find_failure(facts: ConnectionFacts) -> Findings:
        yield Finding("unknown", "other project", "It could not be read.", decides=False)
        yield Finding("unknown", "own project", "It could not be read.")

    assert [one[3] for one in run()] == [False, False, True]


def test_anything_else_that_a_check_raises_is_its_mistake() -> None:
    @check("X101")
    def find_mistake(facts: ConnectionFacts) -> Findings:
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        run()
