#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network containers of MongoDB Atlas on AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_network_container
short_description: Manage network containers of MongoDB Atlas on AWS
version_added: 0.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Creates, changes and removes the network container of a MongoDB Atlas project in a region of AWS.
  - A container is Atlas's side of VPC peering, the VPC with the servers of the project. There is one a region. Atlas creates
    it with the first cluster in the region, if it is not there yet.
  - The CIDR block of a container can be changed only while no cluster and no peering connection uses it.
options:
  region_name:
    description:
      - The region of the container, given as V(us-east-1) or V(US_EAST_1). It tells one container from another.
    type: str
    required: true
  atlas_cidr_block:
    description:
      - The CIDR block of the container, IPv4 and from a private range, of a size from C(/21) to C(/24).
      - If it is not set, a container is created with a block that Atlas chooses, and one that is there keeps its own.
      - A container with another block is changed while nothing uses it. Otherwise the task fails.
    type: str
  state:
    description:
      - V(present) creates the container, or changes its block. V(absent) removes it.
      - A container that is used by a peering connection or a cluster cannot be removed.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - With O(state=absent), wait until nothing uses the container, and remove it then.
      - With O(state=present) there is nothing to wait for.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - cloudpeer.atlas.attributes
  - cloudpeer.atlas.connection
  - cloudpeer.atlas.wait
notes:
  - The API key needs the role Project Owner in the project.
seealso:
  - module: cloudpeer.atlas.atlas_network_container_info
"""

EXAMPLES = r"""
- name: Create a network container
  cloudpeer.atlas.atlas_network_container:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
    region_name: eu-west-1
    atlas_cidr_block: 192.168.240.0/21

- name: Give it another block, which works while nothing uses it
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-west-1
    atlas_cidr_block: 192.168.232.0/21

- name: Remove it, as soon as its peering connections are gone
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-west-1
    state: absent
    wait: true
"""

RETURN = r"""
container:
  description:
    - The container as Atlas describes it, or in check mode as it would be. Fields that only Atlas can tell are null until then.
    - Null with O(state=absent).
    - In a failure, the container as it was last seen, if it was.
  returned: when the state of the container is known
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

from ansible_collections.cloudpeer.atlas.plugins.module_utils._container_task import TASK
from ansible_collections.cloudpeer.atlas.plugins.module_utils._module import run_module


def main() -> None:
    """Run the module."""
    run_module(TASK)


if __name__ == "__main__":
    main()
