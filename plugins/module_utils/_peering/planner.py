# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What is to be done for one VPC peering connection, from its state: a plan, or why there can be none. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Facts, Plan, Step, find_differences
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import to_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import may_be_same_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer, Provider, fields_of

from .containers import ContainerChoice
from .preflight import check_overlaps, check_region, find_holders
from .state import CreatePeer, DeletePeer, PeerState, UpdatePeer
from .waiter import failure


class PeerPlanner:
    """Plans the one connection that the options describe.

    The container is asked for where the options leave it or the region open, and before a connection is removed for a new one,
    since it would be gone if Atlas refused the new one. Otherwise Atlas itself refuses, and the Operation's `explain` tells why.

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
        # Version 1.0 of the API chooses the container by itself; v2 has to be told, and the accepter's region, too.
        self._needs_container = params["api_version"] == "v2"

    def plan_absent(self, state: PeerState) -> Plan:
        """Plan the removal of what is there and not being removed already."""
        peer = state.peer
        if peer is None or state.dying:
            return Plan()
        key = peer["id"]
        return Plan((Change("delete", key, peer, None),), (Step("delete", DeletePeer(key), (key,)),))

    def plan_present(self, state: PeerState) -> Plan:
        """Plan how the connection comes to be there, as the options describe it; raises AtlasError if it cannot."""
        provider, params, peer = self._provider, self._params, state.peer
        if peer is None and state.needs_id:
            pair = "leave it out" if params["vpc_id"] is not None else "give vpc_id and aws_account_id instead"
            raise AtlasError(
                f"Project {params['group_id']} has no VPC peering connection {params['peer_id']}.",
                hint=f"Check peer_id, or {pair} to create one.",
            )
        if peer is None or state.dying:
            return self.plan_creation(state)
        if peer["status_name"] != provider.failed:
            return self.plan_changes(state, peer)
        if params["recreate"] != "dead":
            raise failure(provider, params, peer)
        return self.plan_again(state, peer)

    def plan_creation(self, state: PeerState, replaced: Peer | None = None) -> Plan:
        """Plan a new connection.

        Args:
            state: What is there; the options are completed by what is being removed.
            replaced: The connection that is removed for it, if any.

        Raises:
            AtlasError: If it cannot be created like that; the message names the option.
        """
        provider, template = self._provider, state.template if replaced is None else None
        known = fields_of(template) if template is not None else {}
        fields = {name: known[name] for name in provider.writable if known.get(name) is not None}
        fields.update(self._wanted)
        container_id = self._choice.chosen_id()
        if container_id is not None:
            fields["container_id"] = container_id
        if "route_table_cidr_block" not in fields:
            raise InvalidOptionError("route_table_cidr_block is required to create a VPC peering connection.")
        container = self._choice.known(container_id)
        is_open = not {"container_id", "accepter_region_name"} <= fields.keys()
        if replaced is not None or (self._needs_container and is_open):
            container = self._choice.find(fields.get("container_id"), fields.get("accepter_region_name"))
        if container is not None and self._needs_container:
            fields = {"accepter_region_name": to_region(container), **fields, "container_id": container["id"]}
        region = to_region(container) if container is not None else None
        check_overlaps(provider, fields, container, self._choice.neighbours(state))
        key = provider.describe(fields)
        going = (*(state.dying if replaced is None else (replaced,)), *self._leaving_holders(state, fields))
        steps = [Step("delete", DeletePeer(replaced["id"]), (key,))] if replaced is not None else []
        steps.append(Step("create", CreatePeer(fields, region), (key,), after=going or None))
        change = Change("create" if replaced is None else "recreate", key, replaced, self._shown(fields, region))
        return Plan((change,), tuple(steps))

    def _shown(self, fields: t.Mapping[str, t.Any], home_region: str | None) -> Peer:
        """Return a new connection as Atlas will show it: null where the region is the container's."""
        provider = self._provider
        shown = {**dict.fromkeys((*provider.read_only, *provider.writable)), **fields}
        if shown["accepter_region_name"] == home_region:
            shown["accepter_region_name"] = None
        return t.cast("Peer", {**shown, "status_name": provider.progress[0], "provider_name": provider.name})

    def plan_again(self, state: PeerState, dead: Peer) -> Plan:
        """Plan to replace a connection by what the options alone describe, so that nothing is lost if the task ends in between.

        Raises:
            AtlasError: If that would be another connection.
        """
        if "route_table_cidr_block" not in self._wanted:
            raise InvalidOptionError(
                "route_table_cidr_block is required with recreate: dead, which removes the failed VPC peering connection "
                f"{dead['id']} and creates it again from the options alone.",
                hint=f"Set it; the block of that connection is {dead['route_table_cidr_block']}.",
            )
        plan = self.plan_creation(state, replaced=dead)
        fields = t.cast("CreatePeer", plan.steps[-1].request).fields
        container = self._choice.find(fields.get("container_id"), fields.get("accepter_region_name"))
        region = to_region(container)
        new = {"accepter_region_name": region, **fields, "container_id": container["id"]}
        old = {**fields_of(dead), "accepter_region_name": dead["accepter_region_name"] or region}
        names = [name for name in self._provider.writable if old[name] != new[name]]
        if may_be_same_region(new["accepter_region_name"], old["accepter_region_name"]):
            names = [name for name in names if name != "accepter_region_name"]
        if names:
            differences = ", ".join(f"{name} is {old[name]}, not {new[name]}" for name in names)
            raise AtlasError(
                f"VPC peering connection {dead['id']} is {self._provider.failure_in_words(dead)}, and the options describe "
                f"another one: {differences}.",
                hint="recreate: dead only replaces what the options alone create again: correct them, or remove the connection "
                "first (state: absent).",
            )
        return plan

    def plan_changes(self, state: PeerState, current: Peer) -> Plan:
        """Plan the changes to a connection that is alive.

        Raises:
            AtlasError: If it differs in what cannot be changed.
        """
        wanted, changeable = dict(self._wanted), self._provider.changeable
        if may_be_same_region(wanted.get("accepter_region_name"), current["accepter_region_name"]):
            wanted.pop("accepter_region_name", None)
        differing = find_differences(wanted, current)
        fixed = [name for name in differing if name not in changeable]
        if fixed:
            differences = ", ".join(f"{name} is {fields_of(current)[name]}, not {wanted[name]}" for name in fixed)
            raise AtlasError(
                f"VPC peering connection {current['id']} differs in what cannot be changed: {differences}. "
                "A new connection would be needed.",
                hint="Correct the option, or remove the connection first (state: absent).",
            )
        if not differing:
            return Plan()
        after = {**current, **wanted}
        check_overlaps(self._provider, after, self._choice.known(current["container_id"]), state.listed or ())
        request = UpdatePeer(current["id"], {name: wanted[name] for name in differing})
        step = Step("update", request, (current["id"],), after=self._leaving_holders(state, after) or None)
        return Plan((Change("update", current["id"], current, after),), (step,))

    def _leaving_holders(self, state: PeerState, fields: t.Mapping[str, t.Any]) -> tuple[Peer, ...]:
        """Return the connections that are being removed and still have the block that a connection needs, as far as is known."""
        block, container_id = fields["route_table_cidr_block"], fields.get("container_id")
        holders = find_holders(block, container_id, state.listed or (), but=fields.get("id"))
        return tuple(one for one in holders if one["status_name"] == self._provider.terminating and one not in state.dying)

    def predict(self, state: PeerState, plan: Plan) -> PeerState:
        """Return the state to which a plan leads, and foresee what Atlas would refuse.

        Raises:
            AtlasError: If it would.
        """
        change = plan.changes[0] if plan.changes else None
        if change is None:
            return state
        if change.after is None:
            return replace(state, peer=None)
        after, region = dict(change.after), self._wanted.get("accepter_region_name")
        current = change.before if change.action == "update" else None
        container = self._choice.find(after["container_id"], region if current is None else None)
        check_region(region, t.cast("Peer | None", current), container)
        after["container_id"] = container["id"]
        check_overlaps(self._provider, after, container, self._choice.neighbours(state))
        if current is None and after["accepter_region_name"] == to_region(container):
            after["accepter_region_name"] = None
        return replace(state, peer=t.cast("Peer", after))
