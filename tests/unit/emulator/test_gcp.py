"""Connections on Google Cloud: the states, Atlas's network, and the customer's half in a stand-in."""

from __future__ import annotations

import re

import pytest
from ansible_collections.cloudpeer.atlas.tests.clouds.server import RunningClouds
from ansible_collections.cloudpeer.atlas.tests.clouds.server import running as running_clouds
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.server import running
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings

from tests.unit.emulator.conftest import Api

MINE = ("my-project", "my-network")
FIELDS = {"gcpProjectId": MINE[0], "networkName": MINE[1]}


def add_container(api):
    """Make the container and return its id."""
    response = api.call("POST", "/containers", json={"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"})
    assert response.status_code == 200, response.text
    return response.json()["id"]


def post(api, container_id, **fields):
    """Send the POST of a connection."""
    return api.call("POST", "/peers", json={"providerName": "GCP", "containerId": container_id, **FIELDS, **fields})


def show(api, peer_id):
    """Return state and error of a connection, None if it is gone."""
    response = api.call("GET", f"/peers/{peer_id}")
    return None if response.status_code == 404 else (response.json()["status"], response.json()["errorMessage"])


def network_of(api, container_id):
    """Return what a container says of Atlas's network."""
    container = api.call("GET", f"/containers/{container_id}").json()
    return container["provisioned"], container["gcpProjectId"], container["networkName"]


def test_life(start):
    """The container has its names when the connection waits for the user, and not before."""
    api = start(step_seconds=0.4)
    container_id = add_container(api)
    assert network_of(api, container_id) == (False, None, None)
    peer = post(api, container_id).json()
    fields = {"providerName": "GCP", "containerId": container_id, **FIELDS}
    assert peer == {"id": peer["id"], **fields, "status": "ADDING_PEER", "errorMessage": None}
    assert network_of(api, container_id) == (False, None, None)
    while show(api, peer["id"]) == ("ADDING_PEER", None):
        pass
    assert show(api, peer["id"]) == ("WAITING_FOR_USER", None)
    is_provisioned, project, network = network_of(api, container_id)
    assert is_provisioned
    assert re.fullmatch("p-[0-9a-z]{24}", project)
    assert re.fullmatch("nt-[0-9a-f]{24}-[0-9a-z]{8}", network)
    assert api.control("POST", f"/peers/{peer['id']}/reject").status_code == 409
    assert api.control("POST", f"/peers/{peer['id']}/accept").json()["status"] == "AVAILABLE"
    assert api.call("DELETE", f"/peers/{peer['id']}").status_code == 202
    assert show(api, peer["id"]) == ("DELETING", None)
    while show(api, peer["id"]) == ("DELETING", None):
        pass
    assert show(api, peer["id"]) is None
    assert api.call("DELETE", f"/containers/{container_id}").status_code == 204


def test_failure_has_a_message(api):
    """Any text; there is no DELETION_FAILED."""
    container_id = add_container(api)
    peer_id = post(api, container_id).json()["id"]
    url = f"{api.emulator.base_url}/emulator/peers/{peer_id}"
    assert api.session.post(f"{url}/fail", json={"error": "no quota"}, auth=None, timeout=30).status_code == 200
    assert show(api, peer_id) == ("FAILED", "no quota")
    assert api.control("POST", f"/peers/{peer_id}/fail-deletion").status_code == 409
    response = post(api, container_id)
    assert (response.status_code, response.json()["errorCode"]) == (409, "PEER_ALREADY_EXISTS_GCP")
    assert response.json()["parameters"] == list(MINE)
    api.call("DELETE", f"/peers/{peer_id}")
    assert show(api, peer_id) is None
    assert post(api, container_id).status_code == 200


@pytest.mark.parametrize("field", FIELDS)
def test_nothing_can_be_changed(api, field):
    """Not even to a name in another case, which another network could have on this cloud."""
    container_id = add_container(api)
    peer = post(api, container_id).json()
    body = {"providerName": "GCP", "containerId": container_id, **FIELDS}
    assert api.call("PATCH", f"/peers/{peer['id']}", json=body).status_code == 200
    response = api.call("PATCH", f"/peers/{peer['id']}", json={**body, field: "another-one"})
    assert (response.status_code, response.json()["errorCode"]) == (400, "INVALID_ATTRIBUTE")
    assert response.json()["parameters"] == [field]


@pytest.fixture(scope="module")
def shared_with_clouds(_clouds: RunningClouds):
    """Run an emulator that looks at them."""
    with running(Settings(step_seconds=0, clouds_url=_clouds.control_url)) as emulator:
        yield emulator


@pytest.fixture
def gcp(_clouds: RunningClouds, shared_with_clouds):
    """Return the stand-in, with the customer's network and no other."""
    shared_with_clouds.reset()
    _clouds.reset()
    _clouds.gcp.add_network(*MINE)
    return _clouds.gcp


@pytest.fixture
def with_clouds(gcp, shared_with_clouds):
    """Return a client of the emulator."""
    return Api(shared_with_clouds, "v2")


def make_waiting(api):
    """Make a connection that waits for the user; return its id, and Atlas's network."""
    container_id = add_container(api)
    peer_id = post(api, container_id).json()["id"]
    assert show(api, peer_id) == ("WAITING_FOR_USER", None)
    return peer_id, network_of(api, container_id)[1:]


def test_the_mirror_makes_it_available(with_clouds, gcp):
    """The one between the two networks that the connection and the container name."""
    peer_id, atlas = make_waiting(with_clouds)
    gcp.add_network(MINE[0], "another-network")
    gcp.add_peering(MINE[0], "another-network", "wrong-network", atlas)
    gcp.add_peering(*MINE, "to-somebody-else", ("p-other", atlas[1]))
    assert show(with_clouds, peer_id) == ("WAITING_FOR_USER", None)
    gcp.add_peering(*MINE, "any-name", atlas)
    assert show(with_clouds, peer_id) == ("AVAILABLE", None)


def test_the_mirror_is_noticed_after_a_while(gcp, shared_with_clouds, clock):
    """One that goes away before that has never been there."""
    project = Project(Settings(step_seconds=10, clouds_url=shared_with_clouds.settings.clouds_url), clock)
    with project.now():
        container = project.containers.create({"providerName": "GCP", "atlasCidrBlock": "10.8.0.0/18"})
        peer = project.create_peer({"providerName": "GCP", "containerId": container.id, **FIELDS}, needs_container=True)

    def status(after):
        clock.sleep(after)
        return project.find_peer(peer.id)["status"]

    assert status(10) == "WAITING_FOR_USER"
    fields = container.to_json()
    atlas = fields["gcpProjectId"], fields["networkName"]
    gcp.add_peering(*MINE, "ours", atlas)
    assert [status(100), status(9)] == ["WAITING_FOR_USER", "WAITING_FOR_USER"]
    gcp.remove_peering(*MINE, "ours")
    assert status(1) == "WAITING_FOR_USER"
    gcp.add_peering(*MINE, "ours", atlas)
    assert [status(0), status(9), status(1)] == ["WAITING_FOR_USER", "WAITING_FOR_USER", "AVAILABLE"]
    project.reset()


def test_atlas_has_its_half_in_the_stand_in(with_clouds, gcp):
    """So the customer's is ACTIVE as long as the connection lives, and then INACTIVE."""
    peer_id, atlas = make_waiting(with_clouds)
    gcp.add_peering(*MINE, "ours", atlas)
    assert [one["state"] for one in gcp.peerings(*MINE)] == ["ACTIVE"]
    assert [one["network"].rpartition("/")[2] for one in gcp.peerings(*atlas)] == [MINE[1]]
    query = {"peeringName": "ours", "region": "europe-west1", "direction": "INCOMING"}
    routes = [one["destRange"] for one in gcp.list_peering_routes(*MINE, query)["items"]]
    assert routes == ["10.8.0.0/20", "10.8.16.0/20", "10.8.32.0/20"], "in parts of the container's block"
    with_clouds.call("DELETE", f"/peers/{peer_id}")
    assert show(with_clouds, peer_id) is None
    assert [one["state"] for one in gcp.peerings(*MINE)] == ["INACTIVE"]


def test_accepting_by_the_control_makes_the_mirror(with_clouds, gcp):
    """If there is the network to make it on."""
    peer_id, atlas = make_waiting(with_clouds)
    gcp.discard_network(*MINE)
    assert with_clouds.control("POST", f"/peers/{peer_id}/accept").status_code == 409
    gcp.add_network(*MINE)
    assert with_clouds.control("POST", f"/peers/{peer_id}/accept").status_code == 200
    assert [(one["network"].rpartition("/")[2], one["state"]) for one in gcp.peerings(*MINE)] == [(atlas[1], "ACTIVE")]
    assert show(with_clouds, peer_id) == ("AVAILABLE", None)


def test_atlas_network_goes_with_its_last_peer(with_clouds, gcp):
    """And with a reset; the customer's stays."""
    peer_id, atlas = make_waiting(with_clouds)
    container_id = with_clouds.call("GET", f"/peers/{peer_id}").json()["containerId"]
    with_clouds.call("DELETE", f"/peers/{peer_id}")
    assert {(one["project"], one["name"]) for one in gcp.show_all()} == {MINE, atlas}
    assert show(with_clouds, peer_id) is None
    assert [(one["project"], one["name"]) for one in gcp.show_all()] == [MINE]
    container = with_clouds.call("GET", f"/containers/{container_id}").json()
    assert (container["provisioned"], container["gcpProjectId"], container["networkName"]) == (False, None, None)
    assert with_clouds.call("DELETE", f"/containers/{container_id}").status_code == 204
    make_waiting(with_clouds)
    assert len(gcp.show_all()) == 2
    assert with_clouds.control("POST", "/reset").status_code == 204
    assert [(one["project"], one["name"]) for one in gcp.show_all()] == [MINE]


def test_a_silent_stand_in_keeps_the_state(start):
    """Atlas's half is made, and the mirror is seen, when it answers again; here it does not."""
    with running_clouds() as clouds:
        clouds.gcp.add_network(*MINE)
        api = start(step_seconds=0, clouds_url=clouds.control_url)
        peer_id, _atlas = make_waiting(api)
    assert show(api, peer_id) == ("WAITING_FOR_USER", None)
    assert api.control("POST", f"/peers/{peer_id}/accept").status_code == 503
    late = post(api, api.call("GET", f"/peers/{peer_id}").json()["containerId"], networkName="late").json()
    assert show(api, late["id"]) == ("ADDING_PEER", None)
