"""Atlas for the tests of declared lists."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite


@pytest.fixture
def kind_of_atlas() -> type[SetSite]:
    return SetSite
