# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of GCP: projects, VPC networks, peerings, and the addresses of networks. Pure."""

from __future__ import annotations

import re

from .invalid import InvalidValueError

# https://cloud.google.com/resource-manager/docs/creating-managing-projects
_PROJECT = re.compile(r"[a-z][0-9a-z-]{4,28}[0-9a-z]")
# RFC 1035, as the Compute Engine API has it for networks and peerings.
_NAME = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
# What Atlas calls its own project and network, by the description of its API.
_ATLAS_PROJECT = re.compile(r"p-[0-9a-z]{24}")
_ATLAS_NETWORK = re.compile(r"nt-[0-9a-f]{24}-[0-9a-z]{8}")
_NETWORK_END = re.compile(r"(?:^|/)(projects/[^/]+/global/networks/[^/]+)$")


def parse_gcp_project(value: str) -> str:
    """Return the id of a project.

    Raises:
        InvalidValueError: If it is not one.
    """
    if _PROJECT.fullmatch(value):
        return value
    hint = "Give the id of the project, and not its number or its name: 6 to 30 lower-case letters, digits and hyphens."
    raise InvalidValueError(f"is not the id of a GCP project: {value!r}", hint)


def parse_gcp_name(value: str) -> str:
    """Return the name of a VPC network or of a peering.

    Raises:
        InvalidValueError: If it is not one.
    """
    if _NAME.fullmatch(value):
        return value
    hint = "Give 1 to 63 lower-case letters, digits and hyphens, a letter first and no hyphen at the end."
    if "/" in value:
        hint = "Give the name alone, the last part of the address."
    raise InvalidValueError(f"is not a name in GCP: {value!r}", hint)


def network_path(project_id: str, name: str) -> str:
    """Return the address of a network, without the host and the version of the API."""
    return f"projects/{project_id}/global/networks/{name}"


def parse_network_path(address: str) -> str:
    """Return the end of the address of a network, which is the same whatever its host and the version of the API.

    Raises:
        InvalidValueError: If it is not such an address.
    """
    found = _NETWORK_END.search(address)
    if found is None:
        raise InvalidValueError(f"is not the address of a network: {address!r}", "It ends with projects/…/global/networks/….")
    return found.group(1)


def is_atlas_network(path: str) -> bool:
    """Whether a network is one of Atlas's, by its names."""
    parts = path.split("/")
    return bool(_ATLAS_PROJECT.fullmatch(parts[1]) and _ATLAS_NETWORK.fullmatch(parts[-1]))
