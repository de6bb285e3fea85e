# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The customer's half of each connection: which of them are read, and what reads them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._azure.vnets import Vnet, VnetPeering
from .._checks.facts import Missing, NetworkFacts, Unread
from .._checks.question import Entry
from .._clouds.checked import AWS, AZURE, GCP
from .._engine.options import Parameters
from .asked import Surveys
from .atlas import Readings
from .aws import read_aws
from .connections import Connection
from .gcp import Networks, read_gcp
from .session import CheckSession

GCP_OFF = Missing("GCP was not read: gcp is false.")


@dataclass(frozen=True)
class Halves:
    """What was read of the customer's clouds.

    Attributes:
        surveys: For each connection, what was read of AWS; None if that half is off, or it is with another cloud.
        gcp_networks: For each connection with GCP by its place, what was read there; empty if that half is off.
    """

    surveys: Surveys
    gcp_networks: t.Mapping[int, Networks] = field(default_factory=dict)


def is_read(params: Parameters, cloud: str) -> bool:
    """Whether the customer's half is known on a cloud; Azure's is given by the options."""
    return bool({AWS.name: params["aws"], GCP.name: params["gcp"], AZURE.name: params["vnet_peerings"] is not None}[cloud])


def read_halves(
    session: CheckSession, params: Parameters, connections: t.Sequence[Connection], readings: Readings | None
) -> Halves:
    """Read the halves of connections as far as they are on.

    Raises:
        AtlasError: If nothing of a cloud could be read at all.
    """
    surveys: list[t.Any] = [None] * len(connections)
    places = [index for index, one in enumerate(connections) if one.entry.cloud is AWS]
    if params["aws"]:
        reading = readings.get(AWS.name) if readings is not None else None
        for index, survey in zip(places, read_aws(session, params, [connections[one] for one in places], reading)):
            surveys[index] = survey
    on_gcp = [index for index, one in enumerate(connections) if one.entry.cloud is GCP] if params["gcp"] else []
    return Halves(surveys, dict(zip(on_gcp, read_gcp(session, [connections[one] for one in on_gcp]))))


def to_network_facts(params: Parameters, connection: Connection, networks: Networks | None) -> NetworkFacts:
    """Return the customer's half of a connection on AZURE or GCP.

    Args:
        params: The options.
        connection: The connection.
        networks: What was read of GCP for it; None if nothing was.
    """
    entry = connection.entry
    if entry.cloud is GCP:
        return NetworkFacts(gcp_networks=GCP_OFF if networks is None else networks)
    if entry.cloud is not AZURE:
        return NetworkFacts()
    group = entry.resource_group_name
    if isinstance(connection.peer, dict):
        group = group or connection.peer["resource_group_name"]
    peerings: t.Sequence[VnetPeering] | None = params["vnet_peerings"]
    vnets: t.Sequence[Vnet] | None = params["virtual_networks"]
    return NetworkFacts(
        Missing("vnet_peerings is not given.") if peerings is None else _of_vnet(peerings, entry, group),
        Missing("virtual_networks is not given.") if vnets is None else _prefixes(vnets, entry, group),
    )


def _of_vnet(peerings: t.Sequence[VnetPeering], entry: Entry, group: str | None) -> list[VnetPeering]:
    return [one for one in peerings if one.vnet.is_meant(entry.azure_subscription_id, group, entry.vnet_name)]


def _prefixes(vnets: t.Sequence[Vnet], entry: Entry, group: str | None) -> tuple[str, ...] | Unread:
    """Return the address prefixes of a VNet; of one that is not listed, nothing is known."""
    found = [one for one in vnets if one.is_meant(entry.azure_subscription_id, group, entry.vnet_name)]
    if not found:
        where = f" of resource group {group}" if group else ""
        message = f"virtual_networks does not have {entry.title}{where} of subscription {entry.azure_subscription_id}."
        return Unread(f"{message} Read it with azure_rm_virtualnetwork_info, and check the names.")
    return found[0].prefixes
