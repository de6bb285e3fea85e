#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether MongoDB Atlas may peer with a VNet in AZURE."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_azure_role
short_description: Let MongoDB Atlas peer with a VNet in AZURE
version_added: 2.6.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - On AZURE, MongoDB Atlas makes both sides of a peering. For this, its application needs a service principal in your
    directory, and four actions on the VNet, which a role gives that is assigned to it. This module gives Atlas what it
    lacks, and takes it away.
  - What Atlas has already is enough, for example the role Network Contributor on the resource group. The four actions may
    come from several roles, at the VNet or above, and from roles of groups.
  - Everything is read and checked before anything is changed, in check mode too. The VNet is read first.
options:
  azure_directory_id:
    description:
      - The id of the directory (tenant) that has the VNet, a UUID. The task signs in there, whatever O(tenant), the profile
        or the environment variables say, and fails if it gets a token of another directory.
      - If this is not set, it signs in to the directory of the credentials.
    type: str
  vnet_resource_id:
    description:
      - The resource id of the VNet,
        C(/subscriptions/.../resourceGroups/.../providers/Microsoft.Network/virtualNetworks/...). It stands for
        O(azure_subscription_id), O(resource_group_name) and O(vnet_name), which are required without it. If one of them is
        set as well and differs, the task fails.
      - With O(state=present), the task fails if there is no such VNet. With O(state=absent), it changes nothing, with a
        warning.
    type: str
  azure_subscription_id:
    description: The id of the subscription that has the VNet, a UUID.
    type: str
  resource_group_name:
    description: The name of the resource group that has the VNet.
    type: str
  vnet_name:
    description: The name of the VNet.
    type: str
  state:
    description:
      - V(present) lets Atlas peer with the VNet. If Atlas may not do all of its actions, the task makes the service
        principal, the role C(AtlasPeering/<subscription>/<resource group>/<VNet>) and its assignment at the VNet, or those
        of them that are missing. A role with this name is used, whoever made it. If it lacks one of the actions, the task
        adds them if the collection made the role, and fails otherwise.
      - V(absent) removes the role that the collection made, with all its assignments at the VNet and below, and the
        assignments that the collection made of other roles. It recognizes them by their descriptions. Other roles stay, and
        so does the service principal. If the role is assigned above the VNet, it stays with these assignments, with a warning
        that names them. Others made them, and other VNets may need them.
      - V(absent) changes nothing, with a warning that names the peering, while the VNet has one with a network of Atlas, or
        with a network that AZURE does not name, whatever its state, because Atlas repairs and deletes with the role. Remove the
        connection in Atlas first (M(cloudpeer.atlas.atlas_vpc_peer)), and see O(atlas_vnet_name).
    type: str
    choices: [present, absent]
    default: present
  role_definition_id:
    description:
      - The id of the role to assign, C(/subscriptions/.../providers/Microsoft.Authorization/roleDefinitions/...) or the
        UUID at its end, instead of the one that the task would make.
      - The task fails if this role lacks one of the four actions, or cannot be assigned at the VNet.
      - With O(state=absent), this has no effect.
    type: str
  atlas_vnet_name:
    description:
      - With O(state=absent), the name of Atlas's own VNet, C(atlas_vnet_name) of the network container
        (M(cloudpeer.atlas.atlas_network_container_info)). The task first waits until the peering with it has ended.
      - Peerings with other networks of Atlas still keep the role.
    type: str
  wait_timeout:
    description:
      - The most seconds to wait, with O(state=present) until AZURE knows a new service principal or role everywhere and
        accepts the assignment, and with O(atlas_vnet_name) until the peering has ended.
    type: int
    default: 1800
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_azure
  - cloudpeer.atlas._azure
notes:
  - The permissions that each step needs are listed here, those in AZURE at the VNet. The roles Owner and User Access
    Administrator have all of those in AZURE. With O(role_definition_id), Role Based Access Control Administrator and Reader
    are enough.
  - "To read: C(Microsoft.Network/virtualNetworks/read), C(Microsoft.Authorization/roleAssignments/read) and
    C(Microsoft.Authorization/roleDefinitions/read), and in Microsoft Graph C(Application.Read.All). Without
    C(Microsoft.Authorization/denyAssignments/read), the result says in RV(notes) that deny assignments were not read."
  - "To make the service principal: C(Application.ReadWrite.All) in Microsoft Graph, or the directory role Cloud Application
    Administrator."
  - "To make or change the role: C(Microsoft.Authorization/roleDefinitions/write). To assign a role:
    C(Microsoft.Authorization/roleAssignments/write)."
  - "To remove assignments and the role: C(Microsoft.Authorization/roleAssignments/delete) and
    C(Microsoft.Authorization/roleDefinitions/delete)."
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_network_container
  - name: Set Up a Network Peering Connection in the documentation of Atlas
    description: What Atlas's application needs on a VNet.
    link: https://www.mongodb.com/docs/atlas/security-vpc-peering/
"""

EXAMPLES = r"""
- name: Let Atlas peer with the VNet, as the user of the Azure CLI or the identity of the machine
  cloudpeer.atlas.atlas_azure_role:
    azure_directory_id: 9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41
    vnet_resource_id: >-
      /subscriptions/3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f/resourceGroups/production/providers/Microsoft.Network/virtualNetworks/production-vnet

- name: Name the VNet by its parts, and sign in as an application
  cloudpeer.atlas.atlas_azure_role:
    azure_directory_id: 9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41
    azure_subscription_id: 3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f
    resource_group_name: production
    vnet_name: production-vnet
    client_id: 5f1d7c3a-2b4e-4a6f-8c9d-0e1f2a3b4c5d
    secret: "{{ azure_secret }}"

- name: Assign a role that is there, with a profile of ~/.azure/credentials
  cloudpeer.atlas.atlas_azure_role:
    vnet_resource_id: "{{ vnet_id }}"
    role_definition_id: 4d97b98b-1d4f-4787-a291-c67834d212e7
    profile: networks

- name: Sign in to a directory with an identity of the machine
  cloudpeer.atlas.atlas_azure_role:
    vnet_resource_id: "{{ vnet_id }}"
    auth_source: msi
    cloud_environment: AzureCloud

- name: Wait until the peering has ended, then take the role away
  cloudpeer.atlas.atlas_azure_role:
    vnet_resource_id: "{{ vnet_id }}"
    tenant: 9a3f1c52-7d64-4d2e-9b1f-0c5e8a7b6d41
    subscription_id: 3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f
    atlas_vnet_name: vnet_5356823b3794dee37132bb7b_abcdefgh
    wait_timeout: 600
    state: absent
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
azure_role:
  description: What Atlas may do at the VNet, or in check mode will. Null if Atlas may do none of its actions there.
  returned: when it is known what is there
  type: dict
  sample:
    application_id: e90a1407-55c3-432d-9cb1-3638900a9d22
    principal_id: 0f8fad5b-d9cb-469f-a165-70867728950e
    scope:
      /subscriptions/3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f/resourceGroups/production/providers/Microsoft.Network/virtualNetworks/production-vnet
    role_definition_ids:
      -
        /subscriptions/3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f/providers/Microsoft.Authorization/roleDefinitions/7c9e6679-7425-50de-944b-e07fc1f90ae7
    assignment_ids:
      -
        /subscriptions/3b7e2d90-1f45-4c8a-8e6d-5a9b0c1d2e3f/resourceGroups/production/providers/Microsoft.Network/virtualNetworks/production-vnet/providers/Microsoft.Authorization/roleAssignments/16fd2706-8baf-533b-82eb-8c7fada847da
    actions:
      - Microsoft.Network/virtualNetworks/virtualNetworkPeerings/read
      - Microsoft.Network/virtualNetworks/virtualNetworkPeerings/write
      - Microsoft.Network/virtualNetworks/virtualNetworkPeerings/delete
      - Microsoft.Network/virtualNetworks/peer/action
    is_inherited: false
  contains:
    application_id:
      description: The id of Atlas's application.
      type: str
    principal_id:
      description: The object id of its service principal in the directory. Null in check mode if that is not made yet.
      type: str
    scope:
      description: The resource id of the VNet.
      type: str
    role_definition_ids:
      description: The ids of the roles that give the actions. In check mode, a role that is not made yet is missing.
      type: list
      elements: str
    assignment_ids:
      description: The ids of the assignments that give the actions. In check mode, one that is not made yet is missing.
      type: list
      elements: str
    actions:
      description: Those of the four actions that Atlas may do.
      type: list
      elements: str
    is_inherited:
      description: Whether none of these assignments is at the VNet itself.
      type: bool
vnet:
  description: The VNet, as AZURE showed it. Null if there is no such VNet.
  returned: when it is known what is there
  type: dict
  sample:
    address_prefixes: [10.0.0.0/24]
    peerings:
      - name: atlas-peering
        remote_network:
          /subscriptions/8d2f4c1b-6a3e-4f5d-9c7b-1e0a2b3c4d5f/resourceGroups/rg_5356823b3794dee37132bb7b/providers/Microsoft.Network/virtualNetworks/vnet_5356823b3794dee37132bb7b_abcdefgh
        remote_prefixes: [192.168.248.0/21]
        state: Connected
  contains:
    address_prefixes:
      description: Its address prefixes for IPv4.
      type: list
      elements: str
    peerings:
      description: Its peerings.
      type: list
      elements: dict
      contains:
        name:
          description: The name of the peering.
          type: str
        remote_network:
          description: The resource id of the VNet on the other side.
          type: str
        remote_prefixes:
          description: The address prefixes of the other side for IPv4.
          type: list
          elements: str
        state:
          description: V(Initiated), V(Connected) or V(Disconnected).
          type: str
notes:
  description: What could not be looked at, with the missing permission, a sentence each.
  returned: when it is known what is there
  type: list
  elements: str
  sample: []
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
  sample:
    sent: 7
    writes: 0
  contains:
    sent:
      description: All requests.
      type: int
    writes:
      description: Those that may change something.
      type: int
api_calls:
  description: The requests in their order, those for tokens included, each with C(method), C(path), C(status) (null without a
    reply) and C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: POST
      path: graph.microsoft.com/v1.0/servicePrincipals
      status: 201
      milliseconds: 48
http_status:
  description: The HTTP status of the reply. Null if there was none.
  returned: failure
  type: int
error_code:
  description: AZURE's code for the failure. Null if it gave none.
  returned: failure
  type: str
detail:
  description: What AZURE or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_azure_role import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
