# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a connection: recent requests, tasks of the customer, the role that Atlas needs on AZURE, and the errors."""

from __future__ import annotations

import datetime
import math

from .._clouds.cloud import Cloud, CustomerTask, Fields, Peer, fields_of
from .._clouds.clouds import cloud_of
from .._engine.operation import Status
from .._engine.options import Parameters
from .._engine.wait import WaitTimeoutError
from .._http.errors import OvertakenError, TaskError, as_count, as_form, as_option
from .._http.pauses import Clock
from .._values.moments import created_at
from .connection import CreatePeer, DeletePeer, RoleError, UpdatePeer
from .container_choice import ContainerChoice, is_government

# For so many seconds after a creation, a read without the connection does not mean that it is removed.
NEW_FOR = 10.0
# For so many seconds after a request for removal, Atlas may still show the failure of an earlier one.
OLD_FAILURE_FOR = 60.0
# A connection that has failed and is older than this has probably worked before.
_SETTLED_AFTER = datetime.timedelta(hours=1)


class SentRequests:
    """The creations and removals that this task has just sent: for a moment, Atlas may still show the earlier state.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # By id: until when Atlas may not show a new connection, and until when a failure may be that of an earlier removal.
        self._new_until: dict[str, float] = {}
        self._old_until: dict[str, float] = {}

    def record_creation(self, peer: Peer) -> None:
        """Record that this task has just created a connection."""
        self._new_until[peer["id"]] = self._clock() + NEW_FOR

    def record_removal(self, peer: Peer) -> None:
        """Record that this task has just asked for the removal of a connection; `peer` is its state before."""
        if has_removal_failed(peer):
            self._old_until[peer["id"]] = self._clock() + OLD_FAILURE_FOR

    def is_new(self, peer_id: str) -> bool:
        """Whether this task has just created a connection, so that Atlas may not show it yet."""
        return self._clock() < self._new_until.get(peer_id, -math.inf)

    def removal_failure(self, peer: Peer) -> TaskError | None:
        """Return the error of a failed removal; None if it has not failed, or if the failure may be an earlier removal's."""
        if not has_removal_failed(peer):
            self._old_until.pop(peer["id"], None)
        elif self._clock() >= self._old_until.get(peer["id"], -math.inf):
            return _not_removed(cloud_of(peer), peer)
        return None


def customer_task(choice: ContainerChoice, peer: Peer, goal: str) -> CustomerTask | None:
    """Return what the customer has to do in the cloud for a wait to go on; None for nothing.

    Args:
        choice: The container.
        peer: The connection.
        goal: The state that is waited for.
    """
    provider = choice.provider
    if not provider.waits_for_customer(peer, goal):
        return None
    region = fields_of(peer).get(provider.region or "")
    container = choice.known(peer["container_id"])
    return provider.customer_task(peer, region, container)


def removed_by_others(peer_id: str, goal: str) -> TaskError:
    """Return the error for a connection that was removed while the task waited for it."""
    return TaskError(
        f"VPC peering connection {peer_id} was removed by somebody else while this task waited for {goal}.",
        hint="Find out who removes it, then run the task again.",
    )


def too_late(peer: Peer, goal: str, error: WaitTimeoutError, task: CustomerTask | None) -> TaskError:
    """Return the error for a connection that has not reached its goal in time.

    Args:
        peer: The connection as it was last seen.
        goal: The state that the task waited for.
        error: How long the task waited, and the last failure to get an answer.
        task: What the customer has to do for it to go on; None for nothing.
    """
    hint = f"Raise {as_option('wait_timeout')}, or run the task again later: it goes on from there."
    if task is not None:
        hint = task.hint
    elif has_removal_failed(peer):
        hint = f"{cloud_of(peer).removal_advice} {hint}"
    status, cause = peer["status_name"], error.unanswered
    if cause is None:
        return TaskError(
            f"{as_form('VPC peering connection')} {peer['id']} {as_form('is', 'are')} still {status} after "
            f"{error.span} of waiting for it "
            f"to be {goal}.",
            detail=f"last status {status}",
            hint=hint,
        )
    return TaskError(
        f"VPC peering connection {peer['id']} was {status} when Atlas last answered. Then Atlas did not answer until the "
        f"{error.span} of waiting for it to be {goal} were over. "
        f"{cause.message}",
        http_status=cause.http_status,
        error_code=cause.error_code,
        detail=f"last status {status}; {cause.detail or 'no reason given'}",
        hint=hint,
    )


def failure(provider: Cloud, params: Parameters, peer: Peer, *, worked: bool = False) -> TaskError:
    """Return the error of a failed connection, with the cause and what to do.

    Args:
        provider: The cloud provider.
        params: The options.
        peer: The connection.
        worked: Whether this task has seen it work.
    """
    removal = "atlas_vpc_peer and state: absent" if "peers" in params else "state: absent"
    hint = f"Set recreate: dead to remove it and request the same again, or remove it with {removal}."
    if peer["error_state_name"] in provider.futile_reasons:
        hint = f"The same request would fail again. Remove the connection with {removal}, and request it with the right values."
    elif params["recreate"] != "never":
        hint = "Run the task again to remove it and request the same again."
    elif None in [params[name] for name in provider.identity]:
        hint = f"Remove it with state: absent, then request a new one with {' and '.join(reversed(provider.identity))}."
    if peer["status_name"] == provider.removal_failed:
        hint = f"{provider.removal_advice} {hint}"
    lost = ""
    if provider.lost and peer["status_name"] == provider.failed and (worked or _is_old(peer)):
        lost = f" Atlas may have moved a connection that worked to {provider.failed}, {provider.lost}."
    return TaskError(
        f"{as_form('VPC peering connection')} {peer['id']} {as_form('is', 'are')} {provider.failure_in_words(peer)}.{lost}",
        error_code=peer["error_state_name"],
        hint=hint,
    )


def _is_old(peer: Peer) -> bool:
    """Whether a connection is so old that it has probably worked before."""
    made = created_at(peer["id"])
    return made is not None and datetime.datetime.now(datetime.timezone.utc) - made > _SETTLED_AFTER


def has_removal_failed(peer: Peer) -> bool:
    """Whether Atlas could not remove a connection."""
    return peer["status_name"] is not None and peer["status_name"] == cloud_of(peer).removal_failed


def explain_removal(peer: Peer, error: TaskError) -> TaskError:
    """Return the error to show for a refused removal: an earlier removal may have failed, and block this one.

    Args:
        peer: The connection as it was last seen.
        error: The refusal.
    """
    if not isinstance(error, OvertakenError) or not has_removal_failed(peer):
        return error
    return _not_removed(cloud_of(peer), peer).with_reply(error)


def _not_removed(provider: Cloud, peer: Peer) -> TaskError:
    """Return the error of a failed removal."""
    return TaskError(
        f"VPC peering connection {peer['id']} could not be removed: it is {provider.failure_in_words(peer)}.",
        error_code=peer["error_state_name"],
        hint=provider.removal_advice,
    )


def with_removal(error: TaskError, removed: Fields) -> TaskError:
    """Return the error of a creation, with a sentence on the connection that was removed for it unless it has one."""
    gone = f"{as_form('VPC peering connection')} {removed['id']} {as_form('is', 'are')} removed by now"
    return error.with_sentence(f"{gone}; the next run creates the new one.")


ROLE = "the role of Atlas"
# The status that a task shows while Atlas refuses the connection.
REFUSED = "refused"


def role_failure(choice: ContainerChoice, fields: Fields, error: TaskError, waited: float | None = None) -> TaskError:
    """Return the error with the rights that Atlas needs on the customer's network, and commands to paste.

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
    """Return whether to repeat a refused request, since the role that Atlas needs may be too new.

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
