"""AZURE's own modules and clients, unmodified, judge the stand-in of AZURE: they do there what they do in AZURE."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import ACTIONS
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import ATLAS_APPLICATION
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support import azure_site
from ansible_collections.cloudpeer.atlas.tests.support.azure_site import ATLAS_BLOCK, VNET, VNET_ID
from ansible_collections.cloudpeer.atlas.tests.support.paths import ROOT
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRun, PlaybookRunner

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(azure_site.why_not()), reason=azure_site.why_not())]

MODULES = "azure.azcollection.azure_rm_"
PRINCIPAL = {"app_id": ATLAS_APPLICATION}
ROLE = {
    "name": f"AtlasPeering/{'/'.join(VNET)}",
    "scope": VNET_ID,
    "assignable_scopes": [VNET_ID],
    "permissions": [{"actions": [*ACTIONS]}],
}
ASSIGNMENT = {
    "scope": VNET_ID,
    "assignee_object_id": "{{ found.service_principals[0].object_id }}",
    "role_definition_id": "{{ role.id }}",
}
#: A new principal is not known everywhere at once.
AGAIN = {"until": "result is not failed or 'PrincipalNotFound' not in result.msg", "retries": 5, "delay": 0}


@pytest.fixture
def clouds(clouds: RunningClouds) -> RunningClouds:
    clouds.azure.add_vnet(*VNET, prefixes=["10.0.0.0/24"])
    return clouds


@pytest.fixture
def run(clouds: RunningClouds, emulator: RunningEmulator, playbook: PlaybookRunner) -> Any:
    """Return what runs tasks and returns their results; Ansible's own Python is not the one that the modules need."""

    def run(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
        python = {"ansible_python_interpreter": str(azure_site.PYTHON)}
        play = [{"hosts": "localhost", "gather_facts": False, "vars": python, "tasks": list(tasks)}]
        done: PlaybookRun = playbook(json.dumps(play), emulator, **azure_site.variables(clouds))
        assert done.warnings == []
        assert clouds.azure.entra.secret not in done.output
        return [{**one["result"], "verdict": one["verdict"]} for one in done.records if one["action"].startswith(MODULES)]

    return run


def task(name: str, options: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    return {f"{MODULES}{name}": options, "register": "result", **keywords}


def thrice(name: str, options: dict[str, Any], **keywords: Any) -> list[dict[str, Any]]:
    """Return a task that foresees, does, and finds it done."""
    return [task(name, options, check_mode=True, **keywords), *(task(name, options, **keywords) for _number in range(2))]


def changed(results: list[dict[str, Any]]) -> list[Any]:
    return [one["verdict"] if one["verdict"] != "ok" else one["changed"] for one in results]


def test_the_customers_half_is_made_and_removed_as_in_azure(clouds: RunningClouds, run: Any) -> None:
    cloud = clouds.azure
    cloud.entra.unknown_looks = 2
    find = task("adserviceprincipal_info", PRINCIPAL, register="found")
    results = run(
        task("virtualnetwork_info", {"resource_group": VNET[1], "name": VNET[2]}),
        task("virtualnetwork_info", {"resource_group": VNET[1], "name": "other"}),
        find,
        *thrice("adserviceprincipal", PRINCIPAL),
        find,
        *thrice("roledefinition", ROLE, register="role"),
        *thrice("roleassignment", ASSIGNMENT, **AGAIN),
    )
    assert results[0]["virtualnetworks"][0]["address_prefixes"] == ["10.0.0.0/24"]
    assert (results[0]["virtualnetworks"][0]["id"], results[0]["virtualnetworks"][0]["location"]) == (VNET_ID, "westeurope")
    assert (results[1]["virtualnetworks"], results[2]["service_principals"]) == ([], [])
    principal = cloud.entra.principal_of()
    # Their module for service principals knows no check mode, and tells the object id only when it makes one.
    assert changed(results[3:6]) == ["skipped", True, False]
    assert (results[4]["object_id"], "object_id" in results[5]) == (principal, False)
    assert results[6]["service_principals"][0]["object_id"] == principal
    assert changed(results[7:10]) == [True, True, False]
    assert results[7]["id"] is None, "in check mode, there is nothing to assign"
    assert results[8]["id"] == results[9]["id"]
    assert changed(results[10:13]) == [True, True, False]
    assert (results[11]["attempts"], results[11]["scope"]) == (3, VNET_ID)
    assert results[12]["id"] == results[11]["id"]
    assert cloud.has_role(*VNET)
    writes = [(method, path.rpartition("/providers/")[2].split("/")[1]) for method, path in cloud.requests if method == "PUT"]
    assert writes == [("PUT", "roleDefinitions"), *[("PUT", "roleAssignments")] * 3]

    cloud.put_peering(*VNET, "atlas", [ATLAS_BLOCK])
    cloud.set_peering(*VNET, "atlas", peeringState="Disconnected")
    network = {"resource_group": VNET[1], "virtual_network": VNET[2]}
    results = run(
        task("virtualnetworkpeering_info", network),
        find,
        # Their module fails without the role's id.
        task("roledefinition_info", {"scope": VNET_ID, "role_name": ROLE["name"]}, register="roles_found"),
        *thrice(
            "roleassignment", {**ASSIGNMENT, "role_definition_id": "{{ roles_found.roledefinitions[0].id }}", "state": "absent"}
        ),
        *thrice("roledefinition", {"name": ROLE["name"], "scope": VNET_ID, "state": "absent"}),
        *thrice("virtualnetworkpeering", {**network, "name": "atlas", "state": "absent"}),
        *thrice("adserviceprincipal", {**PRINCIPAL, "state": "absent"}),
    )
    (peering,) = results[0]["vnetpeerings"]
    assert (peering["name"], peering["peering_state"]) == ("atlas", "Disconnected")
    assert peering["remote_address_space"]["address_prefixes"] == [ATLAS_BLOCK]
    assert [changed(results[first : first + 3]) for first in (3, 6, 9)] == [[True, True, False]] * 3
    assert changed(results[12:]) == ["skipped", True, False]
    assert [one["roleName"] for one in (role["properties"] for role in cloud.roles.list_definitions(VNET_ID))] == [
        "Network Contributor"
    ]
    assert (cloud.roles.list_assignments(VNET_ID), cloud.entra.principal_of()) == ([], None)
    assert cloud.list_peerings(*VNET) == {"value": []}


def test_what_the_user_may_not_do_is_told(clouds: RunningClouds, run: Any) -> None:
    clouds.azure.entra.is_forbidden = True
    clouds.azure.forbidden.append(VNET_ID)
    ignored = {"ignore_errors": True}
    resource = {"url": f"{VNET_ID}/providers/Microsoft.Authorization/roleDefinitions?$filter=type%20eq%20'CustomRole'"}
    results = run(
        task("adserviceprincipal_info", PRINCIPAL, **ignored),
        task("adserviceprincipal", PRINCIPAL, **ignored),
        task("adserviceprincipal", {**PRINCIPAL, "state": "absent"}, **ignored),
        task("roledefinition", ROLE, **ignored),
        task("roledefinition", {"name": ROLE["name"], "scope": VNET_ID, "state": "absent"}, **ignored),
        task("virtualnetwork_info", {"resource_group": VNET[1], "name": VNET[2]}, **ignored),
        task(
            "virtualnetwork_info",
            {"resource_group": VNET[1], "name": VNET[2], "secret": "wrong", "client_id": "x", "tenant": "y"},
            **ignored,
        ),
        task("roledefinition_info", {"scope": VNET_ID, "role_name": ROLE["name"]}, **ignored),
        # The one way to read a role that tells an error from absence.
        task("resource_info", {**resource, "api_version": "2022-04-01"}, **ignored),
    )
    failed = [one["verdict"] == "failed" for one in results]
    # Three of their modules take an error for absence: what is to be absent is found to be so.
    assert failed == [True, True, False, True, False, True, True, False, True]
    assert results[7]["roledefinitions"] == []
    assert "Insufficient privileges" in results[0]["msg"]
    assert "AuthorizationFailed" in results[3]["msg"]
    assert "AuthorizationFailed" in json.dumps(results[8])
    assert not clouds.azure.has_role(*VNET)


def test_a_role_in_the_subscriptions_scope_is_not_found_again(run: Any) -> None:
    role = {name: value for name, value in ROLE.items() if name != "scope"}
    results = run(task("roledefinition", role), task("roledefinition", role, ignore_errors=True))
    assert changed(results) == [True, "failed"]
    assert "RoleDefinitionWithSameNameExists" in results[1]["msg"]


def test_azures_own_clients_know_all_that_is_answered(clouds: RunningClouds) -> None:
    clouds.azure.put_peering(*VNET, "atlas", [ATLAS_BLOCK])
    asked = dict(zip(("subscription", "group", "vnet"), VNET), app_id=ATLAS_APPLICATION, actions=ACTIONS)
    said = azure_site.ask("azure_sdk.py", asked, azure_site.variables(clouds))
    assert said["network"] == {
        "faults": [],
        "vnet": [VNET_ID, ["10.0.0.0/24"]],
        "counts": [1, 1, 1],
        "peering": ["Connected", "FullyInSync", [ATLAS_BLOCK]],
        "left": 0,
        "no vnet": [404, "ResourceNotFound"],
        "no peering": [404, "NotFound"],
        "no subscription": [404, "SubscriptionNotFound"],
    }
    assert said["graph"] == {
        "id": clouds.azure.entra.principal_of(),
        "app_id": ATLAS_APPLICATION,
        "count": 1,
        "unknown": [["@odata.context"], ["@odata.context"], []],
        "again": [409, "Request_MultipleObjectsWithSameKeyValue"],
    }
    exists, in_use = [409, "RoleAssignmentExists"], [400, "RoleDefinitionHasAssignments"]
    assert said["authorization"] == {
        "same role": [True, True],
        "assigned": [[[True, True, True], exists, in_use, [True, None]]] * 2,
        "gone": [True, None],
        "faults": [],
    }


def test_the_packages_are_those_that_the_collection_asks_for() -> None:
    file = azure_site.COLLECTIONS / "ansible_collections" / "azure" / "azcollection" / "requirements.txt"
    theirs = {line.strip() for line in file.read_text(encoding="utf-8").splitlines()}
    ours = [line for line in (ROOT / "requirements" / "azure.in").read_text(encoding="utf-8").splitlines() if line]
    assert [line for line in ours if not line.startswith(("#", "ansible-core==", "google-")) and line not in theirs] == []
    assert os.access(azure_site.PYTHON, os.X_OK)
