# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.
"""What is to be done for a declared list: the plans of its entries, and what only the whole list can tell. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Facts, Plan, Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.prune import check_ceiling, split_ignored, warn_of_unused
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import MOST_PEERS, MOST_PENDING
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer, Provider, fields_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.patterns import Pattern

from .containers import LIST_CONTAINERS
from .entries import Entry
from .order import find_cycle, order
from .planner import PeerPlanner
from .preflight import check_overlaps
from .set_state import PeerSetState
from .state import DeletePeer, PeerState


@dataclass
class Draft:
    """What the entries come to before the list as a whole is looked at.

    Attributes:
        plans: The plans of entries, by key.
        final: The connection that each entry will have, by key.
        refusals: Why an entry cannot be done at all, by key.
        failures: What has failed already, by key.
    """

    plans: dict[str, Plan]
    final: dict[str, Peer]
    refusals: dict[str, AtlasError]
    failures: dict[str, AtlasError]


class PeerSetPlanner:
    """Plans a whole list.

    Args:
        params: The options of the task.
        entries: The entries of the list.
        patterns: What to ignore.
        provider: The cloud provider.
        facts: What was read so far; what is missing is asked for.
    """

    def __init__(
        self,
        params: Parameters,
        entries: t.Sequence[Entry],
        patterns: t.Sequence[Pattern],
        provider: Provider,
        facts: Facts,
    ) -> None:
        self._params = params
        self._entries = entries
        self._patterns = patterns
        self._provider = provider
        self._facts = facts

    def plan(self, state: PeerSetState) -> Plan:
        """Plan what is left to do. What the list as a whole forbids is in the `refusals` of the plan."""
        draft = self._draft(state)
        ignored, undeclared = self.split_undeclared(state)
        going = undeclared if self._params["prune"] else []
        removals = [
            Plan(
                (Change("delete", peer["id"], fields_of(peer), None),),
                (Step("delete", DeletePeer(peer["id"]), (peer["id"],)),),
            )
            for peer in going
            if peer["id"] not in state.failures
        ]
        plans = [*draft.plans.values(), *removals]
        changes = tuple(change for plan in plans for change in plan.changes)
        steps = order([step for plan in plans for step in plan.steps], state.listed, self._provider)
        refusals = {**draft.refusals, **self._overlaps(state, draft, going), **self._cycles(steps)}
        for entry, error in self._duplicates(draft):
            refusals.setdefault(entry.key, error)
        whole = [self._above_limit(state, changes), self._above_ceiling(state, changes)]
        return Plan(
            changes,
            steps,
            warn_of_unused(self._patterns, [fields_of(peer) for peer in state.listed]),
            failures=draft.failures,
            refusals={**refusals, **{f"#{number}": error for number, error in enumerate(whole) if error is not None}},
        )

    def split_undeclared(self, state: PeerSetState) -> tuple[list[Peer], list[Peer]]:
        """Return the connections that the list does not declare: those to ignore, and the others; none that are on their way out.

        An entry whose connection cannot be told declares all of its account and VPC.
        """
        declared: set[str] = set()
        for entry in self._entries:
            own = state.entries.get(entry.key)
            if own is None:
                declared |= {peer["id"] for peer in state.listed if self._pair_of(peer) == entry.pair}
            elif own.peer is not None:
                declared.add(own.peer["id"])
        candidates = [
            fields_of(peer)
            for peer in state.listed
            if peer["id"] not in declared and peer["status_name"] != self._provider.terminating
        ]
        return split_ignored(self._patterns, candidates)

    def _pair_of(self, peer: Peer) -> tuple[str, ...]:
        return tuple(fields_of(peer)[name] for name in self._provider.identity)

    def _draft(self, state: PeerSetState) -> Draft:
        draft = Draft({}, {}, {}, {})
        for entry in self._entries:
            key = entry.key
            if key in state.failures:
                continue
            if key in state.unclear:
                draft.refusals[key] = entry.named(state.unclear[key])
                continue
            try:
                draft.plans[key] = self._plan_entry(entry, state.entries[key], draft)
            except AtlasError as error:
                peer = state.entries[key].peer
                is_dead = peer is not None and peer["status_name"] == self._provider.failed
                unfit = draft.failures if is_dead and self._params["recreate"] == "never" else draft.refusals
                unfit[key] = entry.named(error)
        return draft

    def _plan_entry(self, entry: Entry, own: PeerState, draft: Draft) -> Plan:
        """Plan one entry, and take down the connection that it will have.

        Raises:
            AtlasError: If it cannot be.
        """
        planner, peer = PeerPlanner(entry.params, self._provider, self._facts, ()), own.peer
        if peer is None or peer["status_name"] in (self._provider.terminating, self._provider.failed):
            # Read at once, in place of one container after the other.
            self._facts[LIST_CONTAINERS]  # noqa: B018 - asks
        plan = planner.plan_present(own)
        if not plan.changes:
            draft.final[entry.key] = t.cast("Peer", peer)
            return plan
        self._facts[LIST_CONTAINERS]  # noqa: B018 - asks
        final = t.cast("Peer", planner.predict(own, plan).peer)
        change = plan.changes[0]
        if change.action != "update" and entry.params["api_version"] == "v1.0" and change.after["container_id"] is None:
            raise InvalidOptionError(
                "container_id is required with api_version: v1.0, where Atlas chooses the network container by itself.",
                hint="Set it, or container_region_name, or use api_version: v2.",
            )
        draft.final[entry.key] = final
        return Plan(
            (replace(change, key=entry.key, after=fields_of(final)),),
            tuple(replace(step, keys=(entry.key,)) for step in plan.steps),
        )

    def _overlaps(self, state: PeerSetState, draft: Draft, going: t.Iterable[Peer]) -> dict[str, AtlasError]:
        """Return why final blocks cannot be side by side, by the later one of two entries that are created or changed."""
        changed = [entry for entry in self._entries if entry.key in draft.plans and draft.plans[entry.key].changes]
        own = {state.entries[entry.key].peer["id"] for entry in changed if state.entries[entry.key].peer}
        neighbours = [peer for peer in state.listed if peer["id"] not in own | {one["id"] for one in going}]
        refusals: dict[str, AtlasError] = {}
        for entry in changed:
            final = draft.final[entry.key]
            try:
                check_overlaps(self._provider, fields_of(final), None, neighbours)
            except AtlasError as error:
                refusals[entry.key] = entry.named(error)
            neighbours.append(final)
        return refusals

    def _cycles(self, steps: t.Iterable[Step]) -> dict[str, AtlasError]:
        cycle = find_cycle(steps)
        keys = [step.keys[0] for step in cycle]
        return {
            step.keys[0]: AtlasError(
                f"{step.keys[0]}.route_table_cidr_block {step.request.fields['route_table_cidr_block']} is free only after "
                f"{' and '.join(key for key in keys if key != step.keys[0])} has changed, which waits for this entry in turn.",
                hint="Give one of them a free block first, and run the task again with the blocks that you want.",
            )
            for step in cycle
        }

    def _duplicates(self, draft: Draft) -> t.Iterator[tuple[Entry, AtlasError]]:
        """Yield the entries that mean the same connection as one before."""
        seen: dict[tuple[t.Any, ...], Entry] = {}
        for entry in self._entries:
            final = draft.final.get(entry.key)
            if final is None:
                continue
            before = seen.setdefault((entry.pair, final["container_id"]), entry)
            if before is not entry:
                text = (
                    f"It has the AWS account and the VPC of {before.key}, and the same network container {final['container_id']}."
                )
                yield entry, entry.named(AtlasError(text, hint="Declare it once."))

    def _above_limit(self, state: PeerSetState, changes: t.Iterable[Change], going: t.Collection[Peer]) -> AtlasError | None:
        """Return the error for more connections than a project holds; only creations can make them more."""
        created = sum(change.action == "create" for change in changes)
        leaving = {peer["id"] for peer in going}
        staying = sum(peer["id"] not in leaving and peer["status_name"] != self._provider.terminating for peer in state.listed)
        if not created or staying + created <= MOST_PEERS:
            return None
        return AtlasError(
            f"The project would have {staying + created} VPC peering connections ({staying} that stay, {created} new), and Atlas "
            f"allows {MOST_PEERS}.",
            hint="Remove connections that are no longer used from the list, or from the project.",
        )

    def _above_ceiling(self, state: PeerSetState, changes: t.Iterable[Change]) -> AtlasError | None:
        removals = [
            f"VPC peering connection {change.before['id']} ({self._provider.describe(change.before)})"
            for change in changes
            if change.action in ("delete", "recreate") and change.before is not None
        ]
        return check_ceiling(self._params, removals)
