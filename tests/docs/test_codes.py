"""Each code of a check has its section in the guide, under the address that texts and reports give."""

from __future__ import annotations

import re

from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.result import load_rules
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.rules.rule import CHECKS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.clouds import ALL_CLOUDS
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import GUIDE, link_of
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT

load_rules(ALL_CLOUDS)
FILE = ROOT / GUIDE.partition("/main/")[2]
TEXT = FILE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([A-Z]\d{3})\n\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    assert list(SECTIONS) == sorted(CHECKS, key=lambda code: ("PAG".index(code[0]), code))
    assert len(re.findall(r"^### [A-Z]\d", TEXT, re.MULTILINE)) == len(SECTIONS)


def test_a_section_says_what_it_is_how_to_see_and_change_it() -> None:
    for code, text in SECTIONS.items():
        assert re.match(r"\*\*[A-Z][^*]+\.\*\*", text), code
        assert "\n- By hand: " in text, code
        assert "\n- Change: " in text, code


def test_the_table_says_for_which_clouds_a_code_is() -> None:
    (row,) = re.findall(r"^\| (`P101`.*) \| all \|$", TEXT, re.MULTILINE)
    for first, last in re.findall(r"`P(\d+)` to `P(\d+)`", row):
        row += "".join(f"`P{number}`" for number in range(int(first), int(last)))
    assert set(re.findall(r"`(P\d+)`", row)) == {code for code, one in CHECKS.items() if len(one.clouds) == 3}
    for letter, cloud in (("A", "AZURE"), ("G", "GCP")):
        assert f"| `{letter}…` | {cloud} |" in TEXT
        assert {one.clouds for code, one in CHECKS.items() if code[0] == letter} == {(cloud,)}


def test_links_lead_to_the_sections() -> None:
    assert link_of("P601") == f"{GUIDE}#p601"
    linked = {fragment.upper() for fragment in re.findall(r"\(#([a-z]\d{3})\)", TEXT)}
    assert linked
    assert linked - SECTIONS.keys() == set()
