# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What Atlas says of connections and containers on GCP."""

from __future__ import annotations

from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.gcp_regions import GCP_REGIONS

from .container_kind import ContainerKind
from .provider import PeerFields

# A smaller block than an /18 has a /24 for each chosen region, and is an /21 at the most.
MOST_REGIONS = 8


def _sizes(regions: int) -> range:
    return range(21, 25 - (regions - 1).bit_length()) if regions else range(8, 19)


GCP = PeerFields(
    name="GCP",
    identity=("gcp_project_id", "network_name"),
    writable={"gcp_project_id": "gcpProjectId", "network_name": "networkName", "container_id": "containerId"},
    read_only={"id": "id", "status_name": "status", "error_state_name": "errorMessage"},
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
