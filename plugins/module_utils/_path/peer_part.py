# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections in Atlas, on all clouds as one set: their request, change, replacement and removal, and the waits for them."""

from __future__ import annotations

import re
import typing as t
from dataclasses import replace

from .._clouds.aws import AWS
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import ALL, cloud_of, identity_of, is_leaving, is_pending, name_of
from .._engine.plan import Change, Plan, Step, listed
from .._engine.wait import GONE, WaitTimeoutError
from .._http.errors import TaskError
from .._peer_set.options import PeerEntry
from .._peer_set.requests import PeerSet
from .._peer_set.state import PeerSetState
from .._peer_set.waiter import PeerSetWaiter
from .._peering.connection import CreatePeer, PeerState
from .._peering.container_choice import LIST_CONTAINERS
from .._peering.errors import RoleError
from .._peering.life import too_late
from .._peering.planner import PeerPlanner
from .._resources.containers import Container, Containers, container_cloud
from .._resources.peers import NO_PLACE, VpcPeers
from .entries import PathEntry
from .entry_containers import find_home, with_containers, with_homes
from .part import Answers, Common, PathPart, task_of
from .path_state import ACTING, AVAILABLE, CONNECTIONS, REQUESTS, PathState, Task, What

_ATLAS, _CONNECTION = "Atlas", "connection"
# What the planner of one connection says of another one, whose id no entry can have.
_BY_ID = re.compile(r"remove it with peer_id: (\w+) and state: absent")
# How many connections a line of progress names.
_MOST_NAMES = 5
# What users may not expect of an empty list.
_ONLY_AWS = (
    f"prune removes connections with {AWS.name} alone, because connections is empty: those with other clouds were not read. "
    "Disconnect these with state: absent."
)


class _StageWaiter(PeerSetWaiter):
    """Polls the connections until the customer's side can act or, later, until they are as the task leaves them.

    Attributes:
        is_early: Whether the customer's side is still to act.
    """

    is_early = False

    def goal(self, entry: PeerEntry) -> str:
        """Return the state that the stage waits for; where Atlas makes both sides, only the later stage waits."""
        provider = entry.provider
        return (provider.pending or provider.progress[0]) if self.is_early else entry.goal

    def missing(self, state: PeerSetState) -> list[PeerEntry]:
        """Return the entries that have not reached their goal, or of which Atlas does not show what the customer's side needs."""
        found = super().missing(state)
        return [entry for entry in self._entries if entry in found or (self.is_early and self._lacks_names(entry, state))]

    def late(self, state: PeerSetState, error: WaitTimeoutError) -> PeerSetState:
        """Return the state when the time is up: what has not reached its goal has failed."""
        for entry in self._entries:
            if self.is_early and entry.key not in state.failures and self._lacks_names(entry, state):
                text = f"Atlas does not say after {error.waited:.0f} seconds what its side of the connection is called."
                state = state.with_failure(entry.key, TaskError(text, hint="Raise wait_timeout, or run the task again later."))
        return super().late(state, error)

    def _lacks_names(self, entry: PeerEntry, state: PeerSetState) -> bool:
        """Whether a connection waits for its customer's side, which does not know yet what to accept, or where to peer."""
        own, provider = state.entries.get(entry.key), entry.provider
        peer = own.peer if own is not None else None
        if peer is None or peer["status_name"] != provider.pending or entry.key in state.failures:
            return False
        if not provider.has_names:
            return provider.accepted_id is not None and fields_of(peer)[provider.accepted_id] is None
        container: Fields = self._choices[entry.key].known(peer["container_id"]) or {}
        return entry.goal == provider.available and container.get(provider.atlas_network[-1]) is None

    def _to_do(self, entry: PeerEntry, peer: Peer) -> None:
        """Return None: the task itself acts."""


class _AtlasSide(PathPart):
    """What connecting and disconnecting have in common.

    Args:
        common: What all parts get; the options have the `base_url` of the session.
        peers: The connections with each cloud that is read, by its name.
        containers: The containers of the project.

    Attributes:
        clouds: The names of the clouds whose connections it reads.
    """

    name = "peers"

    def __init__(self, common: Common, peers: t.Mapping[str, VpcPeers], containers: Containers) -> None:
        super().__init__(common)
        params, entries = common.params, common.entries
        # Without pruning, `recreate` alone says what may be replaced.
        most = params["max_deletions"] if params["prune"] else len(entries)
        self._params = {**params, "wait": True, "provider_name": ALL, "max_deletions": most}
        self._entries = entries
        self._by_key = {entry.key: entry for entry in entries}
        self._names = frozenset(entry.provider.name for entry in entries) or frozenset(peers)
        self._set = PeerSet(self._params, peers, containers, self._clock)
        self._peers, self._containers = peers, containers
        self.clouds = peers.keys()
        # The containers as they were last taken from the state, or put into it.
        self._known: t.Any = None

    def reads(self) -> t.Mapping[t.Any, t.Callable[[], t.Any]]:
        """Read the connections in one list for each cloud."""
        return {name: peers.list_peers for name, peers in self._peers.items()}

    def begin(self, answers: Answers, state: PathState) -> PathState:
        """Return the state with the connections, and with the container and the connection of each entry."""
        self._take(state)
        found = tuple(self._set.lists.complete(peer) for one in answers.values() for peer in one)
        state = with_homes(self._entries, replace(state, peers=PeerSetState(found, first=found)))
        return replace(state, peers=self._choose(state))

    def _take(self, state: PathState) -> None:
        """Take the containers of a state as known. A new one has no id, so words stand for it, which errors show."""
        self._known = [{**one, "id": _id_of(one)} for one in state.containers]
        self._set.facts[LIST_CONTAINERS] = self._known

    def _choose(self, state: PathState) -> PeerSetState:
        """Return the connection of each entry."""
        raise NotImplementedError

    def _adopt(self, state: PathState, peers: PeerSetState) -> PathState:
        """Return the state with connections that were polled, their failures, and containers that were read again."""
        for key, error in peers.failures.items():
            if key not in state.peers.failures:
                step = "remove" if key not in self._by_key else "available" if state.stage == AVAILABLE else "request"
                state = state.with_failure(key, step, self._named(key, error))
        containers = self._set.facts[LIST_CONTAINERS]
        if containers is not self._known:
            self._known = containers
            state = with_containers(containers, state)
        return replace(state, peers=peers)

    def _named(self, key: str, error: TaskError) -> TaskError:
        """Return an error with the options of this task and, if it is about an entry, the name of that."""
        hint = error.hint and _BY_ID.sub(r"remove \1 from the project", error.hint)
        entry, better = self._by_key.get(key), error if hint == error.hint else error.with_hint(hint)
        return better if entry is None else entry.named(better)

    def leaving(self, state: PathState) -> t.Iterator[tuple[str, Peer]]:
        """Yield the connections that the plan removes, each with the key of the entry or, where none means it, its id."""
        raise NotImplementedError

    def _has_place(self, running: t.Sequence[Step]) -> bool:
        """Whether another request may be sent to Atlas, beside the running ones of this part."""
        return len(running) < int(self._params["parallel"])

    def _own(self, running: t.Iterable[Step]) -> list[Step]:
        return [_inner(step) for step in running if task_of(step).part == self.name]


class PeerPart(_AtlasSide):
    """Requests, changes and replaces connections, and removes those that the list does not have."""

    def __init__(self, common: Common, peers: t.Mapping[str, VpcPeers], containers: Containers) -> None:
        super().__init__(common, peers, containers)
        self._waiter = _StageWaiter((), {}, self._set.lists, self._set.sent, waits=True)
        # The last plan, with the connections that it is for.
        self._last = (PeerSetState(()), Plan())
        # What is done for each entry, as the first plan says it: later ones have what is left of that.
        self._whats: dict[str, What] = {}
        # The last refusal for want of a place, and for want of a role, the latter by entry.
        self._no_place: TaskError | None = None
        self._refusals: dict[str, TaskError] = {}
        # What the result says of roles that others have to give, by entry.
        self._commands: dict[str, str] = {}

    def _choose(self, state: PathState) -> PeerSetState:
        """Return the connection of each entry; that of an entry without a container is unclear."""
        entries = [self._to_entry(entry, state) for entry in self._entries]
        self._set.use(entries, self._names)
        self._waiter = _StageWaiter(entries, self._set.choices, self._set.lists, self._set.sent, waits=True)
        self._set.waiter = self._waiter
        peers = self._set.choose(state.peers)
        homeless = {entry.key for entry in self._entries} - state.homes.keys()
        chosen = {key: own for key, own in peers.entries.items() if key not in homeless}
        unclear = {key: _unclear(self._by_key[key], state) for key in homeless}
        return replace(peers, entries=chosen, unclear={**peers.unclear, **unclear})

    def _to_entry(self, entry: PathEntry, state: PathState) -> PeerEntry:
        home, provider, own = state.homes.get(entry.key), entry.provider, {"wait": True}
        found = {} if home is None else {"container_id": _id_of(home)}
        if provider.block is None:
            return entry.peer_entry(**own, **found)
        blocks = _blocks_of(entry, state)
        return entry.peer_entry(**own, **found, **{provider.block: blocks[0] if len(blocks) == 1 else None})

    def plan(self, state: PathState) -> Plan:
        """Plan the connections of the list as one set."""
        self._take(state)
        peers = self._choose(state)
        unclear = {entry.key: _several_blocks(blocks) for entry in self._entries if len(blocks := _blocks_of(entry, state)) > 1}
        chosen = {key: own for key, own in peers.entries.items() if key not in unclear}
        peers = replace(peers, entries=chosen, unclear={**peers.unclear, **unclear})
        plan = self._set.planner.plan(peers)
        self._last = (peers, plan)
        for change in plan.changes:
            self._whats.setdefault(change.key, self._to_what(change))
        changes = (one._replace(key=self._whats[one.key].key, after=_without_words(one.after)) for one in plan.changes)
        return Plan(
            tuple(changes),
            tuple(self._to_step(step) for step in plan.steps),
            (*plan.warnings, *((_ONLY_AWS,) if self._params["prune"] and not self._entries else ())),
            {key: self._named(key, _of_unknown_vpc(key, error, state)) for key, error in plan.failures.items()},
            {key: self._named(key, error) for key, error in plan.refusals.items()},
        )

    def leaving(self, state: PathState) -> t.Iterator[tuple[str, Peer]]:
        """Yield the connections that the list does not have, each with its id."""
        if self._params["prune"]:
            self._take(state)
            peers = self._choose(state)
            settled = peers.failures.keys() | peers.done.keys()
            for peer in self._set.planner.split_undeclared(peers)[1]:
                if peer["id"] not in settled:
                    yield peer["id"], peer

    @property
    def replaced(self) -> set[str]:
        """The keys of the entries whose connection the task replaces by another one, or has replaced."""
        return {key for key, what in self._whats.items() if what.action == "recreate"}

    def _to_what(self, change: Change) -> What:
        entry = self._by_key.get(change.key)
        if entry is None:
            return What(change.key, "remove", _ATLAS, "delete", _CONNECTION, _name_of(change.before or {}))
        action = "change" if change.action == "update" else change.action
        return What(entry.key, "request", _ATLAS, action, _CONNECTION, entry.name)

    def _to_step(self, step: Step) -> Step:
        (owner,) = step.keys
        task = Task(self.name, REQUESTS, owner, step.request)
        return step._replace(request=task, keys=(self._whats[owner].key,))

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state with the connections as they will be."""
        peers = self._set.planner.predict(*self._last)
        entries = {key: replace(own, peer=own.peer and _without_words(own.peer)) for key, own in peers.entries.items()}
        return replace(state, peers=replace(peers, entries=entries))

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return whether nothing is in the way of a request.

        Raises:
            TaskError: If something will stay in its way.
        """
        inner, own, peers = _inner(step), self._own(running), state.peers
        if not self._has_place(own):
            return False
        is_full = isinstance(inner.request, CreatePeer) and peers.full is not None and not peers.places
        if is_full and self._no_place is not None and not own and not self._frees_places(state):
            raise self.explain(step, self._no_place, state)
        return self._set.gate.is_ready(inner, peers, own)

    def is_held(self, step: Step, state: PathState) -> bool:
        """Return whether an earlier refusal holds back a request."""
        return self._set.gate.is_held(_inner(step), state.peers)

    def hold(self, step: Step, error: TaskError, state: PathState) -> PathState | None:
        """Return the state in which a refused creation waits; None if the refusal is final."""
        if error.error_code == NO_PLACE:
            self._no_place = error
        peers = self._set.gate.hold(_inner(step), error, state.peers)
        if peers is None:
            return None
        state = replace(state, peers=peers)
        if error.error_code == NO_PLACE:
            return state
        owner = task_of(step).owner
        is_first = owner not in self._refusals
        self._refusals[owner] = error
        if not is_first or self._by_key[owner].has_half:
            return state
        # Those who give Atlas its role get the commands while the task waits for them.
        return self._with_commands(owner, self.explain(step, error, state), state)

    def _frees_places(self, state: PathState) -> bool:
        """Whether Atlas will have places: connections are leaving, or are pending and this task or Atlas makes them work."""
        peers = state.peers
        own = {
            one.peer["id"]
            for key, one in peers.entries.items()
            if one.peer is not None and key not in peers.failures and self._is_completed(self._by_key[key])
        }
        return any(is_leaving(peer) or (is_pending(peer) and peer["id"] in own) for peer in peers.listed)

    def _is_completed(self, entry: PathEntry) -> bool:
        return entry.has_half or entry.provider.pending is None

    def send(self, step: Step, state: PathState) -> t.Any:
        """Request, change or remove a connection, and return Atlas's reply; None for a removal."""
        return self._set.send(_inner(step), state.peers)

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state after a request took effect."""
        what, owner = What.of(step.keys[0]), task_of(step).owner
        note = self._commands.pop(owner, None)
        if note is not None:
            # They have given it.
            state = replace(state, notes=tuple(one for one in state.notes if one != note))
        peers = self._set.record(_inner(step), reply, state.peers)
        change = peers.done.get(owner)
        if change is None:
            return self._adopt(state, peers)
        # The removal is the first half of a replacement.
        half = what._replace(action="delete")
        done = {key: one for key, one in state.done.items() if key != half.key}
        key = half.key if change.action == "delete" else what.key
        return self._adopt(replace(state, done={**done, key: change._replace(key=key)}), peers)

    def explain(self, step: Step, error: TaskError, state: PathState) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        better = self._set.explain(_inner(step), error, state.peers)
        if isinstance(better, RoleError):
            entry = self._by_key[task_of(step).owner]
            where = "" if entry.has_half else " (see remaining)"
            brief = better.brief.replace(" (see handover)", where)
            return RoleError(better.message, hint=better.hint or "", brief=brief).with_reply(better)
        return better if better is error else self._named("", better)

    def record_failure(self, what: What, error: TaskError, state: PathState) -> PathState:
        """Return the state with the commands for those who give Atlas its role, where this task does not."""
        return self._with_commands(what.owner, error, state)

    def _with_commands(self, owner: str, error: TaskError, state: PathState) -> PathState:
        entry = self._by_key.get(owner)
        commands = (error.hint or "").partition("To paste: ")[2] if isinstance(error, RoleError) else ""
        if entry is None or entry.has_half or not commands:
            return state
        self._commands[owner] = note = f"Give Atlas its role on {entry.name} in {entry.provider.name}: {commands}"
        return state if note in state.notes else replace(state, notes=(*state.notes, note))

    def blocked(self, step: Step, state: PathState, error: WaitTimeoutError) -> TaskError:
        """Return the error of a request that could not be sent before the time was up."""
        inner, owner = _inner(step), task_of(step).owner
        if owner in self._refusals:
            return self._set.explain(inner, self._refusals[owner], state.peers)
        return self._set.gate.blocked(inner, state.peers, error)

    def look_again(self, state: PathState) -> PathState:
        """Read the connections again."""
        if state.stage not in (REQUESTS, ACTING):
            return state
        return self._adopt(state, self._set.look_again(state.peers, self._names))

    def poll(self, state: PathState) -> PathState:
        """Read the connections with those clouds that the stage waits for."""
        waiter, names = self._at(state), self._awaited(state)
        peers = replace(state.peers, resting=frozenset())
        if not names:
            return replace(state, peers=peers)
        peers = waiter.look(peers, names)
        state = self._adopt(state, peers)
        if state.stage != REQUESTS and self._is_new(state) and self._at(replace(state, stage=AVAILABLE)).is_settled(peers):
            # The last poll: results show the containers as they are at the end.
            self._set.facts[LIST_CONTAINERS] = self._containers.list_all_containers()
            state = self._adopt(state, peers)
        return state

    def _is_new(self, state: PathState) -> bool:
        """Whether a container was not in use when it was read: its connections have changed that."""
        return any(home.get("provisioned") is False for home in state.homes.values())

    def _at(self, state: PathState) -> _StageWaiter:
        """Return the waiter with the goals of the stage."""
        self._waiter.is_early = state.stage != AVAILABLE
        return self._waiter

    def _awaited(self, state: PathState) -> frozenset[str]:
        """Return the names of the clouds that the stage waits for."""
        peers, waiter = state.peers, self._at(state)
        if state.stage not in (REQUESTS, ACTING, AVAILABLE):
            return frozenset()
        leaving = {cloud_of(peer).name for peer in peers.listed if is_leaving(peer)}
        if state.stage == REQUESTS:
            return frozenset(leaving)
        found = {entry.provider.name for entry in waiter.missing(peers) if entry.key not in peers.refused}
        if state.stage == ACTING:
            return self._names if peers.full is not None else frozenset(found)
        pruned = {peer["id"] for peer in peers.pruned} - peers.failures.keys()
        return frozenset(found | {cloud_of(peer).name for peer in peers.listed if peer["id"] in pruned})

    def is_settled(self, state: PathState) -> bool:
        """Return whether the connections are as far as the stage waits for."""
        waiter = self._at(state)
        if state.stage == ACTING:
            return not waiter.missing(state.peers)
        return state.stage != AVAILABLE or waiter.is_settled(state.peers)

    def late(self, state: PathState, error: WaitTimeoutError) -> PathState:
        """Return the state when the time of the stage is up: what has not reached its goal has failed."""
        if state.stage not in (ACTING, AVAILABLE):
            return state
        return self._adopt(state, self._at(state).late(state.peers, error))

    def line(self, state: PathState) -> str:
        """Return how many connections there are, and what the others wait for."""
        peers, waiter = state.peers, self._at(state)
        missing = waiter.missing(peers) if state.stage in (ACTING, AVAILABLE) else []
        parts = []
        if state.stage == AVAILABLE and missing:
            failed = peers.failures.keys() & self._by_key.keys()
            parts.append(f"{len(self._entries) - len(missing) - len(failed)} of {len(self._entries)} available")
        waiting: dict[str, list[str]] = {}
        for entry in missing:
            name, own = self._by_key[entry.key].name, peers.entries[entry.key]
            if entry.key in peers.refused:
                waiting.setdefault(f"the role of Atlas in {entry.provider.name}", []).append(name)
            elif own.peer is None and peers.full is not None:
                waiting.setdefault("a place in Atlas", []).append(name)
            elif state.stage == ACTING:
                waiting.setdefault(_ATLAS, []).append(name)
        leaving = sum(map(is_leaving, peers.listed)) if state.stage in (REQUESTS, AVAILABLE) else 0
        parts += [f"{leaving} being removed"] if leaving else []
        named = [
            f"{len(names)} {'waits' if len(names) == 1 else 'wait'} for {what}: {listed(names, _MOST_NAMES)}"
            for what, names in waiting.items()
        ]
        return ", ".join([*parts, *filter(None, ["; ".join(named)])])


class PeerRemovalPart(_AtlasSide):
    """Removes the connections of the entries, with state absent."""

    # The connections that were there when the task began, and their ids by network: comparing all with all takes long.
    _began: tuple[t.Sequence[Peer], t.Mapping[tuple[str | None, ...], set[str]]] = ((), {})

    def _peers_of(self, entry: PathEntry, state: PathState) -> list[Peer]:
        """Return the connections of an entry that were there when the task began, and still are: those that it removes.

        Without a container, these are none if the entry names one; Atlas may not list that of a connection that is leaving.
        """
        if self._began[0] is not state.peers.first:
            self._began = state.peers.first, _ids_by_identity(state.peers.first)
        home, params = state.homes.get(entry.key), entry.params
        own = self._began[1].get(entry.identity, set())
        found = [peer for peer in state.peers.listed if peer["id"] in own]
        if home is not None:
            return [peer for peer in found if peer["container_id"] == home["id"]]
        return [] if params["container_id"] is not None or params["container_region"] is not None else found

    def _choose(self, state: PathState) -> PeerSetState:
        """Return the connections of each entry: all to its network in its container. One that is leaving is waited for."""
        self._set.use([entry.peer_entry(wait=True) for entry in self._entries])
        entries = {}
        for entry in self._entries:
            own = self._peers_of(entry, state)
            live = [peer for peer in own if not is_leaving(peer)]
            entries[entry.key] = PeerState(next(iter(live or own), None), tuple(own) if not live else (), ())
        return replace(state.peers, entries=entries)

    def plan(self, state: PathState) -> Plan:
        """Plan the removal of the connections that are not leaving."""
        changes, steps, refusals = list[Change](), list[Step](), dict[str, TaskError]()
        for entry in self._entries:
            if entry.key in state.failures:
                continue
            planner, names = PeerPlanner(self._set.choices[entry.key]), {entry.name}
            for peer in self._peers_of(entry, state):
                try:
                    planned = planner.plan_absent(PeerState(peer)) if not is_leaving(peer) else Plan()
                except TaskError as error:
                    refusals[entry.key] = self._named(entry.key, error)
                    continue
                for step in planned.steps:
                    # Each change has a key of its own.
                    name = names.pop() if names else peer["id"]
                    what = What(entry.key, "remove", _ATLAS, "delete", _CONNECTION, name)
                    changes.append(Change("delete", what.key, peer, None))
                    steps.append(step._replace(request=Task(self.name, CONNECTIONS, entry.key, step.request), keys=(what.key,)))
        return Plan(tuple(changes), tuple(steps), refusals=refusals)

    def leaving(self, state: PathState) -> t.Iterator[tuple[str, Peer]]:
        """Yield the connections of the entries that are not leaving yet."""
        for entry in self._entries:
            for peer in self._peers_of(entry, state):
                if not is_leaving(peer):
                    yield entry.key, peer

    def predict(self, state: PathState, plan: Plan) -> PathState:
        """Return the state without the connections."""
        gone = {peer["id"] for entry in self._entries for peer in self._peers_of(entry, state)}
        there = tuple(peer for peer in state.peers.listed if peer["id"] not in gone)
        return replace(state, peers=replace(state.peers, listed=there))

    def is_ready(self, step: Step, state: PathState, running: t.Sequence[Step]) -> bool:
        """Return whether another request may be sent to Atlas."""
        return self._has_place(self._own(running))

    def send(self, step: Step, state: PathState) -> t.Any:
        """Ask for the removal of a connection."""
        return self._set.send(_inner(step), state.peers)

    def record(self, step: Step, reply: t.Any, state: PathState) -> PathState:
        """Return the state with the connection leaving."""
        peer = state.peers.find(task_of(step).request.id)
        peers = self._set.record(_inner(step), reply, state.peers)
        return replace(state, peers=peers).with_done([Change("delete", step.keys[0], peer, None)])

    def explain(self, step: Step, error: TaskError, state: PathState) -> TaskError:
        """Return the error; an earlier removal that has failed may block this one."""
        return self._set.explain(_inner(step), error, state.peers)

    def look_again(self, state: PathState) -> PathState:
        """Read the connections again."""
        return self._look(state, self._names) if state.stage == CONNECTIONS else state

    def poll(self, state: PathState) -> PathState:
        """Read the connections with those clouds where some have to be gone."""
        names = {cloud_of(peer).name for unused, peer in self._left(state)} if state.stage == CONNECTIONS else ()
        return self._look(state, names) if names else state

    def _look(self, state: PathState, names: t.Collection[str]) -> PathState:
        peers = state.peers
        others = [peer for peer in peers.listed if cloud_of(peer).name not in names]
        state = replace(state, peers=replace(peers, listed=(*others, *self._set.lists.list_peers(names))))
        entries, failures = dict(peers.entries), dict(peers.failures)
        for entry, peer in self._left(state):
            entries[entry.key] = replace(entries[entry.key], peer=peer)
            error = self._set.sent.removal_failure(peer) if entry.key in peers.done else None
            if error is not None:
                state = state.with_failure(entry.key, "remove", entry.named(error))
                failures[entry.key] = error
        return replace(state, peers=replace(state.peers, entries=entries, failures=failures))

    def _left(self, state: PathState) -> list[tuple[PathEntry, Peer]]:
        """Return the connections that have to be gone, and are not, each with its entry."""
        entries = [entry for entry in self._entries if entry.key not in state.failures]
        return [(entry, peer) for entry in entries for peer in self._peers_of(entry, state)]

    def is_settled(self, state: PathState) -> bool:
        """Return whether the connections are gone."""
        return state.stage != CONNECTIONS or not self._left(state)

    def late(self, state: PathState, error: WaitTimeoutError) -> PathState:
        """Return the state when the time is up: connections that are still there have failed."""
        for entry, peer in self._left(state) if state.stage == CONNECTIONS else ():
            state = state.with_failure(entry.key, "remove", entry.named(too_late(peer, GONE, error, None)))
        return state

    def line(self, state: PathState) -> str:
        """Return how many connections are gone."""
        if state.stage != CONNECTIONS or self.is_settled(state):
            return ""
        wanted = [peer for entry in self._entries for peer in self._peers_of(entry, replace(state, peers=_first(state.peers)))]
        return f"{len(wanted) - len(self._left(state))} of {len(wanted)} connections removed"


def _first(peers: PeerSetState) -> PeerSetState:
    return replace(peers, listed=peers.first)


def _ids_by_identity(peers: t.Iterable[Peer]) -> dict[tuple[str | None, ...], set[str]]:
    """Return the ids of connections by the values that name their networks."""
    found: dict[tuple[str | None, ...], set[str]] = {}
    for peer in peers:
        found.setdefault(identity_of(fields_of(peer)), set()).add(peer["id"])
    return found


def _blocks_of(entry: PathEntry, state: PathState) -> list[str]:
    """Return the block of a VPC or, as far as the entry leaves that open, all blocks that AWS shows."""
    if entry.provider.block is None:
        return []
    if entry.params["cidr_block"] is not None:
        return [entry.params["cidr_block"]]
    view = state.aws.get(entry.key)
    return [*view.vpc.cidr_blocks] if view is not None and view.vpc is not None else []


def _several_blocks(blocks: t.Sequence[str]) -> TaskError:
    return TaskError(f"It has the blocks {', '.join(blocks)}.", hint="Set cidr_block to one of them, or to a part of one.")


def _of_unknown_vpc(key: str, error: TaskError, state: PathState) -> TaskError:
    """Return the error of a failed connection; where AWS does not know the VPC, it is no use to request another one."""
    view = state.aws.get(key)
    if view is None or view.vpc is not None:
        return error
    hint = f"AWS does not know this VPC in {view.place}. Correct the entry, or remove the connection with state: absent."
    return error.with_hint(hint)


def _unclear(entry: PathEntry, state: PathState) -> TaskError:
    """Return why the container of an entry is not known."""
    try:
        find_home(entry, state)
    except TaskError as error:
        return error
    return TaskError("Its network container does not exist.")


def _inner(step: Step) -> Step:
    """Return a step as the set has it: its key is the entry, or the id of the connection."""
    task = task_of(step)
    return step._replace(request=task.request, keys=(task.owner,))


def _name_of(fields: t.Mapping[str, t.Any]) -> str:
    """Return the name of a network, as entries have it."""
    cloud = cloud_of(fields)
    return str(fields[cloud.network]) if cloud.has_unique_ids else name_of(fields)


def _id_of(container: Container) -> str:
    """Return the id of a container, or what stands for that of one that a plan makes."""
    cloud = container_cloud(container["provider_name"])
    return (
        container["id"]
        or f"{_NEW}{'on ' + cloud.name if cloud.has_one_container else 'in ' + str(cloud.describe_place(container))}"
    )


_NEW = "to create "


def _without_words(fields: t.Any) -> t.Any:
    """Return a connection without the words that stand for the id of its new container."""
    is_new = fields is not None and str(fields.get("container_id")).startswith(_NEW)
    return {**fields, "container_id": None} if is_new else fields
