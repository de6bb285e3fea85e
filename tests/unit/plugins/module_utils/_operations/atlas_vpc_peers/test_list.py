"""A declared list: created, changed, left alone, in as few requests as can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.sets import (
    LOOK,
    LOOK_TO_WRITE,
    actions,
    apply,
    entries,
    entry,
    forget,
    id_of,
    sums,
    there,
    vpc,
)


def test_a_list_is_created_and_then_there_is_nothing_to_do(atlas: Atlas) -> None:
    done = apply(atlas, entries(3))
    assert done.changed
    assert [peer["vpc_id"] for peer in done.result["vpc_peers"]] == [one["vpc_id"] for one in entries(3)]
    assert atlas.wire() == [*LOOK_TO_WRITE, *[("POST", 200)] * 3]
    assert sums(done) == {"created": 3}
    forget(atlas)
    again = apply(atlas, entries(3))
    assert (again.changed, again.result["actions"], again.result["diff"]) == (False, [], [{"prepared": "unchanged: 3\n"}])
    assert [peer["id"] for peer in again.result["vpc_peers"]] == [peer["id"] for peer in done.result["vpc_peers"]]
    assert atlas.wire() == LOOK


def test_fifty_with_nothing_to_do_take_two_requests_or_one_with_a_token(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas(accept="auto", max_pending_peers=50)
    for number in range(50):
        atlas.add_peer(vpcId=vpc(number), routeTableCidrBlock=f"10.{number}.0.0/16")
    atlas.clock.now += 10
    wanted = [entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(50)]
    forget(atlas)
    assert sums(apply(atlas, wanted, wait=True)) == {"unchanged": 50}
    assert atlas.wire() == LOOK
    settings = atlas.emulator.settings
    account = {"client_id": settings.client_id, "client_secret": settings.client_secret}
    for expected in (["/api/oauth/token", "peers"], ["peers"]):
        forget(atlas)
        apply(atlas, wanted, public_key=None, private_key=None, **account)
        entries_sent = atlas.emulator.requests.entries()
        assert [one["path"].rpartition("/")[2] if "groups" in one["path"] else one["path"] for one in entries_sent] == expected


def test_what_differs_is_changed_and_what_is_missing_is_created(atlas: Atlas) -> None:
    apply(atlas, entries(2))
    done = apply(atlas, [entry(0), entry(1, route_table_cidr_block="10.200.0.0/16"), entry(2)])
    assert actions(done) == [("update", 1), ("create", 2)]
    assert [one["differing"] for one in done.result["actions"]] == [["route_table_cidr_block"], []]
    assert sums(done) == {"created": 1, "updated": 1, "unchanged": 1}
    assert done.result["actions"][0]["id"] == id_of(atlas, 1) == done.result["vpc_peers"][1]["id"]
    assert done.result["actions"][1]["id"] == id_of(atlas, 2)


def test_what_an_entry_leaves_open_is_left_as_it_is(atlas: Atlas) -> None:
    apply(atlas, entries(2))
    open_entry = {"vpc_id": vpc(0), "aws_account_id": ACCOUNT}
    assert not apply(atlas, [open_entry, entry(1)]).changed


def test_an_empty_list_without_prune_reads_and_leaves_all_alone(atlas: Atlas) -> None:
    apply(atlas, entries(2))
    done = apply(atlas, [])
    assert (done.changed, sums(done), done.result["vpc_peers"]) == (False, {"undeclared": 2}, [])


@pytest.mark.parametrize("parallel", [1, 2, 16])
def test_no_more_requests_run_at_once_than_parallel_says(atlas: Atlas, parallel: int) -> None:
    apply(atlas, entries(12), parallel=parallel)
    assert len(there(atlas)) == 12
    assert atlas.tcp_connections() <= parallel


def test_the_same_vpc_in_two_containers_is_two_entries(atlas: Atlas) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    both = [entry(0, container_id=atlas.container_id), entry(0, container_region_name="eu-west-1")]
    done = apply(atlas, both)
    assert sums(done) == {"created": 2}
    assert [peer["container_id"] for peer in done.result["vpc_peers"]] == [atlas.container_id, other]
    forget(atlas)
    assert not apply(atlas, both).changed
    # The region is the reason to read the containers.
    assert atlas.wire() == LOOK_TO_WRITE


def test_an_entry_without_container_takes_the_only_connection_wherever_it_leads(atlas: Atlas) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    apply(atlas, [entry(0, container_id=other)])
    done = apply(atlas, [entry(0)])
    assert (done.changed, done.result["vpc_peers"][0]["container_id"]) == (False, other)


@pytest.mark.parametrize("options", [{"envelope": True}, {"api_version": "v1.0"}], ids=str)
def test_other_ways_to_ask_give_the_same(atlas: Atlas, options: dict[str, Any]) -> None:
    wanted = [entry(number, container_id=atlas.container_id) for number in range(3)]
    assert sums(apply(atlas, wanted, **options)) == {"created": 3}
    assert not apply(atlas, wanted, **options).changed
