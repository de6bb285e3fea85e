# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_peering does: both sides of all connections of a list, in one plan, whatever their clouds are."""

from __future__ import annotations

import typing as t
import weakref
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession, connect
from .._api.client import AtlasClient
from .._auth import clients
from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, Cloud, Fields
from .._clouds.clouds import CLOUDS, cloud_of
from .._engine.front import Front, ResultValue
from .._engine.operation import Library, find_library
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, Described, Plan, Review, Step
from .._engine.side import AnySide, AnyState, Failure, Owner, Target
from .._entries.parser import LIST, PeerEntry
from .._entries.table import OPTIONS, PATH, ignored_by
from .._http import transport
from .._http.errors import TaskError, UndoneError
from .._http.pauses import Clock, Sleep, stoppable_sleep
from .._resources.access_list import AccessList
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .._results.causes import reached, shortened
from .._results.path_progress import PathProgress
from .._results.path_summary import PathSummary
from .._sides import path_options as options
from .._sides.access_requests import AccessRequests
from .._sides.containers import ContainerSide
from .._sides.entries import ignored_options
from .._sides.entry_access import EntryAccess
from .._sides.entry_containers import EntryContainers
from .._sides.entry_peers import EntryPeers, Leaving, PathPeers
from .._sides.path_side import PathPlans, PathReader
from .._sides.path_state import (
    ABSENT,
    ACCESS,
    ACTING,
    AVAILABLE,
    CONNECTIONS,
    CONTAINERS,
    PRESENT,
    REQUESTS,
    Chooser,
    Common,
    PathState,
)
from .._sides.peer_readers import DeclaredPeers, RemovedPeers
from .._sides.peers import PeerSide, PeerStages
from .atlas import choose_project, warn_of_connection, with_projects

if t.TYPE_CHECKING:
    # Each file that is read costs time at the start of a task: these are for tasks that have something to do with them.
    from .._sides.aws import AwsSide
    from .._sides.azure import AzureSide
    from .._sides.azure_entries import AzureEntries
    from .._sides.entry_pruned import Cleaner
    from .._sides.gcp import GcpSide
    from .._sides.gcp_entries import GcpEntries
    from .._sides.pruned_routes import PrunedSide


class AtlasPeering(Front[CheckSession]):
    """Connects networks with Atlas, or disconnects them: both sides, and all that belongs to it."""

    argument_spec = options.PATH_SPEC
    libraries = clients.LIBRARIES
    connect = staticmethod(connect)
    noun = "peering"
    nothing: t.ClassVar[t.Mapping[str, t.Any]] = {"peering": None, "failures": [], "summary": None}
    is_one = is_strict = False
    # Each chooser also limits its own.
    threads = 64
    progress = PathProgress

    def __init__(self, params: Parameters, session: CheckSession, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self._entries = params["connections"]
        self.stages = PRESENT if params["state"] == "present" else ABSENT
        self.summary: PathSummary = PathSummary(params, self._entries)
        self._refusal: TaskError | None = None
        self._known = PathState(done=self.context.done, failures=self.context.failures)
        # What the choosers hold of this front: with a cycle, Python would keep the state of each item of a loop for a while.
        self._own = own = weakref.proxy(self)
        atlas = session.atlas if params["atlas"] else None
        list_peers = None if atlas is None else VpcPeers(atlas, params["group_id"], AWS).list_peers
        if atlas is not None:
            containers, peers = Containers(atlas, params["group_id"]), partial(VpcPeers, atlas, params["group_id"])
            self._containers = ContainerSide(self.context, {}, containers, containers.list_all_containers, peers)
            self._peers = self._make_peer_side(atlas, containers)
        clouds = [cloud for cloud in params["clouds"] if cloud.name in self._halves() and cloud is not AWS]
        self._clouds = {cloud.half[0]: self._make_cloud_side(cloud) for cloud in clouds}
        self._aws: AwsSide | None = None
        if AWS.name in self._halves():
            from .._sides.aws import AwsReader, AwsSide

            self._aws = AwsSide(self.context, AwsReader({}))
            self._known.aws = self._aws.states
        self._pruned: PrunedSide | None = None
        if atlas is not None and params["prune"] and params["aws"]:
            from .._sides.pruned_routes import PrunedRoutes, PrunedSide

            self._pruned = PrunedSide(self.context, PrunedRoutes(params, self._entries, session.aws))
        begin, say = partial(AtlasPeering._begin, own), self.summary.warnings
        self.path = PathPlans(self._entries, say, self._known)
        reader = PathReader(self.context, self.path, self.stages, begin, list_peers)
        in_aws, in_atlas = () if self._aws is None else (self._aws,), () if atlas is None else (self._containers, self._peers)
        pruned = () if self._pruned is None else (self._pruned,)
        self.sides = (*in_atlas, reader, *in_aws, *self._clouds.values(), *pruned)
        if atlas is not None and params["access_list"]:
            turn = partial(_turn_of, (atlas.settings.base_url, params["group_id"]))
            choice, access_list = partial(AtlasPeering._entry_access, own), AccessList(atlas, params["group_id"])
            self._access = AccessRequests(self.context, access_list, choice, turn, stoppable_sleep, ACCESS)
            self.sides += (self._access,)

    def _halves(self) -> dict[str, list[PeerEntry]]:
        """Return the entries whose half the task does, by the names of their clouds."""
        halves: dict[str, list[PeerEntry]] = {}
        for entry in self._entries:
            if entry.has_half:
                halves.setdefault(entry.provider.name, []).append(entry)
        return halves

    def _make_cloud_side(self, cloud: Cloud) -> AzureSide | GcpSide:
        """Return the side for AZURE or GCP."""
        if cloud.role_codes:
            from .._sides.azure import AzureSide

            return AzureSide(self.context, {})
        from .._sides.gcp import GcpSide

        side = GcpSide(self.context, {})
        self._known.gcp = side.states
        return side

    def _make_peer_side(self, atlas: AtlasClient, containers: Containers) -> PeerSide:
        """Return the side of connections, whose reader shares the state of the path."""
        is_absent, group_id, own = self.params["state"] == "absent", self.params["group_id"], self._own
        # With state absent, connections with other clouds may need the same entries of the access list.
        declared = {cloud.name for cloud in self.params["clouds"]} or {AWS.name}
        names = CLOUDS if is_absent else declared | ({AWS.name} if self.params["prune"] else set())
        self._lists = {name: VpcPeers(atlas, group_id, CLOUDS[name]) for name in CLOUDS if name in names}
        params = {**self.params, "base_url": atlas.settings.base_url}
        decide = partial(AtlasPeering._decide, own)
        given = (params, self._entries, self._lists, containers, self.context, self._known, decide)
        lanes = (("Atlas", int(params["parallel"])),)
        stages = PeerStages(REQUESTS, (REQUESTS,), (ACTING, AVAILABLE), lanes, frees_places=True)
        if is_absent:
            stages = PeerStages(CONNECTIONS, (), (CONNECTIONS,), lanes)
        self._reader: PathPeers = (RemovedPeers if is_absent else DeclaredPeers)(*given)
        return PeerSide(self.context, (), self._reader, stages)

    def _begin(self) -> t.Mapping[str, Chooser]:
        """Make the choosers, which have read nothing yet."""
        self._choosers: dict[str, Chooser] = {}
        for chooser in self._make_choosers():
            self._choosers[chooser.name] = chooser
        return self._choosers

    def _make_choosers(self) -> t.Iterator[Chooser]:
        """Yield the choosers that the list needs, in the order of their plans."""
        atlas = self.session.atlas
        if atlas is not None:
            yield from self._make_atlas_choosers(atlas)
        yield from self._make_cloud_choosers(None if atlas is None else Containers(atlas, self.params["group_id"]))
        if atlas is not None:
            yield from self._make_last_choosers(atlas)

    def _common(self, entries: t.Sequence[PeerEntry]) -> Common:
        return Common(self.context, entries, self._known)

    def _make_atlas_choosers(self, atlas: AtlasClient) -> t.Iterator[Chooser]:
        """Yield the choosers for network containers and connections in Atlas."""
        params, common = self.params, self._common(self._entries)
        containers = Containers(atlas, params["group_id"])
        is_absent = params["state"] == "absent"
        list_clusters = None
        if is_absent and params["remove_container"]:
            # Only where a container is removed does it matter what uses it.
            from .._resources.clusters import Clusters

            list_clusters = Clusters(atlas, params["group_id"]).list_clusters
        self._homes = EntryContainers(common, containers, self._containers.add, list_clusters)
        yield self._homes
        yield EntryPeers(common, self._lists, self._reader, self._peers.begin)

    def _make_last_choosers(self, atlas: AtlasClient) -> t.Iterator[Chooser]:
        """Yield the choosers for what pruned connections leave, and for the access list: those of the clouds are known."""
        params, common, own = self.params, self._common(self._entries), self._own
        foreseen = self._homes if params["state"] == "present" else None
        leaving = Leaving(self._known, self._reader.leaving, foreseen)
        pruned = None
        if params["prune"]:
            from .._sides.entry_pruned import PrunedLeftovers

            cleaners = {name: t.cast("Cleaner", chooser.pruned) for name, chooser in self._in_clouds.items()}
            pruned = PrunedLeftovers(common, leaving, self._pruned, cleaners)
            yield pruned
        if params["access_list"]:
            unlisted = CLOUDS.keys() - self._lists.keys()
            read_blocks = partial(AtlasPeering._read_blocks, own)
            yield EntryAccess(common, atlas, leaving, pruned, sorted(unlisted), read_blocks)

    def _read_blocks(self, network: Fields) -> t.Mapping[str, t.Sequence[str]]:
        """Return the blocks of the clients of a network on AZURE or GCP, or of all networks of its project, by name.

        Raises:
            TaskError: If they cannot be read.
        """
        cloud = cloud_of(network)
        if not self.params[cloud.half[0]]:
            raise TaskError(f"{cloud.half[0]} is false.")
        if any(network[name] is None for name in cloud.names or cloud.identity):
            raise TaskError("Atlas does not report which network it is.")
        return (self._in_clouds.get(cloud.name) or self._make_cloud_chooser(cloud, ())).reader.read_blocks(network)

    def _decide(self) -> Plan:
        return self.path.decide()

    def _make_cloud_choosers(self, containers: Containers | None) -> t.Iterator[Chooser]:
        """Yield the choosers for the clouds. Their files are read where the list has the cloud, and the task does its half."""
        halves = self._halves()
        if self._aws is not None:
            from .._sides.aws_entries import AwsEntries
            from .._sides.entry_aws import AwsNetworks

            replaced = partial(AtlasPeering._replaced, self._own)
            self._networks = AwsNetworks(self._common(halves[AWS.name]), self.session.aws, replaced)
            self._aws.reader = AwsEntries(self.context, self._networks, self._known)
            yield self._networks
        self._in_clouds: dict[str, AzureEntries | GcpEntries] = {}
        for cloud in self.params["clouds"]:
            if cloud.half[0] in self._clouds:
                self._in_clouds[cloud.name] = chooser = self._make_cloud_chooser(cloud, halves[cloud.name], containers)
                yield chooser

    def _make_cloud_chooser(
        self, cloud: Cloud, entries: t.Sequence[PeerEntry], containers: Containers | None = None
    ) -> AzureEntries | GcpEntries:
        """Return what chooses for the entries on AZURE or GCP; its side, if there is one, asks it."""
        side = self._clouds.get(cloud.half[0])
        if cloud.role_codes:
            from .._sides.azure import AzureSide
            from .._sides.azure_entries import AzureEntries

            states: dict[Owner, AnyState] = {} if side is None else side.states
            roles = AzureEntries(self._common(entries), self.session, states)
            if isinstance(side, AzureSide):
                side.entries = roles
            return roles
        from .._sides.gcp import GcpSide
        from .._sides.gcp_entries import GcpEntries

        mirrors = GcpEntries(self._common(entries), self.session, containers)
        if isinstance(side, GcpSide):
            side.entries = mirrors
        return mirrors

    def _entry_access(self) -> EntryAccess:
        return t.cast(EntryAccess, self._choosers[EntryAccess.name])

    def _replaced(self) -> t.Collection[str]:
        """Return the keys of entries whose connection in Atlas the task replaces, or has replaced."""
        planned = {} if self.session.atlas is None else self._reader.first_changes
        return {key for key, change in planned.items() if change.verb == "recreate"}

    @classmethod
    def libraries_for(cls, args: t.Mapping[str, t.Any]) -> tuple[Library, ...]:
        """Return the packages for Atlas, and those for AWS if the list may have connections there."""
        return (*clients.LIBRARIES, find_library("boto3")) if AWS.name in options.halves_of(args) else clients.LIBRARIES

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of unchecked entries that only other modules use."""
        return ignored_options(args)

    @classmethod
    def preload(cls) -> None:
        """Load the usual certificates before Ansible forks its workers."""
        transport.preload()

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options without the network, and make the entries."""
        params = options.fill_in_project(params)
        if params["atlas"]:
            params = choose_project(params, "set atlas to false")
        params, warnings = options.validate(params)
        return params, [*warn_of_connection(params), *warnings] if params["atlas"] else warnings

    @classmethod
    def prepare(cls, params: Parameters, session: CheckSession) -> Parameters:
        """Return the options with the id of the project in `project_name`."""
        return options.with_project(params, with_projects(params, session.atlas))

    @classmethod
    def in_failure(cls, result: Fields) -> Fields:
        """Return what has failed, the numbers, and how far the failed entries got."""
        failures, peering = result.get("failures"), result.get("peering")
        if not failures:
            return result
        connections = reached(failures, peering["connections"] if peering else ())
        return {**result, "failures": shortened(failures), "peering": {"connections": connections} if connections else None}

    @property
    def name(self) -> str:
        """The project, for the user."""
        return name_project(self.params) or "the connections"

    @property
    def state(self) -> PathState:
        """What is known of both sides."""
        return self._known

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield the plan of all choosers, which is made at once, and the steps of the other sides."""
        plan = self.path.decide()
        if self.params["plan_file"]:
            plan = replace(plan, refusals={**plan.refusals, **self._without_block(plan)})
        if self.state.access is not None:
            self._access.begin(self.path.steps_of(self._access.name), self.state.access)
        for side in self.sides:
            yield side, Plan(steps=self.path.steps_of(side.name)) if side.name != PathReader.name else plan

    def _without_block(self, plan: Plan) -> dict[str, TaskError]:
        """Return errors of entries whose new container has a block that Atlas chooses: its routes cannot be reviewed before."""
        # Only this failure needs it.
        from .._values.free_blocks import suggest_blocks

        state, errors = self.state, dict[str, TaskError]()
        steps = {key: step for step in self.path.steps_of(ContainerSide.name) for key in step.keys}
        for change in plan.changes:
            after = change.after or {}
            if change.before is not None or not {BLOCK, "provisioned"} <= after.keys() or after[BLOCK] is not None:
                continue
            known = (block for entry in self._entries for block in entry.blocks)
            in_aws = (block for view in state.aws.values() if view.vpc is not None for block in view.vpc.cidr_blocks)
            taken = {block for block in (*(one[BLOCK] for one in state.containers), *known, *in_aws) if block}
            free = suggest_blocks(taken, min(CLOUDS[after["provider_name"]].block_sizes(0)))
            error = TaskError(
                "Atlas would choose the block of the new network container, and plan_file has to show its routes.",
                hint=f"Set container_cidr_block. As far as this task sees, these are free: {free or 'none'}.",
            )
            step = steps[change.key]
            keys = self._homes.entries_of(step.owner, step)
            own = [one for one in self._entries if one.key in keys]
            errors.update({entry.key: entry.named(error) for entry in own})
        return errors

    def plans_again_after(self, stage: str) -> bool:
        """Return whether blocks of new containers are known now. What needs them may be refused."""
        return stage == CONTAINERS and stage != self.stages[-1] and bool(self.path.steps_of(ContainerSide.name))

    def entries_of(self, side: str, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entry or pruned connection whose step it is, or the entries of a container or of another side's owner."""
        return self._choosers[side].entries_of(owner, step) if side in self._choosers else ()

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Let the choosers know of a failure."""
        if self._aws is not None and side == self._aws.name:
            word, error = self._networks.worded(entry, step or self._aws.sent.get(entry), error)
            is_lost = (side, entry) in self.context.lost
            return self.path.fail(entry, word, error.with_outcome(unknown=True) if is_lost else error)
        chooser = self._choosers.get(side)
        if chooser is None:
            return self.path.fail(entry, "plan", error)
        lost = (entry in self.entries_of(*target, None) for target in self.context.lost if target[0] == side)
        is_begun = chooser.is_begun(entry) and not isinstance(error, UndoneError)
        if is_begun or (step is None and any(lost)):
            # It has not come to its end, or could not be read or planned again.
            error = error.with_outcome(unknown=True)
        own = next((one for name, one in error.parts.items() if entry in chooser.entries_of(name, None)), error)
        return self.path.fail(entry, chooser.step_of(entry), own)

    def foresee(self, plan: Plan) -> list[Step]:
        """Return the steps that are not known to fail."""
        self.path.predict()
        return [step for step in plan.steps if self.path.is_foreseen(step)]

    def fail_rest(self, error: TaskError) -> t.Mapping[str, Failure]:
        """Return the failures of all entries that have not ended, unless the plan was refused."""
        return {} if error is self._refusal else self.summary.unread(self.state, self.path.last, error)

    def line(self, plan: Plan) -> str:
        """Return the plan in one line, counted by connection and by side."""
        return self.summary.line(plan)

    def refusal(self, plan: Plan) -> TaskError:
        """Return one error with all refusals and failures of a plan."""
        self._refusal = self.summary.refusal(self.state, plan)
        return self._refusal

    def failure(self) -> TaskError | None:
        """Return one error with all failures; None if nothing has failed."""
        return self.summary.failure(self.state)

    def stopped(self, done: t.Sequence[Step], unsure: t.Sequence[Step]) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, in words: also what is not known to have come to its end."""
        path = self.state
        for step in done:
            chooser, error = self._choosers[step.side], TaskError("The task was stopped before its end.", outcome_unknown=True)
            for entry in filter(chooser.is_begun, chooser.entries_of(step.owner, step)):
                path.fail(entry, step.keys[0].step, error)
        return self.summary.stopped(path)

    def show(self, changed: t.Collection[Target]) -> dict[str, ResultValue]:
        """Show both sides of each entry, what was done, and what is left."""
        return self.summary.show(self.state, self.context.plan)

    def review(self) -> Review:
        """Return what a saved plan has of the entries."""
        describe = partial(AtlasPeering._describe, self._own)
        credentials = (name for one in OPTIONS if one.is_credential for name in one.names)
        without = {*credentials, *ignored_by(PATH)}
        return Review("atlas_peering", LIST, [(one.name, one.params) for one in self._entries], describe, without)

    def _describe(self, change: Change) -> Described:
        # A side that plans one owner again does not know the words of the list.
        planned = (one for one in self.path.last.changes if one.key == change.key and one.action == change.action)
        return self.summary.describe(change if change.verb else change.shown_as(next(planned, change)), self.state)

    def diff(self) -> list[dict[str, ResultValue]]:
        """Return the diff: one element for each changed connection on each side, container and access list entry."""
        return self.summary.diff(self.state, self.context.plan)


def _turn_of(identity: t.Sequence[str], patience: float, sleep: Sleep) -> t.ContextManager[bool]:
    from .._auth.private_folder import turn_of

    return turn_of(identity, patience, sleep)


OPERATION = AtlasPeering
