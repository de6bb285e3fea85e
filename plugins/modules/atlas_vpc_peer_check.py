#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why VPC peering connections between MongoDB Atlas and AWS, AZURE or GCP carry no traffic, or that they should."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer_check
short_description: Explain why a VPC peering connection with MongoDB Atlas carries no traffic
version_added: 2.2.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Reads everything in MongoDB Atlas, AWS, AZURE and GCP that connections need, and says what is missing. If nothing is, clients
    in the network can reach the clusters by design. It changes nothing, in check mode or not.
  - Six options are enough for most tasks, which are O(group_id) or O(org_id), O(connections), O(clusters), O(report), O(since)
    and O(fail_on). Those that begin with C(aws_), C(azure_) and C(gcp_) say how to sign in to the clouds.
  - Each finding has a code, such as C(P601), a sentence, and advice. Codes with C(A) are about AZURE, with C(G) about GCP, and
    with C(P) about AWS or all clouds. The guide has a section for each.
  - What cannot be read is unknown, and the finding names the missing permission. The other checks are done all the same.
  - Only Atlas can see the routes and security groups on its side. M(cloudpeer.atlas.atlas_probe) tests the connection itself.
options:
  group_id:
    description: The id of the Atlas project, 24 hexadecimal digits, or else O(project_name), O(group_ids), O(project_names),
      O(org_id), E(MONGODB_ATLAS_PROJECT_ID) or that of the O(profile). One is required unless O(atlas=false).
    type: str
    required: false
    aliases: [project_id]
  project_name:
    description: The name of the project, in place of O(group_id). It must be of one project alone. It has no effect with
      O(atlas=false).
    type: str
  group_ids:
    description: The ids of several projects. They narrow O(project_names) and O(org_id), and options about one project are
      refused. One that cannot be read fails the task after the others.
  project_names:
    description: The names of several projects, or patterns with V(*) and V(?).
  org_id:
    description: An organization, all of whose projects are read.
  connections:
    description:
      - The networks to check, as M(cloudpeer.atlas.atlas_peering), the role P(cloudpeer.atlas.vpc_peering#role) and
        M(cloudpeer.atlas.atlas_vpc_peers) have them. With C(-v), the task says which options have no effect.
      - Without it, all connections of the project on O(provider_name) are checked. It is required with O(atlas=false), and an
        entry then has what Atlas's owner knows, C(connection_id) on AWS, C(atlas_vnet_name) on AZURE, or C(atlas_gcp_project_id)
        and C(atlas_network_name) on GCP.
      - Credentials of an entry count before those of the task. Their names are C(aws_profile),
        C(aws_access_key), C(aws_secret_key), C(aws_session_token), C(aws_assume_role_arn), C(aws_endpoint_url), C(aws_ca_bundle),
        C(azure_auth_source), C(azure_profile), C(azure_client_id), C(azure_secret), C(gcp_service_account_file) and
        C(gcp_access_token).
    type: list
    elements: dict
    suboptions:
      # From scripts/tables/entries.yml: make fragments.
      provider_name:
        description: The cloud, which follows from the other options.
        type: str
        choices: [AWS, AZURE, GCP]
        version_added: 2.3.0
      vpc_id:
        description: The id of the VPC.
        type: str
      aws_account_id:
        description: The AWS account of the VPC, in quotes.
        type: str
      azure_directory_id:
        description: The Entra directory of the VNet.
        type: str
        version_added: 2.3.0
      azure_subscription_id:
        description: The subscription of the VNet.
        type: str
        version_added: 2.3.0
      resource_group_name:
        description: The resource group of the VNet.
        type: str
        version_added: 2.3.0
      vnet_name:
        description: The name of the VNet.
        type: str
        version_added: 2.3.0
      vnet_resource_id:
        description: The resource id of the VNet, in place of its three parts.
        type: str
        version_added: 2.3.0
      gcp_project_id:
        description: The project of the VPC network.
        type: str
        version_added: 2.3.0
      network_name:
        description: The name of the VPC network.
        type: str
        version_added: 2.3.0
      container_id:
        description: The id of the network container. Without it and its region, the entry is for all connections of the network.
        type: str
        version_added: 2.5.0
      container_region:
        description: As O(container_region), for this entry.
        type: str
        aliases: [container_region_name]
      cidr_block:
        description: The block of the VPC, or the part of it that has the clients. On AZURE and GCP, the block in which clients
          are.
        type: str
        aliases: [route_table_cidr_block]
      cidr_blocks:
        description: More blocks in which clients on AZURE and GCP are, such as those of pods.
        type: list
        elements: str
        version_added: 2.3.0
      atlas_cidr_block:
        description: As O(atlas_cidr_block), for this entry.
        type: str
        aliases: [container_cidr_block]
      region:
        description: The AWS region of the VPC, where Atlas does not have it.
        type: str
        aliases: [accepter_region_name, aws_region]
      route_table_ids:
        description: Check only the subnets of these route tables.
        type: list
        elements: str
      route_table_tags:
        description: Check only the subnets of the route tables with all of these tags.
        type: dict
      aws_security_group:
        description: The security group that the access list lets in, in place of the block.
        type: str
  provider_name:
    description: The clouds whose connections are read. The default is those of O(connections), AWS without it, and all clouds for
      several projects.
    type: str
    choices: [AWS, AZURE, GCP, all]
  vnet_peerings:
    description: C(vnetpeerings) of C(azure.azcollection.azure_rm_virtualnetworkpeering_info), in place of credentials for Azure.
      The verdict is V(unknown) at best.
    type: list
    elements: dict
  virtual_networks:
    description: C(virtualnetworks) of C(azure.azcollection.azure_rm_virtualnetwork_info), in the same way.
    type: list
    elements: dict
  container_region:
    description: Check only connections to the network container in this region, on AWS in a list with several clouds.
    type: str
  atlas_cidr_block:
    description: The block of the network container, where it is not read from Atlas.
    type: str
    aliases: [container_cidr_block]
  subnet_ids:
    description:
      - Check only these subnets of their VPCs.
      - Without it, subnets with interfaces of AWS's services alone are left out, and what would fail only for subnets without an
        interface in use is a warning. What would fail only for pods is unknown, because nodes may translate their addresses.
    type: list
    elements: str
  security_group_ids:
    description: Security groups of clients. They have to let traffic to Atlas out, and the access list has to have them, or
      blocks that cover the subnets.
    type: list
    elements: str
  instance_ids:
    description: Instances that are clients, with their subnets and security groups. Without these and O(security_group_ids), the
      security groups of all interfaces are checked, but those of AWS's services.
    type: list
    elements: str
  clusters:
    description: The clusters that have to be reachable. Without it, these are the dedicated ones in the region of the network
      container, and one that is paused is a warning.
    type: list
    elements: str
  client_cidr_blocks:
    description: Blocks in which clients are, such as those of pods. The access list has to cover them in place of the subnets
      around them.
    type: list
    elements: str
  compare_group_ids:
    description: Other projects whose connections with AWS are compared. Of two network containers with the same block, a VPC can
      reach only one.
    type: list
    elements: str
  probes:
    description: What M(cloudpeer.atlas.atlas_probe) has returned as C(probe) on hosts of the network. One counts for the network
      that has its C(local_address), and one without it for all.
    type: list
    elements: dict
  atlas:
    description: Read the Atlas side. Without it, or another side, the verdict is V(unknown) at best.
    type: bool
    default: true
  aws:
    description: Read the AWS side.
    type: bool
    default: true
  azure:
    description: Read the side in Azure. The default is V(true), unless O(vnet_peerings) or O(virtual_networks) is set.
    type: bool
  gcp:
    description: Read the GCP side.
    type: bool
    default: true
  fail_on:
    description: V(fail) fails if a connection cannot work, V(warn) for warnings and what could not be read as well, and V(new)
      for what O(since) does not have. A task that fails returns the findings alone, and all else is in O(report). With V(never),
      the result has all of it.
    type: str
    choices: [fail, warn, new, never]
    default: fail
  since:
    description: The JSON report of an earlier check, on the controller. Findings then say since when they are known, and those
      of what cannot be read now are kept.
    type: raw
  text:
    description: Print the findings on the controller, to standard error, in at most forty lines. With C(-v), all are printed.
    type: bool
    default: true
  report:
    description: Files on the controller for reports, also in check mode, relative to the playbook. C(.html) is a page, C(.md)
      fits the summary of a CI job, C(.json) is the result with the time, and C(.xml) is JUnit.
    type: raw
  report_mode:
    description: The permissions of O(report), such as V("0640"). A new one is for you alone.
    type: str
  aws_assume_role_arn:
    description: The ARN of an IAM role to assume. V({account}) in it is the account of each connection, so that
      V(arn:aws:iam::{account}:role/network) is the role of this name in each. Where AWS refuses it, connections are unknown.
    type: str
  aws_endpoint_url:
    description: The address of AWS's services. E(AWS_ENDPOINT_URL_STS), E(AWS_ENDPOINT_URL_ROUTE_53),
      E(AWS_ENDPOINT_URL_ROUTE53RESOLVER) and E(AWS_ENDPOINT_URL_SERVICE_QUOTAS) count before.
    type: str
attributes:
  check_mode:
    details: This module changes nothing. O(report) is written in check mode, too.
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.only_reads
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection.clouds
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._aws.prefixed
  - cloudpeer.atlas._azure.prefixed
  - cloudpeer.atlas._gcp.prefixed
  - cloudpeer.atlas._projects
requirements:
  - boto3 1.28 or later, unless all connections are with other clouds, or O(aws=false)
  - azure-identity 1.17 or later, to read Azure
  - google-auth 2.14 or later, to read GCP
notes:
  - The API key or service account needs the role I(Project Read Only) in each project.
  - In AWS, the credentials need C(ec2:DescribeVpcPeeringConnections), C(ec2:DescribeVpcs), C(ec2:DescribeSubnets),
    C(ec2:DescribeRouteTables), C(ec2:DescribeNetworkAcls), C(ec2:DescribeVpcAttribute), C(ec2:DescribeDhcpOptions),
    C(ec2:GetManagedPrefixListEntries), C(ec2:DescribeSecurityGroups), C(ec2:DescribeNetworkInterfaces),
    C(route53:ListHostedZonesByVPC), C(route53:GetHostedZone), C(route53:ListResourceRecordSets),
    C(route53resolver:ListResolverRules), C(route53resolver:ListResolverRuleAssociations), C(servicequotas:GetServiceQuota), and
    for roles C(sts:AssumeRole).
  - In GCP, they need C(compute.networks.list), C(compute.subnetworks.list), C(compute.networks.listPeeringRoutes),
    C(compute.networks.getEffectiveFirewalls), and for names of host projects C(compute.projects.get).
  - In Azure, they need C(Microsoft.Network/virtualNetworks/read), C(Microsoft.Network/networkSecurityGroups/read) and
    C(Microsoft.Network/routeTables/read).
seealso:
  - name: The connection is AVAILABLE, but …
    description: What each finding means, how to see it by hand, and what to change.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md
  - module: cloudpeer.atlas.atlas_probe
  - name: The whole path
    description: The role P(cloudpeer.atlas.vpc_peering#role) connects a project with VPCs, on both sides.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_path.md
"""

EXAMPLES = r"""
- name: Explain why the connections of a project carry no traffic, or that they should
  cloudpeer.atlas.atlas_vpc_peer_check:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"

# In the examples below, the project and the key come from the environment variables MONGODB_ATLAS_PROJECT_ID,
# MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY, and the credentials for AWS from where boto3 looks for them.

- name: Check what the role sets up, and write a report
  cloudpeer.atlas.atlas_vpc_peer_check:
    connections: "{{ vpc_peering_connections }}"
    container_region: "{{ vpc_peering_container_region }}"
    report: [peering.html, peering.json, peering.xml]
    report_mode: "0640"

- name: Check networks in several accounts
  cloudpeer.atlas.atlas_vpc_peer_check:
    aws_assume_role_arn: arn:aws:iam::{account}:role/network
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
        route_table_ids: [rtb-0a1b2c3d4e5f67890]
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "210987654321"
        aws_profile: production
        region: eu-west-1
        container_id: 507f1f77bcf86cd799439011
        route_table_tags: {tier: app}
        aws_security_group: sg-0a1b2c3d4e5f67890
      - azure_directory_id: 1a1a1a1a-b37e-4693-8497-83ecf183a145
        azure_subscription_id: fd01adff-b37e-4693-8497-83ecf183a145
        resource_group_name: network-group
        vnet_name: shop-vnet
        container_region: eastus2
      - gcp_project_id: my-project
        network_name: my-network
        cidr_blocks: [10.30.0.0/16, 10.40.0.0/14]

- name: Check whether some instances reach one cluster
  cloudpeer.atlas.atlas_vpc_peer_check:
    clusters: [shop]
    subnet_ids: [subnet-0a1b2c3d4e5f67890]
    security_group_ids: [sg-0a1b2c3d4e5f67890]
    instance_ids: [i-0a1b2c3d4e5f67890]
    client_cidr_blocks: [10.15.1.0/24]

- name: Check all projects of an organization, and fail for what is new
  cloudpeer.atlas.atlas_vpc_peer_check:
    org_id: 5a1b2c3d4e5f6a7b8c9d0e1f
    project_names: ["shop-*"]
    since: yesterday.json
    fail_on: new
  register: organization

- name: Show what keeps the most connections from working
  ansible.builtin.debug:
    msg: "{{ organization.peering_check.findings | map(attribute='message') | first | default('Nothing') }}"

- name: Check two projects, and never fail
  cloudpeer.atlas.atlas_vpc_peer_check:
    group_ids: [5356823b3794dee37132bb7b, 5356823b3794dee37132bb7c]
    fail_on: never

- name: Compare with another project, and leave the decision to the next tasks
  cloudpeer.atlas.atlas_vpc_peer_check:
    compare_group_ids: [60f1b8d0a7b1c2d3e4f50617]
    fail_on: never
    text: false
  register: checked

- name: Join what hosts have found with atlas_probe
  cloudpeer.atlas.atlas_vpc_peer_check:
    probes: "{{ ansible_play_hosts | map('extract', hostvars, ['probed', 'probe']) | list }}"
  run_once: true
  delegate_to: localhost

- name: Check the AWS side alone
  cloudpeer.atlas.atlas_vpc_peer_check:
    atlas: false
    atlas_cidr_block: 192.168.248.0/21
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        connection_id: pcx-0f3b9a6d7e8c12345

- name: Check the side of the clouds alone, by names that their owners know
  cloudpeer.atlas.atlas_vpc_peer_check:
    atlas: false
    connections:
      - provider_name: GCP
        gcp_project_id: my-project
        network_name: my-network
        atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
        atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
      - vnet_resource_id: "{{ shop_vnet_id }}"
        atlas_cidr_block: 192.168.248.0/21
        atlas_vnet_name: vnet_5356823b3794dee37132bb7c_abcdefgh

- name: Check all clouds as far as Atlas knows them
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: all
    aws: false
    azure: false
    gcp: false

- name: Check VNets without credentials for Azure, by what modules of azure.azcollection have returned
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: AZURE
    vnet_peerings: "{{ peerings.vnetpeerings }}"
    virtual_networks: "{{ networks.virtualnetworks }}"
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
peering_check:
  description:
    - The verdict, and what it is made from. Of a task that fails, RV(peering_check.verdict), RV(peering_check.summary),
      RV(peering_check.failures), and RV(peering_check.findings) without C(info), each with its first three connections, and with
      their number in C(count).
    - L(Results,https://github.com/cloudpeer/atlas/blob/main/docs/results.md) has all that is within these fields.
  returned: when the sides that are on were read, also if the task fails for what it has found
  type: dict
  sample:
    verdict: not_reachable
    summary: The connection with vpc-0a1b2c3d4e5f67890 is not reachable (P601).
    not_looked_at: [Route 53 Profiles were not looked at.]
  contains:
    verdict:
      description: The worst verdict on a connection.
      type: str
    summary:
      description: The verdict in a sentence, with the codes of the checks that failed or could not be done.
      type: str
    not_looked_at:
      description: What could keep traffic from flowing and no check has looked at, in the clouds that were read; a sentence for
        each thing.
      type: list
      elements: str
    findings:
      description: >-
        What the checks have found on all connections together, the worst first: V(fail), V(unknown), V(warn) and V(info). With
        C(code), C(codes), C(severity), C(message), C(fix), C(owner), C(first_seen), C(is_new), C(is_kept), C(connections).
      type: list
      elements: dict
    connections:
      description: The connections, in the order of O(connections), or as Atlas lists them, project by project. With C(group_id),
        C(project_name), C(provider_name), C(azure_subscription_id), C(resource_group_name), C(vnet_name), C(gcp_project_id),
        C(network_name), C(vpc_id), C(vpc_name), C(aws_account_id), C(region), C(connection_id), C(peer_id), C(status_name),
        C(error_state_name), C(container_id), C(container_region), C(atlas_cidr_block), C(cluster_names), C(verdict),
        C(requested_at), C(expires_at), C(subnets), C(checks).
      type: list
      elements: dict
    projects:
      description: The projects of the task, those without any connection and those that could not be read too. With C(id),
        C(name), C(org_id), C(count), C(states), C(verdict).
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: list
      elements: dict
    failures:
      description: The projects that could not be read. With C(group_id), C(project_name), C(msg), C(http_status), C(error_code),
        C(detail).
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: list
      elements: dict
report:
  description: The paths of the reports, as O(report) has them.
  returned: when O(report) is set and there is RV(peering_check)
  type: raw
  sample: peering.html
  version_added: 3.1.0
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
  version_added: 2.5.0
  sample:
    sent: 3
    writes: 0
api_calls:
  description: The requests to Atlas and the clouds in the order of their replies, each with C(method), C(path) (for AWS the
    action, as in an IAM policy), C(status) (null without a reply) and C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: POST
      path: ec2:DescribeVpcs
      status: 200
      milliseconds: 48
http_status:
  description: The HTTP status of a refusal by Atlas or a cloud. Null without one.
  returned: failure
  type: int
error_code:
  description: The error code of Atlas or a cloud. Null if there is none.
  returned: failure
  type: str
detail:
  description: What Atlas, a cloud or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_check import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
