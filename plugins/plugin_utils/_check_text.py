# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a check as lines for a terminal."""

from __future__ import annotations

import typing as t

from ansible import constants as C
from ansible.utils.color import stringc
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import (
    LIMIT,
    Connection,
    Finding,
    Result,
    above_of,
    also,
    view_of,
)

# Ansible's settings for the colours, by severity or verdict.
_COLORS = {
    "fail": "COLOR_ERROR",
    "warn": "COLOR_WARN",
    "unknown": "COLOR_HIGHLIGHT",
    "info": "COLOR_VERBOSE",
    "ok": "COLOR_OK",
    "skipped": "COLOR_SKIP",
    "not reachable": "COLOR_ERROR",
    "reachable by design": "COLOR_OK",
}
# The length of the longest severity, so that codes are aligned.
_WIDTH = len("unknown")
# The indent of advice: below the message, after the severity and the code.
_ADVICE = " " * (2 + _WIDTH + 2 + len("P601 "))


def lines_of(peering_check: Result, *, verbosity: int, color: bool) -> list[str]:
    """Return the lines: each connection with its findings, the worst first; then what was not looked at, and the summary.

    Args:
        peering_check: The field `peering_check` of the result.
        verbosity: The number of `-v`. From 1 on, passed and skipped checks are listed, not only counted.
        color: Whether to colour severities and verdicts, as Ansible's settings say.
    """
    check = view_of(peering_check)
    lines: list[str] = []
    for connection in check.connections:
        lines.append(_painted(connection.verdict, color) + f": {_title_of(connection)}")
        for finding in connection.findings:
            lines.append(f"  {_severity(finding.severity, color)}  " + _text_of(finding))
            lines += [_ADVICE + one for one in (finding.fix, also(finding)) if one]
        lines += [f"  {above_of(connection)}"] if connection.above else []
        if verbosity:
            lines += _well(connection, color)
    if not verbosity:
        lines += _counted(check.connections)
    return [*lines, LIMIT, *check.not_looked_at, _painted(check.verdict, color, check.summary)]


def _title_of(connection: Connection) -> str:
    result = connection.result
    connection_id = connection.id or f"a connection without an {connection.id_noun}"
    parts = [f"{connection.title} ({connection.place})" if connection.place else connection.title, f"by {connection_id}"]
    if result["atlas_cidr_block"]:
        parts.append(f"to {result['atlas_cidr_block']}")
    if result["cluster_names"]:
        parts.append(f"for {', '.join(result['cluster_names'])}")
    return " ".join(parts) + (f"; it expires at {result['expires_at']}" if result["expires_at"] else "")


def _text_of(finding: Finding) -> str:
    return f"{finding.code} {finding.subject}: {finding.message}" if finding.subject else f"{finding.code} {finding.message}"


def _well(connection: Connection, color: bool) -> list[str]:
    """Return lines with the passed checks, and with the skipped ones and their reasons."""
    lines = [f"  {_severity('ok', color)}  {' '.join(connection.ok)}"] if connection.ok else []
    return lines + [
        f"  {_severity('skipped', color)}  " + f"{one['code']} {one['message']}".strip() for one in connection.skipped
    ]


def _counted(connections: t.Sequence[Connection]) -> list[str]:
    well = sum(len(connection.ok) for connection in connections)
    skipped = sum(len(connection.skipped) for connection in connections)
    return [f"{well} checks passed, and {skipped} had nothing to judge; -v lists them."] if well or skipped else []


def _severity(severity: str, color: bool) -> str:
    return _painted(severity, color) + " " * (_WIDTH - len(severity))


def _painted(word: str, color: bool, text: str = "") -> str:
    """Return `text`, or else `word`, in the colour of the severity or verdict `word`."""
    return str(stringc(text or word, getattr(C, _COLORS[word]))) if color else text or word
