# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of the access list that one task declares: their plan, their requests, and what they wait for."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from functools import partial

from .._engine.options import name_project
from .._engine.plan import Change, Facts, Plan, Step
from .._engine.side import ONLY, Call, Context, Effect, Owner, Query, Replies, Waiting
from .._engine.wait import WaitTimeoutError
from .._http.errors import TaskError
from .._resources.access_list import AccessList
from .access_list import AccessStates, Changes, Written, list_in
from .access_plan import (
    IN_FORCE,
    AccessListPlanner,
    AccessListState,
    Entries,
    check_status,
    entries_of,
    not_in_force,
    to_change,
    to_requests,
)

_LIVE_PEER = "live peer"


class DeclaredEntries:
    """The entries that one task declares, in one owner.

    They are added in one request, and others removed one by one. They have to be in force before others are pruned and, if the
    task waits, at the end.

    Args:
        context: The options, and what was done.
        access_list: The access list in Atlas.
        planner: Plans its changes.
        has_live_peer: Reads whether the project has a live connection, without which it takes no security groups.
    """

    def __init__(
        self, context: Context, access_list: AccessList, planner: AccessListPlanner, has_live_peer: t.Callable[[], bool]
    ) -> None:
        self._params, self._access_list, self._planner = context.params, access_list, planner
        self._facts = Facts(lambda key: has_live_peer())
        self._is_absent = context.params["state"] == "absent"

    def _awaited(self, state: AccessListState) -> t.Collection[str]:
        """Return the declared entries that are not known to be in force."""
        return self._planner.declared(state.listed) if state.waiting is None else state.waiting

    def polls(self, owners: t.Sequence[Owner], states: AccessStates) -> t.Iterable[Query]:
        """Return a query for the status of each entry that is waited for."""
        names = self._awaited(list_in(states, ONLY))
        return [Query(name, partial(self._access_list.get_status, name)) for name in names]

    def observe(self, replies: Replies, states: AccessStates) -> AccessStates:
        """Return which entries are not in force yet.

        Raises:
            TaskError: If Atlas could not bring one into force.
        """
        state = list_in(states, ONLY)
        waiting = (name for name in self._awaited(state) if name not in replies or not check_status(name, replies[name]))
        return {ONLY: replace(state, waiting=(*waiting,))}

    def plan(self, owners: t.Sequence[Owner], states: AccessStates) -> Plan:
        """Plan which entries to write or to remove.

        Raises:
            TaskError: If one is not possible.
        """
        state = list_in(states, ONLY)
        if self._is_absent:
            return self._planner.plan_absent(state)
        plan = self._planner.plan_present(state)
        if plan.steps and plan.steps[0].action == "delete":
            # Check before anything is removed: Atlas would refuse the groups afterwards.
            self._check_groups(plan.changes)
        # If the list has changed meanwhile, a refused plan may have been carried out in part.
        where = f"The list is refused for {name_project(self._params)}:"
        return replace(
            plan, refusals={key: error.with_message(f"{where} {error.message}") for key, error in plan.refusals.items()}
        )

    def _check_groups(self, changes: t.Iterable[Change]) -> None:
        if any(change.after and change.after["aws_security_group"] for change in changes) and not self._facts[_LIVE_PEER]:
            raise TaskError(
                "Security groups can be allowed only beside a VPC peering connection, and there is none.",
                hint="Create a VPC peering connection first (atlas_vpc_peer), or allow a cidr_block instead.",
            )

    def foreseen(self, steps: t.Sequence[Step]) -> t.Sequence[Step]:
        """Return the steps to predict, after checking that there is a live connection if the list gets security groups."""
        self._check_groups(change for step in steps for change in step.request.changes)
        return steps

    def wait(self, owner: Owner, step: Step | None, states: AccessStates) -> Waiting | None:
        """Wait until all declared entries are in force: at the end if the task waits, and always before others are pruned.

        Raises:
            TaskError: If an entry expires that was to become permanent.
        """
        if step is not None and step.after is None:
            return None
        state = list_in(states, ONLY)
        if not self._is_absent:
            self._planner.check_permanent(state)
        is_waited_for = step is not None or (self._params["wait"] and not self._is_absent)
        return Waiting(IN_FORCE, polls_at_once=state.waiting is None) if is_waited_for and self._awaited(state) else None

    def late_error(self, owner: Owner, step: Step | None, error: WaitTimeoutError, states: AccessStates) -> TaskError:
        """Return the error that names the entries which are not in force, and whether they keep others from being pruned."""
        kept = "" if step is None else " So no entry was pruned yet."
        return not_in_force(list_in(states, ONLY).waiting or (), error, kept=kept)

    def write(self, step: Step, state: AccessListState) -> Call:
        """Return a call that writes entries in one request, or removes one."""
        changes: Changes = step.request.changes
        if step.action == "delete":
            return partial(_remove, self._access_list, state.listed, changes)
        return partial(_write, self._access_list, state.listed, changes, partial(self._planner.check_permanent, state))

    def effect(self, written: Written, new: t.Sequence[str]) -> Effect:
        """Return the changes made."""
        return Effect({}, written.made)

    def line(self, states: AccessStates) -> str:
        """Return nothing: a task on one list has no lines."""
        return ""


def _remove(access_list: AccessList, listed: Entries, changes: Changes) -> Written:
    access_list.delete_entry(changes[0].key)
    return Written.of(listed, changes)


def _write(access_list: AccessList, listed: Entries, changes: Changes, check_permanent: t.Callable[[], None]) -> Written:
    """Write entries, and return the changes as Atlas shows them.

    Whether Atlas makes a temporary entry permanent is not documented, so such an entry is read again.

    Raises:
        TaskError: If the entries are refused, an entry cannot be read, or all of them are unchanged.
    """
    access_list.create_entries(to_requests(changes))
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
    return Written.of(listed, made)
