"""What the info modules of azure.azcollection return, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.vnets import (
    Vnet,
    VnetSubnet,
    parse_vnet,
    parse_vnet_peering,
    parse_vnet_reply,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.patterns import InvalidValueError
from ansible_collections.cloudpeer.atlas.tests.support.check_clouds import (
    GROUP,
    SUBSCRIPTION,
    VNET,
    VNET_BLOCK,
    VNET_ID,
    vnet_peering_reply,
    vnet_reply,
)

PEERING_ID = f"{VNET_ID}/virtualNetworkPeerings/atlas-peering"


def test_a_vnet_is_read() -> None:
    assert parse_vnet(vnet_reply()) == Vnet(SUBSCRIPTION, GROUP, VNET, (VNET_BLOCK,))
    # Without prefixes, the module leaves them out; IPv6 is not peered.
    without = {name: value for name, value in vnet_reply().items() if name != "address_prefixes"}
    assert parse_vnet(without).prefixes == ()
    assert parse_vnet(vnet_reply(address_prefixes=[VNET_BLOCK, "fd00::/48"])).prefixes == (VNET_BLOCK,)


def test_a_peering_is_read() -> None:
    read = parse_vnet_peering(vnet_peering_reply())
    found = (read.vnet, read.name, read.prefixes, read.state, read.sync_level)
    assert found == (Vnet(SUBSCRIPTION, GROUP, VNET), "atlas-peering", ("192.168.248.0/21",), "Connected", "FullyInSync")
    assert parse_vnet_peering(vnet_peering_reply(id=PEERING_ID.lower(), peering_sync_level=None)).sync_level is None
    assert parse_vnet_peering(vnet_peering_reply(remote_address_space={"address_prefixes": None})).prefixes == ()


def test_names_have_no_case_and_the_group_may_be_open() -> None:
    vnet = parse_vnet(vnet_reply())
    assert vnet.is_meant(SUBSCRIPTION.upper(), GROUP.upper(), VNET.upper())
    assert vnet.is_meant(SUBSCRIPTION, None, VNET)
    assert not vnet.is_meant(SUBSCRIPTION, "other", VNET)
    assert not vnet.is_meant(SUBSCRIPTION, None, "other")


@pytest.mark.parametrize(
    "odd",
    [
        {"id": None},
        {"id": VNET},
        {"id": PEERING_ID},
        {"address_prefixes": VNET_BLOCK},
        {"address_prefixes": ["shop"]},
        {"address_prefixes": [None]},
    ],
)
def test_what_is_no_vnet_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_vnet(vnet_reply(**odd))
    assert "azure_rm_virtualnetwork_info" in str(caught.value.hint)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": VNET_ID},
        {"id": f"{PEERING_ID[1:]}"},
        {"peering_state": None},
        {"peering_sync_level": 5},
        {"remote_address_space": None},
        {"remote_address_space": {"address_prefixes": "10.0.0.0/8"}},
    ],
)
def test_what_is_no_peering_is_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_vnet_peering(vnet_peering_reply(**odd))
    assert "azure_rm_virtualnetworkpeering_info" in str(caught.value.hint)


def test_what_is_in_a_subnet_is_read() -> None:
    """Ids alone, and empty lists are left out.

    Sources: VirtualNetwork in Azure's documentation of the REST API, Subnet in the models of azure-mgmt-network, and the VNet of
    a cluster in Azure/ARO-RP (pkg/util/arm/marshal_test.go).
    """
    delegation = {"name": "d", "properties": {"serviceName": "Microsoft.Web/serverFarms", "actions": []}}
    gateway = f"{NETWORK}/applicationGateways/gw/gatewayIPConfigurations/ip"
    full = {
        "addressPrefix": "10.0.0.0/24",
        "delegations": [delegation],
        "ipConfigurations": [{"id": f"{NIC}/NIC/ipConfigurations/IP"}],
        "applicationGatewayIPConfigurations": [{"id": gateway, "name": "ip"}],
        "privateEndpoints": [{"id": f"{NETWORK}/privateEndpoints/PE"}],
        "serviceAssociationLinks": [{"name": "l", "properties": {"linkedResourceType": "Microsoft.Web/serverFarms"}}],
    }
    subnets = [{"name": "full", "properties": full}, {"name": "bare", "properties": {"addressPrefix": "10.0.1.0/24"}}]
    properties = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets, "virtualNetworkPeerings": []}
    found = parse_vnet_reply({"id": VNET_ID, "properties": properties}, VNET_ID).subnets
    inside, own = (f"{NIC}/NIC/ipConfigurations/IP", gateway), ("Microsoft.Web/serverFarms",)
    assert found[0] == VnetSubnet("full", ("10.0.0.0/24",), None, None, own, True, inside, (f"{NETWORK}/privateEndpoints/PE",))
    assert found[1] == VnetSubnet("bare", ("10.0.1.0/24",))
    for key in ("delegations", "ipConfigurations", "privateEndpoints"):
        properties["subnets"] = [{"name": "odd", "properties": {**full, key: [{"name": "x"}]}}]
        with pytest.raises(ValueError, match="without"):
            parse_vnet_reply({"id": VNET_ID, "properties": properties}, VNET_ID)


PREFIX = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers"
NETWORK = f"{PREFIX}/Microsoft.Network"
NIC = f"{NETWORK}/networkInterfaces"
GUID = "00000000-0000-0000-0000-000000000000"
OF_ENDPOINT = f"{NIC}/ARO-PE.NIC.{GUID}/ipConfigurations/PRIVATEENDPOINTIPCONFIG.{GUID}"
# An endpoint may have an interface and an IP configuration that its owner has named.
NAMED, OTHER = f"{NIC}/kv.nic.{GUID}/ipConfigurations/own", f"{NIC}/kv-vm/ipConfigurations/own"
ENDPOINT = {"private_endpoints": (f"{NETWORK}/privateEndpoints/KV",)}
OF_LINK = (
    f"{NIC}/ARO-PLS.NIC.{GUID}/ipConfigurations/ARO-PLS-NIC",
    f"{NETWORK}/privateLinkServices/ARO-PLS/ipConfigurations/ARO-PLS-NIC",
)
SCALE_SET = f"{PREFIX}/MICROSOFT.COMPUTE/VIRTUALMACHINESCALESETS/AKS/VIRTUALMACHINES/14/NETWORKINTERFACES/AKS/ipConfigurations/IP"
BALANCER = f"{NETWORK}/loadBalancers/lb/frontendIPConfigurations/f"
# Source: "Subnet delegation" in Azure's documentation.
OF_SERVICES = (
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "microsoft.dbformysql/FLEXIBLESERVERS",
    "Microsoft.Sql/managedInstances",
    "Microsoft.NetApp/volumes",
    "Microsoft.Network/dnsResolvers",
    "Microsoft.Network/applicationGateways",
    "Microsoft.ServiceNetworking/trafficControllers",
)
OF_CLIENTS = (
    "Microsoft.Web/serverFarms",
    "Microsoft.ContainerInstance/containerGroups",
    "Microsoft.App/environments",
    "Microsoft.Databricks/workspaces",
    "Something.New/things",
)


@pytest.mark.parametrize(
    ("configurations", "fields", "has"),
    [
        ([f"{NIC}/vm-nic/ipConfigurations/ipconfig1"], {}, True),
        ([SCALE_SET], {}, True),
        ([f"{NETWORK}/somethingNew/x/ipConfigurations/y"], {}, True),
        ([OF_ENDPOINT], {}, False),
        ([NAMED], ENDPOINT, False),
        ([NAMED], {}, True),
        ([OTHER], ENDPOINT, True),
        (OF_LINK, {}, False),
        (OF_LINK[:1], {}, True),
        ([BALANCER], {}, False),
        ([f"{NETWORK}/APPLICATIONGATEWAYS/gw/gatewayIPConfigurations/f"], {}, False),
        ([f"{NETWORK}/azureFirewalls/fw/azureFirewallIpConfigurations/f"], {}, False),
        ([f"{NETWORK}/bastionHosts/b/bastionHostIpConfigurations/f"], {}, False),
        ([f"{NETWORK}/virtualNetworkGateways/vpn/ipConfigurations/f"], {}, False),
        ([BALANCER, SCALE_SET], {}, True),
        ([], {"has_links": True}, True),
        ([SCALE_SET], {"name": "GatewaySubnet"}, False),
        *(([], {"delegations": (name,)}, True) for name in OF_CLIENTS),
        *(([SCALE_SET], {"delegations": (name,), "has_links": True}, False) for name in OF_SERVICES),
        ([], {"delegations": (OF_SERVICES[0], OF_CLIENTS[0])}, True),
    ],
)
def test_what_may_open_connections_is_a_client(configurations: list[str], fields: dict[str, Any], has: bool) -> None:
    """Ids as in Azure/ARO-RP (pkg/util/arm/marshal_test.go)."""
    usual: dict[str, Any] = {"name": "snet", "prefixes": ("10.0.0.0/24",), "ip_configurations": tuple(configurations)}
    subnet = VnetSubnet(**{**usual, **fields})
    assert (subnet.has_clients, subnet.is_empty) == (has, False)


def test_an_empty_subnet_has_nothing_at_all() -> None:
    assert VnetSubnet("snet", ("10.0.0.0/24",)).is_empty
    assert not VnetSubnet("snet", ("10.0.0.0/24",)).has_clients
    assert not VnetSubnet("GatewaySubnet", ("10.0.0.0/24",)).is_empty
