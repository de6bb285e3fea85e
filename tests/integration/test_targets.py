"""Every target in both ways of running, with the same results, and modules on the oldest Python they support."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.operations import LOCAL_MODULES
from ansible_collections.cloudpeer.atlas.tests.support.paths import INTEGRATION, ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import OURS, WAYS, PlaybookRunner, comparable, plain_interpreter
from ansible_collections.cloudpeer.atlas.tests.support.targets import (
    AWS_TARGETS,
    TARGETS,
    V1_0_WARNINGS,
    assert_warnings,
    environment_for,
    playbook_of,
)

# The others take long, and rarely fail where this does not: it has a life cycle and warnings, and takes half as long as the
# next. Its plugins count as covered.
USUAL = {"atlas_vpc_peer_v1_0"}
# A key that must be seen nowhere.
CANARY = "e3a10000-0000-4000-8000-canarycanary"


def test_every_module_and_filter_has_a_target() -> None:
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    assert modules - {*TARGETS} == set()
    texts = [(INTEGRATION / "targets" / target / "tasks" / "test.yml").read_text(encoding="utf-8") for target in TARGETS]
    filters = [f"| cloudpeer.atlas.{path.stem}" for path in (ROOT / "plugins" / "filter").glob("*.py")]
    assert [name for name in filters if not any(name in text for text in texts)] == []
    assert len(AWS_TARGETS) == 4


@pytest.mark.parametrize(
    "target", [one if one in USUAL else pytest.param(one, marks=pytest.mark.full) for one in TARGETS if one not in LOCAL_MODULES]
)
def test_a_target_comes_out_the_same_in_both_ways(
    target: str, start: Callable[..., RunningEmulator], playbook: PlaybookRunner, request: pytest.FixtureRequest
) -> None:
    aws: Aws | None = request.getfixturevalue("aws") if target in AWS_TARGETS else None
    runs = {}
    for way in WAYS:
        emulator = start(step_seconds=0.8, private_key=CANARY, aws_endpoint_url=aws.url if aws else None)
        runs[way] = playbook(
            playbook_of(target),
            emulator,
            "-vvvvv",
            way=way,
            measured=target in USUAL,
            **environment_for(emulator, aws.url if aws else ""),
        )
        emulator.reset()
    for way, run in runs.items():
        assert CANARY not in run.output
        assert_warnings(run, V1_0_WARNINGS if target == "atlas_vpc_peer_v1_0" else ())
        marker = {"in process": "runs in this process", "module": "runs as a module: atlas_in_process is false"}[way]
        other = {"in process": "runs as a module", "module": "runs in this process"}[way]
        assert marker in run.output
        assert other not in run.output
    ours = {way: comparable([one for one in run.records if one["action"].startswith(OURS)]) for way, run in runs.items()}
    assert len(ours["module"]) > 1
    for in_process, module in zip(ours["in process"], ours["module"]):
        assert in_process == module
    assert len(ours["in process"]) == len(ours["module"])


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
        measured=True,
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
