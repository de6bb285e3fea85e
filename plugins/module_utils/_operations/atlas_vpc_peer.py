# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer does: its options, and the way from them to a connection as it should be."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.converge import CREATION_PAUSES, converge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.operation import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Plan, plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.container_choice import ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.match import PeerMatch
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.planner import PeerCreation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.waiter import PeerWaiter
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import Peer, VpcPeers, same_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.rules import (
    check_aws_ids,
    check_object_id,
    check_private_network,
    check_regions,
    check_wait,
    to_aws_region,
)

ARGUMENT_SPEC = (
    CONNECTION
    + WAIT
    + ArgumentSpec(
        {
            "vpc_id": {"type": "str"},
            "aws_account_id": {"type": "str"},
            "peer_id": {"type": "str"},
            "route_table_cidr_block": {"type": "str"},
            "accepter_region_name": {"type": "str"},
            "container_id": {"type": "str"},
            "container_region_name": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "recreate": {"type": "str", "choices": ["never", "dead"], "default": "never"},
            "wait_for": {"type": "str", "choices": ["pending_acceptance", "available"], "default": "pending_acceptance"},
        },
        required_together=(("vpc_id", "aws_account_id"),),
        required_one_of=(("vpc_id", "peer_id"),),
        mutually_exclusive=(("container_id", "container_region_name"),),
    )
)


def validate(params: Parameters, unused_check_mode: bool) -> list[str]:
    """Check the options without the network.

    Returns:
        Warnings about values that Atlas will have to decide on.

    Raises:
        InvalidOptionError: When an option cannot be right.
    """
    if params["peer_id"] is None and (params["vpc_id"] is None or params["aws_account_id"] is None):
        # The rules of the argument spec take a null for a value.
        raise InvalidOptionError("vpc_id and aws_account_id, or peer_id, must not be null.")
    for option in ("peer_id", "container_id"):
        if params[option] is not None:
            check_object_id(option, params[option])
    warnings = check_aws_ids(params)
    if params["route_table_cidr_block"] is not None:
        check_private_network("route_table_cidr_block", params["route_table_cidr_block"])
    check_wait(params)
    if params["recreate"] == "dead" and params["state"] == "present" and params["vpc_id"] is None:
        raise InvalidOptionError(
            "recreate: dead needs vpc_id, aws_account_id and route_table_cidr_block: with peer_id alone, a failed VPC peering "
            "connection could not be created again if the task ended after its removal.",
            hint="Set them, in place of peer_id or beside it.",
        )
    return warnings + check_regions(params, "accepter_region_name", "container_region_name")


def run(context: Context[AtlasClient]) -> None:
    """Bring the connection into the wanted state."""
    _VpcPeerRun(context).run()


TASK = Task(argument_spec=ARGUMENT_SPEC, service=ATLAS, validate=validate, run=run)


class _VpcPeerRun:
    """One run of the task: look, decide, apply, wait."""

    def __init__(self, context: Context[AtlasClient]) -> None:
        self._context = context
        self._params = params = context.params
        self._is_absent = params["state"] == "absent"
        region = params["accepter_region_name"]
        self._region = to_aws_region("accepter_region_name", region) if region is not None else None
        self._peers = VpcPeers(context.client, params["group_id"])
        options = ("vpc_id", "aws_account_id", "route_table_cidr_block")
        self._wanted = {name: params[name] for name in options if params[name] is not None}
        if self._region is not None:
            self._wanted["accepter_region_name"] = self._region
        choice = ContainerChoice(context)
        self._match = PeerMatch(context, self._peers, choice)
        self._creation = PeerCreation(context, self._peers, choice, self._wanted)
        self._waiter = PeerWaiter(context, self._peers, self._creation.region_of)
        # The failed connection that was removed to be created again; from then on, it must be replaced.
        self._removed: Peer | None = None
        # What was being removed when the task came, for what the options leave open.
        self._template: Peer | None = None

    def run(self) -> None:
        context, outcome = self._context, self._context.outcome
        done, peer = converge(
            context, self._look, self._decide, self._apply, creation_pauses=CREATION_PAUSES, explain=self._match.explain
        )
        if context.check_mode:
            peer = t.cast("Peer | None", done.after)
        elif peer is not None and self._params["wait"]:
            if self._is_absent:
                self._waiter.wait_until_gone(self._match.dying or [peer])
            else:
                peer = self._waiter.wait_for_status(peer)
        outcome.values["vpc_peer"] = outcome.after = None if self._is_absent else peer
        if self._params["wait"]:
            outcome.values["status_history"] = self._waiter.history.entries

    def _look(self) -> Peer | None:
        peer = self._match.find_peer()
        self._waiter.note(peer)
        return peer

    def _decide(self, current: Peer | None) -> Plan:
        provider, params = self._peers.provider, self._params
        is_terminating = bool(self._match.dying)
        if self._is_absent:
            return Plan("nothing", current, None) if is_terminating else plan(None, current)
        if current is None:
            if self._match.needs_id:
                raise self._unknown_id()
            return self._creation.plan(self._template, replaced=self._removed)
        if is_terminating:
            # With recreate, this may be what an earlier run has removed before it was ended.
            if not params["wait"] and params["recreate"] != "dead":
                raise AtlasError(
                    f"VPC peering connection {current['id']} is being removed ({provider.terminating}) and cannot be used.",
                    hint="Set wait to true to wait until it is gone and create a new one, or run the task again later.",
                )
            # Several of them need not be alike.
            self._template = current if len(self._match.dying) == 1 and self._removed is None else None
            return self._creation.plan(self._template, replaced=self._removed)
        if current["status_name"] == provider.failed:
            if params["recreate"] != "dead":
                raise self._waiter.failure(current)
            return self._creation.plan_again(current)
        result = self._changes(current)
        status = params["wait_for"].upper()
        if self._context.check_mode and params["wait"] and not provider.has_reached(current, status):
            # What it will have come to after the waiting.
            return replace(result, after={**(result.after or {}), "status_name": status})
        return result

    def _unknown_id(self) -> AtlasError:
        pair = "leave it out" if self._params["vpc_id"] is not None else "give vpc_id and aws_account_id instead"
        return AtlasError(
            f"Project {self._params['group_id']} has no VPC peering connection {self._params['peer_id']}.",
            hint=f"Check peer_id, or {pair} to have one created.",
        )

    def _changes(self, current: Peer) -> Plan:
        """Plan the changes to a connection that is alive.

        Raises:
            AtlasError: When it differs in what cannot be changed.
        """
        wanted, changeable = dict(self._wanted), self._peers.provider.changeable
        if self._region is not None and same_region(self._region, current["accepter_region_name"]):
            del wanted["accepter_region_name"]
        result = plan(wanted, current, changeable=changeable)
        fixed = [name for name in result.differing if name not in changeable]
        if fixed:
            differences = ", ".join(f"{name} is {current[name]}, not {wanted[name]}" for name in fixed)
            raise AtlasError(
                f"VPC peering connection {current['id']} differs in what cannot be changed: {differences}. "
                "A new connection would be needed.",
                hint="Correct the option, or remove the connection first (state: absent).",
            )
        if result.changed:
            self._creation.check_change(dict(result.after or {}), current)
        return result

    def _apply(self, decided: Plan, current: Peer | None) -> Peer | None:
        """Carry out the plan, with current as the state it was made from, and return the connection after it."""
        if decided.action == "update":
            return self._update(t.cast("Peer", current), decided)
        dying = list(self._match.dying)
        if current is not None and not dying:
            self._delete(current)
            dying = [current]
        if decided.action == "delete":
            return current
        if dying:
            self._waiter.wait_until_gone(dying)
            self._match.forget(dying)
        try:
            created = self._peers.create_peer(self._creation.fields, self._creation.home_region)
        except AtlasError as error:
            self._creation.explain(error, self._creation.fields)
            raise
        self._waiter.note_created(created)
        return created

    def _update(self, current: Peer, decided: Plan) -> Peer:
        after = t.cast("Peer", decided.after)
        # Atlas leaves the region out of its replies where it is the container's, but wants it in the whole object.
        sent = {**current, "accepter_region_name": self._creation.region_of(current)}
        try:
            return self._peers.update_peer(sent, {name: after[name] for name in decided.differing})
        except AtlasError as error:
            self._creation.explain(error, after, current)
            raise

    def _delete(self, current: Peer) -> None:
        try:
            self._peers.delete_peer(current["id"])
            self._context.outcome.changed = True
        except AtlasError as error:
            # Already removed by somebody else: that will do to create it again.
            if self._is_absent or not error.is_lost_race:
                raise
        self._removed = None if self._is_absent else current
