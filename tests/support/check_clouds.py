"""Connections on AZURE and GCP that carry traffic, as facts for the checks, and what the info modules of Azure return."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.objects import (
    Nsg,
    UserRouteTable,
    parse_nsg,
    parse_route_table,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import Vnet, VnetPeering, VnetSubnet
from ansible_collections.cloudpeer.atlas.plugins.module_utils._check.facts import (
    AwsFacts,
    ConnectionFacts,
    Missing,
    NetworkFacts,
    Selection,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.network import Peering
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.objects import PeeringRoute, SubnetRange
from ansible_collections.cloudpeer.atlas.tests.support.check_facts import (
    ATLAS_BLOCK,
    CONTAINER_ID,
    NOW,
    Fields,
    add_consequences,
    atlas_facts,
    cluster,
    entry,
    entry_of,
    object_id,
    region,
    with_private_string,
)

SUBSCRIPTION = "fd01adff-b37e-4693-8497-83ecf183a145"
DIRECTORY = "1a1a1a1a-b37e-4693-8497-83ecf183a145"
GROUP, VNET = "network-group", "shop-vnet"
VNET_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/{VNET}"
VNET_BLOCK = "10.20.0.0/16"
SUBNET, SUBNET_BLOCK = "snet-apps", "10.20.1.0/24"
#: Two ids of resources of the subnet, in lower case, as the facts have them.
NSG_ID, TABLE_ID = (
    VNET_ID.rpartition("/")[0].rpartition("/")[0].lower() + one
    for one in ("/networksecuritygroups/nsg-apps", "/routetables/rt-apps")
)
ATLAS_VNET = "vnet_5356823b3794dee37132bb7c_abcdefgh"
GCP_PROJECT, NETWORK = "my-project", "my-network"
ATLAS_PROJECT, ATLAS_NETWORK = "p-abcdefghijklmnopqrstuvwx", "nt-5356823b3794dee37132bb7b-abcdefgh"
REMOTE = f"projects/{ATLAS_PROJECT}/global/networks/{ATLAS_NETWORK}"
GCP_BLOCK = "10.30.0.0/16"
GCP_REGION = "europe-west1"
NOT_AWS = Missing("The connection is not with AWS.")


class Situation(NamedTuple):
    """A sentence, what is true in the world, and what follows: the worst severity by code, and the verdict."""

    sentence: str
    facts: ConnectionFacts
    expected: dict[str, str]
    verdict: str


def azure_peer(**changes: Any) -> Fields:
    """Return a connection of Atlas with the VNet, AVAILABLE."""
    return {
        "id": object_id(),
        "provider_name": "AZURE",
        "container_id": CONTAINER_ID,
        "status_name": "AVAILABLE",
        "error_state_name": None,
        "azure_directory_id": DIRECTORY,
        "azure_subscription_id": SUBSCRIPTION,
        "resource_group_name": GROUP,
        "vnet_name": VNET,
        **changes,
    }


def azure_container(**changes: Any) -> Fields:
    """Return a network container in eastus2."""
    own = {"atlas_azure_subscription_id": "5356823b3794dee37132bb7c", "atlas_vnet_name": ATLAS_VNET}
    usual = {"id": CONTAINER_ID, "provider_name": "AZURE", "region_name": "US_EAST_2", "atlas_cidr_block": ATLAS_BLOCK}
    return {**usual, **own, "provisioned": True, **changes}


def gcp_peer(**changes: Any) -> Fields:
    """Return a connection of Atlas with the VPC network, AVAILABLE."""
    return {
        "id": object_id(),
        "provider_name": "GCP",
        "container_id": CONTAINER_ID,
        "status_name": "AVAILABLE",
        "error_state_name": None,
        "gcp_project_id": GCP_PROJECT,
        "network_name": NETWORK,
        **changes,
    }


def gcp_container(**changes: Any) -> Fields:
    """Return the network container, for all regions."""
    own = {"atlas_gcp_project_id": ATLAS_PROJECT, "atlas_network_name": ATLAS_NETWORK}
    usual = {"id": CONTAINER_ID, "provider_name": "GCP", "regions": [], "atlas_cidr_block": ATLAS_BLOCK}
    return {**usual, **own, "provisioned": True, **changes}


def vnet_peering(**changes: Any) -> VnetPeering:
    """Return the peering of the VNet with Atlas, Connected."""
    fields = {"vnet": Vnet(SUBSCRIPTION, GROUP, VNET), "name": "atlas-peering", "prefixes": (ATLAS_BLOCK,)}
    usual = {
        "state": "Connected",
        "sync_level": "FullyInSync",
        "remote_id": VNET_ID.replace(VNET, ATLAS_VNET),
        "allows_access": True,
    }
    if "remote_name" in changes:
        changes["remote_id"] = VNET_ID.replace(VNET, changes.pop("remote_name"))
    return VnetPeering(**{**fields, **usual, "provisioning_state": "Succeeded", "known_prefixes": (VNET_BLOCK,), **changes})


def vnet_subnet(name: str = SUBNET, *prefixes: str, **changes: Any) -> VnetSubnet:
    """Return a subnet of the VNet, with the network security group and the route table of the facts."""
    fields = {"name": name, "prefixes": prefixes or (SUBNET_BLOCK,), "nsg_id": NSG_ID, "route_table_id": TABLE_ID}
    return VnetSubnet(**{**fields, **changes})


def security_rule(name: str, priority: int, access: str = "Deny", **properties: Any) -> Fields:
    """Return a rule for outbound TCP, as Azure shows it: to and from everywhere, unless it says so."""
    usual = {"protocol": "*", "direction": "Outbound", "sourcePortRange": "*", "destinationPortRange": "*"}
    places = {"sourceAddressPrefix": "*", "destinationAddressPrefix": "*"}
    return {"name": name, "properties": {**usual, **places, "priority": priority, "access": access, **properties}}


def nsg(*rules: Fields, name: str = "nsg-apps") -> Nsg:
    """Return a network security group with the default rules and others, parsed from Azure's reply."""
    network = {"sourceAddressPrefix": "VirtualNetwork", "destinationAddressPrefix": "VirtualNetwork"}
    default = [
        security_rule("AllowVnetOutBound", 65000, "Allow", **network),
        security_rule("AllowInternetOutBound", 65001, "Allow", destinationAddressPrefix="Internet"),
        security_rule("DenyAllOutBound", 65500),
        security_rule("DenyAllInBound", 65500, direction="Inbound"),
    ]
    return parse_nsg({"name": name, "properties": {"securityRules": [*rules], "defaultSecurityRules": default}})


def route_table(*routes: tuple[str, str], name: str = "rt-apps", **properties: Any) -> UserRouteTable:
    """Return a route table, parsed from Azure's reply, with routes: each a prefix and the type of the next hop."""
    shown = [
        {"name": f"route-{number}", "properties": {"addressPrefix": prefix, "nextHopType": hop}}
        for number, (prefix, hop) in enumerate(routes)
    ]
    return parse_route_table({"name": name, "properties": {"routes": shown, **properties}})


def mirror(**changes: Any) -> Peering:
    """Return the peering of the VPC network with Atlas's, ACTIVE."""
    fields = {"name": f"atlas-{ATLAS_NETWORK}", "network": REMOTE, "state": "ACTIVE", "state_details": "Connected."}
    return Peering(**{**fields, "update_strategy": "INDEPENDENT", **changes})


def subnet_range(**changes: Any) -> SubnetRange:
    """Return the primary range of a subnet, which is the whole block of the VPC network."""
    return SubnetRange(**{"subnet": "apps", "region": GCP_REGION, "cidr_block": GCP_BLOCK, **changes})


def vnet_peering_reply(**changes: Any) -> Fields:
    """Return an element of `vnetpeerings` of azure_rm_virtualnetworkpeering_info."""
    return {
        "id": f"{VNET_ID}/virtualNetworkPeerings/atlas-peering",
        "name": "atlas-peering",
        "remote_virtual_network": VNET_ID.replace(VNET, ATLAS_VNET),
        "remote_address_space": {"address_prefixes": [ATLAS_BLOCK]},
        "peering_state": "Connected",
        "provisioning_state": "Succeeded",
        "use_remote_gateways": False,
        "allow_gateway_transit": False,
        "allow_forwarded_traffic": False,
        "allow_virtual_network_access": True,
        "peering_sync_level": "FullyInSync",
        **changes,
    }


def vnet_reply(**changes: Any) -> Fields:
    """Return an element of `virtualnetworks` of azure_rm_virtualnetwork_info."""
    usual = {"id": VNET_ID, "name": VNET, "location": "eastus2", "tags": None, "provisioning_state": "Succeeded"}
    return {**usual, "address_prefixes": [VNET_BLOCK], **changes}


def azure_cluster(name: str = "shop", **changes: Any) -> Fields:
    """Return a cluster in the container's region, with private connection strings."""
    return with_private_string(cluster(name, **{"regions": [region("US_EAST_2", provider_name="AZURE")], **changes}))


def gcp_cluster(name: str = "shop", **changes: Any) -> Fields:
    """Return a cluster in two regions of GCP, with private connection strings."""
    regions = [region(one, provider_name="GCP") for one in ("CENTRAL_US", "WESTERN_EUROPE")]
    return with_private_string(cluster(name, **{"regions": regions, **changes}))


def _healthy(
    usual: Fields, network: Fields, block: str, entry_fields: Fields, selection: Mapping[str, Any], changes: Fields
) -> ConnectionFacts:
    now = changes.pop("now", NOW)
    network = {name: changes.pop(name, value) for name, value in network.items()}
    add_consequences(changes)
    atlas: Fields = {
        **usual,
        "peers": [usual["peer"]],
        "containers": [usual["container"]],
        "access_list": [entry(block)],
        "access_status": {block: "ACTIVE"},
        "flex_clusters": Missing("There are dedicated clusters."),
        "custom_dns": Missing("It does not matter."),
        "other_projects": {},
        "other_peers": [],
    }
    assert changes.keys() <= atlas.keys(), f"there are no such facts: {changes.keys() - atlas.keys()}"
    return ConnectionFacts(
        entry=entry_of(entry_fields),
        now=now,
        atlas=atlas_facts({**atlas, **changes}),
        aws=AwsFacts.none(NOT_AWS),
        selection=dataclasses.replace(Selection(), **selection),
        network=NetworkFacts(**network),
    )


def healthy_azure(
    entry: Mapping[str, Any] | None = None, selection: Mapping[str, Any] | None = None, **changes: Any
) -> ConnectionFacts:
    """Return the facts of a connection with a VNet that carries traffic, with changes; see `healthy`."""
    fields = {"provider_name": "AZURE", "azure_subscription_id": SUBSCRIPTION, "vnet_name": VNET, **(entry or {})}
    usual = {"peer": azure_peer(), "container": azure_container(), "clusters": [azure_cluster()]}
    network = {
        "vnet_peerings": [vnet_peering()],
        "vnet_prefixes": (VNET_BLOCK,),
        "vnet_exists": True,
        "vnet_subnets": (vnet_subnet(), vnet_subnet("GatewaySubnet", "10.20.255.0/27", nsg_id=None, route_table_id=None)),
        "vnet_nsgs": {NSG_ID: nsg()},
        "vnet_tables": {TABLE_ID: route_table(("0.0.0.0/0", "VirtualAppliance"))},
    }
    return _healthy(usual, network, VNET_BLOCK, fields, selection or {}, changes)


def healthy_gcp(
    entry: Mapping[str, Any] | None = None, selection: Mapping[str, Any] | None = None, **changes: Any
) -> ConnectionFacts:
    """Return the facts of a connection with a VPC network that carries traffic, with changes; see `healthy`."""
    fields = {"provider_name": "GCP", "gcp_project_id": GCP_PROJECT, "network_name": NETWORK, "cidr_block": GCP_BLOCK}
    usual = {"peer": gcp_peer(), "container": gcp_container(), "clusters": [gcp_cluster()]}
    network = {
        "gcp_networks": {NETWORK: (mirror(),), "default": ()},
        "gcp_ranges": [subnet_range()],
        "gcp_incoming": {GCP_REGION: [PeeringRoute(ATLAS_BLOCK, True)]},
        "gcp_outgoing": [PeeringRoute(GCP_BLOCK, True)],
        "gcp_firewalls": ((),),
    }
    return _healthy(usual, network, GCP_BLOCK, {**fields, **(entry or {})}, selection or {}, changes)
