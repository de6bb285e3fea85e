# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Atlas's half: reads the lists of projects in parallel. A malformed field that rules use raises an ApiError."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import partial

from .._api.client import AtlasClient, inquiry
from .._clouds.aws import AWS
from .._clouds.cloud import REGION, Cloud
from .._clouds.clouds import CLOUDS, DEFAULT_CLOUD
from .._engine.options import Parameters
from .._http.errors import ApiError, TaskError
from .._resources.access_list import AccessList
from .._resources.clusters import FLEX, SHARED, Clusters
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .._resources.projects import Project, is_custom_dns_enabled
from .._values.patterns import InvalidValueError
from .facts import AtlasObject, ListedEntries, ListedPeers

# What a reply should be, for messages.
_CONTAINER = "network container"
# A list of objects, or the TaskError of the failed request.
Answer = t.Union[t.Sequence[AtlasObject], TaskError]
_Value = t.TypeVar("_Value")
# Makes calls in parallel, and returns the value or the TaskError of each, by key.
ReadAll = t.Callable[[t.Mapping[object, t.Callable[[], object]]], dict[object, t.Any]]


@dataclass(frozen=True)
class AtlasReading:
    """What was read of a project for the connections with one cloud: lists of objects, or TaskErrors.

    Attributes:
        peers: The connections with the cloud.
        containers: The network containers on the cloud.
        access_list: The entries of the IP access list.
        clusters: The clusters that are not Flex clusters.
        flex_clusters: The Flex clusters; None if they are not needed, or if the other clusters could not be read.
        others: The connections of each other project with AWS, with `atlas_cidr_block` of their containers, by project.
        other_peers: The connections with the other clouds that were read.
    """

    peers: ListedPeers | TaskError
    containers: Answer
    access_list: ListedEntries | TaskError
    clusters: Answer
    flex_clusters: Answer | None
    others: t.Mapping[str, Answer]
    other_peers: Answer = ()


Readings = t.Mapping[str, AtlasReading]


@dataclass(frozen=True)
class ProjectReading:
    """What was read of a project.

    Attributes:
        group_id: The project; None if Atlas is not read.
        name: Its name; None if it is not known.
        org_id: Its organization; None if it is not known.
        readings: What was read for each cloud. Of several projects, for those alone on which the project has a container.
        failure: Why the project could not be read; None if it was.
    """

    group_id: str | None = None
    name: str | None = None
    org_id: str | None = None
    readings: Readings = field(default_factory=dict)
    failure: TaskError | None = None

    @property
    def unread_clouds(self) -> list[str]:
        """The clouds whose connections are not known: all of them if nothing of the project could be read."""
        return [name for name, one in self.readings.items() if isinstance(one.peers, TaskError)] or [*CLOUDS]


class AtlasReader:
    """Reads the project of the task, or all of its projects.

    Args:
        client: The client for Atlas.
        params: The options, with `projects` (those of the task; None for the one of `group_id`).
        read_all: Makes the requests.
    """

    def __init__(self, client: AtlasClient, params: Parameters, read_all: ReadAll) -> None:
        self._client = client
        self._params = params
        self._others = [one for one in params["compare_group_ids"] or () if one != params["group_id"]]
        self._named = params["clusters"]
        self._clouds: t.Sequence[str] = params["clouds"]
        self._read_all = read_all
        # Of several projects, and of what only some connections need.
        self._inquiry = inquiry()

    def read(self) -> list[ProjectReading]:
        """Read what all connections need.

        Raises:
            TaskError: If there is one project, and none of its lists could be read.
        """
        projects: t.Mapping[str, Project | None] | None = self._params["projects"]
        if projects is None:
            group_id: str = self._params["group_id"]
            return [ProjectReading(group_id, self._params["project_name"], readings=self._read_one(group_id))]
        answers = self._read_all({one: partial(self._read_in_turn, one) for one in projects})
        return [_to_reading(one, project, answers[one]) for one, project in projects.items()]

    def _read_one(self, group_id: str) -> Readings:
        """Return what was read of the only project: all its lists are read side by side."""
        clusters = Clusters(self._client, group_id)
        first, *more = (CLOUDS[one] for one in self._clouds)
        only = None if more or first.lists_all else first
        own: dict[object, t.Callable[[], object]] = {
            **{("peers", one): partial(_list_peers, self._client, group_id, CLOUDS[one]) for one in self._clouds},
            "containers": partial(_list_containers, self._client, group_id, only),
            "access_list": partial(_list_entries, self._client, group_id),
            "clusters": clusters.list_clusters,
        }
        answers = self._read_all({**own, **{("other", one): partial(_read_other, self._client, one) for one in self._others}})
        failures = [answers[name] for name in own if isinstance(answers[name], TaskError)]
        if len(failures) == len(own):
            raise failures[0]
        flex = self._read_all({"flex": clusters.list_flex_clusters})["flex"] if self._needs_flex(answers["clusters"]) else None
        found = answers["containers"]
        containers = {one: found if only else _of_cloud(found, one, group_id) for one in self._clouds}
        others = {one: answers["other", one] for one in self._others}
        peers = {one: answers["peers", one] for one in self._clouds}
        shared = AtlasReading(ListedPeers(), (), answers["access_list"], answers["clusters"], flex, others)
        return _to_readings(shared, peers, containers)

    def _read_in_turn(self, group_id: str) -> Readings:
        """Return what was read of one of several projects, which are read side by side. No connection is without a container.

        Raises:
            TaskError: If the containers cannot be read.
        """

        def ask(name: str, call: t.Callable[[], _Value]) -> _Value | TaskError:
            return self._inquiry.answer((group_id, name), call)

        clusters = Clusters(self._client, group_id)
        containers = self._inquiry.ask((group_id, "containers"), partial(_list_containers, self._client, group_id, None))
        with_containers = {one["provider_name"] or DEFAULT_CLOUD for one in containers}
        clouds = [one for one in self._clouds if one in with_containers]
        if not clouds:
            return {}
        peers = {one: ask(f"peers on {one}", partial(_list_peers, self._client, group_id, CLOUDS[one])) for one in clouds}
        own = {one: _of_cloud(containers, one, group_id) for one in clouds}
        if not any(peers.values()):
            return _to_readings(AtlasReading(ListedPeers(), (), ListedEntries(), (), None, {}), peers, own)
        listed = ask("clusters", clusters.list_clusters)
        entries = ask("entries", partial(_list_entries, self._client, group_id))
        flex = ask("Flex clusters", clusters.list_flex_clusters) if self._needs_flex(listed) else None
        return _to_readings(AtlasReading(ListedPeers(), (), entries, listed, flex, {}), peers, own)

    def _needs_flex(self, clusters: Answer) -> bool:
        """Whether to read Flex clusters: no dedicated cluster exists, or `clusters` names one that is not listed."""
        if isinstance(clusters, TaskError):
            return False
        is_dedicated = [all(one["provider_name"] not in (SHARED, FLEX) for one in each["regions"]) for each in clusters]
        names = {one["name"] for one in clusters}
        return not any(is_dedicated) or any(name not in names for name in self._named or ())

    def read_rest(
        self, keys: t.Mapping[str, t.Collection[str]], own_servers: t.Collection[str]
    ) -> tuple[dict[str, dict[str, str | TaskError]], dict[str, bool | TaskError]]:
        """Return what only some connections need: an answer may be a TaskError.

        Args:
            keys: Entries of the access list, by project.
            own_servers: The projects of VPCs with DNS servers of their own.

        Returns:
            The status of each entry, by project and key, and whether custom DNS is enabled, by project.
        """
        calls: dict[tuple[str, ...], t.Callable[[], object]] = {
            (group_id, "status", key): partial(AccessList(self._client, group_id).get_status, key)
            for group_id in keys
            for key in keys[group_id]
        }
        calls.update({(group_id, "DNS"): partial(is_custom_dns_enabled, self._client, group_id) for group_id in own_servers})
        answers = self._read_all({key: partial(self._inquiry.ask, key, call) for key, call in calls.items()}) if calls else {}
        statuses = {group_id: {key: answers[group_id, "status", key] for key in keys[group_id]} for group_id in keys}
        return statuses, {group_id: answers[group_id, "DNS"] for group_id in own_servers}


def _to_readings(
    shared: AtlasReading, peers: t.Mapping[str, ListedPeers | TaskError], containers: t.Mapping[str, Answer]
) -> Readings:
    """Return what was read for each cloud: its connections and containers, and what is the same for all clouds (`shared`)."""
    others = {cloud: _join([answer for one, answer in peers.items() if one != cloud]) for cloud in peers}
    return {one: replace(shared, peers=peers[one], containers=containers[one], other_peers=others[one]) for one in peers}


def _to_reading(group_id: str, project: Project | None, answer: Readings | TaskError) -> ProjectReading:
    name, org_id = (None, None) if project is None else (project["name"], project["org_id"])
    if isinstance(answer, TaskError):
        return ProjectReading(group_id, name, org_id, failure=answer)
    return ProjectReading(group_id, name, org_id, answer)


def _list_peers(client: AtlasClient, group_id: str, cloud: Cloud = AWS) -> ListedPeers:
    """Return the connections with one cloud."""
    found = VpcPeers(client, group_id, cloud).list_peers()
    if cloud.region is not None:
        _check_regions(found, cloud, cloud.region, "VPC peering connection", group_id)
    return ListedPeers(found)


def _list_containers(client: AtlasClient, group_id: str, cloud: Cloud | None = AWS) -> list[AtlasObject]:
    """Return the containers on one cloud; for None, those on all clouds, of which only that field is checked yet."""
    containers = Containers(client, group_id)
    found = list(containers.list_all_containers() if cloud is None else containers.list_containers(cloud.name))
    _check_texts(found, ("provider_name",), _CONTAINER, group_id)
    return list(found) if cloud is None else _on_cloud(found, cloud, group_id)


def _on_cloud(containers: t.Iterable[AtlasObject], cloud: Cloud, group_id: str) -> list[AtlasObject]:
    """Return the containers that are on one cloud, after checking the fields that rules rely on."""
    found = [one for one in containers if (one["provider_name"] or DEFAULT_CLOUD) == cloud.name]
    for one in found:
        _check_texts([one], [name for name in one if name not in ("provisioned", "regions")], _CONTAINER, group_id)
    if cloud.region is not None:
        _check_regions(found, cloud, REGION, _CONTAINER, group_id)
    return found


def _of_cloud(answer: Answer, cloud: str, group_id: str) -> Answer:
    """Return the containers on one cloud from the answer for all clouds, or the TaskError."""
    try:
        return answer if isinstance(answer, TaskError) else _on_cloud(answer, CLOUDS[cloud], group_id)
    except ApiError as error:
        return error


def _join(answers: t.Sequence[Answer]) -> Answer:
    """Return lists as one, or the first TaskError among them."""
    found: list[AtlasObject] = []
    for one in answers:
        if isinstance(one, TaskError):
            return one
        found += one
    return found


def _list_entries(client: AtlasClient, group_id: str) -> ListedEntries:
    """Return the entries of the access list."""
    found = list(AccessList(client, group_id).list_entries().values())
    names = ("cidr_block", "ip_address", "aws_security_group", "comment", "delete_after_date")
    _check_texts(found, names, "entry of the access list", group_id)
    return ListedEntries(found)


def _read_other(client: AtlasClient, group_id: str) -> list[AtlasObject]:
    """Return the connections of another project with AWS, each with the block of its container."""
    peers = _list_peers(client, group_id)
    blocks = {one["id"]: one["atlas_cidr_block"] for one in (_list_containers(client, group_id) if peers else ())}
    return [{**peer, "atlas_cidr_block": blocks.get(peer["container_id"])} for peer in peers]


def _check_texts(found: t.Iterable[t.Mapping[str, object]], names: t.Sequence[str], what: str, group_id: str) -> None:
    """Check that fields are texts or null, and that an id is not null."""
    for one in found:
        odd = [name for name in names if one[name] is not None and not isinstance(one[name], str)]
        if odd or one.get("id", "") is None:
            raise _odd_reply(what, ", ".join(odd) or "id", group_id)


def _check_regions(found: t.Iterable[t.Mapping[str, t.Any]], cloud: Cloud, name: str, what: str, group_id: str) -> None:
    """Check that a field is a region of the cloud, if it is set: requests to the cloud may go to that region."""
    for one in found:
        try:
            if one[name]:
                cloud.regions.parse(one[name])
        except InvalidValueError:
            raise _odd_reply(what, name, group_id) from None


def _odd_reply(what: str, names: str, group_id: str) -> ApiError:
    return ApiError(f"a reply is not a {what}: {names}.", description=f"read project {group_id}", hint="Check base_url.")
