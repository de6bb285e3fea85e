# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_azure_role does: it lets Atlas peer with a VNet in Azure, or ends that."""

from __future__ import annotations

import typing as t

from .._azure import options, session
from .._azure.access import Access
from .._azure.plan import AccessState, ending_peerings
from .._clouds.azure import AZURE
from .._engine.front import Front, ResultValue
from .._engine.operation import Status
from .._engine.options import Parameters
from .._engine.side import ONLY, Waiting
from .._http.pauses import Clock
from .._sides.azure import AzureSide, VnetRole


class AtlasAzureRole(Front[session.AzureSession]):
    """Gives Atlas's application a role on a VNet, or takes it away."""

    argument_spec = options.ARGUMENT_SPEC
    libraries = session.LIBRARIES
    connect = staticmethod(session.connect)
    service = AZURE.name
    noun = "azure_role"
    waits_first = True

    def __init__(self, params: Parameters, azure: session.AzureSession, clock: Clock) -> None:
        super().__init__(params, azure, clock)
        self.sides = (AzureSide(self.context, {ONLY: VnetRole(params, Access(azure, params))}),)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options."""
        return options.validate(params), []

    @property
    def name(self) -> str:
        """The VNet, for the user."""
        return f"Atlas's role on {self.params['scope'].rpartition('/')[2]}"

    def status(self, waiting: Waiting | None) -> Status | None:
        """Return what the task waits for."""
        if waiting is None:
            return None
        ending = ending_peerings(self.params, self.state) if self.params["state"] == "absent" else []
        return Status(f"the peering {ending[0].name} is {ending[0].state}" if ending else "not known everywhere")

    def show_state(self, state: AccessState) -> t.Mapping[str, ResultValue] | None:
        """Show what Atlas may do at the VNet; null for nothing."""
        return state.to_result()

    def show(self) -> dict[str, ResultValue]:
        """Show what Atlas may do, and the VNet, null if there is none."""
        state: AccessState = self.state
        return {**super().show(), "vnet": None if state.vnet is None else state.vnet.to_result(), "notes": state.notes}


OPERATION = AtlasAzureRole
