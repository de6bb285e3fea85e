"""What the properties share: an environment of their own, and the number of examples that ran."""

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
    """Let the report of a property tell how many examples it had; with pytest-xdist it is made in another process."""
    name = getattr(item, "originalname", None) or item.name
    if call.when == "call" and RAN[name]:
        item.user_properties.append(("examples", RAN.pop(name)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell how many examples ran."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    counts = [
        value for report in reports for name, value in report.user_properties if name == "examples" and report.when == "call"
    ]
    if counts:
        kind = "new ones" if FACTOR > 1 else "the same every time"
        terminalreporter.write_line(f"properties: {sum(counts):,} examples in {len(counts)} tests ({kind})")
