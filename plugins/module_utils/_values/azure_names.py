# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and ids of AZURE: directories, subscriptions, resource groups and VNets, none of which depends on the case. Pure."""

from __future__ import annotations

import re
import typing as t

from .invalid import InvalidValueError

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# As Atlas's API describes resource groups and VNets.
_NAME = re.compile(r"[-\w.()]+", re.ASCII)
_VNET = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.Network/virtualNetworks/([^/]+)/?", re.IGNORECASE
)


class VnetId(t.NamedTuple):
    """What the resource id of a VNet names."""

    subscription_id: str
    resource_group_name: str
    vnet_name: str


def parse_uuid(value: str) -> str:
    """Return the id of a directory or a subscription.

    Raises:
        InvalidValueError: If it is not one.
    """
    if _UUID.fullmatch(value):
        return value
    raise InvalidValueError(f"is malformed: {value!r}", "Give the id, 32 hexadecimal digits with hyphens, and not the name.")


def parse_azure_name(value: str) -> str:
    """Return the name of a resource group or a VNet.

    Raises:
        InvalidValueError: If it is not one.
    """
    if _NAME.fullmatch(value):
        return value
    hint = "Give the name: letters, digits, hyphens, underscores, periods and parentheses."
    if "/" in value:
        hint = "Give the name alone, the last part of the resource id; vnet_resource_id takes the id of a VNet as a whole."
    raise InvalidValueError(f"is not a name in AZURE: {value!r}", hint)


def parse_vnet_id(value: str) -> VnetId:
    """Return what the resource id of a VNet names.

    Raises:
        InvalidValueError: If it is not one.
    """
    found = _VNET.fullmatch(value.strip())
    if found is None:
        example = vnet_id("<subscription>", "<group>", "<vnet>")
        raise InvalidValueError(f"is not the resource id of a VNet: {value!r}", f"It is written as {example}.")
    subscription_id, group, vnet = found.groups()
    return VnetId(parse_uuid(subscription_id), parse_azure_name(group), parse_azure_name(vnet))


def vnet_id(subscription_id: str, resource_group_name: str, vnet_name: str) -> str:
    """Return the resource id of a VNet."""
    group = f"/subscriptions/{subscription_id}/resourceGroups/{resource_group_name}"
    return f"{group}/providers/Microsoft.Network/virtualNetworks/{vnet_name}"
