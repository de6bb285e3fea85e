# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks of GCP with their peerings, requests and operations, as plain data."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass

from .._clouds.gcp import parse_network_path

Json = t.Mapping[str, t.Any]

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
        exchanges_subnets: Whether the networks exchange the routes of their subnets; None if GCP does not say it.
        exports_public: Whether these include ranges of public addresses; None if GCP does not say it.
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


def parse_network(reply: Json, name: str) -> tuple[Peering, ...]:
    """Return the peerings of a network.

    Args:
        reply: The object in the reply.
        name: The name of the network that was asked for.

    Raises:
        ValueError: If the reply is not that network.
    """
    if reply.get("kind") != "compute#network" or reply.get("name") != name:
        raise ValueError(f"is not the network {name}")
    peerings = reply.get("peerings") or []
    if not isinstance(peerings, list) or not all(isinstance(one, dict) for one in peerings):
        raise ValueError("has peerings that are not a list of objects")
    return tuple(_parse_peering(one) for one in peerings)


def parse_listed_network(reply: Json, name: str) -> Network:
    """Return a network of a list; see `parse_network`."""
    order = reply.get("networkFirewallPolicyEnforcementOrder")
    if order not in (None, _RULES_FIRST, _POLICIES_FIRST):
        raise ValueError(f"has a network with the networkFirewallPolicyEnforcementOrder {order}")
    return Network(parse_network(reply, name), order == _POLICIES_FIRST)


def _parse_peering(fields: Json) -> Peering:
    name, network = fields.get("name"), fields.get("network")
    if not isinstance(name, str) or not isinstance(network, str):
        raise ValueError("has a peering without a name or a network")
    # A peering that is not with Atlas may write its network in another way. It is kept, because its name is taken.
    with contextlib.suppress(ValueError):
        network = parse_network_path(network)
    more = [fields.get(key) for key in ("state", "stateDetails", "updateStrategy")]
    if not all(one is None or isinstance(one, str) for one in more):
        raise ValueError("has a peering with a state that is not a text")
    flags = [fields.get(key) for key in ("exchangeSubnetRoutes", "exportSubnetRoutesWithPublicIp")]
    if not all(one is None or isinstance(one, bool) for one in flags):
        raise ValueError("has a peering with a setting that is not true or false")
    return Peering(name, network, *more, *flags)


def parse_operation(reply: Json) -> Running:
    """Return an operation.

    Raises:
        ValueError: If the reply is not an operation.
    """
    name, status = reply.get("name"), reply.get("status")
    if reply.get("kind") != "compute#operation" or not isinstance(name, str) or not name or not isinstance(status, str):
        raise ValueError("is not an operation")
    error = reply.get("error") or {}
    errors = (error.get("errors") or []) if isinstance(error, dict) else None
    if not isinstance(errors, list) or not all(isinstance(one, dict) for one in errors):
        raise ValueError("has an error that is not an object")
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
