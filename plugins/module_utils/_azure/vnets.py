# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VNets of Azure with their subnets and peerings, parsed from Azure's replies and from azure.azcollection's info modules.

Sources: VirtualNetwork, Subnet and VirtualNetworkPeering in the models of azure-mgmt-network; the documentation of
azure_rm_virtualnetwork_info and azure_rm_virtualnetworkpeering_info.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._clouds.azure import parse_vnet_id, vnet_id
from .._clouds.cloud import Fields
from .._http.errors import named_path
from .._values.json_fields import objects_in, properties_of, text_in
from .._values.patterns import InvalidValueError

if t.TYPE_CHECKING:
    # It imports requests, which a process without them can do without.
    from .session import AzureSession

# The version of the API for VNets and network security groups.
VERSION = "2024-05-01"
# The codes of a 404 that say that a VNet does not exist. Any other 404 means that these credentials do not see where it would be,
# as SubscriptionNotFound does.
VNET_ABSENT = frozenset(("ResourceNotFound", "ResourceGroupNotFound"))

_PEERING = re.compile("/virtualNetworkPeerings/", re.IGNORECASE)


# Subnets for services of Azure, in which there are no clients.
# Source: "Reserved subnet names" of VPN Gateway, Azure Firewall, Azure Bastion and Azure Route Server in Azure's documentation.
_RESERVED = ("gatewaysubnet", "azurebastionsubnet", "routeserversubnet")
_OF_FIREWALLS = "azurefirewall"
# The services to which a subnet can be delegated and that open no connection to a cluster. All others are clients, or may be.
# Source: "Subnet delegation" in Azure's documentation.
_SERVICES = frozenset(
    (
        "microsoft.dbformysql/flexibleservers",
        "microsoft.dbforpostgresql/flexibleservers",
        "microsoft.netapp/volumes",
        "microsoft.network/applicationgateways",
        "microsoft.network/dnsresolvers",
        "microsoft.servicenetworking/trafficcontrollers",
        "microsoft.sql/managedinstances",
    )
)
# The types of resources of Microsoft.Network that have addresses in a subnet and open no connection to a cluster.
_SERVICE_TYPES = frozenset(
    (
        "applicationgateways",
        "azurefirewalls",
        "bastionhosts",
        "loadbalancers",
        "privatelinkservices",
        "virtualnetworkgateways",
    )
)
# How the name of an IP configuration of a private endpoint begins.
_OF_ENDPOINTS = "privateendpointipconfig"
_RESOURCE = re.compile(r".*?/providers/microsoft\.network/(?P<type>[^/]+)/(?P<name>[^/]+)(?:/.*)?")


class VnetSubnet(t.NamedTuple):
    """A subnet, and what is in it.

    Attributes:
        name: Its name.
        prefixes: Its address prefixes for IPv4.
        nsg_id: The id of its network security group; None if it has none.
        route_table_id: The id of its route table; None if it has none.
        delegations: The services that it is delegated to.
        has_links: Whether services of Azure have associated themselves with it, or use it.
        ip_configurations: The ids of the IP configurations in it.
        private_endpoints: The ids of the private endpoints in it.
    """

    name: str
    prefixes: tuple[str, ...]
    nsg_id: str | None = None
    route_table_id: str | None = None
    delegations: tuple[str, ...] = ()
    has_links: bool = False
    ip_configurations: tuple[str, ...] = ()
    private_endpoints: tuple[str, ...] = ()

    @property
    def is_reserved(self) -> bool:
        """Whether it is one for gateways, firewalls, bastions or route servers, as its name says."""
        return self.name.lower() in _RESERVED or self.name.lower().startswith(_OF_FIREWALLS)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it, and no service has it for itself."""
        return not (self.is_reserved or self.delegations or self.has_links or self.ip_configurations or self.private_endpoints)

    @property
    def has_clients(self) -> bool:
        """Whether something is in it that may open connections: all but services of Azure that do not."""
        delegations = {one.lower() for one in self.delegations}
        if self.is_reserved or delegations - _SERVICES:
            return not self.is_reserved
        # Of a service that has a subnet for itself, all that is in it is its own: NetApp has an ordinary network interface there.
        return not delegations and (self.has_links or self._has_client_configuration())

    def _has_client_configuration(self) -> bool:
        """Whether an IP configuration is none of a private endpoint or of another service that opens no connection."""
        resources = [(one.lower(), *_resource_of(one)) for one in self.ip_configurations]
        # Private endpoints and private link services have network interfaces that are named after them.
        links = [name for _id, kind, name in resources if kind == "privatelinkservices"]
        endpoints = [one.lower().rpartition("/")[2] for one in self.private_endpoints]
        of_links = tuple(f"{name}.nic." for name in (*links, *endpoints))
        return not all(
            kind in _SERVICE_TYPES
            or full.rpartition("/")[2].startswith(_OF_ENDPOINTS)
            or (kind == "networkinterfaces" and name.startswith(of_links))
            for full, kind, name in resources
        )


@dataclass(frozen=True)
class Vnet:
    """A VNet: where it is, its address prefixes for IPv4, and, if it was read from Azure itself, its subnets and peerings."""

    subscription_id: str
    resource_group_name: str
    name: str
    prefixes: tuple[str, ...] = ()
    subnets: tuple[VnetSubnet, ...] = ()
    peerings: tuple[VnetPeering, ...] = ()

    @property
    def id(self) -> str:
        """The resource id."""
        return vnet_id(self.subscription_id, self.resource_group_name, self.name)

    def to_result(self) -> dict[str, object]:
        """Return it as results show it."""
        return {"address_prefixes": list(self.prefixes), "peerings": [one.to_result() for one in self.peerings]}

    def is_meant(self, subscription_id: str | None, resource_group_name: str | None, name: str | None) -> bool:
        """Whether it has these names, in any case of letters; None stands for any."""
        wanted = (subscription_id, resource_group_name, name)
        own = (self.subscription_id, self.resource_group_name, self.name)
        return all(one is None or one.lower() == other.lower() for one, other in zip(wanted, own))


@dataclass(frozen=True)
class VnetPeering:
    """A peering of a VNet.

    Attributes:
        vnet: The VNet that has it; its prefixes are not known here.
        name: Its name.
        prefixes: The address prefixes for IPv4 of the other side.
        state: `Initiated`, `Connected` or `Disconnected`.
        sync_level: Whether both sides know the addresses of each other; None if Azure does not report it.
        remote_id: The resource id of the VNet on the other side; empty if it is not known.
        allows_access: Whether traffic between the two VNets is allowed; None if it is not known.
        provisioning_state: `Succeeded`, or what Azure is doing with the peering; None if it is not known.
        known_prefixes: The prefixes for IPv4 of the VNet that the other side knows; None if they are not known.
    """

    vnet: Vnet
    name: str
    prefixes: tuple[str, ...]
    state: str
    sync_level: str | None
    remote_id: str = ""
    allows_access: bool | None = None
    provisioning_state: str | None = None
    known_prefixes: tuple[str, ...] | None = None

    @property
    def remote_name(self) -> str:
        """The name of the VNet on the other side; empty if it is not known."""
        return self.remote_id.rpartition("/")[2]

    def to_result(self) -> dict[str, object]:
        """Return it as results show it."""
        remote = {"remote_network": self.remote_id, "remote_prefixes": list(self.prefixes)}
        return {"name": self.name, **remote, "state": self.state}


def get_vnet(session: AzureSession, resource_id: str, absent: t.Container[str | None] = VNET_ABSENT) -> Vnet | None:
    """Read a VNet with its subnets and peerings; None if it does not exist, which AZURE says by one of the codes in `absent`.

    Raises:
        TaskError: If it cannot be read.
    """
    description = f"read the VNet {named_path(resource_id)}"
    reply = session.find(absent, description, resource_id, VERSION)
    return None if reply is None else session.parsed(lambda one: parse_vnet_reply(one, resource_id), reply, description)


def parse_vnet(value: Fields) -> Vnet:
    """Return a VNet from an element of `virtualnetworks` of azure_rm_virtualnetwork_info.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give virtualnetworks of azure_rm_virtualnetwork_info."
    vnet, peering = _parse_id(value, "a VNet", hint)
    if peering is not None:
        raise InvalidValueError("is a peering, and not a VNet", hint)
    try:
        return Vnet(vnet.subscription_id, vnet.resource_group_name, vnet.name, _ipv4(value.get("address_prefixes")))
    except ValueError as error:
        raise InvalidValueError(str(error), hint) from None


def parse_vnet_peering(value: Fields) -> VnetPeering:
    """Return a peering from an element of `vnetpeerings` of azure_rm_virtualnetworkpeering_info.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give vnetpeerings of azure_rm_virtualnetworkpeering_info."
    vnet, name = _parse_id(value, "a peering of a VNet", hint)
    if name is None:
        raise InvalidValueError("is not a peering of a VNet", hint)
    space = value.get("remote_address_space")
    fields = {
        "remoteAddressSpace": {"addressPrefixes": space.get("address_prefixes")} if isinstance(space, dict) else None,
        "remoteVirtualNetwork": {"id": value.get("remote_virtual_network")},
        "peeringState": value.get("peering_state"),
        "peeringSyncLevel": value.get("peering_sync_level"),
        "allowVirtualNetworkAccess": value.get("allow_virtual_network_access"),
        "provisioningState": value.get("provisioning_state"),
    }
    try:
        return _to_peering(vnet, name, fields)
    except ValueError as error:
        raise InvalidValueError(str(error), hint) from None


def parse_vnet_reply(reply: Fields, wanted_id: str) -> Vnet:
    """Return a VNet from Azure's reply.

    Args:
        reply: The object in the reply.
        wanted_id: The id of the VNet that was asked for.

    Raises:
        ValueError: If it is not that VNet, or lacks what Azure always sends.
    """
    properties = reply.get("properties")
    is_wanted = str(reply.get("id")).lower() == f"/{wanted_id.strip('/ ')}".lower()
    if not is_wanted or not isinstance(properties, dict) or not isinstance(properties.get("addressSpace"), dict):
        raise ValueError(f"is not the VNet {wanted_id}")
    vnet = Vnet(*parse_vnet_id(str(reply["id"])))
    # Azure sends these lists even if they are empty.
    subnets, peerings = (objects_in(properties, key, is_always_there=True) for key in ("subnets", "virtualNetworkPeerings"))
    return Vnet(
        vnet.subscription_id,
        vnet.resource_group_name,
        vnet.name,
        _ipv4(properties["addressSpace"].get("addressPrefixes")),
        tuple(_to_subnet(text_in(one, "name", "subnet"), properties_of(one, "subnet")) for one in subnets),
        tuple(_to_peering(vnet, text_in(one, "name", "peering"), properties_of(one, "peering")) for one in peerings),
    )


def _to_subnet(name: str, properties: Fields) -> VnetSubnet:
    single = properties.get("addressPrefix")
    prefixes = _ipv4(properties.get("addressPrefixes") or ([single] if single else None))
    delegations = [properties_of(one, "delegation") for one in objects_in(properties, "delegations")]
    links = [one for key in ("serviceAssociationLinks", "resourceNavigationLinks") for one in objects_in(properties, key)]
    # Those of an application gateway are a list of their own.
    inside = [one for key in ("ipConfigurations", "applicationGatewayIPConfigurations") for one in objects_in(properties, key)]
    return VnetSubnet(
        name,
        prefixes,
        _id_of(properties.get("networkSecurityGroup")),
        _id_of(properties.get("routeTable")),
        delegations=tuple(text_in(one, "serviceName", "delegation") for one in delegations),
        has_links=bool(links),
        ip_configurations=tuple(text_in(one, "id", "IP configuration") for one in inside),
        private_endpoints=tuple(text_in(one, "id", "private endpoint") for one in objects_in(properties, "privateEndpoints")),
    )


def _to_peering(vnet: Vnet, name: str, properties: Fields) -> VnetPeering:
    """Return a peering from its properties, as Azure names them.

    Raises:
        ValueError: If it is not one.
    """
    remote, known = properties.get("remoteAddressSpace"), properties.get("localAddressSpace")
    state, level = properties.get("peeringState"), properties.get("peeringSyncLevel")
    allows, provisioning = properties.get("allowVirtualNetworkAccess"), properties.get("provisioningState")
    texts = (level, provisioning)
    if not isinstance(remote, dict) or not isinstance(state, str) or not isinstance(allows, (bool, type(None))):
        raise ValueError("is not a peering of a VNet")
    if not all(isinstance(one, (str, type(None))) for one in texts):
        raise ValueError("is not a peering of a VNet")
    return VnetPeering(
        vnet,
        name,
        _ipv4(remote.get("addressPrefixes")),
        state,
        level,
        _id_of(properties.get("remoteVirtualNetwork")) or "",
        allows,
        provisioning,
        _ipv4(known.get("addressPrefixes")) if isinstance(known, dict) else None,
    )


def _resource_of(configuration: str) -> tuple[str, str]:
    """Return the type and the name of the resource of Microsoft.Network that has an IP configuration, in lower case."""
    found = _RESOURCE.fullmatch(configuration.lower())
    return (found["type"], found["name"]) if found else ("", "")


def _id_of(value: object) -> str | None:
    """Return the id of a resource that another one refers to; None if it refers to none."""
    if value is None:
        return None
    found = value.get("id") if isinstance(value, dict) else value
    if found is not None and not isinstance(found, str):
        raise ValueError("has a reference without an id")
    return found


def _parse_id(value: Fields, what: str, hint: str) -> tuple[Vnet, str | None]:
    path, *names = _PEERING.split(str(value.get("id")), maxsplit=1)
    try:
        found = parse_vnet_id(path)
    except InvalidValueError:
        raise InvalidValueError(f"is not {what}: its id is {value.get('id')!r}", hint) from None
    return Vnet(*found), names[0] if names else None


def _ipv4(prefixes: t.Any) -> tuple[str, ...]:
    """Return the IPv4 prefixes; Atlas peers no IPv6.

    Raises:
        ValueError: If it is not a list of CIDR blocks.
    """
    try:
        if not isinstance(prefixes or [], list):
            raise ValueError
        networks = [ipaddress.ip_network(str(one)) for one in prefixes or ()]
    except ValueError:
        raise ValueError(f"has address_prefixes that are not a list of CIDR blocks: {prefixes!r}") from None
    return tuple(str(one) for one in networks if isinstance(one, ipaddress.IPv4Network))
