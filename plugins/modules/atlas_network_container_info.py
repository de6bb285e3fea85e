#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What network containers a MongoDB Atlas project has on AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_network_container_info
short_description: Read network containers of MongoDB Atlas on AWS
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the network containers of a MongoDB Atlas project on AWS, either all of them, or those that match every option.
  - If none matches, the list is empty. The task fails if the project does not exist or the credentials are refused.
options:
  container_id:
    description:
      - Return only the network container with this id. It is read by its id, without listing the others.
    type: str
  region_name:
    description:
      - Return only the network container in this region, written as V(us-east-1) or V(US_EAST_1).
    type: str
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
notes:
  - The API key or service account needs the role I(Project Read Only), or a role with more permissions, in the project.
seealso:
  - module: cloudpeer.atlas.atlas_network_container
  - module: cloudpeer.atlas.atlas_vpc_peer_info
"""

EXAMPLES = r"""
- name: Read all network containers of the project on AWS
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

- name: Trust the proxy of the company, and be patient with it
  cloudpeer.atlas.atlas_network_container_info:
    ca_path: /etc/pki/tls/certs/company-proxy.pem
    timeout: 60
    retries: 6

- name: Read the status from the body of replies, where a gateway answers everything with status 200
  cloudpeer.atlas.atlas_network_container_info:
    envelope: true
"""

RETURN = r"""
containers:
  description: >-
    The network containers as Atlas describes them, each like
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
    id:
      description: The id of the network container.
      type: str
      sample: 507f1f77bcf86cd799439011
    provider_name:
      description: The cloud provider of the network container, always V(AWS).
      type: str
      sample: AWS
    region_name:
      description: The region of the network container, as Atlas writes it.
      type: str
      sample: US_EAST_1
    atlas_cidr_block:
      description: The CIDR block of the network container, from which the Atlas clusters get their private addresses.
      type: str
      sample: 192.168.248.0/21
    vpc_id:
      description: The id of Atlas's own VPC in AWS. Null until Atlas has created it.
      type: str
      sample: vpc-0f1e2d3c4b5a69788
    provisioned:
      description: Whether Atlas has created the VPC.
      type: bool
      sample: true
api_calls:
  description: The HTTP requests that the task has sent to Atlas, in this order.
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: GET
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/containers
      status: 200
      milliseconds: 48
  contains:
    method:
      description: The HTTP method.
      type: str
      sample: GET
    path:
      description: The path, without the query.
      type: str
      sample: /api/atlas/v2/groups/5356823b3794dee37132bb7b/containers
    status:
      description: The HTTP status of the reply. Null if no reply came.
      type: int
      sample: 200
    milliseconds:
      description: How long the request took.
      type: int
      sample: 48
http_status:
  description: The HTTP status of the reply with which Atlas refused the request. Null if Atlas did not refuse anything.
  returned: failure
  type: int
  sample: 404
error_code:
  description: The error code of Atlas. Null if there is none.
  returned: failure
  type: str
  sample: GROUP_NOT_FOUND
detail:
  description: What Atlas or the network said about the failure. Null if neither said anything.
  returned: failure
  type: str
  sample: There is no such project.
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_network_container_info import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
