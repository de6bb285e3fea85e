"""Containers over HTTP."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.regions import GCP_REGIONS
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.conftest import error

MISSING_ID = "0" * 24


def at(block, region="US_EAST_1"):
    """Return the body of a PATCH."""
    return {"regionName": region, "atlasCidrBlock": block}


def test_first_container(api, old_api):
    """A project begins with one on AWS, which no network stands behind yet."""
    expected = {
        "id": api.emulator.project.first_container_id,
        "providerName": "AWS",
        "atlasCidrBlock": "192.168.248.0/21",
        "regionName": "US_EAST_1",
        "provisioned": False,
        "vpcId": None,
    }
    assert api.call("GET", "/containers?providerName=AWS").json()["results"] == [expected]
    assert old_api.call("GET", "/containers").json()["results"] == [expected]
    assert api.call("GET", f"/containers/{expected['id']}").json() == expected
    assert api.call("GET", "/containers/all").json()["totalCount"] == 1


def test_v2_wants_the_provider_named(api):
    """The published description requires it there."""
    response = api.call("GET", "/containers")
    assert error(response) == (400, "INVALID_QUERY_PARAMETER")
    assert response.json()["parameters"] == ["providerName"]


def test_peer_provisions_its_container(api):
    """Before it can be connected, the network has to be there."""
    api.make_peer()
    container = api.call("GET", f"/containers/{api.emulator.project.first_container_id}").json()
    assert container["provisioned"] is True
    assert container["vpcId"].startswith("vpc-")


def test_lists_by_provider(api):
    """One list a provider, and one of all."""
    made = [
        api.call("POST", "/containers", json=body).json()["id"]
        for body in (
            {"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "10.0.0.0/21"},
            {"providerName": "GCP", "regions": ["US_EAST_4"], "atlasCidrBlock": "10.0.0.0/24"},
            {"regionName": "EU_WEST_1", "atlasCidrBlock": "10.0.0.0/24"},
        )
    ]
    by_provider = [
        [one["id"] for one in api.call("GET", f"/containers?providerName={name}").json()["results"]]
        for name in ("AZURE", "GCP", "AWS")
    ]
    first = api.emulator.project.first_container_id
    assert by_provider == [[made[0]], [made[1]], [first, made[2]]]
    assert [one["id"] for one in api.call("GET", "/containers/all").json()["results"]] == [first, *made]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "MISSING_ATTRIBUTE"),
        ({"providerName": "AZURE", "region": "US_EAST"}, 400, "MISSING_ATTRIBUTE"),
        ({"providerName": "GCP"}, 400, "MISSING_ATTRIBUTE"),
        ({"regionName": "US_WEST_1", "surprise": 1}, 400, "INVALID_ATTRIBUTE"),
        ({"regionName": 1}, 400, "INVALID_ATTRIBUTE"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": 1}, 400, "INVALID_ATTRIBUTE"),
        ({"providerName": "GCP", "regions": "US_EAST_4", "atlasCidrBlock": "10.0.0.0/18"}, 400, "INVALID_ATTRIBUTE"),
        ({"providerName": "GCP", "regions": ["us east"], "atlasCidrBlock": "10.0.0.0/22"}, 400, "INVALID_REGION"),
        ({"providerName": "GCP", "regions": ["US_EAST_1"], "atlasCidrBlock": "10.0.0.0/22"}, 400, "INVALID_REGION"),
        ({"providerName": "AZURE", "region": "EU_WEST_1", "atlasCidrBlock": "10.0.0.0/22"}, 400, "INVALID_REGION"),
        ({"regionName": "US_WEST_1", "provisioned": True}, 400, "ATTRIBUTE_READ_ONLY"),
        ({"providerName": "TENANT"}, 400, "INVALID_ENUM_VALUE"),
        ({"regionName": "us-west-1"}, 400, "INVALID_REGION"),
        ({"regionName": "US_WEST_9"}, 400, "INVALID_REGION"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": "text"}, 400, "INVALID_CIDR_BLOCK"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": "8.8.8.0/24"}, 400, "ATLAS_INVALID_CIDR_RANGE"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": "10.0.0.0/20"}, 400, "ATLAS_INVALID_CIDR_BLOCK"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": "10.0.0.0/25"}, 400, "ATLAS_INVALID_CIDR_BLOCK"),
        ({"providerName": "GCP", "atlasCidrBlock": "10.0.0.0/21"}, 400, "ATLAS_INVALID_CIDR_BLOCK"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": "10.0.0.1/24"}, 400, "ATLAS_NON_CANONICAL_CIDR_BLOCK"),
        ({"regionName": "US_WEST_1", "atlasCidrBlock": "192.168.248.0/24"}, 409, "OVERLAPPING_ATLAS_CIDR_BLOCK"),
        ({"regionName": "US_EAST_1", "atlasCidrBlock": "10.0.0.0/24"}, 409, "CONTAINER_ALREADY_EXISTS"),
    ],
    ids=str,
)
def test_creation_refused(api, body, status, code):
    """A body with one fault is refused for that fault, and nothing is made."""
    assert error(api.call("POST", "/containers", json=body)) == (status, code)
    assert api.call("GET", "/containers/all").json()["totalCount"] == 1


@pytest.mark.parametrize(("regions", "largest"), [(0, 18), (1, 24), (2, 23), (3, 22), (4, 22), (5, 21), (8, 21), (9, None)])
def test_room_for_regions_on_google(api, regions, largest):
    """A container for chosen regions has a /24 for each at least; one for all regions is large."""
    names = sorted(GCP_REGIONS)[:regions]
    fitting = []
    for length in (18, 20, 21, 22, 23, 24):
        body = {"providerName": "GCP", "atlasCidrBlock": f"10.8.0.0/{length}", "regions": names}
        response = api.call("POST", "/containers", json=body)
        if response.status_code == 200:
            fitting.append(length)
            assert api.call("DELETE", f"/containers/{response.json()['id']}").status_code == 204
        else:
            code = "ATLAS_INVALID_CIDR_BLOCK_FOR_SMALL_CONTAINER" if regions else "ATLAS_INVALID_CIDR_BLOCK"
            assert error(response) == (400, code)
    lengths = [18] if not regions else [21, 22, 23, 24]
    assert fitting == [length for length in lengths if largest is not None and length <= largest]


def test_one_on_google(api):
    """Whatever its regions, which are shown only where some were chosen."""
    body = {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"}
    assert "regions" not in api.call("POST", "/containers", json=body).json()
    other = body | {"regions": ["US_WEST_2"], "atlasCidrBlock": "10.0.0.0/24"}
    assert error(api.call("POST", "/containers", json=other)) == (409, "CONTAINER_ALREADY_EXISTS")


@pytest.mark.parametrize(
    ("body", "peer", "names"),
    [
        (
            {"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "10.8.0.0/21"},
            {
                "azureDirectoryId": "2a9b7c1e-0000-4000-8000-000000000001",
                "azureSubscriptionId": "2a9b7c1e-0000-4000-8000-000000000002",
                "resourceGroupName": "net",
                "vnetName": "prod",
            },
            {"azureSubscriptionId": r"[0-9a-f]{24}", "vnetName": r"vnet_[0-9a-f]{24}_[a-z]{8}"},
        ),
        (
            {"providerName": "GCP", "regions": ["US_EAST_4"], "atlasCidrBlock": "10.8.0.0/24"},
            {"gcpProjectId": "my-sample-project-191923", "networkName": "test1"},
            {"gcpProjectId": r"p-[0-9a-z]{24}", "networkName": r"nt-[0-9a-f]{24}-[0-9a-z]{8}"},
        ),
    ],
    ids=["AZURE", "GCP"],
)
def test_a_network_on_other_clouds_has_names_once_needed(api, body, peer, names):
    """They are null until then; the names of the customer's network are the connection's."""
    made = api.call("POST", "/containers", json=body).json()
    assert (made["provisioned"], [made[name] for name in names]) == (False, [None, None])
    assert api.call("POST", "/peers", json={"providerName": body["providerName"], "containerId": made["id"], **peer}).ok
    seen = api.call("GET", f"/containers/{made['id']}").json()
    assert seen["provisioned"] is True
    assert [name for name, form in names.items() if not re.fullmatch(form, seen[name])] == []


def test_block_is_found_where_none_is_asked_for(api):
    """It overlaps no other."""
    made = [api.call("POST", "/containers", json={"regionName": name}).json() for name in ("US_EAST_2", "US_WEST_1")]
    assert [one["atlasCidrBlock"] for one in made] == ["192.168.240.0/21", "192.168.232.0/21"]


def test_update(api):
    """The block can change as long as nothing uses it."""
    path = f"/containers/{api.emulator.project.first_container_id}"
    response = api.call("PATCH", path, json={"atlasCidrBlock": "10.0.0.0/22", "regionName": "US_EAST_1", "providerName": "AWS"})
    assert (response.status_code, response.json()["atlasCidrBlock"]) == (200, "10.0.0.0/22")
    expected = (400, "INVALID_ATTRIBUTE")
    assert error(api.call("PATCH", path, json={"providerName": "GCP", "atlasCidrBlock": "10.0.0.0/18"})) == expected
    peer = api.make_peer(routeTableCidrBlock="172.16.0.0/16")
    response = api.call("PATCH", path, json=at("10.1.0.0/22"))
    assert error(response) == (409, "CONTAINERS_IN_USE")
    assert peer["id"] in response.json()["detail"]
    assert api.call("PATCH", path, json=at("10.0.0.0/22")).status_code == 200


def test_a_container_on_google_can_be_limited_to_regions_once(api):
    """Only while it is unused. MongoDB's page of error codes has CANNOT_UPDATE_SMALL_CONTAINER for what follows."""
    first = {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"}
    path = f"/containers/{api.call('POST', '/containers', json=first).json()['id']}"
    small = {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/23", "regions": ["US_EAST_4", "US_WEST_3"]}
    assert api.call("PATCH", path, json=small).json()["regions"] == small["regions"]
    for change in ({"atlasCidrBlock": "10.9.0.0/23"}, {"regions": ["US_EAST_4"]}, {**first, "regions": []}):
        response = api.call("PATCH", path, json={**small, **change})
        assert error(response) == (400, "CANNOT_UPDATE_SMALL_CONTAINER")
        assert response.json()["parameters"] == [path[12:]]
    assert api.call("PATCH", path, json=small).json()["atlasCidrBlock"] == small["atlasCidrBlock"]


def test_a_container_on_google_in_use_is_not_limited_to_regions(api):
    """The Terraform provider's resource_network_container.go leaves the regions out where there are none."""
    first = {"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"}
    path = f"/containers/{api.call('POST', '/containers', json=first).json()['id']}"
    peer = {"providerName": "GCP", "containerId": path[12:], "gcpProjectId": "my-sample-project-191923", "networkName": "net"}
    assert api.call("POST", "/peers", json=peer).ok
    small = {**first, "atlasCidrBlock": "10.8.0.0/23", "regions": ["US_EAST_4", "US_WEST_3"]}
    assert error(api.call("PATCH", path, json=small)) == (409, "CONTAINERS_IN_USE")
    assert api.call("PATCH", path, json=first).ok


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ({"regionName": "EU_WEST_1", "atlasCidrBlock": "10.0.0.0/21"}, ["regionName"]),
        ({"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": "10.0.0.0/21"}, ["region", "atlasCidrBlock"]),
        ({"providerName": "GCP", "atlasCidrBlock": "10.0.0.0/18"}, ["atlasCidrBlock"]),
    ],
    ids=str,
)
def test_update_needs_what_the_description_requires_in_v2(api, old_api, body, missing):
    """v1.0 does not mind. On Google Cloud the regions may be missing, as the documentation and official clients have it."""
    path = f"/containers/{api.call('POST', '/containers', json=body).json()['id']}"
    for name in missing:
        response = api.call("PATCH", path, json={field: value for field, value in body.items() if field != name})
        assert error(response) == (400, "MISSING_ATTRIBUTE")
        assert response.json()["parameters"] == [name]
    assert api.call("PATCH", path, json=body).status_code == 200
    provider = {"providerName": body["providerName"]} if "providerName" in body else {}
    assert old_api.call("PATCH", path, json=provider).status_code == 200


def test_empty_replies_have_their_type(api, old_api):
    """In v2, as recorded ones of the service do, on every 204."""
    for client, expected in ((api, "application/vnd.atlas.2023-01-01+json;charset=utf-8"), (old_api, None)):
        made = client.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()["id"]
        client.call("POST", "/accessList", json=[{"ipAddress": "192.0.2.5"}])
        for path in (f"/containers/{made}", "/accessList/192.0.2.5"):
            response = client.call("DELETE", path)
            assert (response.status_code, response.content) == (204, b"")
            assert response.headers.get("Content-Type") == expected


def test_deletion(api):
    """Refused while a peer uses it."""
    path = f"/containers/{api.emulator.project.first_container_id}"
    peer = api.make_peer()
    assert error(api.call("DELETE", path)) == (409, "CONTAINERS_IN_USE")
    api.call("DELETE", f"/peers/{peer['id']}")
    response = api.call("DELETE", path)
    assert (response.status_code, response.content) == (204, b"")
    assert error(api.call("GET", path)) == (404, "CLOUD_PROVIDER_CONTAINER_NOT_FOUND")


@pytest.mark.parametrize("action", [None, "accept", "reject"])
def test_in_use_until_the_last_peer_is_gone(start, action):
    """Whatever state it is in: waiting, available, failed, or being deleted."""
    api = start(step_seconds=0)
    path = f"/containers/{api.emulator.project.first_container_id}"
    peer = api.make_peer()
    api.call("GET", "/peers")
    if action:
        api.control("POST", f"/peers/{peer['id']}/{action}")
    assert error(api.call("DELETE", path)) == (409, "CONTAINERS_IN_USE")
    assert error(api.call("PATCH", path, json=at("10.200.0.0/22"))) == (409, "CONTAINERS_IN_USE")


def test_in_use_by_a_peer_that_is_being_deleted(start):
    """Its deletion takes a step."""
    api = start(step_seconds=60)
    path = f"/containers/{api.emulator.project.first_container_id}"
    api.call("DELETE", f"/peers/{api.make_peer()['id']}")
    assert error(api.call("DELETE", path)) == (409, "CONTAINERS_IN_USE")
    assert error(api.call("PATCH", path, json=at("10.200.0.0/22"))) == (409, "CONTAINERS_IN_USE")


def test_another_region_is_another_container(api):
    """It can be made again after it was deleted; its peers are its own."""
    body = {"regionName": "EU_WEST_1", "atlasCidrBlock": "10.200.0.0/22"}
    made = api.call("POST", "/containers", json=body).json()["id"]
    api.make_peer()
    assert error(api.call("POST", "/containers", json=body)) == (409, "CONTAINER_ALREADY_EXISTS")
    assert api.call("PATCH", f"/containers/{made}", json=at("10.201.0.0/24", "EU_WEST_1")).status_code == 200
    assert api.call("DELETE", f"/containers/{made}").status_code == 204
    assert api.call("POST", "/containers", json=body).json()["id"] != made


def test_a_network_goes_with_the_last_peer(api):
    """As the documentation of v1.0 has it, `provisioned` says whether there are connections; Terraform waits for its end."""
    path = f"/containers/{api.emulator.project.first_container_id}"
    peers = [api.make_peer()["id"] for unused in range(2)]
    seen = []
    for peer_id in peers:
        seen.append(api.call("GET", path).json()["vpcId"])
        api.call("DELETE", f"/peers/{peer_id}")
    assert seen[0]
    assert seen[0] == seen[1]
    unused = api.call("GET", path).json()
    assert (unused["provisioned"], unused["vpcId"]) == (False, None)
    assert api.call("DELETE", path).status_code == 204


def test_v1_needs_the_container_where_it_is_not_clear(old_api):
    """With several, the accepter's region decides."""
    second = old_api.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()["id"]
    body = old_api.new_peer(containerId=None)
    assert old_api.call("POST", "/peers", json=body | {"accepterRegionName": "eu-west-1"}).json()["containerId"] == second
    body = old_api.new_peer(containerId=None, accepterRegionName=None)
    assert error(old_api.call("POST", "/peers", json=body)) == (400, "MISSING_ATTRIBUTE")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_ids(api, method):
    """Unknown and impossible ids are told apart."""
    assert error(api.call(method, f"/containers/{MISSING_ID}", json={})) == (404, "CLOUD_PROVIDER_CONTAINER_NOT_FOUND")
    assert error(api.call(method, "/containers/short", json={})) == (400, "PATH_PARAM_PARSE_ERROR")
