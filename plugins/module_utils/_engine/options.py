# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""Options as values: each is parsed once, before anything is sent, and what cannot be right is named with its option."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import (
    parse_account_id,
    parse_connection_id,
    parse_object_id,
    parse_vpc_id,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.invalid import InvalidValueError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import AWS_REGIONS, parse_aws_region

Parameters = t.Mapping[str, t.Any]
Value = t.TypeVar("Value")

# A year, in seconds.
LONGEST_WAIT = 31536000
_AWS_IDS: dict[str, t.Callable[[str], str]] = {
    "aws_account_id": parse_account_id,
    "vpc_id": parse_vpc_id,
    "connection_id": parse_connection_id,
}


def parse_option(option: str, value: str, parse: t.Callable[[str], Value]) -> Value:
    """Return the value of an option.

    Args:
        option: Its name, for the message.
        value: Its text.
        parse: Turns the text into a value; raises InvalidValueError.

    Raises:
        InvalidOptionError: If the text cannot be right.
    """
    try:
        return parse(value)
    except InvalidValueError as error:
        raise InvalidOptionError(f"{option} {error}.", hint=error.hint) from None


def check_options(params: Parameters, parse: t.Callable[[str], t.Any], *options: str) -> None:
    """Check those of some options that are set.

    Raises:
        InvalidOptionError: If one cannot be right.
    """
    for option in options:
        if params[option] is not None:
            parse_option(option, params[option], parse)


def parse_aws_regions(params: Parameters, *options: str) -> tuple[dict[str, str | None], list[str]]:
    """Return those of the options that are AWS regions, as AWS writes them.

    Returns:
        The regions by their options, and a warning for each that is not known: Atlas decides, since AWS may have opened it.

    Raises:
        InvalidOptionError: If one cannot be a region.
    """
    regions = {
        option: params[option] if params[option] is None else parse_option(option, params[option], parse_aws_region)
        for option in options
    }
    warnings = [
        f"{option} {params[option]!r} is not a region of AWS that this version of the collection knows. Check its spelling."
        for option, region in regions.items()
        if region is not None and region not in AWS_REGIONS
    ]
    return regions, warnings


def check_aws_ids(params: Parameters) -> list[str]:
    """Check the ids of AWS among the options.

    Returns:
        With version 1.0 of the API, whose documentation itself shows ids of other forms, a warning for each such id.

    Raises:
        InvalidOptionError: If an id is empty, or cannot be one of AWS.
    """
    warnings = []
    for option, parse in _AWS_IDS.items():
        value = params.get(option)
        if value is None:
            continue
        try:
            parse_option(option, value, parse)
        except InvalidOptionError as error:
            if params["api_version"] == "v2" or not value.strip():
                raise
            warnings.append(f"{error} Atlas decides whether it accepts the value.")
    return warnings


def check_connection(params: Parameters) -> list[str]:
    """Check the options of the connection to Atlas, as far as they can be checked before a client is made.

    Returns:
        Warnings.

    Raises:
        InvalidOptionError: If group_id is malformed.
    """
    check_options(params, parse_object_id, "group_id")
    if params["validate_certs"]:
        return []
    return ["validate_certs is false: anybody on the way to Atlas can read and change what is sent."]


def check_wait(params: Parameters) -> None:
    """Check the options for waiting.

    Raises:
        InvalidOptionError: If they leave no time.
    """
    for option in ("wait_timeout", "wait_sleep"):
        if params[option] < 1:
            raise InvalidOptionError(f"{option} must be at least 1 second.")
        if params[option] > LONGEST_WAIT:
            raise InvalidOptionError(f"{option} must be {LONGEST_WAIT} seconds at the most.")
