"""The order of a set's requests, and what each of them needs: pure."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.plan import Step
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import MOST_PEERS
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.connection import CreatePeer, DeletePeer, UpdatePeer
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.match import find_holders
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.set_state import After, find_cycle, order

CONTAINER = "c1"


def peer(peer_id: str, block: str, status: str = "AVAILABLE", container: str | None = CONTAINER) -> Any:
    return {"id": peer_id, "route_table_cidr_block": block, "status_name": status, "container_id": container}


def create(key: str, block: str, *after: Any, container: str = CONTAINER) -> Step:
    request = CreatePeer({"route_table_cidr_block": block, "container_id": container}, None)
    return Step("create", request, (key,), after=after or None)


def update(key: str, peer_id: str, block: str) -> Step:
    return Step("update", UpdatePeer(peer_id, {"route_table_cidr_block": block}), (key,))


def delete(peer_id: str) -> Step:
    return Step("delete", DeletePeer(peer_id), (peer_id,))


LISTED = [peer("a", "10.1.0.0/16"), peer("b", "10.2.0.0/16"), peer("c", "10.3.0.0/16"), peer("d", "10.4.0.0/16", "TERMINATING")]


def ordered(*steps: Step, listed: Any = None) -> list[tuple[str, set[str], set[str]]]:
    """Return the steps in their order, by key, each with what has to be gone and what has to be moved."""
    found = []
    for step in order(steps, LISTED if listed is None else listed):
        after = step.after or After(frozenset(), frozenset(), None)
        found.append((step.keys[0], set(after.gone), set(after.moved)))
    return found


def test_needed_removals_come_first_and_the_others_last() -> None:
    steps = [create("x", "10.1.128.0/17"), update("y", "b", "10.9.0.0/16"), delete("c"), delete("a")]
    assert ordered(*steps) == [("a", set(), set()), ("y", set(), set()), ("x", {"a"}, set()), ("c", set(), set())]


def test_a_block_that_is_going_or_moving_is_waited_for() -> None:
    steps = [update("y", "b", "10.3.0.0/16"), update("z", "c", "10.4.0.0/16"), create("x", "10.2.0.0/15")]
    assert ordered(*steps) == [("y", set(), {"c"}), ("z", {"d"}, set()), ("x", set(), {"b", "c"})]


def test_another_container_and_an_own_block_hold_nothing_up() -> None:
    assert ordered(create("x", "10.4.0.0/16", container="c2")) == [("x", set(), set())]
    assert ordered(update("y", "a", "10.1.0.0/17")) == [("y", set(), set())]


def test_a_replacement_waits_for_what_it_replaces() -> None:
    steps = [delete("a"), create("x", "10.1.0.0/16", LISTED[0])]
    assert ordered(*steps) == [("a", set(), set()), ("x", {"a"}, set())]


@pytest.mark.parametrize(("free", "expected"), [(0, [{"p0"}, {"p1"}]), (1, [set(), {"p0"}]), (2, [set(), set()])])
def test_creations_beyond_the_free_places_wait_for_one_each(free: int, expected: list[set[str]]) -> None:
    listed = [peer(f"p{number}", f"10.{number}.0.0/16") for number in range(MOST_PEERS - free)]
    steps = [create("x", "172.16.0.0/16"), create("y", "172.17.0.0/16"), delete("p0"), delete("p1")]
    gone = {key: after for key, after, unused in ordered(*steps, listed=listed)}
    assert [gone["x"], gone["y"]] == expected


def test_a_place_is_given_away_once() -> None:
    listed = [peer(f"p{number}", f"10.{number}.0.0/16") for number in range(MOST_PEERS)]
    steps = [create("x", "10.0.0.0/16"), create("y", "172.17.0.0/16"), delete("p0"), delete("p1")]
    gone = {key: after for key, after, unused in ordered(*steps, listed=listed)}
    assert (gone["x"], gone["y"]) == ({"p0"}, {"p1"})


def test_what_is_in_the_way_is_told_from_what_is_there() -> None:
    after = After(frozenset("a"), frozenset("b"), "10.2.0.0/16")
    assert after.blockers(LISTED) == LISTED[:2]
    assert after.blockers([peer("b", "10.9.0.0/16"), LISTED[2]]) == []
    assert after.blockers([]) == []


def test_changes_that_wait_for_each_other_are_a_cycle() -> None:
    ring = [update("x", "a", "10.2.0.0/16"), update("y", "b", "10.3.0.0/16"), update("z", "c", "10.1.0.0/16")]
    assert {step.keys[0] for step in find_cycle(order(ring, LISTED))} == {"x", "y", "z"}
    chain = [*ring[:2], update("z", "c", "10.9.0.0/16")]
    assert find_cycle(order(chain, LISTED)) == ()


def test_what_only_waits_for_a_cycle_is_not_part_of_it() -> None:
    steps = [update("x", "a", "10.2.0.0/16"), update("y", "b", "10.1.0.0/17"), update("z", "c", "10.1.128.0/17")]
    assert {step.keys[0] for step in find_cycle(order(steps, LISTED))} == {"x", "y"}


def test_holders_are_of_the_same_container() -> None:
    assert find_holders("10.1.0.0/24", CONTAINER, LISTED) == LISTED[:1]
    assert find_holders("10.1.0.0/24", CONTAINER, LISTED, but="a") == []
    assert find_holders("10.1.0.0/24", "c2", LISTED) == []
    assert find_holders(None, CONTAINER, LISTED) == []
