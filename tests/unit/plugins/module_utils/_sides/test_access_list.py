"""The side of an access list: what a lost reply has done, what it waits for, and that a wait sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import ONLY, PREDICTED, SEEN, Context, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.access_list import AccessListSide
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.access_plan import AccessListPlanner, DeclaredEntries
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock

A, B, C = "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"


def entry(block: str, **fields: Any) -> Any:
    unset = dict.fromkeys(("ip_address", "aws_security_group", "comment", "delete_after_date"))
    return {**unset, "cidr_block": block, **fields}


class Refusing:
    """An access list that must not be asked."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def refuse(*unused: Any) -> Any:
            raise AssertionError(name)

        return refuse


def side(*declared: Any, listed: tuple[Any, ...] = (), **options: Any) -> AccessListSide:
    unset = {"state": "present", "keep_comment": False, "only_own": False, "prune": False, "prune_temporary": False}
    params = {
        **unset,
        "ignore": (),
        "wait": True,
        "max_deletions": 9,
        "ignore_unmatched": "fail",
        **options,
        "entries": [*declared],
    }
    context, access_list = Context(params, FakeClock()), Refusing()
    made = AccessListSide(context, access_list)  # type: ignore[arg-type]
    planner = AccessListPlanner(params, context.done)
    made.reader = DeclaredEntries(context, access_list, planner, lambda: False)  # type: ignore[arg-type]
    look(made, *listed)
    return made


def look(access: AccessListSide, *listed: Any) -> None:
    access.states = dict(access.observe({"list": {one["cidr_block"]: one for one in listed}}))


def test_of_a_lost_request_counts_what_the_list_shows() -> None:
    access = side(entry(A), entry(B, comment="new"), listed=(entry(B, comment="old"), entry(C)))
    (step,) = access.plan([ONLY]).steps
    # One entry was written; the other one stayed as it was.
    look(access, entry(A), entry(B, comment="old"), entry(C))
    effect = access.record(step, SEEN)
    assert effect.changes is not None
    assert [(change.action, change.key) for change in effect.changes] == [("create", A)]
    assert not access.plan([ONLY]).still_needs(step)


def test_a_request_is_the_same_whatever_is_there_before() -> None:
    access = side(entry(A, delete_after_date="never"), listed=(entry(A, delete_after_date="2030-01-01T00:00:00Z"),))
    (step,) = access.plan([ONLY]).steps
    look(access)
    assert access.plan([ONLY]).still_needs(step)


def test_what_others_have_added_since_is_never_pruned() -> None:
    access = side(entry(A), listed=(entry(B),), prune=True)
    look(access, entry(B), entry(C))
    assert [step.keys for step in access.plan([ONLY]).steps] == [(A,), (B,)]


def test_declared_entries_are_in_force_before_others_are_pruned() -> None:
    access = side(entry(A), entry(B), listed=(entry(C),), prune=True)
    writes, removal = access.plan([ONLY]).steps
    assert access.wait(ONLY, writes) is None
    access.states = dict(access.record(writes, PREDICTED).states)
    unknown = access.wait(ONLY, removal)
    assert unknown is not None
    assert unknown.polls_at_once
    assert [query.key for query in access.queries([ONLY], Purpose.POLL)] == [A, B]
    # What got no answer is still waited for.
    access.states = dict(access.observe({A: "ACTIVE"}))
    assert access.states[ONLY].waiting == (B,)
    waiting = access.wait(ONLY, removal)
    assert waiting is not None
    assert not waiting.polls_at_once
    access.states = dict(access.observe({B: "ACTIVE"}))
    look = access.wait(ONLY, removal)
    assert look is not None
    assert look.looks_again
    access.states = dict(access.observe({"list": access.states[ONLY].listed}))
    access.plan([ONLY])
    assert (access.wait(ONLY, removal), access.wait(ONLY, None)) == (None, None)
    # A removal leaves what is known, and a write does not.
    access.states = dict(access.record(removal, PREDICTED).states)
    assert access.wait(ONLY, None) is None
    with pytest.raises(TaskError, match="could not bring"):
        side(entry(A), listed=(entry(A),)).observe({A: "FAILED"})


def test_there_is_no_wait_where_a_poll_would_ask_nothing() -> None:
    access = side(listed=(entry(C),), prune=True, allow_empty=True)
    assert access.wait(ONLY, None) is None
    assert side(entry(A), listed=(entry(A),), wait=False).wait(ONLY, None) is None
    assert side(entry(A), listed=(entry(A),), state="absent").wait(ONLY, None) is None
