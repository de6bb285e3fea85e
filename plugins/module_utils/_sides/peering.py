# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sides of both halves of all connections of a list, their plans in one, and the owners of failures."""

from __future__ import annotations

import typing as t
import weakref
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession
from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, Cloud, Fields
from .._clouds.clouds import CLOUDS, cloud_of
from .._engine.options import Parameters
from .._engine.plan import Notice, Plan, Step
from .._engine.side import AnySide, AnyState, Context, Failure, Owner
from .._entries.parser import PeerEntry
from .._http.errors import TaskError, UndoneError
from .._http.pauses import Sleep
from .._resources.access_list import AccessList
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .access_list import AccessListSide
from .containers import ContainerSide
from .entry_access import AccessRequests, EntryAccess
from .entry_containers import EntryContainers
from .entry_peers import EntryPeers, PathPeers, PeerRemovals
from .path_side import PathPlans, PathReader
from .path_state import ACTING, AVAILABLE, CONNECTIONS, REQUESTS, Chooser, Common, PathState
from .peer_readers import DeclaredPeers, RemovedPeers
from .peers import PeerSide, PeerStages

if t.TYPE_CHECKING:
    # Each file that is read costs time at the start of a task: these are for tasks that have something to do with them.
    from .aws import AwsSide
    from .azure import AzureSide
    from .azure_entries import AzureEntries
    from .entry_pruned import LeftoverRemover
    from .gcp import GcpSide
    from .gcp_entries import GcpEntries
    from .pruned_routes import PrunedSide


class PathSides:
    """The sides of a task on both halves of all connections, and the choosers for the entries of its list.

    Args:
        params: The options.
        session: The sessions of the task.
        context: What the sides share.
        stages: The stages, in order.
        say: Turns warnings about entries into sentences.
        turn_of: Waits, at most so many seconds, until no other task on this machine changes the same access list.

    Attributes:
        known: What is known of both halves.
        path: Plans both halves.
        sides: All sides, in the order of their plans.
    """

    def __init__(
        self,
        params: Parameters,
        session: CheckSession,
        context: Context,
        stages: t.Sequence[str],
        say: t.Callable[[t.Iterable[Notice]], list[str]],
        turn_of: t.Callable[[t.Sequence[str], float, Sleep], t.ContextManager[bool]],
    ) -> None:
        self._params, self._session, self._context = params, session, context
        self._entries: t.Sequence[PeerEntry] = params["connections"]
        self.known = PathState(done=context.done, failures=context.failures)
        # The entries whose half the task does, by the names of their clouds.
        self._halves: dict[str, list[PeerEntry]] = {}
        for entry in self._entries:
            if entry.has_half:
                self._halves.setdefault(entry.provider.name, []).append(entry)
        # The sides refer to this object by a proxy: with a cycle, Python would keep the state of each item of a loop for a while.
        self._own = own = weakref.proxy(self)
        atlas = session.atlas if params["atlas"] else None
        list_peers = None if atlas is None else VpcPeers(atlas, params["group_id"], AWS).list_peers
        in_atlas: tuple[AnySide, ...] = ()
        if atlas is not None:
            containers, peers = Containers(atlas, params["group_id"]), partial(VpcPeers, atlas, params["group_id"])
            self._containers = ContainerSide(context, {}, containers, containers.list_all_containers, peers)
            self._peers = self._make_peer_side(atlas, containers)
            in_atlas = (self._containers, self._peers)
        others = self._make_half_sides(prunes=atlas is not None and params["prune"] and params["aws"])
        if atlas is not None and params["access_list"]:
            self._turn = partial(turn_of, (atlas.settings.base_url, params["group_id"]))
            self._access_list = AccessList(atlas, params["group_id"])
            self._access = AccessListSide(context, self._access_list, ())
            others += (self._access,)
        self.path = PathPlans(self._entries, say, self.known)
        reader = PathReader(context, self.path, stages, partial(PathSides._begin, own), list_peers)
        self.sides: tuple[AnySide, ...] = (*in_atlas, reader, *others)

    def _make_half_sides(self, *, prunes: bool) -> tuple[AnySide, ...]:
        """Return the sides of the clouds, and of the routes that pruned connections leave."""
        self._aws: AwsSide | None = None
        if AWS.name in self._halves:
            from .aws import AwsReader, AwsSide

            self._aws = AwsSide(self._context, AwsReader({}))
            self.known.aws = self._aws.states
        clouds = [cloud for cloud in self._params["clouds"] if cloud.name in self._halves and cloud is not AWS]
        self._clouds = {cloud.half[0]: self._make_cloud_side(cloud) for cloud in clouds}
        self._pruned: PrunedSide | None = None
        if prunes:
            from .pruned_routes import PrunedRoutes, PrunedSide

            self._pruned = PrunedSide(self._context, PrunedRoutes(self._params, self._entries, self._session.aws))
        in_aws = () if self._aws is None else (self._aws,)
        return (*in_aws, *self._clouds.values(), *(() if self._pruned is None else (self._pruned,)))

    def _make_cloud_side(self, cloud: Cloud) -> AzureSide | GcpSide:
        """Return the side for AZURE or GCP."""
        if cloud.role_codes:
            from .azure import AzureSide

            return AzureSide(self._context, {})
        from .gcp import GcpSide

        side = GcpSide(self._context, {})
        self.known.gcp = side.states
        return side

    def _make_peer_side(self, atlas: AtlasClient, containers: Containers) -> PeerSide:
        """Return the side of connections, whose reader shares the state of the path."""
        is_absent, group_id, own = self._params["state"] == "absent", self._params["group_id"], self._own
        # With state absent, connections with other clouds may need the same entries of the access list.
        declared = {cloud.name for cloud in self._params["clouds"]} or {AWS.name}
        names = CLOUDS if is_absent else declared | ({AWS.name} if self._params["prune"] else set())
        self._lists = {name: VpcPeers(atlas, group_id, CLOUDS[name]) for name in CLOUDS if name in names}
        params = {**self._params, "base_url": atlas.settings.base_url}
        decide = partial(_plan_again, own)
        given = (params, self._entries, self._lists, containers, self._context, self.known, decide)
        lanes = (("Atlas", int(params["parallel"])),)
        stages = PeerStages(REQUESTS, (REQUESTS,), (ACTING, AVAILABLE), lanes, frees_places=True)
        if is_absent:
            stages = PeerStages(CONNECTIONS, (), (CONNECTIONS,), lanes)
        self._reader: PathPeers = (RemovedPeers if is_absent else DeclaredPeers)(*given)
        return PeerSide(self._context, (), self._reader, stages)

    def _begin(self) -> t.Mapping[str, Chooser]:
        """Make the choosers, which have read nothing yet."""
        self._choosers: dict[str, Chooser] = {}
        for chooser in self._make_choosers():
            self._choosers[chooser.name] = chooser
        return self._choosers

    def _make_choosers(self) -> t.Iterator[Chooser]:
        """Yield the choosers that the list needs, in the order of their plans."""
        atlas = self._session.atlas
        if atlas is not None:
            yield from self._make_atlas_choosers(atlas)
        yield from self._make_cloud_choosers(None if atlas is None else Containers(atlas, self._params["group_id"]))
        if atlas is not None:
            yield from self._make_last_choosers(atlas)

    def _common(self, entries: t.Sequence[PeerEntry]) -> Common:
        return Common(self._context, entries, self.known)

    def _make_atlas_choosers(self, atlas: AtlasClient) -> t.Iterator[Chooser]:
        """Yield the choosers for network containers and connections in Atlas."""
        params, common = self._params, self._common(self._entries)
        containers = Containers(atlas, params["group_id"])
        is_absent = params["state"] == "absent"
        list_clusters = None
        if is_absent and params["remove_container"]:
            # The users of a container matter only where one is removed.
            from .._resources.clusters import Clusters

            list_clusters = Clusters(atlas, params["group_id"]).list_clusters
        self._entry_containers = EntryContainers(common, containers, self._containers.add, list_clusters)
        yield self._entry_containers
        yield EntryPeers(common, self._lists, self._reader, self._peers.begin)

    def _make_last_choosers(self, atlas: AtlasClient) -> t.Iterator[Chooser]:
        """Yield the choosers for what pruned connections leave and for the access list, which need those of the clouds."""
        params, common, own = self._params, self._common(self._entries), self._own
        foreseen = self._entry_containers if params["state"] == "present" else None
        removals = PeerRemovals(self.known, self._reader.leaving, foreseen)
        pruned = None
        if params["prune"]:
            from .entry_pruned import PrunedLeftovers

            removers = {name: t.cast("LeftoverRemover", chooser.pruned) for name, chooser in self._cloud_choosers.items()}
            pruned = PrunedLeftovers(common, removals, self._pruned, removers)
            yield pruned
        if params["access_list"]:
            unlisted = sorted(CLOUDS.keys() - self._lists.keys())
            lists = {name: VpcPeers(atlas, params["group_id"], CLOUDS[name]).list_peers for name in unlisted}
            read_blocks = partial(PathSides._read_blocks, own)
            access = EntryAccess(common, self._access_list, removals, pruned, lists, read_blocks)
            self._access.reader = AccessRequests(common, self._access_list, access, self._turn)
            yield access

    def _read_blocks(self, network: Fields) -> t.Mapping[str, t.Sequence[str]]:
        """Return the blocks of the clients of a network on AZURE or GCP, or of all networks of its project, by name.

        Raises:
            TaskError: If they cannot be read.
        """
        cloud = cloud_of(network)
        if not self._params[cloud.half[0]]:
            raise TaskError(f"{cloud.half[0]} is false.")
        if any(network[name] is None for name in cloud.names or cloud.identity):
            raise TaskError("Atlas does not report which network it is.")
        return (self._cloud_choosers.get(cloud.name) or self._make_cloud_chooser(cloud, ())).reader.read_blocks(network)

    def _make_cloud_choosers(self, containers: Containers | None) -> t.Iterator[Chooser]:
        """Yield the choosers for the clouds. Their files are read where the list has the cloud, and the task does its half."""
        if self._aws is not None:
            from .aws_entries import AwsEntries
            from .entry_aws import AwsNetworks

            replaced = partial(PathSides._replaced, self._own)
            self._networks = AwsNetworks(self._common(self._halves[AWS.name]), self._session.aws, replaced)
            self._aws.reader = AwsEntries(self._context, self._networks, self.known)
            yield self._networks
        self._cloud_choosers: dict[str, AzureEntries | GcpEntries] = {}
        for cloud in self._params["clouds"]:
            if cloud.half[0] in self._clouds:
                self._cloud_choosers[cloud.name] = chooser = self._make_cloud_chooser(cloud, self._halves[cloud.name], containers)
                yield chooser

    def _make_cloud_chooser(
        self, cloud: Cloud, entries: t.Sequence[PeerEntry], containers: Containers | None = None
    ) -> AzureEntries | GcpEntries:
        """Return the chooser for the entries on AZURE or GCP; its side, if there is one, uses it."""
        side = self._clouds.get(cloud.half[0])
        if cloud.role_codes:
            from .azure import AzureSide
            from .azure_entries import AzureEntries

            states: dict[Owner, AnyState] = {} if side is None else side.states
            roles = AzureEntries(self._common(entries), self._session, states)
            if isinstance(side, AzureSide):
                side.entries = roles
            return roles
        from .gcp import GcpSide
        from .gcp_entries import GcpEntries

        mirrors = GcpEntries(self._common(entries), self._session, containers)
        if isinstance(side, GcpSide):
            side.entries = mirrors
        return mirrors

    def _replaced(self) -> t.Collection[str]:
        """Return the keys of entries whose connection in Atlas the task replaces, or has replaced."""
        planned = {} if self._session.atlas is None else self._reader.first_changes
        return {key for key, change in planned.items() if change.verb == "recreate"}

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield the plan of all choosers as that of the reader, and the steps of the other sides."""
        plan = self.path.decide()
        if self._params["plan_file"]:
            plan = replace(plan, refusals={**plan.refusals, **_without_block(plan, self.path, self.known, self._entries)})
        if self.known.access is not None:
            self._access.begin([step.owner for step in self.path.steps_of(self._access.name)], self.known.access)
        for side in self.sides:
            yield side, Plan(steps=self.path.steps_of(side.name)) if side.name != PathReader.name else plan

    def entries_of(self, side: str, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entry or pruned connection of a step, or the entries of a container or of another side's owner."""
        return self._choosers[side].entries_of(owner, step) if side in self._choosers else ()

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Let the choosers know of a failure."""
        if self._aws is not None and side == self._aws.name:
            word, error = self._networks.worded(entry, step or self._aws.sent.get(entry), error)
            is_lost = (side, entry) in self._context.lost
            return self.path.fail(entry, word, error.with_outcome(unknown=True) if is_lost else error)
        chooser = self._choosers.get(side)
        if chooser is None:
            return self.path.fail(entry, "plan", error)
        lost = (entry in self.entries_of(*target, None) for target in self._context.lost if target[0] == side)
        is_begun = chooser.is_begun(entry) and not isinstance(error, UndoneError)
        if is_begun or (step is None and any(lost)):
            # A change has not ended, or the owner could not be read or planned again.
            error = error.with_outcome(unknown=True)
        own = next((one for name, one in error.parts.items() if entry in chooser.entries_of(name, None)), error)
        return self.path.fail(entry, chooser.step_of(entry), own)

    def when_stopped(self, done: t.Iterable[Step]) -> PathState:
        """Return the state of a stopped run, in which changes that have begun and have not ended count as failed."""
        path = self.known
        for step in done:
            chooser, error = self._choosers[step.side], TaskError("The task was stopped before its end.", outcome_unknown=True)
            for entry in filter(chooser.is_begun, chooser.entries_of(step.owner, step)):
                path.fail(entry, step.keys[0].step, error)
        return path


def _plan_again(sides: PathSides) -> Plan:
    return sides.path.decide()


def _without_block(plan: Plan, path: PathPlans, state: PathState, entries: t.Sequence[PeerEntry]) -> dict[str, TaskError]:
    """Return errors of entries whose new container gets a block that Atlas chooses: its routes cannot be reviewed."""
    # Only this failure needs it.
    from .._values.free_blocks import suggest_blocks

    errors = dict[str, TaskError]()
    steps = {key: step for step in path.steps_of(ContainerSide.name) for key in step.keys}
    for change in plan.changes:
        after = change.after or {}
        if change.before is not None or not {BLOCK, "provisioned"} <= after.keys() or after[BLOCK] is not None:
            continue
        known = (block for entry in entries for block in entry.blocks)
        in_aws = (block for view in state.aws.values() if view.vpc is not None for block in view.vpc.cidr_blocks)
        taken = {block for block in (*(one[BLOCK] for one in state.containers), *known, *in_aws) if block}
        free = suggest_blocks(taken, min(CLOUDS[after["provider_name"]].block_sizes(0)))
        error = TaskError(
            "Atlas would choose the block of the new network container, and plan_file has to show its routes.",
            hint=f"Set container_cidr_block. As far as this task sees, these are free: {free or 'none'}.",
        )
        step = steps[change.key]
        keys = path.choosers[EntryContainers.name].entries_of(step.owner, step)
        own = [one for one in entries if one.key in keys]
        errors.update({entry.key: entry.named(error) for entry in own})
    return errors
