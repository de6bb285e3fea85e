"""The pictures in the README and in the guides: of the page of a check, as it is now. `make pictures` takes them again."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import to_html
from ansible_collections.cloudpeer.atlas.tests.docs.browser import Browser
from ansible_collections.cloudpeer.atlas.tests.docs.conftest import ROOT
from ansible_collections.cloudpeer.atlas.tests.docs.palette import SIGNATURE, header, with_palette
from ansible_collections.cloudpeer.atlas.tests.support.organization import organization

pytestmark = pytest.mark.gate

# What the demo has written.
DEMO = ROOT / ".demo" / "peering.html"
WIDTH = 1120
# The files with their heights in the window, and where they are shown.
PICTURES = {"docs/check.png": 730, "docs/guides/organization.png": 1240}
SHOWN = {
    "README.md": "https://raw.githubusercontent.com/cloudpeer/atlas/main/docs/check.png",
    "docs/guides/no_traffic.md": "../check.png",
    "docs/guides/whole_organization.md": "organization.png",
}
MOST_BYTES = 120_000


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_of_the_page(name: str, browser: Browser, tmp_path: Path) -> None:
    """With WRITE_PICTURES set, the picture is taken again."""
    page = tmp_path / "page.html"
    if name == "docs/guides/organization.png":
        page.write_text(to_html(organization(200, unread=1), "2026-11-26T09:30:00Z"), encoding="utf-8")
    elif DEMO.is_file():
        page.write_bytes(DEMO.read_bytes())
    else:
        pytest.skip("the demo has written no report (make demo)")
    taken = tmp_path / "taken.png"
    browser.be_wide(WIDTH, PICTURES[name])
    browser.prefer("light")
    browser.open(page)
    browser.run("document.documentElement.style.scrollbarWidth = 'none'")
    browser.screenshot(taken)
    if os.environ.get("WRITE_PICTURES"):
        with_palette(taken, ROOT / name)
    assert (ROOT / name).read_bytes().startswith(SIGNATURE)
    assert header(taken)[:2] == (WIDTH, PICTURES[name])
    assert header(ROOT / name) == (WIDTH, PICTURES[name], 3)
    assert (ROOT / name).stat().st_size < MOST_BYTES


@pytest.mark.parametrize("text", SHOWN)
def test_a_picture_is_shown_and_described(text: str) -> None:
    (alt,) = re.findall(rf"!\[([^\]]*)\]\({re.escape(SHOWN[text])}\)", (ROOT / text).read_text(encoding="utf-8"))
    assert len(alt) > 40
