"""The own clients of AZURE and GCP, with which all developers' requirements come, judge the stand-ins.

What a reply has and their classes do not know, or know as something else, is a fault. What they write is read back.
"""

from __future__ import annotations

import enum
import functools
import importlib
import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.credentials import AZURE_OPTIONS, check_credentials
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.session import AzureSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import AZURE
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import ATLAS_VNET
from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import ACTIONS, NETWORK_CONTRIBUTOR
from ansible_collections.cloudpeer.atlas.tests.clouds.entra_proofs import Proofs, certificate
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.support import check_clouds
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import ATLAS_BLOCK, SUBSCRIPTION, VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.gcp_site import ATLAS, MINE, REMOTE
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.module_utils._check.rules.test_lines import LINES

COMPUTE = "https://compute.googleapis.com/compute/v1/"
HERE = f"projects/{MINE[0]}/global/networks/{MINE[1]}"
ARM, GRAPH = "https://management.azure.com/.default", "https://graph.microsoft.com/.default"
#: The versions in which the collection reads.
NETWORK_VERSION, TABLE_VERSION = "2024-05-01", "2025-07-01"
#: The lines of findings that are for `az`.
OF_AZURE = [name for name, (_facts, _code, lines) in LINES.items() if lines and lines[0].startswith("az ")]
#: Makes a credential, with a folder for what it reads.
Credential = Callable[[RunningClouds, Path], Any]


def sdk(name: str) -> Any:
    """Return a module of AZURE's own clients. They take each worker half a second, and are read where a test needs them."""
    return importlib.import_module(f"azure.{name}")


@pytest.fixture
def vnet(clouds: RunningClouds) -> RunningClouds:
    """Put a VNet with all that is read of it into AZURE."""
    azure, group = clouds.azure, VNET[:2]
    rule = {"name": "no-atlas", "priority": 100, "access": "Deny", "protocol": "Tcp", "destinationPortRanges": ["27015-27017"]}
    by_group = {"name": "by-group", "priority": 110, "sourceApplicationSecurityGroups": [{"id": f"{VNET_ID}/none"}]}
    firewall = {"name": "all", "addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4"}
    azure.add_vnet(*VNET, prefixes=["10.0.0.0/24"])
    nsg = azure.add_nsg(*group, "closed", [{**rule, "destinationAddressPrefix": ATLAS_BLOCK}, by_group])
    azure.add_nsg(*group, "bare")
    table = azure.add_route_table(*group, "through", [firewall], "All")
    azure.add_subnet(*VNET, "apps", "10.0.0.0/26", nsg, table)
    azure.add_subnet(*VNET, "more", ["10.0.0.64/26", "10.0.0.128/26"], defaultOutboundAccess=False)
    provider = VNET_ID.rpartition("/virtualNetworks/")[0]
    nic = f"{provider}/networkInterfaces/KV-PE.NIC.00000000-0000-0000-0000-000000000000"
    azure.add_subnet(
        *VNET,
        "services",
        "10.0.0.192/27",
        delegations=["Microsoft.DBforPostgreSQL/flexibleServers"],
        configurations=[f"{nic}/ipConfigurations/PRIVATEENDPOINTIPCONFIG.00000000-0000-0000-0000-000000000000"],
        endpoints=[f"{provider}/privateEndpoints/KV-PE"],
        links=["Microsoft.DBforPostgreSQL/flexibleServers"],
    )
    azure.add_peering(*VNET, "atlas", ATLAS_VNET, [ATLAS_BLOCK])
    azure.add_peering(*VNET, "hub", f"{VNET_ID}-hub", ["10.1.0.0/16"], peeringState="Disconnected")
    return clouds


def faults(read: Any, raw: Any, path: str) -> list[str]:
    """Return where a reply is not what a class of azure-mgmt-network is made of."""
    if isinstance(raw, list):
        return [fault for index, one in enumerate(raw) for fault in faults(read[index], one, f"{path}[{index}]")]
    if not isinstance(raw, dict):
        return []
    named = {one._rest_name: attribute for attribute, one in read._attr_to_rest_field.items()}
    found = []
    for name, value in raw.items():
        if name not in named:
            found.append(f"{path}.{name} is not known")
            continue
        one, kind = getattr(read, named[name]), str(_kind(type(read), named[name]))
        wanted = next((plain for plain in (bool, int, str) if re.search(rf"\b{plain.__name__}\b", kind)), object)
        is_named = "_models." in kind
        if isinstance(value, str) and is_named and not isinstance(one, enum.Enum):
            found.append(f"{path}.{name} is {value}")
        elif isinstance(value, (bool, int, str)) and not isinstance(value, wanted):
            found.append(f"{path}.{name} is no {wanted.__name__}")
        found += faults(one, value, f"{path}.{name}")
    return found


def _kind(model: type, attribute: str) -> Any:
    return next(one.__annotations__[attribute] for one in model.__mro__ if attribute in getattr(one, "__annotations__", {}))


class Reader:
    """Calls AZURE's clients, and keeps what they do not know of a reply."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.pages = 0

    def __call__(self, call: Any, *arguments: Any, **named: Any) -> Any:
        """Return what a call reads: an object, or a list of all pages."""
        raw: list[Any] = []
        found = call(*arguments, raw_response_hook=lambda reply: raw.append(json.loads(reply.http_response.text())), **named)
        if isinstance(found, Iterable) and not isinstance(found, Mapping):
            found = list(found)
            said = [one for page in raw for one in page["value"]]
        else:
            (said,) = raw
        self.pages = len(raw)
        self.faults += self._compare(found, said, call.__qualname__)
        return found

    def _compare(self, found: Any, said: Any, path: str) -> list[str]:
        items = list(zip(found, said)) if isinstance(found, list) else [(found, said)]
        return [
            fault
            for read, raw in items
            for fault in (lost(read, raw, path) if hasattr(read, "serialize") else faults(read, raw, path))
        ]


def lost(read: Any, raw: Any, path: str) -> list[str]:
    """Return what an older client, which drops what it does not know, lacks of a reply; times it writes in another way."""

    def compare(value: Any, other: Any, path: str) -> list[str]:
        if isinstance(value, dict):
            other = other if isinstance(other, dict) else {}
            return [
                fault
                for name, one in value.items()
                if one is not None
                for fault in compare(one, other.get(name), f"{path}.{name}")
            ]
        if isinstance(value, list):
            return [
                fault for index, one in enumerate(value) for fault in compare(one, (other or value)[index], f"{path}[{index}]")
            ]
        return (
            [] if value == other or path.endswith(("createdOn", "updatedOn")) else [f"{path} is {value}, and was read as {other}"]
        )

    return compare(raw, read.serialize(keep_readonly=True), path)


def refusal(call: Any, *arguments: Any, **named: Any) -> tuple[int | None, str | None]:
    """Return the status and the code with which a call is refused."""
    with pytest.raises(sdk("core.exceptions").HttpResponseError) as caught:
        call(*arguments, **named)
    return caught.value.status_code, caught.value.error.code if caught.value.error else None


def secret(clouds: RunningClouds) -> Any:
    entra = clouds.azure.entra
    return sdk("identity").ClientSecretCredential(entra.tenant, entra.client_id, entra.secret)


def network(clouds: RunningClouds, subscription: str = SUBSCRIPTION) -> Any:
    return sdk("mgmt.network").NetworkManagementClient(secret(clouds), subscription)


def test_a_vnet_with_all_that_is_read_of_it(vnet: RunningClouds) -> None:
    client, read, where = network(vnet), Reader(), VNET[1:]
    found = read(client.virtual_networks.get, *where, api_version=NETWORK_VERSION)
    assert (found.id, found.address_space.address_prefixes) == (VNET_ID, ["10.0.0.0/24"])
    apps, more, services = found.subnets
    assert (apps.address_prefix, apps.network_security_group.id.rpartition("/")[2]) == ("10.0.0.0/26", "closed")
    assert (apps.route_table.id.rpartition("/")[2], more.route_table, more.network_security_group) == ("through", None, None)
    assert (more.address_prefix, more.address_prefixes) == (None, ["10.0.0.64/26", "10.0.0.128/26"])
    assert services.delegations[0].service_name == "Microsoft.DBforPostgreSQL/flexibleServers"
    assert services.service_association_links[0].linked_resource_type == "Microsoft.DBforPostgreSQL/flexibleServers"
    assert "/PRIVATEENDPOINTIPCONFIG." in services.ip_configurations[0].id
    assert services.private_endpoints[0].id.endswith("/privateEndpoints/KV-PE")
    atlas, hub = found.virtual_network_peerings
    assert (atlas.remote_virtual_network.id, atlas.peering_state, atlas.peering_sync_level) == (
        ATLAS_VNET,
        "Connected",
        "FullyInSync",
    )
    assert (atlas.provisioning_state, atlas.allow_virtual_network_access) == ("Succeeded", True)
    spaces = (
        "local_address_space",
        "local_virtual_network_address_space",
        "remote_address_space",
        "remote_virtual_network_address_space",
    )
    assert [getattr(atlas, one).address_prefixes for one in spaces] == [["10.0.0.0/24"]] * 2 + [[ATLAS_BLOCK]] * 2
    assert hub.peering_state == "Disconnected"
    assert read(client.virtual_network_peerings.get, *where, "atlas", api_version=NETWORK_VERSION).name == "atlas"
    assert [one.name for one in read(client.virtual_network_peerings.list, *where, api_version=NETWORK_VERSION)] == [
        "atlas",
        "hub",
    ]
    assert [one.name for one in read(client.subnets.list, *where, api_version=NETWORK_VERSION)] == ["apps", "more", "services"]
    assert read.faults == []
    peerings, version = client.virtual_network_peerings, {"api_version": NETWORK_VERSION}
    hub.properties.allow_virtual_network_access = False
    vnet.azure.set_peering(*VNET, "hub", remoteVirtualNetworkAddressSpace={"addressPrefixes": ["10.2.0.0/16"]})
    peerings.begin_create_or_update(*where, "hub", hub, sync_remote_address_space="true", **version).result(60)
    changed = peerings.get(*where, "hub", **version)
    assert (changed.allow_virtual_network_access, changed.remote_address_space.address_prefixes) == (False, ["10.2.0.0/16"])
    client.virtual_network_peerings.begin_delete(*where, "hub", api_version=NETWORK_VERSION).result(60)
    assert vnet.azure.list_peerings(*VNET)["value"][0]["name"] == "atlas"


def test_groups_and_route_tables(vnet: RunningClouds) -> None:
    client, read, group = network(vnet), Reader(), VNET[1]
    found = read(client.network_security_groups.get, group, "closed", api_version=NETWORK_VERSION)
    rule, by_group = found.security_rules
    assert (rule.priority, rule.access, rule.direction, rule.protocol) == (100, "Deny", "Outbound", "Tcp")
    assert (rule.source_address_prefix, rule.destination_address_prefix, rule.source_port_range) == ("*", ATLAS_BLOCK, "*")
    assert (rule.destination_port_range, rule.destination_port_ranges) == (None, ["27015-27017"])
    assert (by_group.source_address_prefix, len(by_group.source_application_security_groups)) == (None, 1)
    # https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules
    assert [(one.name, one.priority, one.access) for one in found.default_security_rules] == [
        ("AllowVnetInBound", 65000, "Allow"),
        ("AllowAzureLoadBalancerInBound", 65001, "Allow"),
        ("DenyAllInBound", 65500, "Deny"),
        ("AllowVnetOutBound", 65000, "Allow"),
        ("AllowInternetOutBound", 65001, "Allow"),
        ("DenyAllOutBound", 65500, "Deny"),
    ]
    assert [one.id for one in found.subnets] == [f"{VNET_ID}/subnets/apps"]
    table = read(client.route_tables.get, group, "through", api_version=TABLE_VERSION)
    assert (table.disable_peering_route, table.routes[0].next_hop_type, table.routes[0].address_prefix) == (
        "All",
        "VirtualAppliance",
        "0.0.0.0/0",
    )
    assert read(client.route_tables.get, group, "through", api_version=NETWORK_VERSION).disable_peering_route is None
    vnet.azure.page_size = 1
    assert [one.name for one in read(client.network_security_groups.list_all, api_version=NETWORK_VERSION)] == ["closed", "bare"]
    assert read.pages == 2
    assert [one.name for one in read(client.network_security_groups.list, group, api_version=NETWORK_VERSION)] == [
        "closed",
        "bare",
    ]
    assert [one.name for one in read(client.route_tables.list_all, api_version=TABLE_VERSION)] == ["through"]
    assert read.faults == []


def test_what_arm_refuses(vnet: RunningClouds) -> None:
    """The codes are those of https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors."""
    client, version, (_subscription, group, name) = network(vnet), {"api_version": NETWORK_VERSION}, VNET
    assert refusal(client.virtual_networks.get, group, "other", **version) == (404, "ResourceNotFound")
    assert refusal(client.virtual_networks.get, "other", name, **version) == (404, "ResourceGroupNotFound")
    assert refusal(client.virtual_network_peerings.get, group, name, "other", **version) == (404, "NotFound")
    assert refusal(client.network_security_groups.get, group, "other", **version) == (404, "ResourceNotFound")
    assert refusal(client.route_tables.get, group, "other", **version) == (404, "ResourceNotFound")
    assert refusal(network(vnet, str(uuid.uuid4())).virtual_networks.get, "g", "v", **version) == (404, "SubscriptionNotFound")
    vnet.azure.denied.add("Microsoft.Network/networkSecurityGroups/read")
    assert client.virtual_networks.get(group, name, **version).name == name
    with pytest.raises(
        sdk("core.exceptions").HttpResponseError,
        match=r"perform action 'Microsoft\.Network/networkSecurityGroups/read' over scope",
    ):
        client.network_security_groups.get(group, "closed", **version)
    vnet.azure.entra.others.append(other := str(uuid.uuid4()))
    elsewhere = sdk("identity").ClientSecretCredential(other, vnet.azure.entra.client_id, vnet.azure.entra.secret)
    stranger = sdk("mgmt.network").NetworkManagementClient(elsewhere, SUBSCRIPTION)
    assert refusal(stranger.virtual_networks.get, group, name, **version) == (401, "InvalidAuthenticationTokenTenant")


def test_roles_and_their_assignments(vnet: RunningClouds) -> None:
    """The names of the codes: terraform-provider-azurerm's role_assignment_resource.go, and azure-cli's role/custom.py."""
    client = sdk("mgmt.authorization").AuthorizationManagementClient(secret(vnet), SUBSCRIPTION, api_version="2022-04-01")
    roles, assignments, denials = client.role_definitions, client.role_assignments, client.deny_assignments
    read, name, entra = Reader(), str(uuid.uuid4()), vnet.azure.entra
    principal = entra.add_principal()
    group = entra.add_group(entra.add_group(principal))
    body = sdk("mgmt.authorization.v2022_04_01.models").RoleDefinition(
        role_name="AtlasPeering",
        description="ours",
        assignable_scopes=[VNET_ID],
        permissions=[sdk("mgmt.authorization.v2022_04_01.models").Permission(actions=[*ACTIONS], not_actions=["*/delete"])],
    )
    role = read(roles.create_or_update, VNET_ID, name, body)
    assert read(roles.get, VNET_ID, name).id == role.id
    (same,) = read(roles.list, VNET_ID, filter="type eq 'CustomRole'")
    assert (same.description, same.permissions[0].not_actions) == ("ours", ["*/delete"])
    assert refusal(roles.create_or_update, VNET_ID, str(uuid.uuid4()), body) == (409, "RoleDefinitionWithSameNameExists")
    assert refusal(roles.get, VNET_ID, str(uuid.uuid4())) == (404, "RoleDefinitionDoesNotExist")

    def asked(role_id: str, who: str, **more: Any) -> Any:
        # Their client says User unless it is asked for something else, and the service then compares.
        kind = {"principal_type": None, **more}
        return sdk("mgmt.authorization.v2022_04_01.models").RoleAssignmentCreateParameters(
            role_definition_id=role_id, principal_id=who, **kind
        )

    made = read(assignments.create, VNET_ID, one := str(uuid.uuid4()), asked(role.id, principal, description="ours"))
    assert (made.description, read(assignments.get_by_id, made.id).role_definition_id) == ("ours", role.id)
    assert read(assignments.create, VNET_ID, one, asked(role.id, principal)).id == made.id
    assert refusal(assignments.create, VNET_ID, str(uuid.uuid4()), asked(role.id, principal)) == (409, "RoleAssignmentExists")
    assert refusal(assignments.create, VNET_ID, one, asked(role.id, group)) == (400, "RoleAssignmentUpdateNotPermitted")
    unknown = asked(role.id, str(uuid.uuid4()))
    assert refusal(assignments.create, VNET_ID, str(uuid.uuid4()), unknown) == (400, "PrincipalNotFound")
    as_user = asked(role.id, group, principal_type="User")
    assert refusal(assignments.create, VNET_ID, str(uuid.uuid4()), as_user) == (400, "UnmatchedPrincipalType")
    contributor = f"/providers/Microsoft.Authorization/roleDefinitions/{NETWORK_CONTRIBUTOR}"
    above = VNET_ID.partition("/providers/")[0]
    inherited = read(assignments.create, above, str(uuid.uuid4()), asked(contributor, group, principal_type="Group"))
    filtered = f"atScope() and assignedTo('{principal}')"
    vnet.azure.page_size = 1
    assert {one.id for one in read(assignments.list_for_scope, VNET_ID, filter=filtered)} == {made.id, inherited.id}
    assert read.pages == 2
    assert [one.id for one in read(assignments.list_for_scope, above, filter=filtered)] == [inherited.id]
    assert [one.id for one in read(assignments.list_for_subscription, filter=f"principalId eq '{principal}'")] == [made.id]
    vnet.azure.roles.deny(above, "of a stack")
    (denial,) = read(denials.list_for_scope, VNET_ID, filter=filtered)
    assert (denial.deny_assignment_name, denial.permissions[0].actions, denial.is_system_protected) == (
        "of a stack",
        [*ACTIONS],
        True,
    )
    assert denial.principals[0].type == "SystemDefined"
    assert read(denials.list_for_scope, f"/subscriptions/{SUBSCRIPTION}", filter=filtered) == []
    assert refusal(roles.delete, VNET_ID, name) == (400, "RoleDefinitionHasAssignments")
    assert [read(assignments.delete_by_id, made.id).id, assignments.delete_by_id(made.id)] == [made.id, None]
    assert [read(roles.delete, VNET_ID, name).id, roles.delete(VNET_ID, name)] == [role.id, None]
    assert read.faults == []


def test_rights_that_are_new_are_not_known_everywhere_at_once(vnet: RunningClouds) -> None:
    client = sdk("mgmt.authorization").AuthorizationManagementClient(secret(vnet), SUBSCRIPTION, api_version="2022-04-01")
    vnet.azure.roles.unknown_looks = 1
    body = sdk("mgmt.authorization.v2022_04_01.models").RoleDefinition(
        role_name="new", assignable_scopes=[VNET_ID], permissions=[]
    )
    role = client.role_definitions.create_or_update(VNET_ID, str(uuid.uuid4()), body)
    asked = sdk("mgmt.authorization.v2022_04_01.models").RoleAssignmentCreateParameters(
        role_definition_id=role.id, principal_id=vnet.azure.entra.add_principal(), principal_type="ServicePrincipal"
    )
    create = client.role_assignments.create
    assert refusal(create, VNET_ID, name := str(uuid.uuid4()), asked) == (404, "RoleDefinitionDoesNotExist")
    assert create(VNET_ID, name, asked).name == name


def _by_certificate(clouds: RunningClouds, folder: Path) -> Any:
    entra = clouds.azure.entra
    return sdk("identity").CertificateCredential(entra.tenant, entra.client_id, certificate_data=certificate().encode())


def _by_federation(clouds: RunningClouds, folder: Path) -> Any:
    (folder / "token").write_text(clouds.azure.entra.proofs.federate())
    entra = clouds.azure.entra
    return sdk("identity").WorkloadIdentityCredential(
        tenant_id=entra.tenant, client_id=entra.client_id, token_file_path=str(folder / "token")
    )


@pytest.mark.parametrize(
    "credential",
    [lambda clouds, unused: secret(clouds), _by_certificate, _by_federation],
    ids=["secret", "certificate", "federation"],
)
def test_proofs_are_believed_if_they_are_the_applications(vnet: RunningClouds, tmp_path: Path, credential: Credential) -> None:
    signed_in = credential(vnet, tmp_path)
    entra = vnet.azure.entra
    for scope, host in ((ARM, "management.azure.com"), (GRAPH, "graph.microsoft.com")):
        assert entra.tenant_of(signed_in.get_token(scope).token, host) == entra.tenant
    assert sdk("mgmt.network").NetworkManagementClient(signed_in, SUBSCRIPTION).virtual_networks.get(*VNET[1:]).name == VNET[2]
    # Of another application, the same proofs are none.
    wrong = credential(vnet, tmp_path)
    entra.proofs = Proofs("another", "another")
    with pytest.raises(sdk("core.exceptions").ClientAuthenticationError, match="AADSTS7"):
        wrong.get_token(ARM)


@pytest.mark.parametrize("place", ["azure_machine", "azure_app_service"])
def test_a_machine_signs_in_by_its_own_identity(vnet: RunningClouds, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    for name, value in getattr(vnet, place).items():
        monkeypatch.setenv(name, value)
    with pytest.raises((sdk("core.exceptions").ClientAuthenticationError, sdk("identity").CredentialUnavailableError)):
        sdk("identity").ManagedIdentityCredential().get_token(ARM)
    entra = vnet.azure.entra
    entra.machine_id = str(uuid.uuid4())
    client = sdk("mgmt.network").NetworkManagementClient(sdk("identity").ManagedIdentityCredential(), SUBSCRIPTION)
    assert client.virtual_networks.get(*VNET[1:]).name == VNET[2]
    named = sdk("identity").ManagedIdentityCredential(client_id=entra.machine_id).get_token(GRAPH)
    assert entra.tenant_of(named.token, "graph.microsoft.com") == entra.tenant
    with pytest.raises((sdk("core.exceptions").ClientAuthenticationError, sdk("identity").CredentialUnavailableError)):
        sdk("identity").ManagedIdentityCredential(client_id=str(uuid.uuid4())).get_token(ARM)


@pytest.mark.full
@pytest.mark.skipif(shutil.which("az") is None, reason="az is not on PATH")
def test_the_lines_of_the_hand_over_are_pasted_into_az(
    vnet: RunningClouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Microsoft's az does what they say, reads what it has made, and signs in the collection."""
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("AZURE_CORE_COLLECT_TELEMETRY", "no")

    def run(line: str) -> tuple[int, str, str]:
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    entra = vnet.azure.entra
    for_all = f"--username {entra.client_id} --password={entra.secret} --tenant {entra.tenant}"
    code, said, errors = run(f"az login --service-principal {for_all}")
    assert code == 0, errors
    assert [(one["id"], one["tenantId"]) for one in json.loads(said)] == [(SUBSCRIPTION, entra.tenant)]
    names = dict(zip(("azure_subscription_id", "resource_group_name", "vnet_name"), VNET))
    lines = AZURE.handover(names, None, is_government=False)["az"]
    assert [run(line)[0] for line in lines] == [0, 0, 0]
    assert vnet.azure.has_role(*VNET)
    again = [run(line) for line in lines]
    # What is there already is said, and not made twice.
    assert [code for code, *unused in again] == [1, 1, 0]
    assert ["already in use" in again[0][2], "RoleDefinitionWithSameNameExists" in again[1][2]] == [True, True]
    assert len(vnet.azure.roles.list_assignments(VNET_ID)) == 1
    code, said, errors = run(f"az network vnet show --ids {VNET_ID}")
    assert code == 0, errors
    assert [one["peeringState"] for one in json.loads(said)["virtualNetworkPeerings"]] == ["Connected", "Disconnected"]
    # The lines of findings.
    real = {**dict(zip((check_clouds.SUBSCRIPTION, check_clouds.GROUP, check_clouds.VNET), VNET)), "atlas-peering": "hub"}
    lines = {name: functools.reduce(lambda line, one: line.replace(*one), real.items(), LINES[name][2][0]) for name in OF_AZURE}
    assert run(lines["closed"].replace("Access=true", "Access=false"))[0] == 0
    assert vnet.azure.get_peering(*VNET, "hub")["properties"]["allowVirtualNetworkAccess"] is False
    assert [run(lines[name])[0] for name in ("closed", "out of sync", "Disconnected")] == [0, 0, 0]
    # The stand-in changes no filters and no routes: `az` ends with 2 where it does not take a line at all.
    assert [2 for name in ("user route", "all peerings", "NSG") if run(lines[name])[0] == 2] == []
    usual = {name: option.get("default") for name, option in AZURE_OPTIONS.options.items()}
    session = AzureSession(check_credentials({**usual, "auth_source": "cli", "directory_id": entra.tenant}))
    assert session.read("read the VNet", VNET_ID, NETWORK_VERSION)["name"] == VNET[2]
    session.close()
    assert run("az logout")[0] == 0
    session = AzureSession(check_credentials({**usual, "auth_source": "cli", "directory_id": entra.tenant}))
    with pytest.raises(TaskError, match="az login"):
        session.read("read the VNet", VNET_ID, NETWORK_VERSION)
    session.close()


class Compute:
    """GCP's own client; and plain requests, whose replies its classes have to know in all they have."""

    def __init__(self, clouds: RunningClouds) -> None:
        self.module = importlib.import_module("google.cloud.compute_v1")
        credentials = importlib.import_module("google.oauth2.service_account").Credentials
        signed_in = credentials.from_service_account_info(clouds.tokens.service_account_key())
        self.networks = self.module.NetworksClient(credentials=signed_in)
        self.subnets = self.module.SubnetworksClient(credentials=signed_in)
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {clouds.tokens.issue()['access_token']}"

    def check(self, name: str, path: str, body: Any = None, **query: str) -> Any:
        """Return a reply as a class, which refuses a field that it does not have, and a value of another type."""
        verb = "GET" if body is None else "POST"
        reply = self.session.request(verb, f"{COMPUTE}projects/{MINE[0]}/{path}", json=body, params=query)
        assert reply.status_code == 200, reply.text
        read = getattr(self.module, name).from_json(reply.text, ignore_unknown_fields=False)
        assert list(unlisted(read, name)) == []
        return read

    def refused(self, call: Any, **named: Any) -> tuple[int, str]:
        """Return how a call is refused."""
        with pytest.raises(importlib.import_module("google.api_core.exceptions").GoogleAPICallError) as caught:
            call(project=MINE[0], **named)
        return caught.value.code, caught.value.message


def unlisted(message: Any, path: str) -> Iterable[str]:
    """Return the fields whose value is not one of those that the client's class lists for it."""
    for name, field in type(message).meta.fields.items():
        value, allowed = getattr(message, name), getattr(type(message), name.title().replace("_", ""), None)
        if isinstance(value, str) and value and allowed is not None and value not in allowed.__members__:
            yield f"{path}.{name} is {value}"
        if value and field.message is not None:
            items = value.values() if isinstance(value, Mapping) else value if field.repeated else [value]
            for item in items:
                yield from unlisted(item, f"{path}.{name}") if hasattr(item, "_pb") else ()


@pytest.fixture
def compute(clouds: RunningClouds) -> Compute:
    """Put two networks with subnets, rules and policies into GCP, of which Atlas has one."""
    gcp = clouds.gcp
    gcp.add_subnet(*MINE, "apps", "europe-west1", "10.15.0.0/20", {"pods": "10.100.0.0/16", "web-services-1": "10.101.0.0/20"})
    gcp.add_subnet(*MINE, "public", "us-central1", "8.8.0.0/20")
    gcp.add_subnet(*ATLAS, "atlas", "europe-west1", "10.8.0.0/21")
    gcp.add_route(*ATLAS, "10.9.0.0/24")
    gcp.add_route(*ATLAS, "10.9.1.0/24", "us-central1")
    closed = {"denied": [{"IPProtocol": "tcp", "ports": ["27015-27017"]}], "destinationRanges": ["10.8.0.0/18"]}
    gcp.add_firewall(*MINE, "closed", direction="EGRESS", priority=900, targetTags=["batch"], **closed)
    gcp.add_firewall(*MINE, "open", allowed=[{"IPProtocol": "all"}], disabled=True)
    match = {"destIpRanges": ["10.8.0.0/18"], "layer4Configs": [{"ipProtocol": "tcp", "ports": ["27017"]}]}
    rule = {"priority": 10, "direction": "EGRESS", "match": match}
    gcp.add_policy(*MINE, "of-the-network", [{**rule, "action": "allow", "targetSecureTags": [{"name": "tagValues/1"}]}])
    gcp.add_policy(*MINE, "of-the-organization", [{**rule, "action": "goto_next"}], "HIERARCHY")
    gcp.add_peering(*ATLAS, "theirs", MINE, exportCustomRoutes=True)
    return Compute(clouds)


@pytest.mark.full
def test_the_own_client_of_gcp_makes_and_removes_a_peering(clouds: RunningClouds, compute: Compute) -> None:
    clouds.gcp.operation_looks, networks, own = 3, compute.networks, {"project": MINE[0], "network": MINE[1]}
    peering = compute.module.NetworkPeering(name="ours", network=f"{COMPUTE}{REMOTE}", exchange_subnet_routes=True)
    body = {"networks_add_peering_request_resource": compute.module.NetworksAddPeeringRequest(network_peering=peering)}
    networks.add_peering(**own, **body).result(timeout=60)
    (made,) = networks.get(**own).peerings
    assert (made.name, made.state, made.update_strategy) == ("ours", "ACTIVE", "INDEPENDENT")
    assert compute.refused(networks.add_peering, network=MINE[1], **body)[0] == 400
    removal = compute.module.NetworksRemovePeeringRequest(name="ours")
    networks.remove_peering(**own, networks_remove_peering_request_resource=removal).result(timeout=60)
    assert not networks.get(**own).peerings
    clouds.gcp.page_size = 1
    clouds.gcp.add_network(MINE[0], "second")
    assert [one.name for one in networks.list(project=MINE[0])] == [MINE[1], "second"]
    code, message = compute.refused(networks.get, network="unknown")
    assert (code, "was not found" in message) == (404, True)


@pytest.mark.full
def test_replies_are_what_the_classes_of_gcps_own_client_have(clouds: RunningClouds, compute: Compute) -> None:
    clouds.gcp.operation_looks, here = 2, f"global/networks/{MINE[1]}"
    body = {"networkPeering": {"name": "ours", "network": COMPUTE + REMOTE, "exchangeSubnetRoutes": True}}
    compute.check("Operation", f"{here}/addPeering", body)
    compute.check("Operation", "global/operations/operation-1")
    assert compute.check("Operation", "global/operations/operation-1/wait", {}).status == compute.module.Operation.Status.DONE
    network = compute.check("Network", here)
    assert (len(network.peerings), len(network.subnetworks)) == (1, 2)
    assert network.network_firewall_policy_enforcement_order == "AFTER_CLASSIC_FIREWALL"
    compute.check("NetworkList", "global/networks")
    for direction in ("INCOMING", "OUTGOING"):
        query = {"peeringName": "ours", "region": "europe-west1", "direction": direction}
        compute.check("ExchangedPeeringRoutesList", f"{here}/listPeeringRoutes", **query)
    compute.check("NetworksGetEffectiveFirewallsResponse", f"{here}/getEffectiveFirewalls")
    compute.check("SubnetworkAggregatedList", "aggregated/subnetworks")
    assert compute.check("Project", "getXpnHost").name == ""
    clouds.gcp.hosts[MINE[0]] = "host-project"
    assert compute.check("Project", "getXpnHost").name == "host-project"
    clouds.gcp.failure = ("QUOTA_EXCEEDED", "Quota exceeded.")
    compute.check("Operation", f"{here}/removePeering", {"name": "ours"})
    compute.check("Operation", "global/operations/operation-2")
    failed = compute.check("Operation", "global/operations/operation-2")
    assert failed.error.errors[0].code == "QUOTA_EXCEEDED"


@pytest.mark.full
def test_routes_are_exchanged_as_the_halves_say(clouds: RunningClouds, compute: Compute) -> None:
    """https://cloud.google.com/vpc/docs/vpc-peering#route-exchange-options: which are exported and imported by default."""
    clouds.gcp.page_size = 2

    def routes(direction: str, region: str = "europe-west1") -> dict[str, bool]:
        about = {"network": MINE[1], "project": MINE[0], "peering_name": "ours", "region": region, "direction": direction}
        found = compute.networks.list_peering_routes(request=about)
        return {one.dest_range: one.imported for one in found}

    clouds.gcp.add_peering(*MINE, "ours", ATLAS)
    assert routes("OUTGOING") == {"10.15.0.0/20": True, "10.100.0.0/16": True, "10.101.0.0/20": True, "8.8.0.0/20": False}
    assert routes("INCOMING") == {"10.8.0.0/21": True, "10.9.0.0/24": False}
    assert routes("INCOMING", "us-central1") == {"10.8.0.0/21": True, "10.9.0.0/24": False, "10.9.1.0/24": False}
    clouds.gcp.remove_peering(*ATLAS, "theirs")
    assert routes("INCOMING") == routes("OUTGOING") == {}
    clouds.gcp.add_peering(*ATLAS, "theirs", MINE, importSubnetRoutesWithPublicIp=True)
    assert routes("OUTGOING")["8.8.0.0/20"]
    about = {"network": MINE[1], "project": MINE[0], "peering_name": "unknown", "region": "r", "direction": "INCOMING"}
    code, message = compute.refused(lambda project: list(compute.networks.list_peering_routes(request=about)))
    assert (code, "unknown" in message) == (400, True)


@pytest.mark.full
def test_firewalls_of_all_levels_are_read_together(compute: Compute) -> None:
    found = compute.networks.get_effective_firewalls(project=MINE[0], network=MINE[1])
    closed, opened = found.firewalls
    assert (closed.priority, closed.direction, closed.denied[0].ports, list(closed.target_tags)) == (
        900,
        "EGRESS",
        ["27015-27017"],
        ["batch"],
    )
    assert (opened.direction, opened.disabled, list(opened.source_ranges)) == ("INGRESS", True, ["0.0.0.0/0"])
    assert [(one.type_, one.rules[0].action) for one in found.firewall_policys] == [
        ("HIERARCHY", "goto_next"),
        ("NETWORK", "allow"),
    ]
    # https://cloud.google.com/firewall/docs/firewall-policies-overview: the predefined rules of the lowest priorities.
    assert [one.action for one in found.firewall_policys[0].rules[1:]] == ["goto_next"] * 4
    assert found.firewall_policys[1].rules[0].target_secure_tags[0].name == "tagValues/1"


@pytest.mark.full
def test_subnets_of_all_regions_are_listed(clouds: RunningClouds, compute: Compute) -> None:
    clouds.gcp.add_network(MINE[0], "second")
    clouds.gcp.add_subnet(MINE[0], "second", "other", "us-central1", "10.16.0.0/20")
    clouds.gcp.page_size = 1

    def names(**query: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for scope, inside in compute.subnets.aggregated_list(request={"project": MINE[0], **query}):
            found.setdefault(scope, []).extend(one.name for one in inside.subnetworks)
        return {scope: inside for scope, inside in found.items() if inside}

    assert names() == {"regions/europe-west1": ["apps"], "regions/us-central1": ["public", "other"]}
    here = f"https://www.googleapis.com/compute/v1/{HERE}"
    assert names(filter=f'network = "{here}"') == names(filter=f"network eq .*/{MINE[1]}")
    assert names(filter=f'network = "{here}"') == {"regions/europe-west1": ["apps"], "regions/us-central1": ["public"]}
