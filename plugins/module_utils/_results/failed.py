# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the result of a list has if its task fails: Ansible prints all of it."""

from __future__ import annotations

import typing as t

from .._clouds.cloud import Fields
from .._clouds.clouds import CLOUDS
from .._engine.plan import in_words

# How many names a failure of many entries has: its message has no more.
_MOST_NAMES = 3
# What says how far an entry got, beside what names it.
_ACCEPTED = tuple(cloud.accepted_id for cloud in CLOUDS.values() if cloud.accepted_id is not None)
_REACHED = ("id", "status_name", "error_state_name", *_ACCEPTED)
_NAMING = tuple(dict.fromkeys(name for cloud in CLOUDS.values() for name in cloud.names or cloud.identity))


def shortened(failures: t.Iterable[Fields]) -> list[Fields]:
    """Return failures with the first names of the entries that they are about, and with the places of all."""
    return [{**one, "names": one["names"][:_MOST_NAMES]} for one in failures]


def reached(failures: t.Iterable[Fields], rows: t.Sequence[Fields]) -> list[Fields]:
    """Return how far the entries got that have failed after the plan: what there is of each, in its order in the list.

    Args:
        failures: The failures of the result.
        rows: What the result has of each entry, in the order of the list.
    """
    places = sorted({place for one in failures if one.get("step") != "plan" for place in one["indexes"]})
    return [one for place in places if place < len(rows) and (one := _in_short(rows[place]))]


def _in_short(row: Fields) -> Fields:
    """Return the names of an entry, and what there is of it; nothing if there is nothing."""
    known = {**row, **(row.get("vpc_peer") or {})}
    actions = [in_words(one["action"], one["kind"]) for one in row.get("actions", ())]
    found = {name: known[name] for name in _REACHED if known.get(name) is not None} | ({"actions": actions} if actions else {})
    return {name: known[name] for name in _NAMING if known.get(name) is not None} | found if found else {}
