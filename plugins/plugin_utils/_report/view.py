# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The view of a check's result that the terminal text and the reports show."""

from __future__ import annotations

import ipaddress
import typing as t
from collections import Counter
from dataclasses import dataclass

from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import CLOUDS, Cloud
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.redact import visible

GUIDE = "https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md"
# Shown with every result.
LIMIT = (
    "Atlas's own routes and security groups cannot be seen. This is what the settings on both sides allow, "
    "and not a measurement; atlas_probe measures from a host in your network."
)
VERDICTS = {"reachable_by_design": "reachable by design", "not_reachable": "not reachable", "unknown": "unknown"}
# The severities whose findings are shown one by one, the worst first.
SHOWN = ("fail", "warn", "unknown", "info")
# Where a drawing shows a finding that is about no subnet: by the first digit of its code (VPC by default), with exceptions.
CONNECTION, CONTAINER, VPC = "connection", "container", "vpc"
_PLACES = {"1": CONNECTION, "2": CONTAINER, "3": CONTAINER, "4": CONNECTION}
_OF_CONTAINER = {"P104", "P105", "P106"}
_OF_NETWORK = {"A403"}
# How many other networks with the same finding are named.
_MOST_NAMES = 5
# The column titles of a table with several clouds.
ANY = ("network", "where")

Result = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Finding:
    """A finding, for display.

    Attributes:
        number: Its number within the connection, from 1.
        code: The code of the check.
        severity: One of SHOWN.
        subject: What it is about; empty if the message already says so.
        message: What was found.
        fix: What to do; empty for nothing.
        evidence: The values behind it.
        others: The networks of other connections with the same finding, which is shown here alone.
        places: Where a drawing shows it: the ids of subnets, or one of CONNECTION, CONTAINER and VPC.
    """

    number: int
    code: str
    severity: str
    subject: str
    message: str
    fix: str
    evidence: t.Mapping[str, t.Any]
    others: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def link(self) -> str:
        """The URL of the code in the guide."""
        return link_of(self.code)


@dataclass(frozen=True)
class Connection:
    """A connection, for display.

    Attributes:
        number: Its number within the result, from 1.
        result: Its fields in the result.
        verdict: The verdict, in words.
        subnets: The checked subnets, as in the result, sorted by block.
        findings: The findings, the worst first, without those that another connection before it has, too.
        above: The codes of these.
        counts: The number of findings by severity, the worst first; without severities that do not occur.
        ok: The codes of the checks that found nothing.
        skipped: The checks that had nothing to judge, as in the result.
    """

    number: int
    result: Result
    verdict: str
    subnets: tuple[Result, ...]
    findings: tuple[Finding, ...]
    above: tuple[str, ...]
    counts: t.Mapping[str, int]
    ok: tuple[str, ...]
    skipped: tuple[Result, ...]

    @property
    def cloud(self) -> Cloud:
        """Its cloud."""
        return CLOUDS[self.result["provider_name"]]

    @property
    def place(self) -> str:
        """Where its network is, as far as known: the account and region in AWS, and the like in other clouds."""
        return ", ".join(filter(None, (self.result[name] for name in self.cloud.places)))

    @property
    def place_noun(self) -> str:
        """The noun for `place`."""
        return " and ".join(self.cloud.places.values())

    @property
    def title(self) -> str:
        """Its network: the id of a VPC, or the name with the noun before it."""
        return self.cloud.title(self.result[self.cloud.network])

    @property
    def id(self) -> str | None:
        """Its id in the customer's cloud or, if there are none there, in Atlas; None if unknown."""
        found: str | None = self.result[self.cloud.accepted_id or "peer_id"]
        return found

    @property
    def id_noun(self) -> str:
        """The noun for `id`."""
        return f"id in {'Atlas' if self.cloud.accepted_id is None else self.cloud.name}"


@dataclass(frozen=True)
class Check:
    """A result, for display: the verdict in words, a summary in one sentence, the connections, and what was not looked at."""

    verdict: str
    summary: str
    connections: tuple[Connection, ...]
    not_looked_at: tuple[str, ...]

    @property
    def head(self) -> tuple[str, str]:
        """The titles of the columns for networks and their places."""
        heads = {(connection.cloud.noun, connection.place_noun) for connection in self.connections}
        return heads.pop() if len(heads) == 1 else ANY


def view_of(peering_check: Result) -> Check:
    """Return the view of the field `peering_check` of a result, with control characters escaped: texts come from other people."""
    peering_check = _visible(peering_check)
    shown: set[tuple[str, ...]] = set()
    return Check(
        VERDICTS[peering_check["verdict"]],
        peering_check["summary"],
        tuple(_connection(number, one, shown) for number, one in enumerate(peering_check["connections"], start=1)),
        tuple(peering_check["not_looked_at"]),
    )


def _visible(value: t.Any) -> t.Any:
    if isinstance(value, t.Mapping):
        return {_visible(key): _visible(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(one) for one in value]
    return visible(value) if isinstance(value, str) else value


def also(finding: Finding) -> str:
    """Return a sentence about the other networks with a finding; empty if there are none."""
    if not finding.others:
        return ""
    names = [
        *finding.others[:_MOST_NAMES],
        *([f"{len(finding.others) - _MOST_NAMES} more"] if len(finding.others) > _MOST_NAMES else []),
    ]
    return f"The same for {' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))}."


def above_of(connection: Connection) -> str:
    """Return a sentence about the findings that are shown at another connection; empty if there are none."""
    return f"As above: {', '.join(connection.above)}." if connection.above else ""


def link_of(code: str) -> str:
    """Return the URL of a code in the guide."""
    return f"{GUIDE}#{code.lower()}"


def _connection(number: int, result: Result, before: set[tuple[str, ...]]) -> Connection:
    """Return a connection, and add its findings to those that are shown before the next one."""
    checks = result["checks"]
    found = sorted((one for one in checks if one["severity"] in SHOWN), key=lambda one: SHOWN.index(one["severity"]))
    shown = [one for one in found if _key_of(one) not in before]
    before.update(map(_key_of, found))
    counted = Counter(one["severity"] for one in found)
    subnets = sorted(result["subnets"], key=_order_of)
    ids = [subnet["subnet_id"] for subnet in subnets]
    return Connection(
        number,
        result,
        VERDICTS[result["verdict"]],
        tuple(subnets),
        tuple(_finding(place, check, ids, result) for place, check in enumerate(shown, start=1)),
        tuple(dict.fromkeys(one["code"] for one in found if one not in shown)),
        {severity: counted[severity] for severity in SHOWN if counted[severity]},
        tuple(dict.fromkeys(one["code"] for one in checks if one["severity"] == "ok")),
        tuple(one for one in checks if one["severity"] == "skipped"),
    )


def _key_of(check: Result) -> tuple[str, ...]:
    """Return what is alike in equal findings on several connections."""
    return tuple(check[name] for name in ("code", "severity", "subject", "message"))


def _order_of(subnet: Result) -> tuple[bool, ipaddress.IPv4Network, str]:
    """Return the sort key of a subnet: by IPv4 block; those with IPv6 only come last."""
    block = subnet["cidr_block"]
    return block is None, ipaddress.IPv4Network(block or "0.0.0.0/0"), subnet["subnet_id"]


def _finding(number: int, check: Result, subnets: t.Sequence[str], result: Result) -> Finding:
    subject = check["subject"]
    place = CONTAINER if check["code"] in _OF_CONTAINER else _PLACES.get(check["code"][1], VPC)
    place = VPC if check["code"] in _OF_NETWORK else place
    # Findings about a route table, network ACL or access list name the subnets concerned in their evidence.
    evidence = check["evidence"]
    concerned = {subject, *(evidence.get("subnet_ids") or ()), *(evidence.get("subnets") or ())}
    places = tuple(subnet_id for subnet_id in subnets if subnet_id in concerned)
    return Finding(
        number,
        check["code"],
        check["severity"],
        "" if subject in check["message"] else subject,
        check["message"],
        check["fix"],
        evidence,
        tuple(one for one in check["connections"] if one != result[CLOUDS[result["provider_name"]].network]),
        # A finding about all of several subnets is shown once, at the place of its code.
        places if places and (len(places) < len(subnets) or len(subnets) == 1) else (place,),
    )
