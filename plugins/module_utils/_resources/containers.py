# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Network containers: the part of Atlas's side of the network that a VPC peering connection leads into.

Their rules are in https://www.mongodb.com/docs/atlas/security-vpc-peering/.
"""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasApiError, AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.reply import check_written
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import to_atlas_region, to_cloud_region


class Container(t.TypedDict):
    """A network container, with the names of the results; what Atlas does not say is None."""

    id: str
    provider_name: str | None
    region_name: str | None
    atlas_cidr_block: str | None
    vpc_id: str | None
    provisioned: bool | None


# 404 with this code, and with no other, means that the container is not there.
NOT_FOUND = "CLOUD_PROVIDER_CONTAINER_NOT_FOUND"
_ALREADY_EXISTS = frozenset(("CONTAINER_ALREADY_EXISTS",))
# What to do next, by error code.
HINTS = {
    NOT_FOUND: "Check container_id: it must be an AWS network container of this project.",
    "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER": "Run the task again in a few minutes, or set wait to true.",
    "CONTAINERS_IN_USE": "Remove the clusters and peering connections that use the network container first.",
    "OVERLAPPING_ATLAS_CIDR_BLOCK": (
        "Choose a block that overlaps none of a network container: another route_table_cidr_block, or atlas_cidr_block."
    ),
}


def to_result(container: t.Mapping[str, t.Any]) -> Container:
    """Return a container of the API with the names of the results."""
    block = container.get("atlasCidrBlock")
    return {
        "id": t.cast("str", container.get("id")),
        "provider_name": container.get("providerName"),
        "region_name": container.get("regionName"),
        "atlas_cidr_block": block if isinstance(block, str) else None,
        "vpc_id": container.get("vpcId"),
        "provisioned": container.get("provisioned"),
    }


def to_region(container: Container) -> str | None:
    """Return the region of a container in the cloud's own form, `us-east-1`; None for one that has no region."""
    region = container["region_name"]
    return to_cloud_region(region) if isinstance(region, str) else None


def describe(containers: t.Iterable[Container]) -> str:
    """Return containers in words."""
    return ", ".join(f"{one['id']} ({to_region(one)}, {one['atlas_cidr_block']})" for one in containers)


class Containers:
    """The network containers of one project.

    Args:
        client: Atlas.
        group_id: The project.
    """

    def __init__(self, client: AtlasClient, group_id: str) -> None:
        self._client = client
        self._group_id = group_id
        self._path = ("groups", group_id, "containers")

    def list_containers(self, provider_name: str) -> list[Container]:
        """Return the containers of one cloud provider, such as `AWS`."""
        description = f"list the network containers of project {self._group_id}"
        return [to_result(one) for one in self._client.get_all(self._path, {"providerName": provider_name}, description)]

    def choose(self, containers: t.Sequence[Container], provider_name: str, region: str | None) -> Container | None:
        """Return the container of a provider in a region, or its only one if no region is given.

        Raises:
            AtlasError: If no region is given and there is no container, or several, which are listed.
        """
        if region is not None:
            return next((one for one in containers if to_region(one) == region), None)
        if len(containers) == 1:
            return containers[0]
        project = f"Project {self._group_id}"
        if not containers:
            raise AtlasError(
                f"{project} has no network container on {provider_name}.", hint="Set region_name to create one there."
            )
        raise AtlasError(
            f"{project} has {len(containers)} network containers on {provider_name}: {describe(containers)}.",
            hint="Say which one with region_name.",
        )

    def get_container(self, container_id: str) -> Container:
        """Return one container.

        Raises:
            AtlasNotFoundError: If there is none with that id.
        """
        description = f"read network container {container_id} of project {self._group_id}"
        return to_result(self._client.get((*self._path, container_id), description, hints=HINTS))

    def create_container(self, provider_name: str, region: str, atlas_cidr_block: str | None) -> Container:
        """Create a container; without a block, Atlas chooses one."""
        body = {"providerName": provider_name, "regionName": to_atlas_region(region)}
        if atlas_cidr_block is not None:
            body["atlasCidrBlock"] = atlas_cidr_block
        description = f"create the network container in {region} of project {self._group_id}"
        reply = self._client.post(self._path, body, description, exists=_ALREADY_EXISTS, hints=HINTS)
        return _written(reply, body, description)

    def update_container(self, container: Container, atlas_cidr_block: str) -> Container:
        """Give a container that nothing uses another block."""
        body = {
            "providerName": container["provider_name"],
            "regionName": container["region_name"],
            "atlasCidrBlock": atlas_cidr_block,
        }
        blocks = f"from {container['atlas_cidr_block']} to {atlas_cidr_block}"
        description = f"change the CIDR block of network container {container['id']} {blocks}"
        reply = self._client.patch((*self._path, container["id"]), body, description, hints=HINTS)
        return _written(reply, {**body, "id": container["id"]}, description)

    def delete_container(self, container_id: str) -> None:
        """Delete a container.

        Raises:
            OvertakenError: If somebody else has deleted it.
            AtlasError: If it cannot be deleted.
        """
        description = f"delete network container {container_id} of project {self._group_id}"
        self._client.delete((*self._path, container_id), description, gone=frozenset((NOT_FOUND,)), hints=HINTS)


def _written(reply: t.Mapping[str, t.Any], sent: t.Mapping[str, t.Any], description: str) -> Container:
    """Return the container in the reply to a change, which has to be what was sent.

    Raises:
        AtlasApiError: If it is not: whether the change was made is unknown then.
    """
    result = to_result(reply)
    if not isinstance(result["id"], str):
        raise AtlasApiError(
            f"Failed to {description}: the reply is not a network container.", hint="Check base_url.", outcome_unknown=True
        )
    wanted = {name: value for name, value in to_result(sent).items() if value is not None}
    # A reply does not have to name the provider.
    shown = {**result, "provider_name": result["provider_name"] or wanted.get("provider_name")}
    check_written(description, shown, wanted)
    return result
