# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which steps of a run are sent next, and when a step in doubt is looked for."""

from __future__ import annotations

import bisect
import math
import typing as t
from collections import deque
from dataclasses import dataclass

from .plan import Step
from .run import pauses_before_look
from .side import AnySide, Target

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .ledger import Ledger
    from .run_progress import RunProgress


class Ready:
    """The steps that can be sent, in the order of the plan.

    Args:
        ledger: Has the steps.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._order: list[tuple[int, Target]] = []
        # The step of each owner, and how many were sent before it was found ready.
        self._steps: dict[Target, tuple[Step, int]] = {}

    def add(self, target: Target, step: Step, sent: int) -> None:
        """Add the next step of an owner; `sent` says how many steps were sent before."""
        if target not in self._steps:
            bisect.insort(self._order, (self._ledger.number(target), target))
        self._steps[target] = (step, sent)

    def remove(self, target: Target) -> None:
        """Remove the step of an owner, if there is one."""
        if self._steps.pop(target, None) is not None:
            self._order = [one for one in self._order if one[1] != target]

    def take(self) -> tuple[Target, Step, int] | None:
        """Remove and return the first step that there is room for; None if there is none."""
        full: set[t.Hashable] = set()
        for index, (unused, target) in enumerate(() if self._ledger.is_full else self._order):
            step, sent = self._steps[target]
            if step.lanes and not full.isdisjoint(step.lanes):
                continue
            if step.lanes and not self._ledger.has_room(step):
                full.update(step.lanes)
                continue
            del self._order[index], self._steps[target]
            return target, step, sent
        return None

    def has_side(self, side: str) -> bool:
        """Return whether a step of a side can be sent."""
        return any(target[0] == side for target in self._steps)


@dataclass
class Search:
    """When steps in doubt are looked for.

    Attributes:
        targets: Their owners.
        pauses: The pauses before further looks, if one has not shown the effect.
        due: When the next look is due, on the clock.
    """

    targets: list[Target]
    pauses: deque[float]
    due: float = 0.0


class Searches:
    """The looks for steps in doubt.

    Args:
        front: The front that runs.
        ledger: Has the steps in doubt.
        progress: Announces the pauses.
    """

    def __init__(self, front: AnyFront, ledger: Ledger, progress: RunProgress) -> None:
        self._front, self._ledger, self._progress = front, ledger, progress
        self._sides = {side.name: side for side in front.sides}
        self._open: list[Search] = []

    def __bool__(self) -> bool:
        """Whether a look is to come."""
        return bool(self._open)

    def retries(self, target: Target) -> int:
        """Return how often a step of an owner is sent again after another look."""
        retries = self._sides[target[0]].retries
        return int(self._front.params["retries"]) if retries is None else retries

    def begin(self, is_busy: t.Callable[[AnySide], bool]) -> None:
        """Begin to look for all steps in doubt: those of a side together, once it is not busy, if it looks together."""
        doubts = self._ledger.doubts
        known = {target for search in self._open for target in search.targets}
        targets = [target for target in doubts if target not in known]
        groups: dict[t.Hashable, list[Target]] = {}
        for target in targets:
            side = self._sides[target[0]]
            if not (side.looks_together and is_busy(side)):
                groups.setdefault(side.name if side.looks_together else target, []).append(target)
        for group in groups.values():
            found = [self._pauses(target) for target in group]
            search = Search(group, deque(max(found, key=sum)))
            self.schedule(search)
            self._open.append(search)

    def _pauses(self, target: Target) -> t.Sequence[float]:
        doubt = self._ledger.doubts[target]
        return pauses_before_look(doubt.step, doubt.error, self._ledger.tries[target], self.retries(target))

    def schedule(self, search: Search) -> None:
        """Set when a search looks next, and announce the pause before it."""
        pause = search.pauses.popleft()
        doubts = [self._ledger.doubts[target] for target in search.targets]
        if pause and doubts:
            self._progress.announce(self._front.service, doubts[-1].error, pause)
        search.due = self._front.clock() + pause

    def due_at(self) -> float:
        """Return when a look is due, on the clock; infinity if there is none."""
        return min((search.due for search in self._open), default=math.inf)

    def take_due(self, moment: float) -> list[Search]:
        """Return the searches that are due at a moment, with the owners that are still in doubt."""
        for search in self._open:
            search.targets = [target for target in search.targets if target in self._ledger.doubts]
        self._open = [search for search in self._open if search.targets]
        return [search for search in self._open if search.due <= moment]

    def end(self, search: Search) -> None:
        """End a search."""
        self._open.remove(search)
