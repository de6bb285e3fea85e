#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host reaches the members of a cluster of MongoDB Atlas."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_probe
short_description: Find out whether a host reaches the members of a MongoDB Atlas cluster
version_added: 2.2.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Resolves the name of each member of a cluster, opens a TCP connection to it, and begins TLS. It sends nothing else, and needs
    no credentials.
  - Run it with C(delegate_to) on a host in the VPC, where the clients of the cluster run.
  - The result says what happened with each member. The task fails if none can be reached only with O(fail_on=unreachable).
options:
  members:
    description:
      - The members, each as C(host:port). The port is 27017 if none is given. Write an IPv6 address in brackets.
      - M(cloudpeer.atlas.atlas_cluster_info) returns them as C(private_members) and C(members) of a cluster. Clients use
        C(private_members) with the private connection string, and C(members) with the ordinary one.
    type: list
    elements: str
    required: true
  atlas_cidr_block:
    description:
      - The CIDR block of the network container. If it is set, the result says whether the addresses of each member are in it, so
        that clients use the peering connection.
      - If a name cannot be resolved, C(local_address) is the address from which the host would send to this block.
        Without this option, a check does not know in which network such a host is.
    type: str
  timeout:
    description:
      - How long to wait, in seconds, for the name server, for TCP, and for TLS each. From 1 to 60.
      - Up to 50 members are probed side by side, and so take no longer than one. A member with several addresses may take the
        time for each.
    type: int
    default: 5
  fail_on:
    description:
      - With V(unreachable), the task fails if no member answered, so that C(until) and C(retries) can wait for a connection. The
        result is returned all the same.
      - With V(never), it does not fail for that reason.
    type: str
    choices: [never, unreachable]
    default: never
    version_added: 2.5.0
extends_documentation_fragment:
  - cloudpeer.atlas._attributes
  - cloudpeer.atlas._attributes.only_reads
notes:
  - The module is in no action group, because it takes none of the options for Atlas or AWS. It needs no package beside Python.
  - Certificates are not verified, because the task sends nothing that others must not read. TLS also counts as answered if a
    proxy answers.
seealso:
  - module: cloudpeer.atlas.atlas_vpc_peer_check
  - module: cloudpeer.atlas.atlas_cluster_info
  - name: The connection carries no traffic
    description: What each finding means, how to see it by hand, and what to change.
    link: https://github.com/cloudpeer/atlas/blob/main/docs/guides/no_traffic.md
"""

EXAMPLES = r"""
- name: Find out whether the application reaches a member
  cloudpeer.atlas.atlas_probe:
    members:
      - shop-shard-00-00.ab1cd.mongodb.net:27017
  delegate_to: app-1.example.com

- name: Find out whether its name leads through the peering connection, and wait for 2 seconds at most
  cloudpeer.atlas.atlas_probe:
    members:
      - shop-shard-00-00.ab1cd.mongodb.net
    atlas_cidr_block: 192.168.248.0/21
    timeout: 2
  delegate_to: app-1.example.com

- name: Wait until the host reaches the cluster, for five minutes at most
  cloudpeer.atlas.atlas_probe:
    members:
      - shop-shard-00-00.ab1cd.mongodb.net:27017
    fail_on: unreachable
  register: reached
  until: reached is succeeded
  retries: 30
  delay: 10
  delegate_to: app-1.example.com

# Three tasks: on the controller, which has the credentials; on the hosts of the application; and on the controller again.

- name: Read the cluster
  cloudpeer.atlas.atlas_cluster_info:
    name: shop
  register: shop
  run_once: true
  delegate_to: localhost

- name: Probe all of its members from all hosts of the application
  cloudpeer.atlas.atlas_probe:
    members: "{{ shop.clusters[0].private_members or shop.clusters[0].members }}"
    atlas_cidr_block: 192.168.248.0/21
  register: probed

- name: Explain why the connection carries no traffic, or that it should
  cloudpeer.atlas.atlas_vpc_peer_check:
    clusters: [shop]
    probes: "{{ ansible_play_hosts | map('extract', hostvars, ['probed', 'probe']) | list }}"
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
probe:
  description: What the host found out. O(cloudpeer.atlas.atlas_vpc_peer_check#module:probes) takes a list of these.
  returned: when the members were probed
  type: dict
  sample:
    host: app-1
    reachable: true
    members:
      - member: shop-shard-00-00.ab1cd.mongodb.net:27017
        addresses: [192.168.248.21]
        local_address: 10.15.1.7
        in_block: true
        tcp: open
        tls: true
        error: null
  contains:
    host:
      description: The name of the host, as it calls itself.
      type: str
    reachable:
      description: Whether any member answered, TLS included.
      type: bool
      version_added: 2.5.0
    members:
      description: The members, in the order of O(members).
      type: list
      elements: dict
      contains:
        member:
          description: The member, with its port.
          type: str
        addresses:
          description: The addresses of its name. Empty if the name could not be resolved.
          type: list
          elements: str
        local_address:
          description: The address of the host from which the system sends to the member, or to O(atlas_cidr_block) if the name
            could not be resolved. Null without both, or without a way there. M(cloudpeer.atlas.atlas_vpc_peer_check) finds the
            network of the host by it.
          type: str
          version_added: 2.6.0
        in_block:
          description: Whether all of its addresses are in O(atlas_cidr_block). Null if that is not set, or if there are no
            addresses.
          type: bool
        tcp:
          description: What happened with the TCP connection, one of V(open), V(refused), V(timeout), V(unreachable),
            V(unresolved). With several addresses, that of the first one that takes a connection, or else of the last one.
          type: str
        tls:
          description: Whether TLS answered. Null without a TCP connection.
          type: bool
        error:
          description: Why the first step that failed did so. Null if none failed.
          type: str
          sample: >-
            192.168.248.21: timed out
requests:
  description: How many requests the task has sent, those that were repeated included.
  returned: always
  type: dict
  version_added: 2.5.0
  sample:
    sent: 0
    writes: 0
  contains:
    sent:
      description: All requests.
      type: int
    writes:
      description: Those that may change something.
      type: int
api_calls:
  description: Always empty, because the task sends no requests to Atlas or AWS.
  returned: at verbosity 2 (C(-vv)) or more
  type: list
  elements: dict
  sample: []
http_status:
  description: Always null, because the task sends no such requests.
  returned: failure
  type: int
error_code:
  description: Always null, because the task sends no such requests.
  returned: failure
  type: str
detail:
  description: Always null, because the task sends no such requests.
  returned: failure
  type: str
"""

from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.shell import run_module
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_probe import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
