# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that connection strings of clusters need, and what answers for a name in a VPC: a rule, a zone, or public DNS.

Source: "Considerations when working with a private hosted zone", and "How VPC Resolver determines whether the domain name in a
query matches any rules" in the developer guide of Route 53.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ..._aws.objects import HostedZone, Record, ResolverRule
from ..facts import AtlasObject

# The types of records that answer for a host, and for the name behind mongodb+srv. The options in a TXT record are not needed.
_OF_HOST = frozenset(("A", "AAAA", "CNAME"))
_OF_SERVICE = frozenset(("SRV", "CNAME"))
_SERVICE = re.compile(r"mongodb\+srv://([^/?]+)")
# A connection string with hosts, by the one with a service that leads to the same hosts.
_WITH_HOSTS = {"standard_srv": "members", "private_srv": "private_members", "standard": "members", "private": "private_members"}


@dataclass(frozen=True)
class Name:
    """A name in lower case that a connection string needs, and the types of records of which one is enough."""

    text: str
    types: frozenset[str]


def names_of(cluster: AtlasObject) -> dict[str, list[Name]]:
    """Return the names that each connection string of a cluster needs, by the name of the string."""
    strings = cluster["connection_strings"] or {}
    found = {}
    for kind, field in _WITH_HOSTS.items():
        if not strings.get(kind):
            continue
        hosts = [Name(member.rpartition(":")[0].lower(), _OF_HOST) for member in cluster[field] or ()]
        service = _SERVICE.match(strings[kind])
        found[kind] = [*([Name(f"_mongodb._tcp.{service[1]}".lower(), _OF_SERVICE)] if service else ()), *hosts]
    return found


def answering(
    names: t.Iterable[str], zones: t.Iterable[HostedZone], rules: t.Iterable[ResolverRule]
) -> dict[str, HostedZone | ResolverRule]:
    """Return what answers for names in a VPC: a rule that forwards it, or a private zone. Public DNS answers for all others.

    The most specific rule or zone counts, and of both for the same domain the rule. A rule of type SYSTEM is an exception from
    wider rules, which leaves the name to zones and public DNS. Rules of other types are AWS's own, or used by records of a zone.
    """
    by_domain = {_labels(one.name): one for one in zones}
    ruled = {_labels(one.domain_name): one for one in rules if one.rule_type in ("FORWARD", "SYSTEM")}
    found: dict[str, HostedZone | ResolverRule] = {}
    for name in names:
        labels = _labels(name)
        above = [labels[:count] for count in range(len(labels), -1, -1)]
        zone = next((one for one in above if one in by_domain), None)
        rule = next((one for one in above if one in ruled), None)
        is_forwarded = rule is not None and ruled[rule].rule_type == "FORWARD"
        if rule is not None and is_forwarded and (zone is None or len(rule) >= len(zone)):
            found[name] = ruled[rule]
        elif zone is not None:
            found[name] = by_domain[zone]
    return found


def records_for(name: Name, zone: HostedZone, records: t.Iterable[Record]) -> list[Record]:
    """Return the record sets by which a zone answers for a name: its own, or those of a wildcard for it; none if it lacks it.

    A wildcard holds for names below its domain, unless a record is nearer to the name.
    Source: "Using an asterisk (*) in the names of hosted zones and records" in the developer guide of Route 53, and RFC 4592.
    """
    sets: dict[str, list[Record]] = {}
    for record in records:
        sets.setdefault(record.name, []).append(record)
    # A domain exists, too, if only names below it have records.
    existing = {".".join(labels[index:]) for one in sets for labels in [one.split(".")] for index in range(len(labels))}

    def of(domain: str) -> list[Record]:
        return [one for one in sets.get(domain, ()) if one.type in name.types]

    if name.text in existing:
        return of(name.text)
    labels = name.text.split(".")
    apex = len(_labels(zone.name))
    for index in range(1, len(labels) - apex + 1):
        domain = ".".join(labels[index:])
        if domain in existing or len(labels) - index == apex:
            return of(f"*.{domain}" if domain else "*")
    return []


def is_at_or_above(domain: str, name: str) -> bool:
    """Whether a name is in a domain, or is that domain."""
    labels = _labels(domain)
    return _labels(name)[: len(labels)] == labels


def _labels(domain: str) -> tuple[str, ...]:
    """Return the parts of a name, the last one first; the root has none."""
    return tuple(label for label in reversed(domain.lower().split(".")) if label)
