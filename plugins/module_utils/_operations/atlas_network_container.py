# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_network_container does: it brings a network container into the wanted state."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import CLOUDS, is_leaving
from .._containers import UNUSED, ContainerPlanner, ContainerState, check_block, choose_cloud, in_use, parse_place
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.options import Parameters
from .._engine.plan import Plan, Step
from .._engine.wait import Wait, WaitTimeoutError
from .._http.errors import ConflictError, InvalidOptionError, TaskError
from .._http.pauses import Clock
from .._resources.containers import Container, Containers
from .._resources.peers import VpcPeers, describe_users
from .atlas import AtlasOperation


class AtlasNetworkContainer(AtlasOperation[ContainerState]):
    """Creates, changes and deletes a network container."""

    argument_spec = (
        CONNECTION
        + WAIT
        + ArgumentSpec(
            {
                "provider_name": {"type": "str", "choices": [*CLOUDS]},
                "region_name": {"type": "str", "aliases": ["region"]},
                "regions": {"type": "list", "elements": "str"},
                "atlas_cidr_block": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=(("state", "absent", ("region_name", "provider_name", "regions"), True),),
        )
    )
    noun = "container"

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        super().__init__(params, session, clock)
        cloud = choose_cloud(params)
        self._cloud = cloud
        self._is_absent = params["state"] == "absent"
        self._containers = Containers(session, params["group_id"])
        self._peers = VpcPeers(session, params["group_id"], cloud)
        self._planner = ContainerPlanner(params, cloud)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options. Regions are returned as AWS names them, or on other clouds as Atlas does."""
        cloud = choose_cloud(params)
        if params["state"] == "absent" and params["region_name"] is None and not cloud.has_one_container:
            # For the argument spec, an explicit null is a value; nor does it know which clouds need a region.
            raise InvalidOptionError("region_name must not be null with state absent.", hint="Name the region of the container.")
        if cloud is AWS:
            check_block(params, cloud)
            return super().validate(params)
        checked, warnings = super().validate({**params, "region_name": None})
        place, unknown = parse_place(params, cloud)
        checked = {**checked, **place, "provider_name": cloud.name}
        check_block(checked, cloud)
        return checked, warnings + unknown

    def look(self) -> ContainerState:
        """Read the containers and, with state absent, what uses the chosen one."""
        listed = tuple(self._list())
        container = self._planner.choose(listed)
        if not self._is_absent or container is None:
            return ContainerState(container, listed)
        users = [peer for peer in self._peers.list_peers() if peer["container_id"] == container["id"]]
        return ContainerState(container, listed, describe_users(users, container["id"]), all(map(is_leaving, users)))

    def _list(self) -> list[Container]:
        if self._cloud is AWS:
            return self._containers.list_containers(self._cloud.name)
        return [one for one in self._containers.list_all_containers() if one["provider_name"] == self._cloud.name]

    def read(self, key: str) -> tuple[str, ...]:
        """Read what uses the container with an id."""
        return self._peers.describe_users(key)

    def decide(self, state: ContainerState) -> Plan:
        """Plan the creation, change or removal of the container."""
        return self._planner.plan_absent(state) if self._is_absent else self._planner.plan_present(state, self.facts)

    def predict(self, state: ContainerState, plan: Plan) -> ContainerState:
        """Return the container as it will be."""
        return replace(state, container=t.cast("Container", plan.changes[0].after)) if plan.changes else state

    def apply(self, step: Step, state: ContainerState) -> ContainerState:
        """Create, change or delete the container."""
        (key,) = step.keys
        if step.action == "delete":
            self._containers.delete_container(key)
            return replace(state, container=None)
        fields = {name: list(value) if isinstance(value, tuple) else value for name, value in step.request}
        if state.container is None:
            return replace(state, container=self._containers.create_container(self._cloud, fields))
        return replace(state, container=self._containers.update_container(state.container, fields))

    def wait(self, state: ContainerState, step: Step | None = None) -> Wait[ContainerState] | None:
        """Wait, before a container is deleted, until nothing uses it and Atlas accepts the deletion."""
        if step is None or state.container is None:
            return None
        container = state.container

        def late(last: ContainerState, error: WaitTimeoutError) -> TaskError:
            hint = f"after {error.waited:.0f} seconds of waiting; remove them, or raise wait_timeout"
            if error.unanswered is not None:
                hint = f"or raise wait_timeout: Atlas did not answer at the end of the {error.waited:.0f} seconds of waiting"
            return in_use("removed", container, last.users, hint)

        def refused(last: ContainerState, error: TaskError) -> ContainerState | None:
            # A cluster is being deleted, or the container is too new.
            reason = error.detail or error.error_code or "something that Atlas does not name"
            return replace(last, users=(reason.rstrip("."),)) if isinstance(error, ConflictError) else None

        return Wait(
            UNUSED,
            poll=lambda last: replace(last, users=self._peers.describe_users(container["id"])),
            is_done=lambda last: not last.users,
            late=late,
            refused=refused,
        )

    def show(self, state: ContainerState, plan: Plan) -> dict[str, t.Any]:
        """Show the container."""
        return {"container": state.container}


OPERATION = AtlasNetworkContainer
