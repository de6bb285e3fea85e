# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about the networks of GCP: to list those of a project, and to read or change the peerings of one."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._engine.options import Parameters
from .._http.errors import NotFoundError
from .network import AddPeering, Json, Peering, RemovePeering, Running, parse_network, parse_operation
from .plan import NetworkState, find_mirror

if t.TYPE_CHECKING:
    # It imports google-auth, which is slow to load.
    from .session import GcpSession


def list_networks(session: GcpSession, project_id: str) -> dict[str, tuple[Peering, ...]]:
    """Return the peerings of each network of a project, by the names of the networks.

    Raises:
        TaskError: If a page cannot be read.
    """
    description = f"list the networks of project {project_id}"
    found: dict[str, tuple[Peering, ...]] = {}
    for page in session.pages(description, f"projects/{project_id}/global/networks"):
        found.update(session.parsed(_parse_page, page, description))
    return found


def _parse_page(reply: Json) -> dict[str, tuple[Peering, ...]]:
    """Return the networks of a page."""
    # A project without networks has no items.
    items = reply.get("items", [])
    if reply.get("kind") != "compute#networkList" or not isinstance(items, list):
        raise ValueError("is not a list of networks")
    found = {}
    for one in items:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name:
            raise ValueError("has a network without a name")
        found[name] = parse_network(one, name)
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

    def find_mirror(self, state: NetworkState) -> Peering | None:
        """Return the peering that the options mean."""
        return find_mirror(self._params, state)

    def look(self, *, may_be_missing: bool = False) -> NetworkState:
        """Read the network.

        Args:
            may_be_missing: Whether an unknown network is an answer (`exists` is false) instead of a failure.

        Raises:
            TaskError: If it cannot be read.
        """
        description = f"read the network {self._local}"
        try:
            reply = self._session.read(description, self._local)
        except NotFoundError as error:
            # Any other 404 is not about the network: perhaps the project is unknown, or a proxy has answered.
            if may_be_missing and error.error_code == "notFound" and self._local in (error.detail or ""):
                return NetworkState(exists=False)
            raise
        peerings = self._session.parsed(lambda one: parse_network(one, self._params["network_name"]), reply, description)
        return NetworkState(exists=True, peerings=peerings)

    def change(self, request: AddPeering | RemovePeering, request_id: str, state: NetworkState) -> NetworkState:
        """Send a change, and return the state with the operation that it has begun.

        Raises:
            TaskError: If it is refused, or its reply is lost.
        """
        is_added = isinstance(request, AddPeering)
        what = f"add the peering {request.name} to {request.network} in" if is_added else f"remove the peering {request.name} of"
        description = f"{what} {self._local}"
        reply = self._session.write(description, f"{self._local}/{request.action}", request.to_body(), request_id)
        return replace(state, running=self._session.parsed(parse_operation, reply, description, is_write=True))

    def follow(self, state: NetworkState) -> NetworkState:
        """Read the operation that is running, and return the state with it.

        Raises:
            TaskError: If it cannot be read.
        """
        name = t.cast(Running, state.running).name
        description = f"read the operation {name} on the network {self._local}"
        reply = self._session.read(description, f"{self._local.partition('/networks/')[0]}/operations/{name}")
        return replace(state, running=self._session.parsed(parse_operation, reply, description))
