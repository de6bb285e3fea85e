# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a profile of the Atlas CLI."""

from __future__ import annotations

import os
import sys

from .._api.errors import InvalidOptionError

# The addresses of Atlas's services other than the usual one, by the profile's `service`.
_BASE_URLS = {"cloudgov": "https://cloud.mongodbgov.com"}


def read_profile(name: str) -> dict[str, str]:
    """Return what a profile has values for, by the keys of the Atlas CLI's config.toml; `ops_manager_url` for its service, too.

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
            f"profile: {path} cannot be read: {error.strerror}.", hint="Log in with the Atlas CLI."
        ) from None
    except (ValueError, RecursionError):
        raise InvalidOptionError(f"profile: {path} is not a TOML file.", hint="Log in with the Atlas CLI again.") from None
    profile = profiles.get(name)
    if not isinstance(profile, dict):
        known = ", ".join(key for key, value in profiles.items() if isinstance(value, dict)) or "none"
        raise InvalidOptionError(f"profile: there is no {name!r} in {path}.", hint=f"It has these profiles: {known}.")
    found = {key: value for key, value in profile.items() if isinstance(value, str) and value}
    if found.get("service") in _BASE_URLS:
        found.setdefault("ops_manager_url", _BASE_URLS[found["service"]])
    return found


def _config_path() -> str:
    """Return where the Atlas CLI has its settings."""
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/atlascli/config.toml")
    folder = os.environ.get("XDG_CONFIG_HOME", "")
    return os.path.join(folder if os.path.isabs(folder) else os.path.expanduser("~/.config"), "atlascli", "config.toml")
