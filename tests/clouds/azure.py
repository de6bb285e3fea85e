"""AZURE's VNets with their subnets and peerings, as Microsoft.Network shows and changes them, and what ARM says of all resources.

Sources: the documentation of the REST API (virtual networks, virtual network peerings) and of ARM (common errors, asynchronous
operations). Names and ids are compared without case, and shown as they were made. A removal ends after a number of looks at it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .azure_filters import GROUPS, TABLES, show_child, show_group, show_table, tag
from .azure_roles import Roles, is_within
from .entra import Entra
from .entra_proofs import AzureRefusalError

#: What may be changed of a peering.
_FLAGS = ("allowVirtualNetworkAccess", "allowForwardedTraffic", "allowGatewayTransit", "useRemoteGateways")
_MISSING = "For more details please go to https://aka.ms/ARMResourceNotFoundFix"

Key = tuple[str, str, str]
#: The VNet of Atlas that its peerings lead to, which no customer can read.
ATLAS_VNET = (
    "/subscriptions/5b8e3d1c-9f0a-4c4e-8a57-2d6f1f0c7e11/resourceGroups/rg_5356823b3794dee37132bb7b"
    "/providers/Microsoft.Network/virtualNetworks/vnet_5356823b3794dee37132bb7b_abcdefgh"
)


@dataclass
class VNet:
    """A VNet, with the names as they were made."""

    subscription: str
    group: str
    name: str
    prefixes: list[str]
    location: str
    peerings: dict[str, dict[str, Any]] = field(default_factory=dict)
    subnets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The resource id."""
        return vnet_id(self.subscription, self.group, self.name)


@dataclass
class Resource:
    """A network security group or a route table, with its names as they were made, and what it has."""

    address: str
    location: str
    properties: dict[str, Any]


def vnet_id(subscription: str, group: str, name: str) -> str:
    """Return the resource id of a VNet."""
    return resource_id(subscription, group, "virtualNetworks", name)


def resource_id(subscription: str, group: str, kind: str, name: str) -> str:
    """Return the id of a resource of Microsoft.Network, such as one of `routeTables`."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/{kind}/{name}"


@dataclass
class Azure:
    """All subscriptions of a tenant.

    Attributes:
        entra: Who there is.
        roles: Who may do what.
        operation_looks: How many looks at a removal find that it goes on.
        forbidden: Scopes in which the user may do nothing.
        denied: Actions that the user may do nowhere, such as `Microsoft.Network/routeTables/read`; a * stands for any part.
        page_size: How many things a page of a list has; 0 for all of them.
        requests: Method and path of each request, in order.
    """

    entra: Entra
    roles: Roles = field(init=False)
    operation_looks: int = 0
    forbidden: list[str] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    page_size: int = 0
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _vnets: dict[Key, VNet] = field(default_factory=dict)
    _groups: dict[tuple[str, str], str] = field(default_factory=dict)
    _resources: dict[str, Resource] = field(default_factory=dict)
    _operations: dict[str, tuple[Key, str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Have no roles at first."""
        self.roles = Roles(self.entra)

    def add_vnet(
        self,
        subscription: str,
        group: str,
        name: str,
        prefixes: Sequence[str] = ("10.0.0.0/24",),
        location: str = "westeurope",
    ) -> str:
        """Let somebody make a VNet; return its resource id."""
        with self.lock:
            self._add_group(subscription, group)
            made = VNet(subscription, group, name, [*prefixes], location)
            return self._vnets.setdefault(_key(subscription, group, name), made).address

    def add_subnet(
        self,
        subscription: str,
        group: str,
        vnet: str,
        name: str,
        prefixes: str | Sequence[str],
        nsg: str | None = None,
        table: str | None = None,
        *,
        delegations: Sequence[str] = (),
        configurations: Sequence[str] = (),
        endpoints: Sequence[str] = (),
        links: Sequence[str] = (),
        **fields: Any,
    ) -> str:
        """Let somebody make or replace a subnet; return its id.

        Args:
            subscription: Where the VNet is.
            group: Its resource group.
            vnet: Its name.
            name: The name of the subnet.
            prefixes: Its block; or a list of them, which AZURE then shows as one, however many they are.
            nsg: The id of its network security group.
            table: The id of its route table.
            delegations: The services that it is delegated to, such as `Microsoft.Web/serverFarms`.
            configurations: The ids of the IP configurations in it. AZURE shows ids here, and no more of them.
            endpoints: The ids of the private endpoints in it.
            links: The types of the services that have associated themselves with it.
            fields: What its properties have beside.
        """
        space = {"addressPrefix": prefixes} if isinstance(prefixes, str) else {"addressPrefixes": [*prefixes]}
        parts = {"networkSecurityGroup": nsg, "routeTable": table}
        lists = {"ipConfigurations": configurations, "privateEndpoints": endpoints}
        with self.lock:
            found = self._vnets[_key(subscription, group, vnet)]
            address = f"{found.address}/subnets/{name}"
            linked = [show_child(address, "serviceAssociationLinks", "link", {"linkedResourceType": one}) for one in links]
            found.subnets[name] = {
                **space,
                **{part: {"id": one} for part, one in parts.items() if one is not None},
                # Empty lists of what is in a subnet are left out.
                **{key: [{"id": one} for one in ids] for key, ids in lists.items() if ids},
                **({"serviceAssociationLinks": linked} if linked else {}),
                "delegations": [
                    show_child(address, "delegations", "delegation", {"serviceName": one, "actions": []}) for one in delegations
                ],
                "privateEndpointNetworkPolicies": "Disabled",
                "privateLinkServiceNetworkPolicies": "Enabled",
                **fields,
            }
            return address

    def add_nsg(self, subscription: str, group: str, name: str, rules: Sequence[Mapping[str, Any]] = ()) -> str:
        """Let somebody make or replace a network security group; return its id.

        Args:
            subscription: Where it is.
            group: Its resource group.
            name: Its name.
            rules: Its rules: `name`, `priority`, and others as the API names them. It is any traffic going out without.
        """
        return self._add(subscription, group, GROUPS, name, {"rules": [*rules]})

    def add_route_table(
        self, subscription: str, group: str, name: str, routes: Sequence[Mapping[str, Any]] = (), disabled: str = "None"
    ) -> str:
        """Let somebody make or replace a route table; return its id.

        Args:
            subscription: Where it is.
            group: Its resource group.
            name: Its name.
            routes: Its routes: `name`, `addressPrefix`, `nextHopType`, and other properties as the API names them.
            disabled: Its `disablePeeringRoute`: `None` or `All`.
        """
        return self._add(subscription, group, TABLES, name, {"routes": [*routes], "disablePeeringRoute": disabled})

    def remove_resource(self, address: str) -> None:
        """Let somebody remove a network security group or a route table."""
        with self.lock:
            del self._resources[address.lower()]

    def remove_group(self, subscription: str, group: str) -> None:
        """Let somebody remove a resource group with all that is in it."""
        scope = f"/subscriptions/{subscription}/resourceGroups/{group}"
        with self.lock:
            self.roles.forget(scope)
            del self._groups[_key(subscription, group)]
            self._vnets = {key: one for key, one in self._vnets.items() if not is_within(one.address, scope)}
            self._resources = {key: one for key, one in self._resources.items() if not is_within(key, scope)}

    def set_prefixes(self, subscription: str, group: str, name: str, prefixes: Sequence[str]) -> None:
        """Let somebody change the blocks of a VNet, of which the other sides of its peerings do not know yet."""
        with self.lock:
            found = self._vnets[_key(subscription, group, name)]
            found.prefixes = [*prefixes]
            for one in found.peerings.values():
                one["localVirtualNetworkAddressSpace"] = {"addressPrefixes": [*prefixes]}
                one["peeringSyncLevel"] = "RemoteNotInSync"

    def remove_vnet(self, subscription: str, group: str, name: str) -> None:
        """Let somebody remove a VNet, with its peerings and the roles on it."""
        with self.lock:
            self.roles.forget(self._vnets.pop(_key(subscription, group, name)).address)

    def has_role(self, subscription: str, group: str, name: str) -> bool:
        """Whether Atlas's application may do what it needs on a VNet, by a role at it or at a scope above."""
        with self.lock:
            found = self._vnets.get(_key(subscription, group, name))
        return found is not None and self.roles.allows(found.address)

    def add_role(self, subscription: str, group: str, name: str) -> None:
        """Let somebody give Atlas's application what it needs on a VNet."""
        self.roles.assign(vnet_id(subscription, group, name))

    def add_peering(
        self,
        subscription: str,
        group: str,
        vnet: str,
        name: str,
        remote: str,
        prefixes: Sequence[str],
        **fields: Any,
    ) -> None:
        """Let somebody, such as Atlas, make a peering.

        Args:
            subscription: Where the VNet is.
            group: Its resource group.
            vnet: Its name.
            name: The name of the peering.
            remote: The resource id of the other VNet.
            prefixes: The blocks of the other VNet.
            fields: What its properties have beside, such as `peeringState`.
        """
        blocks = {"addressPrefixes": [*prefixes]}
        with self.lock:
            found = self._vnets[_key(subscription, group, vnet)]
            own = {"addressPrefixes": [*found.prefixes]}
            found.peerings[name] = {
                "provisioningState": "Succeeded",
                "peeringState": "Connected",
                "peeringSyncLevel": "FullyInSync",
                "remoteVirtualNetwork": {"id": remote},
                "allowVirtualNetworkAccess": True,
                "allowForwardedTraffic": False,
                "allowGatewayTransit": False,
                "useRemoteGateways": False,
                "doNotVerifyRemoteGateways": False,
                "peerCompleteVnets": True,
                "localAddressSpace": own,
                "localVirtualNetworkAddressSpace": own,
                "remoteAddressSpace": blocks,
                "remoteVirtualNetworkAddressSpace": blocks,
                **fields,
            }

    def set_peering(self, subscription: str, group: str, vnet: str, name: str, **fields: Any) -> None:
        """Change the properties of a peering, such as `peeringState`."""
        with self.lock:
            self._vnets[_key(subscription, group, vnet)].peerings[name].update(fields)

    def remove_peering(self, subscription: str, group: str, vnet: str, name: str) -> None:
        """Let somebody remove a peering."""
        with self.lock:
            del self._vnets[_key(subscription, group, vnet)].peerings[name]

    def put_peering(
        self, subscription: str, group: str, vnet: str, name: str, prefixes: Sequence[str], remote: str | None = None
    ) -> bool:
        """Let Atlas make its peering with one of its VNets, unless it is there; False if the customer's VNet is not."""
        other = f"{ATLAS_VNET.rpartition('/')[0]}/{remote}" if remote else ATLAS_VNET
        with self.lock:
            found = self._vnets.get(_key(subscription, group, vnet))
            if found is not None and _name_of(found, name) is None:
                self.add_peering(subscription, group, vnet, name, other, prefixes)
            return found is not None

    def discard_peering(self, subscription: str, group: str, vnet: str, name: str) -> None:
        """Let Atlas remove its peering, if it is there."""
        with self.lock:
            found = self._vnets.get(_key(subscription, group, vnet))
            if found is not None:
                found.peerings.pop(_name_of(found, name) or "", None)

    def show_vnets(self) -> list[dict[str, Any]]:
        """Return all VNets, with the blocks of both sides, and whether Atlas has its role."""
        with self.lock:
            return [
                {
                    "subscription_id": one.subscription,
                    "resource_group": one.group,
                    "name": one.name,
                    "prefixes": one.prefixes,
                    "is_role_given": self.roles.allows(one.address),
                    "peerings": {name: other["remoteAddressSpace"]["addressPrefixes"] for name, other in one.peerings.items()},
                }
                for one in self._vnets.values()
            ]

    def check_directory(self, tenant: str) -> None:
        """Refuse a token of another directory than the one of all subscriptions.

        Raises:
            AzureRefusalError: 401.
        """
        own = self.entra.tenant
        if tenant != own:
            text = (
                f"The access token is from the wrong issuer 'https://sts.windows.net/{tenant}/'. It must match the tenant "
                f"'https://sts.windows.net/{own}/' associated with this subscription. Please use the authority (URL) "
                f"'https://login.windows.net/{own}' to get the token."
            )
            raise AzureRefusalError(401, "InvalidAuthenticationTokenTenant", text)

    def check_scope(self, scope: str, action: str) -> None:
        """Refuse a scope that does not exist, or where the user may do nothing.

        Raises:
            AzureRefusalError: 404 or 403.
        """
        self._allow(scope, action)
        parts = scope.strip("/").split("/")
        if parts[0].lower() != "subscriptions":
            # A management group, or everything.
            return
        with self.lock:
            known = self._groups
            if len(parts) > 1 and parts[1].lower() not in {one[0] for one in known}:
                raise AzureRefusalError(404, "SubscriptionNotFound", f"The subscription '{parts[1]}' could not be found.")
            if len(parts) > 3 and (parts[1].lower(), parts[3].lower()) not in known:
                raise AzureRefusalError(404, "ResourceGroupNotFound", f"Resource group '{parts[3]}' could not be found.")
            if len(parts) > 4 and not self._has("/" + "/".join(parts[:8]).lower()):
                text = f"The Resource '{'/'.join(parts[5:8])}' under resource group '{parts[3]}' was not found. {_MISSING}"
                raise AzureRefusalError(404, "ResourceNotFound", text)

    def get_group(self, subscription: str, group: str) -> dict[str, Any]:
        """Answer GET resourceGroups/{name}."""
        self.check_scope(
            f"/subscriptions/{subscription}/resourceGroups/{group}", "Microsoft.Resources/subscriptions/resourceGroups/read"
        )
        with self.lock:
            address = self._groups[_key(subscription, group)]
        return {
            "id": address,
            "name": address.rpartition("/")[2],
            "type": "Microsoft.Resources/resourceGroups",
            "location": "westeurope",
            "properties": {"provisioningState": "Succeeded"},
        }

    def list_vnets(self, subscription: str, group: str | None = None) -> dict[str, Any]:
        """Answer GET virtualNetworks, of a resource group or of a subscription."""
        scope = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
        self.check_scope(scope, "Microsoft.Network/virtualNetworks/read")
        with self.lock:
            return {"value": [_show(one) for one in self._vnets.values() if is_within(one.address, scope)]}

    def get_vnet(self, subscription: str, group: str, vnet: str) -> dict[str, Any]:
        """Answer GET virtualNetworks/{name}."""
        return _show(self._find(subscription, group, vnet, "read"))

    def list_subscriptions(self) -> list[dict[str, Any]]:
        """Answer GET subscriptions: those that the user sees."""
        with self.lock:
            known = dict.fromkeys(address.split("/")[2] for address in self._groups.values())
        return [
            {
                "id": f"/subscriptions/{one}",
                "subscriptionId": one,
                "displayName": "Pay-As-You-Go",
                "state": "Enabled",
                "tenantId": self.entra.tenant,
                "authorizationSource": "RoleBased",
                "managedByTenants": [],
                "subscriptionPolicies": {
                    "locationPlacementId": "Public_2014-09-01",
                    "quotaId": "PayAsYouGo_2014-09-01",
                    "spendingLimit": "Off",
                },
            }
            for one in known
        ]

    def list_tenants(self) -> list[dict[str, Any]]:
        """Answer GET tenants: those that the user is in."""
        names = {
            "displayName": "Example",
            "defaultDomain": "example.onmicrosoft.com",
            "countryCode": "IE",
            "tenantCategory": "Home",
        }
        return [{"id": f"/tenants/{self.entra.tenant}", "tenantId": self.entra.tenant, **names}]

    def list_subnets(self, subscription: str, group: str, vnet: str) -> list[dict[str, Any]]:
        """Answer GET subnets."""
        found = self._find(subscription, group, vnet, "subnets/read")
        return _show_subnets(found)

    def get_resource(self, subscription: str, group: str, kind: str, name: str, version: str) -> dict[str, Any]:
        """Answer GET networkSecurityGroups/{name} and routeTables/{name}."""
        address = resource_id(subscription, group, kind, name)
        self.check_scope(address, f"Microsoft.Network/{kind}/read")
        with self.lock:
            return self._show_resource(self._resources[address.lower()], version)

    def list_resources(self, subscription: str, group: str | None, kind: str, version: str) -> list[dict[str, Any]]:
        """Answer GET networkSecurityGroups and routeTables, of a resource group or of a subscription."""
        scope = f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")
        self.check_scope(scope, f"Microsoft.Network/{kind}/read")
        with self.lock:
            found = [one for key, one in self._resources.items() if is_within(key, scope) and key.split("/")[-2] == kind.lower()]
            return [self._show_resource(one, version) for one in found]

    def list_peerings(self, subscription: str, group: str, vnet: str) -> dict[str, Any]:
        """Answer GET virtualNetworkPeerings."""
        found = self._find(subscription, group, vnet, "virtualNetworkPeerings/read")
        return {"value": [_show_peering(found, name) for name in found.peerings]}

    def get_peering(self, subscription: str, group: str, vnet: str, peering: str) -> dict[str, Any]:
        """Answer GET virtualNetworkPeerings/{name}."""
        found = self._find(subscription, group, vnet, "virtualNetworkPeerings/read")
        name = _name_of(found, peering)
        if name is None:
            text = f"Resource {found.address}/virtualNetworkPeerings/{peering} not found."
            raise AzureRefusalError(404, "NotFound", text)
        return _show_peering(found, name)

    def update_peering(
        self, subscription: str, group: str, vnet: str, peering: str, body: Mapping[str, Any], *, is_sync: bool
    ) -> dict[str, Any]:
        """Answer PUT virtualNetworkPeerings/{name} of one that is there.

        Args:
            subscription: Where the VNet is.
            group: Its resource group.
            vnet: Its name.
            peering: The name of the peering.
            body: The whole peering, of which the flags may be others than before.
            is_sync: Whether the addresses of the other side are to be those that it has now.
        """
        found = self._find(subscription, group, vnet, "virtualNetworkPeerings/write")
        given, name = body.get("properties") or {}, _name_of(found, peering)
        if name is None:
            raise AzureRefusalError(400, "InvalidRequestFormat", "Only peerings that are there are changed here.")
        with self.lock:
            one = found.peerings[name]
            one.update({flag: given[flag] for flag in _FLAGS if isinstance(given.get(flag), bool)})
            if is_sync:
                one["remoteAddressSpace"] = one["remoteVirtualNetworkAddressSpace"]
            return _show_peering(found, name)

    def delete_peering(self, subscription: str, group: str, vnet: str, peering: str) -> str | None:
        """Answer DELETE virtualNetworkPeerings/{name}: the path of the operation, or None if there is none of that name."""
        found = self._find(subscription, group, vnet, "virtualNetworkPeerings/delete")
        with self.lock:
            name = _name_of(found, peering)
            if name is None:
                return None
            found.peerings[name]["provisioningState"] = "Deleting"
            operation = str(uuid.uuid4())
            self._operations[operation] = (_key(subscription, group, vnet), name, self.operation_looks)
            provider = f"/subscriptions/{found.subscription}/providers/Microsoft.Network"
            return f"{provider}/locations/{found.location}/operations/{operation}"

    def get_operation(self, operation: str) -> dict[str, Any]:
        """Answer GET of an asynchronous operation."""
        with self.lock:
            if operation not in self._operations:
                raise AzureRefusalError(404, "NotFound", f"Operation {operation} not found.")
            key, name, left = self._operations[operation]
            self._operations[operation] = (key, name, left - 1)
            if left > 0:
                return {"status": "InProgress"}
            if key in self._vnets:
                self._vnets[key].peerings.pop(name, None)
            return {"status": "Succeeded"}

    def _add_group(self, subscription: str, group: str) -> None:
        self._groups.setdefault(_key(subscription, group), f"/subscriptions/{subscription}/resourceGroups/{group}")

    def _add(self, subscription: str, group: str, kind: str, name: str, properties: dict[str, Any]) -> str:
        address = resource_id(subscription, group, kind, name)
        with self.lock:
            self._add_group(subscription, group)
            self._resources[address.lower()] = Resource(address, "westeurope", properties)
        return address

    def _has(self, address: str) -> bool:
        return address in self._resources or any(one.address.lower() == address for one in self._vnets.values())

    def _show_resource(self, resource: Resource, version: str) -> dict[str, Any]:
        """Return a network security group or a route table, with the subnets that have it."""
        kind, name = resource.address.split("/")[-2:]
        part = "networkSecurityGroup" if kind == GROUPS else "routeTable"
        subnets = [
            f"{vnet.address}/subnets/{subnet}"
            for vnet in self._vnets.values()
            for subnet, one in vnet.subnets.items()
            if one.get(part, {}).get("id", "").lower() == resource.address.lower()
        ]
        if kind == GROUPS:
            properties = show_group(resource.address, resource.properties["rules"], subnets)
        else:
            properties = show_table(resource.address, resource.properties, subnets, version)
        return _envelope(resource.address, name, f"Microsoft.Network/{kind}", resource.location, properties)

    def _allow(self, scope: str, action: str) -> None:
        is_denied = any(fnmatchcase(action.lower(), one.lower()) for one in self.denied)
        if is_denied or any(is_within(scope, one) for one in self.forbidden):
            client = self.entra.client_id
            text = (
                f"The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' over "
                f"scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."
            )
            raise AzureRefusalError(403, "AuthorizationFailed", text)

    def _find(self, subscription: str, group: str, vnet: str, action: str) -> VNet:
        self.check_scope(vnet_id(subscription, group, vnet), f"Microsoft.Network/virtualNetworks/{action}")
        with self.lock:
            return self._vnets[_key(subscription, group, vnet)]


def _key(*names: str) -> Any:
    return tuple(one.lower() for one in names)


def _name_of(vnet: VNet, peering: str) -> str | None:
    return next((one for one in vnet.peerings if one.lower() == peering.lower()), None)


def _envelope(address: str, name: str, kind: str, location: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    whole = {"name": name, "id": address, "etag": tag(address)["etag"], "type": kind, "location": location}
    return {**whole, "properties": properties}


def _show(vnet: VNet) -> dict[str, Any]:
    properties = {
        "provisioningState": "Succeeded",
        "resourceGuid": tag(vnet.address)["resourceGuid"],
        "addressSpace": {"addressPrefixes": vnet.prefixes},
        "privateEndpointVNetPolicies": "Disabled",
        "subnets": _show_subnets(vnet),
        "virtualNetworkPeerings": [_show_peering(vnet, name) for name in vnet.peerings],
        "enableDdosProtection": False,
    }
    return _envelope(vnet.address, vnet.name, "Microsoft.Network/virtualNetworks", vnet.location, properties)


def _show_subnets(vnet: VNet) -> list[dict[str, Any]]:
    return [show_child(vnet.address, "subnets", name, one) for name, one in vnet.subnets.items()]


def _show_peering(vnet: VNet, name: str) -> dict[str, Any]:
    own = tag(f"{vnet.address}/virtualNetworkPeerings/{name}")["resourceGuid"]
    return show_child(vnet.address, "virtualNetworkPeerings", name, {"resourceGuid": own, **vnet.peerings[name]})
