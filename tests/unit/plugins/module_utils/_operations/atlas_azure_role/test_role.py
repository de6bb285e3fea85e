"""atlas_azure_role gives Atlas what it lacks and no more, takes away what it gave, and leaves everything else alone."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import assignment_uuid, role_uuid
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import AZURE
from ansible_collections.cloudpeer.atlas.tests.clouds.azure_roles import ACTIONS, NETWORK_CONTRIBUTOR
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import ATLAS_APPLICATION
from ansible_collections.cloudpeer.atlas.tests.clouds.entra_proofs import AzureRefusalError
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import (
    CONTRIBUTOR,
    GROUP,
    NETWORKS,
    ROLE_NAME,
    SCOPE,
    SUBSCRIPTION,
    VNET,
    AzureSite,
)

READS = ["GET vnet", "GET servicePrincipals"]
MADE = ["POST servicePrincipals", "PUT roleDefinition", "PUT roleAssignment"]
PROVIDER = "/providers/Microsoft.Authorization"
DESCRIPTION = "Lets MongoDB Atlas peer with this VNet. Managed by cloudpeer.atlas."
OLD_DESCRIPTION = "Lets MongoDB Atlas peer with this VNet. Managed by cloudpeer.atlas.vpc_peering."


def test_it_makes_what_atlas_lacks_once(site: AzureSite) -> None:
    done = site.run()
    assert (done.failed, done.changed) == (False, True), done.result
    assert site.writes() == MADE
    principal, role = site.azure.entra.principal_of(), done.result["azure_role"]
    assert role == {
        "application_id": ATLAS_APPLICATION,
        "principal_id": principal,
        "scope": SCOPE,
        "role_definition_ids": [f"{SUBSCRIPTION}{PROVIDER}/roleDefinitions/{role_uuid(SCOPE)}"],
        "assignment_ids": [f"{SCOPE}{PROVIDER}/roleAssignments/{assignment_uuid(SCOPE, role_uuid(SCOPE), str(principal))}"],
        "actions": [*ACTIONS],
        "is_inherited": False,
    }
    assert done.result["diff"] == {"before": {}, "after": role}
    assert done.result["vnet"] == {"address_prefixes": ["10.0.0.0/24"], "peerings": []}
    (made,) = (one["properties"] for one in site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'"))
    assert (made["roleName"], made["description"]) == (ROLE_NAME, DESCRIPTION)
    # The same as the hand-over says.
    wanted = AZURE.handover(dict(zip(AZURE.names, VNET, strict=True)), None, False)
    assert (role["application_id"], role["scope"]) == (wanted["application_id"], wanted["scope"])
    definition = {"name": made["roleName"], "actions": made["permissions"][0]["actions"]}
    assert {**definition, "assignable_scopes": made["assignableScopes"]} == wanted["role_definition"]
    (assignment,) = site.assignments()
    assert (assignment["scope"], assignment["principalType"], assignment["description"]) == (
        SCOPE,
        "ServicePrincipal",
        DESCRIPTION,
    )
    again = site.run()
    assert (again.changed, again.result["azure_role"], again.warnings) == (False, role, [])
    assert site.wire() == [*READS, "GET roleAssignments", "GET roleDefinition", "GET denyAssignments"]


def test_a_principal_that_was_made_again_gets_an_assignment_too(site: AzureSite) -> None:
    """The name of the first one's assignment stays its own: RoleAssignmentUpdateNotPermitted."""
    site.run()
    site.azure.entra.remove_principal()
    done = site.run()
    assert (done.failed, done.changed, site.writes()) == (False, True, [MADE[0], MADE[2]]), done.result
    assert (site.run(state="absent").changed, site.assignments()) == (True, [])


@pytest.mark.parametrize("roles", [1, 3])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_nothing_to_do_takes_six_requests_and_one_a_role(site: AzureSite, state: str, roles: int) -> None:
    for number in range(roles):
        site.assign(GROUP, *(ACTIONS if number == 0 else ["Microsoft.Compute/*/read"]))
    done = site.run(state=state)
    assert (done.changed, site.wire().count("GET roleDefinition")) == (False, roles)
    # Those for two tokens included.
    assert done.result["requests"] == {"sent": len(site.azure.requests), "writes": 0}
    assert len(site.azure.requests) <= 6 + roles


@pytest.mark.parametrize(
    "held",
    [
        {"/": ACTIONS},
        {SUBSCRIPTION: ["*"]},
        {GROUP: ["Microsoft.Network/*"]},
        {SCOPE: ACTIONS[:2], GROUP: ACTIONS[2:]},
        {SCOPE: ["Microsoft.Network/virtualNetworks/virtualNetworkPeerings/*"], SUBSCRIPTION: ACTIONS[3:]},
    ],
    ids=str,
)
def test_what_atlas_may_do_already_is_enough(site: AzureSite, held: dict[str, Any]) -> None:
    for scope, actions in held.items():
        site.assign(scope, *actions)
    # Who may only read changes nothing.
    site.azure.denied |= {"*/write"}
    for check_mode in (True, False):
        done = site.run(check_mode=check_mode)
        assert (done.failed, done.changed, site.writes()) == (False, False, []), done.result
        role = done.result["azure_role"]
        assert (role["actions"], role["is_inherited"]) == ([*ACTIONS], SCOPE not in held)
        assert [len(role[name]) for name in ("role_definition_ids", "assignment_ids")] == [len(held)] * 2


def test_a_role_of_a_group_and_one_of_azure_are_enough(site: AzureSite) -> None:
    principal = site.azure.entra.add_principal()
    group = site.azure.entra.add_group(site.azure.entra.add_group(principal))
    body = {"roleDefinitionId": CONTRIBUTOR, "principalId": group, "principalType": "Group"}
    site.azure.roles.put_assignment(GROUP, NETWORK_CONTRIBUTOR, {"properties": body})
    done = site.run()
    assert (done.changed, done.result["azure_role"]["role_definition_ids"]) == (False, [CONTRIBUTOR])


@pytest.mark.parametrize(
    ("scope", "actions"),
    [
        (f"{SCOPE}/subnets/default", ["*"]),
        (f"{GROUP}-2", ["*"]),
        (SCOPE, ACTIONS[:3]),
        (SCOPE, ["*/read"]),
        (SUBSCRIPTION, ["Microsoft.Compute/*"]),
    ],
)
def test_what_is_elsewhere_or_does_not_give_all_is_not_enough(site: AzureSite, scope: str, actions: list[str]) -> None:
    site.assign(scope, *actions)
    done = site.run()
    assert (done.changed, site.writes()) == (True, MADE[1:])
    assert (done.result["azure_role"]["actions"], done.result["azure_role"]["is_inherited"]) == ([*ACTIONS], False)


def test_check_mode_tells_the_truth(site: AzureSite) -> None:
    predicted = site.run(check_mode=True)
    assert (predicted.changed, site.writes()) == (True, [])
    unmade = {"principal_id": None, "role_definition_ids": [], "assignment_ids": []}
    done = site.run()
    assert predicted.result["azure_role"] == {**done.result["azure_role"], **unmade}
    assert predicted.result["diff"] == {"before": {}, "after": predicted.result["azure_role"]}
    removal = site.run(check_mode=True, state="absent")
    assert (removal.changed, removal.result["azure_role"], site.writes()) == (True, None, [])
    assert removal.result["diff"] == {"before": done.result["azure_role"], "after": {}}
    assert site.definitions() == [ROLE_NAME]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_vnet_that_is_absent_is_a_failure_or_a_warning(site: AzureSite, check_mode: bool) -> None:
    for missing in (f"{SCOPE}-2", SCOPE.replace(VNET[1], "no-group")):
        done = site.run(vnet_resource_id=missing, check_mode=check_mode)
        assert (
            done.missing(f"Failed to read the VNet {missing}: ", "Check the subscription, the resource group and the name") == []
        )
        assert (done.changed, done.result["http_status"], site.wire()) == (False, 404, ["GET vnet"])
        done = site.run(vnet_resource_id=missing, check_mode=check_mode, state="absent")
        assert (done.failed, done.changed, site.wire()) == (False, False, ["GET vnet"])
        assert (done.result["azure_role"], done.result["vnet"]) == (None, None)
        assert f"There is no VNet {missing}" in done.warnings[0]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_unknown_subscription_is_not_an_absent_vnet(site: AzureSite, state: str) -> None:
    done = site.run(vnet_resource_id=SCOPE.replace(VNET[0], VNET[0].replace("1f", "2f")), state=state)
    assert (done.failed, done.result["http_status"], done.result["error_code"]) == (True, 404, "SubscriptionNotFound")


def make(site: AzureSite, description: str | None, *actions: str, name: str = ROLE_NAME, **fields: Any) -> str:
    """Let somebody make a role; return its name."""
    uuid = "00000000-0000-4000-8000-00000000000a"
    properties = {"roleName": name, "description": description, "permissions": [{"actions": [*actions], **fields}]}
    site.azure.roles.put_definition(SCOPE, uuid, {"properties": {**properties, "assignableScopes": [SCOPE]}})
    return uuid


@pytest.mark.parametrize("description", [None, "Of the network team", DESCRIPTION, OLD_DESCRIPTION])
def test_a_role_with_the_name_is_used_whoever_made_it(site: AzureSite, description: str | None) -> None:
    uuid = make(site, description, *ACTIONS, name=ROLE_NAME.upper())
    done = site.run()
    assert (done.changed, site.writes()) == (True, [MADE[0], MADE[2]])
    assert [one.rpartition("/")[2] for one in done.result["azure_role"]["role_definition_ids"]] == [uuid]


@pytest.mark.parametrize("description", [DESCRIPTION, OLD_DESCRIPTION])
def test_a_role_of_ours_is_made_whole(site: AzureSite, description: str) -> None:
    make(site, description, ACTIONS[0], "Microsoft.Network/*", "*/read", notActions=["*/write", "Microsoft.Compute/*"])
    assert site.run(check_mode=True).changed
    done = site.run()
    assert (done.changed, site.writes()) == (True, MADE)
    assert done.result["azure_role"]["actions"] == [*ACTIONS]
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    (permission,) = role["properties"]["permissions"]
    # What else it gives and takes back is left.
    assert {*permission["actions"]} == {*ACTIONS, "Microsoft.Network/*", "*/read"}
    assert permission["notActions"] == ["Microsoft.Compute/*"]
    assert not site.run().changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_role_of_others_that_lacks_an_action_is_a_failure(site: AzureSite, check_mode: bool) -> None:
    make(site, "Of the network team", *ACTIONS[:3])
    done = site.run(check_mode=check_mode)
    assert done.missing(f"The role {ROLE_NAME} exists in AZURE, was not made by this collection, and lacks {ACTIONS[3]}.") == []
    assert (done.changed, site.writes()) == (False, [])


@pytest.mark.parametrize(
    "given", [CONTRIBUTOR, NETWORK_CONTRIBUTOR, f"/providers/Microsoft.Authorization/roleDefinitions/{NETWORK_CONTRIBUTOR}"]
)
def test_a_role_of_the_options_is_assigned(site: AzureSite, given: str) -> None:
    done = site.run(role_definition_id=given)
    assert (done.changed, site.writes(), site.definitions()) == (True, [MADE[0], MADE[2]], [])
    assert done.result["azure_role"]["role_definition_ids"] == [CONTRIBUTOR]
    assert not site.run(role_definition_id=given).changed
    # It is of others, and stays; its assignment is ours.
    assert (site.run(state="absent").changed, site.assignments()) == (True, [])


@pytest.mark.parametrize("is_allowed", [True, False])
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_role_of_the_options_that_will_not_do_is_a_failure(site: AzureSite, check_mode: bool, is_allowed: bool) -> None:
    if is_allowed:
        site.assign(SCOPE, *ACTIONS)
    uuid = make(site, None, *ACTIONS[1:], name="narrow")
    elsewhere = {"roleName": "elsewhere", "permissions": [{"actions": ["*"]}], "assignableScopes": [f"{SCOPE}-2"]}
    site.azure.roles.put_definition(f"{SCOPE}-2", uuid[:-1] + "b", {"properties": elsewhere})
    for given, words in (
        (uuid, f"role_definition_id: the role narrow lacks {ACTIONS[0]}."),
        (
            uuid[:-1] + "b",
            f"role_definition_id: the role elsewhere cannot be assigned at the VNet {SCOPE}, but only at {SCOPE}-2.",
        ),
        (uuid[:-1] + "c", "role_definition_id: there is no role"),
    ):
        done = site.run(role_definition_id=given, check_mode=check_mode)
        assert (done.missing(words), done.changed, site.writes()) == ([], False, [])


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("is_known", [True, False])
def test_deny_assignments_are_a_warning_with_their_names(site: AzureSite, is_known: bool, check_mode: bool) -> None:
    site.azure.roles.deny(GROUP, "stack-a")
    site.azure.roles.deny(GROUP, "stack-b", ["Microsoft.Storage/*"])
    site.azure.roles.deny(GROUP, "stack-c", principals=[site.azure.entra.client_id])
    if is_known:
        excluded = [{"id": site.azure.entra.add_principal().upper(), "type": "ServicePrincipal"}]
        site.azure.roles.deny(GROUP, "stack-d", excludePrincipals=excluded)
    done = site.run(check_mode=check_mode)
    assert (done.failed, done.result["notes"]) == (False, [])
    (warning,) = done.warnings
    assert f"Deny assignments forbid Atlas to peer with the VNet {SCOPE}, whatever its roles: stack-a." in warning


# The reads, and what makes and removes: https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance
@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize(
    "action",
    [
        "Microsoft.Network/virtualNetworks/read",
        *(f"Microsoft.Authorization/role{one}/read" for one in ("Assignments", "Definitions")),
    ],
)
def test_a_refused_read_changes_nothing(site: AzureSite, action: str, state: str) -> None:
    site.run()
    if state == "present":
        site.azure.roles.clear()
        site.assign(SCOPE, *ACTIONS[:2])
    site.azure.denied.add(action)
    for check_mode in (True, False):
        done = site.run(state=state, check_mode=check_mode)
        assert (done.failed, done.changed, site.writes()) == (True, False, [])
        assert (done.result["http_status"], done.result["error_code"]) == (403, "AuthorizationFailed")
        assert action in done.msg


def test_deny_assignments_that_may_not_be_read_are_a_note(site: AzureSite) -> None:
    site.azure.denied.add("Microsoft.Authorization/denyAssignments/read")
    for changed in (True, False):
        done = site.run()
        assert (done.failed, done.changed, done.warnings) == (False, changed, [])
        (note,) = done.result["notes"]
        assert "Microsoft.Authorization/denyAssignments/read" in note


def test_a_refused_look_at_the_directory_changes_nothing(site: AzureSite) -> None:
    site.azure.entra.is_forbidden = True
    for state in ("present", "absent"):
        done = site.run(state=state)
        assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "Authorization_RequestDenied")
        assert site.wire() == READS


def test_a_role_that_a_policy_forbids_says_how_to_do_without(site: AzureSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """RequestDisallowedByPolicy, from the common errors of Azure Resource Manager, is about no permission."""

    def forbid(*unused: Any) -> None:
        raise AzureRefusalError(403, "RequestDisallowedByPolicy", "Resource 'role' was disallowed by policy.")

    monkeypatch.setattr(site.azure.roles, "put_definition", forbid)
    done = site.run()
    assert (done.failed, done.result["error_code"]) == (True, "RequestDisallowedByPolicy")
    assert done.msg.endswith("(HTTP 403 RequestDisallowedByPolicy). Set role_definition_id to a role that exists.")


def test_a_new_principal_is_waited_for(site: AzureSite) -> None:
    """AZURE documents that the type of the principal makes that unnecessary, and people still see it."""
    site.azure.entra.is_type_believed, site.azure.entra.unknown_looks = False, 8
    done = site.run()
    assert (done.failed, done.changed) == (False, True), done.result
    assert site.writes() == [*MADE, *[MADE[2]] * 8]


def test_a_new_role_is_waited_for(site: AzureSite) -> None:
    site.azure.roles.unknown_looks = 8
    done = site.run()
    assert (done.failed, done.changed) == (False, True), done.result
    assert site.writes() == [*MADE, *[MADE[2]] * 8]


@pytest.mark.parametrize("code", ["PrincipalNotFound", "RoleDefinitionDoesNotExist"])
def test_what_azure_does_not_know_in_time_is_a_failure(site: AzureSite, code: str) -> None:
    site.azure.entra.is_type_believed = False
    who_does_not_know = site.azure.entra if code == "PrincipalNotFound" else site.azure.roles
    who_does_not_know.unknown_looks = 10_000
    done = site.run(wait_timeout=20)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, True, code)
    assert done.missing("It was still refused after 20 seconds.", "raise wait_timeout") == []


def test_an_unknown_role_of_others_is_not_waited_for(site: AzureSite) -> None:
    make(site, None, *ACTIONS)
    site.azure.roles.unknown_looks = 0
    site.azure.roles._unknown.update(dict.fromkeys(site.azure.roles._definitions, 10_000))
    done = site.run(wait_timeout=1000)
    assert (done.failed, done.result["error_code"]) == (True, "RoleDefinitionDoesNotExist")
    assert site.clock.now < 1100


@pytest.mark.parametrize("what", ["principal", "role", "assignment"])
def test_what_somebody_else_makes_at_the_same_time_will_do(site: AzureSite, what: str) -> None:
    """Request_MultipleObjectsWithSameKeyValue, RoleDefinitionWithSameNameExists, RoleAssignmentExists."""

    def overtake() -> None:
        if what == "principal":
            site.azure.entra.add_principal()
        elif what == "role":
            make(site, "Of the network team", *ACTIONS)
        else:
            (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
            ids = {"roleDefinitionId": role["id"], "principalId": site.azure.entra.principal_of()}
            site.azure.roles.put_assignment(
                SCOPE, NETWORK_CONTRIBUTOR, {"properties": {**ids, "principalType": "ServicePrincipal"}}
            )

    calls = {"principal": (site.azure.entra, "create"), "role": (site.azure.roles, "put_definition")}
    site.before(*calls.get(what, (site.azure.roles, "put_assignment")), overtake)
    done = site.run()
    assert (done.failed, done.result["azure_role"]["actions"]) == (False, [*ACTIONS]), done.result
    assert (site.definitions(), len(site.assignments())) == ([ROLE_NAME], 1)


def test_a_name_that_is_taken_elsewhere_is_a_failure(site: AzureSite) -> None:
    fields = {"roleName": ROLE_NAME, "permissions": [{"actions": [*ACTIONS]}], "assignableScopes": [f"{SCOPE}-2"]}
    site.azure.roles.put_definition(f"{SCOPE}-2", NETWORK_CONTRIBUTOR[:-1] + "8", {"properties": fields})
    done = site.run()
    assert done.result["error_code"] == "RoleDefinitionWithSameNameExists"
    assert "role_definition_id" in done.msg


def test_it_removes_its_role_with_all_its_assignments(site: AzureSite) -> None:
    site.run()
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    for scope, principal in ((SCOPE, site.azure.entra.client_id), (f"{SCOPE}/subnets/default", site.azure.entra.client_id)):
        body = {"roleDefinitionId": role["id"], "principalId": principal, "principalType": "ServicePrincipal"}
        site.azure.roles.put_assignment(scope, NETWORK_CONTRIBUTOR[:-1] + str(len(site.assignments())), {"properties": body})
    done = site.run(state="absent")
    assert (done.changed, done.result["azure_role"]) == (True, None)
    assert site.writes() == ["DELETE roleAssignment"] * 3 + ["DELETE roleDefinition"]
    # Where it was made, and not in the subscription: the permissions at the VNet are enough.
    assert site.azure.requests[-1] == ("DELETE", f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{role['name']}")
    assert (site.definitions(), site.assignments()) == ([], [])
    # Others may use it.
    assert site.azure.entra.principal_of() is not None
    again = site.run(state="absent")
    assert (again.changed, again.warnings, site.writes()) == (False, [], [])


def test_an_assignment_that_is_made_meanwhile_goes_as_well(site: AzureSite) -> None:
    """RoleDefinitionHasAssignments."""
    site.run()
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    body = {"roleDefinitionId": role["id"], "principalId": site.azure.entra.client_id, "principalType": "ServicePrincipal"}

    def assign() -> None:
        site.azure.roles.put_assignment(SCOPE, NETWORK_CONTRIBUTOR, {"properties": body})

    site.before(site.azure.roles, "delete_definition", assign)
    done = site.run(state="absent")
    assert (done.failed, done.changed, site.definitions(), site.assignments()) == (False, True, [], [])


def test_a_role_that_is_assigned_elsewhere_says_what_to_do(site: AzureSite) -> None:
    site.run()
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    wider = {**role["properties"], "assignableScopes": [SCOPE, f"{SCOPE}-2"]}
    site.azure.roles.put_definition(SCOPE, role["name"], {"properties": wider})
    body = {"roleDefinitionId": role["id"], "principalId": site.azure.entra.principal_of(), "principalType": "ServicePrincipal"}
    site.azure.roles.put_assignment(f"{SCOPE}-2", NETWORK_CONTRIBUTOR, {"properties": body})
    done = site.run(state="absent")
    assert (done.result["error_code"], done.changed) == ("RoleDefinitionHasAssignments", True)
    assert "Remove the assignments of this role outside of the VNet" in done.msg


@pytest.mark.parametrize("wide", [GROUP, SUBSCRIPTION])
def test_an_assignment_above_the_vnet_stays_with_our_role(site: AzureSite, wide: str) -> None:
    """Others have widened the role, and other VNets may need it."""
    site.run()
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    site.azure.roles.put_definition(SCOPE, role["name"], {"properties": {**role["properties"], "assignableScopes": [wide]}})
    body = {"roleDefinitionId": role["id"], "principalId": site.azure.entra.principal_of(), "principalType": "ServicePrincipal"}
    for scope in (wide, f"{SCOPE}/subnets/default"):
        name = NETWORK_CONTRIBUTOR[:-1] + str(len(site.assignments()))
        site.azure.roles.put_assignment(scope, name, {"properties": body})
    predicted = site.run(state="absent", check_mode=True)
    for changed in (True, False):
        done = site.run(state="absent")
        assert (done.failed, done.changed, done.warnings) == (False, changed, predicted.warnings)
        assert site.writes() == ["DELETE roleAssignment"] * 2 * changed
        assert done.result["azure_role"] == predicted.result["azure_role"]
        assert ([one["scope"] for one in site.assignments()], site.definitions()) == ([wide], [ROLE_NAME])
    assert f"above the VNet {SCOPE}: {wide}/providers/Microsoft.Authorization/roleAssignments/" in done.warnings[0]
    for one in site.azure.roles.list_assignments(wide):
        site.azure.roles.delete_assignment(wide, one["name"])
    assert (site.run(state="absent").changed, site.definitions()) == (True, [])


def test_our_role_goes_while_the_list_of_roles_lags(site: AzureSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.run()
    with monkeypatch.context() as patch:
        patch.setattr(site.azure.roles, "list_definitions", lambda *unused: [])
        done = site.run(state="absent")
    assert (done.failed, done.changed, site.definitions(), site.assignments()) == (False, True, [], [])


@pytest.mark.parametrize("lags", [True, False])
@pytest.mark.parametrize(
    ("kind", "code"), [("assignment", "RoleAssignmentNotFound"), ("definition", "RoleDefinitionDoesNotExist")]
)
def test_what_is_gone_already_is_removed(
    site: AzureSite, monkeypatch: pytest.MonkeyPatch, kind: str, code: str, lags: bool
) -> None:
    """Somebody else removes it at the same time, and AZURE's lists may show it for a while."""
    site.run()
    delete, listing = getattr(site.azure.roles, f"delete_{kind}"), getattr(site.azure.roles, f"list_{kind}s")
    shown = listing(SCOPE)

    def gone(*names: str) -> None:
        delete(*names)
        raise AzureRefusalError(404, code, "It is not found.")

    with monkeypatch.context() as patch:
        patch.setattr(site.azure.roles, f"delete_{kind}", gone)
        if lags:
            patch.setattr(site.azure.roles, f"list_{kind}s", lambda *unused: shown)
        done = site.run(state="absent")
    assert (done.failed, done.changed, done.result["azure_role"]) == (False, True, None), done.result
    assert site.writes() == ["DELETE roleAssignment", "DELETE roleDefinition"]
    assert (site.definitions(), site.assignments()) == ([], [])


def test_what_others_gave_our_role_on_data_is_left(site: AzureSite) -> None:
    site.run()
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    data = {"dataActions": ["Microsoft.Storage/*/read"], "notDataActions": ["Microsoft.Storage/queues/read"]}
    less = {**role["properties"], "permissions": [{"actions": [*ACTIONS[:2]], "notActions": [], **data}]}
    site.azure.roles.put_definition(SCOPE, role["name"], {"properties": less})
    assert site.run().result["azure_role"]["actions"] == [*ACTIONS]
    (role,) = site.azure.roles.list_definitions(SCOPE, "type eq 'CustomRole'")
    assert role["properties"]["permissions"] == [{"actions": [*ACTIONS], "notActions": [], **data}]


@pytest.mark.parametrize("has_principal", [True, False])
def test_it_removes_the_role_of_earlier_releases(site: AzureSite, has_principal: bool) -> None:
    make(site, OLD_DESCRIPTION, *ACTIONS)
    site.run()
    if not has_principal:
        site.azure.entra.remove_principal()
    assert (site.run(state="absent").changed, site.definitions(), site.assignments()) == (True, [], [])


def test_roles_and_assignments_of_others_stay(site: AzureSite) -> None:
    make(site, "Of the network team", *ACTIONS)
    site.run()
    site.assign(GROUP, "*")
    before = site.definitions()
    done = site.run(state="absent")
    assert (done.changed, site.definitions()) == (True, before)
    # Atlas still may, by what others gave it.
    assert [one["scope"] for one in site.assignments()] == [GROUP]
    assert (done.result["azure_role"]["actions"], done.result["azure_role"]["is_inherited"]) == ([*ACTIONS], True)
    assert not site.run(state="absent").changed


@pytest.mark.parametrize(
    ("peerings", "stays"),
    [
        ([], False),
        ([(NETWORKS[0], "Connected")], True),
        ([(NETWORKS[0], "Initiated")], True),
        # Atlas repairs and deletes with the role, whatever the state.
        ([(NETWORKS[0], "Disconnected")], True),
        ([("vnet_5356823b3794dee37132bb7b_abcd3fg8", "Connected")], True),
        ([(NETWORKS[0], "Disconnected"), (NETWORKS[1].upper(), "Connected")], True),
        ([("vnet_of_the_company", "Connected"), ("vnet_5356823b3794dee37132bb7b", "Connected")], False),
        # What the peering is with is not known.
        ([("", "Connected")], True),
        ([("", "Disconnected")], True),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_the_role_stays_while_atlas_needs_it(site: AzureSite, peerings: Any, stays: bool, check_mode: bool) -> None:
    site.run()
    for number, (network, state) in enumerate(peerings):
        site.peer(network, state, name=f"atlas-{number}")
    done = site.run(state="absent", check_mode=check_mode)
    assert (done.failed, done.changed, bool(done.warnings)) == (False, not stays, stays)
    if stays:
        network, state = peerings[-1]
        assert f"atlas-{len(peerings) - 1} with {network or 'a network that is not known'} is {state}" in done.warnings[0]
        assert (done.result["azure_role"]["actions"], site.writes()) == ([*ACTIONS], [])


def test_the_end_of_the_peering_is_waited_for(site: AzureSite) -> None:
    site.run()
    site.peer(NETWORKS[0])
    predicted = site.run(state="absent", atlas_vnet_name=NETWORKS[0], check_mode=True)
    assert (predicted.changed, predicted.warnings, predicted.result["azure_role"]) == (True, [], None)
    site.clock.after(90, lambda: site.azure.remove_peering(*VNET, "atlas"))
    done = site.run(state="absent", atlas_vnet_name=NETWORKS[0])
    assert (done.failed, done.changed, done.warnings, site.definitions()) == (False, True, [], [])
    # Only the VNet is read meanwhile.
    assert site.wire().count("GET vnet") > 10 > site.wire().count("GET roleAssignments")
    assert "Atlas's role on test-vnet-ab12cd: still the peering atlas is Connected after 6" in site.lines[0]


def test_a_peering_that_is_there_again_keeps_the_role(site: AzureSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one may have been made since, or one reply may have been older than the one before."""
    site.run()
    site.peer(NETWORKS[0])
    site.clock.after(5, lambda: site.azure.remove_peering(*VNET, "atlas"))
    get_vnet = site.azure.get_vnet

    def lagging(*names: str) -> Any:
        found = get_vnet(*names)
        if not found["properties"]["virtualNetworkPeerings"]:
            site.peer(NETWORKS[0])
        return found

    monkeypatch.setattr(site.azure, "get_vnet", lagging)
    done = site.run(state="absent", atlas_vnet_name=NETWORKS[0])
    assert (done.failed, done.changed, site.definitions(), site.writes()) == (False, False, [ROLE_NAME], [])
    assert f"{NETWORKS[0]} is Connected" in done.warnings[0]


@pytest.mark.parametrize("ends", [True, False])
def test_a_peering_that_ends_disconnected_or_not_at_all(site: AzureSite, ends: bool) -> None:
    site.run()
    site.peer(NETWORKS[0])
    if ends:
        site.clock.after(10, lambda: site.azure.set_peering(*VNET, "atlas", peeringState="Disconnected"))
    done = site.run(state="absent", atlas_vnet_name=NETWORKS[0].upper(), wait_timeout=20)
    assert (done.changed, done.failed) == (ends, not ends)
    if not ends:
        assert done.missing("The time was up after 20 seconds before the peering atlas with", "had ended (it is Connected)") == []
        assert site.definitions() == [ROLE_NAME]


def test_another_network_of_atlas_keeps_the_role(site: AzureSite) -> None:
    site.run()
    site.peer(NETWORKS[0], name="leaving")
    site.peer(NETWORKS[1], name="of-another-project")
    before = site.clock.now
    for state in ("Connected", "Disconnected"):
        site.azure.set_peering(*VNET, "of-another-project", peeringState=state)
        done = site.run(state="absent", atlas_vnet_name=NETWORKS[0])
        assert (done.failed, done.changed, site.clock.now) == (False, False, before)
        assert f"of-another-project with {NETWORKS[1]} is {state}" in done.warnings[0]


def test_nothing_to_remove_is_not_waited_for(site: AzureSite) -> None:
    site.assign(SCOPE, *ACTIONS)
    site.peer(NETWORKS[0])
    before = site.clock.now
    done = site.run(state="absent", atlas_vnet_name=NETWORKS[0])
    assert (done.failed, done.changed, done.warnings, site.clock.now) == (False, False, [], before)


def test_the_vnet_is_shown_with_its_peerings(site: AzureSite) -> None:
    site.peer(NETWORKS[0])
    (peering,) = site.run().result["vnet"]["peerings"]
    assert (peering["name"], peering["remote_network"].rpartition("/")[2]) == ("atlas", NETWORKS[0])
    assert (peering["remote_prefixes"], peering["state"]) == (["192.168.248.0/21"], "Connected")


def test_pages_are_followed(site: AzureSite) -> None:
    for unused in range(3):
        site.assign(GROUP, "Microsoft.Compute/*/read")
    site.assign(GROUP, *ACTIONS)
    site.azure.page_size = 1
    assert not site.run().changed


@pytest.mark.parametrize("state", ["present", "absent"])
def test_another_directory_makes_nothing(site: AzureSite, state: str) -> None:
    other = "11111111-2222-4333-8444-555555555555"
    site.azure.entra.others.append(other)
    done = site.run(azure_directory_id=other, state=state)
    assert (done.failed, done.changed, site.azure.entra.strays) == (True, False, [])
    assert site.writes() == []
    assert other in done.msg or "directory" in done.msg
