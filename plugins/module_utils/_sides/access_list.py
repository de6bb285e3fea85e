# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The access list of a project as a side: its entries are added, changed and removed, and waited for."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._engine.options import name_project
from .._engine.plan import Change, Facts, Plan, Step
from .._engine.side import FORESEEN, ONLY, SEEN, Call, Context, Effect, Owner, Purpose, Query, Replies, ReplyValue, Side, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError
from .._resources.access_list import AccessList, to_send
from .access_plan import (
    IN_FORCE,
    AccessListPlanner,
    AccessListState,
    check_status,
    entries_after,
    entries_of,
    not_in_force,
    to_change,
)

_LIST, _LIVE_PEER = "list", "live peer"
_Changes = t.Sequence[Change]


class AccessListSide(Side[AccessListState]):
    """The access list, one owner. The request of a step also has the changes that it makes.

    Entries are added in one request, and removed one by one. Those that are declared have to be in force before others are
    pruned and, if the task waits, at the end.

    Args:
        context: The options, and what was done.
        access_list: The access list in Atlas.
        planner: Plans its changes.
        has_live_peer: Reads whether the project has a live connection, without which it takes no security groups.
    """

    name = "access_list"

    def __init__(
        self, context: Context, access_list: AccessList, planner: AccessListPlanner, has_live_peer: t.Callable[[], bool]
    ) -> None:
        super().__init__(context)
        self._access_list, self._planner = access_list, planner
        self._facts = Facts(lambda key: has_live_peer())
        self._is_absent = context.params["state"] == "absent"

    def queries(self, owners: t.Sequence[Owner], purpose: Purpose) -> t.Iterable[Query]:
        """Ask for the list or, in a poll, for the status of each declared entry that is not known to be in force."""
        if purpose is not Purpose.POLL:
            return [Query(_LIST, self._access_list.list_entries)]
        state = self.states[ONLY]
        names = self._planner.declared(state.listed) if state.waiting is None else state.waiting
        return [Query(name, partial(self._access_list.get_status, name)) for name in names]

    def observe(self, replies: Replies) -> t.Mapping[Owner, AccessListState]:
        """Return the list or, after a poll, which entries are not in force yet.

        Raises:
            TaskError: If Atlas could not bring an entry into force.
        """
        known = self.states.get(ONLY)
        if _LIST in replies:
            listed = replies[_LIST]
            first, done = (listed, {}) if known is None else (known.first, known.done)
            return {ONLY: AccessListState(listed, first, done=done)}
        state = self.states[ONLY]
        asked = (*self._planner.declared(state.listed),) if state.waiting is None else state.waiting
        waiting = tuple(name for name in asked if name not in replies or not check_status(name, replies[name]))
        return {ONLY: replace(state, waiting=waiting)}

    def plan(self, owners: t.Sequence[Owner]) -> Plan:
        """Plan which entries to write or to remove.

        Raises:
            TaskError: If one is not possible.
        """
        state = self.states[ONLY]
        if self._is_absent:
            return self._planner.plan_absent(state)
        plan = self._planner.plan_present(state)
        if plan.steps and plan.steps[0].action == "delete":
            # Check before anything is removed: Atlas would refuse the groups afterwards.
            self._check_groups(plan.changes)
        # If the list has changed meanwhile, a refused plan may have been carried out in part.
        where = f"The list is refused for {name_project(self.context.params)}:"
        return replace(
            plan, refusals={key: error.with_message(f"{where} {error.message}") for key, error in plan.refusals.items()}
        )

    def _check_groups(self, changes: t.Iterable[Change]) -> None:
        if any(change.after and change.after["aws_security_group"] for change in changes) and not self._facts[_LIVE_PEER]:
            raise TaskError(
                "Security groups can be allowed only beside a VPC peering connection, and there is none.",
                hint="Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead.",
            )

    def predict(self, steps: t.Iterable[Step]) -> t.Mapping[Owner, AccessListState]:
        """Return the list after some steps, after checking that there is a live connection if it gets security groups."""
        steps = [*steps]
        self._check_groups(change for step in steps for change in step.request.changes)
        return super().predict(steps)

    def wait(self, owner: Owner, step: Step | None) -> Waiting | None:
        """Wait until all declared entries are in force: at the end if the task waits, and always before others are pruned.

        Raises:
            TaskError: If an entry expires that was to become permanent.
        """
        if step is not None and step.after is None:
            return None
        state = self.states[ONLY]
        if not self._is_absent:
            self._planner.check_permanent(state)
        if step is None and (self._is_absent or not self.context.params["wait"]):
            return None
        if not (self._planner.declared(state.listed) if state.waiting is None else state.waiting):
            return None
        return Waiting(IN_FORCE, polls_at_once=state.waiting is None)

    def timeout_error(self, owner: Owner, step: Step | None, waiting: Waiting, error: WaitTimeoutError) -> TaskError:
        """Return the error that names the entries which are not in force, and whether they keep others from being pruned."""
        kept = "" if step is None else " So no entry was pruned yet."
        return not_in_force(self.states[ONLY].waiting or (), error, kept=kept)

    def request(self, step: Step) -> Call:
        """Write entries in one request, or remove one; the call returns the changes that it has made."""
        changes: _Changes = step.request.changes
        if step.action == "delete":
            return partial(_remove, self._access_list, changes)
        return partial(_write, self._access_list, changes, partial(self._planner.check_permanent, self.states[ONLY]))

    def record(self, step: Step, reply: ReplyValue) -> Effect:
        """Record the changes that were made; after a lost reply, those that the list shows."""
        state = self.states[ONLY]
        changes: _Changes = step.request.changes
        if reply is SEEN:
            seen = [change for change in changes if state.listed.get(change.key) == change.after]
            return Effect({ONLY: replace(state, done={**state.done, **{change.key: change for change in seen}})}, seen)
        made: _Changes = changes if reply is FORESEEN else reply
        return Effect({ONLY: state.with_changes(made)}, made)


def _remove(access_list: AccessList, changes: _Changes) -> _Changes:
    access_list.delete_entry(changes[0].key)
    return changes


def _write(access_list: AccessList, changes: _Changes, check_permanent: t.Callable[[], None]) -> _Changes:
    """Write entries, and return the changes as Atlas shows them.

    Whether Atlas makes a temporary entry permanent is not documented, so such an entry is read again.

    Raises:
        TaskError: If the entries are refused, an entry cannot be read, or all of them are unchanged.
    """
    access_list.create_entries([to_send(entry) for entry in entries_after(changes)])
    made = []
    for change in changes:
        found, (before, after) = change, entries_of(change)
        if before and after and before["delete_after_date"] and not after["delete_after_date"]:
            try:
                entry = access_list.get_entry(change.key)
            except TaskError as error:
                raise error.with_outcome(unknown=True) from error.__cause__
            if entry["delete_after_date"]:
                found = to_change(change.key, before, entry)
        if found.after != found.before:
            made.append(found)
    if not made:
        check_permanent()
    return made
