"""In which order a list is carried out: what needs a block, a pair or a place waits until that is free; the others do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, block, entries, entry, place, vpc

FREE = "10.250.0.0/16"


@pytest.fixture
def four(atlas: SetSite) -> SetSite:
    """A project with four connections."""
    atlas.apply(entries(4), parallel=1)
    atlas.clear()
    return atlas


def methods(atlas: SetSite) -> list[str]:
    """Return the methods of the requests after the look."""
    return [method for method, unused in atlas.wire()[3:]]


def moved(number: int, other: int | None = None) -> dict[str, object]:
    """Return an entry with the block of another one, or with one that is free."""
    return entry(number, route_table_cidr_block=FREE if other is None else block(other))


@pytest.mark.parametrize("parallel", [1, 8])
def test_blocks_are_passed_on_along_a_chain(four: SetSite, parallel: int) -> None:
    done = four.apply([moved(0, 1), moved(1, 2), moved(2, 3), moved(3), moved(9, 0)], parallel=parallel)
    assert (done.failed, done.sums) == (False, {"updated": 4, "created": 1}), done.result
    assert four.there() == {vpc(0): block(1), vpc(1): block(2), vpc(2): block(3), vpc(3): FREE, vpc(9): block(0)}
    # Nothing was sent in vain, and nobody had to ask.
    assert methods(four) == ["PATCH"] * 4 + ["POST"]
    assert four.clock.pauses == []


def test_blocks_that_go_round_are_refused(four: SetSite) -> None:
    done = four.apply([moved(0, 1), moved(1, 2), moved(2, 0), entry(3), entry(5)])
    assert done.failures.keys() == {0, 1, 2}
    assert f"{place(0)}: route_table_cidr_block {block(1)} is not free before {place(1)} and {place(2)} has changed" in done.msg
    assert four.writes() == []


def test_a_part_of_an_own_block_is_free(four: SetSite) -> None:
    assert four.apply([entry(0, route_table_cidr_block="10.100.0.0/17")]).sums == {"updated": 1, "undeclared": 3}


def test_a_change_that_needs_a_pruned_block_waits_alone(four: SetSite) -> None:
    done = four.apply([moved(0, 3), entry(1), entry(2), entry(5)], prune=True)
    assert not done.failed, done.msg
    # Side by side, one or the other may come first.
    assert (set(methods(four)[:2]), methods(four)[-1]) == ({"DELETE", "POST"}, "PATCH")
    assert "GET" in methods(four)
    assert four.there()[vpc(0)] == block(3)


def test_what_needs_a_connection_on_its_way_out_waits_for_it(four: SetSite) -> None:
    four.act("delete", four.id_of(3))
    four.clear()
    done = four.apply([*entries(3), moved(9, 3)])
    assert not done.failed, done.msg
    assert four.there()[vpc(9)] == block(3)
    # One list a poll, and then the creation, once.
    assert [method for method, unused in four.wire()[3:]] == ["GET"] * (len(four.wire()) - 4) + ["POST"]


def test_the_pair_itself_may_be_on_its_way_out(four: SetSite) -> None:
    old = four.id_of(3)
    four.act("delete", old)
    done = four.apply(entries(4))
    assert (done.actions, done.sums) == ([("create", 3)], {"created": 1, "unchanged": 3})
    assert done.result["vpc_peers"][3]["id"] != old


def test_what_an_entry_leaves_open_comes_from_its_predecessor(four: SetSite) -> None:
    four.act("delete", four.id_of(3))
    bare = {name: value for name, value in entry(3).items() if name != "route_table_cidr_block"}
    assert four.apply([*entries(3), bare]).changed
    assert four.there()[vpc(3)] == block(3)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_what_needs_a_block_that_stays_taken_fails_unsent(four: SetSite, method: str) -> None:
    four.fault(method, "status", status=403, times=None)
    first = [] if method == "DELETE" else [moved(3)]
    done = four.apply([*entries(3), *first, moved(9, 3), entry(10)], prune=method == "DELETE")
    index = 3 + len(first)
    assert done.sums["created"] == 1
    assert f"It needs what VPC peering connection {four.id_of(3)} has" in done.failures[index]
    assert four.there()[vpc(3)] == block(3)
    assert four.writes().count("POST") == 1
    assert vpc(10) in four.there()


def test_what_needs_a_late_block_fails_unsent_and_names_it(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(step_seconds=10_000)
    atlas.apply(entries(2))
    gone = atlas.id_of(1)
    atlas.clear()
    done = atlas.apply([entry(0), moved(9, 1), entry(5)], prune=True, wait_timeout=60)
    assert done.failures == {
        1: f"peers[1] (123456789012/{vpc(9)}): VPC peering connection {gone} (TERMINATING) is still in the way after 60 seconds. "
        "Raise wait_timeout, or run the task again later."
    }
    assert (done.pruned, done.sums) == ({vpc(1)}, {"created": 1, "unchanged": 1, "failed": 1, "deleted": 1, "undeclared": 1})
    assert atlas.writes().count("POST") == 1
    # The next run goes on from there.
    with atlas.emulator.project.now() as project:
        project.peers.get(gone).since -= 20_000
    assert atlas.apply([entry(0), moved(9, 1), entry(5)], prune=True).sums == {"created": 1, "unchanged": 2}


def test_where_removals_hold_nothing_waiting_does_no_harm(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(terminating_holds_nothing=True)
    atlas.apply(entries(2))
    assert not atlas.apply([entry(0), moved(9, 1)], prune=True).failed


def test_a_removal_nobody_needs_comes_after_the_changes(four: SetSite) -> None:
    four.apply([*entries(3), entry(5)], prune=True, parallel=1)
    assert methods(four) == ["POST", "DELETE"]


def test_a_pair_in_another_container_need_not_be_gone(atlas: SetSite) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    atlas.apply([entry(0, container_id=atlas.container_id)])
    done = atlas.apply([entry(0, container_id=other)], prune=True)
    assert done.sums == {"created": 1, "deleted": 1, "undeclared": 1}


def test_a_pair_moves_where_atlas_knows_it_once_a_project(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(unique_pairs=True)
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    atlas.apply([entry(0, container_id=atlas.container_id)])
    done = atlas.apply([entry(0, container_id=other)], prune=True)
    assert not done.failed, done.msg
    assert [one["containerId"] for one in atlas.peers()] == [other]
