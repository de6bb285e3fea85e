"""The state behind an emulator: one Atlas project (a "group" in the API's words) with its containers and peers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .accesslist import AccessList
from .attributes import Body, check_enum, check_names
from .clouds import CloudUnreachableError
from .clusters import VERSIONS as CLUSTER_VERSIONS
from .clusters import Cluster, Clusters, Region
from .containers import Container, Containers
from .errors import ApiError
from .ids import new_object_id
from .lag import History, Lists
from .outside import Outside
from .peer import Peer
from .peers import Peers
from .providers import DEFAULT_PROVIDER, PROVIDERS, Provider
from .regions import atlas_region
from .settings import Settings

#: The settings of a project in the published description, and one more that mongodb-atlas-cli has recorded; all of them off.
SWITCHES = (
    "isAtlasHomePageAiAssistantEnabled",
    "isClusterAiAssistantEnabled",
    "isCollectDatabaseSpecificsStatisticsEnabled",
    "isDataExplorerEnabled",
    "isDataExplorerGenAIFeaturesEnabled",
    "isDataExplorerGenAISampleDocumentPassingEnabled",
    "isDataValidationEnabled",
    "isExtendedStorageSizesEnabled",
    "isNativeRerankingEnabled",
    "isPerformanceAdvisorEnabled",
    "isRealtimePerformancePanelEnabled",
    "isSchemaAdvisorEnabled",
)


@dataclass
class Organization:
    """An organization, to which projects belong."""

    id: str
    name: str

    @classmethod
    def numbered(cls, settings: Settings, number: int) -> Organization:
        """Return one of the organizations of these settings as it is at the start.

        Args:
            number: Which one, from 0.
        """
        return cls(settings.org_ids[number], f"emulator-org-{number + 1}" if number else "emulator-org")


class Project:
    """One project of those that the keys open.

    Look at it only inside `now`, which holds the lock and brings everything to the present.

    Args:
        clock: A monotonic clock in seconds.
        wall: The time of day when the project is reset, in seconds since 1970; from then on it goes by the clock. To have a
            connection that is eight days old now, begin eight days ago, make it, and let the clock go on by eight days.
        number: Which of the projects it is, from 0.
        outside: What is the same for all projects; by default, there is only this one.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        number: int = 0,
        outside: Outside | None = None,
    ) -> None:
        """Make the project in its initial state.

        Raises:
            ImportError: For a real AWS without boto3.
        """
        self.settings = settings
        self.outside = outside or Outside(settings, clock)
        self.clouds = self.outside.make_clouds()
        self.id = settings.group_ids[number]
        self._number = number
        self._clock = clock
        self._wall = wall
        self._began, self._start = wall(), clock()
        self.first_container_id = None if settings.no_container else self.new_id()
        self.created = self._today()
        self._lock = threading.RLock()
        self._begin()

    def reset(self) -> None:
        """Return to the initial state: its name, one container on AWS, which keeps its id, no peer, an empty access list."""
        with self._lock:
            for cloud in self.clouds.values():
                cloud.reset()
            self.outside.roles.reset()
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            self.name = f"emulator-{self._number + 1}" if self._number else "emulator"
            self.org_id = self.settings.org_ids[self._number % self.settings.orgs]
            self.tags: dict[str, str] = {}
            #: Whether it was made with Atlas's own alerts; nothing here depends on it.
            self.has_default_alerts = True
            #: Whether the keys are for this project too. If not, it is in no list, and requests to it are refused.
            self.visible = True
            #: Whether somebody has removed it, for good until the emulator is reset.
            self.deleted = False
            self.switches = dict.fromkeys(SWITCHES, False)
            self._began, self._start = self._wall(), self._clock()
            first, duplicates = self.first_container_id, self.settings.allow_duplicates
            self.containers = Containers(self.id, first, self.clouds, self.new_id, duplicates)
            self.peers = Peers(self.id, self.settings, self._clock, self.clouds, self.new_id)
            step = self.settings.step_seconds
            self.access_list = AccessList(
                self.id, self._clock, lambda: self._date(self._clock()), step, keeps_dates=self.settings.temporary_stays
            )
            self.clusters = Clusters(self.id, self.new_id, self._today)
            #: Whether clusters on AWS have connection strings with private addresses (Atlas's setting for own DNS servers).
            self.custom_dns = False
            self._history = History(self.settings.list_lag_seconds)
            self._record()

    def new_id(self) -> str:
        """Return the id of something that is made now."""
        return new_object_id(self._date(self._clock()).timestamp())

    def _date(self, at: float) -> datetime:
        """Return the time of day at a time of the clock."""
        return datetime.fromtimestamp(self._began, timezone.utc) + timedelta(seconds=at - self._start)

    def _today(self) -> str:
        """Return the time of day as replies show it."""
        return self._date(self._clock()).strftime("%Y-%m-%dT%H:%M:%SZ")

    @contextlib.contextmanager
    def now(self) -> Iterator[Project]:
        """Lock the project and let the time pass that has passed."""
        with self._lock:
            self._advance()
            try:
                yield self
            finally:
                self._record()

    def lists(self) -> Lists:
        """Return what lists show: what there is, or what there was a while ago where lists lag behind."""
        if self.settings.list_lag_seconds:
            return self._history.seen(self._clock())
        return Lists(list(self.peers), list(self.containers), list(self.access_list), list(self.clusters))

    def _advance(self) -> None:
        if self.settings.list_lag_seconds:
            # All that has changed by itself since somebody looked, each change at its time, for the lists to show it then.
            self._pass_all(self._clock())
        self.peers.listen()
        self._pass(self._clock())
        self._release_unused()

    def _pass_all(self, now: float) -> None:
        while (at := self._next_change()) is not None and self._history.latest < at < now:
            self._pass(at)
            self._record(at)

    def _next_change(self) -> float | None:
        """Return when something changes by itself next, on the clock; None if nothing does."""
        end = min((entry.until for entry in self.access_list if entry.until), default=None)
        expiry = None if end is None else self._start + (end - self._date(self._start)).total_seconds()
        return min((at for at in (self.peers.next_change(), expiry) if at is not None), default=None)

    def _pass(self, at: float) -> None:
        self.peers.advance(at)
        self.access_list.advance(self._date(at), any(not peer.deleting for peer in self.peers.of("AWS")))

    def _release_unused(self) -> None:
        """Remove the networks behind containers that nothing uses any more.

        `provisioned` says whether connections (documentation of v1.0) or clusters (description of v2) are in a container, and
        Terraform's provider removes one only once that is false again (resource_network_container.go). What is shown of the
        network then is not documented; here it is what was shown before there was one.
        """
        for container in self.containers:
            if container.network_id is not None and not self.container_users(container):
                self.clouds[container.kind.name].release(container)

    def describe(self, body: Body) -> Body:
        """Change what lists of projects say of this one: `name`, `org_id`, `tags` (a map), and whether it is `visible` at all.

        Any text is taken, also what Atlas refuses as a name: that clients cope with it is to be tested.

        Returns:
            What they say now.

        Raises:
            ApiError: For a body that is not right.
        """
        check_names(body, ("name", "org_id", "tags", "visible"), ())
        found = {"name": self.name, "org_id": self.org_id, "tags": self.tags, "visible": self.visible, **body}
        tags = found["tags"]
        for name, fits in {
            "name": isinstance(found["name"], str),
            "org_id": found["org_id"] in self.settings.org_ids,
            "tags": isinstance(tags, dict) and all(isinstance(value, str) for value in tags.values()),
            "visible": isinstance(found["visible"], bool),
        }.items():
            if not fits:
                raise ApiError("INVALID_ATTRIBUTE", name)
        self.name, self.org_id, self.tags, self.visible = found["name"], found["org_id"], dict(tags), found["visible"]
        return found

    def _record(self, at: float | None = None) -> None:
        if self.settings.list_lag_seconds:
            lists = Lists.copy(self.peers, self.containers, self.access_list, self.clusters)
            self._history.record(self._clock() if at is None else at, lists)

    def add_access(self, bodies: Sequence[Body]) -> None:
        """Add entries to the access list from the body of a POST.

        Raises:
            ApiError: For a body that is not right or too many entries, or as in a fault of the service if AWS is away.
        """
        live = [peer for peer in self.peers.of("AWS") if not peer.deleting and not peer.dead]
        try:
            self.access_list.add(bodies, bool(live), lambda groups: self.clouds["AWS"].foreign_group(groups, live))
        except CloudUnreachableError:
            raise ApiError("UNEXPECTED_ERROR") from None

    def find_peer(self, peer_id: str) -> Body:
        """Return one peer as a reply shows it; for tests in the same process.

        Raises:
            ApiError: PEER_NOT_FOUND.
        """
        with self.now():
            return self.peers.get(peer_id).to_json()

    def list_peers(self) -> list[Body]:
        """Return all peers of all providers as replies show them; for tests in the same process."""
        with self.now():
            return [peer.to_json() for peer in self.peers]

    def create_peer(self, body: Body, needs_container: bool) -> Peer:
        """Make a peer from the body of a POST.

        Args:
            needs_container: Whether AWS's containerId and accepterRegionName have to be given, as v2 wants it.

        Raises:
            ApiError: For a body that is not right, an unknown container or a conflict.
        """
        provider = cloud_of(body)
        may_lack = () if needs_container or provider.name != "AWS" else ("containerId", "accepterRegionName")
        fields = provider.checked(body, may_lack)
        fields.pop("providerName", None)
        container = self._container_for(provider, fields)
        return self.peers.create(provider, provider.completed(fields, container.region), container)

    def update_peer(self, peer_id: str, body: Body, needs_all: bool = False) -> Peer:
        """Change a peer as the body of a PATCH says.

        Args:
            needs_all: Whether the body has to hold all that a POST has to, as v2 wants it.

        Raises:
            ApiError: For a body that is not right, an unknown peer or a conflict.
        """
        provider = cloud_of(body)
        peer = self.peers.get(peer_id)
        if provider is not peer.provider:
            # Seen by users: without providerName the service looks among AWS's peers only.
            raise ApiError("PEER_NOT_FOUND", peer_id, self.id)
        return self.peers.update(peer, provider.checked(body, () if needs_all else provider.required))

    def _container_for(self, provider: Provider, fields: Body) -> Container:
        if "containerId" in fields:
            container = self.containers.get(fields["containerId"])
            if container.kind.name != provider.name:
                raise ApiError("CLOUD_PROVIDER_CONTAINER_NOT_FOUND", container.id)
            return container
        # API v1.0 first knew one container a project. Where there are more, the accepter's region decides.
        candidates = self.containers.of(provider.name)
        if len(candidates) > 1 and "accepterRegionName" in fields:
            candidates = [one for one in candidates if one.region == atlas_region(fields["accepterRegionName"])]
        if len(candidates) != 1:
            raise ApiError("MISSING_ATTRIBUTE", "containerId")
        return candidates[0]

    def container_users(self, container: Container) -> list[str]:
        """Name what uses a container and so locks it."""
        clusters = [one for one in self.clusters if any(_is_in(container, region) for region in _placed(one))]
        return [
            *(f"peer {peer.id}" for peer in self.peers.users_of(container)),
            *(f"cluster {cluster.name}" for cluster in clusters),
        ]

    def put_cluster(self, body: Body) -> Cluster:
        """Make a cluster, or another one of one of the same name, with the containers that it needs.

        Args:
            body: What `clusters.parse` reads.

        Raises:
            ApiError: For a body that is not right, or if no block is free for a container.
        """
        cluster = self.clusters.put(body)
        for region in _placed(cluster):
            container = self.containers.provide(region.provider, region.name)
            with contextlib.suppress(CloudUnreachableError):
                self.clouds[region.provider].provision(container)
        return cluster

    def show_cluster(self, cluster: Cluster, url: str, version: str = CLUSTER_VERSIONS[-1]) -> Body:
        """Return a cluster as a reply shows it, with what is available of its connection strings.

        Those with private addresses come with an available peer; on AWS, custom DNS has to be enabled too.
        """
        available = [peer.container for peer in self.peers if peer.status == "AVAILABLE"]
        reached = [region for region in _placed(cluster) if any(_is_in(container, region) for container in available)]
        has_private = any(region.provider != "AWS" or self.custom_dns for region in reached)
        return cluster.to_json(self.id, url, has_private, version)


def _placed(cluster: Cluster) -> tuple[Region, ...]:
    """Return the regions in which a cluster has hosts of its own."""
    return cluster.regions if cluster.is_dedicated else ()


def _is_in(container: Container, region: Region) -> bool:
    """Tell whether the nodes of a region are in a container."""
    return container.kind.name == region.provider and container.kind.collides(region.name, container.region)


def cloud_of(body: Body) -> Provider:
    """Return the provider that a body is about; AWS unless it says otherwise.

    Raises:
        ApiError: INVALID_ENUM_VALUE or INVALID_ATTRIBUTE; INVALID_JSON for a name in another case, as users have seen it.
    """
    name = body.get("providerName")
    if isinstance(name, str) and name not in PROVIDERS and name.upper() in PROVIDERS:
        raise ApiError("INVALID_JSON")
    check_enum(body, "providerName", tuple(PROVIDERS))
    return PROVIDERS[body.get("providerName", DEFAULT_PROVIDER)]
