# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credential the sources mean."""

from __future__ import annotations

import importlib
import os
import typing as t

from .._api.credential import Credential
from .._api.errors import InvalidOptionError
from .._api.settings import ApiSettings, canonical_url
from .sources import KINDS, VARIABLES, Sources

_OPTIONS = {kind: tuple(origin.option for origin in origins) for kind, origins in KINDS.items()}


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
    named = [kind for source in sources.in_order for kind in KINDS if any(option in source for option in _OPTIONS[kind])]
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
    # What the other kinds need is not read: a module's process compiles each file anew.
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
    """Read what all kinds of credentials need, in a process that forks workers afterwards."""
    for kind in KINDS:
        # Their files have the same names.
        importlib.import_module(f".{kind}", __package__)


def _trust(settings: ApiSettings) -> str:
    """Return how Atlas is verified: a token from a server that was not verified is not used where it has to be."""
    if not settings.validate_certs:
        return "not at all"
    # As requests reads them.
    path = settings.ca_path or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return os.path.abspath(path) if path else "as usual"
