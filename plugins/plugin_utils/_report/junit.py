# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a check as JUnit XML, which CI systems show: a suite a project, a case for each check of each connection.

Source of the elements: the schema of Jenkins's xUnit plugin (`junit-10.xsd`), and "Unit test reports" in GitLab's documentation.
"""

from __future__ import annotations

import itertools
import typing as t
from collections import Counter
from xml.etree import ElementTree

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import (
    NO_PROJECT,
    Connection,
    Place,
    Result,
    link_of,
    suite_of,
    view_of,
)

# What a severity is in JUnit, the worst first; the others pass.
_OUTCOMES = {"fail": "failure", "unknown": "error", "skipped": "skipped"}


class _Case(t.NamedTuple):
    """One case: its suite, its name, and what was found: severity and text, the worst first."""

    suite: str
    name: str
    found: tuple[tuple[str, str], ...]


def to_junit(peering_check: Result, moment: str) -> str:
    """Return the whole report; control characters of names and messages are escaped, as XML cannot have them.

    Args:
        peering_check: The field `peering_check` of a result.
        moment: When the report is made, in UTC, as results have it.
    """
    check = view_of(peering_check)
    cases = [case for one in check.connections for case in _cases(one)]
    for group in check.groups:
        text = f"{group.message} {group.fix}".strip()
        # What could not be read this time, and is as it was.
        gone = [place for place in group.places if place.connection is None]
        cases += [_Case(one.suite, f"{group.code} {_place(one)}", ((group.severity, text),)) for one in gone]
    for failure in check.failures:
        cases.append(_Case(suite_of(failure), "read the project", (("unknown", failure["msg"]),)))
    for one in check.projects:
        if one.result["verdict"] is None:
            suite = suite_of({"group_id": one.result["id"], "project_name": one.result["name"]})
            cases.append(_Case(suite, "connections", (("skipped", one.verdict.capitalize() + "."),)))
    if not cases:
        cases.append(_Case(check.project or NO_PROJECT, "connections", (("skipped", check.summary),)))
    suites: dict[str, list[_Case]] = {}
    for case in cases:
        suites.setdefault(case.suite, []).append(case)
    root = ElementTree.Element("testsuites", name="Peering check")
    for name, listed in suites.items():
        root.append(_suite(name, listed, moment))
    # The schema has no number of skipped ones here, and Jenkins refuses a report with more than it has.
    for outcome in ("tests", "failures", "errors"):
        root.set(outcome, str(sum(int(suite.get(outcome, "0")) for suite in root)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _suite(name: str, cases: t.Sequence[_Case], moment: str) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=name)
    outcomes = Counter(_OUTCOMES.get(case.found[0][0]) if case.found else None for case in cases)
    counts = {"tests": len(cases), "failures": outcomes["failure"], "errors": outcomes["error"], "skipped": outcomes["skipped"]}
    for key, number in counts.items():
        suite.set(key, str(number))
    suite.set("timestamp", moment.rstrip("Z"))
    used: set[str] = set()
    for case in cases:
        # CI systems tell cases apart by their names.
        alike = (f"{case.name} ({number})" for number in itertools.count(2))
        unique = case.name if case.name not in used else next(other for other in alike if other not in used)
        used.add(unique)
        suite.append(_element(case, unique))
    return suite


def _element(case: _Case, name: str) -> ElementTree.Element:
    element = ElementTree.Element("testcase", classname=case.suite, name=name)
    worst = case.found[0][0] if case.found else "ok"
    if worst in _OUTCOMES:
        texts = [text for severity, text in case.found if severity == worst]
        outcome = ElementTree.SubElement(element, _OUTCOMES[worst], message=texts[0])
        if worst != "skipped":
            outcome.set("type", worst)
            outcome.text = "\n".join(texts)
    others = [f"{severity}: {text}" for severity, text in case.found if severity != worst or worst not in _OUTCOMES]
    if others:
        ElementTree.SubElement(element, "system-out").text = "\n".join(others)
    return element


def _cases(connection: Connection) -> t.Iterator[_Case]:
    """Yield a case for each code; one that passes for a connection without any."""
    suite, where = suite_of(connection.result), f"{connection.title} {_id_of(connection)}"
    codes: dict[str, list[tuple[str, str]]] = {code: [] for code in connection.ok}
    for finding in connection.findings:
        subject = f"{finding.subject}: " if finding.subject else ""
        text = f"{subject}{finding.message} {finding.fix}".strip()
        for code in finding.codes:
            codes.setdefault(code, []).append((finding.severity, f"{text} {link_of(code)}"))
    for one in connection.skipped:
        codes.setdefault(one["code"], []).append(("skipped", one["message"]))
    for code in sorted(codes, key=lambda code: (code[1:], code)):
        # A check that found something is not skipped.
        found = [one for one in codes[code] if one[0] != "skipped"] or codes[code]
        yield _Case(suite, f"{code} {where}", tuple(found))
    if not codes:
        # Without a finding, a verdict is unknown because a half was not checked, which is no success.
        half = ("skipped", "One side was not checked.")
        yield _Case(suite, f"{connection.verdict} {where}", (half,) if connection.result["verdict"] == "unknown" else ())


def _place(place: Place) -> str:
    return " ".join(filter(None, (place.title, *place.about)))


def _id_of(connection: Connection) -> str:
    """Return the id of a connection: in the customer's cloud, in Atlas, or that of its network container."""
    return connection.id or connection.result["peer_id"] or connection.result["container_id"] or "no connection"
