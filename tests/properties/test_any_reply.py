"""Whatever a server answers, every task ends with a result or a clean failure, soon, and shows nobody the key."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.memory import Line
from ansible_collections.cloudpeer.atlas.tests.properties.options import SOON, any_options, sensible
from ansible_collections.cloudpeer.atlas.tests.properties.replies import (
    ACCOUNT,
    CHALLENGE,
    ID,
    NEW_ID,
    OTHER_ID,
    VPC,
    message,
    raw,
    scripts,
)
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import CONNECTION, TASKS, check_is_clean, run
from ansible_collections.cloudpeer.atlas.tests.support.wire import Sent
from hypothesis import given
from hypothesis import strategies as st

WHO = message(401, [("WWW-Authenticate", CHALLENGE)], b"{}")


def answering(replies: Sequence[bytes], *, challenge: bool = False) -> Line:
    """Return a line on which these replies are given in turn, the last one for ever."""
    numbers = itertools.count(1)
    left = [*replies]

    def answer(request: Sent) -> bytes:
        if challenge and not request.authorization:
            return WHO
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply.replace(NEW_ID.encode(), b"%024x" % next(numbers))

    return Line(answer)


@pytest.mark.parametrize("module", TASKS)
@examples(60)
@given(data=st.data())
def test_any_replies_lead_to_a_result_or_a_clean_failure(module: str, data: st.DataObject) -> None:
    options, replies = data.draw(sensible(module)), data.draw(scripts)
    line = answering(replies, challenge=data.draw(st.booleans()))
    check_is_clean(run(module, options, line, check_mode=data.draw(st.booleans())), line)


@pytest.mark.parametrize("module", TASKS)
@examples(60)
@given(data=st.data())
def test_any_options_lead_to_a_result_or_a_clean_failure(module: str, data: st.DataObject) -> None:
    options, reply = data.draw(any_options(module)), data.draw(raw)
    line = answering([reply], challenge=True)
    done = run(module, options, line, check_mode=data.draw(st.booleans()))
    check_is_clean(done, line, str(options["base_url"]))


@pytest.mark.parametrize("module", TASKS)
def test_a_list_without_an_end_is_given_up(module: str) -> None:
    one = b'{"id": "%b", "cidrBlock": "%b", "statusName": "AVAILABLE"}'
    page = b'{"results": [' + one + b'], "links": [{"rel": "next", "href": "?pageNum=2"}]}'
    line = answering([message(200, [], page % (NEW_ID.encode(), NEW_ID.encode()))])
    wanted: dict[str, dict[str, Any]] = {
        "atlas_vpc_peer": {"vpc_id": "vpc-0a1b2c3d", "aws_account_id": "123456789012"},
        "atlas_network_container": {"region_name": "us-east-1"},
        "atlas_access_list": {"entries": [{"ip_address": "10.0.0.1"}]},
        "atlas_custom_dns": {"enabled": True},
    }
    done = run(module, {**CONNECTION, **wanted.get(module, {})}, line)
    assert done.failed
    check_is_clean(done, line)


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


@pytest.mark.parametrize("provider", [5, [1], {}, True], ids=str)
def test_an_odd_cloud_of_a_container_hides_no_connection(provider: Any) -> None:
    """Of several projects, the clouds of the containers say what else is read."""
    line = answering([page({"id": ID, "name": "shop", "orgId": OTHER_ID}), page({**CONTAINER, "providerName": provider})])
    options = {**CONNECTION, "group_id": None, "group_ids": [ID], "aws": False, "fail_on": "never"}
    done = run("atlas_vpc_peer_check", options, line)
    check_is_clean(done, line)
    (failure,) = done.result["peering_check"]["failures"]
    assert "a reply is not a network container: provider_name" in failure["msg"]


@pytest.mark.parametrize("region", [5, {}, True], ids=str)
@pytest.mark.parametrize("cloud", ["AWS", "AZURE"])
def test_a_container_region_that_is_no_text_is_a_failure(cloud: str, region: Any) -> None:
    odd, block = {**CONTAINER, "providerName": cloud, "regionName": region, "region": region}, CONTAINER["atlasCidrBlock"]
    wanted = {"provider_name": cloud, "region_name": "US_WEST_2"}
    for module, options, replies in (
        ("atlas_network_container_info", {}, [page(odd)]),
        ("atlas_network_container", {**wanted, "state": "absent"}, [page(odd)]),
        ("atlas_network_container", {**wanted, "atlas_cidr_block": block}, [page(), told(odd), page()]),
        ("atlas_peering", {"state": "absent", "connections": [PAIR], "aws": False}, [page(odd)]),
    ):
        line = answering(replies)
        done = run(module, {**CONNECTION, **options}, line)
        check_is_clean(done, line)
        assert done.missing("the reply has a network container whose region is not a text") == [], (module, done.msg)


def test_nulls_name_nothing() -> None:
    for options in (
        {"vpc_id": None, "aws_account_id": None, "state": "absent"},
        {**PEERING, "vpc_id": None, "aws_account_id": None},
    ):
        done = run("atlas_vpc_peer", {**CONNECTION, **options}, answering([page()]))
        assert done.failed, done.result
    check("atlas_vpc_peer", {"peer_id": None, "route_table_cidr_block": "10.0.0.0/16"}, page(), page(CONTAINER), told(PEER))
    check("atlas_access_list", {"entries": [{"cidr_block": None}]}, page())
