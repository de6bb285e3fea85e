# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about what Atlas may do at a VNet: its service principal, roles and their assignments."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.azure import APPLICATION_ID
from .._engine.options import Parameters
from .._http.errors import ApiError, OvertakenError
from .._values.json_fields import JsonObject
from .plan import (
    DESCRIPTION,
    AccessState,
    CreatePrincipal,
    Delete,
    Made,
    PutAssignment,
    PutRole,
    Request,
    assignment_uuid,
    find_named,
    is_ours,
)
from .roles import (
    ASSIGNMENTS,
    DENIALS,
    PERMISSION_KEYS,
    ROLES,
    Assignment,
    DenyAssignment,
    Role,
    is_same,
    is_within,
    parse_assignment,
    parse_denial,
    parse_role,
)
from .session import AzureDeniedError, AzureSession
from .vnets import VNET_ABSENT, Vnet, get_vnet

VERSION = "2022-04-01"
# The codes of a 404 that say that a role, and in Graph a service principal, does not exist.
ROLE_ABSENT = frozenset(("RoleDefinitionDoesNotExist",))
_PRINCIPAL_ABSENT = frozenset(("Request_ResourceNotFound",))
_HAS_ASSIGNMENTS = "RoleDefinitionHasAssignments"
_ASSIGNED_HINT = (
    "Remove the assignments of this role outside of the VNet, at its other assignable scopes, then run the task again. "
    "If there are none, AZURE does not know yet that they are gone: run it again in some minutes."
)
_PRINCIPALS = "servicePrincipals"
_T = t.TypeVar("_T")


class Access:
    """Requests about one VNet.

    Args:
        session: The session with Azure.
        params: The options, as `options.validate` returns them.
    """

    def __init__(self, session: AzureSession, params: Parameters) -> None:
        self._session = session
        self._params = params
        # The ids of what is gone, as the replies to its removal say. A list may still show it for a while.
        self._gone: set[str] = set()

    def look(self) -> AccessState:
        """Read the VNet first, so that nothing is read or made in a wrong directory, and then what Atlas may do there.

        Raises:
            TaskError: If something cannot be read; deny assignments may be refused.
        """
        params, is_absent = self._params, self._params["state"] == "absent"
        vnet = self.look_at_vnet(AccessState(None)).vnet
        if vnet is None:
            return AccessState(None)
        principal_id = self._find_principal()
        held = self._list_held(vnet, principal_id)
        roles = {name: self._find_role(vnet, name) for name in dict.fromkeys(one.role for one in held)}
        state = AccessState(vnet, principal_id, held, tuple(one for one in roles.values() if one is not None))
        denials = () if is_absent else self._list_denials(vnet, principal_id)
        chosen = None
        if params["role"] is not None and not is_absent:
            chosen = roles.get(params["role"]) or self._find_role(vnet, params["role"])
        elif is_absent or not state.is_enough:
            # The list may lag behind: a role that Atlas holds was read by itself.
            found = (*self._list_custom_roles(vnet), *state.roles)
            chosen = find_named((one for one in found if one.id not in self._gone), params["role_name"], vnet.id)
        # Without a role of ours, ours are among those that Atlas holds.
        is_all_needed = is_absent and (principal_id is None or (chosen is not None and is_ours(chosen)))
        own = self._list_assignments(vnet, None) if is_all_needed else held
        return AccessState(vnet, principal_id, held, state.roles, chosen, own, denials)

    def look_at_vnet(self, state: AccessState) -> AccessState:
        """Read the VNet alone, and return the state with it.

        Raises:
            TaskError: If it cannot be read; with `present`, also if it does not exist.
        """
        absent = VNET_ABSENT if self._params["state"] == "absent" else ()
        return replace(state, vnet=get_vnet(self._session, self._params["scope"], absent))

    def send(self, request: Request, state: AccessState) -> Made:
        """Send the request of a step, and return what its reply shows: a service principal's id, a role, an assignment, or None.

        Raises:
            TaskError: If it is refused, or its reply is lost.
        """
        if isinstance(request, CreatePrincipal):
            return self._create_principal()
        if isinstance(request, PutRole):
            return self._put_role(state.scope, request.role)
        if isinstance(request, PutAssignment):
            return self._put_assignment(state.scope, t.cast(Role, state.chosen), str(state.principal_id))
        self._delete(state.scope, request)
        return None

    def _find_principal(self) -> str | None:
        """Return the object id of the service principal of Atlas's application; None if there is none.

        A directory has one for all VNets, so a session asks for it once.
        """
        return self._session.shared.ask(_PRINCIPALS, self._ask_for_principal)

    def _ask_for_principal(self) -> str | None:
        description = "read the service principal of Atlas"
        reply = self._session.find(_PRINCIPAL_ABSENT, description, f"{_PRINCIPALS}(appId='{APPLICATION_ID}')")
        return None if reply is None else self._session.parsed(_parse_principal, reply, description)

    def _list_held(self, vnet: Vnet, principal_id: str | None) -> tuple[Assignment, ...]:
        """Return the assignments of a principal and its groups at the VNet and above."""
        if principal_id is None:
            return ()
        found = self._list_assignments(vnet, f"atScope() and assignedTo('{principal_id}')")
        return tuple(one for one in found if is_within(vnet.id, one.scope))

    def _list_assignments(self, vnet: Vnet, only: str | None) -> tuple[Assignment, ...]:
        """Return assignments; without a filter those at the VNet, above and below."""
        found = self._list(f"list the role assignments of {vnet.id}", vnet.id + ASSIGNMENTS, only, parse_assignment)
        return tuple(one for one in found if one.id not in self._gone)

    def _find_role(self, vnet: Vnet, name: str) -> Role | None:
        description = f"read the role {name}"
        reply = self._session.find(ROLE_ABSENT, description, f"{vnet.id}{ROLES}/{name}", VERSION)
        return None if reply is None else self._session.parsed(parse_role, reply, description)

    def _list_custom_roles(self, vnet: Vnet) -> tuple[Role, ...]:
        return self._list(f"list the roles of {vnet.id}", vnet.id + ROLES, "type eq 'CustomRole'", parse_role)

    def _list_denials(self, vnet: Vnet, principal_id: str | None) -> tuple[DenyAssignment, ...] | None:
        """Return the deny assignments for a principal, or for all if it is not made yet; None if they may not be read."""
        only = "atScope()" if principal_id is None else f"atScope() and assignedTo('{principal_id}')"
        try:
            found = self._list(f"list the deny assignments of {vnet.id}", vnet.id + DENIALS, only, parse_denial)
        except AzureDeniedError:
            return None
        return tuple(one for one in found if principal_id not in one.excluded and (principal_id is not None or one.is_for_all))

    def _list(self, description: str, path: str, only: str | None, parse: t.Callable[[JsonObject], _T]) -> tuple[_T, ...]:
        query = {} if only is None else {"$filter": only}
        return tuple(
            self._session.parsed(parse, one, description) for one in self._session.list(description, path, VERSION, query)
        )

    def _create_principal(self) -> str:
        description = "create the service principal of Atlas"
        try:
            reply = self._session.write(description, "POST", _PRINCIPALS, body={"appId": APPLICATION_ID})
        finally:
            # Also after a refusal: there may be one that others have made.
            self._session.shared.forget(_PRINCIPALS)
        return self._session.parsed(_parse_principal, reply, description, is_write=True)

    def _put_role(self, scope: str, role: Role) -> Role:
        description = f"put the role {role.role_name}"
        permissions = [{key: [*texts] for key, texts in zip(PERMISSION_KEYS, one)} for one in role.permissions]
        properties = {
            "roleName": role.role_name,
            "type": "CustomRole",
            "description": role.description,
            "permissions": permissions,
            "assignableScopes": [*role.scopes],
        }
        path = f"{scope}{ROLES}/{role.name}"
        reply = self._session.write(description, "PUT", path, VERSION, {"properties": properties})

        def parse(one: t.Mapping[str, object]) -> Role:
            made = parse_role(one)
            if made.name != role.name or made.lacking:
                raise ValueError("does not show the role that was sent")
            return made

        return self._session.parsed(parse, reply, description, is_write=True)

    def _put_assignment(self, scope: str, role: Role, principal_id: str) -> Assignment:
        description = f"assign the role {role.role_name} to Atlas at {scope}"
        properties = {
            "roleDefinitionId": role.id,
            "principalId": principal_id,
            # With this, Azure does not look for a service principal that is new, and not known everywhere yet.
            "principalType": "ServicePrincipal",
            "description": DESCRIPTION,
        }
        path = f"{scope}{ASSIGNMENTS}/{assignment_uuid(scope, role.name, principal_id)}"
        reply = self._session.write(description, "PUT", path, VERSION, {"properties": properties})

        def parse(one: t.Mapping[str, object]) -> Assignment:
            made = parse_assignment(one)
            if not is_same(made.scope, scope) or (made.role, made.principal_id) != (role.name, principal_id):
                raise ValueError("does not show the assignment that was sent")
            return made

        return self._session.parsed(parse, reply, description, is_write=True)

    def _delete(self, scope: str, request: Delete) -> None:
        # A role's id is in the subscription, where these credentials may not have the permission that they have at the VNet.
        path = f"{scope}{ROLES}/{request.id.rpartition('/')[2]}" if request.what == "role" else request.id
        try:
            self._session.write(f"delete the {request.what} {request.id}", "DELETE", path, VERSION)
        except OvertakenError:
            self._gone.add(request.id)
            raise
        except ApiError as error:
            if error.error_code == _HAS_ASSIGNMENTS:
                # One that was just removed may still count, and one that was just made is removed as well, after another look.
                raise error.with_outcome(unknown=False, is_transient=True).with_hint(_ASSIGNED_HINT) from error
            raise


def _parse_principal(reply: t.Mapping[str, object]) -> str:
    """Return the object id of the service principal in a reply of Graph."""
    if str(reply.get("appId")).lower() != APPLICATION_ID or not isinstance(reply.get("id"), str):
        raise ValueError("is not the service principal of Atlas")
    return str(reply["id"]).lower()
