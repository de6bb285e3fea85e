"""What a person sees of atlas_vpc_peer_check in a real playbook, however its task runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import WAYS, PlaybookRunner, environment

VPC = "vpc-0a1b2c3d4e5f67890"
LIMIT = "Atlas's own routes and security groups cannot be seen."


def play(**options: Any) -> str:
    """Return a playbook that requests a connection, which nobody accepts, and checks it without AWS."""
    peer = {"vpc_id": VPC, "aws_account_id": "123456789012", "route_table_cidr_block": "10.15.0.0/16", "wait": True}
    tasks = [
        {"name": "Request", "cloudpeer.atlas.atlas_vpc_peer": peer},
        {"name": "Check", "cloudpeer.atlas.atlas_vpc_peer_check": {"aws": False, **options}, "ignore_errors": True},
    ]
    return json.dumps([{"name": "Check", "hosts": "localhost", "gather_facts": False, "tasks": tasks}])


@pytest.mark.parametrize("way", [way if way == "module" else pytest.param(way, marks=pytest.mark.full) for way in WAYS])
def test_the_text_is_beside_the_output_and_a_report_written(way: str, emulator: RunningEmulator, tmp_path: Path) -> None:
    file = tmp_path / "peering.html"
    (tmp_path / "check.yml").write_text(play(report="peering.html"))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "check.yml"), "-e", f"atlas_in_process={WAYS[way]}"],
        cwd=ROOT,
        env={**environment(tmp_path, emulator), "RECORD_FILE": os.devnull},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"[localhost] not reachable: {VPC}"))
    assert "fail     P101 " in lines[start + 1]
    assert any(line.startswith(LIMIT) for line in lines[start:])
    # What others parse has only what callbacks print.
    assert LIMIT not in done.stdout
    assert "changed=1 " in done.stdout
    assert "P101" in file.read_text()
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("peering")] == ["peering.html"]


@pytest.mark.full
def test_check_mode_writes_the_report_and_changes_nothing(
    emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    playbook(play(text=False), emulator)
    run = playbook(play(text=False, report=str(tmp_path / "peering.md")), emulator, "--check")
    result = run.results[-1]
    assert "P101" in result["msg"]
    assert result["changed"] is False
    assert result["peering_check"]["verdict"] == "not_reachable"
    assert LIMIT not in run.output
    assert "[P101](" in (tmp_path / "peering.md").read_text()


@pytest.mark.full
def test_a_report_without_a_folder_fails_before_all_reading(emulator: RunningEmulator, playbook: PlaybookRunner) -> None:
    run = playbook(play(report="nowhere/peering.html"), emulator)
    assert run.results[-1]["msg"].endswith("nowhere does not exist on the controller. Create it first.")
    assert "/clusters" not in str([entry["path"] for entry in emulator.requests.entries()])
