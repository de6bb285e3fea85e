"""A stand-in of GCP over TLS, behind a proxy, with two networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.environment import point_at
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import GcpSite


@pytest.fixture
def site(_clouds: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GcpSite:
    point_at(_clouds, monkeypatch, tmp_path)
    return GcpSite(_clouds)
