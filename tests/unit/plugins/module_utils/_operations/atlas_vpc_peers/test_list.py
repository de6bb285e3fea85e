"""A declared list: what is created, changed and left alone, in how few requests, what is foretold, and what Atlas limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible.plugins.callback import CallbackBase
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK, SetSite, block, entries, entry, vpc

LINE = "Plan: 1 to create, 1 to change, 1 to replace, 1 to remove, 1 unchanged, in project 5356823b3794dee37132bb7b"


def test_a_list_is_created_and_then_there_is_nothing_to_do(atlas: SetSite) -> None:
    done = atlas.apply(entries(3))
    assert done.changed
    assert [peer["vpc_id"] for peer in done.result["vpc_peers"]] == [one["vpc_id"] for one in entries(3)]
    assert atlas.wire() == [*LOOK, *[("POST", 200)] * 3]
    assert done.sums == {"created": 3}
    atlas.clear()
    again = atlas.apply(entries(3))
    assert (again.changed, again.result["actions"], again.result["diff"], again.plan) == (False, [], [], None)
    assert [peer["id"] for peer in again.result["vpc_peers"]] == [peer["id"] for peer in done.result["vpc_peers"]]
    assert atlas.wire() == LOOK


def test_fifty_with_nothing_to_do_take_three_requests(make_atlas: Callable[..., SetSite]) -> None:
    atlas = make_atlas(accept="auto", max_pending_peers=50)
    for number in range(50):
        atlas.add_peer(vpcId=vpc(number), routeTableCidrBlock=f"10.{number}.0.0/16")
    atlas.clock.now += 10
    wanted = [entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(50)]
    atlas.clear()
    assert atlas.apply(wanted, wait=True).sums == {"unchanged": 50}
    assert atlas.wire() == LOOK
    settings = atlas.emulator.settings
    account = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    for expected in (["/api/oauth/token", "peers", "containers"], ["peers", "containers"]):
        atlas.clear()
        atlas.apply(wanted, public_key=None, private_key=None, **account)
        entries_sent = atlas.emulator.requests.entries()
        assert [one["path"].rpartition("/")[2] if "groups" in one["path"] else one["path"] for one in entries_sent] == expected


def test_what_differs_is_changed_and_what_is_missing_is_created(atlas: SetSite) -> None:
    atlas.apply(entries(2))
    done = atlas.apply([entry(0), entry(1, route_table_cidr_block="10.200.0.0/16"), entry(2)])
    assert done.actions == [("update", 1), ("create", 2)]
    assert [one["differing"] for one in done.result["actions"]] == [["route_table_cidr_block"], []]
    assert done.sums == {"created": 1, "updated": 1, "unchanged": 1}
    assert done.result["actions"][0]["id"] == atlas.id_of(1) == done.result["vpc_peers"][1]["id"]
    assert done.result["actions"][1]["id"] == atlas.id_of(2)


def test_what_an_entry_leaves_open_is_left_as_it_is(atlas: SetSite) -> None:
    atlas.apply(entries(2))
    open_entry = {"vpc_id": vpc(0), "aws_account_id": ACCOUNT}
    assert not atlas.apply([open_entry, entry(1)]).changed


def test_an_empty_list_without_prune_reads_and_leaves_all_alone(atlas: SetSite) -> None:
    atlas.apply(entries(2))
    done = atlas.apply([])
    assert (done.changed, done.sums, done.result["vpc_peers"]) == (False, {"undeclared": 2}, [])


@pytest.mark.usefixtures("on_sockets")
@pytest.mark.parametrize("parallel", [1, 2, 16])
def test_no_more_requests_run_at_once_than_parallel_says(atlas: SetSite, parallel: int) -> None:
    atlas.apply(entries(12), parallel=parallel)
    assert len(atlas.there()) == 12
    assert atlas.tcp_connections() <= parallel


def test_the_same_vpc_in_two_containers_is_two_entries(atlas: SetSite) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    both = [entry(0, container_id=atlas.container_id), entry(0, container_region_name="eu-west-1")]
    done = atlas.apply(both)
    assert done.sums == {"created": 2}
    assert [peer["container_id"] for peer in done.result["vpc_peers"]] == [atlas.container_id, other]
    atlas.clear()
    assert not atlas.apply(both).changed
    # The region is the reason to read the containers.
    assert atlas.wire() == LOOK


def test_an_entry_without_container_takes_the_only_connection(atlas: SetSite) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    atlas.apply([entry(0, container_id=other)])
    done = atlas.apply([entry(0)])
    assert (done.changed, done.result["vpc_peers"][0]["container_id"]) == (False, other)


@pytest.mark.parametrize("options", [{"envelope": True}, {"api_version": "v1.0"}], ids=str)
def test_other_ways_to_ask_give_the_same(atlas: SetSite, options: dict[str, Any]) -> None:
    wanted = [entry(number, container_id=atlas.container_id) for number in range(3)]
    assert atlas.apply(wanted, **options).sums == {"created": 3}
    assert not atlas.apply(wanted, **options).changed


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
    assert (atlas.peers(), atlas.wire()) == (before, LOOK)
    done = atlas.apply(peers, **options)
    expected = [("update", 1), ("recreate", 2), ("create", 3), ("delete", None)]
    assert foretold.actions == done.actions == expected
    assert foretold.sums == done.sums
    assert done.sums == {"created": 1, "updated": 1, "recreated": 1, "deleted": 1, "unchanged": 1, "ignored": 1, "undeclared": 1}
    assert (foretold.changed, foretold.pruned) == (True, done.pruned)
    for name in ("name", "container_id", "differing"):
        assert [one[name] for one in foretold.result["actions"]] == [one[name] for one in done.result["actions"]]
    assert [one["id"] for one in foretold.result["actions"]] == [atlas.id_of(1), None, None, before[3]["id"]]
    assert foretold.plan == done.plan == LINE
    assert foretold.result["diff"] == done.result["diff"]


def test_the_diff_has_a_part_for_each_changed_connection(atlas: SetSite) -> None:
    peers, options = prepare(atlas)
    old = [atlas.id_of(2), atlas.id_of(3)]
    update, recreate, create, delete = atlas.apply(peers, check_mode=True, **options).result["diff"]
    for part, name, action in ((update, 1, "update"), (recreate, 2, "recreate"), (create, 6, "create"), (delete, 3, "delete")):
        assert part["before_header"] == part["after_header"] == f"123456789012/{vpc(name)} ({action})"
    field, container = "route_table_cidr_block", f"accepter_region_name: us-east-1, container_id: {atlas.container_id}"
    assert (update["before"], update["after"]) == (f"{field}: {block(1)}\n", f"{field}: 10.200.0.0/16\n")
    assert (recreate["before"], recreate["after"]) == (f"id: {old[0]}, status_name: FAILED\n", "")
    # Neither nulls, nor what the header says.
    assert (create["before"], create["after"]) == ("", f"{field}: {block(6)}, {container}\n")
    assert delete["before"] == f"id: {old[1]}, status_name: PENDING_ACCEPTANCE, {field}: {block(3)}, {container}\n"
    assert delete["after"] == ""


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_diff_of_fifty_creations_can_be_read(make_atlas: Callable[..., SetSite], check_mode: bool) -> None:
    atlas = make_atlas(max_pending_peers=50)
    wanted = [
        entry(number, route_table_cidr_block=f"10.{number}.0.0/16", accepter_region_name="eu-west-1") for number in range(50)
    ]
    # What ansible-core's own callbacks print.
    parts = [CallbackBase()._get_diff(one) for one in atlas.apply(wanted, check_mode=check_mode, parallel=8).result["diff"]]
    assert max(part.count("\n") for part in parts) <= 6
    text = "".join(parts)
    assert (len(parts), text.count("\n") < 320, "null" in text, "known after apply" in text) == (50, True, False, False)


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


AVAILABLE = {"wait": True, "wait_for": "available"}


def accept_from_now_on(atlas: SetSite) -> None:
    """Accept what waits for it, now and every five seconds."""
    for one in atlas.peers():
        if one["statusName"] == "PENDING_ACCEPTANCE":
            atlas.act("accept", one["id"])
    atlas.clock.after(5, lambda: accept_from_now_on(atlas))


@pytest.mark.parametrize("check_mode", [True, False])
def test_more_than_may_be_pending_are_warned_of_and_not_refused(atlas: SetSite, check_mode: bool) -> None:
    assert atlas.apply(entries(25), check_mode=True).warnings == []
    done = atlas.apply(entries(26), check_mode=check_mode)
    assert [one for one in done.warnings if "would be pending" in one] == [
        "26 VPC peering connections would be pending, and Atlas allows 25. Have them accepted in AWS while the task waits "
        "(wait: true), or accept the first ones and run the task again."
    ]


def test_what_is_pruned_is_not_pending_any_more(atlas: SetSite) -> None:
    atlas.apply(entries(25))
    done = atlas.apply(entries(1, 26), prune=True, provider_name="AWS", check_mode=True)
    assert (done.failed, done.warnings) == (False, [])


@pytest.mark.parametrize("parallel", [1, 8])
def test_without_wait_those_beyond_the_limit_fail_until_then(atlas: SetSite, parallel: int) -> None:
    done = atlas.apply(entries(28), parallel=parallel)
    assert done.sums == {"created": 25, "failed": 3}
    assert len(done.failures) == 3
    text = (
        "No more than 25 peers are allowed (HTTP 409 PEER_MAXIMUM_REACHED). Accept pending ones in AWS, then run the task again."
    )
    assert done.msg.endswith(f": {text}")
    ((status, code),) = [(one["http_status"], one["error_code"]) for one in done.result["failures"]]
    assert (done.result["http_status"], status, code) == (409, 409, "PEER_MAXIMUM_REACHED")
    atlas.clock.now += 9
    for one in atlas.peers():
        atlas.act("accept", one["id"])
    atlas.clock.now += 9
    assert atlas.apply(entries(28)).sums == {"created": 3, "unchanged": 25}


@pytest.mark.parametrize("parallel", [1, 16])
def test_with_wait_they_are_held_until_acceptance_makes_room(atlas: SetSite, parallel: int) -> None:
    atlas.clock.after(5, lambda: accept_from_now_on(atlas))
    done = atlas.apply(entries(50), parallel=parallel, **AVAILABLE)
    assert (done.failed, done.sums) == (False, {"created": 50})
    assert {one["status_name"] for one in done.result["vpc_peers"]} == {"AVAILABLE"}
    # Not more are refused than are on their way when the first one is.
    assert atlas.wire().count(("POST", 409)) <= parallel
    assert atlas.wire().count(("POST", 200)) == 50


def test_those_held_back_go_out_one_by_one_as_places_are_seen(atlas: SetSite) -> None:
    atlas.apply(entries(25), wait=True)
    atlas.clear()
    for number in range(3):
        atlas.clock.after(10 * (number + 1), lambda number=number: atlas.act("accept", atlas.id_of(number)))
    done = atlas.apply(entries(28), wait=True)
    assert (done.failed, done.sums) == (False, {"created": 3, "unchanged": 25})
    assert atlas.wire().count(("POST", 409)) <= 4


def test_those_held_back_fail_unsent_when_the_time_is_up(atlas: SetSite) -> None:
    done = atlas.apply(entries(30), wait=True, wait_timeout=60, parallel=2)
    assert done.sums == {"created": 25, "failed": 5}
    for message in done.failures.values():
        assert message.endswith(
            "Atlas had no place for another VPC peering connection within 60 seconds. Have pending ones accepted in AWS, or "
            "remove some, then run the task again."
        )
    assert atlas.wire().count(("POST", 409)) <= 2


def test_those_held_back_do_not_keep_the_others_waiting(atlas: SetSite) -> None:
    atlas.apply(entries(25), wait=True)
    started = atlas.clock.now
    atlas.apply(entries(28), wait=True, wait_timeout=100)
    # All of them wait at the same time.
    assert atlas.clock.now - started < 110


@pytest.mark.parametrize("parallel", [1, 16])
def test_a_refusal_for_the_rate_loses_nothing(make_atlas: Callable[..., SetSite], parallel: int) -> None:
    atlas = make_atlas(max_pending_peers=50)
    atlas.fault("POST", "status", status=429, retry_after=3, skip=5, times=6)
    atlas.fault("POST", "status", status=429, skip=12, times=5)
    done = atlas.apply(entries(50), parallel=parallel, retries=0)
    assert (done.failed, len(atlas.there())) == (False, 50)


@pytest.mark.parametrize("retry_after", [10, 0, None])
def test_pauses_for_the_rate_last_no_longer_than_the_wait(atlas: SetSite, retry_after: int | None) -> None:
    atlas.fault("POST", "status", status=429, retry_after=retry_after, skip=2, times=None)
    started = atlas.clock.now
    done = atlas.apply(entries(5), parallel=1, wait_timeout=30, retries=0)
    assert (done.sums, done.failures.keys()) == ({"created": 2, "failed": 3}, {2, 3, 4})
    assert "HTTP 429" in done.msg
    assert atlas.clock.now - started <= 60
