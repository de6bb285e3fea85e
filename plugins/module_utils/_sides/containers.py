# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network containers of a project as a side: they are created, changed and removed."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Cloud, Peer, is_leaving
from .._containers import UNUSED, ContainerPlanner, ContainerState, in_use, to_fields
from .._engine.options import Parameters
from .._engine.plan import Facts, Plan, Step, joined
from .._engine.side import (
    FORESEEN,
    SEEN,
    Call,
    Context,
    Effect,
    NoReply,
    Owner,
    Purpose,
    Query,
    Replies,
    ReplyValue,
    Side,
    Waiting,
)
from .._engine.wait import WaitTimeoutError
from .._http.errors import ConflictError, TaskError
from .._resources.containers import Container, Containers
from .._resources.peers import describe_users

_LIST = "containers"


class ContainerOptions(t.NamedTuple):
    """What one container should be: its cloud, and the options of its module."""

    cloud: Cloud
    params: Parameters

    @property
    def is_absent(self) -> bool:
        """Whether it is removed."""
        return bool(self.params["state"] == "absent")


class ContainerSide(Side[ContainerState]):
    """Network containers, each an owner.

    Atlas's list has all of them. Who uses one is read before it is removed or changed, and again while it waits to be unused. A
    removal that Atlas refuses is sent again until the time is up: a cluster is being removed, or the container is too new.

    Args:
        context: What all sides of the run share.
        options: The options of each container, by its owner.
        containers: The containers of the project.
        read: Reads the list of containers.
        list_users: Reads the connections that use the container with an id.
    """

    name = "containers"

    def __init__(
        self,
        context: Context,
        options: t.Mapping[Owner, ContainerOptions],
        containers: Containers,
        read: t.Callable[[], list[Container]],
        list_users: t.Callable[[str], list[Peer]],
    ) -> None:
        super().__init__(context, [*options])
        self._options = options
        self._planners = {owner: ContainerPlanner(one.params, one.cloud) for owner, one in options.items()}
        self._containers = containers
        self._read, self._list_users = read, list_users
        self._users = Facts(lambda container_id: describe_users(list_users(container_id), container_id))

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list and, once it is read, for the users of what is removed. A poll asks for these alone."""
        if purpose is not Purpose.POLL:
            yield Query(_LIST, self._read)
        for owner in owners:
            state = self.states.get(owner)
            if state is not None and state.container is not None and (purpose is Purpose.POLL or state.users is None):
                container_id = state.container["id"]
                yield Query(container_id, partial(self._list_users, container_id), (owner,))

    def observe(self, replies: Replies) -> t.Mapping[Owner, ContainerState]:
        """Return the container of each owner in the list, and the users that were read.

        Raises:
            TaskError: If it is unclear which container the options mean.
        """
        found: dict[Owner, ContainerState] = {}
        for owner in self.owners:
            state = self.states.get(owner)
            if _LIST in replies:
                listed = tuple(replies[_LIST])
                container = self._planners[owner].choose(listed)
                is_removed = self._options[owner].is_absent and container is not None
                state = ContainerState(container, listed, None if is_removed else ())
            if state is not None and state.container is not None and state.container["id"] in replies:
                container_id = state.container["id"]
                users: list[Peer] = replies[container_id]
                state = replace(state, users=describe_users(users, container_id), is_freed=all(map(is_leaving, users)))
            if state is not None:
                found[owner] = state
        return found

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan the creation, change or removal of containers.

        Raises:
            TaskError: If one is not possible.
        """
        plans = []
        for owner in owners:
            planner, state = self._planners[owner], self.states[owner]
            plan = planner.plan_absent(state) if self._options[owner].is_absent else planner.plan_present(state, self._users)
            plans.append(plan.of_owner(owner))
        return joined(plans)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait before a removal until nothing uses the container."""
        if step is None or step.after is None:
            return None
        return Waiting(UNUSED) if self.states[owner].users else None

    def retry_wait(self, step: Step, error: TaskError) -> Waiting | None:
        """Wait after a refused removal, if the task waits: something else uses the container, or it is too new."""
        return Waiting(UNUSED) if step.after is not None and isinstance(error, ConflictError) else None

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error of a container that is still used."""
        state, refusal = self.states[owner], error.refusal
        hint = f"after {error.waited:.0f} seconds of waiting; remove them, or raise wait_timeout"
        if error.unanswered is not None:
            hint = f"or raise wait_timeout: Atlas did not answer at the end of the {error.waited:.0f} seconds of waiting"
        users: t.Sequence[str] = state.users or ()
        if refusal is not None:
            users = [(refusal.detail or refusal.error_code or "something that Atlas does not name").rstrip(".")]
        return in_use("removed", t.cast("Container", state.container), users, hint)

    def request(self, step: Step) -> Call:
        """Create, change or remove a container."""
        container = self.states[step.owner].container
        if step.action == "delete":
            return partial(self._containers.delete_container, step.keys[0])
        fields = to_fields(step.request)
        if container is None:
            return partial(self._containers.create_container, self._options[step.owner].cloud, fields)
        return partial(self._containers.update_container, container, fields)

    def record(self, step: Step, reply: ReplyValue | NoReply) -> Effect:
        """Record the container as Atlas shows it, or as it will be."""
        state = self.states[step.owner]
        if reply is SEEN:
            return Effect({})
        if step.action == "delete":
            return Effect({step.owner: replace(state, container=None)})
        if reply is FORESEEN:
            reply = self._planners[step.owner].foresee(state.container, to_fields(step.request))
        return Effect({step.owner: replace(state, container=t.cast("Container", reply))})
