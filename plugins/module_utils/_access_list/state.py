# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read of an access list, and what a task has done to it. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .._engine.plan import Change, find_differences
from .._resources.access_list import Entry

Entries = t.Mapping[str, Entry]


def to_change(name: str, before: Entry | None, after: Entry | None) -> Change:
    """Return the change of an entry that is None before or after it is there."""
    action: t.Literal["create", "update", "delete"] = "update"
    if before is None or after is None:
        action = "create" if before is None else "delete"
    return Change(action, name, t.cast(t.Any, before), t.cast(t.Any, after))


def to_actions(changes: t.Iterable[Change], declared: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Return changes as results show them, in the order in which their entries are declared, with the others at the end."""
    places = {name: index for index, name in enumerate(declared)}
    return [
        {
            "action": change.action,
            "index": places.get(change.key),
            "name": change.key,
            "differing": list(find_differences(change.after or {}, change.before or {})) if change.action == "update" else [],
        }
        for change in sorted(changes, key=lambda one: (places.get(one.key, len(places)), one.key))
    ]


@dataclass(frozen=True)
class AccessListState:
    """The access list of a project.

    Attributes:
        listed: All entries, by their names.
        first: All entries as they were when the task began: what comes later is somebody else's.
        waiting: The names of the declared entries that are not in force yet; None if that was not asked for.
        done: The changes that this task has made, by the names of the entries.
    """

    listed: Entries
    first: Entries
    waiting: tuple[str, ...] | None = None
    done: t.Mapping[str, Change] = field(default_factory=dict)

    def with_changes(self, changes: t.Iterable[Change]) -> AccessListState:
        """Return the state after some changes; what was added may not be in force yet."""
        changes = tuple(changes)
        changed = {change.key: t.cast("Entry | None", change.after) for change in changes}
        listed = {name: entry for name, entry in {**self.listed, **changed}.items() if entry is not None}
        is_less = all(change.after is None for change in changes)
        done = {**self.done, **{change.key: change for change in changes}}
        return replace(self, listed=listed, waiting=self.waiting if is_less else None, done=done)
