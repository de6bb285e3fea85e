# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role that Atlas needs on AZURE: which refusals to wait out, and the messages while Atlas has no rights on the VNet."""

from __future__ import annotations

from .._clouds.cloud import Fields
from .._engine.operation import Status
from .._http.errors import TaskError, as_count
from .connection import CreatePeer, DeletePeer, RoleError, UpdatePeer
from .container_choice import ContainerChoice, is_government

ROLE = "the role of Atlas"
# The status that a task shows while Atlas refuses the connection.
REFUSED = "refused"


def role_failure(choice: ContainerChoice, fields: Fields, error: TaskError, waited: float | None = None) -> TaskError:
    """Return the error that says which rights Atlas needs on the customer's network, with commands to paste.

    Args:
        choice: The container, with the options.
        fields: The connection.
        error: The refusal.
        waited: For how many seconds the request was repeated; None if it was not.
    """
    if isinstance(error, RoleError):
        return error
    handover = choice.provider.handover(fields, None, is_government(choice.params))
    role = handover["role_definition"]
    repeated = "" if waited is None else f" It was repeated for {as_count(f'{waited:.0f} seconds')}."
    needs = f"A service principal of Atlas's application {handover['application_id']}"
    if handover["application_id"] is None:
        needs = (
            "The application id of the government's Atlas is not known here; ask MongoDB's support for it. Its service principal"
        )
    # Not joined by &&: for a second VNet, the first line fails as the service principal exists, but the others are needed.
    commands = "; ".join(handover["az"] or ())
    return RoleError(
        f"{error.text}{repeated} {needs} needs a role with the actions {', '.join(role['actions'])} on the scope "
        f"{handover['scope']}.",
        description=error.description,
        hint="Check azure_subscription_id, resource_group_name and vnet_name first: a name that does not exist is answered in "
        "the same way.",
        brief=f"{error.text}{repeated} Check the names; then give Atlas's application its role in each VNet",
        commands=commands,
    ).with_reply(error)


def may_repeat(
    choice: ContainerChoice, request: CreatePeer | UpdatePeer | DeletePeer, error: TaskError, *, replaces: bool
) -> bool:
    """Return whether to send a refused request again, since the role that Atlas needs may be too new.

    Args:
        choice: The container, with the options.
        request: What was refused.
        error: The refusal.
        replaces: Whether a connection was removed for it. If so, it is sent again even if the task does not wait.
    """
    params = choice.params
    is_role = isinstance(request, CreatePeer) and error.error_code in choice.provider.role_codes
    return is_role and params["azure_role_timeout"] > 0 and (params["wait"] or replaces)


def role_status(choice: ContainerChoice, fields: Fields) -> Status:
    """Return what a task shows while it repeats a creation."""
    provider, seconds = choice.provider, choice.params["azure_role_timeout"]
    application_id = provider.handover(fields, None, is_government(choice.params))["application_id"]
    name = f"application {application_id}" if application_id else "its application"
    return Status(
        REFUSED,
        f"Atlas cannot reach {provider.noun} {provider.describe(fields)} yet; this is repeated for up to {seconds} s, "
        f"until the role of {name} holds there",
    )
