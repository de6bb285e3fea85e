"""What a list is refused for: everything at once, by entry, and nothing is written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import InvalidOptionError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, block, entries, entry, place, vpc

NONE = "0" * 24


@pytest.mark.parametrize("check_mode", [True, False])
def test_all_that_is_wrong_is_named_at_once_and_nothing_written(atlas: SetSite, check_mode: bool) -> None:
    atlas.apply(entries(2), parallel=1)
    atlas.clear()
    peers = [
        entry(0),
        entry(1, accepter_region_name="eu-west-1"),
        entry(2, route_table_cidr_block="10.100.1.0/24"),
        entry(3, route_table_cidr_block="192.168.248.0/24"),
        entry(4, container_id=NONE),
        entry(5, container_region_name="ap-south-1"),
        entry(6, container_id=atlas.container_id),
        entry(6, container_region_name="us-east-1"),
        {"vpc_id": vpc(7), "aws_account_id": ACCOUNT},
        entry(8),
        entry(9, route_table_cidr_block="10.108.0.0/17"),
    ]
    # The connection has the container's region, so that is the first one that would change.
    peers[1]["accepter_region_name"] = "us-east-1"
    done = atlas.apply(peers, check_mode=check_mode)
    assert (done.failed, done.changed, done.result["pruned"], atlas.writes()) == (True, False, [], [])
    assert done.msg.startswith("Nothing was changed in project ")
    told = done.failures
    assert f"{place(2)}: route_table_cidr_block 10.100.1.0/24 overlaps {block(0)} of VPC peering connection" in told[2]
    assert f"{place(3)}: route_table_cidr_block 192.168.248.0/24 overlaps 192.168.248.0/21 of network container" in told[3]
    assert f"{place(4)}: container_id: project {atlas.emulator.settings.group_id} has no network container {NONE}" in told[4]
    assert f"{place(5)}: container_region_name: " in told[5]
    assert f"{place(7, 6)}: " in told[7]
    assert f"has the AWS account and the VPC of {place(6)}. Both have the same network container" in told[7]
    assert f"{place(8, 7)}: route_table_cidr_block is required" in told[8]
    assert f"{place(10, 9)}: route_table_cidr_block 10.108.0.0/17 overlaps 10.108.0.0/16" in told[10]
    assert told.keys() == {2, 3, 4, 5, 7, 8, 10}
    # What would be done otherwise.
    assert done.actions == [("create", 6), ("create", 9)]
    assert done.sums == {"created": 2, "unchanged": 2, "failed": 7}


def test_a_container_deleted_meanwhile_is_no_wrong_option(atlas: SetSite) -> None:
    atlas.apply([entry(0)])
    atlas.act("delete", atlas.id_of(0))
    # It is deleted once the first of two tasks has listed it.
    atlas.fault("GET", "moving_page", skip=1)
    for unused in range(2):
        done = atlas.apply([entry(0)], check_mode=True)
    gone = f"Project {atlas.emulator.settings.group_id} has no network container {atlas.container_id}. Run the task again."
    assert (done.msg, done.result["http_status"]) == (gone, 404)


def test_malformed_options_are_named_at_once_without_a_request(atlas: SetSite) -> None:
    done = atlas.apply(
        [
            entry(0, route_table_cidr_block="10.0.0.1/16"),
            {**entry(1), "aws_account_id": 1402433619},
            {**entry(2), "vpc_id": ""},
            entry(3),
            entry(4, container_id="pcx-0a1b2c3d"),
        ]
    )
    for text in (
        f"{place(0)}: route_table_cidr_block has host bits set",
        f"peers[1] (1402433619/{vpc(1)}): aws_account_id is not the id of an AWS account: '1402433619'",
        "'012345670123'",
        "peers[2].vpc_id is empty",
        f"{place(4)}: container_id is malformed",
    ):
        assert text in done.msg
    assert "peers[3]" not in done.msg
    assert atlas.wire() == []


@pytest.mark.parametrize(
    ("peers", "messages"),
    [
        ("vpc-0a1b2c3d4e5f67890", ["peers is a text, and not a list."]),
        ("", ["peers is a text, and not a list."]),
        (str(entries(2)), ["peers is a text, and not a list."]),
        ({}, ["peers is a mapping, and not a list."]),
        ([None], ["peers[0] is null, and not a mapping of options."]),
        (
            [entry(0), "vpc-0a1b2c3d4e5f67890", 5, ["x"]],
            [f"peers[{index}] is {kind}, and not a mapping" for index, kind in ((1, "a text"), (2, "a number"), (3, "a list"))],
        ),
        (
            [{"vpc_id": vpc(0)}],
            [f"peers[0] ({vpc(0)}): aws_account_id is missing. A connection with AWS needs vpc_id and aws_account_id."],
        ),
        ([{"vpc_id": None, "aws_account_id": None}], ["peers[0] names no network."]),
        (
            [entry(0), entry(1), {"vpcid": vpc(2), "aws_account_id": ACCOUNT, "route_table_cidr_block": "10.0.0.1/16"}],
            ["peers[2]: vpcid is not an option (vpc_id?).", "peers[2].route_table_cidr_block has host bits set"],
        ),
        (
            [{"vpcId": vpc(2), "colour": "red"}],
            ["vpcId is not an option (vpc_id?).", "peers[0]: colour is not an option. Leave it"],
        ),
        (
            # Without a space after the colon, YAML makes one key of an option and its secret.
            [entry(0, **{"colour=geheim": "", "route_table_cidr_block:geheim": None})],
            [
                f"{place(0)}: colour… is not an option. Leave it",
                "route_table_cidr_block… is not an option (route_table_cidr_block?).",
            ],
        ),
        ([entry(0, vpc_id=[vpc(0)])], ["peers[0].vpc_id must be a text, and is a list."]),
        ([entry(0, provider_name="aws")], [f"{place(0)}: provider_name must be one of AWS, AZURE, GCP, and is 'aws'."]),
        (
            [entry(0, provider_name={"a": 1}, cidr_block="10.0.0.0/8")],
            [f"{place(0)}: provider_name must be a text, and is a mapping."],
        ),
        ([entry(0, wait_for="yes")], [f"{place(0)}: wait_for must be one of pending_acceptance, available, and is 'yes'."]),
        (
            [entry(0, container_id=NONE, container_region="us-east-1")],
            [f"{place(0)}: container_id and container_region are mutually exclusive."],
        ),
        (
            [entry(0, cidr_block="10.0.0.0/16")],
            [f"{place(0)}: route_table_cidr_block and cidr_block are two names of one option, and have different values: 10"],
        ),
        (
            [{"vpc_id": vpc(0), "aws_account_id": ACCOUNT, "cidr_block": "8.8.8.0/24", "region": "moon"}],
            [f"{place(0)}: cidr_block is not private", f"{place(0)}: region is not an AWS region: 'moon'."],
        ),
    ],
    ids=str,
)
def test_a_mistake_in_an_entry_names_it_and_the_option(atlas: SetSite, peers: Any, messages: list[str]) -> None:
    done = atlas.run(OPERATION, peers=peers)
    assert done.missing(*messages) == []
    # No value of what has a wrong type: it may be a secret.
    assert "'vpc-0a1b2c3d4e5f67890'" not in done.msg
    assert ("is missing" in done.msg) == ("is missing" in messages[0])
    assert atlas.wire() == []


def test_null_is_no_list(atlas: SetSite) -> None:
    with pytest.raises(InvalidOptionError, match=r"peers must not be null\. Give a list"):
        OPERATION.validate({**validated({"peers": []}).validated_parameters, "peers": None})


def test_what_the_list_alone_shows_comes_with_other_mistakes(atlas: SetSite) -> None:
    twin = {"vpc_id": vpc(0), "aws_account_id": ACCOUNT, "cidr_block": "10.100.1.0/24"}
    done = atlas.apply([entry(0), twin, entry(2, vpc_id="x"), entry(3, route_table_cidr_block="10.100.2.0/24"), {"colour": 1}])
    assert (
        done.missing(
            f"{place(1, 0)}: it has the AWS account and the VPC of {place(0)}. Declare it once",
            f"{place(1, 0)}: cidr_block 10.100.1.0/24 overlaps {block(0)} of {place(0)}. The blocks of one network container",
            f"peers[2] ({ACCOUNT}/x): vpc_id is not the id of a VPC: 'x'",
            f"{place(3)}: route_table_cidr_block 10.100.2.0/24 overlaps {block(0)} of {place(0)}.",
            "peers[4]: colour is not an option",
        )
        == []
    )
    assert "names no network" not in done.msg
    assert (atlas.wire(), done.result["vpc_peers"], done.result["handover"]) == ([], [], [])


def validated(options: dict[str, Any]) -> Any:
    return ArgumentSpecValidator(**OPERATION.argument_spec.to_kwargs()).validate({"group_id": NONE, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"peers": entries(1), "prune": "flase"},
        {"peers": entries(1), "prune": None},
        {"peers": entries(1), "allow_empty": "maybe"},
        {"peers": entries(1), "max_deletions": "some"},
        {"peers": entries(1), "ignore": None},
        {"peers": entries(1), "ignore": [None]},
        {"peers": entries(1), "ignore": "everything"},
        {"peers": entries(1), "recreate": "always"},
        {"peers": entries(1), "parallel": "many"},
    ],
    ids=str,
)
def test_what_has_another_type_is_refused_by_ansible(options: dict[str, Any]) -> None:
    assert validated(options).error_messages


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parallel": 0}, "parallel must be from 1 to 16."),
        ({"parallel": 17}, "parallel must be from 1 to 16."),
        ({"max_deletions": -1}, "max_deletions must be 0 or more."),
        ({"wait_timeout": 0}, "wait_timeout must be at least 1 second."),
    ],
    ids=str,
)
def test_a_number_out_of_its_range_is_refused(atlas: SetSite, options: dict[str, Any], message: str) -> None:
    assert message in atlas.apply(entries(1), **options).msg
    assert atlas.wire() == []


def test_the_block_of_a_region_that_cannot_change_is_refused(atlas: SetSite) -> None:
    atlas.apply([entry(0, accepter_region_name="eu-west-1"), entry(1)])
    done = atlas.apply([entry(0, accepter_region_name="us-west-2"), entry(2)])
    assert "peers[0] (" in done.failures[0]
    assert "differs in what cannot be changed: accepter_region_name is eu-west-1, not us-west-2" in done.failures[0]
    # A set has no state.
    assert "remove the connection first (atlas_vpc_peer and state: absent)" in done.failures[0]
    assert vpc(2) not in atlas.there()


def test_entries_of_one_container_named_twice_are_duplicates(atlas: SetSite) -> None:
    peers = [entry(0, container_id=atlas.container_id), entry(0, container_region_name="us-east-1"), entry(1)]
    for unused in range(2):
        done = atlas.apply(peers)
        assert "peers[1] (" in done.failures[1]
        assert "Both have the same network container: declare it once." in done.failures[1]
        # Also where the connection is there already.
        if not atlas.there():
            assert atlas.apply(peers[:1]).changed


def test_duplicates_are_found_where_the_connection_has_failed(atlas: SetSite) -> None:
    atlas.apply(entries(1))
    atlas.clock.now += 9
    atlas.act("reject", atlas.id_of(0))
    done = atlas.apply([entry(0, container_id=atlas.container_id), entry(0, container_region_name="us-east-1"), entry(1)])
    assert done.failures.keys() == {0, 1}
    assert "declare it once" in done.failures[1]
    assert vpc(1) not in atlas.there()


def test_what_overlapped_before_and_stays_is_no_refusal(make_atlas: Any) -> None:
    atlas = make_atlas(allow_duplicates=True)
    atlas.apply(entries(1))
    with atlas.emulator.project.now() as project:
        peer = project.peers.get(atlas.add_peer(vpcId=vpc(1), routeTableCidrBlock="10.250.0.0/16"))
        peer.fields["routeTableCidrBlock"] = "10.100.0.0/17"
    declared = [entry(0), entry(1, route_table_cidr_block="10.100.0.0/17")]
    assert not atlas.apply(declared).failed
    # A change of another entry is none of theirs.
    assert atlas.apply([*declared, entry(2)]).sums == {"created": 1, "unchanged": 2}
    # As soon as one of them changes, it is checked.
    done = atlas.apply([declared[0], entry(1, route_table_cidr_block="10.100.0.0/18"), entry(2)])
    assert done.failures.keys() == {1}


def test_the_same_block_in_another_container_is_no_overlap(atlas: SetSite) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    done = atlas.apply([entry(0, container_id=atlas.container_id), entry(1, container_id=other, route_table_cidr_block=block(0))])
    assert done.sums == {"created": 2}


def test_more_than_fifty_are_refused_if_one_is_to_be_created(make_atlas: Any) -> None:
    atlas = make_atlas(max_peers=60, max_pending_peers=60)
    for number in range(51):
        atlas.add_peer(vpcId=vpc(number), routeTableCidrBlock=f"10.{number}.0.0/16")
    present = [entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(51)]
    assert not atlas.apply(present).failed
    done = atlas.apply([*present, entry(99, route_table_cidr_block="172.16.0.0/16")])
    assert "52 VPC peering connections (51 that stay, and 1 new ones)" in done.msg
    assert done.failures.keys() == {None}


def test_what_is_pruned_makes_room_for_what_is_created(make_atlas: Any) -> None:
    atlas = make_atlas(max_pending_peers=60)
    for number in range(50):
        atlas.add_peer(vpcId=vpc(number), routeTableCidrBlock=f"10.{number}.0.0/16")
    wanted = [entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(2, 50)]
    new = [entry(98 + number, route_table_cidr_block=f"172.{16 + number}.0.0/16") for number in range(2)]
    done = atlas.apply([*wanted, *new], prune=True, max_deletions=2)
    assert (done.failed, done.sums) == (False, {"created": 2, "deleted": 2, "unchanged": 48, "undeclared": 2})
    # They were not sent before there was a place.
    assert ("POST", 409) not in atlas.wire()


def test_version_1_cannot_create_without_a_container(atlas: SetSite) -> None:
    done = atlas.apply([entry(0, container_id=atlas.container_id), entry(1)], api_version="v1.0")
    assert f"{place(1)}: container_id is required with api_version: v1.0" in done.failures[1]
    assert atlas.writes() == []
    assert atlas.apply(entries(2)).changed
    assert not atlas.apply(entries(2), api_version="v1.0").changed
