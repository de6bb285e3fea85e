# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The accepter's half of connections in AWS as a side: acceptance, routes, tags and DNS, or the removal of routes."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._aws.accepter.network import Network, make_change
from .._aws.accepter.plan import (
    LONGEST_APPEARANCE,
    LONGEST_PROVISIONING,
    NO_BLOCK,
    AccepterPlan,
    check_account,
    check_usable,
    find_block,
    late_error,
    no_block_error,
    plan_absent,
    plan_present,
    require_connection,
    unknown_error,
)
from .._aws.accepter.routes import Facts as FactsMapping
from .._aws.accepter.routes import say_notes, say_takeovers
from .._aws.accepter.view import Accept, EnableDns, Request, RouteChange, Takeover, View, shows, view_after, with_status
from .._aws.objects import ACTIVE, ENDED, INITIATING, PENDING, PROVISIONING, ROUTES_QUOTA, PeeringConnection
from .._engine.options import Parameters
from .._engine.plan import Change, Facts, Plan, Step, joined
from .._engine.side import (
    BEFORE,
    PREDICTED,
    SEEN,
    Call,
    Context,
    Effect,
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
# A connection is routable if it is active, and AWS shows the block behind it.
ROUTABLE = "routable"


class Accepter(t.NamedTuple):
    """The half of one connection in AWS.

    Attributes:
        params: The options of its module.
        network: The network that has it.
        facts: The prefix lists and the quota for its routes.
    """

    params: Parameters
    network: Network
    facts: FactsMapping


class AwsReader:
    """The queries and plans of AwsSide, and what it knows of its owners beside their states: each connection for itself.

    Args:
        accepters: What each half should be, by its owner.

    Attributes:
        is_list: Whether a list predicts the views.
    """

    is_list: t.ClassVar[bool] = False

    def __init__(self, accepters: t.Mapping[Owner, Accepter]) -> None:
        self.owners = [*accepters]
        self._accepters = accepters
        # The warnings about wider routes so far: a later plan has only what is left to do.
        self._takeover_texts: dict[Takeover, str] = {}

    def half_of(self, owner: Owner) -> Accepter:
        """Return what the half of an owner should be."""
        return self._accepters[owner]

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose, states: t.Mapping[Owner, View]) -> t.Iterable[Query]:
        """Ask for all that a connection needs or, in a poll, for the connection alone."""
        for owner in owners:
            (params, network, unused), known = self._accepters[owner], states.get(owner)
            if purpose is Purpose.POLL:
                call: Call = partial(_poll, network, params["connection_id"])
            elif known is None:
                call = partial(_look, network, params)
            else:
                call = partial(network.look, params, known.account_id)
            yield Query(owner, call, (owner,))

    def plan(self, owners: t.Sequence[Owner], states: t.Mapping[Owner, View]) -> Plan:
        """Plan what is left to do for each connection; the plan of a single one is an AccepterPlan.

        Raises:
            TaskError: If a check fails.
        """
        plans = [self._plan_one(owner, states[owner]) for owner in owners]
        return with_texts(joined(plans), [change for plan in plans for change in plan.route_changes], self._takeover_texts)

    def _plan_one(self, owner: Owner, view: View) -> AccepterPlan:
        params, unused, facts = self._accepters[owner]
        is_absent = params["state"] == "absent"
        plan = plan_absent(params, view) if is_absent else plan_present(params, view, facts)
        if not is_absent and plan.block is None:
            plan = replace(plan, warnings=(NO_BLOCK, *plan.warnings))
        return plan.of_owner(owner)

    def view_of(self, owner: Owner, view: View) -> View:
        """Return the view of an owner for a step."""
        return view

    def needs(self, owner: Owner, step: Step | None, stage: str) -> Waiting | str:
        """Return the state that a connection needs before a step or, without one, at the end; or what else comes first.

        Returns:
            PENDING for a connection that can be accepted, ACTIVE, or ROUTABLE; empty for nothing.

        Raises:
            TaskError: If the step must not be sent.
        """
        params = self._accepters[owner].params
        if stage == BEFORE:
            # Only a prediction needs no `connection_id`.
            require_connection(params)
            return PENDING if is_awaited(params) else ""
        if params["state"] == "absent" or not params["accept"] or (step is not None and step.after is None):
            return ""
        return ROUTABLE if step is not None and isinstance(step.request, RouteChange) else ACTIVE

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a step that timed out while it waited for something other than its connection."""
        raise NotImplementedError

    def sharing(self, owner: Owner) -> t.Sequence[Owner]:
        """Return the owners with the same VPC."""
        return [owner]

    def changes_of(self, step: Step) -> list[Change] | None:
        """Return the changes that a step makes; None for those of the plan."""
        return None

    def line(self, stage: str, is_awaited: t.Callable[[Owner], bool]) -> str:
        """Return what connections wait for, in words for the user; empty for nothing."""
        return ""


class AwsSide(Side[View]):
    """The accepter's half of connections in AWS, each an owner.

    All that a connection needs is read in one look. Before the plan or, in a list, before a step, AWS has to show the connection,
    and to have passed on the request. After the acceptance, the connection has to settle before its other steps and, if the task
    waits, at the end; before a route is made, AWS has to show the block behind it.

    Args:
        context: What all sides of the run share.
        reader: Asks and plans: one connection by itself, or the entries of a list.

    Attributes:
        reader: The reader.
        sent: The last step of each owner whose outcome is not known yet.
    """

    name = "aws"
    retries = 3
    is_patient = True
    polls_while_sending = True

    def __init__(self, context: Context, reader: AwsReader) -> None:
        super().__init__(context, reader.owners)
        self.reader = reader
        self.sent: dict[Owner, Step] = {}

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for all that a connection needs or, in a poll, for connections alone."""
        return self.reader.queries(owners, purpose, self.states)

    def observe(self, replies: Replies) -> t.Mapping[Owner, View]:
        """Return the views that were read, and after a poll those with another state of the connection."""
        found = {}
        for key, reply in replies.items():
            for owner, shown in reply.items() if isinstance(reply, dict) else ((key, reply),):
                known = self.states.get(owner)
                view = _newest(known, shown) if isinstance(shown, View) else _with_shown(self.states[owner], shown)
                if view != known:
                    found[owner] = view
        return found

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan what is left to do for each connection.

        Raises:
            TaskError: If a check fails.
        """
        return self.reader.plan(owners, self.states)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait until the connection is there before its acceptance, and has settled before each later step.

        Raises:
            TaskError: If the connection has ended, or has another block; or if the task cannot begin.
        """
        stage = self.context.stage
        needs = self.reader.needs(owner, step, stage)
        if not needs or isinstance(needs, Waiting):
            return needs or None
        params, view = self.reader.half_of(owner).params, self.states[owner]
        connection, goal = _connection(params, view), _TO_BE_ACCEPTABLE if stage == BEFORE else _TO_BE_ACTIVE
        if connection is None:
            check_account(params, view)
            # A stage of a list has its own end and message.
            most = params["wait_timeout"] if stage in ("", BEFORE) else LONGEST_APPEARANCE
            return Waiting(goal, min(LONGEST_APPEARANCE, most))
        if needs == PENDING:
            return Waiting(goal) if connection.status == INITIATING else None
        if view.is_stale or (params["wait"] and connection.status not in (ACTIVE, *ENDED)):
            return Waiting(goal, polls_at_once=view.is_stale)
        check_usable(params, view, will_wait=False)
        find_block(params, connection)
        return Waiting(goal, LONGEST_PROVISIONING) if needs == ROUTABLE and not connection.requester.cidr_blocks else None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that is not there in time, or has not settled."""
        params, view = self.reader.half_of(owner).params, self.states[owner]
        if step is not None and waiting.goal not in (_TO_BE_ACCEPTABLE, _TO_BE_ACTIVE):
            return self.reader.late_error(step, error)
        if waiting.seconds is None or round(error.waited) < waiting.seconds:
            return late_error(params["connection_id"], view.connection, waiting.goal, error)
        if error.unanswered is not None:
            return error.unanswered
        connection = _connection(params, view)
        return unknown_error(params, view) if connection is None else no_block_error(connection, params["atlas_cidr_block"])

    def request(self, step: Step) -> Call:
        """Make one change, unless it is already made; the call returns the view after it."""
        half = self.reader.half_of(step.owner)
        view = self.reader.view_of(step.owner, self.states[step.owner])
        self.sent[step.owner] = step
        if shows(view, step.request):
            return _nothing
        return partial(_make_change, half, view, step.request)

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record the change, unless others have made it. The reply to an acceptance has a state that is not final."""
        owner, request, view = step.owner, step.request, self.states[step.owner]
        self.sent.pop(owner, None)
        changes = self.reader.changes_of(step)
        if reply is None or (reply is SEEN and not shows(self.reader.view_of(owner, view), request)):
            # The current state may need another step with the same key: the route to replace may be gone.
            return Effect({}, ())
        if isinstance(request, EnableDns):
            # It holds for all owners of the VPC.
            return Effect({one: view_after(self.states[one], request) for one in self.reader.sharing(owner)}, changes)
        if reply is SEEN:
            # A list needs a new state to take the change, even if a look has shown it.
            return Effect({owner: replace(view)}, changes)
        if reply is PREDICTED or not isinstance(request, Accept):
            return Effect({owner: view_after(view, request)}, changes)
        # With stages, the next poll comes at the pace of the stage.
        is_stale = not self.context.stage
        return Effect({owner: replace(view, connection=reply.connection, is_stale=is_stale)}, changes)

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, View]:
        """Return the views after some steps; a list predicts its own."""
        return {} if self.reader.is_list else super().predict(steps)

    def progress_line(self) -> str:
        """Return what the connections of a list wait for."""
        return self.reader.line(self.context.stage, self._is_awaited)

    def _is_awaited(self, owner: Owner) -> bool:
        """Whether an owner waits until AWS shows its connection, or changes it."""
        try:
            return self.wait(owner, None) is not None
        except TaskError:
            return False


def with_texts(plan: Plan, changes: t.Sequence[RouteChange], known: dict[Takeover, str]) -> Plan:
    """Return a plan with the notes on its routes, and the warnings about wider ones.

    Args:
        plan: The plan.
        changes: Its changes of routes.
        known: The warnings so far, which get the new ones: a later plan has only what is left to do.
    """
    said = tuple(known.setdefault(takeover, text) for takeover, text in say_takeovers(changes).items())
    return replace(plan, notes=tuple(say_notes(changes)), consequences=said)


def _poll(network: Network, connection_id: str) -> PeeringConnection | None:
    return network.find_connections([connection_id]).get(connection_id)


def _look(network: Network, params: Parameters) -> View:
    return network.look(params, network.session.find_account_id())


def facts_of(network: Network) -> Facts:
    """Return the prefix lists and the quota for routes, each of which is read at its first use."""
    return Facts(partial(_read_fact, network))


def _read_fact(network: Network, key: str) -> t.Collection[str] | int | None:
    """Read the blocks of a prefix list, or how many routes a table may have; None if the credentials may not."""
    return network.session.find_quota(key) if key == ROUTES_QUOTA else network.get_list(key)


def _nothing() -> None:
    """Send nothing: it is already there."""


def _make_change(half: Accepter, view: View, request: Request) -> View:
    """Make a change, and return the view after it.

    Raises:
        TaskError: If AWS refuses it, or shows another connection than the options mean.
    """
    if isinstance(request, Accept):
        # AWS may show more than when the plan was made.
        plan_present(half.params, view, half.facts)
    elif isinstance(request, RouteChange) and request.action != "delete":
        connection = view.connection
        find_block(half.params, connection)
        request = replace(request, target=connection.id if connection is not None else None)
    return make_change(half.network.session, view, request)


def _connection(params: Parameters, view: View) -> PeeringConnection | None:
    """Return the connection that the options name now; None if AWS does not show it, or still shows a replaced one."""
    connection = view.connection
    return connection if connection is not None and connection.id == params["connection_id"] else None


def _newest(known: View | None, view: View) -> View:
    """Return the view of a look. For a moment, AWS may still show the state before the acceptance."""
    if known is not None and _is_older(view.connection, known.connection):
        return with_status(view, PROVISIONING)
    return view


def _with_shown(known: View, shown: PeeringConnection | None) -> View:
    """Return the view after a poll. For a moment, AWS may still show the state before the acceptance, or nothing."""
    is_old = shown is None or _is_older(shown, known.connection)
    return replace(known, connection=known.connection if is_old else shown, is_stale=False)


def _is_older(shown: PeeringConnection | None, known: PeeringConnection | None) -> bool:
    """Whether AWS still shows an accepted connection as pending."""
    if shown is None or known is None or shown.id != known.id:
        return False
    return shown.status == PENDING and known.status in (PROVISIONING, ACTIVE)


def is_awaited(params: Parameters) -> bool:
    """Whether a task waits for its connection."""
    return params["wait"] and params["state"] == "present" and params["connection_id"] is not None
