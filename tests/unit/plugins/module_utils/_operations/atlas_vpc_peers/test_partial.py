"""Entries that fail on the way, and connections that have failed before: the others are done, and the result says which."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.lists import ListProgress
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.outcome import Outcome
from ansible_collections.cloudpeer.atlas.plugins.module_utils._operations.atlas_vpc_peers import OPERATION
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import (
    LOOK,
    SetSite,
    block,
    check,
    entries,
    entry,
    place,
    sending,
    vpc,
)


@pytest.mark.parametrize("parallel", [1, 8])
@pytest.mark.parametrize("skip", [0, 2, 4])
def test_one_that_is_refused_does_not_stop_the_others(atlas: SetSite, skip: int, parallel: int) -> None:
    atlas.fault("POST", "status", status=403, skip=skip)
    done = atlas.apply(entries(5), parallel=parallel)
    assert (done.failed, done.changed, done.sums) == (True, True, {"created": 4, "failed": 1})
    ((index, message),) = done.failures.items()
    assert index is not None
    assert re.match(rf"peers\[{index}\] \(123456789012/{vpc(index)}\): Failed to create .* \(HTTP 403", message)
    assert done.result["http_status"] == 403
    missing = done.result["vpc_peers"][index]
    assert missing.keys() == done.result["vpc_peers"][index - 1].keys()
    given = {name: value for name, value in missing.items() if value is not None}
    assert given == {**entry(index), "provider_name": "AWS"}
    assert len(atlas.writes()) == 5
    assert parallel > 1 or index == skip
    assert atlas.apply(entries(5)).sums == {"created": 1, "unchanged": 4}


def test_several_causes_are_told_one_by_one(atlas: SetSite) -> None:
    atlas.fault("POST", "status", status=403, skip=1, times=1)
    atlas.fault("POST", "status", status=402, skip=1, times=2)
    done = atlas.apply(entries(5), parallel=1)
    assert (done.failures.keys(), done.msg) == ({1, 2, 3}, "\n".join(dict.fromkeys(done.failures.values())))
    # One status cannot stand for two.
    found = [(one["http_status"], one["index"], one["indexes"]) for one in done.result["failures"]]
    assert (done.result["http_status"], found) == (None, [(403, 1, [1]), (402, 2, [2, 3])])


FIFTY = range(50)
_ALL = r"peers\[0\] to peers\[49\] \((\w+/vpc-\w+, ){2}\w+/vpc-\w+ and 47 more\): "
_WAITED = {"wait": True, "wait_for": "available", "wait_timeout": 60}


@pytest.mark.parametrize(
    ("fields", "fault", "options", "text"),
    [
        # Those that Atlas takes first are pending.
        (
            {},
            {},
            {"parallel": 1},
            r"peers\[25\] to peers\[49\] \(.* and 22 more\): No more than 25 .* allowed \(HTTP 409 PEER_MAXIMUM_REACHED\)\.",
        ),
        ({}, {"kind": "status", "status": 403}, {}, rf"{_ALL}.*\(HTTP 403 UNEXPECTED_ERROR\)\. Check the roles of the API key"),
        ({}, {"kind": "close"}, {}, rf"{_ALL}the connection to http://\S+ broke before"),
        (
            {},
            {},
            _WAITED,
            rf"{_ALL}VPC peering connections (\w{{24}}, ){{2}}\w{{24}} and 47 more are still PENDING_ACCEPTANCE after 60 s.*"
            rf" Have (pcx-\w+, ){{2}}pcx-\w+ and 47 more accepted in AWS account {ACCOUNT}, region us-east-1, then run",
        ),
        (
            {"container_id": "0" * 24},
            {},
            {},
            rf"Nothing was changed in project \w+\. {_ALL}container_id: project \w+ has no network container",
        ),
        (
            {"route_table_cidr_block": "192.168.248.{}/30"},
            {},
            {},
            rf"Nothing was changed in project \w+\. {_ALL}"
            r"route_table_cidr_block (192\.168\.248\.\d/30(, )?){3} and 47 more overlaps",
        ),
    ],
    ids=["full", "refused", "unanswered", "late", "no container", "overlapping"],
)
def test_fifty_with_one_cause_are_told_once(
    make_atlas: Callable[..., SetSite], fields: dict[str, str], fault: dict[str, Any], options: dict[str, Any], text: str
) -> None:
    atlas = make_atlas(max_pending_peers=25 if options.get("parallel") else 50)
    if fault:
        atlas.fault("POST", times=None, **fault)
    given = {"route_table_cidr_block": "10.{}.0.0/16", **fields}
    wanted = [
        entry(one, **{name: value.format(one * 4 if "/30" in value else one) for name, value in given.items()}) for one in FIFTY
    ]
    done = atlas.apply(wanted, **{"parallel": 8, **options})
    ((failure),) = done.result["failures"]
    assert re.match(text, done.msg)
    assert done.msg.endswith(failure["msg"])
    assert failure["names"] == [f"{ACCOUNT}/{vpc(index)}" for index in failure["indexes"]]
    assert len(done.msg) + len(json.dumps(done.result["failures"])) < 4000


def test_a_project_that_cannot_be_read_has_empty_lists(atlas: SetSite) -> None:
    atlas.fault("GET", "status", status=403)
    done = atlas.apply(entries(2))
    assert (done.failed, done.changed, done.result["vpc_peers"], done.result["handover"]) == (True, False, [], [])


def test_a_refusal_is_explained_by_the_option_of_the_entry(atlas: SetSite) -> None:
    atlas.apply(entries(1))

    def meanwhile() -> None:
        atlas.add_peer(vpcId=vpc(8), routeTableCidrBlock=block(1))

    with sending(lambda real: (meanwhile(), real())[1]):
        done = atlas.apply([entry(0), entry(1)], parallel=1)
    assert done.failures.keys() == {1}
    assert "HTTP 409 OVERLAPPING_CIDR_BLOCK" in done.failures[1] or "overlaps" in done.failures[1]
    assert done.result["error_code"] == "OVERLAPPING_CIDR_BLOCK"


def test_a_failed_change_is_told_with_its_connection(atlas: SetSite) -> None:
    atlas.apply(entries(2))
    atlas.clear()
    atlas.fault("PATCH", "status", status=403)
    done = atlas.apply([entry(0, route_table_cidr_block="10.200.0.0/16"), entry(1), entry(2)])
    assert (done.actions, done.sums) == ([("create", 2)], {"created": 1, "unchanged": 1, "failed": 1})
    assert done.result["failures"][0]["id"] == done.result["vpc_peers"][0]["id"]
    assert done.result["vpc_peers"][0]["route_table_cidr_block"] == block(0)


def test_a_defect_in_the_middle_tells_what_was_done(atlas: SetSite) -> None:
    left = [2]

    def send(real: Callable[[], Any]) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError("no more")
        return real()

    with sending(send):
        done = atlas.run(OPERATION, peers=entries(5), parallel=1, unexpected=True)
    check(done, 5)
    assert (done.changed, done.sums) == (True, {"created": 2, "failed": 3})
    assert "MemoryError" in done.msg
    assert set(atlas.there()) == {vpc(0), vpc(1)}


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_task_that_is_interrupted_tells_what_was_done(atlas: SetSite, parallel: int) -> None:
    outcomes: list[Outcome] = []
    signals = [KeyboardInterrupt()]
    real = ListProgress.see

    def see(self: ListProgress, *given: Any) -> None:
        real(self, *given)
        if len(self._front.context.done) == 2 and signals:
            outcomes.append(self._outcome)
            raise signals.pop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ListProgress, "see", see)
        with pytest.raises(KeyboardInterrupt):
            atlas.run(OPERATION, peers=entries(10), parallel=parallel)
    created = set(atlas.there())
    # No more than were on their way.
    assert 2 <= len(created) <= 2 + parallel
    assert len(atlas.lines) == 1
    line = atlas.lines[0]
    assert "stopped before the end; done so far: create 123456789012/" in line
    assert outcomes[0].changed


@pytest.mark.parametrize(("count", "parallel", "made"), [(5, 1, 2), (1, 4, 0)])
def test_a_request_on_its_way_may_be_done(atlas: SetSite, count: int, parallel: int, made: int) -> None:
    def send(real: Callable[[], Any]) -> Any:
        # The request arrives, and a signal comes before the reply.
        reply = real()
        if len(atlas.there()) > made:
            raise KeyboardInterrupt
        return reply

    with sending(send), pytest.raises(KeyboardInterrupt):
        atlas.run(OPERATION, peers=entries(count), parallel=parallel)
    done = ", ".join(f"create {ACCOUNT}/{vpc(number)}" for number in range(made)) or "nothing"
    text = f"stopped before the end; done so far: {done}; perhaps also: {ACCOUNT}/{vpc(made)}"
    assert atlas.lines == [f"project {atlas.emulator.settings.group_id}: {text}"]


def test_nothing_is_sent_that_the_first_look_did_not_show(atlas: SetSite) -> None:
    atlas.apply(entries(3), parallel=1)
    atlas.clear()

    def send(real: Callable[[], Any]) -> Any:
        if not atlas.emulator.faults.to_json():
            # Somebody adds one that is not declared, and removes one that is.
            atlas.add_peer(vpcId=vpc(50), routeTableCidrBlock="10.250.0.0/16")
            with atlas.emulator.project.now() as project:
                project.peers.drop(next(one for one in project.peers if one.fields["vpcId"] == vpc(0)))
            atlas.fault("POST", "close")
        return real()

    with sending(send):
        done = atlas.apply([*entries(2), entry(5)], prune=True, max_deletions=50, parallel=1)
    assert (done.failed, done.sums["created"], done.sums["deleted"]) == (False, 1, 1)
    assert set(atlas.there()) == {vpc(1), vpc(5), vpc(50)}


@pytest.fixture
def dead(atlas: SetSite) -> str:
    """The id of a connection that was rejected; there is another one."""
    atlas.apply(entries(2), parallel=1)
    atlas.clock.now += 9
    found = atlas.id_of(0)
    atlas.act("reject", found)
    atlas.clear()
    return found


@pytest.mark.parametrize("check_mode", [True, False])
def test_it_is_a_failure_of_its_entry_and_the_others_are_done(atlas: SetSite, dead: str, check_mode: bool) -> None:
    done = atlas.apply(entries(3), check_mode=check_mode)
    assert (done.failed, done.changed, done.failures.keys()) == (True, True, {0})
    assert f"VPC peering connection {dead} is FAILED (REJECTED: " in done.msg
    assert "Set recreate: dead" in done.msg
    assert "remove it with atlas_vpc_peer and state: absent" in done.msg
    assert (done.result["error_code"], done.actions) == ("REJECTED", [("create", 2)])
    assert done.sums == {"created": 1, "unchanged": 1, "failed": 1}
    assert done.result["vpc_peers"][0]["id"] == dead
    assert (vpc(2) in atlas.there()) != check_mode


def test_with_nothing_else_to_do_it_costs_a_look(atlas: SetSite, dead: str) -> None:
    done = atlas.apply(entries(2))
    assert (done.failed, done.changed, atlas.wire()) == (True, False, LOOK)


def test_it_is_replaced_where_the_task_says_so(atlas: SetSite, dead: str) -> None:
    done = atlas.apply(entries(2), recreate="dead")
    assert (done.failed, done.actions, done.sums) == (False, [("recreate", 0)], {"recreated": 1, "unchanged": 1})
    assert (atlas.writes(), done.pruned) == (["DELETE", "POST"], set())
    assert done.result["vpc_peers"][0]["id"] == atlas.id_of(0) != dead
    header = f"123456789012/{vpc(0)} (recreate)"
    part = done.result["diff"][0]
    assert part["before_header"] == part["after_header"] == header
    assert part["before"] == f"id: {dead}, status_name: FAILED\n"
    assert not atlas.apply(entries(2), recreate="dead").changed


def test_a_changed_block_is_refused_as_for_one_connection(atlas: SetSite, dead: str) -> None:
    changed = [entry(0, route_table_cidr_block="10.200.0.0/16"), entry(1)]
    done = atlas.apply(changed, recreate="dead")
    assert f"the options describe another one: route_table_cidr_block is {block(0)}, not 10.200.0.0/16" in done.failures[0]
    assert atlas.writes() == []


def test_without_a_block_it_is_refused(atlas: SetSite, dead: str) -> None:
    bare = {name: value for name, value in entry(0).items() if name != "route_table_cidr_block"}
    done = atlas.apply([bare, entry(2)], recreate="dead")
    assert f"{place(0)}: route_table_cidr_block is required with recreate: dead" in done.failures[0]
    assert f"the block of that connection is {block(0)}" in done.failures[0]
    assert atlas.writes() == []


def test_a_removal_without_a_creation_is_told_truly(atlas: SetSite, dead: str) -> None:
    atlas.fault("POST", "status", status=403, times=None)
    done = atlas.apply(entries(2), recreate="dead")
    assert (done.failed, done.changed) == (True, True)
    assert (done.actions, done.sums) == ([("delete", 0)], {"failed": 1, "unchanged": 1})
    assert "HTTP 403" in done.failures[0]
    assert (done.pruned, done.result["vpc_peers"][0]["id"], done.result["vpc_peers"][0]["vpc_id"]) == (set(), None, vpc(0))
    assert (
        done.plan == "Plan: 0 to create, 0 to change, 1 to replace, 0 to remove, 1 unchanged, in project 5356823b3794dee37132bb7b"
    )
    assert done.result["diff"][0]["before_header"].endswith("(delete)")
    atlas.emulator.faults.clear()
    assert atlas.apply(entries(2), recreate="dead").sums == {"created": 1, "unchanged": 1}


def test_a_refused_removal_leaves_it_and_nothing_is_created(atlas: SetSite, dead: str) -> None:
    atlas.fault("DELETE", "status", status=403, times=None)
    done = atlas.apply(entries(3), recreate="dead")
    assert (done.sums, done.failures.keys()) == ({"created": 1, "unchanged": 1, "failed": 1}, {0})
    assert done.result["vpc_peers"][0]["id"] == atlas.id_of(0) == dead
    assert atlas.writes().count("POST") == 1


def test_one_that_somebody_else_removes_first_is_created_again(atlas: SetSite, dead: str) -> None:
    atlas.act("delete", dead)
    done = atlas.apply(entries(2), recreate="dead", max_deletions=0)
    assert (done.actions, done.sums) == ([("create", 0)], {"created": 1, "unchanged": 1})
