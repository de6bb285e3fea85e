# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the module atlas_vpc_peer_check, and the checks of their values before anything is read. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from .._clouds.checked import GCP
from .._engine.argspec import CONNECTION, ArgumentSpec
from .._engine.options import Parameters, check_options, parse_option
from .._http.errors import InvalidOptionError
from .._values.ids import parse_cluster_name, parse_instance_id, parse_object_id, parse_security_group_id, parse_subnet_id
from . import gcp_options
from .aws_options import AWS, ENTRY_AWS, validate_aws
from .cloud_options import CLOUD_OPTIONS, check_customer_halves, find_clouds, parse_region, parse_vnets
from .entries import ENTRY_OPTIONS, parse_connections
from .entry_clouds import parse_client_block

ARGUMENT_SPEC = (
    CONNECTION
    + AWS
    + ArgumentSpec(
        {
            "group_id": {**CONNECTION.options["group_id"], "required": False},
            "connections": {
                "type": "list",
                "elements": "dict",
                "options": {**ENTRY_OPTIONS, **ENTRY_AWS},
            },
            "container_region": {"type": "str"},
            "atlas_cidr_block": {"type": "str", "aliases": ["container_cidr_block"]},
            "subnet_ids": {"type": "list", "elements": "str"},
            "security_group_ids": {"type": "list", "elements": "str"},
            "instance_ids": {"type": "list", "elements": "str"},
            "clusters": {"type": "list", "elements": "str"},
            "client_cidr_blocks": {"type": "list", "elements": "str"},
            "group_ids": {"type": "list", "elements": "str", "aliases": ["project_ids"]},
            "probes": {"type": "list", "elements": "dict"},
            **CLOUD_OPTIONS,
            **gcp_options.OPTIONS,
            "atlas": {"type": "bool", "default": True},
            "aws": {"type": "bool", "default": True},
            "gcp": {"type": "bool", "default": True},
            "fail_on": {"type": "str", "choices": ["fail", "warn", "never"], "default": "fail"},
            "text": {"type": "bool", "default": True},
            "report": {"type": "path"},
        }
    )
)

# What atlas_probe says of TCP.
_PROBE_OUTCOMES = ("open", "refused", "timeout", "unreachable", "unresolved")
# What belongs to a half, and is of no use without it.
_OF_ATLAS = ("clusters", "group_ids")
_OF_AWS = ("subnet_ids", "security_group_ids", "instance_ids")


_PARSERS: dict[str, t.Callable[[str], t.Any]] = {
    "subnet_ids": parse_subnet_id,
    "security_group_ids": parse_security_group_id,
    "instance_ids": parse_instance_id,
    "clusters": parse_cluster_name,
    "client_cidr_blocks": parse_client_block,
    "group_ids": parse_object_id,
}


def validate(params: Parameters) -> tuple[Parameters, list[str]]:
    """Check the options without the network.

    Returns:
        The options with values in place of texts, and warnings.

    Raises:
        InvalidOptionError: If an option cannot be right.
    """
    clouds = find_clouds(params)
    check_customer_halves(params, clouds)
    _check_halves(params)
    check_options(params, parse_object_id, "group_id")
    lists = {name: _parse_list(params, name) for name in _PARSERS}
    lists["security_group_ids"] = [one.rpartition("/")[2] for one in lists["security_group_ids"] or ()] or None
    _check_probes(params["probes"])
    region, warnings = parse_region(params, clouds)
    aws, more = validate_aws(params)
    connections, unknown = parse_connections({**params, **region})
    if GCP.name in clouds and params["gcp"]:
        gcp_options.check(params, connections)
    parsed = {**lists, **parse_vnets(params), **region, **aws, "connections": connections, "clouds": clouds}
    return {**params, **parsed}, warnings + more + unknown


def _check_halves(params: Parameters) -> None:
    if params["atlas"] and params["group_id"] is None:
        raise InvalidOptionError(
            "group_id is required.",
            hint="Set it (or its alias project_id), or the environment variable MONGODB_ATLAS_PROJECT_ID, or set atlas to false.",
        )
    if params["atlas"] and params["api_version"] != "v2":
        raise InvalidOptionError("api_version must be v2 to read clusters.", hint="Leave it out, or set atlas to false.")
    if not params["atlas"] and params["connections"] is None:
        raise InvalidOptionError("connections is required with atlas: false.", hint="Name the VPCs that are to reach Atlas.")
    for half, names in (("atlas", _OF_ATLAS), ("aws", _OF_AWS)):
        given = [name for name in names if params[name] is not None and not params[half]]
        if given:
            raise InvalidOptionError(f"{given[0]} needs {half}: true.", hint=f"Leave {given[0]} out, or set {half} to true.")


def _parse_list(params: Parameters, name: str) -> list[str] | None:
    """Return a list, each element once.

    Raises:
        InvalidOptionError: If it is empty, or one of its elements cannot be right.
    """
    values: list[str] | None = params[name]
    if values is None:
        return None
    if not values:
        raise InvalidOptionError(f"{name} is empty.", hint="Name at least one, or leave the option out.")
    return list(dict.fromkeys(str(parse_option(f"{name}[{index}]", one, _PARSERS[name])) for index, one in enumerate(values)))


def _check_probes(probes: t.Sequence[t.Mapping[str, t.Any]] | None) -> None:
    """Check that probes look like results of atlas_probe.

    Raises:
        InvalidOptionError: If one does not.
    """
    for index, probe in enumerate(probes or ()):
        members = probe.get("members")
        is_probe = isinstance(probe.get("host"), str) and isinstance(members, list)
        if not is_probe or not members or not all(map(_is_probed_member, members)):
            raise InvalidOptionError(
                f"probes[{index}] is not what atlas_probe returns.", hint="Give the value of probe in its results, not all of it."
            )


def _is_probed_member(member: t.Any) -> bool:
    """Whether a value is a member as atlas_probe returns it."""
    if not isinstance(member, dict) or "in_block" not in member or not isinstance(member.get("member"), str):
        return False
    addresses, tcp = member.get("addresses"), member.get("tcp")
    if not isinstance(addresses, list) or not all(isinstance(one, str) and _is_address(one) for one in addresses):
        return False
    return tcp in _PROBE_OUTCOMES and (tcp != "open" or isinstance(member.get("tls"), bool))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
