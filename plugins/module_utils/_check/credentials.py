# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose credentials a connection has."""

from __future__ import annotations

import re
import typing as t

from .._aws.options import AWS_OPTIONS, validate
from .._clouds.checked import GCP
from .._engine.argspec import ArgumentSpec
from .._engine.options import Parameters
from .._gcp.credentials import GCP_OPTIONS, check_credentials
from .._http.errors import InvalidOptionError, TaskError

GCP_CREDENTIALS = ("gcp_service_account_file", "gcp_access_token")


# What this module calls the options for AWS: `profile` and others are Atlas's here.
NAMES: dict[str, str] = {name: name if name.startswith("aws_") else f"aws_{name}" for name in AWS_OPTIONS.options}
# Credentials belong together: an entry that has some takes none of these from the top.
_CREDENTIALS = ("profile", "access_key", "secret_key", "session_token", "assume_role_arn")
_OWN = ("profile", "access_key")

_OPTIONS = {
    NAMES[name]: {key: value for key, value in option.items() if key != "aliases"} for name, option in AWS_OPTIONS.options.items()
}
AWS = ArgumentSpec(
    _OPTIONS,
    required_together=(("aws_access_key", "aws_secret_key"),),
    mutually_exclusive=(("aws_profile", "aws_access_key"), ("aws_profile", "aws_session_token")),
)
# An entry has the same, but that its region is that of its VPC.
ENTRY_AWS = {name: option for name, option in _OPTIONS.items() if name != "aws_region"}


def validate_aws(params: Parameters) -> tuple[dict[str, t.Any], list[str]]:
    """Check the options at the top.

    Returns:
        Those that have changed, and warnings.

    Raises:
        InvalidOptionError: If they contradict each other, or one cannot be right.
    """
    checked, warnings = validate({name: params[NAMES[name]] for name in NAMES}, NAMES)
    return {NAMES[name]: checked[name] for name in NAMES}, warnings


def validate_entry(entry: Parameters, place: str) -> list[str]:
    """Check the options of an entry, and return warnings.

    Args:
        entry: The entry.
        place: Its name in messages, such as `connections[0]`.

    Raises:
        InvalidOptionError: If they contradict each other, or one cannot be right.
    """
    names = {name: f"{place}.{NAMES[name]}" for name in NAMES}
    return validate({**{name: entry.get(NAMES[name]) for name in NAMES}, "region": None}, names)[1]


def credentials_of(params: Parameters, entry: Parameters, region: str | None) -> dict[str, t.Any]:
    """Return the options for AWS of one connection, under the names that AWS's session knows them by.

    Args:
        params: The options at the top.
        entry: Those of its entry; empty for a connection that only Atlas tells of.
        region: The region of its VPC; None if only the credentials tell.
    """
    has_own = any(entry.get(NAMES[name]) for name in _OWN)
    found = {}
    for name in NAMES:
        own = entry.get(NAMES[name])
        inherits = not own and not (has_own and name in _CREDENTIALS)
        found[name] = params[NAMES[name]] if inherits else own
    return {**found, "region": region or params[NAMES["region"]]}


NAMES_GCP_OPTIONS: dict[str, str] = {name: f"gcp_{name}" for name in GCP_OPTIONS.options}
OPTIONS = {NAMES_GCP_OPTIONS[name]: option for name, option in GCP_OPTIONS.options.items()}
# This task only reads.
_SCOPES = ["https://www.googleapis.com/auth/compute.readonly"]
_ONE_OF_AN_ENTRY = tuple(name.partition("_")[2] for name in GCP_CREDENTIALS)
_OWN_NAME = re.compile(rf"(?<![\w.])({'|'.join(NAMES_GCP_OPTIONS)})\b")
Value = t.TypeVar("Value")


def credentials_of_gcp_options(params: Parameters, entry: Parameters) -> dict[str, t.Any]:
    """Return the options for GCP of one connection, under the names that GCP's session knows them by.

    Those at the top may come from environment variables that are meant for others, so this is asked only if GCP is read.

    Args:
        params: The options at the top.
        entry: Those of its entry; empty for a connection that only Atlas tells of. An entry that has some takes none of the top.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    has_own = any(entry.get(name) for name in GCP_CREDENTIALS)
    source = {**dict.fromkeys(NAMES_GCP_OPTIONS.values()), **entry, "gcp_scopes": params["gcp_scopes"]} if has_own else params
    given = {name: source[NAMES_GCP_OPTIONS[name]] for name in NAMES_GCP_OPTIONS}
    both = [NAMES_GCP_OPTIONS[name] for name in _ONE_OF_AN_ENTRY if has_own and given[name]]
    if len(both) > 1:
        raise InvalidOptionError(f"{both[0]} and {both[1]} exclude each other.", hint="Leave one of them out.")
    return named(lambda: check_credentials({**given, "scopes": given["scopes"] or _SCOPES}))


def check(params: Parameters, entries: t.Sequence[Parameters] | None) -> None:
    """Check the credentials of each connection with GCP.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    if entries is None:
        credentials_of_gcp_options(params, {})
    for index, entry in enumerate(entries or ()):
        if entry["provider_name"] == GCP.name:
            try:
                credentials_of_gcp_options(params, entry)
            except InvalidOptionError as error:
                raise InvalidOptionError(f"connections[{index}]: {error.without_hint}", hint=error.hint) from None


def named(call: t.Callable[[], Value]) -> Value:
    """Call something that knows the options without `gcp_`; its errors name them as this module does.

    Raises:
        TaskError: What it raises.
    """
    try:
        return call()
    except TaskError as error:
        error.args = tuple(_OWN_NAME.sub(r"gcp_\1", str(text)) for text in error.args)
        error.hint = error.hint and _OWN_NAME.sub(r"gcp_\1", error.hint)
        raise
