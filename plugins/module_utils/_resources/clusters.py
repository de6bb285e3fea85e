# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clusters of a project: dedicated and shared ones have one resource, Flex clusters another.

They are described in https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/group/endpoint-clusters.
"""

from __future__ import annotations

from .._api.client import AtlasClient
from .._http.errors import AtlasApiError
from .cluster_fields import Cluster, flex_to_result, to_result

# The dates of the versions that are read.
VERSION = "2024-08-05"
FLEX_VERSION = "2024-11-13"
# 404 with this code, and with no other, means that the cluster is not there.
_MISSING = frozenset(("CLUSTER_NOT_FOUND",))
# What the resource of dedicated clusters answers for a Flex cluster.
_IS_FLEX = "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"


class Clusters:
    """The clusters of one project.

    Args:
        client: Atlas, by v2 of its API.
        group_id: The project.
    """

    def __init__(self, client: AtlasClient, group_id: str) -> None:
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "clusters")
        self._flex_path = ("groups", group_id, "flexClusters")

    def list_clusters(self) -> list[Cluster]:
        """Return the dedicated and the shared clusters."""
        description = f"list the clusters of project {self._group_id}"
        return [to_result(one, description) for one in self._client.get_all(self._path, {}, description, version=VERSION)]

    def list_flex_clusters(self) -> list[Cluster]:
        """Return the Flex clusters."""
        description = f"list the Flex clusters of project {self._group_id}"
        found = self._client.get_all(self._flex_path, {}, description, version=FLEX_VERSION)
        return [flex_to_result(one, description) for one in found]

    def find_cluster(self, name: str) -> Cluster | None:
        """Return one cluster of any kind; None if there is none with that name."""
        description = f"read cluster {name} of project {self._group_id}"
        try:
            found = self._client.find((*self._path, name), description, _MISSING, version=VERSION)
        except AtlasApiError as error:
            if error.error_code != _IS_FLEX:
                raise
            found = self._client.find((*self._flex_path, name), description, _MISSING, version=FLEX_VERSION)
            return None if found is None else flex_to_result(found, description)
        return None if found is None else to_result(found, description)
