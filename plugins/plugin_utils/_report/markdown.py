# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a check in Markdown."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import (
    LIMIT,
    Connection,
    Finding,
    Result,
    above_of,
    also,
    view_of,
)

# The characters with a meaning in Markdown or HTML.
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
# Behind these, GitHub and GitLab make a link or a mention of what follows, escaped or not: addresses, people, issues, commits.
_AUTOLINKED = re.compile(r"(:(?=//)|/(?=/)|\bwww(?=\.)|\bGH(?=-\d)|[@#!$%&^~](?=\w))", re.IGNORECASE)
# A space without width, which breaks them up and stays when the text is copied.
_BREAK = "\u200b"


def to_markdown(peering_check: Result, made_at: str) -> str:
    """Return the whole report; all texts from Atlas, the clouds and the options are escaped.

    Args:
        peering_check: The field `peering_check` of a result.
        made_at: When the report is made, as text.
    """
    check = view_of(peering_check)
    blocks = [f"# Peering check: {check.verdict}", _escaped(check.summary), f"{LIMIT} Made at {made_at}."]
    if check.not_looked_at:
        blocks.append("\n".join(f"- {_escaped(one)}" for one in check.not_looked_at))
    if len(check.connections) > 1:
        rows = [(_escaped(one.title), _escaped(one.place), one.verdict, _counts(one)) for one in check.connections]
        blocks.append(_table((*check.head, "verdict", "findings"), rows))
    for connection in check.connections:
        blocks += _section(connection)
    return "\n\n".join(blocks) + "\n"


def _section(connection: Connection) -> t.Iterator[str]:
    result = connection.result
    yield f"## {_escaped(connection.title)}: {connection.verdict}"
    yield _table(
        ("", ""),
        [
            (connection.place_noun, _escaped(connection.place)),
            ("connection", _escaped(connection.id or f"no {connection.id_noun}")),
            ("expires at", _escaped(result["expires_at"] or "")),
            ("block of Atlas", _escaped(result["atlas_cidr_block"] or "not known")),
            ("clusters", _escaped(", ".join(result["cluster_names"]))),
        ],
    )
    if connection.findings:
        rows = [
            (finding.severity, f"[{finding.code}]({finding.link})", _what(finding), _escaped(f"{finding.fix} {also(finding)}"))
            for finding in connection.findings
        ]
        yield _table(("severity", "code", "what", "what to do"), rows)
    if connection.above:
        yield above_of(connection)
    if connection.subnets:
        names = ("subnet_id", "cidr_block", "route_table_id", "verdict")
        subnets = [tuple(_escaped(str(subnet[name] or "")) for name in names) for subnet in connection.subnets]
        yield _table(("subnet", "block", "route table", "verdict"), subnets)
    if connection.ok:
        yield f"Without a finding: {', '.join(connection.ok)}."
    if connection.skipped:
        yield "\n".join(f"- {one['code']} was skipped: {_escaped(one['message'])}" for one in connection.skipped)


def _what(finding: Finding) -> str:
    return _escaped(f"{finding.subject}: {finding.message}" if finding.subject else finding.message)


def _counts(connection: Connection) -> str:
    return ", ".join(f"{count} {severity}" for severity, count in connection.counts.items()) or "none"


def _table(head: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _escaped(text: str) -> str:
    """Return a text on one line, escaped so that Markdown shows it unchanged, and makes no links or mentions of it."""
    broken = _AUTOLINKED.sub(rf"\1{_BREAK}", " ".join(text.split()))
    escaped = _SPECIAL.sub(r"\\\1", broken).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")
    return escaped.replace(_BREAK, "&#8203;")
