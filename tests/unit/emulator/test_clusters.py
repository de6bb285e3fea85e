"""Clusters over HTTP: where they are, how they are reached, and what a test makes of them."""

from __future__ import annotations

import pytest
import requests
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import Api, error

CLUSTERS, FLEX = "application/vnd.atlas.2024-08-05+json", "application/vnd.atlas.2024-11-13+json"
HERE = {"region_name": "US_EAST_1"}


def tell(api, path, **body):
    """Send a body to a control path."""
    return requests.post(f"{api.emulator.base_url}/emulator/{path}", json=body, timeout=30)


def put(api, name="shop", regions=(HERE,), **fields):
    """Make a cluster, and return it as the reply shows it."""
    response = tell(api, "clusters", name=name, regions=list(regions), **fields)
    assert response.status_code == 201, response.text
    return response.json()


def read(api, path="/clusters/shop", accept=CLUSTERS):
    """Send a request for clusters."""
    return api.call("GET", path, headers={"Accept": accept})


def names(api, path, accept=CLUSTERS):
    """Return the names of a list."""
    return [one["name"] for one in read(api, path, accept).json()["results"]]


def container(api, region="US_EAST_1"):
    """Return the container on AWS in a region."""
    found = api.call("GET", "/containers?providerName=AWS").json()["results"]
    return next((one for one in found if one["regionName"] == region), None)


def test_a_cluster_is_shown_with_its_regions(api):
    """What is not said of it is usual: three nodes on AWS, M10, running."""
    made = put(api, regions=[HERE, {"region_name": "EU_WEST_1", "electable_nodes": 2, "read_only_nodes": 1}])
    shown = read(api).json()
    assert shown == {**made, "links": [{"href": f"{api.group}/clusters/shop", "rel": "self"}]}
    assert (shown["stateName"], shown["paused"], shown["groupId"]) == ("IDLE", False, api.emulator.settings.group_id)
    assert [
        (one["providerName"], one["regionName"], one["priority"], one["electableSpecs"], one["readOnlySpecs"]["nodeCount"])
        for spec in shown["replicationSpecs"]
        for one in spec["regionConfigs"]
    ] == [
        ("AWS", "US_EAST_1", 7, {"instanceSize": "M10", "nodeCount": 3, "diskSizeGB": 10.0}, 0),
        ("AWS", "EU_WEST_1", 6, {"instanceSize": "M10", "nodeCount": 2, "diskSizeGB": 10.0}, 1),
    ]
    assert shown["connectionStrings"]["standard"].count(":27017") == 5
    assert set(shown["connectionStrings"]) == {"standard", "standardSrv"}


def test_lists_have_pages_and_each_kind_its_own(api):
    """A Flex cluster is in the one list, all others in the other, and the project counts them all."""
    put(api, "shop")
    put(api, "free", tier="M0")
    put(api, "flex", tier="FLEX")
    assert names(api, "/clusters") == ["shop", "free"]
    assert names(api, "/clusters?itemsPerPage=1&pageNum=2") == ["free"]
    assert read(api, "/clusters?itemsPerPage=1").json()["totalCount"] == 2
    assert names(api, "/flexClusters", FLEX) == ["flex"]
    assert api.call("GET").json()["clusterCount"] == 3
    (free,) = read(api, "/clusters/free").json()["replicationSpecs"][0]["regionConfigs"]
    expected = ("TENANT", "AWS", {"instanceSize": "M0"})
    assert (free["providerName"], free["backingProviderName"], free["electableSpecs"]) == expected
    flex = read(api, "/flexClusters/flex", FLEX).json()
    assert flex["providerSettings"]["providerName"] == "FLEX"
    assert (flex["providerSettings"]["backingProviderName"], flex["providerSettings"]["regionName"]) == ("AWS", "US_EAST_1")
    assert "paused" not in flex


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/clusters/none", CLUSTERS, (404, "CLUSTER_NOT_FOUND")),
        ("/flexClusters/none", FLEX, (404, "CLUSTER_NOT_FOUND")),
        ("/clusters/flex", CLUSTERS, (400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API")),
        ("/flexClusters/shop", FLEX, (400, "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API")),
        # Their resources are younger than the others.
        ("/clusters", "application/vnd.atlas.2023-01-01+json", (406, "INVALID_VERSION_DATE")),
        ("/flexClusters", CLUSTERS, (406, "INVALID_VERSION_DATE")),
    ],
)
def test_what_is_refused(api, path, accept, expected):
    """By the kind of the cluster, and by the version that is asked for."""
    put(api)
    put(api, "flex", tier="FLEX")
    assert error(read(api, path, accept)) == expected


def test_a_later_version_stands_for_the_newest(api, old_api):
    """The reply says which one that is; the old API does not have them in this form."""
    response = read(api, "/clusters", "application/vnd.atlas.2025-03-12+json")
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{CLUSTERS};charset=utf-8")
    assert error(old_api.call("GET", "/clusters")) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize(("kind", "port", "has_set"), [("REPLICASET", 27017, True), ("SHARDED", 27016, False)])
def test_strings_name_the_members_or_the_mongos(api, kind, port, has_set):
    """Those of a sharded cluster have the port 27016, as Datadog's guide for sharded clusters on Atlas shows."""
    put(api, cluster_type=kind)
    standard = read(api).json()["connectionStrings"]["standard"]
    assert (standard.count(f":{port}"), "replicaSet=" in standard) == (3, has_set)


def test_private_strings_come_with_an_available_peer(start):
    """On AWS they need custom DNS too, and a peer in a region of the cluster."""
    api = start(step_seconds=0)
    assert api.call("PATCH", "/awsCustomDNS", json={"enabled": True}).json() == {"enabled": True}
    elsewhere = put(api, "elsewhere", [{"region_name": "EU_WEST_1"}])
    put(api)
    peer = api.make_peer()
    assert "private" not in read(api).json()["connectionStrings"]
    api.control("POST", f"/peers/{peer['id']}/accept")
    assert api.status_of(peer["id"]) == "AVAILABLE"
    strings = read(api).json()["connectionStrings"]
    assert strings["private"].count("-pri.") == strings["private"].count(":27017") == 3
    assert strings["privateSrv"].startswith("mongodb+srv://shop-pri.")
    assert "private" not in read(api, f"/clusters/{elsewhere['name']}").json()["connectionStrings"]
    put(api, "free", tier="M0")
    assert "private" not in read(api, "/clusters/free").json()["connectionStrings"]
    api.call("PATCH", "/awsCustomDNS", json={"enabled": False})
    assert "private" not in read(api).json()["connectionStrings"]


def test_private_strings_of_another_cloud_need_no_custom_dns(api):
    """Only AWS resolves the ordinary names to private addresses."""
    put(api, regions=[{"provider_name": "GCP", "region_name": "WESTERN_EUROPE"}])
    (gcp,) = api.call("GET", "/containers?providerName=GCP").json()["results"]
    assert gcp["atlasCidrBlock"].endswith("/18")
    body = {"providerName": "GCP", "containerId": gcp["id"], "gcpProjectId": "my-project", "networkName": "default"}
    peer = api.call("POST", "/peers", json=body).json()
    assert api.status_of(peer["id"]) == "WAITING_FOR_USER"
    assert "private" not in read(api).json()["connectionStrings"]
    api.control("POST", f"/peers/{peer['id']}/accept")
    assert "private" in read(api).json()["connectionStrings"]


def test_custom_dns(api, old_api):
    """It is off, and can be read and changed: in v2 with 202, as in mongodb-atlas-cli's TestCustomDNS/Enable/PATCH_…snaphost."""
    assert api.call("GET", "/awsCustomDNS").json() == {"enabled": False}
    assert error(api.call("PATCH", "/awsCustomDNS", json={})) == (400, "MISSING_ATTRIBUTE")
    assert error(api.call("PATCH", "/awsCustomDNS", json={"enabled": "yes"})) == (400, "INVALID_ATTRIBUTE")
    for one, status in ((api, 202), (old_api, 200)):
        reply = one.call("PATCH", "/awsCustomDNS", json={"enabled": True})
        assert (reply.status_code, reply.json()) == (status, {"enabled": True})
    assert api.call("GET", "/awsCustomDNS").json() == {"enabled": True}
    api.emulator.reset()
    assert api.call("GET", "/awsCustomDNS").json() == {"enabled": False}


def test_a_cluster_uses_its_container(api):
    """The container is provisioned with it, or made, and nobody can delete it before the cluster."""
    assert container(api)["provisioned"] is False
    put(api)
    assert container(api)["provisioned"] is True
    assert container(api, "EU_WEST_1") is None
    put(api, "eu", [{"region_name": "EU_WEST_1"}])
    made = container(api, "EU_WEST_1")
    assert made["provisioned"] is True
    assert made["vpcId"].startswith("vpc-")
    response = api.call("DELETE", f"/containers/{made['id']}")
    assert error(response) == (409, "CONTAINERS_IN_USE")
    assert response.json()["parameters"] == ["cluster eu"]
    assert api.control("DELETE", "/clusters/eu").status_code == 204
    assert container(api, "EU_WEST_1")["provisioned"] is False
    assert api.call("DELETE", f"/containers/{made['id']}").status_code == 204


def test_shared_and_flex_clusters_use_no_container(api):
    """Their hosts are elsewhere."""
    put(api, "free", tier="M0")
    put(api, "flex", [{"region_name": "EU_WEST_1"}], tier="FLEX")
    assert container(api)["provisioned"] is False
    assert container(api, "EU_WEST_1") is None


def test_a_second_one_of_a_name_is_the_same_cluster_changed(api):
    """Its id stays. One that is created has no connection strings yet."""
    first = put(api)
    second = put(api, state_name="CREATING")
    assert (second["id"], second["stateName"], second["connectionStrings"]) == (first["id"], "CREATING", {})
    assert put(api, paused=True)["paused"] is True
    assert names(api, "/clusters") == ["shop"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"regions": [HERE]}, "name"),
        ({"name": "shop"}, "regions"),
        ({"name": "shop", "regions": []}, "regions"),
        ({"name": "shop", "regions": ["US_EAST_1"]}, "regions"),
        ({"name": "a/b", "regions": [HERE]}, "name"),
        ({"name": "shop", "regions": [HERE], "tier": "XL"}, "tier"),
        ({"name": "shop", "regions": [HERE], "state_name": "FINE"}, "FINE"),
        ({"name": "shop", "regions": [HERE], "paused": "no"}, "paused"),
        ({"name": "shop", "regions": [HERE], "nodes": 3}, "nodes"),
        ({"name": "shop", "regions": [HERE, HERE], "tier": "M0"}, "one region"),
        ({"name": "shop", "regions": [{"region_name": "MOON"}]}, "MOON"),
        ({"name": "shop", "regions": [{"provider_name": "AZURE", "region_name": "EU_WEST_1"}]}, "EU_WEST_1"),
        ({"name": "shop", "regions": [{"provider_name": "GCP", "region_name": 1}]}, "region_name"),
        ({"name": "shop", "regions": [{"region_name": "x", "provider_name": "AZURE"}]}, "no region x"),
        ({"name": "shop", "regions": [{**HERE, "provider_name": "MINE"}]}, "MINE"),
        ({"name": "shop", "regions": [{**HERE, "read_only_nodes": -1}]}, "read_only_nodes"),
        ({"name": "shop", "regions": [{**HERE, "read_only_nodes": True}]}, "read_only_nodes"),
    ],
)
def test_wrong_clusters(api, body, word):
    """They are refused, and the reply names what is wrong."""
    response = tell(api, "clusters", **body)
    assert response.status_code == 400
    assert word in response.json()["detail"]
    assert names(api, "/clusters") == []


def test_wrong_control_calls(api):
    """What is not there is not found, and a body is JSON."""
    assert tell(api, "clusters", name="shop", regions=[HERE], group_id="0" * 24).status_code == 404
    assert api.control("DELETE", "/clusters/none").status_code == 404
    assert api.control("POST", "/clusters").status_code == 400
    assert tell(api, "access-list", entry="10.0.0.0/8", status="FAILED").status_code == 404
    assert tell(api, "access-list", entry="10.0.0.0/8", status="FINE").status_code == 400
    assert tell(api, "access-list").status_code == 400


def test_clusters_of_another_project(start):
    """Each project has its own."""
    first = start(groups=2)
    second = Api(first.emulator, "v2")
    second.group = f"{second.root}/groups/{first.emulator.settings.group_ids[1]}"
    put(first, group_id=first.emulator.settings.group_ids[1])
    assert (names(first, "/clusters"), names(second, "/clusters")) == ([], ["shop"])
    query = f"?group_id={first.emulator.settings.group_ids[1]}"
    assert [first.control("DELETE", f"/clusters/shop{more}").status_code for more in ("", query)] == [404, 204]


def test_the_status_of_an_entry_can_be_fixed(api):
    """It stays until it is let go; other entries keep theirs."""
    api.call("POST", "/accessList", json=[{"cidrBlock": "10.0.0.0/8"}, {"ipAddress": "203.0.113.7"}])

    def statuses():
        paths = ("/accessList/10.0.0.0%2F8/status", "/accessList/203.0.113.7/status")
        return [api.call("GET", path).json()["STATUS"] for path in paths]

    assert statuses() == ["ACTIVE", "ACTIVE"]
    response = tell(api, "access-list", entry="10.0.0.0/8", status="FAILED")
    assert (response.status_code, response.json()) == (200, {"entry": "10.0.0.0/8", "status": "FAILED"})
    assert statuses() == ["FAILED", "ACTIVE"]
    assert tell(api, "access-list", entry="10.0.0.0/8").json()["status"] == "ACTIVE"
    assert statuses() == ["ACTIVE", "ACTIVE"]


def test_lists_that_lag_behind_show_clusters_late(start):
    """Like everything else; the cluster itself is there at once."""
    api = start(list_lag_seconds=60)
    put(api)
    assert names(api, "/clusters") == []
    assert read(api).status_code == 200


def test_a_cluster_has_a_vpc_in_a_real_aws(aws, aws_api):
    """In Atlas's account and the cluster's region, with the block of the container that was made for it."""
    put(aws_api, regions=[{"region_name": "EU_WEST_3"}])
    made = container(aws_api, "EU_WEST_3")
    ec2 = aws.account(aws_api.emulator.settings.aws_account_id).ec2("eu-west-3")
    (vpc,) = ec2.describe_vpcs(VpcIds=[made["vpcId"]])["Vpcs"]
    assert vpc["CidrBlock"] == made["atlasCidrBlock"]
