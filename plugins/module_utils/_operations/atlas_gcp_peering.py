# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_gcp_peering does: it makes or removes the customer's half of a peering with Atlas's network in GCP."""

from __future__ import annotations

import typing as t
import uuid

from .._clouds.gcp import GCP
from .._engine.operation import Operation, Status
from .._engine.options import Parameters
from .._engine.plan import Plan, Step
from .._engine.wait import GONE, Wait
from .._gcp import options, session
from .._gcp.errors import PeeringBusyError
from .._gcp.network import AddPeering
from .._gcp.networks import Networks
from .._gcp.plan import NetworkState, plan_absent, plan_present, state_after
from .._gcp.wait import PeeringWaiter, consensus_hint
from .._http.errors import AuthError, OvertakenError, TaskError
from .._http.pauses import Clock


class AtlasGcpPeering(Operation[session.GcpSession, NetworkState]):
    """Makes the peering with Atlas's network, or removes it."""

    argument_spec = options.ARGUMENT_SPEC
    libraries = session.LIBRARIES
    connect = staticmethod(session.connect)
    service = GCP.name
    noun = "gcp_peering"
    keeps_history = True
    # How often a change is repeated after its reply was lost, or after it was overtaken.
    retries = 3

    def __init__(self, params: Parameters, gcp: session.GcpSession, clock: Clock) -> None:
        super().__init__(params, gcp, clock)
        self._networks = Networks(gcp, params)
        self._waiter = PeeringWaiter(params, self._networks)
        self._is_absent = params["state"] == "absent"
        # A request that is repeated after a lost reply has the same id: GCP carries out only one with an id.
        self._request_id = str(uuid.uuid4())
        # Whether a request may have been carried out although its reply was lost.
        self._is_lost = False

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options."""
        return options.validate(params), []

    @property
    def name(self) -> str:
        """The network, for the user."""
        return f"Peering of {self.params['network_name']}"

    def look(self) -> NetworkState:
        """Read the network with its peerings."""
        return self._networks.look(may_be_missing=self._is_absent)

    def decide(self, state: NetworkState) -> Plan:
        """Plan the peering, or its removal."""
        return plan_absent(self.params, state) if self._is_absent else plan_present(self.params, state)

    def predict(self, state: NetworkState, plan: Plan) -> NetworkState:
        """Return the network after the change. Without `wait`, the state of a new peering is not known."""
        return state_after(self.params, state, plan)

    def apply(self, step: Step, state: NetworkState) -> NetworkState:
        """Send the request that makes or removes the peering, and return the state with GCP's operation."""
        request, mirror = step.request, self._networks.find_mirror(state)
        if isinstance(request, AddPeering):
            is_as_planned = mirror is None
        else:
            is_as_planned = mirror is not None and (mirror.name, mirror.network) == (request.name, request.network)
        if self._is_lost and not is_as_planned:
            # An earlier request whose reply was lost has been carried out.
            return state
        if not is_as_planned:
            # It has changed while the task waited for another operation.
            raise OvertakenError(f"The peering {request.name} has changed meanwhile.", hint="Run the task again.")
        try:
            after = self._networks.change(request, self._request_id, state)
        except TaskError as error:
            self._is_lost = self._is_lost or error.outcome_unknown
            if not self._is_lost:
                self._request_id = str(uuid.uuid4())
            raise
        self._request_id = str(uuid.uuid4())
        return after

    def explain(self, step: Step, error: TaskError, state: NetworkState) -> TaskError:
        """Add a hint if the update strategy forbids a removal by one side."""
        is_about_strategy = not isinstance(error, (AuthError, PeeringBusyError)) and error.http_status is not None
        hint = consensus_hint(self._networks.find_mirror(state)) if is_about_strategy else ""
        if isinstance(step.request, AddPeering) or not hint:
            return error
        return error.with_hint(hint)

    def wait(self, state: NetworkState, step: Step | None = None) -> Wait[NetworkState] | None:
        """Wait before a change until GCP is free, then always for GCP's operation, and with `wait` for an active peering."""
        if step is not None:
            return self._waiter.until_free()
        if state.running is not None:
            return self._waiter.until_done()
        return self._waiter.until_active(state)

    def status(self, state: NetworkState, wait: Wait[NetworkState] | None) -> Status | None:
        """Return the state of the peering, if the task waits for it."""
        if not self.params["wait"]:
            return None
        mirror = self._networks.find_mirror(state)
        return Status(GONE if mirror is None else str(mirror.state))

    def show(self, state: NetworkState, plan: Plan) -> dict[str, t.Any]:
        """Show the peering with Atlas's network; null if there is none."""
        mirror = self._networks.find_mirror(state)
        return {"gcp_peering": None if mirror is None else mirror.to_result()}


OPERATION = AtlasGcpPeering
