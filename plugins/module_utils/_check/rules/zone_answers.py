# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a private hosted zone answers for a name of a cluster: whether that leads to the cluster."""

from __future__ import annotations

import ipaddress
import typing as t
from functools import partial

from ..._aws.objects import HostedZone, Record
from ..._clouds.aws import AWS
from ..._resources.clusters import has_nodes
from ..facts import AtlasObject, ConnectionFacts, Unread, known, known_or, or_none
from .cluster_names import Name, records_for
from .common import atlas_block_of, container_block, listed, vpc_blocks_of
from .judged_clusters import is_in_region

_OF_HOST = ("A", "AAAA")
_Network = ipaddress.IPv4Network


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
        return Unread(f"The private zone {zone.title} was not read.")
    falls_back = contents.falls_back
    # What a zone has counts before its fallback to public DNS, and may be addresses of others.
    if isinstance(contents.records, Unread):
        return contents.records
    found = records_for(name, zone, known(contents.records))
    if found:
        return _judge(found, zone, cluster, facts)
    return falls_back if isinstance(falls_back, Unread) else known(falls_back)


def _judge(found: t.Sequence[Record], zone: HostedZone, cluster: AtlasObject, facts: ConnectionFacts) -> ZoneAnswer:
    """Return whether the record sets of a name lead to a cluster. The targets of SRV records are names of their own."""
    addresses = [ipaddress.ip_address(value) for one in found if one.type in _OF_HOST for value in one.values]
    blocks = _blocks_of(cluster, facts)
    if any(address in block for address in addresses for block in blocks):
        return True
    if any(one.is_alias or one.type == "CNAME" for one in found):
        what = f"The private zone {zone.title} has CNAME or alias records for names of {cluster['name']}"
        advice = f"Look whether these lead to addresses in {listed(blocks)}, or replace them by A records." if blocks else ""
        return Unread(f"{what}, and where they lead is not known.", advice=advice)
    if not addresses or not blocks:
        return True
    shown = listed(dict.fromkeys(map(str, addresses)))
    if any(address in block for address in addresses for block in or_none(partial(vpc_blocks_of, facts)) or ()):
        what = f"The private zone {zone.title} has {shown} of {facts.entry.vpc_id} itself for names of {cluster['name']}"
        return Unread(f"{what}: whether a proxy there leads to the cluster is not known.", advice="Look what has this address.")
    if not _are_all_known(cluster, facts):
        what = f"The private zone {zone.title} has {shown} for names of {cluster['name']}"
        what += ", and not all blocks that this cluster has addresses in are known"
        return Unread(f"{what}.", advice="Look whether these are addresses of this cluster.")
    return Astray(tuple(map(str, addresses)), tuple(blocks))


def _blocks_of(cluster: AtlasObject, facts: ConnectionFacts) -> list[_Network]:
    """Return the blocks of the network containers that a cluster has nodes in, and of that of the connection."""
    containers = known_or(facts.atlas.containers, ())
    there = [one for one in containers if is_in_region(cluster, one["region_name"], AWS)]
    found = [or_none(partial(atlas_block_of, facts)), *(or_none(partial(container_block, one)) for one in there)]
    return list(dict.fromkeys(one for one in found if one is not None))


def _are_all_known(cluster: AtlasObject, facts: ConnectionFacts) -> bool:
    """Whether all network containers that a cluster has nodes in are known: those on other clouds are not read here."""
    regions = [one for one in cluster["regions"] if has_nodes(one)]
    containers = known_or(facts.atlas.containers, ())
    return all(
        one["provider_name"] == AWS.name and any(AWS.is_in_region(one["region_name"], each["region_name"]) for each in containers)
        for one in regions
    )
