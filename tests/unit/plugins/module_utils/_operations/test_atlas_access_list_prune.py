"""The access list as a declared list: what is removed and what never is, in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_access_list import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT, Atlas, Done
from ansible_collections.cloudpeer.atlas.tests.support.wire import Fault, Wire, reply

OURS = {"cidr_block": "10.1.0.0/16", "comment": "ours"}
OLD, OTHER = "10.8.0.0/16", "10.9.0.0/16"
GROUP = "sg-0a1b2c3d4e5f67890"
REFUSED = reply({"error": 403, "errorCode": "USER_UNAUTHORIZED", "detail": "No."}, 403)
NO_ENTRY = reply({"error": 404, "errorCode": "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", "detail": "Not there."}, 404)


def run(atlas: Atlas, *entries: dict[str, Any], **options: Any) -> Done:
    return atlas.run(OPERATION, **{"entries": list(entries), "prune": True, **options})


def add(atlas: Atlas, *values: str | dict[str, Any]) -> None:
    """Let somebody else have added entries, by their blocks or as bodies of the API."""
    with atlas.emulator.project.now() as project:
        project.add_access([{"cidrBlock": one} if isinstance(one, str) else one for one in values])


def remove(atlas: Atlas, value: str) -> None:
    with atlas.emulator.project.now() as project:
        project.access_list.delete(project.access_list.get(value))


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [one["cidr_block"] or one["aws_security_group"] for one in entries]


def in_days(days: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


# What goes


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_is_not_declared_is_removed_and_shown(atlas: Atlas, check_mode: bool) -> None:
    add(atlas, {"cidrBlock": OLD, "comment": "old"})
    done = run(atlas, OURS, check_mode=check_mode)
    assert (done.failed, done.changed) == (False, True)
    assert sorted(atlas.access_list) == ([OLD] if check_mode else ["10.1.0.0/16"])
    assert names(done.result["access_list"]) == ["10.1.0.0/16"]
    assert [(one["cidr_block"], one["comment"]) for one in done.result["pruned"]] == [(OLD, "old")]
    expected = [("create", 0, "10.1.0.0/16"), ("delete", None, OLD)]
    assert [(one["action"], one["index"], one["name"]) for one in done.result["actions"]] == expected
    assert [names(side["access_list"]) for side in (done.before, done.after)] == [[OLD], ["10.1.0.0/16"]]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("ceiling", [0, 1])
def test_the_plan_is_a_line_and_numbers(atlas: Atlas, check_mode: bool, ceiling: int) -> None:
    add(
        atlas,
        OLD,
        {"cidrBlock": OTHER, "comment": "office"},
        "10.2.0.0/16",
        {"cidrBlock": "10.7.0.0/16", "deleteAfterDate": in_days(1)},
    )
    others: list[dict[str, Any]] = [{"cidr_block": "10.2.0.0/16"}, {"cidr_block": "10.3.0.0/16"}]
    done = run(atlas, OURS, *others, ignore=[{"comment": "office"}], check_mode=check_mode, max_deletions=ceiling)
    project = "project 5356823b3794dee37132bb7b"
    line = f"Plan: 2 to create, 0 to change, 1 to remove, 1 unchanged, in {project}"
    told = f"Changed the access list of {project}: 2 new, 1 removed, 1 unchanged; 3 changes in Atlas" if ceiling else None
    numbers = {"created": 2, "updated": 0, "deleted": 1, "unchanged": 1, "ignored": 1, "undeclared": 2}
    assert (done.failed, done.result["summary"]) == (ceiling == 0, {**numbers, "plan": line, "done": told})
    # What an entry does not have is not shown.
    assert all(value is not None for entry in done.before.get("access_list", ()) for value in entry.values())
    if done.changed and not check_mode:
        again = run(atlas, OURS, *others, ignore=[{"comment": "office"}])
        numbers = {"created": 0, "updated": 0, "deleted": 0, "unchanged": 3, "ignored": 1, "undeclared": 1}
        assert (again.result["summary"], again.result["diff"].keys()) == (
            {**numbers, "plan": None, "done": None},
            {"before", "after"},
        )
        gone = run(atlas, OURS, {"cidr_block": "10.99.0.0/16"}, prune=False, state="absent")
        assert gone.plan == f"Plan: 0 to create, 0 to change, 1 to remove, 1 unchanged, in {project}"
        assert gone.done == f"Changed the access list of {project}: 1 removed, 1 unchanged; 1 change in Atlas"
        assert (gone.result["summary"]["deleted"], gone.result["summary"]["unchanged"]) == (1, 1)


def test_without_prune_nothing_else_is_removed(atlas: Atlas) -> None:
    add(atlas, OLD)
    done = run(atlas, OURS, prune=False)
    assert (done.result["pruned"], sorted(atlas.access_list)) == ([], ["10.1.0.0/16", OLD])


def test_a_second_run_changes_nothing_and_reads_once(atlas: Atlas) -> None:
    add(atlas, OLD)
    run(atlas, OURS)
    atlas.emulator.requests.clear()
    done = run(atlas, OURS)
    assert (done.changed, done.result["pruned"], done.result["actions"], atlas.methods()) == (False, [], [], ["GET"])


@pytest.mark.parametrize("declared", [{"ip_address": "10.0.0.5"}, {"cidr_block": "10.0.0.5/32"}])
@pytest.mark.parametrize("body", [{"ipAddress": "10.0.0.5"}, {"cidrBlock": "10.0.0.5/32"}])
def test_an_address_and_its_block_are_one_entry(atlas: Atlas, declared: dict[str, Any], body: dict[str, Any]) -> None:
    add(atlas, body)
    done = run(atlas, declared, max_deletions=0)
    assert (done.failed, done.changed) == (False, False)


def test_an_update_is_told_apart_from_a_creation(atlas: Atlas) -> None:
    add(atlas, "10.1.0.0/16")
    (action,) = run(atlas, OURS).result["actions"]
    assert action == {"action": "update", "index": 0, "name": "10.1.0.0/16", "differing": ["comment"]}


# What stays


@pytest.mark.parametrize(
    "pattern",
    [{"comment": "office *"}, {"cidr_block": "10.8.*"}, {"cidr_block": OLD}, {"cidr_block": OLD, "comment": "office Berlin"}],
)
def test_what_is_ignored_stays_and_does_not_count(atlas: Atlas, pattern: dict[str, Any]) -> None:
    add(atlas, {"cidrBlock": OLD, "comment": "office Berlin"}, OTHER)
    done = run(atlas, OURS, ignore=[pattern])
    assert (done.failed, done.warnings, names(done.result["pruned"])) == (False, [], [OTHER])
    assert sorted(atlas.access_list) == ["10.1.0.0/16", OLD]


@pytest.mark.parametrize("pattern", [{"ip_address": "10.0.0.5"}, {"ip_address": "10.0.*"}, {"cidr_block": "10.0.0.5/32"}])
def test_an_address_is_ignored_in_both_its_forms(atlas: Atlas, wire: Wire, pattern: dict[str, Any]) -> None:
    """Whichever of them the list has."""
    for form in ({"ipAddress": "10.0.0.5"}, {"cidrBlock": "10.0.0.5/32"}):
        wire.faults[:] = [Fault("GET", reply({"results": [form], "totalCount": 1}))]
        done = run(atlas, allow_empty=True, ignore=[pattern])
        assert (done.failed, done.changed, wire.sent("DELETE")) == (False, False, [])


@pytest.mark.parametrize(
    "pattern",
    [
        {"comment": "Office *"},
        {"comment": "office *", "cidr_block": OTHER},
        {"comment": None},
        {"comment": "office *", "aws_security_group": None},
        {"ip_address": "10.8.*"},
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_a_pattern_that_matches_nothing_stops_the_removal(atlas: Atlas, pattern: dict[str, Any], check_mode: bool) -> None:
    add(atlas, {"cidrBlock": OLD, "comment": "office Berlin"})
    options = {"ignore": [pattern, {"comment": "ours"}], "check_mode": check_mode}
    done = run(atlas, OURS, **options)
    assert (done.failed, done.changed, atlas.writes(), done.warnings, done.result["pruned"]) == (True, False, [], [], [])
    assert done.missing("ignore[0]", "matches nothing", "Nothing is pruned") == []
    assert [one["action"] for one in done.result["actions"]] == ["create", "delete"]
    # What is declared already, and what will be, counts as matched.
    assert "ignore[1]" not in done.msg
    shared = run(atlas, OURS, ignore_unmatched="warn", **options)
    assert shared.failed == (None in pattern.values())
    if not shared.failed:
        assert (len(shared.warnings), names(shared.result["pruned"])) == (1, [OLD])
    # Without anything to remove, it is a warning.
    kept = run(atlas, OURS, {"cidr_block": OLD}, **options)
    assert (kept.failed, len(kept.warnings)) == (False, 1)


@pytest.mark.parametrize(
    ("body", "pattern"),
    [
        ({"comment": "Team B [prod]"}, {"comment": "Team B [prod]"}),
        ({"comment": "Team B [prod]"}, {"comment": "Team ? [*"}),
        ({"comment": ""}, {"comment": ""}),
        ({"comment": None}, {"comment": ""}),
        ({"cidrBlock": "2001:db8::/32"}, {"cidr_block": "2001:DB8:*"}),
        ({"awsSecurityGroup": f"123456789012/{GROUP}"}, {"aws_security_group": GROUP}),
        ({"awsSecurityGroup": f"123456789012/{GROUP}"}, {"aws_security_group": "sg-*"}),
        ({"awsSecurityGroup": f"123456789012/{GROUP}"}, {"aws_security_group": "123456789012/*"}),
        ({"awsSecurityGroup": f"123456789012/{GROUP}"}, {"aws_security_group": "123456789012*"}),
        ({"awsSecurityGroup": GROUP}, {"aws_security_group": f"123456789012/{GROUP}"}),
    ],
    ids=str,
)
def test_an_entry_is_ignored_in_all_its_spellings(
    atlas: Atlas, wire: Wire, body: dict[str, Any], pattern: dict[str, Any]
) -> None:
    atlas.add_peer()
    subject = {} if body.keys() - {"comment"} else {"cidrBlock": OLD}
    listed = {"results": [{**subject, **body}, {"cidrBlock": OTHER, "comment": "x"}], "totalCount": 2}
    wire.faults.append(Fault("GET", reply(listed)))
    done = run(atlas, allow_empty=True, ignore=[pattern], check_mode=True)
    assert (done.failed, done.warnings, names(done.result["pruned"])) == (False, [], [OTHER])


@pytest.mark.parametrize(
    "pattern",
    [{"aws_security_group": f"210987654321/{GROUP}"}, {"comment": "*"}, {"aws_security_group": "12345678901/*"}],
    ids=str,
)
def test_an_entry_that_only_looks_alike_is_not_ignored(atlas: Atlas, wire: Wire, pattern: dict[str, Any]) -> None:
    entry = {"awsSecurityGroup": f"123456789012/{GROUP}", "comment": ""}
    wire.faults.append(Fault("GET", reply({"results": [entry], "totalCount": 1})))
    done = run(atlas, allow_empty=True, ignore=[pattern], ignore_unmatched="warn", check_mode=True)
    assert (len(done.warnings), names(done.result["pruned"])) == (1, [f"123456789012/{GROUP}"])


def test_a_declared_entry_is_managed_although_a_pattern_fits(atlas: Atlas) -> None:
    add(atlas, {"cidrBlock": "10.1.0.0/16", "comment": "office"})
    done = run(atlas, OURS, ignore=[{"comment": "office"}])
    assert (done.changed, done.result["access_list"][0]["comment"]) == (True, "ours")


def test_what_goes_by_itself_is_left_alone_unless_asked(atlas: Atlas) -> None:
    add(atlas, {"cidrBlock": OLD, "deleteAfterDate": in_days(2)}, OTHER)
    assert names(run(atlas, OURS).result["pruned"]) == [OTHER]
    assert names(run(atlas, OURS, prune_temporary=True).result["pruned"]) == [OLD]
    assert sorted(atlas.access_list) == ["10.1.0.0/16"]


@pytest.mark.parametrize("entry", [{}, {"cidrBlock": "everywhere"}, {"awsPrefixList": "pl-1"}, {"cidrBlock": None}], ids=str)
def test_an_entry_of_a_kind_that_is_not_known_stays(atlas: Atlas, wire: Wire, entry: dict[str, Any]) -> None:
    wire.faults.append(Fault("GET", reply({"results": [{**entry, "comment": "new"}], "totalCount": 1})))
    done = run(atlas, allow_empty=True)
    assert (done.changed, wire.sent("DELETE")) == (False, [])
    # What has no subject at all cannot be told from others, so that the list cannot be read.
    assert done.failed == (entry.get("cidrBlock") is None)


# What is refused


@pytest.mark.parametrize("check_mode", [True, False])
def test_above_the_ceiling_the_plan_is_shown_unwritten(atlas: Atlas, check_mode: bool) -> None:
    add(atlas, OLD, OTHER)
    done = run(atlas, OURS, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes(), done.result["pruned"]) == (True, False, [], [])
    assert done.missing("max_deletions", OLD, OTHER) == []
    assert done.msg.startswith("The list is refused for project 5356823b3794dee37132bb7b: 2 would be removed or replaced")
    expected = [("create", "10.1.0.0/16"), ("delete", OLD), ("delete", OTHER)]
    assert [(one["action"], one["name"]) for one in done.result["actions"]] == expected
    assert run(atlas, OURS, max_deletions=2).changed
    assert sorted(atlas.access_list) == ["10.1.0.0/16"]


def test_with_a_ceiling_of_nothing_nothing_goes(atlas: Atlas) -> None:
    add(atlas, OLD)
    assert "max_deletions" in run(atlas, OURS, max_deletions=0).msg
    assert not run(atlas, OURS, {"cidr_block": OLD}, max_deletions=0).failed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"entries": []}, ["entries is empty", "allow_empty"]),
        ({"state": "absent"}, ["prune", "state: present"]),
        ({"max_deletions": -1}, ["max_deletions"]),
        ({"ignore": [{}]}, ["ignore[0]", "comment"]),
        ({"ignore": [{"delete_after_date": "*"}]}, ["ignore[0].delete_after_date"]),
        ({"ignore": [{"comment": "a"}, {"cidr_block": "10.1.0.1/16"}]}, ["ignore[1].cidr_block", "10.1.0.0/16"]),
        ({"ignore": [{"ip_address": "10.0.0.0/8"}]}, ["ignore[0].ip_address", "10.0.0.5"]),
        ({"ignore": [{"aws_security_group": "app"}]}, ["ignore[0].aws_security_group", GROUP]),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_malformed_options_are_refused_unsent(atlas: Atlas, options: dict[str, Any], words: list[str], check_mode: bool) -> None:
    done = run(atlas, **{"entries": [OURS], **options}, check_mode=check_mode)
    assert (done.failed, atlas.wire()) == (True, [])
    assert done.missing(*words) == []


def test_an_empty_list_empties_the_project_if_that_is_said(atlas: Atlas) -> None:
    add(atlas, OLD, OTHER)
    assert "max_deletions" in run(atlas, allow_empty=True).msg
    done = run(atlas, allow_empty=True, max_deletions=2)
    assert (done.changed, sorted(atlas.access_list), names(done.result["pruned"])) == (True, [], [OLD, OTHER])


# In which order


def test_removals_come_after_the_additions_are_in_force(atlas: Atlas) -> None:
    add(atlas, OLD)
    run(atlas, OURS)
    assert (atlas.methods()[:2], set(atlas.methods()[2:-1])) == (["GET", "POST"], {"GET"})
    assert atlas.methods()[-1] == "DELETE"
    assert atlas.clock.pauses
    statuses = [one["path"] for one in atlas.emulator.requests.entries() if one["path"].endswith("/status")]
    assert len(statuses) > 1


def test_an_entry_of_the_run_before_has_to_be_in_force_too(atlas: Atlas, wire: Wire) -> None:
    add(atlas, OLD)
    pending = Fault("GET", reply({"STATUS": "PENDING"}), times=99)
    wire.faults += [Fault("GET"), pending]
    late = run(atlas, OURS, wait_timeout=5)
    assert (late.failed, late.changed, late.result["pruned"]) == (True, True, [])
    assert late.missing("10.1.0.0/16", "5 seconds", "no entry was pruned") == []
    wire.faults[:] = [Fault("GET"), pending]
    again = run(atlas, OURS, wait_timeout=5)
    assert (again.failed, again.changed, wire.sent("DELETE")) == (True, False, [])
    wire.faults.clear()
    assert names(run(atlas, OURS).result["pruned"]) == [OLD]


def test_waiting_for_what_is_known_to_be_in_force_asks_nothing(atlas: Atlas) -> None:
    add(atlas, OLD)
    run(atlas, OURS, wait=True)
    assert atlas.methods()[-1] == "DELETE"


def lists(atlas: Atlas) -> int:
    """Return how often the list was read."""
    found = [one for one in atlas.emulator.requests.entries() if one["method"] == "GET" and one["path"].endswith("/accessList")]
    return sum(one["status"] == 200 for one in found)


def test_the_list_is_read_again_after_a_wait(make_atlas: Callable[..., Atlas]) -> None:
    atlas, kept = make_atlas(step_seconds=600), {"cidrBlock": "10.7.0.0/16", "comment": "keep: x"}
    add(atlas, OLD, OTHER, kept)
    # Somebody protects an entry, and adds another.
    atlas.clock.after(100, lambda: add(atlas, {**kept, "cidrBlock": OLD}, "10.6.0.0/16"))
    done = run(atlas, OURS, ignore=[{"comment": "keep:*"}], max_deletions=2, wait_timeout=1800)
    assert (done.failed, names(done.result["pruned"]), lists(atlas)) == (False, [OTHER], 2)
    assert sorted(atlas.access_list) == ["10.1.0.0/16", "10.6.0.0/16", "10.7.0.0/16", OLD]
    # Nothing comes between the look and the removal.
    assert atlas.methods()[-2:] == ["GET", "DELETE"]


def test_without_a_wait_the_list_is_read_once(atlas: Atlas) -> None:
    add(atlas, OLD, OTHER, {"cidrBlock": OURS["cidr_block"]})
    atlas.clock.sleep(60)
    assert names(run(atlas, OURS, max_deletions=2).result["pruned"]) == [OLD, OTHER]
    assert (lists(atlas), atlas.methods()[-2:]) == (1, ["DELETE"] * 2)


def test_an_addition_that_fails_leaves_everything(atlas: Atlas, wire: Wire) -> None:
    add(atlas, OLD)
    wire.faults.append(Fault("POST", REFUSED))
    done = run(atlas, OURS)
    assert (done.failed, done.changed, done.result["actions"], sorted(atlas.access_list)) == (True, False, [], [OLD])


def test_an_addition_that_stays_pending_leaves_everything(atlas: Atlas, wire: Wire) -> None:
    add(atlas, OLD)
    wire.faults += [Fault("GET"), Fault("GET", reply({"STATUS": "FAILED"}))]
    done = run(atlas, OURS)
    assert (done.failed, done.changed, sorted(atlas.access_list)) == (True, True, ["10.1.0.0/16", OLD])


def fill(atlas: Atlas, count: int) -> None:
    add(atlas, *[f"10.200.{number}.0/24" for number in range(count)])


@pytest.mark.parametrize(("there", "early"), [pytest.param(199, 0, marks=pytest.mark.full), (200, 1)])
def test_removals_come_first_only_where_there_is_no_room(atlas: Atlas, there: int, early: int) -> None:
    fill(atlas, there)
    others = [{"cidr_block": f"10.200.{number}.0/24"} for number in range(2, there)]
    done = run(atlas, OURS, *others, max_deletions=2)
    assert (done.failed, names(done.result["pruned"])) == (False, ["10.200.0.0/24", "10.200.1.0/24"])
    assert [one for one in atlas.methods() if one != "GET"] == [*["DELETE"] * early, "POST", *["DELETE"] * (2 - early)]
    assert [("no room" in warning, "10.200.0.0/24" in warning) for warning in done.warnings] == [(True, True)] * early


@pytest.mark.parametrize("check_mode", [True, False])
def test_more_than_there_is_room_for_is_refused(atlas: Atlas, check_mode: bool) -> None:
    fill(atlas, 200)
    ignore = [{"cidr_block": f"10.200.{number}*"} for number in (1, 2, 3, 4, 5, 6, 8, 9, 0, "7?.")]
    done = run(atlas, OURS, {"cidr_block": OTHER}, ignore=ignore, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert done.missing("201 entries", "allows 200") == []
    assert [one["action"] for one in done.result["actions"]] == ["create", "create", "delete"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_nothing_is_removed_for_what_atlas_would_refuse(atlas: Atlas, check_mode: bool) -> None:
    fill(atlas, 200)
    others = [{"cidr_block": f"10.200.{number}.0/24"} for number in range(1, 200)]
    done = run(atlas, {"aws_security_group": GROUP}, *others, check_mode=check_mode)
    assert (done.failed, done.changed, atlas.writes()) == (True, False, [])
    assert "VPC peering connection" in done.msg


# Others, and lost replies


def test_an_entry_that_disappears_by_itself_is_not_ours(atlas: Atlas, wire: Wire) -> None:
    add(atlas, OLD)
    wire.faults.append(Fault("DELETE", NO_ENTRY, forward=True))
    done = run(atlas, allow_empty=True)
    assert (done.failed, done.changed, done.result["pruned"], done.result["actions"]) == (False, False, [], [])


def test_what_others_add_meanwhile_is_not_in_the_plan(atlas: Atlas, wire: Wire) -> None:
    """Although everything is read and decided again after the reply to a removal was lost."""
    add(atlas, OLD)
    wire.faults.append(Fault("DELETE", reply({"error": 500, "errorCode": "UNEXPECTED_ERROR"}, 500), times=9))
    wire.faults[0].before = lambda: add(atlas, OTHER) if OTHER not in sorted(atlas.access_list) else None
    done = run(atlas, allow_empty=True, max_deletions=9)
    assert (done.failed, sorted(atlas.access_list)) == (True, [OLD, OTHER])
    assert {one.path.rpartition("/")[2] for one in wire.sent("DELETE")} == {"10.8.0.0%2F16"}


@pytest.mark.parametrize("forward", [True, False])
def test_a_removal_without_a_reply_counts_if_the_entry_is_gone(atlas: Atlas, forward: bool) -> None:
    add(atlas, OLD, OTHER)
    atlas.fault("DELETE", "lost_reply" if forward else "close", times=3)
    done = run(atlas, allow_empty=True, max_deletions=2)
    assert (done.failed, done.changed) == (True, forward)
    assert names(done.result["pruned"]) == ([OLD] if forward else [])
    assert sorted(atlas.access_list) == ([OTHER] if forward else [OLD, OTHER])


def test_of_two_removals_only_the_one_that_was_taken_is_pruned(atlas: Atlas, wire: Wire) -> None:
    add(atlas, OLD, OTHER)
    wire.faults += [Fault("DELETE"), Fault("DELETE", REFUSED)]
    done = run(atlas, allow_empty=True, max_deletions=2)
    assert (done.failed, done.changed, names(done.result["pruned"]), sorted(atlas.access_list)) == (True, True, [OLD], [OTHER])


def test_security_groups_are_declared_and_pruned_as_well(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas()
    atlas.add_peer()
    add(atlas, {"awsSecurityGroup": GROUP})
    assert not run(atlas, {"aws_security_group": GROUP}, max_deletions=0).changed
    assert not run(atlas, allow_empty=True, ignore=[{"aws_security_group": "sg-*"}]).changed
    assert names(run(atlas, allow_empty=True).result["pruned"]) == [GROUP]


@pytest.mark.parametrize(("declared", "there"), [(GROUP, f"{ACCOUNT}/{GROUP}"), (f"{ACCOUNT}/{GROUP}", GROUP)])
def test_a_group_is_one_entry_whatever_its_account(make_atlas: Callable[..., Atlas], declared: str, there: str) -> None:
    atlas = make_atlas()
    atlas.add_peer()
    add(atlas, {"awsSecurityGroup": there})
    entry = {"aws_security_group": declared}
    done = run(atlas, entry, wait=True)
    assert (done.failed, done.changed, [*atlas.access_list]) == (False, False, [there])
    assert (names(done.result["access_list"]), done.result["summary"]["unchanged"]) == ([there], 1)
    # A new comment is written to the entry that is there, and a removal names it as Atlas does.
    assert run(atlas, {**entry, "comment": "Shop"}).result["summary"]["updated"] == 1
    assert atlas.access_list == {there: "Shop"}
    gone = run(atlas, entry, state="absent", prune=False)
    assert [(one["action"], one["index"], one["name"]) for one in gone.result["actions"]] == [("delete", 0, there)]
    assert (gone.changed, atlas.access_list) == (True, {})


def test_groups_of_two_accounts_are_two_entries(make_atlas: Callable[..., Atlas]) -> None:
    atlas = make_atlas()
    atlas.add_peer()
    add(atlas, {"awsSecurityGroup": f"{ACCOUNT[::-1]}/{GROUP}"})
    run(atlas, {"aws_security_group": f"{ACCOUNT}/{GROUP}"}, max_deletions=1)
    assert [*atlas.access_list] == [f"{ACCOUNT}/{GROUP}"]
