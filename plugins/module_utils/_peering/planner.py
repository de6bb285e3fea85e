# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What a new VPC peering connection is made of, and what keeps Atlas from taking a connection as it is to be."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan, plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Container, to_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import Peer, VpcPeers, same_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import do_overlap

from .container_choice import ContainerChoice

# Refusals behind which the container, the region, or another connection may be. The last one is all that Atlas said of a wrong
# container for years.
_EXPLAINED = frozenset(("OVERLAPPING_ATLAS_CIDR_BLOCK", "OVERLAPPING_CIDR_BLOCK", "INVALID_ATTRIBUTE", "UNEXPECTED_ERROR"))


class PeerCreation:
    """Plans the creation of one connection, and says what Atlas would refuse, or has refused.

    The container is read, which costs a request, when the options leave it or the region open, and in check mode, which has
    to foresee what Atlas would refuse. Otherwise Atlas itself refuses, and C(explain) then tells why.

    Args:
        context: The running task.
        peers: The connections.
        choice: The container.
        wanted: The fields that the options ask for, without the container.

    Attributes:
        fields: What is to be sent; what the reply will say differs from it in the region.
        home_region: The region of the container, if it is known.
    """

    def __init__(
        self, context: Context[AtlasClient], peers: VpcPeers, choice: ContainerChoice, wanted: t.Mapping[str, t.Any]
    ) -> None:
        self.fields: dict[str, t.Any] = {}
        self.home_region: str | None = None
        self._params = context.params
        self._check_mode = context.check_mode
        # Version 1.0 of the API chooses the container by itself; v2 has to be told, and the accepter's region, too.
        self._needs_container = context.client.settings.api_version == "v2"
        self._peers = peers
        self._choice = choice
        self._wanted = wanted

    def plan(self, template: Peer | None = None, *, replaced: Peer | None = None) -> Plan:
        """Plan a new connection.

        Args:
            template: A connection that the new one is like in what the options leave open.
            replaced: The connection that is removed for it, if any.

        Raises:
            AtlasError: When it cannot be created like that; the message names the option.
        """
        provider = self._peers.provider
        fields = {name: template[name] for name in provider.writable if template[name] is not None} if template else {}
        fields.update(self._wanted)
        container_id = self._choice.chosen_id()
        if container_id is not None:
            fields["container_id"] = container_id
        if "route_table_cidr_block" not in fields:
            raise InvalidOptionError("route_table_cidr_block is required to create a VPC peering connection.")
        self.fields = fields
        container = self._choice.known(container_id)
        # What is removed for a new connection is gone when Atlas refuses that one: check before.
        foresees = self._check_mode or replaced is not None
        is_open = not {"container_id", "accepter_region_name"} <= fields.keys()
        if foresees or (self._needs_container and is_open):
            container = self._choice.find_container(fields.get("container_id"), fields.get("accepter_region_name"))
            if self._needs_container or self._check_mode:
                fields["container_id"] = container["id"]
            if self._needs_container:
                fields.setdefault("accepter_region_name", to_region(container))
        self.home_region = region = to_region(container) if container is not None else None
        self._check_overlaps(fields, container, self._peers.last_listed())
        # Atlas answers null where the region is the container's.
        shown = {**fields, "accepter_region_name": None} if fields.get("accepter_region_name") == region else fields
        blank = {
            **dict.fromkeys(provider.read_only),
            **dict.fromkeys(provider.writable),
            "status_name": self._params["wait_for"].upper() if self._params["wait"] else provider.progress[0],
            "provider_name": provider.name,
        }
        return plan(shown, replaced, replace=True, blank=blank)

    def plan_again(self, dead: Peer) -> Plan:
        """Plan to replace a connection by what the options alone describe, so that nothing is lost if the task ends in between.

        Raises:
            AtlasError: When that would be another connection.
        """
        if "route_table_cidr_block" not in self._wanted:
            raise InvalidOptionError(
                "route_table_cidr_block is required with recreate: dead, which removes the failed VPC peering connection "
                f"{dead['id']} and creates it again from the options alone.",
                hint=f"Set it; the block of that connection is {dead['route_table_cidr_block']}.",
            )
        result = self.plan(replaced=dead)
        container = self._choice.find_container(self.fields.get("container_id"), self.fields.get("accepter_region_name"))
        region = to_region(container)
        new = {"accepter_region_name": region, **self.fields, "container_id": container["id"]}
        old = {**dead, "accepter_region_name": dead["accepter_region_name"] or region}
        names = [name for name in self._peers.provider.writable if old[name] != new[name]]
        if same_region(new["accepter_region_name"], old["accepter_region_name"]):
            names = [name for name in names if name != "accepter_region_name"]
        if names:
            differences = ", ".join(f"{name} is {old[name]}, not {new[name]}" for name in names)
            raise AtlasError(
                f"VPC peering connection {dead['id']} is {self._peers.provider.failure_in_words(dead)}, and the options describe "
                f"another one: {differences}.",
                hint="recreate: dead only replaces what the options alone create again: correct them, or remove the connection "
                "first (state: absent).",
            )
        return result

    def explain(self, error: AtlasError, fields: t.Mapping[str, t.Any], current: Peer | None = None) -> None:
        """Tell which option is at fault where Atlas has refused a connection.

        Args:
            error: The refusal.
            fields: The connection that was sent.
            current: The connection that was to be changed; None for a new one.

        Raises:
            InvalidOptionError: When one is; the message names it.
        """
        container_id = fields.get("container_id")
        better = self._choice.missing(container_id, error) if container_id is not None else None
        if better is None and error.error_code in _EXPLAINED:
            try:
                container = self._choice.find_container(container_id, fields.get("accepter_region_name"))
                self._check_region(current, container)
                self._check_overlaps({**fields, "container_id": container["id"]}, container, self._peers.last_listed())
            except InvalidOptionError as found:
                better = found
            except AtlasError:
                # The refusal is what matters, and not that Atlas does not tell more about it.
                return
        if better is not None:
            better.http_status, better.error_code, better.detail = error.http_status, error.error_code, error.detail
            raise better from error

    def check_change(self, fields: Peer, current: Peer) -> None:
        """Check what a connection is to become, without a request; in check mode, foresee what Atlas would refuse.

        Raises:
            InvalidOptionError: When its block overlaps another one, or its region is to change.
        """
        container = self._choice.known(current["container_id"])
        if self._check_mode:
            container = self._choice.find_container(current["container_id"], None)
            self._check_region(current, container)
        neighbours = self._peers.last_listed() if self._check_mode else self._peers.listed
        self._check_overlaps(fields, container, neighbours)

    def region_of(self, peer: Peer) -> str | None:
        """Return the region of the VPC of a connection: where Atlas answers null, the container's, which may have to be read."""
        region = peer["accepter_region_name"] or self._wanted.get("accepter_region_name")
        if region is not None or peer["container_id"] is None:
            return t.cast("str | None", region)
        return to_region(self._choice.find_container(peer["container_id"], None))

    def _check_region(self, current: Peer | None, container: Container) -> None:
        """Check that the region of a connection is not to change where Atlas answers null for it.

        Raises:
            InvalidOptionError: When it is.
        """
        wanted, present = self._wanted.get("accepter_region_name"), to_region(container)
        if wanted is not None and current is not None and current["accepter_region_name"] is None and present != wanted:
            raise InvalidOptionError(
                f"accepter_region_name cannot be changed: it is {present}, not {wanted}.",
                hint="Correct the option, or remove the connection first (state: absent).",
            )

    def _check_overlaps(self, fields: t.Mapping[str, t.Any], container: Container | None, neighbours: list[Peer]) -> None:
        """Check that the routes to the VPC can be told from those to the container, and to other VPCs that are connected to it.

        Raises:
            InvalidOptionError: When the blocks overlap; the message gives both.
        """
        provider, block, choose = self._peers.provider, fields["route_table_cidr_block"], "choose another one"
        atlas_block = container["atlas_cidr_block"] if container is not None else None
        if container is not None and _overlaps(block, atlas_block):
            raise InvalidOptionError(
                f"route_table_cidr_block {block} overlaps {atlas_block} of network container {container['id']}.",
                hint=f"The VPC and the container need blocks of their own: {choose}, or another container.",
            )
        for peer in neighbours:
            is_itself = all(peer[name] == fields[name] for name in provider.identity)
            if is_itself or peer["status_name"] == provider.terminating or peer["container_id"] != fields.get("container_id"):
                continue
            if _overlaps(block, peer["route_table_cidr_block"]):
                name = f"VPC peering connection {peer['id']} ({self._peers.describe(peer)})"
                hint = f"Each VPC needs a block of its own: {choose}, or another container."
                if peer["status_name"] == provider.failed:
                    name = f"{name}, which is {provider.failure_in_words(peer)}"
                    hint = (
                        f"If it is no longer needed, remove it with peer_id: {peer['id']} and state: absent; then run this again."
                    )
                raise InvalidOptionError(
                    f"route_table_cidr_block {block} overlaps {peer['route_table_cidr_block']} of {name}.", hint=hint
                )


def _overlaps(block: str, other: str | None) -> bool:
    return other is not None and do_overlap(block, other)
