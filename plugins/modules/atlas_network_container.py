#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network containers of MongoDB Atlas."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_network_container
short_description: Manage network containers of MongoDB Atlas
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Creates, changes and removes a network container of a MongoDB Atlas project on AWS, AZURE or GCP.
  - A network container is Atlas's side of VPC peering, a network in which the clusters of the project run. A project has one for
    each region on AWS and AZURE, and one for all regions on GCP. If there is none yet, Atlas creates it with the first cluster
    there.
  - While nothing uses the network container, its CIDR block can be changed, and on GCP it can be limited to regions. Clusters,
    peering connections and backup snapshots use it. Once it is limited to regions, neither can be changed.
  - Before 2.5.0, they were never changed on AZURE and GCP.
options:
  region_name:
    description:
      - The region of the network container on AWS or AZURE, as the cloud writes it (V(us-east-1), V(northeurope)) or as Atlas
        does (V(US_EAST_1), V(EUROPE_NORTH)). This identifies it.
      - Terraform may move a network container on AWS to another region while nothing uses it. The task then finds it in its new
        region only. With the old region, O(state=present) creates another one, or fails if O(atlas_cidr_block) is the block of
        the container that was moved, and O(state=absent) finds nothing to remove.
      - If this is not set, the task uses the only network container that the project has on that cloud. It fails if there is
        none, or if there are several.
      - This is required to create a network container, and with O(state=absent). On GCP, it must not be set.
      - The alias O(region) was added in 2.3.0.
    type: str
    aliases: [region]
  atlas_cidr_block:
    description:
      - The CIDR block of the network container. It must be IPv4, and from a private range.
      - On AWS and AZURE, it must be from C(/21) to C(/24) in size. On GCP, it must be a C(/18) or larger; with O(regions), it
        must be from C(/21) to C(/24), and hold a C(/24) for each region.
      - If this is not set, Atlas chooses the block of a new network container on AWS, and an existing one keeps its block. This
        is required to create a network container on AZURE or GCP.
      - If an existing network container has another block, the task changes it if nothing uses the container, and fails
        otherwise. It also fails if the container is limited to regions, which Atlas does not change.
      - With O(state=absent), a network container with another block is not removed on AZURE and GCP; the task fails.
    type: str
  state:
    description:
      - V(present) creates the network container, or changes its block or, on GCP, limits it to regions. V(absent) removes it.
      - A network container that a peering connection or a cluster uses cannot be removed.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - With O(state=absent), wait until nothing uses the network container any more, and then remove it.
      - With O(state=present), this has no effect.
  provider_name:
    description:
      - The cloud provider of the network container.
      - If this is not set, it is V(GCP) with O(regions), and otherwise V(AWS).
      - V(AZURE) and V(GCP) need O(api_version=v2).
    type: str
    choices: [AWS, AZURE, GCP]
    version_added: 2.3.0
  regions:
    description:
      - On GCP, the regions to which the network container is limited, as the cloud writes them (V(europe-west3)) or as Atlas
        does (V(EUROPE_WEST_3)), in any order. Clusters can then run in these regions only.
      - If this is not set, a new network container is for all regions, and an existing one keeps its regions. An empty list
        means all regions.
      - If an existing network container is for all regions, the task limits it to these if nothing uses it, and fails otherwise.
        The block has to fit them, so set O(atlas_cidr_block) too. If it is limited to regions, and these differ from the
        option, the task fails, since Atlas does not change such a container. Remove it and create another one.
    type: list
    elements: str
    version_added: 2.3.0
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._wait
notes:
  - The API key or service account needs the role I(Project Owner) in the project.
seealso:
  - module: cloudpeer.atlas.atlas_network_container_info
  - module: cloudpeer.atlas.atlas_vpc_peer
  - name: Network peering in the documentation of Atlas
    description: What Atlas supports, and its limits.
    link: https://www.mongodb.com/docs/atlas/security-vpc-peering/
"""

EXAMPLES = r"""
- name: Create a network container
  cloudpeer.atlas.atlas_network_container:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
    region_name: eu-west-1
    atlas_cidr_block: 192.168.240.0/21

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Change its block, which is possible while nothing uses it
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-west-1
    atlas_cidr_block: 192.168.232.0/21

- name: Ensure that there is a network container in a region, with a block that Atlas chooses
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-central-1

- name: Remove it
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-central-1
    state: absent

- name: Remove it when its peering connections are gone, within ten minutes
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-west-1
    state: absent
    wait: true
    wait_timeout: 600

- name: Ensure a network container on AZURE
  cloudpeer.atlas.atlas_network_container:
    provider_name: AZURE
    region: northeurope
    atlas_cidr_block: 192.168.248.0/21

- name: Give it another block, which is possible while nothing uses it
  cloudpeer.atlas.atlas_network_container:
    provider_name: AZURE
    region: northeurope
    atlas_cidr_block: 192.168.240.0/21

- name: Ensure the network container on GCP, for all regions
  cloudpeer.atlas.atlas_network_container:
    provider_name: GCP
    atlas_cidr_block: 10.8.0.0/18

- name: Remove it
  cloudpeer.atlas.atlas_network_container:
    provider_name: GCP
    state: absent

- name: Ensure one on GCP with a small block, for clusters in two regions
  cloudpeer.atlas.atlas_network_container:
    regions: [europe-west3, europe-west4]
    atlas_cidr_block: 10.8.0.0/23
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
container:
  description:
    - The network container as Atlas describes it, or in check mode as it would be. Fields that only Atlas can set are null until
      then.
    - Null with O(state=absent).
    - If the task fails, the network container as it was last seen.
  returned: when the state of the network container is known
  type: dict
  sample:
    id: 507f1f77bcf86cd799439011
    provider_name: AWS
    region_name: US_EAST_1
    atlas_cidr_block: 192.168.248.0/21
    vpc_id: vpc-0f1e2d3c4b5a69788
    provisioned: true
  contains:
    id:
      description: The id of the network container.
      type: str
    provider_name:
      description: The cloud provider of the network container.
      type: str
    region_name:
      description: On AWS and AZURE, the region of the network container, as Atlas writes it.
      returned: on AWS and AZURE
      type: str
    regions:
      description: On GCP, the regions to which the network container is limited, as Atlas writes them. Empty if it is for all
        regions.
      returned: on GCP
      type: list
      elements: str
      sample: [EUROPE_WEST_3]
    atlas_cidr_block:
      description: The CIDR block of the network container, from which the Atlas clusters get their private addresses.
      type: str
    vpc_id:
      description: On AWS, the id of Atlas's own VPC. Null until Atlas has created it.
      returned: on AWS
      type: str
    atlas_azure_subscription_id:
      description: On AZURE, Atlas's own id of the subscription that has its VNet, 24 hexadecimal digits. Null until the VNet is
        needed.
      returned: on AZURE
      type: str
      sample: 5f0c1a2b3c4d5e6f70819203
    atlas_vnet_name:
      description: On AZURE, the name of Atlas's own VNet. Null until it is needed.
      returned: on AZURE
      type: str
      sample: vnet_5f0c1a2b3c4d5e6f70819203_cucjobca
    atlas_gcp_project_id:
      description:
        - On GCP, the project that has Atlas's own VPC network. Null until the first peering connection or cluster needs the
          network.
        - The other side of a peering connection leads to this project.
      returned: on GCP
      type: str
      sample: p-a1b2c3d4e5f60718293a4b5c
    atlas_network_name:
      description: On GCP, the name of Atlas's own VPC network in that project. Null until the network is needed.
      returned: on GCP
      type: str
      sample: nt-5f0c1a2b3c4d5e6f70819203-a1b2c3d4
    provisioned:
      description: Whether Atlas has created its network.
      type: bool
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
  version_added: 2.5.0
  sample:
    sent: 3
    writes: 1
  contains:
    sent:
      description: All requests.
      type: int
    writes:
      description: Those that may change something.
      type: int
api_calls:
  description: The requests to Atlas in their order, each with C(method), C(path), C(status) (null without a reply) and
    C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: GET
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/containers
      status: 200
      milliseconds: 48
http_status:
  description: The HTTP status of Atlas's refusal. Null if it refused nothing.
  returned: failure
  type: int
error_code:
  description: The error code of Atlas. Null if there is none.
  returned: failure
  type: str
detail:
  description: What Atlas or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
