# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done for a declared list: the plans of its entries, and what only the whole list can tell. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Peer, fields_of, identity_of, is_failed, is_leaving
from .._engine.options import Parameters
from .._engine.plan import Change, Facts, Needs, Plan, Step
from .._engine.prune import split_ignored, warn_of_unused
from .._http.errors import AtlasError, InvalidOptionError
from .._resources.containers import describe, kind_of
from .._values.patterns import Pattern
from .containers import LIST_CONTAINERS, ContainerChoice
from .entries import Entry
from .order import after_twins, order
from .patterns import CASELESS
from .planner import PeerPlanner
from .refusals import on_other_cloud
from .set_checks import Draft, find_refusals, warn_of_pending
from .set_state import PeerSetState
from .state import DeletePeer, PeerState


class PeerSetPlanner:
    """Plans a whole list.

    Args:
        params: The options of the task.
        entries: The entries of the list.
        facts: What was read so far; what is missing is asked for.
    """

    def __init__(
        self,
        params: Parameters,
        entries: t.Sequence[Entry],
        facts: Facts,
    ) -> None:
        self._params = params
        self._entries = entries
        self._patterns: t.Sequence[Pattern] = params["ignore"]
        self._facts = facts

    def plan(self, state: PeerSetState) -> Plan:
        """Plan what is left to do. What the list as a whole forbids is in the `refusals` of the plan."""
        draft = self._draft(state)
        if self._params["prune"]:
            settled = state.failures.keys() | state.done.keys()
            draft.going = [peer for peer in self.split_undeclared(state)[1] if peer["id"] not in settled]
        removals = [
            Plan((Change("delete", peer["id"], fields_of(peer), None),), (Step("delete", DeletePeer(peer["id"]), (peer["id"],)),))
            for peer in draft.going
        ]
        plans = [*draft.plans.values(), *removals]
        changes = tuple(change for plan in plans for change in plan.changes)
        choices = {
            one.key: ContainerChoice(one.params, one.provider, self._facts, self._facts.__getitem__) for one in self._entries
        }
        leaving = [peer for peer in state.listed if is_leaving(peer) or peer in draft.going]
        steps = order([after_twins(step, leaving, choices) for plan in plans for step in plan.steps], state.listed)
        warnings = warn_of_unused(self._patterns, [fields_of(peer) for peer in state.first], CASELESS)
        return Plan(
            changes,
            steps,
            warnings + warn_of_pending(changes, state) + self._warn_of_others(draft),
            failures=draft.failures,
            refusals=find_refusals(draft, changes, steps, state, choices, self._params),
        )

    def predict(self, state: PeerSetState, plan: Plan) -> PeerSetState:
        """Return the state in which a plan is done, and all is as the task would wait for it."""
        done = {change.key: change for change in plan.changes}
        entries = dict(state.entries)
        for entry in self._entries:
            own, change = entries.get(entry.key), done.get(entry.key)
            peer = own.peer if own is not None else None
            if change is not None:
                peer = t.cast("Peer", change.after)
            is_awaited = self._params["wait"] and entry.key not in plan.failures
            if peer is not None and is_awaited and not entry.provider.has_reached(peer, entry.goal):
                peer = {**peer, "status_name": entry.goal}
            entries[entry.key] = PeerState(peer, listed=())
        pruned = tuple(state.find(change.key) for change in plan.changes if change.after is None)
        replaced = [change.before["id"] for change in plan.changes if change.action == "recreate" and change.before]
        listed = tuple(peer for peer in state.listed if peer["id"] not in replaced)
        return replace(state, listed=listed, entries=entries, done=done, pruned=pruned, failures=plan.failures)

    def split_undeclared(self, state: PeerSetState) -> tuple[list[Peer], list[Peer]]:
        """Return the connections that the list does not declare: those to ignore, and the others; none that are on their way out.

        An entry whose connection cannot be told declares all of its network, and a connection of which Atlas does not say
        these may be declared by any.
        """
        declared: set[str] = set()
        for entry in self._entries:
            own = state.entries.get(entry.key)
            if own is None:
                declared |= {peer["id"] for peer in state.listed if identity_of(fields_of(peer)) == entry.identity}
            elif own.peer is not None:
                declared.add(own.peer["id"])
        candidates = [
            fields_of(peer)
            for peer in state.listed
            if peer["id"] not in declared and not is_leaving(peer) and None not in identity_of(fields_of(peer))
        ]
        return split_ignored(self._patterns, candidates, CASELESS)

    def _warn_of_others(self, draft: Draft) -> tuple[str, ...]:
        """Return a warning if connections are removed, or all would be, and nobody has said that AWS alone is meant."""
        is_whole = self._params["prune"] and (draft.going or not self._entries)
        if not is_whole or self._params["provider_name"] is not None:
            return ()
        return (
            "prune removes connections with AWS only: those with AZURE and GCP were not read. Set provider_name: all to declare "
            "and prune the connections of all clouds, or provider_name: AWS to confirm that the list is about AWS.",
        )

    def _draft(self, state: PeerSetState) -> Draft:
        """Plan the entries one by one; what was done in this run is not done again."""
        draft = Draft(self._entries)
        for entry in self._entries:
            key = entry.key
            own, done = state.entries.get(key), state.done.get(key)
            if key in state.failures:
                continue
            if own is None:
                draft.refusals[key] = entry.named(state.unclear[key])
            elif done is not None and done.after is not None:
                draft.final[key] = t.cast("Peer", own.peer)
            else:
                self._draft_entry(entry, own, draft)
        return draft

    def _draft_entry(self, entry: Entry, own: PeerState, draft: Draft) -> None:
        try:
            draft.plans[entry.key], draft.final[entry.key] = self._plan_entry(entry, own)
        except AtlasError as error:
            unfit = draft.refusals
            if own.peer is not None and is_failed(own.peer) and self._params["recreate"] == "never":
                unfit, draft.final[entry.key] = draft.failures, own.peer
            unfit[entry.key] = entry.named(error)

    def _plan_entry(self, entry: Entry, own: PeerState) -> tuple[Plan, Peer]:
        """Plan one entry, and return the connection that it will have, too.

        Raises:
            AtlasError: If it cannot be.
        """
        planner, peer = PeerPlanner(entry.params, entry.provider, self._facts), own.peer
        if peer is None or own.dying or (is_failed(peer) and self._params["recreate"] != "never"):
            self._check_container(entry)
        try:
            plan = planner.plan_present(own)
        except Needs:
            self._check_container(entry)
            plan = planner.plan_present(own)
        if not plan.changes:
            return plan, t.cast("Peer", peer)
        self._check_container(entry)
        change = plan.changes[0]
        if change.action != "update" and plan.steps[-1].request.fields.get("container_id") is None:
            raise InvalidOptionError(
                "container_id is required with api_version: v1.0, where Atlas chooses the network container by itself.",
                hint="Set it, or container_region_name, or use api_version: v2.",
            )
        final = t.cast("Peer", planner.predict(own, plan).peer)
        change = replace(change, key=entry.key, after=fields_of(final))
        return Plan((change,), tuple(replace(step, keys=(entry.key,)) for step in plan.steps)), final

    def _check_container(self, entry: Entry) -> None:
        """Ask for all containers at once, and check that the one of an entry is among them.

        Raises:
            InvalidOptionError: If it is not.
        """
        containers, wanted = self._facts[LIST_CONTAINERS], entry.params["container_id"]
        found = next((one for one in containers if one["id"] == wanted), None)
        containers = [one for one in containers if kind_of(one["provider_name"]).name == entry.provider.name]
        if found is not None and found not in containers:
            raise on_other_cloud(entry.provider, found)
        if wanted is not None and found is None:
            raise InvalidOptionError(
                f"container_id: project {self._params['group_id']} has no network container {wanted} on {entry.provider.name}.",
                hint=f"It has {describe(containers)}." if containers else "It has none. Create one (atlas_network_container).",
            )
