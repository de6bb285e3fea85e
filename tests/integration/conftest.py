# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emulators for the playbooks, and the way to run them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.integration.runner import PlaybookRunner


@pytest.fixture
def start() -> Iterator[Callable[..., RunningEmulator]]:
    """Return a function that runs an emulator with the settings it is given."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(Settings(**settings)))


@pytest.fixture
def emulator(start: Callable[..., RunningEmulator]) -> RunningEmulator:
    """Return a running emulator whose connections change their state soon."""
    return start(step_seconds=0.2)


@pytest.fixture
def playbook(tmp_path: Path) -> PlaybookRunner:
    """Return what runs a playbook."""
    return PlaybookRunner(tmp_path)
