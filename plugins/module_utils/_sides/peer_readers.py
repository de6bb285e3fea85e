# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections in Atlas that a list declares or removes: how they are planned, waited for and shown."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.aws import AWS
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import cloud_of, identity_of, is_leaving, is_pending, name_of
from .._engine.plan import Change, ChangeKey, Plan, Step, listed
from .._engine.side import Owner
from .._engine.wait import GONE, WaitTimeoutError
from .._entries.parser import PeerEntry
from .._http.errors import TaskError, as_option
from .connection import PeerState, RoleError, too_late
from .container_choice import LIST_CONTAINERS
from .entry_containers import choose_container
from .entry_peers import PathPeers, id_of, to_removal, without_words
from .path_state import ACTING, AVAILABLE, CONNECTIONS, REQUESTS, PathState
from .peer_set import MOST_NAMES, choose_entries
from .planner import PeerPlanner
from .set_state import PeerSetState

# What users may not expect of an empty list.
_ONLY_AWS = (
    f"prune removes connections with {AWS.name} alone, because connections is empty: those with other clouds were not read. "
    "Disconnect these with state: absent."
)
# The kind of the notes about roles in clouds whose half others do.
_ROLE = "role"
_ONE_OF_THEM = f"Set {as_option('cidr_block')} to one of them, or to a part of one."


class DeclaredPeers(PathPeers):
    """The connections of a list that are requested, changed and replaced, and those that are pruned."""

    def __init__(self, *given: t.Any) -> None:
        super().__init__(*given)
        # The last plan, with the connections that it is for.
        self._planned = (PeerSetState(()), Plan())

    def choose_all(self) -> PeerSetState:
        """Return the connections of the project, with that of each entry; without a container or a block, it is unclear."""
        path = self._path
        self.use([_with_container(entry, path) for entry in self.path_entries.values()], self._names)
        errors = {key: _unclear(entry, path) for key, entry in self.path_entries.items()}
        unclear = {key: error for key, error in errors.items() if error is not None}
        peers = choose_entries(self.matches, path.peers)
        entries = {key: own for key, own in peers.entries.items() if key not in unclear}
        return replace(peers, entries=entries, unclear={**peers.unclear, **unclear})

    def plan_all(self) -> tuple[PeerSetState, Plan]:
        """Plan the connections of the list as one set."""
        self.take_containers()
        entries, path, peers = self.path_entries, self._path, self.choose_all()
        peers = replace(peers, failures={key: failure.error for key, failure in path.failures.items()})
        plan = self.planner.plan(peers)
        self._planned = peers, plan
        for change in plan.changes:
            self.first_changes.setdefault(change.key, self._in_words(change))
        self._last = Plan(
            tuple(change._replace(after=without_words(change.after)) for change in plan.changes),
            plan.steps,
            (*plan.warnings, *((_ONLY_AWS,) if self.params["prune"] and not entries else ())),
            {key: self.named(key, _of_unknown_vpc(key, error, path)) for key, error in plan.failures.items()},
            {key: self.named(key, error) for key, error in plan.refusals.items()},
        )
        return peers, self._last

    def _in_words(self, change: Change) -> Change:
        entry = self.path_entries.get(change.key)
        if entry is None:
            return to_removal(change.key, _name_of(change.before or {}), change)
        verb = "change" if change.action == "update" else change.action
        return change._replace(key=ChangeKey(entry.key, "request", "Atlas", "connection"), verb=verb, name=entry.name)

    def predict_all(self) -> PeerSetState:
        """Return the connections as they will be."""
        peers = self.planner.predict(*self._planned)
        entries = {key: replace(own, peer=own.peer and without_words(own.peer)) for key, own in peers.entries.items()}
        return replace(peers, entries=entries)

    def leaving(self) -> t.Iterator[tuple[str, Peer]]:
        """Yield the undeclared connections, each with its id."""
        if self.params["prune"]:
            self.take_containers()
            peers = self.choose_all()
            settled = self._path.failures.keys() | peers.done.keys()
            for peer in self.planner.split_undeclared(peers)[1]:
                if peer["id"] not in settled:
                    yield peer["id"], peer

    def awaited(self, state: PeerSetState) -> frozenset[str]:
        """Return the names of the clouds that the stage waits for."""
        stage = self._context.stage
        if stage == REQUESTS:
            return frozenset(cloud_of(peer).name for peer in state.listed if is_leaving(peer))
        found = {entry.provider.name for entry in self.missing(state) if entry.key not in state.refused}
        if stage == ACTING:
            return self._names if state.counts_at_limit is not None else frozenset(found)
        pruned = {peer["id"] for peer in state.pruned} - state.failures.keys()
        return frozenset(found | {cloud_of(peer).name for peer in state.listed if peer["id"] in pruned})

    def poll(self, state: PeerSetState, names: t.Collection[str]) -> PeerSetState:
        """Read the connections and, at the end, the containers."""
        peers = super().poll(state, names)
        # Whether a container was unused when it was read, which its connections have changed.
        is_new = any(container.get("provisioned") is False for container in self._path.container_of.values())
        if self._context.stage != REQUESTS and is_new and self._is_ended(peers):
            # The last poll: results show the containers as they are at the end.
            self.facts[LIST_CONTAINERS] = self._containers.list_all_containers()
        return peers

    def goal(self, entry: PeerEntry) -> str:
        """Return the state that the stage waits for; where Atlas makes both sides, only the later stage waits."""
        provider = entry.provider
        return entry.goal if self._context.stage == AVAILABLE else provider.pending or provider.progress[0]

    def awaits(self, entry: PeerEntry, peer: Peer) -> bool:
        """Return whether a connection has not reached its goal, or Atlas does not show what the customer's side needs."""
        return super().awaits(entry, peer) or self._lacks_names(entry, peer)

    def late_error(self, entry: PeerEntry | None, peer: Peer, error: WaitTimeoutError) -> TaskError:
        """Return the error of a connection that has not reached its goal in time; the task itself acts for the customer."""
        if entry is None or not self._lacks_names(entry, peer):
            return too_late(peer, GONE if entry is None else self.goal(entry), error, None)
        text = f"Atlas does not report after {error.span} what its side of the connection is called."
        return TaskError(text, hint=f"Raise {as_option('wait_timeout')}, or run the task again later.")

    def _lacks_names(self, entry: PeerEntry, peer: Peer) -> bool:
        """Whether a connection waits for the customer's side, which does not know yet what to accept, or where to peer."""
        provider = entry.provider
        if self._context.stage == AVAILABLE or peer["status_name"] != provider.pending:
            return False
        if not provider.has_names:
            return provider.accepted_id is not None and fields_of(peer)[provider.accepted_id] is None
        container: Fields = self.choices[entry.key].known(peer["container_id"]) or {}
        return entry.goal == provider.available and container.get(provider.atlas_network[-1]) is None

    def _is_ended(self, state: PeerSetState) -> bool:
        """Return whether all connections have reached their goals, or have failed."""
        there = {peer["id"] for peer in state.listed} - state.failures.keys()
        open_ = (entry for key, entry in self.entries.items() if key not in state.failures and key in state.entries)
        peers = ((entry, state.entries[entry.key].peer) for entry in open_)
        is_reached = all(peer is not None and entry.provider.has_reached(peer, entry.goal) for entry, peer in peers)
        return is_reached and not any(peer["id"] in there for peer in state.pruned)

    def is_settled(self) -> bool:
        """Return whether the connections are in the state that the stage waits for."""
        failures = {key: failure.error for key, failure in self._path.failures.items()}
        peers = replace(self._path.peers, failures=failures)
        if self._context.stage == ACTING:
            return not self.missing(peers)
        return self._context.stage != AVAILABLE or self._is_ended(peers)

    def line(self, state: PeerSetState) -> str:
        """Return how many connections are available, and what the others wait for."""
        stage, entries, parts = self._context.stage, self.path_entries, []
        missing = self.missing(state) if stage in (ACTING, AVAILABLE) else []
        if stage == AVAILABLE and entries:
            failed = state.failures.keys() & entries.keys()
            parts.append(f"{len(entries) - len(missing) - len(failed)} of {len(entries)} available")
        waiting: dict[str, list[str]] = {}
        for entry in missing:
            name, own = entries[entry.key].name, state.entries[entry.key]
            if entry.key in state.refused:
                waiting.setdefault(f"the role of Atlas in {entry.provider.name}", []).append(name)
            elif own.peer is None and state.counts_at_limit is not None:
                waiting.setdefault("a place in Atlas", []).append(name)
            elif stage == ACTING:
                waiting.setdefault("Atlas", []).append(name)
        leaving = sum(map(is_leaving, state.listed)) if stage in (REQUESTS, AVAILABLE) else 0
        parts += [f"{leaving} being removed"] if leaving else []
        named = [
            f"{len(names)} {'waits' if len(names) == 1 else 'wait'} for {what}: {listed(names, MOST_NAMES)}"
            for what, names in waiting.items()
        ]
        return ", ".join([*parts, *filter(None, ["; ".join(named)])])

    # Refusals.

    def frees_places(self, state: PeerSetState) -> bool:
        """Return whether connections are leaving, or pending ones are completed by this task or Atlas."""
        entries, failures = self.path_entries, self._path.failures
        listed = {peer["id"]: peer for peer in state.listed}
        own = (
            listed.get(one.peer["id"])
            for key, one in state.entries.items()
            if one.peer is not None and key not in failures and (entries[key].has_half or entries[key].provider.pending is None)
        )
        return any(peer is not None and is_pending(peer) for peer in own) or any(map(is_leaving, state.listed))

    def worded(self, key: str, refusal: TaskError, error: TaskError) -> TaskError:
        """Return the error to show for a refusal: the commands that give Atlas its role are in `remaining`."""
        if isinstance(error, RoleError):
            return error.with_commands_in("" if self.path_entries[key].has_half else " (see remaining)")
        return error if error is refusal else self.named("", error)

    def note_commands(self, key: str, error: TaskError) -> None:
        """Record the commands that give Atlas its role, where this task does not."""
        entry = self.path_entries.get(key)
        commands = error.commands if isinstance(error, RoleError) else ""
        if entry is None or entry.has_half or not commands:
            return
        note = f"Give Atlas its role on {entry.name} in {entry.provider.name}: {commands}"
        self._path.notes = {**self._path.notes, (_ROLE, key): note}

    def keep(self, state: PeerSetState, owner: str | None) -> None:
        """Let the other sides know the connections, without the commands for a role that exists by now."""
        super().keep(state, owner)
        if owner in state.done and (_ROLE, owner) in self._path.notes:
            self._path.notes = {about: note for about, note in self._path.notes.items() if about != (_ROLE, owner)}


class RemovedPeers(PathPeers):
    """The connections of the entries, with state absent: each owner is one of them, by its id."""

    def __init__(self, *given: t.Any) -> None:
        super().__init__(*given)
        # The entry of each, by its id.
        self._entry_of: dict[str, str] = {}
        # The connections that were there when the task began, and an index of their ids by network.
        self._began: tuple[t.Sequence[Peer], t.Mapping[tuple[str | None, ...], set[str]]] = ((), {})

    def entry_of(self, owner: Owner) -> str:
        """Return the entry of a connection."""
        return self._entry_of.get(str(owner), str(owner))

    def _peers_of(self, entry: PeerEntry, listed: t.Iterable[Peer] | None = None) -> list[Peer]:
        """Return the connections of an entry that were there when the task began and still are: those that it removes.

        None are, if the entry names a container that does not exist. Atlas may not list that of a connection that is leaving.
        """
        peers = self._path.peers
        if self._began[0] is not peers.first:
            self._began = peers.first, _ids_by_identity(peers.first)
        container, params = self._path.container_of.get(entry.key), entry.params
        own = self._began[1].get(entry.identity, set())
        found = [peer for peer in (peers.listed if listed is None else listed) if peer["id"] in own]
        if container is not None:
            return [peer for peer in found if peer["container_id"] == container["id"]]
        return [] if params["container_id"] is not None or params["container_region"] is not None else found

    def choose_all(self) -> PeerSetState:
        """Return the connections of each entry: all to its network in its container, with those that are leaving."""
        self.use([replace(entry, found={"wait": True}) for entry in self.path_entries.values()], self._names)
        entries = {}
        for entry in self.path_entries.values():
            own = self._peers_of(entry)
            live = [peer for peer in own if not is_leaving(peer)]
            entries[entry.key] = PeerState(next(iter(live or own), None), tuple(own) if not live else (), ())
        return replace(self._path.peers, entries=entries)

    def plan_all(self) -> tuple[PeerSetState, Plan]:
        """Plan the removal of the connections that are not leaving."""
        changes, steps, refusals = list[Change](), list[Step](), dict[str, TaskError]()
        for entry in self.path_entries.values():
            if entry.key in self._path.failures:
                continue
            planner, names = PeerPlanner(self.choices[entry.key]), {entry.name}
            for peer in self._peers_of(entry):
                peer_id = peer["id"]
                self._entry_of[peer_id] = entry.key
                try:
                    planned = planner.plan_absent(PeerState(peer)) if not is_leaving(peer) else Plan()
                except TaskError as error:
                    refusals[entry.key] = self.named(entry.key, error)
                    continue
                for step in planned.steps:
                    # Each change needs a different name.
                    name = names.pop() if names else peer_id
                    changes.append(Change("delete", peer_id, peer, None))
                    self.first_changes.setdefault(peer_id, to_removal(entry.key, name, changes[-1]))
                    steps.append(step._replace(keys=(peer_id,)))
        self._last = Plan(tuple(changes), tuple(steps), refusals=refusals)
        return replace(self._path.peers, entries={}), self._last

    def predict_all(self) -> PeerSetState:
        """Return the connections without those of the entries."""
        peers, gone = self._path.peers, {peer["id"] for peer in self._still_there(with_failed=True)}
        return replace(peers, listed=tuple(peer for peer in peers.listed if peer["id"] not in gone))

    def leaving(self) -> t.Iterator[tuple[str, Peer]]:
        """Yield the connections of the entries that are not leaving yet."""
        for entry in self.path_entries.values():
            for peer in self._peers_of(entry):
                if not is_leaving(peer):
                    yield entry.key, peer

    def undeclared(self, state: PeerSetState) -> t.Iterable[str]:
        """Return the ids of all connections of the entries."""
        return self._entry_of

    def awaits_removal(self, owner: Owner, state: PeerSetState) -> bool:
        """Return True: all connections of the entries have to be gone."""
        return True

    def awaited(self, state: PeerSetState) -> frozenset[str]:
        """Return the names of the clouds where connections have to be gone."""
        return frozenset(cloud_of(peer).name for peer in self._still_there())

    def _still_there(self, listed: t.Iterable[Peer] | None = None, *, with_failed: bool = False) -> list[Peer]:
        """Return the connections of entries that are still there; those of failed entries only if `with_failed`."""
        failures = () if with_failed else self._path.failures
        entries = [entry for entry in self.path_entries.values() if entry.key not in failures]
        return [peer for entry in entries for peer in self._peers_of(entry, listed)]

    def is_settled(self) -> bool:
        """Return whether the connections are gone."""
        return self._context.stage != CONNECTIONS or not self._still_there()

    def _shown(self, state: PeerSetState, owner: str | None) -> PeerSetState:
        """Return the connections with those of the entries as last seen, which do not count as pruned."""
        path = self._path
        entries = dict(path.peers.entries)
        for peer in state.listed:
            key = self._entry_of.get(peer["id"], "")
            if owner == peer["id"]:
                entries[key] = PeerState(peer, (peer,), (), peer)
            elif owner is None and key in entries and key not in path.failures:
                entries[key] = replace(entries[key], peer=peer)
        return replace(state, entries=entries, pruned=())

    def line(self, state: PeerSetState) -> str:
        """Return how many connections are gone."""
        if self._context.stage != CONNECTIONS:
            return ""
        wanted = len(self._still_there(self._path.peers.first, with_failed=True))
        return f"{wanted - len(self._still_there())} of {wanted} connections removed" if wanted else ""


def _with_container(entry: PeerEntry, state: PathState) -> PeerEntry:
    container, block = state.container_of.get(entry.key), entry.provider.block
    found: dict[str, t.Any] = {"wait": True}
    if container is not None:
        found["container_id"] = id_of(container)
    if block is not None:
        blocks = _blocks_of(entry, state)
        found[block] = blocks[0] if len(blocks) == 1 else None
    return replace(entry, found=found)


def _blocks_of(entry: PeerEntry, state: PathState) -> list[str]:
    """Return the block of a VPC or, if the entry leaves it open, all blocks that AWS shows."""
    if entry.provider.block is None:
        return []
    if entry.params["cidr_block"] is not None:
        return [entry.params["cidr_block"]]
    return [*state.vpc_blocks_of(entry.key)]


def _of_unknown_vpc(key: str, error: TaskError, state: PathState) -> TaskError:
    """Return the error of a failed connection; if AWS does not know the VPC, requesting another one is useless."""
    view = state.aws.get(key)
    if view is None or view.vpc is not None:
        return error
    hint = f"AWS does not know this VPC in {view.place}. Correct the entry, or remove the connection with state: absent."
    return error.with_hint(hint)


def _unclear(entry: PeerEntry, state: PathState) -> TaskError | None:
    """Return why the container or the block of an entry is not known; None if both are."""
    blocks = _blocks_of(entry, state)
    if len(blocks) > 1:
        return TaskError(f"It has the blocks {', '.join(blocks)}.", hint=_ONE_OF_THEM)
    if entry.key in state.container_of:
        return None
    try:
        choose_container(entry, state)
    except TaskError as error:
        return error
    return TaskError("Its network container does not exist.")


def _name_of(fields: t.Mapping[str, t.Any]) -> str:
    """Return the name of a network, as entries have it."""
    cloud = cloud_of(fields)
    return str(fields[cloud.network]) if cloud.has_unique_ids else name_of(fields)


def _ids_by_identity(peers: t.Iterable[Peer]) -> dict[tuple[str | None, ...], set[str]]:
    """Return the ids of connections by the values that name their networks."""
    found: dict[tuple[str | None, ...], set[str]] = {}
    for peer in peers:
        found.setdefault(identity_of(fields_of(peer)), set()).add(peer["id"])
    return found
