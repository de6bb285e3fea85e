# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module atlas_access_list does: it brings entries of the IP access list into the wanted state."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._access_list import (
    ENTRY_SPEC,
    AccessListPlanner,
    AccessListState,
    Entries,
    Statuses,
    other_comment,
    parse_access_entries,
    to_actions,
    to_change,
    until_in_force,
)
from .._api.client import AtlasClient
from .._clouds.aws import AWS
from .._clouds.cloud import Fields
from .._engine.argspec import CONNECTION, WAIT, ArgumentSpec
from .._engine.options import Parameters, name_project
from .._engine.plan import Change, Plan, Step, to_line
from .._engine.prune import FEWEST, PRUNE, parse_prune
from .._engine.wait import Wait
from .._http.errors import InvalidOptionError, TaskError
from .._http.pauses import Clock
from .._resources.access_list import ENTRY_FORMS, AccessList, to_send
from .._resources.peers import VpcPeers
from .atlas import AtlasOperation

# The key of the fact whether the project has a live VPC peering connection.
LIVE_PEER = "live peer"


class AtlasAccessList(AtlasOperation[AccessListState]):
    """Adds, changes and removes entries of the IP access list of a project."""

    argument_spec = (
        CONNECTION
        + WAIT
        + PRUNE
        + ArgumentSpec(
            {
                "entries": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": ENTRY_SPEC,
                },
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
        self._access_list = AccessList(session, params["group_id"])
        self._planner = AccessListPlanner(params)
        self._is_absent = params["state"] == "absent"
        self._first: Entries | None = None
        # The changes that this task has made, and those that it may have made because a reply was lost.
        self._done: dict[str, Change] = {}
        self._lost: dict[str, Change] = {}

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

    def look(self) -> AccessListState:
        """Read the whole list."""
        listed = self._access_list.list_entries()
        self._first = listed if self._first is None else self._first
        self._done.update({name: change for name, change in self._lost.items() if listed.get(name) == change.after})
        self._lost.clear()
        return AccessListState(listed, self._first, done=dict(self._done))

    def read(self, key: str) -> bool:
        """Read whether the project has a live connection."""
        dead = (AWS.failed, AWS.terminating)
        return any(peer["status_name"] not in dead for peer in VpcPeers(self.session, self.params["group_id"]).list_peers())

    def decide(self, state: AccessListState) -> Plan:
        """Plan which entries to write or to remove."""
        if self._is_absent:
            return self._planner.plan_absent(state)
        plan = self._planner.plan_present(state)
        if plan.steps and plan.steps[0].action == "delete":
            # Check before anything is removed: Atlas would refuse the groups afterwards.
            self._check_groups(plan)
        # What is refused may have been begun, where the list has changed meanwhile.
        where = f"The list is refused for {name_project(self.params)}:"
        return replace(
            plan, refusals={key: error.with_message(f"{where} {error.message}") for key, error in plan.refusals.items()}
        )

    def line(self, state: AccessListState, plan: Plan) -> str:
        """Return the plan in one line; unchanged are the declared entries without a change."""
        return to_line(plan, self._planner.count(state, plan.changes)["unchanged"])

    def predict(self, state: AccessListState, plan: Plan) -> AccessListState:
        """Return the list after a plan, after checking that there is a live connection if it has security groups."""
        self._check_groups(plan)
        return state.with_changes(plan.changes)

    def _check_groups(self, plan: Plan) -> None:
        if any(change.after and change.after["aws_security_group"] for change in plan.changes) and not self.facts[LIVE_PEER]:
            raise TaskError(
                "Security groups can be allowed only beside a VPC peering connection, and there is none.",
                hint="Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead.",
            )

    def apply(self, step: Step, state: AccessListState) -> AccessListState:
        """Write entries in one request, or remove one."""
        is_removal = step.action == "delete"
        after = {name: None if is_removal else entry for name, entry in zip(step.keys, step.request)}
        changes = {name: to_change(name, state.listed.get(name), entry) for name, entry in after.items()}
        try:
            if is_removal:
                self._access_list.delete_entry(step.keys[0])
            else:
                self._access_list.create_entries([to_send(entry) for entry in step.request])
                changes = self._confirmed(changes, state)
        except TaskError as error:
            if error.outcome_unknown:
                self._lost.update(changes)
            raise
        self._done.update(changes)
        return state.with_changes(changes.values())

    def _confirmed(self, changes: t.Mapping[str, Change], state: AccessListState) -> dict[str, Change]:
        """Return written changes as Atlas shows them: whether it makes a temporary entry permanent is not documented.

        Raises:
            TaskError: If an entry cannot be read, or all of them have stayed as they were.
        """
        found = dict(changes)
        for name, change in changes.items():
            if change.before and change.after and change.before["delete_after_date"] and not change.after["delete_after_date"]:
                try:
                    entry = self._access_list.get_entry(name)
                except TaskError as error:
                    raise error.with_outcome(unknown=True) from error.__cause__
                if entry["delete_after_date"]:
                    found[name] = to_change(name, state.listed[name], entry)
        found = {name: change for name, change in found.items() if change.after != change.before}
        if not found:
            self._planner.check_permanent(state)
        return found

    def wait(self, state: AccessListState, step: Step | None = None) -> Wait[AccessListState] | None:
        """Wait until all declared entries are in force: at the end if `wait` is set, and always before others are pruned.

        Raises:
            TaskError: If an entry expires that was to become permanent.
        """
        if not self._is_absent:
            self._planner.check_permanent(state)
        if step is None and (self._is_absent or not self.params["wait"]):
            return None
        declared = self._planner.declared(state.listed)
        return until_in_force(state, declared, self._read_statuses, is_before_pruning=step is not None)

    def _read_statuses(self, names: t.Iterable[str]) -> Statuses:
        return self.read_all({name: partial(self._access_list.get_status, name) for name in names})

    def show(self, state: AccessListState, plan: Plan) -> dict[str, t.Any]:
        """Show the declared entries, those that stay because others use them, the pruned ones, the actions and their numbers."""
        declared = self._planner.declared({**state.first, **state.listed})
        left = self._planner.left(state) if self._is_absent else {}
        changes = plan.changes if plan.refusals else state.done.values()
        return {
            "access_list": [state.listed[name] for name in declared if name in state.listed],
            "left": [{**entry, "reason": other_comment(name, entry, declared[name]["comment"])} for name, entry in left.items()],
            "pruned": [change.before for change in state.done.values() if change.after is None and not self._is_absent],
            "actions": to_actions(changes, declared),
            "summary": self._planner.count(state, changes),
        }

    def compare(self, state: AccessListState, plan: Plan) -> Fields:
        """Return the declared entries for the diff, and those that are pruned."""
        pruned = sorted(change.key for change in (*plan.changes, *self._done.values()) if change.after is None)
        names = dict.fromkeys((*self._planner.declared(state.listed), *pruned))
        entries = [state.listed[name] for name in names if name in state.listed]
        return {self.noun: [{field: value for field, value in entry.items() if value is not None} for entry in entries]}


OPERATION = AtlasAccessList
