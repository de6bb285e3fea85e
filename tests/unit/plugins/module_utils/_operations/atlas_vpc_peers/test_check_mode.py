"""What check mode and diff mode show of a list."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK_TO_WRITE, SetSite, block, entries, entry, vpc


def prepare(atlas: SetSite) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Make a project to which everything is to be done, and return the list and the options for that."""
    atlas.apply(entries(5), parallel=1)
    atlas.clock.now += 9
    atlas.act("reject", atlas.id_of(2))
    atlas.clear()
    peers = [entry(0), entry(1, route_table_cidr_block="10.200.0.0/16"), entry(2), entry(6)]
    return peers, {"prune": True, "max_deletions": 3, "recreate": "dead", "ignore": [{"vpc_id": vpc(4)}]}


def test_check_mode_foretells_what_is_done(atlas: SetSite) -> None:
    peers, options = prepare(atlas)
    before = atlas.peers()
    foretold = atlas.apply(peers, check_mode=True, **options)
    assert (atlas.peers(), atlas.wire()) == (before, LOOK_TO_WRITE)
    done = atlas.apply(peers, **options)
    expected = [("update", 1), ("recreate", 2), ("create", 3), ("delete", None)]
    assert foretold.actions == done.actions == expected
    assert foretold.sums == done.sums
    assert done.sums == {"created": 1, "updated": 1, "recreated": 1, "deleted": 1, "unchanged": 1, "ignored": 1, "undeclared": 1}
    assert (foretold.changed, foretold.pruned) == (True, done.pruned)
    for name in ("name", "container_id", "differing"):
        assert [one[name] for one in foretold.result["actions"]] == [one[name] for one in done.result["actions"]]
    assert [one["id"] for one in foretold.result["actions"]] == [atlas.id_of(1), None, None, before[3]["id"]]
    assert [one["before_header"] for one in foretold.result["diff"][:-1]] == [
        one["before_header"] for one in done.result["diff"][:-1]
    ]


def test_the_diff_has_a_part_for_each_changed_connection(atlas: SetSite) -> None:
    peers, options = prepare(atlas)
    update, recreate, create, delete, unchanged = atlas.apply(peers, check_mode=True, **options).result["diff"]
    for part, name, action in ((update, 1, "update"), (recreate, 2, "recreate"), (create, 6, "create"), (delete, 3, "delete")):
        assert part["before_header"] == part["after_header"] == f"123456789012/{vpc(name)} ({action})"
    assert unchanged == {"prepared": "unchanged: 1\n"}
    differing = {name for name in update["before"] if update["before"][name] != update["after"][name]}
    assert differing == {"route_table_cidr_block"}
    assert (create["before"], delete["after"]) == ({}, {})
    later = "(known after apply)"
    assert {name for name, value in create["after"].items() if value == later} == {"id", "connection_id"}
    assert (recreate["before"]["status_name"], recreate["after"]["id"]) == ("FAILED", later)
    assert create["after"]["route_table_cidr_block"] == block(6)
    assert create["after"]["accepter_region_name"] is None


def test_a_run_shows_ids_in_its_diff(atlas: SetSite) -> None:
    done = atlas.apply(entries(1))
    assert done.result["diff"][0]["after"]["id"] == atlas.id_of(0)


def test_without_diff_mode_there_is_none(atlas: SetSite) -> None:
    assert "diff" not in atlas.apply(entries(1), diff=False).result


def test_check_mode_shows_what_the_task_would_wait_for(atlas: SetSite) -> None:
    atlas.apply(entries(1))
    done = atlas.apply(entries(2), wait=True, wait_for="available", check_mode=True)
    assert [one["status_name"] for one in done.result["vpc_peers"]] == ["AVAILABLE", "AVAILABLE"]
    again = atlas.apply(entries(2), check_mode=True)
    assert [one["status_name"] for one in again.result["vpc_peers"]] == ["INITIATING", "INITIATING"]


def test_a_second_run_in_check_mode_has_nothing_to_do(atlas: SetSite) -> None:
    peers, options = prepare(atlas)
    atlas.apply(peers, **options)
    done = atlas.apply(peers, check_mode=True, **options)
    assert (done.changed, done.actions) == (False, [])
    assert vpc(4) in atlas.there()
