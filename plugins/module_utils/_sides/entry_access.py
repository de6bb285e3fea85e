# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access list for the connections of a list: the first reads, and the plan that its side carries out."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._clouds.cloud import Fields
from .._clouds.clouds import CLOUDS
from .._engine.plan import Change, ChangeKey, Plan, Step
from .._engine.side import AnyState, Owner
from .._engine.wait import WaitTimeoutError
from .._http.errors import StoppedError, TaskError
from .._resources.access_list import MOST_ENTRIES, AccessEntry, AccessList
from .._resources.peers import VpcPeers
from .._values.blocks import do_overlap
from .access_needs import ALL_ADDRESSES, AccessNeeds, AccessRule, AccessUsers, list_of, place_of
from .access_plan import IN_FORCE, AccessListPlanner, AccessListState, AccessRequest, Entries, entries_of, to_change
from .path_state import ACCESS, CLEANING, Answers, Chooser, Common, PathState, late_error_of

if t.TYPE_CHECKING:
    from .entry_peers import PeerRemovals
    from .entry_pruned import PrunedLeftovers

_LIST = "list"
_STEP, _SIDE, _KIND = "access_list", "Atlas", "access list entry"
# The owner of the request that adds entries.
_ADD = ("add", "")
# Reads the blocks of the clients of a network, or of all networks of its project, by the names of networks in lower case.
BlockReader = t.Callable[[Fields], t.Mapping[str, t.Sequence[str]]]


class EntryAccess(Chooser):
    """What the connections of a list need in the access list of the project, and leave there.

    Args:
        common: What all choosers get.
        client: Atlas.
        removals: The connections that the task removes.
        pruned: What is removed before connections are pruned; None if the task does not prune.
        unlisted: The clouds whose connections no other chooser reads.
        read_blocks: Reads the blocks of clients on AZURE and GCP.
    """

    name = "access"
    step = _STEP

    def __init__(
        self,
        common: Common,
        client: t.Any,
        removals: PeerRemovals,
        pruned: PrunedLeftovers | None,
        unlisted: t.Collection[str],
        read_blocks: BlockReader,
    ) -> None:
        super().__init__(common)
        self._needs = AccessNeeds(common.entries, self._is_absent, removals)
        self._users = AccessUsers(self._needs)
        # The sentences of the result on marked entries that stay.
        self._notes: list[str] = []
        self._client = client
        self._peer_removals = removals
        self._pruned = pruned
        self._unlisted = unlisted
        self._read_blocks = read_blocks
        # Whether the connections of the unlisted clouds are read.
        self._has_others = False
        # As last planned: the connections that fail with each entry of the access list, and the entries of each request.
        self._owners_of: dict[str, t.Sequence[str]] = {}
        self._requested: dict[Owner, tuple[str, ...]] = {}
        self._first_of: dict[Owner, Change] = {}

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read the list."""
        return {_LIST: AccessList(self._client, self._params["group_id"]).list_entries}

    def follow_up_reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read who else may need what would be removed: first the connections on other clouds, then the blocks of clients."""
        if not any(do_overlap(name, ALL_ADDRESSES) for name in self._users.to_remove(self._path, is_foreseen=True)):
            return {}
        if not self._has_others:
            project = self._params["group_id"]
            return {name: VpcPeers(self._client, project, CLOUDS[name]).list_peers for name in self._unlisted}
        unread = (user.network for user in self._users.users(self._path) if user.blocks is None and not user.unread)
        networks = {place_of(network): network for network in unread}
        return {place: partial(self._look_at, network) for place, network in networks.items()}

    def _look_at(self, network: Fields) -> t.Mapping[str, t.Sequence[str]] | str:
        """Return the blocks of clients, or why they cannot be read, so that what they may need stays. Runs in a thread."""
        try:
            return self._read_blocks(network)
        except StoppedError:
            raise
        except TaskError as error:
            return error.message

    def begin(self, answers: Answers) -> None:
        """Keep the list, and record what the connections need of it, and what stays."""
        listed = answers[_LIST]
        self._users.others = tuple(peer for name in self._unlisted for peer in answers.get(name, ()))
        self._has_others = answers.keys() >= {*self._unlisted}
        self._users.blocks = {key: answer for key, answer in answers.items() if isinstance(key, tuple)}
        path = self._path
        path.access = AccessListState(listed, listed, waiting=())
        self._peer_removals.foresee()
        # A wide entry is removed after the narrow one is in force, which an earlier run may have added.
        before = [name for name in self._needs.replacements(self._users.to_remove(path), path) if name in listed]
        path.access = replace(path.access, waiting=(*before,))
        self._record_reasons()

    def plan(self) -> Plan:
        """Plan what to add, and what to remove."""
        state = self._path
        access = list_of(state)
        self._peer_removals.find()
        replaced = self._needs.replaced(state)
        to_remove = self._users.to_remove(state)
        removals = [_change(name, need, access.listed[name], None) for name, need in to_remove.items()]
        wanted = self._needs.wanted(state)
        self._owners_of.update({name: need.owners for name, need in {**to_remove, **wanted}.items()})
        # What a network no longer needs is removed after what it needs was added; the rest first, and in one step.
        batches: dict[str, list[Change]] = {}
        for change in removals:
            batches.setdefault(change.key.owner if change.name in replaced else "", []).append(change)
        steps = [self._to_step(("remove", owner), batch, IN_FORCE if owner else None) for owner, batch in batches.items()]
        if self._is_absent:
            return Plan(tuple(removals), tuple(steps))
        planner = _planner(wanted)
        writes = planner.plan_present(access).changes
        added = [_change(change.key, wanted[change.key], None, entries_of(change)[1]) for change in writes]
        if added:
            steps.append(self._to_step(_ADD, added))
        expiring = planner.expiring(access, None)
        warnings = (
            f"Atlas will remove entries of the access list that connections need: {expiring}. Make them permanent in Atlas, or "
            "remove them there and run the task again.",
        )
        # Atlas counts old and new entries together.
        staying = len(access.listed) - len(batches.get("", ()))
        refusals = _above_limit(staying, len(added), len(to_remove.keys() & replaced.keys()))
        return Plan((*removals, *added), tuple(steps), warnings if expiring else (), refusals=refusals)

    def _to_step(self, owner: tuple[str, str], changes: t.Sequence[Change], after: str | None = None) -> Step:
        """Return a request. It counts as an update, since it may be sent again after it has taken effect in part."""
        keys = tuple(change.key for change in changes)
        names = self._requested[owner] = tuple(change.name for change in changes)
        self._first_of[owner] = changes[0]
        stage = ACCESS if self._is_absent or after is not None or owner == _ADD else CLEANING
        request = AccessRequest(names, tuple(to_change(name, *entries_of(change)) for name, change in zip(names, changes)))
        return Step("update", request, keys, after, owner=owner, stage=stage, lanes=((self.name, 1),))

    def plan_again(self) -> Plan:
        """Plan what is left to do."""
        return self.plan()

    def predict(self, plan: Plan) -> None:
        """Assume the list after a plan."""
        access = list_of(self._path)
        changes = [to_change(change.name, *entries_of(change)) for change in plan.changes]
        self._path.access = replace(access.with_changes(changes), waiting=())

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries and pruned connections that fail with an entry of the access list, or with a request."""
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

    def late_error(self, step: Step, error: WaitTimeoutError) -> TaskError:
        """Return the error of a request that was not clear in time."""
        return late_error_of(self._first_of[step.owner], error)

    def replacements(self, names: t.Container[str]) -> t.Iterable[str]:
        """Return what the list declares in place of the wide entries in `names`."""
        return self._needs.replacements(names, self._path)

    def planner(self, names: t.Container[str]) -> AccessListPlanner:
        """Return a planner for those of some entries that connections need which have not failed."""
        return _planner({name: need for name, need in self._needs.wanted(self._path).items() if name in names})

    def removals(self, names: t.Container[str]) -> t.Callable[[Entries], t.Sequence[Change]]:
        """Return a function that chooses the entries of a list to remove among some. It runs in a thread."""
        return partial(_removals, self._users, names, replace(self._path))

    def to_changes(self, made: t.Iterable[Change]) -> list[Change]:
        """Return changes of the access list as results show them, with the first connection that they are for."""
        state = self._path
        needs = {**self._needs.candidates(state), **self._needs.wanted(state)}
        return [_change(change.key, needs[change.key], *entries_of(change)) for change in made if change.key in needs]

    def take(self, owner: Owner, found: AnyState) -> None:
        """Take the access list as its side has it."""
        if isinstance(found, AccessListState):
            self._path.access = found
            self._record_reasons()

    def record_failure(self, entry: str, step: str, error: TaskError) -> None:
        """Record that entries stay because failed connections still use them."""
        self._record_reasons()

    def _record_reasons(self) -> None:
        """Record which entries the connections need, why others stay, and what else is marked."""
        state = self._path
        needed, (kept, foreign) = self._needs.asked_for(state), self._users.reasons_to_keep(state)
        others = [note for note in state.notes if note not in self._notes]
        self._notes = [*self._needs.unlisted_marks(state, {*needed, *kept, *self._needs.candidates(state)})]
        if (*others, *self._notes) != state.notes:
            state.notes = (*others, *self._notes)
        state.wanted_entries, state.kept_entries, state.foreign = (*needed,), kept, frozenset(foreign)


def _removals(users: AccessUsers, names: t.Container[str], path: PathState, listed: Entries) -> list[Change]:
    to_remove = users.to_remove(replace(path, access=replace(list_of(path), listed=listed)))
    return [to_change(name, listed[name], None) for name in to_remove if name in names]


def _planner(needs: t.Mapping[str, AccessRule]) -> AccessListPlanner:
    """Return a planner that adds entries: those of others stay, and keep their comments."""
    return AccessListPlanner({"entries": [need.entry for need in needs.values()], "keep_comment": True, "prune": False})


def _change(name: str, need: AccessRule, before: AccessEntry | None, after: AccessEntry | None) -> Change:
    """Return the change of an entry as results show it."""
    key = ChangeKey(need.owners[0], _STEP, _SIDE, _KIND, (name,))
    return to_change(name, before, after)._replace(key=key, verb="delete" if after is None else "create", name=name)


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
