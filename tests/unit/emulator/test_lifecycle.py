"""The life of peers on a clock, and the moment in their ids, without HTTP."""

from __future__ import annotations

import re
import time

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.control import ACTIONS
from ansible_collections.cloudpeer.atlas.tests.emulator.emulator import Emulator
from ansible_collections.cloudpeer.atlas.tests.emulator.errors import ApiError
from ansible_collections.cloudpeer.atlas.tests.emulator.ids import following_object_ids, new_object_id
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings

AWS = {"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "192.168.0.0/24"}
UUID = "0b0b0b0b-0000-4000-8000-000000000000"


class Life:
    """A project on a clock, with one peer."""

    def __init__(self, clock, body=None, **options):
        """Make the peer."""
        self.clock = clock
        self.project = Project(Settings(step_seconds=10, **options), clock)
        body = dict(body or AWS)
        with self.project.now() as project:
            if body.get("providerName"):
                blocks = {"AZURE": {"region": "US_EAST_2"}, "GCP": {}}[body["providerName"]]
                prefix = {"AZURE": 21, "GCP": 18}[body["providerName"]]
                container = project.containers.create(
                    {"providerName": body["providerName"], "atlasCidrBlock": f"10.8.0.0/{prefix}", **blocks}
                )
                body["containerId"] = container.id
            self.peer = project.create_peer(body, needs_container=False)

    def status(self, after=0.0):
        """Return the status some time later, None if it is gone."""
        self.clock.sleep(after)
        with self.project.now() as project:
            try:
                return project.peers.get(self.peer.id).status
            except ApiError:
                return None

    def act(self, name):
        """Let the other side act; tell whether it could."""
        with self.project.now() as project:
            return ACTIONS[name](project.peers, self.peer, {})


def test_manual_life(clock):
    """The states follow one another, each after its time, and wait for an acceptance."""
    life = Life(clock)
    assert [life.status(), life.status(9.9)] == ["INITIATING", "INITIATING"]
    assert life.peer.connection_id is None
    assert life.status(0.1) == "PENDING_ACCEPTANCE"
    connection = life.peer.connection_id
    assert connection.startswith("pcx-")
    assert len(connection) == 21
    assert int(connection[4:], 16) >= 0
    assert life.status(10_000) == "PENDING_ACCEPTANCE"
    assert life.act("accept")
    assert [life.status(), life.status(9.9), life.status(0.1)] == ["FINALIZING", "FINALIZING", "AVAILABLE"]
    assert life.status(10_000) == "AVAILABLE"
    assert life.peer.connection_id == connection


def test_automatic_life_needs_no_looks(clock):
    """A long pause passes through every state that it covers."""
    life = Life(clock, accept="auto")
    assert [life.status(10), life.status(10), life.status(10)] == ["PENDING_ACCEPTANCE", "FINALIZING", "AVAILABLE"]
    unseen = Life(clock, accept="auto")
    assert unseen.status(30) == "AVAILABLE"
    assert unseen.peer.connection_id
    almost = Life(clock, accept="auto")
    assert almost.status(29) == "FINALIZING"


def test_no_step_time_acts_on_the_next_look(clock):
    """The reply to the creation still shows the first state."""
    project = Project(Settings(step_seconds=0, accept="auto"), clock)
    with project.now():
        peer = project.create_peer(dict(AWS), needs_container=False)
        assert peer.status == "INITIATING"
    assert project.find_peer(peer.id)["statusName"] == "AVAILABLE"
    with project.now():
        project.peers.delete(peer)
        assert peer.status == "TERMINATING"
    assert project.list_peers() == []


def test_termination(clock):
    """A deleted peer is listed for a while, and then gone."""
    life = Life(clock)
    with life.project.now() as project:
        project.peers.delete(life.peer)
    assert [life.status(9.9), life.status(0.1)] == ["TERMINATING", None]


OTHER_VPC = AWS | {"vpcId": "vpc-654321"}


def test_deleted_peer_holds_what_it_has(clock):
    """While it is still listed, nobody else gets its pair, its block or its place; pending it is not."""
    life = Life(clock, max_peers=2, max_pending_peers=1)
    with life.project.now() as project:
        project.peers.delete(life.peer)
        with pytest.raises(ApiError, match="PEER_ALREADY_EXISTS"):
            project.create_peer(dict(AWS), needs_container=False)
        with pytest.raises(ApiError, match="OVERLAPPING_CIDR_BLOCK"):
            project.create_peer(dict(OTHER_VPC), needs_container=False)
        other = project.create_peer(OTHER_VPC | {"routeTableCidrBlock": "10.0.0.0/16"}, needs_container=False)
        with pytest.raises(ApiError, match="OVERLAPPING_CIDR_BLOCK"):
            project.update_peer(other.id, {"routeTableCidrBlock": AWS["routeTableCidrBlock"]})
        third = AWS | {"vpcId": "vpc-abcdef", "routeTableCidrBlock": "10.1.0.0/16"}
        with pytest.raises(ApiError, match="PEER_MAXIMUM_REACHED") as full:
            project.create_peer(dict(third), needs_container=False)
        assert full.value.parameters == [2]
    clock.sleep(10)
    with life.project.now() as project:
        assert project.update_peer(other.id, {"routeTableCidrBlock": AWS["routeTableCidrBlock"]}) is other
        with pytest.raises(ApiError, match="PEER_MAXIMUM_REACHED") as pending:
            project.create_peer(dict(third), needs_container=False)
        assert pending.value.parameters == [1]
    assert [peer["statusName"] for peer in life.project.list_peers()] == ["PENDING_ACCEPTANCE"]


def test_deleted_peer_makes_room(clock):
    """Where it holds nothing, its pair, its block and its place can be had again while it is still listed."""
    life = Life(clock, max_peers=1, terminating_holds_nothing=True)
    with life.project.now() as project:
        with pytest.raises(ApiError, match="PEER_ALREADY_EXISTS"):
            project.create_peer(dict(AWS), needs_container=False)
        with pytest.raises(ApiError, match="PEER_MAXIMUM_REACHED"):
            project.create_peer(AWS | {"vpcId": "vpc-654321", "routeTableCidrBlock": "10.0.0.0/8"}, needs_container=False)
        project.peers.delete(life.peer)
        project.create_peer(dict(AWS), needs_container=False)
    assert [peer["statusName"] for peer in life.project.list_peers()] == ["TERMINATING", "INITIATING"]


@pytest.mark.parametrize(("action", "error"), [("reject", "REJECTED"), ("expire", "EXPIRED"), ("fail", "INVALID_ARGUMENT")])
def test_failures(clock, action, error):
    """A failed peer says why, and stays."""
    life = Life(clock)
    life.status(10)
    assert life.act(action)
    assert life.status(10_000) == "FAILED"
    assert life.project.find_peer(life.peer.id)["errorStateName"] == error
    assert not any(life.act(name) for name in ACTIONS)


def test_actions_need_their_state(clock):
    """Only a peer that waits can be answered; one can fail at any time before its end."""
    life = Life(clock)
    assert [life.act(name) for name in ("accept", "reject", "expire")] == [False, False, False]
    life.status(10)
    assert life.act("accept")
    assert [life.act(name) for name in ("accept", "reject", "expire")] == [False, False, False]
    assert life.status(10) == "AVAILABLE"
    with life.project.now() as project:
        project.peers.delete(life.peer)
    assert not any(life.act(name) for name in ACTIONS)


def test_life_on_azure(clock):
    """Nobody has to accept anything there."""
    ids = {"azureDirectoryId": UUID, "azureSubscriptionId": UUID}
    life = Life(clock, {"providerName": "AZURE", **ids, "resourceGroupName": "g", "vnetName": "v"})
    assert [life.status(), life.status(9), life.status(1)] == ["ADDING_PEER", "ADDING_PEER", "AVAILABLE"]
    assert not life.act("accept")
    with life.project.now() as project:
        project.peers.delete(life.peer)
    assert [life.status(), life.status(10)] == ["DELETING", None]


def test_life_on_google(clock):
    """The user's side has to act, and then it is there."""
    life = Life(clock, {"providerName": "GCP", "gcpProjectId": "my-project", "networkName": "default"})
    assert [life.status(), life.status(10), life.status(100)] == ["ADDING_PEER", "WAITING_FOR_USER", "WAITING_FOR_USER"]
    assert life.act("accept")
    assert life.status() == "AVAILABLE"


def test_reset_keeps_the_container_id(clock):
    """What the start-up line said stays true."""
    life = Life(clock)
    first = life.project.first_container_id
    life.project.reset()
    assert life.project.list_peers() == []
    with life.project.now() as project:
        assert [container.id for container in project.containers] == [first]


DAY = 86_400


def seconds(object_id):
    """Return the time in an id."""
    return int(object_id[:8], 16)


def test_form():
    """24 hexadecimal digits, the first eight of them the seconds; no two are the same."""
    ids = [new_object_id(1_700_000_000.9) for unused in range(10_000)]
    assert len(set(ids)) == 10_000
    assert all(re.fullmatch("6553f100[0-9a-f]{16}", one) for one in ids)


def test_everything_that_is_made_carries_the_time(api):
    """Peers, containers and the first container."""
    began = time.time() - 1
    container = api.call("POST", "/containers", json={"regionName": "EU_WEST_1"}).json()["id"]
    for made in (api.make_peer()["id"], container):
        assert began <= seconds(made) <= time.time()
    assert seconds(api.emulator.project.first_container_id) <= time.time()


def test_time_of_a_test_of_its_own(clock):
    """A project can begin eight days ago: after eight days on its clock there is a connection of that age, and a new one."""
    project = Project(Settings(), clock, wall=lambda: 1_700_000_000.0 - 8 * DAY)
    with project.now():
        old = project.create_peer(dict(AWS), needs_container=False)
    clock.sleep(8 * DAY)
    with project.now():
        new = project.create_peer({**AWS, "vpcId": "vpc-654321", "routeTableCidrBlock": "10.2.0.0/16"}, needs_container=False)
    assert (seconds(old.id), seconds(new.id)) == (1_700_000_000 - 8 * DAY, 1_700_000_000)
    assert seconds(project.first_container_id) == seconds(old.id)
    assert project.find_peer(old.id)["statusName"] == "PENDING_ACCEPTANCE"


def test_time_of_day_is_the_real_one(clock):
    """Unless somebody says otherwise: however the clock of the states begins, and however late the reset."""
    clock.sleep(1000)
    project = Project(Settings(), clock)
    for unused in range(2):
        with project.now():
            made = project.create_peer(dict(AWS), needs_container=False).id
        assert abs(seconds(made) - time.time()) < 10
        clock.sleep(DAY)
        project.reset()


def test_time_of_a_whole_emulator(clock):
    """All of its projects begin at the time that is given."""
    emulator = Emulator(Settings(groups=2), clock, wall=lambda: 1_600_000_000.0)
    assert [seconds(project.first_container_id) for project in emulator.projects] == [1_600_000_000] * 2


def test_following():
    """The counter goes up and round, the rest stays."""
    expected = ("5356823b3794dee371fffffe", "5356823b3794dee371ffffff", "5356823b3794dee371000000")
    assert following_object_ids("5356823b3794dee371fffffe", 3) == expected
