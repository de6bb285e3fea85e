# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a declared list has come, in one line. Pure."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import fields_of, is_leaving
from .entries import Entry
from .set_state import PeerSetState

# How many connections one line names for each reason to wait.
_MOST_NAMES = 5


def to_line(entries: t.Sequence[Entry], missing: int, state: PeerSetState) -> str:
    """Return how far the entries have come, and which of them somebody has to do something for.

    Args:
        entries: The entries.
        missing: How many of them are not there yet.
        state: What is there.
    """
    goals = {entry.goal.lower().replace("_", " ") for entry in entries}
    line = f"{len(entries) - missing} of {len(entries)} {goals.pop() if len(goals) == 1 else 'there'}"
    for words, names in _waiting(entries, state).items():
        shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
        line += f", {len(names)} {'waits' if len(names) == 1 else 'wait'} for {words}: {shown}"
    leaving = sum(map(is_leaving, state.listed))
    return f"{line}, {leaving} being removed" if leaving else line


def _waiting(entries: t.Iterable[Entry], state: PeerSetState) -> dict[str, list[str]]:
    """Return the connections that somebody has to do something for, by what that is."""
    waiting: dict[str, list[str]] = {}
    for entry in entries:
        own, provider = state.entries.get(entry.key), entry.provider
        if entry.key in state.refused and entry.key not in state.failures:
            waiting.setdefault(f"the role of Atlas in {provider.name}", []).append(entry.name)
        elif own is not None and own.peer is not None and provider.waits_for_customer(own.peer, entry.goal):
            if provider.accepted_id is None:
                waiting.setdefault(f"its peering in {provider.name}", []).append(entry.name)
            else:
                waiting.setdefault("acceptance", []).append(str(fields_of(own.peer)[provider.accepted_id]))
    return waiting
