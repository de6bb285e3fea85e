# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The seam between the resources and the shells: a Task, what it is given, and what comes out of it."""

from __future__ import annotations

import time
import typing as t
from dataclasses import asdict, dataclass, field

from ansible_collections.cloudpeer.atlas.plugins.module_utils._argspec import ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth import ApiKey
from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import REQUESTS_IMPORT_ERROR, ApiCall, AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._connection import Connection
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._plan import Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import check_object_id
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import backoff

__all__ = ["REQUESTS_IMPORT_ERROR", "Context", "Outcome", "Task", "converge"]

Parameters = t.Mapping[str, t.Any]
Resource = t.Optional[dict[str, t.Any]]


@dataclass
class Outcome:
    """What a task has come to; it is filled in as the task goes on, so that a failure tells how far it got.

    Attributes:
        changed: Whether something was changed, would be changed (check mode), or may have been changed when no answer came.
        values: The resources, by the noun under which they are returned.
        before: The resource as it was, for diff mode.
        after: The resource as it is, or will be.
        warnings: Sentences for the user.
        api_calls: The HTTP requests that were sent.
        failure: The fields of the failure, if it is one.
    """

    changed: bool = False
    values: dict[str, t.Any] = field(default_factory=dict)
    before: t.Mapping[str, t.Any] | None = None
    after: t.Mapping[str, t.Any] | None = None
    warnings: list[str] = field(default_factory=list)
    api_calls: list[ApiCall] = field(default_factory=list)
    failure: dict[str, t.Any] | None = None

    def to_result(self, *, diff: bool, verbosity: int) -> dict[str, t.Any]:
        """Return Ansible's result, without C(failed) and the warnings, for which each shell has a way of its own.

        Args:
            diff: Whether the user asked for diff mode.
            verbosity: How many times the user said C(-v); from 2 on the result tells the HTTP requests.
        """
        result: dict[str, t.Any] = {"changed": self.changed, **self.values, **(self.failure or {})}
        if diff and not self.failure:
            result["diff"] = {"before": self.before or {}, "after": self.after or {}}
        if verbosity >= 2:
            result["api_calls"] = [asdict(call) for call in self.api_calls]
        return result


@dataclass
class Context:
    """What a task runs with.

    Attributes:
        params: The options, validated and with their defaults.
        check_mode: Whether to plan only.
        client: Atlas.
        outcome: To be filled in.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    params: Parameters
    check_mode: bool
    client: AtlasClient
    outcome: Outcome
    clock: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Task:
    """One kind of task: what a module does, whichever shell runs it.

    Attributes:
        argument_spec: Its options.
        validate: Checks the options without the network and returns warnings; raises AtlasError.
        run: Reads the current state, plans, applies unless in check mode, waits, and fills in the outcome.
    """

    argument_spec: ArgumentSpec
    validate: t.Callable[[Parameters], list[str]]
    run: t.Callable[[Context], None]

    def execute(self, params: Parameters, *, check_mode: bool) -> Outcome:
        """Run the task with validated options; a failure is an outcome, too, and not an exception."""
        outcome = Outcome()
        client = None
        try:
            check_object_id("group_id", params["group_id"])
            outcome.warnings += self.validate(params)
            client = open_client(params)
            if not params["validate_certs"]:
                outcome.warnings.append("validate_certs is false: anybody on the way to Atlas can read and change what is sent.")
            self.run(Context(params, check_mode, client, outcome))
        except AtlasError as error:
            outcome.failure = error.to_result()
        finally:
            if client is not None:
                outcome.api_calls = client.calls
                client.close()
        return outcome


def open_client(params: Parameters) -> AtlasClient:
    """Make the client that the connection options describe.

    Raises:
        InvalidOptionError: When they cannot be right.
    """
    credential = ApiKey(params["public_key"], params["private_key"])
    names = ("base_url", "api_version", "envelope", "validate_certs", "ca_path", "timeout", "retries")
    return AtlasClient(Connection(**{name: params[name] for name in names}), credential)


def converge(
    context: Context,
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
    may_be_ours = False
    for attempt in range(context.params["retries"] + 2):
        try:
            current = look()
        except AtlasError:
            outcome.changed = outcome.changed or may_be_ours
            raise
        plan = decide(current)
        if failure is None:
            outcome.before = plan.before
        outcome.after = plan.after
        if not plan.changed:
            outcome.changed = outcome.changed or may_be_ours
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
            may_be_ours = may_be_ours or error.outcome_unknown
        else:
            outcome.changed = True
            return plan, state
    raise AssertionError("the loop above returns or raises")


def _is_worth_another_try(error: AtlasError) -> bool:
    return error.is_transient or error.is_lost_race
