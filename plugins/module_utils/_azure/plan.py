# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Atlas may do at a VNet, and the plan to allow it to peer, or to end that."""

from __future__ import annotations

import shlex
import typing as t
import uuid
from dataclasses import dataclass, replace

from .._clouds.azure import ACTIONS, APPLICATION_ID, is_atlas_network
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step, listed
from .._http.errors import InvalidOptionError, TaskError, named_path
from .roles import Assignment, DenyAssignment, Permission, Role, is_same, is_within
from .vnets import Vnet, VnetPeering

DESCRIPTION = "Lets MongoDB Atlas peer with this VNet. Managed by cloudpeer.atlas."
# The second one is that of the role vpc_peering until release 2.5.
_OURS = frozenset((DESCRIPTION, "Lets MongoDB Atlas peer with this VNet. Managed by cloudpeer.atlas.vpc_peering."))
_ENDED = "disconnected"
_WHERE = "Check azure_subscription_id, resource_group_name and vnet_name, or vnet_resource_id."


class CreatePrincipal(t.NamedTuple):
    """The request for the service principal of Atlas's application."""

    application_id: str = APPLICATION_ID


class PutRole(t.NamedTuple):
    """The request that makes a role, or replaces its properties."""

    role: Role


class PutAssignment(t.NamedTuple):
    """The request that assigns a role to Atlas's service principal, at the VNet; `role` is the role's name."""

    role: str


class Delete(t.NamedTuple):
    """The request that removes a role or an assignment, by its resource id; `what` is for the user."""

    id: str
    what: str


Request = t.Union[CreatePrincipal, PutRole, PutAssignment, Delete]
# What the reply to one shows: the id of a service principal, or what was made; None in a prediction, and after a removal.
Made = t.Union[str, Role, Assignment, None]


@dataclass(frozen=True)
class AccessState:
    """The VNet, and what Atlas's application may do there, as it was read last.

    Attributes:
        vnet: The VNet; None if it does not exist.
        principal_id: The service principal of the application; None if there is none.
        held: Its assignments at the VNet and above, those of its groups included.
        roles: The definitions of the roles in `held`.
        chosen: The role that the options mean: by its id, or by its name. None if there is none, or no need of it.
        own: The assignments among which ours are: with a role of ours to remove, those of all principals, also below the VNet.
        denials: What is denied at the VNet; None if it may not be read.
    """

    vnet: Vnet | None
    principal_id: str | None = None
    held: tuple[Assignment, ...] = ()
    roles: tuple[Role, ...] = ()
    chosen: Role | None = None
    own: tuple[Assignment, ...] = ()
    denials: tuple[DenyAssignment, ...] | None = ()

    @property
    def scope(self) -> str:
        """The id of the VNet; empty if it does not exist."""
        return "" if self.vnet is None else self.vnet.id

    @property
    def notes(self) -> list[str]:
        """What could not be looked at, a sentence each."""
        if self.denials is not None:
            return []
        return [
            "Whether deny assignments forbid Atlas to peer with the VNet is not known: the permission "
            "Microsoft.Authorization/denyAssignments/read is missing."
        ]

    @property
    def giving(self) -> tuple[tuple[Assignment, Role], ...]:
        """The assignments that give some of Atlas's actions, each with its role."""
        roles = {one.name: one for one in self.roles}
        return tuple((one, roles[one.role]) for one in self.held if one.role in roles and roles[one.role].actions)

    @property
    def actions(self) -> list[str]:
        """Those of Atlas's actions that it may do."""
        return [one for one in ACTIONS if any(one in role.actions for _assignment, role in self.giving)]

    @property
    def is_enough(self) -> bool:
        """Whether Atlas may do all of its actions."""
        return len(self.actions) == len(ACTIONS)

    def to_result(self) -> dict[str, object] | None:
        """Return what Atlas may do, as results show it; None for nothing."""
        if self.vnet is None or not self.actions:
            return None
        scope, giving = self.scope, self.giving
        return {
            "application_id": APPLICATION_ID,
            "principal_id": self.principal_id,
            "scope": scope,
            "role_definition_ids": list(dict.fromkeys(role.id for _one, role in giving if role.id is not None)),
            "assignment_ids": [one.id for one, _role in giving if one.id is not None],
            "actions": self.actions,
            "is_inherited": not any(is_same(one.scope, scope) for one, _role in giving),
        }


def is_ours(one: Role | Assignment) -> bool:
    """Whether this collection has made a role or an assignment."""
    return one.description in _OURS


def role_uuid(scope: str) -> str:
    """Return the name of our role: the same for each run, so that a repeated request makes no second one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, scope.lower()))


def assignment_uuid(scope: str, role: str, principal_id: str) -> str:
    """Return the name of our assignment. In Azure, a name stays with its principal (RoleAssignmentUpdateNotPermitted)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join((scope, role, principal_id)).lower()))


def find_named(roles: t.Iterable[Role], name: str, scope: str) -> Role | None:
    """Return the role of the hand-over: by its name, or else by the UUID under which this collection makes it."""
    roles = tuple(roles)
    by_name = (one for one in roles if one.role_name.lower() == name.lower())
    return next(by_name, None) or next((one for one in roles if one.name == role_uuid(scope)), None)


def plan_present(params: Parameters, state: AccessState) -> Plan:
    """Plan what Atlas lacks: its service principal, a role, and its assignment.

    Raises:
        TaskError: If the role that the options mean does not give the actions.
    """
    scope = state.scope
    if params["role"] is not None:
        _check_chosen(params["role_definition_id"], state.chosen, scope)
    warnings = _warn_denied(state, scope)
    if state.is_enough:
        return Plan(warnings=warnings)
    planned: list[tuple[Change, Step]] = []
    if state.principal_id is None:
        planned.append(_planned("create", f"service principal of {APPLICATION_ID}", CreatePrincipal()))
    role = _role_to_assign(params, state.chosen, scope)
    if role is not state.chosen:
        planned.append(_planned("create" if state.chosen is None else "update", f"role {role.role_name}", PutRole(role)))
    if not any(one.role == role.name for one in state.held):
        planned.append(_planned("create", f"assignment of {role.role_name}", PutAssignment(role.name)))
    return Plan(tuple(change for change, _step in planned), tuple(step for _change, step in planned), warnings)


def _planned(action: t.Literal["create", "update", "delete"], key: str, request: Request) -> tuple[Change, Step]:
    return Change(action, key, None, None), Step(action, request, (key,))


def _check_chosen(option: str, role: Role | None, scope: str) -> None:
    """Check that the role of `role_definition_id` will do."""
    if role is None:
        raise InvalidOptionError(
            f"role_definition_id: there is no role {option} at the VNet {named_path(scope)}.",
            hint="Give the id of a role that can be assigned there, or leave it out to have one made.",
        )
    if role.lacking:
        raise InvalidOptionError(
            f"role_definition_id: the role {role.role_name} lacks {listed(role.lacking, 4)}.",
            hint="Add these actions to it, give another role, or leave it out to have one made.",
        )
    if not any(is_within(scope, one) for one in role.scopes):
        raise InvalidOptionError(
            f"role_definition_id: the role {role.role_name} cannot be assigned at the VNet {named_path(scope)}, but only at "
            f"{listed(role.scopes)}.",
            hint="Add the VNet to its assignable scopes, give another role, or leave it out to have one made.",
        )


def or_another_role(params: Parameters, way: str) -> str:
    """Return a way for a hint that chooses another role; empty if the task has no option for it."""
    return way if "role_definition_id" in params else ""


def _role_to_assign(params: Parameters, chosen: Role | None, scope: str) -> Role:
    """Return the role to assign: the chosen one if it will do, or as it has to be made.

    Raises:
        TaskError: If the role that has the name was made by others, and lacks actions.
    """
    name = params["role_name"]
    if chosen is None:
        return Role(None, role_uuid(scope), name, DESCRIPTION, (Permission(ACTIONS),), (scope,))
    if not chosen.lacking:
        return chosen
    if not is_ours(chosen):
        raise TaskError(
            f"The role {named_path(chosen.role_name)} exists in AZURE, was not made by this collection, and lacks "
            f"{listed(chosen.lacking, 4)}.",
            hint="Add these actions to it, or remove the role"
            f"{or_another_role(params, ', or set role_definition_id to another one')}.",
        )
    # A custom role has one permission. What else it gives and takes back is left.
    more = [one for permission in chosen.permissions for one in permission.actions if one not in ACTIONS]
    less = [one for permission in chosen.permissions for one in permission.not_actions]
    kept = tuple(one for one in less if not any(Permission((one,)).allows(action) for action in ACTIONS))
    data = [one for permission in chosen.permissions for one in permission.data_actions]
    not_data = [one for permission in chosen.permissions for one in permission.not_data_actions]
    whole = Permission((*ACTIONS, *more), kept, tuple(data), tuple(not_data))
    return replace(chosen, role_name=name, permissions=(whole,))


def _warn_denied(state: AccessState, scope: str) -> tuple[str, ...]:
    names = [one.name for one in state.denials or () if one.is_about_atlas(scope)]
    if not names:
        return ()
    return (
        f"Deny assignments forbid Atlas to peer with the VNet {named_path(scope)}, whatever its roles: {', '.join(names)}. "
        "Exclude Atlas's service principal from them, or remove what has made them.",
    )


def ending_peerings(params: Parameters, state: AccessState) -> list[VnetPeering]:
    """Return the peerings with the networks `atlas_vnet_names` that have not ended."""
    return [one for one in peerings_with_atlas(state) if _is_own(params, one) and one.state.lower() != _ENDED]


def peerings_with_atlas(state: AccessState) -> list[VnetPeering]:
    """Return the peerings, in any state, with networks of Atlas, or with networks that are not known."""
    peerings = () if state.vnet is None else state.vnet.peerings
    return [one for one in peerings if not one.remote_name or is_atlas_network(one.remote_name)]


def _is_own(params: Parameters, peering: VnetPeering) -> bool:
    """Whether a peering is with one of the networks `atlas_vnet_names`."""
    return peering.remote_name.lower() in {name.lower() for name in params["atlas_vnet_names"]}


def plan_absent(params: Parameters, state: AccessState, *, will_end: bool = True) -> Plan:
    """Plan the removal of the role that this collection has made with its assignments, and of our assignments of other roles.

    Others have assigned the role above the VNet, where other VNets may need it: it stays with those assignments.

    Args:
        params: The options.
        state: The state.
        will_end: Whether peerings with the networks `atlas_vnet_names` do not count, because the task waits for their end first.
    """
    if state.vnet is None:
        return Plan(warnings=(f"There is no VNet {named_path(params['scope'])}, so Atlas has no role there. {_WHERE}",))
    scope, role = state.vnet.id, state.chosen if state.chosen is not None and is_ours(state.chosen) else None
    of_role = [one for one in state.own if role is not None and one.role == role.name]
    wider = [one for one in of_role if not is_within(one.scope, scope)]
    planned = [
        _planned("delete", f"assignment {one.id}", Delete(str(one.id), "assignment"))
        for one in state.own
        if (one in of_role and one not in wider) or (is_ours(one) and is_same(one.scope, scope))
    ]
    if role is not None and not wider:
        planned.append(_planned("delete", f"role {role.role_name}", Delete(str(role.id), "role")))
    back = [] if will_end else ending_peerings(params, state)
    # Atlas repairs and deletes with its role, so a peering counts in any state.
    users = [one for one in peerings_with_atlas(state) if one in back or not _is_own(params, one)]
    if planned and users:
        names = listed(f"{one.name} with {one.remote_name or 'a network that is not known'} is {one.state}" for one in users)
        return Plan(
            warnings=(
                f"Atlas's role on the VNet {named_path(scope)} stays, because Atlas repairs and deletes its peerings with it: "
                f"{names}. "
                "Remove the connection in Atlas, or a peering that has no connection there any more, then run the task again.",
            )
        )
    warnings = (_warn_wider(role, wider, scope),) if role is not None and wider else ()
    return Plan(tuple(change for change, _step in planned), tuple(step for _change, step in planned), warnings)


def removal_lines(plan: Plan, state: AccessState) -> list[str]:
    """Return the commands of `az` that remove what the plan of a removal does."""
    name = "" if state.chosen is None else state.chosen.role_name
    return [
        f"az role definition delete --name {shlex.quote(name)} --scope {shlex.quote(state.scope)}"
        if step.request.what == "role"
        else f"az role assignment delete --ids {shlex.quote(step.request.id)}"
        for step in plan.steps
    ]


def _warn_wider(role: Role, wider: t.Iterable[Assignment], scope: str) -> str:
    return (
        f"The role {role.role_name} stays, because others have assigned it above the VNet {named_path(scope)}: "
        f"{listed(str(one.id) for one in wider)}. If no other VNet needs them, remove these assignments, then run the task again."
    )


def state_after(state: AccessState, request: Request, made: object = None) -> AccessState:
    """Return the state after a request.

    Args:
        state: The state before it.
        request: The request of a step.
        made: What the reply shows.
    """
    if isinstance(request, CreatePrincipal):
        return replace(state, principal_id=made if isinstance(made, str) else None)
    if isinstance(request, PutRole):
        role = made if isinstance(made, Role) else request.role
        return replace(state, chosen=role, roles=(*(one for one in state.roles if one.name != role.name), role))
    if isinstance(request, PutAssignment):
        shown = made if isinstance(made, Assignment) else None
        assignment = shown or Assignment(None, state.scope, request.role, state.principal_id)
        roles = state.roles if state.chosen is None or state.chosen in state.roles else (*state.roles, state.chosen)
        return replace(state, held=(*state.held, assignment), roles=roles)
    held, own = (tuple(one for one in some if not is_same(str(one.id), request.id)) for some in (state.held, state.own))
    chosen = None if state.chosen is not None and is_same(str(state.chosen.id), request.id) else state.chosen
    return replace(state, chosen=chosen, held=held, own=own)
