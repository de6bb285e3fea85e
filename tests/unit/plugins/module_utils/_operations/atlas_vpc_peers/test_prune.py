"""Pruning: what is not declared goes, within the ceiling, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.sets import (
    LOOK,
    actions,
    apply,
    block,
    entries,
    entry,
    failures,
    fault,
    forget,
    id_of,
    pruned,
    sums,
    there,
    vpc,
)
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, page


@pytest.fixture
def five(atlas: Atlas) -> Atlas:
    """A project with five connections."""
    apply(atlas, entries(5), parallel=1)
    forget(atlas)
    return atlas


def test_what_is_not_declared_stays_without_prune(five: Atlas) -> None:
    done = apply(five, entries(3))
    assert (done.changed, sums(done), pruned(done)) == (False, {"unchanged": 3, "undeclared": 2}, set())


def test_what_is_not_declared_goes_with_prune(five: Atlas) -> None:
    gone = id_of(five, 4)
    done = apply(five, entries(4), prune=True)
    assert (actions(done), sums(done)) == ([("delete", None)], {"unchanged": 4, "deleted": 1, "undeclared": 1})
    assert five.wire() == [*LOOK, ("DELETE", 202)]
    assert [one["id"] for one in done.result["pruned"]] == [gone]
    assert done.result["pruned"][0]["status_name"] == "TERMINATING"
    assert set(there(five)) == {vpc(number) for number in range(4)}
    assert not apply(five, entries(4), prune=True).changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_plan_above_the_ceiling_is_refused_whole(five: Atlas, check_mode: bool) -> None:
    done = apply(five, [*entries(3), entry(9)], prune=True, check_mode=check_mode)
    assert done.failed
    assert (done.changed, done.result["pruned"], five.writes()) == (False, [], [])
    assert "2 would be removed or replaced, and max_deletions allows 1" in done.msg
    assert vpc(3) in done.msg
    assert vpc(4) in done.msg
    # The plan is there, the creation included.
    assert actions(done) == [("create", 3), ("delete", None), ("delete", None)]
    assert sums(done) == {"created": 1, "unchanged": 3, "deleted": 2, "undeclared": 2}
    assert [one["before_header"].split()[1] for one in done.result["diff"][:-1]] == ["(create)", "(delete)", "(delete)"]
    assert failures(done).keys() == {None}


@pytest.mark.parametrize("ceiling", [2, 50])
def test_a_plan_within_the_ceiling_is_carried_out(five: Atlas, ceiling: int) -> None:
    done = apply(five, entries(3), prune=True, max_deletions=ceiling)
    assert (done.failed, pruned(done)) == (False, {vpc(3), vpc(4)})


def test_a_ceiling_of_zero_allows_no_removal_and_everything_else(five: Atlas) -> None:
    assert apply(five, entries(4), prune=True, max_deletions=0).failed
    assert five.writes() == []
    assert sums(apply(five, entries(6), prune=True, max_deletions=0)) == {"created": 1, "unchanged": 5}


def test_replacements_count_with_and_without_prune(five: Atlas) -> None:
    five.clock.now += 9
    for number in (0, 1):
        five.act("reject", id_of(five, number))
    done = apply(five, entries(5), recreate="dead")
    assert "2 would be removed or replaced" in done.msg
    assert "2 would be removed or replaced" in apply(five, [*entries(1), *entries(2, 5)], recreate="dead", prune=True).msg
    assert five.writes() == []
    assert sums(apply(five, entries(5), recreate="dead", max_deletions=2)) == {"recreated": 2, "unchanged": 3}


def test_what_is_being_removed_already_neither_counts_nor_is_removed_again(five: Atlas) -> None:
    five.act("delete", id_of(five, 4))
    done = apply(five, entries(3), prune=True)
    assert pruned(done) == {vpc(3)}
    assert five.writes() == ["DELETE"]
    assert sums(done) == {"unchanged": 3, "deleted": 1, "undeclared": 1}


def test_a_failed_connection_that_is_not_declared_goes(five: Atlas) -> None:
    five.clock.now += 9
    five.act("reject", id_of(five, 4))
    assert pruned(apply(five, entries(4), prune=True)) == {vpc(4)}


def test_a_failed_connection_that_is_declared_is_not_pruned(five: Atlas) -> None:
    five.clock.now += 9
    five.act("reject", id_of(five, 0))
    done = apply(five, entries(4), prune=True)
    assert (done.failed, pruned(done), set(there(five))) == (True, {vpc(4)}, {vpc(number) for number in range(4)})


def test_an_empty_list_needs_a_word_of_its_own(five: Atlas) -> None:
    done = apply(five, [], prune=True, max_deletions=50)
    assert done.failed
    assert "allow_empty" in done.msg
    assert five.wire() == []
    assert sums(apply(five, [], prune=True, max_deletions=50, allow_empty=True)) == {"deleted": 5, "undeclared": 5}
    assert there(five) == {}


def test_another_container_of_a_declared_pair_is_undeclared_if_the_entry_names_its_own(atlas: Atlas) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    apply(atlas, [entry(0, container_id=atlas.container_id), entry(0, container_id=other)])
    assert apply(atlas, [entry(0)], prune=True).failed
    assert not apply(atlas, [entry(0, container_id=other)], prune=True, ignore=[{"container_id": atlas.container_id}]).changed
    done = apply(atlas, [entry(0, container_region_name="EU_WEST_1")], prune=True)
    assert [one["container_id"] for one in done.result["pruned"]] == [atlas.container_id]
    assert [one["containerId"] for one in atlas.peers() if one["statusName"] != "TERMINATING"] == [other]


def test_an_entry_that_means_two_connections_is_refused_and_neither_is_removed(atlas: Atlas) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    apply(atlas, [entry(0, container_id=atlas.container_id), entry(0, container_id=other), entry(1, container_id=other)])
    forget(atlas)
    done = apply(atlas, [entry(0), entry(2, container_id=other)], prune=True, max_deletions=50)
    assert failures(done).keys() == {0}
    assert "Say which one is meant with container_region_name or container_id" in done.msg
    assert (atlas.writes(), done.result["vpc_peers"][0]) == ([], None)
    # Only the third is not declared for sure.
    assert actions(done) == [("create", 1), ("delete", None)]
    assert sums(done) == {"created": 1, "failed": 1, "deleted": 1, "undeclared": 1}


@pytest.mark.parametrize("field", ["vpcId", "awsAccountId"])
def test_a_connection_of_which_atlas_hides_the_vpc_is_not_removed(faulty: Any, field: str) -> None:
    atlas, wire = faulty
    apply(atlas, entries(2))
    listed = atlas.peers()
    for one in listed:
        if one["vpcId"] == vpc(1):
            one[field] = None
    wire.faults.append(Fault("GET", page(*listed)))
    done = apply(atlas, entries(1), prune=True, max_deletions=50)
    assert (done.failed, done.changed, pruned(done)) == (False, False, set())


def test_a_connection_whose_container_atlas_hides_is_not_removed_if_an_entry_may_mean_it(faulty: Any) -> None:
    atlas, wire = faulty
    apply(atlas, entries(2))
    listed = [{**one, "containerId": None} for one in atlas.peers()]
    wire.faults.append(Fault("GET", page(*listed)))
    done = apply(atlas, [entry(0, container_id=atlas.container_id)], prune=True, max_deletions=50)
    assert failures(done).keys() == {0}
    assert "does not say which network container" in done.msg
    assert len(there(atlas)) == 2
    # Without a container, the entry means it, and the other one is not declared.
    wire.faults.append(Fault("GET", page(*listed)))
    assert pruned(apply(atlas, entries(1), prune=True)) == {vpc(1)}


def test_a_removal_that_is_refused_fails_and_the_others_go_on(five: Atlas) -> None:
    fault(five, "DELETE", "status", status=403)
    done = apply(five, [*entries(3), entry(5)], prune=True, max_deletions=2, parallel=1)
    assert done.failed
    assert pruned(done) == {vpc(4)}
    assert failures(done).keys() == {None}
    assert [(one["id"], one["name"].rpartition("/")[2]) for one in done.result["failures"]] == [(id_of(five, 3), vpc(3))]
    assert sums(done) == {"created": 1, "unchanged": 3, "deleted": 1, "undeclared": 2}


@pytest.mark.parametrize("times", [1, None])
def test_a_removal_without_reply_is_looked_up(five: Atlas, times: int | None) -> None:
    fault(five, "DELETE", "lost_reply", times=times)
    done = apply(five, entries(4), prune=True)
    assert (done.failed, done.changed, pruned(done)) == (False, True, {vpc(4)})
    assert set(there(five)) == {vpc(number) for number in range(4)}


def test_a_removal_that_never_arrives_is_not_in_pruned(five: Atlas) -> None:
    fault(five, "DELETE", "close", times=None)
    done = apply(five, entries(4), prune=True)
    assert (done.failed, pruned(done), sums(done)) == (True, set(), {"unchanged": 4, "undeclared": 1})
    assert len(there(five)) == 5


def test_what_somebody_else_removes_first_is_not_in_pruned(five: Atlas) -> None:
    gone = id_of(five, 4)
    real, once = OPERATION.send, [gone]

    def send(self: Any, step: Any, state: Any) -> Any:
        if once:
            five.act("delete", once.pop())
        return real(self, step, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OPERATION, "send", send)
        done = apply(five, entries(4), prune=True)
    assert (done.failed, done.changed, pruned(done)) == (False, False, set())


def test_with_wait_what_was_removed_is_gone_in_the_end(five: Atlas) -> None:
    done = apply(five, entries(3), prune=True, max_deletions=2, wait=True)
    assert not done.failed
    assert len(five.peers()) == 3
    assert len(done.result["status_history"]) == 3


def test_what_is_not_gone_in_time_fails_but_was_pruned(make_atlas: Any) -> None:
    atlas = make_atlas(step_seconds=1000)
    apply(atlas, entries(2))
    gone = id_of(atlas, 1)
    done = apply(atlas, entries(1), prune=True, wait=True, wait_for="pending_acceptance", wait_timeout=30)
    assert failures(done).keys() == {0, None}
    assert pruned(done) == {vpc(1)}
    assert f"VPC peering connection {gone} is still TERMINATING after 30 seconds" in done.msg
    assert sums(done) == {"failed": 1, "deleted": 1, "undeclared": 1}


def test_a_block_that_is_pruned_can_be_used_by_another_entry_in_the_same_run(five: Atlas) -> None:
    done = apply(five, [*entries(4), entry(9, route_table_cidr_block=block(4))], prune=True)
    assert not done.failed
    assert [method for method, unused in five.wire()].index("DELETE") < [method for method, unused in five.wire()].index("POST")
    assert there(five)[vpc(9)] == block(4)
    assert len(five.peers()) == 5
