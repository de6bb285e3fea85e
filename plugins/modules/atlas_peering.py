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
    manages the network containers, the connections, and the entries of the access list. In AWS, it accepts the connections and
    adds the routes. In AZURE, it gives Atlas a role on the VNets. In GCP, it makes the other half of the peering.
  - The task reads both sides and plans the whole list before it changes anything. If something is wrong, on either side, it
    fails with everything that is wrong, and changes nothing.
  - It then works on all connections at once, on all clouds. If a step fails for one of them, the others are still done. The task
    fails at the end, and says what it has done. Run it again, and it continues from there.
  - You can run it again at any time. It does what is missing, and changes nothing if everything is in place.
  - The task keeps what others have created, such as routes with another target, entries of the access list and their comments,
    and network containers. It does not change security groups and network ACLs. They have to allow traffic to Atlas as well.
    M(cloudpeer.atlas.atlas_vpc_peer_check) says what is in the way.
options:
  group_id:
    description:
      - The id of the Atlas project, 24 hexadecimal digits. The API calls a project a group.
      - If neither this nor O(project_name) is set, the environment variable E(MONGODB_ATLAS_PROJECT_ID) is used, and then the
        C(project_id) of the O(profile).
      - If this or O(project_name) is set, in the task or in C(module_defaults), a connection without a name in AWS gets the name
        C(atlas-) and the id of the project.
      - One of O(group_id) and O(project_name) is required unless O(atlas=false).
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
      - With O(atlas=false), this has no effect, because only Atlas knows the id of the project. Set O(group_id) if connections
        are to get their names in AWS even so.
    type: str
    version_added: 3.1.0
  api_version:
    description:
      - The version of the Atlas Administration API. V(v1.0) is refused.
    type: str
    choices: [v2, v1.0]
    default: v2
  state:
    description:
      - V(present) connects the networks. V(absent) disconnects them, but keeps the network containers unless
        O(remove_container=true).
      - With V(absent), the task removes the routes, the entries of the access list, the connections, and then the peerings in GCP
        and Atlas's roles in AZURE that this collection has made and that nothing needs. An entry of the access list stays if a
        connection that stays can need it, and the result says why. For this, the task reads the blocks of VNets, and of the
        subnets in GCP, that other connections have. It uses the credentials of an entry with the same subscription or project, or
        else those at the top. Where they cannot be read, the entry stays.
    type: str
    choices: [present, absent]
    default: present
  connections:
    description:
      - The networks to connect. To reach clusters in several regions, a network needs a connection to each network container, and
        so an entry for each O(connections[].container_region). On GCP, one connection reaches the clusters in all regions.
      - An entry on AWS needs O(connections[].vpc_id) and O(connections[].aws_account_id), and one on GCP
        O(connections[].gcp_project_id) and O(connections[].network_name). One on AZURE needs O(connections[].azure_directory_id),
        and O(connections[].vnet_resource_id) or its three parts. With O(state=absent), AZURE needs no directory.
      - The options of an entry say on which cloud it is. Options of two clouds in one entry are a failure.
      - A list for M(cloudpeer.atlas.atlas_vpc_peers) or M(cloudpeer.atlas.atlas_vpc_peer_check) is taken as it is. The options
        have aliases with the names that they have there. With C(-v), the task says which options have no effect.
      - An option of an entry that is an empty string or an empty list counts as not set.
      - Without O(prune), an empty list does nothing.
    type: list
    elements: dict
    required: true
    suboptions:
      # From scripts/tables/entries.yml: make fragments.
      provider_name:
        description: The cloud of the entry. It follows from the other options, which are for one cloud alone.
        type: str
        choices: [AWS, AZURE, GCP]
      vpc_id:
        description: The id of the VPC in AWS.
        type: str
      aws_account_id:
        description: The AWS account that owns the VPC. Quote it, because YAML drops the leading zeros of a number.
        type: str
      connection_id:
        description: The id of the connection in AWS (V(pcx-...)). This is required with O(atlas=false), and ignored otherwise.
        type: str
      azure_directory_id:
        description: The id of the Entra tenant (directory) of the VNet.
        type: str
      azure_subscription_id:
        description: The id of the subscription of the VNet.
        type: str
      resource_group_name:
        description: The name of the resource group of the VNet.
        type: str
      vnet_name:
        description: The name of the VNet. Upper and lower case are the same in all ids and names of AZURE.
        type: str
      vnet_resource_id:
        description: The resource id of the VNet, which has its subscription, resource group and name.
        type: str
      gcp_project_id:
        description: The id of the project in GCP that has the VPC network.
        type: str
      network_name:
        description: The name of the VPC network in GCP.
        type: str
      container_id:
        description: The id of the network container, in place of its region. Mutually exclusive with
          O(connections[].container_region).
        type: str
      container_region:
        description: The region of the network container on AWS or AZURE, if it differs from O(container_region).
        type: str
        aliases: [container_region_name]
      cidr_block:
        description:
          - On AWS, the CIDR block of the VPC, or the part of it that you want to connect.
          - This may be left out for a VPC with only one block, unless O(aws=false).
          - If this becomes narrower, the narrower entry of the access list replaces the wider one; see O(access_list).
          - With O(state=absent), if this is not set, the block of the connection is removed from the access list.
          - On AZURE and GCP, this is for the access list alone, like O(connections[].cidr_blocks). The alias is for AWS.
        type: str
        aliases: [route_table_cidr_block]
      cidr_blocks:
        description:
          - On AZURE and GCP, the ranges of the clients for the access list.
          - If neither this nor O(connections[].cidr_block) is set on AZURE, these are the blocks of the VNet. A VPC network in
            GCP has no block of its own, so the task then adds nothing to the access list, and says so. Set those of the subnets
            and of GKE pods.
        type: list
        elements: str
      container_cidr_block:
        description: The CIDR block of the network container in O(connections[].container_region), and on GCP that of the only
          one, as O(container_cidr_block).
        type: str
        aliases: [atlas_cidr_block]
      comment:
        description:
          - The comment of the entry in the access list. The default is C(VPC peering with) and the name of the network, which is
            the id on AWS, C(resource_group_name) and C(vnet_name) on AZURE, and C(gcp_project_id) and C(network_name) on GCP.
          - An existing entry keeps its comment. Only entries with this comment or with the default one are removed.
        type: str
      region:
        description: The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1). The default is the region of the network
          container.
        type: str
        aliases: [accepter_region_name, aws_region]
      route_table_ids:
        description: The ids of the route tables that get a route to Atlas. Without these and O(connections[].route_table_tags),
          the main route table and those with a subnet get it. A table that has such a route already, by this connection or by one
          that has ended, keeps it.
        type: list
        elements: str
      route_table_tags:
        description: The tags of the route tables that get a route to Atlas.
        type: dict
      aws_security_group:
        description:
          - Let only this security group connect, instead of all addresses in O(connections[].cidr_block). It must be one of the
            VPC. Entries of the access list with blocks of the VPC that were added for it are removed; see O(access_list).
          - This names the clients in the access list of Atlas. The rules of the security group are not changed.
        type: str
      aws_profile:
        description:
          - The AWS profile with the credentials of this account.
          - An entry with this or with O(connections[].aws_access_key) uses none of the credentials at the top, neither
            O(aws_assume_role_arn) nor O(aws_accounts).
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
      azure_profile:
        description:
          - The profile with the credentials for this VNet.
          - An entry with this, O(connections[].azure_client_id) or O(connections[].azure_auth_source) uses none of the
            credentials at the top.
        type: str
      azure_client_id:
        description: The id of a service principal to sign in with for this VNet, instead of a profile.
        type: str
      azure_secret:
        description: The secret of that service principal.
        type: str
      atlas_vnet_name:
        description: The name of Atlas's own VNet. With O(atlas=false), it says which peering of the VNet is Atlas's. It is
          ignored otherwise.
        type: str
      atlas_gcp_project_id:
        description: The id of Atlas's own project in GCP. This is required with O(atlas=false), and ignored otherwise.
        type: str
      atlas_network_name:
        description: The name of Atlas's own network in GCP. This is required with O(atlas=false), and ignored otherwise.
        type: str
      container_regions:
        description: On GCP, the regions to which a new network container is limited, written as V(europe-west3) or
          V(EUROPE_WEST_3). If this is not set, it is for all regions.
        type: list
        elements: str
      gcp_peering_name:
        description:
          - The name of a new peering in GCP. The default is C(atlas-) and the name of Atlas's network. A peering that leads to
            Atlas's network is used whatever its name is.
          - With O(state=absent), the peering of this name is removed if Atlas no longer has the network container that tells
            where it leads.
        type: str
      gcp_service_account_file:
        description:
          - The JSON file with the key of a service account for this project in GCP.
          - An entry with this or with O(connections[].gcp_access_token) uses none of the credentials at the top.
        type: path
      gcp_access_token:
        description: An OAuth 2.0 token for this project in GCP, instead of a key.
        type: str
      wait_for:
        description: This has no effect. It is accepted because M(cloudpeer.atlas.atlas_vpc_peers) has it.
        type: str
  container_region:
    description:
      - The region of the network container in Atlas, written as V(us-east-1) or V(US_EAST_1). If there is none in that region,
        it is created.
      - In a list with entries on AZURE alone, this is a region of AZURE, V(northeurope) or V(EUROPE_NORTH). In a list with
        entries on several clouds, it is that on AWS. On GCP, a project has one network container for all regions, so this has
        no effect there.
      - If neither this nor the entry names a container, it is the one to which the network has its only connection. A network
        without one gets a connection to the only network container that the project has on its cloud. If there is none, or if
        there are several, the task fails.
    type: str
  container_cidr_block:
    description:
      - The CIDR block of the network container. On AWS, Atlas chooses one for a new container if this is not set. On AZURE and
        GCP, it is required for a new network container.
      - In a list with entries on several clouds, this is the block of the network container on AWS. Set
        O(connections[].container_cidr_block) in an entry on another cloud.
      - This is required with O(atlas=false) on AWS, because the routes lead to this block.
      - With O(state=absent), the routes to this block are removed if Atlas no longer has the network container.
    type: str
  remove_container:
    description:
      - With O(state=absent), remove the network containers as well. The task then reads the clusters, too.
      - If a cluster has nodes in such a network container, and is not being deleted, the task fails before it changes anything.
        If a connection that the list does not have uses it, the task does all else, and fails at its end.
      - A network container is removed if the list names it (by O(connections[].container_id) or
        O(connections[].container_region), on GCP by O(connections[].container_cidr_block)), or if a connection of the list was in
        it when the task began. Others stay, the only one of a cloud too, because another team may have made it.
        RV(peering.remaining) then says which option names it.
    type: bool
    default: false
  atlas:
    description:
      - Whether to do the Atlas half. Set this to V(false) if another team does it. RV(peering.remaining) then says what that team
        has to do.
    type: bool
    default: true
  aws:
    description:
      - Whether to do the AWS half. Set this to V(false) if another team does it. RV(peering.remaining) then says what that team
        has to do, and the task does not wait until connections with AWS carry traffic.
    type: bool
    default: true
  azure:
    description:
      - Whether to give Atlas its role on the VNets in AZURE. Set this to V(false) if another team does it.
      - Atlas refuses a connection to a VNet on which it has no role. The task then shows the commands for that team on the
        standard error, and sends the creation again for O(azure_role_timeout), so that they can be run meanwhile. Afterwards, it
        fails, and the message and RV(peering.remaining) have them.
    type: bool
    default: true
  gcp:
    description:
      - Whether to make the peering in GCP. Set this to V(false) if another team does it. RV(peering.remaining) then has the
        command with which that team makes it, and the task does not wait until connections with GCP carry traffic.
    type: bool
    default: true
  access_list:
    description:
      - Whether to manage the entries of the access list in Atlas.
      - They are added in one request, after the connections are available, and an entry that exists keeps its comment.
      - An entry belongs to a network if it has the comment of that, which is O(connections[].comment) or its default. Such an
        entry is removed if all that O(connections) declares for the network is a part of it, or if a security group is declared
        and the entry has addresses of the VPC. It is removed after the new entries are in force, and until then, both count for
        the limit of 200 entries. Other entries of the network stay, since another list may need them, and RV(peering.remaining)
        names them.
      - With O(state=absent), all entries of the network are removed, unless the project keeps a connection of it.
      - No entry is removed that a connection which stays can need.
      - Tasks with the same project, which one user runs on one machine, take turns here, such as the hosts of a play.
    type: bool
    default: true
  atlas_aws_account_ids:
    description:
      - The AWS accounts from which to accept a connection, which are those of Atlas. If this is not set, the task warns when it
        accepts a connection, and names the account.
      - There is no warning about an account that has requested another connection in the same network container, if Atlas lists
        that one, and AWS shows it as active to the same credentials.
    type: list
    elements: str
  replace_routes:
    description:
      - Whether to replace a route to exactly the block of the network container that has another target. With V(false), the task
        fails if there is such a route, before it changes anything.
      - A wider route stays. If a new route takes addresses from one that leads elsewhere, such as C(192.168.0.0/16) to a transit
        gateway, a warning says so, and the diff has it as C(replaces).
      - The task fails before it changes anything if a route table has as many routes as AWS allows.
    type: bool
    default: false
  dns:
    description:
      - What to do if a VPC does not resolve the names of clusters to private addresses, because C(enableDnsSupport) or
        C(enableDnsHostnames) is off. V(warn) warns. V(enable) enables both. V(ignore) does not read them.
    type: str
    choices: [warn, enable, ignore]
    default: warn
  tags:
    description: Tags to add to the connections in AWS. The task removes a tag only with O(purge_tags).
    type: dict
  purge_tags:
    description:
      - Whether to remove the tags of the connections in AWS that O(tags) does not have. V(Name) stays, and so do AWS's own
        tags, which begin with C(aws:).
      - It has no effect if O(tags) is not set. With C({}), all others are removed.
    type: bool
    default: false
    version_added: 3.2.0
  recreate:
    description:
      - What to do with a connection that has failed permanently, because it was rejected or has expired, and with one that
        differs in what Atlas cannot change.
      - V(never) fails. V(dead) removes a connection that has failed, and requests a new one.
      - V(changed) does the same as V(dead), and also replaces a connection that works and differs, such as in its region, or on
        AZURE in its resource group or directory. It carries no traffic until the new one does.
    type: str
    choices: [never, dead, changed]
    default: never
  prune:
    description:
      - Remove the connections of the project that O(connections) does not have and O(ignore) does not match, whoever has created
        them. A connection of a listed network to another network container is one of them.
      - Connections are removed on the clouds that the list has entries on. An empty list is one of AWS, and the task warns that
        it leaves the other clouds alone.
      - What a connection leaves is removed first, on both sides, which are its routes, its peering in GCP, its entries in the
        access list unless another connection can need them, and Atlas's role in AZURE. The task uses the credentials of an entry
        with the same account, project or subscription, or else those at the top if they are of that account. Where it has none,
        the connection is removed all the same, and RV(peering.remaining) says what is left, and where. With
        O(access_list=false), entries of the access list stay, and it says so.
      - The list must be the only one for the project. In Ansible's own process, the task fails if another host of the play has
        the same project or an unknown one, by the variable C(vpc_peering_group_id), if the play uses the role.
      - This has no effect with O(state=absent), and is refused with O(atlas=false).
    type: bool
    default: false
  max_deletions:
    description:
      - With O(prune=true), how many connections the task may remove or replace. If there would be more, the task fails before it
        changes anything, also in check mode, and the result shows the plan. Connections that O(recreate) replaces count as well.
      - If this is not set, the task may remove or replace one. It then removes nothing at all if no entry of O(connections) has a
        connection in the project, whatever its state, because this may be the wrong project, or one that others use as well. An
        empty list with O(allow_empty=true) is such a case. Until release 3.2.0, this was V(1) by default.
      - This has no effect with O(prune=false).
    type: int
  ignore:
    description:
      - The connections that O(prune) leaves alone, as a list of patterns, which are described with the option
        O(cloudpeer.atlas.atlas_vpc_peers#module:ignore). For example, C(aws_account_id) with V("210987654321") leaves all
        connections with that account alone.
    type: list
    elements: dict
    default: []
  ignore_unmatched:
    description:
      - What to do if a pattern of O(ignore) matches nothing, and O(prune) would remove something. V(fail) fails before the task
        changes anything. V(warn) warns, for a list of patterns that several projects share.
    type: str
    choices: [fail, warn]
    default: fail
  allow_empty:
    description:
      - Accept empty O(connections) with O(prune=true), which removes all connections with AWS that O(ignore) does not match.
        Without this, an empty list is a failure.
    type: bool
    default: false
  azure_role_timeout:
    description:
      - How long to send the creation of a connection with AZURE again, in seconds, while Atlas has no rights in the VNet. Azure
        may need minutes until a new role is known everywhere.
    type: int
    default: 300
  parallel:
    description:
      - How many requests that change something to send at the same time, to Atlas, and to each account and region of AWS, at most
        16. If Atlas or AWS limits the rate, the task sends fewer and pauses.
    type: int
    default: 8
  wait_timeout:
    description:
      - How long each step may take for all entries together, in seconds. The steps are the network containers, Atlas's roles,
        what pruned connections leave, the requests, both sides, and the access list, so the waits can add up. An entry that is
        not ready by then fails.
    type: int
    default: 1800
  wait_sleep:
    description:
      - The longest pause between two checks of the state, in seconds. The first pauses are shorter.
    type: int
    default: 10
  aws_assume_role_arn:
    description:
      - The ARN of an IAM role to assume with the credentials. A role is assumed once in a task, and again before its credentials
        expire.
      - V({account}) in it stands for the account of each connection. So V(arn:aws:iam::{account}:role/network) is the role of
        this name in each account, since 3.1.0.
      - With O(prune), what pruned connections leave in accounts that the list does not have is removed with this role.
    type: str
  aws_endpoint_url:
    description:
      - The address of AWS's services, instead of AWS's own addresses. The environment variable E(AWS_ENDPOINT_URL_STS) takes
        precedence for its service.
    type: str
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection.clouds
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._aws.prefixed
  - cloudpeer.atlas._azure.prefixed
  - cloudpeer.atlas._gcp.prefixed
requirements:
  - boto3 1.28 or later, for entries on AWS, unless O(aws=false)
  - azure-identity 1.17 or later, for entries on AZURE, unless O(azure=false)
  - google-auth 2.14 or later, for entries on GCP, unless O(gcp=false)
notes:
  - The API key or service account needs the role I(Project Network Access Manager) or I(Project Owner) in the project.
  - In the clouds, the credentials need the permissions that M(cloudpeer.atlas.atlas_vpc_peer_accepter),
    M(cloudpeer.atlas.atlas_azure_role) and M(cloudpeer.atlas.atlas_gcp_peering) list. An account, a project or a subscription
    that cannot be read refuses the whole list. If a permission to change something is missing, its entries fail, and the others
    are done.
  - In Atlas, the task reads one list for each cloud of O(connections), the network containers and the access list. If entries of
    the access list are to be removed, it reads the connections with all clouds, and in AZURE each VNet and in GCP the subnets of
    each project (C(compute.subnetworks.list)) that others of them have. In AWS, it reads with a few requests for each
    combination of credentials and region, however many VPCs there are.
  - Atlas allows 50 connections in a project, of which 25 may be pending. If there are more than 25, the task requests the others
    as soon as places become free. They fail where nothing of the task makes places free, such as with O(aws=false).
  - A step that waits begins with a line on the standard error, such as C(12 of 50 accepted, 3 wait for Atlas). With C(-v), each
    entry is shown as it ends, if the task runs in Ansible's own process.
  - C(module_defaults) of the action groups for AWS, AZURE and GCP do not reach this module. Set O(aws_profile) and the like in
    C(module_defaults) of this module.
seealso:
  - name: Credentials
    description: The permissions in AWS, AZURE and GCP, and where credentials come from.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/credentials.md
  - module: cloudpeer.atlas.atlas_vpc_peer_check
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_vpc_peers
  - module: cloudpeer.atlas.atlas_vpc_peer_accepter
  - module: cloudpeer.atlas.atlas_azure_role
  - module: cloudpeer.atlas.atlas_gcp_peering
  - module: cloudpeer.atlas.atlas_network_container
  - module: cloudpeer.atlas.atlas_access_list
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
    atlas_aws_account_ids:
      - "222222222222"
    tags:
      team: data
    purge_tags: true
    dns: enable
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
        region: us-west-2
        aws_security_group: sg-0a1b2c3d4e5f67890
        route_table_ids:
          - rtb-0a1b2c3d4e5f67890
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
        cidr_blocks:
          - 10.30.0.0/16
          - 10.40.0.0/14
  register: connected

- name: Show what is left to do
  ansible.builtin.debug:
    var: connected.peering.remaining

- name: Connect VPCs in two accounts, with credentials for each
  cloudpeer.atlas.atlas_peering:
    container_region: us-east-1
    aws_profile: network
    parallel: 4
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_tags:
          tier: application
        aws_assume_role_arn: arn:aws:iam::123456789012:role/network
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "210987654321"
        container_id: 507f1f77bcf86cd799439011
        aws_access_key: AKIAIOSFODNN7EXAMPLE
        aws_secret_key: "{{ lookup('ansible.builtin.env', 'SHOP_SECRET_KEY') }}"
        aws_session_token: "{{ lookup('ansible.builtin.env', 'SHOP_SESSION_TOKEN') }}"
        aws_endpoint_url: https://aws-proxy.example.com
        aws_ca_bundle: /etc/ssl/certs/proxy.pem
      - vpc_id: vpc-0f9e8d7c6b5a43211
        aws_account_id: "310987654321"
        aws_profile: production

- name: Connect VPCs in many accounts, each with the role of that name there, but for two
  cloudpeer.atlas.atlas_peering:
    container_region: us-east-1
    connections: "{{ vpc_peering_connections }}"
    aws_assume_role_arn: arn:aws:iam::{account}:role/network
    aws_accounts:
      "210987654321":
        assume_role_arn: arn:aws:iam::210987654321:role/legacy/atlas
      "310987654321":
        profile: production

- name: Make the list the only one of the project, and replace what has expired
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    recreate: dead
    replace_routes: true
    prune: true
    max_deletions: 5
    ignore:
      - aws_account_id: "210987654321"
    ignore_unmatched: warn

- name: Move connections to where the list says that they are
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    recreate: changed

- name: Do the Atlas half alone, without the access list
  cloudpeer.atlas.atlas_peering:
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
    aws: false
    access_list: false

- name: Do the halves in the clouds alone
  cloudpeer.atlas.atlas_peering:
    atlas: false
    azure: true
    gcp: true
    azure_auth_source: credential_file
    azure_profile: production
    gcp_service_account_file: /etc/gcp/shop.json
    connections:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        provider_name: AWS
        connection_id: pcx-0f3b9a6d7e8c12345
        container_cidr_block: 192.168.248.0/21
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        vnet_resource_id: >-
          /subscriptions/2a9b7c1e-0000-4000-8000-000000000002/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/shop
        atlas_vnet_name: vnet_5356823b3794dee37132bb7b_abcdefgh
        azure_auth_source: auto
        azure_client_id: 6f1e8f0e-37e5-4f3d-8d40-2f5f8bbf7a55
        azure_secret: "{{ lookup('ansible.builtin.env', 'SHOP_AZURE_SECRET') }}"
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        azure_subscription_id: 2a9b7c1e-0000-4000-8000-000000000002
        resource_group_name: network
        vnet_name: office
        azure_profile: office
      - gcp_project_id: my-sample-project-191923
        network_name: shop
        atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
        atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
        gcp_peering_name: atlas
        gcp_service_account_file: /etc/gcp/network.json
      - gcp_project_id: my-other-project-191923
        network_name: office
        atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
        atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
        gcp_access_token: "{{ lookup('ansible.builtin.env', 'OFFICE_GCP_TOKEN') }}"

- name: Sign in to the clouds with keys from a vault
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    azure_role_timeout: 900
    aws_region: us-east-1
    aws_access_key: "{{ vault_aws_access_key }}"
    aws_secret_key: "{{ vault_aws_secret_key }}"
    aws_session_token: "{{ vault_aws_session_token }}"
    aws_assume_role_arn: arn:aws:iam::123456789012:role/network
    aws_endpoint_url: https://aws-proxy.example.com
    aws_ca_bundle: /etc/ssl/certs/proxy.pem
    azure_client_id: 6f1e8f0e-37e5-4f3d-8d40-2f5f8bbf7a55
    azure_secret: "{{ vault_azure_secret }}"
    azure_tenant: 2a9b7c1e-0000-4000-8000-000000000001
    azure_cloud_environment: AzureCloud
    gcp_auth_kind: serviceaccount
    gcp_service_account_contents: "{{ vault_gcp_key }}"
    gcp_scopes:
      - https://www.googleapis.com/auth/compute

- name: Use the service account of the machine in GCP
  cloudpeer.atlas.atlas_peering:
    connections:
      - gcp_project_id: my-sample-project-191923
        network_name: shop
        container_regions:
          - europe-west3
        wait_for: available
    gcp_service_account_email: network@my-sample-project-191923.iam.gserviceaccount.com

- name: Disconnect all networks of the list, and remove their network containers
  cloudpeer.atlas.atlas_peering:
    connections: "{{ vpc_peering_connections }}"
    state: absent
    remove_container: true

- name: Remove all connections of the project with AWS, on both sides
  cloudpeer.atlas.atlas_peering:
    connections: []
    prune: true
    allow_empty: true
    max_deletions: 50
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
peering:
  description:
    - What the task has found and done. In check mode, everything is as it would be afterwards.
    - Null if the task was refused, or could not read something. In that case, it has created network containers at most. If
      O(max_deletions) refuses, it shows the plan.
    - If the task fails later, everything is as it was last seen.
  returned: unless Ansible itself refuses the options
  type: dict
  sample:
    group_id: 5356823b3794dee37132bb7b
    connections:
      - provider_name: AWS
        vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        region: us-east-1
        azure_subscription_id: null
        resource_group_name: null
        vnet_name: null
        gcp_project_id: null
        network_name: null
        container:
          id: 507f1f77bcf86cd799439011
          provider_name: AWS
          atlas_cidr_block: 192.168.248.0/21
          region_name: US_EAST_1
          vpc_id: vpc-0fedcba9876543210
          provisioned: true
        vpc_peer:
          id: 1112222b3bf99403840e8934
          connection_id: pcx-0f3b9a6d7e8c12345
          status_name: AVAILABLE
          error_state_name: null
          vpc_id: vpc-0a1b2c3d4e5f67890
          aws_account_id: "123456789012"
          route_table_cidr_block: 10.15.0.0/16
          container_id: 507f1f77bcf86cd799439011
          accepter_region_name: us-east-1
          provider_name: AWS
          requested_at: null
          expires_at: null
        connection_id: pcx-0f3b9a6d7e8c12345
        status_name: AVAILABLE
        route_table_ids: [rtb-0a1b2c3d4e5f67890]
        routes:
          - route_table_id: rtb-0a1b2c3d4e5f67890
            destination_cidr_block: 192.168.248.0/21
            before: null
            after: pcx-0f3b9a6d7e8c12345
        gcp_peering: null
        actions:
          - side: Atlas
            action: create
            kind: connection
            name: vpc-0a1b2c3d4e5f67890
          - side: AWS
            action: accept
            kind: connection
            name: vpc-0a1b2c3d4e5f67890
          - side: AWS
            action: create
            kind: route
            name: 192.168.248.0/21 in rtb-0a1b2c3d4e5f67890
          - side: Atlas
            action: create
            kind: access list entry
            name: 10.15.0.0/16
    containers:
      - id: 507f1f77bcf86cd799439011
        provider_name: AWS
        atlas_cidr_block: 192.168.248.0/21
        region_name: US_EAST_1
        vpc_id: vpc-0fedcba9876543210
        provisioned: true
    access_list:
      - cidr_block: 10.15.0.0/16
        ip_address: null
        aws_security_group: null
        comment: VPC peering with vpc-0a1b2c3d4e5f67890
        delete_after_date: null
    pruned: []
    left: []
    remaining: []
  contains:
    group_id:
      description: The id of the project. Null with O(atlas=false) if it is not set.
      type: str
      version_added: 3.1.0
    connections:
      description: An entry for each of O(connections), in the same order. With O(state=absent), as they were last seen.
      type: list
      elements: dict
      contains:
        provider_name:
          description: The cloud.
          type: str
        vpc_id:
          description: The id of the VPC. Null on other clouds than AWS.
          type: str
        aws_account_id:
          description: The AWS account that owns the VPC. Null on other clouds than AWS.
          type: str
        region:
          description: The region of the VPC. Null on other clouds than AWS, and if it is not known.
          type: str
        azure_subscription_id:
          description: The subscription of the VNet. Null on other clouds than AZURE.
          type: str
          sample: 2a9b7c1e-0000-4000-8000-000000000002
        resource_group_name:
          description: The resource group of the VNet. Null on other clouds than AZURE.
          type: str
          sample: network
        vnet_name:
          description: The name of the VNet. Null on other clouds than AZURE.
          type: str
          sample: shop
        gcp_project_id:
          description: The project of the VPC network. Null on other clouds than GCP.
          type: str
          sample: my-sample-project-191923
        network_name:
          description: The name of the VPC network. Null on other clouds than GCP.
          type: str
          sample: shop
        container:
          description: The network container, as M(cloudpeer.atlas.atlas_network_container) returns it. Null with O(atlas=false),
            and if there is none.
          type: dict
        vpc_peer:
          description: The connection in Atlas, as M(cloudpeer.atlas.atlas_vpc_peer) returns it. Null with O(atlas=false), and if
            there is none.
          type: dict
        connection_id:
          description: The id of the connection in AWS. Null on other clouds, and until AWS knows the connection.
          type: str
        status_name:
          description: The state of the connection in Atlas. Null with O(atlas=false), and if there is none.
          type: str
        route_table_ids:
          description: The ids of the route tables in RV(peering.connections[].routes).
          type: list
          elements: str
        routes:
          description: An entry for each chosen route table in AWS, changed or not, with C(route_table_id),
            C(destination_cidr_block), C(before) and C(after), as M(cloudpeer.atlas.atlas_vpc_peer_accepter) returns them.
          type: list
          elements: dict
        gcp_peering:
          description: The peering in GCP, as M(cloudpeer.atlas.atlas_gcp_peering) returns it. Null on other clouds than GCP.
          type: dict
          sample:
            name: atlas-nt-5356823b3794dee37132bb7b-abcdefgh
            network: projects/my-sample-project-191923/global/networks/shop
            state: ACTIVE
        actions:
          description: What the task has done for this entry, or in check mode would do, in the order of its steps. If the task
            fails, what it has done so far.
          type: list
          elements: dict
          contains:
            side:
              description: Where, one of V(Atlas), V(AWS), V(AZURE), V(GCP).
              type: str
            action:
              description: What, one of V(create), V(change), V(recreate), V(accept), V(tag), V(untag), V(enable), V(replace),
                V(delete).
              type: str
            kind:
              description: To what, one of V(connection), V(container), V(route), V(mirror) (the peering in GCP), V(role),
                V(access list entry), V(attribute).
              type: str
            name:
              description: Its name, or that of its network. Null for a peering in GCP that is called after a network which Atlas
                has yet to make.
              type: str
    containers:
      description: The network containers of the entries, as they are at the end.
      type: list
      elements: dict
    access_list:
      description: The entries of the access list that O(connections) needs, as M(cloudpeer.atlas.atlas_access_list) returns them.
      type: list
      elements: dict
    pruned:
      description: The connections that O(prune) has removed, or in check mode would remove, as M(cloudpeer.atlas.atlas_vpc_peers)
        returns them, each with its C(actions), as RV(peering.connections[].actions).
      type: list
      elements: dict
      sample:
        - id: 1112222b3bf99403840e8935
          connection_id: pcx-0f3b9a6d7e8c12346
          status_name: TERMINATING
          vpc_id: vpc-0f9e8d7c6b5a43210
          aws_account_id: "210987654321"
          route_table_cidr_block: 10.16.0.0/16
          provider_name: AWS
          actions:
            - side: AWS
              action: delete
              kind: route
              name: 192.168.248.0/21 in rtb-0a1b2c3d4e5f67891
            - side: Atlas
              action: delete
              kind: connection
              name: 210987654321/vpc-0f9e8d7c6b5a43210
    left:
      description: The entries of the access list that were not removed because somebody has changed their comments, or because a
        connection that stays needs them, or may need them, each with the C(reason), as M(cloudpeer.atlas.atlas_access_list)
        returns them.
      type: list
      elements: dict
      sample:
        - cidr_block: 10.15.0.0/16
          ip_address: null
          aws_security_group: null
          comment: the office
          delete_after_date: null
          reason: >-
            10.15.0.0/16 has the comment 'the office', not 'VPC peering with vpc-0a1b2c3d4e5f67890': somebody else uses it, or has
            changed it.
    remaining:
      description: Sentences that say what another team has to do, what could not be checked, and what was kept. In check mode,
        what there would be to say.
      type: list
      elements: str
      sample:
        - Accept pcx-0f3b9a6d7e8c12345 in AWS account 123456789012, region us-east-1, within seven days of the request, and route
          192.168.248.0/21 to it in the route tables of vpc-0a1b2c3d4e5f67890.
failures:
  description: What has failed, or why the task was refused, with one element for each cause. Of each entry, it is its first
    failure.
  returned: unless Ansible itself refuses the options
  type: list
  elements: dict
  sample: []
  contains:
    index:
      description: The place of the entry in O(connections), counted from 0, of several the first one. Null for a pruned
        connection, and for what concerns the whole list.
      type: int
      sample: 3
    indexes:
      description: The places of all entries with this cause. Empty for pruned connections, and for what concerns the whole list.
      type: list
      elements: int
      sample: [3]
    id:
      description: The id of the connection in Atlas, of several the first one. Null if there is none.
      type: str
      sample: 1112222b3bf99403840e8934
    name:
      description: The name of the network, of several the first one. Null for what concerns the whole list.
      type: str
      sample: vpc-0a1b2c3d4e5f67890
    names:
      description: The names of all networks with this cause.
      type: list
      elements: str
      sample: [vpc-0a1b2c3d4e5f67890]
    step:
      description: The step that has failed, one of V(read), V(plan), V(container), V(role), V(request), V(accept), V(tags),
        V(dns), V(routes), V(mirror), V(available), V(access_list), V(remove).
      type: str
      sample: accept
    msg:
      description: What went wrong, and what to do.
      type: str
      sample: >-
        connections[3] (vpc-0a1b2c3d4e5f67890): Failed to accept pcx-0f3b9a6d7e8c12345: You are not authorized to perform this
        operation. (HTTP 403 UnauthorizedOperation).
    http_status:
      description: The HTTP status of the refusal. Null if nothing was refused.
      type: int
      sample: 403
    error_code:
      description: The error code of Atlas or the cloud, or the state of a connection that has failed.
      type: str
      sample: UnauthorizedOperation
    detail:
      description: What Atlas, the cloud or the network said about the failure.
      type: str
      sample: You are not authorized to perform this operation.
summary:
  description: How many connections the task has changed, or in check mode would. Null where RV(peering) is.
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
  contains:
    connections:
      description: The entries of O(connections).
      type: int
    changed:
      description: Those for which the task has changed something, on either side.
      type: int
    unchanged:
      description: Those that were as they should be.
      type: int
    failed:
      description: Those that have failed.
      type: int
    pruned:
      description: Connections that were removed because of O(prune).
      type: int
    left:
      description: The entries in RV(peering.left).
      type: int
    plan:
      description: The plan in one line with the project, counted by connection, with the number of changes on each side, before
        anything was changed. Behind it stand the chosen route tables that serve no subnet and get a route, too, and the live
        connections that lose their routes by O(replace_routes). Null if there was nothing to do. In check mode, the line is also
        shown on the standard error, and it is the first line of the diff.
      type: str
requests:
  description: How many requests the task has sent to Atlas and the clouds, those that were repeated included.
  returned: always
  type: dict
  sample:
    sent: 12
    writes: 4
  contains:
    sent:
      description: All requests.
      type: int
    writes:
      description: Those that may change something.
      type: int
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
