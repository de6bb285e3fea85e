# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All VPC networks of a project, with their peerings."""

from __future__ import annotations

import typing as t

from .errors import HOST, HTTP_OK, odd_reply
from .network import Json, Peering, parse_network

if t.TYPE_CHECKING:
    from .session import GcpSession

# A project has at most some dozens of networks, and a page has 500.
_MOST_PAGES = 20


def list_networks(session: GcpSession, project_id: str) -> dict[str, tuple[Peering, ...]]:
    """Return the peerings of each network of a project, by the names of the networks.

    Raises:
        AtlasError: If they cannot be read, as a whole.
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
            raise odd_reply(description, HOST, HTTP_OK, str(error), is_write=False) from error
        if not token:
            return found
        query = {"pageToken": token}
    raise odd_reply(description, HOST, HTTP_OK, "has no last page", is_write=False)


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
