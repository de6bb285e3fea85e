# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hand-over: what whoever acts in the customer's cloud needs, at the top of results."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from .._clouds.cloud import Fields_provider as Fields
from .._clouds.cloud import Peer, fields_of
from .._engine.options import Parameters
from .._resources.containers import fields_of as fields_of_container
from .containers import ContainerChoice

_GOVERNMENT = "mongodbgov.com"


def is_government(params: Parameters) -> bool:
    """Whether Atlas is the government's, by `base_url`."""
    host = urlsplit(params["base_url"] or "").hostname or ""
    return host == _GOVERNMENT or host.endswith(f".{_GOVERNMENT}")


def needs_names(choice: ContainerChoice, peer: Peer) -> bool:
    """Whether a connection waits for a customer who needs the names of the container's network, which are not known."""
    provider = choice.provider
    if not provider.has_names or peer["status_name"] != provider.pending:
        return False
    container = choice.known(peer["container_id"])
    return container is None or fields_of_container(container)["atlas_network_name"] is None


def make_handover(choice: ContainerChoice, peer: Peer | None) -> dict[str, t.Any]:
    """Return what whoever acts in the customer's cloud needs; the keys of a cloud are always the same.

    Args:
        choice: The container, with the options, which describe the connection if it is not there.
        peer: The connection.
    """
    params, provider = choice.params, choice.provider
    names = (*provider.writable, *provider.read_only)
    known: Fields = {name: params.get(name) for name in names} if peer is None else fields_of(peer)
    container = choice.known(known.get("container_id"))
    return provider.handover(known, fields_of_container(container) if container else None, is_government(params))
