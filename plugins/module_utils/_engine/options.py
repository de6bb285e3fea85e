# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options as values: each is parsed once, before anything is sent, and what cannot be right is named with its option."""

from __future__ import annotations

import typing as t

from .._http.errors import InvalidOptionError
from .._values.blocks import parse_private_block
from .._values.ids import parse_account_id, parse_connection_id, parse_object_id, parse_vpc_id
from .._values.invalid import InvalidValueError
from .._values.regions import AWS_REGIONS, parse_aws_region

if t.TYPE_CHECKING:
    from .._values.regions import RegionTable

Parameters = t.Mapping[str, t.Any]
Value = t.TypeVar("Value")

# A year, in seconds.
LONGEST_WAIT = 31536000
_AWS_IDS: dict[str, t.Callable[[str], str]] = {
    "aws_account_id": parse_account_id,
    "vpc_id": parse_vpc_id,
    "connection_id": parse_connection_id,
}
_PARSERS: dict[str, t.Callable[[str], t.Any]] = {
    **dict.fromkeys(("group_id", "peer_id", "container_id"), parse_object_id),
    **_AWS_IDS,
    "route_table_cidr_block": parse_private_block,
}
_REGIONS = ("region_name", "accepter_region_name", "container_region_name")


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
        if params.get(option) is not None:
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


def parse_values(params: Parameters) -> tuple[dict[str, t.Any], list[str]]:
    """Parse those options that modules of Atlas have in common: ids, blocks, and regions; each may be missing or null.

    Args:
        params: The options, `api_version` among them. Whatever else there is stays as it is.

    Returns:
        The options with values in place of texts, and warnings about what Atlas will have to decide on: regions that are not
        known, and ids that AWS cannot have given with version 1.0 of the API, whose documentation itself shows such ids.

    Raises:
        InvalidOptionError: If one cannot be right.
    """
    warnings = []
    for option, parse in _PARSERS.items():
        try:
            check_options(params, parse, option)
        except InvalidOptionError as error:
            if option not in _AWS_IDS or params["api_version"] == "v2" or not params[option].strip():
                raise
            warnings.append(f"{error} Atlas decides whether it accepts the value.")
    regions, unknown = parse_aws_regions(params, *(option for option in _REGIONS if option in params))
    return {**params, **regions}, warnings + unknown


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


def check_version(params: Parameters, provider_name: str) -> None:
    """Check that the version of the API is one that is used for a cloud provider.

    Raises:
        InvalidOptionError: If it is not.
    """
    if provider_name != "AWS" and params["api_version"] != "v2":
        raise InvalidOptionError(
            f"api_version must be v2 with provider_name {provider_name}.", hint="Version 1.0 is used for AWS only."
        )


def parse_region(option: str, value: str, table: RegionTable) -> tuple[str, list[str]]:
    """Return a region of AZURE or GCP as Atlas writes it, and a warning if it is not known: Atlas decides then.

    Raises:
        InvalidOptionError: If it is empty.
    """
    region = parse_option(option, value, table.parse)
    if table.is_known(region):
        return region, []
    unknown = f"is not a region of {table.provider_name} that this version of the collection knows. Check its spelling."
    return region, [f"{option} {value!r} {unknown}"]


def check_not_azure(option: str, region: str) -> None:
    """Check that a region without a provider is not one that only AZURE can have.

    Raises:
        InvalidOptionError: If it is.
    """
    try:
        parse_aws_region(region)
    except InvalidValueError:
        # A task on AWS does not need the table.
        from .._clouds.azure import AZURE_REGIONS

        if AZURE_REGIONS.is_known(region):
            raise InvalidOptionError(
                f"{option} {region!r} is a region of AZURE, and provider_name is AWS if it is not set.",
                hint="Set provider_name: AZURE.",
            ) from None
