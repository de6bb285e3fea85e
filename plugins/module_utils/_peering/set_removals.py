# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removals of a declared list that have failed in the customer's cloud. Pure, but for the clock."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Peer, provider_of
from .._engine.wait import Clock
from .._http.errors import AtlasError
from .failures import not_removed
from .waiter import OLD_FAILURE_FOR


class Removals:
    """Takes down which connections this task has removed, and tells which of these removals have failed.

    Args:
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Until when a failure may be that of an earlier removal.
        self._old_until: dict[str, float] = {}

    def record(self, peer: Peer) -> None:
        """Take down that this task has just asked for the removal of a connection, which was like this before."""
        has_failed_before = peer["status_name"] == provider_of(peer).removal_failed
        self._old_until[peer["id"]] = self._clock() + (OLD_FAILURE_FOR if has_failed_before else 0)

    def failed(self, listed: t.Iterable[Peer], leaving: t.Container[str]) -> dict[str, AtlasError]:
        """Return why removals have failed, by the ids of the connections.

        Args:
            listed: The connections that are there.
            leaving: The ids of those that were being removed when the task began.
        """
        found: dict[str, AtlasError] = {}
        for peer in listed:
            provider = provider_of(peer)
            until = self._old_until.get(peer["id"], 0 if peer["id"] in leaving else None)
            if until is None:
                continue
            if peer["status_name"] != provider.removal_failed:
                self._old_until[peer["id"]] = 0
            elif self._clock() >= until:
                found[peer["id"]] = not_removed(provider, peer)
        return found
