# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles of Azure, their assignments and deny assignments, as plain data, and which actions they give.

Source: the description of Microsoft.Authorization, version 2022-04-01.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._clouds.azure import ACTIONS, parse_uuid
from .._values.json_fields import JsonObject, objects_in, properties_of, text_in, texts_in
from .._values.patterns import InvalidValueError

_PROVIDER = "/providers/Microsoft.Authorization"
ROLES, ASSIGNMENTS, DENIALS = (f"{_PROVIDER}/{kind}" for kind in ("roleDefinitions", "roleAssignments", "denyAssignments"))
# The fields of a permission, in the order of `Permission`.
PERMISSION_KEYS = ("actions", "notActions", "dataActions", "notDataActions")
# What stands for all principals in a deny assignment.
_EVERYONE = "00000000-0000-0000-0000-000000000000"
_ROLE = re.compile(r"(?:.*/providers/Microsoft\.Authorization/roleDefinitions/)?([^/]+)", re.IGNORECASE)


class Permission(t.NamedTuple):
    """Actions, in which `*` stands for any text, and those that they do not include; those on data are none that Atlas needs."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()

    def allows(self, action: str) -> bool:
        """Whether it has an action. Azure compares without case."""
        return _has(self.actions, action) and not _has(self.not_actions, action)


@dataclass(frozen=True)
class Role:
    """A role definition.

    Attributes:
        id: Its resource id; None if it is not made yet.
        name: The last part of the id, a UUID in lower case. The rest differs with the scope at which a role is read.
        role_name: The name for people.
        description: Its description; None without one.
        permissions: What it allows.
        scopes: Where it can be assigned: there and below.
    """

    id: str | None
    name: str
    role_name: str
    description: str | None
    permissions: tuple[Permission, ...]
    scopes: tuple[str, ...]

    @property
    def actions(self) -> frozenset[str]:
        """Those of Atlas's actions that it gives. Each of its permissions counts by itself."""
        return frozenset(one for one in ACTIONS if any(permission.allows(one) for permission in self.permissions))

    @property
    def lacking(self) -> tuple[str, ...]:
        """Those of Atlas's actions that it does not give."""
        return tuple(one for one in ACTIONS if one not in self.actions)


@dataclass(frozen=True)
class Assignment:
    """A role assignment.

    Attributes:
        id: Its resource id; None if it is not made yet.
        scope: Where it holds: there and below.
        role: The name of the role, a UUID in lower case.
        principal_id: Who has the role.
        description: Its description; None without one.
    """

    id: str | None
    scope: str
    role: str
    principal_id: str | None
    description: str | None = None


@dataclass(frozen=True)
class DenyAssignment:
    """A deny assignment, which takes precedence over roles.

    Attributes:
        name: Its name for people.
        scope: Where it holds.
        permissions: What it denies.
        is_for_scope_alone: Whether it does not hold below its scope.
        is_for_all: Whether it is for all principals.
        excluded: The object ids of those that it is not for, in lower case.
    """

    name: str
    scope: str
    permissions: tuple[Permission, ...]
    is_for_scope_alone: bool
    is_for_all: bool
    excluded: tuple[str, ...]

    def is_about_atlas(self, scope: str) -> bool:
        """Whether it denies one of Atlas's actions at a scope."""
        holds = not self.is_for_scope_alone or is_same(self.scope, scope)
        return holds and any(permission.allows(one) for permission in self.permissions for one in ACTIONS)


def is_same(one: str, other: str) -> bool:
    """Whether two ids of Azure mean the same."""
    return one.rstrip("/").lower() == other.rstrip("/").lower()


def is_within(scope: str, other: str) -> bool:
    """Whether a scope is another one or below it. A management group cannot be seen in an id: it counts as above all."""
    above = other.rstrip("/").lower()
    is_wider = above == "" or above.startswith("/providers/microsoft.management/managementgroups/")
    return is_wider or scope.lower().startswith(f"{above}/") or is_same(scope, other)


def parse_role_id(value: str) -> str:
    """Return the name of a role, a UUID in lower case, of a role's resource id or of that name.

    Raises:
        InvalidValueError: If it is not one.
    """
    found = _ROLE.fullmatch(value.strip())
    try:
        return parse_uuid(found.group(1) if found else value).lower()
    except InvalidValueError:
        hint = "It is written as /subscriptions/<subscription>/providers/Microsoft.Authorization/roleDefinitions/<UUID>."
        raise InvalidValueError(f"is not the id of a role in AZURE: {value!r}", hint) from None


def parse_role(reply: JsonObject) -> Role:
    """Return a role.

    Raises:
        ValueError: If the object is not one.
    """
    fields = properties_of(reply, "role")
    return Role(
        text_in(reply, "id", "role"),
        parse_role_id(text_in(reply, "id", "role")),
        text_in(fields, "roleName", "role"),
        fields.get("description"),
        _permissions(fields),
        tuple(texts_in(fields, "assignableScopes")),
    )


def parse_assignment(reply: JsonObject) -> Assignment:
    """Return an assignment.

    Raises:
        ValueError: If the object is not one.
    """
    what = "role assignment"
    fields = properties_of(reply, what)
    role = parse_role_id(text_in(fields, "roleDefinitionId", what))
    scope, principal_id = text_in(fields, "scope", what), text_in(fields, "principalId", what)
    return Assignment(text_in(reply, "id", what), scope, role, principal_id.lower(), fields.get("description"))


def parse_denial(reply: JsonObject) -> DenyAssignment:
    """Return a deny assignment.

    Raises:
        ValueError: If the object is not one.
    """
    what = "deny assignment"
    fields = properties_of(reply, what)
    return DenyAssignment(
        text_in(fields, "denyAssignmentName", what),
        text_in(fields, "scope", what),
        _permissions(fields),
        fields.get("doNotApplyToChildScopes") is True,
        _EVERYONE in _ids(fields, "principals"),
        _ids(fields, "excludePrincipals"),
    )


def _permissions(fields: JsonObject) -> tuple[Permission, ...]:
    found = objects_in(fields, "permissions", is_always_there=True)
    return tuple(Permission(*(tuple(texts_in(one, key)) for key in PERMISSION_KEYS)) for one in found)


def _ids(fields: JsonObject, name: str) -> tuple[str, ...]:
    return tuple(str(one.get("id")).lower() for one in objects_in(fields, name))


def _has(patterns: t.Iterable[str], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, one.split("*"))), action, re.IGNORECASE | re.DOTALL) is not None for one in patterns
    )
