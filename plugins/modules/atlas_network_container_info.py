#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What network containers a MongoDB Atlas project has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_network_container_info
short_description: Read network containers of MongoDB Atlas
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the network containers of a MongoDB Atlas project, either all of them, or those that match every option.
  - If none matches, the list is empty. The task fails if the project does not exist or the credentials are refused.
options:
  provider_name:
    description:
      - Return only the network containers on this cloud provider, or with V(all) those on every one.
      - The default is V(all), but for O(api_version=v1.0), which is for V(AWS) alone. Until 3.0.0, the default was V(AWS).
      - V(AZURE), V(GCP) and V(all) need O(api_version=v2).
    type: str
    choices: [AWS, AZURE, GCP, all]
    version_added: 2.3.0
  container_id:
    description:
      - Return only the network container with this id. It is read by its id, without listing the others.
    type: str
  region_name:
    description:
      - Return only the network container in this region, as the cloud writes it (V(us-east-1), V(northeurope)) or as Atlas does
        (V(US_EAST_1), V(EUROPE_NORTH)). It must not be set with O(provider_name=GCP), because a project has one network container
        there, for all regions.
      - Without O(provider_name), a name that Atlas has on two clouds, such as V(US_EAST_2), selects both.
      - The alias O(region) was added in 2.3.0.
    type: str
    aliases: [region]
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.only_reads
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._projects
notes:
  - The API key or service account needs the role I(Project Read Only), or a role with more permissions, in each project.
seealso:
  - module: cloudpeer.atlas.atlas_network_container
  - module: cloudpeer.atlas.atlas_vpc_peer_info
"""

EXAMPLES = r"""
- name: Read all network containers of the project, on every cloud
  cloudpeer.atlas.atlas_network_container_info:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: containers

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Read one of them by its id
  cloudpeer.atlas.atlas_network_container_info:
    container_id: "{{ containers.containers[0].id }}"

- name: Read the network container in one region
  cloudpeer.atlas.atlas_network_container_info:
    region_name: us-east-1

- name: Read those on AWS alone
  cloudpeer.atlas.atlas_network_container_info:
    provider_name: AWS

- name: Read the one on AZURE in a region
  cloudpeer.atlas.atlas_network_container_info:
    provider_name: AZURE
    region: northeurope

- name: Trust the proxy of the company, and be patient with it
  cloudpeer.atlas.atlas_network_container_info:
    ca_path: /etc/pki/tls/certs/company-proxy.pem
    timeout: 60
    retries: 6

- name: Read the status from the body of replies, where a gateway answers everything with status 200
  cloudpeer.atlas.atlas_network_container_info:
    envelope: true

- name: Read the network containers of several projects
  cloudpeer.atlas.atlas_network_container_info:
    group_ids: "{{ atlas_projects }}"

- name: Read the network containers of all production projects of an organization
  cloudpeer.atlas.atlas_network_container_info:
    org_id: 5356823a3794dee37132b000
    project_names: ["*-production"]
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
containers:
  description: The network containers as Atlas describes them, each like
    RV(cloudpeer.atlas.atlas_network_container#module:container).
  returned: success
  type: list
  elements: dict
  sample:
    - id: 507f1f77bcf86cd799439011
      provider_name: AWS
      region_name: US_EAST_1
      atlas_cidr_block: 192.168.248.0/21
      vpc_id: vpc-0f1e2d3c4b5a69788
      provisioned: true
  contains:
    group_id:
      description: The project of the network container.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: str
      version_added: 3.1.0
      sample: 5356823b3794dee37132bb7b
    project_name:
      description: The name of the project. Null if the credentials cannot see it.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: str
      version_added: 3.1.0
      sample: shop-production
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
projects:
  description: The projects that were read, those without any network container too.
  returned: with O(group_ids), O(project_names) or O(org_id)
  type: list
  elements: dict
  version_added: 3.1.0
  sample:
    - group_id: 5356823b3794dee37132bb7b
      id: 5356823b3794dee37132bb7b
      name: shop-production
      count: 1
      states:
        provisioned: 1
  contains:
    group_id:
      description: The id of the project, under its name in RV(containers) and RV(failures).
      type: str
    id:
      description: The id of the project.
      type: str
    name:
      description: The name of the project. Null if the credentials cannot see it.
      type: str
    count:
      description: How many elements of RV(containers) are of the project.
      type: int
    states:
      description: How many network containers are V(provisioned), and how many V(not_provisioned).
      type: dict
failures:
  description: The projects that could not be read. The task fails if there is one.
  returned: with O(group_ids), O(project_names) or O(org_id)
  type: list
  elements: dict
  version_added: 3.1.0
  sample:
    - group_id: 5356823b3794dee37132bb7b
      project_name: shop-production
      msg: >-
        Failed to list the network containers of project 5356823b3794dee37132bb7b: Current user is not authorized to perform this
        action (HTTP 403 USER_UNAUTHORIZED). Check public_key and private_key (or client_id and client_secret, or access_token),
        and that they have a role in the project.
      http_status: 403
      error_code: USER_UNAUTHORIZED
      detail: Current user is not authorized to perform this action
  contains:
    group_id:
      description: The id of the project.
      type: str
    project_name:
      description: The name of the project. Null if the credentials cannot see it.
      type: str
    msg:
      description: What went wrong, and what to do.
      type: str
    http_status:
      description: The HTTP status of the reply with which Atlas refused the request. Null if Atlas did not refuse anything.
      type: int
    error_code:
      description: The error code of Atlas. Null if there is none.
      type: str
    detail:
      description: What Atlas or the network said about the failure. Null if neither said anything.
      type: str
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
  version_added: 2.5.0
  sample:
    sent: 3
    writes: 0
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container_info import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
