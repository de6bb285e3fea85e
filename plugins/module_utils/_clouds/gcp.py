# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GCP: names, regions, and the customer's half of a peering, which the customer creates."""

from __future__ import annotations

import re
import shlex
import typing as t

from .._http.errors import as_name, shown
from .._values.ids import parse_gcp_name, parse_gcp_project
from .._values.patterns import InvalidValueError
from .cloud import Cloud, CustomerTask, Fields, Peer, RegionTable, fields_of

# The most regions that a container can list; without a list, it is for all regions.
MOST_REGIONS = 8
# From the description of Atlas's API, for Atlas's project and network.
_ATLAS_PROJECT = re.compile(r"p-[0-9a-z]{24}")
_ATLAS_NETWORK = re.compile(r"nt-[0-9a-f]{24}-[0-9a-z]{8}")
_NETWORK_END = re.compile(r"(?:^|/)(projects/[^/]+/global/networks/[^/]+)$")


def network_path(project_id: str, name: str) -> str:
    """Return the path of a network: its URL without the host and the version of the API."""
    return f"projects/{project_id}/global/networks/{name}"


def parse_network_path(address: str) -> str:
    """Return the path of a network from its URL: without the host and the version of the API, which may differ.

    Raises:
        InvalidValueError: If it is not the URL of a network.
    """
    found = _NETWORK_END.search(address)
    if found is None:
        raise InvalidValueError(f"is not the address of a network: {address!r}", "It ends with projects/…/global/networks/….")
    return found.group(1)


def is_atlas_network(path: str) -> bool:
    """Whether a network belongs to Atlas, by the names of its project and itself in `path`."""
    parts = path.split("/")
    return bool(_ATLAS_PROJECT.fullmatch(parts[1]) and _ATLAS_NETWORK.fullmatch(parts[-1]))


def peering_name(atlas_network: str) -> str:
    """Return the name of the customer's half: unique where one network of the customer peers with several of Atlas."""
    return f"atlas-{atlas_network}"


def gcloud_line(project: str, network: str, atlas_project: str, atlas_network: str, name: str | None = None) -> str:
    """Return the gcloud command that creates the customer's half, with a name of its own or the usual one."""
    options = {"project": project, "network": network, "peer-project": atlas_project, "peer-network": atlas_network}
    words = [name or peering_name(atlas_network), *(f"--{option}={value}" for option, value in options.items())]
    return f"gcloud compute networks peerings create {' '.join(map(shlex.quote, words))}"


def _block_sizes(regions: int) -> range:
    # Each chosen region needs a /24 of the block, from /24 (one region) to /21 (eight). For all regions, it is a /18 or larger.
    return range(21, 25 - (regions - 1).bit_length()) if regions else range(8, 19)


def _customer_task(peer: Peer, region: str | None, container: Fields | None) -> CustomerTask:
    here = f"network {as_name(fields_of(peer)['network_name'])} of project {fields_of(peer)['gcp_project_id']}"
    there = f"the network of network container {peer['container_id']}"
    if container is not None and container["atlas_network_name"] is not None:
        there = f"network {container['atlas_network_name']} of project {container['atlas_gcp_project_id']}"
    subject, where = "the peering", f"in GCP from {here} to {there} (atlas_gcp_peering)"
    return CustomerTask("create", subject, shown(where), f"Create {subject} {where}, then run the task again.")


def _handover(peer: Fields, container: Fields | None, is_government: bool) -> dict[str, t.Any]:
    """Return what the customer's half needs; the names of Atlas's network are None until Atlas has created it."""
    project, network = peer.get("gcp_project_id"), peer.get("network_name")
    atlas_project, atlas_network = None, None
    if container is not None:
        atlas_project, atlas_network = container["atlas_gcp_project_id"], container["atlas_network_name"]
    names = {
        "gcp_project_id": project,
        "network_name": network,
        "atlas_gcp_project_id": atlas_project,
        "atlas_network_name": atlas_network,
    }
    if None in names.values():
        return {**names, "name": None, "gcloud": None, "add_peering": None}
    name, line = peering_name(str(atlas_network)), gcloud_line(str(project), str(network), str(atlas_project), str(atlas_network))
    address = f"https://www.googleapis.com/compute/v1/{network_path(str(atlas_project), str(atlas_network))}"
    body = {"networkPeering": {"name": name, "network": address, "exchangeSubnetRoutes": True}}
    return {**names, "name": name, "gcloud": line, "add_peering": body}


# GCP writes these as Atlas does, with hyphens and in lower case, and without one before the number.
_WITH_HYPHENS = """
    AFRICA_SOUTH_1 ASIA_EAST_2 ASIA_NORTHEAST_2 ASIA_NORTHEAST_3 ASIA_SOUTHEAST_2 ASIA_SOUTH_1 ASIA_SOUTH_2 AUSTRALIA_SOUTHEAST_1
    AUSTRALIA_SOUTHEAST_2 EUROPE_CENTRAL_2 EUROPE_NORTH_1 EUROPE_SOUTHWEST_1 EUROPE_WEST_10 EUROPE_WEST_12 EUROPE_WEST_2
    EUROPE_WEST_3 EUROPE_WEST_4 EUROPE_WEST_6 EUROPE_WEST_8 EUROPE_WEST_9 US_EAST_4 US_EAST_5 US_SOUTH_1 US_WEST_2 US_WEST_3
    US_WEST_4
"""
_REGIONS = {
    "CENTRAL_US": "us-central1",
    "EASTERN_ASIA_PACIFIC": "asia-east1",
    "EASTERN_US": "us-east1",
    "MIDDLE_EAST_CENTRAL_1": "me-central1",
    "MIDDLE_EAST_CENTRAL_2": "me-central2",
    "MIDDLE_EAST_WEST_1": "me-west1",
    "NORTHEASTERN_ASIA_PACIFIC": "asia-northeast1",
    "NORTH_AMERICA_NORTHEAST_1": "northamerica-northeast1",
    "NORTH_AMERICA_NORTHEAST_2": "northamerica-northeast2",
    "NORTH_AMERICA_SOUTH_1": "northamerica-south1",
    "SOUTHEASTERN_ASIA_PACIFIC": "asia-southeast1",
    "SOUTH_AMERICA_EAST_1": "southamerica-east1",
    "SOUTH_AMERICA_WEST_1": "southamerica-west1",
    "WESTERN_EUROPE": "europe-west1",
    "WESTERN_US": "us-west1",
    **{name: re.sub("_([0-9]+)$", r"\1", name).lower().replace("_", "-") for name in _WITH_HYPHENS.split()},
}
# Those for Assured Workloads are for clusters in the same places. A name of GCP means the usual one, so these come first.
_ASSURED = "CENTRAL_US EASTERN_US US_EAST_4 US_EAST_5 US_SOUTH_1 US_WEST_2 US_WEST_3 US_WEST_4 WESTERN_US"
GCP_REGIONS = RegionTable("GCP", {**{f"{name}_AW": _REGIONS[name] for name in _ASSURED.split()}, **_REGIONS})
GCP = Cloud(
    name="GCP",
    noun="VPC network",
    places={"gcp_project_id": "project"},
    identity_noun="the project and the network",
    forms={"gcp_project_id": parse_gcp_project, "network_name": parse_gcp_name},
    identity=("gcp_project_id", "network_name"),
    needed=("gcp_project_id", "network_name"),
    changeable=frozenset(),
    regions=GCP_REGIONS,
    progress=("ADDING_PEER", "WAITING_FOR_USER", "AVAILABLE"),
    pending="WAITING_FOR_USER",
    failed="FAILED",
    terminating="DELETING",
    failure_reasons={},
    customer_task=_customer_task,
    handover=_handover,
    block_sizes=_block_sizes,
    atlas_network=("atlas_gcp_project_id", "atlas_network_name"),
    half_options=("gcp",),
    check_needs=("atlas_gcp_project_id", "atlas_network_name"),
    check_hint="Both together name a VPC network.",
    lost="because the peering was removed in GCP, or because the VPC network was deleted",
    api_names={"status_name": "status", "error_state_name": "errorMessage"},
    has_names=True,
    has_one_container=True,
    # https://cloud.google.com/vpc/docs/quota#vpc-peering
    most_peerings=25,
)
