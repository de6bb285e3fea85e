"""Atlas for the tests of declared lists."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, add_clouds


@pytest.fixture
def kind_of_atlas() -> type[SetSite]:
    return SetSite


@pytest.fixture
def clouds(atlas: SetSite) -> dict[str, str]:
    """The containers of a project on all clouds."""
    return add_clouds(atlas)
