"""Every target as modules, and some in both ways of running, with the same results; modules on the oldest Python they support.

ansible-test runs every target in Ansible's process, so that as modules they are for make test-full.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.integration.test_documentation import MODULES, ansible_doc, differences, own_fields
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.operations import LOCAL_MODULES
from ansible_collections.cloudpeer.atlas.tests.support.paths import INTEGRATION, ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import (
    BOOKKEEPING,
    OURS,
    WAYS,
    PlaybookRunner,
    comparable,
    plain_interpreter,
)
from ansible_collections.cloudpeer.atlas.tests.support.targets import (
    AWS_TARGETS,
    TARGETS,
    V1_0_WARNINGS,
    assert_warnings,
    environment_for,
    playbook_of,
)

# Whose results are compared, field by field: those of one connection, of a set, of both sides and of the check. The others return
# what they have found by the same code.
COMPARED = ("atlas_vpc_peer_v1_0", "atlas_vpc_peers", "atlas_peering", "atlas_vpc_peer_check")
# What Ansible adds to a result for the keywords of its task.
OF_KEYWORDS = {"attempts", "censored", "failed_when_result", BOOKKEEPING}
# A key that must be seen nowhere.
CANARY = "e3a10000-0000-4000-8000-canarycanary"


def test_every_module_and_filter_has_a_target() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert modules - {*TARGETS} == set()
    texts = [(INTEGRATION / "targets" / target / "tasks" / "test.yml").read_text(encoding="utf-8") for target in TARGETS]
    filters = [f"| cloudpeer.atlas.{path.stem}" for path in (ROOT / "plugins" / "filter").glob("*.py")]
    assert [name for name in filters if not any(name in text for text in texts)] == []
    assert len(AWS_TARGETS) == 4


@pytest.fixture
def run_target(
    start: Callable[..., RunningEmulator], playbook: PlaybookRunner, request: pytest.FixtureRequest
) -> Callable[[str, str], list[dict[str, Any]]]:
    """Return what runs a target in a way, looks at what it says, and returns what was recorded of our tasks."""

    def run_it(target: str, way: str) -> list[dict[str, Any]]:
        aws: Aws | None = request.getfixturevalue("aws") if target in AWS_TARGETS else None
        emulator = start(step_seconds=0.8, private_key=CANARY, aws_endpoint_url=aws.url if aws else None)
        variables = environment_for(emulator, aws.url if aws else "")
        run = playbook(playbook_of(target), emulator, "-vvvvv", way=way, **variables)
        emulator.reset()
        assert CANARY not in run.output
        assert_warnings(run, V1_0_WARNINGS if target == "atlas_vpc_peer_v1_0" else ())
        marker = {"in process": "runs in this process", "module": "runs as a module: atlas_in_process is false"}[way]
        other = {"in process": "runs as a module", "module": "runs in this process"}[way]
        assert marker in run.output
        assert other not in run.output
        found = [one for one in run.records if one["action"].startswith(OURS)]
        assert len(found) > 1
        return found

    return run_it


@pytest.mark.full
@pytest.mark.parametrize("target", COMPARED)
def test_a_target_comes_out_the_same_in_both_ways(target: str, run_target: Callable[[str, str], list[dict[str, Any]]]) -> None:
    in_process, module = (comparable(run_target(target, way)) for way in WAYS)
    for one, other in zip(in_process, module):
        assert one == other
    assert len(in_process) == len(module)


@pytest.mark.full
@pytest.mark.parametrize("target", [one for one in TARGETS if one not in {*COMPARED, *LOCAL_MODULES}])
def test_a_target_comes_out_well_as_modules(target: str, run_target: Callable[[str, str], list[dict[str, Any]]]) -> None:
    documented = ansible_doc("module", *MODULES)
    for one in run_target(target, "module"):
        fields = documented[one["action"]]["return"]
        # Those of a loop are in a list of their own.
        is_single = one["verdict"] in ("ok", "failed") and "results" not in one["result"]
        values = {key: value for key, value in own_fields(one["result"]).items() if is_single and key not in OF_KEYWORDS}
        assert [fault for key, value in values.items() for fault in differences(value, fields[key], key)] == [], one["task"]


@pytest.mark.full
@pytest.mark.parametrize("target", LOCAL_MODULES)
def test_a_target_without_an_action_plugin_needs_a_bare_python(
    target: str, emulator: RunningEmulator, playbook: PlaybookRunner, tmp_path: Path
) -> None:
    bare = tmp_path / "python"
    # Without the packages that are installed, and the variables for more of them.
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n')
    bare.chmod(0o700)
    assert subprocess.run([bare, "-c", "import requests"], stderr=subprocess.DEVNULL, check=False).returncode != 0
    run = playbook(
        playbook_of(target),
        emulator,
        "-e",
        f"ansible_python_interpreter={bare}",
        way=None,
        **environment_for(emulator),
    )
    assert len(run.results) > 1
    assert_warnings(run, ())


TARGET = os.environ.get("ATLAS_TARGET_PYTHON")


@pytest.mark.skipif(TARGET is None, reason="no other Python was prepared (make matrix does)")
@pytest.mark.parametrize(
    "target", ["atlas_vpc_peer", "atlas_network_container", "atlas_network_container_info", "atlas_access_list"]
)
def test_a_target_on_an_older_python(
    target: str, start: Callable[..., RunningEmulator], playbook: PlaybookRunner, tmp_path: Path
) -> None:
    emulator = start(step_seconds=0.8)
    run = playbook(
        playbook_of(target),
        emulator,
        "-e",
        f"ansible_python_interpreter={plain_interpreter(tmp_path, str(TARGET))}",
        way="module",
        **environment_for(emulator),
    )
    assert len(run.results) > 5
