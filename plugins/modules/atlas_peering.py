#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both sides of all VPC peering connections of a project, in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_peering
short_description: Connect a MongoDB Atlas project with networks on AWS, AZURE and GCP, on both sides
version_added: 3.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Ensures everything that clients in VPCs, VNets and VPC networks need to connect to a MongoDB Atlas project. In Atlas, it
    manages network containers, connections, and entries of the access list. In AWS, it accepts the connections and adds the
    routes. In AZURE, it gives Atlas a role on the VNets. In GCP, it makes the other side of the peering.
  - Six options are enough for most tasks, which are O(group_id), O(connections), O(container_region), O(container_cidr_block),
    O(state) and O(prune). Those that begin with C(aws_), C(azure_) and C(gcp_) say how to sign in to the clouds.
  - The task reads both sides and plans the whole list before it changes anything. If something is wrong, on either side, it
    fails with all of it, and changes nothing. If a step fails for one network later, the others are still done. Run it again, and
    it goes on from there.
  - What others have created stays, such as other routes, entries of the access list, and network containers. Security groups and
    network ACLs stay as they are. M(cloudpeer.atlas.atlas_vpc_peer_check) says whether they let traffic through.
options:
  group_id:
    description: The id of the Atlas project, 24 hexadecimal digits, or else O(project_name), E(MONGODB_ATLAS_PROJECT_ID) or that
      of the O(profile). In AWS, connections are named after it if the task or C(module_defaults) set it or O(project_name).
    type: str
    required: false
    aliases: [project_id]
  project_name:
    description: The name of the project, in place of O(group_id). It must be of one project alone. It has no effect with
      O(atlas=false).
    type: str
  api_version:
    description: The version of the Atlas API. V(v1.0) is refused.
    type: str
    choices: [v2, v1.0]
    default: v2
  state:
    description: V(absent) removes routes, entries of the access list and connections, and then peerings in GCP and Atlas's roles
      in AZURE that nothing else needs. It keeps network containers unless O(remove_container=true).
    type: str
    choices: [present, absent]
    default: present
  connections:
    description:
      - The networks, on one cloud or several. An entry on AWS needs O(connections[].vpc_id) and O(connections[].aws_account_id),
        one on GCP O(connections[].gcp_project_id) and O(connections[].network_name), and one on AZURE
        O(connections[].azure_directory_id), and O(connections[].vnet_resource_id) or its parts.
      - For clusters in several regions, a network has an entry for each O(connections[].container_region), but not on GCP. With
        O(atlas=false), an entry has what Atlas's owner knows, C(connection_id) on AWS, C(atlas_vnet_name) on AZURE, or
        C(atlas_gcp_project_id) and C(atlas_network_name) on GCP.
      - Credentials of an entry count before those of the task. Their names are C(aws_profile),
        C(aws_access_key), C(aws_secret_key), C(aws_session_token), C(aws_assume_role_arn), C(aws_endpoint_url), C(aws_ca_bundle),
        C(azure_auth_source), C(azure_profile), C(azure_client_id), C(azure_secret), C(gcp_service_account_file) and
        C(gcp_access_token).
      - A list for M(cloudpeer.atlas.atlas_vpc_peers) is taken as it is. With C(-v), the task says which options have no effect.
    type: list
    elements: dict
    required: true
    suboptions:
      # From scripts/tables/entries.yml: make fragments.
      provider_name:
        description: The cloud, which follows from the other options.
        type: str
        choices: [AWS, AZURE, GCP]
      vpc_id:
        description: The id of the VPC.
        type: str
      aws_account_id:
        description: The AWS account of the VPC, in quotes.
        type: str
      azure_directory_id:
        description: The Entra directory of the VNet.
        type: str
      azure_subscription_id:
        description: The subscription of the VNet.
        type: str
      resource_group_name:
        description: The resource group of the VNet.
        type: str
      vnet_name:
        description: The name of the VNet.
        type: str
      vnet_resource_id:
        description: The resource id of the VNet, in place of its three parts.
        type: str
      gcp_project_id:
        description: The project of the VPC network.
        type: str
      network_name:
        description: The name of the VPC network.
        type: str
      container_id:
        description: The id of the network container, in place of its region.
        type: str
      container_region:
        description: As O(container_region), for this entry.
        type: str
        aliases: [container_region_name]
      cidr_block:
        description:
          - The block of the VPC, or the part of it to connect. It may be left out for a VPC with one block, unless O(aws=false).
          - On AZURE and GCP, it is for the access list, as O(connections[].cidr_blocks).
        type: str
        aliases: [route_table_cidr_block]
      cidr_blocks:
        description: The ranges of clients on AZURE and GCP for the access list. On AZURE, the default is the blocks of the VNet.
          On GCP, nothing is added without them.
        type: list
        elements: str
      container_cidr_block:
        description: As O(container_cidr_block), for this entry.
        type: str
        aliases: [atlas_cidr_block]
      comment:
        description: The comment of the entry in the access list. The default is C(VPC peering with) and the name of the network.
          Entries with neither this comment nor the default one stay.
        type: str
      region:
        description: The region of the VPC. The default is that of the network container.
        type: str
        aliases: [accepter_region_name, aws_region]
      route_table_ids:
        description: The route tables that get a route to Atlas. Without these and O(connections[].route_table_tags), they are the
          main one and those with a subnet. A table that has such a route already keeps it.
        type: list
        elements: str
      route_table_tags:
        description: The tags of these route tables.
        type: dict
      aws_security_group:
        description: Let in this security group alone, in place of the addresses in O(connections[].cidr_block). It has to be in
          the region of the network container. Its rules stay as they are.
        type: str
      container_regions:
        description: The regions of a new network container on GCP. The default is all.
        type: list
        elements: str
      gcp_peering_name:
        description: The name of a new peering in GCP. The default is C(atlas-) and the name of Atlas's network. With
          O(state=absent), it is removed by this name if Atlas no longer has the container.
        type: str
  container_region:
    description: The region of the network container, which is created there if it is missing. In a list with several clouds, it
      is that on AWS. Without it, a network keeps its container, or gets the only one of the project.
    type: str
  container_cidr_block:
    description: The block of the network container. It is required for a new one on AZURE and GCP, and on AWS with
      O(atlas=false). In a list with several clouds, it is that on AWS.
    type: str
  remove_container:
    description: With O(state=absent), remove the network containers as well that the list names, or in which connections of the
      list were. It is refused while a cluster has nodes in one.
    type: bool
    default: false
  atlas:
    description: Whether to do the Atlas side. RV(peering.remaining) says what is left for another team.
    type: bool
    default: true
  aws:
    description: Whether to do the AWS side. Without it, the task does not wait until connections carry traffic.
    type: bool
    default: true
  azure:
    description: Whether to give Atlas its role on the VNets. Without it, the task shows the commands for that, and asks Atlas
      again for O(azure_role_timeout).
    type: bool
    default: true
  gcp:
    description: Whether to make the peering in GCP.
    type: bool
    default: true
  access_list:
    description:
      - Whether to manage the entries of the access list.
      - An entry belongs to a network by its comment, O(connections[].comment). It is removed once a narrower one has replaced it,
        and with O(state=absent), unless a connection that stays can need it.
    type: bool
    default: true
  atlas_aws_account_ids:
    description: Atlas's AWS accounts, the only ones to accept connections from. Without this, a warning names each new one.
    type: list
    elements: str
  replace_routes:
    description: Whether to replace a route to exactly the block of the network container that leads elsewhere. Otherwise, such a
      route is a failure. Wider ones stay, and a warning says which addresses they lose.
    type: bool
    default: false
  dns:
    description: What to do if the settings of a VPC keep the names of clusters from private addresses. V(enable) changes them,
      and V(ignore) does not read them.
    type: str
    choices: [warn, enable, ignore]
    default: warn
  tags:
    description: Tags to add to the connections in AWS.
    type: dict
  purge_tags:
    description: Remove the tags in AWS that O(tags) does not have, but for V(Name) and AWS's own.
    type: bool
    default: false
  recreate:
    description: V(dead) replaces connections that were rejected or have expired. V(changed) also replaces those that differ in
      what Atlas cannot change, and that carry no traffic meanwhile.
    type: str
    choices: [never, dead, changed]
    default: never
  prune:
    description:
      - Remove the connections of the project that O(connections) does not have and O(ignore) does not match, on the clouds of its
        entries, or on AWS if it is empty. What they leave on both sides is removed first.
      - The list must be the only one of the project. It is refused with O(atlas=false).
      - A task runs on each host of its play, with the list of that host. If hosts share a project, put everything into one list,
        and set C(run_once=true). The role refuses two such hosts.
    type: bool
    default: false
  max_deletions:
    description: How many connections O(prune) may remove or replace. More are refused. Without it, it is one, and none where no
      entry has a connection.
    type: int
  ignore:
    description: The connections that O(prune) leaves alone, as O(cloudpeer.atlas.atlas_vpc_peers#module:ignore).
    type: list
    elements: dict
    default: []
  ignore_unmatched:
    description: What to do if a pattern of O(ignore) matches nothing, and O(prune) would remove something.
    type: str
    choices: [fail, warn]
    default: fail
  allow_empty:
    description: Let O(prune) take an empty list, which removes all connections with AWS.
    type: bool
    default: false
  azure_role_timeout:
    description: For how many seconds to ask Atlas again while it has no rights in a VNet.
    type: int
    default: 300
  parallel:
    description: How many changes to send at the same time, to Atlas and to each account and region of AWS, at most 16.
    type: int
    default: 8
  wait_timeout:
    description: How long each step may take for all entries together, in seconds. The waits can add up.
    type: int
    default: 1800
  wait_sleep:
    description: The longest pause between two looks, in seconds.
    type: int
    default: 10
  aws_assume_role_arn:
    description: The ARN of an IAM role to assume. V({account}) in it is the account of each connection, so that
      V(arn:aws:iam::{account}:role/network) is the role of this name in each.
    type: str
  aws_endpoint_url:
    description: The address of AWS's services, in place of AWS's own.
    type: str
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection.clouds
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._fail_on
  - cloudpeer.atlas._plan
  - cloudpeer.atlas._aws.prefixed
  - cloudpeer.atlas._azure.prefixed
  - cloudpeer.atlas._gcp.prefixed
requirements:
  - boto3 1.28 or later, for entries on AWS, unless O(aws=false)
  - azure-identity 1.17 or later, for entries on AZURE, unless O(azure=false)
  - google-auth 2.14 or later, for entries on GCP, unless O(gcp=false)
notes:
  - The API key or service account needs the role I(Project Network Access Manager) in the project, or I(Project Owner) where a
    network container has to be created or removed. In the clouds, the permissions are those of
    M(cloudpeer.atlas.atlas_vpc_peer_accepter), M(cloudpeer.atlas.atlas_azure_role) and M(cloudpeer.atlas.atlas_gcp_peering),
    and C(compute.subnetworks.list) where an entry of the access list is to be removed.
  - Atlas allows 50 connections in a project, of which 25 may be pending. The task requests others as places become free.
  - C(module_defaults) of the action groups for AWS, AZURE and GCP do not reach this module.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer_check
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_vpc_peers
  - module: cloudpeer.atlas.atlas_vpc_peer_accepter
  - module: cloudpeer.atlas.atlas_azure_role
  - module: cloudpeer.atlas.atlas_gcp_peering
"""

EXAMPLES = r"""
# The project and the key come from the environment variables MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and
# MONGODB_ATLAS_PRIVATE_API_KEY, and the credentials for the clouds from where their own tools look for them.

- name: Connect a project with a VPC
  cloudpeer.atlas.atlas_peering:
    container_region: us-east-1
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"

- name: Connect a project with networks on three clouds
  cloudpeer.atlas.atlas_peering:
    group_id: 5356823b3794dee37132bb7b
    container_region: us-east-1
    container_cidr_block: 192.168.248.0/21
    atlas_aws_account_ids: ["222222222222"]
    tags: {team: data}
    purge_tags: true
    dns: enable
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
        region: us-west-2
        aws_security_group: sg-0a1b2c3d4e5f67890
        route_table_ids: [rtb-0a1b2c3d4e5f67890]
        comment: the shop
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        azure_subscription_id: 2a9b7c1e-0000-4000-8000-000000000002
        resource_group_name: network
        vnet_name: shop
        container_region: northeurope
        container_cidr_block: 192.168.240.0/21
      - gcp_project_id: my-sample-project-191923
        network_name: shop
        container_cidr_block: 10.8.0.0/18
        container_regions: [europe-west3]
        gcp_peering_name: atlas
        cidr_blocks: [10.30.0.0/16, 10.40.0.0/14]
  register: connected  # with what is left to do in connected.peering.remaining

- name: Connect VPCs in many accounts, each with the role of that name there, but for one, and move what leads elsewhere
  cloudpeer.atlas.atlas_peering:
    aws_assume_role_arn: arn:aws:iam::{account}:role/network
    recreate: changed
    parallel: 4
    connections:
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "210987654321"
        container_id: 507f1f77bcf86cd799439011
        route_table_tags: {tier: application}
      - vpc_id: vpc-0f9e8d7c6b5a43211
        aws_account_id: "310987654321"
        aws_profile: production
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        vnet_resource_id: "{{ vnet_resource_id }}"

- name: Make the list the only one of the project, and replace what has expired
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    recreate: dead
    replace_routes: true
    prune: true
    allow_empty: true
    max_deletions: 5
    ignore: [{aws_account_id: "210987654321"}]
    ignore_unmatched: warn
    fail_on: never
    plan_file: peering.plan.json
    plan_max_age: 2

- name: Do the Atlas side alone, without the access list
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    access_list: false
    aws: false
    azure: false
    gcp: false
    azure_role_timeout: 900

- name: Do the AWS side alone
  cloudpeer.atlas.atlas_peering:
    atlas: false
    connections:
      - provider_name: AWS
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        connection_id: pcx-0f3b9a6d7e8c12345
        container_cidr_block: 192.168.248.0/21

- name: Disconnect all networks of the list, and remove their network containers
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    state: absent
    remove_container: true
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
peering:
  description:
    - What the task has found and done, or in check mode would do.
    - In a task that fails, it has what the failed C(connections) have reached, or is null. With O(fail_on=never), it has all,
      also a plan that O(max_deletions) refuses.
    - L(Results,https://github.com/cloudpeer/atlas/blob/main/docs/results.md) has all that is within these fields.
  returned: unless Ansible itself refuses the options
  type: dict
  sample:
    group_id: 5356823b3794dee37132bb7b
    pruned: []
    left: []
    remaining: []
  contains:
    group_id:
      description: The id of the project.
      type: str
    connections:
      description: An entry for each of O(connections), in the same order. With C(provider_name), C(vpc_id), C(aws_account_id),
        C(region), C(azure_subscription_id), C(resource_group_name), C(vnet_name), C(gcp_project_id), C(network_name),
        C(container), C(vpc_peer), C(connection_id), C(status_name), C(route_table_ids), C(routes), C(gcp_peering), C(actions).
      type: list
      elements: dict
    containers:
      description: The network containers of the entries, as they are at the end.
      type: list
      elements: dict
    access_list:
      description: The entries of the access list that O(connections) needs.
      type: list
      elements: dict
    pruned:
      description: The connections that O(prune) has removed, with their C(actions).
      type: list
      elements: dict
    left:
      description: The entries of the access list that were not removed, with the C(reason).
      type: list
      elements: dict
    remaining:
      description: Sentences that say what another team has to do, what could not be checked, and what was kept.
      type: list
      elements: str
failures:
  description: What has failed, or why the task was refused, with one element for each cause. Of each entry, it is its first
    failure.
  returned: unless Ansible itself refuses the options
  type: list
  elements: dict
  sample:
    - index: 3
      indexes: [3]
      id: 1112222b3bf99403840e8934
      name: vpc-0a1b2c3d4e5f67890
      names: [vpc-0a1b2c3d4e5f67890]
      step: accept
      msg: >-
        connections[3] (vpc-0a1b2c3d4e5f67890): Failed to accept pcx-0f3b9a6d7e8c12345: You are not authorized to perform this
        operation. (HTTP 403 UnauthorizedOperation).
      http_status: 403
      error_code: UnauthorizedOperation
      detail: You are not authorized to perform this operation.
  contains:
    index:
      description: The place of the entry in O(connections), from 0.
      type: int
    indexes:
      description: The places of all entries with this cause.
      type: list
      elements: int
    id:
      description: The id of the connection in Atlas.
      type: str
    name:
      description: The name of the network.
      type: str
    names:
      description: The names of all networks with this cause.
      type: list
      elements: str
    step:
      description: The step that has failed, one of V(read), V(plan), V(container), V(role), V(request), V(accept), V(tags),
        V(dns), V(routes), V(mirror), V(available), V(access_list), V(remove).
      type: str
    msg:
      description: What went wrong, and what to do.
      type: str
    http_status:
      description: The HTTP status of the refusal.
      type: int
    error_code:
      description: The error code of Atlas or the cloud, or the state of a connection that has failed.
      type: str
    detail:
      description: What Atlas, the cloud or the network said about the failure.
      type: str
summary:
  description: How many connections the task has changed, or in check mode would. Null if there was no plan. The plan also names
    chosen route tables without subnets, and live connections that lose routes.
  returned: unless Ansible itself refuses the options
  type: dict
  sample:
    connections: 50
    changed: 1
    unchanged: 49
    failed: 0
    pruned: 0
    left: 0
    plan: >-
      Plan: 1 to create, 0 to change, 0 to remove, 49 unchanged (2 in Atlas, 2 in AWS), in project 5356823b3794dee37132bb7b
    done: >-
      Connected 50 networks of project 5356823b3794dee37132bb7b: 1 new, 49 unchanged; 2 changes in Atlas, 2 in AWS
plan_file:
  description: The C(path), how many C(changes) it has, and how many were C(in_place) before a run.
  returned: with O(plan_file)
  type: dict
  version_added: 4.0.0
  sample:
    in_place: 3
requests:
  description: How many requests the task has sent to Atlas and the clouds, repeated ones included, and how many of them may
    change something.
  returned: always
  type: dict
  sample:
    sent: 12
    writes: 4
api_calls:
  description: The requests in the order in which they ended, each with C(method), C(path), C(status) (null without a reply) and
    C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: GET
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/peers
      status: 200
      milliseconds: 48
http_status:
  description: That of RV(failures) if it has one entry. Otherwise null.
  returned: failure
  type: int
error_code:
  description: That of RV(failures) if it has one entry. Otherwise null.
  returned: failure
  type: str
detail:
  description: That of RV(failures) if it has one entry. Otherwise null.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_peering import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
