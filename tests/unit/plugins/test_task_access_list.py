# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The access list: entries that cannot be right, somebody who is faster, and waiting until one is in force."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._access_list_task import TASK
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.harness import Atlas
from ansible_collections.cloudpeer.atlas.tests.unit.plugins.wire import DROP, Fault, Wire, reply

BLOCK = "10.1.0.0/16"
ENTRY = {"cidr_block": BLOCK}


def run(atlas: Atlas, *entries: dict[str, Any], **options: Any) -> Any:
    return partial(atlas.run, TASK)(entries=list(entries), **options)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"cidr_block": None}, ["nothing but nulls", "cidr_block", "aws_security_group"]),
        ({"cidr_block": "10.1.0.1/16"}, ["entries[0].cidr_block", "10.1.0.0/16"]),
        ({"ip_address": "10.1.0.300"}, ["entries[0].ip_address", "10.1.0.300", "10.0.0.5"]),
        ({"ip_address": "10.1.0.0/16"}, ["entries[0].ip_address", "cidr_block"]),
        ({"aws_security_group": "app"}, ["entries[0].aws_security_group", "sg-0a1b2c3d4e5f67890"]),
        ({**ENTRY, "comment": "x" * 81}, ["entries[0].comment", "80"]),
        ({**ENTRY, "delete_after_date": "soon"}, ["entries[0].delete_after_date", "2030-01-31T12:00:00Z"]),
        (
            {"aws_security_group": "sg-0a1b2c3d", "delete_after_date": "2030-01-31T12:00:00Z"},
            ["delete_after_date", "security group"],
        ),
    ],
)
def test_an_entry_that_cannot_be_right_is_refused_unsent(atlas: Atlas, entry: dict[str, Any], words: list[str]) -> None:
    done = run(atlas, entry)
    assert (done.failed, done.changed, atlas.wire()) == (True, False, [])
    assert [word for word in words if word not in done.msg] == []


def test_an_address_and_its_block_are_one_entry(atlas: Atlas) -> None:
    done = run(atlas, {"ip_address": "10.0.0.5"}, {"cidr_block": "10.0.0.5/32"})
    assert (done.failed, atlas.wire()) == (True, [])
    assert "entries[1]" in done.msg


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_security_group_needs_a_connection(atlas: Atlas, check_mode: bool) -> None:
    group = {"aws_security_group": "sg-0a1b2c3d4e5f67890"}
    refused = run(atlas, group, check_mode=check_mode)
    assert (refused.failed, refused.changed) == (True, False)
    assert "atlas_vpc_peer" in refused.msg
    atlas.add_peer()
    done = run(atlas, group, check_mode=check_mode)
    assert (done.failed, done.changed) == (False, True)


def test_an_entry_that_somebody_else_has_removed_meanwhile_is_gone(faulty: tuple[Atlas, Wire]) -> None:
    atlas, wire = faulty
    run(atlas, ENTRY)
    gone = reply({"error": 404, "errorCode": "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", "detail": "Not there."}, 404)
    wire.faults.append(Fault("DELETE", gone, forward=True))
    done = run(atlas, ENTRY, state="absent")
    assert (done.failed, done.changed) == (False, False)
    with atlas.emulator.project.now() as project:
        assert list(project.access_list) == []


def test_of_two_entries_one_that_cannot_be_removed_does_not_hide_the_other(faulty: tuple[Atlas, Wire]) -> None:
    atlas, wire = faulty
    second = {"cidr_block": "10.2.0.0/16"}
    run(atlas, ENTRY, second)
    refusal = reply({"error": 403, "errorCode": "USER_UNAUTHORIZED", "detail": "No."}, 403)
    wire.faults += [Fault("DELETE"), Fault("DELETE", refusal)]
    done = run(atlas, ENTRY, second, state="absent")
    assert (done.failed, done.changed) == (True, True)
    with atlas.emulator.project.now() as project:
        assert [entry.value for entry in project.access_list] == ["10.2.0.0/16"]


def test_waiting_ends_when_the_entry_is_in_force(atlas: Atlas) -> None:
    done = run(atlas, ENTRY, wait=True)
    assert (done.failed, done.changed) == (False, True)
    assert atlas.clock.pauses
    again = run(atlas, ENTRY, wait=True)
    assert (again.failed, again.changed) == (False, False)


# In what follows, the list that is read first comes through: Fault("GET").


def test_an_entry_that_stays_pending_is_named_when_the_time_is_up(faulty: tuple[Atlas, Wire]) -> None:
    atlas, wire = faulty
    wire.faults += [Fault("GET"), Fault("GET", reply({"STATUS": "PENDING"}), times=99)]
    done = run(atlas, ENTRY, wait=True, wait_timeout=5)
    assert (done.failed, done.changed) == (True, True)
    assert [word for word in (BLOCK, "5 seconds", "wait_timeout") if word not in done.msg] == []


@pytest.mark.parametrize(
    ("answer", "word"), [({"STATUS": "FAILED"}, f"could not bring {BLOCK}"), ({"STATUS": 1}, "not a status")], ids=str
)
def test_an_entry_that_does_not_come_into_force_is_a_failure(faulty: tuple[Atlas, Wire], answer: Any, word: str) -> None:
    atlas, wire = faulty
    wire.faults += [Fault("GET"), Fault("GET", reply(answer))]
    done = run(atlas, ENTRY, wait=True)
    assert (done.failed, done.changed) == (True, True)
    assert word in done.msg


def test_a_reply_that_is_lost_for_ever_is_a_failure_that_may_have_changed_something(faulty: tuple[Atlas, Wire]) -> None:
    atlas, wire = faulty
    wire.faults += [Fault("POST", DROP, forward=True), Fault("GET"), Fault("GET", DROP, times=99)]
    done = run(atlas, ENTRY)
    assert (done.failed, done.changed) == (True, True)
