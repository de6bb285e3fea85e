# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all connections need in the access list, what those that leave no longer need, and why the rest stays."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import CLOUDS, block_of, cloud_of, name_of
from .._engine.plan import Change, Plan, Step
from .._engine.side import AnyState, Owner
from .._http.errors import StoppedError, TaskError
from .._resources.access_list import MOST_ENTRIES, AccessEntry, AccessList, is_name, key_of, spelled
from .._resources.peers import VpcPeers
from .._values.blocks import do_overlap, is_part
from .access_plan import (
    IN_FORCE,
    AccessListPlanner,
    AccessListState,
    AccessRequest,
    Entries,
    entries_of,
    other_comment,
    to_change,
)
from .entries import PathEntry, default_comment
from .part import Answers, Common, PathPart
from .path_state import ACCESS, CLEANING, PathState, What

if t.TYPE_CHECKING:
    from .entry_peers import Leaving
    from .entry_pruned import PrunedLeftovers

_LIST = "list"
_STEP, _SIDE, _KIND = "access_list", "Atlas", "access list entry"
# The owner of the request that adds entries.
_ADD = ("add", "")
# Reads the blocks of the clients of a network, or of all networks of its project, by the names of networks in lower case.
BlockReader = t.Callable[[Fields], t.Mapping[str, t.Sequence[str]]]
_ALL_ADDRESSES = "0.0.0.0/0"


@dataclass
class _Need:
    """An entry of the access list that connections need, or leave, or that their networks need no longer.

    Attributes:
        entry: The entry, with the comment of the first one.
        owners: The keys of the entries of the list, or the ids of pruned connections, in order.
        comments: The comments by which it is known as theirs.
        networks: Their networks, as `_network_of` returns them.
    """

    entry: AccessEntry
    owners: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    networks: list[tuple[str, ...]] = field(default_factory=list)


class _User(t.NamedTuple):
    """A connection that stays, or that an entry of the list is about to get.

    Attributes:
        title: Its name for the user.
        network: Its network.
        blocks: The blocks of its clients; None if they are not known. For a connection of the list that declares what it needs,
            only those that it will not get: the others stay anyway.
        unread: Why the blocks could not be read; empty if they were not asked for.
    """

    title: str
    network: Fields
    blocks: t.Sequence[str] | None
    unread: str = ""

    def needs(self, name: str) -> bool | None:
        """Whether clients of the connection need an entry because of their blocks; None if that is not known."""
        if self.blocks is None:
            # Clients come from addresses of IPv4.
            return None if do_overlap(name, _ALL_ADDRESSES) else False
        return any(do_overlap(block, name) for block in self.blocks)


class EntryAccess(PathPart):
    """What the connections of a list need in the access list of the project, and leave there.

    Args:
        common: What all parts get.
        client: Atlas.
        now: Returns the current state.
        leaving: The connections that the task removes.
        pruned: What is cleaned before connections are pruned; None if the task does not prune.
        unlisted: The clouds whose connections no other part reads.
        read_blocks: Reads the blocks of clients on AZURE and GCP.
    """

    name = "access"

    def __init__(
        self,
        common: Common,
        client: t.Any,
        now: t.Callable[[], PathState],
        leaving: Leaving,
        pruned: PrunedLeftovers | None,
        unlisted: t.Collection[str],
        read_blocks: BlockReader,
    ) -> None:
        super().__init__(common)
        self._entries = common.entries
        self._by_key = {entry.key: entry for entry in self._entries}
        # The entries of each network, which may have a connection in each region.
        self._groups: dict[tuple[str, ...], list[PathEntry]] = {}
        for entry in self._entries:
            self._groups.setdefault(_network_of(entry.network), []).append(entry)
        # What the result says of marked entries that stay.
        self._notes: list[str] = []
        # The entries when the task began, and their names by comment: comparing all with all takes long.
        self._first: t.Mapping[str, AccessEntry] = {}
        self._by_comment: dict[str | None, list[str]] = {}
        self._client = client
        self._now = now
        self._leaving = leaving
        self._pruned = pruned
        self._unlisted = unlisted
        self._read_blocks = read_blocks
        # What reads_more has read: the connections of the unlisted clouds, and the blocks of clients by place.
        self._others: tuple[Peer, ...] = ()
        self._has_others = False
        # Or why they could not be read.
        self._blocks: dict[tuple[str, ...], t.Mapping[str, t.Sequence[str]] | str] = {}
        # The connections that fail with each entry of the access list, and the entries of each request, as planned last.
        self._owners_of: dict[str, t.Sequence[str]] = {}
        self._requested: dict[Owner, tuple[str, ...]] = {}

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read the list."""
        return {_LIST: AccessList(self._client, self._params["group_id"]).list_entries}

    def reads_more(self, state: PathState) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read who else may need what would go: first the connections on the other clouds, then the blocks of clients there."""
        if not any(do_overlap(name, _ALL_ADDRESSES) for name in self._going(state, is_foreseen=True)):
            return {}
        if not self._has_others:
            project = self._params["group_id"]
            return {name: VpcPeers(self._client, project, CLOUDS[name]).list_peers for name in self._unlisted}
        unread = (user.network for user in self._users(state) if user.blocks is None and not user.unread)
        return {place: partial(self._look_at, network) for place, network in {_place_of(one): one for one in unread}.items()}

    def _look_at(self, network: Fields) -> t.Mapping[str, t.Sequence[str]] | str:
        """Return the blocks of clients, or why they cannot be read: what these clients may need stays then. Runs in a thread."""
        try:
            return self._read_blocks(network)
        except StoppedError:
            raise
        except TaskError as error:
            return error.message

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Keep the list, and say what the connections need of it, and what stays."""
        listed = answers[_LIST]
        self._others = tuple(peer for name in self._unlisted for peer in answers.get(name, ()))
        self._has_others = answers.keys() >= {*self._unlisted}
        self._blocks = {key: answer for key, answer in answers.items() if isinstance(key, tuple)}
        state = replace(state, access=AccessListState(listed, listed, waiting=()))
        self._leaving.foresee(state)
        # A wide entry goes after the narrow one is in force, which an earlier run may have added.
        before = [name for name in self._replacements(self._going(state), state) if name in listed]
        return self._judged(replace(state, access=replace(_list_of(state), waiting=(*before,))))

    def plan(self, state: PathState) -> Plan:
        """Plan what to add, and what to remove."""
        access = _list_of(state)
        self._leaving.find(state)
        replaced = self._replaced(state)
        going = self._going(state)
        removals = [self._change(name, need, access.listed[name], None) for name, need in going.items()]
        wanted = self._wanted(state)
        self._owners_of.update({name: need.owners for name, need in {**going, **wanted}.items()})
        # What a network needs no longer goes after what it needs was added; the rest first, and in one step.
        batches: dict[str, list[Change]] = {}
        for change in removals:
            what = What.of(change.key)
            batches.setdefault(what.owner if what.name in replaced else "", []).append(change)
        steps = [self._to_step(("remove", owner), batch, IN_FORCE if owner else None) for owner, batch in batches.items()]
        if self._is_absent:
            return Plan(tuple(removals), tuple(steps))
        planner = self._planner(wanted)
        writes = planner.plan_present(access).changes
        added = [self._change(one.key, wanted[one.key], None, entries_of(one)[1]) for one in writes]
        if added:
            steps.append(self._to_step(_ADD, added))
        expiring = planner.expiring(access, None)
        warnings = (
            f"Atlas will remove entries of the access list that connections need: {expiring}. Make them permanent in Atlas, or "
            "remove them there and run the task again.",
        )
        # Atlas counts old and new ones together.
        refusals = self._above_limit(
            len(access.listed) - len(batches.get("", ())), len(added), len(going.keys() & replaced.keys())
        )
        return Plan((*removals, *added), tuple(steps), warnings if expiring else (), refusals=refusals)

    def _to_step(self, owner: tuple[str, str], changes: t.Sequence[Change], after: str | None = None) -> Step:
        """Return a request. It is an update of the list, since it may be sent again after it has taken effect in part."""
        keys = tuple(change.key for change in changes)
        names = self._requested[owner] = tuple(What.of(key).name for key in keys)
        stage = ACCESS if self._is_absent or after is not None or owner == _ADD else CLEANING
        request = AccessRequest(names, tuple(to_change(name, *entries_of(one)) for name, one in zip(names, changes)))
        return Step("update", request, keys, after, owner=owner, stage=stage, lanes=((self.name, 1),))

    def plan_again(self) -> Plan:
        """Plan what is left to do."""
        return self.plan(self._now())

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state with the list after a plan."""
        access = _list_of(state)
        changes = [to_change(What.of(one.key).name, *entries_of(one)) for one in plan.changes]
        return replace(state, access=replace(access.with_changes(changes), waiting=()))

    def entries_of(self, owner: Owner, step: Step | None) -> t.Sequence[str]:
        """Return the entries and pruned connections that fail with an entry of the access list, or with a request."""
        names = self._requested.get(owner, (str(owner),)) if step is None else step.request.sent
        return [*dict.fromkeys(one for name in names for one in self._owners_of.get(name, ()))]

    def key_of(self, entry: str) -> str:
        """Return the key of an entry in the access list, whichever."""
        return What(entry, _STEP, _SIDE, "", _KIND, "").key

    def is_clear(self, step: Step) -> bool:
        """Return whether what is pruned is clean in the customer's cloud, so that its entries can go.

        Raises:
            TaskError: If all connections that the step is for have failed.
        """
        failures, owners = self._now().failures, self.entries_of(step.owner, step)
        left = [owner for owner in owners if owner not in failures]
        if owners and not left:
            raise failures[owners[0]].error
        return self._pruned is None or all(map(self._pruned.is_clean, left))

    def replacements(self, names: t.Container[str]) -> t.Iterable[str]:
        """Return what the list declares in place of those wide entries that `names` has."""
        return self._replacements(names, self._now())

    def _replacements(self, names: t.Container[str], state: PathState) -> dict[str, None]:
        """Return what the list declares in place of those wide entries that `names` has, by name."""
        found = (need.owners for name, need in self._replaced(state).items() if name in names)
        owners = dict.fromkeys(owner for own in found for owner in own)
        return dict.fromkeys(name for owner in owners for name in self._names(self._by_key[owner], state))

    def planner(self, names: t.Container[str]) -> AccessListPlanner:
        """Return the planner of those of some entries that connections need which have not failed."""
        return self._planner({name: need for name, need in self._wanted(self._now()).items() if name in names})

    def removals(self, names: t.Container[str]) -> t.Callable[[Entries], t.Sequence[Change]]:
        """Return what chooses which of some entries a list has that nothing needs which stays. It runs in a thread."""
        return partial(self._removals, names, self._now())

    def _removals(self, names: t.Container[str], state: PathState, listed: Entries) -> list[Change]:
        going = self._going(replace(state, access=replace(_list_of(state), listed=listed)))
        return [to_change(name, listed[name], None) for name in going if name in names]

    def to_changes(self, made: t.Iterable[Change]) -> list[Change]:
        """Return changes of the access list as results show them, with the first connection that they are for."""
        state = self._now()
        needs = {**self._candidates(state), **self._wanted(state)}
        return [self._change(one.key, needs[one.key], *entries_of(one)) for one in made if one.key in needs]

    def take(self, owner: Owner, found: AnyState, done: t.Mapping[t.Hashable, Change], state: PathState) -> PathState:
        """Return the state with the access list as its side has it, and with what was done to it."""
        if not isinstance(found, AccessListState):
            return state
        return self._judged(replace(state, access=found).with_done(found.done.values()))

    def record_failure(self, what: What, error: TaskError, state: PathState) -> PathState:
        """Return the state in which entries stay that what has failed still uses."""
        return self._judged(state)

    def _planner(self, needs: t.Mapping[str, _Need]) -> AccessListPlanner:
        """Return a planner that adds entries: what others have added keeps its comment, and stays."""
        return AccessListPlanner({"entries": [need.entry for need in needs.values()], "keep_comment": True, "prune": False})

    # What connections need, and what they leave.

    def _wanted(self, state: PathState) -> dict[str, _Need]:
        """Return what the connections need that have not failed, by name, in their order."""
        needs: dict[str, _Need] = {}
        for entry in () if self._is_absent else self._entries:
            if entry.key not in state.failures:
                self._add_needs(needs, entry, self._subjects(entry, state))
        return needs

    def _leavings(self, state: PathState) -> dict[str, _Need]:
        """Return what the connections leave that the task removes, by name, in their order; some of it may stay."""
        needs: dict[str, _Need] = {}
        for entry in self._entries if self._is_absent else ():
            self._add_needs(needs, entry, self._subjects(entry, state))
        for group in self._groups.values() if self._is_absent else ():
            marked = self._marked(group, state)
            for entry in group:
                self._add_needs(needs, entry, marked.values())
        for peer in self._leaving.pruned:
            fields = fields_of(peer)
            comment, network = default_comment(fields, cloud_of(fields)), _network_of(fields)
            for name, listed in _list_of(state).first.items():
                if listed["comment"] == comment:
                    need = needs.setdefault(name, _Need(listed))
                    need.owners.append(peer["id"])
                    need.comments.append(comment)
                    need.networks.append(network)
        return needs

    def _candidates(self, state: PathState) -> dict[str, _Need]:
        """Return what may go, by name: what connections leave, and what networks of the list need no longer."""
        return {**self._leavings(state), **self._replaced(state)}

    def _marked(self, group: t.Sequence[PathEntry], state: PathState) -> dict[str, AccessEntry]:
        """Return the entries with a mark of a network that were there when the task began, by name."""
        first = _list_of(state).first
        if self._first is not first:
            self._first, self._by_comment = first, {}
            for name, one in first.items():
                self._by_comment.setdefault(one["comment"], []).append(name)
        marks = dict.fromkeys(mark for entry in group for mark in entry.marks)
        return {name: first[name] for mark in marks for name in self._by_comment.get(mark, ()) if is_name(name)}

    def _replaced(self, state: PathState) -> dict[str, _Need]:
        """Return what the networks of the list need no longer, by name: with their mark, and wider than what they declare."""
        found: dict[str, _Need] = {}
        if self._is_absent:
            return found
        needed = self._asked_for(state)
        # What has failed may go on using what it had.
        failed = {mark for owner in state.failures if owner in self._by_key for mark in self._by_key[owner].marks}
        for group in self._groups.values():
            for name, one in self._marked(group, state).items():
                if name not in needed and one["comment"] not in failed and self._is_wider(name, group, state):
                    for entry in group:
                        self._add_needs(found, entry, [one])
        return found

    def _is_wider(self, name: str, group: t.Sequence[PathEntry], state: PathState) -> bool:
        """Whether all that a network declares is a part of an entry: its blocks, or a group of a VPC that has addresses there."""
        declared = [[*self._subjects(entry, state)] for entry in group]
        subjects = [one for own in declared for one in own]
        if all(declared) and all(is_part(one["cidr_block"], name) for one in subjects):
            return True
        has_group = any(one["aws_security_group"] is not None for one in subjects)
        return has_group and any(do_overlap(block, name) for entry in group for block in self._network_blocks(entry, state))

    def _network_blocks(self, entry: PathEntry, state: PathState) -> t.Iterator[str]:
        """Yield the blocks of a VPC, as far as they are known: those in AWS, in the entry, and in Atlas."""
        view, own = state.aws.get(entry.key), state.peers.entries.get(entry.key)
        yield from () if view is None or view.vpc is None else view.vpc.cidr_blocks
        yield from entry.blocks
        if own is not None and own.peer is not None and (block := block_of(fields_of(own.peer))) is not None:
            yield block

    def _names(self, entry: PathEntry, state: PathState) -> list[str]:
        return [str(key_of(one)) for one in self._subjects(entry, state)]

    def _add_needs(self, needs: dict[str, _Need], entry: PathEntry, subjects: t.Iterable[AccessEntry]) -> None:
        network = _network_of(entry.network)
        for subject in subjects:
            need = needs.setdefault(str(key_of(subject)), _Need(subject))
            need.owners.append(entry.key)
            need.comments.extend(entry.marks)
            need.networks.append(network)

    def _subjects(self, entry: PathEntry, state: PathState) -> t.Iterator[AccessEntry]:
        """Yield what a connection needs in the access list; nothing if the blocks of its clients are not known."""
        group = entry.params["aws_security_group"]
        unset: AccessEntry = {
            "cidr_block": None,
            "ip_address": None,
            "aws_security_group": None,
            "comment": entry.comment,
            "delete_after_date": None,
        }
        if group is not None:
            yield {**unset, "aws_security_group": spelled(group, _list_of(state).listed)}
            return
        for block in entry.blocks or self._known_blocks(entry, state):
            yield {**unset, "cidr_block": block}

    def _known_blocks(self, entry: PathEntry, state: PathState) -> t.Sequence[str]:
        """Return the blocks of the clients of an entry that does not say them, from the cloud or, of what leaves, from Atlas."""
        access = state.azure.get(entry.key)
        if access is not None:
            return () if access.vnet is None else access.vnet.prefixes
        if self._is_absent:
            own = state.peers.entries.get(entry.key)
            seen = [
                *(() if own is None else (own.peer, *own.dying)),
                *(one for owner, one in self._leaving.peers.values() if owner == entry.key),
            ]
            blocks = [block_of(fields_of(peer)) for peer in seen if peer is not None]
            return [block for block in blocks if block is not None][:1]
        view = state.aws.get(entry.key)
        known = () if view is None or view.vpc is None else view.vpc.cidr_blocks
        return known if len(known) == 1 else ()

    def _users(self, state: PathState) -> list[_User]:
        """Return the connections that stay, and those that entries of the list are about to get."""
        owners = {own.peer["id"]: key for key, own in state.peers.entries.items() if own.peer is not None}
        owners |= {id_: owner for id_, (owner, _peer) in self._leaving.peers.items()}
        found = {entry.key: self._missing(entry, state) for entry in self._entries}
        # An entry is a better name than the id of its connection.
        wanted = () if self._is_absent else self._entries
        users = [self._to_user(entry.title, entry.network, found[entry.key]) for entry in wanted]
        for peer in (*state.peers.listed, *self._others):
            cloud, fields, owner = cloud_of(peer), fields_of(peer), owners.get(peer["id"])
            is_leaving = peer["id"] in self._leaving.peers and owner not in state.failures
            if not is_leaving and peer["status_name"] not in (cloud.failed, cloud.terminating):
                title = str(fields.get(cloud.accepted_id or "") or peer["id"])
                users.append(self._to_user(title, fields, found.get(owner or "")))
        return users

    def _missing(self, entry: PathEntry, state: PathState) -> t.Sequence[str] | None:
        """Return the blocks that an entry declares and will not get, since it has failed; None if it declares nothing."""
        names = self._names(entry, state)
        if not names:
            return None
        return [name for name in names if name not in _list_of(state).listed] if entry.key in state.failures else ()

    def _to_user(self, title: str, network: Fields, declared: t.Sequence[str] | None) -> _User:
        """Return a connection that stays, with what `_missing` returns for its entry; None for one of no entry."""
        cloud = cloud_of(network)
        if declared is not None:
            return _User(title, network, declared)
        if cloud.block is not None:
            block = block_of(network)
            return _User(title, network, () if block is None else (block,))
        found = self._blocks.get(_place_of(network))
        if found is None or isinstance(found, str):
            return _User(title, network, None, found or "")
        return _User(title, network, found.get(str(network[cloud.network]).lower(), ()))

    def _going(self, state: PathState, *, is_foreseen: bool = False) -> dict[str, _Need]:
        """Return what to remove of what the connections leave: nothing needs it, and it is ours.

        Args:
            state: The state.
            is_foreseen: Whether it counts what may go once it is read who needs it.
        """
        listed, left = _list_of(state).listed, self._left(state, is_foreseen=is_foreseen)
        needed = self._asked_for(state)
        going = {}
        for name, need in self._candidates(state).items():
            current = listed.get(name)
            if current is None or current["comment"] not in need.comments or name in needed or name in left:
                continue
            if not state.failures.keys() & {*need.owners}:
                # The Operation compares the comment with one.
                entry: AccessEntry = {**need.entry, "comment": current["comment"]}
                going[name] = replace(need, entry=entry)
        return going

    def _left(self, state: PathState, *, is_foreseen: bool = False) -> dict[str, str]:
        """Return why entries stay that connections leave, by name; see `_going`."""
        replaced, left = self._replaced(state), dict[str, str]()
        candidates = {**self._leavings(state), **replaced}
        if not candidates:
            return left
        listed, users, needed = _list_of(state).listed, self._users(state), self._asked_for(state)
        by_network = {_network_of(one.network): one for one in reversed(users)}
        on_aws = next((one for one in users if self._is_absent and cloud_of(one.network) is AWS), None)
        users = [one for one in users if one.blocks is None or one.blocks]
        for name, need in candidates.items():
            current = listed.get(name)
            if current is None or name in needed or all(owner in state.failures for owner in need.owners):
                continue
            answers = [(one, one.needs(name)) for one in users]
            # What replaces an entry is in the list: its network declares it.
            networks = () if name in replaced else need.networks
            of_same_network = (by_network[one] for one in networks if one in by_network)
            user = next(iter((*of_same_network, *(one for one, is_needed in answers if is_needed))), None)
            unclear = next((one for one, is_needed in answers if is_needed is None and (one.unread or not is_foreseen)), None)
            failed = next((owner for owner in need.owners if owner in state.failures), None)
            if user is not None:
                left[name] = f"{name} stays in the access list, because {user.title} still uses it."
            elif failed is not None:
                title = self._by_key[failed].title if failed in self._by_key else failed
                left[name] = f"{name} stays in the access list, because {title} has failed and still uses it."
            elif current["comment"] not in need.comments:
                if self._is_absent:
                    left[name] = other_comment(name, current, need.comments[0])
            elif on_aws is not None and current["aws_security_group"] and self._is_shared(name, current, state):
                left[name] = f"{name} stays in the access list, because {on_aws.title} may use it."
            elif unclear is not None:
                left[name] = _may_need(name, unclear)
        return left

    def _is_shared(self, name: str, current: AccessEntry, state: PathState) -> bool:
        """Whether only a comment which other networks may have, too, says that an entry is one of the list."""
        if any(name in self._names(entry, state) for entry in self._entries):
            return False
        return all(current["comment"] != default_comment(entry.params, entry.provider) for entry in self._entries)

    def _asked_for(self, state: PathState) -> dict[str, None]:
        """Return the names of what the list of connections asks for, in its order, whether a connection has failed or not."""
        entries = () if self._is_absent else self._entries
        return dict.fromkeys(name for entry in entries for name in self._names(entry, state))

    def _judged(self, state: PathState) -> PathState:
        """Return the state with the names that the connections need, why others stay, and what else is marked."""
        needed, left = self._asked_for(state), self._left(state)
        others = [one for one in state.notes if one not in self._notes]
        self._notes = [*self._unlisted_marks(state, {*needed, *left, *self._candidates(state)})]
        return replace(state, allowed=(*needed,), left=left, notes=(*others, *self._notes))

    def _unlisted_marks(self, state: PathState, known: t.Container[str]) -> t.Iterator[str]:
        """Yield a sentence for each network of the list with marked entries of which nothing else is known."""
        for group in () if self._is_absent else self._groups.values():
            names = [name for name in self._marked(group, state) if name in _list_of(state).listed and name not in known]
            if names:
                stay, they, them = ("stays", "it is", "it") if len(names) == 1 else ("stay", "they are", "them")
                yield (
                    f"{', '.join(names)} {stay} in the access list: by the comment, {they} of this network ({group[0].name}), "
                    f"and in no entry of this list. Remove {them} in Atlas if no other list needs {them}."
                )

    # Changes and failures.

    def _change(self, name: str, need: _Need, before: AccessEntry | None, after: AccessEntry | None) -> Change:
        """Return the change of an entry as results show it."""
        change = to_change(name, before, after)
        key = What(need.owners[0], _STEP, _SIDE, "delete" if after is None else "create", _KIND, name).key
        return change._replace(key=key)

    def _above_limit(self, staying: int, added: int, replaced: int) -> dict[str, TaskError]:
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


def _list_of(state: PathState) -> AccessListState:
    return t.cast(AccessListState, state.access)


def _network_of(fields: Fields) -> tuple[str, ...]:
    """Return what all connections of one network have in common; see `Cloud.is_same_network`."""
    cloud = cloud_of(fields)
    values = (str(fields[name]) for name in cloud.network_identity)
    return (cloud.name, *(one.casefold() if cloud.ignores_case else one for one in values))


def _place_of(network: Fields) -> tuple[str, ...]:
    """Return what one request reads: a VNet, or a project of GCP."""
    cloud = cloud_of(network)
    names = (cloud.owner,) if cloud.has_one_container else cloud.names
    return (cloud.name, *(str(network[name]).lower() for name in names))


def _may_need(name: str, user: _User) -> str:
    """Return why an entry stays that a connection may need, and what would free it."""
    cloud, owner = cloud_of(user.network), user.network[cloud_of(user.network).owner]
    why = f" ({user.unread.rstrip('.')})" if user.unread else ""
    return (
        f"{name} stays in the access list, because {name_of(user.network)} may need it, and the blocks of its clients are not "
        f"known{why}. With credentials that may read the {cloud.noun} in {cloud.owner_noun} {owner}, the task finds out whether "
        "it does. Or remove the entry in Atlas if no client there needs it."
    )
