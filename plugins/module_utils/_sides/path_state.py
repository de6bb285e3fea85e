# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of the whole path: both sides of all connections, what the task has done so far, and what has failed."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from .._engine.plan import Change
from .._engine.side import Failure
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
PRESENT = (CONTAINERS, ROLES, CLEANING, REQUESTS, ACTING, AVAILABLE, ACCESS)
ABSENT = (ROUTES, ACCESS, CONNECTIONS, SIDES, CONTAINERS)


class What(t.NamedTuple):
    """What is changed, or has failed. As text (`key`), it is the key of a change.

    Attributes:
        owner: The key of the entry, the id of a pruned connection, or an empty text for the whole.
        step: The step of results: container, role, request, accept, tags, dns, routes, mirror, access_list, remove.
        side: Atlas, or the name of a cloud.
        action: What is done, as results show it: create, change, recreate, accept, tag, enable, replace or delete.
        kind: To what: connection, container, route, mirror, role, access list entry or attribute.
        name: Its name.
    """

    owner: str
    step: str
    side: str
    action: str
    kind: str
    name: str

    @property
    def key(self) -> str:
        """The key of the change."""
        return "\t".join(self)

    @classmethod
    @cache
    def of(cls, key: str) -> What:
        """Return what a key means. The key of an entry alone is a failure of the plan."""
        parts = key.split("\t")
        return cls(*parts) if len(parts) == len(cls._fields) else cls(key, "plan", "", "", "", "")


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
        done: The changes made so far, by their keys.
        failures: The first failure of each entry and pruned connection, by the owner as in `What`; those of the whole by key.
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
    done: t.Mapping[str, Change] = field(default_factory=dict)
    failures: t.Mapping[str, Failure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    kept_roles: tuple[str, ...] = ()

    @cached_property
    def done_by_owner(self) -> t.Mapping[str, t.Sequence[tuple[What, Change]]]:
        """What was done so far, by the owner as in `What`."""
        found: dict[str, list[tuple[What, Change]]] = {}
        for key, change in self.done.items():
            what = What.of(key)
            found.setdefault(what.owner, []).append((what, change))
        return found

    def with_done(self, changes: t.Iterable[Change]) -> PathState:
        """Return the state after changes were made."""
        return replace(self, done={**self.done, **{change.key: change for change in changes}})

    def with_failure(self, owner: str, step: str, error: TaskError) -> PathState:
        """Return the state after an entry has failed; its first failure stays."""
        return self if owner in self.failures else replace(self, failures={**self.failures, owner: Failure(step, error)})
