# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Network containers: the part of Atlas's side of the network that a VPC peering connection leads into."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import to_aws_region

Container = dict[str, t.Any]


def to_result(container: t.Mapping[str, t.Any]) -> Container:
    """Return a container of the API with the names of the results."""
    return {
        "id": container.get("id"),
        "provider_name": container.get("providerName"),
        "region_name": container.get("regionName"),
        "atlas_cidr_block": container.get("atlasCidrBlock"),
        "vpc_id": container.get("vpcId"),
        "provisioned": container.get("provisioned"),
    }


def to_region(container: Container) -> str | None:
    """Return the region of a container in AWS's own form, C(us-east-1); None for one that has no region of AWS."""
    region = container["region_name"]
    return to_aws_region("region_name", region) if region else None


class Containers:
    """The network containers of one group.

    Args:
        client: Atlas.
        group_id: The group.
    """

    def __init__(self, client: AtlasClient, group_id: str) -> None:
        self._client = client
        self._group_id = group_id

    def list_containers(self, provider_name: str) -> list[Container]:
        """Return the containers of one cloud provider, such as C(AWS)."""
        path = ("groups", self._group_id, "containers")
        doing = f"list the network containers of group {self._group_id}"
        return [to_result(one) for one in self._client.get_all(path, {"providerName": provider_name}, doing)]

    def get_container(self, container_id: str) -> Container:
        """Return one container.

        Raises:
            AtlasNotFoundError: When there is none with that id.
        """
        path = ("groups", self._group_id, "containers", container_id)
        return to_result(self._client.get(path, f"read network container {container_id} of group {self._group_id}"))

    def find_container(self, provider_name: str, region: str | None) -> Container:
        """Return the container that a peering connection to a VPC in I(region) most likely means.

        That is the only one of the provider, or else the one in that region.

        Raises:
            AtlasError: When there is none, or more than one that could be meant; they are listed.
        """
        containers = self.list_containers(provider_name)
        if len(containers) == 1:
            return containers[0]
        if not containers:
            raise AtlasError(
                f"Group {self._group_id} has no network container on {provider_name}.",
                hint="Create one, or a cluster in the region, and run the task again.",
            )
        in_region = [one for one in containers if region is not None and to_region(one) == region]
        if len(in_region) == 1:
            return in_region[0]
        candidates = ", ".join(f"{one['id']} ({to_region(one)}, {one['atlas_cidr_block']})" for one in containers)
        raise AtlasError(
            f"Group {self._group_id} has {len(containers)} network containers on {provider_name}: {candidates}.",
            hint="Say which one with container_id.",
        )
