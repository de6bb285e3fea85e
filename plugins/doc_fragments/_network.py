# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that name a customer's network, and the network container that it is connected to."""

from __future__ import annotations


class ModuleDocFragment:
    """A part for the networks of each cloud, and one for the network container."""

    # Called AWS, AZURE or GCP alone, Ansible would take them for fragments of these names.
    ON_AWS = r"""
options:
  vpc_id:
    description:
      - The id of the VPC in AWS, V(vpc-) and 17 hexadecimal digits (8 in old accounts).
      - An id of another form is refused. With O(api_version=v1.0), it only causes a warning.
    type: str
  aws_account_id:
    description:
      - The AWS account that owns the VPC, 12 digits. Quote it, because YAML reads a number that begins with 0 as octal.
      - An id of another form is refused. With O(api_version=v1.0), it only causes a warning.
    type: str
"""

    ON_AZURE = r"""
options:
  azure_subscription_id:
    description: The id of the subscription in AZURE that has the VNet, a UUID. Upper and lower case are the same in AZURE.
    type: str
    version_added: 2.3.0
  vnet_name:
    description: The name of the VNet in AZURE. It may be in another region than the network container.
    type: str
    version_added: 2.3.0
"""

    ON_GCP = r"""
options:
  gcp_project_id:
    description: The id of the project in GCP that has the VPC network.
    type: str
    version_added: 2.3.0
  network_name:
    description: The name of the VPC network in GCP.
    type: str
    version_added: 2.3.0
"""

    CONTAINER = r"""
options:
  container_id:
    description:
      - The id of the network container in the Atlas project, which is Atlas's side of the connection.
      - Mutually exclusive with O(container_region_name).
    type: str
  container_region_name:
    description:
      - The region of the network container, instead of O(container_id), written as the cloud does (V(us-east-1), V(northeurope))
        or as Atlas does (V(US_EAST_1), V(EUROPE_NORTH)). This is the region of the clusters that the network reaches. The network
        itself can be in another one.
      - On GCP, it must not be set, because a project has one network container there, for all regions.
      - This can take one more request, which reads the network containers.
      - Mutually exclusive with O(container_id).
    type: str
    version_added: 2.0.0
"""
