#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accepter's side of a VPC peering connection with MongoDB Atlas, in AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer_accepter
short_description: Accept a VPC peering connection of MongoDB Atlas in AWS, and route to it
version_added: 2.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Does the AWS side of a VPC peering connection after MongoDB Atlas has requested it (M(cloudpeer.atlas.atlas_vpc_peer)). It
    accepts the connection, routes Atlas's CIDR block to it, adds a name and tags, and checks or enables DNS in the VPC.
  - The task reads everything first, in check mode too. It fails without any change if the connection is unknown, has ended,
    comes from an account that you do not expect, or leads to another VPC, or if a route to the block has another target.
  - Routes are changed one by one. The task reads the target of a route again right before it replaces or deletes it. It never
    changes routes to other destinations, IPv6 routes, or routes to prefix lists.
  - With O(state=absent), the task deletes the routes. To delete the connection itself, use M(cloudpeer.atlas.atlas_vpc_peer).
options:
  connection_id:
    description:
      - The id of the connection in AWS, V(pcx-) and 17 hexadecimal digits. M(cloudpeer.atlas.atlas_vpc_peer) returns it as
        C(vpc_peer.connection_id).
      - O(state=present) requires it, except in check mode. Check mode without it requires O(vpc_id), and checks everything that
        does not depend on the connection.
      - Without it, O(state=absent) requires O(vpc_id) and O(atlas_cidr_block), and deletes only routes to connections that have
        ended.
    type: str
  vpc_id:
    description:
      - The id of the VPC. The task fails if the connection leads to another VPC.
      - If this is not set, the VPC that the connection leads to is used.
    type: str
  aws_account_id:
    description:
      - The AWS account that owns the VPC, 12 digits. Quote it, because YAML drops the leading zeros of a number.
      - The task fails if the VPC or the credentials belong to another account.
    type: str
  route_table_cidr_block:
    description: The CIDR block that Atlas routes to the VPC. The task fails if no block of the VPC contains it.
    type: str
  atlas_cidr_block:
    description:
      - The CIDR block of Atlas's network container. The VPC routes it to the connection.
      - The task fails if the VPC at the other end has other blocks, or if the block overlaps one of the VPC's.
      - If this is not set, the only block of the VPC at the other end is used. AWS shows that block only for active connections,
        so this option is required to accept a connection. The task then compares it after accepting the connection, and before
        it creates the first route.
    type: str
  atlas_aws_account_ids:
    description:
      - The AWS accounts from which to accept a connection. The task refuses connections from other accounts.
      - If this is not set, the task accepts a connection from any account, with a warning that names the account.
    type: list
    elements: str
  route_table_ids:
    description:
      - The route tables to change. The task fails if one belongs to another VPC, or is associated with a gateway.
      - If neither this nor O(route_table_tags) is set, the main route table of the VPC and those with a subnet get a route. Other
        tables change nobody's traffic. One that has a route to the block already, by this connection or by one that has ended,
        is changed and shown like a chosen one.
      - With O(state=absent), all route tables of the VPC are changed then, except those that are associated with a gateway.
      - With O(state=absent), route tables that no longer exist are skipped with a warning.
    type: list
    elements: str
  route_table_tags:
    description:
      - Change the route tables of the VPC that have all of these tags.
      - With O(state=present), the task fails if no route table has them.
    type: dict
  replace_routes:
    description:
      - Replace a route to exactly O(atlas_cidr_block) that has another target. With V(false), the task fails if there is one.
      - A propagated route cannot be replaced, and one to a prefix list with exactly the block is not. The task creates a static
        route beside it, which AWS prefers.
      - The task always fails if a route to a part of the block has another target, or if the target is C(local).
      - A route to exactly the block is replaced without this option if AWS lists its target as a peering connection that has
        ended, or does not list it any more and calls the route a black hole.
      - A wider route stays. If a new route takes addresses from one that leads elsewhere, such as C(192.168.0.0/16) to a transit
        gateway, a warning says so, and the diff has it as C(replaces).
      - The task fails before it changes anything if a route table has as many routes as AWS allows. A route to a prefix list
        counts as one here. AWS counts the most entries that the list may have, and then refuses a route if there is no room.
    type: bool
    default: false
  accept:
    description:
      - Accept the connection.
      - With V(false), the task does everything else, and a warning says until when the connection can be accepted. The routes
        carry no traffic before that.
    type: bool
    default: true
  dns:
    description:
      - What to do if C(enableDnsSupport) or C(enableDnsHostnames) is off in the VPC. The host names of clusters then resolve to
        public addresses in the VPC.
      - V(warn) warns about it. V(enable) enables both. V(ignore) does not read them.
    type: str
    choices: [warn, enable, ignore]
    default: warn
  tags:
    description: Tags to add to the connection. The task removes a tag only with O(purge_tags).
    type: dict
    aliases: [resource_tags]
  purge_tags:
    description:
      - Whether to remove the tags of the connection that O(tags) does not have. V(Name) stays, and so do AWS's own
        tags, which begin with C(aws:).
      - It has no effect if O(tags) is not set. With C({}), all others are removed.
    type: bool
    default: false
    version_added: 3.2.0
  security_group_ids:
    description:
      - Security groups that must exist and belong to the VPC, for example those in Atlas's access list. The task only checks
        them.
      - An id may start with the account, as in V(123456789012/sg-0a1b2c3d4e5f67890).
    type: list
    elements: str
  group_id:
    description:
      - The id of the Atlas project, 24 hexadecimal digits. A connection that has no C(Name) tag gets the name C(atlas-) and this
        id.
      - This option does not fall back to an environment variable.
    type: str
    aliases: [project_id]
  state:
    description:
      - V(present) accepts the connection and creates the routes.
      - V(absent) deletes the routes to O(atlas_cidr_block) that lead to this connection, and those that lead to connections that
        have ended, as described for O(replace_routes). All other routes stay. A warning names those that still lead to this
        connection.
      - With V(absent), the task does not fail if the connection has ended or is unknown. If AWS does not know the VPC in this
        region and account, a warning says so. The task fails if AWS does not say whose credentials these are.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Wait until AWS shows the connection, which takes a moment after the request (a minute at most), and until it is active.
      - Without O(accept), the task does not wait for the connection to be active.
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_aws
  - cloudpeer.atlas._aws
  - cloudpeer.atlas._wait
notes:
  - The credentials need the IAM permissions C(ec2:DescribeVpcPeeringConnections), C(ec2:DescribeVpcs),
    C(ec2:DescribeRouteTables), C(ec2:DescribeVpcAttribute) (not with O(dns=ignore)), C(ec2:DescribeSecurityGroups) (with
    O(security_group_ids)), C(ec2:AcceptVpcPeeringConnection), C(ec2:CreateRoute), C(ec2:ReplaceRoute), C(ec2:DeleteRoute),
    C(ec2:CreateTags) and C(ec2:DescribeTags) (with O(tags) or O(group_id)), C(ec2:DeleteTags) (with O(purge_tags)),
    C(ec2:ModifyVpcAttribute) (with O(dns=enable)),
    C(ec2:GetManagedPrefixListEntries) (for route tables with routes to prefix lists, other than those of gateway endpoints),
    C(servicequotas:GetServiceQuota) (for route tables with 45 routes or more), and C(sts:AssumeRole) (with O(assume_role_arn) or
    O(accounts)). Check mode needs only those that start with C(ec2:Describe) or C(ec2:Get), and the last two.
    The guide about credentials has an IAM policy with them.
  - The task does not change security groups and network ACLs. They must allow the traffic to Atlas as well.
seealso:
  - name: Credentials
    description: AWS credentials, and the IAM policy that they need.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/credentials.md
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_network_container
  - name: VPC peering in the documentation of AWS
    description: The life cycle of a connection, and its limits.
    link: https://docs.aws.amazon.com/vpc/latest/peering/
"""

EXAMPLES = r"""
- name: Check the VPC before Atlas requests a connection
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    atlas_cidr_block: 192.168.248.0/21
    security_group_ids:
      - sg-0a1b2c3d4e5f67890
    region: us-east-1
  check_mode: true

- name: Request the connection in Atlas
  cloudpeer.atlas.atlas_vpc_peer:
    group_id: 5356823b3794dee37132bb7b
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    wait: true
  register: peering

- name: Accept it in AWS, and route to Atlas from all subnets of the VPC
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    vpc_id: vpc-0a1b2c3d4e5f67890
    atlas_cidr_block: 192.168.248.0/21
    atlas_aws_account_ids:
      - "222222222222"
    region: us-east-1
    wait: true

- name: Give the connection a name and tags, and enable DNS in the VPC
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    group_id: 5356823b3794dee37132bb7b
    tags:
      team: data
    purge_tags: true
    dns: enable
    region: us-east-1

- name: Let others accept the connection, and route only from some route tables
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    atlas_cidr_block: 192.168.248.0/21
    accept: false
    route_table_tags:
      Tier: application
    profile: production
    region: us-east-1

- name: Replace the routes to Atlas that lead to a former connection, as another role
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    aws_account_id: "123456789012"
    route_table_ids:
      - rtb-0a1b2c3d4e5f67890
    replace_routes: true
    # Of the account of the VPC, unless that has a profile.
    assume_role_arn: arn:aws:iam::{account}:role/network
    accounts:
      "210987654321":
        profile: reporting
    region: us-east-1

- name: Use keys from a vault, and an endpoint in your own network
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    access_key: "{{ aws_access_key }}"
    secret_key: "{{ aws_secret_key }}"
    session_token: "{{ aws_session_token }}"
    endpoint_url: https://vpce-0a1b2c3d4e5f67890.ec2.us-east-1.vpce.amazonaws.com
    aws_ca_bundle: /etc/pki/tls/certs/company-proxy.pem
    region: us-east-1

- name: Delete the routes to Atlas
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    vpc_id: vpc-0a1b2c3d4e5f67890
    atlas_cidr_block: 192.168.248.0/21
    region: us-east-1
    state: absent

- name: Delete the routes to Atlas that lead to connections that have ended
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    vpc_id: vpc-0a1b2c3d4e5f67890
    atlas_cidr_block: 192.168.248.0/21
    region: us-east-1
    state: absent
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
accepter:
  description:
    - The connection, its VPC and the routes, or in check mode as they would be.
    - If the task fails after its first change, this is the state that it has reached.
  returned: success, and if the task fails while it changes something
  type: dict
  sample:
    connection:
      id: pcx-0f3b9a6d7e8c12345
      status: active
      status_message: Active
      expiration_time: null
      requester:
        vpc_id: vpc-0fedcba9876543210
        account_id: "222222222222"
        region: us-east-1
        cidr_blocks: [192.168.248.0/21]
      accepter:
        vpc_id: vpc-0a1b2c3d4e5f67890
        account_id: "123456789012"
        region: us-east-1
        cidr_blocks: [10.15.0.0/16]
      tags:
        Name: atlas-5356823b3794dee37132bb7b
    vpc:
      id: vpc-0a1b2c3d4e5f67890
      account_id: "123456789012"
      region: us-east-1
      cidr_blocks: [10.15.0.0/16]
      enable_dns_support: true
      enable_dns_hostnames: true
    routes:
      - route_table_id: rtb-0a1b2c3d4e5f67890
        destination_cidr_block: 192.168.248.0/21
        before: null
        after: pcx-0f3b9a6d7e8c12345
  contains:
    connection:
      description: The connection as AWS shows it. Null without O(connection_id), or if AWS does not know it.
      type: dict
      contains:
        id:
          description: The id of the connection.
          type: str
        status:
          description: The state of the connection, for example V(pending-acceptance), V(provisioning) or V(active).
          type: str
        status_message:
          description: What AWS says about the state. Null if AWS says nothing, and for a state that check mode predicts.
          type: str
        expiration_time:
          description: Until when the connection can be accepted, in ISO 8601. Null once it is accepted.
          type: str
          sample: "2026-08-01T12:00:00Z"
        requester:
          description: Atlas's side of the connection.
          type: dict
          contains:
            vpc_id:
              description: The id of the VPC.
              type: str
            account_id:
              description: The AWS account that owns the VPC.
              type: str
            region:
              description: The region of the VPC.
              type: str
            cidr_blocks:
              description: The IPv4 blocks of the VPC. AWS shows them only for active connections.
              type: list
              elements: str
        accepter:
          description: Your side of the connection.
          type: dict
          contains:
            vpc_id:
              description: The id of the VPC.
              type: str
            account_id:
              description: The AWS account that owns the VPC.
              type: str
            region:
              description: The region of the VPC.
              type: str
            cidr_blocks:
              description: The IPv4 blocks of the VPC. AWS shows them only for active connections.
              type: list
              elements: str
        tags:
          description: The tags that the connection has in your account.
          type: dict
    vpc:
      description: The VPC. Null if it is unknown in the region and account, with O(state=absent).
      type: dict
      contains:
        id:
          description: The id of the VPC.
          type: str
        account_id:
          description: The AWS account that owns the VPC.
          type: str
        region:
          description: The region of the VPC.
          type: str
        cidr_blocks:
          description: The IPv4 blocks of the VPC.
          type: list
          elements: str
        enable_dns_support:
          description: Whether AWS resolves names in the VPC. Null with O(dns=ignore), and with O(state=absent).
          type: bool
        enable_dns_hostnames:
          description: Whether names resolve to private addresses in the VPC. Null like RV(accepter.vpc.enable_dns_support).
          type: bool
    routes:
      description: One entry for each chosen route table, changed or not.
      type: list
      elements: dict
      contains:
        route_table_id:
          description: The id of the route table.
          type: str
        destination_cidr_block:
          description: Atlas's block. Null in check mode without O(connection_id) and O(atlas_cidr_block).
          type: str
        before:
          description: The target of the route to exactly this block before the task. Null if there was no such route.
          type: str
          sample: pcx-0123456789abcdef0
        after:
          description: The target of the route after the task. Null if there is no such route, and in check mode without
            O(connection_id) if the route would be created or replaced.
          type: str
summary:
  description: The plan for people.
  returned: when it is known what is there
  type: dict
  version_added: 2.5.0
  sample:
    plan: >-
      Plan: 2 to create, 1 to change, 0 to remove, 4 unchanged
  contains:
    plan:
      description:
        - The plan in one line. Null if there was nothing to do. Check mode shows it on the standard error.
        - Behind the counts stand the chosen route tables that serve no subnet and get a route, too, and the live connections that
          lose their routes by O(replace_routes).
        - Routes are created, replaced (to change), removed, or stay unchanged. The acceptance, the tags, and each DNS attribute
          count among what is to change.
      type: str
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
  description: The requests to AWS in their order, those that were repeated included, each with C(method), C(path) (the action, as
    in an IAM policy), C(status) (null without a reply) and C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: POST
      path: ec2:DescribeVpcs
      status: 200
      milliseconds: 48
http_status:
  description: The HTTP status of AWS's refusal. Null if it refused nothing.
  returned: failure
  type: int
error_code:
  description: The error code of AWS, or the state of a connection that has ended.
  returned: failure
  type: str
detail:
  description: What AWS or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_accepter import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
