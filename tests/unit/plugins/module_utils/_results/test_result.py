"""What the whole path returns on all clouds: the same in check mode as afterwards, also when some of it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.faults import parse_rules
from ansible_collections.cloudpeer.atlas.tests.support.harness import Done
from ansible_collections.cloudpeer.atlas.tests.support.path_site import ACCOUNTS, PathSite


@pytest.fixture
def whole(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path(with_clouds=True)


@pytest.fixture
def site(make_path: Callable[..., PathSite]) -> PathSite:
    return make_path()


def actions(done: Done) -> list[list[tuple[str, ...]]]:
    """Return the actions of each connection, without names: that of a mirror is not known before."""
    connections = done.result["peering"]["connections"]
    return [[(one["side"], one["action"], one["kind"]) for one in connection["actions"]] for connection in connections]


def headers(done: Done) -> set[str]:
    """Return what the diff is about."""
    return {one["after_header"] for one in done.result["diff"] if "after_header" in one}


def nulls(value: Any, path: str = "") -> Iterator[str]:
    """Yield where a value is null."""
    if isinstance(value, (dict, list)):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from nulls(one, f"{path}.{name}")
    elif value is None:
        yield path


def test_check_mode_predicts_the_result_on_all_clouds(whole: PathSite) -> None:
    entries = [*whole.make_vpcs(1), *whole.make_vnets(1), *whole.make_networks(1)]
    foreseen = whole.run(connections=entries, check_mode=True)
    assert whole.writes == []
    done = whole.run(connections=entries)
    assert (foreseen.failed, done.failed) == (False, False), (foreseen.result, done.result)
    assert actions(foreseen) == actions(done)
    assert actions(done) == [
        [
            ("Atlas", "create", "connection"),
            ("AWS", "accept", "connection"),
            ("AWS", "tag", "connection"),
            ("AWS", "create", "route"),
            ("Atlas", "create", "access list entry"),
        ],
        [("AZURE", "create", "role"), ("Atlas", "create", "connection"), ("Atlas", "create", "access list entry")],
        [("Atlas", "create", "connection"), ("GCP", "create", "mirror"), ("Atlas", "create", "access list entry")],
    ]
    assert headers(foreseen) == headers(done)
    assert foreseen.result["summary"] == done.result["summary"]
    changes = "8 changes in Atlas, 3 in AWS, 1 in AZURE, 1 in GCP"
    assert done.done == f"Connected 3 networks of project 5356823b3794dee37132bb7b: 3 new; {changes}"
    assert foreseen.result["peering"]["remaining"] == done.result["peering"]["remaining"]
    # Only what does not exist yet is not known before.
    unknown = {*nulls(foreseen.result["peering"])} - {*nulls(done.result["peering"])}
    assert {one.rpartition(".")[2] for one in unknown} <= {
        *("id", "connection_id", "container_id", "after", "vpc_id", "name", "gcp_peering"),
        *("atlas_azure_subscription_id", "atlas_vnet_name", "atlas_gcp_project_id", "atlas_network_name"),
    }
    assert [one.partition(" (")[0] for one in done.details] == [f"connections[{index}]" for index in range(3)]
    again = whole.run(connections=entries)
    assert (again.changed, actions(again), again.result["diff"], again.plan, again.done) == (False, [[], [], []], [], None, None)
    assert [one.rpartition(": ")[2] for one in again.details] == ["unchanged"] * 3


def test_absent_predicts_too_and_shows_what_was_last_seen(whole: PathSite) -> None:
    entries = [*whole.make_vpcs(1), *whole.make_vnets(1), *whole.make_networks(1)]
    assert not whole.run(connections=entries).failed
    options = {"connections": entries, "state": "absent", "remove_container": True}
    foreseen = whole.run(check_mode=True, **options)
    assert whole.writes == []
    done = whole.run(**options)
    assert (foreseen.failed, done.failed) == (False, False), (foreseen.result, done.result)
    assert actions(foreseen) == actions(done)
    assert headers(foreseen) == headers(done)
    assert foreseen.result["summary"] == done.result["summary"]
    for one in (foreseen, done):
        peering = one.result["peering"]
        assert [connection["vpc_peer"]["id"] is None for connection in peering["connections"]] == [False] * 3
        assert (peering["containers"], peering["access_list"], peering["left"]) == ([], [], [])
    assert (whole.connected, whole.access_list, whole.state()[0]) == (set(), {}, [])
    again = whole.run(**options)
    assert (again.failed, again.changed) == (False, False)


def test_a_warning_is_said_once_however_often_it_is_planned(site: PathSite) -> None:
    """After a lost request, the plan is about fewer entries."""
    fault = {"kind": "status", "status": 500}
    refusal = {"kind": "status", "status": 403}
    for one in (fault, refusal):
        rule = {"method": "POST", "path_glob": "*/peers", "authenticated": True, "fault": one, "times": 1}
        site.emulator.faults.add(parse_rules(rule))
    done = site.run(connections=site.make_vpcs(4), dns="warn")
    assert len(done.result["failures"]) == 2
    assert len([one for one in done.warnings if "enable_dns_hostnames off" in one]) == 1


def test_an_account_without_a_right_fails_its_entries_alone(site: PathSite) -> None:
    entries = site.make_vpcs(4, accounts=2)
    site.front.deny(ACCOUNTS[1], "AcceptVpcPeeringConnection")
    done = site.run(connections=entries)
    (failure,) = done.result["failures"]
    assert (failure["indexes"], failure["step"], failure["error_code"]) == ([1, 3], "accept", "UnauthorizedOperation")
    assert site.connected == {entries[index]["vpc_id"] for index in (0, 2)}
    assert {name: done.sums[name] for name in ("changed", "failed")} == {"changed": 2, "failed": 2}
    assert (
        done.missing("Done so far: connections[1], connections[3] (vpc-", "): connection requested.", "within seven days") == []
    )
    assert [len(one) for one in actions(done)] == [5, 1, 5, 1]
    site.front.rules.clear()
    again = site.run(connections=entries)
    assert (again.failed, again.changed, len(site.connected)) == (False, True, 4)


def test_the_hand_over_is_foreseen(whole: PathSite) -> None:
    entries = [*whole.make_vpcs(1), *whole.make_networks(1)]
    options = {"connections": entries, "aws": False, "gcp": False}
    foreseen = whole.run(check_mode=True, **options)
    done = whole.run(**options)
    assert (foreseen.failed, done.failed) == (False, False), (foreseen.result, done.result)
    first, second = done.result["peering"]["connections"]
    names = second["container"]
    clients = foreseen.result["peering"]["remaining"][-1]
    assert clients.startswith("Clients on GCP have to use")
    (vpc,) = (entry["vpc_id"] for entry in entries[:1])
    network, account = f"my-project/{entries[1]['network_name']}", entries[0]["aws_account_id"]
    place = f"in AWS account {account}, region us-east-1, within seven days of the request, and route 192.168.248.0/21 to it in"
    assert foreseen.result["peering"]["remaining"] == [
        f"Accept the request for {vpc} {place} the route tables of {vpc}.",
        f"Create the peering of {network} with Atlas's network in GCP, as soon as Atlas has made its own and "
        "atlas_gcp_project_id and atlas_network_name are in its network container.",
        clients,
    ]
    assert done.result["peering"]["remaining"] == [
        f"Accept {first['connection_id']} {place} the route tables of {vpc}.",
        f"Create the peering of {network} with Atlas's network in GCP: gcloud compute networks peerings create "
        f"atlas-{names['atlas_network_name']} --project=my-project --network={entries[1]['network_name']} "
        f"--peer-project={names['atlas_gcp_project_id']} --peer-network={names['atlas_network_name']}",
        clients,
    ]


def test_an_account_that_cannot_be_read_refuses_the_whole_list(site: PathSite) -> None:
    entries = site.make_vpcs(10, accounts=5)
    before = site.state()
    site.front.deny(ACCOUNTS[2], "DescribeVpcs")
    done = site.run(connections=entries)
    assert (done.failed, done.changed, done.result["peering"], done.result["summary"]) == (True, False, None, None)
    assert [(one["indexes"], one["step"]) for one in done.result["failures"]] == [([2, 7], "read")]
    assert done.msg.startswith("Nothing was changed in project 5356823b3794dee37132bb7b. connections[2], connections[7] (vpc-")
    assert ({*site.writes} - {"AssumeRole"}, site.state()) == (set(), before)


def test_a_ceiling_shows_what_would_be_removed(site: PathSite) -> None:
    entries = site.make_vpcs(2)
    assert not site.run(connections=entries).failed
    before = site.state()
    done = site.run(connections=entries[:1], prune=True, max_deletions=0)
    assert (done.failed, done.changed, site.state()) == (True, False, before)
    assert done.missing("Nothing was changed in project ", "max_deletions allows 0") == []
    (pruned,) = done.result["peering"]["pruned"]
    assert (pruned["vpc_id"], len(pruned["actions"]), done.result["summary"]["pruned"]) == (entries[1]["vpc_id"], 3, 1)
    assert (
        done.plan
        == "Plan: 0 to create, 0 to change, 1 to remove, 1 unchanged (2 in Atlas, 1 in AWS), in project 5356823b3794dee37132bb7b"
    )
    assert headers(done) >= {f"AWS {entries[1]['aws_account_id']}/{entries[1]['vpc_id']}"}
