# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer_accepter does: read everything, refuse or plan, change one thing after the other."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.retry import backoff
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.apply import make_change
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.block import find_block
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.checks import check_account, check_usable
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.look import look
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.options import ARGUMENT_SPEC, validate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.plan import Plan, plan_absent, plan_present
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.steps import (
    Accept,
    RouteChange,
    Step,
    after,
    predict,
    with_status,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.view import (
    INITIATING,
    PENDING,
    PROVISIONING,
    View,
    to_result,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.accepter.wait import ConnectionWaiter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.network import Network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws.session import AWS, AwsSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context, Task

# How often a change is tried when its reply was lost, or when somebody else was faster; everything is read again in between.
MOST_PLANS = 4


def run(context: Context[AwsSession]) -> None:
    """Do the accepter's half of the connection, or remove its routes."""
    _AccepterRun(context).run()


TASK = Task(argument_spec=ARGUMENT_SPEC, service=AWS, validate=validate, run=run)


class _AccepterRun:
    """One run of the task: look, decide, apply, wait."""

    def __init__(self, context: Context[AwsSession]) -> None:
        self._context = context
        self._params = context.params
        self._network = Network(context.client)
        self._waiter = ConnectionWaiter(context, self._network)
        self._is_absent = context.params["state"] == "absent"
        self._account_id = self._find_account()
        # What was there before the first change, and what is there now.
        self._first = self._view = View(context.client.region, self._account_id)
        self._has_accepted = False
        self._plan = Plan()
        # The change that is being made, and how many were made before.
        self._step: Step | None = None
        self._made = 0

    def run(self) -> None:
        context = self._context
        self._view = self._look()
        if self._params["wait"] and not self._is_absent and not context.check_mode:
            self._wait_for_request()
        self._first = self._view
        self._decide()
        if context.check_mode:
            context.outcome.changed = bool(self._plan.steps)
            self._view = predict(self._view, self._plan.steps)
            self._publish()
            return
        failures, made = 0, 0
        while True:
            try:
                self._apply()
                return
            except AtlasError as error:
                # Of many changes, each may fail now and then.
                failures = failures + 1 if self._made == made else 1
                made = self._made
                is_worth_another = error.outcome_unknown or error.is_transient or error.was_overtaken
                if failures == MOST_PLANS or not is_worth_another:
                    context.outcome.changed = context.outcome.changed or error.outcome_unknown
                    raise
                if not error.was_overtaken:
                    context.sleep(backoff(failures - 1))
                self._look_again(error)

    def _find_account(self) -> str | None:
        try:
            return self._context.client.read_account_id()
        except AtlasError:
            # This needs no permission, so there is no way to STS, or the credentials are wrong: then EC2 says so next.
            return None

    def _look(self) -> View:
        return look(self._params, self._network, self._context.client.region, self._account_id)

    def _wait_for_request(self) -> None:
        """Wait for a connection that AWS does not show yet, or cannot be accepted yet."""
        connection = self._view.connection
        if self._params["connection_id"] is None or (connection is not None and connection.status != INITIATING):
            return
        check_account(self._params, self._view)
        if self._waiter.until_requested(connection) is not None:
            self._view = self._look()

    def _decide(self) -> None:
        plan = plan_absent(self._params, self._view) if self._is_absent else plan_present(self._params, self._view)
        if self._has_accepted:
            # AWS shows the old state for a moment.
            plan = replace(plan, steps=tuple(one for one in plan.steps if not isinstance(one, Accept)))
        self._plan = plan
        warnings = self._context.outcome.warnings
        warnings += [one for one in plan.warnings if one not in warnings]
        self._publish()

    def _look_again(self, error: AtlasError) -> None:
        """Read everything again after a change that was not answered, or came too late, and plan anew."""
        outcome = self._context.outcome
        try:
            self._view = self._look()
            self._decide()
        except AtlasError:
            outcome.changed = outcome.changed or error.outcome_unknown
            raise
        if error.outcome_unknown and self._step not in self._plan.steps:
            outcome.changed = True

    def _publish(self) -> None:
        """Let the result show how far the task has come."""
        outcome, plan = self._context.outcome, self._plan
        outcome.before = to_result(self._first, self._first, plan.table_ids, plan.block)
        outcome.values["accepter"] = outcome.after = to_result(self._first, self._view, plan.table_ids, plan.block)

    def _apply(self) -> None:
        """Make the changes, one after the other."""
        steps = self._plan.steps
        if Accept() in steps:
            self._step = Accept()
            self._accept()
        if not self._is_absent and self._params["accept"]:
            self._settle()
        for step in steps:
            if isinstance(step, Accept):
                continue
            self._step = step
            if make_change(self._network, self._view, step):
                self._context.outcome.changed = True
            self._made += 1
            self._view = after(self._view, step)
            self._publish()

    def _accept(self) -> None:
        accepted = self._network.accept(self._params["connection_id"])
        self._context.outcome.changed = self._has_accepted = True
        self._made += 1
        is_shown = accepted is not None and accepted.status != PENDING
        self._view = with_status(
            self._view,
            accepted.status if accepted is not None and is_shown else PROVISIONING,
            accepted.status_message if accepted is not None and is_shown else None,
        )
        self._publish()

    def _settle(self) -> None:
        """Bring the connection to where its block can be compared, and to where the task is to wait for.

        Raises:
            AtlasError: When it has ended meanwhile, its block is another one, or AWS tells none.
        """
        connection = self._view.connection
        if connection is None:
            return
        routes = [one for one in self._plan.steps if isinstance(one, RouteChange)]
        seen = connection
        if self._has_accepted:
            again = self._network.get_connection(connection.id)
            # For a moment, AWS may still show it as it was.
            seen = again if again is not None and again.status != PENDING else connection
        if self._params["wait"]:
            seen = self._waiter.until_active(seen)
        if routes and not seen.requester.cidr_blocks:
            seen = self._waiter.until_told(seen)
        self._view = replace(self._view, connection=seen)
        self._publish()
        check_usable(self._params, self._view, will_wait=False)
        find_block(self._params, seen)
        if routes and not seen.requester.cidr_blocks:
            raise AtlasError(
                f"The VPC peering connection {seen.id} is {seen.status}, and AWS does not tell yet which block is behind it: no "
                f"route was made, since atlas_cidr_block {self._plan.block} could not be compared.",
                hint="Run the task again in a minute.",
            )
