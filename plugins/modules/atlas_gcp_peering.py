#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The customer's side of a network peering with MongoDB Atlas, in GCP."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_gcp_peering
short_description: Make your half of a VPC network peering with MongoDB Atlas in GCP
version_added: 2.3.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - A peering in GCP has two sides, one in each VPC network. MongoDB Atlas makes its side, and then waits for yours. This module
    creates and removes yours, which it finds by the network that it leads to, whatever its name is.
  - The peering exchanges the routes of subnets, and no custom routes. The task changes no peering that exists, and no route.
  - GCP makes one change at a time to the peerings of a network. The task waits until others have ended, and until its own has,
    at most O(wait_timeout) seconds for each.
options:
  gcp_project_id:
    description: The id of your project in GCP, which has the network.
    type: str
    required: true
  network_name:
    description:
      - The name of your VPC network. It must be the one that the connection in Atlas names.
      - With O(state=present), the task fails if there is no such network. With O(state=absent), it changes nothing, with a
        warning.
    type: str
    required: true
  atlas_gcp_project_id:
    description:
      - The id of Atlas's own project in GCP, V(p-) and 24 characters. Atlas shows it as C(gcpProjectId) of the network container,
        after it has made its side.
      - O(state=present) requires it. It goes together with O(atlas_network_name).
    type: str
  atlas_network_name:
    description:
      - The name of Atlas's own network, which begins with V(nt-). Atlas shows it as C(networkName) of the network container,
        after it has made its side.
      - O(state=present) requires it. It goes together with O(atlas_gcp_project_id).
    type: str
  name:
    description:
      - The name of the peering. If this is not set, it is V(atlas-) followed by O(atlas_network_name).
      - A peering that leads to Atlas's network is used whatever its name is. The task fails if a peering that leads elsewhere has
        this name.
      - With O(state=absent), it can be set without Atlas's names, which are no longer known after the container is deleted. The
        task then removes the peering of this name only if it leads to a network of Atlas.
    type: str
  state:
    description:
      - V(present) makes the peering if there is none to Atlas's network.
      - V(absent) removes it. Remove the connection in Atlas first (M(cloudpeer.atlas.atlas_vpc_peer)).
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - With O(state=present), wait until the peering is V(ACTIVE), which it is when both sides exist.
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_gcp
  - cloudpeer.atlas._gcp
  - cloudpeer.atlas._wait
notes:
  - The account needs the permissions C(compute.networks.get), C(compute.networks.addPeering), C(compute.networks.removePeering)
    and C(compute.globalOperations.get) in your project. The role Compute Network Admin (C(roles/compute.networkAdmin)) has them.
  - A peering with the update strategy C(CONSENSUS) can be removed only if both sides request it. The task then fails with this
    reason.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer
  - module: cloudpeer.atlas.atlas_network_container
  - name: VPC Network Peering in the documentation of GCP
    description: How both sides of a peering work together, and its limits.
    link: https://cloud.google.com/vpc/docs/vpc-peering
"""

EXAMPLES = r"""
- name: Make your side of the peering, and wait until it is active
  cloudpeer.atlas.atlas_gcp_peering:
    gcp_project_id: my-project
    network_name: my-network
    atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
    atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
    wait: true

- name: Give it a name of your own, with the key of a service account
  cloudpeer.atlas.atlas_gcp_peering:
    gcp_project_id: my-project
    network_name: my-network
    atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
    atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
    name: atlas-production
    auth_kind: serviceaccount
    service_account_file: /etc/gcp/peering.json

- name: Use a key from a vault, and another scope
  cloudpeer.atlas.atlas_gcp_peering:
    gcp_project_id: my-project
    network_name: my-network
    atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
    atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
    service_account_contents: "{{ gcp_peering_key }}"
    scopes:
      - https://www.googleapis.com/auth/cloud-platform

- name: Sign in as a service account of the machine that runs the task
  cloudpeer.atlas.atlas_gcp_peering:
    gcp_project_id: my-project
    network_name: my-network
    atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
    atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
    auth_kind: machineaccount
    service_account_email: peering@my-project.iam.gserviceaccount.com

- name: Remove it, with a token from gcloud
  cloudpeer.atlas.atlas_gcp_peering:
    gcp_project_id: my-project
    network_name: my-network
    atlas_gcp_project_id: p-abcdefghijklmnopqrstuvwx
    atlas_network_name: nt-5356823b3794dee37132bb7b-abcdefgh
    access_token: "{{ lookup('ansible.builtin.pipe', 'gcloud auth print-access-token') }}"
    state: absent

- name: Remove what is left of it after the container is deleted
  cloudpeer.atlas.atlas_gcp_peering:
    gcp_project_id: my-project
    network_name: my-network
    name: atlas-production
    state: absent
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
gcp_peering:
  description: Your side of the peering, or in check mode as it would be. Null if there is none.
  returned: when it is known what is there
  type: dict
  sample:
    name: atlas-nt-5356823b3794dee37132bb7b-abcdefgh
    network: projects/p-abcdefghijklmnopqrstuvwx/global/networks/nt-5356823b3794dee37132bb7b-abcdefgh
    state: ACTIVE
    state_details: >-
      [2026-11-26T08:00:00.000-00:00]: Connected.
  contains:
    name:
      description: The name of the peering.
      type: str
    network:
      description: The network that it leads to, as the last part of its address in GCP.
      type: str
    state:
      description:
        - V(ACTIVE) if both sides exist, otherwise V(INACTIVE).
        - Null for a peering that check mode predicts without O(wait), because it does not know Atlas's side.
      type: str
    state_details:
      description: What GCP says about the state. Null if it says nothing, and for a state that check mode predicts.
      type: str
status_history:
  description: The states in which the task has seen the peering, in this order.
  returned: success, with O(wait=true)
  type: list
  elements: dict
  sample:
    - status: INACTIVE
      seconds: 1.2
    - status: ACTIVE
      seconds: 2.4
  contains:
    status:
      description: The state.
      type: str
    seconds:
      description: The seconds since the task began.
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
  description: The requests to GCP in their order, those for tokens included, each with C(method), C(path), C(status) (null
    without a reply) and C(milliseconds).
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample:
    - method: GET
      path: /compute/v1/projects/my-project/global/networks/my-network
      status: 200
      milliseconds: 48
http_status:
  description: The HTTP status of GCP's reply. Null if GCP did not answer.
  returned: failure
  type: int
error_code:
  description: GCP's reason for the failure. Null if it gave none.
  returned: failure
  type: str
detail:
  description: What GCP or the network said about the failure. Null if nothing.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_gcp_peering import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
