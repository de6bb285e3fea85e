# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a check in Markdown, for an issue or the summary of a CI job."""

from __future__ import annotations

import html
import itertools
import re
import typing as t
from collections import Counter

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import (
    LIMIT,
    VERDICTS,
    Check,
    Connection,
    Finding,
    Group,
    Place,
    Project,
    Result,
    also,
    count,
    in_words,
    link_of,
    shortened,
    view_of,
)

# The characters with a meaning in Markdown or HTML.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
# Behind these, GitHub and GitLab make a link or a mention of what follows, escaped or not: addresses, people, issues, commits.
_AUTOLINKED = re.compile(r"(:(?=//)|/(?=/)|\bwww(?=\.)|\bGH(?=-\d)|[@#!$%&^~](?=\w))", re.IGNORECASE)
# A space without width, which breaks them up and stays when the text is copied.
_BREAK = "\u200b"
# A job's summary in GitHub Actions holds 1 MiB a step.
# Source: "Adding a job summary", "Step isolation and limits", in GitHub's "Workflow commands for GitHub Actions".
MOST_BYTES = 1024 * 1024 - 24 * 1024
# How many connections are named at a finding, and how many rows a table has.
_MOST_PLACES, _MOST_ROWS = 3, 1000
# How many connections are unfolded.
_UNFOLDED = 5


class _Text:
    """The blocks of a text, as long as there is room; `left` counts what did not fit, by its noun."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.left: Counter[str] = Counter()
        self._room = MOST_BYTES

    def add(self, *blocks: str) -> bool:
        """Add blocks, all or none of them, and return whether there was room."""
        size = sum(map(_size_of, blocks))
        if size > self._room:
            return False
        self._room -= size
        self.blocks += blocks
        return True

    def add_table(self, title: str, noun: str, head: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> None:
        """Add a table with its title, and with as many rows as there is room for. Each is one of what the noun says."""
        sizes = itertools.accumulate(map(_size_of, map(_row_of, rows)), initial=_size_of(title) + _size_of(table(head, ())))
        most = sum(size <= self._room for size in sizes) - 1
        self.left[noun] += len(rows) - max(most, 0)
        if most > 0:
            self.add(title, table(head, rows[:most]))


def _size_of(block: str) -> int:
    return len(block.encode(errors="backslashreplace")) + 2


def to_markdown(peering_check: Result, moment: str) -> str:
    """Return the whole report; all texts from Atlas, the clouds and the options are escaped.

    Args:
        peering_check: The field `peering_check` of a result.
        moment: When the report is made, in UTC, as results have it.
    """
    check = view_of(peering_check, moment)
    text = _Text()
    project = f" Project {escaped(check.project)}." if check.project else ""
    text.add(f"# Peering check: {check.verdict}", escaped(check.summary), f"{LIMIT} Made at {in_words(moment)}.{project}")
    if check.not_looked_at:
        text.add("\n".join(f"- {escaped(one)}" for one in check.not_looked_at))
    if check.failures:
        rows = [tuple(escaped(one[name] or "") for name in ("project_name", "group_id", "msg")) for one in check.failures]
        text.add_table("## Projects that could not be read", "unread project", ("project", "id", "why"), rows)
    if check.has_groups:
        _add_groups(text, check)
    _add_projects(text, check.projects)
    _add_connections(text, check)
    left = [count(number, noun) for noun, number in text.left.items() if number]
    if left:
        text.blocks.append(f"{shortened(left, len(left))} left out: a job's summary holds 1 MiB. The page and the JSON have all.")
    return "\n\n".join(text.blocks) + "\n"


def _add_groups(text: _Text, check: Check) -> None:
    """Add the findings of all connections, with the first of the connections, and all of them folded."""
    rows = [
        (
            group.severity,
            f"[{group.code}]({link_of(group.code)})",
            _what(group),
            *map(escaped, (group.fix, group.owner)),
            _where(group, check),
        )
        for group in check.groups
    ]
    text.add_table("## Findings", "finding", ("severity", "code", "what", "what to do", "owner", "where"), rows)
    for group in check.groups:
        if len(group.places) > _MOST_PLACES:
            lines = [f"- {escaped(_named(place, check))}" for place in group.places[:_MOST_ROWS]]
            title = f"{group.code}, {group.severity}: all {count(len(group.places), 'connection')}"
            text.add(*_folded(title, "\n".join(lines)))
        text.add(*_commands(group, [line for place in group.places for line in place.commands]))


def _add_projects(text: _Text, projects: t.Sequence[Project]) -> None:
    for is_well, title in ((False, "Projects with findings"), (True, "Projects without a finding")):
        listed = [one for one in projects if (not one.counts) is is_well]
        rows = [
            (
                *map(escaped, (one.result["name"] or "", one.result["id"], str(one.result["count"]), one.states)),
                one.verdict,
                _counts(one),
            )
            for one in listed
        ]
        head = ("project", "id", "connections", "states in Atlas", "verdict", "findings")
        if not is_well:
            text.add_table(f"## {title}", "project", head, rows)
        elif rows and not text.add(*_folded(f"{title}: {len(rows)}", table(head, rows))):
            text.left["project"] += len(rows)


def _add_connections(text: _Text, check: Check) -> None:
    """Add a section for each connection with findings, folded if they are many, and a folded table of the others."""
    few = len(check.connections) <= _UNFOLDED and not check.is_many
    found = [one for one in check.connections if one.findings or few]
    well = [one for one in check.connections if not one.findings and not few]
    if len(check.connections) > 1 and few:
        rows = [(*map(escaped, (one.title, one.place, one.state)), one.verdict, _counts(one)) for one in found]
        text.add(table((*check.head, "state in Atlas", "verdict", "findings"), rows))
    for connection in found:
        section = _section(connection, check)
        text.left["connection"] += not text.add(*(section if few else _folded(_folded_title(connection, check), *section)))
    if well:
        title = f"Connections without a finding: {len(well)}"
        head = ("project", check.head[0], "name", check.head[1], "state in Atlas", "verdict")
        block = table(head, [_row(one) for one in well[:_MOST_ROWS]])
        text.left["connection"] += max(0, len(well) - _MOST_ROWS) if text.add(*_folded(title, block)) else len(well)


def _row(one: Connection) -> tuple[str, ...]:
    return tuple(map(escaped, (one.project, one.title, one.name, one.place, one.state, one.verdict)))


def _section(connection: Connection, check: Check) -> list[str]:
    result = connection.result
    blocks = [f"## {escaped(connection.title)}: {connection.verdict}"]
    rows = [
        ("project", escaped(connection.project if check.is_many else "")),
        ("name", escaped(connection.name)),
        (connection.place_noun, escaped(connection.place)),
        ("connection", escaped(connection.id or f"no {connection.id_noun}")),
        ("state in Atlas", escaped(connection.state)),
        ("expires at", escaped(result["expires_at"] or "")),
        ("block of Atlas", escaped(result["atlas_cidr_block"] or "not known")),
        ("clusters", escaped(", ".join(result["cluster_names"]))),
    ]
    blocks.append(table(("", ""), [row for row in rows if row[1]]))
    if connection.findings:
        blocks.append(table(("severity", "code", "what", "what to do", "owner"), _finding_rows(connection, check)))
        for finding in () if check.has_groups else connection.findings:
            blocks += _commands(finding, finding.commands)
    if connection.subnets:
        names = ("subnet_id", "subnet_name", "cidr_block", "route_table_id")
        subnets = [
            (*(escaped(str(subnet[name] or "")) for name in names), VERDICTS.get(subnet["verdict"], ""))
            for subnet in connection.subnets[:_MOST_ROWS]
        ]
        blocks.append(table(("subnet", "name", "block", "route table", "verdict"), subnets))
    if connection.ok:
        blocks.append(f"Without a finding: {', '.join(connection.ok)}.")
    if connection.skipped:
        blocks.append("\n".join(f"- {one['code']} was skipped: {escaped(one['message'])}" for one in connection.skipped))
    return blocks


def _finding_rows(connection: Connection, check: Check) -> list[tuple[str, ...]]:
    return [
        (
            one.severity,
            ", ".join([f"[{one.code}]({link_of(one.code)})", *one.codes[1:]]),
            _what(one),
            "" if _is_above(one, check) else escaped(one.fix),
            escaped(one.owner),
        )
        for one in connection.findings
    ]


def _is_above(finding: Finding, check: Check) -> bool:
    """Whether the list of findings has the advice, for all connections with the same finding."""
    return finding.is_shared and finding.group is not None and len(check.connections) > 1


def _folded_title(connection: Connection, check: Check) -> str:
    where = f"{connection.project}, " if check.is_many else ""
    return f"{where}{connection.title}: {connection.verdict}"


def _folded(title: str, *blocks: str) -> tuple[str, ...]:
    return (f"<details><summary>{_in_html(title)}</summary>", *blocks, "</details>")


def _commands(one: Finding | Group, lines: t.Sequence[str]) -> tuple[str, ...]:
    """Return lines for a shell, folded and as they are: no name in them ends the block."""
    if not lines:
        return ()
    code = "\n".join(lines[:_MOST_ROWS])
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    title = f"{one.code}, {one.owner}: {count(len(lines), 'command')}"
    return _folded(title, f"{fence}sh\n{code}\n{fence}")


def _where(group: Group, check: Check) -> str:
    named = [_named(place, check) for place in group.places]
    more = f"; and {len(named) - _MOST_PLACES} more" if len(named) > _MOST_PLACES else ""
    where = f" in {count(group.projects, 'project')}" if group.projects > 1 else ""
    return escaped(f"{count(len(named), 'connection')}{where}: {'; '.join(named[:_MOST_PLACES])}{more}")


def _named(place: Place, check: Check) -> str:
    subjects = f": {', '.join(place.about)}" if place.subjects else ""
    return f"{f'{place.project}, ' if check.is_many else ''}{place.network}{' (new)' if place.is_new else ''}{subjects}"


def _what(finding: Finding | Group) -> str:
    more = f"{also(finding)} {finding.history}".rstrip() if isinstance(finding, Group) else ""
    return escaped((f"{finding.subject}: {finding.message}" if finding.subject else finding.message) + more)


def _counts(one: Connection | Project) -> str:
    return ", ".join(f"{number} {severity}" for severity, number in one.counts.items()) or "none"


def table(head: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already."""
    return "\n".join(map(_row_of, [head, ["---"] * len(head), *rows]))


def _row_of(cells: t.Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return a text on one line, escaped so that Markdown shows it unchanged, and makes no links or mentions of it."""
    text = _SPECIAL.sub(r"\\\1", _broken(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")
    return text.replace(_BREAK, "&#8203;")


def _in_html(text: str) -> str:
    """Return the same for HTML within Markdown."""
    return html.escape(_broken(text)).replace(_BREAK, "&#8203;")


def _broken(text: str) -> str:
    return _AUTOLINKED.sub(rf"\1{_BREAK}", " ".join(text.split()))
