# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half of peerings in GCP as a side: each is the mirror of one that Atlas has made."""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import replace
from functools import partial

from .._engine.options import Parameters
from .._engine.plan import Plan, Step, plan_each
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
from .._http.errors import AuthError, OvertakenError, TaskError, as_option

if t.TYPE_CHECKING:
    # Read only for a list.
    from .gcp_entries import GcpEntries

_FREE, _OPERATION, _NETWORK = "the end of another operation", "the end of GCP's operation", "the network"
# In a list, a mirror waits for Atlas's half, or for the end of another change.
_ATLAS, _TURN = Waiting("Atlas", ends_with_steps=True), Waiting("its turn", polls=False, ends_with_steps=True)


class Mirror(t.NamedTuple):
    """What one mirror should be: the options of its module, and the requests about its network."""

    params: Parameters
    networks: Networks


class GcpSide(Side[NetworkState]):
    """The customer's half of peerings in GCP, each an owner.

    GCP makes one change at a time to the peerings of both networks, and refuses others: they are sent again. A change begins an
    operation; the side always waits for its end, and then for the network to show it. With `wait`, a mirror has to become active.

    A list changes one mirror at a time for each network of Atlas, until GCP's operation has ended. It polls inactive mirrors in
    one list for each project, and reads a network again before it removes a mirror.

    Args:
        context: What all sides of the run share.
        mirrors: What each mirror should be, by its owner; empty for a list.

    Attributes:
        entries: What a list sets for its mirrors, each of an entry; None if there is no list.
    """

    name = "gcp"
    retries = 3
    is_patient = True
    polls_while_sending = True

    def __init__(self, context: Context, mirrors: t.Mapping[Owner, Mirror]) -> None:
        super().__init__(context, [*mirrors])
        self.entries: GcpEntries | None = None
        self._mirrors = mirrors
        # The id of the last request of each owner. GCP carries out an id only once: after a lost reply, it is sent again.
        self._request_ids: dict[Owner, str] = {}
        # In a list: the owner of the last change to each network of Atlas, and those whose change was sent but has not begun.
        self._turns: dict[str | None, Owner] = {}
        self._sent: set[Owner] = set()

    def _mirror(self, owner: Owner) -> Mirror:
        return self._mirrors[owner] if self.entries is None else self.entries.mirror(owner)

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the network or, in a poll, for the operation until it has ended. A list polls existing mirrors together."""
        made: list[Owner] = []
        not_made: list[Owner] = []
        for owner in owners:
            (params, networks), state = self._mirror(owner), self.states.get(owner)
            running = state.running if state is not None and purpose is Purpose.POLL else None
            is_absent = params["state"] == "absent"
            if running is not None and not running.is_done:
                yield Query(owner, partial(networks.follow, running), (owner,))
            elif self.entries is not None and purpose is Purpose.POLL and running is None and self._is_made(owner):
                made.append(owner)
            elif self.entries is not None and purpose is Purpose.POLL and owner not in self._request_ids:
                not_made.append(owner)
            else:
                yield Query(owner, partial(networks.look, may_be_missing=is_absent), (owner,))
        if self.entries is not None:
            yield from (*self.entries.list_queries(made), *self.entries.name_queries(not_made))

    def _is_made(self, owner: Owner) -> bool:
        """Whether a mirror is there, so that a poll is about its state."""
        params = self._mirror(owner).params
        return params["state"] == "present" and find_mirror(params, self.states[owner]) is not None

    def observe(self, replies: Replies) -> t.Mapping[Owner, NetworkState]:
        """Return the networks that were read, with their operations until the networks show the changes."""
        found = {}
        for key, reply in replies.items():
            if self.entries is not None and isinstance(reply, list):
                self.entries.take_names(reply)
                continue
            for owner, one in reply.items() if isinstance(reply, dict) else ((key, reply),):
                state, known = self._observe(owner, one), self.states.get(owner)
                if state != known:
                    found[owner] = state
        return found

    def _observe(self, owner: Owner, reply: NetworkState | Running) -> NetworkState:
        known = self.states.get(owner)
        running = known.running if known is not None else None
        if isinstance(reply, Running):
            return replace(self.states[owner], running=reply)
        if running is not None and not shows_change(self._mirror(owner).params, reply):
            return replace(reply, running=running)
        return reply

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the mirrors that are missing, or their removal. In a list, an impossible one fails for its entry.

        Raises:
            TaskError: If a name belongs to another peering, or leads to a network that is not Atlas's.
        """
        self._sent.difference_update(owners)
        return plan_each(owners, self._plan, lambda owner: None if self.entries is None else (str(owner),))

    def _plan(self, owner: Owner) -> Plan:
        state = self.states[owner]
        if self.entries is not None:
            return self.entries.plan_mirror(owner, state)
        params = self._mirror(owner).params
        plan = plan_absent(params, state) if params["state"] == "absent" else plan_present(params, state)
        return plan.of_owner(owner)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait for the operation that a change has begun, for the network to show it and, with `wait`, for an active mirror.

        A mirror of a list waits until Atlas waits for it, and for its turn.

        Raises:
            TaskError: If the operation has failed, or the mirror was removed meanwhile; in a list, also if its entry has failed,
                or its name belongs to another peering.
        """
        if step is not None:
            return None if self.entries is None else self._wait_for_turn(owner, self.entries)
        params, state = self._mirror(owner).params, self.states[owner]
        running = state.running
        if running is not None and running.error is not None and running.is_done:
            raise operation_error(params, state, running)
        if running is not None:
            if running.is_done:
                return Waiting(_NETWORK, polls_at_once=True, own_pace=True)
            return Waiting(_OPERATION, own_pace=True)
        if self.entries is not None and (self.context.stage != self.entries.stage or self.entries.failure_of(owner) is not None):
            return None
        if not params["wait"] or params["state"] == "absent" or is_active(params, state):
            return None
        return Waiting(ACTIVE, ends_with_steps=self.entries is not None)

    def _wait_for_turn(self, owner: Owner, entries: GcpEntries) -> Waiting | None:
        failure = entries.failure_of(owner)
        if failure is not None:
            raise failure
        if not entries.is_asked_for(owner):
            return _ATLAS
        last = self._turns.get(self._network_of(owner), owner)
        if last != owner and self._is_changing(last):
            return _TURN
        entries.plan_mirror(owner, self.states[owner])
        return None

    def _network_of(self, owner: Owner) -> str | None:
        """Return Atlas's network of a mirror."""
        params = self._mirror(owner).params
        mirror = find_mirror(params, self.states[owner])
        return params["remote"] or (None if mirror is None else mirror.network)

    def _is_changing(self, owner: Owner) -> bool:
        is_begun = owner in self._sent or self.states[owner].running is not None
        return is_begun and owner not in self.context.failures

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a mirror, an operation or a network that is not ready in time."""
        params, where = self._mirror(owner).params, self._mirror(owner).params["local"]
        if error.refusal is not None:
            hint = f"Wait for the other operation, then run the task again, or raise {as_option('wait_timeout')}."
            return still_refused(error, error.refusal, hint)
        if self.entries is not None and step is not None:
            return self.entries.late_error(step, error)
        if waiting.goal == ACTIVE:
            return inactive_error(params, self.states[owner], error)
        goal = f"GCP's operation on the network {where} ended"
        return time_is_up(error, f"the network {where} showed the change" if waiting.goal == _NETWORK else goal)

    def request(self, step: Step) -> Call:
        """Create or remove a mirror; the call returns GCP's operation, or None if an earlier request was carried out."""
        owner, (params, networks) = step.owner, self._mirror(step.owner)
        is_lost = (self.name, owner) in self.context.lost
        is_first = owner not in self._request_ids
        if self.entries is not None:
            self._turns[self._network_of(owner)] = owner
            self._sent.add(owner)
        request = self._needed(step)
        if request is None:
            # An earlier request was carried out, or the mirror has changed while the task waited for another operation.
            return _nothing if is_lost else partial(_overtaken, params["name"] if step.request is None else step.request.name)
        if not is_lost:
            self._request_ids[owner] = str(uuid.uuid4())
        if self.entries is not None and step.action == "delete" and is_first:
            return partial(_read_and_remove, networks, params, self._request_ids[owner])
        return partial(networks.change, request, self._request_ids[owner])

    def _needed(self, step: Step) -> AddPeering | RemovePeering | None:
        """Return the request of a step; None if the network is no longer as planned."""
        params = self._mirror(step.owner).params
        mirror = find_mirror(params, self.states[step.owner])
        if step.action == "create":
            return AddPeering(params["name"], params["remote"]) if mirror is None else None
        is_same = mirror is not None and (mirror.name, mirror.network) == (step.request.name, step.request.network)
        needed: RemovePeering = step.request
        return needed if is_same else None

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record the operation that the change has begun."""
        owner, state = step.owner, self.states[step.owner]
        self._sent.discard(owner)
        if isinstance(reply, NetworkState):
            # The mirror is gone. If no request of this task was lost, others have removed it.
            return Effect({owner: reply}, None if (self.name, owner) in self.context.lost else ())
        if self.entries is None and not isinstance(reply, Running):
            return Effect({})
        # A list takes only new states.
        state = replace(state, running=reply if isinstance(reply, Running) else state.running)
        return Effect({owner: state}, None if self.entries is None else self.entries.changes_of(owner, state))

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait for the end of another operation on one of the two networks."""
        return Waiting(_FREE, own_pace=True) if isinstance(error, PeeringBusyError) else None

    def explain(self, step: Step, error: TaskError) -> TaskError:
        """Add a hint if the update strategy forbids a one-sided removal."""
        is_about_strategy = not isinstance(error, (AuthError, PeeringBusyError)) and error.http_status is not None
        if step.action == "create" or not is_about_strategy:
            return error
        hint = consensus_hint(find_mirror(self._mirror(step.owner).params, self.states[step.owner]))
        return error.with_hint(hint) if hint else error

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, NetworkState]:
        """Return the networks after some steps and all waits. Without `wait`, the state of a new mirror is not known."""
        if self.entries is not None:
            # The list predicts its networks.
            return {}
        planned = [*steps]
        return {
            owner: state_after(
                self._mirrors[owner].params, state, Plan(steps=tuple(step for step in planned if step.owner == owner))
            )
            for owner, state in self.states.items()
        }

    def progress_line(self) -> str:
        """Return how many mirrors of a list are active."""
        return "" if self.entries is None else self.entries.line()


def _nothing() -> None:
    """Send nothing."""


def _overtaken(name: str) -> t.NoReturn:
    raise OvertakenError(f"The peering {name} has changed meanwhile.", hint="Run the task again.")


def _read_and_remove(networks: Networks, params: Parameters, request_id: str) -> Running | NetworkState:
    """Read a network again, and remove its mirror; return GCP's operation, or the network if its mirror is gone."""
    state = networks.look(may_be_missing=True)
    steps = plan_absent(params, state).steps
    return networks.change(steps[0].request, request_id) if steps else state
