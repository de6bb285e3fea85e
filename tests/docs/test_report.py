"""The report of a check in a browser: on a phone and on a desk, light and dark, with much and with little in it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import to_html
from ansible_collections.cloudpeer.atlas.tests.docs.browser import Browser
from ansible_collections.cloudpeer.atlas.tests.support.checked import connection, faulty, finding, peering_check
from ansible_collections.cloudpeer.atlas.tests.support.organization import organization

# A browser takes each worker seconds; what reports say, and that it is escaped, is tested without one.
pytestmark = pytest.mark.full

PHONE, DESKTOP = 390, 1280
LONG = "x" * 300
#: What makes each result, which takes seconds: each worker imports this file, and none of them needs all results.
RESULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "one": lambda: peering_check(faulty()),
    "none": lambda: peering_check(summary="The project has no connection."),
    "many": lambda: peering_check(
        *(faulty(number, 60) if number % 7 == 0 else connection(number, subnets=12) for number in range(50))
    ),
    "long": lambda: peering_check(
        connection(cluster_names=[LONG] * 9, checks=[finding("P601", "fail", LONG, LONG, LONG, evidence=LONG)] * 40)
    ),
    **{f"{number} projects": functools.partial(organization, number, hostile=True, unread=2) for number in (3, 40, 200)},
}
ORGANIZATIONS = [name for name in RESULTS if name.endswith(" projects")]
# The least contrast for text by WCAG 2.2 (1.4.3, level AA).
LEAST_CONTRAST = 4.5

# The contrast of each text that is seen with what is painted behind it, which in the drawing is the first shape of its group.
CONTRASTS = """
const channels = color => color.match(/[\\d.]+/g).map(Number);
const luminance = color => channels(color).slice(0, 3).map(one => one / 255)
    .map(one => one <= .04045 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4)
    .reduce((sum, one, index) => sum + one * [.2126, .7152, .0722][index], 0);
const opaque = color => channels(color).length === 3 || channels(color)[3] === 1;
const behind = node => {
    for (let outer = node; outer; outer = outer.parentElement) {
        const style = getComputedStyle(outer);
        if (outer.localName === "g") return getComputedStyle(outer.querySelector("rect, circle")).fill;
        if (opaque(style.backgroundColor)) return style.backgroundColor;
    }
};
return [...document.querySelectorAll("main *")]
    .filter(node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
    .filter(node => node.localName !== "title" && node.getClientRects().length)
    .map(node => {
        const front = node.localName === "text" ? getComputedStyle(node).fill : getComputedStyle(node).color;
        const [low, high] = [luminance(front), luminance(behind(node))].sort((a, b) => a - b);
        return [node.outerHTML.slice(0, 100), (high + .05) / (low + .05)];
    });
"""
# The texts of the drawing that is seen, and the boxes around them.
OVERFLOWING = """
return [...document.querySelectorAll("svg .subnet, svg .side")].filter(group => group.getClientRects().length)
    .flatMap(group => [...group.querySelectorAll("text")].map(text => [text, group.querySelector("rect")]))
    .filter(([text, rect]) => text.getBoundingClientRect().right > rect.getBoundingClientRect().right)
    .map(([text]) => text.textContent);
"""
UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"
SEEN = "return [...document.querySelectorAll('svg')].filter(one => one.checkVisibility()).map(one => one.className.baseVal)"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return what writes the report of a result, by its name, once, and returns its file."""
    folder = tmp_path_factory.mktemp("reports")

    @functools.cache
    def written(name: str) -> Path:
        file = folder / f"{name}.html"
        file.write_text(to_html(RESULTS[name](), "2026-11-26T07:00:00Z"), encoding="utf-8")
        return file

    return written


@pytest.fixture(autouse=True)
def _preferring_what_is_usual(browser: Browser) -> Iterator[None]:
    yield
    browser.prefer("light")


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", RESULTS)
def test_a_report_fits_the_screen(name: str, width: int, report: Callable[[str], Path], browser: Browser) -> None:
    browser.be_wide(width)
    browser.complaints()
    browser.open(report(name))
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(OVERFLOWING) == []
    folded = name in ("none", "many", *ORGANIZATIONS)
    assert set(browser.run(SEEN)) == (set() if folded else {"narrow" if width == PHONE else "wide"})
    browser.run(UNFOLD)
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert set(browser.run(SEEN)) == (set() if name == "none" else {"narrow" if width == PHONE else "wide"})
    assert browser.run(OVERFLOWING) == []
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ["one", "3 projects"])
def test_parts_have_names_for_those_who_do_not_see_them(name: str, report: Callable[[str], Path], browser: Browser) -> None:
    browser.open(report(name))
    unnamed = """return ["nav:not([aria-label])", "table:not(:has(> caption))", "svg:not([role=img][aria-label])"]
        .filter(one => document.querySelector(one))"""
    assert browser.run(unnamed) == []
    assert browser.run("return document.querySelectorAll('nav, table').length") > 0


@pytest.mark.parametrize("name", ["one", "3 projects"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(scheme: str, name: str, report: Callable[[str], Path], browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.prefer(scheme)
    browser.open(report(name))
    browser.run(UNFOLD)
    paper = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    contrasts = browser.run(CONTRASTS)
    assert len(contrasts) > 50
    assert [one for one in contrasts if one[1] < LEAST_CONTRAST] == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_each_number_of_the_drawing_leads_to_its_row(width: int, report: Callable[[str], Path], browser: Browser) -> None:
    browser.be_wide(width)
    browser.open(report("one"))
    found = browser.run(
        """
        const seen = [...document.querySelectorAll("svg a")].filter(one => one.getClientRects().length);
        const row = one => document.querySelector(one.getAttribute("href")).innerText;
        return seen.map(one => [one.querySelector("text").textContent, row(one)]);
        """
    )
    assert sorted(number for number, row in found) == ["1", "2", "3", "4", "5", "6"]
    assert all(row.strip().startswith(number) for number, row in found)
    # On its subnet.
    box = browser.run(
        """
        const badge = [...document.querySelectorAll("svg a[href='#c1-f2'] circle")].find(one => one.getClientRects().length);
        const {x, y} = badge.getBoundingClientRect();
        return [...document.querySelectorAll("svg .subnet")].filter(one => {
            const box = one.querySelector("rect").getBoundingClientRect();
            return box.left <= x && x <= box.right && box.top - 12 <= y && y <= box.bottom;
        }).map(one => one.querySelector("text").textContent);
        """
    )
    assert box == ["subnet-0a1b2c3d4e5f60001"]


@pytest.mark.parametrize("name", ORGANIZATIONS)
def test_what_others_have_written_does_nothing(name: str, report: Callable[[str], Path], browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.complaints()
    browser.open(report(name))
    # Nothing became an element, and nothing was run or loaded.
    assert browser.run("return document.querySelectorAll('main b[onload], main script, main img').length") == 0
    assert browser.run("return document.body.innerText.includes('<b onload=alert(1)>')")
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.complaints() == []


@pytest.mark.parametrize("name", ORGANIZATIONS)
def test_a_place_of_a_finding_leads_to_its_connection(name: str, report: Callable[[str], Path], browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.open(report(name))
    found = browser.run(
        """
        const link = [...document.querySelectorAll(".finding .where a")].at(-1);
        const target = document.querySelector(link.getAttribute("href"));
        link.closest("details")?.setAttribute("open", "");
        link.click();
        return [link.textContent, target.innerText, target.querySelector("table").getBoundingClientRect().height];
        """
    )
    assert found[0] in found[1]
    # It is unfolded by that.
    assert found[2] > 0


def test_paper_is_white_for_those_who_prefer_the_dark(report: Callable[[str], Path], browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.prefer("dark", media="print")
    browser.open(report("one"))
    assert browser.run("return getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()") == "#ffffff"
