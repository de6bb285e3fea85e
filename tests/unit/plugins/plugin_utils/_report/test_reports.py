"""The reports as texts: what is in them, and that nothing of a result is taken for a part of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import to_markdown
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import UNFOLDED, to_html
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import GUIDE, LIMIT
from ansible_collections.cloudpeer.atlas.tests.support.checked import (
    NOT_LOOKED_AT,
    connection,
    faulty,
    finding,
    on_azure,
    on_gcp,
    peering_check,
)

WHEN = "2026-11-26 07:00 UTC"
HOSTILE = "<script>alert(1)</script> \"' {{ 7 * 7 }} | [x](javascript:1) `*_\n# head"
# What GitHub or GitLab makes a link or a mention of, also where it is escaped.
LINKED = (
    "@someone",
    "a@b.example",
    "https://b.example",
    "ftp://b.example",
    "www.b.example",
    "#12",
    "o/r#12",
    "GH-12",
    "!12",
    "%12",
)


class Page(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all_of(self, tag: str, attribute: str) -> list[str]:
        return [str(attrs[attribute]) for name, attrs in self.tags if name == tag and attribute in attrs]


def hostile() -> dict:
    checks = [finding("P302", "warn", HOSTILE, HOSTILE, HOSTILE, comment=HOSTILE), finding("P702", "skipped", HOSTILE, HOSTILE)]
    return peering_check(connection(cluster_names=[HOSTILE], vpc_id=HOSTILE, checks=checks), connection(1), summary=HOSTILE)


def test_a_page_has_all_findings_with_links_to_the_guide() -> None:
    page = Page(to_html(peering_check(faulty()), WHEN))
    links = page.all_of("a", "href")
    for code in ("P205", "P301", "P304", "P402", "P503", "P601", "P104", "P702"):
        assert f"{GUIDE}#{code.lower()}" in links
    for one in faulty()["checks"]:
        assert one["message"] in page.text
        assert one["fix"] in page.text
    for text in (LIMIT, WHEN, "1 of 1 connections cannot carry traffic.", "shop", "10.15.0.2", "pcx-0a1b2c3d4e5f60000"):
        assert text in page.text
    # Each number leads to its row.
    assert set(page.all_of("tr", "id")) == {f"c1-f{number}" for number in range(1, 7)}
    assert {link for link in links if link.startswith("#c1-f")} == {f"#c1-f{number}" for number in range(1, 7)}


def test_a_page_stands_alone() -> None:
    page = Page(to_html(peering_check(faulty(), connection(1)), WHEN))
    assert not {tag for tag, unused in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not [attrs for tag, attrs in page.tags if any(name.startswith("on") or name == "src" for name in attrs)]
    assert "url(" not in to_html(peering_check(faulty()), WHEN)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page.all_of("meta", "content")


def test_nothing_of_a_result_is_taken_for_a_part_of_the_page() -> None:
    page = Page(to_html(hostile(), WHEN))
    plain = Page(
        to_html(peering_check(connection(checks=[finding("P302", "warn", "a", "b", "c", comment="d")]), connection(1)), WHEN)
    )
    assert {tag for tag, unused in page.tags} <= {tag for tag, unused in plain.tags} | {"li"}
    assert HOSTILE.replace("\n", "\\n") in page.text
    assert all(link.startswith((GUIDE, "#")) for link in page.all_of("a", "href"))


def test_markdown_shows_what_a_result_has_as_it_is() -> None:
    text = to_markdown(hostile(), WHEN)
    assert "<" not in text
    assert "alert" in text
    assert re.findall(r"(?<!\\)\[([^\]]*)(?<!\\)\]", text) == ["P302"]
    assert re.findall(r"(?<!\\)`", text) == []
    # No line of a table is cut, and none is a heading that is not ours.
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(row.endswith(" |") for row in rows)
    assert [line.partition(" ")[0] for line in text.splitlines() if line.startswith("#")] == ["#", "##", "##"]


@pytest.mark.parametrize("text", LINKED)
def test_markdown_makes_no_links_or_mentions_of_names(text: str) -> None:
    checks = [finding("P302", "warn", text, f"See ({text}).", text), finding("P702", "skipped", text, text)]
    made = to_markdown(peering_check(connection(vpc_id=text, cluster_names=[text], checks=checks), summary=text), WHEN)
    own = made.replace(f"]({GUIDE}#p302)", "")
    # The characters are there, with an invisible one between them.
    assert own.count("&#8203;") >= 6
    shown = re.sub(r"\\(?=[#!|~_*])", "", own)
    assert text not in shown
    assert text in shown.replace("&#8203;", "")
    assert not re.search(r"[@#!%](?=\w)|//|www\.|GH-", shown.replace("&#8203;", " "))


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_control_characters_are_seen_and_do_nothing(to_text: Callable[..., str]) -> None:
    hostile = "a\x1b[2Jb\x00\x9b\u202egnp\r\nc\ud800\u2028"
    checks = [finding("P302", "warn", hostile, hostile, hostile, **{hostile: [hostile]}), finding("P702", "skipped", "", hostile)]
    result = peering_check(connection(cluster_names=[hostile], vpc_id=hostile, checks=checks), summary=hostile)
    text = to_text(result, WHEN)
    assert not [one for one in text if not one.isprintable() and one != "\n"]
    for escape in ("x1b", "x00", "x9b", "u202e", "r", "n", "ud800", "u2028"):
        assert f"\\{escape}" in text
    # It has as many lines as with other names.
    plain = json.loads(json.dumps(result).replace(json.dumps(hostile)[1:-1], "plain"))
    assert len(text.splitlines()) == len(to_text(plain, WHEN).splitlines())


def test_markdown_has_all_findings() -> None:
    text = to_markdown(peering_check(faulty()), WHEN)
    assert text.startswith("# Peering check: not reachable\n")
    for part in (LIMIT, WHEN, "shop, reporting", "| fail | [P601](", "P702 was skipped", "rtb-0a1b2c3d4e5f60001"):
        assert part in text
    order = re.findall(r"^\| (fail|warn|unknown|info) \|", text, re.MULTILINE)
    assert order == ["fail", "fail", "warn", "warn", "unknown", "info"]
    for row in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        assert row.count(" | ") in (1, 3)


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_what_was_not_looked_at_stands_below_the_limit(to_text: Callable[..., str]) -> None:
    text = to_text(peering_check(connection()), WHEN).replace("&#39;", "'")
    assert text.index(LIMIT) < text.index(NOT_LOOKED_AT) < text.index("vpc-")
    assert "<li>" not in to_text(peering_check(not_looked_at=[]), WHEN)


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_a_finding_of_several_networks_is_shown_once(to_text: Callable[..., str]) -> None:
    zone = finding("P503", "fail", "mongodb.net", "The zone lacks all.", "Add them.")
    text = to_text(peering_check(*(connection(number, "not_reachable", checks=[zone]) for number in range(3))), WHEN)
    assert text.count("Add them.") == 1
    assert "The same for vpc-0a1b2c3d4e5f60001 and vpc-0a1b2c3d4e5f60002." in text
    assert text.count("As above: P503.") == 2
    # The overview counts it for each.
    assert text.count("1 fail") == 3


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_no_connection_is_a_report_too(to_text: object) -> None:
    checked = peering_check(summary="The project has no connection.")
    assert "The project has no connection." in to_text(checked, WHEN)  # type: ignore[operator]


def test_many_connections_show_first_those_with_findings() -> None:
    few = to_html(peering_check(faulty(), *(connection(number) for number in range(1, UNFOLDED))), WHEN)
    many = to_html(peering_check(faulty(), *(connection(number) for number in range(1, 50))), WHEN)
    assert "<summary>both sides</summary>" not in few
    assert many.count("<summary>both sides</summary>") == 49
    page = Page(many)
    assert {link for link in page.all_of("a", "href") if re.fullmatch(r"#c\d+", link)} == {
        f"#c{number}" for number in range(1, 51)
    }
    assert page.all_of("section", "id") == [f"c{number}" for number in range(1, 51)]


def test_networks_of_all_clouds_are_called_what_they_are() -> None:
    both = peering_check(on_azure(), on_gcp())
    page = Page(to_html(both, WHEN))
    assert {f"Atlas and the {noun}: not reachable" for noun in ("VNet", "VPC network")} <= set(page.all_of("svg", "aria-label"))
    for text in ("VNet shop-vnet", "VPC network my-network", "fd01adff-b37e-4693-8497-83ecf183a145, network-group", "my-project"):
        assert text in page.text
    text = to_markdown(both, WHEN)
    assert "| network | where | verdict | findings |" in text
    assert "## VPC network my-network: not reachable" in text
    assert "| project | my-project |" in text
    assert "| connection | 5a1b2c3d4e5f6a7b8c9d0000 |" in text
    assert "| VNet | subscription and resource group | verdict |" in to_markdown(peering_check(on_azure(), on_azure()), WHEN)
    assert "| connection | no id in Atlas |" in to_markdown(peering_check(on_gcp(peer_id=None)), WHEN)
    assert "| VPC | account and region | verdict |" in to_markdown(peering_check(connection(), connection(1)), WHEN)
