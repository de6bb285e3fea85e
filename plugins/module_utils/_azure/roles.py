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
from .._values.invalid import InvalidValueError

Json = t.Mapping[str, t.Any]

_PROVIDER = "/providers/Microsoft.Authorization"
ROLES, ASSIGNMENTS, DENIALS = (f"{_PROVIDER}/{kind}" for kind in ("roleDefinitions", "roleAssignments", "denyAssignments"))
_ROLE = re.compile(r"(?:.*/providers/Microsoft\.Authorization/roleDefinitions/)?([^/]+)", re.IGNORECASE)


class Permission(t.NamedTuple):
    """Actions, in which `*` stands for any text, and those that they do not include."""

    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

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
    """

    name: str
    scope: str
    permissions: tuple[Permission, ...]
    is_for_scope_alone: bool

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


def parse_role(reply: Json) -> Role:
    """Return a role.

    Raises:
        ValueError: If the object is not one.
    """
    fields = _properties(reply, "a role")
    return Role(
        _text(reply, "id", "a role"),
        parse_role_id(_text(reply, "id", "a role")),
        _text(fields, "roleName", "a role"),
        fields.get("description"),
        _permissions(fields, "a role"),
        _texts(fields.get("assignableScopes"), "a role"),
    )


def parse_assignment(reply: Json) -> Assignment:
    """Return an assignment.

    Raises:
        ValueError: If the object is not one.
    """
    what = "a role assignment"
    fields = _properties(reply, what)
    role = parse_role_id(_text(fields, "roleDefinitionId", what))
    scope, principal_id = _text(fields, "scope", what), _text(fields, "principalId", what)
    return Assignment(_text(reply, "id", what), scope, role, principal_id.lower(), fields.get("description"))


def parse_denial(reply: Json) -> DenyAssignment:
    """Return a deny assignment.

    Raises:
        ValueError: If the object is not one.
    """
    what = "a deny assignment"
    fields = _properties(reply, what)
    return DenyAssignment(
        _text(fields, "denyAssignmentName", what),
        _text(fields, "scope", what),
        _permissions(fields, what),
        fields.get("doNotApplyToChildScopes") is True,
    )


def _properties(reply: Json, what: str) -> Json:
    fields = reply.get("properties")
    if not isinstance(fields, dict):
        raise ValueError(f"is not {what}")
    return fields


def _text(fields: Json, name: str, what: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"has {what} without {name}")
    return value


def _permissions(fields: Json, what: str) -> tuple[Permission, ...]:
    found = fields.get("permissions")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"has {what} without permissions")
    return tuple(Permission(_texts(one.get("actions"), what), _texts(one.get("notActions"), what)) for one in found)


def _texts(value: t.Any, what: str) -> tuple[str, ...]:
    value = value or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"has {what} with a list that has something else than texts")
    return tuple(value)


def _has(patterns: t.Iterable[str], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, one.split("*"))), action, re.IGNORECASE | re.DOTALL) is not None for one in patterns
    )
