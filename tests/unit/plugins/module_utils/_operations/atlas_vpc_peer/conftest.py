"""Projects on other clouds, for the tests of one connection."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import PeerSite, azure_site, gcp_site


@pytest.fixture
def azure(atlas: Atlas) -> PeerSite:
    return azure_site(atlas)


@pytest.fixture
def gcp(atlas: Atlas) -> PeerSite:
    return gcp_site(atlas)


@pytest.fixture(params=[azure_site, gcp_site], ids=["AZURE", "GCP"])
def site(atlas: Atlas, request: pytest.FixtureRequest) -> PeerSite:
    """A project on each of them in turn."""
    return request.param(atlas)
