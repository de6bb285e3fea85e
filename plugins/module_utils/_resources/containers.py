# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API's network containers, Atlas's side of peering connections: requests, and conversion to and from results.

The rules are in https://www.mongodb.com/docs/atlas/security-vpc-peering/.
"""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._api.reply import check_written, odd_reply
from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, REGION, REGIONS, Cloud, Peer
from .._clouds.clouds import CLOUDS, cloud_of
from .._http.errors import as_name, as_option

# Only a 404 with this code means that the container does not exist.
NOT_FOUND = "CLOUD_PROVIDER_CONTAINER_NOT_FOUND"
_ALREADY_EXISTS = frozenset(("CONTAINER_ALREADY_EXISTS",))
# What to do next, by error code.
CONTAINER_HINTS = {
    NOT_FOUND: "Check container_id: it must be an AWS network container of this project.",
    "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER": "Run the task again in a few minutes, or set wait to true.",
    "CONTAINERS_IN_USE": "Remove what holds the network container first: clusters, peering connections and backup snapshots.",
    "NO_CAPACITY": "Atlas has no room there at the moment: run the task again later, or choose another region.",
    "OVERLAPPING_ATLAS_CIDR_BLOCK": (
        f"Choose a block that overlaps none of a network container: another {as_option(str(AWS.block))}, or "
        f"{as_option('atlas_cidr_block')}."
    ),
}


class Container(t.TypedDict, total=False):
    """A network container, with the names of the results; None for what Atlas does not report.

    It also has the read-only fields in `atlas_network` of its cloud.
    """

    id: str
    provider_name: str | None
    region_name: str | None
    regions: list[str]
    atlas_cidr_block: str | None
    provisioned: bool | None


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
        # By id: what tasks with this client have read, and the connections that used it then.
        self._kept: dict[str, tuple[Container, frozenset[str]]] = client.kept.setdefault(self._path, {})
        # Those that this task has read, or knows to be unchanged; and the containers of the connections that it has listed.
        self._read: set[str] = set()
        self._users: dict[str, str] | None = None

    def list_containers(self, provider_name: str) -> list[Container]:
        """Return the containers of one cloud provider, such as `AWS`."""
        description = f"list the network containers of project {as_name(self._group_id)}"
        listed = self._client.get_all(self._path, {"providerName": provider_name}, description)
        return [self._keep(_read(one, description)) for one in listed]

    def list_all_containers(self) -> list[Container]:
        """Return the containers of all cloud providers."""
        description = f"list the network containers of project {as_name(self._group_id)}"
        return [self._keep(_read(one, description)) for one in self._client.get_all((*self._path, "all"), {}, description)]

    def get_container(self, container_id: str) -> Container:
        """Return one container.

        Raises:
            NotFoundError: If there is none with this id.
            ApiError: If the reply is not this container.
        """
        description = f"read network container {as_name(container_id)} of project {as_name(self._group_id)}"
        container = _read(self._client.get((*self._path, container_id), description, hints=CONTAINER_HINTS), description)
        if container["id"] != container_id:
            # Its region would be taken for that of a connection, which `recreate: changed` may replace for it.
            raise odd_reply(description, "is not this network container")
        return container

    def regions_of(self, peers: t.Iterable[Peer]) -> dict[str, str | None]:
        """Return the regions of the containers of connections, by id, as far as they are known to be unchanged.

        Known are those that a task with this client has read while the connection existed: Atlas moves a container to another
        region, as Terraform wants it, only while nothing uses it.
        """
        nothing: tuple[Container, frozenset[str]] = ({}, frozenset())
        kept = {peer["id"]: (peer["container_id"], *self._kept.get(peer["container_id"], nothing)) for peer in peers}
        return {where: container.get(REGION) for peer_id, (where, container, users) in kept.items() if peer_id in users}

    def record_users(self, peers: t.Iterable[Peer]) -> None:
        """Record the connections of the project, as they have just been listed; one that has ended may use no container."""
        is_first = self._users is None
        self._users = {peer["id"]: peer["container_id"] for peer in peers if peer["status_name"] not in cloud_of(peer).ended}
        for container_id in self._read if is_first else ():
            # It was needed to choose the connection.
            self._keep(self._kept[container_id][0])

    def record_new_user(self, peer: Peer) -> None:
        """Record that this task has just created a connection, perhaps in a container that it has read."""
        if peer["container_id"] in self._read:
            self._users = {**(self._users or {}), peer["id"]: peer["container_id"]}
            self._keep(self._kept[peer["container_id"]][0])

    def get_used_container(self, container_id: str) -> Container:
        """Return one container as `get_container` does, or as an earlier task with this client has read it.

        That one counts if a connection has used the container ever since: Atlas neither removes nor changes it then.
        """
        container, users = self._kept.get(container_id, (None, frozenset()))
        if container is None or users.isdisjoint(self._users_of(container_id)):
            container = self.get_container(container_id)
        return self._keep(container)

    def _keep(self, container: Container) -> Container:
        """Keep a container for later tasks, which this one has read, or which cannot have changed, with its users."""
        self._read.add(container["id"])
        self._kept[container["id"]] = container, self._users_of(container["id"])
        return container

    def _users_of(self, container_id: str) -> frozenset[str]:
        return frozenset(peer_id for peer_id, used in (self._users or {}).items() if used == container_id)

    def create_container(self, cloud: Cloud, fields: t.Mapping[str, object]) -> Container:
        """Create a container and return it as Atlas describes it.

        Args:
            cloud: Its cloud.
            fields: Its region or regions, as Atlas writes them, and its block; without one, Atlas chooses it (AWS only).
        """
        place = f"on {cloud.name}" if cloud.has_one_container else f"in {cloud.describe_place(fields)}"
        description = f"create the network container {place} of project {self._group_id}"
        body = _to_body(fields, cloud)
        reply = self._client.post(self._path, body, description, exists=_ALREADY_EXISTS, hints=CONTAINER_HINTS)
        return _written(reply, body, description)

    def update_container(self, container: Container, fields: t.Mapping[str, object]) -> Container:
        """Change a container that nothing uses, and return it as Atlas describes it then.

        The whole object is sent, as resource_network_container.go of the Terraform provider does.

        Args:
            container: The current container.
            fields: The fields to change: its block, and on GCP its regions.
        """
        cloud = container_cloud(container["provider_name"])
        body = _to_body({**container, **fields}, cloud)
        names = " and the ".join("CIDR block" if name == BLOCK else name for name in fields)
        change = f"from {cloud.describe_fields(container, fields)} to {cloud.describe_fields(fields, fields)}"
        description = f"change the {names} of network container {container['id']} {change}"
        reply = self._client.patch((*self._path, container["id"]), body, description, hints=CONTAINER_HINTS)
        return _written(reply, {**body, "id": container["id"]}, description)

    def delete_container(self, container_id: str) -> None:
        """Delete a container.

        Raises:
            OvertakenError: If another client has deleted it.
            TaskError: If it cannot be deleted, or Atlas does not answer.
        """
        description = f"delete network container {container_id} of project {self._group_id}"
        self._client.delete((*self._path, container_id), description, gone=frozenset((NOT_FOUND,)), hints=CONTAINER_HINTS)


def _read(reply: t.Mapping[str, object], description: str, cloud: Cloud | None = None, *, is_write: bool = False) -> Container:
    """Return the container in a reply.

    Args:
        reply: The object of the API.
        description: What was requested, for the message.
        cloud: The container's cloud; None for the one in its `providerName`.
        is_write: Whether the request was a change.

    Raises:
        ApiError: If its region is not a text.
    """
    container = to_container(reply, cloud)
    if isinstance(container.get(REGION), (str, type(None))):
        return container
    flaw = f"has a network container whose region is not a text ({container['id']})"
    raise odd_reply(description, flaw, is_write=is_write)


def _written(reply: t.Mapping[str, object], sent: t.Mapping[str, t.Any], description: str) -> Container:
    """Return the container in the reply to a change, which must show what was sent.

    Raises:
        ApiError: If it does not; `outcome_unknown` is set.
    """
    result = _read(reply, description, container_cloud(sent["providerName"]), is_write=True)
    if not isinstance(result["id"], str):
        raise odd_reply(description, "is not a network container", is_write=True)
    asked = to_container(sent)
    wanted = {name: value for name, value in asked.items() if value is not None and name != REGIONS}
    chosen = asked.get("regions", [])
    if sorted(chosen) != sorted(result.get("regions", [])):
        # Not if only the order differs, which Atlas may change.
        wanted[REGIONS] = chosen
    # A reply may leave out the provider.
    shown = {**result, "provider_name": result["provider_name"] or wanted.get("provider_name")}
    check_written(description, shown, wanted)
    return result


def to_container(container: t.Mapping[str, t.Any], cloud: Cloud | None = None) -> Container:
    """Return a container of the API with the names of the results; regions stay as Atlas writes them.

    Args:
        container: The object of the API.
        cloud: Its cloud; None for the one in its `providerName`.
    """
    cloud = cloud or container_cloud(container.get("providerName"))
    names = (cloud.place, BLOCK, *cloud.atlas_network)
    fields = {name: container.get(_api_name(name, cloud)) for name in names}
    block, regions = fields[BLOCK], fields.get(REGIONS)
    fields[BLOCK] = block if isinstance(block, str) else None
    if cloud.has_one_container:
        # Atlas leaves out the regions if none were chosen.
        fields[REGIONS] = [one for one in regions if isinstance(one, str)] if isinstance(regions, list) else []
    first = {"id": container.get("id"), "provider_name": container.get("providerName")}
    return t.cast("Container", {**first, **fields, "provisioned": container.get("provisioned")})


def _to_body(fields: t.Mapping[str, object], cloud: Cloud) -> dict[str, object]:
    """Return the body of a POST or PATCH: the writable fields with a value, and `providerName`."""
    body = {_api_name(name, cloud): fields[name] for name in (cloud.place, BLOCK) if fields.get(name)}
    return {"providerName": cloud.name, **body}


def _api_name(name: str, cloud: Cloud) -> str:
    """Return the API's name of a container's field; fields of Atlas's network have no prefix `atlas_` there."""
    if name in cloud.atlas_network:
        name = name.replace("atlas_", "", 1)
    return cloud.api_names.get(name, to_camel_case(name))


def to_camel_case(name: str) -> str:
    """Return a name in the API's form: `vpcId` for `vpc_id`."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def container_cloud(provider_name: str | None) -> Cloud:
    """Return the cloud of a `providerName`; AWS if that is missing or unknown."""
    return CLOUDS.get(provider_name, AWS) if isinstance(provider_name, str) else AWS


def to_region(container: Container) -> str | None:
    """Return the region of a container as its cloud writes it, such as `us-east-1`; None if it has no single region."""
    region = container.get(REGION)
    return container_cloud(container["provider_name"]).regions.to_cloud(region) if isinstance(region, str) else None


def is_in_region(container: Container, region: str) -> bool:
    """Whether a container is in a region, in either spelling; False for containers without a single region."""
    found = container.get(REGION)
    return isinstance(found, str) and container_cloud(container["provider_name"]).is_in_region(found, region)


def describe(containers: t.Iterable[Container]) -> str:
    """Return containers in words: id, region or regions, and block of each."""
    found = ((one, container_cloud(one["provider_name"]).describe_place(one)) for one in containers)
    return ", ".join(f"{one['id']} ({place}, {one['atlas_cidr_block']})" for one, place in found)
