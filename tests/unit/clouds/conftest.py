"""The stand-ins, with the environment that points clients at them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.environment import point_at
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE


@pytest.fixture
def clouds(_clouds: RunningClouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunningClouds:
    point_at(_clouds, monkeypatch, tmp_path)
    for key in (MINE, ATLAS):
        _clouds.gcp.add_network(*key)
    return _clouds
