"""recreate: changed, for all clouds: what cannot be changed is removed and made anew, and peer_id moves to another network."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import CIDR, PAIR, PEERING, VPC, Atlas
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import PeerSite, azure_site

OTHER_VPC = "vpc-0ffffffffffffffff"
CHECK_MODES = pytest.mark.parametrize("check_mode", [False, True], ids=["run", "check mode"])
WAITS = pytest.mark.parametrize("wait", [False, True], ids=["no wait", "wait"])


def ids(atlas: Atlas) -> list[str]:
    """Return the connections of all clouds that are not being removed."""
    with atlas.emulator.project.now() as project:
        return [peer.id for peer in project.peers if not peer.deleting]


@pytest.mark.parametrize("named", [False, True], ids=["found", "peer_id"])
@WAITS
def test_azure_moves_to_another_group(azure: PeerSite, named: bool, wait: bool) -> None:
    old = azure.create()
    options = {"resource_group_name": "other-group", "recreate": "changed", "wait": wait, "peer_id": old if named else None}
    foretold = azure.run(**options, check_mode=True)
    assert ids(azure.atlas) == [old]
    done = azure.run(**options)
    assert (done.failed, done.changed, azure.atlas.writes()) == (False, True, ["DELETE", "POST"])
    assert (foretold.changed, foretold.before, foretold.after) == (True, done.before, {**done.after, "id": None})
    expected = (old, "prod-net", "other-group")
    assert (done.before["id"], done.before["resource_group_name"], done.peer["resource_group_name"]) == expected
    # It is gone before the new one is requested, with or without wait.
    assert (ids(azure.atlas), len(azure.peers())) == ([done.peer["id"]], 1)
    azure.live()
    assert not azure.run(**options).changed


@WAITS
def test_peer_id_moves_a_connection_to_another_network(atlas: Atlas, site: PeerSite, wait: bool) -> None:
    old = site.create()
    options = {**site.other, "peer_id": old, "recreate": "changed", "wait": wait}
    foretold = site.run(**options, check_mode=True)
    assert (foretold.changed, ids(atlas)) == (True, [old])
    atlas.emulator.requests.clear()
    done = site.run(**options)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["POST", "DELETE"])
    assert (done.before["id"], foretold.before) == (old, done.before)
    assert (foretold.after, ids(atlas)) == ({**done.after, "id": None}, [done.peer["id"]])
    assert len(site.peers()) == (1 if wait else 2)
    site.live()
    again = site.run(**options)
    assert (again.failed, again.changed, again.peer["id"]) == (False, False, done.peer["id"])


def test_peer_id_moves_a_connection_to_another_container(azure: PeerSite) -> None:
    old = azure.create()
    azure.make_container(region="US_EAST", atlasCidrBlock="10.9.0.0/21")
    done = azure.run(peer_id=old, container_region_name="eastus", recreate="changed", wait=True)
    assert (done.failed, done.changed, ids(azure.atlas)) == (False, True, [done.peer["id"]])
    assert azure.atlas.writes() == ["POST", "DELETE"]


@WAITS
def test_an_overlapping_container_takes_it_after_the_removal(azure: PeerSite, wait: bool) -> None:
    old = azure.create()
    twin = azure.add_twin()
    options = {"peer_id": old, "container_region_name": "westeurope", "recreate": "changed", "wait": wait}
    foretold = azure.run(**options, check_mode=True)
    assert (foretold.failed, foretold.changed, ids(azure.atlas)) == (False, True, [old])
    done = azure.run(**options)
    assert (done.failed, done.changed, azure.atlas.writes()) == (False, True, ["DELETE", "POST"])
    assert (done.peer["container_id"], [one["id"] for one in azure.peers()]) == (twin, [done.peer["id"]])


def test_without_recreate_peer_id_has_to_fit(azure: PeerSite) -> None:
    old = azure.create()
    for recreate in ("never", "dead"):
        done = azure.run(**azure.other, peer_id=old, recreate=recreate)
        assert done.missing("vnet_name is prod-vnet, not other-net") == []
    assert azure.atlas.writes() == []


def test_a_move_goes_on_where_it_ended(azure: PeerSite) -> None:
    old = azure.create()
    new = azure.create(**azure.other)
    for check_mode in (True, False):
        done = azure.run(**azure.other, peer_id=old, recreate="changed", check_mode=check_mode)
        assert (done.failed, done.changed, done.peer["id"], done.before["id"]) == (False, True, new, old)
    assert (ids(azure.atlas), azure.atlas.writes()) == ([new], ["DELETE"])


def test_a_move_does_not_wait_for_what_is_on_its_way_out(azure: PeerSite) -> None:
    old = azure.create()
    azure.atlas.act("delete", old)
    done = azure.run(**azure.other, peer_id=old, recreate="changed")
    assert (done.failed, done.changed, azure.atlas.writes()) == (False, True, ["POST"])


def test_a_lost_reply_during_a_move_makes_no_second_connection(atlas: Atlas) -> None:
    site = azure_site(atlas)
    for method in ("POST", "DELETE"):
        for forward in (True, False):
            name = f"{method}-{forward}".lower()
            old = site.create(vnet_name=name)
            atlas.fault(method, "lost_reply" if forward else "close")
            done = site.run(vnet_name=f"{name}-new", peer_id=old, recreate="changed", wait=True)
            assert (done.failed, done.changed) == (False, True), done.result
            assert old not in ids(atlas)
    assert len(ids(atlas)) == 4


@CHECK_MODES
def test_what_is_the_same_is_not_replaced(azure: PeerSite, check_mode: bool) -> None:
    old = azure.create()
    for options in ({}, {"peer_id": old}, {"vnet_name": "PROD-VNET"}):
        done = azure.run(**options, recreate="changed", check_mode=check_mode)
        assert (done.changed, done.peer["id"]) == (False, old)


def test_changed_includes_dead(azure: PeerSite) -> None:
    old = azure.create()
    azure.fail(old)
    done = azure.run(recreate="changed", resource_group_name="other-group", wait=True)
    assert (done.failed, done.changed, ids(azure.atlas)) == (False, True, [done.peer["id"]])


def test_everything_that_a_new_one_needs_has_to_be_set(azure: PeerSite) -> None:
    azure.create()
    done = azure.run(recreate="changed", azure_directory_id=None, resource_group_name="other-group")
    assert done.missing("azure_directory_id is required with recreate: changed") == []
    assert azure.atlas.writes() == []


def test_refusals_for_the_role_are_waited_out_after_a_removal(azure: PeerSite) -> None:
    azure.create()
    azure.role(seconds=30)
    done = azure.run(recreate="changed", resource_group_name="other-group")
    assert (done.failed, done.changed, len(ids(azure.atlas))) == (False, True, 1)


def test_a_creation_that_fails_after_the_removal_names_the_rest(azure: PeerSite) -> None:
    old = azure.create()
    with azure.emulator.project.now() as project:
        # The role goes between the removal and the creation.
        delete = project.peers.delete

        def remove(peer: Any) -> None:
            delete(peer)
            project.peers.drop(peer)
            azure.role(given=False)

        project.peers.delete = remove
    done = azure.run(recreate="changed", resource_group_name="other-group", azure_role_timeout=30)
    words = (f"VPC peering connection {old} is removed by now; the next run creates the new one", "az role assignment create")
    assert done.missing(*words) == []
    assert done.msg.index("It was repeated") < done.msg.index("is removed by now"), "it is the request that was repeated"
    assert (done.changed, ids(azure.atlas)) == (True, [])
    azure.role()
    assert azure.run(recreate="changed", resource_group_name="other-group").changed


@WAITS
def test_aws_moves_to_another_region(atlas: Atlas, wait: bool) -> None:
    old = atlas.create(accepter_region_name="us-west-2")["id"]
    options = {**PEERING, "accepter_region_name": "eu-west-1", "recreate": "changed", "wait": wait}
    foretold = atlas.run(**options, check_mode=True)
    done = atlas.run(**options)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["DELETE", "POST"])
    assert (done.before["id"], done.peer["accepter_region_name"]) == (old, "eu-west-1")
    assert {**foretold.after, "id": None, "connection_id": None} == {**done.after, "id": None, "connection_id": None}


def test_aws_moves_to_a_vpc_with_the_same_block_after_a_removal(atlas: Atlas) -> None:
    old = atlas.create()["id"]
    options = {**PEERING, "vpc_id": OTHER_VPC, "peer_id": old, "recreate": "changed"}
    foretold = atlas.run(**options, check_mode=True)
    assert (foretold.failed, foretold.changed) == (False, True)
    done = atlas.run(**options)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["DELETE", "POST"])
    assert [one["vpcId"] for one in atlas.peers()] == [OTHER_VPC]


def test_aws_moves_to_another_vpc_with_another_block_first(atlas: Atlas) -> None:
    old = atlas.create()["id"]
    options = {**PAIR, "vpc_id": OTHER_VPC, "route_table_cidr_block": "10.99.0.0/16", "peer_id": old, "recreate": "changed"}
    done = atlas.run(**options)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["POST", "DELETE"])
    assert [one["vpcId"] for one in atlas.peers() if one["statusName"] != "TERMINATING"] == [OTHER_VPC]


def test_a_block_of_aws_is_still_changed_in_place(atlas: Atlas) -> None:
    old = atlas.create()["id"]
    done = atlas.run(**{**PEERING, "route_table_cidr_block": "10.99.0.0/16"}, recreate="changed")
    assert (done.peer["id"], atlas.writes(), CIDR, VPC) == (old, ["PATCH"], CIDR, VPC)


@CHECK_MODES
def test_a_move_stays_in_its_container(azure: PeerSite, check_mode: bool) -> None:
    azure.make_container(region="US_EAST", atlasCidrBlock="10.9.0.0/21")
    elsewhere = azure.create(**azure.other, container_region_name="eastus")
    old = azure.create(container_id=azure.container_id)
    done = azure.run(**azure.other, peer_id=old, recreate="changed", check_mode=check_mode)
    assert (done.failed, done.changed, done.peer["container_id"]) == (False, True, azure.container_id)
    assert ids(azure.atlas) == ([elsewhere, old] if check_mode else [elsewhere, done.peer["id"]])


def test_a_move_that_removes_first_needs_a_container_option(atlas: Atlas) -> None:
    old = atlas.create(container_id=atlas.container_id)["id"]
    atlas.add_container("EU_WEST_1", "192.168.240.0/21")
    options = {**PEERING, "vpc_id": OTHER_VPC, "peer_id": old, "recreate": "changed"}
    assert atlas.run(**options).missing("has 2 network containers", "container_region_name") == []
    assert atlas.writes() == []
    done = atlas.run(**options, container_region_name="us-east-1")
    assert (done.failed, atlas.writes()) == (False, ["DELETE", "POST"])


@CHECK_MODES
def test_a_mistake_in_the_container_removes_nothing(azure: PeerSite, check_mode: bool) -> None:
    old = azure.create()
    options = {**azure.other, "peer_id": old, "recreate": "changed"}
    done = azure.run(**options, container_id="5356823b3794dee37132bb7c", check_mode=check_mode)
    assert done.missing("has no network container 5356823b3794dee37132bb7c") == []
    assert ids(azure.atlas) == [old]


@pytest.mark.parametrize("recreate", ["dead", "changed"])
@pytest.mark.parametrize("late", [False, True], ids=["failed", "late"])
def test_a_removal_that_fails_is_not_told_to_be_done(azure: PeerSite, recreate: str, late: bool) -> None:
    old = azure.create()
    if recreate == "dead":
        azure.fail(old)
    if late:
        with azure.emulator.project.now() as project:
            project.peers.advance = lambda now: None
    else:
        azure.fail_deletion(old)
    options = {"resource_group_name": "other-group"} if recreate == "changed" else {}
    done = azure.run(**options, recreate=recreate, wait_timeout=30)
    said = "is still DELETING after 30 seconds" if late else "could not be removed: it is DELETION_FAILED"
    assert done.missing(f"{old} {said}") == []
    assert "removed by now" not in done.msg
    assert azure.atlas.writes() == ["DELETE"]


@CHECK_MODES
def test_a_move_removes_no_second_connection_that_works(azure: PeerSite, check_mode: bool) -> None:
    old, other = azure.create(), azure.create(**{**azure.other, "resource_group_name": "third-group"})
    done = azure.run(**azure.other, peer_id=old, recreate="changed", check_mode=check_mode)
    words = (f"peer_id names VPC peering connection {old}", f"{other} leads there", "Run the task without peer_id first")
    assert done.missing(*words) == []
    assert (done.changed, ids(azure.atlas)) == (False, [old, other])


@CHECK_MODES
def test_a_move_says_that_it_replaces_one_that_has_failed(azure: PeerSite, check_mode: bool) -> None:
    old, other = azure.create(), azure.create(**azure.other)
    azure.fail(other)
    done = azure.run(**azure.other, peer_id=old, recreate="changed", wait=True, check_mode=check_mode)
    assert (done.failed, done.changed, len(done.warnings)) == (False, True, 1)
    assert f"VPC peering connection {other} to VNet other-net" in done.warnings[0]
    assert f"is removed as well as {old}" in done.warnings[0]
    assert ids(azure.atlas) == ([old, other] if check_mode else [done.peer["id"]])
