"""The connections in Atlas as one set over all clouds: requests, limits, replacements, waits, counts and failures."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.plugins.module_utils._engine.side import Failure
from ansible_collections.cloudpeer.atlas.plugins.module_utils._http.errors import TaskError
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.containers import Containers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._resources.peers import VpcPeers
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.path_state import AVAILABLE
from ansible_collections.cloudpeer.atlas.plugins.module_utils._sides.peering import StageSide
from ansible_collections.cloudpeer.atlas.tests.support.aws_front import refusal
from ansible_collections.cloudpeer.atlas.tests.support.sets import PROJECT, azure, block, entries, entry, gcp, vpc

from .conftest import AtlasSide

HALVES = {"aws": False, "azure": False, "gcp": False}


def fifty() -> list[dict[str, Any]]:
    return [entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(50)]


def statuses(done: Any) -> list[str | None]:
    return [one["status_name"] for one in done.result["peering"]["connections"]]


def actions(done: Any) -> list[list[tuple[str, str]]]:
    return [[(one["action"], one["name"]) for one in entry["actions"]] for entry in done.result["peering"]["connections"]]


def kinds(asked: list[str]) -> Counter[str]:
    return Counter(one.partition("/")[0] for one in asked)


@pytest.mark.parametrize(("most", "requests", "reads"), [(50, 50, 12), (25, 60, 18)])
def test_fifty_are_requested_and_available_with_few_requests(
    make_atlas: Callable[..., AtlasSide], most: int, requests: int, reads: int
) -> None:
    atlas = make_atlas(accept="auto", max_pending_peers=most)
    done = atlas.connect(fifty())
    assert not done.failed, done.msg
    assert set(statuses(done)) == {"AVAILABLE"}
    assert done.result["peering"]["containers"][0]["provisioned"] is True
    sent = kinds(atlas.asked)
    assert sent.pop("POST peers") <= requests
    assert sum(sent.values()) <= reads
    assert sent.keys() == {"GET peers", "GET containers"}
    # Those beyond the limit are said, and go on as places become free.
    assert any("wait for a place in Atlas" in line for line in atlas.lines) == (most == 25)
    atlas.clear()
    again = atlas.connect(fifty())
    assert (again.changed, sorted(atlas.asked), atlas.clock.pauses) == (False, ["GET containers/all", "GET peers"], [])


def test_fifty_are_removed_side_by_side(make_atlas: Callable[..., AtlasSide]) -> None:
    atlas = make_atlas(accept="auto", max_pending_peers=50)
    assert not atlas.connect(fifty()).failed
    foreseen = atlas.remove(fifty(), check_mode=True)
    assert (atlas.writes(), len(atlas.peers())) == ([], 50)
    done = atlas.remove(fifty())
    assert not done.failed, done.msg
    assert atlas.peers() == []
    sent = kinds(atlas.asked)
    assert sent.pop("DELETE peers") == 50
    # The containers, three lists, and few polls of the one that has some left.
    assert sum(sent.values()) <= 7
    assert actions(done) == actions(foreseen) == [[("delete", vpc(number))] for number in range(50)]
    assert not atlas.remove(fifty()).changed
    assert kinds(atlas.asked) == {"GET peers": 3, "GET containers": 1}


def test_all_clouds_are_one_set(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    wanted = [entry(0), azure(1), gcp(1), gcp(2)]
    foreseen = atlas.connect(wanted, check_mode=True, **HALVES)
    done = atlas.connect(wanted, **HALVES)
    assert statuses(done) == statuses(foreseen) == ["PENDING_ACCEPTANCE", "AVAILABLE", "WAITING_FOR_USER", "WAITING_FOR_USER"]
    assert actions(done) == actions(foreseen)
    # The first look; two polls for the clouds where the customer can act then; and AZURE, where Atlas makes both sides.
    assert kinds(atlas.asked) == {"POST peers": 4, "GET peers": 3 + 4 + 1, "GET containers": 2}
    again = atlas.connect(wanted, **HALVES)
    assert (again.changed, sorted(atlas.asked)) == (False, ["GET containers/all", *["GET peers"] * 3])


def test_names_of_gcp_are_read_once_a_poll(atlas: AtlasSide, clouds: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The customer's half needs them, and so the stage before it waits for them; here, Atlas does not report them at once."""
    reads, read, said_at = [0.0], Containers.list_all_containers, atlas.clock.now + 3

    def late(self: Containers) -> list[Any]:
        reads.append(atlas.clock.now)
        return [{**one, "atlas_network_name": None} if reads[-1] < said_at else one for one in read(self)]

    monkeypatch.setattr(Containers, "list_all_containers", late)
    done = atlas.connect([gcp(number) for number in range(5)], wait_timeout=30)
    # Nobody makes the other halves: they are not available in the end.
    assert {one["step"] for one in done.result["failures"]} == {"available"}
    (container,) = done.result["peering"]["containers"]
    assert (container["atlas_network_name"] is not None, len(reads) > 4) == (True, True)
    assert reads == sorted(set(reads))


def test_without_the_names_of_gcp_the_time_is_up(
    atlas: AtlasSide, clouds: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Containers.list_all_containers
    monkeypatch.setattr(
        Containers, "list_all_containers", lambda self: [{**one, "atlas_network_name": None} for one in read(self)]
    )
    done = atlas.connect([gcp(1)], wait_timeout=20)
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"]) == (0, "request")
    assert "Atlas does not report after 20 seconds what its side of the connection is called." in failure["msg"]


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_are_sent_at_a_time_than_the_task_says(atlas: AtlasSide, monkeypatch: pytest.MonkeyPatch, parallel: int) -> None:
    running, most, lock, create = [0], [0], threading.Lock(), VpcPeers.create_peer

    def count(self: VpcPeers, *given: Any) -> Any:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        try:
            return create(self, *given)
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr(VpcPeers, "create_peer", count)
    assert not atlas.connect(entries(8), parallel=parallel, **HALVES).failed
    assert most == [parallel]


@pytest.mark.parametrize("half", [True, False])
def test_without_a_place_only_those_wait_that_may_get_one(make_atlas: Callable[..., AtlasSide], half: bool) -> None:
    atlas = make_atlas(max_pending_peers=2)
    if half:
        # The customer's side accepts what is there.
        for seconds in (3, 9, 15, 21):
            atlas.clock.after(seconds, lambda: accept_all(atlas))
    done = atlas.connect(entries(5), aws=half)
    assert done.failed != half
    if half:
        assert set(statuses(done)) == {"AVAILABLE"}
        return
    (failure,) = done.result["failures"]
    assert (len(failure["indexes"]), failure["step"], failure["error_code"]) == (3, "request", "PEER_MAXIMUM_REACHED")
    assert "Accept pending ones in AWS, then run the task again." in failure["msg"]
    assert sum(atlas.clock.pauses) < 60


def accept_all(atlas: AtlasSide) -> None:
    for one in atlas.peers():
        if one["statusName"] == "PENDING_ACCEPTANCE":
            atlas.act("accept", one["id"])


def test_places_that_stay_taken_are_not_waited_for(make_atlas: Callable[..., AtlasSide]) -> None:
    """Atlas takes two in all, so that the others get no place when these are available."""
    atlas = make_atlas(max_peers=2, accept="auto")
    done = atlas.connect(entries(4))
    (failure,) = done.result["failures"]
    assert (len(failure["indexes"]), failure["step"], failure["error_code"]) == (2, "request", "PEER_MAXIMUM_REACHED")
    assert sorted(map(str, statuses(done))) == ["AVAILABLE", "AVAILABLE", "None", "None"]
    assert sum(atlas.clock.pauses) < 60


def test_places_of_what_has_failed_are_not_waited_for(make_path: Callable[..., Any]) -> None:
    """The account refuses to accept, so that the pending ones stay so."""
    site = make_path(max_pending_peers=2)
    vpcs = site.make_vpcs(4)
    site.front.rule("AcceptVpcPeeringConnection", refusal("UnauthorizedOperation", "You are not authorized.", 403))
    done = site.run(connections=vpcs)
    found = {one["step"]: len(one["indexes"]) for one in done.result["failures"]}
    assert found == {"accept": 2, "request": 2}
    assert sum(site.clock.pauses) < 60


def test_what_has_failed_on_the_other_side_is_not_waited_for(atlas: AtlasSide, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to send for the entry; Atlas waits on."""
    wait = StageSide.wait

    def fail(self: StageSide, owner: Any, step: Any) -> Any:
        failure = Failure("mirror", TaskError("The peering is inactive."))
        self.context.failures.update({"connections[0]": failure} if self.context.stage == AVAILABLE else {})
        return wait(self, owner, step)

    monkeypatch.setattr(StageSide, "wait", fail)
    done = atlas.connect([entry(0)])
    assert [one["step"] for one in done.result["failures"]] == ["mirror"]
    assert sum(atlas.clock.pauses) < 60


def test_more_than_a_project_can_have_are_refused(atlas: AtlasSide) -> None:
    done = atlas.connect([entry(number, route_table_cidr_block=f"10.{number}.0.0/16") for number in range(51)], **HALVES)
    assert "would have 51 VPC peering connections" in done.msg
    assert atlas.writes() == []


def test_a_failed_connection_is_replaced_if_the_task_says_so(atlas: AtlasSide) -> None:
    assert not atlas.connect(entries(3), **HALVES).failed
    for number in (0, 1):
        atlas.act("expire", atlas.id_of(number))
    dead = atlas.connect(entries(3), **HALVES)
    (failure,) = dead.result["failures"]
    assert (failure["indexes"], failure["step"], failure["error_code"]) == ([0, 1], "plan", "EXPIRED")
    assert not dead.missing("connections[0] to connections[1]", "Set recreate: dead", "state: absent")
    # max_deletions is for prune alone.
    foreseen = atlas.connect(entries(3), recreate="dead", check_mode=True, **HALVES)
    done = atlas.connect(entries(3), recreate="dead", **HALVES)
    assert not done.failed, done.msg
    assert statuses(done) == ["PENDING_ACCEPTANCE"] * 3
    assert actions(done) == actions(foreseen) == [[("recreate", vpc(0))], [("recreate", vpc(1))], []]
    assert atlas.writes() == ["DELETE", "DELETE", "POST", "POST"]


@pytest.mark.parametrize(
    ("recreate", "replaced", "refused"),
    [("never", [], [0, 1, 3]), ("dead", [0, 1], [3]), ("changed", [0, 1, 3], [])],
)
def test_what_recreate_says_is_replaced(atlas: AtlasSide, recreate: str, replaced: list[int], refused: list[int]) -> None:
    """A rejected and an expired one, one that leaves, which is waited for in any case, and one to another region."""
    assert not atlas.connect(entries(4), **HALVES).failed
    before = {one["vpcId"]: one["id"] for one in atlas.peers()}
    for number, what in enumerate(("reject", "expire", "delete")):
        atlas.act(what, atlas.id_of(number))
    wanted = [*entries(3), entry(3, region="eu-west-1")]
    done = atlas.connect(wanted, recreate=recreate, **HALVES)
    assert sorted({index for one in done.result.get("failures", []) for index in one["indexes"]}) == refused
    if refused:
        assert atlas.writes() == []
        wanted = [one for index, one in enumerate(wanted) if index not in refused]
        done = atlas.connect(wanted, recreate=recreate, **HALVES)
    assert not done.failed, done.msg
    found = {names[0][1]: names[0][0] for names in actions(done)}
    assert found == {vpc(2): "create", **{vpc(number): "recreate" for number in replaced}}
    after = {one["vpcId"]: one["id"] for one in atlas.peers()}
    assert {vpc(number) for number in range(4) if after[vpc(number)] != before[vpc(number)]} == {*found}


def test_a_failed_connection_on_gcp_is_named_and_replaced(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    wanted = [gcp(1), gcp(2)]
    assert not atlas.connect(wanted, **HALVES).failed
    peers = {one["networkName"]: one["id"] for one in atlas.peers_of("GCP")}
    atlas.fail(peers["net-2"])
    dead = atlas.connect(wanted, **HALVES)
    assert (dead.result["failures"][0]["index"], atlas.writes()) == (1, [])
    assert not dead.missing(f"connections[1] ({PROJECT}/net-2): ", "is FAILED", "Set recreate: dead")
    assert not dead.missing(f"not available yet: {PROJECT}/net-1 (WAITING_FOR_USER).")
    atlas.fail(peers["net-1"])
    done = atlas.connect(wanted, recreate="dead", **HALVES)
    assert not done.failed, done.msg
    assert statuses(done) == ["WAITING_FOR_USER"] * 2
    assert not {*peers.values()} & {one["id"] for one in atlas.peers_of("GCP")}


def test_half_a_replacement_is_shown_as_the_removal_that_it_is(atlas: AtlasSide) -> None:
    assert not atlas.connect(entries(1), **HALVES).failed
    atlas.fault("POST", "status", status=400, code="INVALID_ATTRIBUTE")
    moved = [entry(0, region="eu-west-1")]
    done = atlas.connect(moved, recreate="changed", **HALVES)
    assert actions(done) == [[("delete", vpc(0))]]
    assert not done.missing("is removed by now; the next run creates the new one")
    again = atlas.connect(moved, recreate="changed", **HALVES)
    assert (actions(again), statuses(again)) == ([[("create", vpc(0))]], ["PENDING_ACCEPTANCE"])


def test_a_block_is_changed_and_what_cannot_be_is_refused(atlas: AtlasSide) -> None:
    assert not atlas.connect([entry(0)], **HALVES).failed
    done = atlas.connect(
        [{"vpc_id": vpc(0), "aws_account_id": entry(0)["aws_account_id"], "cidr_block": "10.77.0.0/16"}], **HALVES
    )
    assert (actions(done), atlas.there()) == ([[("change", vpc(0))]], {vpc(0): "10.77.0.0/16"})
    moved = atlas.connect([entry(0, region="eu-west-1")], **HALVES)
    assert not moved.missing("region is us-east-1, not eu-west-1", "recreate: changed")
    assert "accepter_region_name" not in moved.msg


def test_prune_is_about_the_clouds_of_the_list(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    assert not atlas.connect([*entries(3), azure(1), azure(2), gcp(1)], **HALVES).failed
    left = {"prune": True, "max_deletions": 5, **HALVES}
    few = atlas.connect([entry(0)], **{**left, "max_deletions": 1})
    assert not few.missing("2 would be removed or replaced, and max_deletions allows 1")
    assert few.result["summary"]["plan"] is not None
    ignored = atlas.connect([entry(0)], ignore=[{"vpc_id": vpc(1)}, {"vpc_id": vpc(9)}], **left)
    assert not ignored.missing("ignore[1] matches nothing that is there")
    assert atlas.writes() == []
    shared = {"ignore": [{"vpc_id": vpc(1)}, {"vpc_id": vpc(9)}], "ignore_unmatched": "warn"}
    done = atlas.connect([entry(0), azure(1)], **shared, **left)
    assert not done.failed, done.msg
    assert (atlas.alive("AWS"), atlas.alive("AZURE"), atlas.alive("GCP")) == ({vpc(0), vpc(1)}, {"vnet-1"}, {"net-1"})
    assert {one["provider_name"]: one["actions"][0]["action"] for one in done.result["peering"]["pruned"]} == {
        "AWS": "delete",
        "AZURE": "delete",
    }
    # AWS is read, too, since its connections may need the same entries of the access list; and stays as it is.
    assert not atlas.connect([gcp(1)], **left).changed
    assert kinds(atlas.asked)["GET peers"] == 2
    assert atlas.alive("AWS") == {vpc(0), vpc(1)}


def test_a_list_with_nothing_in_the_project_prunes_nothing(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    assert not atlas.connect([entry(0), azure(1)], **HALVES).failed
    refused = atlas.connect([entry(1)], prune=True, **HALVES)
    assert not refused.missing("No entry of the list has a connection in the project", "would remove 1:", vpc(0))
    # The plan is there.
    assert refused.result["summary"]["plan"].startswith("Plan: 1 to create, 0 to change, 1 to remove")
    assert atlas.writes() == []
    # Another cloud's counts as well, and a failed one.
    atlas.fail(next(one["id"] for one in atlas.peers_of("AZURE")))
    done = atlas.connect([entry(1), azure(1)], prune=True, recreate="dead", max_deletions=2, check_mode=True, **HALVES)
    assert not done.failed, done.msg
    half_known = atlas.connect([entry(1), azure(1)], prune=True, recreate="dead", **HALVES)
    assert not half_known.missing("2 would be removed or replaced, and max_deletions allows 1")


def test_an_empty_list_may_prune_aws(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    assert not atlas.connect([entry(0), azure(1)], **HALVES).failed
    refused = atlas.connect([], prune=True, allow_empty=True, **HALVES)
    assert not refused.missing("The list is empty, and prune would remove 1: VPC peering connection", vpc(0))
    done = atlas.connect([], prune=True, allow_empty=True, max_deletions=1, **HALVES)
    assert not done.failed, done.msg
    assert ["with AWS alone, because connections is empty" in one for one in done.warnings] == [True]
    assert (atlas.alive("AWS"), atlas.alive("AZURE")) == (set(), {"vnet-1"})


@pytest.mark.parametrize(("seconds", "times"), [(300, 3), (20, 99), (0, 1)])
def test_a_role_that_is_new_is_waited_for(atlas: AtlasSide, clouds: dict[str, str], seconds: int, times: int) -> None:
    wanted = [azure(1), entry(0)]
    assert not atlas.connect(wanted[1:], **HALVES).failed
    atlas.fault("POST", "status", status=400, code="AZURE_CUSTOMER_NETWORK_UNREACHABLE", times=times)
    done = atlas.connect([wanted[0], entry(0, route_table_cidr_block="10.77.0.0/16")], azure_role_timeout=seconds, **HALVES)
    if seconds == 300:
        assert not done.failed, done.msg
        assert sorted(atlas.writes()) == ["PATCH"] + ["POST"] * 4
        assert any("1 waits for the role of Atlas in AZURE" in line for line in atlas.lines)
        return
    (failure,) = done.result["failures"]
    assert (failure["index"], failure["step"]) == (0, "request")
    assert ("It was repeated for 2" in failure["msg"]) == (seconds == 20)
    assert not done.missing("needs a role with the actions")
    # The other goes on, and the time is up soon.
    assert actions(done) == [[], [("change", vpc(0))]]
    assert sum(atlas.clock.pauses) < seconds + 40


@pytest.mark.parametrize("half", [True, False])
def test_others_get_the_commands_for_the_roles_of_several(atlas: AtlasSide, clouds: dict[str, str], half: bool) -> None:
    atlas.fault("POST", "status", status=400, code="AZURE_CUSTOMER_NETWORK_UNREACHABLE", times=2)
    done = atlas.connect([azure(1), azure(2)], azure=half, azure_role_timeout=0)
    (failure,) = done.result["failures"]
    assert failure["indexes"] == [0, 1]
    assert ("(see remaining)" in failure["msg"], "handover" in failure["msg"]) == (not half, False)
    commands = sorted(one for one in done.result["peering"]["remaining"] if "az role assignment create" in one)
    assert [("network/vnet-1 in AZURE: az ad sp create" in one, "network/vnet-2 in AZURE" in one) for one in commands] == (
        [] if half else [(True, False), (False, True)]
    )


def test_others_get_the_commands_before_the_task_waits_for_them(atlas: AtlasSide, clouds: dict[str, str]) -> None:
    """Once, and they are not left to do where they have been run in time."""
    atlas.fault("POST", "status", status=400, code="AZURE_CUSTOMER_NETWORK_UNREACHABLE", times=5)
    started = atlas.clock.now
    told: list[float] = []

    class Lines(list[str]):
        def append(self, line: str) -> None:
            told.extend([atlas.clock.now - started] if "network/vnet-1 in AZURE: az ad sp create" in line else [])
            super().append(line)

    atlas.lines = Lines()
    done = atlas.connect([azure(1)], **HALVES)
    assert not done.failed, done.msg
    assert told == [0]
    assert atlas.clock.now - started > 1
    assert not [one for one in done.result["peering"]["remaining"] if "az ad sp create" in one]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_lost_reply_changes_nothing_twice(atlas: AtlasSide, method: str) -> None:
    if method != "POST":
        assert not atlas.connect([entry(0), entry(1)], **HALVES).failed
    atlas.fault(method, "lost_reply")
    wanted = [entry(0, route_table_cidr_block="10.77.0.0/16") if method == "PATCH" else entry(0), entry(1)]
    done = atlas.remove(wanted, **HALVES) if method == "DELETE" else atlas.connect(wanted, **HALVES)
    assert not done.failed, done.msg
    assert done.changed
    assert len(atlas.peers()) == (0 if method == "DELETE" else 2)
    expected = {"POST": ["create", "create"], "PATCH": ["change"], "DELETE": ["delete", "delete"]}[method]
    assert [action for one in actions(done) for action, unused in one] == expected


def test_an_entry_fails_alone(atlas: AtlasSide) -> None:
    atlas.fault("POST", "status", status=400, code="INVALID_ATTRIBUTE")
    atlas.clock.after(1, lambda: atlas.fail(atlas.id_of(2), "REJECTED"))
    done = atlas.connect(entries(4), parallel=1, **HALVES)
    steps = {index: one["step"] for one in done.result["failures"] for index in one["indexes"]}
    assert steps == {0: "request", 2: "request"}
    assert statuses(done)[1::2] == ["PENDING_ACCEPTANCE"] * 2


@pytest.mark.parametrize("state", ["present", "absent"])
def test_what_cannot_be_read_any_more_fails_the_rest(atlas: AtlasSide, state: str) -> None:
    """A key may lose its roles while the task waits."""
    done = atlas.connect([entry(0)], **HALVES)
    wanted = [entry(0), entry(1)]
    if state == "absent":
        assert not atlas.connect(wanted, **HALVES).failed
    lists = 1 if state == "present" else 3
    atlas.fault("GET", "status", status=403, path="*/peers*", skip=lists, times=None)
    done = atlas.connect(wanted, state=state, fail_on="never", **HALVES)
    assert done.failed
    (failure,) = done.result["failures"]
    assert (failure["indexes"], failure["step"], failure["http_status"]) == ([1] if state == "present" else [0, 1], "read", 403)
    assert not done.missing("Failed to list the VPC peering connections", "Done so far: connections[", "it continues from here")
    assert (done.changed, done.result["http_status"], done.result["summary"]["failed"]) == (True, 403, len(failure["indexes"]))


def test_what_others_remove_is_a_failure_or_what_was_wanted(atlas: AtlasSide) -> None:
    atlas.clock.after(0.2, lambda: atlas.act("delete", atlas.id_of(0)))
    done = atlas.connect([entry(0)], **HALVES)
    assert not done.missing(f"connections[0] ({vpc(0)})", "was removed by somebody else while this task waited")
    atlas.clock.now += 10
    assert not atlas.connect([entry(0), entry(1)], **HALVES).failed
    # One is leaving already: it is waited for, and no request is sent for it.
    atlas.act("delete", atlas.id_of(0))
    gone = atlas.remove([entry(0), entry(1)], **HALVES)
    assert not gone.failed, gone.msg
    assert (atlas.writes(), atlas.peers()) == (["DELETE"], [])


def test_a_connection_that_does_not_go_is_late(make_atlas: Callable[..., AtlasSide]) -> None:
    atlas = make_atlas(step_seconds=1000)
    assert not atlas.connect([entry(0)], **HALVES, wait_timeout=3000).failed
    done = atlas.remove([entry(0)], wait_timeout=20, remove_container=True, **HALVES)
    (failure, *others) = done.result["failures"]
    assert (failure["index"], failure["step"]) == (0, "remove")
    assert "is still TERMINATING after 20 seconds of waiting for it to be gone" in failure["msg"]
    assert ["stays, because connections[0]" in one["msg"] for one in others] == [True]


def test_absent_leaves_what_others_have_requested_since(atlas: AtlasSide) -> None:
    assert not atlas.connect(entries(2), **HALVES).failed
    other = atlas.id_of(1)

    def take_longer() -> None:
        with atlas.emulator.project.now() as project:
            project.peers.get(other).since += 10

    atlas.clock.after(0.4, take_longer)
    atlas.clock.after(3, lambda: atlas.add_peer(vpcId=vpc(0), routeTableCidrBlock=block(0)))
    done = atlas.remove(entries(2), wait_timeout=60, **HALVES)
    assert not done.failed, done.msg
    assert ([one["vpcId"] for one in atlas.peers()], atlas.writes()) == ([vpc(0)], ["DELETE", "DELETE"])


def test_absent_asks_where_several_connections_may_be_meant(atlas: AtlasSide) -> None:
    atlas.add_container("EU_WEST_1", "172.20.0.0/21")
    both = [entry(0, container_region="us-east-1"), entry(0, container_region="eu-west-1")]
    assert not atlas.connect(both, **HALVES).failed
    several = atlas.remove([entry(0)], **HALVES)
    assert not several.missing("several network containers", "Set container_region")
    assert atlas.writes() == []
    assert not atlas.remove(both[1:], **HALVES).failed
    assert len(atlas.peers()) == 1
    assert not atlas.remove([entry(0)], **HALVES).failed
    assert atlas.peers() == []


@pytest.mark.parametrize(
    ("field", "other", "words"),
    [
        ("resource_group_name", "other", "resource_group_name is network, not other"),
        ("azure_directory_id", "bbbbbbbb-0000-4000-8000-000000000001", "azure_directory_id is "),
    ],
)
def test_absent_removes_only_the_connection_described(
    atlas: AtlasSide, clouds: dict[str, str], field: str, other: str, words: str
) -> None:
    """Atlas finds it by the subscription and the name of the VNet, which two groups may have."""
    assert not atlas.connect([azure(1)], **HALVES).failed
    for check_mode in (True, False):
        done = atlas.remove([azure(1, **{field: other})], check_mode=check_mode, **HALVES)
        assert not done.missing(words, f"not {other}")
        assert (done.changed, atlas.writes(), atlas.alive("AZURE")) == (False, [], {"vnet-1"})


def test_the_block_of_another_vpc_is_refused(atlas: AtlasSide) -> None:
    atlas.add_peer(vpcId=vpc(7), routeTableCidrBlock=block(0))
    own = {"vpc_id": vpc(0), "aws_account_id": entry(0)["aws_account_id"], "cidr_block": block(0)}
    done = atlas.connect([own], **HALVES)
    assert f"connections[0] ({vpc(0)}): cidr_block {block(0)} overlaps {block(0)} of VPC peering connection" in done.msg
    atlas.act("reject", atlas.id_of(7))
    again = atlas.connect([own], **HALVES)
    assert not again.missing("from the project; then run this again")
    assert "peer_id" not in again.msg


def test_those_who_request_the_same_first_are_no_failure(make_atlas: Callable[..., AtlasSide]) -> None:
    """Another run takes the place between the look and the request, as the first refusal shows."""
    atlas = make_atlas(accept="auto")
    atlas.fault("POST", "lost_reply", times=2)
    atlas.fault("POST", "status", status=409, code="PEER_ALREADY_EXISTS", times=1)
    done = atlas.connect(entries(3), parallel=1)
    assert not done.failed, done.msg
    assert (statuses(done), len(atlas.peers())) == (["AVAILABLE"] * 3, 3)


def test_the_block_of_a_vpc_is_the_one_that_aws_has(make_path: Callable[..., Any]) -> None:
    site = make_path()
    one, two = site.make_vpcs(2)
    wanted = [{name: value for name, value in entry.items() if name != "cidr_block"} for entry in (one, two)]
    assert not site.run(connections=wanted[:1]).failed
    assert [peer["routeTableCidrBlock"] for peer in site.peers_of("AWS")] == [one["cidr_block"]]
    site.accounts[two["aws_account_id"]].ec2().associate_vpc_cidr_block(VpcId=two["vpc_id"], CidrBlock="10.99.0.0/16")
    several = site.run(connections=wanted)
    assert not several.missing(
        f"connections[1] ({two['vpc_id']}): It has the blocks {two['cidr_block']}, 10.99.0.0/16.", "Set cidr_block"
    )
    assert site.writes == []
    assert not site.run(connections=[wanted[0], two]).failed
    assert site.connected == {one["vpc_id"], two["vpc_id"]}


def test_a_request_waits_for_what_is_in_its_way(make_atlas: Callable[..., AtlasSide]) -> None:
    atlas = make_atlas(step_seconds=100)
    other = atlas.add_peer(vpcId=vpc(7), routeTableCidrBlock=block(0))
    atlas.clock.now += 300
    atlas.act("delete", other)
    late = atlas.connect([entry(0)], wait_timeout=20, **HALVES)
    (failure,) = late.result["failures"]
    assert (failure["index"], failure["step"]) == (0, "request")
    assert not late.missing(f"VPC peering connection {other} (TERMINATING) is still in the way after 20 seconds.")
    done = atlas.connect([entry(0)], **HALVES)
    assert not done.failed, done.msg
    assert atlas.there().keys() == {vpc(0)}


def test_those_not_accepted_in_time_leave_no_place(make_atlas: Callable[..., AtlasSide]) -> None:
    atlas = make_atlas(max_pending_peers=2)
    done = atlas.connect(entries(3), wait_timeout=30)
    found = {one["step"]: one for one in done.result["failures"]}
    assert {step: len(one["indexes"]) for step, one in found.items()} == {"request": 1, "available": 2}
    assert "Atlas had no place for another VPC peering connection within 30 seconds." in found["request"]["msg"]
    assert "still PENDING_ACCEPTANCE after 30 seconds" in found["available"]["msg"]
