#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What network containers a MongoDB Atlas project has on AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_network_container_info
short_description: Read network containers of MongoDB Atlas on AWS
version_added: 0.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the network containers of a MongoDB Atlas project on AWS, all of them or those that fit every option.
  - Where none fits, the list is empty. A project that is unknown, or credentials that are refused, are a failure.
options:
  container_id:
    description:
      - Only the container with this id. It is read by itself, and not from the list of all.
    type: str
  region_name:
    description:
      - Only the container in this region, given as V(us-east-1) or V(US_EAST_1).
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
  - cloudpeer.atlas.attributes
  - cloudpeer.atlas.connection
seealso:
  - module: cloudpeer.atlas.atlas_network_container
"""

EXAMPLES = r"""
- name: Read all network containers of the project on AWS
  cloudpeer.atlas.atlas_network_container_info:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: containers

- name: Read one of them
  cloudpeer.atlas.atlas_network_container_info:
    container_id: "{{ containers.containers[0].id }}"

- name: Read the network container in one region
  cloudpeer.atlas.atlas_network_container_info:
    region_name: us-east-1
"""

RETURN = r"""
containers:
  description: The containers as Atlas describes them.
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
      description: The id of the container.
      type: str
      sample: 507f1f77bcf86cd799439011
    provider_name:
      description: The cloud provider of the container. Always V(AWS).
      type: str
      sample: AWS
    region_name:
      description: The region of the container, in the form that Atlas has for it.
      type: str
      sample: US_EAST_1
    atlas_cidr_block:
      description: The CIDR block of the container, from which Atlas's servers have their addresses.
      type: str
      sample: 192.168.248.0/21
    vpc_id:
      description: Atlas's VPC in AWS. Null until there is one.
      type: str
      sample: vpc-0f1e2d3c4b5a69788
    provisioned:
      description: Whether Atlas has made the VPC.
      type: bool
      sample: true
api_calls:
  description: The HTTP requests that were sent to Atlas, in their order.
  returned: at verbosity 2 (C(-vv)) and more
  type: list
  elements: dict
  sample:
    - method: GET
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/peers
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
      sample: /api/atlas/v2/groups/5356823b3794dee37132bb7b/peers
    status:
      description: The HTTP status of the reply. Null when there was none.
      type: int
      sample: 200
    milliseconds:
      description: How long it took.
      type: int
      sample: 48
http_status:
  description: The HTTP status with which Atlas refused. Null if it was not Atlas.
  returned: failure
  type: int
  sample: 409
error_code:
  description: Atlas's code for what is wrong. Null if there is none.
  returned: failure
  type: str
  sample: OVERLAPPING_CIDR_BLOCK
detail:
  description: What Atlas, or the network, said about it. Null if nothing.
  returned: failure
  type: str
  sample: The block overlaps that of another peering connection.
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._container_info_task import TASK
from ansible_collections.cloudpeer.atlas.plugins.module_utils._module import run_module


def main() -> None:
    """Run the module."""
    run_module(TASK)


if __name__ == "__main__":
    main()
