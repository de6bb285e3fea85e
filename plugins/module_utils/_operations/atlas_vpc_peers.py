# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peers does: it brings the connections of a project into the state of a declared list."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import ALL, CLOUDS, Peer, to_clouds, with_request_times
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.options import Parameters, check_parallel, check_version, name_project
from .._engine.plan import Plan, Step, to_line
from .._engine.prune import PRUNE, parse_prune
from .._engine.set_operation import SetOperation
from .._engine.set_run import SetConvergence
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._peer_set.gate import PeerGate
from .._peer_set.options import GOALS, PEERS, ignored_options, parse_entries, pattern_forms, to_entries
from .._peer_set.requests import PeerSet
from .._peer_set.state import PeerSetState
from .._peer_set.summary import PeerSetSummary
from .._peer_set.waiter import PeerSetWaiter
from .._peering.container_choice import LIST_CONTAINERS, make_handover
from .._peering.options import check_role_timeout
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .atlas import AtlasOperation


class AtlasVpcPeers(AtlasOperation[PeerSetState], SetOperation[AtlasClient, PeerSetState]):
    """Creates, changes and removes the VPC peering connections of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + PRUNE
        + ArgumentSpec(
            {
                "peers": PEERS,
                "provider_name": {"type": "str", "choices": [*CLOUDS, ALL]},
                "azure_role_timeout": {"type": "int", "default": 300},
                "recreate": {"type": "str", "choices": ["never", "dead", "changed"], "default": "never"},
                "wait_for": {"type": "str", "choices": GOALS, "default": GOALS[0]},
                "parallel": {"type": "int", "default": 4},
            }
        )
    )
    noun = "vpc_peers"
    nothing: t.ClassVar[t.Mapping[str, t.Any]] = {"vpc_peers": [], "handover": []}
    convergence = SetConvergence

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        # The URL decides about Atlas for Government, and may come from a profile.
        params = {**params, "base_url": session.settings.base_url}
        super().__init__(params, session, clock)
        self._entries = to_entries(params)
        self._by_key = {entry.key: entry for entry in self._entries}
        group_id, clouds = params["group_id"], to_clouds(params["provider_name"])
        peers = {cloud.name: VpcPeers(session, group_id, cloud) for cloud in clouds}
        self._set = PeerSet(params, peers, Containers(session, group_id), clock)
        self._set.use(self._entries)
        self.facts = self._set.facts
        self.gate: PeerGate = self._set.gate
        self.waiter: PeerSetWaiter = self._set.waiter
        self.summary = PeerSetSummary(self.name, self._entries, self._set.planner.split_undeclared)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and parse the entries and the patterns of `ignore`."""
        params, warnings = super().validate(params)
        check_parallel(params)
        check_version(params, params["provider_name"] or AWS.name)
        check_role_timeout(params)
        patterns = parse_prune(params, "peers", pattern_forms(params["provider_name"]))
        entries, unknown = parse_entries(params)
        return {**params, "peers": entries, "ignore": patterns}, warnings + unknown

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of unchecked entries that only the check and the role use."""
        return ignored_options(args)

    @property
    def name(self) -> str:
        """The project, for the user."""
        return name_project(self.params)

    def look(self) -> PeerSetState:
        """Read all connections of the project."""
        return self._set.look()

    def look_again(self, state: PeerSetState) -> PeerSetState:
        """Read the connections again, and keep what was done so far."""
        return self._set.look_again(state)

    def decide(self, state: PeerSetState) -> Plan:
        """Plan the whole list."""
        if any(entry.provider.region is not None for entry in self._entries):
            # For the hand-over, which has the blocks.
            self.facts[LIST_CONTAINERS]
        planner, choices = self._set.planner, self._set.choices
        plan = planner.plan(state)
        for key, own in state.entries.items():
            if own.peer is not None:
                choices[key].read_names(own.peer)
        return replace(plan, warnings=(*plan.warnings, *planner.warnings(plan, state)))

    def line(self, state: PeerSetState, plan: Plan) -> str:
        """Return the plan in one line; unchanged are the entries without a change that are neither refused nor failed."""
        unchanged = len(
            self._by_key.keys() - {change.key for change in plan.changes} - plan.failures.keys() - plan.refusals.keys()
        )
        return to_line(plan, unchanged)

    def show(self, state: PeerSetState, plan: Plan) -> dict[str, t.Any]:
        """Show the connections, what was done, and the hand-over of each entry."""
        own = {key: state.entries.get(key) for key in self._by_key}
        handover = [make_handover(self._set.choices[key], one.peer if one is not None else None) for key, one in own.items()]
        shown = self.summary.show(state, plan)
        timed = {name: [*map(with_request_times, shown[name])] for name in ("vpc_peers", "pruned")}
        # Where the plan is refused, nothing was done, and what there is concerns others.
        return {**shown, **timed, "handover": handover, **(self.nothing if plan.refusals else {})}

    def predict(self, state: PeerSetState, plan: Plan) -> PeerSetState:
        """Return the state after a plan and its waits."""
        return self._set.planner.predict(state, plan)

    def send(self, step: Step, state: PeerSetState) -> Peer | None:
        """Request, change or remove one connection, and return Atlas's reply; None for a removal."""
        return self._set.send(step, state)

    def record(self, step: Step, reply: t.Any, state: PeerSetState) -> PeerSetState:
        """Return the state after a request took effect."""
        return self._set.record(step, reply, state)

    def explain(self, step: Step, error: TaskError, state: PeerSetState) -> TaskError:
        """Return the error with the cause of a refusal: the option at fault, what is in the way, or rights that Atlas lacks."""
        return self._set.explain(step, error, state)

    def give_up(self, keys: t.Iterable[str], error: TaskError, state: PeerSetState) -> PeerSetState:
        """Return the state after entries or removals have failed."""
        for key in keys:
            entry = self._by_key.get(key)
            is_named = entry is None or str(error).startswith(key)
            state = state.with_failure(key, error if is_named or entry is None else entry.named(error))
        return state


OPERATION = AtlasVpcPeers
