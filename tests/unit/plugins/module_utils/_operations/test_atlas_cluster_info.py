"""Reading clusters: which of them the options select, and by which requests."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_cluster_info import OPERATION
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.clusters import Clusters, to_result
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page

HERE = {"region_name": "US_EAST_1"}


@pytest.fixture(autouse=True)
def _clusters(atlas: Atlas) -> None:
    setups: list[dict[str, Any]] = [
        {"name": "shop", "regions": [HERE, {"region_name": "EU_WEST_1", "electable_nodes": 0, "read_only_nodes": 1}]},
        {"name": "azure", "regions": [{"provider_name": "AZURE", "region_name": "US_EAST_2"}], "paused": True},
        {"name": "free", "regions": [{"region_name": "US_EAST_2"}], "tier": "M0"},
        {"name": "flex", "regions": [{"region_name": "US_EAST_2"}], "tier": "FLEX"},
    ]
    with atlas.emulator.project.now() as project:
        for setup in setups:
            project.put_cluster(setup)


def run(atlas: Atlas, **options: Any) -> Done:
    return atlas.run(OPERATION, **options)


def names(done: Done) -> list[str]:
    assert not done.failed, done.msg
    return [one["name"] for one in done.result["clusters"]]


def paths(atlas: Atlas) -> list[str]:
    entries = [entry for entry in atlas.emulator.requests.entries() if entry["authenticated"]]
    return [entry["path"].partition(atlas.emulator.settings.group_id)[2] for entry in entries]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, ["shop", "azure", "free", "flex"]),
        ({"name": "shop"}, ["shop"]),
        ({"name": "flex"}, ["flex"]),
        ({"name": "none"}, []),
        ({"provider_name": "AWS"}, ["shop", "free", "flex"]),
        ({"provider_name": "GCP"}, []),
        ({"region_name": "EU_WEST_1"}, ["shop"]),
        ({"region_name": "eu-west-1"}, ["shop"]),
        ({"region_name": "US_EAST_2"}, ["azure", "free", "flex"]),
        ({"region_name": "US_EAST_2", "provider_name": "AZURE"}, ["azure"]),
        ({"region_name": "us-east-2", "provider_name": "AWS"}, ["free", "flex"]),
        ({"region_name": "EUROPE_NORTH"}, []),
        ({"region_name": " US_EAST_2 ", "provider_name": "AZURE"}, ["azure"]),
        ({"name": "shop", "region_name": "us-east-1"}, ["shop"]),
        ({"name": "shop", "region_name": "us-east-2"}, []),
    ],
    ids=str,
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_the_options_select(atlas: Atlas, options: dict[str, Any], found: list[str], check_mode: bool) -> None:
    done = run(atlas, **options, check_mode=check_mode)
    assert (names(done), done.changed, done.warnings, atlas.writes()) == (found, False, [], [])


def test_a_region_that_aws_may_have_opened_causes_a_warning(atlas: Atlas) -> None:
    done = run(atlas, provider_name="AWS", region_name="us-east-9")
    assert names(done) == []
    assert "region_name 'us-east-9' is not a region of AWS" in done.warnings[0]


def test_a_cluster_without_regions_is_left_out_with_a_warning(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"regionConfigs": [{"providerName": "AWS", "electableSpecs": {"nodeCount": 3}}]}
    found = [
        to_result({"id": "1", "name": "anywhere", "stateName": "IDLE"}, "read it"),
        to_result({"id": "2", "name": "on AWS", "stateName": "IDLE", "replicationSpecs": [spec]}, "read it"),
    ]
    monkeypatch.setattr(Clusters, "list_clusters", lambda self: found)
    done = run(atlas, provider_name="AWS")
    assert ("anywhere" in names(done), "on AWS" in names(done)) == (False, True)
    text = "Atlas does not report the regions of cluster {}, so provider_name and region_name leave it out."
    assert done.warnings == [text.format("anywhere")]
    in_region = run(atlas, provider_name="AWS", region_name="us-east-1")
    assert (in_region.warnings, "on AWS" in names(in_region)) == ([text.format(one) for one in ("anywhere", "on AWS")], False)
    assert run(atlas, provider_name="GCP", region_name="WESTERN_EUROPE").warnings == [text.format("anywhere")]
    text = text.format("anywhere")
    assert done.warnings == [text]
    assert ("anywhere" in names(run(atlas)), run(atlas).warnings) == (True, [])


def test_a_cluster_is_returned_as_documented(atlas: Atlas) -> None:
    (shop,) = run(atlas, name="shop").result["clusters"]
    members = shop["members"]
    assert len(members) == 3
    assert members[0] == f"shop-shard-00-00.{atlas.emulator.settings.group_id[-5:]}.mongodb.net:27017"
    strings = shop.pop("connection_strings")
    assert strings["standard"].startswith(f"mongodb://{','.join(members)}/?")
    assert strings["standard_srv"].startswith("mongodb+srv://shop.")
    assert (strings["private"], strings["private_srv"]) == (None, None)
    nodes = {"electable_nodes": 3, "read_only_nodes": 0, "analytics_nodes": 0}
    aws = {"provider_name": "AWS", "backing_provider_name": None}
    assert shop == {
        "id": shop["id"],
        "name": "shop",
        "state_name": "IDLE",
        "paused": False,
        "cluster_type": "REPLICASET",
        "regions": [
            {**aws, "region_name": "US_EAST_1", **nodes},
            {**aws, "region_name": "EU_WEST_1", **nodes, "electable_nodes": 0, "read_only_nodes": 1},
        ],
        "members": members,
        "private_members": [],
    }


@pytest.mark.parametrize(("name", "provider", "paused"), [("free", "TENANT", False), ("flex", "FLEX", None)])
def test_shared_and_flex_clusters_have_the_same_shape(atlas: Atlas, name: str, provider: str, paused: bool | None) -> None:
    (cluster,), (shop,) = (run(atlas, name=one).result["clusters"] for one in (name, "shop"))
    assert cluster.keys() == shop.keys()
    assert cluster["paused"] is paused
    assert cluster["regions"] == [
        {
            "provider_name": provider,
            "backing_provider_name": "AWS",
            "region_name": "US_EAST_2",
            "electable_nodes": None,
            "read_only_nodes": None,
            "analytics_nodes": None,
        }
    ]


def test_private_members_come_with_the_connection(atlas: Atlas) -> None:
    peer_id = atlas.add_peer()
    atlas.clock.sleep(1)
    atlas.act("accept", peer_id)
    atlas.clock.sleep(1)
    with atlas.emulator.project.now() as project:
        project.custom_dns = True
    (shop,) = run(atlas, name="shop").result["clusters"]
    assert [one.replace("-pri", "") for one in shop["private_members"]] == shop["members"]
    assert "-pri." in shop["connection_strings"]["private_srv"]


def test_one_cluster_takes_one_request_unless_it_is_flex(atlas: Atlas) -> None:
    run(atlas, name="shop")
    run(atlas, name="none")
    assert paths(atlas) == ["/clusters/shop", "/clusters/none"]
    atlas.emulator.requests.clear()
    run(atlas, name="flex")
    assert paths(atlas) == ["/clusters/flex", "/flexClusters/flex"]
    atlas.emulator.requests.clear()
    run(atlas)
    assert sorted(paths(atlas)) == ["/clusters", "/flexClusters"]


def test_a_flex_cluster_that_goes_meanwhile_is_not_there(atlas: Atlas) -> None:
    atlas.fault("GET", "status", status=404, code="CLUSTER_NOT_FOUND", skip=1)
    assert names(run(atlas, name="flex")) == []


def test_a_cluster_in_both_lists_is_returned_once(atlas: Atlas, wire: Wire) -> None:
    """Atlas lists a former M2 or M5 cluster in both."""
    both = page({"id": "0" * 24, "name": "old", "stateName": "IDLE", "providerSettings": {"regionName": "US_EAST_1"}})
    wire.faults += [Fault("GET", both, times=2)]
    done = run(atlas)
    assert (names(done), done.result["clusters"][0]["regions"][0]["provider_name"]) == (["old"], "FLEX")


@pytest.mark.parametrize("list_path", ["clusters", "flexClusters"])
def test_a_list_that_cannot_be_read_is_a_failure(atlas: Atlas, list_path: str) -> None:
    rule = {"path_glob": f"*/{list_path}*", "authenticated": True, "fault": {"kind": "status", "status": 403}}
    atlas.emulator.faults.add(parse_rules(rule))
    done = run(atlas)
    assert (done.failed, done.result["http_status"], "clusters" in done.result) == (True, 403, False)
    assert done.msg.startswith("Failed to list the ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"api_version": "v1.0"}, ["api_version must be v2"]),
        ({"name": ""}, ["name is not the name of a cluster: ''", "letters"]),
        ({"name": ".."}, ["name is not the name of a cluster: '..'"]),
        ({"name": "my shop"}, ["name is not the name of a cluster: 'my shop'"]),
        ({"region_name": " "}, ["region_name is empty", "us-east-1"]),
        ({"region_name": "us-east1", "provider_name": "AWS"}, ["region_name is not an AWS region: 'us-east1'", "us-east-1"]),
    ],
    ids=str,
)
def test_options_that_cannot_be_right_are_refused_unsent(atlas: Atlas, options: dict[str, Any], words: list[str]) -> None:
    done = run(atlas, **options)
    assert (done.failed, atlas.wire()) == (True, [])
    assert done.msg.startswith(words[0])
    assert done.missing(*words) == []
