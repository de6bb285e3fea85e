# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of the whole path: both sides of all connections, what the task has done so far, and what has failed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .._engine.plan import Change
from .._engine.side import Done, Failure
from .._http.errors import TaskError
from .set_state import PeerSetState

if t.TYPE_CHECKING:
    # Their files are read only where the list has the cloud.
    from .._aws.accepter.view import View
    from .._azure.plan import AccessState
    from .._gcp.plan import NetworkState
    from .._resources.containers import Container
    from .access_plan import AccessListState

# The stages of a task, in order. The steps of one begin when those of the stages before have ended.
CONTAINERS, ROLES, CLEANING, REQUESTS, ACTING, AVAILABLE, ACCESS = (
    "the network containers",
    "Atlas's roles",
    "what pruned connections leave",
    "the requests",
    "both sides",
    "AVAILABLE",
    "the access list",
)
ROUTES, CONNECTIONS, SIDES = "the routes", "the connections to be gone", "the peerings and roles"
# The kind of a change in GCP, and its step.
MIRROR = "mirror"
PRESENT = (CONTAINERS, ROLES, CLEANING, REQUESTS, ACTING, AVAILABLE, ACCESS)
ABSENT = (ROUTES, ACCESS, CONNECTIONS, SIDES, CONTAINERS)


@dataclass(frozen=True)
class PathState:
    """Both sides of all connections.

    Attributes:
        stage: The stage of the task.
        containers: All network containers of the project; a new one has no id in a plan.
        homes: The network container of each entry, by its key; an entry that has none, or whose container is unclear, is missing.
        peers: The connections in Atlas, with the one that each entry means.
        access: The access list; None if the task leaves it alone.
        aws: What was read of the VPC of each entry on AWS, by the key of the entry.
        azure: What Atlas may do at the VNet of each entry on AZURE, by the same key.
        gcp: The network of each entry on GCP, by the same key.
        allowed: The names of the access list entries that the list of connections asks for, in its order.
        left: Why entries of the access list stay that would be removed, by their names.
        foreign: The names of those that stay since their comment is not that of the list.
        done: The changes made so far: the engine's own record.
        failures: The first failure of each entry and pruned connection, and of anything else by what stands for it. This is the
            engine's own record, but in a state that is only assumed.
        notes: What the result says in `remaining` beside what follows from the state, in sentences.
        warnings: What the task warns of, and knows only once it is done, or predicted.
        kept_roles: A sentence for each role that the task could not remove, and whose connection Atlas no longer has.
    """

    stage: str = ""
    containers: tuple[Container, ...] = ()
    homes: t.Mapping[str, Container] = field(default_factory=dict)
    peers: PeerSetState = field(default_factory=lambda: PeerSetState(()))
    access: AccessListState | None = None
    aws: t.Mapping[str, View] = field(default_factory=dict)
    azure: t.Mapping[str, AccessState] = field(default_factory=dict)
    gcp: t.Mapping[str, NetworkState] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    left: t.Mapping[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    done: Done = field(default_factory=Done)
    failures: t.Mapping[str, Failure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    kept_roles: tuple[str, ...] = ()

    @property
    def made(self) -> t.Iterable[Change]:
        """The changes so far, but for those whose end is not known yet."""
        return (change for change in self.done.values() if not self._is_running(change))

    def made_for(self, owner: str) -> list[Change]:
        """Return the changes so far of an owner, but for those whose end is not known yet."""
        return [change for change in self.done.of(owner) if not self._is_running(change)]

    def _is_running(self, change: Change) -> bool:
        """Whether GCP's operation for a change has not ended, or its network does not show it yet."""
        network = self.gcp.get(change.key.owner) if change.key.kind == MIRROR else None
        return network is not None and network.running is not None

    def with_failure(self, owner: str, step: str, error: TaskError) -> PathState:
        """Return the state as it is if an entry has failed, too; its first failure stays."""
        return self if owner in self.failures else replace(self, failures={**self.failures, owner: Failure(step, error)})
