"""The reply to a change has to show what was sent: any other one leaves open whether the change was made, and is looked up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_network_container as _container_task
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, reply

OTHER = "10.99.0.0/16"
BLOCK, OTHER_BLOCK = "172.20.0.0/21", "172.21.0.0/21"


def verbs(wire: Wire) -> list[str]:
    """Return the methods of the requests with credentials, without the challenge."""
    return [one.method for one in wire.requests if one.authorization]


@pytest.mark.parametrize(
    "change",
    [
        {"vpcId": "vpc-0000000000000beef"},
        {"awsAccountId": "999999999999"},
        {"routeTableCidrBlock": OTHER},
        {"containerId": "0" * 24},
        {"accepterRegionName": "eu-west-1"},
        {"providerName": "AZURE"},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("is_made", [True, False])
def test_a_reply_about_something_else_is_looked_up(
    atlas: Atlas, wire: Wire, change: dict[str, str], method: str, is_made: bool
) -> None:
    block = CIDR
    if method == "PATCH":
        atlas.create()
        block = "10.77.0.0/16"
    good = {
        "id": atlas.peers()[0]["id"] if method == "PATCH" else "1" * 24,
        "vpcId": PAIR["vpc_id"],
        "awsAccountId": PAIR["aws_account_id"],
        "routeTableCidrBlock": block,
        "containerId": atlas.container_id,
        "accepterRegionName": None,
        "statusName": "INITIATING",
        "providerName": "AWS",
    }
    wire.faults.append(Fault(method, reply({**good, **change}), forward=is_made))
    options = {**PAIR, "route_table_cidr_block": block, "accepter_region_name": "us-east-1", "container_id": atlas.container_id}
    done = atlas.run(**options, retries=0)
    assert (done.failed, done.changed) == (not is_made, is_made)
    looks = 2 if method == "POST" and not is_made else 1
    assert verbs(wire) == ["GET", method, *["GET"] * looks]
    if not is_made:
        name = re.sub("([A-Z])", lambda match: "_" + match[1].lower(), next(iter(change)))
        assert f"the reply does not show what was sent: {name} is {change[next(iter(change))]}, not " in done.msg
    # The same reply without the change is fine.
    wire.faults.append(Fault(method, reply(good), forward=True))
    assert atlas.run(**options, retries=0).changed == (not is_made)


def test_a_reply_with_another_id_to_a_patch_is_looked_up(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create()
    wire.faults.append(Fault("PATCH", reply({**peer, "id": "1" * 24, "routeTableCidrBlock": OTHER}), forward=True))
    done = atlas.run(**PAIR, route_table_cidr_block=OTHER)
    assert (done.failed, done.changed, done.peer["id"]) == (False, True, peer["id"])
    assert verbs(wire)[-2:] == ["PATCH", "GET"]


def test_a_null_region_is_that_of_the_container_and_of_no_other(atlas: Atlas, wire: Wire) -> None:
    made = {
        "id": "1" * 24,
        "vpcId": PAIR["vpc_id"],
        "awsAccountId": PAIR["aws_account_id"],
        "routeTableCidrBlock": CIDR,
        "containerId": atlas.container_id,
        "accepterRegionName": None,
        "statusName": "INITIATING",
    }
    # The container has been read, so its region is known.
    wire.faults.append(Fault("POST", reply(made)))
    done = atlas.run(**PEERING, accepter_region_name="eu-west-1", retries=0)
    assert (done.failed, "accepter_region_name is None, not eu-west-1" in done.msg) == (True, True)
    wire.faults.append(Fault("POST", reply(made)))
    assert not atlas.run(**PEERING, accepter_region_name="us-east-1", retries=0).failed


def test_version_1_has_no_container_to_compare(atlas: Atlas, wire: Wire) -> None:
    made = {
        "id": "1" * 24,
        "vpcId": PAIR["vpc_id"],
        "awsAccountId": PAIR["aws_account_id"],
        "routeTableCidrBlock": CIDR,
        "containerId": "2" * 24,
        "statusName": "INITIATING",
    }
    wire.faults.append(Fault("POST", reply(made)))
    done = atlas.run(**PEERING, api_version="v1.0", retries=0)
    assert (done.failed, done.changed, done.peer["container_id"]) == (False, True, "2" * 24)


@pytest.mark.parametrize(
    "change",
    [{"regionName": "EU_WEST_2"}, {"atlasCidrBlock": OTHER_BLOCK}, {"providerName": "GCP"}, {"id": 5}],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("is_made", [True, False])
def test_a_reply_about_another_container_is_looked_up(atlas: Atlas, wire: Wire, change: dict[str, Any], is_made: bool) -> None:
    good = {"id": "1" * 24, "providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": BLOCK}
    wire.faults.append(Fault("POST", reply({**good, **change}), forward=is_made))
    options = {"region_name": "eu-west-1", "atlas_cidr_block": BLOCK, "retries": 0}
    done = atlas.run(_container_task.OPERATION, **options)
    assert (done.failed, done.changed) == (not is_made, is_made)
    assert verbs(wire) == ["GET", "POST", *["GET"] * (1 if is_made else 2)]
    assert is_made or "the reply " in done.msg
    wire.requests.clear()
    wire.faults.append(Fault("POST", reply({**good, "providerName": None}), forward=True))
    again = atlas.run(_container_task.OPERATION, **options)
    assert (again.failed, again.changed, verbs(wire)) == (False, not is_made, ["GET"] if is_made else ["GET", "POST"])


def test_a_block_that_atlas_chooses_is_not_compared(atlas: Atlas) -> None:
    done = atlas.run(_container_task.OPERATION, region_name="eu-west-1")
    assert (done.failed, done.changed, len(atlas.wire())) == (False, True, 3)


@pytest.mark.parametrize("change", [{"atlasCidrBlock": BLOCK}, {"id": "1" * 24}], ids=["block", "id"])
@pytest.mark.parametrize("is_made", [True, False])
def test_a_reply_about_another_change_is_looked_up(atlas: Atlas, wire: Wire, change: dict[str, Any], is_made: bool) -> None:
    container_id = atlas.add_container("EU_WEST_1", BLOCK)
    good = {"id": container_id, "providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": OTHER_BLOCK}
    wire.faults.append(Fault("PATCH", reply({**good, **change}), forward=is_made))
    done = atlas.run(_container_task.OPERATION, region_name="eu-west-1", atlas_cidr_block=OTHER_BLOCK, retries=0)
    assert (done.failed, done.changed) == (not is_made, is_made)
    assert is_made or "the reply does not show what was sent" in done.msg
