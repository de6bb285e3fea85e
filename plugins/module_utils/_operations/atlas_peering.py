# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_peering does: both sides of all connections of a list, in one plan, whatever their clouds are."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._api.client import AtlasClient
from .._auth import clients
from .._check.session import CheckSession, connect
from .._clouds.aws import AWS
from .._clouds.cloud import CLOUDS, Cloud, Fields, cloud_of, fields_of
from .._engine.libraries import find_library
from .._engine.operation import Library
from .._engine.options import Parameters, name_project
from .._engine.plan import Plan, Step
from .._engine.set_operation import SetOperation
from .._engine.side import Failure
from .._http import tls
from .._http.errors import TaskError
from .._http.pauses import Clock, Sleep, stoppable_sleep
from .._path import options
from .._path.access_part import AccessPart
from .._path.container_part import ContainerPart
from .._path.entries import PathEntry, ignored_options
from .._path.leaving import Leaving
from .._path.part import Common, PathPart, task_of, without
from .._path.path_state import ABSENT, PRESENT, PathState, What
from .._path.path_summary import PathSummary
from .._path.peer_part import PeerPart, PeerRemovalPart
from .._path.stages import PathConvergence, PathGate, PathWaiter
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .atlas import choose_project, read_all, warn_of_connection, with_projects

if t.TYPE_CHECKING:
    # Each file that is read costs time at the start of a task: these are for tasks that have something to do with them.
    from .._path.azure import AzurePart
    from .._path.gcp import GcpPart
    from .._path.pruned import Cleaner
    from .._path.pruned_routes import PrunedRoutes
    from .atlas_access_list import AtlasAccessList
    from .atlas_network_container import AtlasNetworkContainer

# What can't be read refuses the whole list.
_READ = "read"


class AtlasPeering(SetOperation[CheckSession, PathState]):
    """Connects networks with Atlas, or disconnects them: both sides, and all that belongs to it."""

    argument_spec = options.PATH_SPEC
    libraries = clients.LIBRARIES
    connect = staticmethod(connect)
    noun = "peering"
    nothing: t.ClassVar[t.Mapping[str, t.Any]] = {"peering": None, "failures": [], "summary": None}
    convergence = PathConvergence
    # Each part also limits its own.
    threads = 64

    def __init__(self, params: Parameters, session: CheckSession, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self._entries = params["connections"]
        self._by_key = {entry.key: entry for entry in self._entries}
        self.stages: t.Sequence[str] = PRESENT if params["state"] == "present" else ABSENT
        self.summary: PathSummary = PathSummary(params, self._entries)
        self._begin()

    def _begin(self) -> None:
        """Make the parts, which have read nothing yet."""
        self._parts: dict[str, PathPart] = {}
        for part in self._make_parts():
            self._parts[part.name] = part
        # The plan of each part, for predictions.
        self._plans: dict[str, Plan] = {}
        self.gate: PathGate = PathGate(self._parts, self.stages)
        self.waiter: PathWaiter = PathWaiter([*self._parts.values()])

    def _make_parts(self) -> t.Iterator[PathPart]:
        """Yield the parts that the list needs, in the order of their plans."""
        atlas = self.session.atlas
        if atlas is not None:
            yield from self._make_atlas_parts(atlas)
        yield from self._make_cloud_parts(None if atlas is None else Containers(atlas, self.params["group_id"]))
        if atlas is not None:
            yield from self._make_last_parts(atlas)

    def _common(self, entries: t.Sequence[PathEntry]) -> Common:
        return Common(self.params, entries, self.clock, stoppable_sleep)

    def _make_atlas_parts(self, atlas: AtlasClient) -> t.Iterator[PathPart]:
        """Yield the parts for network containers and connections in Atlas."""
        params = {**self.params, "base_url": atlas.settings.base_url}
        common, containers = self._common(self._entries)._replace(params=params), Containers(atlas, params["group_id"])
        is_absent = params["state"] == "absent"
        make, list_clusters = partial(_make_container, atlas, self.clock), None
        if is_absent and params["remove_container"]:
            # Only where a container is removed does it matter what uses it.
            from .._resources.clusters import Clusters

            list_clusters = Clusters(atlas, params["group_id"]).list_clusters
        yield ContainerPart(common, containers, make, list_clusters)
        # With state absent, connections with other clouds may need the same entries of the access list.
        declared = {cloud.name for cloud in params["clouds"]} or {AWS.name}
        names = CLOUDS if is_absent else declared | ({AWS.name} if params["prune"] else set())
        peers = {name: VpcPeers(atlas, params["group_id"], CLOUDS[name]) for name in CLOUDS if name in names}
        part = PeerRemovalPart if is_absent else PeerPart
        yield part(common, peers, containers)

    def _make_last_parts(self, atlas: AtlasClient) -> t.Iterator[PathPart]:
        """Yield the parts for what pruned connections leave, and for the access list: those of the clouds are known."""
        params, parts, common = self.params, self._parts, self._common(self._entries)
        leaving = Leaving(t.cast(PeerPart, parts[PeerPart.name]).leaving, self._foresee)
        pruned = None
        if params["prune"]:
            from .._path.pruned import PrunedPart

            others = [cloud for cloud in params["clouds"] if cloud is not AWS and cloud.half[0] in parts]
            cleaners = {cloud.name: t.cast("Cleaner", parts[cloud.half[0]]) for cloud in others}
            pruned = PrunedPart(common, leaving, self._make_routes(), cleaners)
            yield pruned
        if params["access_list"]:
            turn = partial(_turn_of, (atlas.settings.base_url, params["group_id"]))
            unlisted = CLOUDS.keys() - t.cast(PeerPart, parts[PeerPart.name]).clouds
            yield AccessPart(common, atlas, _make_access_list, leaving, pruned, turn, sorted(unlisted), self._read_blocks)

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
        part = self._parts.get(cloud.half[0]) or self._make_cloud_part(cloud, ())
        return t.cast("AzurePart | GcpPart", part).read_blocks(network)

    def _make_routes(self) -> PrunedRoutes | None:
        """Return what finds the routes to pruned connections; None if the task leaves AWS alone."""
        if not self.params["aws"]:
            return None
        from .._path.pruned_routes import PrunedRoutes

        return PrunedRoutes(self.params, self._entries, self.session.aws)

    def _foresee(self, state: PathState) -> PathState:
        """Return the state with the network containers as they will be."""
        part = self._parts[ContainerPart.name]
        return part.predict(state, part.plan(state)) if self.params["state"] == "present" else state

    def _make_cloud_parts(self, containers: Containers | None) -> t.Iterator[PathPart]:
        """Yield the parts for the clouds. Their files are read where the list has the cloud, and the task does its half."""
        halves: dict[str, list[PathEntry]] = {}
        for entry in self._entries:
            if entry.has_half:
                halves.setdefault(entry.provider.name, []).append(entry)
        if halves.get(AWS.name):
            from .._path.aws import AwsPart
            from .atlas_vpc_peer_accepter import AtlasVpcPeerAccepter

            yield AwsPart(self._common(halves[AWS.name]), self.session.aws, AtlasVpcPeerAccepter, self._replaced)
        for cloud in self.params["clouds"]:
            if cloud is not AWS and halves.get(cloud.name):
                yield self._make_cloud_part(cloud, halves[cloud.name], containers)

    def _make_cloud_part(
        self, cloud: Cloud, entries: t.Sequence[PathEntry], containers: Containers | None = None
    ) -> AzurePart | GcpPart:
        """Return the part for AZURE or GCP."""
        if cloud.role_codes:
            from .._path.azure import AzurePart
            from .atlas_azure_role import AtlasAzureRole

            return AzurePart(self._common(entries), self.session, AtlasAzureRole)
        from .._path.gcp import GcpPart
        from .atlas_gcp_peering import AtlasGcpPeering

        return GcpPart(self._common(entries), self.session, containers, AtlasGcpPeering)

    def _replaced(self) -> t.Collection[str]:
        """Return the keys of entries whose connection in Atlas the task replaces, or has replaced."""
        peers = self._parts.get(PeerPart.name)
        return peers.replaced if isinstance(peers, PeerPart) else ()

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
        tls.preload()

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

    @property
    def name(self) -> str:
        """The project, for the user."""
        return name_project(self.params) or "the connections"

    def look(self) -> PathState:
        """Read both sides, side by side; again, once, if another run has meanwhile requested what is in the way here."""
        state = self._look()
        if self._is_overtaken(state):
            self._begin()
            state = self._look()
        return state

    def _is_overtaken(self, state: PathState) -> bool:
        """Whether Atlas's list, read once more, has a connection in the way that it did not have before AWS was read."""
        unlisted = {id_ for part in self._parts.values() for id_ in part.find_unlisted(state)}
        atlas = self.session.atlas if unlisted and not state.failures else None
        if atlas is None:
            return False
        listed = VpcPeers(atlas, self.params["group_id"], AWS).list_peers()
        return any(fields_of(peer)["connection_id"] in unlisted for peer in listed)

    def _look(self) -> PathState:
        """Read both sides, side by side. What could not be read is a failure of its entries."""
        state, calls = PathState(stage=self.stages[0]), {name: part.reads() for name, part in self._parts.items()}
        answers: dict[str, dict[t.Any, t.Any]] = {name: {} for name in self._parts}
        while True:
            found = read_all(
                self.session, self.params, {(name, key): call for name, own in calls.items() for key, call in own.items()}
            )
            for (name, key), answer in found.items():
                answers[name][key] = answer
                if isinstance(answer, TaskError):
                    for owner in self._parts[name].owners(key):
                        entry = self._by_key.get(owner)
                        state = state.with_failure(owner, _READ, answer if entry is None else entry.named(answer))
            if state.failures:
                return state
            for name, part in self._parts.items():
                state = part.begin(answers[name], state)
            calls = {name: part.reads_more(state) for name, part in self._parts.items()}
            if not any(calls.values()):
                return state

    def look_again(self, state: PathState) -> PathState:
        """Read again what an unclear reply leaves open."""
        for part in self._parts.values():
            state = part.look_again(state)
        return state

    def decide(self, state: PathState) -> Plan:
        """Plan both sides of all entries."""
        unread = {owner: failure.error for owner, failure in state.failures.items() if failure.step == _READ}
        if unread:
            return Plan(refusals=unread)
        plans: dict[str, Plan] = {}
        for name, part in self._parts.items():
            plans[name] = part.plan(state)
            if name == ContainerPart.name:
                # All other parts plan with the containers as they will be, which have no ids yet.
                state = part.predict(state, plans[name])
            for owner, error in plans[name].failures.items():
                # What has failed already goes no further on the other sides.
                state = state.with_failure(owner, "plan", error)
        failures: dict[str, TaskError] = {}
        refusals: dict[str, TaskError] = {}
        for plan in reversed(plans.values()):
            # The first part that refuses an entry says why.
            failures.update(plan.failures)
            refusals.update(plan.refusals)
        # Of a VPC whose block the entry leaves open, AWS says first what is wrong: it may not know the VPC.
        in_aws = plans.get(AWS.half[0], Plan()).refusals
        refusals.update({key: error for key, error in in_aws.items() if self._by_key[key].params["cidr_block"] is None})
        # An entry that has failed goes no further, on no side.
        self._plans = plans = {name: without(failures, plan) for name, plan in plans.items()}
        return Plan(
            tuple(change for plan in plans.values() for change in plan.changes),
            tuple(step for plan in plans.values() for step in plan.steps),
            tuple(dict.fromkeys(warning for plan in plans.values() for warning in plan.warnings)),
            failures,
            refusals,
            notes=tuple(note for plan in plans.values() for note in plan.notes),
            consequences=tuple(one for plan in plans.values() for one in plan.consequences),
        )

    def must_plan_again(self, state: PathState) -> bool:
        """Whether containers were made or changed, by this task or by others at the same time."""
        return bool(self._plans.get(ContainerPart.name, Plan()).steps)

    def line(self, state: PathState, plan: Plan) -> str:
        """Return the plan in one line, counted by connection and by side."""
        return self.summary.line(plan)

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state after the plans of all parts."""
        failures = {owner: Failure("plan", error) for owner, error in plan.failures.items()}
        state = replace(state, failures={**failures, **state.failures})
        for name, part in self._parts.items():
            state = part.predict(state, self._plans[name])
        # What is known to fail will not be done.
        return state.with_done(change for change in plan.changes if change.key not in state.failures)

    def show(self, state: PathState, plan: Plan) -> dict[str, t.Any]:
        """Show both sides of each entry, what was done, and what is left."""
        return self.summary.show(state, plan)

    def send(self, step: Step, state: PathState) -> t.Any:
        """Send a step."""
        return self._parts[task_of(step).part].send(step, state)

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state after a step took effect."""
        return self._parts[task_of(step).part].record(step, reply, state)

    def explain(self, step: Step, error: TaskError, state: PathState) -> TaskError:
        """Return the error to show for a failed step."""
        return self._parts[task_of(step).part].explain(step, error, state)

    def give_up(self, keys: t.Iterable[str], error: TaskError, state: PathState) -> PathState:
        """Return the state after steps of entries have failed."""
        for what in map(What.of, keys):
            entry = self._by_key.get(what.owner)
            # Of what is for several entries, each failure is one of its own.
            state = state.with_failure(what.owner or what.key, what.step, error if entry is None else entry.named(error))
            for part in self._parts.values():
                state = part.record_failure(what, error, state)
        return state


def _turn_of(identity: t.Sequence[str], patience: float, sleep: Sleep) -> t.ContextManager[bool]:
    from .._auth.private_folder import turn_of

    return turn_of(identity, patience, sleep)


def _make_access_list(params: Parameters, atlas: AtlasClient, clock: Clock) -> AtlasAccessList:
    from .atlas_access_list import AtlasAccessList

    return AtlasAccessList(params, atlas, clock)


def _make_container(atlas: AtlasClient, clock: Clock, params: Parameters) -> AtlasNetworkContainer:
    from .atlas_network_container import AtlasNetworkContainer

    return AtlasNetworkContainer(params, atlas, clock)


OPERATION = AtlasPeering
