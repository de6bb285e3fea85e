"""Settings that play another server: one that knows a pair once, one that refuses no duplicates, one whose lists lag behind."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.errors import ApiError
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings
from ansible_collections.cloudpeer.atlas.tests.unit.emulator.test_peers import check_error

AWS = {"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "10.1.0.0/16"}
AZURE = {
    "providerName": "AZURE",
    "azureDirectoryId": "0b0b0b0b-0000-4000-8000-000000000000",
    "azureSubscriptionId": "0b0b0b0b-0000-4000-8000-000000000000",
    "resourceGroupName": "group",
    "vnetName": "net",
}


def add_container(api, **fields):
    """Make a container and return its id."""
    response = api.call("POST", "/containers", json=fields or {"regionName": "EU_WEST_1"})
    assert response.status_code == 200, response.text
    return response.json()["id"]


def test_a_pair_is_known_once_in_the_project(start):
    """As a server may do it; what has failed counts until it is gone."""
    api = start(step_seconds=0, unique_pairs=True)
    peer = api.make_peer()
    pair = {name: peer[name] for name in ("awsAccountId", "vpcId")}
    other = add_container(api)
    for action in (None, "reject"):
        if action:
            assert api.control("POST", f"/peers/{peer['id']}/{action}").status_code == 200
        response = api.call("POST", "/peers", json=api.new_peer(containerId=other, **pair))
        check_error(response, 409, "PEER_ALREADY_EXISTS", *pair.values())
    api.call("DELETE", f"/peers/{peer['id']}")
    assert api.make_peer(containerId=other, **pair)["containerId"] == other


def test_a_pair_is_known_once_in_the_project_on_azure(start):
    """The same."""
    api = start(step_seconds=0, unique_pairs=True)
    places = [
        add_container(api, providerName="AZURE", region=region, atlasCidrBlock=block)
        for region, block in (("US_EAST_2", "10.8.0.0/21"), ("EUROPE_NORTH", "10.16.0.0/21"))
    ]
    assert api.call("POST", "/peers", json={**AZURE, "containerId": places[0]}).status_code == 200
    response = api.call("POST", "/peers", json={**AZURE, "containerId": places[1]})
    check_error(response, 409, "PEER_ALREADY_EXISTS_AZURE", AZURE["azureSubscriptionId"], AZURE["vnetName"])


def test_no_duplicate_is_refused(start):
    """A second POST makes a second peer, with the same block too; another VPC's block is refused as ever."""
    api = start(step_seconds=0, allow_duplicates=True)
    body = api.new_peer()
    made = [api.call("POST", "/peers", json=body) for unused in range(3)]
    assert [response.status_code for response in made] == [200] * 3
    peers = [response.json() for response in made]
    assert len({peer["id"] for peer in peers}) == 3
    assert [one["id"] for one in api.call("GET", "/peers").json()["results"]] == [peer["id"] for peer in peers]
    block = body["routeTableCidrBlock"]
    check_error(api.call("POST", "/peers", json=api.new_peer(routeTableCidrBlock=block)), 409, "OVERLAPPING_CIDR_BLOCK", block)
    # Each lives a life of its own.
    assert api.update_peer(peers[1], routeTableCidrBlock=block).status_code == 200
    assert api.control("POST", f"/peers/{peers[1]['id']}/accept").status_code == 200
    assert [api.status_of(peer["id"]) for peer in peers] == ["PENDING_ACCEPTANCE", "AVAILABLE", "PENDING_ACCEPTANCE"]
    assert api.call("DELETE", f"/peers/{peers[0]['id']}").status_code == 202
    assert [api.status_of(peer["id"]) for peer in peers] == [None, "AVAILABLE", "PENDING_ACCEPTANCE"]


def test_no_duplicate_of_a_container_is_refused(start):
    """With the same block or another; a block of another region is refused as ever."""
    api = start(step_seconds=0, allow_duplicates=True)
    body = {"regionName": "EU_WEST_1", "atlasCidrBlock": "10.8.0.0/21"}
    made = [api.call("POST", "/containers", json=one).json()["id"] for one in (body, body, {"regionName": "EU_WEST_1"})]
    assert len(set(made)) == 3
    results = api.call("GET", "/containers?providerName=AWS").json()["results"]
    assert [one["id"] for one in results if one["regionName"] == "EU_WEST_1"] == made
    assert api.call("PATCH", f"/containers/{made[0]}", json=body).status_code == 200
    response = api.call("POST", "/containers", json={**body, "regionName": "EU_WEST_2"})
    check_error(response, 409, "OVERLAPPING_ATLAS_CIDR_BLOCK", "10.8.0.0/21")


class Lagging:
    """A project whose lists are five seconds behind, on a clock."""

    def __init__(self, clock, **options):
        self.clock = clock
        self.project = Project(Settings(**{"list_lag_seconds": 5, "step_seconds": 2, **options}), clock)

    def make(self, **fields):
        with self.project.now() as project:
            return project.create_peer({**AWS, **fields}, needs_container=False)

    def listed(self, after=0):
        """Return the states of the peers that a list shows some time later."""
        self.clock.sleep(after)
        with self.project.now() as project:
            return [peer.status for peer in project.lists().peers]

    def there(self):
        """Return the states of the peers that there are."""
        return [peer["statusName"] for peer in self.project.list_peers()]


def test_a_list_shows_a_new_peer_late(clock):
    """And its states, each as long after it as the list is behind; whoever asks for one by its id sees it at once."""
    lagging = Lagging(clock)
    peer = lagging.make()
    assert (lagging.listed(), lagging.there()) == ([], ["INITIATING"])
    assert lagging.project.find_peer(peer.id)["statusName"] == "INITIATING"
    assert lagging.listed(4.9) == []
    assert (lagging.listed(0.1), lagging.there()) == (["INITIATING"], ["PENDING_ACCEPTANCE"])
    assert [lagging.listed(1.9), lagging.listed(0.1)] == [["INITIATING"], ["PENDING_ACCEPTANCE"]]


def test_a_list_that_nobody_has_looked_at_is_as_far_behind(clock):
    """States that have passed by themselves, unseen, are shown when they are due and not later."""
    lagging = Lagging(clock, accept="auto")
    lagging.make()
    assert lagging.listed(9) == ["FINALIZING"]
    unseen = Lagging(clock, accept="auto")
    unseen.make()
    # Somebody looks at three seconds, when a state has passed, and then nobody until nine.
    assert (unseen.listed(3), unseen.listed(6), unseen.listed(2)) == ([], ["FINALIZING"], ["AVAILABLE"])


def test_a_list_shows_changes_and_deletions_late(clock):
    """As a copy does that is behind: the old block, then the old state, then a peer that is gone."""
    lagging = Lagging(clock, accept="auto")
    peer = lagging.make()
    assert lagging.listed(20) == ["AVAILABLE"]
    with lagging.project.now() as project:
        project.update_peer(peer.id, {"routeTableCidrBlock": "10.2.0.0/16"})
        assert [one.block for one in project.lists().peers] != [peer.block]
        project.peers.delete(peer)
    assert (lagging.listed(), lagging.there()) == (["AVAILABLE"], ["TERMINATING"])
    assert (lagging.listed(4), lagging.there(), lagging.listed(1)) == (["AVAILABLE"], [], ["TERMINATING"])
    assert (lagging.listed(1.9), lagging.listed(0.1)) == (["TERMINATING"], [])


def test_a_duplicate_that_the_list_does_not_show_is_refused(clock):
    """Writes see everything at once."""
    lagging = Lagging(clock)
    lagging.make()
    with pytest.raises(ApiError, match="PEER_ALREADY_EXISTS"):
        lagging.make()
    assert lagging.listed() == []


def test_every_list_lags(clock, start):
    """Containers and the access list too; the reply to a POST of entries shows them at once. A reset is seen at once."""
    api = start(step_seconds=0, list_lag_seconds=5)
    api.emulator.project = Project(api.emulator.settings, clock)
    first = api.emulator.project.first_container_id
    made = add_container(api)
    added = api.call("POST", "/accessList?itemsPerPage=500", json=[{"ipAddress": "192.0.2.5"}])
    assert [one["ipAddress"] for one in added.json()["results"]] == ["192.0.2.5"]

    def lists():
        pages = [api.call("GET", path).json() for path in ("/containers?providerName=AWS", "/containers/all", "/accessList")]
        assert all(page["totalCount"] == len(page["results"]) for page in pages)
        return [[one.get("id") or one["ipAddress"] for one in page["results"]] for page in pages]

    assert lists() == [[first], [first], []]
    assert api.call("GET", f"/containers/{made}").status_code == 200
    assert api.call("GET", "/accessList/192.0.2.5").status_code == 200
    clock.sleep(5)
    assert lists() == [[first, made], [first, made], ["192.0.2.5"]]
    assert api.call("DELETE", f"/containers/{made}").status_code == 204
    assert api.call("DELETE", "/accessList/192.0.2.5").status_code == 204
    assert lists() == [[first, made], [first, made], ["192.0.2.5"]]
    clock.sleep(5)
    assert lists() == [[first], [first], []]
    api.make_peer()
    api.control("POST", "/reset")
    assert lists() == [[first], [first], []]
    assert api.call("GET", "/peers").json()["results"] == []


def test_an_expired_entry_is_listed_while_the_list_is_behind(clock):
    """However long nobody has looked."""
    project = Project(Settings(list_lag_seconds=5), clock, wall=lambda: 0.0)

    def listed(after):
        clock.sleep(after)
        with project.now():
            return [entry.address for entry in project.lists().entries]

    with project.now():
        project.add_access([{"ipAddress": "10.0.0.5", "deleteAfterDate": "1970-01-01T01:00:00Z"}])
    assert [listed(3604), listed(1)] == [["10.0.0.5"], []]


def test_lists_do_not_lag_by_themselves(clock):
    """Without the setting they show what there is."""
    lagging = Lagging(clock, list_lag_seconds=0)
    lagging.make()
    assert lagging.listed() == ["INITIATING"]
