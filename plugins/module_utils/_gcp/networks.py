# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about the networks of GCP: what a project and a network have, and changes of the peerings of one."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace
from functools import partial

from .._engine.options import Parameters
from .._http.errors import NotFoundError, TaskError, named_path
from .._values.json_fields import JsonObject, text_in
from .network import (
    AddPeering,
    Network,
    NetworkState,
    RemovePeering,
    Running,
    parse_listed_network,
    parse_network,
    parse_operation,
    shows_change,
)
from .objects import Firewalls, PeeringRoute, SubnetRange, parse_firewalls, parse_route, parse_subnet

if t.TYPE_CHECKING:
    # It imports google-auth, which is slow to load.
    from .session import GcpSession


def list_networks(session: GcpSession, project_id: str) -> dict[str, Network]:
    """Return the networks of a project, by name.

    Raises:
        TaskError: If a page cannot be read.
    """
    description = f"list the networks of project {project_id}"
    found: dict[str, Network] = {}
    for page in session.pages(description, f"projects/{project_id}/global/networks"):
        found.update(session.parsed(_parse_networks, page, description))
    return found


def list_subnets(session: GcpSession, project_id: str) -> dict[str, list[SubnetRange]]:
    """Return the ranges of the subnets of each network of a project, by the name of the network.

    Raises:
        TaskError: If a page cannot be read, or GCP could not read all regions.
    """
    description = f"list the subnets of project {project_id}"
    found: dict[str, list[SubnetRange]] = {}
    for page in session.pages(description, f"projects/{project_id}/aggregated/subnetworks"):
        for network, ranges in session.parsed(_parse_subnets, page, description):
            found.setdefault(network, []).extend(ranges)
    return found


def list_routes(session: GcpSession, network: str, peering: str, region: str, direction: str) -> list[PeeringRoute]:
    """Return the routes that a network exchanges over a peering, for IPv4.

    Args:
        session: The session with GCP.
        network: The path of the network.
        peering: The name of the peering.
        region: Where the routes are used.
        direction: `INCOMING` for those from the other network, `OUTGOING` for those to it.

    Raises:
        TaskError: If a page cannot be read.
    """
    description = f"list the {direction} routes of the peering {peering} of {named_path(network)} in {region}"
    query = {"peeringName": peering, "region": region, "direction": direction}
    pages = session.pages(description, f"{network}/listPeeringRoutes", query)
    found = [route for page in pages for route in session.parsed(_parse_routes, page, description)]
    return [route for route in found if ":" not in route.destination]


def get_firewalls(session: GcpSession, network: str, policies_first: bool) -> Firewalls:
    """Return the firewall rules for TCP from the instances of a network, given by its path; see `parse_firewalls`.

    Raises:
        TaskError: If they cannot be read.
    """
    description = f"read the firewall rules of {named_path(network)}"
    reply = session.read(description, f"{network}/getEffectiveFirewalls")
    return session.parsed(partial(parse_firewalls, policies_first=policies_first), reply, description)


def get_host_project(session: GcpSession, project_id: str) -> str | None:
    """Return the project whose shared VPC a project uses; None if it uses none.

    Raises:
        TaskError: If it cannot be read.
    """
    description = f"read the host project of {project_id}"
    return session.parsed(_parse_host, session.read(description, f"projects/{project_id}/getXpnHost"), description)


def _parse_host(reply: JsonObject) -> str | None:
    name = reply.get("name")
    if name is not None and (not isinstance(name, str) or reply.get("kind") != "compute#project"):
        raise ValueError("is not a project")
    return name


def _parse_networks(reply: JsonObject) -> dict[str, Network]:
    found = {}
    for one in _items(reply, "compute#networkList", "networks"):
        name = text_in(one, "name", "network")
        found[name] = parse_listed_network(one, name)
    return found


def _parse_routes(reply: JsonObject) -> list[PeeringRoute]:
    return [parse_route(one) for one in _items(reply, "compute#exchangedPeeringRoutesList", "routes")]


def _items(reply: JsonObject, kind: str, what: str) -> list[JsonObject]:
    """Return the objects of a page; GCP leaves an empty list out."""
    items = reply.get("items", [])
    if reply.get("kind") != kind or not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
        raise ValueError(f"is not a list of {what}")
    return items


def _parse_subnets(reply: JsonObject) -> list[tuple[str, list[SubnetRange]]]:
    """Return the subnets of a page, in any region.

    A region without subnets has a warning in place of a list. Any other warning means that GCP could not read the region.
    """
    regions = reply.get("items", {})
    if reply.get("kind") != "compute#subnetworkAggregatedList" or not isinstance(regions, dict):
        raise ValueError("is not a list of subnets")
    if reply.get("unreachables"):
        raise ValueError(f"lacks the subnets of {reply['unreachables']}")
    found = []
    for region, scope in [("all regions", {"subnetworks": [], **reply}), *regions.items()]:
        if not isinstance(scope, dict) or not isinstance(scope.get("subnetworks", []), list):
            raise ValueError(f"has something else than subnets for {region}")
        warning = scope.get("warning")
        if warning is not None and (not isinstance(warning, dict) or warning.get("code") != "NO_RESULTS_ON_PAGE"):
            raise ValueError(f"lacks the subnets of {region}")
        for one in scope.get("subnetworks", []):
            if not isinstance(one, dict):
                raise ValueError("has a subnet that is not an object")
            found.append(parse_subnet(one))
    return found


class Networks:
    """Requests about one network.

    Args:
        session: The session with GCP.
        params: The options, as `options.validate` returns them.
    """

    def __init__(self, session: GcpSession, params: Parameters) -> None:
        self._session = session
        self._params = params
        self._local: str = params["local"]

    def look(self, *, may_be_missing: bool = False) -> NetworkState:
        """Read the network.

        Args:
            may_be_missing: Whether an unknown network is an answer (`exists` is false) instead of a failure.

        Raises:
            TaskError: If it cannot be read.
        """
        description = f"read the network {named_path(self._local)}"
        try:
            reply = self._session.read(description, self._local)
        except NotFoundError as error:
            # Any other 404 is not about the network: perhaps the project is unknown, or a proxy has answered.
            if may_be_missing and error.error_code == "notFound" and self._local in (error.detail or ""):
                return NetworkState(exists=False)
            raise
        peerings = self._session.parsed(lambda one: parse_network(one, self._params["network_name"]), reply, description)
        return NetworkState(exists=True, peerings=peerings)

    def change(self, request: AddPeering | RemovePeering, request_id: str) -> Running:
        """Send a change, and return the operation that it has begun.

        Raises:
            TaskError: If it is refused, or its reply is lost.
        """
        is_added = isinstance(request, AddPeering)
        what = f"add the peering {request.name} to {request.network} in" if is_added else f"remove the peering {request.name} of"
        description = f"{what} {self._local}"
        reply = self._session.write(description, f"{self._local}/{request.action}", request.to_body(), request_id)
        return self._with_effect(self._session.parsed(parse_operation, reply, description, is_write=True))

    def follow(self, running: Running) -> Running:
        """Read an operation that is running.

        Raises:
            TaskError: If it cannot be read.
        """
        description = f"read the operation {running.name} on the network {self._local}"
        reply = self._session.read(description, f"{self._local.partition('/networks/')[0]}/operations/{running.name}")
        return self._with_effect(self._session.parsed(parse_operation, reply, description))

    def _with_effect(self, running: Running) -> Running:
        """Return an operation. Of one that has failed, only the network shows whether it had an effect."""
        if not running.is_done or running.error is None:
            return running
        with contextlib.suppress(TaskError):
            shown = self.look(may_be_missing=self._params["state"] == "absent")
            return replace(running, is_undone=not shows_change(self._params, shown))
        return running
