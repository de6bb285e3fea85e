# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is shown, and the words of each cloud."""

from __future__ import annotations

import ipaddress
import typing as t
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What people are shown of a network, which differs between clouds.

    Attributes:
        noun: What a network is called.
        title: The network in a sentence, with its name or id in place of `{}`.
        network: The field with its name or id.
        places: The fields that say where it is.
        place: What these are together.
        id: The field with the id of the connection.
        no_id: What is said if there is none.
    """

    noun: str
    title: str
    network: str
    places: tuple[str, ...]
    place: str
    id: str
    no_id: str


_AZURE_PLACES = ("azure_subscription_id", "resource_group_name")
WORDS = {
    "AWS": Words("VPC", "{}", "vpc_id", ("aws_account_id", "region"), "account and region", "connection_id", "id in AWS"),
    "AZURE": Words("VNet", "VNet {}", "vnet_name", _AZURE_PLACES, "subscription and resource group", "peer_id", "id in Atlas"),
    "GCP": Words("VPC network", "VPC network {}", "network_name", ("gcp_project_id",), "project", "peer_id", "id in Atlas"),
}
# With more than one cloud, a table has columns for any.
ANY = ("network", "where")


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
    def place(self) -> str:
        """The account and the region, or what other clouds have in their place, as far as it is known."""
        return ", ".join(filter(None, (self.result[name] for name in self.words.places)))

    @property
    def words(self) -> Words:
        """What things are called on its cloud."""
        return WORDS[self.result["provider_name"]]

    @property
    def title(self) -> str:
        """Its network: the id of a VPC, or what it is with its name."""
        return self.words.title.format(self.result[self.words.network])

    @property
    def id(self) -> str | None:
        """Its id: in AWS, or where the cloud knows none, in Atlas."""
        found: str | None = self.result[self.words.id]
        return found


@dataclass(frozen=True)
class Check:
    """A result that is shown: the verdict in words, a sentence on all connections, and each of them."""

    verdict: str
    summary: str
    connections: tuple[Connection, ...]

    @property
    def head(self) -> tuple[str, str]:
        """The titles of the columns for networks and for where they are."""
        words = {connection.result["provider_name"]: connection.words for connection in self.connections}
        return next(((one.noun, one.place) for one in words.values()), ANY) if len(words) == 1 else ANY


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
