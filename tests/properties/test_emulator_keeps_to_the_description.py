"""What the emulator answers is what the published description of the API says, and never an error of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.azure import INVALID, Rule
from ansible_collections.cloudpeer.atlas.tests.properties import openapi
from ansible_collections.cloudpeer.atlas.tests.properties.examples import examples
from ansible_collections.cloudpeer.atlas.tests.properties.states import ADDRESSES, GROUPS, NETWORKS, worlds
from ansible_collections.cloudpeer.atlas.tests.properties.tasks import GROUP
from ansible_collections.cloudpeer.atlas.tests.properties.world import (
    ACCOUNTS,
    BLOCKS,
    CLUSTERS,
    REGIONS,
    V2,
    VPCS,
    Caller,
    World,
)
from ansible_collections.cloudpeer.atlas.tests.support.wire import Reply
from hypothesis import event, given
from hypothesis import strategies as st


@cache
def _description(path: str = openapi.PEERS) -> Any:
    openapi_core = pytest.importorskip("openapi_core")
    config = openapi_core.Config(extra_media_type_deserializers={V2: json.loads, CLUSTERS: json.loads})
    return openapi_core.OpenAPI.from_dict(openapi.mended(openapi.load(path)), config=config)


def _check(method: str, target: str, answer: Reply, described: str = openapi.PEERS) -> None:
    """Check a reply against the description that has a path."""
    from openapi_core.testing import MockRequest, MockResponse

    status, headers, body = answer.status, answer.headers, answer.body
    path, unused, query = target.partition("?")
    request = MockRequest(
        "https://cloud.mongodb.com", method.lower(), path, args=dict(pair.split("=", 1) for pair in query.split("&") if pair)
    )
    # The description leaves out the charset.
    kind = dict(headers).get("content-type", "").removesuffix(";charset=utf-8")
    response = MockResponse(body, status_code=status, headers=dict(headers), content_type=kind)
    found = _description(described)
    if not body:
        # Nothing is described of an empty reply but its status and its type.
        assert (status, kind) in ((202, V2), (204, V2)), (method, target, status, kind)
        return
    found.validate_response(request, response)


def asking(
    world: World, described: str = openapi.PEERS, accept: str = V2, root: str = f"/api/atlas/v2/groups/{GROUP}"
) -> Callable[..., Any]:
    """Return what asks an emulator for a path below a root, checks the reply, and returns its status and content."""
    caller = Caller(world)

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = caller.ask(method, root + path, body, accept)
        _check(method, root + path, answer, described)
        return answer.status, json.loads(answer.body or b"null")

    return ask


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
        event(f"{method} {answer.status}")
        _check(method, target, answer)


UUID = "0b0b0b0b-0000-4000-8000-000000000000"
CONTAINERS: dict[str, tuple[str, dict[str, Any]]] = {
    "AWS": ("AWSCloudProviderContainer", {"regionName": "EU_WEST_1", "atlasCidrBlock": "10.8.0.0/21"}),
    "AZURE": ("AzureCloudProviderContainer", {"region": "EUROPE_NORTH", "atlasCidrBlock": "10.8.0.0/21"}),
    "GCP": ("GCPCloudProviderContainer", {"regions": ["WESTERN_EUROPE"], "atlasCidrBlock": "10.8.0.0/24"}),
}
PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "AWS": (
        "AwsNetworkPeeringConnectionSettings",
        {"vpcId": VPCS[0], "awsAccountId": ACCOUNTS[0], "routeTableCidrBlock": BLOCKS[0], "accepterRegionName": "eu-west-1"},
    ),
    "AZURE": (
        "AzureNetworkPeeringConnectionSettings",
        {"azureDirectoryId": UUID, "azureSubscriptionId": UUID, "resourceGroupName": "group", "vnetName": "net"},
    ),
    "GCP": ("GCPNetworkPeeringConnectionSettings", {"gcpProjectId": "my-project", "networkName": "default"}),
}
#: What the documentation and official clients leave out, whatever the description says.
NOT_NEEDED = {"regions"}


@pytest.mark.parametrize("provider", [*PEERS])
def test_every_cloud_is_as_the_description_says(provider: str) -> None:
    """From the container to its deletion: every reply is valid, and no body passes that lacks what is required."""
    schemas = openapi.load()["components"]["schemas"]
    world = World()
    ask = asking(world)

    def check_required(method: str, path: str, schema: str, body: dict[str, Any]) -> None:
        required = {*schemas[schema]["required"]} - NOT_NEEDED
        assert required
        for name in required:
            status, error = ask(method, path, {field: value for field, value in body.items() if field != name})
            assert (status, error["errorCode"], error["parameters"]) == (400, "MISSING_ATTRIBUTE", [name])

    schema, fields = CONTAINERS[provider]
    body = {"providerName": provider, **fields}
    check_required("POST", "/containers", schema, body)
    status, container = ask("POST", "/containers", body)
    assert status == 200
    check_required("PATCH", f"/containers/{container['id']}", schema, body)
    assert ask("PATCH", f"/containers/{container['id']}", body)[0] == 200

    schema, fields = PEERS[provider]
    body = {"providerName": provider, "containerId": container["id"], **fields}
    check_required("POST", "/peers", schema, body)
    status, peer = ask("POST", "/peers", body)
    assert status == 200
    check_required("PATCH", f"/peers/{peer['id']}", schema, body)
    assert ask("PATCH", f"/peers/{peer['id']}", body)[0] == 200

    for unused in range(3):
        assert [one["id"] for one in ask("GET", f"/peers?providerName={provider}")[1]["results"]] == [peer["id"]]
        assert ask("GET", f"/peers/{peer['id']}")[0] == 200
        world.let_pass()
    status, seen = ask("GET", f"/containers/{container['id']}")
    assert (status, seen["provisioned"]) == (200, True)
    assert ask("GET", f"/containers?providerName={provider}")[0] == ask("GET", "/containers/all")[0] == 200
    assert ask("DELETE", f"/containers/{container['id']}")[1]["errorCode"] == "CONTAINERS_IN_USE"
    assert ask("DELETE", f"/peers/{peer['id']}")[0] == 202
    world.let_pass()
    assert ask("GET", f"/peers/{peer['id']}")[1]["errorCode"] == "PEER_NOT_FOUND"
    assert ask("DELETE", f"/containers/{container['id']}") == (204, None)


@pytest.mark.parametrize("provider", ["AZURE", "GCP"])
def test_failures_on_other_clouds_are_as_the_description_says(provider: str) -> None:
    """A refusal, a second connection, free texts, and a deletion that fails."""
    _description()
    world = World()
    ask = asking(world)
    container = ask("POST", "/containers", {"providerName": provider, **CONTAINERS[provider][1]})[1]
    body = {"providerName": provider, "containerId": container["id"], **PEERS[provider][1]}
    if provider == "AZURE":
        for rule, status in ((Rule(False), 404), (Rule(False, code=INVALID), 400)):
            world.emulator.project.outside.roles.put(None, rule)
            assert ask("POST", "/peers", body)[0] == status
        world.emulator.project.outside.roles.put(None, Rule())
    peer = ask("POST", "/peers", body)[1]
    assert ask("POST", "/peers", body)[1]["errorCode"] == f"PEER_ALREADY_EXISTS_{provider}"
    world.let_pass()
    with world.emulator.project.now() as project:
        found = project.peers.get(peer["id"])
        assert project.peers.fail(found, "Internal Error", only_waiting=False)
        can_fail = project.peers.fail_deletion(found, "Internal Error", 1)
    assert can_fail == (provider == "AZURE")
    assert ask("GET", f"/peers/{peer['id']}")[1]["status"] == "FAILED"
    for state in ["DELETION_FAILED"] * can_fail + [None]:
        assert ask("DELETE", f"/peers/{peer['id']}")[0] == 202
        assert ask("GET", f"/peers?providerName={provider}")[1]["results"][0]["status"] == "DELETING"
        world.let_pass()
        assert ask("GET", f"/peers/{peer['id']}")[1].get("status") == state


NODES = {"electable_nodes": 2, "read_only_nodes": 1, "analytics_nodes": 1}
CLUSTER_SETUPS: dict[str, dict[str, Any]] = {
    "usual": {"regions": [{"region_name": "US_EAST_1"}]},
    "several regions and clouds": {
        "regions": [
            {"region_name": "EU_WEST_1", **NODES},
            {"provider_name": "AZURE", "region_name": "EUROPE_NORTH"},
            {"provider_name": "GCP", "region_name": "WESTERN_EUROPE", "electable_nodes": 0, "read_only_nodes": 2},
        ]
    },
    "paused": {"regions": [{"region_name": "US_EAST_1"}], "paused": True, "tier": "M30"},
    "created": {"regions": [{"region_name": "US_EAST_1"}], "state_name": "CREATING"},
    "shared": {"regions": [{"region_name": "US_EAST_1"}], "tier": "M0"},
}


@pytest.mark.parametrize("setup", CLUSTER_SETUPS)
def test_clusters_are_as_the_description_says(setup: str) -> None:
    """In the list and alone, with and without private connection strings, and where there is none."""
    _description(openapi.CLUSTERS)
    world = World()
    world.add_peer(VPCS[0], ACCOUNTS[0], BLOCKS[0], "us-east-1", "AVAILABLE")
    get, get_project = (partial(asking(world, openapi.CLUSTERS, accept), "GET") for accept in (CLUSTERS, V2))
    with world.emulator.project.now() as project:
        project.put_cluster({"name": "shop", **CLUSTER_SETUPS[setup]})
    status, cluster = get("/clusters/shop")
    assert (status, "private" in cluster["connectionStrings"]) == (200, False)
    with world.emulator.project.now() as project:
        project.custom_dns = True
    status, cluster = get("/clusters/shop")
    assert (status, "private" in cluster["connectionStrings"]) == (200, setup in ("usual", "paused"))
    assert get("/clusters?itemsPerPage=1")[1]["totalCount"] == 1
    assert get("/clusters/none")[0] == 404
    assert get_project("")[1]["clusterCount"] == 1


def test_projects_and_organizations_are_as_the_description_says() -> None:
    """Lists with their pages and searches, one alone, by name, and what is refused."""
    _description(openapi.CLUSTERS)
    world = World()
    world.emulator.project.tags = {"env": "prod"}
    org_id = world.emulator.project.org_id
    get = partial(asking(world, openapi.CLUSTERS, root="/api/atlas/v2/"), "GET")
    page = get("groups?itemsPerPage=1")[1]
    assert (page["totalCount"], page["results"][0]["tags"]) == (1, [{"key": "env", "value": "prod"}])
    assert get(f"groups/{GROUP}")[1]["links"][1:]
    assert get("groups/byName/emulator")[1]["id"] == GROUP
    assert get(f"groups/{GROUP}/limits") == (200, [])
    assert [one["id"] for one in get("orgs?name=EMU&includeCount=false")[1]["results"]] == [org_id]
    assert get(f"orgs/{org_id}")[1]["isDeleted"] is False
    assert get(f"orgs/{org_id}/groups?name=emu&pageNum=1")[1]["results"] == page["results"]
    refused = (
        "groups/byName/none",
        f"orgs/{'0' * 24}",
        "orgs/x",
        f"orgs/{'0' * 24}/groups",
        "groups?name=x",
        "orgs?name=e&pageNum=-1",
    )
    assert [get(path)[0] for path in refused] == [401, 404, 400, 404, 400, 400]
