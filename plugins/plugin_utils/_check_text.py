# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a check as lines for a terminal."""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible import constants as C
from ansible.utils.color import stringc
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.findings import SEVERITIES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible
from ansible_collections.cloudpeer.atlas.plugins.plugin_utils._report.view import (
    LIMIT,
    Check,
    Connection,
    Group,
    Place,
    Result,
    also,
    count,
    shortened,
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
# How many lines there are at most without -v, and how many of some kinds.
MOST_LINES = 40
_MOST_CONNECTIONS, _MOST_FAILURES, _MOST_NOT_LOOKED_AT, _MOST_PLACES, _MOST_SUBJECTS, _MOST_TEXTS = 8, 4, 4, 4, 3, 4


def lines_of(peering_check: Result, *, moment: str = "", verbosity: int, color: bool, project: str | None = None) -> list[str]:
    """Return the lines: the projects, the connections if they are few, the findings, the worst first, and the summary.

    Args:
        peering_check: The field `peering_check` of the result.
        project: The id or the name of the project that the task names, for a result without a connection, which has neither.
        moment: When it is shown, in UTC, as results have it.
        verbosity: The number of `-v`. From 1 on, there are all lines: each connection, each place, passed and skipped checks.
        color: Whether to colour severities and verdicts, as Ansible's settings say.
    """
    check = view_of(peering_check, moment)
    most: t.Callable[[int], int | None] = (lambda number: None) if verbosity else (lambda number: number)
    about = check.about or (f"1 project: {visible(project)}" if project and not check.connections else "")
    lines = [about] if about else []
    lines += _listed([_failure(one, color) for one in check.failures], most(_MOST_FAILURES), "projects that could not be read")
    if verbosity or len(check.connections) <= _MOST_CONNECTIONS:
        lines += [_painted(one.verdict, color) + f": {_title_of(one, check)}" for one in check.connections]
    end = _well(check.connections, color) if verbosity else _counted(check.connections)
    not_looked_at = _listed(list(check.not_looked_at), most(_MOST_NOT_LOOKED_AT), "things that were not looked at")
    end += [LIMIT, *not_looked_at, _painted(check.verdict, color, check.summary)]
    room = most(MOST_LINES - len(lines) - len(end))
    return [*lines, *_findings(check, room, color), *end]


def _findings(check: Check, room: int | None, color: bool) -> list[str]:
    """Return the lines of the findings, as many as there is room for (None: all), and a line that counts the others."""
    lines: list[str] = []
    for index, group in enumerate(check.groups):
        found = _finding(group, check, color, is_short=room is not None)
        is_last = index == len(check.groups) - 1
        if room is not None and len(lines) + len(found) + (0 if is_last else 1) > room:
            left = Counter(one.severity for one in check.groups[index:])
            numbers = ", ".join(f"{left[severity]} {severity}" for severity in SEVERITIES if left[severity])
            return [*lines, f"  and {count(sum(left.values()), 'more finding')} ({numbers}); -v lists them."]
        lines += found
    return lines


def _finding(group: Group, check: Check, color: bool, *, is_short: bool) -> list[str]:
    history = f" {group.history}" if group.history else ""
    lead = f"  {_painted(group.severity, color)}{' ' * (_WIDTH - len(group.severity))}  {group.code} "
    texts, lines = group.texts, []
    names = _names(group) if is_short and check.is_many else ""
    for index, (message, fix) in enumerate(texts[:_MOST_TEXTS] if is_short else texts):
        lines += [f"{lead}{message}{'' if index else names + also(group) + history}", *([_ADVICE + fix] if fix else [])]
    if is_short and len(texts) > _MOST_TEXTS:
        lines.append(f"{_ADVICE}and {len(texts) - _MOST_TEXTS} more like these; -v lists them.")
    said = " ".join(part for both in texts for part in both)
    places = [_place(one, group, check, said, is_short=is_short) for one in group.places]
    if _is_only(group, check):
        # The connection stands above.
        return lines + ([f"{_ADVICE}It is about {places[0]}."] if places[0] else [])
    if is_short:
        where = f" in {count(group.projects, 'project')}" if check.is_many and group.projects > 1 else ""
        left = f"; and {len(places) - _MOST_PLACES} more" if len(places) > _MOST_PLACES else ""
        return [*lines, f"{_ADVICE}{count(len(places), 'connection')}{where}: {'; '.join(places[:_MOST_PLACES])}{left}"]
    return lines + [f"{_ADVICE}- {one}" for one in places]


def _names(group: Group) -> str:
    """Return what a finding on several connections is about, which its message leaves out: the first names, in brackets."""
    names = [one for one in group.names if one not in group.message]
    return f" ({shortened(names, _MOST_SUBJECTS)})" if names and len(group.places) > 1 else ""


def _is_only(group: Group, check: Check) -> bool:
    """Whether findings are about the only connection that was read, and about no other of an earlier report."""
    return len(check.connections) == len(group.places) == 1 and group.places[0].connection is not None


def _place(place: Place, group: Group, check: Check, said: str, *, is_short: bool) -> str:
    """Return where a finding is: the project, if there are several, the network, and what it is about there."""
    subjects = [one for one in place.about if one not in said]
    about = shortened(subjects, _MOST_SUBJECTS if is_short else len(subjects))
    if _is_only(group, check):
        return about
    new = " (new)" if place.is_new else ""
    if check.is_many and is_short:
        return f"{place.project} {place.title}{new}"
    return (f"{place.project} " if check.is_many else "") + place.network + new + (f": {about}" if about else "")


def _failure(failure: Result, color: bool) -> str:
    name = f"{failure['project_name']} ({failure['group_id']})" if failure["project_name"] else failure["group_id"]
    return _painted("fail", color, "not read") + f": {name}: {failure['msg']}"


def _listed(lines: list[str], most: int | None, noun: str) -> list[str]:
    """Return the first lines, and the number of the others."""
    if most is None or len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"and {len(lines) - most + 1} more {noun}; -v lists them."]


def _title_of(connection: Connection, check: Check) -> str:
    result = connection.result
    connection_id = connection.id or f"a connection without an {connection.id_noun}"
    place = ", ".join(filter(None, (connection.name, connection.place)))
    parts = [f"{connection.title} ({place})" if place else connection.title]
    if check.is_many:
        parts.append(f"in {connection.project}")
    parts.append(f"by {connection_id}")
    if result["atlas_cidr_block"]:
        parts.append(f"to {result['atlas_cidr_block']}")
    if result["cluster_names"]:
        parts.append(f"for {', '.join(result['cluster_names'])}")
    return " ".join(parts) + (f"; it expires at {result['expires_at']}" if result["expires_at"] else "")


def _well(connections: t.Sequence[Connection], color: bool) -> list[str]:
    """Return lines with the checks that passed on all connections, their texts, and the skipped ones with reasons, each once."""
    found = {finding.code for connection in connections for finding in connection.findings}
    passed = dict.fromkeys(code for connection in connections for code in connection.ok if code not in found)
    skipped = dict.fromkeys(f"{one['code']} {one['message']}".strip() for connection in connections for one in connection.skipped)
    of_all = [
        one for connection in connections for one in connection.result["checks"] if one["severity"] == "ok" and one["message"]
    ]
    said = dict.fromkeys(f"{one['code']} {one['message']}" for one in of_all)
    lead = f"  {_painted('ok', color)}{' ' * (_WIDTH - len('ok'))}  "
    lines = [lead + text for text in (*([" ".join(passed)] if passed else []), *said)]
    return lines + [f"  {_painted('skipped', color)}  {text}" for text in skipped]


def _counted(connections: t.Sequence[Connection]) -> list[str]:
    well = sum(len(connection.ok) for connection in connections)
    skipped = sum(len(connection.skipped) for connection in connections)
    return [f"{well} checks passed, and {skipped} had nothing to judge; -v lists them."] if well or skipped else []


def _painted(word: str, color: bool, text: str = "") -> str:
    """Return `text`, or else `word`, in the colour of the severity or verdict `word`."""
    return str(stringc(text or word, getattr(C, _COLORS[word]))) if color else text or word
