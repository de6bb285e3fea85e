"""The names of regions, and AWS's two ways of writing them."""

from __future__ import annotations

import re

AWS_REGIONS = frozenset(
    [
        "US_EAST_1",
        "US_EAST_2",
        "US_WEST_1",
        "US_WEST_2",
        "US_GOV_EAST_1",
        "US_GOV_WEST_1",
        "CA_CENTRAL_1",
        "CA_WEST_1",
        "MX_CENTRAL_1",
        "SA_EAST_1",
        "EU_CENTRAL_1",
        "EU_CENTRAL_2",
        "EU_NORTH_1",
        "EU_SOUTH_1",
        "EU_SOUTH_2",
        "EU_WEST_1",
        "EU_WEST_2",
        "EU_WEST_3",
        "AF_SOUTH_1",
        "IL_CENTRAL_1",
        "ME_CENTRAL_1",
        "ME_SOUTH_1",
        "AP_EAST_1",
        "AP_EAST_2",
        "AP_NORTHEAST_1",
        "AP_NORTHEAST_2",
        "AP_NORTHEAST_3",
        "AP_SOUTH_1",
        "AP_SOUTH_2",
        "AP_SOUTHEAST_1",
        "AP_SOUTHEAST_2",
        "AP_SOUTHEAST_3",
        "AP_SOUTHEAST_4",
        "AP_SOUTHEAST_5",
        "AP_SOUTHEAST_6",
        "AP_SOUTHEAST_7",
        "CN_NORTH_1",
        "CN_NORTHWEST_1",
    ]
)

#: Atlas's names for Azure's and Google's regions follow no rule that tells all of them; their form is all that is checked.
REGION_FORM = re.compile(r"[A-Z]+(_[A-Z0-9]+)*", re.ASCII)


def atlas_region(name: str) -> str:
    """Return an AWS region in Atlas's form, `US_EAST_1`; the form of both is accepted."""
    return name.upper().replace("-", "_")


def aws_region(name: str) -> str:
    """Return an AWS region in AWS's form, `us-east-1`; the form of both is accepted."""
    return name.lower().replace("_", "-")
