"""Requests that schemathesis makes of the published description, and worse ones, never get an error 500 of the emulator."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.properties import openapi
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.replies import json_values
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import BASE_URL, GROUP
from ansible_collections.cloudpeer.atlas.tests.properties.world import ACCOUNTS, VPCS, Caller, World
from hypothesis import event, given
from hypothesis import strategies as st

ROOT = f"/api/atlas/v2/groups/{GROUP}"


@cache
def _operations() -> list[Any]:
    schemathesis = pytest.importorskip("schemathesis")
    description = openapi.mended(openapi.load())
    return [found.ok() for found in schemathesis.openapi.from_dict(description).get_all_operations()]


def _world() -> World:
    world = World()
    world.add_container("eu-west-1")
    world.add_peer(VPCS[0], ACCOUNTS[0], "10.15.0.0/16", "us-east-1", "AVAILABLE")
    world.add_peer(VPCS[1], ACCOUNTS[0], "10.16.0.0/16", "us-east-1", "TERMINATING")
    world.add_entry(cidrBlock="203.0.113.0/24", comment="a")
    return world


def _is_fine(status: int, headers: list[tuple[str, str]], body: bytes) -> bool:
    return status < 500 and b"UNEXPECTED_ERROR" not in body and "UNEXPECTED_ERROR" not in dict(headers).values()


@examples(30)
@given(data=st.data())
def test_requests_of_the_description_are_answered(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(_operations()).flatmap(lambda operation: operation.as_strategy()))
    world = _world()
    prepared = requests.Request(**case.as_transport_kwargs(base_url=BASE_URL)).prepare()
    # Other projects, peers and containers are soon done with.
    target = re.sub(r"(?<=/groups/)[^/?]+", GROUP, prepared.path_url)
    ids = [*(peer["id"] for peer in world.atlas.peers()), *world.containers().values(), "0" * 24]
    target = re.sub(r"(?<=/peers/|ainers/)[0-9a-f]{24}", data.draw(st.sampled_from(ids)), target)
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body or b""
    answer = Caller(world).ask(str(prepared.method), target, body)
    event(f"{prepared.method} {answer.status}")
    assert _is_fine(answer.status, answer.headers, answer.body), (prepared.method, target, body, answer)


@examples(100)
@given(data=st.data())
def test_requests_of_any_kind_are_answered(data: st.DataObject) -> None:
    world = _world()
    values = [
        *(peer["id"] for peer in world.atlas.peers()),
        *world.containers().values(),
        "203.0.113.0%2F24",
        "x",
        "%00",
        "%ff",
        "all",
    ]
    parts = data.draw(
        st.tuples(st.sampled_from(["peers", "containers", "accessList", "x"]), st.sampled_from(values), st.just("status"))
    )
    path = "/".join([ROOT, *parts[: data.draw(st.integers(0, 3))]])
    query = data.draw(
        st.sampled_from(
            ["", "?providerName=GCP", "?providerName=AWS&pageNum=%00", "?pageNum=1e9", "?=&&=", "?envelope=true&pretty=true"]
        )
    )
    method = data.draw(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"]))
    answer = Caller(world).ask(method, path + query, data.draw(_bodies() | st.binary(max_size=20)))
    assert _is_fine(answer.status, answer.headers, answer.body), answer


def _bodies() -> st.SearchStrategy[Any]:
    """Return bodies with attributes that the API has, and any values."""
    right = {
        "providerName": st.sampled_from(["AWS", "AZURE", "GCP"]),
        "vpcId": st.just(VPCS[0]),
        "awsAccountId": st.just(ACCOUNTS[1]),
        "routeTableCidrBlock": st.just("10.17.0.0/16"),
        "containerId": st.just("0" * 24),
        "accepterRegionName": st.just("us-east-1"),
        "regionName": st.just("US_EAST_1"),
        "region": st.just("US_EAST_2"),
        "regions": st.just(["US_EAST_2"]),
        "atlasCidrBlock": st.just("10.8.0.0/18"),
        "gcpProjectId": st.just("project-1"),
        "networkName": st.just("default"),
        "cidrBlock": st.just("203.0.113.0/24"),
        "deleteAfterDate": st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00Z"]),
    }
    one = st.fixed_dictionaries({}, optional={name: strategy | json_values for name, strategy in right.items()})
    few = st.lists(st.sampled_from([*right]), max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({name: right[name] | json_values for name in names})
    )
    return few | one | st.lists(few, max_size=2) | json_values
