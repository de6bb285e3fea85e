"""A stand-in of AZURE, with a VNet; nothing goes through a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.properties.memory import MemoryAzureSite
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MemoryAzureSite:
    clean_environment(monkeypatch, tmp_path)
    return MemoryAzureSite()
