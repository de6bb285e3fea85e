# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The findings of all connections, grouped: what differs only in names is one finding."""

from __future__ import annotations

import re
import typing as t

from .._clouds.aws import NOUNS
from .._clouds.clouds import CLOUDS
from .._values.moments import to_moment
from .rules.common import listed, span_text
from .rules.rule import Ending, Finding, owner_of

# The severities of findings that results have, the worst first.
SEVERITIES = ("fail", "unknown", "warn", "info")
# Of a JSON report, as docs/check_report.schema.json describes it. Later versions only add fields.
REPORT_VERSION = 1
_AWS_ID = rf"(?P<aws>{'|'.join(sorted(NOUNS, key=len, reverse=True))})-[0-9a-f]{{8,17}}\b"
_BLOCK = r"(?!0\.0\.0\.0/0)(?P<block>\d{1,3}(?:\.\d{1,3}){3}/\d{1,2})\b|(?P<address>\d{1,3}(?:\.\d{1,3}){3})\b(?!/)"
# What differs with time and from request to request: spans, moments, UUIDs, and encoded texts of AWS.
_VARIABLE = (
    r"(?P<variable>\d+ (?:d|h|min)\b(?: \d+ (?:h|min)\b)?|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)"
    r"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|[\w-]{60,})"
)
_NAME = re.compile(
    rf"(?<![\w./-])(?:{_AWS_ID}|(?P<object>[0-9a-f]{{24}})\b|(?P<account>\d{{12}})\b|{_BLOCK}|{_VARIABLE}"
    r"|(?P<host>[\w.*-]+\.mongodb\.net)\b)"
)
_GAP = "…"
_MAIN = re.compile(r"(?<![\w./-])(rtb-[0-9a-f]{8,17}) \(main\)")
_WORDS = {"block": "block", "address": "address", "account": "account", "host": "host"}
_ALL_NOUNS = "|".join(sorted({*NOUNS.values(), *_WORDS.values(), "network container", "project"}, key=len, reverse=True))
# Subjects that are not names.
COMMON_SUBJECTS = ("access list", "project")
# A noun right before a name that has become that noun.
_DOUBLED = re.compile(rf"\b((?:the )?)({_ALL_NOUNS}) the \2\b", re.IGNORECASE)
# "the subnet, the subnet and 3 more".
_LIST = re.compile(rf"\b(the (?:{_ALL_NOUNS}))(?:, \1)*(?: and (?:\1|\d+ more))\b")

Row = t.Mapping[str, t.Any]
Group = dict[str, t.Any]


class Found(t.NamedTuple):
    """What the checks found on one connection.

    Attributes:
        row: The connection, as results show it.
        names: The fields of `row` that name its network.
        title: The network, as messages call it.
        findings: The findings.
    """

    row: dict[str, t.Any]
    names: t.Sequence[str]
    title: str
    findings: t.Sequence[Finding]


def group(found: t.Iterable[Found], now: str) -> list[Group]:
    """Return the findings of all connections, the worst first; what differs only in the connections' own names is one finding.

    An `unknown` is one finding for each cause, whichever checks need what could not be read. Where all texts are the same, a
    finding has the message and the advice as the check gave them; else it has nouns in place of the names.

    Args:
        found: What the checks found on each connection.
        now: The time of the run, as results show it.
    """
    groups: dict[tuple[str, ...], Group] = {}
    for one in found:
        for finding in one.findings:
            if finding.severity in SEVERITIES:
                _add(groups, one, finding, now)
    found_groups = list(groups.values())
    for each in found_groups:
        each["codes"].sort(key=_number)
        texts, (message, fix), endings = each.pop("_texts"), each.pop("_general"), each.pop("_endings")
        each["connections"] = list(each["connections"].values())
        if endings:
            # An entry of an access list is one, however many connections need it.
            number = len({(one["group_id"], one["subject"]) for one in each["connections"]})
            message = _soonest(endings, number, now)
        each["message"], each["fix"] = texts[0] if len(texts) == 1 else (message, fix)
        each["code"] = each["codes"][0]
        each["owner"] = listed(dict.fromkeys(one["owner"] for one in each["connections"]))
    return ordered(found_groups)


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
    items = one["connections"].values() if isinstance(one["connections"], dict) else one["connections"]
    return {(item["peer_id"], item["container_id"], *network_of(item)) for item in items}


def _add(groups: dict[tuple[str, ...], Group], one: Found, finding: Finding, now: str) -> None:
    """Add a finding on a connection to the group of those like it, or begin a new group."""
    is_unknown, ending = finding.severity == "unknown", finding.ending
    message = without_names(finding.message, one, finding.subject, keep_accounts=is_unknown)
    fix = without_names(finding.fix, one, finding.subject, keep_accounts=is_unknown)
    made = groups.setdefault(
        ("unknown", message, fix) if is_unknown else (finding.severity, ending.what if ending else message, finding.code),
        {
            "code": "",
            "codes": [],
            "severity": finding.severity,
            "message": "",
            "fix": "",
            "owner": "",
            "first_seen": now,
            "is_new": None,
            "is_kept": False,
            "connections": {},
            "_texts": [],
            "_general": (_begun(message), _begun(fix)),
            "_endings": [],
        },
    )
    made["_endings"] += [ending] if ending is not None else []
    if finding.code not in made["codes"]:
        made["codes"].append(finding.code)
    # Two different ones are enough to tell.
    if len(made["_texts"]) < 2 and (finding.message, finding.fix) not in made["_texts"]:
        made["_texts"].append((finding.message, finding.fix))
    _add_item(made["connections"], one, finding, now)


def _add_item(items: dict[object, Group], one: Found, finding: Finding, now: str) -> None:
    """Add the subject of a finding on a connection, or more of its subnets and lines."""
    names = ("group_id", "project_name", "provider_name", *one.names, "peer_id", "container_id", "container_region")
    # Of what could not be read, each check has another subject, and what to change is not known.
    is_unknown = finding.severity == "unknown"
    subject, commands = (_network_in(one), ()) if is_unknown else (finding.subject, finding.commands)
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


def without_names(text: str, one: Found, subject: str, *, keep_accounts: bool = False) -> str:
    """Return a message with nouns in place of names: of the connection, of what belongs to it, and of what changes with time.

    Args:
        text: The message.
        one: The connection that it is about.
        subject: What the finding is about, which is a name, too.
        keep_accounts: Whether the numbers of accounts of AWS stay.
    """
    row = one.row
    # Whether a table is the main one makes no other finding.
    text = _MAIN.sub(r"\1", text)
    network = _network_in(one)
    kind_of_network = one.title[: len(one.title) - len(network)].strip()
    own = {one.title: kind_of_network and f"the {kind_of_network}", **({} if subject in COMMON_SUBJECTS else {subject: ""})}
    # In one pass, since a network may be called like a word of what stands in its place.
    names = "|".join(re.escape(name) for name in sorted(filter(None, own), key=len, reverse=True) if not _NAME.fullmatch(name))
    if names:
        text = re.sub(rf"(?<![\w.-])(?:{names})(?![\w-])", lambda match: own[match.group()] or _GAP, text)
    atlas = {row["group_id"]: "project", row["peer_id"]: "connection", row["container_id"]: "network container"}

    def noun(match: re.Match[str]) -> str:
        kind, value = str(match.lastgroup), match.group()
        if kind == "account" and keep_accounts:
            return value
        if kind == "object":
            return f"the {atlas[value]}" if value in atlas else _GAP
        if kind == "aws":
            return f"the {NOUNS[match.group('aws')]}"
        if kind == "block" and value == row["atlas_cidr_block"]:
            return "Atlas's block"
        return f"the {_WORDS[kind]}" if kind in _WORDS else _GAP

    return _LIST.sub(r"\1", _DOUBLED.sub(rf"\1\2 {_GAP}", _NAME.sub(noun, text)))


def _soonest(endings: t.Sequence[Ending], number: int, now: str) -> str:
    """Return the message of several findings about what ends."""
    soonest = min(endings, key=lambda one: one.at)
    return f"{number} {soonest.what}; the first ends in {span_text(soonest.at - to_moment(now))}."


def _network_in(one: Found) -> str:
    """Return the id or the name of a network."""
    return next((str(one.row[name]) for name in one.names if one.row[name] and one.title.endswith(str(one.row[name]))), "")


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def network_of(one: Row) -> tuple[str | None, ...]:
    """Return what identifies a connection's project and network, from a row of the result or of an earlier one."""
    cloud = CLOUDS[one["provider_name"]]
    return (one["group_id"], cloud.name, *(one[name] for name in cloud.network_identity))
