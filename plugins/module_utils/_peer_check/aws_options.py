# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credentials for AWS a connection has: those of its entry, or of the options at the top. Pure."""

from __future__ import annotations

import typing as t

from .._aws.options import AWS_OPTIONS, validate
from .._engine.argspec import ArgumentSpec
from .._engine.options import Parameters

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
