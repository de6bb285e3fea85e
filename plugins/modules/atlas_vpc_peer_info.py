#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What VPC peering connections a MongoDB Atlas project has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_vpc_peer_info
short_description: Read peering connections between MongoDB Atlas and AWS, AZURE or GCP
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the network peering connections of a MongoDB Atlas project with AWS, AZURE and GCP. It returns all connections, or
    only those that match every option, for example those of one VPC, which can have one to each network container. With
    O(group_ids), O(project_names) or O(org_id), it does so for several projects.
  - If none matches, or if there is no network container in O(container_region_name), the list is empty. The task fails if a
    project does not exist or the credentials are refused.
options:
  group_ids:
    # The rest is in the fragment.
    version_added: 2.1.0
  provider_name:
    description:
      - The cloud provider whose connections are returned. V(all) reads the network containers, and then the connections with each
        cloud that has one, with one request each.
      - If this is not set, it follows from the options that are for one cloud alone, such as O(vpc_id), O(vnet_name) or
        O(expires_within), and is V(all) otherwise. With O(api_version=v1.0), which is for V(AWS) alone, the default is V(AWS).
      - Until 3.0.0, the default was V(AWS).
      - Every value but V(AWS) needs O(api_version=v2).
    type: str
    choices: [AWS, AZURE, GCP, all]
    version_added: 2.3.0
  peer_id:
    description:
      - Return only the connection with this id in Atlas. It is read by its id, without listing the others, and returned
        whatever its cloud is, if O(provider_name) is not set.
    type: str
  connection_id:
    description:
      - Return only the connection with this id in AWS, V(pcx-) and 17 (or 8) hexadecimal digits, as alarms from AWS name it.
      - An id of another form is refused. With O(api_version=v1.0) it only causes a warning.
    type: str
    version_added: 2.0.0
  status_name:
    description:
      - Return only connections in one of these states.
    type: list
    elements: str
    choices:
      - INITIATING
      - PENDING_ACCEPTANCE
      - FINALIZING
      - AVAILABLE
      - FAILED
      - TERMINATING
      - ADDING_PEER
      - DELETING
      - DELETION_FAILED
      - WAITING_FOR_USER
  expires_within:
    description:
      - Return only connections on AWS that wait to be accepted, and whose request expires within this time, or has expired. It
        is a number with the unit V(d), V(h) or V(m), such as V(2d) or V(36h).
      - AWS drops a request seven days after RV(vpc_peers[].requested_at).
    type: str
    version_added: 2.5.0
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.only_reads
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._projects
  - cloudpeer.atlas._network.on_aws
  - cloudpeer.atlas._network.on_azure
  - cloudpeer.atlas._network.on_gcp
  - cloudpeer.atlas._network.container
notes:
  - The API key or service account needs the role I(Project Read Only), or a role with more permissions, in each project.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_network_container_info
"""

EXAMPLES = r"""
- name: Read all connections of the project
  cloudpeer.atlas.atlas_vpc_peer_info:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: all_peers

# In the examples below, the project comes from the environment variable MONGODB_ATLAS_PROJECT_ID, and
# where no credentials are given, the key from MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Read the connection to one VPC
  cloudpeer.atlas.atlas_vpc_peer_info:
    vpc_id: vpc-0a1b2c3d4e5f67890
    aws_account_id: "123456789012"

- name: Read the connections of a project by its name
  cloudpeer.atlas.atlas_vpc_peer_info:
    project_name: shop-production

- name: Find the connections of all projects of an organization that are not available
  cloudpeer.atlas.atlas_vpc_peer_info:
    org_id: 5356823a3794dee37132b000
    project_names: ["*-production"]
    status_name: [INITIATING, PENDING_ACCEPTANCE, FINALIZING, FAILED]

- name: Read one connection by its id
  cloudpeer.atlas.atlas_vpc_peer_info:
    peer_id: "{{ all_peers.vpc_peers[0].id }}"

- name: Read the connections of one network container
  cloudpeer.atlas.atlas_vpc_peer_info:
    container_id: "{{ all_peers.vpc_peers[0].container_id }}"

- name: Read the connections of the network container in one region
  cloudpeer.atlas.atlas_vpc_peer_info:
    container_region_name: us-east-1

- name: Find the connection that an alarm from AWS names
  cloudpeer.atlas.atlas_vpc_peer_info:
    connection_id: pcx-0f3b9a6d7e8c12345

- name: Read the connections that wait to be accepted in AWS, and those that have failed on any cloud
  cloudpeer.atlas.atlas_vpc_peer_info:
    status_name: [PENDING_ACCEPTANCE, FAILED]

- name: Find the requests of several projects that AWS drops within two days unless they are accepted
  cloudpeer.atlas.atlas_vpc_peer_info:
    group_ids: "{{ atlas_projects }}"
    expires_within: 2d
  register: urgent

- name: Show which ones, and until when
  ansible.builtin.debug:
    msg: "{{ item.connection_id }} in AWS account {{ item.aws_account_id }} until {{ item.expires_at }}"
  loop: "{{ urgent.vpc_peers }}"
  loop_control:
    label: "{{ item.id }}"

- name: Show what exists as a list for cloudpeer.atlas.atlas_vpc_peers
  ansible.builtin.debug:
    msg: "{{ {'vpc_peers': all_peers.declared} }}"

- name: Read the connections with AWS alone
  cloudpeer.atlas.atlas_vpc_peer_info:
    provider_name: AWS

- name: Read the connections to a VNet in AZURE
  cloudpeer.atlas.atlas_vpc_peer_info:
    azure_subscription_id: 3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f
    vnet_name: production-vnet

- name: Read the connection to a VPC network in GCP
  cloudpeer.atlas.atlas_vpc_peer_info:
    gcp_project_id: my-sample-project-191923
    network_name: production

- name: Sign in as a service account, without keeping its token in a file
  cloudpeer.atlas.atlas_vpc_peer_info:
    client_id: "{{ atlas_client_id }}"
    client_secret: "{{ atlas_client_secret }}"
    token_cache: false

- name: Sign in with an access token
  cloudpeer.atlas.atlas_vpc_peer_info:
    access_token: "{{ atlas_access_token }}"

- name: Sign in with a profile of the Atlas CLI whose file has the keys
  cloudpeer.atlas.atlas_vpc_peer_info:
    profile: default

- name: Read the connections of a project in the government cloud
  cloudpeer.atlas.atlas_vpc_peer_info:
    base_url: https://cloud.mongodbgov.com
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
vpc_peers:
  description:
    - The connections as Atlas describes them, each like RV(cloudpeer.atlas.atlas_vpc_peer#module:vpc_peer).
    - Those of several projects come project by project, in the order of O(group_ids) if that is set. They are also returned if
      the task fails because another project could not be read.
  returned: success
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
    group_id:
      description: The project of the connection.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: str
      version_added: 2.1.0
      sample: 5356823b3794dee37132bb7b
    project_name:
      description: The name of the project. Null if the credentials cannot see it.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: str
      version_added: 3.1.0
      sample: shop-production
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
      description: When AWS drops the request, seven days after RV(vpc_peers[].requested_at), unless it is accepted. Null in all
        other cases.
      type: str
      version_added: 2.5.0
      sample: "2026-11-27T09:30:00Z"
declared:
  description:
    - The connections of RV(vpc_peers) that are neither leaving nor have failed, as the option
      O(cloudpeer.atlas.atlas_vpc_peers#module:peers) takes them, so the list of what exists can be kept in a file from then on.
    - Each entry has all fields of its cloud and its network container. If Atlas returns null for the region of a connection, the
      network containers are read for it, which costs one more request.
    - A list with several clouds needs O(cloudpeer.atlas.atlas_vpc_peers#module:provider_name=all) in
      M(cloudpeer.atlas.atlas_vpc_peers).
  returned: success, of a single project
  type: list
  elements: dict
  version_added: 2.5.0
  sample:
    - vpc_id: vpc-0a1b2c3d4e5f67890
      aws_account_id: "123456789012"
      route_table_cidr_block: 10.15.0.0/16
      accepter_region_name: us-east-1
      container_id: 507f1f77bcf86cd799439011
projects:
  description: The projects that were read, those without any connection too.
  returned: with O(group_ids), O(project_names) or O(org_id)
  type: list
  elements: dict
  version_added: 2.5.0
  sample:
    - group_id: 5356823b3794dee37132bb7b
      id: 5356823b3794dee37132bb7b
      name: shop-production
      count: 1
      states:
        AVAILABLE: 1
      declared:
        - vpc_id: vpc-0a1b2c3d4e5f67890
          aws_account_id: "123456789012"
          route_table_cidr_block: 10.15.0.0/16
          accepter_region_name: us-east-1
          container_id: 507f1f77bcf86cd799439011
  contains:
    group_id:
      description: The id of the project, under its name in RV(vpc_peers) and RV(failures).
      type: str
    id:
      description: The id of the project.
      type: str
      version_added: 3.1.0
    name:
      description: The name of the project. Null if the credentials cannot see it.
      type: str
      version_added: 3.1.0
    count:
      description: How many elements of RV(vpc_peers) are of the project.
      type: int
      version_added: 3.1.0
    states:
      description: How many connections are in which RV(vpc_peers[].status_name).
      type: dict
      version_added: 3.1.0
    declared:
      description: Its connections, as RV(declared).
      type: list
      elements: dict
failures:
  description: The projects that could not be read. The task fails if there is one.
  returned: with O(group_ids), O(project_names) or O(org_id)
  type: list
  elements: dict
  version_added: 2.1.0
  sample:
    - group_id: 5356823b3794dee37132bb7b
      project_name: shop-production
      msg: >-
        Failed to list the network containers of project 5356823b3794dee37132bb7b: Current user is not authorized to perform this
        action (HTTP 403 USER_UNAUTHORIZED). Check public_key and private_key (or client_id and client_secret, or access_token),
        and that they have a role in the project.
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
      version_added: 3.1.0
    msg:
      description: What went wrong, and what to do.
      type: str
    http_status:
      description: The HTTP status of the reply with which Atlas refused the request. Null if Atlas did not refuse anything.
      type: int
    error_code:
      description: The error code of Atlas. Null if there is none.
      type: str
    detail:
      description: What Atlas or the network said about the failure. Null if neither said anything.
      type: str
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
  description: The error code of Atlas. Null if there is none.
  returned: failure
  type: str
detail:
  description: What Atlas or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer_info import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
