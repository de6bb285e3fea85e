# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what keeps clients from the regions of a cluster that the judged connection does not lead to."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass

from ..._resources.clusters import has_nodes_at
from ..facts import AtlasObject, ConnectionFacts, Missing, Unread, known
from .judged_clusters import is_running, is_sharded, judged_clusters, peered_containers, peers_of_network, unpeered_regions
from .rule import Finding, Severity, run_checks

# The checks of a connection and of the way to its block. They judge that of each region of a cluster, on AWS alone.
_OF_A_WAY = frozenset(("P401", "P402", "P403", "P405", "P601", "P602", "P603", "P607", "P701", "P702", "P703"))
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
        container, cloud = known(self._facts.atlas.container), self._facts.entry.cloud
        return container is not None and any(has_nodes_at(one, container.get("region_name"), cloud) for one in cluster["regions"])

    def _find_ways_to(self, cluster: AtlasObject) -> list[tuple[AtlasObject, list[Finding]]]:
        """Return the connected further regions of a cluster, with what is wrong or not known on the way to each."""
        facts, own = self._facts, known(self._facts.atlas.container)
        if not facts.entry.cloud.judges_subnets:
            return []
        containers = [one for one in peered_containers(facts) if own is None or one["id"] != own["id"]]
        home = own["region_name"] if own is not None else None
        return [
            (region, self._find_on_way(container))
            for region in cluster["regions"]
            for container in containers
            if has_nodes_at(region, container["region_name"], facts.entry.cloud) and container["region_name"] != home
        ]

    def _find_on_way(self, container: AtlasObject) -> list[Finding]:
        if container["id"] not in self._found:
            found = [one for one in run_checks(_through(container, self._facts), _OF_A_WAY) if one.severity in _WRONG]
            # What could not be read counts once, whichever checks need it.
            messages = [one.message for one in found]
            self._found[container["id"]] = [one for place, one in enumerate(found) if one.message not in messages[:place]]
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
    available = facts.entry.cloud.available
    peers = [one for one in peers_of_network(facts) if one["status_name"] == available]
    peer = next(one for one in peers if one["container_id"] == container["id"])
    connections: t.Any = facts.aws.connections
    if not isinstance(connections, (Missing, Unread)):
        connections = next((one for one in connections if one.id == peer["connection_id"]), None)
    return dataclasses.replace(
        facts,
        entry=dataclasses.replace(facts.entry, connection_id=None, atlas_cidr_block=None),
        atlas=dataclasses.replace(facts.atlas, peer=peer, container=container),
        aws=dataclasses.replace(facts.aws, connection=connections),
    )
