# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a VPC peering connection, the requests that change it, and errors with more detail than Atlas gives."""

from __future__ import annotations

import datetime
import math
import typing as t
from dataclasses import dataclass

from .._clouds.cloud import Cloud, CustomerTask, Fields, Peer, fields_of
from .._clouds.clouds import cloud_of
from .._engine.operation import Status
from .._engine.options import Parameters
from .._engine.plan import Change
from .._engine.wait import WaitTimeoutError
from .._http.errors import InvalidOptionError, OvertakenError, TaskError, as_count, as_form, as_name, as_option
from .._http.pauses import Clock
from .._resources.peers import VpcPeers
from .._values.moments import created_at

if t.TYPE_CHECKING:
    # It uses this file.
    from .container_choice import ContainerChoice

# The key of the fact that lists all connections of the project.
LIST_PEERS = "peers"
# The removal of a replaced connection waits until the new one is in the state that the task waits for.
REACHED = "reached"
# For so many seconds after a creation, a read without the connection does not mean that it is removed.
NEW_FOR = 10.0
# For so many seconds after a request for removal, Atlas may still show the failure of an earlier one.
OLD_FAILURE_FOR = 60.0
# A connection that has failed and is older than this has probably worked before.
_SETTLED_AFTER = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class PeerState:
    """The connection that the options mean.

    Attributes:
        peer: The connection; None if there is none. Without a live one, it is one that is being removed.
        dying: The connections with the same identity that are being removed; empty if there is a live one.
        listed: All connections of the project; None where they were not listed.
        template: The one connection that was being removed when the task began: it completes the options of a new one.
        needs_id: Whether only the connection with `peer_id` counts, and no new one may be created.
        old: The connection with `peer_id` that will be replaced by one with another identity; None if there is none.
    """

    peer: Peer | None
    dying: tuple[Peer, ...] = ()
    listed: tuple[Peer, ...] | None = None
    template: Peer | None = None
    needs_id: bool = False
    old: Peer | None = None


def peer_after(change: Change) -> Peer:
    """Return the connection after a change that is not a removal."""
    return t.cast("Peer", change.after)


class CreatePeer(t.NamedTuple):
    """Request a connection.

    Attributes:
        fields: The fields of the request. The reply may differ in the region.
        container_region: The region of its container, if it is known.
    """

    fields: t.Mapping[str, t.Any]
    container_region: str | None


class UpdatePeer(t.NamedTuple):
    """Change fields of a connection. `fields` has only those that change; the whole object is sent."""

    id: str
    fields: t.Mapping[str, t.Any]


class DeletePeer(t.NamedTuple):
    """Ask for the removal of a connection."""

    id: str


class OtherCloudError(TaskError):
    """`peer_id` names a connection on another cloud provider.

    Attributes:
        peer: The connection.
    """

    def __init__(self, peer: Peer, provider_name: str) -> None:
        super().__init__(
            f"peer_id names VPC peering connection {peer['id']} on {peer['provider_name']}, and the other options are for "
            f"{provider_name}.",
            hint="Correct peer_id or the other options, or give peer_id alone.",
        )
        self.peer = peer


class HolderError(InvalidOptionError):
    """A connection that has failed holds a block.

    Attributes:
        peer_id: Its id.
    """

    def __init__(self, text: str, peer_id: str) -> None:
        super().__init__(text)
        self.peer_id = peer_id
        self.hint = self._hint(f"it with {as_option('peer_id')}: {peer_id} and {as_option('state')}: absent")

    def from_project(self) -> HolderError:
        """Return this error for a task without options for one connection."""
        return self.with_hint(self._hint(f"{self.peer_id} from the project"))

    def _hint(self, what: str) -> str:
        return f"If it is no longer needed, remove {what}; then run this again."


class RoleError(TaskError):
    """Atlas has no rights on the customer's network; the message says how to grant them.

    Attributes:
        brief: The text for several networks, for which the message would be long, and its commands wrong.
        commands: The commands to paste; empty for none.
        where: Where results have the commands of each network, to follow `brief`.
    """

    where = " (see handover)"

    def __init__(self, text: str, *, description: str | None, hint: str, brief: str, commands: str) -> None:
        super().__init__(text, description=description, hint=f"{hint} To paste: {commands}" if commands else hint)
        self.brief = brief
        self.commands = commands

    def in_brief(self) -> RoleError:
        """Return this error as one of several networks."""
        return self._with(text=f"{self.brief}{self.where}.", sentences=(), hint=None)

    def with_commands_in(self, where: str) -> RoleError:
        """Return this error for results that have the commands in another place."""
        return self._with(where=where)


class SentRequests:
    """The creations and removals that this task has just sent: for a moment, Atlas may still show the earlier state.

    Args:
        clock: A monotonic clock, in seconds.

    Attributes:
        removals: The ids of connections whose removal was sent, also where no reply confirms it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.removals: set[str] = set()
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

    def removal_failure(self, peer: Peer | None) -> TaskError | None:
        """Return the error of a failed removal; None if it has not failed, or if the failure may be an earlier removal's."""
        if peer is None:
            return None
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


def wait_failure(provider: Cloud, params: Parameters, before: Peer, present: Peer | None, goal: str) -> TaskError | None:
    """Return why a connection cannot reach its goal any more; None if it still may.

    Args:
        provider: The cloud provider.
        params: The options.
        before: The connection as it was seen before.
        present: The connection; None if it is gone.
        goal: The state that the task waits for.
    """
    if present is None or present["status_name"] == provider.terminating:
        return TaskError(
            f"VPC peering connection {as_name(before['id'])} was removed by somebody else while this task waited for {goal}.",
            hint="Find out who removes it, then run the task again.",
        )
    if not provider.has_failed(present):
        return None
    return failure(provider, params, present, worked=before["status_name"] == provider.progress[-1])


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
            f"{as_form('VPC peering connection')} {as_name(peer['id'])} {as_form('is', 'are')} still {status} after "
            f"{error.span} of waiting for it to be {goal}.",
            detail=f"last status {status}",
            hint=hint,
        )
    return TaskError(
        f"VPC peering connection {as_name(peer['id'])} was {status} when Atlas last answered. Then Atlas did not answer until "
        f"the {error.span} of waiting for it to be {goal} were over. {cause.message}",
        http_status=cause.http_status,
        error_code=cause.error_code,
        detail=f"last status {status}; {cause.detail or 'no reason given'}",
        hint=hint,
    )


def removal_way(params: Parameters) -> str:
    """Return how one connection is removed, in words; sets have no state."""
    return "atlas_vpc_peer and state: absent" if "peers" in params else "state: absent"


def failure(provider: Cloud, params: Parameters, peer: Peer, *, worked: bool = False) -> TaskError:
    """Return the error of a failed connection, with the cause and what to do.

    Args:
        provider: The cloud provider.
        params: The options.
        peer: The connection.
        worked: Whether this task has seen it work.
    """
    removal = removal_way(params)
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
        f"{as_form('VPC peering connection')} {as_name(peer['id'])} {as_form('is', 'are')} "
        f"{provider.failure_in_words(peer)}.{lost}",
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
        f"VPC peering connection {as_name(peer['id'])} could not be removed: it is {provider.failure_in_words(peer)}.",
        error_code=peer["error_state_name"],
        hint=provider.removal_advice,
    )


def with_removal(error: TaskError, removed: Fields | None) -> TaskError:
    """Return the error of a creation, with a sentence on the connection that was removed for it, if any, unless it has one."""
    if removed is None:
        return error
    gone = f"{as_form('VPC peering connection')} {as_name(removed['id'])} {as_form('is', 'are')} removed by now"
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
    handover = choice.handover(fields)
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


def request_peer(peers: VpcPeers, request: CreatePeer, removed: Fields | None) -> Peer:
    """Request a connection.

    Args:
        peers: The connections.
        request: The connection.
        removed: The connection that was removed for it, and is gone; None if there is none. An error names it.
    """
    try:
        return peers.create_peer(request.fields, request.container_region)
    except TaskError as error:
        # A request refused for lack of a role is repeated first. If that fails, the error is explained.
        if removed is None or error.error_code in peers.provider.role_codes:
            raise
        raise with_removal(error, removed) from error.__cause__


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
    application_id = choice.handover(fields)["application_id"]
    name = f"application {application_id}" if application_id else "its application"
    return Status(
        REFUSED,
        f"Atlas cannot reach {provider.noun} {provider.describe(fields)} yet; this is repeated for up to {seconds} s, "
        f"until the role of {name} holds there",
    )
