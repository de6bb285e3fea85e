"""AZURE's network security groups and route tables, as Microsoft.Network shows them.

Sources: the documentation of the REST API (network security groups, route tables), and of the rules that each group has by itself
(https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

GROUPS, TABLES = "networkSecurityGroups", "routeTables"
#: The first version that shows whether a route table leaves out the routes of peerings.
DISABLE_PEERING_ROUTE_SINCE = "2025-07-01"

Properties = Mapping[str, Any]

#: Name, priority, direction, access, source and destination of the rules that each group has by itself.
_DEFAULT_RULES = (
    ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
    ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
)


def tag(address: str) -> dict[str, Any]:
    """Return what AZURE makes of an id: the tag of a version, and the resource's own uuid."""
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, address.lower()))
    return {"etag": f'W/"{own}"', "resourceGuid": own}


def show_child(parent: str, kind: str, name: str, properties: Properties) -> dict[str, Any]:
    """Return a part of a resource, such as a subnet, that has an id of its own.

    Args:
        parent: The id of the resource.
        kind: What it is among the parts of that resource, such as `subnets`.
        name: Its name.
        properties: What it has.
    """
    provider = parent.partition("/providers/")[2].rpartition("/")[0]
    address = f"{parent}/{kind}/{name}"
    whole = {"provisioningState": "Succeeded", **properties}
    return {"name": name, "id": address, "etag": tag(address)["etag"], "type": f"{provider}/{kind}", "properties": whole}


def show_group(address: str, rules: Sequence[Properties], subnets: Sequence[str]) -> dict[str, Any]:
    """Return the properties of a network security group.

    Args:
        address: Its id.
        rules: Its own rules: `name`, and the properties; what is left out is "any".
        subnets: The ids of the subnets that have it.
    """
    names = ("priority", "direction", "access", "sourceAddressPrefix", "destinationAddressPrefix")
    default = [_show_rule(address, "defaultSecurityRules", name, dict(zip(names, rest))) for name, *rest in _DEFAULT_RULES]
    own = [_show_rule(address, "securityRules", one["name"], {**one, "name": None}) for one in rules]
    return {**_common(address, subnets), "securityRules": own, "defaultSecurityRules": default}


def show_table(address: str, table: Properties, subnets: Sequence[str], version: str) -> dict[str, Any]:
    """Return the properties of a route table.

    Args:
        address: Its id.
        table: Its `routes`, each with its `name` and its properties; and `disablePeeringRoute`.
        subnets: The ids of the subnets that have it.
        version: Of the API, which decides what is shown.
    """
    routes = [
        show_child(address, "routes", one["name"], {**_given({**one, "name": None}), "hasBgpOverride": False})
        for one in table["routes"]
    ]
    shown = {**_common(address, subnets), "disableBgpRoutePropagation": False, "routes": routes}
    if version >= DISABLE_PEERING_ROUTE_SINCE:
        shown["disablePeeringRoute"] = table["disablePeeringRoute"]
    return shown


def _common(address: str, subnets: Sequence[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"provisioningState": "Succeeded", "resourceGuid": tag(address)["resourceGuid"]}
    return {**shown, "subnets": [{"id": one} for one in subnets]} if subnets else shown


def _given(properties: Properties) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value is not None}


def _show_rule(address: str, kind: str, name: str, properties: Properties) -> dict[str, Any]:
    """Return a rule. Of one value and several, AZURE shows what was given; lists that were not are empty."""
    given = _given(properties)
    whole: dict[str, Any] = {"protocol": "*", "direction": "Outbound", "access": "Allow"}
    for end in ("source", "destination"):
        if f"{end}PortRanges" not in given:
            whole[f"{end}PortRange"] = "*"
        if f"{end}AddressPrefixes" not in given and f"{end}ApplicationSecurityGroups" not in given:
            whole[f"{end}AddressPrefix"] = "*"
        whole |= {f"{end}PortRanges": [], f"{end}AddressPrefixes": []}
    return show_child(address, kind, name, {**whole, **given})
