"""What other clients of Atlas send, as they send it: MongoDB's Go SDK, Terraform's provider and the Atlas CLI.

The replies are checked against the API's published description (version 2.0 of 2026-08, tools/internal/specs/spec.yaml of
mongodb-atlas-cli), and against replies of the real service that mongodb-atlas-cli has recorded (`.snaphost` files of 2026-08-10).
"""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import VERSIONED, Api, error

#: What `atlas clusters list` of 1.46.4 accepts: it uses the SDK v20240530005 for clusters.
OLDER = "application/vnd.atlas.2023-02-01+json"
NEWER = "application/vnd.atlas.2024-08-05+json"
USERS = "application/vnd.atlas.2025-02-19+json"
#: Those of the recorded replies.
DEPRECATED = {"Deprecation": "Mon, 5 Aug 2024 00:00:00 GMT", "Sunset": "Thu, 1 Jul 2027 00:00:00 GMT"}
#: What the SDK sends with each list of clusters.
CLUSTERS = "/clusters?includeCount=true&includeDeletedWithRetainedBackups=false&itemsPerPage=100&pageNum=1"


CLUSTER = {"name": "shop", "regions": [{"region_name": "US_EAST_1"}]}


def get(api, path, accept=VERSIONED):
    """Send a GET."""
    return api.call("GET", path, headers={"Accept": accept})


def put_cluster(api, **fields):
    """Put a cluster into the project."""
    with api.emulator.project.now() as project:
        project.put_cluster({**CLUSTER, **fields})


def older_headers(response):
    """Return what a reply says of the age of its version."""
    return {name: response.headers[name] for name in DEPRECATED if name in response.headers}


@pytest.mark.parametrize(("asked", "name"), [("AWS", "AWS"), ("GCP", "GCP"), ("Azure", "AZURE")])
def test_containers_as_the_atlas_cli_asks_for_them(api, asked, name):
    """`atlas networking peering create aws|gcp|azure` begins with page 0, and writes Azure in its own way.

    Source: internal/store/peering_connections.go of mongodb-atlas-cli 1.46.4; mongodb-atlas-cli#366 shows the command at work.
    """
    body = {
        "AWS": {"regionName": "EU_WEST_1"},
        "GCP": {"atlasCidrBlock": "10.8.0.0/18"},
        "AZURE": {"region": "EUROPE_NORTH", "atlasCidrBlock": "10.9.0.0/21"},
    }[name]
    made = api.call("POST", "/containers", json={"providerName": name, **body}).json()
    response = get(api, f"/containers?includeCount=true&itemsPerPage=100&pageNum=0&providerName={asked}")
    assert response.status_code == 200
    assert response.json()["results"][-1] == made
    assert {one["providerName"] for one in response.json()["results"]} == {name}
    assert [link["rel"] for link in response.json()["links"]] == ["self"]


@pytest.mark.parametrize("path", ["/peers", "/accessList", "/containers/all"])
def test_page_0_is_page_1_of_each_list(api, path):
    """Also what follows it is the same."""
    for number in range(2):
        api.make_peer()
        api.call("POST", "/containers", json={"regionName": f"EU_WEST_{number + 1}"})
        api.call("POST", "/accessList", json=[{"ipAddress": f"192.0.2.{number}"}])
    first, second = (get(api, f"{path}?itemsPerPage=1&pageNum={number}").json() for number in (0, 1))
    assert (first, len(first["results"])) == (second, 1)


def test_the_body_stays_strict(api):
    """In a body, another case is refused, as users of `/peers` have seen it."""
    assert not api.call("POST", "/containers", json={"providerName": "Azure", "region": "EUROPE_NORTH"}).ok
    assert error(api.call("POST", "/peers", json=api.new_peer(providerName="aws"))) == (400, "INVALID_JSON")


def test_clusters_as_the_sdk_lists_them(api):
    """Source: ListClusters in admin/api_clusters.go of atlas-sdk-go v20241113005."""
    put_cluster(api)
    response = get(api, CLUSTERS, NEWER)
    assert (response.status_code, response.json()["totalCount"]) == (200, 1)
    assert older_headers(response) == {}
    response = get(api, "/clusters?includeDeletedWithRetainedBackups=maybe", NEWER)
    assert error(response) == (400, "INVALID_QUERY_PARAMETER")
    assert response.json()["parameters"] == ["includeDeletedWithRetainedBackups"]
    # It belongs to this list alone.
    assert error(get(api, "/peers?includeDeletedWithRetainedBackups=false")) == (400, "INVALID_QUERY_PARAMETER")


@pytest.mark.parametrize(
    ("tier", "disk", "sizes"),
    [
        ("M10", 10.0, {"instanceSize": "M10", "nodeCount": 3}),
        ("M0", 0.5, {"instanceSize": "M0"}),
    ],
)
@pytest.mark.parametrize("path", [CLUSTERS, "/clusters/shop"])
def test_clusters_in_the_older_form(api, tier, disk, sizes, path):
    """`atlas clusters list` and `describe` get a spec for each zone with its shards counted, and one size for all disks.

    Source: replies recorded by mongodb-atlas-cli (TestClustersFlags/List, TestClustersM0Flags/Describe), and the schemas
    AdvancedClusterDescription and ReplicationSpec.
    """
    put_cluster(api, tier=tier)
    response = get(api, path, OLDER)
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{OLDER};charset=utf-8")
    assert older_headers(response) == DEPRECATED
    [cluster] = response.json().get("results", [response.json()])
    [spec] = cluster["replicationSpecs"]
    assert (cluster["diskSizeGB"], spec["numShards"], spec["zoneName"]) == (disk, 1, "Zone 1")
    assert spec["regionConfigs"][0]["electableSpecs"] == sizes
    assert spec.keys() == {"id", "numShards", "regionConfigs", "zoneId", "zoneName"}
    newer = get(api, "/clusters/shop", NEWER).json()
    assert "diskSizeGB" not in newer
    assert {**newer, "links": 0, "replicationSpecs": 0} == {
        **{name: value for name, value in cluster.items() if name != "diskSizeGB"},
        "links": 0,
        "replicationSpecs": 0,
    }


def test_versions_between_the_two_forms(api, old_api):
    """A date stands for the newest version at or before it; errors say of themselves that their version is an old one.

    Source: a recorded reply (TestFlexCluster/Get_flex_cluster) is 400 with both headers.
    """
    put_cluster(api, tier="FLEX")
    response = get(api, "/clusters", "application/vnd.atlas.2024-08-04+json")
    assert response.headers["Content-Type"] == f"{OLDER};charset=utf-8"
    assert get(api, "/clusters", f"{OLDER}, {NEWER}").headers["Content-Type"] == f"{NEWER};charset=utf-8"
    response = get(api, "/clusters/shop", OLDER)
    assert error(response) == (400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API")
    assert (older_headers(response), response.headers["Content-Type"]) == (DEPRECATED, "application/json")
    assert older_headers(old_api.call("GET", "/peers/" + "0" * 24)) == {}
    assert error(get(api, "/clusters", "application/vnd.atlas.2023-01-31+json")) == (406, "INVALID_VERSION_DATE")


def test_a_container_on_aws_moves_as_terraform_moves_it(api):
    """Terraform's provider sends region and block in a PATCH, and reads the new region from the same container.

    Source: resourceUpdate in resource_network_container.go, and TestAccNetworkContainer_basicAWS, of release 2.16.0.
    """
    first = {"providerName": "AWS", "atlasCidrBlock": "10.8.1.0/24", "regionName": "US_WEST_1"}
    path = f"/containers/{api.call('POST', '/containers', json=first).json()['id']}"
    moved = {"providerName": "AWS", "atlasCidrBlock": "10.8.2.0/24", "regionName": "US_EAST_2"}
    assert api.call("PATCH", path, json=moved).status_code == 200
    assert get(api, path).json().items() >= moved.items()
    # The region of another container is taken, and one that something uses stays where it is.
    assert error(api.call("PATCH", path, json={**moved, "regionName": "US_EAST_1"})) == (409, "CONTAINER_ALREADY_EXISTS")
    api.make_peer(containerId=path[12:], accepterRegionName="us-east-2")
    assert error(api.call("PATCH", path, json=first)) == (409, "CONTAINERS_IN_USE")
    assert get(api, path).json().items() >= moved.items()
    # On AZURE nobody has seen it.
    azure = {"providerName": "AZURE", "atlasCidrBlock": "10.9.0.0/21", "region": "EUROPE_NORTH"}
    path = f"/containers/{api.call('POST', '/containers', json=azure).json()['id']}"
    assert error(api.call("PATCH", path, json={**azure, "region": "UK_SOUTH"})) == (400, "CANNOT_CHANGE_CONTAINER_REGION")


PAGE = {"results": [], "totalCount": 0}


@pytest.mark.parametrize(
    ("path", "accept", "expected"),
    [
        ("/teams?includeCount=true&itemsPerPage=100&pageNum=1", VERSIONED, PAGE),
        ("/users?flattenTeams=false&includeCount=true&includeOrgUsers=false&itemsPerPage=100&pageNum=1", USERS, PAGE),
        ("orgs/users?includeCount=true&itemsPerPage=100&pageNum=1", USERS, PAGE),
        ("/limits", VERSIONED, []),
        ("/ipAddresses", VERSIONED, {"services": {"clusters": []}}),
        ("/managedSlowMs", VERSIONED, False),
    ],
)
def test_what_is_read_beside_a_project(api, path, accept, expected):
    """The provider's data sources of projects and organizations read these (resource_project.go, data_source_organization.go).

    Source of the shapes: the published description; a limit is in a bare array, and managedSlowMs is a bare boolean.
    """
    url = path.replace("orgs", f"{api.root}/orgs/{api.emulator.project.org_id}")
    response = get(api, url, accept)
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{accept};charset=utf-8")
    found = response.json()
    assert {name: found[name] for name in expected} == expected if isinstance(expected, dict) else found == expected
    assert get(api, f"{url}{'&' if '?' in url else '?'}envelope=true", accept).json()["status"] == 200
    of_organization = url != path
    owner = api.emulator.project.org_id if of_organization else api.group.rpartition("/")[2]
    unknown = get(api, (url if of_organization else api.group + path).replace(owner, "0" * 24), accept)
    assert error(unknown) == (404, "ORG_NOT_FOUND" if of_organization else "GROUP_NOT_FOUND")


def test_settings_of_a_project_and_of_an_organization(api):
    """All off; the provider reads those of a project, and writes them back, when it makes one.

    Source: the schemas GroupSettings and OrganizationSettings; resource_project.go of release 2.16.0; one more switch is in
    the reply that mongodb-atlas-cli has recorded (TestProjectSettings).
    """
    settings = get(api, "/settings").json()
    assert (len(settings), settings["isAtlasHomePageAiAssistantEnabled"]) == (12, False)
    assert not any(settings.values())
    wanted = {**settings, "isDataExplorerEnabled": True}
    assert api.call("PATCH", "/settings", json=wanted).json() == get(api, "/settings").json() == wanted
    assert error(api.call("PATCH", "/settings", json={"isDataExplorerEnabled": 1})) == (400, "INVALID_ATTRIBUTE")
    assert error(api.call("PATCH", "/settings", json={"isX": True})) == (400, "INVALID_ATTRIBUTE")
    api.emulator.reset()
    assert get(api, "/settings").json() == settings
    found = get(api, f"{api.root}/orgs/{api.emulator.project.org_id}/settings").json()
    assert found["apiAccessListRequired"] is found["multiFactorAuthRequired"] is found["restrictEmployeeAccess"] is False


def test_options_of_a_cluster_s_processes(api):
    """Source: a recorded reply of 2023-01-01 (TestClustersFlags/Describe_Advanced_Configuration_Settings), and both schemas."""
    path = "/clusters/shop/processArgs"
    assert error(get(api, path, NEWER)) == (404, "CLUSTER_NOT_FOUND")
    put_cluster(api)
    newer, older = get(api, path, NEWER), get(api, path)
    assert (older_headers(newer), older_headers(older)) == ({}, DEPRECATED)
    assert older.json() == {**newer.json(), "defaultReadConcern": None, "failIndexKeyTooLong": None}
    assert (newer.json()["defaultWriteConcern"], newer.json()["javascriptEnabled"]) == ("majority", True)


def test_how_a_cluster_scales(api):
    """`atlas clusters list --autoScalingMode independentShardScaling` asks for it for each cluster, in the newer form.

    Source: filterClustersByAutoScalingMode in internal/cli/clusters/list.go of mongodb-atlas-cli, and a recorded reply
    (TestClustersFlags/Update).
    """
    path = "/clusters/shop/autoScalingConfiguration"
    assert error(get(api, path, NEWER)) == (404, "CLUSTER_NOT_FOUND")
    put_cluster(api)
    response = get(api, path, NEWER)
    assert (response.status_code, response.headers["Content-Type"]) == (200, f"{NEWER};charset=utf-8")
    assert response.json() == {"autoScalingMode": "CLUSTER_WIDE_SCALING"}


def test_the_address_of_the_caller(api):
    """`atlas accessLists create --currentIp` asks for it with its credentials. The reply is recorded: plain JSON."""
    response = get(api, f"{api.emulator.base_url}/api/private/ipinfo", "application/json")
    assert (response.status_code, response.json()) == (200, {"currentIpv4Address": "127.0.0.1"})
    assert response.headers["Content-Type"] == "application/json"


def new_project(api, **fields):
    """Make a project with the body that Go's SDK sends, which has the two fields that are only read."""
    body = {"clusterCount": 0, "created": "0001-01-01T00:00:00Z", "name": "test-acc", "orgId": api.emulator.project.org_id}
    return api.call("POST", f"{api.root}/groups", json={**body, **fields})


def test_a_project_that_a_test_suite_makes_and_removes(api):
    """It is as new as a new one of Atlas is, and empty when it goes.

    Source: createProject and deleteProject in internal/testutil/acc/atlas.go of the provider; recorded replies of POST (201, with
    links) and DELETE (202, with an empty object); the codes of the refusals are in logs of the provider's tests.
    """
    response = new_project(api, tags=[{"key": "env", "value": "test"}])
    made = response.json()
    assert (response.status_code, made["name"], made["clusterCount"]) == (201, "test-acc", 0)
    assert made["tags"] == [{"key": "env", "value": "test"}]
    other = Api(api.emulator, "v2")
    other.group = f"{api.root}/groups/{made['id']}"
    assert other.call("GET").json() == made
    assert get(api, f"{api.root}/groups/byName/test-acc").json() == made
    assert other.call("GET", "/containers/all").json()["results"] == []
    assert error(new_project(api)) == (409, "GROUP_ALREADY_EXISTS")

    body = {"providerName": "AWS", "atlasCidrBlock": "10.8.0.0/21", "regionName": "US_EAST_1"}
    peer = other.make_peer(containerId=other.call("POST", "/containers", json=body).json()["id"])
    assert error(other.call("DELETE")) == (409, "CANNOT_CLOSE_GROUP_ACTIVE_PEERING_CONNECTIONS")
    other.call("DELETE", f"/peers/{peer['id']}")
    assert other.status_of(peer["id"]) is None
    assert api.control("POST", "/clusters", {**CLUSTER, "group_id": made["id"]}).status_code == 201
    assert error(other.call("DELETE")) == (409, "CANNOT_CLOSE_GROUP_ACTIVE_ATLAS_CLUSTERS")
    with api.emulator.find_project(made["id"]).now() as project:
        project.clusters.delete("shop")
    response = other.call("DELETE")
    assert (response.status_code, response.json()) == (202, {})
    assert error(other.call("GET")) == error(other.call("DELETE")) == (404, "GROUP_NOT_FOUND")
    assert [one["id"] for one in get(api, f"{api.root}/groups").json()["results"]] == [api.emulator.settings.group_id]
    assert new_project(api).status_code == 201


UUID = "0b0b0b0b-0000-4000-8000-000000000000"


def test_projects_after_a_reset(api):
    """Those that were made are gone, and the first is back. Before, nothing else had changed, such as the role on Azure."""
    azure = {"providerName": "AZURE", "atlasCidrBlock": "10.9.0.0/21", "region": "EUROPE_NORTH"}
    network = {"azureDirectoryId": UUID, "azureSubscriptionId": UUID, "resourceGroupName": "group", "vnetName": "net"}
    body = {"providerName": "AZURE", "containerId": api.call("POST", "/containers", json=azure).json()["id"], **network}
    api.control("POST", "/azure/role", {"given": False})
    made = new_project(api).json()["id"]
    assert error(api.call("POST", "/peers", json=body)) == (404, "AZURE_CUSTOMER_NETWORK_UNREACHABLE")
    assert api.call("DELETE").status_code == 202
    assert error(api.call("GET")) == (404, "GROUP_NOT_FOUND")
    # What is about no project is still answered.
    assert get(api, f"{api.root}/orgs").json()["totalCount"] == 1
    api.emulator.reset()
    assert api.call("GET").status_code == 200
    assert error(get(api, f"{api.root}/groups/{made}")) == (404, "GROUP_NOT_FOUND")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": None}, (400, "MISSING_ATTRIBUTE")),
        ({"orgId": None}, (400, "MISSING_ATTRIBUTE")),
        ({"name": ""}, (400, "INVALID_ATTRIBUTE")),
        ({"name": "x" * 65}, (400, "INVALID_ATTRIBUTE")),
        ({"tags": {"env": "test"}}, (400, "INVALID_ATTRIBUTE")),
        ({"tags": [{"key": "env", "value": 1}]}, (400, "INVALID_ATTRIBUTE")),
        ({"tags": [{"key": [], "value": "test"}]}, (400, "INVALID_ATTRIBUTE")),
        ({"withDefaultAlertsSettings": "no"}, (400, "INVALID_ATTRIBUTE")),
        ({"orgId": "0" * 24}, (404, "ORG_NOT_FOUND")),
        ({"orgId": "mine"}, (400, "INVALID_ATTRIBUTE")),
        ({"orgId": 7}, (400, "INVALID_ATTRIBUTE")),
        ({"id": "0" * 24}, (400, "ATTRIBUTE_READ_ONLY")),
        # As the published description says of Atlas that is not the government's.
        ({"regionUsageRestrictions": "GOV_REGIONS_ONLY"}, (400, "INVALID_ATTRIBUTE")),
    ],
    ids=str,
)
def test_projects_that_are_refused(api, fields, expected):
    """Nothing is made."""
    assert error(new_project(api, **fields)) == expected
    assert get(api, f"{api.root}/groups").json()["totalCount"] == 1


def test_a_project_gets_another_name_and_other_tags(api):
    """Each alone. mongodb-atlas-cli has recorded it (TestAtlasProjects), and the field that Terraform's provider sets."""
    made = new_project(api, withDefaultAlertsSettings=False).json()
    assert made["withDefaultAlertsSettings"] is False
    path = f"{api.root}/groups/{made['id']}"
    tags = [{"key": "env", "value": "prod"}]
    for body, expected in (
        ({"tags": tags}, {"name": made["name"], "tags": tags}),
        ({"name": "other"}, {"name": "other", "tags": tags}),
    ):
        shown = api.call("PATCH", path, json=body).json()
        assert shown == get(api, path).json() == {**made, **expected}
    taken = get(api, f"{api.root}/groups").json()["results"][0]["name"]
    assert error(api.call("PATCH", path, json={"name": taken})) == (409, "GROUP_ALREADY_EXISTS")
    assert error(api.call("PATCH", path, json={"orgId": "0" * 24})) == (400, "INVALID_ATTRIBUTE")
    assert api.call("PATCH", path, json={"name": "other", "tags": []}).json()["tags"] == []


def test_without_a_container(start):
    """As the provider's example and its acceptance tests have it, which make one in us-east-1 themselves."""
    api = start(step_seconds=0, no_container=True, groups=2)
    said = api.emulator.announcement()
    assert (said["container_id"], [one["container_id"] for one in said["groups"]]) == (None, [None, None])
    assert get(api, "/containers/all").json()["results"] == []
    body = {"providerName": "AWS", "atlasCidrBlock": "10.8.0.0/21", "regionName": "US_EAST_1"}
    made = api.call("POST", "/containers", json=body)
    assert made.status_code == 200
    api.make_peer(containerId=made.json()["id"], routeTableCidrBlock="172.16.0.0/16")
    api.emulator.reset()
    assert get(api, "/containers/all").json()["results"] == []
