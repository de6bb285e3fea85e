# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The credentials for GCP, under names that begin with `gcp_`: `access_token` and others are Atlas's here. Pure."""

from __future__ import annotations

import re
import typing as t

from .._clouds.checked import GCP
from .._engine.options import Parameters
from .._gcp.credentials import GCP_OPTIONS, check_credentials
from .._http.errors import AtlasError, InvalidOptionError
from .entry_clouds import GCP_CREDENTIALS

NAMES: dict[str, str] = {name: f"gcp_{name}" for name in GCP_OPTIONS.options}
OPTIONS = {NAMES[name]: option for name, option in GCP_OPTIONS.options.items()}
# This task only reads.
_SCOPES = ["https://www.googleapis.com/auth/compute.readonly"]
_ONE_OF_AN_ENTRY = tuple(name.partition("_")[2] for name in GCP_CREDENTIALS)
_OWN_NAME = re.compile(rf"(?<![\w.])({'|'.join(NAMES)})\b")
Value = t.TypeVar("Value")


def credentials_of(params: Parameters, entry: Parameters) -> dict[str, t.Any]:
    """Return the options for GCP of one connection, under the names that GCP's session knows them by.

    Those at the top may come from environment variables that are meant for others, so this is asked only if GCP is read.

    Args:
        params: The options at the top.
        entry: Those of its entry; empty for a connection that only Atlas tells of. An entry that has some takes none of the top.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    has_own = any(entry.get(name) for name in GCP_CREDENTIALS)
    source = {**dict.fromkeys(NAMES.values()), **entry, "gcp_scopes": params["gcp_scopes"]} if has_own else params
    given = {name: source[NAMES[name]] for name in NAMES}
    both = [NAMES[name] for name in _ONE_OF_AN_ENTRY if has_own and given[name]]
    if len(both) > 1:
        raise InvalidOptionError(f"{both[0]} and {both[1]} exclude each other.", hint="Leave one of them out.")
    return named(lambda: check_credentials({**given, "scopes": given["scopes"] or _SCOPES}))


def check(params: Parameters, entries: t.Sequence[Parameters] | None) -> None:
    """Check the credentials of each connection with GCP.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    if entries is None:
        credentials_of(params, {})
    for index, entry in enumerate(entries or ()):
        if entry["provider_name"] == GCP.name:
            try:
                credentials_of(params, entry)
            except InvalidOptionError as error:
                raise InvalidOptionError(f"connections[{index}]: {error.without_hint}", hint=error.hint) from None


def named(call: t.Callable[[], Value]) -> Value:
    """Call something that knows the options without `gcp_`; its errors name them as this module does.

    Raises:
        AtlasError: What it raises.
    """
    try:
        return call()
    except AtlasError as error:
        error.args = tuple(_OWN_NAME.sub(r"gcp_\1", str(text)) for text in error.args)
        error.hint = error.hint and _OWN_NAME.sub(r"gcp_\1", error.hint)
        raise
