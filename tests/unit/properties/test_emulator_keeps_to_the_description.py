# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the emulator answers is what the published description of the API says, and never an error of its own."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from ansible_collections.cloudpeer.atlas.tests.unit.properties import openapi
from ansible_collections.cloudpeer.atlas.tests.unit.properties.caller import V2, Answer, Caller
from ansible_collections.cloudpeer.atlas.tests.unit.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.unit.properties.states import ADDRESSES, GROUPS, NETWORKS, worlds
from ansible_collections.cloudpeer.atlas.tests.unit.properties.tasks import GROUP
from ansible_collections.cloudpeer.atlas.tests.unit.properties.world import ACCOUNTS, BLOCKS, REGIONS, VPCS, World
from hypothesis import event, given
from hypothesis import strategies as st


@cache
def _description() -> Any:
    openapi_core = pytest.importorskip("openapi_core")
    config = openapi_core.Config(extra_media_type_deserializers={V2: json.loads})
    return openapi_core.OpenAPI.from_dict(openapi.mended(openapi.load()), config=config)


def _check(method: str, target: str, answer: Answer) -> None:
    """Check a reply against the description."""
    from openapi_core.testing import MockRequest, MockResponse

    status, headers, body = answer
    path, unused, query = target.partition("?")
    request = MockRequest(
        "https://cloud.mongodb.com", method.lower(), path, args=dict(pair.split("=", 1) for pair in query.split("&") if pair)
    )
    kind = dict(headers).get("content-type", "")
    response = MockResponse(body, status_code=status, headers=dict(headers), content_type=kind)
    found = _description()
    if not body:
        # Nothing is described of an empty reply but its status.
        assert status in (202, 204), (method, target, status)
        return
    found.validate_response(request, response)


def requests(world: World) -> st.SearchStrategy[tuple[str, str, Any]]:
    """Return requests that make sense in a project, and some that do not."""
    peers = [peer["id"] for peer in world.atlas.peers()] + ["0" * 24]
    containers = [*world.containers().values(), "0" * 24]
    root = f"/api/atlas/v2/groups/{GROUP}"
    aws = st.fixed_dictionaries(
        {
            "vpcId": st.sampled_from(VPCS),
            "awsAccountId": st.sampled_from(ACCOUNTS),
            "routeTableCidrBlock": st.sampled_from([*BLOCKS, "1.1.1.0/24"]),
        },
        optional={
            "containerId": st.sampled_from(containers),
            "accepterRegionName": st.sampled_from([*REGIONS, "moon"]),
            "providerName": st.sampled_from(["AWS", "X"]),
        },
    )
    container = st.fixed_dictionaries(
        {"regionName": st.sampled_from(["US_EAST_1", "EU_WEST_2", "MOON"])},
        optional={
            "atlasCidrBlock": st.sampled_from(["10.8.0.0/21", "192.168.248.0/21", "8.8.8.0/24"]),
            "providerName": st.just("AWS"),
            "id": st.just("x"),
        },
    )
    entry = st.fixed_dictionaries({"cidrBlock": st.sampled_from(NETWORKS)}) | st.fixed_dictionaries(
        {"awsSecurityGroup": st.sampled_from(GROUPS)}
    )
    value = st.sampled_from([*ADDRESSES, "203.0.113.0%2F24", *GROUPS])
    paging = st.fixed_dictionaries(
        {},
        optional={"pageNum": st.integers(1, 3), "itemsPerPage": st.integers(1, 2), "pretty": st.sampled_from(["true", "false"])},
    ).map(urlencode)
    none = st.none()
    lists = st.sampled_from(
        [
            f"{root}/peers",
            f"{root}/containers?providerName=AWS",
            f"{root}/containers/all",
            f"{root}/accessList",
            root,
            f"{root}/containers",
        ]
    )
    ask = st.tuples
    return st.one_of(
        ask(
            st.just("GET"),
            st.builds(
                lambda path, more: f"{path}{'&' if '?' in path else '?'}{more}" if more and path != root else path, lists, paging
            ),
            none,
        ),
        ask(st.sampled_from(["GET", "DELETE"]), st.sampled_from(peers).map(f"{root}/peers/{{}}".format), none),
        ask(st.just("PATCH"), st.sampled_from(peers).map(f"{root}/peers/{{}}".format), aws),
        ask(st.just("POST"), st.just(f"{root}/peers"), aws),
        ask(st.sampled_from(["GET", "DELETE"]), st.sampled_from(containers).map(f"{root}/containers/{{}}".format), none),
        ask(st.just("PATCH"), st.sampled_from(containers).map(f"{root}/containers/{{}}".format), container),
        ask(st.just("POST"), st.just(f"{root}/containers"), container),
        ask(st.just("POST"), st.just(f"{root}/accessList"), st.lists(entry, max_size=2) | aws),
        ask(st.sampled_from(["GET", "DELETE"]), value.map(f"{root}/accessList/{{}}".format), none),
        ask(st.just("GET"), value.map(f"{root}/accessList/{{}}/status".format), none),
    )


@examples(60)
@given(data=st.data(), world=worlds())
def test_replies_in_any_state_are_as_the_description_says(data: st.DataObject, world: World) -> None:
    _description()
    caller = Caller(world)
    for unused in range(4):
        method, target, body = data.draw(requests(world))
        answer = caller.ask(method, target, body)
        event(f"{method} {answer[0]}")
        _check(method, target, answer)
