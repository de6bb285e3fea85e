# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the halves that are on, and makes the facts about each connection."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace
from functools import partial

from .._aws.objects import Vpc
from .._aws.survey import Survey
from .._azure.vnets import Vnet, VnetPeering
from .._clouds.aws import AWS
from .._clouds.azure import AZURE
from .._clouds.gcp import GCP
from .._engine.options import Parameters
from .._http.errors import TaskError
from .._resources.access_list import key_of
from .atlas_half import AtlasReader, AtlasReading
from .aws_half import read_aws, read_zones, to_aws_facts
from .connections import ATLAS_OFF, Connection, choose_connections
from .facts import (
    AtlasFacts,
    AwsFacts,
    ConnectionEntry,
    ConnectionFacts,
    Fact,
    Missing,
    NetworkFacts,
    Unread,
    field_of,
    known_or,
    or_none,
    to_fact,
)
from .rules.common import own_dns_servers
from .rules.p3_access_list import deciding_entries
from .selection import check_clusters, check_tables, find_places, find_stray_probes, to_selection
from .session import CheckSession

if t.TYPE_CHECKING:
    from .gcp_half import GcpReader

_NOT_AWS = Missing("The connection is not with AWS.")
_AWS_OFF = Missing("AWS was not read: aws is false.")
_AZURE_OFF = Missing("AZURE was not read: azure is false.")
_READ = "Leave vnet_peerings and virtual_networks out, or set azure to true, to read it."
_GCP_OFF = Missing("GCP was not read: gcp is false.")
_NO_FLEX = Missing("There are dedicated clusters, so Flex clusters were not read.")
_NO_OTHERS = Missing("compare_group_ids names no other project.")
_NO_CUSTOM_DNS = Missing("The VPC has no DNS servers of its own, so it does not matter whether custom DNS is enabled.")


def read_facts(session: CheckSession, params: Parameters, reader: AtlasReader | None) -> list[ConnectionFacts]:
    """Read the halves that are on, and return the facts about each connection.

    Args:
        session: The session of the task.
        params: The options.
        reader: Reads Atlas; None if its half is off.

    Raises:
        TaskError: If nothing of a half could be read, or an option names something that does not exist.
    """
    readings = reader.read() if reader is not None else {}
    connections = choose_connections(params, readings)
    on_aws = [one for one in connections if one.entry.cloud is AWS]
    on_gcp = [one for one in connections if one.entry.cloud is GCP]
    surveys = read_aws(session, params, on_aws, readings.get(AWS.name)) if params["aws"] else {}
    gcp = _gcp_reader(session) if on_gcp and params["gcp"] else None
    networks = gcp.read_projects(on_gcp) if gcp is not None else {}
    networks.update(_read_vnets(session, params, [one for one in connections if one.entry.cloud is AZURE]))
    places = find_places(params, [*dict.fromkeys(surveys.values())], {one.entry.vpc_id for one in on_aws})
    # The clusters are the same for all clouds.
    check_clusters(params, next(iter(readings.values()), None))
    now, found = datetime.datetime.now(datetime.timezone.utc), []
    for one in connections:
        survey = surveys.get(one)
        entry = replace(one.entry, region=survey.session.region) if isinstance(survey, Survey) else one.entry
        atlas = _atlas_facts(readings.get(entry.provider_name), one)
        found.append(
            ConnectionFacts(
                entry,
                now,
                atlas,
                _aws_facts(survey, one),
                network=networks.get(one) or _network_facts(params, one),
                group_id=params["group_id"] if params["atlas"] else None,
                project_name=params["project_name"] if params["atlas"] else None,
            )
        )
    check_tables(params, found)
    blocks = {_key_of(one.entry): _blocks_of(one) for one in found}
    for index, facts in enumerate(found):
        others = [their for key, their in blocks.items() if key != _key_of(facts.entry)]
        own = blocks[_key_of(facts.entry)]
        selected = replace(facts, selection=to_selection(params, places, facts.entry.vpc_id, own, others))
        one = connections[index]
        found[index] = selected if gcp is None or one.entry.cloud is not GCP else gcp.read_network(one, selected)
    found = _with_strays(found, find_stray_probes(params, blocks.values()))
    found = _with_zones(found, [one for one in surveys.values() if isinstance(one, Survey)])
    return _read_rest(found, reader) if reader is not None else found


def _read_vnets(session: CheckSession, params: Parameters, connections: t.Sequence[Connection]) -> dict[Connection, NetworkFacts]:
    if not connections or not params["azure"]:
        return {}
    # Only tasks with such connections need it.
    from .azure_half import read_azure

    return read_azure(session, connections)


def are_both_read(params: Parameters, facts: ConnectionFacts) -> bool:
    """Whether both halves of a connection are known: Atlas's is read, and the customer's is read or given by options."""
    # A list of `virtual_networks` alone says nothing of a peering.
    return bool(params["atlas"]) and any(params[one] not in (None, False) for one in facts.entry.cloud.half[:2])


def _atlas_facts(reading: AtlasReading | None, connection: Connection) -> AtlasFacts:
    if reading is None:
        return AtlasFacts.none(ATLAS_OFF)
    vpc_id = connection.entry.vpc_id
    others = {
        # P106 has its own advice: the usual one is about group_id.
        group_id: Unread(answer.message) if isinstance(answer, TaskError) else [one for one in answer if one["vpc_id"] == vpc_id]
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


def _aws_facts(survey: Survey | TaskError | None, connection: Connection) -> AwsFacts:
    if survey is None:
        return AwsFacts.none(_AWS_OFF if connection.entry.cloud is AWS else _NOT_AWS)
    if isinstance(survey, TaskError):
        return AwsFacts.none(to_fact(survey))
    entry, peer = connection.entry, connection.peer
    return to_aws_facts(
        survey, entry.vpc_id, entry.connection_id if isinstance(peer, Missing) else field_of(peer, "connection_id")
    )


def _gcp_reader(session: CheckSession) -> GcpReader:
    # Loaded where a connection is with GCP.
    from .gcp_half import GcpReader

    return GcpReader(session)


def _network_facts(params: Parameters, connection: Connection) -> NetworkFacts:
    """Return the customer's half on AZURE or GCP where neither was read: on AZURE, options may say what they have."""
    entry = connection.entry
    if entry.cloud is GCP:
        return NetworkFacts.none(_GCP_OFF)
    if entry.cloud is not AZURE:
        return NetworkFacts()
    group = entry.resource_group_name or field_of(connection.peer, "resource_group_name")
    peerings: t.Sequence[VnetPeering] | None = params["vnet_peerings"]
    vnets: t.Sequence[Vnet] | None = params["virtual_networks"]
    if peerings is None and vnets is None:
        return NetworkFacts.none(_AZURE_OFF)
    of_vnet = [one for one in peerings or () if one.vnet.is_meant(entry.azure_subscription_id, group, entry.vnet_name)]
    return NetworkFacts(
        Unread("vnet_peerings is not given.", advice=_READ) if peerings is None else of_vnet,
        Unread("virtual_networks is not given.", advice=_READ) if vnets is None else _prefixes_of(entry, group, vnets),
        **dict.fromkeys(
            ("vnet_subnets", "vnet_nsgs", "vnet_tables"),
            Unread("AZURE was not read: vnet_peerings or virtual_networks is given.", advice=_READ),
        ),
    )


def _prefixes_of(entry: ConnectionEntry, group: str | None, vnets: t.Sequence[Vnet]) -> tuple[str, ...] | Unread:
    """Return the address prefixes of a VNet; `Unread` if `virtual_networks` does not have it."""
    found = [one for one in vnets if one.is_meant(entry.azure_subscription_id, group, entry.vnet_name)]
    if not found:
        where = f" of resource group {group}" if group else ""
        message = f"virtual_networks does not have {entry.title}{where} of subscription {entry.azure_subscription_id}."
        return Unread(message, advice="Read it with azure_rm_virtualnetwork_info, and check the names.")
    return found[0].prefixes


def _key_of(entry: ConnectionEntry) -> tuple[str | None, ...]:
    """Return the identity of an entry's network."""
    return (*entry.identity.values(),)


def _blocks_of(facts: ConnectionFacts) -> t.Sequence[str]:
    """Return the blocks of a network, as far as they are known."""
    entry, vpc = facts.entry, facts.aws.vpc
    if entry.cloud is AWS:
        return vpc.cidr_blocks if isinstance(vpc, Vpc) else ()
    own = [entry.cidr_block] if entry.cidr_block else []
    read = [*known_or(facts.network.vnet_prefixes, ()), *(one.cidr_block for one in known_or(facts.network.gcp_ranges, ()))]
    return [*read, *own, *entry.cidr_blocks]


def _with_strays(found: t.Sequence[ConnectionFacts], strays: tuple[t.Mapping[str, t.Any], ...]) -> list[ConnectionFacts]:
    """Return the facts with probes of no network in those on one connection, if possible one whose probes are judged."""
    on_aws = [one for one in found if one.entry.cloud is AWS]
    judged = [one for one in on_aws if field_of(one.atlas.peer, "status_name") in (None, AWS.available)]
    first = next(iter((*judged, *on_aws)), None)
    return [replace(one, selection=replace(one.selection, stray_probes=strays)) if one is first else one for one in found]


def _with_zones(found: t.Sequence[ConnectionFacts], surveys: t.Sequence[Survey]) -> list[ConnectionFacts]:
    """Return the facts with the contents of the private zones that answer for names of judged clusters."""
    if not surveys:
        return list(found)
    from .rules.p5_dns import zones_in_question

    contents = read_zones(surveys, dict.fromkeys(zone for one in found for zone in zones_in_question(one)))
    return [replace(one, aws=replace(one.aws, zone_contents=contents)) for one in found]


def _read_rest(found: t.Sequence[ConnectionFacts], reader: AtlasReader) -> list[ConnectionFacts]:
    """Return the facts with what only some connections need: the statuses of deciding entries, and custom DNS."""
    keys = list(dict.fromkeys(str(key_of(entry)) for one in found for entry in deciding_entries(one)))
    answers = reader.read_statuses(keys) if keys else {}
    statuses: dict[str, Fact[str]] = {key: to_fact(answer) for key, answer in answers.items()}
    own_servers = [or_none(partial(own_dns_servers, one)) for one in found]
    dns: Fact[bool] = to_fact(reader.read_custom_dns()) if any(own_servers) else _NO_CUSTOM_DNS
    return [replace(one, atlas=replace(one.atlas, access_status=statuses, custom_dns=dns)) for one in found]
