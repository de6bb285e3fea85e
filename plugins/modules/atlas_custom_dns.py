#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Custom DNS of MongoDB Atlas projects."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_custom_dns
short_description: Manage custom DNS of a MongoDB Atlas project
version_added: 3.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Enables or disables custom DNS for the clusters of a MongoDB Atlas project on AWS.
  - With custom DNS, the clusters also have private connection strings (with C(-pri)), whose names always resolve to private
    addresses. Clients need these if they are in a VPC with own DNS servers, which do not ask Amazon's resolver of that VPC.
  - A private connection string appears when a peering connection with a network container of the cluster is AVAILABLE.
    M(cloudpeer.atlas.atlas_cluster_info) returns it.
  - Clusters on AZURE and GCP have private connection strings without this.
options:
  enabled:
    description:
      - Whether custom DNS is enabled.
      - Before you disable it, let all clients use the ordinary connection strings, because the private ones disappear.
    type: bool
    required: true
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
notes:
  - The API key or service account needs the role I(Project Atlas Admin) in the project. I(Project Read Only) is enough as long as
    there is nothing to change.
seealso:
  - module: cloudpeer.atlas.atlas_cluster_info
  - module: cloudpeer.atlas.atlas_vpc_peer_check
  - name: The connection is AVAILABLE, but …
    description: When own DNS servers are the reason, and what else may be.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md#p205
"""

EXAMPLES = r"""
- name: Enable custom DNS
  cloudpeer.atlas.atlas_custom_dns:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
    enabled: true

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Find out whether it would have to be enabled
  cloudpeer.atlas.atlas_custom_dns:
    enabled: true
  check_mode: true
  register: custom_dns

- name: Disable it
  cloudpeer.atlas.atlas_custom_dns:
    enabled: false
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
custom_dns:
  description:
    - Custom DNS of the project, or in check mode as it would be.
    - If the task fails, as it was last seen.
  returned: when it could be read
  type: dict
  sample:
    enabled: true
  contains:
    enabled:
      description: Whether custom DNS is enabled.
      type: bool
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
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
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/awsCustomDNS
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_custom_dns import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
