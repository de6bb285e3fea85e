# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network containers of the entries: which one each has, their creation and change, and their removal."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import BLOCK, CLOUDS, REGION, REGIONS, Cloud, Peer, fields_of, identity_of, is_failed, is_leaving
from .._containers import ContainerPlanner, ContainerState, in_use
from .._engine.operation import ModuleBase
from .._engine.options import Parameters
from .._engine.plan import Change, Facts, Plan, Step
from .._http.errors import InvalidOptionError, TaskError
from .._peering.container_choice import connected_elsewhere, on_other_cloud
from .._resources.containers import Container, Containers, container_cloud, describe, is_in_region
from .._resources.peers import describe_users
from .entries import PathEntry
from .part import Answers, Common, PathPart, task_of
from .path_state import CONTAINERS, PathState, Task, What

if t.TYPE_CHECKING:
    # Read only where a container is removed.
    from .._resources.clusters import Cluster

_KIND, _CLUSTERS = "container", "clusters"
_WAY_OUT = "or set remove_container to false"
_Errors = dict[str, TaskError]


class ContainerTask(t.NamedTuple):
    """What is done with a container.

    Attributes:
        fields: The options of the Operation on it, as pairs.
        keys: The keys of the entries whose container it is.
        container_id: Its id; None for a new one.
    """

    fields: tuple[tuple[str, t.Any], ...]
    keys: tuple[str, ...]
    container_id: str | None


class _Group(t.NamedTuple):
    """A container, or one to make (None), its region (None if a project has one on the cloud), and its entries."""

    cloud: Cloud
    container: Container | None
    region: str | None
    entries: list[PathEntry]

    @property
    def name(self) -> str:
        """Its region, or its cloud if a project has one there: its name for users."""
        return self.cloud.name if self.region is None else self.cloud.regions.to_cloud(self.region)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the entries."""
        return tuple(entry.key for entry in self.entries)


class ContainerPart(PathPart):
    """The network containers.

    Args:
        common: What all parts get.
        containers: The containers of the project.
        operation: Makes the front of one container of its options; it runs in threads.
        list_clusters: Lists the clusters of the project, which keep a container from being removed; None if none is removed.
    """

    name = "containers"

    def __init__(
        self,
        common: Common,
        containers: Containers,
        operation: t.Callable[[Parameters], ModuleBase[t.Any]],
        list_clusters: t.Callable[[], list[Cluster]] | None,
    ) -> None:
        super().__init__(common)
        self._entries = common.entries
        self._containers = containers
        self._list_clusters = list_clusters
        self._clusters: t.Sequence[Cluster] = ()
        self._operation = operation

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read the containers of all clouds in one list and, with `remove_container`, the clusters."""
        clusters = {} if self._list_clusters is None else {_CLUSTERS: self._list_clusters}
        return {_KIND: self._containers.list_all_containers, **clusters}

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Keep the containers. Which one each entry has depends on the connections, too: see `with_homes`."""
        self._clusters = answers.get(_CLUSTERS, ())
        return replace(state, containers=tuple(answers[_KIND]))

    def plan(self, state: PathState) -> Plan:
        """Plan the containers that are missing or differ or, with state absent, those to remove."""
        if self._is_absent:
            return self._plan_absent(state)
        groups, refusals = self._groups(state)
        listed, plans = [*state.containers], list[Plan]()
        for group in groups:
            try:
                plan = self._plan_group(group, listed, state.peers.listed)
            except TaskError as error:
                refusals.update({entry.key: entry.named(error) for entry in group.entries})
                continue
            plans.append(plan)
            listed += [t.cast(Container, change.after) for change in plan.changes if change.before is None]
        changes = tuple(change for plan in plans for change in plan.changes)
        steps = tuple(step for plan in plans for step in plan.steps)
        return Plan(changes, steps, self._warn_of_others(groups, state), refusals=refusals)

    def _warn_of_others(self, groups: t.Iterable[_Group], state: PathState) -> tuple[str, ...]:
        """Return a warning for each entry whose region has no container, and whose network is connected in another region."""
        found = []
        live: dict[tuple[str | None, ...], list[Peer]] = {}
        for one in state.peers.listed:
            if not is_leaving(one):
                live.setdefault(identity_of(fields_of(one)), []).append(one)
        for group in groups:
            if group.container is not None or group.region is None:
                continue
            for entry in group.entries:
                own = live.get(entry.identity)
                if own:
                    text = connected_elsewhere(self._params["group_id"], group.cloud, group.region, own, state.containers)
                    found.append(entry.named(TaskError(text)).message)
        return tuple(found)

    def _groups(self, state: PathState) -> tuple[list[_Group], _Errors]:
        """Return the containers of the entries that have not failed, and the errors of entries whose container is unclear."""
        groups: dict[t.Any, _Group] = {}
        errors: _Errors = {}
        for entry in self._entries:
            if entry.key in state.failures:
                continue
            try:
                home = state.homes.get(entry.key) or find_home(entry, state)
            except TaskError as error:
                errors[entry.key] = entry.named(error)
                continue
            cloud = entry.provider
            region = entry.params["container_region"] if home is None else home.get(REGION)
            place = (cloud.name, region) if home is None else home["id"]
            groups.setdefault(place, _Group(cloud, home, region, [])).entries.append(entry)
        return [*groups.values()], errors

    def _plan_group(self, group: _Group, listed: t.Sequence[Container], peers: t.Sequence[Peer]) -> Plan:
        cloud, container = group.cloud, group.container
        wanted = {BLOCK: _only("container_cidr_block", group), REGIONS: _only("container_regions", group)}
        fields = {"provider_name": cloud.name, REGION: group.region, **wanted, "state": "present"}
        planner = ContainerPlanner({**fields, "wait": True, "group_id": self._params["group_id"]}, cloud)
        current = ContainerState(container, tuple(one for one in listed if _is_on(cloud, one)))
        plan = planner.plan_present(current, Facts(lambda container_id: describe_users(peers, container_id)))
        if not plan.changes:
            return plan
        action = "create" if container is None else "change"
        return self._to_plan(group, plan.changes[0], What("", _KIND, "Atlas", action, _KIND, group.name), fields)

    def _plan_absent(self, state: PathState) -> Plan:
        groups, refusals = self._groups(state)
        plans, there = list[Plan](), {one["id"] for one in state.containers}
        for group in groups:
            container = group.container
            if not self._params["remove_container"] or container is None or container["id"] not in there:
                continue
            if not any(is_known(entry, container, state) for entry in group.entries):
                continue
            clusters = self._find_clusters(group)
            if clusters:
                error = in_use("removed", container, clusters, _WAY_OUT)
                refusals.update({entry.key: entry.named(error) for entry in group.entries})
                continue
            leaving = {entry.identity for entry in group.entries}
            others = [one for one in state.peers.listed if one["container_id"] == container["id"] and not is_leaving(one)]
            # It is no use to wait for connections that are not in the list, failed ones included.
            waits = all(identity_of(fields_of(one)) in leaving for one in others)
            fields = {"provider_name": group.cloud.name, REGION: group.region, REGIONS: None, BLOCK: None, "state": "absent"}
            change = Change("delete", "", container, None)
            what = What("", "remove", "Atlas", "delete", _KIND, group.name)
            plans.append(self._to_plan(group, change, what, {**fields, "wait": waits}))
        changes = tuple(change for plan in plans for change in plan.changes)
        steps = tuple(step for plan in plans for step in plan.steps)
        return Plan(changes, steps, self._warn_of_others(groups, state), refusals=refusals)

    def _find_clusters(self, group: _Group) -> list[str]:
        """Return the clusters with nodes in a container, in words. Those that are being removed are waited for."""
        from .._resources.clusters import LEAVING, has_nodes_at

        staying = [one for one in self._clusters if one["state_name"] != LEAVING]
        there = [one for one in staying if any(has_nodes_at(each, group.region, group.cloud) for each in one["regions"])]
        return [f"cluster {one['name']}" for one in there]

    def _to_plan(self, group: _Group, change: Change, what: What, fields: Parameters) -> Plan:
        container_id = None if group.container is None else group.container["id"]
        request = ContainerTask(tuple(fields.items()), group.keys, container_id)
        action = t.cast(t.Literal["create", "update", "delete"], change.action)
        step = Step(action, Task(self.name, CONTAINERS, "", request), (what.key,), is_run=True)
        return Plan((change._replace(key=what.key),), (step,))

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state with the containers as they will be; a new one has no id. One that others use fails."""
        changes = {change.key: change for change in plan.changes}
        for step in plan.steps:
            error = self._find_users(step, state) if self._is_absent else None
            if error is None:
                state = self._changed(step, t.cast("Container | None", changes[step.keys[0]].after), state)
            else:
                state = state.with_failure(step.keys[0], What.of(step.keys[0]).step, error)
        return state

    def _find_users(self, step: Step, state: PathState) -> TaskError | None:
        """Return the error of a removal because of connections that the list does not have; None if there are none."""
        request: ContainerTask = task_of(step).request
        fields = dict(request.fields)
        container = next(one for one in state.containers if one["id"] == request.container_id)
        leaving = {entry.identity for entry in self._entries if entry.key in request.keys}
        staying = [one for one in state.peers.listed if identity_of(fields_of(one)) not in leaving]
        users = describe_users(staying, container["id"])
        planner = ContainerPlanner({**fields, "group_id": self._params["group_id"]}, CLOUDS[fields["provider_name"]])
        try:
            planner.plan_absent(ContainerState(container, (), users))
        except TaskError as error:
            return self.explain(step, error, state)
        return None

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return True; a container whose connections stay is not removed.

        Raises:
            TaskError: If the plan removes it, and the connection of an entry stays in it.
        """
        request: ContainerTask = task_of(step).request
        failed = [entry.title for entry in self._entries if entry.key in request.keys and entry.key in state.failures]
        if failed and self._is_absent:
            name = What.of(step.keys[0]).name
            raise TaskError(
                f"Network container {request.container_id} ({name}) stays, because {' and '.join(failed)} could not be removed."
            )
        return True

    def send(self, step: Step, state: PathState) -> t.Any:
        """Make, change or remove a container, as the module for one does."""
        request: ContainerTask = task_of(step).request
        fields = dict(request.fields)
        listed = tuple(one for one in state.containers if _provider(one) == fields["provider_name"])
        container = next((one for one in listed if one["id"] == request.container_id), None)
        users = describe_users(state.peers.listed, container["id"]) if self._is_absent and container is not None else ()
        operation = self._operation({"wait": True, **self._params, **fields})
        known = ContainerState(container, listed, users)
        return self._run_to_end(operation, known)

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state with the container, which its entries now have; or without it."""
        what, request = What.of(step.keys[0]), task_of(step).request
        before = next((one for one in state.containers if one["id"] == request.container_id), None)
        container = t.cast(ContainerState, reply.state).container
        change = Change(step.action, what.key, before, container)
        # Others may have done it at the same time.
        return self._changed(step, container, state).with_done([change] if reply.has_changed else [])

    def _changed(self, step: Step, container: Container | None, state: PathState) -> PathState:
        request: ContainerTask = task_of(step).request
        others = tuple(one for one in state.containers if one["id"] is None or one["id"] != request.container_id)
        if container is None:
            # Entries are shown with the container that they had.
            return replace(state, containers=others)
        homes = {**state.homes, **dict.fromkeys(request.keys, container)}
        return replace(state, containers=(*others, container), homes=homes)

    def explain(self, step: Step, error: TaskError, state: PathState) -> TaskError:
        """Return the error; one about a container that is in use says what is done, and names the option of this task."""
        hint = error.hint or ""
        if not self._is_absent or not hint.startswith("Remove what uses it"):
            return error
        way_out = f"Remove what uses it, {_WAY_OUT}." if "wait_timeout" not in hint else f"{hint} {_WAY_OUT.capitalize()}."
        return error.with_message(f"{error.message} It stays; the list's connections to it are removed.").with_hint(way_out)

    def record_failure(self, what: What, error: TaskError, state: PathState) -> PathState:
        """Return the state with a container that could not be made or changed as a failure of its entries alone."""
        if what.kind != _KIND or what.action == "delete":
            return state
        failures = {owner: one for owner, one in state.failures.items() if one.error is not error}
        state = replace(state, failures=failures)
        for entry in self._entries:
            if self._makes(what, entry, state):
                state = state.with_failure(entry.key, _KIND, entry.named(error))
        return state

    def _makes(self, what: What, entry: PathEntry, state: PathState) -> bool:
        """Whether the container that a change is about is that of an entry."""
        home = state.homes.get(entry.key)
        region = entry.params["container_region"] if home is None else home.get(REGION)
        return (home is None) == (what.action == "create") and what.name == _Group(entry.provider, home, region, []).name


def with_homes(entries: t.Iterable[PathEntry], state: PathState) -> PathState:
    """Return the state with the container of each entry, as far as there is one. Entries that have one keep it."""
    homes = dict(state.homes)
    for entry in entries:
        try:
            home = None if entry.key in homes else find_home(entry, state)
        except TaskError:
            # The plan refuses the entry.
            continue
        if home is not None:
            homes[entry.key] = home
    return replace(state, homes=homes)


def with_containers(containers: t.Iterable[Container], state: PathState) -> PathState:
    """Return the state with containers that have been read again."""
    by_id = {one["id"]: one for one in containers}
    homes = {key: by_id.get(home["id"], home) for key, home in state.homes.items()}
    return replace(state, containers=tuple(by_id.values()), homes=homes)


def find_home(entry: PathEntry, state: PathState) -> Container | None:
    """Return the container of an entry: what its options name, or that of its connection, or the only one on its cloud.

    Args:
        entry: The entry.
        state: The containers and connections of the project.

    Returns:
        The container; None if it has to be made or, with state absent, if there is none.

    Raises:
        TaskError: If it is unclear; the message names the option that says which one is meant.
    """
    cloud, params, is_absent = entry.provider, entry.params, entry.task["state"] == "absent"
    own = [one for one in state.containers if _is_on(cloud, one)]
    if params["container_id"] is not None:
        return _by_id(entry, state)
    region = params["container_region"]
    if region is not None:
        return _only_of([one for one in own if is_in_region(one, region)], "container_id")
    if cloud.has_one_container:
        return own[0] if own else None
    used = _used_by(entry, state.peers.listed)
    known = [one for one in own if one["id"] in used]
    if known:
        return _only_of(known, "container_region")
    if is_absent:
        return own[0] if len(own) == 1 else None
    options = {"group_id": entry.task["group_id"], "wait": True, REGION: None, REGIONS: None, BLOCK: None}
    return ContainerPlanner(options, cloud).choose(own)


def is_known(entry: PathEntry, container: Container | None, state: PathState) -> bool:
    """Whether an entry names a container, or its connection was in it when the task began. All others may be of other teams.

    Args:
        entry: The entry.
        container: The container that the entry seems to have; None if there is none, or several.
        state: The state.
    """
    params = entry.params
    if params["container_id"] is not None or params["container_region"] is not None:
        return True
    if container is None:
        return False
    is_block = entry.provider.has_one_container and params["container_cidr_block"] == container[BLOCK]
    return is_block or container["id"] in _used_by(entry, state.peers.first)


def _by_id(entry: PathEntry, state: PathState) -> Container | None:
    """Return the container whose id an entry has.

    Raises:
        InvalidOptionError: If there is none, unless the task disconnects.
    """
    container_id, cloud = entry.params["container_id"], entry.provider
    own = [one for one in state.containers if _is_on(cloud, one)]
    found = next((one for one in own if one["id"] == container_id), None)
    if found is None and entry.task["state"] != "absent":
        elsewhere = next((one for one in state.containers if one["id"] == container_id), None)
        if elsewhere is not None:
            raise on_other_cloud(cloud, elsewhere)
        raise InvalidOptionError(
            f"container_id: project {entry.task['group_id']} has no network container {container_id} on {cloud.name}.",
            hint=f"It has {describe(own)}." if own else "It has none. Set container_region in its place to have one made.",
        )
    return found


def _used_by(entry: PathEntry, peers: t.Iterable[Peer]) -> set[str]:
    """Return the ids of the containers of a network's connections.

    A live connection comes first, then one that has failed, and then one that is leaving: its replacement gets its container.
    With state absent, all of them count.
    """
    own = [peer for peer in peers if identity_of(fields_of(peer)) == entry.identity]
    if entry.task["state"] == "absent":
        return {peer["container_id"] for peer in own}
    live = [peer for peer in own if not (is_failed(peer) or is_leaving(peer))]
    failed = [peer for peer in own if is_failed(peer)]
    return {peer["container_id"] for peer in live or failed or own}


def _only_of(found: t.Sequence[Container], option: str) -> Container | None:
    """Return the only one of some containers; None if there is none.

    Raises:
        TaskError: If there are several; `option` says which one is meant.
    """
    if len(found) > 1 and option == "container_region":
        raise TaskError(
            f"It has connections in several network containers: {describe(found)}.",
            hint="Set container_region to that of the one that is meant, or give it an entry for each.",
        )
    if len(found) > 1:
        raise TaskError(f"There are several network containers in that region: {describe(found)}.", hint=f"Set {option} instead.")
    return found[0] if found else None


def _only(option: str, group: _Group) -> t.Any:
    """Return what the entries of a container say of it; None if they say nothing.

    Raises:
        TaskError: If they contradict each other: they may name one container in different ways.
    """
    given = [entry for entry in group.entries if entry.params[option] is not None]
    for entry in given[1:]:
        first, other = given[0].params[option], entry.params[option]
        if (sorted(first) != sorted(other)) if isinstance(first, list) else first != other:
            raise TaskError(
                f"{option} is {first}, and {entry.key} has {other} for the same network container.",
                hint="Correct one of them, or leave it out.",
            )
    return given[0].params[option] if given else None


def _provider(container: Container) -> str:
    return container_cloud(container["provider_name"]).name


def _is_on(cloud: Cloud, container: Container) -> bool:
    return _provider(container) == cloud.name
