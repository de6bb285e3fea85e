"""The side of a list of connections: who is evaluated, what a wait says in each stage, and what a later plan has."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._clouds.aws import AWS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Change, Plan
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Context, Failure, Purpose
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.parser import PeerEntry
from ansible_collections.cloudpeer.atlas.plugins.module_utils._entries.table import SETS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import NO_PLACE, VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peer_set import PeerSet
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peers import STAGES, PeerSide, PeerStages
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_options import to_entries
from ansible_collections.cloudpeer.atlas.tests.support.harness import FakeClock
from ansible_collections.cloudpeer.atlas.tests.support.sets import entry

HOME = "c" * 24
CONTAINER = {"id": HOME, "provider_name": "AWS", "region_name": "US_EAST_1", "atlas_cidr_block": "192.168.248.0/21"}
UNSET = dict.fromkeys(["accepter_region_name", "container_id", "container_region_name", "wait_for"])
OPTIONS = {
    "group_id": "0" * 24,
    "base_url": None,
    "api_version": "v2",
    "wait": True,
    "wait_for": "available",
    "prune": True,
    "ignore": [],
    "recreate": "never",
    "max_deletions": 5,
    "provider_name": "AWS",
    "azure_role_timeout": 300,
}
REQUESTS, TAKEN, REACHED = STAGES


class Silence:
    """A client that is never asked."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} sends")


def peer(number: int, status: str = "AVAILABLE") -> Any:
    fields = {**entry(number), "accepter_region_name": "us-east-1", "container_id": HOME, "provider_name": "AWS"}
    return {**fields, "id": f"{number:024x}", "status_name": status, "error_state_name": None, "connection_id": None}


class InPath(PeerSet):
    """A list of which the connections are a part: it has keys of its own."""

    is_full = False

    def plan(self, state: Any) -> Plan:
        plan = super().plan(state)
        self.first_changes.update({change.key: change._replace(key=f"key of {change.key}") for change in plan.changes})
        return plan

    def frees_places(self, state: Any) -> bool:
        return not self.is_full


def side_of(*peers: Any, entries: int = 2, kind: type[PeerSet] = PeerSet, **more: Any) -> PeerSide:
    """Return a side whose project has some connections, after its first look."""
    client: Any = Silence()
    given = [{**UNSET, **entry(number), "provider_name": "AWS", "wait_for": OPTIONS["wait_for"]} for number in range(entries)]
    params: Any = {**OPTIONS, "peers": [PeerEntry(index, AWS, own, {}, {}, SETS) for index, own in enumerate(given)]}
    group, declared = "0" * 24, to_entries(params)
    found = kind(params, {"AWS": VpcPeers(client, group)}, Containers(client, group), FakeClock())
    found.use(declared)
    found.facts["containers"] = [CONTAINER]
    side = PeerSide(Context(params, FakeClock()), found, **more)
    found.lists.list_peers = lambda names=None: [*peers]  # type: ignore[method-assign]
    look(side, Purpose.FIRST)
    return side


def look(side: PeerSide, purpose: Purpose, *peers: Any) -> set[Any]:
    """Let the side read some connections, and return the owners whose states have changed."""
    if peers:
        side._set.lists.list_peers = lambda names=None: [*peers]  # type: ignore[method-assign]
    (query,) = side.queries([*side.states], purpose)
    states = side.observe({query.key: query.call()})
    side.states.update(states)
    return {*states}


def test_owners_are_entries_and_what_is_pruned() -> None:
    side = side_of(peer(0), peer(7))
    assert {*side.states} == {"peers[0]", "peers[1]", peer(7)["id"]}
    plan = side.plan([*side.states])
    assert [(step.owner, step.stage) for step in plan.steps] == [("peers[1]", REQUESTS), (peer(7)["id"], REQUESTS)]
    assert look(side, Purpose.AGAIN) == set()
    assert look(side, Purpose.POLL, peer(0), peer(7, "TERMINATING")) == {peer(7)["id"]}


def test_an_entry_that_waits_in_vain_is_evaluated_and_fails() -> None:
    side = side_of(peer(0), peer(1, "PENDING_ACCEPTANCE"))
    side.context.stage = REACHED
    assert side.wait("peers[0]", None) is None
    assert side.wait("peers[1]", None) is not None
    assert look(side, Purpose.POLL, peer(0), peer(1, "TERMINATING")) == {"peers[1]"}
    with pytest.raises(TaskError, match="was removed by somebody else"):
        side.wait("peers[1]", None)


def test_only_the_last_stage_waits_for_goals() -> None:
    side = side_of(peer(0, "PENDING_ACCEPTANCE"))
    for stage, waits in zip(STAGES, (False, False, True)):
        side.context.stage = stage
        assert (side.wait("peers[0]", None) is not None) == waits


def test_no_place_holds_all_creations_until_the_last_stage() -> None:
    side = side_of(entries=2)
    side.context.plan = plan = side.plan([*side.states])
    first, second = plan.steps
    side.context.stage = REQUESTS
    assert side.wait("peers[1]", second) is None
    held = side.retry_wait(first, TaskError("Full.", error_code=NO_PLACE))
    assert held is not None
    assert (held.seconds, held.outlasts) == (math.inf, (REQUESTS, TAKEN))
    assert side.wait("peers[1]", second) == held
    side.context.stage = REACHED
    last = side.wait("peers[1]", second)
    assert last is not None
    assert (last.seconds, last.outlasts) == (None, ())


def test_what_is_in_the_way_and_has_failed_is_told() -> None:
    pending = {**peer(7), "route_table_cidr_block": entry(0)["route_table_cidr_block"]}
    side = side_of(pending, entries=1)
    side.context.plan = plan = side.plan([*side.states])
    (step,) = (step for step in plan.steps if step.owner == "peers[0]")
    side.context.stage = REQUESTS
    waiting = side.wait("peers[0]", step)
    assert waiting is not None
    assert (waiting.goal, waiting.ends_with_steps) == ("gone", True)
    side.context.failures[pending["id"]] = Failure("", TaskError("Not removed."))
    with pytest.raises(TaskError, match="It needs what VPC peering connection"):
        side.wait("peers[0]", step)


def test_a_later_plan_is_for_its_owners() -> None:
    side = side_of(peer(5), entries=3)
    side.context.plan = side.plan([*side.states])
    side.context.stage = REQUESTS
    later = side.plan(["peers[1]"])
    assert [step.owner for step in later.steps] == ["peers[1]"]
    assert [change.key for change in later.changes] == ["peers[1]"]
    # Meanwhile, somebody has taken the block of another entry.
    taken = {**peer(9), "route_table_cidr_block": entry(2)["route_table_cidr_block"]}
    side.context.params["prune"] = side._set.planner._params["prune"] = False  # type: ignore[index]
    look(side, Purpose.AGAIN, taken)
    assert {*side.plan(["peers[1]"]).failures} == {"peers[2]"}
    side.context.plan = replace(Plan(), changes=(Change("create", "peers[1]", None, {}),))
    assert side.plan(["peers[1]"]).failures == {}


def test_a_front_has_stages_lanes_and_keys_of_its_own() -> None:
    stages = PeerStages("first", ("first",), ("second", "third"), (("Atlas", 2),), frees_places=True)
    side = side_of(peer(0, "PENDING_ACCEPTANCE"), peer(7), kind=InPath, stages=stages)
    reader: Any = side._set
    side.context.plan = plan = side.plan([*side.states])
    step, removal = plan.steps
    assert (step.owner, step.keys, step.stage, step.lanes) == ("peers[1]", ("key of peers[1]",), "first", (("Atlas", 2),))
    assert [change.key for change in plan.changes] == ["key of peers[1]", f"key of {peer(7)['id']}"]
    side.context.stage = "first"
    assert [change.key for change in side.plan(["peers[1]"]).changes] == ["key of peers[1]"]
    held = side.retry_wait(step, TaskError("Full.", error_code=NO_PLACE))
    assert held is not None
    assert (held.outlasts, held.ends_with_steps) == (("first",), True)
    side.states.update(side.record(removal, None).states)
    # Entries are waited for in both stages, and what is pruned in the last one.
    for stage, waits in (("first", [False, False]), ("second", [True, False]), ("third", [True, True])):
        side.context.stage = stage
        assert [side.wait(owner, None) is not None for owner in ("peers[0]", peer(7)["id"])] == waits
    reader.is_full = True
    with pytest.raises(TaskError, match="Full"):
        side.wait("peers[1]", step)
    assert side.retry_wait(step, TaskError("Full.", error_code=NO_PLACE)) is None
