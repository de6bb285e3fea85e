# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of Atlas that are used again by later tasks, and the credential that each signs in with."""

from __future__ import annotations

import importlib
import os
import time
import typing as t
from contextlib import contextmanager

from .._api.client import AtlasClient
from .._api.request import Credential
from .._api.settings import DEFAULT_BASE_URL, ApiSettings, canonical_url
from .._http.errors import AuthError, InvalidOptionError, NoAnswerError, TaskError
from .._http.pauses import Clock, Sleep, stoppable_sleep
from .._http.transport import REQUESTS_IMPORT_ERROR
from .sources import CREDENTIAL_KINDS, VARIABLES, Sources, read_sources

# The package that the clients need, and the traceback of its failed import; None if it is there.
LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR),)
# The options that have the same name in ApiSettings; base_url has sources of its own.
_SETTINGS = ("api_version", "envelope", "validate_certs", "ca_path", "timeout", "retries")
# Each keeps a connection, and so a file, open.
MOST_CLIENTS = 16
# The options of each kind of credential.
_OPTIONS = {kind: tuple(origin.option for origin in origins) for kind, origins in CREDENTIAL_KINDS.items()}


class ClientPool:
    """Keeps a few clients of one process, those that were used last.

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
    def client_for(self, params: t.Mapping[str, t.Any], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
        """Give the client for the connection and credential options among `params`, made now if there is none.

        A client is not used again if the connection broke, the credentials were refused, or the task was ended in the middle
        of something.

        Args:
            params: The options.
            warn: Takes a sentence for the user.

        Raises:
            InvalidOptionError: If the options cannot be right.
        """
        sources = read_sources(params)
        settings = ApiSettings(sources.base_url or DEFAULT_BASE_URL, **{name: params[name] for name in _SETTINGS})
        credentials = tuple(tuple(source.items()) for source in sources.in_order)
        # Two processes must not share a socket, so a client from before a fork does not count.
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
            is_good = isinstance(error, TaskError) and not isinstance(error, (NoAnswerError, AuthError))
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
def connect(params: t.Mapping[str, t.Any], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
    """Give a client of this process, which records the requests of one task.

    Args:
        params: The options.
        warn: Takes a sentence for the user.

    Raises:
        InvalidOptionError: If the options of the connection, or the credentials, cannot be right.
    """
    with POOL.client_for(params, warn) as client, client.recording():
        yield client


def choose_credential(sources: Sources, settings: ApiSettings, warn: t.Callable[[str], None], *, token_cache: bool) -> Credential:
    """Return the credential that the sources mean; if they have more than one, a warning says which is used.

    The first source that has any names the kind. What is missing of that kind is taken from the sources after it.

    Args:
        sources: What the task, the profile and the environment have.
        settings: How Atlas is reached; a token is kept for one way alone.
        warn: Takes a sentence for the user.
        token_cache: Whether the token of a service account is kept between tasks.

    Raises:
        InvalidOptionError: If there is none, or only a part of one.
    """
    named = [kind for source in sources.in_order for kind, options in _OPTIONS.items() if not source.keys().isdisjoint(options)]
    if not named:
        variables = ", ".join(f"{' or '.join(VARIABLES[option])}" for option in _OPTIONS["api_key"])
        raise InvalidOptionError(
            "No credentials for Atlas: public_key and private_key are missing, and so are client_id and client_secret.",
            hint=f"Set the options, a profile of the Atlas CLI, or the environment variables ({variables}).",
        )
    chosen = named[0]
    values = {option: sources.value(option) or "" for option in _OPTIONS[chosen]}
    for option, value in values.items():
        if not value:
            raise InvalidOptionError(
                f"{next(other for other in values if values[other])} is set without {option}.",
                hint=f"Set {option} too, or {' or '.join(VARIABLES[option])}.",
            )
    if len({*named}) > 1:
        others = " and ".join("/".join(options) for kind, options in _OPTIONS.items() if kind in named and kind != chosen)
        warn(f"More than one kind of credentials is set: {'/'.join(values)} is used, and {others} is not.")
    # What the other kinds need is not read: the process of a module compiles each file that it imports.
    if chosen == "access_token":
        from .access_token import AccessToken

        return AccessToken(**values)
    if chosen == "api_key":
        from .api_key import ApiKey

        return ApiKey(values["public_key"], values["private_key"])
    from .service_account import ServiceAccount
    from .token_cache import TokenCache, default_folder

    identity = (canonical_url(settings.base_url), _trust(settings), *values.values())
    cache = TokenCache(identity, default_folder() if token_cache else None, warn)
    return ServiceAccount(values["client_id"], values["client_secret"], cache)


def preload() -> None:
    """Import what all kinds of credentials need, in a process that forks workers afterwards."""
    # Each kind has a file of its name.
    for kind in CREDENTIAL_KINDS:
        importlib.import_module(f".{kind}", __package__)


def _trust(settings: ApiSettings) -> str:
    """Return how Atlas is verified: a token of a server that was not verified must not be used where verification is on."""
    if not settings.validate_certs:
        return "not at all"
    # As requests reads them.
    path = settings.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return os.path.abspath(path) if path else "as usual"
