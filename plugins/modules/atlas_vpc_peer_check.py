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
  - Reads everything in MongoDB Atlas and in AWS that a connection needs, and says what is missing. If nothing is missing, the
    clients in the VPC can reach the clusters by design.
  - Since version 2.3.0 of the collection, connections with VNets on AZURE and with VPC networks on GCP are checked as well, as
    far as Atlas and the peerings of the network show.
  - The task changes nothing, and reports no change. Check mode makes no difference.
  - In Atlas, it reads the connections, the network containers, the access list and the clusters. In AWS, it reads the connection,
    the VPC, its subnets, route tables and network ACLs, the settings that decide how names resolve in it, and the security groups
    and instances that the options name. In GCP, it reads the VPC networks with their peerings, subnets, exchanged routes
    and effective firewall rules. In Azure, it reads the VNet with its subnets and peerings, and their network security groups and
    route tables, since version 2.6.0 of the collection.
  - Each finding has a code, such as C(P601), a sentence, and advice. The guide has a section for each code.
  - What cannot be read is unknown, and the finding names the missing permission. The other checks are done all the same. The task
    fails if nothing at all can be read in Atlas, in AWS or in GCP. If an account may not read a project in GCP, that is unknown.
  - Codes that begin with C(A) are about AZURE, with C(G) about GCP, and with C(P) about AWS, except that C(P101), C(P102),
    C(P104), C(P107), C(P201) to C(P204), C(P301), C(P302), C(P304) and C(P801) are about all clouds.
  - With O(group_ids), O(project_names) or O(org_id), all connections of several projects are checked, since 3.1.0. Options that
    are about one project are refused then, such as O(connections) and O(clusters). Each account is read once in each region, for
    all projects together.
  - Only Atlas can see the routes and security groups on its side. M(cloudpeer.atlas.atlas_probe) tests the connection itself.
options:
  group_id:
    description:
      - The id of the Atlas project, 24 hexadecimal digits. The API calls a project a group.
      - If neither this nor O(project_name) is set, the environment variable E(MONGODB_ATLAS_PROJECT_ID) is used, and then the
        C(project_id) of the O(profile).
      - One of O(group_id), O(project_name), O(group_ids), O(project_names) and O(org_id) is required, unless O(atlas=false).
    type: str
    required: false
    aliases: [project_id]
  project_name:
    description:
      - The name of the Atlas project, in place of its id. It is found in the list of all projects that the credentials can see,
        with one request.
      - The task fails if there is no such project, or if two organizations have one with this name. A name that looks like an id
        is a name.
      - Mutually exclusive with O(group_id) within a task. What the task itself sets takes precedence over C(module_defaults) and
        the environment, whether it is O(group_id) or O(project_name).
      - With O(atlas=false), this has no effect, because only Atlas knows the id of the project.
    type: str
    version_added: 3.1.0
  connections:
    description:
      - The networks to check, as C(vpc_peering_connections) of the role P(cloudpeer.atlas.vpc_peering#role) has them.
      - A list for C(peers) of M(cloudpeer.atlas.atlas_vpc_peers) is taken as it is, since version 2.5.0 of the collection. The
        options have aliases with the names that they have there. With C(-v), the task says which options have no effect.
      - If this is not set, all connections of the project with O(provider_name) are checked. Required with O(atlas=false).
      - An entry without C(container_id) and C(container_region) stands for all connections of its network.
      - The options of an entry say on which cloud it is. Options of two clouds in one entry are a failure.
      - An option of an entry that is an empty string counts as not set.
    type: list
    elements: dict
    suboptions:
      # From scripts/tables/entries.yml: make fragments.
      provider_name:
        description: The cloud of the network. It follows from the other options, which are for one cloud alone.
        type: str
        choices: [AWS, AZURE, GCP]
        version_added: 2.3.0
      vpc_id:
        description: The id of the VPC. Required on AWS.
        type: str
      aws_account_id:
        description: The AWS account that owns the VPC. Quote it, because YAML drops the leading zeros of a number.
        type: str
      connection_id:
        description: The id of the connection in AWS (V(pcx-...)). Required on AWS with O(atlas=false), and ignored otherwise.
        type: str
      azure_directory_id:
        description: The id of the directory (Entra tenant) of the VNet. If it is not that of the connection, C(P101) says so.
        type: str
        version_added: 2.3.0
      azure_subscription_id:
        description: The id of the subscription of the VNet. On AZURE, this and C(vnet_name) are required, or C(vnet_resource_id).
        type: str
        version_added: 2.3.0
      resource_group_name:
        description: The resource group of the VNet. If it is not that of the connection, C(P101) says so.
        type: str
        version_added: 2.3.0
      vnet_name:
        description: The name of the VNet. Names on AZURE do not depend on the case.
        type: str
        version_added: 2.3.0
      vnet_resource_id:
        description: The resource id of the VNet, instead of its subscription, its resource group and its name.
        type: str
        version_added: 2.3.0
      gcp_project_id:
        description: The id of the project of the VPC network in GCP. On GCP, this and C(network_name) are required.
        type: str
        version_added: 2.3.0
      network_name:
        description: The name of the VPC network in GCP.
        type: str
        version_added: 2.3.0
      container_id:
        description:
          - The id of the network container. The entry then stands for the connection to it alone.
          - Mutually exclusive with C(container_region).
        type: str
        version_added: 2.5.0
      container_region:
        description:
          - The region of the network container on AWS or AZURE, if it differs from O(container_region). The one on GCP has no
            region.
          - The alias was added in 2.5.0.
        type: str
        aliases: [container_region_name]
      cidr_block:
        description:
          - The CIDR block of the VPC, or the part of it that has the clients. Subnets outside it are not checked.
          - On AZURE and GCP, the block in which the clients are, private or public. It limits the ranges of the subnets that the
            access list has to cover. If these are not read, the access list has to cover the block.
          - The alias, which was added in 2.5.0, is for AWS.
        type: str
        aliases: [route_table_cidr_block]
      cidr_blocks:
        description:
          - More blocks in which clients on AZURE and GCP are, such as those of pods. They limit the subnets with C(cidr_block).
          - Each has to be in a range of the network, because a peering carries nothing through.
        type: list
        elements: str
        version_added: 2.3.0
      atlas_cidr_block:
        description: The CIDR block of the network container, if it differs from O(atlas_cidr_block). With O(atlas=false), one of
          them is required on AWS and AZURE.
        type: str
        aliases: [container_cidr_block]
      comment:
        description: This has no effect. It is accepted because the role has it.
        type: str
      region:
        description:
          - The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1).
          - If this is not set, it is read from Atlas. With O(atlas=false), the default is C(container_region), and then
            O(aws_region).
          - The alias C(accepter_region_name) was added in 2.5.0.
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
        description: The security group that the access list lets in, instead of C(cidr_block).
        type: str
      aws_profile:
        description:
          - The AWS profile with the credentials of this account.
          - An entry with this or with C(aws_access_key) uses none of the credentials at the top, neither O(aws_assume_role_arn)
            nor O(aws_accounts).
        type: str
      aws_access_key:
        description: The id of an AWS access key of this account, instead of a profile.
        type: str
      aws_secret_key:
        description: The secret of that key.
        type: str
      aws_session_token:
        description: The session token of that key, if it is a temporary one.
        type: str
      aws_assume_role_arn:
        description: The ARN of an IAM role of this account to assume. V({account}) stands for it.
        type: str
      aws_endpoint_url:
        description: The address of AWS, if it differs from O(aws_endpoint_url).
        type: str
      aws_ca_bundle:
        description: The certificates to trust, if they differ from O(aws_ca_bundle).
        type: path
      azure_auth_source:
        description: How to sign in to Azure for this VNet, as O(azure_auth_source).
        type: str
        choices: [auto, cli, env, credential_file, msi]
        version_added: 2.6.0
      azure_profile:
        description:
          - The profile with the credentials for this VNet, as O(azure_profile). Until version 2.6.0 of the collection, it had no
            effect.
          - An entry with this, C(azure_client_id) or C(azure_auth_source) uses none of the credentials at the top.
        type: str
        version_added: 2.3.0
      azure_client_id:
        description: The client id of an application that may read this VNet, instead of a profile.
        type: str
        version_added: 2.3.0
      azure_secret:
        description: The client secret of that application.
        type: str
        version_added: 2.3.0
      atlas_vnet_name:
        description: The name of Atlas's VNet, C(atlas_vnet_name) of the network container. With O(atlas=false), it says which
          peering is Atlas's, which is unknown without it. It is ignored otherwise.
        type: str
        version_added: 2.6.0
      atlas_gcp_project_id:
        description: The project of Atlas's network in GCP. Required on GCP with O(atlas=false), and ignored otherwise.
        type: str
        version_added: 2.3.0
      atlas_network_name:
        description: The name of Atlas's network in GCP. Required on GCP with O(atlas=false), and ignored otherwise.
        type: str
        version_added: 2.3.0
      container_regions:
        description: This has no effect. It is accepted because the role has it.
        type: list
        elements: str
        version_added: 2.3.0
      gcp_peering_name:
        description: This has no effect. It is accepted because the role has it.
        type: str
        version_added: 2.3.0
      gcp_service_account_file:
        description:
          - The JSON key of a service account for this project in GCP.
          - An entry with this or with C(gcp_access_token) uses none of the credentials at the top.
        type: path
        version_added: 2.3.0
      gcp_access_token:
        description: An access token for this project in GCP, instead of a key.
        type: str
        version_added: 2.3.0
      wait_for:
        description: This has no effect. It is accepted because M(cloudpeer.atlas.atlas_vpc_peers) has it.
        type: str
        version_added: 2.5.0
  provider_name:
    description:
      - The clouds whose connections are read. V(all) without O(connections) reads those with all clouds.
      - If this is not set, these are the clouds of O(connections), and without O(connections) it is AWS. Of several projects, all
        clouds are read.
      - The limits of the project (C(P107)) count the connections with all clouds that are read.
    type: str
    choices: [AWS, AZURE, GCP, all]
    version_added: 2.3.0
  vnet_peerings:
    description:
      - The peerings of the VNets, as C(vnetpeerings) in the result of
        C(azure.azcollection.azure_rm_virtualnetworkpeering_info). For several VNets, join the lists. With an empty list, the
        VNets have no peerings.
      - A way without credentials for Azure. With this or O(virtual_networks), Azure is not read unless O(azure=true), which then
        counts in their place. What they do not have is unknown, such as subnets, so that the verdict is V(unknown) at best.
    type: list
    elements: dict
    version_added: 2.3.0
  virtual_networks:
    description:
      - The VNets, as C(virtualnetworks) in the result of C(azure.azcollection.azure_rm_virtualnetwork_info).
      - Their address prefixes must not overlap the network container, and the access list has to cover them, or C(cidr_block) of
        the entry in their place.
    type: list
    elements: dict
    version_added: 2.3.0
  container_region:
    description:
      - Check only connections to the network container in this region, written as V(us-east-1) or V(US_EAST_1). On AZURE, it is
        written as V(eastus2) or V(US_EAST_2).
      - An entry of O(connections) can have its own. In a list with entries on several clouds, this is a region of AWS, and with
        entries on GCP alone, it has no effect. Until version 3.0.0 of the collection, both were refused.
      - Without O(connections), it is refused with O(provider_name=all), because the same name is another place on AZURE.
    type: str
  atlas_cidr_block:
    description:
      - The CIDR block of the network container, for entries of O(connections) that have none. It is used only if the block is not
        read from Atlas, as with O(atlas=false).
    type: str
    aliases: [container_cidr_block]
  subnet_ids:
    description:
      - Check only these subnets. Each counts for the connections of its VPC, and the other VPCs are checked as a whole.
      - If this is not set, subnets that have network interfaces of AWS's services alone are not checked, and what would fail only
        for subnets without any interface in use is a warning. That needs a client elsewhere in the VPC.
      - What would fail only for subnets with interfaces for pods is unknown, because nodes translate the addresses of pods by
        default. Name the subnets without these if your nodes translate, and with them if they do not.
      - The task fails if a subnet is in none of the VPCs.
    type: list
    elements: str
  security_group_ids:
    description:
      - Security groups of the clients. The task checks that they let traffic to Atlas out, and that the access list has each one
        that no instance of O(instance_ids) has, unless its blocks cover all subnets that are checked.
      - The task fails if a security group is in none of the VPCs.
    type: list
    elements: str
  instance_ids:
    description:
      - Instances that are clients. The task checks the subnets and the security groups of their network interfaces, also subnets
        that O(subnet_ids) or the connection leave out. The access list has to let each of them in, by an address or by a group.
        An instance sends with the primary address of its first interface, so that one counts.
      - If neither this nor O(security_group_ids) is set, the security groups of all network interfaces are checked, but those of
        AWS's services. If none of them lets traffic to Atlas out, nothing in the VPC reaches it, and the check fails. Where a VPC
        has a bastion alone, name the clients.
      - The task fails if an instance is in none of the VPCs.
    type: list
    elements: str
  clusters:
    description:
      - The names of the clusters that have to be reachable. The task fails if there is no such cluster.
      - If this is not set, these are the dedicated clusters with nodes in the region of the network container. One that is paused
        is then only a warning if another one can be used.
    type: list
    elements: str
  client_cidr_blocks:
    description:
      - Blocks in which clients are. The access list has to cover them in place of the parts of subnets in which they lie.
      - AWS does not pass on traffic from outside the VPC, for example through a VPN.
      - On AZURE and GCP, these are for example the blocks of pods. They stand in place of the subnets in which they lie.
    type: list
    elements: str
  compare_group_ids:
    description:
      - The ids of other Atlas projects to compare with. Of two network containers with the same block, a VPC can reach only one.
        Only their connections with AWS are compared.
      - If the credentials may not read a project, this is unknown.
      - With O(group_ids), O(project_names) or O(org_id), all projects that are read are compared without it, and it is refused.
      - Until version 2.5.0 of the collection, the name was C(group_ids), which is another option elsewhere. Version 3.0.0 has
        removed the old names C(group_ids) and C(project_ids).
    type: list
    elements: str
    version_added: 2.5.0
  probes:
    description:
      - What M(cloudpeer.atlas.atlas_probe) has returned as C(probe) on hosts in the VPC.
      - Since version 2.6.0 of the collection, a probe counts for the connections of the network that has its C(local_address).
        One without it counts for all. It is from an older release, or its names do not resolve and it has no
        O(cloudpeer.atlas.atlas_probe#module:atlas_cidr_block). One that no network here has is a warning, and counts for none; it
        was made in a container or pod behind NAT, for example.
    type: list
    elements: dict
  atlas:
    description:
      - Read the Atlas half. With V(false), the verdict is V(unknown) at best.
    type: bool
    default: true
  aws:
    description:
      - Read the AWS half. With V(false), the verdict is V(unknown) at best.
    type: bool
    default: true
  azure:
    description:
      - Read the half in Azure of connections on AZURE. With V(false), the verdict on these is V(unknown) at best.
      - The permissions are C(Microsoft.Network/virtualNetworks/read), C(Microsoft.Network/networkSecurityGroups/read) and
        C(Microsoft.Network/routeTables/read), as the role Reader has them.
      - The default is V(true), unless O(vnet_peerings) or O(virtual_networks) is set.
    type: bool
    version_added: 2.6.0
  gcp:
    description:
      - Read the GCP half of connections on GCP. With V(false), the verdict on these is V(unknown) at best.
    type: bool
    default: true
    version_added: 2.3.0
  fail_on:
    description:
      - When to fail. V(fail) fails if a connection cannot work. V(warn) fails for warnings as well, and if something could not be
        read. V(never) leaves it to you to use RV(peering_check).
      - V(new) fails if a connection cannot work, or something could not be read, that O(since) does not have. It was
        added in 3.1.0.
      - A project that cannot be read fails the task, unless this is V(never).
      - A task that fails returns the findings alone, each with its number of connections and the first three. All else is in
        the file of O(report), and in the result with V(never).
    type: str
    choices: [fail, warn, new, never]
    default: fail
  since:
    description:
      - The path of an earlier report of this module on the controller, with the ending C(.json). A relative path starts at the
        folder of the playbook. A link of another user is refused.
      - RV(peering_check.findings[].first_seen) then says since when each finding is known, by its project, network, network
        container, code, subject and severity.
      - Findings of what cannot be read now stay as they are in the report, and RV(peering_check.findings[].is_kept) is V(true).
      - A file that does not exist, or that is no such report, is a failure.
    type: raw
    version_added: 3.1.0
  text:
    description:
      - Print the findings as text on the controller, to standard error, the worst first. Since version 3.1.0 of the collection,
        it has at most forty lines. With C(-v), it has all findings with all connections, and what is all right.
    type: bool
    default: true
  report:
    description:
      - Write a report to this file on the controller, also in check mode. Its folder has to exist. A relative path starts at the
        folder of the playbook; with the playbook C(cloudpeer.atlas.check), where C(ansible-playbook) was started.
      - The ending says what it is. C(.html) is a page to look at. C(.md) is the same in Markdown, which fits the summary of a CI
        job. C(.json) is the result itself with the time, for programs and for C(since) of a later check. C(.xml) is JUnit XML,
        with a suite for each project and a case for each check of each connection.
      - A list of files writes all of them, since version 3.1.0 of the collection, which has also added C(.json) and C(.xml).
      - A link is followed if it is your own; another user's is refused.
    type: raw
  report_mode:
    description:
      - The permissions of O(report), as an octal number in quotes, such as V("0640").
      - By default, a report that exists keeps its permissions, and a new one is for you alone (V("0600")).
    type: str
    version_added: 2.5.0
  aws_assume_role_arn:
    description:
      - The ARN of an IAM role to assume with the credentials. The task reads everything as this role. A role is assumed once in a
        task, and again before its credentials expire.
      - V({account}) in it stands for the account of each connection, which the entry or Atlas names. So
        V(arn:aws:iam::{account}:role/network) is the role of this name in each account, since 3.1.0.
      - If AWS refuses one of these roles, the halves of the connections with its account are unknown.
    type: str
  aws_endpoint_url:
    description:
      - The address of AWS's services, instead of AWS's own addresses.
      - The environment variables E(AWS_ENDPOINT_URL_STS), E(AWS_ENDPOINT_URL_ROUTE_53), E(AWS_ENDPOINT_URL_ROUTE53RESOLVER) and
        E(AWS_ENDPOINT_URL_SERVICE_QUOTAS) take precedence for their services.
    type: str
  # Fragments have the rest of these.
  azure_auth_source:
    version_added: 2.6.0
  azure_profile:
    version_added: 2.6.0
  azure_client_id:
    version_added: 2.6.0
  azure_secret:
    version_added: 2.6.0
  azure_tenant:
    version_added: 2.6.0
  azure_cloud_environment:
    version_added: 2.6.0
  gcp_auth_kind:
    version_added: 2.3.0
  gcp_service_account_file:
    version_added: 2.3.0
  gcp_service_account_contents:
    version_added: 2.3.0
  gcp_service_account_email:
    version_added: 2.3.0
  gcp_access_token:
    version_added: 2.3.0
  gcp_scopes:
    version_added: 2.3.0
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
  - The API key or service account needs the role I(Project Read Only), or a role with more permissions, in each project.
  - The AWS credentials need the IAM permissions C(ec2:DescribeVpcPeeringConnections), C(ec2:DescribeVpcs),
    C(ec2:DescribeSubnets), C(ec2:DescribeRouteTables), C(ec2:DescribeNetworkAcls), C(ec2:DescribeVpcAttribute),
    C(ec2:DescribeDhcpOptions), C(ec2:GetManagedPrefixListEntries), C(route53:ListHostedZonesByVPC), C(route53:GetHostedZone),
    C(route53:ListResourceRecordSets),
    C(route53resolver:ListResolverRules), C(route53resolver:ListResolverRuleAssociations), C(servicequotas:GetServiceQuota),
    C(ec2:DescribeSecurityGroups), C(ec2:DescribeNetworkInterfaces), and C(sts:AssumeRole) (with O(aws_assume_role_arn) or
    O(aws_accounts)). The guide about credentials has an IAM policy with them.
  - Without C(ec2:DescribeNetworkInterfaces), subnets without clients are judged like all others, and security groups only if
    O(security_group_ids) names them. It is needed for O(instance_ids).
  - C(route53:GetHostedZone) and C(route53:ListResourceRecordSets) are needed where a private zone of a VPC answers for names of
    clusters. Only credentials of the zone's account can read it.
  - The task sends one request for each kind of object and each combination of AWS credentials and region, three for each VPC, and
    two for each private zone that answers for names of clusters.
    In Atlas, it sends one for each cloud. In GCP, it sends two for each project, and for each network two and one for each region
    with clients.
  - If AWS refuses a request because the account sends too many, the task sends it again, for up to two minutes, or O(timeout)
    times (O(retries) + 1) seconds if that is longer.
    E(AWS_RETRY_MODE) and E(AWS_MAX_ATTEMPTS) are not used.
  - In GCP, the account needs the permissions C(compute.networks.list), C(compute.subnetworks.list),
    C(compute.networks.listPeeringRoutes) and C(compute.networks.getEffectiveFirewalls), which the role I(Compute Network
    Viewer) has. With C(compute.projects.get), C(G401) names the host project of a shared VPC.
  - In Azure, it sends one request for each VNet, network security group and route table; from four of a kind in a subscription
    on, one for the list of that kind, if the account may read it. The permissions are C(Microsoft.Network/virtualNetworks/read),
    C(Microsoft.Network/networkSecurityGroups/read) and C(Microsoft.Network/routeTables/read).
  - O(api_version=v1.0) does not describe clusters, so it needs O(atlas=false).
seealso:
  - name: The connection is AVAILABLE, but …
    description: What each finding means, how to see it by hand, and what to change.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md
  - module: cloudpeer.atlas.atlas_probe
  - module: cloudpeer.atlas.atlas_gcp_peering
  - name: The whole path
    description: The role P(cloudpeer.atlas.vpc_peering#role) connects a project with VPCs, on both sides.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/whole_path.md
  - module: cloudpeer.atlas.atlas_vpc_peer_info
  - module: cloudpeer.atlas.atlas_cluster_info
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

- name: Check VPCs in two accounts
  cloudpeer.atlas.atlas_vpc_peer_check:
    container_region: us-east-1
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
        route_table_ids:
          - rtb-0a1b2c3d4e5f67890
        comment: the shop
        aws_profile: production
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "210987654321"
        region: eu-west-1
        container_region: eu-west-1
        route_table_tags:
          tier: app
        aws_security_group: sg-0a1b2c3d4e5f67890
        aws_assume_role_arn: arn:aws:iam::210987654321:role/network

- name: Check all connections of a project, in each account with the role of that name there, but for one
  cloudpeer.atlas.atlas_vpc_peer_check:
    aws_assume_role_arn: arn:aws:iam::{account}:role/network
    aws_accounts:
      "210987654321":
        profile: production

- name: Check what atlas_vpc_peers declares, with the names that it has for the options
  cloudpeer.atlas.atlas_vpc_peer_check:
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
        accepter_region_name: us-east-1
        container_id: 507f1f77bcf86cd799439011
        wait_for: available
      - azure_directory_id: 1a1a1a1a-b37e-4693-8497-83ecf183a145
        azure_subscription_id: fd01adff-b37e-4693-8497-83ecf183a145
        resource_group_name: network-group
        vnet_name: shop-vnet
        container_region_name: eastus2
    aws_profile: production

- name: Check whether some instances reach one cluster
  cloudpeer.atlas.atlas_vpc_peer_check:
    clusters:
      - shop
    subnet_ids:
      - subnet-0a1b2c3d4e5f67890
    security_group_ids:
      - sg-0a1b2c3d4e5f67890
    instance_ids:
      - i-0a1b2c3d4e5f67890
    client_cidr_blocks:
      - 10.15.1.0/24
    aws_profile: production
    aws_region: us-east-1

- name: Check all projects of an organization, and fail for what is new
  cloudpeer.atlas.atlas_vpc_peer_check:
    org_id: 5a1b2c3d4e5f6a7b8c9d0e1f
    project_names: ["shop-*"]
    aws_profile: production
    since: yesterday.json
    fail_on: new
  register: organization

- name: Check two projects, and never fail
  cloudpeer.atlas.atlas_vpc_peer_check:
    group_ids: [5356823b3794dee37132bb7b, 5356823b3794dee37132bb7c]
    fail_on: never

- name: Show what keeps the most connections from working
  ansible.builtin.debug:
    msg: "{{ organization.peering_check.findings | map(attribute='message') | first | default('Nothing') }}"

- name: Compare with another project, and leave the decision to the next tasks
  cloudpeer.atlas.atlas_vpc_peer_check:
    compare_group_ids:
      - 60f1b8d0a7b1c2d3e4f50617
    fail_on: never
    text: false
  register: checked

- name: Test from the hosts of the application that they reach the cluster
  cloudpeer.atlas.atlas_probe:
    members: "{{ members }}"
    atlas_cidr_block: "{{ checked.peering_check.connections[0].atlas_cidr_block }}"
  register: probed

- name: Join what they have found
  cloudpeer.atlas.atlas_vpc_peer_check:
    probes: "{{ ansible_play_hosts | map('extract', hostvars, ['probed', 'probe']) | list }}"
  run_once: true
  delegate_to: localhost

- name: Check the AWS half alone
  cloudpeer.atlas.atlas_vpc_peer_check:
    atlas: false
    atlas_cidr_block: 192.168.248.0/21
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        connection_id: pcx-0f3b9a6d7e8c12345
    aws_access_key: "{{ aws_access_key }}"
    aws_secret_key: "{{ aws_secret_key }}"
    aws_session_token: "{{ aws_session_token }}"
    aws_assume_role_arn: arn:aws:iam::123456789012:role/network
    aws_endpoint_url: https://aws-proxy.example.com
    aws_ca_bundle: /etc/ssl/certs/proxy.pem

- name: Check the Atlas half alone
  cloudpeer.atlas.atlas_vpc_peer_check:
    aws: false

- name: Check a VPC network in GCP, with what its clients use
  cloudpeer.atlas.atlas_vpc_peer_check:
    connections:
      - gcp_project_id: my-project
        network_name: my-network
        cidr_block: 10.30.0.0/16
    client_cidr_blocks:
      - 10.40.0.0/14
    gcp_auth_kind: serviceaccount
    gcp_service_account_file: /etc/gcp/peering.json

- name: Check VPC networks in two projects, each with its own account
  cloudpeer.atlas.atlas_vpc_peer_check:
    connections:
      - gcp_project_id: my-project
        network_name: my-network
        cidr_blocks:
          - 10.30.0.0/16
          - 10.40.0.0/14
        container_regions:
          - us-central1
        gcp_peering_name: atlas
        gcp_service_account_file: /etc/gcp/my-project.json
      - gcp_project_id: another-project
        network_name: default
        gcp_access_token: "{{ token_of_another_project }}"

- name: Check the GCP half alone, with a token from gcloud
  cloudpeer.atlas.atlas_vpc_peer_check:
    atlas: false
    connections:
      - provider_name: GCP
        gcp_project_id: my-project
        network_name: my-network
        atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
        atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
    gcp_access_token: "{{ lookup('ansible.builtin.pipe', 'gcloud auth print-access-token') }}"

- name: Read all connections with GCP, with a key from a vault, and another scope
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: GCP
    gcp_service_account_contents: "{{ gcp_peering_key }}"
    gcp_scopes:
      - https://www.googleapis.com/auth/cloud-platform

- name: Sign in to GCP as a service account of the machine that runs the task
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: GCP
    gcp_auth_kind: machineaccount
    gcp_service_account_email: peering@my-project.iam.gserviceaccount.com

- name: Check all clouds as far as Atlas knows them
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: all
    aws: false
    azure: false
    gcp: false

- name: Check a VNet, as an application that may read it
  cloudpeer.atlas.atlas_vpc_peer_check:
    connections:
      - azure_directory_id: 1a1a1a1a-b37e-4693-8497-83ecf183a145
        azure_subscription_id: fd01adff-b37e-4693-8497-83ecf183a145
        resource_group_name: network-group
        vnet_name: shop-vnet
        container_region: eastus2
    azure_client_id: 6f1e8f0e-37e5-4f3d-8d40-2f5f8bbf7a55
    azure_secret: "{{ azure_secret }}"
    azure_tenant: 1a1a1a1a-b37e-4693-8497-83ecf183a145

- name: Check VNets by their resource ids, each with credentials of its own
  cloudpeer.atlas.atlas_vpc_peer_check:
    connections:
      - vnet_resource_id: "{{ shop_vnet_id }}"
        azure_auth_source: credential_file
        azure_profile: production
      - vnet_resource_id: "{{ stock_vnet_id }}"
        azure_client_id: 6f1e8f0e-37e5-4f3d-8d40-2f5f8bbf7a55
        azure_secret: "{{ azure_secret }}"

- name: Check the Azure half alone, as the user of the Azure CLI
  cloudpeer.atlas.atlas_vpc_peer_check:
    atlas: false
    connections:
      - vnet_resource_id: "{{ shop_vnet_id }}"
        azure_directory_id: 1a1a1a1a-b37e-4693-8497-83ecf183a145
        atlas_cidr_block: 192.168.248.0/21
        atlas_vnet_name: vnet_5356823b3794dee37132bb7c_abcdefgh
    azure_auth_source: cli

- name: Read all connections with AZURE, with a profile
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: AZURE
    azure: true
    azure_profile: production
    azure_cloud_environment: AzureCloud

- name: Check VNets without credentials for Azure, by what modules of azure.azcollection have returned
  cloudpeer.atlas.atlas_vpc_peer_check:
    provider_name: AZURE
    vnet_peerings: "{{ peerings.vnetpeerings }}"
    virtual_networks: "{{ networks.virtualnetworks }}"
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
peering_check:
  description: The verdict, and what it is made from. Of a task that fails, the findings alone.
  returned: when both halves were read, also if the task fails for what it has found
  type: dict
  sample:
    verdict: not_reachable
    summary: The connection with vpc-0a1b2c3d4e5f67890 is not reachable (P601).
    not_looked_at: [Route 53 Profiles were not looked at.]
    findings:
      - code: P601
        codes: [P601]
        severity: fail
        message: rtb-0a1b2c3d4e5f67890 (main) has no route to 192.168.248.0/21.
        fix: Route 192.168.248.0/21 to pcx-0f3b9a6d7e8c12345 in rtb-0a1b2c3d4e5f67890.
        owner: AWS account 123456789012
        first_seen: "2026-11-28T09:30:00Z"
        is_new: true
        is_kept: false
        connections:
          - group_id: 507f1f77bcf86cd799439010
            project_name: shop
            provider_name: AWS
            vpc_id: vpc-0a1b2c3d4e5f67890
            vpc_name: shop
            aws_account_id: "123456789012"
            region: us-east-1
            connection_id: pcx-0f3b9a6d7e8c12345
            peer_id: 1112222b3bf99403840e8934
            container_id: 507f1f77bcf86cd799439011
            container_region: US_EAST_1
            subject: rtb-0a1b2c3d4e5f67890
            subnet_ids: [subnet-0a1b2c3d4e5f67890]
            owner: AWS account 123456789012
            commands:
              - aws ec2 create-route --route-table-id rtb-0a1b2c3d4e5f67890 --destination-cidr-block 192.168.248.0/21
                --vpc-peering-connection-id pcx-0f3b9a6d7e8c12345 --region us-east-1
            first_seen: "2026-11-28T09:30:00Z"
            is_new: true
    connections:
      - group_id: 507f1f77bcf86cd799439010
        project_name: shop
        provider_name: AWS
        vpc_id: vpc-0a1b2c3d4e5f67890
        vpc_name: shop
        aws_account_id: "123456789012"
        region: us-east-1
        connection_id: pcx-0f3b9a6d7e8c12345
        peer_id: 1112222b3bf99403840e8934
        status_name: AVAILABLE
        error_state_name: null
        container_id: 507f1f77bcf86cd799439011
        container_region: US_EAST_1
        atlas_cidr_block: 192.168.248.0/21
        cluster_names: [shop]
        verdict: not_reachable
        requested_at: null
        expires_at: null
        subnets:
          - subnet_id: subnet-0a1b2c3d4e5f67890
            subnet_name: shop-a
            cidr_block: 10.15.1.0/24
            route_table_id: rtb-0a1b2c3d4e5f67890
            verdict: not_reachable
        checks:
          - code: P601
            severity: fail
            subject: rtb-0a1b2c3d4e5f67890
            message: rtb-0a1b2c3d4e5f67890 (main) has no route to 192.168.248.0/21.
            fix: Route 192.168.248.0/21 to pcx-0f3b9a6d7e8c12345 in rtb-0a1b2c3d4e5f67890.
            evidence: {}
            waits_for: null
            connections: [vpc-0a1b2c3d4e5f67890]
  contains:
    verdict:
      description: The worst verdict on a connection. V(reachable_by_design) if nothing is missing, V(not_reachable) if a check
        fails, and V(unknown) if a check that decides could not be done, if one half was not read, or if there is no connection.
      type: str
    summary:
      description: The verdict in a sentence, with the codes of the checks that failed or could not be done.
      type: str
    not_looked_at:
      description: What could keep traffic from flowing and no check has looked at, in the clouds that were read; a sentence for
        each thing. It does not change the verdict.
      type: list
      elements: str
      version_added: 2.6.0
    findings:
      description: >-
        What the checks have found on all connections together, the worst first: V(fail), V(unknown), V(warn) and V(info). What
        differs only in names of the connections is one finding, and so is what could not be read for one cause.
      type: list
      elements: dict
      version_added: 3.1.0
      contains:
        code:
          description: The code of the check. The first of RV(peering_check.findings[].codes), if there are several.
          type: str
        codes:
          description: The codes of all checks that have found this. Only what could not be read concerns several.
          type: list
          elements: str
        severity:
          description: V(fail), V(unknown), V(warn) or V(info).
          type: str
        message:
          description: What was found. If it is so of several things, nouns stand in the place of their names.
          type: str
        fix:
          description: What to do. Empty if there is nothing to do.
          type: str
        owner:
          description: >-
            Who can do it: account, subscription or project, organization or folder, or the playbook if an option is wrong.
          type: str
          version_added: 3.4.0
        first_seen:
          description: When this was first found on one of the connections, in UTC, as O(since) says; else the time of this run.
          type: str
        is_new:
          description: Whether O(since) does not have this on one of the connections. Null if it is not set.
          type: bool
        is_kept:
          description: Whether this comes from O(since), because what it is about could not be read now.
          type: bool
        connections:
          description: Where it was found, once for each connection and subject; what could not be read, once for each connection.
            The fields of the network are those of RV(peering_check.connections).
          type: list
          elements: dict
          contains:
            group_id:
              description: The id of the project. Null if Atlas was not read.
              type: str
            project_name:
              description: The name of the project. Null if it is not known.
              type: str
            provider_name:
              description: The cloud of the network.
              type: str
            vpc_id:
              description: The id of the VPC.
              returned: on AWS
              type: str
            vpc_name:
              description: The tag C(Name) of the VPC. Null if it is not known.
              returned: on AWS
              type: str
            aws_account_id:
              description: The account of the VPC, from the entry or from Atlas. Null if neither has it.
              returned: on AWS
              type: str
            region:
              description: The region of the VPC. Null if it is not known.
              returned: on AWS
              type: str
            connection_id:
              description: The id of the connection there. Null if there is none yet.
              returned: on AWS
              type: str
            azure_subscription_id:
              description: The id of the subscription of the VNet.
              returned: on AZURE
              type: str
              sample: fd01adff-b37e-4693-8497-83ecf183a145
            resource_group_name:
              description: The resource group of the VNet. Null if it is not known.
              returned: on AZURE
              type: str
              sample: network-group
            vnet_name:
              description: The name of the VNet.
              returned: on AZURE
              type: str
              sample: shop-vnet
            gcp_project_id:
              description: The project of the VPC network.
              returned: on GCP
              type: str
              sample: my-project
            network_name:
              description: The name of the VPC network.
              returned: on GCP
              type: str
              sample: my-network
            peer_id:
              description: The id of the connection in Atlas. Null if there is none, or Atlas was not read.
              type: str
            container_id:
              description: The id of the network container. Null if there is none, or Atlas was not read.
              type: str
            container_region:
              description: The region of the network container. Null on GCP, and if it is not known.
              type: str
              version_added: 3.4.0
            owner:
              description: >-
                Who can do it: account, subscription or project, organization or folder, or the playbook if an option is wrong.
              type: str
              version_added: 3.4.0
            subject:
              description: What it is about on this connection, as an id or a name.
              type: str
            subnet_ids:
              description: The subnets that it cuts off. Null if it concerns the whole connection.
              type: list
              elements: str
            commands:
              description: Lines for C(aws), C(az) or C(gcloud) that carry out the fix, in order. Empty for none.
              type: list
              elements: str
              version_added: 3.4.0
            first_seen:
              description: When this was first found here.
              type: str
            is_new:
              description: Whether O(since) does not have this here. Null if it is not set.
              type: bool
    connections:
      description: The connections, in the order of O(connections), or as Atlas lists them, project by project.
      type: list
      elements: dict
      contains:
        group_id:
          description: The id of the project. Null if Atlas was not read.
          type: str
          version_added: 3.1.0
          sample: 507f1f77bcf86cd799439010
        project_name:
          description: The name of the project, if the task has it from O(project_name) or from Atlas. Null otherwise.
          type: str
          version_added: 3.1.0
          sample: shop
        provider_name:
          description: The cloud of the network. The fields of the network differ between clouds.
          type: str
          version_added: 2.3.0
        azure_subscription_id:
          description: The id of the subscription of the VNet.
          returned: on AZURE
          type: str
          sample: fd01adff-b37e-4693-8497-83ecf183a145
          version_added: 2.3.0
        resource_group_name:
          description: The resource group of the VNet, from Atlas or from the entry. Null if neither has it.
          returned: on AZURE
          type: str
          sample: network-group
          version_added: 2.3.0
        vnet_name:
          description: The name of the VNet.
          returned: on AZURE
          type: str
          version_added: 2.3.0
          sample: production-vnet
        gcp_project_id:
          description: The project of the VPC network.
          returned: on GCP
          type: str
          version_added: 2.3.0
          sample: my-sample-project-191923
        network_name:
          description: The name of the VPC network.
          returned: on GCP
          type: str
          version_added: 2.3.0
          sample: production
        vpc_id:
          description: The id of the VPC.
          returned: on AWS
          type: str
        vpc_name:
          description: The tag C(Name) of the VPC. Null if it has none, or AWS was not read.
          returned: on AWS
          type: str
          version_added: 3.1.0
        aws_account_id:
          description: The account of the VPC, from the entry or from Atlas. Null if neither has it.
          returned: on AWS
          type: str
        region:
          description: The region of the VPC. Null if it is not known.
          returned: on AWS
          type: str
        connection_id:
          description: The id of the connection there. Null if there is none yet.
          returned: on AWS
          type: str
        peer_id:
          description: The id of the connection in Atlas. Null if there is none, or Atlas was not read.
          type: str
        status_name:
          description: The state of the connection in Atlas. Null if there is none, or Atlas was not read.
          type: str
          version_added: 3.1.0
        error_state_name:
          description: What Atlas says about a connection that has failed. Null for any other.
          type: str
          sample: REJECTED
          version_added: 3.1.0
        container_id:
          description: The id of the network container. Null if there is none, or Atlas was not read.
          type: str
        container_region:
          description: The region of the network container. Null on GCP, and if it is not known.
          type: str
          version_added: 3.4.0
        atlas_cidr_block:
          description: The CIDR block of the network container. Null if it is not known.
          type: str
        cluster_names:
          description: The names of the clusters that are judged.
          type: list
          elements: str
        verdict:
          description: The verdict on this connection.
          type: str
        requested_at:
          description: When a request that waits for you was sent, in UTC. Null if the connection waits for nobody.
          type: str
          version_added: 2.5.0
          sample: "2026-11-20T09:30:00Z"
        expires_at:
          description: Until when the connection can be accepted in AWS. Null if it does not wait for that.
          type: str
          sample: "2026-12-01T12:00:00Z"
        subnets:
          description: The subnets that are judged. Always empty on AZURE and GCP.
          type: list
          elements: dict
          contains:
            subnet_id:
              description: The id of the subnet.
              type: str
            subnet_name:
              description: The tag C(Name) of the subnet. Null if it has none.
              type: str
              version_added: 3.1.0
            cidr_block:
              description: The IPv4 block of the subnet. Null if it has only IPv6.
              type: str
            route_table_id:
              description: The route table of the subnet. Null if it is not known.
              type: str
            verdict:
              description: The verdict on this subnet.
              type: str
        checks:
          description: What the checks have found, in the order of their numbers. Each check for the cloud has at least one entry,
            but with several projects, those that are V(ok) or V(skipped) are left out.
          type: list
          elements: dict
          contains:
            code:
              description: The code of the check, which is also an anchor in the guide.
              type: str
            severity:
              description: V(fail) keeps the connection from working. V(warn) may do so. V(info) is worth knowing. V(ok) is all
                right. V(unknown) could not be read. V(skipped) had nothing to judge, or another check names the cause.
              type: str
            subject:
              description: What the finding is about, as an id or a name.
              type: str
            message:
              description: What was found. Empty if it is all right.
              type: str
            fix:
              description: What to do. Empty if there is nothing to do.
              type: str
            evidence:
              description: The values from which the finding is made. They differ from check to check.
              type: dict
              sample: {}
            waits_for:
              description: The code of the check that names the cause. Null if there is none.
              type: str
              sample: P101
            connections:
              description: >-
                The networks of all connections with the same finding: the same code, severity, subject and message. The text and
                the reports have it once, with the first of them.
              type: list
              elements: str
              sample: [vpc-0a1b2c3d4e5f67890]
              version_added: 2.6.0
    projects:
      description: The projects of the task, those without any connection and those that could not be read too.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: list
      elements: dict
      version_added: 3.1.0
      sample:
        - id: 507f1f77bcf86cd799439010
          name: shop
          org_id: 5a1b2c3d4e5f6a7b8c9d0e1f
          count: 1
          states:
            AVAILABLE: 1
          verdict: not_reachable
      contains:
        id:
          description: The id of the project.
          type: str
        name:
          description: The name of the project. Null if the credentials cannot see it.
          type: str
        org_id:
          description: The id of its organization. Null if the credentials cannot see the project.
          type: str
        count:
          description: How many connections it has with the clouds that were read.
          type: int
        states:
          description: How many of them are in which state.
          type: dict
        verdict:
          description: The worst verdict on a connection of it. V(unknown) if it could not be read. Null if it has no connection.
          type: str
    failures:
      description: The projects that could not be read. The task fails if there is one, unless O(fail_on=never).
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: list
      elements: dict
      version_added: 3.1.0
      sample:
        - group_id: 507f1f77bcf86cd799439010
          project_name: shop
          msg: >-
            Failed to list the network containers of project 507f1f77bcf86cd799439010: Current user is not authorized to perform
            this action (HTTP 403 USER_UNAUTHORIZED). Check public_key and private_key (or client_id and client_secret, or
            access_token), and that they have a role in the project.
          http_status: 403
          error_code: USER_UNAUTHORIZED
          detail: Current user is not authorized to perform this action
      contains:
        group_id:
          description: The id of the project.
          type: str
        project_name:
          description: The name of the project. Null if the credentials cannot see it.
          type: str
        msg:
          description: Why it could not be read.
          type: str
        http_status:
          description: The HTTP status of a refusal. Null without one.
          type: int
        error_code:
          description: The error code of Atlas. Null if there is none.
          type: str
        detail:
          description: What Atlas or the network said about it. Null if nothing.
          type: str
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
  contains:
    sent:
      description: All requests.
      type: int
    writes:
      description: Those that may change something.
      type: int
api_calls:
  description: The requests to Atlas, AWS and GCP in the order of their replies, each with C(method), C(path) (for AWS the action,
    as in an IAM policy), C(status) (null without a reply) and C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: POST
      path: ec2:DescribeVpcs
      status: 200
      milliseconds: 48
http_status:
  description: The HTTP status of a refusal by Atlas, AWS or GCP. Null without one.
  returned: failure
  type: int
error_code:
  description: The error code of Atlas, AWS or GCP. Null if there is none.
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
