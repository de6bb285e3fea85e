"""Emulators for the playbooks, and the way to run them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.clouds.server import running as running_clouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator, running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.aws import Aws
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import Front, fronting
from ansible_collections.cloudpeer.atlas.tests.support.role_site import RoleRunner, Vpc
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner


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


@pytest.fixture
def clouds() -> Iterator[RunningClouds]:
    """Return stand-ins of AZURE and GCP."""
    with running_clouds() as clouds:
        yield clouds


@pytest.fixture
def cloud_atlas(start: Callable[..., RunningEmulator], clouds: RunningClouds) -> RunningEmulator:
    """Return an Atlas that finds its customers' networks in the stand-ins."""
    return start(step_seconds=0.1, clouds_url=clouds.control_url)


@pytest.fixture
def aws(_aws: Aws) -> Aws:
    """Return an AWS in which nothing is left of other tests, of other folders too: moto's state is the process's."""
    _aws.reset()
    return _aws


@pytest.fixture
def aws_front(aws: Aws) -> Iterator[Front]:
    """Return what stands between the role and AWS."""
    with fronting(aws.url) as front:
        front.provisioning = 0
        yield front


@pytest.fixture
def run(
    request: pytest.FixtureRequest, aws: Aws, aws_front: Front, start: Callable[..., RunningEmulator], playbook: PlaybookRunner
) -> Iterator[RoleRunner]:
    """Return what runs the role on both clouds; a parameter has settings of the emulator."""
    emulator = start(**{"step_seconds": 0.1, "aws_endpoint_url": aws.url, **getattr(request, "param", {})})
    yield RoleRunner(playbook, emulator, aws.account(), aws_front.url)
    emulator.reset()


@pytest.fixture
def make_site(aws: Aws, run: RoleRunner) -> Callable[..., Vpc]:
    """Return what makes VPCs; `owner` is an account other than the one that the environment has credentials of."""

    def make(owner: str | None = None, **wanted: Any) -> Vpc:
        return Vpc(run.emulator, aws.account(owner) if owner else run.account, **wanted)

    return make
