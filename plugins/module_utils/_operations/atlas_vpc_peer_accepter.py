# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peer_accepter does: it sets up the accepter's half of a connection, or removes its routes."""

from __future__ import annotations

import typing as t

from .._aws import boto, session
from .._aws.accepter.network import Network
from .._aws.accepter.plan import UNKNOWN, AccepterPlan, require_connection
from .._aws.accepter.routes import to_tags
from .._aws.accepter.view import View, replaced_by, to_diff, to_result
from .._aws.options import AWS_OPTIONS, credentials_of
from .._aws.options import validate as validate_aws
from .._clouds.aws import AWS
from .._engine.argspec import WAIT, ArgumentSpec
from .._engine.front import Front, ResultValue, States
from .._engine.operation import Status
from .._engine.options import Parameters, check_options, check_wait
from .._engine.plan import Plan, to_line
from .._engine.side import ONLY, AnySide, Waiting
from .._http.errors import InvalidOptionError
from .._http.pauses import Clock
from .._sides.aws import Accepter, AwsReader, AwsSide, facts_of, is_awaited
from .._values.blocks import parse_private_block
from .._values.ids import (
    parse_account_id,
    parse_connection_id,
    parse_object_id,
    parse_route_table_id,
    parse_security_group_id,
    parse_vpc_id,
)
from .._values.patterns import InvalidValueError

ACCEPTER_SPEC = (
    AWS_OPTIONS
    + WAIT
    + ArgumentSpec(
        {
            "connection_id": {"type": "str"},
            "vpc_id": {"type": "str"},
            "aws_account_id": {"type": "str"},
            "route_table_cidr_block": {"type": "str"},
            "atlas_cidr_block": {"type": "str"},
            "atlas_aws_account_ids": {"type": "list", "elements": "str"},
            "route_table_ids": {"type": "list", "elements": "str"},
            "route_table_tags": {"type": "dict", "no_log": False},
            "replace_routes": {"type": "bool", "default": False},
            "accept": {"type": "bool", "default": True},
            "dns": {"type": "str", "choices": ["warn", "enable", "ignore"], "default": "warn"},
            "tags": {"type": "dict", "no_log": False, "aliases": ["resource_tags"]},
            "purge_tags": {"type": "bool", "default": False},
            "security_group_ids": {"type": "list", "elements": "str"},
            "group_id": {"type": "str", "aliases": ["project_id"]},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=(("route_table_ids", "route_table_tags"),),
    )
)


def _parse_connection_id(value: str) -> str:
    try:
        parse_object_id(value)
    except InvalidValueError:
        return parse_connection_id(value)
    raise InvalidValueError(
        f"is not the id of a peering connection in AWS: {value!r}",
        "That is an id of Atlas. Take connection_id of the results of atlas_vpc_peer, which begins with pcx-.",
    )


# The parser of each option, or of each element of a list.
_PARSERS: dict[str, t.Callable[[str], object]] = {
    "connection_id": _parse_connection_id,
    "vpc_id": parse_vpc_id,
    "group_id": parse_object_id,
    "aws_account_id": parse_account_id,
    "atlas_aws_account_ids": parse_account_id,
    "route_table_ids": parse_route_table_id,
    "security_group_ids": parse_security_group_id,
    "route_table_cidr_block": parse_private_block,
    "atlas_cidr_block": parse_private_block,
}


class AtlasVpcPeerAccepter(Front[session.AwsSession]):
    """Sets up the accepter's half of a connection, or removes its routes."""

    argument_spec = ACCEPTER_SPEC
    libraries = boto.LIBRARIES
    connect = staticmethod(session.connect)
    service = AWS.name
    noun = "accepter"
    waits_first = True

    def __init__(self, params: Parameters, aws: session.AwsSession, clock: Clock) -> None:
        super().__init__(params, aws, clock)
        network = Network(aws)
        self.sides = (AwsSide(self.context, AwsReader({ONLY: Accepter(params, network, facts_of(network))})),)
        # The view before the first change.
        self._first: View | None = None
        # What each new route replaces: a later plan has only what is left to do.
        self._replaces: dict[str, str] = {}

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, but for `connection_id`, which check mode does without if it has `vpc_id`."""
        params, warnings = validate_aws(params)
        _validate(params)
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
            for one in plan.route_changes if isinstance(plan, AccepterPlan) else ():
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

    def show(self) -> dict[str, ResultValue]:
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


def _validate(params: Parameters) -> None:
    """Check the values of options before anything is read.

    Raises:
        InvalidOptionError: If an option is invalid, or one is missing that is required without `connection_id`.
    """
    for option, parse in _PARSERS.items():
        check_options(params, parse, option)
    for option in ("atlas_aws_account_ids", "route_table_ids", "route_table_tags"):
        if params[option] is not None and not params[option]:
            raise InvalidOptionError(f"{option} is empty.", hint="Name at least one, or leave the option out.")
    for option in ("tags", "route_table_tags"):
        to_tags(option, params[option])
    check_wait(params)
    if params["connection_id"] is None:
        _check_vpc(params)


def _check_vpc(params: Parameters) -> None:
    """Check the options that are required without `connection_id`."""
    if params["state"] == "absent":
        missing = [option for option in ("vpc_id", "atlas_cidr_block") if params[option] is None]
        if missing:
            raise InvalidOptionError(
                f"Without connection_id, state absent needs {' and '.join(missing)}.",
                hint="With them, it deletes the routes to atlas_cidr_block that lead to ended connections of the VPC.",
            )
    elif params["vpc_id"] is None:
        require_connection(params)


OPERATION = AtlasVpcPeerAccepter
