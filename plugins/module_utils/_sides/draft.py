# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans a declared list: each entry, and the checks of the list as a whole."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from functools import partial

from .._clouds.aws import AWS
from .._clouds.cloud import Fields, Peer, fields_of
from .._clouds.clouds import CLOUDS, cloud_of, for_pending, identity_of, is_failed, is_leaving, is_pending
from .._engine.options import Parameters
from .._engine.plan import Change, Plan, Step
from .._engine.prune import check_ceiling, check_ignore, check_stranger, split_ignored
from .._entries.parser import PeerEntry
from .._http.errors import ApiError, InvalidOptionError, NoAnswerError, TaskError, as_name, as_option
from .._resources.peers import MOST_PEERS, MOST_PENDING
from .connection import DeletePeer, PeerState, peer_after
from .container_choice import ContainerChoice
from .match import check_overlaps, check_twins
from .planner import PeerPlanner
from .set_options import PATTERN_FITS, SAME_CONTAINER, is_about
from .set_state import PeerSetState, after_twins, find_cycle, order

Refusals = dict[str, TaskError]
# The key of the refusal by `max_deletions`.
CEILING = "ceiling"


@dataclass
class Draft:
    """The plans of the entries, before the checks of the list as a whole.

    Attributes:
        entries: The entries.
        plans: The plans of the entries that can be done, by key.
        final: The future connection of an entry, by key.
        refusals: The error of an entry that cannot be done, by key.
        failures: The error of an entry whose connection has failed already, by key.
        to_prune: The connections to remove, since the list does not declare them.
    """

    entries: t.Sequence[PeerEntry]
    plans: dict[str, Plan] = field(default_factory=dict)
    final: dict[str, Peer] = field(default_factory=dict)
    refusals: Refusals = field(default_factory=dict)
    failures: Refusals = field(default_factory=dict)
    to_prune: list[Peer] = field(default_factory=list)


class PeerSetPlanner:
    """Plans a whole list.

    Args:
        params: The options of the task.
        entries: The entries of the list.
        choices: The container of each entry, by key.
        clouds: The names of the clouds whose connections the list declares.
    """

    def __init__(
        self,
        params: Parameters,
        entries: t.Sequence[PeerEntry],
        choices: t.Mapping[str, ContainerChoice],
        clouds: t.Collection[str],
    ) -> None:
        self._params = params
        self._entries = entries
        self._choices = choices
        self._clouds = clouds

    def plan(self, state: PeerSetState) -> Plan:
        """Plan what is left to do. What must not be done is in the `refusals` of the plan: nothing is then changed."""
        draft = self._draft(state)
        if self._params["prune"]:
            settled = state.failures.keys() | state.done.keys()
            draft.to_prune = [peer for peer in self.split_undeclared(state)[1] if peer["id"] not in settled]
        removals = [
            Plan((Change("delete", peer["id"], peer, None),), (Step("delete", DeletePeer(peer["id"]), (peer["id"],)),))
            for peer in draft.to_prune
        ]
        plans = [*draft.plans.values(), *removals]
        changes = tuple(change for plan in plans for change in plan.changes)
        leaving = [peer for peer in state.listed if is_leaving(peer) or peer in draft.to_prune]
        steps = order([after_twins(step, leaving, self._choices) for plan in plans for step in plan.steps], state.listed)
        unmatched, warnings = self._check_ignore(draft, state)
        return Plan(
            changes,
            steps,
            warnings,
            failures=draft.failures,
            refusals={**unmatched, **_find_refusals(draft, changes, steps, state, self._choices, self._params)},
        )

    def predict(self, state: PeerSetState, plan: Plan) -> PeerSetState:
        """Return the state after a plan and all that the task waits for."""
        done = {change.key: change for change in plan.changes}
        entries = dict(state.entries)
        for entry in self._entries:
            own, change = entries.get(entry.key), done.get(entry.key)
            peer = own.peer if own is not None else None
            if change is not None:
                peer = peer_after(change)
            is_awaited = self._params["wait"] and entry.key not in plan.failures
            if peer is not None and is_awaited and not entry.provider.has_reached(peer, entry.goal):
                peer = {**peer, "status_name": entry.goal}
            entries[entry.key] = PeerState(peer, listed=())
        pruned = tuple(state.find(change.key) for change in plan.changes if change.after is None)
        replaced = [change.before["id"] for change in plan.changes if change.action == "recreate" and change.before]
        listed = tuple(peer for peer in state.listed if peer["id"] not in replaced)
        return replace(state, listed=listed, entries=entries, done=done, pruned=pruned, failures=plan.failures)

    def split_undeclared(self, state: PeerSetState) -> tuple[list[Peer], list[Peer]]:
        """Return the connections that the list does not declare and that are not leaving: those to ignore, and the others.

        An entry whose connection is unclear declares all connections of its network. A connection without an identity in Atlas
        counts as declared, since any entry may mean it.
        """
        declared: set[str] = set()
        for entry in self._entries:
            own = state.entries.get(entry.key)
            if own is None:
                declared |= {peer["id"] for peer in state.listed if identity_of(peer) == entry.identity}
            elif own.peer is not None:
                declared.add(own.peer["id"])
        candidates = [
            fields_of(peer)
            for peer in state.listed
            if cloud_of(peer).name in self._clouds
            and peer["id"] not in declared
            and not is_leaving(peer)
            and None not in identity_of(peer)
        ]
        return split_ignored(self._params["ignore"], candidates, PATTERN_FITS)

    def _check_ignore(self, draft: Draft, state: PeerSetState) -> tuple[Refusals, tuple[str, ...]]:
        """Return the refusal of a plan that prunes while a pattern matches nothing, and the warnings about patterns."""
        clouds = [CLOUDS[name] for name in self._clouds]
        named = [entry.named_fields for entry in self._entries]
        declared = [{name: value for name, value in fields.items() if value is not None} for fields in named]
        present = [*map(fields_of, state.first), *declared, *map(fields_of, draft.final.values())]
        error, warnings = check_ignore(
            self._params, present, PATTERN_FITS, removes=bool(draft.to_prune), is_about=partial(is_about, clouds=clouds)
        )
        return {} if error is None else {"ignore": error}, warnings

    def warnings(self, plan: Plan, state: PeerSetState) -> tuple[str, ...]:
        """Return the warnings about a plan: too many pending connections, and pruning with a list that may be for AWS alone."""
        removes = any(change.action == "delete" for change in plan.changes)
        is_whole = self._params["prune"] and (removes or not self._entries)
        if not is_whole or self._params["provider_name"] is not None:
            return _warn_of_pending(plan.changes, state)
        return (
            *_warn_of_pending(plan.changes, state),
            "prune removes connections with AWS only: those with AZURE and GCP were not read. Set provider_name: all to declare "
            "and prune the connections of all clouds, or provider_name: AWS to confirm that the list is about AWS.",
        )

    def _draft(self, state: PeerSetState) -> Draft:
        """Plan the entries one by one, without what this run has already done."""
        draft = Draft(self._entries)
        for entry in self._entries:
            key = entry.key
            own, done = state.entries.get(key), state.done.get(key)
            if key in state.failures:
                continue
            if own is None:
                draft.refusals[key] = entry.named(state.unclear[key])
            elif done is not None and done.after is not None:
                draft.final[key] = peer_after(done) if own.peer is None else own.peer
            else:
                self._draft_entry(entry, own, draft)
        return draft

    def _draft_entry(self, entry: PeerEntry, own: PeerState, draft: Draft) -> None:
        try:
            draft.plans[entry.key], draft.final[entry.key] = self._plan_entry(entry, own)
        except TaskError as error:
            if isinstance(error, (ApiError, NoAnswerError)) or error.http_status is not None:
                # The containers could not be read.
                raise
            unfit = draft.refusals
            if own.peer is not None and is_failed(own.peer) and self._params["recreate"] == "never":
                unfit, draft.final[entry.key] = draft.failures, own.peer
            unfit[entry.key] = entry.named(error)

    def _plan_entry(self, entry: PeerEntry, own: PeerState) -> tuple[Plan, Peer]:
        """Return the plan of one entry, and the connection that it will have.

        Raises:
            TaskError: If the entry cannot be planned, or the containers cannot be read.
        """
        choice, peer = self._choices[entry.key], own.peer
        planner = PeerPlanner(choice)
        if peer is None or own.dying or (is_failed(peer) and self._params["recreate"] != "never"):
            choice.check_given()
        plan = planner.plan_present(own)
        if not plan.changes:
            return plan, t.cast("Peer", peer)
        choice.check_given()
        change = plan.changes[0]
        if change.action != "update" and plan.steps[-1].request.fields.get("container_id") is None:
            raise InvalidOptionError(
                f"{as_option('container_id')} is required with api_version: v1.0, where Atlas chooses the network container by "
                "itself.",
                hint=f"Set it, or {as_option('container_region_name')}, or use api_version: v2.",
            )
        final = t.cast("Peer", planner.predict(own, plan).peer)
        change = change._replace(key=entry.key, after=fields_of(final))
        return Plan((change,), tuple(step._replace(keys=(entry.key,)) for step in plan.steps)), final


def _find_refusals(
    draft: Draft,
    changes: t.Sequence[Change],
    steps: t.Sequence[Step],
    state: PeerSetState,
    choices: t.Mapping[str, ContainerChoice],
    params: Parameters,
) -> Refusals:
    """Return why a list cannot be carried out, by the keys of entries, or by other keys for the list as a whole."""
    whole = {"limit": _above_limit(draft, changes, state), CEILING: _above_ceiling(draft, changes, state, params)}
    return {
        **{key: error for key, error in whole.items() if error is not None},
        **_duplicates(draft),
        **_cycles(steps, draft),
        **_overlaps(draft, state, choices),
        **draft.refusals,
    }


def _duplicates(draft: Draft) -> Refusals:
    """Find the entries whose container an earlier entry of their network names in another way; the list shows the others."""
    refusals: Refusals = {}
    first: dict[tuple[t.Any, ...], PeerEntry] = {}
    for entry in draft.entries:
        if entry.key in draft.final:
            before = first.setdefault((*entry.identity, draft.final[entry.key]["container_id"]), entry)
            if before is not entry:
                text = f"it has {entry.provider.identity_noun} of {before.title}."
                refusals[entry.key] = entry.named(TaskError(text, hint=SAME_CONTAINER))
    return refusals


def _cycles(steps: t.Iterable[Step], draft: Draft) -> Refusals:
    by_key = {entry.key: entry for entry in draft.entries}
    cycle = [(by_key[step.keys[0]], step) for step in find_cycle(steps)]
    refusals: Refusals = {}
    for entry, step in cycle:
        others = " and ".join(other.title for other, _step in cycle if other is not entry)
        error = TaskError(
            f"{as_option(str(AWS.block))} {as_name(step.request.fields['route_table_cidr_block'])} is not free before {others} "
            "has changed, which waits for this entry in turn.",
            hint="Give one of them a block that is free, and run the task again with the blocks that you want.",
        )
        refusals[entry.key] = entry.named(error)
    return refusals


def _overlaps(draft: Draft, state: PeerSetState, choices: t.Mapping[str, ContainerChoice]) -> Refusals:
    """Check that the blocks of created and changed connections do not overlap; of two such entries, the later one is refused."""
    changed = [entry for entry in draft.entries if entry.key in draft.plans and draft.plans[entry.key].changes]
    own = {peer["id"] for entry in changed if (peer := state.entries[entry.key].peer) is not None}
    leaving = own | {peer["id"] for peer in draft.to_prune}
    neighbours: dict[str, list[Peer]] = {entry.provider.name: [] for entry in changed}
    for peer in state.listed:
        if peer["id"] not in leaving:
            neighbours.setdefault(cloud_of(peer).name, []).append(peer)
    refusals: Refusals = {}
    for entry in changed:
        final, others = draft.final[entry.key], neighbours[entry.provider.name]
        try:
            check_overlaps(entry.provider, final, None, others)
            check_twins(choices[entry.key], final, others)
        except TaskError as error:
            refusals[entry.key] = entry.named(error)
        # A new connection has no id yet: the key of its entry stands for it. Messages have the network behind it.
        others.append({**final, "id": final["id"] or entry.key})
    return refusals


def _above_limit(draft: Draft, changes: t.Iterable[Change], state: PeerSetState) -> TaskError | None:
    """Return an error if creations exceed Atlas's limit of connections in a project."""
    created = sum(change.action == "create" for change in changes)
    pruned_ids = {peer["id"] for peer in draft.to_prune}
    staying = sum(peer["id"] not in pruned_ids and not is_leaving(peer) for peer in state.listed)
    if not created or staying + created <= MOST_PEERS:
        return None
    return TaskError(
        f"The project would have {staying + created} VPC peering connections ({staying} that stay, and {created} new ones), and "
        f"Atlas allows {MOST_PEERS}.",
        hint="Take connections that are no longer needed out of the list, or remove them from the project.",
    )


def _above_ceiling(draft: Draft, changes: t.Iterable[Change], state: PeerSetState, params: Parameters) -> TaskError | None:
    """Return an error if more is removed than the task allows, or if it sets no limit and no entry has a connection."""
    tags = {entry.key: entry.tag for entry in draft.entries}
    removals = [
        _in_words(change.before, tags.get(change.key, ""))
        for change in changes
        if change.action in ("delete", "recreate") and change.before is not None
    ]
    if draft.to_prune and not _has_connection(draft.entries, state):
        error = check_stranger(params, [_in_words(fields_of(peer)) for peer in draft.to_prune], is_empty=not draft.entries)
        if error is not None:
            return error
    return check_ceiling(params, removals)


def _in_words(peer: Fields, tag: str = "") -> str:
    return f"VPC peering connection {peer['id']} ({', '.join(filter(None, (cloud_of(peer).describe(peer), tag)))})"


def _has_connection(entries: t.Iterable[PeerEntry], state: PeerSetState) -> bool:
    """Whether an entry had a connection when the task began, in any container and state.

    A connection without an identity in Atlas may be that of any entry on its cloud.
    """
    networks = {(entry.provider.name, entry.identity) for entry in entries}
    clouds = {name for name, _identity in networks}
    found = [(cloud_of(peer).name, identity_of(peer)) for peer in state.first]
    return any((name, identity) in networks or (name in clouds and None in identity) for name, identity in found)


def _warn_of_pending(changes: t.Sequence[Change], state: PeerSetState) -> tuple[str, ...]:
    """Return a warning if more connections will be pending than Atlas allows. Accepted ones make room, so it is no refusal."""
    removed_ids = {change.before["id"] for change in changes if change.action in ("delete", "recreate") and change.before}
    present = [peer for peer in state.listed if is_pending(peer) and peer["id"] not in removed_ids]
    created = [peer_after(change) for change in changes if change.action in ("create", "recreate")]
    pending = [*present, *created]
    if not created or len(pending) <= MOST_PENDING:
        return ()
    on_aws = "Have them accepted in AWS"
    some = for_pending(pending, on_aws, "Have them completed in")
    first = "accept" if some == on_aws else "complete"
    return (
        f"{len(pending)} VPC peering connections would be pending, and Atlas allows {MOST_PENDING}. {some} while the task waits "
        f"(wait: true), or {first} the first ones and run the task again.",
    )
