# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What Atlas says of connections and containers on AZURE."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.azure_regions import AZURE_REGIONS

from .container_kind import ContainerKind
from .provider import PeerFields

AZURE = PeerFields(
    name="AZURE",
    identity=("azure_subscription_id", "vnet_name"),
    writable={
        "azure_directory_id": "azureDirectoryId",
        "azure_subscription_id": "azureSubscriptionId",
        "resource_group_name": "resourceGroupName",
        "vnet_name": "vnetName",
        "container_id": "containerId",
    },
    read_only={"id": "id", "status_name": "status", "error_state_name": "errorState"},
)
AZURE_CONTAINERS = ContainerKind(
    name="AZURE",
    place="region_name",
    writable={"region_name": "region", "atlas_cidr_block": "atlasCidrBlock"},
    # Atlas's subscription has an id of its own form there, and not the uuid that customers' have.
    read_only={"atlas_azure_subscription_id": "azureSubscriptionId", "atlas_vnet_name": "vnetName"},
    to_atlas=AZURE_REGIONS.to_atlas,
    to_cloud=AZURE_REGIONS.to_cloud,
    sizes=lambda regions: range(21, 25),
    needs_block=True,
    is_changeable=False,
)
