# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `connections` of atlas_vpc_peer_check: the cloud of each entry, and the values of its options."""

from __future__ import annotations

import ipaddress
import typing as t

from .._clouds.aws import AWS
from .._clouds.azure import AZURE
from .._clouds.cloud import ALL, ALL_CLOUDS, CLOUDS, HALF_OPTIONS, Cloud, with_aliases
from .._clouds.gcp import GCP
from .._engine.argspec import names_of
from .._engine.options import Entry, Parameters, find_ignored, join_problems, parse_option, parse_region, read_entries
from .._http.errors import InvalidOptionError, TaskError
from .._values.blocks import parse_block, parse_private_block
from .._values.ids import parse_object_id, parse_route_table_id
from .._values.invalid import InvalidValueError
from .credentials import aws_credentials_of, azure_credentials_of, gcp_credentials_of, validate_aws_of_entry

# The options of the customer's half, with their other names.
_HALVES: dict[str, dict[str, t.Any]] = {
    name: with_aliases(name, option)
    for options in (HALF_OPTIONS, *(cloud.check_options for cloud in CLOUDS.values()))
    for name, option in options.items()
}
# The options of an entry that belong to one cloud, under all of their names.
_OWN: dict[str, tuple[str, ...]] = {
    cloud.name: (
        *cloud.forms,
        *(alias for name in cloud.check_options for alias in names_of(name, _HALVES[name])),
    )
    for cloud in CLOUDS.values()
}
# `cidr_block` and `region` stand for the block and the region of a VPC.
_OPTIONS: dict[str, dict[str, t.Any]] = {
    "provider_name": {"type": "str", "choices": list(ALL_CLOUDS)},
    **{name: {"type": "str"} for cloud in CLOUDS.values() for name in cloud.forms if name not in (cloud.block, cloud.region)},
    "container_id": {"type": "str"},
    "container_region": with_aliases("container_region", {"type": "str"}),
    **_HALVES,
}
# What only atlas_vpc_peers and the role use. An entry may have it, so that one list serves all of them.
_IGNORED = ("comment", "wait_for", "container_regions", "gcp_peering_name")
ENTRY_OPTIONS: dict[str, dict[str, t.Any]] = {**_OPTIONS, "wait_for": {"type": "str"}}
# Options that exclude each other.
EXCLUSIVE = (
    ("aws_profile", "aws_access_key"),
    ("aws_profile", "aws_session_token"),
    ("route_table_ids", "route_table_tags"),
    ("container_id", "container_region"),
)


def find_cloud(entry: Parameters, place: str) -> str:
    """Return the cloud of an entry, as its options that belong to one cloud say; `provider_name` may only confirm it.

    Args:
        entry: The entry, as the task has it.
        place: Its name in messages, such as `connections[0]`.

    Raises:
        InvalidOptionError: If it names no network, has options of two clouds, or contradicts `provider_name`.
    """
    unset: tuple[t.Any, ...] = (None, "", [])
    given = {cloud: name for cloud, names in _OWN.items() for name in reversed(names) if entry.get(name) not in unset}
    if entry.get(AWS.network) == "" and not given:
        # The check of the id has a better message.
        return AWS.name
    wanted = entry.get("provider_name")
    others = [name for cloud, name in given.items() if cloud != wanted]
    if wanted and others:
        raise InvalidOptionError(
            f"{place}: {others[0]} is not an option for {wanted}, which provider_name names.", hint="Leave one of them out."
        )
    if len(given) > 1:
        names = list(given.values())
        raise InvalidOptionError(
            f"{place}: {names[0]} and {names[1]} are options of two clouds.", hint="Leave one of them out, or make two entries."
        )
    if not given:
        raise InvalidOptionError(
            f"{place} names no network.",
            hint="Set vpc_id for AWS, vnet_resource_id for AZURE, or gcp_project_id and network_name for GCP.",
        )
    (found,) = given
    return found


def unchecked_clouds(entries: t.Any) -> set[str | None]:
    """Return the clouds of unchecked entries, with None for those that `parse_connections` will refuse."""
    found: set[str | None] = set()
    for entry in entries if isinstance(entries, list) else (entries,) if entries else ():
        try:
            found.add(find_cloud(entry, "") if isinstance(entry, dict) else None)
        except InvalidOptionError:
            found.add(None)
    return found


def parse_client_block(value: str) -> str:
    """Return a block of clients, private or public.

    Raises:
        InvalidValueError: If it is not a block for IPv4.
    """
    hint = "Give an IPv4 CIDR block, such as 10.0.0.0/16."
    network = parse_block(value, hint)
    if not isinstance(network, ipaddress.IPv4Network):
        raise InvalidValueError(f"is an IPv6 block: {value!r}; Atlas peers IPv4 only", hint)
    return str(network)


def parse_connections(params: Parameters) -> tuple[list[dict[str, t.Any]] | None, list[str]]:
    """Return the parsed entries, or None if there is no list, and warnings.

    Raises:
        InvalidOptionError: If some are invalid; the message names all of them.
    """
    if params["atlas_cidr_block"]:
        parse_option("atlas_cidr_block", params["atlas_cidr_block"], parse_private_block)
    if params["connections"] is None:
        return None, []
    options = {name: option for name, option in _OPTIONS.items() if name not in _IGNORED}
    found = read_entries("connections", params["connections"], options, _IGNORED)
    warnings = [one for entry in found for one in _parse(entry, params)]
    problems = [problem for entry in found for problem in entry.problems]
    if problems:
        raise InvalidOptionError(join_problems(problems))
    return [entry.values for entry in found], warnings


def ignored_options(args: Parameters) -> list[str]:
    """Return the options of unchecked entries that only atlas_vpc_peers and the role use."""
    return find_ignored(args.get("connections"), _IGNORED)


def _parse(entry: Entry, params: Parameters) -> list[str]:
    """Parse an entry and fill in its cloud and defaults, record all that is wrong with it, and return warnings.

    Empty values count as not set, as in the role.
    """
    values, before = entry.values, len(entry.problems)
    name = entry.attempt_first(find_cloud, entry.given, entry.place)
    if name is None:
        return []
    cloud = CLOUDS[name]
    values.update({option: None for option, value in values.items() if value == "" and option != AWS.network})
    values["provider_name"] = name
    values["atlas_cidr_block"] = values["atlas_cidr_block"] or params["atlas_cidr_block"] or None
    for names in EXCLUSIVE:
        entry.exclude(*names)
    if not cloud.has_one_container and values["container_id"] is None:
        default = params["container_region"] if params["container_cloud"] == name else None
        values["container_region"] = values["container_region"] or default
    # Where Atlas does not route to the block of the clients, it may be any.
    clients = cloud.forms.get(cloud.block or "", parse_client_block)
    forms = {"cidr_block": clients, "atlas_cidr_block": parse_private_block, "container_id": parse_object_id}
    for option, parse in {**cloud.forms, **forms, **cloud.check_forms}.items():
        entry.attempt(parse_form, values, option, parse, cloud)
    for check in (check_tables, parse_cidr_blocks):
        entry.attempt(check, values, cloud)
    if not before:
        entry.attempt(_check_needs, values, cloud, params)
    warnings = [
        one for option in ("region", "container_region") for one in entry.attempt(_parse_place, values, option, cloud) or ()
    ]
    warnings = [entry.named(TaskError(one)).message for one in warnings]
    if cloud is AWS:
        warnings += entry.attempt(validate_aws_of_entry, values, entry.place) or []
        if params["aws"] and not params["atlas"]:
            # Otherwise, the connection in Atlas says the account.
            entry.attempt(aws_credentials_of, params, values, None, values["aws_account_id"])
    elif cloud is GCP and params["gcp"]:
        entry.attempt(check_credentials_of, gcp_credentials_of, params, entry)
    elif cloud is AZURE and params["azure"]:
        entry.attempt(check_credentials_of, azure_credentials_of, params, entry)
    return warnings


def parse_form(values: dict[str, t.Any], name: str, parse: t.Callable[[str], t.Any], cloud: Cloud) -> None:
    """Parse an option, and fill in the options that the one for the whole network stands for.

    Raises:
        InvalidOptionError: If it is invalid, or another option contradicts the one for the whole network.
    """
    if values.get(name) is None:
        return
    value = parse_option(name, values[name], parse)
    if name != cloud.whole:
        values[name] = str(value)
        return
    parts = value._asdict()
    for part in cloud.differing({one: values[one] for one in parts if values[one] is not None}, parts):
        raise InvalidOptionError(f": {part} is {values[part]}, and {name} names {parts[part]}.", hint=f"Leave {part} out.")
    values.update(parts)


def check_tables(values: Parameters, cloud: Cloud) -> None:
    """Check the ids of route tables.

    Raises:
        InvalidOptionError: If one is malformed.
    """
    for table_id in values["route_table_ids"] or ():
        parse_option("route_table_ids", table_id, parse_route_table_id)


def _parse_place(values: dict[str, t.Any], name: str, cloud: Cloud) -> list[str]:
    """Parse the region of the network, or of its container, and return warnings.

    Raises:
        InvalidOptionError: If it is invalid.
    """
    if values[name] is None:
        return []
    if cloud.has_one_container:
        raise InvalidOptionError(
            f"{name}: the network container on {cloud.name} has no region; a project has one for all regions.",
            hint="Leave it out.",
        )
    values[name], warnings = parse_region(name, values[name], cloud)
    return warnings


def _check_needs(values: Parameters, cloud: Cloud, params: Parameters) -> None:
    """Check that the cloud of an entry is checked, and that it has the full name of its network and what Atlas would say.

    Raises:
        InvalidOptionError: If it does not.
    """
    wanted = params["provider_name"]
    if wanted not in (None, ALL, cloud.name):
        raise InvalidOptionError(f"is on {cloud.name}, and provider_name is {wanted}.", hint=f"Set provider_name to {ALL}.")
    missing = [name for name in cloud.network_identity if values[name] is None]
    if missing:
        raise InvalidOptionError(f"needs {' and '.join(missing)}.", hint=cloud.check_hint)
    missing = [name for name in cloud.check_needs if values[name] is None]
    if missing and not params["atlas"]:
        raise InvalidOptionError(
            f"({values[cloud.network]}) needs {' and '.join(missing)} with atlas: false.",
            hint="The owner of the Atlas project knows them.",
        )


def parse_cidr_blocks(values: dict[str, t.Any], cloud: Cloud) -> None:
    """Parse `cidr_blocks`, the blocks of clients beside `cidr_block`.

    Raises:
        InvalidOptionError: If one is not a block, or the entry is on AWS, where the subnets have the blocks.
    """
    given = values["cidr_blocks"] or ()
    if given and cloud is AWS:
        raise InvalidOptionError(
            ": cidr_blocks is an option for AZURE and GCP.", hint="Leave it out: the subnets of the VPC tell the blocks."
        )
    values["cidr_blocks"] = tuple(
        parse_option(f"cidr_blocks[{index}]", one, parse_client_block) for index, one in enumerate(given)
    )


def check_credentials_of(find: t.Callable[[Parameters, Parameters], t.Any], params: Parameters, entry: Entry) -> None:
    """Check the credentials of an entry on AZURE or GCP.

    Raises:
        InvalidOptionError: If they contradict each other.
    """
    try:
        find(params, entry.values)
    except InvalidOptionError as error:
        raise error.with_message(f": {error.message}") from None
