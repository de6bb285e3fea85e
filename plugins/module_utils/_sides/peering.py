# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sides of both halves of all connections of a list, and their plans as one."""

from __future__ import annotations

import typing as t
import weakref
from dataclasses import replace
from functools import partial

from .._accounts.session import CheckSession
from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import BLOCK, Fields
from .._clouds.clouds import CLOUDS, cloud_of
from .._engine.options import Parameters
from .._engine.plan import EntryWarning, Plan, Step, grouped, joined
from .._engine.side import AnySide, Context, Failure, Owner, Purpose, Query, Replies, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError
from .._http.pauses import Sleep
from .._resources.access_list import AccessList
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .entry_access import EntryAccess
from .entry_containers import EntryContainers
from .entry_peers import EntryPeers, PathPeers, PeerRemovals
from .path_state import ACTING, AVAILABLE, CONNECTIONS, REQUESTS, AnyPathSide, PathState, without
from .peer_readers import DeclaredPeers, RemovedPeers
from .peers import PeerStages

if t.TYPE_CHECKING:
    # Each file that is read costs time at the start of a task: these are for tasks that have something to do with them.
    from .azure_entries import AzureEntries
    from .entry_pruned import PrunedLeftovers, Remover
    from .gcp_entries import GcpEntries

# Waits, at most so many seconds, until no other task on this machine changes the same access list.
TurnOf = t.Callable[[t.Sequence[str], float, Sleep], t.ContextManager[bool]]


class PathSides:
    """Makes the sides of a task on both halves of all connections.

    Args:
        params: The options.
        session: The sessions of the task.
        context: What the sides share.
        turn_of: Waits until no other task on this machine changes the same access list.
        restart: Makes new sides, because what was read is out of date; None once that was done.
        path: What is known of all sides.
        decide: Plans all sides again.
    """

    def __init__(
        self,
        params: Parameters,
        session: CheckSession,
        context: Context,
        turn_of: TurnOf,
        restart: t.Callable[[], None] | None,
        path: PathState,
        decide: t.Callable[[], Plan],
    ) -> None:
        self._params, self._session, self._context, self._path = params, session, context, path
        self._decide, self._turn_of, self._restart = decide, turn_of, restart
        self._entries: t.Sequence[PeerEntry] = params["connections"]
        self._project: str = params["group_id"]
        # The sides of AZURE and GCP, by the name of the cloud.
        self._clouds: dict[str, AzureEntries | GcpEntries] = {}

    def make(self) -> t.Iterator[AnyPathSide]:
        """Yield the sides that the list needs, in the order of their plans."""
        atlas = self._session.atlas if self._params["atlas"] else None
        containers = None if atlas is None else Containers(atlas, self._project)
        if atlas is None or containers is None:
            yield from self.in_clouds(None, None)
            return
        first, peers = self._containers(atlas, containers), self._peers(atlas, containers)
        yield from (first, peers)
        yield from self.in_clouds(containers, peers.reader)
        is_present = self._params["state"] == "present"
        removals = PeerRemovals(self._path, peers.reader.leaving, first if is_present else None)
        pruned = self._pruned(removals) if self._params["prune"] else None
        if pruned is not None:
            yield pruned
        if self._params["access_list"]:
            yield self._access(atlas, removals, pruned, peers.reader)

    def _containers(self, atlas: AtlasClient, containers: Containers) -> EntryContainers:
        list_clusters = None
        if self._params["state"] == "absent" and self._params["remove_container"]:
            # The users of a container matter only where one is removed.
            from .._resources.clusters import Clusters

            list_clusters = Clusters(atlas, self._project).list_clusters
        peers = partial(VpcPeers, atlas, self._project)
        return EntryContainers(self._context, self._entries, self._path, containers, peers, list_clusters)

    def _peers(self, atlas: AtlasClient, containers: Containers) -> EntryPeers:
        is_absent = self._params["state"] == "absent"
        # With state absent, connections with other clouds may need the same entries of the access list.
        declared = {cloud.name for cloud in self._params["clouds"]} or {AWS.name}
        names = CLOUDS if is_absent else declared | ({AWS.name} if self._params["prune"] else set())
        lists = {name: VpcPeers(atlas, self._project, CLOUDS[name]) for name in CLOUDS if name in names}
        params = {**self._params, "base_url": atlas.settings.base_url}
        given = (params, self._entries, lists, containers, self._context, self._path, self._decide)
        lanes = (("Atlas", int(self._params["parallel"])),)
        stages = PeerStages(REQUESTS, (REQUESTS,), (ACTING, AVAILABLE), lanes, frees_places=True)
        if is_absent:
            stages = PeerStages(CONNECTIONS, (), (CONNECTIONS,), lanes)
        reader: PathPeers = (RemovedPeers if is_absent else DeclaredPeers)(*given)
        return EntryPeers(self._context, reader, self._path, lists, stages)

    def in_clouds(self, containers: Containers | None, reader: PathPeers | None) -> t.Iterator[AnyPathSide]:
        """Yield the sides of the clouds. Their files are read where the list has the cloud, and the task does its half."""
        entries = grouped([(entry.provider.name, entry) for entry in self._entries if entry.has_half])
        if AWS.name in entries:
            from .entry_aws import AwsNetworks, EntryAws

            list_peers = None if reader is None else reader.lists.with_cloud(AWS).list_peers
            given = (self._context, entries[AWS.name], self._path, self._session.aws, partial(_replaced, reader))
            yield EntryAws(self._context, self._path, AwsNetworks(*given), list_peers, self._restart)
        for cloud in self._params["clouds"]:
            if cloud is not AWS and cloud.name in entries:
                make = _CLOUD_SIDES[cloud.switch]
                self._clouds[cloud.name] = side = make(self._context, entries[cloud.name], self._path, self._session, containers)
                yield side

    def _pruned(self, removals: PeerRemovals) -> PrunedLeftovers:
        from .entry_pruned import PrunedLeftovers, PrunedRoutes

        routes = PrunedRoutes(self._params, self._entries, self._session.aws)
        removers = {name: t.cast("Remover", side.pruned) for name, side in self._clouds.items()}
        return PrunedLeftovers(self._context, self._path, removals, routes, removers)

    def _access(
        self, atlas: AtlasClient, removals: PeerRemovals, pruned: PrunedLeftovers | None, reader: PathPeers
    ) -> EntryAccess:
        turn = partial(self._turn_of, (atlas.settings.base_url, self._project))
        unlisted = sorted(CLOUDS.keys() - reader.lists.names)
        others = {name: VpcPeers(atlas, self._project, CLOUDS[name]).list_peers for name in unlisted}
        sources = (AccessList(atlas, self._project), removals, pruned, others, self._read_blocks, turn)
        return EntryAccess(self._context, self._entries, self._path, *sources)

    def _read_blocks(self, network: Fields) -> t.Mapping[str, t.Sequence[str]]:
        """Return the blocks of the clients of a network on AZURE or GCP, or of all networks of its project, by name.

        Raises:
            TaskError: If they cannot be read.
        """
        cloud = cloud_of(network)
        if not self._params[cloud.switch]:
            raise TaskError(f"{cloud.switch} is false.")
        if any(network[name] is None for name in cloud.names or cloud.identity):
            raise TaskError("Atlas does not report which network it is.")
        side = self._clouds.get(cloud.name) or _CLOUD_SIDES[cloud.switch](self._context, (), PathState(), self._session, None)
        return side.reader.read_blocks(network)


def _make_azure(
    context: Context, entries: t.Sequence[PeerEntry], path: PathState, session: CheckSession, containers: Containers | None
) -> AzureEntries:
    from .azure_entries import AzureEntries

    return AzureEntries(context, entries, path, session)


def _make_gcp(
    context: Context, entries: t.Sequence[PeerEntry], path: PathState, session: CheckSession, containers: Containers | None
) -> GcpEntries:
    from .gcp_entries import GcpEntries

    return GcpEntries(context, entries, path, session, containers)


# Makes the side of a cloud other than AWS, by the option for the customer's half there.
_CLOUD_SIDES: t.Mapping[str, t.Callable[..., AzureEntries | GcpEntries]] = {"azure": _make_azure, "gcp": _make_gcp}


def _replaced(reader: PathPeers | None) -> t.Collection[str]:
    """Return the keys of entries whose connection in Atlas the task replaces, or has replaced."""
    planned = {} if reader is None else reader.first_changes
    return {key for key, change in planned.items() if change.verb == "recreate"}


class StageSide(Side[None]):
    """The stages of a list, each an owner: for the lines of progress, one lasts until no side sends or waits for anything in it.

    Args:
        context: What all sides share.
        stages: The stages, in order.
        sides: All sides of the list.
    """

    name = "path"

    def __init__(self, context: Context, stages: t.Sequence[str], sides: t.Sequence[AnyPathSide]) -> None:
        super().__init__(context, ())
        self._sides = sides
        self.states.update(dict.fromkeys(stages))

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask nothing."""
        return ()

    def observe(self, replies: Replies) -> t.Mapping[Owner, None]:
        """Return nothing new."""
        return {}

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Return what a stage waits for."""
        is_over = not self.context.running and all(side.is_settled() for side in self._sides)
        return None if is_over or owner != self.context.stage else Waiting(self.context.stage, ends_with_steps=True)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a stage; what it waits for has its own errors."""
        return TaskError(f"The time was up before {owner}.")


class PathPlans:
    """The sides of a list with their plans as one, and its effects.

    Args:
        params: The options.
        context: What the sides share.
        stages: The stages, in order.
        say: Turns warnings about entries into sentences.
        make: Makes what makes the sides.

    Attributes:
        state: What is known of all sides.
        sides: The sides, in the order of their plans.
        last: The last plan, of the remaining changes.
    """

    def __init__(
        self,
        params: Parameters,
        context: Context,
        stages: t.Sequence[str],
        say: t.Callable[[t.Iterable[EntryWarning]], list[str]],
        make: t.Callable[[PathState, t.Callable[[], Plan]], PathSides],
    ) -> None:
        self._params, self._context = params, context
        self._entries: dict[str, PeerEntry] = {entry.key: entry for entry in params["connections"]}
        self._say, self.state = say, PathState(done=context.done, failures=context.failures)
        # The sides refer to this object by a proxy: with a cycle, Python would keep the state of each item of a loop for a while.
        decide = partial(PathPlans.decide, weakref.proxy(self))
        self._sides: dict[str, AnyPathSide] = {side.name: side for side in make(self.state, decide).make()}
        self.sides: tuple[AnySide, ...] = (*self._sides.values(), StageSide(context, stages, [*self._sides.values()]))
        self.last = Plan()
        # The plan of each side, for predictions and for the engine; and the changes that are predicted to fail.
        self._plans: dict[str, Plan] = {}
        self._failing: set[t.Hashable] = set()

    def decide(self) -> Plan:
        """Plan what is left to do on all sides."""
        with self.state.kept():
            self.last = self._decide()
        return self.last

    def _decide(self) -> Plan:
        plans: dict[str, Plan] = {}
        for name, side in self._sides.items():
            plans[name] = side.plan_list()
            if name == EntryContainers.name:
                # All other sides plan with the future containers, which have no ids yet.
                side.assume(plans[name])
            for owner, error in plans[name].failures.items():
                # An owner that has failed already is stopped on the other sides.
                self.state.fail(owner, "plan", error)
        # The first side that refuses an entry gives the reason.
        failures = joined([*plans.values()]).failures
        # A failed entry is stopped on all sides.
        self._plans = plans = {name: without(failures, plan) for name, plan in plans.items()}
        whole = joined([*plans.values()])
        # If cidr_block is not set, AWS's error comes first: the VPC may not exist.
        in_aws = plans.get(AWS.switch, Plan()).refusals
        first = {key: error for key, error in in_aws.items() if self._entries[key].params["cidr_block"] is None}
        # The other sides have the steps.
        warnings = (*whole.warnings, *self._say(whole.entry_warnings))
        return replace(whole, steps=(), warnings=warnings, refusals={**whole.refusals, **first})

    def plans(self) -> t.Iterator[tuple[AnySide, Plan]]:
        """Yield the plan of all sides as that of the stages, and the steps of each other side."""
        plan = self.decide()
        if self._params["plan_file"]:
            plan = replace(plan, refusals={**plan.refusals, **self._without_block(plan)})
        *sides, stages = self.sides
        yield stages, plan
        for side in sides:
            steps = self.steps_of(side.name)
            self._sides[side.name].take_steps(steps)
            yield side, Plan(steps=steps)

    def steps_of(self, side: str) -> tuple[Step, ...]:
        """Return the steps of the last plan that a side sends."""
        return tuple(step for name, plan in self._plans.items() for step in plan.steps if (step.side or name) == side)

    def _without_block(self, plan: Plan) -> dict[str, TaskError]:
        """Return errors of entries whose new container gets a block that Atlas chooses: its routes cannot be reviewed."""
        # Only this failure needs it.
        from .._values.free_blocks import suggest_blocks

        errors, state, entries = dict[str, TaskError](), self.state, self._entries.values()
        steps = {key: step for step in self.steps_of(EntryContainers.name) for key in step.keys}
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
            keys = self.entries_of(EntryContainers.name, steps[change.key].owner, steps[change.key])
            errors.update({key: self._entries[key].named(error) for key in self._entries if key in keys})
        return errors

    def predict(self) -> None:
        """Assume the state after the plans of all sides, without the steps that are predicted to fail."""
        failures = {owner: Failure("plan", error) for owner, error in self.last.failures.items()}
        self.state.failures = {**failures, **self.state.failures}
        for name, side in self._sides.items():
            side.assume(self._plans[name])
        for name, side in self._sides.items():
            for step in self._plans[name].steps:
                # A container that others use stays.
                entries = side.entries_of(step.owner, step)
                self._failing.update(step.keys if entries and self.state.failures.keys() >= {*entries} else ())

    def is_predicted(self, step: Step) -> bool:
        """Return whether a step is predicted to take effect."""
        return not self._failing.issuperset(step.keys)

    def take(self, side: str, owner: Owner) -> None:
        """Let a side take what the engine has read or changed of it."""
        if side in self._sides:
            self._sides[side].take(owner)

    # Failures.

    def entries_of(self, side: str, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entry or pruned connection of a step, or the entries of a container or of another side's owner."""
        return self._sides[side].entries_of(owner, step) if side in self._sides else ()

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Let all sides know of a failure, which stops an entry.

        Args:
            side: The side that has failed.
            entry: The key of an entry or the id of a pruned connection, or a placeholder for something of several entries.
            step: The step that has failed; None without one.
            error: The error.
        """
        own = self._entries.get(entry)
        if side in self._sides and not self._context.stage:
            # A first read, without which nothing is planned.
            return Failure("read", error if own is None else own.named(error))
        word, error = self._sides[side].failed(entry, step, error) if side in self._sides else ("plan", error)
        # A step shared by entries keeps its own failure.
        failure = Failure(word, error if own is None else own.named(error))
        before = self.state.failures
        self.state.fail(entry, *failure)
        for one in self._sides.values():
            one.record_failure(entry, word, error)
        self.state.failures = before
        return failure

    def when_stopped(self, done: t.Iterable[Step]) -> PathState:
        """Return the state of a stopped run, in which changes that have begun and have not ended count as failed."""
        for step in done:
            side, error = self._sides[step.side], TaskError("The task was stopped before its end.", outcome_unknown=True)
            for entry in filter(side.is_begun, side.entries_of(step.owner, step)):
                self.state.fail(entry, step.keys[0].step, error)
        return self.state
