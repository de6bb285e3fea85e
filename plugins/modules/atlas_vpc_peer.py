#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC peering connections between MongoDB Atlas and AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer
short_description: Manage VPC peering connections between MongoDB Atlas and AWS
version_added: 0.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Creates, changes and removes a network peering connection between the VPC of a MongoDB Atlas project and a VPC in AWS.
  - The connection is found by what it connects, so there is no state file and no id to keep.
  - Atlas requests the connection. It carries traffic only after it was accepted in the AWS account.
options:
  vpc_id:
    description:
      - The VPC in AWS, V(vpc-) and 17 hexadecimal digits, or 8 in old accounts.
      - Another form is passed on to Atlas with a warning.
      - Together with O(aws_account_id) this tells one connection from another. Either both or O(peer_id) must be set.
    type: str
  aws_account_id:
    description:
      - The AWS account that owns the VPC, 12 digits. Quote it, since YAML drops leading zeros of a number.
      - Another form is passed on to Atlas with a warning.
    type: str
  peer_id:
    description:
      - The id that Atlas has given to the connection, RV(vpc_peer.id) in the results, for a connection that is already there.
      - This is not the id that AWS gives to it (V(pcx-...)), which is RV(vpc_peer.connection_id).
    type: str
  route_table_cidr_block:
    description:
      - The CIDR block of the VPC, or a part of it, to which Atlas routes traffic. IPv4, from a private range.
      - Required to create a connection. A connection with another one is changed in place.
    type: str
  accepter_region_name:
    description:
      - The AWS region of the VPC, as V(us-east-1) or V(US_EAST_1).
      - If it is not set, the VPC is in the region of the Atlas container.
      - Atlas returns no region where it is that of the container. Such a connection is taken to be in the wanted region.
    type: str
  container_id:
    description:
      - The network container in the Atlas project that the connection leads into.
      - If it is not set, this is the only container on AWS, or the one in O(accepter_region_name).
      - With O(api_version=v1.0), Atlas itself chooses the container if it is not set.
    type: str
  state:
    description:
      - V(present) creates the connection, or changes it where it differs. V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  recreate:
    description:
      - What to do with a connection that has failed for good, because it was rejected, has expired, or was not possible.
      - V(never) fails and tells the reason.
      - V(dead) removes it, waits until it is gone, and requests a new one. A connection in any other state is not touched by it.
    type: str
    choices: [never, dead]
    default: never
  wait:
    description:
      - Wait until the connection is in the state O(wait_for), or with O(state=absent) until it is gone.
      - A connection that is being removed when the task starts is waited for, too, and then made anew.
  wait_for:
    description:
      - The state to wait for. A state beyond it will do as well.
      - V(pending_acceptance) is reached when AWS knows the connection, which then has its RV(vpc_peer.connection_id).
      - V(available) is reached when the connection was accepted in the AWS account, and Atlas has set it up.
    type: str
    choices: [pending_acceptance, available]
    default: pending_acceptance
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
  - The API key needs the role Project Network Access Manager (or Project Owner) in the project.
"""

EXAMPLES = r"""
- name: Peer the Atlas project with a VPC
  cloudpeer.atlas.atlas_vpc_peer:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    accepter_region_name: us-east-1

# The key and the project come from the environment variables MONGODB_ATLAS_PUBLIC_API_KEY,
# MONGODB_ATLAS_PRIVATE_API_KEY and MONGODB_ATLAS_PROJECT_ID in the examples that follow.

- name: Request the connection, and go on when it can be accepted in AWS
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    accepter_region_name: us-east-1
    wait: true
  register: peering

- name: Show what has to be accepted
  ansible.builtin.debug:
    var: peering.vpc_peer.connection_id

- name: Wait until the connection carries traffic, and request it anew if it was rejected or has expired
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    recreate: dead
    wait: true
    wait_for: available
    wait_timeout: 900

- name: The request of the documentation of the API's first edition
  cloudpeer.atlas.atlas_vpc_peer:
    api_version: v1.0
    group_id: 5356823b3794dee37132bb7b
    vpc_id: vpc-123456
    aws_account_id: abc123abc123
    route_table_cidr_block: 192.168.0.0/24

- name: Remove the connection, and wait until it is gone
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    state: absent
    wait: true
"""

RETURN = r"""
vpc_peer:
  description:
    - The connection as Atlas describes it, or in check mode as it would be. Fields that only Atlas can tell are null until then.
    - Null with O(state=absent).
    - In a failure, the connection as it was last seen, if it was.
  returned: when the state of the connection is known
  type: dict
  sample:
    id: 1112222b3bf99403840e8934
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
status_history:
  description: The states in which the connection was seen, in their order. The last one of a removed connection is V(gone).
  returned: with O(wait=true), unless it fails
  type: list
  elements: dict
  sample:
    - status: INITIATING
      seconds: 0.1
    - status: PENDING_ACCEPTANCE
      seconds: 41.3
  contains:
    status:
      description: The state.
      type: str
      sample: PENDING_ACCEPTANCE
    seconds:
      description: When it was first seen, in seconds since the task started.
      type: float
      sample: 41.3
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer_task import TASK


def main() -> None:
    """Run the module."""
    run_module(TASK)


if __name__ == "__main__":
    main()
