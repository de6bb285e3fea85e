# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked about a connection: its entry, and the options that concern it. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._clouds.checked import CLOUDS, Cloud


@dataclass(frozen=True)
class Entry:
    """A connection with a network, as the options give it, or as Atlas has it where they give none; what is open is None.

    The fields of other clouds than that of `provider_name` are empty.
    """

    vpc_id: str = ""
    aws_account_id: str | None = None
    region: str | None = None
    cidr_block: str | None = None
    container_region: str | None = None
    aws_security_group: str | None = None
    route_table_ids: tuple[str, ...] | None = None
    route_table_tags: t.Mapping[str, str] | None = None
    connection_id: str | None = None
    atlas_cidr_block: str | None = None
    provider_name: str = "AWS"
    cidr_blocks: tuple[str, ...] = ()
    azure_directory_id: str | None = None
    azure_subscription_id: str | None = None
    resource_group_name: str | None = None
    vnet_name: str | None = None
    gcp_project_id: str | None = None
    network_name: str | None = None
    atlas_gcp_project_id: str | None = None
    atlas_network_name: str | None = None

    @property
    def cloud(self) -> Cloud:
        """The cloud of the network."""
        return CLOUDS[self.provider_name]

    @property
    def network(self) -> str:
        """The id or the name of the network, which findings are about that are about nothing else."""
        return str(getattr(self, self.cloud.network))

    @property
    def title(self) -> str:
        """The network in a sentence: a VPC has an id that says what it is, and a name does not."""
        return self.network if self.cloud.network == "vpc_id" else f"{self.cloud.noun} {self.network}"

    @property
    def identity(self) -> dict[str, str | None]:
        """The fields that tell its network from others."""
        return {name: getattr(self, name) for name in self.cloud.identity}


@dataclass(frozen=True)
class Asked:
    """What the options ask about, as far as it concerns the VPC of the connection.

    Attributes:
        subnet_ids: The subnets to judge; None for those that the entry means.
        security_group_ids: The security groups of the clients.
        instance_ids: The instances that are clients.
        clusters: The names of the clusters to judge; None for those in the container's region.
        client_cidr_blocks: Blocks of clients, also outside the VPC.
        probes: What `atlas_probe` has returned, on hosts in the VPC.
    """

    subnet_ids: tuple[str, ...] | None = None
    security_group_ids: tuple[str, ...] | None = None
    instance_ids: tuple[str, ...] | None = None
    clusters: tuple[str, ...] | None = None
    client_cidr_blocks: tuple[str, ...] | None = None
    probes: tuple[t.Mapping[str, t.Any], ...] | None = None
