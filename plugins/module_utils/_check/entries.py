# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list `connections`."""

from __future__ import annotations

import ipaddress
import typing as t

from .._clouds.azure import AZURE_REGIONS, parse_azure_name, parse_uuid, parse_vnet_id
from .._clouds.checked import ALL, AWS, AZURE, CLOUDS, GCP, Cloud
from .._clouds.gcp import parse_gcp_name, parse_gcp_project
from .._engine.options import Parameters, parse_aws_regions, parse_option
from .._http.errors import InvalidOptionError
from .._values.blocks import parse_block, parse_private_block
from .._values.ids import parse_account_id, parse_connection_id, parse_route_table_id, parse_security_group_id, parse_vpc_id
from .._values.invalid import InvalidValueError
from .credentials import AWS_OF_ENTRY, GCP_OWN, validate_aws_of_entry

_AZURE: dict[str, t.Callable[[str], t.Any]] = {
    "azure_directory_id": parse_uuid,
    "azure_subscription_id": parse_uuid,
    "resource_group_name": parse_azure_name,
    "vnet_name": parse_azure_name,
    "vnet_resource_id": parse_vnet_id,
}
_GCP: dict[str, t.Callable[[str], t.Any]] = {
    "gcp_project_id": parse_gcp_project,
    "network_name": parse_gcp_name,
    "atlas_gcp_project_id": parse_gcp_project,
    "atlas_network_name": parse_gcp_name,
}
_PARSERS = {"AZURE": _AZURE, "GCP": _GCP}
OTHER_OPTIONS: dict[str, dict[str, t.Any]] = {
    "provider_name": {"type": "str", "choices": list(ALL)},
    **{name: {"type": "str"} for name in (*_AZURE, *_GCP)},
    "azure_profile": {"type": "str"},
    "azure_client_id": {"type": "str"},
    "azure_secret": {"type": "str", "no_log": True},
    "cidr_blocks": {"type": "list", "elements": "str"},
    "container_regions": {"type": "list", "elements": "str"},
    "gcp_peering_name": {"type": "str"},
    "gcp_service_account_file": {"type": "path"},
    "gcp_access_token": {"type": "str", "no_log": True},
}
# What the role has for a connection and this task has no use for: it reads nothing in Azure, and makes nothing in GCP.
_AZURE_MORE = ("azure_profile", "azure_client_id", "azure_secret")
_GCP_MORE = ("container_regions", "gcp_peering_name", *GCP_OWN)
_AWS = ("vpc_id", "aws_account_id", "region", "route_table_ids", "route_table_tags", "aws_security_group", "connection_id")
_OWN: dict[str, tuple[str, ...]] = {"AWS": (*_AWS, *AWS_OF_ENTRY), "AZURE": (*_AZURE, *_AZURE_MORE), "GCP": (*_GCP, *_GCP_MORE)}
# What an entry needs: its network, and without Atlas's half what that would tell.
_NEEDED = {"AWS": ("vpc_id",), "AZURE": ("azure_subscription_id", "vnet_name"), "GCP": ("gcp_project_id", "network_name")}
_HINTS = {
    "AWS": "Set it to the id of the VPC.",
    "AZURE": "Or set vnet_resource_id, which names both.",
    "GCP": "Both together name a VPC network.",
}
WITHOUT_ATLAS = {
    "AWS": ("connection_id", "atlas_cidr_block"),
    "AZURE": ("atlas_cidr_block",),
    "GCP": ("atlas_gcp_project_id", "atlas_network_name"),
}


def find_cloud(entry: Parameters, place: str) -> str:
    """Return the cloud of an entry: as `provider_name` says, or as follows from options that are one cloud's alone.

    Args:
        entry: The entry.
        place: Its name in messages, such as `connections[0]`.

    Raises:
        InvalidOptionError: If it names no network, or options of two clouds.
    """
    unset: tuple[t.Any, ...] = (None, "", [])
    given = {cloud: name for cloud, names in _OWN.items() for name in reversed(names) if entry.get(name) not in unset}
    if entry.get("vpc_id") == "" and not given:
        # The message on the id says more.
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


def parse_other(entry: dict[str, t.Any], cloud: Cloud, place: str) -> list[str]:
    """Fill in the values of an entry on AZURE or GCP, and return warnings.

    Raises:
        InvalidOptionError: If one cannot be right, or is missing.
    """
    for name, parse in _PARSERS[cloud.name].items():
        if entry[name] is None:
            continue
        value = parse_option(f"{place}.{name}", entry[name], parse)
        if name == "vnet_resource_id":
            _fill_in(entry, value._asdict(), place)
    return _parse_region(entry, cloud, place)


def parse_client_block(value: str) -> str:
    """Return a block of clients, which may be a public one.

    Raises:
        InvalidValueError: If it is not a block for IPv4.
    """
    hint = "Give an IPv4 CIDR block, such as 10.0.0.0/16."
    network = parse_block(value, hint)
    if not isinstance(network, ipaddress.IPv4Network):
        raise InvalidValueError(f"is an IPv6 block: {value!r}; Atlas peers IPv4 only", hint)
    return str(network)


def parse_cidr_blocks(entry: dict[str, t.Any], cloud: Cloud, place: str) -> None:
    """Fill in the blocks of clients beside `cidr_block`.

    Raises:
        InvalidOptionError: If one is not a block, or the entry is on AWS, where subnets tell them.
    """
    given = entry["cidr_blocks"] or ()
    if given and cloud is AWS:
        raise InvalidOptionError(
            f"{place}: cidr_blocks is an option for AZURE and GCP.", hint="Leave it out: the subnets of the VPC tell the blocks."
        )
    entry["cidr_blocks"] = tuple(
        parse_option(f"{place}.cidr_blocks[{index}]", one, parse_client_block) for index, one in enumerate(given)
    )


def check_network(entry: Parameters, cloud: Cloud, place: str) -> None:
    """Check that an entry names a network as a whole.

    Raises:
        InvalidOptionError: If something is missing.
    """
    missing = [name for name in _NEEDED[cloud.name] if entry[name] is None]
    if missing:
        raise InvalidOptionError(f"{place} needs {' and '.join(missing)}.", hint=_HINTS[cloud.name])


def _fill_in(entry: dict[str, t.Any], told: dict[str, str], place: str) -> None:
    """Fill in what the resource id of a VNet names."""
    # The id calls the subscription by another name than the options do.
    told["azure_subscription_id"] = told.pop("subscription_id")
    for name, value in told.items():
        if entry[name] is not None and not AZURE.is_same(entry[name], value):
            raise InvalidOptionError(
                f"{place}: {name} is {entry[name]}, and vnet_resource_id names {value}.", hint=f"Leave {name} out."
            )
        entry[name] = value


def _parse_region(entry: dict[str, t.Any], cloud: Cloud, place: str) -> list[str]:
    region = entry["container_region"]
    if region is None:
        return []
    if cloud is GCP:
        raise InvalidOptionError(
            f"{place}.container_region: the network container on GCP has no region; a project has one for all regions.",
            hint="Leave it out.",
        )
    entry["container_region"] = parse_option(f"{place}.container_region", region, AZURE_REGIONS.parse)
    return warn_of_region(f"{place}.container_region", region)


def warn_of_region(option: str, region: str) -> list[str]:
    """Return a warning if a region of AZURE is not known: Atlas decides, since Azure may have opened it."""
    if AZURE_REGIONS.is_known(region):
        return []
    return [f"{option} {region!r} is not a region of AZURE that this version of the collection knows. Check its spelling."]


ENTRY_OPTIONS: dict[str, dict[str, t.Any]] = {
    "vpc_id": {"type": "str"},
    "aws_account_id": {"type": "str"},
    "cidr_block": {"type": "str"},
    "region": {"type": "str", "aliases": ["aws_region"]},
    "container_region": {"type": "str"},
    "atlas_cidr_block": {"type": "str", "aliases": ["container_cidr_block"]},
    "route_table_ids": {"type": "list", "elements": "str"},
    "route_table_tags": {"type": "dict"},
    "aws_security_group": {"type": "str"},
    "comment": {"type": "str"},
    "connection_id": {"type": "str"},
    **OTHER_OPTIONS,
}
_PARSERS_ENTRIES: dict[str, t.Callable[[str], t.Any]] = {
    "vpc_id": parse_vpc_id,
    "aws_account_id": parse_account_id,
    "cidr_block": parse_private_block,
    "atlas_cidr_block": parse_private_block,
    "aws_security_group": parse_security_group_id,
    "connection_id": parse_connection_id,
}
# What an entry may have one of. Ansible's own check would count what is empty.
_EXCLUSIVE = (("aws_profile", "aws_access_key"), ("aws_profile", "aws_session_token"), ("route_table_ids", "route_table_tags"))


def parse_connections(params: Parameters) -> tuple[list[dict[str, t.Any]] | None, list[str]]:
    """Return the entries with values in place of texts, and warnings; None if there is no list.

    Raises:
        InvalidOptionError: If some cannot be right; all of them are named.
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
    """Return one entry, in which what is empty is not set, as in the role; its cloud and the defaults are filled in."""
    entry: dict[str, t.Any] = {name: None if value == "" and name != "vpc_id" else value for name, value in one.items()}
    for first, second in _EXCLUSIVE:
        if entry[first] and entry[second]:
            raise InvalidOptionError(f"{place}: {first} and {second} exclude each other.", hint="Leave one of them out.")
    cloud = CLOUDS[find_cloud(entry, place)]
    entry["provider_name"] = cloud.name
    for name in ("container_region", "atlas_cidr_block"):
        # The network container on GCP has no region.
        entry[name] = entry[name] or (params[name] if cloud is not GCP or name != "container_region" else None) or None
    for name, parse in _PARSERS_ENTRIES.items():
        value = entry[name]
        if value is not None:
            entry[name] = str(parse_option(f"{place}.{name}", value, parse))
    for table_id in entry["route_table_ids"] or ():
        parse_option(f"{place}.route_table_ids", table_id, parse_route_table_id)
    more = parse_other(entry, cloud, place) if cloud is not AWS else []
    check_network(entry, cloud, place)
    parse_cidr_blocks(entry, cloud, place)
    missing = [name for name in WITHOUT_ATLAS[cloud.name] if entry[name] is None]
    if missing and not params["atlas"]:
        raise InvalidOptionError(
            f"{place} ({entry[cloud.network]}) needs {' and '.join(missing)} with atlas: false.",
            hint="The owner of the Atlas project knows them.",
        )
    if cloud is not AWS:
        return entry, more
    named = {f"{place}.{name}": entry[name] for name in ("region", "container_region")}
    regions, warnings = parse_aws_regions(named, *named)
    entry.update({name.rpartition(".")[2]: region for name, region in regions.items()})
    return entry, warnings + validate_aws_of_entry(entry, place)
