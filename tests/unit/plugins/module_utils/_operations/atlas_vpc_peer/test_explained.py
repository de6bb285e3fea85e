"""What a failure says: as much in a run as in check mode, nothing twice, and no option that is set already."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_network_container as _container_task
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Reply, Wire, reply

OTHER_VPC = "vpc-0000000000000beef"
OTHER = {"vpc_id": OTHER_VPC, "aws_account_id": ACCOUNT}
OTHER_BLOCK = "10.99.0.0/16"
OF_THE_CONTAINER = "192.168.248.0/24"


def sentences(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"(?<=[.:;?]) ", text)]


def check_is_explained_alike(atlas: Atlas, **options: Any) -> Done:
    """Run in check mode and for real: the same words, none of them twice."""
    foreseen, done = atlas.run(**options, check_mode=True), atlas.run(**options)
    assert (foreseen.failed, done.failed, done.changed) == (True, True, False)
    assert foreseen.msg == done.msg
    assert len(set(sentences(done.msg))) == len(sentences(done.msg))
    return done


def test_a_new_block_that_overlaps_the_container(atlas: Atlas) -> None:
    options = {"container_id": atlas.container_id, "accepter_region_name": "us-east-1"}
    done = check_is_explained_alike(atlas, **PAIR, route_table_cidr_block=OF_THE_CONTAINER, **options)
    assert f"route_table_cidr_block {OF_THE_CONTAINER} overlaps 192.168.248.0/21 of network container" in done.msg
    # The container is known, so Atlas is not asked.
    assert (done.result["error_code"], atlas.writes()) == (None, [])


@pytest.mark.parametrize("which", ["pair", "peer_id"])
@pytest.mark.parametrize("block", [OF_THE_CONTAINER, OTHER_BLOCK])
def test_a_changed_block_that_overlaps(atlas: Atlas, block: str, which: str) -> None:
    peer = atlas.create()
    other = atlas.add_peer(vpcId=OTHER_VPC, routeTableCidrBlock=OTHER_BLOCK)
    options = PAIR if which == "pair" else {"peer_id": peer["id"]}
    done = check_is_explained_alike(atlas, **options, route_table_cidr_block=block, accepter_region_name="us-east-1")
    what = f"network container {atlas.container_id}" if block == OF_THE_CONTAINER else f"VPC peering connection {other}"
    assert what in done.msg


@pytest.mark.parametrize("which", ["pair", "peer_id"])
def test_a_region_that_is_not_that_of_the_container(atlas: Atlas, which: str) -> None:
    peer = atlas.create()
    options = PAIR if which == "pair" else {"peer_id": peer["id"]}
    done = check_is_explained_alike(atlas, **options, route_table_cidr_block=OTHER_BLOCK, accepter_region_name="eu-west-1")
    assert "differs in what cannot be changed: accepter_region_name is us-east-1, not eu-west-1." in done.msg
    assert (done.result["error_code"], atlas.writes()) == (None, [])


def test_with_version_1_an_overlap_is_explained_too(atlas: Atlas) -> None:
    other = atlas.add_peer(vpcId=OTHER_VPC, routeTableCidrBlock=OTHER_BLOCK)
    done = check_is_explained_alike(atlas, **PAIR, route_table_cidr_block=OTHER_BLOCK, api_version="v1.0")
    assert other in done.msg
    done = check_is_explained_alike(atlas, **PAIR, route_table_cidr_block=OF_THE_CONTAINER, api_version="v1.0")
    assert atlas.container_id in done.msg


@pytest.mark.parametrize("code", ["OVERLAPPING_CIDR_BLOCK", "UNEXPECTED_ERROR"])
def test_where_nothing_explains_a_refusal_it_is_told_as_it_is(atlas: Atlas, wire: Wire, code: str) -> None:
    status = 500 if code == "UNEXPECTED_ERROR" else 409
    wire.faults.append(Fault("POST", reply({"error": status, "errorCode": code, "detail": "Something else."}, status)))
    done = atlas.run(**PEERING)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, code)
    assert "Something else" in done.msg


def test_a_refusal_stays_as_it_is_if_its_cause_cannot_be_read(atlas: Atlas, wire: Wire) -> None:
    """It is what matters, and not that Atlas does not report more about it."""
    options = {**PEERING, "api_version": "v1.0"}
    unreadable = Fault("GET", DROP, times=0)
    refusal = reply({"error": 400, "errorCode": "INVALID_ATTRIBUTE", "detail": "No."}, 400)
    wire.faults += [Fault("POST", refusal, before=lambda: setattr(unreadable, "times", 9)), unreadable]
    done = atlas.run(**options)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, "INVALID_ATTRIBUTE")
    assert unreadable.times < 9


@pytest.mark.parametrize("lost", [Reply(500, b'{"errorCode": "UNEXPECTED_ERROR"}')])
def test_a_lost_creation_stays_one_if_its_cause_cannot_be_read(atlas: Atlas, wire: Wire, lost: Reply) -> None:
    """The connection is there: a look at the container that fails must not hide that."""
    options = {**PEERING, "container_id": atlas.container_id, "accepter_region_name": "us-east-1"}
    unreadable = Fault("GET", DROP, times=0)
    wire.faults += [Fault("POST", lost, forward=True, before=lambda: setattr(unreadable, "times", 2)), unreadable]
    done = atlas.run(**options)
    assert (done.failed, done.changed, len(atlas.peers())) == (False, True, 1)


@pytest.mark.parametrize("version", ["v2", "v1.0"])
@pytest.mark.parametrize("change", ["create", "update"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_dead_connection_in_the_way_says_why_and_what_to_do(atlas: Atlas, change: str, check_mode: bool, version: str) -> None:
    dead = atlas.add_peer(vpcId=OTHER_VPC)
    atlas.act("fail", dead)
    block = CIDR
    if change == "update":
        atlas.create(route_table_cidr_block=OTHER_BLOCK)
    done = atlas.run(**PAIR, route_table_cidr_block=block, check_mode=check_mode, api_version=version)
    assert (done.failed, done.changed) == (True, False)
    for part in (dead, OTHER_VPC, "FAILED (INVALID_ARGUMENT: AWS does not take the request", f"peer_id: {dead}", "state: absent"):
        assert part in done.msg
    assert "choose another" not in done.msg
    # The advice works.
    assert atlas.run(peer_id=dead, state="absent", wait=True).changed
    assert atlas.run(**PAIR, route_table_cidr_block=block, api_version=version).changed


def test_a_living_connection_in_the_way_needs_another_block(atlas: Atlas) -> None:
    atlas.add_peer(vpcId=OTHER_VPC)
    done = atlas.run(**PEERING)
    assert "choose another one" in done.msg
    assert "state: absent" not in done.msg


#: What messages advise, and the options with which they must not do so.
ADVICE: list[tuple[str, dict[str, Any]]] = [
    (r"[Ss]et recreate|recreate to", {"recreate": "dead"}),
    (r"[Ss]et wait |wait to true", {"wait": True}),
    (r"state: absent", {"state": "absent"}),
    (r"(with|[Ss]et) container_id|or container_id", {"container_id": ""}),
    (r"[Ss]et peer_id|or peer_id", {"peer_id": ""}),
    (r"give vpc_id", {"vpc_id": VPC}),
]
STATES = ("none", "pending", "FAILED", "TERMINATING", "two", "twins", "in the way")
# Each is a hundred tasks.
USUAL = {"pending", "FAILED", "two"}


@pytest.mark.parametrize("start", [pytest.param(one, marks=() if one in USUAL else pytest.mark.full) for one in STATES])
def test_no_message_advises_what_is_set_already(make_atlas: Callable[..., Atlas], start: str) -> None:
    atlas = make_atlas(allow_duplicates=start == "twins", step_seconds=10**6)
    second = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    ids = ["0" * 24]
    if start not in ("none", "in the way"):
        ids = [atlas.add_peer()]
    if start == "FAILED":
        atlas.act("fail", ids[0])
    if start == "TERMINATING":
        atlas.act("delete", ids[0])
    if start in ("two", "twins"):
        ids.append(atlas.add_peer(**({"containerId": second} if start == "two" else {})))
    if start == "in the way":
        atlas.act("fail", atlas.add_peer(vpcId=OTHER_VPC))
    failures = 0
    for pair in (PAIR, {}):
        for peer_id in (None, ids[0]):
            for container in ({}, {"container_id": atlas.container_id}, {"container_region_name": "eu-west-1"}):
                for recreate in ("never", "dead"):
                    for state in ("present", "absent"):
                        for more in ({}, {"wait": True}, {"route_table_cidr_block": CIDR}):
                            options = {**pair, **container, **more, "peer_id": peer_id, "recreate": recreate, "state": state}
                            if not pair and not peer_id:
                                continue
                            done = atlas.run(**options, wait_timeout=2, check_mode=True)
                            failures += done.failed
                            check_advice(done, options)
    assert failures > 5


def check_advice(done: Done, options: dict[str, Any]) -> None:
    for pattern, given in ADVICE if done.failed else []:
        name, value = next(iter(given.items()))
        if options.get(name) not in (None, "") and value in ("", options.get(name)):
            assert not re.search(pattern, done.msg), (options, done.msg)


def test_a_failure_with_recreate_does_not_advise_recreate(atlas: Atlas) -> None:
    atlas.clock.after(1.2, lambda: atlas.act("reject", atlas.peers()[0]["id"]))
    done = atlas.run(**PEERING, wait=True, wait_for="available", recreate="dead")
    assert done.result["error_code"] == "REJECTED"
    assert "recreate" not in done.msg
    assert "Run the task again" in done.msg


def test_a_container_that_stays_too_new_is_not_told_to_wait(atlas: Atlas, wire: Wire) -> None:
    too_new = reply({"error": 409, "errorCode": "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER"}, 409)
    wire.faults.append(Fault("DELETE", too_new, times=99))
    done = atlas.run(_container_task.OPERATION, region_name="us-east-1", state="absent", wait=True, wait_timeout=3)
    assert "CANNOT_DELETE_RECENTLY_CREATED_CONTAINER" in done.msg
    assert "wait to true" not in done.msg


def test_a_container_says_that_its_users_cannot_be_read(atlas: Atlas) -> None:
    peer_id = atlas.add_peer()
    atlas.fault("GET", "close", skip=2, times=99)
    done = atlas.run(_container_task.OPERATION, region_name="us-east-1", state="absent", wait=True, wait_timeout=3)
    assert done.missing(peer_id, "3 seconds", "did not answer") == []


class _Broken(VpcPeers):
    """Connections whose creation ends in what nobody expects, after it was sent or before."""

    is_sent = True

    def create_peer(self, *arguments: Any, **keywords: Any) -> Any:
        if self.is_sent:
            super().create_peer(*arguments, **keywords)
        raise MemoryError("no memory")


@pytest.mark.parametrize("is_sent", [True, False])
def test_an_unexpected_exception_keeps_changed_if_sent(atlas: Atlas, monkeypatch: pytest.MonkeyPatch, is_sent: bool) -> None:
    module = "ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peer"
    monkeypatch.setattr(f"{module}.VpcPeers", type("Broken", (_Broken,), {"is_sent": is_sent}))
    with pytest.raises(AssertionError, match="MemoryError") as caught:
        atlas.run(**PEERING)
    # The harness refuses results with a traceback; what it would have been stands in the frame that it refuses it in.
    done = caught.traceback[-1].frame.f_locals["done"]
    assert (done.changed, len(atlas.peers())) == (is_sent, int(is_sent))
