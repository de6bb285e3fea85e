# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer does: its options, and the way from them to a connection as it should be."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.cloudpeer.atlas.plugins.module_utils._argspec import CONNECTION, WAIT, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._atlas import ATLAS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._client import AtlasClient
from ansible_collections.cloudpeer.atlas.plugins.module_utils._converge import converge
from ansible_collections.cloudpeer.atlas.plugins.module_utils._errors import AtlasError, InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._plan import Plan, plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._rules import (
    check_aws_ids,
    check_object_id,
    check_private_network,
    check_regions,
    check_wait,
    to_aws_region,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._task import Context, Parameters, Task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer import Peer, VpcPeers, same_region
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer_creation import PeerCreation
from ansible_collections.cloudpeer.atlas.plugins.module_utils._vpc_peer_wait import PeerWaiter

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
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "recreate": {"type": "str", "choices": ["never", "dead"], "default": "never"},
            "wait_for": {"type": "str", "choices": ["pending_acceptance", "available"], "default": "pending_acceptance"},
        },
        required_together=(("vpc_id", "aws_account_id"),),
        required_one_of=(("vpc_id", "peer_id"),),
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
    return warnings + check_regions(params, "accepter_region_name")


def run(context: Context[AtlasClient]) -> None:
    """Bring the connection into the wanted state."""
    _VpcPeerRun(context).run()


TASK = Task(argument_spec=ARGUMENT_SPEC, service=ATLAS, validate=validate, run=run)


class _VpcPeerRun:
    """One run of the task: look, decide, apply, wait."""

    def __init__(self, context: Context[AtlasClient]) -> None:
        self._context = context
        self._params = params = context.params
        self._peers = VpcPeers(context.client, params["group_id"])
        self._waiter = PeerWaiter(context, self._peers)
        self._is_absent = params["state"] == "absent"
        region = params["accepter_region_name"]
        self._region = to_aws_region("accepter_region_name", region) if region is not None else None
        self._wanted = {
            name: params[name] for name in self._peers.provider.writable if name in params and params[name] is not None
        }
        if self._region is not None:
            self._wanted["accepter_region_name"] = self._region
        self._creation = PeerCreation(context, self._peers, self._wanted)
        # The failed connection that was removed to be made anew; from then on, it must be replaced.
        self._removed: Peer | None = None

    def run(self) -> None:
        context, outcome = self._context, self._context.outcome
        peer: Peer | None
        done, peer = converge(context, self._look, self._decide, self._apply)
        if context.check_mode:
            peer = t.cast("Peer | None", done.after)
        elif peer is not None and self._params["wait"]:
            peer = self._waiter.wait_until_gone(peer) if self._is_absent else self._waiter.wait_for_status(peer)
        outcome.values["vpc_peer"] = outcome.after = None if self._is_absent else peer
        if self._params["wait"]:
            outcome.values["status_history"] = self._waiter.history.entries

    def _look(self) -> Peer | None:
        params, identity = self._params, self._peers.provider.identity
        if self._removed is not None:
            # Its id is gone for good; a new connection has the same identity.
            peer = self._peers.find_peer(**{name: self._removed[name] for name in identity})
        elif params["peer_id"] is not None:
            peer = self._peers.get_peer(params["peer_id"])
        else:
            peer = self._peers.find_peer(**{name: params[name] for name in identity})
        self._waiter.note(peer)
        return peer

    def _decide(self, current: Peer | None) -> Plan:
        provider, params = self._peers.provider, self._params
        self._check_identity(current)
        is_terminating = current is not None and current["status_name"] == provider.terminating
        if self._is_absent:
            return Plan("nothing", current, None) if is_terminating else plan(None, current)
        if current is None:
            if params["peer_id"] is not None and self._removed is None:
                raise AtlasError(
                    f"Group {params['group_id']} has no VPC peering connection {params['peer_id']}.",
                    hint="Check peer_id, or give vpc_id and aws_account_id instead to have one made.",
                )
            return self._creation.plan(self._removed, replaced=self._removed)
        if is_terminating:
            if not params["wait"]:
                raise AtlasError(
                    f"VPC peering connection {current['id']} is being removed ({provider.terminating}) and cannot be used.",
                    hint="Set wait to true to wait until it is gone and create a new one, or run the task again later.",
                )
            return self._creation.plan(self._removed or current, replaced=self._removed)
        if current["status_name"] == provider.failed:
            if params["recreate"] != "dead":
                raise self._waiter.failure(current)
            return self._creation.plan(current, replaced=current)
        wanted = dict(self._wanted)
        if self._region is not None and same_region(self._region, current["accepter_region_name"]):
            del wanted["accepter_region_name"]
        result = plan(wanted, current, changeable=provider.changeable)
        fixed = [name for name in result.differing if name not in provider.changeable]
        if fixed:
            raise self._unchangeable(current, fixed, wanted)
        if result.changed:
            self._creation.check_change(dict(result.after or {}), self._region)
        status = self._params["wait_for"].upper()
        if self._context.check_mode and self._params["wait"] and not provider.has_reached(current, status):
            # What it will have come to after the waiting.
            return replace(result, after={**(result.after or {}), "status_name": status})
        return result

    def _check_identity(self, current: Peer | None) -> None:
        """Check that peer_id, if given, names the connection that the other options mean: nothing is done to another one.

        Raises:
            AtlasError: When it does not.
        """
        wanted = {name: self._params[name] for name in self._peers.provider.identity if self._params[name] is not None}
        differing = [name for name, value in wanted.items() if current is not None and current[name] != value]
        if current is not None and differing:
            raise self._unchangeable(current, differing, wanted)

    def _unchangeable(self, current: Peer, names: list[str], wanted: t.Mapping[str, t.Any]) -> AtlasError:
        differences = ", ".join(f"{name} is {current[name]}, not {wanted[name]}" for name in names)
        return AtlasError(
            f"VPC peering connection {current['id']} differs in what cannot be changed: {differences}. "
            "A new connection would be needed.",
            hint="Correct the option, or remove the connection first (state: absent).",
        )

    def _apply(self, decided: Plan, current: Peer | None) -> Peer | None:
        """Carry out the plan, with current as the state it was made from, and return the connection after it."""
        outcome = self._context.outcome
        if decided.action == "update":
            changes = {name: decided.after[name] for name in decided.differing} if decided.after else {}
            # Atlas leaves the region out of its replies where it is the container's, but wants it in the whole object.
            peer = t.cast("Peer", current)
            return self._peers.update_peer(
                {**peer, "accepter_region_name": peer["accepter_region_name"] or self._region}, changes
            )
        if current is not None and current["status_name"] != self._peers.provider.terminating:
            try:
                self._peers.delete_peer(current["id"])
                outcome.changed = True
            except AtlasError as error:
                # Somebody else has removed it: to make it anew, that will do.
                if self._is_absent or not error.is_lost_race:
                    raise
            self._removed = None if self._is_absent else current
        if decided.action == "delete":
            return current
        if current is not None:
            self._waiter.wait_until_gone(current)
        try:
            created = self._peers.create_peer(self._creation.fields)
        except AtlasError as error:
            self._creation.explain(error)
            raise
        self._waiter.note(created)
        return created
