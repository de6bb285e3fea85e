# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_network_container does: from the options to a container as it should be."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import (
    AtlasConflictError,
    AtlasError,
    InvalidOptionError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters, check_options
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Facts, Plan, Step, find_differences
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import Wait, WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import (
    Container,
    Containers,
    describe,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.blocks import do_overlap
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.regions import to_atlas_region

from .atlas import AtlasOperation

UNUSED = "unused"


@dataclass(frozen=True)
class ContainerState:
    """The container that the options mean.

    Attributes:
        container: The container; None if it is not there.
        listed: All containers of the project on AWS.
        users: What uses the container, in words; read only where it is to be removed.
    """

    container: Container | None
    listed: tuple[Container, ...] = ()
    users: tuple[str, ...] = ()


class AtlasNetworkContainer(AtlasOperation[ContainerState]):
    """Creates, changes and deletes a network container."""

    argument_spec = (
        CONNECTION
        + WAIT
        + ArgumentSpec(
            {
                "region_name": {"type": "str"},
                "atlas_cidr_block": {"type": "str"},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            },
            required_if=(("state", "absent", ("region_name",)),),
        )
    )
    noun = "container"

    def __init__(self, params: Parameters, session: AtlasClient, *clock: t.Callable[[], float]) -> None:
        super().__init__(params, session, *clock)
        self._is_absent = params["state"] == "absent"
        self._containers = Containers(session, params["group_id"])
        self._peers = VpcPeers(session, params["group_id"])

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options; regions come out as AWS writes them."""
        if params["region_name"] is None and params["state"] == "absent":
            # The rules of the argument spec take a null for a value.
            raise InvalidOptionError("region_name must not be null with state absent.", hint="Name the region of the container.")
        check_options(params, AWS.parse_container_block, "atlas_cidr_block")
        return super().validate(params)

    def look(self) -> ContainerState:
        """Read the containers; and where one is to be removed, what uses it."""
        listed = tuple(self._containers.list_containers(AWS.name))
        container = self._containers.choose(listed, AWS.name, self.params["region_name"])
        users = self._peers.describe_users(container["id"]) if self._is_absent and container is not None else ()
        return ContainerState(container, listed, users)

    def read(self, need: t.Hashable) -> tuple[str, ...]:
        """Read what uses the container with an id."""
        return self._peers.describe_users(str(need))

    def decide(self, state: ContainerState, facts: Facts) -> Plan:
        """Decide what becomes of the container."""
        return self._decide_absent(state) if self._is_absent else self._decide_present(state, facts)

    def _decide_absent(self, state: ContainerState) -> Plan:
        container = state.container
        if container is None:
            return Plan()
        if state.users and not self.params["wait"]:
            raise _in_use("removed", container, state.users, "or set wait to true to wait until they are gone")
        key = container["id"]
        step = Step("delete", None, (key,), after=UNUSED if self.params["wait"] else None)
        return Plan((Change("delete", key, container, None),), (step,))

    def _decide_present(self, state: ContainerState, facts: Facts) -> Plan:
        current, block = state.container, self.params["atlas_cidr_block"]
        wanted = {"atlas_cidr_block": block} if block is not None else {}
        if current is not None and not find_differences(wanted, current):
            return Plan()
        region = current["region_name"] if current is not None else to_atlas_region(self.params["region_name"])
        for other in state.listed:
            if other["region_name"] != region and do_overlap(other["atlas_cidr_block"], block):
                raise InvalidOptionError(
                    f"atlas_cidr_block {block} overlaps {other['atlas_cidr_block']} of network container {other['id']}.",
                    hint="Each container needs a block of its own: choose another one.",
                )
        if current is None:
            key = self.params["region_name"]
            new = {"id": None, "provider_name": AWS.name, "region_name": region, "atlas_cidr_block": block}
            after = {**new, "vpc_id": None, "provisioned": False}
            return Plan((Change("create", key, None, after),), (Step("create", block, (key,)),))
        key = current["id"]
        users = facts[key]
        if users:
            change = f"changed from {current['atlas_cidr_block']} to {block}"
            raise _in_use(change, current, users, "or keep the block it has")
        step = Step("update", block, (key,))
        return Plan((Change("update", key, current, {**current, **wanted}),), (step,))

    def predict(self, state: ContainerState, plan: Plan, facts: Facts) -> ContainerState:
        """Return the container as it will be."""
        return replace(state, container=t.cast("Container", plan.changes[0].after)) if plan.changes else state

    def apply(self, step: Step, state: ContainerState) -> ContainerState:
        """Create, change or delete the container."""
        block, (key,) = step.request, step.keys
        if step.action == "create":
            return replace(state, container=self._containers.create_container(AWS.name, key, block))
        if step.action == "update":
            return replace(state, container=self._containers.update_container(t.cast("Container", state.container), block))
        self._containers.delete_container(key)
        return replace(state, container=None)

    def wait(self, state: ContainerState, step: Step | None = None) -> Wait[ContainerState] | None:
        """Wait, before a container is deleted, until nothing uses it, and until Atlas lets it go."""
        if step is None or state.container is None:
            return None
        container = state.container

        def late(last: ContainerState, error: WaitTimeoutError) -> AtlasError:
            hint = f"after {error.waited:.0f} seconds of waiting; remove them, or raise wait_timeout"
            if error.unanswered is not None:
                hint = f"or raise wait_timeout: Atlas did not answer at the end of the {error.waited:.0f} seconds of waiting"
            return _in_use("removed", container, last.users, hint)

        def refused(last: ContainerState, error: AtlasError) -> ContainerState | None:
            # A cluster that goes away, or a container that is too new.
            reason = error.detail or error.error_code or "something that Atlas does not name"
            return replace(last, users=(reason,)) if isinstance(error, AtlasConflictError) else None

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


def _in_use(change: str, container: Container, users: t.Sequence[str], way_out: str) -> AtlasError:
    return AtlasError(
        f"Network container {describe([container])} cannot be {change}: it is used by {'; '.join(users)}.",
        hint=f"Remove what uses it, {way_out}.",
    )


OPERATION = AtlasNetworkContainer
