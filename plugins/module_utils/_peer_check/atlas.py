# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Reading Atlas's half: each list once for the project, side by side, and more only where a check needs it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from functools import partial

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasApiError, AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._checks.facts import AtlasObject
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.access_list import AccessList
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.cluster_fields import FLEX, SHARED
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.clusters import Clusters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.custom_dns import is_custom_dns_enabled
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.invalid import InvalidValueError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import parse_aws_region

Answer = t.Any
ReadAll = t.Callable[[t.Mapping[t.Any, t.Callable[[], t.Any]]], dict[t.Any, t.Any]]


@dataclass(frozen=True)
class AtlasReading:
    """What was read of a project: lists of objects, or the AtlasError why not.

    Attributes:
        peers: The connections with AWS.
        containers: The network containers on AWS.
        access_list: The entries.
        clusters: The clusters that are not Flex clusters.
        flex_clusters: The Flex clusters; None if they do not matter, since there is a dedicated cluster.
        others: For each of the other projects, its connections, with the blocks of their containers.
    """

    peers: Answer
    containers: Answer
    access_list: Answer
    clusters: Answer
    flex_clusters: Answer
    others: t.Mapping[str, Answer]


class AtlasReader:
    """Reads a project.

    Args:
        client: Atlas.
        params: The options.
        read_all: Carries out calls side by side, and returns what they return, or the AtlasErrors that they raise, by their keys.
    """

    def __init__(self, client: AtlasClient, params: Parameters, read_all: ReadAll) -> None:
        self._client = client
        self._group_id: str = params["group_id"]
        self._others = [one for one in params["group_ids"] or () if one != self._group_id]
        self._named = params["clusters"]
        self._read_all = read_all

    def read(self) -> AtlasReading:
        """Read what every connection needs.

        Raises:
            AtlasError: If nothing could be read at all.
        """
        clusters = Clusters(self._client, self._group_id)
        own: dict[str, t.Callable[[], t.Any]] = {
            "peers": partial(_list_peers, self._client, self._group_id),
            "containers": partial(_list_containers, self._client, self._group_id),
            "access_list": partial(_list_entries, self._client, self._group_id),
            "clusters": clusters.list_clusters,
        }
        others = {("other", one): partial(_read_other, self._client, one) for one in self._others}
        calls: dict[t.Any, t.Callable[[], t.Any]] = {**own, **others}
        found = self._read_all(calls)
        answers = {name: found[name] for name in own}
        failures = [one for one in answers.values() if isinstance(one, AtlasError)]
        if len(failures) == len(answers):
            raise failures[0]
        flex = self._read_all({"flex": clusters.list_flex_clusters})["flex"] if self._needs_flex(answers["clusters"]) else None
        return AtlasReading(**answers, flex_clusters=flex, others={one: found["other", one] for one in self._others})

    def _needs_flex(self, clusters: t.Any) -> bool:
        """Whether Flex clusters matter: no dedicated cluster exists, or one is named that is not among the others."""
        if isinstance(clusters, AtlasError):
            return False
        is_dedicated = [all(one["provider_name"] not in (SHARED, FLEX) for one in each["regions"]) for each in clusters]
        names = {one["name"] for one in clusters}
        return not any(is_dedicated) or any(name not in names for name in self._named or ())

    def read_statuses(self, keys: t.Iterable[str]) -> dict[str, Answer]:
        """Return what Atlas says of entries of the access list, by their keys."""
        access_list = AccessList(self._client, self._group_id)
        return self._read_all({key: partial(access_list.get_status, key) for key in keys})

    def read_custom_dns(self) -> Answer:
        """Return whether custom DNS is enabled, or the AtlasError why that could not be read."""
        return self._read_all({"dns": partial(is_custom_dns_enabled, self._client, self._group_id)})["dns"]


def _list_peers(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    found = VpcPeers(client, group_id).list_peers()
    _check_regions(found, "accepter_region_name", "VPC peering connection", group_id)
    return list(found)


def _list_containers(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    found = Containers(client, group_id).list_containers(AWS.name)
    _check_texts(found, ("id", "provider_name", "region_name", "atlas_cidr_block", "vpc_id"), "network container", group_id)
    on_aws = [one for one in found if one["provider_name"] in (None, AWS.name)]
    _check_regions(on_aws, "region_name", "network container", group_id)
    return list(found)


def _list_entries(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    found = list(AccessList(client, group_id).list_entries().values())
    names = ("cidr_block", "ip_address", "aws_security_group", "comment", "delete_after_date")
    _check_texts(found, names, "entry of the access list", group_id)
    return list(found)


def _read_other(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    """Return the connections of another project, each with the block of its container."""
    peers = _list_peers(client, group_id)
    blocks = {one["id"]: one["atlas_cidr_block"] for one in (_list_containers(client, group_id) if peers else ())}
    return [{**peer, "atlas_cidr_block": blocks.get(peer["container_id"])} for peer in peers]


def _check_texts(found: t.Iterable[t.Mapping[str, t.Any]], names: t.Sequence[str], what: str, group_id: str) -> None:
    """Check that fields are texts or null, which checks rely on.

    Raises:
        AtlasApiError: If one is something else.
    """
    for one in found:
        odd = [name for name in names if one[name] is not None and not isinstance(one[name], str)]
        if odd or one.get("id", "") is None:
            raise _odd_reply(what, ", ".join(odd) or "id", group_id)


def _check_regions(found: t.Iterable[t.Mapping[str, t.Any]], name: str, what: str, group_id: str) -> None:
    """Check that a field is a region of AWS, if it is set: it may say which region of AWS is asked.

    Raises:
        AtlasApiError: If it is something else.
    """
    for one in found:
        try:
            if one[name]:
                parse_aws_region(one[name])
        except InvalidValueError:
            raise _odd_reply(what, name, group_id) from None


def _odd_reply(what: str, names: str, group_id: str) -> AtlasApiError:
    return AtlasApiError(f"Failed to read project {group_id}: a reply is not a {what}: {names}.", hint="Check base_url.")
