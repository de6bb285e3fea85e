# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the sides of both halves of all connections share: the stages, what is known of each side, and their base class."""

from __future__ import annotations

import typing as t
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from .._clouds.cloud import Cloud, Peer
from .._engine.plan import Change, Plan, Step
from .._engine.side import AnyState, AppliedChanges, Failure, Owner, Purpose, Query, Replies, Side
from .._engine.wait import State, WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import AuthError, InvalidOptionError, NotFoundError, TaskError, UndoneError, as_option
from .set_state import PeerSetState

if t.TYPE_CHECKING:
    # Their files are read only where the list has the cloud.
    from .._aws.accepter.view import View
    from .._azure.plan import AccessState
    from .._gcp.network import NetworkState
    from .._resources.containers import Container
    from .access_list import AccessListState

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


# Sentences for the user, by what each is about: its kind, and its owner.
Notes = t.Mapping[tuple[str, Owner], str]


@dataclass(eq=False)
class PathState:
    """Both sides of all connections as known now: the states of each side, and what follows from several of them.

    The sides write it, in the main thread. A plan sees the containers as they will be: see `kept`.

    Attributes:
        containers: All network containers of the project; a new one has no id in a plan.
        container_of: The network container of each entry, by its key; missing if it has none, or its container is unclear.
        peers: The connections in Atlas, with that of each entry.
        access: The access list; None if the task leaves it alone.
        aws: What was read of the VPC of each entry on AWS, by the key of the entry: the states of its side.
        azure: What Atlas may do at the VNet of each entry on AZURE, by the same key.
        gcp: The network of each entry on GCP, by the same key: the states of its side.
        wanted_entries: The names of the access list entries that the list of connections asks for, in its order.
        kept_entries: Why entries of the access list that would be removed stay, by their names.
        foreign: The names of those that stay because of another comment than that of the list.
        done: The changes made so far: the engine's own record.
        failures: The first failure of each entry and pruned connection, and of anything else by its placeholder. This is the
            engine's own record, except where failures are assumed.
        notes: The sentences of `remaining` in the result that do not follow from the state.
        warnings: The warnings that are known only once the task is done, or predicted, by the AWS account, if known.
        kept_roles: A sentence for each role that the task could not remove, and whose connection Atlas no longer has, by owner.
    """

    containers: tuple[Container, ...] = ()
    container_of: t.Mapping[str, Container] = field(default_factory=dict)
    peers: PeerSetState = field(default_factory=lambda: PeerSetState(()))
    access: AccessListState | None = None
    aws: dict[Owner, View] = field(default_factory=dict)
    azure: dict[str, AccessState] = field(default_factory=dict)
    gcp: dict[Owner, NetworkState] = field(default_factory=dict)
    wanted_entries: tuple[str, ...] = ()
    kept_entries: t.Mapping[str, str] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    done: AppliedChanges = field(default_factory=AppliedChanges)
    failures: t.Mapping[str, Failure] = field(default_factory=dict)
    notes: Notes = field(default_factory=dict)
    warnings: t.Mapping[str | None, str] = field(default_factory=dict)
    kept_roles: t.Mapping[Owner, str] = field(default_factory=dict)

    @property
    def made(self) -> list[Change]:
        """The changes so far, except those whose end is not known yet."""
        return [change for change in self.done.values() if change.key.kind != MIRROR or not self._is_running(change)]

    def made_for(self, owner: str) -> list[Change]:
        """Return the changes so far of an owner, except those whose end is not known yet."""
        return [change for change in self.done.of(owner) if change.key.kind != MIRROR or not self._is_running(change)]

    def _is_running(self, change: Change) -> bool:
        """Whether GCP's operation for the change of a mirror has not ended, or its network does not show it yet."""
        network = self.gcp.get(change.key.owner)
        return network is not None and network.running is not None

    def peer_of(self, key: str) -> Peer | None:
        """Return the connection in Atlas of an entry; None if there is none, or if that is not known."""
        own = self.peers.entries.get(key)
        return None if own is None else own.peer

    def vpc_blocks_of(self, key: str) -> t.Sequence[str]:
        """Return the blocks that AWS shows of the VPC of an entry; empty if it was not read."""
        view = self.aws.get(key)
        return () if view is None or view.vpc is None else view.vpc.cidr_blocks

    def fail(self, owner: str, step: str, error: TaskError) -> None:
        """Assume that an entry has failed; its first failure stays."""
        self.failures = {owner: Failure(step, error), **self.failures}

    @contextmanager
    def kept(self) -> t.Iterator[None]:
        """Restore the state at the end of the block: what is assumed inside is dropped."""
        before = dict(vars(self))
        try:
            yield
        finally:
            vars(self).update(before)


_Found = t.TypeVar("_Found")


class PathSide(Side[State]):
    """A side of both halves of all connections: it reads, plans and predicts its part of the whole list.

    The engine sends and waits as for other sides. The plan of the list is made of those of all its sides: see `PathPlans`.

    Attributes:
        step: The step that fails for an entry without one, as results call it.
    """

    step: t.ClassVar[str] = "plan"
    _path: PathState
    _has_asked = False

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Return what to ask about the whole list at first, and later about some owners."""
        if purpose is not Purpose.FIRST:
            return super().queries(owners, purpose)
        is_first, self._has_asked = not self._has_asked, True
        return self.first_queries(is_first=is_first)

    def observe(self, replies: Replies) -> t.Mapping[Owner, State]:
        """Return the states that some replies show."""
        return super().observe(replies) if self.context.stage else self.observe_first(replies)

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Return what to ask about the whole list. Only with `is_first`, nothing is known of other sides."""
        raise NotImplementedError

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, State]:
        """Take the replies so far, those of other sides included, and return the states that they show."""
        raise NotImplementedError

    def plan_list(self) -> Plan:
        """Plan what is left to do for the whole list. Refusals and failures have the keys of entries."""
        raise NotImplementedError

    def take_steps(self, steps: t.Sequence[Step]) -> None:
        """Take the steps of this side in the plan that people see."""

    def assume(self, plan: Plan) -> None:
        """Assume the state after a plan and its waits; `plan` has the changes and steps of this side."""

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, State]:
        """Return nothing: see `assume`."""
        return {}

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries that fail with an owner, or with one of its steps: by default, the owner is one."""
        return (str(owner),)

    def failure_of(self, owner: Owner) -> TaskError | None:
        """Return why the first entry of an owner has failed if all have; None if one has not."""
        entries, failures = self.entries_of(owner, None), self._path.failures
        return failures[entries[0]].error if all(entry in failures for entry in entries) else None

    def failed(self, entry: str, step: Step | None, error: TaskError) -> tuple[str, TaskError]:
        """Return what has failed for an entry, as results call it, and the error of that entry."""
        lost = (entry in self.entries_of(owner, None) for side, owner in self.context.lost if side == self.name)
        is_begun = self.is_begun(entry) and not isinstance(error, UndoneError)
        if is_begun or (step is None and any(lost)):
            # A change has not ended, or the owner could not be read or planned again.
            error = error.with_outcome(unknown=True)
        own = next((one for name, one in error.parts.items() if entry in self.entries_of(name, None)), error)
        return self.step_of(entry), own

    def step_of(self, entry: str) -> str:
        """Return the step that fails for an entry without one, as results call it."""
        return self.step

    def is_begun(self, entry: str) -> bool:
        """Return whether a change of an entry has begun, and has not ended yet."""
        return False

    def take(self, owner: Owner) -> None:
        """Let the other sides know the new state of an owner. The changes that took effect are known already."""

    def record_failure(self, entry: str, step: str, error: TaskError) -> None:
        """Record that a step of an entry has failed, on any side, for the sentences on what is left."""

    def is_settled(self) -> bool:
        """Return whether this side has nothing more to wait for in the stage."""
        return True


AnyPathSide = PathSide[AnyState]


def without(owners: t.Container[str], plan: Plan) -> Plan:
    """Return a plan without the steps of some owners, and without changes that only these make."""
    kept = tuple(step for step in plan.steps if step.owner not in owners)
    dropped = {key for step in plan.steps for key in step.keys} - {key for step in kept for key in step.keys}
    return replace(plan, changes=tuple(change for change in plan.changes if change.key not in dropped), steps=kept)


def as_one(
    change: Change, steps: t.Iterable[Step], owner: Owner, stage: str, lanes: tuple[tuple[t.Hashable, int], ...] = ()
) -> Plan:
    """Return the plan of an owner whose steps make one change."""
    steps = (step._replace(keys=(change.key,), owner=owner, stage=stage, lanes=lanes) for step in steps)
    return Plan((change,), (*steps,))


def late_error_of(change: Change, error: WaitTimeoutError) -> TaskError:
    """Return the error of a step that was not ready before its stage timed out, with the change that it makes."""
    words = f"{change.verb} {change.key.kind} {change.name}"
    return TaskError(
        f"The time was up after {error.span} before the task could {words}.",
        hint=f"Run the task again: it goes on from there. Or raise {as_option('wait_timeout')}.",
    )


def owned_by(owner: str, cloud: Cloud, entries: t.Iterable[PeerEntry]) -> PeerEntry | None:
    """Return an entry whose network belongs to an owner in a cloud, whatever its case; None if there is none."""
    return next((entry for entry in entries if str(entry.params[cloud.owner]).lower() == owner.lower()), None)


def if_known(look: t.Callable[[], _Found]) -> _Found | None:
    """Return what is there; None if the task has no credentials for its owner.

    Raises:
        TaskError: If it cannot be read for another reason.
    """
    try:
        return look()
    except (AuthError, InvalidOptionError, NotFoundError):
        return None
