#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IP access list of a MongoDB Atlas project."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_access_list
short_description: Manage the IP access list of a MongoDB Atlas project
version_added: 1.0.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Adds, changes and removes entries of the IP access list of a MongoDB Atlas project.
  - The list says who may connect to the clusters of the project. It is not the access list of an API key, which says from
    which addresses the key may be used.
  - Entries that are not in O(entries) stay as they are. With O(prune=true), O(entries) is the whole list, and others are removed,
    within the limit of O(max_deletions).
  - An entry with V(0.0.0.0/0) or V(::/0) lets any host on the internet connect, so the task warns about it.
  - All entries that are new or have changed are sent in one request, because Atlas does not accept two such requests at once.
options:
  entries:
    description:
      - The entries. Each entry is a CIDR block, an IP address, or a security group.
      - An option of an entry that is an empty string counts as not set, as in a state of Terraform.
    type: list
    elements: dict
    required: true
    suboptions:
      cidr_block:
        description:
          - A CIDR block without host bits. V(10.0.0.5/32) is the same entry as the address V(10.0.0.5).
        type: str
      ip_address:
        description:
          - An IP address. Beside an O(entries[].cidr_block) that holds this address alone, it is one entry, since 3.2.1.
        type: str
      aws_security_group:
        description:
          - The id of a security group in a peered VPC. Atlas accepts it only if the project has a VPC peering connection.
          - With its account before it (V(123456789012/sg-0a1b2c3d4e5f67890)) and without, it is the same entry.
        type: str
      comment:
        description:
          - What the entry is for, in at most 80 characters.
          - If this is not set, an existing entry keeps its comment.
          - Required with O(state=absent) and O(only_own=true).
        type: str
      delete_after_date:
        description:
          - When Atlas removes the entry, as an ISO 8601 date within the next week. Without an offset, it is in UTC.
          - If this is not set, a new entry stays until it is removed, and an existing entry keeps its date, about which the task
            warns.
          - V(never) makes an entry permanent that has a date. The entry is written without one, and read again. If it still
            expires, the task fails, and the entry has to be removed first. V(never) was added in 2.5.0.
        type: str
  state:
    description:
      - V(present) adds the entries, or changes those that differ. V(absent) removes them.
    type: str
    choices: [present, absent]
    default: present
  keep_comment:
    description:
      - Whether existing entries keep their comments, so that O(entries[].comment) is used only for new entries.
      - Set this for entries that other people may use as well.
      - With O(state=absent), this has no effect.
    type: bool
    default: false
    version_added: 2.0.0
  only_own:
    description:
      - Whether to remove only entries whose comment is exactly the given one. An entry with another comment stays, and is in
        RV(left) with the reason.
      - With O(state=present), this has no effect.
    type: bool
    default: false
    version_added: 2.0.0
  prune:
    description:
      - Remove the entries that O(entries) does not declare and O(ignore) does not match, including those that other people have
        added. Entries that expire stay; see O(prune_temporary). Keep one list for each project.
      - A task runs on each host of its play, with the list of that host. If hosts share a project, put everything into one list,
        and set C(run_once=true).
      - New entries are added first. The task removes others only when all of O(entries) are active for all clusters, even without
        O(wait), so that no client is shut out. This takes one request for each of O(entries), one more to read the list
        again if the task had to wait, and at most O(wait_timeout). If adding fails, nothing is removed.
      - If the access list has no room for the new entries, the task removes as many as necessary first, with a warning.
      - With O(state=absent), this is a failure.
    type: bool
    default: false
    version_added: 2.1.0
  max_deletions:
    description:
      - How many entries O(prune) may remove.
      - If more would have to be removed, the task fails and changes nothing, also in check mode. RV(actions) shows the plan.
    type: int
    default: 1
    version_added: 2.1.0
  allow_empty:
    description:
      - Accept an empty O(entries) with O(prune=true), which removes all entries that O(ignore) does not match. Without this, an
        empty list is a failure.
    type: bool
    default: false
    version_added: 2.1.0
  ignore:
    description:
      - Entries that O(prune) leaves alone, as a list of patterns. Each pattern gives values for some of C(cidr_block),
        C(ip_address), C(aws_security_group) and C(comment), in which V(*) stands for any characters and V(?) for one. Brackets
        are plain text. A pattern matches an entry if all of its fields match. Upper and lower case of comments differ, and null
        matches nothing. An empty comment matches entries without a comment.
      - An address is also the block that has only this address, so a pattern can have either of them. The account before a
        security group counts only if the pattern and the entry both have one.
      - An entry that O(entries) declares is managed, even if a pattern matches it.
      - A pattern that matches nothing protects nothing, so the task fails before O(prune) removes anything; see
        O(ignore_unmatched). If nothing is to be removed, it is a warning. Entries that O(entries) declares count as well.
      - A pattern with a null is a failure before O(prune) removes anything, and otherwise a warning.
    type: list
    elements: dict
    default: []
    version_added: 2.1.0
  ignore_unmatched:
    description:
      - What to do if a pattern of O(ignore) matches nothing, and O(prune) would remove something. V(fail) fails, and changes
        nothing. V(warn) warns, for a list of patterns that several projects share.
    type: str
    choices: [fail, warn]
    default: fail
    version_added: 2.5.0
  prune_temporary:
    description:
      - Whether O(prune) also removes entries that expire, which are those with a O(entries[].delete_after_date).
    type: bool
    default: false
    version_added: 2.1.0
  wait:
    description:
      - Wait until the entries are active for all clusters.
      - With O(state=absent), this has no effect.
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.makes_changes
  - cloudpeer.atlas._attributes.action_group_atlas
  - cloudpeer.atlas._connection
  - cloudpeer.atlas._connection.project
  - cloudpeer.atlas._plan
  - cloudpeer.atlas._wait
notes:
  - The API key or service account needs the role I(Project Network Access Manager) or I(Project Owner) in the project.
seealso:
  - module: cloudpeer.atlas.atlas_access_list_info
  - module: cloudpeer.atlas.atlas_vpc_peer
  - name: IP access list in the documentation of Atlas
    description: What an entry may be, and the limits.
    link: https://www.mongodb.com/docs/atlas/security/ip-access-list/
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

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Let an address and a network connect, and wait until they can
  cloudpeer.atlas.atlas_access_list:
    entries:
      - ip_address: 10.20.0.5
        comment: The reporting host
      - cidr_block: 10.21.0.0/24
    wait: true
    wait_timeout: 300

- name: Let the members of a security group in a peered VPC connect
  cloudpeer.atlas.atlas_access_list:
    entries:
      - aws_security_group: sg-0a1b2c3d4e5f67890

- name: Let an address connect for the next two days
  cloudpeer.atlas.atlas_access_list:
    entries:
      - ip_address: 203.0.113.7
        comment: The consultant
        delete_after_date: "{{ '%Y-%m-%dT%H:%M:%SZ' | ansible.builtin.strftime(now().timestamp() + 2 * 24 * 3600, utc=true) }}"

- name: Let the address connect from now on, without an end
  cloudpeer.atlas.atlas_access_list:
    entries:
      - ip_address: 203.0.113.7
        comment: The consultant
        delete_after_date: never

- name: Let a network connect, and keep the comment if the entry exists already
  cloudpeer.atlas.atlas_access_list:
    entries:
      - cidr_block: 10.22.0.0/24
        comment: The job runners
    keep_comment: true

- name: Remove the entry, unless its comment has been changed
  cloudpeer.atlas.atlas_access_list:
    entries:
      - cidr_block: 10.22.0.0/24
        comment: The job runners
    state: absent
    only_own: true

- name: Do not let an address and a network connect any more
  cloudpeer.atlas.atlas_access_list:
    entries:
      - ip_address: 10.20.0.5
      - cidr_block: 10.21.0.0/24
    state: absent

- name: Make the list what this task says, but leave the entries of the office and those that expire
  cloudpeer.atlas.atlas_access_list:
    entries:
      - cidr_block: 10.15.0.0/16
        comment: The application's VPC
      - ip_address: 10.20.0.5
        comment: The reporting host
    prune: true
    max_deletions: 3
    ignore:
      - comment: "office *"
      - cidr_block: 192.0.2.*
    ignore_unmatched: warn

- name: Remove all entries, also those that expire
  cloudpeer.atlas.atlas_access_list:
    entries: []
    prune: true
    allow_empty: true
    prune_temporary: true
    max_deletions: 200

- name: Save the plan with --check, and do what it says without
  cloudpeer.atlas.atlas_access_list:
    entries:
      - cidr_block: 10.15.0.0/16
    plan_file: peering.plan.json
    plan_max_age: 2
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
access_list:
  description:
    - The entries that O(entries) names, as they are now, or in check mode as they would be.
    - With O(state=absent), only those that are left (see RV(left)).
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
left:
  description: With O(state=absent) and O(only_own=true), the entries that have another comment, and so were not removed.
    Otherwise empty.
  returned: success
  type: list
  elements: dict
  version_added: 2.0.0
  sample:
    - cidr_block: 10.15.0.0/16
      ip_address: null
      aws_security_group: null
      comment: The office
      delete_after_date: null
      reason: >-
        10.15.0.0/16 has the comment 'The office', not 'The application': somebody else uses it, or has changed it.
  contains:
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
    reason:
      description: Why the entry was not removed.
      type: str
pruned:
  description: The entries that were removed because O(entries) does not declare them, as they were. Only those whose removal
    Atlas has accepted. In check mode, those that would be removed.
  returned: when the access list of the project is known
  type: list
  elements: dict
  version_added: 2.1.0
  sample:
    - cidr_block: 10.16.0.0/16
      ip_address: null
      aws_security_group: null
      comment: The former VPC
      delete_after_date: null
  contains:
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
summary:
  description: How many entries were changed and how many there are beside them. In check mode, and if the task fails before it
    changes anything, what it would do.
  returned: when the access list of the project is known
  type: dict
  version_added: 2.5.0
  sample:
    created: 1
    updated: 0
    deleted: 1
    unchanged: 4
    ignored: 2
    undeclared: 1
    plan: >-
      Plan: 1 to create, 0 to change, 1 to remove, 4 unchanged, in project 5356823b3794dee37132bb7b
    done: >-
      Changed the access list of project 5356823b3794dee37132bb7b: 1 new, 1 removed, 4 unchanged; 2 changes in Atlas
  contains:
    created:
      description: Entries that were added.
      type: int
    updated:
      description: Entries that were changed.
      type: int
    deleted:
      description: Entries that were removed, by O(prune) or with O(state=absent).
      type: int
    unchanged:
      description: Entries of O(entries) without a change. Where changes have failed, also those that were not made.
      type: int
    ignored:
      description: Entries that O(entries) does not declare and O(ignore) matches.
      type: int
    undeclared:
      description: Other entries that O(entries) does not declare, those that O(prune) removes included.
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
actions:
  description:
    - What the task has done, in the order of O(entries), with other entries at the end. Entries that are as they should be are
      not in it.
    - In check mode, and if more would have to be removed than O(max_deletions) allows, what it would do.
  returned: when the access list of the project is known
  type: list
  elements: dict
  version_added: 2.1.0
  sample:
    - action: create
      index: 0
      name: 10.15.0.0/16
      differing: []
    - action: delete
      index: null
      name: 10.16.0.0/16
      differing: []
  contains:
    action:
      description: One of V(create), V(update), V(delete).
      type: str
    index:
      description: The place of the entry in O(entries), counted from 0. Null for an entry that is pruned.
      type: int
    name:
      description: The block or the security group. An address is the block that has only this address.
      type: str
    differing:
      description: The fields that an update changes.
      type: list
      elements: str
      sample: [comment]
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_access_list import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
