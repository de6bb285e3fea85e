"""What is checked against Atlas's present state before a connection is requested."""

from __future__ import annotations

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, PAIR, PEERING, Atlas


@pytest.mark.parametrize("block", ["192.168.248.0/21", "192.168.250.0/24", "192.168.0.0/16"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_block_that_overlaps_the_container_is_refused_unsent(atlas: Atlas, block: str, check_mode: bool) -> None:
    done = atlas.run(**PAIR, route_table_cidr_block=block, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    for part in ("route_table_cidr_block", block, "192.168.248.0/21", atlas.container_id):
        assert part in done.msg


@pytest.mark.parametrize("block", ["10.15.0.0/16", "10.15.7.0/24", "10.0.0.0/8"])
def test_a_block_that_overlaps_another_peer_is_refused_unsent(atlas: Atlas, block: str) -> None:
    other = atlas.create()
    done = atlas.run(vpc_id="vpc-0000000000000beef", aws_account_id=ACCOUNT, route_table_cidr_block=block)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    for part in ("route_table_cidr_block", block, "10.15.0.0/16", other["id"]):
        assert part in done.msg


def test_peers_in_other_containers_and_dying_ones_do_not_count(atlas: Atlas) -> None:
    elsewhere = atlas.add_container("EU_WEST_1", "10.200.0.0/21")
    atlas.create(container_id=elsewhere)
    other = {"vpc_id": "vpc-0000000000000beef", "aws_account_id": ACCOUNT, "route_table_cidr_block": "10.15.0.0/16"}
    done = atlas.run(**other, container_id=atlas.container_id)
    assert (done.failed, done.changed) == (False, True)
    atlas.act("delete", done.peer["id"])
    done = atlas.run(**{**other, "vpc_id": "vpc-0000000000000cafe"}, container_id=atlas.container_id)
    assert (done.failed, done.changed) == (False, True)


def test_a_container_of_another_cloud_is_refused_unsent(atlas: Atlas) -> None:
    with atlas.emulator.project.now() as project:
        other = project.containers.create({"providerName": "AZURE", "region": "US_EAST_2", "atlasCidrBlock": "10.8.0.0/21"}).id
    done = atlas.run(**PEERING, container_id=other)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    for part in ("container_id", other, "AZURE"):
        assert part in done.msg
