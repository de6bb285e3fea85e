# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half of peerings in GCP as a side: each is the mirror of one that Atlas has made."""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import replace
from functools import partial

from .._engine.options import Parameters
from .._engine.plan import Plan, Step, joined
from .._engine.side import SEEN, Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError, still_refused, time_is_up
from .._gcp.errors import PeeringBusyError
from .._gcp.network import ACTIVE, AddPeering, RemovePeering, Running
from .._gcp.networks import Networks
from .._gcp.plan import (
    NetworkState,
    consensus_hint,
    find_mirror,
    inactive_error,
    is_active,
    operation_error,
    plan_absent,
    plan_present,
    shows_change,
    state_after,
)
from .._http.errors import AuthError, OvertakenError, TaskError

_FREE, _OPERATION, _NETWORK = "the end of another operation", "the end of GCP's operation", "the network"


class Mirror(t.NamedTuple):
    """What one mirror should be: the options of its module, and the requests about its network."""

    params: Parameters
    networks: Networks


class GcpSide(Side[NetworkState]):
    """The customer's half of peerings in GCP, each an owner.

    GCP makes one change at a time to the peerings of both networks, and refuses others: they are sent again. A change begins an
    operation, which is always waited for, and then for the network to show it. With `wait`, a mirror has to become active.

    Args:
        context: What all sides of the run share.
        mirrors: What each mirror should be, by its owner.
    """

    name = "gcp"
    retries = 3
    is_patient = True
    polls_while_sending = True

    def __init__(self, context: Context, mirrors: t.Mapping[Owner, Mirror]) -> None:
        super().__init__(context, [*mirrors])
        self._mirrors = mirrors
        # The id of the last request of each owner. GCP carries out only one with an id: after a lost reply, it is sent again.
        self._request_ids: dict[Owner, str] = {}

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the network or, in a poll, for the operation until it has ended."""
        for owner in owners:
            (params, networks), state = self._mirrors[owner], self.states.get(owner)
            running = state.running if state is not None and purpose is Purpose.POLL else None
            if running is not None and not running.is_done:
                yield Query(owner, partial(networks.follow, running), (owner,))
            else:
                yield Query(owner, partial(networks.look, may_be_missing=params["state"] == "absent"), (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, NetworkState]:
        """Return the networks that were read, with their operations until the networks show what these have done."""
        found = {}
        for owner, reply in replies.items():
            known = self.states.get(owner)
            running = known.running if known is not None else None
            if isinstance(reply, Running):
                state = replace(t.cast(NetworkState, known), running=reply)
            elif running is not None and not shows_change(self._mirrors[owner].params, reply):
                state = replace(reply, running=running)
            else:
                state = reply
            if state != known:
                found[owner] = state
        return found

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the mirrors that are missing, or their removal.

        Raises:
            TaskError: If a name belongs to another peering, or leads to a network that is not Atlas's.
        """
        plans = []
        for owner in owners:
            params, state = self._mirrors[owner].params, self.states[owner]
            plan = plan_absent(params, state) if params["state"] == "absent" else plan_present(params, state)
            plans.append(plan.of_owner(owner))
        return joined(plans)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for the operation that a change has begun, for the network to show it and, with `wait`, for an active mirror.

        Raises:
            TaskError: If the operation has failed, or the mirror was removed while it was waited for.
        """
        params, state = self._mirrors[owner].params, self.states[owner]
        if step is not None:
            return None
        if state.running is not None and state.running.error is not None and state.running.is_done:
            raise operation_error(params, state, state.running)
        if state.running is not None:
            return Waiting(_NETWORK, polls_at_once=True) if state.running.is_done else Waiting(_OPERATION)
        if not params["wait"] or params["state"] == "absent" or is_active(params, state):
            return None
        return Waiting(ACTIVE)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of what is not there in time."""
        params, where = self._mirrors[owner].params, self._mirrors[owner].params["local"]
        if error.refusal is not None:
            hint = "Wait for the other operation, then run the task again, or raise wait_timeout."
            return still_refused(error, error.refusal, hint)
        if waiting.goal == ACTIVE:
            return inactive_error(params, self.states[owner], error)
        goal = f"GCP's operation on the network {where} ended"
        return time_is_up(error, f"the network {where} showed the change" if waiting.goal == _NETWORK else goal)

    def request(self, step: Step) -> Call:
        """Make or remove a mirror; the call returns GCP's operation, or None if an earlier request has been carried out."""
        networks, request = self._mirrors[step.owner].networks, step.request
        is_lost = (self.name, step.owner) in self.context.lost
        if not self._is_as_planned(step):
            # What was sent before has been carried out, or it has changed while the task waited for another operation.
            return _nothing if is_lost else partial(_overtaken, request)
        if not is_lost:
            self._request_ids[step.owner] = str(uuid.uuid4())
        return partial(networks.change, request, self._request_ids[step.owner])

    def _is_as_planned(self, step: Step) -> bool:
        mirror, request = find_mirror(self._mirrors[step.owner].params, self.states[step.owner]), step.request
        if isinstance(request, AddPeering):
            return mirror is None
        return mirror is not None and (mirror.name, mirror.network) == (request.name, request.network)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record the operation that the change has begun."""
        if reply is SEEN or reply is None:
            return Effect({})
        return Effect({step.owner: replace(self.states[step.owner], running=t.cast(Running, reply))})

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for the end of another operation on one of the two networks."""
        return Waiting(_FREE) if isinstance(error, PeeringBusyError) else None

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Add a hint if the update strategy forbids a removal by one side."""
        is_about_strategy = not isinstance(error, (AuthError, PeeringBusyError)) and error.http_status is not None
        if isinstance(step.request, AddPeering) or not is_about_strategy:
            return error
        hint = consensus_hint(find_mirror(self._mirrors[step.owner].params, self.states[step.owner]))
        return error.with_hint(hint) if hint else error

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, NetworkState]:
        """Return the networks after some steps and all waits. Without `wait`, the state of a new mirror is not known."""
        planned = [*steps]
        return {
            owner: state_after(
                self._mirrors[owner].params, state, Plan(steps=tuple(step for step in planned if step.owner == owner))
            )
            for owner, state in self.states.items()
        }


def _nothing() -> None:
    """Send nothing."""


def _overtaken(request: AddPeering | RemovePeering) -> t.NoReturn:
    raise OvertakenError(f"The peering {request.name} has changed meanwhile.", hint="Run the task again.")
