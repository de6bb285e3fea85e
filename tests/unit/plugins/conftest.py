"""What the tests of the plugins share: an emulator on the test's own clock, and a server that misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.request import ApiSettings
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.api_key import ApiKey
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support import memory as _memory
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.masking import forget_secrets
from ansible_collections.cloudpeer.atlas.tests.support.memory import running
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply, Wire, serving

#: The packages whose tests use sockets alone.
ON_SOCKETS = ("_http", "_api", "_auth")


@pytest.fixture(autouse=True)
def _apart(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No variable and no file of whoever runs the tests may matter, and what sends requests is itself tested on sockets."""
    clean_environment(monkeypatch, _home(tmp_path_factory))
    forget_secrets()
    if request.path.parent.name in ON_SOCKETS:
        request.getfixturevalue("on_sockets")


def _home(factory: pytest.TempPathFactory) -> Path:
    home = factory.getbasetemp() / "empty-home"
    home.mkdir(exist_ok=True)
    return home


@pytest.fixture
def on_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All requests take the wire: for tests about what is between a task and its request."""
    monkeypatch.setattr(_memory, "ENABLED", False)
    before = _memory.ANSWERED.total()
    yield
    assert _memory.ANSWERED.total() == before


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def _shared_emulator() -> Iterator[RunningEmulator]:
    with running(Settings(step_seconds=1)) as emulator:
        yield emulator


def _on_clock(emulator: RunningEmulator, clock: FakeClock) -> RunningEmulator:
    emulator.project = Project(emulator.settings, clock)
    emulator.reset()
    return emulator


@pytest.fixture
def emulator(_shared_emulator: RunningEmulator, clock: FakeClock) -> RunningEmulator:
    """An emulator in its first state, whose connections live on the test's clock, a second for each step."""
    return _on_clock(_shared_emulator, clock)


@pytest.fixture
def kind_of_atlas() -> type[Atlas]:
    """The class of the sites of a folder."""
    return Atlas


@pytest.fixture
def atlas(emulator: RunningEmulator, clock: FakeClock, kind_of_atlas: type[Atlas]) -> Atlas:
    return kind_of_atlas(emulator, clock, emulator.base_url)


@pytest.fixture
def make_atlas(clock: FakeClock, kind_of_atlas: type[Atlas]) -> Iterator[Callable[..., Atlas]]:
    """Makes an emulator with settings of its own."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Atlas:
            emulator = _on_clock(stack.enter_context(running(Settings(**{"step_seconds": 1, **settings}))), clock)
            return kind_of_atlas(emulator, clock, emulator.base_url)

        yield make


@pytest.fixture
def wire(atlas: Atlas) -> Iterator[Wire]:
    """What a test puts between its tasks and the emulator, and lets misbehave."""
    with serving(upstream=atlas.emulator.base_url) as wire:
        atlas.base_url, atlas.forget_more = wire.base_url, wire.requests.clear
        yield wire


@pytest.fixture
def serve() -> Iterator[Callable[..., Wire]]:
    """Starts servers that answer from a list of replies."""
    with ExitStack() as stack:

        def start(*replies: Reply, **options: Any) -> Wire:
            server: AbstractContextManager[Wire] = serving(*replies, **options)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def connect(clock: FakeClock) -> Iterator[Callable[..., AtlasClient]]:
    """Makes clients on the test's clock."""
    with ExitStack() as stack:

        def make(base_url: str, *, public_key: str = "emulator", private_key: str | None = None, **options: Any) -> AtlasClient:
            key = ApiKey(public_key, private_key or Settings().private_key)
            # Long enough for the busiest machine: what ends a request in time is tested with time-outs of its own.
            settings = {"timeout": 60.0, "retries": 2, **options}
            client = AtlasClient(ApiSettings(base_url=base_url, **settings), key, clock=clock, sleep=clock.sleep)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture
def make_site(_aws: Any, clock: FakeClock) -> Iterator[Callable[..., Any]]:
    """Makes VPCs in AWS for which Atlas has requested a connection."""
    from ansible_collections.cloudpeer.atlas.tests.support.accepter_site import AwsSite
    from ansible_collections.cloudpeer.atlas.tests.support.aws_front import fronting

    _aws.reset()
    with fronting(_aws.url) as front:
        yield lambda **settings: AwsSite(_aws, front, clock, **settings)


@pytest.fixture
def site(make_site: Callable[..., Any]) -> Any:
    """A VPC in AWS for which Atlas has requested a connection."""
    return make_site()


@pytest.fixture
def make_path(_aws: Any, clock: FakeClock, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Makes what atlas_peering runs on: Atlas, AWS with several accounts, and the stand-ins of the other clouds if asked to."""
    from ansible_collections.cloudpeer.atlas.tests.support.path_site import running_path

    with ExitStack() as stack:

        def make(*, with_clouds: bool = False, **settings: Any) -> Any:
            clouds = request.getfixturevalue("_clouds") if with_clouds else None
            return stack.enter_context(running_path(_aws, tmp_path, clouds=clouds, **{"clock": clock, **settings}))

        yield make
