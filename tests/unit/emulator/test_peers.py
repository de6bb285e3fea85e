"""Peers over HTTP: what is accepted, and each error that FACTS.md lists."""

from __future__ import annotations

import re

import pytest

MISSING_ID = "0" * 24
UUID = "0b0b0b0b-0000-4000-8000-000000000000"
FIELDS = {
    "id",
    "providerName",
    "containerId",
    "accepterRegionName",
    "awsAccountId",
    "vpcId",
    "routeTableCidrBlock",
    "connectionId",
    "statusName",
    "errorStateName",
}


def check_error(response, status, code, *parameters):
    """Compare an error with the documented form."""
    body = response.json()
    assert (response.status_code, body["errorCode"]) == (status, code), response.text
    assert body["error"] == status
    assert body["reason"]
    assert body["parameters"] == list(parameters)
    assert all(str(parameter) in body["detail"] for parameter in parameters if code not in ("MISSING_ATTRIBUTE",))
    assert (response.headers["X-Error-Code"], response.headers["Content-Type"]) == (code, "application/json")


def test_example_of_the_old_documentation(old_api):
    """Three fields are enough in v1.0, in the form of the documentation's example."""
    body = {"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "192.168.0.0/24"}
    response = old_api.call("POST", "/peers", json=body)
    assert response.status_code == 200
    assert old_api.group.endswith("/api/atlas/v1.0/groups/5356823b3794dee37132bb7b")
    peer = response.json()
    assert body.items() <= peer.items()
    assert peer["containerId"] == old_api.emulator.project.first_container_id
    assert (peer["statusName"], peer["connectionId"], peer["errorStateName"]) == ("INITIATING", None, None)


def test_fields_of_a_peer(api):
    """Every field is there, null or not."""
    created = api.make_peer()
    assert created.keys() == FIELDS
    assert re.fullmatch("[0-9a-f]{24}", created["id"])
    peer = api.call("GET", f"/peers/{created['id']}").json()
    assert (peer.keys(), peer["statusName"]) == (FIELDS, "PENDING_ACCEPTANCE")
    assert re.fullmatch("pcx-[0-9a-f]{17}", peer["connectionId"])
    changed = {"statusName", "connectionId"}
    assert {name: created[name] for name in FIELDS - changed} == {name: peer[name] for name in FIELDS - changed}


@pytest.mark.parametrize(
    ("sent", "shown"), [("us-east-1", None), ("US_EAST_1", None), ("eu-west-1", "eu-west-1"), ("EU_WEST_1", "eu-west-1")]
)
def test_region_of_the_accepter(api, sent, shown):
    """Both forms mean the same, and the container's own region is shown as null."""
    peer = api.make_peer(accepterRegionName=sent)
    assert peer["accepterRegionName"] == shown
    for same in (sent, sent.lower().replace("_", "-")):
        assert api.update_peer(peer, accepterRegionName=same).status_code == 200
    check_error(api.update_peer(peer, accepterRegionName="ap-south-1"), 400, "INVALID_ATTRIBUTE", "accepterRegionName")


def test_null_says_the_same_as_nothing(api):
    """For writable and read-only attributes alike."""
    assert api.make_peer()["statusName"] == "INITIATING"
    body = api.new_peer() | {"connectionId": None, "id": None}
    assert api.call("POST", "/peers", json=body).status_code == 200
    check_error(api.call("POST", "/peers", json=api.new_peer() | {"vpcId": None}), 400, "MISSING_ATTRIBUTE", "vpcId")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"a"', b"null", b"7", b"{'a': 1}", b'{"a": NaN}', b"\xff{", b"[" * 100_000])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_broken_bodies(api, method, raw):
    """Whatever is no JSON object."""
    path = "/peers" if method == "POST" else f"/peers/{api.make_peer()['id']}"
    response = api.call(method, path, data=raw, headers={"Content-Type": "application/json"})
    check_error(response, 400, "INVALID_JSON")


@pytest.mark.parametrize(
    ("changes", "code", "parameters"),
    [
        ({"containerId": None}, "MISSING_ATTRIBUTE", ["containerId"]),
        ({"accepterRegionName": None}, "MISSING_ATTRIBUTE", ["accepterRegionName"]),
        ({"awsAccountId": None}, "MISSING_ATTRIBUTE", ["awsAccountId"]),
        ({"vpcId": None}, "MISSING_ATTRIBUTE", ["vpcId"]),
        ({"routeTableCidrBlock": None}, "MISSING_ATTRIBUTE", ["routeTableCidrBlock"]),
        ({"surprise": 1}, "INVALID_ATTRIBUTE", ["surprise"]),
        ({"networkName": "default"}, "INVALID_ATTRIBUTE", ["networkName"]),
        ({"vpcId": 5}, "INVALID_ATTRIBUTE", ["vpcId"]),
        ({"vpcId": "pcx-0123456789abcdef0"}, "INVALID_ATTRIBUTE", ["vpcId"]),
        ({"awsAccountId": 123456789012}, "INVALID_ATTRIBUTE", ["awsAccountId"]),
        ({"awsAccountId": "12345678901"}, "INVALID_ATTRIBUTE", ["awsAccountId"]),
        ({"containerId": "short"}, "INVALID_ATTRIBUTE", ["containerId"]),
        ({"accepterRegionName": ["us-east-1"]}, "INVALID_ATTRIBUTE", ["accepterRegionName"]),
        ({"routeTableCidrBlock": {}}, "INVALID_ATTRIBUTE", ["routeTableCidrBlock"]),
        ({"providerName": 1}, "INVALID_ATTRIBUTE", ["providerName"]),
        ({"providerName": "aws"}, "INVALID_JSON", []),
        ({"providerName": "OCI"}, "INVALID_ENUM_VALUE", ["providerName", "OCI"]),
        ({"id": MISSING_ID}, "ATTRIBUTE_READ_ONLY", ["id"]),
        ({"statusName": "AVAILABLE"}, "ATTRIBUTE_READ_ONLY", ["statusName"]),
        ({"connectionId": "pcx-1"}, "ATTRIBUTE_READ_ONLY", ["connectionId"]),
        ({"errorStateName": "EXPIRED"}, "ATTRIBUTE_READ_ONLY", ["errorStateName"]),
        ({"accepterRegionName": "mars-1"}, "INVALID_REGION", ["mars-1"]),
        *(
            ({"routeTableCidrBlock": block}, "INVALID_CIDR_BLOCK", [block])
            for block in ("10.0.0.0", "10.0.0.0/33", "10.0.0.300/32", "10.0.0.1/24", "fd00::/8", "text", "10.0.0.0/255.0.0.0", "")
        ),
        *(
            ({"routeTableCidrBlock": block}, "INVALID_ROUTE_TABLE_CIDR", [block])
            for block in ("8.8.8.0/24", "0.0.0.0/0", "10.0.0.0/7", "172.32.0.0/16", "127.0.0.0/8")
        ),
    ],
    ids=str,
)
def test_creation_refused(api, changes, code, parameters):
    """A body with one fault is refused for that fault, and nothing is made."""
    check_error(api.call("POST", "/peers", json=api.new_peer(**changes)), 400, code, *parameters)
    assert api.emulator.project.list_peers() == []


def test_field_is_told_in_the_detail(api):
    """Errors about an attribute name it a second time."""
    fields = api.call("POST", "/peers", json=api.new_peer(surprise=1)).json()["badRequestDetail"]["fields"]
    assert [field["field"] for field in fields] == ["surprise"]


def test_unknown_container(api):
    """The service has answered 500 here; an unknown id is what it means."""
    response = api.call("POST", "/peers", json=api.new_peer(containerId=MISSING_ID))
    check_error(response, 404, "CLOUD_PROVIDER_CONTAINER_NOT_FOUND", MISSING_ID)


def test_second_peer_of_a_pair(api):
    """Also a failed one still holds its pair, until it is gone."""
    peer = api.make_peer()
    pair = {name: peer[name] for name in ("awsAccountId", "vpcId")}
    check_error(api.call("POST", "/peers", json=api.new_peer(**pair)), 409, "PEER_ALREADY_EXISTS", *pair.values())
    assert api.control("POST", f"/peers/{peer['id']}/reject").status_code == 200
    check_error(api.call("POST", "/peers", json=api.new_peer(**pair)), 409, "PEER_ALREADY_EXISTS", *pair.values())
    api.call("DELETE", f"/peers/{peer['id']}")
    assert api.make_peer(**pair)["id"] != peer["id"]
    assert api.make_peer(**pair | {"awsAccountId": "210987654321"})["vpcId"] == pair["vpcId"]


def test_a_pair_is_known_in_its_container(api):
    """One VPC is peered once with each container to reach; in each it holds pair and block, also after it has failed."""
    peer = api.make_peer()
    same = {name: peer[name] for name in ("awsAccountId", "vpcId", "routeTableCidrBlock")}
    other = api.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()["id"]
    second = api.make_peer(containerId=other, **same)
    assert (second["containerId"], second["vpcId"]) == (other, peer["vpcId"])
    pair = (peer["awsAccountId"], peer["vpcId"])
    for container_id in (peer["containerId"], other):
        response = api.call("POST", "/peers", json=api.new_peer(containerId=container_id, **same))
        check_error(response, 409, "PEER_ALREADY_EXISTS", *pair)
    api.control("POST", f"/peers/{second['id']}/fail")
    check_error(api.call("POST", "/peers", json=api.new_peer(containerId=other, **same)), 409, "PEER_ALREADY_EXISTS", *pair)
    block = same["routeTableCidrBlock"]
    response = api.call("POST", "/peers", json=api.new_peer(containerId=other, routeTableCidrBlock=block))
    check_error(response, 409, "OVERLAPPING_CIDR_BLOCK", block)
    api.call("DELETE", f"/peers/{second['id']}")
    assert api.make_peer(containerId=other, **same)["id"] != second["id"]


def test_a_network_on_azure_is_known_in_its_container(api):
    """The same, with a container a region."""
    fields = {"azureSubscriptionId": UUID, "vnetName": "net", "azureDirectoryId": UUID, "resourceGroupName": "group"}
    bodies = [
        {"providerName": "AZURE", "containerId": api.call("POST", "/containers", json=place).json()["id"], **fields}
        for place in (
            {"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": "10.8.0.0/21"},
            {"providerName": "AZURE", "region": "EUROPE_NORTH", "atlasCidrBlock": "10.16.0.0/21"},
        )
    ]
    assert [api.call("POST", "/peers", json=body).status_code for body in bodies] == [200, 200]
    for body in bodies:
        check_error(api.call("POST", "/peers", json=body), 409, "PEER_ALREADY_EXISTS_AZURE", UUID, "net")


@pytest.mark.parametrize("block", ["10.200.0.0/16", "10.200.1.0/24", "10.0.0.0/8"])
def test_overlapping_peers(api, block):
    """Equal, inside or around."""
    api.make_peer(routeTableCidrBlock="10.200.0.0/16")
    check_error(api.call("POST", "/peers", json=api.new_peer(routeTableCidrBlock=block)), 409, "OVERLAPPING_CIDR_BLOCK", block)
    other = api.make_peer(routeTableCidrBlock="172.16.0.0/24")
    response = api.update_peer(other, routeTableCidrBlock=block)
    check_error(response, 409, "OVERLAPPING_CIDR_BLOCK", block)
    assert api.call("GET", f"/peers/{other['id']}").json()["routeTableCidrBlock"] == "172.16.0.0/24"


def test_overlapping_container(api):
    """Only the blocks of one container have to differ."""
    response = api.call("POST", "/peers", json=api.new_peer(routeTableCidrBlock="192.168.0.0/16"))
    check_error(response, 409, "OVERLAPPING_ATLAS_CIDR_BLOCK", "192.168.0.0/16")
    api.make_peer(routeTableCidrBlock="10.0.0.0/8")
    container = api.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()
    assert api.make_peer(routeTableCidrBlock="10.0.0.0/8", containerId=container["id"])["containerId"] == container["id"]


def test_limits(start):
    """The limit is told, of all peers and of those that nobody has accepted."""
    api = start(step_seconds=0, max_peers=3, max_pending_peers=2)
    first, _second = api.make_peer(), api.make_peer()
    check_error(api.call("POST", "/peers", json=api.new_peer()), 409, "PEER_MAXIMUM_REACHED", 2)
    api.control("POST", f"/peers/{first['id']}/accept")
    api.make_peer()
    check_error(api.call("POST", "/peers", json=api.new_peer()), 409, "PEER_MAXIMUM_REACHED", 3)
    api.call("DELETE", f"/peers/{first['id']}")
    api.control("POST", f"/peers/{api.emulator.project.list_peers()[0]['id']}/accept")
    assert api.make_peer()


def test_update(api):
    """The routed block changes, the rest may be repeated."""
    peer = api.make_peer()
    whole = api.new_peer() | {name: peer[name] for name in ("awsAccountId", "vpcId")} | {"routeTableCidrBlock": "172.20.0.0/16"}
    response = api.call("PATCH", f"/peers/{peer['id']}", json=whole)
    assert response.status_code == 200
    assert response.json()["routeTableCidrBlock"] == "172.20.0.0/16"
    assert api.update_peer(peer, routeTableCidrBlock="172.20.1.0/24").json()["routeTableCidrBlock"] == "172.20.1.0/24"
    assert api.call("GET", f"/peers/{peer['id']}").json()["routeTableCidrBlock"] == "172.20.1.0/24"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vpcId": "vpc-abcdef0123456789a"}, "INVALID_ATTRIBUTE"),
        ({"awsAccountId": "999999999999"}, "INVALID_ATTRIBUTE"),
        ({"containerId": MISSING_ID}, "INVALID_ATTRIBUTE"),
        ({"surprise": True}, "INVALID_ATTRIBUTE"),
        ({"statusName": "AVAILABLE"}, "ATTRIBUTE_READ_ONLY"),
        ({"providerName": "TENANT"}, "INVALID_ENUM_VALUE"),
        ({"routeTableCidrBlock": "8.8.8.0/24"}, "INVALID_ROUTE_TABLE_CIDR"),
        ({"routeTableCidrBlock": "10.0.0.1/24"}, "INVALID_CIDR_BLOCK"),
    ],
    ids=str,
)
def test_update_refused(api, changes, code):
    """What needs a new peer cannot be changed."""
    peer = api.make_peer()
    response = api.update_peer(peer, **changes)
    assert (response.status_code, response.json()["errorCode"]) == (400, code)
    unchanged = api.call("GET", f"/peers/{peer['id']}").json()
    assert {name: unchanged[name] for name in ("vpcId", "routeTableCidrBlock")}.items() <= peer.items()


@pytest.mark.parametrize("name", ["accepterRegionName", "awsAccountId", "containerId", "routeTableCidrBlock", "vpcId"])
def test_update_needs_the_whole_peer_in_v2(api, old_api, name):
    """As the published description says; v1.0 does not mind. What is null in a reply is not there either."""
    peer = api.make_peer()
    check_error(api.update_peer(peer, **{name: None}), 400, "MISSING_ATTRIBUTE", name)
    assert api.update_peer(peer, providerName=None).status_code == 200
    assert peer["accepterRegionName"] is None
    body = {field: value for field, value in peer.items() if field not in ("id", "statusName", "connectionId", "errorStateName")}
    check_error(api.call("PATCH", f"/peers/{peer['id']}", json=body), 400, "MISSING_ATTRIBUTE", "accepterRegionName")
    changed = old_api.call("PATCH", f"/peers/{peer['id']}", json={"routeTableCidrBlock": "172.20.0.0/16"})
    assert (changed.status_code, changed.json()["routeTableCidrBlock"]) == (200, "172.20.0.0/16")
    assert old_api.call("PATCH", f"/peers/{peer['id']}", json={}).status_code == 200


def test_update_of_another_provider(api):
    """Without its name the service looks among AWS's peers only, and the other way round."""
    peer = api.make_peer()
    group = api.emulator.settings.group_id
    response = api.call("PATCH", f"/peers/{peer['id']}", json={"providerName": "GCP"})
    check_error(response, 404, "PEER_NOT_FOUND", peer["id"], group)


def test_deletion(start):
    """Accepted with an empty object; listed until it is over; not to be repeated or changed."""
    api = start(step_seconds=0.3)
    peer = api.make_peer()
    path = f"/peers/{peer['id']}"
    response = api.call("DELETE", path)
    assert (response.status_code, response.json()) == (202, {})
    assert [one["statusName"] for one in api.call("GET", "/peers").json()["results"]] == ["TERMINATING"]
    check_error(api.call("DELETE", path), 409, "PEER_ALREADY_REQUESTED_DELETION", peer["id"])
    response = api.update_peer(peer, routeTableCidrBlock="172.20.0.0/16")
    check_error(response, 409, "PEER_INVALID_STATE", peer["id"], api.emulator.settings.group_id)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_ids(api, method):
    """Unknown and impossible ids are told apart, the latter as in issue 906 of terraform-provider-mongodbatlas."""
    group = api.emulator.settings.group_id
    check_error(api.call(method, f"/peers/{MISSING_ID}", json={}), 404, "PEER_NOT_FOUND", MISSING_ID, group)
    response = api.call(method, "/peers/pcx-0123456789abcdef0", json={})
    assert (response.status_code, response.json()["errorCode"]) == (400, "PATH_PARAM_PARSE_ERROR")
    assert response.json()["parameters"] == ["peerId", "pcx-0123456789abcdef0"]


@pytest.mark.parametrize(
    ("provider", "container", "fields", "duplicate"),
    [
        (
            "AZURE",
            {"region": "US_EAST_2", "atlasCidrBlock": "192.168.0.0/21"},
            {"azureSubscriptionId": UUID, "vnetName": "net", "azureDirectoryId": UUID, "resourceGroupName": "group"},
            "PEER_ALREADY_EXISTS_AZURE",
        ),
        (
            "GCP",
            {"atlasCidrBlock": "10.8.0.0/18"},
            {"gcpProjectId": "my-project", "networkName": "default"},
            "PEER_ALREADY_EXISTS_GCP",
        ),
    ],
)
def test_other_providers(api, provider, container, fields, duplicate):
    """They have lists, fields and duplicates of their own."""
    container_id = api.call("POST", "/containers", json={"providerName": provider, **container}).json()["id"]
    body = {"providerName": provider, "containerId": container_id, **fields}
    peer = api.call("POST", "/peers", json=body).json()
    assert body.items() <= peer.items()
    assert peer["status"] == "ADDING_PEER"
    assert "statusName" not in peer
    assert api.call("GET", "/peers").json()["results"] == []
    assert [one["id"] for one in api.call("GET", f"/peers?providerName={provider}").json()["results"]] == [peer["id"]]
    check_error(api.call("POST", "/peers", json=body), 409, duplicate, *(fields[name] for name in list(fields)[:2]))
    first = next(iter(fields))
    without = {name: value for name, value in body.items() if name != first}
    check_error(api.call("POST", "/peers", json=without), 400, "MISSING_ATTRIBUTE", first)
    wrong = body | {"containerId": api.emulator.project.first_container_id}
    assert api.call("POST", "/peers", json=wrong).json()["errorCode"] == "CLOUD_PROVIDER_CONTAINER_NOT_FOUND"
    assert api.call("PATCH", f"/peers/{peer['id']}", json={}).json()["errorCode"] == "PEER_NOT_FOUND"
    assert api.call("PATCH", f"/peers/{peer['id']}", json=body).status_code == 200
    for name in ("containerId", *fields):
        lacking = {field: value for field, value in body.items() if field != name}
        check_error(api.call("PATCH", f"/peers/{peer['id']}", json=lacking), 400, "MISSING_ATTRIBUTE", name)
    assert api.call("DELETE", f"/peers/{peer['id']}").status_code == 202
    assert api.status_of(peer["id"]) is None
