# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Deciding: what must be done to get from the current state to the wanted one. Pure; nothing is read or sent here."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Fields = t.Mapping[str, t.Any]
Action = t.Literal["nothing", "create", "update", "delete", "recreate"]


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        action: The one action that leads from I(before) to I(after).
        before: The fields as they are; None where nothing is there.
        after: The fields as they will be; None where nothing will be there.
        differing: The names of the fields that differ, sorted.
    """

    action: Action
    before: Fields | None
    after: Fields | None
    differing: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything is to be done."""
        return self.action != "nothing"


def plan(
    wanted: Fields | None,
    current: Fields | None,
    *,
    changeable: t.Container[str] = (),
    replace: bool = False,
    blank: Fields | None = None,
) -> Plan:
    """Compare the wanted fields with the current ones.

    Args:
        wanted: The fields that were asked for, without those left open; None when nothing should be there.
        current: All fields of what is there; None when there is nothing.
        changeable: The fields that an update can change. A difference in any other calls for C(recreate).
        replace: Whether what is there is beyond repair and must be made anew, different or not.
        blank: What the fields that I(wanted) leaves open have after a creation.
    """
    if wanted is None:
        return Plan("delete" if current is not None else "nothing", current, None)
    created = {**(blank or {}), **wanted}
    if current is None:
        return Plan("create", None, created)
    differing = tuple(sorted(name for name, value in wanted.items() if current.get(name) != value))
    if replace or any(name not in changeable for name in differing):
        return Plan("recreate", current, created, differing)
    if differing:
        return Plan("update", current, {**current, **wanted}, differing)
    return Plan("nothing", current, current)
