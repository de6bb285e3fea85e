# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections are checked: those that the options name, or all of a project."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field, replace

from .._accounts.credentials import CREDENTIALS_OF, aws_credentials_of, aws_names_of
from .._aws.survey import Survey
from .._clouds.aws import AWS, to_cloud_region
from .._clouds.clouds import CLOUDS, cloud_of, identity_of
from .._engine.options import Parameters
from .._entries.parser import PeerEntry
from .._entries.table import CHECK, used_by
from .._http.errors import InvalidOptionError, TaskError
from .._values.blocks import is_within
from .atlas_half import AtlasReading, ProjectReading
from .facts import (
    AtlasObject,
    ConnectionFacts,
    Fact,
    ListedPeers,
    Missing,
    Selection,
    Unread,
    field_of,
    local_addresses_of,
    to_fact,
)

ATLAS_OFF = Missing("Atlas was not read: atlas is false.")


@dataclass(frozen=True, eq=False)
class Connection:
    """A connection to check. It is equal only to itself, so that it can be the key of what was read for it.

    Attributes:
        entry: Its entry in the options, or one made from Atlas's connection; on AWS, with the region of the VPC.
        peer: The connection in Atlas.
        container: Its network container.
        credentials: The options for its cloud, as that session names them; empty on AZURE and GCP if that half is off. On AWS,
            they are also empty if they depend on the account, and that is not known.
        names: The names of these options in messages, on AWS.
        refusal: Why they are not known; None if they are.
        project: What was read of its project.
    """

    entry: PeerEntry
    peer: Fact[AtlasObject | None]
    container: Fact[AtlasObject | None]
    credentials: t.Mapping[str, object]
    names: t.Mapping[str, str] = field(default_factory=dict)
    refusal: TaskError | None = None
    project: ProjectReading = field(default_factory=ProjectReading)

    @property
    def reading(self) -> AtlasReading | None:
        """What was read of its project for the connections with its cloud; None if Atlas is not read."""
        return self.project.readings.get(self.entry.provider.name)


def choose_connections(params: Parameters, project: ProjectReading) -> list[Connection]:
    """Return the connections of a project to check.

    Args:
        params: The options.
        project: What was read of it; nothing if Atlas's half is off.

    Raises:
        TaskError: If the options name none, and Atlas's connections could not be read.
    """
    if not params["atlas"]:
        return [_to_connection(params, one, ATLAS_OFF, ATLAS_OFF) for one in params["connections"]]
    readings = project.readings
    if params["connections"] is not None:
        chosen = [found for one in params["connections"] for found in _of_entry(params, one, readings[one.provider.name])]
    else:
        chosen = [found for cloud, reading in readings.items() for found in _of_cloud(params, cloud, reading)]
    return [replace(one, project=project) for one in chosen]


def choose_from_all(params: Parameters, projects: t.Sequence[ProjectReading]) -> tuple[list[Connection], list[ProjectReading]]:
    """Return the connections of several projects to check, and the projects, with what failed.

    Of a project with an unread list of one cloud, the connections with the others are checked.
    """
    chosen, read = [], []
    for each in projects:
        failure = each.failure
        for cloud, reading in each.readings.items():
            try:
                chosen += choose_connections(params, replace(each, readings={cloud: reading}))
            except TaskError as error:
                failure = failure or error
        read.append(replace(each, failure=failure))
    return chosen, read


def _of_cloud(params: Parameters, name: str, reading: AtlasReading) -> list[Connection]:
    """Return all connections with a cloud; with `container_region`, those in the network container there."""
    if isinstance(reading.peers, TaskError):
        raise reading.peers
    cloud = CLOUDS[name]
    peers = {identity_of(peer): peer for peer in reading.peers}.values()
    unset: dict[str, object] = {**dict.fromkeys(used_by(CHECK)), "cidr_blocks": ()}
    named = [{**unset, **{one: peer[one] for one in cloud.identity}} for peer in peers]
    entries = [PeerEntry(index, cloud, own, {}, params, CHECK) for index, own in enumerate(named)]
    chosen = [one for entry in entries for one in _of_entry(params, entry, reading)]
    region = params["container_region"] if not cloud.has_one_container else None
    if region is None or isinstance(reading.containers, TaskError):
        return chosen
    meant = {one["id"] for one in reading.containers if cloud.is_in_region(one.get("region_name"), region)}
    return [one for one in chosen if field_of(one.peer, "container_id") in meant]


def _of_entry(params: Parameters, entry: PeerEntry, reading: AtlasReading) -> list[Connection]:
    """Return the connections that an entry means: that in its `container_id`, those in its `container_region`, or else all.

    There is one for each container.

    The only live connection of a network counts even if its container is in another region: P104 then names both regions.
    """
    if isinstance(reading.peers, TaskError):
        return [_to_connection(params, entry, to_fact(reading.peers), _only_container(entry, reading))]
    region, best = entry.params["container_region"], _peers_by_container(entry, reading.peers)
    if isinstance(reading.containers, TaskError):
        unread = to_fact(reading.containers)
        return [_to_connection(params, entry, peer, unread) for peer in best.values() or [None]]
    there = {one["id"] for one in _containers_of(entry, reading.containers)}
    found = [peer for peer in best.values() if region is None or peer["container_id"] in there]
    found = found or [peer for peer in best.values() if len(best) == 1 and not _rank(peer)]
    if not found:
        return [_to_connection(params, entry, None, _only_container(entry, reading))]
    containers = {one["id"]: one for one in reading.containers}
    return [_to_connection(params, entry, peer, containers.get(peer["container_id"])) for peer in found]


def _peers_by_container(entry: PeerEntry, peers: ListedPeers) -> dict[str | None, AtlasObject]:
    """Return the connections with the network of an entry, the best one for each container that it may mean, by its id."""
    best: dict[str | None, AtlasObject] = {}
    cloud, owner = entry.provider, entry.params[entry.provider.owner]
    for peer in peers.of_network(cloud, entry.network):
        if owner is None or cloud.is_same(owner, peer[cloud.owner]):
            other = best.get(peer["container_id"])
            best[peer["container_id"]] = peer if other is None or _rank(peer) < _rank(other) else other
    container_id = entry.params["container_id"]
    return best if container_id is None else {one: peer for one, peer in best.items() if one == container_id}


def _rank(peer: AtlasObject) -> int:
    """Return the rank of a connection: 0 if it has not ended. Of several in one container, the lowest counts."""
    ended = cloud_of(peer).ended
    return ended.index(peer["status_name"]) + 1 if peer["status_name"] in ended else 0


def _containers_of(entry: PeerEntry, containers: t.Iterable[AtlasObject]) -> list[AtlasObject]:
    """Return the containers that an entry may mean, by `container_id` and `container_region`."""
    container_id, region = entry.params["container_id"], entry.params["container_region"]
    return [
        one
        for one in containers
        if container_id in (None, one["id"]) and (region is None or entry.provider.is_in_region(one.get("region_name"), region))
    ]


def _only_container(entry: PeerEntry, reading: AtlasReading) -> Fact[AtlasObject | None]:
    """Return the container that a connection would lead to: the one that the entry names, or the only one."""
    if isinstance(reading.containers, TaskError):
        return to_fact(reading.containers)
    found = _containers_of(entry, reading.containers)
    if len(found) > 1:
        return Missing("The project has several network containers: set container_region.", "P101")
    return found[0] if found else None


def _to_connection(
    params: Parameters, entry: PeerEntry, peer: Fact[AtlasObject | None], container: Fact[AtlasObject | None]
) -> Connection:
    """Return a connection. On AWS, its region is the first that the entry, Atlas's connection or the container has."""
    own, credentials_of = entry.params, CREDENTIALS_OF.get(entry.provider.name)
    if credentials_of is not None:
        return Connection(entry, peer, container, credentials_of(params, own) if params[entry.provider.switch] else {})
    regions = [
        own["region"],
        field_of(peer, "accepter_region_name"),
        field_of(container, "region_name"),
        # Without Atlas, as in the role: the VPC is in the container's region, unless its entry has another one.
        own["container_region"],
    ]
    region = next((to_cloud_region(one) for one in regions if one), None)
    entry = entry.with_params(region=region)
    # Atlas's connection is with the account of the entry, or the entry says none.
    account = own[AWS.owner] or field_of(peer, AWS.owner)
    try:
        credentials = aws_credentials_of(params, own, region, account)
    except InvalidOptionError as error:
        return Connection(entry, peer, container, {}, refusal=error)
    return Connection(entry, peer, container, credentials, aws_names_of(params, own, account))


# By option, the VPC of each id that AWS has shown.
Places = t.Mapping[str, t.Mapping[str, str]]
# The kind of object that each option names, and the field with its id.
_KINDS = {"subnet_ids": ("subnets", "id"), "security_group_ids": ("groups", "id"), "instance_ids": ("interfaces", "instance_id")}


def find_places(params: Parameters, surveys: t.Collection[Survey | TaskError], vpc_ids: t.Collection[str]) -> Places:
    """Return the VPC of each id in the options.

    Args:
        params: The options.
        surveys: The surveys of AWS, or their TaskErrors.
        vpc_ids: The VPCs.

    Raises:
        InvalidOptionError: If an id is in none of them, although everything that could have it was read.
    """
    places = {}
    for option, (kind, name) in _KINDS.items():
        answers = [one if isinstance(one, TaskError) else one.answers.get((kind,), []) for one in surveys]
        read = [one for one in answers if not isinstance(one, TaskError)]
        found = {getattr(one, name): one.vpc_id for answer in read for one in answer if one.vpc_id in vpc_ids}
        unknown = [one for one in params[option] or () if one not in found]
        if unknown and len(read) == len(answers):
            raise InvalidOptionError(
                f"{option}: {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} in none of "
                f"{', '.join(sorted(vpc_ids)) or 'the VPCs, of which there are none'}.",
                hint=f"Correct {option}, or check that the credentials and the region are those of the VPC.",
            )
        places[option] = found
    return places


def check_clusters(params: Parameters, reading: AtlasReading | None) -> None:
    """Check that each cluster that the options name exists.

    Args:
        params: The options.
        reading: What was read of Atlas; None if its half is off.

    Raises:
        InvalidOptionError: If one does not, although the clusters were read.
    """
    named = params["clusters"]
    lists = [reading.clusters, reading.flex_clusters or []] if reading is not None else []
    known = [one for one in lists if not isinstance(one, TaskError)]
    if not named or known != lists:
        return
    names = [cluster["name"] for one in known for cluster in one]
    unknown = [one for one in named if one not in names]
    if unknown:
        raise InvalidOptionError(
            f"clusters: project {params['group_id']} has no {', '.join(unknown)}.",
            hint=f"It has {', '.join(sorted(names))}." if names else "It has no clusters.",
        )


def check_tables(params: Parameters, found: t.Sequence[ConnectionFacts]) -> None:
    """Check that the tables of each entry are tables of its VPC.

    Args:
        params: The options.
        found: The facts on all connections.

    Raises:
        InvalidOptionError: If one is not, although all tables of the VPC were read.
    """
    for entry in params["connections"] or ():
        named = entry.params["route_table_ids"] or ()
        alike = [one for one in found if one.entry.network_id == entry.network_id]
        answers = [one.aws.route_tables for one in alike if one.entry.params["route_table_ids"] == named]
        read = [answer for answer in answers if not isinstance(answer, (Missing, Unread))]
        known_ids = {table.id for answer in read for table in answer}
        unknown = [one for one in named if one not in known_ids]
        # Without the VPC there are no tables, and P404 says so.
        if unknown and len(read) == len(answers):
            option = f"{entry.key}.route_table_ids"
            are = "is no route table" if len(unknown) == 1 else "are no route tables"
            raise InvalidOptionError(f"{option}: {', '.join(unknown)} {are} of {entry.network_id}.", hint=f"Correct {option}.")


def to_selection(
    params: Parameters, places: Places, vpc_id: str, own: t.Iterable[str], others: t.Iterable[t.Iterable[str]]
) -> Selection:
    """Return what the options select in one network.

    An id whose VPC is not known may be in any VPC, so it counts for each.

    Args:
        params: The options.
        places: The VPC of each id.
        vpc_id: The VPC; empty for a network of another cloud.
        own: The blocks of the network.
        others: The blocks of each other network, whose clients do not count here unless they may be in this one, too.
    """
    ids = {name: [one for one in params[name] or () if vpc_id and places[name].get(one, vpc_id) == vpc_id] for name in _KINDS}
    here, *elsewhere = ([ipaddress.IPv4Network(block) for block in blocks] for blocks in (own, *others))
    clients = [
        str(block)
        for block in map(ipaddress.IPv4Network, params["client_cidr_blocks"] or ())
        if is_within(block, here) or not any(is_within(block, network) for network in elsewhere)
    ]
    away = [block for network in elsewhere for block in network]
    probes = [one for one in params["probes"] or () if _may_be_in(one, here, away)]
    lists = {**ids, "clusters": params["clusters"], "client_cidr_blocks": clients, "probes": probes}
    return Selection(**{name: tuple(values) if values else None for name, values in lists.items()})


def find_stray_probes(params: Parameters, networks: t.Collection[t.Collection[str]]) -> tuple[t.Mapping[str, object], ...]:
    """Return the probes on hosts that are in none of the networks, given their blocks; none if some of these are not known."""
    if not all(networks):
        return ()
    blocks = [ipaddress.IPv4Network(block) for network in networks for block in network]
    return tuple(one for one in params["probes"] or () if local_addresses_of(one) and not _is_in(one, blocks))


def _may_be_in(
    probe: t.Mapping[str, object], here: t.Collection[ipaddress.IPv4Network], elsewhere: t.Collection[ipaddress.IPv4Network]
) -> bool:
    """Whether a probe may have been made in a network: by its addresses, if it has some, and the network's blocks are known."""
    if not local_addresses_of(probe) or _is_in(probe, here):
        return True
    return not here and not _is_in(probe, elsewhere)


def _is_in(probe: t.Mapping[str, object], blocks: t.Iterable[ipaddress.IPv4Network]) -> bool:
    addresses = [ipaddress.ip_address(one) for one in local_addresses_of(probe)]
    return any(address in block for block in blocks for address in addresses)
