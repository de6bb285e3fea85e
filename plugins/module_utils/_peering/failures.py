# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors about the life of a connection: it has failed, is gone, or is late."""

from __future__ import annotations

import datetime

from .._clouds.cloud import CustomerTask, Peer, Provider, provider_of
from .._engine.options import Parameters
from .._engine.wait import WaitTimeoutError
from .._http.errors import AtlasError, OvertakenError
from .._values.moments import created_at
from .refusals import with_reply_of

# A connection that has failed and is older than this has probably worked before.
_SETTLED_AFTER = datetime.timedelta(hours=1)


def removed_by_others(peer_id: str, goal: str) -> AtlasError:
    """Return the error for a connection that has gone while the task waited for it."""
    return AtlasError(
        f"VPC peering connection {peer_id} was removed by somebody else while this task waited for {goal}.",
        hint="Find out who removes it, then run the task again.",
    )


def too_late(peer: Peer, goal: str, error: WaitTimeoutError, task: CustomerTask | None) -> AtlasError:
    """Return the error for a connection that is not where it should be when the time is up.

    Args:
        peer: The connection as it was last seen.
        goal: The state that was waited for.
        error: How long it took, and whether Atlas answered in the end.
        task: What somebody has to do for it to go on; None for nothing.
    """
    hint = "Raise wait_timeout, or run the task again later: it goes on from there."
    if task is not None:
        hint = task.hint
    elif has_removal_failed(peer):
        hint = f"{provider_of(peer).removal_advice} {hint}"
    status, cause = peer["status_name"], error.unanswered
    if not isinstance(cause, AtlasError):
        return AtlasError(
            f"VPC peering connection {peer['id']} is still {status} after {error.waited:.0f} seconds of waiting for it "
            f"to be {goal}.",
            detail=f"last status {status}",
            hint=hint,
        )
    return AtlasError(
        f"VPC peering connection {peer['id']} was {status} when Atlas last answered. Then Atlas did not answer until the "
        f"{error.waited:.0f} seconds of waiting for it to be {goal} were over. "
        f"{cause.without_hint}",
        http_status=cause.http_status,
        error_code=cause.error_code,
        detail=f"last status {status}; {cause.detail or 'no reason given'}",
        hint=hint,
    )


def failure(provider: Provider, params: Parameters, peer: Peer, *, worked: bool = False) -> AtlasError:
    """Return the error that tells why a connection has failed, and what to do.

    Args:
        provider: The cloud provider.
        params: The options.
        peer: The connection.
        worked: Whether it was seen to work.
    """
    removal = "atlas_vpc_peer and state: absent" if "peers" in params else "state: absent"
    hint = f"Set recreate: dead to remove it and request the same again, or remove it with {removal}."
    if params["recreate"] != "never":
        hint = "Run the task again to remove it and request the same again."
    elif None in [params[name] for name in provider.identity]:
        hint = f"Remove it with state: absent, then request a new one with {' and '.join(reversed(provider.identity))}."
    if peer["status_name"] == provider.removal_failed:
        hint = f"{provider.removal_advice} {hint}"
    lost = ""
    if provider.lost and peer["status_name"] == provider.failed and (worked or _is_old(peer)):
        lost = f" Atlas may have moved a connection that worked to {provider.failed}, {provider.lost}."
    return AtlasError(
        f"VPC peering connection {peer['id']} is {provider.failure_in_words(peer)}.{lost}",
        error_code=peer["error_state_name"],
        hint=hint,
    )


def _is_old(peer: Peer) -> bool:
    """Whether a connection is older than the time in which a new one works or fails."""
    made = created_at(peer["id"])
    return made is not None and datetime.datetime.now(datetime.timezone.utc) - made > _SETTLED_AFTER


def has_removal_failed(peer: Peer) -> bool:
    """Whether Atlas could not remove a connection."""
    return peer["status_name"] is not None and peer["status_name"] == provider_of(peer).removal_failed


def explain_removal(peer: Peer, error: AtlasError) -> AtlasError:
    """Return what to say of a removal that was refused: of one that has failed before, and is under way for Atlas, what it needs.

    Args:
        peer: The connection as it was last seen.
        error: The refusal.
    """
    if not isinstance(error, OvertakenError) or not has_removal_failed(peer):
        return error
    return with_reply_of(error, not_removed(provider_of(peer), peer))


def not_removed(provider: Provider, peer: Peer) -> AtlasError:
    """Return the error for a connection whose removal has failed again."""
    return AtlasError(
        f"VPC peering connection {peer['id']} could not be removed: it is {provider.failure_in_words(peer)}.",
        error_code=peer["error_state_name"],
        hint=provider.removal_advice,
    )


def add_removal(error: AtlasError, removed: Peer) -> None:
    """Let the error of a creation tell what has become of the connection that was removed for it."""
    text = f"VPC peering connection {removed['id']} is removed by now; the next run creates the new one."
    if text not in str(error):
        error.args = (" ".join(filter(None, (error.without_hint, text, error.hint))),)
