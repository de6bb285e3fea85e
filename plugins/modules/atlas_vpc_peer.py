#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peering connections between MongoDB Atlas and networks in AWS, AZURE and GCP."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer
short_description: Manage peering connections between MongoDB Atlas and AWS, AZURE or GCP
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Creates, changes and removes a network peering connection between a MongoDB Atlas project and a VPC in AWS, a VNet in AZURE,
    or a VPC network in GCP.
  - The task finds the connection by the network and its network container, so you need neither a state file nor an id. Set
    O(vpc_id) and O(aws_account_id), O(azure_subscription_id) and O(vnet_name), or O(gcp_project_id) and O(network_name), which
    identify the network, or O(peer_id). Name the network container only if the network has connections to several of them.
  - On AWS and GCP, Atlas only requests the connection. It carries traffic after the owner of the AWS account has accepted it, or
    after the peering has been created in GCP as well, by M(cloudpeer.atlas.atlas_vpc_peer_accepter) or
    M(cloudpeer.atlas.atlas_gcp_peering).
  - On AZURE, Atlas makes both sides. For that, its application needs a role on the VNet, which RV(handover) describes.
  - The role P(cloudpeer.atlas.vpc_peering#role) does both sides on each of these clouds.
options:
  route_table_cidr_block:
    description:
      - The CIDR block of the VPC, or a part of it, to which Atlas routes traffic. It must be IPv4 and from a private range.
      - This is required to create a connection on AWS. If an existing connection has another block, it is changed in place.
    type: str
  accepter_region_name:
    description:
      - The AWS region of the VPC, written as V(us-east-1) or V(US_EAST_1).
      - If this is not set, a new connection is requested for a VPC in the region of the network container.
      - The region of an existing connection cannot be changed. If it differs, the task fails, or replaces the connection with
        O(recreate=changed).
    type: str
  container_id:
    description:
      - The id of the network container in the Atlas project, which is Atlas's side of the connection.
      - On AWS and AZURE, a network needs one connection to each network container whose clusters it reaches. If it has
        connections to several network containers, the task fails, and lists them, unless O(container_id),
        O(container_region_name) or O(peer_id) says which one to use. Connections that are being removed do not count.
      - If neither O(container_id) nor O(container_region_name) is set, and there is no connection yet, the task uses the only
        network container on that cloud, or else, on AWS, the one in O(accepter_region_name). If AZURE has several, you have to
        name one. On AWS and AZURE, clusters in other regions are not reached through it. They need a connection to the network
        container of their own region, which you have to name then.
      - With O(api_version=v1.0), Atlas chooses the network container if neither is set.
      - If there is no network container in O(container_region_name), the task fails with O(state=present), and has nothing to
        remove with O(state=absent).
      - Mutually exclusive with O(container_region_name).
  state:
    description:
      - V(present) creates the connection, or changes it if it differs from the options. V(absent) removes it, whatever its
        state is.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Wait until the connection has reached the state O(wait_for), or with O(state=absent) until it is gone.
      - If the connection is already being removed when the task starts, the task waits until it is gone, and creates a new one,
        even if this is V(false). If several connections to the VPC are being removed, it waits for all of them. The same holds
        for other connections that are being removed and still have the CIDR block.
      - If the connection has to be accepted, the task prints this immediately, with the id, the account and the region. On GCP,
        it prints the names of the networks whose peering has to be created.
  wait_for:
    description:
      - The state to wait for. A later state counts as well.
      - V(pending_acceptance) is reached when the other side can be done in the customer's cloud. On AWS, the connection can be
        accepted, and RV(vpc_peer.connection_id) is set from then on. On GCP, the state is V(WAITING_FOR_USER), and the peering
        can be created there. On AZURE, there is no such state, so this is a failure.
      - V(available) is reached when that is done, and Atlas has set the connection up.
      - If this is not set, it is V(pending_acceptance) on AWS and GCP, and V(available) on AZURE.
    type: str
    choices: [pending_acceptance, available]
  recreate:
    description:
      - What to do with a connection that has failed permanently, because it was rejected, has expired, was not possible, or could
        not be removed, or that differs from the options in what cannot be changed.
      - V(never) fails with the reason.
      - V(dead) removes a connection that has failed, waits until it is gone, and requests a new one. It never replaces a
        connection that has not failed.
      - The new connection is created from the options alone, so that the next run can continue if this run ends in between.
        V(dead) therefore needs all options that are required to create it, and replaces only a connection that matches them. On
        AWS, these are O(vpc_id), O(aws_account_id) and O(route_table_cidr_block), and it compares the account, VPC, block,
        network container and region.
      - V(changed) includes V(dead), and also replaces a connection that works, if it differs in what cannot be changed. Traffic
        is interrupted then. It was added in 2.3.0.
      - With V(changed) and O(peer_id), a connection moves to another network or network container, which the other options name.
        The new connection is created first, and then the old one is removed; with O(wait=true) after the new one has reached the
        state O(wait_for). If the options name no network container, it stays in its own. On AWS, a connection that has the CIDR
        block of the new one is removed first, and the options have to name its network container if there are several.
        If the network has another connection there already, which works and differs from the options, the task fails, since
        the move would remove two.
      - In all other cases, the old connection is removed first, and the task waits until it is gone, even if O(wait) is
        V(false). If Atlas then refuses the new connection, the message says that the old one is removed. The next run creates
        the new one.
    type: str
    choices: [never, dead, changed]
    default: never
  provider_name:
    description:
      - The cloud provider of the connection.
      - If this is not set, it follows from the options that are for one cloud alone. With O(peer_id) alone, it is read from
        Atlas.
      - Options of two clouds, or of another cloud than this, are a failure. V(AZURE) and V(GCP) need O(api_version=v2).
    type: str
    choices: [AWS, AZURE, GCP]
    version_added: 2.3.0
  peer_id:
    description:
      - The id of an existing connection in Atlas, which is RV(vpc_peer.id) in the results.
      - This is not its id in AWS (V(pcx-...)), which is RV(vpc_peer.connection_id).
      - If the options for the network, O(container_id) or O(container_region_name) are set as well, they must match this
        connection. Otherwise the task fails, and changes nothing. With O(recreate=changed), the connection moves there instead.
    type: str
  azure_directory_id:
    description:
      - The id of the directory (tenant) in AZURE that has the VNet, a UUID. This is required to create a connection.
      - Directory and O(resource_group_name) do not identify a connection. If one is set and differs, the task fails, also with
        O(state=absent).
    type: str
    version_added: 2.3.0
  resource_group_name:
    description:
      - The name of the resource group of the VNet in AZURE. This is required to create a connection.
    type: str
    version_added: 2.3.0
  vnet_resource_id:
    description:
      - The resource id of the VNet in AZURE,
        C(/subscriptions/.../resourceGroups/.../providers/Microsoft.Network/virtualNetworks/...). It stands for
        O(azure_subscription_id), O(resource_group_name) and O(vnet_name). If one of them is set as well and differs, the task
        fails.
    type: str
    version_added: 2.3.0
  azure_role_timeout:
    description:
      - On AZURE, Atlas refuses a connection until its application has the role on the VNet, and a new role takes a while to be
        known everywhere. With O(wait=true), the task repeats a request that is refused for this reason for up to this number of
        seconds, in addition to O(wait_timeout).
      - Afterwards, or immediately with O(wait=false), it fails, and the message describes the role. Atlas refuses a VNet that
        does not exist in the same way.
      - Once O(recreate) has removed the connection, refusals are repeated even with O(wait=false).
    type: int
    default: 300
    version_added: 2.3.0
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._network.on_aws
  - cloudpeer.atlas._network.on_azure
  - cloudpeer.atlas._network.on_gcp
  - cloudpeer.atlas._network.container
  - cloudpeer.atlas._wait
notes:
  - The API key or service account needs the role I(Project Network Access Manager) or I(Project Owner) in the project.
  - If the task is ended by Ctrl-C, no result shows what it has changed so far. If it is ended by the C(timeout) of the task, a
    line of the output shows it, unless the task runs as a module.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer_info
  - module: cloudpeer.atlas.atlas_network_container
  - module: cloudpeer.atlas.atlas_access_list
  - module: cloudpeer.atlas.atlas_vpc_peer_accepter
  - module: cloudpeer.atlas.atlas_gcp_peering
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
    wait_for: pending_acceptance
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

- name: Move a connection to another VPC, after which the old one is removed
  cloudpeer.atlas.atlas_vpc_peer:
    peer_id: "{{ peering.vpc_peer.id }}"
    vpc_id: vpc-0f0e0d0c0b0a09080
    aws_account_id: "123456789012"
    route_table_cidr_block: 10.16.0.0/16
    recreate: changed
    wait: true
    wait_for: available

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

- name: Create a network container on AZURE
  cloudpeer.atlas.atlas_network_container:
    provider_name: AZURE
    region_name: northeurope
    atlas_cidr_block: 192.168.232.0/21

- name: Peer the Atlas project with a VNet in AZURE, and wait up to ten minutes for its new role to be known there
  cloudpeer.atlas.atlas_vpc_peer:
    azure_directory_id: 9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41
    azure_subscription_id: 3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f
    resource_group_name: production
    vnet_name: production-vnet
    container_region_name: northeurope
    wait: true
    azure_role_timeout: 600

- name: Do the same with the resource id of the VNet
  cloudpeer.atlas.atlas_vpc_peer:
    azure_directory_id: 9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41
    vnet_resource_id: >-
      /subscriptions/3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f/resourceGroups/production/providers/Microsoft.Network/virtualNetworks/production-vnet

- name: Create the network container on GCP
  cloudpeer.atlas.atlas_network_container:
    provider_name: GCP
    atlas_cidr_block: 10.8.0.0/18

- name: Peer the Atlas project with a VPC network in GCP, and wait until its peering can be created there
  cloudpeer.atlas.atlas_vpc_peer:
    provider_name: GCP
    gcp_project_id: my-sample-project-191923
    network_name: production
    wait: true
  register: gcp_peering

- name: Show the command that creates the peering in GCP, which cloudpeer.atlas.atlas_gcp_peering does as well
  ansible.builtin.debug:
    var: gcp_peering.handover.gcloud
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
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
      description: Why the connection has failed. On AWS, one of V(REJECTED), V(EXPIRED), V(INVALID_ARGUMENT); on AZURE and GCP,
        any text. Null if it has not failed.
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
    azure_directory_id:
      description: The directory of the VNet.
      returned: on AZURE
      type: str
      version_added: 2.3.0
      sample: 9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41
    azure_subscription_id:
      description: The subscription of the VNet.
      returned: on AZURE
      type: str
      version_added: 2.3.0
      sample: 3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f
    resource_group_name:
      description: The resource group of the VNet.
      returned: on AZURE
      type: str
      version_added: 2.3.0
      sample: production
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
    provider_name:
      description: The cloud provider of the connection, V(AWS), V(AZURE) or V(GCP).
      type: str
    requested_at:
      description: >-
        When the connection was requested, in UTC, if it waits for you: on AWS in the state V(PENDING_ACCEPTANCE), on GCP in
        V(WAITING_FOR_USER). Null otherwise, and in check mode for a new connection. It follows from the id of the connection.
      type: str
      version_added: 2.5.0
      sample: "2026-11-20T09:30:00Z"
    expires_at:
      description: When AWS drops the request, seven days after RV(vpc_peer.requested_at), unless it is accepted. Null in all
        other cases.
      type: str
      version_added: 2.5.0
      sample: "2026-11-27T09:30:00Z"
handover:
  description:
    - What the owner of the network needs for the other side. Each cloud has its own keys, and a value that is not known is null.
    - Null with O(state=absent).
    - On AWS, the network container is read for it, which costs one more request. In Ansible's own process, the items of a loop
      share it as long as a connection that was there before still uses the container. With O(peer_id), no list shows that, so
      each item reads it.
    - On GCP, the names of Atlas's network are known once Atlas has made it. If the connection waits for the customer and the
      names are not known yet, they cost one more request.
  returned: when it is known what has to be done
  type: dict
  version_added: 2.3.0
  sample:
    gcp_project_id: my-sample-project-191923
    network_name: production
    atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
    atlas_network_name: nt-507f1f77bcf86cd799439011-abcd1234
    name: atlas-nt-507f1f77bcf86cd799439011-abcd1234
    gcloud: gcloud compute networks peerings create atlas-nt-507f1f77bcf86cd799439011-abcd1234 --project=my-sample-project-191923
      --network=production --peer-project=p-abcdefghijklmnopqrstuvwx --peer-network=nt-507f1f77bcf86cd799439011-abcd1234
    add_peering:
      networkPeering:
        name: atlas-nt-507f1f77bcf86cd799439011-abcd1234
        network:
          https://www.googleapis.com/compute/v1/projects/p-abcdefghijklmnopqrstuvwx/global/networks/nt-507f1f77bcf86cd799439011-abcd1234
        exchangeSubnetRoutes: true
  contains:
    connection_id:
      description: The id of the connection in AWS, to be accepted there.
      returned: on AWS
      type: str
      sample: pcx-0f3b9a6d7e8c12345
    aws_account_id:
      description: The AWS account in which it is accepted.
      returned: on AWS
      type: str
      sample: "123456789012"
    vpc_id:
      description: The VPC.
      returned: on AWS
      type: str
      version_added: 2.5.0
      sample: vpc-0a1b2c3d4e5f67890
    accepter_region_name:
      description: The AWS region of the VPC.
      returned: on AWS
      type: str
      sample: us-east-1
    atlas_cidr_block:
      description: The CIDR block of the network container, to which the VPC needs a route.
      returned: on AWS
      type: str
      sample: 192.168.248.0/21
    aws:
      description:
        - The commands of the AWS CLI that accept the connection, unless it is available, and create a route to Atlas, one a line.
          The id of the route table is left open as C($ROUTE_TABLE_ID). The last command is needed for each route table.
        - Null until there is a connection id. M(cloudpeer.atlas.atlas_vpc_peer_accepter) does both.
      returned: on AWS
      type: str
      version_added: 2.5.0
      sample: "aws ec2 accept-vpc-peering-connection --region us-east-1 --vpc-peering-connection-id pcx-0f3b9a6d7e8c12345\naws ec2
        create-route --route-table-id \"$ROUTE_TABLE_ID\" --destination-cidr-block 192.168.248.0/21 --region us-east-1
        --vpc-peering-connection-id pcx-0f3b9a6d7e8c12345"
    application_id:
      description: The id of Atlas's application in AZURE. Null in the government cloud, where it is not known.
      returned: on AZURE
      type: str
      sample: e90a1407-55c3-432d-9cb1-3638900a9d22
    scope:
      description: The scope of its role, which is the resource id of the VNet.
      returned: on AZURE
      type: str
      sample: /subscriptions/.../resourceGroups/production/providers/Microsoft.Network/virtualNetworks/production-vnet
    role_definition:
      description: The role, with its C(name), its C(actions) and its C(assignable_scopes).
      returned: on AZURE
      type: dict
      sample:
        name: AtlasPeering/3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f/production/production-vnet
    az:
      description: The commands of the Azure CLI that create the service principal and the role, and assign it.
      returned: on AZURE
      type: list
      elements: str
      sample: [az ad sp create --id e90a1407-55c3-432d-9cb1-3638900a9d22]
    gcp_project_id:
      description: The customer's project in GCP.
      returned: on GCP
      type: str
    network_name:
      description: The customer's VPC network.
      returned: on GCP
      type: str
    atlas_gcp_project_id:
      description: Atlas's project in GCP.
      returned: on GCP
      type: str
    atlas_network_name:
      description: Atlas's network in GCP.
      returned: on GCP
      type: str
    name:
      description: The name of the peering to create in GCP.
      returned: on GCP
      type: str
    gcloud:
      description: The command of gcloud that creates it.
      returned: on GCP
      type: str
    add_peering:
      description: The body of the request addPeering that creates it.
      returned: on GCP
      type: dict
status_history:
  description: The states in which the task has seen the connection, in this order. The last one is V(gone) if it was removed.
    While Atlas refuses a connection for its role on AZURE, the state is V(refused).
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
    seconds:
      description: When the task first saw it, in seconds since the task started.
      type: float
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
  description: The requests to Atlas in their order, each with C(method), C(path), C(status) (null without a reply) and
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
  description: The HTTP status of Atlas's refusal. Null if it refused nothing.
  returned: failure
  type: int
error_code:
  description: Atlas's error code or RV(vpc_peer.error_state_name). Null without either.
  returned: failure
  type: str
detail:
  description: What Atlas or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
