#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What VPC peering connections a MongoDB Atlas project has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer_info
short_description: Read VPC peering connections between MongoDB Atlas and AWS
version_added: 0.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the VPC peering connections of a MongoDB Atlas project with AWS, all of them or those that fit every option.
  - Where none fits, the list is empty. A project that is unknown, or credentials that are refused, are a failure.
options:
  peer_id:
    description:
      - Only the connection with this id of Atlas. It is read by itself, and not from the list of all.
    type: str
  vpc_id:
    description:
      - Only connections to this VPC in AWS.
    type: str
  aws_account_id:
    description:
      - Only connections to VPCs of this AWS account. Quote it, since YAML drops leading zeros of a number.
    type: str
  container_id:
    description:
      - Only connections that lead into this network container of the Atlas project.
    type: str
  status_name:
    description:
      - Only connections in one of these states.
    type: list
    elements: str
    choices: [INITIATING, PENDING_ACCEPTANCE, FINALIZING, AVAILABLE, FAILED, TERMINATING]
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
  - module: cloudpeer.atlas.atlas_vpc_peer
"""

EXAMPLES = r"""
- name: Read all connections of the project
  cloudpeer.atlas.atlas_vpc_peer_info:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: all_peers

- name: Read the connection to one VPC
  cloudpeer.atlas.atlas_vpc_peer_info:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"

- name: Read what waits to be accepted in AWS, or has failed
  cloudpeer.atlas.atlas_vpc_peer_info:
    status_name: [PENDING_ACCEPTANCE, FAILED]
"""

RETURN = r"""
vpc_peers:
  description: The connections as Atlas describes them, each like RV(cloudpeer.atlas.atlas_vpc_peer#module:vpc_peer).
  returned: success
  type: list
  elements: dict
  sample:
    - id: 1112222b3bf99403840e8934
      connection_id: pcx-0f3b9a6d7e8c12345
      status_name: PENDING_ACCEPTANCE
      error_state_name: null
      vpc_id: vpc-0a1b2c3d4e5f67890
      aws_account_id: "123456789012"
      route_table_cidr_block: 10.15.0.0/16
      container_id: 507f1f77bcf86cd799439011
      accepter_region_name: null
      provider_name: AWS
  contains:
    id:
      description: The id that Atlas has given to the connection.
      type: str
      sample: 1112222b3bf99403840e8934
    connection_id:
      description: The id that AWS has given to it. Null until AWS has answered.
      type: str
      sample: pcx-0f3b9a6d7e8c12345
    status_name:
      description: >-
        The state of the connection. V(INITIATING), V(PENDING_ACCEPTANCE), V(FINALIZING), V(AVAILABLE),
        V(FAILED) or V(TERMINATING).
      type: str
      sample: PENDING_ACCEPTANCE
    error_state_name:
      description: Why the connection has failed. V(REJECTED), V(EXPIRED) or V(INVALID_ARGUMENT). Null otherwise.
      type: str
      sample: REJECTED
    vpc_id:
      description: The VPC in AWS.
      type: str
      sample: vpc-0a1b2c3d4e5f67890
    aws_account_id:
      description: The AWS account that owns the VPC.
      type: str
      sample: "123456789012"
    route_table_cidr_block:
      description: The CIDR block in the VPC to which Atlas routes traffic.
      type: str
      sample: 10.15.0.0/16
    container_id:
      description: The network container in Atlas.
      type: str
      sample: 507f1f77bcf86cd799439011
    accepter_region_name:
      description: The AWS region of the VPC. Null where it is the region of the container.
      type: str
      sample: us-west-2
    provider_name:
      description: The cloud provider of the connection. Always V(AWS).
      type: str
      sample: AWS
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

from ansible_collections.cloudpeer.atlas.plugins.module_utils._module import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer_info_task import TASK


def main() -> None:
    """Run the module."""
    run_module(TASK)


if __name__ == "__main__":
    main()
