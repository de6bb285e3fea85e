# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until entries of an access list are in force."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._engine.wait import Wait, WaitTimeoutError
from .._http.errors import AtlasError
from .state import AccessListState

# The statuses of entries by their names, or why one could not be read.
Statuses = t.Mapping[str, t.Union[str, AtlasError]]


def until_in_force(
    state: AccessListState,
    declared: t.Iterable[str],
    read_statuses: t.Callable[[t.Iterable[str]], Statuses],
    *,
    is_before_pruning: bool,
) -> Wait[AccessListState] | None:
    """Return the wait for the declared entries to be in force; None if they are known to be.

    Args:
        state: The state.
        declared: Their names.
        read_statuses: Asks Atlas.
        is_before_pruning: Whether others are removed then.
    """
    if state.waiting == ():
        return None

    def poll(last: AccessListState) -> AccessListState:
        statuses = read_statuses(declared if last.waiting is None else last.waiting)
        for name, status in statuses.items():
            if isinstance(status, AtlasError):
                raise status
            if status == "FAILED":
                raise AtlasError(f"Atlas could not bring {name} of the access list into force.", hint="Run the task again.")
        return replace(last, waiting=tuple(name for name, status in statuses.items() if status != "ACTIVE"))

    def late(last: AccessListState, error: WaitTimeoutError) -> AtlasError:
        unanswered = " Atlas did not answer in the end." if error.unanswered else ""
        kept = " So no entry was pruned yet." if is_before_pruning else ""
        return AtlasError(
            f"{', '.join(last.waiting or ())} of the access list is still not in force after {error.waited:.0f} seconds."
            f"{unanswered}{kept}",
            hint="Raise wait_timeout, or run the task again later.",
        )

    return Wait("in force", poll, lambda last: last.waiting == (), late, polls_at_once=state.waiting is None)
