# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An earlier JSON report of the check: since when findings are known, and what stays of them where nothing could be read."""

from __future__ import annotations

import re
import typing as t

from .._clouds.clouds import ALL_CLOUDS
from .._http.errors import InvalidOptionError
from .._values.moments import to_moment, to_text
from .findings import REPORT_VERSION, SEVERITIES, Group, network_of, ordered

# What is known of one finding on one connection from run to run: project, network, container, code, subject, severity.
_Known = tuple[object, ...]
# The fields of a finding that a report has, but for the connections.
_TEXTS = ("code", "message", "fix")
_Row = t.Mapping[str, t.Any]


class Earlier(t.NamedTuple):
    """An earlier report.

    Attributes:
        findings: Its findings.
        first_seen: When each was first seen.
    """

    findings: t.Sequence[Group]
    first_seen: t.Mapping[_Known, str]


def parse_since(content: t.Any) -> Earlier:
    """Return an earlier report.

    Args:
        content: The content of the file.

    Raises:
        InvalidOptionError: If it is not a report of this check.
    """
    try:
        if content["version"] != REPORT_VERSION:
            raise ValueError(f"its version is {content['version']!r:.40}, not {REPORT_VERSION}")
        _moment(content["time"])
        findings = [_parse(one) for one in content["peering_check"]["findings"]]
        first_seen = {key: item["first_seen"] for one in findings for item in one["connections"] for key in _keys_of(one, item)}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Python's messages about other types do not help a user.
        why = str(error) if isinstance(error, ValueError) else "a value has another type than in a report"
        why = f"{error} is missing" if isinstance(error, KeyError) else why
        raise InvalidOptionError(
            f"since is not a JSON report of atlas_vpc_peer_check: {why}.",
            hint="Give a file that `report` has written, with the ending .json.",
        ) from None
    return Earlier(findings, first_seen)


def _parse(one: t.Any) -> Group:
    """Return a finding of a report.

    Raises:
        Exception: If it is not one.
    """
    found: Group = {name: _text(one[name]) for name in _TEXTS}
    if one["severity"] not in SEVERITIES:
        raise ValueError(f"a severity is {one['severity']!r:.40}")
    codes, items = [_code(code) for code in one["codes"]], [_parse_item(item) for item in one["connections"]]
    if codes[:1] != [one["code"]]:
        raise ValueError(f"a code is {one['code']!r:.40}")
    return {
        **found,
        "owner": _text(one.get("owner", "")),
        "severity": one["severity"],
        "codes": codes,
        "first_seen": _moment(one["first_seen"]),
        "connections": items,
    }


def _parse_item(item: t.Any) -> dict[str, object]:
    if item["provider_name"] not in ALL_CLOUDS:
        raise ValueError(f"a provider_name is {item['provider_name']!r:.40}")
    for value in (*network_of(item), item["container_id"], item["project_name"], item["peer_id"]):
        if value is not None:
            _text(value)
    subnet_ids = None if item["subnet_ids"] is None else [_text(one) for one in item["subnet_ids"]]
    # What could not be read now may have changed: a line of that time is none for today. Older reports have no owner.
    today = {"owner": _text(item.get("owner", "")), "commands": []}
    return {
        **item,
        **today,
        "subject": _text(item["subject"]),
        "subnet_ids": subnet_ids,
        "first_seen": _moment(item["first_seen"]),
    }


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.40} is not a text")
    return value


def _code(value: object) -> str:
    if not re.fullmatch("[A-Z][0-9]{3}", _text(value)):
        raise ValueError(f"a code is {value!r:.40}")
    return str(value)


def _moment(value: object) -> str:
    return to_text(to_moment(_text(value)))


def _keys_of(one: Group, item: _Row) -> list[_Known]:
    return [(*network_of(item), item["container_id"], code, item["subject"], one["severity"]) for code in one["codes"]]


def compare(
    findings: t.Sequence[Group], earlier: Earlier, rows: t.Iterable[_Row], failed: t.Container[tuple[str | None, str]]
) -> list[Group]:
    """Return the findings of today with what an earlier report knows of them, and those of it that could not be read today.

    Args:
        findings: The findings of today, which are changed.
        earlier: The earlier report.
        rows: The connections of today, each with all its checks.
        failed: The projects that could not be read, each with the clouds whose connections are not known.
    """
    today: set[_Known] = set()
    for one in findings:
        for item in one["connections"]:
            keys = _keys_of(one, item)
            today.update(keys)
            known = [earlier.first_seen[key] for key in keys if key in earlier.first_seen]
            item.update(first_seen=min(known, default=item["first_seen"]), is_new=not known)
        one["is_new"] = any(item["is_new"] for item in one["connections"])
        one["first_seen"] = min(item["first_seen"] for item in one["connections"])
    unread = {(*network_of(row), row["container_id"]): _unread_codes(row) for row in rows}
    kept = []
    for one in earlier.findings:
        items = [
            {**item, "is_new": False}
            for item in one["connections"]
            if today.isdisjoint(_keys_of(one, item)) and (network_of(item)[:2] in failed or _is_unread(one, item, unread))
        ]
        if items:
            kept.append({**one, "connections": items, "is_new": False, "is_kept": True})
    return ordered([*findings, *kept])


def _is_unread(one: Group, item: _Row, unread: t.Mapping[tuple[object, ...], t.Collection[str]]) -> bool:
    """Whether what a finding is about could not be read today. What was unknown itself is known as that today."""
    network = network_of(item)
    # Without its container, a connection is still one with this network.
    codes = unread.get((*network, item["container_id"]), unread.get((*network, None), ()))
    return one["severity"] != "unknown" and one["code"] in codes


def _unread_codes(row: _Row) -> set[str]:
    """Return the codes of the checks of a connection that need what could not be read, or wait for such a check."""
    found = {check["code"] for check in row["checks"] if check["severity"] == "unknown"}
    waiting = [check for check in row["checks"] if check["severity"] == "skipped" and check["waits_for"]]
    while more := {check["code"] for check in waiting if check["waits_for"] in found} - found:
        found |= more
    return found
