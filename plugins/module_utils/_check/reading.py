# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which halves are read, and the facts out of all."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field, replace

from .._aws.objects import Vpc
from .._aws.survey import Survey
from .._azure.vnets import Vnet, VnetPeering
from .._clouds.checked import AWS, AZURE, GCP
from .._engine.options import Parameters
from .._http.errors import TaskError
from .._resources.access_list import key_of
from .atlas_half import AtlasReader, AtlasReading, Readings
from .aws_half import read_aws, to_aws_facts
from .connections import ATLAS_OFF, Connection
from .facts import AtlasFacts, AwsFacts, Entry, Fact, Facts, Missing, NetworkFacts, SkippedError, Unread, UnreadError, to_fact
from .gcp_half import Networks, read_gcp
from .rules.common import own_dns_servers
from .rules.p3_access_list import deciding_entries
from .selection import Question, Surveys, check_tables
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
        TaskError: If nothing of a cloud could be read at all.
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


NOT_AWS = Missing("The connection is not with AWS.")
AWS_OFF = Missing("AWS was not read: aws is false.")
_NO_FLEX = Missing("There are dedicated clusters, so Flex clusters were not read.")
_NO_OTHERS = Missing("group_ids names no other project.")
_NO_CUSTOM_DNS = Missing("The VPC has no DNS servers of its own, so it does not matter whether custom DNS is enabled.")


def make_facts(
    params: Parameters,
    connections: t.Sequence[Connection],
    readings: Readings | None,
    halves: Halves,
    now: datetime.datetime,
) -> list[Facts]:
    """Return the facts on each connection, without what is read last.

    Args:
        params: The options.
        connections: The connections.
        readings: What was read of Atlas, for each cloud; None if its half is off.
        halves: What was read of the customer's clouds.
        now: The time.

    Raises:
        InvalidOptionError: If an option names something that there is not.
    """
    vpc_ids = [one.entry.vpc_id for one in connections if one.entry.cloud is AWS]
    # The clusters are the same for all clouds.
    question = Question(params, halves.surveys, vpc_ids, next(iter(readings.values())) if readings is not None else None)
    question.check()
    found = []
    for index, (connection, survey) in enumerate(zip(connections, halves.surveys)):
        entry, aws = connection.entry, _to_aws(survey, connection)
        reading = readings[entry.provider_name] if readings is not None else None
        network = to_network_facts(params, connection, halves.gcp_networks.get(index))
        if isinstance(survey, Survey):
            entry = replace(entry, region=survey.session.region)
        found.append(Facts(entry, now, _to_atlas(reading, connection), aws, network=network))
    check_tables(params, found)
    blocks = {(*one.entry.identity.values(),): _blocks_of(one) for one in found}
    return [
        replace(
            one,
            asked=question.about(
                one.entry.vpc_id,
                [block for key, their in blocks.items() if key != (*one.entry.identity.values(),) for block in their],
            ),
        )
        for one in found
    ]


def _blocks_of(facts: Facts) -> t.Sequence[str]:
    """Return the blocks of a network, as far as they are known."""
    vpc, prefixes, own = facts.aws.vpc, facts.network.vnet_prefixes, facts.entry.cidr_block
    if facts.entry.cloud is AWS:
        return vpc.cidr_blocks if isinstance(vpc, Vpc) else ()
    told = () if isinstance(prefixes, (Missing, Unread)) else prefixes
    return [*told, *([own] if own else ()), *facts.entry.cidr_blocks]


def _to_aws(survey: t.Any, connection: Connection) -> AwsFacts:
    if survey is None:
        return AwsFacts.none(AWS_OFF if connection.entry.cloud is AWS else NOT_AWS)
    if not isinstance(survey, Survey):
        return AwsFacts.none(to_fact(survey))
    peer = connection.peer
    connection_id = connection.entry.connection_id if isinstance(peer, Missing) else None
    if peer is not None and not isinstance(peer, (Missing, Unread)):
        connection_id = peer["connection_id"]
    return to_aws_facts(survey, connection.entry.vpc_id, connection_id)


def _to_atlas(reading: AtlasReading | None, connection: Connection) -> AtlasFacts:
    if reading is None:
        return AtlasFacts.none(ATLAS_OFF)
    vpc_id = connection.entry.vpc_id
    others = {
        # P106 has its own advice: the usual one is about group_id.
        group_id: Unread(answer.without_hint)
        if isinstance(answer, TaskError)
        else [one for one in answer if one["vpc_id"] == vpc_id]
        for group_id, answer in reading.others.items()
    }
    return AtlasFacts(
        peer=connection.peer,
        peers=to_fact(reading.peers),
        container=connection.container,
        containers=to_fact(reading.containers),
        access_list=to_fact(reading.access_list),
        access_status={},
        clusters=to_fact(reading.clusters),
        flex_clusters=_NO_FLEX if reading.flex_clusters is None else to_fact(reading.flex_clusters),
        custom_dns=_NO_CUSTOM_DNS,
        other_projects=others or _NO_OTHERS,
        other_peers=to_fact(reading.other_peers),
    )


def read_rest(facts: t.Sequence[Facts], reader: AtlasReader) -> list[Facts]:
    """Return facts with what only some connections need: the statuses of entries that decide, and custom DNS."""
    named = list(dict.fromkeys(str(key_of(entry)) for one in facts for entry in deciding_entries(one)))
    statuses: dict[str, Fact[str]] = (
        {key: to_fact(answer) for key, answer in reader.read_statuses(named).items()} if named else {}
    )
    dns: Fact[bool] = to_fact(reader.read_custom_dns()) if any(map(_has_own_servers, facts)) else _NO_CUSTOM_DNS
    return [replace(one, atlas=replace(one.atlas, access_status=statuses, custom_dns=dns)) for one in facts]


def _has_own_servers(facts: Facts) -> bool:
    try:
        return bool(own_dns_servers(facts))
    except (SkippedError, UnreadError):
        return False
