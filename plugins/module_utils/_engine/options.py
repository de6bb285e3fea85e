# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks and parsers of options that several modules share; an error names the option at fault, and the entry of a list."""

from __future__ import annotations

import typing as t
from functools import partial

from .._http.errors import InvalidOptionError, TaskError, as_option
from .._http.redact import visible
from .._values.ids import parse_object_id, parse_project_id
from .._values.patterns import InvalidValueError
from .argspec import PROJECTS, OptionValue

if t.TYPE_CHECKING:
    from .._clouds.cloud import Cloud

Parameters = t.Mapping[str, OptionValue]
Value = t.TypeVar("Value")
_Given = t.TypeVar("_Given")
# Returns a region as results have it, and warnings, of an option.
ParseRegion = t.Callable[[str, str], tuple[str, list[str]]]

# What ansible-core takes for false, in options that are not checked yet.
FALSE = {"false", "no", "n", "off", "f", "0", "0.0"}
# A year, in seconds.
LONGEST_WAIT = 31536000
MOST_PARALLEL = 16


def many_projects(params: Parameters) -> list[str]:
    """Return the options that are set and choose several projects, in place of `group_id` and `project_name`."""
    return [name for name in PROJECTS.options if params.get(name) is not None]


def name_project(params: Parameters) -> str:
    """Return the project of a task for the user: `project`, its id and, where the task has it, its name; empty without one."""
    group_id, name = params.get("group_id"), params.get("project_name")
    if group_id is None or params.get("atlas") is False:
        return ""
    return f"project {group_id}{f' ({visible(name)})' if name else ''}"


def check_one_way(params: Parameters) -> None:
    """Check that the options choose the project in at most one way: `group_id`, `project_name`, or several projects.

    Args:
        params: The options of the module; None for those that are not set, or do not count.

    Raises:
        InvalidOptionError: If they choose it in several ways.
    """
    ways, many = [name for name in ("group_id", "project_name") if params.get(name) is not None], many_projects(params)
    if len(ways) + bool(many) > 1:
        first, second = (ways + many)[:2]
        hint = "Leave one of them out."
        if second == "group_ids" and "compare_group_ids" in params:
            hint += " Projects to compare with belong in compare_group_ids."
        raise InvalidOptionError(f"{first} and {second} are mutually exclusive.", hint=hint)


def parse_option(option: str, value: _Given, parse: t.Callable[[_Given], Value], *, number: int | None = None) -> Value:
    """Return the parsed value of an option.

    Args:
        option: Its name, for the message.
        value: What the task has, which is a text in most cases.
        parse: Returns the value of that, or raises InvalidValueError.
        number: The place of the value in the option, from 0, if that is a list.

    Raises:
        InvalidOptionError: If it is invalid.
    """
    try:
        return parse(value)
    except InvalidValueError as error:
        raise InvalidOptionError(f"{_place_of(option, number)} {error}.", hint=error.hint) from None


def parse_text(subject: str, value: str, parse: t.Callable[[str], Value]) -> Value:
    """Do what `parse_option` does for a value that is not an option, or for an option that needs more words.

    Args:
        subject: The subject of the message.
        value, parse: As for `parse_option`.
    """
    try:
        return parse(value)
    except InvalidValueError as error:
        raise InvalidOptionError(f"{subject} {error}.", hint=error.hint) from None


def _place_of(option: str, number: int | None) -> str:
    """Return an option, or a place in its list, as errors name it."""
    return as_option(option) + ("" if number is None else f"[{number}]")


def check_options(params: Parameters, parse: t.Callable[[str], OptionValue], *options: str) -> None:
    """Check with `parse` each of `options` that is set, and each element of a list.

    Raises:
        InvalidOptionError: If one is invalid.
    """
    for option in options:
        value = params.get(option)
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                parse_option(option, one, parse)


def parse_region(option: str, value: str, cloud: Cloud, *, number: int | None = None) -> tuple[str, list[str]]:
    """Return a region as results have it, and a warning if it is unknown: the cloud may have opened it, so Atlas decides.

    Raises:
        InvalidOptionError: If it cannot be a region of the cloud.
    """
    region = parse_option(option, value, cloud.regions.parse, number=number)
    if cloud.regions.is_known(region):
        return region, []
    unknown = f"is not a region of {cloud.name} that this version of the collection knows. Check its spelling."
    return region, [f"{_place_of(option, number)} {value!r} {unknown}"]


def parse_region_anywhere(option: str, value: str) -> tuple[str, list[str]]:
    """Return a region of any cloud as the task has it, without spaces around it, and a warning if no cloud has it.

    Raises:
        InvalidOptionError: If it is empty.
    """
    from .._clouds.clouds import CLOUDS

    region = value.strip()
    if not region:
        raise InvalidOptionError(f"{option} is empty.", hint="Give a region such as us-east-1, or leave it out.")
    clouds = [cloud for cloud in CLOUDS.values() if not cloud.has_one_container]
    if any(cloud.regions.is_known(region) for cloud in clouds):
        return region, []
    names = " or ".join(cloud.name for cloud in clouds)
    unknown = f"is not a region of {names} that this version of the collection knows. Check its spelling."
    return region, [f"{option} {value!r} {unknown}"]


def parts_of_whole(params: Parameters, cloud: Cloud) -> dict[str, str]:
    """Return the options that the cloud's option for the whole network (`vnet_resource_id`) stands for; empty if it is not set.

    Raises:
        InvalidOptionError: If one of them is also set, and differs.
    """
    if cloud.whole is None or params.get(cloud.whole) is None:
        return {}
    parts: dict[str, str] = parse_option(cloud.whole, params[cloud.whole], cloud.forms[cloud.whole])._asdict()
    given = {option: params[option] for option in parts if params.get(option) is not None}
    for option in cloud.differing(given, parts):
        raise InvalidOptionError(
            f"{as_option(option)} is {given[option]}, and {as_option(cloud.whole)} names {parts[option]}.",
            hint=f"Correct one of them, or leave {as_option(option)} out.",
        )
    return parts


def parse_values(params: Parameters, parse: ParseRegion | None = None) -> tuple[dict[str, OptionValue], list[str]]:
    """Check the shared options of Atlas and AWS: ids, the block, and regions; each may be missing or null.

    Args:
        params: The options, with `api_version`.
        parse: Parses regions; None for those of AWS.

    Returns:
        All options, with parsed regions, and warnings: about unknown regions and, with API v1.0, about malformed AWS ids. The
        documentation of v1.0 has such ids, so Atlas decides.

    Raises:
        InvalidOptionError: If an option is invalid.
    """
    # Imported here: tasks that need no cloud, such as those of atlas_probe, import none.
    from .._clouds.aws import AWS
    from .._clouds.cloud import REGION

    forms: dict[str, t.Callable[[str], OptionValue]] = {"group_id": parse_project_id}
    forms.update(dict.fromkeys(("peer_id", "container_id"), parse_object_id))
    forms.update({name: AWS.forms[name] for name in (*AWS.ids, *AWS.needed)})
    warnings = []
    for option, form in forms.items():
        try:
            check_options(params, form, option)
        except InvalidOptionError as error:
            if option not in AWS.ids or params["api_version"] == "v2" or not params[option].strip():
                raise
            warnings.append(" ".join((error.text, error.hint or "", "Atlas decides whether it accepts the value.")))
    regions, parse = {}, parse or partial(parse_region, cloud=AWS)
    for option in (REGION, AWS.region or "", "container_region_name"):
        if params.get(option) is not None:
            regions[option], unknown = parse(option, params[option])
            warnings += unknown
    return {**params, **regions}, warnings


def check_shown(what: str, shown: t.Mapping[str, object], names: t.Iterable[str]) -> None:
    """Check that Atlas reports the fields of an object for which options have values: a missing field is unknown.

    Args:
        what: The object, as messages call it.
        shown: Its fields, with the names of the options.
        names: Those that have to be there.

    Raises:
        TaskError: If one is not.
    """
    missing = [as_option(name) for name in names if shown[name] is None]
    if missing:
        raise TaskError(
            f"Atlas does not report the {' and the '.join(missing)} of {what}, so the task cannot know whether it is the one "
            "that the options describe.",
            hint="Run the task again. If Atlas leaves it out again, ask MongoDB's support.",
        )


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


def check_parallel(params: Parameters) -> None:
    """Check how many requests a task may send side by side.

    Raises:
        InvalidOptionError: If it is out of range.
    """
    if not 1 <= params["parallel"] <= MOST_PARALLEL:
        raise InvalidOptionError(f"parallel must be from 1 to {MOST_PARALLEL}.")


def check_version(params: Parameters, provider_name: str) -> None:
    """Check that the version of the API supports a cloud: v1.0 is for AWS only.

    Raises:
        InvalidOptionError: If it does not.
    """
    from .._clouds.clouds import DEFAULT_CLOUD

    if provider_name != DEFAULT_CLOUD and params["api_version"] != "v2":
        raise InvalidOptionError(
            f"api_version must be v2 with provider_name {provider_name}.", hint="Version 1.0 is used for AWS only."
        )


def check_cloud_of_region(option: str, region: str) -> None:
    """Check a region without a named cloud, which means AWS: it must not be a region of another cloud only.

    Raises:
        InvalidOptionError: If it is.
    """
    from .._clouds.aws import AWS
    from .._clouds.clouds import CLOUDS

    try:
        AWS.regions.parse(region)
    except InvalidValueError:
        for cloud in CLOUDS.values():
            if not cloud.has_one_container and cloud.regions.is_known(region):
                raise InvalidOptionError(
                    f"{as_option(option)} {region!r} is a region of {cloud.name}, and provider_name is {AWS.name} if it is not "
                    "set.",
                    hint=f"Set provider_name: {cloud.name}.",
                ) from None
