"""The built site is whole, and looks right in a browser, on a phone too."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from ansible_collections.cloudpeer.atlas.tests.docs.browser import Browser
from ansible_collections.cloudpeer.atlas.tests.docs.conftest import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import until

pytestmark = pytest.mark.gate

MODULES = sorted(file.stem for file in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(folder.name for folder in (ROOT / "roles").iterdir() if (folder / "meta").is_dir())
GUIDES = sorted(file.stem for file in (ROOT / "docs" / "guides").glob("*.md"))
EXAMPLES = sorted(f"{folder}/{file.name}" for folder in ("docs/examples", "playbooks") for file in (ROOT / folder).glob("*.yml"))
# The heading of the search is made by a script, with the results.
MADE_BY_SCRIPTS = {"search.html"}
PHONE, DESKTOP = 390, 1280

FOUND = "return document.querySelector('#search-results').innerText"

# What sticks out of a page's text to the right although nothing lets the reader scroll there.
STICKING_OUT = """
const limit = document.documentElement.clientWidth + 1;
const scrolls = node => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(node).overflowX);
return [...document.querySelectorAll("article *")].filter(node => {
    const box = node.getBoundingClientRect();
    if (box.width === 0 || box.height === 0 || box.right <= limit || box.left >= limit) return false;
    if (getComputedStyle(node).visibility === "hidden") return false;
    for (let outer = node.parentElement; outer && outer !== document.body; outer = outer.parentElement)
        if (scrolls(outer)) return false;
    return true;
}).slice(0, 5).map(node => node.outerHTML.slice(0, 150));
"""


class Page(HTMLParser):
    """The ids and the addresses in a page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.ids.update(filter(None, (attributes.get("id"), attributes.get("name") if tag == "a" else None)))
        if tag == "a" and attributes.get("href"):
            self.links.append(str(attributes["href"]))
        for address in (attributes.get("src"), attributes.get("href") if tag == "link" else None):
            if address:
                self.loaded.append(address)


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    """Return the pages of the site by their files."""
    return {file.resolve(): Page(file) for file in sorted(site.rglob("*.html"))}


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    broken = []
    for file, page in pages.items():
        for link in [*page.links, *page.loaded]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            there = target.is_file() and (
                not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].ids
            )
            # The theme's own link to the top of the page, and its switches.
            if not there and link not in ("#", ""):
                broken.append(f"{file.name}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]) -> None:
    foreign = {address for page in pages.values() for address in page.loaded if urlsplit(address).netloc}
    assert foreign == set()


def test_the_navigation_has_every_module_role_and_guide(site: Path, browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.open(site / "index.html")
    links = browser.run(
        "return [...document.querySelectorAll('.sidebar-tree a')].map(link => [link.textContent.trim(), link.href])"
    )
    names = {name for name, unused in links}
    assert {*MODULES, *ROLES} <= names
    # A page that knows nothing of the variables behind the modules' options, and says that there are none.
    assert "Environment variables" not in names
    addresses = [address for unused, address in links]
    assert [guide for guide in GUIDES if not any(address.endswith(f"guides/{guide}.html") for address in addresses)] == []


def test_every_page_has_its_title_and_no_complaint(pages: dict[Path, Page], site: Path, browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    titles = {}
    for file in pages:
        browser.open(file)
        titles[file.relative_to(site).as_posix()] = browser.run("return (document.querySelector('h1') || {}).textContent || ''")
    assert [file for file, title in titles.items() if not title and file not in MADE_BY_SCRIPTS] == []
    for name in MODULES:
        assert f"cloudpeer.atlas.{name} module" in titles[f"reference/{name}_module.html"]
    for name in ROLES:
        assert f"cloudpeer.atlas.{name} role" in titles[f"reference/{name}_role.html"]
    assert browser.complaints() == []


def test_the_examples_are_shown(site: Path, browser: Browser) -> None:
    browser.open(site / "examples.html")
    text = browser.run("return document.querySelector('article').innerText")
    assert EXAMPLES
    assert [name for name in EXAMPLES if name not in text] == []


@pytest.mark.parametrize("width", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.full)])
def test_no_page_is_wider_than_the_screen(width: int, pages: dict[Path, Page], site: Path, browser: Browser) -> None:
    browser.be_wide(width)
    too_wide = {}
    for file in pages:
        browser.open(file)
        found = browser.run(STICKING_OUT)
        if found or browser.run("return document.documentElement.scrollWidth") > width:
            too_wide[file.relative_to(site).as_posix()] = found
    assert too_wide == {}


@pytest.mark.parametrize("page", ["whole_path", "no_traffic", "whole_organization"])
def test_pictures_are_shown_and_described(page: str, site: Path, browser: Browser) -> None:
    browser.be_wide(PHONE)
    browser.open(site / "guides" / f"{page}.html")
    pictures = browser.run(
        "return [...document.querySelectorAll('article img')].map(one => [one.alt, one.naturalWidth, one.width, one.src])"
    )
    assert pictures
    for description, natural, shown, source in pictures:
        assert description
        assert natural > 0
        # What was taken on a desk is scrolled sideways, since nobody could read it otherwise.
        assert shown == natural if source.endswith(".png") else 200 < shown <= PHONE


OPTIONS = {"route_table_cidr_block": "atlas_vpc_peer_module.html", "replace_routes": "atlas_vpc_peer_accepter_module.html"}


@pytest.mark.parametrize("option", OPTIONS)
def test_the_search_finds_an_option(option: str, site: Path, browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.open(site / "search.html", f"q={option}")
    until(lambda: "Search finished" in browser.run(FOUND))
    pages = browser.run("return [...document.querySelectorAll('#search-results li a')].map(one => one.getAttribute('href'))")
    assert f"reference/{OPTIONS[option]}" in [page.partition("?")[0] for page in pages]


def test_the_search_says_that_it_finds_nothing(site: Path, browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.open(site / "search.html", "q=noSuchOptionAnywhere")
    until(lambda: "did not match" in browser.run(FOUND))
    assert browser.run("return document.querySelectorAll('#search-results li a').length") == 0


def test_tables_with_figures_keep_their_headings_on_a_phone(site: Path, browser: Browser) -> None:
    browser.be_wide(PHONE)
    browser.open(site / "performance.html")
    heights = browser.run("return [...document.querySelectorAll('article thead')].map(one => one.getBoundingClientRect().height)")
    assert heights
    assert min(heights) > 0


def test_the_guides_are_in_the_order_of_the_front_page(site: Path, browser: Browser) -> None:
    browser.be_wide(DESKTOP)
    browser.open(site / "index.html")
    listed, shown = (
        browser.run(f"return [...document.querySelectorAll('{where}')].map(link => link.getAttribute('href'))")
        for where in ('article table a[href^="guides/"]', '.sidebar-tree a[href^="guides/"]')
    )
    assert listed == shown
    assert len(listed) == len(GUIDES)
