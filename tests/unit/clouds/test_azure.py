"""The stand-in of AZURE, by a client that knows nothing of the collection."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import ATLAS_VNET, vnet_id
from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import ACTIONS, NETWORK_CONTRIBUTOR
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import ATLAS_APPLICATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running as serving_atlas
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import ATLAS_BLOCK, SUBSCRIPTION, VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import MINE
from ansible_collections.cloudpeer.atlas.tests.support.runner import until

LOGIN, ARM, GRAPH = "https://login.microsoftonline.com", "https://management.azure.com", "https://graph.microsoft.com"
PRINCIPALS = f"{GRAPH}/v1.0//servicePrincipals"
AUTHORIZATION = "/providers/Microsoft.Authorization"
PEERINGS = f"{VNET_ID}/virtualNetworkPeerings"
VERSIONS = {"roleDefinitions": "2022-04-01", "roleAssignments": "2020-04-01-preview"}


class Client:
    """Sends requests with a token."""

    def __init__(self, clouds: RunningClouds) -> None:
        self.clouds = clouds
        self.tokens = {one: clouds.azure.entra.issue(one.removeprefix("https://"))["access_token"] for one in (ARM, GRAPH)}
        self.headers: Any = {}

    def send(self, method: str, url: str, body: Any = None, **query: str) -> requests.Response:
        """Send a request to a URL, or to a path of ARM with the version of its kind."""
        if url.startswith("/"):
            kind = next((one for one in VERSIONS if one in url), "network")
            query, url = {"api-version": VERSIONS.get(kind, "2024-03-01"), **query}, ARM + url
        host = next(one for one in (ARM, GRAPH, LOGIN) if url.startswith(one))
        headers = {"Authorization": f"Bearer {self.tokens.get(host)}"}
        return requests.request(method, url, json=body, params=query, headers=headers, timeout=30)

    def __call__(self, method: str, url: str, body: Any = None, **query: str) -> Any:
        """Return what is answered, or the status and the code of the error."""
        reply = self.send(method, url, body, **query)
        if not reply.ok:
            return reply.status_code, reply.json()["error"]["code"]
        return reply.json() if reply.content else reply.status_code

    def sign_in(self, *, tenant: str | None = None, **form: str) -> requests.Response:
        """Ask for a token for ARM; the form takes precedence."""
        entra = self.clouds.azure.entra
        whole = {
            "client_id": entra.client_id,
            "client_secret": entra.secret,
            "grant_type": "client_credentials",
            "scope": f"{ARM}/.default",
            **form,
        }
        return requests.post(f"{LOGIN}/{tenant or entra.tenant}/oauth2/v2.0/token", data=whole, timeout=30)


@pytest.fixture
def azure(clouds: RunningClouds) -> Client:
    clouds.azure.add_vnet(*VNET, prefixes=["10.0.0.0/24"])
    return Client(clouds)


def definition(name: str = "AtlasPeering/x", scope: str = VNET_ID, actions: tuple[str, ...] = ACTIONS) -> dict[str, Any]:
    permissions = [{"actions": [*actions], "notActions": []}]
    return {"properties": {"roleName": name, "assignableScopes": [scope], "permissions": permissions}}


def define(azure: Client, scope: str = VNET_ID, **about: Any) -> str:
    """Make a role; return its id."""
    made = azure("PUT", f"{scope}{AUTHORIZATION}/roleDefinitions/{uuid.uuid4()}", definition(scope=scope, **about))
    return str(made["id"])


def assignment(role: str, principal: str | None, **more: str) -> dict[str, Any]:
    return {"properties": {"roleDefinitionId": role, "principalId": principal, **more}}


def assign(azure: Client, role: str, scope: str = VNET_ID, **more: str) -> Any:
    """Assign a role to Atlas."""
    principal = azure.clouds.azure.entra.principal_of()
    path = f"{scope}{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}"
    return azure("PUT", path, assignment(role, principal, **more))


def test_who_has_the_secret_gets_a_token_for_one_host(azure: Client) -> None:
    reply = azure.sign_in().json()
    assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 3599)
    azure.tokens = {ARM: reply["access_token"], GRAPH: reply["access_token"]}
    assert azure("GET", VNET_ID)["name"] == VNET[2]
    assert azure("GET", PRINCIPALS) == (401, "InvalidAuthenticationToken")


def test_where_to_sign_in_is_told_for_the_tenant(azure: Client) -> None:
    tenant = azure.clouds.azure.entra.tenant
    said = requests.get(f"{LOGIN}/{tenant}/v2.0/.well-known/openid-configuration", timeout=30).json()
    assert said["token_endpoint"] == f"{LOGIN}/{tenant}/oauth2/v2.0/token"
    assert said["issuer"] == f"{LOGIN}/{tenant}/v2.0"
    # With which a client signs out that does not know of whom: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
    any_of_them = requests.get(f"{LOGIN}/organizations/v2.0/.well-known/openid-configuration", timeout=30).json()
    assert any_of_them["issuer"] == f"{LOGIN}/{{tenantid}}/v2.0"
    other = requests.get(f"{LOGIN}/{uuid.uuid4()}/v2.0/.well-known/openid-configuration", timeout=30)
    assert (other.status_code, other.json()["error"], other.json()["error_codes"]) == (400, "invalid_tenant", [90002])


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "stranger"}, 400, "unauthorized_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "https://vault.azure.net/.default"}, 400, "invalid_resource"),
        ({"tenant": "other"}, 400, "invalid_tenant"),
    ],
)
def test_others_get_none(azure: Client, form: dict[str, str], status: int, error: str) -> None:
    before = len(azure.clouds.azure.entra.issued)
    reply = azure.sign_in(**form)
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert reply.json()["error_description"].startswith("AADSTS")
    assert azure.clouds.azure.entra.secret not in reply.text
    assert len(azure.clouds.azure.entra.issued) == before


def test_arm_wants_a_token_and_a_version(azure: Client) -> None:
    bare = requests.get(ARM + VNET_ID, params={"api-version": "2024-03-01"}, timeout=30)
    assert (bare.status_code, bare.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert bare.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
    assert azure("GET", ARM + VNET_ID) == (400, "MissingApiVersionParameter")
    assert azure("GET", VNET_ID, **{"api-version": "2001-01-01"}) == (404, "InvalidResourceType")
    assert azure("GET", f"{VNET_ID}{AUTHORIZATION}/roleDefinitions", **{"api-version": "2024-03-01"}) == (
        404,
        "InvalidResourceType",
    )
    azure.tokens[ARM] = "made-up"
    assert azure("GET", VNET_ID) == (401, "InvalidAuthenticationToken")


def test_arm_says_what_is_not_there(azure: Client) -> None:
    other = str(uuid.uuid4())
    assert azure("GET", vnet_id(other, *VNET[1:])) == (404, "SubscriptionNotFound")
    assert azure("GET", vnet_id(SUBSCRIPTION, "other", VNET[2])) == (404, "ResourceGroupNotFound")
    assert azure("GET", vnet_id(*VNET[:2], "other")) == (404, "ResourceNotFound")
    assert azure("GET", f"{vnet_id(*VNET[:2], 'other')}/virtualNetworkPeerings") == (404, "ResourceNotFound")
    assert azure("GET", f"{PEERINGS}/other") == (404, "NotFound")
    assert azure("GET", f"/subscriptions/{SUBSCRIPTION}/somethingElse") == (404, "InvalidResourceType")
    assert azure("POST", VNET_ID, {}) == (405, "MethodNotAllowed")
    azure.clouds.azure.forbidden.append(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{VNET[1]}")
    assert azure("GET", VNET_ID) == (403, "AuthorizationFailed")
    assert azure("GET", f"{VNET_ID}{AUTHORIZATION}/roleDefinitions") == (403, "AuthorizationFailed")
    assert azure("GET", f"/subscriptions/{SUBSCRIPTION}{AUTHORIZATION}/roleDefinitions")["value"]


def test_names_are_compared_without_case_and_shown_as_they_are(azure: Client) -> None:
    for path in (VNET_ID.upper(), VNET_ID.lower(), f"/{VNET_ID}"):
        found = azure("GET", path)
        assert (found["id"], found["name"], found["location"]) == (VNET_ID, VNET[2], "westeurope")
    assert found["properties"]["addressSpace"]["addressPrefixes"] == ["10.0.0.0/24"]
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{VNET[1]}/providers/Microsoft.Network/virtualNetworks"
    assert [one["id"] for one in azure("GET", group)["value"]] == [VNET_ID]
    azure.clouds.azure.add_vnet(SUBSCRIPTION, "other", "second")
    assert [one["id"] for one in azure("GET", group)["value"]] == [VNET_ID]
    resource_group = azure(
        "GET", f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{VNET[1].upper()}", **{"api-version": "2022-09-01"}
    )
    assert (resource_group["name"], resource_group["location"]) == (VNET[1], "westeurope")
    whole = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/virtualNetworks"
    assert {one["name"] for one in azure("GET", whole)["value"]} == {VNET[2], "second"}


def test_a_peering_of_atlas_is_seen_changed_and_removed(azure: Client) -> None:
    cloud = azure.clouds.azure
    assert azure("GET", PEERINGS) == {"value": []}
    cloud.add_peering(*VNET, "atlas", ATLAS_VNET, [ATLAS_BLOCK])
    (found,) = azure("GET", PEERINGS)["value"]
    assert (found["properties"]["peeringState"], found["properties"]["peeringSyncLevel"]) == ("Connected", "FullyInSync")
    assert found["properties"]["remoteAddressSpace"] == {"addressPrefixes": [ATLAS_BLOCK]}
    assert found["properties"]["remoteVirtualNetwork"] == {"id": ATLAS_VNET}
    cloud.set_peering(*VNET, "atlas", peeringState="Disconnected")
    assert azure("GET", f"{PEERINGS}/ATLAS")["properties"]["peeringState"] == "Disconnected"
    assert azure("GET", VNET_ID)["properties"]["virtualNetworkPeerings"][0]["name"] == "atlas"
    cloud.operation_looks = 1
    reply = azure.send("DELETE", f"{PEERINGS}/atlas")
    assert reply.status_code == 202
    assert azure("GET", f"{PEERINGS}/atlas")["properties"]["provisioningState"] == "Deleting"
    operation = reply.headers["Azure-AsyncOperation"]
    assert [azure("GET", operation)["status"] for _number in range(2)] == ["InProgress", "Succeeded"]
    assert azure("GET", PEERINGS) == {"value": []}
    assert azure("DELETE", f"{PEERINGS}/atlas") == 204
    assert azure("GET", operation.replace("operations/", "operations/x")) == (404, "NotFound")


def test_atlas_makes_and_removes_its_peering_beside_others(azure: Client) -> None:
    cloud = azure.clouds.azure
    upper = tuple(one.upper() for one in VNET)
    assert cloud.put_peering(*upper, "atlas", [ATLAS_BLOCK])
    assert cloud.put_peering(*VNET, "ATLAS", ["10.9.0.0/21"])
    assert not cloud.put_peering(*VNET[:2], "other", "atlas", [ATLAS_BLOCK])
    (shown,) = cloud.show_vnets()
    assert shown == {
        "subscription_id": SUBSCRIPTION,
        "resource_group": VNET[1],
        "name": VNET[2],
        "prefixes": ["10.0.0.0/24"],
        "is_role_given": False,
        "peerings": {"atlas": [ATLAS_BLOCK]},
    }
    cloud.discard_peering(*VNET[:2], "other", "atlas")
    cloud.discard_peering(*upper, "Atlas")
    cloud.discard_peering(*VNET, "atlas")
    assert azure("GET", PEERINGS) == {"value": []}


def test_a_service_principal_is_made_once(azure: Client) -> None:
    query = {"$filter": f"servicePrincipalNames/any(c:c eq '{ATLAS_APPLICATION}')"}
    assert azure("GET", PRINCIPALS, **query)["value"] == []
    reply = azure.send("POST", PRINCIPALS, {"appId": ATLAS_APPLICATION, "accountEnabled": True})
    assert reply.status_code == 201
    made = reply.json()
    assert azure("GET", PRINCIPALS, **query)["value"][0]["id"] == made["id"]
    assert azure("GET", PRINCIPALS, **{"$filter": f"appId eq '{ATLAS_APPLICATION}'"})["value"][0]["id"] == made["id"]
    assert azure("GET", PRINCIPALS, **{"$filter": f"appId eq '{uuid.uuid4()}'"})["value"] == []
    assert azure("GET", f"{PRINCIPALS}/{made['id']}")["appId"] == ATLAS_APPLICATION
    assert azure("POST", PRINCIPALS, {"appId": ATLAS_APPLICATION}) == (409, "Request_MultipleObjectsWithSameKeyValue")
    assert azure("POST", PRINCIPALS, {"appId": str(uuid.uuid4())}) == (400, "Request_BadRequest")
    assert azure("GET", PRINCIPALS, **{"$filter": "startswith(displayName, 'a')"}) == (400, "Request_UnsupportedQuery")
    assert azure("DELETE", f"{PRINCIPALS}/{made['id']}") == 204
    assert azure("DELETE", f"{PRINCIPALS}/{made['id']}") == (404, "Request_ResourceNotFound")
    assert azure("PUT", PRINCIPALS, {}) == (400, "Request_BadRequest")
    azure.clouds.azure.entra.is_forbidden = True
    assert azure("GET", PRINCIPALS) == (403, "Authorization_RequestDenied")


def test_a_service_principal_is_found_by_its_application(azure: Client) -> None:
    """https://learn.microsoft.com/graph/api/serviceprincipal-get: its id, or appId='…', which is an alternate key."""
    entra, path = azure.clouds.azure.entra, f"{GRAPH}/v1.0/servicePrincipals(appId='{ATLAS_APPLICATION}')"
    assert azure("GET", path) == (404, "Request_ResourceNotFound")
    principal = entra.add_principal()
    assert azure("GET", path)["id"] == azure("GET", path.replace(ATLAS_APPLICATION, ATLAS_APPLICATION.upper()))["id"] == principal
    by_ids = azure("POST", f"{GRAPH}/v1.0/directoryObjects/getByIds", {"ids": [principal, str(uuid.uuid4())]})["value"]
    assert [(one["@odata.type"], one["appId"]) for one in by_ids] == [("#microsoft.graph.servicePrincipal", ATLAS_APPLICATION)]
    assert azure("POST", f"{GRAPH}/v1.0/directoryObjects/getByIds", {}) == (400, "Request_BadRequest")
    assert azure("GET", f"{GRAPH}/v1.0/applications", **{"$filter": f"appId eq '{ATLAS_APPLICATION}'"})["value"] == []
    assert azure("GET", f"{GRAPH}/v1.0/applications/{ATLAS_APPLICATION}") == (404, "Request_ResourceNotFound")
    assert azure("DELETE", path) == 204
    assert entra.principal_of() is None
    # A new one is not found everywhere at once.
    entra.hidden_looks = 1
    azure("POST", PRINCIPALS, {"appId": ATLAS_APPLICATION})
    assert azure("GET", path) == (404, "Request_ResourceNotFound")
    assert azure("GET", path)["appId"] == ATLAS_APPLICATION
    entra.is_read_only = True
    assert azure("GET", path)["appId"] == ATLAS_APPLICATION
    assert azure("DELETE", path) == (403, "Authorization_RequestDenied")


def test_tokens_of_another_directory_see_that_directory(azure: Client) -> None:
    """ARM refuses them, and in Graph there is nothing that this directory has."""
    entra, other = azure.clouds.azure.entra, str(uuid.uuid4())
    entra.add_principal()
    assert azure.sign_in(tenant=other).json()["error"] == "invalid_tenant"
    entra.others.append(other)
    arm, graph = (azure.sign_in(tenant=other, scope=f"{one}/.default").json()["access_token"] for one in (ARM, GRAPH))
    azure.tokens = {ARM: arm, GRAPH: graph}
    reply = azure.send("GET", VNET_ID)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "InvalidAuthenticationTokenTenant")
    assert all(one in reply.json()["error"]["message"] for one in (other, entra.tenant))
    assert azure("GET", f"{ARM}/tenants", **{"api-version": "2022-12-01"})["value"][0]["tenantId"] == entra.tenant
    assert azure("GET", PRINCIPALS)["value"] == []
    assert azure("GET", f"{GRAPH}/v1.0/servicePrincipals(appId='{ATLAS_APPLICATION}')") == (404, "Request_ResourceNotFound")
    azure("POST", PRINCIPALS, {"appId": ATLAS_APPLICATION})
    assert entra.strays == [ATLAS_APPLICATION]


def test_who_signs_in_sees_subscriptions_and_the_tenant(azure: Client) -> None:
    azure.clouds.azure.add_vnet(str(uuid.uuid4()), "other", "second")
    azure.clouds.azure.page_size, version = 1, {"api-version": "2022-12-01"}
    first = azure("GET", f"{ARM}/subscriptions", **version)
    assert (first["value"][0]["subscriptionId"], first["value"][0]["state"]) == (SUBSCRIPTION, "Enabled")
    assert "nextLink" not in azure("GET", first["nextLink"])
    assert azure("GET", f"{ARM}/tenants", **version)["value"][0]["tenantId"] == azure.clouds.azure.entra.tenant


def test_changed_blocks_are_not_known_on_the_other_side(azure: Client) -> None:
    """In azure-mgmt-network's words, localAddressSpace is what Atlas knows, and localVirtualNetworkAddressSpace what there is."""
    azure.clouds.azure.put_peering(*VNET, "atlas", [ATLAS_BLOCK])
    azure.clouds.azure.set_prefixes(*VNET, ["10.0.0.0/24", "10.1.0.0/24"])
    found = azure("GET", f"{PEERINGS}/atlas")["properties"]
    assert found["peeringSyncLevel"] == "RemoteNotInSync"
    assert found["localAddressSpace"]["addressPrefixes"] == ["10.0.0.0/24"]
    assert found["localVirtualNetworkAddressSpace"]["addressPrefixes"] == ["10.0.0.0/24", "10.1.0.0/24"]


def test_single_actions_are_refused_by_their_names(azure: Client) -> None:
    cloud = azure.clouds.azure
    nsg, table = cloud.add_nsg(*VNET[:2], "nsg"), cloud.add_route_table(*VNET[:2], "table")
    reads = {
        "Microsoft.Network/virtualNetworks/read": VNET_ID,
        "Microsoft.Network/virtualNetworks/subnets/read": f"{VNET_ID}/subnets",
        "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read": PEERINGS,
        "Microsoft.Network/networkSecurityGroups/read": nsg,
        "Microsoft.Network/routeTables/read": table,
        "Microsoft.Authorization/roleDefinitions/read": f"{VNET_ID}{AUTHORIZATION}/roleDefinitions",
        "Microsoft.Authorization/roleAssignments/read": f"{VNET_ID}{AUTHORIZATION}/roleAssignments",
        "Microsoft.Authorization/denyAssignments/read": f"{VNET_ID}{AUTHORIZATION}/denyAssignments",
    }
    actions = [*reads]

    def read(action: str) -> requests.Response:
        return azure.send("GET", reads[action], **{"api-version": "2022-04-01"} if "deny" in action else {})

    for action, other in zip(actions, [*actions[1:], actions[0]]):
        cloud.denied = {action}
        refused = read(action)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
        assert f"perform action '{action}' over scope" in refused.json()["error"]["message"]
        assert read(other).status_code == 200
    cloud.denied = {"Microsoft.Authorization/roleAssignments/write"}
    cloud.entra.add_principal()
    assert assign(azure, define(azure)) == (403, "AuthorizationFailed")


def test_a_shell_puts_things_into_the_clouds(azure: Client) -> None:
    def call(path: str, **arguments: Any) -> tuple[int, Any]:
        url = f"{azure.clouds.control_url}/clouds/{path}"
        reply = requests.post(url, json=arguments, proxies={"http": ""}, timeout=30)
        return reply.status_code, next(iter(reply.json().values()))

    where = {"subscription": SUBSCRIPTION, "group": VNET[1]}
    nsg = call("azure/add_nsg", **where, name="nsg", rules=[{"name": "none", "priority": 100, "access": "Deny"}])
    assert nsg[0] == 200
    assert call("azure/add_subnet", **where, vnet=VNET[2], name="apps", prefixes="10.0.0.0/25", nsg=nsg[1])[0] == 200
    assert azure("GET", VNET_ID)["properties"]["subnets"][0]["properties"]["networkSecurityGroup"] == {"id": nsg[1]}
    assert call("azure/settings", denied=["Microsoft.Network/networkSecurityGroups/read"]) == (200, None)
    assert azure("GET", nsg[1]) == (403, "AuthorizationFailed")
    network = {"project": MINE[0], "network": MINE[1]}
    assert call("gcp/add_subnet", **network, name="apps", region="europe-west1", block="10.15.0.0/20") == (200, None)
    assert call("gcp/settings", denied=["compute.networks.get"]) == (200, None)
    assert azure.clouds.gcp.denied == {"compute.networks.get"}
    assert [call("gcp/get_network")[0], call("aws/add_vpc")[0], call("gcp/add_subnet", name="x")[0]] == [404, 404, 400]
    assert call("azure/settings", requests=[]) == (400, "ValueError('no such setting: requests')")


def test_a_new_principal_is_not_known_everywhere_at_once(azure: Client) -> None:
    entra = azure.clouds.azure.entra
    entra.hidden_looks, entra.unknown_looks = 1, 2
    azure("POST", PRINCIPALS, {"appId": ATLAS_APPLICATION})
    assert [len(azure("GET", PRINCIPALS)["value"]) for _number in range(2)] == [0, 1]
    role = define(azure)
    assert [assign(azure, role) for _number in range(2)] == [(400, "PrincipalNotFound")] * 2
    assert assign(azure, role)["properties"]["principalId"] == entra.principal_of()


def test_who_says_the_type_of_a_principal_is_believed(azure: Client) -> None:
    role, path = define(azure), f"{VNET_ID}{AUTHORIZATION}/roleAssignments"
    stranger = str(uuid.uuid4())
    assert azure("PUT", f"{path}/{uuid.uuid4()}", assignment(role, stranger)) == (400, "PrincipalNotFound")
    made = azure("PUT", f"{path}/{uuid.uuid4()}", assignment(role, stranger, principalType="ServicePrincipal"))
    assert made["properties"]["principalType"] == "ServicePrincipal"


def test_a_list_of_roles_has_those_that_hold_at_the_scope(azure: Client) -> None:
    subscription = f"/subscriptions/{SUBSCRIPTION}"
    below, above = define(azure, name="below"), define(azure, subscription, name="above")
    assert below.startswith(f"{subscription}{AUTHORIZATION}/roleDefinitions/")

    def names(scope: str, filtered: str | None = None) -> list[str]:
        query = {"$filter": filtered} if filtered else {}
        listed = azure("GET", f"{scope}{AUTHORIZATION}/roleDefinitions", **query)["value"]
        return [one["properties"]["roleName"] for one in listed]

    assert names(VNET_ID) == ["Network Contributor", "below", "above"]
    assert names(subscription) == ["Network Contributor", "above"]
    assert names(subscription, "atScopeAndBelow()") == ["Network Contributor", "below", "above"]
    assert names(VNET_ID, "type eq 'CustomRole'") == ["below", "above"]
    assert names(VNET_ID, "roleName eq 'ABOVE'") == ["above"]
    assert azure("GET", below)["properties"]["permissions"][0]["actions"] == [*ACTIONS]
    assert azure("GET", above)["name"] == above.rpartition("/")[2]


def test_a_role_is_changed_by_its_id_and_has_a_name_of_its_own(azure: Client) -> None:
    role = define(azure)
    path = f"{VNET_ID}{AUTHORIZATION}/roleDefinitions"
    assert azure.send("PUT", f"{path}/{role.rpartition('/')[2]}", definition(actions=ACTIONS[:2])).status_code == 201
    assert azure("GET", role)["properties"]["permissions"][0]["actions"] == [*ACTIONS[:2]]
    assert azure("PUT", f"{path}/{uuid.uuid4()}", definition()) == (409, "RoleDefinitionWithSameNameExists")
    assert azure("PUT", f"{path}/no-uuid", definition("other")) == (400, "BadRequestFormat")
    assert azure("PUT", f"{path}/{uuid.uuid4()}", {"properties": {"roleName": "other"}}) == (400, "BadRequestFormat")
    assert azure("PUT", f"{path}/{NETWORK_CONTRIBUTOR}", definition("other")) == (400, "InvalidRoleDefinitionId")
    assert azure("DELETE", role)["id"] == role
    assert azure("DELETE", role) == 204
    assert azure("GET", role) == (404, "RoleDefinitionDoesNotExist")


def test_an_assignment_is_made_once_and_keeps_its_role(azure: Client) -> None:
    azure.clouds.azure.entra.add_principal()
    principal, role = azure.clouds.azure.entra.principal_of(), define(azure)
    made = assign(azure, role)
    assert made["id"] == f"{VNET_ID}{AUTHORIZATION}/roleAssignments/{made['name']}"
    assert (made["properties"]["roleDefinitionId"], made["properties"]["scope"]) == (role, VNET_ID)
    assert azure("GET", made["id"])["properties"]["principalId"] == principal
    assert assign(azure, role) == (409, "RoleAssignmentExists")
    # A template that is deployed again names its assignments by guid(), and finds them: https://aka.ms/bicep, guid function.
    assert azure.send("PUT", made["id"], assignment(role, principal)).status_code == 200
    other = define(azure, name="other")
    assert azure("PUT", made["id"], assignment(other, principal)) == (400, "RoleAssignmentUpdateNotPermitted")
    assert assign(azure, "AtlasPeering") == (400, "BadRequestFormat")
    assert assign(azure, f"{AUTHORIZATION}/roleDefinitions/{uuid.uuid4()}") == (404, "RoleDefinitionDoesNotExist")
    # The role can be assigned at the VNet and below alone.
    assert assign(azure, role, f"/subscriptions/{SUBSCRIPTION}") == (404, "RoleDefinitionDoesNotExist")
    assert assign(azure, role, vnet_id(*VNET[:2], "other")) == (404, "ResourceNotFound")
    assert azure("DELETE", role) == (400, "RoleDefinitionHasAssignments")
    assert azure("DELETE", made["id"])["id"] == made["id"]
    assert azure("DELETE", made["id"]) == 204
    assert azure("GET", made["id"]) == (404, "RoleAssignmentNotFound")
    assert azure("DELETE", role)["id"] == role


def test_a_list_of_assignments_has_those_above_and_below(azure: Client) -> None:
    azure.clouds.azure.entra.add_principal()
    principal, subscription = azure.clouds.azure.entra.principal_of(), f"/subscriptions/{SUBSCRIPTION}"
    below = assign(azure, define(azure, name="below"))["id"]
    above = assign(azure, define(azure, subscription, name="above"), subscription)["id"]

    def listed(scope: str, filtered: str | None = None) -> list[str]:
        query = {"$filter": filtered} if filtered else {}
        return [one["id"] for one in azure("GET", f"{scope}{AUTHORIZATION}/roleAssignments", **query)["value"]]

    assert listed(subscription) == [below, above]
    assert listed(VNET_ID) == [below, above]
    assert listed(subscription, "atScope()") == [above]
    assert listed(VNET_ID, "atScope()") == [below, above]
    assert listed(subscription, f"principalId eq '{principal}'") == [below, above]
    assert listed(subscription, f"atScope() and assignedTo('{principal}')") == [above]
    assert listed(subscription, f"principalId eq '{uuid.uuid4()}'") == []
    for wrong in ("atscopes()", f"principalId eq {principal}", "atScope() or atScope()", "displayName eq 'x'"):
        reply = azure.send("GET", f"{subscription}{AUTHORIZATION}/roleAssignments", **{"$filter": wrong})
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "BadRequestFormat"), wrong


@pytest.mark.parametrize("scope", [VNET_ID, VNET_ID.lower(), f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{VNET[1]}"])
def test_the_role_is_given_at_the_vnet_or_above(azure: Client, scope: str) -> None:
    cloud = azure.clouds.azure
    assert not cloud.has_role(*VNET)
    cloud.roles.assign(scope)
    assert cloud.has_role(*VNET)
    assert not cloud.has_role(*VNET[:2], "other")
    # Without the principal, or the assignment, it is not given.
    cloud.entra.remove_principal()
    assert not cloud.has_role(*VNET)
    cloud.entra.add_principal()
    assert not cloud.has_role(*VNET)
    cloud.add_role(*VNET)
    assert cloud.has_role(*VNET)
    cloud.roles.clear()
    assert not cloud.has_role(*VNET)


def test_the_role_is_all_four_actions_for_atlas(azure: Client) -> None:
    cloud = azure.clouds.azure
    for index in range(4):
        cloud.roles.clear()
        cloud.roles.assign(VNET_ID, ACTIONS[:index] + ACTIONS[index + 1 :])
        assert not cloud.has_role(*VNET)
    cloud.roles.assign(VNET_ID, ACTIONS[3:])
    assert cloud.has_role(*VNET), "two roles, which have them together"
    cloud.roles.clear()
    cloud.roles.assign(VNET_ID, ["Microsoft.Network/virtualNetworks/*"])
    assert cloud.has_role(*VNET)
    cloud.roles.clear()
    cloud.entra.applications["00000000-0000-0000-0000-00000000000a"] = "stranger"
    cloud.roles.assign(VNET_ID, ACTIONS, "00000000-0000-0000-0000-00000000000a")
    assert not cloud.has_role(*VNET)
    assign(azure, f"{AUTHORIZATION}/roleDefinitions/{NETWORK_CONTRIBUTOR}")
    assert cloud.has_role(*VNET), "the role for networks that AZURE has by itself"


def test_what_a_role_takes_away_is_not_given(azure: Client) -> None:
    azure.clouds.azure.entra.add_principal()
    body = definition(actions=("*",))
    body["properties"]["permissions"][0]["notActions"] = [ACTIONS[3]]
    made = azure("PUT", f"{VNET_ID}{AUTHORIZATION}/roleDefinitions/{uuid.uuid4()}", body)
    assign(azure, made["id"])
    assert not azure.clouds.azure.has_role(*VNET)


def test_what_a_deny_assignment_takes_away_is_not_given(azure: Client) -> None:
    """https://learn.microsoft.com/azure/role-based-access-control/deny-assignments: it precedes roles."""
    cloud, group = azure.clouds.azure, VNET_ID.partition("/providers/")[0]
    principal = cloud.entra.add_principal()
    for fields, is_given in (
        ({"doNotApplyToChildScopes": True}, True),
        ({"excludePrincipals": [{"id": principal, "type": "ServicePrincipal"}]}, True),
        ({"principals": [str(uuid.uuid4())]}, True),
        ({"actions": ["*/read"]}, False),
        ({}, False),
    ):
        cloud.roles.clear()
        cloud.roles.assign(VNET_ID)
        cloud.roles.deny(group, "of a stack", **fields)
        assert cloud.has_role(*VNET) is is_given


def test_the_roles_on_a_vnet_go_with_it(azure: Client) -> None:
    cloud = azure.clouds.azure
    cloud.add_role(*VNET)
    cloud.remove_vnet(*VNET)
    assert azure("GET", VNET_ID) == (404, "ResourceNotFound")
    cloud.remove_group(*VNET[:2])
    assert azure("GET", VNET_ID) == (404, "SubscriptionNotFound")
    cloud.add_vnet(*VNET)
    assert not cloud.has_role(*VNET)


@pytest.fixture
def atlas(azure: Client) -> Iterator[RunningEmulator]:
    """Run an Atlas that looks for its customers' networks here."""
    with serving_atlas(Settings(clouds_url=azure.clouds.control_url, step_seconds=0.05)) as emulator:
        yield emulator


def test_the_emulator_looks_here(azure: Client, atlas: RunningEmulator) -> None:
    cloud, settings = azure.clouds.azure, atlas.settings
    root = f"{atlas.base_url}/api/atlas/v2/groups/{settings.group_id}"
    session = requests.Session()
    session.trust_env = False
    session.auth = requests.auth.HTTPDigestAuth(settings.public_key, settings.private_key)
    session.headers["Accept"] = "application/vnd.atlas.2023-01-01+json"
    container = {"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": ATLAS_BLOCK}
    found = session.post(f"{root}/containers", json=container, timeout=30).json()
    body = {
        "providerName": "AZURE",
        "containerId": found["id"],
        "azureDirectoryId": cloud.entra.tenant,
        "azureSubscriptionId": SUBSCRIPTION,
        "resourceGroupName": VNET[1].upper(),
        "vnetName": VNET[2],
    }
    refused = session.post(f"{root}/peers", json=body, timeout=30)
    assert (refused.status_code, refused.json()["errorCode"]) == (404, "AZURE_CUSTOMER_NETWORK_UNREACHABLE")
    cloud.add_role(*VNET)
    peer = session.post(f"{root}/peers", json=body, timeout=30).json()
    until(lambda: session.get(f"{root}/peers/{peer['id']}", timeout=30).json()["status"] == "AVAILABLE")
    (peering,) = azure("GET", PEERINGS)["value"]
    assert peering["properties"]["remoteAddressSpace"] == {"addressPrefixes": [ATLAS_BLOCK]}
    name = session.get(f"{root}/containers/{found['id']}", timeout=30).json()["vnetName"]
    assert re.fullmatch("vnet_[0-9a-f]{24}_[a-z]{8}", name), "as in Atlas's documentation"
    assert peering["properties"]["remoteVirtualNetwork"]["id"].endswith(f"/virtualNetworks/{name}")
    assert session.delete(f"{root}/peers/{peer['id']}", timeout=30).ok
    until(lambda: not azure("GET", PEERINGS)["value"])
