"""Ids carry the time, as Atlas's do."""

from __future__ import annotations

import re
import time

from ansible_collections.cloudpeer.atlas.tests.emulator.emulator import Emulator
from ansible_collections.cloudpeer.atlas.tests.emulator.ids import following_object_ids, new_object_id
from ansible_collections.cloudpeer.atlas.tests.emulator.project import Project
from ansible_collections.cloudpeer.atlas.tests.emulator.settings import Settings

DAY = 86_400
AWS = {"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "10.1.0.0/16"}


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
    assert following_object_ids("5356823b3794dee371fffffe", 3) == (
        "5356823b3794dee371fffffe",
        "5356823b3794dee371ffffff",
        "5356823b3794dee371000000",
    )
