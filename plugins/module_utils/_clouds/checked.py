# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between clouds in the checks that hold for all of them: words, what tells networks apart, and regions. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._values.regions import to_atlas_region
from .azure import AZURE_REGIONS

Fields = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Cloud:
    """A cloud, as the checks see it.

    Attributes:
        name: Its name in Atlas.
        noun: What a network of the customer is called there.
        network: The field with the name or the id of the customer's network.
        owner: The field that says to whom the network belongs.
        owner_noun: What that is called.
        identity: The fields that tell networks apart. An id of a VPC is enough by itself, and a name is not.
        has_case: Whether names that differ in case only are different ones.
        to_atlas: Returns a region as Atlas writes it; None where a network container serves all regions.
        pending: The states in which a connection counts as pending.
    """

    name: str
    noun: str
    network: str
    owner: str
    owner_noun: str
    identity: tuple[str, ...]
    has_case: bool
    to_atlas: t.Callable[[str], str] | None
    pending: tuple[str, ...]

    def is_same(self, name: str | None, other: str | None) -> bool:
        """Whether two names mean the same."""
        return name == other or (not self.has_case and (name or "").lower() == (other or "").lower())

    def is_same_network(self, one: Fields, other: Fields) -> bool:
        """Whether two connections, or an entry and a connection, are with the same network."""
        return all(self.is_same(one[name], other[name]) for name in self.identity)

    def is_in_region(self, region: str | None, container_region: str | None) -> bool:
        """Whether a region is the one that a network container serves."""
        if self.to_atlas is None:
            return True
        if region is None or container_region is None:
            return False
        return self.to_atlas(region).upper() == self.to_atlas(container_region).upper()


AWS = Cloud(
    name="AWS",
    noun="VPC",
    network="vpc_id",
    owner="aws_account_id",
    owner_noun="account",
    identity=("vpc_id",),
    has_case=True,
    to_atlas=to_atlas_region,
    pending=("INITIATING", "PENDING_ACCEPTANCE", "FINALIZING"),
)
AZURE = Cloud(
    name="AZURE",
    noun="VNet",
    network="vnet_name",
    owner="azure_subscription_id",
    owner_noun="subscription",
    identity=("azure_subscription_id", "vnet_name"),
    has_case=False,
    to_atlas=AZURE_REGIONS.to_atlas,
    pending=("ADDING_PEER",),
)
GCP = Cloud(
    name="GCP",
    noun="VPC network",
    network="network_name",
    owner="gcp_project_id",
    owner_noun="project",
    identity=("gcp_project_id", "network_name"),
    has_case=True,
    to_atlas=None,
    pending=("ADDING_PEER", "WAITING_FOR_USER"),
)
CLOUDS: t.Mapping[str, Cloud] = {cloud.name: cloud for cloud in (AWS, AZURE, GCP)}
ALL = tuple(CLOUDS)
