#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accepter's half of a VPC peering connection with MongoDB Atlas, in AWS."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer_accepter
short_description: Accept a VPC peering connection of MongoDB Atlas in AWS, and route to it
version_added: 2.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Does in AWS what a VPC peering connection needs that MongoDB Atlas has requested (M(cloudpeer.atlas.atlas_vpc_peer)). It
    accepts the connection, routes Atlas's CIDR block to it, gives it a name and tags, and checks or enables DNS in the VPC.
  - Everything is read first, in check mode too. If the connection is unknown, has ended, comes from an account that you did not
    expect, or leads to another VPC, or if a route to the block leads elsewhere, then the task fails and changes nothing.
  - Routes are changed one by one, and the target of a route is read again right before it is replaced or deleted. Routes to other
    destinations, IPv6 routes and prefix lists are never changed.
  - With O(state=absent), it deletes the routes. The connection itself is deleted with M(cloudpeer.atlas.atlas_vpc_peer).
options:
  connection_id:
    description:
      - The id of the connection in AWS, which is C(vpc_peer.connection_id) in the results of M(cloudpeer.atlas.atlas_vpc_peer).
      - This is required with O(state=present), except in check mode. There, O(vpc_id) will do, and everything is checked that does not
        depend on the connection.
      - Without it, O(state=absent) deletes only the routes to O(atlas_cidr_block) that lead to connections that have ended. Then
        O(vpc_id) and O(atlas_cidr_block) are required.
    type: str
  vpc_id:
    description:
      - The id of the VPC. If the connection leads to another VPC, the task fails.
      - If this is not set, the VPC is the one that the connection leads to.
    type: str
  aws_account_id:
    description:
      - The AWS account that owns the VPC, 12 digits. Quote it, because YAML drops the leading zeros of a number.
      - If the VPC or the credentials belong to another account, the task fails.
    type: str
  route_table_cidr_block:
    description:
      - The CIDR block that Atlas routes to the VPC. If it is not within one of the blocks of the VPC, the task fails.
    type: str
  atlas_cidr_block:
    description:
      - The CIDR block of Atlas's network container, to which the VPC is to route. If the connection comes from a VPC with other
        blocks, or if the block overlaps one of the VPC, the task fails.
      - If this is not set, it is the only block of the requester's VPC. AWS tells that block for active connections only, so this
        option is required to accept a connection. The block is compared after the connection is accepted, and before the first route
        is made.
    type: str
  atlas_aws_account_ids:
    description:
      - The AWS accounts from which a connection is accepted. Any other one is refused.
      - If this is not set, a connection of any account is accepted, with a warning that names the account.
    type: list
    elements: str
  route_table_ids:
    description:
      - The route tables to change. Those of another VPC, and those that are associated with a gateway, are refused.
      - If neither this nor O(route_table_tags) is set, all route tables of the VPC are changed, except those that are associated with a
        gateway.
      - With O(state=absent), route tables that no longer exist are skipped with a warning.
    type: list
    elements: str
  route_table_tags:
    description:
      - Change the route tables of the VPC that have all of these tags. With O(state=present), it is a failure if there are none.
    type: dict
  replace_routes:
    description:
      - Replace a route to exactly O(atlas_cidr_block) that leads elsewhere. Without this option, such a route makes the task fail.
      - A route that was propagated to the table cannot be replaced. A static route is added beside it, which takes precedence.
      - A route to a part of the block that leads elsewhere always makes the task fail.
      - A route to exactly the block that leads to a peering connection that has ended, or that AWS no longer knows, is replaced
        without this option.
    type: bool
    default: false
  accept:
    description:
      - Accept the connection. With V(false), everything else is done, and a warning says until when somebody has to accept it. Until
        then, the routes carry no traffic.
    type: bool
    default: true
  dns:
    description:
      - What to do if C(enableDnsSupport) or C(enableDnsHostnames) is off in the VPC. The host names of clusters then resolve to
        public addresses in the VPC.
      - V(warn) warns. V(enable) enables both. V(ignore) does not read them.
    type: str
    choices: [warn, enable, ignore]
    default: warn
  tags:
    description: Tags to add to the connection. No tag is ever removed.
    type: dict
    aliases: [resource_tags]
  security_group_ids:
    description:
      - Security groups that must exist, and belong to the VPC, for example because they are to be in the access list of Atlas. They are
        only checked. An id may have the account before it, as in V(123456789012/sg-0a1b2c3d4e5f67890).
    type: list
    elements: str
  group_id:
    description:
      - The id of the Atlas project, 24 hexadecimal digits. A connection without a C(Name) tag is named C(atlas-) and this id.
      - There is no fallback to an environment variable.
    type: str
    aliases: [project_id]
  state:
    description:
      - V(present) accepts the connection and makes the routes.
      - V(absent) deletes the routes to O(atlas_cidr_block) that lead to this connection, and those that lead to connections that have
        ended or that AWS no longer knows. All other routes stay. A connection that has ended or is unknown is no failure.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Wait until AWS shows the connection, which takes a moment after Atlas has requested it (a minute at most), and until it is active.
  wait_timeout:
    description:
      - The number of seconds to wait at most for each state. After that, the task fails.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - cloudpeer.atlas.attributes
  - cloudpeer.atlas.attributes.aws
  - cloudpeer.atlas.aws
  - cloudpeer.atlas.wait
notes:
  - >-
    The credentials need these IAM permissions: C(ec2:DescribeVpcPeeringConnections), C(ec2:DescribeVpcs),
    C(ec2:DescribeRouteTables), C(ec2:DescribeVpcAttribute) (not with O(dns=ignore)), C(ec2:DescribeSecurityGroups) (only with
    O(security_group_ids)), C(ec2:AcceptVpcPeeringConnection), C(ec2:CreateRoute), C(ec2:ReplaceRoute), C(ec2:DeleteRoute),
    C(ec2:CreateTags) (for O(tags) and O(group_id)), C(ec2:ModifyVpcAttribute) (only with O(dns=enable)), and C(sts:AssumeRole) (only
    with O(assume_role_arn)). In check mode, those whose names begin with C(Describe) are enough.
  - Security groups and network ACLs are not changed. They have to allow the traffic to Atlas, too.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: amazon.aws.ec2_vpc_peering
  - name: The whole path
    description: The role P(cloudpeer.atlas.vpc_peering#role) connects a project with VPCs, on both sides.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_path.md
  - name: VPC peering connections in the documentation of AWS
    description: States, limits and routes.
    link: https://docs.aws.amazon.com/vpc/latest/peering/
"""

EXAMPLES = r"""
- name: Request the connection in Atlas
  cloudpeer.atlas.atlas_vpc_peer:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.15.0.0/16
    wait: true
  register: peering

- name: Accept it in AWS, and let all route tables of the VPC route to Atlas
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    atlas_cidr_block: 192.168.248.0/21
    region: us-east-1
    wait: true

- name: Accept nothing but what is expected
  cloudpeer.atlas.atlas_vpc_peer_accepter:
    connection_id: "{{ peering.vpc_peer.connection_id }}"
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"
    atlas_cidr_block: 192.168.248.0/21
    atlas_aws_account_ids: ["222222222222"]
    profile: production
    region: us-east-1
"""

RETURN = r"""
accepter:
  description:
    - The connection, its VPC and the routes as they are, or in check mode as they would be.
    - If the task fails after it has started to change something, this is the state that it came to.
  returned: when the task could decide what to do
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
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._accepter_task import TASK
from ansible_collections.cloudpeer.atlas.plugins.module_utils._module import run_module


def main() -> None:
    """Run the module."""
    run_module(TASK)


if __name__ == "__main__":
    main()
