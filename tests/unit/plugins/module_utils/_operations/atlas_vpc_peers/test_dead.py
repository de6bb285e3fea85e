"""Connections that have failed: a failure of their entry, or replaced; the others are done in any case."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK, SetSite, block, entries, entry, vpc


@pytest.fixture
def dead(atlas: SetSite) -> str:
    """The id of a connection that was rejected; there is another one."""
    atlas.apply(entries(2), parallel=1)
    atlas.clock.now += 9
    found = atlas.id_of(0)
    atlas.act("reject", found)
    atlas.clear()
    return found


@pytest.mark.parametrize("check_mode", [True, False])
def test_it_is_a_failure_of_its_entry_and_the_others_are_done(atlas: SetSite, dead: str, check_mode: bool) -> None:
    done = atlas.apply(entries(3), check_mode=check_mode)
    assert (done.failed, done.changed) == (True, True)
    assert done.failures.keys() == {0}
    assert f"VPC peering connection {dead} is FAILED (REJECTED: " in done.msg
    assert "Set recreate: dead" in done.msg
    assert "remove it with atlas_vpc_peer and state: absent" in done.msg
    assert (done.result["error_code"], done.actions) == ("REJECTED", [("create", 2)])
    assert done.sums == {"created": 1, "unchanged": 1, "failed": 1}
    assert done.result["vpc_peers"][0]["id"] == dead
    assert (vpc(2) in atlas.there()) != check_mode


def test_with_nothing_else_to_do_it_costs_a_look(atlas: SetSite, dead: str) -> None:
    done = atlas.apply(entries(2))
    assert (done.failed, done.changed, atlas.wire()) == (True, False, LOOK)


def test_it_is_replaced_where_the_task_says_so(atlas: SetSite, dead: str) -> None:
    done = atlas.apply(entries(2), recreate="dead")
    assert (done.failed, done.actions, done.sums) == (False, [("recreate", 0)], {"recreated": 1, "unchanged": 1})
    assert atlas.writes() == ["DELETE", "POST"]
    assert done.pruned == set()
    assert done.result["vpc_peers"][0]["id"] == atlas.id_of(0) != dead
    header = f"123456789012/{vpc(0)} (recreate)"
    assert done.result["diff"][0]["before_header"] == done.result["diff"][0]["after_header"] == header
    assert done.result["diff"][0]["before"]["id"] == dead
    assert not atlas.apply(entries(2), recreate="dead").changed


def test_a_changed_block_is_refused_as_for_one_connection(atlas: SetSite, dead: str) -> None:
    changed = [entry(0, route_table_cidr_block="10.200.0.0/16"), entry(1)]
    done = atlas.apply(changed, recreate="dead")
    assert f"the options describe another one: route_table_cidr_block is {block(0)}, not 10.200.0.0/16" in done.failures[0]
    assert atlas.writes() == []


def test_without_a_block_it_is_refused(atlas: SetSite, dead: str) -> None:
    bare = {name: value for name, value in entry(0).items() if name != "route_table_cidr_block"}
    done = atlas.apply([bare, entry(2)], recreate="dead")
    assert "peers[0].route_table_cidr_block is required with recreate: dead" in done.failures[0]
    assert f"the block of that connection is {block(0)}" in done.failures[0]
    assert atlas.writes() == []


def test_a_removal_without_a_creation_is_told_truly(atlas: SetSite, dead: str) -> None:
    atlas.fault("POST", "status", status=403, times=None)
    done = atlas.apply(entries(2), recreate="dead")
    assert (done.failed, done.changed) == (True, True)
    assert (done.actions, done.sums) == ([("delete", 0)], {"failed": 1, "unchanged": 1})
    assert "HTTP 403" in done.failures[0]
    assert (done.pruned, done.result["vpc_peers"][0]) == (set(), None)
    assert done.result["diff"][0]["before_header"].endswith("(delete)")
    atlas.emulator.faults.clear()
    assert atlas.apply(entries(2), recreate="dead").sums == {"created": 1, "unchanged": 1}


def test_a_refused_removal_leaves_it_and_nothing_is_created(atlas: SetSite, dead: str) -> None:
    atlas.fault("DELETE", "status", status=403, times=None)
    done = atlas.apply(entries(3), recreate="dead")
    assert (done.sums, done.failures.keys()) == ({"created": 1, "unchanged": 1, "failed": 1}, {0})
    assert done.result["vpc_peers"][0]["id"] == atlas.id_of(0) == dead
    assert atlas.writes().count("POST") == 1


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("kind", ["close", "lost_reply", "half_json"])
def test_the_lost_reply_of_its_removal_is_no_failure_of_it(atlas: SetSite, dead: str, kind: str, wait: bool) -> None:
    atlas.fault("DELETE", kind)
    done = atlas.apply(entries(2), recreate="dead", wait=wait)
    assert not done.failed, done.msg
    assert done.sums == {"recreated": 1, "unchanged": 1}


@pytest.mark.parametrize("wait", [True, False])
def test_a_removal_that_never_arrives_is_told_as_such(atlas: SetSite, dead: str, wait: bool) -> None:
    atlas.fault("DELETE", "close", times=None)
    done = atlas.apply(entries(2), recreate="dead", wait=wait)
    assert (done.failed, done.sums, done.actions) == (True, {"failed": 1, "unchanged": 1}, [])
    assert "Failed to delete VPC peering connection" in done.failures[0]
    assert atlas.id_of(0) == dead


@pytest.mark.parametrize("kind", ["close", "lost_reply"])
def test_the_lost_reply_of_its_successor_is_looked_up(atlas: SetSite, dead: str, kind: str) -> None:
    atlas.fault("POST", kind)
    done = atlas.apply(entries(2), recreate="dead", wait=True)
    assert (done.failed, done.sums) == (False, {"recreated": 1, "unchanged": 1})
    assert len(atlas.peers()) == 2


def test_one_that_somebody_else_removes_first_is_created_again(atlas: SetSite, dead: str) -> None:
    atlas.act("delete", dead)
    done = atlas.apply(entries(2), recreate="dead", max_deletions=0)
    assert (done.actions, done.sums) == ([("create", 0)], {"created": 1, "unchanged": 1})
