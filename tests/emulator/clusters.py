"""Clusters, as far as a network sees them: where their nodes are, whether they run, and how they are reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from . import attributes
from .attributes import Body
from .errors import ApiError
from .regions import REGIONS

STATES = ("IDLE", "CREATING", "UPDATING", "DELETING", "REPAIRING")
TYPES = ("REPLICASET", "SHARDED", "GEOSHARDED")
PROVIDERS = ("AWS", "AZURE", "GCP")
FLEX = "FLEX"
#: The tiers that share their hosts with clusters of others.
_SHARED = ("M0", "M2", "M5")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,63}")
_TIER = re.compile(r"M[1-9][0-9]{1,2}")
_NODES = {"electable_nodes": 3, "read_only_nodes": 0, "analytics_nodes": 0}
_SPECS = {"electable_nodes": "electableSpecs", "read_only_nodes": "readOnlySpecs", "analytics_nodes": "analyticsSpecs"}
_MOST_NODES = 50
#: The two forms in which clusters are shown, by their versions. The older one counts the shards of each zone, and has one size
#: for all disks; the newer one has a replication spec for each shard, with the size in it.
VERSIONS = ("2023-02-01", "2024-08-05")


@dataclass(frozen=True)
class Region:
    """Where a cluster has nodes, and how many of each kind."""

    provider: str
    name: str
    nodes: tuple[tuple[str, int], ...]

    @property
    def electable(self) -> int:
        """How many nodes can become the primary."""
        return dict(self.nodes)["electable_nodes"]


@dataclass(frozen=True)
class Cluster:
    """One cluster."""

    id: str
    name: str
    #: `M10` and so on, `M0`, or `FLEX`.
    tier: str
    regions: tuple[Region, ...]
    state: str
    paused: bool
    #: One of TYPES.
    kind: str
    created: str

    @property
    def is_flex(self) -> bool:
        """Whether it is a Flex cluster, which has a resource of its own."""
        return self.tier == FLEX

    @property
    def is_dedicated(self) -> bool:
        """Whether it has hosts of its own, in network containers."""
        return not self.is_flex and self.tier not in _SHARED

    def to_json(self, group_id: str, url: str, has_private: bool, version: str = VERSIONS[-1]) -> Body:
        """Return the cluster as a reply shows it.

        Args:
            group_id: The project.
            url: Its own address.
            has_private: Whether it has connection strings with private addresses.
            version: One of VERSIONS; Flex clusters have one form.
        """
        shown: Body = {
            "id": self.id,
            "name": self.name,
            "groupId": group_id,
            "clusterType": self.kind,
            "connectionStrings": self._connection_strings(group_id, has_private),
            "createDate": self.created,
            "links": [{"href": url, "rel": "self"}],
            "mongoDBVersion": "8.0.4",
            "stateName": self.state,
            "tags": [],
            "terminationProtectionEnabled": False,
            "versionReleaseSystem": "LTS",
        }
        if self.is_flex:
            region = self.regions[0]
            settings = {
                "providerName": FLEX,
                "backingProviderName": region.provider,
                "regionName": region.name,
                "diskSizeGB": 5.0,
            }
            return {**shown, "backupSettings": {"enabled": True}, "providerSettings": settings}
        disk = {"diskSizeGB": 10.0 if self.is_dedicated else 0.5}
        older, newer = ({}, disk) if version == VERSIONS[-1] else ({"numShards": 1}, {})
        configs = [self._region_config(region, 7 - number, newer) for number, region in enumerate(self.regions)]
        spec = {"id": self.id, "zoneId": self.id, "zoneName": "Zone 1", "regionConfigs": configs, **older}
        shown |= {"backupEnabled": False, "mongoDBMajorVersion": "8.0", "paused": self.paused, "replicationSpecs": [spec]}
        return {**shown, **disk} if older else shown

    def _region_config(self, region: Region, priority: int, disk: Body) -> Body:
        where = {"providerName": region.provider, "regionName": region.name, "priority": max(priority, 0)}
        if not self.is_dedicated:
            tenant = {"providerName": "TENANT", "backingProviderName": region.provider}
            return {**where, **tenant, "electableSpecs": {"instanceSize": self.tier}}
        specs = {_SPECS[kind]: {"instanceSize": self.tier, "nodeCount": number, **disk} for kind, number in region.nodes}
        return {**where, **specs}

    def _connection_strings(self, group_id: str, has_private: bool) -> Body:
        if self.state == "CREATING":
            # Seen on the wire: it has none yet.
            return {}
        name, domain = self.name.lower(), f"{group_id[-5:]}.mongodb.net"
        count = sum(region.electable for region in self.regions) if self.is_dedicated else 3

        # Strings for a sharded cluster name its mongos, such as those in Datadog's guide for Atlas.
        port, more = (27017, f"&replicaSet=atlas-{name}-shard-0") if self.kind not in ("SHARDED", "GEOSHARDED") else (27016, "")

        def pair(infix: str) -> tuple[str, str]:
            hosts = ",".join(f"{name}-shard-00-{number:02}{infix}.{domain}:{port}" for number in range(count))
            return (
                f"mongodb://{hosts}/?ssl=true&authSource=admin{more}",
                f"mongodb+srv://{name}{infix}.{domain}",
            )

        strings = dict(zip(("standard", "standardSrv"), pair("")))
        return {**strings, **dict(zip(("private", "privateSrv"), pair("-pri")))} if has_private else strings


class Clusters:
    """The clusters of one project, in the order in which they were made.

    Args:
        group_id: The project.
        new_id: Makes the id of a new cluster.
        today: Returns the time of day in ISO 8601.
    """

    def __init__(self, group_id: str, new_id: Callable[[], str], today: Callable[[], str]) -> None:
        """Start with none."""
        self._group_id = group_id
        self._new_id = new_id
        self._today = today
        self._by_name: dict[str, Cluster] = {}

    def __iter__(self) -> Iterator[Cluster]:
        """Iterate over all clusters."""
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_name)

    def get(self, name: str) -> Cluster:
        """Return one cluster.

        Raises:
            ApiError: CLUSTER_NOT_FOUND.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise ApiError("CLUSTER_NOT_FOUND", name, self._group_id) from None

    def put(self, body: Body) -> Cluster:
        """Make a cluster, or another one of one of the same name, as `parse` reads it.

        Raises:
            ApiError: For a body that is not right.
        """
        fields = parse(body)
        old = self._by_name.get(fields["name"])
        new = Cluster(old.id if old else self._new_id(), created=old.created if old else self._today(), **fields)
        self._by_name[new.name] = new
        return new

    def delete(self, name: str) -> None:
        """Let a cluster be gone at once.

        Raises:
            ApiError: CLUSTER_NOT_FOUND.
        """
        del self._by_name[self.get(name).name]


def parse(body: Body) -> dict[str, Any]:
    """Read what a test says of a cluster: `name`, `regions`, `tier` (M10), `state_name` (IDLE), `paused` (false), `cluster_type`.

    Each region has a `region_name` as Atlas writes it, `provider_name` (AWS), `electable_nodes` (3), `read_only_nodes` (0) and
    `analytics_nodes` (0).

    Raises:
        ApiError: For a body that is not right.
    """
    attributes.check_names(body, ("name", "regions", "tier", "state_name", "paused", "cluster_type"), ())
    attributes.require(body, ("name", "regions"))
    attributes.check_pattern(body, "name", _NAME)
    attributes.check_enum(body, "state_name", STATES)
    attributes.check_enum(body, "cluster_type", TYPES)
    tier, regions = body.get("tier", "M10"), body["regions"]
    if tier not in (FLEX, *_SHARED) and not (isinstance(tier, str) and _TIER.fullmatch(tier)):
        raise ApiError("INVALID_ATTRIBUTE", "tier")
    if not isinstance(body.get("paused", False), bool):
        raise ApiError("INVALID_ATTRIBUTE", "paused")
    if not isinstance(regions, list) or not regions or not all(isinstance(one, dict) for one in regions):
        raise ApiError("INVALID_ATTRIBUTE", "regions")
    if len(regions) > 1 and tier in (FLEX, *_SHARED):
        raise ApiError("INVALID_ATTRIBUTE", "regions", detail="Shared and Flex clusters have one region.")
    return {
        "name": body["name"],
        "tier": tier,
        "regions": tuple(_parse_region(one) for one in regions),
        "state": body.get("state_name", "IDLE"),
        "paused": body.get("paused", False),
        "kind": body.get("cluster_type", TYPES[0]),
    }


def _parse_region(body: Body) -> Region:
    attributes.check_names(body, ("provider_name", "region_name", *_NODES), ())
    attributes.require(body, ("region_name",))
    attributes.check_enum(body, "provider_name", PROVIDERS)
    provider, name = body.get("provider_name", "AWS"), body["region_name"]
    if not isinstance(name, str):
        raise ApiError("INVALID_ATTRIBUTE", "region_name")
    if name not in REGIONS[provider]:
        raise ApiError("INVALID_REGION", name)
    nodes = {kind: body.get(kind, default) for kind, default in _NODES.items()}
    for kind, number in nodes.items():
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= _MOST_NODES:
            raise ApiError("INVALID_ATTRIBUTE", kind)
    return Region(provider, name, tuple(nodes.items()))
