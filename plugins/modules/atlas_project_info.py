#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MongoDB Atlas projects there are, and to which organizations they belong."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_project_info
short_description: Read MongoDB Atlas projects and their organizations
version_added: 3.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns all MongoDB Atlas projects that the credentials can see, or only those that match every option.
  - The API calls a project a group.
  - The task reads the list of projects and the list of organizations, each with one request for 500 of them.
options:
  group_id:
    description:
      - This is for modules that are about one project. It is refused in a task, and has no effect in C(module_defaults) or in
        the environment variable E(MONGODB_ATLAS_PROJECT_ID). Set O(group_ids).
    type: str
    aliases: [project_id]
  project_name:
    description:
      - This is for modules that are about one project. It is refused in a task, and has no effect in C(module_defaults). Set
        O(project_names).
    type: str
  group_ids:
    description:
      - Return only the projects with these ids, in this order.
      - An id that is not that of a project which the credentials can see is a failure.
    type: list
    elements: str
    aliases: [project_ids]
  project_names:
    description:
      - Return only the projects with these names, which may be patterns with V(*) for any characters and V(?) for one. Upper and
        lower case differ.
      - A pattern that fits no project is a failure.
    type: list
    elements: str
  org_id:
    description:
      - Return only the projects of the organization with this id.
      - If the credentials can see no project of it, this is a failure.
    type: str
  tags:
    description:
      - Return only the projects that have all of these tags, with these values. Upper and lower case differ.
      - If no project has them, the list is empty.
      - This needs O(api_version=v2), because version 1.0 of the API does not report tags.
    type: dict
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.only_reads
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
notes:
  - Atlas returns the projects in which the API key or service account has a role. With a role in an organization that may read
    all of its projects, these are all of them.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer_info
  - plugin: cloudpeer.atlas.projects
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Read all projects that the API key can see
  cloudpeer.atlas.atlas_project_info:
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: all_projects

# In the examples below, the key comes from the environment variables
# MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Show their names and organizations
  ansible.builtin.debug:
    msg: "{{ item.name }} of {{ item.org_name }} has {{ item.cluster_count }} clusters"
  loop: "{{ all_projects.projects }}"
  loop_control:
    label: "{{ item.id }}"

- name: Read the production projects of an organization
  cloudpeer.atlas.atlas_project_info:
    org_id: 5356823a3794dee37132b000
    project_names: ["*-production"]
  register: production

- name: Read the projects that have two tags
  cloudpeer.atlas.atlas_project_info:
    tags:
      env: prod
      team: payments

- name: Read some projects by their ids
  cloudpeer.atlas.atlas_project_info:
    group_ids: "{{ production.projects | map(attribute='id') | list }}"
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
projects:
  description: The projects, in the order of O(group_ids) if that is set, and otherwise in that of Atlas.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 5356823b3794dee37132bb7b
      name: shop-production
      org_id: 5356823a3794dee37132b000
      org_name: Example
      created: "2026-02-03T10:15:00Z"
      cluster_count: 2
      tags:
        env: prod
        team: payments
      region_usage_restrictions: null
  contains:
    id:
      description: The id of the project, for C(group_id) of other modules.
      type: str
    name:
      description: The name of the project. Two projects may have the same name if they are of different organizations.
      type: str
    org_id:
      description: The id of the organization.
      type: str
    org_name:
      description: The name of the organization. Null if the credentials cannot see the organization itself.
      type: str
    created:
      description: When the project was created, in UTC.
      type: str
    cluster_count:
      description: How many clusters the project has.
      type: int
    tags:
      description: The tags of the project, as a map.
      type: dict
    region_usage_restrictions:
      description: Which regions the project may use in Atlas for Government, V(COMMERCIAL_FEDRAMP_REGIONS_ONLY) or
        V(GOV_REGIONS_ONLY). Null elsewhere.
      type: str
      sample: GOV_REGIONS_ONLY
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
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
      path: /api/atlas/v2/groups
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_project_info import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
