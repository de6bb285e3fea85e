# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of connections that patterns may have. Pure."""

from __future__ import annotations

import re
import typing as t

from .._clouds.azure import parse_azure_name, parse_uuid
from .._clouds.gcp import parse_gcp_name, parse_gcp_project
from .._values.blocks import parse_private_block
from .._values.ids import parse_account_id, parse_connection_id, parse_object_id, parse_vpc_id
from .._values.invalid import InvalidValueError
from .._values.patterns import Parse
from .._values.regions import parse_aws_region

# AZURE's names and ids, which are the same in upper and lower case.
CASELESS = frozenset(("azure_directory_id", "azure_subscription_id", "resource_group_name", "vnet_name"))


def _parse_word(value: str) -> str:
    if not re.fullmatch("[A-Z_]+", value):
        raise InvalidValueError(f"is not a value of Atlas: {value!r}", "Write it in capital letters, such as AVAILABLE.")
    return value


# The fields of results of all clouds, each with the form that its values have.
PATTERN_FORMS: dict[str, Parse] = {
    "id": parse_object_id,
    "connection_id": parse_connection_id,
    "vpc_id": parse_vpc_id,
    "aws_account_id": parse_account_id,
    "route_table_cidr_block": parse_private_block,
    "azure_directory_id": parse_uuid,
    "azure_subscription_id": parse_uuid,
    "resource_group_name": parse_azure_name,
    "vnet_name": parse_azure_name,
    "gcp_project_id": parse_gcp_project,
    "network_name": parse_gcp_name,
    "container_id": parse_object_id,
    "accepter_region_name": parse_aws_region,
    "status_name": _parse_word,
    "error_state_name": _parse_word,
    "provider_name": _parse_word,
}


def pattern_forms(provider_name: str | None) -> t.Mapping[str, Parse | None]:
    """Return the fields that patterns may have, each with the form of its values.

    Args:
        provider_name: The option: on AWS, errors have names of their own, and on the other clouds they are sentences.
    """
    if provider_name in (None, "AWS"):
        return PATTERN_FORMS
    return {**PATTERN_FORMS, "error_state_name": None}
