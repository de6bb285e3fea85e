# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The loop from the current state to the wanted one, for changes that can be lost on the way or overtaken."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Context
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import backoff

Resource = t.Optional[dict[str, t.Any]]


def converge(
    context: Context[t.Any],
    look: t.Callable[[], Resource],
    decide: t.Callable[[Resource], Plan],
    apply: t.Callable[[Plan, Resource], Resource],
) -> tuple[Plan, Resource]:
    """Get from the current state to the wanted one.

    When a change is not answered, or the answer is that somebody was faster, the state is read again. A change
    whose outcome is unknown is never simply sent again: a new plan is made from what is there then.

    Args:
        context: The running task. Its outcome is changed when a plan was carried out, or may have been.
        look: Reads the current state.
        decide: Plans, from that state.
        apply: Carries a plan out, given the state it was made from, and returns the state after it. Not called in check mode.

    Returns:
        The plan that led to the end, and the state then (in check mode, the state now).
    """
    outcome = context.outcome
    failure: AtlasError | None = None
    # The last plan of which nobody said whether it was carried out.
    lost: Plan | None = None
    for attempt in range(context.params["retries"] + 2):
        try:
            current = look()
            plan = decide(current)
        except Exception:
            outcome.changed = outcome.changed or lost is not None
            raise
        if lost is not None and (plan.action, plan.differing) != (lost.action, lost.differing):
            # Something came of it, were it but the first half.
            outcome.changed = True
        if failure is None:
            outcome.before = plan.before
        outcome.after = plan.after
        if not plan.changed:
            return plan, current
        if context.check_mode:
            outcome.changed = True
            return plan, current
        if failure is not None:
            if attempt > context.params["retries"] or not _is_worth_another_try(failure):
                raise failure
            context.sleep(backoff(attempt - 1))
        try:
            state = apply(plan, current)
        except AtlasError as error:
            if not error.outcome_unknown and not _is_worth_another_try(error):
                raise
            failure = error
            lost = plan if error.outcome_unknown else lost
        else:
            outcome.changed = True
            return plan, state
    raise AssertionError("the loop above returns or raises")


def _is_worth_another_try(error: AtlasError) -> bool:
    return error.is_transient or error.is_lost_race
