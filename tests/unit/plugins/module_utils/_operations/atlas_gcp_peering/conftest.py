"""A stand-in of GCP over TLS, behind a proxy, with two networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.environment import clouds_around
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import GcpSite


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GcpSite]:
    with clouds_around(monkeypatch, tmp_path) as clouds:
        yield GcpSite(clouds)
