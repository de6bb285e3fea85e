#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IP access list of a MongoDB Atlas project."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_access_list
short_description: Manage the IP access list of a MongoDB Atlas project
version_added: 0.1.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Adds, changes and removes entries of the IP access list of a MongoDB Atlas project, which says who may connect to it.
  - Entries that are not in O(entries) are left alone.
  - All entries that are new or differ are sent in one request, since Atlas takes no two at once.
options:
  entries:
    description:
      - The entries. Each is a block, an address, or a security group.
    type: list
    elements: dict
    required: true
    suboptions:
      cidr_block:
        description:
          - A CIDR block, without host bits. V(10.0.0.5/32) is the same entry as the address V(10.0.0.5).
        type: str
      ip_address:
        description:
          - An address.
        type: str
      aws_security_group:
        description:
          - A security group in AWS. The project needs a VPC peering connection before it takes one.
        type: str
      comment:
        description:
          - What the entry is for, in 80 characters at the most.
          - If it is not set, the comment of an entry that is there stays as it is.
        type: str
      delete_after_date:
        description:
          - When Atlas is to remove the entry by itself, as an ISO 8601 date within a week. Without an offset, it is in UTC.
          - If it is not set, a new entry stays, and an entry that is there keeps its date.
        type: str
  state:
    description:
      - V(present) adds the entries, or changes those that differ. V(absent) removes them.
    type: str
    choices: [present, absent]
    default: present
  wait:
    description:
      - Wait until the entries are in force, everywhere. With O(state=absent) there is nothing to wait for.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - cloudpeer.atlas.attributes
  - cloudpeer.atlas.connection
  - cloudpeer.atlas.wait
notes:
  - The API key needs the role Project Network Access Manager (or Project Owner) in the project.
"""

EXAMPLES = r"""
- name: Let the clients in a VPC connect
  cloudpeer.atlas.atlas_access_list:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
    entries:
      - cidr_block: 10.15.0.0/16
        comment: The application's VPC

- name: Let an address and a network connect, and go on when they can
  cloudpeer.atlas.atlas_access_list:
    entries:
      - ip_address: 10.20.0.5
        comment: The reporting host
      - cidr_block: 10.21.0.0/24
    wait: true

- name: Do not let them connect any more
  cloudpeer.atlas.atlas_access_list:
    entries:
      - ip_address: 10.20.0.5
      - cidr_block: 10.21.0.0/24
    state: absent
"""

RETURN = r"""
access_list:
  description:
    - The entries that O(entries) names as they are, or in check mode as they would be. Empty with O(state=absent).
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
    cidr_block:
      description: The CIDR block. An address is there as a block, too. Null for a security group.
      type: str
      sample: 10.15.0.0/16
    ip_address:
      description: The address, if the entry is one.
      type: str
      sample: 10.20.0.5
    aws_security_group:
      description: The security group, if the entry is one.
      type: str
      sample: sg-0a1b2c3d4e5f67890
    comment:
      description: What the entry is for.
      type: str
      sample: The application's VPC
    delete_after_date:
      description: When Atlas removes the entry by itself. Null if it stays.
      type: str
      sample: "2030-01-31T12:00:00Z"
api_calls:
  description: The HTTP requests that were sent to Atlas, in their order.
  returned: at verbosity 2 (C(-vv)) and more
  type: list
  elements: dict
  sample:
    - method: GET
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/peers
      status: 200
      milliseconds: 48
  contains:
    method:
      description: The HTTP method.
      type: str
      sample: GET
    path:
      description: The path, without the query.
      type: str
      sample: /api/atlas/v2/groups/5356823b3794dee37132bb7b/peers
    status:
      description: The HTTP status of the reply. Null when there was none.
      type: int
      sample: 200
    milliseconds:
      description: How long it took.
      type: int
      sample: 48
http_status:
  description: The HTTP status with which Atlas refused. Null if it was not Atlas.
  returned: failure
  type: int
  sample: 409
error_code:
  description: Atlas's code for what is wrong. Null if there is none.
  returned: failure
  type: str
  sample: OVERLAPPING_CIDR_BLOCK
detail:
  description: What Atlas, or the network, said about it. Null if nothing.
  returned: failure
  type: str
  sample: The block overlaps that of another peering connection.
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._access_list_task import TASK
from ansible_collections.cloudpeer.atlas.plugins.module_utils._module import run_module


def main() -> None:
    """Run the module."""
    run_module(TASK)


if __name__ == "__main__":
    main()
