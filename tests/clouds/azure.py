"""AZURE's VNets with their peerings, as Microsoft.Network shows and changes them, and what ARM says of all resources.

Sources: the documentation of the REST API (virtual networks, virtual network peerings) and of ARM (common errors, asynchronous
operations). Names and ids are compared without case, and shown as they were made. A removal ends after a number of looks at it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .azure_roles import Roles, is_within
from .entra import AzureRefusalError, Entra

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

    @property
    def address(self) -> str:
        """The resource id."""
        return vnet_id(self.subscription, self.group, self.name)


def vnet_id(subscription: str, group: str, name: str) -> str:
    """Return the resource id of a VNet."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{name}"


@dataclass
class Azure:
    """All subscriptions of a tenant.

    Attributes:
        entra: Who there is.
        roles: Who may do what.
        operation_looks: How many looks at a removal find that it goes on.
        forbidden: Scopes in which the user may do nothing.
        requests: Method and path of each request, in order.
    """

    entra: Entra
    roles: Roles = field(init=False)
    operation_looks: int = 0
    forbidden: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _vnets: dict[Key, VNet] = field(default_factory=dict)
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
            made = VNet(subscription, group, name, [*prefixes], location)
            return self._vnets.setdefault(_key(subscription, group, name), made).address

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
            self._vnets[_key(subscription, group, vnet)].peerings[name] = {
                "provisioningState": "Succeeded",
                "peeringState": "Connected",
                "peeringSyncLevel": "FullyInSync",
                "remoteVirtualNetwork": {"id": remote},
                "allowVirtualNetworkAccess": True,
                "allowForwardedTraffic": False,
                "allowGatewayTransit": False,
                "useRemoteGateways": False,
                "doNotVerifyRemoteGateways": False,
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

    def put_peering(self, subscription: str, group: str, vnet: str, name: str, prefixes: Sequence[str]) -> bool:
        """Let Atlas make its peering, unless it is there; False if the VNet is not."""
        with self.lock:
            found = self._vnets.get(_key(subscription, group, vnet))
            if found is not None and _name_of(found, name) is None:
                self.add_peering(subscription, group, vnet, name, ATLAS_VNET, prefixes)
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

    def check_scope(self, scope: str, action: str) -> None:
        """Refuse a scope that does not exist, or where the user may do nothing.

        Raises:
            AzureRefusalError: 404 or 403.
        """
        self._allow(scope, action)
        parts = scope.strip("/").split("/")
        with self.lock:
            known = {(one.subscription.lower(), one.group.lower()) for one in self._vnets.values()}
            if len(parts) > 1 and parts[1].lower() not in {one[0] for one in known}:
                raise AzureRefusalError(404, "SubscriptionNotFound", f"The subscription '{parts[1]}' could not be found.")
            if len(parts) > 3 and (parts[1].lower(), parts[3].lower()) not in known:
                raise AzureRefusalError(404, "ResourceGroupNotFound", f"Resource group '{parts[3]}' could not be found.")
            if len(parts) > 4 and (len(parts) != 8 or _key(parts[1], parts[3], parts[7]) not in self._vnets):
                text = f"The Resource '{'/'.join(parts[5:])}' under resource group '{parts[3]}' was not found. {_MISSING}"
                raise AzureRefusalError(404, "ResourceNotFound", text)

    def get_group(self, subscription: str, group: str) -> dict[str, Any]:
        """Answer GET resourceGroups/{name}."""
        self.check_scope(
            f"/subscriptions/{subscription}/resourceGroups/{group}", "Microsoft.Resources/subscriptions/resourceGroups/read"
        )
        with self.lock:
            inside = next(one for key, one in self._vnets.items() if key[:2] == _key(subscription, group))
        return {
            "id": f"/subscriptions/{inside.subscription}/resourceGroups/{inside.group}",
            "name": inside.group,
            "type": "Microsoft.Resources/resourceGroups",
            "location": inside.location,
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

    def _allow(self, scope: str, action: str) -> None:
        if any(is_within(scope, one) for one in self.forbidden):
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


def _tag(address: str) -> dict[str, Any]:
    """Return what AZURE makes of an id: the tag of a version, and the resource's own uuid."""
    own = str(uuid.uuid5(uuid.NAMESPACE_URL, address.lower()))
    return {"etag": f'W/"{own}"', "resourceGuid": own}


def _show(vnet: VNet) -> dict[str, Any]:
    tag = _tag(vnet.address)
    properties: Mapping[str, Any] = {
        "provisioningState": "Succeeded",
        "resourceGuid": tag["resourceGuid"],
        "addressSpace": {"addressPrefixes": vnet.prefixes},
        "subnets": [],
        "virtualNetworkPeerings": [_show_peering(vnet, name) for name in vnet.peerings],
        "enableDdosProtection": False,
    }
    return {
        "name": vnet.name,
        "id": vnet.address,
        "etag": tag["etag"],
        "type": "Microsoft.Network/virtualNetworks",
        "location": vnet.location,
        "properties": properties,
    }


def _show_peering(vnet: VNet, name: str) -> dict[str, Any]:
    address = f"{vnet.address}/virtualNetworkPeerings/{name}"
    tag = _tag(address)
    return {
        "name": name,
        "id": address,
        "etag": tag["etag"],
        "type": "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
        "properties": {"resourceGuid": tag["resourceGuid"], **vnet.peerings[name]},
    }
