# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Waiting for a VPC peering connection, and what to say when it does not come to the wanted state."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import StatusHistory, WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import Peer, VpcPeers

# What a connection is that is no longer there, in the history of its states.
GONE = "gone"
_PENDING = "PENDING_ACCEPTANCE"
# Seconds after a creation in which a read that does not know the connection yet is not taken for its removal.
NEW_FOR = 10.0
# Seconds for finding out the region of a VPC, which is only told.
_REGION_TIME = 5.0


class PeerWaiter:
    """Waits by asking for the connection again and again.

    Args:
        context: The running task, with the options for waiting.
        peers: The connections.
        region_of: Returns the region of the VPC of a connection, which may cost a request.
    """

    def __init__(self, context: Context[AtlasClient], peers: VpcPeers, region_of: t.Callable[[Peer], str | None]) -> None:
        self._context = context
        self._params = context.params
        self._peers = peers
        self._region_of = region_of
        self._goal = context.params["wait_for"].upper()
        self._created: tuple[str, float] | None = None
        self._places: dict[str, str] = {}
        # Whether the task waits for C(wait_for) by now.
        self._is_waiting = False
        name = context.params["vpc_id"] or context.params["peer_id"]
        goal = GONE if context.params["state"] == "absent" else self._goal
        self.history = StatusHistory(name, goal, context.report, context.clock)

    def note(self, peer: Peer | None) -> None:
        """Take down the present state of the connection, so that a failure tells how far it got."""
        self._context.outcome.values["vpc_peer"] = peer
        if peer is not None:
            place = self._place(peer)
            self.history.note(peer["status_name"], f"accept {peer['connection_id']} in {place}" if place else "")
        elif self.history.entries:
            self.history.note(GONE)

    def note_created(self, peer: Peer) -> None:
        """Take down that this task has just created the connection."""
        self._created = (peer["id"], self._context.clock())
        self.note(peer)

    def wait_for_status(self, peer: Peer) -> Peer:
        """Wait until the connection is in the state C(wait_for), or beyond it, and return it; no request if it is already.

        Raises:
            AtlasError: When it fails or disappears, or the time is up.
        """
        provider = self._peers.provider

        def is_done(present: Peer | None) -> bool:
            if present is None or present["status_name"] == provider.terminating:
                raise AtlasError(
                    f"VPC peering connection {peer['id']} was removed by somebody else while this task waited for {self._goal}.",
                    hint="Find out who removes it, then run the task again.",
                )
            if present["status_name"] == provider.failed:
                raise self.failure(present)
            return provider.has_reached(present, self._goal)

        def look() -> Peer | None:
            present = self._peers.get_peer(peer["id"])
            if present is None and self._is_new(peer["id"]):
                present = peer
            self.note(present)
            return present

        if is_done(peer):
            return peer
        self._is_waiting = True
        return t.cast("Peer", self._wait(look, is_done, peer, self._goal))

    def wait_until_gone(self, peers: list[Peer]) -> None:
        """Wait until connections are no longer there.

        Raises:
            AtlasError: When the time is up.
        """

        def look() -> Peer | None:
            left = [present for present in (self._peers.get_peer(peer["id"]) for peer in peers) if present is not None]
            self.note(left[0] if left else None)
            return left[0] if left else None

        self._wait(look, lambda present: present is None, peers[0], GONE)

    def _is_new(self, peer_id: str) -> bool:
        if self._created is None:
            return False
        created, moment = self._created
        return created == peer_id and self._context.clock() - moment < NEW_FOR

    def _wait(
        self, look: t.Callable[[], Peer | None], is_done: t.Callable[[Peer | None], bool], seen: Peer | None, goal: str
    ) -> Peer | None:
        """Ask for the connection until it will do.

        Raises:
            AtlasError: When the time is up; it says what the connection is waiting for.
        """
        try:
            return self._context.wait_until(look, is_done, seen, begin=lambda: self.note(seen))
        except WaitTimeoutError as error:
            last: Peer = error.last
            hint = "Raise wait_timeout, or run the task again later: it goes on from there."
            place = self._place(last)
            if place:
                hint = f"Have {last['connection_id']} accepted in {place}, then run the task again."
            status, cause = last["status_name"], error.unanswered
            if not isinstance(cause, AtlasError):
                raise AtlasError(
                    f"VPC peering connection {last['id']} is still {status} after {error.waited:.0f} seconds of waiting for it "
                    f"to be {goal}.",
                    detail=f"last status {status}",
                    hint=hint,
                ) from error
            raise AtlasError(
                f"VPC peering connection {last['id']} was {status} when Atlas last answered. Then Atlas did not answer until the "
                f"{error.waited:.0f} seconds of waiting for it to be {goal} were over. "
                f"{str(cause).removesuffix(cause.hint or '').strip()}",
                http_status=cause.http_status,
                error_code=cause.error_code,
                detail=f"last status {status}; {cause.detail or 'no reason given'}",
                hint=hint,
            ) from error

    def _place(self, peer: Peer) -> str:
        """Return where somebody has to accept the connection for the wait to go on; empty if nobody has to."""
        is_pending = peer["status_name"] == _PENDING and peer["connection_id"] is not None
        if not is_pending or not self._is_waiting or self._goal == _PENDING:
            return ""
        if peer["id"] not in self._places:
            context, timeout = self._context, self._params["wait_timeout"]
            try:
                with context.client.within(context.clock() + min(_REGION_TIME, timeout / 4)):
                    region = self._region_of(peer)
            except AtlasError:
                # Where to accept it is worth telling without the region, too.
                region = None
            self._places[peer["id"]] = f"AWS account {peer['aws_account_id']}" + (f", region {region}" if region else "")
        return self._places[peer["id"]]

    def failure(self, peer: Peer) -> AtlasError:
        """Return the error that tells why a connection has failed, and what to do."""
        hint = "Then set recreate: dead, which removes it and requests the same again, or remove it with state: absent."
        if self._params["recreate"] == "dead":
            hint = "Then run the task again, which removes it and requests the same again."
        elif self._params["vpc_id"] is None:
            hint = "Then remove it with state: absent, and request a new one with vpc_id and aws_account_id."
        return AtlasError(
            f"VPC peering connection {peer['id']} is {self._peers.provider.failure_in_words(peer)}.",
            error_code=peer["error_state_name"],
            hint=hint,
        )
