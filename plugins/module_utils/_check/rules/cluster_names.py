# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names that connection strings of clusters need, and what answers for a name in a VPC: a rule, a zone, or public DNS.

Source: "Considerations when working with a private hosted zone", and "How VPC Resolver determines whether the domain name in a
query matches any rules" in the developer guide of Route 53.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass
from functools import partial

from ..._aws.objects import HostedZone, Record, ResolverRule
from ..._resources.clusters import has_nodes
from ..facts import AtlasObject, ConnectionFacts, Unread, if_known, known, known_or, named
from .common import atlas_block_of, container_block, listed, vpc_blocks_of
from .judged_clusters import is_in_region

# The types of records that answer for a host, and for the name behind mongodb+srv. The options in a TXT record are not needed.
_OF_HOST = frozenset(("A", "AAAA", "CNAME"))
# Those with addresses.
_ADDRESSES = ("A", "AAAA")
_OF_SERVICE = frozenset(("SRV", "CNAME"))
_Network = ipaddress.IPv4Network
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


def records_for(name: Name, zone: HostedZone, records: t.Iterable[Record]) -> list[Record] | None:
    """Return the record sets by which a zone answers for a name: its own, or those of a wildcard for it.

    There are none for a name that has others alone, such as TXT: public DNS is not asked for that either. None if there is no
    such name. Source: UpdateHostedZoneFeatures in the API of Route 53.

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

    labels = name.text.split(".")
    apex = len(_labels(zone.name))
    if name.text in existing or len(labels) == apex:
        return of(name.text)
    for index in range(1, len(labels) - apex + 1):
        domain = ".".join(labels[index:])
        if domain in existing or len(labels) - index == apex:
            wildcard = f"*.{domain}" if domain else "*"
            return of(wildcard) if wildcard in sets else None
    return None


def is_at_or_above(domain: str, name: str) -> bool:
    """Whether a name is in a domain, or is that domain."""
    labels = _labels(domain)
    return _labels(name)[: len(labels)] == labels


def _labels(domain: str) -> tuple[str, ...]:
    """Return the parts of a name, the last one first; the root has none."""
    return tuple(label for label in reversed(domain.lower().split(".")) if label)


class Astray(t.NamedTuple):
    """The addresses that a zone has for a name, none of which is the cluster's, and the blocks that the cluster's are in."""

    addresses: tuple[str, ...]
    blocks: tuple[_Network, ...]


# Whether a zone answers for a name, or leaves it to public DNS; `Astray` if it answers with addresses of others, and `Unread` if
# what it answers is not known.
ZoneAnswer = t.Union[bool, Astray, Unread]


def answer_of(name: Name, zone: HostedZone, cluster: AtlasObject, facts: ConnectionFacts) -> ZoneAnswer:
    """Return what a private zone of the VPC answers for a name of a cluster."""
    contents = known_or(facts.aws.zone_contents, {}).get(zone.id)
    if contents is None:
        return Unread(f"The private zone {named(zone.title)} was not read.")
    falls_back = contents.falls_back
    # What a zone has counts before its fallback to public DNS, and may be addresses of others.
    if isinstance(contents.records, Unread):
        return contents.records
    found = records_for(name, zone, known(contents.records))
    if found is not None:
        return _judge(found, zone, cluster, facts) if found else False
    return falls_back if isinstance(falls_back, Unread) else known(falls_back)


def _judge(found: t.Sequence[Record], zone: HostedZone, cluster: AtlasObject, facts: ConnectionFacts) -> ZoneAnswer:
    """Return whether the record sets of a name lead to a cluster. The targets of SRV records are names of their own."""
    addresses = [ipaddress.ip_address(value) for one in found if one.type in _ADDRESSES for value in one.values]
    blocks = _blocks_of(cluster, facts)
    if any(address in block for address in addresses for block in blocks):
        return True
    if any(one.is_alias or one.type == "CNAME" for one in found):
        what = f"The private zone {named(zone.title)} has CNAME or alias records for names of {cluster['name']}"
        advice = f"Look whether these lead to addresses in {listed(blocks)}, or replace them by A records." if blocks else ""
        return Unread(f"{what}, and where they lead is not known.", advice=advice)
    if not addresses or not blocks:
        return True
    shown = listed(dict.fromkeys(map(str, addresses)))
    if any(address in block for address in addresses for block in if_known(partial(vpc_blocks_of, facts)) or ()):
        begin = f"The private zone {named(zone.title)} has {shown} of {named(facts.entry.network_id)} itself for names of"
        what = f"{begin} {cluster['name']}"
        return Unread(f"{what}: whether a proxy there leads to the cluster is not known.", advice="Look what has this address.")
    if not _are_all_known(cluster, facts):
        what = f"The private zone {named(zone.title)} has {shown} for names of {cluster['name']}"
        what += ", and not all blocks that this cluster has addresses in are known"
        return Unread(f"{what}.", advice="Look whether these are addresses of this cluster.")
    return Astray(tuple(map(str, addresses)), tuple(blocks))


def _blocks_of(cluster: AtlasObject, facts: ConnectionFacts) -> list[_Network]:
    """Return the blocks of the network containers that a cluster has nodes in, and of that of the connection."""
    containers = known_or(facts.atlas.containers, ())
    there = [one for one in containers if is_in_region(cluster, one["region_name"], facts.entry.provider)]
    found = [if_known(partial(atlas_block_of, facts)), *(if_known(partial(container_block, one)) for one in there)]
    return list(dict.fromkeys(one for one in found if one is not None))


def _are_all_known(cluster: AtlasObject, facts: ConnectionFacts) -> bool:
    """Whether all network containers that a cluster has nodes in are known: those on other clouds are not read here."""
    regions = [one for one in cluster["regions"] if has_nodes(one)]
    containers, cloud = known_or(facts.atlas.containers, ()), facts.entry.provider
    return all(
        one["provider_name"] == cloud.name
        and any(cloud.is_in_region(one["region_name"], each["region_name"]) for each in containers)
        for one in regions
    )
