# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every playbook scenario in both ways of running, with the same results, and the examples of the documentation as they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.runner import (
    INTEGRATION,
    OURS,
    ROOT,
    WAYS,
    PlaybookRun,
    PlaybookRunner,
    comparable,
)

SCENARIOS = sorted((INTEGRATION / "playbooks").glob("*.yml"))
# Those with an AWS side run with one, in the tests of the role; those that only read are a case of their own.
WITH_AWS = {"accept_and_route", "disconnect", "whole_path"}
EXAMPLES = sorted(path for path in (ROOT / "docs" / "examples").glob("*.yml") if path.stem not in WITH_AWS)
# Whose plugins count as covered: those in which each module has its part, and the keywords that the action plugins deal with,
# and a warning.
MEASURED = {
    ("access_list", "module"),
    ("containers", "module"),
    ("first_edition", "module"),
    ("first_edition", "in process"),
    ("task_keywords", "in process"),
}
READING = {"read_connections"}
# A key that must be seen nowhere.
CANARY = "e3a10000-0000-4000-8000-canarycanary"
# What a playbook warns of on purpose; any other warning fails it.
EXPECTED_WARNINGS = {
    "first_edition": {
        "aws_account_id is not the id of an AWS account: 'abc123abc123'",
        "vpc_id is not the id of a VPC: 'vpc-123456'",
    }
}


def test_scenarios_and_examples_are_found() -> None:
    assert len(SCENARIOS) > 3
    assert EXAMPLES


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_comes_out_the_same_in_both_ways(
    scenario: Path, start: Callable[..., RunningEmulator], playbook: PlaybookRunner
) -> None:
    runs = {
        way: playbook(
            scenario,
            start(step_seconds=0.8, private_key=CANARY),
            "-vvvvv",
            way=way,
            measured=(scenario.stem, way) in MEASURED,
        )
        for way in WAYS
    }
    for way, run in runs.items():
        assert CANARY not in run.output
        assert_expected_warnings(run, scenario)
        marker = {"in process": "runs in this process", "module": "runs as a module: atlas_in_process is false"}[way]
        other = {"in process": "runs as a module", "module": "runs in this process"}[way]
        assert marker in run.output
        assert other not in run.output
    ours = {way: comparable([one for one in run.records if one["action"].startswith(OURS)]) for way, run in runs.items()}
    assert len(ours["module"]) > 1
    for in_process, module in zip(ours["in process"], ours["module"]):
        assert in_process == module
    assert len(ours["in process"]) == len(ours["module"])


@pytest.mark.parametrize("example", [path for path in EXAMPLES if path.stem in READING], ids=lambda path: path.stem)
def test_an_example_that_only_reads_changes_nothing(example: Path, emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    run = playbook(example, emulator)
    assert (run.changed, run.warnings) == (0, [])
    assert {request["method"] for request in emulator.requests.entries()} == {"GET"}


# Every scenario runs both ways; of the examples, which use the same modules, one does.
CHANGING = [
    (path, way)
    for path in EXAMPLES
    for way in WAYS
    if path.stem not in READING and (way == "in process" or path.stem == "quickstart")
]


@pytest.mark.parametrize(("example", "way"), CHANGING, ids=lambda value: getattr(value, "stem", value))
def test_an_example_previews_applies_and_then_finds_nothing_to_do(
    example: Path, way: str, start: Callable[..., RunningEmulator], playbook: PlaybookRunner
) -> None:
    emulator = start(step_seconds=0.2, accept="auto")
    preview = playbook(example, emulator, "--check", "--diff", way=way)
    assert preview.changed > 0
    assert {request["method"] for request in emulator.requests.entries()} == {"GET"}
    applied = playbook(example, emulator, "--diff", way=way)
    assert applied.changed == preview.changed
    writes = [request for request in emulator.requests.entries() if request["method"] != "GET"]
    assert writes
    # A check run that finds nothing to do is worth its time once.
    repetitions = [(), ("--check", "--diff")] if (example.stem, way) == ("quickstart", "in process") else [()]
    again = [playbook(example, emulator, *options, way=way) for options in repetitions]
    assert {run.changed for run in again} == {0}
    assert [request for request in emulator.requests.entries() if request["method"] != "GET"] == writes
    for run in (preview, applied, *again):
        assert_expected_warnings(run, example)


def assert_expected_warnings(run: PlaybookRun, path: Path) -> None:
    """Fail for a warning that is not expected, and for one that is missing."""
    expected = EXPECTED_WARNINGS.get(path.stem, set())
    assert all(any(words in warning for words in expected) for warning in run.warnings), run.output
    assert all(any(words in warning for warning in run.warnings) for words in expected), run.output
