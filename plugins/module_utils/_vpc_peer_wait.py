# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Waiting for a VPC peering connection, and what to say when it does not come to the wanted state."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer import Peer, VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import StatusHistory, WaitTimeoutError

# What a connection is that is no longer there, in the history of its states.
GONE = "gone"


class PeerWaiter:
    """Waits by asking for the connection again and again.

    Args:
        context: The running task, with the options for waiting.
        peers: The connections.
    """

    def __init__(self, context: Context[AtlasClient], peers: VpcPeers) -> None:
        self._context = context
        self._params = context.params
        self._peers = peers
        name = context.params["vpc_id"] or context.params["peer_id"]
        self.history = StatusHistory(name, context.report, context.clock)

    def note(self, peer: Peer | None) -> None:
        """Take down the present state of the connection, so that a failure tells how far it got."""
        self._context.outcome.values["vpc_peer"] = peer
        if peer is not None:
            self.history.note(peer["status_name"])
        elif self.history.entries:
            self.history.note(GONE)

    def wait_for_status(self, peer: Peer) -> Peer:
        """Wait until the connection is in the state C(wait_for), or beyond it, and return it; no request if it is already.

        Raises:
            AtlasError: When it fails or disappears, or the time is up.
        """
        provider, status = self._peers.provider, self._params["wait_for"].upper()

        def is_done(present: Peer | None) -> bool:
            if present is None or present["status_name"] == provider.terminating:
                raise AtlasError(
                    f"VPC peering connection {peer['id']} was removed by somebody else while this task waited for {status}.",
                    hint="Find out who removes it, then run the task again.",
                )
            if present["status_name"] == provider.failed:
                raise self.failure(present)
            return provider.has_reached(present, status)

        return t.cast("Peer", peer if is_done(peer) else self._wait(peer["id"], is_done, status))

    def wait_until_gone(self, peer: Peer) -> Peer | None:
        """Wait until the connection is no longer there, and return that: nothing.

        Raises:
            AtlasError: When the time is up.
        """
        return self._wait(peer["id"], lambda present: present is None, GONE)

    def _wait(self, peer_id: str, is_done: t.Callable[[Peer | None], bool], goal: str) -> Peer | None:
        """Ask for the connection until it will do.

        Raises:
            AtlasError: When the time is up; it says what the connection is waiting for.
        """

        def look() -> Peer | None:
            present = self._peers.get_peer(peer_id)
            self.note(present)
            return present

        try:
            return self._context.wait_until(look, is_done)
        except WaitTimeoutError as error:
            last = error.last
            hint = "Raise wait_timeout, or run the task again later: it goes on from there."
            if last["status_name"] == "PENDING_ACCEPTANCE" and goal != GONE:
                hint = f"Have {last['connection_id']} accepted in AWS account {last['aws_account_id']}, then run the task again."
            raise AtlasError(
                f"VPC peering connection {peer_id} is still {last['status_name']} after {error.waited:.0f} seconds of waiting "
                f"for it to be {goal}.",
                detail=f"last status {last['status_name']}",
                hint=hint,
            ) from error

    def failure(self, peer: Peer) -> AtlasError:
        """Return the error that tells why a connection has failed, and what to do."""
        reason = peer["error_state_name"] or "no reason given"
        meaning = self._peers.provider.failure_reasons.get(reason)
        explained = f"{reason}: {meaning}" if meaning else reason
        return AtlasError(
            f"VPC peering connection {peer['id']} is {peer['status_name']} ({explained}).",
            error_code=peer["error_state_name"],
            hint="Then set recreate to dead, which removes it and requests a new one, or remove it with state: absent.",
        )
