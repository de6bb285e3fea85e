# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where credentials and the project come from: the options of a task, a profile of the Atlas CLI, environment variables."""

from __future__ import annotations

import os
import sys
import typing as t

from .._http.errors import InvalidOptionError
from .._values.ids import parse_object_id
from .._values.patterns import InvalidValueError

Values = t.Mapping[str, str]

# Why a profile may have no credentials.
KEYRING = "Since 1.47, the Atlas CLI keeps keys and secrets in the system's keyring, where no task reads them."
# The base URLs of Atlas's other services, by a profile's `service`.
_BASE_URLS = {"cloudgov": "https://cloud.mongodbgov.com"}


class Origin(t.NamedTuple):
    """Where the value of an option can come from.

    Attributes:
        option: The option of the task.
        variables: The environment variables of the official tools; the first that is set counts.
        profile_key: The key in a profile of the Atlas CLI; None if there is none.
    """

    option: str
    variables: tuple[str, ...]
    profile_key: str | None = None


# The kinds of credentials, in order of precedence, as in the official tools.
CREDENTIAL_KINDS: t.Mapping[str, tuple[Origin, ...]] = {
    "access_token": (Origin("access_token", ("MONGODB_ATLAS_ACCESS_TOKEN",)),),
    "service_account": (
        Origin("client_id", ("MONGODB_ATLAS_CLIENT_ID",), "client_id"),
        Origin("client_secret", ("MONGODB_ATLAS_CLIENT_SECRET",), "client_secret"),
    ),
    "api_key": (
        Origin("public_key", ("MONGODB_ATLAS_PUBLIC_API_KEY", "MONGODB_ATLAS_PUBLIC_KEY"), "public_api_key"),
        Origin("private_key", ("MONGODB_ATLAS_PRIVATE_API_KEY", "MONGODB_ATLAS_PRIVATE_KEY"), "private_api_key"),
    ),
}
BASE_URL = Origin("base_url", ("MONGODB_ATLAS_BASE_URL", "MONGODB_ATLAS_OPS_MANAGER_URL"), "ops_manager_url")
GROUP_ID = Origin("group_id", ("MONGODB_ATLAS_PROJECT_ID",), "project_id")

_CREDENTIALS = tuple(origin for origins in CREDENTIAL_KINDS.values() for origin in origins)
# The environment variables of each option.
VARIABLES: t.Mapping[str, tuple[str, ...]] = {origin.option: origin.variables for origin in (*_CREDENTIALS, BASE_URL, GROUP_ID)}


class Sources(t.NamedTuple):
    """The credential options that each source sets, without empty values.

    Attributes:
        in_order: Options and values of the task, the profile and the environment, in order of precedence. The profile's are
            empty if the task itself sets a credential.
        base_url: The base URL, from the task, the environment or the profile; None if none has it.
        profile: The name of the profile; None if the task names none.
    """

    in_order: tuple[Values, Values, Values]
    base_url: str | None
    profile: str | None = None

    def value(self, option: str) -> str | None:
        """Return the value of an option from the first source that has it; None if none has."""
        return next((source[option] for source in self.in_order if option in source), None)


def read_sources(params: t.Mapping[str, t.Any]) -> Sources:
    """Read the credential options and the base URL from all sources.

    Args:
        params: The options of the task; Ansible has filled missing ones from the environment.

    Raises:
        InvalidOptionError: If `profile` names one that does not exist or cannot be read.
    """
    given = {origin.option: params[origin.option] for origin in _CREDENTIALS if params[origin.option]}
    options = {option: value for option, value in given.items() if not is_in_environment(option, value)}
    environment = {option: value for option, value in given.items() if option not in options}
    found: Values = {} if params["profile"] is None else read_profile(params["profile"])
    # Credentials of the task are not mixed with those of a profile, which may be for another Atlas.
    wanted = () if options else _CREDENTIALS
    profile = {one.option: found[one.profile_key] for one in wanted if one.profile_key is not None and one.profile_key in found}
    base_url = params["base_url"] or found.get(str(BASE_URL.profile_key))
    return Sources((options, profile, environment), base_url, params["profile"])


def find_project(params: t.Mapping[str, t.Any], other_way: str = "") -> str:
    """Return the id of the project: the option's or the environment variable's, or else the `project_id` of the profile.

    Args:
        params: The options of the task; Ansible has filled missing ones from the environment.
        other_way: What else to do if none has a project, for the message: `set atlas to false`.

    Raises:
        InvalidOptionError: If none has a project, or the profile cannot be read.
    """
    given, name = params["group_id"], params["profile"]
    if given is not None:
        return str(given)
    found = None if name is None else read_profile(name).get(str(GROUP_ID.profile_key))
    if found is None:
        missing = "" if name is None else f" The profile {name!r} of the Atlas CLI has no {GROUP_ID.profile_key}."
        ways = f"Set it (or its alias project_id) or project_name, or the environment variable {GROUP_ID.variables[0]}"
        raise InvalidOptionError(f"group_id is required.{missing}", hint=f"{ways}{other_way and f', or {other_way}'}.")
    try:
        return parse_object_id(found)
    except InvalidValueError as error:
        raise InvalidOptionError(f"profile: {GROUP_ID.profile_key} of {name!r} {error}.", hint=error.hint) from None


def is_in_environment(option: str, value: str | None) -> bool:
    """Whether a value comes from an environment variable; the argument spec does not say this."""
    return value in {os.environ.get(variable) for variable in VARIABLES[option]}


def read_profile(name: str) -> dict[str, str]:
    """Return the values of a profile, by key of the Atlas CLI's config.toml; a missing `ops_manager_url` follows from `service`.

    Raises:
        InvalidOptionError: If there is no such profile, or it cannot be read.
    """
    try:
        import tomllib
    except ImportError:
        raise InvalidOptionError(
            "profile needs Python 3.11 or later on the host this task runs on, to read the Atlas CLI's settings.",
            hint="Use another Python (ansible_python_interpreter), or set the credentials as options.",
        ) from None
    path = _config_path()
    try:
        with open(path, "rb") as file:
            profiles = tomllib.load(file)
    except OSError as error:
        raise InvalidOptionError(
            f"profile: {path} cannot be read: {error.strerror}.",
            hint=f"Set the credentials as options or environment variables. {KEYRING}",
        ) from None
    except (ValueError, RecursionError):
        raise InvalidOptionError(f"profile: {path} is not a TOML file.", hint="Correct it, or leave profile out.") from None
    profile = profiles.get(name)
    if not isinstance(profile, dict):
        known = ", ".join(key for key, value in profiles.items() if isinstance(value, dict)) or "none"
        raise InvalidOptionError(f"profile: there is no {name!r} in {path}.", hint=f"It has these profiles: {known}.")
    found = {key: value for key, value in profile.items() if isinstance(value, str) and value}
    if found.get("service") in _BASE_URLS:
        found.setdefault("ops_manager_url", _BASE_URLS[found["service"]])
    return found


def _config_path() -> str:
    """Return the path of the Atlas CLI's settings."""
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/atlascli/config.toml")
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    return os.path.join(folder if os.path.isabs(folder) else os.path.expanduser("~/.config"), "atlascli", "config.toml")
