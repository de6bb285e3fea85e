"""What once ended in a traceback, found by the properties, stays a result or a clean failure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.properties.options import SOON
from ansible_collections.cloudpeer.atlas.tests.properties.replies import ACCOUNT, ID, OTHER_ID, VPC, message
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import CONNECTION, check_is_clean, run
from ansible_collections.cloudpeer.atlas.tests.properties.test_any_reply import answering

PEER = {
    "id": ID,
    "vpcId": VPC,
    "awsAccountId": ACCOUNT,
    "routeTableCidrBlock": "10.15.0.0/16",
    "containerId": OTHER_ID,
    "statusName": "AVAILABLE",
}
CONTAINER = {"id": OTHER_ID, "providerName": "AWS", "regionName": "US_EAST_1", "atlasCidrBlock": "192.168.248.0/21"}
PAIR = {"vpc_id": VPC, "aws_account_id": ACCOUNT}
PEERING = {**PAIR, "route_table_cidr_block": "10.0.0.0/16"}
DATED = {"ip_address": "10.0.0.1", "delete_after_date": f"{SOON}T00:00:00Z"}


def told(content: Any, status: int = 200, *fields: tuple[str, str]) -> bytes:
    """Return a JSON reply."""
    return message(status, list(fields), json.dumps(content).encode())


def page(*results: Any, links: Any = ()) -> bytes:
    """Return the only page of a list."""
    return told({"results": list(results), "links": list(links)})


def check(module: str, options: dict[str, Any], *replies: bytes) -> None:
    """Run a task on these replies, the last one given again and again."""
    line = answering(replies)
    done = run(module, {**CONNECTION, **options}, line)
    check_is_clean(done, line)
    str(done.result).encode()


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 10**10},
        {"timeout": 10**400},
        {"wait": True, "wait_timeout": 10**400},
        {"wait": True, "wait_sleep": 10**400, "wait_timeout": 2},
        {"ca_path": "a\0b"},
        {"ca_path": "\ud800"},
        {"access_token": "\u2713"},
    ],
    ids=str,
)
def test_options_out_of_all_proportion_are_refused(options: dict[str, Any]) -> None:
    starting = {**PEER, "statusName": "INITIATING"}
    check("atlas_vpc_peer", {**PAIR, **options}, page(starting), told(starting), told(PEER))


def test_thousands_of_retries_do_not_outgrow_a_number() -> None:
    check("atlas_vpc_peer", {**PAIR, "retries": 2000}, told({}, 429, ("Retry-After", "0")))


def test_half_a_character_in_a_reply_is_no_traceback() -> None:
    check("atlas_vpc_peer", {**PAIR, "state": "absent"}, page({**PEER, "id": "\ud800"}), told({}))
    check("atlas_vpc_peer", PAIR, page(PEER, links=[{"rel": "next", "href": "?a=\ud800"}]))
    check("atlas_vpc_peer", PAIR, told({"detail": "\ud800"}, 400))


@pytest.mark.parametrize("block", ["x", [1], 5, {}, ""], ids=str)
def test_blocks_that_are_none_are_not_compared(block: Any) -> None:
    check("atlas_vpc_peer", PEERING, page(), page({**CONTAINER, "atlasCidrBlock": block}), told(PEER))
    neighbour = {**PEER, "vpcId": "vpc-00000000", "routeTableCidrBlock": block}
    check("atlas_vpc_peer", PEERING, page(neighbour), page(CONTAINER), told(PEER))


@pytest.mark.parametrize("value", [5, [1], {}, True, "x"], ids=str)
def test_fields_of_a_connection_may_be_of_any_kind(value: Any) -> None:
    for name in PEER:
        check("atlas_vpc_peer", {**PEERING, "accepter_region_name": "us-east-1"}, page({**PEER, name: value}), told({}))
    check("atlas_vpc_peer", {**PAIR, "accepter_region_name": "us-east-1"}, page({**PEER, "accepterRegionName": value}))
    check("atlas_vpc_peer", PAIR, page({**PEER, "statusName": "FAILED", "errorStateName": value}))


@pytest.mark.parametrize("date", [5, [1], "soon", "9999-12-31T23:59:59-14:00", ""], ids=str)
def test_dates_of_an_entry_may_be_of_any_kind(date: Any) -> None:
    check("atlas_access_list", {"entries": [DATED]}, page({"cidrBlock": "10.0.0.1/32", "deleteAfterDate": date}), told({}, 201))


@pytest.mark.parametrize("lifetime", [10**400, 1e400, -1, "x", None, [3600]], ids=lambda value: str(value)[:9])
def test_the_lifetime_of_a_token_may_be_of_any_kind(lifetime: Any) -> None:
    account = {"client_id": "canary-id", "client_secret": "canary-5f1c2e9b-private", "token_cache": False}
    check("atlas_vpc_peer", {**PAIR, **account}, told({"access_token": "token", "expires_in": lifetime}), page(PEER))


@pytest.mark.parametrize("provider", ["AZURE", "GCP", 5], ids=str)
def test_another_clouds_container_in_aws_list_is_no_traceback(provider: Any) -> None:
    check("atlas_vpc_peer_check", {"aws": False}, page(PEER), page({**CONTAINER, "providerName": provider}), page())


def test_nulls_name_nothing() -> None:
    for options in (
        {"vpc_id": None, "aws_account_id": None, "state": "absent"},
        {**PEERING, "vpc_id": None, "aws_account_id": None},
    ):
        done = run("atlas_vpc_peer", {**CONNECTION, **options}, answering([page()]))
        assert done.failed, done.result
    check("atlas_vpc_peer", {"peer_id": None, "route_table_cidr_block": "10.0.0.0/16"}, page(), page(CONTAINER), told(PEER))
    check("atlas_access_list", {"entries": [{"cidr_block": None}]}, page())
