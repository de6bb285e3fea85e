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
_ATLAS_NETWORK = re.compile(r"vnet_[0-9a-f]{24}_[0-9a-z]+", re.IGNORECASE)
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


# Azure writes these as Atlas does, without underscores and in lower case.
_RUN_TOGETHER = """
    AUSTRALIA_CENTRAL AUSTRALIA_CENTRAL_2 AUSTRALIA_EAST AUSTRALIA_SOUTH_EAST BRAZIL_SOUTH BRAZIL_SOUTHEAST CANADA_CENTRAL
    CANADA_EAST CHILE_CENTRAL CHINA_EAST CHINA_NORTH FRANCE_CENTRAL FRANCE_SOUTH GERMANY_NORTH GERMANY_WEST_CENTRAL
    INDONESIA_CENTRAL ISRAEL_CENTRAL ITALY_NORTH JAPAN_EAST JAPAN_WEST KOREA_CENTRAL KOREA_SOUTH MALAYSIA_WEST MEXICO_CENTRAL
    NEW_ZEALAND_NORTH NORWAY_EAST NORWAY_WEST POLAND_CENTRAL QATAR_CENTRAL SOUTH_AFRICA_NORTH SOUTH_AFRICA_WEST SPAIN_CENTRAL
    SWEDEN_CENTRAL SWEDEN_SOUTH SWITZERLAND_NORTH SWITZERLAND_WEST UAE_CENTRAL UAE_NORTH UK_SOUTH UK_WEST US_GOV_ARIZONA
    US_GOV_TEXAS US_GOV_VIRGINIA
"""
AZURE_REGIONS = RegionTable(
    "AZURE",
    {
        "ASIA_EAST": "eastasia",
        "ASIA_SOUTH_EAST": "southeastasia",
        "EUROPE_NORTH": "northeurope",
        "EUROPE_WEST": "westeurope",
        "INDIA_CENTRAL": "centralindia",
        "INDIA_SOUTH": "southindia",
        "INDIA_WEST": "westindia",
        "US_CENTRAL": "centralus",
        "US_EAST": "eastus",
        "US_EAST_2": "eastus2",
        "US_EAST_2_EUAP": "eastus2euap",
        "US_NORTH_CENTRAL": "northcentralus",
        "US_SOUTH_CENTRAL": "southcentralus",
        "US_WEST": "westus",
        "US_WEST_2": "westus2",
        "US_WEST_3": "westus3",
        "US_WEST_CENTRAL": "westcentralus",
        **{name: name.replace("_", "").lower() for name in _RUN_TOGETHER.split()},
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
