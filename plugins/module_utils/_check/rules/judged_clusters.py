# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the clusters to judge, finds their states, ports and regions, and what keeps clients from their other regions."""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t
from dataclasses import dataclass

from ..._clouds.cloud import Cloud
from ..._clouds.clouds import cloud_of
from ..._resources.clusters import FLEX, SERVERLESS, SHARED, has_nodes, has_nodes_at, may_have_nodes_at
from ..._values.blocks import Range, merge_ranges
from ..facts import AtlasObject, ConnectionFacts, Missing, SkippedError, Unread, UnreadError, if_known, known, known_or
from .common import listed, need_container, until_replaced
from .rule import Finding, Level, Severity, run_checks, skip

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
        UnreadError: If Atlas does not report it.
    """
    if not cluster["regions"]:
        raise _without_regions(cluster)
    return all(one["provider_name"] not in (SHARED, FLEX, SERVERLESS) for one in cluster["regions"])


def _without_regions(cluster: AtlasObject) -> UnreadError:
    return UnreadError(Unread(f"Atlas does not report the regions of cluster {cluster['name']}."))


def is_serverless(cluster: AtlasObject) -> bool:
    """Whether a cluster is a Serverless instance."""
    return any(one["provider_name"] == SERVERLESS for one in cluster["regions"])


def is_in_region(cluster: AtlasObject, region: str | None, cloud: Cloud) -> bool:
    """Whether a cluster has nodes in the region of a network container; on GCP, in any region.

    Raises:
        UnreadError: If Atlas does not report where it has nodes.
    """
    if any(has_nodes_at(one, region, cloud) for one in cluster["regions"]):
        return True
    if any(may_have_nodes_at(one, region, cloud) for one in cluster["regions"]):
        raise _without_regions(cluster)
    return False


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
    return [one for one in clusters if is_in_region(one, container.get("region_name"), facts.entry.provider)]


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
    """Whether a cluster is in a state whose meaning is known. A cluster that runs may be paused, if Atlas does not report it."""
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
        raise UnreadError(Unread("A connection string that Atlas returns has a port that does not exist."))
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
    singles: t.Iterable[Range], facts: ConnectionFacts, region_name: str | None = None, begin: str = "only"
) -> tuple[Level, str]:
    """Return how bad it is that a filter closes some of Atlas's addresses and opens single ones, and a sentence about these.

    It is a warning if each member of the smallest judged cluster there can have one of them, or if Atlas does not report how many
    members there are. With fewer, some member is out of reach today. What else is open does not
    count, so that opening more never makes it worse.

    Args:
        singles: The open addresses that rules name one by one, as ranges of one. Each counts once.
        facts: All facts.
        region_name: The region of their network container; None for that of the connection. On GCP, all regions count.
        begin: What stands before them: "at most" if clients may not get to all of them.
    """
    addresses = list(dict.fromkeys(singles))
    container = known_or(facts.atlas.container, None) or {}
    fewest = _fewest_members(facts, region_name or container.get("region_name"))
    if addresses and (fewest is None or fewest[0] <= len(addresses)):
        return "warn", until_replaced(addresses, begin)
    if fewest is None or not addresses:
        return "fail", ""
    number, name = fewest
    opened = f"Of single addresses, {begin} {len(addresses)} {'is' if len(addresses) == 1 else 'are'} open"
    texts = listed(ipaddress.IPv4Address(first) for first, _last in addresses)
    return "fail", f"{opened}, and {name} has {number} members here: {texts}."


def _fewest_members(facts: ConnectionFacts, region_name: str | None) -> tuple[int, str] | None:
    """Return how many electable members the smallest judged cluster has in a region, and its name; None if that is not known.

    Clients of a sharded cluster need one address: that of a router.
    """
    found: list[tuple[int, str]] = []
    for cluster in if_known(lambda: judged_clusters(facts)) or ():
        here = [one for one in cluster["regions"] if has_nodes_at(one, region_name, facts.entry.provider)]
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
        if one["region_name"] is None and not facts.entry.provider.has_one_container:
            raise _without_regions(cluster)
    regions, cloud = {container.get("region_name") for container in peered_containers(facts)}, facts.entry.provider
    return [one for one in cluster["regions"] if has_nodes(one) and not any(has_nodes_at(one, each, cloud) for each in regions)]


def peered_containers(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the containers with a connection to the network: that of the judged one, and those of all AVAILABLE ones.

    Raises:
        UnreadError, SkippedError: If the connections or containers are not known.
    """
    ids = {peer["container_id"] for peer in peers_of_network(facts) if peer["status_name"] == facts.entry.provider.available}
    own = known(facts.atlas.container)
    if own is not None:
        ids.add(own["id"])
    return [one for one in known(facts.atlas.containers) if one["id"] in ids]


def peers_of_network(facts: ConnectionFacts) -> list[AtlasObject]:
    """Return the connections of the project with the network, in any container, without those that have ended.

    Raises:
        UnreadError, SkippedError: If the connections are not known.
    """
    there = known(facts.atlas.peers).of_network(facts.entry.provider, facts.entry.network)
    return [peer for peer in there if not has_ended(peer)]


def has_ended(peer: AtlasObject) -> bool:
    """Whether a connection has failed, or is being removed."""
    return peer["status_name"] in cloud_of(peer).ended


# The checks of a connection and of the way to its block. They judge that of each region of a cluster, on AWS alone.
_OF_A_WAY = frozenset(("P301", "P401", "P402", "P403", "P405", "P601", "P602", "P603", "P607", "P701", "P702", "P703"))
_WRONG = ("fail", "warn", "unknown")


@dataclass(frozen=True)
class Problem:
    """What keeps clients from nodes of a cluster.

    Attributes:
        severity: How bad it is for this cluster: with shards, one region that can be reached is enough.
        regions: Where the nodes are.
        is_electable: Whether one of them can become the primary.
        finding: What a check has found on the way to a connected region; None if the regions are not connected.
    """

    severity: Severity
    regions: tuple[AtlasObject, ...]
    is_electable: bool
    finding: Finding | None = None


class FurtherRegions:
    """The further regions of the judged clusters, each judged at most once.

    Args:
        facts: The facts on the judged connection.
    """

    def __init__(self, facts: ConnectionFacts) -> None:
        self._facts = facts
        self._found: dict[str, list[Finding]] = {}

    def problems_of(self, cluster: AtlasObject) -> list[Problem]:
        """Return the problems in the further regions of a cluster.

        Raises:
            UnreadError, SkippedError: If the connections, the containers or the nodes are not known.
        """
        unpeered = tuple(unpeered_regions(cluster, self._facts))
        there = self._find_ways_to(cluster)
        is_way_clear = self._is_at_home(cluster) or any(
            all(one.severity != "fail" for one in findings) for _region, findings in there
        )
        is_one_enough = is_sharded(cluster) and is_way_clear
        problems = [_problem("fail", unpeered, is_one_enough=is_one_enough)] if unpeered else []
        for region, findings in there:
            problems += [_problem(one.severity, (region,), is_one_enough=is_one_enough, finding=one) for one in findings]
        return problems

    def usable_clusters(self) -> list[AtlasObject]:
        """Return the judged clusters that run, and that clients reach as far as their regions go.

        Raises:
            UnreadError, SkippedError: If the clusters, connections or containers are not known.
        """
        running = [one for one in judged_clusters(self._facts) if is_running(one)]
        return [one for one in running if not any(problem.severity == "fail" for problem in self.problems_of(one))]

    def _is_at_home(self, cluster: AtlasObject) -> bool:
        """Whether a cluster has nodes where the judged connection leads to."""
        container, cloud = known(self._facts.atlas.container), self._facts.entry.provider
        return container is not None and any(has_nodes_at(one, container.get("region_name"), cloud) for one in cluster["regions"])

    def _find_ways_to(self, cluster: AtlasObject) -> list[tuple[AtlasObject, list[Finding]]]:
        """Return the connected further regions of a cluster, with what is wrong or not known on the way to each."""
        facts, own = self._facts, known(self._facts.atlas.container)
        if not facts.entry.provider.judges_subnets:
            return []
        containers = [one for one in peered_containers(facts) if own is None or one["id"] != own["id"]]
        home = own["region_name"] if own is not None else None
        return [
            (region, self._find_on_way(container))
            for region in cluster["regions"]
            for container in containers
            if has_nodes_at(region, container["region_name"], facts.entry.provider) and container["region_name"] != home
        ]

    def _find_on_way(self, container: AtlasObject) -> list[Finding]:
        if container["id"] not in self._found:
            found = [one for one in run_checks(_through(container, self._facts), _OF_A_WAY) if one.severity in _WRONG]
            # Whom the access list shuts out of all regions counts at home. What could not be read counts once, whichever checks
            # need it.
            home = run_checks(self._facts, ("P301",)) if any(one.code == "P301" for one in found) else ()
            texts = [one.message for one in (*home, *found)]
            self._found[container["id"]] = [one for place, one in enumerate(found, len(home)) if one.message not in texts[:place]]
        return self._found[container["id"]]


def _problem(
    severity: Severity, regions: tuple[AtlasObject, ...], *, is_one_enough: bool, finding: Finding | None = None
) -> Problem:
    is_electable = any(one["electable_nodes"] for one in regions)
    is_mild = not is_electable or is_one_enough
    if finding is not None:
        finding = dataclasses.replace(finding, decides=finding.decides and not is_mild)
    return Problem("warn" if severity == "fail" and is_mild else severity, regions, is_electable, finding)


def _through(container: AtlasObject, facts: ConnectionFacts) -> ConnectionFacts:
    """Return the facts on the connection of the same network with another container."""
    available = facts.entry.provider.available
    peers = [one for one in peers_of_network(facts) if one["status_name"] == available]
    peer = next(one for one in peers if one["container_id"] == container["id"])
    connections: t.Any = facts.aws.connections
    if not isinstance(connections, (Missing, Unread)):
        connections = next((one for one in connections if one.id == peer["connection_id"]), None)
    return dataclasses.replace(
        facts,
        entry=facts.entry.with_params(connection_id=None, atlas_cidr_block=None),
        atlas=dataclasses.replace(facts.atlas, peer=peer, container=container),
        aws=dataclasses.replace(facts.aws, connection=connections),
    )
