# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the clusters to judge, and finds their states, ports and regions.

Source of the states: https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ..._clouds.cloud import Cloud
from ..._clouds.clouds import cloud_of
from ..._resources.clusters import FLEX, SERVERLESS, SHARED, has_nodes, has_nodes_at
from ..._values.blocks import Range, merge_ranges
from ..facts import AtlasObject, ConnectionFacts, SkippedError, Unread, UnreadError, if_known, known, known_or
from .common import listed, need_container, until_replaced
from .rule import Finding, Level, skip

# In these states, Atlas guarantees a primary. In those of _NOT_THERE, clients cannot connect.
_RUNNING = ("IDLE", "REPAIRING", "UPDATING")
_NOT_THERE = ("CREATING", "DELETING", "DELETED")
_HIGHEST_PORT = 65535
# The port of members of a replica set, and that of the mongos of a sharded cluster, where the connection strings are not known.
_MONGOD_PORT, _MONGOS_PORT = 27017, 27016
_SHARDED = ("SHARDED", "GEOSHARDED")
# The ports of mongod, of mongos, and of the BI connector; which of them a cluster needs is in its connection strings.
# Source: "Troubleshoot Connection Issues" in the documentation of Atlas.
ATLAS_PORTS = ((27015, 27017),)


def is_dedicated(cluster: AtlasObject) -> bool:
    """Whether a cluster is dedicated, as network peering requires.

    Raises:
        UnreadError: If Atlas does not say.
    """
    if not cluster["regions"]:
        raise UnreadError(Unread(f"Atlas does not report the regions of cluster {cluster['name']}."))
    return all(one["provider_name"] not in (SHARED, FLEX, SERVERLESS) for one in cluster["regions"])


def is_serverless(cluster: AtlasObject) -> bool:
    """Whether a cluster is a Serverless instance."""
    return any(one["provider_name"] == SERVERLESS for one in cluster["regions"])


def is_in_region(cluster: AtlasObject, region: str | None, cloud: Cloud) -> bool:
    """Whether a cluster has nodes in the region of a network container; on GCP, in any region."""
    return any(has_nodes_at(one, region, cloud) for one in cluster["regions"])


def judged_clusters(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the dedicated clusters that are named, or else those with nodes in the region of the container.

    Raises:
        UnreadError: If the clusters, or the container that chooses them, could not be read.
        SkippedError: If there is no container to choose them, or Atlas's half is off.
    """
    clusters = known(facts.atlas.clusters)
    if facts.selection.clusters is not None:
        return [one for one in clusters if one["name"] in facts.selection.clusters and is_dedicated(one)]
    container = need_container(facts)
    clusters = [one for one in clusters if is_dedicated(one)]
    return [one for one in clusters if is_in_region(one, container.get("region_name"), facts.entry.cloud)]


def need_clusters(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the judged clusters, at least one.

    Raises:
        UnreadError, SkippedError: As `judged_clusters`, and if there is none.
    """
    clusters = judged_clusters(facts)
    if not clusters:
        raise skip("There is no dedicated cluster to judge.", "P201" if facts.selection.clusters is None else "P204")
    return clusters


def is_running(cluster: AtlasObject) -> bool:
    """Whether a cluster runs: it is not paused, and neither created nor deleted at the moment."""
    return cluster["paused"] is False and cluster["state_name"] in _RUNNING


def has_known_state(cluster: AtlasObject) -> bool:
    """Whether a cluster is in a state whose meaning is known. A cluster that runs may be paused, if Atlas does not say."""
    return bool(cluster["paused"]) or cluster["state_name"] in _NOT_THERE or is_running(cluster)


def is_sharded(cluster: AtlasObject) -> bool:
    """Whether clients talk to routers of a cluster (mongos), which each region with nodes has, and not to all members."""
    return cluster.get("cluster_type") in _SHARDED


def has_private_string(cluster: AtlasObject) -> bool:
    """Whether a cluster has a connection string whose names resolve to private addresses everywhere."""
    strings = cluster["connection_strings"] or {}
    return bool(strings.get("private") or strings.get("private_srv"))


def have_all_private_strings(facts: ConnectionFacts) -> bool:
    """Whether there are judged clusters, and all of them have a private connection string.

    Raises:
        UnreadError: If the clusters could not be read.
    """
    try:
        clusters = judged_clusters(facts)
    except SkippedError:
        return False
    return bool(clusters) and all(has_private_string(one) for one in clusters)


def unless_private(finding: Finding, facts: ConnectionFacts) -> Finding:
    """Let an unknown finding decide only if a judged cluster lacks a private string: these work with any DNS server."""
    try:
        return dataclasses.replace(finding, decides=not have_all_private_strings(facts))
    except UnreadError:
        return finding


def ports_of(facts: ConnectionFacts) -> frozenset[int]:
    """Return the ports that the judged clusters use: those in their connection strings, or else what such a cluster has.

    Raises:
        UnreadError: If one of them is out of range.
    """
    clusters = if_known(lambda: judged_clusters(facts)) or [{}]
    ports = frozenset(port for one in clusters for port in _ports_in(one) or (_usual_port_of(one),))
    if any(not 0 < port <= _HIGHEST_PORT for port in ports):
        raise UnreadError(Unread("A connection string that Atlas tells has a port that does not exist."))
    return ports


def assumed_port(cluster: AtlasObject) -> int | None:
    """Return the port that is judged because Atlas does not report those of a cluster; None if it does."""
    return None if _ports_in(cluster) else _usual_port_of(cluster)


def _usual_port_of(cluster: AtlasObject) -> int:
    return _MONGOS_PORT if is_sharded(cluster) else _MONGOD_PORT


def needed_ports(facts: ConnectionFacts) -> list[tuple[Level, t.Sequence[Range]]]:
    """Return the ports of clusters by severity: `fail` for those that the judged clusters use, `warn` for possible others."""
    ports = ports_of(facts)
    others = [port for first, last in ATLAS_PORTS for port in range(first, last + 1) if port not in ports]
    needed: list[tuple[Level, t.Sequence[Range]]] = [("fail", merge_ranges((port, port) for port in ports))]
    return [*needed, ("warn", merge_ranges((port, port) for port in others))] if others else needed


def judge_single_addresses(
    singles: t.Iterable[Range], facts: ConnectionFacts, region_name: str | None = None, begin: str = "Only"
) -> tuple[Level, str]:
    """Return how bad it is that a filter opens single addresses of Atlas alone, and a sentence about it.

    It is a warning if each member of the smallest judged cluster there can have one of them, or if Atlas does not say how many
    members there are. With fewer, some member is out of reach today.

    Args:
        singles: The addresses, as ranges of one. Each counts once.
        facts: All facts.
        region_name: The region of their network container; None for that of the connection. On GCP, all regions count.
        begin: The begin of the sentence: "At most" if clients may not get to all of them.
    """
    addresses = list(dict.fromkeys(singles))
    container = known_or(facts.atlas.container, None) or {}
    fewest = _fewest_members(facts, region_name or container.get("region_name"))
    if fewest is None or fewest[0] <= len(addresses):
        return "warn", until_replaced(addresses, begin)
    number, name = fewest
    opened = f"{begin} {len(addresses)} {'address is' if len(addresses) == 1 else 'addresses are'} open"
    texts = listed(ipaddress.IPv4Address(first) for first, _last in addresses)
    return "fail", f"{opened}, and {name} has {number} members here: {texts}."


def _fewest_members(facts: ConnectionFacts, region_name: str | None) -> tuple[int, str] | None:
    """Return how many electable members the smallest judged cluster has in a region, and its name; None if that is not known.

    Clients of a sharded cluster need one address: that of a router.
    """
    found: list[tuple[int, str]] = []
    for cluster in if_known(lambda: judged_clusters(facts)) or ():
        here = [one for one in cluster["regions"] if has_nodes_at(one, region_name, facts.entry.cloud)]
        numbers = [1] if here and is_sharded(cluster) else [one["electable_nodes"] for one in here]
        if None in numbers:
            return None
        found += [(sum(numbers), cluster["name"])] if sum(numbers) else []
    return min(found, default=None)


def _ports_in(cluster: AtlasObject) -> set[int]:
    """Return the ports in the connection strings of a cluster; empty if it has no members yet, or they are not known."""
    members = [*(cluster.get("members") or ()), *(cluster.get("private_members") or ())]
    texts = [member.rpartition(":")[2] for member in members]
    return {int(text) for text in texts if text.isascii() and text.isdigit()}


def unpeered_regions(cluster: AtlasObject, facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the regions with nodes of a cluster that have no connection with the network.

    The judged connection counts in any state, which P101 reports; others have to be AVAILABLE.

    Raises:
        UnreadError, SkippedError: If the connections, the containers or the nodes are not known.
    """
    for one in cluster["regions"]:
        if one["electable_nodes"] is None:
            message = f"Atlas does not report how many nodes {cluster['name']} has in {one['region_name']}."
            raise UnreadError(Unread(message))
    regions, cloud = {container.get("region_name") for container in peered_containers(facts)}, facts.entry.cloud
    return [one for one in cluster["regions"] if has_nodes(one) and not any(has_nodes_at(one, each, cloud) for each in regions)]


def peered_containers(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the containers with a connection to the network: that of the judged one, and those of all AVAILABLE ones.

    Raises:
        UnreadError, SkippedError: If the connections or containers are not known.
    """
    ids = {peer["container_id"] for peer in peers_of_network(facts) if peer["status_name"] == facts.entry.cloud.available}
    own = known(facts.atlas.container)
    if own is not None:
        ids.add(own["id"])
    return [one for one in known(facts.atlas.containers) if one["id"] in ids]


def peers_of_network(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the connections of the project with the network, in any container, without those that have ended.

    Raises:
        UnreadError, SkippedError: If the connections are not known.
    """
    there = known(facts.atlas.peers).of_network(facts.entry.cloud, facts.entry.identity)
    return [peer for peer in there if not has_ended(peer)]


def has_ended(peer: AtlasObject) -> bool:
    """Whether a connection has failed, or is being removed."""
    return peer["status_name"] in cloud_of(peer).ended
