# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AZURE: names, regions, and the role for Atlas's application, which makes both sides of a peering."""

from __future__ import annotations

import json
import re
import shlex
import typing as t

from .._values.ids import parse_azure_name
from .._values.patterns import InvalidValueError
from .cloud import Cloud, CustomerTask, Fields, Peer, RegionTable

# Atlas's application in Azure, for which the customer creates a service principal, and the actions of its role on the VNet:
# https://www.mongodb.com/docs/atlas/security-vpc-peering/
APPLICATION_ID = "e90a1407-55c3-432d-9cb1-3638900a9d22"
ACTIONS = (
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write",
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete",
    "Microsoft.Network/virtualNetworks/peer/action",
)
# The name of a VNet of Atlas, from the documentation of Atlas: `vnetName` of a network container.
_ATLAS_NETWORK = re.compile(r"vnet_[0-9a-f]{24}_[a-z]+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VNET = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Network/virtualNetworks/([^/]+)/?", re.IGNORECASE
)


class VnetId(t.NamedTuple):
    """The parts of a VNet's resource id, under the names of their options."""

    azure_subscription_id: str
    resource_group_name: str
    vnet_name: str


def parse_uuid(value: str) -> str:
    """Return the id of a directory or subscription, a UUID, unchanged.

    Raises:
        InvalidValueError: If it is not one.
    """
    if _UUID.fullmatch(value):
        return value
    raise InvalidValueError(f"is malformed: {value!r}", "Give the id, 32 hexadecimal digits with hyphens, and not the name.")


def parse_vnet_id(value: str) -> VnetId:
    """Return the parts of a VNet's resource id.

    Raises:
        InvalidValueError: If it is not one.
    """
    found = _VNET.fullmatch(value.strip())
    if found is None:
        example = vnet_id("<subscription>", "<group>", "<vnet>")
        raise InvalidValueError(f"is not the resource id of a VNet: {value!r}", f"It is written as {example}.")
    subscription_id, group, vnet = found.groups()
    return VnetId(parse_uuid(subscription_id), parse_azure_name(group), parse_azure_name(vnet))


def vnet_id(subscription_id: str, resource_group_name: str, vnet_name: str) -> str:
    """Return the resource id of a VNet."""
    group = f"/subscriptions/{subscription_id}/resourceGroups/{resource_group_name}"
    return f"{group}/providers/Microsoft.Network/virtualNetworks/{vnet_name}"


def is_atlas_network(vnet_name: str) -> bool:
    """Whether a VNet's name is that of a network of Atlas."""
    return _ATLAS_NETWORK.fullmatch(vnet_name) is not None


def role_name(vnet: VnetId) -> str:
    """Return the name of the role for Atlas's application on a VNet."""
    return f"AtlasPeering/{'/'.join(vnet)}"


def _customer_task(peer: Peer, region: str | None, container: Fields | None) -> CustomerTask:
    raise NotImplementedError("Atlas makes both sides of a peering.")


def _handover(peer: Fields, container: Fields | None, is_government: bool) -> dict[str, t.Any]:
    """Return what the service principal and its role need; Atlas for Government has another application, which is not known."""
    application_id = None if is_government else APPLICATION_ID
    names = [peer.get(name) for name in AZURE.names]
    if any(name is None for name in names):
        return {"application_id": application_id, "scope": None, "role_definition": None, "az": None}
    vnet = VnetId(*map(str, names))
    scope = vnet_id(*vnet)
    role = {"name": role_name(vnet), "actions": list(ACTIONS), "assignable_scopes": [scope]}
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


AZURE_REGIONS = RegionTable(
    "AZURE",
    {
        "ASIA_EAST": "eastasia",
        "ASIA_SOUTH_EAST": "southeastasia",
        "AUSTRALIA_CENTRAL": "australiacentral",
        "AUSTRALIA_CENTRAL_2": "australiacentral2",
        "AUSTRALIA_EAST": "australiaeast",
        "AUSTRALIA_SOUTH_EAST": "australiasoutheast",
        "BRAZIL_SOUTH": "brazilsouth",
        "BRAZIL_SOUTHEAST": "brazilsoutheast",
        "CANADA_CENTRAL": "canadacentral",
        "CANADA_EAST": "canadaeast",
        "CHILE_CENTRAL": "chilecentral",
        "CHINA_EAST": "chinaeast",
        "CHINA_NORTH": "chinanorth",
        "EUROPE_NORTH": "northeurope",
        "EUROPE_WEST": "westeurope",
        "FRANCE_CENTRAL": "francecentral",
        "FRANCE_SOUTH": "francesouth",
        "GERMANY_NORTH": "germanynorth",
        "GERMANY_WEST_CENTRAL": "germanywestcentral",
        "INDIA_CENTRAL": "centralindia",
        "INDIA_SOUTH": "southindia",
        "INDIA_WEST": "westindia",
        "INDONESIA_CENTRAL": "indonesiacentral",
        "ISRAEL_CENTRAL": "israelcentral",
        "ITALY_NORTH": "italynorth",
        "JAPAN_EAST": "japaneast",
        "JAPAN_WEST": "japanwest",
        "KOREA_CENTRAL": "koreacentral",
        "KOREA_SOUTH": "koreasouth",
        "MALAYSIA_WEST": "malaysiawest",
        "MEXICO_CENTRAL": "mexicocentral",
        "NEW_ZEALAND_NORTH": "newzealandnorth",
        "NORWAY_EAST": "norwayeast",
        "NORWAY_WEST": "norwaywest",
        "POLAND_CENTRAL": "polandcentral",
        "QATAR_CENTRAL": "qatarcentral",
        "SOUTH_AFRICA_NORTH": "southafricanorth",
        "SOUTH_AFRICA_WEST": "southafricawest",
        "SPAIN_CENTRAL": "spaincentral",
        "SWEDEN_CENTRAL": "swedencentral",
        "SWEDEN_SOUTH": "swedensouth",
        "SWITZERLAND_NORTH": "switzerlandnorth",
        "SWITZERLAND_WEST": "switzerlandwest",
        "UAE_CENTRAL": "uaecentral",
        "UAE_NORTH": "uaenorth",
        "UK_SOUTH": "uksouth",
        "UK_WEST": "ukwest",
        "US_CENTRAL": "centralus",
        "US_EAST": "eastus",
        "US_EAST_2": "eastus2",
        "US_EAST_2_EUAP": "eastus2euap",
        "US_GOV_ARIZONA": "usgovarizona",
        "US_GOV_TEXAS": "usgovtexas",
        "US_GOV_VIRGINIA": "usgovvirginia",
        "US_NORTH_CENTRAL": "northcentralus",
        "US_SOUTH_CENTRAL": "southcentralus",
        "US_WEST": "westus",
        "US_WEST_2": "westus2",
        "US_WEST_3": "westus3",
        "US_WEST_CENTRAL": "westcentralus",
    },
)
AZURE = Cloud(
    name="AZURE",
    noun="VNet",
    places={"azure_subscription_id": "subscription", "resource_group_name": "resource group"},
    identity_noun="the subscription and the VNet",
    forms={
        "azure_directory_id": parse_uuid,
        "azure_subscription_id": parse_uuid,
        "resource_group_name": parse_azure_name,
        "vnet_name": parse_azure_name,
        "vnet_resource_id": parse_vnet_id,
    },
    identity=("azure_subscription_id", "vnet_name"),
    needed=("azure_directory_id", "azure_subscription_id", "resource_group_name", "vnet_name"),
    changeable=frozenset(),
    regions=AZURE_REGIONS,
    progress=("ADDING_PEER", "AVAILABLE"),
    pending=None,
    failed="FAILED",
    terminating="DELETING",
    # Atlas's texts are free-form; these two name no cause.
    failure_reasons={
        "RETRYABLE": "Atlas names no cause, and another attempt may succeed",
        "Internal Error": "Atlas names no cause; if another attempt fails too, ask MongoDB's support",
    },
    customer_task=_customer_task,
    handover=_handover,
    block_sizes=lambda regions: range(21, 25),
    # The id of Atlas's subscription is not a UUID, unlike those of customers, and so not parsed.
    atlas_network=("atlas_azure_subscription_id", "atlas_vnet_name"),
    half_options=("azure", "vnet_peerings", "virtual_networks"),
    check_needs=("atlas_cidr_block",),
    check_hint="Or set vnet_resource_id, which names both.",
    names=("azure_subscription_id", "resource_group_name", "vnet_name"),
    whole="vnet_resource_id",
    ignores_case=True,
    removal_failed="DELETION_FAILED",
    removal_advice=(
        "Atlas's role on the VNet has to stay until the connection is gone: check that the service principal, the role and its "
        "assignment are there, then run the task again."
    ),
    # https://learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits
    most_peerings=500,
    removal_fix="Give Atlas's service principal its role on the VNet again, and remove the connection with state: absent.",
    lost="because its role was taken away, or because the VNet was deleted",
    api_names={"status_name": "status", "error_state_name": "errorState", "region_name": "region"},
    role_codes=frozenset(("AZURE_CUSTOMER_NETWORK_UNREACHABLE", "AZURE_CUSTOMER_NETWORK_VALIDATION_FAILED")),
)
