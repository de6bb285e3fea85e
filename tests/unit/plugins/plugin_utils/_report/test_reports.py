"""The reports as texts: what is in them, and that nothing of a result is taken for a part of the page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree

import jsonschema  # type: ignore[import-untyped]
import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.findings import REPORT_VERSION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._check_text import lines_of
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report import markdown, view
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.file import to_json
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.junit import to_junit
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.markdown import to_markdown
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.page import UNFOLDED, to_html
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import GUIDE, LIMIT, view_of
from ansible_collections.cloudpeer.atlas.tests.support.checked import (
    NOT_LOOKED_AT,
    connection,
    faulty,
    finding,
    on_azure,
    on_gcp,
    peering_check,
)
from ansible_collections.cloudpeer.atlas.tests.support.organization import HOSTILE_NAMES, name_of, organization, project_id
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

WHEN, SHOWN_WHEN = "2026-11-26T07:00:00Z", "2026-11-26 07:00 UTC"
# What would end a block of code.
FENCES = "az `````"
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
    for text in (LIMIT, SHOWN_WHEN, "1 of 1 connections cannot carry traffic.", "shop", "10.15.0.2", "pcx-0a1b2c3d4e5f60000"):
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


def handed_over(*numbers: int) -> dict:
    """Return a result whose finding P601 is for others to carry out, with a line for each connection."""
    check = peering_check(*map(faulty, numbers))
    for one in check["findings"]:
        is_route = one["code"] == "P601"
        owners = []
        for number, where in enumerate(one["connections"]):
            where["owner"] = f"AWS account {number}" if is_route else "Atlas project <shop>"
            where["commands"] = [f"aws ec2 create-route --tag '```<b>{number}'"] if is_route else []
            owners.append(where["owner"])
        one["owner"] = " and ".join(dict.fromkeys(owners))
    return check


@pytest.mark.parametrize("numbers", [(0,), (0, 1)])
def test_lines_to_hand_over_are_on_the_page_and_in_markdown(numbers: tuple[int, ...]) -> None:
    check = handed_over(*numbers)
    page, text = Page(to_html(check, WHEN)), to_markdown(check, WHEN)
    for number in range(len(numbers)):
        line = f"aws ec2 create-route --tag '```<b>{number}'"
        assert (page.text.count(line), text.splitlines().count(line)) == (1, 1)
    assert "For Atlas project <shop>." in page.text
    assert r"Atlas project &lt;shop&gt;" in text
    # A fence that no line ends.
    assert [one for one in text.splitlines() if one.startswith("````")] == ["````sh", "````"]


def test_the_page_can_be_sorted_by_owner() -> None:
    """Without a script: titles of owners and findings have an order, which a style uses when it is chosen."""
    page = Page(to_html(handed_over(0, 1), WHEN))
    orders = [int(style.partition("order: ")[2]) for style in page.all_of("h3", "style")]
    assert orders == [0, 2]
    assert {int(style.partition("order: ")[2]) for style in page.all_of("article", "style")} == {1, 3}
    assert page.all_of("input", "id") == ["by-severity", "by-owner"]
    assert page.all_of("label", "for") == ["by-severity", "by-owner"]
    assert "#by-owner:checked ~ .cards { display: flex" in to_html(handed_over(0, 1), WHEN)


def test_with_one_owner_there_is_nothing_to_sort() -> None:
    assert Page(to_html(peering_check(faulty(), connection(1)), WHEN)).all_of("input", "id") == []


def test_nothing_of_a_result_is_taken_for_a_part_of_the_page() -> None:
    page = Page(to_html(hostile(), WHEN))
    plain = Page(
        to_html(peering_check(connection(checks=[finding("P302", "warn", "a", "b", "c", comment="d")]), connection(1)), WHEN)
    )
    assert {tag for tag, unused in page.tags} <= {tag for tag, unused in plain.tags} | {"li", "code"}
    assert HOSTILE.replace("\n", "\\n") in page.text
    assert all(link.startswith((GUIDE, "#")) for link in page.all_of("a", "href"))


def test_markdown_shows_what_a_result_has_as_it_is() -> None:
    text = to_markdown(hostile(), WHEN)
    assert "<" not in text
    assert "alert" in text
    # Once for all connections, and once for its own.
    assert re.findall(r"(?<!\\)\[([^\]]*)(?<!\\)\]", text) == ["P302", "P302"]
    assert re.findall(r"(?<!\\)`", text) == []
    # No line of a table is cut, and none is a heading that is not ours.
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(row.endswith(" |") for row in rows)
    assert [line.partition(" ")[0] for line in text.splitlines() if line.startswith("#")] == ["#", "##", "##", "##"]


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


@pytest.mark.parametrize("to_text", [to_html, to_markdown, to_junit])
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
    # Verdicts are words for people, of subnets too.
    assert "| not reachable |" in text
    assert "not\\_reachable" not in text
    assert text.startswith("# Peering check: not reachable\n")
    for part in (LIMIT, SHOWN_WHEN, "shop, reporting", "| fail | [P601](", "P702 was skipped", "rtb-0a1b2c3d4e5f60001"):
        assert part in text
    order = re.findall(r"^\| (fail|warn|unknown|info) \|", text, re.MULTILINE)
    assert order == ["fail", "fail", "unknown", "warn", "warn", "info"]
    for row in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        assert row.count(" | ") in (1, 3, 4)


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_what_was_not_looked_at_stands_below_the_limit(to_text: Callable[..., str]) -> None:
    text = to_text(peering_check(connection()), WHEN).replace("&#39;", "'")
    assert text.index(LIMIT) < text.index(NOT_LOOKED_AT)
    assert "<li>" not in to_text(peering_check(not_looked_at=[]), WHEN)


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_a_finding_of_several_networks_is_shown_once(to_text: Callable[..., str]) -> None:
    zone = finding("P503", "fail", "mongodb.net", "The zone lacks all.", "Add them.")
    text = to_text(peering_check(*(connection(number, "not_reachable", checks=[zone]) for number in range(3))), WHEN)
    assert text.count("Add them.") == 1
    assert "3 connections" in text
    # The overview counts it for each.
    assert text.count("1 fail") == 3


def test_a_finding_of_all_networks_costs_no_more_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each check names all of them, so that texts would grow with the square of their number."""
    shown, counts = 0, []

    def count(text: str) -> str:
        nonlocal shown
        shown += 1
        return visible(text)

    monkeypatch.setattr(view, "visible", count)
    for size in (2, 11, 20):
        zone = finding("P503", "fail", "mongodb.net", "The zone lacks all.", "Add them.")
        checked = peering_check(*(connection(number, "not_reachable", checks=[zone]) for number in range(size)))
        for place in checked["findings"][0]["connections"]:
            # As in a real result.
            del place["checks"]
        shown = 0
        view_of(checked)
        counts.append(shown)
    assert counts[2] - counts[1] == counts[1] - counts[0]


@pytest.mark.parametrize("to_text", [to_html, to_markdown])
def test_no_connection_is_a_report_too(to_text: object) -> None:
    checked = peering_check(summary="The project has no connection.")
    assert "The project has no connection." in to_text(checked, WHEN)  # type: ignore[operator]


def test_many_connections_show_first_those_with_findings() -> None:
    few = to_html(peering_check(*(connection(number) for number in range(1, UNFOLDED)), faulty()), WHEN)
    many = to_html(peering_check(*(connection(number) for number in range(1, 50)), faulty()), WHEN)
    assert "<details class=" not in few
    assert few.index('id="c1"') < few.index('id="c2"')
    assert "vpc-0a1b2c3d4e5f60000" in few.partition('id="c1"')[2].partition('id="c2"')[0]
    assert many.count("<details class=") == 1
    assert "49 connections without a finding" in many
    assert many.count("<summary>both sides</summary>") == 50
    page = Page(many)
    assert {link for link in page.all_of("a", "href") if re.fullmatch(r"#c\d+", link)} == {
        f"#c{number}" for number in range(1, 51)
    }
    assert page.all_of("section", "id") == [f"c{number}" for number in range(1, 51)]
    # The last of the result is the worst.
    assert "vpc-0a1b2c3d4e5f60000" in many.partition('<section id="c1">')[2].partition("</section>")[0]


@pytest.mark.parametrize("projects", [3, 40, 200])
def test_a_page_has_the_whole_organization(projects: int) -> None:
    checked = organization(projects, hostile=True, unread=2)
    text = to_html(checked, WHEN)
    page = Page(text)
    shown = " ".join(page.text.split())
    for one in checked["projects"]:
        assert visible(one["name"]) in shown
        assert one["id"] in shown
    for one in checked["connections"]:
        where = (one.get("vpc_id"), one.get("vpc_name"), one["status_name"], one.get("vnet_name"), one.get("network_name"))
        assert [name for name in where if name and visible(name) not in shown] == []
    names = {
        subnet["subnet_name"] for one in checked["connections"] if one["verdict"] == "not_reachable" for subnet in one["subnets"]
    }
    assert [name for name in names if name and visible(name) not in shown] == []
    for one in checked["failures"]:
        assert one["msg"] in shown
    # As the summary counts them.
    assert f"<dt>projects</dt><dd>{projects + 2}</dd>" in text
    # The worst comes first, and healthy ones are folded.
    assert checked["findings"][0]["severity"] == "fail"
    assert (
        text.index('id="not-read"') < text.index('id="findings"') < text.index('id="projects"') < text.index('id="connections"')
    )
    folded = text.rpartition("without a finding</summary>")[2].partition("</details>")[0]
    assert folded.count("reachable by design") == sum(
        one["verdict"] == "reachable_by_design" and not one["checks"] for one in checked["connections"]
    )
    # Each link within the page leads somewhere, and nothing else is linked but the guide.
    ids = {str(attrs["id"]) for unused, attrs in page.tags if "id" in attrs}
    links = page.all_of("a", "href")
    assert {link[1:] for link in links if link.startswith("#")} <= ids
    assert {link.partition("#")[0] for link in links if not link.startswith("#")} == {GUIDE}
    assert not {tag for tag, unused in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not [attrs for unused, attrs in page.tags if any(name.startswith("on") or name == "src" for name in attrs)]
    assert HOSTILE_NAMES[1] in shown


def _as_text(checked: dict, moment: str) -> str:
    return "\n".join(lines_of(checked, moment=moment, verbosity=0, color=False))


@pytest.mark.parametrize("to_text", [to_html, to_markdown, _as_text])
def test_what_is_kept_of_an_unread_project_is_shown(to_text: Callable[..., str]) -> None:
    """Also beside the only connection that was read."""
    checked = organization(1, unread=1)
    kept = {**checked["findings"][0], "code": "P301", "codes": ["P301"], "message": "It was so.", "is_kept": True}
    kept["connections"] = [{**kept["connections"][0], "group_id": checked["failures"][0]["group_id"], "project_name": "hidden"}]
    checked["findings"].append(kept)
    text = to_text(checked, WHEN)
    said = text.partition("It was so.")[2]
    assert "and could not be read now." in said
    assert "hidden" in said


def test_what_could_not_be_read_today_is_shown_without_a_link() -> None:
    checked = peering_check(faulty(), connection(1))
    checked["findings"][0]["connections"].append({**checked["findings"][0]["connections"][0], "vpc_id": "vpc-0a1b2c3d4e5f69999"})
    shown = " ".join(Page(to_html(checked, WHEN)).text.split())
    assert "vpc-0a1b2c3d4e5f69999 not read this time" in shown
    assert "vpc-0a1b2c3d4e5f69999" in to_markdown(checked, WHEN)
    assert "vpc-0a1b2c3d4e5f69999" in to_junit(checked, WHEN)


@pytest.mark.parametrize("projects", [3, 40, 200])
def test_markdown_of_an_organization_fits_a_job_s_summary(projects: int) -> None:
    checked = organization(projects, hostile=True, unread=2)
    text = to_markdown(checked, WHEN)
    # Source: "Adding a job summary" in GitHub's documentation: at most 1 MiB a step.
    assert len(text.encode()) < 1024 * 1024
    assert text.count("<details><summary>") == text.count("</details>") > 0
    # Nothing but our own folds is HTML.
    assert "<" not in re.sub(r"</?(details|summary)>", "", text)
    assert not re.search(r"(?<![\\/])@someone", text)
    for one in checked["projects"]:
        assert one["id"] in text
    assert text.index("## Projects that could not be read") < text.index("## Findings") < text.index("## Projects with findings")


@pytest.mark.parametrize("to_text", [to_html, to_markdown, to_junit])
def test_whatever_others_call_things_is_text(to_text: Callable[..., str]) -> None:
    checked = organization(40, hostile=True, unread=1)
    for one in (*checked["projects"], *checked["failures"]):
        one.update(dict.fromkeys(one.keys() & {"name", "project_name", "org_id", "msg", "detail"}, HOSTILE))
        if "states" in one:
            one["states"] = {HOSTILE: 1}
    for one in checked["connections"]:
        one.update(dict.fromkeys(("project_name", "status_name", "error_state_name", "expires_at", "vpc_name"), HOSTILE))
        one["cluster_names"] = [HOSTILE]
        for subnet in one["subnets"]:
            subnet["subnet_name"] = HOSTILE
    for one in checked["findings"]:
        one.update({"message": HOSTILE, "fix": HOSTILE})
        for place in one["connections"]:
            place.update({"project_name": HOSTILE, "subject": HOSTILE, "owner": HOSTILE, "commands": [f"az {HOSTILE}", FENCES]})
    text = to_text(checked, WHEN)
    assert "alert" in text
    if to_text is to_markdown:
        # Lines to hand over are shown as they are, between fences that no line has; a fold is HTML until an empty line.
        own, number = re.subn(rf"(?ms)(?<=\n\n)^`{{6}}sh$(?:(?!^`{{6}}).)*?{FENCES}\n`{{6}}\n(?=\n</details>)", "", text)
        assert number == len(checked["findings"])
        assert "<" not in re.sub(r"</?(details|summary)>", "", own)
        # A line that begins with HTML is none of Markdown (CommonMark 0.31, 4.6).
        own = re.sub(r"(?m)^<details>.*$", "", own)
        assert not re.search(r"(?<!\\)[`\[](?!P\d|A\d|G\d)", own)
        return
    assert "<script" not in text
    if to_text is to_html:
        assert Page(text).all_of("a", "href")
    else:
        assert len(list(ElementTree.fromstring(text).iter("testcase"))) > 40


def test_markdown_that_is_too_long_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert markdown.MOST_BYTES < 1024 * 1024
    monkeypatch.setattr(markdown, "MOST_BYTES", 50_000)
    text = to_markdown(peering_check(*(faulty(number, 20) for number in range(20))), WHEN)
    assert 45_000 < len(text.encode()) < 50_200
    left = re.search(r"(\d+) connections left out: a job's summary holds 1 MiB\.", text)
    assert left is not None
    assert int(left[1]) + text.count("<details><summary>vpc-") == 20


def test_a_cause_is_named_once_whatever_checks_need_it() -> None:
    checks = [finding(code, "unknown", "vpc-1", "The role is refused.", "Allow it.") for code in ("P103", "P401", "P601")]
    # Another cause, and a failure beside it.
    checks += [
        finding("P701", "unknown", "vpc-1", "The ACLs are refused.", "Allow these."),
        finding("P301", "fail", "x", "It is."),
    ]
    checked = peering_check(connection(verdict="not_reachable", checks=checks))
    text = to_markdown(checked, WHEN)
    assert text.count("Allow it.") == 1
    assert f"| unknown | [P103]({GUIDE}#p103), P401, P601 | vpc-1: The role is refused. | Allow it. |" in text
    html = to_html(checked, WHEN)
    page = Page(html)
    assert html.count("Allow it.") == 1
    assert "Needed by 3 checks: P103, P401, P601." in page.text
    # A row each, to which the numbers of the drawing lead.
    assert page.all_of("tr", "id") == ["c1-f1", "c1-f2", "c1-f3"]
    assert {link for link in page.all_of("a", "href") if link.startswith("#c1-f")} == {"#c1-f1", "#c1-f2", "#c1-f3"}
    # They are counted as they are shown.
    assert view_of(checked).connections[0].counts == {"fail": 1, "unknown": 2}
    # Each check is a case of its own nevertheless.
    cases = {str(case.get("name")).partition(" ")[0]: case[0].tag for suite in suites_of(checked) for case in suite}
    assert cases == {"P301": "failure", **dict.fromkeys(("P103", "P401", "P601", "P701"), "error")}


def _as_long_text(checked: dict, moment: str) -> str:
    return "\n".join(lines_of(checked, moment=moment, verbosity=1, color=False))


@pytest.mark.parametrize("to_text", [_as_text, _as_long_text, to_html, to_markdown])
def test_projects_with_one_name_are_shown_with_their_ids(to_text: Callable[..., str]) -> None:
    """Two organizations may have a project of one name. Others have their names alone."""
    checked, ids = organization(4), [project_id(0), project_id(1)]
    rows = [*checked["connections"], *(place for one in checked["findings"] for place in one["connections"])]
    for one in rows:
        one["project_name"] = "web" if one["group_id"] in ids else one["project_name"]
    for one in checked["projects"]:
        one["name"] = "web" if one["id"] in ids else one["name"]
    shown = re.sub(r"<[^>]+>|\\", "", to_text(checked, WHEN))
    for one in ids:
        # At a finding, and at the connection.
        assert shown.count(f"web ({one})") > 1
    assert name_of(2) in shown
    assert f"{name_of(2)} (" not in shown


def test_markdown_has_the_worst_of_too_many_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "MOST_BYTES", 50_000)
    checked = organization(40, unread=2)
    checked["findings"] = [{**checked["findings"][0], "message": f"It is number {number}."} for number in range(300)]
    text = to_markdown(checked, WHEN)
    shown = [int(number) for number in re.findall(r"It is number (\d+)\.", text)]
    assert shown == list(range(len(shown)))
    assert f"{300 - len(shown)} findings" in text.splitlines()[-1]
    assert re.search(r"\d+ projects and 58 connections left out: a job's summary holds 1 MiB", text)
    assert len(text.encode()) < 50_300


# Source: junit-10.xsd of Jenkins's xUnit plugin, which refuses a report with anything else.
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
    "system-out": set(),
}


def suites_of(checked: dict) -> list[ElementTree.Element]:
    """Return the suites of a report, after looking that their numbers are right."""
    root = ElementTree.fromstring(to_junit(checked, WHEN))
    assert [one.tag for one in root.iter() if not one.attrib.keys() <= ALLOWED[one.tag]] == []
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(name, "")) == len(suite.findall(f"testcase/{kind}"))
    names = [(one.get("classname"), one.get("name")) for one in root.iter("testcase")]
    assert len(names) == len(set(names))
    assert int(root.get("tests", "")) == len(names)
    return list(root)


def test_junit_has_a_case_for_each_check_of_a_connection() -> None:
    (suite,) = suites_of(peering_check({**faulty(), "project_name": "shop"}))
    assert suite.get("name") == "shop (5356823b3794dee37132bb7b)"
    cases = {str(one.get("name")).partition(" ")[0]: one for one in suite}
    assert cases["P301"].get("name") == "P301 vpc-0a1b2c3d4e5f60000 pcx-0a1b2c3d4e5f60000"
    kinds = {code: [child.tag for child in case] for code, case in cases.items()}
    assert kinds == {
        **{code: ["system-out"] for code in ("P205", "P304", "P402")},
        **{code: ["failure"] for code in ("P301", "P601")},
        "P104": [],
        "P503": ["error"],
        "P702": ["skipped"],
    }
    for one in faulty()["checks"]:
        text = "".join(cases[one["code"]].itertext()) + str([child.attrib for child in cases[one["code"]]])
        assert one["message"] in text
    assert str(cases["P205"].findtext("system-out")).startswith("warn: shop: Your DHCP options")


def test_junit_has_a_case_for_a_code_that_found_several_things() -> None:
    checks = [
        finding("P601", severity, f"rtb-{n}", f"M{n}.", "F.") for n, severity in enumerate(("warn", "fail", "fail", "skipped"))
    ]
    (suite,) = suites_of(peering_check(connection(checks=checks)))
    (case,) = suite
    assert [child.tag for child in case] == ["failure", "system-out"]
    assert "M1." in case[0].get("message", "")
    assert "M1." in (case[0].text or "")
    assert "M2." in (case[0].text or "")
    assert (case[1].text or "").startswith("warn: rtb-0: M0.")


def test_junit_of_an_organization() -> None:
    checked = organization(40, hostile=True, unread=2)
    suites = suites_of(checked)
    # A suite for each project, also for those without a connection and those that could not be read.
    assert {visible(f"{one['name']} ({one['id']})") for one in checked["projects"]} == {suite.get("name") for suite in suites}
    empty = [one for suite in suites for one in suite if one.get("name") == "connections"]
    assert [one[0].attrib for one in empty] == [{"message": "No connection."}] * sum(
        one["verdict"] is None for one in checked["projects"]
    )
    cases = [case for suite in suites for case in suite]
    healthy = [one for one in cases if str(one.get("name")).startswith("reachable by design ")]
    assert len(healthy) == sum(not one["checks"] for one in checked["connections"])
    assert [one for one in healthy if len(one)] == []
    assert sum(one.get("name") == "read the project" and one[0].tag == "error" for one in cases) == 2
    assert len(suites_of(peering_check(summary="The project has no connection."))) == 1


def test_a_half_that_was_not_checked_passes_nowhere() -> None:
    """With `aws: false`, a connection may be without findings, and its verdict is unknown."""
    checked = organization(3)
    for one in checked["connections"]:
        one.update(verdict="unknown", checks=[])
    checked.update(findings=[], verdict="unknown")
    for one in checked["projects"]:
        one["verdict"] = "unknown"
    cases = [case for suite in suites_of(checked) for case in suite]
    assert [[child.attrib for child in case] for case in cases] == [[{"message": "One side was not checked."}]] * 5


@pytest.mark.parametrize("to_text", [to_html, to_markdown, to_junit])
def test_a_project_without_a_judged_connection_is_no_success(to_text: Callable[..., str]) -> None:
    """With `container_region`, a project may have connections elsewhere alone."""
    checked = {**organization(1), "connections": [], "findings": [], "verdict": "unknown"}
    checked["projects"][0]["verdict"] = None
    assert "not checked" in to_text(checked, WHEN).lower()


def test_two_connections_without_ids_are_two_cases() -> None:
    fields = {"connection_id": None, "peer_id": None, "container_id": None}
    (suite,) = suites_of(
        peering_check(*(connection(**fields, checks=[finding("P101", "fail", "x", "M.")]) for unused in range(3)))
    )
    assert [one.get("name") for one in suite] == [
        f"P101 vpc-0a1b2c3d4e5f60000 no connection{more}" for more in ("", " (2)", " (3)")
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: organization(40, hostile=True, unread=2),
        lambda: peering_check(faulty(), on_azure(), on_gcp()),
        peering_check,
    ],
    ids=["organization", "three clouds", "nothing"],
)
def test_json_is_as_its_schema_says(make: Callable[[], dict]) -> None:
    checked = make()
    schema = json.loads((ROOT / "docs" / "check_report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    report = json.loads(to_json(checked, WHEN))
    jsonschema.validate(report, schema)
    assert report == {"version": REPORT_VERSION, "time": WHEN, "peering_check": checked}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**report, "version": 2}, schema)
    for name in ("findings", "connections", "verdict"):
        lacking = {key: value for key, value in checked.items() if key != name}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**report, "peering_check": lacking}, schema)


def test_networks_of_all_clouds_are_called_what_they_are() -> None:
    both = peering_check(on_azure(), on_gcp())
    page = Page(to_html(both, WHEN))
    assert {f"Atlas and the {noun}: not reachable" for noun in ("VNet", "VPC network")} <= set(page.all_of("svg", "aria-label"))
    for text in ("VNet shop-vnet", "VPC network my-network", "fd01adff-b37e-4693-8497-83ecf183a145, network-group", "my-project"):
        assert text in page.text
    text = to_markdown(both, WHEN)
    assert "| network | where | state in Atlas | verdict | findings |" in text
    assert "## VPC network my-network: not reachable" in text
    assert "| project | my-project |" in text
    assert "| connection | 5a1b2c3d4e5f6a7b8c9d0000 |" in text
    assert "| VNet | subscription and resource group | state in Atlas | verdict |" in to_markdown(
        peering_check(on_azure(), on_azure()), WHEN
    )
    assert "| connection | no id in Atlas |" in to_markdown(peering_check(on_gcp(peer_id=None)), WHEN)
    assert "| VPC | account and region | state in Atlas | verdict |" in to_markdown(
        peering_check(connection(), connection(1)), WHEN
    )
