# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accepter's half of connections in AWS as a side: acceptance, routes, tags and DNS, or the removal of routes."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._aws.accepter.checks import (
    LONGEST_APPEARANCE,
    LONGEST_PROVISIONING,
    check_account,
    check_usable,
    find_block,
    late_error,
    no_block_error,
    unknown_error,
)
from .._aws.accepter.network import Network
from .._aws.accepter.options import require_connection
from .._aws.accepter.plan import AccepterPlan, plan_absent, plan_present
from .._aws.accepter.requests import Accept, RouteChange, Takeover, view_after, with_status
from .._aws.accepter.routes import say_notes, say_takeovers
from .._aws.accepter.view import View
from .._aws.objects import ACTIVE, ENDED, INITIATING, PENDING, PROVISIONING, ROUTES_QUOTA, PeeringConnection
from .._engine.options import Parameters
from .._engine.plan import Facts, Plan, Step, joined
from .._engine.side import (
    BEFORE,
    FORESEEN,
    SEEN,
    Call,
    Context,
    Effect,
    NoReply,
    Owner,
    Purpose,
    Query,
    Replies,
    ReplyValue,
    Side,
    Waiting,
)
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError

_TO_BE_ACCEPTABLE, _TO_BE_ACTIVE = f"it to be {PENDING}", f"it to be {ACTIVE}"


class Accepter(t.NamedTuple):
    """What the half of one connection in AWS should be: the options of its module, and the network that has it."""

    params: Parameters
    network: Network


class AwsSide(Side[View]):
    """The accepter's half of connections in AWS, each an owner.

    All that a connection needs is read in one look. Before there is a plan, AWS has to show the connection, and to have passed on
    the request. After the acceptance, the connection has to settle before its other steps and, if the task waits, at the end;
    before a route is made, AWS has to show the block behind it.

    Args:
        context: What all sides of the run share.
        accepters: What each half should be, by its owner.
    """

    name = "aws"
    retries = 3
    is_patient = True
    polls_while_sending = True

    def __init__(self, context: Context, accepters: t.Mapping[Owner, Accepter]) -> None:
        super().__init__(context, [*accepters])
        self._accepters = accepters
        self._facts = {owner: Facts(partial(_read_fact, one.network)) for owner, one in accepters.items()}
        # What was said of wider routes: a later plan has only what is left to do.
        self._said: dict[Takeover, str] = {}

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for all that a connection needs or, in a poll, for the connection alone."""
        for owner in owners:
            (params, network), known = self._accepters[owner], self.states.get(owner)
            if purpose is Purpose.POLL:
                call: Call = partial(network.get_connection, params["connection_id"])
            elif known is None:
                call = partial(_look, network, params)
            else:
                call = partial(network.look, params, known.account_id)
            yield Query(owner, call, (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, View]:
        """Return the views that were read, and after a poll those with another state of the connection."""
        found = {}
        for owner, reply in replies.items():
            known = self.states.get(owner)
            view = _newest(known, reply) if isinstance(reply, View) else _with_shown(t.cast(View, known), reply)
            if view != known:
                found[owner] = view
        return found

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to do for each connection; the plan of a single one is an AccepterPlan.

        Raises:
            TaskError: If a check fails.
        """
        plans = [self._plan_one(owner) for owner in owners]
        changes = [change for plan in plans for change in plan.route_changes]
        said = tuple(self._said.setdefault(one, text) for one, text in say_takeovers(changes).items())
        return replace(joined(plans), notes=tuple(say_notes(changes)), consequences=said)

    def _plan_one(self, owner: Owner) -> AccepterPlan:
        params, view = self._accepters[owner].params, self.states[owner]
        is_absent = params["state"] == "absent"
        plan = plan_absent(params, view) if is_absent else plan_present(params, view, self._facts[owner])
        return plan.of_owner(owner)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait until the connection is there before a plan, and has settled before each step after the acceptance.

        Raises:
            TaskError: If the connection has ended, or its block is another one; or if the task cannot begin.
        """
        params, view = self._accepters[owner].params, self.states[owner]
        if self.context.stage == BEFORE:
            return _wait_before(params, view)
        connection = view.connection
        is_settled = params["state"] == "absent" or not params["accept"] or connection is None
        if is_settled or connection is None or (step is not None and step.after is None):
            return None
        if view.is_stale or (params["wait"] and connection.status not in (ACTIVE, *ENDED)):
            return Waiting(_TO_BE_ACTIVE, polls_at_once=view.is_stale)
        check_usable(params, view, will_wait=False)
        find_block(params, connection)
        is_route = step is not None and isinstance(step.request, RouteChange)
        return Waiting(_TO_BE_ACTIVE, LONGEST_PROVISIONING) if is_route and not connection.requester.cidr_blocks else None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that is not there in time, or has not settled."""
        params, view = self._accepters[owner].params, self.states[owner]
        if waiting.seconds is None:
            return late_error(params["connection_id"], view.connection, waiting.goal, error)
        if error.unanswered is not None:
            return error.unanswered
        if view.connection is None or step is None:
            return unknown_error(params, view)
        return no_block_error(view.connection, step.request.block)

    def request(self, step: Step) -> Call:
        """Make one change; the call returns the view after it."""
        return partial(self._accepters[step.owner].network.make_change, self.states[step.owner], step.request)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record the change. Of an acceptance, the reply has the state of the connection, which is not the last one."""
        if reply is SEEN:
            return Effect({})
        view = self.states[step.owner]
        if reply is FORESEEN or not isinstance(step.request, Accept):
            return Effect({step.owner: view_after(view, step.request)})
        return Effect({step.owner: replace(view, connection=t.cast(View, reply).connection, is_stale=True)})


def _look(network: Network, params: Parameters) -> View:
    return network.look(params, network.find_account_id())


def _read_fact(network: Network, key: str) -> t.Collection[str] | int | None:
    """Read the blocks of a prefix list, or how many routes a table may have; None if the credentials may not."""
    return network.get_routes_quota() if key == ROUTES_QUOTA else network.get_list(key)


def _newest(known: View | None, view: View) -> View:
    """Return what a look shows. For a moment, AWS may still show the state before the acceptance."""
    if known is not None and _is_older(view.connection, known.connection):
        return with_status(view, PROVISIONING)
    return view


def _with_shown(known: View, shown: PeeringConnection | None) -> View:
    """Return the view with what a poll shows. For a moment, AWS may still show the state before the acceptance, or nothing."""
    is_old = shown is None or _is_older(shown, known.connection)
    return replace(known, connection=known.connection if is_old else shown, is_stale=False)


def _is_older(shown: PeeringConnection | None, known: PeeringConnection | None) -> bool:
    """Whether a connection waits for its acceptance that is known to have been accepted."""
    return shown is not None and shown.status == PENDING and known is not None and known.status in (PROVISIONING, ACTIVE)


def _wait_before(params: Parameters, view: View) -> Waiting | None:
    """Wait for a connection that AWS does not show yet, or that cannot be accepted yet.

    Raises:
        TaskError: If `connection_id` is not set, which only a prediction does without, or the credentials are of another account.
    """
    require_connection(params)
    connection = view.connection
    is_there = connection is not None and connection.status != INITIATING
    if is_there or not is_awaited(params):
        return None
    check_account(params, view)
    return Waiting(_TO_BE_ACCEPTABLE, min(LONGEST_APPEARANCE, params["wait_timeout"]) if connection is None else None)


def is_awaited(params: Parameters) -> bool:
    """Whether a task waits for its connection."""
    return params["wait"] and params["state"] == "present" and params["connection_id"] is not None
