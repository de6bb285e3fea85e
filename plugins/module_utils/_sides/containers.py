# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network containers of a project as a side: they are created, changed and removed."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Cloud, Peer
from .._clouds.clouds import is_leaving
from .._engine.options import Parameters
from .._engine.plan import Facts, Plan, Step, plan_each
from .._engine.side import PREDICTED, SEEN, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import ConflictError, TaskError, as_option
from .._resources.containers import Container, Containers, container_cloud
from .._resources.peers import VpcPeers, describe_users
from .container_plan import UNUSED, ContainerPlanner, ContainerState, ListTerms, in_use, to_fields

_LIST = "containers"


class ContainerOptions(t.NamedTuple):
    """What one container should be: its cloud, the options of its module, and what a list sets for it."""

    cloud: Cloud
    params: Parameters
    terms: ListTerms | None = None

    @property
    def is_absent(self) -> bool:
        """Whether it is removed."""
        return bool(self.params["state"] == "absent")


class ContainerSide(Side[ContainerState]):
    """Network containers, each an owner: those whose options are known at the start, and those that a list adds.

    Atlas's list has all of them. The users of one are read before it is removed or changed, and again while it waits to be
    unused. A refused removal is sent again until it times out: a cluster is being removed, or the container is too new.

    Args:
        context: What all sides of the run share.
        options: The options of each container, by its owner; empty for a list, which adds its own.
        containers: The containers of the project.
        read: Reads the list of containers.
        peers: Returns the connections with a cloud.
    """

    name = "containers"

    def __init__(
        self,
        context: Context,
        options: t.Mapping[Owner, ContainerOptions],
        containers: Containers,
        read: t.Callable[[], list[Container]],
        peers: t.Callable[[Cloud], VpcPeers],
    ) -> None:
        super().__init__(context, [*options])
        self._options = dict(options)
        self._planners = {owner: ContainerPlanner(one.params, one.cloud) for owner, one in options.items()}
        self._containers = containers
        self._read, self._peers = read, peers
        # The users of each, by the id of the container, as far as its plan needs them.
        self._users = {owner: Facts(partial(_read_users, peers, one.cloud)) for owner, one in options.items()}

    def add(self, owner: Owner, cloud: Cloud, params: Parameters, terms: ListTerms, state: ContainerState) -> Plan:
        """Add a container of a list, in the state that the list has read, and plan it.

        Raises:
            TaskError: If there is no allowed plan.
        """
        self._options[owner], self.states[owner] = ContainerOptions(cloud, params, terms), state
        self._planners[owner], self._users[owner] = ContainerPlanner(params, cloud), Facts(terms.find_users)
        return self._plan(owner)

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list and, once it is read, for the users of what is removed. A poll asks for these alone."""
        if owners and purpose is not Purpose.POLL:
            yield Query(_LIST, self._read, tuple(owners))
        for owner in owners:
            state = self.states.get(owner)
            if state is not None and state.container is not None and (purpose is Purpose.POLL or state.users is None):
                container_id = state.container["id"]
                yield Query(container_id, partial(self._peers(self._options[owner].cloud).list_users, container_id), (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, ContainerState]:
        """Return the container of each owner in the list, and the users that were read.

        Raises:
            TaskError: If it is unclear which container the options mean.
        """
        found: dict[Owner, ContainerState] = {}
        for owner, options in self._options.items():
            state = self.states.get(owner)
            if _LIST in replies:
                listed = tuple(one for one in replies[_LIST] if container_cloud(one["provider_name"]) is options.cloud)
                container = self._planners[owner].choose(listed)
                is_removed = options.is_absent and container is not None
                state = ContainerState(container, listed, None if is_removed else ())
            if state is not None and state.container is not None and state.container["id"] in replies:
                container_id = state.container["id"]
                users: list[Peer] = replies[container_id]
                state = replace(state, users=describe_users(users, container_id), is_freed=all(map(is_leaving, users)))
            if state is not None and state != self.states.get(owner):
                found[owner] = state
        return found

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the creation, change or removal of containers. In a list, an impossible one fails for its entries.

        Raises:
            TaskError: If one is impossible.
        """
        return plan_each(owners, self._plan, self._entries_of)

    def _entries_of(self, owner: Owner) -> t.Sequence[str] | None:
        terms = self._options[owner].terms
        return None if terms is None else terms.entries

    def _plan(self, owner: Owner) -> Plan:
        options, planner, state = self._options[owner], self._planners[owner], self.states[owner]
        terms = options.terms
        if terms is not None:
            # Its removal is planned while it is in use: see `wait`.
            state = replace(state, users=None)
        plan = planner.plan_absent(state) if options.is_absent else planner.plan_present(state, self._users[owner])
        plan = plan.of_owner(owner)
        if terms is None:
            return plan
        changes = tuple(change._replace(key=terms.key) for change in plan.changes)
        return Plan(changes, tuple(step._replace(keys=(terms.key,), stage=terms.stage) for step in plan.steps))

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait before a removal until nothing uses the container.

        Raises:
            TaskError: If it has to stay, or is in use and the task does not wait for that.
        """
        if step is None or step.action != "delete":
            return None
        terms = self._options[owner].terms
        if terms is not None:
            terms.check_removal()
        users = self._users_of(owner)
        if users and step.after is None:
            raise self._in_use(owner, users, "")
        return Waiting(UNUSED) if users else None

    def _users_of(self, owner: Owner) -> t.Sequence[str]:
        """Return what uses a container, in words: as last read or, before that, as far as a list knows."""
        state, terms = self.states[owner], self._options[owner].terms
        if state.users is None and terms is not None and state.container is not None:
            return terms.find_users(state.container["id"])
        return state.users or ()

    def _in_use(self, owner: Owner, users: t.Sequence[str], way_out: str) -> TaskError:
        container = t.cast("Container", self.states[owner].container)
        return in_use("removed", container, users, way_out, self._options[owner].terms)

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait after a refused removal, if the task waits: something else uses the container, or it is too new."""
        return Waiting(UNUSED) if step.after is not None and isinstance(error, ConflictError) else None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a container that is still used."""
        refusal = error.refusal
        hint = f"after {error.waited:.0f} seconds of waiting; remove them, or raise {as_option('wait_timeout')}"
        if error.unanswered is not None:
            why = f"Atlas did not answer at the end of the {error.waited:.0f} seconds of waiting"
            hint = f"or raise {as_option('wait_timeout')}: {why}"
        users = self._users_of(owner)
        if refusal is not None:
            users = [(refusal.detail or refusal.error_code or "something that Atlas does not name").rstrip(".")]
        return self._in_use(owner, users, hint)

    def request(self, step: Step) -> Call:
        """Create, change or remove a container."""
        container = self.states[step.owner].container
        if step.action == "delete":
            return partial(self._containers.delete_container, step.request)
        fields = to_fields(step.request)
        if step.action == "create" or container is None:
            return partial(self._containers.create_container, self._options[step.owner].cloud, fields)
        return partial(self._containers.update_container, container, fields)

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record the container as Atlas shows it, or as it will be."""
        owner, state = step.owner, self.states[step.owner]
        if reply is PREDICTED and step.action != "delete":
            reply = self._planners[owner].predict(state.container, to_fields(step.request))
        container: Container | None = state.container if reply is SEEN else None if step.action == "delete" else reply
        after = replace(state, container=container)
        if self._options[owner].terms is None:
            return Effect({} if reply is SEEN else {owner: after})
        # A list shows the container as it is, and not as it was predicted; it needs a new state even if a look has shown it.
        changes = [one._replace(after=container) for one in self.context.plan.changes if one.key == step.keys[0]]
        return Effect({owner: after}, changes)


def _read_users(peers: t.Callable[[Cloud], VpcPeers], cloud: Cloud, container_id: str) -> tuple[str, ...]:
    return describe_users(peers(cloud).list_users(container_id), container_id)
