"""The access list: entries that cannot be right, somebody who is faster, and waiting until one is in force."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_access_list import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.support.wire import DROP, Fault, Wire, reply

BLOCK = "10.1.0.0/16"
ENTRY = {"cidr_block": BLOCK}


def run(atlas: Atlas, *entries: Any, **options: Any) -> Any:
    return partial(atlas.run, OPERATION)(entries=list(entries), **options)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"cidr_block": None}, ["nothing but nulls", "cidr_block", "aws_security_group"]),
        ({"cidr_block": "10.1.0.1/16"}, ["entries[0].cidr_block", "10.1.0.0/16"]),
        ({"ip_address": "10.1.0.300"}, ["entries[0].ip_address", "10.1.0.300", "10.0.0.5"]),
        ({"ip_address": "10.1.0.0/16"}, ["entries[0].ip_address", "cidr_block"]),
        ({"aws_security_group": "app"}, ["entries[0].aws_security_group", "sg-0a1b2c3d4e5f67890"]),
        ({**ENTRY, "comment": "x" * 81}, ["entries[0].comment", "80"]),
        ({**ENTRY, "delete_after_date": "soon"}, ["entries[0].delete_after_date", "2030-01-31T12:00:00Z", "never"]),
        (
            {"aws_security_group": "sg-0a1b2c3d", "delete_after_date": "2030-01-31T12:00:00Z"},
            ["delete_after_date", "security group"],
        ),
        ({"cidrblock": BLOCK}, ["entries[0]: cidrblock is not an option (cidr_block?)."]),
        ({"comment": "x"}, ["entries[0] has nothing but nulls. Give one of cidr_block"]),
        ({**ENTRY, "ip_address": "10.1.0.5"}, ["entries[0]: cidr_block and ip_address are mutually exclusive."]),
        ({**ENTRY, "ip_address": BLOCK}, ["entries[0].ip_address", "cidr_block"]),
        ({**ENTRY, "comment": ["x"]}, ["entries[0].comment must be a text, and is a list."]),
        (
            {"cidr_block": "10.1.0.1/16", "comment": "x" * 81},
            ["entries[0].cidr_block has host bits", "entries[0].comment is longer"],
        ),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused_unsent(atlas: Atlas, entry: dict[str, Any], words: list[str]) -> None:
    done = run(atlas, entry)
    assert (done.failed, done.changed, atlas.wire()) == (True, False, [])
    assert done.missing(*words) == []


@pytest.mark.parametrize(("block", "address"), [("203.0.113.7/32", "203.0.113.7"), ("2001:db8::7/128", "2001:DB8:0::7")])
def test_an_address_beside_its_own_block_is_one_entry(atlas: Atlas, block: str, address: str) -> None:
    """As Terraform keeps it, with empty texts for what is not set."""
    given = {"cidr_block": block, "ip_address": address, "aws_security_group": "", "comment": "", "delete_after_date": ""}
    assert run(atlas, given).changed
    assert not run(atlas, {"ip_address": address}).changed


def test_all_mistakes_of_the_list_come_in_one_failure(atlas: Atlas) -> None:
    done = run(atlas, ENTRY, {"ip_address": "x"}, {**ENTRY, "comment": None}, "10.0.0.0/8", {"cidr": "10.0.0.0/8"})
    assert (
        done.missing(
            "entries[1].ip_address is not an address: 'x'.",
            f"entries[2] is {BLOCK}, which is in the list before.",
            "entries[3] is a text, and not a mapping of options.",
            "entries[4]: cidr is not an option (cidr_block?).",
        )
        == []
    )
    assert atlas.wire() == []


def test_an_address_and_its_block_are_one_entry(atlas: Atlas) -> None:
    done = run(atlas, {"ip_address": "10.0.0.5"}, {"cidr_block": "10.0.0.5/32"})
    assert (done.failed, atlas.wire()) == (True, [])
    assert "entries[1]" in done.msg
    group = "sg-0a1b2c3d4e5f67890"
    done = run(atlas, {"aws_security_group": group}, {"aws_security_group": f"123456789012/{group}"})
    assert (done.failed, atlas.wire()) == (True, [])
    assert f"entries[1] is 123456789012/{group}, which is in the list before." in done.msg


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_security_group_needs_a_connection(atlas: Atlas, check_mode: bool) -> None:
    group = {"aws_security_group": "sg-0a1b2c3d4e5f67890"}
    refused = run(atlas, group, check_mode=check_mode)
    assert (refused.failed, refused.changed) == (True, False)
    assert "atlas_vpc_peer" in refused.msg
    atlas.add_peer()
    done = run(atlas, group, check_mode=check_mode)
    assert (done.failed, done.changed) == (False, True)


def test_an_entry_that_another_has_removed_meanwhile_is_gone(atlas: Atlas) -> None:
    run(atlas, ENTRY)
    atlas.fault("DELETE", "status", status=404, code="ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", applied=True)
    done = run(atlas, ENTRY, state="absent")
    assert (done.failed, done.changed, atlas.access_list) == (False, False, {})


def test_an_entry_that_stays_does_not_hide_the_other(atlas: Atlas) -> None:
    second = {"cidr_block": "10.2.0.0/16"}
    run(atlas, ENTRY, second)
    atlas.fault("DELETE", "status", status=403, code="USER_UNAUTHORIZED", skip=1)
    done = run(atlas, ENTRY, second, state="absent")
    assert (done.failed, done.changed, list(atlas.access_list)) == (True, True, ["10.2.0.0/16"])


def test_waiting_ends_when_the_entry_is_in_force(atlas: Atlas) -> None:
    done = run(atlas, ENTRY, wait=True)
    assert (done.failed, done.changed) == (False, True)
    assert atlas.clock.pauses
    again = run(atlas, ENTRY, wait=True)
    assert (again.failed, again.changed) == (False, False)


# In what follows, the list that is read first comes through: Fault("GET").


def test_an_entry_that_stays_pending_is_named_in_the_end(atlas: Atlas, wire: Wire) -> None:
    wire.faults += [Fault("GET"), Fault("GET", reply({"STATUS": "PENDING"}), times=99)]
    done = run(atlas, ENTRY, wait=True, wait_timeout=5)
    assert (done.failed, done.changed) == (True, True)
    assert done.missing(BLOCK, "5 seconds", "wait_timeout") == []


@pytest.mark.parametrize(
    ("answer", "word"), [({"STATUS": "FAILED"}, f"could not bring {BLOCK}"), ({"STATUS": 1}, "not a status")], ids=str
)
def test_an_entry_that_does_not_come_into_force_is_a_failure(atlas: Atlas, wire: Wire, answer: Any, word: str) -> None:
    wire.faults += [Fault("GET"), Fault("GET", reply(answer))]
    done = run(atlas, ENTRY, wait=True)
    assert (done.failed, done.changed) == (True, True)
    assert word in done.msg


def test_a_reply_lost_for_ever_fails_and_leaves_changes_open(atlas: Atlas, wire: Wire) -> None:
    wire.faults += [Fault("POST", DROP, forward=True), Fault("GET"), Fault("GET", DROP, times=99)]
    done = run(atlas, ENTRY)
    assert (done.failed, done.changed) == (True, True)


def test_an_entry_of_somebody_else_keeps_its_comment(atlas: Atlas) -> None:
    run(atlas, {**ENTRY, "comment": "The office"})
    ours = [{**ENTRY, "comment": "Peering"}, {"cidr_block": "10.2.0.0/16", "comment": "Peering"}]
    done = run(atlas, *ours, keep_comment=True)
    assert (done.failed, done.changed) == (False, True)
    assert [entry["comment"] for entry in done.result["access_list"]] == ["The office", "Peering"]
    assert atlas.access_list == {BLOCK: "The office", "10.2.0.0/16": "Peering"}
    assert not run(atlas, *ours, keep_comment=True).changed
    assert run(atlas, *ours).changed
    assert set(atlas.access_list.values()) == {"Peering"}


@pytest.mark.parametrize("comment", ["The office", None])
@pytest.mark.parametrize("check_mode", [False, True])
def test_an_entry_with_another_comment_is_left_and_named(atlas: Atlas, comment: str | None, check_mode: bool) -> None:
    run(atlas, {**ENTRY, "comment": comment}, {"cidr_block": "10.2.0.0/16", "comment": "Peering"})
    ours = [{**ENTRY, "comment": "Peering"}, {"cidr_block": "10.2.0.0/16", "comment": "Peering"}]
    done = run(atlas, *ours, state="absent", only_own=True, check_mode=check_mode)
    assert (done.failed, done.changed) == (False, True)
    assert [entry["cidr_block"] for entry in done.result["access_list"]] == [BLOCK]
    (left,) = done.result["left"]
    assert (left["cidr_block"], left["comment"]) == (BLOCK, comment)
    assert [word for word in (BLOCK, str(comment or "no comment"), "Peering") if word not in left["reason"]] == []
    assert list(atlas.access_list) == [BLOCK, "10.2.0.0/16"] if check_mode else [BLOCK]
    again = run(atlas, *ours, state="absent", only_own=True)
    assert (again.changed, again.result["left"]) == (check_mode, [left])
    assert run(atlas, *ours, state="absent").result["left"] == []
    assert atlas.access_list == {}


def test_whose_entry_is_meant_has_to_be_said(atlas: Atlas) -> None:
    done = run(atlas, ENTRY, state="absent", only_own=True)
    assert (done.failed, atlas.wire()) == (True, [])
    assert done.missing("entries[0].comment", "only_own") == []
    assert not run(atlas, ENTRY, only_own=True).failed


@pytest.mark.parametrize("answer", [{}, {"results": []}, {"results": [{"cidrBlock": "10.9.0.0/16"}]}, {"results": 5}], ids=str)
def test_added_is_only_what_the_answer_names(atlas: Atlas, wire: Wire, answer: dict[str, Any]) -> None:
    """Nobody has added the entry, although the status is 201."""
    wire.faults += [Fault("POST", reply(answer, 201), times=9)]
    done = run(atlas, ENTRY)
    assert done.failed, done.result
    assert done.missing(BLOCK, "the reply") == []
    assert atlas.access_list == {}


def test_what_an_odd_answer_has_added_is_found(atlas: Atlas, wire: Wire) -> None:
    wire.faults += [Fault("POST", reply({"results": []}, 201), forward=True)]
    done = run(atlas, ENTRY)
    assert (done.failed, done.changed, atlas.access_list) == (False, True, {BLOCK: None})


def test_the_answer_may_spell_an_entry_in_another_way(atlas: Atlas, wire: Wire) -> None:
    group = {"awsSecurityGroup": "123456789012/sg-0a1b2c3d4e5f67890"}
    spelled = {"results": [{"ipAddress": "10.0.0.5"}, {"cidrBlock": "2001:0DB8::/32"}, group]}
    wire.faults += [Fault("POST", reply(spelled, 201), forward=True)]
    atlas.add_peer()
    entries = [{"cidr_block": "10.0.0.5/32"}, {"cidr_block": "2001:db8::/32"}, {"aws_security_group": "sg-0a1b2c3d4e5f67890"}]
    done = run(atlas, *entries)
    # Nothing is read again afterwards.
    assert (done.failed, [method for method, unused in atlas.wire()][-1]) == (False, "POST")


def test_the_answer_holds_the_whole_list(atlas: Atlas, wire: Wire) -> None:
    """Atlas has room for 200 entries, and shows 100 a page unless it is asked for more."""
    run(atlas, *[{"ip_address": f"10.0.0.{number}"} for number in range(1, 151)])
    wire.requests.clear()
    done = run(atlas, ENTRY)
    assert (done.failed, [one.query for one in wire.sent("POST")]) == (False, [{"itemsPerPage": "500"}])
    assert [one.method for one in wire.requests if one.authorization] == ["GET", "POST"]


@pytest.mark.parametrize(
    ("days", "words"), [(-1, ["has passed", "within the next week"]), (7.5, ["more than a week ahead", "within the next week"])]
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_a_date_out_of_range_is_foreseen(atlas: Atlas, days: float, words: list[str], check_mode: bool) -> None:
    date = (datetime.now(timezone.utc) + timedelta(days=days)).isoformat()
    done = run(atlas, {**ENTRY, "delete_after_date": date}, check_mode=check_mode)
    assert (done.failed, atlas.wire()) == (True, [])
    assert done.missing("entries[0].delete_after_date", *words) == []
    # What goes has no date that matters.
    assert not run(atlas, {**ENTRY, "delete_after_date": date}, state="absent").failed


def make_temporary(atlas: Atlas, *blocks: str, **fields: Any) -> str:
    """Let somebody add entries that expire, and return when they do."""
    date = (datetime.now(timezone.utc) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with atlas.emulator.project.now() as project:
        project.add_access([{"cidrBlock": block, "deleteAfterDate": date, **fields} for block in blocks])
    return date


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_declared_entry_that_expires_warns_with_its_end(atlas: Atlas, check_mode: bool) -> None:
    date = make_temporary(atlas, BLOCK, "10.2.0.0/16")
    done = run(atlas, ENTRY, {"cidr_block": "10.2.0.0/16", "comment": "ours"}, {"ip_address": "10.0.0.5"}, check_mode=check_mode)
    (warning,) = done.warnings
    assert [
        word for word in (f"{BLOCK} at {date}, 10.2.0.0/16 at {date}.", "delete_after_date: never") if word not in warning
    ] == []
    assert run(atlas, {**ENTRY, "delete_after_date": date}, {"ip_address": "10.0.0.5"}).warnings == []
    assert run(atlas, ENTRY, state="absent").warnings == []


NEVER = {**ENTRY, "delete_after_date": "never"}


@pytest.mark.parametrize("comment", ["ours", None])
def test_never_makes_an_entry_permanent(atlas: Atlas, comment: str | None) -> None:
    make_temporary(atlas, BLOCK, comment="ours")
    wanted = {**NEVER, "comment": comment}
    foretold = run(atlas, wanted, check_mode=True)
    done = run(atlas, wanted)
    assert (done.failed, done.changed, done.warnings, foretold.result["actions"]) == (False, True, [], done.result["actions"])
    assert (done.result["actions"][0]["differing"], foretold.after, done.after["access_list"][0]["comment"]) == (
        ["delete_after_date"],
        done.after,
        "ours",
    )
    with atlas.emulator.project.now() as project:
        assert [(entry.until, entry.comment) for entry in project.access_list] == [(None, "ours")]
    atlas.emulator.requests.clear()
    again = run(atlas, wanted)
    assert (again.changed, atlas.methods()) == (False, ["GET"])


def test_a_permanent_entry_gets_no_date_and_has_no_plan(atlas: Atlas) -> None:
    assert not run(atlas, ENTRY).failed
    date = (datetime.now(timezone.utc) + timedelta(hours=2)).isoformat()
    done = run(atlas, {**ENTRY, "delete_after_date": date})
    assert done.missing(BLOCK, "is permanent in the access list", "delete_after_date") == []
    assert (done.changed, done.plan) == (False, None)


@pytest.mark.parametrize("entry", [NEVER, {"aws_security_group": "sg-0a1b2c3d", "delete_after_date": "never"}], ids=str)
def test_never_is_how_a_new_entry_is(atlas: Atlas, entry: dict[str, Any]) -> None:
    atlas.add_peer()
    done = run(atlas, entry)
    assert (done.failed, done.changed, atlas.methods()) == (False, True, ["GET", "POST"])
    assert not run(atlas, entry).changed
    assert run(atlas, entry, state="absent").changed


# Whether Atlas makes a temporary entry permanent is not documented: the description of deleteAfterDate says nothing about another
# POST, and only the tests of the official Kubernetes operator do it.


def test_an_entry_that_stays_temporary_is_a_failure(make_atlas: Any) -> None:
    atlas = make_atlas(temporary_stays=True)
    date = make_temporary(atlas, BLOCK)
    done = run(atlas, NEVER)
    assert (done.failed, done.changed, done.result["actions"], atlas.methods()) == (True, False, [], ["GET", "POST", "GET"])
    assert done.missing(f"{BLOCK} at {date}", "has kept the ends of", "state: absent") == []
    assert [one["delete_after_date"] for one in done.result["access_list"]] == [date]


def test_what_else_was_written_is_in_the_result(make_atlas: Any) -> None:
    atlas = make_atlas(temporary_stays=True)
    make_temporary(atlas, BLOCK, "10.2.0.0/16")
    with atlas.emulator.project.now() as project:
        project.add_access([{"cidrBlock": "10.9.0.0/16"}])
    done = run(atlas, NEVER, {"cidr_block": "10.2.0.0/16", "comment": "ours"}, {"cidr_block": "10.3.0.0/16"}, prune=True)
    assert (done.failed, done.changed, done.result["pruned"]) == (True, True, [])
    assert [(one["action"], one["name"]) for one in done.result["actions"]] == [
        ("update", "10.2.0.0/16"),
        ("create", "10.3.0.0/16"),
    ]
    assert sorted(atlas.access_list) == [BLOCK, "10.2.0.0/16", "10.3.0.0/16", "10.9.0.0/16"]


@pytest.mark.parametrize("is_done", [True, False])
def test_an_entry_becomes_permanent_although_the_reply_is_lost(atlas: Atlas, wire: Wire, is_done: bool) -> None:
    make_temporary(atlas, BLOCK)
    wire.faults.append(Fault("POST", DROP, forward=is_done))
    done = run(atlas, NEVER)
    assert (done.failed, done.changed, len(wire.sent("POST"))) == (False, True, 1 if is_done else 2)
    assert [one["delete_after_date"] for one in done.result["access_list"]] == [None]


@pytest.mark.parametrize("answer", [DROP, reply({"error": 403, "errorCode": "USER_UNAUTHORIZED"}, 403)], ids=["lost", "refused"])
def test_an_entry_that_is_not_read_again_is_unknown(atlas: Atlas, wire: Wire, answer: Any) -> None:
    make_temporary(atlas, BLOCK)
    # Its own entry cannot be read; the list shows what became of it.
    wire.faults += [Fault("GET"), Fault("GET", answer, times=9 if answer is DROP else 1)]
    done = run(atlas, NEVER)
    assert (done.failed, done.changed) == (answer is DROP, True)


@pytest.mark.parametrize("odd", [{}, {"cidrBlock": "10.99.0.0/16"}], ids=["empty", "another"])
def test_a_reply_without_the_entry_says_nothing_of_its_end(atlas: Atlas, wire: Wire, odd: dict[str, Any]) -> None:
    make_temporary(atlas, BLOCK)
    # Atlas keeps the end, and only the list shows that.
    wire.faults += [Fault("POST", reply({"results": [{"cidrBlock": BLOCK}]}), times=9), Fault("GET"), Fault("GET", reply(odd))]
    assert run(atlas, NEVER).failed


@pytest.mark.parametrize("block", ["0.0.0.0/0", "::/0"])
def test_a_list_that_lets_everybody_in_warns(atlas: Atlas, block: str) -> None:
    (warning,) = run(atlas, ENTRY, {"cidr_block": block}).warnings
    assert [word for word in ("entries[1]", block, "every address") if word not in warning] == []
    assert run(atlas, {"cidr_block": block}, state="absent").warnings == []


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("EXPIRATION_DATE_IN_PAST", "within the next week"),
        ("EXPIRATION_DATE_EXCEEDS_MAX", "within the next week"),
        ("PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY", "remove the entry first"),
        ("NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED", "security group"),
        ("INVALID_NETWORK_PERMISSION_COMMENT", "80 characters"),
        ("INVALID_IP_ADDRESS_OR_CIDR_NOTATION", "cidr_block"),
        ("DUPLICATE_ADDRESSES_IN_INPUT", "once"),
    ],
)
def test_an_entry_that_atlas_refuses_is_explained(atlas: Atlas, code: str, word: str) -> None:
    atlas.fault("POST", "status", status=400, code=code)
    done = run(atlas, ENTRY)
    assert (done.failed, done.changed, done.result["error_code"]) == (True, False, code)
    assert word in done.msg
