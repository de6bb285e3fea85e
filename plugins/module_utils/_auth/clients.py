# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The clients of Atlas that later tasks reuse, and the choice of their credentials."""

from __future__ import annotations

import importlib
import os
import time
import typing as t
from contextlib import contextmanager

from .._api.client import AtlasClient
from .._api.reply import with_credentials
from .._api.request import DEFAULT_BASE_URL, ApiSettings, Credential, canonical_url
from .._http.errors import AuthError, InvalidOptionError, NoAnswerError, NotFoundError, TaskError
from .._http.pauses import Clock, Sleep, stoppable_sleep
from .._http.transport import REQUESTS_IMPORT_ERROR
from .sources import CREDENTIAL_KINDS, KEYRING, VARIABLES, Sources, read_sources

# The Python package that clients need, and the traceback of its failed import (None if it is there).
LIBRARIES = (("requests", REQUESTS_IMPORT_ERROR),)
# The options of ApiSettings that come from the task alone; base_url has other sources, too.
_SETTINGS = ("api_version", "envelope", "validate_certs", "ca_path", "timeout", "retries")
# Each keeps a connection open, and so a file descriptor.
MOST_CLIENTS = 16
# The options of each kind of credential.
_OPTIONS = {kind: tuple(origin.option for origin in origins) for kind, origins in CREDENTIAL_KINDS.items()}


class ClientPool:
    """Keeps the last used clients of this process.

    Args:
        clock: The monotonic clock of the clients, in seconds.
        sleep: Sleeps that many seconds.
    """

    def __init__(self, clock: Clock = time.monotonic, sleep: Sleep = stoppable_sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        # The last one was used last.
        self._clients: dict[tuple[object, ...], AtlasClient] = {}
        self._in_use: list[AtlasClient] = []

    @contextmanager
    def client_for(self, params: t.Mapping[str, t.Any], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
        """Yield the client for the connection and credential options in `params`: a kept one, or a new one.

        A client is dropped if the connection failed, the credentials were refused, or the task ended with an unexpected
        exception.

        Args:
            params: The options.
            warn: Takes a sentence for the user.

        Raises:
            InvalidOptionError: If an option is invalid.
        """
        sources = read_sources(params)
        settings = ApiSettings(sources.base_url or DEFAULT_BASE_URL, **{name: params[name] for name in _SETTINGS})
        credentials = tuple(tuple(source.items()) for source in sources.in_order)
        # Two processes must not share a socket: a client from before a fork is not reused.
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
            if isinstance(error, (AuthError, NotFoundError)):
                raise with_credentials(error, *_used(sources)) from error.__cause__
            raise
        finally:
            self._in_use.remove(client)

    def _close_oldest(self) -> None:
        """Close the least recently used clients, until there are few enough; never one in use."""
        idle = [key for key, client in self._clients.items() if client not in self._in_use]
        for key in idle[: max(0, len(self._clients) - MOST_CLIENTS)]:
            self._clients.pop(key).close()

    def close(self) -> None:
        """Close the connections of all clients."""
        while self._clients:
            self._clients.popitem()[1].close()


# The items of a loop share these clients, which end with the process.
POOL = ClientPool()


@contextmanager
def connect(params: t.Mapping[str, object], warn: t.Callable[[str], None]) -> t.Iterator[AtlasClient]:
    """Yield a client of this process that records the requests of one task.

    Args:
        params: The options.
        warn: Takes a sentence for the user.

    Raises:
        InvalidOptionError: If a connection option or a credential is invalid.
    """
    with POOL.client_for(params, warn) as client, client.recording():
        yield client


def choose_credential(sources: Sources, settings: ApiSettings, warn: t.Callable[[str], None], *, token_cache: bool) -> Credential:
    """Return the credential from the sources; if they have several kinds, a warning says which is used.

    The first source with a credential decides the kind. Missing parts of that kind come from the sources after it.

    Args:
        sources: The values of the task, the profile and the environment.
        settings: How to reach Atlas; a token is kept for one base URL and way to verify it.
        warn: Takes a sentence for the user.
        token_cache: Whether the token of a service account is kept between tasks.

    Raises:
        InvalidOptionError: If there is no credential, or a part is missing or invalid.
    """
    named = _kinds_in(sources)
    if not named:
        kinds = [" and ".join(" or ".join(VARIABLES[option]) for option in options) for options in _OPTIONS.values()]
        raise InvalidOptionError(
            "No credentials for Atlas: public_key and private_key are missing, and so are client_id and client_secret, and "
            f"access_token{_in(sources)}.",
            hint=_without_profile(sources, f"Set the options or the environment variables of one kind: {'; '.join(kinds)}."),
        )
    chosen = named[0]
    values = {option: sources.value(option) or "" for option in _OPTIONS[chosen]}
    for option, value in values.items():
        if not value:
            raise InvalidOptionError(
                f"{next(other for other in values if values[other])} is set without {option}.",
                hint=_without_profile(sources, f"Set {option} too, or {' or '.join(VARIABLES[option])}."),
            )
    if len({*named}) > 1:
        others = " and ".join("/".join(options) for kind, options in _OPTIONS.items() if kind in named and kind != chosen)
        warn(f"More than one kind of credentials is set: {'/'.join(values)} is used, and {others} is not.")
    # Only the file of the chosen kind is imported: a module's process compiles each file that it imports.
    if chosen == "access_token":
        from .tokens import AccessToken

        return AccessToken(**values)
    if chosen == "api_key":
        from .api_key import ApiKey

        return ApiKey(values["public_key"], values["private_key"])
    from .private_folder import default_folder
    from .tokens import ServiceAccount, TokenCache

    identity = (canonical_url(settings.base_url), _trust(settings), *values.values())
    cache = TokenCache(identity, default_folder() if token_cache else None, warn)
    return ServiceAccount(values["client_id"], values["client_secret"], cache)


def _kinds_in(sources: Sources) -> list[str]:
    """Return the kinds of credentials of which the sources have a part, that which is used first."""
    return [kind for source in sources.in_order for kind, options in _OPTIONS.items() if not source.keys().isdisjoint(options)]


def _used(sources: Sources) -> tuple[str, str]:
    """Return the options of the kind that is used, and where they come from; and what they belong to."""
    kind = _kinds_in(sources)[0]
    options = _OPTIONS[kind]
    places = ("the options of the task", f"the profile {sources.profile!r} of the Atlas CLI", "the environment")
    used = [next(place for place, one in zip(places, sources.in_order) if option in one) for option in options]
    user = "the API key" if kind == "api_key" else "the service account"
    return f"{' and '.join(options)} (from {' and '.join(dict.fromkeys(used))})", user


def _in(sources: Sources) -> str:
    """Return the profile for a sentence; empty if the task names none."""
    return f", also in the profile {sources.profile!r} of the Atlas CLI" if sources.profile is not None else ""


def _without_profile(sources: Sources, hint: str) -> str:
    """Return what to do about missing credentials; if the task names a profile, first why it may have none."""
    return hint if sources.profile is None else f"{KEYRING} {hint}"


def preload() -> None:
    """Import all kinds of credentials before a process forks its workers."""
    for name in ("api_key", "tokens"):
        importlib.import_module(f".{name}", __package__)


def _trust(settings: ApiSettings) -> str:
    """Return how the server is verified: a token from an unverified server must not be used where verification is on."""
    if not settings.validate_certs:
        return "not at all"
    # In the order of requests.
    path = settings.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return os.path.abspath(path) if path else "as usual"
