# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Clients that are used again: one for each way to reach Atlas and each credential, and never one for two of them."""

from __future__ import annotations

import os
import typing as t
from contextlib import contextmanager

from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._connection import Connection
from ansible_collections.cloudpeer.atlas.plugins.module_utils._credentials import KINDS, choose_credential, with_profile
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasAuthError, AtlasConnectionError

_CONNECTION_OPTIONS = ("base_url", "api_version", "envelope", "validate_certs", "ca_path", "timeout", "retries")


class ClientPool:
    """Keeps the clients of one process."""

    def __init__(self) -> None:
        self._clients: dict[tuple[t.Any, ...], AtlasClient] = {}

    @contextmanager
    def lease(self, params: t.Mapping[str, t.Any], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
        """Give the client for the connection and credential options among I(params), made now if there is none.

        One that went bad, because the connection broke or the credentials were refused, is not used again.

        Args:
            params: The options.
            warn: Takes a sentence for the user.

        Raises:
            InvalidOptionError: When the options cannot be right.
        """
        params = with_profile(params)
        connection = Connection(**{name: params[name] for name in _CONNECTION_OPTIONS})
        # Two processes must not speak on one socket, so a client that was inherited by a fork does not count.
        credentials = tuple(params[option] for kind in KINDS for option in kind)
        key = (os.getpid(), connection, credentials, params["token_cache"])
        client = self._clients.get(key)
        if client is None:
            client = AtlasClient(connection, choose_credential(params, warn))
            self._clients[key] = client
        try:
            yield client
        except (AtlasConnectionError, AtlasAuthError):
            self._clients.pop(key).close()
            raise

    def close(self) -> None:
        """Close the connections of all clients."""
        while self._clients:
            self._clients.popitem()[1].close()
