# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_gcp_peering does: it makes or removes the customer's half of a peering with Atlas's network in GCP."""

from __future__ import annotations

import typing as t

from .._clouds.gcp import GCP
from .._engine.front import Front
from .._engine.operation import Status
from .._engine.options import Parameters
from .._engine.side import ONLY, Waiting
from .._engine.wait import GONE
from .._gcp import options, session
from .._gcp.network import NetworkState, find_mirror
from .._gcp.networks import Networks
from .._http.pauses import Clock
from .._sides.gcp import GcpSide, Mirror


class AtlasGcpPeering(Front[session.GcpSession]):
    """Makes the peering with Atlas's network, or removes it."""

    argument_spec = options.ARGUMENT_SPEC
    libraries = session.LIBRARIES
    connect = staticmethod(session.connect)
    service = GCP.name
    noun = "gcp_peering"
    keeps_history = True

    def __init__(self, params: Parameters, gcp: session.GcpSession, clock: Clock) -> None:
        super().__init__(params, gcp, clock)
        self.sides = (GcpSide(self.context, {ONLY: Mirror(params, Networks(gcp, params))}),)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options."""
        return options.validate(params), []

    @property
    def name(self) -> str:
        """The network, for the user."""
        return f"Peering of {self.params['network_name']}"

    def status(self, waiting: Waiting | None) -> Status | None:
        """Return the state of the peering, if the task waits for it."""
        if not self.params["wait"]:
            return None
        mirror = find_mirror(self.params, self.state)
        return Status(GONE if mirror is None else str(mirror.state))

    def show_state(self, state: NetworkState) -> t.Mapping[str, t.Any] | None:
        """Show the peering with Atlas's network; null if there is none."""
        mirror = find_mirror(self.params, state)
        return None if mirror is None else mirror.to_result()


OPERATION = AtlasGcpPeering
