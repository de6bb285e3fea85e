"""Waiting for three clouds at once: what Atlas's part is on each, who has to act, and refusals for lack of rights."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.azure import INVALID, UNREACHABLE, Rule
from ansible_collections.cloudpeer.atlas.tests.support.harness import ACCOUNT
from ansible_collections.cloudpeer.atlas.tests.support.sets import PROJECT, SUBSCRIPTION, SetSite, azure, entry, gcp, vpc

ALL: dict[str, Any] = {"provider_name": "all", "parallel": 1}
WAIT: dict[str, Any] = {**ALL, "wait": True, "wait_timeout": 100}
APPLICATION = "e90a1407-55c3-432d-9cb1-3638900a9d22"


def three(number: int = 0) -> list[dict[str, Any]]:
    return [entry(number), azure(number), gcp(number)]


def statuses(done: Any) -> list[str | None]:
    return [one and one["status_name"] for one in done.result["vpc_peers"]]


def put_role(atlas: SetSite, name: str, **fields: Any) -> None:
    """Say what Atlas is to know about its role at a VNet."""
    with atlas.emulator.project.now() as project:
        project.outside.roles.put(name, Rule(**fields))


def accept(atlas: SetSite, cloud: str, name: str) -> None:
    atlas.act("accept", atlas.of_cloud(cloud, name))


def test_one_missing_role_for_fifty_is_told_once(atlas: SetSite, clouds: dict[str, str]) -> None:
    for number in range(50):
        put_role(atlas, f"vnet-{number}", given=False)
    done = atlas.apply([azure(number) for number in range(50)], provider_name="AZURE", parallel=8)
    ((failure),) = done.result["failures"]
    assert done.msg == failure["msg"]
    assert re.fullmatch(
        rf"peers\[0\] to peers\[49\] \(.*/vnet-2 and 47 more\): .*\(HTTP 404 {UNREACHABLE}\)\. Check the names; .* "
        r"\(see handover\)\.",
        done.msg,
    )
    assert len(done.msg) + len(json.dumps(done.result["failures"])) < 4200
    assert "vnet-7" in done.result["handover"][7]["az"][-1]


def test_by_default_the_task_waits_for_the_part_of_atlas(atlas: SetSite, clouds: dict[str, str]) -> None:
    done = atlas.apply(three(), **WAIT)
    assert (done.failed, statuses(done)) == (False, ["PENDING_ACCEPTANCE", "AVAILABLE", "WAITING_FOR_USER"])
    assert [history[-1]["status"] for history in done.result["status_history"]] == statuses(done)
    assert ": 0 of 3 there; 0 s waited, " in atlas.lines[0]
    assert ": 3 of 3 there; " in atlas.lines[-1]
    foretold = atlas.apply(three(1), check_mode=True, **WAIT)
    assert statuses(foretold) == statuses(done)


def test_available_waits_for_the_customers_and_says_what_to_do(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply(three(), **WAIT)
    atlas.clock.after(5, lambda: accept(atlas, "AWS", vpc(0)))
    atlas.clock.after(9, lambda: accept(atlas, "GCP", "net-0"))
    atlas.clear()
    done = atlas.apply(three(), wait_for="available", **WAIT)
    assert statuses(done) == ["AVAILABLE"] * 3
    pcx = done.result["vpc_peers"][0]["connection_id"]
    on_aws = f"accept {pcx} in AWS account {ACCOUNT}, region us-east-1"
    assert f": 1 of 3 available, 1 waits: {on_aws}, 1 waits for its peering in GCP: {PROJECT}/net-0; 0 s" in atlas.lines[0]
    assert any(f": 2 of 3 available, 1 waits for its peering in GCP: {PROJECT}/net-0; " in line for line in atlas.lines)


def test_one_that_worked_and_fails_says_what_may_be_behind_it(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply(three(), **WAIT)
    atlas.clock.after(3, lambda: atlas.fail(atlas.of_cloud("AZURE", "vnet-0")))
    # The other one of this cloud is waited for.
    put_role(atlas, "vnet-1", seconds=20)
    done = atlas.apply([*three(), azure(1)], **WAIT)
    assert (done.failures.keys(), done.sums) == ({1}, {"created": 1, "unchanged": 2, "failed": 1})
    assert "Atlas may have moved a connection that worked to FAILED, because its role was taken away" in done.failures[1]


def test_only_the_clouds_that_are_waited_for_are_read_again(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply(three(), **WAIT)
    accept(atlas, "AWS", vpc(0))
    atlas.clock.now += 100
    atlas.clock.after(9, lambda: accept(atlas, "GCP", "net-0"))
    atlas.clear()
    assert not atlas.apply(three(), wait_for="available", **WAIT).failed
    # The lists of all clouds, the names that GCP's customer needs, and one list a poll.
    assert atlas.wire() == [("GET", 401), *[("GET", 200)] * (4 + len(atlas.clock.pauses))]


def test_an_entry_may_wait_for_more_than_the_others(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.clock.after(30, lambda: accept(atlas, "GCP", "net-0"))
    done = atlas.apply([entry(0), gcp(0, wait_for="available"), gcp(1)], **WAIT)
    assert statuses(done) == ["PENDING_ACCEPTANCE", "AVAILABLE", "WAITING_FOR_USER"]


def test_what_is_late_names_the_task_of_its_customer(atlas: SetSite, clouds: dict[str, str]) -> None:
    done = atlas.apply(three(), wait_for="available", **WAIT)
    assert done.failures.keys() == {0, 2}
    assert "accepted in AWS account 123456789012" in done.failures[0]
    own = done.result["handover"][2]
    assert own["atlas_network_name"]
    assert f"from network net-0 of project {PROJECT} to network {own['atlas_network_name']}" in done.failures[2]


def test_the_handover_has_what_each_customer_needs(atlas: SetSite, clouds: dict[str, str]) -> None:
    done = atlas.apply([*three(), azure(1)], check_mode=True, **ALL)
    aws, vnet, network, second = done.result["handover"]
    assert aws["connection_id"] is None
    assert aws["aws_account_id"] == "123456789012"
    expected = (APPLICATION, f"AtlasPeering/{SUBSCRIPTION}/network/vnet-0")
    assert (vnet["application_id"], vnet["role_definition"]["name"]) == expected
    assert second["scope"].endswith("/resourceGroups/network/providers/Microsoft.Network/virtualNetworks/vnet-1")
    assert (network["gcp_project_id"], network["network_name"], network["gcloud"]) == (PROJECT, "net-0", None)
    done = atlas.apply(three(), **WAIT)
    made = done.result["handover"]
    assert [one.keys() for one in made] == [aws.keys(), vnet.keys(), network.keys()]
    assert made[0]["connection_id"].startswith("pcx-")
    assert made[0]["atlas_cidr_block"] == "192.168.248.0/21"
    assert made[2]["gcloud"].startswith(f"gcloud compute networks peerings create atlas-{made[2]['atlas_network_name']} ")
    assert made[2]["atlas_gcp_project_id"].startswith("p-")
    atlas.clear()
    # The two names are read only while somebody needs them, once.
    for check_mode in (False, True):
        again = atlas.apply([gcp(0)], provider_name="GCP", check_mode=check_mode)
        assert (again.result["handover"], len(atlas.wire())) == ([made[2]], 3)
        atlas.clear()
    accept(atlas, "GCP", "net-0")
    atlas.clear()
    last = atlas.apply([gcp(0)], provider_name="GCP")
    assert (last.result["handover"][0]["gcloud"], len(atlas.wire())) == (None, 2)


@pytest.mark.parametrize("code", [UNREACHABLE, INVALID])
def test_a_new_role_is_waited_for_while_the_others_go_on(atlas: SetSite, clouds: dict[str, str], code: str) -> None:
    put_role(atlas, "vnet-0", seconds=40, code=code)
    done = atlas.apply([azure(0), azure(1), entry(0), gcp(0)], **WAIT)
    assert (done.failed, done.sums) == (False, {"created": 4})
    assert statuses(done) == ["AVAILABLE", "AVAILABLE", "PENDING_ACCEPTANCE", "WAITING_FOR_USER"]
    assert any(f"1 waits for the role of Atlas in AZURE: {SUBSCRIPTION}/network/vnet-0" in line for line in atlas.lines)
    # The others were there long before.
    seen = [history[-1]["seconds"] for history in done.result["status_history"]]
    assert min(seen[0] - one for one in seen[1:]) > 30


def test_a_role_that_is_never_given_fails_with_what_is_needed(atlas: SetSite, clouds: dict[str, str]) -> None:
    put_role(atlas, "vnet-0", given=False)
    started = atlas.clock.now
    done = atlas.apply(three(), azure_role_timeout=60, **{**WAIT, "wait_timeout": 30})
    assert (done.failures.keys(), done.sums) == ({1}, {"created": 2, "failed": 1})
    assert statuses(done) == ["PENDING_ACCEPTANCE", None, "WAITING_FOR_USER"]
    assert 60 <= atlas.clock.now - started < 80
    told = done.failures[1]
    assert told.startswith(f"peers[1] ({SUBSCRIPTION}/network/vnet-0): Failed to create the VPC peering connection")
    for text in ("It was repeated for 60 seconds.", APPLICATION, "virtualNetworkPeerings/write", "az role assignment create"):
        assert text in told
    one = next(one for one in done.result["failures"] if one["index"] == 1)
    assert (one["http_status"], one["error_code"], atlas.alive("AZURE")) == (404, UNREACHABLE, set())


def test_without_wait_a_missing_role_fails_at_once(atlas: SetSite, clouds: dict[str, str]) -> None:
    put_role(atlas, "vnet-0", seconds=40)
    done = atlas.apply(three(), **ALL)
    assert (done.failures.keys(), done.sums, atlas.clock.pauses) == ({1}, {"created": 2, "failed": 1}, [])
    assert "It was repeated" not in done.failures[1]
    assert atlas.writes().count("POST") == 3


def test_other_refusals_are_not_repeated(atlas: SetSite, clouds: dict[str, str]) -> None:
    put_role(atlas, "vnet-0", seconds=40)
    done = atlas.apply(three(), azure_role_timeout=0, **WAIT)
    assert (done.failures.keys(), atlas.writes().count("POST")) == ({1}, 3)
    assert "azure_role_timeout must be" in atlas.apply(three(), azure_role_timeout=-1, **WAIT).msg


@pytest.mark.parametrize("wait", [True, False])
def test_what_replaces_a_removed_one_waits_for_the_role_anyway(atlas: SetSite, clouds: dict[str, str], wait: bool) -> None:
    atlas.apply([azure(0)], **WAIT)
    peers = [azure(0, resource_group_name="other"), azure(1)]
    options: dict[str, Any] = {**WAIT, "wait": wait, "recreate": "changed"}
    put_role(atlas, "vnet-0", seconds=40)
    done = atlas.apply(peers, **options)
    assert (done.failed, done.actions) == (False, [("recreate", 0), ("create", 1)])
    assert done.result["vpc_peers"][0]["resource_group_name"] == "other"


def test_a_creation_that_fails_after_the_removal_names_the_rest(atlas: SetSite, clouds: dict[str, str]) -> None:
    made = atlas.apply([azure(0)], **WAIT).result["vpc_peers"][0]["id"]
    put_role(atlas, "vnet-0", seconds=1000)
    done = atlas.apply([azure(0, resource_group_name="other"), gcp(0)], recreate="changed", azure_role_timeout=20, **WAIT)
    assert (done.failures.keys(), done.sums) == ({0}, {"created": 1, "failed": 1})
    assert f"VPC peering connection {made} is removed by now; the next run creates the new one." in done.failures[0]
    assert done.changed
    put_role(atlas, "vnet-0")
    again = atlas.apply([azure(0, resource_group_name="other"), gcp(0)], recreate="changed", **WAIT)
    assert (again.failed, again.sums) == (False, {"created": 1, "unchanged": 1})


@pytest.mark.parametrize("wait", [True, False])
def test_a_removal_that_fails_is_tried_again_by_the_next_run(atlas: SetSite, clouds: dict[str, str], wait: bool) -> None:
    atlas.apply([azure(0), azure(1)], **WAIT)
    atlas.fail_deletion(atlas.of_cloud("AZURE", "vnet-0"), times=2)
    options: dict[str, Any] = {"prune": True, "max_deletions": 1, **WAIT}
    for unused in range(2):
        done = atlas.apply([azure(1)], **options)
        assert done.failed
        assert "could not be removed: it is DELETION_FAILED" in done.failures[None]
        assert "role" in done.failures[None]
        assert atlas.clock.pauses[-1] < 60
    last = atlas.apply([azure(1)], **{**options, "wait": wait})
    assert (last.failed, last.sums) == (False, {"unchanged": 1, "deleted": 1, "undeclared": 1})


def test_a_failed_removal_of_a_declared_one_is_replaced(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([azure(0)], **WAIT)
    peer_id = atlas.of_cloud("AZURE", "vnet-0")
    atlas.fail_deletion(peer_id, times=2)
    atlas.act("delete", peer_id)
    atlas.clock.now += 9
    done = atlas.apply([azure(0), gcp(0)], **WAIT)
    assert (done.failures.keys(), done.sums) == ({0}, {"created": 1, "failed": 1})
    assert "DELETION_FAILED" in done.failures[0]
    # The second removal fails, too, and then nothing is created in its place.
    done = atlas.apply([azure(0)], recreate="dead", **WAIT)
    assert "could not be removed: it is DELETION_FAILED" in done.failures[0]
    last = atlas.apply([azure(0)], recreate="dead", **WAIT)
    assert (last.failed, last.actions, statuses(last)) == (False, [("recreate", 0)], ["AVAILABLE"])


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("by_others", [False, True])
def test_nothing_waits_for_a_failed_removal(atlas: SetSite, clouds: dict[str, str], wait: bool, by_others: bool) -> None:
    atlas.apply([azure(0)], **WAIT)
    peer_id = atlas.of_cloud("AZURE", "vnet-0")
    atlas.fail_deletion(peer_id)
    if by_others:
        atlas.act("delete", peer_id)
    started = atlas.clock.now
    options: dict[str, Any] = {**WAIT, "wait": wait, "recreate": "changed"}
    done = atlas.apply([azure(0, resource_group_name="other"), gcp(0)], **options)
    assert done.failures.keys() == {0}
    assert done.missing(f"{peer_id} could not be removed: it is DELETION_FAILED", "role on the VNet has to stay") == []
    assert "removed by now" not in done.failures[0]
    assert atlas.clock.now - started < 20
    assert atlas.writes().count("POST") == 2


def test_what_worked_in_the_wait_and_fails_may_have_lost_rights(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.clock.after(20, lambda: atlas.fail(atlas.of_cloud("AZURE", "vnet-0")))
    put_role(atlas, "vnet-1", seconds=40)
    done = atlas.apply([azure(0), azure(1)], **WAIT)
    assert "Atlas may have moved a connection that worked to FAILED, because its role was taken away" in done.failures[0]
    atlas.clock.after(0.4, lambda: atlas.fail(atlas.of_cloud("AZURE", "vnet-2")))
    done = atlas.apply([azure(2)], **WAIT)
    assert "FAILED (Internal Error" in done.failures[0]
    assert "may have moved" not in done.failures[0]


def test_one_in_the_way_after_a_failed_removal_names_the_role(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([azure(0)], **WAIT)
    peer_id = atlas.of_cloud("AZURE", "vnet-0")
    atlas.fail_deletion(peer_id)
    atlas.act("delete", peer_id)
    atlas.clock.now += 9
    with atlas.emulator.project.now() as project:
        project.peers.delete = lambda peer: None
    done = atlas.apply([azure(0)], recreate="dead", **{**WAIT, "wait_timeout": 30})
    assert f"{peer_id} (DELETION_FAILED) is still in the way after 30 seconds" in done.failures[0]
    assert "role on the VNet has to stay" in done.failures[0]


def test_a_failed_removal_under_way_for_atlas_is_asked_for_once(atlas: SetSite, clouds: dict[str, str]) -> None:
    atlas.apply([azure(0), azure(1)], **WAIT)
    peer_id = atlas.of_cloud("AZURE", "vnet-0")
    atlas.fail_deletion(peer_id)
    atlas.act("delete", peer_id)
    atlas.clock.now += 9
    atlas.clear()
    atlas.fault("DELETE", "status", times=None, status=409, code="PEER_ALREADY_REQUESTED_DELETION")
    done = atlas.apply([azure(1)], prune=True, **WAIT)
    assert "could not be removed: it is DELETION_FAILED" in done.failures[None]
    assert atlas.writes() == ["DELETE"]
