# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.
"""What the result of a declared list says: actions, failures, sums, the diff. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import FAILURE_FIELDS, AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Fields, Plan

from .entries import Entry
from .set_state import PeerSetState

KNOWN_LATER = "(known after apply)"
_SUMS = {"create": "created", "update": "updated", "recreate": "recreated"}


def name_of(fields: Fields) -> str:
    """Return the account and the VPC of a connection, for users."""
    return f"{fields['aws_account_id']}/{fields['vpc_id']}"


def to_actions(changes: t.Iterable[Change], state: PeerSetState, entries: t.Sequence[Entry]) -> list[dict[str, t.Any]]:
    """Return changes for the result, in the order of the list, removals at the end."""
    indexes = {entry.key: entry.index for entry in entries}
    actions = []
    for change in sorted(changes, key=lambda one: indexes.get(one.key, len(indexes))):
        shown = change.after or change.before or {}
        own = state.entries.get(change.key)
        present = own.peer if own is not None and change.after is not None else None
        actions.append(
            {
                "action": change.action,
                "index": indexes.get(change.key),
                "id": (present or change.before or {}).get("id"),
                "name": name_of(shown),
                "container_id": shown["container_id"],
                "differing": list(change.differing) if change.action == "update" else [],
            }
        )
    return actions


def to_failures(failures: t.Mapping[str, AtlasError], state: PeerSetState, entries: t.Sequence[Entry]) -> list[dict[str, t.Any]]:
    """Return failures for the result, in the order of the list; removals and what concerns the whole list at the end."""
    by_key = {entry.key: entry for entry in entries}
    listed = {peer["id"]: peer for peer in state.listed}
    found = []
    for key, error in sorted(failures.items(), key=lambda one: by_key[one[0]].index if one[0] in by_key else len(by_key)):
        entry, own = by_key.get(key), state.entries.get(key)
        peer = own.peer if own is not None else listed.get(key)
        name = entry.name if entry is not None else name_of(peer) if peer is not None else None
        found.append(
            {
                "index": entry.index if entry is not None else None,
                "id": peer["id"] if peer is not None else None,
                "name": name,
                **error.to_result(),
            }
        )
    return found


def to_summary(
    changes: t.Iterable[Change], failures: t.Collection[str], entries: t.Sequence[Entry], ignored: int, undeclared: int
) -> dict[str, int]:
    """Return the sums for the result: each entry is counted once, and an entry that has failed as failed."""
    keys = {entry.key for entry in entries}
    actions = {change.key: change.action for change in changes}
    failed = keys & set(failures)
    sums = {total: sum(actions.get(key) == action for key in keys - failed) for action, total in _SUMS.items()}
    return {
        **sums,
        "unchanged": len(keys) - len(failed) - sum(sums.values()),
        "failed": len(failed),
        "deleted": sum(key not in keys for key in actions),
        "ignored": ignored,
        "undeclared": undeclared,
    }


def to_diff(changes: t.Iterable[Change], state: PeerSetState, unchanged: int) -> list[dict[str, t.Any]]:
    """Return the diff: one element for each changed connection, and how many are as they should be."""
    diff: list[dict[str, t.Any]] = []
    for change in changes:
        own = state.entries.get(change.key)
        after: t.Mapping[str, t.Any] | None = own.peer if own is not None and change.after is not None else change.after
        header = f"{name_of(change.after or change.before or {})} ({change.action})"
        diff.append(
            {
                "before_header": header,
                "after_header": header,
                "before": change.before or {},
                "after": {name: _foreseen(name, value, change) for name, value in (after or {}).items()},
            }
        )
    if unchanged:
        diff.append({"prepared": f"{unchanged} unchanged\n"})
    return diff


def _foreseen(name: str, value: t.Any, change: Change) -> t.Any:
    """Return a field as the diff shows it: what is null now, and only Atlas will know, is said to be known later."""
    is_new = change.action in ("create", "recreate")
    return KNOWN_LATER if is_new and value is None and name in ("id", "connection_id") else value


def describe_failures(failures: t.Sequence[t.Mapping[str, t.Any]]) -> AtlasError | None:
    """Return the failure of a task that has failed in parts; None for none."""
    if not failures:
        return None
    only: t.Mapping[str, t.Any] = failures[0] if len(failures) == 1 else {}
    error = AtlasError(" ".join(str(failure["msg"]) for failure in failures))
    for name in FAILURE_FIELDS:
        setattr(error, name, only.get(name))
    return error
