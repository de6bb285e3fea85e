# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks and parsers of options that several modules share; an error names the option at fault."""

from __future__ import annotations

import typing as t

from .._http.errors import InvalidOptionError
from .._values.ids import parse_object_id
from .._values.invalid import InvalidValueError

if t.TYPE_CHECKING:
    from .._clouds.cloud import Cloud

Parameters = t.Mapping[str, t.Any]
Value = t.TypeVar("Value")

# A year, in seconds.
LONGEST_WAIT = 31536000


def parse_option(option: str, value: str, parse: t.Callable[[str], Value]) -> Value:
    """Return the parsed value of an option.

    Args:
        option: Its name, for the message.
        value: Its text.
        parse: Returns the value of a text, or raises InvalidValueError.

    Raises:
        InvalidOptionError: If the text is invalid.
    """
    try:
        return parse(value)
    except InvalidValueError as error:
        raise InvalidOptionError(f"{option} {error}.", hint=error.hint) from None


def check_options(params: Parameters, parse: t.Callable[[str], t.Any], *options: str) -> None:
    """Check with `parse` each of `options` that is set.

    Raises:
        InvalidOptionError: If one is invalid.
    """
    for option in options:
        if params.get(option) is not None:
            parse_option(option, params[option], parse)


def parse_region(option: str, value: str, cloud: Cloud) -> tuple[str, list[str]]:
    """Return a region as results have it, and a warning if it is unknown: the cloud may have opened it, so Atlas decides.

    Raises:
        InvalidOptionError: If it cannot be a region of the cloud.
    """
    region = parse_option(option, value, cloud.regions.parse)
    if cloud.regions.is_known(region):
        return region, []
    unknown = f"is not a region of {cloud.name} that this version of the collection knows. Check its spelling."
    return region, [f"{option} {value!r} {unknown}"]


def parse_values(params: Parameters) -> tuple[dict[str, t.Any], list[str]]:
    """Check the shared options of Atlas and AWS: ids, the block, and regions; each may be missing or null.

    Args:
        params: The options, with `api_version`.

    Returns:
        All options, with parsed regions, and warnings: about unknown regions and, with API v1.0, about malformed AWS ids. The
        documentation of v1.0 has such ids, so Atlas decides.

    Raises:
        InvalidOptionError: If an option is invalid.
    """
    # Imported here: tasks that need no cloud, such as those of atlas_probe, import none.
    from .._clouds.aws import AWS
    from .._clouds.cloud import REGION

    forms: dict[str, t.Callable[[str], t.Any]] = dict.fromkeys(("group_id", "peer_id", "container_id"), parse_object_id)
    forms.update({name: AWS.forms[name] for name in (*AWS.ids, *AWS.needed)})
    warnings = []
    for option, parse in forms.items():
        try:
            check_options(params, parse, option)
        except InvalidOptionError as error:
            if option not in AWS.ids or params["api_version"] == "v2" or not params[option].strip():
                raise
            warnings.append(f"{error} Atlas decides whether it accepts the value.")
    regions = {}
    for option in (REGION, AWS.region or "", "container_region_name"):
        if params.get(option) is not None:
            regions[option], unknown = parse_region(option, params[option], AWS)
            warnings += unknown
    return {**params, **regions}, warnings


def check_wait(params: Parameters) -> None:
    """Check the options for waiting.

    Raises:
        InvalidOptionError: If one is less than a second, or more than a year.
    """
    for option in ("wait_timeout", "wait_sleep"):
        if params[option] < 1:
            raise InvalidOptionError(f"{option} must be at least 1 second.")
        if params[option] > LONGEST_WAIT:
            raise InvalidOptionError(f"{option} must be {LONGEST_WAIT} seconds at the most.")


def check_version(params: Parameters, provider_name: str) -> None:
    """Check that the version of the API supports a cloud: v1.0 is for AWS only.

    Raises:
        InvalidOptionError: If it does not.
    """
    from .._clouds.aws import AWS

    if provider_name != AWS.name and params["api_version"] != "v2":
        raise InvalidOptionError(
            f"api_version must be v2 with provider_name {provider_name}.", hint="Version 1.0 is used for AWS only."
        )


def check_cloud_of_region(option: str, region: str) -> None:
    """Check a region where no cloud is named, so that AWS is meant: it must not be a region of another cloud only.

    Raises:
        InvalidOptionError: If it is.
    """
    from .._clouds.aws import AWS
    from .._clouds.cloud import CLOUDS

    try:
        AWS.regions.parse(region)
    except InvalidValueError:
        for cloud in CLOUDS.values():
            if not cloud.has_one_container and cloud.regions.is_known(region):
                raise InvalidOptionError(
                    f"{option} {region!r} is a region of {cloud.name}, and provider_name is {AWS.name} if it is not set.",
                    hint=f"Set provider_name: {cloud.name}.",
                ) from None
