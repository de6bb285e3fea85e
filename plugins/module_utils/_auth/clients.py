# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Clients that are used again: one for each way to reach Atlas and each credential, and never one for two of them."""

from __future__ import annotations

import os
import typing as t
from contextlib import contextmanager

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasAuthError, AtlasConnectionError, AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.settings import Connection

from .login import KINDS, choose_credential, with_profile

_CONNECTION_OPTIONS = ("base_url", "api_version", "envelope", "validate_certs", "ca_path", "timeout", "retries")
# Each keeps a connection, and so a file, open.
MOST_CLIENTS = 16


class ClientPool:
    """Keeps the clients of one process: those that were used last, and a few of them."""

    def __init__(self) -> None:
        # The one that was used last is the last.
        self._clients: dict[tuple[t.Any, ...], AtlasClient] = {}
        self._leased: list[AtlasClient] = []

    @contextmanager
    def lease(self, params: t.Mapping[str, t.Any], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
        """Give the client for the connection and credential options among I(params), made now if there is none.

        One that went bad, because the connection broke, the credentials were refused, or the task was ended in the middle
        of something, is not used again. Of those that nobody uses, the ones that were used last are kept.

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
        client = self._clients.pop(key, None) or AtlasClient(connection, choose_credential(params, warn))
        self._clients[key] = client
        self._leased.append(client)
        self._close_oldest()
        try:
            yield client
        except BaseException as error:
            is_good = isinstance(error, AtlasError) and not isinstance(error, (AtlasConnectionError, AtlasAuthError))
            if not is_good and self._clients.get(key) is client:
                del self._clients[key]
                client.close()
            raise
        finally:
            self._leased.remove(client)

    def _close_oldest(self) -> None:
        """Close the clients that have not been used for longest, until there are few enough; never one in use."""
        idle = [key for key, client in self._clients.items() if client not in self._leased]
        for key in idle[: max(0, len(self._clients) - MOST_CLIENTS)]:
            self._clients.pop(key).close()

    def close(self) -> None:
        """Close the connections of all clients."""
        while self._clients:
            self._clients.popitem()[1].close()
