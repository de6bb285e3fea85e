#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clusters a MongoDB Atlas project has, where their nodes are, and how clients reach them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: atlas_cluster_info
short_description: Read the clusters of a MongoDB Atlas project
version_added: 2.2.0
author:
  - The cloudpeer.atlas maintainers (@cloudpeer)
description:
  - Returns the clusters of a MongoDB Atlas project, either all of them, or those that match every option. Dedicated, shared and
    Flex clusters are returned alike.
  - The result says in which regions a cluster has nodes, whether it runs, and which hosts and ports its connection strings name.
  - If none matches, the list is empty. The task fails if the project does not exist or the credentials are refused.
  - Version 1.0 of the API describes clusters in another way, so O(api_version) must be V(v2).
options:
  name:
    description:
      - Return only the cluster with this name. It is read by its name, without listing the others.
    type: str
  provider_name:
    description:
      - Return only clusters with nodes on this cloud provider. For shared and Flex clusters this is the provider behind them.
    type: str
    choices: [AWS, AZURE, GCP]
  region_name:
    description:
      - Return only clusters with nodes in this region, written as Atlas does, such as V(US_EAST_1) or V(EUROPE_NORTH). A region
        of AWS can also be written as V(us-east-1).
      - Some regions of different providers have the same name. With O(provider_name), the region is one of that provider.
    type: str
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
  - module: cloudpeer.atlas.atlas_network_container_info
  - module: cloudpeer.atlas.atlas_vpc_peer_info
"""

EXAMPLES = r"""
- name: Read all clusters of the project
  cloudpeer.atlas.atlas_cluster_info:
    group_id: 5356823b3794dee37132bb7b
    public_key: "{{ atlas_public_key }}"
    private_key: "{{ atlas_private_key }}"
  register: clusters

# In the examples below, the project and the key come from the environment variables
# MONGODB_ATLAS_PROJECT_ID, MONGODB_ATLAS_PUBLIC_API_KEY and MONGODB_ATLAS_PRIVATE_API_KEY.

- name: Read one of them by its name
  cloudpeer.atlas.atlas_cluster_info:
    name: shop

- name: Read the clusters with nodes in one region of AWS
  cloudpeer.atlas.atlas_cluster_info:
    provider_name: AWS
    region_name: us-east-1

- name: Read the clusters of several projects
  cloudpeer.atlas.atlas_cluster_info:
    group_ids: "{{ atlas_projects }}"

- name: Read the clusters of all production projects of an organization
  cloudpeer.atlas.atlas_cluster_info:
    org_id: 5356823a3794dee37132b000
    project_names: ["*-production"]
"""

RETURN = r"""
# From scripts/tables/results.yml: make fragments.
clusters:
  description: The clusters.
  returned: success
  type: list
  elements: dict
  sample:
    - id: 6512a1b2c3d4e5f678901236
      name: shop
      state_name: IDLE
      paused: false
      cluster_type: REPLICASET
      regions:
        - provider_name: AWS
          backing_provider_name: null
          region_name: US_EAST_1
          electable_nodes: 3
          read_only_nodes: 0
          analytics_nodes: 0
      connection_strings:
        standard: mongodb://shop-shard-00-00.ab1cd.mongodb.net:27017,shop-shard-00-01.ab1cd.mongodb.net:27017/?ssl=true
        standard_srv: mongodb+srv://shop.ab1cd.mongodb.net
        private: null
        private_srv: null
      members: ['shop-shard-00-00.ab1cd.mongodb.net:27017', 'shop-shard-00-01.ab1cd.mongodb.net:27017']
      private_members: []
  contains:
    group_id:
      description: The project of the cluster.
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
    id:
      description: The id of the cluster.
      type: str
    name:
      description: The name of the cluster.
      type: str
    state_name:
      description: What Atlas does with the cluster, one of V(IDLE), V(CREATING), V(UPDATING), V(DELETING), V(REPAIRING).
      type: str
    paused:
      description: Whether the cluster is paused. Null for Flex clusters, which cannot be paused, and if Atlas does not report it.
      type: bool
    cluster_type:
      description: Whether the cluster has shards, V(REPLICASET), V(SHARDED) or V(GEOSHARDED). Null if unknown.
      type: str
      version_added: 2.6.0
    regions:
      description: Where the cluster has nodes. Empty if Atlas does not report it.
      type: list
      elements: dict
      contains:
        provider_name:
          description: The cloud provider, V(AWS), V(AZURE) or V(GCP); V(TENANT) for a shared cluster, and V(FLEX) for a Flex
            cluster, which cannot be peered.
          type: str
        backing_provider_name:
          description: The cloud provider behind a shared or a Flex cluster. Null for a dedicated cluster.
          type: str
          sample: AWS
        region_name:
          description: The region, as Atlas writes it.
          type: str
        electable_nodes:
          description: How many nodes can become the primary, in all shards. This and the other numbers are null for shared and
            Flex clusters, because Atlas does not return them.
          type: int
        read_only_nodes:
          description: How many nodes are read-only, in all shards.
          type: int
        analytics_nodes:
          description: How many nodes are for analytics, in all shards.
          type: int
    connection_strings:
      description: The connection strings of the cluster, without a user and a password. They are null while it is created.
      type: dict
      contains:
        standard:
          description: The ordinary connection string, which names every member.
          type: str
        standard_srv:
          description: The ordinary connection string for drivers that look the members up in DNS.
          type: str
        private:
          description: The connection string whose names resolve to private addresses everywhere. Null unless a peering connection
            is available; on AWS, custom DNS must be enabled in the project too (M(cloudpeer.atlas.atlas_custom_dns)).
          type: str
          sample: mongodb://shop-shard-00-00-pri.ab1cd.mongodb.net:27017,shop-shard-00-01-pri.ab1cd.mongodb.net:27017/?ssl=true
        private_srv:
          description: The same, for drivers that look the members up in DNS.
          type: str
          sample: mongodb+srv://shop-pri.ab1cd.mongodb.net
    members:
      description: The host and port of each member, from RV(clusters[].connection_strings.standard). Empty without that string.
      type: list
      elements: str
    private_members:
      description: The host and port of each member, from RV(clusters[].connection_strings.private). Empty without that string.
      type: list
      elements: str
      sample:
        - shop-shard-00-00-pri.ab1cd.mongodb.net:27017
        - shop-shard-00-01-pri.ab1cd.mongodb.net:27017
projects:
  description: The projects that were read, those without any cluster too.
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
        IDLE: 1
  contains:
    group_id:
      description: The id of the project, under its name in RV(clusters) and RV(failures).
      type: str
    id:
      description: The id of the project.
      type: str
    name:
      description: The name of the project. Null if the credentials cannot see it.
      type: str
    count:
      description: How many elements of RV(clusters) are of the project.
      type: int
    states:
      description: How many clusters are in which RV(clusters[].state_name).
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
        Failed to list the clusters of project 5356823b3794dee37132bb7b: Current user is not authorized to perform this action
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
      path: /api/atlas/v2/groups/5356823b3794dee37132bb7b/clusters
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
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_cluster_info import OPERATION


def main() -> None:
    """Run the module."""
    run_module(OPERATION)


if __name__ == "__main__":
    main()
