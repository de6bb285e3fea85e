# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Which credential the options mean, and what the profile of the Atlas CLI adds to them."""

from __future__ import annotations

import os
import sys
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.settings import DEFAULT_BASE_URL, canonical_url

from .kinds import (
    VARIABLES,
    AccessToken,
    ApiKey,
    Credential,
    ServiceAccount,
)
from .token_cache import TokenCache, default_folder

Parameters = t.Mapping[str, t.Any]

# The kinds, in the order in which they win, which is that of the official tools, each with its options.
KINDS = (("access_token",), ("client_id", "client_secret"), ("public_key", "private_key"))
# What the Atlas CLI calls them in its config.toml.
_PROFILE_KEYS = {
    "client_id": "client_id",
    "client_secret": "client_secret",
    "public_key": "public_api_key",
    "private_key": "private_api_key",
    "base_url": "ops_manager_url",
}
_GOVERNMENT = {"cloudgov": "https://cloud.mongodbgov.com"}


def with_profile(params: Parameters) -> dict[str, t.Any]:
    """Return the options, with those that are left open taken from the profile that C(profile) names.

    Credentials that the task itself sets come before all of the profile's, which come before environment variables: what is in
    those may be for another Atlas than the profile's.

    Raises:
        InvalidOptionError: When there is no such profile, or it cannot be read.
    """
    filled = dict(params)
    if params["profile"] is not None:
        found = _read_profile(params["profile"])
        base_url = found.pop("base_url", None)
        filled["base_url"] = params["base_url"] or base_url
        if not any(_is_own(option, params[option]) for kind in KINDS for option in kind):
            filled.update(found)
    filled["base_url"] = filled["base_url"] or DEFAULT_BASE_URL
    return filled


def choose_credential(params: Parameters, warn: t.Callable[[str], None]) -> Credential:
    """Return the credential that the options name; if they name more than one, the user is told which.

    A kind that the task itself sets comes before those that are only in environment variables.

    Args:
        params: The options, with those of the profile.
        warn: Takes a sentence for the user.

    Raises:
        InvalidOptionError: When they name none, or one in part.
    """
    named = [kind for kind in KINDS if any(params[option] for option in kind)]
    if not named:
        variables = ", ".join(f"{' or '.join(VARIABLES[option])}" for option in KINDS[2])
        raise InvalidOptionError(
            "No credentials for Atlas: public_key and private_key are missing, and so are client_id and client_secret.",
            hint=f"Set the options, a profile of the Atlas CLI, or the environment variables ({variables}).",
        )
    chosen = next((kind for kind in named if any(_is_own(option, params[option]) for option in kind)), named[0])
    for option in chosen:
        if not params[option]:
            raise InvalidOptionError(
                f"{option} is missing beside {next(other for other in chosen if params[other])}.",
                hint=f"Set it, or {' or '.join(VARIABLES[option])}.",
            )
    if len(named) > 1:
        others = " and ".join("/".join(kind) for kind in named if kind != chosen)
        warn(f"More than one kind of credentials is set: {'/'.join(chosen)} is used, and {others} is not.")
    if chosen == KINDS[0]:
        return AccessToken(params["access_token"])
    if chosen == KINDS[2]:
        return ApiKey(params["public_key"], params["private_key"])
    cache, folder = None, default_folder()
    if params["token_cache"] and folder is not None:
        identity = (canonical_url(params["base_url"]), _trust(params), params["client_id"], params["client_secret"])
        cache = TokenCache(identity, folder, warn)
    return ServiceAccount(params["client_id"], params["client_secret"], cache)


def _trust(params: Parameters) -> str:
    """Return how Atlas is verified: a token from a server that was not verified is not used where it has to be."""
    if not params["validate_certs"]:
        return "not at all"
    # As requests reads them.
    path = params["ca_path"] or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return os.path.abspath(path) if path else "as usual"


def _is_own(option: str, value: str | None) -> bool:
    """Whether the task set the option itself, so that its value is not just that of an environment variable."""
    return bool(value) and value not in {os.environ.get(variable) for variable in VARIABLES[option]}


def _profile_path() -> str:
    """Return where the Atlas CLI has its settings."""
    if sys.platform == "darwin":
        folder = os.path.expanduser("~/Library/Application Support")
    else:
        folder = os.environ.get("XDG_CONFIG_HOME", "")
        folder = folder if os.path.isabs(folder) else os.path.expanduser("~/.config")
    return os.path.join(folder, "atlascli", "config.toml")


def _read_profile(name: str) -> dict[str, str]:
    """Return the options that a profile has values for."""
    try:
        import tomllib
    except ImportError:
        raise InvalidOptionError(
            "profile needs Python 3.11 or later on the host this task runs on, to read the Atlas CLI's settings.",
            hint="Use another Python (ansible_python_interpreter), or set the credentials as options.",
        ) from None
    path = _profile_path()
    try:
        with open(path, "rb") as file:
            profiles = tomllib.load(file)
    except OSError as error:
        raise InvalidOptionError(
            f"profile: {path} cannot be read: {error.strerror}.", hint="Log in with the Atlas CLI."
        ) from None
    except (ValueError, RecursionError):
        raise InvalidOptionError(f"profile: {path} is not a TOML file.", hint="Log in with the Atlas CLI again.") from None
    profile = profiles.get(name)
    if not isinstance(profile, dict):
        known = ", ".join(key for key, value in profiles.items() if isinstance(value, dict)) or "none"
        raise InvalidOptionError(f"profile: there is no {name!r} in {path}.", hint=f"It has these profiles: {known}.")
    found = {option: profile[key] for option, key in _PROFILE_KEYS.items() if isinstance(profile.get(key), str) and profile[key]}
    service = profile.get("service")
    if isinstance(service, str) and service in _GOVERNMENT:
        found.setdefault("base_url", _GOVERNMENT[service])
    return found
