"""The region of a connection on AWS, which Atlas leaves out if it is the container's; the hand-over; what a loop reads once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._auth.clients import ClientPool
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations import atlas_vpc_peer_info, atlas_vpc_peers
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.peer_site import PeerSite
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page, reply

BLOCK, OTHER_BLOCK = "192.168.248.0/21", "192.168.240.0/21"
OTHER_VPC = "vpc-0000000000000beef"


def in_set(atlas: Atlas, **options: Any) -> Done:
    """Declare the connection in a set, whose first entry then stands for the result."""
    task = {name: options.pop(name) for name in ("recreate", "check_mode", "api_version") if name in options}
    done = atlas.run(atlas_vpc_peers.OPERATION, peers=[{**PEERING, **options}], max_deletions=1, **task)
    # A refusal has none.
    shown = {"vpc_peer": [*done.result["vpc_peers"], None][0], "handover": [*done.result["handover"], None][0]}
    return Done({**done.result, **shown}, done.warnings)


def alone(atlas: Atlas, **options: Any) -> Done:
    return atlas.run(**PEERING, **options)


WAYS = pytest.mark.parametrize("run", [alone, in_set], ids=["task", "set"])


@WAYS
@pytest.mark.parametrize("region", [None, "us-east-1", "EU_WEST_1"])
@pytest.mark.parametrize("given", [False, True], ids=["", "container_id"])
def test_every_run_hands_over_region_and_block(atlas: Atlas, run: Any, region: str | None, given: bool) -> None:
    options = {"accepter_region_name": region, "container_id": atlas.container_id if given else None}
    options = {name: value for name, value in options.items() if value is not None}
    where = "eu-west-1" if region == "EU_WEST_1" else "us-east-1"
    known = {"aws_account_id": ACCOUNT, "vpc_id": VPC, "accepter_region_name": where, "atlas_cidr_block": BLOCK}
    waiting = {**known, "connection_id": None, "aws": None}
    for check_mode in (True, False):
        done = run(atlas, **options, check_mode=check_mode)
        assert (done.changed, done.result["handover"], done.peer["accepter_region_name"]) == (True, waiting, where)
    atlas.clock.sleep(5)
    # The second run needs no option to know it.
    for again in (options, {}):
        done = run(atlas, **again)
        connection_id = atlas.peers()[0]["connectionId"]
        assert (done.changed, done.peer["accepter_region_name"]) == (False, where)
        text = done.result["handover"].pop("aws")
        assert done.result["handover"] == {**known, "connection_id": connection_id}
        accept, route = text.splitlines()
        common = f"--region {where} --vpc-peering-connection-id {connection_id}"
        assert accept == f"aws ec2 accept-vpc-peering-connection {common}"
        begins = f'aws ec2 create-route --route-table-id "$ROUTE_TABLE_ID" --destination-cidr-block {BLOCK}'
        assert route == f"{begins} {common}"


@WAYS
def test_what_is_available_needs_a_route_alone(atlas: Atlas, run: Any) -> None:
    run(atlas)
    atlas.clock.sleep(5)
    atlas.act("accept", atlas.peers()[0]["id"])
    atlas.clock.sleep(5)
    (route,) = run(atlas).result["handover"].pop("aws").splitlines()
    assert route.startswith("aws ec2 create-route ")


def test_a_wait_a_change_and_a_failure_hand_over_as_well(atlas: Atlas) -> None:
    assert atlas.run(**PEERING, wait=True).result["handover"]["aws"] is not None
    changed = atlas.run(**PAIR, route_table_cidr_block="10.99.0.0/16")
    assert (changed.changed, changed.result["handover"]["atlas_cidr_block"]) == (True, BLOCK)
    atlas.fail(atlas.peers()[0]["id"], "REJECTED")
    failed = atlas.run(**PEERING)
    assert (failed.failed, failed.result["handover"]["accepter_region_name"]) == (True, "us-east-1")
    atlas.fault("POST", "status", status=400, code="X")
    refused = atlas.run(**{**PEERING, "vpc_id": OTHER_VPC, "route_table_cidr_block": "10.98.0.0/16"})
    known = refused.result["handover"]
    assert (refused.failed, known["vpc_id"], known["accepter_region_name"]) == (True, OTHER_VPC, "us-east-1")
    assert known["atlas_cidr_block"] == BLOCK
    assert atlas.run(**PAIR, state="absent").result["handover"] is None


@WAYS
@pytest.mark.parametrize("recreate", ["never", "dead"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_wrong_region_is_found_where_atlas_answers_null(atlas: Atlas, run: Any, recreate: str, check_mode: bool) -> None:
    assert atlas.create()["accepterRegionName"] is None
    done = run(atlas, accepter_region_name="eu-west-1", recreate=recreate, check_mode=check_mode)
    assert done.missing("differs in what cannot be changed", "accepter_region_name is us-east-1, not eu-west-1") == []
    assert atlas.writes() == []
    assert not run(atlas, accepter_region_name="US_EAST_1", recreate=recreate, check_mode=check_mode).failed


@WAYS
def test_recreate_replaces_a_connection_in_a_wrong_region(atlas: Atlas, run: Any) -> None:
    old = atlas.create()
    options = {"accepter_region_name": "eu-west-1", "recreate": "changed"}
    foreseen = run(atlas, **options, check_mode=True)
    assert (foreseen.failed, foreseen.changed, foreseen.peer["accepter_region_name"]) == (False, True, "eu-west-1")
    assert foreseen.result["handover"]["accepter_region_name"] == "eu-west-1"
    done = run(atlas, **options)
    assert (done.failed, done.changed, atlas.writes()) == (False, True, ["DELETE", "POST"])
    assert (atlas.peers()[0]["accepterRegionName"], atlas.peers()[0]["id"] != old["id"]) == ("eu-west-1", True)
    assert not run(atlas, **options).changed


@pytest.mark.parametrize("which", ["pair", "peer_id"])
def test_a_diff_prints_the_region(atlas: Atlas, which: str) -> None:
    peer = atlas.create()
    options = {"peer_id": peer["id"]} if which == "peer_id" else PAIR
    for check_mode in (True, False):
        done = atlas.run(**options, route_table_cidr_block="10.99.0.0/16", check_mode=check_mode)
        assert [one["accepter_region_name"] for one in (done.before, done.after, done.peer)] == ["us-east-1"] * 3


FIXED = {"AZURE": ("azureDirectoryId", "resourceGroupName"), "AWS": ("routeTableCidrBlock",)}
IDENTITY = {
    "AWS": ("vpcId", "awsAccountId"),
    "AZURE": ("azureSubscriptionId", "vnetName"),
    "GCP": ("gcpProjectId", "networkName"),
}


@pytest.mark.parametrize(
    ("cloud", "missing", "named"),
    [
        (cloud, name, named)
        for fields in (IDENTITY, FIXED)
        for cloud, names in fields.items()
        for name in names
        for named in (True, False)
    ],
)
def test_a_field_that_atlas_leaves_out_replaces_nothing(
    request: pytest.FixtureRequest, atlas: Atlas, wire: Wire, cloud: str, missing: str, named: bool
) -> None:
    site: Any = atlas if cloud == "AWS" else request.getfixturevalue(cloud.lower())
    site.create()
    (peer,) = site.peers_of(cloud)
    shown = {**peer, missing: None}
    options = {**(PEERING if cloud == "AWS" else {}), "container_id": peer["containerId"]}
    name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in missing)
    for recreate in ("changed", "never"):
        wire.faults.append(Fault("GET", reply(shown) if named else page(shown)))
        done = site.run(**options, recreate=recreate, peer_id=peer["id"] if named else None)
        assert done.missing(f"Atlas does not report the {name} of VPC peering connection {peer['id']}") == []
        assert (done.changed, atlas.writes()) == (False, [])


def test_an_unknown_cloud_is_a_failure(atlas: Atlas, wire: Wire) -> None:
    peer = atlas.create()
    (shown,) = atlas.peers_of("AWS")
    for options in ({}, PAIR):
        wire.faults.append(Fault("GET", reply({**shown, "providerName": "OCI"})))
        done = atlas.run(**options, peer_id=peer["id"])
        assert done.missing(f"peer_id names VPC peering connection {peer['id']} on OCI") == []


@contextlib.contextmanager
def loop(atlas: Atlas) -> Iterator[ClientPool]:
    """Give the clients of a loop."""
    pool = ClientPool(atlas.clock, atlas.clock.sleep)
    try:
        yield pool
    finally:
        pool.close()


def items(count: int) -> list[dict[str, Any]]:
    return [{**PAIR, "vpc_id": f"vpc-{number:017x}", "route_table_cidr_block": f"10.{number}.0.0/16"} for number in range(count)]


def test_a_loop_reads_a_container_once(atlas: Atlas) -> None:
    """N+2 requests with nothing to do, and 2N+2 to create: the challenge, and the container."""
    options = {"container_id": atlas.container_id, "accepter_region_name": "us-east-1"}
    for changed, expected in ((True, 2 * 5 + 2), (False, 5 + 2)):
        atlas.emulator.requests.clear()
        with loop(atlas) as pool:
            for item in items(5):
                done = atlas.run(**item, **options, pool=pool)
                assert (done.changed, done.result["handover"]["atlas_cidr_block"]) == (changed, BLOCK)
        assert len(atlas.wire()) == expected
    atlas.emulator.requests.clear()
    with loop(atlas) as pool:
        # Nothing but the network is named.
        assert not any(atlas.run(**item, pool=pool).changed for item in items(5))
    assert len(atlas.wire()) == 5 + 2


@pytest.mark.parametrize("cloud", ["AWS", "AZURE"])
def test_a_loop_by_region_lists_the_containers_once(request: pytest.FixtureRequest, atlas: Atlas, cloud: str) -> None:
    """A container that a connection uses is not moved, so the first list serves all items that find their connection."""
    site: Any = atlas if cloud == "AWS" else request.getfixturevalue("azure")
    names = items(4) if cloud == "AWS" else [{"vnet_name": f"net-{number}"} for number in range(4)]
    region = "us-east-1" if cloud == "AWS" else "northeurope"
    for item in names:
        assert site.run(**item, container_region_name=region).changed
    atlas.emulator.requests.clear()
    with loop(atlas) as pool:
        assert not any(site.run(**item, container_region_name=region, pool=pool).changed for item in names)
        assert len(atlas.wire()) == 4 + 2
        # A connection in another container, and a region without one, still need the list.
        assert site.run(**names[0], container_region_name="westeurope" if cloud == "AZURE" else "eu-west-1", pool=pool).failed
        assert atlas.writes() == []


@pytest.mark.parametrize("more", [{}, {"container_region_name": "us-east-1"}], ids=str)
def test_a_loop_that_only_reads_lists_the_containers_once(atlas: Atlas, more: dict[str, str]) -> None:
    for item in items(3):
        assert atlas.run(**item).changed
    atlas.emulator.requests.clear()
    with loop(atlas) as pool:
        for item in items(3):
            done = atlas.run(atlas_vpc_peer_info.OPERATION, vpc_id=item["vpc_id"], **more, pool=pool)
            assert [one["accepter_region_name"] for one in done.result["vpc_peers"]] == ["us-east-1"]
    assert len(atlas.wire()) == 3 + 2


def test_a_block_from_before_a_creation_is_not_kept(make_atlas: Any) -> None:
    """The creation lists the containers; what an earlier item has read of one counts no longer."""
    atlas = make_atlas(terminating_holds_nothing=True, step_seconds=0)
    first = atlas.create()
    with loop(atlas) as pool:
        atlas.run(**PEERING, pool=pool)
        atlas.act("delete", first["id"])
        atlas.clock.sleep(5)
        change_block(atlas)
        for item in items(3):
            assert atlas.run(**item, pool=pool).result["handover"]["atlas_cidr_block"] == OTHER_BLOCK


def change_block(atlas: Atlas) -> None:
    """Change the block of the container, which nothing uses."""
    with atlas.emulator.project.now() as project:
        body = {"providerName": "AWS", "regionName": "US_EAST_1", "atlasCidrBlock": OTHER_BLOCK}
        project.containers.update(project.containers.get(atlas.container_id), body, [], needs_all=True)


def move_container(atlas: Atlas) -> None:
    """Move the container, which nothing uses, as Terraform does: with its region in a PATCH."""
    with atlas.emulator.project.now() as project:
        body = {"providerName": "AWS", "regionName": "US_EAST_2", "atlasCidrBlock": BLOCK}
        project.containers.update(project.containers.get(atlas.container_id), body, [], needs_all=True)


def test_a_container_that_was_moved_is_in_its_new_region(make_atlas: Any) -> None:
    """Between two items of a loop, or two tasks: the region that an earlier one has read counts no longer."""
    atlas = make_atlas(terminating_holds_nothing=True, step_seconds=0)
    first = atlas.create()
    with loop(atlas) as pool:
        for more in ({}, {"container_region_name": "us-east-1"}):
            assert not atlas.run(**PEERING, **more, pool=pool).changed
        atlas.act("delete", first["id"])
        atlas.clock.sleep(5)
        move_container(atlas)
        second = atlas.add_peer(accepterRegionName="us-east-2")
        read = atlas.run(atlas_vpc_peer_info.OPERATION, **PAIR, pool=pool)
        assert [(one["id"], one["accepter_region_name"]) for one in read.result["vpc_peers"]] == [(second, "us-east-2")]
        done = atlas.run(**PEERING, container_region_name="us-east-2", pool=pool)
        assert (done.failed, done.changed, done.peer["id"]) == (False, False, second)
        differing = atlas.run(**PEERING, accepter_region_name="us-east-1", pool=pool)
        assert differing.missing("accepter_region_name is us-east-2, not us-east-1") == []
        assert atlas.writes() == []


@WAYS
def test_the_region_that_a_container_has_left_is_refused(atlas: Atlas, run: Any) -> None:
    move_container(atlas)
    for check_mode in (True, False):
        done = run(atlas, container_region_name="us-east-1", check_mode=check_mode)
        found = f"it has {atlas.container_id} (us-east-2, {BLOCK})"
        assert done.missing("has no network container on AWS in us-east-1", found) == []
    assert atlas.writes() == []
    # Without one, the only container is used, and the result says where it is.
    assert run(atlas).peer["accepter_region_name"] == "us-east-2"


def test_what_stays_in_a_container_that_was_moved_is_named(atlas: Atlas) -> None:
    move_container(atlas)
    peer_id = atlas.add_peer(accepterRegionName="us-east-2")
    options = {**PAIR, "state": "absent"}
    done = atlas.run(**options, container_region_name="us-east-1")
    (warning,) = done.warnings
    assert f"{peer_id} in network container {atlas.container_id} (us-east-2)" in warning
    assert (done.failed, done.changed) == (False, False)
    # Another network is connected nowhere, and where the region has a container, nothing is missing.
    assert atlas.run(**{**options, "vpc_id": OTHER_VPC}, container_region_name="us-east-1").warnings == []
    atlas.add_container("US_EAST_1", OTHER_BLOCK)
    assert atlas.run(**options, container_region_name="us-east-1").warnings == []
    done = atlas.run(**options, container_region_name="us-east-2")
    assert (done.changed, done.warnings) == (True, [])


def test_each_container_of_a_loop_is_read_once(atlas: Atlas) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    for number, item in enumerate(items(6)):
        assert atlas.run(**item, container_id=other if number % 2 else atlas.container_id).changed
    atlas.emulator.requests.clear()
    with loop(atlas) as pool:
        regions = [atlas.run(**item, pool=pool).peer["accepter_region_name"] for item in items(6)]
    assert (regions, len(atlas.wire())) == (["us-east-1", "eu-west-1"] * 3, 6 + 3)


def test_a_block_that_may_have_changed_is_read_again(make_atlas: Any) -> None:
    """No connection has used the container all the time, so its block may be another."""
    atlas = make_atlas(terminating_holds_nothing=True, step_seconds=0)
    first = atlas.create()
    with loop(atlas) as pool:
        assert atlas.run(**PEERING, pool=pool).result["handover"]["atlas_cidr_block"] == BLOCK
        atlas.act("delete", first["id"])
        atlas.clock.sleep(5)
        change_block(atlas)
        atlas.add_peer(vpcId=OTHER_VPC)
        known = atlas.run(**{**PEERING, "vpc_id": OTHER_VPC}, pool=pool).result["handover"]
        assert (known["atlas_cidr_block"], known["accepter_region_name"]) == (OTHER_BLOCK, "us-east-1")


def test_a_container_that_is_gone_is_not_used(make_atlas: Any) -> None:
    atlas = make_atlas(terminating_holds_nothing=True, step_seconds=0)
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    first = atlas.create(container_id=other)
    with loop(atlas) as pool:
        assert not atlas.run(**PEERING, pool=pool).changed
        atlas.act("delete", first["id"])
        atlas.clock.sleep(5)
        with atlas.emulator.project.now() as project:
            project.containers.delete(project.containers.get(other), [])
        done = atlas.run(**PEERING, container_id=other, accepter_region_name="eu-west-1", pool=pool)
        assert (done.result["error_code"], atlas.writes()) == ("CLOUD_PROVIDER_CONTAINER_NOT_FOUND", [])


def test_on_other_clouds_nothing_is_read_for_it(site: PeerSite) -> None:
    site.create()
    site.emulator.requests.clear()
    assert not site.run().changed
    assert site.requests() == ["GET peers"] or site.requests() == [f"GET peers?providerName={site.cloud}"]


def test_the_block_of_the_container_is_checked_first(atlas: Atlas) -> None:
    done = atlas.run(**PAIR, route_table_cidr_block=BLOCK, container_id=atlas.container_id, accepter_region_name="us-east-1")
    assert done.missing(f"route_table_cidr_block {BLOCK} overlaps {BLOCK} of network container {atlas.container_id}") == []
    assert (atlas.writes(), CIDR != BLOCK) == ([], True)


@pytest.mark.parametrize("missing", ["azureDirectoryId", "resourceGroupName", *IDENTITY["AZURE"]])
def test_in_a_set_a_field_that_is_left_out_replaces_nothing(azure: PeerSite, wire: Wire, missing: str) -> None:
    azure.create()
    (peer,) = azure.peers()
    wire.faults.append(Fault("GET", page({**peer, missing: None})))
    options = {"peers": [azure.options], "provider_name": "AZURE", "recreate": "changed", "max_deletions": 1}
    done = azure.atlas.run(atlas_vpc_peers.OPERATION, **options)
    assert done.missing("peers[0]", "Atlas does not report the", f"of VPC peering connection {peer['id']}") == []
    assert (done.changed, azure.atlas.writes()) == (False, [])


@pytest.mark.parametrize("container_id", [None, "5356823b3794dee37132bb7c"], ids=["none", "another"])
def test_a_reply_with_another_container_says_no_region(atlas: Atlas, wire: Wire, container_id: str | None) -> None:
    atlas.create()
    odd = {"id": container_id, "providerName": "AWS", "regionName": "EU_WEST_1", "atlasCidrBlock": OTHER_BLOCK}
    wire.faults += [Fault("GET"), Fault("GET", reply(odd))]
    done = alone(atlas, accepter_region_name="us-east-1", recreate="changed", check_mode=True)
    assert (done.failed, done.changed) == (True, False)
    assert done.missing("read network container", "not this network container") == []
