# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Which network container the options of a VPC peering connection mean."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import (
    AtlasError,
    AtlasNotFoundError,
    InvalidOptionError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import (
    NOT_FOUND,
    Container,
    Containers,
    to_region,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import AWS, Peer
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import to_aws_region


class ContainerChoice:
    """The network container that C(container_id) or C(container_region_name) names, or that is found without them.

    What is read is read once. C(container_region_name) costs the list of the containers as soon as it matters.

    Args:
        context: The running task.
    """

    def __init__(self, context: Context[AtlasClient]) -> None:
        params = context.params
        self._group_id: str = params["group_id"]
        self._containers = Containers(context.client, self._group_id)
        self._id: str | None = params["container_id"]
        region = params["container_region_name"]
        self._region = to_aws_region("container_region_name", region) if region is not None else None
        self._listed: list[Container] | None = None
        self._read: dict[str, Container] = {}

    def select(self, peers: list[Peer]) -> list[Peer]:
        """Return those of some connections that are in a container that the options allow.

        Raises:
            AtlasError: When Atlas does not say which container one is in.
        """
        if not peers or (self._id is None and self._region is None):
            return peers
        for peer in peers:
            if peer["container_id"] is None:
                raise AtlasError(
                    f"Atlas does not say which network container VPC peering connection {peer['id']} is in.",
                    hint="Leave container_id and container_region_name out; peer_id alone names one connection.",
                )
        ids = [self._id] if self._region is None else [one["id"] for one in self._in_region()]
        return [peer for peer in peers if peer["container_id"] in ids]

    def chosen_id(self) -> str | None:
        """Return the id of the container that the options name; None if they leave it open.

        Raises:
            AtlasError: When C(container_region_name) names none, or more than one.
        """
        if self._region is None:
            return self._id
        found = self._in_region()
        if len(found) == 1:
            return str(found[0]["id"])
        if found:
            raise AtlasError(
                f"container_region_name: project {self._group_id} has {len(found)} network containers in {self._region}: "
                f"{self._described(found)}.",
                hint="Set container_id instead.",
            )
        others = f"; it has {self._described(self._list())}" if self._list() else ""
        raise AtlasError(
            f"container_region_name: project {self._group_id} has no network container on {AWS.name} in {self._region}{others}.",
            hint="Correct it, or create the network container (atlas_network_container) or a cluster in that region.",
        )

    def find_container(self, container_id: str | None, region: str | None) -> Container:
        """Return the container of a connection.

        Args:
            container_id: Its id, if it is known. Otherwise it is the only one on AWS, or the one in the region of the VPC.
            region: The region of the VPC, if it is known.

        Raises:
            AtlasError: When there is none, or more than one that could be meant; they are listed.
        """
        if container_id is not None:
            return self._get(container_id)
        containers = self._list()
        if len(containers) == 1:
            return containers[0]
        if not containers:
            raise AtlasError(
                f"Project {self._group_id} has no network container on {AWS.name}.",
                hint="Create one, or a cluster in the region, and run the task again.",
            )
        in_region = [one for one in containers if region is not None and to_region(one) == region]
        if len(in_region) == 1:
            return in_region[0]
        raise AtlasError(
            f"Project {self._group_id} has {len(containers)} network containers on {AWS.name}: {self._described(containers)}.",
            hint="Say which one with container_region_name or container_id.",
        )

    def known(self, container_id: str | None) -> Container | None:
        """Return a container if it has been read already."""
        listed = {one["id"]: one for one in self._listed or []}
        return {**listed, **self._read}.get(container_id)

    def describe(self, container_id: str) -> str:
        """Return a container in words, with its region if Atlas tells it: the words are for a failure of another kind."""
        try:
            region = next((to_region(one) for one in self._list() if one["id"] == container_id), None)
        except AtlasError:
            region = None
        return f"network container {container_id}" + (f" in {region}" if region else "")

    def missing(self, container_id: str, error: AtlasError) -> InvalidOptionError | None:
        """Return what to say if an error means that a container does not exist; None for any other error."""
        if error.error_code != NOT_FOUND:
            return None
        is_option = container_id == self._id
        return InvalidOptionError(
            f"{'container_id: p' if is_option else 'P'}roject {self._group_id} has no network container {container_id}.",
            http_status=error.http_status,
            error_code=error.error_code,
            detail=error.detail,
            hint=f"Check it, or leave it out to have the container on {AWS.name} found." if is_option else "Run the task again.",
        )

    def _get(self, container_id: str) -> Container:
        known = self.known(container_id)
        if known is not None:
            return known
        try:
            container = self._containers.get_container(container_id)
        except AtlasNotFoundError as error:
            missing = self.missing(container_id, error)
            if missing is not None:
                raise missing from error
            raise
        if container["provider_name"] not in (AWS.name, None):
            raise InvalidOptionError(
                f"container_id: network container {container_id} is on {container['provider_name']}, not on {AWS.name}.",
                hint=f"Leave it out to have the container on {AWS.name} found.",
            )
        self._read[container_id] = container
        return container

    def _list(self) -> list[Container]:
        if self._listed is None:
            self._listed = self._containers.list_containers(AWS.name)
        return self._listed

    def _in_region(self) -> list[Container]:
        return [one for one in self._list() if to_region(one) == self._region]

    def _described(self, containers: t.Iterable[Container]) -> str:
        return ", ".join(f"{one['id']} ({to_region(one)}, {one['atlas_cidr_block']})" for one in containers)
