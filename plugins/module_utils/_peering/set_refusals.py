# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of the requests of a declared list, in words that tell what to do."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Peer, for_pending, provider_of
from .._engine.plan import Step
from .._http.errors import AtlasError
from .._resources.peers import NO_PLACE
from .failures import add_removal
from .match import PeerMatch
from .preflight import find_cause
from .refusals import with_reply_of
from .role import role_failure
from .set_state import PeerSetState
from .state import CreatePeer, DeletePeer, PeerState


def explain(step: Step, error: AtlasError, state: PeerSetState, match: PeerMatch, waited: float | None) -> AtlasError:
    """Return the error to show for a creation or a change that was refused.

    Args:
        step: What was refused.
        error: The refusal.
        state: The state in which it was sent.
        match: Which connection its entry means.
        waited: For how many seconds it was sent again for lack of rights; None if it was not.
    """
    better = _with_cause(step, error, state, match, waited)
    removal = state.done.get(step.keys[0])
    if isinstance(step.request, CreatePeer) and removal is not None and removal.before is not None:
        removed: Peer = t.cast("Peer", removal.before)
        add_removal(better, removed)
    return better


def _with_cause(step: Step, error: AtlasError, state: PeerSetState, match: PeerMatch, waited: float | None) -> AtlasError:
    provider, request = match.choice.provider, step.request
    if error.error_code == NO_PLACE:
        way_out = for_pending(state.listed, "Accept pending ones in AWS", "Have pending ones completed in")
        hint = f"{way_out}, then run the task again."
        return with_reply_of(error, AtlasError(error.without_hint, hint=hint))
    if error.error_code in provider.role_codes and not isinstance(request, DeletePeer):
        return role_failure(match.choice, request.fields, error, waited)
    own = state.entries.get(step.keys[0], PeerState(None))
    own = replace(own, listed=tuple(peer for peer in state.listed if provider_of(peer) is provider))
    return find_cause(error, request, own, match.choice) or match.explain(error, own)
