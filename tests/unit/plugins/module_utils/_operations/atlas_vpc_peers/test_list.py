"""A declared list: created, changed, left alone, in as few requests as can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK, LOOK_TO_WRITE, SetSite, entries, entry, vpc


def test_a_list_is_created_and_then_there_is_nothing_to_do(atlas: SetSite) -> None:
    done = atlas.apply(entries(3))
    assert done.changed
    assert [peer["vpc_id"] for peer in done.result["vpc_peers"]] == [one["vpc_id"] for one in entries(3)]
    assert atlas.wire() == [*LOOK_TO_WRITE, *[("POST", 200)] * 3]
    assert done.sums == {"created": 3}
    atlas.clear()
    again = atlas.apply(entries(3))
    assert (again.changed, again.result["actions"], again.result["diff"]) == (False, [], [{"prepared": "unchanged: 3\n"}])
    assert [peer["id"] for peer in again.result["vpc_peers"]] == [peer["id"] for peer in done.result["vpc_peers"]]
    assert atlas.wire() == LOOK


def test_fifty_with_nothing_to_do_take_two_requests(make_atlas: Callable[..., SetSite]) -> None:
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
    for expected in (["/api/oauth/token", "peers"], ["peers"]):
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
    assert atlas.wire() == LOOK_TO_WRITE


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
