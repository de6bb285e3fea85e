"""The built site, and a browser to look at it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.docs import browser as browsers

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-docs" / "bin" / "python"


@pytest.fixture(scope="session")
def site() -> Path:
    """Build the site, if it is not there already, and return its folder."""
    if not (ROOT / ".venv-docs" / "stamp").is_file():
        pytest.skip("the tools for the site are not installed (make docs)")
    built = subprocess.run(
        [PYTHON, ROOT / "scripts" / "docs.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert built.returncode == 0, built.stdout
    return ROOT / "docs" / "build" / "html"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[browsers.Browser]:
    """Return a headless browser."""
    reason = browsers.missing()
    if reason:
        pytest.skip(reason)
    with browsers.running_browser(tmp_path_factory.mktemp("browser")) as running:
        yield running
