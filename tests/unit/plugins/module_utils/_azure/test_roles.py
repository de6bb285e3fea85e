"""Which of Atlas's actions roles give: wildcards, what a role takes back, several roles, and scopes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.plan import AccessState, assignment_uuid, role_uuid
from ansible_collections.cloudpeer.atlas.plugins.module_utils._azure.roles import (
    Assignment,
    Permission,
    Role,
    is_within,
    parse_assignment,
    parse_denial,
    parse_role,
    parse_role_id,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.azure import ACTIONS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.patterns import InvalidValueError
from ansible_collections.cloudpeer.atlas.tests.support.azure_role_site import GROUP, SCOPE, SUBSCRIPTION

READ, WRITE, DELETE, PEER = ACTIONS
PEERINGS = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings/*"
NAME = "4d97b98b-1d4f-4787-a291-c67834d212e7"


@pytest.mark.parametrize(
    ("permissions", "given"),
    [
        # https://learn.microsoft.com/azure/role-based-access-control/role-definitions: what a role gives are its Actions less its
        # NotActions, a wildcard stands for all actions that match, and NotActions are no denial.
        ([(ACTIONS, ())], ACTIONS),
        ([(("*",), ())], ACTIONS),
        ([(("*/read",), ())], (READ,)),
        ([(("Microsoft.Network/*",), ())], ACTIONS),
        ([(("microsoft.network/VIRTUALNETWORKS/*",), ())], ACTIONS),
        ([(("Microsoft.Network/*/action",), ())], (PEER,)),
        ([((PEERINGS,), ())], (READ, WRITE, DELETE)),
        ([(("Microsoft.Network/virtualNetworks/*",), (PEERINGS,))], (PEER,)),
        ([(("*",), ("*/write", "*/DELETE"))], (READ, PEER)),
        ([(("*",), ("*",))], ()),
        # What one permission takes back, another one may give.
        ([(("*",), ("*/delete",)), ((DELETE,), ())], ACTIONS),
        ([((), ())], ()),
        ([], ()),
        # No character but the * is a pattern.
        ([((READ.replace(".", "?"), READ[:-1] + "[d]", "Microsoft-Network/*"), ())], ()),
        ([((f"{READ}/*", f" {READ}", READ[:-1]), ())], ()),
    ],
)
def test_a_role_gives_its_actions_less_those_that_it_takes_back(permissions: Any, given: tuple[str, ...]) -> None:
    role = Role("id", NAME, "name", None, tuple(Permission(tuple(one), tuple(other)) for one, other in permissions), ())
    assert role.actions == {*given}
    assert role.lacking == tuple(one for one in ACTIONS if one not in given)


def test_what_a_role_does_not_give_no_assignment_gives() -> None:
    """Reader on the subscription, which many principals have, is none that Atlas needs."""
    roles = [Role(None, name, name, None, (Permission(actions, ()),), ()) for name, actions in (("own", ACTIONS), ("other", ()))]
    held = tuple(Assignment(None, SCOPE, name, "principal") for name in ("other", "own", "unknown"))
    access = AccessState(None, "principal", held, tuple(roles))
    assert access.giving == ((held[1], roles[0]),)
    assert access.is_enough


@pytest.mark.parametrize(
    ("scope", "is_above"),
    [
        ("/", True),
        ("/providers/Microsoft.Management/managementGroups/of-the-company", True),
        (SUBSCRIPTION, True),
        (GROUP.upper(), True),
        (SCOPE, True),
        (f"{SCOPE}/", True),
        (f"{SCOPE}/subnets/default", False),
        (f"{SCOPE}-2", False),
        (SCOPE[:-1], False),
        (f"{GROUP}-2", False),
        (SUBSCRIPTION.replace("1f2e", "2f2e"), False),
    ],
)
def test_a_scope_is_at_the_vnet_or_above(scope: str, is_above: bool) -> None:
    assert is_within(SCOPE, scope) is is_above


@pytest.mark.parametrize(
    "value",
    [
        NAME,
        NAME.upper(),
        f"/providers/Microsoft.Authorization/roleDefinitions/{NAME}",
        f"{SUBSCRIPTION}/providers/microsoft.authorization/ROLEDEFINITIONS/{NAME}",
        f"{SCOPE}/providers/Microsoft.Authorization/roleDefinitions/{NAME}",
    ],
)
def test_a_role_is_known_by_the_last_part_of_its_id(value: str) -> None:
    assert parse_role_id(value) == NAME


@pytest.mark.parametrize(
    "value", ["", "Network Contributor", f"{SCOPE}/{NAME}", f"{SCOPE}/providers/x/roleAssignments/{NAME}", NAME[:-1]]
)
def test_what_is_no_id_of_a_role_is_refused(value: str) -> None:
    with pytest.raises(InvalidValueError, match="is not the id of a role in AZURE"):
        parse_role_id(value)


def test_names_of_requests_are_the_same_in_any_case() -> None:
    assert role_uuid(SCOPE) == role_uuid(SCOPE.upper()) != role_uuid(GROUP)
    names = [assignment_uuid(*one) for one in ((SCOPE, NAME, "a"), (SCOPE, NAME, "b"), (SCOPE, "r", "a"), (GROUP, NAME, "a"))]
    assert len({*names}) == len(names)
    assert assignment_uuid(SCOPE.upper(), NAME.upper(), "A") == names[0]


ROLE = {
    "id": f"/providers/Microsoft.Authorization/roleDefinitions/{NAME}",
    "properties": {"roleName": "name", "permissions": [{"actions": ["*"]}], "assignableScopes": ["/"]},
}
ASSIGNMENT = {"id": "a", "properties": {"roleDefinitionId": ROLE["id"], "scope": SCOPE, "principalId": "P"}}
DENIAL = {"properties": {"denyAssignmentName": "name", "scope": SCOPE, "permissions": [{"actions": ["*"]}]}}


@pytest.mark.parametrize(
    ("parse", "whole", "field", "odd"),
    [
        *((parse_role, ROLE, "roleName", one) for one in (None, "", 1)),
        *((parse_role, ROLE, "permissions", one) for one in (None, {}, ["*"], [{"actions": "*"}], [{"notActions": [1]}])),
        *((parse_role, ROLE, "assignableScopes", one) for one in ("/", [None])),
        *((parse_assignment, ASSIGNMENT, "roleDefinitionId", one) for one in (None, "x")),
        *((parse_assignment, ASSIGNMENT, "scope", one) for one in (None, [])),
        (parse_assignment, ASSIGNMENT, "principalId", None),
        *((parse_denial, DENIAL, "permissions", one) for one in (None, [[]])),
        (parse_denial, DENIAL, "denyAssignmentName", None),
    ],
)
def test_an_object_without_what_decides_is_none(parse: Any, whole: Any, field: str, odd: Any) -> None:
    parse(whole)
    with pytest.raises(ValueError, match=r"has a|is not"):
        parse({**whole, "properties": {**whole["properties"], field: odd}})
    for properties in (None, [], "x"):
        with pytest.raises(ValueError, match="without properties"):
            parse({**whole, "properties": properties})


@pytest.mark.parametrize(
    ("fields", "is_about_atlas"),
    [
        ({}, True),
        ({"permissions": [{"actions": ["Microsoft.Storage/*"]}]}, False),
        ({"permissions": [{"actions": ["*"], "notActions": ["Microsoft.Network/*"]}]}, False),
        ({"permissions": [{"actions": [PEER]}]}, True),
        ({"scope": GROUP}, True),
        ({"scope": GROUP, "doNotApplyToChildScopes": True}, False),
        ({"scope": SCOPE.upper(), "doNotApplyToChildScopes": True}, True),
    ],
)
def test_a_deny_assignment_is_about_an_action_at_the_vnet(fields: Any, is_about_atlas: bool) -> None:
    """See https://learn.microsoft.com/azure/role-based-access-control/deny-assignments."""
    denial = parse_denial({"properties": {**DENIAL["properties"], **fields}})
    assert denial.is_about_atlas(SCOPE) is is_about_atlas
