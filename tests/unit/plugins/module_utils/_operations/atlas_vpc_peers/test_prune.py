"""Pruning: what is not declared goes, within the ceiling, but for what the patterns of `ignore` leave alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import LOOK, SetSite, block, entries, entry, place, sending, vpc
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, page


@pytest.fixture
def five(atlas: SetSite) -> SetSite:
    """A project with five connections."""
    atlas.apply(entries(5), parallel=1)
    atlas.clear()
    return atlas


def test_what_is_not_declared_stays_without_prune(five: SetSite) -> None:
    done = five.apply(entries(3))
    assert (done.changed, done.sums, done.pruned) == (False, {"unchanged": 3, "undeclared": 2}, set())


def test_what_is_not_declared_goes_with_prune(five: SetSite) -> None:
    gone = five.id_of(4)
    done = five.apply(entries(4), prune=True)
    assert (done.actions, done.sums) == ([("delete", None)], {"unchanged": 4, "deleted": 1, "undeclared": 1})
    assert five.wire() == [*LOOK, ("DELETE", 202)]
    assert [one["id"] for one in done.result["pruned"]] == [gone]
    assert done.result["pruned"][0]["status_name"] == "TERMINATING"
    assert set(five.there()) == {vpc(number) for number in range(4)}
    assert not five.apply(entries(4), prune=True).changed


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_plan_above_the_ceiling_is_refused_whole(five: SetSite, check_mode: bool) -> None:
    done = five.apply([*entries(3), entry(9)], prune=True, check_mode=check_mode)
    assert done.failed
    assert (done.changed, done.result["pruned"], five.writes()) == (False, [], [])
    assert "2 would be removed or replaced, and max_deletions allows 1" in done.msg
    assert vpc(3) in done.msg
    assert vpc(4) in done.msg
    # The plan is there, the creation included.
    assert done.actions == [("create", 3), ("delete", None), ("delete", None)]
    assert done.sums == {"created": 1, "unchanged": 3, "deleted": 2, "undeclared": 2}
    assert [one["before_header"].split()[1] for one in done.result["diff"]] == ["(create)", "(delete)", "(delete)"]
    assert done.failures.keys() == {None}


@pytest.mark.parametrize("ceiling", [2, 50])
def test_a_plan_within_the_ceiling_is_carried_out(five: SetSite, ceiling: int) -> None:
    done = five.apply(entries(3), prune=True, max_deletions=ceiling)
    assert (done.failed, done.pruned) == (False, {vpc(3), vpc(4)})


def test_a_ceiling_of_zero_allows_all_but_removals(five: SetSite) -> None:
    assert five.apply(entries(4), prune=True, max_deletions=0).failed
    assert five.writes() == []
    assert five.apply(entries(6), prune=True, max_deletions=0).sums == {"created": 1, "unchanged": 5}


def test_replacements_count_with_and_without_prune(five: SetSite) -> None:
    five.clock.now += 9
    for number in (0, 1):
        five.act("reject", five.id_of(number))
    assert "2 would be removed or replaced" in five.apply(entries(5), recreate="dead").msg
    assert "2 would be removed or replaced" in five.apply([*entries(1), *entries(2, 5)], recreate="dead", prune=True).msg
    assert five.writes() == []
    assert five.apply(entries(5), recreate="dead", max_deletions=2).sums == {"recreated": 2, "unchanged": 3}


def test_what_is_being_removed_neither_counts_nor_is_repeated(five: SetSite) -> None:
    five.act("delete", five.id_of(4))
    done = five.apply(entries(3), prune=True)
    assert (done.pruned, five.writes()) == ({vpc(3)}, ["DELETE"])
    assert done.sums == {"unchanged": 3, "deleted": 1, "undeclared": 1}


def test_a_failed_connection_that_is_not_declared_goes(five: SetSite) -> None:
    five.clock.now += 9
    five.act("reject", five.id_of(4))
    assert five.apply(entries(4), prune=True).pruned == {vpc(4)}


def test_a_failed_connection_that_is_declared_is_not_pruned(five: SetSite) -> None:
    five.clock.now += 9
    five.act("reject", five.id_of(0))
    done = five.apply(entries(4), prune=True)
    assert (done.failed, done.pruned, set(five.there())) == (True, {vpc(4)}, {vpc(number) for number in range(4)})


def test_an_empty_list_needs_a_word_of_its_own(five: SetSite) -> None:
    done = five.apply([], prune=True, max_deletions=50)
    assert done.failed
    assert "allow_empty" in done.msg
    assert five.wire() == []
    assert five.apply([], prune=True, max_deletions=50, allow_empty=True).sums == {"deleted": 5, "undeclared": 5}
    assert five.there() == {}


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_project_with_nothing_of_the_list_is_refused(five: SetSite, check_mode: bool) -> None:
    for peers in (entries(5, 7), []):
        done = five.apply(peers, prune=True, allow_empty=True, ignore=[{"vpc_id": vpc(1)}], check_mode=check_mode)
        what = "No entry of the list has a connection in the project" if peers else "The list is empty"
        assert not done.missing(f"{what}, and prune would remove 4: ", vpc(0), "max_deletions")
        assert five.writes() == []
    # What is being removed, or has failed, is there nevertheless, and so is one to another container.
    five.act("delete", five.id_of(0))
    other = five.add_container("EU_WEST_1", "172.20.0.0/21")
    for known in (entry(0), entry(1, container_id=other)):
        done = five.apply([known, entry(5)], prune=True, check_mode=True, ignore=[{"vpc_id": vpc(2)}])
        assert "max_deletions allows 1" in done.msg


def test_a_hidden_vpc_may_be_that_of_an_entry(atlas: SetSite, wire: Wire) -> None:
    atlas.apply(entries(2))
    wire.faults.append(Fault("GET", page(*({**one, "vpcId": None} if one["vpcId"] == vpc(1) else one for one in atlas.peers()))))
    done = atlas.apply([entry(5)], prune=True, check_mode=True)
    assert done.missing("Atlas does not report the vpc_id of VPC peering connection") == []
    assert done.sums == {"failed": 1, "deleted": 1, "undeclared": 1}


def test_another_container_of_a_declared_pair_is_undeclared(atlas: SetSite) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    atlas.apply([entry(0, container_id=atlas.container_id), entry(0, container_id=other)])
    assert atlas.apply([entry(0)], prune=True).failed
    assert not atlas.apply([entry(0, container_id=other)], prune=True, ignore=[{"container_id": atlas.container_id}]).changed
    done = atlas.apply([entry(0, container_region_name="EU_WEST_1")], prune=True)
    assert [one["container_id"] for one in done.result["pruned"]] == [atlas.container_id]
    assert [one["containerId"] for one in atlas.peers() if one["statusName"] != "TERMINATING"] == [other]


def test_two_of_one_container_say_what_can_be_done(make_atlas: Callable[..., SetSite]) -> None:
    """Entries have no `peer_id`."""
    atlas = make_atlas(allow_duplicates=True)
    for _each in range(2):
        atlas.add_peer(vpcId=vpc(0), routeTableCidrBlock=block(0))
    done = atlas.apply([entry(0)])
    assert (atlas.writes(), done.changed) == ([], False)
    assert "Remove all but one of them, with atlas_vpc_peer, peer_id and state: absent." in done.msg


def test_an_entry_that_means_two_is_refused_and_removes_neither(atlas: SetSite) -> None:
    other = atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    atlas.apply([entry(0, container_id=atlas.container_id), entry(0, container_id=other), entry(1, container_id=other)])
    atlas.clear()
    done = atlas.apply([entry(0), entry(2, container_id=other)], prune=True, max_deletions=50)
    assert done.failures.keys() == {0}
    assert "Say which one is meant with container_region_name or container_id" in done.msg
    assert (atlas.writes(), done.result["vpc_peers"], done.result["handover"]) == ([], [], [])
    # Only the third is not declared for sure.
    assert done.actions == [("create", 1), ("delete", None)]
    assert done.sums == {"created": 1, "failed": 1, "deleted": 1, "undeclared": 1}


@pytest.mark.parametrize("field", ["vpcId", "awsAccountId"])
def test_a_connection_whose_vpc_atlas_hides_is_not_removed(atlas: SetSite, wire: Wire, field: str) -> None:
    atlas.apply(entries(2))
    listed = atlas.peers()
    for one in listed:
        if one["vpcId"] == vpc(1):
            one[field] = None
    wire.faults.append(Fault("GET", page(*listed)))
    done = atlas.apply(entries(1), prune=True, max_deletions=50)
    assert (done.failed, done.changed, done.pruned) == (False, False, set())


def test_a_connection_with_a_hidden_container_is_not_removed(atlas: SetSite, wire: Wire) -> None:
    atlas.apply(entries(2))
    listed = [{**one, "containerId": None} for one in atlas.peers()]
    wire.faults.append(Fault("GET", page(*listed)))
    done = atlas.apply([entry(0, container_id=atlas.container_id)], prune=True, max_deletions=50)
    assert done.failures.keys() == {0}
    assert "does not report which network container" in done.msg
    assert len(atlas.there()) == 2
    # Without a container, the entry means it, and the other one is not declared.
    wire.faults.append(Fault("GET", page(*listed)))
    assert atlas.apply(entries(1), prune=True).pruned == {vpc(1)}


def test_a_removal_that_is_refused_fails_and_the_others_go_on(five: SetSite) -> None:
    five.fault("DELETE", "status", status=403)
    done = five.apply([*entries(3), entry(5)], prune=True, max_deletions=2, parallel=1)
    assert (done.failed, done.pruned, done.failures.keys()) == (True, {vpc(4)}, {None})
    assert [(one["id"], one["name"].rpartition("/")[2]) for one in done.result["failures"]] == [(five.id_of(3), vpc(3))]
    assert done.sums == {"created": 1, "unchanged": 3, "deleted": 1, "undeclared": 2}


@pytest.mark.parametrize("times", [1, None])
def test_a_removal_without_reply_is_looked_up(five: SetSite, times: int | None) -> None:
    five.fault("DELETE", "lost_reply", times=times)
    done = five.apply(entries(4), prune=True)
    assert (done.failed, done.changed, done.pruned) == (False, True, {vpc(4)})
    assert set(five.there()) == {vpc(number) for number in range(4)}


def test_what_somebody_else_removes_first_is_not_in_pruned(five: SetSite) -> None:
    gone = five.id_of(4)
    once = [gone]

    def send(real: Callable[[], Any]) -> Any:
        if once:
            five.act("delete", once.pop())
        return real()

    with sending(send):
        done = five.apply(entries(4), prune=True)
    assert (done.failed, done.changed, done.pruned) == (False, False, set())


def test_with_wait_what_was_removed_is_gone_in_the_end(five: SetSite) -> None:
    done = five.apply(entries(3), prune=True, max_deletions=2, wait=True)
    assert (done.failed, len(five.peers()), len(done.result["status_history"])) == (False, 3, 3)


def test_what_is_not_gone_in_time_fails_but_was_pruned(make_atlas: Any) -> None:
    atlas = make_atlas(step_seconds=1000)
    atlas.apply(entries(2))
    gone = atlas.id_of(1)
    done = atlas.apply(entries(1), prune=True, wait=True, wait_for="pending_acceptance", wait_timeout=30)
    assert (done.failures.keys(), done.pruned) == ({0, None}, {vpc(1)})
    assert f"VPC peering connection {gone} is still TERMINATING after 30 seconds" in done.msg
    assert done.sums == {"failed": 1, "deleted": 1, "undeclared": 1}


def test_a_pruned_block_can_be_used_by_an_entry_of_the_same_run(five: SetSite) -> None:
    assert not five.apply([*entries(4), entry(9, route_table_cidr_block=block(4))], prune=True).failed
    assert [method for method, unused in five.wire()].index("DELETE") < [method for method, unused in five.wire()].index("POST")
    assert five.there()[vpc(9)] == block(4)
    assert len(five.peers()) == 5


@pytest.fixture
def four(atlas: SetSite) -> SetSite:
    """A project with four connections, all of which wait to be accepted."""
    atlas.apply(entries(4), parallel=1)
    atlas.clock.now += 9
    atlas.clear()
    return atlas


def fits(atlas: SetSite, *patterns: dict[str, Any]) -> set[str]:
    """Return the VPCs that pruning leaves alone for these patterns."""
    options: dict[str, Any] = {"prune": True, "allow_empty": True, "max_deletions": 50, "ignore_unmatched": "warn"}
    done = atlas.apply([], ignore=list(patterns), check_mode=True, **options)
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
        {"status_name": "PENDING_?CCEPTANCE"},
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
    for written in ("eu-central-1", "EU_CENTRAL_1", "eu-*", "EU_*_1"):
        assert fits(atlas, {"accepter_region_name": written}) == {vpc(0)}


def test_a_region_of_null_is_that_of_the_container(four: SetSite) -> None:
    assert four.peers()[0]["accepterRegionName"] is None
    assert len(fits(four, {"accepter_region_name": "us-east-*"})) == 4
    assert fits(four, {"accepter_region_name": "eu-*"}) == set()


@pytest.mark.parametrize("pattern", [{"container_id": "f" * 24}, {"accepter_region_name": "eu-*"}], ids=str)
def test_what_atlas_does_not_show_may_be_what_a_pattern_means(atlas: SetSite, wire: Wire, pattern: dict[str, Any]) -> None:
    atlas.apply(entries(3))
    listed = [{**one, "containerId": None} if one["vpcId"] == vpc(1) else one for one in atlas.peers()]
    wire.faults.append(Fault("GET", page(*listed)))
    assert atlas.apply(entries(1), prune=True, ignore=[pattern]).pruned == {vpc(2)}


@pytest.mark.parametrize("pattern", [{"error_state_name": "*"}, {"status_name": "pending_*"}], ids=str)
def test_null_and_another_case_match_nothing(four: SetSite, pattern: dict[str, Any]) -> None:
    assert fits(four, pattern) == set()


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ({"vpc_id": "vpc-z*"}, ["ignore[0] matches nothing that is there: {'vpc_id': 'vpc-z*'}", "ignore_unmatched: warn"]),
        ({"vpc_id": None, "aws_account_id": "*"}, ["ignore[0].vpc_id is null"]),
        ({"status_name": "Pending*"}, ["ignore[0]"]),
        # A connection has one cloud.
        ({"vpc_id": "*", "vnet_name": "*"}, ["ignore[0]"]),
    ],
    ids=str,
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_pattern_that_matches_nothing_stops_a_removal(
    four: SetSite, pattern: dict[str, Any], words: list[str], check_mode: bool
) -> None:
    options: dict[str, Any] = {"prune": True, "ignore": [pattern], "check_mode": check_mode}
    done = four.apply([*entries(3), entry(9)], **options)
    assert (done.failed, done.changed, done.result["pruned"], four.writes()) == (True, False, [], [])
    assert done.missing(*words) == []
    assert done.actions == [("create", 3), ("delete", None)]
    assert [one["index"] for one in done.result["failures"]] == [None]
    shared = four.apply([*entries(3), entry(9)], ignore_unmatched="warn", **options)
    assert shared.failed == (None in pattern.values())
    if not shared.failed:
        assert [one for one in shared.warnings if "ignore[0]" in one]


def test_what_is_declared_counts_as_matched(four: SetSite) -> None:
    patterns = [{"vpc_id": vpc(0)}, {"vpc_id": vpc(9)}, {"route_table_cidr_block": block(9), "container_id": four.container_id}]
    assert four.apply([*entries(3), entry(9)], prune=True, ignore=patterns).pruned == {vpc(3)}


@pytest.mark.parametrize(
    "pattern",
    [
        {"provider_name": "AZURE"},
        {"provider_name": "*Z*"},
        {"vnet_name": "shop"},
        {"azure_subscription_id": "*", "status_name": "AVAILABLE"},
        {"gcp_project_id": None},
        {"status_name": "WAITING_FOR_USER"},
    ],
    ids=str,
)
def test_a_pattern_about_an_unread_cloud_does_not_count(four: SetSite, pattern: dict[str, Any]) -> None:
    done = four.apply(entries(3), prune=True, provider_name="AWS", ignore=[pattern])
    assert (done.failed, done.warnings, done.pruned) == (False, [], {vpc(3)})


def test_a_pattern_that_matches_nothing_warns_once(four: SetSite) -> None:
    done = four.apply(entries(3), prune=True, ignore=[{"vpc_id": "vpc-z*"}, {"vpc_id": vpc(3)}])
    expected = ["ignore[0] matches nothing that is there: {'vpc_id': 'vpc-z*'}."]
    assert [one for one in done.warnings if "ignore" in one] == expected
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
    assert f"{place(3, 9)}: route_table_cidr_block {block(3)} overlaps {block(3)}" in done.failures[3]
    assert four.writes() == []
    # Pruned, it would make room.
    assert four.apply([*entries(3), entry(9, route_table_cidr_block=block(3))], prune=True).changed


def test_ignored_ones_count_for_the_limit(four: SetSite) -> None:
    many = [entry(9 + number, route_table_cidr_block=f"172.16.{number}.0/24") for number in range(47)]
    done = four.apply(many, prune=True, max_deletions=50, ignore=[{"vpc_id": "*"}])
    assert "51 VPC peering connections (4 that stay, and 47 new ones)" in done.msg
    assert set(four.there()) == {vpc(number) for number in range(4)}
    assert four.id_of(0)
