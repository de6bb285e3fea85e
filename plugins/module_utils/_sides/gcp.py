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
from .._engine.side import Call, Context, Effect, NoReply, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError, still_refused, time_is_up
from .._gcp.network import (
    ACTIVE,
    AddPeering,
    NetworkState,
    RemovePeering,
    Running,
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
from .._gcp.networks import Networks
from .._gcp.session import PeeringBusyError
from .._http.errors import AuthError, OvertakenError, TaskError, as_option, named_path

_FREE, _OPERATION, _NETWORK = "the end of another operation", "the end of GCP's operation", "the network"


class Mirror(t.NamedTuple):
    """What one mirror should be: the options of its module, and the requests about its network."""

    params: Parameters
    networks: Networks


class GcpSide(Side[NetworkState]):
    """The customer's half of peerings in GCP, each an owner.

    GCP makes one change at a time to the peerings of both networks, and refuses others: they are sent again. A change begins an
    operation; the side always waits for its end, and then for the network to show it. With `wait`, a mirror has to become active.

    Args:
        context: What all sides of the run share.
        mirrors: What each mirror should be, by its owner; empty for a list.
    """

    name = "gcp"
    retries = 3
    is_patient = True
    polls_while_sending = True

    def __init__(self, context: Context, mirrors: t.Mapping[Owner, Mirror]) -> None:
        super().__init__(context, [*mirrors])
        self._mirrors = mirrors
        # The id of the last request of each owner. GCP carries out an id only once: after a lost reply, it is sent again.
        self._request_ids: dict[Owner, str] = {}

    def mirror(self, owner: Owner) -> Mirror:
        """Return what a mirror should be."""
        return self._mirrors[owner]

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the network or, in a poll, for the operation until it has ended."""
        for owner in owners:
            (params, networks), state = self.mirror(owner), self.states.get(owner)
            running = state.running if state is not None and purpose is Purpose.POLL else None
            if running is not None and not running.is_done:
                yield Query(owner, partial(networks.follow, running), (owner,))
            else:
                yield Query(owner, partial(networks.look, may_be_missing=params["state"] == "absent"), (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, NetworkState]:
        """Return the networks that were read, with their operations until the networks show the changes."""
        found = {owner: self._observe(owner, reply) for owner, reply in replies.items()}
        return {owner: state for owner, state in found.items() if state != self.states.get(owner)}

    def _observe(self, owner: Owner, reply: NetworkState | Running) -> NetworkState:
        known = self.states.get(owner)
        running = known.running if known is not None else None
        if isinstance(reply, Running):
            return replace(self.states[owner], running=reply)
        if running is not None and not shows_change(self.mirror(owner).params, reply):
            return replace(reply, running=running)
        return reply

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the mirrors that are missing, or their removal.

        Raises:
            TaskError: If a name belongs to another peering, or leads to a network that is not Atlas's.
        """
        return joined([self._plan(owner) for owner in owners])

    def _plan(self, owner: Owner) -> Plan:
        params, state = self.mirror(owner).params, self.states[owner]
        plan = plan_absent(params, state) if params["state"] == "absent" else plan_present(params, state)
        return plan.of_owner(owner)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for the operation that a change has begun, for the network to show it and, with `wait`, for an active mirror.

        Raises:
            TaskError: If the operation has failed, or the mirror was removed meanwhile.
        """
        if step is not None:
            return None
        params, state = self.mirror(owner).params, self.states[owner]
        running = state.running
        if running is not None and running.error is not None and running.is_done:
            raise operation_error(params, state, running)
        if running is not None:
            if running.is_done:
                return Waiting(_NETWORK, polls_at_once=True, own_pace=True)
            return Waiting(_OPERATION, own_pace=True)
        if not params["wait"] or params["state"] == "absent" or is_active(params, state):
            return None
        return Waiting(ACTIVE)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a mirror, an operation or a network that is not ready in time."""
        params, where = self.mirror(owner).params, named_path(self.mirror(owner).params["local"])
        if error.refusal is not None:
            hint = f"Wait for the other operation, then run the task again, or raise {as_option('wait_timeout')}."
            return still_refused(error, error.refusal, hint)
        if waiting.goal == ACTIVE:
            return inactive_error(params, self.states[owner], error)
        goal = f"GCP's operation on the network {where} ended"
        return time_is_up(error, f"the network {where} showed the change" if waiting.goal == _NETWORK else goal)

    def request(self, step: Step) -> Call:
        """Create or remove a mirror; the call returns GCP's operation, or None if an earlier request was carried out."""
        owner, (params, networks) = step.owner, self.mirror(step.owner)
        is_lost = (self.name, owner) in self.context.lost
        request = self._needed(step)
        if request is None:
            # An earlier request was carried out, or the mirror has changed while the task waited for another operation.
            return _nothing if is_lost else partial(_overtaken, params["name"] if step.request is None else step.request.name)
        if not is_lost:
            self._request_ids[owner] = str(uuid.uuid4())
        return partial(networks.change, request, self._request_ids[owner])

    def _needed(self, step: Step) -> AddPeering | RemovePeering | None:
        """Return the request of a step; None if the network is no longer as planned."""
        params = self.mirror(step.owner).params
        mirror = find_mirror(params, self.states[step.owner])
        if step.action == "create":
            return AddPeering(params["name"], params["remote"]) if mirror is None else None
        is_same = mirror is not None and (mirror.name, mirror.network) == (step.request.name, step.request.network)
        needed: RemovePeering = step.request
        return needed if is_same else None

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record the operation that the change has begun."""
        running = reply if isinstance(reply, Running) else None
        return Effect({} if running is None else {step.owner: replace(self.states[step.owner], running=running)})

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for the end of another operation on one of the two networks."""
        return Waiting(_FREE, own_pace=True) if isinstance(error, PeeringBusyError) else None

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Add a hint if the update strategy forbids a one-sided removal."""
        is_about_strategy = not isinstance(error, (AuthError, PeeringBusyError)) and error.http_status is not None
        if step.action == "create" or not is_about_strategy:
            return error
        hint = consensus_hint(find_mirror(self.mirror(step.owner).params, self.states[step.owner]))
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


def _overtaken(name: str) -> t.NoReturn:
    raise OvertakenError(f"The peering {name} has changed meanwhile.", hint="Run the task again.")
