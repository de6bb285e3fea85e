# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which cloud provider the options of a network container mean, and its regions."""

from __future__ import annotations

import typing as t
from functools import partial

from .._clouds.aws import AWS_CONTAINERS
from .._clouds.azure import AZURE_REGIONS
from .._clouds.cloud import KINDS, ContainerKind
from .._clouds.gcp import GCP_CONTAINERS, GCP_REGIONS, MOST_REGIONS
from .._engine.options import Parameters, check_not_azure, check_options, check_version, parse_region
from .._http.errors import InvalidOptionError
from .._values.blocks import parse_private_block
from .._values.regions import RegionTable

PROVIDERS = list(KINDS)
# Those of AWS follow a rule, and are read with the options that all modules have in common.
_TABLES: dict[str, RegionTable] = {"AZURE": AZURE_REGIONS, "GCP": GCP_REGIONS}


def choose_kind(params: Parameters) -> ContainerKind:
    """Return the kind of containers that the options mean; AWS's, unless they say otherwise.

    Raises:
        InvalidOptionError: If they do not go together.
    """
    named, region, regions = params["provider_name"], params["region_name"], params.get("regions")
    if regions is not None and named not in (None, GCP_CONTAINERS.name):
        raise InvalidOptionError(
            f"regions is for GCP, and provider_name is {named}.", hint=f"Set region_name for a network container on {named}."
        )
    if regions is not None and region is not None:
        raise InvalidOptionError("region_name is for AWS and AZURE, and regions is for GCP.", hint="Set only one of them.")
    kind = KINDS[named or (GCP_CONTAINERS.name if regions is not None else AWS_CONTAINERS.name)]
    check_version(params, kind.name)
    if kind.is_one_a_project and region is not None:
        raise InvalidOptionError(
            f"region_name is for AWS and AZURE, and provider_name is {kind.name}.",
            hint="Leave it out: a project has one network container on GCP.",
        )
    if named is None and region is not None:
        check_not_azure("region_name", region)
    return kind


def parse_place(params: Parameters, kind: ContainerKind) -> tuple[dict[str, t.Any], list[str]]:
    """Return the region or the regions of AZURE or GCP as Atlas writes them, each once, by their option; and warnings.

    Raises:
        InvalidOptionError: If they cannot be right.
    """
    value = params[kind.place]
    if value is None:
        return {}, []
    table = _TABLES[kind.name]
    if not kind.is_one_a_project:
        region, warnings = parse_region(kind.place, value, table)
        return {kind.place: region}, warnings
    parsed = [parse_region(f"{kind.place}[{number}]", one, table) for number, one in enumerate(value)]
    regions = list(dict.fromkeys(region for region, unused in parsed))
    if len(regions) > MOST_REGIONS:
        raise InvalidOptionError(
            f"regions has {len(regions)} regions, and Atlas takes {MOST_REGIONS} at the most.",
            hint="Leave it out for a network container in all regions.",
        )
    return {kind.place: regions}, [warning for unused, warnings in parsed for warning in warnings]


def check_block(params: Parameters, kind: ContainerKind) -> None:
    """Check the block, as far as the options tell which size it may have.

    Raises:
        InvalidOptionError: If it cannot be right.
    """
    if not kind.is_one_a_project:
        check_options(params, kind.parse_block, "atlas_cidr_block")
    elif params["regions"] is None:
        # An existing container may have regions, and so another size.
        check_options(params, parse_private_block, "atlas_cidr_block")
    else:
        check_options(params, partial(kind.parse_block, regions=len(params["regions"])), "atlas_cidr_block")
