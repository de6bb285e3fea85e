# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading Atlas's half: each list once for the project, side by side, and more only where a check needs it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from functools import partial

from .._api.client import AtlasClient
from .._clouds.checked import AWS
from .._engine.options import Parameters
from .._http.errors import AtlasError
from .._resources.access_list import AccessList
from .._resources.clusters import FLEX, SHARED, Clusters, is_custom_dns_enabled
from .atlas_lists import Answer, joined, list_containers, list_entries, list_peers, of_cloud, read_other

ReadAll = t.Callable[[t.Mapping[t.Any, t.Callable[[], t.Any]]], dict[t.Any, t.Any]]


@dataclass(frozen=True)
class AtlasReading:
    """What was read of a project, as it concerns the connections with one cloud: lists of objects, or the AtlasError why not.

    Attributes:
        peers: The connections with the cloud.
        containers: The network containers on the cloud.
        access_list: The entries.
        clusters: The clusters that are not Flex clusters.
        flex_clusters: The Flex clusters; None if they do not matter, since there is a dedicated cluster.
        others: For each of the other projects, its connections with AWS, with the blocks of their containers.
        other_peers: The connections with the other clouds that were read.
    """

    peers: Answer
    containers: Answer
    access_list: Answer
    clusters: Answer
    flex_clusters: Answer
    others: t.Mapping[str, Answer]
    other_peers: Answer = ()


Readings = t.Mapping[str, AtlasReading]


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
        self._clouds: t.Sequence[str] = params["clouds"]
        self._read_all = read_all

    def read(self) -> Readings:
        """Read what every connection needs, and return it for each cloud.

        Raises:
            AtlasError: If nothing could be read at all.
        """
        clusters = Clusters(self._client, self._group_id)
        # Playbooks for AWS alone ask for its containers, as they did before there were other clouds.
        only = AWS.name if list(self._clouds) == [AWS.name] else None
        own: dict[t.Any, t.Callable[[], t.Any]] = {
            **{("peers", one): partial(list_peers, self._client, self._group_id, one) for one in self._clouds},
            "containers": partial(list_containers, self._client, self._group_id, only),
            "access_list": partial(list_entries, self._client, self._group_id),
            "clusters": clusters.list_clusters,
        }
        others = {("other", one): partial(read_other, self._client, one) for one in self._others}
        calls: dict[t.Any, t.Callable[[], t.Any]] = {**own, **others}
        found = self._read_all(calls)
        answers = {name: found[name] for name in own}
        failures = [one for one in answers.values() if isinstance(one, AtlasError)]
        if len(failures) == len(answers):
            raise failures[0]
        flex = self._read_all({"flex": clusters.list_flex_clusters})["flex"] if self._needs_flex(answers["clusters"]) else None
        return {
            cloud: AtlasReading(
                answers["peers", cloud],
                answers["containers"] if only else of_cloud(answers["containers"], cloud, self._group_id),
                answers["access_list"],
                answers["clusters"],
                flex,
                {one: found["other", one] for one in self._others} if cloud == AWS.name else {},
                joined([answers["peers", one] for one in self._clouds if one != cloud]),
            )
            for cloud in self._clouds
        }

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
