# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer_accepter does: it sets up the accepter's half of a connection, or removes its routes."""

from __future__ import annotations

import typing as t

from .._aws import boto, session
from .._aws.accepter.checks import UNKNOWN
from .._aws.accepter.network import Network
from .._aws.accepter.options import ARGUMENT_SPEC, validate
from .._aws.accepter.plan import AccepterPlan
from .._aws.accepter.requests import replaced_by
from .._aws.accepter.view import View, to_diff, to_result
from .._aws.options import credentials_of
from .._aws.options import validate as validate_aws
from .._clouds.aws import AWS
from .._engine.front import Front, ResultValue, States
from .._engine.operation import Status
from .._engine.options import Parameters
from .._engine.plan import Plan, to_line
from .._engine.side import ONLY, AnySide, Target, Waiting
from .._http.pauses import Clock
from .._sides.aws import Accepter, AwsSide, is_awaited


class AtlasVpcPeerAccepter(Front[session.AwsSession]):
    """Sets up the accepter's half of a connection, or removes its routes."""

    argument_spec = ARGUMENT_SPEC
    libraries = boto.LIBRARIES
    connect = staticmethod(session.connect)
    service = AWS.name
    noun = "accepter"
    waits_first = True

    def __init__(self, params: Parameters, aws: session.AwsSession, clock: Clock) -> None:
        super().__init__(params, aws, clock)
        self.sides = (AwsSide(self.context, {ONLY: Accepter(params, Network(aws))}),)
        # The view before the first change.
        self._first: View | None = None
        # What each new route replaces: a later plan has only what is left to do.
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

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield the plan, and keep what results show of the first one."""
        self._first = self._first or self.state
        for side, plan in super().plans():
            for one in t.cast(AccepterPlan, plan).route_changes:
                self._replaces.update({f"{one.block} in {one.table_id}": text for text in replaced_by(one).values()})
            yield side, plan

    def line(self, plan: Plan) -> str:
        """Return the plan in one line; unchanged are the chosen route tables whose route to the block stays as it is."""
        if not isinstance(plan, AccepterPlan) or plan.block is None:
            return to_line(plan, 0)
        return to_line(plan, len(plan.table_ids) - len(plan.route_changes))

    def status(self, waiting: Waiting | None) -> Status | None:
        """Return the state of the connection, if the task waits for it."""
        connection = self.state.connection
        return Status(connection.status if connection is not None else UNKNOWN) if is_awaited(self.params) else None

    def show(self, changed: t.Collection[Target]) -> dict[str, ResultValue]:
        """Show the connection, the VPC, and the routes in the chosen tables before and after the task."""
        plan = self.context.plan
        if not isinstance(plan, AccepterPlan):
            return {}
        return {self.noun: to_result(self._first or self.state, self.state, plan.table_ids, plan.block)}

    def compare(self, states: States) -> t.Mapping[str, ResultValue] | None:
        """Return what the task can change, for diff mode."""
        plan = self.context.plan
        if not isinstance(plan, AccepterPlan):
            return None
        shown = to_diff(states[AwsSide.name][ONLY], plan.table_ids, plan.block)
        replaced = {name: text for name, text in self._replaces.items() if shown["routes"].get(name) is not None}
        return {**shown, "replaces": replaced} if replaced else shown


OPERATION = AtlasVpcPeerAccepter
