# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides which request of a list can be sent now, and what a refusal means."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Peer, cloud_of, for_pending, is_pending
from .._engine.options import Parameters
from .._engine.plan import Step
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._peering.azure_role import may_repeat
from .._peering.connection import CreatePeer, PeerState
from .._peering.life import has_removal_failed, with_removal
from .._peering.match import PeerMatch
from .._resources.peers import NO_PLACE
from .order import After
from .state import PeerSetState


class PeerGate:
    """Decides when a request can be sent, and which refusals to wait out: no place for another connection, or missing rights.

    Args:
        params: The options of the task.
        matches: Finds the connection of each entry, by key.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, params: Parameters, matches: t.Mapping[str, PeerMatch], clock: Clock) -> None:
        self._matches = matches
        self._clock = clock
        self._waits: bool = params["wait"]
        self._role_timeout: int = params["azure_role_timeout"]

    def hold(self, step: Step, error: TaskError, state: PeerSetState) -> PeerSetState | None:
        """Return the state in which a refused creation waits for the next poll; None if the refusal is a failure."""
        key = step.keys[0]
        match = self._matches.get(key)
        if match is not None and may_repeat(match.choice, step.request, error, replaces=key in state.done):
            since = state.refused.get(key, self._clock())
            is_over = self._clock() - since >= self._role_timeout
            return None if is_over else replace(state, refused={**state.refused, key: since}, resting=state.resting | {key})
        if not self._waits or error.error_code != NO_PLACE:
            return None
        return replace(state, full=(count_pending(state.listed), len(state.listed)), places=0)

    def is_held(self, step: Step, state: PeerSetState) -> bool:
        """Return whether an earlier refusal holds back a step."""
        return isinstance(step.request, CreatePeer) and (state.full is not None or step.keys[0] in state.refused)

    def is_ready(self, step: Step, state: PeerSetState, running: t.Sequence[Step]) -> bool:
        """Return whether nothing is in the way of a step.

        Raises:
            TaskError: If its entry has failed, or the change or removal of a connection in its way has failed.
        """
        after, failed_before = step.after, state.failures.get(step.keys[0])
        if failed_before is not None:
            raise failed_before
        blockers = after.blockers(state.listed) if isinstance(after, After) else []
        self.check(blockers, state)
        return not blockers and self.has_place(step, state, running) and step.keys[0] not in state.resting

    def check(self, blockers: t.Iterable[Peer], state: PeerSetState) -> None:
        """Check that what is in the way of a step may still go.

        Raises:
            TaskError: If the change or removal of one has failed.
        """
        failed = {own.peer["id"] for key, own in state.entries.items() if key in state.failures and own.peer is not None}
        for peer in blockers:
            if peer["id"] in failed | state.failures.keys():
                raise TaskError(
                    f"It needs what VPC peering connection {peer['id']} has, and that could not be changed or removed.",
                    hint="Correct that first, then run the task again.",
                )

    def has_place(self, step: Step, state: PeerSetState, running: t.Iterable[Step]) -> bool:
        """Return whether Atlas may take a step: after it had no place for a connection, as many as there are places."""
        if state.full is None or not isinstance(step.request, CreatePeer):
            return True
        return sum(isinstance(one.request, CreatePeer) for one in running) < state.places

    def blocked(self, step: Step, state: PeerSetState, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that could not be sent before the time was up."""
        blockers = step.after.blockers(state.listed) if isinstance(step.after, After) else []
        if not blockers:
            way_out = for_pending(state.listed, "Have pending ones accepted in AWS", "Have pending ones completed in")
            return TaskError(
                f"Atlas had no place for another VPC peering connection within {error.waited:.0f} seconds.",
                hint=f"{way_out}, or remove some, then run the task again.",
            )
        advice = {cloud_of(peer).removal_advice for peer in blockers if has_removal_failed(peer)}
        names = ", ".join(f"{peer['id']} ({peer['status_name']})" for peer in blockers)
        return TaskError(
            f"VPC peering connection {names} is still in the way after {error.waited:.0f} seconds.",
            hint=" ".join([*advice, "Raise wait_timeout, or run the task again later."]),
        )

    def explain(self, step: Step, error: TaskError, state: PeerSetState) -> TaskError:
        """Return the error to show for a creation or a change that was refused.

        Args:
            step: What was refused.
            error: The refusal.
            state: The state in which it was sent.
        """
        if error.error_code == NO_PLACE:
            way_out = for_pending(state.listed, "Accept pending ones in AWS", "Have pending ones completed in")
            better = error.with_hint(f"{way_out}, then run the task again.")
        else:
            key = step.keys[0]
            match, since = self._matches[key], state.refused.get(key)
            listed = tuple(peer for peer in state.listed if cloud_of(peer) is match.choice.provider)
            own = replace(state.entries.get(key, PeerState(None)), listed=listed)
            better = match.explain(step.request, error, own, None if since is None else self._clock() - since)
        return with_removed(step, better, state)


def counted(state: PeerSetState, listed: t.Collection[Peer]) -> PeerSetState:
    """Return the state after a poll, with the free places counted, and refused creations free to be sent again."""
    if state.full is not None:
        pending = count_pending(listed)
        # The limit is at least as high as any count that was seen.
        full = (max(state.full[0], pending), max(state.full[1], len(listed)))
        state = replace(state, full=full, places=max(full[0] - pending, full[1] - len(listed)))
    return replace(state, resting=frozenset())


def count_pending(peers: t.Iterable[Peer]) -> int:
    """Return how many connections wait to be accepted or set up."""
    return sum(map(is_pending, peers))


def with_removed(step: Step, error: TaskError, state: PeerSetState) -> TaskError:
    """Return the error of a step; for a creation, it also names the connection that was removed for it."""
    removal = state.done.get(step.keys[0])
    if not isinstance(step.request, CreatePeer) or removal is None or removal.before is None:
        return error
    return with_removal(error, t.cast("Peer", removal.before))
