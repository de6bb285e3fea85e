# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of the option `connections`: the list that the role vpc_peering takes. Pure."""

from __future__ import annotations

import typing as t

from .._clouds.checked import AWS, CLOUDS, GCP
from .._engine.options import Parameters, parse_aws_regions, parse_option
from .._http.errors import InvalidOptionError
from .._values.blocks import parse_private_block
from .._values.ids import parse_account_id, parse_connection_id, parse_route_table_id, parse_security_group_id, parse_vpc_id
from .aws_options import validate_entry
from .entry_clouds import OTHER_OPTIONS, WITHOUT_ATLAS, check_network, find_cloud, parse_cidr_blocks, parse_other

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
_PARSERS: dict[str, t.Callable[[str], t.Any]] = {
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
    for name, parse in _PARSERS.items():
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
    return entry, warnings + validate_entry(entry, place)
