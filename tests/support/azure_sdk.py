"""Asks ARM and Graph with AZURE's own clients, and prints what they read and what they do not know.

A program for the Python of `make setup-azure`, which imports nothing of ours. Its argument is JSON: the VNet's names, the id of
an application, and actions. The environment says who signs in, and where the proxy is.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.network import NetworkManagementClient
from msgraph import GraphServiceClient
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.service_principal import ServicePrincipal


class Reader:
    """Calls AZURE's clients, and keeps what a reply has beyond what they know of it.

    Attributes:
        faults: Where in a reply that was.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []

    def __call__(self, call: Any, *arguments: Any, **named: Any) -> Any:
        """Return what a call reads: an object, or a list."""
        raw: list[Any] = []
        found = call(*arguments, raw_response_hook=lambda reply: raw.append(json.loads(reply.http_response.text())), **named)
        if hasattr(found, "serialize"):
            self._compare(raw[-1], found.serialize(keep_readonly=True), call.__qualname__)
            return found
        items = list(found)
        self._compare(raw[-1], {"value": [one.serialize(keep_readonly=True) for one in items]}, call.__qualname__)
        return items

    def _compare(self, raw: Any, read: Any, path: str) -> None:
        if isinstance(raw, dict):
            for name, value in raw.items():
                if value is not None:
                    self._compare(value, read.get(name) if isinstance(read, dict) else None, f"{path}.{name}")
        elif isinstance(raw, list):
            for index, value in enumerate(raw):
                self._compare(value, read[index] if isinstance(read, list) else None, f"{path}[{index}]")
        elif "On" not in path.rpartition(".")[2] and raw != read:
            # Times are written in another way.
            self.faults.append(f"{path} is {raw}, and was read as {read}")


def refused(call: Any, *arguments: Any, **named: Any) -> list[Any]:
    """Return status and code of a refusal."""
    try:
        call(*arguments, **named)
    except HttpResponseError as error:
        return [error.status_code, error.error.code if error.error else None]
    return []


def network(credential: Any, names: dict[str, str]) -> dict[str, Any]:
    """Read a VNet and its peerings, and remove one."""
    client, read = NetworkManagementClient(credential, names["subscription"]), Reader()
    vnets, peerings, where = client.virtual_networks, client.virtual_network_peerings, (names["group"], names["vnet"])
    vnet = read(vnets.get, *where)
    counts = [len(read(vnets.list_all)), len(read(vnets.list, names["group"])), len(read(peerings.list, *where))]
    one = read(peerings.get, *where, vnet.virtual_network_peerings[0].name)
    peerings.begin_delete(*where, one.name).result(60)
    return {
        "faults": read.faults,
        "vnet": [vnet.id, vnet.address_space.address_prefixes],
        "counts": counts,
        "peering": [one.peering_state, one.peering_sync_level, one.remote_address_space.address_prefixes],
        "left": len(read(peerings.list, *where)),
        "no vnet": refused(vnets.get, names["group"], "other"),
        "no peering": refused(peerings.get, *where, "other"),
        "no subscription": refused(NetworkManagementClient(credential, str(uuid.uuid4())).virtual_networks.get, "g", "v"),
    }


async def graph(credential: Any, app_id: str) -> dict[str, Any]:
    """Make a service principal, once and again."""
    client = GraphServiceClient(credential)
    made = await client.service_principals.post(ServicePrincipal(app_id=app_id))
    assert made is not None
    listed = await client.service_principals.get()
    one = await client.service_principals.by_service_principal_id(str(made.id)).get()
    assert listed is not None
    assert one is not None
    try:
        await client.service_principals.post(ServicePrincipal(app_id=app_id))
    except ODataError as error:
        again = [error.response_status_code, error.error.code if error.error else None]
    else:
        again = []
    unknown = [[*found.additional_data] for found in (made, one, *(listed.value or []))]
    return {"id": made.id, "app_id": one.app_id, "count": len(listed.value or []), "unknown": unknown, "again": again}


def authorization(credential: Any, names: dict[str, str], principal: str, actions: list[str]) -> dict[str, Any]:
    """Make a role, assign it with both versions that clients of today use, and remove both."""
    provider = "providers/Microsoft.Network/virtualNetworks"
    scope = f"/subscriptions/{names['subscription']}/resourceGroups/{names['group']}/{provider}/{names['vnet']}"
    read, name, models = Reader(), str(uuid.uuid4()), AuthorizationManagementClient.models("2022-04-01")
    roles = AuthorizationManagementClient(credential, names["subscription"], api_version="2022-04-01").role_definitions
    body = {"role_name": "AtlasPeering", "permissions": [{"actions": actions}], "assignable_scopes": [scope]}
    role = read(roles.create_or_update, scope, name, models.RoleDefinition(**body))
    same = [read(roles.get, scope, name), *read(roles.list, scope, filter="type eq 'CustomRole'")]
    said: dict[str, Any] = {"same role": [one.id == role.id for one in same], "assigned": []}
    for version in ("2020-04-01-preview", "2022-04-01"):
        client = AuthorizationManagementClient(credential, names["subscription"], api_version=version).role_assignments
        create = AuthorizationManagementClient.models(version).RoleAssignmentCreateParameters
        asked = create(role_definition_id=role.id, principal_id=principal)
        made = read(client.create, scope, str(uuid.uuid4()), asked)
        everything = client.list if "preview" in version else client.list_for_subscription
        found = [*read(everything), *read(client.list_for_scope, scope, filter=f"principalId eq '{principal}'")]
        same = [one.id == made.id for one in found] + [read(client.get_by_id, made.id).role_definition_id == role.id]
        twice = refused(client.create, scope, str(uuid.uuid4()), asked)
        in_use = refused(roles.delete, scope, name)
        gone = [read(client.delete_by_id, made.id).id == made.id, client.delete_by_id(made.id)]
        said["assigned"].append([same, twice, in_use, gone])
    gone = [read(roles.delete, scope, name).id == role.id, roles.delete(scope, name)]
    return {**said, "gone": gone, "faults": read.faults}


def main() -> None:
    """Run everything, in an order in which each part has what it needs."""
    asked = json.loads(sys.argv[1])
    credential = ClientSecretCredential(os.environ["AZURE_TENANT"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_SECRET"])
    principal = asyncio.run(graph(credential, asked["app_id"]))
    said = {
        "network": network(credential, asked),
        "graph": principal,
        "authorization": authorization(credential, asked, principal["id"], asked["actions"]),
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
