"""What the tests of reliability share: the nursery, and emulators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.reliability.children import Nursery
from ansible_collections.cloudpeer.atlas.tests.reliability.operations import OPERATIONS
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment


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
            emulator._server.end()


@pytest.fixture
def start() -> Iterator[Callable[..., RunningEmulator]]:
    """Starts emulators with settings of their own."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(Settings(**{"step_seconds": 0.05, **settings})))


@pytest.fixture
def clouds(_clouds: RunningClouds) -> RunningClouds:
    """AZURE and GCP, with nothing in them."""
    _clouds.reset()
    return _clouds


@pytest.fixture
def start_path(
    _aws: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Any]]:
    """Starts what atlas_peering runs on: Atlas, AWS with several accounts, and the stand-ins of the other clouds if asked to."""
    from ansible_collections.cloudpeer.atlas.tests.support.path_site import running_path

    clean_environment(monkeypatch, tmp_path)
    with ExitStack() as stack:

        def start(*, with_clouds: bool = False, **settings: Any) -> Any:
            clouds = request.getfixturevalue("_clouds") if with_clouds else None
            return stack.enter_context(running_path(_aws, tmp_path, clouds=clouds, **settings))

        yield start
