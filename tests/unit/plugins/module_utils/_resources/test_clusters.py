"""Clusters: what is made of replies of any shape, and which versions are asked for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import ApiError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.clusters import Clusters, flex_to_result, to_result
from ansible_collections.cloudpeer.atlas.tests.support.client import Connect, Serve
from ansible_collections.cloudpeer.atlas.tests.support.wire import page

ID, OTHER_ID, GROUP = "6512a1b2c3d4e5f678901236", "6512a1b2c3d4e5f678901237", "5356823b3794dee37132bb7b"
CLUSTER: dict[str, Any] = {"id": ID, "name": "shop", "stateName": "IDLE", "paused": False, "replicationSpecs": []}


def shard(*configs: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a reply that describes one shard."""
    return {"regionConfigs": list(configs)}


def config(region: str, **nodes: int) -> dict[str, Any]:
    """Return the part of a reply that describes one region."""
    specs = {name: {"instanceSize": "M10", "nodeCount": number} for name, number in nodes.items()}
    return {"providerName": "AWS", "regionName": region, **specs}


def test_the_nodes_of_all_shards_count() -> None:
    """Atlas describes each shard by itself, and shards differ; a kind of nodes that it leaves out has none."""
    specs = [
        shard(config("US_EAST_1", electableSpecs=3), config("EU_WEST_1", electableSpecs=2, readOnlySpecs=1)),
        shard(
            config("US_EAST_1", electableSpecs=3), config("EU_WEST_1", electableSpecs=2), config("SA_EAST_1", analyticsSpecs=1)
        ),
    ]
    regions = to_result({**CLUSTER, "replicationSpecs": specs}, "x")["regions"]
    assert [(one["region_name"], one["electable_nodes"], one["read_only_nodes"], one["analytics_nodes"]) for one in regions] == [
        ("US_EAST_1", 6, 0, 0),
        ("EU_WEST_1", 4, 1, 0),
        ("SA_EAST_1", 0, 0, 1),
    ]


def test_clusters_come_ten_a_page(serve: Serve, connect: Connect) -> None:
    """A sharded cluster in three regions takes 112 KiB, so 25 of them are longer than the bound of a reply."""
    clusters = [{**CLUSTER, "id": f"{ID[:-2]}{number:02}", "padding": "x" * (112 << 10)} for number in range(25)]
    pages = [clusters[:10], clusters[10:20], clusters[20:]]
    following = ["?itemsPerPage=10&pageNum=2", "?itemsPerPage=10&pageNum=3", None]
    wire = serve(*(page(*some, following=link) for some, link in zip(pages, following)))
    found = Clusters(connect(wire.base_url), GROUP).list_clusters()
    assert [one["id"] for one in found] == [one["id"] for one in clusters]
    assert [one.query["itemsPerPage"] for one in wire.requests] == ["10"] * 3


@pytest.mark.parametrize("odd", [{}, {"electableSpecs": None}, {"electableSpecs": {}}, {"electableSpecs": {"nodeCount": None}}])
def test_a_number_of_nodes_that_is_not_told_is_not_none(odd: dict[str, Any]) -> None:
    specs = [shard({**config("US_EAST_1"), **odd}), shard(config("US_EAST_1", electableSpecs=3))]
    (region,) = to_result({**CLUSTER, "replicationSpecs": specs}, "x")["regions"]
    assert region["electable_nodes"] is None


def test_the_same_region_name_of_another_cloud_is_another() -> None:
    azure = {**config("US_EAST_2", electableSpecs=2), "providerName": "AZURE"}
    specs = [shard(config("US_EAST_2", electableSpecs=3), azure)]
    regions = to_result({**CLUSTER, "replicationSpecs": specs}, "x")["regions"]
    assert [(one["provider_name"], one["electable_nodes"]) for one in regions] == [("AWS", 3), ("AZURE", 2)]


@pytest.mark.parametrize("strings", [{}, None, {"standard": None, "privateEndpoint": [{"connectionString": "mongodb://x"}]}])
def test_a_cluster_that_is_being_created_has_no_members(strings: Any) -> None:
    cluster = to_result({**CLUSTER, "connectionStrings": strings}, "x")
    assert (cluster["members"], cluster["private_members"]) == ([], [])
    assert set(cluster["connection_strings"].values()) == {None}


@pytest.mark.parametrize(
    ("string", "members"),
    [
        ("mongodb://a.example:27017", ["a.example:27017"]),
        ("mongodb://a-b.example:27015,b:27016/?ssl=true&x=a,b:1", ["a-b.example:27015", "b:27016"]),
        ("mongodb://a:1,b:2/admin?replicaSet=r", ["a:1", "b:2"]),
        ("mongodb://a:1?ssl=true", ["a:1"]),
    ],
)
def test_the_members_are_those_of_the_connection_string(string: str, members: list[str]) -> None:
    assert to_result({**CLUSTER, "connectionStrings": {"standard": string}}, "x")["members"] == members
    assert to_result({**CLUSTER, "connectionStrings": {"private": string}}, "x")["private_members"] == members


ODD: list[dict[str, Any]] = [
    {"id": None},
    {"id": 5},
    {"name": ""},
    {"stateName": None},
    {"stateName": ["IDLE"]},
    {"paused": "no"},
    {"connectionStrings": []},
    {"connectionStrings": {"standard": 1}},
    {"connectionStrings": {"standard": "mongodb://"}},
    {"connectionStrings": {"standard": "mongodb://a"}},
    {"connectionStrings": {"private": "mongodb+srv://a:1"}},
    {"connectionStrings": {"standard": "mongodb://user:password@a:1"}},
]
ODD_SPECS: list[Any] = [
    {},
    ["x"],
    [{"regionConfigs": {}}],
    [{"regionConfigs": [1]}],
    [{"regionConfigs": [{}]}],
    [{"regionConfigs": [{"providerName": 1}]}],
    [{"regionConfigs": [{"providerName": "AWS", "regionName": {}}]}],
    [{"regionConfigs": [{"providerName": "AWS", "electableSpecs": 3}]}],
    [{"regionConfigs": [{"providerName": "AWS", "electableSpecs": {"nodeCount": True}}]}],
    [{"regionConfigs": [{"providerName": "AWS", "electableSpecs": {"nodeCount": "3"}}]}],
]


@pytest.mark.parametrize("odd", [*ODD, *({"replicationSpecs": specs} for specs in ODD_SPECS)], ids=str)
def test_what_is_not_a_cluster_is_a_failure_that_says_so(odd: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match=r"^Failed to read it: the reply is not a cluster: .* Check base_url\.$") as caught:
        to_result({**CLUSTER, **odd}, "read it")
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("settings", [[], {"regionName": 1}, {"backingProviderName": {}}], ids=str)
def test_what_is_not_a_flex_cluster_is_a_failure_that_says_so(settings: Any) -> None:
    with pytest.raises(ApiError, match="the reply is not a cluster"):
        flex_to_result({**CLUSTER, "providerSettings": settings}, "read it")


def test_each_kind_is_read_by_its_own_version_and_all_pages(serve: Serve, connect: Connect) -> None:
    wire = serve(page(CLUSTER, following="https://x/?pageNum=2"), page({**CLUSTER, "id": OTHER_ID}), page(CLUSTER))
    clusters = Clusters(connect(wire.base_url), GROUP)
    assert [one["id"] for one in clusters.list_clusters()] == [ID, OTHER_ID]
    assert [one["regions"][0]["provider_name"] for one in clusters.list_flex_clusters()] == ["FLEX"]
    asked = [(sent.path.rpartition("/")[2], sent.headers["accept"]) for sent in wire.requests]
    assert asked == [
        ("clusters", "application/vnd.atlas.2024-08-05+json"),
        ("clusters", "application/vnd.atlas.2024-08-05+json"),
        ("flexClusters", "application/vnd.atlas.2024-11-13+json"),
    ]
