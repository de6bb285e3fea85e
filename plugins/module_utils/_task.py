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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._pool import ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._reply import ApiCall
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import check_object_id
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import State, wait_until

Parameters = t.Mapping[str, t.Any]


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
        secrets: What the shells must not show beside the secrets among the options: tokens, and what a profile has.
    """

    changed: bool = False
    values: dict[str, t.Any] = field(default_factory=dict)
    before: t.Mapping[str, t.Any] | None = None
    after: t.Mapping[str, t.Any] | None = None
    warnings: list[str] = field(default_factory=list)
    api_calls: list[ApiCall] = field(default_factory=list)
    failure: dict[str, t.Any] | None = None
    secrets: set[str] = field(default_factory=set)

    def to_result(self, *, diff: bool, verbosity: int) -> dict[str, t.Any]:
        """Return Ansible's result, without C(failed) and the warnings, for which each shell has a way of its own.

        Args:
            diff: Whether the user asked for diff mode.
            verbosity: How many times the user said C(-v); from 2 on the result tells the HTTP requests.
        """
        result: dict[str, t.Any] = {"changed": self.changed, **self.values, **(self.failure or {})}
        if diff and not self.failure and (self.before is not None or self.after is not None):
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
        report: Takes a line for the user while the task waits.
        clock: A monotonic clock, in seconds.
        sleep: Sleeps that many seconds.
    """

    params: Parameters
    check_mode: bool
    client: AtlasClient
    outcome: Outcome
    report: t.Callable[[str], None]
    clock: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep

    def wait_until(self, poll: t.Callable[[], State], is_done: t.Callable[[State], bool]) -> State:
        """Wait as the options say; see C(_wait.wait_until).

        Raises:
            WaitTimeoutError: When the time is up.
        """
        return wait_until(
            poll,
            is_done,
            timeout=self.params["wait_timeout"],
            longest_interval=self.params["wait_sleep"],
            clock=self.clock,
            sleep=self.sleep,
        )


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

    def execute(
        self,
        params: Parameters,
        *,
        check_mode: bool,
        pool: ClientPool,
        report: t.Callable[[str], None] = lambda line: None,
    ) -> Outcome:
        """Run the task with validated options; a failure is an outcome, too, and not an exception.

        Args:
            params: The options, validated and with their defaults.
            check_mode: Whether to plan only.
            pool: Where the client comes from.
            report: Takes a line for the user while the task waits.
        """
        outcome = Outcome()
        try:
            check_object_id("group_id", params["group_id"])
            outcome.warnings += self.validate(params)
            if not params["validate_certs"]:
                outcome.warnings.append("validate_certs is false: anybody on the way to Atlas can read and change what is sent.")
            with pool.lease(params, outcome.warnings.append) as client, client.recording() as outcome.api_calls:
                try:
                    self.run(Context(params, check_mode, client, outcome, report))
                finally:
                    outcome.secrets.update(client.credential.secrets)
        except AtlasError as error:
            outcome.failure = error.to_result()
        return outcome
