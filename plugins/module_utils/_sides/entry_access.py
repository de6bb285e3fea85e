# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access list for the connections of a list: the first reads, the plan, and the requests that its side sends."""

from __future__ import annotations

import typing as t
import weakref
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from itertools import count

from .._clouds.cloud import Fields, Peer
from .._engine.plan import Change, ChangeKey, Plan, Step
from .._engine.side import ONLY, Call, Context, Effect, Owner, Query, Replies, Waiting
from .._engine.wait import WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import StoppedError, TaskError, as_count, as_option
from .._http.pauses import Sleep, stoppable_sleep
from .._resources.access_list import MOST_ENTRIES, AccessList
from .._values.blocks import do_overlap
from .access_list import (
    IN_FORCE,
    AccessListSide,
    AccessListState,
    AccessRequest,
    AccessState,
    AccessStates,
    Entries,
    WriteResult,
    access_list_in,
    add_missing,
    after_changes,
    find_expiring,
    find_writes,
    not_in_force,
    read_statuses,
    remove_chosen,
    to_change,
)
from .access_needs import ALL_ADDRESSES, AccessNeeds, AccessRule, AccessUsers, access_list_of, place_of
from .path_state import ACCESS, CLEANING, PathSide, PathState, late_error_of

if t.TYPE_CHECKING:
    from .entry_peers import PeerRemovals
    from .entry_pruned import PrunedLeftovers

_LIST, _STATUSES = "list", "statuses"
_STEP, _SIDE, _KIND = "access_list", "Atlas", "access list entry"
# The kind of the notes about entries of the access list that nothing explains.
_MARKED = "marked entries"
# The owner of the request that adds entries.
_ADD = ("add", "")
# Reads the blocks of the clients of a network, or of all networks of its project, by the names of networks in lower case.
BlockReader = t.Callable[[Fields], t.Mapping[str, t.Sequence[str]]]
# Waits until no other task changes the list, at most so many seconds; yields False after a timeout.
Turn = t.Callable[[float, Sleep], AbstractContextManager[bool]]
# A step that waits for its turn ends this many seconds before its stage.
_MARGIN = 1.0
_LATE_HINT = (
    f"Raise {as_option('wait_timeout')} next time. Nothing else is to do: atlas_access_list_info with include_status shows when "
    "they are in force."
)


class EntryAccess(PathSide[AccessState], AccessListSide):
    """What the connections of a list need in the access list of the project, and leave there.

    Args:
        context: What all sides of the run share.
        entries: The entries.
        path: What is known of all sides.
        access_list: The access list in Atlas.
        removals: The connections that the task removes.
        pruned: What is removed before connections are pruned; None if the task does not prune.
        unlisted: Lists the connections with each cloud whose connections no other side reads.
        read_blocks: Reads the blocks of clients on AZURE and GCP.
        turn: Waits for the turn of this task.

    Attributes:
        needs: What connections need and leave.
        users: The connections that stay, with what they use.
    """

    step = _STEP

    def __init__(
        self,
        context: Context,
        entries: t.Sequence[PeerEntry],
        path: PathState,
        access_list: AccessList,
        removals: PeerRemovals,
        pruned: PrunedLeftovers | None,
        unlisted: t.Mapping[str, t.Callable[[], list[Peer]]],
        read_blocks: BlockReader,
        turn: Turn,
    ) -> None:
        super().__init__(context, access_list, ())
        self._path, self._is_absent = path, context.params["state"] == "absent"
        # A cycle would keep all that was read in memory for a while.
        self.reader = AccessRequests(context, path, access_list, weakref.proxy(self), turn)
        self.needs = AccessNeeds(entries, self._is_absent, removals)
        self.users = AccessUsers(self.needs)
        self._peer_removals, self._pruned = removals, pruned
        self._unlisted, self._read_blocks = unlisted, read_blocks
        # Whether the connections of the unlisted clouds are read.
        self._has_others = False
        # As last planned: the connections that fail with each entry of the access list, and the entries of each request.
        self._owners_of: dict[str, t.Sequence[str]] = {}
        self._requested: dict[Owner, tuple[str, ...]] = {}

    def first_queries(self, *, is_first: bool) -> t.Iterable[Query]:
        """Ask for the list; then for who else may need what would be removed: connections on other clouds, blocks of clients."""
        calls: dict[t.Hashable, Call] = {}
        if is_first:
            calls[_LIST] = self._access_list.list_entries
        elif any(do_overlap(name, ALL_ADDRESSES) for name in self.users.to_remove(self._path, with_unread=True)):
            users = self.users.users(self._path) if self._has_others else ()
            unread = (user.network for user in users if user.blocks is None and not user.unread)
            calls.update({place_of(network): partial(self._look_at, network) for network in unread})
            calls.update({} if self._has_others else self._unlisted)
        return [Query(key, call, (ONLY,)) for key, call in calls.items()]

    def _look_at(self, network: Fields) -> t.Mapping[str, t.Sequence[str]] | str:
        """Return the blocks of clients, or why they cannot be read, so that what they may need stays. Runs in a thread."""
        try:
            return self._read_blocks(network)
        except StoppedError:
            raise
        except TaskError as error:
            return error.message

    def observe_first(self, replies: Replies) -> t.Mapping[Owner, AccessState]:
        """Keep the list, and record what the connections need of it, and what stays."""
        listed = replies[_LIST]
        self.users.others = tuple(peer for name in self._unlisted for peer in replies.get(name, ()))
        self._has_others = replies.keys() >= {*self._unlisted}
        self.users.blocks = {key: reply for key, reply in replies.items() if isinstance(key, tuple)}
        path = self._path
        path.access = AccessListState(listed, listed, waiting=())
        self._peer_removals.find_early()
        # A wide entry is removed after the narrow one is in force, which an earlier run may have added.
        before = [name for name in self.needs.replacements(self.users.to_remove(path), path) if name in listed]
        path.access = replace(path.access, waiting=(*before,))
        self._record_reasons()
        return {}

    def take_steps(self, steps: t.Sequence[Step]) -> None:
        """Begin with the requests of the plan, and the list."""
        self.begin([step.owner for step in steps], access_list_of(self._path))

    def plan_list(self) -> Plan:
        """Plan what to add, and what to remove."""
        state = self._path
        access = access_list_of(state)
        self._peer_removals.find()
        replaced, wanted = self.needs.replaced(state), self.needs.wanted(state)
        to_remove = self.users.to_remove(state)
        needs = {**to_remove, **wanted}
        self._owners_of.update({name: need.owners for name, need in needs.items()})
        # What a network no longer needs is removed after what it needs was added; the rest first, and in one step.
        batches: dict[str, list[Change]] = {}
        for name, need in to_remove.items():
            owner = need.owners[0] if name in replaced else ""
            batches.setdefault(owner, []).append(to_change(name, access.listed[name], None))
        entries = {name: need.entry for name, need in wanted.items()}
        # Those of others keep their comments.
        added = find_writes(entries, access.listed, keep_comment=True)
        steps = [self._to_step(("remove", owner), needs, batch, IN_FORCE if owner else None) for owner, batch in batches.items()]
        steps += [self._to_step(_ADD, needs, added)] if added else []
        removals = (change for batch in batches.values() for change in batch)
        changes = tuple(_shown(change, needs[change.key]) for change in (*removals, *added))
        expiring = find_expiring(entries, access.listed, None)
        warnings = (
            f"Atlas will remove entries of the access list that connections need: {expiring}. Make them permanent in Atlas, or "
            "remove them there and run the task again.",
        )
        # Atlas counts old and new entries together.
        staying = len(access.listed) - len(batches.get("", ()))
        refusals = _above_limit(staying, len(added), len(to_remove.keys() & replaced.keys()))
        refusals.update(self.needs.groups_elsewhere([wanted[change.key] for change in added if change.before is None], state))
        return Plan(changes, tuple(steps), warnings if expiring else (), refusals=refusals)

    def _to_step(
        self, owner: tuple[str, str], needs: t.Mapping[str, AccessRule], changes: t.Sequence[Change], after: str | None = None
    ) -> Step:
        """Return a request. It counts as an update, since it may be sent again after it has taken effect in part."""
        names = self._requested[owner] = tuple(change.key for change in changes)
        keys = tuple(_shown(change, needs[change.key]).key for change in changes)
        stage = ACCESS if self._is_absent or after is not None or owner == _ADD else CLEANING
        request = AccessRequest(names, (*changes,))
        return Step("update", request, keys, after, owner=owner, stage=stage, lanes=((self.name, 1),))

    def assume(self, plan: Plan) -> None:
        """Assume the list after a plan."""
        access = access_list_of(self._path)
        changes = (change for step in plan.steps for change in step.request.changes)
        self._path.access = replace(access, listed=after_changes(access.listed, changes))

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries and pruned connections that fail with an entry of the access list, with a request, or the list."""
        if owner == ONLY:
            return (ONLY,)
        names = self._requested.get(owner, (str(owner),)) if step is None else step.request.sent
        return [*dict.fromkeys(key for name in names for key in self._owners_of.get(name, ()))]

    def is_clear(self, step: Step) -> bool:
        """Return whether pruned connections leave nothing in the customer's cloud, so that their entries can be removed.

        Raises:
            TaskError: If all connections of the step have failed.
        """
        failures, owners = self._path.failures, self.entries_of(step.owner, step)
        left = [owner for owner in owners if owner not in failures]
        if owners and not left:
            raise failures[owners[0]].error
        return self._pruned is None or all(map(self._pruned.is_clean, left))

    def to_changes(self, made: t.Iterable[Change]) -> list[Change]:
        """Return changes of the access list as results show them, with the first connection that they are for."""
        state = self._path
        needs = {**self.needs.candidates(state), **self.needs.wanted(state)}
        return [_shown(change, needs[change.key]) for change in made if change.key in needs]

    def take(self, owner: Owner) -> None:
        """Show the access list after a request or a look."""
        found = self.states[owner]
        if isinstance(found, AccessListState):
            self._path.access = found
            self._record_reasons()

    def record_failure(self, entry: str, step: str, error: TaskError) -> None:
        """Record that entries stay because failed connections still use them."""
        self._record_reasons()

    def _record_reasons(self) -> None:
        """Record which entries the connections need, why others stay, and what else is marked."""
        state = self._path
        needed, (kept, foreign) = self.needs.asked_for(state), self.users.reasons_to_keep(state)
        notes = {about: note for about, note in state.notes.items() if about[0] != _MARKED}
        known = {*needed, *kept, *self.needs.candidates(state)}
        found = (*self.needs.unlisted_marks(state, known), *self.users.unmarked(state, known))
        state.notes = {**notes, **{(_MARKED, owner): note for owner, note in found}}
        state.wanted_entries, state.kept_entries, state.foreign = (*needed,), kept, frozenset(foreign)


class AccessRequests:
    """The requests to the access list that connections need, and the entries that come into force.

    All additions are one request, and removals are sent one by one in one step. Both read the list again, when it is the turn of
    this task among those of its machine. A refusal of Atlas fails for its connections alone.

    Args:
        context: What all sides of the run share.
        path: What is known of all sides.
        access_list: The access list in Atlas.
        choice: What the connections need and leave.
        turn: Waits for the turn of this task.
    """

    def __init__(self, context: Context, path: PathState, access_list: AccessList, choice: EntryAccess, turn: Turn) -> None:
        self._context, self._path = context, path
        self._access_list, self._choice, self._turn = access_list, choice, turn
        # Whether a step waits for its turn; its thread sets it.
        self._waits_for_turn = False
        self._polls = count()

    def polls(self, owners: t.Sequence[Owner], states: AccessStates) -> t.Iterable[Query]:
        """Return the query for the status of one new entry and, once it is in force, of the others."""
        names = [str(owner) for owner in owners if states[owner] is False]
        if not names:
            return []
        # The first is another one each time: one that stays PENDING must not hide the others.
        first = next(self._polls) % len(names)
        read = partial(read_statuses, self._access_list, names[first:] + names[:first], self._context.params["parallel"])
        return [Query(_STATUSES, read)]

    def observe(self, replies: Replies, states: AccessStates) -> AccessStates:
        """Return which entries are in force, or never will be."""
        found: AccessStates = replies[_STATUSES]
        return found

    def plan(self, owners: t.Sequence[Owner], states: AccessStates) -> Plan:
        """Plan what is left of some requests, as far as a plan has shown it."""
        plan = self._choice.plan_list()
        steps = (self._as_shown(step) for step in plan.steps if step.owner in owners)
        return Plan(plan.changes, tuple(step for step in steps if step.keys))

    def _as_shown(self, step: Step) -> Step:
        """Return a step with the keys that a plan has shown: some connections of a shared change may have failed since."""
        shown = (one for one in self._context.plan.steps if (one.side, one.owner) == (AccessListSide.name, step.owner))
        keys = {name: key for one in shown for name, key in zip(one.request.sent, one.keys)}
        names = tuple(name for name in step.request.sent if name in keys)
        changes = tuple(change for change in step.request.changes if change.key in names)
        return step._replace(request=AccessRequest(names, changes), keys=tuple(keys[name] for name in names))

    def predicted(self, steps: t.Sequence[Step]) -> t.Sequence[Step]:
        """Return nothing: the list of connections predicts it."""
        return ()

    def wait(self, owner: Owner, step: Step | None, states: AccessStates) -> Waiting | None:
        """Wait for what comes before a request, and until new entries are in force.

        Raises:
            TaskError: If an entry never will be, or all connections of the request have failed.
        """
        if step is None:
            state = states[owner]
            if isinstance(state, TaskError):
                raise state
            return Waiting(IN_FORCE) if state is False and self._context.stage == ACCESS else None
        if not self._choice.is_clear(step):
            return Waiting("what is removed before", polls=False, ends_with_steps=True)
        return Waiting(IN_FORCE, polls=False, ends_with_steps=True) if self._awaited(step, states) else None

    def _awaited(self, step: Step, states: AccessStates) -> list[str]:
        """Return what has to be in force before a step removes wide entries; nothing if these stay after a failure."""
        if step.after is None:
            return []
        names = self._choice.needs.replacements(step.request.sent, self._path)
        return [name for name in names if states.get(name) is False or name not in access_list_in(states, step.owner).listed]

    def late_error(self, owner: Owner, step: Step | None, error: WaitTimeoutError, states: AccessStates) -> TaskError:
        """Return the error of an entry that is not in force, or of a request that was not clear in time."""
        names = [str(owner)] if step is None else self._awaited(step, states)
        if step is None or names:
            late = not_in_force(names, error)
            # An earlier run's entry is waited for where it replaces a wider one.
            return late.with_hint(_LATE_HINT) if step is None else late
        first: Change = step.request.changes[0]
        return late_error_of(first._replace(key=step.keys[0], verb=first.action, name=first.key), error)

    def write(self, step: Step, access: AccessListState) -> Call:
        """Return a call that adds entries or removes some, when it is the turn of this task."""
        names, path = step.request.sent, self._path
        if any(change.after is not None for change in step.request.changes):
            entries = {name: need.entry for name, need in self._choice.needs.wanted(path).items() if name in names}
            return partial(self._in_turn, partial(add_missing, self._access_list, entries))
        # It runs in a thread, while other entries may fail.
        choose = partial(_removals, self._choice.users, names, replace(path, failures=dict(path.failures)))
        if not choose(access.listed):
            # The connections that no longer needed it have failed since.
            return partial(WriteResult.of, access.listed, ())
        return partial(self._in_turn, partial(remove_chosen, self._access_list, choose))

    def _in_turn(self, write: t.Callable[[], WriteResult]) -> WriteResult:
        """Write when it is the turn of this task. Runs in a thread.

        Raises:
            TaskError: If the turn never came, or the outcome of some entries is unknown.
        """
        params = self._context.params
        patience = max(params["wait_timeout"] - _MARGIN, _MARGIN / 2)
        with self._turn(patience, self._wait) as has_turn:
            self._waits_for_turn = False
            if not has_turn:
                raise TaskError(
                    f"Another task on this machine has held the access list of project {params['group_id']} for "
                    f"{as_count(f'{patience:.0f} seconds')}.",
                    hint=f"Run the task again, or raise {as_option('wait_timeout')}.",
                )
            return write()

    def _wait(self, seconds: float) -> None:
        self._waits_for_turn = True
        stoppable_sleep(seconds)

    def effect(self, written: WriteResult, new: t.Sequence[str]) -> Effect:
        """Return the changes made, as results show them, and the failures; new entries are waited for."""
        failed = {entry: error for name, error in written.failures.items() for entry in self._choice.entries_of(name, None)}
        return Effect(dict.fromkeys(new, False), self._choice.to_changes(written.made), failed)

    def line(self, states: AccessStates) -> str:
        """Return how many new entries are in force, or that another task has its turn first."""
        if self._waits_for_turn:
            return "another task on this machine changes the access list"
        are_in_force = [one for one in states.values() if isinstance(one, bool)] if self._context.stage == ACCESS else []
        return f"{sum(are_in_force)} of {len(are_in_force)} entries of the access list in force" if are_in_force else ""


def _removals(users: AccessUsers, names: t.Container[str], path: PathState, listed: Entries) -> list[Change]:
    to_remove = users.to_remove(replace(path, access=replace(access_list_of(path), listed=listed)))
    return [to_change(name, listed[name], None) for name in to_remove if name in names]


def _shown(change: Change, need: AccessRule) -> Change:
    """Return the change of an entry as results show it."""
    key = ChangeKey(need.owners[0], _STEP, _SIDE, _KIND, (change.key,))
    return change._replace(key=key, verb=change.action, name=change.key)


def _above_limit(staying: int, added: int, replaced: int) -> dict[str, TaskError]:
    """Return the refusal of a plan for which the list has no room."""
    number = staying + added
    if not added or number <= MOST_ENTRIES:
        return {}
    later = f" {replaced} of them would go only after the new ones are in force." if replaced else ""
    return {
        _STEP: TaskError(
            f"The access list would have {number} entries ({staying} that stay, and {added} new ones), and Atlas allows "
            f"{MOST_ENTRIES}.{later}",
            hint="Remove entries that are no longer used, or set access_list to false.",
        )
    }
