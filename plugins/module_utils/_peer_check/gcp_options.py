# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""The credentials for GCP, under names that begin with `gcp_`: `access_token` and others are Atlas's here. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._gcp.options import GCP_OPTIONS, check_credentials

NAMES: dict[str, str] = {name: f"gcp_{name}" for name in GCP_OPTIONS.options}
OPTIONS = {NAMES[name]: option for name, option in GCP_OPTIONS.options.items()}
# This task only reads.
_SCOPES = ["https://www.googleapis.com/auth/compute.readonly"]
_EXCLUSIVE = ("service_account_file", "service_account_contents", "service_account_email")
_OWN_NAME = re.compile(rf"(?<![\w.])({'|'.join(NAMES)})\b")
Value = t.TypeVar("Value")


def credentials_of(params: Parameters) -> dict[str, t.Any]:
    """Return the options for GCP, under the names that GCP's session knows them by.

    They may come from environment variables that are meant for others, so this is asked only if GCP is read.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    given = {name: params[NAMES[name]] for name in NAMES}
    both = [NAMES[name] for name in _EXCLUSIVE if given[name]]
    if len(both) > 1:
        raise InvalidOptionError(f"{both[0]} and {both[1]} exclude each other.", hint="Leave one of them out.")
    return named(lambda: check_credentials({**given, "scopes": given["scopes"] or _SCOPES}))


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
