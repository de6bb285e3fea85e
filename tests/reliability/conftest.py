"""What the tests of reliability share: the nursery, and emulators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """What runs tasks in processes of their own."""
    it = Nursery(tmp_path_factory.mktemp("nursery"))
    yield it
    it.stop()


@pytest.fixture(scope="session")
def emulators() -> Iterator[dict[str, RunningEmulator]]:
    """An emulator for each operation, so that all of them can be tried at once."""
    with ExitStack() as stack:
        settings = Settings(step_seconds=1, accept="auto")
        started = {name: stack.enter_context(running(settings)) for name in OPERATIONS}
        yield started
        for emulator in started.values():
            # All at once: each takes a while to end.
            emulator._server.should_exit = True


@pytest.fixture
def start() -> Iterator[Callable[..., RunningEmulator]]:
    """Starts emulators with settings of their own."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(Settings(**{"step_seconds": 0.05, **settings})))
