# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients that are used again: one for each way to reach Atlas and each credential, and never one for two of them."""

from __future__ import annotations

import os
import time
import typing as t
from contextlib import contextmanager

from .._api.client import AtlasClient
from .._api.errors import AtlasAuthError, AtlasConnectionError, AtlasError
from .._api.settings import DEFAULT_BASE_URL, ApiSettings
from .._api.stopping import Clock, Sleep, stoppable_sleep
from .._api.transport import REQUESTS_IMPORT_ERROR
from .login import choose_credential
from .sources import Parameters, read_sources

Warn = t.Callable[[str], None]

# The package that the clients need, and the traceback of its failed import; None if it is there.
LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR),)
# The options that have the same name in ApiSettings; base_url has sources of its own.
_SETTINGS = ("api_version", "envelope", "validate_certs", "ca_path", "timeout", "retries")
# Each keeps a connection, and so a file, open.
MOST_CLIENTS = 16


class ClientPool:
    """Keeps the clients of one process: those that were used last, and a few of them.

    Args:
        clock: The monotonic clock of the clients, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, clock: Clock = time.monotonic, sleep: Sleep = stoppable_sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        # The one that was used last is the last.
        self._clients: dict[tuple[t.Any, ...], AtlasClient] = {}
        self._in_use: list[AtlasClient] = []

    @contextmanager
    def client_for(self, params: Parameters, warn: Warn) -> t.Iterator[AtlasClient]:
        """Give the client for the connection and credential options among `params`, made now if there is none.

        One that went bad, because the connection broke, the credentials were refused, or the task was ended in the middle
        of something, is not used again. Of those that nobody uses, the ones that were used last are kept.

        Args:
            params: The options.
            warn: Takes a sentence for the user.

        Raises:
            InvalidOptionError: If the options cannot be right.
        """
        sources = read_sources(params)
        settings = ApiSettings(sources.base_url or DEFAULT_BASE_URL, **{name: params[name] for name in _SETTINGS})
        credentials = tuple(tuple(source.items()) for source in sources.in_order)
        # Two processes must not speak on one socket, so a client that was inherited by a fork does not count.
        key = (os.getpid(), settings, credentials, params["token_cache"])
        client = self._clients.pop(key, None)
        if client is None:
            credential = choose_credential(sources, settings, warn, token_cache=params["token_cache"])
            client = AtlasClient(settings, credential, clock=self._clock, sleep=self._sleep)
        self._clients[key] = client
        self._in_use.append(client)
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
            self._in_use.remove(client)

    def _close_oldest(self) -> None:
        """Close the clients that have not been used for longest, until there are few enough; never one in use."""
        idle = [key for key, client in self._clients.items() if client not in self._in_use]
        for key in idle[: max(0, len(self._clients) - MOST_CLIENTS)]:
            self._clients.pop(key).close()

    def close(self) -> None:
        """Close the connections of all clients."""
        while self._clients:
            self._clients.popitem()[1].close()


# The clients of this process. The items of a loop share them, and they end with the process.
POOL = ClientPool()


@contextmanager
def connect(params: Parameters, warn: Warn) -> t.Iterator[AtlasClient]:
    """Give a client of this process, which records the requests of one task.

    Args:
        params: The options.
        warn: Takes a sentence for the user.

    Raises:
        InvalidOptionError: If the options of the connection, or the credentials, cannot be right.
    """
    with POOL.client_for(params, warn) as client, client.recording():
        yield client
