"""What pruning leaves alone, by patterns over the fields of a connection."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import SetSite, block, entries, entry, vpc


@pytest.fixture
def four(atlas: SetSite) -> SetSite:
    """A project with four connections, all of which wait to be accepted."""
    atlas.apply(entries(4), parallel=1)
    atlas.clock.now += 9
    atlas.clear()
    return atlas


def fits(atlas: SetSite, *patterns: dict[str, Any]) -> set[str]:
    """Return the VPCs that pruning leaves alone for these patterns."""
    done = atlas.apply([], prune=True, allow_empty=True, max_deletions=50, ignore=list(patterns), check_mode=True)
    assert not done.failed
    left = {one["vpcId"] for one in atlas.peers()} - done.pruned
    assert done.sums.get("ignored", 0) == len(left)
    return left


def test_all_fields_of_one_pattern_have_to_match(four: SetSite) -> None:
    assert fits(four, {"vpc_id": vpc(0)}) == {vpc(0)}
    assert fits(four, {"vpc_id": vpc(0)}, {"vpc_id": vpc(2)}) == {vpc(0), vpc(2)}
    assert fits(four, {"vpc_id": vpc(0), "route_table_cidr_block": block(0)}) == {vpc(0)}
    assert fits(four, {"vpc_id": vpc(0), "route_table_cidr_block": block(1)}) == set()


@pytest.mark.parametrize(
    "pattern",
    [
        {"id": "*"},
        {"connection_id": "pcx-*"},
        {"aws_account_id": ACCOUNT},
        {"aws_account_id": int(ACCOUNT)},
        {"container_id": "?" * 24},
        {"status_name": "PENDING_[AB]CCEPTANCE"},
        {"provider_name": "AWS"},
        {"route_table_cidr_block": "10.*"},
    ],
    ids=str,
)
def test_each_field_of_a_result_can_be_matched(four: SetSite, pattern: dict[str, Any]) -> None:
    assert len(fits(four, pattern)) == 4


def test_a_region_is_matched_however_it_is_written(atlas: SetSite) -> None:
    atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    atlas.apply([entry(0, accepter_region_name="eu-central-1", container_id=atlas.container_id)])
    for written in ("eu-central-1", "EU_CENTRAL_1", "eu-*"):
        assert fits(atlas, {"accepter_region_name": written}) == {vpc(0)}


@pytest.mark.parametrize(
    "pattern", [{"error_state_name": "*"}, {"accepter_region_name": "*"}, {"vpc_id": None}, {"status_name": "pending_*"}], ids=str
)
def test_null_and_another_case_match_nothing(four: SetSite, pattern: dict[str, Any]) -> None:
    assert fits(four, pattern) == set()


def test_a_pattern_that_matches_nothing_warns_once(four: SetSite) -> None:
    done = four.apply(entries(3), prune=True, ignore=[{"vpc_id": "vpc-z*"}, {"vpc_id": vpc(3)}])
    assert [one for one in done.warnings if "ignore" in one] == [
        "ignore[0] matches nothing that is there: {'vpc_id': 'vpc-z*'}. Check its spelling."
    ]
    assert (done.changed, done.sums) == (False, {"unchanged": 3, "ignored": 1})


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({}, "ignore[1] is empty"),
        ({"vpc": "vpc-1"}, "ignore[1].vpc is not a field"),
        ({"vpc_id": "vpc-1"}, "ignore[1].vpc_id is not the id of a VPC: 'vpc-1'"),
        ({"aws_account_id": 1402433619}, "012345670123 was probably meant"),
        ({"aws_account_id": 12345678901}, "A leading zero is probably lost"),
        ({"vpc_id": True}, "ignore[1].vpc_id is not a text: True"),
        ({"vpc_id": [vpc(0)]}, "ignore[1].vpc_id is not a text"),
        ({"aws_account_id": 1.5}, "ignore[1].aws_account_id is not a text"),
        ({"status_name": "available"}, "ignore[1].status_name is not a value of Atlas"),
        ({"container_id": "pcx-0a1b2c3d"}, "ignore[1].container_id is malformed"),
        ({"route_table_cidr_block": "10.0.0.1/16"}, "has host bits set"),
        ({"vpc_id": ""}, "ignore[1].vpc_id is empty"),
    ],
    ids=str,
)
def test_a_pattern_that_would_protect_nothing_is_refused(atlas: SetSite, pattern: dict[str, Any], message: str) -> None:
    done = atlas.apply(entries(1), ignore=[{"vpc_id": vpc(0)}, pattern])
    assert done.failed
    assert message in done.msg
    assert atlas.wire() == []


def test_a_declared_connection_is_managed_despite_a_pattern(four: SetSite) -> None:
    done = four.apply([entry(0, route_table_cidr_block="10.200.0.0/16")], prune=True, ignore=[{"vpc_id": "*"}])
    assert (done.actions, done.sums) == ([("update", 0)], {"updated": 1, "ignored": 3})


def test_ignored_ones_do_not_count_against_the_ceiling(four: SetSite) -> None:
    done = four.apply(entries(1), prune=True, ignore=[{"vpc_id": vpc(2)}, {"vpc_id": vpc(3)}])
    assert (done.failed, done.pruned) == (False, {vpc(1)})


def test_ignored_ones_count_for_overlaps(four: SetSite) -> None:
    done = four.apply([*entries(3), entry(9, route_table_cidr_block=block(3))], prune=True, ignore=[{"vpc_id": vpc(3)}])
    assert f"peers[3].route_table_cidr_block {block(3)} overlaps {block(3)}" in done.failures[3]
    assert four.writes() == []
    # Pruned, it would make room.
    assert four.apply([*entries(3), entry(9, route_table_cidr_block=block(3))], prune=True).changed


def test_ignored_ones_count_for_the_limit(four: SetSite) -> None:
    many = [entry(9 + number, route_table_cidr_block=f"172.16.{number}.0/24") for number in range(47)]
    done = four.apply(many, prune=True, max_deletions=50, ignore=[{"vpc_id": "*"}])
    assert "51 VPC peering connections (4 that stay, and 47 new ones)" in done.msg
    assert set(four.there()) == {vpc(number) for number in range(4)}
    assert four.id_of(0)
