# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The peering that a task is about, the plan to add or remove it, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .._clouds.gcp import is_atlas_network
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.wait import WaitTimeoutError, time_is_up
from .._http.errors import ApiError, InvalidOptionError, TaskError, UndoneError, as_option
from .network import ACTIVE, CONSENSUS, AddPeering, Peering, RemovePeering, Running


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
    name, remote, option = params["name"], params["remote"], as_option(params["name_option"])
    holder = _find_named(params, state)
    if holder is not None:
        raise InvalidOptionError(
            f"{option} {name}: the network {params['local']} has a peering of this name, which leads to {holder.network} "
            f"and not to {remote}.",
            hint=f"Set {option} to another one. The task does not change that peering.",
        )
    after = Peering(name, remote)
    step = Step("create", AddPeering(name, remote), (remote,))
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
            f"{as_option(params['name_option'])} {mirror.name}: this peering of {params['local']} leads to {mirror.network}, "
            "which is not a network of Atlas.",
            hint="If it is to be removed all the same, set atlas_gcp_project_id and atlas_network_name to that network.",
        )
    step = Step("delete", RemovePeering(mirror.name, mirror.network), (mirror.network,))
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


def shows_change(params: Parameters, state: NetworkState) -> bool:
    """Whether a network shows what the task changes."""
    is_absent: bool = params["state"] == "absent"
    return (find_mirror(params, state) is None) == is_absent


def is_active(params: Parameters, state: NetworkState) -> bool:
    """Whether the peering is active, which needs Atlas's half.

    Raises:
        ApiError: If it is gone.
    """
    mirror = find_mirror(params, state)
    if mirror is None:
        raise ApiError(
            f"The peering with {params['remote']} was removed from {params['local']} while it was waited for.",
            hint="Find out who removes it, then run the task again.",
        )
    return mirror.state == ACTIVE


def inactive_error(params: Parameters, state: NetworkState, error: WaitTimeoutError) -> TaskError:
    """Return the error of a peering that is not active in time."""
    mirror = find_mirror(params, state)
    shown = "unknown" if mirror is None else f"{mirror.state}: {mirror.state_details or 'no details'}"
    return time_is_up(error, f"the peering with {params['remote']} was {ACTIVE} ({shown})")


def operation_error(params: Parameters, state: NetworkState, failed: Running) -> TaskError:
    """Return the error of an operation that has failed."""
    kind = UndoneError if failed.is_undone else ApiError
    text = str(failed.error)
    return kind(
        f"GCP did not change the peerings of the network {params['local']}: {text.rstrip('. ')} ({failed.error_code}).",
        error_code=failed.error_code,
        detail=text,
        hint=consensus_hint(find_mirror(params, state)) or "Run the task again; if it stays, correct what GCP names.",
    )


def consensus_hint(peering: Peering | None) -> str:
    """Return what to do about a removal that both sides have to agree to; empty for any other peering.

    Source: `updateStrategy` in the description of the Compute Engine API v1.
    """
    if peering is None or peering.update_strategy != CONSENSUS:
        return ""
    return (
        f"The peering {peering.name} has updateStrategy CONSENSUS: both sides have to request its removal "
        "(gcloud compute networks peerings request-delete) before it can be removed."
    )
