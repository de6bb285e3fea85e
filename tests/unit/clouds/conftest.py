"""The stand-ins, with the environment that points clients at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support.environment import clouds_around
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE


@pytest.fixture
def clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningClouds]:
    with clouds_around(monkeypatch, tmp_path) as clouds:
        for key in (MINE, ATLAS):
            clouds.gcp.add_network(*key)
        yield clouds
