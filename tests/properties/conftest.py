"""What the properties share: an environment of their own, and the count of examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.properties.examples import FACTOR, RAN
from ansible_collections.cloudpeer.atlas.tests.support.environment import clean_environment


@pytest.fixture(autouse=True, scope="session")
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No variable and no file of whoever runs the tests may matter."""
    with pytest.MonkeyPatch.context() as patch:
        clean_environment(patch, tmp_path_factory.mktemp("home"))
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> None:
    """Let the report of a property tell how many examples it had, for the summary of all."""
    name = getattr(item, "originalname", None) or item.name
    if call.when == "call" and RAN[name]:
        item.user_properties.append(("new examples" if FACTOR > 1 else "examples", RAN.pop(name)))
