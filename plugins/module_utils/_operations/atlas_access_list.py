# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_access_list does: it brings entries of the IP access list into the wanted state."""

from __future__ import annotations

import typing as t
from functools import partial

from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import Fields
from .._engine.argspec import CONNECTION, PLAN_FILE, WAIT, ArgumentSpec
from .._engine.front import Front, ResultValue, States
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, ChangeDescription, Plan, Review, to_done, to_line
from .._engine.prune import FEWEST, PRUNE, parse_prune
from .._engine.side import ONLY
from .._http.errors import InvalidOptionError
from .._http.pauses import Clock
from .._resources.access_list import ENTRY_FORMS, AccessList, key_of
from .._resources.peers import VpcPeers
from .._sides.access_list import AccessListSide, AccessListState, other_comment
from .._sides.access_plan import ENTRY_SPEC, AccessListPlanner, DeclaredEntries, parse_access_entries, to_actions
from .atlas import AtlasModule


class AtlasAccessList(AtlasModule, Front[AtlasClient]):
    """Adds, changes and removes entries of the IP access list of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + PRUNE
        + PLAN_FILE
        + ArgumentSpec(
            {
                "entries": {"type": "list", "elements": "dict", "required": True, "options": ENTRY_SPEC},
                "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                "max_deletions": {"type": "int", "default": FEWEST},
                "keep_comment": {"type": "bool", "default": False},
                "only_own": {"type": "bool", "default": False},
                "prune_temporary": {"type": "bool", "default": False},
            }
        )
    )
    noun = "access_list"

    def __init__(self, params: Parameters, session: AtlasClient, clock: Clock) -> None:
        super().__init__(params, session, clock)
        self._planner = AccessListPlanner(params, self.context.done)
        access_list, has_peer = AccessList(session, params["group_id"]), partial(_has_live_peer, session, params["group_id"])
        side = AccessListSide(self.context, access_list)
        side.reader = DeclaredEntries(self.context, access_list, self._planner, has_peer)
        self.sides = (side,)

    @classmethod
    def validate(cls, params: Parameters) -> tuple[Parameters, list[str]]:
        """Check the options, with a warning for each entry that allows all addresses."""
        params, warnings = super().validate(params)
        entries, more = parse_access_entries(params)
        if params["prune"] and params["state"] == "absent":
            raise InvalidOptionError(
                "prune is for state: present, where entries is the whole list.",
                hint="Leave prune out to remove the entries that are named.",
            )
        patterns = parse_prune(params, "entries", ENTRY_FORMS)
        return {**params, "entries": entries, "ignore": patterns}, warnings + more

    def line(self, plan: Plan) -> str:
        """Return the plan in one line; unchanged are the declared entries without a change."""
        return to_line(plan, self._planner.count(self.state, plan.changes)["unchanged"])

    def show(self) -> dict[str, ResultValue]:
        """Show the declared entries, those that stay because others use them, the pruned ones, the actions and their numbers."""
        state: AccessListState = self.state
        done, plan, is_absent = self.context.done.values(), self.context.plan, self.params["state"] == "absent"
        declared = self._planner.declared({**state.first, **state.listed})
        left = self._planner.left(state) if is_absent else {}
        changes = plan.changes if plan.refusals else done
        numbers = self._planner.count(state, changes)
        return {
            "access_list": [state.listed[name] for name in declared if name in state.listed],
            "left": [{**entry, "reason": other_comment(name, entry, declared[name]["comment"])} for name, entry in left.items()],
            "pruned": [change.before for change in done if change.after is None and not is_absent],
            "actions": to_actions(changes, declared),
            "summary": {**numbers, "done": self._done_line(numbers) if done else None},
        }

    def _done_line(self, numbers: t.Mapping[str, int]) -> str:
        """Return what was done in one line for people."""
        words = {"created": "new", "updated": "changed", "deleted": "removed", "unchanged": "unchanged"}
        done = to_done({word: numbers[name] for name, word in words.items()}, {"Atlas": len(self.context.done)})
        return f"Changed the access list of {name_project(self.params)}: {done}"

    def review(self) -> Review:
        """Return what a saved plan has of the entries, by their names in the list."""
        named = [(str(key_of(entry)), entry) for entry in self.params["entries"]]
        return Review("atlas_access_list", "entries", named, _describe)

    def compare(self, states: States) -> Fields:
        """Return the declared entries for the diff, and those that are pruned."""
        state: AccessListState = states[AccessListSide.name][ONLY]
        changes = (*self.context.plan.changes, *self.context.done.values())
        pruned = sorted(change.key for change in changes if change.after is None)
        names = dict.fromkeys((*self._planner.declared(state.listed), *pruned))
        entries = [state.listed[name] for name in names if name in state.listed]
        return {self.noun: [{field: value for field, value in entry.items() if value is not None} for entry in entries]}


def _describe(change: Change) -> ChangeDescription:
    return ChangeDescription("Atlas", change.action, "access list entry", change.key, is_complete=True)


def _has_live_peer(client: AtlasClient, group_id: str) -> bool:
    """Return whether a project has a live VPC peering connection."""
    dead = (AWS.failed, AWS.terminating)
    return any(peer["status_name"] not in dead for peer in VpcPeers(client, group_id).list_peers())


OPERATION = AtlasAccessList
