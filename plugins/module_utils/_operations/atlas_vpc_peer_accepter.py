# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer_accepter does: it reads the network in AWS, plans, and makes one change after the other."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import reduce

from .._aws import boto, session
from .._aws.accepter.checks import check_account, no_block_error
from .._aws.accepter.network import Network
from .._aws.accepter.options import ARGUMENT_SPEC, require_connection, validate
from .._aws.accepter.plan import AccepterPlan, plan_absent, plan_present
from .._aws.accepter.requests import Accept, RouteChange, Takeover, replaced_by, view_after, with_status
from .._aws.accepter.routes import say_notes, say_takeovers
from .._aws.accepter.view import View, to_diff, to_result
from .._aws.accepter.wait import UNKNOWN, ConnectionWaiter
from .._aws.objects import INITIATING, PENDING, PROVISIONING, ROUTES_QUOTA
from .._aws.options import credentials_of
from .._aws.options import validate as validate_aws
from .._clouds.aws import AWS
from .._engine.operation import Operation, Status
from .._engine.options import Parameters
from .._engine.plan import Plan, Step, to_line
from .._engine.wait import Wait
from .._http.pauses import Clock


class AtlasVpcPeerAccepter(Operation[session.AwsSession, View]):
    """Sets up the accepter's half of a connection, or removes its routes."""

    argument_spec = ARGUMENT_SPEC
    libraries = boto.LIBRARIES
    connect = staticmethod(session.connect)
    service = AWS.name
    noun = "accepter"
    # How often a change is repeated after its reply was lost, or after it was overtaken.
    retries = 3

    def __init__(self, params: Parameters, aws: session.AwsSession, clock: Clock) -> None:
        super().__init__(params, aws, clock)
        self._network = Network(aws)
        self._waiter = ConnectionWaiter(params, self._network)
        self._is_absent = params["state"] == "absent"
        self._is_awaited = params["wait"] and not self._is_absent and params["connection_id"] is not None
        self._account_id: str | None = None
        # The view before the first change.
        self._first: View | None = None
        self._has_accepted = False
        # What was said of wider routes, and what each new route replaces: a later plan has only what is left to do.
        self._said: dict[Takeover, str] = {}
        self._replaces: dict[str, str] = {}

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, but for `connection_id`, which check mode does without if it has `vpc_id`."""
        params, warnings = validate_aws(params)
        validate(params)
        credentials_of(params, params["aws_account_id"])
        return params, warnings

    @property
    def name(self) -> str:
        """The id of the connection."""
        return str(self.params["connection_id"])

    def look(self) -> View:
        """Read the connection, its VPC, the route tables, and the security groups."""
        if self._first is None:
            self._account_id = self.session.find_account_id()
        view = self._network.look(self.params, self._account_id)
        if self._has_accepted and view.connection is not None and view.connection.status == PENDING:
            # AWS shows the old state for a moment.
            view = with_status(view, PROVISIONING)
        self._first = self._first or view
        return view

    def wait_first(self, state: View) -> Wait[View] | None:
        """Wait for a connection that AWS does not show yet, or that cannot be accepted yet.

        Raises:
            InvalidOptionError: If `connection_id` is not set: only a prediction does without it.
        """
        require_connection(self.params)
        if not self._is_awaited or (state.connection is not None and state.connection.status != INITIATING):
            return None
        check_account(self.params, state)
        self._first = None
        return self._waiter.until_requested()

    def read(self, key: str) -> t.Collection[str] | int | None:
        """Read the blocks of a prefix list, or how many routes a table may have; None if the credentials may not."""
        return self._network.get_routes_quota() if key == ROUTES_QUOTA else self._network.get_list(key)

    def decide(self, state: View) -> AccepterPlan:
        """Plan the changes, or refuse them."""
        if self._is_absent:
            return plan_absent(self.params, state)
        plan = plan_present(self.params, state, self.facts)
        changes = plan.route_changes
        said = {one: self._said.setdefault(one, text) for one, text in say_takeovers(changes).items()}
        for one in changes:
            self._replaces.update({f"{one.block} in {one.table_id}": text for text in replaced_by(one).values()})
        return replace(plan, notes=tuple(say_notes(changes)), consequences=tuple(said.values()))

    def line(self, state: View, plan: Plan) -> str:
        """Return the plan in one line; unchanged are the chosen route tables whose route to the block stays as it is."""
        if not isinstance(plan, AccepterPlan) or plan.block is None:
            return to_line(plan, 0)
        return to_line(plan, len(plan.table_ids) - len(plan.route_changes))

    def predict(self, state: View, plan: Plan) -> View:
        """Return the network after all changes."""
        return reduce(view_after, (step.request for step in plan.steps), state)

    def apply(self, step: Step, state: View) -> View:
        """Make one change."""
        connection = state.connection
        needs_block = isinstance(step.request, RouteChange) and step.request.action != "delete" and self.params["accept"]
        if needs_block and connection is not None and not connection.requester.cidr_blocks:
            raise no_block_error(connection, step.request.block)
        after = self._network.make_change(state, step.request)
        if isinstance(step.request, Accept):
            self._has_accepted = True
            self._waiter.is_stale = True
        return after

    def wait(self, state: View, step: Step | None = None) -> Wait[View] | None:
        """Wait until the connection has settled: before each change after the acceptance, and at the end."""
        if self._is_absent or not self.params["accept"] or state.connection is None:
            return None
        return self._waiter.until_settled(needs_block=step is not None and isinstance(step.request, RouteChange))

    def status(self, state: View, wait: Wait[View] | None) -> Status | None:
        """Return the state of the connection, if the task waits for it."""
        if not self._is_awaited:
            return None
        return Status(state.connection.status if state.connection is not None else UNKNOWN)

    def show(self, state: View, plan: Plan) -> dict[str, t.Any]:
        """Show the connection, the VPC, and the routes in the chosen tables before and after the task."""
        if not isinstance(plan, AccepterPlan):
            return {}
        return {"accepter": to_result(self._first or state, state, plan.table_ids, plan.block)}

    def compare(self, state: View, plan: Plan) -> dict[str, t.Any] | None:
        """Return what the task can change, for diff mode."""
        if not isinstance(plan, AccepterPlan):
            return None
        shown = to_diff(state, plan.table_ids, plan.block)
        replaced = {name: text for name, text in self._replaces.items() if shown["routes"].get(name) is not None}
        return {**shown, "replaces": replaced} if replaced else shown


OPERATION = AtlasVpcPeerAccepter
