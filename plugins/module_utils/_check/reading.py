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
from .._clouds.azure import AZURE
from .._clouds.clouds import CLOUDS
from .._clouds.gcp import GCP
from .._engine.options import Parameters
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._resources.access_list import key_of
from .atlas_half import AtlasReader, ProjectReading
from .aws_half import read_aws, read_zones, to_aws_facts
from .connections import (
    ATLAS_OFF,
    Connection,
    Places,
    check_clusters,
    check_tables,
    choose_connections,
    choose_from_all,
    find_places,
    find_stray_probes,
    to_selection,
)
from .facts import (
    AtlasFacts,
    AtlasObject,
    AwsFacts,
    ConnectionFacts,
    Fact,
    Missing,
    NetworkFacts,
    Unread,
    field_of,
    if_known,
    known_or,
    to_fact,
)
from .rules.common import own_dns_servers
from .rules.p3_access_list import deciding_entries

if t.TYPE_CHECKING:
    from .gcp_half import GcpReader

# The facts that are lists of a project, under the names of its reading.
_LISTS = ("peers", "containers", "access_list", "clusters", "other_peers")
_NOT_AWS = Missing("The connection is not with AWS.")
_AWS_OFF = Missing("AWS was not read: aws is false.")
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
    on_aws = [one for one in connections if one.entry.params["vpc_id"]]
    on_azure = [one for one in connections if one.entry.provider is AZURE]
    on_gcp = [one for one in connections if one.entry.provider is GCP]
    surveys = read_aws(session, params, on_aws) if params["aws"] else {}
    gcp = _gcp_reader(session, params) if on_gcp and params["gcp"] else None
    networks = gcp.read_projects(on_gcp) if gcp is not None else dict.fromkeys(on_gcp, NetworkFacts.none(_GCP_OFF))
    networks.update(_vnet_facts(session, params, on_azure))
    places = find_places(params, [*dict.fromkeys(surveys.values())], {one.entry.params["vpc_id"] for one in on_aws})
    shared = None if params["projects"] is None else _by_vpc(projects)
    now, found = datetime.datetime.now(datetime.timezone.utc), []
    for one in connections:
        survey = surveys.get(one)
        entry = one.entry.with_params(region=survey.session.region) if isinstance(survey, Survey) else one.entry
        found.append(
            ConnectionFacts(
                entry,
                now,
                _atlas_facts(one, shared),
                _aws_facts(survey, one),
                network=networks.get(one, NetworkFacts()),
                group_id=one.project.group_id,
                project_name=one.project.name,
            )
        )
    check_tables(params, found)
    found = _with_selections(params, places, found)
    if gcp is not None:
        facts_of = dict(zip(connections, found))
        read = gcp.read_networks({one: facts_of[one] for one in on_gcp})
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
        selection = to_selection(params, places, one.entry.params["vpc_id"] or "", blocks[key], others)
        selected.append(replace(one, selection=selection))
    if not params["probes"]:
        return selected
    # The blocks of an entry may be a part of the network's.
    return _with_strays(selected, find_stray_probes(params, [_blocks_read(one) and blocks[_key_of(one.entry)] for one in found]))


def _by_vpc(projects: t.Iterable[ProjectReading]) -> dict[str, dict[str, list[AtlasObject]]]:
    """Return the connections with each VPC, by project, each with `atlas_cidr_block` of its container."""
    found: dict[str, dict[str, list[AtlasObject]]] = {}
    readings = [(one, reading) for one in projects for name, reading in one.readings.items() if CLOUDS[name].has_unique_ids]
    for one, reading in readings:
        if isinstance(reading.peers, TaskError):
            continue
        blocks = {each["id"]: each["atlas_cidr_block"] for each in known_or(to_fact(reading.containers), ())}
        for peer in reading.peers:
            there = found.setdefault(peer["vpc_id"], {}).setdefault(str(one.group_id), [])
            there.append({**peer, "atlas_cidr_block": blocks.get(peer["container_id"])})
    return found


def _vnet_facts(session: CheckSession, params: Parameters, connections: t.Sequence[Connection]) -> dict[Connection, NetworkFacts]:
    if not connections:
        return {}
    # Only tasks with such connections need it.
    from .azure_half import given_facts, read_azure

    if not params["azure"]:
        return {one: given_facts(params, one) for one in connections}
    return read_azure(session, connections, needs_one=params["projects"] is None)


def are_both_read(params: Parameters, facts: ConnectionFacts) -> bool:
    """Whether both halves of a connection are known: Atlas's is read, and the customer's is read or given by options."""
    # A list of `virtual_networks` alone says nothing of a peering.
    return bool(params["atlas"]) and any(params[one] not in (None, False) for one in facts.entry.provider.half_options[:2])


def _atlas_facts(connection: Connection, shared: t.Mapping[str, t.Mapping[str, t.Any]] | None) -> AtlasFacts:
    """Return Atlas's half of a connection.

    Args:
        connection: The connection.
        shared: By VPC and project, the connections of all projects of the task; None if it has one.
    """
    reading, vpc_id = connection.reading, connection.entry.params["vpc_id"]
    if reading is None:
        return AtlasFacts.none(ATLAS_OFF)
    if shared is None:
        others: dict[str, Fact[t.Sequence[AtlasObject]]] = {
            # P106 has its own advice: the usual one is about group_id.
            group_id: Unread(answer.with_hint(None).marked)
            if isinstance(answer, TaskError)
            else [one for one in answer if one["vpc_id"] == vpc_id]
            for group_id, answer in reading.others.items()
        }
    else:
        others = {
            group_id: peers for group_id, peers in shared.get(vpc_id, {}).items() if group_id != connection.project.group_id
        }
    return AtlasFacts(
        **{name: to_fact(getattr(reading, name)) for name in _LISTS},
        peer=connection.peer,
        container=connection.container,
        access_status={},
        flex_clusters=_NO_FLEX if reading.flex_clusters is None else to_fact(reading.flex_clusters),
        custom_dns=_NO_CUSTOM_DNS,
        other_projects=others or (_NO_OTHERS if shared is None else _NONE_SHARED),
    )


def _aws_facts(survey: Survey | TaskError | None, connection: Connection) -> AwsFacts:
    if survey is None:
        return AwsFacts.none(_AWS_OFF if connection.entry.params["vpc_id"] else _NOT_AWS)
    if isinstance(survey, TaskError):
        return AwsFacts.none(to_fact(survey))
    entry, peer = connection.entry, connection.peer
    return to_aws_facts(
        survey,
        entry.params["vpc_id"],
        entry.params["connection_id"] if isinstance(peer, Missing) else field_of(peer, "connection_id"),
    )


def _gcp_reader(session: CheckSession, params: Parameters) -> GcpReader:
    # Loaded where a connection is with GCP.
    from .gcp_half import GcpReader

    return GcpReader(session, needs_one=params["projects"] is None)


def _key_of(entry: PeerEntry) -> tuple[str | None, ...]:
    """Return the identity of an entry's network."""
    return tuple(entry.network[name] for name in entry.provider.network_identity)


def _blocks_of(facts: ConnectionFacts) -> t.Sequence[str]:
    """Return the blocks of a network, as far as they are known."""
    return _blocks_read(facts) if facts.entry.provider.judges_subnets else [*_blocks_read(facts), *facts.entry.blocks]


def _blocks_read(facts: ConnectionFacts) -> t.Sequence[str]:
    """Return the blocks that the cloud has for a network; none if they were not read."""
    vpc = facts.aws.vpc
    if isinstance(vpc, Vpc):
        return vpc.cidr_blocks
    return [*known_or(facts.network.vnet_prefixes, ()), *(one.cidr_block for one in known_or(facts.network.gcp_ranges, ()))]


def _with_strays(found: t.Sequence[ConnectionFacts], strays: tuple[t.Mapping[str, object], ...]) -> list[ConnectionFacts]:
    """Return the facts with probes of no network in those on one connection, if possible one whose probes are judged."""
    judged = [one for one in found if field_of(one.atlas.peer, "status_name") in (None, one.entry.provider.available)]
    first = next(iter((*judged, *found)), None)
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
        if if_known(partial(own_dns_servers, one)):
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
