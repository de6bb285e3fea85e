"""The examples of the documentation as they stand: previewed, applied, and applied again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner
from ansible_collections.cloudpeer.atlas.tests.support.targets import V1_0_WARNINGS, assert_warnings

# Those with an AWS side run with one, in the tests of the role; those that only read are a case of their own.
WITH_AWS = {"accept_and_route", "both_sides", "check", "disconnect", "many_accounts", "whole_path"}
# Run against GCP and AZURE, in the tests of a module and of the role.
WITH_CLOUDS = {"gcp_peering", "whole_path_azure", "whole_path_gcp"}
# Takes an inventory, in the test of that.
WITH_INVENTORY = {"each_project"}
EXAMPLES = sorted(
    path for path in (ROOT / "docs" / "examples").glob("*.yml") if path.stem not in WITH_AWS | WITH_CLOUDS | WITH_INVENTORY
)
READING = {"check_all_projects", "read_access_list", "read_clusters", "read_connections"}
READERS = [path for path in EXAMPLES if path.stem in READING]


def test_examples_are_found() -> None:
    assert EXAMPLES


@pytest.mark.parametrize(
    "example",
    [path if path.stem == "read_connections" else pytest.param(path, marks=pytest.mark.full) for path in READERS],
    ids=lambda path: path.stem,
)
def test_an_example_that_only_reads_changes_nothing(example: Path, emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    run = playbook(example, emulator)
    assert (run.changed, run.warnings) == (0, [])
    assert {request["method"] for request in emulator.requests.entries()} == {"GET"}


# The network containers that have to be there.
CONTAINERS = {
    "azure_vnet": {"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "192.168.248.0/21"},
    "gcp_network": {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"},
}
# Every target runs both ways; of the examples, which use the same modules, one does. They take long, and rarely fail where the
# examples of the documentation do not.
CHANGING = [
    (path, way)
    for path in EXAMPLES
    for way in WAYS
    if path.stem not in READING and (way == "in process" or path.stem == "quickstart")
]


@pytest.mark.full
@pytest.mark.parametrize(("example", "way"), CHANGING, ids=lambda value: getattr(value, "stem", value))
def test_an_example_previews_applies_and_finds_nothing_left(
    example: Path, way: str, start: Callable[..., RunningEmulator], playbook: PlaybookRunner
) -> None:
    emulator = start(step_seconds=0.2, accept="auto")
    if example.stem in CONTAINERS:
        with emulator.project.now() as project:
            project.containers.create(CONTAINERS[example.stem])
    preview = playbook(example, emulator, "--check", "--diff", way=way)
    assert preview.changed > 0
    # The line is said in check mode alone, and once.
    assert "declared" not in example.stem or preview.output.count("\n[localhost] Plan: ") == 1
    assert "\nPlan: " not in preview.output
    assert {request["method"] for request in emulator.requests.entries()} == {"GET"}
    # Twice in one process: the second time, there is nothing to do.
    plays = example.read_text(encoding="utf-8").removeprefix("---\n")
    applied = playbook(plays * 2, emulator, "--diff", way=way)
    assert applied.changed == preview.changed
    told = [one.get("requests", {}).get("writes", 0) for one in applied.results]
    assert sum(told[len(told) // 2 :]) == 0
    writes = [request for request in emulator.requests.entries() if request["method"] != "GET"]
    assert writes
    runs = [preview, applied]
    # A check run that finds nothing to do is worth its time once.
    if example.stem == "declared_list":
        runs.append(playbook(example, emulator, "--check", "--diff", way=way))
        assert runs[-1].changed == 0
    assert [request for request in emulator.requests.entries() if request["method"] != "GET"] == writes
    for run in runs:
        assert_warnings(run, V1_0_WARNINGS if "api_version: v1.0" in example.read_text(encoding="utf-8") else ())


@pytest.mark.parametrize("name", ["both_sides", "many_accounts"])
@pytest.mark.full
def test_one_task_connects_both_sides(run: RoleRunner, make_site: Callable[..., Vpc], name: str) -> None:
    site = make_site()
    run.environment |= {"VPC_ID": site.vpc_id, "AWS_ACCOUNT_ID": site.account.id}
    example = ROOT / "docs" / "examples" / f"{name}.yml"
    assert (run.playbook(example, "--check", "--diff").changed, site.atlas) == (1, {})
    assert run.playbook(example).changed == 1
    site.assert_connected()
    assert run.playbook(example).changed == 0
