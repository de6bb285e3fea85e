"""Creating a connection: what is checked first, what is sent, what comes back, and how its container is found."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, CIDR, PAIR, PEERING, VPC, Atlas, without_times
from ansible_collections.cloudpeer.atlas.tests.support.wire import Wire

FIELDS = [
    "id",
    "connection_id",
    "status_name",
    "error_state_name",
    "vpc_id",
    "aws_account_id",
    "route_table_cidr_block",
    "container_id",
    "accepter_region_name",
    "provider_name",
    "requested_at",
    "expires_at",
]
EXAMPLE = {
    "api_version": "v1.0",
    "group_id": "5356823b3794dee37132bb7b",
    "vpc_id": "vpc-123456",
    "aws_account_id": "abc123abc123",
    "route_table_cidr_block": "192.168.0.0/24",
}


@pytest.mark.usefixtures("on_sockets")
def test_a_creation_costs_four_requests_on_one_connection(atlas: Atlas) -> None:
    """The challenge, the connections, the container for the hand-over, and the creation."""
    done = atlas.run(**PEERING, container_id=atlas.container_id, accepter_region_name="us-east-1")
    assert (done.changed, atlas.wire()) == (True, [("GET", 401), ("GET", 200), ("GET", 200), ("POST", 200)])
    assert atlas.tcp_connections() == 1
    assert [(one["method"], one["status"]) for one in done.result["api_calls"]] == atlas.wire()


@pytest.mark.usefixtures("on_sockets")
def test_finding_the_container_costs_as_much(atlas: Atlas) -> None:
    done = atlas.run(**PEERING)
    assert atlas.wire() == [("GET", 401), ("GET", 200), ("GET", 200), ("POST", 200)]
    assert [entry["path"].rsplit("/", 1)[1] for entry in atlas.emulator.requests.entries()][2] == "containers"
    assert (done.peer["container_id"], atlas.tcp_connections()) == (atlas.container_id, 1)


def test_the_result_has_the_documented_fields_and_no_other(atlas: Atlas) -> None:
    done = atlas.run(**PEERING)
    assert (sorted(done.peer), done.peer["provider_name"]) == (sorted(FIELDS), "AWS")
    assert done.peer["status_name"] == "INITIATING"
    assert (done.peer["vpc_id"], done.peer["aws_account_id"], done.peer["route_table_cidr_block"]) == (VPC, ACCOUNT, CIDR)
    assert done.peer["id"] == atlas.peers()[0]["id"]
    assert set(done.result) == {"changed", "vpc_peer", "handover", "diff", "requests", "api_calls"}
    assert (done.before, done.after, done.warnings) == ({}, without_times(done.peer), [])


def test_the_same_task_again_costs_three_requests(atlas: Atlas) -> None:
    first = atlas.create(accepter_region_name="US_EAST_1")
    done = atlas.run(**PEERING, accepter_region_name="us-east-1", container_id=atlas.container_id)
    assert (done.changed, atlas.wire(), done.peer["id"]) == (False, [("GET", 401), ("GET", 200), ("GET", 200)], first["id"])
    assert done.before == done.after == without_times(done.peer)


@pytest.mark.parametrize("version", ["v2", "v1.0"])
@pytest.mark.parametrize("envelope", [False, True])
def test_the_cycle_works_in_each_form_of_the_api(atlas: Atlas, version: str, envelope: bool) -> None:
    form = {"api_version": version, "envelope": envelope}
    steps = [PEERING, PEERING, {**PEERING, "route_table_cidr_block": "10.99.0.0/16"}, {**PAIR, "state": "absent"}]
    assert [atlas.run(**step, **form).changed for step in steps] == [True, False, True, True]
    assert atlas.run(**PAIR, state="absent", wait=True, **form).changed is False
    assert atlas.peers() == []


def test_the_body_of_v1_is_that_of_the_first_edition(atlas: Atlas, wire: Wire) -> None:
    done = atlas.run(**EXAMPLE)
    assert done.changed
    (sent,) = wire.sent("POST")
    assert sent.json == {"vpcId": "vpc-123456", "awsAccountId": "abc123abc123", "routeTableCidrBlock": "192.168.0.0/24"}
    assert sent.path == "/api/atlas/v1.0/groups/5356823b3794dee37132bb7b/peers"
    assert (sent.headers["content-type"], sent.headers["accept"]) == ("application/json", "application/json")
    # Atlas has chosen the container, which is read for the hand-over.
    assert [one.method for one in wire.requests] == ["GET", "GET", "POST", "GET"]
    handover = done.result["handover"]
    assert (handover["accepter_region_name"], handover["atlas_cidr_block"]) == ("us-east-1", "192.168.248.0/21")
    assert [warning.split(" ")[0] for warning in done.warnings] == ["aws_account_id", "vpc_id"]


def test_the_body_of_v1_has_the_container_and_the_provider(atlas: Atlas, wire: Wire) -> None:
    assert atlas.run(**{**EXAMPLE, "container_id": atlas.container_id}).changed
    expected = {"vpcId", "awsAccountId", "routeTableCidrBlock", "containerId", "providerName"}
    assert set(wire.sent("POST")[0].json) == expected


def test_the_body_of_v2_has_all_six_fields(atlas: Atlas, wire: Wire) -> None:
    assert atlas.run(**PEERING, accepter_region_name="EU_WEST_1").changed
    assert wire.sent("POST")[0].json == {
        "vpcId": VPC,
        "awsAccountId": ACCOUNT,
        "routeTableCidrBlock": CIDR,
        "containerId": atlas.container_id,
        "accepterRegionName": "eu-west-1",
        "providerName": "AWS",
    }


def test_without_a_region_that_of_the_container_is_sent(atlas: Atlas, wire: Wire) -> None:
    assert atlas.run(**PEERING, container_id=atlas.container_id).changed
    assert wire.sent("POST")[0].json["accepterRegionName"] == "us-east-1"
    assert [one.path.split("/")[-1] for one in wire.requests[2:]] == [atlas.container_id, "peers"]


def test_the_only_container_is_taken_whatever_the_region(atlas: Atlas) -> None:
    done = atlas.run(**PEERING, accepter_region_name="ap-south-1")
    assert (done.peer["container_id"], done.peer["accepter_region_name"]) == (atlas.container_id, "ap-south-1")


@pytest.mark.parametrize("region", ["eu-west-1", "EU_WEST_1"])
def test_of_several_containers_the_one_in_the_region_is_taken(atlas: Atlas, region: str) -> None:
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    done = atlas.run(**PEERING, accepter_region_name=region)
    assert (done.peer["container_id"], done.peer["accepter_region_name"]) == (other, "eu-west-1")


@pytest.mark.parametrize("region", [None, "ap-south-1"])
def test_several_containers_of_which_none_is_meant_are_listed(atlas: Atlas, region: str | None) -> None:
    other = atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    done = atlas.run(**PEERING, accepter_region_name=region)
    assert done.failed
    for part in (atlas.container_id, other, "us-east-1", "eu-west-1", "10.8.0.0/21", "192.168.248.0/21", "container_id"):
        assert part in done.msg
    assert (atlas.writes(), len(atlas.wire())) == ([], 3)


def test_containers_of_other_clouds_do_not_count(atlas: Atlas) -> None:
    atlas.create_container(providerName="GCP", atlasCidrBlock="10.128.0.0/18")
    atlas.create_container(providerName="AZURE", region="US_EAST_2", atlasCidrBlock="10.8.0.0/21")
    assert atlas.run(**PEERING).peer["container_id"] == atlas.container_id


def test_a_group_without_container_is_told_so(atlas: Atlas) -> None:
    with atlas.emulator.project.now() as project:
        project.containers.delete(project.containers.get(atlas.container_id), [])
    assert "no network container on AWS" in atlas.run(**PEERING).msg
    assert atlas.writes() == []


def test_of_an_existing_connection_only_its_container_is_read(atlas: Atlas) -> None:
    atlas.create()
    atlas.add_container("EU_WEST_1", "10.8.0.0/21")
    assert not atlas.run(**PEERING).failed
    assert [entry["path"].rsplit("/", 1)[1] for entry in atlas.emulator.requests.entries()][2:] == [atlas.container_id]


def test_a_connection_on_a_later_page_is_found(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        atlas.add_peer(vpcId=f"vpc-{number:08x}", routeTableCidrBlock=f"10.{100 + number}.0.0/16")
    atlas.create()
    monkeypatch.setattr("ansible_collections.cloudpeer.atlas.plugins.module_utils._api.client.PAGE_SIZE", 2)
    assert atlas.run(**PEERING).changed is False
    assert atlas.wire() == [("GET", 401)] + [("GET", 200)] * 4


@pytest.mark.parametrize("other", [{"aws_account_id": "999999999999"}, {"vpc_id": "vpc-0000000000000beef"}])
def test_another_account_or_vpc_is_another_connection(atlas: Atlas, other: dict[str, Any]) -> None:
    atlas.create()
    done = atlas.run(**{**PEERING, **other, "route_table_cidr_block": "10.77.0.0/16"})
    assert (done.changed, len(atlas.peers())) == (True, 2)


def test_verbosity_shows_api_calls_and_diff_mode_the_diff(atlas: Atlas) -> None:
    for verbosity in (0, 1, 2, 4):
        for diff in (False, True):
            done = atlas.run(**PEERING, check_mode=True, verbosity=verbosity, diff=diff)
            assert ("api_calls" in done.result, "diff" in done.result) == (verbosity >= 2, diff)
            assert done.result["requests"]["sent"] > done.result["requests"]["writes"] == 0
    done = atlas.run(**PEERING, verbosity=2)
    for call in done.result["api_calls"]:
        assert sorted(call) == ["method", "milliseconds", "path", "status"]
        assert "?" not in call["path"]
    expected = atlas.wire()[-len(done.result["api_calls"]) :]
    assert [(call["method"], call["status"]) for call in done.result["api_calls"]] == expected
    assert done.result["api_calls"][-1]["method"] == "POST"
    assert done.result["requests"] == {"sent": len(expected), "writes": 1}
    assert (done.before, done.after["vpc_id"]) == ({}, PEERING["vpc_id"])


@pytest.mark.parametrize("block", ["192.168.248.0/21", "192.168.250.0/24", "192.168.0.0/16"])
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_block_that_overlaps_the_container_is_refused_unsent(atlas: Atlas, block: str, check_mode: bool) -> None:
    done = atlas.run(**PAIR, route_table_cidr_block=block, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("route_table_cidr_block", block, "192.168.248.0/21", atlas.container_id) == []


@pytest.mark.parametrize("block", ["10.15.0.0/16", "10.15.7.0/24", "10.0.0.0/8"])
def test_a_block_that_overlaps_another_peer_is_refused_unsent(atlas: Atlas, block: str) -> None:
    other = atlas.create()
    done = atlas.run(vpc_id="vpc-0000000000000beef", aws_account_id=ACCOUNT, route_table_cidr_block=block)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("route_table_cidr_block", block, "10.15.0.0/16", other["id"]) == []


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
    other = atlas.create_container(providerName="AZURE", region="US_EAST_2", atlasCidrBlock="10.8.0.0/21")
    done = atlas.run(**PEERING, container_id=other)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("container_id", other, "AZURE") == []
