"""A stand-in of GCP over TLS, behind a proxy, with two networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds, running
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import GcpSite


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RunningClouds]:
    clean_environment(monkeypatch, tmp_path)
    with running() as clouds:
        for name, value in clouds.environment.items():
            monkeypatch.setenv(name, value)
        yield clouds


@pytest.fixture
def site(clouds: RunningClouds) -> GcpSite:
    return GcpSite(clouds)
