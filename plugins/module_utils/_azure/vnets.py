# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VNets of Azure and their peerings, parsed from the results of azure.azcollection's info modules.

Source: the documentation of azure_rm_virtualnetwork_info and azure_rm_virtualnetworkpeering_info.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .._clouds.azure import parse_vnet_id
from .._clouds.cloud import Fields
from .._values.invalid import InvalidValueError

_PEERING = re.compile("/virtualNetworkPeerings/", re.IGNORECASE)


@dataclass(frozen=True)
class Vnet:
    """A VNet: where it is, and its address prefixes for IPv4."""

    subscription_id: str
    resource_group_name: str
    name: str
    prefixes: tuple[str, ...] = ()

    def is_meant(self, subscription_id: str | None, resource_group_name: str | None, name: str | None) -> bool:
        """Whether it has these names, in any case of letters; None stands for any."""
        wanted = (subscription_id, resource_group_name, name)
        own = (self.subscription_id, self.resource_group_name, self.name)
        return all(one is None or one.lower() == other.lower() for one, other in zip(wanted, own))


@dataclass(frozen=True)
class VnetPeering:
    """A peering of a VNet.

    Attributes:
        vnet: The VNet that has it; its prefixes are not known here.
        name: Its name.
        prefixes: The address prefixes for IPv4 of the other side.
        state: `Initiated`, `Connected` or `Disconnected`.
        sync_level: Whether both sides know the addresses of each other; None if Azure does not say it.
    """

    vnet: Vnet
    name: str
    prefixes: tuple[str, ...]
    state: str
    sync_level: str | None


def parse_vnet(value: Fields) -> Vnet:
    """Return a VNet from an element of `virtualnetworks` of azure_rm_virtualnetwork_info.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give virtualnetworks of azure_rm_virtualnetwork_info."
    vnet, peering = _parse_id(value, "a VNet", hint)
    if peering is not None:
        raise InvalidValueError("is a peering, and not a VNet", hint)
    return Vnet(vnet.subscription_id, vnet.resource_group_name, vnet.name, _ipv4(value.get("address_prefixes"), hint))


def parse_vnet_peering(value: Fields) -> VnetPeering:
    """Return a peering from an element of `vnetpeerings` of azure_rm_virtualnetworkpeering_info.

    Raises:
        InvalidValueError: If it is not one.
    """
    hint = "Give vnetpeerings of azure_rm_virtualnetworkpeering_info."
    vnet, name = _parse_id(value, "a peering of a VNet", hint)
    space, state, level = value.get("remote_address_space"), value.get("peering_state"), value.get("peering_sync_level")
    if name is None or not isinstance(space, dict) or not isinstance(state, str) or not isinstance(level, (str, type(None))):
        raise InvalidValueError("is not a peering of a VNet", hint)
    return VnetPeering(vnet, name, _ipv4(space.get("address_prefixes"), hint), state, level)


def _parse_id(value: Fields, what: str, hint: str) -> tuple[Vnet, str | None]:
    path, *names = _PEERING.split(str(value.get("id")), maxsplit=1)
    try:
        found = parse_vnet_id(path)
    except InvalidValueError:
        raise InvalidValueError(f"is not {what}: its id is {value.get('id')!r}", hint) from None
    return Vnet(*found), names[0] if names else None


def _ipv4(prefixes: t.Any, hint: str) -> tuple[str, ...]:
    """Return the IPv4 prefixes; Atlas peers no IPv6."""
    try:
        if not isinstance(prefixes or [], list):
            raise ValueError
        networks = [ipaddress.ip_network(str(one)) for one in prefixes or ()]
    except ValueError:
        raise InvalidValueError(f"has address_prefixes that are not a list of CIDR blocks: {prefixes!r}", hint) from None
    return tuple(str(one) for one in networks if isinstance(one, ipaddress.IPv4Network))
