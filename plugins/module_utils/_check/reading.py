# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the halves that are on, and makes the facts about each connection."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession
from .._aws.objects import Vpc
from .._aws.survey import Survey
from .._azure.vnets import Vnet, VnetPeering
from .._clouds.aws import AWS
from .._clouds.azure import AZURE
from .._clouds.gcp import GCP
from .._engine.options import Parameters
from .._http.errors import TaskError
from .._resources.access_list import key_of
from .atlas_half import AtlasReader, ProjectReading
from .aws_half import read_aws, read_zones, to_aws_facts
from .connections import ATLAS_OFF, Connection, choose_connections, choose_from_all
from .facts import (
    AtlasFacts,
    AtlasObject,
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
from .selection import Places, check_clusters, check_tables, find_places, find_stray_probes, to_selection

if t.TYPE_CHECKING:
    from .gcp_half import GcpReader

_NOT_AWS = Missing("The connection is not with AWS.")
_AWS_OFF = Missing("AWS was not read: aws is false.")
_AZURE_OFF = Missing("AZURE was not read: azure is false.")
_READ = "Leave vnet_peerings and virtual_networks out, or set azure to true, to read it."
_GCP_OFF = Missing("GCP was not read: gcp is false.")
_NO_FLEX = Missing("There are dedicated clusters, so Flex clusters were not read.")
_NO_OTHERS = Missing("compare_group_ids names no other project.")
_NONE_SHARED = Missing("No other project that was read has a connection with this VPC.")
_NO_CUSTOM_DNS = Missing("The VPC has no DNS servers of its own, so it does not matter whether custom DNS is enabled.")


class Read(t.NamedTuple):
    """What was read: the projects of the task, and the facts about each connection."""

    projects: list[ProjectReading]
    facts: list[ConnectionFacts]


def read_facts(session: CheckSession, params: Parameters, reader: AtlasReader | None) -> Read:
    """Read the halves that are on.

    Args:
        session: The session of the task.
        params: The options.
        reader: Reads Atlas; None if its half is off.

    Raises:
        TaskError: If an option names something that does not exist or, with one project, nothing of a half could be read.
    """
    projects = reader.read() if reader is not None else [ProjectReading()]
    if params["projects"] is None:
        connections = choose_connections(params, projects[0])
        # The clusters are the same for all clouds.
        check_clusters(params, next(iter(projects[0].readings.values()), None))
    else:
        connections, projects = choose_from_all(params, projects)
    on_aws = [one for one in connections if one.entry.cloud is AWS]
    on_gcp = [one for one in connections if one.entry.cloud is GCP]
    surveys = read_aws(session, params, on_aws) if params["aws"] else {}
    gcp = _gcp_reader(session, params) if on_gcp and params["gcp"] else None
    networks = gcp.read_projects(on_gcp) if gcp is not None else {}
    networks.update(_read_vnets(session, params, [one for one in connections if one.entry.cloud is AZURE]))
    places = find_places(params, [*dict.fromkeys(surveys.values())], {one.entry.vpc_id for one in on_aws})
    shared = None if params["projects"] is None else _by_vpc(projects)
    now, found = datetime.datetime.now(datetime.timezone.utc), []
    for one in connections:
        survey = surveys.get(one)
        entry = replace(one.entry, region=survey.session.region) if isinstance(survey, Survey) else one.entry
        found.append(
            ConnectionFacts(
                entry,
                now,
                _atlas_facts(one, shared),
                _aws_facts(survey, one),
                network=networks.get(one) or _network_facts(params, one),
                group_id=one.project.group_id,
                project_name=one.project.name,
            )
        )
    check_tables(params, found)
    found = _with_selections(params, places, found)
    if gcp is not None:
        read = gcp.read_networks({one: facts for one, facts in zip(connections, found) if one.entry.cloud is GCP})
        found = [read.get(one, facts) for one, facts in zip(connections, found)]
    found = _with_zones(found, [one for one in surveys.values() if isinstance(one, Survey)])
    return Read(projects, _read_rest(found, reader) if reader is not None else found)


def _with_selections(params: Parameters, places: Places, found: t.Sequence[ConnectionFacts]) -> list[ConnectionFacts]:
    """Return the facts with what the options select in each network; some of that depends on the blocks of all networks."""
    blocks = {_key_of(one.entry): _blocks_of(one) for one in found}
    needs_others = bool(params["client_cidr_blocks"] or params["probes"])
    selected = []
    for one in found:
        key = _key_of(one.entry)
        others = [their for other, their in blocks.items() if other != key] if needs_others else []
        selection = to_selection(params, places, one.entry.vpc_id, blocks[key], others)
        selected.append(replace(one, selection=selection))
    return _with_strays(selected, find_stray_probes(params, blocks.values())) if params["probes"] else selected


def _by_vpc(projects: t.Iterable[ProjectReading]) -> dict[str, dict[str, list[AtlasObject]]]:
    """Return the connections with each VPC, by project, each with `atlas_cidr_block` of its container."""
    found: dict[str, dict[str, list[AtlasObject]]] = {}
    for one in projects:
        reading = one.readings.get(AWS.name)
        if reading is None or isinstance(reading.peers, TaskError):
            continue
        blocks = {each["id"]: each["atlas_cidr_block"] for each in known_or(to_fact(reading.containers), ())}
        for peer in reading.peers:
            there = found.setdefault(peer["vpc_id"], {}).setdefault(str(one.group_id), [])
            there.append({**peer, "atlas_cidr_block": blocks.get(peer["container_id"])})
    return found


def _read_vnets(session: CheckSession, params: Parameters, connections: t.Sequence[Connection]) -> dict[Connection, NetworkFacts]:
    if not connections or not params["azure"]:
        return {}
    # Only tasks with such connections need it.
    from .azure_half import read_azure

    return read_azure(session, connections, needs_one=params["projects"] is None)


def are_both_read(params: Parameters, facts: ConnectionFacts) -> bool:
    """Whether both halves of a connection are known: Atlas's is read, and the customer's is read or given by options."""
    # A list of `virtual_networks` alone says nothing of a peering.
    return bool(params["atlas"]) and any(params[one] not in (None, False) for one in facts.entry.cloud.half[:2])


def _atlas_facts(connection: Connection, shared: t.Mapping[str, t.Mapping[str, t.Any]] | None) -> AtlasFacts:
    """Return Atlas's half of a connection.

    Args:
        connection: The connection.
        shared: By VPC and project, the connections of all projects of the task; None if it has one.
    """
    reading, vpc_id = connection.reading, connection.entry.vpc_id
    if reading is None:
        return AtlasFacts.none(ATLAS_OFF)
    if shared is None:
        others: dict[str, Fact[t.Sequence[AtlasObject]]] = {
            # P106 has its own advice: the usual one is about group_id.
            group_id: Unread(answer.message)
            if isinstance(answer, TaskError)
            else [one for one in answer if one["vpc_id"] == vpc_id]
            for group_id, answer in reading.others.items()
        }
    else:
        others = {
            group_id: peers for group_id, peers in shared.get(vpc_id, {}).items() if group_id != connection.project.group_id
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
        other_projects=others or (_NO_OTHERS if shared is None else _NONE_SHARED),
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


def _gcp_reader(session: CheckSession, params: Parameters) -> GcpReader:
    # Loaded where a connection is with GCP.
    from .gcp_half import GcpReader

    return GcpReader(session, needs_one=params["projects"] is None)


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


def _with_strays(found: t.Sequence[ConnectionFacts], strays: tuple[t.Mapping[str, object], ...]) -> list[ConnectionFacts]:
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
    keys: dict[str, dict[str, None]] = {}
    own_servers: dict[str, None] = {}
    for one in found:
        group_id = str(one.group_id)
        keys.setdefault(group_id, {}).update(dict.fromkeys(str(key_of(entry)) for entry in deciding_entries(one)))
        if or_none(partial(own_dns_servers, one)):
            own_servers[group_id] = None
    answers, dns = reader.read_rest(keys, own_servers)
    statuses = {
        group_id: {key: to_fact(answer) for key, answer in of_project.items()} for group_id, of_project in answers.items()
    }
    return [
        replace(
            one,
            atlas=replace(
                one.atlas,
                access_status=statuses[str(one.group_id)],
                custom_dns=to_fact(dns[str(one.group_id)]) if str(one.group_id) in dns else _NO_CUSTOM_DNS,
            ),
        )
        for one in found
    ]
