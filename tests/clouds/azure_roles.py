"""AZURE's roles: definitions, and their assignments to principals, as Microsoft.Authorization shows and changes them.

Sources: the documentation of the REST API (versions 2022-04-01 and 2020-04-01-preview) and of AZURE RBAC. A list without a filter
has the definitions that hold at the scope, those of the scopes above included, and not those of the scopes below.
"""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .entra import ATLAS_APPLICATION, EVERYONE, Entra, is_over
from .entra_proofs import AzureRefusalError

_PROVIDER = "/providers/Microsoft.Authorization"
_MANAGEMENT_GROUPS = "/providers/microsoft.management/managementgroups/"
_WRONG = "The request was incorrectly formatted."
_NETWORKS = "Microsoft.Network/virtualNetworks/"
#: What Atlas needs to be allowed on a VNet.
ACTIONS = tuple(
    _NETWORKS + one
    for one in (
        "virtualNetworkPeerings/read",
        "virtualNetworkPeerings/write",
        "virtualNetworkPeerings/delete",
        "peer/action",
    )
)
#: Of the roles that AZURE has by itself, the one for networks.
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
_DEFINITION = re.compile(rf".*{_PROVIDER}/roleDefinitions/([^/]+)", re.IGNORECASE)
#: A clause of a filter: a function with or without an argument, or a comparison. They are joined by "and".
_CLAUSE = re.compile(r"(\w+)(?:\(\s*(?:'((?:[^']|'')*)')?\s*\)|\s+eq\s+'((?:[^']|'')*)')", re.IGNORECASE)


def is_within(scope: str, other: str) -> bool:
    """Whether a scope is another one or below it; below a management group is every subscription."""
    scope, other = scope.lower().rstrip("/"), other.lower().rstrip("/")
    if other.startswith(_MANAGEMENT_GROUPS) and scope.startswith("/subscriptions/"):
        return True
    return scope == other or scope.startswith(f"{other}/")


def _builtin() -> dict[str, Any]:
    actions = ["Microsoft.Authorization/*/read", "Microsoft.Network/*", "Microsoft.Resources/subscriptions/resourceGroups/read"]
    return {
        "roleName": "Network Contributor",
        "type": "BuiltInRole",
        "description": "Lets you manage networks, but not access to them.",
        "assignableScopes": ["/"],
        "permissions": [{"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}],
    }


@dataclass
class Roles:
    """The roles of one tenant.

    Attributes:
        entra: Who there is.
        unknown_looks: How many assignments do not know a role that was just made.
    """

    entra: Entra
    unknown_looks: int = 0
    lock: Any = field(default_factory=threading.RLock, repr=False)
    _definitions: dict[str, dict[str, Any]] = field(default_factory=lambda: {NETWORK_CONTRIBUTOR: _builtin()})
    _assignments: dict[str, dict[str, Any]] = field(default_factory=dict)
    _denials: dict[str, dict[str, Any]] = field(default_factory=dict)
    _unknown: dict[str, int] = field(default_factory=dict)

    def allows(self, scope: str, actions: Iterable[str] = ACTIONS, app_id: str = ATLAS_APPLICATION) -> bool:
        """Whether an application may do all that at a scope, by roles assigned there or above, less what is denied to it."""
        with self.lock:
            principal = self.entra.principal_of(app_id)
            own = self.entra.identities_of(principal)
            denials = [one for one in self._denials.values() if _is_denied(one, own, scope)]
            roles = [
                self._definitions[_definition_of(one)]
                for one in self._assignments.values()
                if one["principalId"] in own and is_within(scope, one["scope"])
            ]
        given, taken = ([one for holder in holders for one in holder["permissions"]] for holders in (roles, denials))
        return all(
            any(_permits(one, action) for one in given) and not any(_permits(one, action) for one in taken) for action in actions
        )

    def assign(self, scope: str, actions: Iterable[str] = ACTIONS, app_id: str = ATLAS_APPLICATION) -> None:
        """Let somebody make a role with these actions, and the service principal, and assign it."""
        with self.lock:
            principal = self.entra.principal_of(app_id) or self.entra.add_principal(app_id)
            name = str(uuid.uuid4())
            permissions = [{"actions": list(actions)}]
            self.put_definition(scope, name, _of({"roleName": name, "permissions": permissions, "assignableScopes": [scope]}))
            body = {"roleDefinitionId": f"{_PROVIDER}/roleDefinitions/{name}", "principalId": principal}
            self.put_assignment(scope, str(uuid.uuid4()), _of({**body, "principalType": "ServicePrincipal"}))

    def clear(self) -> None:
        """Let somebody remove all roles and assignments."""
        with self.lock:
            self._assignments.clear()
            self._denials.clear()
            self._definitions = {NETWORK_CONTRIBUTOR: _builtin()}

    def deny(
        self, scope: str, name: str, actions: Iterable[str] = ACTIONS, principals: Iterable[str] = (EVERYONE,), **fields: Any
    ) -> str:
        """Let AZURE make a deny assignment, as it does for managed applications and deployment stacks; return its id.

        Args:
            scope: Where it is.
            name: What it is called.
            actions: What it denies.
            principals: The object ids that it is for.
            fields: What its properties have beside, such as `doNotApplyToChildScopes`.
        """
        key = str(uuid.uuid4())
        with self.lock:
            self._denials[key] = {
                "denyAssignmentName": name,
                "description": None,
                "permissions": [{"actions": list(actions), "notActions": [], "dataActions": [], "notDataActions": []}],
                "scope": scope,
                "doNotApplyToChildScopes": False,
                "principals": [_party(one) for one in principals],
                "excludePrincipals": [],
                "isSystemProtected": True,
                **fields,
            }
        return f"{scope}{_PROVIDER}/denyAssignments/{key}"

    def list_denials(self, scope: str, filtered: str | None = None) -> list[dict[str, Any]]:
        """Answer GET denyAssignments."""
        only = _clauses(filtered, "atScope", "assignedTo", "principalId")
        with self.lock:
            return [
                {
                    "id": f"{one['scope']}{_PROVIDER}/denyAssignments/{name}",
                    "type": "Microsoft.Authorization/denyAssignments",
                    "name": name,
                    "properties": one,
                }
                for name, one in self._denials.items()
                if self._is_listed(scope, only, one["scope"], {party["id"] for party in one["principals"]})
            ]

    def _is_listed(self, scope: str, only: Mapping[str, str], place: str, principals: set[str]) -> bool:
        """Whether a list has an assignment that is at a place: those at the scope and above, and without atScope() below, too."""
        is_near = is_within(scope, place) or ("atscope" not in only and is_within(place, scope))
        is_meant = only.get("principalid", next(iter(principals), "")) in principals
        return (
            is_near and is_meant and ("assignedto" not in only or bool(self.entra.identities_of(only["assignedto"]) & principals))
        )

    def list_definitions(self, scope: str, filtered: str | None = None) -> list[dict[str, Any]]:
        """Answer GET roleDefinitions."""
        only = _clauses(filtered, "atScopeAndBelow", "type", "roleName")
        with self.lock:
            return [
                _show_definition(scope, name, one)
                for name, one in self._definitions.items()
                if any(
                    is_within(scope, holder) or ("atscopeandbelow" in only and is_within(holder, scope))
                    for holder in one["assignableScopes"]
                )
                and only.get("type", one["type"].lower()) == one["type"].lower()
                and only.get("rolename", one["roleName"].lower()) == one["roleName"].lower()
            ]

    def get_definition(self, scope: str, name: str) -> dict[str, Any]:
        """Answer GET roleDefinitions/{id}."""
        with self.lock:
            if name.lower() not in self._definitions:
                raise _no_definition(name)
            return _show_definition(scope, name.lower(), self._definitions[name.lower()])

    def put_definition(self, scope: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer PUT roleDefinitions/{id}, which makes or replaces one."""
        given, name = body.get("properties") or {}, _uuid(name)
        role_name, scopes, permissions = given.get("roleName"), given.get("assignableScopes"), given.get("permissions")
        if not role_name or not scopes or not isinstance(scopes, list) or not isinstance(permissions, list):
            raise AzureRefusalError(400, "BadRequestFormat", _WRONG)
        with self.lock:
            for key, one in self._definitions.items():
                if key != name and one["roleName"].lower() == role_name.lower():
                    text = "A custom role with the same name already exists in this directory. Use a different name."
                    raise AzureRefusalError(409, "RoleDefinitionWithSameNameExists", text)
            if self._definitions.get(name, {}).get("type") == "BuiltInRole":
                raise AzureRefusalError(400, "InvalidRoleDefinitionId", f"The role definition ID '{name}' is not valid.")
            if name not in self._definitions:
                self._unknown[name] = self.unknown_looks
            kinds = ("actions", "notActions", "dataActions", "notDataActions")
            self._definitions[name] = {
                "roleName": role_name,
                "type": "CustomRole",
                "description": given.get("description"),
                "assignableScopes": scopes,
                "permissions": [{kind: one.get(kind) or [] for kind in kinds} for one in permissions],
            }
            return self.get_definition(scope, name)

    def delete_definition(self, scope: str, name: str) -> dict[str, Any] | None:
        """Answer DELETE roleDefinitions/{id}; None if there was none."""
        with self.lock:
            if name.lower() not in self._definitions:
                return None
            if any(_definition_of(one) == name.lower() for one in self._assignments.values()):
                text = "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments)"
                raise AzureRefusalError(400, "RoleDefinitionHasAssignments", text)
            gone = self.get_definition(scope, name)
            del self._definitions[name.lower()]
            return gone

    def list_assignments(self, scope: str, filtered: str | None = None) -> list[dict[str, Any]]:
        """Answer GET roleAssignments."""
        only = _clauses(filtered, "atScope", "assignedTo", "principalId")
        with self.lock:
            return [
                _show_assignment(name, one)
                for name, one in self._assignments.items()
                if self._is_listed(scope, only, one["scope"], {one["principalId"]})
            ]

    def get_assignment(self, scope: str, name: str) -> dict[str, Any]:
        """Answer GET roleAssignments/{name}."""
        with self.lock:
            found = self._assignments.get(name.lower())
            if found is None or found["scope"].lower() != scope.lower().rstrip("/"):
                raise AzureRefusalError(404, "RoleAssignmentNotFound", f"The role assignment '{name}' is not found.")
            return _show_assignment(name.lower(), found)

    def put_assignment(self, scope: str, name: str, body: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Answer PUT roleAssignments/{name}: whether it is new, and what it is now."""
        given, name = body.get("properties") or {}, _uuid(name)
        match = _DEFINITION.fullmatch(str(given.get("roleDefinitionId")))
        principal = str(given.get("principalId") or "").lower()
        if match is None or not principal:
            raise AzureRefusalError(400, "BadRequestFormat", _WRONG)
        with self.lock:
            definition = self._definitions.get(match.group(1).lower())
            is_held = definition is not None and any(is_within(scope, one) for one in definition["assignableScopes"])
            if not is_held or not is_over(self._unknown, match.group(1).lower()):
                raise _no_definition(match.group(1))
            self._check_principal(principal, given.get("principalType"))
            made = {
                "roleDefinitionId": match.group(1).lower(),
                "principalId": principal,
                "principalType": given.get("principalType") or self.entra.type_of(principal),
                "scope": scope.rstrip("/") or "/",
                "description": given.get("description"),
                "condition": given.get("condition"),
                "conditionVersion": given.get("conditionVersion"),
            }
            for key, one in self._assignments.items():
                if key != name and _identity(one) == _identity(made):
                    text = (
                        f"The role assignment already exists. The ID of the existing role assignment is {key.replace('-', '')}."
                    )
                    raise AzureRefusalError(409, "RoleAssignmentExists", text)
            known = self._assignments.get(name)
            if known is not None and _identity(known) != _identity(made):
                text = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
                raise AzureRefusalError(400, "RoleAssignmentUpdateNotPermitted", text)
            self._assignments[name] = made
            return known is None, _show_assignment(name, made)

    def delete_assignment(self, scope: str, name: str) -> dict[str, Any] | None:
        """Answer DELETE roleAssignments/{name}; None if there was none."""
        with self.lock:
            try:
                gone = self.get_assignment(scope, name)
            except AzureRefusalError:
                return None
            del self._assignments[name.lower()]
            return gone

    def forget(self, scope: str) -> None:
        """Remove the assignments of a resource that is removed."""
        with self.lock:
            self._assignments = {key: one for key, one in self._assignments.items() if not is_within(one["scope"], scope)}

    def _check_principal(self, principal: str, kind: str | None) -> None:
        """Refuse an unknown principal; a client that says which type it has is believed, as AZURE does for those just made."""
        if kind is not None and (own := self.entra.type_of(principal)) not in (None, kind):
            text = f"The PrincipalId '{principal}' has type '{own}' , which is different from specified PrinciaplType '{kind}'."
            raise AzureRefusalError(400, "UnmatchedPrincipalType", text)
        if (kind is None or not self.entra.is_type_believed) and not self.entra.knows(principal):
            known = principal.replace("-", "")
            text = (
                f"Principal {known} does not exist in the directory {self.entra.tenant}. Check that you have the correct "
                "principal ID. If you are creating this principal and then immediately assigning a role, this error might be "
                "related to a replication delay. In this case, set the role assignment principalType property to a value, such "
                "as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype"
            )
            raise AzureRefusalError(400, "PrincipalNotFound", text)


def _clauses(filtered: str | None, *known: str) -> dict[str, str]:
    """Return the clauses of a filter, by their names, with what they want, all in lower case.

    Raises:
        AzureRefusalError: If there is another clause than the known ones.
    """
    found: dict[str, str] = {}
    for text in re.split(r"\s+and\s+", filtered.strip(), flags=re.IGNORECASE) if filtered else ():
        clause = _CLAUSE.fullmatch(text)
        if clause is None or clause[1].lower() not in [one.lower() for one in known]:
            raise AzureRefusalError(400, "BadRequestFormat", _WRONG)
        found[clause[1].lower()] = (clause[2] or clause[3] or "").replace("''", "'").lower()
    return found


def _is_denied(denial: Mapping[str, Any], identities: set[str], scope: str) -> bool:
    """Whether a deny assignment is for a principal, by any of its ids, at a scope."""
    meant, left_out = ({one["id"] for one in denial[kind]} for kind in ("principals", "excludePrincipals"))
    is_here = scope.lower() == denial["scope"].lower() or (
        is_within(scope, denial["scope"]) and not denial["doNotApplyToChildScopes"]
    )
    return is_here and bool(meant & identities) and not left_out & identities


def _party(object_id: str) -> dict[str, str]:
    """Return a principal of a deny assignment."""
    return {"id": object_id, "type": "SystemDefined" if object_id == EVERYONE else "ServicePrincipal"}


def _of(properties: dict[str, Any]) -> dict[str, Any]:
    return {"properties": properties}


def _permits(permission: Mapping[str, Any], action: str) -> bool:
    """Whether a permission has an action, in which a * stands for any part, and does not take it away again."""

    def has(kind: str) -> bool:
        return any(fnmatchcase(action.lower(), one.lower()) for one in permission[kind])

    return has("actions") and not has("notActions")


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise AzureRefusalError(400, "BadRequestFormat", _WRONG) from None


def _definition_of(assignment: Mapping[str, Any]) -> str:
    return str(assignment["roleDefinitionId"])


def _identity(assignment: Mapping[str, Any]) -> tuple[str, ...]:
    return assignment["principalId"], assignment["roleDefinitionId"], assignment["scope"].lower()


def _no_definition(name: str) -> AzureRefusalError:
    return AzureRefusalError(404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{name}' does not exist.")


def _subscription_of(scope: str) -> str:
    """Return where the ids of role definitions begin: with the subscription, also for those that are read at a resource."""
    return "/".join(scope.split("/")[:3])


def _show_definition(scope: str, name: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    address = f"{_subscription_of(scope)}{_PROVIDER}/roleDefinitions/{name}"
    made = {"createdOn": "2026-01-01T00:00:00.0000000Z", "updatedOn": "2026-01-01T00:00:00.0000000Z"}
    return {
        "id": address,
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": name,
        "properties": {**definition, **made, "createdBy": None, "updatedBy": None},
    }


def _show_assignment(name: str, assignment: Mapping[str, Any]) -> dict[str, Any]:
    scope = assignment["scope"]
    definition = f"{_subscription_of(scope)}{_PROVIDER}/roleDefinitions/{assignment['roleDefinitionId']}"
    made = {"createdOn": "2026-01-01T00:00:00.0000000Z", "updatedOn": "2026-01-01T00:00:00.0000000Z"}
    return {
        "id": f"{scope}{_PROVIDER}/roleAssignments/{name}",
        "type": "Microsoft.Authorization/roleAssignments",
        "name": name,
        "properties": {
            **assignment,
            "roleDefinitionId": definition,
            **made,
            "createdBy": None,
            "updatedBy": None,
            "delegatedManagedIdentityResourceId": None,
        },
    }
