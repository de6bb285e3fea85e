# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Atlas says of connections and containers on GCP."""

from __future__ import annotations

import shlex
import typing as t

from ..._values.gcp_names import network_path
from ..._values.gcp_regions import GCP_REGIONS
from .container_kind import ContainerKind
from .provider import CustomerTask, Fields, Peer, Provider, fields_of

# A smaller block than an /18 has a /24 for each chosen region, and is an /21 at the most.
MOST_REGIONS = 8


def _sizes(regions: int) -> range:
    return range(21, 25 - (regions - 1).bit_length()) if regions else range(8, 19)


def _customer_task(peer: Peer, region: str | None, container: Fields | None) -> CustomerTask:
    here = f"network {fields_of(peer)['network_name']} of project {fields_of(peer)['gcp_project_id']}"
    there = f"the network of network container {peer['container_id']}"
    if container is not None and container["atlas_network_name"] is not None:
        there = f"network {container['atlas_network_name']} of project {container['atlas_gcp_project_id']}"
    to_do = f"create the peering in GCP from {here} to {there} (atlas_gcp_peering)"
    return CustomerTask(to_do, f"{to_do[0].upper()}{to_do[1:]}, then run the task again.")


def _handover(peer: Fields, container: Fields | None, is_government: bool) -> dict[str, t.Any]:
    """Return what the customer's half is made of; the names of Atlas's network are there once Atlas has made it."""
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
    # Two projects of Atlas can share a network, so that the name has to tell them apart.
    name = f"atlas-{atlas_network}"
    address = f"https://www.googleapis.com/compute/v1/{network_path(str(atlas_project), str(atlas_network))}"
    options = {"project": project, "network": network, "peer-project": atlas_project, "peer-network": atlas_network}
    words = [name, *(f"--{option}={value}" for option, value in options.items())]
    gcloud = f"gcloud compute networks peerings create {' '.join(map(shlex.quote, words))}"
    body = {"networkPeering": {"name": name, "network": address, "exchangeSubnetRoutes": True}}
    return {**names, "name": name, "gcloud": gcloud, "add_peering": body}


GCP = Provider(
    name="GCP",
    identity=("gcp_project_id", "network_name"),
    writable={"gcp_project_id": "gcpProjectId", "network_name": "networkName", "container_id": "containerId"},
    read_only={"id": "id", "status_name": "status", "error_state_name": "errorMessage"},
    network="VPC network",
    required=("gcp_project_id", "network_name"),
    changeable=frozenset(),
    progress=("ADDING_PEER", "WAITING_FOR_USER", "AVAILABLE"),
    pending="WAITING_FOR_USER",
    failed="FAILED",
    terminating="DELETING",
    failure_reasons={},
    accepted_id=None,
    customer_task=_customer_task,
    handover=_handover,
    lost="because the peering was removed in GCP, or because the VPC network was deleted",
    has_names=True,
)
GCP_CONTAINERS = ContainerKind(
    name="GCP",
    place="regions",
    writable={"regions": "regions", "atlas_cidr_block": "atlasCidrBlock"},
    read_only={"atlas_gcp_project_id": "gcpProjectId", "atlas_network_name": "networkName"},
    to_atlas=GCP_REGIONS.to_atlas,
    to_cloud=GCP_REGIONS.to_cloud,
    sizes=_sizes,
    needs_block=True,
    is_changeable=False,
)
