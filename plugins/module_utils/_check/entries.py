# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option `connections` of atlas_vpc_peer_check: the cloud of each entry, and the values of its options."""

from __future__ import annotations

import ipaddress
import typing as t

from .._clouds.aws import AWS
from .._clouds.cloud import ALL_CLOUDS, CLOUDS, Cloud
from .._clouds.gcp import GCP
from .._engine.options import Parameters, parse_option, parse_region
from .._http.errors import InvalidOptionError
from .._values.blocks import parse_block, parse_private_block
from .._values.ids import parse_route_table_id
from .._values.invalid import InvalidValueError
from .credentials import AWS_OF_ENTRY, validate_aws_of_entry

# The credentials of an entry, by its cloud.
_GCP_OF_ENTRY: dict[str, dict[str, t.Any]] = {
    "gcp_service_account_file": {"type": "path"},
    "gcp_access_token": {"type": "str", "no_log": True},
}
_CREDENTIALS = {AWS.name: AWS_OF_ENTRY, GCP.name: _GCP_OF_ENTRY}
# The options of an entry that belong to one cloud. `cidr_block` and `region` stand for the block and the region of a VPC.
_OWN: dict[str, tuple[str, ...]] = {
    cloud.name: (
        *(name for name in cloud.forms if name not in (cloud.block, cloud.region)),
        *cloud.check_options,
        *_CREDENTIALS.get(cloud.name, ()),
    )
    for cloud in CLOUDS.values()
}
ENTRY_OPTIONS: dict[str, t.Mapping[str, t.Any]] = {
    "provider_name": {"type": "str", "choices": list(ALL_CLOUDS)},
    "cidr_block": {"type": "str"},
    "cidr_blocks": {"type": "list", "elements": "str"},
    "container_region": {"type": "str"},
    "atlas_cidr_block": {"type": "str", "aliases": ["container_cidr_block"]},
    "comment": {"type": "str"},
    **{name: {"type": "str"} for names in _OWN.values() for name in names},
    **{name: option for cloud in CLOUDS.values() for name, option in cloud.check_options.items()},
    **AWS_OF_ENTRY,
    **_GCP_OF_ENTRY,
}
# Pairs of options that exclude each other. Ansible's check would count empty values.
_EXCLUSIVE = (("aws_profile", "aws_access_key"), ("aws_profile", "aws_session_token"), ("route_table_ids", "route_table_tags"))


def find_cloud(entry: Parameters, place: str) -> str:
    """Return the cloud of an entry, as its options that belong to one cloud say; `provider_name` may only confirm it.

    Args:
        entry: The entry.
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
    parsed: list[dict[str, t.Any]] = []
    warnings: list[str] = []
    problems: list[str] = []
    for index, one in enumerate(params["connections"]):
        try:
            entry, more = _parse(one, params, f"connections[{index}]")
        except InvalidOptionError as error:
            problems.append(str(error))
        else:
            parsed.append(entry)
            warnings += more
    if problems:
        raise InvalidOptionError(" ".join(problems))
    return parsed, warnings


def _parse(one: Parameters, params: Parameters, place: str) -> tuple[dict[str, t.Any], list[str]]:
    """Return one entry with its cloud and defaults filled in, and warnings. Empty values count as not set, as in the role."""
    entry: dict[str, t.Any] = {name: None if value == "" and name != AWS.network else value for name, value in one.items()}
    for first, second in _EXCLUSIVE:
        if entry[first] and entry[second]:
            raise InvalidOptionError(f"{place}: {first} and {second} exclude each other.", hint="Leave one of them out.")
    cloud = CLOUDS[find_cloud(entry, place)]
    entry["provider_name"] = cloud.name
    entry["atlas_cidr_block"] = entry["atlas_cidr_block"] or params["atlas_cidr_block"] or None
    if not cloud.has_one_container:
        entry["container_region"] = entry["container_region"] or params["container_region"] or None
    _parse_forms(entry, cloud, place)
    _check_network(entry, cloud, place)
    _parse_cidr_blocks(entry, cloud, place)
    missing = [name for name in cloud.check_needs if entry[name] is None]
    if missing and not params["atlas"]:
        raise InvalidOptionError(
            f"{place} ({entry[cloud.network]}) needs {' and '.join(missing)} with atlas: false.",
            hint="The owner of the Atlas project knows them.",
        )
    warnings = _parse_regions(entry, cloud, place)
    return entry, warnings + (validate_aws_of_entry(entry, place) if cloud is AWS else [])


def _parse_forms(entry: dict[str, t.Any], cloud: Cloud, place: str) -> None:
    """Parse the options that have a parser, and fill in the options that the one for the whole network stands for.

    Raises:
        InvalidOptionError: If one is invalid, or contradicts the one for the whole network.
    """
    # Where Atlas does not route to the block of the clients, it may be any.
    clients = cloud.forms.get(cloud.block or "", parse_client_block)
    forms = {**cloud.forms, "cidr_block": clients, "atlas_cidr_block": parse_private_block, **cloud.check_forms}
    for name, parse in forms.items():
        if entry.get(name) is None:
            continue
        value = parse_option(f"{place}.{name}", entry[name], parse)
        if name != cloud.whole:
            entry[name] = str(value)
            continue
        parts = value._asdict()
        for part in cloud.differing({one: entry[one] for one in parts if entry[one] is not None}, parts):
            raise InvalidOptionError(
                f"{place}: {part} is {entry[part]}, and {name} names {parts[part]}.", hint=f"Leave {part} out."
            )
        entry.update(parts)
    for table_id in entry["route_table_ids"] or ():
        parse_option(f"{place}.route_table_ids", table_id, parse_route_table_id)


def _parse_regions(entry: dict[str, t.Any], cloud: Cloud, place: str) -> list[str]:
    """Parse the regions of the network and of its container, and return warnings.

    Raises:
        InvalidOptionError: If one is invalid.
    """
    if cloud.has_one_container and entry["container_region"] is not None:
        raise InvalidOptionError(
            f"{place}.container_region: the network container on {cloud.name} has no region; a project has one for all regions.",
            hint="Leave it out.",
        )
    warnings: list[str] = []
    for name in ("region", "container_region"):
        if entry[name] is not None:
            entry[name], unknown = parse_region(f"{place}.{name}", entry[name], cloud)
            warnings += unknown
    return warnings


def _check_network(entry: Parameters, cloud: Cloud, place: str) -> None:
    """Check that an entry has the full name of its network.

    Raises:
        InvalidOptionError: If a part of it is missing.
    """
    missing = [name for name in cloud.network_identity if entry[name] is None]
    if missing:
        raise InvalidOptionError(f"{place} needs {' and '.join(missing)}.", hint=cloud.check_hint)


def _parse_cidr_blocks(entry: dict[str, t.Any], cloud: Cloud, place: str) -> None:
    """Parse `cidr_blocks`, the blocks of clients beside `cidr_block`.

    Raises:
        InvalidOptionError: If one is not a block, or the entry is on AWS, where the subnets have the blocks.
    """
    given = entry["cidr_blocks"] or ()
    if given and cloud is AWS:
        raise InvalidOptionError(
            f"{place}: cidr_blocks is an option for AZURE and GCP.", hint="Leave it out: the subnets of the VPC tell the blocks."
        )
    entry["cidr_blocks"] = tuple(
        parse_option(f"{place}.cidr_blocks[{index}]", one, parse_client_block) for index, one in enumerate(given)
    )
