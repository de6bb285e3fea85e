# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of one connection: a pure function of the options, the state, and what was read so far."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._clouds.cloud import Peer, Provider, fields_of
from .._engine.options import Parameters
from .._engine.plan import Change, Facts, Plan, Step
from .._http.errors import AtlasError
from .._resources.containers import to_region
from .._resources.peers import may_be_same_region
from .containers import ContainerChoice
from .creation import CreationPlanner, removal_of_old
from .failures import failure
from .options import choose_provider
from .preflight import check_overlaps, check_region
from .state import DeletePeer, PeerState, UpdatePeer


class PeerPlanner:
    """Plans the one connection that the options describe.

    Args:
        params: The options.
        provider: The cloud provider.
        facts: What was read so far; what is missing is asked for.
    """

    def __init__(self, params: Parameters, provider: Provider, facts: Facts) -> None:
        self._params = params
        self._provider = provider
        self._choice = ContainerChoice(params, provider, facts, facts.__getitem__)
        self._wanted = {name: params[name] for name in provider.writable if name != "container_id" and params[name] is not None}
        self._creation = CreationPlanner(params, provider, self._choice, self._wanted)

    def plan_absent(self, state: PeerState) -> Plan:
        """Plan the removal of what is there and not being removed already.

        Raises:
            AtlasError: If it is another one than the options say.
        """
        peer, provider = state.peer, self._provider
        if peer is None or state.dying:
            return Plan()
        labels = {name: self._wanted[name] for name in provider.labels if name in self._wanted}
        differing = provider.differing(labels, fields_of(peer))
        if differing:
            raise AtlasError(
                f"VPC peering connection {peer['id']} is not the one that the options describe: "
                f"{self._in_words(differing, peer)}.",
                hint="Correct the option, or leave it out.",
            )
        key = peer["id"]
        return Plan((Change("delete", key, fields_of(peer), None),), (Step("delete", DeletePeer(key), (key,)),))

    def plan_present(self, state: PeerState) -> Plan:
        """Plan how the connection comes to be there, as the options describe it; raises AtlasError if it cannot."""
        if state.old is None:
            return self._plan_own(state)
        key = state.old["id"]
        if state.peer is None or state.dying:
            return self._creation.plan_move(state, state.old)
        plan, removal = self._plan_own(state), Change("delete", key, fields_of(state.old), None)
        warnings = self._check_move(plan, state.old, state.peer)
        return Plan((*plan.changes, removal), (*plan.steps, removal_of_old(state.old, (key,))), warnings)

    def _check_move(self, plan: Plan, old: Peer, new: Peer) -> tuple[str, ...]:
        """Check that a move removes no other connection that may work; there is a warning if it removes one that has failed.

        Raises:
            AtlasError: If it would: what people see of a move is the connection that moves.
        """
        if plan.changes[:1] == () or plan.changes[0].action != "recreate":
            return ()
        provider, network = self._provider, f"{self._provider.network} {self._provider.describe(fields_of(new))}"
        if provider.has_failed(new):
            is_failed = f"VPC peering connection {new['id']} to {network} is {provider.failure_in_words(new)}"
            return (f"{is_failed}, and is removed as well as {old['id']}, which peer_id names.",)
        raise AtlasError(
            f"peer_id names VPC peering connection {old['id']}, which cannot move to {network}: VPC peering connection "
            f"{new['id']} leads there, and differs in what cannot be changed, so that both would be removed.",
            hint="Run the task without peer_id first, which replaces the one that is there, or correct the options.",
        )

    def _plan_own(self, state: PeerState) -> Plan:
        provider, params, peer = self._provider, self._params, state.peer
        if peer is None and state.needs_id:
            names = " and ".join(reversed(provider.identity))
            if choose_provider(params) is None:
                names += ", or what names the network on AZURE or GCP,"
            way_out = "leave it out" if None not in [params[name] for name in provider.identity] else f"give {names} instead"
            raise AtlasError(
                f"Project {params['group_id']} has no VPC peering connection {params['peer_id']}.",
                hint=f"Check peer_id, or {way_out} to create one.",
            )
        if peer is None or state.dying:
            return self._creation.plan(state)
        if not provider.has_failed(peer):
            return self.plan_changes(state, peer)
        if params["recreate"] == "never":
            raise failure(provider, params, peer)
        return self._creation.plan_again(state, peer)

    def plan_changes(self, state: PeerState, current: Peer) -> Plan:
        """Plan the changes to a connection that is alive.

        Raises:
            AtlasError: If it differs in what cannot be changed.
        """
        wanted, provider = dict(self._wanted), self._provider
        if provider.region and may_be_same_region(wanted.get(provider.region), fields_of(current)[provider.region]):
            wanted.pop(provider.region, None)
        differing = provider.differing(wanted, fields_of(current))
        fixed = [name for name in differing if name not in provider.changeable]
        if fixed and self._params["recreate"] == "changed":
            return self._creation.plan_again(state, current)
        if fixed:
            raise AtlasError(
                f"VPC peering connection {current['id']} differs in what cannot be changed: {self._in_words(fixed, current)}. "
                "A new connection would be needed.",
                hint="Correct the option, or remove the connection first (state: absent), or set recreate: changed.",
            )
        if not differing:
            return Plan()
        after = {**current, **wanted}
        check_overlaps(provider, after, self._choice.known(current["container_id"]), state.listed or ())
        request = UpdatePeer(current["id"], {name: wanted[name] for name in differing})
        step = Step("update", request, (current["id"],), after=self._creation.leaving(state, after) or None)
        return Plan((Change("update", current["id"], fields_of(current), after),), (step,))

    def _in_words(self, names: t.Iterable[str], current: Peer) -> str:
        """Return how fields of a connection differ from the options."""
        return ", ".join(f"{name} is {fields_of(current)[name]}, not {self._wanted[name]}" for name in names)

    def predict(self, state: PeerState, plan: Plan) -> PeerState:
        """Return the state to which a plan leads, and foresee what Atlas would refuse.

        Raises:
            AtlasError: If it would.
        """
        change = plan.changes[0] if plan.changes else None
        if change is None:
            return state
        if change.after is None:
            return replace(state, peer=None) if state.old is None else replace(state, old=None)
        provider, after = self._provider, dict(change.after)
        region = None if provider.region is None else self._wanted.get(provider.region)
        current = change.before if change.action == "update" else None
        container = self._choice.find(after["container_id"], region if current is None else None)
        after["container_id"] = container["id"]
        gone = change.before["id"] if change.action == "recreate" and change.before is not None else None
        neighbours = [peer for peer in self._choice.neighbours(state) if peer["id"] != gone]
        if provider.region is not None:
            check_region(region, t.cast("Peer | None", current), container)
        check_overlaps(provider, after, container, neighbours)
        if provider.region is not None and current is None and after[provider.region] == to_region(container):
            after[provider.region] = None
        return replace(state, peer=t.cast("Peer", after), old=None)
