# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-doc shows is complete, and true: every return value is there, and the examples run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.runner import ROOT, PlaybookRunner

MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
# Ansible's own fields of every result.
ANSIBLES_OWN = {"changed", "failed", "msg", "invocation", "diff", "warnings", "exception"}


@pytest.fixture(scope="module")
def documentation() -> dict[str, Any]:
    names = [f"cloudpeer.atlas.{name}" for name in MODULES]
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "doc", "--json", *names],
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", MODULES)
def test_every_option_and_every_field_is_described(name: str, documentation: dict[str, Any]) -> None:
    page = documentation[f"cloudpeer.atlas.{name}"]
    assert page["doc"]["options"]
    undescribed = [path for path, entry in described(page["doc"]["options"], "suboptions") if not entry.get("description")]
    undescribed += [path for path, entry in described(page["return"], "contains") if not entry.get("description")]
    undescribed += [f"sample of {path}" for path, entry in described(page["return"], "contains") if "sample" not in entry]
    assert undescribed == []
    assert len(yaml.safe_load(page["examples"])) >= 3
    assert {"check_mode", "diff_mode", "idempotent", "action_group"} <= set(page["doc"]["attributes"])


def described(entries: dict[str, Any], below: str, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return all entries of a documentation with their paths, those within others included."""
    found = []
    for name, entry in entries.items():
        found += [(path + name, entry), *described(entry.get(below) or {}, below, f"{path}{name}.")]
    return found


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run_and_return_what_is_documented(
    name: str, documentation: dict[str, Any], start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path
) -> None:
    page = documentation[f"cloudpeer.atlas.{name}"]
    emulator = start(step_seconds=0.1, accept="auto")
    # Something for the modules that only read to find.
    first = {
        "cloudpeer.atlas.atlas_vpc_peer": {
            "vpc_id": "vpc-0a1b2c3d4e5f60000",
            "aws_account_id": "123456789012",
            "route_table_cidr_block": "10.99.0.0/16",
        }
    }
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"atlas_public_key": emulator.settings.public_key, "atlas_private_key": emulator.settings.private_key},
        "tasks": [first, *yaml.safe_load(page["examples"])],
    }
    run = playbook(yaml.safe_dump([play], sort_keys=False), emulator, "-vv")
    results = [one["result"] for one in run.records[1:] if one["action"] == f"cloudpeer.atlas.{name}"]
    assert len(results) >= 3
    returned: dict[str, Any] = {}
    for result in results:
        for key, value in result.items():
            if key not in ANSIBLES_OWN and not key.startswith("_ansible"):
                returned[key] = value or returned.get(key)
    failure_only = {key for key, entry in page["return"].items() if entry["returned"] == "failure"}
    assert set(returned) == set(page["return"]) - failure_only
    for key, value in returned.items():
        sample = value[0] if isinstance(value, list) else value
        assert set(sample) == set(page["return"][key]["contains"]), key
