# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The loop from the current state to the wanted one, for changes that can be lost on the way or overtaken."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.retry import backoff

from .operation import Context
from .plan import Plan

Resource = t.Optional[dict[str, t.Any]]

# The seconds to pause before each look after a creation that got no clear answer: what lists show may lag behind.
CREATION_PAUSES = (2.0, 4.0)


def converge(
    context: Context[t.Any],
    look: t.Callable[[], Resource],
    decide: t.Callable[[Resource], Plan],
    apply: t.Callable[[Plan, Resource], Resource],
    *,
    creation_pauses: t.Sequence[float] = (),
    explain: t.Callable[[AtlasError], None] = lambda error: None,
) -> tuple[Plan, Resource]:
    """Get from the current state to the wanted one.

    When a change is not answered, or the answer is that somebody was faster, the state is read again. A change
    whose outcome is unknown is never simply sent again: a new plan is made from what is there then, right before that is sent.

    Args:
        context: The running task. Its outcome is changed when a plan was carried out, or may have been.
        look: Reads the current state.
        decide: Plans, from that state.
        apply: Carries a plan out, given the state it was made from, and returns the state after it. Not called in check mode.
        creation_pauses: For what must not be created twice: the seconds to pause before each of the looks that follow a creation
            whose outcome is unknown, or which Atlas refused because somebody was faster. The first that finds it ends them.
        explain: Called with a failure after which the looks show nothing new; it may raise a better one.

    Returns:
        The plan that led to the end, and the state then (in check mode, the state now).
    """
    outcome, retries = context.outcome, context.params["retries"]
    failure: AtlasError | None = None
    pauses: t.Sequence[float] = (0.0,)
    # The plan that failed, and the last one whose outcome is unknown.
    tried: Plan | None = None
    lost: Plan | None = None
    for attempt in range(retries + 2):
        for pause in pauses:
            if pause:
                context.sleep(pause)
            try:
                current = look()
                plan = decide(current)
            except Exception:
                outcome.changed = outcome.changed or lost is not None
                raise
            if tried is None or not _is_same(plan, tried):
                break
        if lost is not None and not _is_same(plan, lost):
            # It took effect, at least in part.
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
            if tried is not None and _is_same(plan, tried):
                explain(failure)
            if attempt > retries or not _is_worth_another_try(failure, plan):
                raise failure
        sent = len(context.client.calls)
        try:
            state = apply(plan, current)
        except AtlasError as error:
            if not error.outcome_unknown and not _is_worth_another_try(error, plan):
                raise
            failure, tried = error, plan
            lost = plan if error.outcome_unknown else lost
            may_repeat = attempt < retries and _is_worth_another_try(error, plan)
            pauses = (backoff(attempt) if may_repeat else 0.0,)
            if plan.action in ("create", "recreate") and (error.outcome_unknown or error.is_lost_race):
                pauses = creation_pauses or pauses
        except Exception:
            # A defect, or a lack of memory or threads. What hits a request itself after it was sent is an AtlasError.
            calls = context.client.calls[sent:]
            outcome.changed = outcome.changed or any(call.method != "GET" and call.status is not None for call in calls)
            raise
        else:
            outcome.changed = True
            return plan, state
    raise AssertionError("the loop above returns or raises")


def _is_same(plan: Plan, other: Plan) -> bool:
    return (plan.action, plan.differing) == (other.action, other.differing)


def _is_worth_another_try(error: AtlasError, plan: Plan) -> bool:
    # A removal that got an odd answer can be asked for again; one that got none has been, by the client.
    is_odd_removal = plan.action == "delete" and error.outcome_unknown and not error.is_unanswered
    return error.is_transient or error.is_lost_race or is_odd_removal
