"""Runs atlas_azure_role in the test's own process, against a stand-in of AZURE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_azure_role import OPERATION
from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import NETWORK_CONTRIBUTOR
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import GRAPH
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock, Site, with_session

SUBSCRIPTION = f"/subscriptions/{VNET[0]}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{VNET[1]}"
SCOPE = VNET_ID
ROLE_NAME = f"AtlasPeering/{'/'.join(VNET)}"
CONTRIBUTOR = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{NETWORK_CONTRIBUTOR}"
NETWORKS = ("vnet_5356823b3794dee37132bb7b_abcdefgh", "vnet_5356823b3794dee37132bb7c_bcdefghi")


@dataclass
class AzureSite(Site):
    """A VNet, and the ways to run tasks on it."""

    clouds: Any
    clock: FakeClock = field(default_factory=FakeClock)
    lines: list[str] = field(default_factory=list)

    operation = OPERATION

    def __post_init__(self) -> None:
        """Make the VNet."""
        self.azure = self.clouds.azure
        self.azure.add_vnet(*VNET)

    @property
    def usual(self) -> dict[str, Any]:
        entra = self.azure.entra
        signs_in = {"client_id": entra.client_id, "secret": entra.secret}
        return {"azure_directory_id": entra.tenant, "vnet_resource_id": SCOPE, **signs_in}

    @property
    def private(self) -> list[str]:
        entra = self.azure.entra
        return [entra.secret, *(one["token"] for one in entra.issued)]

    def forget(self) -> None:
        self.azure.requests.clear()

    def on_clock(self, operation: Any, patch: pytest.MonkeyPatch) -> Any:
        def make(params: Any) -> AzureSession:
            return AzureSession({**params, "directory_id": params["azure_directory_id"]}, self.clock, self.clock.sleep)

        return with_session(operation, make)

    def wire(self) -> list[str]:
        """Return the requests of the last task to AZURE and Graph: the method, and what kind of thing it was about."""
        return [f"{method} {_kind(path)}" for method, path in self.azure.requests if path.startswith(("/", GRAPH))]

    def writes(self) -> list[str]:
        """Return those that change something."""
        return [one for one in self.wire() if not one.startswith("GET ")]

    def assign(self, scope: str, *actions: str, **fields: Any) -> None:
        """Let somebody give Atlas a role at a scope."""
        self.azure.roles.assign(scope, actions, **fields)

    def before(self, owner: Any, name: str, action: Callable[[], None]) -> None:
        """Let something happen right before AZURE carries out the next request of a kind.

        Args:
            owner: The part of the stand-in that carries it out.
            name: The method that does.
            action: What happens.
        """
        call = getattr(owner, name)

        def overtaken(*arguments: Any) -> Any:
            setattr(owner, name, call)
            action()
            return call(*arguments)

        setattr(owner, name, overtaken)

    def peer(self, network: str, state: str = "Connected", name: str = "atlas") -> None:
        """Let Atlas make a peering with one of its networks."""
        remote = f"/subscriptions/{VNET[0][:-1]}b/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/{network}"
        self.azure.add_peering(*VNET, name, remote, ["192.168.248.0/21"], peeringState=state)

    def definitions(self) -> list[str]:
        """Return the names of the custom roles at the VNet."""
        return [one["properties"]["roleName"] for one in self.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")]

    def ours(self) -> list[Any]:
        """Return the roles and assignments with our description."""
        found = [*self.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'"), *self.azure.roles.list_assignments(SCOPE)]
        return [one for one in found if "Managed by cloudpeer.atlas" in (one["properties"]["description"] or "")]

    def look(self) -> dict[str, Any]:
        """Return all there is at the VNet, without who made it when."""
        ours = [one["id"] for one in self.ours()]
        listed = [*self.azure.roles.list_definitions(SCOPE), *self.azure.roles.list_assignments(SCOPE)]
        return {
            "principal": self.azure.entra.principal_of(),
            "roles": [one for one in ours if "/roleDefinitions/" in one],
            "ours": [one for one in ours if "/roleAssignments/" in one],
            "others": {one["id"]: one["properties"] for one in listed if one["id"] not in ours},
            "is_allowed": self.azure.roles.allows(SCOPE),
        }

    def assignments(self) -> list[dict[str, Any]]:
        """Return the properties of all assignments at the VNet, above and below."""
        return [one["properties"] for one in self.azure.roles.list_assignments(SCOPE)]


def _kind(path: str) -> str:
    """Return what a request was about, such as `roleAssignments` or `vnet`."""
    if path.startswith(GRAPH):
        return "servicePrincipals"
    head, _slash, last = path.rpartition("/")
    kind = head.rpartition("/")[2]
    known = ("roleDefinitions", "roleAssignments", "denyAssignments")
    return last if last in known else "vnet" if kind.lower() == "virtualnetworks" else kind[:-1]
