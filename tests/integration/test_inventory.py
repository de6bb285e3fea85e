"""The inventory as users have it: the real ansible-inventory, and the play of the guide."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner, environment

EXAMPLES = ROOT / "docs" / "examples"
INVENTORY = EXAMPLES / "inventory" / "atlas_projects.yml"


def organizations(start: Callable[..., RunningEmulator]) -> RunningEmulator:
    emulator = start(groups=3, orgs=2)
    for project, name in zip(emulator.projects, ("shop-prod", "{{ 7 * 7 }}", "shop-test")):
        project.describe({"name": name, "tags": {"env": name.rpartition("-")[2]} if "-" in name else {}})
    return emulator


def test_the_graph_is_that_of_the_guide(start: Callable[..., RunningEmulator], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "inventory", "--inventory", str(INVENTORY), "--graph"],
        env=environment(tmp_path, organizations(start)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        "@all:",
        "  |--@ungrouped:",
        "  |--@org_emulator_org:",
        "  |  |--shop-prod",
        "  |  |--shop-test",
        "  |--@env_prod:",
        "  |  |--shop-prod",
        "  |--@org_emulator_org_2:",
        "  |  |--___7___7___",
        "  |--@env_test:",
        "  |  |--shop-test",
    ]
    assert done.stderr == ""


def test_the_guide_has_what_is_run_here() -> None:
    guide = (ROOT / "docs" / "guides" / "whole_organization.md").read_text(encoding="utf-8")
    for file in (INVENTORY, EXAMPLES / "each_project.yml"):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        assert f"```yaml\n{''.join(line for line in lines if not line.startswith(('#', '---')))}```\n" in guide


def test_a_play_takes_each_project_from_the_inventory(start: Callable[..., RunningEmulator], playbook: PlaybookRunner) -> None:
    emulator = organizations(start)
    run = playbook(EXAMPLES / "each_project.yml", emulator, "--inventory", str(INVENTORY))
    assert (run.changed, run.warnings) == (0, [])
    shown = {one["host"]: one["result"]["msg"] for one in run.records if one["action"] == "ansible.builtin.debug"}
    names = {"shop-prod": "shop-prod", "shop-test": "shop-test", "___7___7___": "{{ 7 * 7 }}"}
    assert shown == {host: f"{name} has 0 connections." for host, name in names.items()}
    read = {entry["path"].partition("/groups/")[2].partition("/")[0] for entry in emulator.requests.entries()} - {""}
    assert read == {*emulator.settings.group_ids}
