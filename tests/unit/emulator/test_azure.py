"""Connections on Azure: the role, the states, and what the customers' networks have to do with them."""

from __future__ import annotations

import time

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.azure import Azure, vnet_id
from ansible_collections.cloudpeer.atlas.tests.clouds.control import Control
from ansible_collections.cloudpeer.atlas.tests.clouds.entra import Entra
from ansible_collections.cloudpeer.atlas.tests.clouds.gcp import Gcp
from ansible_collections.cloudpeer.atlas.tests.clouds.server import serving
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project

UUID = "0b0b0b0b-0000-4000-8000-00000000000b"
FIELDS = {"azureSubscriptionId": UUID, "azureDirectoryId": UUID, "resourceGroupName": "group", "vnetName": "net"}
UNREACHABLE, INVALID = "AZURE_CUSTOMER_NETWORK_UNREACHABLE", "AZURE_CUSTOMER_NETWORK_VALIDATION_FAILED"
VNET = (UUID, "group", "net")


def add_container(api, region="US_EAST_2", block="10.8.0.0/21"):
    """Make a container and return its id."""
    body = {"providerName": "AZURE", "region": region, "atlasCidrBlock": block}
    response = api.call("POST", "/containers", json=body)
    assert response.status_code == 200, response.text
    return response.json()["id"]


def body_for(container_id, **fields):
    """Return the body of a POST."""
    return {"providerName": "AZURE", "containerId": container_id, **FIELDS, **fields}


def post(api, container_id, **fields):
    """Send such a POST."""
    return api.call("POST", "/peers", json=body_for(container_id, **fields))


def code(response):
    """Return status and code of an error."""
    return response.status_code, response.json().get("errorCode")


def control(api, path, **body):
    """Send a request to a control path."""
    url = f"{api.emulator.base_url}/emulator{path}"
    return api.session.post(url, json=body, auth=None, timeout=30)


def role(api, **body):
    """Say what Atlas is to know about its role."""
    response = control(api, "/azure/role", **body)
    assert response.status_code == 200, response.text


def show(api, peer_id):
    """Return state and error of a connection, None if it is gone."""
    response = api.call("GET", f"/peers/{peer_id}")
    return None if response.status_code == 404 else (response.json()["status"], response.json()["errorState"])


@pytest.fixture
def on_clock(api, clock):
    """Return a client of an emulator whose project lives on a clock, ten seconds a state."""
    before = api.emulator.project
    settings = type(before.settings)(step_seconds=10)
    api.emulator.project = Project(settings, clock)
    yield api
    api.emulator.project = before


def test_life(on_clock, clock):
    """Nobody has to act; what is null at first, and that the container has its network with the first connection."""
    api = on_clock
    container_id = add_container(api)
    container = api.call("GET", f"/containers/{container_id}").json()
    assert (container["provisioned"], container["azureSubscriptionId"], container["vnetName"]) == (False, None, None)
    peer = post(api, container_id).json()
    assert peer == {"id": peer["id"], **body_for(container_id), "status": "ADDING_PEER", "errorState": None}
    clock.sleep(9)
    assert show(api, peer["id"]) == ("ADDING_PEER", None)
    clock.sleep(1)
    assert show(api, peer["id"]) == ("AVAILABLE", None)
    container = api.call("GET", f"/containers/{container_id}").json()
    assert container["provisioned"] is True
    # An id of Atlas's own form, and not the subscription of anybody.
    assert len(container["azureSubscriptionId"]) == 24
    assert container["vnetName"].startswith("vnet_")
    assert control(api, f"/peers/{peer['id']}/accept").status_code == 409
    assert api.call("DELETE", f"/peers/{peer['id']}").status_code == 202
    assert show(api, peer["id"]) == ("DELETING", None)
    assert [one["status"] for one in api.call("GET", "/peers?providerName=AZURE").json()["results"]] == ["DELETING"]
    clock.sleep(10)
    assert show(api, peer["id"]) is None
    container = api.call("GET", f"/containers/{container_id}").json()
    assert (container["provisioned"], container["azureSubscriptionId"], container["vnetName"]) == (False, None, None)


def test_lists_show_aws_unless_another_is_named(api):
    """Also the newest connection, of whichever provider."""
    peer_id = post(api, add_container(api)).json()["id"]
    assert api.call("GET", "/peers").json()["results"] == []
    assert api.call("GET", "/peers?providerName=GCP").json()["results"] == []
    assert [one["id"] for one in api.call("GET", "/peers?providerName=AZURE").json()["results"]] == [peer_id]
    assert api.call("GET", "/peers?providerName=Azure").json()["results"][0]["id"] == peer_id


@pytest.mark.parametrize(("error", "status"), [(UNREACHABLE, 404), (INVALID, 400)])
def test_refused_until_the_role_is_known(on_clock, clock, error, status):
    """Without parameters, and without a trace; once the role is given, for a while from the first request that finds it."""
    api = on_clock
    container_id = add_container(api)
    role(api, given=False, error=error)
    response = post(api, container_id)
    assert code(response) == (status, error)
    assert response.json()["parameters"] == []
    clock.sleep(1000)
    assert code(post(api, container_id)) == (status, error)
    role(api, seconds=20, error=error)
    clock.sleep(1000)
    assert code(post(api, container_id)) == (status, error)
    clock.sleep(19)
    assert code(post(api, container_id)) == (status, error)
    assert api.call("GET", "/peers?providerName=AZURE").json()["results"] == []
    clock.sleep(1)
    assert post(api, container_id).status_code == 200


def test_role_of_one_network(api):
    """A rule for one name, in any case, leaves the others alone, and a reset forgets it."""
    container_id = add_container(api)
    role(api, vnet_name="NET", given=False)
    assert code(post(api, container_id)) == (404, UNREACHABLE)
    assert post(api, container_id, vnetName="other").status_code == 200
    role(api, vnet_name="net")
    assert post(api, container_id).status_code == 200
    role(api, given=False)
    assert control(api, "/reset").status_code == 204
    assert post(api, add_container(api)).status_code == 200


def test_time_before_the_role_is_known_is_an_option(start):
    """It holds for each network, from the first request that finds the role."""
    api = start(step_seconds=0, azure_role_seconds=0.3)
    container_id = add_container(api)
    assert code(post(api, container_id)) == (404, UNREACHABLE)
    began = time.monotonic()
    while code(response := post(api, container_id)) == (404, UNREACHABLE):
        assert time.monotonic() - began < 10
    assert response.status_code == 200


@pytest.mark.parametrize(
    "body", [{"given": 1}, {"seconds": -1}, {"seconds": True}, {"error": "PEER_NOT_FOUND"}, {"vnet_name": 1}, {"surprise": 1}]
)
def test_what_cannot_be_said_of_the_role(api, body):
    """Mistakes in a test are told."""
    assert control(api, "/azure/role", **body).status_code == 400


def test_names_are_compared_without_case(api):
    """The pair is told as it was sent; a reply shows it as it was made."""
    container_id = add_container(api)
    peer = post(api, container_id).json()
    response = post(api, container_id, azureSubscriptionId=UUID.upper(), vnetName="NET", resourceGroupName="elsewhere")
    assert code(response) == (409, "PEER_ALREADY_EXISTS_AZURE")
    assert response.json()["parameters"] == [UUID.upper(), "NET"]
    assert api.call("GET", f"/peers/{peer['id']}").json()["vnetName"] == "net"
    assert control(api, "/peers/NeT/fail").json()["id"] == peer["id"]


def test_overlapping_blocks_at_one_network(start):
    """It is no error of the POST: the connection fails with a sentence. Another project counts, and a block apart does not."""
    api = start(step_seconds=0, groups=2)
    first, far = add_container(api), add_container(api, "EUROPE_NORTH", "10.16.0.0/21")
    kept = post(api, first).json()["id"]
    assert show(api, kept) == ("AVAILABLE", None)
    assert show(api, post(api, far).json()["id"]) == ("AVAILABLE", None)
    group = api.group
    api.group = f"{api.root}/groups/{api.emulator.projects[1].id}"
    elsewhere = add_container(api, "US_EAST_2", "10.8.4.0/22")
    failed = post(api, elsewhere, vnetName="Net").json()["id"]
    status, text = show(api, failed)
    assert status == "FAILED"
    assert "10.8.4.0/22" in text
    assert show(api, post(api, elsewhere, vnetName="other").json()["id"]) == ("AVAILABLE", None)
    # Once the other one is gone, there is room. A connection that has failed is deleted before it is made again.
    api.call("DELETE", f"{group}/peers/{kept}")
    assert api.call("GET", f"{group}/peers/{kept}").status_code == 404
    assert show(api, failed)[0] == "FAILED"
    assert code(post(api, elsewhere, vnetName="Net")) == (409, "PEER_ALREADY_EXISTS_AZURE")
    api.call("DELETE", f"/peers/{failed}")
    assert show(api, post(api, elsewhere).json()["id"]) == ("AVAILABLE", None)


def test_a_free_text_is_the_error(api):
    """Whatever the control says, while it is made or when it has been available."""
    container_id = add_container(api)
    peer_id = post(api, container_id).json()["id"]
    assert show(api, peer_id) == ("AVAILABLE", None)
    assert control(api, f"/peers/{peer_id}/fail", error="RETRYABLE").json()["errorState"] == "RETRYABLE"
    assert show(api, peer_id) == ("FAILED", "RETRYABLE")
    other = post(api, container_id, vnetName="other").json()["id"]
    assert control(api, "/peers/other/fail").json()["errorState"] == "Internal Error"
    assert control(api, f"/peers/{other}/fail", error=1).status_code == 400
    assert control(api, f"/peers/{other}/fail", errorState="x").status_code == 400
    for action in ("reject", "expire"):
        third = post(api, container_id, vnetName=action).json()["id"]
        assert control(api, f"/peers/{third}/{action}").status_code == 409
    aws = api.make_peer()["id"]
    assert control(api, f"/peers/{aws}/fail", error="RETRYABLE").status_code == 400
    assert control(api, f"/peers/{aws}/fail", error="EXPIRED").json()["errorStateName"] == "EXPIRED"


def test_an_available_connection_fails_without_the_role(api):
    """And its deletion, until the role is there again."""
    container_id = add_container(api)
    peer_id = post(api, container_id).json()["id"]
    assert show(api, peer_id) == ("AVAILABLE", None)
    role(api, vnet_name="other", given=False)
    assert show(api, peer_id) == ("AVAILABLE", None)
    role(api, given=False)
    status, text = show(api, peer_id)
    assert status == "FAILED"
    assert "net" in text
    assert api.call("DELETE", f"/peers/{peer_id}").status_code == 202
    status, text = show(api, peer_id)
    assert status == "DELETION_FAILED"
    assert "net" in text
    assert code(post(api, container_id, vnetName="NET")) == (409, "PEER_ALREADY_EXISTS_AZURE")
    assert code(api.call("DELETE", f"/containers/{container_id}")) == (409, "CONTAINERS_IN_USE")
    role(api)
    assert api.call("DELETE", f"/peers/{peer_id}").status_code == 202
    assert show(api, peer_id) is None


def test_deletions_fail_as_often_as_the_control_says(on_clock, clock):
    """The first by default; the connection is still listed then, and a DELETE is taken again."""
    api = on_clock
    container_id = add_container(api)
    peer_id = post(api, container_id).json()["id"]
    clock.sleep(10)
    assert control(api, f"/peers/{peer_id}/fail-deletion", times=2, error="no way").status_code == 200
    for _attempt in range(2):
        assert api.call("DELETE", f"/peers/{peer_id}").status_code == 202
        assert show(api, peer_id)[0] == "DELETING"
        assert code(api.call("DELETE", f"/peers/{peer_id}")) == (409, "PEER_ALREADY_REQUESTED_DELETION")
        clock.sleep(10)
        assert show(api, peer_id) == ("DELETION_FAILED", "no way")
        clock.sleep(100)
        assert show(api, peer_id) == ("DELETION_FAILED", "no way")
        assert len(api.call("GET", "/peers?providerName=AZURE").json()["results"]) == 1
    api.call("DELETE", f"/peers/{peer_id}")
    clock.sleep(10)
    assert show(api, peer_id) is None
    other = post(api, container_id, vnetName="other").json()["id"]
    assert control(api, "/peers/other/fail-deletion").status_code == 200
    api.call("DELETE", f"/peers/{other}")
    clock.sleep(10)
    assert show(api, other) == ("DELETION_FAILED", "Internal Error")
    assert control(api, "/peers/other/fail-deletion", times=-1).status_code == 400
    assert control(api, f"/peers/{api.make_peer()['id']}/fail-deletion").status_code == 409


def test_limits_are_those_of_all_clouds(start):
    """Those that are being added are pending; a failed one still has its place."""
    api = start(step_seconds=60, max_peers=3, max_pending_peers=2)
    container_id = add_container(api)
    first = post(api, container_id).json()["id"]
    api.make_peer()
    response = post(api, container_id, vnetName="other")
    assert (code(response), response.json()["parameters"]) == ((409, "PEER_MAXIMUM_REACHED"), [2])
    control(api, f"/peers/{first}/fail")
    assert post(api, container_id, vnetName="other").status_code == 200
    response = api.call("POST", "/peers", json=api.new_peer())
    assert (code(response), response.json()["parameters"]) == ((409, "PEER_MAXIMUM_REACHED"), [3])


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_can_be_changed(api, field):
    """A PATCH that only repeats is taken; another value is refused, and so is a provider in another case."""
    container_id = add_container(api)
    peer = post(api, container_id).json()
    path, body = f"/peers/{peer['id']}", body_for(container_id)
    assert api.call("PATCH", path, json=body).status_code == 200
    other = UUID.replace("b", "c") if "Id" in field else "other"
    response = api.call("PATCH", path, json={**body, field: other})
    assert (code(response), response.json()["parameters"]) == ((400, "INVALID_ATTRIBUTE"), [field])
    assert code(api.call("PATCH", path, json={**body, "providerName": "Azure"})) == (400, "INVALID_JSON")
    # As users have seen it: without the provider the service looks for one on AWS.
    assert api.call("PATCH", path, json={"providerName": "AWS"}).status_code in (400, 404)
    assert api.call("GET", path).json()[field] == peer[field]


def test_a_provider_in_another_case_is_no_json(api):
    """So users have seen it, while a name that nobody knows is told."""
    container_id = add_container(api)
    for name in ("Azure", "azure", "gcp", "aws"):
        assert code(post(api, container_id, providerName=name)) == (400, "INVALID_JSON")
    assert code(post(api, container_id, providerName="TENANT")) == (400, "INVALID_ENUM_VALUE")


@pytest.fixture
def azure():
    """Return a stand-in with one virtual network, where Atlas has its role."""
    azure = Azure(Entra())
    azure.add_vnet(*VNET, prefixes=["10.20.0.0/16"])
    azure.add_role(*VNET)
    return azure


@pytest.fixture
def with_stand_in(azure, start):
    """Return a client of an emulator that asks the stand-in."""
    with serving(Control(Gcp(), azure).app()) as url:
        yield start(step_seconds=0, clouds_url=url)


def take_role(azure):
    """Take Atlas's role away."""
    azure.roles.forget(vnet_id(*VNET))


def peerings_in(azure):
    """Return the peerings of the network: by name, the blocks on the other side."""
    [network] = azure.show_vnets()
    return network["peerings"]


def test_the_stand_in_says_whether_the_role_is_there(with_stand_in, azure):
    """And has Atlas's peering while there is one."""
    api = with_stand_in
    container_id = add_container(api)
    assert code(post(api, container_id, vnetName="unknown")) == (404, UNREACHABLE)
    assert code(post(api, container_id, resourceGroupName="unknown")) == (404, UNREACHABLE)
    take_role(azure)
    assert code(post(api, container_id)) == (404, UNREACHABLE)
    azure.add_role(*VNET)
    peer_id = post(api, container_id, vnetName="Net", resourceGroupName="GROUP").json()["id"]
    assert show(api, peer_id) == ("AVAILABLE", None)
    assert list(peerings_in(azure).values()) == [["10.8.0.0/21"]]
    api.call("DELETE", f"/peers/{peer_id}")
    assert show(api, peer_id) is None
    assert peerings_in(azure) == {}


def test_blocks_in_the_stand_in_count(with_stand_in, azure):
    """The network's own, and those of a peering that somebody else has left there."""
    api = with_stand_in
    azure.add_peering(*VNET, "left-over", "/subscriptions/somebody", ["10.8.0.0/16"])
    for region, block in (("US_EAST_2", "10.8.0.0/21"), ("EUROPE_NORTH", "10.20.0.0/21")):
        status, text = show(api, post(api, add_container(api, region, block)).json()["id"])
        assert status == "FAILED"
        assert block in text
        assert list(peerings_in(azure)) == ["left-over"]


def test_a_connection_fails_with_its_network(with_stand_in, azure):
    """If the network is deleted, or the role taken away; the deletion needs the role only where there is a network."""
    api = with_stand_in
    container_id = add_container(api)
    peer_id = post(api, container_id).json()["id"]
    assert show(api, peer_id) == ("AVAILABLE", None)
    take_role(azure)
    assert show(api, peer_id)[0] == "FAILED"
    azure.add_role(*VNET)
    assert show(api, peer_id)[0] == "FAILED"
    take_role(azure)
    api.call("DELETE", f"/peers/{peer_id}")
    assert show(api, peer_id)[0] == "DELETION_FAILED"
    azure.remove_vnet(*VNET)
    api.call("DELETE", f"/peers/{peer_id}")
    assert show(api, peer_id) is None
    azure.add_vnet(*VNET, prefixes=["10.20.0.0/16"])
    azure.add_role(*VNET)
    peer_id = post(api, container_id).json()["id"]
    assert show(api, peer_id) == ("AVAILABLE", None)
    azure.remove_vnet(*VNET)
    status, text = show(api, peer_id)
    assert status == "FAILED"
    assert "not found" in text


def test_a_reset_removes_the_peerings_of_atlas(with_stand_in, azure):
    """And nothing that others made."""
    api = with_stand_in
    azure.add_peering(*VNET, "theirs", "/subscriptions/somebody", ["172.16.0.0/24"])
    assert show(api, post(api, add_container(api)).json()["id"]) == ("AVAILABLE", None)
    assert len(peerings_in(azure)) == 2
    assert control(api, "/reset").status_code == 204
    assert list(peerings_in(azure)) == ["theirs"]


def test_a_silent_stand_in_changes_nothing(azure, start):
    """A POST fails as in a fault of the service; a connection stays what it is."""
    with serving(Control(Gcp(), azure).app()) as url:
        api = start(step_seconds=0, clouds_url=url)
        container_id = add_container(api)
        peer_id = post(api, container_id).json()["id"]
        assert show(api, peer_id) == ("AVAILABLE", None)
    assert code(post(api, container_id, vnetName="other")) == (500, "UNEXPECTED_ERROR")
    assert show(api, peer_id) == ("AVAILABLE", None)
    api.call("DELETE", f"/peers/{peer_id}")
    assert show(api, peer_id) == ("DELETING", None)
