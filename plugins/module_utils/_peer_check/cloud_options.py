# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that say which clouds are checked, and what they tell of Azure. Pure."""

from __future__ import annotations

import typing as t

from .._azure.vnets import parse_vnet, parse_vnet_peering
from .._clouds.azure import AZURE_REGIONS
from .._clouds.checked import ALL, AWS, AZURE, GCP
from .._engine.options import Parameters, parse_aws_regions, parse_option
from .._http.errors import InvalidOptionError
from .._values.invalid import InvalidValueError
from .entry_clouds import find_cloud, warn_of_region

EVERY = "all"
CLOUD_OPTIONS: dict[str, dict[str, t.Any]] = {
    "provider_name": {"type": "str", "choices": [*ALL, EVERY]},
    "vnet_peerings": {"type": "list", "elements": "dict"},
    "virtual_networks": {"type": "list", "elements": "dict"},
}
_PARSERS: dict[str, t.Callable[[t.Mapping[str, t.Any]], t.Any]] = {
    "vnet_peerings": parse_vnet_peering,
    "virtual_networks": parse_vnet,
}
_NO_HALF = {
    "AWS": "atlas and aws are both false, so there is nothing to check.",
    "AZURE": "atlas is false, and neither vnet_peerings nor virtual_networks is given, so there is nothing to check.",
    "GCP": "atlas and gcp are both false, so there is nothing to check.",
}


def find_clouds(params: Parameters) -> tuple[str, ...]:
    """Return the clouds whose connections are checked: those of `provider_name`, or else of the entries, or else AWS.

    Raises:
        InvalidOptionError: If an entry is on none of those that `provider_name` names.
    """
    wanted, entries = params["provider_name"], params["connections"]
    allowed = ALL if wanted == EVERY else (wanted,)
    used = []
    for index, entry in enumerate(entries or ()):
        try:
            used.append(find_cloud(entry, ""))
        except InvalidOptionError:
            # This is said with all that is wrong with the entries.
            continue
        if wanted is not None and used[-1] not in allowed:
            raise InvalidOptionError(
                f"connections[{index}] is on {used[-1]}, and provider_name is {wanted}.", hint=f"Set provider_name to {EVERY}."
            )
    return tuple(one for one in ALL if one in (used or (AWS.name,))) if wanted is None else tuple(allowed)


def are_elsewhere(args: t.Mapping[str, t.Any]) -> bool:
    """Whether all connections are with other clouds than AWS, by options that were not checked yet; if in doubt, they are not."""
    entries = args.get("connections")
    if not entries:
        return args.get("provider_name") in (AZURE.name, GCP.name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        return False
    try:
        return AWS.name not in [find_cloud(entry, "") for entry in entries]
    except InvalidOptionError:
        return False


def check_customer_halves(params: Parameters, clouds: t.Iterable[str]) -> None:
    """Check that something is read of each connection.

    Raises:
        InvalidOptionError: If nothing is read of those with some cloud.
    """
    known = {
        "AWS": params["aws"],
        "AZURE": params["vnet_peerings"] is not None or params["virtual_networks"] is not None,
        "GCP": params["gcp"],
    }
    for cloud in clouds:
        if not params["atlas"] and not known[cloud]:
            hint = "Give one of them, or set atlas to true." if cloud == AZURE.name else "Set one of them to true."
            raise InvalidOptionError(_NO_HALF[cloud], hint=hint)


def parse_region(params: Parameters, clouds: t.Iterable[str]) -> tuple[dict[str, str | None], list[str]]:
    """Return `container_region` as the cloud writes it that it counts for, and warnings.

    Raises:
        InvalidOptionError: If it cannot be a region there, or may be one of two clouds: the same name is not the same place.
    """
    region = params["container_region"] or None
    with_regions = [one for one in clouds if one != GCP.name]
    if region is None or with_regions == [AWS.name]:
        return parse_aws_regions({"container_region": region}, "container_region")
    if len(with_regions) > 1:
        raise InvalidOptionError(
            "container_region is set, and the connections are on AWS and AZURE.",
            hint="Set it in each entry of connections instead.",
        )
    if not with_regions:
        raise InvalidOptionError(
            "container_region: the network container on GCP has no region; a project has one for all regions.",
            hint="Leave it out.",
        )
    return {"container_region": parse_option("container_region", region, AZURE_REGIONS.parse)}, warn_of_region(
        "container_region", region
    )


def parse_vnets(params: Parameters) -> dict[str, list[t.Any] | None]:
    """Return what the options tell of Azure, as objects.

    Raises:
        InvalidOptionError: If they are not what the info modules return.
    """
    found: dict[str, list[t.Any] | None] = {}
    for option, parse in _PARSERS.items():
        found[option] = None if params[option] is None else []
        for index, one in enumerate(params[option] or ()):
            try:
                t.cast("list[t.Any]", found[option]).append(parse(one))
            except InvalidValueError as error:
                raise InvalidOptionError(f"{option}[{index}] {error}.", hint=error.hint) from None
    return found
