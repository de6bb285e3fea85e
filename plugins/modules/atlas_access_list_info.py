#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the IP access list of a MongoDB Atlas project has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_access_list_info
short_description: Read the IP access list of a MongoDB Atlas project
version_added: 2.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the entries of the IP access list of a MongoDB Atlas project, either all of them, or those that match every option.
  - If none matches, the list is empty. The task fails if the project does not exist or the credentials are refused.
  - In O(cidr_block), O(ip_address), O(aws_security_group) and O(comment), V(*), V(?) and V([...]) stand for other characters, as
    in file names. Upper and lower case differ.
options:
  cidr_block:
    description:
      - Return only the entry with this CIDR block, or entries with blocks that match. An address is the block that has only this
        address, such as V(10.0.0.5/32).
    type: str
  ip_address:
    description:
      - Return only the entry with this address, or entries with addresses that match. Blocks with more than one address do not
        match; see O(contains).
    type: str
  aws_security_group:
    description:
      - Return only the entry with this security group, or entries with security groups that match. The account before it counts
        only if the option and the entry both have one.
    type: str
  comment:
    description:
      - Return only entries with this comment, or with comments that match.
    type: str
  contains:
    description:
      - Return only entries that let this address, or this whole CIDR block, in. Security groups do not count.
    type: str
  include_status:
    description:
      - Also return whether each entry is active. This takes one request for each entry that is returned.
    type: bool
    default: false
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.only_reads
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._projects
notes:
  - The API key or service account needs the role I(Project Read Only), or a role with more permissions, in each project.
seealso:
  - module: cloudpeer.atlas.atlas_access_list
"""

EXAMPLES = r"""
- name: Read the whole access list
  cloudpeer.atlas.atlas_access_list_info:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: allowed

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Find out which entries let a host in
  cloudpeer.atlas.atlas_access_list_info:
    contains: 10.15.3.7

- name: Read the entry of a VPC, and whether it is active
  cloudpeer.atlas.atlas_access_list_info:
    cidr_block: 10.15.0.0/16
    include_status: true

- name: Read the entries of the hosts in a network
  cloudpeer.atlas.atlas_access_list_info:
    ip_address: 10.20.0.*

- name: Read the entries that the office uses
  cloudpeer.atlas.atlas_access_list_info:
    comment: "office *"

- name: Read the entries with security groups
  cloudpeer.atlas.atlas_access_list_info:
    aws_security_group: "*"

- name: Read the access lists of several projects
  cloudpeer.atlas.atlas_access_list_info:
    group_ids: "{{ atlas_projects }}"

- name: Read the access lists of all production projects of an organization
  cloudpeer.atlas.atlas_access_list_info:
    org_id: 5356823a3794dee37132b000
    project_names: ["*-production"]
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
access_list:
  description: The entries, each like those of RV(cloudpeer.atlas.atlas_access_list#module:access_list).
  returned: success
  type: list
  elements: dict
  sample:
    - cidr_block: 10.15.0.0/16
      ip_address: null
      aws_security_group: null
      comment: The application's VPC
      delete_after_date: null
  contains:
    group_id:
      description: The project of the entry.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: str
      version_added: 3.1.0
      sample: 5356823b3794dee37132bb7b
    project_name:
      description: The name of the project. Null if the credentials cannot see it.
      returned: with O(group_ids), O(project_names) or O(org_id)
      type: str
      version_added: 3.1.0
      sample: shop-production
    cidr_block:
      description: The CIDR block. For an address it is the block that has only this address. Null for a security group.
      type: str
    ip_address:
      description: The IP address. Null if the entry is not an address.
      type: str
      sample: 10.20.0.5
    aws_security_group:
      description: The id of the security group. Null if the entry is not a security group.
      type: str
      sample: sg-0a1b2c3d4e5f67890
    comment:
      description: What the entry is for. Null if it has no comment.
      type: str
    delete_after_date:
      description: When Atlas removes the entry. Null if it is permanent.
      type: str
      sample: "2030-01-31T12:00:00Z"
    status:
      description: Whether the entry is active for all clusters, one of V(PENDING), V(ACTIVE), V(FAILED).
      returned: with O(include_status=true)
      type: str
      sample: ACTIVE
projects:
  description: The projects that were read, those without any entry too.
  returned: with O(group_ids), O(project_names) or O(org_id)
  type: list
  elements: dict
  version_added: 3.1.0
  sample:
    - group_id: 5356823b3794dee37132bb7b
      id: 5356823b3794dee37132bb7b
      name: shop-production
      count: 1
      states:
        ACTIVE: 1
  contains:
    group_id:
      description: The id of the project, under its name in RV(access_list) and RV(failures).
      type: str
    id:
      description: The id of the project.
      type: str
    name:
      description: The name of the project. Null if the credentials cannot see it.
      type: str
    count:
      description: How many elements of RV(access_list) are of the project.
      type: int
    states:
      description: With O(include_status=true), how many entries are in which RV(access_list[].status). Empty without it.
      type: dict
failures:
  description: The projects that could not be read. The task fails if there is one.
  returned: with O(group_ids), O(project_names) or O(org_id)
  type: list
  elements: dict
  version_added: 3.1.0
  sample:
    - group_id: 5356823b3794dee37132bb7b
      project_name: shop-production
      msg: >-
        Failed to list the access list of project 5356823b3794dee37132bb7b: Current user is not authorized to perform this action
        (HTTP 403 USER_UNAUTHORIZED). Check public_key and private_key (or client_id and client_secret, or access_token), and that
        they have a role in the project.
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
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/accessList
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_access_list_info import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
