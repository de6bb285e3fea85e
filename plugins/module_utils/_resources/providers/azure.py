# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Atlas says of connections and containers on AZURE."""

from __future__ import annotations

import json
import shlex
import typing as t

from ..._values.azure_names import vnet_id
from ..._values.azure_regions import AZURE_REGIONS
from .container_kind import ContainerKind
from .provider import CustomerTask, Fields, Peer, Provider

# Atlas's application in Azure, for which the customer makes a service principal, and what its role has to allow on the VNet:
# https://www.mongodb.com/docs/atlas/security-vpc-peering/
APPLICATION_ID = "e90a1407-55c3-432d-9cb1-3638900a9d22"
ACTIONS = (
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete",
    "Microsoft.Network/virtualNetworks/peer/action",
)


def _customer_task(peer: Peer, region: str | None, container: Fields | None) -> CustomerTask:
    raise NotImplementedError("Atlas makes both sides of a peering.")


def _handover(peer: Fields, container: Fields | None, is_government: bool) -> dict[str, t.Any]:
    """Return what the service principal and its role are made of; the application of the government's Atlas is not known."""
    application_id = None if is_government else APPLICATION_ID
    names = [peer.get(name) for name in ("azure_subscription_id", "resource_group_name", "vnet_name")]
    if any(name is None for name in names):
        return {"application_id": application_id, "scope": None, "role_definition": None, "az": None}
    scope = vnet_id(*map(str, names))
    role = {"name": f"AtlasPeering/{'/'.join(map(str, names))}", "actions": list(ACTIONS), "assignable_scopes": [scope]}
    lines = None if application_id is None else _to_az(application_id, scope, role)
    return {"application_id": application_id, "scope": scope, "role_definition": role, "az": lines}


def _to_az(application_id: str, scope: str, role: Fields) -> list[str]:
    definition = {"Name": role["name"], "IsCustom": True, "Actions": role["actions"], "AssignableScopes": [scope]}
    name = shlex.quote(role["name"])
    return [
        f"az ad sp create --id {application_id}",
        f"az role definition create --role-definition {shlex.quote(json.dumps(definition))}",
        f"az role assignment create --role {name} --assignee {application_id} --scope {shlex.quote(scope)}",
    ]


AZURE = Provider(
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
    network="VNet",
    required=("azure_directory_id", "azure_subscription_id", "resource_group_name", "vnet_name"),
    changeable=frozenset(),
    progress=("ADDING_PEER", "AVAILABLE"),
    pending=None,
    failed="FAILED",
    terminating="DELETING",
    # Atlas's texts are free; these two come without a cause.
    failure_reasons={
        "RETRYABLE": "Atlas names no cause, and another attempt may succeed",
        "Internal Error": "Atlas names no cause; if another attempt fails too, ask MongoDB's support",
    },
    accepted_id=None,
    customer_task=_customer_task,
    handover=_handover,
    removal_failed="DELETION_FAILED",
    removal_advice=(
        "Atlas's role on the VNet has to stay until the connection is gone: check that the service principal, the role and its "
        "assignment are there, then run the task again."
    ),
    lost="because its role was taken away, or because the VNet was deleted",
    ignores_case=True,
    role_codes=frozenset(("AZURE_CUSTOMER_NETWORK_UNREACHABLE", "AZURE_CUSTOMER_NETWORK_VALIDATION_FAILED")),
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
