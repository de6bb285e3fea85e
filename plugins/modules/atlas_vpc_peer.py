#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VPC peering connections between MongoDB Atlas and AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer
short_description: Manage VPC peering connections between MongoDB Atlas and AWS
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Creates, changes and removes a network peering connection between a MongoDB Atlas project and a VPC in AWS.
  - The task finds the connection by its AWS account, its VPC and its network container, so you need neither a state file nor an
    id. Name the network container only if the VPC has connections to several of them.
  - Atlas only requests the connection. The connection carries traffic after the owner of the AWS account has accepted it. The
    role P(cloudpeer.atlas.vpc_peering#role) does both sides.
options:
  vpc_id:
    description:
      - The id of the VPC in AWS, V(vpc-) and 17 hexadecimal digits (8 in old accounts). An id of another form is refused.
        With O(api_version=v1.0) it only causes a warning, and Atlas decides whether it accepts it.
      - Together with O(aws_account_id) and the network container, this identifies the connection. Set either O(vpc_id) and
        O(aws_account_id), or O(peer_id).
    type: str
  aws_account_id:
    description:
      - The AWS account that owns the VPC, 12 digits. An id of another form is refused. With O(api_version=v1.0) it only causes a
        warning, and Atlas decides whether it accepts it.
      - Quote it, because YAML reads a number that begins with 0 as octal.
    type: str
  peer_id:
    description:
      - The id of an existing connection in Atlas, which is RV(vpc_peer.id) in the results.
      - This is not its id in AWS (V(pcx-...)), which is RV(vpc_peer.connection_id).
      - If O(vpc_id), O(aws_account_id), O(container_id) or O(container_region_name) are set as well, they must match this
        connection. Otherwise the task fails, and changes nothing.
    type: str
  route_table_cidr_block:
    description:
      - The CIDR block of the VPC, or a part of it, to which Atlas routes traffic. It must be IPv4 and from a private range.
      - This is required to create a connection. If an existing connection has another block, it is changed in place.
    type: str
  accepter_region_name:
    description:
      - The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1).
      - If this is not set, a new connection is requested for a VPC in the region of the network container.
      - Atlas returns no region for a connection within the region of its network container. Such a connection matches any region
        in this option.
    type: str
  container_id:
    description:
      - The id of the network container in the Atlas project, which is Atlas's side of the connection.
      - A VPC needs one connection to each network container whose clusters it reaches. If the VPC has connections to several
        network containers, the task fails, and lists them, unless O(container_id), O(container_region_name) or O(peer_id) says
        which one to use. Connections that are being removed do not count.
      - If neither O(container_id) nor O(container_region_name) is set, and there is no connection yet, the task uses the only
        network container on AWS, or else the one in O(accepter_region_name). Clusters in other regions are not reached through
        it. They need a connection to the network container of their own region, which you have to name then.
      - With O(api_version=v1.0), Atlas chooses the network container if neither is set.
      - Mutually exclusive with O(container_region_name).
    type: str
  container_region_name:
    description:
      - The region of the network container, instead of O(container_id), written as V(us-east-1) or V(US_EAST_1). This is the
        region of the clusters that the VPC reaches, which can differ from O(accepter_region_name).
      - If there is no network container in that region, the task fails with O(state=present), and has nothing to remove with
        O(state=absent).
      - This needs one more request, which reads the list of the network containers.
      - Mutually exclusive with O(container_id).
    type: str
    version_added: 2.0.0
  state:
    description:
      - V(present) creates the connection, or changes it if it differs from the options. V(absent) removes it.
    type: str
    choices: [present, absent]
    default: present
  recreate:
    description:
      - What to do with a connection that has failed permanently, because it was rejected, has expired, or was not possible.
      - V(never) fails with the reason.
      - V(dead) removes it, waits until it is gone, and requests a new one. It never replaces a connection that has not failed.
      - The new connection is created from the options alone, so that the next run can continue if this run ends in between.
        V(dead) therefore needs O(vpc_id), O(aws_account_id) and O(route_table_cidr_block), and replaces only a connection
        whose account, VPC, block, network container and region match the options.
    type: str
    choices: [never, dead]
    default: never
  wait:
    description:
      - Wait until the connection has reached the state O(wait_for), or with O(state=absent) until it is gone.
      - If the connection is already being removed when the task starts, the task waits until it is gone, and creates a new one,
        even if this is V(false). If several connections to the VPC are being removed, it waits for all of them. The same holds
        for connections on their way out that still have the CIDR block.
      - If somebody has to accept the connection, the task prints this immediately, with the id, the account and the region.
  wait_for:
    description:
      - The state to wait for. Any later state will do, too.
      - V(pending_acceptance) is reached when AWS knows the connection, so that it can be accepted there. From then on,
        RV(vpc_peer.connection_id) is set.
      - V(available) is reached when the owner of the AWS account has accepted the connection, and Atlas has set it up.
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
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._wait
notes:
  - The API key or service account needs the role I(Project Network Access Manager) or I(Project Owner) in the project.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer_info
  - module: cloudpeer.atlas.atlas_network_container
  - module: cloudpeer.atlas.atlas_access_list
  - name: The whole path
    description: The role P(cloudpeer.atlas.vpc_peering#role) connects a project with VPCs, on both sides.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_path.md
  - name: Network peering in the documentation of Atlas
    description: What Atlas supports, and its limits.
    link: https://www.mongodb.com/docs/atlas/security-vpc-peering/
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

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Request the connection, and wait until it can be accepted in AWS
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    accepter_region_name: us-east-1
    wait: true
  register: peering

- name: Show the id to accept in AWS
  ansible.builtin.debug:
    var: peering.vpc_peer.connection_id

- name: Wait until the connection carries traffic, and request it again if it was rejected or has expired
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    recreate: dead
    wait: true
    wait_for: available
    wait_timeout: 900
    wait_sleep: 30

- name: Route only a part of the VPC, which changes the connection in place
  cloudpeer.atlas.atlas_vpc_peer:
    peer_id: "{{ peering.vpc_peer.id }}"
    route_table_cidr_block: 10.15.128.0/17

- name: Choose one of several network containers of the project
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.128.0/17
    container_id: "{{ peering.vpc_peer.container_id }}"

- name: Create the connection with version 1.0 of the API, as its documentation shows it
  cloudpeer.atlas.atlas_vpc_peer:
    api_version: v1.0
    group_id: 5356823b3794dee37132bb7b
    vpc_id: vpc-123456
    aws_account_id: abc123abc123
    route_table_cidr_block: 192.168.0.0/24

- name: Create the network container of a second region
  cloudpeer.atlas.atlas_network_container:
    region_name: eu-west-1
    atlas_cidr_block: 192.168.240.0/21

- name: Let the same VPC reach the clusters in that region as well
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.128.0/17
    accepter_region_name: us-east-1
    container_region_name: eu-west-1

- name: Remove one of the two connections, and wait until it is gone
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    container_region_name: eu-west-1
    state: absent
    wait: true

- name: Remove the remaining connection
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    state: absent
    wait: true
"""

RETURN = r"""
vpc_peer:
  description:
    - The connection as Atlas describes it, or in check mode as it would be. Fields that only Atlas can set are null until then.
    - Null with O(state=absent).
    - If the task fails, the connection as it was last seen.
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
      description: The id of the connection in Atlas.
      type: str
      sample: 1112222b3bf99403840e8934
    connection_id:
      description: The id of the connection in AWS. Null until AWS knows the connection.
      type: str
      sample: pcx-0f3b9a6d7e8c12345
    status_name:
      description: >-
        The state of the connection, one of V(INITIATING), V(PENDING_ACCEPTANCE), V(FINALIZING), V(AVAILABLE),
        V(FAILED), V(TERMINATING).
      type: str
      sample: PENDING_ACCEPTANCE
    error_state_name:
      description: >-
        Why the connection has failed, one of V(REJECTED), V(EXPIRED), V(INVALID_ARGUMENT). Null if it has not failed.
      type: str
      sample: REJECTED
    vpc_id:
      description: The id of the VPC.
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
      description: The id of the network container in the Atlas project.
      type: str
      sample: 507f1f77bcf86cd799439011
    accepter_region_name:
      description: The AWS region of the VPC. Null if it is the region of the network container.
      type: str
      sample: us-west-2
    provider_name:
      description: The cloud provider of the connection, always V(AWS).
      type: str
      sample: AWS
status_history:
  description: The states in which the task has seen the connection, in this order. The last one is V(gone) if it was removed.
  returned: success, with O(wait=true)
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
      description: When the task first saw it, in seconds since the task started.
      type: float
      sample: 41.3
api_calls:
  description: The HTTP requests that the task has sent to Atlas, in this order.
  returned: at verbosity 2 (C(-vv)) or more
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
  sample: 409
error_code:
  description: The error code of Atlas, or RV(vpc_peer.error_state_name) of a connection that has failed. Null if there is none.
  returned: failure
  type: str
  sample: OVERLAPPING_CIDR_BLOCK
detail:
  description: What Atlas or the network said about the failure. Null if neither said anything.
  returned: failure
  type: str
  sample: The block overlaps that of another peering connection.
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
