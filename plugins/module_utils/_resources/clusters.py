# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's clusters, with their regions and connection strings: all read-only."""

from __future__ import annotations

import re
import typing as t

from .._api.client import AtlasClient
from .._api.reply import odd_reply
from .._clouds.cloud import Cloud, Fields
from .._http.errors import ApiError, as_name

# The providers of clusters on shared hosts, which use no network container and cannot be peered.
SHARED = "TENANT"
FLEX = "FLEX"
SERVERLESS = "SERVERLESS"
# The state of one that is being removed.
LEAVING = "DELETING"
# The v2 API's versions of the resources.
CLUSTERS_VERSION = "2024-08-05"
FLEX_VERSION = "2024-11-13"
# A cluster with some shards in three regions takes 110 KiB, and a page of 500 would be more than is read of a reply.
PAGE = {"itemsPerPage": "10"}
# Only a 404 with this code means that the cluster does not exist.
_MISSING = frozenset(("CLUSTER_NOT_FOUND",))
# The error code of the resource `clusters` for a Flex cluster.
_IS_FLEX = "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"
_T = t.TypeVar("_T")
_MEMBERS = re.compile(r"mongodb://([A-Za-z0-9.-]+:[0-9]+(?:,[A-Za-z0-9.-]+:[0-9]+)*)(?:[/?].*)?")
# The API's names, by the names of the results.
_STRINGS = {"standard": "standard", "standard_srv": "standardSrv", "private": "private", "private_srv": "privateSrv"}
_NODES = {"electable_nodes": "electableSpecs", "read_only_nodes": "readOnlySpecs", "analytics_nodes": "analyticsSpecs"}
_KINDS: dict[type, str] = {str: "a text", bool: "true or false", int: "a whole number", list: "a list", dict: "an object"}


class Region(t.TypedDict):
    """A region of a cluster, with its nodes in all shards; None for what Atlas does not report."""

    provider_name: str
    backing_provider_name: str | None
    region_name: str | None
    electable_nodes: int | None
    read_only_nodes: int | None
    analytics_nodes: int | None


class Cluster(t.TypedDict):
    """A cluster, with the names of the results; None for what Atlas does not report. Members are `host:port`."""

    id: str
    name: str
    state_name: str
    paused: bool | None
    cluster_type: str | None
    regions: list[Region]
    connection_strings: dict[str, str | None]
    members: list[str]
    private_members: list[str]


class Clusters:
    """The clusters of one project.

    Args:
        client: Atlas, with v2 of its API.
        group_id: The project.
    """

    def __init__(self, client: AtlasClient, group_id: str) -> None:
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "clusters")
        self._flex_path = ("groups", group_id, "flexClusters")

    def list_clusters(self) -> list[Cluster]:
        """Return the dedicated and the shared clusters."""
        description = f"list the clusters of project {as_name(self._group_id)}"
        found = self._client.get_all(self._path, PAGE, description, version=CLUSTERS_VERSION)
        return [to_result(one, description) for one in found]

    def list_flex_clusters(self) -> list[Cluster]:
        """Return the Flex clusters."""
        description = f"list the Flex clusters of project {as_name(self._group_id)}"
        found = self._client.get_all(self._flex_path, {}, description, version=FLEX_VERSION)
        return [flex_to_result(one, description) for one in found]

    def find_cluster(self, name: str) -> Cluster | None:
        """Return one cluster of any kind; None if there is none with this name."""
        description = f"read cluster {name} of project {as_name(self._group_id)}"
        try:
            found = self._client.find((*self._path, name), description, _MISSING, version=CLUSTERS_VERSION)
        except ApiError as error:
            if error.error_code != _IS_FLEX:
                raise
            found = self._client.find((*self._flex_path, name), description, _MISSING, version=FLEX_VERSION)
            return None if found is None else flex_to_result(found, description)
        return None if found is None else to_result(found, description)


def to_result(cluster: Fields, description: str) -> Cluster:
    """Return a dedicated or shared cluster of the API with the names of the results.

    Args:
        cluster: The object of the API.
        description: What was requested, as a verb phrase for the message.

    Raises:
        ApiError: If it is not a cluster.
    """
    return _to_cluster(cluster, description, _regions_of)


def flex_to_result(cluster: Fields, description: str) -> Cluster:
    """Return a Flex cluster of the API with the names of the results, as `to_result` does."""
    return _to_cluster(cluster, description, _flex_regions_of)


def _to_cluster(cluster: Fields, description: str, regions_of: t.Callable[[Fields], list[Region]]) -> Cluster:
    try:
        regions = regions_of(cluster)
        strings = _typed(cluster, "connectionStrings", dict) or {}
        connection_strings = {name: _typed(strings, key, str) or None for name, key in _STRINGS.items()}
        return {
            "id": _text(cluster, "id"),
            "name": _text(cluster, "name"),
            "state_name": _text(cluster, "stateName"),
            "paused": _typed(cluster, "paused", bool),
            "cluster_type": _typed(cluster, "clusterType", str),
            "regions": regions,
            "connection_strings": connection_strings,
            "members": _members_of(connection_strings["standard"]),
            "private_members": _members_of(connection_strings["private"]),
        }
    except ValueError as error:
        raise odd_reply(description, f"is not a cluster: {error}") from None


def _flex_regions_of(cluster: Fields) -> list[Region]:
    return [_to_region({**(_typed(cluster, "providerSettings", dict) or {}), "providerName": FLEX})]


def _regions_of(cluster: Fields) -> list[Region]:
    """Return each region once, with its nodes in all shards, in the order of first appearance."""
    configs = [config for spec in _objects(cluster, "replicationSpecs") for config in _objects(spec, "regionConfigs")]
    found: dict[tuple[object, ...], list[Region]] = {}
    for region in map(_to_region, configs):
        found.setdefault(tuple(value for name, value in region.items() if name not in _NODES), []).append(region)
    return [t.cast("Region", {**same[0], **{name: _sum(same, name) for name in _NODES}}) for same in found.values()]


def _members_of(connection_string: str | None) -> list[str]:
    """Return the members in a connection string, each `host:port`. Atlas's strings have no user and no password."""
    if connection_string is None:
        return []
    found = _MEMBERS.fullmatch(connection_string)
    if not found:
        raise ValueError("a connection string does not name the members")
    return found.group(1).split(",")


def _to_region(config: Fields) -> Region:
    provider = _text(config, "providerName")
    is_shared = provider in (SHARED, FLEX)
    specs = {name: _typed(config, key, dict) for name, key in _NODES.items()}
    # Every region has nodes: without any specs, Atlas just does not say how many.
    is_told = not is_shared and any(one is not None for one in specs.values())
    nodes = {name: _nodes_of(one) if is_told else None for name, one in specs.items()}
    backing, region = (_typed(config, name, str) for name in ("backingProviderName", "regionName"))
    return t.cast("Region", {"provider_name": provider, "backing_provider_name": backing, "region_name": region, **nodes})


def _nodes_of(specs: Fields | None) -> int | None:
    """Return the number of nodes of one kind: 0 without `specs`, None if these have no number."""
    return 0 if specs is None else _typed(specs, "nodeCount", int)


def _sum(regions: t.Iterable[Fields], name: str) -> int | None:
    """Return the number of nodes of one kind in several shards; None if Atlas does not say it of one."""
    numbers = [one[name] for one in regions]
    return None if None in numbers else sum(numbers)


def _typed(one: Fields, name: str, kind: type[_T]) -> _T | None:
    """Return a field; None if there is none.

    Raises:
        ValueError: If it is of another type.
    """
    value = one.get(name)
    # In Python, a boolean is an integer, too.
    if value is not None and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
        raise ValueError(f"{name} is not {_KINDS[kind]}")
    return value


def _text(one: Fields, name: str) -> str:
    """Return a required text field.

    Raises:
        ValueError: If it is missing, empty or not a text.
    """
    value = _typed(one, name, str)
    if not value:
        raise ValueError(f"{name} is missing")
    return value


def _objects(one: Fields, name: str) -> list[dict[str, object]]:
    found = _typed(one, name, list) or []
    if not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{name} has something else than objects")
    return list(found)


def has_nodes_at(region: Fields, name: str | None, cloud: Cloud) -> bool:
    """Whether a region of a cluster is that of a network container on a cloud, and has nodes; on GCP, any region is."""
    return region["provider_name"] == cloud.name and has_nodes(region) and cloud.is_in_region(region["region_name"], name)


def may_have_nodes_at(region: Fields, name: str | None, cloud: Cloud) -> bool:
    """Whether the same is not known, because Atlas does not report which region it is.

    The published description says of regionName: "The region name is only returned in the response for single-region clusters."
    """
    return region["region_name"] is None and name is not None and has_nodes_at({**region, "region_name": name}, name, cloud)


def has_nodes(region: Fields) -> bool:
    """Whether a cluster has nodes in a region; True if Atlas does not report how many."""
    return any(region[name] is None or region[name] > 0 for name in _NODES)
