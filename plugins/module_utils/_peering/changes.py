# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the changes of one connection, and says what came of them."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Fields_provider as Fields
from .._clouds.cloud import Peer
from .._engine.operation import Status
from .._engine.plan import Step
from .._engine.wait import Clock, Wait
from .._http.errors import AtlasError
from .azure_role import role_failure, role_status, until_role_holds
from .connection import CreatePeer, DeletePeer, PeerState
from .life import PeerWaiter, add_removal, explain_removal
from .match import PeerMatch
from .preflight import find_cause


class PeerChanges:
    """Requests, changes and removes a connection.

    Args:
        match: Which connection the options mean.
        waiter: Takes down what was sent.
        clock: A monotonic clock, in seconds.

    Attributes:
        leaving: What is being removed after a new connection has taken its place.
    """

    def __init__(self, match: PeerMatch, waiter: PeerWaiter, clock: Clock) -> None:
        self._clock = clock
        self._match = match
        self._peers = match.peers
        self._choice = match.choice
        self._waiter = waiter
        self.leaving: tuple[Peer, ...] = ()
        # The connection that this task removes for a new one, until that is there.
        self._replaced: Peer | None = None
        # What Atlas has refused for its role, and is sent again; and since when.
        self._refused: Fields = {}
        self._refused_since: float | None = None

    def apply(self, step: Step, state: PeerState) -> PeerState:
        """Send the request of a step, and return the state after it."""
        request = step.request
        if isinstance(request, DeletePeer):
            return self._remove(request, state)
        if isinstance(request, CreatePeer):
            return self._create(request, state)
        # Atlas leaves the region out of its replies where it is the container's, but wants it in the whole object.
        current = t.cast("Peer", state.peer)
        sent: Peer = {**current, "accepter_region_name": self._choice.region_of(current)}
        return replace(state, peer=self._peers.update_peer(sent, request.fields))

    def _create(self, request: CreatePeer, state: PeerState) -> PeerState:
        """Request a new connection."""
        try:
            created = self._peers.create_peer(request.fields, request.home_region)
        except AtlasError as error:
            # A refusal for the role is repeated first, and explained then.
            if error.error_code not in self._peers.provider.role_codes:
                self._add_removal(error)
            raise
        self._replaced, self._refused = None, {}
        self._waiter.record_creation(created)
        return replace(state, peer=created, dying=())

    def _remove(self, request: DeletePeer, state: PeerState) -> PeerState:
        """Request a removal: of the connection, or of the one in whose place it has come or will come."""
        is_old = state.old is not None and state.old["id"] == request.id
        peer = t.cast("Peer", state.old if is_old else state.peer)
        self._peers.delete_peer(request.id)
        self._waiter.record_removal(peer)
        if is_old and state.peer is not None and not state.dying:
            self.leaving = (peer,)
        elif self._choice.params["state"] == "present":
            self._replaced = peer
        return replace(state, old=None) if is_old else replace(state, dying=(peer,))

    def explain(self, step: Step, error: AtlasError, state: PeerState) -> AtlasError:
        """Return what to say of a refusal: which option is at fault, what is in the way, or which rights Atlas lacks."""
        if isinstance(step.request, DeletePeer):
            return error if state.peer is None else explain_removal(state.old or state.peer, error)
        if error.error_code in self._peers.provider.role_codes:
            better: AtlasError | None = role_failure(self._choice, step.request.fields, error)
        else:
            better = find_cause(error, step.request, state, self._choice)
        better = self._match.explain(error, state) if better is None else better
        self._add_removal(better)
        return better

    def _add_removal(self, error: AtlasError) -> None:
        """Let an error tell that a connection has been removed for a new one: if it is gone, and not before."""
        if self._replaced is not None and self._match.is_gone(self._replaced):
            add_removal(error, self._replaced)

    def wait_refused(self, step: Step, error: AtlasError) -> Wait[PeerState] | None:
        """Return the wait for the role that Atlas needs, if that may be too new; after a removal it is waited for in any case."""
        is_role = isinstance(step.request, CreatePeer) and error.error_code in self._peers.provider.role_codes
        params = self._choice.params
        if not is_role or not params["azure_role_timeout"] or not (params["wait"] or self._replaced is not None):
            return None
        # A reply that is lost in between does not make the time longer.
        since = self._clock() if self._refused_since is None else self._refused_since
        self._refused, self._refused_since = step.request.fields, since
        return until_role_holds(self._choice, self._refused, error, self._clock() - since)

    def status(self, state: PeerState, wait: Wait[PeerState] | None) -> Status:
        """Return how far the connection has come, and what somebody has to do for the wait to go on."""
        if state.peer is not None:
            # The creation whose reply was lost has been carried out.
            self._refused = {}
        if self._refused:
            return role_status(self._choice, self._refused)
        return self._waiter.status(state, wait)
