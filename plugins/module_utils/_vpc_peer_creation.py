# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What a new VPC peering connection is made of, and the rules that are checked before it is requested."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._container import NOT_FOUND, Container, Containers, to_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError, AtlasNotFoundError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._plan import Plan, plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import do_overlap
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer import Peer, VpcPeers

# Refusals behind which the container may be; the last one is all that Atlas said of a wrong container for years.
_ABOUT_THE_CONTAINER = frozenset(("OVERLAPPING_ATLAS_CIDR_BLOCK", "OVERLAPPING_CIDR_BLOCK", "UNEXPECTED_ERROR"))


class PeerCreation:
    """Plans the creation of one connection.

    The container is read, which costs a request, when the options leave it or the region open, and in check mode, which has
    to foresee what Atlas would refuse. Otherwise Atlas itself refuses, and C(explain) then tells why.

    Args:
        context: The running task.
        peers: The connections.
        wanted: The fields that the options ask for.

    Attributes:
        fields: What is to be sent; what the reply will say differs from it in the region.
    """

    def __init__(self, context: Context[AtlasClient], peers: VpcPeers, wanted: t.Mapping[str, t.Any]) -> None:
        self.fields: dict[str, t.Any] = {}
        self._params = context.params
        self._check_mode = context.check_mode
        # The first edition of the API chooses the container by itself; today's has to be told, and the accepter's region, too.
        self._needs_container = context.client.connection.api_version == "v2"
        self._peers = peers
        self._wanted = wanted
        self._containers = Containers(context.client, context.params["group_id"])
        self._container: Container | None = None

    def plan(self, model: Peer | None, *, replaced: Peer | None) -> Plan:
        """Plan a new connection.

        Args:
            model: A connection that the new one is like in what the options leave open.
            replaced: The connection that is removed for it, if any.

        Raises:
            AtlasError: When it cannot be created like that; the message names the option.
        """
        provider = self._peers.provider
        fields = {name: model[name] for name in provider.writable if model[name] is not None} if model else {}
        fields.update(self._wanted)
        if "route_table_cidr_block" not in fields:
            raise InvalidOptionError("route_table_cidr_block is required to create a VPC peering connection.")
        self.fields = fields
        region = None
        # What is removed for a new connection is not there any more when Atlas refuses that one: look before.
        foresees = self._check_mode or replaced is not None
        is_open = not {"container_id", "accepter_region_name"} <= fields.keys()
        if foresees or (self._needs_container and is_open):
            container = self._find_container(fields)
            region = to_region(container)
            if self._needs_container or self._check_mode:
                fields["container_id"] = container["id"]
            if self._needs_container:
                fields.setdefault("accepter_region_name", region)
            _check_overlap(fields, f"network container {container['id']}", container["atlas_cidr_block"])
        self._check_neighbours(fields, replaced)
        # Atlas answers null where the region is the container's.
        shown = {**fields, "accepter_region_name": None} if fields.get("accepter_region_name") == region else fields
        blank = {
            **dict.fromkeys(provider.read_only),
            **dict.fromkeys(provider.writable),
            "status_name": self._params["wait_for"].upper() if self._params["wait"] else provider.progress[0],
            "provider_name": provider.name,
        }
        return plan(shown, replaced, replace=True, blank=blank)

    def _find_container(self, fields: t.Mapping[str, t.Any]) -> Container:
        provider, container_id = self._peers.provider, fields.get("container_id")
        if self._container is not None:
            return self._container
        if container_id is None:
            self._container = self._containers.find_container(provider.name, fields.get("accepter_region_name"))
            return self._container
        try:
            container = self._containers.get_container(container_id)
        except AtlasNotFoundError as error:
            self._check_container_exists(error, container_id)
            raise
        if container["provider_name"] not in (provider.name, None):
            raise InvalidOptionError(
                f"container_id: network container {container_id} is on {container['provider_name']}, not on {provider.name}.",
                hint=f"Leave it out to have the container on {provider.name} found.",
            )
        self._container = container
        return container

    def explain(self, error: AtlasError) -> None:
        """Tell which option is at fault where Atlas has refused a connection because of its container.

        Raises:
            InvalidOptionError: When one is; the message names it.
        """
        if "container_id" not in self.fields:
            return
        self._check_container_exists(error, self.fields["container_id"])
        if self._container is None and error.error_code in _ABOUT_THE_CONTAINER:
            container = self._find_container(self.fields)
            _check_overlap(self.fields, f"network container {container['id']}", container["atlas_cidr_block"])

    def check_change(self, peer: Peer, region: str | None) -> None:
        """Foresee, in check mode, what Atlas would refuse of a connection as it will be.

        Raises:
            InvalidOptionError: When its block overlaps another one.
        """
        if self._check_mode:
            container = self._find_container(peer)
            if region is not None and peer["accepter_region_name"] is None and to_region(container) != region:
                raise InvalidOptionError(
                    f"accepter_region_name cannot be changed: it is {to_region(container)}, not {region}.",
                    hint="Correct the option, or remove the connection first (state: absent).",
                )
            _check_overlap(peer, f"network container {container['id']}", container["atlas_cidr_block"])
            self._check_neighbours(peer, peer)

    def _check_container_exists(self, error: AtlasError, container_id: str) -> None:
        if error.error_code == NOT_FOUND:
            raise InvalidOptionError(
                f"container_id: group {self._params['group_id']} has no network container {container_id}.",
                http_status=error.http_status,
                error_code=error.error_code,
                detail=error.detail,
                hint=f"Check it, or leave it out to have the container on {self._peers.provider.name} found.",
            ) from error

    def _check_neighbours(self, fields: t.Mapping[str, t.Any], replaced: Peer | None) -> None:
        """Check the block against those of the other connections in the same container; they were listed before."""
        for peer in self._peers.last_listed() if "container_id" in fields else []:
            is_gone = peer["status_name"] == self._peers.provider.terminating or (replaced and peer["id"] == replaced["id"])
            if peer["container_id"] == fields["container_id"] and not is_gone:
                name = f"VPC peering connection {peer['id']} ({self._peers.describe(peer)})"
                _check_overlap(fields, name, peer["route_table_cidr_block"])


def _check_overlap(fields: t.Mapping[str, t.Any], name: str, other: str | None) -> None:
    """Check that routes to the VPC will be told from those to another network.

    Raises:
        InvalidOptionError: When the blocks overlap; the message gives both.
    """
    block = fields["route_table_cidr_block"]
    if other is not None and do_overlap(block, other):
        raise InvalidOptionError(
            f"route_table_cidr_block {block} overlaps {other} of {name}.",
            hint="Each VPC, and the container, needs a block of its own: choose another one, or another container.",
        )
