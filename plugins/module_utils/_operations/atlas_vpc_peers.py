# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_vpc_peers does: it brings the connections of a project into the state of a declared list."""

from __future__ import annotations

import typing as t

from .._api.client import AtlasClient
from .._clouds.cloud import Fields
from .._clouds.clouds import ALL, CLOUDS, DEFAULT_CLOUD, name_of, to_clouds
from .._engine.argspec import CONNECTION, PLAN_FILE, WAIT, ArgumentSpec
from .._engine.front import Front, ResultValue
from .._engine.options import Parameters, check_parallel, check_version, name_project
from .._engine.plan import Change, ChangeDescription, Plan, Review, Step, to_line
from .._engine.prune import PRUNE, parse_prune
from .._engine.side import Failure
from .._entries.table import SETS, ignored_by
from .._http.errors import TaskError
from .._http.pauses import Clock
from .._resources.containers import Containers
from .._resources.peers import VpcPeers
from .._results.causes import reached, shortened
from .._results.list_summary import PeerSetSummary
from .._sides.container_choice import make_handover
from .._sides.options import check_role_timeout
from .._sides.peer_set import PeerSet
from .._sides.peers import STAGES, PeerSide
from .._sides.set_options import GOALS, PEERS, ignored_options, parse_entries, pattern_forms, to_entries
from .atlas import AtlasModule


class AtlasVpcPeers(AtlasModule, Front[AtlasClient]):
    """Creates, changes and removes the VPC peering connections of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + PRUNE
        + PLAN_FILE
        + ArgumentSpec(
            {
                "peers": PEERS,
                "provider_name": {"type": "str", "choices": [*CLOUDS, ALL]},
                "azure_role_timeout": {"type": "int", "default": 300},
                "recreate": {"type": "str", "choices": ["never", "dead", "changed"], "default": "never"},
                "wait_for": {"type": "str", "choices": GOALS, "default": GOALS[0]},
                "parallel": {"type": "int", "default": 4},
                "fail_on": {"type": "str", "choices": ["fail", "never"], "default": "fail"},
            }
        )
    )
    noun = "vpc_peers"
    empty_result: t.ClassVar[t.Mapping[str, t.Any]] = {"vpc_peers": [], "handover": []}
    keeps_history = True
    is_single = False
    stages = STAGES

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        # The URL decides about Atlas for Government, and may come from a profile.
        super().__init__({**params, "base_url": session.settings.base_url}, session, clock)
        entries, group_id = to_entries(self.params), params["group_id"]
        self._by_key = {entry.key: entry for entry in entries}
        peers = {cloud.name: VpcPeers(session, group_id, cloud) for cloud in to_clouds(params["provider_name"])}
        self._set = PeerSet(self.params, peers, Containers(session, group_id), clock)
        self._set.use(entries)
        self._side = PeerSide(self.context, self._set)
        self.sides = (self._side,)
        self._summary = PeerSetSummary(self.context, entries, self._set.planner.split_undeclared)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, and parse the entries and the patterns of `ignore`."""
        params, warnings = super().validate(params)
        check_parallel(params)
        check_version(params, params["provider_name"] or DEFAULT_CLOUD)
        check_role_timeout(params)
        patterns = parse_prune(params, "peers", pattern_forms(params["provider_name"]))
        entries, unknown = parse_entries(params)
        return {**params, "peers": entries, "ignore": patterns}, warnings + unknown

    @classmethod
    def ignored_options(cls, args: Parameters) -> list[str]:
        """Return the options of unchecked entries that only the check and the role use."""
        return ignored_options(args)

    @classmethod
    def in_failure(cls, result: Fields) -> Fields:
        """Return what has failed, the numbers, and how far the failed entries got."""
        failures, peers = result.get("failures"), result.get("vpc_peers")
        kept = {name: [] if name in ("handover", "actions", "pruned") else value for name, value in result.items()}
        return {**kept, "failures": shortened(failures), "vpc_peers": reached(failures, peers or ())} if failures else kept

    @property
    def name(self) -> str:
        """The project, for the user."""
        return name_project(self.params)

    def seconds_of(self, stage: str) -> float:
        """Return the time of a stage: creations are repeated for lack of rights as long as their own option says."""
        return float(self.params["azure_role_timeout" if stage == STAGES[1] else "wait_timeout"])

    def line(self, plan: Plan) -> str:
        """Return the plan in one line; unchanged are the entries without a change that are neither refused nor failed."""
        changed = {change.key for change in plan.changes}
        return to_line(plan, len(self._by_key.keys() - changed - plan.failures.keys() - plan.refusals.keys()))

    def show(self) -> dict[str, ResultValue]:
        """Show the connections, what was done, and the hand-over of each entry."""
        state = self._side.project
        peers = {key: own.peer for key, own in state.entries.items()}
        handover = [make_handover(self._set.choices[key], peers.get(key)) for key in self._by_key]
        # Where the plan is refused, nothing was done, and what there is concerns others.
        return {**self._summary.show(state), "handover": handover, **(self.empty_result if self.context.plan.refusals else {})}

    def review(self) -> Review:
        """Return what a saved plan has of the entries."""
        named = [(entry.name, entry.params) for entry in self._by_key.values()]
        return Review("atlas_vpc_peers", "peers", named, _describe, ignored_by(SETS))

    def diff(self) -> list[dict[str, ResultValue]]:
        """Return the diff, with an element for each changed connection."""
        return self._summary.diff(self._side.project)

    def statuses(self) -> t.Sequence[str]:
        """Return the state of each entry's connection, in the order of the entries."""
        return self._summary.statuses(self._side.project)

    def failed(self, side: str, entry: str, step: Step | None, error: TaskError) -> Failure:
        """Return the failure of an entry or a removal, with the name of the entry."""
        found = self._by_key.get(entry)
        return Failure("", error if found is None else found.named(error))

    def refusal(self, plan: Plan) -> TaskError:
        """Return one error with all refusals and failures of a plan."""
        return self._summary.refusal(self._side.project)

    def failure(self) -> TaskError | None:
        """Return one error with all failures; None if there are none."""
        return self._summary.failure(self._side.project)

    def stopped(self, done: t.Sequence[Step], unsure: t.Sequence[Step]) -> tuple[list[str], list[str]]:
        """Return what was done, and what may have been done, by the names of connections."""
        return self._summary.stopped(self._side.project)


def _describe(change: Change) -> ChangeDescription:
    name = name_of(change.after or change.before or {})
    return ChangeDescription("Atlas", change.action, "connection", name, name)


OPERATION = AtlasVpcPeers
