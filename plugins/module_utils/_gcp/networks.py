# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about one network, and about all of a project."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._engine.options import Parameters
from .._http.errors import NotFoundError
from .errors import odd_reply
from .network import AddPeering, Json, Peering, RemovePeering, parse_network, parse_operation
from .plan import NetworkState, find_mirror

if t.TYPE_CHECKING:
    from .session import GcpSession

# A project has at most some dozens of networks, and a page has 500.
_MOST_PAGES = 20


def list_networks(session: GcpSession, project_id: str) -> dict[str, tuple[Peering, ...]]:
    """Return the peerings of each network of a project, by the names of the networks.

    Raises:
        TaskError: If they cannot be read, as a whole.
    """
    description = f"list the networks of project {project_id}"
    found: dict[str, tuple[Peering, ...]] = {}
    query: dict[str, str] = {}
    for _page in range(_MOST_PAGES):
        reply = session.read(description, f"projects/{project_id}/global/networks", query)
        try:
            found.update(_parse(reply))
            token = _next_page(reply)
        except ValueError as error:
            raise odd_reply(description, str(error), is_write=False) from error
        if not token:
            return found
        query = {"pageToken": token}
    raise odd_reply(description, "has no last page", is_write=False)


def _parse(reply: Json) -> t.Iterator[tuple[str, tuple[Peering, ...]]]:
    items = reply.get("items", [])
    # A project without networks has no items.
    if reply.get("kind") != "compute#networkList" or not isinstance(items, list):
        raise ValueError("is not a list of networks")
    for one in items:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name:
            raise ValueError("has a network without a name")
        yield name, parse_network(one, name)


def _next_page(reply: Json) -> str | None:
    token = reply.get("nextPageToken")
    if token is not None and not isinstance(token, str):
        raise ValueError("has a nextPageToken that is not a text")
    return token


_T = t.TypeVar("_T")


class Networks:
    """Requests about one network.

    Args:
        session: Sends them.
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
            may_be_missing: Whether a network that GCP does not know is an answer, and not a failure.

        Raises:
            TaskError: If it cannot be read.
        """
        description = f"read the network {self._local}"
        try:
            reply = self._session.read(description, self._local)
        except NotFoundError as error:
            # Any other 404 is not about the network: the project is unknown, say, or something else has answered.
            if may_be_missing and error.error_code == "notFound" and self._local in (error.detail or ""):
                return NetworkState(exists=False)
            raise
        peerings = _parsed(lambda: parse_network(reply, self._params["network_name"]), description, is_write=False)
        return NetworkState(exists=True, peerings=peerings)

    def change(self, request: AddPeering | RemovePeering, request_id: str, state: NetworkState) -> NetworkState:
        """Send a change, and return the state with the operation that it has begun.

        Raises:
            TaskError: If it is refused or lost.
        """
        verb = "add" if isinstance(request, AddPeering) else "remove"
        where = f"to {request.network}" if verb == "add" else "of"
        description = f"{verb} the peering {request.name} {where} {'in' if verb == 'add' else ''}".rstrip() + f" {self._local}"
        reply = self._session.write(description, f"{self._local}/{request.action}", request.to_body(), request_id)
        return replace(state, running=_parsed(lambda: parse_operation(reply), description, is_write=True))

    def follow(self, state: NetworkState) -> NetworkState:
        """Read the operation that is running, and the network as soon as it has ended well.

        Raises:
            TaskError: If it cannot be read.
        """
        running = t.cast(t.Any, state.running)
        description = f"read the operation {running.name} on the network {self._local}"
        path = f"{self._local.partition('/networks/')[0]}/operations/{running.name}"
        reply = self._session.read(description, path)
        running = _parsed(lambda: parse_operation(reply), description, is_write=False)
        return replace(state, running=running)


def _parsed(parse: t.Callable[[], _T], description: str, *, is_write: bool) -> _T:
    try:
        return parse()
    except ValueError as error:
        raise odd_reply(description, str(error), is_write=is_write) from error
