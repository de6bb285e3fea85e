# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer_accepter does: read everything, refuse or plan, change one thing after the other."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_checks import check_account, check_usable, find_block
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_look import look
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_options import ARGUMENT_SPEC, validate
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_plan import (
    Accept,
    AddTags,
    EnableDns,
    Plan,
    Step,
    after,
    plan_absent,
    plan_present,
    predict,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_view import (
    INITIATING,
    PENDING,
    PROVISIONING,
    RouteChange,
    View,
    route_to,
    to_result,
    with_status,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_wait import ConnectionWaiter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws_network import Network
from ansible_collections.cloudpeer.atlas.plugins.module_utils._aws_session import AWS, AwsSession
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Context, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._wait import backoff

# How often a change is planned anew when its reply was lost, or when somebody else was faster.
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
        # The change that is being made.
        self._step: Step | None = None

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
        for attempt in range(MOST_PLANS):
            try:
                self._apply()
                return
            except AtlasError as error:
                is_worth_another = error.outcome_unknown or error.is_transient or error.was_overtaken
                if attempt + 1 == MOST_PLANS or not is_worth_another:
                    context.outcome.changed = context.outcome.changed or error.outcome_unknown
                    raise
                if not error.was_overtaken:
                    context.sleep(backoff(attempt))
                self._look_again(error)

    def _find_account(self) -> str | None:
        try:
            return self._context.client.read_account_id()
        except AtlasError:
            # This needs no permission, but some networks have a way to EC2 and none to STS. Wrong credentials fail with EC2, too.
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
            if self._make(step):
                self._context.outcome.changed = True
            self._view = after(self._view, step)
            self._publish()

    def _accept(self) -> None:
        accepted = self._network.accept(self._params["connection_id"])
        self._context.outcome.changed = self._has_accepted = True
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

    def _make(self, step: Step) -> bool:
        """Make a change, and return whether this task made it."""
        if isinstance(step, AddTags):
            self._network.add_tags(self._params["connection_id"], dict(step.tags))
        elif isinstance(step, EnableDns):
            self._network.enable_dns(t.cast("t.Any", self._view.vpc).id, step.name)
        elif isinstance(step, RouteChange):
            return self._change_route(step)
        return True

    def _change_route(self, change: RouteChange) -> bool:
        """Change a route whose target is still the one that was read.

        Raises:
            AtlasError: When it is another one by now; C(was_overtaken) is set then.
        """
        if change.action == "create":
            self._network.create_route(change.table_id, change.block, t.cast("str", change.target))
            return True
        table = next(iter(self._network.find_route_tables([change.table_id])), None)
        route = route_to(table, change.block) if table is not None else None
        target = route.target if route is not None else None
        if target == change.target:
            # It is gone already, or leads to the connection already.
            return False
        if target != change.before:
            failure = AtlasError(
                f"The route to {change.block} in {change.table_id} led to {change.before} and now leads to {target}.",
                hint="Run the task again.",
            )
            failure.was_overtaken = True
            raise failure
        if change.action == "replace":
            self._network.replace_route(change.table_id, change.block, t.cast("str", change.target))
            return True
        try:
            self._network.delete_route(change.table_id, change.block)
        except AtlasError as error:
            if error.error_code == "InvalidRoute.NotFound":
                return False
            raise
        return True
