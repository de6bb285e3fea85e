# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run decides: one way for its first plan and all later ones."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .options import name_project
from .plan import Change, Plan, Step
from .side import AnySide, Target

if t.TYPE_CHECKING:
    from .front import AnyFront
    from .ledger import Ledger
    from .looks import Looks
    from .outcome import Outcome
    from .run_progress import RunProgress


class Planning:
    """Makes the plans of a run.

    Args:
        front: The front that runs.
        ledger: Gets the steps.
        looks: Has the entries that could not be read.
        progress: Shows the plan.
        outcome: Receives the line of the first plan, and warnings.
    """

    def __init__(self, front: AnyFront, ledger: Ledger, looks: Looks, progress: RunProgress, outcome: Outcome) -> None:
        self._front, self._ledger, self._looks = front, ledger, looks
        self._progress, self._outcome = progress, outcome

    def decide(self) -> Plan:
        """Plan for all owners in place of all that was not sent, and show the plan.

        Raises:
            TaskError: If the plan must not be carried out; the outcome already shows it.
        """
        front, unread = self._front, self._looks.unread
        plan = Plan(refusals=dict(unread)) if unread else front.plan_of([_stamped(plan, side) for side, plan in front.plans()])
        front.context.plan = plan
        if self._outcome.plan is None:
            # People see what the task set out to do; later plans have what is left of it.
            self._outcome.show_line(plan, front.line(plan), name_project(front.params))
        self._ledger.fill(plan)
        self._outcome.warn(plan)
        self._progress.show()
        if plan.refusals:
            raise front.refusal(plan)
        self._ledger.fail_entries(plan.failures, "plan")
        return plan

    def again(self, targets: t.Sequence[Target]) -> tuple[Plan, list[Target]]:
        """Plan again for owners whose steps are in doubt; for a list, the plan that people see stays.

        Returns:
            The plan, and the owners that have failed with it.

        Raises:
            TaskError: If the plan is about one object, and must not be carried out.
        """
        if self._front.is_one:
            return self.decide(), []
        changes: list[Change] = []
        steps: list[Step] = []
        stopped: list[Target] = []
        for side in self._front.sides:
            owners = [owner for name, owner in targets if name == side.name]
            if not owners:
                continue
            plan = _stamped(side.plan(owners), side)
            self._outcome.warn(plan)
            stopped += self._ledger.fail_entries({**plan.failures, **plan.refusals}, side.name)
            changes += plan.changes
            steps += plan.steps
        plan = Plan(tuple(changes), tuple(steps))
        for target, error in self._ledger.replace([one for one in targets if one not in stopped], plan).items():
            stopped += self._ledger.fail(target, None, error)
        return plan, stopped


def _stamped(plan: Plan, side: AnySide) -> Plan:
    """Return a plan whose steps have the name of their side."""
    return replace(plan, steps=tuple(replace(step, side=side.name) for step in plan.steps))
