# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network container of each entry, and those of a list as a side."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import BLOCK, REGION, REGIONS, Cloud, Peer, fields_of
from .._clouds.clouds import identity_of, is_failed, is_leaving
from .._engine.options import Parameters
from .._engine.plan import Change, ChangeKey, EntryWarning, Plan, Step, grouped, joined
from .._engine.side import ONLY, Context, Owner, Query, Replies
from .._entries.parser import PeerEntry
from .._http.errors import InvalidOptionError, TaskError, as_option
from .._resources.containers import Container, Containers, container_cloud, describe, is_in_region
from .._resources.peers import VpcPeers, describe_users
from .container_choice import connected_elsewhere, on_other_cloud
from .container_plan import ContainerPlanner, ContainerState, ListTerms, container_after, in_use
from .containers import ContainerSide
from .path_state import CONTAINERS, PathSide, PathState

if t.TYPE_CHECKING:
    # Read only where a container is removed.
    from .._resources.clusters import Cluster

_KIND, _CLUSTERS = "container", "clusters"
_INSTEAD = "set remove_container to false"
_STAYS = "It stays; the list's connections to it are removed."
_Errors = dict[str, TaskError]


class _Group(t.NamedTuple):
    """A container (None for one to create), its region (None on a cloud with one container), and its entries."""

    cloud: Cloud
    container: Container | None
    region: str | None
    entries: list[PeerEntry]

    @property
    def owner(self) -> Owner:
        """Its owner in the side."""
        return (self.cloud.name, self.region) if self.container is None else self.container["id"]

    @property
    def name(self) -> str:
        """Its name for users: its region, or its cloud if a project has one container there."""
        return self.cloud.name if self.region is None else self.cloud.regions.to_cloud(self.region)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the entries."""
        return tuple(entry.key for entry in self.entries)


class _Planned(t.NamedTuple):
    """A planned container: its group, the key of its change, and what the list sets for it."""

    group: _Group
    key: ChangeKey
    terms: ListTerms


class EntryContainers(PathSide[ContainerState], ContainerSide):
    """The network containers of the entries of a list.

    Args:
        context: What all sides of the run share.
        entries: The entries.
        path: What is known of all sides.
        containers: The containers of the project.
        peers: Returns the connections with a cloud.
        list_clusters: Lists the clusters of the project, which keep a container from being removed; None if none is removed.
    """

    def __init__(
        self,
        context: Context,
        entries: t.Sequence[PeerEntry],
        path: PathState,
        containers: Containers,
        peers: t.Callable[[Cloud], VpcPeers],
        list_clusters: t.Callable[[], list[Cluster]] | None,
    ) -> None:
        super().__init__(context, {}, containers, containers.list_all_containers, peers)
        self._params, self._entries, self._path = context.params, entries, path
        self._is_absent = self._params["state"] == "absent"
        self._list_clusters = list_clusters
        self._clusters: t.Sequence[Cluster] = ()
        # The planned containers, by owner.
        self._planned: dict[Owner, _Planned] = {}
        # The changes whose effects were recorded, by owner.
        self._taken: dict[Owner, Change] = {}

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask for the containers of all clouds in one list and, with `remove_container`, for the clusters."""
        yield Query(_KIND, self._containers.list_all_containers, (ONLY,))
        if self._list_clusters is not None:
            yield Query(_CLUSTERS, self._list_clusters, (ONLY,))

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, ContainerState]:
        """Keep the containers. Which one each entry has depends on the connections, too: see `choose_containers`."""
        self._clusters = replies.get(_CLUSTERS, ())
        self._path.containers = tuple(replies[_KIND])
        return {}

    def plan_list(self) -> Plan:
        """Plan the containers that are missing or different or, with state absent, those to remove."""
        if self._is_absent:
            return self._plan_absent()
        groups, refusals = self._groups()
        listed, plans = [*self._path.containers], list[Plan]()
        for group in groups:
            try:
                plan = self._plan_group(group, listed)
            except TaskError as error:
                refusals.update({entry.key: entry.named(error) for entry in group.entries})
                continue
            plans.append(plan)
            listed += [one for change in plan.changes if change.before is None and (one := container_after(change)) is not None]
        return replace(joined(plans), entry_warnings=self._warn_of_others(groups), refusals=refusals)

    def _warn_of_others(self, groups: t.Iterable[_Group]) -> tuple[EntryWarning, ...]:
        """Return a warning for each entry whose region has no container, and whose network is connected in another region."""
        found = []
        live = grouped([(identity_of(fields_of(one)), one) for one in self._path.peers.listed if not is_leaving(one)])
        for group in groups:
            if group.container is not None or group.region is None:
                continue
            for entry in group.entries:
                own = live.get(entry.identity)
                if own:
                    text = connected_elsewhere(self._params["group_id"], group.cloud, group.region, own, self._path.containers)
                    found.append(EntryWarning(entry.key, text, {"id": own[0]["id"]}))
        return tuple(found)

    def _groups(self) -> tuple[list[_Group], _Errors]:
        """Return the containers of the entries that have not failed, and the errors of entries whose container is unclear."""
        groups: dict[t.Any, _Group] = {}
        errors: _Errors = {}
        for entry in self._entries:
            if entry.key in self._path.failures:
                continue
            try:
                container = self._path.container_of.get(entry.key) or choose_container(entry, self._path)
            except TaskError as error:
                errors[entry.key] = entry.named(error)
                continue
            cloud = entry.provider
            region = entry.params["container_region"] if container is None else container.get(REGION)
            place = (cloud.name, region) if container is None else container["id"]
            groups.setdefault(place, _Group(cloud, container, region, [])).entries.append(entry)
        return [*groups.values()], errors

    def _plan_group(self, group: _Group, listed: t.Sequence[Container]) -> Plan:
        cloud, container = group.cloud, group.container
        wanted = {BLOCK: _only("container_cidr_block", group), REGIONS: _only("container_regions", group)}
        action = "create" if container is None else "change"
        key = ChangeKey("", _KIND, "Atlas", _KIND, (group.name,))
        current = ContainerState(container, tuple(one for one in listed if _is_on(cloud, one)))
        options = {**wanted, "wait": True, "state": "present"}
        return _in_words(self._plan_by_side(group, key, options, current), action, group)

    def _plan_by_side(self, group: _Group, key: ChangeKey, options: Parameters, current: ContainerState) -> Plan:
        cloud = group.cloud
        params = {"group_id": self._params["group_id"], "provider_name": cloud.name, REGION: group.region, **options}
        terms = ListTerms(
            key,
            # A removal fails for itself.
            (f"{_KIND} {group.name}",) if self._is_absent else group.keys,
            CONTAINERS,
            partial(_find_users, self._path),
            partial(_check_removal, self._path, group),
            _STAYS,
            _INSTEAD,
        )
        self._planned[group.owner] = _Planned(group, key, terms)
        return self.add(group.owner, cloud, params, terms, current)

    def _plan_absent(self) -> Plan:
        path, (groups, refusals) = self._path, self._groups()
        plans, there = list[Plan](), {one["id"] for one in path.containers}
        for group in groups:
            container = group.container
            if not self._params["remove_container"] or container is None or container["id"] not in there:
                continue
            if not any(is_known(entry, container, path) for entry in group.entries):
                continue
            clusters = self._find_clusters(group)
            if clusters:
                error = in_use("removed", container, clusters, f"or {_INSTEAD}")
                refusals.update({entry.key: entry.named(error) for entry in group.entries})
                continue
            leaving = {entry.identity for entry in group.entries}
            others = [one for one in path.peers.listed if one["container_id"] == container["id"] and not is_leaving(one)]
            # Waiting for connections that are not in the list, failed ones included, is useless.
            waits = all(identity_of(fields_of(one)) in leaving for one in others)
            key = ChangeKey("", "remove", "Atlas", _KIND, (group.name,))
            listed = tuple(one for one in path.containers if _is_on(group.cloud, one))
            options = {REGIONS: None, BLOCK: None, "state": "absent", "wait": waits}
            # Its users are read when it is removed.
            plan = self._plan_by_side(group, key, options, ContainerState(container, listed, None))
            plans.append(_in_words(plan, "delete", group))
        return replace(joined(plans), entry_warnings=self._warn_of_others(groups), refusals=refusals)

    def _find_clusters(self, group: _Group) -> list[str]:
        """Return the clusters that have or may have nodes in a container, in words; those being removed are waited for."""
        from .._resources.clusters import LEAVING, has_nodes_at, may_have_nodes_at

        staying = [one for one in self._clusters if one["state_name"] != LEAVING]
        found: list[str] = []
        for one in staying:
            if any(has_nodes_at(each, group.region, group.cloud) for each in one["regions"]):
                found.append(f"cluster {one['name']}")
            elif any(may_have_nodes_at(each, group.region, group.cloud) for each in one["regions"]):
                found.append(f"cluster {one['name']}, of which Atlas does not report all regions")
        return found

    def assume(self, plan: Plan) -> None:
        """Assume the containers as they will be; a new one has no id. The removal of one that others use fails."""
        changes = {change.key: change for change in plan.changes}
        for step in plan.steps:
            error = self._find_other_users(step) if self._is_absent else None
            if error is None:
                self._keep(step.owner, container_after(changes[step.keys[0]]))
            else:
                self._path.fail(self.entries_of(step.owner, step)[0], step.keys[0].step, error)

    def _find_other_users(self, step: Step) -> TaskError | None:
        """Return the error of a removal because of connections that are not in the list; None if there are none."""
        group, unused, terms = self._planned[step.owner]
        leaving = {entry.identity for entry in group.entries}
        staying = [one for one in self._path.peers.listed if identity_of(fields_of(one)) not in leaving]
        container = group.container
        users = () if container is None else describe_users(staying, container["id"])
        if container is None or not users or step.after is not None:
            return None
        return in_use("removed", container, users, "", terms)

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries that fail with a container; its removal fails for itself."""
        return self._planned[owner].terms.entries if owner in self._planned else (str(owner),)

    def step_of(self, entry: str) -> str:
        """Return the step that fails for an entry, or for a container that is removed."""
        return "remove" if self._is_absent else _KIND

    def take(self, owner: Owner) -> None:
        """Show a container after a change or a read."""
        container, planned = self.states[owner].container, self._planned[owner]
        change = self._path.done.get(planned.key)
        if change is not None and self._taken.get(owner) is change:
            # Later reads are newer.
            return
        if change is not None:
            self._taken[owner] = change
        # A container is shown as it was until it is removed.
        if container != planned.group.container and (container is None or not self._is_absent):
            self._keep(owner, container)

    def _keep(self, owner: Owner, container: Container | None) -> None:
        """Record the container of its entries, or that it is gone."""
        group = self._planned[owner].group
        own = container["id"] if container is not None else None
        before = group.container["id"] if group.container is not None else own
        others = tuple(one for one in self._path.containers if one["id"] is None or one["id"] != before)
        self._path.containers = others if container is None else (*others, container)
        if container is not None:
            # Without one, entries are shown with the container that they had.
            self._path.container_of = {**self._path.container_of, **dict.fromkeys(group.keys, container)}


def _find_users(path: PathState, container_id: str) -> tuple[str, ...]:
    return describe_users(path.peers.listed, container_id)


def _in_words(plan: Plan, verb: str, group: _Group) -> Plan:
    """Return the plan of a container with the words of results."""
    return replace(plan, changes=tuple(change._replace(verb=verb, name=group.name) for change in plan.changes))


def _check_removal(path: PathState, group: _Group) -> None:
    """Check that the connections of a container are removed.

    Raises:
        TaskError: If the connection of an entry stays in it.
    """
    failed = [entry.title for entry in group.entries if entry.key in path.failures]
    if failed:
        reason = f"{' and '.join(failed)} could not be removed"
        raise TaskError(f"Network container {group.owner} ({group.name}) stays, because {reason}.")


def choose_containers(entries: t.Iterable[PeerEntry], path: PathState) -> None:
    """Find the container of each entry, if there is one. Entries that have one keep it."""
    container_of = dict(path.container_of)
    for entry in entries:
        try:
            container = None if entry.key in container_of else choose_container(entry, path)
        except TaskError:
            # The plan refuses the entry.
            continue
        if container is not None:
            container_of[entry.key] = container
    path.container_of = container_of


def take_containers(containers: t.Iterable[Container], path: PathState) -> None:
    """Take containers that have been read again."""
    by_id = {one["id"]: one for one in containers}
    path.container_of = {key: by_id.get(container["id"], container) for key, container in path.container_of.items()}
    path.containers = tuple(by_id.values())


def choose_container(entry: PeerEntry, state: PathState) -> Container | None:
    """Return the container of an entry: what its options name, or that of its connection, or the only one on its cloud.

    Args:
        entry: The entry.
        state: The containers and connections of the project.

    Returns:
        The container; None if it has to be created or, with state absent, if there is none.

    Raises:
        TaskError: If it is unclear; the message names the option that chooses one.
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


def is_known(entry: PeerEntry, container: Container | None, state: PathState) -> bool:
    """Whether an entry names a container, or had its connection there when the task began. Others may belong to other teams.

    Args:
        entry: The entry.
        container: The container that was chosen for the entry; None if there is none, or several.
        state: The state.
    """
    params = entry.params
    if params["container_id"] is not None or params["container_region"] is not None:
        return True
    if container is None:
        return False
    is_block = entry.provider.has_one_container and params["container_cidr_block"] == container[BLOCK]
    return is_block or container["id"] in _used_by(entry, state.peers.first)


def _by_id(entry: PeerEntry, state: PathState) -> Container | None:
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
        name, way = cloud.name, f"Set {as_option('container_region')}"
        raise InvalidOptionError(
            f"{as_option('container_id')}: project {entry.task['group_id']} has no network container {container_id} on {name}.",
            hint=f"It has {describe(own)}." if own else f"It has none. {way} in its place to have one made.",
        )
    return found


def _used_by(entry: PeerEntry, peers: t.Iterable[Peer]) -> set[str]:
    """Return the ids of the containers of a network's connections.

    A live connection comes first, then a failed one, and then one that is leaving, whose replacement gets its container. With
    state absent, all of them count.
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
        TaskError: If there are several; `option` chooses one.
    """
    if len(found) > 1 and option == "container_region":
        raise TaskError(
            f"It has connections in several network containers: {describe(found)}.",
            hint=f"Set {as_option('container_region')} to that of the one that is meant, or give it an entry for each.",
        )
    if len(found) > 1:
        raise TaskError(f"There are several network containers in that region: {describe(found)}.", hint=f"Set {option} instead.")
    return found[0] if found else None


def _only(option: str, group: _Group) -> t.Any:
    """Return the value of an option for the entries of a container; None if none sets it.

    Raises:
        TaskError: If they differ: entries may name one container in different ways.
    """
    given = [entry for entry in group.entries if entry.params[option] is not None]
    for entry in given[1:]:
        first, other = given[0].params[option], entry.params[option]
        if (sorted(first) != sorted(other)) if isinstance(first, list) else first != other:
            raise TaskError(
                f"{as_option(option)} is {first}, and {entry.title} has {other} for the same network container.",
                hint="Correct one of them, or leave it out.",
            )
    return given[0].params[option] if given else None


def _provider(container: Container) -> str:
    return container_cloud(container["provider_name"]).name


def _is_on(cloud: Cloud, container: Container) -> bool:
    return _provider(container) == cloud.name
