# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_network_container does: its options, and the way from them to a container as it should be."""

from __future__ import annotations

import typing as t

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import (
    AtlasConflictError,
    AtlasError,
    InvalidOptionError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.converge import CREATION_PAUSES, converge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan, plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.wait import WaitTimeoutError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import (
    Container,
    Containers,
    to_atlas_region,
    to_region,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import AWS, VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import (
    check_private_network,
    check_regions,
    check_wait,
    do_overlap,
    to_aws_region,
)

ARGUMENT_SPEC = (
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
# What AWS containers may measure (ATLAS_INVALID_CIDR_RANGE otherwise).
LARGEST_PREFIX, SMALLEST_PREFIX = 21, 24


def validate(params: Parameters, unused_check_mode: bool) -> list[str]:
    """Check the options without the network.

    Raises:
        InvalidOptionError: When an option cannot be right.
    """
    if params["region_name"] is None and params["state"] == "absent":
        # The rules of the argument spec take a null for a value.
        raise InvalidOptionError("region_name must not be null with state absent.", hint="Name the region of the container.")
    warnings = check_regions(params, "region_name")
    check_wait(params)
    block = params["atlas_cidr_block"]
    if block is not None:
        network = check_private_network("atlas_cidr_block", block)
        if not LARGEST_PREFIX <= network.prefixlen <= SMALLEST_PREFIX:
            raise InvalidOptionError(
                f"atlas_cidr_block has the wrong size: {block!r}.",
                hint=f"Atlas takes blocks from /{LARGEST_PREFIX} to /{SMALLEST_PREFIX} on {AWS.name}.",
            )
    return warnings


def run(context: Context[AtlasClient]) -> None:
    """Bring the container into the wanted state."""
    _ContainerRun(context).run()


TASK = Task(argument_spec=ARGUMENT_SPEC, service=ATLAS, validate=validate, run=run)


class _ContainerRun:
    """One run of the task: look, decide, apply, wait."""

    def __init__(self, context: Context[AtlasClient]) -> None:
        self._context = context
        self._params = params = context.params
        region = params["region_name"]
        # None for the only container of the project; then there is one.
        self._region = to_aws_region("region_name", region) if region is not None else None
        self._containers = Containers(context.client, params["group_id"])
        self._peers = VpcPeers(context.client, params["group_id"])

    def run(self) -> None:
        outcome = self._context.outcome
        done, container = converge(self._context, self._look, self._decide, self._apply, creation_pauses=CREATION_PAUSES)
        if self._params["state"] == "absent":
            container = None
        elif self._context.check_mode:
            container = t.cast("Container", done.after)
        outcome.values["container"] = outcome.after = container

    def _look(self) -> Container | None:
        container = self._only_container() if self._region is None else self._containers.get_container_in(AWS.name, self._region)
        self._context.outcome.values["container"] = container
        return container

    def _only_container(self) -> Container:
        """Return the only container of the project on AWS.

        Raises:
            AtlasError: When there is none, or several, which are listed.
        """
        containers = self._containers.list_containers(AWS.name)
        if len(containers) == 1:
            return containers[0]
        group = f"Group {self._params['group_id']}"
        if not containers:
            raise AtlasError(f"{group} has no network container on {AWS.name}.", hint="Set region_name to create one there.")
        listed = ", ".join(f"{one['id']} ({to_region(one)}, {one['atlas_cidr_block']})" for one in containers)
        raise AtlasError(
            f"{group} has {len(containers)} network containers on {AWS.name}: {listed}.", hint="Say which one with region_name."
        )

    def _decide(self, current: Container | None) -> Plan:
        params = self._params
        if params["state"] == "absent":
            if current is not None and not params["wait"]:
                users = self._users(current)
                if users:
                    raise self._in_use("removed", current, users, "or set wait to true to wait until they are gone")
            return plan(None, current)
        region = current["region_name"] if current is not None else to_atlas_region(t.cast("str", self._region))
        wanted = {"region_name": region}
        if params["atlas_cidr_block"] is not None:
            wanted["atlas_cidr_block"] = params["atlas_cidr_block"]
        blank = {
            "id": None,
            "provider_name": AWS.name,
            "atlas_cidr_block": None,
            "vpc_id": None,
            "provisioned": False,
        }
        result = plan(wanted, current, changeable=("atlas_cidr_block",), blank=blank)
        if result.changed and "atlas_cidr_block" in wanted:
            for other in self._containers.listed:
                block = other["atlas_cidr_block"]
                if block and other["region_name"] != region and do_overlap(block, wanted["atlas_cidr_block"]):
                    raise InvalidOptionError(
                        f"atlas_cidr_block {wanted['atlas_cidr_block']} overlaps {block} of network container {other['id']}.",
                        hint="Each container needs a block of its own: choose another one.",
                    )
        if current is not None and result.changed:
            users = self._users(current)
            if users:
                change = f"changed from {current['atlas_cidr_block']} to {wanted['atlas_cidr_block']}"
                raise self._in_use(change, current, users, "or keep the block it has")
        return result

    def _apply(self, decided: Plan, current: Container | None) -> Container | None:
        if decided.action == "create":
            return self._containers.create_container(AWS.name, t.cast("str", self._region), self._params["atlas_cidr_block"])
        container = t.cast("Container", current)
        if decided.action == "update":
            return self._containers.update_container(container, self._params["atlas_cidr_block"])
        if self._params["wait"]:
            self._delete_when_unused(container)
        else:
            self._containers.delete_container(container["id"])
        return None

    def _delete_when_unused(self, container: Container) -> None:
        """Delete the container as soon as nothing uses it, and Atlas lets it go.

        Raises:
            AtlasError: When the time is up; it says what still uses the container.
        """
        refusal: AtlasConflictError | None = None

        def delete() -> list[str]:
            nonlocal refusal
            users = self._users(container)
            if not users:
                try:
                    self._containers.delete_container(container["id"])
                except AtlasConflictError as error:
                    # A cluster that goes away, or a container that is too new.
                    refusal = error
                    return [error.detail or error.error_code or "something that Atlas does not name"]
            return users

        users = delete()
        if not users:
            return
        try:
            self._context.wait_until(delete, lambda left: not left, users)
        except WaitTimeoutError as error:
            hint = f"after {error.waited:.0f} seconds of waiting; remove them, or raise wait_timeout"
            if error.unanswered is not None:
                hint = f"or raise wait_timeout: Atlas did not answer at the end of the {error.waited:.0f} seconds of waiting"
            raise self._in_use("removed", container, error.last, hint) from (error.unanswered or refusal)

    def _users(self, container: Container) -> list[str]:
        """Return the connections that use a container, in words; one that is being removed uses it until it is gone."""
        return [
            f"VPC peering connection {peer['id']} ({self._peers.describe(peer)}, {peer['status_name']})"
            for peer in self._peers.list_peers()
            if peer["container_id"] == container["id"]
        ]

    def _in_use(self, change: str, container: Container, users: list[str], way_out: str) -> AtlasError:
        return AtlasError(
            f"Network container {container['id']} ({to_region(container)}, {container['atlas_cidr_block']}) cannot be {change}: "
            f"it is used by {'; '.join(users)}.",
            hint=f"Remove what uses it, {way_out}.",
        )
