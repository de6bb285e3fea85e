# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GCP's half: reads each project, and what concerns the network of a connection, once."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.session import Ask, CheckSession, side_by_side
from .._clouds.gcp import network_path
from .._gcp.network import Network
from .._gcp.networks import get_firewalls, get_host_project, list_networks, list_routes, list_subnets
from .._gcp.session import GcpDeniedError
from .._http.errors import TaskError
from .connections import Connection
from .facts import ConnectionFacts, Missing, NetworkFacts, Unread, if_known, named, need_one_answer, to_unread

# GCP's codes for a missing permission. It also denies requests for other reasons, such as a disabled API.
_LACKS_PERMISSION = ("forbidden", "PERMISSION_DENIED")
# What each request needs.
_PERMISSIONS: dict[t.Callable[..., object], str] = {
    list_networks: "compute.networks.list",
    list_subnets: "compute.subnetworks.list",
    list_routes: "compute.networks.listPeeringRoutes",
    get_firewalls: "compute.networks.getEffectiveFirewalls",
    get_host_project: "compute.projects.get",
}
# The value of a request, or its TaskError.
_Answer = t.Any


class GcpReader:
    """Reads GCP, each thing once for all connections with the same credentials, and several side by side.

    Args:
        session: The session of the task.
        needs_one: Whether it is an error if nothing can be read, and if credentials cannot be used.
    """

    def __init__(self, session: CheckSession, *, needs_one: bool = True) -> None:
        self._session = session
        self._needs_one = needs_one
        self._asks: dict[Connection, Ask] = {}

    def read_projects(self, connections: t.Sequence[Connection]) -> dict[Connection, NetworkFacts]:
        """Return the networks and the subnets in the project of each connection.

        Raises:
            TaskError: If nothing could be read, and a request failed in another way than by a denial.
        """
        self._asks = {one: self._session.ask_gcp(one.credentials, needs_one=self._needs_one) for one in connections}
        answers = side_by_side(
            {one: partial(self._ask, one, list_networks, str(one.entry.params["gcp_project_id"])) for one in connections}
        )
        if self._needs_one:
            need_one_answer(answers.values(), GcpDeniedError)
        return side_by_side({one: partial(self._project_facts, one, answer) for one, answer in answers.items()})

    def read_networks(self, found: t.Mapping[Connection, ConnectionFacts]) -> dict[Connection, ConnectionFacts]:
        """Return facts with the firewall rules of each network, and with the routes that it exchanges where clients are."""
        return side_by_side({one: partial(self._read_network, one, facts) for one, facts in found.items()})

    def _read_network(self, connection: Connection, facts: ConnectionFacts) -> ConnectionFacts:
        # They are read together with other rules about GCP.
        from .rules.client_ranges import client_regions
        from .rules.g4_mirror import active_mirror

        project_id, name = str(facts.entry.params["gcp_project_id"]), facts.entry.network_id
        networks = self._ask(connection, list_networks, project_id)
        own: Network | None = None if isinstance(networks, TaskError) else networks.get(name)
        if own is None:
            known = not isinstance(networks, TaskError)
            host = {"gcp_host_project": self._fact(connection, get_host_project, project_id)} if known else {}
            return replace(facts, network=replace(facts.network, **host))
        path = network_path(project_id, name)
        found = {"gcp_firewalls": self._fact(connection, get_firewalls, path, own.policies_first)}
        mirror, regions = if_known(partial(active_mirror, facts)), if_known(partial(client_regions, facts))
        if mirror is not None and regions:
            ask = partial(self._fact, connection, list_routes, path, mirror.name)
            found["gcp_incoming"] = {one: ask(one, "INCOMING") for one in regions}
            # Each region has the routes of all subnets of this network.
            found["gcp_outgoing"] = ask(regions[0], "OUTGOING")
        return replace(facts, network=replace(facts.network, **found))

    def _project_facts(self, connection: Connection, networks: _Answer) -> NetworkFacts:
        entry = connection.entry
        project_id, name = str(entry.params["gcp_project_id"]), entry.network_id
        unknown = Missing(f"What {named(entry.network_title)} has is not known.", "G401")
        missing = dict.fromkeys(("gcp_incoming", "gcp_outgoing", "gcp_firewalls"), unknown)
        if isinstance(networks, TaskError) and not isinstance(networks, GcpDeniedError):
            unread = _to_unread(networks, list_networks)
            return NetworkFacts(gcp_networks=unread, gcp_ranges=unread, **missing)
        subnets = self._fact(connection, list_subnets, project_id)
        ranges = subnets if isinstance(subnets, Unread) else subnets.get(name, ())
        if isinstance(networks, TaskError):
            return NetworkFacts(gcp_networks=_to_unread(networks, list_networks), gcp_ranges=ranges, **missing)
        peerings = {name: one.peerings for name, one in networks.items()}
        return NetworkFacts(gcp_networks=peerings, gcp_ranges=ranges if name in networks else unknown, **missing)

    def _fact(self, connection: Connection, request: t.Callable[..., object], *args: object) -> t.Any:
        """Return the answer to a request as a fact."""
        answer = self._ask(connection, request, *args)
        return _to_unread(answer, request) if isinstance(answer, TaskError) else answer

    def _ask(self, connection: Connection, request: t.Callable[..., object], *args: object) -> _Answer:
        """Return the answer to a request, which is sent unless it was before."""
        return self._asks[connection](request, *args)


def _to_unread(error: TaskError, request: t.Callable[..., object]) -> Unread:
    is_denied = isinstance(error, GcpDeniedError) and error.error_code in _LACKS_PERMISSION
    return to_unread(error, _PERMISSIONS[request] if is_denied else None)
