# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of all connections, grouped: what differs only in names is one finding."""

from __future__ import annotations

import re
import typing as t

from .._clouds.aws import NOUNS
from .._clouds.clouds import CLOUDS
from .._http.errors import COUNT, NAME, REPLY
from .._http.redact import visible
from .._values.ids import written
from .._values.moments import to_moment
from .rules.common import listed, span_text
from .rules.rule import Ending, Finding, owner_of

# The severities of findings that results have, the worst first.
SEVERITIES = ("fail", "unknown", "warn", "info")
# Of a JSON report, as docs/check_report.schema.json describes it. Later versions only add fields.
REPORT_VERSION = 1
# What names are, by their form.
_KIND = re.compile(
    rf"(?P<aws>{'|'.join(sorted(NOUNS, key=len, reverse=True))})-[0-9a-f]{{8,17}}"
    r"|(?P<object>[0-9a-f]{24})|(?P<account>\d{12})|(?!0\.0\.0\.0/0)(?P<block>\d{1,3}(?:\.\d{1,3}){3}/\d{1,2})|(?P<address>\d{1,3}(?:\.\d{1,3}){3})"
    r"|(?P<host>[\w.*-]+\.mongodb\.net)(?::\d+)?"
)
# What differs with time and from request to request in texts of services: moments, UUIDs, and encoded texts of AWS.
_VARIABLE = r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\w-]{60,}"
_GAP = "…"
# Subjects that are not names.
COMMON_SUBJECTS = ("access list", "project")
Row = t.Mapping[str, t.Any]
Group = dict[str, t.Any]
# A finding on a connection, with its message and fix without names.
_Alike = tuple["Found", Finding, tuple[str, str]]


class Found(t.NamedTuple):
    """What the checks found on one connection.

    Attributes:
        row: The connection, as results show it.
        names: The fields of `row` that name its network.
        network: The id of the network, or its name where this is the id.
        findings: The findings.
    """

    row: dict[str, t.Any]
    names: t.Sequence[str]
    network: str
    findings: t.Sequence[Finding]


def group(found: t.Iterable[Found], now: str) -> list[Group]:
    """Return the findings of all connections, the worst first; what differs only in the connections' own names is one finding.

    An `unknown` is one finding for each cause, whichever checks need what could not be read. Where all texts are the same, a
    finding has the message and the advice as the check gave them; else it has nouns in place of the names.

    Args:
        found: What the checks found on each connection.
        now: The time of the run, as results show it.
    """
    alike: dict[tuple[str, ...], list[_Alike]] = {}
    for one in found:
        for finding in one.findings:
            if finding.severity in SEVERITIES:
                is_unknown = finding.severity == "unknown"
                marked = finding.marked if any(finding.marked) else (finding.message, finding.fix)
                message, fix = (_without_names(text, one, finding.subject, is_unknown=is_unknown) for text in marked)
                what = message if finding.ending is None else finding.ending.what
                key = ("unknown", message, fix) if is_unknown else (finding.severity, what, finding.code)
                alike.setdefault(key, []).append((one, finding, (message, fix)))
    return ordered([_to_group(each, now) for each in alike.values()])


def _to_group(alike: t.Sequence[_Alike], now: str) -> Group:
    """Return findings that differ in names alone as one."""
    items: dict[object, Group] = {}
    for one, finding, _general in alike:
        _add_item(items, one, finding, now)
    findings = [each[1] for each in alike]
    texts = {(one.message, one.fix): None for one in findings}
    message, fix = next(iter(texts)) if len(texts) == 1 else (text[:1].upper() + text[1:] for text in alike[0][2])
    if len(texts) > 1 and (endings := [one.ending for one in findings if one.ending is not None]):
        # An entry of an access list is one, however many connections need it.
        message = _soonest(endings, len({(one["group_id"], one["subject"]) for one in items.values()}), now)
    codes = sorted({one.code for one in findings}, key=_number)
    return {
        "code": codes[0],
        "codes": codes,
        "severity": findings[0].severity,
        "message": message,
        "fix": fix,
        "owner": written(listed(dict.fromkeys(one["owner"] for one in items.values()))),
        "first_seen": now,
        "is_new": None,
        "is_kept": False,
        "connections": list(items.values()),
    }


def ordered(groups: t.Iterable[Group]) -> list[Group]:
    """Return findings in the order of results: the worst first, then those of many connections, then by code."""
    return sorted(
        groups,
        key=lambda one: (SEVERITIES.index(one["severity"]), -len(_connections_of(one)), _number(one["code"]), one["message"]),
    )


def _number(code: str) -> tuple[str, str]:
    return code[1:], code


def _connections_of(one: Group) -> set[tuple[object, ...]]:
    """Return the connections of a finding, each once, although several of its subnets or tables may be at fault."""
    return {(item["peer_id"], item["container_id"], *network_of(item)) for item in one["connections"]}


def _add_item(items: dict[object, Group], one: Found, finding: Finding, now: str) -> None:
    """Add the subject of a finding on a connection, or more of its subnets and lines."""
    names = ("group_id", "project_name", "provider_name", *one.names, "peer_id", "container_id", "container_region")
    # Of what could not be read, each check has another subject, and what to change is not known.
    is_unknown = finding.severity == "unknown"
    subject, commands = (one.network, ()) if is_unknown else (finding.subject, finding.commands)
    place, ids = (id(one.row), subject), None if finding.subnet_ids is None else list(finding.subnet_ids)
    if place not in items:
        of_one = {"subject": subject, "subnet_ids": ids, "owner": _owner_in(one, finding), "commands": list(commands)}
        items[place] = {**{name: one.row[name] for name in names}, **of_one, "first_seen": now, "is_new": None}
        return
    known = items[place]["subnet_ids"]
    items[place]["subnet_ids"] = None if known is None or ids is None else list(dict.fromkeys((*known, *ids)))
    items[place]["commands"] = list(dict.fromkeys((*items[place]["commands"], *commands)))


def _owner_in(one: Found, finding: Finding) -> str:
    """Return who can carry out a fix on a connection, in words."""
    owner, row = owner_of(finding), one.row
    if owner == "atlas":
        name = f"{row['project_name']} ({row['group_id']})" if row["project_name"] else row["group_id"]
        return f"Atlas project {name}" if name else "the Atlas project"
    if owner == "network":
        cloud = CLOUDS[row["provider_name"]]
        whose = row[cloud.owner]
        return f"{cloud.name} {cloud.owner_noun} {whose}" if whose else f"the {cloud.name} {cloud.owner_noun}"
    return "the playbook" if owner == "playbook" else "the organization or folder"


def _without_names(text: str, one: Found, subject: str, *, is_unknown: bool) -> str:
    """Return a message with nouns in place of names: of the connection, of what belongs to it, and of what changes with time.

    Args:
        text: The message, with marks around names.
        one: The connection that it is about.
        subject: What the finding is about, which is a name, too.
        is_unknown: Whether it is about what could not be read: then the numbers of accounts of AWS stay.
    """
    row, cloud = one.row, CLOUDS[one.row["provider_name"]]
    nouns = {
        **({} if subject in COMMON_SUBJECTS else {subject: _GAP}),
        cloud.title(one.network): _GAP if cloud.has_unique_ids else f"the {cloud.noun}",
        row["group_id"]: "the project",
        row["peer_id"]: "the connection",
        row["container_id"]: "the network container",
        row["atlas_cidr_block"]: "Atlas's block",
    }

    names = "|".join(re.escape(name) for name in sorted(filter(None, nouns), key=len, reverse=True))

    def noun(name: str, part: str) -> str:
        match = _KIND.fullmatch(name)
        kind = str(match.lastgroup) if match else ""
        if match is None or kind == "object" or name == row["atlas_cidr_block"]:
            return nouns.get(name, _GAP if match else part)
        if kind == "account" and is_unknown:
            return part
        return f"the {NOUNS[match['aws']] if kind == 'aws' else kind}"

    def show(match: re.Match[str]) -> str:
        mark, name, part = match.groups()
        if mark == REPLY:
            pattern = rf"(?<![\w.-])(?:({names})|{_VARIABLE})(?![\w-])"
            return re.sub(pattern, lambda found: noun(found[1], found[1]) if found[1] else _GAP, part)
        return noun(name, part) if mark == NAME else _GAP if mark == COUNT else str(part)

    return visible(written(text, show)) if is_unknown else written(text, show)


def _soonest(endings: t.Sequence[Ending], number: int, now: str) -> str:
    """Return the message of several findings about what ends."""
    soonest = min(endings, key=lambda one: one.at)
    return f"{number} {soonest.what}; the first ends in {written(span_text(soonest.at - to_moment(now)))}."


def network_of(one: Row) -> tuple[str | None, ...]:
    """Return what identifies a connection's project and network, from a row of the result or of an earlier one."""
    cloud = CLOUDS[one["provider_name"]]
    return (one["group_id"], cloud.name, *(one[name] for name in cloud.network_identity))
