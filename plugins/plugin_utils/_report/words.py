# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people are shown of networks and connections, which differs between clouds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What people are shown of a network, which differs between clouds.

    Attributes:
        noun: What a network is called.
        title: The network in a sentence, with its name or id in place of `{}`.
        network: The field with its name or id.
        places: The fields that say where it is.
        place: What these are together.
        id: The field with the id of the connection.
        no_id: What is said if there is none.
    """

    noun: str
    title: str
    network: str
    places: tuple[str, ...]
    place: str
    id: str
    no_id: str


_AZURE_PLACES = ("azure_subscription_id", "resource_group_name")
WORDS = {
    "AWS": Words("VPC", "{}", "vpc_id", ("aws_account_id", "region"), "account and region", "connection_id", "id in AWS"),
    "AZURE": Words("VNet", "VNet {}", "vnet_name", _AZURE_PLACES, "subscription and resource group", "peer_id", "id in Atlas"),
    "GCP": Words("VPC network", "VPC network {}", "network_name", ("gcp_project_id",), "project", "peer_id", "id in Atlas"),
}
# With more than one cloud, a table has columns for any.
ANY = ("network", "where")
