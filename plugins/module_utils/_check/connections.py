# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses the connections to check: those of the entries, or all of the project."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, fields, replace

from .._accounts.credentials import CREDENTIALS_OF, aws_credentials_of, aws_names_of
from .._clouds.aws import AWS, to_cloud_region
from .._clouds.clouds import CLOUDS, cloud_of, identity_of
from .._engine.options import Parameters
from .._http.errors import InvalidOptionError, TaskError
from .atlas_half import AtlasReading, ProjectReading
from .facts import AtlasObject, ConnectionEntry, Fact, ListedPeers, Missing, field_of, to_fact

ATLAS_OFF = Missing("Atlas was not read: atlas is false.")


@dataclass(frozen=True, eq=False)
class Connection:
    """A connection to check. It is equal only to itself, so that it can be the key of what was read for it.

    Attributes:
        entry: Its entry in the options, or one made from Atlas's connection.
        peer: The connection in Atlas.
        container: Its network container.
        credentials: The options for its cloud, as that session names them; empty on AZURE and GCP if that half is off. On AWS,
            they are also empty if they depend on the account, and that is not known.
        names: The names of these options in messages, on AWS.
        refusal: Why they are not known; None if they are.
        project: What was read of its project.
    """

    entry: ConnectionEntry
    peer: Fact[AtlasObject | None]
    container: Fact[AtlasObject | None]
    credentials: t.Mapping[str, object]
    names: t.Mapping[str, str] = field(default_factory=dict)
    refusal: TaskError | None = None
    project: ProjectReading = field(default_factory=ProjectReading)

    @property
    def reading(self) -> AtlasReading | None:
        """What was read of its project for the connections with its cloud; None if Atlas is not read."""
        return self.project.readings.get(self.entry.provider_name)


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
        chosen = [found for one in params["connections"] for found in _of_entry(params, one, readings[one["provider_name"]])]
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
    entries = [{"provider_name": name, **{one: peer[one] for one in cloud.identity}} for peer in peers]
    chosen = [one for entry in entries for one in _of_entry(params, entry, reading)]
    region = params["container_region"] if not cloud.has_one_container else None
    if region is None or isinstance(reading.containers, TaskError):
        return chosen
    meant = {one["id"] for one in _containers_of({"provider_name": name, "container_region": region}, reading.containers)}
    return [one for one in chosen if field_of(one.peer, "container_id") in meant]


def _of_entry(params: Parameters, entry: Parameters, reading: AtlasReading) -> list[Connection]:
    """Return the connections that an entry means: that in its `container_id`, those in its `container_region`, or else all.

    There is one for each container.

    The only live connection of a network counts even if its container is in another region: P104 then names both regions.
    """
    if isinstance(reading.peers, TaskError):
        return [_to_connection(params, entry, to_fact(reading.peers), _only_container(entry, reading))]
    region, best = entry.get("container_region"), _peers_by_container(entry, reading.peers)
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


def _peers_by_container(entry: Parameters, peers: ListedPeers) -> dict[str | None, AtlasObject]:
    """Return the connections with the network of an entry, the best one for each container that it may mean, by its id."""
    best: dict[str | None, AtlasObject] = {}
    cloud = CLOUDS[entry["provider_name"]]
    for peer in peers.of_network(cloud, entry):
        is_owner = entry.get(cloud.owner) is None or cloud.is_same(entry[cloud.owner], peer[cloud.owner])
        if is_owner:
            other = best.get(peer["container_id"])
            best[peer["container_id"]] = peer if other is None or _rank(peer) < _rank(other) else other
    container_id = entry.get("container_id")
    return best if container_id is None else {one: peer for one, peer in best.items() if one == container_id}


def _rank(peer: AtlasObject) -> int:
    """Return the rank of a connection: 0 if it has not ended. Of several in one container, the lowest counts."""
    ended = cloud_of(peer).ended
    return ended.index(peer["status_name"]) + 1 if peer["status_name"] in ended else 0


def _containers_of(entry: Parameters, containers: t.Iterable[AtlasObject]) -> list[AtlasObject]:
    """Return the containers that an entry may mean, by `container_id` and `container_region`."""
    cloud, region = CLOUDS[entry["provider_name"]], entry.get("container_region")
    return [
        one
        for one in containers
        if entry.get("container_id") in (None, one["id"])
        and (region is None or cloud.is_in_region(one.get("region_name"), region))
    ]


def _only_container(entry: Parameters, reading: AtlasReading) -> Fact[AtlasObject | None]:
    """Return the container that a connection would lead to: the one that the entry names, or the only one."""
    if isinstance(reading.containers, TaskError):
        return to_fact(reading.containers)
    found = _containers_of(entry, reading.containers)
    if len(found) > 1:
        return Missing("The project has several network containers: set container_region.", "P101")
    return found[0] if found else None


def _to_connection(
    params: Parameters, entry: Parameters, peer: Fact[AtlasObject | None], container: Fact[AtlasObject | None]
) -> Connection:
    """Return a connection. On AWS, its region is the first that the entry, Atlas's connection or the container has."""
    values = {one.name: entry[one.name] for one in fields(ConnectionEntry) if entry.get(one.name) is not None}
    values["route_table_ids"] = tuple(entry.get("route_table_ids") or ()) or None
    credentials_of = CREDENTIALS_OF.get(entry["provider_name"])
    if credentials_of is not None:
        is_read = params[CLOUDS[entry["provider_name"]].switch]
        return Connection(ConnectionEntry(**values), peer, container, credentials_of(params, entry) if is_read else {})
    regions = [
        entry.get("region"),
        field_of(peer, "accepter_region_name"),
        field_of(container, "region_name"),
        # Without Atlas, as in the role: the VPC is in the container's region, unless its entry has another one.
        entry.get("container_region"),
    ]
    region = values["region"] = next((to_cloud_region(one) for one in regions if one), None)
    # Atlas's connection is with the account of the entry, or the entry says none.
    account = entry.get(AWS.owner) or field_of(peer, AWS.owner)
    try:
        credentials = aws_credentials_of(params, entry, region, account)
    except InvalidOptionError as error:
        return Connection(ConnectionEntry(**values), peer, container, {}, refusal=error)
    return Connection(ConnectionEntry(**values), peer, container, credentials, aws_names_of(params, entry, account))
