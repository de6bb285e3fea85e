"""Modules on the oldest Python they support, while the controller runs another; scripts/matrix.py prepares it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner, plain_interpreter
from ansible_collections.cloudpeer.atlas.tests.support.targets import environment_for, playbook_of

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
