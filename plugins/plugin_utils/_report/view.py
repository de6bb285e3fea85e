# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is shown of the result of a check, whatever shows it."""

from __future__ import annotations

import ipaddress
import typing as t
from collections import Counter
from dataclasses import dataclass

from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.cloud import CLOUDS, Cloud

GUIDE = "https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md"
# What cannot be known, said each time.
LIMIT = (
    "Atlas's own routes and security groups cannot be seen. This is what the settings on both sides allow, "
    "and not a measurement; atlas_probe measures from a host in your network."
)
VERDICTS = {"reachable_by_design": "reachable by design", "not_reachable": "not reachable", "unknown": "unknown"}
# The severities that are shown one by one, the worst first; the others are counted.
SHOWN = ("fail", "warn", "unknown", "info")
# Of what a finding is, by the hundreds of its code: where a drawing shows it if it is about no subnet.
CONNECTION, CONTAINER, VPC = "connection", "container", "vpc"
_PLACES = {"1": CONNECTION, "2": CONTAINER, "3": CONTAINER, "4": CONNECTION}
_OF_CONTAINER = {"P104", "P105", "P106"}
_OF_NETWORK = {"A403"}
# The titles of columns in a table with more than one cloud.
ANY = ("network", "where")

Result = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Finding:
    """A finding that is shown.

    Attributes:
        number: Its number within the connection, from 1.
        code: The code of the check.
        severity: One of SHOWN.
        subject: What it is about; empty if the message says so.
        message: What is the case.
        fix: What to do; empty for nothing.
        evidence: The values behind it.
        places: Where a drawing shows it: on subnets, by their ids, or else on CONNECTION, CONTAINER or VPC.
    """

    number: int
    code: str
    severity: str
    subject: str
    message: str
    fix: str
    evidence: t.Mapping[str, t.Any]
    places: tuple[str, ...]

    @property
    def link(self) -> str:
        """The address of the code in the guide."""
        return link_of(self.code)


@dataclass(frozen=True)
class Connection:
    """A connection that is shown.

    Attributes:
        number: Its number within the result, from 1.
        result: Its fields in the result.
        verdict: The verdict, in words.
        subnets: The judged subnets, as in the result, in the order of their blocks.
        findings: The findings, the worst first.
        ok: The codes of the checks that found nothing.
        skipped: The checks that had nothing to judge, as in the result.
    """

    number: int
    result: Result
    verdict: str
    subnets: tuple[Result, ...]
    findings: tuple[Finding, ...]
    ok: tuple[str, ...]
    skipped: tuple[Result, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each severity that occurs, the worst first."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity: counted[severity] for severity in SHOWN if counted[severity]}

    @property
    def cloud(self) -> Cloud:
        """Its cloud."""
        return CLOUDS[self.result["provider_name"]]

    @property
    def place(self) -> str:
        """The account and the region, or what other clouds have in their place, as far as it is known."""
        return ", ".join(filter(None, (self.result[name] for name in self.cloud.places)))

    @property
    def place_noun(self) -> str:
        """What such a place is called."""
        return " and ".join(self.cloud.places.values())

    @property
    def title(self) -> str:
        """Its network: the id of a VPC, or what it is with its name."""
        return self.cloud.title(self.result[self.cloud.network])

    @property
    def id(self) -> str | None:
        """Its id: in the customer's cloud, or if that knows none, in Atlas."""
        found: str | None = self.result[self.cloud.accepted_id or "peer_id"]
        return found

    @property
    def id_noun(self) -> str:
        """What that id is called."""
        return f"id in {'Atlas' if self.cloud.accepted_id is None else self.cloud.name}"


@dataclass(frozen=True)
class Check:
    """A result that is shown: the verdict in words, a sentence on all connections, and each of them."""

    verdict: str
    summary: str
    connections: tuple[Connection, ...]

    @property
    def head(self) -> tuple[str, str]:
        """The titles of the columns for networks and for where they are."""
        heads = {(connection.cloud.noun, connection.place_noun) for connection in self.connections}
        return heads.pop() if len(heads) == 1 else ANY


def view_of(peering_check: Result) -> Check:
    """Return what is shown of the field `peering_check` of a result."""
    connections = enumerate(peering_check["connections"], start=1)
    return Check(
        VERDICTS[peering_check["verdict"]],
        peering_check["summary"],
        tuple(_connection(number, connection) for number, connection in connections),
    )


def link_of(code: str) -> str:
    """Return the address of a code in the guide."""
    return f"{GUIDE}#{code.lower()}"


def _connection(number: int, result: Result) -> Connection:
    checks = result["checks"]
    shown = sorted((one for one in checks if one["severity"] in SHOWN), key=lambda one: SHOWN.index(one["severity"]))
    subnets = sorted(result["subnets"], key=_order_of)
    ids = [subnet["subnet_id"] for subnet in subnets]
    return Connection(
        number,
        result,
        VERDICTS[result["verdict"]],
        tuple(subnets),
        tuple(_finding(place, check, ids) for place, check in enumerate(shown, start=1)),
        tuple(dict.fromkeys(one["code"] for one in checks if one["severity"] == "ok")),
        tuple(one for one in checks if one["severity"] == "skipped"),
    )


def _order_of(subnet: Result) -> tuple[bool, ipaddress.IPv4Network, str]:
    """Return what subnets are sorted by: their blocks, and last those for IPv6 alone."""
    block = subnet["cidr_block"]
    return block is None, ipaddress.IPv4Network(block or "0.0.0.0/0"), subnet["subnet_id"]


def _finding(number: int, check: Result, subnets: t.Sequence[str]) -> Finding:
    subject = check["subject"]
    place = CONTAINER if check["code"] in _OF_CONTAINER else _PLACES.get(check["code"][1], VPC)
    place = VPC if check["code"] in _OF_NETWORK else place
    # A route table, a network ACL or the access list names the subnets that it keeps from reaching Atlas.
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
        # What concerns all of them is about none in particular.
        places if places and (len(places) < len(subnets) or len(subnets) == 1) else (place,),
    )
