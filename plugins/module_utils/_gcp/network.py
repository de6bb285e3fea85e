# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of GCP with its peerings, the plan to add or remove one, and what becomes of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from .._clouds.gcp import is_atlas_network, parse_network_path
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.wait import WaitTimeoutError, time_is_up
from .._http.errors import ApiError, InvalidOptionError, TaskError, UndoneError, as_form, as_option, as_reply, named_path
from .._values.json_fields import JsonObject, flag_in, object_in, objects_in, text_in

ACTIVE = "ACTIVE"
CONSENSUS = "CONSENSUS"
DONE = "DONE"
_RULES_FIRST, _POLICIES_FIRST = "AFTER_CLASSIC_FIREWALL", "BEFORE_CLASSIC_FIREWALL"
# The beginning of a network's URL.
_ROOT = "https://www.googleapis.com/compute/v1/"


@dataclass(frozen=True)
class Peering:
    """A peering of a network.

    Attributes:
        name: Its name, which is the customer's choice.
        network: The network that it leads to: `projects/…/global/networks/…`.
        state: `ACTIVE`, or `INACTIVE` while the other side has no matching peering; None in a plan.
        state_details: GCP's explanation of the state.
        update_strategy: `CONSENSUS` if both sides must agree to a removal.
        exchanges_subnets: Whether the networks exchange the routes of their subnets; None if GCP does not report it.
        exports_public: Whether these include ranges of public addresses; None if GCP does not report it.
    """

    name: str
    network: str
    state: str | None = None
    state_details: str | None = None
    update_strategy: str | None = None
    exchanges_subnets: bool | None = None
    exports_public: bool | None = None

    def to_result(self) -> dict[str, object]:
        """Return it as results show it."""
        return {"name": self.name, "network": self.network, "state": self.state, "state_details": self.state_details}


@dataclass(frozen=True)
class Network:
    """A network in the list of a project.

    Attributes:
        peerings: Its peerings.
        policies_first: Whether its global firewall policies come before its own firewall rules.
    """

    peerings: tuple[Peering, ...]
    policies_first: bool = False


@dataclass(frozen=True)
class AddPeering:
    """The request for a peering."""

    name: str
    network: str

    action = "addPeering"

    def to_body(self) -> dict[str, object]:
        """Return the body. Routes of subnets are exchanged, as GCP requires, and no custom routes."""
        return {"networkPeering": {"name": self.name, "network": _ROOT + self.network, "exchangeSubnetRoutes": True}}


@dataclass(frozen=True)
class RemovePeering:
    """The request for the removal of a peering; `network` is where it led at the time of the plan, and is not sent."""

    name: str
    network: str

    action = "removePeering"

    def to_body(self) -> dict[str, object]:
        """Return the body."""
        return {"name": self.name}


@dataclass(frozen=True)
class Running:
    """An operation of GCP that a request has begun.

    Attributes:
        name: Its name.
        is_done: Whether it has ended.
        error_code: GCP's code if it has failed.
        error: GCP's message if it has failed.
        is_undone: Whether it has failed, and the network is known not to show its change.
    """

    name: str
    is_done: bool
    error_code: str | None = None
    error: str | None = None
    is_undone: bool = False


def parse_network(reply: JsonObject, name: str) -> tuple[Peering, ...]:
    """Return the peerings of a network.

    Args:
        reply: The object in the reply.
        name: The name of the network that was asked for.

    Raises:
        ValueError: If the reply is not that network.
    """
    if reply.get("kind") != "compute#network" or reply.get("name") != name:
        raise ValueError(f"is not the network {name}")
    return tuple(map(_parse_peering, objects_in(reply, "peerings")))


def parse_listed_network(reply: JsonObject, name: str) -> Network:
    """Return a network of a list; see `parse_network`."""
    order = reply.get("networkFirewallPolicyEnforcementOrder")
    if order not in (None, _RULES_FIRST, _POLICIES_FIRST):
        raise ValueError(f"has a network with the networkFirewallPolicyEnforcementOrder {order}")
    return Network(parse_network(reply, name), order == _POLICIES_FIRST)


def _parse_peering(fields: JsonObject) -> Peering:
    name, network = text_in(fields, "name", "peering"), text_in(fields, "network", "peering")
    # A peering that is not with Atlas may write its network in another way. It is kept, because its name is taken.
    with contextlib.suppress(ValueError):
        network = parse_network_path(network)
    more = [fields.get(key) for key in ("state", "stateDetails", "updateStrategy")]
    if not all(one is None or isinstance(one, str) for one in more):
        raise ValueError("has a peering with a state that is not a text")
    flags = [flag_in(fields, key) for key in ("exchangeSubnetRoutes", "exportSubnetRoutesWithPublicIp")]
    return Peering(name, network, *more, *flags)


def parse_operation(reply: JsonObject) -> Running:
    """Return an operation.

    Raises:
        ValueError: If the reply is not an operation.
    """
    name, status = reply.get("name"), reply.get("status")
    if reply.get("kind") != "compute#operation" or not isinstance(name, str) or not name or not isinstance(status, str):
        raise ValueError("is not an operation")
    errors = objects_in(object_in(reply, "error"), "errors")
    status_code, status_text = reply.get("httpErrorStatusCode"), reply.get("httpErrorMessage")
    if not (errors or status_code or status_text):
        return Running(name, status == DONE)
    first = errors[0] if errors else {}
    return Running(
        name,
        status == DONE,
        str(first.get("code") or status_code or "no code"),
        str(first.get("message") or status_text or "no reason given"),
    )


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
            f"{option} {name}: the network {named_path(params['local'])} has a peering of this name, which leads to "
            f"{holder.network} and not to {remote}.",
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
        missing = f"There {as_form('is no network', 'are no networks')} {named_path(params['local'])}"
        text = f"{missing}, so {as_form('it has', 'they have')} no peering. Check gcp_project_id and network_name."
        return Plan(warnings=(text,))
    mirror = find_mirror(params, state)
    if mirror is None:
        return Plan()
    if params["remote"] is None and not (mirror.network.startswith("projects/") and is_atlas_network(mirror.network)):
        raise TaskError(
            f"{as_option(params['name_option'])} {mirror.name}: this peering of {named_path(params['local'])} leads to "
            f"{mirror.network}, which is not a network of Atlas.",
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
            f"The peering with {params['remote']} was removed from {named_path(params['local'])} while it was waited for.",
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
        f"GCP did not change the peerings of the network {named_path(params['local'])}: {as_reply(text.rstrip('. '))} "
        f"({failed.error_code}).",
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
