"""Asks ARM with AZURE's own clients, and prints what they read and what they do not know.

A program, which imports nothing of ours. Its argument is JSON: the VNet's names, the id of a service principal, and actions. The
environment says who signs in, and where the proxy is.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.authorization.v2022_04_01.models import RoleAssignmentCreateParameters, RoleDefinition
from azure.mgmt.network import NetworkManagementClient

#: The version in which the collection reads VNets.
VERSION = "2024-05-01"


class Reader:
    """Calls AZURE's clients, and keeps what a reply has beyond what they know of it.

    Args:
        versions: The version of the API, where the client has none for all calls.

    Attributes:
        faults: Where in a reply that was.
    """

    def __init__(self, *versions: str) -> None:
        self._version = dict.fromkeys(("api_version",), *versions) if versions else {}
        self.faults: list[str] = []

    def __call__(self, call: Any, *arguments: Any, **named: Any) -> Any:
        """Return what a call reads: an object, or a list."""
        raw: list[Any] = []
        found = call(
            *arguments,
            raw_response_hook=lambda reply: raw.append(json.loads(reply.http_response.text())),
            **self._version,
            **named,
        )
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
    client, read = NetworkManagementClient(credential, names["subscription"]), Reader(VERSION)
    vnets, peerings, where = client.virtual_networks, client.virtual_network_peerings, (names["group"], names["vnet"])
    stranger = NetworkManagementClient(credential, str(uuid.uuid4()))
    vnet = read(vnets.get, *where)
    counts = [len(read(vnets.list_all)), len(read(vnets.list, names["group"])), len(read(peerings.list, *where))]
    one = read(peerings.get, *where, vnet.virtual_network_peerings[0].name)
    peerings.begin_delete(*where, one.name, api_version=VERSION).result(60)
    return {
        "faults": read.faults,
        "vnet": [vnet.id, vnet.address_space.address_prefixes],
        "counts": counts,
        "peering": [one.peering_state, one.peering_sync_level, one.remote_address_space.address_prefixes],
        "left": len(read(peerings.list, *where)),
        "no vnet": refused(vnets.get, names["group"], "other", api_version=VERSION),
        "no peering": refused(peerings.get, *where, "other", api_version=VERSION),
        "no subscription": refused(stranger.virtual_networks.get, "g", "v", api_version=VERSION),
    }


def authorization(credential: Any, names: dict[str, str], principal: str, actions: list[str]) -> dict[str, Any]:
    """Make a role, assign it, and remove both."""
    provider = "providers/Microsoft.Network/virtualNetworks"
    scope = f"/subscriptions/{names['subscription']}/resourceGroups/{names['group']}/{provider}/{names['vnet']}"
    client = AuthorizationManagementClient(credential, names["subscription"], api_version="2022-04-01")
    read, name = Reader(), str(uuid.uuid4())
    roles, assignments = client.role_definitions, client.role_assignments
    body = {"role_name": "AtlasPeering", "permissions": [{"actions": actions}], "assignable_scopes": [scope]}
    role = read(roles.create_or_update, scope, name, RoleDefinition(**body))
    same = [read(roles.get, scope, name), *read(roles.list, scope, filter="type eq 'CustomRole'")]
    asked = RoleAssignmentCreateParameters(role_definition_id=role.id, principal_id=principal)
    made = read(assignments.create, scope, str(uuid.uuid4()), asked)
    at_scope = read(assignments.list_for_scope, scope, filter=f"principalId eq '{principal}'")
    found = [*read(assignments.list_for_subscription), *at_scope]
    said: dict[str, Any] = {
        "same role": [one.id == role.id for one in same],
        "found": [one.id == made.id for one in found] + [read(assignments.get_by_id, made.id).role_definition_id == role.id],
        "twice": refused(assignments.create, scope, str(uuid.uuid4()), asked),
        "in use": refused(roles.delete, scope, name),
        "unassigned": [read(assignments.delete_by_id, made.id).id == made.id, assignments.delete_by_id(made.id)],
    }
    gone = [read(roles.delete, scope, name).id == role.id, roles.delete(scope, name)]
    return {**said, "gone": gone, "faults": read.faults}


def main() -> None:
    """Run both parts."""
    asked = json.loads(sys.argv[1])
    credential = ClientSecretCredential(os.environ["AZURE_TENANT"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_SECRET"])
    said = {
        "network": network(credential, asked),
        "authorization": authorization(credential, asked, asked["principal"], asked["actions"]),
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
