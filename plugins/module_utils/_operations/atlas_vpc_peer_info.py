# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to cloudpeer.atlas: it may change at any time, so do not import it from elsewhere.

"""What the module atlas_vpc_peer_info does: which connections of which projects the options select."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.cloudpeer.atlas.plugins.module_utils._api.errors import (
    FAILURE_FIELDS,
    AtlasError,
    InvalidOptionError,
)
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.sources import VARIABLES
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.argspec import CONNECTION, ArgumentSpec
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.options import Parameters, parse_option
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Facts, Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._peering.containers import ContainerChoice
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.providers.provider import Peer, fields_of
from ansible_collections.cloudpeer.atlas.plugins.module_utils._values.ids import parse_object_id

from .atlas import AtlasOperation

# How many failures the message has.
MOST_TOLD = 3
_FILTERS = ("vpc_id", "aws_account_id", "connection_id")


@dataclass(frozen=True)
class PeersState:
    """The connections that were found, and why projects could not be read, by their ids."""

    peers: list[t.Any]
    failures: t.Mapping[str, AtlasError] = field(default_factory=dict)


class AtlasVpcPeerInfo(AtlasOperation[PeersState]):
    """Reads VPC peering connections of one project, or of several."""

    argument_spec = CONNECTION + ArgumentSpec(
        {
            "group_id": {**CONNECTION.options["group_id"], "required": False},
            "group_ids": {"type": "list", "elements": "str", "aliases": ["project_ids"]},
            "peer_id": {"type": "str"},
            "vpc_id": {"type": "str"},
            "aws_account_id": {"type": "str"},
            "connection_id": {"type": "str"},
            "container_id": {"type": "str"},
            "container_region_name": {"type": "str"},
            "status_name": {"type": "list", "elements": "str", "choices": [*AWS.progress, AWS.failed, AWS.terminating]},
        },
        required_one_of=(("group_id", "group_ids"),),
        mutually_exclusive=(("container_id", "container_region_name"),),
    )
    noun = "vpc_peers"
    has_diff = False

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options; each project is named once then."""
        if params["group_ids"] is None and params["group_id"] is None:
            raise InvalidOptionError("group_id must not be null.", hint="Set it, or group_ids.")
        if params["group_ids"] is None:
            return super().validate(params)
        variables = {os.environ.get(variable) for variable in VARIABLES["group_id"]}
        # The argument spec fills in the variable, which is there for all other tasks.
        if params["group_id"] is not None and params["group_id"] not in variables:
            raise InvalidOptionError(
                "group_id and group_ids are mutually exclusive.",
                hint="Leave one of them out. If group_id comes from module_defaults, set it to null in this task.",
            )
        if not params["group_ids"]:
            raise InvalidOptionError("group_ids is empty.", hint="Name at least one project, or set group_id.")
        for index, group_id in enumerate(params["group_ids"]):
            parse_option(f"group_ids[{index}]", group_id, parse_object_id)
        group_ids = tuple(dict.fromkeys(params["group_ids"]))
        return super().validate({**params, "group_id": None, "group_ids": group_ids})

    def look(self) -> PeersState:
        """Read the connections and select those that fit every option."""
        group_ids = self.params["group_ids"]
        if group_ids is None:
            return PeersState(self._read(self.params["group_id"]))
        found = self.read_all({group_id: partial(self._read, group_id) for group_id in group_ids})
        return PeersState(
            [{"group_id": key, **peer} for key, peers in found.items() if not isinstance(peers, AtlasError) for peer in peers],
            {key: error for key, error in found.items() if isinstance(error, AtlasError)},
        )

    def _read(self, group_id: str) -> list[Peer]:
        """Return the connections of one project that fit every option."""
        params = {**self.params, "group_id": group_id}
        peers, facts = VpcPeers(self.session, group_id), Facts()

        def ask(need: str) -> t.Any:
            if need not in facts:
                facts[need] = choice.read(need, Containers(self.session, group_id))
            return facts[need]

        choice = ContainerChoice(params, peers.provider, facts, ask)
        if params["peer_id"] is not None:
            peer = peers.get_peer(params["peer_id"])
            found = [peer] if peer is not None else []
        else:
            found = peers.list_peers()
        return choice.select(
            [
                peer
                for peer in found
                if all(params[name] in (None, fields_of(peer)[name]) for name in _FILTERS)
                and (params["status_name"] is None or peer["status_name"] in params["status_name"])
            ]
        )

    def decide(self, state: PeersState, facts: Facts) -> Plan:
        """Fail if a project could not be read; the others are in the result by now."""
        errors = list(state.failures.values())
        if errors:
            more = f" The others are in failures ({len(errors) - MOST_TOLD} more)." if len(errors) > MOST_TOLD else ""
            raise AtlasError(
                f"{len(errors)} of {len(self.params['group_ids'])} projects could not be read. "
                f"{' '.join(map(str, errors[:MOST_TOLD]))}{more}",
                **{name: getattr(errors[0], name) for name in FAILURE_FIELDS if len(errors) == 1},
            )
        return Plan()

    def show(self, state: PeersState, plan: Plan) -> dict[str, t.Any]:
        """Show the connections, and of several projects also those that could not be read."""
        if self.params["group_ids"] is None:
            return {"vpc_peers": state.peers}
        failures = [{"group_id": group_id, **error.to_result()} for group_id, error in state.failures.items()]
        return {"vpc_peers": state.peers, "failures": failures}


OPERATION = AtlasVpcPeerInfo
