#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All VPC peering connections of a project, as one list."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peers
short_description: Manage all VPC peering connections of a MongoDB Atlas project as one list
version_added: 2.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Makes the network peering connections of a MongoDB Atlas project with AWS what a list says. The task reads the connections
    once, decides for the whole list, and then creates and changes what differs, with several requests side by side.
  - With O(prune=true), the list is the truth for the project, and connections that it does not declare are removed, within the
    limit of O(max_deletions).
  - If the list cannot be right, or Atlas would not take it, the task fails with everything that is wrong, and changes nothing.
    If an entry fails later, the others are still done. Run the task again, and it continues from there.
  - M(cloudpeer.atlas.atlas_vpc_peer) manages a single connection by the same rules.
options:
  peers:
    description:
      - The connections that the project is to have.
      - An entry without O(peers[].container_id) and O(peers[].container_region_name) declares the only connection of its VPC,
        whichever network container it is in. If there are several, the task fails. An entry with one of them declares the
        connection to that network container, and no other.
    type: list
    elements: dict
    required: true
    suboptions:
      vpc_id:
        description:
          - The id of the VPC in AWS, V(vpc-) and 17 hexadecimal digits (8 in old accounts).
        type: str
        required: true
      aws_account_id:
        description:
          - The AWS account that owns the VPC, 12 digits. Quote it, because YAML reads a number that begins with 0 as octal.
        type: str
        required: true
      route_table_cidr_block:
        description:
          - The CIDR block of the VPC, or a part of it, to which Atlas routes traffic. It must be IPv4 and from a private range.
          - This is required to create a connection. If an existing connection has another block, it is changed in place.
        type: str
      accepter_region_name:
        description:
          - The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1). If this is not set, a new connection is requested
            for a VPC in the region of the network container.
        type: str
      container_id:
        description:
          - The id of the network container. If neither this nor O(peers[].container_region_name) is set, a new connection leads
            to the only network container on AWS, or else to the one in O(peers[].accepter_region_name).
          - Mutually exclusive with O(peers[].container_region_name).
        type: str
      container_region_name:
        description:
          - The region of the network container, instead of O(peers[].container_id), written as V(us-east-1) or V(US_EAST_1).
        type: str
      wait_for:
        description:
          - The state to wait for, in place of O(wait_for).
        type: str
        choices: [pending_acceptance, available]
  prune:
    description:
      - Remove the connections with AWS that O(peers) does not declare and O(ignore) does not match, whoever has created them.
        Keep one list for each project. Connections with other clouds are not touched.
    type: bool
    default: false
  max_deletions:
    description:
      - How many connections the task may remove or replace. This holds for O(prune) and for O(recreate).
      - If more would have to go, the task fails and changes nothing, also in check mode. The result shows the plan.
      - Connections that are already being removed do not count.
    type: int
    default: 1
  allow_empty:
    description:
      - Accept an empty O(peers) with O(prune=true), which removes all connections that O(ignore) does not match. Without this,
        an empty list is a failure.
    type: bool
    default: false
  ignore:
    description:
      - Connections that O(prune) leaves alone, as a list of patterns. Each pattern gives values for fields of RV(vpc_peers), in
        which V(*), V(?) and V([...]) stand for other characters, as in file names. A pattern matches a connection if all of its
        fields match. Upper and lower case differ, and null matches nothing.
      - A connection that O(peers) declares is managed, even if a pattern matches it.
      - A pattern that matches no connection of the project causes a warning.
    type: list
    elements: dict
    default: []
  recreate:
    description:
      - What to do with a declared connection that has failed permanently, because it was rejected, has expired, or was not
        possible.
      - V(never) fails for this entry, with the reason. The other entries are still done.
      - V(dead) removes it, waits until it is gone, and requests a new one. The entry needs O(peers[].route_table_cidr_block).
        This counts for O(max_deletions).
    type: str
    choices: [never, dead]
    default: never
  wait:
    description:
      - Wait until all connections have reached the state O(wait_for), and those that the task has removed are gone. One request
        reads them all.
      - An entry that needs what a connection on its way out still has, such as its CIDR block, waits for that connection to be
        gone, even if this is V(false).
      - If Atlas has no place for more pending connections, the task creates the others as soon as pending ones are accepted. If
        this is V(false), their entries fail.
  wait_for:
    description:
      - The state to wait for. Any later state will do, too.
      - V(pending_acceptance) is reached when AWS knows the connection, so that it can be accepted there.
      - V(available) is reached when the owner of the AWS account has accepted the connection, and Atlas has set it up.
    type: str
    choices: [pending_acceptance, available]
    default: pending_acceptance
  parallel:
    description:
      - How many connections to Atlas to use for requests that change something, at most 16. If Atlas limits the rate, the task
        uses fewer and pauses.
    type: int
    default: 4
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
  - A project holds 50 connections, of which 25 may be pending.
  - If the task is ended by Ctrl-C, no result tells what it has changed so far. If it is ended by the C(timeout) of the task, a
    line of the output tells it, unless the task runs as a module. Run it again to find out and to continue.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_vpc_peer_info
  - module: cloudpeer.atlas.atlas_vpc_peer_accepter
  - name: The whole path
    description: The role P(cloudpeer.atlas.vpc_peering#role) connects a project with VPCs, on both sides.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_path.md
  - name: The list is the truth
    description: How to move to a declared list, how to adopt what exists, and the way back.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/declared_list.md
  - name: Network peering in the documentation of Atlas
    description: What Atlas supports, and its limits.
    link: https://www.mongodb.com/docs/atlas/security-vpc-peering/
"""

EXAMPLES = r"""
# The project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Peer the Atlas project with two VPCs
  cloudpeer.atlas.atlas_vpc_peers:
    peers:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.16.0.0/16
        accepter_region_name: us-west-2
  register: peering

- name: Name the network containers, by region or by id
  cloudpeer.atlas.atlas_vpc_peers:
    peers:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        container_region_name: us-east-1
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.16.0.0/16
        container_id: "{{ peering.vpc_peers[1].container_id }}"

- name: Show what would be created, changed and removed if the list were the truth
  cloudpeer.atlas.atlas_vpc_peers:
    peers: "{{ vpc_peers }}"
    prune: true
    max_deletions: 50
  check_mode: true
  diff: true

- name: Make the list the truth, but leave the connections of another team alone
  cloudpeer.atlas.atlas_vpc_peers:
    peers: "{{ vpc_peers }}"
    prune: true
    max_deletions: 5
    ignore:
      - aws_account_id: "210987654321"
      - vpc_id: vpc-0f9e*
        container_id: "{{ peering.vpc_peers[1].container_id }}"

- name: Wait until all can be accepted in AWS, and one carries traffic, and request again what has failed
  cloudpeer.atlas.atlas_vpc_peers:
    peers:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        wait_for: available
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.16.0.0/16
        accepter_region_name: us-west-2
    recreate: dead
    parallel: 8
    wait: true
  register: peering

- name: Show the ids to accept
  ansible.builtin.debug:
    msg: "{{ peering.vpc_peers | map(attribute='connection_id') }}"

- name: Wait until all of them carry traffic
  cloudpeer.atlas.atlas_vpc_peers:
    peers: "{{ vpc_peers }}"
    wait: true
    wait_for: available

- name: Remove all connections of the project
  cloudpeer.atlas.atlas_vpc_peers:
    peers: []
    prune: true
    allow_empty: true
    max_deletions: 50
    wait: true
"""

RETURN = r"""
vpc_peers:
  description:
    - The connections as they were last seen, one for each entry of O(peers), in the same order. Null for an entry that has none.
    - In check mode, the connections as they would be. Fields that only Atlas can set are null until then.
  returned: when the connections of the project are known
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
pruned:
  description:
    - The connections that were removed because the list does not declare them, as they were last seen. Only those whose removal
      Atlas has accepted. In check mode, those that would be removed.
    - The fields are those of RV(vpc_peers).
  returned: when the connections of the project are known
  type: list
  elements: dict
  sample: []
actions:
  description:
    - What the task does, or would do, in the order of O(peers), with removals at the end. Entries that are as they should be are
      not in it.
  returned: when the connections of the project are known
  type: list
  elements: dict
  sample:
    - action: create
      index: 0
      id: null
      name: 123456789012/vpc-0a1b2c3d4e5f67890
      container_id: 507f1f77bcf86cd799439011
      differing: []
  contains:
    action:
      description: One of V(create), V(update), V(recreate), V(delete).
      type: str
      sample: create
    index:
      description: The place of the entry in O(peers), counted from 0. Null for a removal.
      type: int
      sample: 0
    id:
      description: The id of the connection. Null for one that does not exist yet.
      type: str
      sample: 1112222b3bf99403840e8934
    name:
      description: The AWS account and the VPC.
      type: str
      sample: 123456789012/vpc-0a1b2c3d4e5f67890
    container_id:
      description: The network container.
      type: str
      sample: 507f1f77bcf86cd799439011
    differing:
      description: The fields that an update changes.
      type: list
      elements: str
      sample: [route_table_cidr_block]
failures:
  description: What has failed, or why the task was refused.
  returned: when the connections of the project are known
  type: list
  elements: dict
  sample: []
  contains:
    index:
      description: The place of the entry in O(peers), counted from 0. Null for a removal, and for what concerns the whole list.
      type: int
      sample: 3
    id:
      description: The id of the connection. Null if there is none.
      type: str
      sample: 1112222b3bf99403840e8934
    name:
      description: The AWS account and the VPC. Null for what concerns the whole list.
      type: str
      sample: 123456789012/vpc-0a1b2c3d4e5f67890
    msg:
      description: What went wrong, and what to do.
      type: str
      sample: VPC peering connection 1112222b3bf99403840e8934 is FAILED (EXPIRED).
    http_status:
      description: The HTTP status of the reply with which Atlas refused the request. Null if Atlas did not refuse anything.
      type: int
      sample: 409
    error_code:
      description: The error code of Atlas, or the RV(vpc_peers[].error_state_name) of a connection that has failed.
      type: str
      sample: EXPIRED
    detail:
      description: What Atlas or the network said about the failure.
      type: str
      sample: The block overlaps that of another peering connection.
summary:
  description:
    - How many connections were created and so on. In check mode, and if the task was refused, how many would be.
    - The entries of O(peers) are the sum of V(created), V(updated), V(recreated), V(unchanged) and V(failed).
  returned: when the connections of the project are known
  type: dict
  sample:
    created: 1
    updated: 0
    recreated: 0
    unchanged: 49
    failed: 0
    deleted: 0
    ignored: 2
    undeclared: 0
  contains:
    created:
      description: Entries whose connection was created.
      type: int
      sample: 1
    updated:
      description: Entries whose connection was changed.
      type: int
      sample: 0
    recreated:
      description: Entries whose failed connection was replaced.
      type: int
      sample: 0
    unchanged:
      description: Entries that were as they should be.
      type: int
      sample: 49
    failed:
      description: Entries that have failed.
      type: int
      sample: 0
    deleted:
      description: Connections that were removed because of O(prune).
      type: int
      sample: 0
    ignored:
      description: Connections that the list does not declare and O(ignore) matches.
      type: int
      sample: 2
    undeclared:
      description: Other connections that the list does not declare, those that O(prune) removes included.
      type: int
      sample: 0
status_history:
  description:
    - The states in which the task has seen each connection, one list for each entry of O(peers), in the same order.
  returned: success, with O(wait=true)
  type: list
  elements: list
  sample:
    - - status: INITIATING
        seconds: 0.1
      - status: PENDING_ACCEPTANCE
        seconds: 41.3
api_calls:
  description: The HTTP requests that the task has sent to Atlas, in the order in which they ended.
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
  description: The HTTP status, if there is one failure and Atlas has refused its request. Otherwise null.
  returned: failure
  type: int
  sample: 409
error_code:
  description: The error code, if there is one failure. Otherwise null.
  returned: failure
  type: str
  sample: OVERLAPPING_CIDR_BLOCK
detail:
  description: What Atlas or the network said, if there is one failure. Otherwise null.
  returned: failure
  type: str
  sample: The block overlaps that of another peering connection.
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
