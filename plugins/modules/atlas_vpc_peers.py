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
  - Manages the network peering connections of a MongoDB Atlas project with AWS, AZURE and GCP as one list declares them. The task
    reads the connections once, decides for the whole list, and then creates and changes what differs, with several requests side
    by side.
  - With O(prune=true), connections that the list does not declare are removed, within the limit of O(max_deletions).
  - If the list has a mistake, or Atlas would refuse it, the task fails with everything that is wrong, and changes nothing. If an
    entry fails later, the others are still done. Run the task again, and it continues from there.
  - M(cloudpeer.atlas.atlas_vpc_peer) manages a single connection by the same rules.
options:
  peers:
    description:
      - The connections that the project should have. The options of an entry say which cloud it is for, and those of two clouds
        in one entry are a failure.
      - An entry without O(peers[].container_id) and O(peers[].container_region_name) declares the only connection of its
        network, whichever network container it is in. If there are several, the task fails. An entry with one of them declares
        the connection to that network container, and no other.
      - A list for C(connections) of M(cloudpeer.atlas.atlas_peering) or M(cloudpeer.atlas.atlas_vpc_peer_check) is taken as it
        is, by aliases with the names that options have there. What these have and this module does not, which is what only the
        other side of a connection, the access list or signing in to a cloud needs, has no effect. With C(-v), the task names it.
      - An option of an entry that is an empty string counts as not set, as in a state of Terraform.
    type: list
    elements: dict
    required: true
    suboptions:
      # From scripts/tables/entries.yml: make fragments.
      provider_name:
        description: The cloud of the connection. It follows from the other options of the entry, so there is no need to set it.
        type: str
        choices: [AWS, AZURE, GCP]
        version_added: 2.3.0
      vpc_id:
        description:
          - The id of the VPC in AWS, V(vpc-) and 17 hexadecimal digits (8 in old accounts).
          - Required together with O(peers[].aws_account_id).
        type: str
      aws_account_id:
        description: The AWS account that owns the VPC, 12 digits. Quote it, because YAML reads a number that begins with 0 as
          octal.
        type: str
      azure_directory_id:
        description: The Entra directory (tenant) of the VNet. It is required to create a connection. Atlas cannot change it.
        type: str
        version_added: 2.3.0
      azure_subscription_id:
        description: The Azure subscription of the VNet. Upper and lower case are the same in all ids and names of AZURE.
        type: str
        version_added: 2.3.0
      resource_group_name:
        description: The resource group of the VNet. It is required to create a connection. Atlas cannot change it, and does not
          use it to tell connections apart, so two VNets with the same name in one subscription cannot be declared for one network
          container.
        type: str
        version_added: 2.3.0
      vnet_name:
        description: The name of the VNet. Required together with O(peers[].azure_subscription_id).
        type: str
        version_added: 2.3.0
      vnet_resource_id:
        description: The resource id of the VNet, in place of O(peers[].azure_subscription_id), O(peers[].resource_group_name) and
          O(peers[].vnet_name).
        type: str
        version_added: 2.3.0
      gcp_project_id:
        description: The GCP project of your VPC network. Required together with O(peers[].network_name).
        type: str
        version_added: 2.3.0
      network_name:
        description: The name of your VPC network.
        type: str
        version_added: 2.3.0
      container_id:
        description:
          - The id of the network container. If neither this nor O(peers[].container_region_name) is set, a new connection leads
            to the only network container on its cloud, or on AWS else to the one in O(peers[].accepter_region_name).
          - Mutually exclusive with O(peers[].container_region_name).
        type: str
      container_region_name:
        description: The region of the network container, instead of O(peers[].container_id), written as AWS or AZURE does
          (V(us-east-1), V(northeurope)), or as Atlas does (V(US_EAST_1), V(EUROPE_NORTH)). A project has one network container on
          GCP, for all regions.
        type: str
        aliases: [container_region]
      route_table_cidr_block:
        description:
          - The CIDR block of the VPC, or a part of it, to which Atlas routes traffic. It must be IPv4 and from a private range.
          - This is required to create a connection. If an existing connection has another block, it is changed in place.
          - On AZURE and GCP, C(cidr_block) is a block of clients, and has no effect. The aliases were added in 2.5.0.
        type: str
        aliases: [cidr_block]
      accepter_region_name:
        description: The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1). If this is not set, a new connection is
          requested for a VPC in the region of the network container. The region of an existing connection cannot be changed.
        type: str
        aliases: [region, aws_region]
      wait_for:
        description: The state to wait for, in place of O(wait_for).
        type: str
        choices: [pending_acceptance, available]
  prune:
    description:
      - Remove the connections that O(peers) does not declare and O(ignore) does not match, including those that other people have
        created. Keep one list for each project.
      - A task runs on each host of its play, with the list of that host. If hosts share a project, put everything into one list,
        and set C(run_once=true).
      - Only connections with the clouds of O(provider_name) are removed.
    type: bool
    default: false
  max_deletions:
    description:
      - How many connections the task may remove or replace. This holds for O(prune) and for O(recreate).
      - If more would have to be removed, the task fails and changes nothing, also in check mode. With
        O(fail_on=never), RV(actions) shows the plan.
      - Connections that are already being removed do not count.
      - If this is not set, the task may remove or replace one. It then prunes nothing at all if no entry of O(peers) has a
        connection in the project, whatever its state, because this may be the wrong project, or one that others use as well. An
        empty list with O(allow_empty=true) is such a case. Until release 3.2.0, this was V(1) by default.
    type: int
  ignore:
    description:
      - Connections that O(prune) leaves alone, as a list of patterns. Each pattern gives values for fields of RV(vpc_peers), in
        which V(*) stands for any characters and V(?) for one. Brackets are plain text. A pattern matches a connection if all of
        its fields match. Null matches nothing, and neither does a field that connections with another cloud have. Upper and lower
        case differ, except in the ids and names of AZURE. A region matches in both spellings, V(US_EAST_1) and V(us-east-1). A
        region or a network container that Atlas does not show may be any.
      - A connection that O(peers) declares is managed, even if a pattern matches it.
      - A pattern that matches nothing protects nothing, so the task fails before O(prune) removes anything; see
        O(ignore_unmatched). If nothing is to be removed, it is a warning. Connections that O(peers) declares count as well, and
        patterns about a cloud that O(provider_name) does not have are left out.
      - A pattern with a null is a failure before O(prune) removes anything, and otherwise a warning.
    type: list
    elements: dict
    default: []
  ignore_unmatched:
    description:
      - What to do if a pattern of O(ignore) matches nothing, and O(prune) would remove something. V(fail) fails, and changes
        nothing. V(warn) warns, for a list of patterns that several projects share.
    type: str
    choices: [fail, warn]
    default: fail
    version_added: 2.5.0
  allow_empty:
    description:
      - Accept an empty O(peers) with O(prune=true), which removes all connections that O(ignore) does not match. Without this,
        an empty list is a failure.
    type: bool
    default: false
  recreate:
    description:
      - What to do with a declared connection that has failed permanently, because it was rejected, has expired, or was not
        possible, and with one that differs in what Atlas cannot change.
      - V(never) fails for this entry, with the reason. If a connection has failed, the other entries are still done.
      - V(dead) removes a connection that has failed, waits until it is gone, and requests a new one. An entry on AWS needs
        O(peers[].route_table_cidr_block). This counts for O(max_deletions).
      - V(changed) does the same as V(dead), and also replaces a connection that works and differs in what Atlas cannot change,
        such as its region, or on AZURE its resource group or directory. It carries no traffic until the new one does. The choice
        was added in 2.3.0.
    type: str
    choices: [never, dead, changed]
    default: never
  wait:
    description:
      - Wait until all connections have reached the state O(wait_for), and those that the task has removed are gone. One request
        reads them all.
      - An entry that needs something of a connection that is being removed, such as its CIDR block, waits until that connection
        is gone, even if this is V(false).
      - If Atlas has no place for more pending connections, the task creates the others as soon as pending ones are accepted. If
        this is V(false), their entries fail.
  wait_for:
    description:
      - The state to wait for. A later state counts as well.
      - V(pending_acceptance) is reached when Atlas has done its part. On AWS, the connection can be accepted then
        (V(PENDING_ACCEPTANCE)); on GCP, you can create your side (V(WAITING_FOR_USER)); and on AZURE, where Atlas creates both
        sides, it works (V(AVAILABLE)).
      - V(available) is reached when the other side has done its part as well, and Atlas has set the connection up.
    type: str
    choices: [pending_acceptance, available]
    default: pending_acceptance
  parallel:
    description:
      - How many connections to Atlas to use for requests that change something, at most 16. If Atlas limits the rate, the task
        uses fewer and pauses.
    type: int
    default: 4
  provider_name:
    description:
      - The clouds that the list is about. The connections with these clouds are read, and only these are declared and pruned.
        V(all) stands for all three. An entry of another cloud is a failure.
      - If this is not set, the list is about V(AWS), and a task that prunes warns that the other clouds were not read.
    type: str
    choices: [AWS, AZURE, GCP, all]
    version_added: 2.3.0
  azure_role_timeout:
    description:
      - How long to send the creation of a connection with AZURE again, in seconds, while Atlas has no rights in the VNet. Azure
        may need minutes until a new role is known everywhere. The other entries are done in the meantime.
      - This is in addition to O(wait_timeout), and holds only with O(wait=true). Otherwise, the entry fails at once. If the task
        has removed a connection to replace it, the creation is sent again in any case.
    type: int
    default: 300
    version_added: 2.3.0
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._fail_on
  - cloudpeer.atlas._plan
  - cloudpeer.atlas._wait
notes:
  - The API key or service account needs the role I(Project Network Access Manager) or I(Project Owner) in the project.
  - A project holds 50 connections with all clouds together, of which 25 may be pending. The task counts those with the clouds of
    O(provider_name).
  - If the task is ended by Ctrl-C, no result shows what it has changed so far. If it is ended by the C(timeout) of the task, a
    line of the output shows it, and what a request that was on its way may have changed, unless the task runs as a module. Run
    it again to find out and to continue.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_vpc_peer_info
  - module: cloudpeer.atlas.atlas_vpc_peer_accepter
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
    provider_name: AWS
    prune: true
    max_deletions: 50
  check_mode: true
  diff: true

- name: Make the list the truth, but leave the connections of another team alone, if there are any
  cloudpeer.atlas.atlas_vpc_peers:
    peers: "{{ vpc_peers }}"
    provider_name: AWS
    prune: true
    max_deletions: 5
    ignore:
      - aws_account_id: "210987654321"
      - vpc_id: vpc-0f9e*
        container_id: "{{ peering.vpc_peers[1].container_id }}"
    ignore_unmatched: warn
    fail_on: never

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

- name: Peer with a VPC on AWS, a VNet on AZURE and a VPC network on GCP, and remove all other connections
  cloudpeer.atlas.atlas_vpc_peers:
    provider_name: all
    peers:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        route_table_cidr_block: 10.15.0.0/16
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        azure_subscription_id: 2a9b7c1e-0000-4000-8000-000000000002
        resource_group_name: network
        vnet_name: shop
        container_region_name: northeurope
      - provider_name: GCP
        gcp_project_id: my-sample-project-191923
        network_name: shop
        wait_for: available
    prune: true
    max_deletions: 5
    ignore:
      - provider_name: AZURE
        vnet_name: legacy-*
    ignore_unmatched: warn
    wait: true
    azure_role_timeout: 600
  register: peering

- name: Show what the owner of the VPC network on GCP has to do
  ansible.builtin.debug:
    msg: "{{ peering.handover[2].gcloud }}"

- name: Name a VNet by its resource id, and replace its connection if the resource group differs
  cloudpeer.atlas.atlas_vpc_peers:
    provider_name: AZURE
    peers:
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        vnet_resource_id: >-
          /subscriptions/2a9b7c1e-0000-4000-8000-000000000002/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/shop
    recreate: changed

# atlas_vpc_peer_check takes the same list as connections.
- name: Declare what the check is given, with all that only the other side of a connection needs
  cloudpeer.atlas.atlas_vpc_peers:
    provider_name: all
    peers:
      - vpc_id: vpc-0a1b2c3d4e5f67890
        aws_account_id: "123456789012"
        cidr_block: 10.15.0.0/16
        region: us-east-1
        container_region: us-east-1
        container_cidr_block: 192.168.248.0/21
        connection_id: pcx-0f3b9a6d7e8c12345
        route_table_ids:
          - rtb-0a1b2c3d4e5f67890
        aws_security_group: sg-0a1b2c3d4e5f67890
        comment: the shop
        aws_profile: production
        aws_assume_role_arn: arn:aws:iam::123456789012:role/network
      - vpc_id: vpc-0f9e8d7c6b5a43210
        aws_account_id: "123456789012"
        cidr_block: 10.16.0.0/16
        region: us-west-2
        atlas_cidr_block: 192.168.248.0/21
        route_table_tags:
          tier: app
        aws_access_key: "{{ lookup('ansible.builtin.env', 'SHOP_ACCESS_KEY') }}"
        aws_secret_key: "{{ lookup('ansible.builtin.env', 'SHOP_SECRET_KEY') }}"
        aws_session_token: "{{ lookup('ansible.builtin.env', 'SHOP_SESSION_TOKEN') }}"
        aws_endpoint_url: https://aws-proxy.example.com
        aws_ca_bundle: /etc/ssl/certs/proxy.pem
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        vnet_resource_id: >-
          /subscriptions/2a9b7c1e-0000-4000-8000-000000000002/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/shop
        azure_client_id: 6f1e8f0e-37e5-4f3d-8d40-2f5f8bbf7a55
        azure_secret: "{{ lookup('ansible.builtin.env', 'SHOP_AZURE_SECRET') }}"
      - azure_directory_id: 2a9b7c1e-0000-4000-8000-000000000001
        azure_subscription_id: 2a9b7c1e-0000-4000-8000-000000000002
        resource_group_name: network
        vnet_name: office
        azure_auth_source: credential_file
        azure_profile: production
        atlas_vnet_name: vnet_5356823b3794dee37132bb7b_abcdefgh
      - gcp_project_id: my-sample-project-191923
        network_name: shop
        atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
        atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
        cidr_blocks:
          - 10.30.0.0/16
          - 10.40.0.0/14
        container_regions:
          - us-central1
        gcp_peering_name: atlas
        gcp_service_account_file: /etc/gcp/shop.json
      - gcp_project_id: my-sample-project-191923
        network_name: office
        gcp_access_token: "{{ lookup('ansible.builtin.env', 'OFFICE_GCP_TOKEN') }}"

- name: Remove all connections of the project, on all clouds
  cloudpeer.atlas.atlas_vpc_peers:
    peers: []
    provider_name: all
    prune: true
    allow_empty: true
    max_deletions: 50
    wait: true

- name: Save the plan with --check, and do what it says without
  cloudpeer.atlas.atlas_vpc_peers:
    peers: "{{ vpc_peers }}"
    plan_file: peering.plan.json
    plan_max_age: 2
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
vpc_peers:
  description:
    - The connections as they were last seen, one for each entry of O(peers), in the same order. If an entry has none, its element
      has what the entry says, and null for what Atlas would say, such as V(id) and V(status_name).
    - Empty if the task was refused, or could not read the project. If it has failed, what the failed entries have reached, and
      RV(handover), RV(pruned) and RV(actions) are empty. With O(fail_on=never), all have all.
    - A connection has the fields of its own cloud, beside those that are the same for all.
    - In check mode, the connections as they would be. Fields that only Atlas can set are null until then.
  returned: unless Ansible itself refuses the options
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
      accepter_region_name: us-east-1
      provider_name: AWS
      requested_at: "2026-11-20T09:30:00Z"
      expires_at: "2026-11-27T09:30:00Z"
  contains:
    id:
      description: The id of the connection in Atlas.
      type: str
    connection_id:
      description: The id of the connection in AWS. Null until AWS knows the connection.
      returned: on AWS
      type: str
    status_name:
      description: The state of the connection. On AWS, one of V(INITIATING), V(PENDING_ACCEPTANCE), V(FINALIZING), V(AVAILABLE),
        V(FAILED), V(TERMINATING). On AZURE, one of V(ADDING_PEER), V(AVAILABLE), V(FAILED), V(DELETING), V(DELETION_FAILED). On
        GCP, one of V(ADDING_PEER), V(WAITING_FOR_USER), V(AVAILABLE), V(FAILED), V(DELETING).
      type: str
    error_state_name:
      description: >-
        Why the connection has failed: on AWS, one of V(REJECTED), V(EXPIRED), V(INVALID_ARGUMENT); on AZURE and GCP, Atlas's own
        words. Null if it has not failed.
      type: str
      sample: REJECTED
    vpc_id:
      description: The id of the VPC.
      returned: on AWS
      type: str
    aws_account_id:
      description: The AWS account that owns the VPC.
      returned: on AWS
      type: str
    route_table_cidr_block:
      description: The CIDR block in the VPC to which Atlas routes traffic.
      returned: on AWS
      type: str
    container_id:
      description: The id of the network container in the Atlas project.
      type: str
    accepter_region_name:
      description: The AWS region of the VPC. Where Atlas returns null, since it is that of the network container, this is the
        region of the network container. Until 2.4.0, it was null then.
      returned: on AWS
      type: str
      sample: us-west-2
    provider_name:
      description: The cloud provider of the connection, one of V(AWS), V(AZURE), V(GCP).
      type: str
    requested_at:
      description: >-
        When the connection was requested, in UTC, if it waits for you: on AWS in the state V(PENDING_ACCEPTANCE), on GCP in
        V(WAITING_FOR_USER). Null otherwise, and in check mode for a new connection. It follows from the id of the connection.
      type: str
      version_added: 2.5.0
      sample: "2026-11-20T09:30:00Z"
    expires_at:
      description: When AWS drops the request, seven days after RV(vpc_peers[].requested_at), unless it is accepted. Null in all
        other cases.
      type: str
      version_added: 2.5.0
      sample: "2026-11-27T09:30:00Z"
    azure_directory_id:
      description: The Entra directory of the VNet.
      returned: on AZURE
      type: str
      sample: 2a9b7c1e-0000-4000-8000-000000000001
    azure_subscription_id:
      description: The Azure subscription of the VNet.
      returned: on AZURE
      type: str
      sample: 2a9b7c1e-0000-4000-8000-000000000002
    resource_group_name:
      description: The resource group of the VNet.
      returned: on AZURE
      type: str
      sample: network
    vnet_name:
      description: The name of the VNet.
      returned: on AZURE
      type: str
      sample: shop
    gcp_project_id:
      description: Your GCP project.
      returned: on GCP
      type: str
      sample: my-sample-project-191923
    network_name:
      description: Your VPC network.
      returned: on GCP
      type: str
      sample: shop
handover:
  description:
    - What the owner of each network needs for the other side, one for each entry of O(peers), in the same order. Each cloud has
      its own keys, and a value that is not known is null. Empty if RV(vpc_peers) is.
    - On AWS, V(connection_id), V(aws_account_id), V(vpc_id), V(accepter_region_name) and V(atlas_cidr_block), for accepting the
      connection, and V(aws), the commands of the AWS CLI that accept it, unless it is available, and create a route to Atlas in
      the route table C($ROUTE_TABLE_ID), one a line. V(aws) is null until there is a connection id.
    - On AZURE, V(application_id), V(scope), V(role_definition) with its name, actions and assignable scopes, and V(az), a list of
      commands that give Atlas its role in the VNet, before the connection is created.
    - On GCP, V(gcp_project_id), V(network_name), V(atlas_gcp_project_id), V(atlas_network_name), V(name), V(gcloud), a command
      that creates your side, and V(add_peering), the body of a request that does the same. The names of Atlas's network are known
      as soon as the connection is V(WAITING_FOR_USER).
  returned: unless Ansible itself refuses the options
  type: list
  elements: dict
  version_added: 2.3.0
  sample:
    - gcp_project_id: my-sample-project-191923
      network_name: shop
      atlas_gcp_project_id: p-a1b2c3d4e5f6a7b8c9d0e1f2
      atlas_network_name: nt-507f1f77bcf86cd799439011-a1b2c3d4
      name: atlas-nt-507f1f77bcf86cd799439011-a1b2c3d4
      gcloud: gcloud compute networks peerings create atlas-nt-507f1f77bcf86cd799439011-a1b2c3d4
        --project=my-sample-project-191923 --network=shop --peer-project=p-a1b2c3d4e5f6a7b8c9d0e1f2
        --peer-network=nt-507f1f77bcf86cd799439011-a1b2c3d4
      add_peering:
        networkPeering:
          name: atlas-nt-507f1f77bcf86cd799439011-a1b2c3d4
          network:
            https://www.googleapis.com/compute/v1/projects/p-a1b2c3d4e5f6a7b8c9d0e1f2/global/networks/nt-507f1f77bcf86cd799439011-a1b2c3d4
          exchangeSubnetRoutes: true
pruned:
  description:
    - The connections that were removed because the list does not declare them, as they were last seen. Only those whose removal
      Atlas has accepted. In check mode, those that would be removed.
    - The fields are those of RV(vpc_peers).
  returned: when it is known what has to be done
  type: list
  elements: dict
  sample: []
actions:
  description: What the task does, or would do, in the order of O(peers), with removals at the end. Entries that are as they
    should be are not in it.
  returned: when it is known what has to be done
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
    index:
      description: The place of the entry in O(peers), counted from 0. Null for a removal.
      type: int
    id:
      description: The id of the connection. Null for one that does not exist yet.
      type: str
      sample: 1112222b3bf99403840e8934
    name:
      description: The account and the VPC, the subscription, the resource group and the VNet, or the project and the network.
      type: str
    container_id:
      description: The network container.
      type: str
    differing:
      description: The fields that an update changes, or that are the reason for replacing a connection.
      type: list
      elements: str
      sample: [route_table_cidr_block]
failures:
  description: What has failed, or why the task was refused, with one element for each cause.
  returned: when it is known what has to be done
  type: list
  elements: dict
  sample: []
  contains:
    index:
      description: The place of the entry in O(peers), counted from 0, of several the first one. Null for a removal, and for what
        concerns the whole list.
      type: int
      sample: 3
    indexes:
      description: The places of all entries with this cause. Empty for removals, and for what concerns the whole list.
      type: list
      elements: int
      version_added: 2.5.0
      sample: [3]
    id:
      description: The id of the connection, of several the first one. Null if there is none.
      type: str
      sample: 1112222b3bf99403840e8934
    name:
      description: The name of the connection, as in RV(actions[].name), of several the first one. Null for what concerns the
        whole list.
      type: str
      sample: 123456789012/vpc-0a1b2c3d4e5f67890
    names:
      description: The names of all connections with this cause.
      type: list
      elements: str
      version_added: 2.5.0
      sample: [123456789012/vpc-0a1b2c3d4e5f67890]
    msg:
      description: What went wrong, and what to do. With several entries, it begins with their places.
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
  returned: when it is known what has to be done
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
    plan: >-
      Plan: 1 to create, 0 to change, 0 to remove, 49 unchanged, in project 5356823b3794dee37132bb7b
    done: >-
      Connected 50 networks of project 5356823b3794dee37132bb7b: 1 new, 49 unchanged; 1 change in Atlas
  contains:
    created:
      description: Entries whose connection was created.
      type: int
    updated:
      description: Entries whose connection was changed.
      type: int
    recreated:
      description: Entries whose connection was replaced.
      type: int
    unchanged:
      description: Entries that were as they should be.
      type: int
    failed:
      description: Entries that have failed.
      type: int
    deleted:
      description: Connections that were removed because of O(prune).
      type: int
    ignored:
      description: Connections that the list does not declare and O(ignore) matches.
      type: int
    undeclared:
      description: Other connections that the list does not declare, those that O(prune) removes included.
      type: int
    plan:
      description: The plan in one line. Null if there was nothing to do, or no way to do it. Check mode shows it on the standard
        error.
      type: str
      version_added: 2.5.0
    done:
      description: What was done, or in check mode would be, in one line. Null for nothing. A run shows it on the standard error.
      type: str
      version_added: 4.0.0
status_history:
  description: The states in which the task has seen each connection, one list for each entry of O(peers), in the same order.
  returned: success, with O(wait=true)
  type: list
  elements: list
  sample:
    - - status: INITIATING
        seconds: 0.1
      - status: PENDING_ACCEPTANCE
        seconds: 41.3
plan_file:
  description: The C(path), how many C(changes) it has, and how many were C(in_place) before a run.
  returned: with O(plan_file)
  type: dict
  version_added: 4.0.0
  sample:
    in_place: 3
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
  description: The requests to Atlas in the order in which they ended, each with C(method), C(path), C(status) (null without a
    reply) and C(milliseconds).
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
