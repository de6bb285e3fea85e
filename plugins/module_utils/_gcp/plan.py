# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peering that a task is about, and the plan to add or remove it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .._clouds.gcp import is_atlas_network
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._http.errors import InvalidOptionError, TaskError
from .network import ACTIVE, AddPeering, Peering, RemovePeering, Running

# What a step waits for: GCP accepts changes of the network's peerings.
FREE = "free"


@dataclass(frozen=True)
class NetworkState:
    """The network as it was read last.

    Attributes:
        exists: Whether there is such a network.
        peerings: Its peerings.
        running: The operation that a request of this task has begun; None for none.
    """

    exists: bool
    peerings: tuple[Peering, ...] = ()
    running: Running | None = None


def find_mirror(params: Parameters, state: NetworkState) -> Peering | None:
    """Return the peering with Atlas's network, whatever its name. If that network is not known, the name decides."""
    if params["remote"] is None:
        return _find_named(params, state)
    return next((one for one in state.peerings if one.network == params["remote"]), None)


def _find_named(params: Parameters, state: NetworkState) -> Peering | None:
    return next((one for one in state.peerings if one.name == params["name"]), None)


def plan_present(params: Parameters, state: NetworkState) -> Plan:
    """Plan the peering with Atlas's network.

    Raises:
        InvalidOptionError: If its name belongs to another peering.
    """
    if find_mirror(params, state) is not None:
        return Plan()
    name, remote, option = params["name"], params["remote"], params["name_option"]
    holder = _find_named(params, state)
    if holder is not None:
        raise InvalidOptionError(
            f"{option} {name}: the network {params['local']} has a peering of this name, which leads to {holder.network} "
            f"and not to {remote}.",
            hint=f"Set {option} to another one. The task does not change that peering.",
        )
    after = Peering(name, remote)
    step = Step("create", AddPeering(name, remote), (remote,), FREE)
    return Plan((Change("create", remote, None, after.to_result()),), (step,))


def plan_absent(params: Parameters, state: NetworkState) -> Plan:
    """Plan the removal of the peering.

    Raises:
        TaskError: If the options have only its name, and it does not lead to a network of Atlas.
    """
    if not state.exists:
        return Plan(
            warnings=(f"There is no network {params['local']}, so it has no peering. Check gcp_project_id and network_name.",)
        )
    mirror = find_mirror(params, state)
    if mirror is None:
        return Plan()
    if params["remote"] is None and not (mirror.network.startswith("projects/") and is_atlas_network(mirror.network)):
        raise TaskError(
            f"{params['name_option']} {mirror.name}: this peering of {params['local']} leads to {mirror.network}, "
            "which is not a network of Atlas.",
            hint="If it is to be removed all the same, set atlas_gcp_project_id and atlas_network_name to that network.",
        )
    step = Step("delete", RemovePeering(mirror.name, mirror.network), (mirror.network,), FREE)
    return Plan((Change("delete", mirror.network, mirror.to_result(), None),), (step,))


def state_after(params: Parameters, state: NetworkState, plan: Plan) -> NetworkState:
    """Return the network as it will be after a plan and its waits."""
    mirror = find_mirror(params, state)
    others = tuple(one for one in state.peerings if one is not mirror)
    for step in plan.steps:
        if not isinstance(step.request, AddPeering):
            return replace(state, peerings=others)
        mirror = Peering(step.request.name, step.request.network)
    if mirror is None:
        return state
    if params["wait"] and params["state"] == "present" and mirror.state != ACTIVE:
        mirror = replace(mirror, state=ACTIVE, state_details=None)
    return replace(state, peerings=(*others, mirror))
