"""Both clouds for the tests of the check: an emulator that requests connections in moto, and a VPC that is connected."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.memory import running


@pytest.fixture(scope="session")
def _emulator_with_aws(_aws: Any) -> Iterator[RunningEmulator]:
    with running(Settings(step_seconds=0.01, aws_endpoint_url=_aws.url)) as emulator:
        yield emulator


@pytest.fixture
def site(_emulator_with_aws: RunningEmulator, _aws: Any) -> Iterator[Any]:
    """A VPC that is connected with a cluster."""
    from ansible_collections.cloudpeer.atlas.tests.support.aws_front import fronting
    from ansible_collections.cloudpeer.atlas.tests.support.check_site import CheckSite

    _emulator_with_aws.reset()
    _aws.reset()
    # It is a second later at each look at the clock: what the emulator waits for comes at once.
    _emulator_with_aws.project = Project(_emulator_with_aws.settings, count(1.0).__next__)
    with fronting(_aws.url) as front:
        yield CheckSite(_emulator_with_aws, front)
